"""Whether a process may date what it posts: its clock beside that of the database server and beside the newest entry.

A clock that is ahead does harm that stays: history is never edited. So it is compared before anything is posted, every
few seconds and whenever it has jumped, with one small question in a unit of work that runs anyway.
"""

from __future__ import annotations

import threading
import time
import weakref
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, func, insert, select, update
from sqlalchemy.orm import Session
from sqlmodel import col

from bank_app import clock, errors
from bank_app.columns import DatabaseTime
from bank_app.database import CLOCK_TOLERANCE, Database
from bank_app.models import ACCOUNTS, TRANSACTIONS, BankFacts
from bank_app.services import audit
from bank_app.services.rules import KEPT_IN_ORDER

# A bank that was off for a month or two is usual; one whose books ended longer ago has somebody say that it is so.
LONGEST_SILENCE = timedelta(days=92)
ACCEPTED = "clock.accept"
CLOCK = "clock"
_EVERY_SECONDS = 5.0
# So far the wall clock may move against the one that only counts before it is compared again.
_JUMP = timedelta(seconds=1)
_ROW = 1
_FACTS = select(
    DatabaseTime().label("database"),
    select(TRANSACTIONS.c.created_at)
    .order_by(TRANSACTIONS.c.position.desc())
    .limit(1)
    .scalar_subquery()
    .label("newest"),
    select(col(BankFacts.clock_accepted_at)).where(col(BankFacts.id) == _ROW).scalar_subquery().label("accepted"),
)


@dataclass(frozen=True, slots=True)
class Comparison:
    """A clock beside what it can be compared with.

    `ahead` of the database server's (negative: behind) is None on the embedded engine, which has none. `wrong` says why
    nothing is posted by it, and "" that it may be; `accounts_ahead` are dated so far ahead that a clock was wrong.
    """

    at: datetime
    ahead: timedelta | None
    newest: datetime | None
    wrong: str
    accounts_ahead: int = 0

    @property
    def caution(self) -> str:
        """What an operator should know of a clock by which money is posted; mostly nothing."""
        if self.newest and self.newest > self.at + KEPT_IN_ORDER:
            return (
                f"The newest entry is dated {clock.to_the_minute(self.newest)}, "
                f"and this clock says {clock.to_the_minute(self.at)}: either a clock "
                "was ahead when it was posted, or this one is behind. If it is behind, stop the bank and set it right; "
                "new entries are dated by it. ./bank verify names what is dated ahead."
            )
        if self.accounts_ahead:
            many = "1 account was" if self.accounts_ahead == 1 else f"{self.accounts_ahead:,} accounts were"
            return f"{many} posted to by a clock that was ahead; ./bank verify names what it dated."
        return ""


@dataclass(slots=True)
class _Kept:
    """What a process knows of its clock, and from when; `told` once it has written history of another time itself."""

    wrong: str = ""
    at: datetime | None = None
    counted: float = 0.0
    told: bool = False

    def jumped(self) -> bool:
        """Whether the clock was set since; a machine that slept seems to."""
        counted = timedelta(seconds=time.monotonic() - self.counted)
        return self.at is None or abs(clock.now() - self.at - counted) > _JUMP

    def is_due(self) -> bool:
        """Whether to compare again."""
        return bool(self.wrong) or time.monotonic() - self.counted >= _EVERY_SECONDS or self.jumped()

    def knows_better(self) -> bool:
        """Whether it makes no difference when the books end: the clock was right once, and has gone on since."""
        return self.told or not (self.wrong or self.jumped())


_of: weakref.WeakKeyDictionary[Engine, _Kept] = weakref.WeakKeyDictionary()
_making = threading.Lock()


def now(session: Session) -> datetime:
    """The time that things are dated by.

    Raises:
        ClockWrong: this process's clock cannot be right.
    """
    wrong = trouble(session)
    if wrong:
        raise wrong
    return clock.now()


