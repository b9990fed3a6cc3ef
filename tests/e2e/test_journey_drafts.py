"""What somebody typed is never lost and never sent by itself (J04): reloads, other devices, sessions that end."""

import re
from datetime import timedelta
from uuid import UUID

from playwright.sync_api import expect
from sqlalchemy import select, update
from sqlmodel import col

from bank_app import clock
from bank_app.domain.identifiers import grouped
from bank_app.models import SignIn, TransferDraft, UnfinishedForm
from bank_app.services import auth
from bank_app.ui import cookies
from tests.e2e.conftest import PASSWORD
from tests.e2e.money_pages import AMOUNT, RECEIPT, REVIEW, account, fill_in, heading, review, send

KEPT = re.compile(r"/move/transfer/?\?form=[0-9a-f-]{36}$")


def is_as_it_was_left(page, ben):
    expect(page.get_by_label(AMOUNT)).to_have_value("25")
    expect(page.get_by_label("Account number")).to_have_value(
        f"{ben.number()[:4]} {ben.number()[4:8]} {ben.number()[8:]}"
    )
    expect(page.get_by_label("Name on the account")).to_have_value("Ben Ito")
    expect(page.get_by_label("Note for them")).to_have_value("Bike lights")
    expect(account(page, "Savings").first).to_be_checked()


def begin(page, bank, ben):
    """A form that is filled in, and kept with everything in it: the address comes with the first field."""
    fill_in(page, ben, "25", source="Savings", note="Bike lights")
    page.get_by_label("Note for them").blur()
    page.wait_for_url(KEPT)
    expect(page.locator("#amount-echo")).to_contain_text("$25.00")
    form_id = UUID(page.url.rpartition("=")[2])
    kept = select(col(UnfinishedForm.fields_)).where(col(UnfinishedForm.id) == form_id)
    wanted = {"amount": "25", "name": "Ben Ito", "note": "Bike lights"}
    while not wanted.items() <= bank.db.read(lambda session: session.execute(kept).scalar_one()).items():
        page.wait_for_timeout(50)


def test_a_half_filled_form_survives_a_reload_and_another_device(bank, visit, ada, ben, balance):
    page = visit(ada)
    begin(page, bank, ben)
    page.reload()
    is_as_it_was_left(page, ben)
    phone = visit(ada, width=390, height=844)
    phone.goto("/move")
    phone.get_by_role("link", name="Continue: $25.00 to Ben Ito").click()
    is_as_it_was_left(phone, ben)
    phone.get_by_role("button", name="Continue").click()
    phone.wait_for_url(REVIEW)
    send(phone, "$25.00")
    assert balance(ben) == "25.00"
    # It is over for every device: nothing is offered again.
    page.goto("/move")
    expect(heading(page, "Move money")).to_be_visible()
    expect(page.get_by_role("link", name=re.compile("Pay Ben Ito"))).to_be_visible()
    expect(page.get_by_role("link", name=re.compile("^Continue"))).to_have_count(0)


def test_what_is_typed_while_the_bank_answers_late_stays(visit, lossy, ada, ben):
    page = visit(ada)
    line = lossy(page)
    page.goto("/move/transfer")
    note = page.get_by_label("Note for them")
    expect(note).to_be_visible()
    with line.late():
        # Kept twice before the page knows where; and what comes after has not been kept at all.
        for times, words in enumerate(("Bike", "Bike lights"), start=1):
            note.fill(words)
            while not line.has_heard(".keep", times):
                page.wait_for_timeout(50)
        page.get_by_label("Account number").fill(ben.number())
        page.get_by_label("Name on the account").focus()
    page.wait_for_url(KEPT)
    # Its answer comes after that of the page's new address.
    page.get_by_role("button", name="Continue").click()
    expect(page.locator("#problems")).to_contain_text("Choose the account that pays.")
    expect(page.get_by_label("Account number")).to_have_value(grouped(int(ben.number())))
    expect(note).to_have_value("Bike lights")


def test_a_form_is_nobody_elses(bank, visit, person, ada, ben):
    page = visit(ada)
    begin(page, bank, ben)
    stranger = visit(person("Eve Marlow", Everyday="50.00"))
    stranger.goto(page.url)
    expect(heading(stranger, "Send money")).to_be_visible()
    expect(stranger.get_by_label(AMOUNT)).to_have_value("")
    assert "Bike lights" not in stranger.content()


