"""What was posted since one looked last: from the oldest on, so that a program that comes back misses nothing.

Entries of an account are numbered under its lock: whoever has seen number 7 has seen all before it. Transactions of the
whole bank are numbered by the database before they are committed, so that number 8 may be there before number 7. A list
of them therefore ends before the first number that is not there, until it is certain that it never will be.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Generic, TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from bank_app import errors
from bank_app.database import Database
from bank_app.models import TRANSACTIONS
from bank_app.services import activity, history, ledger, looks, transfers
from bank_app.services.actor import Actor
from bank_app.services.history import ANYTHING, EntryView, HistoryFilter
from bank_app.services.lists import Page, bad_cursor
from bank_app.services.transfers import TransactionView

T = TypeVar("T")
BEGINNING = "0"
# Asking keeps everybody who posts waiting for a moment, so that a process asks seldom.
_BETWEEN_QUESTIONS = 0.5
_AFTER_A_VAIN_ONE = 5.0


@dataclass(frozen=True, slots=True)
class Arrived(Generic[T]):
    """Items, oldest first, and where to go on: also when there are none yet."""

    items: list[T]
    after: str


def entries(
    session: Session, actor: Actor, account_id: int, *, after: str, filters: HistoryFilter = ANYTHING, limit: int = 50
) -> Arrived[EntryView]:
    """Entries of an account that came after the one with this sequence number, `0` for all. Locks: none.

    Raises:
        AccountNotFound: as `accounts.get_account`.
        Invalid, InvalidAmount: a cursor or an amount that is malformed.
    """
    seen = _number(after)
    found, last = history.following(session, actor, account_id, after=seen, filters=filters, limit=limit)
    return Arrived(found, str(max(last, seen)))


def transactions(db: Database, actor: Actor, *, after: str, limit: int = 50) -> Arrived[TransactionView]:
    """Transactions that came after those that one has: a customer's own, and for the bank's people all.

    Locks: for the bank's people, now and then the gate of `ledger.all_settled`.

    Raises:
        Invalid: the cursor is not one of ours.
    """
    if not actor.role.sees_every_account:
        return db.read(lambda session: _own(session, actor, after, limit))
    seen = _number(after)
    whole = _whole(db, seen, limit)
    looks.at_list(db, actor, "transactions", len(whole), further=after)
    views = db.read(lambda session: transfers.list_views(session, actor, [row.id for row in whole]))
    return Arrived(views, str(whole[-1].position if whole else seen))


def settled(db: Database, after: int, *, most: int) -> int:
    """The number up to which all transactions after `after` are there, at most so many further; `after` if none is.

    Locks: now and then the gate of `ledger.all_settled`.
    """
    whole = _whole(db, after, most)
    return int(whole[-1].position) if whole else after


def newest_first(
    session: Session,
    actor: Actor,
    *,
    filters: HistoryFilter = ANYTHING,
    limit: int = 50,
    cursor: str | None = None,
) -> Page[TransactionView]:
    """The other way round, with what narrows: a customer's own transactions, and for the bank's people all.

    Raises:
        Invalid, InvalidAmount: a cursor or an amount that is malformed.
    """
    if actor.role.sees_every_account:
        return history.list_transactions(session, actor, filters=filters, limit=limit, cursor=cursor)
    rows, next_cursor = activity.page_of(session, actor, filters=filters, limit=limit, cursor=cursor)
    return Page(transfers.list_views(session, actor, [row.transaction_id for row in rows]), next_cursor)


def _whole(db: Database, seen: int, limit: int) -> Sequence[Any]:
    """The next ones before the first that is not there and may still come."""
    rows = _rows(db, seen, limit)
    if db.embedded:
        return rows
    settled = _Settled.of(db).until(db, seen, rows)
    if settled is None:
        # What had not arrived has by now, or never will.
        settled = _Settled.of(db).position
        rows = _rows(db, seen, limit)
    return _without_gaps(rows, max(seen, settled))


def _own(session: Session, actor: Actor, after: str, limit: int) -> Arrived[TransactionView]:
    marks = activity.read_marks(after) if after != BEGINNING else {}
    rows, marks = activity.walk(session, actor, marks=marks, limit=limit, newest_first=False)
    ids: list[UUID] = [row.transaction_id for row in rows]
    cursor = activity.make_marks(marks) if marks else BEGINNING
    return Arrived(transfers.list_views(session, actor, ids), cursor)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise bad_cursor()
    return int(text)


def _rows(db: Database, seen: int, limit: int) -> Sequence[Any]:
    table = TRANSACTIONS.c
    query = select(table.position, table.id).where(table.position > seen).order_by(table.position).limit(limit)
    return db.read(lambda session: session.execute(query).all())


def _without_gaps(rows: Sequence[Any], settled: int) -> list[Any]:
    """Those up to the first number that is not there and may still come."""
    past = [row for row in rows if row.position <= settled]
    rest = list(enumerate(rows[len(past) :], start=settled + 1))
    return past + [row for _, row in takewhile(lambda numbered: numbered[1].position == numbered[0], rest)]


class _Settled:
    """Up to which number nothing more can come, as far as this process has found out."""

    def __init__(self) -> None:
        self.position = 0
        self._next_question = 0.0
        self._asking = threading.Lock()

    @classmethod
    def of(cls, db: Database) -> _Settled:
        with _making:
            return _of.setdefault(db, cls())

    def until(self, db: Database, seen: int, rows: Sequence[Any]) -> int | None:
        """The number; None if it was asked for just now, after the rows were read."""
        known = self.position
        if len(_without_gaps(rows, max(seen, known))) == len(rows) or not self._asking.acquire(blocking=False):
            return known
        try:
            if time.monotonic() < self._next_question:
                return known
            self._next_question = time.monotonic() + _BETWEEN_QUESTIONS
            try:
                self.position = max(known, db.without_waiting_long(ledger.all_settled))
            except errors.LockTimeout:
                self._next_question = time.monotonic() + _AFTER_A_VAIN_ONE
                return known
            return None
        finally:
            self._asking.release()


_of: weakref.WeakKeyDictionary[Database, _Settled] = weakref.WeakKeyDictionary()
_making = threading.Lock()
