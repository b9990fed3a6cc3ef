"""The auditor must be able to fail: each kind of lie, told by a client's journal or by the books, is found."""

import asyncio
from contextlib import contextmanager

import pytest
from sqlalchemy import text

from bank_app.domain import money
from bank_app.domain.identifiers import new_id
from bank_app.lab import auditor
from bank_app.lab.journal import Entry, Journal, State
from bank_app.lab.workload import Load, Plan
from bank_app.services import auth, transfers

broken = pytest.mark.books_are_broken_on_purpose


@pytest.fixture
def journal(cast, bank):
    """Twelve transfers that really happened."""
    return asyncio.run(Load(bank.address, cast, clients=2).run(count=12))


@pytest.fixture
def audited(db, cast, journal):
    """The findings, with the names of everything that is wrong."""

    def audit(*more):
        findings = auditor.audit(db, cast, journal, *more)
        names = ("lost", "doubled", "altered", "half", "refused_but_posted", "negative", "astray")
        return findings, {name for name in names if getattr(findings, name)}

    return audit


@pytest.fixture
def forge(db):
    """SQL by somebody who can do what the triggers refuse to everybody else."""

    @contextmanager
    def without_guards(connection):
        named = "SELECT name FROM sqlite_master WHERE type = 'trigger'" if db.embedded else (
            "SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema = DATABASE()"
        )  # fmt: skip
        for (name,) in connection.execute(text(named)).all():
            connection.execute(text(f"DROP TRIGGER {name}"))
        connection.execute(text("PRAGMA ignore_check_constraints = 1" if db.embedded else "SET foreign_key_checks = 0"))
        if not db.embedded:
            connection.execute(text("SET check_constraint_checks = 0"))
        yield
        connection.commit()

    def run(statement, **values):
        with db.writing.connect() as connection, without_guards(connection):
            assert connection.execute(text(statement), values).rowcount > 0
            # What was switched off belongs to the connection, and would go back into the pool with it.
            connection.commit()
            connection.invalidate()

    return run


def test_a_true_journal_of_right_books_is_in_order(audited, journal):
    findings, wrong = audited()
    assert findings.ok
    assert wrong == set()
    assert (findings.sent, findings.acknowledged, findings.imbalance_minor) == (12, 12, 0)
    assert findings.table().row_count == 13


# --- what clients may have been told ------------------------------------------------------------------


def test_an_acknowledgement_of_nothing_is_a_loss(audited, journal):
    invented = Entry("never-sent", journal.entries[0].actor_id, *pair(journal), 5, 0.0, state=State.ACKNOWLEDGED)
    invented.transaction_id = new_id()
    findings, wrong = audited(Journal(entries=[invented]))
    assert wrong == {"lost"}
    assert "never-sent" in findings.problems[0]


def test_an_acknowledgement_under_another_id_is_a_loss(audited, journal):
    journal.entries[3].transaction_id = journal.entries[4].transaction_id
    findings, wrong = audited()
    assert (findings.lost, wrong) == (1, {"lost"})


def test_an_acknowledgement_with_another_amount_is_altered_and_leaves_balances_astray(audited, journal):
    journal.entries[0].amount_minor += 1
    findings, wrong = audited()
    assert (findings.altered, wrong) == (1, {"altered", "astray"})
    assert findings.imbalance_minor == 0


def test_an_acknowledgement_between_other_accounts_is_altered(audited, journal, cast):
    journal.entries[0].target = next(one.number for one in cast.accounts if one.number not in pair(journal))
    assert audited()[1] == {"altered", "astray"}


def test_a_refusal_of_what_was_posted_is_found(audited, journal):
    journal.entries[2].state, journal.entries[2].code = State.REFUSED, "insufficient_funds"
    findings, wrong = audited()
    assert (findings.refused_but_posted, wrong) == (1, {"refused_but_posted"})
    assert findings.refused == {"insufficient_funds": 1}


