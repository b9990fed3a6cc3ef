"""One list over all accounts: every entry once, in pages that join."""

from datetime import UTC, datetime, timedelta

import pytest

from bank_app import clock, errors
from bank_app.domain.accounting import Direction, TransactionType
from bank_app.services import accounts, activity, unposted
from bank_app.services.history import HistoryFilter

START = datetime(2030, 3, 1, 9, tzinfo=UTC)


def test_every_move_is_there_once_and_pages_join(db, counter, ada, ben):
    moves = (
        lambda: counter.transfer(ada, hers, his, "30.00"),
        lambda: counter.transfer(ada, hers, savings, "40.00"),
        lambda: counter.withdraw(ada, hers, "1.00"),
        lambda: counter.transfer(ben, his, savings, "2.00"),
    )
    with clock.moved_to(START):
        hers, his, savings = counter.open(ada, "100.00"), counter.open(ben, "9.00"), counter.open(ada)
    for number, move in enumerate(moves, start=1):
        with clock.moved_to(START + timedelta(hours=number)):
            move()

    def page(**more):
        return db.read(lambda session: activity.activity(session, ada, **more))

    every = [(entry.account_id, entry.signed_minor) for entry in page(limit=50).items]
    assert every == [
        (savings.number, 200), (hers.number, -100), (hers.number, -4000), (hers.number, -3000), (hers.number, 10000),
    ]  # fmt: skip
    found, cursor = [], None
    for _ in range(3):
        part = page(limit=2, cursor=cursor)
        found += [(entry.account_id, entry.signed_minor) for entry in part.items]
        cursor = part.next_cursor
    assert (found, cursor) == (every, None)
    for wrong in ("x", "MXwy", "YWJj"):
        with pytest.raises(errors.Invalid):
            page(cursor=wrong)


def test_somebody_without_accounts_has_an_empty_list(db, eve):
    found = db.read(lambda session: activity.activity(session, eve))
    assert (found.items, found.next_cursor) == ([], None)


def test_filters_hold_for_all_accounts_and_reversed_is_a_status(db, counter, teller, ada, ben):
    hers, his, savings = counter.open(ada, "100.00"), counter.open(ben), counter.open(ada)
    undone = counter.transfer(ada, hers, his, "30.00")
    counter.transfer(ada, hers, savings, "40.00")
    counter.reverse(teller, undone)

    def amounts(**wanted):
        found = db.read(lambda session: activity.activity(session, ada, filters=HistoryFilter(**wanted)))
        return sorted(entry.signed_minor for entry in found.items)

    assert amounts() == [-4000, -3000, 3000, 10000]
    assert amounts(reversed=True) == [-3000]
    assert amounts(reversed=False) == [-4000, 3000, 10000]
    assert amounts(direction=Direction.CREDIT, min_amount="50.00") == [10000]
    assert amounts(q=ben.name) == [-3000, 3000]
    assert amounts(q=ada.name) == [-4000], "the reader is on the other side only between own accounts"
    assert amounts(types=(TransactionType.REVERSAL,)) == [3000]


def test_money_that_is_set_aside_is_found_by_the_same_filters(db, counter, ada):
    hers = counter.open(ada, "100.00")
    for amount, memo in (("10.00", "Hotel"), ("20.00", "Car")):
        counter.hold(ada, hers, amount, description=memo)

    def found(**wanted):
        def read(session):
            own = accounts.own_accounts(session, ada)
            return unposted.waiting(session, ada, own, filters=HistoryFilter(**wanted), limit=10)

        return [hold.description for hold in db.read(read)]

    assert sorted(found()) == ["Car", "Hotel"]
    assert found(q="hot") == ["Hotel"]
    assert found(min_amount="15.00") == ["Car"]
    assert found(direction=Direction.CREDIT) == []
    assert found(types=(TransactionType.DEPOSIT,)) == []
    assert found(to=clock.now() - timedelta(days=1)) == []
