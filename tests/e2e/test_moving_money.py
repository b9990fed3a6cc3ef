"""Moving money as people do it: in real browsers, against the production build, with the books looked at afterwards."""

import re

from playwright.sync_api import expect

from bank_app.domain.accounting import Role
from tests.e2e.money_pages import AMOUNT, REVIEW, account, heading, review, send
from tests.e2e.page_rules import too_wide


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


def test_long_words_are_not_wider_than_a_small_phone(visit, ada, ben):
    page = visit(ada, width=320, height=640)
    review(page, ben, "25", note="A note with averyveryveryveryveryveryverylongwordwithoutaspace in it")
    assert too_wide(page) <= 0
    send(page, "$25.00")
    expect(heading(page, "Sent $25.00 to Ben Ito")).to_be_visible()
    assert too_wide(page) <= 0
