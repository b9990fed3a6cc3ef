"""The routes that are not pages: forms that set or take the session cookie, and downloads. Plain HTTP, no State."""

from __future__ import annotations

from fastapi import FastAPI, Request
from sqlalchemy.orm import Session
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from bank_app import demo, methods
from bank_app.database import Database
from bank_app.errors import BankError, EnrolmentRequired, NotFound, SecondFactorRequired
from bank_app.methods import Methods
from bank_app.services import accounts, auth, first_setup
from bank_app.services.actor import Actor
from bank_app.settings import Settings
from bank_app.streaming import File
from bank_app.ui import (
    audit_exports,
    calls,
    cookies,
    desk_exports,
    downloads,
    forms,
    lab_exports,
    lookups,
    native_forms,
    security_routes,
    staff_routes,
)
from bank_app.ui.exports import export_entries
from bank_app.ui.guard import ENROL, sign_in_address
from bank_app.ui.statement_routes import add_statement_routes

_SIGN_UP_CLOSED = {"invite_only": "SIGNUP_DISABLED", "not_set_up": "SIGNUP_NOT_YET"}


def create_routes(db: Database, settings: Settings) -> FastAPI:
    """The routes of the browser, on the same origin as the pages."""
    routes = FastAPI(title="Browser", docs_url=None, redoc_url=None, openapi_url=None)
    _add_sign_in(routes, db, settings)
    _add_sign_up(routes, db, settings)
    _add_sign_out(routes, db, settings)
    _add_export(routes, db, settings)
    add_statement_routes(routes, db, settings)
    desk_exports.add_routes(routes, db, settings)
    audit_exports.add_routes(routes, db, settings)
    security_routes.add_to(routes, db, settings)
    staff_routes.add_to(routes, db, settings)
    lab_exports.add_routes(routes, db, settings)
    routes.add_middleware(Methods, routes=routes.routes)

    @routes.exception_handler(EnrolmentRequired)
    async def enrol(_: Request, __: Exception) -> Response:
        # Whatever is asked for, forms and files alike.
        return RedirectResponse(ENROL, 303)

    @routes.exception_handler(405)
    async def wrong_method(request: Request, _: Exception) -> Response:
        allowed = methods.allow(methods.routes_at(routes.routes, request.url.path))
        return PlainTextResponse("This address does not answer that.", 405, {"allow": allowed})

    return routes


def _add_sign_in(routes: FastAPI, db: Database, settings: Settings) -> None:
    @routes.post("/auth/login")
    async def login(request: Request) -> Response:
        form, refused = await native_forms.posted(request, settings, hashes="/sign-in")
        if refused:
            return refused
        email, password, whence = (
            forms.field(form, "email", 254),
            native_forms.password(form),
            native_forms.whence(request, settings),
        )
        try:
            lookups.count_form(whence["address"], settings)
            opened = await calls.call_hashing(auth.open_browser_session, db, email=email, password=password, **whence)
        except SecondFactorRequired as wanted:
            return native_forms.half_way(settings, wanted.half_session, native_forms.wanted_page(request, form, ""))
        except BankError as error:
            return native_forms.back(
                "/sign-in", error, settings, {"email": email}, native_forms.wanted_page(request, form, "")
            )
        return native_forms.enter(settings, opened, native_forms.wanted_page(request, form))

    @routes.post("/auth/demo")
    async def walk_in(request: Request) -> Response:
        form, refused = await native_forms.posted(request, settings)
        if refused:
            return refused
        email = forms.field(form, "email", 254)
        try:
            if not demo.is_somebody(email):
                raise NotFound("There is no such page.")
            opened = await calls.call(auth.open_demo_session, db, email=email, **native_forms.whence(request, settings))
        except BankError as error:
            return native_forms.back("/sign-in", error, settings, {}, "")
        return native_forms.enter(settings, opened, native_forms.wanted_page(request, form))


def _add_sign_up(routes: FastAPI, db: Database, settings: Settings) -> None:
    @routes.post("/auth/register")
    async def register(request: Request) -> Response:
        form, refused = await native_forms.posted(request, settings, hashes="/sign-up")
        if refused:
            return refused
        email, name, password = (
            forms.field(form, "email", 254),
            forms.as_typed(form, "name"),
            native_forms.password(form),
        )
        whence = native_forms.whence(request, settings)
        try:
            lookups.count_form(whence["address"], settings)
            await calls.call_hashing(first_setup.sign_up, db, email=email, name=name, password=password)
            opened = await calls.call_hashing(auth.open_browser_session, db, email=email, password=password, **whence)
            await calls.call(_first_account, db, settings, opened.token)
        except BankError as error:
            problem = _SIGN_UP_CLOSED.get(error.details.get("reason", ""), "")
            return native_forms.back("/sign-up", error, settings, {"email": email, "name": name}, "", problem=problem)
        return native_forms.enter(settings, opened, "/home")


def _add_sign_out(routes: FastAPI, db: Database, settings: Settings) -> None:
    @routes.post("/auth/logout")
    async def logout(request: Request) -> Response:
        if not native_forms.own_origin(request, settings):
            return native_forms.foreign(request)
        token = request.cookies.get(cookies.name(settings), "")
        if token:
            await calls.call(auth.close_browser_session, db, token)
        response = RedirectResponse(sign_in_address("/", ended=auth.End.SELF), 303)
        cookies.clear_session(response, settings)
        # Pages that a browser keeps aside go as well. Not cookies and storage: other banks of this host have theirs in
        # the same place, and the theme stays. Browsers heed this over TLS only.
        response.headers["clear-site-data"] = '"cache"'
        return response


def _add_export(routes: FastAPI, db: Database, settings: Settings) -> None:
    @routes.get("/accounts/{account}/export.csv")
    async def export(request: Request, account: str) -> Response:
        query = dict(request.query_params)

        def entries(actor: Actor) -> File:
            return export_entries(db, actor, account, query)

        return await downloads.send(request, db, settings, entries, page=f"/accounts/{account}")


def _first_account(db: Database, settings: Settings, token: str) -> None:
    """A new customer begins with one open account at zero."""
    actor = auth.actor_of_cookie(db, token, enrolling=True)
    if actor is None:
        return

    def open_first(session: Session) -> accounts.AccountView:
        return accounts.open_account(session, actor, settings=settings)

    db.unit_of_work(open_first)
