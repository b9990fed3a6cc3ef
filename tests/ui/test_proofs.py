"""The pages that prove something: the audit trail, the books and health; and the files of the trail."""

import asyncio
import csv
import io
import json
import threading
from dataclasses import replace

import pytest
import reflex as rx
from reflex.state import State
from sqlalchemy import select, text

from bank_app import clock
from bank_app.domain.accounting import AccountStatus
from bank_app.domain.identifiers import new_id
from bank_app.models import AuditRecord
from bank_app.services import audit_trail, auth, vitals
from bank_app.services.books import CheckView, Finding
from bank_app.ui import audit_words, verifying
from bank_app.ui.browser_routes import create_routes
from bank_app.ui.pages import ops_books
from bank_app.ui.pages.ops_audit import AuditState
from bank_app.ui.pages.ops_books import OpsBooksState
from bank_app.ui.pages.ops_health import HealthState
from bank_app.ui.verifying import ChainState
from tests.handlers import name_of

AUDIT = name_of(AuditState)
CHAIN = name_of(ChainState)
BOOKS = name_of(OpsBooksState)
HEALTH = name_of(HealthState)
WHY = "Card seen in a leak, call 2207"


@pytest.fixture
def cookie(cookie_of, auditor):
    return cookie_of(auditor)


@pytest.fixture
def frozen(counter, ada, teller):
    """Ada's account, frozen by a teller."""
    account = counter.open(ada, "25.00")
    counter.change(teller, account, status=AccountStatus.FROZEN, reason=WHY)
    return account


def test_customers_reach_none_of_it(client, ada, cookie_of, bank):
    theirs = cookie_of(ada)
    for name, payload in (
        (f"{AUDIT}.open", {}), (f"{AUDIT}.look_at", {"number": 1}), (f"{CHAIN}.verify", {"form": {}}),
        (f"{CHAIN}.look", {}), (f"{CHAIN}.tamper", {}), (f"{BOOKS}.open", {}), (f"{BOOKS}.check", {}),
        (f"{HEALTH}.open", {}),
    ):  # fmt: skip
        answer = client.send(name, payload, cookie=theirs, tab=name)
        assert not {"rows", "detail", "chain", "balances", "tiles", "caught"} & set(answer.vars), name
    refused = bank.db.read(
        lambda session: (
            session.execute(select(AuditRecord).where(AuditRecord.action == "access.refused")).scalars().all()
        )
    )
    assert {record.actor_id for record in refused} == {ada.user_id}
    assert {record.object for record in refused} >= {"verify", "tamper", "look_at"}


def test_the_trail_lists_and_opens_a_record(client, cookie, frozen, teller):
    shown = client.send(f"{AUDIT}.open", cookie=cookie, path="/ops/audit").vars
    row = next(one for one in shown["rows"] if one.action == "Froze account")
    assert (row.actor, row.role, row.reason) == (teller.name, "Operator", WHY)
    assert row.object_address == f"/ops/accounts/{frozen.number}"
    opened = client.send(f"{AUDIT}.look_at", {"number": row.number}, cookie=cookie, path="/ops/audit").vars
    assert opened["detail"].no == str(row.number)
    assert ("−", "status", "open") in {(one.sign, one.field, one.value) for one in opened["changes"]}
    assert ("+", "status", "frozen") in {(one.sign, one.field, one.value) for one in opened["changes"]}
    closed = client.send(f"{AUDIT}.look_at", {"number": row.number}, cookie=cookie, path="/ops/audit").vars
    assert closed["opened"] == 0


@pytest.mark.parametrize("number", [0, -1, 10**30, 99_999, "x", None, [1]])
def test_a_record_that_is_none_opens_nothing(client, cookie, frozen, number):
    answer = client.send(f"{AUDIT}.look_at", {"number": number}, cookie=cookie, path="/ops/audit")
    assert "detail" not in answer.vars or not answer.vars["detail"].no


