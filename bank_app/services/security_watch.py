"""Reading the security events: the list, for auditors and admins, and what in it should make somebody look."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session
from sqlmodel import col

from bank_app import clock, errors
from bank_app.columns import total
from bank_app.database import database_of
from bank_app.domain import csv_file, json_file
from bank_app.domain.accounting import Role
from bank_app.domain.identifiers import earliest_id
from bank_app.models import Look, SecurityRecord, User
from bank_app.services import audit_trail, looks
from bank_app.services.actor import Actor
from bank_app.services.lists import Page, Pages, Text, contains, make_cursor, split_id
from bank_app.services.security_events import CODE_WANTED, GOOD, Event, email_digest

# A unit of work ends after the moments that it wrote down: what is younger may still be joined by something older.
_SETTLED = timedelta(seconds=20)
_WINDOW = timedelta(hours=1)
_MOST = 50
MOST_COUNTED = 10_000
_LIST = "security events"
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
    """What happened too often within the last hour: whom or where it concerns, how often, and since when."""

    kind: Kind
    about: str
    count: int
    since: datetime | None = field(default=None, compare=False)


class Outcome(StrEnum):
    """Whether somebody got what they tried to get."""

    ALLOWED = "allowed"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events are meant.

    `q` is searched in names, emails, objects, reasons, addresses and request ids; a whole email finds also what was
    tried with it.
    """

    event: Event | None = None
    person_id: UUID | None = None
    address: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    network: str | None = None
    outcome: Outcome | None = None
    q: str | None = None


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
    person: str | None = None

    @property
    def outcome(self) -> Outcome:
        """Whether somebody got what they tried to get; a password that was right is asked for a code."""
        fine = self.event in GOOD or self.reason == CODE_WANTED
        return Outcome.ALLOWED if fine else Outcome.REFUSED


def may_read(actor: Actor) -> bool:
    """Whether somebody reads the events and alarms: they say of everybody where they sign in from."""
    return audit_trail.may_use_programs(actor)


def must_be_reader(actor: Actor) -> None:
    """Lets those pass who read the events.

    Raises:
        Forbidden: neither an auditor nor an admin.
    """
    if not may_read(actor):
        raise errors.Forbidden("Only auditors and administrators read the security events.")


def list_events(
    session: Session, actor: Actor, *, filters: EventFilter = EVERYTHING, limit: int = 50, cursor: str | None = None
) -> Page[EventView]:
    """The events, newest first, for those who may read the trail with a program.

    Raises:
        Forbidden: neither an auditor nor an admin.
        Invalid: the cursor is not one of this list.
    """
    must_be_reader(actor)
    query = _narrowed(session, filters).order_by(col(SecurityRecord.id).desc()).limit(limit + 1)
    if cursor:
        query = query.where(col(SecurityRecord.id) < split_id(cursor))
    found = _views(session, query)
    looks.at_list(session, actor, _LIST, min(len(found), limit), filters, further=cursor)
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
    must_be_reader(actor)
    query = _narrowed(session, filters).where(col(SecurityRecord.id) < earliest_id(clock.now() - _SETTLED))
    if after != "0":
        query = query.where(col(SecurityRecord.id) > split_id(after))
    found = _views(session, query.order_by(col(SecurityRecord.id)).limit(limit))
    looks.at_list(session, actor, _LIST, len(found), filters, further=after)
    return found, make_cursor(found[-1].id.hex) if found else after


def count(session: Session, actor: Actor, filters: EventFilter) -> int:
    """How many events there are, counted up to `MOST_COUNTED` and one more.

    Raises:
        Forbidden: neither an auditor nor an admin.
    """
    must_be_reader(actor)
    ids = _narrowed(session, filters).with_only_columns(col(SecurityRecord.id)).limit(MOST_COUNTED + 1).subquery()
    return session.execute(select(func.count()).select_from(ids)).scalar() or 0


def get_event(session: Session, actor: Actor, event_id: UUID) -> EventView:
    """One event.

    Raises:
        Forbidden: neither an auditor nor an admin.
        NotFound: there is none, or none any more.
    """
    must_be_reader(actor)
    found = _views(session, _ROWS.where(col(SecurityRecord.id) == event_id))
    if not found:
        raise errors.NotFound("There is no security event with this id; old ones are deleted.")
    looks.at_list(session, actor, _LIST, 1, id=event_id)
    return found[0]


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
    first, first_look = func.min(col(SecurityRecord.created_at)), func.min(col(Look.created_at))
    emails = func.count(col(SecurityRecord.email_digest).distinct())
    networks = func.count(col(SecurityRecord.network).distinct())
    refused = (
        col(SecurityRecord.id) >= earliest_id(since),
        col(SecurityRecord.created_at) >= since,
        col(SecurityRecord.event) == Event.NOT_ALLOWED.value,
        col(SecurityRecord.role).in_([role.value for role in Role if role.sees_every_account]),
    )
    one, every = (*lately, col(Look.person_id).is_not(None)), (*lately, col(Look.person_id).is_(None))
    asked: tuple[tuple[Kind, Any, Any, Any, tuple[Any, ...], int], ...] = (
        (Kind.SPRAYING, col(SecurityRecord.network), emails, first, failed, SPRAYED),
        (Kind.MANY_NETWORKS, col(SecurityRecord.person_id), networks, first, failed, NETWORKS),
        (Kind.STAFF_REFUSED, col(SecurityRecord.person_id), func.count(), first, refused, REFUSED),
        (Kind.BULK_READS, col(Look.actor_id), func.count(), first_look, one, LOOKED_AT),
        (Kind.BULK_READS, col(Look.actor_id), total(col(Look.shown)), first_look, every, ROWS),
    )
    found: list[Alarm] = []
    for kind, about, count_, began, conditions, from_ in asked:
        query = select(about.label("about"), count_.label("times"), began.label("began"))
        rows = session.execute(query.where(about.is_not(None), *conditions).group_by(about)).all()
        found += [Alarm(kind, str(row.about), int(row.times), row.began) for row in rows if row.times >= from_]
    return sorted(found, key=lambda alarm: -alarm.count)[:_MOST]


