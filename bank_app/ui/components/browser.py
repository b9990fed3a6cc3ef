"""The pieces of assets/browser/bank.jsx as components."""

from __future__ import annotations

from typing import Any

import reflex as rx
from reflex.event import EventHandler, no_args_event_spec, passthrough_event_spec

from bank_app.ui.notices import NoticeState
from bank_app.ui.session import SessionState

LIBRARY = "$/public/browser/bank"


class ConnectionBar(rx.Component):
    """Says that the bank cannot be reached, and that it is back."""

    library = LIBRARY
    tag = "ConnectionBar"


class ThemeButton(rx.Component):
    """System, light or dark."""

    library = LIBRARY
    tag = "ThemeButton"


class FocusOnNavigation(rx.Component):
    """Moves the focus to the heading of a new page."""

    library = LIBRARY
    tag = "FocusOnNavigation"


class FocusOnChange(rx.Component):
    """Moves the focus to the element `target` whenever `seq` changes."""

    library = LIBRARY
    tag = "FocusOnChange"

    target: rx.Var[str]
    seq: rx.Var[int]


class Notices(rx.Component):
    """Shows an echo for every new `seq`."""

    library = LIBRARY
    tag = "Notices"

    text: rx.Var[str]
    kind: rx.Var[str]
    seq: rx.Var[int]


class PressOnce(rx.Component):
    """A button that turns itself off with the first press, until `answer` changes, and while offline.

    When the connection is lost over a press, `on_lost` hears the `ticket` of then; without it `lost` is said.
    """

    library = LIBRARY
    tag = "PressOnce"

    label: rx.Var[str]
    busy_label: rx.Var[str]
    answer: rx.Var[int]
    failed: rx.Var[int]
    line: rx.Var[str]
    kind: rx.Var[str]
    blocked: rx.Var[bool]
    ticket: rx.Var[str]
    unknown: rx.Var[str]
    lost: rx.Var[str]
    on_press: EventHandler[no_args_event_spec]
    on_lost: EventHandler[passthrough_event_spec(str)]


class CopyButton(rx.Component):
    """Copies `text`, or without one the address of `path` or of the page, and says so."""

    library = LIBRARY
    tag = "CopyButton"

    text: rx.Var[str]
    path: rx.Var[str]
    label: rx.Var[str]


class PasswordBox(rx.Component):
    """A password field that can be read back. Only for native forms: its value never enters a State."""

    library = LIBRARY
    tag = "PasswordBox"

    name: rx.Var[str]
    auto_complete: rx.Var[str]
    described_by: rx.Var[str]
    min_length: rx.Var[int]


class Jump(rx.Component):
    """A link to the element with the id `target` that moves the focus there."""

    library = LIBRARY
    tag = "Jump"

    target: rx.Var[str]


class SubmitOnChange(rx.Component):
    """Sends the form around it when a choice in it changes."""

    library = LIBRARY
    tag = "SubmitOnChange"


connection_bar = ConnectionBar.create
theme_button = ThemeButton.create
focus_on_navigation = FocusOnNavigation.create
focus_on_change = FocusOnChange.create
notices = Notices.create
copy_button = CopyButton.create
password_box = PasswordBox.create
jump = Jump.create
submit_on_change = SubmitOnChange.create


def press_once(*, blocked: rx.Var[bool] | bool = False, **props: Any) -> rx.Component:
    """A button for what must not happen twice; it waits until the bank has told this tab who it belongs to.

    The page is drawn before it has a connection, and what is pressed then would be lost. A handler that broke is an
    answer as well: nothing may stay busy for ever.
    """
    return PressOnce.create(
        blocked=blocked | ~SessionState.signed_in, failed=NoticeState.seq_of_failure, line=SessionState.line, **props
    )


def route_value(name: str) -> rx.Var:
    """The dynamic segment `name` of the address as the browser has it now, ahead of what the server has loaded."""
    return rx.Var(
        _js_expr=f"(routeValues.{name} ?? '')",
        _var_type=str,
        _var_data=rx.vars.VarData(
            imports={"react-router": [rx.ImportVar(tag="useParams")]},
            hooks={"const routeValues = useParams();": None},
        ),
    ).to(str)


def address_here() -> rx.Var:
    """The path and query as the browser has them now, ahead of what the server has loaded."""
    return rx.Var(
        _js_expr="(addressHere.pathname.replace(/[/]$/, '') + addressHere.search)",
        _var_type=str,
        _var_data=rx.vars.VarData(
            imports={"react-router": [rx.ImportVar(tag="useLocation", alias="useAddress")]},
            hooks={"const addressHere = useAddress();": None},
        ),
    ).to(str)
