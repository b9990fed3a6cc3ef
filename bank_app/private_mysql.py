"""Boots a MariaDB or MySQL server of our own in a folder: for `run --mysql`, tests, benchmarks and torture.

The folder holds everything (data, socket, log, password), the server listens on loopback only, and it is as durable as
a production server: what it acknowledged survives `kill -9`. Nothing that this module did not make is ever touched.
"""

from __future__ import annotations

import fcntl
import os
import random
import re
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Literal, Self

import pymysql

from bank_app.lifeline import command_line, end_with_parent, is_running

USER = "bank"
DATABASE = "bank"
CHOSEN_SERVER = "BANK_TEST_SERVER"
OLDEST = {"mariadb": (10, 11), "mysql": (8, 4)}
# An outgoing connection can hold any port of the ephemeral range for a minute; servers stay below it.
PORTS = range(20000, 32768)
# sun_path is 108 bytes on Linux and 104 on macOS, the closing zero included.
LONGEST_SOCKET_PATH = 103
START_SECONDS = 60
STOP_SECONDS = 60
# Distributions put servers where an ordinary user's PATH does not look.
SERVER_FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/usr/libexec", "/usr/local/bin", "/opt/homebrew/bin")
MARKER = "made by bank_app: a private database server lives here\n"
HOW_TO_INSTALL = (
    "No MariaDB or MySQL server is installed here: install one with `apt install mariadb-server` (Debian, Ubuntu), "
    "`dnf install mariadb-server` (Fedora) or `brew install mariadb` (macOS), or run the bank without --mysql."
)


class ServerError(Exception):
    """The private server cannot be had; the message is for the person at the terminal."""


@dataclass(frozen=True)
class Program:
    """A database server that is installed on this machine."""

    path: Path
    flavour: Literal["mariadb", "mysql"]
    version: tuple[int, ...]

    @property
    def version_text(self) -> str:
        """As people write it."""
        return ".".join(map(str, self.version))


def find_program(path: Path | None = None) -> Program:
    """The server to boot: the one at `path`, or the first on this machine that is new enough, MariaDB before MySQL.

    Without a `path`, BANK_TEST_SERVER may name the program, or a script that becomes it (`exec`): so a whole test run,
    commands and their processes included, stands on the server that was chosen for it.

    Raises:
        ServerError: there is none, or only ones that are too old.
    """
    chosen = os.environ.get(CHOSEN_SERVER)
    path = path or (Path(chosen) if chosen else None)
    where = os.pathsep.join([os.environ.get("PATH", os.defpath), *SERVER_FOLDERS])
    found = (
        [path]
        if path
        else [Path(name) for name in (shutil.which(n, path=where) for n in ("mariadbd", "mysqld")) if name]
    )
    too_old = []
    for candidate in found:
        said = _version(candidate)
        if not said:
            continue
        # Not by the name before it: a server that is told another name, or is found through a link, prints that.
        flavour: Literal["mariadb", "mysql"] = "mariadb" if "mariadb" in said[4].lower() else "mysql"
        program = Program(candidate, flavour, (int(said[1]), int(said[2]), int(said[3])))
        if program.version >= OLDEST[flavour]:
            return program
        too_old.append(f"{candidate} is {flavour} {program.version_text}")
    if too_old:
        raise ServerError(
            f"The bank needs MariaDB 10.11 or MySQL 8.4 or newer, and {' and '.join(too_old)}: upgrade it."
        )
    if path:
        raise ServerError(f"{path} is no MariaDB or MySQL server program, nor a script that starts one.")
    raise ServerError(HOW_TO_INSTALL)


def _version(program: Path) -> re.Match[str] | None:
    try:
        answer = subprocess.run([program, "--no-defaults", "--version"], capture_output=True, text=True, check=False)
    except OSError:
        return None
    return re.search(r"Ver (\d+)\.(\d+)\.(\d+)(.*)", answer.stdout)


