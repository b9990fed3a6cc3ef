"""Reading the books: entries with every filter, pages that stay still, balances at a time, statements."""

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest

from bank_app import clock, errors
from bank_app.domain.accounting import Direction, TransactionType
from bank_app.services import history
from bank_app.services.history import HistoryFilter
from bank_app.services.lists import Page, Pages, make_cursor

START = datetime(
    2030, 3, 1, 9, tzinfo=UTC
)  # Later than any clock that runs these tests, so that it moves only forward.
DEPOSIT, WITHDRAW, TRANSFER = TransactionType.DEPOSIT, TransactionType.WITHDRAW, TransactionType.TRANSFER


def hour(number):
    return START + timedelta(hours=number)


@pytest.fixture
def books(counter, ada, ben):
    """Seven hours of Ada's life. Amounts of her entries, oldest first: +100 −30 +5 −12.50 +30 −0.01 −40."""
    with clock.moved_to(START):
        hers = counter.open(ada, "100.00", nickname="Daily")
        his, savings = counter.open(ben, "100.00"), counter.open(ada, nickname="Rainy days")
    steps = (
        lambda: counter.transfer(ada, hers, his, "30.00", description="Rent, half"),
        lambda: counter.transfer(ben, his, hers, "5.00", description="Coffee 100%"),
        lambda: counter.withdraw(ada, hers, "12.50"),
        lambda: counter.deposit(ada, hers, "30.00", description="Cash_box"),
        lambda: counter.transfer(ada, hers, his, "0.01", description="Zoë’s ½"),
        lambda: counter.transfer(ada, hers, savings, "40.00", metadata={"goal": "tent"}),
    )
    moved = []
    for number, step in enumerate(steps, start=1):
        with clock.moved_to(hour(number)):
            moved.append(step())
    return hers, his, savings, moved


def entries(db, actor, account, **more):
    return db.read(lambda session: history.history(session, actor, account.id, **more)).items


def sequences(db, actor, account, **filters):
    return [entry.sequence for entry in entries(db, actor, account, filters=HistoryFilter(**filters))]


def totals(db, actor, account, **filters):
    found = db.read(lambda session: history.summary(session, actor, account.id, filters=HistoryFilter(**filters)))
    return found.count, found.in_minor, found.out_minor


# --- entries and filters ------------------------------------------------------------------------------


def test_entries_come_newest_first_with_the_balance_after_each(db, ada, books):
    found = entries(db, ada, books[0])
    assert [entry.sequence for entry in found] == [7, 6, 5, 4, 3, 2, 1]
    assert [entry.signed_minor for entry in found] == [-4000, -1, 3000, -1250, 500, -3000, 10000]
    assert [entry.balance_after_minor for entry in found] == [5249, 9249, 9250, 6250, 7500, 7000, 10000]


def test_an_entry_names_the_other_side_as_its_reader_may_know_it(db, ada, ben, books):
    hers, his, savings, _ = books
    named = {entry.sequence: entry.counterparty for entry in entries(db, ada, hers)}
    assert (named[2].account_id, named[2].name, named[2].own) == (his.number, "Ben Ito", False)
    assert (named[4].account_id, named[4].name) == ("cash", "Cash")
    assert (named[7].account_id, named[7].name, named[7].own) == (savings.number, "Rainy days", True)
    assert {entry.counterparty.name for entry in entries(db, ben, his)} == {"Ada Lindqvist", "Cash"}


def test_an_entry_carries_its_metadata_and_its_reversal(db, counter, ada, teller, books):
    hers, _, _, moved = books
    with clock.moved_to(hour(9)):
        reversal = counter.reverse(teller, moved[0])
    found = {entry.sequence: entry for entry in entries(db, ada, hers)}
    assert found[7].metadata == {"goal": "tent"}
    assert (found[2].reversed_by, found[8].reverses) == (reversal.transaction.id, moved[0].transaction.id)
    assert found[8].type is TransactionType.REVERSAL


