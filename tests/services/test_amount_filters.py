"""Filters by amount compare in major units of each row's own currency, on every list."""

import pytest

from bank_app import errors
from bank_app.domain import money
from bank_app.services import activity, attempts, history, transaction_search, unposted
from bank_app.services.accounts import own_accounts
from bank_app.services.history import HistoryFilter
from bank_app.services.transaction_search import TransactionFilter


@pytest.fixture
def rows(counter, ada, teller):
    """Payments into accounts of four currencies of 0, 2, 3 and 4 decimals, the account of each by its code."""
    amounts = {"JPY": ("1000", "99"), "USD": ("100.00", "99.99"), "KWD": ("100.000", "1.234"), "CLF": ("0.5000",)}
    mine = {code: counter.open(ada, currency=code) for code in amounts}
    for code, several in amounts.items():
        for amount in several:
            counter.deposit(teller, mine[code], amount)
    return mine


CASES = [
    ({"min_amount": "100"}, {"1000 JPY", "100.00 USD", "100.000 KWD"}),
    ({"min_amount": "100.00", "currency": "USD"}, {"100.00 USD"}),
    ({"currency": "KWD"}, {"100.000 KWD", "1.234 KWD"}),
    ({"max_amount": "1.234"}, {"1.234 KWD", "0.5000 CLF"}),
    ({"max_amount": "99.995"}, {"99 JPY", "99.99 USD", "1.234 KWD", "0.5000 CLF"}),
    ({"min_amount": "99.991", "max_amount": "100.0001"}, {"100.00 USD", "100.000 KWD"}),
    ({"min_amount": "0"}, {"1000 JPY", "99 JPY", "100.00 USD", "99.99 USD", "100.000 KWD", "1.234 KWD", "0.5000 CLF"}),
    ({"min_amount": "99999999999999999999"}, set()),
    ({"max_amount": "0.4999"}, set()),
]


def said(items):
    return {f"{money.to_text(item.amount_minor, item.currency)} {item.currency}" for item in items}


@pytest.mark.parametrize(("asked", "expected"), CASES)
def test_each_row_is_compared_in_its_own_currency(db, ada, teller, rows, asked, expected):
    wanted = HistoryFilter(**asked)
    assert said(db.read(lambda s: history.list_transactions(s, teller, filters=wanted)).items) == expected
    assert said(db.read(lambda s: activity.activity(s, ada, filters=wanted)).items) == expected
    found = db.read(lambda s: transaction_search.find(s, teller, filters=TransactionFilter(**asked)))
    assert said(item.transaction for item in found.items) == expected


def test_what_is_set_aside_and_what_was_declined_are_compared_the_same_way(db, counter, ada, teller, rows):
    for code, amount in (("JPY", "150"), ("KWD", "1.234"), ("USD", "20.00")):
        counter.hold(teller, rows[code], amount)
        with pytest.raises(errors.InsufficientFunds):
            counter.hold(ada, rows[code], f"999{amount}", key=f"declined-{code}")
    wanted = HistoryFilter(min_amount="1.235")
    mine = db.read(lambda s: own_accounts(s, ada))
    held = db.read(lambda s: unposted.waiting(s, ada, mine, filters=wanted, limit=9))
    assert said(held) == {"150 JPY", "20.00 USD"}
    only = HistoryFilter(min_amount="2", currency="JPY")
    assert said(db.read(lambda s: attempts.list_attempts(s, ada, filters=only)).items) == {"999150 JPY"}


@pytest.mark.parametrize(
    "asked",
    [
        {"min_amount": "1.00001"}, {"max_amount": "1,000"}, {"min_amount": ""}, {"min_amount": "-1"},
        {"min_amount": "1.2", "currency": "JPY"}, {"max_amount": "1.2345", "currency": "KWD"},
    ],
)  # fmt: skip
def test_an_amount_that_cannot_be_meant_is_refused(db, ada, teller, rows, asked):
    with pytest.raises(errors.InvalidAmount):
        db.read(lambda s: history.list_transactions(s, teller, filters=HistoryFilter(**asked)))
    with pytest.raises(errors.InvalidAmount):
        db.read(lambda s: activity.activity(s, ada, filters=HistoryFilter(**asked)))
    with pytest.raises(errors.InvalidAmount):
        db.read(lambda s: transaction_search.find(s, teller, filters=TransactionFilter(**asked)))


def test_the_history_of_an_account_is_in_its_currency(db, ada, rows):
    def found(code, **asked):
        return said(db.read(lambda s: history.history(s, ada, rows[code].id, filters=HistoryFilter(**asked))).items)

    assert found("JPY", min_amount="100") == {"1000 JPY"}
    assert found("KWD", max_amount="1.234") == {"1.234 KWD"}
    with pytest.raises(errors.InvalidAmount):
        found("JPY", min_amount="100.5")
    with pytest.raises(errors.InvalidAmount):
        found("USD", min_amount="1.234")
