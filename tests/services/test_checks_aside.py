"""A long check runs in a process of its own, says the same, and ends with whoever asked for it."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from operator import methodcaller

import pytest
from sqlalchemy import text

from bank_app import aside, errors, settings
from bank_app.api.upkeep import Upkeep
from bank_app.database import Database
from bank_app.services import books, integrity


@pytest.fixture
def many(monkeypatch):
    """What a small bank has counts as many; says for what another process was asked."""
    asked, compute = [], aside.compute
    monkeypatch.setattr(integrity, "_MANY_POSTINGS", 1)
    monkeypatch.setattr(aside, "compute", lambda db, function: asked.append(function) or compute(db, function))
    return asked


def test_it_says_the_same(db, ada, counter, many):
    counter.open(ada, "1.00")
    counter.open(ada, "2.00")
    here, elsewhere = integrity.check(db), integrity.check_aside(db)
    assert many == [integrity.check]
    assert elsewhere == replace(here, checked_at=elsewhere.checked_at, seconds=elsewhere.seconds, marks=elsewhere.marks)
    assert elsewhere.marks.keys() == here.marks.keys()
    assert elsewhere.postings == 4


@pytest.mark.books_are_broken_on_purpose
def test_it_finds_what_is_wrong(db, ada, counter, many, past_guards):
    counter.open(ada, "1.00")
    past_guards("UPDATE accounts SET balance = balance + 1 WHERE owner_id IS NOT NULL")
    assert {found.invariant for found in integrity.check_aside(db).violations} == {2, 3}


def test_whatever_serves_asks_for_it(sqlite_db, ada, counter, many):
    counter.open(ada, "1.00")
    assert books.check_now(sqlite_db, None).ok
    assert integrity.latest(sqlite_db).ok
    assert len(many) == 2


def test_few_postings_are_checked_on_the_spot(sqlite_db, ada, counter, monkeypatch):
    counter.open(ada, "1.00")
    monkeypatch.setattr(aside, "compute", None)
    assert integrity.check_aside(sqlite_db).ok


def test_a_refusal_arrives_as_it_was_raised(tmp_path):
    away = Database(settings.load(database_url="mysql+pymysql://nobody@127.0.0.1:9/nothing", data=tmp_path))
    with pytest.raises(errors.DatabaseUnavailable, match="cannot be reached"):
        aside.compute(away, integrity.check)


def test_a_bug_is_said_to_be_one(sqlite_db, capfd):
    with pytest.raises(RuntimeError, match="status 1"):
        aside.compute(sqlite_db, len)
    assert "TypeError" in capfd.readouterr().err


def test_it_ends_with_the_worker(mariadb_db):
    sleeping = methodcaller("read", methodcaller("execute", text("SELECT SLEEP(60)")))
    upkeep, asleep = Upkeep(mariadb_db), text("SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE :it")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(aside.compute, mariadb_db, sleeping)
        for _ in range(200):
            if mariadb_db.read(lambda session: session.execute(asleep, {"it": "SELECT SLEEP%"}).scalar()):
                break
            threading.Event().wait(0.05)
        upkeep.stop()
        with pytest.raises(errors.Overloaded):
            waiting.result(timeout=20)
