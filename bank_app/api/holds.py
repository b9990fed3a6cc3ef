"""Holds: setting money aside, moving or freeing it, and reading what is set aside."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Path, Query, Response

from bank_app.api.dependencies import Bank, IdempotencyKey, SignedIn
from bank_app.api.documents import operation_id, problems
from bank_app.api.hold_schemas import CaptureIn, HoldIn, HoldOut, HoldsQuery, ReleaseIn
from bank_app.api.requests import ActorRoute
from bank_app.api.schemas import PageOut
from bank_app.database import Database
from bank_app.services import holds
from bank_app.services.actor import Actor

router = APIRouter(
    prefix="/api/v1/holds", route_class=ActorRoute, tags=["Holds"], generate_unique_id_function=operation_id
)
HoldId = Annotated[UUID, Path(description="The hold's id, a UUID.")]
_SIGNED_OUT = ("unauthenticated", "token_expired")
_MOVING = (*_SIGNED_OUT, "forbidden", "request_in_progress", "idempotency_key_reused", "outcome_unknown")
_DURABLE = "Durable. `Idempotency-Replayed: true` when the key was used before."


async def _move(
    bank: Database, actor: Actor, movement: holds.HoldMovement, key: str | None, response: Response
) -> HoldOut:
    moved = await holds.move_soon(bank, actor, movement, key=key)
    if moved.replayed:
        response.headers["Idempotency-Replayed"] = "true"
    return HoldOut.of(moved.hold)


@router.post(
    "",
    status_code=201,
    summary="Place a hold",
    response_description=f"{_DURABLE} `Location` is the hold's address.",
    responses=problems(
        *_MOVING,
        "account_not_found",
        "account_frozen",
        "account_closed",
        "limit_exceeded",
        "cooling_off",
        "insufficient_funds",
        "invalid_amount",
        "invalid_account_number",
        "same_account",
        "currency_mismatch",
        "quota_reached",
        body=True,
    ),
)
async def place_hold(body: HoldIn, actor: SignedIn, bank: Bank, key: IdempotencyKey, response: Response) -> HoldOut:
    """Sets money aside until it is captured or released, or expires: exactly then, whatever else happens."""
    movement = holds.PlaceHold(
        body.account_id, body.amount, body.to_account_id, body.expires_in, description=body.description
    )
    placed = await _move(bank, actor, movement, key, response)
    response.headers["Location"] = f"/api/v1/holds/{placed.id}"
    return placed


@router.post(
    "/{hold_id}/capture",
    summary="Capture a hold",
    response_description=f"{_DURABLE} `transaction_id` is what moved the money.",
    responses=problems(
        *_MOVING,
        "hold_not_found",
        "hold_not_open",
        "account_frozen",
        "account_closed",
        "limit_exceeded",
        "cooling_off",
        "invalid_amount",
        body=True,
    ),
)
async def capture_hold(
    *,
    hold_id: HoldId,
    body: Annotated[CaptureIn, Body(default_factory=CaptureIn)],
    actor: SignedIn,
    bank: Bank,
    key: IdempotencyKey,
    response: Response,
) -> HoldOut:
    """Moves the money to the hold's receiver, or pays it in cash; what is not captured is free again at once."""
    movement = holds.CaptureHold(hold_id, body.amount)
    return await _move(bank, actor, movement, key, response)


@router.post(
    "/{hold_id}/release",
    summary="Release a hold",
    response_description=_DURABLE,
    responses=problems(*_MOVING, "hold_not_found", "hold_not_open", body=True),
)
async def release_hold(
    *,
    hold_id: HoldId,
    body: Annotated[ReleaseIn, Body(default_factory=ReleaseIn)],  # noqa: ARG001 - read so that a field in it is refused
    actor: SignedIn,
    bank: Bank,
    key: IdempotencyKey,
    response: Response,
) -> HoldOut:
    """Sets the money free. Nothing moves."""
    return await _move(bank, actor, holds.ReleaseHold(hold_id), key, response)


@router.get(
    "/{hold_id}",
    summary="Read a hold",
    response_description="The hold as it is now.",
    responses=problems(*_SIGNED_OUT, "hold_not_found", "invalid_request"),
)
def get_hold(hold_id: HoldId, actor: SignedIn, bank: Bank) -> HoldOut:
    """One hold. One on somebody else's account is answered like one that does not exist."""
    return HoldOut.of(bank.read(lambda session: holds.get_hold(session, actor, hold_id)))


@router.get(
    "",
    summary="List holds",
    response_description="One page, newest first.",
    responses=problems(*_SIGNED_OUT, "account_not_found", "invalid_request", "invalid_account_number"),
)
def list_holds(query: Annotated[HoldsQuery, Query()], actor: SignedIn, bank: Bank) -> PageOut[HoldOut]:
    """Holds on your own accounts; for tellers and auditors on everybody's."""
    page = bank.read(
        lambda session: holds.list_holds(
            session, actor, account_id=query.account_id, state=query.status, limit=query.limit, cursor=query.cursor
        )
    )
    return PageOut(items=[HoldOut.of(view) for view in page.items], next_cursor=page.next_cursor)
