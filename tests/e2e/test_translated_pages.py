"""Pages whose text a translator or an extension has taken into its own hands, and pages that break all the same."""

import re
import sqlite3
from contextlib import closing

import pytest
from playwright.sync_api import expect

from bank_app.domain import money
from bank_app.domain.accounting import Role
from bank_app.services import transfers
from bank_app.ui import site
from tests.e2e.money_pages import AMOUNT, RECEIPT, fill_in, heading, review, send
from tests.e2e.page_rules import settled
from tests.e2e.test_every_page import paths  # noqa: F401 - a fixture

# `wrap` puts each text into an element of its own; `replace` puts another text there and takes the page's own out, as
# the translators of browsers do; `undo` takes that back. `go on` does it again with whatever the page writes later.
TRANSLATOR = """(how) => {
  const mine = new WeakSet(), skip = 'script, style, textarea, title, noscript, font';
  const work = (root) => {
    const walk = document.createTreeWalker(root, NodeFilter.SHOW_TEXT), found = [];
    for (let text = walk.nextNode(); text; text = walk.nextNode()) found.push(text);
    for (const text of found) {
      if (!text.data.trim() || mine.has(text) || !text.isConnected || text.parentElement?.closest(skip)) continue;
      const outer = document.createElement('font'), inner = document.createElement('font');
      if (how === 'wrap') {
        text.replaceWith(outer);
        outer.append(inner);
        inner.append(text);
      } else {
        const other = document.createTextNode(text.data);
        mine.add(other);
        inner.append(other);
        outer.append(inner);
        if (how === 'before') {
          text.parentNode.insertBefore(outer, text);
          text.remove();
        } else text.replaceWith(outer);
      }
    }
  };
  work(document.body);
  new MutationObserver(() => work(document.body)).observe(document.body, {
    subtree: true, childList: true, characterData: true,
  });
  return document.querySelectorAll('font').length;
}"""
HOW = ("wrap", "replace", "before")
BROKEN = "This page broke"


def translate(page, how):
    assert page.evaluate(TRANSLATOR, how) > 20


def is_whole(page):
    expect(page.get_by_text(BROKEN)).to_have_count(0)
    expect(page.get_by_text("Unexpected Application Error")).to_have_count(0)


@pytest.mark.parametrize(
    ("role", "how"),
    [(Role.CUSTOMER, "wrap"), (Role.CUSTOMER, "replace"), (Role.TELLER, "before"), (Role.ADMIN, "wrap")],
)
def test_no_page_dies_of_a_translator(bank, visit, person, ada, paths, role, how):  # noqa: F811
    somebody = ada if role is Role.CUSTOMER else person("Sam Rowan", role)
    page, died = visit(somebody), []
    for path, _ in paths:
        if path.startswith(site.STAFF) is (role is Role.CUSTOMER) or path in ("/lab", "/demo/side-by-side"):
            continue
        if not path.startswith((*site.PROTECTED, site.STAFF)):
            continue
        page.goto(path)
        settled(page)
        translate(page, how)
        # Everything that the page says of amounts is written anew, twice, and then all of it goes.
        for name in ("Hide amounts", "Show amounts"):
            page.get_by_role("button", name=name).first.click()
            expect(page.get_by_role("button", name=name)).to_have_count(0)
        page.locator(".foot a[href^='/help']").click()
        expect(heading(page, "Help").or_(page.get_by_text(BROKEN)).first).to_be_visible()
        if not heading(page, "Help").is_visible() or visit.said:
            died.append((path, *visit.said))
        visit.said.clear()
    assert died == []


@pytest.mark.parametrize("how", HOW)
def test_a_translated_transfer_goes_through_and_says_the_right_amounts(visit, ada, ben, balance, how):
    page = visit(ada)
    page.goto("/move/transfer")
    expect(heading(page, "Send money")).to_be_visible()
    # A page that is touched before it has come to life is drawn anew, and says so in the console.
    expect(page.get_by_role("radio", name=re.compile("^Everyday ••")).first).to_be_visible()
    translate(page, how)
    page.get_by_role("radio", name=re.compile("^Everyday ••")).first.check()
    page.get_by_role("radio", name=re.compile("^Savings ••")).first.check()
    page.get_by_role("radio", name=re.compile("^Everyday ••")).first.check()
    for words in ("Own account", "New number"):
        if page.get_by_text(words).first.is_visible():
            page.get_by_text(words).first.click()
    page.get_by_label("Account number").fill(ben.number())
    page.get_by_label("Name on the account").fill("Ben Ito")
    page.get_by_label(AMOUNT).fill("25")
    page.get_by_label("Note for them").fill("translated")
    effect = page.get_by_role("complementary", name="Effect on your account")
    expect(effect).to_contain_text("$475.00")
    page.get_by_label(AMOUNT).fill("30")
    page.get_by_label("Note for them").fill("translated twice")
    expect(effect).to_contain_text("$470.00")
    expect(effect).not_to_contain_text("$475.00")
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Send $30.00").click()
    page.wait_for_url(RECEIPT)
    expect(heading(page, "Sent $30.00 to Ben Ito")).to_be_visible()
    is_whole(page)
    assert balance(ben) == "30.00"


