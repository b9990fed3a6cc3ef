"""What customers' pages do with the events of a browser: numbers of their own accounts, and nobody else's."""

import json
from datetime import UTC, datetime

import pytest

from bank_app import clock
from bank_app.domain.accounting import AccountKind, AccountStatus, FrozenFor
from bank_app.domain.identifiers import account_number_text, with_check_digits
from bank_app.services import accounts, drafts, mail, payees
from bank_app.ui import calls
from bank_app.ui.filters import Filters
from bank_app.ui.pages.account import AccountState
from bank_app.ui.pages.account_ledger import LedgerState
from bank_app.ui.pages.accounts import AccountsState, OpenAccountState
from bank_app.ui.pages.cash import DepositState, WithdrawState
from bank_app.ui.pages.home import HomeState
from bank_app.ui.pages.home_flow import FlowState
from bank_app.ui.pages.payee_offer import OfferState
from bank_app.ui.pages.payees import NewPayeeState, PayeesState
from bank_app.ui.pages.review import ReviewState
from bank_app.ui.pages.settings import ProfileState
from bank_app.ui.pages.statements import StatementsState, StatementState
from tests.handlers import name_of

ACCOUNT, LEDGER = name_of(AccountState), name_of(LedgerState)
PAYEES, NEW_PAYEE = name_of(PayeesState), name_of(NewPayeeState)
OFFER = name_of(OfferState)
STATEMENTS, STATEMENT = name_of(StatementsState), name_of(StatementState)
ACCOUNTS = name_of(AccountsState)
OPEN_ACCOUNT, WITHDRAW = name_of(OpenAccountState), name_of(WithdrawState)
DEPOSIT, REVIEW = name_of(DepositState), name_of(ReviewState)
UNKNOWN = account_number_text(with_check_digits(99999998))
NOW = datetime(2026, 11, 20, 14, 3, tzinfo=UTC)


@pytest.fixture
def hers(counter, ada, ben):
    account = counter.open(ada, "100.00", nickname="Everyday")
    counter.transfer(ada, account, counter.open(ben, "5.00"), "30.00")
    return account


@pytest.fixture
def at(client, cookie_of):
    """`at(ada, "/accounts/1")` sends events of a page as a person."""

    def page(person, path, tab=""):
        cookie, tab = cookie_of(person), tab or person.name
        return lambda event, /, **payload: client.send(event, payload, cookie=cookie, path=path, tab=tab)

    return page


# --- opening an account -----------------------------------------------------------------------------------


def test_an_account_is_opened_in_the_chosen_currency(at, ada, hers, db):
    send = at(ada, "/accounts/new")
    offered = send(f"{OPEN_ACCOUNT}.open").vars
    codes = [one.code for one in offered["currencies"]]
    assert (offered["currency"], {"USD", "EUR", "JPY", "KWD"} <= set(codes), "XAU" in codes) == ("USD", True, False)
    for code, says in (("EUR", "€0.00"), ("JPY", "¥0"), ("KWD", "0.000")):
        answer = send(f"{OPEN_ACCOUNT}.submit", form={"kind": "checking", "currency": code, "nickname": ""})
        [path] = answer.redirects
        account_id = int(path.rpartition("/")[2])
        opened = db.read(lambda session, account_id=account_id: accounts.get_account(session, ada, account_id))
        assert (opened.currency, opened.title) == (code, f"Everyday {code}")
        assert says in repr((answer.vars, answer.events))
    refused = send(f"{OPEN_ACCOUNT}.submit", form={"kind": "checking", "currency": "XAU", "nickname": ""})
    assert (refused.redirects, len(refused.vars["problems"])) == ([], 1)


def test_a_form_that_is_sent_twice_opens_one_account(at, ada, hers, db):
    """By a double press, after a reload, from a second tab, or when the answer was lost on its way."""
    form = {"kind": "savings", "currency": "USD", "nickname": "Rainy days"}
    tabs = [at(ada, "/accounts/new", tab=name) for name in ("one", "two")]
    for send in tabs:
        send(f"{OPEN_ACCOUNT}.open")
    first = tabs[0](f"{OPEN_ACCOUNT}.submit", form=form)
    tabs[0](f"{OPEN_ACCOUNT}.open")
    again, elsewhere = (send(f"{OPEN_ACCOUNT}.submit", form=form) for send in tabs)
    assert len({*first.redirects, *again.redirects, *elsewhere.redirects}) == 1
    assert "The form was sent twice and opened one account." in repr((again.vars, again.events))
    assert len(db.read(lambda session: accounts.own_accounts(session, ada))) == 2


