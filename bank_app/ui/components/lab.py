"""The pieces of the laboratory's pages, over assets/browser/lab_setup.jsx."""

from __future__ import annotations

import reflex as rx
from reflex.event import EventHandler, no_args_event_spec

from bank_app.ui.components.chart import placed
from bank_app.ui.components.parts import badge, icon
from bank_app.ui.messages import say

LIBRARY = "$/public/browser/lab_setup"


class Dial(rx.Component):
    """A slider with the number beside it."""

    library = LIBRARY
    tag = "Dial"

    name: rx.Var[str]
    label: rx.Var[str]
    value: rx.Var[str]
    least: rx.Var[int]
    most: rx.Var[int]
    step: rx.Var[int]
    invalid: rx.Var[bool]


class Sheet(rx.Component):
    """A card on wide screens, a sheet in front of the page on phones; `opens(target=name)` opens it."""

    library = LIBRARY
    tag = "Sheet"

    name: rx.Var[str]
    title: rx.Var[str]
    done: rx.Var[int]


class Pulse(rx.Component):
    """Calls `on_beat` a quarter of a second after each answer, while `on`."""

    library = LIBRARY
    tag = "Pulse"

    on: rx.Var[bool]
    seq: rx.Var[int]
    on_beat: EventHandler[no_args_event_spec]


class Spoken(rx.Component):
    """Says `text` when `state` changes, and otherwise every five seconds."""

    library = LIBRARY
    tag = "Spoken"

    state: rx.Var[str]
    text: rx.Var[str]


class RunKeys(rx.Component):
    """Space pauses, Esc leads to Stop."""

    library = LIBRARY
    tag = "RunKeys"

    on: rx.Var[bool]
    on_pause: EventHandler[no_args_event_spec]


class Sql(rx.Component):
    """One statement."""

    library = LIBRARY
    tag = "Sql"

    text: rx.Var[str]


dial = Dial.create
sheet = Sheet.create
pulse = Pulse.create
spoken = Spoken.create
run_keys = RunKeys.create
sql = Sql.create


def isolated() -> rx.Component:
    """What the laboratory cannot touch; on each of its pages."""
    return rx.el.p(icon("shield", 16), say("LAB_ISOLATED"), class_name="isolated")


def safety_badge(safe: rx.Var) -> rx.Component:
    """What a strategy promises."""
    return rx.cond(safe, badge("SAFE", "shield-check", "ok"), badge("UNSAFE", "shield-alert", "bad"))


def strategy_id(name: rx.Var | str) -> rx.Component:
    """S0 to S9 in a box."""
    return rx.el.span(name, class_name="strategy-id")


def result_badge(verdict: rx.Var, place: rx.Var | str = "") -> rx.Component:
    """How a run came out, or how far it is; `place` says how many go first."""
    return rx.match(
        verdict,
        ("broken", badge("Broken", "shield-alert", "bad")),
        ("holding", badge("Holding", "shield-check", "ok")),
        ("refused", badge("Refused", "shield-ban", "info")),
        ("luck", badge("Luck", "dices", "warn")),
        ("waiting", badge(rx.fragment("Waiting", place), "hourglass")),
        ("stopped", badge("Stopped", "circle-stop")),
        ("failed", badge("Failed", "circle-alert", "warn")),
        badge("Running", "clock", "info"),
    )


# --- the conservation meter ---------------------------------------------------------------------------


def _verdict(meter: rx.Var) -> rx.Component:
    return rx.el.div(
        rx.match(
            meter.verdict,
            ("broken", rx.fragment(icon("shield-alert", 52), rx.el.b("BROKEN"))),
            ("holding", rx.fragment(icon("shield-check", 52), rx.el.b("HOLDING"))),
            ("refused", rx.fragment(icon("shield-ban", 52), rx.el.b("REFUSED"))),
            ("luck", rx.fragment(icon("dices", 52), rx.el.b("LUCK"))),
            ("waiting", rx.fragment(icon("hourglass", 52), rx.el.b("WAITING"))),
            rx.fragment(icon("flask-conical", 52), rx.el.b("READY")),
        ),
        rx.cond(meter.since != "", rx.el.span(meter.since, class_name="micro"), rx.fragment()),
        class_name="verdict",
    )


