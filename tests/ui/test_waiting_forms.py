"""Forms that wait for their turn to hash a password: what became of their sender meanwhile counts."""

import pytest
from sqlalchemy import update

from bank_app.domain.accounting import Role
from bank_app.models import User
from bank_app.services import access, auth, password_links
from bank_app.ui import cookies
from bank_app.ui.browser_routes import create_routes

PASSWORD, NEW, THIEFS = "lantern-orchard-48-violin", "quiet meadow under nine clocks", "seven doors and a red lamp"


@pytest.fixture
def browser(bank, web):
    routes = create_routes(bank.db, bank.settings)

    def of(person):
        one = web(routes)
        one.post("/auth/login", data={"email": person.email, "password": PASSWORD})
        return one

    return of


def role_of(db, person):
    return db.read(lambda session: session.get(User, person.user_id)).role


def test_an_admin_who_was_demoted_while_his_form_waited_makes_nobody_an_admin(bank, browser, admin, ada, monkeypatch):
    his, prove = browser(admin), access.auth.prove

    def demoted_meanwhile(*args):
        proved = prove(*args)
        bank.db.unit_of_work(
            lambda session: session.execute(update(User).where(User.id == admin.user_id).values(role="teller"))
        )
        return proved

    monkeypatch.setattr(access.auth, "prove", demoted_meanwhile)
    form = {"user": str(ada.user_id), "role": "admin", "reason": "Joins us on Monday", "password": PASSWORD}
    answer = his.post("/auth/role", data=form)
    assert "done=" not in answer.headers["location"]
    assert role_of(bank.db, ada) == Role.CUSTOMER


def test_a_thiefs_change_that_waited_while_the_owner_reset_the_password_changes_nothing(
    bank, browser, two, ada, teller, monkeypatch
):
    thief, hashed = browser(ada), password_links.passwords.hashed

    def taken_back_meanwhile(password):
        monkeypatch.setattr(password_links.passwords, "hashed", hashed)
        password_links.use(bank.db, two.link(teller, ada), NEW)
        return hashed(password)

    monkeypatch.setattr(password_links.passwords, "hashed", taken_back_meanwhile)
    answer = thief.post("/auth/password", data={"old": PASSWORD, "password": THIEFS})
    assert "done=" not in answer.headers["location"]
    session = cookies.name(bank.settings)
    for password, enters in ((THIEFS, False), (NEW, True)):
        answer = thief.post("/auth/login", data={"email": ada.email, "password": password})
        assert (session in answer.cookies) is enters
    assert auth.actor_of_cookie(bank.db, answer.cookies[session]).user_id == ada.user_id
