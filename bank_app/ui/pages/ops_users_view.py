"""How the bank's own people and the roles are drawn. What the pages know is in ops_users."""

from __future__ import annotations

import reflex as rx

from bank_app.domain.accounting import Role
from bank_app.services import roles
from bank_app.ui.components.browser import focus_on_change, password_box, press_once, route_value
from bank_app.ui.components.desk import columns, crumbs, listing, row_bones
from bank_app.ui.components.dialogs import dialog, dialog_closer, dialog_opener
from bank_app.ui.components.fields import error_line, text_field
from bank_app.ui.components.moving import when
from bank_app.ui.components.parts import (
    bone,
    button_link,
    empty,
    failed_panel,
    icon,
    link,
    notice,
    page_head,
    problem_summary,
    waiting,
)
from bank_app.ui.components.people import asked_for, handed_over, standing_badge, unusual_standing
from bank_app.ui.components.settings import posted_done, posted_problem
from bank_app.ui.components.shell import shell
from bank_app.ui.components.step_up import code_beside
from bank_app.ui.messages import say
from bank_app.ui.pages.ops_customer_view import HINT
from bank_app.ui.pages.ops_users import STAFF_ROLES, RoleState, UsersState
from bank_app.ui.session import ROLE_WORDS

_PATH = "/ops/users"
_STORIES = {
    Role.CUSTOMER: "Has accounts and moves their own money. Sees no page of the bank’s people.",
    Role.TELLER: "Works at the desk: customers, accounts, cash, reversals.",
    Role.AUDITOR: "Sees everything, changes nothing.",
    Role.ADMIN: "Everything an operator can, and who works here.",
}


def _roles(offered: tuple[Role, ...], prefix: str, chosen: rx.Var | str = "") -> rx.Component:
    return rx.el.div(
        *[
            rx.el.label(
                rx.el.input(
                    type="radio",
                    name="role",
                    value=role.value,
                    id=f"{prefix}-{role.value}",
                    default_checked=chosen == role.value,
                ),
                rx.el.span(ROLE_WORDS[role], rx.el.small(_STORIES[role])),
            )
            for role in offered
        ],
        class_name="opts one",
    )


# --- the list ---------------------------------------------------------------------------------------------


def _row(row: rx.Var) -> rx.Component:
    return rx.el.tr(
        rx.el.td(
            link(row.name, to=row.address, id=row.key),
            rx.cond(row.id == UsersState.own_id, rx.el.span(" (you)", class_name="muted"), rx.fragment()),
            rx.el.small(row.email),
            rx.el.small(row.role_word, class_name="narrow-only"),
            unusual_standing(row.standing),
        ),
        rx.el.td(row.role_word, class_name="wide-only"),
        rx.el.td(standing_badge(row.standing), class_name="wide-only"),
        rx.el.td(rx.cond(row.second_step, "On", "Off"), class_name="wide-only"),
        rx.el.td(row.last_sign_in, class_name="wide-only time"),
        rx.el.td(
            when(
                UsersState.manages,
                lambda: link(
                    "Change role",
                    rx.el.span(" of ", row.name, class_name="hidden-visually"),
                    to=f"{_PATH}/" + row.id,
                    class_name="btn sm",
                ),
            ),
            class_name="right",
        ),
        key=row.key,
    )


def _table() -> rx.Component:
    head = [
        ("Person", ""), ("Role", "wide-only"), ("Sign-in", "wide-only"), ("Two-step", "wide-only"),
        ("Last sign-in", "wide-only"),
    ]  # fmt: skip
    return listing(
        "People with a role at this bank, by name",
        columns(*head, action="Action"),
        rx.el.tbody(
            rx.cond(
                UsersState.loaded,
                rx.foreach(UsersState.rows, _row),
                row_bones(("16ch", "8ch", "6ch", "3ch", "10ch", "9ch"), 4),
            )
        ),
    )


def _invite() -> rx.Component:
    state = UsersState
    return dialog(
        rx.el.form(
            problem_summary(state.problems, state.answer),
            text_field(
                "Name", "invite-name", error=state.name_error, auto_complete="off", max_length=400,
            ),
            text_field(
                "Email", "invite-email", error=state.email_error, type="email", auto_complete="off", max_length=254,
            ),
            rx.el.fieldset(
                rx.el.legend("What they may do"),
                _roles(STAFF_ROLES, "invite"),
                error_line("invite-role", state.role_error),
                id="invite-role",
                class_name="field",
            ),
            rx.el.div(
                dialog_closer("Cancel", class_name="btn"),
                press_once(
                    label="Invite", busy_label="Inviting…", answer=state.answer, kind="submit",
                    class_name="btn primary",
                ),
                class_name="decide",
            ),
            on_submit=state.invite.temporal,
            reset_on_submit=False,
            custom_attrs={"noValidate": True},
        ),
        id="invite",
        title="Invite a colleague",
        done=state.closed,
    )  # fmt: skip


# --- what each role may do ----------------------------------------------------------------------------------


def _cell(role: Role, *, may: bool) -> rx.Component:
    # On small screens, where the head of the table is left out, the cell says whose it is.
    named = {"data-role": ROLE_WORDS[role]}
    if may:
        return rx.el.td(icon("check", 16), "Yes", class_name="may", custom_attrs=named)
    return rx.el.td("No", class_name="may-not", custom_attrs=named)


