"""What the bank says happened when the database fails a second time, or fails in an unusual way."""

import sqlite3
import time

import pymysql
import pytest
from sqlalchemy import event, make_url, text
from sqlalchemy.exc import DBAPIError

from bank_app import errors
from bank_app.database import Database
from bank_app.domain import money
from bank_app.services import transfers
from bank_app.settings import load


@pytest.fixture
def hers(counter, ada):
    return counter.open(ada, "100.00")


@pytest.fixture
def his(counter, ben):
    return counter.open(ben)


def transfer(hers, his):
    return transfers.Transfer(hers.id, his.id, money.Amount.of("10.00"))


def disk_error():
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorname = "SQLITE_IOERR_FSYNC"
    return error


@pytest.mark.parametrize("number", [1290, 1114, 1045, 99999])
@pytest.mark.parametrize("delivered", [True, False])
def test_after_a_lost_commit_no_later_failure_says_that_no_money_moved(
    mariadb_db, monkeypatch, counter, ada, hers, his, number, delivered
):
    """The server that answers next is read-only, full, or closed to us; what the first one did, it does not know."""
    commit, lost = pymysql.connections.Connection.commit, []

    def lose(connection):
        if not lost:
            lost.append(connection)
            if delivered:
                commit(connection)
            raise pymysql.err.OperationalError(2013, "Lost connection to server during query")
        commit(connection)

    def refuse(connection, cursor, statement, parameters, context, executemany):
        if lost:
            raise pymysql.err.OperationalError(number, "not now")

    monkeypatch.setattr(pymysql.connections.Connection, "commit", lose)
    event.listen(mariadb_db.writing, "before_cursor_execute", refuse)
    with pytest.raises(errors.OutcomeUnknown) as unknown:
        transfers.move(mariadb_db, ada, transfer(hers, his), key="rent")
    event.remove(mariadb_db.writing, "before_cursor_execute", refuse)
    assert unknown.value.money_moved == "unknown"
    assert transfers.move(mariadb_db, ada, transfer(hers, his), key="rent").replayed == delivered
    assert counter.balance(hers) == "90.00"


def test_a_lost_commit_is_asked_after_for_longer_than_five_tries(mariadb_db, monkeypatch, counter, ada, hers, his):
    """A server that restarts is away for a second or two; the payer gets an answer, not a riddle."""
    commit, refused = pymysql.connections.Connection.commit, []

    def lose(connection):
        commit(connection)
        if not refused:
            refused.append("commit")
            raise pymysql.err.OperationalError(2013, "Lost connection to server during query")

    def away(connection, cursor, statement, parameters, context, executemany):
        if refused and len(refused) < 8:
            refused.append(statement)
            raise pymysql.err.OperationalError(2013, "Lost connection to server during query")

    monkeypatch.setattr(pymysql.connections.Connection, "commit", lose)
    event.listen(mariadb_db.writing, "before_cursor_execute", away)
    moved = transfers.move(mariadb_db, ada, transfer(hers, his), key="rent")
    event.remove(mariadb_db.writing, "before_cursor_execute", away)
    assert (len(refused), moved.replayed, counter.balance(hers)) == (8, False, "90.00")


def test_a_commit_that_could_not_be_synced_is_run_again(sqlite_db, monkeypatch, counter, ada, hers, his):
    """SQLite drops such a commit, unless the process ends first: the next one to open the file finds it there."""
    commit, failed = sqlite_db.writing.dialect.do_commit, []

    def fail_once(connection):
        if not failed:
            failed.append(connection)
            raise disk_error()
        commit(connection)

    monkeypatch.setattr(sqlite_db.writing.dialect, "do_commit", fail_once)
    transfers.move(sqlite_db, ada, transfer(hers, his), key="rent")
    assert counter.balance(hers) == "90.00"


def test_a_commit_that_can_never_be_synced_is_not_called_undone(sqlite_db, monkeypatch, ada, hers, his):
    def fail(connection):
        raise disk_error()

    monkeypatch.setattr(sqlite_db.writing.dialect, "do_commit", fail)
    with pytest.raises(errors.OutcomeUnknown):
        transfers.move(sqlite_db, ada, transfer(hers, his), key="rent")


def kill(mariadb_db, session):
    """The server ends the connection of a unit of work."""
    number = session.execute(text("SELECT CONNECTION_ID()")).scalar_one()
    with mariadb_db.reading.connect() as other:
        other.execute(text(f"KILL {number}"))
    time.sleep(0.05)


def test_a_refusal_is_still_told_when_the_connection_died_under_it(mariadb_db):
    def operation(session):
        kill(mariadb_db, session)
        raise errors.Forbidden("No.")

    with pytest.raises(errors.Forbidden):
        mariadb_db.unit_of_work(operation)


def test_a_server_that_says_goodbye_and_hangs_up_is_asked_again(mariadb_db):
    attempts = []

    def operation(session):
        attempts.append(session)
        if len(attempts) == 1:
            kill(mariadb_db, session)
            goodbye = pymysql.err.OperationalError(1053, "Server shutdown in progress")
            raise DBAPIError("SELECT 1", {}, goodbye)
        return session.execute(text("SELECT 1")).scalar_one()

    assert mariadb_db.unit_of_work(operation) == 1


def test_a_server_that_does_not_let_us_in_is_unavailable_and_no_bug_of_ours(mariadb_db, tmp_path):
    url = make_url(mariadb_db.settings.url).set(password="not the password")
    closed = Database(load(database_url=url.render_as_string(hide_password=False), data=tmp_path))
    with pytest.raises(errors.DatabaseUnavailable):
        closed.unit_of_work(lambda session: session.execute(text("SELECT 1")))


@pytest.mark.parametrize("number", [1180, 1317, 1969, 3024])
def test_a_statement_that_was_ended_from_outside_is_run_again(mariadb_db, number):
    attempts = []

    def operation(session):
        attempts.append(session)
        if len(attempts) == 1:
            raise DBAPIError("SELECT 1", {}, pymysql.err.OperationalError(number, "interrupted"))
        return "done"

    assert mariadb_db.unit_of_work(operation) == "done"
