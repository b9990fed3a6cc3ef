"""One effect per key: the answer to a key is the same for ever, a refusal included."""

from collections import UserDict
from types import MappingProxyType

import pytest
from sqlalchemy import func, select

from bank_app import errors
from bank_app.domain import money
from bank_app.domain.accounting import AccountStatus
from bank_app.models import IdempotencyKey, Transaction
from bank_app.services import transfers


@pytest.fixture
def hers(counter, ada):
    return counter.open(ada, "100.00")


@pytest.fixture
def his(counter, ben):
    return counter.open(ben)


def count(db, model):
    return db.read(lambda session: session.execute(select(func.count()).select_from(model)).scalar_one())


def refused(error, attempt):
    with pytest.raises(error) as refusal:
        attempt()
    return refusal.value


def test_the_same_key_moves_money_once_and_answers_twice(counter, ada, hers, his):
    first = counter.transfer(ada, hers, his, "10.00", key="rent", description="Rent", metadata={"b": 1, "a": 2})
    again = counter.transfer(ada, hers, his, "10.00", key="rent", description="Rent", metadata={"a": 2, "b": 1})
    assert (first.replayed, again.replayed) == (False, True)
    assert again.transaction == first.transaction
    assert counter.balance(hers) == "90.00"


def test_a_replay_shows_the_balances_of_then(counter, ada, hers, his):
    counter.transfer(ada, hers, his, "10.00", key="rent")
    counter.withdraw(ada, hers, "50.00")
    again = counter.transfer(ada, hers, his, "10.00", key="rent")
    assert again.transaction.postings[0].balance_after_minor == 9000


def test_a_refusal_is_still_refused_after_the_money_arrived(counter, ada, hers, his):
    def attempt():
        counter.transfer(ada, hers, his, "150.00", key="rent")

    first = refused(errors.InsufficientFunds, attempt)
    counter.deposit(ada, hers, "1000.00")
    again = refused(errors.InsufficientFunds, attempt)
    assert (first.replayed, again.replayed) == (False, True)
    assert (again.detail, again.details) == (first.detail, first.details)
    assert counter.balance(hers) == "1100.00"


def test_without_a_key_the_same_request_moves_money_twice(counter, ada, hers, his):
    for _ in range(2):
        counter.transfer(ada, hers, his, "10.00")
    assert counter.balance(hers) == "80.00"


@pytest.mark.parametrize(
    "change", [{"amount": "10.01"}, {"description": "Other"}, {"metadata": {"a": 2}}, {"if_version": 1}]
)
def test_a_key_is_not_used_for_another_request(counter, ada, hers, his, change):
    request = {"amount": "10.00", "description": "Rent", "metadata": {"a": 1}}
    counter.transfer(ada, hers, his, **request, key="rent")
    error = refused(
        errors.IdempotencyKeyReused, lambda: counter.transfer(ada, hers, his, **(request | change), key="rent")
    )
    assert not error.replayed
    assert counter.balance(hers) == "90.00"


def test_a_key_is_not_used_for_another_operation_or_the_other_direction(counter, ada, hers):
    savings = counter.open(ada, "100.00")
    counter.transfer(ada, hers, savings, "10.00", key="k")
    refused(errors.IdempotencyKeyReused, lambda: counter.transfer(ada, savings, hers, "10.00", key="k"))
    refused(errors.IdempotencyKeyReused, lambda: counter.withdraw(ada, hers, "10.00", key="k"))


def test_a_key_belongs_to_the_person_who_used_it(counter, ada, ben, hers, his):
    counter.deposit(ben, his, "50.00")
    mine = counter.transfer(ada, hers, his, "10.00", key="k")
    theirs = counter.transfer(ben, his, hers, "20.00", key="k")
    assert not theirs.replayed
    assert theirs.transaction.id != mine.transaction.id


@pytest.mark.parametrize("key", ["K", "k ", "k%", "kk"])
def test_keys_are_compared_byte_by_byte(counter, ada, hers, his, key):
    counter.transfer(ada, hers, his, "10.00", key="k")
    assert not counter.transfer(ada, hers, his, "10.00", key=key).replayed


def test_a_key_of_255_characters_is_kept_whole(counter, ada, hers, his):
    keys = ["k" * 254 + "1", "k" * 254 + "2"]
    assert [counter.transfer(ada, hers, his, "10.00", key=key).replayed for key in keys + keys] == [
        False, False, True, True,
    ]  # fmt: skip


