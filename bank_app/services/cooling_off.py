"""After somebody was helped back in: for a while little leaves their accounts, and nothing to those who helped.

Who comes in with a new password may not be its owner. What was done is kept in `recoveries`; the ledger asks with
the rows that it locks, so that whatever moves money meets the same rule.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from sqlalchemy import and_, exists, func, insert, or_, select, update
from sqlalchemy.orm import Session
from sqlmodel import col

from bank_app import clock, errors
from bank_app.database import settings_of
from bank_app.domain import money
from bank_app.domain.accounting import AnyDraft, Direction, Draft, HoldDraft, Leg, ReleaseDraft, TransactionType
from bank_app.domain.identifiers import account_number_text, new_id
from bank_app.models import ACCOUNTS, POSTINGS, RECOVERIES, TRANSACTIONS, SavedPayee, User
from bank_app.services.actor import Actor, still

if TYPE_CHECKING:
    from bank_app.services.rules import Book


class Debits(Protocol):
    """What has left accounts since a moment, reversals aside: `ledger.debits_since`."""

    def __call__(
        self, session: Session, account_ids: Collection[int], moment: datetime, *, now: datetime
    ) -> dict[int, int]:
        """In minor units, by account."""


PASSWORD, SECOND_STEP, POWER = "password", "second_step", "power"
# More accounts than this are not looked up for one list of orders: the others are new ones.
_MOST_PAYEES = 50
# What the ledger reads with each account that it locks.
GUARDED_UNTIL = (
    select(func.max(RECOVERIES.c.guarded_until))
    .where(RECOVERIES.c.user_id == ACCOUNTS.c.owner_id)
    .correlate(ACCOUNTS)
    .scalar_subquery()
    .label("guarded_until")
)


@dataclass(frozen=True, slots=True)
class CoolingOff:
    """From when to when somebody's money is guarded, from whom, and how many whole units may leave an account."""

    since: datetime
    until: datetime
    hands: frozenset[UUID]
    limit_units: int