@pytest.mark.parametrize(
    ("filters", "found", "sums"),
    [
        ({}, [7, 6, 5, 4, 3, 2, 1], (7, 13500, 8251)),
        ({"types": (DEPOSIT,)}, [5, 1], (2, 13000, 0)),
        ({"types": (WITHDRAW, DEPOSIT)}, [5, 4, 1], (3, 13000, 1250)),
        ({"types": (TransactionType.REVERSAL,)}, [], (0, 0, 0)),
        ({"direction": Direction.DEBIT}, [7, 6, 4, 2], (4, 0, 8251)),
        ({"direction": Direction.CREDIT}, [5, 3, 1], (3, 13500, 0)),
        ({"min_amount": "30.00"}, [7, 5, 2, 1], (4, 13000, 7000)),
        ({"max_amount": "5"}, [6, 3], (2, 500, 1)),
        ({"min_amount": "5.00", "max_amount": "30"}, [5, 4, 3, 2], (4, 3500, 4250)),
        ({"max_amount": "0"}, [], (0, 0, 0)),
        ({"from_": hour(4)}, [7, 6, 5], (3, 3000, 4001)),
        ({"to": hour(1)}, [1], (1, 10000, 0)),
        ({"from_": hour(1), "to": hour(3)}, [3, 2], (2, 500, 3000)),
        ({"q": "RENT"}, [2], (1, 0, 3000)),
        ({"q": "100%"}, [3], (1, 500, 0)),
        ({"q": "h_b"}, [5], (1, 3000, 0)),
        ({"q": "%"}, [3], (1, 500, 0)),
        ({"q": "_"}, [5], (1, 3000, 0)),
        ({"q": "!"}, [], (0, 0, 0)),
        ({"q": "zoë’s"}, [6], (1, 0, 1)),
        ({"q": "ben"}, [6, 3, 2], (3, 500, 3001)),
        ({"q": "  "}, [7, 6, 5, 4, 3, 2, 1], (7, 13500, 8251)),
        ({"q": "'; DROP TABLE postings; --"}, [], (0, 0, 0)),
        ({"types": (TRANSFER,), "direction": Direction.DEBIT, "q": "ito", "min_amount": "1"}, [2], (1, 0, 3000)),
    ],
)  # fmt: skip
def test_a_filter_finds_these_entries_and_these_sums(db, ada, books, filters, found, sums):
    assert sequences(db, ada, books[0], **filters) == found
    assert totals(db, ada, books[0], **filters) == sums


@pytest.fixture
def wrong_guess(db, books, request):
    """MariaDB believes that there is one transaction; others cannot be told."""
    if "MariaDB" not in db.server_version():
        yield
        return
    server = request.getfixturevalue("mariadb_server")
    with server.connect_as_root() as connection, connection.cursor() as cursor:

        def tell(statement):
            cursor.execute(statement)
            cursor.execute("FLUSH TABLES")

        tell(f"INSERT INTO mysql.table_stats VALUES ('{db.url.database}', 'transactions', 1)")
        yield
        tell("DELETE FROM mysql.table_stats")


@pytest.mark.parametrize("filters", [{}, {"types": (TRANSFER,)}, {"min_amount": "1.00"}, {"q": "Rent"}])
@pytest.mark.usefixtures("wrong_guess")
def test_a_page_is_read_along_the_account_and_not_along_all_transactions(db, plans, ada, books, filters):
    for cursor in (None, make_cursor("5")):
        plan = plans(
            "ORDER BY postings.sequence DESC",
            lambda session, cursor=cursor: history.history(
                session, ada, books[0].id, filters=HistoryFilter(**filters), limit=2, cursor=cursor
            ),
        )
        assert "postings" in plan[0], plan
        assert not any("filesort" in line or "TEMP B-TREE" in line for line in plan), plan


def test_entries_are_found_by_the_other_sides_number_and_by_reference(db, ada, books):
    hers, his, savings, moved = books
    assert sequences(db, ada, hers, q=his.grouped_number) == [6, 3, 2]
    assert sequences(db, ada, hers, q=savings.number) == [7]
    assert sequences(db, ada, hers, q=moved[3].transaction.reference) == [5]
    assert sequences(db, ada, hers, q=moved[3].transaction.reference.lower().replace("-", "")) == [5]
    assert sequences(db, ada, hers, q=hers.number) == []


@pytest.mark.parametrize("filters", [{"min_amount": "abc"}, {"max_amount": "-1"}, {"min_amount": "1.001"}])
def test_a_filter_by_what_is_no_amount_is_refused(db, ada, books, filters):
    with pytest.raises(errors.InvalidAmount):
        sequences(db, ada, books[0], **filters)


