"""The bank's people looking at those of the bank: who there is, and one person's whole record. Looking is recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, exists, func, or_, select
from sqlalchemy.orm import Session
from sqlmodel import col

from bank_app import clock, errors
from bank_app.columns import total
from bank_app.database import Database
from bank_app.domain.accounting import AccountStatus, Role
from bank_app.domain.identifiers import reference_bits
from bank_app.models import (
    Account,
    Approval,
    AuditRecord,
    CustomerNote,
    PasswordLink,
    Posting,
    SignIn,
    Transaction,
    User,
)
from bank_app.services import audit, history, looks, sessions
from bank_app.services.accounts import AccountView, own_accounts
from bank_app.services.actor import Actor, still
from bank_app.services.customer_notes import NoteView, notes_about
from bank_app.services.history import EntryView
from bank_app.services.lists import Page, contains, has_number, make_cursor, split_id
from bank_app.services.roles import staff_only
from bank_app.settings import Settings

LOOKED = "customer.view"
_VIEWED_AGAIN = timedelta(minutes=1)
# Who leaves a record open is looking at it, but not every minute anew.
_STILL_VIEWED = timedelta(minutes=15)
_SIGN_INS_SHOWN = 10
_ENTRIES_SHOWN = 8
_TRANSACTIONS_OF_A_REFERENCE = 5


class Standing(StrEnum):
    """Whether somebody can sign in."""

    ACTIVE = "active"
    LOCKED = "locked"
    DISABLED = "disabled"
    INVITED = "invited"


@dataclass(frozen=True, slots=True)
class Sum:
    """What somebody has in one currency, in minor units."""

    currency: str
    minor: int


@dataclass(frozen=True, slots=True)
class PersonRow:
    """One person in a list. `note` is the newest of the notes about them, empty if there is none."""

    id: UUID
    name: str
    email: str
    role: Role
    standing: Standing
    accounts: int
    frozen: int
    totals: tuple[Sum, ...]
    joined_at: datetime
    last_sign_in_at: datetime | None
    second_step: bool
    note: str


@dataclass(frozen=True, slots=True)
class SignInView:
    """A browser or an API client that signed in, and whether it still is."""

    id: UUID
    kind: str
    address: str
    user_agent: str
    began_at: datetime
    last_seen_at: datetime
    active: bool


@dataclass(frozen=True, slots=True)
class Record:
    """One person with everything that the bank's people may need to help. Entries are as their owner sees them."""

    person: PersonRow
    locked_until: datetime | None
    disabled_at: datetime | None
    failed_sign_ins: int
    accounts: list[AccountView]
    recent: list[EntryView]
    sign_ins: list[SignInView]
    notes: list[NoteView]


def list_customers(
    session: Session,
    actor: Actor,
    *,
    q: str | None = None,
    standing: Standing | None = None,
    limit: int = 25,
    cursor: str | None = None,
) -> Page[PersonRow]:
    """Customers by newest first, by keyset.

    `q` finds parts of a name or an email, an account's number, and the reference of a transaction of theirs.

    Raises:
        Forbidden: a customer asks.
        Invalid: the cursor is not one of ours.
    """
    staff_only(actor)
    query = select(User).where(col(User.role) == Role.CUSTOMER.value).order_by(col(User.id).desc()).limit(limit + 1)
    if q and q.strip():
        query = query.where(_matches(q.strip()))
    if standing:
        query = query.where(_stands(standing))
    if cursor:
        query = query.where(col(User.id) < split_id(cursor))
    found = list(session.execute(query).scalars())
    rows = _rows(session, found[:limit])
    looks.at_list(session, actor, "customers", len(rows), further=cursor, q=q, standing=standing)
    return Page(rows, make_cursor(rows[-1].id.hex) if len(found) > limit else None)


