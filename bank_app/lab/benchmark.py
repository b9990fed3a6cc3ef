"""`./bank benchmark`: the bank beside the naive way and the raw limit, on one machine, in one run, the books checked.

Everything happens in a temporary folder with a private server that syncs every commit to disk. The parts run in turn,
and in turn again for each repetition, so that a machine that changes its mind meanwhile is unfair to nobody.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from rich.console import Console
from sqlalchemy import func, select
from sqlmodel import col

from bank_app import build, clock
from bank_app import settings as bank_settings
from bank_app.database import Database
from bank_app.lab import (
    auditor,
    batches,
    long_history,
    naive,
    pages,
    raw,
    reads,
    serving,
    targets,
    workload,
    wrk,
)
from bank_app.lab.client import SignIn, request
from bank_app.lab.driver import Timings, drive
from bank_app.lab.journal import Journal
from bank_app.lab.measure import BY_WRK, Point, Results, Target, What, machine, of_journal, of_timings, of_wrk
from bank_app.lab.serving import Serving
from bank_app.lab.workload import Cast, Load, Plan
from bank_app.lab.wrk import Wrk
from bank_app.models import IdempotencyKey
from bank_app.private_mysql import PrivateServer, Program, find_program
from bank_app.settings import PROJECT

PARTS = ("generator", "raw", "naive", "ours", "batch", "memory", "reads", "embedded")
ACCOUNTS = 1000
HISTORY_DAYS = 700
# By number of workers, what is measured of the naive way: as it is usually written, and with connections enough.
NAIVE: dict[str, dict[int, tuple[tuple[str, int], ...]]] = {
    "naive": {1: (("uniform", 1), ("uniform", 16), ("uniform", 64)), 2: (("uniform", 64), ("hot", 64))},
    "naive+": {1: (("uniform", 64),), 2: (("uniform", 64),)},
}


@dataclass(frozen=True, slots=True)
class Scope:
    """How much is measured. `seconds` for each point; `quick` makes everything as small as it can be."""

    seconds: float = 3.0
    repeat: int = 3
    only: tuple[str, ...] = PARTS
    quick: bool = False
    api_alone: bool = False
    program: Program | None = None

    @property
    def histories(self) -> tuple[int, ...]:
        """Numbers of postings of the accounts that are read."""
        return (1_000, 10_000) if self.quick else (1_000, 100_000, 1_000_000)

    @property
    def reads_each(self) -> int:
        """How often each kind of page is read."""
        return 50 if self.quick else 300

    @property
    def transfers_for_memory(self) -> int:
        """How many transfers a worker makes between two looks at its memory."""
        return 5_000 if self.quick else 200_000


@dataclass
class Counted:
    """Transfers of a generator that keeps no journal: how many were acknowledged, and how many more may be there."""

    cast: Cast | None = None
    acknowledged: int = 0
    unanswered: int = 0


@dataclass
class Bench:
    """One run under way."""

    scope: Scope
    console: Console
    folder: Path
    server: PrivateServer
    results: Results
    journals: list[Journal] = field(default_factory=list)
    sign_ins: dict[str, SignIn] = field(default_factory=dict)
    round: int = 0

    def __post_init__(self) -> None:
        """The bank's database and the people in it."""
        self.db = self.bank_database(self.server.url)
        self.cast = workload.fill(self.db, account_count=ACCOUNTS)
        self._others = itertools.count(1)
        self.wrk = wrk.find(self.folder)
        self.by_wrk = Counted()

    def bank_database(self, url: str) -> Database:
        """A migrated bank at an address."""
        db = Database(bank_settings.load(database_url=url, data=self.folder, rate_limits=False))
        db.upgrade_schema()
        return db

    def add(self, point: Point) -> None:
        """Keeps a point and says it."""
        self.results.points.append(point)
        others = f"   {dict(point.others)}" if point.others else ""
        self.console.print(
            f"  {self.round + 1}  {point.what.name:<58} {point.per_second:9,.0f}/s   p50 {point.p50:8.2f} ms"
            f"   p99 {point.p99:8.2f} ms{others}",
            markup=False,
        )

    @property
    def whole_seconds(self) -> int:
        """For programs that know of no fractions."""
        return max(1, round(self.scope.seconds))

    def new_seed(self) -> str:
        """Of keys that were not used in these books."""
        return f"s{next(self._others)}"

    @contextmanager
    def bank(self, url: str, workers: int) -> Iterator[Serving]:
        """The bank on a database of the run."""
        start = serving.api_alone if self.scope.api_alone else serving.bank
        with start(self.folder, url, workers=workers) as bank:
            yield bank


