"""Ties a child process to its parent: when the parent is killed without a word, the kernel ends the child too.

And has it step back behind whoever serves, and tells whether a process that was left behind still lives, and which
program it is.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

_SET_PARENT_DEATH_SIGNAL = 1


def _load_prctl() -> Callable[..., int] | None:
    if not sys.platform.startswith("linux"):
        return None
    function: Callable[..., int] = ctypes.CDLL(None).prctl
    return function


# Looked up beforehand: between fork and exec there is no time for a search.
_prctl = _load_prctl()


def end_with_parent() -> None:
    """Called in the child. Linux only; elsewhere the next start finds what was left behind.

    The kernel means the parent's thread: a child that is started from a short-lived thread ends with that.
    """
    if _prctl:
        _prctl(_SET_PARENT_DEATH_SIGNAL, int(signal.SIGTERM))


def step_back(*, by: int) -> None:
    """From here on others go first; where that cannot be had, it goes on as it is.

    On a busy processor 5 leaves this process a third of what one of the others has, and 15 a thirtieth.
    """
    with suppress(OSError):
        os.nice(by)


def is_running(pid: int) -> bool:
    """Whether a process lives; a zombie, which still takes signals, does not."""
    if Path("/proc/self/stat").exists():
        try:
            state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(") ")[2][:1]
        except OSError:
            return False
        return state not in ("Z", "X")
    answer = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return bool(answer.stdout.strip()) and not answer.stdout.strip().startswith("Z")


def command_line(pid: int) -> str:
    """The program of a process and its arguments, with blanks between them; empty when there is none."""
    if Path("/proc/self/cmdline").exists():
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            return ""
    answer = subprocess.run(
        ["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return answer.stdout