def test_one_verification_runs_at_a_time(client, cookie, frozen, bank, monkeypatch):
    monkeypatch.setattr(verifying, "_under_way", {"another tab": threading.Event()})
    told = client.send(f"{CHAIN}.verify", {"form": {}}, cookie=cookie, path="/ops/audit").vars
    assert told["problem"].startswith("Somebody verifies the chain already.")
    assert bank.db.read(audit_trail.last_verification) is None


def test_what_was_verified_is_not_shown_to_whoever_came_next(client, cookie, frozen, bank, monkeypatch):
    """Meanwhile the auditor signed out, and the tab began anew for somebody else."""
    verify = audit_trail.verify

    def while_the_tab_changes_hands(*args, **named):
        async def begin_anew():
            (await client.states.get_state(rx.BaseStateToken(ident="tab-1", cls=State))).reset()

        auth.close_browser_session(bank.db, cookie.partition("=")[2])
        asyncio.run_coroutine_threadsafe(begin_anew(), client.loop.get_loop()).result(10)
        return verify(*args, **named)

    monkeypatch.setattr(audit_trail, "verify", while_the_tab_changes_hands)
    told = client.send(f"{CHAIN}.verify", {"form": {}}, cookie=cookie, path="/ops/audit").vars
    assert told.get("chain", verifying.Chain()) == verifying.Chain()
    assert verifying._under_way == {}


def test_verifying_says_so_and_then_that_it_is_broken(client, cookie, frozen, bank, auditor):
    told = client.send(f"{CHAIN}.verify", {"form": {}}, cookie=cookie, path="/ops/audit").vars
    assert (told["chain"].state, told["running"]) == ("ok", False)
    assert told["chain"].heading.startswith("Chain intact: ")
    assert auditor.name in told["chain"].last
    part = client.send(f"{CHAIN}.verify", {"form": {"start": "2", "end": "3"}}, cookie=cookie, path="/ops/audit").vars
    assert part["problem"] == "Records 2 to 3 are intact."
    none = client.send(f"{CHAIN}.verify", {"form": {"start": "9,999"}}, cookie=cookie, path="/ops/audit").vars
    assert none["problem"].startswith("The trail has the records 1 to ")
    with bank.db.writing.connect() as connection:
        connection.execute(text("DROP TRIGGER audit_records_no_update"))
        connection.execute(text("UPDATE audit_records SET reason = 'nothing' WHERE reason = :why"), {"why": WHY})
        connection.execute(
            text(
                "CREATE TRIGGER audit_records_no_update BEFORE UPDATE ON audit_records FOR EACH ROW"
                " BEGIN SELECT RAISE(ABORT, 'audit_records are never changed or deleted'); END"
            )
        )
        connection.commit()
    told = client.send(f"{CHAIN}.verify", {"form": {}}, cookie=cookie, path="/ops/audit").vars
    chain = told["chain"]
    assert (chain.state, told["broken"]) == ("broken", True)
    assert chain.heading.startswith(f"Chain broken at record {chain.number}. Records before it are intact.")
    assert chain.expected != chain.found
    assert client.send(f"{CHAIN}.look", cookie=cookie, path="/ops", tab="another").vars["broken"] is True


@pytest.mark.parametrize("form", [None, [], "x", {"start": ["1"]}, {"start": "-1", "end": "١"}, {"end": "9" * 400}])
def test_nonsense_in_the_form_is_no_range(client, cookie, frozen, form):
    told = client.send(f"{CHAIN}.verify", {"form": form}, cookie=cookie, path="/ops/audit").vars
    assert told["running"] is False


def test_a_forged_copy_is_caught(client, cookie, frozen):
    told = client.send(f"{CHAIN}.tamper", cookie=cookie, path="/ops/audit").vars
    assert "The trail itself was not touched." in told["caught"].said
    assert told["caught"].before != told["caught"].after


