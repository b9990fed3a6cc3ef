"""The pages that move money, as the tests of the browser use them."""

import re

from playwright.sync_api import expect

REVIEW, RECEIPT = re.compile(r"/move/review/[0-9a-f-]{36}/?$"), re.compile(r"/transactions/[0-9a-f-]{36}/?$")
AMOUNT, SAFE = "Amount in US dollars", "No money has moved."


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
