"""The card of the overview with the newest entries of all accounts."""

from __future__ import annotations

import reflex as rx
from sqlalchemy.orm import Session

from bank_app.domain.accounting import AccountStatus, HoldState
from bank_app.errors import BankError
from bank_app.services import accounts, history
from bank_app.services.actor import Actor
from bank_app.services.holds import HoldView, list_holds
from bank_app.ui import calls, messages
from bank_app.ui.components.browser import copy_button
from bank_app.ui.components.parts import button_link, empty, failed_panel, link
from bank_app.ui.components.rows import pending_rows, recent_rows, row_bones
from bank_app.ui.guard import exposed
from bank_app.ui.pages.accounts import everyday_first
from bank_app.ui.rows import Pending, Row, pending, row
from bank_app.ui.session import SessionState, actor_of

_ROWS = 8
_HOLDS = 3


class RecentState(rx.State):
    """The newest rows, or the number to give to somebody who pays."""

    loaded: bool = False
    failed: str = ""
    waiting: list[Pending] = []
    rows: list[Row] = []
    number: str = ""
    grouped: str = ""

    @exposed
    async def open(self) -> None:
        """Reads the newest entries."""
        await self._load()

    @exposed
    async def refresh(self) -> None:
        """The same again; the newest come on top."""
        await self._load()

    async def _load(self) -> None:
        actor = await actor_of(self)
        try:
            own, held, recent = await calls.read(lambda session: _look(session, actor))
        except BankError as error:
            self.failed = messages.refusal(error).text
            return
        self.waiting = [pending(hold) for hold in held]
        self.rows = [row(entry) for entry in recent]
        self.number = own[0].number if own else ""
        self.grouped = own[0].grouped_number if own else ""
        self.loaded, self.failed = True, ""


def _look(session: Session, actor: Actor) -> tuple[list[accounts.AccountView], list[HoldView], list[history.EntryView]]:
    own = [a for a in accounts.own_accounts(session, actor) if a.status is not AccountStatus.CLOSED]
    held: list[HoldView] = []
    for account in own:
        if account.held_minor:
            held += list_holds(session, actor, account_id=account.id, state=HoldState.OPEN, limit=_HOLDS).items
    held.sort(key=lambda hold: hold.created_at, reverse=True)
    return everyday_first(own), held[:_HOLDS], history.recent(session, actor, limit=_ROWS)


def _nothing() -> rx.Component:
    return empty(
        "Your account is open at zero. Add money to start, or give somebody your account number.",
        rx.el.p(
            rx.el.span("Your account number ", class_name="muted"),
            rx.el.span(RecentState.grouped, class_name="mono"),
            " ",
            copy_button(text=RecentState.number, label="account number", class_name="btn quiet tiny"),
        ),
        rx.cond(
            SessionState.handles_cash,
            button_link("Add money", "/move/deposit", symbol="plus", style="primary"),
            rx.fragment(),
        ),
    )


def _no_account() -> rx.Component:
    return empty("No accounts yet.", button_link("Open an account", "/accounts/new", style="primary"))


def recent_card() -> rx.Component:
    """The card."""
    return rx.el.section(
        rx.el.header(
            rx.el.h2("Recent activity", id="recent"),
            link("See all", to="/activity", class_name="more", aria_label="See all activity"),
        ),
        rx.cond(
            RecentState.failed != "",
            rx.el.div(failed_panel(RecentState.failed, RecentState.open), class_name="in-card"),
            rx.cond(
                RecentState.loaded,
                rx.cond(
                    RecentState.rows.length() + RecentState.waiting.length() > 0,
                    rx.fragment(pending_rows(RecentState.waiting), recent_rows(RecentState.rows)),
                    rx.cond(RecentState.number != "", _nothing(), _no_account()),
                ),
                row_bones(_ROWS),
            ),
        ),
        class_name="card flush",
        aria_labelledby="recent",
    )
