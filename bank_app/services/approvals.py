"""What one of the bank's people asks for happens when another approves: exactly that, exactly once, or not at all.

What is approved is a hash over everything that decides what will happen, and over what it was decided upon. When it is
approved, all of that is looked up again, under locks, in the unit of work in which it then happens.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CursorResult, func, insert, or_, select, update
from sqlalchemy.orm import Session, aliased
from sqlmodel import col

from bank_app import clock, errors
from bank_app.database import Database, settings_of
from bank_app.domain.accounting import Role
from bank_app.domain.identifiers import earliest_id, fingerprint, new_id
from bank_app.models import Approval, AuditRecord, User
from bank_app.services import (
    access,
    audit,
    auth,
    four_eyes,
    looks,
    mail,
    password_links,
    reasons,
    recovery,
    roles,
    step_up,
)
from bank_app.services.access import Hands
from bank_app.services.actor import Actor, still
from bank_app.services.approval_kinds import KINDS, Deed, Kind, Wish, spelt
from bank_app.services.lists import Page, make_cursor, split_id
from bank_app.services.password_links import Half, NewLink

# How long who asked for files may take them.
EXPORT_LASTS = timedelta(hours=1)
MOST_LISTED = 200


class State(StrEnum):
    """A request is pending and then, once, something else."""

    PENDING = "pending"
    DONE = "done"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    OUTDATED = "outdated"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Asked:
    """What became of asking: it waits, or it is done because one is enough or there is nobody else.

    `half` is that of a password link which waits; `link` a whole one. Both are shown now and never again. Where there
    is nobody else and the bank can send mail the other half went there, `mailed`. `id` is None where one is enough.
    """

    id: UUID | None
    state: State
    half: str = ""
    link: NewLink | None = None
    mailed: bool = False


@dataclass(frozen=True, slots=True)
class Approved:
    """What happened. `half` is the other one of a password link, shown now and never again; `until` when that ends.

    Where the bank can send mail that half went there instead, `mailed`: nobody of the bank has seen both.
    """

    id: UUID
    half: str = ""
    until: datetime | None = None
    transaction_id: UUID | None = None
    mailed: bool = False


@dataclass(frozen=True, slots=True)
class ApprovalView:
    """A request as the bank's people see it. `before` is what it was decided upon."""

    id: UUID
    kind: str
    subject: str
    change: Mapping[str, Any]
    before: Mapping[str, Any]
    reason: str
    state: State
    asked_by: UUID
    asker: str
    asked_at: datetime
    expires_at: datetime
    digest: str
    decided_by: UUID | None
    decider: str
    decided_at: datetime | None
    answer: str
    mine: bool
    may_decide: bool = field(default=False)


# --- asking ----------------------------------------------------------------------------------------------


def ask(db: Database, actor: Actor, wish: Wish, *, reason: str) -> Asked:
    """Asks for something that takes two. What the same person asked for before about the same is withdrawn.

    It happens at once where the settings let one person do it, or where nobody else at the bank could approve it; the
    trail says so, and after a recovery the cooling-off is longer.

    Raises:
        Forbidden, NotFound, BothFactors: whoever asks could not do it, as the kind says.
        Invalid: the reason is missing, shorter than ten characters or too long; or the change is none.
    Locks: the asker, whom it is about, and all admins.
    """
    kind, why = _kind(wish.kind), reasons.written(reason)
    wish = spelt(wish)
    identifier, halves = new_id(), (Half.new(), Half.new())

    def asked(session: Session, state: State) -> Asked:
        if not kind.halves:
            return Asked(identifier, state)
        if state is State.PENDING:
            return Asked(identifier, state, half=halves[0].text)
        until = password_links.until(session, halves[0].digest, halves[1].digest)
        if until and mail.is_set_up(db.settings):
            return Asked(identifier, state, half=halves[0].text, mailed=True)
        link = NewLink(f"{halves[0].text}-{halves[1].text}", until) if until else None
        return Asked(identifier, state, link=link)

    def operation(session: Session) -> Asked:
        if before_the_line_broke := session.get(Approval, identifier, populate_existing=True):
            return asked(session, State(before_the_line_broke.state))
        _lock(session, actor, wish)
        _must_not_be_fresh(session, actor.user_id)
        before = kind.look(session, actor, wish)
        two = kind.group in four_eyes.groups(settings_of(session)) and kind.needed(session, wish)
        alone = two and not _anybody_else(session, actor, kind, wish)
        payload = _payload(wish, before, actor, why)
        if two:
            _withdraw_before(session, actor, wish)
            _insert(
                session, actor, wish, identifier=identifier, payload=payload, alone=alone,
                half=halves[0] if kind.halves else None,
            )  # fmt: skip
        if not (two and not alone):
            kind.act(session, Deed(Hands(actor), wish, why, identifier, halves[0].digest, halves[1].digest))
            if kind.halves and mail.is_set_up(db.settings):
                _mail_half(session, UUID(wish.name), identifier, halves[1])
        state = State.PENDING if two and not alone else State.DONE
        return asked(session, state) if two else Asked(None, state)

    return db.unit_of_work(operation, resolvable=True)


