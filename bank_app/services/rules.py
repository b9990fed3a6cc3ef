"""Deciding on a draft: pure rules over locked balances, in the order that clients can rely on. Writes nothing."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from bank_app import clock, errors
from bank_app.domain import chain, money
from bank_app.domain.accounting import (
    MAX_BALANCE,
    AccountStatus,
    AnyDraft,
    Direction,
    Draft,
    HoldDraft,
    HoldState,
    Leg,
    ReleaseDraft,
    TransactionType,
    available,
    passes,
    signed,
)
from bank_app.domain.identifiers import account_number_text
from bank_app.models import Account
from bank_app.services import cooling_off
from bank_app.services.hold_book import HoldBook, HoldRow

_HOLDS_NAMED = 3
# What one customer may pay in by himself in a day, over all accounts of a currency, and what he may take out: beyond
# all purposes, and far from what the cash accounts can record for everybody.
MOST_OWN_CASH = 10 * money.MAX_MINOR
# Smaller movements are not counted, so that they cost nothing: there would have to be billions of them.
COUNTED_CASH = 10**9
# A clock that is set back by less stands still on the accounts that it had dated: there time never runs backwards. An
# entry that is dated further ahead than this is a wrong clock's, and what follows it is dated by the right one.
KEPT_IN_ORDER = timedelta(hours=2)
# A clock that is set back by so much opens no second day: what has left an account in the days that it then lives
# through again counts as well.
COUNTED_AHEAD = timedelta(days=2)


class PostingRow(NamedTuple):
    """One side of a posted transaction, exactly as written."""

    account_id: int
    sequence: int
    direction: Direction
    amount_minor: int
    balance_after_minor: int
    hash: bytes
    floor: int | None


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


@dataclass(frozen=True, slots=True)
class Held:
    """A hold that was placed, released or, with `posted`, captured; the same as `Posted` otherwise."""

    hold: HoldRow
    posted: Posted | None = None
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Opened:
    """An account that was opened under a key; no draft is ever answered so."""

    account_id: int
    replayed: bool = False


Outcome = Posted | Held | Refused | Opened


@dataclass(slots=True)
class SelfServed:
    """What a customer has paid in and taken out by himself today, in minor units, as far as it counts."""

    moved: dict[TransactionType, int] = field(default_factory=dict)

    def add(self, kind: TransactionType, amount_minor: int) -> None:
        """One more deposit or withdrawal."""
        self.moved[kind] = self.moved.get(kind, 0) + amount_minor


class StepBack(NamedTuple):
    """The posting with which time on an account stepped back, and the date of the one before it."""

    account_id: int
    sequence: int
    created_at: datetime
    dated_before: datetime


@dataclass(slots=True)
class Book:
    """A locked account's numbers while a list of drafts is walked.

    `debited_today` counts what has left the account since midnight UTC, reversals aside; it is only kept right for
    accounts that have a daily limit. `self_served` is shared by the books of one owner and currency, where it is kept.
    """

    account: Account
    balance: int
    held: int
    version: int
    head_hash: bytes
    last_posted_at: datetime | None
    debited_today: int = 0
    self_served: SelfServed | None = None
    steps_back: list[StepBack] = field(default_factory=list)
    # Of an owner who was helped back in a short while ago.
    guarded_until: datetime | None = None
    guard: cooling_off.Guard | None = None

    @classmethod
    def of(cls, account: Account) -> Book:
        """As the row was when it was locked."""
        return cls(
            account, account.balance, account.held, account.version, account.head_hash, account.last_posted_at,
            guarded_until=getattr(account, "guarded_until", None),
        )  # fmt: skip

    @property
    def internal(self) -> bool:
        """Whether it is the bank's own account, which may go below zero."""
        return self.account.owner_id is None

    @property
    def floor(self) -> int | None:
        """The lowest balance it may have now; None for internal accounts."""
        return None if self.internal else self.held - self.account.overdraft_limit

    @property
    def changed(self) -> bool:
        """Whether its row has to be written."""
        return self.version != self.account.version or self.held != self.account.held

    @property
    def available(self) -> int:
        """What can leave it."""
        return available(
            balance_minor=self.balance,
            held_minor=self.held,
            overdraft_limit_minor=self.account.overdraft_limit,
        )

    @property
    def number(self) -> str:
        """Its ten digits."""
        return account_number_text(self.account.id)


