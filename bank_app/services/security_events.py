"""What is written down of coming in, of being refused and of taking files away: `security_event`, for every door.

The words are those of OWASP's logging vocabulary, so that a program that collects them for many banks knows them. What
people did is in the audit trail besides, where it belongs to what they are accountable for.
"""

from __future__ import annotations

import contextlib
import hmac
import ipaddress
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from functools import partial
from typing import Any

import structlog
from cachetools import TTLCache
from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session
from sqlmodel import col

from bank_app import clock
from bank_app.database import Database, afterwards, database_of
from bank_app.domain.identifiers import earliest_id, new_id
from bank_app.errors import BankError
from bank_app.models import Look, SecurityRecord
from bank_app.services import audit
from bank_app.services.actor import Person
from bank_app.settings import Settings

log = structlog.get_logger("bank_app.security")
ATTEMPTED, NOT_RECORDED, TAKEN = "access.refused", "security.not_recorded", "file.read"
# The password was right, and the second step has not been asked for yet.
CODE_WANTED = "code_wanted"
_SECONDS = 60
_LONGEST_OBJECT, _LONGEST_REASON, _LONGEST_IN_TRAIL = 100, 40, 64
# One of the bank's people may use so many times of what a customer may.
_COLLEAGUE = 10
_FORGOTTEN_AT_ONCE = 1000


class Event(StrEnum):
    """What happened, in the words of OWASP's logging vocabulary."""

    SIGNED_IN = "authn_login_success"
    SIGNED_IN_AFTER_FAILING = "authn_login_successafterfail"
    SIGN_IN_FAILED = "authn_login_fail"
    FAILED_TOO_OFTEN = "authn_login_fail_max"
    LOCKED_OUT = "authn_login_lock"
    SIGNED_OUT = "authn_token_revoked"
    TOKEN_REUSED = "authn_token_reuse"  # noqa: S105 - an event
    PASSWORD_CHANGED = "authn_password_change"  # noqa: S105
    PASSWORD_NOT_CHANGED = "authn_password_change_fail"  # noqa: S105
    RENEWED = "session_renewed"
    ENDED_SESSION_USED = "session_use_after_expire"
    NOT_ALLOWED = "authz_fail"
    NOT_THEIRS = "malicious_direct_reference"
    OTHER_SITE = "malicious_cors"
    TOO_MUCH = "excess_rate_limit_exceeded"
    TAKEN_AWAY = "sensitive_read"
    USER_MADE = "user_created"
    USER_CHANGED = "user_updated"


