"""Taking a transaction back: what it would do, decided as the ledger would decide now, and doing it once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlmodel import col

from bank_app import clock, errors
from bank_app.database import Database
from bank_app.domain.accounting import AccountStatus, Direction, FrozenFor, passes, signed
from bank_app.domain.identifiers import account_number_text
from bank_app.models import Account, Transaction, User
from bank_app.services import ledger, orders, reasons, transfers
from bank_app.services.actor import Actor
from bank_app.services.hold_book import HoldBook
from bank_app.services.movements import Reverse
from bank_app.services.reasons import Cause
from bank_app.services.rules import Book, decide

# Shape only: a preview writes nothing, so nobody ever reads it.
_UNWRITTEN = "Looking at what it would do"


@dataclass(frozen=True, slots=True)
class Effect:
    """What a reversal does to one side. Minor units; `available` is None for the bank's own accounts.

    `owner_id` is None and `number` the kind, such as `cash`, for the bank's own accounts.
    """

    number: str
    title: str
    owner_id: UUID | None
    owner_name: str
    status: AccountStatus
    frozen_for: FrozenFor | None
    available_minor: int | None
    change_minor: int

    @property
    def after_minor(self) -> int | None:
        """What would be available afterwards."""
        return None if self.available_minor is None else self.available_minor + self.change_minor

    @property
    def passes(self) -> bool:
        """Whether the state of the account lets this change through."""
        direction = Direction.CREDIT if self.change_minor > 0 else Direction.DEBIT
        return passes(direction, self.status, self.frozen_for)


@dataclass(frozen=True, slots=True)
class Earlier:
    """The reversal that a transaction has: its id, who posted it and when."""

    id: UUID
    by_name: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Preview:
    """What reversing would do now. `refusal` is what the ledger would answer, None if it would post.

    `effects` begins with the side that money leaves.
    """

    transaction: transfers.TransactionView
    effects: tuple[Effect, ...]
    earlier: Earlier | None
    refusal: errors.BankError | None


def preview(session: Session, actor: Actor, transaction_id: UUID) -> Preview:
    """What reversing a transaction would do, by the rules that post it. Nothing is kept of it.

    Raises:
        TransactionNotFound: it does not exist, or a customer has no side in it.
        Forbidden: anybody but a teller.
        Invalid: it is a reversal itself.
    Locks: none, so it may be out of date by the time somebody presses; posting decides again.
    """
    originals = ledger.load(session, [transaction_id])
    sides = {side.account_id for posted in originals.values() for side in posted.postings}
    known = ledger.named(session, sides)
    draft = orders.reversal_draft(actor, Reverse(transaction_id, _UNWRITTEN), None, known, originals)
    holds = HoldBook(session, clock.now())
    books = _books(session, draft.account_ids, holds)
    before = {number: None if book.internal else book.available for number, book in books.items()}
    earlier = earlier_of(session, transaction_id)
    outcome = decide(draft, books, {transaction_id} if earlier else set(), holds)
    effects = tuple(
        _effect(known[leg.account_id], books[leg.account_id], before, signed(leg.direction, leg.amount_minor))
        for leg in sorted(draft.legs, key=lambda leg: leg.direction is Direction.CREDIT)
    )
    return Preview(
        transaction=transfers.get_transaction(session, actor, transaction_id),
        effects=effects,
        earlier=earlier,
        refusal=outcome.error if isinstance(outcome, ledger.Refused) else None,
    )


def post(db: Database, actor: Actor, transaction_id: UUID, *, cause: Cause, reason: str, key: str) -> transfers.Moved:
    """Reverses a transaction in full, with the cause and the reason in the audit log. Blocks; answers after COMMIT.

    Raises:
        Invalid: the reason is shorter than ten characters or longer than the log keeps.
        AlreadyReversed, InsufficientFunds, AccountFrozen, AccountClosed: as `transfers.move`, with all else it raises.
    """
    return transfers.move(db, actor, Reverse(transaction_id, reasons.written(reason, cause)), key=key)


def earlier_of(session: Session, transaction_id: UUID) -> Earlier | None:
    """The reversal of a transaction, if it has one. For the bank's people: it names who did it."""
    row = session.execute(
        select(col(Transaction.id), col(Transaction.created_at), col(User.name))
        .join(User, col(User.id) == col(Transaction.actor_id))
        .where(col(Transaction.reverses_id) == transaction_id)
    ).first()
    return Earlier(row.id, row.name, row.created_at) if row else None


def _books(session: Session, account_ids: tuple[int, ...], holds: HoldBook) -> dict[int, Book]:
    """The accounts as they are now, without a lock; holds whose time is over hold nothing."""
    statement = select(Account).where(col(Account.id).in_(account_ids)).execution_options(populate_existing=True)
    books = {account.id: Book.of(account) for account in session.execute(statement).scalars()}
    holding = [number for number, book in books.items() if book.held]
    for number, freed in holds.read(set(), holding).items():
        books[number].held -= freed
    return books


def _effect(account: ledger.AccountFacts, book: Book, before: Mapping[int, int | None], change: int) -> Effect:
    internal = account.owner_id is None
    return Effect(
        number=account.kind.value if internal else account_number_text(account.id),
        title=account.nickname or account.kind.usual_name,
        owner_id=account.owner_id,
        owner_name=account.owner_name,
        status=AccountStatus(book.account.status),
        frozen_for=FrozenFor(book.account.frozen_for) if book.account.frozen_for else None,
        available_minor=before[account.id],
        change_minor=change,
    )
