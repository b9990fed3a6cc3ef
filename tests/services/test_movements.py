"""Deposits, withdrawals and transfers: what they do to balances, and every no with its code and its facts."""

from datetime import UTC, datetime, timedelta

import pytest

from bank_app import clock, errors
from bank_app.domain import money
from bank_app.domain.accounting import AccountStatus, Direction, FrozenFor, TransactionType
from bank_app.domain.identifiers import new_id
from bank_app.services import history, transfers

FROZEN, OPEN, CLOSED = AccountStatus.FROZEN, AccountStatus.OPEN, AccountStatus.CLOSED
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def hers(counter, ada):
    return counter.open(ada, "100.00")


@pytest.fixture
def his(counter, ben):
    return counter.open(ben)


# --- what they do -------------------------------------------------------------------------------------


def test_a_deposit_adds_and_a_withdrawal_takes(counter, ada, hers):
    counter.deposit(ada, hers, "25.50")
    assert counter.balance(hers) == "125.50"
    counter.withdraw(ada, hers, "125.50")
    assert counter.balance(hers) == "0.00"


def test_a_transfer_moves_the_same_amount_from_one_to_the_other(counter, ada, hers, his):
    counter.transfer(ada, hers, his, "30.00")
    assert (counter.balance(hers), counter.balance(his)) == ("70.00", "30.00")


@pytest.mark.parametrize(("currency", "amount", "left"), [("JPY", "40", "60"), ("KWD", "0.001", "99.999")])
def test_a_transfer_keeps_to_the_decimals_of_its_currency(counter, ada, ben, currency, amount, left):
    source, target = counter.open(ada, "100", currency=currency), counter.open(ben, currency=currency)
    counter.transfer(ada, source, target, amount)
    assert (counter.balance(source), counter.balance(target)) == (left, amount)


def test_the_answer_to_a_transfer_says_what_was_written(counter, ada, hers, his):
    with clock.moved_to(clock.now() + timedelta(hours=1)):
        now = clock.now()
        moved = counter.transfer(ada, hers, his, "30.00", description=" Rent ", metadata={"flat": 4})
    view = moved.transaction
    assert not moved.replayed
    assert (view.type, view.amount_minor, view.currency) == (TransactionType.TRANSFER, 3000, "USD")
    assert (view.description, view.metadata, view.created_at, view.actor_id) == ("Rent", {"flat": 4}, now, ada.user_id)
    debit, credit = view.postings
    assert (debit.account_id, debit.direction, debit.balance_after_minor, debit.sequence) == (
        hers.number, Direction.DEBIT, 7000, 2,
    )  # fmt: skip
    assert (credit.account_id, credit.direction, credit.amount_minor) == (his.number, Direction.CREDIT, 3000)


def test_the_payer_does_not_learn_the_receivers_balance_and_a_teller_does(counter, db, ada, ben, teller, hers, his):
    counter.change(ben, his, nickname="Secret hobby", reason=None)
    moved = counter.transfer(ada, hers, his, "30.00")
    receiver = moved.transaction.postings[1]
    assert (receiver.balance_after_minor, receiver.sequence, receiver.mine) == (None, None, False)
    # The answer names nobody; the transaction names whom the payer knows.
    assert (receiver.title, receiver.owner_name) == ("Everyday", f"Account {his.grouped_number}")
    hers_again = db.read(lambda session: transfers.get_transaction(session, ada, moved.transaction.id))
    assert hers_again.postings[1].owner_name == "Ben Ito"
    seen = db.read(lambda session: transfers.get_transaction(session, teller, moved.transaction.id))
    assert (seen.postings[1].balance_after_minor, seen.postings[1].title) == (3000, "Secret hobby")


def test_a_deposit_shows_cash_as_the_other_side_without_its_number(counter, ada, hers):
    cash, account = counter.deposit(ada, hers, "5.00").transaction.postings
    assert (cash.account_id, cash.owner_name, cash.balance_after_minor) == ("cash", "", None)
    assert (account.account_id, account.balance_after_minor) == (hers.number, 10500)


