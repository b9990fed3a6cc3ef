"""Opening, reading, freezing and closing accounts: what comes of it, and every no with its code."""

import pytest
from sqlalchemy import func, select

from bank_app import errors
from bank_app.domain.accounting import AccountKind, AccountStatus, FrozenFor
from bank_app.domain.identifiers import new_id
from bank_app.models import Account, AuditRecord, Posting
from bank_app.services import accounts, integrity

FROZEN, OPEN, CLOSED = AccountStatus.FROZEN, AccountStatus.OPEN, AccountStatus.CLOSED


def count(db, model):
    return db.read(lambda session: session.execute(select(func.count()).select_from(model)).scalar_one())


# --- opening ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("currency", "amount", "minor"),
    [("USD", "100.00", 10000), ("JPY", "100", 100), ("KWD", "100.125", 100125), ("eur", "0.01", 1)],
)
def test_an_account_opens_with_money_that_comes_from_cash(counter, ada, db, currency, amount, minor):
    account = counter.open(ada, amount, currency=currency)
    assert (account.balance_minor, account.version, account.currency) == (minor, 1, currency.upper())
    assert integrity.check(db).totals == {currency.upper(): 0}


@pytest.mark.parametrize("amount", [None, "0", "0.00", 0])
def test_an_account_opens_empty_and_without_a_posting(counter, ada, db, amount):
    account = counter.open(ada, amount)
    assert (account.balance_minor, account.available_minor, account.version, account.status) == (0, 0, 0, OPEN)
    assert count(db, Posting) == 0


def test_an_account_opens_with_its_owner_its_kind_and_its_name(counter, ada):
    account = counter.open(ada, kind=AccountKind.SAVINGS, nickname="Rainy days")
    assert (account.owner_id, account.owner_name) == (ada.user_id, "Ada Lindqvist")
    assert (account.kind, account.title) == (AccountKind.SAVINGS, "Rainy days")
    assert counter.open(ada).title == "Everyday"


def test_an_account_opens_in_the_banks_currency_when_none_is_named(counter, ada):
    assert counter.open(ada, currency=None).currency == "USD"


def test_the_first_account_of_a_currency_brings_the_banks_own_accounts_and_the_second_does_not(counter, ada, db):
    counter.open(ada)
    assert count(db, Account) == 1 + 13
    counter.open(ada)
    assert count(db, Account) == 2 + 13


def test_a_teller_opens_an_account_for_a_customer(counter, ada, teller):
    account = counter.open(ada, "5.00", by=teller)
    assert account.owner_id == ada.user_id


@pytest.mark.parametrize("amount", ["-1", "1e3", "ten", "1.234", "99999999999999999"])
def test_an_account_does_not_open_with_an_amount_that_is_none(counter, ada, db, amount):
    with pytest.raises(errors.InvalidAmount):
        counter.open(ada, amount)
    assert count(db, Account) == 0


@pytest.mark.parametrize("currency", ["XAU", "DOLLARS", "ZZZ"])
def test_an_account_does_not_open_in_what_is_no_currency(counter, ada, currency):
    with pytest.raises(errors.Invalid) as refusal:
        counter.open(ada, currency=currency)
    assert refusal.value.details["errors"][0]["field"] == "currency"


def test_a_customer_opens_accounts_for_nobody_else(counter, ada, ben):
    with pytest.raises(errors.Forbidden):
        counter.open(ben, by=ada)


def test_an_auditor_opens_no_account(counter, auditor):
    with pytest.raises(errors.Forbidden):
        counter.open(auditor)


def test_nobody_opens_an_account_for_a_person_who_does_not_exist(db, teller, settings):
    with pytest.raises(errors.Invalid) as refusal:
        db.unit_of_work(lambda session: accounts.open_account(session, teller, settings=settings, owner_id=new_id()))
    assert refusal.value.details["errors"][0]["field"] == "owner_id"


def test_without_self_service_cash_a_customer_opens_empty_accounts_only(another, ada, teller):
    bank = another(self_service_cash=False)

    def opens(actor, amount):
        return bank.unit_of_work(
            lambda session: accounts.open_account(
                session, actor, settings=bank.settings, initial_balance=amount, owner_id=ada.user_id
            )
        )

    with pytest.raises(errors.Forbidden):
        opens(ada, "1.00")
    assert opens(ada, "0").balance_minor == 0
    assert opens(teller, "1.00").balance_minor == 100


def test_a_nickname_that_is_too_long_is_refused_before_it_reaches_the_database(counter, ada):
    account = counter.open(ada, nickname="n" * 60)
    for attempt in (
        lambda: counter.open(ada, nickname="n" * 61),
        lambda: counter.change(ada, account, nickname="n" * 61),
    ):
        with pytest.raises(errors.Invalid) as refusal:
            attempt()
        assert refusal.value.details["errors"][0]["field"] == "nickname"


# --- reading ------------------------------------------------------------------------------------------


