"""A server that takes small packets: what is sent is split by what it takes, or it is said that it takes too little."""

import asyncio

import pytest

from bank_app import backup, errors, nodes
from bank_app.database import Database
from bank_app.domain import money
from bank_app.domain.accounting import Role
from bank_app.private_mysql import PrivateServer
from bank_app.server import Refused
from bank_app.services import accounts, auth, batches, integrity, transfers
from bank_app.services.batches import Item
from bank_app.services.movements import Transfer
from bank_app.settings import load
from bank_app.start import opened

PASSWORD = "lantern-orchard-48-violin"
# As much as the API lets through, in letters that take two to four bytes and in marks that are quoted.
METADATA = {"what": "“\"'\\" * 600, "where": "🦉" * 2000}
KEY = "k" * 240


@pytest.fixture
def server(tmp_path):
    """`server(limit)`, in bytes."""
    running = []

    def start(limit):
        running.append(PrivateServer(tmp_path / "server", options=(f"--max-allowed-packet={limit}",)))
        running[0].start()
        return running[0]

    yield start
    for one in running:
        one.stop()


@pytest.fixture
def small(server, tmp_path):
    """A bank on a server that takes as little as the bank can do with."""
    db = Database(load(database_url=server(nodes.SHORTEST_PACKET).url, data=tmp_path, demo=True, rate_limits=False))
    db.upgrade_schema()
    yield db
    assert integrity.check(db).violations == ()
    db.dispose()


@pytest.fixture
def people(small):
    """Somebody with money, two accounts of theirs."""
    ada = auth.register(small, email="ada@bank.test", name="Ada", password=PASSWORD, role=Role.CUSTOMER)

    def open_one(amount):
        return small.unit_of_work(
            lambda session: accounts.open_account(session, ada, settings=small.settings, initial_balance=amount)
        )

    return ada, open_one("1000.00"), open_one("0")


def pay(source, target, index):
    moved = Transfer(source.id, target.id, money.Amount.of("0.01"), description="ü" * 140, metadata=METADATA)
    return Item(moved, f"{KEY}{index}")


@pytest.mark.parametrize("atomic", [True, False])
def test_a_batch_larger_than_what_the_server_takes_is_posted(small, people, atomic):
    ada, source, target = people

    def send():
        items = [pay(source, target, index) for index in range(600)]
        return asyncio.run(batches.post(small, ada, items, atomic=atomic, key="whole"))

    assert send().posted == 600
    again = send()
    assert (again.posted, again.replayed) == (600, True)
    assert small.read(lambda session: accounts.get_account(session, ada, target.id)).balance_minor == 600


def test_many_single_transfers_that_are_posted_together_are_split_as_well(small, people, at_once, codes):
    ada, source, target = people

    def one(index):
        item = pay(source, target, index)
        return transfers.move(small, ada, item.movement, key=item.key)

    assert codes(at_once(one, 60)) == ["ok"] * 60


@pytest.mark.parametrize("metadata", [{"what": "\"'\\" * 900}, {"where": "🦉" * 2000}], ids=["quoted", "wide"])
def test_a_backup_is_restored_on_a_server_that_takes_small_packets(small, tmp_path, metadata):
    settings = load(database_url=f"sqlite:///{tmp_path}/other.sqlite3", data=tmp_path / "other", demo=True)
    other = Database(settings)
    other.upgrade_schema()
    ada = auth.register(other, email="ada@bank.test", name="Ada", password=PASSWORD, role=Role.CUSTOMER)
    source, target = (
        other.unit_of_work(
            lambda session, amount=amount: accounts.open_account(
                session, ada, settings=settings, initial_balance=amount
            )
        )
        for amount in ("1000.00", "0")
    )
    amount = money.Amount.of("0.01")
    items = [Item(Transfer(source.id, target.id, amount, metadata=metadata), f"{KEY}{index}") for index in range(120)]
    asyncio.run(batches.post(other, ada, items, atomic=True, key="whole"))
    backup.back_up(other, tmp_path / "backup")
    other.dispose()
    backup.restore(small.settings, tmp_path / "backup", replace=True)
    assert small.read(lambda session: accounts.get_account(session, ada, target.id)).balance_minor == 120


def test_a_server_that_takes_too_little_is_not_used_and_it_is_said_why(server, tmp_path):
    url = server(nodes.SHORTEST_PACKET // 2).url
    settings = load(database_url=url, data=tmp_path, rate_limits=False)
    with (
        pytest.raises(Refused, match=r"max_allowed_packet is 131,072 bytes; the bank needs 262,144 or more"),
        opened(settings),
    ):
        pass
    db = Database(settings)
    with pytest.raises(errors.DatabaseUnavailable):
        db.ping()
    db.dispose()
