"""Bodies and answers as clients see them. Requests refuse unknown fields; answers carry money as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Annotated, Any, Generic, Literal, Self, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from bank_app import clock
from bank_app.api.values import (
    AccountNumber,
    AmountIn,
    AmountOrZeroIn,
    AmountText,
    Bound,
    CurrencyCode,
    DescriptionText,
    Metadata,
    Moment,
    Money,
    NicknameText,
    ReasonText,
    Time,
    WholeNumber,
)
from bank_app.domain import money
from bank_app.domain.accounting import AccountKind, AccountStatus, Direction, FrozenFor, TransactionType
from bank_app.errors import Invalid
from bank_app.services import accounts, arrivals, history, transfers
from bank_app.services.lists import Pages, Text

T = TypeVar("T")
Cash = TypeVar("Cash", bound=transfers.CashMovement)


class Request(BaseModel):
    """A request body or query: a field that we do not know is a typo, and a typo must never move money."""

    model_config = ConfigDict(extra="forbid", populate_by_name=False, arbitrary_types_allowed=True)


class Answer(BaseModel):
    """An answer."""

    model_config = ConfigDict(frozen=True)


# --- accounts ------------------------------------------------------------------------------------------


class AccountIn(Request):
    """An account to be opened. Everything has a default."""

    currency: CurrencyCode | None = Field(
        default=None, description="ISO 4217 code; the bank's own currency when left out. It never changes."
    )
    kind: Literal["checking", "savings"] = Field(default="checking", description="What it is for.")
    nickname: NicknameText | None = Field(default=None, description="What you call it.", examples=["Holidays"])
    initial_balance: AmountOrZeroIn | None = Field(
        default=None, description="Posted as an opening deposit in the same unit of work; zero posts nothing."
    )
    owner_id: UUID | None = Field(default=None, description="Whose it will be; only tellers may name somebody else.")


def _required_when_named(schema: dict[str, Any]) -> None:
    schema.pop("default", None)


class AccountChange(Request):
    """What to change; a field that is left out stays as it is. The owner renames, the rest is a teller's."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"nickname": "Rent"},
                {"daily_limit": "1000.00", "reason": "agreed at the desk"},
                {"status": "frozen", "frozen_for": "debits", "reason": "card seen in a leak"},
            ]
        }
    )

    nickname: NicknameText | None = Field(
        default=None, description="A new name; null or empty takes the name away.", examples=["Rent"]
    )
    status: AccountStatus = Field(
        default=AccountStatus.OPEN,
        description="open, frozen or closed; closing needs an empty account and is for good.",
        json_schema_extra=_required_when_named,
    )
    frozen_for: FrozenFor = Field(
        default=FrozenFor.DEBITS,
        description="With status frozen: debits (nothing leaves) or all (nothing arrives either).",
        json_schema_extra=_required_when_named,
    )
    overdraft_limit: AmountOrZeroIn = Field(
        default=money.Amount("0"),
        description="How far below zero the balance may go.",
        json_schema_extra=_required_when_named,
    )
    transfer_limit: AmountOrZeroIn | None = Field(
        default=None, description="The most that may leave or be set aside at once; null takes the limit away."
    )
    daily_limit: AmountOrZeroIn | None = Field(
        default=None,
        description="The most that may leave in a day (UTC), reversals aside; null takes the limit away.",
    )
    reason: ReasonText | None = Field(
        default=None, description="Why; needed for everything but the name. Kept in the audit log."
    )

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not self.model_fields_set - {"reason"}:
            raise PydanticCustomError("nothing_to_change", "Name at least one field to change.")
        return self

    def named(self) -> dict[str, Any]:
        """Only what was sent: null is a value, absence is not."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class AccountOut(Answer):
    """An account."""

    id: str = Field(
        description="The account number: ten digits, the last two check the others.", examples=["1234567889"]
    )
    owner_id: UUID = Field(description="Whose it is.")
    owner_name: str = Field(description="His name.", examples=["Ada Lindqvist"])
    kind: AccountKind = Field(description="checking or savings.")
    currency: str = Field(description="ISO 4217 code of every amount here.", examples=["USD"])
    nickname: str | None = Field(description="What its owner calls it.", examples=["Holidays"])
    status: AccountStatus = Field(description="open, frozen or closed.")
    frozen_for: FrozenFor | None = Field(description="While frozen: debits or all. Else null.")
    balance: Money = Field(description="Booked: credits less debits.", examples=["100.00"])
    held: Money = Field(description="Set aside by open holds.", examples=["0.00"])
    available: Money = Field(description="balance − held + overdraft_limit: what can leave now.", examples=["100.00"])
    overdraft_limit: Money = Field(description="How far below zero the balance may go.", examples=["0.00"])
    transfer_limit: Money | None = Field(
        description="The most that may leave or be set aside at once; null for no limit.", examples=["500.00"]
    )
    daily_limit: Money | None = Field(
        description="The most that may leave in a day (UTC); null for no limit.", examples=["1000.00"]
    )
    version: int = Field(description="How many postings it has; for `if_version`.", examples=[1])
    opened_at: Time = Field(description="When it was opened.")

    @classmethod
    def of(cls, view: accounts.AccountView) -> Self:
        """From the service's view."""
        code = view.currency
        return cls(
            id=view.number,
            owner_id=view.owner_id,
            owner_name=view.owner_name,
            kind=view.kind,
            currency=code,
            nickname=view.nickname,
            status=view.status,
            frozen_for=view.frozen_for,
            balance=money.to_text(view.balance_minor, code),
            held=money.to_text(view.held_minor, code),
            available=money.to_text(view.available_minor, code),
            overdraft_limit=money.to_text(view.overdraft_limit_minor, code),
            transfer_limit=_or_none(view.transfer_limit_minor, code),
            daily_limit=_or_none(view.daily_limit_minor, code),
            version=view.version,
            opened_at=clock.to_text(view.opened_at),
        )


