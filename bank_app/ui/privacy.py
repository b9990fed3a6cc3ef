"""Hiding amounts: the formatter writes dots, so that no digit of an amount is anywhere in the page."""

from __future__ import annotations

from typing import Any

import reflex as rx

from bank_app.domain import money
from bank_app.services import preferences
from bank_app.ui import calls
from bank_app.ui.guard import exposed
from bank_app.ui.live import LiveState
from bank_app.ui.session import SessionState, actor_of


class PrivacyState(rx.State):
    """The switch in the header and the shortcut for it."""

    @exposed
    async def toggle(self) -> Any:
        """Hides or shows amounts here at once; every other open page of the person follows."""
        actor, session = await actor_of(self), await self.get_state(SessionState)
        session.private = hidden = not session.private
        # Kept with the person, so that another tab or a new day does not show what was hidden here.
        await calls.write(lambda db: preferences.keep(db, actor, "hidden", hidden))
        money.hide(session.private)
        return LiveState.redraw
