"""The posting queue of a process: what comes together is posted together, and nobody pays for somebody else.

A gate inside the unit of work stands for a slow database, so that the order of events is decided and not hoped for.
"""

import asyncio
import gc
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from sqlalchemy import func, select

from bank_app import errors
from bank_app.database import Database
from bank_app.domain import money
from bank_app.models import Transaction
from bank_app.services import batches, holds, ledger, posting, transfers
from bank_app.services.movements import Deposit, PlaceHold
from bank_app.services.turns import Turns


class Gate:
    """Units of work of the queue stop here, before they do anything, until it is opened."""

    def __init__(self):
        self.arrived, self.open = threading.Event(), threading.Event()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.open.set()

    def wait(self):
        self.arrived.set()
        assert self.open.wait(60)


@pytest.fixture
def gate(monkeypatch):
    """Closed; opened at the latest when the test ends."""
    settle = posting.settle
    with Gate() as found:

        def slowly(*arguments, **more):
            found.wait()
            return settle(*arguments, **more)

        def close():
            monkeypatch.setattr(posting, "settle", slowly)
            return found

        yield close


@pytest.fixture
def crowd():
    """Starts work in threads and hands out futures."""
    with ThreadPoolExecutor(40) as pool:
        yield pool.submit


@pytest.fixture
def queued(crowd, until):
    """Has work wait in the queue of a database: `queued(db, work, …)` returns when all of it was accepted."""

    def submit(db, *work):
        figures = posting.of(db).figures
        futures = []
        for one in work:
            # One after the other, so that their order in the queue is known.
            before = figures.orders
            futures.append(crowd(one))
            until(lambda before=before: figures.orders > before, 30)
        return futures

    return submit


def transactions(db):
    return db.read(lambda session: session.execute(select(func.count()).select_from(Transaction)).scalar_one())


def told(future):
    try:
        return future.result(timeout=60)
    except errors.BankError as refusal:
        return refusal.code


def soon(db, actor, account, amount="1.00", key=None):
    return transfers.move_soon(db, actor, Deposit(account.id, money.Amount.of(amount)), key=key)


# --- together and alone -------------------------------------------------------------------------------


def test_what_is_asked_for_while_a_unit_of_work_runs_is_posted_together_in_the_next(db, counter, ada, gate, queued):
    hers = counter.open(ada)
    closed = gate()
    [first] = queued(db, lambda: counter.deposit(ada, hers, "1.00"))
    closed.arrived.wait(60)
    others = queued(db, *(lambda: counter.deposit(ada, hers, "1.00") for _ in range(12)))
    figures = posting.of(db).figures
    assert (figures.orders, figures.groups, posting.of(db).waiting) == (13, 1, 12)
    closed.open.set()
    balances = [future.result(timeout=60).transaction.postings[1].balance_after_minor for future in (first, *others)]
    assert balances == [100 * (index + 1) for index in range(13)]
    assert (figures.groups, posting.of(db).waiting) == (2, 0)


def test_whoever_asks_alone_waits_for_nobody(db, counter, ada):
    hers = counter.open(ada)
    for count in range(1, 4):
        counter.deposit(ada, hers, "1.00")
        figures = posting.of(db).figures
        assert (figures.orders, figures.groups, figures.set_aside) == (count, count, 0)


def test_holds_go_through_the_same_queue(db, counter, ada, gate, queued):
    hers = counter.open(ada, "2.00")
    closed = gate()
    queued(db, lambda: counter.deposit(ada, hers, "1.00"))
    closed.arrived.wait(60)
    one = money.Amount.of("1.00")
    placed, refused, moved = queued(
        db,
        lambda: holds.move(db, ada, PlaceHold(hers.id, one)),
        lambda: counter.withdraw(ada, hers, "2.01"),
        lambda: counter.withdraw(ada, hers, "2.00"),
    )
    closed.open.set()
    assert placed.result(timeout=60).hold.amount_minor == 100
    assert (told(refused), told(moved).transaction.amount_minor) == ("insufficient_funds", 200)
    assert posting.of(db).figures.groups == 2


# --- neighbours ---------------------------------------------------------------------------------------


def test_a_member_that_breaks_the_unit_of_work_of_its_group_is_the_only_one_that_is_not_posted(
    db, counter, ada, gate, queued, monkeypatch
):
    hers = counter.open(ada)
    bad = Deposit(hers.id, money.Amount.of("666.00"))
    decide = ledger.decide

    def breaking(draft, *more):
        if draft.id == bad.id:
            raise errors.BooksBroken("on purpose")
        return decide(draft, *more)

    monkeypatch.setattr(ledger, "decide", breaking)
    closed = gate()
    queued(db, lambda: counter.deposit(ada, hers, "1.00"))
    closed.arrived.wait(60)
    works = [lambda: counter.deposit(ada, hers, "1.00") for _ in range(5)]
    works.insert(2, lambda: transfers.move(db, ada, bad, key="bad"))
    futures = queued(db, *works)
    closed.open.set()
    broken = futures.pop(2)
    assert {told(future).transaction.amount_minor for future in futures} == {100}
    with pytest.raises(errors.BooksBroken, match="on purpose"):
        broken.result(timeout=60)
    assert counter.balance(hers) == "6.00"
    assert transfers.outcome_of(db, ada, bad, key="bad") is None


