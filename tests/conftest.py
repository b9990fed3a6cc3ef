"""What tests stand on: one private MariaDB server, an embedded file per test, three people, and a check of the books.

Where names say MariaDB, `./bank test --mysql-server` puts another server, a MySQL for example, in its place.

A test that asks for `db` runs once on each engine; one that asks for `mariadb_db` or `sqlite_db` on that engine only.
"""

import faulthandler
import os
import shutil
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path

import argon2
import hypothesis
import pytest
from sqlalchemy import create_engine
from sqlalchemy.util import LRUCache
from sqlmodel import SQLModel

from bank_app import database
from bank_app import settings as bank_settings
from bank_app.database import Database
from bank_app.domain import money
from bank_app.domain.accounting import AccountKind, Role
from bank_app.errors import BankError
from bank_app.lifeline import SECONDS_TO_END, end_with_parent
from bank_app.private_mysql import PrivateServer, ServerError, find_program
from bank_app.services import accounts, approvals, auth, holds, integrity, passwords, payee_names, proxies, transfers
from bank_app.services.actor import Actor

PASSWORD = "lantern-orchard-48-violin"
DATABASE = "bank_tests"

# A busy machine is slow, not wrong; a failing example is printed whole, so nothing needs to be kept in a folder.
hypothesis.settings.register_profile("bank", deadline=None, database=None, print_blob=True)
hypothesis.settings.load_profile("bank")


# --- nothing waits without an end ---------------------------------------------------------------------


class _Watch:
    """Ends a process of pytest that hangs where the limit of a test cannot end it, after writing all stacks to stderr.

    That limit (`timeout` in pyproject.toml) is an exception in the main thread, which says where it was and lets the
    others go on. It needs a main thread that comes back to Python, and is over once what puts things away hangs.
    """

    def __init__(self, config):
        # While a test runs, stderr is a file of pytest's.
        self._stderr = os.fdopen(os.dup(sys.__stderr__.fileno()), "w")
        self.seconds = 1.5 * float(config.getini("timeout"))
        self._told_to_end = False
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._stop)

    def begin(self, seconds=None):
        if not self._told_to_end:
            faulthandler.dump_traceback_later(seconds or self.seconds, exit=True, file=self._stderr)

    def _stop(self, _number, _frame):
        """However a run is told to end, what it began is put away; once, because that takes a moment."""
        if not self._told_to_end:
            self.begin(SECONDS_TO_END)
            self._told_to_end = True
            raise KeyboardInterrupt


_watch = pytest.StashKey[_Watch]()


def pytest_configure(config):
    # As every command does, or each file that a test copies would be closed with a sentence.
    os.umask(0o077)
    end_with_parent()
    config.stash[_watch] = _Watch(config)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    item.config.stash[_watch].begin()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown(item):
    item.config.stash[_watch].begin()


def pytest_unconfigure(config):
    """A thread that was left behind would keep the process at its very end.

    One of several side by side waits there for the others, however long they take, and ends with who began it.
    """
    if hasattr(config, "workerinput"):
        faulthandler.cancel_dump_traceback_later()
    else:
        config.stash[_watch].begin(60)


# --- which tests there are, and their order -----------------------------------------------------------


# Their files have few tests that take long: begun last, one would keep a process busy while the others are done.
LONG = ("faults", "lab", "tests")


# Rules of the bank, which need no server, no other process and no browser: for typing.
FAST = ("domain", "services", "api", "ui", "test_architecture", "test_docs")


def pytest_addoption(parser):
    parser.addoption("--fast", action="store_true", help="Rules only, on the embedded engine only.")


def pytest_collection_modifyitems(config, items):
    items.sort(key=lambda item: LONG.index(_room(item)) if _room(item) in LONG else len(LONG))
    if config.getoption("fast"):
        fast = [item for item in items if _is_fast(item)]
        config.hook.pytest_deselected(items=[item for item in items if not _is_fast(item)])
        items[:] = fast


def _room(item):
    """The folder of the tests in which, or below which, a test is."""
    return item.path.parent.relative_to(Path(__file__).parent.parent).parts[:2][-1]


def _is_fast(item):
    if not {_room(item), item.path.stem} & set(FAST) or "mariadb_server" in item.fixturenames:
        return False
    engine = item.callspec.params.get("engine") if hasattr(item, "callspec") else None
    return engine in {None, "sqlite"}


