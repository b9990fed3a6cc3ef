"""One bank for all browser tests, served as in production, and browsers whose console must stay quiet."""

import itertools
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect, sync_playwright
from sqlalchemy import func, select

from bank_app import settings as bank_settings
from bank_app.database import Database
from bank_app.domain.accounting import AccountKind, Role
from bank_app.models import Account
from bank_app.services import accounts, auth, integrity
from bank_app.services.actor import Actor
from bank_app.ui import cookies

PASSWORD = "lantern-orchard-48-violin"
PROJECT = Path(__file__).resolve().parents[2]
# Nothing that a browser does by itself may need another host.
ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
READY_SECONDS = 240
# A busy machine is slow, not wrong: how long a page may take is said where it matters.
PATIENCE_SECONDS = 40
PATIENCE_MS = PATIENCE_SECONDS * 1000
_number = itertools.count(1)
# Ports below the range that outgoing connections take: sixteen for each process, so that two that test side by side
# never find the same one free.
_ports = itertools.count(20000 + os.getpid() % 700 * 16)
expect.set_options(timeout=PATIENCE_MS)


@dataclass
class Bank:
    """The running bank, and its books read directly."""

    url: str
    db: Database


@dataclass
class Person:
    """Somebody with accounts: `person.number("Everyday")`."""

    actor: Actor
    accounts: dict = field(default_factory=dict)

    def number(self, title="Everyday"):
        return self.accounts[title].number


def free_port():
    """One that this process has not given away yet."""
    for port in itertools.islice(_ports, 1000):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port")


@contextmanager
def served(data, *command, **environment):
    """`./bank COMMAND` on a data folder, and its address; stopped by the signal that Ctrl-C sends."""
    port, output = free_port(), data / "output"
    inherited = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "BANK_LAB_URL")}
    with output.open("wb") as file:
        server = subprocess.Popen(
            [sys.executable, "-m", "bank_app", *command, "--port", str(port), "--data", str(data)],
            cwd=PROJECT, env={**inherited, "PYTHONUNBUFFERED": "1", **environment}, stdout=file, stderr=file,
        )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_until_ready(url, server, output)
        yield url
    finally:
        server.terminate()
        server.wait(30)


@pytest.fixture(scope="session")
def bank(tmp_path_factory):
    """`run` with demo people on its own data folder, without throttling."""
    data = tmp_path_factory.mktemp("bank")
    with served(data, "run", BANK_RATE_LIMITS="off") as url:
        db = Database(bank_settings.load(data=data, database_url="", demo=True, rate_limits=False))
        yield Bank(url, db)
        db.dispose()


def _wait_until_ready(url, server, output):
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=20) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"The bank did not start:\n{output.read_text()[-3000:]}", pytrace=False)


@pytest.fixture(autouse=True)
def _the_books_balance(bank):
    """Each test is also a test of the books; where nothing was written, what was added up before still holds."""
    before = _written(bank.db)
    yield
    if _written(bank.db) != before:
        assert integrity.check(bank.db).violations == ()


def _written(db):
    """What every entry and every hold changes."""
    return db.read(
        lambda session: session.execute(select(func.count(), func.sum(Account.version), func.sum(Account.held))).one()
    )


@pytest.fixture
def person(bank):
    """Registers somebody with accounts: `person("Ada Lindqvist", Everyday="500.00", Savings=None)`."""

    def one(name, role=Role.CUSTOMER, **balances):
        # The books are shared by all tests, the people are not.
        email = f"{name.split()[0].lower()}{next(_number)}@bank.test"
        actor = auth.register(bank.db, email=email, name=name, password=PASSWORD, role=role)

        def open_all(session):
            return {
                title: accounts.open_account(
                    session,
                    actor,
                    settings=bank.db.settings,
                    kind=AccountKind.SAVINGS if title == "Savings" else AccountKind.CHECKING,
                    nickname=None if title in ("Everyday", "Savings") else title,
                    initial_balance=balance,
                )
                for title, balance in balances.items()
            }

        return Person(actor, bank.db.unit_of_work(open_all))

    return one


