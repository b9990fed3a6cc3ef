"""Every handler there is, called over the socket of the running bank by clients that are no page."""

import itertools
import queue
import time
import uuid

import pytest
import socketio
from reflex_base.registry import RegistrationContext
from sqlalchemy import func, select

from bank_app.domain import money
from bank_app.domain.identifiers import new_id
from bank_app.models import (
    Account,
    CustomerNote,
    Hold,
    PasswordLink,
    Posting,
    SavedPayee,
    Transaction,
    TransferDraft,
    UnfinishedForm,
    User,
)
from bank_app.services import auth, drafts, transfers, unfinished
from bank_app.ui import cookies, guard, site
from bank_app.ui.pages.account import AccountState
from bank_app.ui.pages.appearance import AppearanceState
from bank_app.ui.pages.home import HomeState
from bank_app.ui.pages.review import ReviewState
from bank_app.ui.pages.sign_in import SignInState
from tests.e2e.conftest import PATIENCE_SECONDS
from tests.handlers import name_of

PASSWORD = "lantern-orchard-48-violin"
STATE = "reflex___state____state"
HOME, REVIEW = name_of(HomeState.open), name_of(ReviewState)
NONSENSE = (
    None,
    True,
    -1,
    1.5,
    10**30,
    float("nan"),
    float("inf"),
    "",
    "x" * 20_000,
    "\x00\u202e",
    [],
    [1],
    {},
    {"a": [{}]},
)


class Client:
    """A connection that says which tab it is, and keeps what it is told."""

    def __init__(self, url, *, tab="", cookie=""):
        self.heard = queue.Queue()
        self.socket = socketio.Client(reconnection=False)
        self.socket.on("*", lambda *message: self.heard.put(str(message)), namespace="/_event")
        self.socket.connect(
            f"{url}/?token={tab or uuid.uuid4()}", headers={"Cookie": cookie} if cookie else {},
            wait_timeout=PATIENCE_SECONDS, transports=["websocket"], socketio_path="/_event", namespaces=["/_event"],
        )  # fmt: skip

    def emit(self, message, name="event"):
        self.socket.emit(name, message, namespace="/_event")

    def send(self, name, payload=None, path="/home"):
        self.emit({"name": name, "payload": payload or {}, "router_data": {"pathname": path, "asPath": path}})

    def until(self, words, seconds=PATIENCE_SECONDS):
        """Everything that was said up to these words; their not coming is the failure."""
        told, deadline = [], time.monotonic() + seconds
        while not told or words not in told[-1]:
            try:
                told.append(self.heard.get(timeout=max(0, deadline - time.monotonic())))
            except queue.Empty:
                pytest.fail(f"{words} never came, but {told}", pytrace=False)
        return "\n".join(told)

    def all_heard(self, quiet=0.8):
        """Everything that was said until there was silence."""
        told = []
        while True:
            try:
                told.append(self.heard.get(timeout=quiet))
            except queue.Empty:
                return "\n".join(told)


@pytest.fixture
def client(bank):
    opened = []

    def one(somebody=None, **options):
        if somebody is not None:
            options["cookie"] = cookie_of(bank, somebody)
        opened.append(Client(bank.url, **options))
        return opened[-1]

    yield one
    for each in opened:
        each.socket.disconnect()


@pytest.fixture
def ada(person):
    return person("Ada Lindqvist", Everyday="1240.07")


@pytest.fixture
def ben(person):
    return person("Ben Ito", Everyday="20.00")


def cookie_of(bank, somebody):
    opened = auth.open_browser_session(
        bank.db, email=somebody.actor.email, password=PASSWORD, address="127.0.0.1", user_agent="test"
    )
    return f"{cookies.name(bank.db.settings)}={opened.token}"


def handlers():
    """The marked handlers and the framework's own, each with its arguments: all that a client may try."""
    assert site.PAGES
    registered = RegistrationContext.get().event_handlers
    wanted = sorted(guard.callable_handlers().keys() | guard.FRAMEWORK)
    return {name: arguments(registered[name].handler.fn) for name in wanted if name in registered}


def arguments(function):
    """The names of what a handler takes besides its state."""
    code = function.__code__
    return code.co_varnames[1 : code.co_argcount]


def size_of_the_books(bank):
    """How many rows there are of everything that a handler could write."""
    tables = (Account, Posting, Transaction, TransferDraft, Hold, CustomerNote, PasswordLink)
    return bank.db.read(lambda db: [db.execute(select(func.count()).select_from(table)).scalar() for table in tables])


def arguments_of(names, value):
    return dict.fromkeys(names, value)


def draft_of(bank, sender, receiver):
    """A transfer of a cent that waits for its sender's word."""
    accounts = {"from_account_id": int(sender.number()), "to_account_id": int(receiver.number())}
    return bank.db.unit_of_work(
        lambda db: drafts.save(
            db, sender.actor, kind="transfer", amount_minor=1, currency="USD", description="for nobody else", **accounts
        )
    )


