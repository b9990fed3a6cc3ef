"""What every answer of this origin carries, and who gets to load which page."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, RedirectResponse

from bank_app.database import Database
from bank_app.errors import BankError
from bank_app.services import auth
from bank_app.services.actor import Actor
from bank_app.settings import Settings
from bank_app.ui import calls, cookies, first_run, lab_access
from bank_app.ui.guard import ENROL, sign_in_address

Scope = MutableMapping[str, Any]
App = Callable[..., Awaitable[None]]
_INLINE = re.compile(r"<script(?![^>]*\bsrc=)[^>]*>(.*?)</script>", re.DOTALL)
_FOREVER = "public, max-age=31536000, immutable"
_RESET = "/reset"
_NOWHERE = "/there-is-no-such-page"
_NOT_STORED = ("/api", "/auth", "/accounts")
_AWAY = (
    '<!doctype html><html lang="en"><title>The bank is not reachable</title>'
    "<h1>The bank can't reach its books right now</h1><p>No money has moved. Reload in a moment.</p></html>"
)


def inline_script_hashes(folder: Path) -> list[str]:
    """The hashes of the inline scripts in the built pages: the only inline scripts that may run."""
    found = {
        "'sha256-" + base64.b64encode(hashlib.sha256(body.encode()).digest()).decode() + "'"
        for page in folder.rglob("*.html")
        for body in _INLINE.findall(page.read_text(encoding="utf-8"))
    }
    return sorted(found)


def content_policy(hashes: Iterable[str]) -> str:
    """Own origin only, and no code made from text."""
    return "; ".join(
        (
            "default-src 'none'",
            "base-uri 'none'",
            "object-src 'none'",
            "frame-ancestors 'none'",
            "form-action 'self'",
            " ".join(("script-src 'self'", *hashes)),
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data:",
            "font-src 'self'",
            "connect-src 'self'",
            "manifest-src 'self'",
        )
    )


class SecurityHeaders:
    """Outermost: headers on every answer. Pure ASGI, so that WebSockets pass untouched."""

    def __init__(self, app: App, *, folder: Path, personal: Iterable[str] = ()) -> None:
        self._app, self._folder = app, folder.resolve()
        self._not_stored = (*_NOT_STORED, *personal)
        self._headers = {
            "content-security-policy": content_policy(inline_script_hashes(self._folder)),
            "x-content-type-options": "nosniff",
        }

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Adds what is missing and leaves what an answer already says."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"]
        if path != "/" and not path.endswith("/") and self._is_page(path):
            # Spares the reader a redirect to the same page with a slash.
            scope = {**scope, "path": path + "/", "raw_path": (path + "/").encode()}

        async def send_with_headers(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                headers.setdefault("cache-control", self._caching(path, message["status"]))
                if message["status"] == 405:
                    # Files are read and nothing else; what has routes of its own has said which methods it answers.
                    headers.setdefault("allow", "GET, HEAD")
            await send(message)

        await self._app(scope, receive, send_with_headers)

    def _caching(self, path: str, status: int) -> str:
        if path.startswith("/assets/") and status == 200:
            return _FOREVER
        if path.startswith("/fonts/") and status == 200:
            return "public, max-age=86400"
        # Whoever comes after somebody finds none of his pages, not even with the button that goes back.
        return "no-store" if any(_within(path, start) for start in self._not_stored) else "no-cache"

    def _is_page(self, path: str) -> bool:
        try:
            return (self._folder / path.lstrip("/") / "index.html").is_file()
        except OSError:
            # Longer than any name of a file.
            return False


def _within(path: str, start: str) -> bool:
    return path == start or path.startswith(start + "/")


def home_of(actor: Actor) -> str:
    """The first page of somebody signed in: their money, or everybody's accounts for the bank's people."""
    return "/ops" if actor.role.sees_every_account else "/home"


class PageGate:
    """Sends browsers without a session to the sign-in page before any page is served to them."""

    def __init__(
        self,
        app: App,
        *,
        db: Database,
        settings: Settings,
        protected: Iterable[str],
        staff: str,
        welcome: Iterable[str],
    ) -> None:
        self._app, self._db, self._settings = app, db, settings
        self._protected, self._staff, self._welcome = (*protected, staff), staff, frozenset(welcome)

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Looks at addresses of pages only."""
        path = scope.get("path", "").rstrip("/") or "/"
        guarded = any(_within(path, start) for start in self._protected)
        looked_at = guarded or path in self._welcome or path in (first_run.PAGE, _RESET)
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD") or not looked_at:
            await self._app(scope, receive, send)
            return
        if path == _RESET:
            await self._reset(scope, receive, send)
            return
        if await self._is_set_up_here(path, scope, receive, send):
            return
        token = cookies.session_token(Headers(scope=scope).get("cookie", ""), self._settings)
        try:
            whose = auth.actor_of_cookie
            actor = await asyncio.to_thread(whose, self._db, token, enrolling=True) if token else None
            ended = await asyncio.to_thread(auth.end_of_session, self._db, token) if token and not actor else None
        except BankError:
            await HTMLResponse(_AWAY, 503, {"retry-after": "5"})(scope, receive, send)
            return
        if guarded and actor is None:
            query = scope.get("query_string", b"").decode("latin-1")
            back = path + (f"?{query}" if query else "")
            await RedirectResponse(sign_in_address(back, ended=ended), 303)(scope, receive, send)
        elif actor is not None and (elsewhere := self._where_instead(actor, path)):
            await RedirectResponse(elsewhere, 303)(scope, receive, send)
        elif actor is not None and self._is_hidden_from(actor, path):
            # To a customer the pages of the bank's people do not exist.
            await self._app({**scope, "path": _NOWHERE, "raw_path": _NOWHERE.encode()}, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _reset(self, scope: Scope, receive: Any, send: Any) -> None:
        """A link with its secret in the query, of before, does not open, and does not stay in any history."""
        old = "token" in parse_qs(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)
        await (RedirectResponse(f"{_RESET}?problem=LINK_IN_ADDRESS", 303) if old else self._app)(scope, receive, send)

    def _where_instead(self, actor: Actor, path: str) -> str | None:
        """Where somebody signed in is sent who asks for a page that is for others, or not for him yet."""
        if actor.must_enrol:
            return ENROL if path != ENROL else None
        return home_of(actor) if path in (*self._welcome, "/home", ENROL) and path != home_of(actor) else None

    def _is_hidden_from(self, actor: Actor, path: str) -> bool:
        if _within(path, lab_access.HOME):
            return not lab_access.may_use(actor, calls.bank().settings)
        return _within(path, self._staff) and not actor.role.sees_every_account

    async def _is_set_up_here(self, path: str, scope: Scope, receive: Any, send: Any) -> bool:
        """Answers for a bank that nobody runs yet, and for its page once somebody does; says whether it did."""
        try:
            waiting = (await asyncio.to_thread(first_run.facts, self._db)).waiting
        except BankError:
            return False
        if path == first_run.PAGE and not waiting:
            await self._app({**scope, "path": _NOWHERE, "raw_path": _NOWHERE.encode()}, receive, send)
        elif path == first_run.PAGE:
            await self._app(scope, receive, send)
        elif path == "/" and waiting:
            await RedirectResponse(first_run.PAGE, 303)(scope, receive, send)
        else:
            return False
        return True
