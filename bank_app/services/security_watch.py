"""Reading the security events: the list, for auditors and admins, and what in it should make somebody look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session
from sqlmodel import col

from bank_app import clock
from bank_app.columns import total
from bank_app.domain.accounting import Role
from bank_app.domain.identifiers import earliest_id
from bank_app.models import Look, SecurityRecord, User
from bank_app.services import audit_trail, looks
from bank_app.services.auth import Actor
from bank_app.services.lists import Page, make_cursor, split_id
from bank_app.services.security_events import CODE_WANTED, Event

# A unit of work ends after the moments that it wrote down: what is younger may still be joined by something older.
_SETTLED = timedelta(seconds=20)
_WINDOW = timedelta(hours=1)
_MOST = 50
# From how many on it is no accident: emails tried from one network, networks that try one person, things that one
# colleague looked at one by one, rows of lists that one colleague read, refusals of one colleague.
SPRAYED, NETWORKS, LOOKED_AT, ROWS, REFUSED = 10, 5, 60, 5_000, 5


class Kind(StrEnum):
    """What an alarm is about."""

    SPRAYING = "spraying"
    MANY_NETWORKS = "many_networks"
    BULK_READS = "bulk_reads"
    STAFF_REFUSED = "staff_refused"


@dataclass(frozen=True, slots=True)
class Alarm:
    """What happened too often within the last hour: whom or where it concerns, and how often."""

    kind: Kind
    about: str
    count: int


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events are meant."""

    event: Event | None = None
    person_id: UUID | None = None
    address: str | None = None
    since: datetime | None = None
    until: datetime | None = None


EVERYTHING = EventFilter()


@dataclass(frozen=True, slots=True)
class EventView:
    """One event. The email is what it makes with the bank's key; `happened` counts what was too much to record."""

    id: UUID
    at: datetime
    event: str
    reason: str
    factor: str | None
    door: str | None
    person_id: UUID | None
    role: Role | None
    email: str | None
    address: str | None
    network: str | None
    request_id: str | None
    object: str | None
    happened: int
    facts: Mapping[str, Any] = field(default_factory=dict)


def list_events(
    session: Session, actor: Actor, *, filters: EventFilter = EVERYTHING, limit: int = 50, cursor: str | None = None
) -> Page[EventView]:
    """The events, newest first, for those who may read the trail with a program.

    Raises:
        Forbidden: neither an auditor nor an admin.
        Invalid: the cursor is not one of this list.
    """
    audit_trail.must_be_auditor(actor)
    query = _narrowed(filters).order_by(col(SecurityRecord.id).desc()).limit(limit + 1)
    if cursor:
        query = query.where(col(SecurityRecord.id) < split_id(cursor))
    found = [_view(row) for row in session.execute(query).scalars()]
    looks.at_list(session, actor, "security events", min(len(found), limit), filters, further=cursor)
    more = len(found) > limit
    return Page(found[:limit], make_cursor(found[limit - 1].id.hex) if more else None)


def following(
    session: Session, actor: Actor, *, after: str, filters: EventFilter = EVERYTHING, limit: int = 50
) -> tuple[list[EventView], str]:
    """The events after a cursor, oldest first, and where to go on; `0` begins with the first.

    They come twenty seconds late, so that none that was written meanwhile is missed.

    Raises:
        Forbidden, Invalid: as `list_events`.
    """
    audit_trail.must_be_auditor(actor)
    query = _narrowed(filters).where(col(SecurityRecord.id) < earliest_id(clock.now() - _SETTLED))
    if after != "0":
        query = query.where(col(SecurityRecord.id) > split_id(after))
    found = [_view(row) for row in session.execute(query.order_by(col(SecurityRecord.id)).limit(limit)).scalars()]
    looks.at_list(session, actor, "security events", len(found), filters, further=after)
    return found, make_cursor(found[-1].id.hex) if found else after


def alarms(session: Session) -> list[Alarm]:
    """What of the last hour should make somebody look, the most frequent first. It names ids and networks only."""
    since = clock.now() - _WINDOW
    failed = (
        col(SecurityRecord.id) >= earliest_id(since),
        col(SecurityRecord.created_at) >= since,
        col(SecurityRecord.event) == Event.SIGN_IN_FAILED.value,
        col(SecurityRecord.reason) != CODE_WANTED,
    )
    lately = (col(Look.created_at) >= since,)
    emails = func.count(col(SecurityRecord.email_digest).distinct())
    networks = func.count(col(SecurityRecord.network).distinct())
    refused = (
        col(SecurityRecord.id) >= earliest_id(since),
        col(SecurityRecord.created_at) >= since,
        col(SecurityRecord.event) == Event.NOT_ALLOWED.value,
        col(SecurityRecord.role).in_([role.value for role in Role if role.sees_every_account]),
    )
    asked: tuple[tuple[Kind, Any, Any, tuple[Any, ...], int], ...] = (
        (Kind.SPRAYING, col(SecurityRecord.network), emails, failed, SPRAYED),
        (Kind.MANY_NETWORKS, col(SecurityRecord.person_id), networks, failed, NETWORKS),
        (Kind.STAFF_REFUSED, col(SecurityRecord.person_id), func.count(), refused, REFUSED),
        (Kind.BULK_READS, col(Look.actor_id), func.count(), (*lately, col(Look.person_id).is_not(None)), LOOKED_AT),
        (Kind.BULK_READS, col(Look.actor_id), total(col(Look.shown)), (*lately, col(Look.person_id).is_(None)), ROWS),
    )
    found: list[Alarm] = []
    for kind, about, count, conditions, from_ in asked:
        query = select(about.label("about"), count.label("times")).where(about.is_not(None), *conditions)
        rows = session.execute(query.group_by(about)).all()
        found += [Alarm(kind, str(row.about), int(row.times)) for row in rows if row.times >= from_]
    return sorted(found, key=lambda alarm: -alarm.count)[:_MOST]


def alarms_for(session: Session, actor: Actor) -> list[tuple[Alarm, str]]:
    """The alarms with the names of the people that they are about; empty for a network.

    Raises:
        Forbidden: neither an auditor nor an admin.
    """
    audit_trail.must_be_auditor(actor)
    found = alarms(session)
    ids = [UUID(alarm.about) for alarm in found if alarm.kind is not Kind.SPRAYING]
    rows = session.execute(select(col(User.id), col(User.name)).where(col(User.id).in_(ids)))
    named = {str(row.id): row.name for row in rows}
    return [(alarm, named.get(alarm.about, "")) for alarm in found]


def _narrowed(filters: EventFilter) -> Any:
    query = select(SecurityRecord)
    if filters.event:
        query = query.where(col(SecurityRecord.event) == filters.event.value)
    if filters.person_id:
        query = query.where(col(SecurityRecord.person_id) == filters.person_id)
    if filters.address:
        query = query.where(col(SecurityRecord.address) == filters.address)
    if filters.since:
        query = query.where(col(SecurityRecord.created_at) >= filters.since)
    return query.where(col(SecurityRecord.created_at) < filters.until) if filters.until else query


def _view(row: SecurityRecord) -> EventView:
    return EventView(
        id=row.id,
        at=row.created_at,
        event=row.event,
        reason=row.reason,
        factor=row.factor,
        door=row.door,
        person_id=row.person_id,
        role=Role(row.role) if row.role else None,
        email=row.email_digest.hex()[:16] if row.email_digest else None,
        address=row.address,
        network=row.network,
        request_id=row.request_id,
        object=row.object,
        happened=row.happened,
        facts=row.facts,
    )