def secrets_of(somebody, *more):
    return ("1,240.07", somebody.actor.email, somebody.number(), "Lindqvist", *more)


def test_without_a_cookie_no_handler_runs_whatever_it_is_sent(bank, client, ada, ben):
    draft = draft_of(bank, ada, ben)
    before, visitor = size_of_the_books(bank), client()
    for value in NONSENSE:
        for name, names in handlers().items():
            visitor.send(name, arguments_of(names, value), path=f"/move/review/{draft.id}")
    told = visitor.all_heard()
    assert "/sign-in" in told
    assert [word for word in secrets_of(ada, "for nobody else") if word in told] == []
    assert size_of_the_books(bank) == before


def test_without_a_cookie_no_page_shows_anything_of_anybody(client, ada):
    visitor = client()
    for page in site.PAGES:
        for name in sorted(guard.FRAMEWORK):
            visitor.send(name, path=page.route.replace("[account_id]", ada.number()))
    told = visitor.all_heard()
    assert "/sign-in" in told
    # Her number is in the addresses that the visitor named.
    assert [word for word in secrets_of(ada) if word in told and word != ada.number()] == []


@pytest.fixture
def hers(bank, ada):
    """What Ada has that only she may see: a draft, a form that is half filled in, a transaction of her own."""
    account = ada.accounts["Everyday"]
    movement = transfers.Deposit(account.id, money.Amount.of("12.34"), description="for nobody else")
    form_id = new_id()
    bank.db.unit_of_work(
        lambda db: unfinished.keep(
            db, ada.actor, form_id, kind="transfer", fields={"amount": "55.55", "note": "for nobody else"}
        )
    )
    return {"transaction": str(transfers.move(bank.db, ada.actor, movement).transaction.id), "form": str(form_id)}


def rows_of(bank, somebody):
    """Everything that is kept for one person and could be changed."""
    tables = (Account.owner_id, SavedPayee.user_id, UnfinishedForm.user_id, User.id)

    def read(db):
        found = [db.execute(select(c.class_.__table__).where(c == somebody.actor.user_id)).all() for c in tables]
        return [sorted(map(repr, rows)) for rows in found]

    return bank.db.read(read)


def test_somebody_elses_numbers_lead_nowhere(bank, client, ada, ben, hers):
    draft, before = draft_of(bank, ada, ben), size_of_the_books(bank)
    kept = rows_of(bank, ada)
    source = {"source": ada.number(), "amount": "1.00", "reason": "Because I would like to", "note": "Mine"}
    forms = (
        {**source, "who": "new", "number": ben.number(), "name": "Ben Ito", "checked": "yes"},
        {**source, "who": "own", "own": ben.number()},
        {**source, "who": "paid", "paid": ben.number(), "scope": "all", "text": "A note", "role": "admin"},
    )
    user, transaction = str(ada.actor.user_id), hers["transaction"]
    paths = (
        f"/accounts/{ada.number()}", f"/move/review/{draft.id}", f"/move/transfer?draft={draft.id}",
        f"/move/transfer?from={ada.number()}", f"/move/withdraw?account={ada.number()}",
        f"/move/transfer?form={hers['form']}", f"/move/transfer?again={transaction}",
        f"/statements/{ada.number()}", f"/transactions/{transaction}", f"/ops/accounts/{ada.number()}",
        f"/ops/customers/{user}", f"/ops/users/{user}", f"/ops/transactions/{transaction}",
        f"/ops/transactions/{transaction}/reverse", f"/ops/accounts?q={ada.number()}",
    )  # fmt: skip
    values = (ada.number(), user, str(draft.id), hers["form"], transaction)
    not_theirs = ("1,240.07", "1,252.41", "55.55", ada.actor.email, "for nobody else")
    for path, value in zip(paths, itertools.cycle(values), strict=False):
        stranger = client(ben)
        for name, names in handlers().items():
            # What ends or opens something of one's own is not what this is about, and would end it too soon.
            if "open_account" in name or "security_state.end" in name:
                continue
            given = arguments_of(names, value)
            wanted = [{**given, key: form} for key in ("form", "_form") if key in names for form in forms] or [given]
            for payload in wanted:
                stranger.send(name, payload, path=path)
        told = stranger.all_heard()
        assert [word for word in not_theirs if word in told] == [], path
        stranger.socket.disconnect()
    assert size_of_the_books(bank) == before
    assert rows_of(bank, ada) == kept


