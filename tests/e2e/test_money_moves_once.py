"""Never twice: double presses, two tabs, lost connections, a bank that is too busy."""

import re
import sqlite3
from contextlib import closing

from playwright.sync_api import expect

from tests.e2e.money_pages import AMOUNT, RECEIPT, REVIEW, SAFE, account, heading, review, send


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


def test_two_tabs_on_the_same_draft_post_once(visit, lossy, ada, ben, balance):
    first = visit(ada)
    review(first, ben, "25")
    second = first.context.new_page()
    visit.listen(second)
    line = lossy(second)
    second.goto(first.url)
    expect(heading(second, "Check and send")).to_be_visible()
    with line.late():
        second.get_by_role("button", name="Send $25.00").click()
        send(first, "$25.00")
    second.wait_for_url(RECEIPT)
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


def test_an_answer_that_got_lost_is_found_after_reconnecting(visit, lossy, ada, ben, balance):
    page = visit(ada)
    line = lossy(page)
    review(page, ben, "25")
    line.losing = True
    page.get_by_role("button", name="Send $25.00").click()
    expect(page.get_by_text("Waiting for the bank to confirm")).to_be_visible()
    assert balance(ben) == "25.00"
    line.cut()
    page.wait_for_url(RECEIPT)
    expect(heading(page, "Sent $25.00 to Ben Ito")).to_be_visible()
    assert len(balance.entries(ben)) == 1


def test_a_deposit_whose_answer_got_lost_ends_in_its_receipt(visit, lossy, ben, balance):
    page = visit(ben)
    line = lossy(page)
    page.goto("/move/deposit")
    page.get_by_label(AMOUNT).fill("30")
    line.losing = True
    page.get_by_label(AMOUNT).press("Enter")
    expect(page.get_by_text("Waiting for the bank to confirm")).to_be_visible()
    line.cut()
    page.wait_for_url(RECEIPT)
    expect(heading(page, "Added $30.00 to Everyday")).to_be_visible()
    page.goto("/move/deposit")
    expect(page.get_by_label(AMOUNT)).to_have_value("")
    assert balance(ben) == "30.00"


def test_an_event_that_never_reached_the_bank_can_be_sent_again(visit, ada, ben, balance):
    page, routes = visit(ada), []
    losing = False

    def between(route):
        routes.append(route)
        server = route.connect_to_server()
        route.on_message(lambda message: None if losing else server.send(message))

    page.route_web_socket(re.compile("/_event"), between)
    review(page, ben, "25")
    losing = True
    page.get_by_role("button", name="Send $25.00").click()
    expect(page.get_by_text("Waiting for the bank to confirm")).to_be_visible()
    losing = False
    routes[-1].close()
    expect(page.get_by_role("button", name="Send $25.00")).to_be_enabled()
    assert balance(ada) == "500.00"
    send(page, "$25.00")
    assert (balance(ada), len(balance.entries(ben))) == ("475.00", 1)


def test_a_busy_bank_says_that_nothing_moved_and_takes_the_same_press_again(visit, bank, ada, ben, balance):
    page = visit(ada)
    review(page, ben, "25")
    with closing(sqlite3.connect(bank.db.settings.data / "bank.sqlite3", isolation_level=None)) as rival:
        rival.execute("BEGIN IMMEDIATE")
        page.get_by_role("button", name="Send $25.00").click()
        expect(page.get_by_text("Waiting for the bank to confirm")).to_be_visible()
        expect(page.locator("#refusal")).to_contain_text(f"{SAFE} Try again.")
        rival.execute("ROLLBACK")
    assert balance(ada) == "500.00"
    send(page, "$25.00")
    assert (balance(ada), len(balance.entries(ben))) == ("475.00", 1)
