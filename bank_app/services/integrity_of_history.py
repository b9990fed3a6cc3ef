"""Whether some of the history is gone: it is counted whenever a check is kept, and counted again by those after it.

Whoever has all rights on the database can cut off the last entries of some accounts, with their transactions and keys,
and set the accounts back: what is left agrees with itself. It has become less, though, than it was once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session
from sqlmodel import SQLModel, col

from bank_app import clock
from bank_app.models import AuditSeal, BooksCheck

_TIMES = {
    "transactions": "created_at",
    "postings": "created_at",
    "idempotency_keys": "created_at",
    "audit_records": "created_at",
    "audit_seals": "sealed_at",
}
_KEEPS_HISTORY = 6


def marks(session: Session, until: datetime) -> dict[str, Any]:
    """How many rows each table of history has that are as old as `until` or older, and its newest seal; for JSON.

    A row that is dated before `until` may still be written afterwards, so the numbers may rise and never fall.
    """
    seal = session.execute(
        select(col(AuditSeal.number), col(AuditSeal.hash)).order_by(col(AuditSeal.number).desc()).limit(1)
    ).first()
    return {
        "until": clock.to_text(until),
        "rows": {table: _rows(session, table, until) for table in _TIMES},
        "seal": [seal.number, seal.hash.hex()] if seal else None,
    }


def findings(session: Session) -> Iterator[tuple[int, str, str]]:
    """What there was at the newest check that found nothing wrong, and is not there any more."""
    last = (
        select(col(BooksCheck.report)).where(col(BooksCheck.ok).is_(True)).order_by(col(BooksCheck.id).desc()).limit(1)
    )
    kept: Mapping[str, Any] | None = (session.execute(last).scalar() or {}).get("marks")
    if not kept:
        return
    until = datetime.fromisoformat(kept["until"])
    for table, before in kept["rows"].items():
        now = _rows(session, table, until)
        if now < before:
            yield _KEEPS_HISTORY, table, f"{before - now} rows are gone of {before} until {kept['until']}"
    if kept["seal"]:
        number, digest = kept["seal"]
        found = session.execute(select(col(AuditSeal.hash)).where(col(AuditSeal.number) == number)).scalar()
        if found is None or found.hex() != digest:
            yield _KEEPS_HISTORY, f"audit seal {number}", "is gone" if found is None else "has another hash than it had"


def _rows(session: Session, table: str, until: datetime) -> int:
    columns = SQLModel.metadata.tables[table].c
    return session.execute(select(func.count()).where(columns[_TIMES[table]] <= until)).scalar_one()
