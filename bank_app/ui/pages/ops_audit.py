"""For the bank's people: who did what, in pages that can be filtered, each record with its place in the chain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import reflex as rx

from bank_app.errors import BankError
from bank_app.services import audit_records, audit_trail
from bank_app.services.audit_records import RecordView
from bank_app.services.lists import Page
from bank_app.ui import audit_words, calls, messages, words
from bank_app.ui.audit_filters import PATH, AuditFilters
from bank_app.ui.audit_words import Change, Detail, Record
from bank_app.ui.filters import Chip
from bank_app.ui.guard import exposed
from bank_app.ui.notices import is_full
from bank_app.ui.session import actor_of

_PAGE = 25
_MOST = 2**62


@dataclass(frozen=True)
class Choice:
    """A kind of action that can be chosen."""

    key: str
    words: str


class AuditState(rx.State):
    """The list; what is looked for stands in the address."""

    loaded: bool = False
    failed: str = ""
    filters: AuditFilters = AuditFilters()
    # What stands in the form, which may be what could not be understood.
    asked: AuditFilters = AuditFilters()
    filtered: bool = False
    filters_open: bool = False
    chips: list[Chip] = []
    actions: list[Choice] = []
    rows: list[Record] = []
    said: str = ""
    # Where the list can be taken away as a file, for those who may.
    as_csv: str = ""
    as_json: str = ""
    more: bool = False
    fresh: int = 0
    first_new: str = ""
    loads: int = 0
    # The record that is open, and the row that gets the focus back.
    opened: int = 0
    shown: int = 0
    detail: Detail = Detail()
    changes: list[Change] = []
    closed: int = 0
    closed_row: str = ""
    _cursor: str | None = None

    @exposed(staff=True)
    async def open(self) -> None:
        """Loads the first page of what the address looks for."""
        self.filters = self.asked = AuditFilters.of(self.router.url.query_parameters)
        self.chips, self.filtered = self.filters.chips(), self.filters.any()
        wanted = self.filters
        self.filters_open = self.filters_open or bool(
            wanted.wrong or wanted.action or wanted.outcome or wanted.since or wanted.until
        )
        self.as_csv = self.as_json = ""
        if audit_trail.may_use_programs(await actor_of(self)):
            self.as_csv, self.as_json = wanted.address(f"{PATH}/export.csv"), wanted.address(f"{PATH}/export.json")
        self._cursor, self.first_new, self.fresh, self.opened = None, "", 0, 0
        await self._load(first=True)

    @exposed(staff=True)
    async def refresh(self) -> None:
        """How many came in above what is shown is offered, not shown; a sealed record never changes."""
        if not self.loaded or self.failed:
            return
        page = await self._find(None)
        if page is not None:
            newest = self.rows[0].number if self.rows else 0
            self.fresh = sum(record.number > newest for record in page.items)
        if self.opened:
            await self._read(self.opened)

    @exposed(staff=True)
    async def show_fresh(self) -> None:
        """Brings in what came since."""
        self._cursor, self.fresh = None, 0
        await self._load(first=True)

    @exposed(staff=True)
    def show_filters(self) -> None:
        """Opens or closes the fields."""
        self.filters_open = not self.filters_open

    @exposed(staff=True)
    def search(self, form: dict[str, Any]) -> Any:
        """Puts what the form asks for into the address, which loads it."""
        wanted = AuditFilters.of(form if isinstance(form, dict) else {})
        if wanted.wrong:
            self.asked, self.filters_open = wanted, True
            return None
        return rx.redirect(wanted.address())

    @exposed(staff=True)
    async def load_more(self) -> None:
        """The next page; the focus goes to its first row."""
        if self._cursor is None or await is_full(self, self.rows):
            return
        before = len(self.rows)
        await self._load(first=False)
        self.first_new = self.rows[before].key if len(self.rows) > before else ""
        self.loads += 1

    @exposed(staff=True)
    async def look_at(self, number: int) -> Any:
        """Opens a record below its row, or closes it."""
        if number == self.opened:
            self._close()
            return
        if not isinstance(number, int) or not 0 < number < _MOST:
            return
        self.opened = number
        yield
        await self._read(number)

    async def _read(self, number: int) -> None:
        actor = await actor_of(self)
        try:
            place = await calls.read(lambda session: audit_records.get_record(session, actor, number))
        except BankError as error:
            self.failed = messages.refusal(error).text
            return
        self.detail, self.changes = audit_words.detail(place), audit_words.changes(place.record)
        self.shown = number

    @exposed(staff=True)
    def close(self) -> None:
        """Closes the record; its row gets the focus."""
        self._close()

    def _close(self) -> None:
        self.closed_row = f"record-{self.opened}"
        self.opened = 0
        self.closed += 1

    async def _load(self, *, first: bool) -> None:
        page = await self._find(self._cursor, kinds=first)
        if page is None:
            return
        found = [audit_words.row(item) for item in page.items]
        self.rows = found if first else [*self.rows, *found]
        self._cursor, self.more = page.next_cursor, page.next_cursor is not None
        self.failed, self.loaded = "", True

    async def _find(self, cursor: str | None, *, kinds: bool = False) -> Page[RecordView] | None:
        actor, wanted = await actor_of(self), self.filters.to_service()
        bank = calls.bank()
        if self.filters.wrong:
            self.said = ""
            return Page([], None)
        try:
            if cursor is None:
                await calls.call(audit_trail.seal, bank.db)
            if kinds:
                found = await calls.read(lambda session: audit_records.actions(session, actor))
                self.actions = [Choice(name, audit_words.action(name)) for name in found]
                count = await calls.search(
                    lambda session: audit_records.count(session, actor, wanted), narrowed=self.filtered
                )
                most = audit_records.MOST_COUNTED
                uncounted = self.filtered and count > most
                self.said = f"More than {most:,} records" if uncounted else words.count(count, "record")
            return await calls.search(
                lambda session: audit_records.list_records(session, actor, filters=wanted, limit=_PAGE, cursor=cursor),
                narrowed=self.filtered,
            )
        except BankError as error:
            self.failed = messages.refusal(error).text
            return None
