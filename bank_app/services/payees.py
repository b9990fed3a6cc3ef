"""Whom somebody has paid before, read from the books: nothing is kept that the ledger does not already say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, exists, select
from sqlalchemy.orm import Session, aliased
from sqlmodel import col

from bank_app import errors
from bank_app.domain.accounting import Direction, TransactionType
from bank_app.domain.identifiers import account_number_text, grouped
from bank_app.models import Account, IdempotencyKey, Posting, Transaction, User
from bank_app.services.auth import Actor

# Among the newest payments of each account; whoever is further back than this is found by number.
_LOOKED_AT = 200


@dataclass(frozen=True, slots=True)
class Payee:
    """Somebody else's account that money went to. Amount of the last payment in minor units of `currency`."""

    account_id: int
    name: str
    currency: str
    last_paid_at: datetime
    last_amount_minor: int

    @property
    def number(self) -> str:
        """Ten digits."""
        return account_number_text(self.account_id)

    @property
    def grouped_number(self) -> str:
        """Ten digits as people read them."""
        return grouped(self.account_id)


def paid_before(session: Session, actor: Actor, *, owner_id: UUID, limit: int = 5) -> list[Payee]:
    """The distinct accounts of others that the owner's accounts paid last, newest first.

    Raises:
        Forbidden: a customer asks for another person.
    """
    found: dict[int, Payee] = {}
    for account_id in _accounts_of(session, actor, owner_id):
        for row in session.execute(_newest_payments(account_id, owner_id)):
            known = found.get(row.account_id)
            if known is None or known.last_paid_at < row.created_at:
                found[row.account_id] = Payee(row.account_id, row.name, row.currency, row.created_at, row.amount)
    return sorted(found.values(), key=lambda payee: payee.last_paid_at, reverse=True)[:limit]


def has_paid(session: Session, actor: Actor, *, owner_id: UUID, account_id: int) -> bool:
    """Whether any of the owner's accounts has ever paid this account. Giving back what was reversed is not paying.

    Raises:
        Forbidden: a customer asks for another person.
    """
    paying, receiving = aliased(Posting), aliased(Posting)
    own = _accounts_of(session, actor, owner_id)
    query = (
        exists(select(1))
        .where(
            col(receiving.account_id) == account_id,
            col(receiving.direction) == Direction.CREDIT.value,
            col(paying.transaction_id) == col(receiving.transaction_id),
            col(paying.direction) == Direction.DEBIT.value,
            col(paying.account_id).in_(own),
            col(Transaction.id) == col(receiving.transaction_id),
            col(Transaction.type) == TransactionType.TRANSFER.value,
        )
        .correlate(None)
    )
    return bool(session.execute(select(query)).scalar())


def key_of(session: Session, actor: Actor, transaction_id: UUID) -> str | None:
    """The idempotency key under which the actor sent a transaction; None if somebody else did, or without a key."""
    return session.execute(
        select(col(IdempotencyKey.key)).where(
            col(IdempotencyKey.transaction_id) == transaction_id, col(IdempotencyKey.actor_id) == actor.user_id
        )
    ).scalar()


def _accounts_of(session: Session, actor: Actor, owner_id: UUID) -> list[int]:
    if owner_id != actor.user_id and not actor.role.sees_every_account:
        raise errors.Forbidden("You can see your own payments only.")
    return list(session.execute(select(col(Account.id)).where(col(Account.owner_id) == owner_id)).scalars())


def _newest_payments(account_id: int, owner_id: UUID) -> Select[Any]:
    sent = (
        select(col(Posting.transaction_id), col(Posting.created_at), col(Posting.amount))
        .where(col(Posting.account_id) == account_id, col(Posting.direction) == Direction.DEBIT.value)
        .order_by(col(Posting.sequence).desc())
        .limit(_LOOKED_AT)
        .subquery()
    )
    receiving = aliased(Posting)
    return (
        select(col(receiving.account_id), col(User.name), col(Account.currency), sent.c.created_at, sent.c.amount)
        .select_from(sent)
        .join(Transaction, col(Transaction.id) == sent.c.transaction_id)
        .join(receiving, col(receiving.transaction_id) == sent.c.transaction_id)
        .join(Account, col(Account.id) == col(receiving.account_id))
        .join(User, col(User.id) == col(Account.owner_id))
        .where(
            col(Transaction.type) == TransactionType.TRANSFER.value,
            col(receiving.direction) == Direction.CREDIT.value,
            col(Account.owner_id) != owner_id,
        )
    )