GOOD = frozenset(
    {
        Event.SIGNED_IN, Event.SIGNED_IN_AFTER_FAILING, Event.SIGNED_OUT, Event.PASSWORD_CHANGED, Event.RENEWED,
        Event.TAKEN_AWAY, Event.USER_MADE, Event.USER_CHANGED,
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Entry:
    """An event as it is kept. `trail` is its action in the audit trail, if it belongs there."""

    event: Event
    reason: str
    factor: str | None
    person: Person | None
    # Whether that person did it; a guess at a password is about somebody and by a stranger.
    by_person: bool
    email: str | None
    thing: str | None
    facts: Mapping[str, Any]
    source: audit.Source
    trail: str = ""
    happened: int = 1

    @property
    def audience(self) -> str:
        if self.person is None or not self.by_person:
            return "strangers"
        return "staff" if self.person.is_staff else "customers"


def later(db: Database, event: Event, **about: Any) -> Callable[[], None] | None:
    """What writes an event down, for a thread that nobody waits for; None when it is only counted.

    Whoever causes thousands of them has no thread busy with them.
    """
    entry = _entry(event, **about)
    return partial(_write_alone, entry, db) if _of(db).take(entry) else None


def security_event(where: Session | Database, event: Event, **about: Any) -> bool:
    """Writes an event down and says it in the log; False when the budget of a minute is used up and it is counted.

    In a session it belongs to that unit of work and is written with it. Given the database it is one by itself, and
    whoever waits for the answer is answered even if it cannot be written: then the log alone has it.

    Args:
        where: A unit of work, or the database.
        event: What happened.
        **about: What is known of it, see `_entry`.
    """
    entry = _entry(event, **about)
    db = database_of(where) if isinstance(where, Session) else where
    if not _of(db).take(entry):
        return False
    if isinstance(where, Session):
        _write(where, entry)
        afterwards(where, partial(_say, entry))
    else:
        _write_alone(entry, db)
    return True


def _entry(
    event: Event,
    *,
    reason: str = "",
    factor: str | None = None,
    person: Person | None = None,
    by_person: bool = True,
    email: str | None = None,
    thing: str | None = None,
    facts: Mapping[str, Any] | None = None,
    address: str | None = None,
    trail: str = "",
) -> _Entry:
    """An event with what is known of it.

    Args:
        event: What happened.
        reason: Why, in one word for programs.
        factor: What somebody showed: password, code, recovery_code, link, token.
        person: Whom it concerns, if anybody is known.
        by_person: Whether that person did it, and not somebody who tries to be them.
        email: What was typed; kept as a digest with the bank's key.
        thing: What it was about: `account 1234567889`, a route, a file.
        facts: What else helps; never a secret.
        address: Where it came from, if it is not the request that is worked on here.
        trail: The action under which it goes into the audit trail as well.
    """
    source = audit.source()
    return _Entry(
        event=event,
        reason=reason[:_LONGEST_REASON],
        factor=factor,
        person=person,
        by_person=by_person,
        email=email,
        thing=(thing or "")[:_LONGEST_OBJECT] or None,
        facts=dict(facts or {}),
        source=source if address is None else replace(source, address=address[:45] or None),
        trail=trail,
    )


def not_allowed(db: Database, person: Person, attempted: str) -> bool:
    """Writes down what somebody's role does not allow, such as `POST /api/v1/audit/verify`; False when only counted."""
    return security_event(db, Event.NOT_ALLOWED, reason="role", person=person, thing=attempted, trail=ATTEMPTED)


def taken_away(db: Database, person: Person, name: str, facts: Mapping[str, Any]) -> None:
    """Writes down that somebody took a file away; of the bank's people in the audit trail, too."""
    trail = TAKEN if person.is_staff else ""
    security_event(db, Event.TAKEN_AWAY, person=person, thing=f"file {name}", facts=facts, trail=trail)


def noted(session: Session, event: Event, **about: Any) -> None:
    """As `security_event`, once a read has ended, also if it is refused: what only reads can write nothing."""
    afterwards(session, lambda db: bool(security_event(db, event, **about)), when_refused=True)


def settle(db: Database) -> None:
    """Records how much more there was than could be written down, as soon as the minute is over."""
    _of(db).settle(db)


def forget_old(db: Database) -> int:
    """Deletes events and looks that are older than the bank keeps them, and says how many."""
    gone, before = 0, clock.now() - timedelta(days=db.settings.security_days)
    while True:
        done = db.unit_of_work(lambda session: _forget_some(session, before))
        gone += done
        if done < _FORGOTTEN_AT_ONCE:
            return gone


def network_of(address: str | None) -> str | None:
    """The network that an address is counted in: the /24 of IPv4, the /48 of IPv6."""
    try:
        found = ipaddress.ip_address((address or "").partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(found, "ipv4_mapped", None)
    found = mapped or found
    return str(ipaddress.ip_network((found, 24 if found.version == 4 else 48), strict=False))


def email_digest(settings: Settings, email: str) -> bytes:
    """What is kept of an email that somebody typed: the same for the same email, and no list of emails undoes it."""
    text = " ".join(email.split()).lower()
    return hmac.digest(settings.lasting_key.encode(), b"bank_app email of an event " + text.encode(), "sha256")


# --- writing --------------------------------------------------------------------------------------------


def _write(session: Session, entry: _Entry) -> None:
    settings, person, source = database_of(session).settings, entry.person, entry.source
    session.execute(
        insert(SecurityRecord).values(
            id=new_id(),
            created_at=clock.now(),
            event=entry.event.value,
            reason=entry.reason,
            factor=entry.factor,
            door=source.door,
            person_id=person.id if person else None,
            role=person.role.value if person else None,
            email_digest=email_digest(settings, entry.email) if entry.email else None,
            address=source.address,
            network=network_of(source.address),
            request_id=source.request_id,
            object=entry.thing,
            facts=entry.facts,
            happened=entry.happened,
        )
    )
    if entry.trail:
        audit.record(
            session,
            actor_id=person.id if person and entry.by_person else None,
            action=entry.trail,
            object=(entry.thing or entry.event.value)[:_LONGEST_IN_TRAIL],
            changes={name: [None, value] for name, value in entry.facts.items()},
            whence=source,
        )


def _write_alone(entry: _Entry, db: Database) -> None:
    """The log has it first: whoever is answered is so, too, while nothing can be written."""
    _say(entry, db)
    with contextlib.suppress(BankError):
        db.unit_of_work(partial(_write, entry=entry))
    _of(db).settle(db)


def _say(entry: _Entry, db: Database) -> None:
    """One line, with nobody's name and nothing that somebody typed but its digest."""
    source, person = entry.source, entry.person
    known = {
        "type": entry.event.value,
        "reason": entry.reason or None,
        "factor": entry.factor,
        "door": source.door,
        "person": str(person.id) if person else None,
        "role": person.role.value if person else None,
        "email": email_digest(db.settings, entry.email).hex()[:16] if entry.email else None,
        "address": source.address,
        "object": entry.thing,
        "request_id": source.request_id,
        "happened": entry.happened if entry.happened > 1 else None,
    }
    line = {name: value for name, value in known.items() if value is not None}
    (log.info if entry.event in GOOD or entry.reason == CODE_WANTED else log.warning)("security", **line)


def _forget_some(session: Session, before: Any) -> int:
    old = list(
        session.execute(
            select(col(SecurityRecord.id))
            .where(col(SecurityRecord.id) < earliest_id(before), col(SecurityRecord.created_at) < before)
            .limit(_FORGOTTEN_AT_ONCE)
        ).scalars()
    )
    if old:
        session.execute(delete(SecurityRecord).where(col(SecurityRecord.id).in_(old)))
    looks = session.execute(
        select(col(Look.actor_id), col(Look.subject), col(Look.quarter))
        .where(col(Look.created_at) < before)
        .limit(_FORGOTTEN_AT_ONCE)
    ).all()
    for look in looks:
        session.execute(
            delete(Look).where(
                col(Look.actor_id) == look.actor_id,
                col(Look.subject) == look.subject,
                col(Look.quarter) == look.quarter,
            )
        )
    return max(len(old), len(looks))


# --- how much -------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Minute:
    """What one audience has used of its budget, and what came after it was used up."""

    ends: float = 0.0
    used: int = 0
    more: int = 0
    who: set[str] = field(default_factory=set)
    trail: bool = False


class _Budgets:
    """How many events a minute are written down: of staff, of customers and of strangers, each for themselves."""

    def __init__(self, settings: Settings, seconds: Callable[[], float] = time.monotonic) -> None:
        self._most = {
            "staff": settings.security_events_staff,
            "customers": settings.security_events_customers,
            "strangers": settings.security_events_strangers,
        }
        self._each, self._seconds = settings.security_events_each, seconds
        self._counting = threading.Lock()
        self._now: dict[str, _Minute] = {name: _Minute() for name in self._most}
        self._untold: list[tuple[str, _Minute]] = []
        self._by: TTLCache[str, int] = TTLCache(maxsize=50_000, ttl=_SECONDS, timer=seconds)

    def take(self, entry: _Entry) -> bool:
        """Whether this one is written down; otherwise it is counted."""
        audience = entry.audience
        who = str(entry.person.id) if entry.person and entry.by_person else entry.source.address or ""
        each = self._each * (_COLLEAGUE if audience == "staff" else 1)
        with self._counting:
            self._turn(audience)
            minute, own = self._now[audience], self._by.get(who, 0)
            if minute.used < self._most[audience] and own < each:
                minute.used += 1
                self._by[who] = own + 1
                return True
            minute.more += 1
            minute.trail |= bool(entry.trail)
            if len(minute.who) < self._most[audience]:
                minute.who.add(who)
            return False

    def _turn(self, audience: str) -> None:
        minute = self._now[audience]
        if self._seconds() >= minute.ends:
            if minute.more:
                self._untold.append((audience, minute))
            self._now[audience] = _Minute(self._seconds() + _SECONDS)

    def settle(self, db: Database) -> None:
        """Tells of the minutes that are over and had more than could be written down."""
        with self._counting:
            for audience in self._most:
                self._turn(audience)
            told, self._untold = self._untold, []
        for audience, minute in told:
            self._tell(db, audience, minute)

    @staticmethod
    def _tell(db: Database, audience: str, minute: _Minute) -> None:
        thing = f"{minute.more:,} more from {len(minute.who):,} {'people' if audience != 'strangers' else 'addresses'}"
        entry = _Entry(
            event=Event.TOO_MUCH,
            reason="not_recorded",
            factor=None,
            person=None,
            by_person=False,
            email=None,
            thing=thing,
            facts={"of": audience, "who": len(minute.who)},
            source=audit.Source(),
            trail=NOT_RECORDED if minute.trail else "",
            happened=minute.more,
        )
        _say(entry, db)
        with contextlib.suppress(BankError):
            db.unit_of_work(partial(_write, entry=entry))


_made: weakref.WeakKeyDictionary[Database, _Budgets] = weakref.WeakKeyDictionary()
_making = threading.Lock()


def _of(db: Database) -> _Budgets:
    with _making:
        return _made.setdefault(db, _Budgets(db.settings))
