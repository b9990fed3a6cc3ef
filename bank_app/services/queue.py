"""What at this bank waits for somebody: read from the books, the people and the trail, never written down twice."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session
from sqlmodel import col

from bank_app import clock
from bank_app.columns import total
from bank_app.database import Database
from bank_app.domain import money
from bank_app.domain.accounting import AccountKind, AccountStatus, Direction, FrozenFor, HoldState
from bank_app.domain.identifiers import account_number_text, earliest_id
from bank_app.models import ACCOUNTS, HOLDS, POSTINGS, TRANSACTIONS, Approval, AuditRecord, User
from bank_app.services import audit_trail, books, integrity, looks, roles
from bank_app.services.actor import Actor

# Of each kind at most so many are listed; all of them are counted.
MOST_LISTED = 50
_MOST_ACCOUNTS = 1_000
_SOON = timedelta(hours=24)
_LARGE_UNITS = 1_000
_WINDOW = timedelta(minutes=10)
_MOST_TRANSACTIONS = 20_000
_MANY, _TIMES_USUAL = 20, 5
_USUAL_FROM = 2_000
_VERIFIED_AGAIN = timedelta(days=2)
_AGE_SECONDS, _TIMES_ITS_COST = 1.0, 20


class Kind(StrEnum):
    """Why somebody is needed, the most urgent first."""

    CHAIN = "chain"
    BOOKS = "books"
    APPROVAL = "approval"
    VOLUME = "volume"
    LOCKED = "locked"
    FROZEN = "frozen"
    HOLD = "hold"
    OVERDRAWN = "overdrawn"


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that waits, since `since`. What a kind does not have is empty; amounts in minor units.

    `limit_minor` is how far below zero the account may be; `count` is arrivals, failed tries or payments; `usual` how
    many payments are usual; `until` the end of a hold or a lock; `by` who froze an account; `scope` for what.
    """

    kind: Kind
    since: datetime
    person: str = ""
    person_id: UUID | None = None
    staff: bool = False
    account: str = ""
    title: str = ""
    amount_minor: int | None = None
    currency: str = ""
    limit_minor: int = 0
    count: int = 0
    usual: int = 0
    minutes: int = 0
    until: datetime | None = None
    by: str = ""
    frozen_at: datetime | None = None
    scope: FrozenFor | None = None
    number: int = 0
    approval_id: UUID | None = None
    what: str = ""


@dataclass(frozen=True, slots=True)
class Chain:
    """How the audit trail stands: never verified (`at` None), intact, or broken at record `broken_at`."""

    at: datetime | None = None
    checked: int = 0
    broken_at: int | None = None
    is_old: bool = False


@dataclass(frozen=True, slots=True)
class Books:
    """Whether the books balance, by the newest check that is known; `at` None before the first."""

    at: datetime | None = None
    ok: bool = True


@dataclass(frozen=True, slots=True)
class Queue:
    """Everything that waits, most urgent first, as it was at `at`."""

    at: datetime
    items: tuple[Item, ...]
    counts: Mapping[Kind, int]
    chain: Chain
    books: Books
    open_holds: int = 0

    @property
    def total(self) -> int:
        """How many things wait, also those that are not listed."""
        return sum(self.counts.values())


class _Newest:
    """The newest queue of a process. Looking may cost a twentieth of the time, however many ask."""

    def __init__(self) -> None:
        self.asking = threading.Lock()
        self.queue: Queue | None = None
        self.good_until = 0.0


_newest: weakref.WeakKeyDictionary[Database, _Newest] = weakref.WeakKeyDictionary()
_making = threading.Lock()


def latest(db: Database, actor: Actor) -> Queue:
    """The queue as it was a second ago at most, or somewhat earlier where it takes long to read.

    Raises:
        Forbidden: a customer asks.
        DatabaseUnavailable: no connection.
    """
    roles.staff_only(actor)
    with _making:
        newest = _newest.setdefault(db, _Newest())
    with newest.asking:
        began = time.monotonic()
        if newest.queue is None or began >= newest.good_until:
            newest.queue = look(db, actor)
            took = time.monotonic() - began
            newest.good_until = time.monotonic() + max(_AGE_SECONDS, _TIMES_ITS_COST * took)
        found = newest.queue
    looks.at_list(db, actor, "queue", len(found.items))
    return found


