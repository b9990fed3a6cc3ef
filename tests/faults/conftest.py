"""A wire that breaks where it hurts: between COMMIT and its answer."""

from contextlib import suppress
from urllib.parse import urlsplit

import pymysql
import pytest

from bank_app.database import Database
from bank_app.lab.faults.wire import Wire
from bank_app.settings import load


@pytest.fixture
def wire(mariadb_db):
    """A wire to the server of `mariadb_db`."""
    wire = Wire(urlsplit(mariadb_db.settings.url).port)
    yield wire
    wire.close()


@pytest.fixture
def behind(wire, mariadb_db, tmp_path):
    """The bank of `mariadb_db` as a worker sees it whose only way to the database is the wire."""
    url = mariadb_db.settings.url.replace(f":{wire.server_port}/", f":{wire.port}/")
    database = Database(load(database_url=url, data=tmp_path, demo=True, rate_limits=False))
    yield database
    wire.faults.clear()
    database.dispose()


@pytest.fixture
def foreign(mariadb_db):
    """Somebody else's session on the same database, with a unit of work open. Rolled back at the end."""
    parts = urlsplit(mariadb_db.settings.url)
    connection = pymysql.connect(
        host="127.0.0.1", port=parts.port, user=parts.username, password=parts.password, database=parts.path[1:],
        ssl_disabled=True, autocommit=False,
    )  # fmt: skip
    yield connection
    with suppress(Exception):
        connection.rollback()
    connection.close()
