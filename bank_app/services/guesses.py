"""Wrong guesses at signing in: how they are counted and how long they make the next one wait.

A browser that has signed somebody in before has a count of its own for that person, and so has a program's network:
whoever guesses from elsewhere makes all those wait whom nobody knows, and never them. Those whom nobody knows are
counted by person, by network, and all together, in the database, so that all workers count alike.

An email that nobody has is counted like a person, so that waiting tells nothing about who banks here.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session
from sqlmodel import col

from bank_app import clock, errors
from bank_app.database import Database
from bank_app.domain import addresses
from bank_app.models import GuessCount, KnownDevice, Stranger, User
from bank_app.settings import Settings

_FREE_TRIES = 5
_LONGEST_WAIT = timedelta(minutes=15)
# Failures are forgotten after a day without one; so nothing has to be kept for ever about emails that nobody has.
_MEMORY = timedelta(days=1)
# How long networks and all together are counted at a time.
_WINDOW = timedelta(minutes=15)
# How many times the guesses of one household (a /64) a whole /48 may make.
_HOUSEHOLDS = 4
# A device is known for half a year without a sign-in, and the newest of a person are.
_KNOWN_FOR = timedelta(days=180)
_MOST_KNOWN = 50
# Made-up emails are rows that strangers make; beyond these the oldest are forgotten before their day is over.
_MOST_STRANGERS, _FORGOTTEN_AT_ONCE = 100_000, 2_000
_EVERYBODY = "everybody whom nobody knows"


@dataclass(frozen=True, slots=True)
class Place:
    """From where somebody tries: his address, and what his browser, program or session would be known by."""

    address: str = ""
    device: str = ""
    # Whoever is signed in there is known by that alone.
    signed_in: bool = False


def of_programs(address: str) -> str:
    """What programs are known by, which keep no cookies: the network that they come from."""
    return f"programs of {addresses.networks(address)[0]}"


# --- whose guesses these are --------------------------------------------------------------------------


def counter(session: Session, person: User, place: Place) -> User | KnownDevice:
    """Where the wrong guesses of this place at this person are counted: with its own, or with all that nobody knows.

    Locks: none of its own; whoever counts has locked the person.
    """
    if not place.device:
        return person
    digest, now = _digest(place.device), clock.now()
    mine = (col(KnownDevice.digest) == digest, col(KnownDevice.user_id) == person.id)
    known = session.execute(select(KnownDevice).where(*mine)).scalar()
    if place.signed_in:
        return known or KnownDevice(digest=digest, user_id=person.id, failed_sign_ins=0, seen_at=now)
    return known if known is not None and known.seen_at > now - _KNOWN_FOR else person


def is_known(session: Session, device: str) -> bool:
    """Whether a browser brought a token that it was given here, for whomever."""
    rows = select(col(KnownDevice.digest)).where(col(KnownDevice.digest) == _digest(device)).limit(1)
    return bool(device) and session.execute(rows).first() is not None


def remember(session: Session, user_id: UUID, device: str) -> None:
    """Knows a device from now on, and begins its count anew, because it has just signed this person in."""
    now, digest = clock.now(), _digest(device)
    mine = col(KnownDevice.user_id) == user_id
    session.execute(delete(KnownDevice).where(mine, col(KnownDevice.digest) == digest))
    kept = select(col(KnownDevice.digest)).where(mine).order_by(col(KnownDevice.seen_at).desc()).offset(_MOST_KNOWN - 1)
    # An offset needs a limit, and nobody has so many.
    if old := session.execute(kept.limit(1_000)).scalars().all():
        session.execute(delete(KnownDevice).where(mine, col(KnownDevice.digest).in_(old)))
    session.execute(insert(KnownDevice).values(digest=digest, user_id=user_id, failed_sign_ins=0, seen_at=now))


# --- how long the next one waits ----------------------------------------------------------------------


def refuse_while_locked(guessed: User | Stranger | KnownDevice) -> None:
    """Turns a guess away that comes too soon after the last wrong one.

    Raises:
        SignInLocked: `details["retry_after"]` in seconds.
    """
    if guessed.locked_until and guessed.locked_until > clock.now():
        wait = int((guessed.locked_until - clock.now()).total_seconds()) + 1
        raise errors.SignInLocked(f"Too many failed tries. Wait {wait} seconds.", retry_after=wait)


def refuse(session: Session, guessed: User | Stranger | KnownDevice | None, place: Place, settings: Settings) -> None:
    """As `refuse_while_locked`, and for those whom nobody knows also when their network, or all of them, guess much.

    Raises:
        SignInLocked: `details["retry_after"]` in seconds.
    """
    if guessed is not None:
        refuse_while_locked(guessed)
    if isinstance(guessed, KnownDevice) or not settings.rate_limits:
        return
    limits, now = _limits(place, settings), clock.now()
    rows = session.execute(select(GuessCount).where(col(GuessCount.digest).in_(limits))).scalars()
    full = [row.ends_at for row in rows if row.ends_at > now and row.guesses >= limits[row.digest]]
    if full:
        wait = int((max(full) - now).total_seconds()) + 1
        raise errors.SignInLocked(f"Too many failed tries. Wait {wait} seconds.", retry_after=wait)


def refuse_person(db: Database, person: User, place: Place) -> None:
    """As `refuse`, before anything is tried at a person.

    Raises:
        SignInLocked: too many tried it.
    """
    db.read(lambda session: refuse(session, counter(session, person, place), place, db.settings))


def count_failure(guessed: User | Stranger | KnownDevice, *, throttles: bool) -> bool:
    """Five tries are free; after that each failure doubles the wait, up to a quarter of an hour.

    Answers whether the waiting begins with this one.
    """
    now = clock.now()
    if guessed.locked_until and guessed.locked_until < now - _MEMORY:
        guessed.failed_sign_ins = 0
    guessed.failed_sign_ins += 1
    over = guessed.failed_sign_ins - _FREE_TRIES
    waits = over >= 0 and throttles
    guessed.locked_until = now + (min(timedelta(seconds=2 ** min(over, 20)), _LONGEST_WAIT) if waits else timedelta())
    return over == 0


def count(session: Session, guessed: User | Stranger | KnownDevice, place: Place, settings: Settings) -> bool:
    """As `count_failure`, and counts what nobody knows with its network and with all others.

    Locks: the counts, the narrowest network's first.
    """
    begins = count_failure(guessed, throttles=settings.rate_limits)
    if isinstance(guessed, KnownDevice):
        session.add(guessed)
    elif settings.rate_limits:
        for digest in _limits(place, settings):
            _count_one(session, digest)
    return begins


def _count_one(session: Session, digest: bytes) -> None:
    now = clock.now()
    mine = col(GuessCount.digest) == digest
    row = session.execute(select(GuessCount).where(mine).with_for_update()).scalar()
    if row is None:
        session.execute(delete(GuessCount).where(col(GuessCount.ends_at) < now - _MEMORY))
        # Of two at once the key lets one in; the other is begun again and finds the row.
        session.execute(insert(GuessCount).values(digest=digest, guesses=1, ends_at=now + _WINDOW))
    elif row.ends_at <= now:
        row.guesses, row.ends_at = 1, now + _WINDOW
    else:
        row.guesses += 1


def _limits(place: Place, settings: Settings) -> dict[bytes, int]:
    """The counts that a guess from there goes into, and how much each takes; the narrower one first."""
    wide = (1, _HOUSEHOLDS)
    networks = addresses.networks(place.address) if place.address else ()
    limits = {
        _digest(f"network {network}"): settings.guesses_per_network * times
        for network, times in zip(networks, wide, strict=False)
    }
    limits[_digest(_EVERYBODY)] = settings.guesses_in_total
    return limits


# --- an email that nobody has -------------------------------------------------------------------------


def refuse_strangers(db: Database, email: str, place: Place) -> None:
    """As `refuse`, for an email that nobody has.

    Raises:
        SignInLocked: too many tried it.
    """

    def operation(session: Session) -> None:
        found = session.execute(select(Stranger).where(_is(email))).scalar()
        refuse(session, found, place, db.settings)

    db.read(operation)


def count_stranger(db: Database, email: str, place: Place) -> None:
    """Counts a guess at an email that nobody has.

    Raises:
        SignInLocked: others guessed meanwhile, and this one comes too late.
    Locks: the email's row, so that guesses sent at once count like guesses one after the other.
    """

    def operation(session: Session) -> errors.SignInLocked | None:
        session.execute(delete(Stranger).where(col(Stranger.locked_until) < clock.now() - _MEMORY, ~_is(email)))
        found = session.execute(select(Stranger).where(_is(email)).with_for_update()).scalar()
        if found is None:
            _make_room(session, email)
            # Of two first guesses at once the key lets one in; the other is begun again and finds the row.
            session.execute(insert(Stranger).values(digest=_digest(email), failed_sign_ins=0, locked_until=clock.now()))
            found = session.execute(select(Stranger).where(_is(email)).with_for_update()).scalar_one()
        try:
            refuse(session, found, place, db.settings)
        except errors.SignInLocked as too_late:
            return too_late
        count(session, found, place, db.settings)
        return None

    if too_late := db.unit_of_work(operation):
        raise too_late


def _make_room(session: Session, email: str) -> None:
    """Forgets the oldest when there are too many. Asked of one new email in 256, as its digest happens to begin."""
    if _digest(email)[0] or session.execute(select(func.count()).select_from(Stranger)).scalar_one() < _MOST_STRANGERS:
        return
    oldest = select(col(Stranger.digest)).order_by(col(Stranger.locked_until)).limit(_FORGOTTEN_AT_ONCE)
    session.execute(delete(Stranger).where(col(Stranger.digest).in_(session.execute(oldest).scalars().all())))


def _is(email: str) -> Any:
    return col(Stranger.digest) == _digest(email)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
