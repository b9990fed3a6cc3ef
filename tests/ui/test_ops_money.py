"""The pages of the bank's people about money: what they show, to whom, and what a press does."""

import csv
import io

import pytest

from bank_app import errors
from bank_app.domain.accounting import AccountStatus, Role
from bank_app.services import auth, newest
from bank_app.services.movements import Reverse
from bank_app.ui.browser_routes import create_routes
from bank_app.ui.pages.ops_account import OpsAccountState
from bank_app.ui.pages.ops_accounts import DeskState
from bank_app.ui.pages.ops_reversal import ReversalState
from bank_app.ui.pages.ops_transaction import TransactionFileState
from bank_app.ui.pages.ops_transactions import TransactionListState
from bank_app.ui.transaction_filters import TransactionFilters
from tests.handlers import name_of

ACCOUNTS = name_of(DeskState)
ACCOUNT = name_of(OpsAccountState)
LIST = name_of(TransactionListState)
FILE = name_of(TransactionFileState)
REVERSAL = name_of(ReversalState)
PASSWORD, WHY = "lantern-orchard-48-violin", "Meant for somebody else, agreed by phone"


@pytest.fixture
def cookie(cookie_of, teller):
    return cookie_of(teller)


@pytest.fixture
def hers(counter, ada):
    return counter.open(ada, "100.00")


@pytest.fixture
def his(counter, ben):
    return counter.open(ben)


@pytest.fixture
def sent(counter, ada, hers, his):
    return counter.transfer(ada, hers, his, "30.00", key="rent-3", description="Rent").transaction


@pytest.fixture
def page(client):
    """One open page: `page(STATE, path, cookie)(handler, payload)` gives back everything that it shows now."""

    def begin(state, path, cookie, tab="tab-1"):
        shown = {}

        def press(handler, payload=None):
            answer = client.send(f"{state}.{handler}", payload or {}, cookie=cookie, path=path, tab=tab)
            shown.update(answer.vars)
            press.redirects = answer.redirects
            return shown

        press("open")
        return press

    return begin


def reversing(page, cookie, sent, tab="tab-1"):
    return page(REVERSAL, f"/ops/transactions/{sent.id}/reverse", cookie, tab)


def form(**fields):
    return {"form": fields}


# --- who --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [ACCOUNTS, ACCOUNT, LIST, FILE, REVERSAL])
def test_customers_reach_none_of_these_pages(client, ada, cookie_of, his, sent, state):
    theirs = cookie_of(ada)
    path = f"/ops/accounts/{his.number}" if state == ACCOUNT else f"/ops/transactions/{sent.id}"
    for handler in ("open", "refresh"):
        answer = client.send(f"{state}.{handler}", cookie=theirs, path=path)
        assert "Ben" not in answer
        assert not {"rows", "file", "sheet", "effects"} & set(answer.vars)


def test_auditors_look_and_change_nothing(page, cookie_of, auditor, counter, hers, sent):
    cookie = cookie_of(auditor)
    reversal = reversing(page, cookie, sent)
    assert reversal("refresh")["blocked"] == "Your role (Auditor) can look but not change this."
    reversal("send", form(cause="mistake", reason=WHY))
    account = page(ACCOUNT, f"/ops/accounts/{hers.number}", cookie)
    account("freeze", form(**{"freeze-reason": WHY, "scope": "all"}))
    assert account("refresh")["code"] == "forbidden"
    account("close", form(**{"close-reason": WHY}))
    account("set_limits", form(**{"limits-reason": WHY, "transfer_limit": "1"}))
    found = counter.account(hers)
    assert (found.status, found.transfer_limit_minor, counter.balance(hers)) == (AccountStatus.OPEN, None, "70.00")


def test_nobody_decides_about_an_account_of_his_own(page, cookie, counter, teller, ben, his):
    own = counter.open(teller, "50.00")
    account = page(ACCOUNT, f"/ops/accounts/{own.number}", cookie)
    assert account("refresh")["file"].own.startswith("This is your own account. A colleague decides")
    account("freeze", form(**{"freeze-reason": WHY, "scope": "all"}))
    assert account("refresh")["code"] == "forbidden"
    assert "a colleague has to do it" in account("refresh")["refused"]
    account("set_limits", form(**{"limits-reason": WHY, "overdraft_limit": "1000"}))
    moved = counter.transfer(teller, own, his, "5.00").transaction
    file = page(FILE, f"/ops/transactions/{moved.id}", cookie)("refresh")["sheet"]
    assert (file.reverse, "only a colleague can reverse it" in file.own) == ("", True)
    reversal = reversing(page, cookie, moved)
    assert (reversal("refresh")["stage"], "only a colleague" in reversal("refresh")["blocked"]) == ("forbidden", True)
    reversal("send", form(cause="mistake", reason=WHY))
    found = counter.account(own)
    assert (found.status, found.overdraft_limit_minor, counter.balance(own)) == (AccountStatus.OPEN, 0, "45.00")


