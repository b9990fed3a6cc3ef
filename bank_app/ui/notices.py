"""Echoes at the edge of the page. Whatever one says about money is also on a page that can be reloaded."""

from __future__ import annotations

from collections.abc import Sized
from typing import Any

import reflex as rx
from cachetools import TTLCache
from reflex_base.event.context import EventContext

from bank_app import clock
from bank_app.ui import current
from bank_app.ui.guard import exposed
from bank_app.ui.messages import say

# Events that failed a moment ago, and those that only look at what became of one: another failure among these is not
# answered by an event again, or it would never end.
FAILED: TTLCache[str, bool] = TTLCache(maxsize=10_000, ttl=60)


class NoticeState(rx.State):
    """The latest echo; `seq` is new for each, so that the browser shows each once."""

    text: str = ""
    kind: str = "success"
    seq: int = 0
    # New with each failure: what waits for an answer has one.
    seq_of_failure: int = 0

    @exposed(public=True)
    def failed(self) -> Any:
        """A handler broke: says so without details, and lets the page look at what is true now.

        Carries nothing, so calling it proves nothing.
        """
        self._show("error", say("SERVER_ERROR"))
        self.seq_of_failure = self.seq
        FAILED[EventContext.get().txid] = True
        page, _ = current.page_at(self.router.url.path)
        return page.refresh if page else None

    def _show(self, kind: str, text: str) -> None:
        self.kind, self.text = kind, text
        self.seq = int(clock.now().timestamp() * 1000)


# A tab's rows are kept by the bank for as long as the tab is open.
MOST_SHOWN = 1_000


async def is_full(state: rx.State, shown: Sized) -> bool:
    """Whether a list on a page has as many rows as a page holds; then it says how to see others."""
    if len(shown) < MOST_SHOWN:
        return False
    await notify(state, say("LIST_FULL", most=f"{MOST_SHOWN:,}"), "info")
    return True


async def notify(state: rx.State, text: str, kind: str = "success") -> None:
    """Shows an echo on this tab: `success` and `info` fade, `error` stays until it is closed."""
    (await state.get_state(NoticeState))._show(kind, text)  # noqa: SLF001 - not callable from a browser, so private
