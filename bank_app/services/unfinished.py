"""What somebody began and did not finish: forms that are half filled in, and checked drafts that were never sent.

A form keeps what was typed, as it was typed, under an address of its own: it survives a reload, the end of a session
and a change of device. Nothing in it was checked, so nothing here moves money.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session
from sqlmodel import col

from bank_app import clock, errors
from bank_app.models import IdempotencyKey, TransferDraft, UnfinishedForm
from bank_app.services import drafts, preferences
from bank_app.services.actor import Actor, still
from bank_app.services.drafts import DraftView

LIFETIME = timedelta(hours=24)
# What a form may keep, and how much of it. Anything else that a browser sends is left out.
FIELDS: Mapping[str, int] = {
    "source": 40, "who": 10, "own": 40, "paid": 40, "number": 60, "name": 400, "amount": 60, "note": 700,
    # In which locale the page was written, whose marks the amount has.
    "written": 10,
}  # fmt: skip
KINDS = ("transfer", "deposit", "withdraw")
# Money is added without a draft in between.
_CHECKED = ("transfer", "withdraw")
_MOST_FORMS = 20


@dataclass(frozen=True, slots=True)
class Form:
    """A form as far as it was filled in: the texts of its fields, unchecked."""

    id: UUID
    kind: str
    fields: Mapping[str, str]
    changed_at: datetime

    @property
    def written(self) -> str | None:
        """The locale whose marks the amount was typed with, if that is known."""
        return preferences.locale_of(self.fields.get("written"))


@dataclass(frozen=True, slots=True)
class Unfinished:
    """What somebody can go on with: the newest forms, and the drafts that wait for their word."""

    forms: tuple[Form, ...]
    drafts: tuple[DraftView, ...]


def keep(session: Session, actor: Actor, form_id: UUID, *, kind: str, fields: Mapping[str, str]) -> None:
    """Keeps what stands in a form now, under an id that the caller chose. The newest 20 forms of a person stay.

    Raises:
        NotFound: the id belongs to a form of somebody else.
        Invalid: there is no such kind of form.
    """
    still(session, actor)
    if kind not in KINDS:
        raise errors.Invalid("There is no such form.")
    kept = {name: fields[name][:most] for name, most in FIELDS.items() if fields.get(name)}
    now, own = clock.now(), (col(UnfinishedForm.id) == form_id, col(UnfinishedForm.user_id) == actor.user_id)
    found = session.execute(update(UnfinishedForm).where(*own).values(fields_=kept, kind=kind, changed_at=now))
    if found.rowcount:  # type: ignore[attr-defined]
        return
    if session.execute(select(col(UnfinishedForm.id)).where(col(UnfinishedForm.id) == form_id)).first():
        raise _gone()
    _make_room(session, actor, now)
    row = {"id": form_id, "user_id": actor.user_id, "kind": kind, "fields_": kept, "changed_at": now}
    session.execute(insert(UnfinishedForm), [row])


def get(session: Session, actor: Actor, form_id: UUID) -> Form:
    """The actor's own form.

    Raises:
        NotFound: there is none with this id, it is somebody else's, or it was not touched for a day.
    """
    found = next((form for form in _forms(session, actor) if form.id == form_id), None)
    if found is None:
        raise _gone()
    return found


def drop(session: Session, actor: Actor, form_id: UUID) -> None:
    """Forgets a form, or a draft that was never sent. One that is not there is forgotten already."""
    still(session, actor)
    session.execute(
        delete(UnfinishedForm).where(col(UnfinishedForm.id) == form_id, col(UnfinishedForm.user_id) == actor.user_id)
    )
    waiting = [draft for draft in _waiting(session, actor) if draft.id == form_id]
    for draft in waiting:
        session.execute(
            delete(TransferDraft).where(col(TransferDraft.id) == draft.id, col(TransferDraft.user_id) == actor.user_id)
        )


def of(session: Session, actor: Actor, *, limit: int = 5) -> Unfinished:
    """What the actor can go on with, newest first. Of several drafts for the same accounts only the newest."""
    newest: dict[tuple[str, int | None, int | None], DraftView] = {}
    for draft in _waiting(session, actor):
        newest.setdefault((draft.kind, draft.from_account_id, draft.to_account_id), draft)
    return Unfinished(tuple(_forms(session, actor)[:limit]), tuple(newest.values())[:limit])


def _forms(session: Session, actor: Actor) -> list[Form]:
    rows = session.execute(
        select(UnfinishedForm)
        .where(col(UnfinishedForm.user_id) == actor.user_id, col(UnfinishedForm.changed_at) >= clock.now() - LIFETIME)
        .order_by(col(UnfinishedForm.changed_at).desc())
    ).scalars()
    return [Form(row.id, row.kind, row.fields_, row.changed_at) for row in rows]


def _waiting(session: Session, actor: Actor) -> list[DraftView]:
    """Drafts without an answer, newest first."""
    kept = drafts.newest(session, actor, limit=_MOST_FORMS)
    answered = set(
        session.execute(
            select(col(IdempotencyKey.key)).where(
                col(IdempotencyKey.actor_id) == actor.user_id,
                col(IdempotencyKey.key).in_([draft.key for draft in kept]),
            )
        ).scalars()
    )
    return [draft for draft in kept if draft.key not in answered and draft.kind in _CHECKED]


def _make_room(session: Session, actor: Actor, now: datetime) -> None:
    """Forgets what is too old, and the oldest of somebody who begins many."""
    session.execute(delete(UnfinishedForm).where(col(UnfinishedForm.changed_at) < now - LIFETIME))
    many = [form.id for form in _forms(session, actor)[_MOST_FORMS - 1 :]]
    if many:
        session.execute(delete(UnfinishedForm).where(col(UnfinishedForm.id).in_(many)))


def _gone() -> errors.NotFound:
    return errors.NotFound("This form was not kept. Start a new one.")
