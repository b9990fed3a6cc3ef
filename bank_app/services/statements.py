"""Statements: the months of an account as a list, and one period as a file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import case, func, literal, select
from sqlalchemy.orm import Session

from bank_app import clock
from bank_app.columns import total
from bank_app.database import Database
from bank_app.domain import json_file, money
from bank_app.domain.accounting import Direction
from bank_app.domain.identifiers import reference
from bank_app.models import POSTINGS
from bank_app.services import history, places
from bank_app.services.accounts import AccountView, get_account
from bank_app.services.actor import Actor
from bank_app.services.history import EntryView, Statement, statement
from bank_app.services.lists import PAGE_OF_FILES, Pages, Text


@dataclass(frozen=True, slots=True)
class MonthView:
    """A month of an account. `adds_up` says that opening + in − out is the balance after its last entry."""

    start: datetime
    end: datetime
    opening_minor: int
    in_minor: int
    out_minor: int
    closing_minor: int
    entries: int
    adds_up: bool

    @property
    def key(self) -> str:
        """`2026-09`, as it stands in addresses."""
        return f"{self.start:%Y-%m}"


def month_of(text: str) -> tuple[datetime, datetime] | None:
    """Beginning and end of the month written as `2026-09`; None if it is not a month."""
    try:
        start = datetime.combine(date.fromisoformat(f"{text}-01"), datetime.min.time(), UTC)
        return start, _next(start)
    except (ValueError, OverflowError):
        return None


def months(session: Session, actor: Actor, account_id: int) -> list[MonthView]:
    """Every month since an account was opened, newest first, in two statements however many months there are.

    Raises:
        AccountNotFound: as `accounts.get_account`.
    """
    account = get_account(session, actor, account_id)
    starts = list(_months(min(account.opened_at, clock.now()), clock.now()))
    sums = _sums(session, account, starts)
    last = _balances(session, account, [row.last for row in sums.values()])
    found: list[MonthView] = []
    balance = 0
    for place, start in enumerate(starts):
        row = sums.get(place)
        into, out = (row.into, row.moved - row.into) if row else (0, 0)
        closing = balance + into - out
        adds_up = row is None or last.get(row.last) == closing
        found.append(MonthView(start, _next(start), balance, into, out, closing, row.entries if row else 0, adds_up))
        balance = closing
    return found[::-1]


def _months(first: datetime, last: datetime) -> Iterator[datetime]:
    month = first.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    while month <= last:
        yield month
        month = _next(month)


def _next(month: datetime) -> datetime:
    return month.replace(year=month.year + month.month // 12, month=month.month % 12 + 1)


def _sums(session: Session, account: AccountView, starts: list[datetime]) -> dict[int, Any]:
    """By the place of the month in `starts`: what came in, what went out, how many entries, and the last of them."""
    # Comparisons rather than functions of dates: those differ between engines, and so do their time zones. By their
    # place in the account's order where dates do not follow it; found for each month, that costs more.
    later: list[tuple[Any, int]]
    if places.steps(session, account.id):
        begins = [places.newest_before(session, account.id, start) for start in starts]
        later = [(POSTINGS.c.sequence > begins[place], place) for place in range(len(starts) - 1, 0, -1)]
    else:
        later = [(POSTINGS.c.created_at >= start, place) for place, start in list(enumerate(starts))[:0:-1]]
    month = (case(*later, else_=0) if later else literal(0)).label("month")
    into = case((POSTINGS.c.direction == Direction.CREDIT.value, POSTINGS.c.amount), else_=0)
    inner = (
        select(month, POSTINGS.c.sequence, POSTINGS.c.amount, into.label("into"))
        .where(POSTINGS.c.account_id == account.id)
        .subquery()
    )
    rows = session.execute(
        select(
            inner.c.month,
            total(inner.c.into).label("into"),
            total(inner.c.amount).label("moved"),
            func.count().label("entries"),
            func.max(inner.c.sequence).label("last"),
        ).group_by(inner.c.month)
    )
    return {int(row.month): row for row in rows}


def _balances(session: Session, account: AccountView, sequences: list[int]) -> dict[int, int]:
    rows = session.execute(
        select(POSTINGS.c.sequence, POSTINGS.c.balance_after).where(
            POSTINGS.c.account_id == account.id, POSTINGS.c.sequence.in_(sequences)
        )
    )
    return {row.sequence: row.balance_after for row in rows}


# --- one period -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sealed:
    """A statement, and the hash of the account's newest entry at its end (hex; "" before the first entry).

    Every hash contains the one before it, so this one stands for everything up to the end of the period.
    """

    statement: Statement
    head: str

    def file_name(self, kind: str) -> str:
        """`everyday-4821_2026-09.csv` for a month, `everyday-4821_2026-09-03_2026-09-14.csv` for other periods."""
        start, end = self.statement.start, self.statement.end
        whole = start.day == 1 and end == _next(start)
        when = f"{start:%Y-%m}" if whole else f"{start:%Y-%m-%d}_{end - timedelta(microseconds=1):%Y-%m-%d}"
        return f"{stem(self.statement.account)}_{when}.{kind}"


def stem(account: AccountView) -> str:
    """How the names of files about an account begin: `everyday-4821`, whatever letters its name has."""
    words = "".join(c if c.isascii() and c.isalnum() else " " for c in account.title.lower()).split()
    return f"{'-'.join(words) or 'account'}-{account.number[-4:]}"


def period(session: Session, actor: Actor, account_id: int, *, start: datetime, end: datetime) -> Sealed:
    """The statement from `start` (inclusive) to `end` (exclusive).

    Raises:
        AccountNotFound, Invalid: as `history.statement`.
    """
    found = statement(session, actor, account_id, start=start, end=end)
    last = (POSTINGS.c.account_id == account_id, POSTINGS.c.sequence == found.sequence)
    head = session.execute(select(POSTINGS.c.hash).where(*last)).scalar()
    return Sealed(found, head.hex() if head else "")


def entries(db: Database, actor: Actor, found: Statement) -> Pages[EntryView]:
    """The entries of a statement, oldest first, a page in memory at a time.

    Raises:
        AccountNotFound, BooksBroken: as `history.entries_in`.
    """
    return Pages(
        db, lambda session, cursor: history.entries_in(session, actor, found, limit=PAGE_OF_FILES, cursor=cursor)
    )


def as_csv(db: Database, actor: Actor, sealed: Sealed) -> Text:
    """A statement for spreadsheets: its entries, oldest first."""
    return history.entries_csv(entries(db, actor, sealed.statement))


def as_json(db: Database, actor: Actor, sealed: Sealed) -> Text:
    """A statement for programs: amounts as decimal strings, times in UTC, `to` exclusive, entries oldest first."""
    found, code = sealed.statement, sealed.statement.account.currency
    before = {
        "account": found.account.number,
        "owner": found.account.owner_name,
        "currency": code,
        "from": clock.to_text(found.start),
        "to": clock.to_text(found.end),
        "opening": money.to_text(found.opening_minor, code),
        "in": money.to_text(found.in_minor, code),
        "out": money.to_text(found.out_minor, code),
        "closing": money.to_text(found.closing_minor, code),
    }
    pages = entries(db, actor, found)
    written = (list(map(_entry, page)) for page in pages)
    return Text(json_file.pieces(before, "entries", written, {"hash": sealed.head}, indent=1), pages)


def _entry(entry: EntryView) -> dict[str, str | None]:
    return {
        "posted_at": clock.to_text(entry.created_at),
        "reference": reference(entry.transaction_id),
        "type": entry.type.value,
        "counterparty": entry.counterparty.name if entry.counterparty else None,
        "memo": entry.description,
        "direction": entry.direction.value,
        "amount": money.to_text(entry.signed_minor, entry.currency),
        "currency": entry.currency,
        "balance_after": money.to_text(entry.balance_after_minor, entry.currency),
        "entry_id": f"{entry.account_id}-{entry.sequence}",
        "transaction_id": str(entry.transaction_id),
    }
