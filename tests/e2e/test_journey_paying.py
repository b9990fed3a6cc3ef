"""Paying somebody from end to end (J03), directions on every surface (J07), never twice (J08), and a race (J11)."""

import contextlib
import csv
import io
import itertools
import re
import threading
from uuid import UUID

from playwright.sync_api import Error, expect
from sqlalchemy import func, select

from bank_app.domain.identifiers import grouped
from bank_app.models import Account, Posting, Transaction
from bank_app.services import drafts
from tests.e2e.money_pages import AMOUNT, RECEIPT, REVIEW, account, heading, review, send

# Presses Send, and tells whether it could be pressed.
PRESS = """() => {
    const send = document.getElementById("send");
    const open = send.getAttribute("aria-disabled") !== "true";
    send.click();
    return open;
}"""


def minor(bank, somebody, title="Everyday"):
    """The booked balance, read from the table."""
    return bank.db.read(
        lambda session: session.execute(
            select(Account.balance).where(Account.id == somebody.accounts[title].id)
        ).scalar_one()
    )


def transactions(bank):
    return bank.db.read(lambda session: session.execute(select(func.count()).select_from(Transaction)).scalar_one())


def test_a_new_person_is_paid_and_never_asked_for_twice(bank, visit, ada, ben):
    """J03."""
    before, count = minor(bank, ada), transactions(bank)
    page = visit(ada)
    page.goto("/move/transfer")
    account(page, "Everyday").first.check()
    page.get_by_text("New number").click()
    page.get_by_label("Account number").fill(f" {grouped(ben.accounts['Everyday'].id)} ")
    page.get_by_label("Account number").blur()
    expect(page.get_by_text("Check digits fit")).to_be_visible()
    page.get_by_label("Name on the account").fill("ben ito")
    page.get_by_label(AMOUNT).fill("25")
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url(REVIEW)
    facts = page.get_by_role("region", name="What will happen")
    for fact in (
        "$25.00",
        "Everyday",
        "ben ito",
        grouped(ben.accounts["Everyday"].id),
        "The name matches the account.",
    ):
        expect(facts).to_contain_text(fact)
    expect(page.get_by_role("complementary", name="Effect on your account")).to_contain_text("$475.00")
    assert transactions(bank) == count
    send(page, "$25.00")
    assert (minor(bank, ada) - before, minor(bank, ben), transactions(bank)) == (-2500, 2500, count + 1)
    transaction_id = UUID(page.url.rstrip("/").rpartition("/")[2])
    sides = bank.db.read(
        lambda session: session.execute(
            select(Posting.account_id, Posting.direction, Posting.amount)
            .where(Posting.transaction_id == transaction_id)
            .order_by(Posting.direction)
        ).all()
    )
    assert sides == [
        (ben.accounts["Everyday"].id, "credit", 2500),
        (ada.accounts["Everyday"].id, "debit", 2500),
    ]
    for step in ("Created", "Checked", "Posted"):
        expect(page.locator(".timeline")).to_contain_text(step)
    page.get_by_role("button", name="Verify this record").click()
    expect(page.locator(".verdict")).to_contain_text("Intact")
    # Known from now on: neither the number nor the name is typed again.
    page.goto("/move/transfer")
    page.get_by_text("Someone I’ve paid").click()
    page.get_by_role("radio", name=re.compile("Ben Ito")).check()
    account(page, "Everyday").first.check()
    page.get_by_label(AMOUNT).fill("5")
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url(REVIEW)
    expect(page.get_by_text("This is your first payment")).to_have_count(0)


def test_more_than_usual_and_limits_are_said_before_sending(bank, visit, ada, ben, api, person):
    from bank_app.domain.accounting import Role
    from bank_app.services import accounts

    client = api(ada)
    for number in range(5):
        body = {"from_account_id": ada.number(), "to_account_id": ben.number(), "amount": "10.00"}
        answer = client.post("/transactions/transfer", json=body, headers={"idempotency-key": f"usual-{number}"})
        assert answer.status_code == 201, answer.text
    teller = person("Olu Adeyemi", Role.TELLER)
    bank.db.unit_of_work(
        lambda session: accounts.change_account(
            session, teller.actor, ada.accounts["Everyday"].id, daily_limit="100.00", reason="The test says so"
        )
    )
    page = visit(ada)
    review(page, ben, "31")
    expect(page.get_by_text("This is more than you usually send.")).to_be_visible()
    expect(page.get_by_text("After this you can send $19.00 more today.")).to_be_visible()
    page.get_by_role("link", name="Change the amount").click()
    expect(page.get_by_text("$50.00 of $100.00 left to send today.")).to_be_visible()
    page.get_by_label(AMOUNT).fill("50.01")
    page.get_by_role("button", name="Continue").click()
    expect(page.locator("#problems")).to_contain_text("may pay $100.00 in a day (UTC)")
    expect(page.locator("#problems")).to_contain_text("No money has moved.")