def test_a_transaction_is_seen_by_both_sides_and_by_nobody_else(counter, db, ada, ben, eve, auditor, hers, his):
    moved = counter.transfer(ada, hers, his, "30.00")
    for actor in (ada, ben, auditor):
        seen = db.read(lambda session, actor=actor: transfers.get_transaction(session, actor, moved.transaction.id))
        assert seen.id == moved.transaction.id
    details = []
    for identifier in (moved.transaction.id, new_id()):
        with pytest.raises(errors.TransactionNotFound) as refusal:
            db.read(lambda session, identifier=identifier: transfers.get_transaction(session, eve, identifier))
        details.append(refusal.value.detail)
    assert details[0] == details[1]


def test_a_teller_moves_money_for_anybody(counter, teller, hers, his):
    counter.deposit(teller, hers, "10.00")
    counter.transfer(teller, hers, his, "60.00")
    counter.withdraw(teller, his, "60.00")
    assert (counter.balance(hers), counter.balance(his)) == ("50.00", "0.00")


def test_metadata_and_description_come_back_as_they_were_sent(counter, ada, hers, his, db):
    metadata = {"z": [1, 2.5, None, True], "a": {"ключ": "值"}, "long": 10**18}
    moved = counter.transfer(ada, hers, his, "1.00", description="Zoë’s ½ 🎟 نور", metadata=metadata)
    seen = db.read(lambda session: transfers.get_transaction(session, ada, moved.transaction.id))
    assert (seen.metadata, seen.description, seen.hash) == (metadata, "Zoë’s ½ 🎟 نور", moved.transaction.hash)


# --- funds and limits ---------------------------------------------------------------------------------


def test_a_withdrawal_of_more_than_there_is_is_refused_with_the_figures(counter, ada, hers):
    with pytest.raises(errors.InsufficientFunds) as refusal:
        counter.withdraw(ada, hers, "100.01")
    assert refusal.value.details == {
        "account_id": hers.number, "available": "100.00", "shortfall": "0.01", "currency": "USD",
        "balance": "100.00", "held": "0.00", "overdraft_limit": "0.00",
    }  # fmt: skip
    assert refusal.value.detail == f"Account {hers.number} has 100.00 USD available; 100.01 is needed."
    assert counter.balance(hers) == "100.00"


def test_a_transfer_of_more_than_there_is_moves_nothing_at_all(counter, ada, hers, his):
    with pytest.raises(errors.InsufficientFunds):
        counter.transfer(ada, hers, his, "100.01")
    assert (counter.balance(hers), counter.balance(his)) == ("100.00", "0.00")
    assert counter.account(his).version == 0


def test_an_overdraft_limit_can_be_used_to_the_last_cent_and_no_further(counter, ada, teller, hers, his):
    counter.change(teller, hers, overdraft_limit="50.00")
    assert counter.account(hers).available_minor == 15000
    counter.transfer(ada, hers, his, "150.00")
    assert counter.balance(hers) == "-50.00"
    with pytest.raises(errors.InsufficientFunds) as refusal:
        counter.withdraw(ada, hers, "0.01")
    assert refusal.value.details["available"] == "0.00"


def test_what_was_overdrawn_can_be_paid_back(counter, ada, teller, hers):
    counter.change(teller, hers, overdraft_limit="50.00")
    counter.withdraw(ada, hers, "140.00")
    counter.deposit(ada, hers, "40.00")
    assert counter.balance(hers) == "0.00"


# --- states -------------------------------------------------------------------------------------------


def test_an_account_frozen_for_debits_receives_and_does_not_pay(counter, ada, ben, teller, hers, his):
    counter.change(teller, hers, status=FROZEN)
    for attempt in (lambda: counter.withdraw(ada, hers, "1.00"), lambda: counter.transfer(ada, hers, his, "1.00")):
        with pytest.raises(errors.AccountFrozen) as refusal:
            attempt()
        assert refusal.value.detail == f"Account {hers.number} is frozen, so money can't leave it."
    counter.deposit(ada, hers, "1.00")
    counter.deposit(ben, his, "1.00")
    counter.transfer(ben, his, hers, "1.00")
    assert counter.balance(hers) == "102.00"


