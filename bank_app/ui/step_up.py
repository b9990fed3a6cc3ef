"""Asking for a fresh code in front of whatever takes one, and then doing it: no form is lost over it.

A service turns the person away (`StepUpRequired`); `calls` says so here, with the event that was under way. The page
opens its dialog, and once the code is right the same event is sent again, through the guard like any other.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import reflex as rx
from cachetools import TTLCache
from reflex.event import Event
from reflex_base.event.context import EventContext

from bank_app.errors import BankError
from bank_app.services import step_up
from bank_app.ui import calls, forms, messages, native_forms, words
from bank_app.ui.guard import exposed, under_way
from bank_app.ui.session import actor_of

# What waits for a code, by tab, and in whose sign-in. It waits as long as somebody might look for his phone.
_waiting: TTLCache[str, tuple[Event, UUID | None]] = TTLCache(maxsize=10_000, ttl=600)


class StepUpState(rx.State):
    """The dialog. It opens whenever `asked` changes, and closes whenever `done` does."""

    asked: int = 0
    done: int = 0
    answer: int = 0
    error: str = ""

    @exposed
    def ask(self) -> None:
        """Opens the dialog, if something waits for a code."""
        self.error = ""
        self.asked += 1 if self.router.session.client_token in _waiting else 0

    @exposed
    async def confirm(self, form: dict[str, Any]) -> Any:
        """Takes the code, and does what waited for it."""
        actor, bank, tab = await actor_of(self), calls.bank(), self.router.session.client_token
        self.answer += 1
        try:
            await calls.call(step_up.prove, bank.db, actor, code=forms.field(form, "code", 40))
        except BankError as error:
            wait = words.how_long(str(error.details.get("retry_after", "")))
            problem = native_forms.problem_of(error)
            self.error = messages.refusal(error, variant=problem, wait=wait, bank=bank.settings.name).text
            return None
        self.error, self.done = "", self.done + 1
        event, whose = _waiting.pop(tab, (None, None))
        return event if whose == actor.sign_in_id else None


async def _wait() -> None:
    working = under_way.get()
    if working is None:
        return
    event, whose = working
    context = EventContext.get()
    _waiting[context.token] = (Event(name=event.name, payload=dict(event.payload)), whose)
    await context.enqueue(*Event.from_event_type(StepUpState.ask))


calls.when_code_wanted.append(_wait)
