"""What the bank's people write down about somebody, for the colleague who picks up the telephone next time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlmodel import col

from bank_app import clock, errors
from bank_app.domain.accounting import Role
from bank_app.domain.identifiers import new_id
from bank_app.domain.text import written
from bank_app.models import CustomerNote, User
from bank_app.services import audit
from bank_app.services.actor import Actor, still

MAX_NOTE = 500
_SHOWN = 50


@dataclass(frozen=True, slots=True)
class NoteView:
    """One note. Nobody can change or remove it; who was wrong writes another."""

    id: UUID
    text: str
    author: str
    written_at: datetime


def notes_about(session: Session, user_id: UUID) -> list[NoteView]:
    """The newest notes about a person, newest first. Whether somebody may see them is asked before."""
    rows = session.execute(
        select(col(CustomerNote.id), col(CustomerNote.text), col(User.name), col(CustomerNote.created_at))
        .join(User, col(User.id) == col(CustomerNote.author_id))
        .where(col(CustomerNote.user_id) == user_id)
        .order_by(col(CustomerNote.id).desc())
        .limit(_SHOWN)
    )
    return [NoteView(*row) for row in rows]


def add(session: Session, actor: Actor, user_id: UUID, *, text: str) -> None:
    """Writes something down about a person. The audit trail says that there is a note, not what is in it.

    What the newest note says already, in the same words and by the same hand, is not written a second time.

    Raises:
        Forbidden: a customer or an auditor asks, or anybody but an admin about one of the bank's people.
        NotFound: there is no such person.
        Invalid: nothing is written, or more than 500 characters.
    """
    still(session, actor)
    if not actor.role.acts_on_every_account:
        raise errors.Forbidden("Your role can look but not change this.")
    person = session.get(User, user_id)
    if person is None:
        raise errors.NotFound("There is no such person.")
    if not actor.role.may_decide_about(Role(person.role)):
        raise errors.Forbidden("Only an admin can do this.")
    checked = _checked(text)
    newest = session.execute(
        select(col(CustomerNote.text), col(CustomerNote.author_id))
        .where(col(CustomerNote.user_id) == user_id)
        .order_by(col(CustomerNote.id).desc())
        .limit(1)
    ).first()
    if newest is not None and tuple(newest) == (checked, actor.user_id):
        return
    session.add(
        CustomerNote(id=new_id(), user_id=user_id, author_id=actor.user_id, text=checked, created_at=clock.now())
    )
    audit.record(session, actor_id=actor.user_id, action="customer.note", object=f"user {user_id}")


def _checked(text: str) -> str:
    if note := written(text, most=MAX_NOTE, field="text", what="the note", lines=True):
        return note
    message = "Write a note first."
    raise errors.Invalid(message, errors=[{"field": "text", "code": "required", "message": message}])
