"""Signing out, going back, and connections that are lost over a press: what is said is true, and nothing is left."""

import contextlib
import os
import re
import signal
from pathlib import Path

import pytest
from playwright.sync_api import expect

from bank_app.services import auth
from bank_app.ui import cookies
from tests.e2e.conftest import served
from tests.e2e.money_pages import AMOUNT, RECEIPT, SAFE, account, fill_in, heading, review, send


def sign_out(page):
    page.get_by_role("button", name=re.compile("^Account menu")).click()
    page.get_by_role("button", name="Sign out").click()


def test_signing_out_says_so_every_time_and_on_every_tab(visit, ada):
    for _ in range(8):
        page = visit(ada)
        page.goto("/home")
        expect(page.get_by_text("$500.00").first).to_be_visible()
        other = page.context.new_page()
        other.goto("/accounts")
        expect(other.get_by_text("$500.00").first).to_be_visible()
        sign_out(page)
        for tab in (page, other):
            expect(tab.get_by_text("You are signed out.")).to_be_visible()
            expect(tab.get_by_text("inactivity")).to_have_count(0)
        page.context.close()


def test_a_session_that_runs_out_while_offline_takes_what_the_page_shows_with_it(visit, ada):
    page = visit(ada)
    page.goto("/home")
    expect(page.get_by_text("$500.00").first).to_be_visible()
    page.context.set_offline(True)
    # A quarter of an hour later.
    page.evaluate(
        """() => {
          const over = { ends: Date.now() * 2, deadline: Date.now() - 5000 };
          localStorage.setItem('bank.session', JSON.stringify(over));
        }"""
    )
    expect(page.get_by_role("heading", name="Your session has ended")).to_be_visible()
    assert "500.00" not in page.content()
    page.evaluate("() => localStorage.removeItem('bank.session')")
    page.context.set_offline(False)
    expect(page.get_by_text("$500.00").first).to_be_visible()
    # The browser itself reports the requests that it could not make.
    visit.said[:] = [line for line in visit.said if "ERR_INTERNET_DISCONNECTED" not in line]


def test_after_signing_out_the_button_that_goes_back_shows_nothing(visit, ada):
    page = visit(ada)
    page.goto("/accounts")
    page.get_by_role("link", name="Home", exact=True).first.click()
    # The amount stands on the page before as well, whose menu would go with it.
    page.wait_for_url("**/home")
    expect(page.get_by_text("Recent activity")).to_be_visible()
    expect(page.get_by_text("$500.00").first).to_be_visible()
    # Every text that was ever in the document from here on, however shortly.
    page.context.add_init_script(
        """const said = []; window.said = said;
        new MutationObserver(() => said.push(document.body?.innerText ?? ''))
          .observe(document, { subtree: true, childList: true, characterData: true });"""
    )
    sign_out(page)
    expect(page.get_by_text("You are signed out.")).to_be_visible()
    for _ in range(2):
        page.go_back()
        expect(page.get_by_label("Password", exact=True)).to_be_visible()
        assert "500.00" not in "".join(page.evaluate("window.said"))
        assert "/sign-in" in page.url


def test_what_one_session_shows_is_not_there_when_it_is_ended_elsewhere(visit, bank, ada):
    page = visit(ada)
    page.goto("/home")
    expect(page.get_by_text("$500.00").first).to_be_visible()
    [mine] = [each["value"] for each in page.context.cookies() if each["name"] == cookies.name(bank.db.settings)]
    auth.close_browser_session(bank.db, mine)
    expect(page.get_by_text("You are signed out.")).to_be_visible()
    page.go_back()
    expect(page.get_by_label("Password", exact=True)).to_be_visible()
    expect(page.get_by_text("$500.00")).to_have_count(0)


@pytest.mark.parametrize("kept", [True, False])
def test_back_from_the_review_shows_what_was_typed(visit, ada, ben, kept):
    page = visit(ada)
    fill_in(page, ben, "25", note="Bike lights")
    if kept:
        page.wait_for_url(re.compile("form="))
    page.get_by_role("button", name="Continue").click()
    expect(heading(page, "Check and send")).to_be_visible()
    for _ in range(2):
        page.go_back()
        expect(page.get_by_label(AMOUNT)).to_have_value("25.00")
        expect(page.get_by_label("Account number")).to_have_value(re.compile(r"^[\d ]{12}$"))
        expect(page.get_by_label("Name on the account")).to_have_value("Ben Ito")
        expect(page.get_by_label("Note for them")).to_have_value("Bike lights")
        page.reload()
        expect(page.get_by_label(AMOUNT)).to_have_value("25.00")
        page.go_forward()
        expect(heading(page, "Check and send")).to_be_visible()


