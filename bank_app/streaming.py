"""Answers that are as long as the books: sent as they are read, by pages and files alike. Pure ASGI.

One that fits into a page is sent whole. Of a longer one a page is in memory at a time, and between two of them, while
its reader takes the first, nothing of the bank is held: no thread, no connection, no snapshot. One that cannot be
finished has no end: the server cuts the connection, and nobody takes what came for the whole.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from uuid import UUID

import structlog
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from bank_app.database import Database
from bank_app.errors import BankError
from bank_app.methods import WITHOUT_BODY
from bank_app.services import work
from bank_app.services.lists import PAGE_OF_FILES, Text
from bank_app.services.work import Work

log = structlog.get_logger("bank_app.streaming")


@dataclass(frozen=True, slots=True)
class File:
    """What is sent: its media type, its text, and, for what is saved, a name of letters, digits, dashes and dots."""

    kind: str
    text: Text | str
    name: str = ""
    mark: str = ""


async def respond(db: Database, person: UUID, make: Callable[[], File]) -> Response:
    """Begins a file for a person: all of it if it fits into a page, else an answer that goes on reading.

    Args:
        db: Whose books are read.
        person: Who pays for it.
        make: Reads the first page, on a thread.

    Raises:
        TooMuchWork, LargeWorkRunning, Overloaded: as `Work.large`, before anything was sent.
        BankError: whatever making it raises.
    """
    office = work.of(db)
    office.admit(person)
    file, whole = await office.run(person, lambda: _begun(make()), rows=PAGE_OF_FILES)
    office.charge(person, work.FILE + (0 if isinstance(file.text, str) else file.text.pages.rows))
    headers = {"cache-control": "no-store"}
    if file.name:
        headers["content-disposition"] = f'attachment; filename="{file.name}"'
    if whole is not None or isinstance(file.text, str):
        return Response(whole, media_type=file.kind, headers=headers)
    turn = ExitStack()
    turn.enter_context(office.large(person))
    rest = _Rest(file.text, file.mark, office, person, turn, db.settings.send_timeout)
    return Streamed(rest, media_type=file.kind, headers=headers)


def _begun(file: File) -> tuple[File, str | None]:
    if isinstance(file.text, str):
        return file, file.mark + file.text
    return file, None if file.text.pages.are_many else file.mark + "".join(file.text.pieces)


@dataclass(frozen=True, slots=True)
class _Rest:
    """What is still to be read, for whom, and how long a reader may take for a piece of it."""

    text: Text
    mark: str
    office: Work
    person: UUID
    turn: ExitStack
    seconds: float


class _CutError(Exception):
    """The rest of an answer will not be sent, and why."""


class Streamed(Response):
    """An answer that is sent as it is read. It holds its person's turn at large things until it is over."""

    def __init__(self, rest: _Rest, *, media_type: str, headers: Mapping[str, str]) -> None:
        """Sends nothing yet."""
        super().__init__(media_type=media_type, headers=headers)
        # How long it will be is not known.
        del self.headers["content-length"]
        self._rest = rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends it, and its end only if nothing went wrong."""
        left = asyncio.ensure_future(_left(receive))
        try:
            with self._rest.turn:
                await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
                if not scope.get(WITHOUT_BODY):
                    await self._send(send, left)
        except _CutError as why:
            self._note(str(why))
        except BankError as error:
            self._note(error.code)
        else:
            await send({"type": "http.response.body", "body": b""})
        finally:
            left.cancel()

    async def _send(self, send: Send, left: asyncio.Future[None]) -> None:
        office, person, pieces, pages = (
            self._rest.office,
            self._rest.person,
            self._rest.text.pieces,
            self._rest.text.pages,
        )
        paid, had, before = pages.rows, 0, self._rest.mark
        while True:
            piece = await office.run(person, lambda: next(pieces, None), had=had, rows=PAGE_OF_FILES)
            office.charge(person, pages.rows - paid)
            if piece is None:
                return
            if left.done():
                raise _CutError("the reader left")
            try:
                async with asyncio.timeout(self._rest.seconds):
                    body = (before + piece).encode()
                    await send({"type": "http.response.body", "body": body, "more_body": True})
            except TimeoutError:
                raise _CutError("the reader takes nothing") from None
            paid, had, before = pages.rows, had + 1, ""

    def _note(self, why: str) -> None:
        log.warning("answer.cut", why=why, actor=str(self._rest.person), rows=self._rest.text.pages.rows)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
