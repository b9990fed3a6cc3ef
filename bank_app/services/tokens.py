"""Signed tokens: what an API client shows for a quarter of an hour, and what a browser holds between its two steps."""

from __future__ import annotations

import contextlib
import threading
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import jwt
from cachetools import LRUCache

from bank_app import clock, errors
from bank_app.domain.identifiers import new_id
from bank_app.keys import Key
from bank_app.settings import Settings

HALF_SESSION_SECONDS = 300
_SIGNATURE_ONLY: Any = {"verify_exp": False, "verify_iat": False, "verify_aud": False}
_ISSUER, _ALGORITHM = "bank_app", "HS256"
# Audience and type keep the two kinds apart: neither is taken for the other.
_ACCESS, _HALF = ("bank_app/api/v1", "at+jwt"), ("bank_app/sign-in/code", "half+jwt")
# What a token says never changes, so its signature is checked once; whether it still counts is asked every time.
_read_tokens: LRUCache[tuple[tuple[Key, ...], str], tuple[UUID, datetime]] = LRUCache(maxsize=10_000)
_remembering = threading.Lock()


def access_token(settings: Settings, user_id: UUID, sign_in_id: UUID) -> str:
    """A token that speaks for a sign-in."""
    lasts = timedelta(minutes=settings.access_token_minutes)
    return _signed(settings, _ACCESS, lasts, sub=str(user_id), sid=str(sign_in_id))


def sign_in_of_access_token(settings: Settings, token: str) -> UUID:
    """Which sign-in an access token speaks for; whether that still counts only the database knows.

    Raises:
        TokenExpired: it was ours and its time is over.
        NotSignedIn: it is not ours.
    """
    with _remembering:
        remembered = _read_tokens.get((settings.ring.keys, token))
    if remembered and clock.now() < remembered[1]:
        return remembered[0]
    try:
        claims = _claims(settings, _ACCESS, token)
        sign_in_id = UUID(claims["sid"])
    except jwt.ExpiredSignatureError:
        raise errors.TokenExpired("The access token has expired; refresh it.") from None
    except (jwt.InvalidTokenError, ValueError, KeyError):
        raise not_valid() from None
    with _remembering:
        _read_tokens[settings.ring.keys, token] = (sign_in_id, datetime.fromtimestamp(claims["exp"], UTC))
    return sign_in_id


def not_valid() -> errors.NotSignedIn:
    """The one sentence for tokens that are not ours and for those that were revoked."""
    return errors.NotSignedIn("The access token is not valid.")


def half_session(settings: Settings, user_id: UUID, mark: str) -> str:
    """A token of somebody whose password was right; worth nothing without a code. `mark` ends it when it changes."""
    return _signed(settings, _HALF, timedelta(seconds=HALF_SESSION_SECONDS), sub=str(user_id), mark=mark)


def holder_of_half_session(settings: Settings, token: str) -> tuple[UUID, str] | None:
    """Whose half session it is, and its mark; None if it is not ours or its five minutes are over."""
    try:
        claims = _claims(settings, _HALF, token)
        return UUID(claims["sub"]), str(claims["mark"])
    except (jwt.InvalidTokenError, ValueError, KeyError):
        return None


def _signed(settings: Settings, kind: tuple[str, str], lasts: timedelta, **claims: str) -> str:
    audience, typ = kind
    now = clock.now()
    all_claims: dict[str, Any] = {
        "iss": _ISSUER,
        "aud": audience,
        "jti": str(new_id()),
        "iat": int(now.timestamp()),
        "exp": int((now + lasts).timestamp()),
        **claims,
    }
    key = settings.ring.newest
    return jwt.encode(all_claims, key.secret, algorithm=_ALGORITHM, headers={"typ": typ, "kid": key.id})


def _key_of(settings: Settings, header: dict[str, Any], token: str) -> str:
    """The key that a token says it was signed with; of one that does not say so, the one that fits."""
    if "kid" in header:
        key = settings.ring.get(str(header["kid"]))
        if key is None:
            raise jwt.InvalidTokenError
        return key.secret
    for key in settings.ring.keys:
        with contextlib.suppress(jwt.InvalidSignatureError):
            jwt.decode(token, key.secret, algorithms=[_ALGORITHM], options=_SIGNATURE_ONLY)
            return key.secret
    raise jwt.InvalidTokenError


def _claims(settings: Settings, kind: tuple[str, str], token: str) -> dict[str, Any]:
    audience, typ = kind
    header = jwt.get_unverified_header(token)
    claims: dict[str, Any] = jwt.decode(
        token,
        _key_of(settings, header, token),
        algorithms=[_ALGORITHM],
        audience=audience,
        issuer=_ISSUER,
        # The time is the bank's own, which tests and demo data can move.
        options={"require": ["exp", "iat", "sub", "iss", "aud"], "verify_exp": False, "verify_iat": False},
    )
    if header.get("typ") != typ or not isinstance(claims["exp"], int):
        raise jwt.InvalidTokenError
    if claims["exp"] <= clock.now().timestamp():
        raise jwt.ExpiredSignatureError
    return claims
