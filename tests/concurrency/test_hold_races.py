"""Holds under contention, on the engine with row locks: closed once, and never more spent than there is."""

from collections import Counter as Tally

import pytest
from sqlalchemy import text

from bank_app import clock
from bank_app.domain import money
from bank_app.services import holds


@pytest.fixture
def hers(mariadb_db, counter, ada):
    return counter.open(ada, "100.00")


@pytest.fixture
def workers(another):
    """Two processes' worth of queues: rows and keys decide between them, not the memory of one."""
    return [another(), another()]


def test_two_captures_at_once_are_one(counter, ada, ben, hers, workers, at_once, codes):
    his = counter.open(ben)
    for _ in range(5):
        hold = holds.CaptureHold(counter.hold(ada, hers, "10.00", to=his).hold.id)
        answers = at_once(lambda index, hold=hold: holds.move(workers[index % 2], ada, type(hold)(hold.hold_id)), 8)
        assert Tally(codes(answers)) == {"ok": 1, "hold_not_open": 7}
    assert (counter.balance(hers), counter.balance(his)) == ("50.00", "50.00")


def test_a_hold_is_captured_or_released_and_never_both(counter, ada, ben, hers, workers, at_once, codes):
    his = counter.open(ben)
    for _ in range(8):
        before = counter.account(hers).balance_minor
        held = counter.hold(ada, hers, "10.00", to=his).hold.id
        ends = (holds.CaptureHold(held), holds.ReleaseHold(held))
        answers = at_once(lambda index, ends=ends: holds.move(workers[index], ada, ends[index]), 2)
        assert sorted(codes(answers)) == ["hold_not_open", "ok"]
        moved = 1000 if codes(answers)[0] == "ok" else 0
        after = counter.account(hers)
        assert (after.balance_minor, after.held_minor) == (before - moved, 0)


def test_placing_and_withdrawing_at_once_never_spend_more_than_there_is(counter, ada, hers, at_once, codes):
    def one(index):
        return counter.hold(ada, hers, "10.00") if index % 2 else counter.withdraw(ada, hers, "10.00")

    answers = at_once(one, 24)
    assert Tally(codes(answers)) == {"ok": 10, "insufficient_funds": 14}
    after = counter.account(hers)
    assert after.available_minor == 0
    assert after.balance_minor - after.held_minor == 0


def test_one_key_of_a_capture_sent_by_many_is_one_capture(counter, ada, hers, workers, at_once, codes):
    held = counter.hold(ada, hers, "10.00").hold.id
    answers = at_once(lambda index: holds.move(workers[index % 2], ada, holds.CaptureHold(held), key="k"), 10)
    assert codes(answers) == ["ok"] * 10
    assert len({answer.hold for answer in answers}) == 1
    assert sum(not answer.replayed for answer in answers) == 1
    assert counter.balance(hers) == "90.00"


def test_money_that_is_due_is_spent_once_by_many(mariadb_db, counter, ada, hers, workers, at_once, codes):
    placed = counter.hold(ada, hers, "90.00", expires_in=60).hold

    def one(index):
        with clock.moved_to(placed.expires_at):
            return holds.move(workers[index % 2], ada, holds.PlaceHold(hers.id, money.Amount.of("30.00")))

    answers = at_once(one, 8)
    assert Tally(codes(answers)) == {"ok": 3, "insufficient_funds": 5}
    with mariadb_db.reading.connect() as connection:
        states = connection.execute(text("SELECT state, COUNT(*) FROM holds GROUP BY state")).all()
    assert dict(map(tuple, states)) == {"expired": 1, "open": 3}
