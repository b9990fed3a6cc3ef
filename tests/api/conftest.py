"""Clients of the API, and two checks of every answer: it is declared, and it carries what every answer must."""

import re
import warnings

import pytest

from bank_app.api.app import create_api
from bank_app.domain.identifiers import new_account_number
from bank_app.services import auth

with warnings.catch_warnings():
    # Starlette asks for a successor of httpx that the project does not need.
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

PASSWORD = "lantern-orchard-48-violin"
# What HTTP itself needs, and what browsers obey: on every answer and in no document.
ALWAYS_THERE = {
    "content-length", "content-type", "x-content-type-options", "cache-control", "content-security-policy",
    "referrer-policy", "x-frame-options", "cross-origin-resource-policy",
}  # fmt: skip


class Caller:
    """Somebody with a token, or nobody. Paths are below /api/v1."""

    def __init__(self, client, token=None):
        self.client, self.token = client, token

    def request(self, method, path, *, key=None, headers=None, **more):
        sent = dict(headers or {})
        if self.token:
            sent.setdefault("Authorization", f"Bearer {self.token}")
        if key is not None:
            sent["Idempotency-Key"] = key
        return self.client.request(method, f"/api/v1{path}", headers=sent, **more)

    def get(self, path, **more):
        return self.request("GET", path, **more)

    def post(self, path, json=None, **more):
        return self.request("POST", path, json=json, **more)

    def patch(self, path, json=None, **more):
        return self.request("PATCH", path, json=json, **more)

    def raw(self, path, text, *, key=None, content_type="application/json", method="POST"):
        """A body byte for byte."""
        return self.request(method, path, key=key, content=text, headers={"Content-Type": content_type})


class Declared:
    """Looks every answer up in the OpenAPI document: its operation, its status, its code."""

    def __init__(self, document):
        self.operations = [
            (re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path) + "$"), method.upper(), operation)
            for path, methods in document["paths"].items()
            for method, operation in methods.items()
        ]

    def check(self, response):
        path = response.request.url.path
        for pattern, method, operation in sorted(self.operations, key=lambda found: "[^" in found[0].pattern):
            if pattern.match(path) and method == response.request.method:
                declared = operation["responses"]
                status = str(response.status_code)
                assert status in declared, f"{method} {path} answered {status}, which is not declared"
                named = {name.lower() for name in declared[status]["headers"]}
                assert set(response.headers) - ALWAYS_THERE <= named, f"{method} {path}: {response.headers}"
                kind = response.headers.get("content-type", "").partition(";")[0]
                if kind == "application/problem+json":
                    code = response.json()["code"]
                    assert code in declared[status]["content"][kind]["examples"], f"{method} {path}: {code}"
                return


@pytest.fixture
def app(db):
    """The API over the test's bank."""
    return create_api(db, db.settings)


@pytest.fixture(scope="session")
def declared():
    """The document of the API: the same for every bank, so made once."""
    made = []

    def check(app, response):
        if not made:
            made.append(Declared(app.openapi()))
        made[0].check(response)

    return check


@pytest.fixture
def serve(declared):
    """A client of an application: every answer that it gets is checked."""

    def client_of(app):

        def check(response):
            response.read()
            assert response.headers["x-request-id"]
            assert response.headers["x-content-type-options"] == "nosniff"
            assert response.headers["cache-control"] == "no-store"
            assert "default-src 'none'" in response.headers["content-security-policy"]
            if response.status_code >= 400:
                assert response.headers["content-type"] == "application/problem+json"
            if response.status_code >= 400 and response.request.method != "HEAD":
                problem = response.json()
                assert {"type", "title", "status", "code", "detail", "money_moved", "request_id"} <= problem.keys()
                assert problem["status"] == response.status_code
                assert problem["type"] == f"/problems/{problem['code']}"
                assert problem["request_id"] == response.headers["x-request-id"]
                assert (response.status_code == 422) == ("errors" in problem)
            declared(app, response)

        # As somebody on this machine.
        client = TestClient(app, client=("127.0.0.1", 50_000))
        client.event_hooks["response"].append(check)
        return client

    return client_of


@pytest.fixture
def client(app, serve):
    """A client of the API over the test's bank."""
    return serve(app)


@pytest.fixture
def anyone(client):
    """Somebody without a token."""
    return Caller(client)


@pytest.fixture
def token_of(db):
    """A fresh access token of a person."""

    def one(actor):
        return auth.issue_tokens(db, email=actor.email, password=PASSWORD, address="192.0.2.1").access_token

    return one


@pytest.fixture
def caller(client, token_of):
    """`caller(ada)` is Ada's program."""
    return lambda actor: Caller(client, token_of(actor))


@pytest.fixture
def nobodys_number():
    """A well-formed account number that no account has."""
    return f"{new_account_number():010d}"
