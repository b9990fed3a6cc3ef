"""Ties a child process to its parent: when the parent is killed without a word, the kernel ends the child too.

And has it step back behind whoever serves, tells whether a process that was left behind still lives, and which program
it is. As a program, `python -m bank_app.lifeline COMMAND`, it runs a command and ends with it everything that it began.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType

_SET_PARENT_DEATH_SIGNAL, _BECOME_SUBREAPER = 1, 36
_LOOK_SECONDS = 0.05
# A test that is under way puts away what it made before it ends.
SECONDS_TO_END = 20.0
_SECONDS_TO_TERMINATE = 5.0
_SECONDS_TO_DIE = 5.0


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


# --- a command with all that it begins -----------------------------------------------------------------


def run_with_descendants(command: Sequence[str], *, cwd: Path) -> int:
    """Runs a command and returns its status. However it ends, and if this process is killed, what it began ends too.

    A process in between adopts what the command's own children leave behind (on Linux; elsewhere only the command
    itself is ended).

    Raises:
        KeyboardInterrupt: this process was interrupted or told to end; everything has ended.
    """
    keeper = subprocess.Popen(
        [sys.executable, "-P", "-m", __name__, *command],
        cwd=cwd,
        preexec_fn=end_with_parent,  # noqa: PLW1509 - one call into libc, looked up beforehand
    )
    try:
        return keeper.wait()
    except BaseException:
        # It may have been told already: Ctrl-C in a terminal goes to all of them.
        _send(keeper.pid, signal.SIGTERM)
        while True:
            with suppress(KeyboardInterrupt):
                keeper.wait()
                break
            # Whoever presses Ctrl-C once more does not want to wait.
            _send(keeper.pid, signal.SIGINT)
        raise


class _Keeper:
    """Runs one command as its child and adopts whatever that leaves behind."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._told_to_end = self._interrupts = 0

    def run(self) -> int:
        if _prctl:
            _prctl(_BECOME_SUBREAPER, 1)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._note)
        process = subprocess.Popen(
            self._command,
            preexec_fn=end_with_parent,  # noqa: PLW1509 - one call into libc, looked up beforehand
        )
        try:
            status = self._wait(process)
        finally:
            _end_descendants()
        return 130 if self._told_to_end else 128 - status if status < 0 else status

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self._told_to_end += 1
        self._interrupts += number == signal.SIGINT

    def _wait(self, process: subprocess.Popen[bytes]) -> int:
        deadline = float("inf")
        while (status := process.poll()) is None:
            if self._told_to_end and deadline == float("inf"):
                deadline = time.monotonic() + SECONDS_TO_END
                process.terminate()
            if time.monotonic() > deadline or self._interrupts > 1:
                return 128 + signal.SIGTERM
            _bury(but=process.pid)
            time.sleep(_LOOK_SECONDS)
        return status


def _end_descendants() -> None:
    """Ends what lives below this process, politely first: a database server puts its data in order."""
    for how, seconds in ((signal.SIGTERM, _SECONDS_TO_TERMINATE), (signal.SIGKILL, _SECONDS_TO_DIE)):
        deadline = time.monotonic() + seconds
        told: set[int] = set()
        while (left := _descendants()) and time.monotonic() < deadline:
            # Again and again, because the end of one may leave others to us.
            for pid in left - told:
                _send(pid, how)
            told |= left
            _bury()
            time.sleep(_LOOK_SECONDS)


def _bury(*, but: int = 0) -> None:
    """Takes note of the ends of those that were left to this process, but not of the one that is waited for elsewhere.

    Otherwise they would stay in the list of processes, and whoever waits for their end would wait for ever.
    """
    with suppress(ChildProcessError):
        while _prctl and (ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)):
            if ended.si_pid == but:
                return
            os.waitpid(ended.si_pid, 0)


def _send(pid: int, how: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, how)


def _descendants() -> set[int]:
    """What lives below this process."""
    found: set[int] = set()
    below = _parents()
    fresh = {os.getpid()}
    while fresh := {pid for pid, parent in below.items() if parent in fresh} - found:
        found |= fresh
    return {pid for pid in found if is_running(pid)}


def _parents() -> dict[int, int]:
    """The parent of every process; empty where there is no `/proc`."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, IndexError, ValueError):
            fields = path.read_text(encoding="utf-8", errors="replace").rpartition(") ")[2].split()
            found[int(path.parent.name)] = int(fields[1])
    return found


if __name__ == "__main__":
    sys.exit(_Keeper(sys.argv[1:]).run())