@pytest.mark.parametrize("how", HOW)
def test_a_translated_balance_is_the_one_of_now(bank, visit, ada, ben, how):
    page = visit(ada)
    page.goto("/accounts")
    settled(page)
    translate(page, how)
    for number, left in ((1, "$490.00"), (2, "$480.00"), (3, "$470.00")):
        movement = transfers.Transfer(
            ada.accounts["Everyday"].id, ben.accounts["Everyday"].id, money.Amount.of("10.00")
        )
        transfers.move(bank.db, ada.actor, movement, key=f"live-{number}")
        expect(page.get_by_text(left).first).to_be_visible()
        expect(page.get_by_text(f"${500 - 10 * (number - 1)}.00", exact=True)).to_have_count(0)
    is_whole(page)


# What every page does once the address has changed.
BREAK = """() => {
  document.querySelector = (what) => {
    if (what === 'main h1') throw new TypeError('a secret of the stack');
    return Document.prototype.querySelector.call(document, what);
  };
}"""


def test_a_page_that_breaks_shows_words_and_a_way_back_and_no_stack(visit, ada, ben, balance):
    page = visit(ada)
    review(page, ben, "25")
    page.evaluate(BREAK)
    page.get_by_role("button", name="Send $25.00").click()
    expect(heading(page, BROKEN)).to_be_visible()
    expect(page.get_by_text("happened once or not at all")).to_be_visible()
    assert not re.search(r"secret|TypeError|\bat \w+ \(|\.js:\d", page.locator("body").inner_text())
    page.get_by_role("button", name="Show the page again").click()
    # It asks the bank, and this was sent.
    page.wait_for_url(RECEIPT)
    assert balance(ben) == "25.00"
    visit.said.clear()


@pytest.mark.parametrize(("path", "link"), [("/home", "Accounts"), ("/sign-in", "Create account"), ("/help", "Home")])
def test_going_elsewhere_leaves_a_broken_page(visit, ada, path, link):
    page = visit(None if path == "/sign-in" else ada)
    page.goto(path)
    page.get_by_role("heading", level=1).first.wait_for()
    page.evaluate(BREAK)
    page.get_by_role("link", name=link).first.click()
    expect(heading(page, BROKEN)).to_be_visible()
    page.get_by_role("link", name="Start page").click()
    expect(page.get_by_text(BROKEN)).to_have_count(0)
    page.get_by_role("heading", level=1).first.wait_for()
    visit.said.clear()


def test_a_handler_that_breaks_in_the_browser_leaves_nothing_busy(visit, ada, ben, balance):
    page = visit(ada)
    fill_in(page, ben, "25")
    page.evaluate("() => { window.FormData = class { constructor() { throw new TypeError('no form data'); } }; }")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("Something failed in your browser")).to_be_visible()
    expect(page.get_by_role("button", name="Continue")).to_be_enabled()
    expect(page.get_by_role("button", name="Checking…")).to_have_count(0)
    assert balance(ada) == "500.00"
    visit.said.clear()


def test_a_handler_that_breaks_in_the_bank_leaves_nothing_busy_and_the_page_says_what_is_true(
    visit, bank, ada, ben, balance
):
    page = visit(ada)
    review(page, ben, "25")
    with closing(sqlite3.connect(bank.db.settings.data / "bank.sqlite3", isolation_level=None)) as books:
        books.execute("UPDATE drafts SET created_at = 'no moment'")
        page.get_by_role("button", name="Send $25.00").click()
        expect(page.get_by_text("Something failed on our side")).to_be_visible()
        expect(page.get_by_role("button", name="Sending…")).to_have_count(0)
        books.execute("UPDATE drafts SET created_at = (SELECT max(created_at) FROM transactions)")
    send(page, "$25.00")
    assert (balance(ada), balance(ben)) == ("475.00", "25.00")