# --- reversing ----------------------------------------------------------------------------------------


def test_the_page_says_what_reversing_would_do(page, cookie, sent):
    shown = reversing(page, cookie, sent)("refresh")
    assert [(line.owner, line.before, line.change, line.after) for line in shown["effects"]] == [
        ("Ben Ito", "$30.00", "−$30.00", "$0.00"), ("Ada Lindqvist", "$70.00", "+$30.00", "$100.00"),
    ]  # fmt: skip
    assert all(check.ok for check in shown["checks"])
    assert (shown["stage"], shown["blocked"], shown["sheet"].before) == ("ready", "", "$100.00")


def test_a_press_reverses_once_and_leads_back_to_the_original(page, cookie, counter, hers, his, sent):
    press = reversing(page, cookie, sent)
    press("send", form(cause="mistake", reason=WHY))
    assert press.redirects == [f"/ops/transactions/{sent.id}"]
    press("send", form(cause="mistake", reason=WHY))
    assert press.redirects == [f"/ops/transactions/{sent.id}"]
    assert (counter.balance(hers), counter.balance(his)) == ("100.00", "0.00")


def test_without_cause_or_reason_nothing_happens(page, cookie, counter, hers, sent):
    press = reversing(page, cookie, sent)
    for fields in ({}, {"cause": "because", "reason": "short"}, {"cause": ["x"], "reason": {"a": 1}}):
        shown = press("send", form(**fields))
        assert [problem.field for problem in shown["problems"]] == ["cause", "reason"]
    shown = press("send", form(cause="ours", reason="x" * 299))
    assert [problem.field for problem in shown["problems"]] == ["reason"]
    assert counter.balance(hers) == "70.00"


def test_whoever_comes_second_learns_who_was_first(page, cookie, cookie_of, admin, counter, hers, sent):
    first, second = reversing(page, cookie, sent), reversing(page, cookie_of(admin), sent, tab="tab-2")
    first("send", form(cause="twice", reason=WHY))
    shown = second("send", form(cause="twice", reason=WHY))
    assert shown["stage"] == "already"
    assert shown["already"].startswith("Already reversed on ")
    assert shown["already"].endswith(" by Olu Adeyemi.")
    assert counter.balance(hers) == "100.00"


def test_money_that_is_gone_is_not_taken_back_until_it_is_there(page, cookie, counter, ben, hers, his, sent):
    press = reversing(page, cookie, sent)
    counter.withdraw(ben, his, "20.00")
    shown = press("send", form(cause="fraud", reason=WHY))
    said = "Can't reverse: Ben Ito has $10.00 available, $30.00 is needed. No money has moved."
    assert (shown["refused"], shown["code"], shown["blocked"]) == (said, "insufficient_funds", said)
    counter.deposit(ben, his, "20.00")
    assert press("refresh")["blocked"] == ""
    press("send", form(cause="fraud", reason=WHY))
    assert counter.balance(hers) == "100.00"


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (AccountStatus.FROZEN, "is frozen. Unfreeze it first. No money has moved."),
        (AccountStatus.CLOSED, "is closed. No money has moved."),
    ],
)
def test_an_account_in_the_way_is_named(page, cookie, counter, ben, teller, his, sent, status, said):
    if status is AccountStatus.CLOSED:
        counter.withdraw(ben, his, "30.00")
    counter.change(teller, his, status=status)
    shown = reversing(page, cookie, sent)("refresh")
    assert shown["blocked"] == f"Can't reverse: Everyday ••{his.number[-4:]} of Ben Ito {said}"


def test_a_reversal_and_what_does_not_exist_have_nothing_to_press(page, cookie, counter, teller, sent):
    reversal = counter.move(teller, Reverse(sent.id, WHY))
    assert reversing(page, cookie, reversal.transaction)("refresh")["stage"] == "impossible"
    assert page(REVERSAL, "/ops/transactions/nonsense/reverse", cookie, "tab-9")("refresh")["stage"] == "missing"


# --- transactions -------------------------------------------------------------------------------------


def test_a_reference_opens_what_it_names(page, cookie, sent):
    press = page(LIST, f"/ops/transactions?reference={sent.reference}", cookie)
    assert set(press.redirects) == {f"/ops/transactions/{sent.id}"}


