"""Echoes at the edge of the page. Whatever one says about money is also on a page that can be reloaded."""

from __future__ import annotations

import reflex as rx

from bank_app import clock
from bank_app.ui.guard import exposed
from bank_app.ui.messages import say


class NoticeState(rx.State):
    """The latest echo; `seq` is new for each, so that the browser shows each once."""

    text: str = ""
    kind: str = "success"
    seq: int = 0

    @exposed(public=True)
    def failed(self) -> None:
        """A handler broke: says so without details. Carries nothing, so calling it proves nothing."""
        self._show("error", say("SERVER_ERROR"))

    def _show(self, kind: str, text: str) -> None:
        self.kind, self.text = kind, text
        self.seq = int(clock.now().timestamp() * 1000)


async def notify(state: rx.State, text: str, kind: str = "success") -> None:
    """Shows an echo on this tab: `success` and `info` fade, `error` stays until it is closed."""
    (await state.get_state(NoticeState))._show(kind, text)  # noqa: SLF001 - not callable from a browser, so private