def test_the_books_are_checked_and_shown(client, cookie, frozen):
    shown = client.send(f"{BOOKS}.open", cookie=cookie, path="/ops/books").vars
    assert shown["stand"].state == "none"
    assert (shown["balances"][0].debit, shown["balances"][0].credit) == ("$25.00", "$25.00")
    shown = client.send(f"{BOOKS}.check", cookie=cookie, path="/ops/books").vars
    assert shown["stand"].heading == "Books balance: debits and credits are both $25.00."
    assert (len(shown["rules"]), shown["rules_said"]) == (9, "9 of 9 passed")


def test_the_banner_names_an_account_rather_than_a_currency():
    findings = (Finding(2, "currency USD", "off"), Finding(3, "account 1234567889", "off"))
    check = CheckView(new_id(), clock.now(), None, False, 3, 1, 1, 2, findings, {"USD": 500}, "")
    assert ops_books.stand(check, []).heading == "Books are off by $5.00. First affected: account ••7889."
    check = replace(check, findings=findings[:1])
    assert ops_books.stand(check, []).heading == "Books are off by $5.00. First affected: currency USD."


def test_health_is_shown_once_something_was_measured(client, cookie, bank):
    assert client.send(f"{HEALTH}.open", cookie=cookie, path="/ops/health").vars["tiles"] == []
    vitals.of(bank.db).sample(bank.db)
    shown = client.send(f"{HEALTH}.open", cookie=cookie, path="/ops/health").vars
    assert {tile.key for tile in shown["tiles"]} >= {"api", "database", "queue", "sealing", "disk"}
    assert client.send(f"{HEALTH}.pause", cookie=cookie, path="/ops/health").vars["paused"] is True
    assert "tiles" not in client.send(f"{HEALTH}.refresh", cookie=cookie, path="/ops/health").vars


def test_files_of_the_trail(web, bank, frozen, cookie, cookie_of, ada, teller, client):
    app = create_routes(bank.db, bank.settings)
    visitor, customer, staff = web(app), web(app), web(app)
    assert visitor.get("/ops/audit/export.csv").status_code == 303
    customer.headers["Cookie"] = cookie_of(ada)
    for name in ("export.csv", "export.json", "report.json"):
        assert customer.get(f"/ops/audit/{name}").status_code == 403
    staff.headers["Cookie"] = cookie_of(teller)
    assert [staff.get(f"/ops/audit/{name}").status_code for name in ("export.csv", "export.json")] == [403, 403]
    assert staff.get("/ops/audit/report.json").status_code == 200
    seen = client.send(f"{AUDIT}.open", cookie=cookie_of(teller), path="/ops/audit").vars
    assert (seen["loaded"], seen.get("as_csv", "")) == (True, "")
    staff.headers["Cookie"] = cookie
    assert client.send(f"{AUDIT}.open", cookie=cookie, path="/ops/audit", tab="2").vars["as_csv"].endswith(".csv")
    rows = list(csv.DictReader(io.StringIO(staff.get("/ops/audit/export.csv?action=account.change").text)))
    assert [(row["action"], row["reason"]) for row in rows] == [("account.change", WHY)]
    records = staff.get("/ops/audit/export.json").json()["records"]
    assert [record["number"] for record in records] == list(range(len(records), 0, -1))
    audit_trail.verify(bank.db, None)
    report = json.loads(staff.get("/ops/audit/report.json").text)
    assert report["stands"]["ok"] is True
    assert report["around_the_break"] == []


def test_every_action_has_words():
    assert audit_words.action("account.change", {"status": ["open", "closed"]}) == "Closed account"
    assert audit_words.action("account.change", {"nickname": ["", "x"]}) == "Renamed account"
    assert audit_words.action("account.change", {"daily_limit": [None, 5]}) == "Changed limits"
    assert audit_words.action("thing.never_seen") == "Thing never seen"