# --- the parts ----------------------------------------------------------------------------------------


def generator(bench: Bench) -> None:
    """What the load generator costs, against an application that does nothing."""
    with serving.asgi(bench.folder, "bank_app.lab.nothing:app", workers=1, environment={}, name="nothing") as nothing:
        whole = request("POST", "/", nothing.address, token="t" * 250, key="k" * 20, body=b"x" * 130)
        used = time.process_time()
        timings = asyncio.run(
            drive(nothing.address, [itertools.repeat(whole)] * 64, seconds=bench.scope.seconds, good=201)
        )
        used = (time.process_time() - used) / max(1, len(timings.taken)) * 1e6
        bench.add(of_timings(What("nothing", "requests", 1, 64), timings, client_cpu=used))
        if bench.wrk:
            answers = bench.wrk.anything(nothing.address, clients=64, seconds=bench.whole_seconds)
            bench.add(of_wrk(What("nothing", "requests" + BY_WRK, 1, 64), answers))


def raw_limit(bench: Bench) -> None:
    """Plain PyMySQL, one unit of work per transfer, best of several numbers of connections."""
    url = bench.server.url_of("bank_raw")
    if bench.round == 0:
        raw.fill(bench.server.make_database("bank_raw"), ACCOUNTS)
    connections = (1, 4, 16) if bench.scope.quick else (1, 2, 4, 8, 16)
    found = raw.limit(url, account_count=ACCOUNTS, seconds=bench.scope.seconds, connections=connections)
    bench.add(of_timings(What("raw", "one connection", 0, 1), found.one))
    # Which number was the best differs between repetitions; the point is the limit.
    bench.add(of_timings(What("raw", "best of 1 to 16 connections", 0, 16), found.best))
    bench.results.notes.append(
        f"raw limit, repetition {bench.round + 1}: {found.connections} connections in {found.how}"
    )


def naive_way(bench: Bench) -> None:
    """The tutorial's transfer, on the same server program, database server and number of accounts."""
    url = bench.server.url_of("bank_naive")
    if bench.round == 0:
        naive.fill(bench.server.make_database("bank_naive"), ACCOUNTS)
    for system, points in NAIVE.items():
        environment = {"NAIVE_URL": url}
        if system == "naive+":
            environment["NAIVE_CONNECTIONS"] = str(naive.THREADS)
        for workers, wanted in points.items():
            with serving.asgi(
                bench.folder, "bank_app.lab.naive:app", workers=workers, environment=environment, name="naive"
            ) as app:
                _naive_load(bench, app, "uniform", 4, seconds=0.5)
                for pattern, clients in wanted:
                    timings = _naive_load(bench, app, pattern, clients, seconds=bench.scope.seconds)
                    bench.add(of_timings(What(system, pattern, workers, clients), timings))
                if bench.wrk:
                    answers = bench.wrk.naive(app.address, accounts=ACCOUNTS, clients=64, seconds=bench.whole_seconds)
                    bench.add(of_wrk(What(system, "uniform" + BY_WRK, workers, 64), answers))
                # Not stopped: where it stands still it would be waited for.
                app.kill()


def _naive_load(bench: Bench, app: Serving, pattern: str, clients: int, *, seconds: float) -> Timings:
    mine = [_naive_requests(app, pattern, f"{bench.round}/{number}") for number in range(clients)]
    return asyncio.run(drive(app.address, mine, seconds=seconds, good=201))


def _naive_requests(app: Serving, pattern: str, seed: str) -> Iterator[bytes]:
    rng = random.Random(seed)  # noqa: S311 - a load, not a secret
    while True:
        source, target = rng.sample(range(1, ACCOUNTS + 1), 2)
        if pattern == "hot":
            source, target = rng.randint(2, ACCOUNTS), 1
        body = (
            f'{{"from_account_id": {source}, "to_account_id": {target}, "amount": {rng.randint(1, 500)},'
            f' "description": "naive"}}'
        )
        yield request("POST", "/transfer", app.address, body=body.encode())


