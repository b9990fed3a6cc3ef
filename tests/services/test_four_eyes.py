"""Nobody serves himself: on their own accounts the bank's people are customers, and a colleague does the rest."""

import asyncio

import pytest

from bank_app import errors
from bank_app.domain import money
from bank_app.domain.accounting import AccountStatus, FrozenFor, Role
from bank_app.services import account_decisions, accounts, batches, holds, reversals, transfers

WHY = "Asked for by phone"
ONE = money.Amount.of("1.00")


@pytest.fixture(params=["teller", "admin"])
def clerk(request, teller, admin):
    return {"teller": teller, "admin": admin}[request.param]


@pytest.fixture
def colleague(register):
    return register("Mo Hassan", Role.TELLER)


@pytest.fixture
def own(counter, clerk):
    return counter.open(clerk, "100.00")


@pytest.fixture
def hers(counter, ada):
    return counter.open(ada, "100.00")


@pytest.fixture
def strict(another):
    """A bank whose customers do not handle cash."""
    return another(self_service_cash=False)


def turned_away(attempt):
    with pytest.raises(errors.OwnAccount) as refusal:
        attempt()
    assert refusal.value.code == "forbidden"
    assert "colleague" in refusal.value.detail


DECISIONS = [
    ("freeze", {"scope": FrozenFor.ALL}),
    ("unfreeze", {}),
    ("close", {}),
    ("set_limits", {"limits": {"overdraft_limit": "1000.00"}}),
]


@pytest.mark.parametrize(("decision", "more"), DECISIONS)
def test_nobody_decides_about_an_account_of_his_own(db, clerk, own, decision, more):
    decide = getattr(account_decisions, decision)
    turned_away(lambda: db.unit_of_work(lambda session: decide(session, clerk, own.id, reason=WHY, **more)))


def test_a_colleague_decides_about_it(db, counter, colleague, own):
    db.unit_of_work(
        lambda session: account_decisions.freeze(session, colleague, own.id, scope=FrozenFor.ALL, reason=WHY)
    )
    assert counter.account(own).status is AccountStatus.FROZEN


def test_he_names_it_as_every_owner_does(counter, clerk, own):
    assert counter.change(clerk, own, nickname="Holidays").nickname == "Holidays"


@pytest.mark.parametrize("way", ["out", "in"])
def test_nobody_reverses_what_an_account_of_his_own_is_in(counter, db, ada, clerk, colleague, own, hers, way):
    sides = (clerk, own, hers) if way == "out" else (ada, hers, own)
    moved = counter.transfer(*sides, "5.00")
    turned_away(lambda: counter.reverse(clerk, moved))
    turned_away(lambda: db.read(lambda session: reversals.preview(session, clerk, moved.transaction.id)))
    counter.reverse(colleague, moved)
    assert counter.balance(own) == "100.00"


def test_nobody_hands_cash_to_himself_where_customers_do_not(clerk, colleague, own, strict):
    for kind in (transfers.Deposit, transfers.Withdraw):
        turned_away(lambda kind=kind: transfers.move(strict, clerk, kind(own.id, ONE)))
        transfers.move(strict, colleague, kind(own.id, ONE))


def test_nor_in_a_batch(clerk, own, strict):
    answered = asyncio.run(batches.post(strict, clerk, [batches.Item(transfers.Deposit(own.id, ONE))]))
    assert [result.code for result in answered.results] == ["forbidden"]


def test_nor_by_capturing_a_hold(counter, clerk, colleague, own, strict):
    held = counter.hold(clerk, own, "5.00")
    turned_away(lambda: holds.move(strict, clerk, holds.CaptureHold(held.hold.id)))
    holds.move(strict, colleague, holds.CaptureHold(held.hold.id))


def test_nor_with_an_account_that_opens_full(clerk, colleague, strict):
    def opens(by, amount):
        return strict.unit_of_work(
            lambda session: accounts.open_account(
                session, by, settings=strict.settings, initial_balance=amount, owner_id=clerk.user_id
            )
        )

    turned_away(lambda: opens(clerk, "1.00"))
    assert opens(clerk, None).balance_minor == 0
    assert opens(colleague, "1.00").balance_minor == 100


def test_where_customers_handle_cash_so_does_he(counter, clerk, own):
    counter.deposit(clerk, own, "5.00")
    counter.withdraw(clerk, own, "1.00")
    assert counter.balance(own) == "104.00"


def test_nobody_moves_a_customers_money_to_himself(counter, clerk, colleague, own, hers):
    turned_away(lambda: counter.transfer(clerk, hers, own, "5.00"))
    turned_away(lambda: counter.hold(clerk, hers, "5.00", to=own))
    counter.transfer(colleague, hers, own, "5.00")
    assert (counter.balance(hers), counter.balance(own)) == ("95.00", "105.00")


def test_his_own_money_is_his_to_send(counter, clerk, own, hers):
    savings = counter.open(clerk)
    counter.transfer(clerk, own, hers, "5.00")
    counter.transfer(clerk, own, savings, "5.00")
    counter.capture(clerk, counter.hold(clerk, own, "5.00", to=hers))
    assert (counter.balance(own), counter.balance(savings)) == ("85.00", "5.00")


@pytest.mark.parametrize("amount", [None, "0.01"])
def test_nobody_captures_for_himself_what_a_customer_set_aside_for_him(
    counter, ada, clerk, colleague, own, hers, amount
):
    held = counter.hold(ada, hers, "30.00", to=own)
    turned_away(lambda: counter.capture(clerk, held, amount))
    assert (counter.balance(hers), counter.balance(own)) == ("100.00", "100.00")
    counter.capture(colleague, held, amount)
    assert counter.balance(own) != "100.00"


def test_a_colleague_of_the_bank_pays_out_of_his_own_hold_like_a_customer(counter, ada, clerk, own, hers):
    counter.capture(clerk, counter.hold(clerk, own, "5.00", to=hers))
    assert counter.balance(hers) == "105.00"
