"""The laboratory's front desk: starts runs in processes of their own, shows how they go, keeps what came of them.

All that the pages know of the laboratory is here. Runs live in numbered folders below `BANK_DATA/lab/runs`, so every
worker process of the bank sees the same ones.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bank_app.domain.accounting import Role
from bank_app.errors import Forbidden, Invalid, NotFound, Overloaded
from bank_app.lab.simulation import folders
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
from bank_app.services.actor import Actor
from bank_app.settings import Settings

KEPT_RUNS = 200
# What a process needs to run at all. It is handed nothing else: no key and no database of the bank.
_HANDED_ON = (
    *("PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "HOME", "TMPDIR"),
    *("LANG", "LC_ALL", "LC_CTYPE", "TZ", "COVERAGE_PROCESS_START", "BANK_LAB_WATCH"),
)
_WAITING_AT_MOST = 4
_AT_ONCE_AT_MOST = 4

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
    "why_not",
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
    owner: str = ""
    # How many runs go first, while it waits.
    before: int = 0

    @property
    def is_over(self) -> bool:
        """Nothing more will come."""
        return self.state in folders.OVER

    def may_be_stopped_by(self, actor: Actor | None) -> bool:
        """Who started it may, and admins."""
        return actor is not None and (actor.role is Role.ADMIN or str(actor.user_id) == self.owner)


# Writes down who did what with which run, before it is done: `note(actor, "lab.start", "lab run 7", changes)`.
Note = Callable[[Actor | None, str, str, Mapping[str, Any]], None]


class Office:
    """The runs of one bank.

    Args:
        settings: Of the bank; `lab_url` names the laboratory's own database, without it a file in BANK_DATA is used.
        note: Puts starts and stops into the bank's audit trail; what it refuses to write down is not done.
    """

    def __init__(self, settings: Settings, *, note: Note = lambda *_: None) -> None:
        self._note = note
        self._data = settings.data / "lab"
        self._runs = self._data / "runs"
        self._place = Place(settings.lab_url) if settings.lab_url else embedded(self._data)

    @property
    def has_server(self) -> bool:
        """Whether all strategies can run, and not only those that mean something on the embedded engine."""
        return self._place.server

    def start(self, configs: Sequence[Config], *, started_at: str, by: Actor | None) -> int:
        """Starts one run, or several one after the other, and returns its number. It may have to wait for its turn.

        Runs go in the order in which they were started here, one at a time.

        Raises:
            Invalid: none or too many, an unknown strategy, or one that this database cannot run.
            Overloaded: too many are waiting already.
        """
        self._require(configs)
        waiting = [folder for folder in folders.numbered(self._runs) if not folders.state_of(folder).is_over]
        if len(waiting) > _WAITING_AT_MOST:
            seconds = self._seconds_of(waiting)
            raise Overloaded(
                f"The lab is full: one run goes on and {_WAITING_AT_MOST} wait, for {seconds} s, about. "
                "Nothing was started; try again a little later."
            )
        folder = folders.make(
            self._runs,
            {
                "configs": [asdict(config) for config in configs],
                "data": str(self._data),
                "started_at": started_at,
                "owner": str(by.user_id) if by else "",
            },
        )
        try:
            self._note(by, "lab.start", f"lab run {folder.name}", {"strategies": [None, [c.strategy for c in configs]]})
        except BaseException:
            folders.write(folder / "state.json", {"state": "failed", "message": "It could not be written down."})
            raise
        environment = {name: os.environ[name] for name in _HANDED_ON if name in os.environ}
        environment["BANK_LAB_URL"] = self._place.url
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", folders.JOB_MODULE, str(folder)],
                env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        state = {"state": "queued", "message": "", "pid": process.pid}
        with suppress(FileExistsError), (folder / "state.json").open("x", encoding="utf-8") as file:
            file.write(json.dumps(state))
        _started.append(process)
        folders.forget(self._runs, kept=KEPT_RUNS)
        return int(folder.name)

    def _require(self, configs: Sequence[Config]) -> None:
        if not 1 <= len(configs) <= _AT_ONCE_AT_MOST:
            raise Invalid(f"Choose one to {_AT_ONCE_AT_MOST} strategies.")
        for config in configs:
            if why := why_not(config, server=self.has_server):
                raise Invalid(why)

    def stop(self, number: int, *, by: Actor | None) -> None:
        """Tells a run to end; it does within two seconds, with a report of what happened so far.

        Raises:
            NotFound: there is no such run.
            Forbidden: somebody else started it.
        """
        folder = self._folder(number)
        if not self._read(folder).may_be_stopped_by(by):
            raise Forbidden("Somebody else started this run: only they, or an admin, can stop it.")
        self._note(by, "lab.stop", f"lab run {number}", {})
        (folder / "stop").touch()

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
        return [self._read(folder) for folder in folders.numbered(self._runs)[:limit]]

    def ahead(self, number: int) -> tuple[int, int]:
        """How many runs come before this one, and for how many seconds they will use the lab, about."""
        before = folders.before(self._folder(number))
        return len(before), self._seconds_of(before)

    def _seconds_of(self, waiting: Sequence[Path]) -> int:
        """For how long these runs will still use the lab, about."""
        seconds = 0.0
        for folder in waiting:
            run, ticks = self.look(int(folder.name))
            index = int(ticks[-1]["run"]) if ticks else 0
            seconds += sum(config.seconds for config in run.configs[index:])
            seconds -= float(ticks[-1]["at"]) if ticks else 0.0
        return max(1, round(seconds))

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

    def _folder(self, number: int) -> Path:
        folder = self._runs / str(int(number))
        if not (folder / "job.json").is_file():
            raise NotFound("There is no such run.")
        return folder

    def _read(self, folder: Path) -> Run:
        job = json.loads((folder / "job.json").read_text(encoding="utf-8"))
        state = folders.state_of(folder)
        report = None
        with suppress(FileNotFoundError, ValueError):
            report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
        configs = tuple(Config.read(values) for values in job["configs"])
        before = len(folders.before(folder)) if state.name == "queued" else 0
        started_at, owner = job.get("started_at", ""), job.get("owner", "")
        return Run(int(folder.name), state.name, state.message, configs, started_at, report, owner, before)


def _wait_for_the_dead() -> None:
    """Takes leave of processes that ended, or they stay as zombies."""
    _started[:] = [process for process in _started if process.poll() is None]


_started: list[subprocess.Popen[bytes]] = []
