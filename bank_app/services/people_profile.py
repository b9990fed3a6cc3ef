"""What the bank has written down about whoever asks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlmodel import col

from bank_app.models import User
from bank_app.services.auth import Actor


@dataclass(frozen=True, slots=True)
class Profile:
    """A person as he sees himself."""

    name: str
    email: str
    since: datetime


def own(session: Session, actor: Actor) -> Profile:
    """The actor's own profile."""
    user = session.execute(select(User).where(col(User.id) == actor.user_id)).scalar_one()
    return Profile(user.name, user.email, user.created_at)
