"""What changed since one looked last: cheap questions that one process asks for all of its open pages at once.

Each is one statement on primary keys, so what it costs depends on what is watched and not on how busy the bank is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import bindparam, func, select
from sqlmodel import SQLModel

from bank_app import clock
from bank_app.database import Database
from bank_app.domain.accounting import HoldState
from bank_app.domain.identifiers import earliest_id
from bank_app.models import ACCOUNTS, HOLDS, TRANSACTIONS
from bank_app.services import preferences

# What of an account is written anywhere on a page, besides what follows from its entries.
Mark = tuple[object, ...]
Looks = tuple[object, ...]
T = TypeVar("T")

_AT_ONCE = 1_000
_MOST_RECORDS = 2_000
_SIGN_INS, _USERS, _AUDIT = (SQLModel.metadata.tables[name] for name in ("sign_ins", "users", "audit_records"))
_MARKS = select(
    ACCOUNTS.c.id, ACCOUNTS.c.version, ACCOUNTS.c.held, ACCOUNTS.c.status, ACCOUNTS.c.frozen_for, ACCOUNTS.c.nickname,
    ACCOUNTS.c.overdraft_limit, ACCOUNTS.c.transfer_limit, ACCOUNTS.c.daily_limit,
).where(ACCOUNTS.c.id.in_(bindparam("ids", expanding=True)))  # fmt: skip
_OVER = (
    select(HOLDS.c.account_id, func.count().label("holds"))
    .where(
        HOLDS.c.account_id.in_(bindparam("ids", expanding=True)),
        HOLDS.c.state == HoldState.OPEN.value,
        HOLDS.c.expires_at <= bindparam("now", type_=HOLDS.c.expires_at.type),
    )
    .group_by(HOLDS.c.account_id)
)
_GOOD_SIGN_INS = (
    select(_SIGN_INS.c.id, _USERS.c.preferences)
    .join(_USERS, _USERS.c.id == _SIGN_INS.c.user_id)
    .where(
        _SIGN_INS.c.id.in_(bindparam("ids", expanding=True)),
        _SIGN_INS.c.revoked_at.is_(None),
        _SIGN_INS.c.expires_at > bindparam("now", type_=_SIGN_INS.c.expires_at.type),
        _SIGN_INS.c.last_seen_at > bindparam("idle_since", type_=_SIGN_INS.c.last_seen_at.type),
        _USERS.c.disabled_at.is_(None),
    )
)
_RECORDS = (
    select(_AUDIT.c.id, _AUDIT.c.object)
    .where(_AUDIT.c.id > bindparam("after"))
    .order_by(_AUDIT.c.id)
    .limit(_MOST_RECORDS)
)
_NEWEST = select(TRANSACTIONS.c.id).order_by(TRANSACTIONS.c.position.desc()).limit(1)


def marks(db: Database, account_ids: Collection[int]) -> dict[int, Mark]:
    """What each account looks like now; two marks differ when a page about the account would.

    Nothing is written when a hold runs out, so what is held no more is asked for, of accounts that hold anything.

    Raises:
        DatabaseUnavailable: no connection.
    """
    found: dict[int, Mark] = {}
    for some in _portions(sorted(account_ids)):
        rows: Sequence[Any] = db.look_up(_MARKS, {"ids": some})
        found.update({row.id: tuple(row[1:]) for row in rows})
        if holding := [row.id for row in rows if row.held]:
            for row in db.look_up(_OVER, {"ids": holding, "now": clock.now()}):
                found[row.account_id] += (row.holds,)
    return found


def still_signed_in(db: Database, sign_in_ids: Collection[UUID]) -> dict[UUID, Looks]:
    """Those of the browser sign-ins that were not ended, did not run out, and whose person may still sign in.

    With each of them how its person wants pages to be written.

    Raises:
        DatabaseUnavailable: no connection.
    """
    now = clock.now()
    limits = {"now": now, "idle_since": now - timedelta(minutes=db.settings.session_idle_minutes)}
    good: dict[UUID, Looks] = {}
    for some in _portions(sorted(sign_in_ids)):
        rows: Sequence[Any] = db.look_up(_GOOD_SIGN_INS, {"ids": some, **limits})
        good.update({row.id: preferences.looks(row.preferences) for row in rows})
    return good


def recorded(db: Database, *, since: datetime) -> dict[UUID, str]:
    """The records that came into the audit trail since then, and what each is about, such as `account 1234567802`.

    A record is there once its unit of work has ended, which may be after a younger one: ask with some time to spare.

    Raises:
        DatabaseUnavailable: no connection.
    """
    rows: Sequence[Any] = db.look_up(_RECORDS, {"after": earliest_id(since)})
    return {row.id: row.object for row in rows}


def newest_transaction(db: Database) -> UUID | None:
    """Another one than before means that money moved somewhere.

    Raises:
        DatabaseUnavailable: no connection.
    """
    rows = db.look_up(_NEWEST, {})
    return rows[0][0] if rows else None


def _portions(everything: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(everything), _AT_ONCE):
        yield everything[start : start + _AT_ONCE]