def test_filters_stand_in_the_address(page, cookie, sent):
    press = page(LIST, "/ops/transactions", cookie)
    wrong = press("search", form(key="rent-3", min="1,000", account="nonsense", type="gift", since="yesterday"))
    assert (press.redirects, wrong["asked"].problems.keys()) == ([], {"account", "type", "since"})
    press("search", form(key="rent-3", min="1,000"))
    assert press.redirects == ["/ops/transactions?key=rent-3&min=1000.00"]
    shown = page(LIST, "/ops/transactions?key=rent-3", cookie)("refresh")
    assert [row.reference for row in shown["rows"]] == [sent.reference]
    assert [chip.words for chip in shown["chips"]] == ["Key rent-3"]


def test_new_transactions_are_offered_and_reversals_show_at_once(page, cookie, counter, teller, sent):
    press = page(LIST, "/ops/transactions?type=transfer", cookie)
    before = [row.key for row in press("refresh")["rows"]]
    counter.move(teller, Reverse(sent.id, WHY))
    press = page(LIST, "/ops/transactions", cookie, "tab-2")
    shown = press("refresh")
    assert {row.is_reversed for row in shown["rows"] if row.key in before} == {True}
    assert shown["fresh"] == 0


def test_a_file_says_who_asked_and_where_each_entry_stands(page, cookie, ada, hers, his, sent):
    shown = page(FILE, f"/ops/transactions/{sent.id}", cookie)("refresh")
    sheet = shown["sheet"]
    assert (sheet.title, sheet.key, sheet.initiator, sheet.initiator_role) == (
        "Ada Lindqvist sent $30.00 to Ben Ito", "rent-3", "Ada Lindqvist", "Customer",
    )  # fmt: skip
    assert sheet.reverse == f"/ops/transactions/{sent.id}/reverse"
    assert [(entry.account_address, entry.amount, entry.balance) for entry in shown["entries"]] == [
        (f"/ops/accounts/{hers.number}", "−$30.00", "$70.00"), (f"/ops/accounts/{his.number}", "+$30.00", "$30.00"),
    ]  # fmt: skip


@pytest.mark.parametrize("asked", ["min=10.00", "reference=7QK2-M9RT", "status=reversed", "account=1234"])
def test_filters_survive_the_way_through_an_address(asked):
    name, _, value = asked.partition("=")
    once = TransactionFilters.of({name: value})
    again = TransactionFilters.of(dict(pair.split("=") for pair in once.address().partition("?")[2].split("&") if pair))
    assert again == once


@pytest.fixture
def browser(bank, web):
    """A browser at the routes; `browser(person)` is signed in."""

    def of(person):
        found = web(create_routes(bank.db, bank.settings))
        found.post("/auth/login", data={"email": person.email, "password": PASSWORD})
        return found

    return of


def test_the_list_is_a_file_for_the_banks_people_only(browser, ada, auditor, sent):
    answer = browser(auditor).get("/ops/transactions/export.csv?key=rent-3")
    assert answer.headers["content-disposition"].startswith('attachment; filename="transactions_')
    [row] = csv.DictReader(io.StringIO(answer.text))
    assert (row["reference"], row["amount"], row["initiator"]) == (sent.reference, "30.00", "Ada Lindqvist")
    refused = browser(ada).get("/ops/transactions/export.csv")
    assert refused.status_code == 403
    assert sent.reference not in refused.text


def test_a_visitor_gets_no_file(bank, web):
    answer = web(create_routes(bank.db, bank.settings)).get("/ops/transactions/export.csv")
    assert answer.headers["location"] == "/sign-in?next=/ops/transactions"


# --- accounts -----------------------------------------------------------------------------------------


def test_accounts_are_found_by_number_owner_and_status(page, cookie, counter, teller, hers, his):
    counter.change(teller, his, status=AccountStatus.FROZEN)
    for query, number in (("q=ben%20ito", his), (f"q={hers.number}", hers), ("status=frozen", his)):
        shown = page(ACCOUNTS, f"/ops/accounts?{query}", cookie)("refresh")
        assert [row.number for row in shown["rows"]] == [number.grouped_number]


def test_freezing_needs_a_reason_and_says_what_it_meets(page, cookie, counter, ada, his, hers):
    counter.hold(ada, hers, "5.00", to=his)
    press = page(ACCOUNT, f"/ops/accounts/{hers.number}", cookie)
    assert press("prepare")["freeze_effects"] == ["1 hold ($5.00) stays set aside and cannot be captured."]
    shown = press("freeze", form(**{"freeze-reason": "short"}))
    assert shown["reason_error"] == "Write a reason (at least 10 characters). It goes into the audit log."
    press("freeze", form(**{"freeze-reason": WHY, "scope": "nonsense"}))
    assert (counter.account(hers).status, counter.account(hers).frozen_for) == (AccountStatus.FROZEN, "debits")
    press("freeze", form(**{"freeze-reason": WHY, "scope": "all"}))
    assert counter.account(hers).frozen_for == "all"
    press("unfreeze", form(**{"unfreeze-reason": WHY}))
    assert counter.account(hers).status is AccountStatus.OPEN


