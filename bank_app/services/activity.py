"""Everything that happened on all accounts of a person, as one list, in the order in which it was posted."""

from __future__ import annotations

from collections.abc import Mapping
from heapq import merge
from itertools import islice
from typing import Any

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session, aliased
from sqlmodel import col

from bank_app.domain.accounting import Direction
from bank_app.models import Posting
from bank_app.services import amount_filters, history
from bank_app.services.accounts import own_accounts
from bank_app.services.actor import Actor
from bank_app.services.history import ANYTHING, EntryView, HistoryFilter
from bank_app.services.lists import Page, bad_cursor, make_cursor, read_cursor

# Of each account, the sequence number of the entry that one has come to.
Marks = Mapping[int, int]


def activity(
    session: Session, actor: Actor, *, filters: HistoryFilter = ANYTHING, limit: int = 25, cursor: str | None = None
) -> Page[EntryView]:
    """The entries of all of the actor's own accounts, newest first; a move between two of them once, as sent.

    Raises:
        Invalid, InvalidAmount: a cursor or an amount that is malformed.
    """
    rows, next_cursor = page_of(session, actor, filters=filters, limit=limit, cursor=cursor)
    return Page(history.views_of(session, actor, rows), next_cursor)


def page_of(
    session: Session,
    actor: Actor,
    *,
    filters: HistoryFilter,
    limit: int,
    cursor: str | None,
) -> tuple[list[Any], str | None]:
    """The rows of `activity`, and the cursor of the next page.

    Raises:
        Invalid, InvalidAmount: as `activity`.
    """
    marks = read_marks(cursor) if cursor else {}
    rows, _ = walk(session, actor, marks=marks, limit=limit + 1, newest_first=True, filters=filters)
    more = len(rows) > limit
    rows = rows[:limit]
    return rows, make_marks({**marks, **{row.account_id: row.sequence for row in rows}}) if more else None


def walk(
    session: Session,
    actor: Actor,
    *,
    marks: Marks,
    limit: int,
    newest_first: bool,
    filters: HistoryFilter = ANYTHING,
) -> tuple[list[Any], Marks]:
    """Entries of own accounts beyond the marks, and the marks after them; a move between two accounts once, as sent.

    Each account in the order of its sequence numbers, and the accounts among each other in the order in which their
    transactions were written: no clock has a say in it. Locks: none.

    Raises:
        InvalidAmount: an amount that is malformed.
    """
    accounts = own_accounts(session, actor)
    amount_filters.check(filters)
    sent = aliased(Posting)
    between = exists(
        select(1).where(
            col(sent.transaction_id) == col(Posting.transaction_id),
            col(sent.direction) == Direction.DEBIT.value,
            col(sent.account_id).in_([account.id for account in accounts]),
        )
    )
    once = or_(col(Posting.direction) == Direction.DEBIT.value, ~between)
    sequence = col(Posting.sequence)
    found: dict[int, list[Any]] = {}
    for account in accounts:
        if filters.currency not in (None, account.currency):
            continue
        # Amounts are compared in the currency of each row: what one account cannot have, another can.
        entries = history.postings_query().where(col(Posting.account_id) == account.id)
        query = history.narrowed(entries, actor, filters, beside=account.id).where(once)
        mark = marks.get(account.id)
        if mark is not None:
            query = query.where(sequence < mark if newest_first else sequence > mark)
        query = query.order_by(sequence.desc() if newest_first else sequence).limit(limit)
        found[account.id] = list(session.execute(query))
    rows = list(islice(merge(*found.values(), key=lambda row: row.position, reverse=newest_first), limit))
    after = {**marks, **{row.account_id: row.sequence for row in rows}}
    for account in accounts:
        some = found.get(account.id, [])
        if not newest_first and len(some) < limit and (not some or after.get(account.id) == some[-1].sequence):
            # Nothing that fits is left: what does not fit need not be read again.
            after[account.id] = account.version
    return rows, after


def make_marks(marks: Marks) -> str:
    """An opaque cursor of marks."""
    return make_cursor(*(f"{number}:{sequence}" for number, sequence in marks.items()))


def read_marks(cursor: str) -> Marks:
    """The marks in a cursor.

    Raises:
        Invalid: it is not one of ours.
    """
    marks: dict[int, int] = {}
    for part in read_cursor(cursor):
        number, _, sequence = part.partition(":")
        if not (f"{number}{sequence}".isascii() and number.isdigit() and sequence.isdigit() and len(part) <= 30):
            raise bad_cursor()
        marks[int(number)] = int(sequence)
    return marks
