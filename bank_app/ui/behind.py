"""The API behind a page: the requests that show the same, and their answers as this person gets them right now."""

from __future__ import annotations

import asyncio
import json
import re
import time
from dataclasses import dataclass, replace
from typing import Any

import httpx
import reflex as rx
from sqlalchemy.orm import Session
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bank_app import clock
from bank_app.domain import money
from bank_app.domain.text import visible
from bank_app.errors import BankError
from bank_app.services import accounts, audit_trail, drafts, tokens, transfers
from bank_app.services.actor import Actor
from bank_app.ui import calls, current, forms
from bank_app.ui.guard import exposed
from bank_app.ui.requests import API, Request, curl, of_draft, of_page, of_transaction, python
from bank_app.ui.session import actor_of

# A number in quotes under a name; whatever is no account's number is an amount, in currencies without cents as well.
_NUMBER = re.compile(r"(['\"])(\w+)\1: (['\"])-?[0-9]+(?:\.[0-9]+)?\3")
_ACCOUNTS = ("id", "account", "number")
_LONGEST, _MOST_READ = 20_000, 65_536
_connected: list[Any] = []


def connect(api: Any) -> None:
    """Says which application answers; the composition root calls it once."""
    _connected[:] = [api]


@dataclass(frozen=True)
class Shown:
    """A request as the drawer shows it; `answer` once it was asked."""

    method: str
    path: str
    says: str
    key: str
    body: str
    curl: str
    python: str
    can_ask: bool
    status: str = ""
    took: str = ""
    request_id: str = ""
    answer: str = ""


class BehindState(rx.State):
    """The drawer of the page that is shown."""

    route: str = ""
    requests: list[Shown] = []

    @exposed
    async def open(self) -> None:
        """Finds the requests behind the page of this tab, and asks the first."""
        actor = await actor_of(self)
        page, values = current.page_at(self.router.url.path)
        self.route = self.router.url.path
        route = page.route if page else ""
        origin = calls.bank().settings.public_url or self.router.url.origin
        try:
            found = await calls.read(lambda session: _requests(session, actor, route, values))
        except BankError:
            found = of_page("", {})
        self.requests = [_shown(request, origin) for request in found]
        if self.requests and self.requests[0].can_ask:
            await self._ask(actor, 0)

    @exposed
    async def ask(self, index: int) -> None:
        """Asks the API in this person's name. Only what reads; nothing here moves money."""
        actor = await actor_of(self)
        if isinstance(index, int) and 0 <= index < len(self.requests) and self.requests[index].can_ask:
            await self._ask(actor, index)

    async def _ask(self, actor: Actor, index: int) -> None:
        asked = self.requests[index]
        if actor.sign_in_id is None or not asked.path.startswith(API) or asked.method != "GET":
            return
        token = tokens.access_token(calls.bank().settings, actor.user_id, actor.sign_in_id)
        begun = time.perf_counter()
        beginning = _Beginning(_connected[0])
        transport = httpx.ASGITransport(app=beginning, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://bank") as client:
            answer = await client.get(asked.path, headers={"authorization": f"Bearer {token}"})
        took = (time.perf_counter() - begun) * 1000
        self.requests = [
            replace(
                shown,
                status=f"{answer.status_code} {answer.reason_phrase}",
                took=f"{took:.0f} ms",
                request_id=answer.headers.get("x-request-id", ""),
                answer=_readable(beginning.made_whole(answer.text)),
            )
            if number == index
            else shown
            for number, shown in enumerate(self.requests)
        ]


class _Beginning:
    """The API as it answers somebody who leaves when he has read enough: a year of entries is not kept for a drawer."""

    def __init__(self, api: ASGIApp) -> None:
        self._api, self._enough, self._read = api, asyncio.Event(), 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def receive_or_leave() -> Message:
            asked = asyncio.ensure_future(receive())
            left = asyncio.ensure_future(self._enough.wait())
            await asyncio.wait((asked, left), return_when=asyncio.FIRST_COMPLETED)
            left.cancel()
            return asked.result() if asked.done() or not asked.cancel() else {"type": "http.disconnect"}

        async def send_beginning(message: Message) -> None:
            if self._enough.is_set():
                return
            self._read += len(message.get("body", b""))
            if message.get("more_body") and self._read >= _MOST_READ:
                self._enough.set()
                message = {**message, "more_body": False}
            await send(message)

        await self._api(scope, receive_or_leave, send_beginning)

    def made_whole(self, text: str) -> str:
        """The text; of a statement that was left, with its end: it comes in pieces of whole entries."""
        return f"{text}]}}" if self._enough.is_set() else text


def _requests(session: Session, actor: Actor, route: str, values: dict[str, str]) -> list[Request]:
    own = [] if actor.role.sees_every_account else accounts.own_accounts(session, actor)
    first = {"first": own[0].number} if own else {}
    month = {"month": clock.now().strftime("%Y-%m")}
    found = of_page(route, {**values, **first, **month})
    if found[0].path.startswith(f"{API}/audit") and not audit_trail.may_use_programs(actor):
        # Asked, it would be refused and recorded as an attempt of somebody who only opened the drawer.
        found = of_page("", {})
    draft_id = forms.identifier(values.get("draft_id"))
    if draft_id:
        found.append(of_draft(drafts.get(session, actor, draft_id)))
    transaction_id = forms.identifier(values.get("transaction_id"))
    key = transfers.key_of(session, actor, transaction_id) if transaction_id else None
    if transaction_id and key:
        view = transfers.get_transaction(session, actor, transaction_id)
        if view.reverses is None:
            found.append(of_transaction(view, key))
    return found


def _shown(request: Request, origin: str) -> Shown:
    hidden = money.are_hidden()
    shell, script = curl(request, origin), python(request, origin)
    body = json.dumps(json.loads(request.body), indent=2, ensure_ascii=False) if request.body else ""
    if hidden:
        shell, script, body = (_hide(text) for text in (shell, script, body))
    return Shown(
        request.method, request.path, request.says, request.key, body, shell, script, can_ask=request.method == "GET"
    )


def _readable(text: str) -> str:
    try:
        pretty = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except ValueError:
        # What cannot be read cannot be searched for amounts that are hidden.
        pretty = "" if money.are_hidden() else text
    if money.are_hidden():
        pretty = _hide(pretty)
    pretty = "\n".join(map(visible, pretty.split("\n")))
    return pretty if len(pretty) <= _LONGEST else pretty[:_LONGEST] + "\n…"


def _hide(text: str) -> str:
    def dots(found: re.Match[str]) -> str:
        quote, name, around = found.groups()
        return found[0] if name.endswith(_ACCOUNTS) else f"{quote}{name}{quote}: {around}{money.HIDDEN}{around}"

    return _NUMBER.sub(dots, text)
