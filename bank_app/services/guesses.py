"""Wrong guesses at signing in: how they are counted and how long they make the next one wait.

An email that nobody has is counted like a person, so that waiting tells nothing about who banks here.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session
from sqlmodel import col

from bank_app import clock, errors
from bank_app.database import Database
from bank_app.models import Stranger, User

_FREE_TRIES = 5
_LONGEST_WAIT = timedelta(minutes=15)
# Failures are forgotten after a day without one; so nothing has to be kept for ever about emails that nobody has.
_MEMORY = timedelta(days=1)


def refuse_while_locked(guessed: User | Stranger) -> None:
    """Turns a guess away that comes too soon after the last wrong one.

    Raises:
        SignInLocked: `details["retry_after"]` in seconds.
    """
    if guessed.locked_until and guessed.locked_until > clock.now():
        wait = int((guessed.locked_until - clock.now()).total_seconds()) + 1
        raise errors.SignInLocked(f"Too many failed tries. Wait {wait} seconds.", retry_after=wait)


def count_failure(guessed: User | Stranger, *, throttles: bool) -> bool:
    """Five tries are free; after that each failure doubles the wait. Nobody can lock somebody else out for good.

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


def refuse_strangers(db: Database, email: str) -> None:
    """As `refuse_while_locked`, for an email that nobody has.

    Raises:
        SignInLocked: too many tried it.
    """
    found = db.read(lambda session: session.execute(select(Stranger).where(_is(email))).scalar())
    if found:
        refuse_while_locked(found)


def count_stranger(db: Database, email: str) -> None:
    """Counts a guess at an email that nobody has.

    Raises:
        SignInLocked: others guessed meanwhile, and this one comes too late.
    Locks: the email's row, so that guesses sent at once count like guesses one after the other.
    """

    def operation(session: Session) -> errors.SignInLocked | None:
        session.execute(delete(Stranger).where(col(Stranger.locked_until) < clock.now() - _MEMORY, ~_is(email)))
        found = session.execute(select(Stranger).where(_is(email)).with_for_update()).scalar()
        if found is None:
            # Of two first guesses at once the key lets one in; the other is begun again and finds the row.
            session.execute(insert(Stranger).values(digest=_digest(email), failed_sign_ins=0, locked_until=clock.now()))
            found = session.execute(select(Stranger).where(_is(email)).with_for_update()).scalar_one()
        try:
            refuse_while_locked(found)
        except errors.SignInLocked as too_late:
            return too_late
        count_failure(found, throttles=db.settings.rate_limits)
        return None

    if too_late := db.unit_of_work(operation):
        raise too_late


def _is(email: str) -> Any:
    return col(Stranger.digest) == _digest(email)


def _digest(email: str) -> bytes:
    return hashlib.sha256(email.encode()).digest()
