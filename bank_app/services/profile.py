"""A person's name and email: as they see them, corrected by one of the bank's people, and confirmed by themselves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import CursorResult, delete, insert, select, update
from sqlalchemy.orm import Session
from sqlmodel import col

from bank_app import clock, errors
from bank_app.database import Database
from bank_app.models import EmailChange, User
from bank_app.services import access, audit, auth, reasons, recovery, sessions, step_up
from bank_app.services.actor import Actor, still

# A new email that nobody confirms is forgotten.
LASTS = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Profile:
    """A person as they see themselves. `new_email` waits for their word until `confirm_until`; empty if none does."""

    name: str
    email: str
    since: datetime
    new_email: str = ""
    confirm_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Correction:
    """What a correction did: whether the name is another one, and which email waits to be confirmed."""

    renamed: bool
    new_email: str


def own(session: Session, actor: Actor) -> Profile:
    """Reads the actor's own profile. Locks: none."""
    user = session.execute(select(User).where(col(User.id) == actor.user_id)).scalar_one()
    waiting = _waiting(session, actor.user_id)
    if waiting is None:
        return Profile(user.name, user.email, user.created_at)
    return Profile(user.name, user.email, user.created_at, waiting.email, waiting.expires_at)


def correct(session: Session, actor: Actor, user_id: UUID, *, name: str, email: str, reason: str | None) -> Correction:
    """Corrects somebody's name at once, and proposes another email, with which they sign in once they confirm it.

    Whoever could change an email alone could sign in as its owner, so it takes the owner's word and password.
    The email that is kept already takes back what was proposed before.

    Raises:
        Forbidden: an auditor or a customer asks, anybody but an admin about one of the bank's people, or anybody about
            himself.
        NotFound: there is no such person.
        Invalid: name or email is not acceptable, or the reason is shorter than ten characters; `details["errors"]`
            names each field.
        EmailTaken: somebody else is registered with this email.
    Locks: the person and, for an admin about a colleague, all admins.
    """
    person = access.lock_person(session, actor, user_id)
    access.may_help(actor, person)
    clean_email, clean_name = auth.checked_details(email, name, now=person.email)
    why = reasons.written(reason)
    renamed = clean_name != person.name
    if renamed:
        _record(session, actor, "user.name", user_id, why, name=[person.name, clean_name])
        person.name = clean_name
    before = _waiting(session, user_id)
    if clean_email != (before.email if before else person.email):
        session.execute(delete(EmailChange).where(col(EmailChange.user_id) == user_id))
        if clean_email != person.email:
            _propose(session, actor, user_id, clean_email)
        _record(session, actor, "user.email_proposed", user_id, why, email=[person.email, clean_email])
    return Correction(renamed, clean_email if clean_email != person.email else "")


def confirm_email(db: Database, actor: Actor, password: str) -> str:
    """Makes the email that waits the actor's own, ends their other sign-ins, and returns it.

    Raises:
        CredentialsDoNotMatch, Throttled: `password` is not the actor's; counted like signing in.
        StepUpRequired: as `step_up.require`.
        NotFound: none waits any more.
        EmailTaken: somebody registered with it meanwhile.
        CoolingOff: who proposed it also helped the actor to sign in again a short while ago.
    Locks: what waits, which only one of two confirmations finds.
    """
    step_up.require(actor)
    proved = auth.prove(db, actor, password)

    def operation(session: Session) -> str:
        still(session, actor)
        waiting = _waiting(session, actor.user_id)
        if waiting is None or not _forget(session, waiting):
            raise errors.NotFound("No email waits to be confirmed. Ask an operator to propose it again.")
        period = recovery.of(session, actor.user_id)
        if period and waiting.made_by in period.hands:
            raise errors.CoolingOff(
                "Whoever proposed this email also helped to sign in again. It can be confirmed later.",
                why="took_part",
                until=clock.to_text(period.until),
            )
        new = waiting.email
        _refuse_taken(session, new, actor.user_id)
        me = (col(User.id) == actor.user_id, col(User.password_hash) == proved)
        before = session.execute(select(col(User.email)).where(*me)).scalar()
        if before is None:
            raise errors.CredentialsDoNotMatch("Your password was changed a moment ago. Nothing was changed now.")
        session.execute(update(User).where(*me).values(email=new))
        ended = sessions.end_all_but(session, actor.user_id, actor.sign_in_id, by=auth.End.EMAIL)
        _record(session, actor, "user.email", actor.user_id, None, email=[before, new], sign_ins=[ended, 0])
        return new

    return db.unit_of_work(operation)


def decline_email(session: Session, actor: Actor) -> None:
    """Keeps the actor's email as it is and forgets the one that waits. Locks: none."""
    still(session, actor)
    waiting = _waiting(session, actor.user_id)
    if waiting is not None and _forget(session, waiting):
        _record(session, actor, "user.email_declined", actor.user_id, None, email=[waiting.email, None])


def _waiting(session: Session, user_id: UUID) -> EmailChange | None:
    return session.execute(
        select(EmailChange).where(col(EmailChange.user_id) == user_id, col(EmailChange.expires_at) > clock.now())
    ).scalar()


def _forget(session: Session, waiting: EmailChange) -> bool:
    """Whether it was still there to be taken away: nobody answers the same proposal twice, or another one for it."""
    gone = session.execute(
        delete(EmailChange).where(col(EmailChange.user_id) == waiting.user_id, col(EmailChange.email) == waiting.email)
    )
    return isinstance(gone, CursorResult) and gone.rowcount == 1


def _propose(session: Session, actor: Actor, user_id: UUID, email: str) -> None:
    _refuse_taken(session, email, user_id)
    now = clock.now()
    values = {"user_id": user_id, "email": email, "made_by": actor.user_id}
    session.execute(insert(EmailChange).values(**values, created_at=now, expires_at=now + LASTS))


def _refuse_taken(session: Session, email: str, user_id: UUID) -> None:
    owner = session.execute(select(col(User.id)).where(col(User.email) == email)).scalar()
    if owner not in (None, user_id):
        raise errors.EmailTaken("Somebody is registered with this email.")


def _record(
    session: Session, actor: Actor, action: str, user_id: UUID, reason: str | None, **changes: list[object]
) -> None:
    audit.record(
        session, actor_id=actor.user_id, action=action, object=f"user {user_id}", reason=reason, changes=changes
    )
