"""The rows of holds: reading them under the lock of their account, and writing what became of them.

An account's row is the lock of its holds. A hold that is due holds nothing from that moment on, whether or not its
row was closed: the ledger closes due holds of every account that it locks, and whoever only reads leaves them out.
So no job has to run at the right time.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session

from bank_app.bulk import Writes
from bank_app.columns import total
from bank_app.domain.accounting import HoldState
from bank_app.errors import BooksBroken
from bank_app.models import HOLDS

_ROWS_AT_A_TIME = 5000


@dataclass(frozen=True, slots=True)
class HoldRow:
    """A hold exactly as written. Amounts in minor units of `currency`."""

    id: UUID
    account_id: int
    to_account_id: int | None
    amount_minor: int
    currency: str
    description: str | None
    actor_id: UUID
    created_at: datetime
    expires_at: datetime
    state: HoldState = HoldState.OPEN
    captured_minor: int | None = None
    transaction_id: UUID | None = None
    closed_at: datetime | None = None

    def at(self, moment: datetime) -> HoldRow:
        """What it is at that moment: an open hold whose time is over expired then, to the microsecond."""
        if self.state is HoldState.OPEN and self.expires_at <= moment:
            return replace(self, state=HoldState.EXPIRED, closed_at=self.expires_at)
        return self

    def as_answered(self, state: HoldState) -> HoldRow:
        """What was said of it when it was in `state`; what became of an open hold later is left out."""
        if state is HoldState.OPEN:
            return replace(self, state=state, captured_minor=None, transaction_id=None, closed_at=None)
        return self


def row_of(row: Any) -> HoldRow:
    """From a row of the table."""
    return HoldRow(
        id=row.id,
        account_id=row.account_id,
        to_account_id=row.to_account_id,
        amount_minor=row.amount,
        currency=row.currency,
        description=row.description,
        actor_id=row.actor_id,
        created_at=row.created_at,
        expires_at=row.expires_at,
        state=HoldState(row.state),
        captured_minor=row.captured_amount,
        transaction_id=row.transaction_id,
        closed_at=row.closed_at,
    )


def load(session: Session, hold_ids: Collection[UUID]) -> dict[UUID, HoldRow]:
    """Holds as they were written. Locks: none."""
    if not hold_ids:
        return {}
    rows = session.execute(select(HOLDS).where(HOLDS.c.id.in_(list(hold_ids))))
    return {row.id: row_of(row) for row in rows}


def captured_by(session: Session, transaction_ids: Collection[UUID]) -> dict[UUID, HoldRow]:
    """The holds that these transactions captured, by transaction. Locks: none."""
    if not transaction_ids:
        return {}
    rows = session.execute(select(HOLDS).where(HOLDS.c.transaction_id.in_(list(transaction_ids))))
    return {row.transaction_id: row_of(row) for row in rows}


def due_sums(session: Session, account_ids: Collection[int], moment: datetime) -> dict[int, int]:
    """How much of `accounts.held` is held no more at that moment, for the accounts where that is something.

    One statement, and none for no accounts: ask only about accounts that hold anything. Locks: none.
    """
    if not account_ids:
        return {}
    rows = session.execute(
        select(HOLDS.c.account_id, total(HOLDS.c.amount))
        .where(HOLDS.c.account_id.in_(sorted(account_ids)), *_is_due(moment))
        .group_by(HOLDS.c.account_id)
    )
    return dict(rows.all())


def expire_due(session: Session, account_ids: Collection[int], moment: datetime) -> dict[int, int]:
    """Closes the due holds of accounts that this unit of work has locked. Returns how much each holds less now.

    `accounts.held` is left to the caller. Locks: the holds' rows, by primary key; only whoever has the account's row
    writes them, so nobody is waited for.
    """
    due, freed = _read_due(session, account_ids, moment)
    _write_expired(session, due)
    return freed


def _read_due(
    session: Session, account_ids: Collection[int], moment: datetime
) -> tuple[Sequence[UUID], dict[int, int]]:
    if not account_ids:
        return (), {}
    due = session.execute(
        select(HOLDS.c.id, HOLDS.c.account_id, HOLDS.c.amount)
        .where(HOLDS.c.account_id.in_(sorted(account_ids)), *_is_due(moment))
        .order_by(HOLDS.c.id)
    ).all()
    freed: dict[int, int] = {}
    for row in due:
        freed[row.account_id] = freed.get(row.account_id, 0) + row.amount
    return [row.id for row in due], freed


def _write_expired(session: Session, hold_ids: Sequence[UUID]) -> None:
    # An account that nobody used for long may have many; a statement has room for so many values.
    for start in range(0, len(hold_ids), _ROWS_AT_A_TIME):
        ids = hold_ids[start : start + _ROWS_AT_A_TIME]
        result = session.execute(
            update(HOLDS).where(HOLDS.c.id.in_(ids)).values(state=HoldState.EXPIRED.value, closed_at=HOLDS.c.expires_at)
        )
        _all_were_written(result.rowcount, len(ids))  # type: ignore[attr-defined]


def _is_due(moment: datetime) -> tuple[Any, Any]:
    return HOLDS.c.state == HoldState.OPEN.value, HOLDS.c.expires_at <= moment


@dataclass
class HoldBook:
    """The holds that a list of drafts is about, under the locks of their accounts, while the list is walked."""

    session: Session
    now: datetime
    named: dict[UUID, HoldRow] = field(default_factory=dict)
    _due: Sequence[UUID] = ()
    _placed: list[HoldRow] = field(default_factory=list)
    _closed: dict[UUID, HoldRow] = field(default_factory=dict)
    _largest: dict[int, list[HoldRow]] = field(default_factory=dict)

    def read(self, hold_ids: Collection[UUID], holding: Collection[int]) -> dict[int, int]:
        """Reads the holds that drafts name, and notes what is due on the locked accounts that hold anything.

        Returns how much each account holds less. No statement where there is nothing to ask.
        """
        self.named = {key: row.at(self.now) for key, row in load(self.session, hold_ids).items()}
        self._due, freed = _read_due(self.session, holding, self.now)
        return freed

    def place(self, row: HoldRow) -> None:
        """Notes a new hold."""
        self._placed.append(row)
        self.named[row.id] = row

    def close(self, row: HoldRow) -> None:
        """Notes that a hold is closed as `row` says."""
        self._closed[row.id] = row
        self.named[row.id] = row

    def largest(self, account_id: int, count: int) -> list[HoldRow]:
        """The largest open holds of a locked account as the walk stands. One statement for an account, once."""
        if account_id not in self._largest:
            # Those that the walk has closed or will close are read too, so that enough others are among the rows.
            query = self._open_holds_of(account_id).limit(count + len(self.named))
            self._largest[account_id] = [row_of(row) for row in self.session.execute(query)]
        placed = [row for row in self._placed if row.account_id == account_id]
        still_open = [row for row in (*self._largest[account_id], *placed) if row.id not in self._closed]
        return sorted(still_open, key=lambda row: (-row.amount_minor, row.id))[:count]

    def _open_holds_of(self, account_id: int) -> Select[Any]:
        return (
            select(HOLDS)
            .where(
                HOLDS.c.account_id == account_id,
                HOLDS.c.state == HoldState.OPEN.value,
                HOLDS.c.expires_at > self.now,
            )
            .order_by(HOLDS.c.amount.desc(), HOLDS.c.id)
        )

    def write(self, writes: Writes) -> None:
        """Writes what was noted: one statement each for what is due, what was placed and what was closed."""
        _write_expired(self.session, self._due)
        writes.insert(HOLDS, [_values(row) for row in self._placed])
        writes.update(HOLDS, [_end_of(row) for row in self._closed.values()])


def _values(row: HoldRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "account_id": row.account_id,
        "to_account_id": row.to_account_id,
        "amount": row.amount_minor,
        "currency": row.currency,
        "description": row.description,
        "actor_id": row.actor_id,
        "created_at": row.created_at,
        "expires_at": row.expires_at,
        "state": HoldState.OPEN.value,
    }


def _end_of(row: HoldRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "state": row.state.value,
        "captured_amount": row.captured_minor,
        "transaction_id": row.transaction_id,
        "closed_at": row.closed_at,
    }


def _all_were_written(found: int, wanted: int) -> None:
    if found != wanted:
        raise BooksBroken(f"{wanted} holds to close, {found} updated")
