"""A whole bank in one file, taken while it serves, and a bank made from such a file, on any engine.

The file is gzipped lines of JSON: what it is, then the rows of each table, then how many there were and a checksum over
all lines before. Rows are as the database keeps them, bytes as `["hex"]`, so a bank can move between engines. It holds
the key that tokens and second steps rest on, too: whoever has the file has the bank.
"""

from __future__ import annotations

import contextlib
import fcntl
import gzip
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import IO, Any

from sqlalchemy import Connection, inspect, text
from sqlalchemy.orm import Session
from sqlmodel import SQLModel

from bank_app import clock, keys, models, schema
from bank_app import settings as bank_settings
from bank_app.database import Database
from bank_app.settings import Settings

FORMAT = 1
_ROWS_AT_A_TIME = 500
# In bytes as they are sent. The last row of a piece may go beyond it, and all of it fits into nodes.SHORTEST_PACKET.
_LONGEST_PIECE = 150_000
# Triggers let an account begin with nothing only, and a hold begin open: the rest is written as a change.
_BEGINNINGS: Mapping[str, Mapping[str, Any]] = {
    "accounts": {"balance": 0, "held": 0, "version": 0},
    "holds": {"state": "open", "captured_amount": None, "transaction_id": None, "closed_at": None},
}


class BackupRefused(Exception):
    """There is no backup, or it cannot be taken or restored like that; one sentence for the person at the terminal."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What a backup holds: when and of what it was taken, how many rows of each table, and its checksum."""

    made_at: str
    engine: str
    revision: str
    secret_keys: tuple[str, ...]
    rows: Mapping[str, int]
    checksum: str


def is_empty(db: Database) -> bool:
    """Whether nothing was ever recorded: no person, no account, no entry, or not even tables."""

    def operation(session: Session) -> bool:
        tables = set(inspect(session.connection()).get_table_names())
        kept = [name for name in ("users", "accounts", "transactions", "audit_records") if name in tables]
        return not any(session.execute(text(f"SELECT 1 FROM {name} LIMIT 1")).first() for name in kept)  # noqa: S608 - names of ours

    return db.read(operation)


# --- taking one ------------------------------------------------------------------------------------------


def back_up(db: Database, path: Path) -> Contents:
    """Writes the whole bank into a new file, as it is at one moment, while others go on writing.

    Raises:
        BackupRefused: the file exists already or cannot be written, or there is no bank.
        DatabaseUnavailable: no connection.
    """
    if path.exists():
        raise BackupRefused(f"{path} exists already: a backup never overwrites anything, choose another name.")
    if is_empty(db):
        raise BackupRefused(f"The bank in {db.where} is EMPTY, so there is nothing to back up.")
    # Under this name nobody takes it for a backup; what an interrupted one left is written over.
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        with os.fdopen(os.open(unfinished, os.O_CREAT | os.O_WRONLY, 0o600), "wb") as file:
            _take(file, unfinished)
            contents = db.read(lambda session: _write(session, db, file))
            os.fsync(file.fileno())
            # Unlike a rename it takes nothing away from a file of that name that came meanwhile.
            os.link(unfinished, path)
            unfinished.unlink()
            _settle(path.parent)
    except FileExistsError:
        raise BackupRefused(
            f"{path} exists already: a backup never overwrites anything, choose another name."
        ) from None
    except OSError as error:
        raise BackupRefused(f"{path} cannot be written ({error.strerror}): nothing was backed up.") from None
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    return contents


