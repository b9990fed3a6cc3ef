"""Every no of the pages that move money: which words, and that nothing moved."""

import pytest
from playwright.sync_api import expect

from bank_app.domain.accounting import AccountStatus, FrozenFor, Role
from bank_app.domain.identifiers import account_number_text, grouped, with_check_digits
from bank_app.services import accounts
from tests.e2e.money_pages import AMOUNT, REVIEW, SAFE, account, fill_in, heading, review, send


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


def test_an_amount_is_refused_with_its_reason_and_the_input_stays(visit, ada, ben):
    page = visit(ada)
    cases = {
        "ten": "Enter the amount as a number, like 25 or 25.50.",
        "0": "Enter an amount above $0.00.",
        "-5": "Enter an amount above $0.00.",
        "12.3456": "Amounts in US dollars have at most 2 decimals.",
        "12.345": "Did you mean $12,345.00? If not, use at most 2 decimals.",
        "99999999999999999": "That is more than this bank can record in one entry.",
        "500.01": f"Not enough money. Everyday ••{ada.number()[-4:]} has $500.00 available; this needs $500.01. {SAFE}",
    }
    fill_in(page, ben, "5")
    for typed, sentence in cases.items():
        page.get_by_label(AMOUNT).fill(typed)
        page.get_by_role("button", name="Continue").click()
        expect(page.locator("#problems")).to_contain_text(sentence)
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


def test_an_answer_that_comes_late_writes_over_nothing(visit, lossy, ada, ben):
    page = visit(ada)
    line = lossy(page)
    fill_in(page, ben, "5")
    number = page.get_by_label("Account number")
    with line.late():
        number.fill(ben.number())
        page.get_by_label("Name on the account").focus()
        expect(number).to_have_value(grouped(int(ben.number())))
        number.fill("123 456 789")
    page.get_by_role("button", name="Continue").click()
    expect(page.locator("#problems")).to_contain_text("Account numbers have 10 digits. You entered 9.")
    expect(number).to_have_value("123 456 789")


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
    changed = "Your balance changed while you were reviewing — it is now $400.00, less than this transfer."
    expect(page.get_by_role("alert").filter(has_text=changed)).to_be_visible()
    expect(page.get_by_role("button", name="Send $450.00")).to_have_attribute("aria-disabled", "true")
    page.get_by_role("button", name="Send $450.00").click(force=True)
    page.get_by_role("button", name="Send $400.00 instead").click()
    expect(page.get_by_role("button", name="Send $400.00", exact=True)).to_be_visible()
    send(page, "$400.00")
    assert (balance(ada), balance(ben)) == ("0.00", "400.00")


def test_a_refusal_by_the_ledger_stays_on_the_page_and_for_ever(visit, lossy, ada, ben, api, balance):
    page = visit(ada)
    line = lossy(page)
    review(page, ben, "450")
    with line.late():
        page.get_by_role("button", name="Send $450.00").click()
        withdraw_elsewhere(api, ada, "100.00")
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
    visit, lossy, bank, person, ada, ben, balance, whose, scope, sentence
):
    teller = person("Olu Adeyemi", Role.TELLER)
    page = visit(ada)
    line = lossy(page)
    review(page, ben, "25")
    with line.late():
        page.get_by_role("button", name="Send $25.00").click()
        freeze(bank, teller, {"ada": ada, "ben": ben}[whose], scope=scope)
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
