"""Reading the audit trail: who did what, in pages and one by one, for the bank's people."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, literal, or_, select, type_coerce
from sqlalchemy import Text as SqlText
from sqlalchemy.orm import Session
from sqlmodel import col

from bank_app import clock, errors
from bank_app.domain import csv_file, json_file, money
from bank_app.domain.accounting import Role
from bank_app.models import Account, AuditRecord, AuditSeal, User
from bank_app.services import looks
from bank_app.services.actor import Actor
from bank_app.services.audit_trail import content
from bank_app.services.lists import Page, Pages, Text, bad_cursor, contains, make_cursor, split_cursor
from bank_app.services.roles import staff_only

MOST_COUNTED = 10_000
_REFUSED = ("sign_in.throttled", "sign_in.refresh_token_reused")
_REFUSED_ENDING = ".refused"
_USER = re.compile(r"user ([0-9a-f-]{36})")
_ACCOUNT = re.compile(r"account ([0-9]{10})", re.ASCII)
# What of the changes is an amount, kept in minor units of the account's currency.
AMOUNTS = frozenset({"overdraft_limit", "transfer_limit", "daily_limit", "balance", "held", "amount"})


class Outcome(StrEnum):
    """What became of what somebody wanted to do."""

    DONE = "done"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class RecordFilter:
    """Which records are meant. `q` is searched in names, emails, objects, reasons, addresses and request ids."""

    q: str | None = None
    action: str | None = None
    actor_id: UUID | None = None
    outcome: Outcome | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class RecordView:
    """One sealed record. The role is the one that its actor has today; `subject` is the name of the object, if any.

    `changes` is what was hashed, with amounts in minor units of `currency`, which only an account has.
    """

    number: int
    hash: str
    sealed_at: datetime
    id: UUID
    created_at: datetime
    actor_id: UUID | None
    actor: str | None
    role: Role | None
    action: str
    object: str
    subject: str | None
    reason: str | None
    address: str | None
    request_id: str | None
    changes: Mapping[str, Any] = field(default_factory=dict)
    currency: str | None = None

    @property
    def changes_told(self) -> dict[str, Any]:
        """What changed, with amounts as the API and files write them: in major units, as text."""
        return {name: self._told(name, value) for name, value in self.changes.items()}

    def _told(self, name: str, value: Any) -> Any:
        if name not in AMOUNTS or self.currency is None:
            return value
        if isinstance(value, list):
            return [self._told(name, one) for one in value]
        return money.to_text(value, self.currency) if type(value) is int else value

    @property
    def outcome(self) -> Outcome:
        """Whether it was done."""
        refused = self.action in _REFUSED or self.action.endswith(_REFUSED_ENDING)
        return Outcome.REFUSED if refused else Outcome.DONE


@dataclass(frozen=True, slots=True)
class Place:
    """A record with its neighbours in the chain, and its content exactly as it was hashed, as JSON."""

    record: RecordView
    previous_hash: str
    next_hash: str | None
    document: str


def list_records(
    session: Session,
    actor: Actor,
    *,
    filters: RecordFilter | None = None,
    limit: int = 25,
    cursor: str | None = None,
) -> Page[RecordView]:
    """The sealed records, newest first. Whoever wants the newest of all seals first.

    Raises:
        Forbidden: a customer.
        Invalid: the cursor is not one of this list.
    """
    staff_only(actor)
    query = _filtered(_ROWS, filters or RecordFilter()).order_by(col(AuditSeal.number).desc()).limit(limit + 1)
    if cursor:
        [number] = split_cursor(cursor, 1)
        if not (number.isascii() and number.isdigit() and len(number) < 19):
            raise bad_cursor()
        query = query.where(col(AuditSeal.number) < int(number))
    found = _views(session, session.execute(query).all())
    more = len(found) > limit
    looks.at_list(session, actor, "audit", min(len(found), limit), filters, further=cursor)
    return Page(found[:limit], make_cursor(str(found[limit - 1].number)) if more else None)


def count(session: Session, actor: Actor, filters: RecordFilter) -> int:
    """How many records there are, counted up to `MOST_COUNTED` and one more.

    Raises:
        Forbidden: a customer.
    """
    staff_only(actor)
    if filters == RecordFilter():
        return session.execute(select(func.max(col(AuditSeal.number)))).scalar() or 0
    some = _filtered(_NUMBERS, filters).limit(MOST_COUNTED + 1).subquery()
    return session.execute(select(func.count()).select_from(some)).scalar() or 0


def get_record(session: Session, actor: Actor, number: int) -> Place:
    """One record with its place in the chain.

    Raises:
        Forbidden: a customer.
        NotFound: no record has this number.
    """
    staff_only(actor)
    row = session.execute(_ROWS.where(col(AuditSeal.number) == number)).first()
    if row is None:
        raise errors.NotFound("There is no record with this number.")
    beside = {
        seal.number: seal.hash.hex()
        for seal in session.execute(
            select(col(AuditSeal.number), col(AuditSeal.hash)).where(
                col(AuditSeal.number).in_((number - 1, number + 1))
            )
        )
    }
    [view] = _views(session, [row])
    looks.at_list(session, actor, "audit", 1, number=number)
    document = json.dumps(
        content(row.number, row.sealed_at, row) | {"changes": view.changes}, indent=2, ensure_ascii=False
    )
    return Place(view, beside.get(number - 1, bytes(32).hex()), beside.get(number + 1), document)


def actions(session: Session, actor: Actor) -> list[str]:
    """Every kind of action that there is a record of.

    Raises:
        Forbidden: a customer.
    """
    staff_only(actor)
    return list(session.execute(select(col(AuditRecord.action)).distinct().order_by(col(AuditRecord.action))).scalars())


# --- files ------------------------------------------------------------------------------------------------

CSV_COLUMNS = (
    "number", "created_at", "actor", "actor_id", "role", "action", "object", "outcome", "reason", "address",
    "request_id", "changes", "hash",
)  # fmt: skip


def records_csv(records: Pages[RecordView]) -> Text:
    """Records as a CSV file."""
    return Text(csv_file.pieces(CSV_COLUMNS, (map(_row, page) for page in records)), records)


def records_json(records: Pages[RecordView]) -> Text:
    """Records as a JSON document."""
    return Text(json_file.pieces({}, "records", (list(map(_plain, page)) for page in records), indent=2), records)


def _row(one: RecordView) -> Sequence[csv_file.Cell]:
    return (
        one.number, clock.to_text(one.created_at), one.actor, _text(one.actor_id), _text(one.role),
        one.action, one.object, one.outcome.value, one.reason, one.address, one.request_id,
        json.dumps(one.changes_told, ensure_ascii=False), one.hash,
    )  # fmt: skip


def _plain(record: RecordView) -> dict[str, Any]:
    return {
        "number": record.number,
        "created_at": clock.to_text(record.created_at),
        "actor": record.actor,
        "actor_id": str(record.actor_id) if record.actor_id else None,
        "role": record.role.value if record.role else None,
        "action": record.action,
        "object": record.object,
        "outcome": record.outcome.value,
        "reason": record.reason,
        "changes": record.changes_told,
        "address": record.address,
        "request_id": record.request_id,
        "hash": record.hash,
    }


def _text(value: object) -> str:
    return str(value) if value else ""


# --- rows -------------------------------------------------------------------------------------------------

_FROM: Select[Any] = (
    select(literal(1))
    .select_from(AuditSeal)
    .join(AuditRecord, col(AuditRecord.id) == col(AuditSeal.record_id))
    .outerjoin(User, col(User.id) == col(AuditRecord.actor_id))
)
_ROWS: Any = _FROM.with_only_columns(
    col(AuditSeal.number),
    col(AuditSeal.hash),
    col(AuditSeal.sealed_at),
    col(AuditRecord.id),
    col(AuditRecord.created_at),
    col(AuditRecord.actor_id),
    col(User.name).label("actor"),
    col(User.role),
    col(AuditRecord.action),
    col(AuditRecord.object),
    col(AuditRecord.reason),
    type_coerce(col(AuditRecord.changes), SqlText).label("changes"),
    col(AuditRecord.address),
    col(AuditRecord.request_id),
)
_NUMBERS: Any = _FROM.with_only_columns(col(AuditSeal.number))


def _filtered(query: Select[Any], filters: RecordFilter) -> Select[Any]:
    refused = or_(col(AuditRecord.action).in_(_REFUSED), col(AuditRecord.action).like(f"%{_REFUSED_ENDING}"))
    wanted: list[Any] = []
    if filters.q:
        searched = (
            col(User.name), col(User.email), col(AuditRecord.object), col(AuditRecord.reason),
            col(AuditRecord.address), col(AuditRecord.request_id),
        )  # fmt: skip
        wanted.append(or_(*[contains(column, filters.q) for column in searched]))
    if filters.action:
        wanted.append(col(AuditRecord.action) == filters.action)
    if filters.actor_id:
        wanted.append(col(AuditRecord.actor_id) == filters.actor_id)
    if filters.outcome:
        wanted.append(refused if filters.outcome is Outcome.REFUSED else ~refused)
    if filters.since:
        wanted.append(col(AuditRecord.created_at) >= filters.since)
    if filters.until:
        wanted.append(col(AuditRecord.created_at) < filters.until)
    return query.where(*wanted)


def _views(session: Session, rows: Sequence[Any]) -> list[RecordView]:
    people, currencies = _people(session, rows), _currencies(session, rows)
    return [
        RecordView(
            number=row.number,
            hash=row.hash.hex(),
            sealed_at=row.sealed_at,
            id=row.id,
            created_at=row.created_at,
            actor_id=row.actor_id,
            actor=row.actor,
            role=Role(row.role) if row.role else None,
            action=row.action,
            object=row.object,
            subject=people.get(row.object),
            reason=row.reason,
            address=row.address,
            request_id=row.request_id,
            changes=_parsed(row.changes),
            currency=currencies.get(row.object),
        )
        for row in rows
    ]


def _people(session: Session, rows: Sequence[Any]) -> dict[str, str]:
    """The names of the people that records are about, by the object's text."""
    meant = {row.object: UUID(found[1]) for row in rows if (found := _USER.fullmatch(row.object))}
    if not meant:
        return {}
    query = select(col(User.id), col(User.name)).where(col(User.id).in_(set(meant.values())))
    names = {row.id: row.name for row in session.execute(query)}
    return {text: names[user_id] for text, user_id in meant.items() if user_id in names}


def _currencies(session: Session, rows: Sequence[Any]) -> dict[str, str]:
    """The currencies of the accounts that records are about, by the object's text."""
    meant = {row.object: int(found[1]) for row in rows if (found := _ACCOUNT.fullmatch(row.object))}
    if not meant:
        return {}
    query = select(col(Account.id), col(Account.currency)).where(col(Account.id).in_(set(meant.values())))
    currencies = {row.id: row.currency for row in session.execute(query)}
    return {text: currencies[number] for text, number in meant.items() if number in currencies}


def _parsed(text: str) -> Mapping[str, Any]:
    """What changed. A record that somebody damaged is still shown; that it is damaged, verifying says."""
    try:
        found = json.loads(text)
    except ValueError:
        return {"unreadable": [None, text[:200]]}
    return found if isinstance(found, dict) else {"unreadable": [None, text[:200]]}
