"""What a person should hear of: money that others moved, what the bank changed, and what touches their sign-in.

Nothing is stored for it. Every notice is read off the books, the audit trail or the sign-ins, so none can be missing
and none can be wrong; only the moment up to which a person has seen them is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Integer, and_, bindparam, func, or_, select, update
from sqlalchemy.orm import Session
from sqlmodel import SQLModel, col

from bank_app import clock
from bank_app.domain.accounting import Direction, TransactionType, signed
from bank_app.domain.identifiers import account_number_text, earliest_id
from bank_app.models import POSTINGS, TRANSACTIONS, User
from bank_app.services import history
from bank_app.services.accounts import AccountView, own_accounts
from bank_app.services.actor import Actor, still
from bank_app.services.lists import Page, make_cursor, split_moment

LOOK_BACK = timedelta(days=90)
MOST_UNREAD = 9
# Somebody who has never looked is not told of a quarter of a year at once.
_NEVER_LOOKED = timedelta(days=7)
# Entries of one account that one page reads at most, whoever made them; the next page goes on from there.
_SCANNED = 300
# What happens to a person, told to that person. Signing in is told from the sign-ins, where the device is known.
SECURITY: Mapping[str, str] = {
    "password.change": "Your password was changed",
    "password.reset": "Your password was changed with a link",
    "password.link": "The bank made a link for a new password of yours",
    "second_step.on": "Two-step sign-in is on",
    "second_step.off": "Two-step sign-in is off",
    "second_step.new_codes": "You have new recovery codes",
    "second_step.reset": "The bank turned your two-step sign-in off",
    "sign_in.end": "A session of yours was signed out",
    "sign_in.end_others": "Your other sessions were signed out",
    "sign_in.end_oldest": "You were signed in at too many places; the oldest was signed out",
    "sign_in.end_all": "The bank signed you out everywhere",
    "sign_in.enable": "The bank lets you sign in again",
    "sign_in.unlock": "The bank unlocked your sign-in",
    "sign_in.throttled": "Somebody tried to sign in as you, too often",
    "sign_in.refresh_token_reused": "A program was signed out: its key was used twice",
    "user.role": "Your role was changed",
    "user.name": "The bank changed your name",
    "user.email": "You sign in with another email now",
    "user.email_proposed": "The bank proposes another email for you. It waits for your word",
    "user.email_declined": "You kept your email",
}


_USERS, _SIGN_INS, _RECORDS = (SQLModel.metadata.tables[name] for name in ("users", "sign_ins", "audit_records"))
# Written once: every open page asks these again and again, and writing them takes longer than answering.
_NEWEST = (
    select(POSTINGS)
    .where(
        POSTINGS.c.account_id == bindparam("account"),
        POSTINGS.c.created_at >= bindparam("since"),
        POSTINGS.c.created_at <= bindparam("until"),
    )
    .order_by(POSTINGS.c.created_at.desc(), POSTINGS.c.sequence.desc())
)
# Bounded before anybody asks who made them: an account's own payments may be very many.
_LOOKED_AT = _NEWEST.limit(bindparam("scanned", type_=Integer)).subquery()
_BY_OTHERS = (
    select(_LOOKED_AT, TRANSACTIONS.c.type, TRANSACTIONS.c.description)
    .join(TRANSACTIONS, TRANSACTIONS.c.id == _LOOKED_AT.c.transaction_id)
    .where(TRANSACTIONS.c.actor_id != bindparam("actor"))
)
_LAST_LOOKED_AT = _NEWEST.with_only_columns(POSTINGS.c.created_at).limit(1).offset(bindparam("before", type_=Integer))
_TOLD = (
    select(_RECORDS.c.id, _RECORDS.c.created_at, _RECORDS.c.object, _RECORDS.c.action, _RECORDS.c.changes)
    .where(
        _RECORDS.c.object.in_(bindparam("objects", expanding=True)),
        or_(
            _RECORDS.c.action.in_(sorted(SECURITY)),
            and_(
                _RECORDS.c.object != bindparam("me"),
                or_(_RECORDS.c.actor_id != bindparam("actor"), _RECORDS.c.actor_id.is_(None)),
            ),
        ),
        # An identifier is as old as its record, and no index is on the moment.
        _RECORDS.c.id >= bindparam("first"),
        _RECORDS.c.id < bindparam("last"),
    )
    .order_by(_RECORDS.c.id.desc())
    .limit(bindparam("scanned", type_=Integer))
)
_MINE = _SIGN_INS.c.user_id == bindparam("actor")
_RECENT_SIGN_IN = select(_SIGN_INS.c.id).where(_MINE, _SIGN_INS.c.created_at >= bindparam("since")).limit(1)
_FIRST_OF_DEVICE = func.min(_SIGN_INS.c.created_at).label("first")
_DEVICES = (
    select(_SIGN_INS.c.kind, _SIGN_INS.c.user_agent, _FIRST_OF_DEVICE)
    .where(_MINE)
    .group_by(_SIGN_INS.c.kind, _SIGN_INS.c.user_agent)
    .order_by(_FIRST_OF_DEVICE)
)
_SEEN = select(_USERS.c.notices_seen_at).where(_USERS.c.id == bindparam("actor"))


class NoticeKind(StrEnum):
    """What a notice is about."""

    MONEY = "money"
    REVERSAL = "reversal"
    ACCOUNT = "account"
    SIGN_IN = "sign_in"
    SECURITY = "security"


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing that happened. Money and reversals have an entry; changes of an account have `changes`."""

    key: str
    at: datetime
    kind: NoticeKind
    new: bool
    action: str = ""
    account: AccountView | None = None
    transaction_id: UUID | None = None
    amount_minor: int = 0
    balance_after_minor: int = 0
    counterparty: str = ""
    description: str = ""
    device: str = ""
    changes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class News:
    """What came in since a moment, and how much was not looked at yet."""

    fresh: list[Notice]
    unread: int


