"""One account: its balance, how it came to be, and its ledger with filters. State only; the drawing is account_view."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import reflex as rx
from sqlalchemy.orm import Session

from bank_app import clock
from bank_app.domain import identifiers, money
from bank_app.domain.accounting import AccountStatus, FrozenFor, HoldState
from bank_app.errors import BankError
from bank_app.services import accounts, history
from bank_app.services.accounts import AccountView
from bank_app.services.auth import Actor
from bank_app.services.holds import HoldView, list_holds
from bank_app.services.lists import Page
from bank_app.ui import calls, charts, messages, rows, words
from bank_app.ui.filters import Chip, Filters
from bank_app.ui.guard import exposed
from bank_app.ui.session import actor_of

_PAGE = 25
_HOLDS_SHOWN = 10
RANGES = {"30": 30, "90": 90, "365": 365, "all": None}


@dataclass(frozen=True)
class Proof:
    """All entries of the account added up again, beside the stored balance."""

    holds: bool = False
    sentence: str = ""
    into: str = ""
    out: str = ""
    sum: str = ""


@dataclass(frozen=True)
class Loaded:
    """Everything that one look at the account needs, from one snapshot."""

    account: AccountView
    steps: list[history.Step]
    month: history.Totals
    page: Page[history.EntryView]
    totals: history.Totals
    open_holds: list[HoldView]


@dataclass(frozen=True)
class HoldLine:
    """An open hold: what for, until when, and how much."""

    key: str = ""
    words: str = ""
    amount: str = ""


class AccountState(rx.State):
    """What the page shows, ready-made. `shown` says whose numbers these are."""

    shown: str = ""
    missing: str = ""
    failed: str = ""
    title: str = ""
    tail: str = ""
    grouped: str = ""
    owner: str = ""
    status: str = ""
    banner: str = ""
    available: words.Figure = words.Figure()
    current: str = ""
    held: str = ""
    overdraft: str = ""
    transfer_limit: str = ""
    daily_limit: str = ""
    open_holds: list[HoldLine] = []
    month_in: str = ""
    month_out: str = ""
    chart: charts.Chart = charts.Chart()
    range: str = "90"
    as_table: bool = False
    proof: Proof = Proof()
    filters: Filters = Filters()
    chips: list[Chip] = []
    filtered: bool = False
    filters_open: bool = False
    export: str = ""
    days: list[rows.Day] = []
    caption: str = ""
    result: str = ""
    more: bool = False
    opened: str = ""
    first_new: str = ""
    loads: int = 0
    _number: int = 0
    _rows: list[rows.Row] = []
    _cursor: str | None = None
    _count: int = 0

    @exposed
    async def open(self) -> Any:
        """Loads the account and the filters of the address."""
        actor = await actor_of(self)
        written = self.router.url.path.rstrip("/").rsplit("/", 1)[-1]
        if written != self.shown:
            self.reset()
        self.proof, self.failed, self.missing = Proof(), "", ""
        self.filters = Filters.of(self.router.url.query_parameters)
        yield
        try:
            number = identifiers.parse_account_number(written)
            days = RANGES[self.range]
            found = await calls.read(lambda session: _look(session, actor, number, self.filters, days))
        except BankError as error:
            if error.code in ("account_not_found", "invalid_account_number"):
                self.missing = written
            else:
                self.failed = messages.refusal(error).text
            return
        self._number = number
        self._show_account(found, actor)
        self._show_entries(found)
        self.shown = written

    @exposed
    async def choose_range(self, days: str) -> None:
        """Another stretch of time in the chart."""
        if days not in RANGES or not self._number:
            return
        actor, number = await actor_of(self), self._number
        self.range = days
        found = await calls.read(
            lambda session: (
                accounts.get_account(session, actor, number),
                history.balance_steps(session, actor, account_id=number, days=RANGES[days]),
            )
        )
        self.chart = charts.balance_chart(found[1], found[0].currency)

    @exposed
    def show_table(self) -> None:
        """Chart or table."""
        self.as_table = not self.as_table

    @exposed
    def show_filters(self) -> None:
        """Opens or closes the fields."""
        self.filters_open = not self.filters_open

    @exposed
    async def prove(self) -> None:
        """Adds all entries up again, in front of the reader."""
        if not self._number:
            return
        actor, number = await actor_of(self), self._number
        began = time.perf_counter()
        account, totals = await calls.read(
            lambda session: (
                accounts.get_account(session, actor, number),
                history.summary(session, actor, number),
            )
        )
        took = round((time.perf_counter() - began) * 1000)
        added = totals.in_minor - totals.out_minor
        stored = money.display(account.balance_minor, account.currency)
        said = money.display(added, account.currency)
        holds = added == account.balance_minor
        entries = words.count(totals.count, "entry adds", "entries add")
        self.proof = Proof(
            holds=holds,
            sentence=f"{entries} up to {said} — "
            + (f"equal to the stored balance. {took} ms." if holds else f"but the stored balance is {stored}."),
            into=money.display(totals.in_minor, account.currency),
            out=money.display(totals.out_minor, account.currency),
            sum=said,
        )

    @exposed
    def search(self, form: dict[str, Any]) -> Any:
        """Puts the filters of the form into the address, which loads them."""
        wanted = Filters.of(form if isinstance(form, dict) else {})
        return rx.redirect(wanted.address(f"/accounts/{self.shown}"))

    @exposed
    async def load_more(self) -> Any:
        """The next entries below the last; the focus goes to the first of them."""
        if self._cursor is None or not self._number:
            return
        actor, number, cursor = await actor_of(self), self._number, self._cursor
        wanted = self.filters.to_history()
        page = await calls.read(
            lambda session: history.history(session, actor, number, filters=wanted, limit=_PAGE, cursor=cursor)
        )
        fresh = [rows.row(entry) for entry in page.items]
        self._rows = [*self._rows, *fresh]
        self._cursor = page.next_cursor
        self._arrange()
        self.result = f"{words.count(len(fresh), 'more loaded', 'more loaded')}, {len(self._rows):,} shown"
        self.first_new = fresh[0].key if fresh else ""
        self.loads += 1

    def _show_account(self, found: Loaded, actor: Actor) -> None:
        account = found.account
        code = account.currency
        self.title, self.tail = account.title, words.ending(account.number)
        self.grouped, self.status = account.grouped_number, account.status.value
        self.owner = account.owner_name if account.owner_id != actor.user_id else ""
        self.banner = _banner(account)
        self.available = words.figure(account.available_minor, code)
        self.current = money.display(account.balance_minor, code)
        self.held = money.display(-account.held_minor, code, signed=True) if account.held_minor else ""
        limit = account.overdraft_limit_minor
        self.overdraft = money.display(limit, code) if limit else ""
        at_once, daily = account.transfer_limit_minor, account.daily_limit_minor
        self.transfer_limit = "" if at_once is None else money.display(at_once, code)
        self.daily_limit = "" if daily is None else money.display(daily, code)
        self.open_holds = [_hold_line(hold) for hold in found.open_holds]
        self.month_in = money.display(found.month.in_minor, code, signed=True)
        self.month_out = money.display(-found.month.out_minor, code, signed=True)
        self.chart = charts.balance_chart(found.steps, code)
        self.opened = f"You've reached the first entry; the account was opened on {words.day(account.opened_at)}."

    def _show_entries(self, found: Loaded) -> None:
        account, code = found.account, found.account.currency
        path = f"/accounts/{account.number}"
        self._rows = [rows.row(entry) for entry in found.page.items]
        self._cursor, self._count = found.page.next_cursor, found.totals.count
        self._arrange()
        self.chips, self.filtered = self.filters.chips(path), self.filters.any()
        self.export = self.filters.address(f"{path}/export.csv")
        self.result = (
            f"{words.count(found.totals.count, 'entry', 'entries')} · "
            f"in {money.display(found.totals.in_minor, code)} · out {money.display(found.totals.out_minor, code)}"
        )

    def _arrange(self) -> None:
        self.days = rows.days(self._rows)
        self.more = self._cursor is not None
        self.caption = f"{self.title} {self.tail}, newest first, {len(self._rows):,} of {self._count:,}"


def _look(session: Session, actor: Actor, number: int, filters: Filters, days: int | None) -> Loaded:
    account = accounts.get_account(session, actor, number)
    month = clock.now().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    wanted = filters.to_history()
    return Loaded(
        account=account,
        steps=history.balance_steps(session, actor, account_id=number, days=days),
        month=history.summary(session, actor, number, filters=history.HistoryFilter(from_=month)),
        page=history.history(session, actor, number, filters=wanted, limit=_PAGE),
        totals=history.summary(session, actor, number, filters=wanted),
        open_holds=_open_holds(session, actor, account),
    )


def _open_holds(session: Session, actor: Actor, account: AccountView) -> list[HoldView]:
    """Asked only where something is held."""
    if not account.held_minor:
        return []
    found = list_holds(session, actor, account_id=account.id, state=HoldState.OPEN, limit=_HOLDS_SHOWN)
    return found.items


def _hold_line(hold: HoldView) -> HoldLine:
    what = hold.description or "Set aside"
    amount = money.display(-hold.amount_minor, hold.currency, signed=True)
    return HoldLine(str(hold.id), f"{what} · until {words.when(hold.expires_at)}", amount)


def _banner(account: AccountView) -> str:
    bank = calls.bank().settings.name
    if account.status is AccountStatus.CLOSED:
        return "This account is closed. It can be read, and nothing can move."
    if account.status is not AccountStatus.FROZEN:
        return ""
    if account.frozen_for is FrozenFor.ALL:
        return f"This account is frozen: money can neither arrive nor leave. Contact {bank}."
    return f"This account is frozen: money can arrive but can't leave. Contact {bank}."