def look(db: Database, actor: Actor) -> Queue:
    """The queue as it is now, on one snapshot. Writes nothing, locks nothing.

    Raises:
        Forbidden: a customer asks.
        DatabaseUnavailable: no connection.
    """
    roles.staff_only(actor)
    known = integrity.last_known(db)
    return db.read(lambda session: _look(session, known))


def _look(session: Session, known: integrity.Report | None) -> Queue:
    now = clock.now()
    chain, state = _chain(session, now), _books(session, known)
    found: list[Item] = []
    if chain.broken_at is not None or chain.is_old:
        found.append(Item(Kind.CHAIN, chain.at or now, number=chain.broken_at or 0))
    if not state.ok:
        found.append(Item(Kind.BOOKS, state.at or now))
    accounts = _unusual_accounts(session)
    found += _approvals(session, now)
    found += _many_payments(session, now)
    found += _locked_sign_ins(session, now)
    found += _arrivals(session, [row for row in accounts if row.status == AccountStatus.FROZEN])
    holds = _open_holds(session, [row.id for row in accounts if row.held], now)
    found += _holds_to_check(holds, now)
    found += _overdrawn(session, [row for row in accounts if row.balance < 0])
    order = list(Kind)
    items = sorted(found, key=lambda item: (order.index(item.kind), item.since))
    counts = {kind: sum(item.kind is kind for item in items) for kind in order}
    listed = [item for kind in order for item in [one for one in items if one.kind is kind][:MOST_LISTED]]
    return Queue(now, tuple(listed), counts, chain, state, len(holds))


def _chain(session: Session, now: datetime) -> Chain:
    last = audit_trail.last_verification(session)
    if last is None:
        return Chain()
    result = last.result
    return Chain(
        at=result.at,
        checked=result.checked,
        broken_at=result.broken.number if result.broken else None,
        is_old=now - result.at > _VERIFIED_AGAIN,
    )


def _books(session: Session, known: integrity.Report | None) -> Books:
    kept = books.last_check(session)
    if known is not None and (kept is None or known.checked_at > kept.at):
        return Books(known.checked_at, known.ok)
    return Books(kept.at, kept.ok) if kept else Books()


def _approvals(session: Session, now: datetime) -> Iterable[Item]:
    """What one of the bank's people asked for and another has to decide about."""
    rows: Any = session.execute(
        select(Approval, col(User.name).label("asker"))
        .join(User, col(User.id) == col(Approval.asked_by))
        .where(col(Approval.state) == "pending", col(Approval.expires_at) > now)
        .order_by(col(Approval.id))
        .limit(_MOST_ACCOUNTS)
        .execution_options(populate_existing=True)
    )
    for row, asker in rows:
        before = row.payload.get("before") or {}
        yield Item(
            Kind.APPROVAL, row.asked_at, person=str(before.get("name") or ""), approval_id=row.id, what=row.kind,
            by=asker, until=row.expires_at,
        )  # fmt: skip


# --- accounts -------------------------------------------------------------------------------------------


def _unusual_accounts(session: Session) -> Sequence[Any]:
    """Customers' accounts that are frozen, hold money aside, or are below zero: one walk over all accounts."""
    return session.execute(
        select(ACCOUNTS, col(User.name).label("person"))
        .join(User, col(User.id) == ACCOUNTS.c.owner_id)
        .where(or_(ACCOUNTS.c.status == AccountStatus.FROZEN.value, ACCOUNTS.c.held > 0, ACCOUNTS.c.balance < 0))
        .order_by(ACCOUNTS.c.id)
        .limit(_MOST_ACCOUNTS)
    ).all()


def _of(row: Any) -> dict[str, Any]:
    """What every item about an account says of it."""
    return {
        "person": row.person,
        "person_id": row.owner_id,
        "account": account_number_text(row.id),
        "title": row.nickname or AccountKind(row.kind).usual_name,
        "currency": row.currency,
    }


