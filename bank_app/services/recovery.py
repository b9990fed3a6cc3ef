"""How somebody was helped back in, by whom, and until when their money is guarded: kept in `recoveries`."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, insert, or_, select, update
from sqlalchemy.orm import Session
from sqlmodel import col

from bank_app import clock, errors
from bank_app.database import settings_of
from bank_app.domain.identifiers import new_id
from bank_app.models import RECOVERIES, User
from bank_app.services.actor import Actor, still
from bank_app.settings import Settings

PASSWORD, SECOND_STEP, POWER = "password", "second_step", "power"


@dataclass(frozen=True, slots=True)
class CoolingOff:
    """From when to when somebody's money is guarded, from whom, and how many whole units may leave an account."""

    since: datetime
    until: datetime
    hands: frozenset[UUID]
    limit_units: int


@dataclass(frozen=True, slots=True)
class Help:
    """One time that somebody was helped back in, as they see it. `by` are the names of those who took part."""

    id: UUID
    factor: str
    at: datetime
    by: tuple[str, ...]
    alone: bool
    guarded_until: datetime | None
    read: bool


def begin(
    session: Session,
    user_id: UUID,
    factor: str,
    asked_by: UUID | None,
    approved_by: UUID | None,
    *,
    link: bytes | None = None,
) -> None:
    """Keeps who helped somebody with what. Money is guarded from now on; with a `link`, from its use on.

    Without anybody who approved the time is the longer one.
    """
    settings, now = settings_of(session), clock.now()
    session.execute(
        insert(RECOVERIES).values(
            id=new_id(),
            user_id=user_id,
            factor=factor,
            asked_by=asked_by,
            approved_by=approved_by,
            created_at=now,
            link=link,
            guarded_from=None if link else now,
            guarded_until=None if link else now + _guarded_for(settings, approved_by),
            limit_units=settings.recovery_limit,
        )
    )


def begin_with_link(session: Session, link: bytes) -> None:
    """The link was used: from now on money is guarded."""
    settings, now = settings_of(session), clock.now()
    approved = session.execute(select(RECOVERIES.c.approved_by).where(RECOVERIES.c.link == link)).scalar()
    session.execute(
        update(RECOVERIES)
        .where(RECOVERIES.c.link == link)
        .values(guarded_from=now, guarded_until=now + _guarded_for(settings, approved))
    )


def _guarded_for(settings: Settings, approved_by: UUID | None) -> timedelta:
    return timedelta(hours=settings.recovery_hours if approved_by else settings.recovery_alone_hours)


def refuse_other_factor(session: Session, helper_id: UUID, user_id: UUID, factor: str) -> None:
    """Turns away who had a hand in another factor of this person: both together are that person.

    Raises:
        BothFactors: it was less than BANK_RECOVERY_HOURS ago.
    """
    hours = settings_of(session).recovery_hours
    found = session.execute(
        select(RECOVERIES.c.id).where(
            RECOVERIES.c.user_id == user_id,
            RECOVERIES.c.factor.in_({PASSWORD, SECOND_STEP} - {factor}),
            RECOVERIES.c.created_at > clock.now() - timedelta(hours=hours),
            or_(RECOVERIES.c.asked_by == helper_id, RECOVERIES.c.approved_by == helper_id),
        )
    ).first()
    if found:
        raise errors.BothFactors(
            "Whoever helped this person with one part of signing in helps with no other for "
            f"{hours} hours. Other colleagues have to."
        )


def of(session: Session, user_id: UUID) -> CoolingOff | None:
    """Until when somebody's money is guarded; None if it is not."""
    return periods(session, [user_id], clock.now()).get(user_id)


def refuse_new_payee(session: Session, user_id: UUID) -> None:
    """Turns away who would add somebody to pay while his money is guarded.

    Raises:
        CoolingOff: it is.
    """
    if period := of(session, user_id):
        raise errors.CoolingOff(
            "Your sign-in was recovered a short while ago. "
            f"New payees can be added from {clock.to_the_minute(period.until)} on.",
            why="new_payee",
            until=clock.to_text(period.until),
        )


def helped(session: Session, user_id: UUID) -> list[Help]:
    """How somebody was helped back in: what is guarded still or was not read yet, newest first."""
    asker, approver = col(User.id), col(User.name)
    rows = session.execute(
        select(RECOVERIES)
        .where(
            RECOVERIES.c.user_id == user_id,
            RECOVERIES.c.factor != POWER,
            RECOVERIES.c.guarded_from.is_not(None),
            or_(RECOVERIES.c.guarded_until > clock.now(), RECOVERIES.c.read_at.is_(None)),
        )
        .order_by(RECOVERIES.c.guarded_from.desc())
    ).all()
    if not rows:
        return []
    wanted = {who for row in rows for who in (row.asked_by, row.approved_by) if who}
    names = {row[0]: row[1] for row in session.execute(select(asker, approver).where(asker.in_(wanted)))}
    return [
        Help(
            id=row.id,
            factor=row.factor,
            at=row.guarded_from,
            by=tuple(names[who] for who in (row.asked_by, row.approved_by) if who in names),
            alone=row.approved_by is None,
            guarded_until=row.guarded_until,
            read=row.read_at is not None,
        )
        for row in rows
    ]


def mark_read(session: Session, actor: Actor) -> None:
    """The actor has read how they were helped back in. What is guarded stays so."""
    still(session, actor)
    session.execute(
        update(RECOVERIES)
        .where(
            RECOVERIES.c.user_id == actor.user_id,
            RECOVERIES.c.guarded_from.is_not(None),
            RECOVERIES.c.read_at.is_(None),
        )
        .values(read_at=clock.now())
    )


def lately_alone(session: Session, since: datetime) -> int:
    """How often somebody was helped, or given power, by one person alone since a moment."""
    query = select(func.count()).select_from(RECOVERIES).where(
        RECOVERIES.c.approved_by.is_(None), RECOVERIES.c.created_at >= since
    )  # fmt: skip
    return session.execute(query).scalar_one()


def periods(session: Session, user_ids: Collection[UUID], now: datetime) -> dict[UUID, CoolingOff]:
    """Returns for whom of these money is guarded at that moment, and until when."""
    rows = session.execute(
        select(RECOVERIES).where(RECOVERIES.c.user_id.in_(list(user_ids)), RECOVERIES.c.guarded_until > now)
    ).all()
    found: dict[UUID, CoolingOff] = {}
    for row in rows:
        hands = frozenset(who for who in (row.asked_by, row.approved_by) if who)
        before = found.get(row.user_id)
        if before is None:
            found[row.user_id] = CoolingOff(row.guarded_from, row.guarded_until, hands, row.limit_units)
        else:
            found[row.user_id] = CoolingOff(
                min(before.since, row.guarded_from),
                max(before.until, row.guarded_until),
                before.hands | hands,
                min(before.limit_units, row.limit_units),
            )
    return found
