"""One list over all accounts: every entry once, in pages that join."""

from datetime import UTC, datetime, timedelta

import pytest

from bank_app import clock, errors
from bank_app.services import activity

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
