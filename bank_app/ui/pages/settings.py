"""The list of settings, and who the bank takes somebody for."""

from __future__ import annotations

import reflex as rx

from bank_app.errors import BankError
from bank_app.services import people_profile
from bank_app.ui import calls, messages, words
from bank_app.ui.components.parts import failed_panel, icon, known, link, page_head, waiting
from bank_app.ui.components.settings import SECTIONS, card, settings_page
from bank_app.ui.components.shell import shell
from bank_app.ui.guard import exposed
from bank_app.ui.session import SessionState, actor_of


class ProfileState(rx.State):
    """What the bank has written down about the person."""

    loaded: bool = False
    failed: str = ""
    name: str = ""
    email: str = ""
    since: str = ""

    @exposed
    async def open(self) -> None:
        """Reads it."""
        actor = await actor_of(self)
        try:
            found = await calls.read(lambda session: people_profile.own(session, actor))
        except BankError as error:
            self.failed = messages.refusal(error).text
            return
        self.name, self.email, self.since = found.name, found.email, words.long_day(found.since)
        self.loaded, self.failed = True, ""

    @exposed
    async def refresh(self) -> None:
        """Reads it again."""
        await self.open()


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


def profile() -> rx.Component:
    """The page of the person."""
    return settings_page(
        "Profile",
        "/settings/profile",
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
                " to change your name or email.",
            ),
            class_name="setting-note",
        ),
    )
