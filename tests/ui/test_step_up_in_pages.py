"""A fresh code is asked for in front of what takes one, which is then done, with the form as it was filled in."""

from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

import pyotp
import pytest
from sqlalchemy import update

from bank_app import clock
from bank_app.models import SignIn, User
from bank_app.services import auth, second_factor
from bank_app.ui.browser_routes import create_routes
from bank_app.ui.pages.ops_customer import RecordState
from bank_app.ui.pages.security import SecurityState
from bank_app.ui.step_up import StepUpState
from tests.handlers import name_of

PASSWORD, NEW = "lantern-orchard-48-violin", "quiet meadow under nine clocks"
STEP_UP = name_of(StepUpState)
SECURITY = name_of(SecurityState)
RECORD = name_of(RecordState)


@pytest.fixture
def stale(bank, cookie_of):
    """Somebody with two steps, signed in a while ago: his cookie and his app."""

    def sign_in(person):
        cookie = cookie_of(person)
        with clock.moved_to(clock.now() - timedelta(minutes=2)):
            actor = auth.actor_of_cookie(bank.db, cookie.split("=", 1)[1], active=False)
            second_factor.begin(bank.db, actor, password=PASSWORD)
            app = pyotp.TOTP(second_factor.enrolment(bank.db, actor).key.replace(" ", ""))
            second_factor.confirm(bank.db, actor, code=app.at(clock.now()))
        bank.db.unit_of_work(lambda session: session.execute(update(SignIn).values(proved_at=None)))
        return cookie, app

    return sign_in


def test_the_dialog_asks_and_what_was_wanted_is_done_with_its_form(client, bank, stale, ada, teller):
    cookie, app = stale(teller)
    path = f"/ops/customers/{ada.user_id}"
    client.send(f"{RECORD}.open", cookie=cookie, path=path)
    form = {"form": {"disable-reason": "Telephone stolen in Lyon"}}
    asked = client.send(f"{RECORD}.disable", form, cookie=cookie, path=path)
    assert asked.vars["asked"] == 1
    assert "fresh code" in asked
    wrong = client.send(f"{STEP_UP}.confirm", {"form": {"code": "000000"}}, cookie=cookie, path=path)
    assert "That code isn't right" in wrong
    assert bank.db.read(lambda session: session.get(User, ada.user_id)).disabled_at is None
    done = client.send(f"{STEP_UP}.confirm", {"form": {"code": app.at(clock.now())}}, cookie=cookie, path=path)
    assert done.vars["done"]
    assert bank.db.read(lambda session: session.get(User, ada.user_id)).disabled_at is not None


def test_a_browser_that_asks_by_itself_opens_nothing_and_a_code_is_good_once(client, stale, ada):
    cookie, app = stale(ada)
    assert client.send(f"{STEP_UP}.ask", cookie=cookie).vars.get("asked", 0) == 0
    assert client.send(f"{SECURITY}.end_others", cookie=cookie).vars["asked"] == 1
    client.send(f"{STEP_UP}.confirm", {"form": {"code": app.at(clock.now())}}, cookie=cookie)
    again = client.send(f"{STEP_UP}.confirm", {"form": {"code": app.at(clock.now())}}, cookie=cookie)
    assert "used already" in again


def test_another_person_on_the_tab_is_not_made_to_do_what_waited(client, bank, stale, ada, ben, cookie_of):
    cookie, _ = stale(ada)
    assert client.send(f"{SECURITY}.end_others", cookie=cookie).vars["asked"] == 1
    bens, app = stale(ben)
    bank.db.unit_of_work(lambda session: session.execute(update(User).values(totp_since=None)))
    cookie_of(ben)
    bank.db.unit_of_work(lambda session: session.execute(update(User).values(totp_since=clock.now())))
    before = bank.db.read(lambda session: session.query(SignIn).filter(SignIn.revoked_at.is_not(None)).count())
    client.send(f"{STEP_UP}.confirm", {"form": {"code": app.at(clock.now())}}, cookie=bens)
    after = bank.db.read(lambda session: session.query(SignIn).filter(SignIn.revoked_at.is_not(None)).count())
    assert before == after


def test_a_form_that_the_browser_posts_has_a_field_for_it(bank, web, stale, ada):
    browser = web(create_routes(bank.db, bank.settings))
    cookie, app = stale(ada)
    browser.headers = {"cookie": cookie}
    form = {"old": PASSWORD, "password": NEW}
    answers = [browser.post("/auth/password", data={**form, "code": code}).headers["location"]
               for code in ("", "000000", app.at(clock.now()))]  # fmt: skip
    assert [answer.partition("?")[2] for answer in answers] == [
        "problem=step_up_required", "problem=TWOFA_WRONG", "done=PASSWORD_CHANGED",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "file", ["/ops/audit/export.csv?q=Ada", "/ops/audit/export.json", "/ops/transactions/export.csv"]
)
def test_a_file_of_all_customers_waits_on_a_page_for_a_code(bank, web, client, stale, admin, file):
    browser = web(create_routes(bank.db, bank.settings))
    cookie, app = stale(admin)
    browser.headers = {"cookie": cookie}
    waits = browser.get(file)
    assert (waits.status_code, waits.headers["location"].partition("?")[0]) == (303, "/confirm")
    query = dict(parse_qsl(urlsplit(waits.headers["location"]).query))
    assert query == {"file": file, "back": file.partition("/export")[0]}
    wrong = browser.post("/auth/step-up", data={**query, "code": "000000"}).headers["location"]
    assert dict(parse_qsl(urlsplit(wrong).query)) == {**query, "problem": "TWOFA_WRONG"}
    assert browser.get(file).status_code == 303
    browser.post("/auth/step-up", data={**query, "code": app.at(clock.now())})
    assert browser.get(file).status_code == 200


def test_a_file_that_waits_is_one_of_this_site(bank, web, stale, ada):
    browser = web(create_routes(bank.db, bank.settings))
    cookie, app = stale(ada)
    browser.headers = {"cookie": cookie}
    sent = {"file": "https://evil.example/x", "back": "//evil.example", "code": app.at(clock.now())}
    assert "evil" not in browser.post("/auth/step-up", data=sent).headers["location"]
