"""Moving money: deposit, withdraw, transfer, reverse. The posting queue posts; here is what people are told of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlmodel import col

from bank_app import errors
from bank_app.database import Database
from bank_app.domain.accounting import Direction, Key, TransactionType
from bank_app.domain.identifiers import account_number_text, reference
from bank_app.models import IdempotencyKey, Transaction
from bank_app.services import answers, ledger, looks, payee_names, posting
from bank_app.services.actor import Actor
from bank_app.services.movements import (
    MAX_DESCRIPTION,
    AnyMovement,
    CashMovement,
    Deposit,
    Movement,
    Reverse,
    Transfer,
    Withdraw,
)
from bank_app.services.orders import Order, Settled, no_such_transaction


@dataclass(frozen=True, slots=True)
class PostingView:
    """One side of a transaction. `balance_after_minor` and `sequence` only where the viewer may see the account."""

    account_id: str
    title: str
    owner_name: str
    mine: bool
    direction: Direction
    amount_minor: int
    balance_after_minor: int | None
    sequence: int | None
    hash: str

    @property
    def only_numbered(self) -> bool:
        """Whether the owner is called by the account's number, because the reader does not know his name."""
        return self.account_id.isdigit() and self.owner_name == payee_names.by_number(int(self.account_id))


@dataclass(frozen=True, slots=True)
class TransactionView:
    """A posted transaction as one person may see it. Amounts in minor units of `currency`."""

    id: UUID
    type: TransactionType
    amount_minor: int
    currency: str
    description: str | None
    metadata: Mapping[str, Any]
    created_at: datetime
    actor_id: UUID
    reverses: UUID | None
    reversed_by: UUID | None
    hash: str
    postings: tuple[PostingView, ...]

    @property
    def reference(self) -> str:
        """Short form for people."""
        return reference(self.id)


@dataclass(frozen=True, slots=True)
class Moved:
    """The answer to a movement: the transaction, and whether the key had been answered before."""

    transaction: TransactionView
    replayed: bool


def move(db: Database, actor: Actor, movement: AnyMovement, *, key: str | None = None) -> Moved:
    """Posts a movement and answers after COMMIT. Blocks; `move_soon` does the same without holding a thread.

    Check the shape first (building the movement does); then, in this order: idempotency replay, existence,
    permission, reversal and version, account state, currency, limits, funds. With a `key` (1 to 255 visible ASCII
    characters, per actor) the answer, a refusal included, is the same for ever.

    Raises:
        AccountNotFound, TransactionNotFound, Forbidden: not recorded with the key.
        InvalidAmount: more decimals than the account's currency has.
        Refused (any leaf), IdempotencyKeyReused: `error.replayed` tells a recorded refusal from a new one.
        LockTimeout, DatabaseUnavailable, Overloaded, OutcomeUnknown: never recorded; repeat with the same key.
    """
    order = Order.of(actor, movement, key, with_names=True)
    return _moved(order, posting.of(db).post(order))


async def move_soon(db: Database, actor: Actor, movement: AnyMovement, *, key: str | None = None) -> Moved:
    """As `move`, awaited: no thread waits for the answer. The sides come without title and owner's name."""
    order = Order.of(actor, movement, key)
    return _moved(order, await posting.of(db).post_soon(order))


def outcome_of(db: Database, actor: Actor, movement: AnyMovement, *, key: str) -> Moved | None:
    """What became of a movement that was sent with `key`; None if the bank never received it. Writes nothing.

    Raises:
        Refused: it was refused, with the first answer.
        IdempotencyKeyReused: the key belongs to another request.
    """
    bound = Key(actor.user_id, key, movement.fingerprint())
    return _outcome(db, actor, lambda session: ledger.recorded(session, bound))


def outcome_under(db: Database, actor: Actor, *, key: str) -> Moved | None:
    """As `outcome_of`, for whoever has lost what was sent and knows the key only.

    Raises:
        Refused: it was refused, with the first answer.
    """
    return _outcome(db, actor, lambda session: answers.recorded_under(session, actor.user_id, key))


def _outcome(db: Database, actor: Actor, recorded: Callable[[Session], ledger.Outcome | None]) -> Moved | None:
    def operation(session: Session) -> Moved | ledger.Refused | None:
        outcome = recorded(session)
        if not isinstance(outcome, ledger.Posted):
            # A hold has another fingerprint, so it is refused here as another request.
            return outcome if isinstance(outcome, ledger.Refused) else None
        return Moved(_views(session, actor, [outcome], reversals_of(session, [outcome.id]))[0], replayed=True)

    found = db.read(operation)
    if isinstance(found, ledger.Refused):
        raise found.as_error()
    return found