def alarms_for(session: Session, actor: Actor) -> list[tuple[Alarm, str]]:
    """The alarms with the names of the people that they are about; empty for a network.

    Raises:
        Forbidden: neither an auditor nor an admin.
    """
    must_be_reader(actor)
    found = alarms(session)
    ids = [UUID(alarm.about) for alarm in found if alarm.kind is not Kind.SPRAYING]
    rows = session.execute(select(col(User.id), col(User.name)).where(col(User.id).in_(ids)))
    named = {str(row.id): row.name for row in rows}
    return [(alarm, named.get(alarm.about, "")) for alarm in found]


# --- files ------------------------------------------------------------------------------------------------

CSV_COLUMNS = (
    "id", "created_at", "event", "outcome", "reason", "factor", "door", "person", "person_id", "role", "email",
    "address", "network", "object", "request_id", "happened", "facts",
)  # fmt: skip


def events_csv(events: Pages[EventView]) -> Text:
    """Events as a CSV file."""
    return Text(csv_file.pieces(CSV_COLUMNS, (map(_row, page) for page in events)), events)


def events_json(events: Pages[EventView]) -> Text:
    """Events as a JSON document."""
    return Text(json_file.pieces({}, "events", (list(map(document, page)) for page in events), indent=2), events)


def document(view: EventView) -> dict[str, Any]:
    """An event as a file has it."""
    told = {name: getattr(view, name) for name in CSV_COLUMNS if name != "created_at"}
    told |= {"created_at": clock.to_text(view.at), "facts": dict(view.facts)}
    return {name: str(value) if isinstance(value := told[name], UUID | StrEnum) else value for name in CSV_COLUMNS}


def _row(view: EventView) -> Sequence[csv_file.Cell]:
    told = document(view)
    return [*[told[name] for name in CSV_COLUMNS[:-1]], json.dumps(told["facts"], ensure_ascii=False)]


# --- rows -------------------------------------------------------------------------------------------------

_ROWS: Any = select(SecurityRecord, col(User.name).label("person")).outerjoin(
    User, col(User.id) == col(SecurityRecord.person_id)
)


def _narrowed(session: Session, filters: EventFilter) -> Any:
    query = _ROWS
    if filters.event:
        query = query.where(col(SecurityRecord.event) == filters.event.value)
    if filters.person_id:
        query = query.where(col(SecurityRecord.person_id) == filters.person_id)
    if filters.address:
        query = query.where(col(SecurityRecord.address) == filters.address)
    if filters.network:
        query = query.where(col(SecurityRecord.network) == filters.network)
    if filters.outcome:
        fine = or_(
            col(SecurityRecord.event).in_(sorted(event.value for event in GOOD)),
            col(SecurityRecord.reason) == CODE_WANTED,
        )
        query = query.where(fine if filters.outcome is Outcome.ALLOWED else ~fine)
    if filters.q:
        query = query.where(or_(*_searched(session, filters.q)))
    if filters.since:
        # The id begins with the moment, and has an index; it is made before the moment that is written down.
        early = earliest_id(filters.since - _SETTLED)
        query = query.where(and_(col(SecurityRecord.id) >= early, col(SecurityRecord.created_at) >= filters.since))
    return query.where(col(SecurityRecord.created_at) < filters.until) if filters.until else query


def _searched(session: Session, text: str) -> list[Any]:
    places = (
        col(User.name), col(User.email), col(SecurityRecord.object), col(SecurityRecord.reason),
        col(SecurityRecord.address), col(SecurityRecord.request_id),
    )  # fmt: skip
    found = [contains(place, text) for place in places]
    if "@" in text:
        found.append(col(SecurityRecord.email_digest) == email_digest(database_of(session).settings, text))
    return found


def _views(session: Session, query: Any) -> list[EventView]:
    return [_view(row, person) for row, person in session.execute(query)]


def _view(row: SecurityRecord, person: str | None) -> EventView:
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
        person=person,
    )