@dataclass(frozen=True, slots=True)
class _Window:
    """From when, and up to which notice, exclusive."""

    since: datetime
    seen: datetime
    until: datetime
    key: str = ""

    def has(self, at: datetime, key: str) -> bool:
        return (at, key) < (self.until, self.key)


# What one source found, and the moment before which it has not looked (None when it has seen everything).
_Found = tuple[list[Notice], datetime | None]


def list_notices(session: Session, actor: Actor, *, limit: int = 25, cursor: str | None = None) -> Page[Notice]:
    """The notices of the last 90 days, newest first. A page may be short, even empty, and still have a next one.

    Raises:
        Invalid: the cursor is not one of ours.
    """
    until, key = split_moment(cursor) if cursor else _not_before_long()
    window = _Window(clock.now() - LOOK_BACK, _seen_until(session, actor), until, key)
    return _page(_sources(session, actor, window, _SCANNED), limit)


def news(session: Session, actor: Actor, *, since: datetime) -> News:
    """The newest notices from that moment on, and how many are new, up to ten."""
    seen = _seen_until(session, actor)
    window = _Window(max(min(since, seen), clock.now() - LOOK_BACK), seen, *_not_before_long())
    found = _page(_sources(session, actor, window, _SCANNED), MOST_UNREAD + 1).items
    return News([notice for notice in found if notice.at >= since], sum(notice.new for notice in found))


def unread(session: Session, actor: Actor) -> int:
    """How many notices are new, up to ten: more than `MOST_UNREAD` is only many."""
    return news(session, actor, since=clock.now()).unread


def mark_all_read(session: Session, actor: Actor) -> int:
    """Everything up to now has been seen; how many that were, up to ten."""
    still(session, actor)
    count = unread(session, actor)
    session.execute(update(User).where(col(User.id) == actor.user_id).values(notices_seen_at=clock.now()))
    return count


def _seen_until(session: Session, actor: Actor) -> datetime:
    seen = session.execute(_SEEN, {"actor": actor.user_id}).scalar()
    return max(seen, clock.now() - LOOK_BACK) if seen else clock.now() - _NEVER_LOOKED


def _not_before_long() -> tuple[datetime, str]:
    """Later than anything: clocks of several machines may differ a little."""
    return clock.now() + timedelta(days=1), ""


def _page(found: Iterable[_Found], limit: int) -> Page[Notice]:
    """The newest of all sources, down to where the one that looked least has looked."""
    notices, horizon = [], None
    for items, looked_until in found:
        notices += items
        if looked_until and (horizon is None or looked_until > horizon):
            horizon = looked_until
    if horizon is not None:
        notices = [notice for notice in notices if notice.at >= horizon]
    notices.sort(key=lambda notice: (notice.at, notice.key), reverse=True)
    if len(notices) > limit:
        last = notices[limit - 1]
        return Page(notices[:limit], make_cursor(last.at.isoformat(), last.key))
    return Page(notices, make_cursor(horizon.isoformat(), "") if horizon else None)


