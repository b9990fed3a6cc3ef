"""Reads what a browser sent. Type hints on handlers convert and do not check, so every value is taken as unknown."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from uuid import UUID


def text(value: object, limit: int = 200) -> str:
    """A trimmed line or paragraph without control characters; anything that is not text is empty."""
    if not isinstance(value, str):
        return ""
    kept = "".join(letter for letter in value[: limit * 4] if letter == "\n" or unicodedata.category(letter) != "Cc")
    return kept.strip()[:limit]


def field(form: object, name: str, limit: int = 200) -> str:
    """One field of a submitted form."""
    return text(form.get(name), limit) if isinstance(form, Mapping) else ""


def identifier(value: object) -> UUID | None:
    """A UUID from an address, or nothing."""
    try:
        return UUID(text(value, 40))
    except ValueError:
        return None


def local_path(value: object, otherwise: str = "/home") -> str:
    """A path on this site and nowhere else: the only kind of address that a page sends somebody on to."""
    path = text(value, 500)
    # Browsers leave line breaks out of addresses: what begins with a slash and one could begin with two.
    safe = path.startswith("/") and not path.startswith(("//", "/auth")) and not {"\\", "\n"} & set(path)
    return path if safe else otherwise
