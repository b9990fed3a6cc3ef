"""Starts granian: one port for pages, WebSocket and API, a supervisor that replaces dead workers, a clean stop."""

from __future__ import annotations

import errno
import multiprocessing
import os
import resource
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from granian._internal import load_target
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.mp import MPServer, WorkerProcess

from bank_app import build, collector, logs, settings
from bank_app.lifeline import end_with_parent
from bank_app.settings import PROJECT

READY_SECONDS = 60
KILL_SECONDS = 10
TOLD_AGAIN_SECONDS = 1.0
LARGEST_HEADERS = 64 * 1024
BACKLOG = 4096
# For the database, the files of the pages, and the log.
OTHER_FILES = 512


class PortTaken(Exception):
    """Somebody listens there already; the message says who and what to do."""


def require_free_port(host: str, port: int) -> None:
    """Makes sure that nobody listens there.

    Granian binds with SO_REUSEPORT, so a second server would start silently and take half of the connections.

    Raises:
        PortTaken: the port is taken, is not ours to take, or the host is not an address of this machine.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except socket.gaierror:
        raise PortTaken(f"{host} is not an address of this machine: try --host 127.0.0.1.") from None
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            raise PortTaken(_why_not(error, host, port)) from None


def serve(
    *, host: str, port: int, workers: int, release: Path, quiet: bool, when_ready: Callable[[], None] | None = None
) -> None:
    """Serves until SIGINT or SIGTERM. The settings must be in the environment: that is how workers get them.

    Args:
        host: Address to listen on.
        port: Port to listen on; must be free.
        workers: Worker processes.
        release: The built front end.
        quiet: Say nothing but warnings.
        when_ready: Called once, from a thread, when the bank answers that it is ready.
    """
    os.environ.update(build.serving_environment(release))
    # Reflex finds its configuration in the working folder.
    os.chdir(PROJECT)
    # A forked worker would inherit connections, locks and threads of what this process did before.
    multiprocessing.set_start_method("spawn", force=True)
    supervisor = Supervisor(
        "bank_app.bank_app:serve",
        interface=Interfaces.ASGI,
        **bounds(settings.load()),
        address=host,
        port=port,
        workers=workers,
        websockets=True,
        respawn_failed_workers=True,
        respawn_interval=0.5,
        workers_kill_timeout=KILL_SECONDS,
        log_level=LogLevels.warning if quiet else LogLevels.info,
    )

    def ready() -> None:
        # A worker that dies soon after its start is taken for one that cannot start, and everything is ended. Once the
        # bank has been ready that is wrong: a second worker killed within seconds is no reason to stop the others.
        supervisor.respawned_wrks = _NoCrashLoop()
        if when_ready:
            when_ready()

    threading.Thread(target=_watch, args=(host, port, ready), daemon=True).start()
    supervisor.serve(target_loader=_load_app)


def bounds(limits: settings.Settings) -> dict[str, Any]:
    """What the server itself has to be told of the bounds for strangers; the edge sees to the others."""
    return {
        # Nobody speaks HTTP/2 without TLS to us, and in it one connection would be two hundred.
        "http": HTTPModes.http1,
        "http1_settings": HTTP1Settings(
            header_read_timeout=limits.header_seconds * 1000, max_buffer_size=LARGEST_HEADERS
        ),
        "backlog": BACKLOG,
        # The edge says whom it has no place for; the server would let everybody wait without a word.
        "backpressure": connections(limits.connections),
    }


def connections(wanted: int) -> int:
    """How many connections a worker may hold: as many as are wanted, if the system lets it open as many files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = wanted + OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < files:
        soft = files if hard == resource.RLIM_INFINITY else min(files, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return wanted if soft == resource.RLIM_INFINITY else max(64, min(wanted, soft - OTHER_FILES))


class Supervisor(MPServer):
    """Granian's, which ends its workers in order, on a busy machine and right after their start, too.

    Granian waits for a worker in two threads, and the operating system tells only one of them that it is over. The
    other may find, within the same second, a worker that is neither there nor known to have ended, says that it
    "refused to gracefully stop", and kills whatever has its number by then. Here one thread waits for the process, and
    everybody else for that thread. And a worker that is told to end a moment after it began to listen never hears of
    it, and is killed while it serves; here it is told again.
    """

    def _spawn_worker(self, *arguments: Any, **named: Any) -> WorkerProcess:
        worker = super()._spawn_worker(*arguments, **named)
        waiting = threading.Thread(target=worker._watcher)  # noqa: SLF001 - where granian notes the end

        def join(timeout: float | None = None) -> None:
            deadline = float("inf") if timeout is None else time.monotonic() + timeout
            while waiting.is_alive() and (left := deadline - time.monotonic()) > 0:
                waiting.join(min(left, TOLD_AGAIN_SECONDS))
                if waiting.is_alive() and worker.interrupt_by_parent:
                    worker.terminate()  # type: ignore[no-untyped-call]

        worker._watch = waiting.start  # type: ignore[method-assign]  # noqa: SLF001 - instead of another such thread
        worker.join = join  # type: ignore[method-assign]
        worker.is_alive = waiting.is_alive  # type: ignore[method-assign]
        return worker


class _NoCrashLoop(dict[int, float]):
    """When workers were last replaced: always long ago."""

    def get(self, _worker: int, _default: float = 0.0) -> float:  # type: ignore[override]
        return float("-inf")


def base_url(host: str, port: int) -> str:
    """Where a browser on this machine finds the bank."""
    name = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104 - compared, not bound
    return f"http://{name}:{port}"


def is_ready(url: str) -> bool:
    """Whether the bank at this address says that it is ready."""
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=2) as answer:  # noqa: S310 - always http
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def _load_app(target: str) -> Any:
    """In a worker: the application, tied to the supervisor, so that no worker is left holding the port alone."""
    end_with_parent()
    logs.configure(settings.load())
    app = load_target(target, factory=True)
    collector.settle()
    return app


def _watch(host: str, port: int, when_ready: Callable[[], None]) -> None:
    url, deadline = base_url(host, port), time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if is_ready(url):
            when_ready()
            return
        time.sleep(0.05)


def _why_not(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        holder = port_holder(port)
        who = f"by {holder}" if holder else "by another program"
        return f"Port {port} is in use {who}: stop that, or choose another with --port {port + 1}."
    if error.errno == errno.EACCES:
        return f"Port {port} needs root: choose one above 1023, such as --port 3000."
    return f"Nothing can listen on {host} port {port} ({error.strerror}): try --host 127.0.0.1."


def port_holder(port: int) -> str | None:
    """Who listens on a port, such as `granian (process 4711)`; None where that cannot be seen."""
    wanted = _listening_inodes(port)
    for folder in Path("/proc").glob("[0-9]*") if wanted else ():
        try:
            for descriptor in (folder / "fd").iterdir():
                if str(descriptor.readlink()) in wanted:
                    name = (folder / "comm").read_text(encoding="utf-8", errors="replace").strip()
                    return f"{name} (process {folder.name})"
        except OSError:
            # Gone meanwhile, or another user's.
            continue
    return None


def _listening_inodes(port: int) -> set[str]:
    found = set()
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        try:
            lines = table.read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            listening = fields[3] == "0A"
            if listening and int(fields[1].rpartition(":")[2], 16) == port:
                found.add(f"socket:[{fields[9]}]")
    return found


class Refused(Exception):
    """The bank cannot start, or not like that; the message is one sentence for the person at the terminal."""
