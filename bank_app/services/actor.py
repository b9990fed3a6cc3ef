"""Who asks, and whether they are still who they were when they asked. Every service is handed an Actor."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session
from sqlmodel import SQLModel

from bank_app import clock, errors
from bank_app.bulk import Question
from bank_app.domain.accounting import Role
from bank_app.models import SignIn, User
from bank_app.services import quotas
from bank_app.settings import Settings

_SIGN_INS, _USERS = (SQLModel.metadata.tables[str(kind.__tablename__)] for kind in (SignIn, User))
# Who is behind sign-ins, asked about all that wait at once.
ACTORS = (
    select(
        _SIGN_INS.c.id.label("sign_in_id"), _SIGN_INS.c.kind, _SIGN_INS.c.expires_at, _SIGN_INS.c.last_seen_at,
        _SIGN_INS.c.proved_at, _USERS.c.id.label("user_id"), _USERS.c.email, _USERS.c.name, _USERS.c.role,
        _USERS.c.totp_since,
    )
    .join(_USERS, _USERS.c.id == _SIGN_INS.c.user_id)
    .where(
        _SIGN_INS.c.id.in_(bindparam("sign_in_ids", expanding=True)),
        _SIGN_INS.c.revoked_at.is_(None),
        _USERS.c.disabled_at.is_(None),
    )
)  # fmt: skip
# Locked together, the person first: so does everybody who locks both, and nobody waits in a circle.
_PERSON = select(_USERS.c.role).where(_USERS.c.disabled_at.is_(None)).with_for_update(read=True)
_PERSON_AND_SIGN_IN = (
    select(_USERS.c.role, _SIGN_INS.c.kind, _SIGN_INS.c.expires_at, _SIGN_INS.c.last_seen_at)
    .select_from(_USERS.join(_SIGN_INS, _SIGN_INS.c.user_id == _USERS.c.id))
    .where(_USERS.c.disabled_at.is_(None), _SIGN_INS.c.revoked_at.is_(None))
    .prefix_with("STRAIGHT_JOIN", dialect="mysql")
    .with_for_update(read=True)
)


@dataclass(frozen=True, slots=True)
class Person:
    """Whom an event concerns, as they are known where it happens."""

    id: UUID
    role: Role

    @property
    def is_staff(self) -> bool:
        """Whether it is one of the bank's people."""
        return self.role.sees_every_account


@dataclass(frozen=True, slots=True)
class Actor:
    """The person on whose behalf something is asked."""

    user_id: UUID
    email: str
    name: str
    role: Role
    sign_in_id: UUID | None = None
    # Whether he signs in in two steps, and until when the last code that he gave in this sign-in stands.
    two_steps: bool = False
    fresh_until: datetime | None = None
    # He has to set that up before he may do anything else.
    must_enrol: bool = False
    # As he was a moment ago: whoever posts for him asks in the same breath whether that still holds.
    remembered: bool = field(default=False, compare=False)
    # Of a browser: how the person wants pages to look, and when the session ends if nothing more happens.
    preferences: Mapping[str, Any] = field(default_factory=dict, compare=False)
    ends_at: datetime | None = field(default=None, compare=False)

    @property
    def person(self) -> Person:
        """Whom what is written down about them concerns."""
        return Person(self.user_id, self.role)


class ActorChanged(Exception):
    """A remembered actor is not who he was: nothing was done for him."""


def still(session: Session, actor: Actor) -> None:
    """Makes sure that who asks is still who he was when he asked, and holds that until the unit of work ends.

    The first statement of every unit of work that writes for somebody: between the look at his cookie or token and
    his turn to write, others may have ended his sign-in, switched him off or given him another role.

    Raises:
        NotSignedIn: the sign-in was ended or has run out, or the person's sign-in is switched off.
        Forbidden: the person has another role by now.
        QuotaUsedUp: as `quotas.count_change`.
    Locks: the person and the sign-in, shared: who would change either waits for this unit of work, or it for them.
    """
    of = _PERSON if actor.sign_in_id is None else _PERSON_AND_SIGN_IN.where(_SIGN_INS.c.id == actor.sign_in_id)
    row = session.execute(of.where(_USERS.c.id == actor.user_id)).first()
    settings: Settings = session.info["settings"]
    if problem := _changed(actor, row, settings):
        raise problem
    # Here, because everything that writes for somebody comes by.
    quotas.count_change(actor.user_id, actor.role, settings)


def _changed(actor: Actor, row: Any, settings: Settings) -> errors.BankError | None:
    """Why a row, as it was read of somebody and his sign-in, does not let him go on."""
    if row is None or (actor.sign_in_id and _is_over(row, settings)):
        return errors.NotSignedIn("This sign-in has ended. Sign in again.")
    if row.role != actor.role:
        return errors.Forbidden("Your role changed a moment ago.")
    return None


def _is_over(row: Any, settings: Settings) -> bool:
    idle = timedelta(minutes=settings.session_idle_minutes)
    now = clock.now()
    return bool(now >= row.expires_at or (row.kind == "browser" and now >= row.last_seen_at + idle))


def are_they_still(actors: Iterable[Actor]) -> Question:
    """What `still` asks, of many at once and together with whatever else is asked: posting waits for no other row."""
    sign_ins = {actor.sign_in_id for actor in actors}
    return Question(ACTORS, "sign_in_ids", [sign_in for sign_in in sign_ins if sign_in])


def what_changed(actor: Actor, rows: Sequence[Any], settings: Settings) -> errors.BankError | ActorChanged | None:
    """What the answer to `are_they_still` says of one of them: None if he may go on.

    Who was only remembered is asked about again before he is told anything, and also when he signs in in two steps now.
    """
    if actor.sign_in_id is None:
        return None
    row = next((row for row in rows if row.sign_in_id == actor.sign_in_id and row.user_id == actor.user_id), None)
    problem = _changed(actor, row, settings)
    if actor.remembered and (problem or row is None or (row.totp_since is not None) != actor.two_steps):
        return ActorChanged()
    return problem