def test_a_database_that_is_away_is_told_to_each_by_itself(db, counter, ada, gate, queued, monkeypatch):
    hers = counter.open(ada)
    closed = gate()
    queued(db, lambda: counter.deposit(ada, hers, "1.00"))
    closed.arrived.wait(60)
    futures = queued(db, *(lambda: counter.deposit(ada, hers, "1.00") for _ in range(3)))

    def away(*_, **__):
        raise errors.DatabaseUnavailable

    with monkeypatch.context() as patch:
        patch.setattr(posting, "settle", away)
        closed.open.set()
        told_of = [future.exception(timeout=60) for future in futures]
    assert {type(error) for error in told_of} == {errors.DatabaseUnavailable}
    assert len({id(error) for error in told_of}) == 3
    assert counter.balance(hers) == "1.00"


def test_a_client_that_went_away_disturbs_nobody_and_its_order_is_posted_once(db, counter, ada, gate, until):
    hers = counter.open(ada)
    closed = gate()
    figures = posting.of(db).figures

    async def ask():
        first = asyncio.create_task(soon(db, ada, hers))
        await asyncio.to_thread(closed.arrived.wait, 60)
        tasks = [asyncio.create_task(soon(db, ada, hers, key=f"k{index}")) for index in range(3)]
        await asyncio.to_thread(until, lambda: figures.orders == 4)
        tasks[1].cancel()
        await asyncio.gather(tasks[1], return_exceptions=True)
        closed.open.set()
        return await asyncio.gather(first, tasks[0], tasks[2])

    assert [moved.replayed for moved in asyncio.run(ask())] == [False] * 3
    assert counter.balance(hers) == "4.00"
    assert asyncio.run(soon(db, ada, hers, key="k1")).replayed
    assert transactions(db) == 4


def test_event_loops_are_answered_by_their_own_and_one_that_ended_holds_up_nobody(db, counter, ada, gate, crowd, until):
    hers = counter.open(ada)
    closed = gate()
    figures = posting.of(db).figures

    async def together():
        return await asyncio.gather(*(soon(db, ada, hers) for _ in range(4)))

    async def impatient():
        task = asyncio.create_task(soon(db, ada, hers, key="impatient"))
        await asyncio.to_thread(until, lambda: figures.orders >= 1)
        # The loop ends, and its task with it, before the answer comes.
        del task

    crowd(lambda: asyncio.run(impatient())).result(timeout=60)
    loops = [crowd(lambda: asyncio.run(together())) for _ in range(3)]
    until(lambda: figures.orders == 13, 30)
    closed.open.set()
    assert [len(loop.result(timeout=60)) for loop in loops] == [4, 4, 4]
    assert counter.balance(hers) == "13.00"
    assert asyncio.run(soon(db, ada, hers, key="impatient")).replayed


# --- bounds -------------------------------------------------------------------------------------------


def test_a_full_queue_refuses_at_once_and_takes_in_again_when_there_is_room(db, another, counter, ada, gate, queued):
    hers = counter.open(ada)
    narrow = another(queue_limit=3)
    quick, figures = type(counter)(narrow), posting.of(narrow).figures
    closed = gate()
    futures = queued(narrow, lambda: quick.deposit(ada, hers, "1.00"))
    closed.arrived.wait(60)
    futures += queued(narrow, *(lambda: quick.deposit(ada, hers, "1.00") for _ in range(3)))
    for count in (1, 2):
        with pytest.raises(errors.Overloaded):
            quick.deposit(ada, hers, "1.00", key="k")
        assert (figures.refused_overloaded, figures.orders) == (count, 4)
    closed.open.set()
    assert [told(future).transaction.amount_minor for future in futures] == [100] * 4
    assert not quick.deposit(ada, hers, "1.00", key="k").replayed
    assert counter.balance(hers) == "5.00"


def test_before_the_end_what_was_accepted_is_answered_and_the_rest_refused(
    db, another, counter, ada, gate, queued, crowd, until
):
    hers = counter.open(ada)
    ending = another()
    quick, poster = type(counter)(ending), posting.of(ending)
    closed = gate()
    futures = queued(ending, lambda: quick.deposit(ada, hers, "1.00"))
    closed.arrived.wait(60)
    futures += queued(ending, *(lambda: quick.deposit(ada, hers, "1.00") for _ in range(3)))
    assert poster.drain(0) is False
    with pytest.raises(errors.Overloaded):
        quick.deposit(ada, hers, "1.00")
    drained = crowd(lambda: poster.drain(60))
    closed.open.set()
    assert drained.result(timeout=60) is True
    assert [told(future).transaction.amount_minor for future in futures] == [100] * 4
    with pytest.raises(errors.Overloaded):
        quick.deposit(ada, hers, "1.00")
    assert counter.balance(hers) == "4.00"


