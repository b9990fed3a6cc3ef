"""Signing up and in with a second step (J02), and an account frozen while its owner looks at the Send button (J13)."""

import re
import time

import pyotp
from playwright.sync_api import expect

from bank_app.domain.accounting import AccountStatus, FrozenFor, Role
from bank_app.services import accounts
from tests.e2e.conftest import PASSWORD
from tests.e2e.money_pages import SAFE, heading, review, send


def sign_in(page, email, password=PASSWORD):
    page.goto("/sign-in")
    # The page has heard of the address that was kept before another one is typed.
    expect(page.get_by_role("button", name="Enter as Ada")).to_be_visible()
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()


def sign_out(page):
    page.context.clear_cookies()


def test_signing_up_and_in_with_a_second_step(visit):
    """J02."""
    page, email = visit(), f"mira{time.time_ns()}@bank.test"
    page.goto("/sign-up")
    expect(page.get_by_label(re.compile("deposit|amount", re.IGNORECASE))).to_have_count(0)
    page.get_by_label("Name").fill("Mira Novak")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    expect(page.locator(".hero-amount")).to_have_text("$0.00")

    page.goto("/settings/security/two-step")
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Continue").click()
    totp = pyotp.TOTP(page.locator("#key").inner_text().replace(" ", ""))
    wrong = f"{(int(totp.now()) + 1) % 1_000_000:06d}"
    page.get_by_label("Code from the app").fill(wrong)
    page.get_by_role("button", name="Turn on").click()
    expect(page.get_by_text("That code isn't right. Codes change every 30 seconds.")).to_be_visible()
    expect(page.get_by_label("Code from the app")).to_be_focused()
    page.get_by_label("Code from the app").fill(totp.now())
    page.get_by_role("button", name="Turn on").click()
    expect(page.locator("#recovery li")).to_have_count(10)
    recovery = page.locator("#recovery li").first.inner_text()

    sign_out(page)
    sign_in(page, email, "not the right password")
    expect(page.locator("#problem")).to_contain_text("That email and password don't match.")
    sign_in(page, f"nobody{time.time_ns()}@bank.test")
    expect(page.locator("#problem")).to_contain_text("That email and password don't match.")
    sign_in(page, email)
    page.get_by_label("Code", exact=True).fill(recovery)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.locator(".hero-amount")).to_have_text("$0.00")

    sign_out(page)
    sign_in(page, email)
    page.get_by_label("Code", exact=True).fill(recovery)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_text("That recovery code was used already. Take another one.")).to_be_visible()
    page.get_by_label("Code", exact=True).fill(totp.at(time.time() + 30))
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.locator(".hero-amount")).to_have_text("$0.00")


def test_an_account_frozen_during_review_turns_send_off(bank, visit, person, ada, ben, balance):
    """J13: within moments, without a reload; what arrives is still booked, and unfreezing turns it on again."""
    teller = person("Olu Adeyemi", Role.TELLER)

    def change(somebody, status, **more):
        bank.db.unit_of_work(
            lambda session: accounts.change_account(
                session,
                teller.actor,
                somebody.accounts["Everyday"].id,
                status=status,
                reason="The test says so",
                **more,
            )
        )

    page, his = visit(ada), visit(ben)
    review(page, ben, "25")
    button = page.get_by_role("button", name="Send $25.00")
    change(ada, AccountStatus.FROZEN, frozen_for=FrozenFor.DEBITS)
    expect(page.get_by_role("alert").filter(has_text="is frozen, so money can't leave it.")).to_be_visible()
    expect(button).to_have_attribute("aria-disabled", "true")
    button.click(force=True)
    his.goto("/move/deposit")
    his.get_by_label("Amount in US dollars").fill("30")
    his.get_by_label("Amount in US dollars").press("Enter")
    expect(heading(his, "Added $30.00 to Everyday")).to_be_visible()
    review(his, ada, "10")
    send(his, "$10.00")
    assert (balance(ada), balance(ben)) == ("510.00", "20.00")
    change(ada, AccountStatus.OPEN)
    expect(button).not_to_have_attribute("aria-disabled", "true")
    send(page, "$25.00")
    # Frozen in both directions, the payer hears only that it cannot receive.
    change(ben, AccountStatus.FROZEN, frozen_for=FrozenFor.ALL)
    review(page, ben, "5")
    page.get_by_role("button", name="Send $5.00").click()
    expect(page.locator("#refusal")).to_contain_text(
        f"This account can't receive money right now. Ask the person for another account. {SAFE}"
    )
    expect(page.locator("main")).not_to_contain_text("frozen")
    assert (balance(ada), balance(ben)) == ("485.00", "45.00")


def test_all_of_it_by_keyboard_on_a_small_phone_with_large_text(visit, ada, ben, balance):
    """J17: nothing typed is a shortcut, the focus is seen and never covered, and twice the text fits."""
    page = visit(ada, width=320, height=640)

    def enlarge():
        page.evaluate("document.documentElement.style.fontSize = '200%'")

    def fits():
        wide = page.locator("html").evaluate("html => html.scrollWidth - html.clientWidth")
        assert wide <= 0, f"{page.url} is {wide} px too wide with large text"

    def tab_to(target):
        for _ in range(80):
            page.keyboard.press("Tab")
            if target.evaluate("element => element === document.activeElement"):
                break
        else:
            raise AssertionError("the keyboard does not get there")
        seen = target.evaluate(
            """element => {
                const box = (element.closest("label") ?? element).getBoundingClientRect();
                const x = Math.min(Math.max(box.x + box.width / 2, 1), innerWidth - 1);
                const y = box.y + Math.min(box.height / 2, 20);
                const top = document.elementFromPoint(x, y);
                const owner = element.closest("label") ?? element;
                return y > 0 && y < innerHeight && (owner.contains(top) || top?.contains(owner) || false);
            }"""
        )
        assert seen, "the focus is covered"

    page.goto("/move/transfer")
    expect(heading(page, "Send money")).to_be_visible()
    expect(page.get_by_label("Note for them")).to_be_visible()
    enlarge()
    fits()
    tab_to(page.get_by_role("radio", name=re.compile("^Everyday ••")).first)
    page.keyboard.press("Space")
    tab_to(page.locator("input[name=who]:checked"))
    if not page.get_by_label("Account number").is_visible():
        page.keyboard.press("ArrowRight")
    tab_to(page.get_by_label("Account number"))
    page.keyboard.type(ben.number())
    tab_to(page.get_by_label("Name on the account"))
    page.keyboard.type("Ben Ito")
    tab_to(page.get_by_label("Amount in US dollars"))
    page.keyboard.type("25")
    tab_to(page.get_by_label("Note for them"))
    page.keyboard.type("t d w ? g h . `")
    expect(heading(page, "Send money")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)
    tab_to(page.get_by_role("button", name="Continue"))
    page.keyboard.press("Enter")
    expect(heading(page, "Check and send")).to_be_focused()
    fits()
    tab_to(page.get_by_role("button", name="Send $25.00"))
    page.keyboard.press("Enter")
    expect(heading(page, "Sent $25.00 to Ben Ito")).to_be_focused()
    fits()
    assert balance(ben) == "25.00"
