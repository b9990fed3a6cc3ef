"""Pages that are open change by themselves: money comes in, sign-ins end. The writer is always another process."""

import re
import sys
import time

import pytest
from playwright.sync_api import expect

from bank_app import settings as bank_settings
from bank_app.database import Database
from bank_app.domain import money
from bank_app.domain.accounting import Role
from bank_app.private_mysql import PrivateServer
from bank_app.services import accounts, auth, transfers
from bank_app.ui import cookies
from tests.e2e.conftest import PASSWORD, Bank, Person, served

# What people are promised is two seconds; a busy machine is slow, not wrong.
SOON = 15_000


def pay(bank, payer, receiver, amount):
    """A transfer posted by this process, of which the server hears only through the database."""
    movement = transfers.Transfer(
        payer.accounts["Everyday"].id, receiver.accounts["Everyday"].id, money.Amount.of(amount)
    )
    return transfers.move(bank.db, payer.actor, movement)


def test_money_arrives_on_an_open_page(bank, visit, ada, ben, capsys):
    page = visit(ben)
    page.goto("/home")
    total = page.locator(".hero-amount")
    expect(total).to_have_text("$0.00")
    expect(page.get_by_role("link", name="Notifications", exact=True).first).to_be_visible()
    marker = page.evaluate("window.notReloaded = 1")
    began = time.monotonic()
    pay(bank, ada, ben, "25.00")
    expect(total).to_have_text("$25.00", timeout=SOON)
    took = time.monotonic() - began
    expect(page.locator("[data-live=said]")).to_have_text("Everyday now $25.00, $25.00 in from Ada Lindqvist.")
    expect(page.get_by_text("Ada Lindqvist sent you $25.00. Everyday is now $25.00.")).to_be_visible()
    expect(page.get_by_role("link", name="Notifications, 1 unread")).to_be_visible()
    expect(page.locator("main").get_by_role("link", name="Ada Lindqvist").first).to_be_visible()
    assert page.evaluate("window.notReloaded") == marker == 1
    with capsys.disabled():
        sys.stdout.write(f" [shown after {took:.2f} s] ")


def test_notifications_arrive_are_read_and_lead_on(bank, visit, ada, ben):
    page = visit(ben)
    page.goto("/notifications")
    expect(page.get_by_text("You're up to date.")).to_be_visible()
    pay(bank, ada, ben, "12.50")
    notice = page.get_by_role("link", name="Ada Lindqvist sent you $12.50")
    expect(notice).to_be_visible(timeout=SOON)
    expect(page.locator(".fresh", has_text="New")).to_have_count(1)
    page.get_by_role("button", name="Mark all read").click()
    expect(page.locator(".fresh")).to_have_count(0)
    expect(page.get_by_role("status").filter(has_text="1 marked as read.")).to_have_count(1)
    expect(page.get_by_role("link", name="Notifications", exact=True).first).to_be_visible()
    notice.click()
    page.wait_for_url(re.compile(r"/transactions/[0-9a-f-]{36}/?$"))


def test_rows_wait_while_somebody_reads(bank, visit, ada, ben):
    for _ in range(30):
        pay(bank, ada, ben, "0.10")
    page = visit(ben, height=600)
    page.goto("/notifications")
    expect(page.get_by_role("button", name="Load 25 more")).to_be_visible()
    page.mouse.wheel(0, 900)
    row = page.locator(".notices .row").nth(15)
    expect(row).to_be_in_viewport()
    before, shown = row.bounding_box(), page.locator(".notices .row").count()
    pay(bank, ada, ben, "3.00")
    pill = page.get_by_role("button", name="1 new — show")
    expect(pill).to_be_visible(timeout=SOON)
    assert row.bounding_box() == before
    assert page.locator(".notices .row").count() == shown
    pill.click()
    expect(page.get_by_role("link", name="Ada Lindqvist sent you $3.00")).to_have_count(1)
    expect(pill).to_have_count(0)


def test_a_sign_in_that_was_ended_elsewhere_leaves_the_page(bank, visit, ada):
    page = visit(ada)
    page.goto("/home")
    expect(page.locator(".hero-amount")).to_have_text("$600.00")
    [cookie] = [each for each in page.context.cookies() if each["name"] == cookies.name(bank.db.settings)]
    auth.close_browser_session(bank.db, cookie["value"])
    page.wait_for_url(re.compile(r"/sign-in\?"), timeout=SOON)
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    assert "600.00" not in page.locator("body").inner_text()


@pytest.fixture
def two_workers(tmp_path):
    """The same pages served by two processes on a database server."""
    with PrivateServer(tmp_path / "mysql") as server:
        db = Database(bank_settings.load(data=tmp_path, database_url=server.url, rate_limits=False))
        db.upgrade_schema()
        with served(tmp_path, "serve", "--workers", "2", BANK_RATE_LIMITS="off", DATABASE_URL=server.url) as url:
            yield Bank(url, db)
        db.dispose()


def test_every_worker_tells_its_own_tabs(two_workers, chromium):
    """A socket stays with one worker. Each worker asks for what its tabs show, whoever wrote it."""
    db, people = two_workers.db, []
    cashier = auth.register(db, email="olu@bank.test", name="Olu Adeyemi", password=PASSWORD, role=Role.TELLER)
    for name in ("Ada Lindqvist", "Ben Ito"):
        actor = auth.register(db, email=f"{name[:3].lower()}@bank.test", name=name, password=PASSWORD)
        balance = "500.00" if name.startswith("Ada") else None
        account = db.unit_of_work(
            lambda session, owner=actor.user_id, balance=balance: accounts.open_account(
                session, cashier, settings=db.settings, initial_balance=balance, owner_id=owner
            )
        )
        people.append(Person(actor, {"Everyday": account}))
    ada, ben = people
    opened = auth.open_browser_session(
        db, email=ben.actor.email, password=PASSWORD, address="127.0.0.1", user_agent="test"
    )
    context = chromium.new_context(base_url=two_workers.url)
    context.add_cookies([{"name": cookies.name(db.settings), "value": opened.token, "url": two_workers.url}])
    tabs = [context.new_page() for _ in range(6)]
    for tab in tabs:
        tab.goto("/home")
        expect(tab.locator(".hero-amount")).to_have_text("$0.00", timeout=SOON)
    pay(two_workers, ada, ben, "25.00")
    for tab in tabs:
        expect(tab.locator(".hero-amount")).to_have_text("$25.00", timeout=SOON)
    context.close()
