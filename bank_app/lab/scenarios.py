"""The scenarios of torture: what is broken, while customers move money, and what the bank must do about it.

Each is a function of a `Stage`. It breaks something under load, waits for what clients are told (never for time to
pass, unless time is the fault), mends it, and lets the load go on. What must not happen goes to `stage.broken`; whether
money was lost or doubled is found out afterwards, by the auditor.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bank_app import clock
from bank_app.domain.identifiers import account_number_text
from bank_app.lab.bed import DATABASE, Setup
from bank_app.lab.client import Answer, Client, request
from bank_app.lab.edges import STRANGERS, besieging
from bank_app.lab.exporters import Storm
from bank_app.lab.faults import clocked, processes, sessions
from bank_app.lab.journal import percentile
from bank_app.lab.stage import NeverHappened, Stage
from bank_app.lab.workload import Load

EXIT_SECONDS = 10
AWAY_SECONDS = 30
HUNG_SECONDS = 15
OVERLOAD_SECONDS = 60
OVERLOAD_CLIENTS = 500
# A worker may keep this much more in memory at the height of an overload than before it.
OVERLOAD_MEMORY_MB = 150
# A short queue, so that it is full long before the machine is.
OVERLOAD_SETTINGS = (("BANK_QUEUE_LIMIT", "30"),)
HOUR = 3600
# What a worker may hold more than before, whatever a stranger does.
STRANGER_MEMORY_MB = 60
QUICK_SHARE = 0.1
# And whatever customers take away.
EXPORT_MEMORY_MB = 50
# The usual ones, but for the longest waits.
EDGE_SETTINGS = (("BANK_HEADER_SECONDS", "5"), ("BANK_BODY_SECONDS", "5"), ("BANK_READ_SECONDS", "5"))


PLAIN = Setup()


@dataclass(frozen=True, slots=True)
class Scenario:
    """One way to break a bank: its name on the command line, what happens in it, how, and on what kind of bank."""

    name: str
    what: str
    inflict: Callable[[Stage], None]
    setup: Setup = PLAIN


# --- processes that die ------------------------------------------------------------------------------


def kill_worker(stage: Stage) -> None:
    """A worker of the bank is killed, again and again; the supervisor replaces it."""
    with stage.under_load() as load:
        for number in range(stage.rounds):
            stage.more(load)
            # Half of the rounds kill who was started in the round before.
            processes.kill_worker(stage.bank, youngest=number < stage.rounds / 2)
            processes.wait_for_workers(stage.bank, stage.bed.workers)
        stage.more(load)


def kill_database(stage: Stage) -> None:
    """The database server is killed and recovers; the bank stays up."""
    with stage.under_load() as load, stage.same_workers():
        for _ in range(stage.rounds):
            stage.more(load)
            stage.bed.restart_server()
        stage.more(load)


def kill_both(stage: Stage) -> None:
    """A worker and the database server are killed in the same moment."""
    with stage.under_load() as load:
        for _ in range(stage.rounds):
            stage.more(load)
            processes.kill_worker(stage.bank)
            stage.bed.restart_server()
            processes.wait_for_workers(stage.bank, stage.bed.workers)
        stage.more(load)


def sigterm(stage: Stage) -> None:
    """The bank is told to end while customers move money: what it accepted is answered, and it ends in time."""
    slowest = 0.0
    with stage.under_load(clients=16) as load:
        for _ in range(stage.rounds):
            stage.more(load)
            ending = processes.terminate(stage.bank)
            slowest = max(slowest, ending.seconds)
            if ending.killed or ending.seconds > EXIT_SECONDS:
                stage.broken.append(f"a bank that was told to end lived for {ending.seconds:.1f} s and was killed")
            if ending.status:
                stage.broken.append(f"a bank that was told to end ended with status {ending.status}")
            # An answer that was sent is on its way to the client for a moment longer than the bank lives.
            deadline = time.monotonic() + 2
            while (unheard := stage.posted_and_not_answered(load)) and time.monotonic() < deadline:
                time.sleep(0.05)
            if unheard:
                stage.broken.append(f"{len(unheard)} movements were posted at the end and their clients heard nothing")
            stage.bank.start()
            processes.wait_for_workers(stage.bank, stage.bed.workers)
        stage.more(load)
    stage.notes.append(f"ended within {slowest:.1f} s of SIGTERM")


# --- connections that break --------------------------------------------------------------------------


def lost_commits(stage: Stage) -> None:
    """Connections break between COMMIT and its answer, and before COMMIT arrives, and all of them at once."""
    wire = stage.bed.wire
    assert wire is not None  # noqa: S101 - its setup says so
    with stage.under_load() as load, stage.same_workers():
        stage.more(load)
        wire.every = 5
        stage.until(lambda: min(wire.taken.values()) >= stage.rounds, f"{stage.rounds} COMMITs lost in either way")
        for _ in range(stage.rounds):
            wire.cut()
            wire.mend()
            stage.more(load, 10)
        wire.every = 0
        stage.more(load)
    stage.notes.append(", ".join(f"{count} × {fate}" for fate, count in wire.taken.items()))


def away(stage: Stage) -> None:
    """The database is away for half a minute and comes back."""
    with stage.under_load() as load, stage.same_workers():
        stage.more(load)
        stage.bed.server.kill()
        stage.everybody_is_told(load, "database_unavailable")
        if not stage.quick:
            time.sleep(AWAY_SECONDS)
        stage.bed.server.start()
        stage.more(load)


def hung(stage: Stage) -> None:
    """The database server stops in the middle of everything, holding its connections, and goes on later."""
    pid = stage.bed.server.pid
    assert pid is not None  # noqa: S101 - it was started
    with stage.under_load() as load, stage.same_workers():
        stage.more(load)
        os.kill(pid, signal.SIGSTOP)
        try:
            time.sleep(1 if stage.quick else HUNG_SECONDS)
        finally:
            os.kill(pid, signal.SIGCONT)
        stage.more(load)


def crowded(stage: Stage) -> None:
    """Strangers take every connection that the server allows, and the bank's own are ended."""
    with stage.under_load() as load, stage.same_workers():
        for _ in range(stage.rounds):
            stage.more(load)
            with sessions.no_connections_left(stage.bed.server, DATABASE) as ended:
                if not ended:
                    stage.broken.append("the bank had no connections to take away")
                stage.everybody_is_told(load, "database_unavailable")
        stage.more(load)


