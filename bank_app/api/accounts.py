"""Accounts: opening, reading, changing; their history, balances and statements; and the names of payees."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response

from bank_app import clock
from bank_app.api.dependencies import Bank, IdempotencyKey, SignedIn
from bank_app.api.documents import operation_id, problems
from bank_app.api.requests import ActorRoute
from bank_app.api.schemas import (
    AccountChange,
    AccountIn,
    AccountOut,
    AccountsQuery,
    BalanceOut,
    BalanceQuery,
    EntryOut,
    FollowingOut,
    HistoryQuery,
    PageOut,
    PayeeOut,
    PayeeQuery,
    StatementOut,
    StatementQuery,
)
from bank_app.api.values import AccountNumber
from bank_app.domain.accounting import AccountKind
from bank_app.errors import Invalid
from bank_app.services import accounts, arrivals, history, openings, statements
from bank_app.streaming import File, respond

router = APIRouter(
    prefix="/api/v1", route_class=ActorRoute, tags=["Accounts"], generate_unique_id_function=operation_id
)
_SIGNED_OUT = ("unauthenticated", "token_expired")
_MISSING = ("account_not_found",)
_MALFORMED = ("invalid_request", "invalid_account_number")


@router.post(
    "/accounts",
    status_code=201,
    summary="Open an account",
    response_description="It is open; `Location` is its address. `Idempotency-Replayed: true` when the key was used "
    "before: then it is the account as it was opened.",
    responses=problems(
        *_SIGNED_OUT,
        "forbidden",
        "account_not_found",
        "invalid_amount",
        "limit_exceeded",
        "idempotency_key_reused",
        "outcome_unknown",
        "quota_reached",
        body=True,
    ),
)
def open_account(
    *, body: AccountIn, actor: SignedIn, bank: Bank, key: IdempotencyKey, response: Response
) -> AccountOut:
    """Opens an account for yourself, or as a teller for `owner_id`. The opening deposit comes from cash."""
    opening = openings.Opening(
        currency=body.currency,
        kind=AccountKind(body.kind),
        nickname=body.nickname,
        initial_balance=body.initial_balance.text if body.initial_balance else None,
        owner_id=body.owner_id,
    )
    opened = openings.open_account(bank, actor, opening, key=key)
    response.headers["Location"] = f"/api/v1/accounts/{opened.account.number}"
    if opened.replayed:
        response.headers["Idempotency-Replayed"] = "true"
    return AccountOut.of(opened.account)


@router.get(
    "/accounts",
    summary="List accounts",
    response_description="One page, newest first.",
    responses=problems(*_SIGNED_OUT, "invalid_request"),
)
def list_accounts(query: Annotated[AccountsQuery, Query()], actor: SignedIn, bank: Bank) -> PageOut[AccountOut]:
    """Your own accounts; for tellers and auditors everybody's."""
    page = bank.read(
        lambda session: accounts.list_accounts(
            session,
            actor,
            owner_id=query.owner_id,
            status=query.status,
            q=query.q,
            limit=query.limit,
            cursor=query.cursor,
        )
    )
    return PageOut(items=[AccountOut.of(view) for view in page.items], next_cursor=page.next_cursor)


@router.get(
    "/accounts/{account_id}",
    summary="Read an account",
    response_description="The account as it is now.",
    responses=problems(*_SIGNED_OUT, *_MISSING, *_MALFORMED),
)
def get_account(account_id: AccountNumber, actor: SignedIn, bank: Bank) -> AccountOut:
    """One account. Somebody else's is answered like one that does not exist."""
    return AccountOut.of(bank.read(lambda session: accounts.get_account(session, actor, account_id)))


@router.patch(
    "/accounts/{account_id}",
    summary="Change an account",
    response_description="The account after the change.",
    responses=problems(
        *_SIGNED_OUT,
        "forbidden",
        *_MISSING,
        "account_closed",
        "account_not_empty",
        "approval_required",
        "insufficient_funds",
        "invalid_account_number",
        "invalid_amount",
        body=True,
    ),
)
def change_account(account_id: AccountNumber, body: AccountChange, actor: SignedIn, bank: Bank) -> AccountOut:
    """Renames it (its owner), or freezes, opens, closes it or sets its limits (a teller, with a reason)."""
    named = body.named()
    for limit in ("overdraft_limit", "transfer_limit", "daily_limit"):
        if named.get(limit) is not None:
            named[limit] = named[limit].text
    return AccountOut.of(
        bank.unit_of_work(lambda session: accounts.change_account(session, actor, account_id, **named))
    )


