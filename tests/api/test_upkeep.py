"""What a worker does by itself, and that it begins and ends with the worker."""

import asyncio

from bank_app import errors
from bank_app.api.app import create_api
from bank_app.api.front import Front
from bank_app.api.upkeep import Upkeep
from bank_app.services import audit, audit_trail, books, vitals


def append(db):
    db.unit_of_work(lambda session: audit.record(session, actor_id=None, action="test.write", object="thing"))


def test_a_round_seals_and_measures(db):
    append(db)
    upkeep = Upkeep(db)
    upkeep.round()
    upkeep.round()
    assert audit_trail.lag_seconds(db) == 0
    assert len(vitals.of(db).samples) == 2


def test_proofs_are_made_once_a_day(db):
    upkeep = Upkeep(db)
    upkeep.proofs()
    made = db.read(books.last_check), db.read(audit_trail.last_verification)
    assert made[0].ok
    assert made[1].result.ok
    upkeep.proofs()
    assert (db.read(books.last_check), db.read(audit_trail.last_verification)) == made


def test_a_worker_begins_it_and_ends_it(sqlite_db):
    front = Front(create_api(sqlite_db, sqlite_db.settings))
    append(sqlite_db)

    async def live():
        said = asyncio.Queue()
        heard = asyncio.Queue()
        serving = asyncio.create_task(front({"type": "lifespan", "state": {}}, said.get, heard.put))
        await said.put({"type": "lifespan.startup"})
        assert (await heard.get())["type"] == "lifespan.startup.complete"
        for _ in range(1200):
            if vitals.of(sqlite_db).samples and audit_trail.lag_seconds(sqlite_db) == 0:
                break
            await asyncio.sleep(0.05)
        await said.put({"type": "lifespan.shutdown"})
        assert (await heard.get())["type"] == "lifespan.shutdown.complete"
        await serving

    asyncio.run(live())
    assert audit_trail.lag_seconds(sqlite_db) == 0
    assert len(vitals.of(sqlite_db).samples) >= 1


def test_a_database_that_is_away_is_survived(db, monkeypatch, caplog):
    def away(*_args, **_more):
        raise errors.DatabaseUnavailable

    monkeypatch.setattr(audit_trail, "seal", away)
    upkeep = Upkeep(db)

    async def twice():
        for _ in range(2):
            await upkeep._run(upkeep.round)

    asyncio.run(twice())
    assert [record.getMessage() for record in caplog.records].count("upkeep: database_unavailable") == 1
