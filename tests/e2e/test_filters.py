"""Filters over lists: what a status shows, and the sheet that they are on a phone."""

import re

import pytest
from playwright.sync_api import expect

from bank_app.domain import money
from bank_app.errors import InsufficientFunds
from bank_app.services import holds, payee_names, transfers
from tests.e2e.page_rules import axe_finds, too_wide


@pytest.fixture
def busy(bank, ada, ben):
    """An entry, money that is set aside, and an attempt that was declined."""
    everyday, his = ada.accounts["Everyday"], ben.accounts["Everyday"]
    bank.db.unit_of_work(lambda session: payee_names.know(session, [(ada.actor.user_id, his.id)]))
    transfers.move(bank.db, ada.actor, transfers.Transfer(everyday.id, his.id, money.Amount.of("25.00")))
    too_much = transfers.Transfer(everyday.id, his.id, money.Amount.of("9000.00"))
    with pytest.raises(InsufficientFunds):
        transfers.move(bank.db, ada.actor, too_much, key="too much")
    holds.move(bank.db, ada.actor, holds.PlaceHold(everyday.id, money.Amount.of("40.00"), None, description="Hotel"))
    return ada


def test_a_status_shows_what_is_in_the_books_and_what_is_beside_them(visit, busy):
    page = visit(busy)
    for list_ in ("/activity", f"/accounts/{busy.number()}"):
        page.goto(f"{list_}?status=declined")
        expect(page.locator(".result")).to_have_text("1 attempt declined · no money moved")
        expect(page.locator(".declined")).to_contain_text("Not enough money.")
        page.goto(f"{list_}?status=pending")
        expect(page.locator(".result")).to_have_text("1 pending · $40.00 set aside")
        expect(page.locator(".pending")).to_contain_text("Hotel")
        page.get_by_role("button", name="Filters (1)").click()
        page.get_by_label("Status").select_option(label="Posted")
        page.get_by_role("button", name="Show entries").click()
        expect(page).to_have_url(re.compile(r"\?status=posted$"))
        expect(page.get_by_role("link", name="Ben Ito")).to_be_visible()
        expect(page.locator(".declined, .pending")).to_have_count(0)
        page.goto(f"{list_}?status=reversed")
        expect(page.get_by_text("No entries match.")).to_be_visible()


def test_on_a_phone_filters_fill_the_screen_and_keep_the_focus(visit, busy):
    page = visit(busy, width=320, height=640)
    page.goto(f"/accounts/{busy.number()}?status=posted&direction=debit")
    opener = page.get_by_role("button", name="Filters (2)")
    opener.click()
    sheet = page.get_by_role("dialog", name="Filters")
    expect(sheet).to_be_visible()
    box = sheet.bounding_box()
    assert (box["x"], box["y"], box["width"], box["height"]) == (0, 0, 320, 640)
    assert too_wide(page) <= 0
    assert sheet.locator(".filter-fields").evaluate("box => box.scrollWidth - box.clientWidth") <= 0
    assert axe_finds(page) == []
    for _ in range(25):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement === document.body || !!document.activeElement.closest('dialog')")
    page.keyboard.press("Escape")
    expect(sheet).to_have_count(0)
    expect(opener).to_be_focused()
    opener.click()
    sheet.get_by_label("Direction").select_option(label="Money in")
    sheet.get_by_role("button", name="Apply").click()
    expect(sheet).to_have_count(0)
    expect(page).to_have_url(re.compile(r"\?direction=credit&status=posted$"))
    page.get_by_role("button", name="Filters (2)").click()
    sheet.get_by_role("button", name="Clear").click()
    expect(page).to_have_url(re.compile(rf"/accounts/{busy.number()}/?$"))
    expect(page.get_by_role("button", name="Filters", exact=True)).to_be_visible()
