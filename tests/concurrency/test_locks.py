"""What exactly is locked, and that nothing is decided on what was seen before the lock. Row locks: MariaDB only."""

import os
import threading

import pytest
from sqlalchemy import event, select

from bank_app.domain.accounting import Direction, Draft, Leg, TransactionType
from bank_app.domain.identifiers import new_id
from bank_app.models import Account
from bank_app.services import ledger


def transfer(actor, source, target, minor):
    return Draft(
        id=new_id(),
        type=TransactionType.TRANSFER,
        currency="USD",
        legs=(Leg(source.id, Direction.DEBIT, minor), Leg(target.id, Direction.CREDIT, minor)),
        actor_id=actor.user_id,
    )


@pytest.fixture
def hers(counter, ada):
    return counter.open(ada, "100.00")


@pytest.fixture
def his(counter, ben):
    return counter.open(ben, "100.00")


def test_a_balance_that_was_loaded_before_the_lock_is_not_decided_on(mariadb_db, counter, ada, hers, his):
    """The classic lost update: fails when `populate_existing` is taken out of `ledger.lock`."""

    def operation(session):
        seen = session.execute(select(Account).where(Account.id == hers.id)).scalar_one()
        assert seen.balance == 10000
        counter.withdraw(ada, hers, "95.00")
        return ledger.post(session, [transfer(ada, hers, his, 1000)])

    [outcome] = mariadb_db.unit_of_work(operation)
    assert outcome.error.code == "insufficient_funds"
    assert outcome.error.details["available"] == "5.00"
    assert counter.balance(hers) == "5.00"


def test_what_was_loaded_before_a_posting_is_read_again_after_it(db, ada, hers, his):
    def operation(session):
        seen = session.execute(select(Account).where(Account.id == hers.id)).scalar_one()
        ledger.post(session, [transfer(ada, hers, his, 1000)])
        return seen.balance, seen.version

    assert db.unit_of_work(operation) == (9000, 2)


def test_accounts_are_locked_once_in_ascending_order_whatever_the_drafts_say(mariadb_db, counter, ada):
    """The order of reading is the order of locking; without it two transfers wait for each other in a circle."""
    accounts = [counter.open(ada, "10.00") for _ in range(6)]
    drafts = [transfer(ada, accounts[index], accounts[index - 3], 1) for index in (5, 0, 3, 1)]
    seen = []

    def on_execute(connection, cursor, statement, parameters, context, executemany):
        if "FOR UPDATE" in statement:
            seen.append(" ".join(statement.split()))

    event.listen(mariadb_db.writing, "before_cursor_execute", on_execute)
    locked = mariadb_db.unit_of_work(
        lambda session: (ledger.post(session, drafts), list(ledger.lock(session, [a.id for a in accounts])))[1]
    )
    event.remove(mariadb_db.writing, "before_cursor_execute", on_execute)
    assert len(seen) == 2
    assert all(statement.endswith("ORDER BY accounts.id FOR UPDATE") for statement in seen)
    assert locked == sorted(account.id for account in accounts)


def test_a_second_writer_waits_for_the_row_until_the_first_has_committed(
    mariadb_db, counter, ada, hers, his, waiting, until
):
    locked, order = threading.Event(), []

    def first(session):
        ledger.lock(session, [hers.id])
        locked.set()
        until(lambda: waiting(mariadb_db))
        order.append("first decides")
        return ledger.post(session, [transfer(ada, hers, his, 10000)])

    def second():
        locked.wait(10)
        try:
            counter.withdraw(ada, hers, "100.00")
        except Exception as refusal:  # noqa: BLE001 - looked at below
            order.append(refusal.code)

    thread = threading.Thread(target=second)
    thread.start()
    mariadb_db.unit_of_work(first)
    thread.join()
    assert order == ["first decides", "insufficient_funds"]


def test_locked_accounts_keep_no_gap_and_nobody_elses_account(mariadb_db, another, counter, ada, ben, hers, his):
    """With a lock timeout of a second, whatever had to wait for the open unit of work would be an error here."""
    other = another(lock_timeout=1)
    quick = type(counter)(other)

    def operation(session):
        ledger.lock(session, [hers.id])
        opened = quick.open(ben)
        quick.transfer(ben, his, opened, "1.00")
        return opened

    opened = mariadb_db.unit_of_work(operation)
    assert counter.balance(opened) == "1.00"


def test_workers_that_start_one_after_the_other_take_ten_cash_accounts(monkeypatch):
    stripes = set()
    for process in range(4711, 4721):
        monkeypatch.setattr(os, "getpid", lambda process=process: process)
        stripes.add(ledger.cash_account("USD"))
    assert len(stripes) == 10
