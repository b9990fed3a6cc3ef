"""Statements: the months of an account, and one period as a page to read and to print. State only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import reflex as rx
from sqlalchemy.orm import Session

from bank_app import clock
from bank_app.domain import digits, identifiers, money
from bank_app.errors import BankError
from bank_app.services import accounts, history, statements
from bank_app.services.accounts import AccountView
from bank_app.services.actor import Actor
from bank_app.services.statements import MonthView, Sealed
from bank_app.ui import calls, forms, messages, rows, words
from bank_app.ui.components.fields import Problem
from bank_app.ui.guard import exposed
from bank_app.ui.money_form import number_of
from bank_app.ui.pages.accounts import everyday_first
from bank_app.ui.session import actor_of
from bank_app.ui.statement_routes import period_of

_MOST_ROWS = 1_000


@dataclass(frozen=True)
class Choice:
    """An account whose months can be shown."""

    number: str
    name: str
    address: str


@dataclass(frozen=True)
class Month:
    """One month in the list."""

    key: str
    name: str
    opening: str
    into: str
    out: str
    closing: str
    counted: str
    adds_up: bool
    address: str
    csv: str
    json: str


class StatementsState(rx.State):
    """The months of the account that the address names, or of the first one."""

    loaded: bool = False
    failed: str = ""
    missing: bool = False
    choices: list[Choice] = []
    shown: str = ""
    title: str = ""
    months: list[Month] = []
    all_add_up: bool = True
    checked: str = ""
    first_day: str = ""
    last_day: str = ""
    problems: list[Problem] = []
    from_error: str = ""
    to_error: str = ""
    answer: int = 0

    @exposed
    async def open(self) -> None:
        """Loads the months."""
        self.problems, self.from_error, self.to_error = [], "", ""
        await self._load()

    @exposed
    async def refresh(self) -> None:
        """The same again, without taking anything away meanwhile."""
        await self._load()

    @exposed
    async def show_period(self, form: dict[str, Any]) -> Any:
        """Shows a period of any length as a page."""
        await actor_of(self)
        first, last = (_day(forms.field(form, name, 20)) for name in ("from", "to"))
        wrong = messages.say("DATE_INVALID")
        self.answer += 1
        self.from_error, self.to_error = "" if first else wrong, "" if last else wrong
        if first and last and last < first:
            self.to_error = messages.say("PERIOD_INVALID")
        found = (("from", self.from_error), ("to", self.to_error))
        self.problems = [Problem(field, text) for field, text in found if text]
        if self.problems or not self.shown:
            return None
        return rx.redirect(f"/statements/{self.shown}?" + urlencode({"from": str(first), "to": str(last)}))

    async def _load(self) -> None:
        actor = await actor_of(self)
        wanted = number_of(self.router.url.query_parameters.get("account"))
        try:
            own, account, months = await calls.read(lambda session: _months(session, actor, wanted))
        except BankError as error:
            self.failed = messages.refusal(error).text
            return
        self.choices = [Choice(a.number, words.named(a.title, a.number), _list(a)) for a in own]
        self.shown = account.number if account else ""
        self.title = words.named(account.title, account.number) if account else ""
        self.months = [_month(account, month) for month in months] if account else []
        self.all_add_up = all(month.adds_up for month in months)
        self.checked = words.count(len(months), "month")
        today = clock.now().date()
        self.first_day, self.last_day = f"{today - timedelta(days=30)}", f"{today}"
        self.failed, self.loaded = "", True


def _months(
    session: Session, actor: Actor, wanted: int | None
) -> tuple[list[AccountView], AccountView | None, list[MonthView]]:
    own = everyday_first(accounts.own_accounts(session, actor))
    account = accounts.get_account(session, actor, wanted) if wanted is not None else own[0] if own else None
    return own, account, statements.months(session, actor, account.id) if account else []


def _list(account: AccountView) -> str:
    return f"/statements?account={account.number}"


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(digits.plain(text))
    except ValueError:
        return None


def _month(account: AccountView, month: MonthView) -> Month:
    code, path = account.currency, f"/accounts/{account.number}/statement"
    begun = month.start <= clock.now() < month.end
    return Month(
        key=month.key,
        name=words.month_and_year(month.start) + (", so far" if begun else ""),
        opening=money.display(month.opening_minor, code),
        into=money.display(month.in_minor, code, signed=bool(month.in_minor)),
        out=money.display(-month.out_minor, code, signed=bool(month.out_minor)),
        closing=money.display(month.closing_minor, code),
        counted=words.count(month.entries, "entry", "entries"),
        adds_up=month.adds_up,
        address=f"/statements/{account.number}?month={month.key}",
        csv=f"{path}.csv?month={month.key}",
        json=f"{path}.json?month={month.key}",
    )


# --- one period -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Paper:
    """What stands around the entries of a statement."""

    title: str = ""
    account: str = ""
    number: str = ""
    owner: str = ""
    period: str = ""
    opening: str = ""
    into: str = ""
    out: str = ""
    closing: str = ""
    opening_words: str = ""
    closing_words: str = ""
    counted: str = ""
    nothing: str = ""
    cut: str = ""
    hash: str = ""
    hash_short: str = ""
    made: str = ""
    csv: str = ""
    json: str = ""
    before: str = ""
    after: str = ""
    back: str = "/statements"
    address: str = ""


class StatementState(rx.State):
    """One period of one account."""

    shown: str = ""
    missing: str = ""
    failed: str = ""
    paper: Paper = Paper()
    days: list[rows.Day] = []
    caption: str = ""

    @exposed
    async def open(self) -> Any:
        """Reads the period of the address; without one, this month."""
        actor = await actor_of(self)
        written = self.router.url.path.rstrip("/").rsplit("/", 1)[-1]
        query = self.router.url.query_parameters
        asked = any(query.get(name) for name in ("month", "from", "to"))
        period = period_of(query) if asked else statements.month_of(f"{clock.now():%Y-%m}")
        self.reset()
        yield
        if asked and period is None:
            self.failed = messages.say("PERIOD_UNKNOWN")
            return
        try:
            number = identifiers.parse_account_number(written)
            start, end = period or (clock.now(), clock.now())
            sealed, entries = await calls.read_much(actor, lambda session: _period(session, actor, number, start, end))
        except BankError as error:
            if error.code in ("account_not_found", "invalid_account_number"):
                self.missing = written
            else:
                self.failed = messages.refusal(error).text
            return
        self.paper = _paper(sealed, shown=len(entries))
        self.days = rows.days(rows.row(entry) for entry in entries)
        self.caption = f"{self.paper.account}, {self.paper.period}, oldest first"
        self.shown = written


def _period(
    session: Session, actor: Actor, number: int, start: datetime, end: datetime
) -> tuple[Sealed, list[history.EntryView]]:
    sealed = statements.period(session, actor, number, start=start, end=end)
    return sealed, history.entries_in(session, actor, sealed.statement, limit=_MOST_ROWS).items


def _paper(sealed: Sealed, *, shown: int) -> Paper:
    found = sealed.statement
    account, code = found.account, found.account.currency
    last = found.end - timedelta(microseconds=1)
    month = statements.month_of(f"{found.start:%Y-%m}") == (found.start, found.end)
    days = f"{words.day_and_year(found.start)} to {words.day_and_year(last)}"
    name = words.month_and_year(found.start) if month else days
    query = f"month={found.start:%Y-%m}" if month else f"from={found.start:%Y-%m-%d}&to={last:%Y-%m-%d}"
    path = f"/accounts/{account.number}/statement"
    closing = money.display(found.closing_minor, code)
    count = found.count
    rest = f"Only the first {shown:,} of {count:,} entries are on this page; the files have all of them."
    return Paper(
        title=f"Statement, {name}",
        account=words.named(account.title, account.number),
        number=account.grouped_number,
        owner=account.owner_name,
        period=name,
        opening=money.display(found.opening_minor, code),
        into=money.display(found.in_minor, code, signed=bool(found.in_minor)),
        out=money.display(-found.out_minor, code, signed=bool(found.out_minor)),
        closing=closing,
        opening_words=f"Balance on {words.day_and_year(found.start)}, 00:00 UTC",
        closing_words="Balance now" if found.end > clock.now() else f"Balance at the end of {words.day_and_year(last)}",
        counted=words.count(count, "entry", "entries"),
        nothing="" if count else f"No entries in {name}. Closing balance {closing}.",
        cut=rest if count > shown else "",
        hash=sealed.head,
        hash_short=" ".join(sealed.head[at : at + 4] for at in range(0, 16, 4)) + " …" if sealed.head else "",
        made=words.full_moment(clock.now()),
        csv=f"{path}.csv?{query}",
        json=f"{path}.json?{query}",
        before=_month_at(account, found.start - timedelta(days=1)) if month and found.start > account.opened_at else "",
        after=_month_at(account, found.end) if month and found.end <= clock.now() else "",
        back=_list(account),
        address=f"/statements/{account.number}?{query}",
    )


def _month_at(account: AccountView, moment: datetime) -> str:
    return f"/statements/{account.number}?month={moment:%Y-%m}"
