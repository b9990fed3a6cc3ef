"""Who sends a request: the database is asked about every token every time, about all that wait at once."""

from __future__ import annotations

import asyncio
import copy
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from uuid import UUID
from weakref import WeakKeyDictionary

from cachetools import LRUCache

from bank_app.database import Database
from bank_app.services import auth, tokens
from bank_app.services.actor import Actor

_GATHERING_SECONDS = 0.002
_Waiting = dict[UUID, asyncio.Future[Actor | None]]


class Authenticator:
    """The access tokens of one application, looked up together.

    A request is answered from a query that began after it came: who was disabled or signed out before is refused.
    """

    def __init__(self, db: Database) -> None:
        """Asks nothing yet."""
        self._db = db
        # A server has one event loop, a test may have many, and a future belongs to one of them.
        self._rounds: WeakKeyDictionary[asyncio.AbstractEventLoop, _Round] = WeakKeyDictionary()
        self._remembered: LRUCache[UUID, Actor] = LRUCache(maxsize=10_000)
        # One query runs at a time; what comes meanwhile is asked by the next.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="authentication")

    async def actor_of(self, token: str) -> Actor:
        """Who holds this access token now.

        Raises:
            TokenExpired, NotSignedIn: it does not count.
            EnrolmentRequired: its person has to set two-step sign-in up first.
            DatabaseUnavailable: nobody can tell.
        """
        sign_in_id = tokens.sign_in_of_access_token(self._db.settings, token)
        loop = asyncio.get_running_loop()
        this = self._rounds.get(loop) or self._rounds.setdefault(loop, _Round())
        answer = this.waiting.get(sign_in_id)
        if answer is None:
            answer = this.waiting[sign_in_id] = loop.create_future()
        if this.asking is None:
            this.asking = asyncio.create_task(self._ask(this))
        # Shielded: several requests may wait for this answer, and one of them may be cut off.
        actor = await asyncio.shield(answer)
        if actor is None:
            raise tokens.not_valid()
        if actor.must_enrol:
            raise auth.enrolment_required()
        return actor

    async def likely(self, token: str) -> Actor:
        """Who held this access token when it was last asked about; only for what asks again together with posting.

        Raises:
            as `actor_of`, of a token that is new here.
        """
        known = self._remembered.get(tokens.sign_in_of_access_token(self._db.settings, token))
        return known or await self.actor_of(token)

    async def _ask(self, this: _Round) -> None:
        loop = asyncio.get_running_loop()
        while this.waiting:
            asked, this.waiting = this.waiting, {}
            try:
                found = await loop.run_in_executor(self._thread, auth.actors_of_sign_ins, self._db, asked.keys())
            except Exception as error:  # noqa: BLE001 - everybody who waits for this query is given it
                for answer in asked.values():
                    answer.set_exception(copy.copy(error))
            else:
                for sign_in_id, answer in asked.items():
                    actor = found.get(sign_in_id)
                    answer.set_result(actor)
                    self._remember(sign_in_id, actor)
            if len(asked) > 1:
                # Several came at once, so more will: they share the next query instead of queueing for one each.
                await asyncio.sleep(_GATHERING_SECONDS)
        this.asking = None

    def _remember(self, sign_in_id: UUID, actor: Actor | None) -> None:
        if actor and not actor.must_enrol:
            self._remembered[sign_in_id] = replace(actor, remembered=True)
        else:
            self._remembered.pop(sign_in_id, None)


class _Round:
    """Those who wait for the next query, and the task that asks it."""

    def __init__(self) -> None:
        self.waiting: _Waiting = {}
        self.asking: asyncio.Task[None] | None = None