def _or_none(minor: int | None, code: str) -> str | None:
    return None if minor is None else money.to_text(minor, code)


class PayeeOut(Answer):
    """How a name fits an account."""

    result: Literal["match", "close", "none"] = Field(description="none never reveals whose account it is.")
    suggestion: str | None = Field(default=None, description="The right name, when the given one is close to it.")

    @classmethod
    def of(cls, check: accounts.PayeeCheck) -> Self:
        """From the service's view."""
        return cls.model_validate({"result": check.result, "suggestion": check.suggestion})


class BalanceOut(Answer):
    """What the ledger held at a moment."""

    balance: Money = Field(description="The booked balance then.", examples=["75.00"])
    currency: str = Field(description="ISO 4217 code.", examples=["USD"])
    at: Time = Field(description="The moment that was asked for.")
    sequence: int = Field(description="The posting that made it so; 0 before the first.", examples=[2])

    @classmethod
    def of(cls, found: history.BalanceAt, currency: str) -> Self:
        """From the service's view."""
        text = money.to_text(found.balance_minor, currency)
        return cls(balance=text, currency=currency, at=clock.to_text(found.at), sequence=found.sequence)


# --- lists ---------------------------------------------------------------------------------------------


class PageOut(Answer, Generic[T]):
    """One page of a list."""

    items: list[T] = Field(description="Newest first.")
    next_cursor: str | None = Field(description="Send it as `cursor` for the next page; null on the last.")


class FollowingOut(PageOut[T], Generic[T]):
    """One page of a list that can also be followed."""

    items: list[T] = Field(description="Newest first; with `after` oldest first.")
    next_cursor: str | None = Field(
        default=None, description="Send it as `cursor` for the next page; null on the last, and with `after`."
    )
    next_after: str | None = Field(
        default=None,
        description="With `after`: send it as `after` to go on from here, at once or later; also given when there are "
        "no items yet. Otherwise null.",
    )


