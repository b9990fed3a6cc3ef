"""The audit trail: who did what, on what, and why. Appended in the same unit of work as the thing itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.orm import Session

from bank_app import clock
from bank_app.domain.identifiers import new_id
from bank_app.models import AuditRecord


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