def test_who_comes_back_opens_another_account_with_the_same_words(at, ada, hers, db):
    form, send = {"kind": "savings", "currency": "USD", "nickname": "Rainy days"}, at(ada, "/accounts/new")
    for _ in range(2):
        send(f"{OPEN_ACCOUNT}.open")
        send(f"{OPEN_ACCOUNT}.submit", form=form)
        send(f"{OPEN_ACCOUNT}.leave")
    assert len(db.read(lambda session: accounts.own_accounts(session, ada))) == 3


# --- the overview --------------------------------------------------------------------------------------------


def test_the_overview_is_of_one_currency_with_its_chart_and_its_flow(at, counter, ada, teller, db):
    counter.open(ada, "1000000", currency="JPY", kind=AccountKind.SAVINGS)
    gone = counter.open(ada, currency="EUR")
    counter.change(teller, gone, status=AccountStatus.CLOSED)
    counter.withdraw(ada, counter.open(ada, "100.00"), "30.00")
    send = at(ada, "/home")
    shown = send(name_of(HomeState.open)).vars
    assert (shown["available"].whole, shown["chart"].ending, shown["chart"].table[0].balance) == (
        "$70",
        "$70.00",
        "$70.00",
    )
    assert send(name_of(FlowState.open)).vars["bars"].out == "−$30.00"


# --- amounts that are too much -----------------------------------------------------------------------------


def test_an_amount_beyond_the_balance_is_said_while_it_is_typed(at, ada, hers):
    send = at(ada, f"/move/withdraw?from={hers.number}")
    send(f"{WITHDRAW}.open")
    said = send(f"{WITHDRAW}.read", text="70.01").vars
    assert (said["too_much"], said["after"], said["suggestion"]) == (True, "−$0.01", "$70.00")
    assert said["errors"]["amount"].startswith("Not enough money.")
    said = send(f"{WITHDRAW}.read", text="70.00").vars
    assert (said["too_much"], said["errors"]["amount"]) == (False, "")


# --- one account ----------------------------------------------------------------------------------------


def test_a_balance_is_proved_and_looked_up_as_of_then(at, ada, hers):
    send = at(ada, f"/accounts/{hers.number}")
    send(f"{ACCOUNT}.open")
    proved = send(f"{ACCOUNT}.prove").vars["proof"]
    assert proved.holds
    assert proved.sentence.startswith("2 entries add up to $70.00 — equal to the stored balance.")
    now = clock.now()
    then = send(f"{ACCOUNT}.ask", form={"at": f"{now.year + 1}-01-01 12:00"}).vars["then"]
    assert (then.balance, then.address.startswith("/transactions/")) == ("$70.00", True)
    assert then.after.startswith("after Ben")
    for typed in ("3 Jan 2020, 12:00", "\u200b2020–01–03\u00a012:00", "２０２０-０１-０３　１２：００"):
        before = send(f"{ACCOUNT}.ask", form={"at": typed}).vars["then"]
        assert (before.balance, before.after) == ("$0.00", "before the first entry"), typed
    for typed in ("", "yesterday", "0001-01-01", "2026-13-01", "x" * 500):
        answer = send(f"{ACCOUNT}.ask", form={"at": typed})
        assert answer.vars["then"].problem, typed


def test_proving_without_end_is_refused(at, ada, hers, bank):
    calls.adopt(bank.settings.model_copy(update={"rate_limits": True}))
    send = at(ada, f"/accounts/{hers.number}")
    send(f"{ACCOUNT}.open")
    answers = [send(f"{ACCOUNT}.prove") for _ in range(31)]
    assert all("add up to" in answer for answer in answers[:2])
    assert "add up to" not in answers[-1]
    assert "Too many tries" in answers[-1]