def ours(bench: Bench) -> None:
    """Transfers over HTTP, signed in, each with a key, on 1, 2 and 4 workers."""
    everything = (("uniform", 1), ("uniform", 16), ("uniform", 64), ("hot", 16), ("hot", 64), ("deposits", 64))
    points = {1: everything, 2: everything, 4: (("uniform", 64), ("hot", 64), ("deposits", 64))}
    if bench.scope.quick:
        del points[4]
    for workers, wanted in points.items():
        with bench.bank(bench.server.url, workers) as bank:
            _load(bench, bank, What("warm-up", "uniform", workers, 16), seconds=min(1.0, bench.scope.seconds))
            for pattern, clients in wanted:
                bench.add(_load(bench, bank, What("ours", pattern, workers, clients), seconds=bench.scope.seconds))
            if bench.wrk:
                _by_wrk(bench, bank, bench.wrk, workers)


def _by_wrk(bench: Bench, bank: Serving, generator: Wrk, workers: int) -> None:
    """The same transfers by another generator, between accounts of their own: it keeps no journal."""
    counted = bench.by_wrk
    counted.cast = counted.cast or workload.fill(bench.db, people=5, account_count=ACCOUNTS, seed="wrk")
    load = Load(bank.address, counted.cast)
    # One transfer, and everybody is signed in.
    asyncio.run(load.run(count=1))
    tokens = {email: sign_in.token for email, sign_in in load.sign_ins.items()}
    for clients in (1, 64) if workers == 1 else (64,):
        before = _processor_time(bench, bank)
        answers = generator.transfers(
            bank.address, list(counted.cast.accounts), tokens=tokens, clients=clients, seconds=bench.whole_seconds,
            seed=bench.new_seed(),
        )  # fmt: skip
        _, workers_cpu, server_cpu = _costs(before, _processor_time(bench, bank), answers.good)
        counted.acknowledged += answers.good
        # What is under way when the time is over is not waited for.
        counted.unanswered += clients + answers.others.get("lost", 0)
        what = What("ours", "uniform" + BY_WRK, workers, clients)
        bench.add(of_wrk(what, answers, bank_cpu=workers_cpu, server_cpu=server_cpu))


def _load(bench: Bench, bank: Serving, what: What, *, seconds: float) -> Point:
    """One load, with what it cost each process."""
    shares = {"hot": Plan(hot=1.0), "deposits": Plan(deposits=1.0)}.get(what.pattern, Plan())
    plan = Plan(hot=shares.hot, deposits=shares.deposits, seed=bench.new_seed())
    load = Load(bank.address, bench.cast, plan, clients=what.clients, sign_ins=bench.sign_ins)
    before = _processor_time(bench, bank)
    journal = asyncio.run(load.run(seconds=seconds))
    client, workers, server = _costs(before, _processor_time(bench, bank), len(journal.acknowledged()))
    bench.journals.append(journal)
    return of_journal(what, journal, client_cpu=client, bank_cpu=workers, server_cpu=server)


def _processor_time(bench: Bench, bank: Serving) -> list[float]:
    workers = sum(serving.cpu_seconds(worker) for worker in bank.workers())
    return [time.process_time(), workers, serving.cpu_seconds(bench.server.pid or 0)]


def _costs(before: list[float], after: list[float], count: int) -> list[float]:
    """Of each transfer in microseconds: what the clients, the workers and the database server used meanwhile."""
    return [(later - earlier) / max(1, count) * 1e6 for earlier, later in zip(before, after, strict=True)]


def batch(bench: Bench) -> None:
    """Transfers in batches of 1,000 and 10,000."""
    points = ((1_000, 1, 6), (1_000, 4, 3), (10_000, 1, 1), (10_000, 2, 1))
    for workers in (1,) if bench.scope.quick else (1, 2):
        with bench.bank(bench.server.url, workers) as bank:
            for size, clients, count in points[:2] if bench.scope.quick else points:
                journal = _batches(bench, bank, size=size, clients=clients, count=1 if bench.scope.quick else count)
                bench.add(of_journal(What("ours", f"batches of {size:,}", workers, clients), journal))


def _batches(bench: Bench, bank: Serving, *, size: int, clients: int, count: int) -> Journal:
    plan = Plan(seed=bench.new_seed())
    journal = asyncio.run(
        batches.run(bank.address, bench.cast, plan, clients=clients, size=size, batches=count, sign_ins=bench.sign_ins)
    )
    bench.journals.append(journal)
    return journal