def _gauge(meter: rx.Var) -> rx.Component:
    return rx.el.div(
        rx.el.span(class_name="scale"),
        rx.el.span(class_name="off", custom_attrs=placed(left=meter.left, width=meter.width)),
        rx.el.span(class_name="mark"),
        rx.el.span(meter.least, class_name="least"),
        rx.el.span("should be here", class_name="here"),
        rx.el.span(meter.most, class_name="most"),
        class_name="gauge",
        aria_hidden="true",
    )


def meter_view(meter: rx.Var, *below: rx.Component) -> rx.Component:
    """How much money there is, how much there should be, and the difference."""
    ran = (meter.verdict != "ready") & (meter.verdict != "waiting")
    return rx.el.section(
        rx.el.div(
            _verdict(meter),
            rx.el.div(
                rx.el.h2("Money in the lab", id="meter-title", class_name="what"),
                rx.el.p(meter.total, class_name="big"),
                rx.el.p("should be ", rx.el.b(meter.expected, class_name="num"), class_name="should"),
                class_name="sum-of-all",
            ),
            rx.cond(
                ran,
                rx.el.div(
                    rx.el.p("difference", class_name="what"),
                    rx.el.p(meter.difference, class_name=rx.cond(meter.width == "0.00%", "big", "big bad")),
                    rx.el.p(meter.what, class_name="should"),
                    class_name="off-by",
                ),
                rx.fragment(),
            ),
            rx.cond(ran, _gauge(meter), rx.fragment()),
            class_name="meter-main",
        ),
        *below,
        class_name="meter " + meter.verdict,
        aria_labelledby="meter-title",
    )


# --- drawings -----------------------------------------------------------------------------------------


