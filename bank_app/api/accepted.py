"""What an operation takes in its address and headers. Anything else is a typo, and a typo must never move money."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, get_origin

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel

KEY_HEADER = "Idempotency-Key"
_RAW_KEY = KEY_HEADER.lower().encode()
# As alike as one or two letters make two words of this length.
_ALIKE = 0.85
_UNKNOWN = "extra_forbidden"


class Accepted:
    """The query and the headers that one route takes, read from its declaration once."""

    def __init__(self, route: APIRoute) -> None:
        """Looks at the parameters of the route and of what it depends on."""
        found = list(_parameters(route.dependant))
        self._query = {name for place, name, _ in found if place == "query"}
        self.is_list = "limit" in self._query
        self._repeatable = {name for place, name, many in found if place == "query" and many}
        self._takes_key = any(place == "header" and name == KEY_HEADER for place, name, _ in found)

    def check(self, request: Request) -> None:
        """Refuses what the route does not take.

        Raises:
            RequestValidationError: an unknown parameter, one that is there twice, a key where none is taken, or a
                header that was meant to be a key.
        """
        wrong = self._wrong_query(request) if request.scope["query_string"] else []
        for raw, _ in request.scope["headers"]:
            if raw == _RAW_KEY:
                if not self._takes_key:
                    wrong.append(_wrong("header", KEY_HEADER, _UNKNOWN, "This operation takes no idempotency key."))
            elif _resembles_the_key(raw):
                message = f"There is no such header; it is written {KEY_HEADER}."
                wrong.append(_wrong("header", raw.decode("latin-1"), _UNKNOWN, message))
        if wrong:
            raise RequestValidationError(wrong)

    def _wrong_query(self, request: Request) -> list[dict[str, Any]]:
        times = Counter(name for name, _ in request.query_params.multi_items())
        return [
            _wrong("query", name, _UNKNOWN, "This operation has no such parameter.")
            if name not in self._query
            else _wrong("query", name, "given_twice", "This parameter is there more than once; which is meant?")
            for name, count in times.items()
            if name not in self._query or (count > 1 and name not in self._repeatable)
        ]


def _wrong(place: str, name: str, code: str, message: str) -> dict[str, Any]:
    return {"loc": (place, name), "type": code, "msg": message}


def _parameters(dependant: Dependant) -> Iterator[tuple[str, str, bool]]:
    """Where each parameter stands, its name, and whether it may be there more than once."""
    for place, fields in (("query", dependant.query_params), ("header", dependant.header_params)):
        for field in fields:
            kind = field.field_info.annotation
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                for name, inner in kind.model_fields.items():
                    yield place, inner.alias or name, get_origin(inner.annotation) is list
            else:
                yield place, field.alias, get_origin(kind) is list
    for inner_dependant in dependant.dependencies:
        yield from _parameters(inner_dependant)


@lru_cache(maxsize=4096)
def _resembles_the_key(raw: bytes) -> bool:
    """Whether a header was meant to be the key: `Idempotency_Key`, `Vendor-Idempotence-Id`, a typo.

    Whoever believes to have sent a key sends the request again, and would pay twice.
    """
    name = "".join(filter(str.isalpha, raw.decode("latin-1").lower())).removeprefix("x")
    meant = "".join(filter(str.isalpha, KEY_HEADER.lower()))
    return "idempot" in name or difflib.SequenceMatcher(None, name, meant).ratio() >= _ALIKE