@dataclass(slots=True)
class Guard:
    """What a locked account may pay meanwhile. `spent_minor` has left it since; `owners` are those of who is paid."""

    period: CoolingOff
    spent_minor: int = 0
    known: frozenset[int] = frozenset()
    owners: Mapping[int, UUID | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Help:
    """One time that somebody was helped back in, as they see it. `by` are the names of those who took part."""

    id: UUID
    factor: str
    at: datetime
    by: tuple[str, ...]
    alone: bool
    guarded_until: datetime | None
    read: bool


# --- when it begins ------------------------------------------------------------------------------------


def begin(
    session: Session,
    user_id: UUID,
    factor: str,
    asked_by: UUID | None,
    approved_by: UUID | None,
    *,
    link: bytes | None = None,
) -> None:
    """Keeps who helped somebody with what. Money is guarded from now on; with a `link`, from its use on.

    Without anybody who approved the time is the longer one.
    """
    settings, now = settings_of(session), clock.now()
    hours = settings.recovery_hours if approved_by else settings.recovery_alone_hours
    session.execute(
        insert(RECOVERIES).values(
            id=new_id(),
            user_id=user_id,
            factor=factor,
            asked_by=asked_by,
            approved_by=approved_by,
            created_at=now,
            link=link,
            guarded_from=None if link else now,
            guarded_until=None if link else now + timedelta(hours=hours),
            limit_units=settings.recovery_limit,
        )
    )


def begin_with_link(session: Session, link: bytes) -> None:
    """The link was used: from now on money is guarded."""
    settings, now = settings_of(session), clock.now()
    approved = session.execute(select(RECOVERIES.c.approved_by).where(RECOVERIES.c.link == link)).scalar()
    hours = settings.recovery_hours if approved else settings.recovery_alone_hours
    session.execute(
        update(RECOVERIES)
        .where(RECOVERIES.c.link == link)
        .values(guarded_from=now, guarded_until=now + timedelta(hours=hours))
    )


def refuse_other_factor(session: Session, helper_id: UUID, user_id: UUID, factor: str) -> None:
    """Turns away who had a hand in another factor of this person: both together are that person.

    Raises:
        BothFactors: it was less than BANK_RECOVERY_HOURS ago.
    """
    hours = settings_of(session).recovery_hours
    found = session.execute(
        select(RECOVERIES.c.id).where(
            RECOVERIES.c.user_id == user_id,
            RECOVERIES.c.factor.in_({PASSWORD, SECOND_STEP} - {factor}),
            RECOVERIES.c.created_at > clock.now() - timedelta(hours=hours),
            or_(RECOVERIES.c.asked_by == helper_id, RECOVERIES.c.approved_by == helper_id),
        )
    ).first()
    if found:
        raise errors.BothFactors(
            "Whoever helped this person with one part of signing in helps with no other for "
            f"{hours} hours. Other colleagues have to."
        )


# --- whom it concerns ----------------------------------------------------------------------------------


def of(session: Session, user_id: UUID) -> CoolingOff | None:
    """Until when somebody's money is guarded; None if it is not."""
    return _periods(session, [user_id], clock.now()).get(user_id)


def refuse_new_payee(session: Session, user_id: UUID) -> None:
    """Turns away who would add somebody to pay while his money is guarded.

    Raises:
        CoolingOff: it is.
    """
    if period := of(session, user_id):
        raise errors.CoolingOff(
            f"Your sign-in was recovered a short while ago. New payees can be added from {_moment(period.until)} on.",
            why="new_payee",
            until=clock.to_text(period.until),
        )


def helped(session: Session, user_id: UUID) -> list[Help]:
    """How somebody was helped back in: what is guarded still or was not read yet, newest first."""
    asker, approver = col(User.id), col(User.name)
    rows = session.execute(
        select(RECOVERIES)
        .where(
            RECOVERIES.c.user_id == user_id,
            RECOVERIES.c.factor != POWER,
            RECOVERIES.c.guarded_from.is_not(None),
            or_(RECOVERIES.c.guarded_until > clock.now(), RECOVERIES.c.read_at.is_(None)),
        )
        .order_by(RECOVERIES.c.guarded_from.desc())
    ).all()
    if not rows:
        return []
    wanted = {who for row in rows for who in (row.asked_by, row.approved_by) if who}
    names = {row[0]: row[1] for row in session.execute(select(asker, approver).where(asker.in_(wanted)))}
    return [
        Help(
            id=row.id,
            factor=row.factor,
            at=row.guarded_from,
            by=tuple(names[who] for who in (row.asked_by, row.approved_by) if who in names),
            alone=row.approved_by is None,
            guarded_until=row.guarded_until,
            read=row.read_at is not None,
        )
        for row in rows
    ]


def mark_read(session: Session, actor: Actor) -> None:
    """The actor has read how they were helped back in. What is guarded stays so."""
    still(session, actor)
    session.execute(
        update(RECOVERIES)
        .where(
            RECOVERIES.c.user_id == actor.user_id,
            RECOVERIES.c.guarded_from.is_not(None),
            RECOVERIES.c.read_at.is_(None),
        )
        .values(read_at=clock.now())
    )


def lately_alone(session: Session, since: datetime) -> int:
    """How often somebody was helped, or given power, by one person alone since a moment."""
    query = select(func.count()).select_from(RECOVERIES).where(
        RECOVERIES.c.approved_by.is_(None), RECOVERIES.c.created_at >= since
    )  # fmt: skip
    return session.execute(query).scalar_one()


def _periods(session: Session, user_ids: Collection[UUID], now: datetime) -> dict[UUID, CoolingOff]:
    rows = session.execute(
        select(RECOVERIES).where(RECOVERIES.c.user_id.in_(list(user_ids)), RECOVERIES.c.guarded_until > now)
    ).all()
    found: dict[UUID, CoolingOff] = {}
    for row in rows:
        hands = frozenset(who for who in (row.asked_by, row.approved_by) if who)
        before = found.get(row.user_id)
        if before is None:
            found[row.user_id] = CoolingOff(row.guarded_from, row.guarded_until, hands, row.limit_units)
        else:
            found[row.user_id] = CoolingOff(
                min(before.since, row.guarded_from),
                max(before.until, row.guarded_until),
                before.hands | hands,
                min(before.limit_units, row.limit_units),
            )
    return found


# --- what the ledger asks -------------------------------------------------------------------------------


def guard(
    session: Session, drafts: Sequence[AnyDraft], books: Mapping[int, Book], now: datetime, debits_since: Debits
) -> None:
    """Says to the locked books whose money is guarded. Asks the database only if there are any. Locks: none."""
    guarded = {number: book for number, book in books.items() if (book.guarded_until or now) > now}
    if not guarded:
        return
    owners = {number: book.account.owner_id for number, book in guarded.items() if book.account.owner_id}
    periods = _periods(session, set(owners.values()), now)
    paid = _paid_from(drafts, guarded)
    facts = session.execute(select(ACCOUNTS.c.id, ACCOUNTS.c.owner_id).where(ACCOUNTS.c.id.in_(paid))).all()
    owner_of = {row.id: row.owner_id for row in facts}
    for owner, period in periods.items():
        own = [number for number, whose in owners.items() if whose == owner]
        spent = debits_since(session, own, period.since, now=now)
        known = _known(session, owner, period.since, {payee for payee in paid if owner_of.get(payee) != owner})
        known |= {payee for payee in paid if owner_of.get(payee) == owner}
        for number in own:
            guarded[number].guard = Guard(period, spent.get(number, 0), frozenset(known), owner_of)


def refusal(draft: Draft | HoldDraft, books: Mapping[int, Book]) -> errors.BankError | None:
    """Why a draft takes from a guarded account what may not leave it; None if it does not."""
    for leg in draft.legs:
        found = books[leg.account_id].guard
        if leg.direction is Direction.DEBIT and found and (error := _refused(draft, leg, books[leg.account_id], found)):
            return error
    return None


def _refused(draft: Draft | HoldDraft, leg: Leg, book: Book, found: Guard) -> errors.BankError | None:
    period, code, number = found.period, book.account.currency, account_number_text(leg.account_id)
    payees = _payees(draft)
    until = _moment(period.until)
    facts = {"account_id": number, "until": clock.to_text(period.until)}
    if draft.actor_id in period.hands or any(found.owners.get(payee) in period.hands for payee in payees):
        return errors.CoolingOff(
            f"Until {until} nothing leaves account {number} by or to whoever helped its owner to sign in again.",
            why="took_part",
            **facts,
        )
    if isinstance(draft, Draft) and draft.reverses_id:
        return None
    if payees - found.known:
        return errors.CoolingOff(
            f"Its owner was helped to sign in again: until {until} account {number} pays only whom they paid before.",
            why="new_payee",
            **facts,
        )
    most = period.limit_units * money.currency(code).unit
    if found.spent_minor + leg.amount_minor > most:
        left = max(most - found.spent_minor, 0)
        return errors.CoolingOff(
            f"Its owner was helped to sign in again: until {until} {money.to_text(most, code)} {code} may leave account"
            f" {number}, of which {money.to_text(left, code)} is left.",
            why="limit",
            limit_amount=money.to_text(most, code),
            remaining=money.to_text(left, code),
            currency=code,
            **facts,
        )
    return None


def _payees(draft: AnyDraft) -> set[int]:
    """The customers' accounts that a draft pays; cash is nobody's."""
    if isinstance(draft, HoldDraft):
        return {draft.to_account_id} if draft.to_account_id else set()
    if isinstance(draft, ReleaseDraft) or draft.type in (TransactionType.WITHDRAW, TransactionType.DEPOSIT):
        return set()
    return {leg.account_id for leg in draft.legs if leg.direction is Direction.CREDIT}


def _paid_from(drafts: Sequence[AnyDraft], guarded: Mapping[int, Book]) -> set[int]:
    found: set[int] = set()
    for draft in drafts:
        if any(number in guarded for number in draft.account_ids):
            found |= _payees(draft)
    return set(sorted(found)[:_MOST_PAYEES])


def _known(session: Session, owner: UUID, since: datetime, payees: set[int]) -> set[int]:
    """Whom somebody paid, or kept to pay, before that moment."""
    kept = session.execute(
        select(col(SavedPayee.account_id)).where(
            col(SavedPayee.user_id) == owner, col(SavedPayee.created_at) < since, col(SavedPayee.account_id).in_(payees)
        )
    )
    known = set(kept.scalars())
    return known | {payee for payee in sorted(payees - known) if _has_paid(session, owner, since, payee)}


def _has_paid(session: Session, owner: UUID, since: datetime, payee: int) -> bool:
    paying, receiving = POSTINGS.alias(), POSTINGS.alias()
    own = list(session.execute(select(ACCOUNTS.c.id).where(ACCOUNTS.c.owner_id == owner)).scalars())
    query = exists(select(1)).where(
        and_(
            receiving.c.account_id == payee,
            receiving.c.direction == Direction.CREDIT.value,
            paying.c.transaction_id == receiving.c.transaction_id,
            paying.c.direction == Direction.DEBIT.value,
            paying.c.account_id.in_(own),
            paying.c.created_at < since,
            TRANSACTIONS.c.id == receiving.c.transaction_id,
            TRANSACTIONS.c.type == TransactionType.TRANSFER.value,
        )
    )
    return bool(session.execute(select(query.correlate(None))).scalar())


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
