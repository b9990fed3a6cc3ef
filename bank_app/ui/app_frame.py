"""What surrounds every page once, in place of the framework's own banner and toasts."""

from __future__ import annotations

from collections.abc import Callable

import reflex as rx

from bank_app.ui.components.browser import focus_on_navigation, notices
from bank_app.ui.components.live import announcer
from bank_app.ui.notices import NoticeState


def _around(stateful: bool) -> rx.Component | None:  # noqa: FBT001 - the framework calls it so
    """Echoes and focus; one instance that navigation does not replace."""
    if not stateful:
        return None
    return rx.fragment(
        notices(text=NoticeState.text, kind=NoticeState.kind, seq=NoticeState.seq),
        announcer(),
        focus_on_navigation(),
    )


FRAME: dict[tuple[int, str], Callable[[bool], rx.Component | None]] = {(5, "Overlay"): _around}