@router.get(
    "/accounts/{account_id}/history",
    summary="Read an account's history",
    response_description="One page of entries, newest first; with `after` oldest first.",
    responses=problems(*_SIGNED_OUT, *_MISSING, *_MALFORMED, "invalid_amount"),
)
def get_history(
    account_id: AccountNumber, query: Annotated[HistoryQuery, Query()], actor: SignedIn, bank: Bank
) -> FollowingOut[EntryOut]:
    """Entries by keyset: page 10,000 is as fast as page 1, and entries that arrive meanwhile shift nothing.

    With `after` they come oldest first, from the entry after the one with that `sequence` on; `after=0` begins with the
    first. Sequence numbers have no gaps, so a program that asks again with `next_after` misses nothing.
    """
    if query.after is not None:
        after, filters = query.following(), query.filters()
        arrived = bank.read(
            lambda session: arrivals.entries(
                session, actor, account_id, after=after, filters=filters, limit=query.limit
            )
        )
        return FollowingOut(items=[EntryOut.of(entry) for entry in arrived.items], next_after=arrived.after)
    page = bank.read(
        lambda session: history.history(
            session, actor, account_id, filters=query.filters(), limit=query.limit, cursor=query.cursor
        )
    )
    return FollowingOut(items=[EntryOut.of(entry) for entry in page.items], next_cursor=page.next_cursor)


@router.get(
    "/accounts/{account_id}/balance",
    summary="Read a balance at a time",
    response_description="What the ledger held then.",
    responses=problems(*_SIGNED_OUT, *_MISSING, *_MALFORMED),
)
def get_balance(
    account_id: AccountNumber, query: Annotated[BalanceQuery, Query()], actor: SignedIn, bank: Bank
) -> BalanceOut:
    """The booked balance at a moment, by default now."""
    moment = query.at or clock.now()
    account, found = bank.read(
        lambda session: (
            accounts.get_account(session, actor, account_id),
            history.balance_at(session, actor, account_id, at=moment),
        )
    )
    return BalanceOut.of(found, account.currency)


@router.get(
    "/accounts/{account_id}/statement",
    summary="Read a statement",
    response_model=StatementOut,
    response_description="The period's entries, oldest first, and how they join two balances.",
    responses={
        200: {
            "content": {"text/csv": {"schema": {"type": "string"}}},
            "headers": {
                "Content-Disposition": {"description": "With `format=csv`: a file name.", "schema": {"type": "string"}}
            },
        },
        **problems(*_SIGNED_OUT, *_MISSING, *_MALFORMED, "large_work_running"),
    },
)
async def get_statement(
    account_id: AccountNumber, query: Annotated[StatementQuery, Query()], actor: SignedIn, bank: Bank
) -> Response:
    """A month (`month=2026-11`) or any period (`from=` and `to=`), whatever its length.

    A long one is sent in pieces as it is read, without a length; one that is cut short has no end.
    """
    start, end = _period(query.month, query.from_, query.to)

    def made() -> File:
        found = bank.read(lambda session: history.statement(session, actor, account_id, start=start, end=end))
        entries = statements.entries(bank, actor, found)
        if query.format == "json":
            return File("application/json", StatementOut.text(found, entries))
        name = f"statement-{found.account.number}-{start:%Y-%m-%d}.csv"
        return File("text/csv; charset=utf-8", history.entries_csv(entries), name)

    return await respond(bank, actor.user_id, made)


def _period(month: str | None, start: datetime | None, end: datetime | None) -> tuple[datetime, datetime]:
    if month and not (start or end):
        year, number = int(month[:4]), int(month[5:])
        try:
            first = datetime(year, number, 1, tzinfo=UTC)
            return first, datetime(year + number // 12, number % 12 + 1, 1, tzinfo=UTC)
        except ValueError:
            pass  # Year 0, or the last month that a calendar has.
    elif not month and start and end:
        return start, end
    message = "Name a month, or both from and to."
    raise Invalid(message, errors=[{"field": "month", "code": "invalid", "message": message}])


@router.get(
    "/payees/check",
    summary="Check a payee's name",
    response_description="How the name fits.",
    response_model_exclude_none=True,
    responses=problems(*_SIGNED_OUT, *_MISSING, *_MALFORMED),
)
def check_payee(query: Annotated[PayeeQuery, Query()], actor: SignedIn, bank: Bank) -> PayeeOut:
    """Compares a name with an account's owner before money is sent. Never reveals an owner who is not nearly known."""
    found = bank.unit_of_work(
        lambda session: accounts.check_payee_for_good(session, actor, account_id=query.account_id, name=query.name)
    )
    return PayeeOut.of(found)
