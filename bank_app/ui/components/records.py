"""Tabs, and names that are changed where they stand: the pieces of assets/browser/records.jsx."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import reflex as rx
from reflex.event import EventHandler, passthrough_event_spec

LIBRARY = "$/public/browser/records"


class Tabs(rx.Component):
    """Tabs over their panels, which are the children in the same order."""

    library = LIBRARY
    tag = "Tabs"

    label: rx.Var[str]
    names: rx.Var[list[dict[str, str]]]
    on_choose: EventHandler[passthrough_event_spec(str)]


class Rename(rx.Component):
    """A button that becomes a field: Enter saves, Esc leaves everything as it was."""

    library = LIBRARY
    tag = "Rename"

    text: rx.Var[str]
    label: rx.Var[str]
    word: rx.Var[str]
    most: rx.Var[int]
    on_save: EventHandler[passthrough_event_spec(str)]


def tabs(panels: Mapping[str, tuple[str, rx.Component]], *, name: str, label: str, on_choose: Any) -> rx.Component:
    """Panels by key, each with the word on its tab; the first is shown. `on_choose` gets the key."""
    names = [{"key": key, "name": word} for key, (word, _) in panels.items()]
    children = [panel for _, panel in panels.values()]
    return Tabs.create(*children, id=name, label=label, names=names, on_choose=on_choose)


rename = Rename.create
