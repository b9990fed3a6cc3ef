"""The forms of codes, passwords and links, and the first set-up, as a browser posts them."""

from datetime import timedelta

import httpx
import pyotp
import pytest
from sqlalchemy import select

from bank_app import clock, demo, demo_town
from bank_app.models import SecurityRecord
from bank_app.services import auth, first_setup, passwords, profile, second_factor
from bank_app.ui import cookies as named
from bank_app.ui.browser_routes import create_routes
from bank_app.ui.headers import PageGate
from bank_app.ui.pages.two_step import TwoStepState
from tests.handlers import name_of

PASSWORD, NEW = "lantern-orchard-48-violin", "quiet meadow under nine clocks"


@pytest.fixture
def browser(bank, web):
    return web(create_routes(bank.db, bank.settings))


@pytest.fixture
def page_of(bank, web):
    """Where a visitor of a page gets: the path that is served, or where he is sent."""

    async def inner(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x-page", scope["path"].encode())]})
        await send({"type": "http.response.body", "body": b""})

    gate = PageGate(
        inner, db=bank.db, settings=bank.settings, protected=("/home",), staff="/ops", welcome=("/", "/sign-in")
    )

    def of(path):
        answer = web(gate).get(path)
        return answer.headers.get("location") or answer.headers["x-page"]

    return of


def two_steps(db, person):
    """Turns them on half a minute ago, so that the code of now is a new one."""
    with clock.moved_to(clock.now() - timedelta(minutes=2)):
        second_factor.begin(db, person, password=PASSWORD)
        app = pyotp.TOTP(second_factor.enrolment(db, person).key.replace(" ", ""))
        return app, second_factor.confirm(db, person, code=app.at(clock.now()))


def sign_in(browser, person, password=PASSWORD, **more):
    return browser.post("/auth/login", data={"email": person.email, "password": password, **more})


def test_with_two_steps_the_password_leads_to_the_code_and_to_no_session(browser, bank, ada):
    app, _ = two_steps(bank.db, ada)
    first = sign_in(browser, ada, next="/accounts")
    assert first.headers["location"] == "/sign-in/code?next=%2Faccounts"
    cookies = first.headers.get_list("set-cookie")
    assert not any(cookie.startswith("bank_session_") for cookie in cookies)
    half = next(cookie for cookie in cookies if cookie.startswith("bank_half_session_"))
    assert "HttpOnly" in half
    assert "SameSite=strict" in half
    wrong = browser.post("/auth/code", data={"code": "000000", "next": "/accounts"})
    assert wrong.headers["location"] == "/sign-in/code?problem=TWOFA_WRONG&next=%2Faccounts"
    right = browser.post("/auth/code", data={"code": app.at(clock.now()), "next": "/accounts"})
    assert right.headers["location"] == "/accounts"
    assert auth.actor_of_cookie(bank.db, right.cookies[named.name(bank.settings)]).user_id == ada.user_id


def test_a_code_without_the_password_before_it_is_nothing(browser, bank, ada):
    app, _ = two_steps(bank.db, ada)
    answer = browser.post("/auth/code", data={"code": app.at(clock.now())})
    assert answer.headers["location"] == "/sign-in?problem=TWOFA_TOO_LATE"
    assert "bank_session_" not in str(answer.headers)


def test_a_half_session_in_place_of_a_session_opens_nothing(browser, bank, ada):
    two_steps(bank.db, ada)
    half = sign_in(browser, ada).cookies[named.half(bank.settings)]
    browser.cookies = httpx.Cookies({named.name(bank.settings): half})
    for path, data in (("/auth/password", {"old": PASSWORD, "password": NEW}), ("/auth/second-step", {})):
        assert browser.post(path, data=data).headers["location"].startswith("/sign-in")


def test_a_new_email_is_confirmed_with_the_password(browser, bank, ada, teller):
    sign_in(browser, ada)
    page = "/settings/profile"
    none = browser.post("/auth/email", data={"password": PASSWORD})
    assert none.headers["location"] == f"{page}?problem=EMAIL_CHANGE_GONE"
    wanted = {"name": ada.name, "email": "ada.ito@bank.test", "reason": "Married, passport seen"}
    bank.db.unit_of_work(lambda session: profile.correct(session, teller, ada.user_id, **wanted))
    wrong = browser.post("/auth/email", data={"password": "wrong password"})
    assert wrong.headers["location"] == f"{page}?problem=PASSWORD_NOT_YOURS"
    assert (
        browser.post("/auth/email", data={"password": PASSWORD}).headers["location"] == f"{page}?done=EMAIL_CONFIRMED"
    )
    assert bank.db.read(lambda session: profile.own(session, ada)).email == "ada.ito@bank.test"
    browser.cookies = httpx.Cookies()
    assert browser.post("/auth/email", data={"password": PASSWORD}).headers["location"].startswith("/sign-in")


def test_a_new_password_is_chosen_with_the_old_one(browser, bank, ada):
    sign_in(browser, ada)
    wrong = browser.post("/auth/password", data={"old": "wrong password", "password": NEW})
    assert wrong.headers["location"] == "/settings/security?problem=PASSWORD_NOT_YOURS"
    short = browser.post("/auth/password", data={"old": PASSWORD, "password": "short"})
    assert short.headers["location"] == "/settings/security?problem=PASSWORD_SHORT"
    done = browser.post("/auth/password", data={"old": PASSWORD, "password": NEW})
    assert done.headers["location"] == "/settings/security?done=PASSWORD_CHANGED"
    assert sign_in(browser, ada, NEW).headers["location"] == "/home"


def test_setting_two_steps_up_takes_the_password_and_shows_no_key_in_the_answer(browser, bank, ada):
    sign_in(browser, ada)
    wrong = browser.post("/auth/second-step", data={"password": "wrong password"})
    assert wrong.headers["location"] == "/settings/security/two-step?problem=PASSWORD_NOT_YOURS"
    right = browser.post("/auth/second-step", data={"password": PASSWORD})
    assert right.headers["location"] == "/settings/security/two-step"
    key = second_factor.enrolment(bank.db, ada).key.replace(" ", "")
    assert key not in str(right.headers) + right.text


def test_a_link_leads_to_a_new_password_once(browser, bank, two, ada, teller):
    token = two.link(teller, ada)
    short = browser.post("/auth/reset", data={"token": token, "password": "short"})
    assert short.headers["location"] == "/reset?problem=PASSWORD_SHORT"
    assert browser.post("/auth/reset", data={"token": token, "password": NEW}).headers["location"] == (
        "/sign-in?done=PASSWORD_CHOSEN"
    )
    again = browser.post("/auth/reset", data={"token": token, "password": PASSWORD})
    assert again.headers["location"] == "/reset?problem=LINK_NOT_VALID"
    assert sign_in(browser, ada, NEW).headers["location"] == "/home"


def test_what_a_link_carries_is_in_no_address_and_no_header_of_an_answer(browser, bank, web, page_of, two, ada, teller):
    link = two.ask(teller, ada, "password_link").link
    assert link.path.partition("#")[0] == "/reset"
    strict = web(create_routes(bank.db, bank.settings.model_copy(update={"rate_limits": True, "trusted_proxies": 1})))
    strict.headers = {"x-forwarded-for": "10.4.7.7"}
    answers = [browser.post("/auth/reset", data={"token": link.token, "password": "short"})]
    answers += [strict.post("/auth/reset", data={"token": link.token, "password": "short"}) for _ in range(40)]
    assert "problem=too_many_requests" in answers[-1].headers["location"]
    assert not any(link.token in str(answer.headers) + answer.text for answer in answers)
    # A link of before, whose secret a browser sends in the address, opens nothing and stays in no history.
    for old in (f"/reset?token={link.token}", f"/reset/?x=1&token={link.token}", "/reset?token="):
        assert page_of(old) == "/reset?problem=LINK_IN_ADDRESS"
    assert page_of("/reset?problem=PASSWORD_SHORT") == "/reset"


def test_two_halves_of_two_people_lead_to_a_new_password(browser, bank, two, ada, teller, admin):
    asked = two.ask(teller, ada, "password_link")
    halves = {"first": asked.half.lower(), "second": two.approve(admin, asked.id).half}
    for wrong in ({"first": asked.half}, {"second": halves["second"]}, {"first": asked.half, "second": asked.half}):
        answer = browser.post("/auth/reset", data={**wrong, "password": NEW})
        assert answer.headers["location"] == "/reset?problem=LINK_NOT_VALID"
    done = browser.post("/auth/reset", data={**halves, "password": NEW})
    assert done.headers["location"] == "/sign-in?done=PASSWORD_CHOSEN"
    assert sign_in(browser, ada, NEW).headers["location"] == "/home"


@pytest.mark.parametrize("form", ["password", "second-step"])
def test_whoever_is_signed_in_cannot_make_the_bank_hash_without_end_either(bank, web, ada, monkeypatch, form):
    from bank_app.services import passwords

    settings = bank.settings.model_copy(update={"rate_limits": True, "trusted_proxies": 1})
    hers = web(create_routes(bank.db, settings))
    hers.headers = {"x-forwarded-for": f"10.4.0.{len(form)}"}
    sign_in(hers, ada)
    hashed = []
    monkeypatch.setattr(passwords, "fits", lambda *_: hashed.append(1))
    for _ in range(32):
        answer = hers.post(f"/auth/{form}", data={"old": "wrong password", "password": NEW})
    assert "problem=too_many_requests" in answer.headers["location"]
    assert len(hashed) < 30


@pytest.mark.parametrize("form", ["code", "password", "email", "second-step", "reset", "setup"])
def test_forms_of_other_sites_are_refused(browser, form):
    answer = browser.post(f"/auth/{form}", data={}, headers={"origin": "https://evil.example"})
    assert answer.status_code == 403


# --- the first set-up ---------------------------------------------------------------------------------


def set_up(browser, token, **more):
    wanted = {"bank_name": "Elm Road Bank", "name": "Kim Novak", "email": "kim@bank.test", "password": PASSWORD}
    return browser.post("/auth/setup", data={"token": token, "start": "empty", **wanted, **more})


def test_a_bank_that_nobody_runs_leads_to_its_set_up_and_afterwards_there_is_none(browser, bank, page_of):
    token = first_setup.prepare(bank.db, demo_allowed=False)
    assert [page_of(path) for path in ("/", "/setup", "/sign-in")] == ["/setup", "/setup", "/sign-in"]
    wrong = set_up(browser, "nonsense")
    assert wrong.headers["location"] == "/setup?problem=SETUP_TOKEN"
    assert PASSWORD not in str(wrong.headers)
    done = set_up(browser, token)
    assert done.headers["location"] == "/ops"
    assert auth.actor_of_cookie(bank.db, done.cookies[named.name(bank.settings)]).role == "admin"
    assert page_of("/setup") == "/there-is-no-such-page"
    assert page_of("/") == "/"
    assert set_up(browser, token).headers["location"] == "/"


def test_what_is_wrong_is_said_and_nothing_is_made(browser, bank):
    token = first_setup.prepare(bank.db, demo_allowed=False)
    for field, value, problem in (
        ("bank_name", " ", "BANK_NAME_INVALID"), ("name", "", "NAME_REQUIRED"), ("email", "kim", "EMAIL_INVALID"),
        ("password", "short", "PASSWORD_SHORT"), ("start", "demo", "forbidden"),
    ):  # fmt: skip
        assert set_up(browser, token, **{field: value}).headers["location"] == f"/setup?problem={problem}"
    assert bank.db.read(lambda session: auth.find(session, "kim@bank.test")) is None


def test_demo_people_come_with_the_set_up_where_they_may(bank, web, monkeypatch):
    from bank_app.ui import calls

    bank.db.settings = bank.db.settings.model_copy(update={"demo": False})
    calls.connect(bank.db, bank.db.settings)
    browser = web(create_routes(bank.db, bank.db.settings))
    ben = (demo.BEN.email, demo.BEN.name, demo.BEN.role)
    monkeypatch.setattr(demo, "fill", lambda db: demo_town.enroll(db, [ben], passwords.hashed(demo.PASSWORD)))
    token = first_setup.prepare(bank.db, demo_allowed=True)
    assert set_up(browser, token, start="demo").headers["location"] == "/"
    assert (calls.bank().settings.name, calls.bank().settings.demo) == ("Elm Road Bank", True)
    assert browser.post("/auth/demo", data={"email": demo.BEN.email}).headers["location"] == "/home"


def test_a_code_that_was_used_is_told_so_when_signing_in_and_when_turning_it_off(browser, client, bank, ada):
    step = name_of(TwoStepState)
    app, recovery = two_steps(bank.db, ada)
    code = app.at(clock.now())
    for good in (recovery[0], code):
        sign_in(browser, ada)
        browser.post("/auth/code", data={"code": good})
    cookie = f"{named.name(bank.settings)}={browser.cookies[named.name(bank.settings)]}"
    for typed, said in (
        (code, "That code was used already. Wait for the next one."),
        (recovery[0], "That recovery code was used already. Take another one."),
    ):
        sign_in(browser, ada)
        answer = browser.post("/auth/code", data={"code": typed}).headers["location"]
        assert answer in ("/sign-in/code?problem=TWOFA_USED", "/sign-in/code?problem=TWOFA_RECOVERY_USED")
        client.send(f"{step}.open", cookie=cookie, path="/settings/security/two-step")
        shown = client.send(f"{step}.turn_off", {"form": {"code": typed}}, cookie=cookie)
        assert said in shown


def test_forms_of_other_sites_refusals_and_files_are_written_down(browser, bank, register, ada, counter):
    account = counter.open(ada, "5.00")
    sign_in(browser, ada)
    assert browser.post("/auth/logout", headers={"sec-fetch-site": "cross-site"}).status_code == 403
    someone = {"user": str(ada.user_id), "role": "admin", "reason": "Because I can do it", "password": PASSWORD}
    assert browser.post("/auth/role", data=someone).status_code == 303
    assert browser.get("/ops/transactions/export.csv").status_code == 403
    assert browser.get(f"/accounts/{account.number}/export.csv?type=deposit").status_code == 200
    bank.threads.shutdown()
    rows = bank.db.read(
        lambda session: session.execute(select(SecurityRecord).order_by(SecurityRecord.id)).scalars().all()
    )
    found = {(row.event, row.object, row.person_id) for row in rows}
    assert found >= {
        ("malicious_cors", "POST /auth/logout", None),
        ("authz_fail", "POST /auth/role", ada.user_id),
        ("authz_fail", "GET /ops/transactions/export.csv", ada.user_id),
    }
    [taken] = [row for row in rows if row.event == "sensitive_read"]
    assert (taken.person_id, taken.door, taken.facts["filters"], taken.facts["lines"]) == (
        ada.user_id, "browser", "type=deposit", 2
    )  # fmt: skip
