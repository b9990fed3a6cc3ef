"""From errors to RFC 9457 answers: the one table of statuses, and the handlers that use it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from bank_app import errors, methods
from bank_app.edge import refusals as edge_refusals
from bank_app.errors import BankError

# A leaf that is not here has the status of the nearest family that is.
STATUS: Mapping[type[BankError], int] = {
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Refused: 409,
    errors.Conflict: 409,
    errors.CurrencyMismatch: 422,
    errors.Invalid: 422,
    errors.Throttled: 429,
    errors.Unavailable: 503,
}
# What goes wrong before any service is asked: code to status and title.
PROTOCOL: Mapping[str, tuple[int, str]] = {
    "malformed_json": (400, "Malformed JSON"),
    "not_found": (404, "Not found"),
    "method_not_allowed": (405, "Method not allowed"),
    **edge_refusals.PROTOCOL,
    "body_too_large": (413, "Body too large"),
    "unsupported_media_type": (415, "Unsupported media type"),
    "internal_error": (500, "Internal error"),
}
RETRY_AFTER_SECONDS = {
    "request_in_progress": 1,
    "lock_timeout": 1,
    "overloaded": 1,
    "passwords_busy": 1,
    "database_unavailable": 5,
    "clock_wrong": 30,
    "second_factor_unreadable": 300,
    "outcome_unknown": 5,
}
# Refusals about one field, raised by services that do not know what the field is called in a request.
_FIELDS = {
    "invalid_amount": (
        "amount",
        "initial_balance",
        "overdraft_limit",
        "transfer_limit",
        "daily_limit",
        "min_amount",
        "max_amount",
    ),
    "same_account": ("to_account_id",),
    "currency_mismatch": ("to_account_id",),
    "idempotency_key_reused": ("Idempotency-Key",),
}
# Ends the detail of a replayed refusal. A program may look for it, but the header `Idempotency-Replayed` is for that.
_OF_THEN = "This is the answer of the first time, and stays it for this key; to have it decided anew, send a new key."
# Codes that a single field's check may raise to the code of the whole answer.
_FIELD_CODES = ("invalid_amount", "invalid_account_number")


class ProtocolError(Exception):
    """The request broke the rules of HTTP or JSON; `code` is one of `PROTOCOL`."""

    def __init__(self, code: str, detail: str) -> None:
        """Takes the code and the sentence for whoever wrote the client."""
        super().__init__(detail)
        self.code, self.detail = code, detail


class FieldError(BaseModel):
    """What is wrong with one field."""

    field: str = Field(description="The field's name, with dots into nested objects.", examples=["amount"])
    code: str = Field(description="What is wrong with it, for programs.", examples=["invalid_amount"])
    message: str = Field(
        description="What is wrong with it, for people.", examples=["The amount must be more than zero."]
    )


class Problem(BaseModel):
    """An RFC 9457 problem. Codes never change; further members depend on the code (`available`, `shortfall`, …)."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(
        description="Where the code is explained, relative to this server.", examples=["/problems/insufficient_funds"]
    )
    title: str = Field(description="The code in words; the same for every occurrence.", examples=["Insufficient funds"])
    status: int = Field(description="The HTTP status.", examples=[409])
    code: str = Field(description="What to branch on.", examples=["insufficient_funds"])
    detail: str = Field(
        description="This occurrence in one sentence, safe to show.",
        examples=["Account 1234567889 has 10.00 USD available; 25.00 is needed."],
    )
    money_moved: str = Field(
        description="`no`, or `unknown` when COMMIT was sent and never answered.",
        examples=["no"],
        json_schema_extra={"enum": ["no", "unknown"]},
    )
    request_id: str = Field(description="Names this request in the bank's logs.", examples=["0192f1d2a3b4"])
    errors: list[FieldError] | None = Field(default=None, description="On 422: each field that is wrong.")


class ProblemResponse(JSONResponse):
    """JSON that says it is a problem."""

    media_type = "application/problem+json"


def status_of(kind: type[BankError]) -> int:
    """The HTTP status of an error: that of the leaf, else of its family.

    Raises:
        KeyError: a family without a status.
    """
    for ancestor in kind.__mro__:
        if ancestor in STATUS:
            return STATUS[ancestor]
    raise KeyError(kind)