def trouble(session: Session) -> errors.ClockWrong | None:
    """Why nothing may be dated by the clock of this process, and None while it may. Mostly costs no statement."""
    bind = session.get_bind()
    connection = bind if isinstance(bind, Connection) else session.connection()
    kept = _kept(connection.engine)
    if clock.moved():
        # Tests and demo data tell of another time; what comes after them may be long after.
        kept.told = True
        return None
    if kept.is_due():
        kept.wrong = _compare(connection, known=kept.knows_better()).wrong
        kept.at, kept.counted = clock.now(), time.monotonic()
    return errors.ClockWrong(kept.wrong) if kept.wrong else None


def compare(db: Database) -> Comparison:
    """Compares the clock of this process now, for people. Reads every account. Locks: none.

    Raises:
        DatabaseUnavailable: no connection.
    """

    def operation(session: Session) -> Comparison:
        found = _compare(session.connection(), known=_kept(db.writing).knows_better())
        late = select(func.count()).select_from(ACCOUNTS).where(ACCOUNTS.c.last_posted_at > found.at + KEPT_IN_ORDER)
        return Comparison(found.at, found.ahead, found.newest, found.wrong, session.execute(late).scalar_one())

    return db.read(operation)


def accept(db: Database) -> Comparison:
    """An operator says that the clock is right although the books ended long before; kept, and put on the trail.

    Raises:
        ClockWrong: it is not that of the database server, and no word helps.
    """
    before = compare(db)

    def operation(session: Session) -> None:
        values = {"clock_accepted_at": before.at}
        if session.get(BankFacts, _ROW) is None:
            session.execute(insert(BankFacts).values(id=_ROW, **values))
        else:
            session.execute(update(BankFacts).where(col(BankFacts.id) == _ROW).values(**values))
        newest = clock.to_text(before.newest) if before.newest else None
        changes = {"newest_entry": [None, newest], "clock": [None, clock.to_text(before.at)]}
        audit.record(session, actor_id=None, action=ACCEPTED, object=CLOCK, changes=changes)

    db.unit_of_work(operation)
    after = compare(db)
    if after.wrong:
        raise errors.ClockWrong(after.wrong)
    return after


def _kept(engine: Engine) -> _Kept:
    found = _of.get(engine)
    if found is None:
        with _making:
            found = _of.setdefault(engine, _Kept())
    return found


def _compare(connection: Connection, *, known: bool) -> Comparison:
    # Read on both sides of the question: a process that was held up meanwhile is not taken for one that is wrong.
    before = clock.now()
    facts = connection.execute(_FACTS).one()
    after = clock.now()
    ahead = None
    if facts.database is not None:
        ahead = max(before - facts.database, timedelta()) or min(after - facts.database, timedelta())
    tolerance = timedelta(seconds=connection.engine.get_execution_options()[CLOCK_TOLERANCE])
    wrong = _differs(ahead, tolerance) if ahead is not None else ""
    if not wrong and not known and facts.newest:
        wrong = _long_silent(max(facts.newest, facts.accepted or facts.newest), after)
    return Comparison(after, ahead, facts.newest, wrong)


def _differs(ahead: timedelta, tolerance: timedelta) -> str:
    """A clock that is behind stands still on every account that was posted to, as long as it is not far behind."""
    if -KEPT_IN_ORDER <= ahead <= tolerance:
        return ""
    side = "ahead of" if ahead > timedelta() else "behind"
    return (
        f"The bank's clock is {_span(abs(ahead))} {side} that of its database server, so nothing is posted. An "
        "operator has to set one of them right (NTP); the bank goes on by itself."
    )


def _long_silent(last: datetime, at: datetime) -> str:
    if at - last <= LONGEST_SILENCE:
        return ""
    return (
        f"The bank's clock says {clock.to_the_minute(at)}, and the books end {clock.to_the_minute(last)}: "
        f"it may be ahead, so nothing is posted. "
        "An operator sets it right, or says that it is right: ./bank clock accept."
    )


def _span(span: timedelta) -> str:
    """`7 s`, `12 min`, `3 h`, `2 days`."""
    seconds = round(span.total_seconds())
    for size, word in ((172_800, "days"), (7_200, "h"), (120, "min")):
        if seconds >= size:
            return f"{seconds // {'days': 86_400, 'h': 3_600, 'min': 60}[word]} {word}"
    return f"{max(seconds, 1)} s"
