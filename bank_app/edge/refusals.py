"""What is answered before anybody has looked at what was asked for: a problem for programs, a sentence for people."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from starlette.types import Message, Scope, Send

from bank_app.domain.identifiers import new_id

# Where programs ask and are answered with problems; everywhere else are pages and people.
OWN_PATHS = re.compile(r"/(api|problems|healthz|readyz|metrics|\.well-known/security\.txt)(/|$)")
_SANE_ID = re.compile(r"[A-Za-z0-9._:\-]{1,128}", re.ASCII)
# By code: status, title, and the sentence.
PROTOCOL: Mapping[str, tuple[int, str]] = {
    "misdirected_request": (421, "Not this host"),
    "request_timeout": (408, "Too slow"),
}
_REFUSALS: Mapping[str, tuple[int, str, str]] = {
    "misdirected_request": (*PROTOCOL["misdirected_request"], "This bank does not answer under that name."),
    "request_timeout": (*PROTOCOL["request_timeout"], "The body did not come in time."),
    "too_many_requests": (429, "Too many requests", "Too many requests of this network are under way."),
    "not_found": (404, "Not found", "There is nothing at this address."),
    "forbidden": (403, "Not allowed", "This was sent from another site."),
}
_SECONDS_TO_WAIT = 5


def answer(scope: Scope, code: str) -> tuple[Message, Message]:
    """The two messages of a refusal, by its code."""
    status, title, detail = _REFUSALS[code]
    # The rest of what the client sends is not read, so the connection is of no more use.
    headers = [(b"connection", b"close"), (b"cache-control", b"no-store")]
    if code == "too_many_requests":
        headers.append((b"retry-after", str(_SECONDS_TO_WAIT).encode()))
    if OWN_PATHS.match(scope["path"]):
        request_id = sent_id(scope) or new_id().hex
        problem: dict[str, Any] = {
            "type": f"/problems/{code}", "title": title, "status": status, "code": code,
            "detail": detail, "money_moved": "no", "request_id": request_id,
        }  # fmt: skip
        body = json.dumps(problem).encode()
        headers += [(b"content-type", b"application/problem+json"), (b"x-request-id", request_id.encode())]
    else:
        body = detail.encode()
        headers.append((b"content-type", b"text/plain; charset=utf-8"))
    headers.append((b"content-length", str(len(body)).encode()))
    return (
        {"type": "http.response.start", "status": status, "headers": headers},
        {"type": "http.response.body", "body": b"" if scope.get("method") == "HEAD" else body},
    )


def sent_id(scope: Scope) -> str:
    """The number that a client gave its request; empty where it gave none, or none that a log should have."""
    sent = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"").decode("latin-1")
    return sent if _SANE_ID.fullmatch(sent) else ""


async def refuse(scope: Scope, send: Send, code: str) -> None:
    """Answers a request with a refusal."""
    for message in answer(scope, code):
        await send(message)


async def refuse_socket(scope: Scope, send: Send, code: str) -> None:
    """Answers a handshake with a refusal; of servers that cannot say why, with 403."""
    if "websocket.http.response" in (scope.get("extensions") or {}):
        for message in answer(scope, code):
            await send({**message, "type": "websocket." + message["type"]})
    else:
        await send({"type": "websocket.close", "code": 1008})