_LIMIT = Field(default=50, ge=1, le=200, description="How many items at most.")
_CURSOR = Field(default=None, max_length=8000, description="`next_cursor` of the page before.")


class AccountsQuery(Request):
    """Which accounts. A customer's list holds his own, whatever is asked."""

    limit: int = _LIMIT
    cursor: str | None = _CURSOR
    owner_id: UUID | None = Field(default=None, description="Only this person's accounts.")
    status: AccountStatus | None = Field(default=None, description="Only accounts in this state.")
    q: str | None = Field(
        default=None,
        max_length=100,
        description="Part of the nickname, of the owner's name or email, or a whole account number.",
    )


class BalanceQuery(Request):
    """At which moment."""

    at: Moment | None = Field(
        default=None, description="The moment; what was posted at this very moment counts. Now when left out."
    )


class StatementQuery(Request):
    """Which period: a month, or `from` and `to`."""

    month: str | None = Field(
        default=None,
        pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$",
        description="A calendar month in UTC.",
        examples=["2026-11"],
    )
    from_: Bound | None = Field(
        default=None,
        alias="from",
        description="Or: posted at this very time or later …",
        examples=["2026-11-01T00:00:00Z"],
    )
    to: Bound | None = Field(
        default=None,
        description="… and before this time; at this very time no more.",
        examples=["2026-12-01T00:00:00Z"],
    )
    format: Literal["json", "csv"] = Field(default="json", description="How it is written.")


class PayeeQuery(Request):
    """Whom you believe to pay."""

    account_id: AccountNumber = Field(description="The account that would receive.")
    name: str = Field(min_length=1, max_length=400, description="The name you were given.", examples=["Ben Ito"])


class HistoryQuery(Request):
    """Which entries. Everything narrows."""

    limit: int = _LIMIT
    cursor: str | None = _CURSOR
    type: list[TransactionType] = Field(default_factory=list, max_length=8, description="Only these types; repeatable.")
    direction: Direction | None = Field(default=None, description="credit raises the balance, debit lowers it.")
    min_amount: AmountText | None = Field(
        default=None, description="This much or more, in major units of each row's currency."
    )
    max_amount: AmountText | None = Field(
        default=None, description="This much or less, in major units of each row's currency."
    )
    from_: Bound | None = Field(default=None, alias="from", description="Posted at this very time or later.")
    to: Bound | None = Field(default=None, description="Posted before this time; at this very time no more.")
    q: str | None = Field(
        default=None,
        max_length=100,
        description="Part of the description or of a name; a number; a reference.",
    )
    after: str | None = Field(
        default=None,
        max_length=8000,
        description="Oldest first: what came after this. `0` begins with the first; then `next_after` of the answer "
        "before. Not together with `cursor`.",
    )

    def following(self) -> str:
        """What `after` says.

        Raises:
            Invalid: it is asked for together with what goes the other way.
        """
        if self.cursor is not None:
            raise _not_together("cursor", "after begins with the oldest and cursor with the newest: send one of them.")
        return self.after or arrivals.BEGINNING

    def filters(self) -> history.HistoryFilter:
        """As the service takes it."""
        return history.HistoryFilter(
            types=tuple(self.type),
            direction=self.direction,
            min_amount=self.min_amount,
            max_amount=self.max_amount,
            from_=self.from_,
            to=self.to,
            q=self.q,
        )


class TransactionsQuery(HistoryQuery):
    """Which transactions: your own, or for tellers and auditors all of the bank's. With `after` nothing narrows."""

    currency: CurrencyCode | None = Field(
        default=None, description="Only this currency; the amounts then have at most its decimals."
    )

    def filters(self) -> history.HistoryFilter:
        """As the service takes it."""
        return replace(super().filters(), currency=self.currency)

    def following(self) -> str:
        """As for entries, and nothing narrows.

        Raises:
            Invalid: it is asked for together with what would leave something out.
        """
        narrowing = self.model_fields_set - {"after", "limit", "cursor"}
        if narrowing:
            field = min(narrowing).removesuffix("_")
            raise _not_together(field, "With after every transaction comes; choose among them when you have them.")
        return super().following()