def _take(file: IO[bytes], path: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise BackupRefused(f"Another backup writes {path} just now.") from None
    os.fchmod(file.fileno(), 0o600)


def _settle(folder: Path) -> None:
    """The name of a file is on the disk once its folder is."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write(session: Session, db: Database, file: IO[bytes]) -> Contents:
    # This may be the second try.
    file.seek(0)
    file.truncate()
    digest, rows = hashlib.sha256(), {}
    connection = session.connection()
    head: dict[str, Any] = {
        "bank": FORMAT,
        "made_at": clock.now().isoformat(timespec="seconds"),
        "engine": db.server_version(),
        "revision": connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one(),
        "secret_keys": [key.secret for key in db.settings.ring.keys],
        "columns": _columns(),
    }
    with gzip.GzipFile(filename="", fileobj=file, mode="wb", compresslevel=5) as packed:

        def line(value: Any) -> None:
            data = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
            digest.update(data)
            packed.write(data)

        line(head)
        for table, columns in head["columns"].items():
            rows[table] = 0
            for row in _rows(connection, table, columns):
                line([table, *map(_plain, row)])
                rows[table] += 1
        checksum = digest.hexdigest()
        line({"rows": rows, "checksum": checksum})
    file.flush()
    return Contents(head["made_at"], head["engine"], head["revision"], _keys(head), rows, checksum)


def _columns() -> dict[str, list[str]]:
    """All tables of the bank, those that others point at first, with what is kept in them and not worked out."""
    assert models  # noqa: S101 - importing it is what puts its tables there
    return {
        table.name: [column.name for column in table.columns if column.computed is None]
        for table in SQLModel.metadata.sorted_tables
        # Its one row is there to be locked, and the migrations make it.
        if table is not models.POSTING_GATE
    }


def _rows(connection: Connection, table: str, columns: Sequence[str]) -> Iterator[Sequence[Any]]:
    """As the driver hands them out, a few at a time, in the order of the key, in which older ones come first."""
    spell = connection.dialect.identifier_preparer.quote
    keys = inspect(connection).get_pk_constraint(table)["constrained_columns"]
    query = f"SELECT {', '.join(map(spell, columns))} FROM {spell(table)} ORDER BY {', '.join(map(spell, keys))}"  # noqa: S608 - names of ours
    with connection.execution_options(yield_per=_ROWS_AT_A_TIME).exec_driver_sql(query) as found:
        yield from found


def _plain(value: Any) -> Any:
    if isinstance(value, bytes | bytearray | memoryview):
        return [bytes(value).hex()]
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="microseconds")
    return value


def _driver(value: Any) -> Any:
    return bytes.fromhex(value[0]) if isinstance(value, list) else value


# --- restoring one ---------------------------------------------------------------------------------------


def look_into(path: Path) -> Contents:
    """Reads a backup to its end and checks it.

    Raises:
        BackupRefused: it is none, or a part of one, or not as it was written.
    """
    digest, found = hashlib.sha256(), dict[str, int]()
    head: dict[str, Any] = {}
    broken = f"{path} is no whole backup of a bank"
    try:
        with gzip.open(path, "rb") as lines:
            for data in lines:
                value = json.loads(data)
                if not head:
                    head = _head(value, path)
                elif isinstance(value, list):
                    found[value[0]] = found.get(value[0], 0) + 1
                else:
                    rows = {table: count for table, count in value["rows"].items() if count}
                    if value["checksum"] != digest.hexdigest() or rows != found or lines.read(1):
                        raise BackupRefused(f"{broken}: it is not as it was written.")
                    return Contents(
                        head["made_at"], head["engine"], head["revision"], _keys(head), value["rows"],
                        value["checksum"],
                    )  # fmt: skip
                digest.update(data)
    except FileNotFoundError:
        raise BackupRefused(f"There is no file {path}.") from None
    except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BackupRefused(f"{broken}: {error or 'it cannot be read'}.") from None
    raise BackupRefused(f"{broken}: its end is missing.")


def _head(value: Any, path: Path) -> dict[str, Any]:
    if not isinstance(value, dict) or "bank" not in value:
        raise BackupRefused(f"{path} is no backup of a bank.")
    if value["bank"] != FORMAT or not schema.knows(value["revision"]):
        raise BackupRefused(f"{path} was made by a newer version of this program: restore it with that one.")
    return value


def restore(
    settings: Settings, path: Path, *, replace: bool, then: Callable[[Session], object] = lambda _: None
) -> Contents:
    """Makes the bank of `settings` the one in the file. Nothing is there before all of it is.

    Where the database is a server, nobody may use it meanwhile.

    Args:
        settings: Of the bank.
        path: The file.
        replace: Lose a bank that is there.
        then: What is done to the bank, in a unit of work, before anybody can use it.

    Raises:
        BackupRefused: the file is not whole, there is a bank already, or its secret key cannot be kept.
        DatabaseUnavailable, LockTimeout: the database; run it again.
    """
    contents = look_into(path)
    _require_key(settings, contents)
    db = Database(settings)
    try:
        file = Path(db.url.database or "") if db.embedded else None
        if not replace and (file is None or file.exists()) and not is_empty(db):
            raise BackupRefused(
                f"There is a bank in {db.where} already: restore into an empty one, or give --replace to lose that one."
            )
        if file is None:
            _fill(db, path, contents, then)
    finally:
        db.dispose()
    if file:
        _make_file(settings, file, path, contents, then)
    _keep_key(settings, contents)
    return contents


def _make_file(
    settings: Settings, file: Path, path: Path, contents: Contents, then: Callable[[Session], object]
) -> None:
    fresh = file.with_name(f"{file.name}.restoring")
    _remove(fresh)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    db = Database(bank_settings.load(data=settings.data, database_url=f"sqlite:///{fresh}"))
    try:
        _fill(db, path, contents, then)
        db.fold_log()
    finally:
        db.dispose()
    # The log of the old file would be taken for one of the new.
    _remove(file)
    fresh.rename(file)
    _settle(file.parent)


def _remove(file: Path) -> None:
    for suffix in ("-wal", "-shm", ""):
        file.with_name(file.name + suffix).unlink(missing_ok=True)


def _fill(db: Database, path: Path, contents: Contents, then: Callable[[Session], object]) -> None:
    with db.writing.connect() as connection:
        schema.drop_everything(connection)
    with db.writing.connect() as connection:
        schema.upgrade(connection, contents.revision)
    # All of it in one unit of work: what interrupts it leaves an empty bank, and none that lacks something.
    db.unit_of_work(lambda session: _load(session, path))
    db.upgrade_schema()
    db.unit_of_work(then)


def _load(session: Session, path: Path) -> None:
    connection = session.connection()
    with gzip.open(path, "rb") as lines, _in_any_order(connection):
        columns: dict[str, list[str]] = json.loads(next(iter(lines)))["columns"]
        values = (value for value in map(json.loads, lines) if isinstance(value, list))
        for table, group in groupby(values, key=lambda value: str(value[0])):
            insert = _inserter(connection, table, columns[table])
            for piece in _pieces(group):
                insert(piece)


@contextlib.contextmanager
def _in_any_order(connection: Connection) -> Iterator[None]:
    """Rows may point at rows that come later, and all of them were there when the backup was taken."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        yield
        return
    connection.exec_driver_sql("SET SESSION foreign_key_checks = 0")
    try:
        yield
    finally:
        connection.exec_driver_sql("SET SESSION foreign_key_checks = 1")


def _inserter(connection: Connection, table: str, columns: Sequence[str]) -> Callable[[list[list[Any]]], None]:
    spell, mark = connection.dialect.identifier_preparer.quote, "?" if connection.dialect.name == "sqlite" else "%s"
    names, marks = ", ".join(map(spell, columns)), ", ".join([mark] * len(columns))
    statement = f"INSERT INTO {spell(table)} ({names}) VALUES ({marks})"  # noqa: S608 - names of ours
    beginning = {columns.index(name): value for name, value in _BEGINNINGS.get(table, {}).items() if name in columns}
    changes = ", ".join(f"{spell(columns[index])} = {mark}" for index in beginning)
    change = f"UPDATE {spell(table)} SET {changes} WHERE id = {mark}"  # noqa: S608 - names of ours

    def insert(rows: list[list[Any]]) -> None:
        first = [tuple(beginning.get(index, value) for index, value in enumerate(row)) for row in rows]
        connection.exec_driver_sql(statement, first)
        changed = [
            (*(row[index] for index in beginning), row[columns.index("id")])
            for row, begun in zip(rows, first, strict=True) if tuple(row) != begun
        ]  # fmt: skip
        if changed:
            connection.exec_driver_sql(change, changed)

    return insert


def _pieces(values: Iterator[list[Any]]) -> Iterator[list[list[Any]]]:
    piece: list[list[Any]] = []
    size = 0
    for _, *row in values:
        piece.append([_driver(value) for value in row])
        # Quoting writes a backslash before a mark: twice as long is longer than it ever gets. Bytes are short.
        size += sum(2 * len(value.encode()) for value in row if isinstance(value, str)) + 100 * len(row)
        if len(piece) >= _ROWS_AT_A_TIME or size > _LONGEST_PIECE:
            yield piece
            piece, size = [], 0
    if piece:
        yield piece


# --- its key ---------------------------------------------------------------------------------------------


def _keys(head: Mapping[str, Any]) -> tuple[str, ...]:
    """The bank's keys, the newest first; backups of before there were several have one."""
    return tuple(head["secret_keys"]) if "secret_keys" in head else (head["secret_key"],)


def _require_key(settings: Settings, contents: Contents) -> None:
    if settings.given_keys and not set(contents.secret_keys) <= set(settings.given_keys):
        raise BackupRefused(
            "BANK_SECRET_KEY or BANK_SECRET_KEYS lacks a key of that bank, without which second steps cannot be read: "
            "unset them, and its keys are kept in BANK_DATA, or set those that the bank had."
        )


def _keep_key(settings: Settings, contents: Contents) -> None:
    path = settings.key_file
    with contextlib.suppress(FileNotFoundError, keys.KeysMissing):
        if settings.given_keys or tuple(keys.read(path)) == contents.secret_keys:
            return
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name("secret_key.restoring")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="ascii") as file:
        file.write("\n".join(contents.secret_keys))
        file.flush()
        os.fsync(file.fileno())
    if path.exists():
        path.rename(path.with_name("secret_key.before-restore"))
    fresh.rename(path)
    _settle(path.parent)
