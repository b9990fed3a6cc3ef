"""Menus, panels in front of a page and shortcuts: the pieces of assets/browser/shell.jsx."""

from __future__ import annotations

import reflex as rx
from reflex.event import EventHandler, no_args_event_spec

LIBRARY = "$/public/browser/shell"


class Menu(rx.Component):
    """A button and what it discloses: the first child stands in the button, the others in the menu."""

    library = LIBRARY
    tag = "Menu"


class Panel(rx.Component):
    """Something in front of the page, opened by its name; `on_open` runs each time."""

    library = LIBRARY
    tag = "Panel"

    name: rx.Var[str]
    title: rx.Var[str]
    on_open: EventHandler[no_args_event_spec]


class Opens(rx.Component):
    """A button that opens the panel called `target`. With a `label` it shows only a sign."""

    library = LIBRARY
    tag = "Opens"

    target: rx.Var[str]
    label: rx.Var[str]


class Keys(rx.Component):
    """Listens for shortcuts: the palette always, single keys while `on`."""

    library = LIBRARY
    tag = "Keys"

    on: rx.Var[bool]
    staff: rx.Var[bool]


class HiddenAmounts(rx.Component):
    """Gives hidden amounts a name for those who hear the page."""

    library = LIBRARY
    tag = "HiddenAmounts"

    on: rx.Var[bool]


menu = Menu.create
panel = Panel.create
opens = Opens.create
keys = Keys.create
hidden_amounts = HiddenAmounts.create
