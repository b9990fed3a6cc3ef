"""The audit trail: who did what, on what, and why. Appended in the same unit of work as the thing itself."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.orm import Session

from bank_app import clock, errors
from bank_app.domain.identifiers import new_id
from bank_app.domain.text import written
from bank_app.models import AuditRecord

MAX_REASON = 300
_LONGEST_ADDRESS, _LONGEST_REQUEST_ID = 45, 64


@dataclass(frozen=True, slots=True)
class Source:
    """Where a request came from, its number in the bank's logs, by which door it came, and what it asked for."""

    address: str | None = None
    request_id: str | None = None
    door: str | None = None
    asked: str | None = None


_NOWHERE = Source()
_DONE_TO = "done_to"
_source: ContextVar[Source] = ContextVar("audit_source", default=_NOWHERE)


def came_from(address: str | None, request_id: str | None, door: str | None = None, asked: str | None = None) -> None:
    """Says where the request comes from that is worked on from here on, in this task and what it starts.

    `door` is api, browser, socket or command; `asked` is a route or a handler by name, with nobody's data in it.
    """
    where = (address or "")[:_LONGEST_ADDRESS] or None, (request_id or "")[:_LONGEST_REQUEST_ID] or None
    _source.set(Source(*where, door, asked))


def source() -> Source:
    """Where the request comes from that is worked on here. Work for another thread takes it along."""
    return _source.get()


def done_to(info: Mapping[Any, Any]) -> frozenset[str]:
    """The objects of the records of a unit of work, by what its session remembers."""
    return frozenset(info.get(_DONE_TO, ()))


def checked_reason(text: str | None) -> str:
    """The reason for something that only the bank's people may do, as the log keeps it: on one line.

    Raises:
        Invalid: there is none, or it is longer than the log keeps.
    """
    if reason := written(text, most=MAX_REASON, field="reason", what="the reason"):
        return reason
    message = "Write a reason; it goes into the audit log."
    raise errors.Invalid(message, errors=[{"field": "reason", "code": "required", "message": message}])


def record(
    session: Session,
    *,
    actor_id: UUID | None,
    action: str,
    object: str,  # noqa: A002 - subject, action, object: the words of the trade
    reason: str | None = None,
    changes: Mapping[str, Any] | None = None,
    whence: Source | None = None,
) -> None:
    """Appends one record.

    `action` is a verb on a noun such as `account.freeze`; `object` names the thing (`account 1234567889`);
    `changes` maps a field to `[before, after]`. Never give it a password, a token or a whole request.
    `whence` is where the request came from, if it is not the one that is worked on in this task.
    """
    found = whence or source()
    session.info.setdefault(_DONE_TO, set()).add(object)
    session.execute(
        insert(AuditRecord).values(
            id=new_id(),
            created_at=clock.now(),
            actor_id=actor_id,
            action=action,
            object=object,
            reason=reason,
            changes=dict(changes or {}),
            address=found.address,
            request_id=found.request_id,
        )
    )
