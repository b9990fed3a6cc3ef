"""The audit trail: who did what, on what, and why. Appended in the same unit of work as the thing itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.orm import Session

from bank_app import clock, errors
from bank_app.domain.identifiers import new_id
from bank_app.models import AuditRecord

MAX_REASON = 300


def checked_reason(text: str | None) -> str:
    """The reason for something that only the bank's people may do, without the spaces around it.

    Raises:
        Invalid: there is none, or it is longer than the log keeps.
    """
    reason = (text or "").strip()
    if reason and len(reason) <= MAX_REASON:
        return reason
    code, message = "required", "Write a reason; it goes into the audit log."
    if reason:
        code, message = "too_long", f"Keep the reason to {MAX_REASON} characters (now {len(reason)})."
    raise errors.Invalid(message, errors=[{"field": "reason", "code": code, "message": message}])


def record(
    session: Session,
    *,
    actor_id: UUID | None,
    action: str,
    object: str,  # noqa: A002 - subject, action, object: the words of the trade
    reason: str | None = None,
    changes: Mapping[str, Any] | None = None,
) -> None:
    """Appends one record.

    `action` is a verb on a noun such as `account.freeze`; `object` names the thing (`account 1234567889`);
    `changes` maps a field to `[before, after]`. Never give it a password, a token or a whole request.
    """
    session.execute(
        insert(AuditRecord).values(
            id=new_id(),
            created_at=clock.now(),
            actor_id=actor_id,
            action=action,
            object=object,
            reason=reason,
            changes=dict(changes or {}),
        )
    )