def ask_for_role(
    db: Database, actor: Actor, user_id: UUID, *, role: Role, reason: str, password: str, was: Role | None = None
) -> Asked:
    """Asks for another role of somebody, with the asker's own password.

    Raises:
        CredentialsDoNotMatch, Throttled: `password` is not the asker's own; counted like signing in.
        Forbidden, NotFound, Invalid: as `ask`, and if the person has not the role `was` any more.
    """
    if actor.role is not Role.ADMIN:
        raise errors.Forbidden("Only an admin can do this.")
    reasons.written(reason)
    auth.prove(db, actor, password)
    wish = Wish.about("role", user_id, role=role.value, **({"was": was.value} if was else {}))
    return ask(db, actor, wish, reason=reason)


def _kind(name: str) -> Kind:
    if name in KINDS:
        return KINDS[name]
    message = f"Choose what to ask for: {', '.join(KINDS)}."
    raise errors.Invalid(message, errors=[{"field": "kind", "code": "invalid", "message": message}])


def _payload(wish: Wish, before: Mapping[str, Any], asker: Actor, why: str) -> dict[str, Any]:
    return {
        "kind": wish.kind,
        "subject": wish.subject,
        "change": dict(wish.change),
        "before": dict(before),
        "asked_by": str(asker.user_id),
        "asker_role": asker.role.value,
        "reason": why,
    }


def digest_of(payload: Mapping[str, Any]) -> bytes:
    """SHA-256 over canonical JSON of everything that decides what will happen."""
    return fingerprint("approval", payload)


def _lock(session: Session, actor: Actor, wish: Wish, *others: UUID) -> dict[UUID, User]:
    """Locks who takes part and whom it is about, and makes sure that the actor is who he was."""
    about = [UUID(wish.name)] if wish.subject.startswith("user ") and _is_id(wish.name) else []
    found = access.lock_people(session, [actor.user_id, *about, *others])
    # Once the rows are held, as `access.lock_person` does.
    still(session, actor)
    return found


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _insert(
    session: Session, actor: Actor, wish: Wish, *, identifier: UUID, payload: Mapping[str, Any], half: Half | None,
    alone: bool,
) -> None:  # fmt: skip
    now, digest = clock.now(), digest_of(payload)
    session.execute(
        insert(Approval).values(
            id=identifier,
            kind=wish.kind,
            subject=wish.subject,
            asked_by=actor.user_id,
            asked_at=now,
            expires_at=now + timedelta(hours=settings_of(session).approval_hours),
            reason=payload["reason"],
            payload=payload,
            digest=digest,
            half=half.digest if half else None,
            state=State.DONE.value if alone else State.PENDING.value,
            decided_at=now if alone else None,
        )
    )
    _record(
        session,
        actor,
        "approval.alone" if alone else "approval.ask",
        identifier,
        wish,
        digest=digest,
        reason=payload["reason"],
    )


def _withdraw_before(session: Session, actor: Actor, wish: Wish) -> None:
    session.execute(
        update(Approval)
        .where(
            col(Approval.kind) == wish.kind,
            col(Approval.subject) == wish.subject,
            col(Approval.asked_by) == actor.user_id,
            col(Approval.state) == State.PENDING.value,
        )
        .values(state=State.WITHDRAWN.value, decided_by=actor.user_id, decided_at=clock.now())
    )


def _anybody_else(session: Session, actor: Actor, kind: Kind, wish: Wish) -> bool:
    """Whether the bank has, or had a short while ago, somebody else who could approve.

    Whoever sent his colleagues away a moment ago is not the only one.
    """
    wanted, not_these = kind.approvers(session, wish)
    lately = clock.now() - timedelta(hours=settings_of(session).recovery_alone_hours)
    others = col(User.id).not_in({actor.user_id, *not_these})
    here = select(col(User.id)).where(
        others,
        col(User.role).in_([role.value for role in wanted]),
        or_(col(User.disabled_at).is_(None), col(User.disabled_at) > lately),
    )
    if session.execute(here.limit(1)).first():
        return True
    changed = select(col(AuditRecord.object), col(AuditRecord.changes)).where(
        col(AuditRecord.action) == "user.role", col(AuditRecord.id) >= earliest_id(lately)
    )
    excluded = {f"user {one}" for one in (actor.user_id, *not_these)}
    return any(
        row.object not in excluded and (row.changes.get("role") or [None])[0] in wanted
        for row in session.execute(changed)
    )


