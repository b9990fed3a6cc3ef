"""Letters: what people are told outside of the bank. Written down first, sent later, lost never.

A letter is a row. What happens to somebody's sign-in, a sign-in on a device that was not seen before and, for whoever
wants it, money that arrives are looked up where they stand anyway: in the trail, in the sign-ins and in the books. So
nothing that is done waits for a letter, and none is missing. Others are written by the unit of work they belong to.

A letter never holds what whoever reads somebody's mail could use alone.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime, formataddr
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import delete, exists, func, insert, select, update
from sqlalchemy.orm import Session, aliased
from sqlmodel import col

from bank_app import clock, smtp
from bank_app.database import Database
from bank_app.domain import money
from bank_app.domain.accounting import Direction
from bank_app.domain.identifiers import account_number_text, earliest_id, new_id
from bank_app.domain.text import one_line
from bank_app.models import POSTINGS, TRANSACTIONS, Account, AuditRecord, AuditSeal, Mail, MailMark, SignIn, User
from bank_app.services import arrivals
from bank_app.services.actor import Actor, still
from bank_app.services.notices import SECURITY
from bank_app.settings import Settings

log = logging.getLogger(__name__)
LASTS = timedelta(days=3)
_KEPT = timedelta(days=30)
_FIRST_WAIT, _LONGEST_WAIT = timedelta(seconds=30), timedelta(hours=1)
# As long as a letter may be under way with a worker; one that a killed worker had is tried again after it.
_UNDER_WAY = timedelta(minutes=5)
_AT_ONCE = 20
_LOOKED_THROUGH = 500
_TRANSACTIONS_AT_ONCE = 2000
# Transactions that were given a number and are not committed: all workers together have far fewer at once.
_MAY_BE_UNDER_WAY = 20_000
# Longer than any unit of work that begins a sign-in can take.
_LATE = timedelta(minutes=2)
# Somebody else can make things happen to a person, such as wrong guesses: he is told, and not all day.
_MOST_A_DAY = 20


@dataclass(frozen=True, slots=True)
class Standing:
    """How the post is doing: letters that wait, since when the oldest does, and how many failed for good in a day."""

    waiting: int
    oldest: datetime | None
    failed: int
    problem: str


def is_set_up(settings: Settings) -> bool:
    """Whether the bank can write letters at all."""
    return settings.mail_server is not None


def put(
    session: Session,
    *,
    user_id: UUID,
    about: str,
    subject: str,
    body: str,
    lasts: timedelta = LASTS,
    email: str = "",
    counted: bool = True,
) -> bool:
    """Writes a letter down, to be sent a moment after the unit of work is committed; once for each `about`.

    Args:
        session: Of the unit of work that it belongs to.
        user_id: To whom; nobody gets more than twenty letters a day.
        about: What it is about, in ASCII.
        subject: One line.
        body: Plain text, without greeting and foot. Nothing that is worth something by itself.
        lasts: After that it is no use any more, and is not sent.
        email: To this address instead of the person's.
        counted: Whether it is one of the twenty; what somebody waits for is sent in any case.

    Returns:
        Whether it was written: not twice about one thing, nor to somebody who had enough today.
    """
    now = clock.now()
    written_today = select(func.count()).where(
        col(Mail.user_id) == user_id, col(Mail.created_at) > now - timedelta(days=1)
    )
    known = select(col(Mail.id)).where(col(Mail.about) == about)
    if session.execute(known).first():
        return False
    if counted and session.execute(written_today).scalar_one() >= _MOST_A_DAY:
        return False
    to = email or session.execute(select(col(User.email)).where(col(User.id) == user_id)).scalar_one()
    row = {
        "id": new_id(), "user_id": user_id, "email": to, "about": about, "subject": one_line(subject)[:200],
        "body": body, "created_at": now, "due_at": now, "expires_at": now + lasts, "tries": 0,
    }  # fmt: skip
    session.execute(insert(Mail), [row])
    return True


def wants_money(session: Session, user_id: UUID) -> bool:
    """Whether somebody wants a letter when money arrives."""
    since = select(col(User.money_by_mail_since)).where(col(User.id) == user_id)
    return session.execute(since).scalar_one() is not None


def want_money(session: Session, actor: Actor, *, wanted: bool) -> None:
    """Writes to the actor when money arrives from now on, or not any more."""
    still(session, actor)
    since = clock.now() if wanted else None
    session.execute(update(User).where(col(User.id) == actor.user_id).values(money_by_mail_since=since))


def standing(session: Session) -> Standing:
    """How the post is doing."""
    waiting, oldest = session.execute(
        select(func.count(), func.min(col(Mail.created_at))).where(col(Mail.due_at).is_not(None))
    ).one()
    recent = col(Mail.expires_at) > clock.now() - timedelta(days=1) - LASTS
    over = select(func.count()).where(col(Mail.due_at).is_(None), col(Mail.sent_at).is_(None), recent)
    newest = (
        select(col(Mail.problem)).where(col(Mail.problem).is_not(None)).order_by(col(Mail.created_at).desc()).limit(1)
    )
    return Standing(waiting, oldest, session.execute(over).scalar_one(), session.execute(newest).scalar() or "")


# --- what there is to write about ---------------------------------------------------------------------


def gather(db: Database) -> int:
    """Writes the letters about what happened since it was looked last; the first time about nothing before.

    Any number of workers may do so at once: one does, and the others find nothing new.

    Returns:
        How many letters were written.
    Locks: the one row of `mail_marks`, which nobody else needs.
    """
    written, seen, settled = 0, -1, 0
    while settled > seen:
        seen, wanted = db.read(_looked_through)
        settled = arrivals.settled(db, seen, most=_TRANSACTIONS_AT_ONCE) if wanted else 0
        written += db.unit_of_work(partial(_gather, db, settled=settled))
    return written


def _gather(db: Database, session: Session, *, settled: int) -> int:
    mark = session.execute(select(MailMark).with_for_update()).scalar()
    if mark is None:
        session.add(_first_mark(session))
        return 0
    about_money = _about_money(session, mark, settled) if settled else _pass_over(session, mark)
    return _about_records(db, session, mark) + _about_sign_ins(db, session, mark) + about_money


def _looked_through(session: Session) -> tuple[int, bool]:
    """Up to which transaction, and whether anybody wants to hear of money."""
    seen = session.execute(select(col(MailMark.transactions))).scalar() or 0
    wanted = session.execute(select(exists().where(col(User.money_by_mail_since).is_not(None)))).scalar_one()
    return seen, bool(wanted)


def _pass_over(session: Session, mark: MailMark) -> int:
    """Nobody wants to hear of money. Whoever does from now on must not miss one that is numbered and not committed."""
    last = session.execute(select(func.max(TRANSACTIONS.c.position))).scalar() or 0
    mark.transactions = max(mark.transactions, last - _MAY_BE_UNDER_WAY)
    return 0


def _first_mark(session: Session) -> MailMark:
    last = session.execute(select(func.max(TRANSACTIONS.c.position))).scalar() or 0
    number = session.execute(select(func.max(col(AuditSeal.number)))).scalar() or 0
    return MailMark(id=1, records=number, transactions=last, sign_ins=clock.now())


def _about_records(db: Database, session: Session, mark: MailMark) -> int:
    rows = session.execute(
        select(col(AuditSeal.number), col(AuditRecord.action), col(AuditRecord.object), col(AuditRecord.created_at))
        .join(AuditRecord, col(AuditRecord.id) == col(AuditSeal.record_id))
        .where(col(AuditSeal.number) > mark.records)
        .order_by(col(AuditSeal.number))
        .limit(_LOOKED_THROUGH)
    ).all()
    count = 0
    for row in rows:
        mark.records = row.number
        kind, _, identifier = row.object.partition(" ")
        if row.action in SECURITY and kind == "user":
            body = (
                f"{SECURITY[row.action]} ({clock.to_the_minute(row.created_at)}).\n\n"
                f"If that was not you and you did not ask for it, tell the bank at once."
            )
            count += put(
                session, user_id=UUID(identifier), about=f"record {row.number}",
                subject=SECURITY[row.action], body=body + _where(db.settings, "/settings/security"),
            )  # fmt: skip
    return count


def _about_sign_ins(db: Database, session: Session, mark: MailMark) -> int:
    """The first from a device that was not seen before; the very first of a person is no news."""
    now, before = clock.now(), aliased(SignIn)
    earlier = (col(before.user_id) == col(SignIn.user_id)) & (col(before.id) < col(SignIn.id))
    same = (col(before.kind) == col(SignIn.kind)) & (col(before.user_agent) == col(SignIn.user_agent))
    rows = session.execute(
        select(col(SignIn.id), col(SignIn.user_id), col(SignIn.user_agent), col(SignIn.kind), col(SignIn.created_at))
        .where(
            col(SignIn.id) >= earliest_id(mark.sign_ins - _LATE),
            col(SignIn.created_at) >= mark.sign_ins - _LATE,
            exists().where(earlier),
            ~exists().where(earlier & same),
        )
        .limit(_LOOKED_THROUGH)
    ).all()
    mark.sign_ins = max(mark.sign_ins, now)
    count = 0
    for row in rows:
        with_what = one_line(row.user_agent) or ("a program" if row.kind == "api" else "a browser")
        body = (
            f"Somebody signed in as you with {with_what} ({clock.to_the_minute(row.created_at)}), "
            f"which you had not used before.\n\nIf that was not you, sign that device out and change your password."
        )
        count += put(
            session, user_id=row.user_id, about=f"sign-in {row.id}", subject="A sign-in from a new device",
            body=body + _where(db.settings, "/settings/security"),
        )  # fmt: skip
    return count


def _about_money(session: Session, mark: MailMark, settled: int) -> int:
    """Entries that somebody else made on an account whose owner wants to hear of money."""
    if settled <= mark.transactions:
        return 0
    rows = session.execute(
        select(
            col(User.id), POSTINGS.c.account_id, POSTINGS.c.sequence, POSTINGS.c.amount, POSTINGS.c.currency,
            POSTINGS.c.created_at,
        )
        .select_from(TRANSACTIONS)
        .join(POSTINGS, POSTINGS.c.transaction_id == TRANSACTIONS.c.id)
        .join(Account, col(Account.id) == POSTINGS.c.account_id)
        .join(User, col(User.id) == col(Account.owner_id))
        .where(
            TRANSACTIONS.c.position > mark.transactions,
            TRANSACTIONS.c.position <= settled,
            TRANSACTIONS.c.actor_id != col(User.id),
            POSTINGS.c.direction == Direction.CREDIT,
            col(User.money_by_mail_since) <= POSTINGS.c.created_at,
        )
        .order_by(TRANSACTIONS.c.position)
    ).all()  # fmt: skip
    mark.transactions = settled
    return sum(
        put(
            session, user_id=row.id, about=f"entry {row.account_id}-{row.sequence}", subject="Money arrived",
            body=f"{money.to_text(row.amount, row.currency)} {row.currency} arrived in your account ending in "
            f"{account_number_text(row.account_id)[-4:]} ({clock.to_the_minute(row.created_at)}).",
        )
        for row in rows
    )  # fmt: skip


def _where(settings: Settings, path: str) -> str:
    return f"\n\n{settings.public_url.rstrip('/')}{path}" if settings.public_url else ""


# --- the post -----------------------------------------------------------------------------------------


def deliver(db: Database, *, most: int = _AT_ONCE) -> int:
    """Hands letters that are due to the mail server, in one conversation, and returns how many it took.

    One that is not taken is tried again, less and less often, until it is no use any more. A worker that is killed in
    between may have handed one over without having noted it: it is sent again, under the same Message-ID.
    """
    server = db.settings.mail_server
    if server is None:
        return 0
    now, taken = clock.now(), 0
    due = select(col(Mail.id)).where(col(Mail.due_at) <= now).order_by(col(Mail.due_at)).limit(most)
    with smtp.Line(server) as line:
        for mail_id in db.read(lambda session: session.execute(due).scalars().all()):
            letter = db.unit_of_work(lambda session, mail_id=mail_id: _claim(session, mail_id))  # type: ignore[misc]
            if letter is None:
                continue
            try:
                line.send(_written(db.settings, letter))
            except smtp.Refused as refused:
                _settle(db, mail_id, problem=f"refused with {refused}", again=False)
            except smtp.Unreachable as away:
                _settle(db, mail_id, problem=str(away), again=True)
                log.warning("mail server %s: %s", server, away)
                break
            else:
                _settle(db, mail_id)
                taken += 1
    return taken


def forget_old(db: Database) -> None:
    """Forgets letters that have been over for a month."""
    old = delete(Mail).where(col(Mail.due_at).is_(None), col(Mail.created_at) < clock.now() - _KEPT)
    db.unit_of_work(lambda session: session.execute(old))


def _claim(session: Session, mail_id: UUID) -> Any:
    """The letter, which nobody else will send for a while; None if it is taken, or of no use any more."""
    now = clock.now()
    mine = update(Mail).where(col(Mail.id) == mail_id, col(Mail.due_at) <= now)
    if not session.execute(mine.values(due_at=now + _UNDER_WAY, tries=col(Mail.tries) + 1)).rowcount:  # type: ignore[attr-defined]
        return None
    letter = session.execute(select(*Mail.__table__.c).where(col(Mail.id) == mail_id)).one()  # type: ignore[attr-defined]
    if letter.expires_at <= now:
        over = update(Mail).where(col(Mail.id) == mail_id).values(due_at=None, body="", problem="too late")
        session.execute(over)
        return None
    return letter


def _settle(db: Database, mail_id: UUID, *, problem: str | None = None, again: bool = False) -> None:
    """Notes what became of a letter. Its text is forgotten once it is over."""

    def operation(session: Session) -> None:
        now = clock.now()
        mine = update(Mail).where(col(Mail.id) == mail_id)
        if again:
            tries = session.execute(select(col(Mail.tries)).where(col(Mail.id) == mail_id)).scalar_one()
            wait = min(_FIRST_WAIT * 2 ** min(tries - 1, 20), _LONGEST_WAIT)
            session.execute(mine.values(due_at=now + wait, problem=problem))
        else:
            session.execute(mine.values(due_at=None, body="", problem=problem, sent_at=None if problem else now))

    db.unit_of_work(operation)


def _written(settings: Settings, letter: Any) -> EmailMessage:
    message = EmailMessage()
    message["From"] = formataddr((settings.name, settings.mail_sender))
    message["To"] = letter.email
    message["Subject"] = letter.subject
    message["Date"] = format_datetime(letter.created_at)
    # The same however often it is sent, so that whoever gets it twice can tell.
    message["Message-ID"] = f"<{letter.id}@{settings.mail_sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    foot = f"-- \n{settings.name}. The bank never asks for a password or a code by email.\n"
    message.set_content(f"{letter.body}\n\n{foot}")
    return message
