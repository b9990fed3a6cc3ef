"""Two machines that are upgraded at the same moment make one schema."""

import subprocess
import sys

import pytest

from bank_app.database import Database
from bank_app.settings import PROJECT, load

UPGRADE = "from bank_app import database, settings; database.upgrade_schema(settings.load())"


@pytest.fixture
def empty(engine, request, tmp_path):
    """The settings of a database without a table."""
    url = f"sqlite:///{tmp_path / 'empty.sqlite3'}"
    if engine == "mariadb":
        url = request.getfixturevalue("mariadb_server").make_database("bank_migrations")
    return load(database_url=url, data=tmp_path)


def test_of_several_processes_that_migrate_one_does_and_none_fails(empty):
    environment = {"DATABASE_URL": empty.url, "BANK_DATA": str(empty.data)}
    started = [
        subprocess.Popen(
            [sys.executable, "-c", UPGRADE], cwd=PROJECT, env=environment, stderr=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    assert [process.communicate(timeout=60)[1] for process in started] == [""] * 4
    database = Database(empty)
    assert database.schema_is_current()
    database.dispose()