def test_nonsense_from_a_customer_moves_nothing_and_stops_nobody(bank, client, ada, ben, hers):
    before, kept = size_of_the_books(bank), rows_of(bank, ada)
    stranger = client(ben)
    for value in NONSENSE:
        for name, names in handlers().items():
            if "security_state.end_others" not in name and "open_account" not in name:
                stranger.send(name, arguments_of(names, value), path="/accounts/nonsense")
    # Events of one page run one after the other, so that this one is the last. Among them is the switch that hides
    # amounts everywhere: in the middle of them, where a busy machine may be for a while, his are dots.
    stranger.send(name_of(AppearanceState.choose_density), {"density": "compact"})
    told = stranger.until("compact") + stranger.all_heard()
    assert [word for word in ("1,252.41", ada.actor.email, "for nobody else", "Traceback") if word in told] == []
    assert size_of_the_books(bank) == before
    assert rows_of(bank, ada) == kept
    stranger.socket.disconnect()
    again = client(ben)
    again.send(HOME)
    again.until("20.00")


def test_the_token_of_a_tab_is_worth_nothing_without_its_cookie(client, ada, ben):
    tab = str(uuid.uuid4())
    owner = client(ada, tab=tab)
    owner.send(HOME)
    owner.until("1,240.07")
    owner.socket.disconnect()
    for thief in (client(tab=tab), client(tab=tab, cookie="bank_session=made-up")):
        for name in sorted(guard.FRAMEWORK):
            thief.send(name)
        thief.send(name_of(AccountState.prove))
        assert [word for word in secrets_of(ada) if word in thief.all_heard()] == []
        thief.socket.disconnect()
    other = client(ben, tab=tab)
    other.send(HOME)
    told = other.until("20.00") + other.all_heard()
    assert [word for word in secrets_of(ada) if word in told] == []


def test_a_connection_that_stays_open_ends_with_its_session(bank, client, ada, ben):
    draft, cookie = draft_of(bank, ada, ben), cookie_of(bank, ada)
    open_tab = client(cookie=cookie)
    open_tab.send(HOME)
    open_tab.until("1,240.07")
    auth.close_browser_session(bank.db, cookie.partition("=")[2])
    before = size_of_the_books(bank)
    open_tab.send(f"{REVIEW}.send", path=f"/move/review/{draft.id}")
    open_tab.send(HOME)
    assert "1,240.07" not in open_tab.until("/sign-in?ended=") + open_tab.all_heard()
    assert size_of_the_books(bank) == before


def test_one_draft_sent_from_many_connections_at_once_is_sent_once(bank, client, ada, ben):
    draft, cookie = draft_of(bank, ada, ben), cookie_of(bank, ada)
    tabs = [client(cookie=cookie) for _ in range(4)]
    for tab in tabs * 2:
        tab.send(f"{REVIEW}.send", path=f"/move/review/{draft.id}")
    tabs[0].until("/transactions/")
    for tab in tabs:
        tab.all_heard()
    [received] = bank.db.read(
        lambda db: db.execute(select(Account.balance).where(Account.id == int(ben.number()))).scalars().all()
    )
    assert received == 2001


@pytest.mark.parametrize("path", [None, 7, ["/home"], "//[", "\\\\[", "http://["])
def test_an_address_that_cannot_be_read_stops_nobody(bank, client, ada, path):
    stranger = client()
    stranger.emit({"name": f"{STATE}.hydrate", "payload": {}, "router_data": {"pathname": path, "asPath": path}})
    told = stranger.all_heard(0.4)
    time.sleep(0.5)
    # A failure that is answered with an event that fails would go on for ever.
    assert (told + stranger.all_heard(0.4)).count("notice_state") <= 2
    owner = client(ada)
    owner.send(HOME)
    owner.until("1,240.07")


@pytest.mark.parametrize(
    "message", ["text", 7, None, [], {}, {"name": 5}, {"name": f"{STATE}.hydrate", "payload": "x"}]
)
def test_what_is_no_event_is_passed_over(client, message):
    stranger = client()
    for name in ("event", "connect", "disconnect", "another"):
        stranger.emit(message, name)
    assert stranger.all_heard(0.3) == ""
    stranger.send(name_of(SignInState.open), path="/sign-in")
    assert stranger.heard.get(timeout=PATIENCE_SECONDS)


def test_what_clients_send_is_not_in_the_log(bank, client, ada, tmp_path_factory):
    cookie = cookie_of(bank, ada)
    owner = client(cookie=cookie)
    for message in ('{"name": "open-sesame"', ["open-sesame"], {"nam": "open-sesame"}):
        owner.emit(message)
    owner.send("no.such.handler", {"password": "open-sesame"})
    owner.send(HOME, {"password": "open-sesame"})
    owner.send(name_of(AccountState.choose_range), {"days": ["open-sesame"]})
    owner.send(f"{STATE}.set_is_hydrated", {"value": "open-sesame" * 100})
    owner.all_heard()
    [log] = tmp_path_factory.getbasetemp().glob("bank[0-9]/output")
    text = log.read_text(errors="replace")
    assert cookie.partition("=")[2] not in text
    assert "open-sesame" not in text
