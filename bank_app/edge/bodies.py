"""Bodies that must come in time: whoever keeps somebody waiting is not waited for."""

from __future__ import annotations

import asyncio
import time

from starlette.types import Message, Receive

from bank_app.edge.places import Places
from bank_app.services.edge_figures import EdgeFigures
from bank_app.settings import Settings

# Until then a body is on its way like any other; from then on its client takes one of the places.
_GRACE_SECONDS = 1.0
# So many may be on their way at once, of each place there is for slow ones.
_ON_THEIR_WAY = 128
_TICK_SECONDS = 0.25
# So many are given up at once, and more a moment later: others are answered in between.
_GIVEN_UP, _PAUSE_SECONDS = 64, 0.05
# More than a form or a payment has.
_BEGINNING = 16 * 1024


class Bodies:
    """The bodies that a worker waits for, all of them."""

    def __init__(self, settings: Settings, figures: EdgeFigures) -> None:
        """Waits for nothing yet."""
        self.settings, self.figures = settings, figures
        figures.bodies_most = settings.bodies
        self._slow = Places(each=settings.bodies_per_address, whole=settings.bodies)
        self._coming = Places(each=settings.bodies_per_address * _ON_THEIR_WAY, whole=settings.bodies * _ON_THEIR_WAY)
        self._waiting: dict[Body, None] = {}
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, networks: tuple[str, ...], receive: Receive) -> Body | None:
        """A body that begins to come; None when this network has too many under way."""
        if not self._coming.take(networks):
            self.figures.turn_away("crowded", networks[0])
            return None
        return Body(self, networks, receive)

    def end(self, body: Body) -> None:
        """It is here, or nobody wants it any more."""
        if body.counted:
            body.counted = False
            self._coming.give(body.networks)
        self.no_longer(body)

    def wait_for(self, body: Body) -> None:
        """Somebody waits for the next piece of it."""
        self._waiting[body] = None
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_TICK_SECONDS, self._tick)

    def no_longer(self, body: Body) -> None:
        """Nobody waits for it at this moment, or ever again."""
        self._waiting.pop(body, None)
        if body.slow and not body.counted:
            body.slow = False
            self._slow.give(body.networks)
            self.figures.bodies = self._slow.total

    def _tick(self) -> None:
        now, given_up = time.monotonic(), 0
        for body in list(self._waiting):
            if given_up == _GIVEN_UP:
                break
            if body.began > now - min(_GRACE_SECONDS, self.settings.body_seconds):
                continue
            if body.is_overdue(now):
                given_up += body.give_up("slow_body")
            elif not body.slow and self._slow.take(body.networks):
                body.slow = True
            elif not body.slow:
                given_up += body.give_up("crowded")
        self.figures.bodies = self._slow.total
        loop = asyncio.get_running_loop()
        pause = _PAUSE_SECONDS if given_up else _TICK_SECONDS
        self._timer = loop.call_later(pause, self._tick) if self._waiting else None


class Body:
    """`receive` of one request: hands on what comes in time, and then says that the client has gone."""

    __slots__ = (
        "_bodies",
        "_cancelled",
        "_receive",
        "_task",
        "_why",
        "began",
        "counted",
        "got",
        "late",
        "length",
        "networks",
        "slow",
    )

    def __init__(self, bodies: Bodies, networks: tuple[str, ...], receive: Receive) -> None:
        """Nobody has asked for it yet."""
        self._bodies, self._receive, self.networks = bodies, receive, networks
        self.began, self.got = 0.0, 0
        self.length: int | None = None
        self.counted, self.slow, self.late = True, False, False
        self._task: asyncio.Task[None] | None = None
        self._why, self._cancelled = "", 0

    async def receive(self) -> Message:
        """The next piece, or `http.disconnect` once it is too late."""
        if self.late:
            return {"type": "http.disconnect"}
        if not self.counted:
            return await self._receive()
        self.began = self.began or time.monotonic()
        self._bodies.wait_for(self)
        # One tick looks at all of them: a timer for each would cost more than everything else here.
        self._task = task = asyncio.current_task()
        self._cancelled = task.cancelling() if task else 0
        try:
            message = await self._receive()
        except asyncio.CancelledError:
            if not self._why or (task and task.uncancel() > self._cancelled):
                raise
            self.late = True
            self._bodies.figures.turn_away(self._why, self.networks[0])
            self._bodies.end(self)
            return {"type": "http.disconnect"}
        finally:
            self._task = None
            self._bodies.no_longer(self)
        self.got += len(message.get("body", b""))
        # Once it is as long as announced, the server is not asked whether that was all.
        if not message.get("more_body", False) or self.got == self.length:
            self._bodies.end(self)
        return message

    async def beginning(self, length: int | None) -> Message | None:
        """All of a body that is short, or the beginning of a longer one; None where nobody sends it any more."""
        pieces, self.length = [], length
        while self.counted and self.got < _BEGINNING:
            message = await self.receive()
            if message["type"] != "http.request":
                return None
            pieces.append(message.get("body", b""))
        return {"type": "http.request", "body": b"".join(pieces), "more_body": self.counted}

    def is_overdue(self, now: float) -> bool:
        """Whether it has had its time."""
        settings = self._bodies.settings
        return now - self.began > max(settings.body_seconds, self.got / settings.least_rate + 1)

    @property
    def is_crowded_out(self) -> bool:
        """Whether it would have had more time, and there was no place."""
        return self._why == "crowded"

    def give_up(self, why: str) -> bool:
        """Ends the waiting at once; says whether there was any."""
        if self._task is None or self._why:
            return False
        self._why = why
        self._task.cancel()
        return True
