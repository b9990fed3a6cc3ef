"""Reads what a browser sent. Type hints on handlers convert and do not check, so every value is taken as unknown."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from bank_app.domain.text import hidden_character, paragraphs


def text(value: object, limit: int = 200) -> str:
    """A trimmed line or paragraph without hidden characters; anything that is not text is empty."""
    return paragraphs(value[: limit * 4])[:limit] if isinstance(value, str) else ""


def field(form: object, name: str, limit: int = 200) -> str:
    """One field of a submitted form."""
    return text(form.get(name), limit) if isinstance(form, Mapping) else ""


def as_typed(form: object, name: str, limit: int = 1_000) -> str:
    """One field as it was sent, for a service that says what is wrong with it."""
    value = form.get(name) if isinstance(form, Mapping) else ""
    return value[:limit] if isinstance(value, str) else ""


def identifier(value: object) -> UUID | None:
    """A UUID from an address, or nothing."""
    try:
        return UUID(text(value, 40))
    except ValueError:
        return None


def local_path(value: object, otherwise: str = "/home") -> str:
    """A path on this site and nowhere else: the only kind of address that a page sends somebody on to."""
    path = value.strip()[:500] if isinstance(value, str) else ""
    # Browsers leave line breaks and tabs out of addresses: what begins with a slash and one could begin with two.
    strange = "\\" in path or hidden_character(path)
    return path if path.startswith("/") and not path.startswith(("//", "/auth")) and not strange else otherwise
