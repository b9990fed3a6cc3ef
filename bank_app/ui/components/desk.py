"""What the pages of the bank's people share: the way here, filters in a row, dense tables, a strip of figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import reflex as rx

from bank_app.ui.components.fields import described, error_line
from bank_app.ui.components.parts import Content, badge, bone, icon, link


def crumbs(*places: tuple[Content, Content], here: Content) -> rx.Component:
    """The pages above this one, each as words and address."""
    return rx.el.nav(
        rx.el.ol(
            *[rx.el.li(link(words, to=to), icon("chevron-right", 14)) for words, to in places],
            rx.el.li(here, custom_attrs={"aria-current": "page"}),
        ),
        class_name="crumbs",
        aria_label="Where you are",
    )


def find_box(name: str, label: str, value: rx.Var, *, spoken: str = "", **props: Any) -> rx.Component:
    """The one field of a list that is always there."""
    return rx.el.div(
        rx.el.label(spoken or label, html_for=name, class_name="hidden-visually"),
        icon("search"),
        rx.el.input(
            id=name,
            name=name,
            type="search",
            placeholder=label,
            default_value=value,
            key=name + value,
            max_length=100,
            auto_complete="off",
            **props,
        ),
        class_name="find",
    )


def filter_select(label: str, name: str, options: Mapping[str, str], value: rx.Var, any_word: str) -> rx.Component:
    """One of a few, or any."""
    return rx.el.div(
        rx.el.label(label, html_for=name),
        rx.el.select(
            rx.el.option(any_word, value=""),
            *[rx.el.option(words, value=key) for key, words in options.items()],
            id=name,
            name=name,
            default_value=value,
            key=name + value,
        ),
    )


def filter_input(label: str, name: str, wanted: rx.Var, **props: Any) -> rx.Component:
    """Something to look for, as it was entered, and what is wrong with it."""
    entered, problem = wanted.entered.get(name, "").to(str), wanted.problems.get(name, "").to(str)
    return rx.el.div(
        rx.el.label(label, html_for=name),
        rx.el.input(
            id=name,
            name=name,
            default_value=entered,
            key=name + entered,
            auto_complete="off",
            custom_attrs=described(name, problem),
            **props,
        ),
        error_line(name, problem),
    )


def filter_trouble(wanted: rx.Var) -> rx.Component:
    """What could not be understood, where everybody sees it: the fields may be folded away."""
    return rx.cond(
        wanted.wrong != "",
        rx.el.p(
            icon("circle-alert", 16),
            wanted.wrong,
            " Nothing is listed until it is put right.",
            role="alert",
            class_name="field-error filter-trouble",
        ),
        rx.fragment(),
    )


def chip(found: rx.Var) -> rx.Component:
    """A filter that is on, and the way to switch it off."""
    return rx.el.span(
        found.words,
        link(
            icon("x", 14),
            rx.el.span("Remove filter ", found.words, class_name="hidden-visually"),
            to=found.without,
            class_name="off",
        ),
        class_name="chip",
        key=found.words,
    )


def figure(label: Content, value: Content, *beside: rx.Component) -> rx.Component:
    """One figure of a strip."""
    return rx.el.div(rx.el.dt(label), rx.el.dd(value, *beside))


def figures(*parts: rx.Component, label: str) -> rx.Component:
    """A strip of figures in one card."""
    return rx.el.dl(*parts, class_name="figures card", aria_label=label)


def columns(*named: tuple[str, str], action: str = "") -> rx.Component:
    """The head of a table: words and class of each column; a last one of buttons has words only for who hears them."""
    cells = [rx.el.th(words, scope="col", class_name=css) for words, css in named]
    if action:
        cells.append(rx.el.th(rx.el.span(action, class_name="hidden-visually"), scope="col"))
    return rx.el.thead(rx.el.tr(*cells))


def listing(caption: str, head: rx.Component, *bodies: rx.Component, kind: str = "", **props: Any) -> rx.Component:
    """A dense table. The caption is for those who hear it; those who see it have a heading above."""
    return rx.el.table(
        rx.el.caption(caption, class_name="hidden-visually"),
        head,
        *bodies,
        class_name=f"listing desk {kind}".strip(),
        **props,
    )


def row_bones(widths: tuple[str, ...], number: int = 8) -> rx.Component:
    """Rows of a table before they are known; narrow tables show the first and the last of each."""
    last = len(widths) - 1
    return rx.fragment(
        *[
            rx.el.tr(
                *[
                    rx.el.td(
                        bone(width),
                        class_name=("right" if place == last else "wide-only" if place else ""),
                    )
                    for place, width in enumerate(widths)
                ],
            )
            for _ in range(number)
        ]
    )


def posted_badge(is_reversed: rx.Var) -> rx.Component:
    """Posted, or posted and reversed since."""
    return rx.cond(is_reversed, badge("Reversed", "undo-2", "warn"), badge("Posted", "check", "ok"))