def memory(bench: Bench) -> None:
    """How much a worker grows over many transfers, one by one and in batches."""
    if bench.round:
        return
    wanted = bench.scope.transfers_for_memory
    with bench.bank(bench.server.url, 1) as bank:

        def some(count: int) -> None:
            load = Load(bank.address, bench.cast, Plan(seed=bench.new_seed()), clients=64, sign_ins=bench.sign_ins)
            bench.journals.append(asyncio.run(load.run(count=count // 4)))
            for _ in range(max(1, count * 3 // 4 // 10_000)):
                _batches(bench, bank, size=1_000, clients=1, count=max(1, min(10, count * 3 // 4 // 1_000)))

        # Caches, pools and compiled statements are filled first; what grows after that grows for ever.
        some(wanted // 10)
        [worker] = bank.workers()
        before = serving.resident_bytes(worker)
        some(wanted)
        after = serving.resident_bytes(worker)
    grown = (after - before) / 2**20
    bench.results.targets.append(
        Target(f"memory of a worker over {wanted:,} transfers", grown, 20.0, at_least=False, unit=" MiB")
    )
    bench.results.notes.append(f"worker memory: {before / 2**20:.0f} MiB, then {after / 2**20:.0f} MiB")


def embedded(bench: Bench) -> None:
    """The embedded engine, for information."""
    if bench.round:
        return
    folder = bench.folder / "embedded"
    folder.mkdir()
    url = f"sqlite:///{folder / 'bank.sqlite3'}"
    db = bench.bank_database(url)
    small = workload.fill(db, account_count=ACCOUNTS)
    start = serving.api_alone if bench.scope.api_alone else serving.bank
    sign_ins: dict[str, SignIn] = {}
    journals = []
    with start(folder, url, workers=1) as bank:
        for clients in (1, 64):
            load = Load(bank.address, small, Plan(seed=f"e{clients}"), clients=clients, sign_ins=sign_ins)
            journals.append(asyncio.run(load.run(seconds=bench.scope.seconds)))
            bench.add(of_journal(What("embedded", "uniform", 1, clients), journals[-1]))
    _conclude(bench, "embedded engine", auditor.audit(db, small, *journals))
    db.dispose()


class Histories:
    """The part with long histories, which keeps its database over the repetitions."""

    def __init__(self) -> None:
        self.url = ""

    def __call__(self, bench: Bench) -> None:
        """Generates once, and reads in each repetition."""
        if not self.url:
            self._generate(bench)
        sign_ins: dict[str, SignIn] = {}
        with bench.bank(self.url, 1) as bank:
            for each in (5, bench.scope.reads_each):
                found = asyncio.run(
                    reads.run(bank.address, self.accounts, since=self.since, each=each, sign_ins=sign_ins)
                )
        for (kind, postings), timings in found.items():
            bench.add(of_timings(What("ours", f"{kind} of {postings:,}", 1, 1), timings))

    def _generate(self, bench: Bench) -> None:
        self.since = clock.now() - timedelta(days=HISTORY_DAYS)
        self.url = bench.server.make_database("bank_reads")
        db = bench.bank_database(self.url)
        with clock.moved_to(self.since - timedelta(days=1)):
            cast = workload.fill(db, people=5, account_count=15, seed="reads")
        self.accounts = dict(zip(bench.scope.histories, cast.accounts, strict=False))
        began = time.perf_counter()
        with bench.server.connect(database="bank_reads", autocommit=False) as connection:
            wanted = [(account, postings) for postings, account in self.accounts.items()]
            long_history.write(connection, cast, wanted, since=self.since)
        bench.results.notes.append(f"long histories: generated in {time.perf_counter() - began:.0f} s")
        db.dispose()


# --- the run ------------------------------------------------------------------------------------------


def run(scope: Scope, *, command: str, console: Console) -> Results:
    """Measures everything that the scope names, checks the books, and returns what was found.

    Raises:
        ServerError, NotServing, BuildFailed: with one sentence each.
    """
    parts: dict[str, Callable[[Bench], None]] = {
        "generator": generator, "raw": raw_limit, "naive": naive_way, "ours": ours, "batch": batch,
        "memory": memory, "reads": Histories(), "embedded": embedded,
    }  # fmt: skip
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bank-benchmark-")))
        if not scope.api_alone:
            build.ensure_built(bank_settings.load(), lambda step: console.print(f"{step} ..."))
        server = stack.enter_context(PrivateServer(folder / "server", program=scope.program or find_program()))
        facts = Results(machine(_version(server)), command, scope.repeat, scope.seconds)
        bench = Bench(scope, console, folder, server, facts)
        stack.callback(bench.db.dispose)
        for bench.round in range(scope.repeat):
            for name in (part for part in PARTS if part in scope.only):
                parts[name](bench)
        console.print("Checking the books ...")
        _check_everything(bench)
    bench.results.notes += targets.remarks(bench.results.points)
    bench.results.targets = [*targets.judge(bench.results.points), *bench.results.targets]
    return bench.results


def report(scope: Scope, *, command: str, console: Console, json_file: Path | None, page: Path | None) -> int:
    """Runs, prints, writes what was asked for, and returns the exit status: 1 when the books are not right.

    A target that was missed is no failure: the machine may be slow, or busy.
    """
    began = time.monotonic()
    results = run(scope, command=command, console=console)
    targets.print_results(results, console)
    for name, value in results.machine.items():
        console.print(f"{name}: {value}", markup=False)
    document = results.as_json()
    if json_file:
        json_file.write_text(json.dumps(document, indent=1, allow_nan=False, default=str) + "\n", encoding="utf-8")
    if page:
        pages.update(page, document)
    console.print(f"Measured in {(time.monotonic() - began) / 60:.1f} minutes.")
    return 0 if results.books_are_right else 1


def _version(server: PrivateServer) -> str:
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT VERSION(), @@innodb_flush_log_at_trx_commit, @@innodb_buffer_pool_size DIV 1048576")
        version, flush, pool = cursor.fetchone()
    return f"{version}, innodb_flush_log_at_trx_commit={flush}, buffer pool {pool} MiB"


def _conclude(bench: Bench, name: str, findings: auditor.Findings) -> None:
    said = (
        f"{findings.acknowledged:,} acknowledged of {findings.sent:,} sent, {findings.lost} lost, "
        f"{findings.doubled} doubled, {len(findings.broken_invariants)} broken invariants"
    )
    _say_check(bench, name, findings.ok, said)
    bench.results.checks += findings.problems


def _check_everything(bench: Bench) -> None:
    histories = _verify(bench, bench.server.url_of("bank_reads")) if "reads" in bench.scope.only else None
    if bench.journals:
        _conclude(bench, "all loads together", auditor.audit(bench.db, bench.cast, *bench.journals))
    if bench.by_wrk.cast:
        _check_counted(bench)
    for name in ("naive", "raw"):
        if name in bench.scope.only:
            _check_other(bench, name)
    if histories:
        said, _ = histories.communicate()
        counted = next((line for line in said.splitlines() if line.endswith("postings.")), "").rstrip(".")
        _say_check(bench, "long histories", histories.returncode == 0, counted)


def _check_counted(bench: Bench) -> None:
    key, transaction_id = col(IdempotencyKey.key), col(IdempotencyKey.transaction_id)
    wanted = select(func.count()).where(key >= wrk.KEYS, key < wrk.AFTER_KEYS, transaction_id.is_not(None))
    found = bench.db.read(lambda session: session.execute(wanted).scalar_one())
    counted = bench.by_wrk
    ok = counted.acknowledged <= found <= counted.acknowledged + counted.unanswered
    said = f"{counted.acknowledged:,} acknowledged, {found:,} in the books, at most {counted.unanswered:,} unanswered"
    _say_check(bench, "by wrk", ok, said)


def _verify(bench: Bench, url: str) -> subprocess.Popen[str]:
    """`./bank verify` in a process of its own: millions of postings on one core while the other audits the loads."""
    environment = serving.environment(bench.folder, url)
    command = [sys.executable, "-m", "bank_app", "verify"]
    return subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE, text=True)


def _check_other(bench: Bench, name: str) -> None:
    """What we compare with must have kept its money too, or it was no comparison."""
    module = {"naive": naive, "raw": raw}[name]
    balances, count = module.total(bench.server.url_of(f"bank_{name}"))
    _say_check(bench, name, balances == module.OPENING * ACCOUNTS, f"{count:,} transfers, balances add up")


def _say_check(bench: Bench, name: str, ok: bool, said: str) -> None:  # noqa: FBT001 - the verdict
    bench.results.books_are_right &= ok
    bench.results.checks.append(f"{name}: {'right' if ok else 'WRONG'} ({said})")