def decide(
    draft: AnyDraft, books: dict[int, Book], reversed_ids: set[UUID], holds: HoldBook
) -> Posted | Held | Refused:
    """Accepts or refuses one draft and, if it is accepted, moves the books on.

    The order of the checks is the contract of api.md §2: existence, permission, preconditions, state, currency,
    limits, funds. `books` holds the locked accounts by id; `reversed_ids` the transactions that have their reversal;
    `holds` the holds that drafts name, and the time that all of this happens at.
    """
    if isinstance(draft, ReleaseDraft):
        return _release(draft, books, holds)
    error = (
        _missing_or_foreign(draft, books)
        or _precondition_failed(draft, books, reversed_ids, holds)
        or _wrong_state(draft, books)
        or _wrong_currency(draft, books)
        or _over_limits(draft, books)
        or _too_much_cash(draft, books)
        or cooling_off.refusal(draft, books)
        or _without_funds(draft, books, holds)
    )
    if error:
        return Refused(error)
    if isinstance(draft, HoldDraft):
        return _place(draft, books, holds)
    if draft.captures:
        return _capture(draft, holds.named[draft.captures], books, holds)
    if draft.reverses_id:
        reversed_ids.add(draft.reverses_id)
    return _apply(draft, books, holds.now)


def _missing_or_foreign(draft: AnyDraft, books: dict[int, Book]) -> errors.BankError | None:
    for account_id in draft.account_ids:
        book = books.get(account_id)
        foreign = account_id in draft.must_belong_to_actor and (
            book is not None and book.account.owner_id != draft.actor_id
        )
        if book is None or foreign:
            return no_such_account(account_id)
    return None


def no_such_account(account_id: int) -> errors.AccountNotFound:
    """The one sentence for accounts that do not exist and for those that are somebody else's."""
    return errors.AccountNotFound(f"There is no account {account_number_text(account_id)} that you can use.")


def no_such_hold() -> errors.HoldNotFound:
    """The one sentence for holds that do not exist and for those on somebody else's account."""
    return errors.HoldNotFound("There is no hold with this id that you can use.")


def _precondition_failed(
    draft: Draft | HoldDraft, books: dict[int, Book], reversed_ids: set[UUID], holds: HoldBook
) -> errors.BankError | None:
    if isinstance(draft, HoldDraft):
        return None
    if draft.captures:
        return _not_open(draft.captures, holds)
    if draft.reverses_id in reversed_ids:
        return errors.AlreadyReversed("This transaction was already reversed.")
    for account_id, expected in draft.expected_versions.items():
        book = books[account_id]
        if book.version != expected:
            return errors.PreconditionFailed(
                f"Account {book.number} is at version {book.version}, not {expected}.", version=book.version
            )
    return None


def _not_open(hold_id: UUID, holds: HoldBook) -> errors.BankError | None:
    hold = holds.named.get(hold_id)
    if hold is None:
        return no_such_hold()
    if hold.state is HoldState.OPEN:
        return None
    sentence = "This hold has expired." if hold.state is HoldState.EXPIRED else f"This hold was already {hold.state}."
    return errors.HoldNotOpen(sentence, hold_id=str(hold.id), hold_status=hold.state.value)


def _wrong_state(draft: Draft | HoldDraft, books: dict[int, Book]) -> errors.BankError | None:
    for leg in draft.legs:
        book = books[leg.account_id]
        if passes(leg.direction, book.account.status, book.account.frozen_for):
            continue
        own = leg.direction is Direction.DEBIT or leg.account_id in draft.must_belong_to_actor
        sentence = f"Account {book.number} is {{}}." if own else "The receiving account can't receive money right now."
        if book.account.status == AccountStatus.CLOSED:
            return errors.AccountClosed(sentence.format("closed"), account_id=book.number)
        return errors.AccountFrozen(
            sentence.format("frozen, so money can't leave it" if leg.direction is Direction.DEBIT else "frozen"),
            account_id=book.number,
        )
    return None


def _wrong_currency(draft: Draft | HoldDraft, books: dict[int, Book]) -> errors.BankError | None:
    for leg in draft.legs:
        book = books[leg.account_id]
        if book.account.currency != draft.currency:
            return _currencies_differ(leg.account_id, book.account.currency, draft.currency)
    if isinstance(draft, HoldDraft) and draft.to_account_id and draft.to_currency not in (None, draft.currency):
        return _currencies_differ(draft.to_account_id, str(draft.to_currency), draft.currency)
    return None