def test_new_entries_wait_until_they_are_asked_for(at, counter, ada, hers):
    send = at(ada, f"/accounts/{hers.number}")
    send(f"{ACCOUNT}.open")
    first = send(f"{LEDGER}.open")
    assert [row.amount for day in first.vars["days"] for row in day.rows] == ["−$30.00", "+$100.00"]
    counter.deposit(ada, hers, "1.00")
    counter.hold(ada, hers, "2.00", description="Hotel")
    waiting = send(f"{ACCOUNT}.refresh").vars
    assert waiting["fresh"] == 2
    assert waiting["current"] == "$71.00"
    assert "days" not in waiting
    shown = send(f"{LEDGER}.show_fresh").vars
    assert next(row.amount for day in shown["days"] for row in day.rows) == "+$1.00"
    assert [held.title for held in shown["pending"]] == ["Hotel"]
    assert shown["fresh"] == 0


def test_the_entries_of_a_period_are_joined_to_its_balances(at, ada, hers):
    send = at(ada, f"/accounts/{hers.number}?since=2020-01-01")
    closing = send(f"{LEDGER}.open").vars["closing"]
    assert closing.equation == "Opening $0.00 + in $100.00 − out $30.00 = closing $70.00"
    search = at(ada, f"/accounts/{hers.number}?q=nothing")
    assert not search(f"{LEDGER}.open").vars.get("closing", closing).equation


def test_an_account_is_renamed_by_its_owner_only(at, counter, ada, eve, hers):
    at(ada, f"/accounts/{hers.number}")(f"{ACCOUNTS}.rename", number=hers.number, name="Rent")
    assert counter.account(hers).title == "Rent"
    at(eve, "/accounts")(f"{ACCOUNTS}.rename", number=hers.number, name="Mine")
    at(eve, "/accounts")(f"{ACCOUNTS}.rename", number="nonsense", name=7)
    assert counter.account(hers).title == "Rent"


# --- payees ---------------------------------------------------------------------------------------------


def test_a_payee_is_saved_after_the_check(at, bank, ada, ben, counter):
    his = counter.open(ben)
    send = at(ada, "/payees/new")
    send(f"{NEW_PAYEE}.open")

    def submit(name, **more):
        return send(f"{NEW_PAYEE}.submit", form={"number": his.grouped_number, "name": name, **more})

    assert submit("Bem Ito").vars["suggestion"] == ben.name
    assert submit("Somebody Else").vars["outcome"] == "none"
    refused = submit("Somebody Else")
    assert "Ben" not in refused
    assert refused.vars["checked_error"]
    assert submit(ben.name, nickname="x" * 61).vars["nickname_error"]
    assert submit(ben.name, nickname="Coffee").redirects == ["/payees"]
    [view] = bank.db.read(lambda session: payees.saved(session, ada))
    assert (view.title, view.account_id) == ("Coffee", his.id)


@pytest.mark.parametrize(
    ("number", "problem"),
    [("", "enter an account number"), ("123", "10 digits"), ("1234567802", "typo"), (UNKNOWN, "No account here")],
)
def test_a_number_that_is_none_is_refused(at, bank, ada, number, problem):
    send = at(ada, "/payees/new")
    send(f"{NEW_PAYEE}.open")
    assert problem in send(f"{NEW_PAYEE}.submit", form={"number": number, "name": "Ben Ito"}).vars["number_error"]
    assert bank.db.read(lambda session: payees.saved(session, ada)) == []


def test_payees_are_listed_searched_and_removed_by_their_keeper(at, bank, ada, eve, ben, counter):
    his = counter.open(ben)
    view = bank.db.unit_of_work(lambda session: payees.save(session, ada, account_id=his.id, name=ben.name))
    send = at(ada, "/payees")
    assert [row.title for row in send(f"{PAYEES}.open").vars["rows"]] == [ben.name]
    nobody = at(eve, "/payees")
    nobody(f"{PAYEES}.open")
    nobody(f"{PAYEES}.rename", key=str(view.id), name="Hers")
    nobody(f"{PAYEES}.ask", key=str(view.id))
    nobody(f"{PAYEES}.remove")
    assert [kept.title for kept in bank.db.read(lambda session: payees.saved(session, ada))] == [ben.name]
    send(f"{PAYEES}.rename", key=str(view.id), name="Coffee")
    send(f"{PAYEES}.ask", key=str(view.id))
    assert send(f"{PAYEES}.remove").vars["next_id"] == "add-payee"
    assert bank.db.read(lambda session: payees.saved(session, ada)) == []


