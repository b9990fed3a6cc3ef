"""What all lists share: pages by keyset, all of them as one text, opaque cursors, and searching by a part of a text."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from sqlalchemy import false
from sqlalchemy.orm import Session

from bank_app import errors
from bank_app.database import Database
from bank_app.domain.identifiers import bare_number
from bank_app.domain.search import pattern

T = TypeVar("T")
# Rows that a file or another long text reads at once; what is longer than this is large (see `work`).
PAGE_OF_FILES = 500


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Items of a list and the opaque cursor of the next page, None on the last.

    `searched_to` is set when a search took too long: nothing older than that was looked at yet, and the cursor goes on
    from there.
    """

    items: list[T]
    next_cursor: str | None
    searched_to: datetime | None = None


class Pages(Generic[T]):
    """All items of a list, for whoever reads them once and in order: a page in memory at a time.

    Each page is read by itself when it is wanted, so that between two of them, however long that takes, no connection
    is held and no old snapshot kept. The list is one whose cursors hold still while rows are added to it.
    """

    def __init__(self, db: Database, read: Callable[[Session, str | None], Page[T]]) -> None:
        """Reads the first page; `read` is given one cursor after the other, None first."""
        self._db, self._read = db, read
        self._page = self._next(None)
        self.rows = len(self._page.items)

    @property
    def are_many(self) -> bool:
        """Whether there is more than the page that was read last."""
        return self._page.next_cursor is not None

    def __iter__(self) -> Iterator[list[T]]:
        """The items, page by page."""
        yield self._page.items
        while self._page.next_cursor is not None:
            self._page = self._next(self._page.next_cursor)
            self.rows += len(self._page.items)
            yield self._page.items

    def _next(self, cursor: str | None) -> Page[T]:
        return self._db.read(lambda session: self._read(session, cursor))


@dataclass(frozen=True, slots=True)
class Text:
    """A text that is as long as a list: in pieces, of which each holds a page, to be taken once and in order."""

    pieces: Iterator[str]
    pages: Pages[Any]


def contains(column: Any, text: str) -> Any:
    """Whether a column has `text` in it as people read it, the same on every engine; nothing in it is a wildcard."""
    sought = pattern(text)
    # MySQL refuses a pattern of nothing.
    return column.regexp_match(sought) if sought else column.is_not(None)


def has_number(column: Any, text: str) -> Any:
    """Whether an account's number is what `text` says; never, if `text` is no number."""
    written = bare_number(text)
    return column == int(written) if written.isascii() and written.isdigit() and len(written) <= 10 else false()


def make_cursor(*parts: str) -> str:
    """An opaque cursor of the last row's sort key."""
    return base64.urlsafe_b64encode("|".join(parts).encode()).decode().rstrip("=")


def split_cursor(cursor: str, parts: int) -> list[str]:
    """The sort key in a cursor.

    Raises:
        Invalid: it is not one of ours.
    """
    found = read_cursor(cursor)
    if len(found) != parts:
        raise bad_cursor()
    return found


def read_cursor(cursor: str) -> list[str]:
    """The parts of a cursor that has any number of them.

    Raises:
        Invalid: it is not one of ours.
    """
    try:
        return base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().split("|")
    except (ValueError, UnicodeError):
        raise bad_cursor() from None


def split_moment(cursor: str) -> tuple[datetime, str]:
    """The sort key of rows that are ordered by time: the moment, and what tells rows of one moment apart.

    Raises:
        Invalid: as `split_cursor`.
    """
    at, rest = split_cursor(cursor, 2)
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        raise bad_cursor() from None
    # A time without offset would be read as the server's.
    if moment.tzinfo is None:
        raise bad_cursor()
    return moment, rest


def split_id(cursor: str) -> UUID:
    """The sort key of rows that are ordered by their id.

    Raises:
        Invalid: as `split_cursor`.
    """
    try:
        return UUID(split_cursor(cursor, 1)[0])
    except ValueError:
        raise bad_cursor() from None


def split_number(cursor: str) -> int:
    """The sort key of rows that are ordered by a number.

    Raises:
        Invalid: as `split_cursor`.
    """
    [number] = split_cursor(cursor, 1)
    if not (number.isascii() and number.isdigit() and len(number) <= 18):
        raise bad_cursor()
    return int(number)


def bad_cursor() -> errors.Invalid:
    """The refusal of a cursor that no list of ours has given out."""
    return errors.Invalid(
        "This cursor is not one of ours.",
        errors=[{"field": "cursor", "code": "invalid", "message": "Not a cursor of this list."}],
    )
