"""Amounts on the page. Direction is said by sign, word and icon; colour only repeats it."""

from __future__ import annotations

import reflex as rx

from bank_app.ui.components.gauges import tinted
from bank_app.ui.components.parts import Content, bone, icon

# A translator writes numbers as its language does, and an amount is what the bank wrote.
UNTRANSLATED = {"translate": "no"}


def amount(text: Content, *, incoming: rx.Var | bool = False) -> rx.Component:
    """An amount in a row. Money in is green besides its plus sign; money out is plain ink."""
    return rx.el.span(text, class_name=rx.cond(incoming, "money in", "money"), custom_attrs=UNTRANSLATED)


def hero_amount(figure: rx.Var, ready: rx.Var) -> rx.Component:
    """The large figure of a page over its double rule; a placeholder until it is known."""
    return rx.el.p(
        rx.cond(
            ready,
            tinted(
                rx.el.span(figure.whole, rx.el.span(figure.cents, class_name="cents"), class_name="total"),
                of=figure.whole + figure.cents,
            ),
            bone("6ch", "1em"),
        ),
        class_name="hero-amount",
        custom_attrs=UNTRANSLATED,
    )


def direction_icon(kind: rx.Var | str, *, incoming: rx.Var | bool = False) -> rx.Component:
    """`in`, `out`, `own`, `reversal` or `declined` as a sign before a row; the words beside it say the same."""
    return rx.el.span(
        rx.match(
            kind,
            ("in", icon("arrow-down-left", 18)),
            ("own", icon("arrow-left-right", 18)),
            ("reversal", icon("undo-2", 18)),
            ("declined", icon("octagon-x", 18)),
            icon("arrow-up-right", 18),
        ),
        class_name=rx.cond((kind == "in") | (incoming & (kind == "reversal")), "direction in", "direction"),
    )


def pair(label: Content, value: Content, *, incoming: bool = False) -> rx.Component:
    """A line of a definition list: what, and how much."""
    return rx.fragment(rx.el.dt(label), rx.el.dd(value, class_name="in" if incoming else ""))
