"""Everything that happened on all accounts of a person, newest first."""

from __future__ import annotations

from dataclasses import replace

import reflex as rx
from sqlalchemy.orm import Session

from bank_app.errors import BankError
from bank_app.services import accounts
from bank_app.services.activity import activity as activity_of
from bank_app.services.auth import Actor
from bank_app.ui import calls, messages, rows, words
from bank_app.ui.components.browser import focus_on_change
from bank_app.ui.components.live import freshness, new_rows_pill
from bank_app.ui.components.parts import button_link, empty, failed_panel, page_head, waiting
from bank_app.ui.components.rows import recent_rows, row_bones
from bank_app.ui.components.shell import shell
from bank_app.ui.guard import exposed
from bank_app.ui.session import actor_of

_PAGE = 25


class ActivityState(rx.State):
    """The entries under the headings of their days."""

    loaded: bool = False
    failed: str = ""
    days: list[rows.Day] = []
    more: bool = False
    result: str = ""
    first_new: str = ""
    loads: int = 0
    fresh: int = 0
    _rows: list[rows.Row] = []
    _cursor: str | None = None

    @exposed
    async def open(self) -> None:
        """Loads the newest entries."""
        await self._load(await actor_of(self))

    @exposed
    async def refresh(self) -> None:
        """Counts what is new; what is being read stays where it is."""
        actor, seen = await actor_of(self), {row.key for row in self._rows}
        try:
            newest, _ = await calls.read(lambda session: _read(session, actor, None))
        except BankError:
            return
        self.fresh = sum(row.key not in seen for row in newest)

    @exposed
    async def show_fresh(self) -> None:
        """Begins again at the top."""
        await self._load(await actor_of(self))

    @exposed
    async def load_more(self) -> None:
        """The next entries below the last; the focus goes to the first of them."""
        if self._cursor is None:
            return
        actor, cursor = await actor_of(self), self._cursor
        more, self._cursor = await calls.read(lambda session: _read(session, actor, cursor))
        self._rows = [*self._rows, *more]
        self._arrange()
        self.result = f"{len(more)} more loaded, {len(self._rows):,} shown"
        self.first_new = f"{more[0].key}-link" if more else ""
        self.loads += 1

    async def _load(self, actor: Actor) -> None:
        try:
            self._rows, self._cursor = await calls.read(lambda session: _read(session, actor, None))
        except BankError as error:
            self.failed = messages.refusal(error).text
            return
        self._arrange()
        self.loaded, self.failed, self.result, self.fresh = True, "", "", 0

    def _arrange(self) -> None:
        self.days, self.more = rows.days(self._rows), self._cursor is not None


def _read(session: Session, actor: Actor, cursor: str | None) -> tuple[list[rows.Row], str | None]:
    names = {
        account.number: words.named(account.title, account.number) for account in accounts.own_accounts(session, actor)
    }
    page = activity_of(session, actor, limit=_PAGE, cursor=cursor)
    found = []
    for entry in page.items:
        row = rows.row(entry)
        when = words.time_of_day(entry.created_at)
        found.append(replace(row, meta=f"{names[entry.account_id]} · {row.meta}", when=when))
    return found, page.next_cursor


def activity() -> rx.Component:
    """The page."""
    state = ActivityState
    return shell(
        page_head("Activity", freshness(), sub="All your accounts, newest first"),
        rx.cond(state.failed != "", failed_panel(state.failed, state.open), rx.fragment()),
        rx.cond(state.loaded, rx.fragment(), waiting("activity")),
        rx.el.section(
            rx.cond(
                state.loaded,
                rx.cond(
                    state.days.length() > 0,
                    rx.el.div(
                        new_rows_pill(state.fresh, state.show_fresh, list_id="activity"),
                        rx.foreach(
                            state.days,
                            lambda day: rx.el.section(
                                rx.el.h2(day.heading, class_name="day-heading"), recent_rows(day.rows), key=day.heading
                            ),
                        ),
                        rx.el.div(
                            rx.cond(
                                state.more,
                                rx.el.button("Load 25 more", type="button", on_click=state.load_more, class_name="btn"),
                                rx.el.span("You've reached the first entry."),
                            ),
                            rx.el.span(state.result, role="status"),
                            focus_on_change(target=state.first_new, seq=state.loads),
                            class_name="ledger-foot",
                        ),
                        id="activity",
                    ),
                    empty(
                        "Nothing here yet. Money in and out of your accounts will appear here, newest first.",
                        button_link("Move money", "/move", style="primary"),
                    ),
                ),
                row_bones(8),
            ),
            class_name="card flush",
        ),
        here="/activity",
    )