def get_transaction(session: Session, actor: Actor, transaction_id: UUID) -> TransactionView:
    """One transaction.

    Raises:
        TransactionNotFound: it does not exist, or a customer has no side in it.
    """
    posted = ledger.load(session, [transaction_id]).get(transaction_id)
    if posted:
        [view] = _views(session, actor, [posted], reversals_of(session, [posted.id]))
        if actor.role.sees_every_account or any(side.mine for side in view.postings):
            if actor.role.sees_every_account:
                facts = ledger.facts(session, [side.account_id for side in posted.postings])
                looks.at(session, actor, f"transaction {transaction_id}", *(one.owner_id for one in facts.values()))
            return view
        looks.not_theirs(session, actor, f"transaction {transaction_id}")
    raise no_such_transaction()


def list_views(session: Session, actor: Actor, transaction_ids: list[UUID]) -> list[TransactionView]:
    """Transactions in the order of their ids as given, for a viewer who may see them all."""
    posted = ledger.load(session, transaction_ids)
    found = [posted[identifier] for identifier in transaction_ids]
    return _views(session, actor, found, reversals_of(session, transaction_ids))


def key_of(session: Session, actor: Actor, transaction_id: UUID) -> str | None:
    """The idempotency key under which the actor sent a transaction; None if somebody else did, or without a key."""
    return session.execute(
        select(col(IdempotencyKey.key)).where(
            col(IdempotencyKey.transaction_id) == transaction_id, col(IdempotencyKey.actor_id) == actor.user_id
        )
    ).scalar()


def _moved(order: Order, settled: Settled) -> Moved:
    outcome = settled.outcome
    if isinstance(outcome, ledger.Refused):
        raise outcome.as_error()
    if not isinstance(outcome, ledger.Posted):
        raise errors.BooksBroken("a transaction was asked for, and something else answered")
    # The first answer stands for ever: it knows of no reversal, also when it is given again.
    # Nor does it read whom the actor knows: whoever shows names asks for the transaction.
    unknown = {
        number: payee_names.by_number(number)
        for number, account in settled.accounts.items()
        if account.owner_id != order.actor.user_id and not order.actor.role.sees_every_account
    }
    view = _view(order.actor, outcome, settled.accounts, unknown, reversed_by=None)
    # After a lost COMMIT the ledger answers from its rows; for whoever waits here it is still the first answer.
    return Moved(view, outcome.replayed and outcome.id != order.movement.id)


# --- views ----------------------------------------------------------------------------------------


def reversals_of(session: Session, transaction_ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """Which of these transactions were reversed, and by which. Locks: none."""
    found = session.execute(
        select(col(Transaction.reverses_id), col(Transaction.id)).where(
            col(Transaction.reverses_id).in_(transaction_ids)
        )
    )
    return {original: reversal for original, reversal in found if original}


def _views(
    session: Session, actor: Actor, posted: list[ledger.Posted], reversals: Mapping[UUID, UUID]
) -> list[TransactionView]:
    accounts = ledger.named(session, {side.account_id for item in posted for side in item.postings})
    paid = {
        side.account_id
        for item in posted
        for side in item.postings
        if not payee_names.makes_itself_known(side.direction, item.type)
    }
    unknown = payee_names.unknown_to(session, actor, paid)
    return [_view(actor, item, accounts, unknown, reversed_by=reversals.get(item.id)) for item in posted]


def _view(
    actor: Actor,
    item: ledger.Posted,
    accounts: Mapping[int, ledger.AccountFacts],
    unknown: Mapping[int, str],
    *,
    reversed_by: UUID | None,
) -> TransactionView:
    """`unknown` has the names of accounts whose owners the actor does not know, as he calls them."""
    return TransactionView(
        id=item.id,
        type=TransactionType(item.type),
        amount_minor=item.amount_minor,
        currency=item.currency,
        description=item.description,
        metadata=item.metadata if item.actor_id == actor.user_id or actor.role.sees_every_account else {},
        created_at=item.created_at,
        actor_id=item.actor_id,
        reverses=item.reverses_id,
        reversed_by=reversed_by,
        hash=item.hash.hex(),
        postings=tuple(_side(actor, item, side, accounts[side.account_id], unknown) for side in item.postings),
    )


def _side(
    actor: Actor, item: ledger.Posted, side: ledger.PostingRow, account: ledger.AccountFacts, unknown: Mapping[int, str]
) -> PostingView:
    sends = payee_names.makes_itself_known(side.direction, item.type)
    internal = account.owner_id is None
    mine = account.owner_id == actor.user_id
    visible = mine or actor.role.sees_every_account
    return PostingView(
        account_id=account.kind.value if internal else account_number_text(side.account_id),
        title=(account.nickname if visible else None) or account.kind.usual_name,
        owner_name="" if internal else account.owner_name if sends else unknown.get(account.id, account.owner_name),
        mine=mine,
        direction=side.direction,
        amount_minor=side.amount_minor,
        balance_after_minor=side.balance_after_minor if visible else None,
        sequence=side.sequence if visible else None,
        hash=side.hash.hex(),
    )


__all__ = [
    "MAX_DESCRIPTION",
    "AnyMovement",
    "CashMovement",
    "Deposit",
    "Movement",
    "Reverse",
    "Transfer",
    "Withdraw",
]