def total_drawing(chart: rx.Var) -> rx.Component:
    """The total of all accounts against the line it should be on."""
    return rx.el.div(
        rx.el.div(
            rx.el.svg(
                *[rx.el.line(x1=0, x2=1000, y1=y, y2=y, class_name="grid") for y in ("100", "75", "50", "25", "0")],
                rx.el.path(d=chart.gap, class_name="gap"),
                rx.cond(
                    chart.expected != "",
                    rx.el.line(x1=0, x2=1000, y1=chart.expected, y2=chart.expected, class_name="expected"),
                    rx.fragment(),
                ),
                rx.el.path(d=chart.found, class_name="line"),
                rx.el.path(d=chart.broken, class_name="line broken"),
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
            rx.cond(
                chart.break_left != "",
                rx.el.i(
                    rx.el.span(rx.el.b("First violation"), chart.break_said, class_name=chart.break_side),
                    class_name="break-line",
                    custom_attrs=placed(left=chart.break_left),
                ),
                rx.fragment(),
            ),
            rx.cond(
                chart.break_top != "",
                rx.el.i(class_name="point first", custom_attrs=placed(left=chart.break_left, top=chart.break_top)),
                rx.fragment(),
            ),
            rx.cond(
                chart.end_left != "",
                rx.el.i(
                    class_name=rx.cond(chart.break_top != "", "point bad", "point"),
                    custom_attrs=placed(left=chart.end_left, top=chart.end_top),
                ),
                rx.fragment(),
            ),
            class_name="chart",
            aria_hidden="true",
            custom_attrs=placed(**{"--axis": chart.axis}),
        ),
        class_name="chart-pad",
    )


def total_legend() -> rx.Component:
    """What the lines of the drawing mean."""
    return rx.el.ul(
        rx.el.li(rx.el.i(class_name="dashed"), "Expected"),
        rx.el.li(rx.el.i(), "Found"),
        rx.el.li(rx.el.i(class_name="bad"), "After the break"),
        class_name="legend",
        aria_hidden="true",
    )


def total_table(chart: rx.Var) -> rx.Component:
    """The same as a table, folded."""
    return rx.el.details(
        rx.el.summary("View as table"),
        rx.el.div(
            rx.el.table(
                rx.el.caption("Total of all accounts over time", class_name="hidden-visually"),
                rx.el.thead(
                    rx.el.tr(
                        rx.el.th("Seconds", scope="col"),
                        rx.el.th("Total", scope="col", class_name="right"),
                        rx.el.th("Difference", scope="col", class_name="right"),
                    )
                ),
                rx.el.tbody(
                    rx.foreach(
                        chart.table,
                        lambda one: rx.el.tr(
                            rx.el.td(one.at),
                            rx.el.td(one.total, class_name="right num"),
                            rx.el.td(one.difference, class_name="right num"),
                            key=one.at,
                        ),
                    )
                ),
            ),
            class_name="chart-table",
            tab_index=0,
            role="region",
            aria_label="Total as a table",
        ),
        class_name="as-table",
    )


def small_drawing(title: str, chart: rx.Var, css: str = "") -> rx.Component:
    """One more figure, with its number and its drawing."""
    return rx.el.section(
        rx.el.h3(title),
        rx.el.p(chart.value, rx.el.small(" ", chart.unit), class_name="value num"),
        rx.el.p(chart.words, class_name="words"),
        rx.el.div(
            rx.el.svg(
                *[rx.el.line(x1=0, x2=1000, y1=y, y2=y, class_name="grid") for y in ("100", "50", "0")],
                rx.el.path(d=chart.bars, class_name="bars"),
                rx.el.path(d=chart.first, class_name="line one"),
                rx.el.path(d=chart.second, class_name="line two"),
                rx.el.path(d=chart.third, class_name="line three"),
                view_box="0 0 1000 100",
                custom_attrs={"preserveAspectRatio": "none"},
            ),
            rx.el.span(chart.top, class_name="y hi"),
            rx.el.span(chart.middle, class_name="y mid"),
            rx.el.span("0", class_name="y lo"),
            rx.el.span("0 s", class_name="x first"),
            rx.el.span(chart.end, class_name="x end"),
            rx.cond(
                chart.break_left != "",
                rx.el.i(class_name="break-line", custom_attrs=placed(left=chart.break_left)),
                rx.fragment(),
            ),
            class_name="chart",
            aria_hidden="true",
        ),
        class_name="card small-chart " + css,
    )


# --- invariants, SQL -----------------------------------------------------------------------------------


def promises(found: rx.Var, broken: rx.Var) -> rx.Component:
    """The six promises, and when each was broken first."""
    return rx.el.section(
        rx.el.header(
            rx.el.h2("Invariants", class_name="card-heading"),
            rx.cond(
                broken > 0,
                badge(broken.to_string() + " of 6 broken", "shield-alert", "bad"),
                rx.fragment(),
            ),
        ),
        rx.el.ul(
            rx.foreach(
                found,
                lambda one: rx.el.li(
                    rx.match(
                        one.state,
                        ("ok", icon("shield-check", 20)),
                        ("no", icon("shield-alert", 20)),
                        icon("circle-dashed", 20),
                    ),
                    rx.el.div(
                        rx.el.b(one.id, " ", one.name),
                        rx.cond(one.said != "", rx.el.small(one.said), rx.fragment()),
                    ),
                    class_name=one.state,
                    key=one.id,
                ),
            ),
            class_name="lab-promises",
        ),
        class_name="card flush",
    )


def statements(lines: rx.Var, label: rx.Var | str, css: str = "") -> rx.Component:
    """SQL as it is sent; the marked lines are coloured and said to be marked."""
    return rx.el.div(
        rx.foreach(
            lines,
            lambda line: rx.el.p(
                sql(text=line.text),
                rx.cond(line.marked, rx.el.span(" (marked)", class_name="hidden-visually"), rx.fragment()),
                class_name=rx.cond(line.marked, "marked", ""),
            ),
        ),
        class_name="sql " + css,
        role="group",
        aria_label=label,
    )
