"""kill -9 of the database server under load: every acknowledged transfer is there once afterwards."""

import threading
import time
from contextlib import suppress

import pytest
from sqlalchemy import select

from bank_app import errors
from bank_app.database import Database
from bank_app.domain import money
from bank_app.models import IdempotencyKey, Posting
from bank_app.private_mysql import PrivateServer
from bank_app.services import accounts, auth, integrity, transfers
from bank_app.settings import load

CLIENTS, KILLS = 6, 2


@pytest.fixture
def crashing(tmp_path):
    """A server of this test's own, and the bank on it."""
    with PrivateServer(tmp_path / "server") as server:
        settings = load(database_url=server.url, data=tmp_path, demo=True, rate_limits=False, lock_timeout=2)
        database = Database(settings)
        database.upgrade_schema()
        yield server, database
        database.dispose()


def test_every_acknowledged_transfer_survives_kill_9_of_the_server_and_is_there_once(crashing):
    server, db = crashing
    ada = auth.register(db, email="ada@bank.test", name="Ada", password="lantern-orchard-48-violin")
    four = [
        db.unit_of_work(lambda s: accounts.open_account(s, ada, settings=db.settings, initial_balance="1000.00"))
        for _ in range(4)
    ]
    acknowledged, interrupted = {}, []
    stop = threading.Event()

    def client(number):
        step = 0
        while not stop.is_set():
            step += 1
            source, target = four[(number + step) % 4], four[(number + step + 1) % 4]
            key = f"{number}-{step}"
            movement = transfers.Transfer(source.id, target.id, money.Amount.of("1.00"))
            while not stop.is_set() or key in interrupted:
                try:
                    acknowledged[key] = transfers.move(db, ada, movement, key=key).transaction.id
                except errors.Unavailable:
                    interrupted.append(key)
                    time.sleep(0.05)  # As a polite client does; the test waits for counts.
                    continue
                break

    clients = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
    for thread in clients:
        thread.start()
    try:
        for _ in range(KILLS):
            more(acknowledged, 40)
            server.kill()
            server.start()
        more(acknowledged, 40)
    finally:
        stop.set()
        for thread in clients:
            thread.join()

    report = integrity.check(db)
    assert report.violations == ()
    assert report.transactions == 4 + len(acknowledged)
    rows = db.read(lambda session: session.execute(select(IdempotencyKey.key, IdempotencyKey.transaction_id)).all())
    assert dict(map(tuple, rows)) == acknowledged
    posted = db.read(lambda session: session.execute(select(Posting.transaction_id)).scalars().all())
    assert all(posted.count(identifier) == 2 for identifier in acknowledged.values())


def more(acknowledged, count):
    """Waits until so many transfers more were acknowledged."""
    wanted, deadline = len(acknowledged) + count, time.monotonic() + 60
    while len(acknowledged) < wanted:
        assert time.monotonic() < deadline, "the clients got nothing through for a minute"
        with suppress(RuntimeError):
            time.sleep(0.02)
