"""The pieces of assets/browser/signing.jsx as components."""

from __future__ import annotations

import reflex as rx
from reflex.event import EventHandler, no_args_event_spec, passthrough_event_spec

from bank_app.ui.guard import exposed
from bank_app.ui.session import SessionState

LIBRARY = "$/public/browser/signing"


class SessionEnd(rx.Component):
    """Warns before a session ends by itself, and afterwards leaves the page to the sign-in page."""

    library = LIBRARY
    tag = "SessionEnd"

    ends: rx.Var[int]
    now: rx.Var[int]
    warning: rx.Var[int]
    on_stay: EventHandler[no_args_event_spec]


class LeaveNothing(rx.Component):
    """Shows no page of before from the browser's memory."""

    library = LIBRARY
    tag = "LeaveNothing"


class DownloadText(rx.Component):
    """A button that keeps `text` as a file called `name`."""

    library = LIBRARY
    tag = "DownloadText"

    text: rx.Var[str]
    name: rx.Var[str]


class LinkReader(rx.Component):
    """Takes what a link carries out of the address, and says what it is, or that it is nothing."""

    library = LIBRARY
    tag = "LinkReader"

    on_token: EventHandler[passthrough_event_spec(str)]


class LinkField(rx.Component):
    """Puts what the link carried into a form."""

    library = LIBRARY
    tag = "LinkField"


class ThemeChoice(rx.Component):
    """System, light or dark, as a list."""

    library = LIBRARY
    tag = "ThemeChoice"


class StayState(rx.State):
    """Keeps a session going."""

    @exposed
    def stay(self) -> None:
        """Nothing to do: that this person sent an event is what moves the end of the session."""


def session_end() -> rx.Component:
    """The warning, for every page of somebody signed in."""
    return SessionEnd.create(
        ends=SessionState.session_ends,
        now=SessionState.session_now,
        warning=SessionState.session_warning,
        on_stay=StayState.stay.temporal,
    )


leave_nothing = LeaveNothing.create
link_reader = LinkReader.create
link_field = LinkField.create
download_text = DownloadText.create
theme_choice = ThemeChoice.create
