"""Files for the bank's people."""

from __future__ import annotations

from fastapi import FastAPI, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from bank_app import clock
from bank_app.database import Database
from bank_app.services import approvals, roles, step_up, transaction_search
from bank_app.services.auth import Actor
from bank_app.services.lists import PAGE_OF_FILES, Page, Pages
from bank_app.services.transaction_search import FoundTransaction
from bank_app.settings import Settings
from bank_app.streaming import File
from bank_app.ui import downloads
from bank_app.ui.downloads import CSV
from bank_app.ui.transaction_filters import PATH, TransactionFilters


def add_routes(routes: FastAPI, db: Database, settings: Settings) -> None:
    """Transactions as a CSV file, with the filters of the page."""

    @routes.get(f"{PATH}/export.csv")
    async def export(request: Request) -> Response:
        wanted = TransactionFilters.of(request.query_params)

        def found(actor: Actor) -> File:
            text = transaction_search.transactions_csv(_found(db, actor, wanted))
            return downloads.file(f"transactions_{clock.now():%Y-%m-%d}.csv", CSV, text)

        return await downloads.send(request, db, settings, found, page=PATH, otherwise=422)


def _found(db: Database, actor: Actor, wanted: TransactionFilters) -> Pages[FoundTransaction]:
    roles.staff_only(actor)
    step_up.require(actor)
    db.read(lambda session: approvals.require_pass(session, actor, "transactions"))
    wanted.require()
    filters = wanted.to_service()

    def page(session: Session, cursor: str | None) -> Page[FoundTransaction]:
        return transaction_search.find(session, actor, filters=filters, limit=PAGE_OF_FILES, cursor=cursor)

    return Pages(db, page)
