"""What was cut off so that the rest agrees with itself: it is less than there was when the books were last in order."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from bank_app import clock
from bank_app.models import AuditRecord, AuditSeal
from bank_app.services import audit_trail, books, integrity

pytestmark = pytest.mark.books_are_broken_on_purpose


@pytest.fixture
def hers(counter, ada):
    return counter.open(ada, "100.00")


@pytest.fixture
def his(counter, ben):
    return counter.open(ben, "100.00")


@pytest.fixture
def cut(db, counter, ada, hers, his, past_guards):
    """A transfer of which nothing is left: both accounts are as they were before it, to the last hash."""
    before = [as_it_is(db, account) for account in (hers, his)]
    moved = counter.transfer(ada, hers, his, "30.00", key="rent-3").transaction
    books.check_now(db, None)

    def cut_off():
        mine = f"transaction_id = x'{moved.id.hex}'"
        past_guards(
            f"DELETE FROM idempotency_keys WHERE {mine}",
            f"DELETE FROM postings WHERE {mine}",
            f"DELETE FROM transactions WHERE id = x'{moved.id.hex}'",
            *(
                f"UPDATE accounts SET balance = {row.balance}, version = {row.version}, head_hash = x'{row.head_hash}',"
                f" last_posted_at = '{row.last_posted_at}' WHERE id = {row.id}"
                for row in before
            ),
        )

    return cut_off


def as_it_is(db, account):
    with db.reading.connect() as connection:
        return connection.exec_driver_sql(
            f"SELECT id, balance, version, hex(head_hash) AS head_hash, last_posted_at FROM accounts"
            f" WHERE id = {account.id}"
        ).one()


def last_seal(db):
    return db.read(lambda session: session.execute(select(func.max(AuditSeal.number))).scalar_one())


def found(db):
    return {(violation.invariant, violation.subject) for violation in integrity.check(db).violations}


GONE = {(6, "transactions"), (6, "postings"), (6, "idempotency_keys")}


def test_entries_that_were_cut_off_are_missed(db, cut):
    assert found(db) == set()
    cut()
    assert found(db) == GONE


def test_what_comes_afterwards_does_not_fill_the_gap(db, counter, ada, hers, his, cut):
    cut()
    with clock.moved_to(clock.now() + timedelta(seconds=1)):
        for _ in range(3):
            counter.transfer(ada, hers, his, "1.00", key=f"other-{_}")
    assert found(db) == GONE


def test_it_is_missed_for_good(db, cut):
    cut()
    assert not books.check_now(db, None).ok
    assert not books.check_now(db, None).ok
    assert found(db) == GONE


def test_a_key_that_was_deleted_is_missed(db, counter, ada, hers, his, past_guards):
    counter.transfer(ada, hers, his, "1.00", key="rent-3")
    books.check_now(db, None)
    past_guards("DELETE FROM idempotency_keys")
    assert found(db) == {(6, "idempotency_keys")}


def test_before_the_first_check_nothing_is_known(db, counter, ada, hers, his, past_guards):
    counter.transfer(ada, hers, his, "1.00", key="rent-3")
    past_guards("DELETE FROM idempotency_keys")
    assert found(db) == set()


def test_a_trail_that_was_cut_off_is_missed(db, hers, past_guards):
    audit_trail.seal(db)
    books.check_now(db, None)
    newest = last_seal(db)
    past_guards(f"DELETE FROM audit_seals WHERE number = {newest}")
    assert found(db) == {(6, "audit_seals"), (6, f"audit seal {newest}")}


def test_a_trail_that_was_computed_anew_is_another(db, hers, past_guards):
    audit_trail.seal(db)
    books.check_now(db, None)
    newest = last_seal(db)
    past_guards(f"UPDATE audit_seals SET hash = x'{'cd' * 32}' WHERE number = {newest}")
    assert found(db) == {(6, f"audit seal {newest}")}


def test_what_was_counted_is_sealed_with_the_trail(db, auditor, hers):
    books.check_now(db, auditor)
    audit_trail.seal(db)
    recorded = select(AuditRecord.changes).where(AuditRecord.action == "books.check")
    changes = db.read(lambda session: session.execute(recorded).scalar_one())
    assert changes["rows"][1]["postings"] == 2