# --- rows that others hold ---------------------------------------------------------------------------


def foreign_lock(stage: Stage) -> None:
    """Somebody else holds two accounts for longer than the bank waits: only who needs these is told to come again."""
    held, free = (0, 1), tuple(range(2, len(stage.cast.accounts)))
    seconds = 1.0 if stage.quick else 15.0
    with stage.under_load(only=free) as others, stage.under_load(only=held, clients=4) as touching:
        stage.more(others)
        stage.more(touching)
        began = others.now
        time.sleep(seconds)
        locked = others.now
        numbers = [stage.cast.accounts[index].number for index in held]
        with sessions.holding(stage.bed.server, DATABASE, numbers):
            stage.everybody_is_told(touching, "lock_timeout")
            time.sleep(max(0.0, locked + seconds - others.now))
            freed = others.now
        stage.more(touching, 20)
    if others.journal.busy:
        stage.broken.append(f"movements that touch no locked account were told {dict(others.journal.busy)}")
    if set(touching.journal.busy) - {"lock_timeout"}:
        stage.broken.append(f"movements that touch a locked account were told {dict(touching.journal.busy)}")
    before, during = _slow_end(others, began, locked), _slow_end(others, locked, freed)
    stage.notes.append(f"others' p99 {before * 1000:.0f} ms before, {during * 1000:.0f} ms during")


def deadlock_storm(stage: Stage) -> None:
    """Foreign sessions lock the same accounts in the wrong order, against a bank that must not wait while it holds."""
    numbers = [account.number for account in stage.cast.accounts]
    with stage.under_load() as load, stage.same_workers():
        stage.more(load)
        met = _deadlocks(stage)
        with sessions.DeadlockStorm(stage.bed.server, DATABASE, numbers, seed="storm") as storm:
            stage.until(lambda: storm.rounds >= 100 * stage.rounds, "the storm")
        stage.more(load)
        # Not every server counts them; the storm's own are then all that is known.
        met = max(0, _deadlocks(stage) - met - storm.own_deadlocks)
    stage.notes.append(
        f"{storm.rounds} foreign units of work, deadlocks met by them: {storm.own_deadlocks}, by the bank: {met}"
    )


def _deadlocks(stage: Stage) -> int:
    with sessions.root(stage.bed.server) as superuser:
        rows = sessions.run(superuser, "SHOW GLOBAL STATUS LIKE 'Innodb_deadlocks'")
    return int(rows[0][1]) if rows else 0


# --- servers that cannot write -----------------------------------------------------------------------