def test_a_receipt_offers_to_keep_whom_it_paid_once(at, bank, counter, ada, ben, hers):
    moved = counter.transfer(ada, hers, counter.open(ben), "1.00").transaction
    path = f"/transactions/{moved.id}"
    send = at(ada, path)
    assert send(f"{OFFER}.open").vars["name"] == ben.name
    send(f"{OFFER}.save")
    assert len(bank.db.read(lambda session: payees.saved(session, ada))) == 1
    assert not send(f"{OFFER}.open").vars.get("name")
    receiver = at(ben, path)
    receiver(f"{OFFER}.open")
    receiver(f"{OFFER}.save")
    assert bank.db.read(lambda session: payees.saved(session, ben)) == []


# --- statements -----------------------------------------------------------------------------------------


def test_months_and_a_statement_say_the_same(at, ada, hers):
    months = at(ada, "/statements")(f"{STATEMENTS}.open").vars
    [month] = months["months"]
    assert (month.opening, month.closing, month.adds_up, months["all_add_up"]) == ("$0.00", "$70.00", True, True)
    paper = at(ada, month.address)(f"{STATEMENT}.open").vars["paper"]
    assert (paper.opening, paper.into, paper.out, paper.closing) == ("$0.00", "+$100.00", "−$30.00", "$70.00")
    assert len(paper.hash) == 64


def test_a_month_without_entries_says_so(at, ada, hers):
    paper = at(ada, f"/statements/{hers.number}?month=2020-08")(f"{STATEMENT}.open").vars["paper"]
    assert paper.nothing == "No entries in August 2020. Closing balance $0.00."


def test_a_period_is_checked_before_it_is_shown(at, ada, hers):
    send = at(ada, "/statements")
    send(f"{STATEMENTS}.open")

    def show(first, last):
        return send(f"{STATEMENTS}.show_period", form={"from": first, "to": last})

    assert show("2026-01-05", "2026-01-03").vars["to_error"] == "The last day must not be before the first."
    assert show("x", "2026-01-03").vars["from_error"]
    assert show("2026-01-03", "2026-01-05").redirects == [f"/statements/{hers.number}?from=2026-01-03&to=2026-01-05"]


def test_the_statements_of_somebody_else_do_not_exist(at, eve, hers):
    for path, name in ((f"/statements?account={hers.number}", f"{STATEMENTS}.open"),):
        assert "70.00" not in at(eve, path)(name)
    answer = at(eve, f"/statements/{hers.number}?month={clock.now():%Y-%m}")(f"{STATEMENT}.open")
    assert answer.vars["missing"] == hers.number
    assert "70.00" not in answer


@pytest.fixture
def browser(site, bank, web):
    from bank_app.ui.browser_routes import create_routes

    return web(create_routes(bank.db, bank.settings))


def test_statements_are_downloaded_by_their_owner(browser, cookie_of, ada, eve, hers):
    path, query = f"/accounts/{hers.number}/statement", {"month": f"{clock.now():%Y-%m}"}
    assert browser.get(f"{path}.csv", params=query).headers["location"] == f"/sign-in?next=/statements/{hers.number}"
    browser.headers = {"cookie": cookie_of(ada)}
    file = browser.get(f"{path}.csv", params=query)
    name = f"everyday-{hers.number[-4:]}_{query['month']}.csv"
    assert file.headers["content-disposition"] == f'attachment; filename="{name}"'
    assert file.headers["cache-control"] == "no-store"
    assert len(file.text.splitlines()) == 3
    assert json.loads(browser.get(f"{path}.json", params=query).text)["closing"] == "70.00"
    days = browser.get(f"{path}.json", params={"from": "2020-01-01", "to": "2020-01-31"})
    assert json.loads(days.text)["entries"] == []
    for wrong in (
        {},
        {"month": "2026-13"},
        {"from": "2026-02-02", "to": "2026-02-01"},
        {"from": "x", "to": "9999-12-31"},
    ):
        assert browser.get(f"{path}.csv", params=wrong).status_code == 422
    assert browser.get(f"{path}.exe", params=query).status_code == 404
    browser.headers = {"cookie": cookie_of(eve)}
    theirs, nobodys = (browser.get(f"/accounts/{n}/statement.csv", params=query) for n in (hers.number, "1234567802"))
    assert theirs.status_code == nobodys.status_code == 404
    assert "70.00" not in theirs.text


