"""Statements as files."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta

from fastapi import FastAPI, Request
from starlette.responses import PlainTextResponse, Response

from bank_app.database import Database
from bank_app.domain import identifiers
from bank_app.services import statements
from bank_app.services.actor import Actor
from bank_app.settings import Settings
from bank_app.streaming import File
from bank_app.ui import downloads, forms
from bank_app.ui.downloads import CSV, JSON
from bank_app.ui.messages import say

_KINDS = {"csv": CSV, "json": JSON}


def period_of(query: Mapping[str, object]) -> tuple[datetime, datetime] | None:
    """The period of an address: `?month=2026-09`, or `?from=2026-09-03&to=2026-09-14` with both days in it."""
    month = statements.month_of(forms.text(query.get("month"), 10))
    if month is not None:
        return month
    try:
        first = date.fromisoformat(forms.text(query.get("from"), 10))
        last = date.fromisoformat(forms.text(query.get("to"), 10))
        start, end = (datetime.combine(day, time(), UTC) for day in (first, last + timedelta(days=1)))
    except (ValueError, OverflowError):
        return None
    return (start, end) if start < end else None


def add_statement_routes(routes: FastAPI, db: Database, settings: Settings) -> None:
    """`/accounts/{account}/statement.csv` and `.json`."""

    @routes.get("/accounts/{account}/statement.{kind}")
    async def download(request: Request, account: str, kind: str) -> Response:
        if kind not in _KINDS:
            return PlainTextResponse("There is no such page.", 404)
        period = period_of(dict(request.query_params))
        if period is None:
            return PlainTextResponse(say("PERIOD_UNKNOWN"), 422)

        def statement(actor: Actor) -> File:
            return _file(db, actor, account, kind, period)

        return await downloads.send(request, db, settings, statement, page=f"/statements/{account}")


def _file(db: Database, actor: Actor, account: str, kind: str, period: tuple[datetime, datetime]) -> File:
    number = identifiers.parse_account_number(account)
    sealed = db.read(lambda session: statements.period(session, actor, number, start=period[0], end=period[1]))
    written = statements.as_json if kind == "json" else statements.as_csv
    return downloads.file(sealed.file_name(kind), _KINDS[kind], written(db, actor, sealed))
