"""The session cookie: an opaque value that scripts cannot read and other sites cannot make the browser send."""

from __future__ import annotations

import http.cookies

from starlette.responses import Response

from bank_app.services.tokens import HALF_SESSION_SECONDS
from bank_app.settings import Settings

_KNOWN_FOR_SECONDS = 180 * 24 * 3600


def name(settings: Settings) -> str:
    """What a session is kept under."""
    return _named("bank_session", settings)


def device(settings: Settings) -> str:
    """What stays when a session ends: that this browser has signed somebody in. It opens nothing."""
    return _named("bank_device", settings)


def half(settings: Settings) -> str:
    """What holds between the password and the code of the second step; worth nothing by itself."""
    return _named("bank_half_session", settings)


def kept(settings: Settings) -> str:
    """Form values that are shown again after a refusal; never a password."""
    return _named("bank_kept", settings)


def _named(what: str, settings: Settings) -> str:
    """Each bank of a host has cookies of its own: they do not end at a port.

    `__Host-` binds the cookie to this host, but browsers take that name only over TLS.
    """
    return f"{'__Host-' if settings.cookies_are_secure else ''}{what}_{settings.mark}"


def value_of(header: str, cookie: str) -> str:
    """The value of one cookie in a raw `Cookie` header, or an empty string."""
    jar = http.cookies.SimpleCookie()
    try:
        jar.load(header or "")
    except http.cookies.CookieError:
        return ""
    found = jar.get(cookie)
    return found.value if found else ""


def session_token(header: str, settings: Settings) -> str:
    """The session token in a raw `Cookie` header, or an empty string."""
    return value_of(header, name(settings))


def set_session(response: Response, settings: Settings, token: str, max_age: int) -> None:
    """Gives the browser its session."""
    response.set_cookie(
        name(settings),
        token,
        max_age=max_age,
        path="/",
        httponly=True,
        samesite="strict",
        secure=settings.cookies_are_secure,
    )


def set_device(response: Response, settings: Settings, token: str) -> None:
    """Has the browser be known again at the next sign-in."""
    response.set_cookie(
        device(settings),
        token,
        max_age=_KNOWN_FOR_SECONDS,
        path="/",
        httponly=True,
        samesite="strict",
        secure=settings.cookies_are_secure,
    )


def set_half_session(response: Response, settings: Settings, token: str) -> None:
    """Lets the browser go on to the second step, for as long as that takes."""
    response.set_cookie(
        half(settings),
        token,
        max_age=HALF_SESSION_SECONDS,
        path="/",
        httponly=True,
        samesite="strict",
        secure=settings.cookies_are_secure,
    )


def clear_half_session(response: Response, settings: Settings) -> None:
    """The second step was taken, or is not wanted any more."""
    response.delete_cookie(
        half(settings), path="/", httponly=True, samesite="strict", secure=settings.cookies_are_secure
    )


def clear_session(response: Response, settings: Settings) -> None:
    """Takes the session from the browser."""
    response.delete_cookie(
        name(settings), path="/", httponly=True, samesite="strict", secure=settings.cookies_are_secure
    )


def keep(response: Response, settings: Settings, text: str) -> None:
    """Keeps what was typed for the one page that follows, out of the address and out of logs."""
    response.set_cookie(
        kept(settings), text, max_age=60, path="/", httponly=True, samesite="strict", secure=settings.cookies_are_secure
    )


def clear_kept(response: Response, settings: Settings) -> None:
    """What was typed was shown, or is not wanted any more."""
    response.delete_cookie(
        kept(settings), path="/", httponly=True, samesite="strict", secure=settings.cookies_are_secure
    )
