"""Proving one account: its entries added up again, by other statements than those that wrote and show them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Numeric, case, cast, func, select
from sqlalchemy.orm import Session

from bank_app.columns import total
from bank_app.domain import chain
from bank_app.domain.accounting import Direction
from bank_app.models import ACCOUNTS, POSTINGS, TRANSACTIONS
from bank_app.services.accounts import AccountView, get_account
from bank_app.services.actor import Actor

# Hashing takes about 10 µs an entry; up to here somebody can wait for it.
_MOST_HASHED = 10_000


@dataclass(frozen=True, slots=True)
class Proof:
    """What the entries of an account come to, beside what the account says. Amounts in minor units.

    `first_wrong` is the sequence of the first entry that does not follow from the one before it (a gap, a wrong
    balance, a wrong hash), or None. `hashed` says whether the chain was walked as well; long ones are not.
    """

    account: AccountView
    entries: int
    in_minor: int
    out_minor: int
    first_wrong: int | None
    hashed: bool
    milliseconds: int

    @property
    def sum_minor(self) -> int:
        """All money in less all money out."""
        return self.in_minor - self.out_minor

    @property
    def off_minor(self) -> int:
        """How far the stored balance is from the sum; zero when they agree."""
        return self.account.balance_minor - self.sum_minor

    @property
    def holds(self) -> bool:
        """Whether the sum is the stored balance and every entry follows from the one before it."""
        return self.off_minor == 0 and self.first_wrong is None and self.entries == self.account.version


def re_add(session: Session, actor: Actor, account_id: int) -> Proof:
    """Adds all entries of an account up again, on one snapshot. Writes nothing and locks nothing.

    Raises:
        AccountNotFound: as `accounts.get_account`.
    """
    began = time.perf_counter()
    account = get_account(session, actor, account_id)
    credit = case((POSTINGS.c.direction == Direction.CREDIT.value, POSTINGS.c.amount), else_=0)
    debit = case((POSTINGS.c.direction == Direction.DEBIT.value, POSTINGS.c.amount), else_=0)
    row = session.execute(
        select(func.count(), total(credit), total(debit)).where(POSTINGS.c.account_id == account.id)
    ).one()
    hashed = row[0] <= _MOST_HASHED
    wrong = _first_wrong_hash(session, account) if hashed else None
    if wrong is None:
        wrong = _first_wrong_balance(session, account)
    return Proof(
        account=account,
        entries=row[0],
        in_minor=row[1],
        out_minor=row[2],
        first_wrong=wrong,
        hashed=hashed,
        milliseconds=round((time.perf_counter() - began) * 1000),
    )


def _first_wrong_balance(session: Session, account: AccountView) -> int | None:
    """The first entry whose number or balance does not follow from the one before it, found by the database."""
    # As decimals, because on a server two changed numbers could leave the range of a BIGINT, which is an error there.
    amount, after = (cast(column, Numeric(38, 0)) for column in (POSTINGS.c.amount, POSTINGS.c.balance_after))
    order = POSTINGS.c.sequence
    walked = (
        select(
            order,
            func.row_number().over(order_by=order).label("place"),
            (after - func.coalesce(func.lag(after).over(order_by=order), 0)).label("step"),
            case((POSTINGS.c.direction == Direction.CREDIT.value, amount), else_=-amount).label("signed"),
        )
        .where(POSTINGS.c.account_id == account.id)
        .subquery()
    )
    wrong = (walked.c.sequence != walked.c.place) | (walked.c.step != walked.c.signed)
    found = session.execute(select(func.min(walked.c.sequence)).where(wrong)).scalar()
    return None if found is None else int(found)


def _first_wrong_hash(session: Session, account: AccountView) -> int | None:
    """The first entry whose hash does not follow; the head of the account counts as its last entry's."""
    rows: Any = session.execute(
        select(POSTINGS, TRANSACTIONS.c.hash.label("transaction_hash"))
        .join(TRANSACTIONS, TRANSACTIONS.c.id == POSTINGS.c.transaction_id, isouter=True)
        .where(POSTINGS.c.account_id == account.id)
        .order_by(POSTINGS.c.sequence)
    )
    head, last = chain.GENESIS, 0
    for row in rows:
        digest = chain.posting_hash(
            head,
            account_id=row.account_id,
            sequence=row.sequence,
            transaction_id=row.transaction_id,
            transaction_hash=row.transaction_hash or b"",
            direction=row.direction,
            amount_minor=row.amount,
            currency=row.currency,
            balance_after=row.balance_after,
            floor=row.floor,
            created_at=row.created_at,
        )
        if digest != row.hash:
            return int(row.sequence)
        head, last = row.hash, row.sequence
    stored = session.execute(select(ACCOUNTS.c.head_hash).where(ACCOUNTS.c.id == account.id)).scalar_one()
    return None if stored == head else max(last, 1)
