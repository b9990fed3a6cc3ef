"""What the bank's people look at is written down by the services that show it, so no page and no route can forget it.

Once in a quarter of an hour for each thing and each colleague: whoever leaves a page open looks, but not anew each
second. What is shown to its owner is nobody's look. A look that cannot be written down goes on and stands in the log;
it is written with the next.
"""

from __future__ import annotations

import hashlib
import threading
import weakref
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any
from uuid import UUID

import structlog
from cachetools import TTLCache
from sqlalchemy import insert, select
from sqlalchemy.orm import Session
from sqlmodel import col

from bank_app import clock
from bank_app.database import Database, afterwards, database_of
from bank_app.domain.accounting import Role
from bank_app.domain.identifiers import account_number_text
from bank_app.errors import BankError
from bank_app.models import Look
from bank_app.services import audit
from bank_app.services.actor import Actor
from bank_app.services.security_events import Event, noted

log = structlog.get_logger("bank_app.security")
AT_ONE, AT_LIST = "customer.read", "list.read"
QUARTER = timedelta(minutes=15)
_LONGEST_VALUE = 100


def _quarter() -> datetime:
    now = clock.now()
    return now - (now - datetime.min.replace(tzinfo=now.tzinfo)) % QUARTER


@dataclass(frozen=True, slots=True)
class _Seen:
    """One look, ready to be written down after what was shown was read."""

    actor: Actor
    action: str
    subject: str
    object: str
    owners: tuple[UUID, ...]
    shown: int
    facts: Mapping[str, Any]
    quarter: datetime = field(default_factory=_quarter)
    source: audit.Source = field(default_factory=audit.source)

    @property
    def key(self) -> tuple[UUID, str, datetime]:
        return self.actor.user_id, self.subject, self.quarter


@dataclass(frozen=True, slots=True)
class LookView:
    """That one of the bank's people looked, as the person it was about reads it: what they are, not who."""

    at: datetime
    role: Role
    what: str


def at(session: Session, actor: Actor, thing: str, *owners: UUID | None) -> None:
    """Notes that `thing` (`account 1234567889`) is shown to the actor, whose it is not.

    Args:
        session: What it was read in; it is written down after that has ended.
        actor: Who sees it.
        thing: What is shown.
        *owners: Whose it is; the bank's own has none.
    """
    if not actor.role.sees_every_account or actor.user_id in owners:
        return
    known = tuple(dict.fromkeys(owner for owner in owners if owner))
    _note(session, _Seen(actor, AT_ONE, thing, thing, known, 1, {}))


def not_theirs(session: Session, actor: Actor, thing: str) -> None:
    """Notes that somebody asked for what is somebody else's, which is answered like what does not exist."""
    noted(session, Event.NOT_THEIRS, reason="not_theirs", person=actor.person, thing=thing)


def at_account(session: Session, actor: Actor, account_id: int, owner_id: UUID | None) -> None:
    """As `at`, of an account."""
    at(session, actor, f"account {account_number_text(account_id)}", owner_id)


def at_person(session: Session, actor: Actor, user_id: UUID) -> None:
    """As `at`, of a person's record."""
    at(session, actor, f"user {user_id}", user_id)


def at_list(
    where: Session | Database,
    actor: Actor,
    name: str,
    shown: int,
    filters: object = None,
    *,
    further: object = None,
    **more: object,
) -> None:
    """Notes that a list of what is everybody's is shown to the actor: which, narrowed by what, and how many rows.

    Each page that follows is counted with the ones before; the record is made again whenever they have doubled.

    Args:
        where: What it was read in, or the database when that has ended.
        actor: Who sees it.
        name: Which list.
        shown: How many rows.
        filters: What it was narrowed by.
        further: The cursor of a page that is not the first.
        **more: What else it was narrowed by.
    """
    if not actor.role.sees_every_account or (further and not shown):
        return
    db = database_of(where) if isinstance(where, Session) else where
    facts = _told(filters) | _told(more)
    narrowed = hashlib.sha256(repr(sorted(facts.items())).encode()).hexdigest()[:12]
    rows, doubled = shown, 0
    if further:
        rows, doubled = _of(db).rows(actor.user_id, f"{name} {narrowed}", shown)
    _note(where, _Seen(actor, AT_LIST, f"list {name} {narrowed} {doubled}", f"list {name}", (), rows, facts))


def beside_a_record(session: Session, actor: Actor, user_id: UUID) -> None:
    """Has a look found by whom it was about that its own unit of work writes into the audit trail."""
    seen = _Seen(actor, AT_ONE, f"user {user_id}", "", (user_id,), 1, {})
    if user_id != actor.user_id and not _is_there(session, seen):
        _insert(session, seen)