def _currencies_differ(account_id: int, kept_in: str, currency: str) -> errors.BankError:
    number = account_number_text(account_id)
    return errors.CurrencyMismatch(
        f"Account {number} is kept in {kept_in}, the amount is in {currency}.", account_id=number, currency=currency
    )


def _over_limits(draft: Draft | HoldDraft, books: dict[int, Book]) -> errors.BankError | None:
    for leg in draft.legs:
        book = books[leg.account_id]
        if abs(book.balance + signed(leg.direction, leg.amount_minor)) > MAX_BALANCE:
            return errors.LimitExceeded("The balance would be more than this bank can record.", account_id=book.number)
        if leg.direction is Direction.DEBIT and (error := _over_own_limits(draft, leg, book)):
            return error
    return None


def handles_own_cash(draft: Draft, books: Mapping[int, Book]) -> Book | None:
    """The account that its owner pays into or out of by himself with this draft, if the amount counts."""
    if draft.type not in (TransactionType.DEPOSIT, TransactionType.WITHDRAW) or draft.amount_minor < COUNTED_CASH:
        return None
    # Only customers' drafts name accounts that must be their own: what staff does for somebody is not counted.
    own = (books.get(account_id) for account_id in draft.must_belong_to_actor)
    return next((book for book in own if book and book.account.owner_id == draft.actor_id), None)


def _too_much_cash(draft: Draft | HoldDraft, books: dict[int, Book]) -> errors.BankError | None:
    """One customer could otherwise use up what the cash accounts can record for everybody."""
    book = handles_own_cash(draft, books) if isinstance(draft, Draft) else None
    if book is None or book.self_served is None or not isinstance(draft, Draft):
        return None
    code, used = book.account.currency, book.self_served.moved.get(draft.type, 0)
    if used + draft.amount_minor <= MOST_OWN_CASH:
        return None
    left, deed = MOST_OWN_CASH - used, "paid in" if draft.type is TransactionType.DEPOSIT else "taken out"
    return errors.LimitExceeded(
        f"In a day (UTC) a customer may have {money.to_text(MOST_OWN_CASH, code)} {code} {deed} without a teller; this"
        f" is {money.to_text(draft.amount_minor, code)}. {money.to_text(used, code)} was {deed} today, so"
        f" {money.to_text(left, code)} can.",
        account_id=book.number,
        limit="cash",
        limit_amount=money.to_text(MOST_OWN_CASH, code),
        used=money.to_text(used, code),
        remaining=money.to_text(left, code),
        currency=code,
    )


def _over_own_limits(draft: Draft | HoldDraft, leg: Leg, book: Book) -> errors.BankError | None:
    """The account's own limits. A reversal puts things right whatever they say."""
    once, daily = book.account.transfer_limit, book.account.daily_limit
    if (once is None and daily is None) or (isinstance(draft, Draft) and draft.reverses_id):
        return None
    if once is not None and leg.amount_minor > once:
        return _limit_exceeded("transfer", book, leg.amount_minor, once, 0)
    # Money that is set aside has not left yet: it counts on the day when it is captured.
    leaves = isinstance(draft, Draft)
    if leaves and daily is not None and book.debited_today + leg.amount_minor > daily:
        return _limit_exceeded("daily", book, leg.amount_minor, daily, book.debited_today)
    return None


def _limit_exceeded(limit: str, book: Book, amount: int, most: int, used: int) -> errors.BankError:
    code = book.account.currency
    left = max(most - used, 0)
    span = "at once" if limit == "transfer" else "in a day"
    spent = f" {money.to_text(used, code)} has left it today (UTC), so {money.to_text(left, code)} can." if used else ""
    return errors.LimitExceeded(
        f"Account {book.number} may pay {money.to_text(most, code)} {code} {span};"
        f" this is {money.to_text(amount, code)}.{spent}",
        account_id=book.number,
        limit=limit,
        limit_amount=money.to_text(most, code),
        used=money.to_text(used, code),
        remaining=money.to_text(left, code),
        currency=code,
    )


def _without_funds(draft: Draft | HoldDraft, books: dict[int, Book], holds: HoldBook) -> errors.BankError | None:
    for leg in draft.legs:
        book = books[leg.account_id]
        if leg.direction is Direction.CREDIT or book.internal:
            continue
        can_leave = book.available
        if isinstance(draft, Draft) and draft.captures:
            can_leave += holds.named[draft.captures].amount_minor
        if can_leave < leg.amount_minor:
            in_the_way = holds.largest(book.account.id, _HOLDS_NAMED) if book.held else []
            return insufficient_funds(book, leg.amount_minor, in_the_way)
    return None


