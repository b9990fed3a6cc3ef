"""A full disk, in both of the ways that torture can fill one: the bank says so, and goes on when there is room."""

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
            workload.fill(db, people=2, account_count=2000, seed="full")
        assert refusal.value.money_moved == "no"
        disk.free(server)
        if server.pid is None:
            # It does not always survive that.
            server.kill()
            server.start()
        workload.fill(db, people=1, account_count=2, seed="after")
        assert integrity.check(db).violations == ()
        db.dispose()
