"""What any page can put in front of itself: the palette, the list of shortcuts, the API behind the page."""

from __future__ import annotations

import reflex as rx
from reflex.event import EventHandler, passthrough_event_spec

from bank_app.ui.behind import BehindState
from bank_app.ui.components.browser import copy_button
from bank_app.ui.components.front import panel
from bank_app.ui.components.parts import badge, bone, document_link, icon, link
from bank_app.ui.palette import Hit, PaletteState
from bank_app.ui.session import SessionState


class Palette(rx.Component):
    """Search or jump to: a combobox over what the server finds."""

    library = "$/public/browser/palette"
    tag = "Palette"

    hits: rx.Var[list[Hit]]
    asked: rx.Var[str]
    answered: rx.Var[int]
    on_search: EventHandler[passthrough_event_spec(str)]


def palette() -> rx.Component:
    """The box that opens with Ctrl K."""
    return Palette.create(
        hits=PaletteState.hits,
        asked=PaletteState.asked,
        answered=PaletteState.answered,
        on_search=PaletteState.search,
    )


_EVERYWHERE = (
    (("Ctrl K", "⌘ K"), "Search or jump to"),
    (("?",), "This list"),
    (("`",), "API behind this page"),
    ((".",), "Hide or show amounts"),
    (("/",), "Search the list on this page"),
    (("f",), "Filters"),
    (("j", "k"), "Next and previous row; Enter opens it"),
    (("e",), "Export the list"),
    (("Esc",), "Close what is open"),
)
_CUSTOMER = (
    (("g h",), "Home"),
    (("g a",), "Accounts"),
    (("g p",), "Payees"),
    (("g s",), "Statements"),
    (("g n",), "Notifications"),
    (("g l",), "Lab"),
    (("t",), "Transfer"),
    (("d",), "Deposit"),
    (("w",), "Withdraw"),
)
_STAFF = ((("g o",), "Queue"), (("g a",), "Accounts"), (("g l",), "Lab"))


def _key_list(lines: tuple[tuple[tuple[str, ...], str], ...]) -> rx.Component:
    return rx.el.dl(
        *[
            rx.el.div(rx.el.dt(says), rx.el.dd(*[rx.el.kbd(key) for key in keys]))
            for keys, says in lines
        ],
        class_name="key-list",
    )  # fmt: skip


def key_lists() -> rx.Component:
    """All shortcuts, of everybody and of the role."""
    return rx.el.div(
        rx.el.section(rx.el.h3("Everywhere"), _key_list(_EVERYWHERE)),
        rx.cond(
            SessionState.is_staff,
            rx.el.section(rx.el.h3("Operator"), _key_list(_STAFF)),
            rx.el.section(rx.el.h3("Go to and start"), _key_list(_CUSTOMER)),
        ),
        class_name="key-lists",
    )


def shortcuts() -> rx.Component:
    """The list of shortcuts."""
    return panel(
        key_lists(),
        rx.el.p(
            "Single keys act only outside fields, and none of them sends money. ",
            link("Switch them off", to="/settings/appearance"),
            class_name="small muted",
        ),
        name="shortcuts",
        title="Keyboard shortcuts",
        class_name="middle",
    )


def _request(shown: rx.Var, index: rx.Var) -> rx.Component:
    return rx.el.li(
        rx.el.h3(
            rx.el.span(shown.method, class_name="verb"),
            rx.el.code(shown.path),
        ),
        rx.el.p(shown.says, class_name="small muted"),
        rx.cond(
            shown.key != "",
            rx.el.p("Idempotency-Key ", rx.el.code(shown.key), class_name="small request-key"),
            rx.fragment(),
        ),
        rx.el.div(
            rx.cond(
                shown.can_ask,
                rx.el.button(
                    rx.cond(shown.answer != "", "Ask again", "Ask now"),
                    type="button",
                    on_click=BehindState.ask(index).temporal,
                    class_name="btn sm",
                ),
                rx.fragment(),
            ),
            rx.el.span("curl", copy_button(text=shown.curl, label="as curl", class_name="btn quiet tiny")),
            rx.el.span("Python", copy_button(text=shown.python, label="as Python", class_name="btn quiet tiny")),
            class_name="request-actions",
        ),
        rx.cond(
            shown.answer != "",
            rx.fragment(
                rx.el.p(
                    badge(shown.status, "check", "ok"),
                    rx.el.span(shown.took, class_name="num"),
                    rx.cond(
                        shown.request_id != "",
                        rx.el.span("request ", rx.el.code(shown.request_id)),
                        rx.fragment(),
                    ),
                    class_name="small muted request-said",
                ),
                rx.el.pre(
                    rx.el.code(shown.answer),
                    tab_index=0,
                    custom_attrs={"aria-label": "The answer", "role": "region"},
                ),
            ),
            rx.cond(shown.body != "", rx.el.pre(rx.el.code(shown.body), tab_index=0), rx.fragment()),
        ),
        class_name="request",
        key=shown.path,
    )


def drawer() -> rx.Component:
    """The API behind the page."""
    return panel(
        rx.el.p(
            "This page shows what these requests answer. They are asked here in your name with a token that stays on "
            "the server; in what you copy it is ",
            rx.el.code("$TOKEN"),
            ".",
            class_name="small muted",
        ),
        rx.cond(
            BehindState.requests.length() > 0,
            rx.el.ol(rx.foreach(BehindState.requests, _request), class_name="requests"),
            rx.el.p(bone("24ch"), class_name="requests"),
        ),
        rx.el.p(document_link(icon("braces", 16), "API docs", to="/api/v1/docs", class_name="btn sm")),
        name="behind",
        title="API behind this page",
        on_open=BehindState.open,
        class_name="beside",
    )
