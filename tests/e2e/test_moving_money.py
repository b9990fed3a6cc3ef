"""Moving money as people do it: in real browsers, against the production build, with the books looked at afterwards."""

import re
import sqlite3
from contextlib import closing

import pytest
from playwright.sync_api import expect

from bank_app.domain.accounting import AccountStatus, FrozenFor, Role
from bank_app.domain.identifiers import account_number_text, with_check_digits
from bank_app.services import accounts

REVIEW, RECEIPT = re.compile(r"/move/review/[0-9a-f-]{36}/?$"), re.compile(r"/transactions/[0-9a-f-]{36}/?$")
AMOUNT, SAFE = "Amount in US dollars", "No money has moved."


@pytest.fixture
def ada(person):
    return person("Ada Lindqvist", Everyday="500.00", Savings="100.00")


@pytest.fixture
def ben(person):
    return person("Ben Ito", Everyday=None)


@pytest.fixture
def balance(api):
    """What the ledger says over REST: `balance(ada)` of the account called Everyday."""
    clients = {}

    def of(somebody, title="Everyday"):
        client = clients.get(somebody.actor.email) or clients.setdefault(somebody.actor.email, api(somebody))
        return client.get(f"/accounts/{somebody.number(title)}").json()["balance"]

    of.entries = lambda somebody, title="Everyday": (
        api(somebody).get(f"/accounts/{somebody.number(title)}/history").json()["items"]
    )
    return of


def heading(page, words):
    return page.get_by_role("heading", level=1, name=words, exact=True)


def account(page, title):
    return page.get_by_role("radio", name=re.compile(f"^{title} ••"))


def fill_in(page, somebody, amount, *, source="Everyday", name=None, note=None):
    """The form for a new number, up to but without Continue."""
    page.goto("/move/transfer")
    expect(heading(page, "Send money")).to_be_visible()
    account(page, source).first.check()
    if page.get_by_text("New number").is_visible():
        page.get_by_text("New number").click()
    page.get_by_label("Account number").fill(somebody.number())
    page.get_by_label("Name on the account").fill(name or somebody.actor.name)
    page.get_by_label(AMOUNT).fill(amount)
    if note:
        page.get_by_label("Note for them").fill(note)


def review(page, somebody, amount, **rest):
    """As far as the page with the Send button."""
    fill_in(page, somebody, amount, **rest)
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url(REVIEW)
    expect(heading(page, "Check and send")).to_be_visible()


def send(page, label):
    page.get_by_role("button", name=f"Send {label}", exact=True).click()
    page.wait_for_url(RECEIPT)


def freeze(bank, teller, somebody, status=AccountStatus.FROZEN, scope=FrozenFor.DEBITS, title="Everyday"):
    more = {"frozen_for": scope} if status is AccountStatus.FROZEN else {}
    bank.db.unit_of_work(
        lambda session: accounts.change_account(
            session, teller.actor, somebody.accounts[title].id, status=status, reason="The test says so", **more
        )
    )


def withdraw_elsewhere(api, somebody, amount):
    answer = api(somebody).post(
        "/transactions/withdraw",
        json={"account_id": somebody.number(), "amount": amount},
        headers={"idempotency-key": amount},
    )
    assert answer.status_code == 201, answer.text


# --- the way it should go -----------------------------------------------------------------------------


def test_sign_in_deposit_transfer_and_both_balances(visit, person, balance):
    ada, ben = person("Ada Lindqvist", Everyday=None), person("Ben Ito", Everyday=None)
    page = visit()
    page.goto("/sign-in")
    page.get_by_label("Email").fill(ada.actor.email)
    page.get_by_label("Password", exact=True).fill("lantern-orchard-48-violin")
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(re.compile("/home"))

    page.goto("/move")
    page.get_by_role("link", name=re.compile("Add money")).click()
    page.get_by_label(AMOUNT).fill("100")
    page.get_by_label(AMOUNT).blur()
    page.get_by_role("button", name="Add $100.00").click()
    expect(heading(page, "Added $100.00 to Everyday")).to_be_visible()
    expect(page.get_by_text("$100.00 added to Everyday.")).to_be_visible()

    review(page, ben, "25", note="Bike lights, thank you")
    expect(page.get_by_text("The name matches the account.")).to_be_visible()
    expect(page.get_by_text("This is your first payment to Ben Ito.")).to_be_visible()
    expect(page.get_by_role("definition").filter(has_text="$75.00")).to_be_visible()
    send(page, "$25.00")
    expect(heading(page, "Sent $25.00 to Ben Ito")).to_be_visible()
    expect(page.get_by_text("$25.00 sent to Ben Ito.", exact=True)).to_be_visible()
    assert (balance(ada), balance(ben)) == ("75.00", "25.00")

    page.goto(f"/accounts/{ada.number()}")
    expect(page.get_by_text("$75.00").first).to_be_visible()
    other = visit(ben)
    other.goto("/home")
    expect(other.get_by_text("Ada Lindqvist").first).to_be_visible()
    expect(other.get_by_text("+$25.00").first).to_be_visible()


