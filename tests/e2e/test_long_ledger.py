"""An account with 50,000 entries (J19): pages, filters and addresses, while money keeps coming in."""

import itertools
import re
import sys
import time
from datetime import timedelta
from types import SimpleNamespace

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from bank_app import clock
from bank_app import settings as bank_settings
from bank_app.database import Database
from bank_app.domain import money
from bank_app.domain.accounting import Direction, Draft, Leg, TransactionType
from bank_app.domain.identifiers import new_id
from bank_app.models import Posting
from bank_app.services import accounts, auth, ledger, statements, transfers
from tests.e2e.conftest import PASSWORD, Bank, Person, served

ENTRIES, AT_ONCE, DAYS = 50_000, 1000, 700
OPENING = "1000000.00"
PAGE = 25
# How long the browser takes from a press to the rows, in its own words.
PRESS = """button => new Promise(done => {
    const count = () => document.querySelectorAll(".ledger .title").length;
    const [began, before] = [performance.now(), count()];
    const look = () => count() > before ? done(performance.now() - began) : requestAnimationFrame(look);
    button.click();
    look();
})"""


@pytest.fixture(scope="module")
def long_bank(tmp_path_factory):
    """A bank of its own, so that checking the books after every other test stays quick."""
    data = tmp_path_factory.mktemp("long")
    db = Database(bank_settings.load(data=data, database_url="", demo=True, rate_limits=False))
    db.upgrade_schema()
    people = _fill(db)
    with served(data, "serve", BANK_RATE_LIMITS="off") as url:
        yield SimpleNamespace(bank=Bank(url, db), people=people)
    db.dispose()


@pytest.fixture
def bank(long_bank):
    return long_bank.bank


@pytest.fixture
def ada(long_bank):
    return long_bank.people[0]


@pytest.fixture
def ben(long_bank):
    return long_bank.people[1]


@pytest.fixture(autouse=True)
def _the_books_balance():
    """In place of the check of all books: the months of the long account are added up once, in their own test."""


def _fill(db):
    """Ada and Ben, who paid each other every twenty minutes for two years."""
    began, people = clock.now() - timedelta(days=DAYS), []
    with clock.moved_to(began):
        for name in ("Ada Lindqvist", "Ben Ito"):
            actor = auth.register(db, email=f"{name[:3].lower()}@bank.test", name=name, password=PASSWORD)
            account = db.unit_of_work(
                lambda session, actor=actor: accounts.open_account(
                    session, actor, settings=db.settings, initial_balance=OPENING
                )
            )
            people.append(Person(actor, {"Everyday": account}))
    ada, ben = (person.accounts["Everyday"].id for person in people)
    step = timedelta(days=DAYS - 1) / ENTRIES

    def draft(number):
        payer, payee = (ben, ada) if number % 3 == 0 else (ada, ben)
        minor = number % 997 + 1
        return Draft(
            id=new_id(), type=TransactionType.TRANSFER, currency="USD", actor_id=people[0].actor.user_id,
            legs=(Leg(payer, Direction.DEBIT, minor), Leg(payee, Direction.CREDIT, minor)),
            description=f"Order {number}", created_at=began + step * number,
        )  # fmt: skip

    # The opening deposit is the first entry.
    for first in range(1, ENTRIES, AT_ONCE):
        group = [draft(number) for number in range(first, min(first + AT_ONCE, ENTRIES))]
        db.unit_of_work(lambda session, group=group: ledger.post(session, group), resolvable=True)
    return people


def booked(bank, somebody):
    """The transactions of all entries, newest first, as the table has them."""
    account_id = somebody.accounts["Everyday"].id
    rows = bank.db.read(
        lambda session: session.execute(
            select(Posting.transaction_id).where(Posting.account_id == account_id).order_by(Posting.sequence.desc())
        ).all()
    )
    return [str(row.transaction_id) for row in rows]


def shown(page):
    links = page.locator(".ledger .title > a:first-child").evaluate_all("links => links.map(link => link.pathname)")
    return [link.rstrip("/").rpartition("/")[2] for link in links]


