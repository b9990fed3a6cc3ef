"""Bodies and answers of batches."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from bank_app.api.errors import detail_of, status_of
from bank_app.api.schemas import Answer, CashIn, Request, TransferIn
from bank_app.errors import BankError
from bank_app.services import batches, transfers

_KEY = Field(
    default=None,
    pattern=r"^[!-~]{1,255}$",
    description="A key of this item alone; the same one that a single request would send.",
    examples=["payroll-2026-11-ada"],
)


class DepositItem(CashIn):
    """Cash that comes in."""

    type: Literal["deposit"] = Field(description="What kind of movement this item is.")
    idempotency_key: str | None = _KEY

    def item(self) -> batches.Item:
        """As the service takes it."""
        return batches.Item(self.movement(transfers.Deposit), self.idempotency_key)


class WithdrawItem(CashIn):
    """Cash that goes out."""

    type: Literal["withdraw"] = Field(description="What kind of movement this item is.")
    idempotency_key: str | None = _KEY

    def item(self) -> batches.Item:
        """As the service takes it."""
        return batches.Item(self.movement(transfers.Withdraw), self.idempotency_key)


class TransferItem(TransferIn):
    """Money from one account to another."""

    type: Literal["transfer"] = Field(description="What kind of movement this item is.")
    idempotency_key: str | None = _KEY

    def item(self) -> batches.Item:
        """As the service takes it."""
        return batches.Item(self.movement(), self.idempotency_key)


class BatchIn(Request):
    """Many movements."""

    atomic: bool = Field(default=False, strict=True, description="All or none.")
    items: list[Annotated[DepositItem | WithdrawItem | TransferItem, Field(discriminator="type")]] = Field(
        min_length=1,
        max_length=batches.LARGEST_BATCH,
        description="Posted in this order.",
        examples=[
            [
                {"type": "deposit", "account_id": "1234567889", "amount": "50.00"},
                {
                    "type": "transfer",
                    "from_account_id": "1234567889",
                    "to_account_id": "2345678930",
                    "amount": "20.00",
                    "idempotency_key": "payroll-2026-11-ada",
                },
            ]
        ],
    )


class ItemOut(Answer):
    """What became of one item."""

    status: int = Field(description="The status that a single request would have been answered with.", examples=[201])
    id: UUID | None = Field(default=None, description="The transaction, when it was posted.")
    code: str | None = Field(default=None, description="Why it was not.", examples=["insufficient_funds"])
    detail: str | None = Field(default=None, description="The same for people.")
    replayed: bool = Field(
        default=False, description="Its key had been answered before, and this is that answer: nothing new was posted."
    )

    @classmethod
    def of(cls, result: UUID | BankError, *, replayed: bool) -> ItemOut:
        """From the service's answer; not checked again, because there may be thousands."""
        if isinstance(result, BankError):
            return cls.model_construct(
                status=status_of(type(result)), code=result.code, detail=detail_of(result), replayed=replayed
            )
        return cls.model_construct(status=201, id=result, replayed=replayed)


class BatchOut(Answer):
    """The results of a batch."""

    posted: int = Field(
        description="How many transactions there are for these items, now or from before; each counts once.",
        examples=[2],
    )
    refused: int = Field(description="How many items were refused.", examples=[0])
    replayed: int = Field(
        description="How many results are answers from before: of another request, of this batch when it was first "
        "sent, or of an item further up.",
        examples=[0],
    )
    results: list[ItemOut] = Field(description="In the order of the items.")

    @classmethod
    def of(cls, answered: batches.Answered) -> BatchOut:
        """From the service's answer."""
        refused = sum(isinstance(result, BankError) for result in answered.results)
        pairs = zip(answered.results, answered.repeats, strict=True)
        return cls.model_construct(
            posted=answered.posted,
            refused=refused,
            replayed=sum(answered.repeats),
            results=[ItemOut.of(result, replayed=replayed) for result, replayed in pairs],
        )
