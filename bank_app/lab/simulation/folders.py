"""The numbered folders of runs: what was asked for, how far it is, and who comes before whom."""

from __future__ import annotations

import fcntl
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bank_app import clock
from bank_app.lifeline import command_line, is_running

JOB_MODULE = "bank_app.lab.simulation.job"
OVER = ("finished", "stopped", "failed")
# A folder whose process was not started by now never will have one: whoever made it died in between.
_STARTED_WITHIN_SECONDS = 30
_LOOK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class State:
    """How far a run is, in one word and perhaps a sentence."""

    name: str
    message: str = ""

    @property
    def is_over(self) -> bool:
        """Nothing more will come."""
        return self.name in OVER


def numbered(runs: Path) -> list[Path]:
    """The folders, the newest first. Numbers are handed out in the order in which runs were asked for."""
    if not runs.is_dir():
        return []
    return sorted((one for one in runs.iterdir() if one.name.isdigit()), key=lambda one: -int(one.name))


def make(runs: Path, job: Mapping[str, Any]) -> Path:
    """A folder with the next number, which is the place in the queue as well. It says what to run from the start."""
    runs.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(dir=runs, prefix="new-"))
    write(made / "job.json", job)
    number = max((int(one.name) for one in numbered(runs)), default=0) + 1
    while True:
        try:
            return made.rename(runs / str(number))
        except OSError:
            # Somebody else has that number: a folder that is not empty is never replaced.
            if not (runs / str(number)).exists():
                raise
            number += 1


def state_of(folder: Path) -> State:
    """How far a run is. A process that died without a word has failed."""
    try:
        found = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        with suppress(FileNotFoundError):
            if clock.now().timestamp() - folder.stat().st_mtime > _STARTED_WITHIN_SECONDS:
                return State("failed", "The run was never started.")
        return State("queued")
    state = State(str(found["state"]), str(found.get("message", "")))
    if state.is_over:
        return state
    pid = int(found["pid"])
    # One that begins this moment lives already and has no command line yet.
    line = command_line(pid) or JOB_MODULE
    if not is_running(pid) or JOB_MODULE not in line:
        return State("failed", "The run ended without a report.")
    return state


def before(folder: Path) -> list[Path]:
    """Who was asked for earlier and is not over: these go first, the newest of them at the front."""
    mine = int(folder.name)
    return [one for one in numbered(folder.parent) if int(one.name) < mine and not state_of(one).is_over]


@contextmanager
def turn(runs: Path, *, folder: Path | None = None, go_on: Callable[[], bool] = lambda: True) -> Iterator[bool]:
    """The laboratory to oneself inside; nobody else's run goes on. First come, first served, by the numbers.

    Who has no `folder` takes the next gap. False when `go_on` said no before it was its turn.
    """
    runs.mkdir(parents=True, exist_ok=True)
    with (runs / "turn").open("w", encoding="utf-8") as file:
        while (folder is not None and before(folder)) or not _take(file):
            if not go_on():
                yield False
                return
            time.sleep(_LOOK_SECONDS)
        yield True


def _take(file: Any) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def forget(runs: Path, *, kept: int) -> None:
    """Removes the oldest runs that are over."""
    for folder in numbered(runs)[kept:]:
        if state_of(folder).is_over:
            shutil.rmtree(folder, ignore_errors=True)


def write(path: Path, value: Any) -> None:
    """Whole or not at all, for whoever reads meanwhile."""
    half = path.with_suffix(".half")
    half.write_text(json.dumps(value), encoding="utf-8")
    half.replace(path)