def test_not_found_is_not_recorded(counter, ada, ben, hers, db):
    missing = transfers.Transfer(hers.id, 1234567889, money.Amount.of("1.00"))
    refused(errors.AccountNotFound, lambda: counter.move(ada, missing, key="k"))
    assert count(db, IdempotencyKey) == 0
    his = counter.open(ben)
    counter.transfer(ada, hers, his, "1.00", key="k")
    assert counter.balance(his) == "1.00"


def test_forbidden_and_a_wrong_amount_are_not_recorded(counter, db, ada, auditor, hers, his):
    refused(errors.Forbidden, lambda: counter.transfer(auditor, hers, his, "1.00", key="k"))
    refused(errors.InvalidAmount, lambda: counter.transfer(ada, hers, his, "1.001", key="k"))
    assert count(db, IdempotencyKey) == 0
    counter.transfer(ada, hers, his, "1.00", key="k")


@pytest.mark.parametrize(
    ("code", "arrange", "undo"),
    [
        ("account_frozen", {"status": AccountStatus.FROZEN}, {"status": AccountStatus.OPEN}),
        ("insufficient_funds", {}, {"overdraft_limit": "1000.00"}),
    ],
)
def test_every_business_refusal_stands_whatever_changes_later(counter, ada, teller, hers, his, code, arrange, undo):
    counter.change(teller, hers, **arrange)
    for replayed in (False, True):
        error = refused(errors.Refused, lambda: counter.transfer(ada, hers, his, "500.00", key="k"))
        assert (error.code, error.replayed) == (code, replayed)
        counter.change(teller, hers, **undo)
    assert counter.balance(his) == "0.00"


def test_a_receiver_that_is_closed_and_a_version_that_passed_are_recorded_too(counter, ada, teller, hers, his):
    closed = counter.open(ada)
    counter.change(teller, closed, status=AccountStatus.CLOSED)
    for code, target, more in (
        ("account_closed", closed, {}),
        ("precondition_failed", his, {"if_version": 0}),
        ("currency_mismatch", counter.open(ada, currency="EUR"), {}),
    ):
        answers = [
            refused(errors.Refused, lambda: counter.transfer(ada, hers, target, "1.00", key=code, **more))  # noqa: B023
            for _ in range(2)
        ]
        assert [(answer.code, answer.replayed) for answer in answers] == [(code, False), (code, True)]
        assert answers[0].details == answers[1].details


def test_what_became_of_a_key_can_be_asked_without_moving_anything(counter, db, ada, hers, his):
    movement = transfers.Transfer(hers.id, his.id, money.Amount.of("10.00"))
    assert transfers.outcome_of(db, ada, movement, key="k") is None
    moved = counter.move(ada, movement, key="k")
    found = transfers.outcome_of(db, ada, movement, key="k")
    assert found.replayed
    assert found.transaction == moved.transaction
    assert count(db, Transaction) == 2


def test_what_became_of_a_refused_key_is_the_refusal(counter, db, ada, hers, his):
    movement = transfers.Transfer(hers.id, his.id, money.Amount.of("500.00"))
    refused(errors.InsufficientFunds, lambda: counter.move(ada, movement, key="k"))
    assert refused(errors.InsufficientFunds, lambda: transfers.outcome_of(db, ada, movement, key="k")).replayed
    other = transfers.Transfer(hers.id, his.id, money.Amount.of("5.00"))
    refused(errors.IdempotencyKeyReused, lambda: transfers.outcome_of(db, ada, other, key="k"))


@pytest.mark.parametrize("wrap", [UserDict, MappingProxyType])
@pytest.mark.parametrize("metadata", [{}, {"flat": [4]}])
def test_a_movement_has_one_fingerprint_whatever_kind_of_mapping_holds_its_metadata(wrap, metadata):
    """Pages keep movements in state, which wraps what it holds."""
    amount = money.Amount.of("30.00")
    plain, wrapped = (transfers.Deposit(1929610234, amount, metadata=metadata) for _ in range(2))
    object.__setattr__(wrapped, "metadata", wrap(metadata))
    assert wrapped.fingerprint() == plain.fingerprint()
