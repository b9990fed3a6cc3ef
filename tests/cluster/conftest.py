"""Three nodes, a bank in front of each, and clients of all three; after every test the books of every node are audited.

Run with `./bank test --cluster`. One cluster for all tests, because booting it takes longer than most of them.
"""

import contextlib
import io
import secrets
import time
from dataclasses import dataclass, field

import httpx
import pytest
from rich.console import Console
from rich.table import Table

from bank_app import settings as bank_settings
from bank_app.database import Database
from bank_app.domain.accounting import Role
from bank_app.lab import auditor, serving, workload
from bank_app.lab.journal import percentile, together
from bank_app.private_galera import PrivateCluster
from bank_app.services import auth, integrity

CLIENTS_OF_A_BANK = 8
LINES = pytest.StashKey[list]()


# --- the cluster and its banks ------------------------------------------------------------------------


@pytest.fixture(scope="session")
def cluster():
    """Three nodes, booted once. Each test leaves all of them up."""
    with PrivateCluster() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def open_bank(cluster, tmp_path_factory):
    """`open_bank(node, …)` is the bank on these nodes, the preferred one first, in this process."""
    with contextlib.ExitStack() as stack:
        folder = tmp_path_factory.mktemp("bank")

        def one(*nodes, **changes):
            settings = bank_settings.load(
                database_url=urls(nodes), data=folder, rate_limits=False, self_service_cash=True, **changes
            )
            database = Database(settings)
            stack.callback(database.dispose)
            return database

        yield one


@pytest.fixture(scope="session")
def tables(cluster, open_bank):
    """The migrated database on all nodes."""
    open_bank(*cluster.nodes).upgrade_schema()


@pytest.fixture(scope="session")
def views(cluster, tables, open_bank):
    """The bank as each node alone serves it."""
    return [open_bank(node) for node in cluster.nodes]


@pytest.fixture(scope="session")
def cast(views):
    """People and 300 accounts with money."""
    return workload.fill(views[0], people=5, account_count=300)


@pytest.fixture(scope="session")
def serve(tables, tmp_path_factory):
    """`serve(nodes)` starts a bank that prefers the first of these nodes, in processes of its own."""
    key = secrets.token_hex(32)

    def one(nodes):
        folder = tmp_path_factory.mktemp("served")
        return serving.api_alone(folder, urls(nodes), workers=1, environment={"BANK_SECRET_KEY": key})

    return one


@pytest.fixture(scope="session")
def banks(cluster, serve):
    """A bank in front of each node, which goes over to the next one when its own is lost."""
    with contextlib.ExitStack() as stack:
        nodes = list(cluster.nodes)
        yield [stack.enter_context(serve(nodes[first:] + nodes[:first])) for first in range(len(nodes))]


def urls(nodes):
    return ",".join(node.url for node in nodes)


@pytest.fixture
def readiness():
    """What a load balancer is told of a bank."""
    return lambda bank: httpx.get(f"{bank.address.url}/readyz", timeout=30).status_code


# --- loads and what they leave behind -----------------------------------------------------------------


@dataclass
class Line:
    """One line of the table."""

    name: str
    journals: list
    conflicts: int
    findings: dict = field(default_factory=dict)


@pytest.fixture(scope="session")
def every_journal():
    """Of all loads on the cast, because the auditor compares with the books as a whole."""
    return []


@pytest.fixture
def under_load(cluster, cast, every_journal, request):
    """`with under_load("name", banks):` has clients move money at every bank inside, and counts what they saw."""

    @contextlib.contextmanager
    def run(name, banks, **plan):
        loads = [
            workload.Load(
                bank.address, cast, workload.Plan(deposits=0.2, seed=f"{secrets.token_hex(4)}", **plan),
                clients=CLIENTS_OF_A_BANK, timeout=40, patience=90,
            )
            for bank in banks
        ]  # fmt: skip
        before = conflicts_of(cluster)
        with contextlib.ExitStack() as stack:
            for load in loads:
                stack.enter_context(load.in_background())
            yield [load.journal for load in loads]
        every_journal.extend(load.journal for load in loads)
        after = conflicts_of(cluster)
        conflicts = sum(now - then if now >= then else now for then, now in zip(before, after, strict=True))
        line = Line(name, [load.journal for load in loads], conflicts)
        request.config.stash.setdefault(LINES, []).append(line)
        request.node.stash[LINES] = [line]

    return run


