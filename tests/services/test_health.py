"""Health: figures against thresholds, and no green without data."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bank_app import clock, errors
from bank_app.services import audit, audit_trail, edge_figures, health, vitals
from bank_app.services.health import State


@pytest.fixture
def measured(db, monkeypatch):
    """The vitals of this test's database, on an idle machine with room, with one sample of a minute ago."""
    measure = vitals.Vitals._measure

    def on_an_idle_machine(self, db):
        found = replace(measure(self, db), disk_free=90, disk_total=100)
        return found if found.database_seconds is None else replace(found, database_seconds=0.001)

    monkeypatch.setattr(vitals.Vitals, "_measure", on_an_idle_machine)
    found = vitals.of(db)
    with clock.moved_to(clock.now() - timedelta(seconds=61)):
        found.sample(db)
    return found


def tiles(db, actor):
    return {tile.key: tile for tile in health.report(db, actor).tiles}


def test_a_meter_knows_within_which_time_most_was_done():
    meter = vitals.Meter()
    assert meter.marks().seconds(0.95) is None
    for milliseconds in range(1, 101):
        meter.observe(milliseconds / 1000, failed=milliseconds == 7)
    marks = meter.marks()
    assert (marks.total, marks.failed) == (100, 1)
    assert 0.04 < marks.seconds(0.5) <= 0.051
    assert 0.09 < marks.seconds(0.95) <= 0.1
    meter.observe(99)
    assert meter.marks().since(marks).total == 1
    assert meter.marks().since(marks).seconds(0.5) <= 10


def test_a_quiet_bank_is_well(db, auditor, measured):
    measured.sample(db)
    shown = tiles(db, auditor)
    assert {tile.state for tile in shown.values()} <= {State.GOOD, State.UNKNOWN, State.WATCH}
    assert shown["database"].state is State.GOOD
    assert shown["api"].value == "Quiet"
    assert shown["books"].value == shown["trail"].value == "Not checked yet"
    assert shown["waits"].state is (State.UNKNOWN if db.embedded else State.GOOD)
    assert all(tile.threshold or tile.state is State.UNKNOWN for tile in shown.values())
    facts = dict(health.report(db, auditor).facts)
    assert facts["Migrations"] == "At the newest"
    assert facts["Size of the books"] != "Not known"


def test_slow_answers_and_failures_are_seen(db, auditor, measured):
    for _ in range(50):
        measured.api.observe(0.4)
        measured.pages.observe(0.3)
    measured.api.observe(0.4, failed=True)
    measured.sample(db)
    shown = tiles(db, auditor)
    assert (shown["api"].state, shown["pages"].state, shown["errors"].state) == (State.WATCH, State.ACT, State.ACT)
    assert "51 answers" in shown["api"].detail


def test_what_is_old_is_not_green(db, auditor, measured):
    report = health.report(db, auditor)
    assert {tile.state for tile in report.tiles} == {State.UNKNOWN}
    assert all(tile.value.startswith("No data for 6") for tile in report.tiles)


def test_before_the_first_sample_nothing_is_said(db, auditor):
    assert health.report(db, auditor).tiles == ()


def test_sealing_that_does_not_happen_is_seen(db, auditor, measured):
    db.unit_of_work(lambda session: audit.record(session, actor_id=None, action="test.write", object="thing"))
    with clock.moved_to(clock.now() + timedelta(seconds=40)):
        assert 39 < audit_trail.lag_seconds(db) < 60
        measured.sample(db)
        assert tiles(db, auditor)["sealing"].state is State.WATCH
    audit_trail.seal(db)
    assert audit_trail.lag_seconds(db) == 0


def test_an_unreachable_database_needs_somebody(db, auditor, measured, monkeypatch):
    def away(*_):
        raise errors.DatabaseUnavailable

    monkeypatch.setattr(type(db), "ping", away)
    measured.sample(db)
    assert tiles(db, auditor)["database"].state is State.ACT


def test_customers_do_not_see_it(db, ada):
    with pytest.raises(errors.Forbidden):
        health.report(db, ada)


def test_what_is_held_for_strangers_is_shown_and_who_was_turned_away(sqlite_db, teller, monkeypatch, caplog):
    held = edge_figures.EdgeFigures(bodies=130, bodies_most=256, sockets=3, sockets_most=1000)
    monkeypatch.setattr(edge_figures, "figures", held)
    vitals.of(sqlite_db).sample(sqlite_db)
    shown = tiles(sqlite_db, teller)["strangers"]
    assert (shown.state, shown.value) == (State.WATCH, "51 % of unfinished bodies")
    for _ in range(2000):
        held.turn_away("slow_body", "192.0.2.1")
    held.bodies = 240
    shown = tiles(sqlite_db, teller)["strangers"]
    assert shown.state is State.ACT
    assert "2,000 with a body that came too slowly" in shown.detail
    # The log has the first of them, and where it came from.
    [line] = [record.getMessage() for record in caplog.records if "turned away" in record.getMessage()]
    assert "192.0.2.1" in line
