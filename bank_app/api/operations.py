"""For whoever runs the bank: health, numbers, the state of the books, the reference, and what each code means."""

from __future__ import annotations

import hmac
from datetime import timedelta
from html import escape
from typing import Annotated, Literal, Self

from fastapi import APIRouter, Path, Request, Response
from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from bank_app import clock, methods
from bank_app.api import pages, reference, schemas
from bank_app.api.catalogue import CATALOGUE
from bank_app.api.dependencies import Bank, SignedIn
from bank_app.api.documents import operation_id, problems, status_of_code, title_of_code
from bank_app.api.errors import ProtocolError
from bank_app.api.metrics import CONTENT_TYPE, Metrics
from bank_app.api.requests import ActorRoute, OpenRoute, bearer_token
from bank_app.api.values import Time
from bank_app.domain import money
from bank_app.errors import NotSignedIn
from bank_app.services import integrity, proxies, roles
from bank_app.settings import Settings

public = APIRouter(route_class=OpenRoute, tags=["Operations"], generate_unique_id_function=operation_id)
signed_in = APIRouter(
    prefix="/api/v1", route_class=ActorRoute, tags=["Operations"], generate_unique_id_function=operation_id
)
# Somebody who reads it later asks again.
_TRUE_FOR = timedelta(days=90)
_NOT_TOLD = "null for customers, unless the bank is a demo"
# None named is every one, also one that nobody knows.
_ANY_METHOD: list[str] = []


class HealthOut(schemas.Answer):
    """That it works."""

    status: Literal["ok", "ready"] = Field(description="ok: the process answers; ready: the database does, too.")


class ViolationOut(schemas.Answer):
    """A rule of the ledger that does not hold."""

    invariant: int = Field(description="Its number in the ledger's list of invariants.", examples=[3])
    subject: str | None = Field(
        description=f"The first row that breaks it; {_NOT_TOLD}.", examples=["account 1234567889"]
    )
    message: str | None = Field(description=f"What is wrong with it; {_NOT_TOLD}.")


class ChainOut(schemas.Answer):
    """The hashes."""

    ok: bool = Field(description="Every hash follows from its content and the one before it.")
    head: str = Field(description="A digest over the newest hash of every account, in hexadecimal.")


class IntegrityOut(schemas.Answer):
    """What checking the whole books found. Whether they balance is for everybody; how much there is, is not."""

    ok: bool = Field(description="No violation.")
    checked_at: Time = Field(description="When this check ran; it may be up to 30 seconds old.")
    accounts: int | None = Field(description=f"Accounts checked, the bank's own included; {_NOT_TOLD}.")
    transactions: int | None = Field(description=f"Transactions checked; {_NOT_TOLD}.")
    postings: int | None = Field(description=f"Postings checked; {_NOT_TOLD}.")
    violations: list[ViolationOut] = Field(description="The first few of each kind.")
    totals: dict[str, str] = Field(description="Σ of all balances by currency: zero.", examples=[{"USD": "0.00"}])
    chain: ChainOut = Field(description="The hashes.")

    @classmethod
    def of(cls, report: integrity.Report, *, told: bool) -> Self:
        """From the service's view. `told` says that whoever asks may know how much there is, and of whom."""
        return cls(
            ok=report.ok,
            checked_at=clock.to_text(report.checked_at),
            accounts=report.accounts if told else None,
            transactions=report.transactions if told else None,
            postings=report.postings if told else None,
            violations=[
                ViolationOut(
                    invariant=found.invariant,
                    subject=found.subject if told else None,
                    message=found.message if told else None,
                )
                for found in report.violations
            ],
            totals={code: money.to_text(minor, code) for code, minor in report.totals.items()},
            chain=ChainOut(ok=report.chain_ok, head=report.chain_head),
        )


@public.get(
    "/healthz", summary="Is the process alive", response_description="It is.", responses=problems("internal_error")
)
async def healthz() -> HealthOut:
    """Asks nothing of anybody: a process whose database is away is alive."""
    return HealthOut(status="ok")


@public.get(
    "/readyz",
    summary="Can it serve",
    response_description="The database is reachable and every migration is applied.",
    responses=problems("database_unavailable"),
)
async def readyz(request: Request) -> HealthOut:
    """Whether requests should be sent here, as it was at most a second ago."""
    await request.app.state.readiness.ask()
    return HealthOut(status="ready")


@public.get(
    "/metrics",
    summary="Numbers for Prometheus",
    response_class=Response,
    response_description="The text exposition format.",
    responses={
        200: {"content": {"text/plain": {"schema": {"type": "string"}}}},
        **problems("unauthenticated", "not_found"),
    },
)
def metrics(request: Request, bank: Bank) -> Response:
    """Answers by route, their times, and the pools of connections of this worker process.

    For whoever sends BANK_METRICS_TOKEN; where none is set, for whoever asks from the machine itself.
    """
    _let_in(request, bank.settings)
    numbers: Metrics = request.app.state.metrics
    return Response(numbers.text(), media_type=CONTENT_TYPE)


