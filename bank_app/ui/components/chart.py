"""The step chart as an inline drawing with words and a table beside it."""

from __future__ import annotations

import re

import reflex as rx

from bank_app.domain import money
from bank_app.ui.components.parts import bone
from bank_app.ui.session import SessionState


def placed(**place: rx.Var | str) -> dict[str, rx.Var]:
    """Where something stands in a drawing, as its style."""
    # As one variable: the framework does not look for variables inside of a plain dictionary.
    return {"style": rx.Var.create(place)}


def _drawing(chart: rx.Var) -> rx.Component:
    return rx.el.div(
        rx.el.svg(
            *[
                rx.el.line(x1=0, x2=1000, y1=y, y2=y, class_name="grid base" if y == "100" else "grid")
                for y in ("100", "66.67", "33.33", "0")
            ],
            rx.el.path(d=chart.fill, class_name="fill"),
            rx.el.path(d=chart.line, class_name="line"),
            view_box="0 0 1000 100",
            custom_attrs={"preserveAspectRatio": "none"},
        ),
        rx.foreach(
            chart.vertical, lambda mark: rx.el.span(mark.label, class_name="y", custom_attrs=placed(top=mark.at))
        ),
        rx.foreach(
            chart.horizontal,
            lambda mark: rx.el.span(mark.label, class_name=mark.css, custom_attrs=placed(left=mark.at)),
        ),
        rx.el.i(class_name="point", custom_attrs=placed(left=chart.left, top=chart.top)),
        rx.cond(
            chart.asked_left != "",
            rx.fragment(
                rx.el.i(class_name="asked-line", custom_attrs=placed(left=chart.asked_left)),
                rx.el.i(class_name="point asked", custom_attrs=placed(left=chart.asked_left, top=chart.asked_top)),
            ),
            rx.fragment(),
        ),
        class_name="chart",
        aria_hidden="true",
    )


def _words(chart: rx.Var) -> rx.Component:
    return rx.el.p(chart.beginning, rx.el.b(chart.ending, class_name="num"), chart.lowest, class_name="chart-words")


def chart_table(chart: rx.Var) -> rx.Component:
    """The same points as a table."""
    return rx.el.div(
        rx.el.table(
            rx.el.caption("Balance after each change, newest first", class_name="hidden-visually"),
            rx.el.thead(rx.el.tr(rx.el.th("When", scope="col"), rx.el.th("Balance", scope="col", class_name="right"))),
            rx.el.tbody(
                rx.foreach(
                    chart.table,
                    lambda point: rx.el.tr(
                        rx.el.td(point.when), rx.el.td(point.balance, class_name="right num"), key=point.when
                    ),
                )
            ),
        ),
        class_name="chart-table",
        tab_index=0,
        role="region",
        aria_label="Balance as a table",
    )


def step_chart(chart: rx.Var, ready: rx.Var, as_table: rx.Var) -> rx.Component:
    """The chart once it is known, or that there is too little to draw."""
    return rx.cond(
        ready,
        rx.cond(
            chart.line != "",
            rx.fragment(
                rx.cond(as_table, chart_table(chart), rx.el.div(_drawing(chart), class_name="chart-pad")),
                _words(chart),
            ),
            rx.el.p("Not enough history for a chart yet; it begins with the second entry.", class_name="muted small"),
        ),
        rx.el.span(class_name="bone block", custom_attrs={"style": {"--h": "222px"}}),
    )


def spark_line(path: rx.Var) -> rx.Component:
    """A small line without words of its own."""
    return rx.cond(
        path != "",
        rx.el.svg(
            rx.el.path(d=path, class_name="line"),
            view_box="0 0 1000 100",
            class_name="spark",
            custom_attrs={"preserveAspectRatio": "none", "aria-hidden": "true"},
        ),
        rx.el.span(),
    )


def chart_bone() -> rx.Component:
    """A placeholder of the chart's size."""
    return bone("100%", "222px")


def little_lanes() -> rx.Component:
    """Two transfers and one row: what may happen, as a drawing."""

    def cell(text: str, css: str = "") -> rx.Component:
        hidden = re.sub(r"[0-9.]{3,}", money.HIDDEN, text)
        return rx.el.span(rx.cond(SessionState.private, hidden, text) if hidden != text else text, class_name=css)

    return rx.el.div(
        cell("T1", "little-head one"), cell("the row", "little-head"), cell("T2", "little-head two"),
        cell(""), cell("$412.00", "little-value"), cell(""),
        cell("read 412", "act one"), cell(""), cell(""),
        cell(""), cell(""), cell("read 412", "act two"),
        cell("write 375", "act one"), cell("$375.00", "little-value new"), cell(""),
        cell(""), cell("?", "little-value bad"), cell("write 397", "act two"),
        class_name="little-lanes",
        aria_hidden="true",
    )  # fmt: skip
