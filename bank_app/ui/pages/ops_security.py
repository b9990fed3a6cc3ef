"""For auditors and administrators: who came in, who was refused, what was taken away, and what stands out of it."""

from __future__ import annotations

from typing import Any

import reflex as rx
from sqlalchemy.orm import Session

from bank_app.errors import BankError
from bank_app.services import security_watch
from bank_app.services.lists import Page
from bank_app.services.security_watch import EventView
from bank_app.ui import calls, forms, messages, security_words, words
from bank_app.ui.filters import Chip
from bank_app.ui.guard import exposed
from bank_app.ui.notices import is_full
from bank_app.ui.security_filters import PATH, SecurityFilters
from bank_app.ui.security_words import Detail, Fact, Row, Warned
from bank_app.ui.session import actor_of

_PAGE = 25


class SecurityEventsState(rx.State):
    """The alarms and the list; what is looked for stands in the address."""

    loaded: bool = False
    failed: str = ""
    alarms: list[Warned] = []
    filters: SecurityFilters = SecurityFilters()
    # What stands in the form, which may be what could not be understood.
    asked: SecurityFilters = SecurityFilters()
    filtered: bool = False
    filters_open: bool = False
    chips: list[Chip] = []
    rows: list[Row] = []
    said: str = ""
    # Where the list can be taken away as a file.
    as_csv: str = ""
    as_json: str = ""
    more: bool = False
    fresh: int = 0
    first_new: str = ""
    loads: int = 0
    # The event that is open, and the row that gets the focus back.
    opened: str = ""
    shown: str = ""
    of_event: Detail = Detail()
    facts: list[Fact] = []
    closed: int = 0
    closed_row: str = ""
    _cursor: str | None = None

    @exposed(staff=True)
    async def open(self) -> None:
        """Loads the alarms, and the first page of what the address looks for."""
        self.filters = self.asked = wanted = SecurityFilters.of(self.router.url.query_parameters)
        self.chips, self.filtered = wanted.chips(), wanted.any()
        self.filters_open = self.filters_open or bool(wanted.wrong) or wanted.count("q", "person") > 0
        self.as_csv, self.as_json = wanted.address(f"{PATH}/export.csv"), wanted.address(f"{PATH}/export.json")
        self._cursor, self.first_new, self.fresh, self.opened = None, "", 0, ""
        await self._load(first=True)

    @exposed(staff=True)
    async def refresh(self) -> None:
        """The alarms of now; how many events came in above those shown is offered, not shown."""
        if not self.loaded or self.failed:
            return
        page = await self._find(None, first=True)
        if page is not None:
            newest = self.rows[0].id if self.rows else ""
            self.fresh = sum(str(view.id) > newest for view in page.items)

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
        wanted = SecurityFilters.of(form if isinstance(form, dict) else {})
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
    async def look_at(self, event_id: str) -> Any:
        """Opens an event below its row, or closes it."""
        if event_id == self.opened:
            self._close()
            return
        found = forms.identifier(event_id)
        if found is None:
            return
        self.opened = event_id
        yield
        actor = await actor_of(self)
        try:
            view = await calls.read(lambda session: security_watch.get_event(session, actor, found))
        except BankError as error:
            self.failed = messages.refusal(error).text
            return
        self.of_event, self.facts = security_words.detail(view), security_words.facts(view)
        self.shown = event_id

    @exposed(staff=True)
    def close(self) -> None:
        """Closes the event; its row gets the focus."""
        self._close()

    def _close(self) -> None:
        self.closed_row = f"event-{self.opened}"
        self.opened = ""
        self.closed += 1

    async def _load(self, *, first: bool) -> None:
        page = await self._find(self._cursor, first=first)
        if page is None:
            return
        found = [security_words.row(view) for view in page.items]
        self.rows = found if first else [*self.rows, *found]
        self._cursor, self.more = page.next_cursor, page.next_cursor is not None
        self.failed, self.loaded = "", True

    async def _find(self, cursor: str | None, *, first: bool) -> Page[EventView] | None:
        actor, wanted = await actor_of(self), self.filters.to_service()
        nothing = bool(self.filters.wrong)

        def look(session: Session) -> tuple[list[Warned] | None, int, Page[EventView]]:
            if nothing:
                security_watch.must_be_reader(actor)
            warned = (
                [security_words.alarm(*one) for one in security_watch.alarms_for(session, actor)] if first else None
            )
            if nothing:
                return warned, 0, Page([], None)
            number = security_watch.count(session, actor, wanted) if first else 0
            page = security_watch.list_events(session, actor, filters=wanted, limit=_PAGE, cursor=cursor)
            return warned, number, page

        try:
            warned, number, page = await calls.search(look, narrowed=self.filtered)
        except BankError as error:
            self.failed = messages.refusal(error).text
            return None
        if warned is not None:
            self.alarms = warned
            most = security_watch.MOST_COUNTED
            self.said = f"More than {most:,} events" if number > most else words.count(number, "event")
            self.said = "" if nothing else self.said
        return page