def test_back_from_the_review_of_a_withdrawal_shows_what_was_typed(visit, ada):
    page = visit(ada)
    page.goto("/move/withdraw")
    account(page, "Everyday").first.check()
    page.get_by_label(AMOUNT).fill("25")
    page.get_by_label("Note").fill("Market")
    page.get_by_role("button", name="Continue").click()
    expect(heading(page, "Check and withdraw")).to_be_visible()
    page.go_back()
    expect(page.get_by_label(AMOUNT)).to_have_value("25.00")
    expect(page.get_by_label("Note")).to_have_value("Market")


@pytest.fixture
def lost(visit, lossy, ada, ben):
    """A press whose event never came to the bank, and a connection that is lost over it."""

    def over(page, press):
        losing = []

        def between(route):
            server = route.connect_to_server()
            losing.append(route)
            route.on_message(lambda message: None if over.on else server.send(message))

        over.on = False
        page.route_web_socket(re.compile("/_event"), between)
        yield
        over.on = True
        press()
        expect(page.get_by_text("Waiting for the bank to confirm")).to_be_visible()
        over.on = False
        losing[-1].close()

    return over


def test_a_press_that_was_lost_is_said_to_have_sent_nothing(visit, lost, ada, ben, balance):
    page = visit(ada)
    steps = lost(page, lambda: page.get_by_role("button", name="Send $25.00").click())
    next(steps)
    review(page, ben, "25")
    next(steps, None)
    expect(page.get_by_text("The bank never received it.")).to_be_visible()
    expect(page.locator("#refusal")).to_contain_text(SAFE)
    assert balance(ada) == "500.00"
    send(page, "$25.00")
    assert (balance(ada), balance(ben)) == ("475.00", "25.00")


def test_a_deposit_that_was_lost_is_said_to_have_added_nothing(visit, lost, ben, balance):
    page = visit(ben)
    steps = lost(page, lambda: page.get_by_label(AMOUNT).press("Enter"))
    next(steps)
    page.goto("/move/deposit")
    page.get_by_label(AMOUNT).fill("30")
    next(steps, None)
    expect(page.get_by_text("The bank never received it.").first).to_be_visible()
    assert balance(ben) == "0.00"
    page.get_by_label(AMOUNT).fill("30")
    page.get_by_label(AMOUNT).press("Enter")
    page.wait_for_url(RECEIPT)
    assert balance(ben) == "30.00"


def test_a_continue_that_was_lost_says_that_no_money_moved(visit, lost, ada, ben):
    page = visit(ada)
    steps = lost(page, lambda: page.get_by_role("button", name="Continue").click())
    next(steps)
    fill_in(page, ben, "25")
    page.wait_for_url(re.compile("form="))
    next(steps, None)
    expect(page.get_by_text(f"The connection was lost before the bank answered. {SAFE}")).to_be_visible()
    page.get_by_role("button", name="Continue").click()
    expect(heading(page, "Check and send")).to_be_visible()


@pytest.fixture
def one_of_its_own(tmp_path):
    """A bank of its own whose workers can be killed."""
    with served(tmp_path, "run", BANK_RATE_LIMITS="off") as url:
        yield url


def children(process):
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(stat.read_text().rpartition(")")[2].split()[1]) == process:
                found.append(int(stat.parent.name))
    return found


def test_a_worker_that_is_killed_over_a_press_leaves_the_truth(one_of_its_own, chromium):
    context = chromium.new_context(base_url=one_of_its_own)
    page = context.new_page()
    page.set_default_timeout(40_000)
    page.goto("/sign-in")
    page.get_by_role("button", name=re.compile("^Enter as")).first.click()
    page.goto("/move/deposit")
    page.get_by_label(re.compile("^Amount in")).fill("30")
    port = one_of_its_own.rsplit(":", 1)[1]
    [server] = [child for child in children(os.getpid()) if port in Path(f"/proc/{child}/cmdline").read_text()]
    workers = children(server)
    for worker in workers:
        os.kill(worker, signal.SIGSTOP)
    page.get_by_label(re.compile("^Amount in")).press("Enter")
    expect(page.get_by_text("Waiting for the bank to confirm")).to_be_visible()
    for worker in workers:
        os.kill(worker, signal.SIGKILL)
    told = page.get_by_text("The bank never received it.").or_(page.get_by_role("heading", name=re.compile("^Added")))
    expect(told.first).to_be_visible()
    context.close()
