"""Serves the bank with a wall clock that can be moved while it runs: `python -m bank_app.lab.faults.clocked --port N`.

Production has no such switch. This program puts another clock in the place of `bank_app.clock.now` in every worker
before the bank is loaded there, and otherwise starts the very same server. The file that BANK_LAB_CLOCK names holds
the seconds by which the clock is wrong.
"""

from __future__ import annotations

import argparse
import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console

from bank_app import clock, server, settings
from bank_app.start import serve_production

_load_right = server._load_app  # noqa: SLF001 - what a worker calls to get its application


def set_wrong_by(path: Path, seconds: int) -> None:
    """From now on the clock of the bank that reads this file is so many seconds ahead (or, negative, behind)."""
    fresh = path.with_suffix(".new")
    fresh.write_text(str(seconds), encoding="ascii")
    fresh.replace(path)


def load(target: str) -> Any:
    """In a worker: the application, with the clock that can be moved."""
    path, right = Path(os.environ["BANK_LAB_CLOCK"]), clock.now

    def now() -> datetime:
        return right() + timedelta(seconds=int(path.read_text(encoding="ascii")))

    clock.now = now
    return _load_right(target)


def main() -> None:
    """What `./bank serve` does, with `load` above in the place of the server's own."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--workers", type=int, default=1)
    asked = parser.parse_args()
    server._load_app = load  # noqa: SLF001 - the one thing that is different here
    serve_production(
        settings.load(), host="127.0.0.1", port=asked.port, workers=asked.workers, console=Console(highlight=False)
    )


if __name__ == "__main__":
    main()
