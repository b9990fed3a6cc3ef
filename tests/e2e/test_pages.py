"""Everything around moving money: getting in and out, looking at accounts, and what a browser is made to keep."""

import csv
import re
import uuid

import pytest
from playwright.sync_api import expect

from bank_app.domain.accounting import Role

PASSWORD = "lantern-orchard-48-violin"


@pytest.fixture
def ada(person):
    return person("Ada Lindqvist", Everyday="1240.00", Savings=None)


def sign_in(page, email, password):
    page.goto("/sign-in")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()


def sign_out(page):
    page.get_by_role("button", name=re.compile("^Account menu")).click()
    page.get_by_role("button", name="Sign out").click()


def heading(page):
    return page.get_by_role("heading", level=1)


# --- getting in and out -------------------------------------------------------------------------------


def test_a_page_asks_for_a_sign_in_and_comes_back_to_itself(visit, ada):
    page = visit()
    page.goto("/accounts/new?x=1")
    assert page.url.endswith("/sign-in?next=/accounts/new%3Fx%3D1")
    page.get_by_label("Email").fill(ada.actor.email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(heading(page)).to_have_text("Open an account")
    assert page.url.endswith("/accounts/new?x=1")


def test_a_wrong_password_keeps_the_email_and_takes_the_focus(visit, ada):
    page = visit()
    sign_in(page, ada.actor.email, "not the right one")
    expect(page.get_by_text("That email and password don't match.")).to_be_visible()
    expect(page.locator("#problem")).to_be_focused()
    expect(page.get_by_label("Email")).to_have_value(ada.actor.email)
    expect(page.get_by_label("Password", exact=True)).to_have_value("")
    assert ada.actor.email not in page.url


def test_a_demo_person_is_one_press_away(visit):
    page = visit()
    page.goto("/")
    page.get_by_role("button", name="Enter as Ben").click()
    expect(heading(page)).to_contain_text("Ben")


def test_signing_up_says_what_is_wrong_and_begins_at_zero(visit):
    page = visit()
    page.goto("/sign-up")
    email = f"nia-{uuid.uuid4().hex[:8]}@bank.test"
    page.get_by_label("Name").fill("Nia New")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password", exact=True).fill("password1234")
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_text("This password is easy to guess.")).to_be_visible()
    expect(page.get_by_label("Name")).to_have_value("Nia New")
    expect(page.get_by_label("Email")).to_have_value(email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    expect(heading(page)).to_contain_text("Nia")
    expect(page.locator(".hero-amount")).to_have_text("$0.00")
    expect(page.get_by_text("Your account is open at zero.")).to_be_visible()


def test_signing_out_ends_every_tab_and_leaves_nothing_in_it(visit, ada):
    page = visit(ada)
    page.goto("/home")
    expect(page.locator(".hero-amount")).to_have_text("$1,240.00")
    second = page.context.new_page()
    second.goto("/accounts")
    expect(second.get_by_text("$1,240.00").first).to_be_visible()
    sign_out(page)
    expect(page.get_by_text("You are signed out.")).to_be_visible()
    # By itself: it hears of the end as it hears of money.
    expect(heading(second)).to_have_text("Sign in")
    expect(second.get_by_text("$1,240.00")).to_have_count(0)


def test_the_next_person_in_the_same_tab_sees_only_their_own(visit, person, ada):
    page = visit(ada)
    page.goto("/home")
    expect(page.locator(".hero-amount")).to_have_text("$1,240.00")
    ben = person("Ben Ito", Everyday="7.00")
    sign_out(page)
    sign_in(page, ben.actor.email, PASSWORD)
    expect(page.locator(".hero-amount")).to_have_text("$7.00")
    expect(page.get_by_text("Ada Lindqvist")).to_have_count(0)


# --- accounts -------------------------------------------------------------------------------------------


def test_an_account_is_opened_and_says_so_once(visit, ada):
    page = visit(ada)
    page.goto("/accounts")
    page.get_by_role("link", name="Open an account").click()
    page.get_by_label("Name (optional)").fill("x" * 41)
    page.get_by_role("button", name="Open account").click()
    expect(page.locator("#problems")).to_be_focused()
    page.get_by_role("link", name="Keep the name to 40 characters.").click()
    expect(page.get_by_label("Name (optional)")).to_be_focused()
    page.get_by_label("Name (optional)").fill("Holiday")
    page.get_by_label("Savings").check()
    page.get_by_role("button", name="Open account").dblclick()
    expect(heading(page)).to_have_text("Holiday")
    said = page.get_by_text(re.compile(r"Holiday ••\d{4} is open\. It starts at \$0\.00\."))
    expect(said).to_be_visible()
    page.reload()
    expect(page.locator(".hero-amount")).to_have_text("$0.00")
    expect(said).to_have_count(0)
    page.goto("/accounts")
    expect(page.get_by_role("link", name="Holiday")).to_have_count(1)


def test_a_ledger_is_filtered_shared_and_downloaded(visit):
    page = visit()
    page.goto("/sign-in")
    page.get_by_role("button", name="Enter as Ada").click()
    page.get_by_role("link", name="Everyday").click()
    more = page.get_by_role("button", name="Load 25 more")
    expect(page.locator("caption")).to_contain_text("newest first, 25 of")
    more.click()
    expect(page.locator("caption")).to_contain_text("newest first, 50 of")
    expect(page.locator(".ledger .title > a:first-child").nth(25)).to_be_focused()
    times = page.locator(".ledger .title > a:first-child").evaluate_all("links => links.map(link => link.href)")
    assert len(set(times)) == len(times)

    page.get_by_role("button", name="Filters").click()
    page.get_by_label("Transfers").check()
    page.get_by_label("Direction").select_option(label="Money out")
    page.get_by_label("Amount from").fill("1,000")
    page.get_by_role("button", name="Show entries").click()
    expect(page).to_have_url(re.compile(r"\?type=transfer&direction=debit&min=1000\.00$"))
    result = page.locator(".result")
    expect(result).to_contain_text("in $0.00")
    words = result.inner_text()
    page.reload()
    expect(result).to_have_text(words)
    with page.expect_download() as download:
        page.get_by_role("link", name="Export these").click()
    with download.value.path().open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert words.startswith(f"{len(rows)} ")
    assert all(row["amount"].startswith("-") for row in rows)
    page.get_by_role("link", name="Remove filter From 1000.00").click()
    expect(page).to_have_url(re.compile(r"\?type=transfer&direction=debit$"))
    page.get_by_role("searchbox").fill("nothing is called this")
    page.get_by_role("button", name="Search", exact=True).click()
    expect(page.get_by_text("No entries match.")).to_be_visible()
    page.get_by_role("link", name="Clear filters").click()
    expect(page.locator("caption")).to_contain_text("25 of")


def test_a_balance_is_proved_and_drawn_in_words(visit):
    page = visit()
    page.goto("/sign-in")
    page.get_by_role("button", name="Enter as Ada").click()
    page.get_by_role("link", name="Everyday").click()
    page.get_by_role("button", name="Prove it").click()
    expect(page.locator(".proved")).to_contain_text("equal to the stored balance")
    page.get_by_role("button", name="Balance, whole history").click()
    expect(page.locator(".chart-words")).to_contain_text("From $0.00 on")
    page.get_by_role("button", name="View as table").click()
    expect(page.get_by_role("region", name="Balance as a table").get_by_role("row").nth(1)).to_be_visible()


def test_an_account_of_somebody_else_looks_like_one_that_does_not_exist(visit, person, ada):
    eve = visit(person("Eve Marlow", Everyday=None))
    for number in (ada.number(), "1234567802", "nonsense"):
        eve.goto(f"/accounts/{number}")
        expect(heading(eve)).to_have_text("Page not found")
        assert "1,240" not in eve.content()


def test_no_number_of_another_account_is_shown_while_one_loads(visit, ada):
    page = visit(ada)
    page.goto(f"/accounts/{ada.number()}")
    expect(page.locator(".hero-amount")).to_have_text("$1,240.00")
    page.get_by_role("link", name="Accounts", exact=True).first.click()
    page.get_by_role("link", name="Savings").click()
    expect(heading(page)).to_have_text("Savings")
    expect(heading(page)).to_be_focused()
    expect(page.locator(".hero-amount")).to_have_text("$0.00")


# --- the bank's people ----------------------------------------------------------------------------------


def test_a_teller_finds_any_account_and_an_auditor_may_only_look(visit, person, ada):
    teller = visit(person("Olu Adeyemi", Role.TELLER))
    teller.goto("/home")
    teller.wait_for_url(re.compile("/ops/?$"))
    teller.goto("/ops/accounts")
    teller.get_by_role("searchbox").fill(ada.number())
    teller.get_by_role("button", name="Search", exact=True).click()
    expect(teller.get_by_text("1 account", exact=True)).to_be_visible()
    teller.get_by_role("table").get_by_role("link", name=ada.accounts["Everyday"].grouped_number).click()
    expect(teller.locator("main").get_by_text("$1,240.00").first).to_be_visible()
    expect(teller.get_by_role("link", name="Deposit", exact=True)).to_be_visible()
    auditor = visit(person("Tess Varga", Role.AUDITOR))
    auditor.goto(f"/accounts/{ada.number()}")
    expect(auditor.locator(".hero-amount")).to_have_text("$1,240.00")
    expect(auditor.get_by_role("link", name="Deposit", exact=True)).to_have_count(0)
    expect(auditor.get_by_role("link", name="Transfer")).to_have_count(0)


def test_a_customer_has_no_desk(visit, ada):
    page = visit(ada)
    assert page.goto("/ops/accounts").status == 404
    expect(heading(page)).to_have_text("Page not found")
    # The browser itself reports the status of the document; that is the one line allowed here.
    assert [line for line in visit.said if "404" not in line] == []
    visit.said.clear()


# --- what every page keeps to ---------------------------------------------------------------------------


def test_scripts_see_no_cookie_and_no_request_leaves_the_host(visit, bank, ada):
    page = visit()
    sign_in(page, ada.actor.email, PASSWORD)
    expect(page.locator(".hero-amount")).to_have_text("$1,240.00")
    hosts = set()
    page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
    page.on("websocket", lambda socket: hosts.add(socket.url.split("/")[2]))
    for path in ("/home", "/accounts", f"/accounts/{ada.number()}", "/accounts/new", "/move"):
        answer = page.goto(path)
        assert answer.status == 200
        assert "unsafe-eval" not in answer.headers["content-security-policy"]
        expect(page.locator(".bone:visible")).to_have_count(0)
    assert hosts == {bank.url.split("/")[2]}
    cookie = next(cookie for cookie in page.context.cookies() if "session" in cookie["name"])
    assert cookie["httpOnly"]


def test_no_frame_of_the_socket_carries_the_session(visit, ada):
    page = visit(ada)
    frames = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: frames.append(str(frame))))
    page.goto("/home")
    expect(page.locator(".hero-amount")).to_have_text("$1,240.00")
    token = next(cookie["value"] for cookie in page.context.cookies() if "session" in cookie["name"])
    assert frames
    assert token not in "".join(frames)


def test_an_address_that_does_not_exist_is_not_found(visit, ada):
    page = visit()
    assert page.goto("/no-such-page").status == 404
    expect(heading(page)).to_have_text("Page not found")
    # The browser itself reports the status of the document; that is the one line allowed here.
    assert [line for line in visit.said if "404" not in line] == []
    visit.said.clear()


def test_the_theme_is_kept_without_a_flash(visit):
    page = visit(color_scheme="light")
    page.goto("/sign-in")
    # A press before the scripts are there is lost, as on every page that is drawn before.
    expect(page.get_by_role("button", name="Enter as Ada")).to_be_visible()
    page.get_by_role("button", name="Theme: system").click()
    page.get_by_role("button", name="Theme: light").click()
    expect(page.locator("html")).to_have_class(re.compile("dark"))
    page.reload(wait_until="commit")
    expect(page.locator("html")).to_have_class(re.compile("dark"))


def test_the_skip_link_leads_past_the_navigation(visit, ada):
    page = visit(ada)
    page.goto("/home")
    expect(page.locator(".hero-amount")).to_have_text("$1,240.00")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to main content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
