"""Rows that somebody else holds: only what needs them waits, and not for ever. The order of events is asserted."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import pytest
from sqlalchemy import func, select

from bank_app import errors
from bank_app.domain import money
from bank_app.models import ACCOUNTS, Transaction
from bank_app.services import batches, holds, posting
from bank_app.services.movements import CaptureHold, Deposit, PlaceHold, Transfer


@pytest.fixture
def held(mariadb_db):
    """Somebody else holds rows: `with held(account) as let_go`."""

    @contextmanager
    def by_somebody_else(*accounts):
        with mariadb_db.writing.connect() as connection:
            wanted = sorted(account.id for account in accounts)
            connection.execute(
                select(ACCOUNTS.c.id).where(ACCOUNTS.c.id.in_(wanted)).order_by(ACCOUNTS.c.id).with_for_update()
            ).all()
            yield connection.rollback

    return by_somebody_else


@pytest.fixture
def crowd():
    """Starts work in threads and hands out futures."""
    with ThreadPoolExecutor(60) as pool:
        yield pool.submit


def told(future):
    try:
        return future.result(timeout=90)
    except errors.BankError as refusal:
        return refusal.code


def transactions(db):
    return db.read(lambda session: session.execute(select(func.count()).select_from(Transaction)).scalar_one())


@pytest.fixture
def hers(counter, ada):
    return counter.open(ada, "100.00")


@pytest.fixture
def his(counter, ben):
    return counter.open(ben, "100.00")


def test_only_what_needs_the_row_waits_and_all_others_are_answered_meanwhile(
    mariadb_db, counter, ada, ben, hers, his, held, crowd, waiting, until
):
    others = [counter.open(ben, "10.00") for _ in range(4)]
    events = []

    def hurry(name, work):
        work()
        events.append(name)

    with held(hers) as let_go:
        stuck = [
            crowd(hurry, "stuck", lambda: counter.withdraw(ada, hers, "1.00")),
            crowd(hurry, "stuck", lambda: counter.transfer(ben, his, hers, "1.00")),
        ]
        until(lambda: waiting(mariadb_db))
        for account in others:
            hurry("free", lambda account=account: counter.transfer(ben, account, his, "1.00"))
            hurry("free", lambda account=account: counter.deposit(ben, account, "1.00"))
        # Also who pays the one whose own payment waits for her row.
        hurry("free", lambda: counter.withdraw(ben, his, "1.00"))
        events.append("let go")
        let_go()
        for future in stuck:
            future.result(timeout=60)
    assert events == ["free"] * 9 + ["let go"] + ["stuck"] * 2
    assert (counter.balance(hers), counter.balance(his)) == ("100.00", "102.00")
    assert posting.of(mariadb_db).figures.set_aside > 0
    assert posting.of(mariadb_db).waiting == 0


def test_in_one_group_those_that_need_the_row_are_set_aside_and_the_others_posted(
    mariadb_db, counter, ada, ben, hers, his, held, crowd, waiting, until, monkeypatch
):
    """The group is made on purpose: everything is in the queue before the first unit of work begins."""
    settle, gate, sizes = posting.settle, threading.Event(), []

    def noting(session, orders, **more):
        assert gate.wait(60)
        sizes.append(len(orders))
        return settle(session, orders, **more)

    monkeypatch.setattr(posting, "settle", noting)
    poster = posting.of(mariadb_db)
    with held(hers) as let_go:
        first = crowd(counter.deposit, ben, his, "1.00")
        until(lambda: poster.figures.groups == 1)
        stuck = [crowd(counter.withdraw, ada, hers, "1.00") for _ in range(3)]
        free = [crowd(counter.withdraw, ben, his, "1.00") for _ in range(5)]
        until(lambda: poster.waiting == 8)
        gate.set()
        assert [told(future).transaction.amount_minor for future in (first, *free)] == [100] * 6
        assert not any(future.done() for future in stuck)
        until(lambda: waiting(mariadb_db))
        let_go()
        assert [told(future).transaction.amount_minor for future in stuck] == [100] * 3
    assert sizes[:2] == [1, 8]
    assert (counter.balance(hers), counter.balance(his)) == ("97.00", "96.00")


def test_a_row_that_stays_taken_is_a_lock_timeout_and_leaves_nothing(
    mariadb_db, another, counter, ada, ben, hers, his, held, crowd
):
    impatient = type(counter)(another(lock_timeout=1))
    before = transactions(mariadb_db)
    with held(hers) as let_go:
        futures = [crowd(impatient.transfer, ada, hers, his, "1.00", key=f"k{index}") for index in range(5)]
        futures += [crowd(impatient.transfer, ben, his, hers, "1.00", key="k")]
        futures += [crowd(impatient.hold, ada, hers, "1.00", key="hold")]
        assert [told(future) for future in futures] == ["lock_timeout"] * 7
        assert transactions(mariadb_db) == before
        assert impatient.deposit(ben, his, "1.00").transaction.amount_minor == 100
        let_go()
    again = [impatient.transfer(ada, hers, his, "1.00", key=f"k{index}") for index in range(5)]
    assert [moved.replayed for moved in again] == [False] * 5
    assert not impatient.hold(ada, hers, "1.00", key="hold").replayed
    assert counter.balance(hers) == "95.00"


@pytest.mark.parametrize("freed", [True, False])
def test_more_taken_rows_than_there_are_lanes_hold_up_nobody_else(
    mariadb_db, another, counter, ada, ben, his, held, crowd, waiting, until, freed
):
    """All are posted when the rows are let go, and all are told if they are not, however many wait in line."""
    many = [counter.open(ada, "10.00") for _ in range(posting.LANES + 6)]
    counting = type(counter)(another(lock_timeout=60 if freed else 1))
    with held(*many) as let_go:
        futures = [
            crowd(counting.withdraw, ada, account, "1.00", key=f"{account.id}-{index}")
            for account in many
            for index in range(2)
        ]
        until(lambda: waiting(mariadb_db) or all(future.done() for future in futures), 30)
        for _ in range(5):
            counting.deposit(ben, his, "1.00")
        if freed:
            let_go()
            assert {told(future).transaction.amount_minor for future in futures} == {100}
        else:
            assert {told(future) for future in futures} == {"lock_timeout"}
    assert {counter.balance(account) for account in many} == {"8.00" if freed else "10.00"}
    assert counter.balance(his) == "105.00"
    assert posting.of(counting.db).waiting == 0


def test_an_order_that_needs_two_taken_rows_waits_for_both_and_is_posted_once(
    mariadb_db, counter, ada, hers, his, held, crowd, waiting, until
):
    with ExitStack() as taken:
        let_go_of_hers = taken.enter_context(held(hers))
        let_go_of_his = taken.enter_context(held(his))
        moved = crowd(counter.transfer, ada, hers, his, "1.00", key="k")
        until(lambda: waiting(mariadb_db))
        first, second = sorted([(hers.id, let_go_of_hers), (his.id, let_go_of_his)])
        first[1]()
        # It goes from one lane to the next, and holds nothing on its way.
        until(lambda: waiting(mariadb_db))
        assert not moved.done()
        second[1]()
        assert not told(moved).replayed
    assert counter.transfer(ada, hers, his, "1.00", key="k").replayed
    assert (counter.balance(hers), counter.balance(his)) == ("99.00", "101.00")


def test_a_key_that_comes_again_while_the_first_waits_has_one_effect(
    mariadb_db, counter, ada, hers, his, held, crowd, waiting, until
):
    with held(hers) as let_go:
        futures = [crowd(counter.transfer, ada, hers, his, "1.00", key="k") for _ in range(4)]
        until(lambda: waiting(mariadb_db))
        let_go()
        answers = [told(future) for future in futures]
    assert sorted(moved.replayed for moved in answers) == [False, True, True, True]
    assert len({moved.transaction.id for moved in answers}) == 1
    assert counter.balance(hers) == "99.00"


def test_holds_wait_in_the_lane_of_their_account(mariadb_db, counter, ada, hers, his, held, crowd, waiting, until):
    one = counter.hold(ada, hers, "10.00", to=his)
    with held(hers) as let_go:
        captured = crowd(holds.move, mariadb_db, ada, CaptureHold(one.hold.id))
        placed = crowd(holds.move, mariadb_db, ada, PlaceHold(hers.id, money.Amount.of("90.00")))
        until(lambda: waiting(mariadb_db))
        let_go()
        assert told(captured).hold.captured_minor == 1000
        assert told(placed).hold.amount_minor == 9000
    assert (counter.balance(hers), counter.account(hers).held_minor) == ("90.00", 9000)


def test_two_workers_that_post_into_one_account_lose_nothing_and_time_nobody_out(
    mariadb_db, another, counter, ada, ben, his, at_once
):
    """Each posts in groups of its own, and finds the row taken by the other all the time."""
    payers = [counter.open(ada, "1.00") for _ in range(16)]
    workers = [type(counter)(another(lock_timeout=60)) for _ in range(2)]

    def one(index):
        worker = workers[index % 2]
        for step in range(10):
            worker.transfer(ada, payers[index], his, "0.10", key=f"{index}-{step}")
        return "done"

    assert at_once(one, 16) == ["done"] * 16
    assert counter.balance(his) == "116.00"
    assert {counter.balance(account) for account in payers} == {"0.00"}
    figures = [posting.of(worker.db).figures for worker in workers]
    assert [found.orders for found in figures] == [80, 80]


# --- batches --------------------------------------------------------------------------------------------


def pay(source, target, amount):
    return batches.Item(Transfer(source.id, target.id, money.Amount.of(amount)))


def put(account, amount):
    return batches.Item(Deposit(account.id, money.Amount.of(amount)))


def spoken(answered):
    return [result.code if isinstance(result, errors.BankError) else "ok" for result in answered.results]


def test_a_batch_that_waits_for_a_row_holds_no_other(
    mariadb_db, counter, ada, ben, hers, his, held, crowd, waiting, until
):
    """What is free in it is posted; deposits of others on the cash account that it uses are answered meanwhile."""
    spare = counter.open(ada, "5.00")
    items = [put(spare, "1.00"), pay(hers, spare, "10.00"), pay(spare, hers, "16.00"), put(spare, "2.00")]
    with held(hers) as let_go:
        batch = crowd(lambda: asyncio.run(batches.post(mariadb_db, ada, items)))
        until(lambda: waiting(mariadb_db))
        counter.deposit(ben, his, "7.00")
        assert counter.balance(spare) == "6.00"
        assert not batch.done()
        let_go()
        # The third needs what the second brings, so it waited behind it; so did the last, on the same account.
        assert spoken(batch.result(timeout=60)) == ["ok"] * 4
    assert (counter.balance(hers), counter.balance(spare), counter.balance(his)) == ("106.00", "2.00", "107.00")


def test_an_item_whose_row_stays_taken_is_told_so_and_the_others_are_posted(another, counter, ada, hers, his, held):
    bank = another(lock_timeout=1)
    spare = counter.open(ada, "5.00")
    items = [put(spare, "1.00"), pay(hers, his, "10.00"), pay(spare, his, "2.00")]
    with held(hers):
        told = spoken(asyncio.run(batches.post(bank, ada, items)))
    assert told == ["ok", "lock_timeout", "ok"]
    assert (counter.balance(hers), counter.balance(spare), counter.balance(his)) == ("100.00", "4.00", "102.00")
