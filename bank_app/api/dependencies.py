"""What routes are handed: the bank, who asks, and the idempotency key. None of them holds anything open."""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import Depends, Header, Request
from fastapi.exceptions import RequestValidationError
from fastapi.security import HTTPBearer

from bank_app.database import Database
from bank_app.services.auth import Actor

_KEY = re.compile(r"[\x21-\x7e]{1,255}", re.ASCII)
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
            alias="Idempotency-Key",
            description="1 to 255 visible ASCII characters, remembered for ever for whoever is signed in. The same key "
            "with the same body gets the first answer again, refusals included, with `Idempotency-Replayed: true`.",
            json_schema_extra={"minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
            examples=["3f6c0a52-rent-november"],
        ),
    ] = None,
) -> str | None:
    return idempotency_key(request)


def idempotency_key(request: Request) -> str | None:
    """The key of a request, if it has one.

    Raises:
        RequestValidationError: it is not one key of 1 to 255 visible ASCII characters.
    """
    sent = request.headers.getlist("idempotency-key")
    if not sent:
        return None
    if len(sent) > 1 or not _KEY.fullmatch(sent[0]):
        message = "Send one Idempotency-Key of 1 to 255 visible ASCII characters."
        raise RequestValidationError([{"loc": ("header", "Idempotency-Key"), "type": "invalid", "msg": message}])
    return sent[0]


Bank = Annotated[Database, Depends(_database)]
SignedIn = Annotated[Actor, Depends(_actor)]
IdempotencyKey = Annotated[str | None, Depends(_idempotency_key)]
