"""Hiding amounts: the formatter writes dots, so that no digit of an amount is anywhere in the page."""

from __future__ import annotations

from typing import Any

import reflex as rx

from bank_app.domain import money
from bank_app.services import preferences
from bank_app.ui import calls, current
from bank_app.ui.behind import BehindState
from bank_app.ui.books import BooksState
from bank_app.ui.guard import exposed
from bank_app.ui.palette import PaletteState
from bank_app.ui.session import SessionState, actor_of


class PrivacyState(rx.State):
    """The switch in the header and the shortcut for it."""

    @exposed
    async def toggle(self) -> Any:
        """Hides or shows amounts: the page is read again, and what other pages had shown is forgotten."""
        actor, session = await actor_of(self), await self.get_state(SessionState)
        session.private = hidden = not session.private
        # Kept with the person, so that another tab or a new day does not show what was hidden here.
        await calls.write(lambda db: preferences.keep(db, actor, "hidden", hidden))
        money.hide(session.private)
        page, _ = current.page_at(self.router.url.path)
        if page is None:
            return None
        kept = {handler.state_full_name for handler in page.on_load}
        for name in {handler.state_full_name for other in current.others(page) for handler in other.on_load} - kept:
            self._get_root_state().get_substate(name.split(".")).reset()
        for other in (BehindState, PaletteState):
            (await self.get_state(other)).reset()
        return [*([page.refresh] if page.refresh else page.on_load), BooksState.look]
