"""Filters on pages and in their files: in the currency of what is listed; what cannot be read is said at its field."""

from urllib.parse import parse_qsl

import pytest

from bank_app.domain import money
from bank_app.ui.browser_routes import create_routes
from bank_app.ui.filters import Filters
from bank_app.ui.pages.account_ledger import LedgerState
from bank_app.ui.pages.activity import ActivityState
from bank_app.ui.pages.ops_accounts import DeskState
from bank_app.ui.pages.ops_audit import AuditState
from bank_app.ui.pages.ops_customers import CustomersState
from bank_app.ui.pages.ops_transactions import TransactionListState
from bank_app.ui.pages.statements import StatementState
from bank_app.ui.transaction_filters import TransactionFilters
from tests.handlers import name_of

LEDGER, ACTIVITY = name_of(LedgerState), name_of(ActivityState)
LIST, AUDIT = name_of(TransactionListState), name_of(AuditState)
CUSTOMERS = name_of(CustomersState)
STATEMENT, DESK = name_of(StatementState), name_of(DeskState)


@pytest.fixture
def at(client, cookie_of):
    def page(person, path):
        cookie = cookie_of(person)
        return lambda event, **payload: client.send(event, payload, cookie=cookie, path=path, tab=person.name + path)

    return page


@pytest.fixture
def browser(bank, web, cookie_of):
    def of(person):
        found = web(create_routes(bank.db, bank.settings))
        found.headers = {"cookie": cookie_of(person)}
        return found

    return of


@pytest.fixture(autouse=True)
def _as_usual():
    yield
    money.write_as("en-US")


def amounts(answer):
    return [row.amount for day in answer.vars["days"] for row in day.rows]


@pytest.mark.parametrize(
    ("code", "one", "two", "least", "shown"),
    [("JPY", "1000", "20", "1000", "+¥1,000"), ("KWD", "1.234", "1.233", "1.234", "+KWD\u00a01.234"),
     ("USD", "10.00", "9.99", "10.00", "+$10.00")],
)  # fmt: skip
def test_a_ledger_is_filtered_in_its_currency_and_its_file_too(
    at, browser, counter, ada, teller, code, one, two, least, shown
):
    account = counter.open(ada, currency=code)
    for amount in (one, two):
        counter.deposit(teller, account, amount)
    path = f"/accounts/{account.number}"
    answer = at(ada, f"{path}?min={least}")(f"{LEDGER}.open")
    assert (amounts(answer), answer.vars["asked"].entered["min"]) == ([shown], least)
    file = browser(ada).get(f"{path}/export.csv", params={"min": least})
    assert (file.status_code, len(file.text.splitlines())) == (200, 2)


@pytest.mark.parametrize("locale", ["en-US", "de-DE", "fr-FR", "de-CH", "en-IN"])
@pytest.mark.parametrize(
    ("code", "wire"), [("USD", "1234.50"), ("KWD", "1.234"), ("JPY", "1234"), ("", "1.234"), ("", "1234.00")]
)
def test_what_stands_in_a_field_is_read_as_the_same_amount(locale, code, wire):
    money.write_as(locale)
    once = Filters.of({"min": wire}, code)
    assert (once.min, once.wrong) == (wire, "")
    assert Filters.of({"min": once.entered["min"]}, code, typed=True).min == wire
    query = dict(parse_qsl(once.address("/a").partition("?")[2]))
    assert Filters.of(query, code).min == wire


def test_a_typed_amount_is_in_the_readers_marks_and_the_address_in_those_of_the_api():
    money.write_as("de-DE")
    assert Filters.of({"min": "1.234,50"}, "EUR", typed=True).address("/a") == "/a?min=1234.50"
    assert Filters.of({"min": "1,234"}, "KWD", typed=True).address("/a") == "/a?min=1.234"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("min", "1000.5"), ("min", "abc"), ("max", "-5"), ("since", "2026-02-30"), ("until", "yesterday"),
        ("status", "gone"), ("type", "gift"), ("type", "transfer,gift"), ("direction", "up"), ("currency", "XAU"),
        ("q", "x" * 101),
    ],
)  # fmt: skip
def test_what_a_ledger_cannot_read_is_said_at_its_field_and_its_file_says_the_same(
    at, browser, counter, ada, teller, name, value
):
    account = counter.open(ada, currency="JPY")
    counter.deposit(teller, account, "1000")
    path = f"/accounts/{account.number}"
    found = at(ada, f"{path}?{name}={value}")(f"{LEDGER}.open").vars
    assert list(found["asked"].problems) == [name]
    assert (found["asked"].entered[name], found["shown"]) == (value, account.number)
    assert not found.get("failed")
    assert not found.get("days")
    file = browser(ada).get(f"{path}/export.csv", params={name: value})
    assert (file.status_code, file.text) == (422, found["asked"].wrong)


