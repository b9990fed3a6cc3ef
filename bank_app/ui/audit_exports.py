"""The audit trail and the security events as files for the bank's people."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from fastapi import FastAPI, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from bank_app import clock
from bank_app.database import Database
from bank_app.errors import BankError
from bank_app.services import audit_records, audit_trail, roles, security_watch
from bank_app.services.actor import Actor
from bank_app.services.audit_records import RecordView
from bank_app.services.audit_trail import KnownVerification
from bank_app.services.lists import Pages, Text
from bank_app.services.security_watch import EventView
from bank_app.settings import Settings
from bank_app.streaming import File
from bank_app.ui import downloads, security_words
from bank_app.ui.audit_filters import PATH, AuditFilters
from bank_app.ui.downloads import CSV, JSON
from bank_app.ui.security_filters import SecurityFilters

# Records on both sides of a break that go into the report.
_AROUND = 10


def add_routes(routes: FastAPI, db: Database, settings: Settings) -> None:
    """What the pages show as CSV or JSON, for those who may read the trail with a program, and a report.

    The report says what verifying found. It is everybody's at the bank who can see that the chain is broken.
    """

    @routes.get(f"{PATH}/export.csv")
    async def as_csv(request: Request) -> Response:
        wanted = AuditFilters.of(request.query_params)
        return await _file(
            request, "audit-trail", "csv", lambda actor: audit_records.records_csv(_records(db, actor, wanted))
        )

    @routes.get(f"{PATH}/export.json")
    async def as_json(request: Request) -> Response:
        wanted = AuditFilters.of(request.query_params)
        return await _file(
            request, "audit-trail", "json", lambda actor: audit_records.records_json(_records(db, actor, wanted))
        )

    @routes.get(f"{PATH}/report.json")
    async def report(request: Request) -> Response:
        return await _file(
            request, "audit-report", "json",
            lambda actor: _text(db.read(lambda session: _report(session, actor, settings))),
        )  # fmt: skip

    @routes.get(f"{security_words.PATH}/export.csv")
    async def events_as_csv(request: Request) -> Response:
        wanted = SecurityFilters.of(request.query_params)
        return await _file(
            request, "security-events", "csv", lambda actor: security_watch.events_csv(_events(db, actor, wanted)),
            page=security_words.PATH,
        )  # fmt: skip

    @routes.get(f"{security_words.PATH}/export.json")
    async def events_as_json(request: Request) -> Response:
        wanted = SecurityFilters.of(request.query_params)
        return await _file(
            request, "security-events", "json", lambda actor: security_watch.events_json(_events(db, actor, wanted)),
            page=security_words.PATH,
        )  # fmt: skip

    async def _file(
        request: Request, name: str, kind: str, make: Callable[[Actor], Text | str], *, page: str = PATH
    ) -> Response:
        def made(actor: Actor) -> File:
            audit_trail.seal(db)
            return downloads.file(f"{name}_{clock.now():%Y-%m-%d}.{kind}", CSV if kind == "csv" else JSON, make(actor))

        return await downloads.send(request, db, settings, made, page=page, otherwise=503)


def _records(db: Database, actor: Actor, wanted: AuditFilters) -> Pages[RecordView]:
    audit_trail.must_be_auditor(actor)
    return downloads.of_everybody(db, actor, "audit", wanted, audit_records.list_records)


def _events(db: Database, actor: Actor, wanted: SecurityFilters) -> Pages[EventView]:
    security_watch.must_be_reader(actor)
    return downloads.of_everybody(db, actor, "security", wanted, security_watch.list_events)


def _report(session: Session, actor: Actor, settings: Settings) -> dict[str, Any]:
    roles.staff_only(actor)
    stands = audit_trail.last_verification(session)
    broken = stands.result.broken if stands else None
    around = []
    if broken:
        for number in range(max(1, broken.number - _AROUND), broken.number + _AROUND + 1):
            try:
                place = audit_records.get_record(session, actor, number)
            except BankError:
                around.append({"number": number, "missing": True})
            else:
                around.append({**json.loads(place.document), "hash": place.record.hash, "after": place.previous_hash})
    return {
        "bank": settings.name,
        "made_at": clock.to_text(clock.now()),
        "made_by": actor.name,
        "stands": _verification(stands) if stands else None,
        "around_the_break": around,
        "verifications": [_verification(known) for known in audit_trail.verifications(session)],
    }


def _verification(known: KnownVerification) -> dict[str, Any]:
    found = asdict(known.result)
    return {**found, "at": clock.to_text(known.result.at), "by": known.by, "ok": known.result.ok}


def _text(document: object) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False)