def test_a_receipt_says_the_same_after_a_reload_and_to_both_sides_in_their_words(visit, ada, ben):
    page = visit(ada)
    review(page, ben, "25", note="Bike lights")
    send(page, "$25.00")
    for _ in range(2):
        expect(heading(page, "Sent $25.00 to Ben Ito")).to_be_visible()
        expect(page.get_by_role("cell", name="Only Ben sees this")).to_be_visible()
        expect(page.get_by_role("cell", name="$475.00")).to_be_visible()
        expect(page.get_by_role("cell", name="$0.00", exact=True)).to_be_visible()
        page.reload()
    other = visit(ben)
    other.goto(page.url)
    expect(heading(other, "Received $25.00 from Ada Lindqvist")).to_be_visible()
    expect(other.get_by_text("Bike lights")).to_be_visible()
    expect(other.get_by_role("cell", name="Only Ada sees this")).to_be_visible()
    expect(other.get_by_text("$475.00")).to_have_count(0)


def test_a_receipt_of_other_people_is_not_found(visit, person, ada, ben):
    page = visit(ada)
    review(page, ben, "25")
    send(page, "$25.00")
    stranger = visit(person("Eve Marlow", Everyday=None))
    stranger.goto(page.url)
    expect(heading(stranger, "Not found")).to_be_visible()
    expect(stranger.get_by_text("This page doesn't exist, or isn't yours.")).to_be_visible()


def test_between_own_accounts_needs_no_name(visit, ada, balance):
    page = visit(ada)
    page.goto("/move")
    page.get_by_role("link", name=re.compile("Between my accounts")).click()
    account(page, "Everyday").first.check()
    page.get_by_role("group", name="Which of the accounts").get_by_role("radio", name=re.compile("Savings")).check()
    page.get_by_label(AMOUNT).fill("40")
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url(REVIEW)
    expect(page.get_by_text("first payment")).to_have_count(0)
    send(page, "$40.00")
    expect(heading(page, "Moved $40.00 from Everyday to Savings")).to_be_visible()
    assert (balance(ada), balance(ada, "Savings")) == ("460.00", "140.00")


def test_somebody_paid_before_is_chosen_and_not_typed_again(visit, ada, ben, balance):
    page = visit(ada)
    review(page, ben, "25")
    send(page, "$25.00")
    page.goto("/move")
    page.get_by_role("link", name=re.compile("Pay Ben Ito")).click()
    expect(page.get_by_role("radio", name=re.compile("Ben Ito"))).to_be_checked()
    account(page, "Everyday").first.check()
    page.get_by_label(AMOUNT).fill("5")
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url(REVIEW)
    expect(page.get_by_text("first payment")).to_have_count(0)
    send(page, "$5.00")
    assert balance(ben) == "30.00"


def test_money_is_taken_out_after_a_look_at_it(visit, ada, balance):
    page = visit(ada)
    page.goto("/move/withdraw")
    account(page, "Everyday").check()
    page.get_by_role("button", name="Max ($500.00)").click()
    expect(page.get_by_label(AMOUNT)).to_have_value("500.00")
    page.get_by_label(AMOUNT).fill("40")
    page.get_by_role("button", name="Continue").click()
    expect(heading(page, "Check and withdraw")).to_be_visible()
    page.get_by_role("button", name="Withdraw $40.00").click()
    expect(heading(page, "Withdrew $40.00 from Everyday")).to_be_visible()
    expect(page.get_by_text("$40.00 withdrawn from Everyday.")).to_be_visible()
    assert balance(ada) == "460.00"


