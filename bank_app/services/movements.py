"""What somebody asks the bank to do with money: values that check their own shape and nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any, ClassVar
from uuid import UUID

from bank_app import errors
from bank_app.domain import money
from bank_app.domain.accounting import MAX_HOLD_SECONDS, USUAL_HOLD_SECONDS
from bank_app.domain.identifiers import fingerprint, new_id
from bank_app.domain.text import written
from bank_app.services import audit, ledger

MAX_DESCRIPTION = 140
_WRITTEN = json.JSONEncoder(ensure_ascii=False, allow_nan=False)


@cache
def _contents(kind: type[Any]) -> tuple[str, ...]:
    return tuple(part.name for part in fields(kind) if part.name != "id")


def _plain(value: Any) -> Any:
    """Pages keep movements in state that wraps what it holds; to JSON a wrapped dict is no dict."""
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value


@dataclass(frozen=True, slots=True)
class Movement:
    """What somebody asks for. `id` becomes the transaction's; it is not part of what makes two requests the same."""

    operation: ClassVar[str]
    id: UUID = field(default_factory=new_id, kw_only=True)
    description: str | None = field(default=None, kw_only=True)
    metadata: Mapping[str, Any] = field(default_factory=dict, kw_only=True)

    def fingerprint(self) -> bytes:
        """32 bytes that differ when the request differs."""
        content = {name: getattr(self, name) for name in _contents(type(self))}  # type: ignore[arg-type]
        if "amount" in content:
            amount = content["amount"]
            content["amount"] = amount and {"text": amount.text}
        content["metadata"] = _plain(self.metadata)
        return fingerprint(self.operation, content)

    def _check(self) -> None:
        written(self.description, most=MAX_DESCRIPTION, field="description", what="the description")
        for name, value in (("description", self.description), ("metadata", self.metadata)):
            if not value:
                continue
            try:
                _WRITTEN.encode(value).encode()
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
        return ledger.cash_account(currency), self.account_id


@dataclass(frozen=True, slots=True)
class Withdraw(CashMovement):
    """Cash out: debits the account, credits cash."""

    operation: ClassVar[str] = "withdraw"

    def sides(self, currency: str) -> tuple[int, int]:
        """Which account is debited and which credited."""
        return self.account_id, ledger.cash_account(currency)


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

    @property
    def named(self) -> tuple[int, ...]:
        """None: which accounts it concerns stands in the transaction that it mirrors."""
        return ()


@dataclass(frozen=True, slots=True)
class PlaceHold(Movement):
    """Sets money of an account aside for `expires_in` seconds, for a payment to `to_account_id` or in cash.

    Raises:
        SameAccount: both accounts are one.
        Invalid: the time is out of range, or the description is too long.
    """

    operation: ClassVar[str] = "hold.place"
    account_id: int
    amount: money.Amount
    to_account_id: int | None = None
    expires_in: int = USUAL_HOLD_SECONDS

    def __post_init__(self) -> None:
        """Shape only."""
        if self.account_id == self.to_account_id:
            raise errors.SameAccount("Choose two different accounts.")
        if not 0 < self.expires_in <= MAX_HOLD_SECONDS:
            message = f"A hold lasts for 1 to {MAX_HOLD_SECONDS} seconds."
            raise errors.Invalid(message, errors=[{"field": "expires_in", "code": "invalid", "message": message}])
        self._check()

    @property
    def named(self) -> tuple[int, ...]:
        """The customer accounts that must exist."""
        return (self.account_id,) if self.to_account_id is None else (self.account_id, self.to_account_id)


@dataclass(frozen=True, slots=True)
class OnHold(Movement):
    """Something that is done with a hold."""

    hold_id: UUID

    @property
    def named(self) -> tuple[int, ...]:
        """None: which accounts it concerns stands in the hold."""
        return ()


@dataclass(frozen=True, slots=True)
class CaptureHold(OnHold):
    """Moves the money of a hold to where it was meant for: all of it, or `amount` of it and the rest is set free."""

    operation: ClassVar[str] = "hold.capture"
    amount: money.Amount | None = None


@dataclass(frozen=True, slots=True)
class ReleaseHold(OnHold):
    """Sets the money of a hold free."""

    operation: ClassVar[str] = "hold.release"


HoldMovement = PlaceHold | CaptureHold | ReleaseHold
AnyMovement = Deposit | Withdraw | Transfer | Reverse
