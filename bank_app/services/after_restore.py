"""After a backup was restored: what was over by then, and is there again, ends once more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import CursorResult, delete, update
from sqlalchemy.orm import Session
from sqlmodel import col

from bank_app import clock
from bank_app.models import Approval, BankFacts, EmailChange, KnownDevice, Mail, PasswordLink, RecoveryCode, SignIn
from bank_app.services import audit
from bank_app.services.approvals import State
from bank_app.services.auth import End

# What nobody can know from a backup, in the words of whoever restored one.
CANNOT_KNOW = (
    "People who were disabled, and passwords and recovery codes that were changed or used since the backup, are as "
    "they were then: look through /ops/users, and ask people to choose new ones where that matters."
)


def settle(session: Session, *, recovery_codes: bool = False) -> Mapping[str, int]:
    """Ends every sign-in with its tokens, every link, request and proposed email, and a token for setting the bank up.

    A backup has them as they were: sessions that were ended since, links and refresh tokens that were used since. Known
    devices are strangers again, and letters that waited then are not sent, for most of them were. Half sessions end by
    themselves within minutes.

    Args:
        session: Of a unit of work.
        recovery_codes: Also make unused recovery codes worthless; people then make new ones.

    Returns:
        How many of each were ended.
    """
    now = clock.now()
    ended = {
        "sign_ins": _count(
            session,
            update(SignIn).where(col(SignIn.revoked_at).is_(None)).values(revoked_at=now, ended_by=End.RESTORE.value),
        ),
        "links": _count(session, update(PasswordLink).where(col(PasswordLink.used_at).is_(None)).values(used_at=now)),
        # One that was refused or withdrawn since would be open again.
        "approvals": _count(
            session,
            update(Approval)
            .where(col(Approval.state) == State.PENDING.value)
            .values(state=State.OUTDATED.value, decided_at=now),
        ),
        "proposed_emails": _count(session, delete(EmailChange)),
        "known_devices": _count(session, delete(KnownDevice)),
        "waiting_letters": _count(
            session,
            update(Mail).where(col(Mail.due_at).is_not(None)).values(due_at=None, body="", problem="bank restored"),
        ),
        "setup_tokens": _count(
            session, update(BankFacts).where(col(BankFacts.setup_digest).is_not(None)).values(setup_digest=None)
        ),
    }
    if recovery_codes:
        unused = update(RecoveryCode).where(col(RecoveryCode.used_at).is_(None))
        ended["recovery_codes"] = _count(session, unused.values(used_at=now))
    audit.record(
        session, actor_id=None, action="bank.restored", object="bank",
        changes={name: [count, 0] for name, count in ended.items()},
    )  # fmt: skip
    return ended


def said(ended: Mapping[str, int]) -> str:
    """The result in a sentence."""
    words = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in ended.items())
    return f"Ended, because a backup brings them back: {words}. Everybody signs in again."


def _count(session: Session, statement: Any) -> int:
    done = session.execute(statement.execution_options(synchronize_session=False))
    return done.rowcount if isinstance(done, CursorResult) else 0
