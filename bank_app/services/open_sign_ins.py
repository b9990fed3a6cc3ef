"""How many sign-ins somebody has at once: the one used longest ago makes room for a new one."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session
from sqlmodel import col

from bank_app import clock
from bank_app.models import SignIn
from bank_app.services import audit
from bank_app.settings import Settings

# More than any bank allows: an offset needs a limit.
_ALL = 200_000


def make_room(session: Session, user_id: UUID, kind: str, *, ended_by: str) -> None:
    """Ends the sign-ins that were used longest ago, of somebody who would have more than the bank allows at once.

    Those of browsers and of programs are counted apart: neither ends the other. Whoever begins one has locked the
    person, so that of two that begin at once the second counts the first.
    """
    settings: Settings = session.info["settings"]
    now, most = clock.now(), settings.most_sessions if kind == "browser" else settings.most_api_sign_ins
    open_ones = [col(SignIn.user_id) == user_id, col(SignIn.kind) == kind, col(SignIn.revoked_at).is_(None)]
    if kind == "browser":
        open_ones.append(col(SignIn.last_seen_at) > now - timedelta(minutes=settings.session_idle_minutes))
    newest = select(col(SignIn.id)).where(*open_ones, col(SignIn.expires_at) > now)
    beyond = newest.order_by(col(SignIn.last_seen_at).desc(), col(SignIn.id).desc()).offset(most - 1).limit(_ALL)
    too_many = session.execute(beyond).scalars().all()
    if too_many:
        session.execute(update(SignIn).where(col(SignIn.id).in_(too_many)).values(revoked_at=now, ended_by=ended_by))
        audit.record(
            session, actor_id=user_id, action="sign_in.end_oldest", object=f"user {user_id}",
            changes={"sign_ins": [len(too_many), 0]},
        )  # fmt: skip
