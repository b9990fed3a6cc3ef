"""Prove it: the entries of an account are added up again, and what does not fit is named."""

import pytest

from bank_app import errors
from bank_app.services import proof


@pytest.fixture
def hers(counter, ada, ben):
    account = counter.open(ada, "100.00")
    counter.transfer(ada, account, counter.open(ben), "30.00")
    counter.deposit(ada, account, "5.50")
    return account


def re_add(db, actor, account):
    return db.read(lambda session: proof.re_add(session, actor, account.id))


def test_whole_books_are_proved(db, ada, hers):
    found = re_add(db, ada, hers)
    assert (found.entries, found.in_minor, found.out_minor, found.sum_minor) == (3, 10550, 3000, 7550)
    assert (found.holds, found.off_minor, found.first_wrong, found.hashed) == (True, 0, None, True)
    assert found.milliseconds >= 0


def test_an_empty_account_is_proved(db, counter, ada):
    found = re_add(db, ada, counter.open(ada))
    assert (found.holds, found.entries, found.sum_minor) == (True, 0, 0)


def test_a_long_account_is_added_without_hashing(db, ada, hers, monkeypatch):
    monkeypatch.setattr(proof, "_MOST_HASHED", 2)
    found = re_add(db, ada, hers)
    assert (found.holds, found.hashed) == (True, False)


@pytest.mark.books_are_broken_on_purpose
@pytest.mark.parametrize(
    ("statement", "first_wrong", "off"),
    [
        ("UPDATE accounts SET balance = balance + 1 WHERE id = {hers}", None, 1),
        ("UPDATE postings SET amount = amount + 1 WHERE account_id = {hers} AND sequence = 2", 2, 1),
        ("UPDATE postings SET balance_after = balance_after + 7 WHERE account_id = {hers} AND sequence = 3", 3, 0),
        ("DELETE FROM postings WHERE account_id = {hers} AND sequence = 1", 2, 10000),
        ("UPDATE accounts SET version = 9 WHERE id = {hers}", None, 0),
    ],
)
@pytest.mark.parametrize("hashing", [True, False])
def test_what_was_changed_is_found(db, ada, hers, past_guards, monkeypatch, statement, first_wrong, off, hashing):
    if not hashing:
        monkeypatch.setattr(proof, "_MOST_HASHED", -1)
    past_guards(statement.format(hers=hers.id))
    found = re_add(db, ada, hers)
    assert (found.holds, found.first_wrong, found.off_minor) == (False, first_wrong, off)


@pytest.mark.books_are_broken_on_purpose
def test_a_changed_hash_is_found_where_the_chain_is_walked(db, ada, hers, past_guards):
    past_guards(f"UPDATE postings SET hash = x'{'00' * 32}' WHERE account_id = {hers.id} AND sequence = 2")
    assert re_add(db, ada, hers).first_wrong == 2
    past_guards(f"UPDATE accounts SET head_hash = x'{'00' * 32}' WHERE id = {hers.id}")
    assert not re_add(db, ada, hers).holds


def test_the_account_of_somebody_else_is_not_proved_to_a_customer(db, eve, teller, hers):
    with pytest.raises(errors.AccountNotFound):
        re_add(db, eve, hers)
    assert re_add(db, teller, hers).holds
