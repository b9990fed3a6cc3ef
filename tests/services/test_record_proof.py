"""One record checked again: intact after posting, and whatever was changed behind the bank's back is named."""

import pytest

from bank_app import errors
from bank_app.services import record_proof


@pytest.fixture
def sent(counter, ada, ben):
    hers, his = counter.open(ada, "100.00"), counter.open(ben)
    counter.transfer(ada, hers, his, "10.00")
    return counter.transfer(ada, hers, his, "25.00", description="Bike lights")


def verify(db, actor, moved):
    return db.read(lambda session: record_proof.verify(session, actor, moved.transaction.id))


def test_both_sides_and_the_banks_people_find_a_record_intact(db, counter, ada, ben, auditor, sent):
    for actor in (ada, ben, auditor):
        proof = verify(db, actor, sent)
        assert (proof.intact, proof.entries, proof.problem) == (True, 2, "")
        assert proof.milliseconds >= 0


def test_first_entries_and_cash_are_intact_too(db, counter, ada, teller):
    account = counter.open(ada)
    added = counter.deposit(ada, account, "5.00")
    assert verify(db, ada, added).intact
    assert verify(db, teller, counter.reverse(teller, added)).intact


def test_a_record_of_other_people_is_not_there(db, eve, sent):
    with pytest.raises(errors.TransactionNotFound):
        verify(db, eve, sent)


@pytest.mark.books_are_broken_on_purpose
@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("UPDATE transactions SET description = 'Rent' WHERE amount = 2500", "does not have the fingerprint"),
        ("UPDATE transactions SET amount = 2600 WHERE amount = 2500", "does not have the fingerprint"),
        ("UPDATE postings SET balance_after = balance_after + 1 WHERE amount = 2500", "does not have the fingerprint"),
        ("UPDATE postings SET amount = 2600 WHERE amount = 2500 AND direction = 'debit'", "do not add up"),
        ("UPDATE postings SET sequence = sequence + 5 WHERE amount = 2500", "does not follow on another"),
    ],
)
def test_a_change_behind_the_banks_back_is_named(db, ada, sent, past_guards, change, problem):
    past_guards(change)
    proof = verify(db, ada, sent)
    assert not proof.intact
    assert problem in proof.problem