def test_somebody_elses_account_answers_exactly_like_one_that_does_not_exist(counter, db, ada, eve):
    account = counter.open(ada, "100.00")
    answers = []
    for number in (account.id, 1234567889):
        with pytest.raises(errors.AccountNotFound) as refusal:
            db.read(lambda session, number=number: accounts.get_account(session, eve, number))
        answers.append((refusal.value.detail.replace(f"{number:010d}", "#"), refusal.value.details))
    assert answers[0] == answers[1]


def test_the_banks_own_accounts_are_nobodys_to_read(counter, db, ada, teller, auditor):
    counter.open(ada, "1.00")
    own = db.read(
        lambda session: session.execute(select(Account.id).where(Account.owner_id.is_(None))).scalars().first()
    )
    for actor in (ada, teller, auditor):
        with pytest.raises(errors.AccountNotFound):
            db.read(lambda session, actor=actor: accounts.get_account(session, actor, own))


def test_the_banks_people_read_every_account(counter, db, ada, teller, auditor, admin):
    account = counter.open(ada, "1.00")
    for actor in (teller, auditor, admin):
        seen = db.read(lambda session, actor=actor: accounts.get_account(session, actor, account.id))
        assert seen == account


def list_numbers(db, actor, **filters):
    page = db.read(lambda session: accounts.list_accounts(session, actor, **filters))
    return [account.id for account in page.items]


def test_a_customer_lists_his_own_accounts_and_a_teller_everybodys(counter, db, ada, ben, teller):
    first, second, third = counter.open(ada), counter.open(ben), counter.open(ada)
    assert list_numbers(db, ada) == [third.id, first.id]
    assert list_numbers(db, ben, owner_id=ada.user_id) == []
    assert list_numbers(db, teller) == [third.id, second.id, first.id]
    assert list_numbers(db, teller, owner_id=ben.user_id) == [second.id]


def test_accounts_are_found_by_number_nickname_name_and_email(counter, db, ada, ben, teller):
    first, second = counter.open(ada, nickname="100%_sure"), counter.open(ben)
    for text in (first.grouped_number, "0%_S", "lindq", "ADA@bank"):
        assert list_numbers(db, teller, q=text) == [first.id]
    assert list_numbers(db, teller, q="%") == [first.id]
    assert list_numbers(db, teller, q="  ") == [second.id, first.id]
    assert list_numbers(db, teller, q="nobody") == []


def test_accounts_are_listed_by_status(counter, db, ada, teller):
    first, second = counter.open(ada), counter.open(ada)
    counter.change(teller, first, status=FROZEN)
    assert list_numbers(db, ada, status=FROZEN) == [first.id]
    assert list_numbers(db, ada, status=OPEN) == [second.id]


def test_pages_of_accounts_meet_without_gap_or_overlap(counter, db, ada):
    opened = [counter.open(ada).id for _ in range(7)]
    found, cursor = [], None
    for size in (3, 3, 1):
        page = db.read(lambda session, cursor=cursor: accounts.list_accounts(session, ada, limit=3, cursor=cursor))
        assert len(page.items) == size
        found += [account.id for account in page.items]
        cursor = page.next_cursor
    assert cursor is None
    assert found == opened[::-1]


@pytest.mark.parametrize("cursor", ["", "x", "bm90IG91cnM", "!!!!", "YXxi", "é", "A" * 5000])
def test_a_cursor_that_is_not_ours_is_refused(db, ada, cursor):
    if cursor == "":
        assert list_numbers(db, ada, cursor=cursor) == []
        return
    with pytest.raises(errors.Invalid):
        list_numbers(db, ada, cursor=cursor)


def test_accounts_without_a_name_are_told_apart(counter, ada, ben):
    def titles(*opened):
        return [counter.account(account).title for account in opened]

    first, second, third = counter.open(ada), counter.open(ada), counter.open(ada)
    assert titles(first, second, third) == ["Everyday", "Everyday 2", "Everyday 3"]
    euros, savings = counter.open(ada, currency="EUR"), counter.open(ada, kind=AccountKind.SAVINGS)
    assert titles(euros, counter.open(ada, currency="EUR"), savings) == ["Everyday EUR", "Everyday 4", "Savings"]
    assert titles(counter.open(ben)) == ["Everyday"]
    # Whoever chooses a name gets it, and a name that is taken away falls back to one that is free.
    assert titles(counter.open(ada, nickname="Everyday")) == ["Everyday"]
    assert counter.change(ada, second, nickname=None, reason=None).title == "Everyday 2"
    counter.change(ada, first, nickname="Rent", reason=None)
    assert counter.change(ada, first, nickname=None, reason=None).title == "Everyday 5"


# --- changing -----------------------------------------------------------------------------------------


def test_an_owner_renames_his_account_and_takes_the_name_away(counter, ada):
    account = counter.open(ada)
    assert counter.change(ada, account, nickname="  Travel ", reason=None).nickname == "Travel"
    assert counter.change(ada, account, nickname=None, reason=None).title == "Everyday"


