"""Attempts at what somebody's role does not allow go into the audit trail, as many as a person would make."""

from __future__ import annotations

import contextlib
import threading
import weakref
from uuid import UUID

from cachetools import TTLCache

from bank_app.database import Database
from bank_app.errors import BankError
from bank_app.services import audit

ATTEMPTED = "access.refused"
_PER_PERSON, _ALL_TOGETHER, _SECONDS = 10, 120, 60
_LONGEST_OBJECT = 64


class Refusals:
    """What was refused in the last minute. A program that tries without end fills no disk."""

    def __init__(self, db: Database) -> None:
        """Knows of none yet."""
        # Weak, because the table below must not keep a database alive that nobody uses any more.
        self._database = weakref.ref(db)
        self._counting = threading.Lock()
        self._counts: TTLCache[UUID | None, int] = TTLCache(maxsize=10_000, ttl=_SECONDS)

    def record(self, actor_id: UUID, attempted: str) -> bool:
        """Appends an attempt, such as `POST /api/v1/audit/verify`; False when it is not recorded."""
        with self._counting:
            own, all_of_them = self._counts.get(actor_id, 0), self._counts.get(None, 0)
            if own >= _PER_PERSON or all_of_them >= _ALL_TOGETHER:
                return False
            self._counts[actor_id], self._counts[None] = own + 1, all_of_them + 1
        db = self._database()
        if db is None:
            return False
        with contextlib.suppress(BankError):
            # Refusing does not depend on whether it can be written down.
            db.unit_of_work(
                lambda session: audit.record(
                    session, actor_id=actor_id, action=ATTEMPTED, object=attempted[:_LONGEST_OBJECT]
                )
            )
            return True
        return False


_of: weakref.WeakKeyDictionary[Database, Refusals] = weakref.WeakKeyDictionary()
_making = threading.Lock()


def of(db: Database) -> Refusals:
    """The refused attempts on a database in this process."""
    with _making:
        return _of.setdefault(db, Refusals(db))
