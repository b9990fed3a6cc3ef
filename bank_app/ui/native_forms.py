"""Forms that a browser posts by itself: reading them, whose they are, and the way back when they are refused.

Whatever sets or takes a cookie, and whatever carries a password, comes this way: no password enters a State.
"""

from __future__ import annotations

import json
from html import escape
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from fastapi import Request
from starlette.datastructures import FormData
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from bank_app.database import Database
from bank_app.errors import (
    BankError,
    EmailTaken,
    Invalid,
    PasswordsBusy,
    SecondFactorUsed,
    SecondFactorWrong,
    SignInLocked,
    Throttled,
)
from bank_app.services import auth, proxies, step_up
from bank_app.services.actor import Actor
from bank_app.services.hashing import desk
from bank_app.services.security_events import Event
from bank_app.settings import Settings
from bank_app.ui import calls, cookies, forms
from bank_app.ui.guard import sign_in_address

_LARGEST_FORM = 8_192
_FOREIGN = "This form was sent from another site."


def password(form: FormData, name: str = "password") -> str:
    """As typed: spaces at its ends belong to a password."""
    return str(form.get(name, ""))[:1000]


def wanted_page(request: Request, form: FormData, otherwise: str = "/home") -> str:
    """Where somebody was going when he had to sign in: as the form says, or the address of the page that it is on.

    The form learns it once the page has its connection, and whoever is quicker than that has filled it in by then.
    """
    page = parse_qs(urlsplit(request.headers.get("referer", "")).query)
    return forms.local_path(form.get("next"), "") or forms.local_path(page.get("next", [""])[0], otherwise)


async def posted(request: Request, settings: Settings, *, hashes: str = "") -> tuple[FormData, Response | None]:
    """The submitted form, or the answer to a form that is not ours or too large.

    `hashes` is the page of a form of which each takes a hash of a password: turned away unread while too many do.
    """
    if not own_origin(request, settings):
        return FormData(), foreign(request)
    length = request.headers.get("content-length", "")
    if not length.isdigit() or int(length) > _LARGEST_FORM:
        return FormData(), PlainTextResponse("This form is too large.", 413)
    if hashes:
        try:
            desk.require_room()
        except PasswordsBusy as error:
            return FormData(), back(hashes, error, settings, {}, "")
    return await request.form(max_files=0, max_fields=20), None


async def signed_in(
    request: Request, db: Database, settings: Settings, page: str, *, enrolling: bool = False
) -> tuple[FormData, Actor | None, Response | None]:
    """A form of somebody signed in, or the answer to one that is not; `page` is where it stands.

    Raises:
        EnrolmentRequired: as `auth.actor_of_cookie`.
    """
    form, refused = await posted(request, settings, hashes=page)
    if refused:
        return form, None, refused
    actor, token = await calls.sender_of(request, db, settings, enrolling=enrolling)
    return form, actor, None if actor else await gone(db, token, page)


async def with_code(form: FormData, db: Database, actor: Actor) -> Actor:
    """Whoever sent a form, with the code that he may have given in it.

    Raises:
        SecondFactorWrong, SecondFactorUsed, Throttled, NotFound: as `step_up.prove`.
    """
    code = str(form.get("code", ""))[:40].strip()
    return await calls.call(step_up.prove, db, actor, code=code) if code else actor


def own_origin(request: Request, settings: Settings) -> bool:
    """Whether the form comes from one of our own pages. The cookie is SameSite=Strict besides."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = request.headers.get("origin")
    if origin is None:
        return True
    # Behind a proxy that ends TLS the scheme we see is not the one people use, so hosts are compared.
    host = origin.partition("://")[2] or "\0"
    return host in {request.headers.get("host", ""), urlsplit(settings.public_url).netloc}


def whence(request: Request, settings: Settings) -> dict[str, Any]:
    """Where a request comes from, the session that a new one ends, and what the browser is known by."""
    return {
        "address": proxies.address_in(settings, request.scope),
        "user_agent": request.headers.get("user-agent", "")[:300],
        "replaces": request.cookies.get(cookies.name(settings), ""),
        "device": request.cookies.get(cookies.device(settings), "")[:100],
    }


def foreign(request: Request) -> Response:
    """The answer to what another site made a browser send, which is written down."""
    origin = request.headers.get("origin", "")[:80]
    calls.note(Event.OTHER_SITE, reason="form", thing=f"{request.method} {request.url.path}", facts={"origin": origin})
    return PlainTextResponse(_FOREIGN, 403)


def enter(settings: Settings, opened: auth.BrowserSession, path: str) -> Response:
    """Gives a browser its session and sends it on."""
    response = RedirectResponse(path, 303)
    cookies.set_session(response, settings, opened.token, opened.max_age_seconds)
    cookies.set_device(response, settings, opened.device)
    cookies.clear_kept(response, settings)
    cookies.clear_half_session(response, settings)
    return response


async def gone(db: Database, token: str, page: str) -> Response:
    """The answer to a form of somebody whose session has ended: how it did, and the way back to the page."""
    ended = await calls.call(auth.end_of_session, db, token) if token else None
    return RedirectResponse(sign_in_address(page, ended=ended), 303)


def half_way(settings: Settings, half_session: str, path: str) -> Response:
    """To the page of the code, with what proves that the password was right."""
    response = RedirectResponse("/sign-in/code" + (f"?{urlencode({'next': path})}" if path else ""), 303)
    cookies.set_half_session(response, settings, half_session)
    cookies.clear_kept(response, settings)
    return response


def back(
    page: str,
    error: BankError,
    settings: Settings,
    typed: dict[str, str],
    path: str,
    *,
    problem: str = "",
    **query: str,
) -> Response:
    """Back to the form, saying which message to show; what was typed comes along in a cookie, not in the address.

    `problem` is the message if the form knows better than the error which one is right.
    """
    query["problem"] = problem or problem_of(error)
    if isinstance(error, Throttled) and "retry_after" in error.details:
        query["wait"] = str(error.details["retry_after"])
    if path:
        query["next"] = path
    address = f"{page}?{urlencode(query)}"
    response = _busy(error, address) if isinstance(error, PasswordsBusy) else RedirectResponse(address, 303)
    if typed:
        cookies.keep(response, settings, quote(json.dumps(typed)))
    return response


def _busy(error: PasswordsBusy, address: str) -> Response:
    """Says to programs that nothing was tried, and leads people back to the form, which says it to them."""
    headers = {"retry-after": str(error.details["retry_after"]), "refresh": f"0; url={address}"}
    text = f'<!doctype html><title>Busy</title><p>{escape(error.detail)} <a href="{escape(address)}">Go back</a></p>'
    return HTMLResponse(text, 503, headers)


def problem_of(error: BankError) -> str:
    """The message of the catalogue that an error has on a page of signing in."""
    if isinstance(error, SignInLocked):
        return "SIGNIN_LOCKED"
    if isinstance(error, SecondFactorUsed):
        return "TWOFA_RECOVERY_USED" if error.details.get("reason") == "recovery" else "TWOFA_USED"
    if isinstance(error, SecondFactorWrong):
        return "TWOFA_EXPIRED" if error.details.get("reason") == "expired" else "TWOFA_WRONG"
    if isinstance(error, EmailTaken):
        return error.code
    if isinstance(error, Invalid):
        errors = error.details.get("errors") or [{}]
        first = errors[0]
        code: str = first.get("code", error.code)
        return "NAME_REQUIRED" if code == "NAME_INVALID" else code
    return error.code
