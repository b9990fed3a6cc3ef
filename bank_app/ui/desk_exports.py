"""Files for the bank's people."""

from __future__ import annotations

from fastapi import FastAPI, Request
from starlette.responses import Response

from bank_app import clock
from bank_app.database import Database
from bank_app.services import roles, transaction_search
from bank_app.services.actor import Actor
from bank_app.services.lists import Pages
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
    return downloads.of_everybody(db, actor, "transactions", wanted, transaction_search.find)
