"""Where a moment lies in the order of an account's entries, which is that of their sequence numbers and no other.

Dates follow that order but where a clock was ahead: what it dated is overtaken by the entries that came after it. Then
the newest entry until a moment is still the last one that is dated no later, and whatever was overtaken lies before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from bank_app import clock
from bank_app.models import ACCOUNTS, CLOCK_STEPS, POSTINGS

_SMALLEST = timedelta(microseconds=1)


def newest_before(session: Session, account_id: int, moment: datetime) -> int:
    """The sequence of the newest entry dated before a moment, 0 if there is none; as `newest_until`."""
    return newest_until(session, account_id, moment - _SMALLEST)


def ends_of(session: Session, account_id: int, start: datetime, end: datetime) -> tuple[int, int]:
    """The sequences of the newest entries before a period and in it, which is over before `end`. Locks: none.

    A period that is under way has all that was posted, also what a clock that is ahead has dated beyond it.
    """
    first = newest_before(session, account_id, start)
    if start <= clock.now() < end:
        version = select(ACCOUNTS.c.version).where(ACCOUNTS.c.id == account_id)
        return first, int(session.execute(version).scalar_one())
    return first, newest_before(session, account_id, end)


def newest_until(session: Session, account_id: int, moment: datetime) -> int:
    """The sequence of the newest entry dated at a moment or before, 0 if there is none. Locks: none.

    Two statements, however long the account's history is; on one where a clock was ahead one more for each doubling.
    """
    mine = POSTINGS.c.account_id == account_id
    known = steps(session, account_id)
    if not known:
        # In two probes of the index: asked for the newest row before a moment, MariaDB walks back to it from today.
        last = select(func.max(POSTINGS.c.created_at)).where(mine, POSTINGS.c.created_at <= moment).scalar_subquery()
        newest = select(func.max(POSTINGS.c.sequence)).where(mine, POSTINGS.c.created_at == last)
        return session.execute(newest).scalar() or 0
    # From each step to the next time never runs backwards.
    ends = [*(step.sequence - 1 for step in known), _newest(session, account_id)]
    begins = [1, *(step.sequence for step in known)]
    for first, last_one in zip(reversed(begins), reversed(ends), strict=True):
        if first <= last_one and _dated(session, account_id, first) <= moment:
            return _last_until(session, account_id, first, last_one, moment)
    return 0


def steps(session: Session, account_id: int) -> Sequence[Any]:
    """Where time on an account stepped back, in order: mostly nowhere. Locks: none."""
    mine = select(CLOCK_STEPS).where(CLOCK_STEPS.c.account_id == account_id)
    return session.execute(mine.order_by(CLOCK_STEPS.c.sequence)).all()


def not_overtaken() -> Any:
    """Of postings, those that no later one of their account is dated before: the condition for a list by date."""
    return ~exists(
        select(1).where(
            CLOCK_STEPS.c.account_id == POSTINGS.c.account_id,
            CLOCK_STEPS.c.sequence > POSTINGS.c.sequence,
            CLOCK_STEPS.c.created_at < POSTINGS.c.created_at,
        )
    )


def _newest(session: Session, account_id: int) -> int:
    mine = POSTINGS.c.account_id == account_id
    return int(session.execute(select(func.max(POSTINGS.c.sequence)).where(mine)).scalar_one())


def _last_until(session: Session, account_id: int, first: int, last: int, moment: datetime) -> int:
    """The last of entries in the order of their dates, of which the first is not too late."""
    while first < last:
        middle = (first + last + 1) // 2
        if _dated(session, account_id, middle) <= moment:
            first = middle
        else:
            last = middle - 1
    return first


def _dated(session: Session, account_id: int, sequence: int) -> datetime:
    one = (POSTINGS.c.account_id == account_id, POSTINGS.c.sequence == sequence)
    found: datetime = session.execute(select(POSTINGS.c.created_at).where(*one)).scalar_one()
    return found
