"""A list of servers: the first that can serve is used, left when it is lost, and taken again when it is back."""

import socket
import time
from types import SimpleNamespace

import pymysql
import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError

from bank_app import nodes
from bank_app.database import Database, Fault
from bank_app.errors import DatabaseUnavailable
from bank_app.private_mysql import PrivateServer
from bank_app.services import accounts
from bank_app.settings import SettingsError, load

NOWHERE = "mysql+pymysql://bank:secret-of-nowhere@127.0.0.1:1/bank"


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Two servers that know nothing of each other, so that whoever answers can be told."""
    with (
        PrivateServer(tmp_path_factory.mktemp("first") / "server") as first,
        PrivateServer(tmp_path_factory.mktemp("second") / "server") as second,
    ):
        for server in (first, second):
            database = Database(load(database_url=server.url))
            database.upgrade_schema()
            database.dispose()
        yield first, second


@pytest.fixture
def bank_on(tmp_path):
    """`bank_on(url, url)` is the bank on these servers in this order."""
    opened = []

    def one(*urls, **changes):
        opened.append(Database(load(database_url=",".join(urls), data=tmp_path, **changes)))
        return opened[-1]

    yield one
    for database in opened:
        database.dispose()


@pytest.fixture
def silent():
    """The address of a server that hangs: it lets everybody in and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"mysql+pymysql://bank@127.0.0.1:{listener.getsockname()[1]}/bank"


def port_of(database):
    """The server that answers, asked by a unit of work and by a read."""
    written = database.unit_of_work(lambda session: session.execute(text("SELECT @@port")).scalar_one())
    assert written == database.read(lambda session: session.execute(text("SELECT @@port")).scalar_one())
    return written


def connection_of(session):
    return session.execute(text("SELECT CONNECTION_ID()")).scalar_one()


def test_the_first_of_several_servers_is_preferred(bank_on, pair):
    assert port_of(bank_on(pair[0].url, pair[1].url)) == pair[0].port
    assert port_of(bank_on(pair[1].url, pair[0].url)) == pair[1].port


def test_servers_that_are_away_are_passed_by(bank_on, pair):
    assert port_of(bank_on(NOWHERE, NOWHERE, pair[1].url)) == pair[1].port


def test_a_server_that_hangs_is_passed_by(bank_on, pair, silent):
    assert port_of(bank_on(silent, pair[1].url)) == pair[1].port


def test_a_server_that_only_copies_another_is_passed_by(bank_on, pair):
    first, second = pair
    with first.connect_as_root() as operator:
        cursor = operator.cursor()
        cursor.execute("SET GLOBAL read_only = 1")
        try:
            assert port_of(bank_on(first.url, second.url)) == second.port
        finally:
            cursor.execute("SET GLOBAL read_only = 0")


def test_a_lone_server_is_used_without_being_asked_whether_it_is_usable(bank_on, pair):
    first, _ = pair
    with first.connect_as_root() as operator:
        cursor = operator.cursor()
        cursor.execute("SET GLOBAL read_only = 1")
        try:
            bank_on(first.url).ping()
        finally:
            cursor.execute("SET GLOBAL read_only = 0")


def test_when_the_server_in_use_dies_the_next_one_takes_over_and_nobody_sees_an_error(bank_on, pair):
    first, second = pair
    database = bank_on(first.url, second.url)
    assert port_of(database) == first.port
    first.kill()
    try:
        assert port_of(database) == second.port
        database.ping()
    finally:
        first.start()


def test_when_the_preferred_server_is_back_it_is_taken_again(bank_on, pair, monkeypatch):
    first, second = pair
    first.kill()
    try:
        database = bank_on(first.url, second.url)
        assert port_of(database) == second.port
    finally:
        first.start()
    later = time.monotonic() + nodes.ELSEWHERE_SECONDS + 1
    monkeypatch.setattr(nodes, "time", SimpleNamespace(monotonic=lambda: later))
    assert port_of(database) == first.port


def test_a_server_that_was_down_a_moment_ago_is_not_asked_again_at_once(bank_on, pair):
    first, second = pair
    first.kill()
    try:
        database = bank_on(first.url, second.url)
        assert port_of(database) == second.port
    finally:
        first.start()
    database.writing.dispose()
    database.reading.dispose()
    assert port_of(database) == second.port


