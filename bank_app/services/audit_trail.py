"""The chain of the audit trail: every record gets a number and a hash over everything before it, and can be verified.

Records are appended without waiting for each other, in the units of work of what they record. A moment later `seal`
gives each its place in one line. Whoever changes a record afterwards, takes one out or puts one in, past all guards of
the database, breaks the chain at that record.

What the chain cannot show by itself: records that were cut off at its end together with their seals, or a chain that
somebody computed anew from an early record on. Against these stands what is remembered elsewhere: each process
remembers the newest seal that it has seen, and the head of every verification is written to the log.
"""

from __future__ import annotations

import logging
import threading
import time
import weakref
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, Text, func, insert, select, type_coerce
from sqlalchemy.orm import Session
from sqlmodel import col

from bank_app import clock, errors
from bank_app.database import Database
from bank_app.domain import chain
from bank_app.domain.accounting import Role
from bank_app.domain.identifiers import earliest_id, made_at
from bank_app.models import AuditRecord, AuditSeal, User
from bank_app.services import audit
from bank_app.services.actor import Actor
from bank_app.services.roles import staff_only

log = logging.getLogger(__name__)
TRAIL = "audit trail"
VERIFIED = "audit.verify"
# A part that holds has a name of its own: however many parts somebody verifies, none stands for the whole.
VERIFIED_PART = "audit.verify_part"
# In one unit of work, so that whoever else seals does not wait for long.
_SEALED_AT_ONCE = 500
_READ_AT_ONCE = 1000
# Longer than any unit of work that appends a record can take; what is older was looked at before.
_LATE = timedelta(minutes=3)
_LOOKED_BACK_AT = timedelta(hours=1)
_COPIED = 100
_LOOKED_BACK = 50
Progress = Callable[[int, int], bool]


