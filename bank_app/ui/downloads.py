"""Files over plain HTTP with the session cookie, because a browser saves what a link leads to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import quote

from fastapi import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from bank_app.database import Database
from bank_app.domain import csv_file
from bank_app.errors import BankError, DatabaseUnavailable, EnrolmentRequired, Forbidden, Throttled
from bank_app.services import security_events
from bank_app.services.auth import Actor
from bank_app.settings import Settings
from bank_app.ui import calls, lookups

CSV, JSON = "text/csv; charset=utf-8", "application/json"


@dataclass(frozen=True)
class File:
    """What is sent. The name consists of letters, digits, dashes, underscores and dots."""

    name: str
    kind: str
    text: str


async def send(
    request: Request,
    db: Database,
    settings: Settings,
    make: Callable[[Actor], Awaitable[File]],
    *,
    page: str,
    otherwise: int = 404,
) -> Response:
    """The file for whoever the cookie says, or why there is none.

    Args:
        request: What the browser sent.
        db: The bank's database.
        settings: Of the bank.
        make: Makes the file for the person who asks.
        page: Where somebody is led who has to sign in first.
        otherwise: The status of a refusal that has none of its own.
    """
    try:
        actor, _ = await calls.sender_of(request, db, settings)
        if actor is None:
            return RedirectResponse(f"/sign-in?next={quote(page)}", 303)
        lookups.count_file(actor, settings)
        file = await make(actor)
        await calls.call(_note, db, actor, file, request)
    except EnrolmentRequired:
        raise
    except BankError as error:
        return _refused(error, otherwise)
    headers = {"content-disposition": f'attachment; filename="{file.name}"', "cache-control": "no-store"}
    return Response(content(file.text, file.kind), media_type=file.kind, headers=headers)


def _note(db: Database, actor: Actor, file: File, request: Request) -> None:
    """What somebody took away: the file, with which filters, and how much of it."""
    facts = {"filters": str(request.query_params)[:500], "path": request.url.path[:200], "lines": file.text.count("\n")}
    security_events.taken_away(db, actor.person, file.name, facts)


def content(text: str, kind: str) -> str:
    """What of a file goes over the wire: people open CSV in spreadsheets, which know by a mark how it is written."""
    return csv_file.MARK + text if kind == CSV else text


def _refused(error: BankError, otherwise: int) -> Response:
    if isinstance(error, Throttled):
        return PlainTextResponse(error.detail, 429, {"retry-after": str(error.details["retry_after"])})
    status = 503 if isinstance(error, DatabaseUnavailable) else 403 if isinstance(error, Forbidden) else otherwise
    if error.code in ("invalid_request", "invalid_amount"):
        status = 422  # A filter that cannot be understood, as the page says at its field.
    return PlainTextResponse(error.detail, status)
