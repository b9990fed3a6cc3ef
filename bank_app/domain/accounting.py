"""Double entry without a database: sides, account kinds, and a Draft that cannot be built unbalanced."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from bank_app.domain.money import MAX_MINOR

# A balance stays this far from the ends of a signed BIGINT, so that no sum of two can overflow.
MAX_BALANCE = 4 * 10**18
# A hold always ends: after a week unless somebody says otherwise, and after a year at the latest.
USUAL_HOLD_SECONDS = 7 * 86_400
MAX_HOLD_SECONDS = 365 * 86_400


class Direction(StrEnum):
    """The side of a posting. A credit raises a customer's balance, a debit lowers it."""

    DEBIT = "debit"
    CREDIT = "credit"

    @property
    def opposite(self) -> Direction:
        """The other side."""
        return Direction.CREDIT if self is Direction.DEBIT else Direction.DEBIT


class TransactionType(StrEnum):
    """What the customer sees a transaction as."""

    DEPOSIT = "deposit"
    WITHDRAW = "withdraw"
    TRANSFER = "transfer"
    REVERSAL = "reversal"


class AccountKind(StrEnum):
    """Customer accounts are checking and savings; the rest are the bank's own."""

    CHECKING = "checking"
    SAVINGS = "savings"
    CASH = "cash"
    FEES = "fees"
    INTEREST = "interest"
    SUSPENSE = "suspense"

    @property
    def usual_name(self) -> str:
        """What people call an account of this kind that has no name of its own."""
        return "Everyday" if self is AccountKind.CHECKING else self.value.capitalize()


class AccountStatus(StrEnum):
    """Open, frozen for debits or for all, or closed."""

    OPEN = "open"
    FROZEN = "frozen"
    CLOSED = "closed"


class HoldState(StrEnum):
    """An open hold sets money aside; every other state is final and sets nothing aside."""

    OPEN = "open"
    CAPTURED = "captured"
    RELEASED = "released"
    EXPIRED = "expired"


class FrozenFor(StrEnum):
    """What a frozen account cannot do: pay, or pay and receive."""

    DEBITS = "debits"
    ALL = "all"


def passes(direction: Direction, status: AccountStatus | str, frozen_for: FrozenFor | str | None) -> bool:
    """Whether the state of an account lets money leave it (a debit) or arrive in it (a credit)."""
    if status == AccountStatus.FROZEN:
        return direction is Direction.CREDIT and frozen_for != FrozenFor.ALL
    return status == AccountStatus.OPEN


class Role(StrEnum):
    """What a person may do: see api.md section 3."""

    CUSTOMER = "customer"
    TELLER = "teller"
    AUDITOR = "auditor"
    ADMIN = "admin"

    @property
    def sees_every_account(self) -> bool:
        """Tellers, auditors and admins read what is not theirs."""
        return self is not Role.CUSTOMER

    @property
    def acts_on_every_account(self) -> bool:
        """Tellers and admins move money and change accounts that are not theirs."""
        return self in (Role.TELLER, Role.ADMIN)

    def may_decide_about(self, other: Role) -> bool:
        """Tellers and admins help customers with signing in and write notes about them; colleagues, admins only."""
        return self is Role.ADMIN or (self is Role.TELLER and other is Role.CUSTOMER)


class Leg(NamedTuple):
    """One side of a draft: which account, which direction, how many minor units (more than zero)."""

    account_id: int
    direction: Direction
    amount_minor: int


class Key(NamedTuple):
    """An idempotency key of one actor, and the fingerprint (32 bytes) of the request it came with."""

    actor_id: UUID
    text: str
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class Draft:
    """A transaction that somebody wants posted.

    `id` is made before the unit of work begins, so that posting it again after a lost connection is noticed.
    `must_belong_to_actor` names accounts that have to be the actor's own: what a customer may not touch is
    decided under the lock, together with everything else. `expected_versions` are preconditions. `captures` is the
    hold that the money comes from; what the draft leaves of it is set free.

    Raises:
        ValueError: fewer than two legs, one account twice, an amount out of range, or debits that are not credits.
    """

    id: UUID
    type: TransactionType
    currency: str
    legs: tuple[Leg, ...]
    actor_id: UUID
    description: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    reverses_id: UUID | None = None
    captures: UUID | None = None
    key: Key | None = None
    must_belong_to_actor: frozenset[int] = frozenset()
    expected_versions: Mapping[int, int] = field(default_factory=dict)
    created_at: datetime | None = None

    def __post_init__(self) -> None:
        """Balanced or not at all."""
        accounts, total = set(), 0
        for leg in self.legs:
            if not 0 < leg.amount_minor <= MAX_MINOR:
                raise ValueError("every side has an amount of 1 to 10^15 minor units")
            accounts.add(leg.account_id)
            total += signed(leg.direction, leg.amount_minor)
        if len(accounts) < 2 or len(accounts) != len(self.legs):
            raise ValueError("a transaction has at least two sides on different accounts")
        if total != 0:
            raise ValueError("debits and credits differ")

    @property
    def amount_minor(self) -> int:
        """What moved: the sum of the credits."""
        return sum(leg.amount_minor for leg in self.legs if leg.direction is Direction.CREDIT)

    @property
    def account_ids(self) -> tuple[int, ...]:
        """The accounts that have to be locked."""
        return tuple([leg.account_id for leg in self.legs])


@dataclass(frozen=True, slots=True)
class HoldDraft:
    """Money that somebody wants set aside on an account: minor units of its `currency`, for `expires_in` seconds.

    `id` becomes the hold's. `to_currency` is what the receiving account is kept in, if there is one: it never
    changes, so that account is not locked for it.

    Raises:
        ValueError: an amount or a time out of range.
    """

    id: UUID
    account_id: int
    amount_minor: int
    currency: str
    actor_id: UUID
    expires_in: int
    to_account_id: int | None = None
    to_currency: str | None = None
    description: str | None = None
    key: Key | None = None
    must_belong_to_actor: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        """In range or not at all."""
        if not 0 < self.amount_minor <= MAX_MINOR:
            raise ValueError("a hold has an amount of 1 to 10^15 minor units")
        if not 0 < self.expires_in <= MAX_HOLD_SECONDS:
            raise ValueError("a hold lasts for 1 second to 365 days")

    @property
    def legs(self) -> tuple[Leg, ...]:
        """What the account must be able to pay."""
        return (Leg(self.account_id, Direction.DEBIT, self.amount_minor),)

    @property
    def account_ids(self) -> tuple[int, ...]:
        """The accounts that have to be locked."""
        return (self.account_id,)


@dataclass(frozen=True, slots=True)
class ReleaseDraft:
    """A hold on `account_id` that somebody wants ended without moving money."""

    id: UUID
    hold_id: UUID
    account_id: int
    actor_id: UUID
    key: Key
    must_belong_to_actor: frozenset[int] = frozenset()

    @property
    def account_ids(self) -> tuple[int, ...]:
        """The accounts that have to be locked."""
        return (self.account_id,)


AnyDraft = Draft | HoldDraft | ReleaseDraft


def signed(direction: Direction, amount_minor: int) -> int:
    """The change of a balance: credits add, debits subtract, on every kind of account."""
    return amount_minor if direction is Direction.CREDIT else -amount_minor


def available(*, balance_minor: int, held_minor: int, overdraft_limit_minor: int) -> int:
    """What can leave an account: booked balance less open holds plus the overdraft limit."""
    return balance_minor - held_minor + overdraft_limit_minor