def test_closing_names_what_is_in_the_way(page, cookie, counter, ada, hers):
    held = counter.hold(ada, hers, "5.00")
    press = page(ACCOUNT, f"/ops/accounts/{hers.number}", cookie)
    texts = [found.text for found in press("prepare")["obstructions"]]
    assert texts == [
        "Can't close: $100.00 is still in it. Move it out first.",
        "Can't close: $5.00 is set aside by 1 hold. Release that first.",
    ]
    shown = press("close", form(**{"close-reason": WHY}))
    assert (shown["code"], counter.account(hers).status) == ("account_not_empty", AccountStatus.OPEN)
    press("release", {"hold_id": str(held.hold.id)})
    counter.withdraw(ada, hers, "100.00")
    press("close", form(**{"close-reason": WHY}))
    assert counter.account(hers).status is AccountStatus.CLOSED


def test_limits_are_read_as_typed(page, cookie, counter, hers):
    press = page(ACCOUNT, f"/ops/accounts/{hers.number}", cookie)
    wanted = {"overdraft_limit": "1,000", "transfer_limit": "", "daily_limit": "0"}
    shown = press("set_limits", form(**wanted, **{"limits-reason": "no"}))
    assert [problem.field for problem in shown["problems"]] == ["limits-reason"]
    shown = press("set_limits", form(overdraft_limit="-5", transfer_limit="a", **{"limits-reason": WHY}))
    assert [problem.field for problem in shown["problems"]] == ["overdraft_limit", "transfer_limit"]
    press("set_limits", form(**wanted, **{"limits-reason": WHY}))
    found = counter.account(hers)
    assert (found.overdraft_limit_minor, found.transfer_limit_minor, found.daily_limit_minor) == (100_000, None, 0)


def test_what_was_declined_says_why(page, cookie, counter, ada, teller, hers, his):
    with pytest.raises(errors.InsufficientFunds):
        counter.transfer(ada, hers, his, "500.00", key="much")
    counter.change(teller, his, status=AccountStatus.CLOSED)
    with pytest.raises(errors.AccountClosed):
        counter.transfer(ada, hers, his, "5.00", key="closed")
    shown = page(ACCOUNT, f"/ops/accounts/{hers.number}", cookie)("refresh")
    assert [(row.title, row.amount, row.reason) for row in shown["declined"]] == [
        ("To Ben Ito", "$5.00", "The receiving account was closed. No money has moved."),
        (
            "To Ben Ito", "$500.00",
            "Not enough money. This account has $100.00 available; this needs $500.00. No money has moved.",
        ),
    ]  # fmt: skip


@pytest.mark.parametrize("payload", [{"hold_id": "x"}, {"hold_id": None}, {"hold_id": ["a"]}])
def test_nonsense_releases_nothing(page, cookie, hers, payload):
    page(ACCOUNT, f"/ops/accounts/{hers.number}", cookie)("release", payload)


def test_what_does_not_exist_is_said_to_be_missing(page, cookie):
    assert page(ACCOUNT, "/ops/accounts/1234567889", cookie)("refresh")["missing"] == "1234567889"
    assert page(FILE, "/ops/transactions/nonsense", cookie, "tab-2")("refresh")["missing"] is True


def test_admins_decide_like_tellers(page, cookie_of, bank, counter, hers):
    admin = auth.register(bank.db, email="root@bank.test", name="Noor Haddad", password=PASSWORD, role=Role.ADMIN)
    page(ACCOUNT, f"/ops/accounts/{hers.number}", cookie_of(admin))("freeze", form(**{"freeze-reason": WHY}))
    assert counter.account(hers).status is AccountStatus.FROZEN


def test_a_search_that_takes_too_long_says_how_far_back_it_got(page, cookie, counter, ada, hers, his, monkeypatch):
    for _ in range(4):
        counter.transfer(ada, hers, his, "1.00")
    monkeypatch.setattr(newest, "_STRETCH", 3)
    monkeypatch.setattr(newest, "_SECONDS", 0)
    press = page(LIST, "/ops/transactions?min=50", cookie)
    shown = press("refresh")
    assert (shown["rows"], shown["more"]) == ([], True)
    assert shown["searched"].startswith("Today, ")
    assert shown["said"] == f"0 transactions found, searched back to {shown['searched']}"
    shown = press("load_more")
    assert ([row.amount for row in shown["rows"]], shown["more"], shown["searched"]) == (["$100.00"], False, "")