def _not_together(field: str, message: str) -> Invalid:
    return Invalid(message, errors=[{"field": field, "code": "invalid", "message": message}])


class CounterpartyOut(Answer):
    """The other side."""

    account_id: str = Field(
        description="An account number, or `cash` and the like for the bank's own.", examples=["cash"]
    )
    name: str = Field(description="Whose it is.", examples=["Ben Ito"])


class EntryOut(Answer):
    """One posting as the account's owner reads it."""

    sequence: int = Field(description="1, 2, 3 … on this account, without gaps.", examples=[7])
    transaction_id: UUID = Field(description="The transaction that it is a side of.")
    type: TransactionType = Field(description="What the transaction is.")
    direction: Direction = Field(description="credit raises the balance, debit lowers it.")
    amount: Money = Field(description="Always more than zero; `direction` has the sign.", examples=["25.00"])
    currency: str = Field(description="ISO 4217 code.", examples=["USD"])
    balance_after: Money = Field(description="The booked balance after this entry.", examples=["75.00"])
    counterparty: CounterpartyOut | None = Field(description="The other side.")
    description: str | None = Field(description="What the payer wrote.", examples=["rent"])
    metadata: Mapping[str, Any] = Field(
        description="What the client attached: for who sent it and the bank's people; empty for everybody else.",
        examples=[{}],
    )
    created_at: Time = Field(description="When it was posted.")

    @classmethod
    def of(cls, view: history.EntryView) -> Self:
        """From the service's view."""
        other = view.counterparty
        return cls(
            sequence=view.sequence,
            transaction_id=view.transaction_id,
            type=view.type,
            direction=view.direction,
            amount=money.to_text(view.amount_minor, view.currency),
            currency=view.currency,
            balance_after=money.to_text(view.balance_after_minor, view.currency),
            counterparty=CounterpartyOut(account_id=other.account_id, name=other.name) if other else None,
            description=view.description,
            metadata=view.metadata,
            created_at=clock.to_text(view.created_at),
        )


class StatementOut(Answer):
    """A period of an account: opening + in − out = closing."""

    account: AccountOut = Field(description="The account as it is now.")
    start: Time = Field(serialization_alias="from", description="The period begins here.")
    end: Time = Field(serialization_alias="to", description="The period ends before here.")
    opening_balance: Money = Field(description="Booked when the period began.", examples=["0.00"])
    total_in: Money = Field(description="Sum of the credits.", examples=["100.00"])
    total_out: Money = Field(description="Sum of the debits.", examples=["25.00"])
    closing_balance: Money = Field(description="Booked when the period ended.", examples=["75.00"])
    items: list[EntryOut] = Field(description="Oldest first.")

    @classmethod
    def text(cls, view: history.Statement, entries: Pages[history.EntryView]) -> Text:
        """From the service's view, as JSON: the entries as they are read."""
        code = view.account.currency
        whole = cls(
            account=AccountOut.of(view.account),
            start=clock.to_text(view.start),
            end=clock.to_text(view.end),
            opening_balance=money.to_text(view.opening_minor, code),
            total_in=money.to_text(view.in_minor, code),
            total_out=money.to_text(view.out_minor, code),
            closing_balance=money.to_text(view.closing_minor, code),
            items=[],
        ).model_dump_json(by_alias=True)
        return Text(_with_items(whole.removesuffix("]}"), entries), entries)


def _with_items(before: str, entries: Pages[history.EntryView]) -> Iterator[str]:
    for page in entries:
        items = ",".join(EntryOut.of(entry).model_dump_json(by_alias=True) for entry in page)
        yield before + items
        before = ","
    yield "]}"


# --- moving money ----------------------------------------------------------------------------------------

