"""Whether this process can serve: asked of the database once a second at most, however often anybody asks us."""

from __future__ import annotations

import asyncio
import math
import time
from concurrent.futures import ThreadPoolExecutor

from bank_app.database import Database
from bank_app.errors import BankError, DatabaseUnavailable

_GOOD_FOR_SECONDS = 1.0


class Readiness:
    """The newest answer. It has a thread of its own: that others are busy does not mean that the bank is away."""

    def __init__(self, db: Database) -> None:
        """Has not asked yet."""
        self._db = db
        self._thread = ThreadPoolExecutor(1, "readiness")
        self._asked: asyncio.Future[BankError | None] | None = None
        self._at = -math.inf

    async def ask(self) -> None:
        """Returns when the bank can serve.

        Raises:
            BankError: it cannot; what keeps it from that.
        """
        over = self._asked is None or self._asked.done()
        if self._asked is None or (over and time.monotonic() - self._at > _GOOD_FOR_SECONDS):
            self._asked = asyncio.get_running_loop().run_in_executor(self._thread, self._look)
        # One of many who wait may leave.
        found = self._asked.result() if self._asked.done() else await asyncio.shield(self._asked)
        if found is not None:
            raise type(found)(found.detail, **found.details)

    def _look(self) -> BankError | None:
        try:
            self._db.ping()
            if not self._db.schema_is_current():
                return DatabaseUnavailable("The database lacks migrations of this version: run ./bank migrate.")
        except BankError as error:
            return error
        finally:
            self._at = time.monotonic()
        return None
