"""The ledger of one account: filters from the address, entries by pages, and new ones that wait to be shown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import reflex as rx
from sqlalchemy.orm import Session

from bank_app import clock
from bank_app.domain import identifiers, money
from bank_app.domain.text import isolated
from bank_app.errors import BankError
from bank_app.services import accounts, history
from bank_app.services.accounts import AccountView
from bank_app.services.actor import Actor
from bank_app.services.attempts import list_attempts
from bank_app.services.holds import HoldView
from bank_app.services.unposted import waiting
from bank_app.ui import calls, messages, rows, words
from bank_app.ui.filters import Chip, Filters
from bank_app.ui.guard import exposed
from bank_app.ui.notices import is_full
from bank_app.ui.session import actor_of

_PAGE = 25
_MOST_AT_ONCE = 200
_HOLDS = 10


@dataclass(frozen=True)
class Closing:
    """What joins the entries of a period: the balance before it, what came and went, and the balance after it."""

    brought: str = ""
    opening: str = ""
    period: str = ""
    into: str = ""
    out: str = ""
    closing: str = ""
    equation: str = ""


@dataclass(frozen=True)
class Read:
    """What one look at the ledger needs, from one snapshot."""

    account: AccountView
    rows: list[rows.Row]
    cursor: str | None
    totals: history.Totals
    opening_minor: int
    holds: list[HoldView]


class LedgerState(rx.State):
    """What the tab shows. `shown` says whose entries these are."""

    shown: str = ""
    failed: str = ""
    filters: Filters = Filters()
    # What stands in the form, which may be what could not be understood.
    asked: Filters = Filters()
    currencies: list[str] = []
    kinds: list[str] = []
    periods: list[Chip] = []
    chips: list[Chip] = []
    filtered: bool = False
    filter_count: int = 0
    export: str = ""
    export_words: str = ""
    pending: list[rows.Pending] = []
    set_aside: str = ""
    days: list[rows.Day] = []
    closing: Closing = Closing()
    before: Chip | None = None
    caption: str = ""
    result: str = ""
    more: bool = False
    more_words: str = ""
    opened: str = ""
    first_new: str = ""
    loads: int = 0
    fresh: int = 0
    _number: int = 0
    _code: str = ""
    _version: int = 0
    _rows: list[rows.Row] = []
    _cursor: str | None = None
    _total: history.Totals | None = None
    _title: str = ""

    @exposed
    async def open(self) -> Any:
        """Loads the entries that the address asks for."""
        actor = await actor_of(self)
        written = self.router.url.path.rstrip("/").rsplit("/", 1)[-1]
        if written != self.shown:
            self.reset()
        self.failed = ""
        yield
        try:
            number = self._number = identifiers.parse_account_number(written)
            account = await calls.read(lambda session: accounts.get_account(session, actor, number))
            self._code = account.currency
            self.filters = self.asked = Filters.of(self.router.url.query_parameters, account.currency)
            await self._load(actor, _PAGE)
        except BankError as error:
            # A page of no account says so as a whole.
            known = error.code not in ("account_not_found", "invalid_account_number")
            self.failed = messages.say("LEDGER_FAILED") if known else ""
            return
        self.shown = written

    @exposed
    async def refresh(self) -> None:
        """Counts what is new; the rows that are being read stay where they are."""
        written = self.router.url.path.rstrip("/").rsplit("/", 1)[-1]
        if not self._number or written != self.shown:
            return
        actor = await actor_of(self)
        try:
            self.fresh = await calls.read(lambda session: self._count_new(session, actor))
        except BankError:
            return

    @exposed
    async def show_fresh(self) -> None:
        """Puts the new entries above the others."""
        if not self._number:
            return
        actor = await actor_of(self)
        try:
            await self._load(actor, min(max(len(self._rows) + self.fresh, _PAGE), _MOST_AT_ONCE))
        except BankError:
            self.failed = messages.say("LEDGER_FAILED")

    @exposed
    def search(self, form: dict[str, Any]) -> Any:
        """Puts the filters of the form into the address, which loads them."""
        wanted = Filters.of(form if isinstance(form, dict) else {}, self._code, typed=True)
        if wanted.wrong:
            self.asked = wanted
            return None
        return rx.redirect(wanted.address(f"/accounts/{self.shown}"))

    @exposed
    async def load_more(self) -> Any:
        """The next entries below the last; the focus goes to the first of them."""
        if self._cursor is None or not self._number or await is_full(self, self._rows):
            return
        actor, number, cursor = await actor_of(self), self._number, self._cursor
        wanted = self.filters
        more, self._cursor = await calls.read(
            lambda session: _page(
                session, actor, accounts.get_account(session, actor, number), wanted, limit=_PAGE, cursor=cursor
            )
        )
        self._rows = [*self._rows, *more]
        self._arrange()
        self.result = f"{len(more)} more loaded, {len(self._rows):,} shown"
        self.first_new = more[0].key if more else ""
        self.loads += 1

    async def _load(self, actor: Actor, limit: int) -> None:
        number, filters = self._number, self.filters
        self._show(
            await calls.search(lambda session: _read(session, actor, number, filters, limit), narrowed=filters.any())
        )

    def _count_new(self, session: Session, actor: Actor) -> int:
        """New entries that the filters let through, and holds that came or went."""
        account = accounts.get_account(session, actor, self._number)
        if self.filters.wrong:
            return 0
        held = {str(hold.id) for hold in _open_holds(session, actor, account, self.filters)}
        changed = len(held ^ {hold.key for hold in self.pending})
        if self.filters.beside_the_books():
            return changed
        if account.version == self._version or not self.filters.any():
            return account.version - self._version + changed
        totals = history.summary(session, actor, self._number, filters=self.filters.to_history())
        return max(totals.count - (self._total.count if self._total else 0), 0) + changed

    def _show(self, found: Read) -> None:
        account, code = found.account, found.account.currency
        path = f"/accounts/{account.number}"
        self._title, self._version, self.fresh = words.named(account.title, account.number), account.version, 0
        self._rows, self._cursor, self._total = found.rows, found.cursor, found.totals
        self.pending = [rows.pending(hold) for hold in found.holds]
        held = sum(hold.amount_minor for hold in found.holds)
        self.set_aside = f"{money.display(held, code)} set aside" if held else ""
        self.kinds, self.periods = self.filters.kinds(), self.filters.periods(path)
        self.chips, self.filtered = self.filters.chips(path), self.filters.any()
        self.filter_count = self.filters.count("q")
        self.before = self.filters.month_before(path) if self.filters.is_period() else None
        self.export = self.filters.address(f"{path}/export.csv")
        entries = words.count(found.totals.count, "entry", "entries")
        self.export_words = f"Export {'this' if found.totals.count == 1 else 'these'} {entries}"
        self.result = (
            f"{entries} · in {money.display(found.totals.in_minor, code)} · "
            f"out {money.display(found.totals.out_minor, code)}"
        )
        if self.filters.beside_the_books():
            self.export_words, self.result = "", rows.beside(self.filters.status, found.rows, found.cursor, found.holds)
        if self.filters.wrong:
            self.export_words = self.result = ""
        self.opened = f"You've reached the first entry; the account was opened on {words.day(account.opened_at)}."
        self.closing = _closing(found, self.filters)
        self._arrange()

    def _arrange(self) -> None:
        self.days = rows.days(self._rows)
        self.more = self._cursor is not None
        count = self._total.count if self._total else 0
        self.more_words = f"Load {min(max(count - len(self._rows), 1), _PAGE)} more"
        self.caption = f"{isolated(self._title)}, newest first, {len(self._rows):,} of {count:,}"
        if self.filters.beside_the_books():
            self.more_words, self.caption = "Load more", f"{isolated(self._title)}, newest first"


def _read(session: Session, actor: Actor, number: int, filters: Filters, limit: int) -> Read:
    account = accounts.get_account(session, actor, number)
    if filters.wrong:
        return Read(account, [], None, history.Totals(0, 0, 0), 0, [])
    wanted = filters.to_history()
    opening = 0
    if wanted.from_ and filters.is_period():
        before = wanted.from_ - timedelta(microseconds=1)
        opening = history.balance_at(session, actor, number, at=before).balance_minor
    found, cursor = _page(session, actor, account, filters, limit=limit)
    beside = filters.beside_the_books()
    return Read(
        account=account,
        rows=found,
        cursor=cursor,
        totals=history.Totals(0, 0, 0) if beside else history.summary(session, actor, number, filters=wanted),
        opening_minor=opening,
        holds=_open_holds(session, actor, account, filters),
    )


def _page(
    session: Session, actor: Actor, account: AccountView, filters: Filters, *, limit: int, cursor: str | None = None
) -> tuple[list[rows.Row], str | None]:
    """Entries as rows, or what was declined; money that is set aside stands above them, not among them."""
    wanted = filters.to_history()
    if filters.status == "pending":
        return [], None
    if filters.status == "declined":
        tried = list_attempts(session, actor, account.id, filters=wanted, limit=limit, cursor=cursor)
        named, bank = words.named(account.title, account.number), calls.bank().settings.name
        return [rows.declined(one, rows.why(one, named, actor.role, bank)) for one in tried.items], tried.next_cursor
    page = history.history(session, actor, account.id, filters=wanted, limit=limit, cursor=cursor)
    return [rows.row(entry) for entry in page.items], page.next_cursor


def _open_holds(session: Session, actor: Actor, account: AccountView, filters: Filters) -> list[HoldView]:
    """What is set aside now, above the entries of a period that reaches to now."""
    if filters.status == "pending":
        return waiting(session, actor, [account], filters=filters.to_history(), limit=_MOST_AT_ONCE)
    over = bool(filters.until) and filters.until < f"{clock.now():%Y-%m-%d}"
    return [] if over or not filters.is_period() else waiting(session, actor, [account], limit=_HOLDS)


def _closing(found: Read, filters: Filters) -> Closing:
    """Only where the entries are all of a period: a search leaves out what the balances are made of."""
    if not filters.is_period() or not found.totals.count:
        return Closing()
    code, totals = found.account.currency, found.totals
    wanted = filters.to_history()
    first = words.day(wanted.from_) if wanted.from_ else ""
    last = words.day(wanted.to - timedelta(days=1)) if wanted.to else "today"
    entries = words.count(totals.count, "entry", "entries")
    closing = found.opening_minor + totals.in_minor - totals.out_minor

    def shown(minor: int) -> str:
        return money.display(minor, code)

    return Closing(
        brought=f"Brought forward, {first}" if first else "Opened",
        opening=shown(found.opening_minor),
        period=f"{first} to {last}, {entries}" if first else entries,
        into=money.display(totals.in_minor, code, signed=True),
        out=money.display(-totals.out_minor, code, signed=True),
        closing=shown(closing),
        equation=f"Opening {shown(found.opening_minor)} + in {shown(totals.in_minor)} "
        f"{money.MINUS} out {shown(totals.out_minor)} = closing {shown(closing)}",
    )
