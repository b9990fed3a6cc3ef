"""A bank that nobody runs yet, from the token in the terminal to somebody's overview (J01)."""

import re
import time

import pytest
from playwright.sync_api import expect

from bank_app import settings as bank_settings
from bank_app.database import Database
from tests.e2e.conftest import PASSWORD, Bank, served
from tests.e2e.money_pages import heading
from tests.e2e.page_rules import axe_finds, settled, too_wide

# Eighteen months are posted, on whatever machine.
PATIENCE = 180


@pytest.fixture
def bank(tmp_path):
    """`serve` on an empty database, as strict as in production."""
    db = Database(bank_settings.load(data=tmp_path, database_url=""))
    db.upgrade_schema()
    with served(tmp_path, "serve") as url:
        yield Bank(url, db)
    db.dispose()


def token_of(bank):
    """What the server's terminal says, a moment after the server is there."""
    output, deadline = bank.db.settings.data / "output", time.monotonic() + PATIENCE
    while not (found := re.search(r"^SETUP TOKEN (\S+)$", output.read_text(), re.MULTILINE)):
        assert time.monotonic() < deadline, output.read_text()
        time.sleep(0.1)
    return found.group(1)


def test_a_fresh_bank_is_set_up_filled_and_entered(bank, visit):
    """J01."""
    token = token_of(bank)
    page, foreign = visit(), []
    page.on("request", lambda request: foreign.append(request.url) if bank.url not in request.url else None)
    page.goto("/")
    expect(heading(page, "Set up your bank")).to_be_visible()
    settled(page)
    assert axe_finds(page) == []
    page.get_by_label("Set-up token").fill("not the token")
    page.get_by_label("Name", exact=True).fill("Harbour Bank")
    page.get_by_label("Your name").fill("Kim Novak")
    page.get_by_label("Email").fill("kim@bank.test")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Set up the bank").click()
    expect(page.locator("main")).to_contain_text("That token isn't right.")
    expect(page.get_by_label("Email")).to_have_value("kim@bank.test")
    page.get_by_label("Set-up token").fill(token)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    # Nobody who only presses the button gets strangers and pretend money that cannot be taken out again.
    expect(page.get_by_role("radio", name=re.compile("Start empty"))).to_be_checked()
    page.get_by_role("radio", name=re.compile("Fill with demo data")).check()
    with page.expect_navigation(url=f"{bank.url}/", timeout=PATIENCE * 1000):
        page.get_by_role("button", name="Set up the bank").click()
    expect(page.get_by_role("region", name="Proof")).to_contain_text(re.compile(r"[1-9][\d,]+ postings re-added"))
    page.get_by_role("button", name="Enter as Ada").click()

    expect(page.locator(".account-card")).to_have_count(3)
    expect(page.locator(".hero-amount")).to_have_text(re.compile(r"^\$[\d,]+\.\d\d$"))
    expect(page.locator("main .side .row").first).to_be_visible()
    expect(page.get_by_role("complementary", name="About this bank")).to_be_visible()
    expect(page).to_have_title(re.compile("– Harbour Bank$"))
    page.close()
    assert foreign == []

    later = visit(width=320)
    assert later.goto("/setup").status == 404
    expect(heading(later, "Page not found")).to_be_visible()
    assert axe_finds(later) == []
    assert too_wide(later) <= 0
    # The browser itself reports the status of the document; that is the one line allowed here.
    assert [line for line in visit.said if "404" not in line] == []
    visit.said.clear()