def conflicts_of(cluster):
    """By node, the units of work that lost against one of another node, by its own count, which a restart resets."""
    names = ("wsrep_local_cert_failures", "wsrep_local_bf_aborts")
    return [sum(int(node.status().get(name, 0)) for name in names) for node in cluster.nodes]


@pytest.fixture
def busy_for():
    """Goes on once so many movements more were acknowledged at every bank."""

    def wait(journals, count, seconds=90):
        goals = [len(journal.acknowledged()) + count for journal in journals]
        deadline = time.monotonic() + seconds
        while any(len(journal.acknowledged()) < goal for journal, goal in zip(journals, goals, strict=True)):
            assert time.monotonic() < deadline, "the banks stand still"
            time.sleep(0.1)

    return wait


@pytest.fixture(autouse=True)
def _every_node_has_the_same_right_books(cluster, views, cast, every_journal, request):
    yield
    for view in views:
        view.ping()
    findings = [auditor.audit(view, cast, *every_journal) for view in views]
    heads = {integrity.check(view).chain_head for view in views}
    for line in request.node.stash.get(LINES, ()):
        line.findings = {name: max(getattr(found, name) for found in findings) for name in ("lost", "doubled", "half")}
    assert [found.problems for found in findings] == [()] * len(views)
    assert not [found.refused for found in findings if "internal_error" in found.refused]
    assert len(heads) == 1, "the nodes have different books"
    assert all(found.unknown == 0 for found in findings), "a client was never told what became of a movement"


# --- people -------------------------------------------------------------------------------------------


@pytest.fixture
def db(views):
    """The bank on the first node."""
    return views[0]


@pytest.fixture
def register(db):
    """As for all tests; but here the people of the tests before are still there."""

    def one(name, role=Role.CUSTOMER):
        email = f"{name.split()[0].lower()}-{secrets.token_hex(4)}@bank.test"
        return auth.register(db, email=email, name=name, password="lantern-orchard-48-violin", role=role)

    return one


# --- the table ----------------------------------------------------------------------------------------


def pytest_terminal_summary(terminalreporter):
    """The figures, as they stand in docs/cluster.md."""
    lines = terminalreporter.config.stash.get(LINES, [])
    if not lines:
        return
    table = Table(title="Three Galera nodes, a bank in front of each", title_justify="left")
    for heading in (
        "", "movements", "per s", "p50 ms", "p99 ms", "longest pause s", "conflicts", "503", "lost", "doubled", "half",
    ):  # fmt: skip
        table.add_column(heading, justify="left" if not heading else "right")
    for line in lines:
        whole = together(line.journals)
        seconds = max(journal.seconds for journal in line.journals)
        times = whole.latencies()
        table.add_row(
            line.name,
            str(len(times)),
            f"{len(times) / seconds:.0f}",
            f"{percentile(times, 50) * 1000:.0f}",
            f"{percentile(times, 99) * 1000:.0f}",
            f"{max(journal.longest_gap() for journal in line.journals):.1f}",
            str(line.conflicts),
            " ".join(f"{count} {code}" for code, count in sorted(whole.busy.items())) or "0",
            *(str(line.findings.get(name, "?")) for name in ("lost", "doubled", "half")),
        )
    text = io.StringIO()
    Console(file=text, width=170).print(table)
    terminalreporter.write_line("")
    terminalreporter.write(text.getvalue())
