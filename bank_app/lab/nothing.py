"""An application that does nothing but answer, to see what server and load generator cost without a bank between."""

from __future__ import annotations

from starlette.types import Receive, Scope, Send

# As long as the answer to a transfer.
_BODY = b'{"id": "00000000-0000-7000-8000-000000000000", "padding": "%s"}' % (b"." * 700)
_HEADERS = [(b"content-type", b"application/json"), (b"content-length", str(len(_BODY)).encode())]


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Reads the request and answers 201; `/readyz` is 200."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    status = 200 if scope["path"] == "/readyz" else 201
    await send({"type": "http.response.start", "status": status, "headers": _HEADERS})
    await send({"type": "http.response.body", "body": _BODY})
