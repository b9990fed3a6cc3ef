"""What every worker does by itself: seals the trail, measures, writes letters, and daily checks books and trail."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from bank_app import aside
from bank_app.database import Database
from bank_app.errors import BankError
from bank_app.services import audit_trail, books, mail, security_events, vitals

log = logging.getLogger(__name__)
# Now and then all records are looked at, in case one was appended by a unit of work that took very long.
_THOROUGHLY_EVERY = 120
_LOOK_WHETHER_DUE_SECONDS = 1800
_SECONDS_AFTER_START = 3


class Upkeep:
    """The tasks of one worker. They end with `stop`, whatever they are at."""

    def __init__(self, db: Database) -> None:
        """Starts nothing yet."""
        self._db = db
        self._rounds = 0
        self._failing = False
        self._tasks: list[asyncio.Task[None]] = []
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="upkeep")
        # A mail server that does not answer holds up letters, and nothing else.
        self._post = ThreadPoolExecutor(1, thread_name_prefix="post")

    def start(self) -> None:
        """Begins, on the running event loop."""
        self._tasks = [asyncio.create_task(self._often()), asyncio.create_task(self._seldom())]
        if mail.is_set_up(self._db.settings):
            self._tasks.append(asyncio.create_task(self._letters()))

    def stop(self) -> None:
        """Ends; what a thread has begun is let finish, and a check in a process of its own is ended."""
        for task in self._tasks:
            task.cancel()
        aside.end(self._db)
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._post.shutdown(wait=False, cancel_futures=True)

    async def _often(self) -> None:
        while True:
            await self._run(self.round)
            await asyncio.sleep(vitals.EVERY_SECONDS)

    async def _seldom(self) -> None:
        # Workers start together; the first of them finds out, and for the others it is not due any more.
        await asyncio.sleep(_SECONDS_AFTER_START + secrets.randbelow(15))
        while True:
            await self._run(self.proofs)
            await asyncio.sleep(_LOOK_WHETHER_DUE_SECONDS + secrets.randbelow(300))

    async def _letters(self) -> None:
        while True:
            await self._run(self.post, self._post)
            await asyncio.sleep(vitals.EVERY_SECONDS)

    async def _run(self, work: Callable[[], None], threads: ThreadPoolExecutor | None = None) -> None:
        try:
            await asyncio.get_running_loop().run_in_executor(threads or self._threads, work)
        except BankError as error:
            # As long as the database is away this happens every few seconds; it is said once.
            if not self._failing:
                log.warning("upkeep: %s", error.code)
            self._failing = True
        except Exception:
            log.exception("upkeep failed")
        else:
            self._failing = False

    def round(self) -> None:
        """One round of what is done every few seconds."""
        thoroughly = self._rounds % _THOROUGHLY_EVERY == 0
        self._rounds += 1
        # Measured first, so that an unreachable database is seen as one.
        vitals.of(self._db).sample(self._db)
        audit_trail.seal(self._db, thoroughly=thoroughly)
        security_events.settle(self._db)

    def post(self) -> None:
        """Writes what there is to write, and hands it to the mail server."""
        mail.gather(self._db)
        mail.deliver(self._db)

    def proofs(self) -> None:
        """Checks the books and verifies the trail, if nobody has for a day."""
        security_events.forget_old(self._db)
        books.check_if_due(self._db)
        audit_trail.verify_if_due(self._db)
        mail.forget_old(self._db)
