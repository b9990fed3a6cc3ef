"""A walk over all pages and files of the bank's people: whatever shows what is not theirs leaves a record."""

import pytest
from fastapi.routing import APIRoute
from reflex_base.registry import RegistrationContext
from sqlalchemy import delete, func, select

from bank_app.models import AuditRecord, Look
from bank_app.services import accounts, looks, people, security_events
from bank_app.ui import site
from bank_app.ui.browser_routes import create_routes
from bank_app.ui.pages.security import SecurityState

# What shows nobody's data, and why. A page that is new belongs here or leaves a record.
NOBODYS = {
    "/ops/books": "sums of the whole; each check is recorded",
    "/ops/health": "numbers of the whole",
}
# What operators do not read: opened by an auditor.
AUDITORS = {"/ops/security"}
# Files of runs in the laboratory hold nothing of the bank's.
NOT_THE_BANKS = {"/lab/runs/{number}/{name}"}
SEEN = (looks.AT_ONE, looks.AT_LIST, people.LOOKED)


@pytest.fixture
def things(counter, two, ada, ben, teller, admin):
    account = counter.open(ada, "40.00")
    moved = counter.transfer(ada, account, counter.open(ben), "5.00").transaction
    return {
        "account": account.number,
        "transaction": str(moved.id),
        "user": str(ada.user_id),
        "approval": str(two.ask(admin, ben, "unlock").id),
        "other": str(ben.user_id),
    }


def records(db, actor, *actions):
    query = select(func.count()).where(AuditRecord.actor_id == actor.user_id, AuditRecord.action.in_(actions))
    return db.read(lambda session: session.execute(query).scalar_one())


def forget_looks(db):
    looks._made.clear()
    db.unit_of_work(lambda session: session.execute(delete(Look)))


def name_of(handler):
    handlers = RegistrationContext.get().event_handlers
    return next(name for name, found in handlers.items() if found.handler.fn is handler.fn)


def test_every_page_of_the_banks_people_leaves_a_record_when_it_opens(client, bank, cookie_of, teller, auditor, things):
    silent = []
    cookies = {person.user_id: cookie_of(person) for person in (teller, auditor)}
    for number, page in enumerate(site.PAGES):
        if not page.route.startswith(site.STAFF) or page.route in NOBODYS:
            continue
        forget_looks(bank.db)
        path = page.route
        # Whose record was opened a moment ago is not written down again by another page of the same.
        for name, value in {**things, **({"user": things["other"]} if "/users/" in path else {})}.items():
            path = path.replace(f"[{name}_id]", value)
        who = auditor if page.route in AUDITORS else teller
        before = records(bank.db, who, *SEEN)
        for handler in page.on_load:
            client.send(name_of(handler), cookie=cookies[who.user_id], path=path, tab=f"tab-{number}")
        if records(bank.db, who, *SEEN) == before:
            silent.append(page.route)
    assert silent == []


def test_every_file_that_the_banks_people_take_leaves_a_record_of_its_own(bank, web, admin, things):
    app, silent, taken = create_routes(bank.db, bank.settings), [], 0
    browser = web(app)
    browser.post("/auth/login", data={"email": admin.email, "password": "lantern-orchard-48-violin"})
    for route in app.routes:
        if not isinstance(route, APIRoute) or "GET" not in route.methods or route.path in NOT_THE_BANKS:
            continue
        for kind in ("csv", "json") if "{kind}" in route.path else ("",):
            path = route.path.format(account=things["account"], kind=kind)
            for _ in range(2):
                before = records(bank.db, admin, security_events.TAKEN)
                answer = browser.get(f"{path}?from=2026-01-01&to=2026-12-31" if kind else path)
                assert answer.status_code == 200, f"{path}: {answer.text}"
                taken += 1
                if records(bank.db, admin, security_events.TAKEN) == before:
                    silent.append(path)
    assert silent == []
    assert taken >= 12


def test_customers_read_who_looked_at_them_by_role(client, bank, cookie_of, teller, ada, things):
    bank.db.read(lambda session: accounts.get_account(session, teller, int(things["account"])))
    state = name_of(SecurityState.open)
    shown = client.send(state, cookie=cookie_of(ada), path="/settings/security")
    [look] = shown.vars["looks"]
    assert (look.what, look.whence) == (f"Account ••{things['account'][-4:]}", "An operator")
    assert "Olu" not in str(shown.vars["looks"])
