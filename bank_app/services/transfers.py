"""Moving money: deposit, withdraw, transfer, reverse. Builds drafts; the ledger decides and writes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlmodel import col

from bank_app import errors
from bank_app.database import Database
from bank_app.domain import money
from bank_app.domain.accounting import AccountKind, Direction, Draft, Key, Leg, TransactionType
from bank_app.domain.identifiers import account_number_text, fingerprint, new_id, reference
from bank_app.models import Account, Transaction, User
from bank_app.services import audit, ledger
from bank_app.services.auth import Actor
from bank_app.settings import Settings

MAX_DESCRIPTION = 140


@dataclass(frozen=True, slots=True)
class Movement:
    """What somebody asks for. `id` becomes the transaction's; it is not part of what makes two requests the same."""

    operation: ClassVar[str]
    id: UUID = field(default_factory=new_id, kw_only=True)
    description: str | None = field(default=None, kw_only=True)
    metadata: Mapping[str, Any] = field(default_factory=dict, kw_only=True)

    def fingerprint(self) -> bytes:
        """32 bytes that differ when the request differs."""
        content = asdict(self)
        del content["id"]
        return fingerprint(self.operation, content)

    def _check(self) -> None:
        if self.description is not None and len(self.description) > MAX_DESCRIPTION:
            message = f"Keep the description to {MAX_DESCRIPTION} characters (now {len(self.description)})."
            raise errors.Invalid(message, errors=[{"field": "description", "code": "too_long", "message": message}])
        for name, value in (("description", self.description), ("metadata", self.metadata)):
            try:
                json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
            except (TypeError, ValueError):
                # Half of a surrogate pair, which JSON can spell and no database can keep, or a number that is none.
                message = f"The {name} holds something that cannot be written down."
                raise errors.Invalid(message, errors=[{"field": name, "code": "invalid", "message": message}]) from None


@dataclass(frozen=True, slots=True)
class CashMovement(Movement):
    """Between cash and one account.

    Raises:
        Invalid: the description is too long.
    """

    account_id: int
    amount: money.Amount

    def __post_init__(self) -> None:
        """Shape only."""
        self._check()

    @property
    def own(self) -> int:
        """The account that the actor must be allowed to act on."""
        return self.account_id

    @property
    def named(self) -> tuple[int, ...]:
        """The customer accounts that must exist."""
        return (self.account_id,)


@dataclass(frozen=True, slots=True)
class Deposit(CashMovement):
    """Cash in: debits cash, credits the account."""

    operation: ClassVar[str] = "deposit"

    def sides(self, currency: str) -> tuple[int, int]:
        """Which account is debited and which credited."""
        return ledger.cash_account(currency, self.account_id), self.account_id


@dataclass(frozen=True, slots=True)
class Withdraw(CashMovement):
    """Cash out: debits the account, credits cash."""

    operation: ClassVar[str] = "withdraw"

    def sides(self, currency: str) -> tuple[int, int]:
        """Which account is debited and which credited."""
        return self.account_id, ledger.cash_account(currency, self.account_id)


@dataclass(frozen=True, slots=True)
class Transfer(Movement):
    """From one account to another of the same currency. `if_version` is the payer's version that the caller saw.

    Raises:
        SameAccount: both are one.
        Invalid: the description is too long.
    """

    operation: ClassVar[str] = "transfer"
    from_account_id: int
    to_account_id: int
    amount: money.Amount
    if_version: int | None = None

    def __post_init__(self) -> None:
        """Shape only."""
        if self.from_account_id == self.to_account_id:
            raise errors.SameAccount("Choose two different accounts.")
        self._check()

    @property
    def own(self) -> int:
        """The account that the actor must be allowed to act on."""
        return self.from_account_id

    @property
    def named(self) -> tuple[int, ...]:
        """The customer accounts that must exist."""
        return self.from_account_id, self.to_account_id

    def sides(self, currency: str) -> tuple[int, int]:
        """Which account is debited and which credited."""
        return self.from_account_id, self.to_account_id


@dataclass(frozen=True, slots=True)
class Reverse(Movement):
    """The mirror of a transaction, once, by a teller who says why.

    Raises:
        Invalid: no reason, or too long a one.
    """

    operation: ClassVar[str] = "reverse"
    transaction_id: UUID
    reason: str

    def __post_init__(self) -> None:
        """Shape only."""
        audit.checked_reason(self.reason)


