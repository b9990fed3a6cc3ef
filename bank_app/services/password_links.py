"""Choosing a new password: with the old one, or with a link that one of the bank's people hands over."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import CursorResult, insert, select, update
from sqlalchemy.orm import Session, aliased
from sqlmodel import col

from bank_app import clock, errors
from bank_app.database import Database, afterwards
from bank_app.domain.accounting import Role
from bank_app.models import PasswordLink, User
from bank_app.services import access, audit, auth, passwords, sessions, step_up
from bank_app.services.auth import Actor, End
from bank_app.services.security_events import Event, Person, security_event

LASTS = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class NewLink:
    """A link to hand over: its token, shown once and kept as a digest, and when it ends."""

    token: str
    expires_at: datetime

    @property
    def path(self) -> str:
        """Where it leads. What stands behind the # is read by the page and sent to no server in an address."""
        return f"/reset#{self.token}"


def change_password(db: Database, actor: Actor, *, old: str, new: str) -> None:
    """Gives the actor a new password and ends all sign-ins but this one.

    Raises:
        CredentialsDoNotMatch, Throttled: `old` is not the actor's password, also when it was until a moment ago;
            counted like signing in.
        StepUpRequired: as `step_up.require`.
        NotSignedIn: the sign-in ended meanwhile.
        Invalid: `new` is not good enough, or the old one again.
    """
    step_up.require(actor)
    passwords.require_good(new, actor.email, name=actor.name, bank=db.settings.name)
    proved = auth.prove(db, actor, old)
    if passwords.prepared(old) == passwords.prepared(new):
        message = "That is the password you have. Choose another."
        raise errors.Invalid(message, errors=[{"field": "password", "code": "PASSWORD_SAME", "message": message}])
    stored = passwords.hashed(new)

    def operation(session: Session) -> None:
        auth.still(session, actor)
        # Only in place of the one that was proved: somebody may have chosen another while this one was hashed.
        mine = (col(User.id) == actor.user_id, col(User.password_hash) == proved)
        changed = session.execute(update(User).where(*mine).values(password_hash=stored))
        if not isinstance(changed, CursorResult) or changed.rowcount != 1:
            raise errors.CredentialsDoNotMatch("Your password was changed a moment ago. Nothing was changed now.")
        _forget_links(session, actor.user_id)
        ended = sessions.end_all_but(session, actor.user_id, actor.sign_in_id, by=End.PASSWORD)
        audit.record(
            session, actor_id=actor.user_id, action="password.change", object=f"user {actor.user_id}",
            changes={"sign_ins": [ended, 0]},
        )  # fmt: skip
        security_event(session, Event.PASSWORD_CHANGED, factor="password", person=actor.person)

    db.unit_of_work(operation)


def make(db: Database, actor: Actor, user_id: UUID) -> NewLink:
    """A link with which a person chooses a password, once and within half an hour. Links made before end.

    It opens only while its maker could make it again: it ends when the maker's role or the person's does not allow it.

    Raises:
        Forbidden: an auditor or a customer asks, a teller about one of the bank's people, or anybody about himself.
        NotFound: there is no such person.
    """
    link = NewLink(secrets.token_urlsafe(32), clock.now() + LASTS)

    def operation(session: Session) -> None:
        auth.still(session, actor)
        user = session.get(User, user_id)
        access.require_power_over(actor, user)
        _forget_links(session, user_id)
        session.execute(
            insert(PasswordLink).values(
                digest=_digest(link.token),
                user_id=user_id,
                made_by=actor.user_id,
                created_at=clock.now(),
                expires_at=link.expires_at,
            )
        )
        audit.record(session, actor_id=actor.user_id, action="password.link", object=f"user {user_id}")

    db.unit_of_work(operation)
    return link


def is_good(session: Session, token: str) -> bool:
    """Whether a link still opens; says nothing about whose it is."""
    return _of(session, token) is not None


