"""What waits for a second of the bank's people: the list, and one request with what exactly will happen. State only."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import reflex as rx
from sqlalchemy.orm import Session

from bank_app.errors import BankError, Invalid
from bank_app.services import approvals
from bank_app.services.actor import Actor
from bank_app.services.approvals import ApprovalView, State
from bank_app.services.lists import Page
from bank_app.ui import approval_words, calls, forms, words
from bank_app.ui.approval_words import Approval
from bank_app.ui.guard import exposed
from bank_app.ui.messages import reason_problem, refusal, say
from bank_app.ui.money_form import new_answer
from bank_app.ui.notices import is_full, notify
from bank_app.ui.session import ROLE_WORDS, actor_of

PATH = "/ops/approvals"
_PAGE = 25


class ApprovalsState(rx.State):
    """What waits, and what was decided lately."""

    loaded: bool = False
    failed: str = ""
    heading: str = "Approvals"
    waiting: list[Approval] = []
    decided: list[Approval] = []
    more: bool = False
    _cursor: str | None = None

    @exposed(staff=True)
    async def open(self) -> None:
        """Loads both lists."""
        await self._load()

    @exposed(staff=True)
    async def refresh(self) -> None:
        """The lists of now."""
        if self.loaded:
            await self._load()

    @exposed(staff=True)
    async def load_more(self) -> None:
        """Older ones."""
        if self._cursor is None or await is_full(self, self.decided):
            return
        actor, cursor = await actor_of(self), self._cursor
        try:
            page = await calls.read(
                lambda session: approvals.list_approvals(session, actor, limit=_PAGE, cursor=cursor)
            )
        except BankError as error:
            self.failed = refusal(error).text
            return
        self.decided = [*self.decided, *_shown(page, decided=True)]
        self._cursor, self.more = page.next_cursor, page.next_cursor is not None

    async def _load(self) -> None:
        actor = await actor_of(self)

        def both(session: Session) -> tuple[Page[ApprovalView], Page[ApprovalView]]:
            waiting = approvals.list_approvals(session, actor, state=State.PENDING, limit=approvals.MOST_LISTED)
            return waiting, approvals.list_approvals(session, actor, limit=_PAGE)

        try:
            waiting, every = await calls.read(both)
        except BankError as error:
            self.failed = refusal(error).text
            return
        self.waiting, self.decided = _shown(waiting), _shown(every, decided=True)
        self._cursor, self.more = every.next_cursor, every.next_cursor is not None
        count = len(self.waiting)
        self.heading = f"{words.count(count, 'thing waits', 'things wait')} for a second" if count else "Approvals"
        self.failed, self.loaded = "", True


def _shown(page: Page[ApprovalView], *, decided: bool = False) -> list[Approval]:
    settings = calls.bank().settings
    return [
        approval_words.approval(view, settings) for view in page.items if not (decided and view.state is State.PENDING)
    ]


class ApprovalState(rx.State):
    """One request. `half` is shown once, to whoever approved a password link."""

    shown: str = ""
    missing: str = ""
    failed: str = ""
    approval: Approval = Approval()
    answer: int = 0
    done: int = 0
    half: str = ""
    half_until: str = ""
    half_seq: int = 0
    reason_error: str = ""
    refused: str = ""
    code: str = ""
    _id: UUID | None = None

    @exposed(staff=True)
    async def open(self) -> Any:
        """Loads the request of the address."""
        written = self.router.url.path.rstrip("/").rpartition("/")[2]
        self.reset()
        yield
        self._id = forms.identifier(written)
        if self._id is None or not await self._load():
            self.missing = "" if self.failed else written
            return
        self.shown = written

    @exposed(staff=True)
    async def refresh(self) -> None:
        """The request of now."""
        if self._id is not None and self.shown:
            await self._load()

    @exposed(staff=True)
    def prepare(self) -> None:
        """A dialog opens without the complaints of the last one."""
        self._forget()

    @exposed(staff=True)
    async def approve(self, digest: str) -> None:
        """Makes it happen: exactly what the page showed."""
        actor, wanted = await actor_of(self), self._id
        self._forget()
        if wanted is None:
            return
        try:
            done = await calls.call(approvals.approve, calls.bank().db, actor, wanted, digest=forms.text(digest, 64))
        except BankError as error:
            await self._refuse(error, actor)
            return
        if done.half:
            self.half, self.half_seq = done.half, new_answer()
            self.half_until = f"{words.time_of_day(done.until)} UTC" if done.until else ""
        await self._load()
        await notify(self, say("APPROVAL_MAILED" if done.mailed else "APPROVAL_DONE"))

    @exposed(staff=True)
    async def refuse(self, form: dict[str, Any]) -> None:
        """Says no, with a reason."""
        reason = forms.field(form, "refuse-reason", 1_500)
        actor, wanted = await actor_of(self), self._id
        self._forget()
        if wanted is None:
            return
        try:
            await calls.write(lambda session: approvals.refuse(session, actor, wanted, reason=reason))
        except Invalid as error:
            self.reason_error = reason_problem(error)
            return
        except BankError as error:
            await self._refuse(error, actor)
            return
        self.done = new_answer()
        await self._load()
        await notify(self, say("APPROVAL_REFUSED"))

    @exposed(staff=True)
    async def withdraw(self) -> None:
        """Takes one's own request back."""
        actor, wanted = await actor_of(self), self._id
        self._forget()
        if wanted is None:
            return
        try:
            await calls.write(lambda session: approvals.withdraw(session, actor, wanted))
        except BankError as error:
            await self._refuse(error, actor)
            return
        await self._load()
        await notify(self, say("APPROVAL_WITHDRAWN"))

    async def _load(self) -> bool:
        actor, wanted = await actor_of(self), self._id
        if wanted is None:
            return False
        try:
            view = await calls.read(lambda session: approvals.get(session, actor, wanted))
        except BankError as error:
            self.failed = "" if error.code == "not_found" else refusal(error).text
            return False
        self.approval, self.failed = approval_words.approval(view, calls.bank().settings), ""
        return True

    async def _refuse(self, error: BankError, actor: Actor) -> None:
        found = refusal(error, role=ROLE_WORDS[actor.role], bank=calls.bank().settings.name)
        # What a colleague may not do has many reasons; the service names the one.
        self.refused, self.code = (error.detail if error.code == "forbidden" else found.text), found.code
        await self._load()

    def _forget(self) -> None:
        self.answer = new_answer()
        self.reason_error = self.refused = self.code = ""