AnyMovement = Deposit | Withdraw | Transfer | Reverse


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
    """Posts a movement in a unit of work of its own and answers after COMMIT.

    Check the shape first (building the movement does); then, in this order: idempotency replay, existence,
    permission, reversal and version, account state, currency, limits, funds. With a `key` (1 to 255 visible ASCII
    characters, per actor) the answer, a refusal included, is the same for ever.

    Raises:
        AccountNotFound, TransactionNotFound, Forbidden: not recorded with the key.
        InvalidAmount: more decimals than the account's currency has.
        Refused (any leaf), IdempotencyKeyReused: `error.replayed` tells a recorded refusal from a new one.
        LockTimeout, DatabaseUnavailable, OutcomeUnknown: never recorded; repeat with the same key.
    """
    bound = Key(actor.user_id, key, movement.fingerprint()) if key else None
    settings = db.settings

    def operation(session: Session) -> Moved | ledger.Refused:
        outcome = _post(session, actor, movement, bound, settings)
        if isinstance(outcome, ledger.Refused):
            return outcome
        # The first answer stands for ever: it knows of no reversal, also when it is given again.
        [view] = _views(session, actor, [outcome], {})
        # After a lost COMMIT the ledger answers from its rows; for whoever waits here it is still the first answer.
        return Moved(view, outcome.replayed and outcome.id != movement.id)

    return _or_raise(db.unit_of_work(operation, resolvable=True))


def outcome_of(db: Database, actor: Actor, movement: AnyMovement, *, key: str) -> Moved | None:
    """What became of a movement that was sent with `key`; None if the bank never received it. Writes nothing.

    Raises:
        Refused: it was refused, with the first answer.
        IdempotencyKeyReused: the key belongs to another request.
    """
    bound = Key(actor.user_id, key, movement.fingerprint())

    def operation(session: Session) -> Moved | ledger.Refused | None:
        outcome = ledger.recorded(session, bound)
        if outcome is None or isinstance(outcome, ledger.Refused):
            return outcome
        return Moved(_views(session, actor, [outcome], reversals_of(session, [outcome.id]))[0], replayed=True)

    found = db.read(operation)
    return None if found is None else _or_raise(found)


def get_transaction(session: Session, actor: Actor, transaction_id: UUID) -> TransactionView:
    """One transaction.

    Raises:
        TransactionNotFound: it does not exist, or a customer has no side in it.
    """
    posted = ledger.load(session, [transaction_id]).get(transaction_id)
    if posted:
        [view] = _views(session, actor, [posted], reversals_of(session, [posted.id]))
        if actor.role.sees_every_account or any(side.mine for side in view.postings):
            return view
    raise _no_such_transaction()


def list_views(session: Session, actor: Actor, transaction_ids: list[UUID]) -> list[TransactionView]:
    """Transactions in the order of their ids as given, for a viewer who may see them all."""
    posted = ledger.load(session, transaction_ids)
    found = [posted[identifier] for identifier in transaction_ids]
    return _views(session, actor, found, reversals_of(session, transaction_ids))


def _or_raise(outcome: Moved | ledger.Refused) -> Moved:
    if isinstance(outcome, ledger.Refused):
        outcome.error.replayed = outcome.replayed
        raise outcome.error
    return outcome


def _no_such_transaction() -> errors.TransactionNotFound:
    return errors.TransactionNotFound("There is no transaction with this id that you can see.")


# --- from a movement to a draft -------------------------------------------------------------------


def _post(
    session: Session, actor: Actor, movement: AnyMovement, key: Key | None, settings: Settings
) -> ledger.Posted | ledger.Refused:
    try:
        draft = _draft(session, actor, movement, key, settings)
    except errors.BankError:
        # A replay comes before existence and permission: the first answer stands, whatever has changed since.
        recorded = ledger.recorded(session, key) if key else None
        if recorded is None:
            raise
        return recorded
    [outcome] = ledger.post(session, [draft])
    if isinstance(movement, Reverse) and isinstance(outcome, ledger.Posted) and not outcome.replayed:
        audit.record(
            session,
            actor_id=actor.user_id,
            action="transaction.reverse",
            object=f"transaction {movement.transaction_id}",
            reason=movement.reason.strip(),
            changes={"reversed_by": [None, str(outcome.id)]},
        )
    return outcome


