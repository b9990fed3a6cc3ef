"""The step after a break: would the database have refused it by itself, and who would be saved by that?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from bank_app.lab.office import Config
from bank_app.ui.lab_words import SNAPSHOT

_UNSAFE, _SAFE = ("S1", "S2", "S9"), "S4"
_KINDS = ("lost_update", "overdrawn")
# What is refused rests on the snapshot of a unit of work, which only these two levels keep.
_KEEPING = ("REPEATABLE READ", "SERIALIZABLE")


@dataclass(frozen=True)
class Refusal:
    """What is said of it, and the button that shows it; empty where it is no question."""

    title: str = ""
    text: str = ""
    label: str = ""


def refusal(config: Config, report: Mapping[str, Any]) -> Refusal:
    """What the database of a run would have done, or did, about a change that rests on an old read."""
    race = report["race"]
    if config.snapshot:
        return _with_the_setting(report)
    if not race or race["kind"] not in _KINDS:
        return Refusal()
    if not report.get("server", True):
        return Refusal(
            "In one unit of work the embedded engine would have refused this",
            "S0 has none: each of its statements is one by itself, and the engine sees nothing wrong. S1 and S2 read "
            "and write in one unit of work: who writes after somebody else’s COMMIT is refused "
            "(SQLITE_BUSY_SNAPSHOT) and begins again.",
            "Run S0, S1 and S2 on the same transfers",
        )
    return _of_a_server(config, report, saved=report["isolation"] in _KEEPING and config.strategy != "S0")


def wanted(config: Config, report: Mapping[str, Any]) -> list[Config]:
    """The runs behind the button: the same transfers, with what refuses."""
    same = replace(config, stop_at_break=False)
    if not report.get("server", True):
        return [same.with_strategy(name) for name in ("S0", "S1", "S2")]
    if report.get("server_snapshot") is None:
        return [replace(same, isolation="SERIALIZABLE").with_strategy(name) for name in _UNSAFE]
    return [replace(same, isolation="", snapshot=True).with_strategy(name) for name in (*_UNSAFE, _SAFE)]


def _of_a_server(config: Config, report: Mapping[str, Any], *, saved: bool) -> Refusal:
    engine, own = report["engine"], report.get("server_snapshot")
    exception = (
        "S0 has no unit of work, so nothing it read counts as old."
        if config.strategy == "S0"
        else "S9 reads at READ COMMITTED, which the setting does not touch: it breaks all the same."
    )
    if own is None:
        return Refusal(
            "Your server would not have refused this",
            f"{engine} has nothing like MariaDB’s {SNAPSHOT}: at REPEATABLE READ whoever comes second overwrites. At "
            "SERIALIZABLE what was read stays locked, and one of two becomes a deadlock’s victim and begins again.",
            "Run S1, S2 and S9 at SERIALIZABLE",
        )
    label = "Run S1, S2, S9 and S4 with it"
    how = "changing a row that is newer than what was read is error 1020, and S1 and S2 begin again instead"
    if own:
        return Refusal(
            "Your server would have refused this" if saved else "Your server would not have refused this",
            f"{engine} comes with {SNAPSHOT}, and yours has it on; the lab turned it off for this run to show what it "
            f"guards against. With it, {how}. {exception}",
            label,
        )
    return Refusal(
        "Your server could have refused this" if saved else "Your server could not have refused this",
        f"{engine} has {SNAPSHOT}, and yours has it off (from MariaDB 11.6.2 on it is on unless somebody turns it "
        f"off). With it, {how}. {exception}",
        label,
    )


def _with_the_setting(report: Mapping[str, Any]) -> Refusal:
    """The run had it: it helped, or it could not."""
    count = report["counts"].get("changed", 0)
    if report.get("refused") and report["holds"]:
        return Refusal(
            "Your server refused this",
            f"{report['engine']} ended {count:,} units of work with error 1020: they were about to change a row that "
            f"is newer than what they had read ({SNAPSHOT}). The strategy is as wrong as before: on a server "
            "without the setting it loses money.",
        )
    if not report["holds"]:
        return Refusal(
            "Your server did not refuse this",
            f"{SNAPSHOT} was on. It compares with the snapshot of a unit of work, and at {report['isolation']} each "
            "statement has its own."
            if report["isolation"] not in _KEEPING
            else f"{SNAPSHOT} was on, and what broke does not rest on an old read inside one unit of work.",
        )
    return Refusal()