def p95(seconds):
    return sorted(seconds)[-max(1, len(seconds) // 20)]


def tell(capsys, words):
    with capsys.disabled():
        sys.stdout.write(f" [{words}] ")


def test_pages_join_while_money_comes_in(bank, visit, ada, ben, capsys):
    """No entry is missing and none is there twice, whatever is posted between two pages."""
    page, before, took = visit(ada), booked(bank, ada), []
    page.goto(f"/accounts/{ada.number()}")
    expect(page.locator(".ledger caption")).to_contain_text(f"newest first, 25 of {len(before):,}")
    for number in range(1, 6):
        movement = transfers.Transfer(
            ben.accounts["Everyday"].id, ada.accounts["Everyday"].id, money.Amount.of(f"0.0{number}")
        )
        more = page.get_by_role("button", name="Load 25 more")
        more.scroll_into_view_if_needed()
        took.append(more.evaluate(PRESS) / 1000)
        rows = PAGE * (number + 1)
        expect(page.locator(".result")).to_have_text(f"25 more loaded, {rows} shown")
        expect(page.locator(".ledger .title > a:first-child").nth(rows - PAGE)).to_be_focused()
        assert shown(page) == before[:rows]
        transfers.move(bank.db, ben.actor, movement)
        expect(page.get_by_role("button", name=f"{number} new — show")).to_be_visible()
    page.get_by_role("button", name="5 new — show").click()
    expect(page.locator(".ledger .title")).to_have_count(PAGE * 6 + 5)
    after = booked(bank, ada)
    assert after[5:] == before
    assert shown(page) == after[: PAGE * 6 + 5]
    tell(capsys, f"a page is painted after {p95(took) * 1000:.0f} ms")


def test_filters_are_the_address_and_say_how_many(bank, visit, ada, ben):
    page = visit(ada)
    page.goto(f"/accounts/{ada.number()}")
    page.get_by_role("button", name="Filters").click()
    page.get_by_label("Direction").select_option(label="Money in")
    page.get_by_label("Amount from").fill("9.90")
    page.get_by_role("button", name="Show entries").click()
    # Every third is money in.
    numbers = [number for number in range(1, ENTRIES) if number % 3 == 0 and number % 997 + 1 >= 990]
    opening = money.parse(OPENING, "USD")
    into = opening + sum(number % 997 + 1 for number in numbers)
    everything = f"{len(numbers) + 1:,} entries · in {money.display(into, 'USD')} · out $0.00"
    result = page.locator(".result")
    expect(result).to_have_text(everything)
    assert page.url.endswith("?direction=credit&min=9.90")
    page.get_by_role("button", name="Load 25 more").click()
    expect(result).to_have_text("25 more loaded, 50 shown")
    newest = [f"Order {number}" for number in reversed(numbers)][:50]
    expect(page.locator(".ledger tbody tr:not(.day) p")).to_contain_text(newest)

    other = visit(ada, width=390)
    other.goto(page.url)
    expect(other.locator(".result")).to_have_text(everything)
    expect(other.locator(".chip")).to_contain_text(["Money in", "From 9.90"])
    other.get_by_role("link", name="Remove filter Money in").click()
    expect(other).to_have_url(re.compile(r"\?min=9\.90$"))
    other.get_by_role("searchbox").fill(newest[7])
    other.get_by_role("button", name="Search", exact=True).click()
    expect(other.locator(".chip")).to_contain_text([f"“{newest[7]}”", "From 9.90"])
    expect(other.locator(".result")).to_contain_text("1 entry · ")


def test_the_last_page_costs_what_the_first_does(api, ada, capsys):
    """By keyset: pages are asked for over REST, once from the newest and once from the middle of the oldest month."""
    client, times = api(ada), {"newest": [], "oldest": []}
    address = f"/accounts/{ada.number()}/history"
    long_ago = f"{clock.now() - timedelta(days=DAYS - 30):%Y-%m-%dT00:00:00Z}"
    where = {"newest": {"limit": PAGE}, "oldest": {"limit": PAGE, "to": long_ago}}
    for name in ["newest", "oldest"] * 30:
        # In turn, so that whatever else this machine does slows both.
        began = time.perf_counter()
        answer = client.get(address, params=where[name])
        times[name].append(time.perf_counter() - began)
        where[name]["cursor"] = answer.json()["next_cursor"]
    first, last = (sorted(taken)[len(taken) // 2] for taken in (times["newest"], times["oldest"]))
    tell(capsys, f"pages are answered after {p95(times['newest'] + times['oldest']) * 1000:.0f} ms")
    assert last < 4 * first + 0.02


def test_every_month_adds_up(bank, ada):
    months = bank.db.read(lambda session: statements.months(session, ada.actor, ada.accounts["Everyday"].id))
    assert sum(month.entries for month in months) >= ENTRIES
    assert all(month.adds_up for month in months)
    assert all(month.opening_minor == before.closing_minor for month, before in itertools.pairwise(months))
