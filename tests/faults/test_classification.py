"""What each error of a driver means, by number: a wrong row here moves money twice or never."""

import sqlite3

import pymysql
import pytest
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from bank_app.database import Database, Fault
from bank_app.settings import load


@pytest.fixture(scope="module")
def mysql():
    """Nothing connects: only its table of numbers is asked."""
    return Database(load(database_url="mysql+pymysql://bank@127.0.0.1:1/bank"))


@pytest.fixture
def embedded(tmp_path):
    return Database(load(database_url=f"sqlite:///{tmp_path / 'bank.sqlite3'}", data=tmp_path))


@pytest.mark.parametrize(
    ("numbers", "fault"),
    [
        # lock wait timeout, lock table full, deadlock, record changed, rolled back by the group, NOWAIT
        ((1205, 1206, 1213, 1020, 3101, 3572), Fault.CONFLICT),
        ((1062, 1586), Fault.DUPLICATE),
        # too many connections, shutdown, killed, cannot connect, gone away, lost, out of sync, idle too long,
        # a node without its cluster
        ((0, 1040, 1047, 1053, 1077, 1158, 1160, 1161, 1927, 2002, 2003, 2006, 2013, 2014, 2055, 4031), Fault.LOST),
        # disk full in five ways, read-only in three
        ((3, 28, 1021, 1030, 1114, 1290, 1836, 3098), Fault.CANNOT_WRITE),
        # CHECK on MySQL and MariaDB, trigger, foreign keys, ranges, NOT NULL, too long
        ((3819, 4025, 1644, 1451, 1452, 1264, 1690, 1048, 1364, 1406, 1265, 1366), Fault.BROKEN),
        # syntax, no such table, no such column, something new
        ((1064, 1146, 1054, 99999, "not a number"), Fault.BROKEN),
    ],
)
def test_an_error_of_the_server_means(mysql, numbers, fault):
    for number in numbers:
        for kind in (pymysql.err.OperationalError, pymysql.err.IntegrityError, pymysql.err.InternalError):
            assert mysql.fault_of(DBAPIError("SELECT 1", {}, kind(number, "in any language"))) is fault


def test_a_connection_that_was_invalidated_is_lost_whatever_the_number(mysql):
    error = DBAPIError("SELECT 1", {}, pymysql.err.OperationalError(1064, ""), connection_invalidated=True)
    assert mysql.fault_of(error) is Fault.LOST


def test_a_pool_that_gave_no_connection_in_time_has_lost_none(mysql, embedded):
    assert mysql.fault_of(PoolTimeout()) is embedded.fault_of(PoolTimeout()) is Fault.LOST


def test_an_error_without_a_number_is_our_bug(mysql):
    assert mysql.fault_of(DBAPIError("SELECT 1", {}, pymysql.err.ProgrammingError())) is Fault.BROKEN


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("SQLITE_BUSY", Fault.CONFLICT),
        ("SQLITE_BUSY_SNAPSHOT", Fault.CONFLICT),
        ("SQLITE_BUSY_TIMEOUT", Fault.CONFLICT),
        ("SQLITE_LOCKED_SHAREDCACHE", Fault.CONFLICT),
        ("SQLITE_CONSTRAINT_PRIMARYKEY", Fault.DUPLICATE),
        ("SQLITE_CONSTRAINT_UNIQUE", Fault.DUPLICATE),
        ("SQLITE_CONSTRAINT_CHECK", Fault.BROKEN),
        ("SQLITE_CONSTRAINT_TRIGGER", Fault.BROKEN),
        ("SQLITE_CONSTRAINT_FOREIGNKEY", Fault.BROKEN),
        ("SQLITE_CONSTRAINT_NOTNULL", Fault.BROKEN),
        ("SQLITE_FULL", Fault.CANNOT_WRITE),
        ("SQLITE_READONLY_DBMOVED", Fault.CANNOT_WRITE),
        ("SQLITE_IOERR_WRITE", Fault.CANNOT_WRITE),
        ("SQLITE_CANTOPEN", Fault.LOST),
        ("SQLITE_CORRUPT", Fault.BROKEN),
        ("SQLITE_ERROR", Fault.BROKEN),
        ("", Fault.BROKEN),
    ],
)
def test_an_error_of_the_embedded_engine_means(embedded, name, fault):
    original = sqlite3.OperationalError("in any language")
    original.sqlite_errorname = name
    assert embedded.fault_of(DBAPIError("SELECT 1", {}, original)) is fault