def test_what_was_never_answered_may_be_there_or_not(audited, journal):
    journal.entries[0].state = State.UNKNOWN
    absent = Entry("absent", journal.entries[0].actor_id, *pair(journal), 5, 0.0)
    findings, wrong = audited(Journal(entries=[absent]))
    assert wrong == set()
    assert (findings.unknown, findings.unknown_posted) == (2, 1)


# --- what the books may have ---------------------------------------------------------------------------


def test_the_same_movement_under_two_keys_is_doubled(db, audited, journal):
    """A bank that forgets its keys posts a repetition again, with the same description."""
    entry = journal.entries[0]
    actor = db.read(lambda session: auth.find(session, "teller@load.test"))
    amount = money.Amount.of(money.to_text(entry.amount_minor, "USD"))
    again = transfers.Transfer(entry.source, entry.target, amount, description=entry.key)
    transfers.move(db, actor, again, key="another")
    findings, wrong = audited()
    assert findings.doubled == 1
    assert wrong == {"doubled"}


def test_money_that_moved_without_a_word_to_anybody_leaves_balances_astray(db, audited, cast):
    actor = db.read(lambda session: auth.find(session, cast.teller.email))
    transfers.move(db, actor, transfers.Deposit(cast.accounts[0].number, money.Amount.of("1.00")))
    findings, wrong = audited()
    assert wrong == {"astray"}
    assert findings.imbalance_minor == 100


@broken
def test_a_vanished_transaction_is_lost(audited, journal, forge):
    gone = {"id": journal.entries[0].transaction_id.bytes}
    forge("DELETE FROM idempotency_keys WHERE transaction_id = :id", **gone)
    forge("DELETE FROM postings WHERE transaction_id = :id", **gone)
    forge("DELETE FROM transactions WHERE id = :id", **gone)
    findings, wrong = audited()
    assert findings.lost == 1
    assert wrong >= {"lost", "astray"}
    assert findings.broken_invariants


@broken
def test_a_forgotten_key_is_a_loss(audited, journal, forge):
    forge("DELETE FROM idempotency_keys WHERE transaction_id = :id", id=journal.entries[0].transaction_id.bytes)
    findings, wrong = audited()
    assert (findings.lost, wrong) == (1, {"lost"})


@broken
def test_a_missing_side_is_half_a_movement(audited, journal, forge):
    entry = journal.entries[0]
    statement = "DELETE FROM postings WHERE transaction_id = :id AND account_id = :account"
    forge(statement, id=entry.transaction_id.bytes, account=entry.target)
    assert audited()[0].half == 1


@broken
def test_another_amount_in_the_books_is_altered(audited, journal, forge):
    forge("UPDATE postings SET amount = amount + 1 WHERE transaction_id = :id",
          id=journal.entries[0].transaction_id.bytes)  # fmt: skip
    findings, wrong = audited()
    assert wrong == {"altered"}
    assert findings.broken_invariants


@broken
def test_an_account_below_zero_is_found_now_and_in_the_past(audited, cast, forge):
    forge("UPDATE accounts SET balance = -1 WHERE id = :id", id=cast.accounts[0].number)
    forge("UPDATE postings SET balance_after = -1 WHERE account_id = :id AND sequence = 1", id=cast.accounts[1].number)
    findings, wrong = audited()
    assert findings.negative == 2
    assert wrong == {"negative", "astray"}


@broken
def test_the_banks_own_check_is_part_of_the_findings(audited, cast, forge):
    forge("UPDATE postings SET hash = :zero WHERE account_id = :id", zero=bytes(32), id=cast.accounts[0].number)
    findings, wrong = audited()
    assert wrong == set()
    assert not findings.ok
    assert any("invariant 9" in sentence for sentence in findings.broken_invariants)


def test_a_balance_is_judged_by_what_was_sent_and_not_by_what_is_written(audited, journal, cast, db, bank):
    """Two loads on the same books: leaving the journal of one out looks like money that moved by itself."""
    other = asyncio.run(Load(bank.address, cast, Plan(seed="2")).run(count=5))
    assert audited()[1] == {"astray"}
    assert audited(other)[0].ok


def pair(journal):
    """The accounts of the first entry."""
    return journal.entries[0].source, journal.entries[0].target