def pytest_generate_tests(metafunc):
    """Runs whatever touches the database on both engines, unless it, or its whole file as `ENGINES`, names one."""
    if "engine" in metafunc.fixturenames:
        named = [name for name in ("sqlite", "mariadb") if f"{name}_db" in metafunc.fixturenames]
        engines = named or getattr(metafunc.module, "ENGINES", ["sqlite", "mariadb"])
        metafunc.parametrize("engine", engines, ids=[_spoken(engine) for engine in engines], indirect=True)


@cache
def _spoken(engine):
    """What the report calls an engine: `mariadb` is whichever server the tests boot, which may be a MySQL."""
    if engine == "sqlite":
        return engine
    try:
        return find_program().flavour
    except ServerError:
        return engine


# --- engines ------------------------------------------------------------------------------------------


class _Compiled(LRUCache):
    """Statements compiled once for all engines of a kind, which SQLAlchemy would compile again for each test's."""

    def get(self, key, default=None):
        return super().get(self._of_kind(key), default)

    def __setitem__(self, key, compiled):
        super().__setitem__(self._of_kind(key), compiled)

    @staticmethod
    def _of_kind(key):
        dialect, *statement = key
        return (dialect.name, dialect.driver, dialect.server_version_info, *statement)


@pytest.fixture(scope="session", autouse=True)
def _statements_are_compiled_once():
    """Compiling its statements was a third of the processor time of a short test."""
    compiled = _Compiled(2000)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "create_engine", partial(create_engine, execution_options={"compiled_cache": compiled}))
        for mapper in SQLModel._sa_registry.mappers:
            patch.setattr(mapper, "_compiled_cache", compiled)
        yield


@pytest.fixture
def engine(request):
    """`sqlite`, or `mariadb` for the private server."""
    return request.param


@pytest.fixture(scope="session")
def mariadb_server(tmp_path_factory):
    """One server for all tests, as durable as in production. A machine without one fails and says what to install."""
    try:
        with PrivateServer(tmp_path_factory.mktemp("mariadb") / "server") as server:
            yield server
    except ServerError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture(scope="session")
def mariadb_tables(mariadb_server):
    """The migrated database that tests share one after the other, emptied before each (20 ms; migrating takes 180)."""
    return _Tables(mariadb_server)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory):
    """A migrated embedded database, copied for each test."""
    folder = tmp_path_factory.mktemp("template")
    file = folder / "bank.sqlite3"
    database = Database(_settings(f"sqlite:///{file}", folder))
    database.upgrade_schema()
    database.dispose()
    return file


@pytest.fixture
def settings(engine, request, tmp_path):
    """The settings of an empty migrated bank where customers handle cash themselves and nothing is throttled."""
    if engine == "mariadb":
        tables = request.getfixturevalue("mariadb_tables")
        tables.empty()
        tables.are_broken = request.node.get_closest_marker("books_are_broken_on_purpose") is not None
        url = tables.server.url_of(DATABASE)
    else:
        shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "bank.sqlite3")
        url = f"sqlite:///{tmp_path / 'bank.sqlite3'}"
    return _settings(url, tmp_path)


@pytest.fixture
def db(settings, request):
    """The bank's database. After the test the books are checked, unless it broke them on purpose."""
    with _opened(settings) as database:
        yield database
        if not request.node.get_closest_marker("books_are_broken_on_purpose"):
            assert integrity.check(database).violations == ()


@pytest.fixture
def mariadb_db(db):
    """`db`, on MariaDB only."""
    return db


@pytest.fixture
def sqlite_db(db):
    """`db`, on the embedded engine only."""
    return db


@pytest.fixture
def another(settings):
    """Another worker on the same books: `another(lock_timeout=1)` differs in what is named."""
    with ExitStack() as stack:
        yield lambda **changes: stack.enter_context(_opened(settings.model_copy(update=changes)))


def _settings(url, folder):
    return bank_settings.load(database_url=url, data=folder, demo=True, rate_limits=False)


@contextmanager
def _opened(settings):
    database = Database(settings)
    try:
        yield database
    finally:
        database.dispose()


