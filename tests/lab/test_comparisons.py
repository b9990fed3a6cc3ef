"""What the bank is compared with really moves money, and loses none: else the comparison would be worth nothing."""

import asyncio
import warnings
from urllib.parse import urlsplit

import pytest
from sqlmodel import Session, create_engine, select

from bank_app.lab import auditor, batches, naive, raw
from bank_app.lab.client import Address
from bank_app.lab.workload import Plan

with warnings.catch_warnings():
    # Starlette asks for a successor of httpx that the project does not need.
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient


@pytest.fixture
def url(mariadb_server):
    return mariadb_server.make_database("bank_compare")


def test_the_naive_way_moves_money_between_two_accounts(url):
    naive.fill(url, 3)
    engine = create_engine(url)
    with TestClient(naive.create_app(engine)) as client:
        wanted = {"from_account_id": 3, "to_account_id": 1, "amount": 250, "description": "rent"}
        assert client.post("/transfer", json=wanted).status_code == 201
        assert client.post("/transfer", json={**wanted, "amount": naive.OPENING}).status_code == 409
        assert client.post("/transfer", json={**wanted, "to_account_id": 9}).status_code == 404
    with Session(engine) as session:
        balances = dict(session.exec(select(naive.NaiveAccount.id, naive.NaiveAccount.balance)).all())
        sides = session.exec(select(naive.NaivePosting.account_id, naive.NaivePosting.amount)).all()
    engine.dispose()
    assert balances == {1: naive.OPENING + 250, 2: naive.OPENING, 3: naive.OPENING - 250}
    assert sorted(sides) == [(1, 250), (3, -250)]
    assert naive.total(url) == (3 * naive.OPENING, 1)


def test_the_raw_limit_is_made_of_whole_transfers(url):
    raw.fill(url, 10)
    found = raw.limit(url, account_count=10, seconds=0.2, connections=(1, 2))
    balances, count = raw.total(url)
    assert balances == 10 * raw.OPENING
    assert found.one.taken
    assert count >= len(found.best.taken) + (len(found.one.taken) if found.connections != 1 else 0)
    parts = urlsplit(url)
    with raw._connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT COUNT(*) FROM raw_accounts a WHERE balance <> %s + "
            "(SELECT COALESCE(SUM(amount), 0) FROM raw_postings WHERE account_id = a.id)",
            (raw.OPENING,),
        )
        assert cursor.fetchone() == (0,), parts.path
        cursor.execute("SELECT COUNT(*) FROM raw_postings")
        assert cursor.fetchone() == (2 * count,)


def test_a_batch_that_is_refused_as_a_whole_is_no_measurement(cast, bank):
    bank.meddle = lambda path: (
        b"HTTP/1.1 404 No\r\nContent-Length: 21\r\n\r\n" + b'{"code": "not_found"}' if "batch" in path else None
    )
    assert isinstance(bank.address, Address)
    with pytest.raises(batches.BatchRefused, match="404 not_found"):
        asyncio.run(batches.run(bank.address, cast, Plan(), clients=1, size=2, batches=1, sign_ins={}))


def test_batches_are_measured_by_what_was_posted_and_asked_again_while_the_bank_is_full(db, cast, bank):
    full = [b'HTTP/1.1 503 Busy\r\nContent-Length: 22\r\nRetry-After: 0\r\n\r\n{"code": "overloaded"}'] * 2
    bank.meddle = lambda path: full.pop() if "batch" in path and full else None
    plan = Plan(seed="b", highest_minor=9000)
    journal = asyncio.run(batches.run(bank.address, cast, plan, clients=2, size=30, batches=2, sign_ins={}))
    figures = journal.figures()
    assert figures.busy == {"overloaded": 2}
    assert figures.acknowledged + figures.refused.get("insufficient_funds", 0) == 120
    assert auditor.audit(db, cast, journal).problems == ()