_DESCRIPTION = Field(default=None, description="Shown to both sides.", examples=["rent"])
_METADATA: Any = Field(default_factory=dict, description="Anything you want back: a JSON object of at most 16 KiB.")


class CashIn(Request):
    """Money that comes in as cash or goes out as cash."""

    account_id: AccountNumber = Field(description="The account number; spaces and dashes are fine.")
    amount: AmountIn
    description: DescriptionText | None = _DESCRIPTION
    metadata: Metadata = _METADATA

    def movement(self, kind: type[Cash]) -> Cash:
        """As the service takes it: in or out."""
        return kind(self.account_id, self.amount, description=self.description, metadata=self.metadata)


class TransferIn(Request):
    """Money from one account to another of the same currency."""

    from_account_id: AccountNumber = Field(description="Who pays: an account of yours, or any for a teller.")
    to_account_id: AccountNumber = Field(description="Who receives.", examples=["2345678930"])
    amount: AmountIn
    description: DescriptionText | None = _DESCRIPTION
    metadata: Metadata = _METADATA
    if_version: Annotated[WholeNumber, Field(ge=0)] | None = Field(
        default=None,
        description="The paying account's `version` that you saw; refused if it has moved on.",
        examples=[1],
    )

    def movement(self) -> transfers.Transfer:
        """As the service takes it."""
        return transfers.Transfer(
            self.from_account_id,
            self.to_account_id,
            self.amount,
            if_version=self.if_version,
            description=self.description,
            metadata=self.metadata,
        )


class ReverseIn(Request):
    """Why a transaction is undone."""

    reason: ReasonText = Field(min_length=1, description="Kept in the audit log.", examples=["sent twice"])


class PostingOut(Answer):
    """One side of a transaction."""

    account_id: str = Field(description="An account number, or `cash` for the bank's own.", examples=["1234567889"])
    direction: Direction = Field(description="credit raises a balance, debit lowers it.")
    amount: Money = Field(description="Always more than zero.", examples=["25.00"])
    balance_after: Money | None = Field(description="The balance after it; null on accounts that are not yours.")
    sequence: int | None = Field(description="Its number on the account; null on accounts that are not yours.")


class TransactionOut(Answer):
    """A posted transaction. It never changes; only `reversed_by` may be filled in later."""

    id: UUID = Field(description="A UUIDv7.")
    type: TransactionType = Field(description="deposit, withdraw, transfer or reversal.")
    status: Literal["posted"] = Field(default="posted", description="A transaction that exists is posted.")
    amount: Money = Field(description="What moved.", examples=["25.00"])
    currency: str = Field(description="ISO 4217 code.", examples=["USD"])
    description: str | None = Field(description="What the payer wrote.", examples=["rent"])
    metadata: Mapping[str, Any] = Field(
        description="What the client attached: for who sent it and the bank's people; empty for everybody else.",
        examples=[{}],
    )
    created_at: Time = Field(description="When it was posted.")
    reverses: UUID | None = Field(description="The transaction that this one undoes.")
    reversed_by: UUID | None = Field(description="The transaction that undid this one.")
    postings: list[PostingOut] = Field(description="Debits equal credits.")
    hash: str = Field(description="SHA-256 of the content, in hexadecimal.")

    @classmethod
    def of(cls, view: transfers.TransactionView) -> Self:
        """From the service's view."""
        code = view.currency
        return cls(
            id=view.id,
            type=view.type,
            amount=money.to_text(view.amount_minor, code),
            currency=code,
            description=view.description,
            metadata=view.metadata,
            created_at=clock.to_text(view.created_at),
            reverses=view.reverses,
            reversed_by=view.reversed_by,
            postings=[_side(side, code) for side in view.postings],
            hash=view.hash,
        )


def _side(side: transfers.PostingView, code: str) -> PostingOut:
    after = side.balance_after_minor
    return PostingOut(
        account_id=side.account_id,
        direction=side.direction,
        amount=money.to_text(side.amount_minor, code),
        balance_after=_or_none(after, code),
        sequence=side.sequence,
    )
