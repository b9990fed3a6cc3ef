"""A browser has one session: a new sign-in ends the one before, and nobody has them without end."""

from datetime import timedelta

import httpx
import pytest
from sqlalchemy import func, select

from bank_app import clock, demo
from bank_app.models import SignIn
from bank_app.services import auth, notices, sessions
from bank_app.ui import cookies as named
from bank_app.ui.browser_routes import create_routes

PASSWORD, NEW = "lantern-orchard-48-violin", "quiet meadow under nine clocks"


@pytest.fixture
def browser(bank, web):
    return web(create_routes(bank.db, bank.settings))


def enter(browser, person, address="/auth/login"):
    return browser.post(address, data={"email": person.email, "password": PASSWORD})


def alive(bank, token):
    return auth.actor_of_cookie(bank.db, token) is not None


def held(browser, bank):
    return browser.cookies[named.name(bank.settings)]


def test_a_new_sign_in_ends_the_session_that_came_with_it(bank, browser, web, ada, ben):
    enter(browser, ada)
    first = held(browser, bank)
    elsewhere = web(browser.app)
    enter(elsewhere, ada)
    for person in (ada, ben):
        enter(browser, person)
        assert not alive(bank, first)
        assert auth.end_of_session(bank.db, first) is auth.End.SELF
        first = held(browser, bank)
        assert alive(bank, first)
    # The one of another browser is another.
    assert alive(bank, held(elsewhere, bank))


def test_a_wrong_password_ends_nothing(bank, browser, ada):
    enter(browser, ada)
    before = held(browser, bank)
    browser.post("/auth/login", data={"email": ada.email, "password": "not this one at all"})
    assert alive(bank, before)


def test_so_does_every_other_way_in(bank, browser, another, web, two, ada, teller):
    enter(browser, ada)
    before = held(browser, bank)
    form = {"email": "new@bank.test", "name": "Somebody New", "password": NEW}
    assert browser.post("/auth/register", data=form).headers["location"] == "/home"
    assert not alive(bank, before)
    before = held(browser, bank)
    # Somebody else's link, opened in this browser: the cookie goes, and so does what it opens.
    browser.post("/auth/reset", data={"token": two.link(teller, ada), "password": NEW})
    assert not alive(bank, before)
    playing = another(demo=True)
    demo.fill(playing)
    walked_in = auth.open_demo_session(playing, email="ada@demo.test", address="", user_agent="")
    again = auth.open_demo_session(playing, email="ben@demo.test", address="", user_agent="", replaces=walked_in.token)
    assert auth.actor_of_cookie(playing, walked_in.token) is None
    assert auth.actor_of_cookie(playing, again.token).email == "ben@demo.test"


def test_a_cookie_of_nobody_is_no_way_in_and_in_nobodys_way(bank, browser, ada):
    browser.cookies = httpx.Cookies({named.name(bank.settings): "made-up"})
    assert enter(browser, ada).headers["location"] == "/home"


def test_of_too_many_sessions_the_one_used_longest_ago_ends_and_its_owner_is_told(another, ada):
    db = another(most_sessions=3, most_api_sign_ins=2)

    def opened():
        return auth.open_browser_session(
            db, email=ada.email, password=PASSWORD, address="192.0.2.1", user_agent="Firefox"
        ).token

    tokens = [opened() for _ in range(3)]
    # It is the oldest, and the one that was used last.
    with clock.moved_to(clock.now() + timedelta(minutes=2)):
        assert auth.actor_of_cookie(db, tokens[0])
        tokens.append(opened())
        assert [auth.actor_of_cookie(db, token) is not None for token in tokens] == [True, False, True, True]
        assert auth.end_of_session(db, tokens[1]) is auth.End.MANY
        she = auth.actor_of_cookie(db, tokens[0])
        told = db.read(lambda session: notices.list_notices(session, she)).items
        assert "sign_in.end_oldest" in [notice.action for notice in told]
        assert "sign_in.end_oldest" in [e.action for e in db.read(lambda session: sessions.recent_events(session, she))]
        # Programs are counted apart: many of them end no browser, and browsers end none of them.
        for _ in range(3):
            auth.issue_tokens(db, email=ada.email, password=PASSWORD, address="192.0.2.1")
        open_ones = select(SignIn.kind, func.count()).where(SignIn.revoked_at.is_(None)).group_by(SignIn.kind)
        counted = db.read(lambda session: dict(map(tuple, session.execute(open_ones))))
    assert counted == {"api": 2, "browser": 3}


def test_a_browser_stays_known_when_its_session_ends_and_another_does_not(bank, browser, web, another, ada):
    from bank_app.ui import calls

    db = another(rate_limits=True)
    calls.connect(db, db.settings)
    routes = create_routes(db, db.settings)
    mine, thiefs = web(routes), web(routes)
    answer = enter(mine, ada)
    [cookie] = [one for one in answer.headers.get_list("set-cookie") if one.startswith("bank_device_")]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    mine.post("/auth/logout")
    assert named.name(db.settings) not in mine.cookies
    for _ in range(6):
        thiefs.post("/auth/login", data={"email": ada.email, "password": "not this one at all"})
    assert "problem=" in enter(thiefs, ada).headers["location"]
    before = mine.cookies[named.device(db.settings)]
    assert enter(mine, ada).headers["location"] == "/home"
    assert mine.cookies[named.device(db.settings)] == before
    calls.bank().threads.shutdown()


def test_a_device_that_somebody_else_put_into_a_browser_is_not_kept(bank, browser, ada):
    browser.cookies = httpx.Cookies({named.device(bank.settings): "known to a thief"})
    answer = enter(browser, ada)
    assert answer.cookies[named.device(bank.settings)] not in ("", "known to a thief")