def test_direction_is_the_same_on_every_surface(visit, ada, ben, api):
    """J07: sign, word and column agree for both sides, and without colour."""
    page, other = visit(ada), visit(ben)
    review(page, ben, "25", note="=Bike lights")
    send(page, "$25.00")
    receipt = page.url
    surfaces = [
        (page, "−$25.00", "Money out", ada, "debit"),
        (other, "+$25.00", "Money in", ben, "credit"),
    ]
    for window, signed, word, somebody, direction in surfaces:
        window.goto(receipt)
        expect(window.locator(".receipt-head .total")).to_have_text(signed)
        mine = window.locator(".sides tbody tr").filter(has_not_text="sees this")
        expect(mine).to_contain_text(signed)
        expect(mine).to_contain_text(word)
        window.goto("/home")
        expect(window.locator("main").get_by_text(signed).first).to_be_visible()
        window.goto(f"/accounts/{somebody.number()}")
        expect(window.locator("main").get_by_text(signed).first).to_be_visible()
        expect(window.locator(".ledger").get_by_text(word).first).to_be_attached()
        text = window.request.get(f"/accounts/{somebody.number()}/export.csv").text().removeprefix("\ufeff")
        rows = list(csv.DictReader(io.StringIO(text)))
        row = next(row for row in rows if "Bike lights" in row["memo"])
        assert row["direction"] == direction
        assert row["amount"] == ("-25.00" if direction == "debit" else "25.00")
        assert not row["memo"].startswith("=")
        amounts = [round(float(row["amount"]) * 100) for row in rows]
        balances = [round(float(row["balance_after"]) * 100) for row in rows]
        assert all(later - earlier in (amounts[at + 1], -amounts[at]) for at, (earlier, later) in
                   enumerate(itertools.pairwise(balances)))  # fmt: skip
        [entry] = [item for item in api(somebody).get(f"/accounts/{somebody.number()}/history").json()["items"]
                   if item["amount"] == "25.00"]  # fmt: skip
        assert entry["direction"] == direction


def test_a_reload_while_sending_and_back_then_send_post_once(bank, visit, ada, ben):
    """J08."""
    page = visit(ada)
    review(page, ben, "25")
    address = page.url
    page.get_by_role("button", name="Send $25.00").click(no_wait_after=True)
    page.goto(address)
    # Either the first press arrived, and the page moves on by itself, or it did not and the button is there again.
    with contextlib.suppress(Error):
        page.get_by_role("button", name="Send $25.00").click(timeout=3000)
    page.wait_for_url(RECEIPT)
    page.go_back()
    page.go_back()
    page.goto(address)
    page.wait_for_url(RECEIPT)
    assert (minor(bank, ada), minor(bank, ben)) == (47_500, 2500)


def test_the_key_of_a_draft_over_rest_is_the_same_request(bank, visit, ada, ben, api):
    """J08: the API replays what the page sent; another amount under the same key is refused."""
    page = visit(ada)
    review(page, ben, "25", note="Bike lights")
    key = f"draft:{page.url.rstrip('/').rpartition('/')[2]}"
    send(page, "$25.00")
    body = {
        "from_account_id": ada.number(), "to_account_id": ben.number(), "amount": "25.00", "description": "Bike lights"
    }  # fmt: skip
    client = api(ada)
    again = client.post("/transactions/transfer", json=body, headers={"idempotency-key": key})
    assert again.json()["id"] == page.url.rstrip("/").rpartition("/")[2]
    other = client.post("/transactions/transfer", json={**body, "amount": "26.00"}, headers={"idempotency-key": key})
    assert other.json()["code"] == "idempotency_key_reused"
    assert minor(bank, ben) == 2500


def test_twenty_windows_race_for_what_is_there(bank, visit, person):
    """J11: five of twenty withdrawals of $10 fit into $50."""
    rae = person("Rae Moss", Everyday="50.00")
    pages = []
    for _ in range(20):
        draft = bank.db.unit_of_work(
            lambda session: drafts.save(
                session, rae.actor, kind="withdraw", amount_minor=1000, currency="USD",
                from_account_id=rae.accounts["Everyday"].id,
            )
        )  # fmt: skip
        page = visit(rae, width=390, height=600)
        page.goto(f"/move/review/{draft.id}", wait_until="commit")
        pages.append(page)
    for page in pages:
        expect(page.get_by_role("button", name="Withdraw $10.00")).to_be_enabled()
    read, over = [], threading.Event()

    def watch():
        while not over.wait(0.01):
            read.append(minor(bank, rae))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        pressed = [page for page in pages if page.evaluate(PRESS)]
        for page in pressed:
            done = heading(page, "Withdrew $10.00 from Everyday")
            expect(done.or_(page.locator("#refusal"))).to_be_visible()
    finally:
        over.set()
        watcher.join()
    sent = [page for page in pages if RECEIPT.search(page.url)]
    refused = [page for page in pages if page not in sent]
    assert (len(sent), len(refused), minor(bank, rae)) == (5, 15, 0)
    for page in refused:
        if page in pressed:
            expect(page.locator("#refusal")).to_contain_text("Not enough money.")
            expect(page.locator("#refusal")).to_contain_text("No money has moved.")
        else:
            # It had heard of the others before: it says that nothing is left, and sends nothing.
            expect(page.get_by_text("Your balance changed while you were reviewing")).to_be_visible()
            expect(page.get_by_role("button", name="Withdraw $10.00")).to_be_disabled()
    assert min(read) >= 0
