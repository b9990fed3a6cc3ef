"""The routes that are not pages: forms that set or take the session cookie, and downloads. Plain HTTP, no State."""

from __future__ import annotations

import json
import logging
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from fastapi import FastAPI, Request
from sqlalchemy.orm import Session
from starlette.datastructures import FormData
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from bank_app import demo
from bank_app.database import Database
from bank_app.errors import BankError, EmailTaken, Invalid, NotFound, Throttled
from bank_app.services import accounts, auth
from bank_app.settings import Settings
from bank_app.ui import calls, cookies, forms, lookups
from bank_app.ui.exports import export_entries

log = logging.getLogger(__name__)
_LARGEST_FORM = 8_192
_FOREIGN = "This form was sent from another site."


def create_routes(db: Database, settings: Settings) -> FastAPI:
    """The routes of the browser, on the same origin as the pages."""
    routes = FastAPI(title="Browser", docs_url=None, redoc_url=None, openapi_url=None)
    _add_sign_in(routes, db, settings)
    _add_sign_up(routes, db, settings)
    _add_sign_out(routes, db, settings)
    _add_export(routes, db, settings)
    return routes


def _add_sign_in(routes: FastAPI, db: Database, settings: Settings) -> None:
    @routes.post("/auth/login")
    async def login(request: Request) -> Response:
        form, refused = await _form(request, settings)
        if refused:
            return refused
        email, password, whence = forms.field(form, "email", 254), _password(form), _from(request, settings)
        try:
            lookups.count_form(whence["address"], settings)
            opened = await calls.call_apart(auth.open_browser_session, db, email=email, password=password, **whence)
        except BankError as error:
            return _back("/sign-in", error, settings, {"email": email}, forms.local_path(form.get("next"), ""))
        return _enter(settings, opened, forms.local_path(form.get("next")))

    @routes.post("/auth/demo")
    async def walk_in(request: Request) -> Response:
        form, refused = await _form(request, settings)
        if refused:
            return refused
        email = forms.field(form, "email", 254)
        try:
            if not demo.is_somebody(email):
                raise NotFound("There is no such page.")
            opened = await calls.call(auth.open_demo_session, db, email=email, **_from(request, settings))
        except BankError as error:
            return _back("/sign-in", error, settings, {}, "")
        return _enter(settings, opened, forms.local_path(form.get("next")))


def _add_sign_up(routes: FastAPI, db: Database, settings: Settings) -> None:
    @routes.post("/auth/register")
    async def register(request: Request) -> Response:
        form, refused = await _form(request, settings)
        if refused:
            return refused
        if not settings.sign_up:
            return RedirectResponse("/sign-up?problem=SIGNUP_DISABLED", 303)
        email, name, password = forms.field(form, "email", 254), forms.field(form, "name", 100), _password(form)
        whence = _from(request, settings)
        try:
            lookups.count_form(whence["address"], settings)
            await calls.call_apart(auth.register, db, email=email, name=name, password=password)
            opened = await calls.call_apart(auth.open_browser_session, db, email=email, password=password, **whence)
            await calls.call(_first_account, db, settings, opened.token)
        except BankError as error:
            return _back("/sign-up", error, settings, {"email": email, "name": name}, "")
        return _enter(settings, opened, "/home")


def _add_sign_out(routes: FastAPI, db: Database, settings: Settings) -> None:
    @routes.post("/auth/logout")
    async def logout(request: Request) -> Response:
        if not _own_origin(request, settings):
            return PlainTextResponse(_FOREIGN, 403)
        token = request.cookies.get(cookies.name(settings), "")
        if token:
            await calls.call(auth.close_browser_session, db, token)
        response = RedirectResponse("/sign-in?signed-out=1", 303)
        cookies.clear_session(response, settings)
        return response


def _add_export(routes: FastAPI, db: Database, settings: Settings) -> None:
    @routes.get("/accounts/{account}/export.csv")
    async def export(request: Request, account: str) -> Response:
        token = request.cookies.get(cookies.name(settings), "")
        actor = await calls.call(auth.actor_of_cookie, db, token) if token else None
        if actor is None:
            return RedirectResponse(f"/sign-in?next=/accounts/{quote(account)}", 303)
        query = dict(request.query_params)
        try:
            name, text = await calls.read(lambda session: export_entries(session, actor, account, query))
        except BankError as error:
            return PlainTextResponse(error.detail, 503 if error.code == "database_unavailable" else 404)
        headers = {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}
        return Response(text, media_type="text/csv; charset=utf-8", headers=headers)


def _password(form: FormData) -> str:
    """As typed: spaces at its ends belong to a password."""
    return str(form.get("password", ""))[:1000]


async def _form(request: Request, settings: Settings) -> tuple[FormData, Response | None]:
    """The submitted form, or the answer to a form that is not ours or too large."""
    if not _own_origin(request, settings):
        log.warning("form refused: sent from another site")
        return FormData(), PlainTextResponse(_FOREIGN, 403)
    length = request.headers.get("content-length", "")
    if not length.isdigit() or int(length) > _LARGEST_FORM:
        return FormData(), PlainTextResponse("This form is too large.", 413)
    return await request.form(max_files=0, max_fields=20), None


def _own_origin(request: Request, settings: Settings) -> bool:
    """Whether the form comes from one of our own pages. The cookie is SameSite=Strict besides."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = request.headers.get("origin")
    if origin is None:
        return True
    # Behind a proxy that ends TLS the scheme we see is not the one people use, so hosts are compared.
    host = origin.partition("://")[2] or "\0"
    return host in {request.headers.get("host", ""), urlsplit(settings.public_url).netloc}


def _from(request: Request, settings: Settings) -> dict[str, Any]:
    """Where a request comes from, for throttling and the list of sessions."""
    peer = request.client.host if request.client else ""
    address = settings.address_of(peer, request.headers.getlist("x-forwarded-for"))
    return {"address": address, "user_agent": request.headers.get("user-agent", "")[:300]}


def _enter(settings: Settings, opened: auth.BrowserSession, path: str) -> Response:
    response = RedirectResponse(path, 303)
    cookies.set_session(response, settings, opened.token, opened.max_age_seconds)
    response.delete_cookie(cookies.KEPT, path="/")
    return response


def _back(page: str, error: BankError, settings: Settings, typed: dict[str, str], path: str) -> Response:
    """Back to the form, saying which message to show; what was typed comes along in a cookie, not in the address."""
    query = {"problem": _problem(error)}
    if isinstance(error, Throttled) and "retry_after" in error.details:
        query["wait"] = str(error.details["retry_after"])
    if path:
        query["next"] = path
    response = RedirectResponse(f"{page}?{urlencode(query)}", 303)
    if typed:
        cookies.keep(response, settings, quote(json.dumps(typed)))
    return response


def _problem(error: BankError) -> str:
    if isinstance(error, EmailTaken):
        return error.code
    if isinstance(error, Invalid):
        errors = error.details.get("errors") or [{}]
        first = errors[0]
        by_field = {"email": "EMAIL_INVALID", "name": "NAME_REQUIRED"}
        return by_field.get(first.get("field", ""), first.get("code", error.code))
    return error.code


def _first_account(db: Database, settings: Settings, token: str) -> None:
    """A new customer begins with one open account at zero."""
    actor = auth.actor_of_cookie(db, token)
    if actor is None:
        return

    def open_first(session: Session) -> accounts.AccountView:
        return accounts.open_account(session, actor, settings=settings)

    db.unit_of_work(open_first)