def test_an_account_frozen_for_all_neither_pays_nor_receives(counter, ada, ben, teller, hers, his):
    counter.deposit(ben, his, "5.00")
    counter.change(teller, hers, status=FROZEN, frozen_for=FrozenFor.ALL)
    for attempt in (
        lambda: counter.withdraw(ada, hers, "1.00"),
        lambda: counter.deposit(ada, hers, "1.00"),
        lambda: counter.transfer(ada, hers, his, "1.00"),
        lambda: counter.transfer(ben, his, hers, "1.00"),
    ):
        with pytest.raises(errors.AccountFrozen):
            attempt()
    assert counter.balance(hers) == "100.00"


@pytest.mark.parametrize(
    ("change", "error"), [({"status": FROZEN, "frozen_for": FrozenFor.ALL}, errors.AccountFrozen),
                          ({"status": CLOSED}, errors.AccountClosed)],
)  # fmt: skip
def test_the_payer_is_not_told_why_the_receiver_cannot_receive(counter, ada, teller, hers, his, change, error):
    counter.change(teller, his, **change)
    with pytest.raises(error) as refusal:
        counter.transfer(ada, hers, his, "1.00")
    assert refusal.value.detail == "The receiving account can't receive money right now."


def test_a_closed_account_takes_and_gives_nothing(counter, ben, teller, his):
    counter.change(teller, his, status=CLOSED)
    for move in (counter.deposit, counter.withdraw):
        with pytest.raises(errors.AccountClosed):
            move(ben, his, "1.00")


# --- existence, permission, shape ---------------------------------------------------------------------


def test_nobody_moves_money_out_of_somebody_elses_account(counter, eve, hers):
    mine = counter.open(eve)
    for attempt in (
        lambda: counter.transfer(eve, hers, mine, "1.00"),
        lambda: counter.withdraw(eve, hers, "1.00"),
        lambda: counter.deposit(eve, hers, "1.00"),
    ):
        with pytest.raises(errors.AccountNotFound) as refusal:
            attempt()
        assert refusal.value.detail == f"There is no account {hers.number} that you can use."
    assert counter.balance(hers) == "100.00"


@pytest.mark.parametrize("number", [1234567889, 1, 9_999_999_999, 2**62])
def test_an_account_that_does_not_exist_is_named(counter, ada, hers, number):
    with pytest.raises(errors.AccountNotFound) as refusal:
        counter.move(ada, transfers.Transfer(hers.id, number, money.Amount.of("1.00")))
    assert f"{number:010d}" in refusal.value.detail


def test_the_banks_own_accounts_are_never_named_by_anybody(counter, db, ada, teller, hers):
    cash = int(db.read(lambda session: history.history(session, ada, hers.id)).items[0].account_id)
    assert cash == hers.id
    from bank_app.services.ledger import cash_account

    cash = cash_account("USD")
    for actor in (ada, teller):
        for movement in (
            transfers.Transfer(hers.id, cash, money.Amount.of("1.00")),
            transfers.Transfer(cash, hers.id, money.Amount.of("1.00")),
            transfers.Deposit(cash, money.Amount.of("1.00")),
        ):
            with pytest.raises(errors.AccountNotFound):
                counter.move(actor, movement)


def test_an_auditor_moves_nothing(counter, auditor, hers, his):
    for attempt in (
        lambda: counter.transfer(auditor, hers, his, "1.00"),
        lambda: counter.withdraw(auditor, hers, "1.00"),
        lambda: counter.deposit(auditor, hers, "1.00"),
    ):
        with pytest.raises(errors.Forbidden):
            attempt()


def test_without_self_service_cash_a_customer_goes_to_a_teller(another, ada, teller, hers, his):
    bank = another(self_service_cash=False)
    amount = money.Amount.of("1.00")
    for movement in (transfers.Deposit(hers.id, amount), transfers.Withdraw(hers.id, amount)):
        with pytest.raises(errors.Forbidden):
            transfers.move(bank, ada, movement)
        transfers.move(bank, teller, movement)
    transfers.move(bank, ada, transfers.Transfer(hers.id, his.id, amount))


def test_a_transfer_to_itself_is_none(counter, ada, hers):
    with pytest.raises(errors.SameAccount):
        counter.transfer(ada, hers, hers, "1.00")


def test_a_description_of_141_characters_is_too_long_and_one_of_140_is_not(counter, ada, hers):
    with pytest.raises(errors.Invalid) as refusal:
        counter.deposit(ada, hers, "1.00", description="ö" * 141)
    assert refusal.value.details["errors"][0]["field"] == "description"
    assert counter.deposit(ada, hers, "1.00", description="ö" * 140).transaction.description == "ö" * 140


