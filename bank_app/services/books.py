"""What checks of the books found, kept; and the trial balance of the whole bank."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session
from sqlmodel import col

from bank_app import clock
from bank_app.columns import total
from bank_app.database import Database
from bank_app.domain.accounting import AccountKind
from bank_app.domain.identifiers import new_id
from bank_app.models import Account, BooksCheck, User
from bank_app.services import audit, integrity
from bank_app.services.actor import Actor
from bank_app.services.roles import staff_only

CHECKED = "books.check"
BOOKS = "books"
DAILY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule of the ledger that did not hold, the first row that breaks it, and what is wrong with it."""

    invariant: int
    subject: str
    message: str


@dataclass(frozen=True, slots=True)
class CheckView:
    """One check of the whole books. `by` is nobody when the bank did it by itself; `totals` are Σ by currency."""

    id: UUID
    at: datetime
    by: str | None
    ok: bool
    milliseconds: int
    accounts: int
    transactions: int
    postings: int
    findings: tuple[Finding, ...]
    totals: Mapping[str, int]
    head: str


@dataclass(frozen=True, slots=True)
class ClassLine:
    """One class of accounts in one currency: how many there are, and its total on the side where it stands."""

    kind: AccountKind
    currency: str
    accounts: int
    debit_minor: int
    credit_minor: int


_running: weakref.WeakKeyDictionary[Database, threading.Lock] = weakref.WeakKeyDictionary()
_making = threading.Lock()


def check_now(db: Database, actor: Actor | None) -> CheckView:
    """Checks the whole books and keeps what was found. Who asks while a check runs waits for it and makes his own.

    Args:
        db: The bank's database.
        actor: Who asks; None when the bank does it by itself.

    Raises:
        Forbidden: a customer.
        Overloaded: this process is about to end.
    """
    if actor is not None:
        staff_only(actor)
    with _one_at_a_time(db):
        report = integrity.check_aside(db)
    row = BooksCheck(
        id=new_id(),
        checked_at=report.checked_at,
        actor_id=actor.user_id if actor else None,
        ok=report.ok,
        milliseconds=int(report.seconds * 1000),
        report=_kept(report),
    )

    def keep(session: Session) -> None:
        if session.get(BooksCheck, row.id) is not None:
            return
        session.add(BooksCheck(**row.model_dump()))
        audit.record(
            session,
            actor_id=row.actor_id,
            action=CHECKED,
            object=BOOKS,
            changes={
                "result": [None, "balance" if report.ok else "off"],
                "milliseconds": [None, row.milliseconds],
                # Sealed with the trail: who takes something out of the books has to take it out of there as well.
                "rows": [None, report.marks["rows"]],
            },
        )

    db.unit_of_work(keep, resolvable=True)
    return _view(row, actor.name if actor else None)


def check_if_due(db: Database, every: timedelta = DAILY) -> CheckView | None:
    """Checks by itself when nobody has for a while. Two processes that do so at once both keep what they found."""
    known = db.read(last_check)
    if known is not None and clock.now() - known.at < every:
        return None
    return check_now(db, None)


def _one_at_a_time(db: Database) -> threading.Lock:
    with _making:
        return _running.setdefault(db, threading.Lock())


def _kept(report: integrity.Report) -> dict[str, Any]:
    return {
        "accounts": report.accounts,
        "transactions": report.transactions,
        "postings": report.postings,
        "violations": [asdict(found) for found in report.violations],
        "totals": report.totals,
        "head": report.chain_head,
        "marks": report.marks,
    }


def _view(row: Any, by: str | None) -> CheckView:
    report = row.report
    return CheckView(
        id=row.id,
        at=row.checked_at,
        by=by,
        ok=row.ok,
        milliseconds=row.milliseconds,
        accounts=report["accounts"],
        transactions=report["transactions"],
        postings=report["postings"],
        findings=tuple(Finding(**found) for found in report["violations"]),
        totals=report["totals"],
        head=report["head"],
    )


def last_check(session: Session) -> CheckView | None:
    """The newest check that was kept."""
    return next(iter(_newest(session, 1)), None)


def history(session: Session, actor: Actor, *, limit: int = 30) -> list[CheckView]:
    """The newest checks, newest first.

    Raises:
        Forbidden: a customer.
    """
    staff_only(actor)
    return _newest(session, limit)


def _newest(session: Session, limit: int) -> list[CheckView]:
    rows = session.execute(
        select(*BooksCheck.__table__.c, col(User.name))  # type: ignore[attr-defined]
        .outerjoin(User, col(User.id) == col(BooksCheck.actor_id))
        .order_by(col(BooksCheck.id).desc())
        .limit(limit)
    )
    return [_view(row, row.name) for row in rows]


def trial_balance(session: Session, actor: Actor) -> list[ClassLine]:
    """Every class of accounts, on the side where its total stands; the two columns of a currency are equal.

    Raises:
        Forbidden: a customer.
    """
    staff_only(actor)
    rows = session.execute(
        select(col(Account.kind), col(Account.currency), func.count(), total(col(Account.balance)))
        .group_by(col(Account.kind), col(Account.currency))
        .order_by(col(Account.currency))
    ).all()
    order = list(AccountKind)
    lines = [
        ClassLine(AccountKind(kind), currency, count, max(-minor, 0), max(minor, 0))
        for kind, currency, count, minor in rows
    ]
    return sorted(lines, key=lambda line: (line.currency, order.index(line.kind)))
