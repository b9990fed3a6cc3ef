"""Files for the bank's people, over plain HTTP with the session cookie."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import FastAPI, Request
from sqlalchemy.orm import Session
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from bank_app import clock
from bank_app.database import Database
from bank_app.errors import BankError, Forbidden
from bank_app.services import auth, transaction_search
from bank_app.services.auth import Actor
from bank_app.settings import Settings
from bank_app.ui import calls, cookies
from bank_app.ui.transaction_filters import PATH, TransactionFilters

_PAGE = 500
# What a spreadsheet can hold and a worker can make without keeping others waiting.
_MOST = 20_000


def add_routes(routes: FastAPI, db: Database, settings: Settings) -> None:
    """Transactions as a CSV file, with the filters of the page."""

    @routes.get(f"{PATH}/export.csv")
    async def export(request: Request) -> Response:
        token = request.cookies.get(cookies.name(settings), "")
        actor = await calls.call(auth.actor_of_cookie, db, token) if token else None
        if actor is None:
            return RedirectResponse(f"/sign-in?next={quote(PATH)}", 303)
        wanted = TransactionFilters.of(request.query_params)
        try:
            text = await calls.read(lambda session: _export(session, actor, settings.currency, wanted))
        except Forbidden as error:
            return PlainTextResponse(error.detail, 403)
        except BankError as error:
            return PlainTextResponse(error.detail, 503 if error.code == "database_unavailable" else 422)
        name = f"transactions_{clock.now():%Y-%m-%d}.csv"
        headers = {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}
        return Response(text, media_type="text/csv; charset=utf-8", headers=headers)


def _export(session: Session, actor: Actor, currency: str, wanted: TransactionFilters) -> str:
    found: list[transaction_search.FoundTransaction] = []
    cursor: str | None = None
    while len(found) < _MOST:
        page = transaction_search.find(
            session, actor, currency=currency, filters=wanted.to_service(), limit=_PAGE, cursor=cursor
        )
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            break
    return transaction_search.as_csv(found)