def _arrivals(session: Session, frozen: Sequence[Any]) -> Iterable[Item]:
    """Frozen accounts that money came into since they were frozen."""
    rows = {account_number_text(row.id): row for row in frozen}
    freezes = _freezes(session, rows)
    since = {rows[number].id: at for number, (at, _) in freezes.items()}
    if not since:
        return
    arrived = session.execute(
        select(POSTINGS.c.account_id, func.count(), total(POSTINGS.c.amount), func.min(POSTINGS.c.created_at))
        .where(
            POSTINGS.c.direction == Direction.CREDIT.value,
            or_(*[and_(POSTINGS.c.account_id == number, POSTINGS.c.created_at > at) for number, at in since.items()]),
        )
        .group_by(POSTINGS.c.account_id)
    )
    for account_id, count, minor, first in arrived:
        row = rows[account_number_text(account_id)]
        frozen_at, by = freezes[account_number_text(account_id)]
        yield Item(
            Kind.FROZEN, first, amount_minor=minor, count=count, by=by, frozen_at=frozen_at,
            scope=FrozenFor(row.frozen_for), **_of(row),
        )  # fmt: skip


def _freezes(session: Session, numbers: Iterable[str]) -> dict[str, tuple[datetime, str]]:
    """When each account was frozen last, and by whom, as the trail says."""
    found: dict[str, tuple[datetime, str]] = {}
    records = session.execute(
        select(col(AuditRecord.object), col(AuditRecord.changes), col(AuditRecord.created_at), col(User.name))
        .outerjoin(User, col(User.id) == col(AuditRecord.actor_id))
        .where(
            col(AuditRecord.object).in_([f"account {number}" for number in numbers]),
            col(AuditRecord.action) == "account.change",
        )
        .order_by(col(AuditRecord.id))
    )
    for subject, changes, at, name in records:
        before, after = (changes.get("status") or [None, None])[:2]
        if after == AccountStatus.FROZEN and before != after:
            found[subject.removeprefix("account ")] = (at, name or "")
    return found


def _open_holds(session: Session, holding: Sequence[int], now: datetime) -> Sequence[Any]:
    """Every hold that sets money aside now, the first to end first."""
    query = (
        select(
            HOLDS.c.amount, HOLDS.c.expires_at, HOLDS.c.created_at, HOLDS.c.currency,
            ACCOUNTS.c.id, ACCOUNTS.c.owner_id, ACCOUNTS.c.kind, ACCOUNTS.c.nickname, col(User.name).label("person"),
        )
        .join(ACCOUNTS, ACCOUNTS.c.id == HOLDS.c.account_id)
        .join(User, col(User.id) == ACCOUNTS.c.owner_id)
        .where(
            HOLDS.c.account_id.in_(holding), HOLDS.c.state == HoldState.OPEN.value, HOLDS.c.expires_at > now,
        )
        .order_by(HOLDS.c.expires_at)
    )  # fmt: skip
    return session.execute(query).all()


def _holds_to_check(holds: Sequence[Any], now: datetime) -> Iterable[Item]:
    """Open holds that are large, or end within a day."""
    for row in holds:
        large = row.amount >= _LARGE_UNITS * 10 ** money.currency(row.currency).digits
        if large or row.expires_at <= now + _SOON:
            yield Item(Kind.HOLD, row.created_at, amount_minor=row.amount, until=row.expires_at, **_of(row))


def _overdrawn(session: Session, below: Sequence[Any]) -> Iterable[Item]:
    """Accounts below zero, since the entry that took them there."""
    for row in below:
        mine = POSTINGS.c.account_id == row.id
        last_above = (
            select(POSTINGS.c.sequence)
            .where(mine, POSTINGS.c.balance_after >= 0)
            .order_by(POSTINGS.c.sequence.desc())
            .limit(1)
            .scalar_subquery()
        )
        entry = select(POSTINGS.c.created_at).where(mine, POSTINGS.c.sequence == func.coalesce(last_above, 0) + 1)
        since = session.execute(entry).scalar() or row.opened_at
        yield Item(Kind.OVERDRAWN, since, amount_minor=row.balance, limit_minor=row.overdraft_limit, **_of(row))


