"""Holds as clients see them."""

from __future__ import annotations

from typing import Annotated, Self
from uuid import UUID

from pydantic import Field

from bank_app import clock
from bank_app.api.schemas import Answer, Request
from bank_app.api.values import AccountNumber, AmountIn, DescriptionText, Money, Time, WholeNumber
from bank_app.domain import money
from bank_app.domain.accounting import MAX_HOLD_SECONDS, USUAL_HOLD_SECONDS, HoldState
from bank_app.services import holds


class HoldIn(Request):
    """Money to be set aside."""

    account_id: AccountNumber = Field(description="Whose money: an account of yours, or any for a teller.")
    amount: AmountIn
    to_account_id: AccountNumber | None = Field(
        default=None,
        description="Who receives it on capture; in cash when left out. Of the same currency.",
        examples=["2345678930"],
    )
    expires_in: Annotated[WholeNumber, Field(ge=1, le=MAX_HOLD_SECONDS)] = Field(
        default=USUAL_HOLD_SECONDS, description="Seconds until the money is free again by itself.", examples=[3600]
    )
    description: DescriptionText | None = Field(
        default=None,
        description="Becomes the description of the transaction on capture.",
        examples=["Hotel"],
    )


class CaptureIn(Request):
    """How much of a hold is moved."""

    amount: AmountIn | None = Field(
        default=None, description="At most what is held, and the rest is set free; all of it when left out."
    )


class ReleaseIn(Request):
    """Nothing: a hold is released whole."""


class HoldsQuery(Request):
    """Which holds. A customer's list holds those on his own accounts, whatever is asked."""

    limit: int = Field(default=50, ge=1, le=200, description="How many items at most.")
    cursor: str | None = Field(default=None, max_length=500, description="`next_cursor` of the page before.")
    account_id: AccountNumber | None = Field(default=None, description="Only holds on this account.")
    status: HoldState | None = Field(default=None, description="Only holds that are in this state now.")


class HoldOut(Answer):
    """Money set aside. It is open and then, once, captured, released or expired."""

    id: UUID = Field(description="A UUIDv7.")
    account_id: str = Field(description="The account whose money it is.", examples=["1234567889"])
    to_account_id: str | None = Field(description="Who receives it on capture; null for cash.", examples=["2345678930"])
    amount: Money = Field(description="What was set aside.", examples=["30.00"])
    captured_amount: Money | None = Field(description="What was moved; null unless captured.", examples=["25.00"])
    currency: str = Field(description="ISO 4217 code.", examples=["USD"])
    status: HoldState = Field(description="open, captured, released or expired. Only an open hold holds anything.")
    description: str | None = Field(description="What it is for.", examples=["Hotel"])
    transaction_id: UUID | None = Field(description="The transaction that moved the money; null unless captured.")
    expires_at: Time = Field(description="From this moment on an open hold is expired and its money is free.")
    created_at: Time = Field(description="When it was placed.")
    closed_at: Time | None = Field(description="When it was captured, released or expired; null while open.")

    @classmethod
    def of(cls, view: holds.HoldView) -> Self:
        """From the service's view."""
        code, captured = view.currency, view.captured_minor
        return cls(
            id=view.id,
            account_id=view.account_id,
            to_account_id=view.to_account_id,
            amount=money.to_text(view.amount_minor, code),
            captured_amount=None if captured is None else money.to_text(captured, code),
            currency=code,
            status=view.state,
            description=view.description,
            transaction_id=view.transaction_id,
            expires_at=clock.to_text(view.expires_at),
            created_at=clock.to_text(view.created_at),
            closed_at=clock.to_text(view.closed_at) if view.closed_at else None,
        )
