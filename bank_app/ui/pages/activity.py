"""Everything that happened on all accounts of a person, newest first; with filters that stand in the address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import reflex as rx
from sqlalchemy.orm import Session

from bank_app.domain.text import isolated
from bank_app.errors import BankError
from bank_app.services import accounts
from bank_app.services.activity import activity as activity_of
from bank_app.services.actor import Actor
from bank_app.services.attempts import list_attempts
from bank_app.services.holds import HoldView
from bank_app.services.unposted import waiting as set_aside
from bank_app.ui import calls, messages, rows, words
from bank_app.ui.components.browser import focus_on_change
from bank_app.ui.components.filters import entry_filters, filter_chips, nothing_fits
from bank_app.ui.components.live import freshness, new_rows_pill
from bank_app.ui.components.parts import button_link, empty, failed_panel, link, page_head, waiting
from bank_app.ui.components.rows import pending_rows, recent_rows, row_bones
from bank_app.ui.components.shell import shell
from bank_app.ui.filters import Chip, Filters
from bank_app.ui.guard import exposed
from bank_app.ui.notices import is_full
from bank_app.ui.session import actor_of

PATH = "/activity"
_PAGE = 25
_HOLDS = 50


@dataclass(frozen=True)
class Read:
    """One look: rows, where they go on, and money that is set aside."""

    rows: list[rows.Row]
    cursor: str | None
    holds: list[HoldView] = field(default_factory=list)


class ActivityState(rx.State):
    """The entries under the headings of their days."""

    loaded: bool = False
    failed: str = ""
    filters: Filters = Filters()
    # What stands in the form, which may be what could not be understood.
    asked: Filters = Filters()
    currencies: list[str] = []
    filter_count: int = 0
    kinds: list[str] = []
    periods: list[Chip] = []
    chips: list[Chip] = []
    filtered: bool = False
    pending: list[rows.Pending] = []
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
        """Loads the newest entries that the address asks for."""
        actor = await actor_of(self)
        try:
            own = await calls.read(lambda session: accounts.own_accounts(session, actor))
        except BankError as error:
            self.failed = messages.refusal(error).text
            return
        self.currencies = sorted({account.currency for account in own})
        self.filters = self.asked = Filters.of(self.router.url.query_parameters, self._code())
        await self._load(actor)

    @exposed
    async def refresh(self) -> None:
        """Counts what is new; what is being read stays where it is."""
        actor, wanted = await actor_of(self), self.filters
        seen = {row.key for row in self._rows} | {hold.key for hold in self.pending}
        try:
            newest = await calls.read(lambda session: _read(session, actor, wanted, None))
        except BankError:
            return
        keys = [row.key for row in newest.rows] + [str(hold.id) for hold in newest.holds]
        self.fresh = sum(key not in seen for key in keys)

    @exposed
    async def show_fresh(self) -> None:
        """Begins again at the top."""
        await self._load(await actor_of(self))

    @exposed
    def search(self, form: dict[str, Any]) -> Any:
        """Puts the filters of the form into the address, which loads them."""
        wanted = Filters.of(form if isinstance(form, dict) else {}, self._code(), typed=True)
        if wanted.wrong:
            self.asked = wanted
            return None
        return rx.redirect(wanted.address(PATH))

    @exposed
    async def load_more(self) -> None:
        """The next entries below the last; the focus goes to the first of them."""
        if self._cursor is None or await is_full(self, self._rows):
            return
        actor, wanted, cursor = await actor_of(self), self.filters, self._cursor
        found = await calls.read(lambda session: _read(session, actor, wanted, cursor))
        self._rows, self._cursor = [*self._rows, *found.rows], found.cursor
        self._arrange()
        self.result = f"{len(found.rows)} more loaded, {len(self._rows):,} shown"
        self.first_new = f"{found.rows[0].key}-link" if found.rows else ""
        self.loads += 1

    def _code(self) -> str:
        """The currency of all accounts, if they have one."""
        return self.currencies[0] if len(self.currencies) == 1 else ""

    async def _load(self, actor: Actor) -> None:
        wanted = self.filters
        try:
            found = await calls.search(lambda session: _read(session, actor, wanted, None), narrowed=wanted.any())
        except BankError as error:
            self.failed = messages.refusal(error).text
            return
        self._rows, self._cursor = found.rows, found.cursor
        self.pending = [rows.pending(hold) for hold in found.holds]
        self.chips, self.filtered, self.kinds = wanted.chips(PATH), wanted.any(), wanted.kinds()
        self.periods, self.filter_count = wanted.periods(PATH), wanted.count("q")
        shown = f"{words.count(len(found.rows), 'entry', 'entries')} shown{', there are more' if found.cursor else ''}"
        beside = wanted.beside_the_books()
        self.result = rows.beside(wanted.status, found.rows, found.cursor, found.holds) if beside else shown
        if wanted.wrong:
            self.result = ""
        self._arrange()
        self.loaded, self.failed, self.fresh = True, "", 0

    def _arrange(self) -> None:
        self.days, self.more = rows.days(self._rows), self._cursor is not None


def _read(session: Session, actor: Actor, filters: Filters, cursor: str | None) -> Read:
    if filters.wrong:
        return Read([], None)
    own, wanted = accounts.own_accounts(session, actor), filters.to_history()
    names = {account.number: words.named(account.title, account.number) for account in own}
    if filters.status == "declined":
        bank = calls.bank().settings.name
        tried = list_attempts(session, actor, filters=wanted, limit=_PAGE, cursor=cursor)
        found = [
            (rows.declined(one, rows.why(one, names[one.from_account], actor.role, bank)), one.from_account, one.at)
            for one in tried.items
        ]
        return Read([_with_account(*one, names) for one in found], tried.next_cursor)
    holds = []
    if filters.status == "pending" or not filters.any():
        holds = [] if cursor else set_aside(session, actor, own, filters=wanted, limit=_HOLDS)
    if filters.status == "pending":
        return Read([], None, holds)
    page = activity_of(session, actor, filters=wanted, limit=_PAGE, cursor=cursor)
    found = [(rows.row(entry), entry.account_id, entry.created_at) for entry in page.items]
    return Read([_with_account(*one, names) for one in found], page.next_cursor, holds)


def _with_account(row: rows.Row, number: str, at: datetime, names: Mapping[str, str]) -> rows.Row:
    """The day stands above the row, so that it says which account and what time."""
    return replace(row, meta=f"{isolated(names[number])} · {row.meta}", when=words.time_of_day(at))


def _day(day: rx.Var) -> rx.Component:
    return rx.el.section(rx.el.h2(day.heading, class_name="day-heading"), recent_rows(day.rows), key=day.heading)


def _entries() -> rx.Component:
    state = ActivityState
    return rx.el.div(
        new_rows_pill(state.fresh, state.show_fresh, list_id="activity"),
        rx.cond(
            state.pending.length() > 0,
            rx.el.section(rx.el.h2("Pending", class_name="day-heading"), pending_rows(state.pending)),
            rx.fragment(),
        ),
        rx.foreach(state.days, _day),
        rx.el.div(
            rx.cond(
                state.more,
                rx.el.button("Load 25 more", type="button", on_click=state.load_more, class_name="btn"),
                rx.el.span(rx.cond(state.filtered, "That is all that matches.", "You've reached the first entry.")),
            ),
            focus_on_change(target=state.first_new, seq=state.loads),
            class_name="ledger-foot",
        ),
        id="activity",
    )


def _nothing() -> rx.Component:
    return rx.cond(
        ActivityState.filtered,
        empty(nothing_fits(ActivityState.filters), link("Clear filters", to=PATH, class_name="btn sm")),
        empty(
            "Nothing here yet. Money in and out of your accounts will appear here, newest first.",
            button_link("Move money", "/move", style="primary"),
        ),
    )


def activity() -> rx.Component:
    """The page."""
    state = ActivityState
    some = (state.days.length() > 0) | (state.pending.length() > 0)
    return shell(
        page_head("Activity", freshness(), sub="All your accounts, newest first"),
        rx.cond(state.failed != "", failed_panel(state.failed, state.open), rx.fragment()),
        rx.cond(state.loaded, rx.fragment(), waiting("activity")),
        rx.el.section(
            rx.cond(
                state.loaded,
                rx.fragment(
                    rx.cond(
                        some | state.filtered,
                        rx.fragment(
                            entry_filters(state, label="Entries of all accounts"), filter_chips(state, to=PATH)
                        ),
                        rx.fragment(),
                    ),
                    rx.cond(some, _entries(), _nothing()),
                ),
                row_bones(8),
            ),
            class_name="card flush with-filters",
        ),
        here=PATH,
    )
