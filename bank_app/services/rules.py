"""Deciding on a draft: pure rules over locked balances, in the order that clients can rely on. Writes nothing."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from bank_app import errors
from bank_app.domain import chain, money
from bank_app.domain.accounting import (
    MAX_BALANCE,
    AccountStatus,
    Direction,
    Draft,
    FrozenFor,
    Leg,
    available,
    signed,
)
from bank_app.domain.identifiers import account_number_text
from bank_app.models import Account


@dataclass(frozen=True, slots=True)
class PostingRow:
    """One side of a posted transaction, exactly as written."""

    account_id: int
    sequence: int
    direction: Direction
    amount_minor: int
    balance_after_minor: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Posted:
    """A transaction that is in the books once the unit of work commits; `replayed` when it already was."""

    id: UUID
    type: str
    amount_minor: int
    currency: str
    description: str | None
    metadata: Mapping[str, Any]
    actor_id: UUID
    reverses_id: UUID | None
    created_at: datetime
    hash: bytes
    postings: tuple[PostingRow, ...]
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """A business answer of no. Nothing of the draft was written but, with a key, the answer itself."""

    error: errors.BankError
    replayed: bool = False

    def as_error(self) -> errors.BankError:
        """To raise; it says of itself whether it was answered from its key."""
        # A copy, because an outcome may be the answer to several who asked the same.
        error = copy.copy(self.error)
        error.replayed = self.replayed
        return error


@dataclass(slots=True)
class Book:
    """A locked account's numbers while a list of drafts is walked."""

    account: Account
    balance: int
    version: int
    head_hash: bytes
    last_posted_at: datetime | None

    @classmethod
    def of(cls, account: Account) -> Book:
        """As the row was when it was locked."""
        return cls(account, account.balance, account.version, account.head_hash, account.last_posted_at)

    @property
    def internal(self) -> bool:
        """Whether it is the bank's own account, which may go below zero."""
        return self.account.owner_id is None

    @property
    def floor(self) -> int | None:
        """The lowest balance it may have now; None for internal accounts."""
        return None if self.internal else self.account.held - self.account.overdraft_limit

    @property
    def available(self) -> int:
        """What can leave it."""
        return available(
            balance_minor=self.balance,
            held_minor=self.account.held,
            overdraft_limit_minor=self.account.overdraft_limit,
        )

    @property
    def number(self) -> str:
        """Its ten digits."""
        return account_number_text(self.account.id)


def decide(draft: Draft, books: dict[int, Book], reversed_ids: set[UUID], now: datetime) -> Posted | Refused:
    """Accepts or refuses one draft and, if it is accepted, moves the books on.

    The order of the checks is the contract of api.md §2: existence, permission, preconditions, state, currency,
    limits, funds. `books` holds the locked accounts by id; `reversed_ids` the transactions that have their reversal.
    """
    error = (
        _missing_or_foreign(draft, books)
        or _reversal_or_version(draft, books, reversed_ids)
        or _wrong_state(draft, books)
        or _wrong_currency(draft, books)
        or _over_limits(draft, books)
        or _without_funds(draft, books)
    )
    if error:
        return Refused(error)
    if draft.reverses_id:
        reversed_ids.add(draft.reverses_id)
    return _apply(draft, books, now)


def _missing_or_foreign(draft: Draft, books: dict[int, Book]) -> errors.BankError | None:
    for leg in draft.legs:
        book = books.get(leg.account_id)
        foreign = leg.account_id in draft.must_belong_to_actor and (
            book is not None and book.account.owner_id != draft.actor_id
        )
        if book is None or foreign:
            return no_such_account(leg.account_id)
    return None


def no_such_account(account_id: int) -> errors.AccountNotFound:
    """The one sentence for accounts that do not exist and for those that are somebody else's."""
    return errors.AccountNotFound(f"There is no account {account_number_text(account_id)} that you can use.")


def _reversal_or_version(draft: Draft, books: dict[int, Book], reversed_ids: set[UUID]) -> errors.BankError | None:
    if draft.reverses_id in reversed_ids:
        return errors.AlreadyReversed("This transaction was already reversed.")
    for account_id, expected in draft.expected_versions.items():
        book = books[account_id]
        if book.version != expected:
            return errors.PreconditionFailed(
                f"Account {book.number} is at version {book.version}, not {expected}.", version=book.version
            )
    return None


