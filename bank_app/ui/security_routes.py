"""The forms of codes, passwords, the second step and the first set-up. Plain HTTP, posted by the browser itself."""

from __future__ import annotations

from urllib.parse import urlencode

from fastapi import FastAPI, Request
from starlette.responses import RedirectResponse, Response

from bank_app import demo
from bank_app.database import Database
from bank_app.errors import BankError, EmailTaken, NotFound, NotSignedIn, TokenWrong
from bank_app.services import auth, first_setup, integrity, password_links, profile, second_factor
from bank_app.services.first_setup import Choices
from bank_app.settings import Settings
from bank_app.ui import calls, cookies, first_run, forms, lookups, native_forms
from bank_app.ui.downloads import CONFIRM
from bank_app.ui.guard import ENROL

SECURITY, PROFILE = "/settings/security", "/settings/profile"


def add_to(routes: FastAPI, db: Database, settings: Settings) -> None:
    """Adds the routes."""
    _add_code(routes, db, settings)
    _add_change(routes, db, settings)
    _add_email(routes, db, settings)
    _add_second_step(routes, db, settings)
    _add_step_up(routes, db, settings)
    _add_reset(routes, db, settings)
    _add_setup(routes, db, settings)


def _add_code(routes: FastAPI, db: Database, settings: Settings) -> None:
    @routes.post("/auth/code")
    async def code(request: Request) -> Response:
        form, refused = await native_forms.posted(request, settings)
        if refused:
            return refused
        whence, path = native_forms.whence(request, settings), native_forms.wanted_page(request, form, "")
        half = request.cookies.get(cookies.half(settings), "")
        try:
            lookups.count_form(whence["address"], settings)
            opened = await calls.call(
                auth.complete_browser_session, db, half_session=half, code=forms.field(form, "code", 40), **whence
            )
        except NotSignedIn as error:
            response = native_forms.back("/sign-in", error, settings, {}, path, problem="TWOFA_TOO_LATE")
            cookies.clear_half_session(response, settings)
            return response
        except BankError as error:
            return native_forms.back("/sign-in/code", error, settings, {}, path)
        return native_forms.enter(settings, opened, native_forms.wanted_page(request, form))


def _add_change(routes: FastAPI, db: Database, settings: Settings) -> None:
    @routes.post("/auth/password")
    async def change(request: Request) -> Response:
        form, actor, refused = await native_forms.signed_in(request, db, settings, SECURITY)
        if refused or actor is None:
            return refused or native_forms.foreign(request)
        old, new = native_forms.password(form, "old"), native_forms.password(form, "password")
        try:
            lookups.count_form(native_forms.whence(request, settings)["address"], settings)
            actor = await native_forms.with_code(form, db, actor)
            await calls.call_hashing(password_links.change_password, db, actor, old=old, new=new)
        except BankError as error:
            return native_forms.back(SECURITY, error, settings, {}, "", problem=_old_password(error))
        return RedirectResponse(f"{SECURITY}?done=PASSWORD_CHANGED", 303)


def _add_email(routes: FastAPI, db: Database, settings: Settings) -> None:
    @routes.post("/auth/email")
    async def confirm(request: Request) -> Response:
        form, actor, refused = await native_forms.signed_in(request, db, settings, PROFILE)
        if refused or actor is None:
            return refused or native_forms.foreign(request)
        try:
            lookups.count_form(native_forms.whence(request, settings)["address"], settings)
            actor = await native_forms.with_code(form, db, actor)
            await calls.call_hashing(profile.confirm_email, db, actor, native_forms.password(form))
        except NotFound as error:
            return native_forms.back(PROFILE, error, settings, {}, "", problem="EMAIL_CHANGE_GONE")
        except EmailTaken as error:
            return native_forms.back(PROFILE, error, settings, {}, "", problem="EMAIL_IN_USE")
        except BankError as error:
            return native_forms.back(PROFILE, error, settings, {}, "", problem=_old_password(error))
        return RedirectResponse(f"{PROFILE}?done=EMAIL_CONFIRMED", 303)