def test_two_people_pay_each_other_in_two_windows(visit, ada, ben, balance):
    hers, his = visit(ada), visit(ben)
    review(hers, ben, "25")
    send(hers, "$25.00")
    review(his, ada, "10")
    send(his, "$10.00")
    assert (balance(ada), balance(ben)) == ("485.00", "15.00")
    expect(heading(his, "Sent $10.00 to Ada Lindqvist")).to_be_visible()
    expect(heading(hers, "Sent $25.00 to Ben Ito")).to_be_visible()


def test_a_teller_pays_in_for_a_customer_and_sees_both_sides(visit, person, ben, balance):
    page = visit(person("Olu Adeyemi", Role.TELLER))
    page.goto(f"/move/deposit?account={ben.number()}")
    expect(page.get_by_text("Ben Ito")).to_be_visible()
    page.get_by_label(AMOUNT).fill("12.50")
    page.get_by_role("button", name=re.compile("^Add")).click()
    expect(heading(page, "Added $12.50 to Ben Ito: Everyday")).to_be_visible()
    expect(page.get_by_text("Kept by the bank")).to_have_count(0)
    assert balance(ben) == "12.50"


# --- no, and why ----------------------------------------------------------------------------------------


def test_all_problems_are_said_at_once_and_lead_to_their_fields(visit, ada, balance):
    page = visit(ada)
    page.goto("/move/transfer")
    page.get_by_text("New number").click()
    page.get_by_role("button", name="Continue").click()
    summary = page.locator("#problems")
    expect(summary).to_be_focused()
    for sentence in (
        "Choose the account that pays.",
        "Choose who to pay, or enter an account number.",
        "Enter the name on the account.",
        "Enter an amount.",
    ):
        expect(summary.get_by_role("link", name=sentence)).to_be_visible()
    summary.get_by_role("link", name="Enter an amount.").click()
    expect(page.get_by_label(AMOUNT)).to_be_focused()
    summary.get_by_role("link", name="Choose the account that pays.").click()
    expect(account(page, "Everyday").first).to_be_focused()
    assert balance(ada) == "500.00"


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("ten", "Enter the amount as a number, like 25 or 25.50."),
        ("0", "Enter an amount above $0.00."),
        ("-5", "Enter an amount above $0.00."),
        ("12.3456", "US dollars amounts have 2 decimals at most."),
        ("12.345", "Did you mean $12,345.00? If not, use at most 2 decimals."),
        ("99999999999999999", "That is more than this bank can record in one entry."),
        ("500.01", f"Not enough money. Everyday ••{{ending}} has $500.00 available; this needs $500.01. {SAFE}"),
    ],
)
def test_an_amount_is_refused_with_its_reason_and_the_input_stays(visit, ada, ben, typed, sentence):
    page = visit(ada)
    fill_in(page, ben, typed)
    page.get_by_role("button", name="Continue").click()
    expect(page.locator("#problems")).to_contain_text(sentence.format(ending=ada.number()[-4:]))
    expect(page.get_by_label(AMOUNT)).to_have_value(typed)
    expect(page.get_by_label(AMOUNT)).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Name on the account")).to_have_value("Ben Ito")


def test_a_suggested_amount_is_taken_with_one_press(visit, ada, ben):
    page = visit(ada)
    fill_in(page, ben, "1.234")
    page.get_by_label(AMOUNT).blur()
    page.get_by_role("button", name="Use $1,234.00").click()
    expect(page.get_by_label(AMOUNT)).to_have_value("1234.00")
    expect(page.locator("#amount-echo")).to_contain_text("You’ll send $1,234.00")


def test_a_number_is_refused_with_its_reason(visit, ada, ben):
    page = visit(ada)
    number = ben.number()
    typo = number[:-1] + str((int(number[-1]) + 1) % 10)
    cases = {
        "123 456 789": "Account numbers have 10 digits. You entered 9.",
        typo: "That number has a typo — its last two digits don't fit the rest.",
        account_number_text(
            with_check_digits(10_000_000)
        ): f"No account here has that number. Check it with the person you're paying. {SAFE}",
        ada.number(): "Choose two different accounts.",
    }
    fill_in(page, ben, "5")
    for typed, sentence in cases.items():
        page.get_by_label("Account number").fill(typed)
        page.get_by_role("button", name="Continue").click()
        expect(page.locator("#problems")).to_contain_text(sentence)