def test_the_thread_ends_when_nothing_comes_and_starts_again(db, counter, ada, monkeypatch, until):
    monkeypatch.setattr(posting, "_IDLE_SECONDS", 0.01)
    hers = counter.open(ada)

    def posting_threads():
        return [thread for thread in threading.enumerate() if thread.name == "posting"]

    for count in (1, 2, 3):
        counter.deposit(ada, hers, "1.00")
        assert counter.balance(hers) == f"{count}.00"
        until(lambda: not posting_threads())


def test_a_database_that_nobody_uses_any_more_is_not_kept_by_its_queue(db, settings, counter, ada, until):
    hers = counter.open(ada)
    other = Database(settings)
    type(counter)(other).deposit(ada, hers, "1.00")
    other.dispose()
    gone = weakref.ref(other)
    del other
    until(lambda: gc.collect() is not None and gone() is None)


def test_a_movement_that_is_asked_for_twice_while_it_waits_is_posted_once(db, counter, ada, gate, queued):
    hers = counter.open(ada)
    closed = gate()
    queued(db, lambda: counter.deposit(ada, hers, "1.00"))
    closed.arrived.wait(60)
    futures = queued(
        db,
        *(lambda: counter.deposit(ada, hers, "2.00", key="k") for _ in range(3)),
        lambda: counter.deposit(ada, hers, "3.00", key="k"),
    )
    closed.open.set()
    *same, other = map(told, futures)
    assert [moved.replayed for moved in same] == [False, True, True]
    assert len({moved.transaction.id for moved in same}) == 1
    assert other == "idempotency_key_reused"
    assert counter.balance(hers) == "3.00"


# --- turns --------------------------------------------------------------------------------------------


def test_a_group_has_one_order_of_each_before_a_second_of_anybody_and_few_of_one(monkeypatch):
    monkeypatch.setattr(posting, "_MOST_OF_ONE", 2)
    waiting = Turns()
    for who in ["ada"] * 4 + ["ben"]:
        waiting.add(who, SimpleNamespace(who=who, clock_moved_to=None))
    groups = [[ticket.who for ticket in posting._take_in_turn(waiting)] for _ in range(2)]
    assert groups == [["ada", "ben", "ada"], ["ada", "ada"]]
    assert not waiting


def test_nobody_fills_the_queue_alone(another, counter, ada, ben, gate, queued, crowd, monkeypatch):
    monkeypatch.setattr(posting, "_MOST_OF_ONE", 1)
    narrow = another(queue_limit=6)
    quick = type(counter)(narrow)
    hers, his = counter.open(ada), counter.open(ben)
    closed = gate()
    queued(narrow, lambda: quick.deposit(ada, hers, "1.00"))
    closed.arrived.wait(60)
    queued(narrow, *(lambda: quick.deposit(ada, hers, "1.00") for _ in range(3)))
    assert told(crowd(lambda: quick.deposit(ada, hers, "1.00"))) == "overloaded"
    [other] = queued(narrow, lambda: quick.deposit(ben, his, "1.00"))
    closed.open.set()
    assert told(other).transaction.amount_minor == 100


def test_somebodys_batches_have_places_of_their_own_and_one_of_another_comes_between_them(
    db, counter, ada, ben, gate, crowd, until
):
    hers, his = counter.open(ada), counter.open(ben)
    closed, poster = gate(), posting.of(db)
    done = []

    def batch(who, account, name):
        items = [batches.Item(Deposit(account.id, money.Amount.of("1.00")))]
        answer = asyncio.run(batches.post(db, who, items))
        done.append(name)
        return answer

    first = crowd(batch, ada, hers, "ada 1")
    closed.arrived.wait(60)
    rest = []
    for number in range(2, posting._LARGE_AT_ONCE + 1):
        rest.append(crowd(batch, ada, hers, f"ada {number}"))
        until(lambda number=number: poster._pieces.waiting == number - 1)
    assert told(crowd(batch, ada, hers, "one too many")) == "overloaded"
    other = crowd(batch, ben, his, "ben")
    until(lambda: poster._pieces.waiting == posting._LARGE_AT_ONCE)
    closed.open.set()
    assert [told(future).posted for future in (first, *rest, other)] == [1] * (posting._LARGE_AT_ONCE + 1)
    assert poster.figures.orders == posting._LARGE_AT_ONCE + 1
