"""After somebody was helped back in: for a while little leaves their accounts, and nothing to those who helped.

Who comes in with a new password may not be its owner. What was done is kept by recovery.py; the ledger asks with
the rows that it locks, so that whatever moves money meets the same rule.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from sqlalchemy import and_, exists, func, select
from sqlalchemy.orm import Session
from sqlmodel import col

from bank_app import clock, errors
from bank_app.domain import money
from bank_app.domain.accounting import AnyDraft, Direction, Draft, HoldDraft, Leg, ReleaseDraft, TransactionType
from bank_app.domain.identifiers import account_number_text
from bank_app.models import ACCOUNTS, POSTINGS, RECOVERIES, TRANSACTIONS, SavedPayee
from bank_app.services.recovery import CoolingOff, periods

if TYPE_CHECKING:
    from bank_app.services.rules import Book


class Debits(Protocol):
    """What has left accounts since a moment, reversals aside: `ledger.debits_since`."""

    def __call__(
        self, session: Session, account_ids: Collection[int], moment: datetime, *, now: datetime
    ) -> dict[int, int]:
        """In minor units, by account."""


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


@dataclass(slots=True)
class Guard:
    """What a locked account may pay meanwhile. `spent_minor` has left it since; `owners` are those of who is paid."""

    period: CoolingOff
    spent_minor: int = 0
    known: frozenset[int] = frozenset()
    owners: Mapping[int, UUID | None] = field(default_factory=dict)


def guard(
    session: Session, drafts: Sequence[AnyDraft], books: Mapping[int, Book], now: datetime, debits_since: Debits
) -> None:
    """Says to the locked books whose money is guarded. Asks the database only if there are any. Locks: none."""
    guarded = {number: book for number, book in books.items() if (book.guarded_until or now) > now}
    if not guarded:
        return
    owners = {number: book.account.owner_id for number, book in guarded.items() if book.account.owner_id}
    found = periods(session, set(owners.values()), now)
    paid = _paid_from(drafts, guarded)
    facts = session.execute(select(ACCOUNTS.c.id, ACCOUNTS.c.owner_id).where(ACCOUNTS.c.id.in_(paid))).all()
    owner_of = {row.id: row.owner_id for row in facts}
    for owner, period in found.items():
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
    until = clock.to_the_minute(period.until)
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
