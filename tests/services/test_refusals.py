"""Refused attempts are recorded, and no more of them than a person would make."""

from uuid import uuid4

from sqlalchemy import func, select

from bank_app.models import AuditRecord
from bank_app.services.refusals import Refusals


def test_attempts_are_recorded_up_to_a_bound(db, ada, ben):
    refusals = Refusals(db)
    assert [refusals.record(ada.user_id, "GET /api/v1/audit") for _ in range(12)] == [True] * 10 + [False] * 2
    assert refusals.record(ben.user_id, "x" * 200)
    rows = db.read(
        lambda session: session.execute(
            select(AuditRecord.actor_id, func.count())
            .where(AuditRecord.action == "access.refused")
            .group_by("actor_id")
        ).all()
    )
    assert dict(map(tuple, rows)) == {ada.user_id: 10, ben.user_id: 1}


def test_many_people_together_are_bounded_too(db, monkeypatch):
    refusals = Refusals(db)
    monkeypatch.setattr(db, "unit_of_work", lambda _operation: None)
    assert sum(refusals.record(uuid4(), "GET /ops") for _ in range(200)) == 120
