"""The age of what a page shows, and numbers that have just changed."""

from __future__ import annotations

import reflex as rx

from bank_app.ui.components.parts import Content

# What shows that a page is live.
LIBRARY = "$/public/browser/live"


class Age(rx.Component):
    """How old the figures are; marks what is around it when nothing new has come for a while."""

    library = "$/public/browser/gauges"
    tag = "Age"

    seq: rx.Var[int]
    paused: rx.Var[bool]
    base: rx.Var[int]


age = Age.create


class Tint(rx.Component):
    """Colours its children for a moment when `of` changes."""

    library = LIBRARY
    tag = "Tint"

    of: rx.Var[str]
    whose: rx.Var[str]


def tinted(*children: Content, of: rx.Var, whose: rx.Var | str = "") -> rx.Component:
    """A number that shows for a moment that it changed. `of` is its text, `whose` tells accounts apart."""
    return Tint.create(*children, of=of, whose=whose)
