"""Choosing a new password: with the old one, or with a link in two halves that two of the bank's people hand over."""

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
from bank_app.models import RECOVERIES, PasswordLink, User
from bank_app.services import access, audit, auth, passwords, recovery, sessions, step_up
from bank_app.services.access import Hands
from bank_app.services.actor import Actor, Person, still
from bank_app.services.auth import End
from bank_app.services.security_events import Event, security_event

LASTS = timedelta(minutes=30)
# Crockford's: nothing in it is taken for something else, read aloud or from paper.
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_READ_AS = str.maketrans({"O": "0", "I": "1", "L": "1"})
# 60 bits each: neither is guessed from the other in half an hour.
_HALF = 12
_GROUP = 4


@dataclass(frozen=True, slots=True)
class Half:
    """One half of a link's token, shown once to one of two people and kept as a digest."""

    text: str

    @classmethod
    def new(cls) -> Half:
        """Nobody has seen it."""
        letters = "".join(secrets.choice(_LETTERS) for _ in range(_HALF))
        return cls("-".join(letters[start : start + _GROUP] for start in range(0, _HALF, _GROUP)))

    @property
    def digest(self) -> bytes:
        """What is kept of it."""
        return _digest(_letters(self.text))


@dataclass(frozen=True, slots=True)
class NewLink:
    """A link to hand over whole: its token, shown once and kept as a digest, and when it ends."""

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
        still(session, actor)
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


def make(session: Session, hands: Hands, user_id: UUID, first: bytes, second: bytes) -> datetime:
    """Makes a link of the digests of its halves, and says until when it opens. Links made before end.

    A person chooses a password with it, once and within half an hour. It opens only while all who took part could make
    it again: it ends when a role of theirs or the person's does not allow it.

    Raises:
        Forbidden, NotFound, BothFactors: as `access.require_power_over`.
    """
    user = session.get(User, user_id, populate_existing=True)
    access.require_power_over(session, hands, user, factor=recovery.PASSWORD)
    _forget_links(session, user_id)
    now, digest = clock.now(), _joined(first, second)
    values = {"digest": digest, "user_id": user_id, "made_by": hands.last.user_id, "created_at": now}
    session.execute(insert(PasswordLink).values(**values, expires_at=now + LASTS))
    recovery.begin(session, user_id, recovery.PASSWORD, *hands.ids, link=digest)
    audit.record(
        session, actor_id=hands.last.user_id, action="password.link", object=f"user {user_id}", changes=hands.recorded
    )
    return now + LASTS


def until(session: Session, first: bytes, second: bytes) -> datetime | None:
    """Until when the link of these two halves opens; None if there is none."""
    query = select(col(PasswordLink.expires_at)).where(col(PasswordLink.digest) == _joined(first, second))
    return session.execute(query).scalar()


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
                col(PasswordLink.digest) == _digest_of(token),
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
        recovery.begin_with_link(session, _digest_of(token))
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
            .where(col(PasswordLink.digest) == _digest_of(token))
        ).first()

    row, reason = db.read(operation), "link_unknown"
    if row is not None:
        over = row.expires_at <= clock.now()
        reason = "link_used" if row.used_at is not None else "link_expired" if over else "link_void"
    person = Person(row.id, Role(row.role)) if row is not None else None
    security_event(db, Event.PASSWORD_NOT_CHANGED, reason=reason, factor="link", person=person, by_person=False)


def _of(session: Session, token: str) -> tuple[UUID, str, str] | None:
    asker, approver = aliased(User), aliased(User)
    digest = _digest_of(token)
    row: Any = session.execute(
        select(
            col(User.id), col(User.email), col(User.name), col(User.role),
            RECOVERIES.c.asked_by, col(asker.role).label("asker"), col(asker.disabled_at).label("asker_gone"),
            RECOVERIES.c.approved_by, col(approver.role).label("approver"),
            col(approver.disabled_at).label("approver_gone"),
        )
        .join(PasswordLink, col(PasswordLink.user_id) == col(User.id))
        .join(RECOVERIES, RECOVERIES.c.link == col(PasswordLink.digest))
        .outerjoin(asker, col(asker.id) == RECOVERIES.c.asked_by)
        .outerjoin(approver, col(approver.id) == RECOVERIES.c.approved_by)
        .where(
            col(PasswordLink.digest) == digest,
            col(PasswordLink.used_at).is_(None),
            col(PasswordLink.expires_at) > clock.now(),
            col(User.disabled_at).is_(None),
        )
    ).first()  # fmt: skip
    if row is None:
        return None
    took_part = [(row.asked_by, row.asker, row.asker_gone), (row.approved_by, row.approver, row.approver_gone)]
    for who, role, gone in took_part:
        if who and (gone is not None or not Role(role).may_decide_about(Role(row.role))):
            return None
    return row.id, row.email, row.name


def _forget_links(session: Session, user_id: UUID) -> None:
    session.execute(
        update(PasswordLink)
        .where(col(PasswordLink.user_id) == user_id, col(PasswordLink.used_at).is_(None))
        .values(used_at=clock.now())
    )


def _letters(text: str) -> str:
    """A token however it is typed: small or capital letters, with spaces and hyphens or without."""
    return "".join(letter for letter in text.upper().translate(_READ_AS) if letter in _LETTERS)


def _digest_of(token: str) -> bytes:
    letters = _letters(token)
    return _joined(_digest(letters[:_HALF]), _digest(letters[_HALF:]))


def _joined(first: bytes, second: bytes) -> bytes:
    return hashlib.sha256(first + second).digest()


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _not_valid() -> errors.LinkNotValid:
    return errors.LinkNotValid("This link was used or its half hour is over. Ask an operator for a new one.")
