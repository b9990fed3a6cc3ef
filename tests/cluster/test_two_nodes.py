"""Two nodes decide about the same accounts at once. Locks are a node's own; only what is written is compared.

Every decision of the ledger therefore rests on rows that it writes, and these races would show one that does not.
"""

from functools import partial

import pytest
from sqlalchemy import func, select

from bank_app.domain import money
from bank_app.domain.accounting import AccountStatus
from bank_app.errors import BankError
from bank_app.models import ACCOUNTS
from bank_app.services import accounts, cash, transfers

ROUNDS = 25
# Cash in stripes; fees, interest and suspense.
OF_A_CURRENCY = cash.STRIPES + 3


@pytest.fixture
def hers(counter, ada):
    return counter.open(ada, "100.00")


@pytest.fixture
def his(counter, ben):
    return counter.open(ben, "100.00")


@pytest.fixture
def pay():
    """One transfer through the bank of a node."""

    def one(view, actor, source, target, amount, key=None):
        movement = transfers.Transfer(source.id, target.id, money.Amount.of(amount))
        return transfers.move(view, actor, movement, key=key)

    return one


@pytest.fixture
def change():
    """Another state of an account, through the bank of a node."""

    def one(view, teller, account, status):
        return view.unit_of_work(
            lambda session: accounts.change_account(
                session, teller, account.id, status=status, reason="A test wants it"
            )
        )

    return one


def balance(view, actor, account):
    return view.read(lambda session: accounts.get_account(session, actor, account.id).balance_minor)


def test_what_one_node_acknowledged_is_read_on_the_others(views, ada, ben, hers, his, pay):
    for step in range(ROUNDS * 4):
        there = views[step % 3]
        source, target, actor = ((hers, his, ada), (his, hers, ben))[step % 2]
        pay(there, actor, source, target, "1.00")
        assert {balance(view, ada, hers) for view in views} == {9900 if step % 2 == 0 else 10000}


def test_money_that_came_in_on_one_node_can_be_spent_on_another_at_once(views, ada, ben, hers, his, pay):
    """A refusal writes no balance, so nothing would compare it: it must not be decided on an old one."""
    pay(views[0], ada, hers, his, "100.00")
    for step in range(ROUNDS * 2):
        here, there = views[step % 3], views[(step + 1) % 3]
        pay(here, ben, his, hers, "100.00")
        pay(there, ada, hers, his, "100.00", key=f"spend-{hers.id}-{step}")


def test_an_account_is_not_overdrawn_from_two_nodes_at_once(views, counter, ada, hers, his, pay, at_once, codes):
    for step in range(ROUNDS):
        answers = at_once(lambda index: pay(views[index], ada, hers, his, "60.00"), 2)
        assert sorted(codes(answers)) == ["insufficient_funds", "ok"]
        assert counter.balance(hers) == "40.00"
        counter.deposit(ada, hers, "60.00", key=f"back-{hers.id}-{step}")


def test_a_key_that_two_nodes_get_at_once_has_one_effect(views, counter, ada, hers, his, pay, at_once):
    for step in range(ROUNDS):
        key = f"{hers.id}-{step}"
        told = at_once(lambda index, key=key: pay(views[index], ada, hers, his, "1.00", key=key), 3)
        assert not [answer for answer in told if isinstance(answer, BankError)]
        assert len({answer.transaction.id for answer in told}) == 1
        assert sorted(answer.replayed for answer in told) == [False, True, True]
    assert counter.balance(hers) == f"{100 - ROUNDS}.00"


def test_an_account_that_is_closed_on_one_node_gets_no_money_from_another(
    views, counter, ada, ben, teller, his, pay, change, at_once, codes
):
    for _ in range(ROUNDS):
        empty = counter.open(ada)

        def work(index, empty=empty):
            if index:
                return change(views[1], teller, empty, AccountStatus.CLOSED)
            return pay(views[0], ben, his, empty, "0.01")

        answers = codes(at_once(work, 2))
        assert answers in (["ok", "account_not_empty"], ["account_closed", "ok"])


def test_an_account_that_is_frozen_on_one_node_is_frozen_on_the_others(views, ada, teller, hers, his, pay, change):
    for step in range(ROUNDS):
        here, there = views[step % 3], views[(step + 1) % 3]
        change(here, teller, hers, AccountStatus.FROZEN)
        with pytest.raises(BankError) as refusal:
            pay(there, ada, hers, his, "0.01")
        assert refusal.value.code == "account_frozen"
        change(there, teller, hers, AccountStatus.OPEN)
        pay(here, ada, hers, his, "0.01")


def test_two_nodes_do_not_reverse_a_transaction_twice(views, ada, teller, hers, his, pay, at_once, codes):
    for _ in range(ROUNDS):
        moved = pay(views[0], ada, hers, his, "1.00")

        def reverse(index, moved=moved):
            return transfers.move(views[index], teller, transfers.Reverse(moved.transaction.id, "Sent by mistake"))

        assert sorted(codes(at_once(reverse, 2))) == ["already_reversed", "ok"]


def test_a_node_that_never_saw_the_first_account_of_a_currency_makes_no_second_set(
    views, counter, ada, teller, at_once
):
    """The bank's own accounts of a currency have given numbers: the key stops the second node."""

    def open_in(currency):
        def one(index):
            return views[index].unit_of_work(
                lambda session: accounts.open_account(
                    session, teller, settings=views[index].settings, currency=currency, initial_balance="5.00",
                    owner_id=ada.user_id,
                )
            )  # fmt: skip

        return one

    for currency in ("CHF", "SEK", "NOK", "DKK", "PLN"):
        opened = at_once(open_in(currency), 3)
        assert not [answer for answer in opened if isinstance(answer, BankError)]
        assert views[2].read(partial(own_accounts_of_the_bank, currency=currency)) == OF_A_CURRENCY


def own_accounts_of_the_bank(session, currency):
    query = select(func.count()).where(ACCOUNTS.c.currency == currency, ACCOUNTS.c.owner_id.is_(None))
    return session.execute(query).scalar_one()