@dataclass
class _Tables:
    server: PrivateServer
    names: tuple[str, ...] = ()
    are_broken: bool = True

    def make(self):
        """From nothing, by the real migrations."""
        url = self.server.make_database(DATABASE)
        with _opened(_settings(url, self.server.folder)) as database:
            database.upgrade_schema()
        with self._cursor() as cursor:
            cursor.execute("SHOW TABLES")
            self.names = tuple(name for (name,) in cursor.fetchall() if name not in ("alembic_version", "posting_gate"))

    def empty(self):
        """TRUNCATE is the one way past the triggers; the bank itself never uses it."""
        if self.are_broken:
            return self.make()
        with self._cursor() as cursor:
            # A test that left a unit of work open would otherwise be waited for all day.
            cursor.execute("SET foreign_key_checks = 0, lock_wait_timeout = 20")
            cursor.execute(" UNION ALL ".join(f"(SELECT '{name}' FROM {name} LIMIT 1)" for name in self.names))
            for (name,) in cursor.fetchall():
                cursor.execute(f"TRUNCATE {name}")
        return None

    @contextmanager
    def _cursor(self):
        with self.server.connect(database=DATABASE) as connection, connection.cursor() as cursor:
            yield cursor


@pytest.fixture
def checks_off():
    """The statements that let one session write past CHECKs and foreign keys, in the words of its server."""

    def statements(connection):
        if connection.dialect.name == "sqlite":
            return ["PRAGMA foreign_keys = OFF", "PRAGMA ignore_check_constraints = ON"]
        off = ["SET foreign_key_checks = 0", "SET unique_checks = 0"]
        if connection.dialect.is_mariadb:
            return [*off, "SET check_constraint_checks = 0"]
        # MySQL has no such switch: its CHECKs are given up one by one, for all sessions.
        checks = (
            "SELECT table_name, constraint_name FROM information_schema.table_constraints"
            " WHERE constraint_schema = DATABASE() AND constraint_type = 'CHECK'"
        )
        return off + [
            f"ALTER TABLE {table} ALTER CHECK {name} NOT ENFORCED"
            for table, name in connection.exec_driver_sql(checks).all()
        ]

    return statements


# --- people -------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _no_misfits():
    """What a request of one test brought is known to the whole process, and said on Health for an hour."""
    proxies.forget()


@pytest.fixture(scope="session", autouse=True)
def _cheap_password_hashes():
    """A real hash takes 64 MiB and 50 ms, and guessing a password 5 ms, which a thousand tests cannot afford."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "zxcvbn", cache(passwords.zxcvbn))
        patch.setattr(passwords, "_hasher", argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        yield


@pytest.fixture
def register(db):
    """Registers a person: `register("Zoe Park", Role.TELLER)` has the email zoe@bank.test."""

    def one(name, role=Role.CUSTOMER):
        email = f"{name.split()[0].lower()}@bank.test"
        return auth.register(db, email=email, name=name, password=PASSWORD, role=role)

    return one


@pytest.fixture
def ada(register):
    """A customer."""
    return register("Ada Lindqvist")


@pytest.fixture
def ben(register):
    """A customer whom Ada pays."""
    return register("Ben Ito")


@pytest.fixture
def eve(register):
    """A customer who has no business with the accounts of the others."""
    return register("Eve Marlow")


@pytest.fixture
def teller(register):
    """Acts on every account."""
    return register("Olu Adeyemi", Role.TELLER)


@pytest.fixture
def auditor(register):
    """Sees every account and changes nothing."""
    return register("Tess Varga", Role.AUDITOR)


@pytest.fixture
def admin(register):
    """Manages people."""
    return register("Kim Novak", Role.ADMIN)


# --- the counter --------------------------------------------------------------------------------------


@dataclass
class Counter:
    """What tests ask of the bank, in one line each. Amounts are texts in major units; accounts are views."""

    db: Database
    known: set = field(default_factory=set)

    def open(self, owner, amount=None, *, currency="USD", kind=AccountKind.CHECKING, nickname=None, by=None):
        """An account of `owner`, with an opening deposit."""
        return self.db.unit_of_work(
            lambda session: accounts.open_account(
                session, by or owner, settings=self.db.settings, currency=currency, kind=kind, nickname=nickname,
                initial_balance=amount, owner_id=owner.user_id,
            )
        )  # fmt: skip

    def deposit(self, actor, account, amount, *, key=None, **more):
        """Cash in."""
        return self.move(actor, transfers.Deposit(account.id, money.Amount.of(amount), **more), key=key)

    def withdraw(self, actor, account, amount, *, key=None, **more):
        """Cash out."""
        return self.move(actor, transfers.Withdraw(account.id, money.Amount.of(amount), **more), key=key)

    def transfer(self, actor, source, target, amount, *, key=None, knows=True, **more):
        """From one account to another. Whoever pays knows whom, unless a test says otherwise."""
        if knows and actor.role is Role.CUSTOMER:
            self.know(actor, target)
        return self.move(actor, transfers.Transfer(source.id, target.id, money.Amount.of(amount), **more), key=key)

    def know(self, actor, account):
        """Notes that somebody has given the right name for an account, as pages have him do; once."""
        if (actor.user_id, account.id) not in self.known and account.owner_id != actor.user_id:
            self.known.add((actor.user_id, account.id))
            self.db.unit_of_work(
                lambda session: payee_names.note(session, actor, account_id=account.id, name="", result="match")
            )

    def reverse(self, actor, moved, reason="Sent by mistake", *, key=None):
        """The mirror of what was moved."""
        return self.move(actor, transfers.Reverse(moved.transaction.id, reason), key=key)

    def hold(self, actor, account, amount, *, to=None, key=None, **more):
        """Money set aside."""
        movement = holds.PlaceHold(account.id, money.Amount.of(amount), to and to.id, **more)
        return holds.move(self.db, actor, movement, key=key)

    def capture(self, actor, held, amount=None, *, key=None):
        """All or a part of what a hold set aside is moved."""
        part = None if amount is None else money.Amount.of(amount)
        return holds.move(self.db, actor, holds.CaptureHold(held.hold.id, part), key=key)

    def release(self, actor, held, *, key=None):
        """What a hold set aside is free again."""
        return holds.move(self.db, actor, holds.ReleaseHold(held.hold.id), key=key)

    def move(self, actor, movement, *, key=None):
        """Any movement."""
        return transfers.move(self.db, actor, movement, key=key)

    def change(self, actor, account, *, reason="A test wants it", **changes):
        """Freezes, unfreezes, closes, renames, sets the overdraft limit."""
        return self.db.unit_of_work(
            lambda session: accounts.change_account(session, actor, account.id, reason=reason, **changes)
        )

    def balance(self, account):
        """The booked balance now, as `12.34`."""
        return money.to_text(self.account(account).balance_minor, account.currency)

    def account(self, account):
        """The account now."""
        owner = Actor(account.owner_id, "", "", Role.CUSTOMER)
        return self.db.read(lambda session: accounts.get_account(session, owner, account.id))


@pytest.fixture
def counter(db):
    """The bank's counter."""
    return Counter(db)


