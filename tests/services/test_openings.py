"""Opening an account with a key: one account and one deposit, however often and by however many it is asked for."""

import pytest
from sqlalchemy import func, select

from bank_app import errors
from bank_app.domain.accounting import AccountKind, AccountStatus
from bank_app.models import Account, IdempotencyKey, Transaction
from bank_app.services import integrity, openings, rules, transfers
from bank_app.services.openings import Opening

RENT = Opening(initial_balance="5.00", nickname="Rent")


@pytest.fixture
def ask(db):
    """Asks for an account: `ask(ada, RENT, key="k")`."""
    return lambda actor, opening=RENT, **more: openings.open_account(db, actor, opening, **more)


@pytest.fixture
def owned(db):
    """How many accounts of customers there are, and how many transactions."""

    def counts():
        accounts = select(func.count()).select_from(Account).where(Account.owner_id.is_not(None))
        moved = select(func.count()).select_from(Transaction)
        return db.read(lambda session: (session.execute(accounts).scalar_one(), session.execute(moved).scalar_one()))

    return counts


@pytest.mark.parametrize("opening", [RENT, Opening(), Opening(initial_balance="0", kind=AccountKind.SAVINGS)])
def test_the_same_request_with_the_same_key_opens_one_account(ask, owned, db, ada, opening):
    first, again = ask(ada, opening, key="k"), ask(ada, opening, key="k")
    assert (first.replayed, again.replayed) == (False, True)
    assert again.account == first.account
    assert owned() == (1, 1 if opening is RENT else 0)
    assert integrity.check(db).ok


def test_without_a_key_there_are_two(ask, owned, ada):
    assert ask(ada).account.id != ask(ada).account.id
    assert owned() == (2, 2)


def test_the_first_answer_stands_whatever_becomes_of_the_account(ask, counter, ada, teller):
    first = ask(ada, key="k").account
    counter.withdraw(ada, first, "2.00")
    counter.hold(ada, first, "1.00")
    counter.change(ada, first, nickname="Other")
    counter.change(teller, first, overdraft_limit="9.00", transfer_limit="3.00", daily_limit="3.00")
    counter.change(teller, first, status=AccountStatus.FROZEN)
    assert ask(ada, key="k").account == first


def test_the_name_that_the_bank_made_up_belongs_to_the_first_answer(ask, counter, ada):
    ask(ada, Opening(), key="first")
    second = ask(ada, Opening(), key="second").account
    assert (second.nickname, second.title) == ("Everyday 2", "Everyday 2")
    counter.change(ada, second, nickname="Other")
    assert ask(ada, Opening(), key="second").account == second


@pytest.mark.parametrize(
    "other",
    [
        Opening(), Opening(initial_balance="5.01", nickname="Rent"), Opening(initial_balance="5.00", nickname="Rents"),
        Opening(initial_balance="5.00", nickname="Rent", currency="EUR"),
        Opening(initial_balance="5.00", nickname="Rent", kind=AccountKind.SAVINGS),
    ],
)  # fmt: skip
def test_another_account_under_the_same_key_is_refused(ask, owned, ada, other):
    ask(ada, key="k")
    with pytest.raises(errors.IdempotencyKeyReused):
        ask(ada, other, key="k")
    assert owned() == (1, 1)


def test_a_key_is_used_for_an_account_or_for_a_movement_and_never_for_both(ask, owned, counter, db, ada):
    account = ask(ada, key="account first").account
    moved = counter.deposit(ada, account, "5.00", key="deposit first")
    held = counter.hold(ada, account, "1.00", key="hold first")
    for key in ("deposit first", "hold first"):
        with pytest.raises(errors.IdempotencyKeyReused):
            ask(ada, key=key)
    for other in (
        lambda: counter.deposit(ada, account, "5.00", key="account first"),
        lambda: counter.hold(ada, account, "1.00", key="account first"),
        lambda: counter.release(ada, held, key="account first"),
        lambda: counter.capture(ada, held, key="account first"),
        lambda: transfers.outcome_of(db, ada, transfers.Reverse(moved.transaction.id, "why"), key="account first"),
    ):
        with pytest.raises(errors.IdempotencyKeyReused):
            other()
    assert owned() == (1, 2)
    assert counter.balance(account) == "10.00"


def test_one_key_of_two_people_is_two_keys(ask, ada, ben):
    assert not ask(ben, key="k").replayed
    assert not ask(ada, key="k").replayed


def test_a_key_that_is_sent_by_twenty_at_once_is_one_account_and_twenty_equal_answers(ask, owned, db, ada, at_once):
    answers = at_once(lambda _: ask(ada, key="k"), 20)
    assert [answer.account for answer in answers] == [answers[0].account] * 20
    assert sum(not answer.replayed for answer in answers) == 1
    assert owned() == (1, 1)
    assert integrity.check(db).ok


def test_an_account_and_a_movement_that_race_for_one_key_are_one_of_them(ask, owned, counter, ada, at_once, codes):
    account = counter.open(ada, "1.00")
    answers = at_once(lambda i: ask(ada, key="k") if i % 2 else counter.deposit(ada, account, "5.00", key="k"), 8)
    assert codes(answers).count("ok") == 4
    assert set(codes(answers)) == {"ok", "idempotency_key_reused"}
    assert owned() in [(2, 2), (1, 2)]


def test_a_refusal_stands_for_its_key_and_leaves_no_account(ask, owned, db, ada, monkeypatch):
    monkeypatch.setattr(rules, "MAX_BALANCE", 499)
    told = []
    for _ in range(2):
        with pytest.raises(errors.LimitExceeded) as refused:
            ask(ada, key="k")
        told.append((refused.value.replayed, refused.value.detail))
    assert [replayed for replayed, _ in told] == [False, True]
    assert told[0][1] == told[1][1]
    monkeypatch.undo()
    with pytest.raises(errors.LimitExceeded):
        ask(ada, key="k")
    assert owned() == (0, 0)
    assert not ask(ada, key="anew").replayed


def test_a_refused_key_sent_by_many_at_once_is_refused_alike(ask, owned, db, ada, at_once, monkeypatch):
    monkeypatch.setattr(rules, "MAX_BALANCE", 499)
    answers = at_once(lambda _: ask(ada, key="k"), 8)
    assert {(answer.code, answer.detail) for answer in answers} == {("limit_exceeded", answers[0].detail)}
    assert sum(not answer.replayed for answer in answers) == 1
    assert owned() == (0, 0)


def test_what_may_be_different_next_time_is_not_recorded(ask, db, ada, auditor):
    with pytest.raises(errors.Forbidden):
        ask(auditor, key="k")
    with pytest.raises(errors.InvalidAmount):
        ask(ada, Opening(initial_balance="1.001"), key="k")
    assert db.read(lambda s: s.execute(select(func.count()).select_from(IdempotencyKey)).scalar_one()) == 0
    assert not ask(ada, key="k").replayed


def test_the_key_names_the_opening_deposit(ask, db, ada):
    ask(ada, key="k")
    moved = db.read(lambda session: session.execute(select(Transaction.id)).scalar_one())
    assert db.read(lambda session: transfers.key_of(session, ada, moved)) == "k"
