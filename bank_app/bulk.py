"""Many rows in few statements, and few statements in one round trip: what posting a group of transfers is made of.

Values are written out instead of bound: a bound value passes through five functions on its way into the same text, and
most of these are numbers and digests. Whatever a person may have typed is quoted by the driver itself. The embedded
engine has no round trips to save; there the same statements run one by one.
"""

from __future__ import annotations

import json
from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Connection, Dialect, Select, String, Table, bindparam, func, insert, update
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeEngine

from bank_app.columns import Ascii, Digest, Identifier, Json, Moment, json_text
from bank_app.errors import BooksBroken

# In bytes. A server that takes less is asked for less: see `_room`.
_LONGEST_STATEMENT = 1_000_000
_LONGEST_PACKET = 3_000_000
# What a packet has besides its text, with much to spare.
_OF_THE_PROTOCOL = 1_000
# Between statements of one packet. Quoted text holds no line feed, so this is found nowhere else.
SEPARATOR = ";\n"
_ENCODE = json.JSONEncoder(separators=(",", ":")).encode


# --- reading ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Question:
    """A SELECT of columns with one list of values in it, `IN (:name)`, and the values: numbers, identifiers, texts."""

    statement: Select[Any]
    name: str
    values: Sequence[Any]


def ask(session: Session, questions: Sequence[Question]) -> list[Sequence[Any]]:
    """The rows of each question, in one round trip. One without values has no rows and is not asked."""
    answers: list[Sequence[Any]] = [()] * len(questions)
    asked = [(index, question) for index, question in enumerate(questions) if question.values]
    if not asked:
        return answers
    connection = _connection(session)
    if connection.dialect.name == "sqlite":
        for index, question in asked:
            answers[index] = connection.execute(question.statement, {question.name: list(question.values)}).all()
        return answers
    quote, room = _quote(connection), _room(connection)
    statements: list[tuple[int, _Form, str]] = []
    for index, question in asked:
        form = _form(question.statement, question.name, connection.dialect)
        statements += [(index, form, text) for text in form.write(question.values, quote, room)]
    found: dict[int, list[Any]] = {}
    for piece in _pieces([text for _, _, text in statements], room):
        sent, statements = statements[: len(piece)], statements[len(piece) :]
        for (index, form, _), (_, rows) in zip(sent, _send(connection, piece), strict=True):
            found.setdefault(index, []).extend(form.read(rows))
    for index, rows in found.items():
        answers[index] = rows
    return answers


@dataclass(frozen=True, slots=True)
class _Form:
    """A compiled SELECT: its text before and after the list, and how its rows are read.

    Each row comes as one JSON array: the driver takes apart columns and their descriptions one by one, in Python, and
    what reads JSON is written in C.
    """

    before: str
    after: str
    row: Any
    readers: tuple[tuple[int, Callable[[Any], Any]], ...]

    def write(self, values: Sequence[Any], quote: Callable[[str], str], room: int) -> list[str]:
        """The statement, or several that ask for a part of the values each."""
        room -= _bytes_of(self.before) + _bytes_of(self.after)
        pieces = _pieces([_literal(value, quote) for value in values], room)
        return [self.before + ",".join(piece) + self.after for piece in pieces]

    def read(self, raw: Sequence[tuple[str]]) -> list[Any]:
        rows = json.loads("[" + ",".join([text for (text,) in raw]) + "]")
        for index, reader in self.readers:
            for values in rows:
                if (value := values[index]) is not None:
                    values[index] = reader(value)
        return [self.row._make(values) for values in rows]


@cache
def _form(statement: Select[Any], name: str, dialect: Dialect) -> _Form:
    columns = list(statement.selected_columns)
    kinds = [type(column.type) for column in columns]
    # JSON knows no bytes.
    spelled = [func.hex(column) if kind in _BYTES else column for column, kind in zip(columns, kinds, strict=True)]
    in_one = statement.with_only_columns(func.json_array(*spelled), maintain_column_froms=True)
    before, _, after = str(in_one.compile(dialect=dialect)).partition(f"__[POSTCOMPILE_{name}]")
    names = [str(column.key) for column in columns]
    row = namedtuple("row", names, rename=True)  # type: ignore[misc] # noqa: PYI024 - the columns are not known here
    readers = [(index, _READERS[kind]) for index, kind in enumerate(kinds) if kind in _READERS]
    return _Form(before, after, row, tuple(readers))


