"""A run of its own process, so that it never takes the bank's: `python -m bank_app.lab.simulation.job FOLDER`.

The folder says what to run (`job.json`) and gets what came of it: `state.json`, `ticks.jsonl`, `report.json`. A file
called `stop` ends it. Whoever starts it reads these files; nothing else connects the two.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import traceback
import urllib.error
import urllib.request
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Any

from bank_app.lab.simulation import folders, report
from bank_app.lab.simulation.place import LabUnavailable, Place
from bank_app.lab.simulation.run import Run, Tick, percentile
from bank_app.lab.simulation.scenario import Config
from bank_app.lifeline import step_back

_LOOK_SECONDS = 0.1
_PROBES_BEFORE = 8
_PROBES_KEPT = 20
# The bank counts as slowed down when both hold: several times what it was, and more than a person would not notice.
_SLOWER, _SLOW_MS = 4.0, 400.0


class BankWatch:
    """Asks the bank how quickly it answers, before and during a run."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._usual = 0.0
        self._recent: deque[float] = deque(maxlen=_PROBES_KEPT)

    def prepare(self) -> None:
        """How quickly it answers now."""
        if self._url:
            self._usual = percentile(sorted(self._ask() for _ in range(_PROBES_BEFORE)), 95)

    @property
    def p95_ms(self) -> float:
        """Of the last answers."""
        return percentile(sorted(self._recent), 95)

    def is_slow(self) -> bool:
        """Asks once more; whether the run should end for the bank's sake."""
        if not self._url:
            return False
        self._recent.append(self._ask())
        enough = len(self._recent) >= _PROBES_BEFORE
        return enough and self.p95_ms > max(_SLOW_MS, _SLOWER * self._usual)

    def _ask(self) -> float:
        began = time.monotonic()
        with suppress(OSError, urllib.error.HTTPError), urllib.request.urlopen(self._url, timeout=3) as answer:  # noqa: S310 - the bank's own address
            answer.read()
        return (time.monotonic() - began) * 1000


class Job:
    """What a folder asks for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        job = json.loads((folder / "job.json").read_text(encoding="utf-8"))
        self._configs = [Config.read(values) for values in job["configs"]]
        self._place = Place(os.environ["BANK_LAB_URL"])
        self._data = Path(job["data"])
        self._watch = BankWatch(os.environ.get("BANK_LAB_WATCH", ""))
        self._why = ""
        self._run: Run | None = None

    def carry_out(self) -> None:
        """Waits for its turn, runs everything one after the other, and writes the report."""
        with folders.turn(self._folder.parent, folder=self._folder, go_on=self._may_go_on) as is_mine:
            if not is_mine:
                self._say("stopped", "Stopped before it began.")
                return
            threading.Thread(target=self._mind, daemon=True).start()
            # It begins as quickly as anything; from here on whoever uses the bank goes first.
            step_back(by=15)
            reports = []
            for index, config in enumerate(self._configs):
                self._say("running", strategy=config.strategy, index=index)
                self._watch.prepare()
                with (self._folder / "ticks.jsonl").open("a", encoding="utf-8") as ticks:

                    def tell(tick: Tick, file: Any = ticks, index: int = index) -> None:
                        self._tell(file, index, tick)

                    self._run = Run(config, self._place, self._data, on_tick=tell)
                    outcome = self._run.carry_out()
                self._run = None
                reports.append(report.of(outcome))
                if self._why:
                    break
        whole = {"results": reports, "comparison": report.comparison(reports) if len(reports) > 1 else ""}
        folders.write(self._folder / "report.json", whole)
        self._say("stopped" if self._why else "finished", self._why)

    def _may_go_on(self) -> bool:
        return not (self._folder / "stop").exists()

    def _mind(self) -> None:
        """Ends the run when it is told to, or when the bank suffers from it."""
        while True:
            time.sleep(_LOOK_SECONDS)
            run = self._run
            if not self._may_go_on():
                self._why = self._why or "Stopped."
            elif run is not None and self._watch.is_slow():
                self._why = f"Stopped, because the bank itself got slow: p95 {self._watch.p95_ms:.0f} ms."
            if self._why and run is not None:
                run.stop()

    def _tell(self, file: Any, index: int, tick: Tick) -> None:
        said = {"run": index, **report.tick_of(tick), "bank_p95_ms": round(self._watch.p95_ms, 1)}
        file.write(json.dumps(said) + "\n")
        file.flush()

    def _say(self, state: str, message: str = "", **more: Any) -> None:
        folders.write(self._folder / "state.json", {"state": state, "message": message, "pid": os.getpid(), **more})

    def fail(self, message: str) -> None:
        """There will be no report."""
        self._say("failed", message)


def main(folder: Path) -> int:
    """Runs the job of a folder."""
    job = Job(folder)
    try:
        job.carry_out()
    except LabUnavailable as error:
        job.fail(str(error))
        return 1
    except Exception as error:
        # What went wrong is for whoever can read the folder: an exit by itself says nothing.
        traceback.print_exc()
        job.fail("The run failed; the log in its folder has more.")
        raise SystemExit(1) from error
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
