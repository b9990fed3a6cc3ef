"""Servers under load: the bank as users start it, or any ASGI application, in processes to be watched and killed."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from bank_app import server
from bank_app.lab.client import Address
from bank_app.lifeline import command_line, end_with_parent
from bank_app.private_mysql import PORTS
from bank_app.server import Refused
from bank_app.settings import PROJECT

HOST = "127.0.0.1"
START_SECONDS = 120
# Granian gives its workers ten seconds; whoever needs longer than this was not stopped but stuck.
STOP_SECONDS = 30


class NotServing(Refused):
    """The server did not start, or ended by itself; the message ends with what it said last."""


def free_port() -> int:
    """A port that nobody listens on, below those that outgoing connections take."""
    for port in random.sample(PORTS, 200):
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
    raise NotServing("no port is free")


class Serving:
    """One server with its worker processes, up inside the `with` and stopped after it.

    Args:
        folder: Where its log goes.
        command: What to run, without the port.
        environment: Its variables, beside this process's own (of which settings of the bank are left out).
        name: What it is called in the log's file name.
    """

    def __init__(self, folder: Path, command: list[str], environment: Mapping[str, str], *, name: str) -> None:
        self.address = Address(HOST, free_port())
        self.log = folder / f"{name}.log"
        self._command = [*command, "--port", str(self.address.port)]
        self._environment = {**_inherited(), **environment}
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Starts the server."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stops the server."""
        self.stop()

    @property
    def pid(self) -> int | None:
        """The supervisor's process while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def workers(self) -> list[int]:
        """The processes that answer requests, as of now."""
        return [pid for pid in _children(self.pid) if "resource_tracker" not in command_line(pid)] if self.pid else []

    def start(self) -> None:
        """Starts the server and returns when it is ready.

        Raises:
            NotServing: it ended, or is not ready in time.
        """
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, cwd=PROJECT, env=self._environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, preexec_fn=end_with_parent,  # noqa: PLW1509 - one call into libc
            )  # fmt: skip
        deadline = time.monotonic() + START_SECONDS
        while not server.is_ready(self.address.url):
            if self._process.poll() is not None:
                raise NotServing(f"{' '.join(self._command)} ended: {self.last_words()}")
            if time.monotonic() > deadline:
                self.kill()
                raise NotServing(f"{' '.join(self._command)} is not ready: {self.last_words()}")
            time.sleep(0.05)

    def stop(self) -> int | None:
        """Sends SIGTERM and returns the exit status; None when it had to be killed or did not run."""
        if self._process is None or self._process.poll() is not None:
            return None
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            return None

    def kill(self) -> None:
        """Ends supervisor and workers as a crash would."""
        if self._process and self._process.poll() is None:
            workers = self.workers()
            self._process.kill()
            self._process.wait()
            for worker in workers:
                _kill(worker)

    def last_words(self) -> str:
        """The end of its log."""
        return " ".join(self.log.read_text(encoding="utf-8", errors="replace").split("\n")[-12:])[-800:]


def bank(folder: Path, url: str, *, workers: int, environment: Mapping[str, str] | None = None) -> Serving:
    """`./bank serve` on a migrated database, as users start it, without rate limits."""
    command = [sys.executable, "-m", "bank_app", "serve", "--workers", str(workers)]
    return Serving(folder, command, {**_settings(folder, url), **(environment or {})}, name="bank")


def api_alone(folder: Path, url: str, *, workers: int, environment: Mapping[str, str] | None = None) -> Serving:
    """Only the API on the same server: needs no front end, so it starts at once after every change of the code."""
    more = {**_settings(folder, url), **(environment or {})}
    return asgi(folder, "bank_app.api.asgi:api", workers=workers, environment=more, name="api")


def api_profiled(folder: Path, url: str, *, workers: int, environment: Mapping[str, str] | None = None) -> Serving:
    """The API with a profiler beside it; `environment` names PROFILED_REPORT."""
    more = {**_settings(folder, url), **(environment or {}), "PROFILED_TARGET": "bank_app.api.asgi:api"}
    return asgi(folder, "bank_app.lab.profiled:app", workers=workers, environment=more, name="profiled")


def asgi(folder: Path, target: str, *, workers: int, environment: Mapping[str, str], name: str) -> Serving:
    """Any ASGI application that answers `/readyz`, behind the same server with the same options as the bank."""
    command = [sys.executable, "-m", "granian", "--interface", "asgi", "--workers", str(workers), "--ws", target]
    return Serving(folder, command, environment, name=name)


def resident_bytes(pid: int) -> int:
    """The memory that a process holds, of Linux's own account; 0 when it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS:")), 0)


def cpu_seconds(pid: int) -> float:
    """The processor time that a process has used, user and system; 0 when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(") ")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def environment(folder: Path, url: str) -> dict[str, str]:
    """The variables of a command of the bank on this data folder and database, and on no other."""
    return {**_inherited(), **_settings(folder, url)}


def _inherited() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("BANK_", "DATABASE_URL"))}
    return {**kept, "PYTHONPATH": str(PROJECT)}


def _settings(folder: Path, url: str) -> dict[str, str]:
    return {"BANK_DATA": str(folder), "DATABASE_URL": url, "BANK_RATE_LIMITS": "off"}


def _children(pid: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text(encoding="utf-8", errors="replace").rpartition(") ")[2].split()
        except OSError:
            continue
        # One that was killed stays in the table until its parent has looked.
        if int(fields[1]) == pid and fields[0] not in ("Z", "X"):
            found.append(int(path.parent.name))
    return found


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
