"""Parts of the pages that move money: where one is, which account, what it leaves behind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import reflex as rx
from reflex.event import EventHandler, no_args_event_spec, passthrough_event_spec

from bank_app.ui.components.fields import error_line, text_field
from bank_app.ui.components.parts import Content, bone, icon

LIBRARY = "$/public/browser/moving"
MAX_NOTE = 140


class Ticks(rx.Component):
    """Calls `on_tick` every so many seconds for a while, and when the person comes back to the tab."""

    library = LIBRARY
    tag = "Ticks"

    every: rx.Var[int]
    times: rx.Var[int]
    seq: rx.Var[int]
    on_tick: EventHandler[no_args_event_spec]


class KeepForm(rx.Component):
    """Tells `on_keep` what stands in the form around it when that has changed; then the page takes `address`.

    Once the form has become the draft `reviewed`, it is left under the address of that draft and the page goes on.
    """

    library = LIBRARY
    tag = "KeepForm"

    address: rx.Var[str]
    kind: rx.Var[str]
    reviewed: rx.Var[str]
    on_keep: EventHandler[passthrough_event_spec(dict)]


class GroupedDigits(rx.Component):
    """Writes an account number in the field `target` as people read it once the field is left."""

    library = LIBRARY
    tag = "GroupedDigits"

    target: rx.Var[str]


class RoomLeft(rx.Component):
    """Says how much room is left in the field `target` once it is not more than `from`."""

    library = LIBRARY
    tag = "RoomLeft"

    target: rx.Var[str]
    most: rx.Var[int]
    from_: rx.Var[int]


class PrintButton(rx.Component):
    """Opens the browser's print dialog."""

    library = LIBRARY
    tag = "PrintButton"


ticks = Ticks.create
keep_form = KeepForm.create
room_left = RoomLeft.create
print_button = PrintButton.create


@dataclass(frozen=True)
class Choice:
    """An account to choose. One that cannot be used stays visible and says why."""

    number: str
    title: str
    ending: str
    available: str
    detail: str = ""
    reason: str = ""
    symbol: str = ""
    chosen: bool = False


def step(number: int, word: str) -> rx.Component:
    """Where one is on the way, drawn and in words."""
    return rx.el.p(
        rx.el.span(rx.el.i(class_name="on"), rx.el.i(class_name="on" if number == 2 else ""), aria_hidden="true"),
        f"Step {number} of 2: {word}",
        class_name="step",
    )


def _worth(choice: rx.Var) -> rx.Component:
    return rx.cond(
        choice.reason != "",
        rx.el.span(
            rx.match(choice.symbol, ("snowflake", icon("snowflake", 16)), icon("lock", 16)),
            choice.reason,
            class_name="value reason",
        ),
        rx.el.span(choice.available, rx.el.small("available"), class_name="value num"),
    )


def number_field(*, error: rx.Var | str, fits: rx.Var, on_check: Any, **props: Any) -> rx.Component:
    """The account number of somebody to be paid; `fits` says that its check digits do."""
    hint = rx.cond(
        fits, rx.el.span(icon("check", 16), "Check digits fit", class_name="fits"), "Ten digits; spaces are fine."
    )
    return rx.fragment(
        text_field(
            "Account number",
            "number",
            error=error,
            hint=hint,
            input_mode="numeric",
            auto_complete="off",
            max_length=40,
            on_blur=on_check,
            **props,
        ),
        GroupedDigits.create(target="number"),
    )


def choice_card(name: str, choice: rx.Var, on_choose: Any = None) -> rx.Component:
    """One account as a card around its radio button."""
    return rx.el.label(
        rx.el.input(
            type="radio",
            name=name,
            value=choice.number,
            default_checked=choice.chosen,
            disabled=choice.reason != "",
            **({"on_change": on_choose} if on_choose is not None else {}),
        ),
        rx.el.span(
            rx.el.b(choice.title),
            " ",
            rx.el.span(choice.ending, class_name="mono muted"),
            rx.cond(choice.detail != "", rx.el.small(choice.detail), rx.fragment()),
        ),
        _worth(choice),
        class_name="choice",
        key=choice.number,
    )


def account_picker(legend: Content, name: str, choices: rx.Var, *, error: rx.Var, on_choose: Any) -> rx.Component:
    """Accounts as cards; the ones that cannot be used are shown with the reason."""
    return rx.el.fieldset(
        rx.el.legend(legend),
        rx.foreach(choices, lambda choice: choice_card(name, choice, on_choose)),
        error_line(name, error),
        id=name,
        class_name="field",
        custom_attrs={"aria-describedby": f"{name}-error"},
    )


def unknown_choices() -> rx.Component:
    """The place of the accounts while they are being read."""
    return rx.fragment(
        *[
            rx.el.div(bone("20px", "20px"), bone("14ch"), bone("9ch"), class_name="choice waiting", aria_hidden="true")
            for _ in range(3)
        ]
    )


@dataclass(frozen=True)
class Line:
    """One line of a tape."""

    label: str
    amount: str


def tape(title: Content, lines: rx.Var, *, last: Content, ready: rx.Var, empty: Content = "") -> rx.Component:
    """What a movement does to an account, added up as on a paper roll. The last line is the sum."""
    return rx.el.section(
        rx.el.header(rx.el.h2(title, class_name="card-heading")),
        rx.cond(
            ready,
            rx.el.dl(
                rx.foreach(lines, lambda line: rx.fragment(rx.el.dt(line.label), rx.el.dd(line.amount))),
                last,
                class_name="tape",
            ),
            rx.el.p(empty, class_name="small muted") if empty else _unknown_tape(),
        ),
        class_name="card",
    )


def _unknown_tape() -> rx.Component:
    return rx.el.dl(*[rx.fragment(rx.el.dt(bone("10ch")), rx.el.dd(bone("8ch"))) for _ in range(3)], class_name="tape")


def sum_line(label: Content, amount: Content, tone: rx.Var | str = "") -> rx.Component:
    """The last line of a tape, over its double rule."""
    amount_shown = rx.el.span(amount, class_name=tone)
    return rx.fragment(rx.el.dt(label, class_name="sum"), rx.el.dd(amount_shown, class_name="sum"))


def fact(label: Content, *value: Content, change: rx.Component | None = None) -> rx.Component:
    """One line of facts: what, which, and where it can be changed."""
    return rx.el.div(
        rx.el.dt(label),
        rx.el.dd(*value),
        *([rx.el.dd(change, class_name="change")] if change is not None else []),
    )


def said(kind: str, symbol: str, title: Content, *rest: Content) -> rx.Component:
    """A remark at the end of a card: an icon, a sentence, and what to do about it."""
    return rx.el.div(icon(symbol), rx.el.div(rx.el.b(title), *rest), class_name=f"said {kind}")


def segments(name: str, options: list[tuple[str, Content, str]], chosen: rx.Var) -> rx.Component:
    """A row of exclusive choices given as (value, words, icon); style sheets show the panel of the chosen one."""
    return rx.el.div(
        *[
            rx.el.label(
                rx.el.input(type="radio", name=name, value=value, default_checked=chosen == value),
                icon(symbol, 16),
                words,
            )
            for value, words, symbol in options
        ],
        class_name="segments",
    )


def when(condition: rx.Var, shown: Callable[[], rx.Component]) -> rx.Component:
    """Something that is there only sometimes."""
    return rx.cond(condition, shown(), rx.fragment())
