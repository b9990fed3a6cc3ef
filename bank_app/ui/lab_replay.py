"""How it happened, ready to be drawn: the recorded statements in time, each on the side of its transfer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bank_app.lab.office import figure

# The word in front of a part of the arithmetic, by kind and label; parts that are added up have a sign instead.
_JOINED = {
    "Should be": "=", "Stored": "but holds", "Too much": "that is", "Missing": "that is",
    "T1 wrote": "then", "Other side": "but",
    "Was there": "=", "Below zero": "=",
    "Paid too much": "so",
}  # fmt: skip
_WRONG = ("Stored", "Too much", "Missing", "Below zero", "Paid too much")
_WRONG_WORDS = {
    "lost_update": "Overwrites {before}", "overdrawn": "Goes below zero", "half": "The other side never follows",
    "doubled": "Pays a second time",
}  # fmt: skip
_TITLES = {
    "lost_update": "Where {amount} {came}", "half": "Where {amount} {came}",
    "overdrawn": "Why {account} went below zero", "doubled": "Why it was paid twice",
}  # fmt: skip


@dataclass(frozen=True)
class Part:
    """A part of the arithmetic, and the sign or word in front of it."""

    label: str
    text: str
    joint: str
    wrong: bool


@dataclass(frozen=True)
class Lane:
    """One transfer that takes part. `side` is where its statements stand."""

    name: str
    title: str
    detail: str
    side: str
    css: str


@dataclass(frozen=True)
class Step:
    """One statement. `holds` is what the row has after it, where it changed or was first seen."""

    number: int
    at: str
    lane: str
    css: str
    row_css: str
    sql: str
    said: str
    note: str
    mark: str
    holds: str
    holds_said: str
    holds_css: str


@dataclass(frozen=True)
class Replay:
    """Everything about one race; empty when nothing broke."""

    title: str = ""
    sentence: str = ""
    end: str = ""
    account: str = ""
    css: str = ""
    parts: list[Part] = field(default_factory=list)
    left: list[Lane] = field(default_factory=list)
    right: list[Lane] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)
    spoken: list[str] = field(default_factory=list)
    # The step that broke it: where the page begins.
    start: int = 1


def replay(race: Mapping[str, Any] | None) -> Replay:
    """The explanation of the first violation in a report."""
    if not race:
        return Replay()
    lanes = _lanes(race["transfers"])
    steps = _steps(race, lanes)
    lead, end = _in_two(race["sentence"])
    return Replay(
        title=_title(race),
        sentence=lead,
        end=end,
        account=race["account"],
        css="alone" if len(lanes) == 1 else "several" if len(lanes) > 2 else "two",
        parts=_parts(race["sums"]),
        left=[lane for lane in lanes if lane.side == "left"],
        right=[lane for lane in lanes if lane.side == "right"],
        steps=steps,
        marks=[step.mark for step in steps],
        spoken=[_spoken(step) for step in steps],
        start=next((step.number for step in steps if step.mark == "wrong"), 1),
    )


def _title(race: Mapping[str, Any]) -> str:
    came = "came from" if race["minor"] > 0 else "went"
    form = _TITLES.get(race["kind"], "How it happened")
    amount = ("the " if race["minor"] else "") + figure(abs(race["minor"]))
    return form.format(amount=amount, came=came, account=race["account"])


def _in_two(sentence: str) -> tuple[str, str]:
    """The sentence up to its last colon, and the consequence after it."""
    lead, mark, end = sentence.rpartition(": ")
    return (lead + mark, end) if mark else (sentence, "")


def _parts(sums: Sequence[Mapping[str, Any]]) -> list[Part]:
    """The last part always says what is wrong; what transfers did is added or taken away."""
    made: list[Part] = []
    for place, one in enumerate(sums):
        label, minor = one["label"], int(one["minor"])
        joint, text = _JOINED.get(label, ""), one["text"]
        if place and not joint:
            joint, text = ("−" if minor < 0 else "+"), figure(abs(minor))
        if sums[0]["label"] == "Wanted once" and place == 1:
            joint = "but"
        if label in ("Too much", "Paid too much") and minor > 0:
            text = "+" + text
        made.append(Part(label, text, joint, wrong=label in _WRONG))
    return made


def _lanes(transfers: Sequence[Mapping[str, Any]]) -> list[Lane]:
    """The transfer that broke it stands on the right, the others on the left."""
    last = len(transfers)
    return [
        Lane(
            name=f"T{one['lane']}",
            title=f"Transfer {one['number']:,}",
            detail=f"{one['amount']} from {one['from']} to {one['to']}",
            side="right" if one["lane"] == last and last > 1 else "left",
            css=f"t{min(int(one['lane']), 5)}",
        )
        for one in transfers
    ]


def _steps(race: Mapping[str, Any], lanes: Sequence[Lane]) -> list[Step]:
    beats = race["beats"]
    stale = next((place for place, beat in enumerate(beats) if beat["mark"] == "stale"), None)
    wrong = next((place for place, beat in enumerate(beats) if beat["mark"] == "wrong"), None)
    made: list[Step] = []
    holds = owner = _first_held(race)
    shown = False
    for place, beat in enumerate(beats):
        lane = lanes[min(int(beat["lane"]), len(lanes)) - 1]
        step = Step(
            number=place + 1,
            at=f"{float(beat['at']):.4f}",
            lane=lane.name,
            css=f"{lane.side} {lane.css} {beat['mark']}".strip(),
            row_css=_arm(place, stale, wrong),
            sql=beat["sql"],
            said=beat["said"],
            note=_note(race, beat, place, before=owner),
            mark=beat["mark"],
            holds=beat["holds"],
            holds_said=f"{lane.name} wrote" if beat["holds"] else "",
            holds_css="bad" if beat["mark"] == "wrong" else "changed",
        )
        if beat["holds"]:
            shown, owner = True, f"{lane.name}’s {beat['holds']}"
            if beat["mark"] == "wrong":
                step = replace(step, holds_said=step.holds_said + _should_be(race))
        elif holds and not shown and f"{holds} on {race['account']}" in beat["said"]:
            step, shown = replace(step, holds=holds, holds_css=""), True
        made.append(step)
    return made


def _first_held(race: Mapping[str, Any]) -> str:
    """What the row held before anything here changed it; a doubled payment says nothing about that."""
    return "" if race["kind"] == "doubled" or not race["sums"] else str(race["sums"][0]["text"])


def _should_be(race: Mapping[str, Any]) -> str:
    right = next((one["text"] for one in race["sums"] if one["label"] == "Should be"), "")
    return f", should be {right}" if right else ""


def _note(race: Mapping[str, Any], beat: Mapping[str, Any], place: int, *, before: str) -> str:
    if beat["mark"] == "wrong":
        return _WRONG_WORDS.get(race["kind"], "Breaks it").format(before=before)
    if beat["mark"] == "stale":
        changes = [n for n, one in enumerate(race["beats"]) if one["holds"]]
        unseen = next((n for n in reversed(changes) if n < place), None)
        if unseen is not None:
            # Not committed yet, or read from a snapshot that is older.
            return f"Does not see what T{race['beats'][unseen]['lane']} wrote in step {unseen + 1}"
        later = next((n for n in changes if n > place), None)
        return f"Stale from step {later + 1} on" if later is not None else "Old when it is used"
    return ""


def _arm(place: int, stale: int | None, wrong: int | None) -> str:
    """The line beside the steps from the stale read to the write that rests on it."""
    if stale is None or wrong is None or not stale <= place <= wrong:
        return ""
    return "arm from" if place == stale else "arm to" if place == wrong else "arm"


def _spoken(step: Step) -> str:
    return f"{step.lane}: {step.sql}{', ' + step.said if step.said else ''}{'. ' + step.note if step.note else ''}."
