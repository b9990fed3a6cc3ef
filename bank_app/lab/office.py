"""The laboratory's front desk: starts runs in processes of their own, shows how they go, keeps what came of them.

All that the pages know of the laboratory is here. Runs live in numbered folders below `BANK_DATA/lab/runs`, so every
worker process of the bank sees the same ones.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bank_app.errors import Invalid, NotFound, Overloaded
from bank_app.lab.simulation import report as reports
from bank_app.lab.simulation.audit import NAMES, figure
from bank_app.lab.simulation.catalogue import STRATEGIES, is_safe, level_of, why_not
from bank_app.lab.simulation.experiments import EXPERIMENTS, FREE, Experiment, setup_of
from bank_app.lab.simulation.experiments import named as experiment_named
from bank_app.lab.simulation.experiments import of as experiment_of
from bank_app.lab.simulation.place import LabUnavailable, Place, embedded
from bank_app.lab.simulation.report import verdict
from bank_app.lab.simulation.scenario import BOUNDS, ISOLATIONS, Config
from bank_app.lab.simulation.strategies import Strategy
from bank_app.lifeline import command_line, is_running
from bank_app.settings import Settings

KEPT_RUNS = 200
_WAITING_AT_MOST = 4
_AT_ONCE_AT_MOST = 4
_MODULE = "bank_app.lab.simulation.job"

__all__ = [
    "BOUNDS",
    "EXPERIMENTS",
    "FREE",
    "ISOLATIONS",
    "NAMES",
    "STRATEGIES",
    "Config",
    "Experiment",
    "LabUnavailable",
    "Office",
    "Run",
    "Strategy",
    "experiment_named",
    "experiment_of",
    "figure",
    "is_safe",
    "level_of",
    "setup_of",
    "verdict",
]


@dataclass(frozen=True, slots=True)
class Run:
    """One entry of the list: what ran, how far it is, and what it found."""

    number: int
    state: str
    message: str
    configs: tuple[Config, ...]
    started_at: str
    report: dict[str, Any] | None

    @property
    def is_over(self) -> bool:
        """Nothing more will come."""
        return self.state in ("finished", "stopped", "failed")


class Office:
    """The runs of one bank.

    Args:
        settings: Of the bank; `lab_url` names the laboratory's own database, without it a file in BANK_DATA is used.
    """

    def __init__(self, settings: Settings) -> None:
        self._data = settings.data / "lab"
        self._runs = self._data / "runs"
        self._place = Place(settings.lab_url) if settings.lab_url else embedded(self._data)

    @property
    def has_server(self) -> bool:
        """Whether all strategies can run, and not only those that mean something on the embedded engine."""
        return self._place.server

    def start(self, configs: Sequence[Config], *, started_at: str) -> int:
        """Starts one run, or several one after the other, and returns its number. It may have to wait for its turn.

        Raises:
            Invalid: none or too many, an unknown strategy, or one that this database cannot run.
            Overloaded: too many are waiting already.
        """
        self._require(configs)
        self._runs.mkdir(parents=True, exist_ok=True)
        if sum(not self._state(folder)[2] for folder in self._folders()) > _WAITING_AT_MOST:
            raise Overloaded("Several runs are waiting for the lab already. Try again in a minute.")
        folder = self._new_folder()
        job = {"configs": [asdict(config) for config in configs], "data": str(self._data), "started_at": started_at}
        (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
        environment = {**os.environ, "BANK_LAB_URL": self._place.url}
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", _MODULE, str(folder)],
                env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        state = {"state": "queued", "message": "", "pid": process.pid}
        with suppress(FileExistsError), (folder / "state.json").open("x", encoding="utf-8") as file:
            file.write(json.dumps(state))
        _started.append(process)
        self._forget_old()
        return int(folder.name)

    def _require(self, configs: Sequence[Config]) -> None:
        if not 1 <= len(configs) <= _AT_ONCE_AT_MOST:
            raise Invalid(f"Choose one to {_AT_ONCE_AT_MOST} strategies.")
        for config in configs:
            if why := why_not(config, server=self.has_server):
                raise Invalid(why)

    def stop(self, number: int) -> None:
        """Tells a run to end; it does within two seconds, with a report of what happened so far.

        Raises:
            NotFound: there is no such run.
        """
        (self._folder(number) / "stop").touch()

    def look(self, number: int, *, after: int = 0) -> tuple[Run, list[dict[str, Any]]]:
        """How a run goes: what it is, and its ticks from the one with index `after` on.

        Raises:
            NotFound: there is no such run.
        """
        folder = self._folder(number)
        _wait_for_the_dead()
        lines: list[str] = []
        with suppress(FileNotFoundError):
            lines = (folder / "ticks.jsonl").read_text(encoding="utf-8").splitlines()[after:]
        ticks = []
        for line in lines:
            # The last line may be only half there.
            with suppress(ValueError):
                ticks.append(json.loads(line))
        return self._read(folder), ticks

    def runs(self, limit: int = 20) -> list[Run]:
        """The newest ones first."""
        return [self._read(folder) for folder in self._folders()[:limit]]

    def ahead(self, number: int) -> tuple[int, int]:
        """How many runs come before this one, and for how many seconds they will use the lab, about."""
        before, seconds = 0, 0.0
        for folder in self._folders():
            if int(folder.name) < number and not self._state(folder)[2]:
                run, ticks = self.look(int(folder.name))
                index = int(ticks[-1]["run"]) if ticks else 0
                before += 1
                seconds += sum(config.seconds for config in run.configs[index:])
                seconds -= float(ticks[-1]["at"]) if ticks else 0.0
        return before, max(1, round(seconds))

    def samples_csv(self, number: int) -> str:
        """What the watcher saw, as a table; of a comparison one strategy after the other.

        Raises:
            NotFound: there is no such run, or no report yet.
        """
        found = self._read(self._folder(number)).report
        if found is None:
            raise NotFound("This run has no report yet.")
        return reports.samples_csv(found["results"])

    # --- folders --------------------------------------------------------------------------------

    def _folders(self) -> list[Path]:
        if not self._runs.is_dir():
            return []
        return sorted((one for one in self._runs.iterdir() if one.name.isdigit()), key=lambda one: -int(one.name))

    def _folder(self, number: int) -> Path:
        folder = self._runs / str(int(number))
        if not (folder / "job.json").is_file():
            raise NotFound("There is no such run.")
        return folder

    def _new_folder(self) -> Path:
        number = max((int(one.name) for one in self._folders()), default=0) + 1
        while True:
            try:
                (self._runs / str(number)).mkdir()
            except FileExistsError:
                number += 1
            else:
                return self._runs / str(number)

    def _read(self, folder: Path) -> Run:
        job = json.loads((folder / "job.json").read_text(encoding="utf-8"))
        state, message, _ = self._state(folder)
        report = None
        with suppress(FileNotFoundError, ValueError):
            report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
        configs = tuple(Config.read(values) for values in job["configs"])
        return Run(int(folder.name), state, message, configs, job.get("started_at", ""), report)

    @staticmethod
    def _state(folder: Path) -> tuple[str, str, bool]:
        """State, message, and whether it is over. A process that died without a word has failed."""
        try:
            found = json.loads((folder / "state.json").read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return "queued", "", False
        state, message = str(found["state"]), str(found.get("message", ""))
        if state in ("finished", "stopped", "failed"):
            return state, message, True
        pid = int(found["pid"])
        # One that begins this moment lives already and has no command line yet.
        line = command_line(pid) or _MODULE
        if not is_running(pid) or _MODULE not in line:
            return "failed", "The run ended without a report.", True
        return state, message, False

    def _forget_old(self) -> None:
        for folder in self._folders()[KEPT_RUNS:]:
            if self._state(folder)[2]:
                shutil.rmtree(folder, ignore_errors=True)


def _wait_for_the_dead() -> None:
    """Takes leave of processes that ended, or they stay as zombies."""
    _started[:] = [process for process in _started if process.poll() is None]


_started: list[subprocess.Popen[bytes]] = []
