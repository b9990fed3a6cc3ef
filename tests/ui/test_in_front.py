"""What any page puts in front of itself: hidden amounts, the palette, the API behind it, two people side by side."""

import dataclasses
import re

import pytest

from bank_app import demo
from bank_app.domain.identifiers import new_id
from bank_app.services import auth, passwords
from bank_app.services.actor import Actor
from bank_app.ui import calls, current
from bank_app.ui.behind import BehindState
from bank_app.ui.pages.home import HomeState
from bank_app.ui.pages.side_by_side import SideBySideState
from bank_app.ui.palette import PaletteState
from bank_app.ui.privacy import PrivacyState
from tests.handlers import name_of

HOME = name_of(HomeState.open)
TOGGLE = name_of(PrivacyState.toggle)
SEARCH = name_of(PaletteState.search)
BEHIND = f"{name_of(BehindState)}."
SIDES = f"{name_of(SideBySideState)}."
AMOUNT = re.compile(r"[$€£]\s?[0-9]")


def test_a_page_is_found_by_its_address(site):
    assert current.page_at("/accounts/new/")[0].title == "Open an account"
    page, values = current.page_at("/accounts/1234567802")
    assert (page.route, values) == ("/accounts/[account_id]", {"account_id": "1234567802"})
    assert current.page_at("/nowhere/at/all") == (None, {})


def test_hidden_amounts_leave_no_digit_of_any_amount(client, ada, counter, cookie_of):
    counter.open(ada, "1240.00")
    cookie = cookie_of(ada)
    assert AMOUNT.search(repr(client.send(HOME, cookie=cookie).vars))
    hidden = client.send(TOGGLE, cookie=cookie)
    assert not AMOUNT.search(repr(hidden.vars))
    again = client.send(HOME, cookie=cookie)
    assert again.vars.get("current", "$•••••") == "$•••••"
    # Another tab of the same person hides them, too, and showing them again shows them.
    assert not AMOUNT.search(repr(client.send(HOME, cookie=cookie, tab="tab-2").vars))
    shown = client.send(TOGGLE, cookie=cookie)
    assert "1,240" in shown


def test_the_palette_fills_in_a_form_and_stops_there(client, ada, ben, counter, cookie_of):
    hers, his = counter.open(ada, "100.00"), counter.open(ben)
    counter.transfer(ada, hers, his, "1.00")
    name = ben.name.split()[0]
    hits = client.send(SEARCH, {"typed": f"send 25 to {name}"}, cookie=cookie_of(ada)).vars["hits"]
    assert [hit.address for hit in hits][:1] == [f"/move/transfer?to={his.number}&amount=25.00&currency=USD"]
    assert hits[0].title == f"Send $25.00 to {ben.name}"
    assert counter.balance(his) == "1.00"


@pytest.mark.parametrize("typed", [None, 7, {"a": 1}, "\x00" * 500, "send to", "send x to y"])
def test_the_palette_takes_anything(client, ada, cookie_of, typed):
    answer = client.send(SEARCH, {"typed": typed}, cookie=cookie_of(ada))
    assert not [event for event in answer.events if isinstance(event, AssertionError)]


def test_the_api_behind_a_page_answers_as_the_reader(client, site, bank, ada, counter, cookie_of):
    from bank_app.api.app import create_api
    from bank_app.ui import behind

    account = counter.open(ada, "1240.00")
    behind.connect(create_api(bank.db, bank.settings))
    answer = client.send(BEHIND + "open", cookie=cookie_of(ada), path=f"/accounts/{account.number}")
    first = answer.vars["requests"][0]
    assert first.path == f"/api/v1/accounts/{account.number}"
    assert first.status == "200 OK"
    assert '"balance": "1240.00"' in first.answer
    assert "$TOKEN" in first.curl
    assert "eyJ" not in repr(answer.vars), "no token leaves the server"


def test_the_api_behind_somebody_elses_page_answers_as_to_a_stranger(client, site, bank, ada, eve, counter, cookie_of):
    from bank_app.api.app import create_api
    from bank_app.ui import behind

    account = counter.open(ada, "1240.00")
    behind.connect(create_api(bank.db, bank.settings))
    answer = client.send(BEHIND + "open", cookie=cookie_of(eve), path=f"/accounts/{account.number}")
    assert answer.vars["requests"][0].status.startswith("404")
    assert "1240" not in answer


def test_the_api_behind_a_page_hides_amounts_of_every_currency(client, site, bank, ada, counter, cookie_of):
    from bank_app.api.app import create_api
    from bank_app.ui import behind

    account = counter.open(ada, "98765", currency="JPY")
    behind.connect(create_api(bank.db, bank.settings))
    cookie = cookie_of(ada)
    client.send(TOGGLE, cookie=cookie)
    answer = client.send(BEHIND + "open", cookie=cookie, path=f"/accounts/{account.number}")
    [first, *_] = answer.vars["requests"]
    assert first.status == "200 OK"
    assert f'"id": "{account.number}"' in first.answer
    assert "98765" not in answer


def test_the_drawer_makes_nobody_try_what_his_role_does_not_allow(client, bank, teller, auditor, cookie_of):
    from bank_app.api.app import create_api
    from bank_app.ui import behind

    behind.connect(create_api(bank.db, bank.settings))
    for person, path in ((teller, "/api/v1/me"), (auditor, "/api/v1/audit?limit=25")):
        answer = client.send(BEHIND + "open", cookie=cookie_of(person), tab=person.name, path="/ops/audit")
        assert [(one.path, one.status) for one in answer.vars["requests"]] == [(path, "200 OK")]


def test_side_by_side_shows_nothing_outside_of_a_demo(client, bank, ada, counter, cookie_of):
    counter.open(ada, "1240.00")
    real = bank.settings.model_copy(update={"demo": False})
    calls._connected[:] = [dataclasses.replace(bank, settings=real)]
    answer = client.send(SIDES + "open", cookie=cookie_of(ada), path="/demo/side-by-side")
    assert set(answer.redirects) == {"/home"}
    assert "1,240" not in answer
    assert client.send(SIDES + "send", cookie=cookie_of(ada)).vars.get("said", "") == ""


def test_side_by_side_sends_for_the_two_only(client, bank, eve, counter, cookie_of):
    # Their emails are kept for them, so they do not come in by the door.
    hashed = passwords.hashed("lantern-orchard-48-violin")
    pair = [Actor(new_id(), one.email, one.name, one.role) for one in (demo.ADA, demo.BEN)]
    for one in pair:
        bank.db.unit_of_work(lambda session, one=one: auth.enroll(session, one, hashed))
    hers, his = counter.open(pair[0], "100.00"), counter.open(pair[1])
    watching = client.send(SIDES + "open", cookie=cookie_of(eve), tab="eve", path="/demo/side-by-side")
    assert watching.vars["can_send"] is False
    client.send(SIDES + "send", cookie=cookie_of(eve), tab="eve", path="/demo/side-by-side")
    cookie = cookie_of(pair[0])
    client.send(SIDES + "open", cookie=cookie, path="/demo/side-by-side")
    sent = client.send(SIDES + "send", cookie=cookie, path="/demo/side-by-side")
    assert sent.vars["said"] == f"$5.00 sent to {demo.BEN.name}."
    assert (sent.vars["left"].available, sent.vars["right"].available) == ("$95.00", "$5.00")
    assert all(not row.address for row in sent.vars["right_rows"])
    assert hers.id != his.id
