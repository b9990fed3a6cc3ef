"""What the bank declined on one account, read when somebody looks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import reflex as rx

from bank_app.domain import identifiers, money
from bank_app.domain.accounting import Role
from bank_app.errors import BankError
from bank_app.services import accounts
from bank_app.services.attempts import AttemptView, list_attempts
from bank_app.ui import calls, messages, rows, words
from bank_app.ui.components.parts import bone, empty, failed_panel, icon, load_more, waiting
from bank_app.ui.guard import exposed
from bank_app.ui.notices import is_full
from bank_app.ui.session import actor_of

_PAGE = 25


@dataclass(frozen=True)
class Attempt:
    """One movement that did not happen."""

    key: str
    title: str
    when: str
    amount: str
    reason: str
    code: str


class AttemptsState(rx.State):
    """The newest of them."""

    shown: str = ""
    loading: bool = False
    failed: str = ""
    attempts: list[Attempt] = []
    more: bool = False
    _cursor: str | None = None

    @exposed
    async def open(self) -> Any:
        """Reads the newest."""
        written = self.router.url.path.rstrip("/").rsplit("/", 1)[-1]
        if written != self.shown:
            self.shown, self.attempts, self._cursor, self.more = "", [], None, False
            self.loading = True
            yield
        await self._load(written, None)
        self.loading = False

    @exposed
    async def refresh(self) -> None:
        """The newest once more, if somebody looked."""
        if self.shown:
            await self._load(self.shown, None)

    @exposed
    async def load_more(self) -> None:
        """The next ones."""
        if self._cursor and self.shown and not await is_full(self, self.attempts):
            await self._load(self.shown, self._cursor)

    async def _load(self, written: str, cursor: str | None) -> None:
        actor = await actor_of(self)
        try:
            number = identifiers.parse_account_number(written)
            account, page = await calls.read(
                lambda session: (
                    accounts.get_account(session, actor, number),
                    list_attempts(session, actor, number, limit=_PAGE, cursor=cursor),
                )
            )
        except BankError as error:
            self.failed = messages.refusal(error).text
            return
        named = words.named(account.title, account.number)
        fresh = [_attempt(view, named, actor.role) for view in page.items]
        self.attempts = [*self.attempts, *fresh] if cursor else fresh
        self._cursor, self.more = page.next_cursor, page.next_cursor is not None
        self.shown, self.failed = written, ""


def _attempt(view: AttemptView, account: str, role: Role) -> Attempt:
    return Attempt(
        key=view.id,
        title=rows.attempted(view),
        when=f"{words.day(view.at)}, {words.time_of_day(view.at)}",
        amount=money.display(view.amount_minor, view.currency),
        reason=rows.why(view, account, role, calls.bank().settings.name),
        code=view.code,
    )


def _row(attempt: rx.Var) -> rx.Component:
    return rx.el.li(
        rx.el.span(icon("octagon-x", 18), class_name="direction"),
        rx.el.div(
            rx.el.b(attempt.title),
            rx.el.p(attempt.reason),
            rx.el.p(rx.el.code(attempt.code, class_name="mono"), class_name="small subtle"),
            class_name="grow",
        ),
        rx.el.span(rx.el.span(attempt.amount, class_name="money muted"), rx.el.small(attempt.when), class_name="value"),
        class_name="row attempt",
        key=attempt.key,
    )


def attempts_panel(number: rx.Var) -> rx.Component:
    """The list; nothing in it has moved money."""
    state = AttemptsState
    return rx.cond(
        state.failed != "",
        rx.el.div(failed_panel(state.failed, state.open), class_name="in-card"),
        rx.cond(
            state.shown == number,
            rx.cond(
                state.attempts.length() > 0,
                rx.fragment(
                    rx.el.p("What the bank declined. No money moved.", class_name="panel-note"),
                    rx.el.ul(rx.foreach(state.attempts, _row), class_name="rows"),
                    load_more(state.more, state.load_more),
                ),
                empty("Nothing was declined. Movements that the bank refuses appear here with the reason."),
            ),
            # Nothing is awaited before somebody looks here.
            rx.cond(
                state.loading,
                rx.el.div(waiting("attempts"), bone("100%", "3em"), class_name="in-card panel-note"),
                rx.fragment(),
            ),
        ),
    )
