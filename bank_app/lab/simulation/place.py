"""Where runs happen: a database of the laboratory's own, reached as a user who can see nothing else."""

from __future__ import annotations

import secrets
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pymysql
from sqlalchemy import make_url

from bank_app.private_mysql import PrivateServer

DATABASE = "lab"
USER = "lab"
_LOCK_WAIT_SECONDS = 3


# MariaDB's setting that refuses to change a row that is newer than what was read; elsewhere there is none.
SNAPSHOT = "innodb_snapshot_isolation"
_UNKNOWN_VARIABLE = 1193


class LabUnavailable(Exception):
    """The database of the laboratory cannot be reached; the message is for whoever wanted to run something."""


@dataclass(frozen=True, slots=True)
class Engine:
    """What answers there. `snapshot` is the server's own `innodb_snapshot_isolation`, None where there is none."""

    name: str
    snapshot: bool | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """The laboratory's database, by its SQLAlchemy address."""

    url: str

    @property
    def server(self) -> bool:
        """MariaDB or MySQL, and not a file."""
        return not self.url.startswith("sqlite")

    def connect(self, isolation: str = "", *, snapshot: bool = False, autocommit: bool = True) -> Any:
        """A raw connection of the driver; with an isolation level also `snapshot` is as asked for and not as usual.

        Raises:
            LabUnavailable: nothing answers, or a server that cannot do what is asked for.
        """
        url = make_url(self.url)
        if not self.server:
            file = sqlite3.connect(
                url.database or "", timeout=_LOCK_WAIT_SECONDS, isolation_level=None, check_same_thread=False
            )
            file.execute("PRAGMA journal_mode=WAL")
            file.execute("PRAGMA synchronous=FULL")
            return file
        try:
            connection = pymysql.connect(
                host=url.host, port=url.port or 3306, user=url.username, password=url.password or "",
                database=url.database, autocommit=autocommit, connect_timeout=5, ssl_disabled=_is_local(url.host),
            )  # fmt: skip
        except pymysql.MySQLError as error:
            raise LabUnavailable("The lab database is not reachable. The bank is unaffected.") from error
        with closing(connection.cursor()) as cursor:
            cursor.execute(f"SET SESSION innodb_lock_wait_timeout = {_LOCK_WAIT_SECONDS}")
            if isolation:
                cursor.execute(f"SET SESSION TRANSACTION ISOLATION LEVEL {isolation}")
                _refuse_what_is_old(cursor, on=snapshot)
        return connection

    def engine(self) -> Engine:
        """Name and version of what answers there, and what it refuses by itself."""
        if not self.server:
            return Engine(f"SQLite {sqlite3.sqlite_version}")
        with closing(self.connect()) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT VERSION()")
            version = str(cursor.fetchone()[0])
            cursor.execute(f"SHOW GLOBAL VARIABLES LIKE '{SNAPSHOT}'")
            setting = cursor.fetchone()
        name = f"MariaDB {version.split('-', maxsplit=1)[0]}" if "MariaDB" in version else f"MySQL {version}"
        return Engine(name, None if setting is None else setting[1] == "ON")


def _refuse_what_is_old(cursor: Any, *, on: bool) -> None:
    """Sets `innodb_snapshot_isolation` for the session, or newer MariaDB servers would refuse what others let pass."""
    try:
        cursor.execute(f"SET SESSION {SNAPSHOT} = {'ON' if on else 'OFF'}")
    except pymysql.MySQLError as error:
        if not error.args or error.args[0] != _UNKNOWN_VARIABLE:
            raise
        if on:
            raise LabUnavailable(f"This server has no {SNAPSHOT}: MariaDB has it, MySQL has not.") from error


def _is_local(host: str | None) -> bool:
    return host in (None, "localhost", "127.0.0.1", "::1")


def on(server: PrivateServer) -> Place:
    """The laboratory on a private server: a database and a user of its own, made if they are missing.

    The bank's user cannot read it, and the laboratory's user cannot read the bank.
    """
    password = _password(server.folder / "lab-password")
    with server.connect_as_root() as root, root.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE IF NOT EXISTS {DATABASE} CHARACTER SET utf8mb4")
        cursor.execute(f"CREATE USER IF NOT EXISTS '{USER}'@'127.0.0.1' IDENTIFIED BY '{password}'")
        cursor.execute(f"GRANT ALL ON `{DATABASE}`.* TO '{USER}'@'127.0.0.1'")
    return Place(f"mysql+pymysql://{USER}:{quote(password)}@127.0.0.1:{server.port}/{DATABASE}")


def embedded(folder: Path) -> Place:
    """The laboratory in a file of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    return Place(f"sqlite:///{folder / 'lab.sqlite3'}")


def _password(path: Path) -> str:
    with suppress(FileExistsError), path.open("x", encoding="ascii") as file:
        path.chmod(0o600)
        file.write(secrets.token_urlsafe(24))
    return path.read_text(encoding="ascii")
