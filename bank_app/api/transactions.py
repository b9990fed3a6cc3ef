"""Moving money, and reading what moved."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response

from bank_app.api.batch_schemas import BatchIn, BatchOut
from bank_app.api.dependencies import Bank, IdempotencyKey, SignedIn
from bank_app.api.documents import operation_id, problems
from bank_app.api.requests import ActorRoute
from bank_app.api.schemas import CashIn, FollowingOut, ReverseIn, TransactionOut, TransactionsQuery, TransferIn
from bank_app.database import Database
from bank_app.services import arrivals, batches, transfers
from bank_app.services.actor import Actor

router = APIRouter(
    prefix="/api/v1/transactions",
    route_class=ActorRoute,
    tags=["Moving money"],
    generate_unique_id_function=operation_id,
)
TransactionId = Annotated[UUID, Path(description="The transaction's id, a UUID.")]
_SIGNED_OUT = ("unauthenticated", "token_expired")
_MOVING = (
    *_SIGNED_OUT,
    "forbidden",
    "account_frozen",
    "account_closed",
    "limit_exceeded",
    "cooling_off",
    "request_in_progress",
    "invalid_amount",
    "idempotency_key_reused",
    "outcome_unknown",
)
_TRANSFERRING = (
    *_MOVING,
    "insufficient_funds",
    "precondition_failed",
    "account_not_found",
    "invalid_account_number",
    "same_account",
    "currency_mismatch",
)
_POSTED = "Posted and durable; `Location` is its address. `Idempotency-Replayed: true` when the key was used before."


async def _move(
    bank: Database, actor: Actor, movement: transfers.AnyMovement, key: str | None, response: Response
) -> TransactionOut:
    moved = await transfers.move_soon(bank, actor, movement, key=key)
    response.headers["Location"] = f"/api/v1/transactions/{moved.transaction.id}"
    # Without a key it is this very request that found its own commit again after a lost connection.
    if moved.replayed and key:
        response.headers["Idempotency-Replayed"] = "true"
    return TransactionOut.of(moved.transaction)


@router.post(
    "/deposit",
    status_code=201,
    summary="Deposit cash",
    response_description=_POSTED,
    responses=problems(*_MOVING, "account_not_found", "invalid_account_number", body=True),
)
async def deposit(body: CashIn, actor: SignedIn, bank: Bank, key: IdempotencyKey, response: Response) -> TransactionOut:
    """Cash comes in. Tellers always may; customers while the bank lets them handle cash by themselves."""
    return await _move(bank, actor, body.movement(transfers.Deposit), key, response)


@router.post(
    "/withdraw",
    status_code=201,
    summary="Withdraw cash",
    response_description=_POSTED,
    responses=problems(*_MOVING, "insufficient_funds", "account_not_found", "invalid_account_number", body=True),
)
async def withdraw(
    body: CashIn, actor: SignedIn, bank: Bank, key: IdempotencyKey, response: Response
) -> TransactionOut:
    """Cash goes out, as far as the account's available balance reaches."""
    return await _move(bank, actor, body.movement(transfers.Withdraw), key, response)


@router.post(
    "/transfer",
    status_code=201,
    summary="Transfer money",
    response_description=_POSTED,
    responses=problems(*_TRANSFERRING, body=True),
)
async def transfer(
    body: TransferIn, actor: SignedIn, bank: Bank, key: IdempotencyKey, response: Response
) -> TransactionOut:
    """From one account to another of the same currency, both sides at once or not at all."""
    return await _move(bank, actor, body.movement(), key, response)


@router.post(
    "/batch",
    summary="Move money many times",
    response_description="One result for each item, in order.",
    responses=problems(*_TRANSFERRING, "batch_too_large", "too_much_work", "large_work_running", body=True),
)
async def batch(body: BatchIn, actor: SignedIn, bank: Bank, key: IdempotencyKey, response: Response) -> BatchOut:
    """1 to 10,000 deposits, withdrawals and transfers, in order.

    Each is answered by itself, with its own idempotency key if it has one. With `atomic` all are posted or none is;
    then a refusal is the answer to the whole, and its `item` says which one failed first.

    Of one person one batch of more than 100 items is posted at a time, and everybody else's turns come between its
    pieces. Between the items of an atomic one nobody can come, so those are few: 503 says when the next may be.
    """
    items = [item.item() for item in body.items]
    answered = await batches.post(bank, actor, items, atomic=body.atomic, key=key)
    if answered.replayed and key:
        response.headers["Idempotency-Replayed"] = "true"
    return BatchOut.of(answered)


@router.post(
    "/{transaction_id}/reverse",
    status_code=201,
    summary="Reverse a transaction",
    response_description=_POSTED,
    responses=problems(
        *_MOVING, "insufficient_funds", "already_reversed", "transaction_not_found", "approval_required", body=True
    ),
)
async def reverse(
    *,
    transaction_id: TransactionId,
    body: ReverseIn,
    actor: SignedIn,
    bank: Bank,
    key: IdempotencyKey,
    response: Response,
) -> TransactionOut:
    """Posts the mirror of a transaction, once. The original is never touched. Tellers only."""
    return await _move(bank, actor, transfers.Reverse(transaction_id, body.reason), key, response)


@router.get(
    "/{transaction_id}",
    summary="Read a transaction",
    response_description="The transaction, with what you may see of its sides.",
    responses=problems(*_SIGNED_OUT, "transaction_not_found", "invalid_request"),
)
def get_transaction(transaction_id: TransactionId, actor: SignedIn, bank: Bank) -> TransactionOut:
    """One transaction. One that you have no side in is answered like one that does not exist."""
    return TransactionOut.of(bank.read(lambda session: transfers.get_transaction(session, actor, transaction_id)))


@router.get(
    "",
    summary="List transactions",
    response_description="One page, newest first; with `after` oldest first.",
    responses=problems(*_SIGNED_OUT, "invalid_request", "invalid_amount"),
)
def list_transactions(
    query: Annotated[TransactionsQuery, Query()], actor: SignedIn, bank: Bank
) -> FollowingOut[TransactionOut]:
    """Transactions in the order in which they were written: your own, and all of the bank's for tellers and auditors.

    Looking through very many takes no longer than some seconds at a time: then a page is not full, or even empty, and
    `next_cursor` goes on from there. The last page has none.

    With `after` they come oldest first, and a program that asks again with `next_after` gets what was posted since:
    nothing is left out, however late it was committed, and nothing comes twice. `after=0` begins with the first.
    """
    if query.after is not None:
        arrived = arrivals.transactions(bank, actor, after=query.following(), limit=query.limit)
        return FollowingOut(items=[TransactionOut.of(v) for v in arrived.items], next_after=arrived.after)
    page = bank.read(
        lambda session: arrivals.newest_first(
            session,
            actor,
            filters=query.filters(),
            limit=query.limit,
            cursor=query.cursor,
        )
    )
    return FollowingOut(items=[TransactionOut.of(view) for view in page.items], next_cursor=page.next_cursor)
