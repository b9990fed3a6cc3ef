"""The real bank as a process of its own: started like in production, killed by parts, ended with a deadline."""

from __future__ import annotations

import os
import random
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from bank_app import server
from bank_app.lab.client import Address
from bank_app.lifeline import end_with_parent
from bank_app.private_mysql import PORTS
from bank_app.settings import PROJECT

HOST = "127.0.0.1"
START_SECONDS = 120
# What granian says when a worker outlived its deadline.
KILLED = "refused to gracefully stop"
# A client is a connection on both sides, and five hundred of them are more than many systems allow by default.
OPEN_FILES = 8192


class BankDidNotStart(Exception):
    """The bank did not come up; the message has the last lines of its log."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a bank ended after SIGTERM: its exit status, after how many seconds, and whether anything was killed."""

    status: int
    seconds: float
    killed: bool


@dataclass(frozen=True, slots=True)
class Process:
    """One line of the table of processes."""

    pid: int
    parent: int
    command: str


class BankProcess:
    """`./bank serve` on a database, with its workers known by number.

    Start it from a thread that lives as long as the bank shall: the kernel ends it with that thread.

    Args:
        folder: Data folder and log of this bank.
        database_url: Where its books are; migrated.
        workers: Worker processes.
        settings: More settings, by the names of their variables.
        clock: A file with the seconds by which this bank's wall clock is wrong; None for a right one.
    """

    def __init__(
        self,
        folder: Path,
        database_url: str,
        *,
        workers: int = 2,
        settings: Mapping[str, str] | None = None,
        clock: Path | None = None,
    ) -> None:
        self.folder = folder
        self.database_url = database_url
        self.worker_count = workers
        self.settings = dict(settings or {})
        self.clock = clock
        self.address = Address(HOST, _free_port())
        self.log = folder / "bank.log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Starts the bank."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Ends the bank, cleanly if it can."""
        self.terminate()

    @property
    def pid(self) -> int | None:
        """The supervisor, while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self) -> None:
        """Starts the bank and returns when it is ready.

        Raises:
            BankDidNotStart: it ended, or did not become ready.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("BANK_", "DATABASE_"))}
        environment = {
            **inherited,
            "PYTHONPATH": os.pathsep.join(filter(None, [str(PROJECT), inherited.get("PYTHONPATH")])),
            "PYTHONUNBUFFERED": "1",
            "DATABASE_URL": self.database_url,
            "BANK_DATA": str(self.folder),
            "BANK_RATE_LIMITS": "off",
            "BANK_ACCESS_TOKEN_MINUTES": "60",
            **self.settings,
        }
        module = ["bank_app", "serve"]
        if self.clock:
            module = ["bank_app.lab.faults.clocked"]
            environment["BANK_LAB_CLOCK"] = str(self.clock)
        with self.log.open("ab") as log:
            # What ./bank becomes; in a session of its own, so that Ctrl-C reaches whoever started it first.
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", *module, "--port", str(self.address.port), "--workers",
                 str(self.worker_count)],
                cwd=PROJECT, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, preexec_fn=_prepare,  # noqa: PLW1509 - two calls into the kernel
            )  # fmt: skip
        self.wait_until_ready()

    def wait_until_ready(self, seconds: float = START_SECONDS) -> None:
        """Returns when the bank says that it is ready and has all its workers.

        Raises:
            BankDidNotStart: it ended, or took longer.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self.pid:
            if len(self.workers()) == self.worker_count and server.is_ready(self.address.url):
                return
            time.sleep(0.05)
        last = "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-20:])
        raise BankDidNotStart(f"The bank under test is not ready. The last lines of {self.log}:\n{last}")

    def workers(self) -> list[int]:
        """The worker processes that live now."""
        ours = self.pid
        # The supervisor's other child minds what processes share.
        return [row.pid for row in processes() if row.parent == ours and "spawn_main" in row.command] if ours else []

    def kill_worker(self, choice: random.Random) -> int:
        """`kill -9` of one worker, as the kernel does it when memory runs out. Returns its number.

        Raises:
            BankDidNotStart: no worker lives.
        """
        alive = self.workers()
        if not alive:
            raise BankDidNotStart("The bank under test has no worker to kill.")
        victim = choice.choice(sorted(alive))
        os.kill(victim, signal.SIGKILL)
        return victim

    def memory_mb(self) -> float:
        """What the largest worker holds in memory (RSS), in MiB; 0 where that cannot be seen."""
        return max((_resident_mb(pid) for pid in self.workers()), default=0.0)

    def terminate(self, seconds: float = 30) -> Ending:
        """SIGTERM, as service managers send it; whatever lives after `seconds` is killed."""
        process = self._process
        if process is None:
            return Ending(0, 0.0, killed=False)
        already = self.log.read_text(encoding="utf-8", errors="replace").count(KILLED)
        began = time.monotonic()
        workers = self.workers()
        process.terminate()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            for pid in [process.pid, *workers]:
                _kill(pid)
            process.wait()
            return Ending(process.returncode, time.monotonic() - began, killed=True)
        took = time.monotonic() - began
        killed = self.log.read_text(encoding="utf-8", errors="replace").count(KILLED) > already
        return Ending(process.returncode, took, killed=killed)


def processes() -> list[Process]:
    """Every process of this machine that can be seen."""
    if not Path("/proc/self/stat").exists():
        listing = subprocess.run(
            ["ps", "-A", "-ww", "-o", "pid=,ppid=,command="], capture_output=True, text=True, check=False
        )
        rows = [line.split(None, 2) for line in listing.stdout.splitlines()]
        return [Process(int(row[0]), int(row[1]), row[2]) for row in rows if len(row) == 3]
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, parent = (
                (folder / "stat").read_text(encoding="utf-8", errors="replace").rpartition(") ")[2].split()[:2]
            )
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            # Ended meanwhile.
            continue
        if state not in ("Z", "X"):
            found.append(Process(int(folder.name), int(parent), command))
    return found


def _resident_mb(pid: int) -> float:
    if Path("/proc/self/statm").exists():
        try:
            return (
                int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * resource.getpagesize() / 2**20
            )
        except OSError:
            return 0.0
    said = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return int(said) / 1024 if said.strip() else 0.0


def _prepare() -> None:
    end_with_parent()
    allow_open_files()


def allow_open_files(wanted: int = OPEN_FILES) -> None:
    """Raises this process's limit of open files as far as it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    possible = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < possible:
        resource.setrlimit(resource.RLIMIT_NOFILE, (possible, hard))


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _free_port() -> int:
    """Below the range that outgoing connections take, so that it is free again after every restart."""
    for port in random.sample(PORTS, 200):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
    raise BankDidNotStart("No port between 20000 and 32767 is free for the bank under test.")