def test_history_of_somebody_else_is_not_found_and_a_teller_reads_it(db, eve, teller, books):
    for read in (entries, totals):
        with pytest.raises(errors.AccountNotFound):
            read(db, eve, books[0])
    assert len(entries(db, teller, books[0])) == 7


# --- pages --------------------------------------------------------------------------------------------


def test_pages_do_not_move_while_entries_are_added(db, counter, ada, books):
    hers = books[0]
    found, cursor = [], None
    for size in (3, 3, 1):
        page = db.read(lambda session, cursor=cursor: history.history(session, ada, hers.id, limit=3, cursor=cursor))
        assert len(page.items) == size
        found += [entry.sequence for entry in page.items]
        cursor = page.next_cursor
        counter.deposit(ada, hers, "1.00")
    assert found == [7, 6, 5, 4, 3, 2, 1]
    assert cursor is None


def test_pages_of_a_filter_hold_only_what_it_finds(db, ada, books):
    filters = HistoryFilter(direction=Direction.DEBIT)
    page = db.read(lambda session: history.history(session, ada, books[0].id, filters=filters, limit=3))
    rest = db.read(
        lambda session: history.history(session, ada, books[0].id, filters=filters, limit=3, cursor=page.next_cursor)
    )
    assert [[entry.sequence for entry in items] for items in (page.items, rest.items)] == [[7, 6, 4], [2]]


def test_a_full_last_page_has_no_next(db, ada, books):
    assert db.read(lambda session: history.history(session, ada, books[0].id, limit=7)).next_cursor is None


@pytest.mark.parametrize("cursor", ["x", "LTE", "MXwy", "YWJj", "!", "é"])
def test_a_cursor_that_is_not_ours_is_refused(db, ada, books, cursor):
    with pytest.raises(errors.Invalid):
        entries(db, ada, books[0], cursor=cursor)


def test_recent_entries_show_a_move_between_own_accounts_once(db, ada, books):
    recent = db.read(lambda session: history.recent(session, ada, limit=3))
    assert [(entry.account_id, entry.signed_minor) for entry in recent] == [
        (books[0].number, -4000), (books[0].number, -1), (books[0].number, 3000),
    ]  # fmt: skip


# --- balances over time -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "balance", "sequence"),
    [
        (START - timedelta(microseconds=1), 0, 0),
        (START, 10000, 1),
        (hour(1) - timedelta(microseconds=1), 10000, 1),
        (hour(1), 7000, 2),
        (hour(3.5), 6250, 4),
        (hour(99), 5249, 7),
    ],
)
def test_the_balance_at_a_moment_is_the_one_the_ledger_held(db, ada, books, at, balance, sequence):
    found = db.read(lambda session: history.balance_at(session, ada, books[0].id, at=at))
    assert (found.balance_minor, found.sequence, found.at) == (balance, sequence, at)


def test_a_moment_in_another_zone_is_the_same_moment(db, ada, books):
    at = datetime.fromisoformat("2030-03-01T15:45:00+05:45")
    found = db.read(lambda session: history.balance_at(session, ada, books[0].id, at=at))
    assert found.sequence == 2


def test_steps_of_a_chart_begin_with_the_window_and_end_with_now(db, ada, books):
    hers = books[0]
    with clock.moved_to(hour(10)):
        steps = db.read(lambda session: history.balance_steps(session, ada, account_id=hers.id, days=None))
        together = db.read(lambda session: history.balance_steps(session, ada))
    assert [step.balance_minor for step in steps] == [10000, 7000, 7500, 6250, 9250, 9249, 5249]
    assert together[-1].balance_minor == 5249 + 4000
    assert [step.at for step in together] == sorted({step.at for step in together})


def test_a_chart_of_two_own_accounts_has_no_balance_between_the_sides_of_a_move(db, ada, counter):
    first, second = counter.open(ada, "100.00"), counter.open(ada)
    counter.transfer(ada, first, second, "60.00")
    together = db.read(lambda session: history.balance_steps(session, ada))
    assert {step.balance_minor for step in together} <= {0, 10000}


def test_a_chart_of_own_accounts_is_of_one_currency_and_of_the_one_that_was_asked_for(db, ada, counter):
    counter.open(ada, "5000", currency="JPY")
    counter.open(ada, "7.00", currency="USD")
    for currency, last in (("USD", 700), ("JPY", 5000), ("KWD", None)):
        steps = db.read(lambda session, code=currency: history.balance_steps(session, ada, currency=code))
        assert [step.balance_minor for step in steps[-1:]] == ([last] if last else [])