def test_a_session_that_ends_costs_nothing_that_was_typed(bank, visit, ada, ben, balance):
    page = visit(ada)
    begin(page, bank, ben)
    bank.db.unit_of_work(
        lambda session: session.execute(
            update(SignIn)
            .where(SignIn.user_id == ada.actor.user_id)
            .values(last_seen_at=clock.now() - timedelta(minutes=16))
        )
    )
    ended = page.get_by_text("You were signed out after 15 minutes of inactivity. Nothing was sent.")
    expect(ended).to_be_visible()
    assert balance(ben) == "0.00"
    page.get_by_label("Email").fill(ada.actor.email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(KEPT)
    is_as_it_was_left(page, ben)
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url(REVIEW)
    assert balance(ben) == "0.00"


def test_a_draft_that_was_not_sent_is_offered_and_can_be_discarded(visit, ada, ben):
    page = visit(ada)
    review(page, ben, "25")
    page.goto("/move")
    page.get_by_role("link", name="Continue: $25.00 to Ben Ito").click()
    expect(heading(page, "Check and send")).to_be_visible()
    page.goto("/move")
    page.get_by_role("button", name="Discard “Continue: $25.00 to Ben Ito”").click()
    expect(page.get_by_role("link", name=re.compile("^Continue"))).to_have_count(0)
    page.reload()
    expect(heading(page, "Move money")).to_be_visible()
    expect(page.get_by_role("link", name=re.compile("Pay someone"))).to_be_visible()
    expect(page.get_by_role("link", name=re.compile("^Continue"))).to_have_count(0)


def test_a_draft_that_was_checked_long_ago_is_looked_at_again(bank, visit, ada, ben, balance):
    page = visit(ada)
    review(page, ben, "25", note="Bike lights")
    draft_id = UUID(page.url.rstrip("/").rpartition("/")[2])

    def age(session):
        session.execute(
            update(TransferDraft)
            .where(TransferDraft.id == draft_id)
            .values(created_at=clock.now() - timedelta(minutes=11))
        )

    bank.db.unit_of_work(age)
    page.get_by_role("button", name="Send $25.00").click()
    expect(heading(page, "Send money")).to_be_visible()
    expect(page.get_by_text("You checked this more than 10 minutes ago.")).to_be_visible()
    expect(page.get_by_label(AMOUNT)).to_have_value("25.00")
    assert balance(ben) == "0.00"
    page.goto(f"/move/review/{draft_id}")
    expect(heading(page, "Send money")).to_be_visible()
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url(REVIEW)
    send(page, "$25.00")
    assert balance(ben) == "25.00"


def test_a_sent_draft_is_its_receipt_however_old(bank, visit, ada, ben, balance):
    page = visit(ada)
    review(page, ben, "25")
    address = page.url
    send(page, "$25.00")
    bank.db.unit_of_work(
        lambda session: session.execute(
            update(TransferDraft)
            .where(TransferDraft.user_id == ada.actor.user_id)
            .values(created_at=clock.now() - timedelta(minutes=11))
        )
    )
    page.goto(address)
    page.wait_for_url(RECEIPT)
    assert balance(ben) == "25.00"


def test_a_form_for_cash_is_kept_as_well(visit, ada):
    page = visit(ada)
    page.goto("/move/withdraw")
    account(page, "Everyday").first.check()
    page.get_by_label(AMOUNT).fill("40")
    page.wait_for_url(re.compile(r"/move/withdraw/?\?form="))
    page.goto("/move")
    page.get_by_role("link", name="Continue: take out $40.00").click()
    expect(page.get_by_label(AMOUNT)).to_have_value("40")
    expect(account(page, "Everyday").first).to_be_checked()
    page.get_by_role("button", name="Continue").click()
    expect(heading(page, "Check and withdraw")).to_be_visible()


def test_signing_out_in_another_tab_keeps_the_form_as_well(bank, visit, ada, ben):
    page = visit(ada)
    begin(page, bank, ben)
    token = next(
        cookie["value"] for cookie in page.context.cookies() if cookie["name"] == cookies.name(bank.db.settings)
    )
    auth.close_browser_session(bank.db, token)
    page.goto("/move")
    page.wait_for_url(re.compile("/sign-in"))
    page.get_by_label("Email").fill(ada.actor.email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("link", name="Continue: $25.00 to Ben Ito").click()
    is_as_it_was_left(page, ben)


def test_a_deposit_keeps_its_form_until_it_is_posted(visit, ada, balance):
    page = visit(ada)
    page.goto("/move/deposit")
    account(page, "Savings").first.check()
    page.get_by_label(AMOUNT).fill("40")
    page.get_by_label("Note").fill("Birthday")
    page.get_by_label("Note").blur()
    page.wait_for_url(re.compile(r"/move/deposit/?\?form="))
    kept = page.url
    page.reload()
    expect(page.get_by_label("Note")).to_have_value("Birthday")
    expect(account(page, "Savings").first).to_be_checked()
    phone = visit(ada, width=390, height=844)
    phone.goto("/move")
    phone.get_by_role("link", name="Continue: add $40.00").click()
    expect(phone.get_by_label(AMOUNT)).to_have_value("40")
    page.get_by_role("button", name="Add $40.00").click()
    page.wait_for_url(RECEIPT)
    # The other device still shows the form; it is the same deposit, so pressing there adds nothing.
    phone.get_by_role("button", name="Add $40.00").click()
    phone.wait_for_url(RECEIPT)
    assert balance(ada, "Savings") == "140.00"
    page.goto(kept)
    expect(page.get_by_label(AMOUNT)).to_have_value("")
    page.goto("/move")
    expect(page.get_by_role("link", name=re.compile("Add money"))).to_be_visible()
    expect(page.get_by_role("link", name=re.compile("^Continue"))).to_have_count(0)
