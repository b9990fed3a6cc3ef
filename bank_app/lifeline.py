"""Ties a child process to its parent: when the parent is killed without a word, the kernel ends the child too."""

from __future__ import annotations

import ctypes
import signal
import sys
from collections.abc import Callable

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