# --- statements ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "end", "opening", "into", "out", "closing"),
    [
        (START, hour(99), 0, 13500, 8251, 5249),
        (hour(1), hour(4), 10000, 500, 4250, 6250),
        (hour(50), hour(60), 5249, 0, 0, 5249),
        (hour(-5), START, 0, 0, 0, 0),
    ],
)
def test_a_statement_joins_two_balances(db, ada, books, entries_of, start, end, opening, into, out, closing):
    found = db.read(lambda session: history.statement(session, ada, books[0].id, start=start, end=end))
    assert (found.opening_minor, found.in_minor, found.out_minor, found.closing_minor) == (opening, into, out, closing)
    assert opening + into - out == closing
    assert [entry.sequence for entry in entries_of(ada, found)] == list(range(found.before + 1, found.sequence + 1))


def test_two_statements_that_meet_share_no_entry_and_no_gap(db, ada, books, entries_of):
    first, second = (
        db.read(lambda session, s=start, e=end: history.statement(session, ada, books[0].id, start=s, end=e))
        for start, end in ((START, hour(3)), (hour(3), hour(9)))
    )
    assert first.closing_minor == second.opening_minor
    assert [entry.sequence for part in (first, second) for entry in entries_of(ada, part)] == [1, 2, 3, 4, 5, 6, 7]


def test_a_statement_that_ends_before_it_begins_is_refused(db, ada, books):
    with pytest.raises(errors.Invalid):
        db.read(lambda session: history.statement(session, ada, books[0].id, start=START, end=START))


def test_a_spreadsheet_gets_signed_amounts_and_no_formulas(db, counter, ada, books):
    hers, his = books[:2]
    counter.transfer(ada, hers, his, "1.00", description='=1+1,"x"')
    found = Pages(db, lambda _session, _cursor: Page(entries(db, ada, hers)[::-1], None))
    rows = list(csv.DictReader(io.StringIO("".join(history.entries_csv(found).pieces), newline="")))
    assert [row["amount"] for row in rows] == [
        "100.00",
        "-30.00",
        "5.00",
        "-12.50",
        "30.00",
        "-0.01",
        "-40.00",
        "-1.00",
    ]
    assert rows[-1]["memo"] == '\'=1+1,"x"'
    assert rows[0]["entry_id"] == f"{hers.number}-1"
    assert rows[1]["counterparty"] == "Ben Ito"


# --- the whole bank -----------------------------------------------------------------------------------


def listed(db, actor, limit=50, cursor=None, **filters):
    return db.read(
        lambda session: history.list_transactions(
            session, actor, filters=HistoryFilter(**filters), limit=limit, cursor=cursor
        )
    )


def test_the_banks_people_list_every_transaction_and_customers_do_not(db, ada, auditor, books):
    assert len(listed(db, auditor).items) == 8
    with pytest.raises(errors.Forbidden):
        listed(db, ada)


def test_transactions_are_filtered_and_paged_like_entries(db, teller, books):
    moved = books[3]
    assert [item.amount_minor for item in listed(db, teller, q="ben", min_amount="5").items] == [500, 3000, 10000]
    assert [item.type for item in listed(db, teller, direction=Direction.DEBIT).items] == [WITHDRAW]
    assert [item.id for item in listed(db, teller, q=moved[0].transaction.reference).items] == [moved[0].transaction.id]
    first = listed(db, teller, limit=5)
    second = listed(db, teller, limit=5, cursor=first.next_cursor)
    assert (len(first.items), len(second.items), second.next_cursor) == (5, 3, None)
    with pytest.raises(errors.Invalid):
        listed(db, teller, cursor="bm8")


def test_a_chart_of_a_long_history_keeps_its_beginning_and_its_end(db, ada, counter):
    hers = counter.open(ada)
    for number in range(1, 402):
        counter.deposit(ada, hers, f"{number}.00")
    steps = db.read(lambda session: history.balance_steps(session, ada, account_id=hers.id, days=None))
    assert len(steps) <= 301
    assert (steps[0].balance_minor, steps[-1].balance_minor) == (0, 401 * 402 // 2 * 100)