# --- crowds -------------------------------------------------------------------------------------------


@pytest.fixture
def at_once():
    """Runs `work(0)` … `work(count - 1)` in threads of their own. A refusal is an answer, all else a failure."""

    def run(work, count):
        barrier = threading.Barrier(count)

        def one(index):
            barrier.wait(timeout=30)
            try:
                return work(index)
            except BankError as refusal:
                return refusal

        with ThreadPoolExecutor(count) as pool:
            return list(pool.map(one, range(count)))

    return run


@pytest.fixture
def codes():
    """What each was told, in words: the code of a refusal, or `ok`."""
    return lambda answers: [answer.code if isinstance(answer, BankError) else "ok" for answer in answers]


@pytest.fixture
def until():
    """Waits for something that other threads are about to bring about; its not coming is the failure."""

    def wait(condition, seconds=60):
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "it never came"
            time.sleep(0.005)

    return wait


@pytest.fixture
def waiting():
    """How many units of work wait for a row of this MariaDB now."""

    def count(db):
        # InnoDB shows the same picture for ever to whoever looks more often than every tenth of a second.
        time.sleep(0.11)
        query = "SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'"
        with db.reading.connect() as connection:
            return connection.exec_driver_sql(query).scalar_one()

    return count


# --- two of the bank's people -------------------------------------------------------------------------


@dataclass
class TwoPeople:
    """What two of the bank's people do together, or one where there is nobody else."""

    db: Database

    def ask(self, asker, person, kind, *, reason="Showed a passport at the desk", **change):
        """What the first of them does."""
        return approvals.ask(self.db, asker, approvals.Wish.about(kind, person.user_id, **change), reason=reason)

    def approve(self, approver, identifier):
        """What the second does, having looked at it."""
        view = self.db.read(lambda session: approvals.get(session, approver, identifier))
        return approvals.approve(self.db, approver, identifier, digest=view.digest)

    def do(self, asker, person, kind, *approvers, **more):
        """Both, one after the other."""
        asked = self.ask(asker, person, kind, **more)
        for approver in approvers:
            self.approve(approver, asked.id)
        return asked

    def link(self, asker, person, *approvers):
        """The token of a password link: of two halves where it takes two."""
        asked = self.ask(asker, person, "password_link")
        if asked.link:
            return asked.link.token
        [approver] = approvers
        return asked.half + self.approve(approver, asked.id).half


@pytest.fixture
def two(db):
    """Two of the bank's people."""
    return TwoPeople(db)
