"""Files over plain HTTP with the session cookie, because a browser saves what a link leads to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar
from urllib.parse import quote, urlencode

from fastapi import Request
from sqlalchemy.orm import Session
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from bank_app.database import Database
from bank_app.domain import csv_file
from bank_app.errors import (
    BankError,
    DatabaseUnavailable,
    EnrolmentRequired,
    Forbidden,
    Overloaded,
    StepUpRequired,
    Throttled,
)
from bank_app.services import approvals, security_events, step_up
from bank_app.services.actor import Actor
from bank_app.services.lists import PAGE_OF_FILES, Page, Pages, Text
from bank_app.settings import Settings
from bank_app.streaming import File, respond
from bank_app.ui import calls, lookups

T = TypeVar("T")
CSV, JSON = "text/csv; charset=utf-8", "application/json"
# Where a fresh code is given before a file is sent.
CONFIRM = "/confirm"


async def send(
    request: Request,
    db: Database,
    settings: Settings,
    make: Callable[[Actor], File],
    *,
    page: str,
    otherwise: int = 404,
) -> Response:
    """The file for whoever the cookie says, or why there is none.

    Args:
        request: What the browser sent.
        db: The bank's database.
        settings: Of the bank.
        make: Begins the file for the person who asks, on a thread.
        page: Where somebody is led who has to sign in first.
        otherwise: The status of a refusal that has none of its own.
    """
    try:
        actor, _ = await calls.sender_of(request, db, settings)
        if actor is None:
            return RedirectResponse(f"/sign-in?next={quote(page)}", 303)
        lookups.count_file(actor, settings)

        def noted() -> File:
            made = make(actor)
            _note(db, actor, made, request)
            return made

        async with calls.refusals_heeded():
            return await respond(db, actor.user_id, noted)
    except EnrolmentRequired:
        raise
    except StepUpRequired:
        wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"{CONFIRM}?{urlencode({'file': wanted, 'back': page})}", 303)
    except BankError as error:
        return _refused(error, otherwise)


def _note(db: Database, actor: Actor, file: File, request: Request) -> None:
    """What somebody takes away: the file, with which filters, and how much of it: of a long one, its first page."""
    long = not isinstance(file.text, str) and file.text.pages.are_many
    lines = file.text.count("\n") if isinstance(file.text, str) else file.text.pages.rows + 1
    facts = {"filters": str(request.query_params)[:500], "path": request.url.path[:200], "lines": lines, "more": long}
    security_events.taken_away(db, actor.person, file.name, facts)


class Wanted(Protocol):
    """Filters of a list, as a page reads them from its address."""

    def require(self) -> None:
        """Refuses what could not be understood."""

    def to_service(self) -> Any:
        """The filters in the service's own terms."""


def of_everybody(db: Database, actor: Actor, which: str, wanted: Wanted, listed: Callable[..., Page[T]]) -> Pages[T]:
    """All that is wanted of a list about everybody.

    For whoever gave a fresh code and, where files take two, has a colleague's word for `which`.
    """
    step_up.require(actor)
    db.read(lambda session: approvals.require_pass(session, actor, which))
    wanted.require()
    filters = wanted.to_service()

    def page(session: Session, cursor: str | None) -> Page[T]:
        return listed(session, actor, filters=filters, limit=PAGE_OF_FILES, cursor=cursor)

    return Pages(db, page)


def file(name: str, kind: str, text: Text | str) -> File:
    """A file as it is saved: people open CSV in spreadsheets, which know by a mark how it is written."""
    return File(kind, text, name, csv_file.MARK if kind == CSV else "")


def _refused(error: BankError, otherwise: int) -> Response:
    if isinstance(error, Throttled):
        return PlainTextResponse(error.detail, 429, {"retry-after": str(error.details["retry_after"])})
    if isinstance(error, Overloaded):
        return PlainTextResponse(error.detail, 503, {"retry-after": "5"})
    status = 503 if isinstance(error, DatabaseUnavailable) else 403 if isinstance(error, Forbidden) else otherwise
    if error.code in ("invalid_request", "invalid_amount"):
        status = 422  # A filter that cannot be understood, as the page says at its field.
    return PlainTextResponse(error.detail, status)