def disk_full(stage: Stage) -> None:
    """The disk of the database is full to the last byte; people can still read; then there is room again."""
    disk = stage.bed.disk
    assert disk is not None  # noqa: S101 - its setup says so
    with stage.under_load() as load, stage.same_workers():
        stage.more(load)
        disk.fill(stage.bed.server)
        stage.everybody_is_told(load, "database_unavailable")
        if stage.bed.server.pid:
            _require_reading(stage, load)
        disk.free(stage.bed.server)
        if stage.bed.server.pid is None:
            # MariaDB does not always survive that; for the bank it is a server that is away until it is started.
            stage.notes.append("the database server did not survive the full disk and was started again")
            stage.bed.restart_server()
        stage.more(load)
    stage.notes.append(disk.how)


def read_only(stage: Stage) -> None:
    """The server takes no more writes, as when a replica is in its place; people can still read."""
    with stage.under_load() as load, stage.same_workers():
        for _ in range(stage.rounds):
            stage.more(load)
            with sessions.read_only(stage.bed.server):
                stage.everybody_is_told(load, "database_unavailable")
                _require_reading(stage, load)
        stage.more(load)


def _require_reading(stage: Stage, load: Load) -> None:
    """A customer can still see her balance."""
    status, _ = _ask(stage, load, "GET", f"/api/v1/accounts/{stage.cast.accounts[0].text}")
    if status != 200:
        stage.broken.append(f"a balance could not be read while nothing could be written: {status}")


def _ask(stage: Stage, load: Load, method: str, path: str, body: bytes | None = None) -> tuple[int, Any]:
    """What the owner of the first account is answered, once."""
    token = load.sign_ins[stage.cast.accounts[0].owner.email].token

    async def once() -> Answer:
        client = Client(stage.bank.address)
        try:
            return await client.ask(request(method, path, stage.bank.address, token=token, body=body))
        finally:
            client.close()

    answer = asyncio.run(once())
    return answer.status, answer.json()


def clock_back(stage: Stage) -> None:
    """The bank's wall clock jumps back an hour, and later forward again."""
    with stage.under_load() as load, stage.same_workers():
        for seconds in (-HOUR, 0):
            stage.more(load)
            clocked.set_wrong_by(stage.bed.clock, seconds)
            wrong = (_opened_at(stage, load) - clock.now()).total_seconds()
            if abs(wrong - seconds) > HOUR / 2:
                stage.broken.append(f"the bank's clock should be wrong by {seconds} s and is wrong by {wrong:.0f} s")
        stage.more(load)


def _opened_at(stage: Stage, load: Load) -> datetime:
    """What time the bank thinks it is: it writes it on an account that a customer opens."""
    status, document = _ask(stage, load, "POST", "/api/v1/accounts", b"{}")
    if status != 201:
        raise NeverHappened(f"an account, to read the bank's clock from; the answer was {status}")
    return datetime.fromisoformat(document["opened_at"])


# --- too much ----------------------------------------------------------------------------------------


def overload(stage: Stage) -> None:
    """Far more clients than the bank can serve: some are told to come again, nothing grows, and it is over at once."""
    clients, seconds = (150, 3.0) if stage.quick else (OVERLOAD_CLIENTS, OVERLOAD_SECONDS)
    with stage.under_load() as calm, stage.same_workers():
        stage.more(calm, 200)
    before = processes.largest_worker_mb(stage.bank)
    peak = before
    with stage.under_load(clients=clients) as crowd, stage.same_workers():
        stage.more(crowd, 1)
        ends = crowd.now + seconds
        while crowd.now < ends:
            peak = max(peak, processes.largest_worker_mb(stage.bank))
            time.sleep(0.5)
    if peak > before + OVERLOAD_MEMORY_MB:
        stage.broken.append(f"a worker grew from {before:.0f} to {peak:.0f} MB")
    if not crowd.journal.busy["overloaded"]:
        stage.broken.append(f"{clients} clients at once, and nobody was told that it is too much")
    began = time.perf_counter()
    with stage.under_load() as after:
        stage.more(after, 1)
        recovered = time.perf_counter() - began
    if after.journal.busy:
        stage.broken.append(f"after the crowd had gone, clients were still told {dict(after.journal.busy)}")
    accepted = crowd.journal.latencies(last_only=True)
    stage.notes.append(
        f"{clients} clients, accepted p99 {percentile(accepted, 99) * 1000:.0f} ms, "
        f"worker {before:.0f} → {peak:.0f} MB, first answer afterwards {recovered * 1000:.0f} ms"
    )


