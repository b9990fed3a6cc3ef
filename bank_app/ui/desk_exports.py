"""Files for the bank's people."""

from __future__ import annotations

from fastapi import FastAPI, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from bank_app import clock
from bank_app.database import Database
from bank_app.services import roles, transaction_search
from bank_app.services.auth import Actor
from bank_app.services.lists import Page, every
from bank_app.services.transaction_search import FoundTransaction
from bank_app.settings import Settings
from bank_app.ui import calls, downloads
from bank_app.ui.downloads import CSV, File
from bank_app.ui.transaction_filters import PATH, TransactionFilters

_PAGE = 500
# What a spreadsheet can hold and a worker can make without keeping others waiting.
_MOST = 20_000


def add_routes(routes: FastAPI, db: Database, settings: Settings) -> None:
    """Transactions as a CSV file, with the filters of the page."""

    @routes.get(f"{PATH}/export.csv")
    async def export(request: Request) -> Response:
        wanted = TransactionFilters.of(request.query_params)

        async def found(actor: Actor) -> File:
            text = await calls.call_apart(db.read, lambda session: _export(session, actor, wanted))
            return File(f"transactions_{clock.now():%Y-%m-%d}.csv", CSV, text)

        return await downloads.send(request, db, settings, found, page=PATH, otherwise=422)


def _export(session: Session, actor: Actor, wanted: TransactionFilters) -> str:
    roles.staff_only(actor)
    wanted.require()

    def page(cursor: str | None) -> Page[FoundTransaction]:
        return transaction_search.find(session, actor, filters=wanted.to_service(), limit=_PAGE, cursor=cursor)

    return transaction_search.transactions_csv(every(page, most=_MOST))