def use(db: Database, token: str, new_password: str) -> None:
    """Chooses a password with a link. Ends all sign-ins of the person and whatever kept him waiting.

    The second step stays as it is: a link is handed over by others and must not stand in for it.

    Raises:
        LinkNotValid: unknown, used, older than half an hour, its person's sign-in is switched off, or who made it may
            not make it any more.
        Invalid: the password is not good enough; the link can be used again.
    """
    found = db.read(lambda session: _of(session, token))
    if found is None:
        _note_bad_link(db, token)
        raise _not_valid()
    user_id, email, name = found
    passwords.require_good(new_password, email, name=name, bank=db.settings.name)
    stored = passwords.hashed(new_password)

    def operation(session: Session) -> None:
        if _of(session, token) is None:
            raise _not_valid()
        used = session.execute(
            update(PasswordLink)
            .where(
                col(PasswordLink.digest) == _digest(token),
                col(PasswordLink.used_at).is_(None),
                col(PasswordLink.expires_at) > clock.now(),
            )
            .values(used_at=clock.now())
        )
        if not isinstance(used, CursorResult) or used.rowcount != 1:
            afterwards(session, lambda ended: _note_bad_link(ended, token), when_refused=True)
            raise _not_valid()
        session.execute(
            update(User)
            .where(col(User.id) == user_id)
            .values(password_hash=stored, failed_sign_ins=0, locked_until=None)
        )
        _forget_links(session, user_id)
        ended = sessions.end_all_but(session, user_id, None, by=End.PASSWORD)
        audit.record(
            session, actor_id=user_id, action="password.reset", object=f"user {user_id}",
            changes={"sign_ins": [ended, 0]},
        )  # fmt: skip
        role = session.execute(select(col(User.role)).where(col(User.id) == user_id)).scalar_one()
        security_event(session, Event.PASSWORD_CHANGED, factor="link", person=Person(user_id, Role(role)), email=email)

    db.unit_of_work(operation)


def _note_bad_link(db: Database, token: str) -> None:
    """Writes down what is wrong with a link, which whoever tries it is not told."""

    def operation(session: Session) -> Any:
        columns = col(PasswordLink.used_at), col(PasswordLink.expires_at), col(User.id), col(User.role)
        return session.execute(
            select(*columns)
            .join(User, col(User.id) == col(PasswordLink.user_id))
            .where(col(PasswordLink.digest) == _digest(token))
        ).first()

    row, reason = db.read(operation), "link_unknown"
    if row is not None:
        over = row.expires_at <= clock.now()
        reason = "link_used" if row.used_at is not None else "link_expired" if over else "link_void"
    person = Person(row.id, Role(row.role)) if row is not None else None
    security_event(db, Event.PASSWORD_NOT_CHANGED, reason=reason, factor="link", person=person, by_person=False)


def _of(session: Session, token: str) -> tuple[UUID, str, str] | None:
    maker = aliased(User)
    row: Any = session.execute(
        select(col(User.id), col(User.email), col(User.name), col(User.role), col(maker.role).label("maker"))
        .join(PasswordLink, col(PasswordLink.user_id) == col(User.id))
        .join(maker, col(maker.id) == col(PasswordLink.made_by))
        .where(
            col(PasswordLink.digest) == _digest(token),
            col(PasswordLink.used_at).is_(None),
            col(PasswordLink.expires_at) > clock.now(),
            col(User.disabled_at).is_(None),
            col(maker.disabled_at).is_(None),
        )
    ).first()
    return (row.id, row.email, row.name) if row and Role(row.maker).may_decide_about(Role(row.role)) else None


def _forget_links(session: Session, user_id: UUID) -> None:
    session.execute(
        update(PasswordLink)
        .where(col(PasswordLink.user_id) == user_id, col(PasswordLink.used_at).is_(None))
        .values(used_at=clock.now())
    )


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _not_valid() -> errors.LinkNotValid:
    return errors.LinkNotValid("This link was used or its half hour is over. Ask an operator for a new one.")
