"""Checks of the books are kept with who and how long, and the trial balance has two equal columns."""

import pytest
from sqlalchemy import select

from bank_app import errors
from bank_app.domain.accounting import AccountKind
from bank_app.models import AuditRecord
from bank_app.services import books


def test_a_check_is_kept_with_who_asked_for_it(db, counter, ada, teller):
    counter.open(ada, "25.00")
    assert db.read(books.last_check) is None
    made = books.check_now(db, teller)
    known = db.read(books.last_check)
    assert known == made
    assert (known.ok, known.by, known.findings) == (True, teller.name, ())
    assert (known.transactions, known.postings, known.totals) == (1, 2, {"USD": 0})
    recorded = db.read(lambda s: s.execute(select(AuditRecord).where(AuditRecord.action == "books.check")).scalar_one())
    assert recorded.actor_id == teller.user_id
    assert recorded.changes["result"] == [None, "balance"]


def test_the_history_is_newest_first(db, auditor):
    made = [books.check_now(db, auditor) for _ in range(3)]
    assert db.read(lambda session: books.history(session, auditor)) == made[::-1]
    assert len(db.read(lambda session: books.history(session, auditor, limit=2))) == 2


def test_the_bank_checks_by_itself_when_nobody_has(db, teller):
    made = books.check_if_due(db)
    assert made.by is None
    assert books.check_if_due(db) is None
    assert db.read(books.last_check) == made


def test_customers_neither_check_nor_look(db, ada):
    with pytest.raises(errors.Forbidden):
        books.check_now(db, ada)
    for read in (books.history, books.trial_balance):
        with pytest.raises(errors.Forbidden):
            db.read(lambda session, read=read: read(session, ada))


def test_the_trial_balance_has_two_equal_columns(db, counter, ada, ben, auditor):
    counter.open(ada, "100.00")
    counter.open(ben, "50.00")
    counter.open(ben, "7.50", kind=AccountKind.SAVINGS)
    lines = db.read(lambda session: books.trial_balance(session, auditor))
    by_kind = {line.kind: line for line in lines}
    assert sum(line.debit_minor for line in lines) == sum(line.credit_minor for line in lines) == 15750
    assert (by_kind[AccountKind.CHECKING].accounts, by_kind[AccountKind.CHECKING].credit_minor) == (2, 15000)
    assert (by_kind[AccountKind.SAVINGS].accounts, by_kind[AccountKind.SAVINGS].credit_minor) == (1, 750)
    assert by_kind[AccountKind.CASH].debit_minor == 15750


@pytest.mark.books_are_broken_on_purpose
def test_what_is_off_is_named(db, counter, ada, teller, past_guards):
    account = counter.open(ada, "25.00")
    past_guards(f"UPDATE accounts SET balance = 2501 WHERE id = {account.id}")
    made = books.check_now(db, teller)
    assert not made.ok
    assert f"account {account.number}" in {found.subject for found in made.findings}
    assert made.totals == {"USD": 1}
    assert not db.read(books.last_check).ok