@pytest.mark.parametrize(
    "more", [{"description": "half a pair \ud83c"}, {"metadata": {"a": "\udc00"}}, {"metadata": {"a": float("nan")}}]
)
def test_text_that_cannot_be_kept_is_refused_before_it_reaches_the_database(counter, ada, hers, more):
    with pytest.raises(errors.Invalid) as refusal:
        counter.deposit(ada, hers, "1.00", key="k", **more)
    assert refusal.value.details["errors"][0]["field"] == next(iter(more))


def test_a_transfer_between_currencies_is_refused(counter, ada, hers):
    euros = counter.open(ada, currency="EUR")
    with pytest.raises(errors.CurrencyMismatch) as refusal:
        counter.transfer(ada, hers, euros, "1.00")
    assert refusal.value.details == {"account_id": euros.number, "currency": "USD"}


def test_an_amount_with_too_many_decimals_for_the_account_is_refused(counter, ada):
    yen = counter.open(ada, "100", currency="JPY")
    with pytest.raises(errors.InvalidAmount):
        counter.withdraw(ada, yen, "1.5")


def test_a_transfer_can_insist_on_the_version_that_was_seen(counter, ada, hers, his):
    counter.transfer(ada, hers, his, "1.00", if_version=1)
    with pytest.raises(errors.PreconditionFailed) as refusal:
        counter.transfer(ada, hers, his, "1.00", if_version=1)
    assert refusal.value.details == {"version": 2}
    assert counter.balance(hers) == "99.00"


# --- the order of checks ------------------------------------------------------------------------------


def test_the_checks_come_in_the_order_of_the_contract(counter, ada, auditor, teller, hers):
    """One request that is wrong in every way; what it is told first is put right, and so on to the end."""
    yen = counter.open(ada, currency="JPY")
    counter.change(teller, hers, status=FROZEN)
    wrong = {"amount": "1000.00", "if_version": 99}

    def refusal(actor, target, amount, if_version):
        with pytest.raises(errors.BankError) as found:
            counter.move(actor, transfers.Transfer(hers.id, target, money.Amount.of(amount), if_version=if_version))
        return found.value.code

    assert refusal(auditor, hers.id, **wrong) == "same_account"
    assert refusal(auditor, 1234567889, **wrong) == "account_not_found"
    assert refusal(auditor, yen.id, **wrong) == "forbidden"
    assert refusal(ada, yen.id, **wrong) == "precondition_failed"
    wrong["if_version"] = 1
    assert refusal(ada, yen.id, **wrong) == "account_frozen"
    counter.change(teller, hers, status=OPEN)
    assert refusal(ada, yen.id, **wrong) == "currency_mismatch"
    assert refusal(ada, counter.open(ada).id, **wrong) == "insufficient_funds"


def test_a_recorded_answer_comes_before_existence_and_permission(counter, ada, auditor, hers, his):
    first = counter.transfer(ada, hers, his, "1.00", key="k")
    with_another_role = type(ada)(ada.user_id, ada.email, ada.name, auditor.role)
    again = counter.transfer(with_another_role, hers, his, "1.00", key="k")
    assert again.replayed
    assert again.transaction.id == first.transaction.id


# --- time ---------------------------------------------------------------------------------------------


def test_time_never_runs_backwards_on_an_account_when_the_clock_is_set_back(counter, db, ada, hers, his):
    later = clock.now() + timedelta(hours=2)
    with clock.moved_to(later):
        counter.transfer(ada, hers, his, "1.00")
    with clock.moved_to(later - timedelta(hours=1)):
        counter.transfer(ada, hers, his, "2.00")
        counter.deposit(ada, hers, "3.00")
    entries = db.read(lambda session: history.history(session, ada, hers.id)).items
    assert [entry.amount_minor for entry in entries] == [300, 200, 100, 10000]
    assert [entry.created_at for entry in entries[:3]] == [later] * 3
    at = db.read(lambda session: history.balance_at(session, ada, hers.id, at=later))
    assert (at.balance_minor, at.sequence) == (10000, 4)
