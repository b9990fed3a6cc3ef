"""The audit trail over REST: pages, filters, verification, and who is turned away is recorded."""

import pytest
from sqlalchemy import select

from bank_app.models import AuditRecord


@pytest.fixture
def records(db):
    """What is recorded of an action."""

    def of(action):
        return db.read(
            lambda session: session.execute(select(AuditRecord).where(AuditRecord.action == action)).scalars().all()
        )

    return of


def test_the_trail_is_read_in_pages(caller, counter, ada, auditor):
    account = counter.open(ada)
    seen, cursor = [], None
    while True:
        query = "?limit=2" + (f"&cursor={cursor}" if cursor else "")
        page = caller(auditor).get(f"/audit{query}").json()
        seen += [item["number"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert sorted(seen) == list(range(1, max(seen) + 1))
    [opened] = caller(auditor).get("/audit?action=account.open").json()["items"]
    assert (opened["actor"], opened["role"], opened["object"]) == (ada.name, "customer", f"account {account.number}")
    assert caller(auditor).get("/audit?outcome=refused").json()["items"] == []
    assert caller(auditor).get("/audit?cursor=nonsense").status_code == 422


def test_what_is_asked_over_rest_says_where_it_came_from(caller, ada, records):
    answer = caller(ada).post("/accounts", {}, headers={"X-Request-ID": "mine-1"})
    assert answer.status_code == 201
    [record] = records("account.open")
    assert record.address == "127.0.0.1"
    # The number that is kept is the bank's; the one that a client chose is in the log beside it.
    assert record.request_id != answer.headers["x-request-id"] == "mine-1"
    assert len(record.request_id) == 32


def test_verifying_says_where_the_chain_holds(caller, counter, ada, auditor):
    counter.open(ada)
    found = caller(auditor).post("/audit/verify", {}).json()
    assert (found["ok"], found["broken"], found["start"]) == (True, None, 1)
    assert found["checked"] == found["end"] > 1
    part = caller(auditor).post("/audit/verify", {"start": 2, "end": 3}).json()
    assert (part["start"], part["end"], part["checked"]) == (2, 3, 2)
    assert caller(auditor).post("/audit/verify", {"start": 999999}).status_code == 422


def test_a_refused_attempt_is_recorded(caller, ada, records, until):
    assert caller(ada).get("/audit").status_code == 403
    until(lambda: records("access.refused"))
    [record] = records("access.refused")
    assert (record.actor_id, record.object, record.address) == (ada.user_id, "GET /api/v1/audit", "127.0.0.1")


def test_the_queue_is_in_the_numbers(client, caller, counter, ada):
    account = counter.open(ada, "5.00")
    caller(ada).post("/transactions/deposit", {"account_id": account.number, "amount": "1.00"}, key="one")
    text = client.get("/metrics").text
    assert "bank_posting_waiting 0.0" in text
    assert "bank_posting_orders_total 1.0" in text
