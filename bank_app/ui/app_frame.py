"""What surrounds every page once, in place of the framework's own banner, toasts and error page."""

from __future__ import annotations

from collections.abc import Callable

import reflex as rx

from bank_app.ui.components.browser import focus_on_navigation, notices
from bank_app.ui.components.live import announcer
from bank_app.ui.components.signing import leave_nothing
from bank_app.ui.notices import NoticeState

_BROKEN = "$/public/browser/broken"


class Boundary(rx.Component):
    """Around everything that is drawn: what fails in it leaves words and a way back, and never a stack trace."""

    library = _BROKEN
    tag = "Boundary"

    def add_custom_code(self) -> list[str]:
        """The router's own error page, for what fails outside of the boundary, would show one."""
        return [f'export {{ Broken as ErrorBoundary }} from "{_BROKEN}";']


def _around(stateful: bool) -> rx.Component | None:  # noqa: FBT001 - the framework calls it so
    """Echoes and focus; one instance that navigation does not replace."""
    if not stateful:
        return None
    return rx.fragment(
        notices(text=NoticeState.text, kind=NoticeState.kind, seq=NoticeState.seq),
        announcer(),
        focus_on_navigation(),
        leave_nothing(),
    )


FRAME: dict[tuple[int, str], Callable[[bool], rx.Component | None]] = {
    (55, "ErrorBoundary"): lambda _stateful: Boundary.create(),
    (5, "Overlay"): _around,
}
