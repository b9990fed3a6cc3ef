"""Runs of the laboratory as files, over plain HTTP with the session cookie."""

from __future__ import annotations

import json
from urllib.parse import quote

from fastapi import FastAPI, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from bank_app.database import Database
from bank_app.domain import csv_file
from bank_app.errors import BankError, EnrolmentRequired, NotFound
from bank_app.lab.office import Office
from bank_app.services import security_events
from bank_app.settings import Settings
from bank_app.ui import calls, lab_desk
from bank_app.ui.downloads import CSV, JSON

_KINDS = {"report.json": JSON, "samples.csv": CSV}


def add_routes(routes: FastAPI, db: Database, settings: Settings) -> None:
    """`/lab/runs/{number}/report.json` and `samples.csv`."""

    @routes.get("/lab/runs/{number}/{name}")
    async def download(request: Request, number: str, name: str) -> Response:
        try:
            actor, _ = await calls.sender_of(request, db, settings)
            if actor is None:
                return RedirectResponse(f"/sign-in?next=/lab/runs/{quote(number)}", 303)
            if name not in _KINDS or not number.isascii() or not number.isdigit() or len(number) > 9:
                raise NotFound("There is no such page.")
            text = await lab_desk.ask(actor, lambda office: _file(office, int(number), name))
            await calls.call(security_events.taken_away, db, actor.person, f"run-{number}-{name}", {})
        except EnrolmentRequired:
            raise
        except BankError as error:
            return PlainTextResponse(error.detail, 503 if error.code == "database_unavailable" else 404)
        headers = {"content-disposition": f'attachment; filename="run-{number}-{name}"', "cache-control": "no-store"}
        return Response(
            csv_file.MARK + text if name.endswith(".csv") else text, media_type=_KINDS[name], headers=headers
        )


def _file(office: Office, number: int, name: str) -> str:
    if name == "samples.csv":
        return office.samples_csv(number)
    report = office.look(number, after=10**9)[0].report
    if report is None:
        raise NotFound("This run has no report yet.")
    return json.dumps({"run": number, **report}, indent=2) + "\n"
