"""Which of the bank's keys is still needed by whom, and sealing everything with the newest of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import CursorResult, distinct, func, select, update
from sqlalchemy.orm import Session
from sqlmodel import col

from bank_app.database import Database
from bank_app.models import RecoveryCode, User
from bank_app.services import codes

_AT_ONCE = 200
# What was sealed before keys had names, and that none of those here opens.
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Use:
    """A key by its name, whether the bank has it, and how many people depend on it."""

    key_id: str
    is_here: bool
    second_steps: int
    recovery_codes: int

    @property
    def needed(self) -> bool:
        """Whether anybody could not sign in without it."""
        return bool(self.second_steps or self.recovery_codes)


def uses(db: Database) -> tuple[Use, ...]:
    """Lists the keys of the ring, the newest first, and those that are missing and needed.

    Raises:
        DatabaseUnavailable: no connection.
    """
    ring = [key.id for key in db.settings.ring.keys]
    steps = Counter(_key_of(db, user) for page in _pages(db) for user in page)
    counted = select(col(RecoveryCode.key_id), func.count(distinct(col(RecoveryCode.user_id)))).where(
        col(RecoveryCode.used_at).is_(None)
    )
    rows = db.read(lambda session: session.execute(counted.group_by(col(RecoveryCode.key_id))).all())
    # Codes from before keys had names were made with the oldest there is, as far as anybody knows.
    papers = Counter[str]()
    for key_id, people in rows:
        if key_id != "":
            papers[key_id or ring[-1]] += people
    names = [*ring, *sorted((set(steps) | set(papers)) - set(ring))]
    return tuple(Use(name, name in ring, steps[name], papers[name]) for name in names)


def missing(db: Database) -> tuple[Use, ...]:
    """Lists keys that the bank does not have and that people depend on.

    Raises:
        DatabaseUnavailable: no connection.
    """
    return tuple(use for use in uses(db) if not use.is_here and use.needed)


def in_words(use: Use) -> str:
    """Says of a key that is needed by whom, and what to do when it shall go or is gone already."""
    people = []
    if use.second_steps:
        people.append(f"the second steps of {use.second_steps} are sealed with it")
    if use.recovery_codes:
        people.append(f"recovery codes of before of {use.recovery_codes} were made with it")
    needed = " and ".join(people)
    if use.is_here:
        cure = "./bank keys rotate seals them anew; recovery codes need it until their owners make new ones"
        return f"Key {use.key_id} is still needed, people counted: {needed}. {cure}."
    cure = "put it back (BANK_SECRET_KEYS), or turn them off one by one with ./bank user reset-second-step EMAIL"
    return f"Key {use.key_id} is not in the ring, people counted: {needed}. They cannot sign in: {cure}."


def reseal(db: Database) -> int:
    """Seals every second step with the newest key, some hundred at a time, while others sign in; says how many.

    What somebody changes meanwhile stays as he made it. Doing it again finishes what was interrupted.

    Raises:
        DatabaseUnavailable, LockTimeout: what was done stays done; do it again.
    """
    _name_the_only_key(db)
    return sum(_exchange(db, page) for page in _pages(db))


def _exchange(db: Database, page: list[User]) -> int:
    fresh = {user.id: (user.totp_secret, codes.resealed(db.settings, user)) for user in page}
    wanted = {user_id: pair for user_id, pair in fresh.items() if pair[1]}
    return db.unit_of_work(lambda session: _replace(session, wanted)) if wanted else 0


def _replace(session: Session, wanted: Mapping[UUID, tuple[str | None, str | None]]) -> int:
    done = 0
    for user_id, (before, after) in sorted(wanted.items()):
        changed = session.execute(
            update(User).where(col(User.id) == user_id, col(User.totp_secret) == before).values(totp_secret=after)
        )
        done += changed.rowcount if isinstance(changed, CursorResult) else 0
    return done


def _name_the_only_key(db: Database) -> None:
    """Recovery codes of before keys had names say with which they were made, as long as there is but one."""
    keys = db.settings.ring.keys
    if len(keys) > 1:
        return
    named = update(RecoveryCode).where(col(RecoveryCode.key_id).is_(None)).values(key_id=keys[0].id)
    db.unit_of_work(lambda session: session.execute(named))


def _pages(db: Database) -> Iterator[list[User]]:
    """Everybody with a sealed secret, by id."""
    after: UUID | None = None
    while True:
        wanted = select(User).where(col(User.totp_secret).is_not(None)).order_by(col(User.id)).limit(_AT_ONCE)
        some = wanted if after is None else wanted.where(col(User.id) > after)
        page = db.read(lambda session, some=some: list(session.execute(some).scalars()))  # type: ignore[misc]
        if not page:
            return
        yield page
        after = page[-1].id


def _key_of(db: Database, user: User) -> str:
    key_id, named, _ = (user.totp_secret or "").rpartition(".")
    if named:
        return key_id
    # One whole look at each key, of the few that were sealed before keys had names.
    for key in db.settings.ring.keys:
        if codes.opens(key, user):
            return key.id
    return UNKNOWN
