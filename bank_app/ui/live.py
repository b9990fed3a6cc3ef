"""Live pages without a question per browser: each worker asks the books for all of its open tabs at once.

A page that opens says which accounts it is about. One task per worker asks every 300 ms whether any of them looks
different, and every 1.5 seconds whose sign-in is over, who hides amounts and what the audit trail says; a worker
without tabs asks nothing. A tab that is concerned gets an event, which passes the guard like one of its own: it reads
as the person whose cookie it has, or it finds out that it is signed out. So nothing about anybody travels here but
"look again".
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import reflex as rx
from reflex.event import Event
from reflex.state import State
from sqlalchemy.orm import Session

from bank_app import clock
from bank_app.database import Database
from bank_app.domain.identifiers import account_number_text, parse_account_number
from bank_app.errors import BankError, DatabaseUnavailable
from bank_app.services import accounts, changes, notices, preferences
from bank_app.services.actor import Actor
from bank_app.services.changes import Looks, Mark
from bank_app.services.notices import Notice
from bank_app.ui import calls, current, notice_words
from bank_app.ui.behind import BehindState
from bank_app.ui.books import BooksState
from bank_app.ui.guard import exposed
from bank_app.ui.notices import notify
from bank_app.ui.palette import PaletteState
from bank_app.ui.session import STAFF, actor_of

log = logging.getLogger(__name__)

MANY = notices.MOST_UNREAD + 1
_EVERY = 0.3
# Every so many rounds: who is signed out, and what was recorded.
_SELDOM = 5
# Every so many rounds: states of tabs that are still open are kept, however long nobody has touched them.
_KEEPING = 600
# A tab is told at once and then at most this often; a busy account cannot make its pages read without pause.
_PAUSE = 1.0
_TOLD_AT_ONCE = 6
_LONGEST_EVENT = 10.0
# A unit of work ends after the moments that it wrote down.
_LATE = timedelta(seconds=10)


# --- which tabs are open, and what they show --------------------------------------------------------------


@dataclass
class Tab:
    """One open page. Held in memory by the worker that holds its socket."""

    token: str
    user_id: UUID
    sign_in_id: UUID | None
    is_staff: bool
    path: str
    looks: Looks = ()
    accounts: set[int] = field(default_factory=set)
    due: bool = False
    # Everything on the page is to be written once more, not only what the books changed.
    anew: bool = False
    telling: asyncio.Task[None] | None = None


class Watch:
    """The tabs of this worker, and what the accounts that they show looked like when last asked."""

    def __init__(self) -> None:
        """Nobody is here yet."""
        self.tabs: dict[str, Tab] = {}
        self._marks: dict[int, Mark] = {}

    def begin(self, token: str, actor: Actor, path: str, marks: Mapping[int, Mark]) -> None:
        """A tab shows another page. `marks` were read before the page reads, so nothing falls between the two."""
        tab = self.tabs.get(token)
        if tab is None:
            tab = self.tabs[token] = Tab(token, actor.user_id, actor.sign_in_id, actor.role in STAFF, path)
        tab.user_id, tab.sign_in_id, tab.is_staff = actor.user_id, actor.sign_in_id, actor.role in STAFF
        tab.path, tab.accounts, tab.looks = path, set(marks), preferences.looks(actor.preferences)
        self._remember(marks)

    def also(self, token: str, marks: Mapping[int, Mark]) -> None:
        """The page is about these accounts, too."""
        if token in self.tabs:
            self.tabs[token].accounts |= set(marks)
            self._remember(marks)

    def keep_only(self, connected: Collection[str]) -> None:
        """Forgets the tabs that are gone, and what only they have shown."""
        for token in self.tabs.keys() - set(connected):
            del self.tabs[token]
        shown = self.accounts()
        for number in self._marks.keys() - shown:
            del self._marks[number]

    def accounts(self) -> set[int]:
        """All accounts that are shown anywhere."""
        return set().union(*(tab.accounts for tab in self.tabs.values()))

    def sign_ins(self) -> set[UUID]:
        """All sign-ins that pages are open for."""
        return {tab.sign_in_id for tab in self.tabs.values() if tab.sign_in_id}

    def compare(self, marks: Mapping[int, Mark]) -> list[Tab]:
        """The tabs that show an account which looks different now."""
        changed = {number for number, mark in marks.items() if self._marks.get(number, mark) != mark}
        self._marks.update((number, mark) for number, mark in marks.items() if number in self._marks)
        return [tab for tab in self.tabs.values() if tab.accounts & changed] if changed else []

    def about(self, objects: Collection[str]) -> list[Tab]:
        """The tabs of the people or accounts that records are about; the bank's people see all records."""
        if not objects:
            return []
        return [
            tab for tab in self.tabs.values()
            if tab.is_staff
            or f"user {tab.user_id}" in objects
            or any(f"account {account_number_text(number)}" in objects for number in tab.accounts)
        ]  # fmt: skip

    def of_staff(self) -> list[Tab]:
        """The tabs of the bank's people."""
        return [tab for tab in self.tabs.values() if tab.is_staff]

    def looks(self, token: str, looks: Looks) -> None:
        """A tab writes its page in this way from now on."""
        if token in self.tabs:
            self.tabs[token].looks = looks

    def written_otherwise(self, wanted: Mapping[UUID, Looks]) -> list[Tab]:
        """The tabs whose person wants pages written in another way than they are, by what was chosen elsewhere."""
        found = [tab for tab in self.tabs.values() if tab.sign_in_id in wanted and wanted[tab.sign_in_id] != tab.looks]
        for tab in found:
            tab.looks, tab.anew = wanted[tab.sign_in_id] if tab.sign_in_id else (), True
        return found

    def signed_out(self, good: Collection[UUID]) -> list[Tab]:
        """The tabs whose sign-in is over."""
        return [tab for tab in self.tabs.values() if tab.sign_in_id not in good]

    def _remember(self, marks: Mapping[int, Mark]) -> None:
        # What is known stays: an older mark tells the other tabs of a change that this one has just read.
        for number, mark in marks.items():
            self._marks.setdefault(number, mark)


