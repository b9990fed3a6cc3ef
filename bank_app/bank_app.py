"""Composition root: puts database, API, pages and guards together into one ASGI application."""

# Without postponed annotations: the framework evaluates those of the failure handlers in its own module.
import logging
import traceback
from typing import Any

import reflex as rx
from cachetools import TTLCache
from reflex.state import FrontendEventExceptionState
from reflex_base.event.context import EventContext

from bank_app import build
from bank_app.api.app import create_api
from bank_app.api.front import Front
from bank_app.database import Database
from bank_app.edge.front import Edge
from bank_app.settings import load
from bank_app.ui import behind, calls, door, guard, live, redaction, site
from bank_app.ui.app_frame import FRAME
from bank_app.ui.browser_routes import create_routes
from bank_app.ui.headers import PageGate, SecurityHeaders
from bank_app.ui.notices import FAILED, NoticeState

log = logging.getLogger(__name__)

settings = load()
db = Database(settings)
calls.connect(db, settings)


# The places in the code where handlers failed a moment ago.
_told: TTLCache[tuple[type, str], bool] = TTLCache(maxsize=1_000, ttl=60)


def on_handler_failure(exception: Exception) -> rx.event.EventSpec | None:
    """A handler broke: the log gets everything once a minute, the person one sentence."""
    where = (type(exception), str(traceback.extract_tb(exception.__traceback__)[-1:]))
    log.error(
        "event handler failed%s", " again" if where in _told else "", exc_info=None if where in _told else exception
    )
    _told.setdefault(where, True)
    event = EventContext.get()
    if event.parent_txid in FAILED:
        # What came of a failure failed as well: answering that with another event would never end.
        return None
    FAILED[event.txid] = True
    return NoticeState.failed()


def on_browser_failure(exception: Exception) -> None:
    """Something broke in a browser. Whoever it is may send anything, so it is cut and on one line."""
    text = "".join(letter if letter.isprintable() else " " for letter in str(exception)[:500])
    log.warning("browser error: %s", " ".join(text.split()))


def with_gate(inner: Any) -> PageGate:
    """Pages for people signed in are not served to others."""
    return PageGate(inner, db=db, settings=settings, protected=site.PROTECTED, staff=site.STAFF, welcome=site.WELCOME)


def with_headers(inner: Any) -> SecurityHeaders:
    """The same headers on everything of this origin."""
    personal = (*site.PROTECTED, site.STAFF)
    return SecurityHeaders(inner, folder=build.static_folder(), personal=personal)


api = create_api(db, settings)
behind.connect(api)
app = rx.App(
    api_transformer=[create_routes(db, settings), api, with_gate, with_headers],
    stylesheets=[f"styles/{name}.css" for name in site.STYLES],
    reset_style=False,
    html_lang="en",
    app_wraps=FRAME,
    toaster=rx.toast.provider(position="bottom-right", visible_toasts=3, close_button=True),
    backend_exception_handler=on_handler_failure,
    frontend_exception_handler=on_browser_failure,
)
# It would reload a page by evaluated code, which the content policy does not let run; the boundary offers it instead.
FrontendEventExceptionState.auto_reload_on_errors = []
# The pages' own origin only, whatever the address is; an empty list would mean any.
app.sio.eio.cors_allowed_origins = None
# The largest event of these pages has a few hundred bytes.
app.sio.eio.max_http_buffer_size = 65_536
site.add_pages(app)
app.add_middleware(guard.SessionGuard())
app.register_lifespan_task(live.deliver)
guard.seal()
door.Door(app)
redaction.install()


def serve() -> Edge:
    """The whole, as servers are given it."""
    return Edge(Front(api, app()), settings)
