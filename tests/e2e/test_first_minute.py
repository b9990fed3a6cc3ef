"""The first 60 seconds of a stranger: from the landing page to money that moved on one screen."""

import re

from playwright.sync_api import expect

from bank_app import demo
from bank_app.services import accounts, auth

WITHOUT_SCRIPTS = """body => {
    const copy = body.cloneNode(true);
    copy.querySelectorAll("script").forEach((script) => script.remove());
    return copy.textContent;
}"""
AGE = re.compile(r"Checked (\d+) s ago")
AMOUNT = re.compile(r"[$]\s?[0-9]")


def balance_of(bank, persona):
    def first(session):
        return accounts.own_accounts(session, auth.find(session, persona.email))[0].balance_minor

    return bank.db.read(first)


def thing_to_try(page, words):
    """The link of the list, whether or not somebody has tried it in this bank before."""
    return page.get_by_role("link", name=re.compile(rf"^[A-Z][\w ]*: {re.escape(words)}$"))


def test_a_stranger_tries_all_five_things(bank, visit):
    page = visit()
    page.goto("/")
    expect(page.get_by_text("Books balance").first).to_be_visible()
    before = balance_of(bank, demo.ADA), balance_of(bank, demo.BEN)
    page.get_by_role("button", name="Enter as Ada").click()

    thing_to_try(page, "Send Ben $25").click()
    expect(page.get_by_label("Name on the account")).to_have_value("Ben Ito")
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Send $25.00").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sent $25.00 to Ben Ito")

    page.get_by_role("button", name="Try to send it twice").click()
    expect(page.get_by_text("You were not charged twice")).to_be_visible()
    assert (balance_of(bank, demo.ADA) - before[0], balance_of(bank, demo.BEN) - before[1]) == (-25_00, 25_00)

    page.get_by_role("link", name="Home").first.click()
    thing_to_try(page, "Watch it arrive").click()
    page.get_by_role("button", name="Send $5.00 to Ben").click()
    expect(page.get_by_text("$5.00 sent to Ben Ito.")).to_be_visible()
    assert (balance_of(bank, demo.ADA) - before[0], balance_of(bank, demo.BEN) - before[1]) == (-30_00, 30_00)

    page.get_by_role("link", name="Home").first.click()
    thing_to_try(page, "Prove your balance").click()
    page.get_by_role("button", name="Prove it").click()
    expect(page.get_by_text("equal to the stored balance")).to_be_visible()
    page.get_by_role("link", name="Home").first.click()
    expect(page.get_by_role("img", name="4 of 5 done")).to_be_visible()


def test_hidden_amounts_leave_no_digit_on_any_page(visit, ada):
    page = visit(ada)
    page.goto("/home")
    expect(page.locator(".hero-amount")).to_contain_text("$600")
    page.keyboard.press(".")
    expect(page.locator(".hero-amount")).to_have_text("$•••••")
    expect(page.get_by_label("Amount hidden").first).to_be_visible()
    for address in ("/home", "/accounts", "/move", "/move/transfer", f"/accounts/{ada.number()}", "/statements"):
        page.goto(address)
        expect(page.locator("[role=status]", has_text="Loading")).to_have_count(0)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        # Everything that is text, also what is not on the screen; scripts are not.
        texts = page.locator("body").evaluate(WITHOUT_SCRIPTS)
        assert not AMOUNT.search(texts), address


def test_hiding_amounts_changes_the_page_that_is_open_and_every_other_one(visit, ada):
    page = visit(ada)
    for address in ("/home", "/activity", "/notifications", "/move/withdraw", f"/accounts/{ada.number()}", "/lab"):
        page.goto(address)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        texts = page.locator("body")
        shown = address != "/notifications"
        if shown:
            expect(texts).to_contain_text(AMOUNT)
        page.get_by_role("button", name="Hide amounts").click()
        expect(page.get_by_role("button", name="Show amounts")).to_be_visible()
        expect(page.locator("main")).not_to_contain_text(AMOUNT)
        page.get_by_role("button", name="Show amounts").click()
        if shown:
            expect(texts).to_contain_text(AMOUNT)
    page.goto(f"/accounts/{ada.number()}")
    other = page.context.new_page()
    visit.listen(other)
    other.goto("/home")
    expect(other.locator(".hero-amount")).to_contain_text("$600")
    other.get_by_role("button", name="Hide amounts").click()
    expect(page.locator("main")).not_to_contain_text(AMOUNT)
    other.get_by_role("button", name="Show amounts").click()
    expect(page.locator(".hero-amount")).to_have_text("$500.00")


def test_a_check_of_the_books_gets_older_while_the_page_is_open(visit, ada):
    page = visit(ada)
    page.clock.install()
    page.goto("/home")
    proof = page.locator(".proof")
    expect(proof).to_contain_text(AGE)
    age = int(AGE.search(proof.inner_text()).group(1))
    page.clock.fast_forward(30_000)
    older = "|".join(str(seconds) for seconds in range(age + 30, 120))
    expect(proof).to_contain_text(re.compile(rf"Checked (({older}) s|\d+ min) ago"))


def test_what_is_pressed_before_the_page_has_reached_the_bank_is_not_lost(visit, lossy, ada):
    page = visit(ada)
    line = lossy(page)
    with line.not_there() as asks:
        page.goto("/lab")
        while not asks():
            page.wait_for_timeout(50)
        hide = page.get_by_role("button", name="Hide amounts")
        expect(hide).to_be_disabled()
        page.keyboard.press("Control+k")
        page.get_by_role("combobox", name="Search or jump to").type("savings")
    expect(page.get_by_role("option", name="Savings")).to_be_visible()
    page.keyboard.press("Escape")
    hide.click()
    expect(page.get_by_role("button", name="Show amounts")).to_be_visible()
    with line.not_there() as asks:
        page.goto("/accounts/new")
        while not asks():
            page.wait_for_timeout(50)
        opening = page.get_by_role("button", name="Open account")
        expect(opening).to_have_attribute("aria-disabled", "true")
        opening.click(force=True)
        page.get_by_label("Name").fill("Rent")
        page.get_by_label("Name").press("Enter")
    opening.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Rent")


def test_the_palette_and_the_keys_need_no_mouse_and_send_nothing(visit, ada):
    page = visit(ada)
    page.goto("/home")
    expect(page.locator(".hero-amount")).to_contain_text("$600")
    page.keyboard.press("Control+k")
    field = page.get_by_role("combobox", name="Search or jump to")
    expect(field).to_be_focused()
    field.type("savings")
    expect(page.get_by_role("option", name="Savings")).to_be_visible()
    page.keyboard.press("Escape")
    # Closed, and the focus out of its field: what is typed there is no command.
    expect(page.locator("dialog[open], dialog :focus")).to_have_count(0)
    page.keyboard.press("g")
    page.keyboard.press("a")
    page.wait_for_url("**/accounts")
    page.keyboard.press("t")
    page.wait_for_url("**/move/transfer**")
    amount = page.get_by_label("Amount in US dollars")
    amount.click()
    amount.type("12.5")
    expect(amount).to_have_value("12.5")
    assert "/move/transfer" in page.url