def _wrong_state(draft: Draft, books: dict[int, Book]) -> errors.BankError | None:
    for leg in draft.legs:
        book = books[leg.account_id]
        own = leg.direction is Direction.DEBIT or leg.account_id in draft.must_belong_to_actor
        sentence = f"Account {book.number} is {{}}." if own else "The receiving account can't receive money right now."
        if book.account.status == AccountStatus.CLOSED:
            return errors.AccountClosed(sentence.format("closed"), account_id=book.number)
        frozen = book.account.status == AccountStatus.FROZEN
        if frozen and (leg.direction is Direction.DEBIT or book.account.frozen_for == FrozenFor.ALL):
            return errors.AccountFrozen(
                sentence.format("frozen, so money can't leave it" if leg.direction is Direction.DEBIT else "frozen"),
                account_id=book.number,
            )
    return None


def _wrong_currency(draft: Draft, books: dict[int, Book]) -> errors.BankError | None:
    for leg in draft.legs:
        book = books[leg.account_id]
        if book.account.currency != draft.currency:
            return errors.CurrencyMismatch(
                f"Account {book.number} is kept in {book.account.currency}, the amount is in {draft.currency}.",
                account_id=book.number,
                currency=draft.currency,
            )
    return None


def _over_limits(draft: Draft, books: dict[int, Book]) -> errors.BankError | None:
    for leg in draft.legs:
        book = books[leg.account_id]
        if abs(book.balance + signed(leg.direction, leg.amount_minor)) > MAX_BALANCE:
            return errors.LimitExceeded("The balance would be more than this bank can record.", account_id=book.number)
    return None


def _without_funds(draft: Draft, books: dict[int, Book]) -> errors.BankError | None:
    for leg in draft.legs:
        book = books[leg.account_id]
        if leg.direction is Direction.CREDIT or book.internal or book.available >= leg.amount_minor:
            continue
        code = draft.currency
        return errors.InsufficientFunds(
            f"Account {book.number} has {money.to_text(book.available, code)} {code} available; "
            f"{money.to_text(leg.amount_minor, code)} is needed.",
            account_id=book.number,
            available=money.to_text(book.available, code),
            shortfall=money.to_text(leg.amount_minor - book.available, code),
            currency=code,
        )
    return None


def _apply(draft: Draft, books: dict[int, Book], now: datetime) -> Posted:
    # The clock may have been set back: on each account time still never runs backwards, so that a balance at a
    # moment is one probe of an index.
    touched = [books[leg.account_id] for leg in draft.legs]
    created_at = max([draft.created_at or now, *(book.last_posted_at for book in touched if book.last_posted_at)])
    content: dict[str, Any] = {
        "id": draft.id,
        "type": draft.type.value,
        "amount_minor": draft.amount_minor,
        "currency": draft.currency,
        "description": draft.description,
        "metadata": dict(draft.metadata),
        "actor_id": draft.actor_id,
        "reverses_id": draft.reverses_id,
        "created_at": created_at,
    }
    digest = chain.transaction_hash(**content)
    return Posted(
        **content,
        hash=digest,
        postings=tuple(_apply_leg(leg, books[leg.account_id], draft, digest, created_at) for leg in draft.legs),
    )


def _apply_leg(leg: Leg, book: Book, draft: Draft, transaction_hash: bytes, created_at: datetime) -> PostingRow:
    book.balance += signed(leg.direction, leg.amount_minor)
    book.version += 1
    book.last_posted_at = created_at
    floor = book.floor
    if floor is not None and leg.direction is Direction.DEBIT and book.balance < floor:
        raise errors.BooksBroken(f"account {book.number} would fall below what it may")
    book.head_hash = chain.posting_hash(
        book.head_hash,
        account_id=leg.account_id,
        sequence=book.version,
        transaction_id=draft.id,
        transaction_hash=transaction_hash,
        direction=leg.direction.value,
        amount_minor=leg.amount_minor,
        currency=draft.currency,
        balance_after=book.balance,
        floor=floor,
        created_at=created_at,
    )
    return PostingRow(leg.account_id, book.version, leg.direction, leg.amount_minor, book.balance, book.head_hash)