def _matrix() -> rx.Component:
    return rx.el.section(
        rx.el.header(rx.el.h2("What each role may do", class_name="card-heading", id="roles")),
        rx.el.div(
            rx.el.table(
                rx.el.caption("Permissions by role", class_name="hidden-visually"),
                rx.el.thead(
                    rx.el.tr(
                        rx.el.th("Permission", scope="col"),
                        *[rx.el.th(ROLE_WORDS[role], scope="col") for role in Role],
                    )
                ),
                rx.el.tbody(
                    *[
                        rx.el.tr(
                            rx.el.th(permission.sentence, scope="row"),
                            *[_cell(role, may=role in permission.roles) for role in Role],
                        )
                        for permission in roles.PERMISSIONS
                    ]
                ),
                class_name="matrix",
            ),
            class_name="matrix-frame",
            role="region",
            aria_labelledby="roles",
            tab_index=0,
        ),
        rx.el.p(
            "A role counts with the next press. What a page does not offer, the bank refuses as well.",
            class_name="pad small muted",
        ),
        class_name="card flush ruled",
    )


def ops_users() -> rx.Component:
    """The page."""
    state = UsersState
    return shell(
        page_head(
            "Users",
            when(
                state.manages,
                lambda: dialog_opener(
                    icon("user-plus", 16), "Invite…", target="invite", first="invite-name", on_press=state.prepare,
                    class_name="btn primary",
                ),
            ),
            sub="The bank’s own people, and what they may do.",
        ),
        rx.cond(state.failed != "", failed_panel(state.failed, state.open), rx.fragment()),
        rx.cond(state.loaded, rx.fragment(), waiting("people")),
        posted_done(state.done),
        when(
            state.link != "",
            lambda: rx.el.div(handed_over(state.link, state.link_until, state.link_whose), class_name="field"),
        ),
        when(
            state.half != "",
            lambda: rx.el.div(asked_for(state.approval, state.half, state.link_whose), class_name="stack field"),
        ),
        rx.el.section(
            rx.el.p(state.said, role="status", class_name="desk-chips small muted"),
            rx.cond(
                state.loaded & (state.rows.length() == 0),
                empty("Nobody has a role at this bank."),
                _table(),
            ),
            class_name="card flush field",
            aria_label="People",
        ),
        _matrix(),
        _invite(),
        # After the dialog: one that closes gives the focus back to its button first.
        focus_on_change(target=rx.cond(state.half != "", "password-half", "password-link"), seq=state.link_seq),
        here=_PATH,
    )  # fmt: skip


# --- another role -------------------------------------------------------------------------------------------


def _role_form() -> rx.Component:
    state = RoleState
    return rx.el.form(
        posted_problem(state.problem, state.seq),
        rx.el.input(type="hidden", name="user", value=state.shown, read_only=True),
        rx.el.fieldset(
            rx.el.legend("New role"),
            _roles(tuple(Role), "role", state.chosen),
            class_name="field",
        ),
        rx.el.div(
            rx.el.label("Reason", html_for="reason"),
            rx.el.textarea(
                id="reason", name="reason", rows=3, max_length=1_200, required=True, default_value=state.reason,
                key="reason" + state.form_id.to_string(), custom_attrs={"aria-describedby": "reason-hint"},
            ),
            rx.el.p(HINT, id="reason-hint", class_name="hint"),
            class_name="field",
        ),
        rx.el.div(
            rx.el.label("Your password", html_for="password"),
            rx.el.p(
                "Asked again, so that nobody does this at a screen that you left open.",
                id="password-hint", class_name="hint before",
            ),
            password_box(
                id="password", name="password", auto_complete="current-password", described_by="password-hint",
            ),
            class_name="field",
        ),
        code_beside(),
        rx.el.div(
            rx.el.button("Change role", type="submit", class_name="btn primary lg"),
            button_link("Cancel", _PATH),
            class_name="actions",
        ),
        on_submit=None,
        action="/auth/role",
        method="post",
        class_name="card form-card",
    )  # fmt: skip


def ops_role() -> rx.Component:
    """The page of one person's role."""
    state = RoleState
    whose = route_value("user_id")
    ready = state.shown == whose
    return shell(
        rx.cond(
            (state.missing != "") & (state.missing == whose),
            rx.fragment(
                page_head("Not found"),
                rx.el.p(say("not_found"), class_name="lead field"),
                button_link("All users", _PATH, style="primary"),
            ),
            rx.fragment(
                crumbs(("Users", _PATH), here="Role"),
                page_head(
                    rx.cond(ready, rx.Var.create("Role of ") + state.person.name, "Role"),
                    sub=rx.cond(ready, rx.Var.create("Now: ") + state.person.role_word, bone("12ch")),
                ),
                rx.cond(state.failed != "", failed_panel(state.failed, state.open), rx.fragment()),
                rx.cond(
                    ready,
                    rx.cond(
                        state.manages,
                        _role_form(),
                        notice(rx.el.p("Only an administrator can change roles."), symbol="lock"),
                    ),
                    rx.el.div(bone("100%", "20em"), waiting("role"), class_name="card form-card"),
                ),
            ),
        ),
        here=_PATH,
    )
