"""Searching all transactions reads an index, or a stretch of the newest ones: never the whole bank at once."""

import pytest

from bank_app.domain.accounting import TransactionType
from bank_app.services import history, newest, people, transaction_search
from bank_app.services.history import HistoryFilter
from bank_app.services.transaction_search import TransactionFilter


@pytest.fixture
def sent(counter, ada, ben):
    """Twenty transfers over two deposits, oldest first: every fifth is of $5.00 and says so."""
    hers, his = counter.open(ada, "100.00"), counter.open(ben, "1.00")
    return [
        counter.transfer(ada, hers, his, "5.00" if number % 5 == 0 else "1.00", description=f"Number {number}")
        for number in range(20)
    ]


@pytest.fixture
def in_stretches(monkeypatch):
    """Looks through so many transactions at a time, and for so many seconds."""

    def of(length, seconds=60.0):
        monkeypatch.setattr(newest, "_STRETCH", length)
        monkeypatch.setattr(newest, "_SECONDS", seconds)

    return of


def find(session, actor, *, limit=50, cursor=None, **filters):
    return transaction_search.find(session, actor, filters=TransactionFilter(**filters), limit=limit, cursor=cursor)


def every_page(db, actor, *, limit, **filters):
    """All pages of a search."""
    pages, cursor = [], None
    while True:
        page = db.read(lambda session, cursor=cursor: find(session, actor, limit=limit, cursor=cursor, **filters))
        pages.append(page)
        cursor = page.next_cursor
        if cursor is None:
            return pages


def ids(pages):
    return [item.transaction.id for page in pages for item in page.items]


@pytest.mark.parametrize("look", ["find", "people"])
def test_a_reference_is_found_by_an_index(plans, auditor, sent, look):
    wanted = sent[3].transaction
    if look == "find":
        plan = plans("reference =", lambda session: find(session, auditor, reference=wanted.reference))
    else:
        plan = plans("reference =", lambda session: people.list_customers(session, auditor, q=wanted.reference))
    assert any("ix_transactions_reference" in line for line in plan), plan
    assert not any("SCAN transactions" in line for line in plan), plan


def test_a_reference_and_an_id_name_one(db, auditor, sent):
    wanted = sent[3].transaction
    for text in (wanted.reference, str(wanted.id)):
        assert ids([db.read(lambda session, text=text: find(session, auditor, reference=text))]) == [wanted.id]


@pytest.mark.parametrize("length", [1, 3, 22, 100])
@pytest.mark.parametrize("limit", [1, 3, 50])
def test_however_long_the_stretches_are_the_same_is_found(db, auditor, sent, in_stretches, length, limit):
    in_stretches(length)
    expected = [moved.transaction.id for moved in reversed(sent[::5])]
    pages = every_page(db, auditor, limit=limit, min_amount="5.00", type=TransactionType.TRANSFER)
    assert ids(pages) == expected
    assert {page.searched_to for page in pages} == {None}


def test_a_search_that_takes_too_long_says_how_far_it_got_and_goes_on_from_there(db, auditor, sent, in_stretches):
    in_stretches(4, seconds=0)
    pages = every_page(db, auditor, limit=50, min_amount="5.00", type=TransactionType.TRANSFER)
    assert ids(pages) == [moved.transaction.id for moved in reversed(sent[::5])]
    assert len(pages) == 6
    reached = [page.searched_to for page in pages]
    assert reached[-1] is None
    assert sorted(reached[:-1], reverse=True) == reached[:-1]
    # To the millisecond, as an id knows it.
    assert abs((reached[0] - sent[-4].transaction.created_at).total_seconds()) < 1


def test_without_a_filter_a_page_is_full_at_once(db, auditor, sent, in_stretches):
    in_stretches(1, seconds=0)
    assert len(db.read(lambda session: find(session, auditor)).items) == 22


def test_words_are_looked_for_in_stretches_as_well(db, teller, sent, in_stretches):
    in_stretches(4, seconds=0)

    def listed(cursor):
        return db.read(
            lambda session: history.list_transactions(
                session, teller, filters=HistoryFilter(q="number 7"), cursor=cursor
            )
        )

    found, cursor = [], None
    for _ in range(6):
        page = listed(cursor)
        found += page.items
        cursor = page.next_cursor
    assert cursor is None
    assert [item.id for item in found] == [sent[7].transaction.id]
