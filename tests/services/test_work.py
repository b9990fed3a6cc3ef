"""What requests cost: one bucket and one large thing at a time for each person, and turns that are fair."""

import asyncio
import threading
from uuid import uuid4

import pytest

from bank_app import errors
from bank_app.services import work

ADA, BEN = uuid4(), uuid4()


@pytest.fixture
def seconds():
    """A clock that is set by hand."""
    return [1_000.0]


@pytest.fixture
def office(settings, seconds):
    """A worker that counts: 10,000 at once, 100 a second, one thread, three large things."""
    limits = {"rate_limits": True, "work_limit": 10_000, "work_per_second": 100, "work_threads": 1, "large_at_once": 3}
    return work.Work(settings.model_copy(update={**limits, "reads_at_once": 2}), now=lambda: seconds[0])


@pytest.fixture
def engine():
    """Nothing here asks a database."""
    return "sqlite"


def test_who_used_up_his_share_waits_a_minute_at_the_longest_and_nobody_else_does(office, seconds):
    office.charge(ADA, 9_999)
    office.admit(ADA)
    office.charge(ADA, 10_000_000)
    with pytest.raises(errors.TooMuchWork) as refused:
        office.admit(ADA)
    assert refused.value.details["retry_after"] == 61
    office.admit(BEN)
    seconds[0] += refused.value.details["retry_after"]
    office.admit(ADA)
    assert (office.figures.spent, office.figures.units) == (1, 10_009_999)


def test_a_share_is_never_more_than_the_limit(office, seconds):
    office.charge(ADA, 5_000)
    seconds[0] += 1_000_000
    office.charge(ADA, 10_000)
    with pytest.raises(errors.TooMuchWork):
        office.admit(ADA)


def test_everybody_has_one_large_thing_at_a_time(office):
    with office.large(ADA), office.large(BEN), office.large(uuid4()):
        assert refused(office, ADA, errors.LargeWorkRunning).details["retry_after"] > 0
        refused(office, uuid4(), errors.Overloaded)
    found = office.figures
    assert (found.running, found.one_at_a_time, found.full, found.broken, found.finished) == (0, 1, 1, 0, 3)


def test_a_large_thing_that_breaks_makes_room(office):
    with pytest.raises(ZeroDivisionError), office.large(ADA):
        raise ZeroDivisionError
    with office.large(ADA):
        assert (office.figures.running, office.figures.broken) == (1, 1)


def refused(office, person, kind):
    with pytest.raises(kind) as found, office.large(person):
        pass
    return found.value


def test_where_nothing_is_counted_nobody_is_told_to_wait(settings):
    office = work.Work(settings.model_copy(update={"rate_limits": False}))
    office.charge(ADA, 10**9)
    with office.large(ADA), office.large(ADA):
        assert office.figures.running == 2


@pytest.mark.parametrize(
    ("seconds", "rows", "units"),
    [(0.2, 0, 0), (0.25, 200, 200), (1.25, 0, 10_000), (1.2, 500, 500), (3.25, 1_000, 11_000)],
)
def test_what_takes_long_costs_its_time_and_what_reads_much_its_rows(seconds, rows, units):
    assert work.price(seconds, rows=rows) == units


def test_whoever_had_least_goes_first(office):
    order, busy = [], threading.Event()

    async def all_of_them():
        first = asyncio.create_task(office.run(ADA, busy.wait))
        await asyncio.sleep(0)
        parts = [
            asyncio.create_task(office.run(person, lambda said=said: order.append(said), had=had))
            for person, said, had in (
                (ADA, "a long one's 40th page", 40),
                (ADA, "and 41st", 41),
                (BEN, "a first one", 0),
            )
        ]
        await asyncio.sleep(0)
        assert office.figures.waiting == 3
        busy.set()
        await asyncio.gather(first, *parts)

    asyncio.run(all_of_them())
    assert order == ["a first one", "a long one's 40th page", "and 41st"]


def test_who_gives_up_waiting_takes_no_turn_with_him(office):
    busy = threading.Event()

    async def give_up():
        first = asyncio.create_task(office.run(ADA, busy.wait))
        await asyncio.sleep(0)
        waits = asyncio.create_task(office.run(BEN, lambda: None))
        await asyncio.sleep(0)
        waits.cancel()
        busy.set()
        await asyncio.gather(first, waits, return_exceptions=True)
        return await office.run(BEN, lambda: "served")

    assert asyncio.run(give_up()) == "served"


def test_of_one_persons_reads_only_some_run_at_once(office):
    running = {ADA: 0, BEN: 0}
    most = {ADA: 0, BEN: 0}

    async def read(person, go_on):
        async with office.among_own(person):
            running[person] += 1
            most[person] = max(most[person], running[person])
            await go_on.wait()
            running[person] -= 1

    async def all_of_them():
        go_on = asyncio.Event()
        reads = [asyncio.create_task(read(ADA, go_on)) for _ in range(9)]
        reads.append(asyncio.create_task(read(BEN, go_on)))
        for _ in range(5):
            await asyncio.sleep(0)
        assert running == {ADA: 2, BEN: 1}
        go_on.set()
        await asyncio.gather(*reads)

    asyncio.run(all_of_them())
    assert most == {ADA: 2, BEN: 1}
    assert office._reading == {}