@dataclass(frozen=True, slots=True)
class Break:
    """Where the chain does not hold: the record's number, what is wrong, and the two hashes (hexadecimal)."""

    number: int
    what: str
    expected: str
    found: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What verifying records `start` to `end` found. `head` is the hash of the last one that was checked."""

    start: int
    end: int
    checked: int
    milliseconds: int
    at: datetime
    head: str
    broken: Break | None = None

    @property
    def ok(self) -> bool:
        """Whether the chain holds there."""
        return self.broken is None


@dataclass(frozen=True, slots=True)
class KnownVerification:
    """The verification that says how the trail stands, and who made it; nobody when the bank did it by itself."""

    result: Verification
    by: str | None


@dataclass(frozen=True, slots=True)
class Tampering:
    """What was done to one of some copied records, and what the verifier said of the copy."""

    copied: int
    number: int
    before: str
    after: str
    result: Verification


# --- sealing --------------------------------------------------------------------------------------------


def seal(db: Database, *, thoroughly: bool = False) -> int:
    """Gives every record that has no place yet the next number and hash, and returns how many there were.

    Any number of processes may do so at once. `thoroughly` looks at all records instead of those of the last minutes:
    for the first time after nobody has sealed for a while.

    Locks: the last seal, in each of several short units of work.
    """
    since = None if thoroughly else earliest_id(clock.now() - _LATE)
    total = 0
    # Asked without a lock first: mostly there is nothing to do.
    while db.read(lambda session: session.execute(_unsealed(since).limit(1)).first() is not None):
        total += db.unit_of_work(lambda session: _seal_some(session, since))
    return total


def _unsealed(since: UUID | None) -> Select[Any]:
    query = (
        select(*_CONTENT)
        .outerjoin(AuditSeal, col(AuditSeal.record_id) == col(AuditRecord.id))
        .where(col(AuditSeal.record_id).is_(None))
        .order_by(col(AuditRecord.id))
        .limit(_SEALED_AT_ONCE)
    )
    return query if since is None else query.where(col(AuditRecord.id) >= since)


def lag_seconds(db: Database) -> float:
    """For how long the oldest record without a seal has waited for it, as far as an hour; 0 when all are sealed."""
    newest = (
        select(col(AuditSeal.number))
        .select_from(AuditRecord)
        .outerjoin(AuditSeal, col(AuditSeal.record_id) == col(AuditRecord.id))
        .order_by(col(AuditRecord.id).desc())
        .limit(1)
    )
    waiting = _unsealed(earliest_id(clock.now() - _LOOKED_BACK_AT)).with_only_columns(col(AuditRecord.id)).limit(1)

    def oldest(session: Session) -> UUID | None:
        # Asked about the newest first: mostly it is sealed, and so is everything else.
        row = session.execute(newest).first()
        return None if row is None or row.number is not None else session.execute(waiting).scalar()

    found = db.read(oldest)
    # An id knows when it was made, whatever time the record says.
    return max(0.0, (clock.now() - made_at(found)).total_seconds()) if found else 0.0


def _seal_some(session: Session, since: UUID | None) -> int:
    """The next seals.

    Locks: the first seal, which stays the first. Whoever waited for the last one would get that, and not the newer
    ones that it waited for. Two who both found none meet at number 1, and one of them starts again.
    """
    session.execute(select(col(AuditSeal.number)).where(col(AuditSeal.number) == 1).with_for_update()).first()
    newest = select(col(AuditSeal.number), col(AuditSeal.hash)).order_by(col(AuditSeal.number).desc()).limit(1)
    last = session.execute(newest).first()
    number, previous = (last.number, last.hash) if last else (0, chain.GENESIS)
    sealed_at = clock.now()
    seals = []
    for record in session.execute(_unsealed(since)):
        number += 1
        previous = _hash_of(previous, number, sealed_at, record)
        seals.append({"number": number, "record_id": record.id, "hash": previous, "sealed_at": sealed_at})
    if seals:
        session.execute(insert(AuditSeal), seals)
    return len(seals)


_CONTENT: tuple[Any, ...] = (
    col(AuditRecord.id),
    col(AuditRecord.created_at),
    col(AuditRecord.actor_id),
    col(AuditRecord.action),
    col(AuditRecord.object),
    col(AuditRecord.reason),
    # As the text that is kept: what is no JSON any more is found and not stumbled over.
    type_coerce(col(AuditRecord.changes), Text).label("changes"),
    col(AuditRecord.address),
    col(AuditRecord.request_id),
)


def content(number: int, sealed_at: datetime, record: Any) -> dict[str, Any]:
    """What the hash of a record covers besides the hash before it, ready for JSON."""
    return {
        "number": number,
        "sealed_at": clock.to_text(sealed_at),
        "id": str(record.id),
        "created_at": clock.to_text(record.created_at),
        "actor_id": str(record.actor_id) if record.actor_id else None,
        "action": record.action,
        "object": record.object,
        "reason": record.reason,
        "changes": record.changes,
        "address": record.address,
        "request_id": record.request_id,
    }


def _hash_of(previous: bytes, number: int, sealed_at: datetime, record: Any) -> bytes:
    return chain.audit_hash(previous, content(number, sealed_at, record))


# --- verifying ------------------------------------------------------------------------------------------


def verify(
    db: Database,
    actor: Actor | None,
    *,
    start: int | None = None,
    end: int | None = None,
    progress: Progress | None = None,
) -> Verification | None:
    """Recomputes the chain from record `start` to `end`, the whole of it by default, and records what was found.

    Args:
        db: The bank's database.
        actor: Who asks; None when the bank does it by itself.
        start: The number of the first record, 1 if not given.
        end: The number of the last record, the newest if not given.
        progress: Told now and then how many of how many records are done; False from it ends the work.

    Returns:
        What was found, or None when `progress` ended it; that is not recorded.

    Raises:
        Forbidden: a customer.
        Invalid: there are no such records.
    Locks: as `seal`; none while it reads.
    """
    if actor is not None:
        staff_only(actor)
    seal(db, thoroughly=True)
    last = db.read(_last_number)
    first, final = 1 if start is None else start, last if end is None else min(end, last)
    if first < 1 or (first > final and not start is end is None):
        message = f"The trail has the records 1 to {last}."
        raise errors.Invalid(message, errors=[{"field": "start", "code": "invalid", "message": message}])
    began = time.perf_counter()
    walked = _walk_range(db, first, final, progress)
    if walked is None:
        return None
    checked, head, broken = walked
    if broken is None and final == last:
        broken = _seen.cut_off(db, last)
    found = Verification(first, final, checked, int((time.perf_counter() - began) * 1000), clock.now(), head, broken)
    action = VERIFIED_PART if found.ok and (first, final) != (1, last) else VERIFIED
    db.unit_of_work(lambda session: _record(session, actor, action, found))
    if found.ok:
        log.info("audit trail intact: records %d to %d, head %s", first, final, head)
    else:
        log.error("audit trail broken: %s", broken)
    return found


def verify_if_due(db: Database, every: timedelta = timedelta(days=1)) -> Verification | None:
    """Verifies all of it by itself when nobody has for a while. Two processes may do so at once; both are recorded."""
    known = db.read(last_verification)
    if known is not None and clock.now() - known.result.at < every:
        return None
    return verify(db, None)


def may_use_programs(actor: Actor) -> bool:
    """Whether somebody may read the trail with a program, or as a file: these take it away as a whole."""
    return actor.role in (Role.AUDITOR, Role.ADMIN)


def must_be_auditor(actor: Actor) -> None:
    """Lets those pass who may read the trail with a program.

    Raises:
        Forbidden: neither an auditor nor an admin.
    """
    if not may_use_programs(actor):
        raise errors.Forbidden("Only auditors and administrators take the audit trail away.")


def _last_number(session: Session) -> int:
    return session.execute(select(func.max(col(AuditSeal.number)))).scalar() or 0


def _walk_range(
    db: Database, first: int, final: int, progress: Progress | None
) -> tuple[int, str, Break | None] | None:
    """How many records hold, the hash of the last of them, and where the chain breaks."""
    reached = _Reached(first - 1, chain.GENESIS)
    if first > 1:
        before = db.read(lambda session: session.execute(_links(first - 1, first - 1)).first())
        if before is None:
            return 0, "", Break(first - 1, "The record before the first one has no seal.", "", "")
        reached.hash = before.hash
    total, at_once = max(0, final - first + 1), _READ_AT_ONCE
    while reached.number < final and reached.broken is None:
        if progress is not None and not progress(reached.number - first + 1, total):
            return None
        low, high = reached.number + 1, min(reached.number + at_once, final)
        try:
            links = _fetch(db, _links(low, high))
        except (ValueError, TypeError):
            # A value that is none of its column's type: the range is made smaller until its record is named.
            if low == high:
                reached.broken = Break(low, "The record can no longer be read.", "", "")
            at_once = max(1, at_once // 2)
        else:
            reached.follow(links, high)
    if final and reached.broken is None:
        _seen.note(db, final, reached.hash)
    return reached.number - first + 1, reached.hash.hex(), reached.broken


def _fetch(db: Database, query: Select[Any]) -> Iterable[Any]:
    return db.read(lambda session: session.execute(query).all())


def _links(low: int, high: int) -> Select[Any]:
    """Seals with their records; a record that is gone has no id."""
    return (
        select(col(AuditSeal.number), col(AuditSeal.hash), col(AuditSeal.sealed_at), *_CONTENT)
        .outerjoin(AuditRecord, col(AuditRecord.id) == col(AuditSeal.record_id))
        .where(col(AuditSeal.number) >= low, col(AuditSeal.number) <= high)
        .order_by(col(AuditSeal.number))
    )


@dataclass(slots=True)
class _Reached:
    """How far the chain was followed: the last number that holds, its hash, and what is wrong with the next."""

    number: int
    hash: bytes
    broken: Break | None = None

    def follow(self, links: Iterable[Any], final: int) -> None:
        """Follows these links, which should be the next up to `final`, as far as they hold."""
        for link in links:
            self.broken = self._problem(link)
            if self.broken is not None:
                return
            self.number, self.hash = link.number, link.hash
        if self.number < final:
            self.broken = _missing(self.number + 1)

    def _problem(self, link: Any) -> Break | None:
        if link.number != self.number + 1:
            return _missing(self.number + 1)
        if link.id is None:
            return Break(link.number, "The record is gone; its seal is still there.", "", link.hash.hex())
        expected = _hash_of(self.hash, link.number, link.sealed_at, link)
        if expected == link.hash:
            return None
        return Break(link.number, "It was changed after it was sealed.", expected.hex(), link.hash.hex())


def _missing(number: int) -> Break:
    return Break(number, "The record and its seal are gone.", "", "")


class _Seen:
    """The newest seal that this process has found in order: a trail that ends before it was cut off."""

    def __init__(self) -> None:
        self._newest: weakref.WeakKeyDictionary[Database, tuple[int, bytes]] = weakref.WeakKeyDictionary()
        self._noting = threading.Lock()

    def note(self, db: Database, number: int, digest: bytes) -> None:
        with self._noting:
            if number >= self._newest.get(db, (0, b""))[0]:
                self._newest[db] = number, digest

    def cut_off(self, db: Database, last: int) -> Break | None:
        number, digest = self._newest.get(db, (0, b""))
        if number <= last:
            return None
        return Break(last + 1, f"The end is cut off: there was a record {number:,} before.", digest.hex(), "")


_seen = _Seen()


# --- what is known --------------------------------------------------------------------------------------


def _record(session: Session, actor: Actor | None, action: str, found: Verification) -> None:
    facts: dict[str, Any] = {
        "result": "intact" if found.ok else "broken",
        "start": found.start,
        "end": found.end,
        "checked": found.checked,
        "milliseconds": found.milliseconds,
        "head": found.head,
    }
    if found.broken is not None:
        broken = found.broken
        facts |= {"number": broken.number, "what": broken.what, "expected": broken.expected, "found": broken.found}
    audit.record(
        session,
        actor_id=actor.user_id if actor else None,
        action=action,
        object=TRAIL,
        changes={name: [None, value] for name, value in facts.items()},
    )


def _remembered(at: datetime, changes: Mapping[str, Any]) -> Verification:
    facts = {name: pair[1] for name, pair in changes.items()}
    broken = None
    if facts["result"] != "intact":
        broken = Break(facts["number"], facts["what"], facts["expected"], facts["found"])
    return Verification(
        facts["start"], facts["end"], facts["checked"], facts["milliseconds"], at, facts["head"], broken
    )


def verifications(session: Session, limit: int = _LOOKED_BACK) -> list[KnownVerification]:
    """The newest verifications, newest first."""
    return _newest(session, (VERIFIED, VERIFIED_PART), limit)


def _newest(session: Session, actions: Collection[str], limit: int) -> list[KnownVerification]:
    rows: Iterable[Row[Any]] = session.execute(
        select(col(AuditRecord.created_at), col(AuditRecord.changes), col(User.name))
        .outerjoin(User, col(User.id) == col(AuditRecord.actor_id))
        .where(col(AuditRecord.object) == TRAIL, col(AuditRecord.action).in_(actions))
        .order_by(col(AuditRecord.id).desc())
        .limit(limit)
    )
    return [KnownVerification(_remembered(row.created_at, row.changes), row.name) for row in rows]


def last_verification(session: Session) -> KnownVerification | None:
    """The verification that says how the trail stands: a part that is intact does not clear a break elsewhere."""
    return next(iter(_newest(session, (VERIFIED,), 1)), None)


# --- seeing it work -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Copy:
    """A record with its seal, in memory only."""

    number: int
    hash: bytes
    sealed_at: datetime
    id: UUID
    created_at: datetime
    actor_id: UUID | None
    action: str
    object: str
    reason: str | None
    changes: str
    address: str | None
    request_id: str | None


def tamper_with_a_copy(db: Database, actor: Actor) -> Tampering:
    """Copies the newest records, changes one letter in the middle of the copy, and verifies it. Writes nothing.

    Raises:
        Forbidden: a customer.
        NotFound: the bank is not a demo, or its trail is empty.
    """
    staff_only(actor)
    if not db.settings.demo:
        raise errors.NotFound("There is no such page.")
    seal(db)

    def newest(session: Session) -> list[_Copy]:
        last = _last_number(session)
        rows = session.execute(_links(max(1, last - _COPIED), last))
        return [_Copy(**row._asdict()) for row in rows]

    copies = db.read(newest)
    if not copies:
        raise errors.NotFound("The trail is empty.")
    # The first one only says what the second begins with, unless the trail has no more.
    before = chain.GENESIS if copies[0].number == 1 else copies.pop(0).hash
    index = len(copies) // 2
    victim = copies[index]
    forged = victim.object[:-1] + ("0" if victim.object[-1] != "0" else "1")
    copies[index] = replace(victim, object=forged)
    began = time.perf_counter()
    first, final = copies[0].number, copies[-1].number
    reached = _Reached(first - 1, before)
    reached.follow(copies, final)
    checked, took = reached.number - first + 1, int((time.perf_counter() - began) * 1000)
    result = Verification(first, final, checked, took, clock.now(), reached.hash.hex(), reached.broken)
    return Tampering(len(copies), victim.number, victim.object, forged, result)