_BYTES = (Identifier, Digest, Ascii)
_READERS: Mapping[type[TypeEngine[Any]], Callable[[Any], Any]] = {
    # Many accounts have one owner, and what was posted together one moment.
    Identifier: lru_cache(maxsize=1024)(UUID),
    Digest: bytes.fromhex,
    Moment: lru_cache(maxsize=1024)(lambda text: datetime.fromisoformat(text).replace(tzinfo=UTC)),
    Ascii: lambda text: bytes.fromhex(text).decode("ascii"),
    Json: json.loads,
}


def _literal(value: Any, quote: Callable[[str], str]) -> str:
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, UUID):
        return f"x'{value.hex}'"
    if isinstance(value, tuple):
        return "(" + ",".join([_literal(part, quote) for part in value]) + ")"
    return quote(value)


# --- writing ------------------------------------------------------------------------------------------


class Writes:
    """Statements of one unit of work that are sent together."""

    def __init__(self, session: Session) -> None:
        """Sends nothing yet."""
        self._connection = _connection(session)
        self._embedded = self._connection.dialect.name == "sqlite"
        self._quote = None if self._embedded else _quote(self._connection)
        self._room = 0 if self._embedded else _room(self._connection)
        self._statements: list[tuple[str, int | None]] = []

    def insert(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Rows with the same columns: one statement, or one for each megabyte."""
        if not rows:
            return
        if self._quote is None:
            self._connection.execute(insert(table), rows)
            return
        quote, writers = self._quote, _writers(table, tuple(rows[0]))
        spell = self._connection.dialect.identifier_preparer.quote
        head = f"INSERT INTO {spell(table.name)} ({', '.join(map(spell, rows[0]))}) VALUES "  # noqa: S608 - names of ours
        texts = ["(" + ",".join([write(row[name], quote) for name, write in writers]) + ")" for row in rows]
        for piece in _pieces(texts, min(_LONGEST_STATEMENT, self._room - _bytes_of(head))):
            self._statements.append((head + ",".join(piece), None))

    def share_lock(self, table: Table) -> None:
        """Holds all rows of a small table with others, from the statements that follow until the unit of work ends.

        Nothing on the embedded engine, where whoever writes is alone.
        """
        if self._quote is not None:
            self._statements.append((f"SELECT id FROM {table.name} LOCK IN SHARE MODE", None))  # noqa: S608

    def update(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Sets in each row, named by its `id`, the other columns that are given; all rows give the same ones.

        Columns are whole numbers, texts, digests, identifiers and moments. A row that is not there is a bug.
        """
        if not rows:
            return
        names = tuple(rows[0])
        if self._quote is None:
            # The driver runs one prepared statement for each row.
            one = update(table).where(table.c.id == bindparam("key"))
            changes = one.values({name: bindparam(name) for name in names if name != "id"})
            _require(self._connection.execute(changes, [{"key": row["id"], **row} for row in rows]).rowcount, len(rows))
            return
        texts = [_ENCODE([_plain(row[name]) for name in names]) for row in rows]
        before, after = _update_from_json(table, names)
        # Quoting writes a backslash before each quotation mark: twice as long is longer than it ever gets.
        for piece in _pieces(texts, (self._room - _bytes_of(before) - _bytes_of(after)) // 2):
            self._statements.append((before + self._quote(f"[{','.join(piece)}]") + after, len(piece)))

    def send(self) -> None:
        """Sends what was collected, in its order.

        Raises:
            BooksBroken: a row that was to be updated is not there.
        """
        statements, self._statements = self._statements, []
        for piece in _pieces([statement for statement, _ in statements], self._room):
            wanted, statements = statements[: len(piece)], statements[len(piece) :]
            for (found, _), (_, expected) in zip(_send(self._connection, piece), wanted, strict=True):
                if expected is not None:
                    _require(found, expected)


def insert_rows(session: Session, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Inserts rows, all with the same columns, now."""
    writes = Writes(session)
    writes.insert(table, rows)
    writes.send()


def _require(found: int, expected: int) -> None:
    if found != expected:
        raise BooksBroken(f"{expected} rows that exist, {found} of them updated")


def _pieces(texts: Sequence[str], longest: int) -> list[list[str]]:
    """Texts in their order, each piece of at most so many bytes with the marks between them."""
    pieces: list[list[str]] = []
    size = longest
    for text in texts:
        more = _bytes_of(text) + len(SEPARATOR)
        if size + more > longest or not pieces:
            pieces.append([])
            size = 0
        pieces[-1].append(text)
        size += more
    return pieces


def _bytes_of(text: str) -> int:
    # Most have no other letters, which Python knows of a text without looking at it.
    return len(text) if text.isascii() else len(text.encode())


def _room(connection: Connection) -> int:
    """How many bytes of statements this server takes at once."""
    longest: int = getattr(connection.connection.driver_connection, "longest_packet", _LONGEST_PACKET)
    return min(_LONGEST_PACKET, longest - _OF_THE_PROTOCOL)


def _send(connection: Connection, statements: Sequence[str]) -> list[tuple[int, Sequence[Any]]]:
    """How many rows each statement found or changed, and its rows. The first one that fails ends it."""
    # No parameters at all: a % in somebody's text is no place for one.
    result = connection.exec_driver_sql(SEPARATOR.join(statements), execution_options={"no_parameters": True})
    sets: list[tuple[int, Sequence[Any]]] = result.context.cursor.sets
    result.close()
    if len(sets) != len(statements):
        raise BooksBroken(f"{len(statements)} statements sent, {len(sets)} answered")
    return sets


def _connection(session: Session) -> Connection:
    """That of a unit of work, without a word to its session, which would begin keeping account of it."""
    bind = session.get_bind()
    return bind if isinstance(bind, Connection) else session.connection()


def _quote(connection: Connection) -> Callable[[str], str]:
    quote: Callable[[str], str] = connection.connection.driver_connection.escape  # type: ignore[union-attr]
    return quote


_Writer = Callable[[Any, Callable[[str], str]], str]


@cache
def _writers(table: Table, names: tuple[str, ...]) -> tuple[tuple[str, _Writer], ...]:
    return tuple((name, _WRITERS[type(table.c[name].type)]) for name in names)


def _number(value: int | None, _quote: Any) -> str:
    # `int` on purpose: whatever else came here must not be written into a statement.
    return "NULL" if value is None else str(int(value))


def _bytes(value: bytes | None, _quote: Any) -> str:
    return "NULL" if value is None else f"x'{value.hex()}'"


def _identifier(value: UUID | None, _quote: Any) -> str:
    return "NULL" if value is None else f"x'{value.hex}'"


def _moment(value: datetime | None, _quote: Any) -> str:
    return "NULL" if value is None else f"'{_utc(value)}'"


def _text(value: str | None, quote: Callable[[str], str]) -> str:
    if value is None:
        return "NULL"
    # Most are words of ours, such as a currency, with nothing in them that would have to be quoted.
    return f"'{value}'" if value.isascii() and value.isalnum() else quote(value)


def _json(value: Any, quote: Callable[[str], str]) -> str:
    return "NULL" if value is None else "'{}'" if value == {} else quote(json_text(value))


_WRITERS: Mapping[type[TypeEngine[Any]], _Writer] = {
    BigInteger: _number,
    String: _text,
    Ascii: _text,
    Json: _json,
    Digest: _bytes,
    Identifier: _identifier,
    Moment: _moment,
}


@cache
def _update_from_json(table: Table, names: tuple[str, ...]) -> tuple[str, str]:
    read = ", ".join(
        f"{name} {_SQL_TYPES[type(table.c[name].type)]} PATH '$[{index}]'" for index, name in enumerate(names)
    )
    changes = ", ".join(f"{table.name}.{name} = {_value(table, name)}" for name in names if name != "id")
    return (
        f"UPDATE {table.name} JOIN JSON_TABLE(",
        f", '$[*]' COLUMNS ({read})) AS new_rows ON {table.name}.id = {_value(table, 'id')} SET {changes}",
    )


_SQL_TYPES = {
    BigInteger: "BIGINT",
    String: "VARCHAR(300)",
    Moment: "DATETIME(6)",
    # JSON knows no bytes.
    Digest: "CHAR(64)",
    Identifier: "CHAR(32)",
}


def _value(table: Table, name: str) -> str:
    binary = isinstance(table.c[name].type, Digest | Identifier)
    return f"UNHEX(new_rows.{name})" if binary else f"new_rows.{name}"


@lru_cache(maxsize=1024)
def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return _utc(value)
    if isinstance(value, bytes):
        return value.hex()
    return value if value is None or isinstance(value, int | str) else value.hex  # A UUID.
