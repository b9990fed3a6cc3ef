"""Every way in which a session ends has its own right sentence, wherever somebody comes back to it."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from bank_app import clock
from bank_app.services import access, auth, password_links, second_factor, sessions
from bank_app.ui.headers import PageGate
from bank_app.ui.pages.home import HomeState
from bank_app.ui.pages.sign_in import SignInState
from tests.handlers import name_of

PASSWORD = "lantern-orchard-48-violin"
SIGN_IN = name_of(SignInState.open)
HOME = name_of(HomeState.open)


def other_session(bank, ada):
    opened = auth.open_browser_session(bank.db, email=ada.email, password=PASSWORD, address="::1", user_agent="x")
    return auth.actor_of_cookie(bank.db, opened.token)


def by_another_device(bank, ada, mine, _admin):
    other = other_session(bank, ada)
    bank.db.unit_of_work(lambda session: sessions.end(session, other, mine.sign_in_id))


def by_all_others(bank, ada, _mine, _admin):
    other = other_session(bank, ada)
    bank.db.unit_of_work(lambda session: sessions.end_others(session, other))


def by_a_new_password(bank, ada, _mine, _admin):
    password_links.change_password(bank.db, other_session(bank, ada), old=PASSWORD, new="violet harbour seven lamps")


def by_a_second_step(bank, ada, _mine, _admin):
    import pyotp

    other = other_session(bank, ada)
    second_factor.begin(bank.db, other, password=PASSWORD)
    key = second_factor.enrolment(bank.db, other).key.replace(" ", "")
    second_factor.confirm(bank.db, other, code=pyotp.TOTP(key).at(clock.now()))


def by_the_bank(bank, ada, _mine, admin):
    bank.db.unit_of_work(lambda session: access.sign_out_everywhere(session, admin, ada.user_id))


def by_switching_off(bank, ada, _mine, admin):
    bank.db.unit_of_work(lambda session: access.disable(session, admin, ada.user_id, reason="The phone was stolen."))


ENDS = {
    "self": (None, "You are signed out."),
    "idle": (timedelta(minutes=16), "You were signed out after 15 minutes of inactivity. Nothing was sent."),
    "time": (timedelta(hours=13), "You were signed out because a sign-in lasts 12 hours at most. Nothing was sent."),
    "elsewhere": (by_another_device, "You were signed out from another device of yours. Nothing was sent."),
    "elsewhere all": (by_all_others, "You were signed out from another device of yours. Nothing was sent."),
    "password": (by_a_new_password, "Your password was changed, so you were signed out here."),
    "second_step": (by_a_second_step, "Two-step sign-in was turned on, so you were signed out here."),
    "bank": (by_the_bank, "signed you out. Nothing was sent. Ask an operator why."),
    "bank off": (by_switching_off, "signed you out. Nothing was sent. Ask an operator why."),
}


@pytest.mark.parametrize("how", ENDS)
def test_the_sentence_is_the_one_of_how_it_ended(client, bank, web, ada, admin, cookie_of, how):
    cookie, (ends, sentence) = cookie_of(ada), ENDS[how]
    token = cookie.split("=", 1)[1]
    mine = auth.actor_of_cookie(bank.db, token)
    client.send(HOME, cookie=cookie)
    now = clock.now()
    if ends is None:
        auth.close_browser_session(bank.db, token)
    elif not isinstance(ends, timedelta):
        ends(bank, ada, mine, admin)
    with clock.moved_to(now + ends if isinstance(ends, timedelta) else clock.now()):
        # A page that is open hears of it, and so does one that is asked for anew.
        [led_to] = client.send(HOME, cookie=cookie).redirects
        gate = web(PageGate(None, db=bank.db, settings=bank.settings, protected=("/home",), staff="/ops", welcome=()))
        asked = gate.get("/home", headers={"cookie": cookie}).headers["location"]
        # A page that is asked for is the way back; one that was open while somebody signed out is not.
        assert asked == led_to + ("&next=/home" if how == "self" else "")
        said = client.send(SIGN_IN, cookie=cookie, path=led_to)
    assert parse_qs(urlsplit(led_to).query)["ended"] == [how.split()[0]]
    assert sentence in said.vars["info"]
    assert ("next=" in led_to) is (how != "self")


def test_signing_out_leaves_pages_to_nobody_and_cookies_of_other_banks_alone(web, bank, ada, cookie_of):
    from bank_app.ui.browser_routes import create_routes

    browser = web(create_routes(bank.db, bank.settings))
    answer = browser.post("/auth/logout", headers={"cookie": cookie_of(ada)})
    assert answer.headers["location"] == "/sign-in?ended=self"
    assert answer.headers["clear-site-data"] == '"cache"'
