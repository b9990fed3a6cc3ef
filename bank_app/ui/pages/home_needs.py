"""The card of the overview that says what waits for its reader. Without anything there is no card."""

from __future__ import annotations

from dataclasses import dataclass

import reflex as rx

from bank_app.domain import money
from bank_app.domain.text import isolated
from bank_app.errors import BankError
from bank_app.services import needs
from bank_app.services.accounts import AccountView
from bank_app.ui import calls, messages, words
from bank_app.ui.components.parts import button_link, failed_panel, icon
from bank_app.ui.guard import exposed
from bank_app.ui.money_form import named
from bank_app.ui.session import actor_of


@dataclass(frozen=True)
class Need:
    """One thing that waits: what it is, why, and where to see to it."""

    kind: str
    title: str
    text: str
    action: str
    address: str


class NeedsState(rx.State):
    """Everything that waits."""

    failed: str = ""
    found: list[Need] = []

    @exposed
    async def open(self) -> None:
        """Asks what waits."""
        await self._load()

    @exposed
    async def refresh(self) -> None:
        """The same again."""
        await self._load()

    async def _load(self) -> None:
        actor = await actor_of(self)
        try:
            found = await calls.read(lambda session: needs.needs(session, actor))
        except BankError as error:
            self.failed = messages.refusal(error).text
            return
        frozen = [_frozen(account) for account in found.frozen]
        held = [_held(each) for each in found.held]
        self.found = [*frozen, *held, *([_SECOND_STEP] if found.one_step_only else [])]
        self.failed = ""


_SECOND_STEP = Need(
    "key", "Two-step sign-in is off.", "It takes about a minute.", "Set up", "/settings/security"
)  # fmt: skip


def _frozen(account: AccountView) -> Need:
    arrives = "can arrive but can't leave" if account.can_receive else "can neither arrive nor leave"
    bank = calls.bank().settings.name
    text = f"Money {arrives}. Contact {bank}."
    return Need("frozen", f"{named(account)} is frozen.", text, "See the account", f"/accounts/{account.number}")


def _held(held: needs.Held) -> Need:
    account = held.account
    amount = money.display(account.held_minor, account.currency)
    first = held.holds[0] if held.holds else None
    what = f"{isolated(first.description or 'Set aside')}, until {words.when(first.expires_at)}" if first else ""
    rest = len(held.holds) - 1
    others = f", and {'more' if held.more else words.count(rest, 'other')}" if rest > 0 else ""
    return Need(
        "held", f"{amount} is set aside.", f"{named(account)}: {what}{others}.", "See", f"/accounts/{account.number}"
    )


def _need(need: rx.Var) -> rx.Component:
    return rx.el.li(
        rx.match(
            need.kind,
            ("frozen", icon("snowflake")),
            ("held", icon("clock")),
            icon("key-round"),
        ),
        rx.el.div(
            rx.el.p(rx.el.b(need.title), " ", need.text),
            button_link(need.action, need.address, style="sm"),
        ),
        key=need.title,
        class_name=need.kind,
    )


def needs_card() -> rx.Component:
    """The card, or nothing."""
    return rx.cond(
        NeedsState.failed != "",
        failed_panel(NeedsState.failed, NeedsState.open),
        rx.cond(
            NeedsState.found.length() > 0,
            rx.el.section(
                rx.el.header(
                    rx.el.h2("Needs you", id="needs-you"),
                    rx.el.span(
                        NeedsState.found.length(),
                        rx.el.span(" open", class_name="hidden-visually"),
                        class_name="badge warn",
                    ),
                ),
                rx.el.ul(rx.foreach(NeedsState.found, _need), class_name="needs"),
                class_name="card",
                aria_labelledby="needs-you",
            ),
            rx.fragment(),
        ),
    )
