"""Following what is posted: nothing is left out, however late it was committed, and nothing comes twice."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text

from bank_app import clock, errors
from bank_app.domain.accounting import Direction
from bank_app.models import TRANSACTIONS
from bank_app.services import activity, arrivals, history

BIG = 1000


def follow(db, actor, after=arrivals.BEGINNING, *, limit=7, ready=lambda: True):
    """Every page until nothing new comes and `ready()` had said so before."""
    found = []
    while True:
        over = ready()
        page = arrivals.transactions(db, actor, after=after, limit=limit)
        found += page.items
        if over and not page.items and page.after == after:
            return found, after
        after = page.after


def all_ids(db):
    query = select(TRANSACTIONS.c.id).order_by(TRANSACTIONS.c.position)
    return list(db.read(lambda session: session.execute(query).scalars().all()))


@pytest.fixture
def accounts(counter, ada, ben):
    return counter.open(ada, "500.00"), counter.open(ada, nickname="Savings"), counter.open(ben, "500.00")


def test_the_banks_people_follow_all_and_go_on_where_they_were(db, counter, ada, ben, teller, accounts):
    hers, savings, his = accounts
    for number in range(1, 20):
        counter.transfer(ada, hers, (savings, his)[number % 2], f"{number}.00")
    first, after = follow(db, teller)
    assert [view.id for view in first] == all_ids(db)
    counter.transfer(ben, his, hers, "1.00")
    later, _ = follow(db, teller, after)
    assert [view.amount_minor for view in later] == [100]


def test_a_customer_follows_his_own_and_a_move_between_two_of_his_accounts_comes_once(db, counter, ada, ben, accounts):
    hers, savings, his = accounts
    expected = [50000]
    for number in range(1, 20):
        counter.transfer(ada, hers, (savings, his)[number % 2], f"{number}.00")
        counter.deposit(ben, his, "7.77")
        expected.append(number * 100)
    for limit in (1, 2, 7, 200):
        found, after = follow(db, ada, limit=limit)
        assert [view.amount_minor for view in found] == expected
    opened = counter.open(ada, "3.00")
    counter.transfer(ada, opened, hers, "1.00")
    later, _ = follow(db, ada, after)
    assert [view.amount_minor for view in later] == [300, 100]
    everything, next_cursor = [], None
    while True:
        page = db.read(lambda session, c=next_cursor: arrivals.newest_first(session, ada, limit=4, cursor=c))
        everything += page.items
        next_cursor = page.next_cursor
        if next_cursor is None:
            break
    assert [view.amount_minor for view in everything] == [100, 300, *reversed(expected)]


def test_entries_follow_by_their_sequence(db, counter, ada, accounts):
    hers, savings, _ = accounts
    for number in range(1, 6):
        counter.transfer(ada, hers, savings, f"{number}.00")
    page = db.read(lambda session: arrivals.entries(session, ada, hers.id, after="2", limit=2))
    assert ([entry.sequence for entry in page.items], page.after) == ([3, 4], "4")
    page = db.read(lambda session: arrivals.entries(session, ada, hers.id, after=page.after, limit=9))
    assert ([entry.sequence for entry in page.items], page.after) == ([5, 6], "6")
    page = db.read(lambda session: arrivals.entries(session, ada, hers.id, after="6"))
    assert (page.items, page.after) == ([], "6")
    filters = history.HistoryFilter(direction=Direction.CREDIT)
    page = db.read(lambda session: arrivals.entries(session, ada, hers.id, after="0", filters=filters))
    assert ([entry.sequence for entry in page.items], page.after) == ([1], "6")


@pytest.mark.parametrize("after", ["x", "-1", "1" * 19, "٣", "MQ"])
def test_a_cursor_that_is_not_ours_is_refused(db, ada, teller, accounts, after):
    with pytest.raises(errors.Invalid):
        arrivals.transactions(db, teller, after=after)
    if after != "MQ":
        with pytest.raises(errors.Invalid):
            arrivals.transactions(db, ada, after=after)


def test_what_is_committed_late_is_waited_for_and_comes_in_its_place(
    mariadb_db, another, counter, ada, teller, accounts
):
    """A position is taken, and its unit of work is still open, while those after it commit."""
    db, (hers, savings, _) = mariadb_db, accounts
    _, after = follow(db, teller)
    with db.writing.connect() as late:
        late.execute(text("SELECT id FROM posting_gate LOCK IN SHARE MODE"))
        columns = "id, type, amount, currency, metadata, actor_id, created_at, hash"
        copied = columns.replace("id, type", "REVERSE(id), type", 1)
        late.execute(text(f"INSERT INTO transactions ({columns}) SELECT {copied} FROM transactions LIMIT 1"))
        counter.transfer(ada, hers, savings, "1.00")
        page = arrivals.transactions(db, teller, after=after)
        assert (page.items, page.after) == ([], after)
        late.rollback()
    arrivals._Settled.of(db)._next_question = 0
    found, _ = follow(db, teller, after)
    assert [view.amount_minor for view in found] == [100]


def test_thousands_by_four_workers_and_a_row_that_somebody_holds(
    mariadb_db, another, counter, ada, ben, teller, accounts
):
    db, (hers, savings, his) = mariadb_db, accounts
    over = threading.Event()
    held = counter.open(ben, "100.00")
    workers = [type(counter)(another()) for _ in range(4)]

    def work(number):
        bank = workers[number % 4]
        for round_ in range(BIG // 8):
            payer, payee = ((ada, hers), savings) if number % 2 else ((ben, his), held)
            bank.transfer(*payer, payee, "0.01", key=f"{number}-{round_}")

    def hold():
        while not over.wait(0.05):
            with db.writing.connect() as connection:
                connection.execute(text("SELECT id FROM accounts WHERE id = :id FOR UPDATE"), {"id": held.id})
                over.wait(0.05)
                connection.rollback()

    readers = [another() for _ in range(2)]
    with ThreadPoolExecutor(16) as crowd:
        holder = crowd.submit(hold)
        staff = [crowd.submit(follow, reader, teller, ready=over.is_set, limit=50) for reader in readers]
        own = crowd.submit(follow, readers[0], ada, ready=over.is_set, limit=50)
        for done in [crowd.submit(work, number) for number in range(8)]:
            done.result()
        over.set()
        holder.result()
        seen = [one.result()[0] for one in staff]
        mine = own.result()[0]
    expected = all_ids(db)
    assert len(expected) == BIG + 3
    for found in seen:
        assert [view.id for view in found] == expected
    ids = [view.id for view in mine]
    assert len(ids) == len(set(ids)) == BIG // 2 + 1


# --- one order ------------------------------------------------------------------------------------------


def test_every_list_has_the_order_of_the_ledger_when_a_clock_went_back(db, counter, ada, teller, accounts):
    hers, savings, his = accounts
    now = clock.now()
    with clock.moved_to(now + timedelta(days=30)):
        counter.transfer(ada, hers, his, "1.00")
    counter.transfer(ada, savings_filled(counter, ada, hers, savings), his, "2.00")
    with clock.moved_to(now + timedelta(minutes=30)):
        counter.deposit(ada, hers, "3.00")
    counter.withdraw(ada, savings, "4.00")
    amounts = [400, 300, 200, 900, 100]
    assert [e.amount_minor for e in db.read(lambda session: history.recent(session, ada))][:5] == amounts
    pages = db.read(lambda session: activity.activity(session, ada, limit=3))
    assert [e.amount_minor for e in pages.items] == amounts[:3]
    pages = db.read(lambda session: activity.activity(session, ada, limit=2, cursor=pages.next_cursor))
    assert [e.amount_minor for e in pages.items] == amounts[3:]
    listed = db.read(lambda session: history.list_transactions(session, teller, limit=5))
    assert [view.amount_minor for view in listed.items] == amounts
    last = db.read(lambda session: history.list_transactions(session, teller, cursor=listed.next_cursor))
    assert len(last.items) == 2


def savings_filled(counter, ada, hers, savings):
    counter.transfer(ada, hers, savings, "9.00")
    return savings


def test_positions_are_given_in_the_order_of_a_list(db, counter, ada, accounts):
    count = db.read(lambda session: session.execute(select(func.count(TRANSACTIONS.c.position.distinct()))).scalar())
    assert count == len(all_ids(db)) == 2
