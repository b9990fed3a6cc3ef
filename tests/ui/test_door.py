import asyncio
import logging
from types import SimpleNamespace

import pytest

from bank_app.ui.pages.sign_in import SignInState
from tests.handlers import name_of

SIGN_IN = name_of(SignInState.open)
HYDRATE = "reflex___state____state.hydrate"
SID = "a-connection"


class Namespace:
    """What the door stands in front of: remembers what came through."""

    namespace = "/_event"

    def __init__(self):
        self.connected, self.came = False, []
        manager = SimpleNamespace(is_connected=lambda *_: self.connected)
        self.app = SimpleNamespace(sio=SimpleNamespace(manager=manager))

    async def trigger_event(self, event, sid, *sent):
        self.came.append((event, *sent))
        if event == "connect":
            self.connected = True


def environ(address="10.0.0.1", **headers):
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"asgi.scope": {"client": (address, 1), "headers": raw}}


@pytest.fixture
def visitor(site, bank):
    """A connection: `visitor.send("event", {...})`, and what of it came in."""
    from bank_app.ui import calls
    from bank_app.ui.door import Door

    calls.connect(bank.db, bank.settings.model_copy(update={"rate_limits": True}))
    namespace = Namespace()
    door = Door(SimpleNamespace(event_namespace=namespace))

    def send(event, *sent, sid=SID):
        return asyncio.run(door.trigger_event(event, sid, *sent))

    send("connect", environ(), None)
    namespace.came.clear()
    return SimpleNamespace(send=send, came=namespace.came, namespace=namespace)


def test_an_event_of_a_page_comes_in_as_the_page_sent_it(visitor):
    router = {"pathname": "/sign-in", "asPath": "/sign-in?next=/home", "query": {"next": "/home"}}
    visitor.send("event", {"name": SIGN_IN, "payload": {}, "router_data": router})
    assert visitor.came == [("event", {"name": SIGN_IN, "payload": {}, "router_data": router})]


@pytest.mark.parametrize(
    "sent",
    [
        "text", None, 7, [], {}, {"name": 5}, {"name": ["x"]}, {"name": "no.such.handler"},
        {"name": "reflex___state____state.setvar", "payload": {"var_name": "x"}},
        {"name": HYDRATE, "payload": "text"}, {"name": HYDRATE, "router_data": [1]},
    ],
)  # fmt: skip
def test_what_is_no_event_of_a_page_is_not_even_queued(visitor, sent):
    visitor.send("event", sent)
    assert visitor.came == []


@pytest.mark.parametrize("path", [None, 5, ["/x"], {}, "//[", "\\\\[", "http://[", "x" * 50_000])
def test_an_address_is_always_a_path_on_this_site(visitor, path):
    router = {"pathname": path, "asPath": path, "query": path}
    visitor.send("event", {"name": HYDRATE, "router_data": {**router, "headers": {"cookie": "c"}, "ip": "6.6.6.6"}})
    [(_, event)] = visitor.came
    came = event["router_data"]
    assert set(came) == {"pathname", "asPath", "query"}
    assert came["asPath"].startswith("/")
    assert not came["asPath"].startswith(("//", "/\\"))
    assert len(came["asPath"]) <= 2001


def test_what_stands_behind_a_number_sign_stays_in_the_browser(visitor):
    visitor.send("event", {"name": HYDRATE, "router_data": {"pathname": "/reset", "asPath": "/reset?x=1#secret"}})
    assert "secret" not in str(visitor.came)
    assert "/reset?x=1" in str(visitor.came)


@pytest.mark.parametrize("name", ["connect", "disconnect", "update_vars", "anything"])
def test_a_client_cannot_pretend_to_be_the_server(visitor, name):
    visitor.send(name, environ("6.6.6.6"), {})
    assert visitor.came == []


def test_a_flood_ends_at_the_door_and_is_one_line_in_the_log(visitor, caplog):
    caplog.set_level(logging.WARNING)
    for _ in range(500):
        visitor.send("event", {"name": HYDRATE})
    assert 80 <= len(visitor.came) < 200
    assert len([record for record in caplog.records if "refused" in record.getMessage()]) == 1


def test_one_address_cannot_open_connections_without_end(visitor):
    from socketio.exceptions import ConnectionRefusedError as Refused

    def connect(number, address):
        visitor.namespace.connected = False
        visitor.send("connect", environ(address, x_forwarded_for=f"10.9.9.{number}"), None, sid=f"{address}-{number}")

    for number in range(200):
        connect(number, "10.0.0.7")
    with pytest.raises(Refused):
        [connect(number, "10.0.0.7") for number in range(200, 220)]
    connect(1, "10.0.0.8")


def test_the_event_that_comes_with_a_connection_is_judged_as_well(visitor):
    visitor.namespace.connected = False
    visitor.send("connect", environ(), {"event": {"name": "no.such.handler"}, "state_schema": "s"}, sid="another")
    assert visitor.came[-1][2] == {"state_schema": "s"}


def test_a_failure_that_repeats_itself_ends(client, caplog):
    # The framework cannot read this address, neither for the event nor for the one that would say so.
    client.send(HYDRATE, path="//[")
    assert 1 <= caplog.text.count("event handler failed") <= 2
