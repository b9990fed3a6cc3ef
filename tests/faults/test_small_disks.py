"""A full disk, in both of the ways that torture can fill one: the bank says so, and goes on when there is room."""

import itertools

import pymysql
import pytest

from bank_app import errors
from bank_app.database import Database
from bank_app.lab import workload
from bank_app.lab.faults import disks
from bank_app.private_mysql import PrivateServer
from bank_app.services import integrity
from bank_app.settings import load


@pytest.fixture(params=["a file system", "a tablespace"])
def disk(request, tmp_path, monkeypatch):
    """Who may not mount gets the tablespace twice."""
    if request.param == "a tablespace":
        monkeypatch.setattr(disks, "_mount", lambda _: False)
    with disks.small_disk(tmp_path / "disk") as disk:
        yield disk


def test_a_full_disk_is_an_unavailable_database_and_not_the_end(disk, tmp_path):
    with PrivateServer(tmp_path / "disk" / "server", options=disk.options) as server:
        db = Database(load(database_url=server.url, data=tmp_path, rate_limits=False))
        db.upgrade_schema()
        workload.fill(db, people=1, account_count=2, seed="before")
        disk.fill(server)
        with pytest.raises(errors.DatabaseUnavailable) as refusal:
            workload.fill(db, people=2, account_count=10_000, seed="full")
        assert refusal.value.money_moved == "no"
        disk.free(server)
        if server.pid is None:
            # It does not always survive that.
            server.kill()
            server.start()
        workload.fill(db, people=1, account_count=2, seed="after")
        assert integrity.check(db).violations == ()
        db.dispose()


def test_a_server_that_dies_while_it_is_filled_is_filled_to_the_end(tmp_path, monkeypatch):
    tablespace, died = disks._Tablespace(), []
    with PrivateServer(tmp_path / "server", options=tablespace.options) as server:
        connect, calls = server.connect, itertools.count()

        def connect_and_die(**options):
            connection = connect(**options)
            # The first two make the database and its table.
            if next(calls) == 2:
                died.append(server.pid)
                server.kill()
            return connection

        monkeypatch.setattr(server, "connect", connect_and_die)
        tablespace.fill(server)
        assert died
        assert server.pid not in (None, *died)
        # A little may have been cleared away since; nothing of the 64 MB that a server without ballast would take.
        with connect(database=disks._BALLAST) as connection, connection.cursor() as cursor:
            for _ in range(16):
                try:
                    cursor.execute("INSERT INTO ballast (filler) VALUES (%s)", [bytes(1 << 19)])
                except pymysql.MySQLError:
                    return
        pytest.fail("there was room")