def _draft(session: Session, actor: Actor, movement: AnyMovement, key: Key | None, settings: Settings) -> Draft:
    if isinstance(movement, Reverse):
        return _reversal(session, actor, movement, key)
    own = movement.own
    known = ledger.facts(session, movement.named)
    for number in movement.named:
        account = known.get(number)
        foreign = number == own and account and not actor.role.sees_every_account and account.owner_id != actor.user_id
        if account is None or account.owner_id is None or foreign:
            raise ledger.no_such_account(number)
    _may_move(actor, movement, settings)
    currency = known[own].currency
    amount = movement.amount.minor(currency)
    debit, credit = movement.sides(currency)
    versions = {own: movement.if_version} if isinstance(movement, Transfer) and movement.if_version is not None else {}
    return Draft(
        id=movement.id,
        type=TransactionType(movement.operation),
        currency=currency,
        legs=(Leg(debit, Direction.DEBIT, amount), Leg(credit, Direction.CREDIT, amount)),
        actor_id=actor.user_id,
        description=(movement.description or "").strip() or None,
        metadata=movement.metadata,
        key=key,
        must_belong_to_actor=frozenset() if actor.role.acts_on_every_account else frozenset({own}),
        expected_versions=versions,
    )


def _may_move(actor: Actor, movement: Movement, settings: Settings) -> None:
    if actor.role.acts_on_every_account:
        return
    if actor.role.sees_every_account:
        raise errors.Forbidden("Your role (Auditor) can look but not change this.")
    if isinstance(movement, CashMovement) and not settings.customers_handle_cash:
        raise errors.Forbidden("Customers cannot deposit or withdraw by themselves at this bank; a teller can.")


def _reversal(session: Session, actor: Actor, movement: Reverse, key: Key | None) -> Draft:
    original = ledger.load(session, [movement.transaction_id]).get(movement.transaction_id)
    if original is None:
        raise _no_such_transaction()
    if not actor.role.acts_on_every_account:
        get_transaction(session, actor, movement.transaction_id)
        raise errors.Forbidden("Only a teller can reverse a transaction.")
    if original.type == TransactionType.REVERSAL:
        raise errors.Invalid("A reversal cannot be reversed; post a new transfer instead.")
    # Mirrored sides in mirrored order: what was credited is debited first.
    legs = tuple(
        Leg(side.account_id, side.direction.opposite, side.amount_minor) for side in reversed(original.postings)
    )
    return Draft(
        id=movement.id,
        type=TransactionType.REVERSAL,
        currency=original.currency,
        legs=legs,
        actor_id=actor.user_id,
        description=original.description,
        reverses_id=original.id,
        key=key,
    )


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
    numbers = {side.account_id for item in posted for side in item.postings}
    owners = {
        row.id: row
        for row in session.execute(
            select(col(Account.id), col(Account.owner_id), col(Account.kind), col(Account.nickname), col(User.name))
            .outerjoin(User, col(User.id) == col(Account.owner_id))
            .where(col(Account.id).in_(numbers))
        )
    }
    return [
        TransactionView(
            id=item.id,
            type=TransactionType(item.type),
            amount_minor=item.amount_minor,
            currency=item.currency,
            description=item.description,
            metadata=item.metadata,
            created_at=item.created_at,
            actor_id=item.actor_id,
            reverses=item.reverses_id,
            reversed_by=reversals.get(item.id),
            hash=item.hash.hex(),
            postings=tuple(_side(actor, side, owners[side.account_id]) for side in item.postings),
        )
        for item in posted
    ]


def _side(actor: Actor, side: ledger.PostingRow, owner: Any) -> PostingView:
    internal = owner.owner_id is None
    mine = owner.owner_id == actor.user_id
    visible = mine or actor.role.sees_every_account
    return PostingView(
        account_id=owner.kind if internal else account_number_text(side.account_id),
        title=(owner.nickname if visible else None) or AccountKind(owner.kind).usual_name,
        owner_name="" if internal else owner.name,
        mine=mine,
        direction=side.direction,
        amount_minor=side.amount_minor,
        balance_after_minor=side.balance_after_minor if visible else None,
        sequence=side.sequence if visible else None,
        hash=side.hash.hex(),
    )