# --- people ---------------------------------------------------------------------------------------------


def _locked_sign_ins(session: Session, now: datetime) -> Iterable[Item]:
    """People who cannot try to sign in for a while, because a password was guessed wrong too often."""
    users = session.execute(
        select(User)
        .where(col(User.locked_until) > now, col(User.disabled_at).is_(None))
        .order_by(col(User.id))
        .limit(_MOST_ACCOUNTS)
    ).scalars()
    locked = {f"user {user.id}": user for user in users}
    began = session.execute(
        select(col(AuditRecord.object), func.max(AuditRecord.created_at))
        .where(col(AuditRecord.object).in_(locked), col(AuditRecord.action) == "sign_in.throttled")
        .group_by(col(AuditRecord.object))
    )
    since = {row[0]: row[1] for row in began}
    for subject, user in locked.items():
        yield Item(
            Kind.LOCKED, since.get(subject, now), person=user.name, person_id=user.id, staff=user.role != "customer",
            count=user.failed_sign_ins, until=user.locked_until,
        )  # fmt: skip


# --- payments ---------------------------------------------------------------------------------------------


def _many_payments(session: Session, now: datetime) -> Iterable[Item]:
    """Accounts that pay far more often than they usually do."""
    started = now - _WINDOW
    recent = (
        select(TRANSACTIONS.c.id, TRANSACTIONS.c.created_at)
        .where(TRANSACTIONS.c.id >= earliest_id(started), TRANSACTIONS.c.created_at >= started)
        .order_by(TRANSACTIONS.c.id.desc())
        .limit(_MOST_TRANSACTIONS)
        .subquery()
    )
    rows = session.execute(
        select(
            ACCOUNTS.c.id, ACCOUNTS.c.owner_id, ACCOUNTS.c.kind, ACCOUNTS.c.nickname, ACCOUNTS.c.currency,
            col(User.name).label("person"), func.count().label("payments"), total(POSTINGS.c.amount).label("paid"),
            func.min(recent.c.created_at).label("first"),
        )
        .select_from(recent)
        .join(POSTINGS, POSTINGS.c.transaction_id == recent.c.id)
        .join(ACCOUNTS, ACCOUNTS.c.id == POSTINGS.c.account_id)
        .join(User, col(User.id) == ACCOUNTS.c.owner_id)
        .where(POSTINGS.c.direction == Direction.DEBIT.value)
        .group_by(
            ACCOUNTS.c.id, ACCOUNTS.c.owner_id, ACCOUNTS.c.kind, ACCOUNTS.c.nickname, ACCOUNTS.c.currency,
            col(User.name),
        )
        .having(func.count() >= _MANY)
        .order_by(func.count().desc())
        .limit(MOST_LISTED)
    )  # fmt: skip
    for row in rows.all():
        usual = _usual(session, row.id, started)
        if row.payments >= _TIMES_USUAL * usual:
            yield Item(
                Kind.VOLUME, row.first, amount_minor=row.paid, count=row.payments, usual=usual,
                minutes=int(_WINDOW.total_seconds()) // 60, **_of(row),
            )  # fmt: skip


def _usual(session: Session, account_id: int, before: datetime) -> int:
    """How many payments an account makes in ten minutes in which it makes any."""
    moments = session.execute(
        select(POSTINGS.c.created_at)
        .where(
            POSTINGS.c.account_id == account_id,
            POSTINGS.c.direction == Direction.DEBIT.value,
            POSTINGS.c.created_at < before,
        )
        .order_by(POSTINGS.c.sequence.desc())
        .limit(_USUAL_FROM)
    ).scalars()
    slots = [int(at.timestamp()) // int(_WINDOW.total_seconds()) for at in moments]
    busy = len(set(slots))
    return (len(slots) + busy // 2) // busy if slots else 0
