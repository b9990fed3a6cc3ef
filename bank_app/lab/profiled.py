"""Says where the time of a running server goes: the application of PROFILED_TARGET, with a thread that looks at it.

A sampling profile: five hundred times a second it notes what each thread is doing, and once a second it writes the
sums to PROFILED_REPORT. Unlike a tracing profiler it hardly slows what it looks at. A thread that waits is sampled
too, so the lines with recv, select and wait are the time that was spent on others.
"""

from __future__ import annotations

import importlib
import os
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

_EVERY_SECONDS = 0.002
_WRITE_EVERY = 500
_LINES = 25


class Sampler:
    """Counts, by thread, in which function it was and which functions had called that."""

    def __init__(self) -> None:
        self.own: dict[str, Counter[CodeType]] = {}
        self.within: dict[str, Counter[CodeType]] = {}

    def look(self) -> None:
        """One sample of every thread but this one."""
        names = {thread.ident: thread.name.rstrip("0123456789") for thread in threading.enumerate()}
        for identifier, frame in sys._current_frames().items():  # noqa: SLF001 - the documented way to see other threads
            if identifier != threading.get_ident():
                self.note(names.get(identifier, "not Python's"), frame)

    def note(self, thread: str, frame: FrameType) -> None:
        """Counts a stack, each function once however often it is on it."""
        self.own.setdefault(thread, Counter())[frame.f_code] += 1
        stack: set[CodeType] = set()
        step: FrameType | None = frame
        while step:
            stack.add(step.f_code)
            step = step.f_back
        self.within.setdefault(thread, Counter()).update(stack)

    def report(self) -> str:
        """Per thread the functions that it was in most, and those that it was in or below."""
        parts = []
        for thread, own in sorted(self.own.items(), key=lambda item: -item[1].total()):
            total = own.total()
            for title, counts in (("in", own), ("in or below", self.within[thread])):
                parts.append(f"\n{thread}: {total} samples, {title}")
                parts += [f"  {count / total:6.1%}  {_name(code)}" for code, count in counts.most_common(_LINES)]
        return "\n".join(parts) + "\n"


def _name(code: CodeType) -> str:
    path = code.co_filename.partition("site-packages/")[2] or code.co_filename
    return f"{code.co_qualname}  {path}:{code.co_firstlineno}"


def _watch(report: Path) -> None:
    # Otherwise a busy thread is only ever seen at the end of its turn, and so mostly where it waits for something.
    sys.setswitchinterval(0.0005)
    sampler = Sampler()
    samples = 0
    while True:
        time.sleep(_EVERY_SECONDS)
        sampler.look()
        samples += 1
        if samples % _WRITE_EVERY == 0:
            report.write_text(sampler.report(), encoding="utf-8")


def _load() -> Any:
    module, _, name = os.environ["PROFILED_TARGET"].partition(":")
    app = getattr(importlib.import_module(module), name)
    report = Path(os.environ["PROFILED_REPORT"]).with_suffix(f".{os.getpid()}.txt")
    threading.Thread(target=_watch, args=(report,), name="profiler", daemon=True).start()
    return app


if "PROFILED_TARGET" in os.environ:
    app = _load()
