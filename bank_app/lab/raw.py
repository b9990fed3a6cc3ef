"""The raw limit, for comparison: what plain PyMySQL reaches with one unit of work for each transfer.

Five statements and nothing else: lock two rows in order, one transaction, two postings, two balances, COMMIT. No
hashes, no keys, no HTTP. Whatever does one unit of work per transfer on this machine stays below it.
"""

from __future__ import annotations

import multiprocessing
import random
import threading
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import pymysql
from sqlalchemy import make_url

from bank_app.lab.driver import Timings

OPENING = 100_000_000
TABLES = {
    "raw_accounts": "id BIGINT PRIMARY KEY, balance BIGINT NOT NULL, version BIGINT NOT NULL",
    "raw_transactions": "id BIGINT AUTO_INCREMENT PRIMARY KEY, amount BIGINT NOT NULL,"
    " description VARCHAR(140) NOT NULL, created_at DATETIME(6) NOT NULL",
    "raw_postings": "account_id BIGINT NOT NULL, sequence BIGINT NOT NULL, transaction_id BIGINT NOT NULL,"
    " amount BIGINT NOT NULL, balance_after BIGINT NOT NULL, PRIMARY KEY (account_id, sequence), KEY (transaction_id)",
}


@dataclass(frozen=True, slots=True)
class Limit:
    """The best of several numbers of connections. `one` is a single connection's, for its latency."""

    best: Timings
    connections: int
    how: str
    one: Timings


def fill(url: str, account_count: int) -> None:
    """Makes the tables and accounts 1 to `account_count`."""
    with _connect(url) as connection, connection.cursor() as cursor:
        for name, columns in TABLES.items():
            cursor.execute(f"CREATE TABLE {name} ({columns})")
        cursor.executemany(
            "INSERT INTO raw_accounts VALUES (%s, %s, 0)", [(n, OPENING) for n in range(1, account_count + 1)]
        )
        cursor.execute("COMMIT")


def total(url: str) -> tuple[int, int]:
    """The sum of all balances and the number of transactions."""
    with _connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT (SELECT SUM(balance) FROM raw_accounts), (SELECT COUNT(*) FROM raw_transactions)")
        balances, count = cursor.fetchone()
        return int(balances), int(count)


def limit(url: str, *, account_count: int, seconds: float, connections: tuple[int, ...] = (1, 2, 4, 8, 16)) -> Limit:
    """Tries each number of connections, in processes and in threads, and keeps the fastest.

    Processes use every core but cost memory and switches, threads share one interpreter: which is better depends on
    the machine, and a limit that was measured the worse way would be none.
    """
    best, how, count = Timings(), "", 0
    one = Timings()
    for number in connections:
        for name, run in (("processes", _in_processes), ("threads", _in_threads)):
            if number == 1 and name == "threads":
                continue
            timings = run(url, account_count, seconds, number)
            if number == 1:
                one = timings
            if timings.per_second > best.per_second:
                best, how, count = timings, name, number
    return Limit(best, count, how, one)


def _in_processes(url: str, account_count: int, seconds: float, number: int) -> Timings:
    context = multiprocessing.get_context("forkserver")
    # Sixteen interpreters that import the same libraries would take longer than what they measure.
    context.set_forkserver_preload([__name__])
    pipes = [context.Pipe() for _ in range(number)]
    workers = [
        context.Process(target=_process, args=(theirs, url, account_count, seconds), daemon=True) for _, theirs in pipes
    ]
    for worker, (_, theirs) in zip(workers, pipes, strict=True):
        worker.start()
        # Else a worker that fails would be waited for, because this process still holds its end.
        theirs.close()
    # Starting an interpreter takes longer than a measurement: all wait until the last is connected.
    for ours, _ in pipes:
        ours.recv()
    for ours, _ in pipes:
        ours.send("go")
    taken = [ours.recv() for ours, _ in pipes]
    for worker in workers:
        worker.join()
    return Timings([value for some in taken for value in some], seconds=seconds)


def _process(pipe: Connection, url: str, account_count: int, seconds: float) -> None:
    with _connect(url) as connection:
        pipe.send("ready")
        pipe.recv()
        pipe.send(_transfers(connection, account_count, seconds))


def _in_threads(url: str, account_count: int, seconds: float, number: int) -> Timings:
    taken: list[float] = []
    gate = threading.Barrier(number)

    def work() -> None:
        with _connect(url) as connection:
            gate.wait()
            # Extending a list is one step for the interpreter.
            taken.extend(_transfers(connection, account_count, seconds))

    threads = [threading.Thread(target=work) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Timings(taken, seconds=seconds)


def _transfers(connection: pymysql.Connection[Any], account_count: int, seconds: float) -> list[float]:
    rng = random.Random()  # noqa: S311 - a load, not a secret
    taken: list[float] = []
    with connection.cursor() as cursor:
        ends = time.perf_counter() + seconds
        while (began := time.perf_counter()) < ends:
            source, target = rng.sample(range(1, account_count + 1), 2)
            _transfer(cursor, source, target, rng.randint(1, 500))
            taken.append(time.perf_counter() - began)
    return taken


def _transfer(cursor: Any, source: int, target: int, amount: int) -> None:
    """One unit of work. Rows are locked in ascending order, so nobody waits in a circle."""
    cursor.execute(
        f"SELECT id, balance, version FROM raw_accounts WHERE id IN ({source}, {target}) ORDER BY id FOR UPDATE"  # noqa: S608
    )
    found = {number: (balance, version) for number, balance, version in cursor.fetchall()}
    (source_balance, source_version), (target_balance, target_version) = found[source], found[target]
    source_balance, target_balance = source_balance - amount, target_balance + amount
    cursor.execute(
        f"INSERT INTO raw_transactions (amount, description, created_at) VALUES ({amount}, 'raw', UTC_TIMESTAMP(6))"  # noqa: S608
    )
    identifier = cursor.lastrowid
    cursor.execute(
        "INSERT INTO raw_postings (account_id, sequence, transaction_id, amount, balance_after) VALUES"  # noqa: S608
        f" ({source}, {source_version + 1}, {identifier}, {-amount}, {source_balance}),"
        f" ({target}, {target_version + 1}, {identifier}, {amount}, {target_balance})"
    )
    cursor.execute(
        f"UPDATE raw_accounts SET balance = IF(id = {source}, {source_balance}, {target_balance}),"  # noqa: S608
        f" version = version + 1 WHERE id IN ({source}, {target})"
    )
    cursor.execute("COMMIT")


def _connect(url: str) -> pymysql.Connection[Any]:
    parts = make_url(url)
    connection = pymysql.connect(
        host=parts.host or "127.0.0.1", port=parts.port or 3306, user=parts.username, password=parts.password or "",
        database=parts.database, ssl_disabled=True,
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
        cursor.execute("SET SESSION innodb_lock_wait_timeout = 20")
    return connection