def _add_second_step(routes: FastAPI, db: Database, settings: Settings) -> None:
    @routes.post("/auth/second-step")
    async def begin(request: Request) -> Response:
        form, actor, refused = await native_forms.signed_in(request, db, settings, SECURITY, enrolling=True)
        if refused or actor is None:
            return refused or native_forms.foreign(request)
        page = ENROL if actor.must_enrol else f"{SECURITY}/two-step"
        try:
            lookups.count_form(native_forms.whence(request, settings)["address"], settings)
            await calls.call_hashing(second_factor.begin, db, actor, password=native_forms.password(form))
        except BankError as error:
            return native_forms.back(page, error, settings, {}, "", problem=_old_password(error))
        return RedirectResponse(page, 303)


def _add_step_up(routes: FastAPI, db: Database, settings: Settings) -> None:
    @routes.post("/auth/step-up")
    async def give_code(request: Request) -> Response:
        form, actor, refused = await native_forms.signed_in(request, db, settings, "/home")
        if refused or actor is None:
            return refused or native_forms.foreign()
        whither = {name: forms.local_path(form.get(name), "") for name in ("file", "back")}
        try:
            lookups.count_form(native_forms.whence(request, settings)["address"], settings)
            await native_forms.with_code(form, db, actor)
        except BankError as error:
            return native_forms.back(CONFIRM, error, settings, {}, "", **whither)
        return RedirectResponse(f"{CONFIRM}?{urlencode(whither)}", 303)


def _add_reset(routes: FastAPI, db: Database, settings: Settings) -> None:
    @routes.post("/auth/reset")
    async def reset(request: Request) -> Response:
        form, refused = await native_forms.posted(request, settings)
        if refused:
            return refused
        # Of a link, or in two halves as two operators gave them.
        halves = " ".join(forms.field(form, name, 100) for name in ("first", "second")).strip()
        token = forms.field(form, "token", 100)
        try:
            lookups.count_form(native_forms.whence(request, settings)["address"], settings)
            await calls.call_hashing(password_links.use, db, token or halves, native_forms.password(form))
        except NotFound as error:
            return native_forms.back("/reset", error, settings, {}, "", problem="LINK_NOT_VALID")
        except BankError as error:
            return native_forms.back("/reset", error, settings, {}, "")
        if here := native_forms.whence(request, settings)["replaces"]:
            # The session in this browser may be somebody else's; its cookie goes, and so does what it opens.
            await calls.call(auth.close_browser_session, db, here)
        response = RedirectResponse("/sign-in?done=PASSWORD_CHOSEN", 303)
        cookies.clear_session(response, settings)
        return response


def _add_setup(routes: FastAPI, db: Database, settings: Settings) -> None:
    @routes.post("/auth/setup")
    async def setup(request: Request) -> Response:
        form, refused = await native_forms.posted(request, settings)
        if refused:
            return refused
        whence = native_forms.whence(request, settings)
        # The token goes nowhere else: after a refusal it is entered once more.
        token = forms.field(form, "token", 254)
        typed = {name: forms.field(form, name, 254) for name in ("email", "start")}
        typed |= {name: forms.as_typed(form, name) for name in ("bank_name", "name")}
        choices = Choices(
            typed["bank_name"], typed["name"], typed["email"], native_forms.password(form), typed["start"] == "demo"
        )
        try:
            lookups.count_form(whence["address"], settings)
            await calls.call_hashing(first_setup.run, db, token, choices)
        except NotFound:
            return RedirectResponse("/", 303)
        except BankError as error:
            problem = "SETUP_TOKEN" if isinstance(error, TokenWrong) else ""
            return native_forms.back(first_run.PAGE, error, settings, typed, "", problem=problem)
        await calls.call(first_run.facts, db)
        if choices.demo:
            await calls.call_apart(demo.fill, db)
            # The first page says how many postings were added up, and not that there were none.
            integrity.forget(db)
            return RedirectResponse("/", 303)
        opened = await calls.call_hashing(
            auth.open_browser_session, db, email=choices.email, password=choices.password, **whence
        )
        return native_forms.enter(settings, opened, "/ops")


def _old_password(error: BankError) -> str:
    return "PASSWORD_NOT_YOURS" if error.code == "invalid_credentials" else ""