def test_a_name_that_is_nearly_right_is_offered(visit, ada, ben):
    page = visit(ada)
    fill_in(page, ben, "5", name="Ben Itto")
    page.get_by_role("button", name="Continue").click()
    expect(page.locator("#payee")).to_be_focused()
    expect(page.locator("#payee")).to_contain_text("The account is in the name Ben Ito. You wrote “Ben Itto”.")
    page.get_by_role("button", name="Use Ben Ito").click()
    expect(page.get_by_label("Name on the account")).to_have_value("Ben Ito")
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url(REVIEW)


def test_a_wrong_name_reveals_nothing_and_wants_a_statement(visit, ada, ben):
    page = visit(ada)
    fill_in(page, ben, "5", name="Somebody Else")
    page.get_by_role("button", name="Continue").click()
    expect(page.locator("#payee")).to_contain_text("The name doesn't match this account.")
    expect(page.locator("main")).not_to_contain_text("Ben Ito")
    page.get_by_role("button", name="Continue").click()
    expect(page.locator("#problems")).to_contain_text("Tick that you've checked, or change the name.")
    page.get_by_label("I've checked and still want to send").check()
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url(REVIEW)
    expect(page.get_by_text("The name doesn't match this account.")).to_be_visible()


def test_a_frozen_or_closed_account_is_shown_with_the_reason(visit, bank, person, ada):
    teller = person("Olu Adeyemi", Role.TELLER)
    freeze(bank, teller, ada)
    page = visit(ada)
    page.goto("/move/transfer")
    card = account(page, "Everyday").first
    expect(card).to_be_disabled()
    expect(page.locator("#source")).to_contain_text("Frozen — money can't leave")
    expect(account(page, "Savings").first).to_be_checked()


def test_a_draft_that_no_longer_fits_cannot_be_sent_and_offers_what_is_left(visit, ada, ben, api, balance):
    page = visit(ada)
    review(page, ben, "450")
    withdraw_elsewhere(api, ada, "100.00")
    page.reload()
    expect(page.get_by_role("alert")).to_contain_text(
        "Your balance changed while you were reviewing — it is now $400.00, less than this transfer."
    )
    expect(page.get_by_role("button", name="Send $450.00")).to_have_attribute("aria-disabled", "true")
    page.get_by_role("button", name="Send $450.00").click(force=True)
    page.get_by_role("button", name="Send $400.00 instead").click()
    expect(page.get_by_role("button", name="Send $400.00", exact=True)).to_be_visible()
    send(page, "$400.00")
    assert (balance(ada), balance(ben)) == ("0.00", "400.00")


def test_a_refusal_by_the_ledger_stays_on_the_page_and_for_ever(visit, ada, ben, api, balance):
    page = visit(ada)
    review(page, ben, "450")
    withdraw_elsewhere(api, ada, "100.00")
    page.get_by_role("button", name="Send $450.00").click()
    refusal = page.locator("#refusal")
    expect(refusal).to_be_focused()
    expect(refusal).to_contain_text(
        f"Not enough money. Everyday ••{ada.number()[-4:]} has $400.00 available; this needs $450.00. {SAFE}"
    )
    expect(refusal).to_contain_text("insufficient_funds")
    page.reload()
    expect(refusal).to_contain_text("insufficient_funds")
    expect(page.get_by_role("button", name="Send $450.00")).to_have_count(0)
    assert (balance(ada), balance(ben)) == ("400.00", "0.00")


@pytest.mark.parametrize(
    ("whose", "scope", "sentence"),
    [
        ("ada", FrozenFor.DEBITS, "is frozen, so money can't leave it. Contact Rowan Street Bank. "),
        ("ben", FrozenFor.ALL, "This account can't receive money right now. Ask the person for another account. "),
    ],
)
def test_an_account_frozen_meanwhile_refuses_in_the_right_words(
    visit, bank, person, ada, ben, balance, whose, scope, sentence
):
    teller = person("Olu Adeyemi", Role.TELLER)
    page = visit(ada)
    review(page, ben, "25")
    freeze(bank, teller, {"ada": ada, "ben": ben}[whose], scope=scope)
    page.get_by_role("button", name="Send $25.00").click()
    expect(page.locator("#refusal")).to_contain_text(sentence + SAFE)
    assert balance(ben) == "0.00"


def test_an_auditor_may_look_but_not_move(visit, person):
    page = visit(person("Tess Varga", Role.AUDITOR))
    for path in ("/move", "/move/transfer", "/move/deposit", "/move/withdraw"):
        page.goto(path)
        expect(page.locator("main")).to_contain_text("Your role (Auditor) can look but not change this.")


