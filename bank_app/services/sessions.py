"""Where somebody is signed in, ending that, and what happened around his sign-in lately."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, CursorResult, and_, or_, select, update
from sqlalchemy.orm import Session
from sqlmodel import col

from bank_app import clock, errors
from bank_app.models import AuditRecord, SignIn
from bank_app.services import audit, step_up
from bank_app.services.actor import Actor, still
from bank_app.services.auth import End
from bank_app.settings import Settings

# Families of things that are written down about a person's sign-in.
_ABOUT = ("sign_in.%", "password.%", "second_step.%", "user.role", "user.register", "user.name", "user.email%")
# The first that fits: others name themselves after those before them.
_BROWSERS = (
    ("Edg", "Edge"), ("OPR/", "Opera"), ("SamsungBrowser", "Samsung Internet"), ("Firefox/", "Firefox"),
    ("FxiOS", "Firefox"), ("CriOS", "Chrome"), ("HeadlessChrome", "Chrome"), ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)  # fmt: skip
_SYSTEMS = (
    ("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"), ("CrOS", "ChromeOS"),
    ("Mac OS X", "Mac"), ("Linux", "Linux"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SignInView:
    """One place where a person is signed in."""

    id: UUID
    kind: str
    device: str
    address: str
    began_at: datetime
    last_seen_at: datetime
    is_this: bool


@dataclass(frozen=True, slots=True)
class SecurityEvent:
    """Something that happened around a person's sign-in; `by_others` if one of the bank's people did it."""

    at: datetime
    action: str
    address: str
    by_others: bool


def device(user_agent: str) -> str:
    """A user agent in words: `Firefox on Linux`, or the name that a program gives itself."""
    browser = next((name for mark, name in _BROWSERS if mark in user_agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), "")
    if browser:
        return f"{browser} on {system}" if system else browser
    program = re.match(r"[A-Za-z][\w .-]{0,30}", user_agent)
    return program.group().strip() if program else "Unknown device"


def own(session: Session, actor: Actor, settings: Settings) -> tuple[SignInView, ...]:
    """Where the actor is signed in now: this one first, then by last seen."""
    found = session.execute(
        select(SignIn)
        .where(col(SignIn.user_id) == actor.user_id, is_open(settings))
        .order_by(col(SignIn.last_seen_at).desc())
        .limit(100)
    ).scalars()
    views = [
        SignInView(
            id=sign_in.id,
            kind=sign_in.kind,
            device=device(sign_in.user_agent),
            address=sign_in.address,
            began_at=sign_in.created_at,
            last_seen_at=sign_in.last_seen_at,
            is_this=sign_in.id == actor.sign_in_id,
        )
        for sign_in in found
    ]
    return tuple(sorted(views, key=lambda view: not view.is_this))


def end(session: Session, actor: Actor, sign_in_id: UUID) -> str:
    """Ends one sign-in of the actor, and says on which device it was.

    Raises:
        NotFound: it is not the actor's, or it ended before.
        StepUpRequired: as `step_up.require`.
    """
    still(session, actor)
    step_up.require(actor)
    sign_in = session.execute(
        select(SignIn).where(
            col(SignIn.id) == sign_in_id, col(SignIn.user_id) == actor.user_id, col(SignIn.revoked_at).is_(None)
        )
    ).scalar()
    if sign_in is None:
        raise errors.NotFound("That device is signed out already.")
    sign_in.revoked_at, sign_in.ended_by = clock.now(), End.ELSEWHERE
    _record(session, actor, "sign_in.end", {"kind": [sign_in.kind, None]})
    return device(sign_in.user_agent)


def end_others(session: Session, actor: Actor) -> int:
    """Ends all of the actor's sign-ins but the one that asks, and says how many there were.

    Raises:
        StepUpRequired: as `step_up.require`.
    """
    still(session, actor)
    step_up.require(actor)
    ended = end_all_but(session, actor.user_id, actor.sign_in_id, by=End.ELSEWHERE)
    if ended:
        _record(session, actor, "sign_in.end_others", {"sign_ins": [ended, 0]})
    return ended


def end_all_but(session: Session, user_id: UUID, kept: UUID | None, *, by: End) -> int:
    """Ends a person's sign-ins, with or without one that is kept. Whoever calls records why in the trail."""
    now = clock.now()
    rule = [col(SignIn.user_id) == user_id, col(SignIn.revoked_at).is_(None), col(SignIn.expires_at) > now]
    if kept is not None:
        rule.append(col(SignIn.id) != kept)
    ended = session.execute(update(SignIn).where(*rule).values(revoked_at=now, ended_by=by))
    return ended.rowcount if isinstance(ended, CursorResult) else 0


def recent_events(session: Session, actor: Actor, limit: int = 20) -> tuple[SecurityEvent, ...]:
    """What happened around the actor's sign-in, newest first."""
    rows = session.execute(
        select(
            col(AuditRecord.created_at), col(AuditRecord.action), col(AuditRecord.address), col(AuditRecord.actor_id)
        )
        .where(
            col(AuditRecord.object) == f"user {actor.user_id}",
            or_(*(col(AuditRecord.action).like(pattern) for pattern in _ABOUT)),
        )
        .order_by(col(AuditRecord.created_at).desc(), col(AuditRecord.id).desc())
        .limit(limit)
    )
    return tuple(SecurityEvent(at, action, address or "", by != actor.user_id) for at, action, address, by in rows)


def is_open(settings: Settings) -> ColumnElement[bool]:
    """Whether a sign-in was neither ended nor has run out; a browser's ends when nobody touches it for a while."""
    now = clock.now()
    idle = now - timedelta(minutes=settings.session_idle_minutes)
    return and_(
        col(SignIn.revoked_at).is_(None),
        col(SignIn.expires_at) > now,
        or_(col(SignIn.kind) == "api", col(SignIn.last_seen_at) > idle),
    )


def _record(session: Session, actor: Actor, action: str, changes: dict[str, list[object]]) -> None:
    audit.record(session, actor_id=actor.user_id, action=action, object=f"user {actor.user_id}", changes=changes)
