"""Clients that speak to the socket of the running bank without a page."""

import queue
import time

import httpx
import pytest
import socketio
import websocket

from bank_app.services import auth
from bank_app.ui import cookies
from bank_app.ui.pages.account import AccountState
from bank_app.ui.pages.account_ledger import LedgerState
from bank_app.ui.pages.home import HomeState
from bank_app.ui.session import SessionState
from tests.e2e.conftest import PATIENCE_SECONDS
from tests.handlers import name_of

PASSWORD = "lantern-orchard-48-violin"
STATE = "reflex___state____state"
HOME = name_of(HomeState.open)
ACCOUNT = name_of(AccountState)
LEDGER = name_of(LedgerState)


class RawClient:
    """A socket with a tab token of its own choosing, and everything that comes over it."""

    def __init__(self, url, *, tab="a-tab", cookie=""):
        self.received = queue.Queue()
        self.socket = socketio.Client(reconnection=False)
        self.socket.on("*", lambda *message: self.received.put(message), namespace="/_event")
        self.socket.connect(
            f"{url}/?token={tab}",
            headers={"Cookie": cookie} if cookie else {},
            transports=["websocket"],
            socketio_path="/_event",
            namespaces=["/_event"],
            wait_timeout=PATIENCE_SECONDS,
        )

    def send(self, name, payload=None, path="/home"):
        event = {"name": name, "payload": payload or {}, "router_data": {"pathname": path, "asPath": path}}
        self.socket.emit("event", event, namespace="/_event")

    def until(self, words, seconds=PATIENCE_SECONDS):
        """All that was said up to these words; their not coming is the failure."""
        said, deadline = [], time.monotonic() + seconds
        while not said or words not in said[-1]:
            try:
                said.append(str(self.received.get(timeout=max(0, deadline - time.monotonic()))))
            except queue.Empty:
                pytest.fail(f"{words} never came, but {said}", pytrace=False)
        return "\n".join(said)

    def everything(self, seconds=1.0):
        """All that was said until it was quiet for a while, as text."""
        said = []
        while True:
            try:
                said.append(str(self.received.get(timeout=seconds)))
            except queue.Empty:
                return "\n".join(said)


@pytest.fixture
def raw(bank):
    clients = []

    def one(**options):
        client = RawClient(bank.url, **options)
        clients.append(client)
        return client

    yield one
    for client in clients:
        client.socket.disconnect()


@pytest.fixture
def ada(person):
    return person("Ada Lindqvist", Everyday="1240.00")


def cookie_of(bank, somebody):
    opened = auth.open_browser_session(
        bank.db, email=somebody.actor.email, password=PASSWORD, address="127.0.0.1", user_agent="test"
    )
    return f"{cookies.name(bank.db.settings)}={opened.token}"


def test_the_owner_gets_an_answer(bank, raw, ada):
    client = raw(cookie=cookie_of(bank, ada))
    client.send(HOME)
    client.until("$1,240.00")


def test_without_a_cookie_nothing_runs_and_nothing_is_said(raw, ada):
    client = raw()
    client.send(HOME)
    client.send(f"{ACCOUNT}.open", path=f"/accounts/{ada.number()}")
    assert "1,240" not in client.until("/sign-in") + client.everything()


def test_a_stolen_tab_token_is_worth_nothing(bank, raw, person, ada):
    owner = raw(tab="adas-tab", cookie=cookie_of(bank, ada))
    owner.send(HOME)
    owner.until("$1,240.00")
    owner.socket.disconnect()
    for thief in ("", cookie_of(bank, person("Eve Marlow", Everyday=None))):
        client = raw(tab="adas-tab", cookie=thief)
        client.send(f"{STATE}.hydrate")
        client.send(HOME)
        said = client.everything()
        assert "1,240" not in said
        assert "Ada" not in said
        client.socket.disconnect()


def test_what_is_not_meant_for_browsers_does_not_run(bank, raw, ada):
    client = raw(cookie=cookie_of(bank, ada))
    for name in (
        f"{STATE}.setvar",
        f"{ACCOUNT}.setvar",
        f"{ACCOUNT}._show",
        f"{name_of(SessionState)}._welcome",
        "nothing.of.this.name",
    ):
        client.send(name, {"var_name": "title", "value": "taken over"})
    client.send(HOME)
    assert "taken over" not in client.until("$1,240.00") + client.everything(0.3)


@pytest.mark.parametrize("value", ["abc", None, [1], {"x": 1}, 1.9, True, 10**30])
def test_wrong_types_change_nothing_and_stop_nobody(bank, raw, ada, value):
    client = raw(cookie=cookie_of(bank, ada))
    client.send(f"{ACCOUNT}.choose_range", {"days": value})
    client.send(f"{LEDGER}.search", {"form": value})
    client.send(HOME)
    client.until("$1,240.00")


def test_pages_of_other_sites_may_not_open_a_socket(bank):
    address = bank.url.replace("http", "ws") + "/_event/?token=a-tab&EIO=4&transport=websocket"
    with pytest.raises(websocket.WebSocketBadStatusException, match="403"):
        websocket.create_connection(address, origin="https://evil.example", timeout=PATIENCE_SECONDS)
    websocket.create_connection(address, origin=bank.url, timeout=PATIENCE_SECONDS).close()


def test_other_sites_may_not_read_an_answer(bank):
    answer = httpx.get(f"{bank.url}/api/v1/openapi.json", headers={"origin": "https://evil.example"})
    assert "access-control-allow-origin" not in answer.headers


def test_an_enormous_event_ends_the_connection(bank, raw, ada):
    client = raw(cookie=cookie_of(bank, ada))
    client.send(HOME)
    client.until("$1,240.00")
    # The client leaves it open when the other side ends the connection.
    left = client.socket.eio.ws.sock
    client.send(f"{LEDGER}.search", {"form": {"q": "x" * 200_000}})
    deadline = time.monotonic() + PATIENCE_SECONDS
    while client.socket.connected:
        assert time.monotonic() < deadline, client.everything()
        time.sleep(0.05)
    left.close()
