"""JSON documents with a list that is longer than the rest: written in pieces, the same bytes as written at once."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any


def pieces(
    before: Mapping[str, Any],
    name: str,
    pages: Iterable[Sequence[Any]],
    after: Mapping[str, Any] | None = None,
    *,
    indent: int,
) -> Iterator[str]:
    """An object whose member `name` is a list that comes in pages: a piece for each, and the last one for its end.

    Put together they are what `json.dumps` makes of the whole with this indent, and text as it is.
    """
    margin, within = "\n" + " " * indent, "\n" + " " * indent * 2
    head = "{" + "".join(f"{member}," for member in _members(before, margin, indent)) + f"{margin}{json.dumps(name)}: ["
    separator = ""
    for page in pages:
        written = ""
        for item in page:
            written += f"{separator}{within}{_dumped(item, within, indent)}"
            separator = ","
        yield head + written
        head = ""
    end = f"{margin}]" if separator else "]"
    yield head + end + "".join(f",{member}" for member in _members(after or {}, margin, indent)) + "\n}"


def _members(some: Mapping[str, Any], margin: str, indent: int) -> Iterator[str]:
    for name, value in some.items():
        yield f"{margin}{json.dumps(name)}: {_dumped(value, margin, indent)}"


def _dumped(value: Any, margin: str, indent: int) -> str:
    # A line break within a text is escaped: those that are there are our own.
    return json.dumps(value, ensure_ascii=False, indent=indent).replace("\n", margin)
