"""How the security page looks."""

from __future__ import annotations

import reflex as rx

from bank_app.ui.components.browser import password_box
from bank_app.ui.components.dialogs import dialog, dialog_closer, dialog_opener
from bank_app.ui.components.parts import badge, bone, button_link, failed_panel, icon, waiting
from bank_app.ui.components.settings import card, posted_done, posted_problem, settings_page
from bank_app.ui.components.step_up import code_beside
from bank_app.ui.messages import say
from bank_app.ui.pages.security import SecurityState


def _password() -> rx.Component:
    return card(
        "Password",
        rx.el.form(
            # For password managers: whose password this is.
            rx.el.input(
                type="text", name="username", auto_complete="username", default_value=SecurityState.email,
                key=SecurityState.email, read_only=True, class_name="hidden-visually", tab_index=-1,
                aria_hidden="true",
            ),
            rx.el.div(
                rx.el.label("Your password now", html_for="old"),
                password_box(id="old", name="old", auto_complete="current-password"),
                class_name="field",
            ),
            code_beside(),
            rx.el.div(
                rx.el.label("New password", html_for="password"),
                rx.el.p(say("PASSWORD_SHORT"), id="password-hint", class_name="hint before"),
                password_box(
                    id="password", name="password", auto_complete="new-password", described_by="password-hint",
                    min_length=12,
                ),
                class_name="field",
            ),
            rx.el.div(
                rx.el.button("Change password", type="submit", class_name="btn primary"),
                rx.el.p("Signs all other devices and programs out.", class_name="hint"),
                class_name="actions middle",
            ),
            on_submit=None,
            action="/auth/password",
            method="post",
            class_name="slim",
        ),
    )  # fmt: skip


def _second_step() -> rx.Component:
    return card(
        "Two-step sign-in",
        rx.cond(
            SecurityState.loaded,
            rx.cond(
                SecurityState.two_steps,
                rx.fragment(
                    rx.el.p(
                        "On since ", SecurityState.two_steps_since,
                        ". Signing in takes your password and a code of your app.",
                    ),
                    rx.cond(
                        SecurityState.codes_left < 3,
                        rx.el.p(
                            icon("triangle-alert", 16),
                            rx.el.span(SecurityState.codes_left.to_string(), " recovery codes left. Make new ones."),
                            class_name="setting-warn",
                        ),
                        rx.el.p(
                            SecurityState.codes_left.to_string(), " of 10 recovery codes are left.", class_name="muted"
                        ),
                    ),
                    button_link("Recovery codes, or turn off", "/settings/security/two-step"),
                ),
                rx.fragment(
                    rx.el.p(
                        "With a code from an app on your phone, somebody who learns your password still cannot sign in."
                    ),
                    button_link("Set up two-step sign-in", "/settings/security/two-step", style="primary"),
                ),
            ),
            rx.el.p(bone("100%", "3em")),
        ),
        beside=rx.cond(
            SecurityState.loaded,
            rx.cond(SecurityState.two_steps, badge("On", "shield-check", "ok"), badge("Off", "shield", "")),
            rx.fragment(),
        ),
    )  # fmt: skip


def _device(device: rx.Var) -> rx.Component:
    return rx.el.li(
        rx.cond(device.program, icon("square-terminal"), icon("monitor-smartphone")),
        rx.el.div(
            rx.el.b(device.name),
            rx.cond(device.this, badge("This device", "check", "ok"), rx.fragment()),
            rx.cond(device.program, badge("API", "braces"), rx.fragment()),
            rx.el.small(
                "Signed in ", device.since, " from ", device.address,
                rx.cond(device.this, "", rx.fragment(" · last seen ", device.seen)),
            ),
            class_name="what",
        ),
        rx.cond(
            device.this,
            rx.fragment(),
            rx.el.button(
                "Sign out",
                type="button",
                on_click=SecurityState.end(device.id),
                class_name="btn sm",
                aria_label=rx.Var.create("Sign out ") + device.name,
            ),
        ),
        key=device.id,
    )  # fmt: skip


def _devices() -> rx.Component:
    return card(
        "Where you are signed in",
        rx.cond(
            SecurityState.loaded,
            rx.el.ul(rx.foreach(SecurityState.devices, _device), class_name="devices"),
            rx.el.p(bone("100%", "4em"), waiting("where you are signed in")),
        ),
        rx.cond(
            SecurityState.others > 0,
            dialog_opener("Sign out everywhere else", target="others", class_name="btn"),
            rx.cond(SecurityState.loaded, rx.el.p("Nowhere else.", class_name="muted"), rx.fragment()),
        ),
        dialog(
            rx.el.div(
                rx.el.p(
                    "All other browsers and programs are signed out at once. This device stays signed in, and nothing "
                    "else changes."
                ),
                rx.el.div(
                    dialog_closer("Cancel", class_name="btn"),
                    rx.el.button(
                        "Sign out everywhere else",
                        type="button",
                        on_click=SecurityState.end_others,
                        class_name="btn primary",
                    ),
                    class_name="decide",
                ),
                class_name="body",
            ),
            id="others",
            title="Sign out everywhere else?",
            done=SecurityState.answer,
        ),
        name="devices",
    )


def _events() -> rx.Component:
    return card(
        "Lately",
        rx.cond(
            SecurityState.loaded,
            rx.el.table(
                rx.el.caption("What happened around your sign-in, newest first", class_name="hidden-visually"),
                rx.el.thead(
                    rx.el.tr(
                        rx.el.th("What", scope="col"), rx.el.th("When", scope="col"), rx.el.th("From", scope="col")
                    )
                ),
                rx.el.tbody(
                    rx.foreach(
                        SecurityState.events,
                        lambda event: rx.el.tr(
                            rx.el.td(event.what), rx.el.td(event.when), rx.el.td(event.whence, class_name="muted")
                        ),
                    )
                ),
                class_name="happened",
            ),
            rx.el.p(bone("100%", "6em")),
        ),
        rx.el.p("Something here that was not you? Change your password now.", class_name="hint"),
        name="lately",
    )


def _looks() -> rx.Component:
    return card(
        "Who looked at your accounts",
        rx.cond(
            SecurityState.looks.length() > 0,
            rx.el.table(
                rx.el.caption("What the bank's people looked at, newest first", class_name="hidden-visually"),
                rx.el.thead(
                    rx.el.tr(rx.el.th("What", scope="col"), rx.el.th("When", scope="col"), rx.el.th("Who", scope="col"))
                ),
                rx.el.tbody(
                    rx.foreach(
                        SecurityState.looks,
                        lambda look: rx.el.tr(
                            rx.el.td(look.what), rx.el.td(look.when), rx.el.td(look.whence, class_name="muted")
                        ),
                    )
                ),
                class_name="happened",
            ),
            rx.cond(
                SecurityState.loaded,
                rx.el.p("Nobody at the bank has.", class_name="muted"),
                rx.el.p(bone("100%", "4em")),
            ),
        ),
        rx.el.p("The bank keeps who it was by name, and can be asked.", class_name="hint"),
        name="looked",
    )


def security() -> rx.Component:
    """The page."""
    return settings_page(
        "Security",
        "/settings/security",
        posted_problem(SecurityState.problem, SecurityState.seq),
        posted_done(SecurityState.done),
        rx.cond(
            SecurityState.failed != "",
            failed_panel(SecurityState.failed, SecurityState.open),
            rx.fragment(_second_step(), _password(), _devices(), _events(), _looks()),
        ),
    )
