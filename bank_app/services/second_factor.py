"""Turning two-step sign-in on and off for oneself, and off for somebody who lost everything."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session
from sqlmodel import col

from bank_app import clock, errors
from bank_app.database import Database
from bank_app.models import RecoveryCode, User
from bank_app.services import access, audit, auth, codes, factors, reasons, recovery, sessions, step_up
from bank_app.services.access import Hands
from bank_app.services.actor import Actor, still
from bank_app.services.security_events import Event, security_event


@dataclass(frozen=True, slots=True)
class SecondFactor:
    """How a person signs in: since when in two steps, and how many recovery codes are left."""

    on_since: datetime | None
    recovery_codes: int


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What an authenticator app must be told, as an address for a picture and as text. Shown to its owner only."""

    address: str
    key: str


def status(session: Session, actor: Actor) -> SecondFactor:
    """Whether the actor's second step is on."""
    since = session.execute(select(col(User.totp_since)).where(col(User.id) == actor.user_id)).scalar_one()
    left = select(func.count()).where(col(RecoveryCode.user_id) == actor.user_id, col(RecoveryCode.used_at).is_(None))
    return SecondFactor(since, session.execute(left).scalar_one() if since else 0)


def begin(db: Database, actor: Actor, *, password: str) -> None:
    """Makes a secret for the actor's app, in place of one that was never confirmed. It counts once it is confirmed.

    Raises:
        CredentialsDoNotMatch, Throttled: `password` is not the actor's own; counted like signing in.
        Forbidden: it is on; turn it off first.
    """
    auth.prove(db, actor, password)

    def operation(session: Session) -> None:
        still(session, actor)
        user = _person(session, actor.user_id)
        if codes.is_on(user):
            raise errors.Forbidden("Two-step sign-in is on already. Turn it off first.")
        factors.APP.begin(session, db.settings, user)

    db.unit_of_work(operation)


def enrolment(db: Database, actor: Actor) -> Enrolment | None:
    """What was begun and not yet confirmed; None otherwise, because a secret that counts is never shown again."""
    user = db.read(lambda session: _person(session, actor.user_id))
    secret = None if codes.is_on(user) else codes.opened(db.settings, user)
    if secret is None:
        return None
    grouped = " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))
    return Enrolment(codes.app_address(db.settings, user.email, secret), grouped)


def confirm(db: Database, actor: Actor, *, code: str) -> tuple[str, ...]:
    """Turns the second step on with a first code of the app, and returns ten recovery codes, for the only time.

    All sign-ins but this one end: they began with a password alone, and a program could go on with one for weeks.

    Raises:
        SecondFactorWrong, Throttled: not a code of the app; counted like a wrong password.
        Forbidden: it was confirmed before.
        NotFound: nothing was begun.
    Locks: the person's row.
    """
    fresh: tuple[str, ...] = ()

    def check(session: Session, user: User) -> errors.BankError | None:
        nonlocal fresh
        if codes.is_on(user):
            return errors.Forbidden("Two-step sign-in is on already.")
        if user.totp_secret is None:
            return errors.NotFound("Begin with the key for your app.")
        if refusal := factors.APP.verify(session, db.settings, user, code):
            return refusal
        user.totp_since = clock.now()
        step_up.note(session, actor.sign_in_id)
        fresh = tuple(factors.RECOVERY.begin(session, db.settings, user))
        ended = sessions.end_all_but(session, user.id, actor.sign_in_id, by=auth.End.SECOND_STEP)
        _record(session, actor, "second_step.on", user.id, sign_ins=[ended, 0])
        return None

    auth.one_try(db, actor.user_id, check, actor=actor)
    return fresh


def renew_recovery_codes(db: Database, actor: Actor, *, code: str) -> tuple[str, ...]:
    """Ten fresh recovery codes in place of those before, for a code of the app or one that was left.

    Raises:
        SecondFactorWrong, Throttled: as `confirm`.
        NotFound: the second step is off.
    Locks: the person's row.
    """
    fresh: tuple[str, ...] = ()

    def check(session: Session, user: User) -> errors.BankError | None:
        nonlocal fresh
        if refusal := _refusal_while_on(session, db, user, code):
            return refusal
        fresh = tuple(factors.RECOVERY.begin(session, db.settings, user))
        _record(session, actor, "second_step.new_codes", user.id)
        return None

    auth.one_try(db, actor.user_id, check, actor=actor)
    return fresh


def turn_off(db: Database, actor: Actor, *, code: str) -> None:
    """Turns the second step off.

    Raises:
        SecondFactorWrong, Throttled: `code` is neither the app's nor a recovery code; counted like a wrong password.
        NotFound: it is off.
        Forbidden: this bank demands it of him.
    Locks: the person's row.
    """
    if db.settings.demands_second_step(actor.role):
        raise errors.Forbidden("This bank asks you to sign in in two steps, so it stays on.")

    def check(session: Session, user: User) -> errors.BankError | None:
        if refusal := _refusal_while_on(session, db, user, code):
            return refusal
        _forget(session, user)
        _record(session, actor, "second_step.off", user.id)
        return None

    auth.one_try(db, actor.user_id, check, actor=actor)


def reset(session: Session, hands: Hands, user_id: UUID, *, reason: str) -> None:
    """Turns the second step of somebody off who lost both app and recovery codes. One that is off stays off.

    Raises:
        Forbidden, NotFound, BothFactors: as `access.require_power_over`.
        Invalid: the reason is missing, shorter than ten characters or too long.
    """
    still(session, hands.last)
    user = session.get(User, user_id, populate_existing=True)
    access.require_power_over(session, hands, user, factor=recovery.SECOND_STEP)
    why = reasons.written(reason)
    if user is not None and codes.is_on(user):
        _forget(session, user)
        recovery.begin(session, user_id, recovery.SECOND_STEP, *hands.ids)
        _record(session, hands.last, "second_step.reset", user_id, why, **hands.recorded)


def reset_on_server(session: Session, user_id: UUID, *, reason: str) -> bool:
    """Turns somebody's second step off and ends their sign-ins, for whoever runs the server; says whether it was on.

    Raises:
        Invalid: the reason is missing, shorter than ten characters or too long.
    """
    why, user = reasons.written(reason), _person(session, user_id)
    if not codes.is_on(user):
        return False
    _forget(session, user)
    ended = sessions.end_all_but(session, user_id, None, by=auth.End.BANK)
    audit.record(
        session, actor_id=None, action="second_step.reset", object=f"user {user_id}", reason=why,
        changes={"sign_ins": [ended, 0]},
    )  # fmt: skip
    return True


def _refusal_while_on(session: Session, db: Database, user: User, code: str) -> errors.BankError | None:
    if not codes.is_on(user):
        return errors.NotFound("Two-step sign-in is off.")
    return factors.verify(session, db.settings, user, code)


def _forget(session: Session, user: User) -> None:
    user.totp_secret = user.totp_since = user.totp_step = None
    codes.forget_recovery_codes(session, user.id)


def _person(session: Session, user_id: UUID) -> User:
    return session.execute(select(User).where(col(User.id) == user_id)).scalar_one()


def _record(
    session: Session, actor: Actor, action: str, user_id: UUID, reason: str | None = None, **changes: list[Any]
) -> None:
    audit.record(
        session, actor_id=actor.user_id, action=action, object=f"user {user_id}", reason=reason, changes=changes
    )
    security_event(
        session, Event.USER_CHANGED, reason=action, factor="code", person=actor.person, thing=f"user {user_id}"
    )
