"""The whole API as one ASGI application. It can be served alone or share its origin with the browser's pages."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.types import Receive, Scope, Send

from bank_app.api import accounts, approvals, audit, auth, documents, errors, holds, operations, security, transactions
from bank_app.api.authentication import Authenticator
from bank_app.api.express import Express
from bank_app.api.metrics import Metrics
from bank_app.api.middleware import Envelope, LastResort
from bank_app.api.rate_limits import RateLimits
from bank_app.api.readiness import Readiness
from bank_app.database import Database
from bank_app.methods import Methods
from bank_app.services.hashing import desk
from bank_app.settings import Settings


class Api(FastAPI):
    """The API with its envelope around it, and the short way to what moves money in front of it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """What is not the API's own belongs to whatever is mounted in it."""
        await self.state.way_in(scope, receive, send)


def create_api(db: Database, settings: Settings) -> Api:
    """`/api/v1`, `/problems`, `/healthz`, `/readyz` and `/metrics` over one database. Opens nothing yet."""
    app = Api(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    app.state.db = db
    app.state.rate_limits = RateLimits(enabled=settings.rate_limits)
    app.state.authenticator = Authenticator(db)
    app.state.metrics = Metrics(db)
    desk.arrange(settings)
    app.state.readiness = Readiness(db)
    routers = (
        auth.hashing,
        auth.public,
        auth.signed_in,
        accounts.router,
        transactions.router,
        holds.router,
        approvals.router,
        audit.router,
        security.router,
        operations.signed_in,
        operations.public,
    )
    # Flat, not included: every route has its whole path already, and one list is matched faster than six.
    app.state.routes = [route for router in routers for route in router.routes if isinstance(route, APIRoute)]
    app.router.routes.extend(app.state.routes)
    app.router.routes.extend(operations.elsewhere.routes)
    errors.add_handlers(app)
    documents.install(app, bank_name=settings.name)
    framework = super(Api, app).__call__
    # Inside the framework as well, whose own last resort answers in words of its own.
    app.add_middleware(LastResort)
    express = LastResort(Methods(Express(app, framework), app.state.routes))
    app.state.way_in = Envelope(express, elsewhere=framework, metrics=app.state.metrics, db=db)
    return app
