"""The list of settings, and who the bank takes somebody for."""

from __future__ import annotations

import reflex as rx

from bank_app.errors import BankError
from bank_app.services import mail
from bank_app.services import profile as kept_profile
from bank_app.ui import calls, forms, messages, words
from bank_app.ui.components.browser import password_box
from bank_app.ui.components.parts import failed_panel, icon, known, link, page_head, waiting
from bank_app.ui.components.settings import SECTIONS, card, posted_done, posted_problem, settings_page
from bank_app.ui.components.shell import shell
from bank_app.ui.components.step_up import code_beside
from bank_app.ui.guard import exposed
from bank_app.ui.messages import CATALOGUE, say
from bank_app.ui.notices import notify
from bank_app.ui.session import SessionState, actor_of


class ProfileState(rx.State):
    """What the bank has written down about the person. The form with the password is posted by the browser itself."""

    loaded: bool = False
    failed: str = ""
    name: str = ""
    email: str = ""
    since: str = ""
    new_email: str = ""
    confirm_until: str = ""
    problem: str = ""
    done: str = ""
    seq: int = 0
    # Whether the bank writes letters, and whether he wants one when money arrives.
    letters: bool = False
    money_by_mail: bool = False

    @exposed
    async def open(self) -> None:
        """Reads it, and says what became of a form that was posted."""
        query = self.router.url.query_parameters
        problem, wait = forms.text(query.get("problem"), 40), forms.text(query.get("wait"), 6)
        self.problem = say(problem, retry_after=wait, wait=words.how_long(wait)) if problem in CATALOGUE else ""
        self.done = say("EMAIL_CONFIRMED") if query.get("done") == "EMAIL_CONFIRMED" and not self.problem else ""
        self.seq += 1 if self.problem else 0
        await self._load()

    @exposed
    async def refresh(self) -> None:
        """Reads it again."""
        await self._load()

    @exposed
    async def choose_money_by_mail(self, wanted: bool) -> None:  # noqa: FBT001 - an event of a box to tick
        """Asks for a letter when money arrives, or for none."""
        actor = await actor_of(self)
        try:
            await calls.write(lambda session: mail.want_money(session, actor, wanted=wanted is True))
        except BankError as error:
            await notify(self, messages.refusal(error).text, "error")
            return
        self.money_by_mail = wanted is True
        await notify(self, say("PREFERENCES_SAVED"))

    @exposed
    async def keep_email(self) -> None:
        """Declines the email that was proposed."""
        actor = await actor_of(self)
        try:
            await calls.write(lambda session: kept_profile.decline_email(session, actor))
        except BankError as error:
            await notify(self, messages.refusal(error).text, "error")
            return
        await self._load()
        await notify(self, say("EMAIL_KEPT", email=self.email))

    async def _load(self) -> None:
        actor = await actor_of(self)
        self.letters = mail.is_set_up(calls.bank().settings)
        try:
            found = await calls.read(lambda session: kept_profile.own(session, actor))
            self.money_by_mail = await calls.read(lambda session: mail.wants_money(session, actor.user_id))
        except BankError as error:
            self.failed = messages.refusal(error).text
            return
        self.name, self.email, self.since = found.name, found.email, words.long_day(found.since)
        self.new_email = found.new_email
        self.confirm_until = words.day(found.confirm_until) if found.confirm_until else ""
        self.loaded, self.failed = True, ""


def settings() -> rx.Component:
    """The list of sections; on a phone it is the way to each of them."""
    return shell(
        page_head("Settings"),
        rx.el.ul(
            *[
                rx.el.li(
                    link(
                        icon(section.symbol),
                        rx.el.span(rx.el.b(section.name), rx.el.small(section.says)),
                        icon("chevron-right", 16),
                        to=section.to,
                    )
                )
                for section in SECTIONS
            ],
            class_name="card flush settings-list",
        ),
        here="/settings",
    )


def _fact(label: str, shown: rx.Component) -> rx.Component:
    return rx.el.div(rx.el.dt(label), rx.el.dd(shown))


def _new_email() -> rx.Component:
    state = ProfileState
    return card(
        "A new email waits for you",
        rx.el.p(
            SessionState.bank_name, " proposes that you sign in with ", rx.el.b(state.new_email), " instead of ",
            rx.el.b(state.email), ". Nothing changes before you say so; after ",
            state.confirm_until, " it is forgotten.",
        ),
        rx.el.form(
            rx.el.div(
                rx.el.label("Your password", html_for="password"),
                password_box(id="password", name="password", auto_complete="current-password"),
                class_name="field",
            ),
            code_beside(),
            rx.el.div(
                rx.el.button("Use the new email", type="submit", class_name="btn primary"),
                rx.el.button("Keep the old one", type="button", on_click=state.keep_email, class_name="btn"),
                class_name="actions middle",
            ),
            rx.el.p("Signs all other devices and programs out.", class_name="hint"),
            on_submit=None,
            action="/auth/email",
            method="post",
            class_name="slim",
        ),
        name="new-email",
    )  # fmt: skip


def _letters() -> rx.Component:
    return card(
        "Letters",
        rx.el.label(
            rx.el.input(
                type="checkbox",
                checked=ProfileState.money_by_mail,
                on_change=ProfileState.choose_money_by_mail,
            ),
            "Write to me when money arrives",
            class_name="tick",
        ),
        rx.el.p(
            "What touches your sign-in is written to you in any case: a new device, a new password, another email.",
            class_name="hint",
        ),
    )


def profile() -> rx.Component:
    """The page of the person."""
    return settings_page(
        "Profile",
        "/settings/profile",
        posted_problem(ProfileState.problem, ProfileState.seq),
        posted_done(ProfileState.done),
        rx.cond(ProfileState.new_email != "", _new_email(), rx.fragment()),
        rx.cond(
            ProfileState.failed != "",
            failed_panel(ProfileState.failed, ProfileState.open),
            card(
                "You",
                rx.cond(ProfileState.loaded, rx.fragment(), waiting("your profile")),
                rx.el.dl(
                    _fact("Name", known(ProfileState.loaded, ProfileState.name, "16ch")),
                    _fact("Email", known(ProfileState.loaded, ProfileState.email, "20ch")),
                    _fact("Role", known(ProfileState.loaded, SessionState.role_word, "10ch")),
                    _fact("Here since", known(ProfileState.loaded, ProfileState.since, "22ch")),
                    class_name="facts plain",
                ),
            ),
        ),
        rx.el.p(
            icon("info", 16),
            rx.el.span(
                "People you pay see your name, so you cannot change it by yourself. Ask an operator of ",
                SessionState.bank_name,
                ": your name can be corrected at once, and a new email counts once you confirm it here.",
            ),
            class_name="setting-note",
        ),
        rx.cond(ProfileState.letters, _letters(), rx.fragment()),
    )
