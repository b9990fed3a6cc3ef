"""Many rows in one statement whose text is the same however many they are, so that it is built and compiled once."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, String, Table, TextClause, bindparam, insert, text, update
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeEngine

from bank_app.columns import Ascii, Digest, Identifier, Json, Moment, json_text

# Servers refuse statements above max_allowed_packet, which nobody sets below some megabytes.
_LONGEST_STATEMENT = 1_000_000


def update_rows(session: Session, table: Table, rows: Sequence[Mapping[str, Any]]) -> int:
    """Sets in each row, named by its `id`, the other columns that are given; all rows give the same ones.

    Args:
        session: Of the unit of work that holds these rows.
        table: A table whose key is `id`; its columns here are whole numbers, texts, digests, identifiers and moments.
        rows: The new values; at least one row.

    Returns:
        How many rows were found.
    """
    names = tuple(rows[0])
    if session.get_bind().dialect.name == "sqlite":
        # No round trip is saved where there is none; the driver runs one prepared statement for each row.
        one = update(table).where(table.c.id == bindparam("key"))
        changes = one.values({name: bindparam(name) for name in names if name != "id"})
        return session.connection().execute(changes, [{"key": row["id"], **row} for row in rows]).rowcount
    values = json.dumps([[_plain(row[name]) for name in names] for row in rows], separators=(",", ":"))
    return int(session.execute(_update_from_json(table, names), {"new_rows": values}).rowcount)  # type: ignore[attr-defined]


def insert_rows(session: Session, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Inserts rows, all with the same columns: one statement, or one for each megabyte.

    Written out instead of bound: a bound value passes through five functions on its way into the same text, and most
    of these are numbers and digests. Whatever a person may have typed is quoted by the driver itself.
    """
    if not rows:
        return
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        connection.execute(insert(table), rows)
        return
    writers = _writers(table, tuple(rows[0]))
    quote = connection.connection.driver_connection.escape  # type: ignore[union-attr]
    spell = connection.dialect.identifier_preparer.quote
    head = f"INSERT INTO {spell(table.name)} ({', '.join(map(spell, rows[0]))}) VALUES "  # noqa: S608 - names of ours
    texts = ["(" + ",".join([write(row[name], quote) for name, write in writers]) + ")" for row in rows]
    start = 0
    while start < len(texts):
        end, size = start, 0
        while end < len(texts) and (end == start or size + len(texts[end]) < _LONGEST_STATEMENT):
            size += len(texts[end])
            end += 1
        statement = head + ",".join(texts[start:end])
        # No parameters at all: a % in somebody's text is no place for one.
        connection.exec_driver_sql(statement, execution_options={"no_parameters": True})
        start = end


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
    return "NULL" if value is None else f"'{_plain(value)}'"


def _text(value: str | None, quote: Callable[[str], str]) -> str:
    return "NULL" if value is None else quote(value)


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
def _update_from_json(table: Table, names: tuple[str, ...]) -> TextClause:
    read = ", ".join(
        f"{name} {_SQL_TYPES[type(table.c[name].type)]} PATH '$[{index}]'" for index, name in enumerate(names)
    )
    changes = ", ".join(f"{table.name}.{name} = {_value(table, name)}" for name in names if name != "id")
    source = f"JSON_TABLE(:new_rows, '$[*]' COLUMNS ({read})) AS new_rows"
    return text(f"UPDATE {table.name} JOIN {source} ON {table.name}.id = {_value(table, 'id')} SET {changes}")  # noqa: S608


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


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")
    if isinstance(value, bytes):
        return value.hex()
    return value if value is None or isinstance(value, int | str) else value.hex  # A UUID.
