"""What the OpenAPI document says beyond the routes themselves: every refusal of every operation, in one schema."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from bank_app import errors
from bank_app.api.accepted import KEY_HEADER
from bank_app.api.catalogue import CATALOGUE, titles
from bank_app.api.errors import PROTOCOL, Problem, status_of
from bank_app.api.rate_limits import EVERYTHING_ELSE, POLICIES

_SCHEMA = {"$ref": "#/components/schemas/Problem"}
# What any operation behind the database may answer.
_ALWAYS = (
    "invalid_request", "misdirected_request", "too_many_requests", "too_much_work", "internal_error", "lock_timeout",
    "overloaded",
    "database_unavailable",
)  # fmt: skip
_WITH_BODY = ("malformed_json", "request_timeout", "body_too_large", "unsupported_media_type")
_DESCRIPTION = """\
Money in whole minor units, every movement in a double-entry ledger, every refusal with a code that never changes.

Amounts are decimal strings in major units (`"12.34"`); times are RFC 3339; lists have `limit` and `cursor`. What an
operation does not take is refused, in its address, its body and its headers. Errors are RFC 9457 problems;
`GET /problems/{code}` explains each code. Checks come in a fixed order: authentication, shape, idempotency replay,
existence, permission, account state, currency, limits, funds.

`Idempotency-Key` makes sending again harmless: all keys of a person are one space, a key in double quotes is the key in
them (`"abc"` is `abc`), and what takes no key refuses the header.

"""
_REQUEST_ID = {
    "X-Request-ID": {
        "description": "Names this request in the bank's logs; your own if you sent one.",
        "schema": {"type": "string"},
    }
}
_LIMITS = {
    f"RateLimit-{name}": {"description": said, "schema": {"type": "integer"}}
    for name, said in (
        ("Limit", "How many requests of this kind are answered in a minute."),
        ("Remaining", "How many of them are left."),
        ("Reset", "Seconds until all of them are there again."),
    )
}
_REPLAYED = {
    "Idempotency-Replayed": {
        "description": "The key had been answered before, and this is that answer.",
        "schema": {"type": "string", "enum": ["true"]},
    }
}
_LOCATION = {"Location": {"description": "The address of what is there now.", "schema": {"type": "string"}}}
_RETRY_AFTER = {"Retry-After": {"description": "Seconds to wait before the next try.", "schema": {"type": "integer"}}}
_CHALLENGE = {"WWW-Authenticate": {"description": "`Bearer`.", "schema": {"type": "string"}}}


def operation_id(route: APIRoute) -> str:
    """The function's name: readable where programs are generated from the document."""
    return route.name


def status_of_code(code: str) -> int:
    """The HTTP status of a code, whoever raises it."""
    if code in PROTOCOL:
        return PROTOCOL[code][0]
    return next(status_of(leaf) for leaf in errors.leaves() if leaf.code == code)


def title_of_code(code: str) -> str:
    """The title of a code, whoever raises it."""
    return PROTOCOL[code][1] if code in PROTOCOL else titles()[code]


def problems(*codes: str, body: bool = False) -> dict[int | str, dict[str, Any]]:
    """The `responses` of an operation that can be refused with these codes, and with what every operation can be."""
    by_status: dict[int, list[str]] = {}
    # Whoever is known may still have to set his second step up.
    signed_in = ("enrolment_required", "quota_used_up") if "unauthenticated" in codes else ()
    fresh = ("step_up_required",) if signed_in and "forbidden" in codes else ()
    for code in (*codes, *signed_in, *fresh, *(_WITH_BODY if body else ()), *_ALWAYS):
        listed = by_status.setdefault(status_of_code(code), [])
        if code not in listed:
            listed.append(code)
    return {status: _response(status, by_status[status]) for status in sorted(by_status)}


def _response(status: int, codes: list[str]) -> dict[str, Any]:
    listed = ", ".join(f"`{code}`" for code in codes)
    return {
        "description": f"{title_of_code(codes[0])}: {listed}" if len(codes) == 1 else f"One of {listed}",
        "content": {
            "application/problem+json": {
                "schema": _SCHEMA,
                "examples": {code: {"value": _example(status, code)} for code in codes},
            }
        },
    }