def test_with_no_server_left_the_bank_says_so(bank_on):
    with pytest.raises(DatabaseUnavailable):
        bank_on(NOWHERE, NOWHERE, lock_timeout=0.1).ping()


def test_a_node_that_lost_its_cluster_is_left_for_another_connection(mariadb_db):
    """Such a node answers 1047 to all that touches tables, from now on: the connection must not be used again."""
    seen = []

    def operation(session):
        seen.append(connection_of(session))
        if len(seen) == 1:
            session.execute(text("SIGNAL SQLSTATE '08S01' SET MYSQL_ERRNO = 1047"))
        return "done"

    assert mariadb_db.unit_of_work(operation) == "done"
    assert len(set(seen)) == 2
    seen.clear()
    assert mariadb_db.read(operation) == "done"
    assert len(set(seen)) == 2


def test_a_commit_that_a_node_without_its_cluster_turned_away_was_none(mariadb_db, counter, ada):
    """It never ran: whoever cannot recognise an earlier commit of its own is run again all the same."""
    turned_away = [pymysql.OperationalError(1047, "WSREP has not yet prepared node for application use")]

    @event.listens_for(mariadb_db.writing, "commit")
    def _turn_away(connection):
        if turned_away:
            raise DBAPIError("COMMIT", {}, turned_away.pop())

    assert counter.balance(counter.open(ada, "5.00")) == "5.00"
    assert turned_away == []
    assert len(mariadb_db.read(lambda session: accounts.own_accounts(session, ada))) == 1


def test_a_read_that_waited_in_vain_for_its_cluster_is_tried_elsewhere(mariadb_db):
    seen = []

    def operation(session):
        seen.append(connection_of(session))
        if len(seen) == 1:
            session.execute(text("SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1205"))
        return "done"

    assert mariadb_db.read(operation) == "done"
    assert len(set(seen)) == 2


def test_the_bank_is_not_ready_on_a_node_that_lost_its_cluster(mariadb_db):
    """The only server there is: `SELECT 1` would succeed on it."""

    def refuse(session):
        session.execute(text("SIGNAL SQLSTATE '08S01' SET MYSQL_ERRNO = 1047"))

    with pytest.raises(DatabaseUnavailable):
        mariadb_db.read(refuse)


def test_every_connection_reads_what_any_node_of_its_cluster_acknowledged(mariadb_db):
    """On a server that knows of clusters, also when it is in none."""
    for pool in (mariadb_db.writing, mariadb_db.reading):
        with pool.connect() as connection:
            known = connection.exec_driver_sql("SHOW VARIABLES LIKE 'wsrep_sync_wait'").all()
            assert [int(value) for _, value in known] in ([1], [])


# --- the setting --------------------------------------------------------------------------------------


def test_the_setting_takes_several_addresses_and_keeps_commas_that_part_none():
    settings = load(database_url="mysql://a:p,w@one:3306/bank, mariadb://b@two/bank?charset=utf8mb4")
    assert settings.urls == ("mysql+pymysql://a:p,w@one:3306/bank", "mysql+pymysql://b@two/bank?charset=utf8mb4")
    assert settings.url == settings.urls[0]


@pytest.mark.parametrize(
    "urls", ["sqlite:///a,sqlite:///b", "mysql://one/bank,sqlite:///b", "mysql://a/b,postgres://c/d"]
)
def test_a_list_is_of_servers_only(urls):
    with pytest.raises(SettingsError, match="DATABASE_URL"):
        load(database_url=urls)


def test_no_password_of_any_address_is_shown(bank_on):
    shown = bank_on(NOWHERE, NOWHERE.replace("secret-of-nowhere", "another-secret")).where
    assert shown.count("127.0.0.1:1/bank") == 2
    assert "secret" not in shown


def test_a_server_that_cannot_serve_counts_as_one_that_is_away():
    database = Database(load(database_url=NOWHERE))
    error = DBAPIError("", {}, nodes.NodeNotUsable("The server is read-only."))
    assert database.fault_of(error) is Fault.LOST
