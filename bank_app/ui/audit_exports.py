"""The audit trail as files for the bank's people."""

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
from bank_app.services import audit_records, audit_trail, roles
from bank_app.services.audit_records import RecordView
from bank_app.services.audit_trail import KnownVerification
from bank_app.services.auth import Actor
from bank_app.services.lists import Page, every
from bank_app.settings import Settings
from bank_app.ui import calls, downloads
from bank_app.ui.audit_filters import PATH, AuditFilters
from bank_app.ui.downloads import CSV, JSON, File

_PAGE = 500
# Records on both sides of a break that go into the report.
_AROUND = 10


def add_routes(routes: FastAPI, db: Database, settings: Settings) -> None:
    """The records that the page shows as CSV or JSON, for those who may read the trail with a program, and a report.

    The report says what verifying found. It is everybody's at the bank who can see that the chain is broken.
    """

    @routes.get(f"{PATH}/export.csv")
    async def as_csv(request: Request) -> Response:
        wanted = AuditFilters.of(request.query_params)
        return await _file(
            request, "audit-trail", "csv", lambda s, actor: audit_records.records_csv(_records(s, actor, wanted))
        )

    @routes.get(f"{PATH}/export.json")
    async def as_json(request: Request) -> Response:
        wanted = AuditFilters.of(request.query_params)
        return await _file(
            request, "audit-trail", "json",
            lambda s, actor: _text({"records": [_plain(record) for record in _records(s, actor, wanted)]}),
        )  # fmt: skip

    @routes.get(f"{PATH}/report.json")
    async def report(request: Request) -> Response:
        return await _file(request, "audit-report", "json", lambda s, actor: _text(_report(s, actor, settings)))

    async def _file(request: Request, name: str, kind: str, make: Callable[[Session, Actor], str]) -> Response:
        async def made(actor: Actor) -> File:
            await calls.call(audit_trail.seal, db)
            text = await calls.call_apart(db.read, lambda session: make(session, actor))
            return File(f"{name}_{clock.now():%Y-%m-%d}.{kind}", CSV if kind == "csv" else JSON, text)

        return await downloads.send(request, db, settings, made, page=PATH, otherwise=503)


def _records(session: Session, actor: Actor, wanted: AuditFilters) -> list[RecordView]:
    audit_trail.must_be_auditor(actor)
    wanted.require()

    def page(cursor: str | None) -> Page[RecordView]:
        return audit_records.list_records(session, actor, filters=wanted.to_service(), limit=_PAGE, cursor=cursor)

    return every(page, most=audit_records.MOST_EXPORTED)


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


def _plain(record: RecordView) -> dict[str, Any]:
    return {
        "number": record.number,
        "created_at": clock.to_text(record.created_at),
        "actor": record.actor,
        "actor_id": str(record.actor_id) if record.actor_id else None,
        "role": record.role.value if record.role else None,
        "action": record.action,
        "object": record.object,
        "outcome": record.outcome.value,
        "reason": record.reason,
        "changes": record.changes_told,
        "address": record.address,
        "request_id": record.request_id,
        "hash": record.hash,
    }


def _text(document: object) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False)
