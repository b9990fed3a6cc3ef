"""The page of the security events: alarms that lead to what they are about, filters in the address, and for whom."""

import csv
import io

import pytest

from bank_app import errors
from bank_app.services import audit, auth, security_events, security_watch
from bank_app.services.security_watch import Kind
from bank_app.ui import security_words
from bank_app.ui.browser_routes import create_routes
from bank_app.ui.pages.ops_security import SecurityEventsState
from bank_app.ui.security_filters import SecurityFilters
from tests.handlers import name_of

PATH = security_words.PATH
STATE = name_of(SecurityEventsState)
FAILED = "authn_login_fail"


@pytest.fixture
def guessed(bank, ada, teller):
    """Ten emails tried from one network, the last of them Ada's, and a teller who was refused five times."""
    for number in range(security_watch.SPRAYED):
        last = number == security_watch.SPRAYED - 1
        audit.came_from(f"192.0.2.{number}", f"request-{number}", "api")
        email = ada.email if last else f"somebody{number}@bank.test"
        with pytest.raises(errors.CredentialsDoNotMatch):
            auth.open_browser_session(
                bank.db, email=email, password="wrong", address=f"192.0.2.{number}", user_agent=""
            )
    for _ in range(security_watch.REFUSED):
        security_events.not_allowed(bank.db, teller.person, "POST /api/v1/audit/verify")
    audit.came_from(None, None)


@pytest.fixture
def shown(client, cookie_of, auditor):
    cookie = cookie_of(auditor)

    def at(path=PATH, event="open", **payload):
        return client.send(f"{STATE}.{event}", payload, cookie=cookie, path=path, tab=path).vars

    return at


def test_alarms_lead_to_the_events_that_they_are_about(shown, guessed, ada, teller):
    alarms = {alarm.title: alarm for alarm in shown()["alarms"]}
    spraying = alarms[security_words.ALARMS[Kind.SPRAYING]]
    refused = alarms[security_words.ALARMS[Kind.STAFF_REFUSED]]
    assert (spraying.about, spraying.count) == ("192.0.2.0/24", "10 emails")
    assert (refused.about, refused.count) == (teller.name, "5 refusals")
    assert spraying.since
    assert len(shown(spraying.address)["rows"]) == security_watch.SPRAYED
    assert {row.who for row in shown(refused.address)["rows"]} == {teller.name}


@pytest.mark.parametrize(
    ("query", "number"),
    [
        (f"event={FAILED}", 10),
        ("event=authz_fail", 5),
        ("network=192.0.2.3", 1),
        ("network=192.0.2.0/24&q=request-4", 1),
        ("q=somebody3@bank.test", 1),
        ("q=nobody@bank.test", 0),
        (f"event={FAILED}&outcome=allowed", 0),
        ("since=2100-01-01", 0),
    ],
)
def test_what_is_looked_for_stands_in_the_address(shown, guessed, query, number):
    found = shown(f"{PATH}?{query}")
    assert (len(found.get("rows", [])), found["filtered"]) == (number, True)
    assert len(found["chips"]) == query.count("=")
    assert query.partition("=")[0] in found["as_csv"]


def test_pages_follow_and_one_event_opens_below_its_row(shown, guessed, ada, monkeypatch):
    monkeypatch.setattr("bank_app.ui.pages.ops_security._PAGE", 4)
    path = f"{PATH}?event={FAILED}"
    first = shown(path)
    more = shown(path, "load_more")["rows"]
    assert [len(first["rows"]), len(more), len({row.id for row in more})] == [4, 8, 8]
    opened = shown(path, "look_at", event_id=first["rows"][0].id)
    detail = opened["of_event"]
    assert (detail.request, detail.door, detail.name) == ("request-9", "API", FAILED)
    assert (detail.who, detail.network) == (f"{ada.name}, Customer", "192.0.2.0/24")
    assert "failed" not in shown(path, "look_at", event_id="not an id")


@pytest.mark.parametrize(
    ("name", "value"),
    [("event", "drop"), ("outcome", "maybe"), ("person", "me"), ("network", "192.0.2.0/8"), ("network", "here"),
     ("since", "soon")],
)  # fmt: skip
def test_what_cannot_be_read_is_said_and_nothing_is_listed(shown, web, bank, cookie_of, auditor, guessed, name, value):
    found = shown(f"{PATH}?{name}={value}")
    assert list(found["asked"].problems) == [name]
    assert not found.get("rows")
    assert found["alarms"]
    browser = web(create_routes(bank.db, bank.settings))
    browser.headers = {"cookie": cookie_of(auditor)}
    file = browser.get(f"{PATH}/export.csv", params={name: value})
    assert (file.status_code, file.text) == (422, SecurityFilters.of({name: value}).wrong)


def test_operators_and_customers_see_neither_events_nor_alarms_nor_files(
    client, web, bank, cookie_of, guessed, ada, teller, auditor
):
    files = create_routes(bank.db, bank.settings)
    for person in (ada, teller):
        cookie = cookie_of(person)
        found = client.send(f"{STATE}.open", cookie=cookie, path=PATH, tab=person.name).vars
        assert not found.get("rows")
        assert not found.get("alarms")
        browser = web(files)
        browser.headers = {"cookie": cookie}
        assert [browser.get(f"{PATH}/export.{kind}").status_code for kind in ("csv", "json")] == [403, 403]
    browser = web(files)
    browser.headers = {"cookie": cookie_of(auditor)}
    rows = list(
        csv.DictReader(io.StringIO(browser.get(f"{PATH}/export.csv?event={FAILED}").text.removeprefix("\ufeff")))
    )
    assert [row["request_id"] for row in rows] == [f"request-{number}" for number in range(9, -1, -1)]
    assert len(browser.get(f"{PATH}/export.json?event={FAILED}").json()["events"]) == security_watch.SPRAYED


def test_every_event_and_alarm_has_words():
    assert set(security_words.EVENTS) == {event.value for event in security_events.Event}
    assert set(security_words.ALARMS) == set(Kind)
