"""The settings of a run as a form: what stands in it, and what somebody typed read back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from bank_app.domain import digits, money
from bank_app.errors import Invalid
from bank_app.lab.office import BOUNDS, ISOLATIONS, STRATEGIES, Config, Experiment
from bank_app.ui import forms
from bank_app.ui.components.fields import Problem

CURRENCY = "USD"
_MONEY = ("opening_minor", "largest_minor")
_SWITCHES = ("check", "stop_at_break", "snapshot")
LABELS = {
    "accounts": "Accounts",
    "opening_minor": "Money each, $",
    "workers": "Workers",
    "hot_percent": "Hot spot, %",
    "largest_minor": "Max transfer, $",
    "seconds": "Duration, s",
    "think_ms": "Think time, ms",
    "crash_percent": "Crashes, %",
    "twice_percent": "Send twice, %",
    "foreign_ms": "Foreign lock, ms",
    "retries": "Retries",
    "seed": "Seed",
}


@dataclass(frozen=True)
class Answer:
    """What somebody may predict."""

    key: str
    word: str


@dataclass(frozen=True)
class Setup:
    """What stands in the form, all of it as text."""

    strategy: str = "S1"
    accounts: str = ""
    opening_minor: str = ""
    largest_minor: str = ""
    workers: str = ""
    seconds: str = ""
    seed: str = ""
    hot_percent: str = ""
    think_ms: str = ""
    crash_percent: str = ""
    twice_percent: str = ""
    foreign_ms: str = ""
    isolation: str = ""
    snapshot: bool = False
    check: bool = False
    retries: str = ""
    stop_at_break: bool = False


def setup_of(config: Config) -> Setup:
    """A form with these settings in it."""
    values: dict[str, Any] = {
        name: value if isinstance(value, bool) else _dollars(value) if name in _MONEY else str(value)
        for name, value in asdict(config).items()
    }
    return Setup(**values)


def _dollars(minor: int) -> str:
    return money.write(minor, CURRENCY).removesuffix(f"{money.decimal_mark()}00")


def read(form: object) -> tuple[Config | None, list[Problem]]:
    """The settings that a form asks for, or what is wrong with it."""
    given: dict[str, object] = {}
    problems: list[Problem] = []
    for name in LABELS:
        value = _amount(form, name) if name in _MONEY else _whole(form, name)
        least, most = BOUNDS[name]
        if value is None or not least <= value <= most:
            problems.append(Problem(name, f"{LABELS[name].split(',')[0]}: {_range(name)}."))
        else:
            given[name] = value
    strategy, isolation = forms.field(form, "strategy", 4), forms.field(form, "isolation", 20)
    if strategy not in STRATEGIES:
        problems.append(Problem("strategy", "Choose a strategy."))
    if isolation not in ISOLATIONS:
        problems.append(Problem("isolation", "Choose an isolation level."))
    if problems:
        return None, problems
    switches = {name: isinstance(form, Mapping) and form.get(name) in (True, "on", "true") for name in _SWITCHES}
    try:
        return Config.read({**given, **switches, "strategy": strategy, "isolation": isolation}), []
    except Invalid as error:
        return None, [Problem("", error.detail)]


def answers_of(experiment: Experiment) -> list[Answer]:
    """What may be predicted of it."""
    return [Answer(key, word) for key, word in experiment.prediction.answers.items()]


def judged(experiment: Experiment, guess: str, came: str) -> str:
    """What somebody said would happen, and what did; nothing if they did not say."""
    asks, answers = experiment.prediction.asks, experiment.prediction.answers
    if guess not in answers:
        return ""
    said = f"You predicted: {asks[:1].lower()}{asks[1:]} {answers[guess]}."
    return f"{said} You were right." if guess == came else f"{said} It came otherwise: {answers[came]}."


def _whole(form: object, name: str) -> int | None:
    text = digits.plain(forms.field(form, name, 12))
    return int(text) if text.isascii() and text.isdigit() else None


def _amount(form: object, name: str) -> int | None:
    text = forms.field(form, name, 20)
    return money.read_typed(text, CURRENCY, zero_allowed=True).minor


def _range(name: str) -> str:
    least, most = BOUNDS[name]
    if name in _MONEY:
        return f"an amount from {money.display(least, CURRENCY)} to {money.display(most, CURRENCY)}"
    return f"a whole number from {least:,} to {most:,}"