def list_staff(session: Session, actor: Actor) -> list[PersonRow]:
    """The bank's own people, in the order of their names.

    Raises:
        Forbidden: a customer asks.
    """
    staff_only(actor)
    query = select(User).where(col(User.role) != Role.CUSTOMER.value)
    rows = _rows(session, session.execute(query).scalars().all())
    looks.at_list(session, actor, "colleagues", len(rows))
    return sorted(rows, key=lambda row: row.name.casefold())


def view(session: Session, actor: Actor, user_id: UUID, *, settings: Settings) -> Record:
    """Somebody's record. That it was looked at is recorded in the same unit of work, at most once a minute.

    Raises:
        Forbidden: a customer asks.
        NotFound: there is no such person.
    """
    still(session, actor)
    user = _person(session, actor, user_id)
    if not _has_looked(session, actor, user_id, _VIEWED_AGAIN):
        audit.record(session, actor_id=actor.user_id, action=LOOKED, object=f"user {user_id}")
        looks.beside_a_record(session, actor, user_id)
    return _record_of(session, user, settings)


def keep_viewing(db: Database, actor: Actor, user_id: UUID) -> Record:
    """The record that was opened before, as it is now. Only after a while is that recorded as another look.

    Raises:
        Forbidden, NotFound: as `view`.
    """

    def again(session: Session) -> Record | None:
        user = _person(session, actor, user_id)
        seen = _has_looked(session, actor, user_id, _STILL_VIEWED)
        return _record_of(session, user, db.settings) if seen else None

    return db.read(again) or db.unit_of_work(lambda session: view(session, actor, user_id, settings=db.settings))


def _person(session: Session, actor: Actor, user_id: UUID) -> User:
    staff_only(actor)
    user = session.get(User, user_id, populate_existing=True)
    if user is None:
        raise errors.NotFound("There is no such person.")
    return user


def _record_of(session: Session, user: User, settings: Settings) -> Record:
    [person] = _rows(session, [user])
    owner = Actor(user.id, user.email, user.name, Role(user.role))
    return Record(
        person=person,
        locked_until=user.locked_until if person.standing is Standing.LOCKED else None,
        disabled_at=user.disabled_at,
        failed_sign_ins=user.failed_sign_ins,
        accounts=own_accounts(session, owner),
        recent=history.recent(session, owner, limit=_ENTRIES_SHOWN),
        sign_ins=_sign_ins(session, user.id, settings),
        notes=notes_about(session, user.id),
    )


# --- what rows are made of ------------------------------------------------------------------------------


def _matches(text: str) -> Any:
    """A part of a name or an email, an account's number, or the reference of a transaction with a side of theirs."""
    numbered = exists(select(1).where(col(Account.owner_id) == col(User.id), has_number(col(Account.id), text)))
    found = [contains(col(User.name), text), contains(col(User.email), text), numbered]
    bits = reference_bits(text)
    if bits is not None:
        found.append(col(User.id).in_(_sides_of(bits)))
    return or_(*found)


def _sides_of(bits: bytes) -> Select[Any]:
    meant = (
        select(col(Transaction.id))
        .where(col(Transaction.reference) == bits)
        .limit(_TRANSACTIONS_OF_A_REFERENCE)
        .subquery()
    )
    return (
        select(col(Account.owner_id))
        .join(Posting, col(Posting.account_id) == col(Account.id))
        .join(meant, meant.c.id == col(Posting.transaction_id))
        .where(col(Account.owner_id).is_not(None))
    )


def _stands(standing: Standing) -> Any:
    disabled = col(User.disabled_at).is_not(None)
    locked = and_(~disabled, func.coalesce(col(User.locked_until) > clock.now(), False))
    if standing is Standing.DISABLED:
        return disabled
    return locked if standing is Standing.LOCKED else and_(~disabled, ~locked)