WATCH = Watch()


async def also_watch(state: rx.State, *account_ids: int) -> None:
    """Says that a page is about accounts besides the person's own. Its service must have shown them to the actor."""
    marks = await calls.call(changes.marks, calls.bank().db, account_ids)
    WATCH.also(state.router.session.client_token, marks)


# --- one tab: what its person hears ------------------------------------------------------------------------


class LiveState(rx.State):
    """The bell, and what was said of things that came in while the page was open."""

    unread: int = 0
    said: str = ""
    urgent: str = ""
    seq: int = 0
    _looked: datetime | None = None
    _told: frozenset[str] = frozenset()

    @exposed
    async def watch(self) -> None:
        """A page opens: from here on it hears of its accounts. Comes before the page reads anything."""
        actor, db, path = await actor_of(self), calls.bank().db, self.router.url.path
        try:
            shown = await calls.read(lambda session: _accounts_of(session, actor, path))
            marks = await calls.call(changes.marks, db, shown)
            WATCH.begin(self.router.session.client_token, actor, path, marks)
            await self._listen(actor)
        except DatabaseUnavailable:
            # The page itself says so.
            return

    @exposed
    async def arrived(self) -> None:
        """Something changed for this person: counts it, says it, shows it. Carries nothing, so anybody may ask."""
        try:
            await self._listen(await actor_of(self))
        except DatabaseUnavailable:
            return

    @exposed
    async def redraw(self) -> Any:
        """Amounts are hidden, shown or written in another way now: everything that this tab has is written anew."""
        actor, root = await actor_of(self), self._get_root_state()
        WATCH.looks(self.router.session.client_token, preferences.looks(actor.preferences))
        # What other pages had shown is forgotten, and so is what was said.
        self.said = self.urgent = ""
        page, _ = current.page_at(self.router.url.path)
        if page is None:
            return None
        kept = {handler.state_full_name for handler in page.on_load}
        for name in {handler.state_full_name for other in current.others(page) for handler in other.on_load} - kept:
            root.get_substate(name.split(".")).reset()
        for other in (BehindState, PaletteState):
            (await self.get_state(other)).reset()
        return [*page.written_anew(), BooksState.look]

    async def _listen(self, actor: Actor) -> None:
        first, since = self._looked is None, (self._looked or clock.now()) - _LATE
        self._looked = clock.now()
        news = await calls.read(lambda session: notices.news(session, actor, since=since))
        fresh = [notice for notice in news.fresh if notice.key not in self._told]
        self.unread, self._told = news.unread, frozenset(notice.key for notice in news.fresh)
        if fresh and not first:
            await self._tell(fresh)

    async def _tell(self, fresh: list[Notice]) -> None:
        """The newest as an echo; all of it in words for people who do not see the page."""
        if echo := notice_words.echo(fresh, calls.bank().settings.name):
            await notify(self, echo, "arrival")
        self.said = notice_words.announcement([notice for notice in fresh if not notice_words.is_urgent(notice)])
        self.urgent = notice_words.announcement([notice for notice in fresh if notice_words.is_urgent(notice)])
        self.seq += 1


def _accounts_of(session: Session, actor: Actor, path: str) -> list[int]:
    """A person's own accounts, and the one in the address if it may be seen."""
    shown = {account.id for account in accounts.own_accounts(session, actor)}
    _, values = current.page_at(path)
    if number := values.get("account_id"):
        with contextlib.suppress(BankError):
            shown.add(accounts.get_account(session, actor, parse_account_number(number)).id)
    return sorted(shown)


