"""Reversing as the bank's people do it on a page: what it would do, by the ledger's own rules, and once."""

import pytest
from sqlalchemy import select

from bank_app import errors
from bank_app.domain.accounting import AccountStatus, FrozenFor
from bank_app.domain.identifiers import new_id
from bank_app.models import AuditRecord
from bank_app.services import reversals
from bank_app.services.reasons import Cause


@pytest.fixture
def sent(counter, ada, ben):
    hers, his = counter.open(ada, "100.00"), counter.open(ben)
    return hers, his, counter.transfer(ada, hers, his, "30.00").transaction


@pytest.fixture
def preview(db):
    def look(actor, transaction_id):
        return db.read(lambda session: reversals.preview(session, actor, transaction_id))

    return look


@pytest.fixture
def post(db):
    def reverse(actor, transaction_id, reason="Meant for somebody else", key=None, cause=Cause.MISTAKE):
        return reversals.post(db, actor, transaction_id, cause=cause, reason=reason, key=key or f"reverse:{new_id()}")

    return reverse


def test_a_preview_says_what_both_sides_would_have(counter, preview, ben, teller, sent):
    hers, his, moved = sent
    counter.hold(ben, his, "5.00")
    counter.change(teller, his, overdraft_limit="50.00")
    seen = preview(teller, moved.id)
    assert [(e.number, e.owner_name, e.available_minor, e.change_minor, e.after_minor) for e in seen.effects] == [
        (his.number, "Ben Ito", 7500, -3000, 4500),
        (hers.number, "Ada Lindqvist", 7000, 3000, 10000),
    ]
    assert (seen.refusal, seen.earlier, seen.transaction.id) == (None, None, moved.id)


def test_a_preview_moves_nothing(counter, preview, teller, sent):
    hers, his, moved = sent
    preview(teller, moved.id)
    assert (counter.balance(hers), counter.balance(his)) == ("70.00", "30.00")


def test_a_preview_of_cash_has_no_balance_of_the_bank(counter, preview, ada, teller):
    account = counter.open(ada, "100.00")
    moved = counter.withdraw(ada, account, "10.00").transaction
    cash, hers = preview(teller, moved.id).effects
    assert (cash.number, cash.owner_id, cash.available_minor, cash.after_minor) == ("cash", None, None, None)
    assert (hers.available_minor, hers.after_minor) == (9000, 10000)


def frozen(counter, teller, hers, his):
    counter.change(teller, his, status=AccountStatus.FROZEN)


def frozen_for_all(counter, teller, hers, his):
    counter.change(teller, hers, status=AccountStatus.FROZEN, frozen_for=FrozenFor.ALL)


def emptied(counter, teller, hers, his):
    counter.withdraw(teller, his, "20.00")


def put_aside(counter, teller, hers, his):
    counter.hold(teller, his, "20.00")


def closed(counter, teller, hers, his):
    counter.withdraw(teller, hers, "70.00")
    counter.change(teller, hers, status=AccountStatus.CLOSED)


@pytest.mark.parametrize("obstacle", [frozen, frozen_for_all, emptied, put_aside, closed])
def test_a_preview_refuses_what_the_ledger_refuses(counter, preview, post, teller, sent, obstacle):
    hers, his, moved = sent
    obstacle(counter, teller, hers, his)
    seen = preview(teller, moved.id).refusal
    with pytest.raises(errors.Refused) as refusal:
        post(teller, moved.id)
    assert (seen.code, seen.detail, seen.details) == (refusal.value.code, refusal.value.detail, refusal.value.details)


def test_who_reversed_it_and_when_is_known_afterwards(preview, post, teller, admin, sent):
    moved = sent[2]
    reversal = post(teller, moved.id).transaction
    seen = preview(admin, moved.id)
    assert (seen.earlier.id, seen.earlier.by_name, seen.earlier.at) == (reversal.id, teller.name, reversal.created_at)
    assert seen.refusal.code == "already_reversed"


def test_the_cause_stands_in_the_audit_log_before_the_reason(db, post, teller, sent):
    post(teller, sent[2].id, "  Ben agreed by phone  ", cause=Cause.TWICE)
    record = db.read(
        lambda session: session.execute(
            select(AuditRecord).where(AuditRecord.action == "transaction.reverse")
        ).scalar_one()
    )
    assert record.reason == "Sent twice: Ben agreed by phone"


@pytest.mark.parametrize("reason", ["", "too short", "         x         ", "r" * 301])
def test_a_reason_says_something_and_fits_the_log(counter, post, teller, sent, reason):
    with pytest.raises(errors.Invalid) as refusal:
        post(teller, sent[2].id, reason)
    assert refusal.value.details["errors"][0]["field"] == "reason"
    assert counter.balance(sent[0]) == "70.00"


def test_only_tellers_see_or_do_it(counter, preview, post, ada, eve, auditor, sent):
    for actor, error in (
        (ada, errors.Forbidden), (auditor, errors.Forbidden), (eve, errors.TransactionNotFound),
    ):  # fmt: skip
        for attempt in (preview, post):
            with pytest.raises(error):
                attempt(actor, sent[2].id)
    assert counter.balance(sent[0]) == "70.00"


def test_a_reversal_has_no_preview(preview, post, teller, sent):
    reversal = post(teller, sent[2].id).transaction
    with pytest.raises(errors.Invalid, match="cannot be reversed"):
        preview(teller, reversal.id)


def test_pressing_twice_reverses_once(counter, post, teller, sent):
    first, again = (post(teller, sent[2].id, key="reverse:page") for _ in range(2))
    assert (first.replayed, again.replayed) == (False, True)
    assert again.transaction.id == first.transaction.id
    assert counter.balance(sent[0]) == "100.00"


def test_of_many_operators_at_once_one_wins(counter, post, at_once, codes, teller, admin, sent):
    outcomes = at_once(lambda index: post(teller if index % 2 else admin, sent[2].id), 8)
    assert sorted(codes(outcomes)) == ["already_reversed"] * 7 + ["ok"]
    assert (counter.balance(sent[0]), counter.balance(sent[1])) == ("100.00", "0.00")
