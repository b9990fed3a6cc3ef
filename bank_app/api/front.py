"""The application as a server is given it: requests for the API take the direct way, and an end is a clean one."""

from __future__ import annotations

import asyncio
import time

from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bank_app.api.upkeep import Upkeep
from bank_app.edge.refusals import OWN_PATHS
from bank_app.services import posting

# Less than servers give a worker before they kill it.
_SECONDS_TO_END = 7.0


class Front:
    """Tells the API's requests from those for pages, and lets what was accepted be answered before the process ends."""

    def __init__(self, api: FastAPI, pages: ASGIApp | None = None) -> None:
        """Without pages the API answers everything."""
        self._api, self._pages = api, pages or api
        self._under_way = 0
        self._upkeep: Upkeep | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Requests for the API do not walk past what only pages need."""
        if scope["type"] == "lifespan":
            await self._pages(scope, self._ending(receive), send)
        elif scope["type"] == "http" and OWN_PATHS.match(scope["path"]):
            self._under_way += 1
            try:
                await self._api(scope, receive, send)
            finally:
                self._under_way -= 1
        else:
            await self._pages(scope, receive, send)

    def _ending(self, receive: Receive) -> Receive:
        async def receive_and_drain() -> Message:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self._upkeep = Upkeep(self._api.state.db)
                self._upkeep.start()
            if message["type"] == "lifespan.shutdown":
                await self._drain()
            return message

        return receive_and_drain

    async def _drain(self) -> None:
        if self._upkeep:
            self._upkeep.stop()
        deadline = time.monotonic() + _SECONDS_TO_END
        # New movements are refused from here on; those that are in the queue are posted.
        await asyncio.to_thread(posting.of(self._api.state.db).drain, _SECONDS_TO_END)
        while self._under_way and time.monotonic() < deadline:  # noqa: ASYNC110 - once, at the very end
            await asyncio.sleep(0.01)