def _sources(session: Session, actor: Actor, window: _Window, scanned: int) -> list[_Found]:
    own = {account.id: account for account in own_accounts(session, actor)}
    moved = [_money(session, actor, account, window, scanned) for account in own.values()]
    return [*moved, _recorded(session, actor, own, window, scanned), _sign_ins(session, actor, window)]


# --- money --------------------------------------------------------------------------------------------


def _money(session: Session, actor: Actor, account: AccountView, window: _Window, scanned: int) -> _Found:
    """Entries that somebody else made. Between two own accounts only the receiving side is told."""
    asked = {"account": account.id, "since": window.since, "until": window.until}
    rows = session.execute(_BY_OTHERS, {**asked, "scanned": scanned, "actor": actor.user_id}).all()
    others = history.counterparties(session, actor, [row.transaction_id for row in rows]) if rows else {}
    found = []
    for row in rows:
        key = f"{account_number_text(account.id)}-{row.sequence:012d}"
        other = next((party for number, party in others[row.transaction_id] if number != account.id), None)
        between_own = other is not None and other.own and row.direction == Direction.DEBIT
        if not between_own and window.has(row.created_at, key):
            found.append(
                Notice(
                    key=key,
                    at=row.created_at,
                    kind=NoticeKind.REVERSAL if row.type == TransactionType.REVERSAL else NoticeKind.MONEY,
                    new=row.created_at > window.seen,
                    action=row.type,
                    account=account,
                    transaction_id=row.transaction_id,
                    amount_minor=signed(Direction(row.direction), row.amount),
                    balance_after_minor=row.balance_after,
                    counterparty=other.name if other else "",
                    description=row.description or "",
                )
            )
    last = session.execute(_LAST_LOOKED_AT, {**asked, "before": scanned - 1}).scalar()
    return found, _progress(last, window)


def _progress(looked_until: datetime | None, window: _Window) -> datetime | None:
    """Where to go on. Entries of one instant that fill a whole page are passed over: there is no end to them else."""
    if looked_until is not None and looked_until >= window.until:
        return looked_until - timedelta(microseconds=1)
    return looked_until


# --- what the bank changed, and what touches the sign-in ------------------------------------------------------


def _recorded(session: Session, actor: Actor, own: Mapping[int, AccountView], window: _Window, scanned: int) -> _Found:
    accounts = {f"account {account_number_text(number)}": account for number, account in own.items()}
    me = f"user {actor.user_id}"
    asked = {
        "objects": [*accounts, me],
        "me": me,
        "actor": actor.user_id,
        "first": earliest_id(window.since),
        "last": earliest_id(window.until + timedelta(milliseconds=1)),
        "scanned": scanned,
    }
    rows = session.execute(_TOLD, asked).all()
    found = []
    for record in rows:
        key, account = str(record.id), accounts.get(record.object)
        if not window.has(record.created_at, key) or (account and not told_of(record.changes)):
            continue
        found.append(
            Notice(
                key=key,
                at=record.created_at,
                kind=NoticeKind.ACCOUNT if account else NoticeKind.SECURITY,
                new=record.created_at > window.seen,
                action=record.action,
                account=account,
                changes=record.changes,
            )
        )
    return found, _progress(rows[-1].created_at, window) if len(rows) == scanned else None


def told_of(changes: Mapping[str, Any]) -> bool:
    """Whether a change of an account is one that its owner is told of: its state and its limits."""
    told = ("status", "frozen_for", "overdraft_limit", "transfer_limit", "daily_limit")
    return any(name in told and before != after for name, (before, after) in _pairs(changes))


def _pairs(changes: Mapping[str, Any]) -> Iterable[tuple[str, tuple[Any, Any]]]:
    for name, pair in changes.items():
        if isinstance(pair, list | tuple) and len(pair) == 2:
            yield name, (pair[0], pair[1])


def _sign_ins(session: Session, actor: Actor, window: _Window) -> _Found:
    """The first sign-in from a device that was not seen before; the very first of a person is no news."""
    recent = session.execute(_RECENT_SIGN_IN, {"actor": actor.user_id, "since": window.since}).first()
    rows = session.execute(_DEVICES, {"actor": actor.user_id}).all() if recent else []
    found = []
    for row in rows[1:]:
        key = f"{row.kind} {row.user_agent}"
        if row.first >= window.since and window.has(row.first, key):
            found.append(
                Notice(
                    key=key,
                    at=row.first,
                    kind=NoticeKind.SIGN_IN,
                    new=row.first > window.seen,
                    action=row.kind,
                    device=row.user_agent,
                )
            )
    return found, None
