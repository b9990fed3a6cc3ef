"""How it happened, step by step: assets/browser/replay.jsx around a list that also stands for itself."""

from __future__ import annotations

import reflex as rx

from bank_app.ui.components.parts import icon

LIBRARY = "$/public/browser/replay"


class Replay(rx.Component):
    """Walks through the elements with `data-step` among its children; begins at step `start`."""

    library = LIBRARY
    tag = "Replay"

    marks: rx.Var[list[str]]
    spoken: rx.Var[list[str]]
    start: rx.Var[int]


def sums(race: rx.Var) -> rx.Component:
    """Where the money came from as arithmetic."""
    return rx.el.div(
        rx.foreach(
            race.parts,
            lambda part: rx.el.span(
                rx.cond(part.joint != "", rx.el.span(part.joint, class_name="joint"), rx.fragment()),
                rx.el.span(
                    rx.el.small(part.label),
                    rx.el.b(part.text, class_name="num"),
                    class_name=rx.cond(part.wrong, "part wrong", "part"),
                ),
                class_name="joined",
                key=part.label,
            ),
        ),
        class_name="race-sums",
    )


def _lane(lane: rx.Var) -> rx.Component:
    return rx.el.div(
        rx.el.b(rx.el.span(lane.name, class_name="lane-tag " + lane.css), lane.title),
        rx.el.span(lane.detail),
        class_name="lane-head",
        key=lane.name,
    )


def _head(race: rx.Var) -> rx.Component:
    return rx.el.div(
        rx.el.span("Step, s", class_name="when"),
        rx.el.div(rx.foreach(race.left, _lane), class_name="left"),
        rx.el.div(rx.el.b(race.account), rx.el.span("what the row holds"), class_name="lane-head middle"),
        rx.el.div(rx.foreach(race.right, _lane), class_name="right"),
        class_name="lane-row heads",
    )


def _step(step: rx.Var) -> rx.Component:
    return rx.el.li(
        rx.el.span(rx.el.b(step.number), step.at, class_name="when num"),
        rx.el.div(
            rx.cond(
                step.note != "",
                rx.el.span(
                    rx.cond(step.mark == "wrong", icon("shield-alert", 16), icon("eye", 16)),
                    step.note,
                    class_name="note",
                ),
                rx.fragment(),
            ),
            rx.el.span(step.lane, class_name="lane-tag " + step.css),
            rx.el.code(step.sql),
            rx.cond(step.said != "", rx.el.span(step.said, class_name="said-so"), rx.fragment()),
            class_name="statement " + step.css,
        ),
        rx.el.div(
            rx.cond(
                step.holds != "",
                rx.fragment(
                    rx.el.span("The row holds ", class_name="hidden-visually"),
                    rx.el.span(step.holds, class_name="held num " + step.holds_css),
                    rx.cond(step.holds_said != "", rx.el.small(step.holds_said), rx.fragment()),
                ),
                rx.fragment(),
            ),
            class_name="row-value",
        ),
        class_name="lane-row " + step.row_css,
        custom_attrs={"data-step": step.number.to_string()},
        key=step.number.to_string(),
    )


def replay(race: rx.Var) -> rx.Component:
    """The player with its lanes."""
    return Replay.create(
        rx.el.div(
            _head(race),
            rx.el.ol(rx.foreach(race.steps, _step)),
            class_name="lanes " + race.css,
        ),
        marks=race.marks,
        spoken=race.spoken,
        start=race.start,
    )
