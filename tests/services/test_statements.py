"""Statements: months that join each other, files that say what the books say, and nothing for strangers."""

import csv
import io
import json
from datetime import UTC, datetime

import pytest

from bank_app import clock, errors
from bank_app.services import history, statements
from bank_app.services.statements import month_of


def at(month, day, hour=12, year=2030):
    return datetime(year, month, day, hour, tzinfo=UTC)


@pytest.fixture
def hers(counter, ada, ben):
    """Opened in January with 100; −30 and +5 in February, nothing in March, −1 on the last microsecond of April."""
    with clock.moved_to(at(1, 10)):
        account, his = counter.open(ada, "100.00", nickname="Every day!"), counter.open(ben, "10.00")
    moves = (
        (at(2, 1, 0), lambda: counter.transfer(ada, account, his, "30.00", description="=HYPERLINK(1)")),
        (at(2, 28), lambda: counter.transfer(ben, his, account, "5.00")),
        (datetime(2030, 4, 30, 23, 59, 59, 999999, tzinfo=UTC), lambda: counter.withdraw(ada, account, "1.00")),
    )
    for moment, move in moves:
        with clock.moved_to(moment):
            move()
    return account


def months(db, actor, account, now):
    with clock.moved_to(now):
        return db.read(lambda session: statements.months(session, actor, account.id))


def test_every_month_joins_the_one_before_it(db, ada, hers):
    found = months(db, ada, hers, at(5, 3))
    assert [
        (m.key, m.opening_minor, m.in_minor, m.out_minor, m.closing_minor, m.entries, m.adds_up) for m in found
    ] == [
        ("2030-05", 7400, 0, 0, 7400, 0, True),
        ("2030-04", 7500, 0, 100, 7400, 1, True),
        ("2030-03", 7500, 0, 0, 7500, 0, True),
        ("2030-02", 10000, 500, 3000, 7500, 2, True),
        ("2030-01", 0, 10000, 0, 10000, 1, True),
    ]


def test_months_say_what_the_statement_of_each_month_says(db, ada, hers, entries_of):
    for month in months(db, ada, hers, at(5, 3)):
        sealed = db.read(
            lambda session, month=month: statements.period(session, ada, hers.id, start=month.start, end=month.end)
        )
        found = sealed.statement
        assert (found.opening_minor, found.in_minor, found.out_minor, found.closing_minor) == (
            month.opening_minor, month.in_minor, month.out_minor, month.closing_minor,
        )  # fmt: skip
        assert len(entries_of(ada, found)) == month.entries


def test_an_account_of_this_month_has_one_month(db, counter, ada):
    with clock.moved_to(at(12, 31)):
        fresh = counter.open(ada)
    [month] = months(db, ada, fresh, at(12, 31))
    assert (month.key, month.entries, month.closing_minor, month.adds_up) == ("2030-12", 0, 0, True)
    assert [m.key for m in months(db, ada, fresh, at(1, 1, year=2031))] == ["2031-01", "2030-12"]


@pytest.mark.books_are_broken_on_purpose
def test_a_month_that_does_not_add_up_says_so(db, ada, hers, past_guards):
    past_guards(f"UPDATE postings SET balance_after = balance_after + 1 WHERE account_id = {hers.id} AND sequence = 3")
    wrong = [month.key for month in months(db, ada, hers, at(5, 3)) if not month.adds_up]
    assert wrong == ["2030-02"]


def test_files_have_the_same_entries_in_the_same_order(db, ada, hers):
    sealed = db.read(lambda session: statements.period(session, ada, hers.id, start=at(2, 1, 0), end=at(3, 1, 0)))
    rows = list(csv.DictReader(io.StringIO("".join(statements.as_csv(db, ada, sealed).pieces))))
    read = json.loads("".join(statements.as_json(db, ada, sealed).pieces))
    assert [row["amount"] for row in rows] == ["-30.00", "5.00"] == [entry["amount"] for entry in read["entries"]]
    assert rows[0]["memo"] == "'=HYPERLINK(1)"
    assert (read["opening"], read["in"], read["out"], read["closing"]) == ("100.00", "5.00", "30.00", "75.00")
    assert set(rows[0]) <= set(read["entries"][0])
    assert len(read["hash"]) == 64


def test_the_hash_is_the_head_of_the_chain_then(db, ada, hers):
    def head(end):
        return db.read(lambda session: statements.period(session, ada, hers.id, start=at(1, 1, 0), end=end)).head

    assert head(at(1, 2)) == ""
    assert head(at(2, 1, 0)) != head(at(2, 1, 1)) != head(at(4, 1, 0))
    assert head(at(3, 1, 0)) == head(at(4, 1, 0))


@pytest.mark.parametrize(
    ("start", "end", "name"),
    [
        (at(2, 1, 0), at(3, 1, 0), "every-day-{}_2030-02.csv"),
        (at(12, 1, 0), at(1, 1, 0, 2031), "every-day-{}_2030-12.csv"),
        (at(2, 3, 0), at(2, 15, 0), "every-day-{}_2030-02-03_2030-02-14.csv"),
    ],
)
def test_a_file_is_named_after_its_account_and_period(db, ada, hers, start, end, name):
    sealed = db.read(lambda session: statements.period(session, ada, hers.id, start=start, end=end))
    assert sealed.file_name("csv") == name.format(hers.number[-4:])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2030-02", (at(2, 1, 0), at(3, 1, 0))), ("2030-12", (at(12, 1, 0), at(1, 1, 0, 2031))),
        ("2030-13", None), ("", None), ("2030-2", None), ("9999-12", None), ("2030-02-01", None),
    ],
)  # fmt: skip
def test_a_month_is_read_or_it_is_none(text, found):
    assert month_of(text) == found


def test_the_statements_of_somebody_else_do_not_exist(db, eve, teller, hers):
    for read in (
        lambda session: statements.months(session, eve, hers.id),
        lambda session: statements.period(session, eve, hers.id, start=at(1, 1), end=at(2, 1)),
    ):
        with pytest.raises(errors.AccountNotFound):
            db.read(read)
    assert len(months(db, teller, hers, at(2, 1))) == 2


def test_one_entry_is_read_by_its_number(db, ada, eve, hers):
    assert db.read(lambda session: history.entry(session, ada, hers.id, 2)).signed_minor == -3000
    with pytest.raises(errors.NotFound):
        db.read(lambda session: history.entry(session, ada, hers.id, 9))
    with pytest.raises(errors.AccountNotFound):
        db.read(lambda session: history.entry(session, eve, hers.id, 2))