def problem(
    request: Request,
    *,
    status: int,
    code: str,
    title: str,
    detail: str,
    money_moved: str = "no",
    details: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> ProblemResponse:
    """The answer of a code. `details` are further members and never replace the fixed ones."""
    fixed = {
        "type": f"/problems/{code}",
        "title": title,
        "status": status,
        "code": code,
        "detail": detail,
        "money_moved": money_moved,
        "request_id": getattr(request.state, "request_id", ""),
    }
    content = {**fixed, **(details or {}), **fixed}
    return ProblemResponse(content, status, {**_headers_of(status, code, content), **(headers or {})})


def _headers_of(status: int, code: str, content: Mapping[str, Any]) -> dict[str, str]:
    if status == 401:
        return {"WWW-Authenticate": "Bearer"}
    if status in (429, 503) or code in RETRY_AFTER_SECONDS:
        seconds = content.get("retry_after", RETRY_AFTER_SECONDS.get(code, 1))
        return {"Retry-After": str(seconds)}
    return {}


def detail_of(error: BankError) -> str:
    """The sentence of an error; of one that was answered from its key, with what that means."""
    return f"{error.detail} {_OF_THEN}" if error.replayed else error.detail


def of_bank_error(request: Request, error: BankError) -> ProblemResponse:
    """The answer of an error that a service raised."""
    status = status_of(type(error))
    request.state.refusal = error
    details = dict(error.details)
    if status == 422:
        found = details.get("errors") or [_field_error(request, error)]
        # Services name some after the messages of pages, in capitals; a code of the API has none.
        details["errors"] = [{**field, "code": field["code"].lower()} for field in found]
    return problem(
        request,
        status=status,
        code=error.code,
        title=error.title,
        detail=detail_of(error),
        money_moved=error.money_moved,
        details=details,
        headers={"Idempotency-Replayed": "true"} if error.replayed else None,
    )


def _field_error(request: Request, error: BankError) -> dict[str, str]:
    names = _FIELDS.get(error.code, ("",))
    asked = {*getattr(request.state, "fields", ()), *request.query_params}
    name = next((name for name in names if name in asked), names[0])
    return {"field": name, "code": error.code, "message": error.detail}


def of_protocol_error(
    request: Request, code: str, detail: str, headers: Mapping[str, str] | None = None
) -> ProblemResponse:
    """The answer to a request that no service was asked about."""
    status, title = PROTOCOL[code]
    return problem(request, status=status, code=code, title=title, detail=detail, headers=headers)


def of_bug(request: Request, error: Exception) -> ProblemResponse:
    """The answer when our own code broke. Nothing of the exception is in it."""
    status, title = PROTOCOL["internal_error"]
    # Broken books are rolled back; anything else may have happened after COMMIT, where only the key can tell.
    rolled_back = isinstance(error, errors.BooksBroken) or request.method in ("GET", "HEAD")
    return problem(
        request,
        status=status,
        code="internal_error",
        title=title,
        detail="Something failed on our side. Name the request_id when you report it.",
        money_moved="no" if rolled_back else "unknown",
    )


def of_validation(request: Request, found: Iterable[Mapping[str, Any]]) -> ProblemResponse:
    """422 with every field that is wrong. One kind of wrong in all of them is the code of the whole answer."""
    fields = [_as_field_error(error) for error in found]
    codes = {field["code"] for field in fields}
    code = fields[0]["code"] if codes <= set(_FIELD_CODES) else "invalid_request"
    title = {leaf.code: leaf.title for leaf in errors.leaves()}[code]
    shown = fields[0]["message"]
    detail = shown if code != "invalid_request" else "; ".join(f"{f['field']}: {f['message']}" for f in fields[:5])
    return problem(request, status=422, code=code, title=title, detail=detail, details={"errors": fields})


def _as_field_error(error: Mapping[str, Any]) -> dict[str, str]:
    place = [str(part) for part in error["loc"]]
    field = ".".join(place[1:]) or place[0]
    # The input itself stays out: it may be a password.
    return {"field": field, "code": str(error["type"]), "message": str(error["msg"])}


def of_refusal(request: Request, error: BankError | ProtocolError | RequestValidationError) -> ProblemResponse:
    """The answer to whatever a route refuses."""
    if isinstance(error, BankError):
        return of_bank_error(request, error)
    if isinstance(error, ProtocolError):
        return of_protocol_error(request, error.code, error.detail)
    return of_validation(request, error.errors())


def add_handlers(app: FastAPI) -> None:
    """Every error that can leave a route becomes a problem."""

    @app.exception_handler(BankError)
    @app.exception_handler(ProtocolError)
    @app.exception_handler(RequestValidationError)
    async def _refusal(request: Request, error: Any) -> ProblemResponse:
        return of_refusal(request, error)

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> ProblemResponse:
        if error.status_code == 405:
            sentence = f"{request.method} is not answered here."
            allowed = methods.allow(methods.routes_at(request.app.state.routes, request.url.path))
            return of_protocol_error(request, "method_not_allowed", sentence, {"Allow": allowed})
        if error.status_code == 404:
            return of_protocol_error(request, "not_found", "There is nothing at this address.")
        if error.status_code == 413:
            return of_protocol_error(request, "body_too_large", "The body is too large.")
        # The framework raises 400 for a body that it could not read to its end.
        return of_protocol_error(request, "malformed_json", "The body could not be read.")
