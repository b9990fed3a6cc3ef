"""What happens to the processes of a bank: a worker is killed, all are told to end, one grows."""

from __future__ import annotations

import os
import resource
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bank_app import server
from bank_app.lab import serving
from bank_app.lab.serving import NotServing, Serving

# What granian says when a worker outlived its deadline.
KILLED = "refused to gracefully stop"
# A client is a connection on both sides, and five hundred of them are more than many systems allow by default.
OPEN_FILES = 8192


@dataclass(frozen=True, slots=True)
class Ending:
    """How a bank ended after SIGTERM: its exit status, after how many seconds, and whether anything was killed."""

    status: int
    seconds: float
    killed: bool


def bank_with_clock(folder: Path, url: str, *, clock: Path, workers: int, environment: Mapping[str, str]) -> Serving:
    """The bank as `serving.bank` starts it, with a wall clock that is wrong by as many seconds as a file says."""
    command = [sys.executable, "-m", "bank_app.lab.faults.clocked", "--workers", str(workers)]
    settings = {"BANK_DATA": str(folder), "DATABASE_URL": url, "BANK_RATE_LIMITS": "off", "BANK_LAB_CLOCK": str(clock)}
    return Serving(folder, command, {**settings, **environment}, name="bank")


def wait_for_workers(bank: Serving, count: int, *, seconds: float = serving.START_SECONDS) -> None:
    """Returns when the bank is ready and has so many workers.

    Raises:
        NotServing: it ended, or took longer.
    """
    deadline = time.monotonic() + seconds
    while len(bank.workers()) != count or not server.is_ready(bank.address.url):
        if bank.pid is None or time.monotonic() > deadline:
            raise NotServing(f"the bank does not get its workers back: {bank.last_words()}")
        time.sleep(0.05)


def kill_worker(bank: Serving, *, youngest: bool = False) -> int:
    """`kill -9` of the worker that has lived longest, or of the `youngest`, and returns its number when it is gone.

    The youngest one time after another is what looks most like a bank that cannot start.

    Raises:
        NotServing: no worker lives.
    """
    alive = bank.workers()
    if not alive:
        raise NotServing(f"the bank has no worker to kill: {bank.last_words()}")
    # Numbers are given in order.
    victim = max(alive) if youngest else min(alive)
    os.kill(victim, signal.SIGKILL)
    while victim in bank.workers():
        time.sleep(0.01)
    return victim


def terminate(bank: Serving) -> Ending:
    """SIGTERM, as service managers send it; a bank that lives for half a minute after it is killed.

    Raises:
        NotServing: it had ended before.
    """
    if bank.pid is None:
        raise NotServing(f"the bank had ended already: {bank.last_words()}")
    before, began = _killings(bank), time.monotonic()
    status = bank.stop()
    took = time.monotonic() - began
    return Ending(
        -signal.SIGKILL if status is None else status, took, killed=status is None or _killings(bank) > before
    )


def largest_worker_mb(bank: Serving) -> float:
    """What the largest worker holds in memory (RSS), in MiB."""
    return max((serving.resident_bytes(pid) for pid in bank.workers()), default=0) / 2**20


def allow_open_files(wanted: int = OPEN_FILES) -> None:
    """Raises this process's limit of open files, which its children inherit, as far as it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    possible = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < possible:
        resource.setrlimit(resource.RLIMIT_NOFILE, (possible, hard))


def _killings(bank: Serving) -> int:
    return bank.log.read_text(encoding="utf-8", errors="replace").count(KILLED)
