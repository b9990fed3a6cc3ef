"""A code given a moment ago, where much depends on it, of whoever signs in in two steps."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.orm import Session
from sqlmodel import col

from bank_app import clock, errors
from bank_app.database import Database
from bank_app.models import SignIn, User
from bank_app.services import audit, auth, codes, factors
from bank_app.services.actor import Actor


def require(actor: Actor) -> None:
    """Turns away who signs in in two steps and has given no code for a while.

    Raises:
        StepUpRequired: `prove` comes first.
    """
    if actor.two_steps and not is_fresh(actor):
        raise errors.StepUpRequired("This takes a fresh code of your second step. Give it, and ask for the same again.")


def prove(db: Database, actor: Actor, *, code: str) -> Actor:
    """Notes that the actor gave a right code just now in this sign-in, and returns him so.

    Raises:
        SecondFactorWrong, SecondFactorUsed, Throttled: the code is not right; counted like signing in.
        NotFound: he does not sign in in two steps.
        NotSignedIn: the sign-in has ended.
    Locks: the person's row.
    """

    def check(session: Session, user: User) -> errors.BankError | None:
        if not codes.is_on(user):
            return errors.NotFound("Two-step sign-in is off.")
        if refusal := factors.verify(session, db.settings, user, code):
            return refusal
        note(session, actor.sign_in_id)
        audit.record(session, actor_id=user.id, action="second_step.proved", object=f"user {user.id}")
        return None

    auth.one_try(db, actor.user_id, check, actor=actor)
    return replace(actor, fresh_until=clock.now() + timedelta(minutes=db.settings.step_up_minutes))


def note(session: Session, sign_in_id: UUID | None) -> None:
    """Notes that a right code was given in this sign-in just now."""
    session.execute(update(SignIn).where(col(SignIn.id) == sign_in_id).values(proved_at=clock.now()))


def is_fresh(actor: Actor) -> bool:
    """Whether the actor gave a right code in this sign-in a moment ago."""
    return actor.fresh_until is not None and clock.now() < actor.fresh_until