def _example(status: int, code: str) -> dict[str, Any]:
    return {
        "type": f"/problems/{code}",
        "title": title_of_code(code),
        "status": status,
        "code": code,
        "detail": CATALOGUE[code].why,
        "money_moved": "unknown" if code == "outcome_unknown" else "no",
        "request_id": "019ab0c3f1d27a20b6a5",
    }


def install(app: FastAPI, *, bank_name: str) -> None:
    """Makes `app.openapi()` complete: the problem schema, the id of each answer, one server."""
    building = threading.Lock()

    def openapi() -> dict[str, Any]:
        # Whoever asks first builds it; the framework's builder is not made for two at once.
        with building:
            return app.openapi_schema or build()

    def build() -> dict[str, Any]:
        document = get_openapi(
            title=f"{bank_name} API",
            version="1",
            summary="Accounts, transfers and a ledger that can be checked.",
            description=_DESCRIPTION + _limits_in_words(),
            servers=[{"url": "/", "description": "The bank that serves this document."}],
            routes=app.routes,
            tags=[
                {"name": "Signing in", "description": "Tokens for programs."},
                {"name": "Accounts", "description": "Opening, reading and changing accounts."},
                {"name": "Moving money", "description": "Deposits, withdrawals, transfers and reversals."},
                {"name": "Holds", "description": "Money set aside: captured, released, or free again in time."},
                {
                    "name": "Approvals",
                    "description": "What takes two of the bank's people: one asks, another approves.",
                },
                {"name": "Operations", "description": "For whoever runs the bank."},
            ],
        )
        schemas = document["components"]["schemas"]
        schemas |= _problem_schemas()
        for framework in ("HTTPValidationError", "ValidationError"):
            schemas.pop(framework, None)
        for path, operations in document["paths"].items():
            for operation in operations.values():
                # Declared by the framework wherever there is a parameter; we declare ours, with its codes.
                if "application/json" in operation["responses"].get("422", {}).get("content", ()):
                    del operation["responses"]["422"]
                for status, response in operation["responses"].items():
                    response["headers"] = _headers(path, operation, status) | response.get("headers", {})
                for content in operation.get("requestBody", {}).get("content", {}).values():
                    found = _samples(schemas, content["schema"])
                    content["examples"] = {f"example {n}": {"value": one} for n, one in enumerate(found, 1)}
        app.openapi_schema = document
        return document

    app.openapi = openapi  # type: ignore[method-assign]


def _limits_in_words() -> str:
    """The rate limits of this code, as a sentence."""
    own = ", ".join(f"`{name}` {item.amount}" for name, item in POLICIES.items())
    return (
        "Requests in a minute, of each person and before signing in of each address, in each worker process: "
        f"{own}, and everything else together {EVERYTHING_ELSE.amount}. `RateLimit-Limit`, `RateLimit-Remaining` and "
        "`RateLimit-Reset` say what is left; past it the answer is 429 with `Retry-After`."
    )


def _headers(path: str, operation: Mapping[str, Any], status: str) -> dict[str, Any]:
    """The headers that an answer of an operation can have."""
    headers: dict[str, Any] = dict(_REQUEST_ID)
    takes_key = any(parameter["name"] == KEY_HEADER for parameter in operation.get("parameters", ()))
    if path.startswith("/api/"):
        headers |= _LIMITS
    if takes_key and status in ("200", "201", "409", "422"):
        headers |= _REPLAYED
    if takes_key and status == "201":
        headers |= _LOCATION
    if status == "401":
        headers |= _CHALLENGE
    if status in ("409", "429", "503"):
        headers |= _RETRY_AFTER
    return headers


def _samples(schemas: Mapping[str, Any], schema: Mapping[str, Any]) -> list[Any]:
    """Bodies to try: those of the schema, or one made of the examples of its fields."""
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rpartition("/")[2]]
    if "examples" in schema:
        return list(schema["examples"])
    found = {}
    for name, field in schema.get("properties", {}).items():
        listed = [choice["examples"] for choice in (field, *field.get("anyOf", ())) if "examples" in choice]
        if listed:
            found[name] = listed[0][0]
    return [found]


def _problem_schemas() -> dict[str, Any]:
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    return {**schema.pop("$defs"), "Problem": schema}