def test_a_draft_of_somebody_else_is_not_there(visit, person, ada, ben):
    page = visit(ada)
    review(page, ben, "25")
    stranger = visit(person("Eve Marlow", Everyday="50.00"))
    stranger.goto(page.url)
    expect(heading(stranger, "Nothing to check here")).to_be_visible()
    expect(stranger.locator("main")).not_to_contain_text("$25.00")


# --- never twice ----------------------------------------------------------------------------------------


def test_a_double_click_posts_once(visit, ada, ben, balance):
    page = visit(ada)
    review(page, ben, "25")
    page.get_by_role("button", name="Send $25.00").dblclick()
    page.wait_for_url(RECEIPT)
    assert (balance(ada), len(balance.entries(ben))) == ("475.00", 1)


def test_enter_and_a_click_post_once(visit, ada, ben, balance):
    page = visit(ada)
    review(page, ben, "25")
    button = page.get_by_role("button", name="Send $25.00")
    box = button.bounding_box()
    button.focus()
    page.keyboard.press("Enter")
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_url(RECEIPT)
    assert (balance(ada), len(balance.entries(ben))) == ("475.00", 1)


def test_a_deposit_pressed_and_entered_is_added_once(visit, ben, balance):
    page = visit(ben)
    page.goto("/move/deposit")
    page.get_by_label(AMOUNT).fill("30")
    page.get_by_label(AMOUNT).press("Enter")
    page.get_by_role("button", name=re.compile("^Add")).or_(heading(page, "Added $30.00 to Everyday")).first.click(
        force=True, no_wait_after=True
    )
    page.wait_for_url(RECEIPT)
    assert balance(ben) == "30.00"


def test_two_tabs_on_the_same_draft_post_once(visit, ada, ben, balance):
    first = visit(ada)
    review(first, ben, "25")
    second = first.context.new_page()
    visit.listen(second)
    second.goto(first.url)
    expect(heading(second, "Check and send")).to_be_visible()
    send(first, "$25.00")
    send(second, "$25.00")
    expect(
        second.get_by_text(re.compile(r"This was already sent at \d\d:\d\d. You were not charged twice."))
    ).to_be_visible()
    assert first.url == second.url
    assert (balance(ada), len(balance.entries(ben))) == ("475.00", 1)


def test_going_back_after_sending_finds_a_blank_form_and_the_draft_is_its_receipt(visit, ada, ben, balance):
    page = visit(ada)
    review(page, ben, "25")
    draft = page.url
    send(page, "$25.00")
    receipt = page.url
    page.go_back()
    expect(heading(page, "Send money")).to_be_visible()
    expect(page.get_by_label(AMOUNT)).to_have_value("")
    page.goto(draft)
    page.wait_for_url(RECEIPT)
    assert page.url.rstrip("/") == receipt.rstrip("/")
    assert len(balance.entries(ben)) == 1


def test_change_brings_everything_back_and_makes_a_draft_of_its_own(visit, ada, ben, balance):
    page = visit(ada)
    review(page, ben, "25", note="Bike lights")
    before = page.url
    page.get_by_role("link", name="Change the amount").click()
    expect(page.get_by_label(AMOUNT)).to_have_value("25.00")
    expect(page.get_by_label("Note for them")).to_have_value("Bike lights")
    expect(page.get_by_label("Name on the account")).to_have_value("Ben Ito")
    expect(account(page, "Everyday").first).to_be_checked()
    page.get_by_label(AMOUNT).fill("30")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("button", name="Send $30.00")).to_be_visible()
    assert page.url != before
    send(page, "$30.00")
    assert balance(ben) == "30.00"


def test_sending_again_under_the_same_key_is_shown_to_change_nothing(visit, ada, ben, balance):
    page = visit(ada)
    review(page, ben, "25")
    send(page, "$25.00")
    page.get_by_role("button", name="Try to send it twice").click()
    expect(page.get_by_text(re.compile(r"already sent at \d\d:\d\d. You were not charged twice."))).to_be_visible()
    assert len(balance.entries(ben)) == 1


