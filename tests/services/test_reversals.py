"""Reversals: a new transaction that mirrors another, once, by a teller who says why."""

import pytest
from sqlalchemy import select

from bank_app import errors
from bank_app.domain.accounting import AccountStatus, Direction, TransactionType
from bank_app.domain.identifiers import new_id
from bank_app.models import AuditRecord
from bank_app.services import transfers


@pytest.fixture
def sent(counter, ada, ben):
    hers, his = counter.open(ada, "100.00"), counter.open(ben)
    return hers, his, counter.transfer(ada, hers, his, "30.00", description="Concert")


def test_a_reversal_puts_both_balances_back_and_leaves_the_original(counter, db, teller, sent):
    hers, his, moved = sent
    reversal = counter.reverse(teller, moved).transaction
    assert (counter.balance(hers), counter.balance(his)) == ("100.00", "0.00")
    assert (reversal.type, reversal.reverses, reversal.description) == (
        TransactionType.REVERSAL, moved.transaction.id, "Concert",
    )  # fmt: skip
    original = db.read(lambda session: transfers.get_transaction(session, teller, moved.transaction.id))
    assert original.reversed_by == reversal.id
    assert original.hash == moved.transaction.hash


def test_a_reversal_debits_what_was_credited(counter, teller, sent):
    hers, his, moved = sent
    debit, credit = counter.reverse(teller, moved).transaction.postings
    assert (debit.account_id, debit.direction) == (his.number, Direction.DEBIT)
    assert (credit.account_id, credit.direction) == (hers.number, Direction.CREDIT)


@pytest.mark.parametrize("move", ["deposit", "withdraw"])
def test_cash_is_reversed_against_the_cash_account_it_came_from(counter, ada, teller, move):
    account = counter.open(ada, "100.00")
    counter.reverse(teller, getattr(counter, move)(ada, account, "10.00"))
    assert counter.balance(account) == "100.00"


def test_a_transaction_is_reversed_once(counter, teller, sent):
    hers, _, moved = sent
    counter.reverse(teller, moved)
    with pytest.raises(errors.AlreadyReversed):
        counter.reverse(teller, moved)
    assert counter.balance(hers) == "100.00"


def test_a_reversal_is_not_reversed(counter, teller, sent):
    reversal = counter.reverse(teller, sent[2])
    with pytest.raises(errors.Invalid, match="cannot be reversed"):
        counter.reverse(teller, reversal)


def test_money_that_the_receiver_no_longer_has_is_not_taken_back(counter, ben, teller, sent):
    hers, his, moved = sent
    counter.withdraw(ben, his, "0.01")
    with pytest.raises(errors.InsufficientFunds) as refusal:
        counter.reverse(teller, moved)
    assert refusal.value.details["shortfall"] == "0.01"
    counter.deposit(ben, his, "0.01")
    counter.reverse(teller, moved)
    assert counter.balance(hers) == "100.00"


def test_an_account_that_was_closed_since_keeps_its_reversal_out(counter, ben, teller, sent):
    _, his, moved = sent
    counter.withdraw(ben, his, "30.00")
    counter.change(teller, his, status=AccountStatus.CLOSED)
    with pytest.raises(errors.AccountClosed):
        counter.reverse(teller, moved)


def test_the_reason_of_a_reversal_is_in_the_audit_log(counter, db, teller, sent):
    reversal = counter.reverse(teller, sent[2], "  Paid twice ")
    record = db.read(
        lambda session: session.execute(
            select(AuditRecord).where(AuditRecord.action == "transaction.reverse")
        ).scalar_one()
    )
    assert (record.actor_id, record.reason) == (teller.user_id, "Paid twice")
    assert record.object == f"transaction {sent[2].transaction.id}"
    assert record.changes == {"reversed_by": [None, str(reversal.transaction.id)]}


@pytest.mark.parametrize("reason", ["", "  ", "r" * 301])
def test_a_reversal_has_a_reason_that_fits_the_audit_log(counter, teller, sent, reason):
    with pytest.raises(errors.Invalid) as refusal:
        counter.reverse(teller, sent[2], reason)
    assert refusal.value.details["errors"][0]["field"] == "reason"


def test_a_customer_reverses_nothing_and_a_stranger_learns_nothing(counter, ada, ben, eve, auditor, sent):
    for actor, error in (
        (ada, errors.Forbidden),
        (ben, errors.Forbidden),
        (auditor, errors.Forbidden),
        (eve, errors.TransactionNotFound),
    ):
        with pytest.raises(error):
            counter.reverse(actor, sent[2])


def test_what_does_not_exist_is_not_reversed(counter, teller):
    with pytest.raises(errors.TransactionNotFound):
        counter.move(teller, transfers.Reverse(new_id(), "Why not"))


def test_a_reversal_is_replayed_under_its_key_with_one_audit_record(counter, db, teller, sent):
    first, again = (counter.reverse(teller, sent[2], key="undo") for _ in range(2))
    assert again.replayed
    assert again.transaction.id == first.transaction.id
    records = db.read(
        lambda session: session.execute(select(AuditRecord).where(AuditRecord.action == "transaction.reverse")).all()
    )
    assert len(records) == 1
