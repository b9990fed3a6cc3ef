"""What routes are handed: the bank, who asks, and the idempotency key. None of them holds anything open."""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import Depends, Header, Request
from fastapi.exceptions import RequestValidationError
from fastapi.security import HTTPBearer

from bank_app.api.accepted import KEY_HEADER
from bank_app.database import Database
from bank_app.services.actor import Actor

_KEY = re.compile(r"[\x21-\x7e]{1,255}", re.ASCII)
# Nothing but a quote and a backslash is escaped there.
_QUOTED = re.compile(r'"((?:[^"\\]|\\["\\])*)"', re.ASCII)
_ESCAPED = re.compile(r'\\(["\\])')
_bearer = HTTPBearer(
    auto_error=False,
    scheme_name="bearer",
    bearerFormat="JWT",
    description="The access token of POST /api/v1/auth/login, for 15 minutes. Cookies are never looked at.",
)


async def _database(request: Request) -> Database:
    found: Database = request.app.state.db
    return found


async def _actor(request: Request, _: Annotated[Any, Depends(_bearer)]) -> Actor:
    # The route has already asked (see requests.ActorRoute): authentication comes before the body is judged.
    found: Actor = request.state.actor
    return found


async def _idempotency_key(
    request: Request,
    _: Annotated[
        str | None,
        Header(
            alias=KEY_HEADER,
            description="1 to 255 visible ASCII characters, remembered for ever for whoever is signed in. The same key "
            "with the same request gets the first answer again, refusals included, with `Idempotency-Replayed: true`. "
            'In double quotes it is the same key: `"abc"` is `abc`.',
            json_schema_extra={"minLength": 1, "maxLength": 512, "pattern": "^[!-~]+$"},
            examples=["3f6c0a52-rent-november"],
        ),
    ] = None,
) -> str | None:
    return idempotency_key(request)


def idempotency_key(request: Request) -> str | None:
    """The key of a request, if it has one: bare, or as the quoted string of RFC 9651, which is the same key unquoted.

    Raises:
        RequestValidationError: it is not one key of 1 to 255 visible ASCII characters.
    """
    sent = request.headers.getlist(KEY_HEADER)
    if not sent:
        return None
    key = _unquoted(sent[0]) if len(sent) == 1 else ""
    if not _KEY.fullmatch(key):
        message = f"Send one {KEY_HEADER} of 1 to 255 visible ASCII characters, bare or in double quotes."
        raise RequestValidationError([{"loc": ("header", KEY_HEADER), "type": "invalid", "msg": message}])
    return key


def _unquoted(text: str) -> str:
    """The content of a quoted string, or a bare key as it is; nothing when a quote has no other half."""
    if quoted := _QUOTED.fullmatch(text):
        return _ESCAPED.sub(r"\1", quoted[1])
    return "" if text.startswith('"') or text.endswith('"') else text


Bank = Annotated[Database, Depends(_database)]
SignedIn = Annotated[Actor, Depends(_actor)]
IdempotencyKey = Annotated[str | None, Depends(_idempotency_key)]