@pytest.fixture(scope="session")
def chromium():
    """The one browser process."""
    with sync_playwright() as playwright:
        path = os.environ.get("BANK_TEST_BROWSER") or None
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture
def visit(bank, chromium):
    """A window of its own: `visit()` for a visitor, `visit(ada)` signed in. An error in any console fails the test."""
    said, contexts = [], []

    def one(somebody=None, *, width=1280, height=900, **options):
        context = chromium.new_context(
            base_url=bank.url, viewport={"width": width, "height": height}, reduced_motion="reduce", **options
        )
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        if somebody is not None:
            opened = auth.open_browser_session(
                bank.db, email=somebody.actor.email, password=PASSWORD, address="127.0.0.1", user_agent="test"
            )
            context.add_cookies([{"name": cookies.name(bank.db.settings), "value": opened.token, "url": bank.url}])
        page = context.new_page()
        listen(page)
        return page

    def listen(page):
        page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: said.append(str(error)))

    one.listen = listen
    one.said = said
    yield one
    for context in contexts:
        context.close()
    assert said == []


@pytest.fixture
def api(bank):
    """The same bank over REST: `api(ada).get("/accounts")`."""
    clients = []

    def of(somebody):
        client = httpx.Client(base_url=f"{bank.url}/api/v1", timeout=PATIENCE_SECONDS)
        clients.append(client)
        answer = client.post("/auth/login", json={"email": somebody.actor.email, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        client.headers["authorization"] = f"Bearer {answer.json()['access_token']}"
        return client

    yield of
    for client in clients:
        client.close()


@pytest.fixture
def ada(person):
    return person("Ada Lindqvist", Everyday="500.00", Savings="100.00")


@pytest.fixture
def ben(person):
    return person("Ben Ito", Everyday=None)


@pytest.fixture
def balance(api):
    """What the ledger says over REST: `balance(ada)` of the account called Everyday."""
    clients = {}

    def of(somebody, title="Everyday"):
        client = clients.get(somebody.actor.email) or clients.setdefault(somebody.actor.email, api(somebody))
        return client.get(f"/accounts/{somebody.number(title)}").json()["balance"]

    of.entries = lambda somebody, title="Everyday": (
        api(somebody).get(f"/accounts/{somebody.number(title)}/history").json()["items"]
    )
    return of


class Line:
    """Between a page and the bank: what the bank says can be lost, and what the page says can come late."""

    def __init__(self):
        self.losing, self._page, self._bank, self._held = False, None, None, None
        self._waiting = None

    def between(self, route):
        """Stands in between whenever the page connects."""
        if self._waiting is not None:
            self._waiting.append(route)
            return
        self._page, self._bank = route, route.connect_to_server()
        self._bank.on_message(lambda message: None if self.losing else route.send(message))
        route.on_message(lambda message: self._held.append(message) if self._held is not None else self._say(message))

    def _say(self, message):
        self._bank.send(message)

    @contextmanager
    def late(self):
        """What the page says in here reaches the bank at the end; until then the page hears of nothing either."""
        self.losing, self._held = True, []
        yield
        self.losing, held, self._held = False, self._held, None
        for message in held:
            self._say(message)

    @contextmanager
    def not_there(self):
        """The page is drawn and asks for the bank, which it reaches only at the end: `not_there() as asks`."""
        self._waiting = []
        yield lambda: bool(self._waiting)
        waiting, self._waiting = self._waiting, None
        for route in waiting:
            self.between(route)

    def has_heard(self, words, times):
        """Whether the page has said this so often since it came late."""
        return sum(words in str(message) for message in self._held) >= times

    def cut(self):
        """The connection is lost; the page makes another, which loses nothing."""
        self.losing = False
        self._page.close()


@pytest.fixture
def lossy():
    """`lossy(page)`, before the page is opened, is the `Line` between it and the bank."""

    def on(page):
        line = Line()
        page.route_web_socket(re.compile("/_event"), line.between)
        return line

    return on