def test_a_form_that_cannot_be_read_stays_with_what_was_typed(at, counter, ada, teller):
    account = counter.open(ada, currency="JPY")
    counter.deposit(teller, account, "1000")
    send = at(ada, f"/accounts/{account.number}")
    send(f"{LEDGER}.open")
    answer = send(f"{LEDGER}.search", form={"min": "12.5", "q": "rent"})
    assert (answer.redirects, answer.vars["asked"].entered["min"]) == ([], "12.5")
    assert answer.vars["asked"].problems["min"]
    assert send(f"{LEDGER}.search", form={"min": "1,000"}).redirects == [f"/accounts/{account.number}?min=1000"]


def test_activity_over_several_currencies_compares_each_in_its_own(at, counter, ada, teller):
    for code, amount in (("USD", "100.00"), ("JPY", "20000"), ("KWD", "50.000")):
        counter.deposit(teller, counter.open(ada, currency=code), amount)
    answer = at(ada, "/activity?min=100")(f"{ACTIVITY}.open")
    assert sorted(amounts(answer)) == ["+$100.00", "+¥20,000"]
    assert answer.vars["currencies"] == ["JPY", "KWD", "USD"]
    assert amounts(at(ada, "/activity?min=1.234&currency=KWD")(f"{ACTIVITY}.open")) == ["+KWD\u00a050.000"]
    wrong = at(ada, "/activity?min=1.234&currency=USD")(f"{ACTIVITY}.open").vars
    assert (list(wrong["asked"].problems), wrong.get("days", []), wrong.get("failed", "")) == (["min"], [], "")


def test_the_desk_finds_and_exports_in_each_currency(at, browser, counter, ada, teller):
    for code, amount in (("USD", "100.00"), ("JPY", "20000"), ("KWD", "50.000")):
        counter.deposit(teller, counter.open(ada, currency=code), amount)
    found = at(teller, "/ops/transactions?min=100.00&currency=USD")(f"{LIST}.open").vars
    assert [row.amount for row in found["rows"]] == ["$100.00"]
    file = browser(teller).get("/ops/transactions/export.csv", params={"min": "100"})
    assert (file.status_code, len(file.text.splitlines())) == (200, 3)
    for name, value in (("min", "1.23456"), ("account", "1234"), ("since", "soon"), ("key", "ключ"), ("currency", "X")):
        shown = at(teller, f"/ops/transactions?{name}={value}")(f"{LIST}.open").vars
        assert list(shown["asked"].problems) == [name]
        assert not shown.get("rows")
        file = browser(teller).get("/ops/transactions/export.csv", params={name: value})
        assert (file.status_code, file.text) == (422, TransactionFilters.of({name: value}).wrong)
    assert browser(ada).get("/ops/transactions/export.csv", params={"min": "x"}).status_code == 403


def test_the_trail_and_its_files_refuse_what_they_cannot_read(at, browser, admin, auditor):
    for name, value in (("since", "soon"), ("outcome", "maybe"), ("actor", "me"), ("action", "drop table")):
        shown = at(auditor, f"/ops/audit?{name}={value}")(f"{AUDIT}.open").vars
        assert list(shown["asked"].problems) == [name]
        assert not shown.get("rows")
        for kind in ("csv", "json"):
            file = browser(auditor).get(f"/ops/audit/export.{kind}", params={name: value})
            assert (file.status_code, file.text) == (422, shown["asked"].wrong)


def test_lists_of_accounts_and_statements_say_what_they_cannot_read(at, client, cookie_of, counter, ada, teller):
    account = counter.open(ada, "5.00")
    cookie = cookie_of(teller)
    for path, wanted, state in (("/ops/accounts", "status", DESK), ("/ops/customers", "standing", CUSTOMERS)):
        there = {"cookie": cookie, "tab": path}
        assert client.send(f"{state}.open", path=path, **there).vars["rows"]
        found = client.send(f"{state}.open", path=f"{path}?{wanted}=gone", **there).vars
        assert ("gone" in found["failed"], found["rows"], found["said"]) == (True, [], "")
        # What happens in the bank meanwhile does not turn it into a list of everything.
        assert not client.send(f"{state}.refresh", path=f"{path}?{wanted}=gone", **there).vars.get("rows")
    wrong = at(ada, f"/statements/{account.number}?month=2026-13")(f"{STATEMENT}.open").vars
    assert wrong["failed"] == "Name a month, or a first and a last day."
