"""Every CSV file of the bank: RFC 4180, all cells quoted, and no cell that a spreadsheet would run.

Spreadsheets run what begins like a formula. Where lists are separated by semicolons, as in half of Europe, they also
read what stands behind a semicolon as a cell of its own, quoted or not. An apostrophe in front makes text of both; text
that begins with an apostrophe gets one as well, so that two texts never become one.
"""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

import regex

from bank_app.domain.text import visible

Cell = str | int | float | None
MARK = "\ufeff"  # By this spreadsheets know UTF-8. Programs need none: it goes on files that people download.
# Where a cell begins: at its start, and behind what other lists are separated by. Quotes and blanks in front of a
# formula keep no program from running it.
_BEGINNING = regex.compile(r"(?: ^ | (?<=[;|\t\r\n]) ) (?= [\s\"\p{DI}\p{Cf}\p{Cc}]* ([^\s\"\p{DI}\p{Cf}\p{Cc}]) )",
                           regex.VERSION1 | regex.VERBOSE)  # fmt: skip
_NUMBER = regex.compile(r"[-+]?[0-9]+(\.[0-9]+)?")
_ONES_OWN = "'"
_RUN = "=+-@"


def as_csv(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """A header and its rows. A number is left as it is; what nobody would see in a text is spelt out."""
    return "".join(pieces(columns, [rows]))


def pieces(columns: Sequence[str], pages: Iterable[Iterable[Sequence[Cell]]]) -> Iterator[str]:
    """The same for rows that come in pages: a piece for each, the header with the first, or by itself if none comes."""
    head = _lines([columns])
    for rows in pages:
        yield head + _lines([_cell(cell) for cell in row] for row in rows)
        head = ""
    if head:
        yield head


def _lines(rows: Iterable[Sequence[Cell]]) -> str:
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerows(rows)
    return out.getvalue()


def _cell(value: Cell) -> str:
    text = "" if value is None else str(value)
    return text if _NUMBER.fullmatch(text) else _harmless(visible(text))


def _harmless(text: str) -> str:
    return _BEGINNING.sub(lambda found: _ONES_OWN if _first(found[1]) in _RUN + _ONES_OWN else "", text)


def _first(letter: str) -> str:
    """The letter as a spreadsheet may take it: a full-width or small sign is the sign."""
    return unicodedata.normalize("NFKC", letter)[0]
