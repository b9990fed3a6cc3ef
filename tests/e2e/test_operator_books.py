"""J14: what somebody writes past the bank into its database is found, said in words, and well again once repaired."""

import csv
import io
from contextlib import contextmanager

import pytest
from playwright.sync_api import expect
from sqlalchemy import text

from bank_app.domain.accounting import AccountStatus, Role
from bank_app.services import accounts, audit_trail

WHY = "Card seen in a leak, call 2207"


@pytest.fixture
def past_guards(bank):
    """Writes into the database of the running bank what its triggers refuse; they are made again at once."""

    def run(statement, **values):
        with bank.db.writing.connect() as connection:
            listing = text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
            triggers = dict(map(tuple, connection.execute(listing)))
            for name in triggers:
                connection.execute(text(f"DROP TRIGGER {name}"))
            assert connection.execute(text(statement), values).rowcount == 1
            for guard in triggers.values():
                connection.execute(text(guard))
            connection.commit()

    return run


@pytest.fixture
def spoiled(past_guards):
    """`with spoiled(TABLE, COLUMN, wrong=…, right=…, where=…):` a value is wrong, and right again afterwards."""

    @contextmanager
    def one(table, column, *, wrong, right, where):
        condition = " AND ".join(f"{name} = :{name}" for name in where)
        statement = f"UPDATE {table} SET {column} = :value WHERE {condition}"
        past_guards(statement, value=wrong, **where)
        try:
            yield
        finally:
            past_guards(statement, value=right, **where)

    return one


@pytest.fixture
def olu(person):
    return person("Olu Adeyemi", role=Role.TELLER)


@pytest.fixture
def tess(person):
    return person("Tess Varga", role=Role.AUDITOR)


def check(page):
    """The result takes the focus. The bank may be checking by itself just then, and this check comes after that one."""
    page.get_by_role("button", name="Run checks now").click()
    expect(page.locator("#stand")).to_be_focused(timeout=60_000)
    expect(page.locator(".proof-banner")).to_contain_text("by Olu Adeyemi")


def rule(page, words):
    return page.get_by_role("listitem").filter(has_text=words)


def test_a_balance_that_was_changed_behind_the_banks_back_turns_red_and_green_again(visit, spoiled, olu, ada):
    account = ada.accounts["Everyday"]
    ending = f"••{account.number[-4:]}"
    office, hers = visit(olu), visit(ada)
    office.goto("/ops/books")
    hers.goto(f"/accounts/{account.number}")
    check(office)
    banner, proof = office.locator(".proof-banner"), hers.locator(".proved")
    expect(banner).to_contain_text("Books balance: debits and credits are both $")
    with spoiled("accounts", "balance", wrong=50_500, right=50_000, where={"id": account.id}):
        check(office)
        expect(banner).to_contain_text(f"Books are off by $5.00. First affected: account {ending}.")
        expect(office.locator(".proof-banner.broken")).to_be_visible()
        expect(rule(office, "Stored balance equals its entries").and_(office.locator(".off"))).to_contain_text(
            f"account {account.number}"
        )
        expect(office.locator(".trial .difference .off")).to_have_text("$5.00")
        hers.get_by_role("button", name="Prove it").click()
        expect(hers.locator(".proved.off")).to_contain_text(
            f"Books are off by $5.00. First affected account: {ending}."
        )
        expect(hers.locator(".proved .sum")).to_have_text("$500.00")
    check(office)
    expect(banner).to_contain_text("Books balance: debits and credits are both $")
    expect(office.locator(".proof-banner.ok")).to_be_visible()
    expect(office.locator(".rules .off")).to_have_count(0)
    hers.get_by_role("button", name="Prove it").click()
    expect(proof).to_contain_text("$500.00")
    expect(hers.locator(".proved.off")).to_have_count(0)


@pytest.fixture
def frozen(bank, olu, ada):
    """The number in the chain of a record with a reason."""
    number = ada.accounts["Savings"].id
    bank.db.unit_of_work(
        lambda session: accounts.change_account(session, olu.actor, number, status=AccountStatus.FROZEN, reason=WHY)
    )
    audit_trail.seal(bank.db)
    query = "SELECT s.number, a.id FROM audit_seals s JOIN audit_records a ON a.id = s.record_id WHERE object = :about"
    about = f"account {ada.number('Savings')}"
    with bank.db.reading.connect() as connection:
        return connection.execute(text(f"{query} AND reason IS NOT NULL"), {"about": about}).one()


def test_a_record_that_was_changed_breaks_the_chain_and_everybody_at_the_bank_is_told(
    bank, visit, spoiled, tess, olu, frozen
):
    number, record = frozen
    page = visit(tess)
    page.goto("/ops/audit")
    banner = page.locator(".proof-banner")
    page.get_by_role("button", name="Verify chain").click()
    expect(banner).to_contain_text("Chain intact:")
    try:
        with spoiled("audit_records", "reason", wrong="Nothing to see here", right=WHY, where={"id": record}):
            page.get_by_role("button", name="Verify chain").click()
            expect(banner).to_contain_text(f"Chain broken at record {number:,}. Records before it are intact.")
            elsewhere = visit(olu)
            elsewhere.goto("/ops/accounts")
            expect(elsewhere.get_by_role("alert").filter(has_text=f"Chain broken at record {number:,}")).to_be_visible()
            report = page.request.get("/ops/audit/report.json").json()
            assert (report["stands"]["ok"], report["stands"]["broken"]["number"]) == (False, number)
            exported = page.request.get("/ops/audit/export.csv?action=audit.verify").text().removeprefix("\ufeff")
            assert tess.actor.name in {row["actor"] for row in csv.DictReader(io.StringIO(exported))}
        page.get_by_role("button", name="Verify chain").click()
        expect(banner).to_contain_text("Chain intact:")
        elsewhere.reload()
        expect(elsewhere.get_by_role("heading", level=1)).to_be_visible()
        expect(elsewhere.get_by_role("alert").filter(has_text="Chain broken")).to_have_count(0)
    finally:
        # What is broken stands above every page of the other tests.
        audit_trail.verify(bank.db, None)
