"""Operators at the money: finding, reversing once, freezing and closing, in a real browser."""

import re

import pytest
from playwright.sync_api import expect

from bank_app.domain import money
from bank_app.domain.accounting import Role
from bank_app.services import transfers

WHY = "Meant for somebody else, agreed by phone"


@pytest.fixture
def olu(person):
    return person("Olu Adeyemi", role=Role.TELLER)


@pytest.fixture
def sent(bank, ada, ben):
    movement = transfers.Transfer(
        ada.accounts["Everyday"].id, ben.accounts["Everyday"].id, money.Amount.of("25.00"), description="Lunch"
    )
    return transfers.move(bank.db, ada.actor, movement).transaction


def heading(page, words):
    return page.get_by_role("heading", level=1, name=words, exact=True)


def reversing(page, sent):
    page.goto(f"/ops/transactions/{sent.id}/reverse")
    expect(page.get_by_role("button", name="Reverse $25.00")).to_be_visible()
    page.get_by_label("Customer’s mistake").check()
    page.get_by_label("Reason").fill(WHY)


@pytest.mark.parametrize("width", [1280, 390])
def test_a_transfer_is_found_by_its_reference_and_reversed_once(visit, balance, olu, ada, ben, sent, width):
    page = visit(olu, width=width)
    page.goto("/ops/transactions")
    expect(page.get_by_role("link", name=sent.reference)).to_be_visible()
    page.get_by_role("searchbox", name=re.compile("^Reference")).fill(sent.reference)
    page.keyboard.press("Enter")
    expect(heading(page, "Ada Lindqvist sent $25.00 to Ben Ito")).to_be_visible()
    page.get_by_role("link", name="Reverse…").click()
    page.get_by_role("button", name="Reverse $25.00").click()
    expect(page.locator("#problems")).to_be_focused()
    reversing(page, sent)
    page.get_by_role("button", name="Reverse $25.00").dblclick()
    page.wait_for_url(re.compile(rf"/ops/transactions/{sent.id}/?$"))
    expect(page.get_by_text(re.compile("^Reversed on .* by Olu Adeyemi"))).to_be_visible()
    assert (balance(ada), balance(ben)) == ("500.00", "0.00")
    page.goto(f"/ops/transactions/{sent.id}/reverse")
    expect(page.get_by_text(re.compile("^Already reversed on .* by Olu Adeyemi"))).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("^Reverse"))).to_have_count(0)


def test_a_page_that_was_open_meanwhile_learns_of_it_by_itself(visit, balance, person, olu, ada, sent):
    first, second = visit(olu), visit(person("Kemi Bello", role=Role.TELLER))
    reversing(first, sent)
    reversing(second, sent)
    first.get_by_role("button", name="Reverse $25.00").click()
    expect(second.get_by_text(re.compile("^Already reversed on .* by Olu Adeyemi"))).to_be_visible()
    assert balance(ada) == "500.00"


def test_an_auditor_has_no_button_and_is_refused(visit, person, balance, ada, sent):
    page = visit(person("Tess Varga", role=Role.AUDITOR))
    page.goto(f"/ops/transactions/{sent.id}")
    expect(heading(page, "Ada Lindqvist sent $25.00 to Ben Ito")).to_be_visible()
    expect(page.get_by_role("link", name="Reverse…")).to_have_count(0)
    page.goto(f"/ops/transactions/{sent.id}/reverse")
    expect(page.get_by_text("Your role (Auditor) can look but not change this.")).to_be_visible()
    assert balance(ada) == "475.00"


def test_an_account_is_frozen_unfrozen_and_not_closed_while_money_is_in_it(visit, olu, ada):
    page = visit(olu)
    page.goto(f"/ops/accounts/{ada.number()}")
    page.get_by_role("button", name="Freeze…").click()
    expect(page.locator("#freeze-reason")).to_be_focused()
    page.get_by_role("button", name="Freeze account").click()
    expect(page.locator("#freeze-reason-error")).to_have_text(re.compile("at least 10 characters"))
    page.locator("#freeze-reason").fill(WHY)
    page.get_by_role("button", name="Freeze account").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("button", name="Unfreeze…").click()
    page.locator("#unfreeze-reason").fill(WHY)
    page.get_by_role("button", name="Unfreeze account").click()
    page.get_by_role("button", name="Close…").click()
    expect(page.get_by_text("Can't close: $500.00 is still in it. Move it out first.")).to_be_visible()
    page.get_by_role("link", name="Take the money out").click()
    page.wait_for_url(f"**/move/withdraw?account={ada.number()}")