class PrivateServer:
    """One server in one folder, for one owner at a time.

    As a context manager it is up inside and down afterwards; `kill` and `start` in between are a crash and a recovery.

    Args:
        folder: Where the server lives; made if missing.
        program: The server to boot; by default the one that `find_program` picks.
        binlog: Keep a binary log, synced at every commit. MySQL does so by default, a lone server needs none.
        options: More options for the server, after ours.
    """

    def __init__(
        self, folder: Path, *, program: Program | None = None, binlog: bool = False, options: tuple[str, ...] = ()
    ) -> None:
        self.folder = folder.expanduser().resolve()
        self.program = program or find_program()
        self.binlog = binlog
        self.options = options
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._written = 0
        self._lock: IO[str] | None = None
        self._short: Path | None = None

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
    def url(self) -> str:
        """The SQLAlchemy address of the bank's database on this server."""
        return self.url_of(DATABASE)

    @property
    def pid(self) -> int | None:
        """The process of the server while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    @property
    def socket_path(self) -> Path:
        """The unix socket, in the folder unless its path would be too long for one."""
        return (self._short or self.folder) / "s.sock"

    @cached_property
    def password(self) -> str:
        """Made at the first start and kept in the folder for its owner only."""
        path = self.folder / "password"
        with suppress(FileExistsError):
            _write_private(path, secrets.token_urlsafe(24))
        return path.read_text(encoding="ascii")

    def url_of(self, database: str) -> str:
        """The SQLAlchemy address of one of the databases called `bank…`."""
        return f"mysql+pymysql://{USER}:{self.password}@127.0.0.1:{self.port}/{database}"

    def make_database(self, name: str) -> str:
        """Makes an empty database, dropping one of that name, and returns its address. The name begins with `bank`."""
        if not re.fullmatch(r"bank[a-z0-9_]*", name):
            raise ValueError(f"a database here is called bank and lower-case letters, not {name!r}")
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {name}")
            cursor.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
        return self.url_of(name)

    def connect(self, **options: Any) -> pymysql.Connection[Any]:
        """A raw connection as the bank's user, with `pymysql.connect`'s options."""
        address = {"host": "127.0.0.1", "port": self.port, "user": USER, "password": self.password}
        return pymysql.connect(**{**address, "ssl_disabled": True, "autocommit": True, "connect_timeout": 5, **options})

    def connect_as_root(self) -> pymysql.Connection[Any]:
        """A raw connection as the server's superuser, over its socket."""
        return self.connect(unix_socket=str(self.socket_path), user="root")

    def start(self) -> None:
        """Boots the server and returns when it answers; after a crash it recovers first.

        Raises:
            ServerError: the folder is not ours, or somebody else's server runs in it, or the server does not come up.
        """
        if self.pid:
            return
        self._claim()
        try:
            self._choose_socket()
            if not (self.folder / "initialised").exists():
                self._initialise()
            for attempt in range(3):
                self.port = self._choose_port()
                self._spawn()
                if self._answers(last=attempt == 2):
                    return
        except BaseException:
            self._halt(signal.SIGKILL)
            self._release()
            raise

    def stop(self) -> None:
        """Stops the server cleanly; does nothing when it is not running."""
        self._halt(signal.SIGTERM)
        self._release()

    def kill(self) -> None:
        """Ends the server as a crash would (`kill -9`); `start` brings it back."""
        self._halt(signal.SIGKILL)
        self._release()

    def remove(self) -> None:
        """Stops the server and deletes its folder, after making sure that both are ours."""
        self.stop()
        if self.folder.exists():
            self._claim()
            shutil.rmtree(self.folder)
            self._release()

    # --- one owner ------------------------------------------------------------------------------

    def _claim(self) -> None:
        """Takes the folder for this process, and stops a server of ours that an unclean end left running in it."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            marker = self.folder / "README"
            if not marker.exists():
                if any(self.folder.iterdir()):
                    raise ServerError(f"{self.folder} holds something that is not the bank's: choose another folder.")
                marker.write_text(MARKER, encoding="ascii")
            lock = (self.folder / "lock").open("a+", encoding="ascii")
        except OSError as error:
            raise ServerError(
                f"{error.filename} cannot be written ({error.strerror}): choose another --data."
            ) from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            owner = lock.read().strip()
            lock.close()
            raise ServerError(
                f"The database server in {self.folder} is in use by process {owner}: stop that first."
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        self._lock = lock
        orphan = self._orphan()
        if orphan:
            os.kill(orphan, signal.SIGTERM)
            _wait(
                lambda: not is_running(orphan),
                STOP_SECONDS,
                f"The old database server (process {orphan}) does not stop.",
            )

    def _orphan(self) -> int | None:
        try:
            pid = int((self.folder / "pid").read_text(encoding="ascii"))
        except (OSError, ValueError):
            return None
        # The number may have gone to a stranger since: only a command line that names this very folder is ours.
        return pid if is_running(pid) and f"--datadir={self.folder / 'data'}" in command_line(pid) else None

    def _release(self) -> None:
        if self._short:
            shutil.rmtree(self._short, ignore_errors=True)
            self._short = None
        if self._lock:
            self._lock.close()
            self._lock = None

    # --- starting -------------------------------------------------------------------------------

    def _choose_socket(self) -> None:
        if len(os.fsencode(self.folder / "s.sock")) > LONGEST_SOCKET_PATH:
            self._short = Path(tempfile.mkdtemp(prefix="bank-", dir="/tmp" if os.path.isdir("/tmp") else None))  # noqa: PTH112, S108 - shortest writable path there is

    def _choose_port(self) -> int:
        kept = self.folder / "port"
        with suppress(OSError, ValueError):
            before = int(kept.read_text(encoding="ascii"))
            if is_free(before):
                return before
        for port in random.sample(PORTS, 200):
            if is_free(port):
                kept.write_text(str(port), encoding="ascii")
                return port
        raise ServerError("No port between 20000 and 32767 is free for the private database server.")

    def _initialise(self) -> None:
        """Makes the system tables. Without the mark of a finished first start, what lies there never served anybody."""
        data, temporary = self.folder / "data", self.folder / "tmp"
        shutil.rmtree(data, ignore_errors=True)
        temporary.mkdir(exist_ok=True)
        common = ["--no-defaults", *self._as_root(), f"--datadir={data}", f"--tmpdir={temporary}"]
        if self.program.flavour == "mariadb":
            script = shutil.which("mariadb-install-db") or str(self.program.path.with_name("mariadb-install-db"))
            command = [
                script,
                *common,
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                "--skip-name-resolve",
            ]
        else:
            log = f"--log-error={self.folder / 'install.log'}"
            command = [str(self.program.path), *common, log, "--initialize-insecure", "--secure-file-priv=NULL"]
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                stdin=subprocess.DEVNULL,
                check=False,
                cwd=self.folder,
                **self._process_options(),
            )
        except FileNotFoundError:
            raise ServerError(f"{command[0]} is missing: install the whole server package. {HOW_TO_INSTALL}") from None
        if done.returncode:
            log_text = (self.folder / "install.log").read_text() if (self.folder / "install.log").exists() else ""
            raise ServerError(self._failure("cannot be set up", done.stdout + done.stderr + log_text))

    def _spawn(self, *more: str) -> None:
        """Starts the process; `more` are options for this one time."""
        log = self.folder / "server.log"
        self._written = log.stat().st_size if log.exists() else 0
        options = [*self._server_options(), *more]
        if not (self.folder / "initialised").exists():
            options.append(f"--init-file={self._first_statements()}")
        with (self.folder / "output.log").open("ab") as output:
            # In a session of its own, so that Ctrl-C reaches the bank first and the bank stops its server last.
            self._process = subprocess.Popen(
                [str(self.program.path), *options],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self.folder,
                start_new_session=True,
                preexec_fn=end_with_parent,  # noqa: PLW1509 - one call into libc, looked up beforehand
                **self._process_options(),
            )
        (self.folder / "pid").write_text(str(self._process.pid), encoding="ascii")

    def _process_options(self) -> dict[str, Any]:
        """What else the server's processes are started with, for `subprocess`."""
        return {}

    def _answers(self, *, last: bool) -> bool:
        """Waits until the process answers; false when another one took the port meanwhile."""
        log = self.folder / "server.log"
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.pid is None:
                said = _tail(log, self._written)
                if "Address already in use" in said and not last:
                    (self.folder / "port").unlink(missing_ok=True)
                    return False
                raise ServerError(self._failure("did not start", said or _tail(self.folder / "output.log", 0)))
            try:
                self.connect(connect_timeout=2).close()
            except pymysql.MySQLError:
                time.sleep(0.05)
                continue
            (self.folder / "first.sql").unlink(missing_ok=True)
            (self.folder / "initialised").touch()
            return True
        raise ServerError(self._failure(f"did not answer within {START_SECONDS} s", _tail(log, self._written)))

    def _server_options(self) -> list[str]:
        data = self.folder / "data"
        options = [
            "--no-defaults",
            *self._as_root(),
            f"--datadir={data}",
            f"--tmpdir={self.folder / 'tmp'}",
            f"--socket={self.socket_path}",
            f"--pid-file={data / 'server.pid'}",
            f"--log-error={self.folder / 'server.log'}",
            f"--port={self.port}",
            "--bind-address=127.0.0.1",
            "--skip-name-resolve",
            "--local-infile=0",
            "--character-set-server=utf8mb4",
            "--max-connections=300",
            "--innodb-buffer-pool-size=128M",
            "--innodb-flush-log-at-trx-commit=1",
            "--innodb-doublewrite=ON",
            "--performance-schema=OFF",
            # Otherwise nobody but a superuser may make the triggers that keep postings as they are.
            "--log-bin-trust-function-creators=1",
        ]
        if self.program.flavour == "mysql":
            options += ["--mysqlx=OFF", "--secure-file-priv=NULL"]
        else:
            options.append("--innodb-log-file-size=64M")
        if self.binlog:
            options += [f"--log-bin={data / 'binlog'}", "--sync-binlog=1", "--binlog-format=ROW", "--server-id=1"]
        elif self.program.flavour == "mysql":
            options.append("--disable-log-bin")
        return [*options, *self.options]

    def _first_statements(self) -> Path:
        path = self.folder / "first.sql"
        path.unlink(missing_ok=True)
        statements = (
            f"CREATE DATABASE IF NOT EXISTS {DATABASE} CHARACTER SET utf8mb4;",
            f"CREATE USER IF NOT EXISTS '{USER}'@'127.0.0.1' IDENTIFIED BY '{self.password}';",
            # Databases called bank…, so that tests and the laboratory can have some of their own.
            f"GRANT ALL ON `{DATABASE}%`.* TO '{USER}'@'127.0.0.1';",
            f"GRANT PROCESS ON *.* TO '{USER}'@'127.0.0.1';",
            # Last: with it, whoever can reach the socket is no superuser.
            f"ALTER USER 'root'@'localhost' IDENTIFIED BY '{self.password}';",
        )
        _write_private(path, "\n".join(statements) + "\n")
        return path

    def _as_root(self) -> list[str]:
        return ["--user=root"] if os.geteuid() == 0 else []

    def _failure(self, what: str, said: str) -> str:
        if "No space left" in said or "Errcode: 28" in said:
            return f"The disk is full, so the private database server {what}: make room in {self.folder}."
        lines = [line for line in said.strip().splitlines() if re.search(r"error|fatal", line, re.IGNORECASE)]
        last = (lines or said.strip().splitlines() or ["it said nothing"])[-1]
        return f"The private database server ({self.program.path}) {what}: {last} (its log is in {self.folder})."

    # --- stopping -------------------------------------------------------------------------------

    def _halt(self, how: signal.Signals) -> None:
        process = self._process
        if process and process.poll() is None:
            process.send_signal(how)
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                # InnoDB recovers from this like from any crash; a command that never ends helps nobody.
                process.kill()
                process.wait()
        self._process = None
        with suppress(OSError):
            (self.folder / "pid").unlink()


def _write_private(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="ascii") as file:
        file.write(text)


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of loopback now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _tail(path: Path, start: int) -> str:
    if not path.exists():
        return ""
    with path.open("rb") as file:
        file.seek(start)
        return file.read().decode(errors="replace")


def _wait(done: Callable[[], bool], seconds: float, otherwise: str) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise ServerError(otherwise)
        time.sleep(0.05)
