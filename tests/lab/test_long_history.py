"""Generated histories are as right as posted ones: the check of the books and the bank's own reads agree."""

from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from bank_app import clock
from bank_app.domain import money
from bank_app.lab import long_history, workload
from bank_app.services import auth, history, integrity, transfers


@pytest.fixture
def since():
    return clock.now() - timedelta(days=100)


@pytest.fixture
def cast(mariadb_db, since):
    with clock.moved_to(since - timedelta(days=1)):
        return workload.fill(mariadb_db, people=2, account_count=5, opening="100")


@pytest.fixture
def connection(mariadb_server, mariadb_db):
    with mariadb_server.connect(database=urlsplit(mariadb_db.settings.url).path[1:], autocommit=False) as connection:
        yield connection


def test_the_books_stay_right_and_the_bank_reads_and_goes_on(mariadb_db, cast, connection, since):
    short, long, other = cast.accounts[:3]
    long_history.write(connection, cast, [(short, 10), (long, 2300)], since=since)
    assert integrity.check(mariadb_db).violations == ()
    teller = mariadb_db.read(lambda session: auth.find(session, cast.teller.email))
    page = mariadb_db.read(lambda session: history.history(session, teller, long.number, limit=200))
    assert [entry.sequence for entry in page.items] == list(range(2300, 2100, -1))
    assert mariadb_db.read(lambda session: history.history(session, teller, short.number)).items[-1].sequence == 1
    assert {entry.created_at > since for entry in page.items} == {True}
    moved = transfers.move(mariadb_db, teller, transfers.Transfer(other.number, long.number, money.Amount.of("0.01")))
    assert moved.transaction.postings[1].sequence == 2301


def test_nothing_is_written_but_what_was_asked_for(mariadb_db, cast, connection, since):
    long_history.write(connection, cast, [(cast.accounts[0], 50)], since=since)
    report = integrity.check(mariadb_db)
    assert report.totals == {"USD": 0}
    assert report.transactions == 5 + 49