# --- deciding ----------------------------------------------------------------------------------------------


def approve(db: Database, actor: Actor, approval_id: UUID, *, digest: str) -> Approved:
    """Makes happen what was asked for, if `digest` is that of exactly what would happen now.

    Sent again by the same person it is answered again, without the half of a link.

    Raises:
        NotFound: there is no such request.
        Forbidden: the actor is none of the bank's people, asked for it, has no power over it, or was helped back in a
            short while ago.
        BothFactors, StepUpRequired: as the kind says.
        ApprovalNotOpen: it was decided, withdrawn or forgotten before; `details["state"]`.
        ApprovalOutdated: it, what it was decided upon, or the power of who asked is not what it was; it is closed.
        BankError: what would happen is refused, such as a reversal for want of money; it stays pending.
    Locks: both people, whom it is about and all admins; then the request.
    """
    other = Half.new()

    def operation(session: Session) -> Approved | errors.BankError:
        found = _find(session, actor, approval_id)
        wish, kind = _wish(found), _kind(found.kind)
        people = _lock(session, actor, wish, found.asked_by)
        session.refresh(found)
        if found.state == State.DONE and found.decided_by == actor.user_id:
            until = password_links.until(session, found.half or b"", other.digest)
            mailed = until is not None and mail.is_set_up(db.settings)
            return Approved(found.id, other.text if until and not mailed else "", until, mailed=mailed)
        _must_be_open(found)
        _may_decide(session, actor, found, kind)
        step_up.require(actor)
        asker = _as_asked(session, people, found)
        if asker is None or not _is_unchanged(session, found, kind, asker, digest):
            return _close_outdated(session, actor, found)
        if not _take(session, found, actor, State.DONE):
            return _not_open(found.id, State.DONE)
        deed = Deed(Hands(asker, actor), wish, found.reason, found.id, found.half or b"", other.digest)
        happened = kind.act(session, deed)
        _record(
            session, actor, "approval.approve", found.id, wish, digest=found.digest, reason=found.reason, asker=asker
        )
        until = happened if isinstance(happened, datetime) else None
        moved = happened if isinstance(happened, UUID) else None
        mailed = kind.halves and mail.is_set_up(db.settings)
        if mailed:
            _mail_half(session, UUID(wish.name), found.id, other)
        return Approved(found.id, other.text if kind.halves and not mailed else "", until, moved, mailed=mailed)

    outcome = db.unit_of_work(operation, resolvable=True)
    if isinstance(outcome, errors.BankError):
        raise outcome
    return outcome


def _mail_half(session: Session, user_id: UUID, approval_id: UUID, half: Half) -> None:
    mail.put(
        session,
        user_id=user_id,
        about=f"half {approval_id}",
        subject="The second half of your code",
        body=f"You asked the bank for a new password. The second half of your code is\n\n    {half.text}\n\nand works "
        "with the first half, which you were given, for 30 minutes. If you asked for nothing, tell the bank at once.",
        lasts=password_links.LASTS,
        counted=False,
    )


def refuse(session: Session, actor: Actor, approval_id: UUID, *, reason: str) -> None:
    """Says no. It never happens.

    Raises:
        NotFound, Forbidden, ApprovalNotOpen: as `approve`.
        Invalid: the reason is missing, shorter than ten characters or too long.
    Locks: the actor and all admins; then the request.
    """
    found = _find(session, actor, approval_id)
    why, wish = reasons.written(reason), _wish(found)
    _lock(session, actor, wish, found.asked_by)
    session.refresh(found)
    _must_be_open(found)
    if found.asked_by == actor.user_id:
        raise errors.Forbidden("You asked for this yourself: withdraw it.")
    _kind(found.kind).look(session, actor, wish)
    if not _take(session, found, actor, State.REFUSED, why):
        raise _not_open(found.id, State.REFUSED)
    _record(session, actor, "approval.refuse", found.id, wish, digest=found.digest, reason=why)


