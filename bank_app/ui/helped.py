"""What a person is told on every page after the bank helped them back in, until they have read it and it is over."""

from __future__ import annotations

from dataclasses import dataclass

import reflex as rx

from bank_app.domain.text import isolated
from bank_app.errors import BankError
from bank_app.services import recovery
from bank_app.services.recovery import Help
from bank_app.ui import calls, words
from bank_app.ui.guard import exposed
from bank_app.ui.session import actor_of

_DONE = {
    recovery.PASSWORD: "A new password was chosen with a code of the bank",
    recovery.SECOND_STEP: "The bank turned your two-step sign-in off",
}


@dataclass(frozen=True)
class Told:
    """One time, in a sentence."""

    key: str
    text: str


class HelpedState(rx.State):
    """What is told. It stays until it was read, and what is guarded for as long as it is."""

    helped: list[Told] = []
    guarded_until: str = ""
    unread_help: bool = False
    guarded_limit: int = 0

    @exposed
    async def look(self) -> None:
        """Looks whether there is something to tell."""
        actor = await actor_of(self)
        try:
            found = await calls.read(lambda session: recovery.helped(session, actor.user_id))
            period = await calls.read(lambda session: recovery.of(session, actor.user_id)) if found else None
        except BankError:
            return
        told = [Told(str(one.id), _said(one)) for one in found]
        until = words.when(period.until) if period else ""
        if (told, until) != (self.helped, self.guarded_until):
            self.helped, self.guarded_until = told, until
        self.guarded_limit = period.limit_units if period else 0
        self.unread_help = any(not one.read for one in found)

    @exposed
    async def read(self) -> None:
        """The person says that they have read it."""
        actor = await actor_of(self)
        await calls.write(lambda session: recovery.mark_read(session, actor))
        await self.look()


def _said(one: Help) -> str:
    by = " and ".join(isolated(name) for name in one.by) or "whoever runs the bank\u2019s server"
    alone = ", who had nobody else to approve it" if one.alone else ""
    return f"{_DONE.get(one.factor, 'You were helped to sign in')}: {words.inside(words.when(one.at))}, by {by}{alone}."
