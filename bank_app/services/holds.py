"""Holds as people see them: placing, capturing and releasing through the posting queue, and reading."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session
from sqlmodel import col

from bank_app import clock, errors
from bank_app.database import Database
from bank_app.domain.accounting import HoldState, Role
from bank_app.domain.identifiers import account_number_text
from bank_app.models import HOLDS, Account
from bank_app.services import accounts, hold_book, ledger, looks, posting, quotas
from bank_app.services.actor import Actor
from bank_app.services.hold_book import HoldRow
from bank_app.services.lists import Page, bad_cursor, make_cursor, split_cursor
from bank_app.services.movements import CaptureHold, HoldMovement, PlaceHold, ReleaseHold
from bank_app.services.orders import Order, Settled
from bank_app.services.rules import no_such_hold


@dataclass(frozen=True, slots=True)
class HoldView:
    """A hold as its owner and the bank's people see it. Amounts in minor units of `currency`."""

    id: UUID
    account_id: str
    to_account_id: str | None
    amount_minor: int
    captured_minor: int | None
    currency: str
    state: HoldState
    description: str | None
    transaction_id: UUID | None
    expires_at: datetime
    created_at: datetime
    closed_at: datetime | None


@dataclass(frozen=True, slots=True)
class HoldMoved:
    """The answer to a movement of a hold: the hold after it, and whether the key had been answered before."""

    hold: HoldView
    replayed: bool


def move(db: Database, actor: Actor, movement: HoldMovement, *, key: str | None = None) -> HoldMoved:
    """Places, captures or releases a hold and answers after COMMIT. Blocks; `move_soon` does not hold a thread.

    Checks come in the order of `transfers.move`; that the hold is open comes with reversal and version. Released and
    captured money is available again, or moved, in the same unit of work.

    Raises:
        AccountNotFound, HoldNotFound, Forbidden: not recorded with the key.
        InvalidAmount: more decimals than the currency has, or more than the hold.
        Refused (any leaf), IdempotencyKeyReused: `error.replayed` tells a recorded refusal from a new one.
        QuotaReached, QuotaUsedUp: so many holds are open on the account, or the day's movements are used up.
        LockTimeout, DatabaseUnavailable, Overloaded, OutcomeUnknown: never recorded; repeat with the same key.
    Locks: the account of the hold, and on capture the one that receives.
    """
    _require_room(db, actor, movement)
    order = Order.of(actor, movement, key)
    return _moved(order, posting.of(db).post(order))


async def move_soon(db: Database, actor: Actor, movement: HoldMovement, *, key: str | None = None) -> HoldMoved:
    """As `move`, awaited: no thread waits for the answer."""
    if isinstance(movement, PlaceHold) and actor.role is Role.CUSTOMER and db.settings.rate_limits:
        await asyncio.to_thread(_require_room, db, actor, movement)
    order = Order.of(actor, movement, key)
    return _moved(order, await posting.of(db).post_soon(order))


def _require_room(db: Database, actor: Actor, movement: HoldMovement) -> None:
    if isinstance(movement, PlaceHold) and actor.role is Role.CUSTOMER and db.settings.rate_limits:
        db.read(lambda session: quotas.require_hold(session, movement.account_id, db.settings))


def _moved(order: Order, settled: Settled) -> HoldMoved:
    outcome = settled.outcome
    if isinstance(outcome, ledger.Refused):
        raise outcome.as_error()
    if not isinstance(outcome, ledger.Held):
        raise errors.BooksBroken("a hold was asked for, and something else answered")
    # After a lost COMMIT the ledger answers from its rows; for whoever waits here it is still the first answer.
    first = order.key is None or order.movement.id in (outcome.hold.id, outcome.hold.transaction_id)
    return HoldMoved(_view(outcome.hold), outcome.replayed and not first)


# --- reading --------------------------------------------------------------------------------------


def get_hold(session: Session, actor: Actor, hold_id: UUID) -> HoldView:
    """One hold as it is now: expired at its expiry, to the microsecond.

    Raises:
        HoldNotFound: it does not exist, or is on an account that is not the customer's.
    """
    row = hold_book.load(session, [hold_id]).get(hold_id)
    if row is None:
        raise no_such_hold()
    owner = ledger.facts(session, [row.account_id])[row.account_id].owner_id
    if not actor.role.sees_every_account and owner != actor.user_id:
        looks.not_theirs(session, actor, f"hold {hold_id}")
        raise no_such_hold()
    looks.at(session, actor, f"hold {hold_id}", owner)
    return _view(row.at(clock.now()))


def list_holds(
    session: Session,
    actor: Actor,
    *,
    account_id: int | None = None,
    state: HoldState | None = None,
    limit: int = 50,
    cursor: str | None = None,
) -> Page[HoldView]:
    """Holds by newest first: those on a customer's own accounts, on everybody's for the bank's people.

    Raises:
        AccountNotFound: as `accounts.get_account`, when one is named.
        Invalid: the cursor is not one of ours.
    """
    now = clock.now()
    query = select(HOLDS).order_by(HOLDS.c.id.desc()).limit(limit + 1)
    if account_id is not None:
        accounts.get_account(session, actor, account_id)
        query = query.where(HOLDS.c.account_id == account_id)
    elif not actor.role.sees_every_account:
        own = select(col(Account.id)).where(col(Account.owner_id) == actor.user_id)
        query = query.where(HOLDS.c.account_id.in_(own))
    if state:
        query = _in_state(query, state, now)
    if cursor:
        query = query.where(HOLDS.c.id < _read_cursor(cursor))
    rows = [_view(hold_book.row_of(row).at(now)) for row in session.execute(query)]
    more = len(rows) > limit
    rows = rows[:limit]
    if account_id is None:
        looks.at_list(session, actor, "holds", len(rows), further=cursor, state=state)
    return Page(rows, make_cursor(rows[-1].id.hex) if more else None)


def _in_state(query: Select[tuple[object, ...]], state: HoldState, now: datetime) -> Select[tuple[object, ...]]:
    stored = HOLDS.c.state == state.value
    if state is HoldState.OPEN:
        return query.where(stored, HOLDS.c.expires_at > now)
    if state is HoldState.EXPIRED:
        return query.where(or_(stored, (HOLDS.c.state == HoldState.OPEN.value) & (HOLDS.c.expires_at <= now)))
    return query.where(stored)


def _read_cursor(cursor: str) -> UUID:
    [text] = split_cursor(cursor, 1)
    try:
        return UUID(hex=text)
    except ValueError:
        raise bad_cursor() from None


def _view(row: HoldRow) -> HoldView:
    return HoldView(
        id=row.id,
        account_id=account_number_text(row.account_id),
        to_account_id=None if row.to_account_id is None else account_number_text(row.to_account_id),
        amount_minor=row.amount_minor,
        captured_minor=row.captured_minor,
        currency=row.currency,
        state=row.state,
        description=row.description,
        transaction_id=row.transaction_id,
        expires_at=row.expires_at,
        created_at=row.created_at,
        closed_at=row.closed_at,
    )


__all__ = ["CaptureHold", "HoldMoved", "HoldMovement", "HoldView", "PlaceHold", "ReleaseHold", "get_hold", "list_holds"]