def withdraw(session: Session, actor: Actor, approval_id: UUID) -> None:
    """Takes a request of one's own back.

    Raises:
        NotFound, ApprovalNotOpen: as `approve`.
        Forbidden: somebody else asked for it.
    Locks: the request.
    """
    still(session, actor)
    found = _find(session, actor, approval_id)
    if found.asked_by != actor.user_id:
        raise errors.Forbidden("Only whoever asked for this withdraws it.")
    _must_be_open(found)
    if not _take(session, found, actor, State.WITHDRAWN):
        raise _not_open(found.id, State.WITHDRAWN)
    _record(session, actor, "approval.withdraw", found.id, _wish(found), digest=found.digest)


def _find(session: Session, actor: Actor, approval_id: UUID) -> Approval:
    roles.staff_only(actor)
    found = session.get(Approval, approval_id, populate_existing=True)
    if found is None:
        raise errors.NotFound("There is no such request.")
    return found


def _wish(found: Approval) -> Wish:
    return Wish(found.kind, found.subject, found.payload.get("change") or {})


def _state(found: Approval) -> State:
    late = found.state == State.PENDING and found.expires_at <= clock.now()
    return State.EXPIRED if late else State(found.state)


def _must_be_open(found: Approval) -> None:
    state = _state(found)
    if state is not State.PENDING:
        raise _not_open(found.id, state)


def _not_open(approval_id: UUID, state: State) -> errors.ApprovalNotOpen:
    said = {
        State.DONE: "This was approved and is done.",
        State.REFUSED: "This was refused.",
        State.WITHDRAWN: "Whoever asked for this took it back.",
        State.OUTDATED: "This is out of date. It has to be asked for again.",
        State.EXPIRED: "Nobody approved this in time. It has to be asked for again.",
        State.PENDING: "This was decided a moment ago.",
    }[state]
    return errors.ApprovalNotOpen(said, approval_id=str(approval_id), state=state.value)


def _may_decide(session: Session, actor: Actor, found: Approval, kind: Kind) -> None:
    if found.asked_by == actor.user_id:
        raise errors.Forbidden("You asked for this yourself: a colleague has to approve it.")
    wanted, not_these = kind.approvers(session, _wish(found))
    if actor.role not in wanted or actor.user_id in not_these:
        raise errors.Forbidden("This is not yours to approve.")
    kind.look(session, actor, _wish(found))
    _must_not_be_fresh(session, actor.user_id)


def _must_not_be_fresh(session: Session, user_id: UUID) -> None:
    """Turns away who was helped back in, or given power by one alone: he may be another's second pair of hands."""
    if period := recovery.of(session, user_id):
        raise errors.Forbidden(
            "You were helped to sign in, or made a colleague by one person alone, a short while ago: you ask for "
            f"nothing that takes two, and approve nothing, until {clock.to_the_minute(period.until)}."
        )


def _as_asked(session: Session, people: Mapping[UUID, User], found: Approval) -> Actor | None:
    """Who asked, if he is still who he was then."""
    asker = people.get(found.asked_by)
    if (
        recovery.of(session, found.asked_by)
        or asker is None
        or asker.disabled_at is not None
        or asker.role != found.payload.get("asker_role")
    ):
        return None
    return Actor(asker.id, asker.email, asker.name, Role(asker.role))


def _is_unchanged(session: Session, found: Approval, kind: Kind, asker: Actor, digest: str) -> bool:
    """Whether what would happen now is what was asked for, and what the actor saw."""
    wish = _wish(found)
    try:
        now = digest_of(_payload(wish, kind.look(session, asker, wish), asker, found.reason))
    except errors.BothFactors:
        raise
    except (errors.Forbidden, errors.NotFound, errors.Invalid):
        return False
    return now == found.digest and digest.lower() == now.hex()


def _close_outdated(session: Session, actor: Actor, found: Approval) -> errors.BankError:
    _take(session, found, actor, State.OUTDATED)
    _record(session, actor, "approval.outdated", found.id, _wish(found), digest=found.digest)
    return errors.ApprovalOutdated(
        "What was asked for is not what would happen now, or whoever asked may not ask for it any more. It has to be "
        "asked for again.",
        approval_id=str(found.id),
    )


def _take(session: Session, found: Approval, actor: Actor, state: State, answer: str | None = None) -> bool:
    """Closes a request that is still pending; of two who do so at once, one does."""
    now = clock.now()
    taken = session.execute(
        update(Approval)
        .where(col(Approval.id) == found.id, col(Approval.state) == State.PENDING.value, col(Approval.expires_at) > now)
        .values(state=state.value, decided_by=actor.user_id, decided_at=now, answer=answer)
    )
    return isinstance(taken, CursorResult) and taken.rowcount == 1


# --- looking ----------------------------------------------------------------------------------------------


