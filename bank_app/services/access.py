"""Who may come in, as the bank's people decide: sign-ins switched off and on, roles, and inviting colleagues."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session
from sqlmodel import col

from bank_app import clock, errors
from bank_app.database import Database
from bank_app.domain.accounting import Role
from bank_app.domain.identifiers import new_id
from bank_app.models import User
from bank_app.services import audit, auth, passwords, reasons, recovery, sessions, step_up
from bank_app.services.actor import Actor, still


@dataclass(frozen=True, slots=True)
class Hands:
    """Who lets somebody in or gives them power: who asked, and who approved. Made by `approvals` and nowhere else.

    `approved_by` is None where the bank has nobody else who could, and for what takes one person only.
    """

    asked_by: Actor
    approved_by: Actor | None = None

    @property
    def last(self) -> Actor:
        """By whose press it happens."""
        return self.approved_by or self.asked_by

    @property
    def both(self) -> tuple[Actor, ...]:
        """All who took part."""
        return (self.asked_by, self.approved_by) if self.approved_by else (self.asked_by,)

    @property
    def ids(self) -> tuple[UUID, UUID | None]:
        """Who asked, and who approved."""
        return self.asked_by.user_id, self.approved_by.user_id if self.approved_by else None

    @property
    def recorded(self) -> dict[str, list[str | None]]:
        """How the trail says so; nothing where one was enough."""
        return {"asked_by": [None, str(self.asked_by.user_id)]} if self.approved_by else {}


def disable(session: Session, actor: Actor, user_id: UUID, *, reason: str) -> None:
    """Switches somebody's sign-in off and ends their sessions. Money and accounts stay as they are.

    Raises:
        Forbidden: an auditor or a customer asks, or anybody but an admin about one of the bank's people.
        NotFound: there is no such person.
        Invalid: the reason is missing or shorter than ten characters.
        LastAdmin: nobody would be left who can manage people.
    Locks: the person and, for an admin, all admins.
    """
    person = lock_person(session, actor, user_id)
    why = reasons.written(reason)
    if person.disabled_at is not None:
        return
    _keep_an_admin(session, person)
    now = clock.now()
    person.disabled_at = now
    ended = sessions.end_all_but(session, user_id, None, by=auth.End.BANK)
    _record(session, actor, "sign_in.disable", user_id, reason=why, disabled=[False, True], sign_ins=[ended, 0])


def enable(session: Session, hands: Hands, user_id: UUID, *, reason: str) -> None:
    """Switches somebody's sign-in on again.

    Raises:
        Forbidden, NotFound, Invalid: as `require_power_over`, and as `disable`.
    Locks: the person.
    """
    person = lock_person(session, hands.last, user_id)
    require_power_over(session, hands, person)
    why = reasons.written(reason)
    if person.disabled_at is None:
        return
    person.disabled_at = None
    _record(session, hands.last, "sign_in.enable", user_id, reason=why, disabled=[True, False], **hands.recorded)


def unlock(session: Session, hands: Hands, user_id: UUID, *, reason: str) -> None:
    """Lets somebody try again at once who typed the wrong password too often.

    Raises:
        Forbidden, NotFound: as `require_power_over`.
    Locks: the person.
    """
    person = lock_person(session, hands.last, user_id)
    require_power_over(session, hands, person)
    if not person.failed_sign_ins and person.locked_until is None:
        return
    failed, person.failed_sign_ins, person.locked_until = person.failed_sign_ins, 0, None
    changes = {"failed_sign_ins": [failed, 0], **hands.recorded}
    _record(session, hands.last, "sign_in.unlock", user_id, reason=reasons.written(reason), **changes)


def sign_out_everywhere(session: Session, actor: Actor, user_id: UUID) -> int:
    """Ends all browser sessions and API tokens of a person, and says how many there were.

    Raises:
        Forbidden, NotFound: as `disable`.
    Locks: the person.
    """
    lock_person(session, actor, user_id)
    ended = sessions.end_all_but(session, user_id, None, by=auth.End.BANK)
    if ended:
        _record(session, actor, "sign_in.end_all", user_id, sign_ins=[ended, 0])
    return ended


def change_role(session: Session, hands: Hands, user_id: UUID, *, role: Role, reason: str) -> None:
    """Gives somebody another role. It counts with their next request. Asked for with `approvals.ask`.

    Raises:
        Forbidden: anybody but an admin asks or approves, or approves power for himself.
        NotFound: there is no such person.
        Invalid: the reason is missing or shorter than ten characters.
        LastAdmin: nobody would be left who can manage people.
    Locks: the person and all admins.
    """
    for actor in hands.both:
        _admins_only(actor)
    why = reasons.written(reason)
    person = lock_person(session, hands.last, user_id)
    if person.role == role.value:
        return
    if role is not Role.ADMIN:
        _keep_an_admin(session, person)
    before, person.role = person.role, role.value
    if role.acts_on_every_account and not Role(before).may_decide_about(role) and hands.approved_by is None:
        # Whoever makes himself a colleague does not have one who approves what he asks for.
        recovery.begin(session, user_id, recovery.POWER, hands.asked_by.user_id, None)
    _record(session, hands.last, "user.role", user_id, reason=why, role=[before, role.value], **hands.recorded)


def invite(db: Database, actor: Actor, *, email: str, name: str, role: Role) -> UUID:
    """Makes one of the bank's people, who cannot sign in before choosing a password with a link.

    Raises:
        Forbidden: anybody but an admin asks.
        Invalid: email or name is not acceptable, or the role is a customer's; `details["errors"]` names each field.
        EmailTaken: somebody is registered with this email.
    """
    _admins_only(actor)
    # Nobody ever learns this password; checking it takes as long as checking anybody's, so it tells nothing.
    password = secrets.token_urlsafe(32)
    problems = []
    if role is Role.CUSTOMER:
        message = "Choose what the new colleague may do."
        problems.append({"field": "role", "code": "required", "message": message})
    try:
        clean_email, clean_name = auth.checked_person(email, name, password, bank=db.settings.name)
    except errors.Invalid as found:
        problems = [*found.details["errors"], *problems]
    if problems:
        raise errors.Invalid(" ".join(problem["message"] for problem in problems), errors=problems)
    user_id, hashed = new_id(), passwords.hashed(password)

    def operation(session: Session) -> UUID:
        still(session, actor)
        taken = session.execute(select(col(User.id)).where(col(User.email) == clean_email)).scalar()
        if taken is not None and taken != user_id:
            raise errors.EmailTaken("Somebody is registered with this email.")
        if taken is None:
            session.add(
                User(
                    id=user_id,
                    email=clean_email,
                    name=clean_name,
                    password_hash=hashed,
                    role=role.value,
                    created_at=clock.now(),
                )
            )
            session.flush()
            _record(session, actor, "user.invite", user_id, role=[None, role.value])
        return user_id

    return db.unit_of_work(operation, resolvable=True)


def require_power_over(session: Session, hands: Hands, user: User | None, *, factor: str = "") -> None:
    """Makes sure that these may let this person in again. Whatever does that begins with this.

    `factor` is the part of signing in that they take care of, which nobody does who had a hand in the other one.

    Raises:
        Forbidden, NotFound: as `may_help`, of each of them.
        BothFactors: one of them took part in another factor of this person a short while ago.
    """
    for actor in hands.both:
        may_help(actor, user)
        if user is not None and factor:
            recovery.refuse_other_factor(session, actor.user_id, user.id, factor)


def may_help(actor: Actor, user: User | None) -> None:
    """Makes sure that the actor is one of those who may help this person with signing in.

    Raises:
        Forbidden: an auditor or a customer asks, a teller about one of the bank's people, or anybody about himself.
        NotFound: there is no such person.
    """
    if not actor.role.acts_on_every_account:
        raise errors.Forbidden("Your role can look but not change this.")
    if user is None:
        raise errors.NotFound("There is no such person.")
    if user.id == actor.user_id or not actor.role.may_decide_about(Role(user.role)):
        raise errors.Forbidden("Only another admin can do this.")
    step_up.require(actor)


def _admins_only(actor: Actor) -> None:
    if actor.role is not Role.ADMIN:
        raise errors.Forbidden("Only an admin can do this.")
    step_up.require(actor)


def lock_person(session: Session, actor: Actor, user_id: UUID) -> User:
    """Locks a person, once the actor may decide about somebody of this role, and returns them as they are now.

    Of the bank's people all admins are locked as well, in the order of their ids: two of them cannot each send the
    other away, because the second finds that he is none any more.

    Who asks is asked about as `actor.still` does, once the rows are held: two admins who had both been asked about
    before could only wait for each other.

    Raises:
        NotSignedIn: the actor's sign-in has ended meanwhile.
        Forbidden: an auditor or a customer asks, anybody but an admin about one of the bank's people, or who asks has
            another role by now.
        NotFound: there is no such person.
    """
    if not actor.role.acts_on_every_account:
        raise errors.Forbidden("Your role can look but not change this.")
    role = session.execute(select(col(User.role)).where(col(User.id) == user_id)).scalar()
    if role is None:
        raise errors.NotFound("There is no such person.")
    wanted = {user_id}
    step_up.require(actor)
    if role != Role.CUSTOMER:
        _admins_only(actor)
        wanted.update(session.execute(select(col(User.id)).where(col(User.role) == Role.ADMIN.value)).scalars())
    found = session.execute(
        select(User)
        .where(col(User.id).in_(wanted))
        .order_by(col(User.id))
        .with_for_update()
        .execution_options(populate_existing=True)
    ).scalars()
    locked = {user.id: user for user in found}
    if locked[user_id].role != role:
        # Who was a customer when looked up may be a colleague by now, whom not everybody decides about.
        raise errors.Forbidden("Their role changed a moment ago.")
    still(session, actor)
    return locked[user_id]


def lock_people(session: Session, user_ids: Iterable[UUID]) -> dict[UUID, User]:
    """Locks people and all admins, in the order of their ids, and returns them as they are now.

    Locks: them, and all admins.
    """
    found = session.execute(
        select(User)
        .where(or_(col(User.id).in_(set(user_ids)), col(User.role) == Role.ADMIN.value))
        .order_by(col(User.id))
        .with_for_update()
        .execution_options(populate_existing=True)
    ).scalars()
    return {user.id: user for user in found}


def _keep_an_admin(session: Session, person: User) -> None:
    """Refuses to take away the last one who can manage people. All admins are locked by now."""
    others = select(func.count()).where(
        col(User.role) == Role.ADMIN.value, col(User.disabled_at).is_(None), col(User.id) != person.id
    )
    if person.role == Role.ADMIN and not session.execute(others).scalar_one():
        raise errors.LastAdmin("The bank needs at least one admin.")


def _record(
    session: Session, actor: Actor, action: str, user_id: UUID, *, reason: str | None = None, **changes: Any
) -> None:
    audit.record(
        session, actor_id=actor.user_id, action=action, object=f"user {user_id}", reason=reason, changes=changes
    )
