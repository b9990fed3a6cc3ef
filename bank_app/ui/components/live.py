"""What shows that a page is live: the bell, new rows, a number that has just changed, and how fresh it all is."""

from __future__ import annotations

from typing import Any

import reflex as rx
from reflex.event import EventHandler, no_args_event_spec

from bank_app.ui.components.gauges import LIBRARY
from bank_app.ui.components.parts import icon, link
from bank_app.ui.live import MANY, LiveState


class Announcer(rx.Component):
    """Says what came in to people who do not see it."""

    library = LIBRARY
    tag = "Announcer"

    said: rx.Var[str]
    urgent: rx.Var[str]
    seq: rx.Var[int]


class NewRows(rx.Component):
    """Offers rows that came in, or asks for them by itself where nobody is reading."""

    library = LIBRARY
    tag = "NewRows"

    count: rx.Var[int]
    list: rx.Var[str]
    on_show: EventHandler[no_args_event_spec]


class Freshness(rx.Component):
    """Live, or as of when."""

    library = LIBRARY
    tag = "Freshness"


freshness = Freshness.create


def announcer() -> rx.Component:
    """Once on every page, in the frame that navigation does not replace."""
    return Announcer.create(said=LiveState.said, urgent=LiveState.urgent, seq=LiveState.seq)


def bell() -> rx.Component:
    """The way to the notifications, and how many are new."""
    count = rx.cond(LiveState.unread >= MANY, f"{MANY - 1}+", LiveState.unread.to_string())
    words = rx.cond(
        LiveState.unread > 0, rx.Var.create("Notifications, ") + count + rx.Var.create(" unread"), "Notifications"
    )
    return link(
        icon("bell"),
        rx.cond(LiveState.unread > 0, rx.el.span(count, class_name="count", aria_hidden="true"), rx.fragment()),
        to="/notifications",
        class_name="tool bell",
        custom_attrs={"aria-label": words, "title": words},
    )


def new_rows_pill(count: rx.Var, on_show: Any, *, list_id: str = "") -> rx.Component:
    """`2 new — show`, above the list with the id `list_id`. Takes no room, so nothing moves when it comes."""
    return NewRows.create(count=count, list=list_id, on_show=on_show)