@public.get(
    "/.well-known/security.txt",
    summary="Whom to tell of a weakness",
    response_class=Response,
    response_description="As RFC 9116 says.",
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}, **problems("not_found")},
)
async def security_txt(bank: Bank) -> Response:
    """The address that BANK_SECURITY_CONTACT names; where none is set there is no such file."""
    settings = bank.settings
    if not settings.security_contact:
        raise ProtocolError("not_found", "There is nothing at this address.")
    lines = [
        f"Contact: {settings.security_contact}",
        f"Expires: {clock.now() + _TRUE_FOR:%Y-%m-%dT00:00:00Z}",
        "Preferred-Languages: en",
    ]
    if settings.public_url:
        lines.append(f"Canonical: {settings.public_url.rstrip('/')}/.well-known/security.txt")
    return Response("\n".join(lines) + "\n", media_type="text/plain")


def _let_in(request: Request, settings: Settings) -> None:
    if settings.metrics_token:
        if not hmac.compare_digest(bearer_token(request).encode(), settings.metrics_token.encode()):
            raise NotSignedIn("Send BANK_METRICS_TOKEN: Authorization: Bearer <token>.")
    elif not proxies.is_from_here(request.scope):
        raise ProtocolError("not_found", "There is nothing at this address.")


@signed_in.get(
    "/integrity",
    summary="Check the books",
    response_description="What the newest check found.",
    responses=problems("unauthenticated", "token_expired"),
)
def get_integrity(actor: SignedIn, bank: Bank) -> IntegrityOut:
    """Every invariant of the ledger, recomputed from the postings alone; at most 30 seconds old."""
    return IntegrityOut.of(integrity.latest(bank), told=roles.may_know_volume(bank.settings, actor))


# --- pages ------------------------------------------------------------------------------------------------


@public.get("/api/v1/openapi.json", include_in_schema=False)
def openapi_document(request: Request) -> JSONResponse:
    """The OpenAPI 3.1 document."""
    return JSONResponse(request.app.openapi())


@public.get("/api/v1/docs", include_in_schema=False)
def docs(request: Request) -> Response:
    """The same document for people."""
    document = request.app.openapi()
    return pages.page(document["info"]["title"], reference.render(document))


@public.get("/problems", include_in_schema=False)
def list_problems(request: Request) -> Response:
    """Every code there is."""
    found = [_explained(code) for code in CATALOGUE]
    if not _wants_html(request):
        return JSONResponse({"items": found})
    rows: list[tuple[str, ...]] = [
        (str(p["status"]), f'<a href="/problems/{p["code"]}"><code>{p["code"]}</code></a>', pages.marked(str(p["why"])))
        for p in sorted(found, key=lambda problem: (problem["status"], problem["code"]))
    ]
    return pages.page("Problems", "<h1>Problems</h1>" + pages.table(("Status", "Code", "Why"), rows))


@public.get(
    "/problems/{code}",
    summary="Explain a code",
    response_class=JSONResponse,
    response_description="Why the code is answered and what to do.",
    responses={200: {"content": {"text/html": {"schema": {"type": "string"}}}}, **problems("not_found")},
)
def explain_problem(code: Annotated[str, Path(description="The `code` of a problem.")], request: Request) -> Response:
    """What a problem's `type` points to: for people as a page, for programs as JSON."""
    if code not in CATALOGUE:
        raise ProtocolError("not_found", "There is no such code.")
    found = _explained(code)
    if not _wants_html(request):
        return JSONResponse(found)
    body = (
        f'<p class="soft"><a href="/problems">Problems</a> · {found["status"]} · <code>{code}</code></p>'
        f"<h1>{escape(str(found['title']))}</h1>"
        f"<h2>Why</h2>{pages.prose(str(found['why']))}<h2>What to do</h2>{pages.prose(str(found['do']))}"
    )
    return pages.page(str(found["title"]), body)


def _explained(code: str) -> dict[str, str | int]:
    meaning = CATALOGUE[code]
    return {
        "code": code,
        "status": status_of_code(code),
        "title": title_of_code(code),
        "why": meaning.why,
        "do": meaning.do,
    }


def _wants_html(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


# Whatever else begins with /api, and every other method of what is served here, is ours to refuse: without this, a
# mistyped address would be answered with a page, and a method by it, when the API shares its origin with the pages.
elsewhere = APIRouter(include_in_schema=False, generate_unique_id_function=operation_id)


@elsewhere.api_route("/api", methods=_ANY_METHOD)
@elsewhere.api_route("/api/{rest:path}", methods=_ANY_METHOD)
@elsewhere.api_route("/problems", methods=_ANY_METHOD)
@elsewhere.api_route("/problems/{rest:path}", methods=_ANY_METHOD)
@elsewhere.api_route("/healthz", methods=_ANY_METHOD)
@elsewhere.api_route("/readyz", methods=_ANY_METHOD)
@elsewhere.api_route("/metrics", methods=_ANY_METHOD)
@elsewhere.api_route("/.well-known/security.txt", methods=_ANY_METHOD)
async def nothing_here(request: Request) -> Response:
    """404, or 405 where the address exists and the method does not."""
    if methods.routes_at(request.app.state.routes, request.url.path):
        raise HTTPException(405)
    raise ProtocolError("not_found", "There is nothing at this address.")