def insufficient_funds(book: Book, needed: int, in_the_way: Sequence[HoldRow]) -> errors.InsufficientFunds:
    """What is missing on an account, and what holds it. `in_the_way` are the largest open holds, largest first."""
    code = book.account.currency
    sentence = (
        f"Account {book.number} has {money.to_text(book.available, code)} {code} available; "
        f"{money.to_text(needed, code)} is needed."
    )
    facts: dict[str, Any] = {
        "account_id": book.number,
        "available": money.to_text(book.available, code),
        "shortfall": money.to_text(needed - book.available, code),
        "currency": code,
        "balance": money.to_text(book.balance, code),
        "held": money.to_text(book.held, code),
        "overdraft_limit": money.to_text(book.account.overdraft_limit, code),
    }
    if in_the_way:
        first = in_the_way[0]
        sentence += (
            f" {facts['held']} is held: the largest hold is {money.to_text(first.amount_minor, code)}"
            f" until {clock.to_the_minute(first.expires_at)}."
        )
        facts["holds"] = [
            {
                "id": str(hold.id),
                "amount": money.to_text(hold.amount_minor, code),
                "expires_at": clock.to_text(hold.expires_at),
            }
            for hold in in_the_way
        ]
    return errors.InsufficientFunds(sentence, **facts)


def _place(draft: HoldDraft, books: dict[int, Book], holds: HoldBook) -> Held:
    books[draft.account_id].held += draft.amount_minor
    row = HoldRow(
        id=draft.id,
        account_id=draft.account_id,
        to_account_id=draft.to_account_id,
        amount_minor=draft.amount_minor,
        currency=draft.currency,
        description=draft.description,
        actor_id=draft.actor_id,
        created_at=holds.now,
        expires_at=holds.now + timedelta(seconds=draft.expires_in),
    )
    holds.place(row)
    return Held(row)


def _release(draft: ReleaseDraft, books: dict[int, Book], holds: HoldBook) -> Held | Refused:
    """Allowed in every state of the account: it only gives the owner back what is his."""
    error = no_such_hold() if _missing_or_foreign(draft, books) else _not_open(draft.hold_id, holds)
    if error:
        return Refused(error)
    hold = holds.named[draft.hold_id]
    books[draft.account_id].held -= hold.amount_minor
    row = replace(hold, state=HoldState.RELEASED, closed_at=holds.now)
    holds.close(row)
    return Held(row)


def _capture(draft: Draft, hold: HoldRow, books: dict[int, Book], holds: HoldBook) -> Held:
    # All of it first, so that the postings' floor is what is held afterwards.
    books[hold.account_id].held -= hold.amount_minor
    posted = _apply(draft, books, holds.now)
    row = replace(
        hold,
        state=HoldState.CAPTURED,
        captured_minor=posted.amount_minor,
        transaction_id=posted.id,
        closed_at=posted.created_at,
    )
    holds.close(row)
    return Held(row, posted)


def _apply(draft: Draft, books: dict[int, Book], now: datetime) -> Posted:
    # The clock may have been set back: on each account time still never runs backwards, so that a balance at a
    # moment is one probe of an index. What a wrong clock dated far ahead is left alone, and nothing is dated by it.
    last = [moment for leg in draft.legs if (moment := books[leg.account_id].last_posted_at)]
    created_at = max([draft.created_at or now, *(moment for moment in last if moment <= now + KEPT_IN_ORDER)])
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
    if (own := handles_own_cash(draft, books)) and own.self_served:
        own.self_served.add(draft.type, draft.amount_minor)
    return Posted(
        **content,
        hash=digest,
        postings=tuple(_apply_leg(leg, books[leg.account_id], draft, digest, created_at) for leg in draft.legs),
    )


def _apply_leg(leg: Leg, book: Book, draft: Draft, transaction_hash: bytes, created_at: datetime) -> PostingRow:
    book.balance += signed(leg.direction, leg.amount_minor)
    book.version += 1
    if leg.direction is Direction.DEBIT and not draft.reverses_id:
        book.debited_today += leg.amount_minor
        if book.guard:
            book.guard.spent_minor += leg.amount_minor
    if book.last_posted_at and created_at < book.last_posted_at:
        book.steps_back.append(StepBack(leg.account_id, book.version, created_at, book.last_posted_at))
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
    return PostingRow(
        leg.account_id, book.version, leg.direction, leg.amount_minor, book.balance, book.head_hash, floor
    )