def own(session: Session, actor: Actor, limit: int = 20) -> list[LookView]:
    """Who of the bank's people looked at the actor, newest first: as what and at what, and not by name."""
    rows = session.execute(
        select(col(Look.created_at), col(Look.role), col(Look.subject))
        .where(col(Look.person_id) == actor.user_id)
        .order_by(col(Look.created_at).desc())
        .limit(limit)
    )
    return [LookView(row.created_at, Role(row.role), " ".join(row.subject.split()[:2])) for row in rows]


# --- writing --------------------------------------------------------------------------------------------


def _note(where: Session | Database, seen: _Seen) -> None:
    db = database_of(where) if isinstance(where, Session) else where
    if _of(db).knows(seen.key):
        return
    if isinstance(where, Session):
        # What was done to it is in the trail already, and nobody does it without looking.
        done = where.info
        afterwards(where, lambda ended: None if seen.object in audit.done_to(done) else _write(ended, seen))
    else:
        _write(db, seen)


def _write(db: Database, seen: _Seen) -> None:
    """Of two who write the same at once the key lets one, and the other begins again and finds it written."""
    if _of(db).knows(seen.key):
        return
    try:
        db.unit_of_work(lambda session: _append(session, seen))
    except BankError as error:
        log.warning("look", written=error.code, actor=str(seen.actor.user_id), object=seen.object)
    else:
        _of(db).learn(seen.key)


def _append(session: Session, seen: _Seen) -> None:
    if _is_there(session, seen):
        return
    _insert(session, seen)
    whose: dict[str, Any] = {"of": [None, [f"user {owner}" for owner in seen.owners]]} if seen.owners else {}
    if seen.action == AT_LIST:
        whose = {"rows": [None, seen.shown]}
    audit.record(
        session,
        actor_id=seen.actor.user_id,
        action=seen.action,
        object=seen.object,
        changes={**whose, **{name: [None, value] for name, value in seen.facts.items()}},
        whence=seen.source,
    )


def _is_there(session: Session, seen: _Seen) -> bool:
    mine = (col(Look.actor_id) == seen.actor.user_id, col(Look.quarter) == seen.quarter)
    found = select(col(Look.subject)).where(*mine, col(Look.subject) == seen.subject)
    return session.execute(found).first() is not None


def _insert(session: Session, seen: _Seen) -> None:
    now = clock.now()
    for place, owner in enumerate(seen.owners or (None,)):
        session.execute(
            insert(Look).values(
                actor_id=seen.actor.user_id,
                # The first has the key that is asked for.
                subject=f"{seen.subject} {place + 1}" if place else seen.subject,
                quarter=seen.quarter,
                role=seen.actor.role.value,
                person_id=owner,
                shown=seen.shown,
                created_at=now,
            )
        )


def _told(filters: object) -> dict[str, Any]:
    """What a list was narrowed by, in words that JSON has; what narrows nothing is left out."""
    if is_dataclass(filters):
        filters = {one.name: getattr(filters, one.name) for one in fields(filters)}
    named = filters.items() if isinstance(filters, Mapping) else ()
    return {str(name): _plain(value) for name, value in named if value not in (None, "", (), [])}


def _plain(value: object) -> Any:
    if isinstance(value, bool | int):
        return value
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, datetime):
        return clock.to_text(value)
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        return [_plain(one) for one in value]
    return str(value)[:_LONGEST_VALUE]


class _Known:
    """What this process has written down already, so that looking again asks no database."""

    def __init__(self) -> None:
        seconds = QUARTER.total_seconds()
        self._counting = threading.Lock()
        self._written: TTLCache[tuple[UUID, str, datetime], bool] = TTLCache(maxsize=50_000, ttl=seconds)
        self._rows: TTLCache[tuple[UUID, str], int] = TTLCache(maxsize=10_000, ttl=seconds)

    def knows(self, key: tuple[UUID, str, datetime]) -> bool:
        with self._counting:
            return key in self._written

    def learn(self, key: tuple[UUID, str, datetime]) -> None:
        with self._counting:
            self._written[key] = True

    def rows(self, actor_id: UUID, narrowed: str, shown: int) -> tuple[int, int]:
        """How many rows were shown by now, and how often that has doubled."""
        with self._counting:
            rows = self._rows[actor_id, narrowed] = self._rows.get((actor_id, narrowed), 0) + shown
            return rows, rows.bit_length()


_made: weakref.WeakKeyDictionary[Database, _Known] = weakref.WeakKeyDictionary()
_making = threading.Lock()


def _of(db: Database) -> _Known:
    with _making:
        return _made.setdefault(db, _Known())