def _rows(session: Session, users: Sequence[User]) -> list[PersonRow]:
    ids = [user.id for user in users]
    held = session.execute(
        select(
            col(Account.owner_id), col(Account.currency), col(Account.status), func.count(), total(col(Account.balance))
        )
        .where(col(Account.owner_id).in_(ids))
        .group_by(col(Account.owner_id), col(Account.currency), col(Account.status))
    ).all()
    seen = _pairs(
        session,
        select(col(SignIn.user_id), func.max(SignIn.created_at))
        .where(col(SignIn.user_id).in_(ids))
        .group_by(col(SignIn.user_id)),
    )
    waits = select(col(Approval.subject)).where(
        col(Approval.subject).in_([f"user {one}" for one in ids]), col(Approval.state) == "pending"
    )
    asked_for = {UUID(subject.removeprefix("user ")) for subject in session.execute(waits).scalars()}
    invited = (set(session.execute(_unused_links(ids)).scalars()) | asked_for) - set(seen)
    newest = _pairs(session, _newest_notes(ids))
    return [
        PersonRow(
            id=user.id,
            name=user.name,
            email=user.email,
            role=Role(user.role),
            standing=_standing(user, invited=user.id in invited),
            accounts=sum(row[3] for row in held if row.owner_id == user.id),
            frozen=sum(row[3] for row in held if row.owner_id == user.id and row.status == AccountStatus.FROZEN),
            totals=_totals([row for row in held if row.owner_id == user.id]),
            joined_at=user.created_at,
            last_sign_in_at=seen.get(user.id),
            second_step=user.totp_since is not None,
            note=newest.get(user.id, ""),
        )
        for user in users
    ]


def _pairs(session: Session, query: Any) -> dict[UUID, Any]:
    return {row[0]: row[1] for row in session.execute(query)}


def _totals(held: Sequence[Any]) -> tuple[Sum, ...]:
    """What is in the accounts that are not closed, by currency."""
    totals: dict[str, int] = {}
    for _, currency, status, _, balance in held:
        if status != AccountStatus.CLOSED:
            totals[currency] = totals.get(currency, 0) + balance
    return tuple(Sum(currency, minor) for currency, minor in sorted(totals.items()))


def _standing(user: User, *, invited: bool) -> Standing:
    if user.disabled_at is not None:
        return Standing.DISABLED
    if user.locked_until and user.locked_until > clock.now():
        return Standing.LOCKED
    return Standing.INVITED if invited and user.role != Role.CUSTOMER else Standing.ACTIVE


def _unused_links(ids: Sequence[UUID]) -> Select[Any]:
    return select(col(PasswordLink.user_id)).where(
        col(PasswordLink.user_id).in_(ids), col(PasswordLink.used_at).is_(None)
    )


def _newest_notes(ids: Sequence[UUID]) -> Any:
    newest = (
        select(func.max(CustomerNote.id)).where(col(CustomerNote.user_id).in_(ids)).group_by(col(CustomerNote.user_id))
    )
    return select(col(CustomerNote.user_id), col(CustomerNote.text)).where(col(CustomerNote.id).in_(newest))


def _sign_ins(session: Session, user_id: UUID, settings: Settings) -> list[SignInView]:
    rows = session.execute(
        select(SignIn, sessions.is_open(settings).label("active"))
        .where(col(SignIn.user_id) == user_id)
        .order_by(col(SignIn.id).desc())
        .limit(_SIGN_INS_SHOWN)
    )
    return [
        SignInView(
            id=row.id,
            kind=row.kind,
            address=row.address,
            user_agent=row.user_agent,
            began_at=row.created_at,
            last_seen_at=row.last_seen_at,
            active=bool(active),
        )
        for row, active in rows
    ]


def _has_looked(session: Session, actor: Actor, user_id: UUID, lately: timedelta) -> bool:
    """Whether the actor's last look at this person is recorded already; nobody is recorded looking at himself."""
    looked = select(col(AuditRecord.id)).where(
        col(AuditRecord.object) == f"user {user_id}",
        col(AuditRecord.action) == LOOKED,
        col(AuditRecord.actor_id) == actor.user_id,
        col(AuditRecord.created_at) > clock.now() - lately,
    )
    return user_id == actor.user_id or session.execute(looked.limit(1)).first() is not None
