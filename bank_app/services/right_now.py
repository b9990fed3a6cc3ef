"""What the bank is doing: what was posted in the last minute, and what its people did today."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session
from sqlmodel import col

from bank_app import clock
from bank_app.domain.accounting import Role, TransactionType
from bank_app.domain.identifiers import account_number_text, earliest_id, reference
from bank_app.models import ACCOUNTS, POSTINGS, TRANSACTIONS, AuditRecord, User
from bank_app.services import looks, people, roles
from bank_app.services.actor import Actor

_MINUTE = timedelta(minutes=1)
# Looking and coming in are in the trail; they are not work that somebody did.
_NOT_WORK = (
    people.LOOKED, "customer.read", "list.read", "sign_in.open", "sign_in.close", "sign_in.throttled", "sign_in.end",
    "sign_in.end_others", "user.register",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Done:
    """One thing that one of the bank's people did. `about` is whom or what it was done to, in words.

    Cash at the desk has the action `cash.deposit` or `cash.withdraw` and an amount in minor units.
    """

    id: UUID
    at: datetime
    who: str
    action: str
    about: str
    reason: str
    changes: Mapping[str, Any]
    amount_minor: int = 0
    currency: str = ""


def posted_last_minute(session: Session, actor: Actor) -> int:
    """How many transactions were posted in the last minute. What was declined has no index by time to be counted with.

    Raises:
        Forbidden: a customer asks.
    """
    roles.staff_only(actor)
    since = clock.now() - _MINUTE
    posted = select(func.count()).where(TRANSACTIONS.c.id >= earliest_id(since), TRANSACTIONS.c.created_at >= since)
    return int(session.execute(posted).scalar_one())


def done_today(session: Session, actor: Actor, *, limit: int = 6) -> list[Done]:
    """What the bank's people did since midnight (UTC), newest first.

    Raises:
        Forbidden: a customer asks.
    """
    roles.staff_only(actor)
    midnight = clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    found = _recorded(session, midnight, limit) + _cash(session, midnight, limit)
    looks.at_list(session, actor, "done today", len(found))
    return sorted(found, key=lambda done: (done.at, done.id), reverse=True)[:limit]


def _recorded(session: Session, midnight: datetime, limit: int) -> list[Done]:
    rows = session.execute(
        select(AuditRecord, col(User.name))
        .join(User, col(User.id) == col(AuditRecord.actor_id))
        .where(
            col(AuditRecord.id) >= earliest_id(midnight),
            col(AuditRecord.created_at) >= midnight,
            col(AuditRecord.action).not_in(_NOT_WORK),
            col(User.role) != Role.CUSTOMER.value,
        )
        .order_by(col(AuditRecord.id).desc())
        .limit(limit)
    ).all()
    names = _names(session, [record.object for record, _ in rows])
    return [
        Done(
            id=record.id,
            at=record.created_at,
            who=name,
            action=record.action,
            about=names.get(record.object, record.object),
            reason=record.reason or "",
            changes=record.changes,
        )
        for record, name in rows
    ]


def _names(session: Session, objects: list[str]) -> dict[str, str]:
    """What people call the things that records are about: a person's name, whose account, a reference."""
    parted = {text: text.partition(" ")[::2] for text in objects}
    numbers = [int(name) for kind, name in parted.values() if kind == "account" and name.isdigit()]
    ids = [UUID(name) for kind, name in parted.values() if kind == "user"]
    owners = {
        f"account {account_number_text(number)}": f"{name} ••{account_number_text(number)[-4:]}"
        for number, name in session.execute(
            select(ACCOUNTS.c.id, col(User.name))
            .join(User, col(User.id) == ACCOUNTS.c.owner_id)
            .where(ACCOUNTS.c.id.in_(numbers))
        )
    }
    persons = {
        f"user {identifier}": name
        for identifier, name in session.execute(select(col(User.id), col(User.name)).where(col(User.id).in_(ids)))
    }
    moved = {text: reference(UUID(name)) for text, (kind, name) in parted.items() if kind == "transaction"}
    return {**owners, **persons, **moved}


def _cash(session: Session, midnight: datetime, limit: int) -> list[Done]:
    """Cash that the bank's people took in or paid out for somebody else."""
    staff = select(col(User.id)).where(col(User.role) != Role.CUSTOMER.value)
    owner = User.__table__.alias("owner")  # type: ignore[attr-defined]
    rows = session.execute(
        select(
            TRANSACTIONS.c.id, TRANSACTIONS.c.created_at, TRANSACTIONS.c.type, TRANSACTIONS.c.amount,
            TRANSACTIONS.c.currency, TRANSACTIONS.c.description, col(User.name).label("who"),
            owner.c.name.label("person"),
        )
        .join(User, col(User.id) == TRANSACTIONS.c.actor_id)
        .join(POSTINGS, POSTINGS.c.transaction_id == TRANSACTIONS.c.id)
        .join(ACCOUNTS, ACCOUNTS.c.id == POSTINGS.c.account_id)
        .join(owner, owner.c.id == ACCOUNTS.c.owner_id)
        .where(
            TRANSACTIONS.c.actor_id.in_(staff),
            TRANSACTIONS.c.id >= earliest_id(midnight),
            TRANSACTIONS.c.created_at >= midnight,
            TRANSACTIONS.c.type.in_([TransactionType.DEPOSIT.value, TransactionType.WITHDRAW.value]),
            ACCOUNTS.c.owner_id != TRANSACTIONS.c.actor_id,
        )
        .order_by(TRANSACTIONS.c.id.desc())
        .limit(limit)
    )  # fmt: skip
    return [
        Done(
            id=row.id,
            at=row.created_at,
            who=row.who,
            action=f"cash.{row.type}",
            about=row.person,
            reason=row.description or "",
            changes={},
            amount_minor=row.amount,
            currency=row.currency,
        )
        for row in rows
    ]