# --- strangers -----------------------------------------------------------------------------------------


def edges(stage: Stage) -> None:
    """Strangers make the bank hold what they can, one kind after the other, beside customers who pay."""
    with stage.under_load() as load, stage.same_workers():
        stage.more(load)
        for stranger in STRANGERS:
            began, before = load.now, processes.largest_worker_mb(stage.bank)
            stage.more(load)
            calm = _slow_end(load, began, load.now)
            began = load.now
            with besieging(stage.bank.address, stranger, share=QUICK_SHARE if stage.quick else 1.0) as siege:
                held = siege.held
                stage.more(load)
                stage.until(lambda: siege.held <= stranger.may_keep, f"the end of {stranger.name}")  # noqa: B023
                busy, during = _slow_end(load, began, load.now), processes.largest_worker_mb(stage.bank)
            if during > before + STRANGER_MEMORY_MB:
                stage.broken.append(f"{stranger.name}: a worker grew from {before:.0f} to {during:.0f} MB")
            stage.notes.append(
                f"{stranger.name}: {siege.sent:,} of them, {held:,} held at once, in the end none; customers' p99 "
                f"{calm * 1000:.0f} ms before, {busy * 1000:.0f} ms beside it; worker {before:.0f} → {during:.0f} MB"
            )
        stage.more(load)


def exports(stage: Stage) -> None:
    """Customers take all of an account at once, some without reading, some leave, beside others who pay."""
    first = stage.cast.accounts[0]
    owner = first.owner.email
    with stage.under_load(only=(0, 1)) as load, stage.same_workers():
        # More than what is read at once.
        stage.more(load, 600 if stage.quick else 1_200)
        began, before = load.now, processes.largest_worker_mb(stage.bank)
        stage.more(load)
        calm = _slow_end(load, began, load.now)
        began = load.now
        storm = Storm(stage.bank.address, load.sign_ins[owner].token, account_number_text(first.number))
        with storm.reading_nothing(2 if stage.quick else 8):
            takers = storm.takers(2 if stage.quick else 8)
            storm.leave()
            stage.more(load)
            for taker in takers:
                taker.join()
            busy, during = _slow_end(load, began, load.now), processes.largest_worker_mb(stage.bank)
        stage.more(load)
    stage.broken += storm.wrong
    if storm.cut or storm.refused or not storm.whole:
        told = f"{storm.whole} whole, {storm.cut} cut, {storm.refused} refused"
        stage.broken.append(f"statements that were read to the end: {told}")
    if during > before + EXPORT_MEMORY_MB:
        stage.broken.append(f"exports: a worker grew from {before:.0f} to {during:.0f} MB")
    stage.notes.append(
        f"{storm.whole} statements of {storm.longest:,} entries; customers' p99 {calm * 1000:.0f} ms before, "
        f"{busy * 1000:.0f} ms beside them; worker {before:.0f} → {during:.0f} MB"
    )


def _slow_end(load: Load, start: float, end: float) -> float:
    return percentile(load.journal.latencies(start=start, end=end), 99)


# Scenarios that want the same kind of bank stand together, so that it is started once for all of them.
SCENARIOS = (
    Scenario("kill-worker", "kill -9 of an app worker", kill_worker),
    Scenario("kill-database", "kill -9 of the database server", kill_database),
    Scenario("kill-both", "kill -9 of a worker and the database", kill_both),
    Scenario("foreign-lock", "rows locked by somebody else", foreign_lock),
    Scenario("deadlock-storm", "foreign sessions lock in the wrong order", deadlock_storm),
    Scenario("away", "database away and back", away),
    Scenario("hung", "database server hangs (SIGSTOP)", hung),
    Scenario("crowded", "no connections left (max_connections)", crowded),
    Scenario("read-only", "read-only database server", read_only),
    Scenario("sigterm", "SIGTERM under load", sigterm),
    Scenario("lost-commits", "connections cut around COMMIT", lost_commits, Setup(wire=True)),
    Scenario("clock-back", "clock jumps back an hour", clock_back, Setup(clock=True)),
    Scenario("overload", "far more clients than can be served", overload, Setup(settings=OVERLOAD_SETTINGS)),
    Scenario("edges", "strangers make the bank hold what they can", edges, Setup(settings=EDGE_SETTINGS)),
    Scenario("exports", "customers take all of an account at once", exports),
    Scenario("disk-full", "disk of the database full", disk_full, Setup(small_disk=True)),
)