def get(session: Session, actor: Actor, approval_id: UUID) -> ApprovalView:
    """One request.

    Raises:
        Forbidden: a customer asks.
        NotFound: there is none.
    """
    found = _find(session, actor, approval_id)
    [view] = _views(session, actor, [found])
    about = [UUID(found.subject.removeprefix("user "))] if found.subject.startswith("user ") else []
    looks.at(session, actor, f"approval {found.id}", *about)
    return view


def list_approvals(
    session: Session, actor: Actor, *, state: State | None = None, limit: int = 50, cursor: str | None = None
) -> Page[ApprovalView]:
    """Requests by newest first, by keyset.

    Raises:
        Forbidden: a customer asks.
        Invalid: the cursor is not one of ours.
    """
    roles.staff_only(actor)
    query = select(Approval).order_by(col(Approval.id).desc()).limit(limit + 1)
    late = col(Approval.expires_at) <= clock.now()
    if state in (State.PENDING, State.EXPIRED):
        query = query.where(col(Approval.state) == State.PENDING.value, late if state is State.EXPIRED else ~late)
    elif state:
        query = query.where(col(Approval.state) == state.value)
    if cursor:
        query = query.where(col(Approval.id) < split_id(cursor))
    rows = list(session.execute(query.execution_options(populate_existing=True)).scalars())
    views = _views(session, actor, rows[:limit])
    looks.at_list(session, actor, "approvals", len(views), further=cursor, state=state)
    return Page(views, make_cursor(views[-1].id.hex) if len(rows) > limit else None)


def pending(session: Session) -> int:
    """How many requests wait."""
    query = select(func.count()).select_from(Approval).where(
        col(Approval.state) == State.PENDING.value, col(Approval.expires_at) > clock.now()
    )  # fmt: skip
    return session.execute(query).scalar_one()


def require_pass(session: Session, actor: Actor, export: str) -> None:
    """Lets who asked for files take them, once it was approved and for an hour; and everybody where one is enough.

    Raises:
        ApprovalRequired: nobody approved it in the last hour.
    """
    if "exports" not in four_eyes.groups(settings_of(session)):
        return
    found = session.execute(
        select(col(Approval.id)).where(
            col(Approval.kind) == "export",
            col(Approval.subject) == f"export {export}",
            col(Approval.asked_by) == actor.user_id,
            col(Approval.state) == State.DONE.value,
            col(Approval.decided_at) > clock.now() - EXPORT_LASTS,
        )
    ).first()
    if found is None:
        raise four_eyes.approval_required("export", f"export {export}")


def _views(session: Session, actor: Actor, rows: list[Approval]) -> list[ApprovalView]:
    people = aliased(User)
    wanted = {who for row in rows for who in (row.asked_by, row.decided_by) if who}
    found = session.execute(select(col(people.id), col(people.name)).where(col(people.id).in_(wanted)))
    names = {row.id: row.name for row in found} if wanted else {}
    return [
        ApprovalView(
            id=row.id,
            kind=row.kind,
            subject=row.subject,
            change=row.payload.get("change") or {},
            before=row.payload.get("before") or {},
            reason=row.reason,
            state=_state(row),
            asked_by=row.asked_by,
            asker=names.get(row.asked_by, ""),
            asked_at=row.asked_at,
            expires_at=row.expires_at,
            digest=row.digest.hex(),
            decided_by=row.decided_by,
            decider=names.get(row.decided_by, "") if row.decided_by else "",
            decided_at=row.decided_at,
            answer=row.answer or "",
            mine=row.asked_by == actor.user_id,
            may_decide=_could_decide(session, actor, row),
        )
        for row in rows
    ]


def _could_decide(session: Session, actor: Actor, row: Approval) -> bool:
    """Whether a button makes sense; whether pressing it does anything is decided then."""
    if _state(row) is not State.PENDING or row.asked_by == actor.user_id or row.kind not in KINDS:
        return False
    try:
        _may_decide(session, actor, row, KINDS[row.kind])
    except errors.StepUpRequired:
        # That is asked for when it is pressed.
        return True
    except errors.BankError:
        return False
    return True


def _record(
    session: Session, actor: Actor, action: str, found: UUID, wish: Wish,
    *, digest: bytes, reason: str | None = None, asker: Actor | None = None,
) -> None:  # fmt: skip
    changes: dict[str, Any] = {"approval": [None, str(found)], "kind": [None, wish.kind]}
    changes |= {"digest": [None, digest.hex()]}
    changes |= {f"to_{name}": [None, value] for name, value in wish.change.items()}
    changes |= {"asked_by": [None, str(asker.user_id)]} if asker else {}
    audit.record(session, actor_id=actor.user_id, action=action, object=wish.subject, reason=reason, changes=changes)