def test_a_stranger_cannot_rename_an_account_nor_learn_that_it_exists(counter, ada, eve):
    account = counter.open(ada)
    with pytest.raises(errors.AccountNotFound):
        counter.change(eve, account, nickname="Mine")


def test_a_teller_freezes_for_debits_then_for_all_and_opens_again(counter, ada, teller):
    account = counter.open(ada, "10.00")
    assert counter.change(teller, account, status=FROZEN).frozen_for is FrozenFor.DEBITS
    assert counter.change(teller, account, frozen_for=FrozenFor.ALL).frozen_for is FrozenFor.ALL
    unfrozen = counter.change(teller, account, status=OPEN)
    assert (unfrozen.status, unfrozen.frozen_for) == (OPEN, None)
    counter.withdraw(ada, account, "10.00")


@pytest.mark.parametrize("change", [{"status": FROZEN}, {"status": CLOSED}, {"overdraft_limit": "5.00"}])
@pytest.mark.parametrize("person", ["ada", "auditor"])
def test_only_a_teller_changes_what_an_account_may_do(counter, request, ada, person, change):
    account = counter.open(ada)
    with pytest.raises(errors.Forbidden):
        counter.change(request.getfixturevalue(person), account, **change)


@pytest.mark.parametrize("reason", [None, "", "   ", "r" * 301])
def test_a_teller_writes_a_reason_that_fits_the_audit_log(counter, ada, teller, reason):
    account = counter.open(ada)
    with pytest.raises(errors.Invalid) as refusal:
        counter.change(teller, account, status=FROZEN, reason=reason)
    assert refusal.value.details["errors"][0]["field"] == "reason"


def test_freezing_is_written_into_the_audit_log_with_before_and_after(counter, db, ada, teller):
    account = counter.open(ada)
    counter.change(teller, account, status=FROZEN, reason="Card stolen")
    record = db.read(
        lambda session: session.execute(select(AuditRecord).where(AuditRecord.action == "account.change")).scalar_one()
    )
    assert (record.actor_id, record.object, record.reason) == (
        teller.user_id,
        f"account {account.number}",
        "Card stolen",
    )
    assert record.changes == {"status": ["open", "frozen"], "frozen_for": [None, "debits"]}


def test_what_to_freeze_is_only_said_of_a_frozen_account(counter, ada, teller):
    account = counter.open(ada)
    for change in ({"frozen_for": FrozenFor.ALL}, {"status": OPEN, "frozen_for": FrozenFor.ALL}):
        with pytest.raises(errors.Invalid):
            counter.change(teller, account, **change)


def test_an_account_with_money_is_not_closed(counter, ada, teller):
    account = counter.open(ada, "0.01")
    with pytest.raises(errors.AccountNotEmpty) as refusal:
        counter.change(teller, account, status=CLOSED)
    assert refusal.value.details == {"balance": "0.01", "held": "0.00", "currency": "USD"}
    counter.withdraw(ada, account, "0.01")
    assert counter.change(teller, account, status=CLOSED).status is CLOSED


@pytest.mark.parametrize("change", [{"status": OPEN}, {"status": FROZEN}, {"overdraft_limit": "1"}, {"nickname": "x"}])
def test_a_closed_account_stays_closed(counter, ada, teller, change):
    account = counter.open(ada)
    counter.change(teller, account, status=CLOSED)
    with pytest.raises(errors.AccountClosed):
        counter.change(teller, account, **change)


def test_an_overdraft_limit_is_not_lowered_under_what_is_used(counter, ada, teller):
    account = counter.open(ada, "10.00")
    counter.change(teller, account, overdraft_limit="50.00")
    counter.withdraw(ada, account, "40.00")
    with pytest.raises(errors.InsufficientFunds) as refusal:
        counter.change(teller, account, overdraft_limit="29.99")
    assert refusal.value.details == {"shortfall": "0.01", "currency": "USD", "balance": "-30.00", "held": "0.00"}
    lowered = counter.change(teller, account, overdraft_limit="30.00")
    assert (lowered.balance_minor, lowered.available_minor) == (-3000, 0)


# --- payees -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "result"),
    [
        ("Ada Lindqvist", "match"),
        ("  ada LINDQVIST ", "match"),
        ("Lindqvist, Ada", "match"),
        ("Ada Lindquist", "close"),
        ("A. Lindqvist", "close"),
        ("Ada", "none"),
        ("Eve Marlow", "none"),
        ("", "none"),
    ],
)
def test_a_payees_name_matches_is_close_or_reveals_nothing(counter, db, ada, eve, name, result):
    account = counter.open(ada)
    check = db.read(lambda session: accounts.check_payee(session, eve, account_id=account.id, name=name))
    assert check.result == result
    assert check.suggestion == ("Ada Lindqvist" if result == "close" else None)


def test_a_payee_of_an_account_that_does_not_exist_is_not_checked(db, eve):
    with pytest.raises(errors.AccountNotFound):
        db.read(lambda session: accounts.check_payee(session, eve, account_id=1234567889, name="Ada"))
