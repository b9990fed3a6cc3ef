"""The age of what a page shows: assets/browser/gauges.jsx."""

from __future__ import annotations

import reflex as rx


class Age(rx.Component):
    """How old the figures are; marks what is around it when nothing new has come for a while."""

    library = "$/public/browser/gauges"
    tag = "Age"

    seq: rx.Var[int]
    paused: rx.Var[bool]
    base: rx.Var[int]


age = Age.create