# --- the one task of a worker ------------------------------------------------------------------------------


@dataclass(frozen=True)
class News:
    """What one round found out. Sign-ins, records and the newest transaction are asked for seldom."""

    marks: Mapping[int, Mark]
    signed_in: Mapping[UUID, Looks] | None = None
    records: Mapping[UUID, str] = field(default_factory=dict)
    newest: UUID | None = None


class Rounds:
    """Asks again and again, and tells the tabs concerned."""

    def __init__(self, app: rx.App, watch: Watch) -> None:
        """Has asked nothing yet."""
        self._app, self._watch = app, watch
        self._number = 0
        self._records: set[UUID] | None = None
        self._newest: UUID | None = None
        self._room = asyncio.Semaphore(_TOLD_AT_ONCE)
        self._ending: set[asyncio.Task[None]] = set()
        self._failing = False

    async def run(self) -> None:
        """Until the worker ends. Nothing that fails here may end it: pages would lie without knowing."""
        while True:
            await asyncio.sleep(_EVERY)
            try:
                await self._once()
                self._failing = False
            except Exception as error:
                if not self._failing:
                    log.warning("live updates pause: %s", error, exc_info=not isinstance(error, BankError))
                self._failing = True

    async def _once(self) -> None:
        self._watch.keep_only(self._app.event_namespace.token_to_sid if self._app.event_namespace else ())
        if not self._watch.tabs:
            self._records = self._newest = None
            return
        self._number += 1
        seldom = self._number % _SELDOM == 1
        sign_ins = self._watch.sign_ins() if seldom else None
        db = calls.bank().db
        news = await calls.call(_ask, db, self._watch.accounts(), sign_ins)
        due = self._watch.compare(news.marks)
        if news.signed_in is not None:
            due += self._recorded(news) + self._watch.written_otherwise(news.signed_in)
            for tab in self._watch.signed_out(news.signed_in):
                # The guard finds out as well, and sends the tab away. Once: it has nothing to watch any more.
                del self._watch.tabs[tab.token]
                self._end(tab)
        for tab in due:
            self._tell(tab)
        if self._number % _KEEPING == 0:
            await self._keep_states()

    def _recorded(self, news: News) -> list[Tab]:
        """The tabs that records since the last time are about, and the bank's people whenever money moved."""
        before, self._records = self._records, set(news.records)
        moved, self._newest = self._newest not in (None, news.newest), news.newest
        if before is None:
            return []
        fresh = {what for record, what in news.records.items() if record not in before}
        return self._watch.about(fresh) + (self._watch.of_staff() if moved else [])

    def _tell(self, tab: Tab) -> None:
        tab.due = True
        if tab.telling is None or tab.telling.done():
            tab.telling = asyncio.create_task(self._tell_until_told(tab))

    async def _tell_until_told(self, tab: Tab) -> None:
        while tab.due and self._watch.tabs.get(tab.token) is tab:
            async with self._room:
                anew, tab.due, tab.anew = tab.anew, False, False
                page, _ = current.page_at(tab.path)
                await self._send(tab, [LiveState.redraw] if anew else [page.refresh] if page and page.refresh else [])
            await asyncio.sleep(_PAUSE)

    def _end(self, tab: Tab) -> None:
        ending = asyncio.create_task(self._send(tab, []))
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)

    async def _send(self, tab: Tab, page: Sequence[Any]) -> None:
        """Queues the events as if the tab had sent them, under its own state, and waits for them."""
        events = [event for handler in (*page, LiveState.arrived) for event in Event.from_event_type(handler)]
        queued = await self._app.event_processor.enqueue_many(tab.token, *events)
        # With all that followed from them. One that fails says so where handlers do; one that is slow goes on alone.
        waits = asyncio.gather(*(each.wait_all() for each in queued), return_exceptions=True)
        await asyncio.wait([waits], timeout=_LONGEST_EVENT)

    async def _keep_states(self) -> None:
        """A state is thrown away some time after its last event, but an open page still shows it."""
        for token in list(self._watch.tabs):
            await self._app.state_manager.get_state(rx.BaseStateToken(ident=token, cls=State))


def _ask(db: Database, account_ids: Collection[int], sign_ins: Collection[UUID] | None) -> News:
    marks = changes.marks(db, account_ids)
    if sign_ins is None:
        return News(marks)
    return News(
        marks,
        changes.still_signed_in(db, sign_ins),
        changes.recorded(db, since=clock.now() - _LATE),
        changes.newest_transaction(db),
    )


async def deliver(app: rx.App) -> None:
    """The task, as the application starts it in each worker."""
    await Rounds(app, WATCH).run()
