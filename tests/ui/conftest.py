"""Raw clients: they send events to the guard and the handlers without a page, as anybody on the network can."""

import asyncio
import contextvars
import dataclasses
import os

import httpx
import pytest

from bank_app.services import auth
from bank_app.ui import cookies

PASSWORD = "lantern-orchard-48-violin"


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The composed application, sealed as in production. It is composed once; its books come from each test."""
    before = dict(os.environ)
    os.environ.update(BANK_DATA=str(tmp_path_factory.mktemp("site")), BANK_DEMO="true")
    from bank_app import bank_app

    os.environ.clear()
    os.environ.update(before)
    yield bank_app
    bank_app.db.dispose()


@pytest.fixture
def bank(site, sqlite_db):
    """The pages, connected to the books of this test."""
    from bank_app.ui import calls

    calls.connect(sqlite_db, sqlite_db.settings)
    yield calls.bank()
    calls.bank().threads.shutdown()


@dataclasses.dataclass
class Answer:
    """What one tab would have received."""

    vars: dict = dataclasses.field(default_factory=dict)
    events: list = dataclasses.field(default_factory=list)

    @property
    def redirects(self):
        return [event.payload["path"] for event in self.events if event.name == "_redirect"]

    def __contains__(self, text):
        return text in repr(self.vars)


class Client:
    """A socket without a page: says which tab it is and which cookie its handshake carried."""

    def __init__(self, app):
        from reflex.istate.manager.memory import StateManagerMemory

        self.app = app
        self.states = StateManagerMemory()
        # One for all events: the lock of a tab belongs to the loop in which somebody first had to wait for it.
        self.loop = asyncio.Runner()

    def send(self, name, payload=None, *, cookie="", tab="tab-1", path="/home"):
        """Sends one event and waits until everything that followed from it has ended."""
        coroutine = self._send(name, payload or {}, cookie, tab, path)
        return self.loop.run(coroutine, context=contextvars.copy_context())

    async def _send(self, name, payload, cookie, tab, path):
        from reflex.event import Event
        from reflex_base.event.processor import BaseStateEventProcessor
        from reflex_base.registry import RegistrationContext

        answer = Answer()

        class Outbox:
            async def emit_update(self, update, token):
                for changed in (update.delta or {}).values():
                    answer.vars.update({key.removesuffix("_rx_state_"): value for key, value in changed.items()})
                answer.events += update.events

        processor = BaseStateEventProcessor(
            middleware=self.app, backend_exception_handler=self.app.backend_exception_handler
        )
        processor.configure(state_manager=self.states, event_namespace=Outbox())
        async with processor:
            router = {"headers": {"cookie": cookie}, "token": tab, "pathname": path, "asPath": path}
            try:
                future = await processor.enqueue(tab, Event(name=name, payload=payload, router_data=router))
                # A handler that does not exist leaves its future open for ever.
                exists = name in RegistrationContext.get().event_handlers
                await asyncio.wait_for(future.wait_all(), 60 if exists else 0.3)
            except Exception as error:  # noqa: BLE001 - a handler that is not there is an answer, too
                answer.events.append(error)
                # What the failure handler sends comes after the failure.
                await asyncio.sleep(0.3)
        return answer


@pytest.fixture
def web():
    """`web(app)` is a browser without pages."""
    return Web


@pytest.fixture
def client(site, bank):
    """A raw client."""
    raw = Client(site.app)
    with raw.loop:
        yield raw


@pytest.fixture
def cookie_of(bank):
    """Signs somebody in and returns the Cookie header of their browser."""

    def sign_in(person):
        opened = auth.open_browser_session(
            bank.db, email=person.email, password=PASSWORD, address="127.0.0.1", user_agent="test"
        )
        return f"{cookies.name(bank.db.settings)}={opened.token}"

    return sign_in


class Web:
    """A browser without pages: keeps cookies, follows no redirects."""

    def __init__(self, app):
        self.app, self.cookies, self.headers = app, httpx.Cookies(), {}

    def get(self, path, **options):
        return asyncio.run(self._ask("GET", path, options))

    def post(self, path, **options):
        return asyncio.run(self._ask("POST", path, options))

    def request(self, method, path, **options):
        return asyncio.run(self._ask(method, path, options))

    async def _ask(self, method, path, options):
        transport = httpx.ASGITransport(self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://bank.test", cookies=self.cookies) as client:
            client.headers.update(self.headers)
            answer = await client.request(method, path, **options)
            self.cookies = client.cookies
            return answer