def test_a_press_while_offline_does_nothing_then_and_nothing_later(visit, ada, ben, balance):
    page = visit(ada)
    review(page, ben, "25")
    page.context.set_offline(True)
    button = page.get_by_role("button", name="Send $25.00")
    expect(button).to_have_attribute("aria-disabled", "true")
    expect(page.get_by_text("You're offline, so nothing was sent. Your details are kept.")).to_be_visible()
    button.click(force=True)
    button.focus()
    page.keyboard.press("Enter")
    page.context.set_offline(False)
    expect(button).not_to_have_attribute("aria-disabled", "true")
    page.wait_for_timeout(1500)  # Nothing may happen now: there is nothing to wait for.
    assert REVIEW.search(page.url)
    assert balance(ada) == "500.00"
    send(page, "$25.00")
    assert (balance(ada), len(balance.entries(ben))) == ("475.00", 1)
    # The browser itself reports the requests that it could not make.
    visit.said[:] = [line for line in visit.said if "ERR_INTERNET_DISCONNECTED" not in line]


def test_an_answer_that_got_lost_is_found_after_reconnecting(visit, ada, ben, balance):
    page, lines = visit(ada), []
    lost = False

    def between(line):
        lines.append(line)
        server = line.connect_to_server()
        server.on_message(lambda message: None if lost else line.send(message))

    page.route_web_socket(re.compile("/_event"), between)
    review(page, ben, "25")
    lost = True
    page.get_by_role("button", name="Send $25.00").click()
    expect(page.get_by_text("Waiting for the bank to confirm")).to_be_visible()
    assert balance(ben) == "25.00"
    lost = False
    lines[-1].close()
    page.wait_for_url(RECEIPT, timeout=30_000)
    expect(heading(page, "Sent $25.00 to Ben Ito")).to_be_visible()
    assert len(balance.entries(ben)) == 1


def test_a_busy_bank_says_that_nothing_moved_and_takes_the_same_press_again(visit, bank, ada, ben, balance):
    page = visit(ada)
    review(page, ben, "25")
    with closing(sqlite3.connect(bank.db.settings.data / "bank.sqlite3", isolation_level=None)) as rival:
        rival.execute("BEGIN IMMEDIATE")
        page.get_by_role("button", name="Send $25.00").click()
        expect(page.get_by_text("Waiting for the bank to confirm")).to_be_visible()
        expect(page.locator("#refusal")).to_contain_text(f"{SAFE} You can send again.", timeout=20_000)
        rival.execute("ROLLBACK")
    assert balance(ada) == "500.00"
    send(page, "$25.00")
    assert (balance(ada), len(balance.entries(ben))) == ("475.00", 1)


# --- for everybody --------------------------------------------------------------------------------------


def test_a_transfer_with_the_keyboard_alone(visit, ada, ben, balance):
    page = visit(ada)
    page.goto("/move/transfer")
    expect(account(page, "Everyday").first).to_be_visible()

    def tab_to(target):
        for _ in range(40):
            page.keyboard.press("Tab")
            if target.evaluate("element => element === document.activeElement"):
                return
        raise AssertionError("the keyboard does not get there")

    tab_to(account(page, "Everyday").first)
    page.keyboard.press("Space")
    tab_to(page.locator("input[name=who]:checked"))
    if not page.get_by_label("Account number").is_visible():
        page.keyboard.press("ArrowRight")
    tab_to(page.get_by_label("Account number"))
    page.keyboard.type(ben.number())
    tab_to(page.get_by_label("Name on the account"))
    page.keyboard.type("Ben Ito")
    tab_to(page.get_by_label(AMOUNT))
    page.keyboard.type("25")
    page.keyboard.press("Enter")
    page.wait_for_url(REVIEW)
    expect(heading(page, "Check and send")).to_be_focused()
    tab_to(page.get_by_role("button", name="Send $25.00"))
    page.keyboard.press("Enter")
    page.wait_for_url(RECEIPT)
    expect(heading(page, "Sent $25.00 to Ben Ito")).to_be_focused()
    assert balance(ben) == "25.00"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_is_wider_than_a_small_phone(visit, ada, ben, scheme):
    page = visit(ada, width=320, height=640, color_scheme=scheme)

    def fits():
        wide = page.locator("html").evaluate("e => e.scrollWidth - e.clientWidth")
        assert wide <= 0, f"{page.url} is {wide} px too wide"

    for path in ("/move", "/move/transfer", "/move/deposit", "/move/withdraw"):
        page.goto(path)
        expect(page.locator("[aria-busy=true]")).to_have_count(0)
        fits()
    review(page, ben, "25", note="A note with averyveryveryveryveryveryverylongwordwithoutaspace in it")
    fits()
    send(page, "$25.00")
    expect(heading(page, "Sent $25.00 to Ben Ito")).to_be_visible()
    fits()