# --- filters --------------------------------------------------------------------------------------------


def test_several_kinds_come_from_boxes_and_stand_in_the_address():
    wanted = Filters.of({"type-deposit": "deposit", "type-transfer": True, "type-reversal": "", "type-x": "x"})
    assert wanted.address("/a") == "/a?type=transfer%2Cdeposit"
    assert Filters.of({"type": "transfer,deposit"}) == wanted
    assert len(wanted.to_history().types) == 2
    assert not wanted.is_period()


def test_usual_periods_and_one_more_month(monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: NOW)
    found = {chip.words: chip.without for chip in Filters(q="rent").periods("/a")}
    assert found == {
        "This month": "/a?q=rent&since=2026-11-01",
        "Last month": "/a?q=rent&since=2026-10-01&until=2026-10-31",
        "90 days": "/a?q=rent&since=2026-08-22",
    }
    more = Filters(since="2026-01-01").month_before("/a")
    assert (more.words, more.without) == ("Show December 2025 too", "/a?since=2025-12-01")
    assert Filters(since="0001-01-01").month_before("/a") is None
    assert Filters(since="2026-01-02").month_before("/a") is None


# --- cash -------------------------------------------------------------------------------------------------


def test_money_that_cannot_arrive_is_not_said_to_be_unable_to_leave(at, counter, ada, hers, teller):
    send = at(teller, f"/move/deposit?account={hers.number}")
    counter.change(teller, hers, status=AccountStatus.FROZEN, frozen_for=FrozenFor.ALL, reason="Asked for by the owner")
    send(f"{DEPOSIT}.open")
    answer = send(f"{DEPOSIT}.add", form={"source": hers.number, "amount": "5.00"})
    [problem] = answer.vars["problems"]
    assert "is frozen, so money can't arrive in it." in problem.text


def test_what_was_sent_leads_to_its_receipt_once(at, bank, counter, ada, ben, hers):
    """The books change by it, and whoever has gone on meanwhile is not fetched back by what pages do about that."""
    his = counter.open(ben, "1.00")
    draft = bank.db.unit_of_work(
        lambda session: drafts.save(
            session, ada, kind="transfer", amount_minor=500, currency="USD", from_account_id=hers.id,
            to_account_id=his.id, payee_name=ben.name, payee_result="match",
        )
    )  # fmt: skip
    send, another = at(ada, f"/move/review/{draft.id}"), at(ada, f"/move/review/{draft.id}", tab="tab-2")
    for tab in (send, another):
        tab(f"{REVIEW}.open")
    [receipt] = send(f"{REVIEW}.send").redirects
    assert receipt.startswith("/transactions/")
    assert send(f"{REVIEW}.refresh").redirects == []
    assert another(f"{REVIEW}.refresh").redirects == [receipt]
    assert send(f"{REVIEW}.open").redirects == [receipt]


def test_money_by_mail_is_offered_by_a_bank_that_writes_letters(at, bank, ada, monkeypatch):
    profile = f"{name_of(ProfileState)}."
    send = at(ada, "/settings/profile")
    assert send(profile + "open").vars["letters"] is False
    monkeypatch.setattr(mail, "is_set_up", lambda _settings: True)
    assert (send(profile + "open").vars["letters"], send(profile + "open").vars["money_by_mail"]) == (True, False)
    for wanted in (True, False):
        assert send(profile + "choose_money_by_mail", wanted=wanted).vars["money_by_mail"] is wanted
        assert bank.db.read(lambda session: mail.wants_money(session, ada.user_id)) is wanted
