"""A walk over all of the API's routes: whatever shows one of the bank's people what is not theirs leaves a record."""

import pytest
from sqlalchemy import delete, func, select

from bank_app.models import AuditRecord, Look
from bank_app.services import looks

# What shows nobody's data, and why. A route that is new belongs here or leaves a record.
NOBODYS = {
    "/api/v1/me": "oneself",
    "/api/v1/openapi.json": "the document",
    "/api/v1/security-alarms": "counts, and ids of colleagues",
    "/api/v1/docs": "the document",
    "/healthz": "whether the process lives",
    "/readyz": "whether the bank can serve",
    "/metrics": "numbers of the whole",
    "/.well-known/security.txt": "whom to write to",
    "/api/v1/integrity": "whether the books balance",
    "/api/v1/payees/check": "compares a name and shows none",
    "/api/v1/currencies": "what anybody may know",
    "/problems": "what codes mean",
    "/problems/{code}": "what codes mean",
}


@pytest.fixture
def things(counter, two, ada, ben, teller, admin):
    account = counter.open(ada, "40.00")
    moved = counter.transfer(ada, account, counter.open(ben), "5.00").transaction
    return {
        "account_id": account.number,
        "approval_id": str(two.ask(admin, ben, "unlock").id),
        "transaction_id": str(moved.id),
        "hold_id": str(counter.hold(ada, account, "1.00").hold.id),
    }


def forget_looks(db):
    looks._made.clear()
    db.unit_of_work(lambda session: session.execute(delete(Look)))


def records(db, actor):
    query = select(func.count()).where(
        AuditRecord.actor_id == actor.user_id, AuditRecord.action.in_([looks.AT_ONE, looks.AT_LIST])
    )
    return db.read(lambda session: session.execute(query).scalar_one())


def test_every_route_that_shows_the_banks_people_something_leaves_a_record(app, sqlite_db, caller, auditor, things):
    program, silent = caller(auditor), []
    queries = {"/api/v1/accounts/{account_id}/statement": "?from=2000-01-01T00:00:00Z&to=2100-01-01T00:00:00Z"}
    for route in app.state.routes:
        if "GET" not in route.methods or route.path in NOBODYS:
            continue
        forget_looks(sqlite_db)
        before = records(sqlite_db, auditor)
        path = route.path.format(**things) + queries.get(route.path, "")
        answer = program.get(path.removeprefix("/api/v1"))
        assert answer.status_code == 200, f"{path}: {answer.text}"
        if records(sqlite_db, auditor) == before:
            silent.append(route.path)
    assert silent == []


def test_following_what_is_posted_is_recorded_and_no_flood(sqlite_db, caller, auditor, counter, ada):
    account, program = counter.open(ada, "40.00"), caller(auditor)
    after = "0"
    for _ in range(12):
        counter.deposit(ada, account, "1.00")
        after = program.get(f"/transactions?after={after}").json()["next_after"]
        program.get(f"/accounts/{account.number}/history?after=0")
    assert 2 <= records(sqlite_db, auditor) <= 6
