"""Checking holds: that each is in one state, that what it captured was posted, and that keys tell the truth of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from bank_app.columns import total
from bank_app.domain.accounting import Direction, HoldState, TransactionType
from bank_app.domain.identifiers import account_number_text
from bank_app.models import ACCOUNTS, HOLDS, IDEMPOTENCY_KEYS, POSTINGS, TRANSACTIONS

# Which invariant of ledger.md §2, which row, and what is wrong with it.
Finding = tuple[int, str, str]


def open_sums(session: Session) -> dict[int, int]:
    """What the holds that are stored as open come to, by account; `accounts.held` says the same. Locks: none."""
    rows = session.execute(
        select(HOLDS.c.account_id, total(HOLDS.c.amount))
        .where(HOLDS.c.state == HoldState.OPEN.value)
        .group_by(HOLDS.c.account_id)
    )
    return dict(rows.all())


def findings(session: Session, *, rows_at_a_time: int) -> Iterator[Finding]:
    """Everything that is wrong with holds and with what keys say of them. Reads every hold once. Locks: none."""
    for row in session.execute(_holds_with_their_postings(), execution_options={"yield_per": rows_at_a_time}):
        subject = f"hold {row.id}"
        for message in (*_of_its_state(row), *_of_its_account(row), *_of_its_capture(row)):
            yield 8, subject, message
    yield from _captured_twice(session)
    yield from _keys(session)


def _holds_with_their_postings() -> Any:
    debit, credit = POSTINGS.alias("debit"), POSTINGS.alias("credit")
    return (
        select(
            HOLDS,
            ACCOUNTS.c.currency.label("account_currency"),
            ACCOUNTS.c.owner_id,
            TRANSACTIONS.c.type.label("transaction_type"),
            debit.c.amount.label("debited"),
            credit.c.amount.label("credited"),
        )
        .join(ACCOUNTS, ACCOUNTS.c.id == HOLDS.c.account_id, isouter=True)
        .join(TRANSACTIONS, TRANSACTIONS.c.id == HOLDS.c.transaction_id, isouter=True)
        .join(debit, _is_side(debit, HOLDS.c.account_id, Direction.DEBIT), isouter=True)
        .join(credit, _is_side(credit, HOLDS.c.to_account_id, Direction.CREDIT), isouter=True)
    )


def _is_side(side: Any, account_id: Any, direction: Direction) -> Any:
    return (
        (side.c.transaction_id == HOLDS.c.transaction_id)
        & (side.c.account_id == account_id)
        & (side.c.direction == direction.value)
    )


def _of_its_state(row: Any) -> Iterator[str]:
    if row.state not in set(HoldState):
        yield f"is in no state but {row.state!r}"
    if (row.state == HoldState.OPEN) != (row.closed_at is None):
        yield f"is {row.state} and was closed at {row.closed_at}"
    captured = row.state == HoldState.CAPTURED
    if captured != (row.transaction_id is not None) or captured != (row.captured_amount is not None):
        yield f"is {row.state}, captured {row.captured_amount} by transaction {row.transaction_id}"
    if row.amount <= 0:
        yield f"its amount is {row.amount}"
    if row.captured_amount is not None and not 0 < row.captured_amount <= row.amount:
        yield f"captured {row.captured_amount} of {row.amount}"
    if row.state == HoldState.EXPIRED and row.closed_at != row.expires_at:
        yield f"expired at {row.closed_at}, not at {row.expires_at}"


def _of_its_account(row: Any) -> Iterator[str]:
    if row.account_currency is None:
        yield f"is on account {account_number_text(row.account_id)}, which does not exist"
    elif row.account_currency != row.currency:
        yield f"is in {row.currency} on an account in {row.account_currency}"
    elif row.owner_id is None:
        yield "is on an account of the bank"


def _of_its_capture(row: Any) -> Iterator[str]:
    if row.transaction_id is None:
        return
    if row.transaction_type is None:
        yield f"was captured by transaction {row.transaction_id}, which does not exist"
        return
    if row.debited != row.captured_amount:
        yield f"captured {row.captured_amount}, its transaction debits {row.debited}"
    in_cash = row.to_account_id is None
    if row.transaction_type != (TransactionType.WITHDRAW if in_cash else TransactionType.TRANSFER):
        yield f"was captured by a {row.transaction_type}"
    if not in_cash and row.credited != row.captured_amount:
        yield f"captured {row.captured_amount}, its transaction credits the receiver with {row.credited}"


def _captured_twice(session: Session) -> Iterator[Finding]:
    """The unique key forbids it; a table that was rebuilt without it would not."""
    query = (
        select(HOLDS.c.transaction_id)
        .where(HOLDS.c.transaction_id.is_not(None))
        .group_by(HOLDS.c.transaction_id)
        .having(func.count() > 1)
    )
    for identifier in session.execute(query).scalars():
        yield 8, f"transaction {identifier}", "captured more than one hold"


def _keys(session: Session) -> Iterator[Finding]:
    """What a key was answered of a hold must be what the hold was then, or has become."""
    keys = IDEMPOTENCY_KEYS
    placed_by_another = (keys.c.hold_state == HoldState.OPEN.value) & (HOLDS.c.actor_id != keys.c.actor_id)
    other_end = (keys.c.hold_state != HoldState.OPEN.value) & (HOLDS.c.state != keys.c.hold_state)
    other_effect = (keys.c.hold_state == HoldState.CAPTURED.value) & (
        keys.c.transaction_id.is_distinct_from(HOLDS.c.transaction_id)
    )
    query = (
        select(keys.c.key, keys.c.actor_id, keys.c.hold_id, keys.c.hold_state)
        .join(HOLDS, HOLDS.c.id == keys.c.hold_id, isouter=True)
        .where(
            keys.c.hold_id.is_not(None),
            or_(HOLDS.c.id.is_(None), keys.c.hold_state.is_(None), placed_by_another, other_end, other_effect),
        )
    )
    for row in session.execute(query):
        subject = f"key {row.key!r} of actor {row.actor_id}"
        yield 7, subject, f"says that hold {row.hold_id} is {row.hold_state}, which is not its effect"
    twice = (
        select(keys.c.hold_id, keys.c.hold_state)
        .where(keys.c.hold_id.is_not(None))
        .group_by(keys.c.hold_id, keys.c.hold_state)
        .having(func.count() > 1)
    )
    for hold_id, state in session.execute(twice):
        yield 7, f"hold {hold_id}", f"has more than one key that made it {state}"
