"""Who must set two-step sign-in up reaches its page and signing out, by no way anything else."""

import re

import pyotp
import pytest
from sqlalchemy import update

from bank_app.models import User
from bank_app.services import auth, second_factor
from bank_app.ui import calls
from bank_app.ui import cookies as named
from bank_app.ui.browser_routes import create_routes
from bank_app.ui.headers import PageGate
from bank_app.ui.pages.home import HomeState
from bank_app.ui.pages.two_step import TwoStepState
from tests.handlers import name_of

PASSWORD = "lantern-orchard-48-violin"
STEP = name_of(TwoStepState)
HOME = name_of(HomeState.open)
HYDRATE = "reflex___state____state.hydrate"
# What needs no session, sets one up, or ends it.
FOR_EVERYBODY = {"/auth/login", "/auth/demo", "/auth/register", "/auth/code", "/auth/reset", "/auth/setup"}
STILL_OPEN = {"/auth/logout", "/auth/second-step"}


@pytest.fixture
def demanding(bank):
    """The bank of these pages demands it of everybody."""

    def demand(whom="all"):
        bank.db.settings = bank.db.settings.model_copy(update={"second_step": whom})
        calls.connect(bank.db, bank.db.settings)
        return bank.db

    return demand


def test_no_handler_of_a_page_runs_before_it_is_set_up(client, site, demanding, admin, cookie_of):
    from bank_app.ui import guard

    cookie = cookie_of(admin)
    demanding()
    for name, audience in guard.callable_handlers().items():
        if audience != guard.PUBLIC and not name.startswith(STEP):
            answer = client.send(name, cookie=cookie)
            assert answer.redirects == ["/enrol"], name
            assert client.send(name, cookie=cookie, path="/enrol").redirects == [], name
    for name in ("turn_off", "renew"):
        assert client.send(f"{STEP}.{name}", {"form": {"code": "1"}}, cookie=cookie).redirects == ["/enrol"]


def test_no_form_and_no_file_is_answered_before_it_is_set_up(bank, web, demanding, admin):
    browser = web(create_routes(bank.db, bank.db.settings))
    browser.post("/auth/login", data={"email": admin.email, "password": PASSWORD})
    demanding()
    routes = create_routes(bank.db, bank.db.settings).routes
    tried = 0
    for route in routes:
        path = re.sub(r"\{[^}]+\}", "1", route.path).replace(".1", ".csv")
        if path in FOR_EVERYBODY | STILL_OPEN or path.startswith("/openapi"):
            continue
        for method in route.methods & {"GET", "POST"}:
            data = {"user": str(admin.user_id), "role": "teller"} if method == "POST" else None
            answer = browser.request(method, path, params={"month": "2026-01"}, **({"data": data} if data else {}))
            assert answer.headers.get("location") == "/enrol", (method, path, answer.status_code)
            tried += 1
    assert tried > 8


def test_every_page_leads_to_the_one_that_sets_it_up_and_that_one_away_once_it_is(bank, web, demanding, teller):
    async def inner(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x-page", scope["path"].encode())]})
        await send({"type": "http.response.body", "body": b""})

    from bank_app.ui import site as pages

    demanding("staff")
    gate = PageGate(inner, db=bank.db, settings=bank.db.settings, protected=pages.PROTECTED, staff=pages.STAFF,
                    welcome=pages.WELCOME)  # fmt: skip
    browser = web(create_routes(bank.db, bank.db.settings))
    browser.post("/auth/login", data={"email": teller.email, "password": PASSWORD})
    visitor = web(gate)
    visitor.cookies = browser.cookies

    def at(path):
        answer = visitor.get(path)
        return answer.headers.get("location") or answer.headers["x-page"]

    assert {at(path) for path in ("/", "/sign-in", "/home", "/ops", "/ops/audit", "/settings", "/lab", "/help")} == {
        "/enrol"
    }
    assert at("/enrol") == "/enrol"
    actor = auth.actor_of_cookie(bank.db, browser.cookies[named.name(bank.settings)], enrolling=True)
    assert (
        browser.post("/auth/second-step", data={"password": "wrong"}).headers["location"].startswith("/enrol?problem")
    )
    assert browser.post("/auth/second-step", data={"password": PASSWORD}).headers["location"] == "/enrol"
    app = pyotp.TOTP(second_factor.enrolment(bank.db, actor).key.replace(" ", ""))
    second_factor.confirm(bank.db, actor, code=app.now())
    assert (at("/enrol"), at("/ops/audit")) == ("/ops", "/ops/audit")
    assert browser.post("/auth/logout").headers["location"].startswith("/sign-in")


def test_it_is_set_up_on_the_page_and_the_codes_stay_there(client, bank, web, demanding, ada, counter, cookie_of):
    counter.open(ada, "1240.00")
    demanding()
    cookie = cookie_of(ada)
    actor = auth.actor_of_cookie(bank.db, cookie.split("=", 1)[1], enrolling=True)
    second_factor.begin(bank.db, actor, password=PASSWORD)
    shown = client.send(f"{STEP}.open", cookie=cookie, path="/enrol")
    app = pyotp.TOTP(shown.vars["key"].replace(" ", ""))
    codes = client.send(f"{STEP}.confirm", {"form": {"code": app.now()}}, cookie=cookie, path="/enrol").vars["codes"]
    assert len(codes) == 10
    assert client.send(HYDRATE, cookie=cookie, path="/enrol").vars["codes"] == codes
    assert client.send(HOME, cookie=cookie).vars["current"] == "$1,240.00"


def test_a_tab_that_shows_money_is_emptied_when_it_is_demanded(client, bank, demanding, ada, counter, cookie_of):
    counter.open(ada, "1240.00")
    cookie = cookie_of(ada)
    demanding("staff")
    assert "1,240" in client.send(HOME, cookie=cookie)
    bank.db.unit_of_work(lambda session: session.execute(update(User).values(role="auditor")))
    for name in (HYDRATE, HOME):
        answer = client.send(name, cookie=cookie)
        answer.vars = {key: value for key, value in answer.vars.items() if key not in ("lines", "debit", "credit")}
        assert "1,240" not in answer
    assert client.send(HOME, cookie=cookie).redirects == ["/enrol"]
