"""The setup of a run: the form in which every slider has its number, and the prediction that belongs to it."""

from __future__ import annotations

import reflex as rx

from bank_app.lab.office import EXPERIMENTS, ISOLATIONS, STRATEGIES
from bank_app.ui.components.front import menu
from bank_app.ui.components.lab import dial, safety_badge, sheet
from bank_app.ui.components.parts import icon, link
from bank_app.ui.lab_setup import LABELS
from bank_app.ui.pages.lab_run import PATH, LabRunState

# How far the sliders go; the numbers beside them go to the bounds.
_SLIDERS = {
    "accounts": (2, 200, 1), "opening_minor": (1, 2000, 1), "workers": (1, 64, 1), "hot_percent": (0, 100, 1),
    "largest_minor": (1, 500, 1), "seconds": (1, 60, 1), "think_ms": (0, 100, 1), "crash_percent": (0, 20, 1),
    "twice_percent": (0, 50, 1),
}  # fmt: skip
FORM = "lab-setup-form"


def told() -> rx.Var:
    """Whether the page says what it knows: not beside a prediction that is still to be made."""
    return (LabRunState.phase != "idle") | (LabRunState.prediction != "")


def _dial(name: str) -> rx.Component:
    least, most, step = _SLIDERS.get(name, (0, 0, 1))
    return dial(
        name=name,
        label=LABELS[name],
        value=getattr(LabRunState.setup, name),
        least=least,
        most=most,
        step=step,
        invalid=LabRunState.bad.contains(name),
    )


def _switch(name: str, label: str) -> rx.Component:
    return rx.el.label(
        rx.el.input(
            type="checkbox", id=name, name=name, default_checked=getattr(LabRunState.setup, name),
            key=name + LabRunState.setups.to_string(),
        ),
        label,
        class_name="tick",
    )  # fmt: skip


def _strategy() -> rx.Component:
    state = LabRunState
    return rx.el.div(
        rx.el.div(
            rx.el.label("Strategy", html_for="strategy"),
            rx.cond(told(), safety_badge(state.strategy.safe), rx.fragment()),
            class_name="beside",
        ),
        rx.el.select(
            *[
                rx.el.option(
                    f"{one.id} {one.name}",
                    rx.cond(state.server, "", "" if one.embedded else " (needs a server)"),
                    value=one.id,
                )
                for one in STRATEGIES.values()
            ],
            id="strategy",
            name="strategy",
            default_value=state.setup.strategy,
            key="strategy" + state.setups.to_string(),
            on_change=state.choose,
            class_name="wide",
        ),
        rx.cond(told(), rx.el.p(state.strategy.summary, class_name="hint"), rx.fragment()),
        rx.cond(state.strategy.why_not != "", rx.el.p(state.strategy.why_not, class_name="hint"), rx.fragment()),
        class_name="lab-strategy",
    )


def _more() -> rx.Component:
    state = LabRunState
    return rx.el.details(
        rx.el.summary("More settings"),
        _dial("retries"),
        rx.cond(
            state.server,
            rx.fragment(
                rx.el.label("Isolation level", html_for="isolation"),
                rx.el.select(
                    rx.el.option("The strategy’s own", value=""),
                    *[rx.el.option(name, value=name) for name in ISOLATIONS[1:]],
                    id="isolation",
                    name="isolation",
                    default_value=state.setup.isolation,
                    key="isolation" + state.setups.to_string(),
                    on_change=state.choose_level,
                    class_name="wide",
                ),
                _switch("snapshot", "innodb_snapshot_isolation"),
                rx.el.p("MariaDB’s: who changes a row that is newer than what was read is refused.", class_name="hint"),
                _dial("foreign_ms"),
            ),
            rx.fragment(
                rx.el.input(type="hidden", name="foreign_ms", value="0", read_only=True),
                rx.el.p("The embedded engine has no isolation levels and locks no rows.", class_name="hint"),
            ),
        ),
    )


def setup_form() -> rx.Component:
    """The form. Its button is at the top of the page and belongs to it by name."""
    state = LabRunState
    return sheet(
        rx.el.div(
            rx.el.h2("Setup", class_name="card-heading"),
            menu(
                rx.el.span("Presets"),
                *[link(one.question, to=f"{PATH}?preset={one.key}") for one in EXPERIMENTS],
                class_name="btn sm",
            ),
            class_name="setup-head",
        ),
        rx.el.form(
            _strategy(),
            *[_dial(name) for name in _SLIDERS],
            _dial("seed"),
            _switch("stop_at_break", "Stop at first break"),
            _switch("check", "Database constraint"),
            _more(),
            rx.el.button(icon("play", 16), "Run", type="submit", class_name="btn primary wide run-here"),
            id=FORM,
            on_submit=state.start,
            reset_on_submit=False,
            custom_attrs={"noValidate": True},
            class_name="dials",
        ),
        name="lab-setup",
        title="Setup",
        done=state.answer,
        class_name="lab-setup",
    )


def prediction() -> rx.Component:
    """What the question is, and what will come of it, to be said before it is known."""
    state = LabRunState
    return rx.el.div(
        rx.el.p(state.about, class_name="say"),
        rx.el.fieldset(
            rx.el.legend("Predict: ", state.asks),
            rx.foreach(
                state.answers,
                lambda one: rx.el.label(
                    rx.el.input(
                        type="radio", name="predict", value=one.key, form=FORM,
                        default_checked=state.prediction == one.key, on_change=state.predict(one.key),
                        key=one.key.to(str) + state.setups.to_string(),
                    ),
                    one.word,
                    key=one.key,
                ),
            ),
            class_name="predict",
        ),
        class_name="grow asked",
    )  # fmt: skip
