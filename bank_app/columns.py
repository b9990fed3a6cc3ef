"""Column types, and sums, that must mean the same on every engine."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BINARY, VARBINARY, DateTime, Dialect, LargeBinary, String, Text
from sqlalchemy.dialects import mysql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine

from bank_app.domain.text import CODE_POINTS


def _bytes(dialect: Dialect, exact: TypeEngine[Any]) -> TypeEngine[Any]:
    """SQLite gives a column declared BINARY a numeric affinity; BLOB is what it means."""
    return dialect.type_descriptor(LargeBinary() if dialect.name == "sqlite" else exact)


def written(characters: int) -> TypeEngine[str]:
    """Text of so many characters as people count them; SQLite keeps whatever it is given."""
    return String(characters).with_variant(mysql.VARCHAR(characters * CODE_POINTS), "mysql")


class Identifier(TypeDecorator[UUID]):
    """A UUID in 16 bytes, in the order of its text, so that UUIDv7 rows are clustered by time."""

    impl = BINARY(16)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Sixteen bytes."""
        return _bytes(dialect, BINARY(16))

    def process_bind_param(self, value: UUID | None, dialect: Dialect) -> bytes | None:
        """To the database."""
        return None if value is None else value.bytes

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> UUID | None:
        """From the database."""
        return None if value is None else UUID(bytes=bytes(value))


class Digest(TypeDecorator[bytes]):
    """A SHA-256 in 32 bytes."""

    impl = BINARY(32)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Thirty-two bytes."""
        return _bytes(dialect, BINARY(32))

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> bytes | None:
        """Drivers hand out bytearray or memoryview for it; bytes compare and hash."""
        return None if value is None else bytes(value)


class ReferenceBits(TypeDecorator[bytes]):
    """The five bytes of an identifier that people read out."""

    impl = BINARY(5)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Five bytes."""
        return _bytes(dialect, BINARY(5))


class Ascii(TypeDecorator[str]):
    """Visible ASCII compared byte by byte: no collation can make two different keys equal."""

    impl = VARBINARY
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """As many bytes as the column says."""
        return _bytes(dialect, self.impl_instance)

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:
        """To the database."""
        return None if value is None else value.encode("ascii")

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> str | None:
        """From the database."""
        return None if value is None else bytes(value).decode("ascii")


class Moment(TypeDecorator[datetime]):
    """An instant in UTC with microseconds; aware in Python, DATETIME(6) or text in the database."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """MySQL cuts a plain DATETIME to whole seconds."""
        return dialect.type_descriptor(mysql.DATETIME(fsp=6) if dialect.name == "mysql" else DateTime())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To the database."""
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """From the database."""
        return None if value is None else value.replace(tzinfo=UTC)


class DatabaseTime(FunctionElement[datetime]):
    """The clock of the database server, to the microsecond; NULL on the embedded engine, which has ours."""

    type = Moment()
    inherit_cache = True


@compiles(DatabaseTime)
def _no_clock(_element: DatabaseTime, _compiler: Any, **_options: Any) -> str:
    return "NULL"


@compiles(DatabaseTime, "mysql")
def _clock_of_server(_element: DatabaseTime, _compiler: Any, **_options: Any) -> str:
    return "UTC_TIMESTAMP(6)"


class NextPosition(FunctionElement[int]):
    """The place of a new transaction: on a server the next number, which NULL asks for; the embedded engine counts."""

    inherit_cache = True


@compiles(NextPosition)
def _counted(_element: NextPosition, _compiler: Any, **_options: Any) -> str:
    return "(SELECT coalesce(max(position), 0) + 1 FROM transactions)"


@compiles(NextPosition, "mysql")
def _given_out(_element: NextPosition, _compiler: Any, **_options: Any) -> str:
    return "NULL"


def json_text(value: Any) -> str:
    """JSON as it is kept: keys sorted, no white space."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


class Json(TypeDecorator[Any]):
    """JSON kept as the text that was hashed: a native JSON column may reorder keys and rewrite numbers."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """To the database."""
        return None if value is None else json_text(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """From the database."""
        return None if value is None else json.loads(value)


# --- sums -------------------------------------------------------------------------------------------------

_HALF = 32


class _WholeNumber(TypeDecorator[int]):
    """A sum as it comes from the engine: a DECIMAL, or the sums of the high and the low half; nothing adds up to 0."""

    impl = Text
    cache_ok = True

    def process_result_value(self, value: Any, dialect: Dialect) -> int:
        """From the database."""
        if value is None:
            return 0
        if not isinstance(value, str):
            return int(value)
        high, _, low = value.partition(" ")
        return (int(high) << _HALF) + int(low)


class total(FunctionElement[int]):  # noqa: N801 - reads like the functions beside it
    """The exact sum of a column of whole numbers, 0 of no rows, however large it gets. Only to be read, not compared.

    Two amounts that fit into 64 bits may add up to one that does not. Servers add as DECIMAL; the embedded engine
    gives up with "integer overflow", or answers with a float, so there the halves of each number are added apart.
    """

    type = _WholeNumber()
    inherit_cache = True


@compiles(total)
def _decimal_sum(element: total, compiler: SQLCompiler, **options: Any) -> str:
    return f"SUM({compiler.process(element.clauses, **options)})"


@compiles(total, "sqlite")
def _sum_of_halves(element: total, compiler: SQLCompiler, **options: Any) -> str:
    number = compiler.process(element.clauses, **options)
    return f"(SUM(({number}) >> {_HALF}) || ' ' || SUM(({number}) & {2**_HALF - 1}))"
