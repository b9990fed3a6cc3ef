"""Looking through all transactions for those that fit, newest first and for a limited time.

What no index knows, such as a word in a description, is found by reading one transaction after the other. Among
millions that may take minutes; so it is done in stretches, and whoever asks is told how far back they reach.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session
from sqlmodel import col

from bank_app.models import Transaction
from bank_app.services.lists import Page, make_cursor, split_number

_STRETCH = 10_000
_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Found:
    """Ids of transactions, the last written first, and where the next page begins; `searched_to` as in `Page`."""

    ids: list[UUID]
    next_cursor: str | None
    searched_to: datetime | None = None

    def page(self, items: list[Any]) -> Page[Any]:
        """The page of what has these ids."""
        return Page(items, self.next_cursor, self.searched_to)


def find(
    session: Session, conditions: Sequence[Any], *, limit: int, cursor: str | None, indexed: bool = False
) -> Found:
    """Transactions that fit all conditions, by keyset.

    Args:
        session: Of a unit of work that only reads.
        conditions: On `Transaction`; none means all.
        limit: How many at most.
        cursor: Where the page before ended.
        indexed: One of the conditions is one that an index answers, so that few rows are read however old they are.

    Raises:
        Invalid: the cursor is not one of ours.
    """
    before = split_number(cursor) if cursor else None
    if indexed or not conditions:
        return _full(_rows(session, _matching(conditions, before), limit), limit)
    ends = time.monotonic() + _SECONDS
    rows: list[Any] = []
    while True:
        first = _first_of_stretch(session, before)
        stretch = _matching(conditions, before)
        if first is not None:
            stretch = stretch.where(col(Transaction.position) >= first.position)
        rows += _rows(session, stretch, limit - len(rows))
        if first is None or len(rows) > limit:
            return _full(rows, limit)
        if time.monotonic() >= ends:
            return Found([row.id for row in rows], make_cursor(str(first.position)), first.created_at)
        before = first.position


def _matching(conditions: Sequence[Any], before: int | None) -> Select[Any]:
    columns: tuple[Any, ...] = (col(Transaction.id), col(Transaction.position), col(Transaction.created_at))
    query: Select[Any] = select(*columns).where(*conditions).order_by(col(Transaction.position).desc())
    return query if before is None else query.where(col(Transaction.position) < before)


def _first_of_stretch(session: Session, before: int | None) -> Any:
    """The oldest of the next so many transactions; None if there are not that many any more."""
    return session.execute(_matching((), before).offset(_STRETCH - 1).limit(1)).first()


def _rows(session: Session, query: Select[Any], limit: int) -> list[Any]:
    # One more than wanted says that there is a next page.
    return list(session.execute(query.limit(limit + 1)))


def _full(rows: Sequence[Any], limit: int) -> Found:
    ids = [row.id for row in rows[:limit]]
    return Found(ids, make_cursor(str(rows[limit - 1].position)) if len(rows) > limit else None)
