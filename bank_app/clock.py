"""The only wall clock. Everything that needs the time asks here, so a test or the demo data can move it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache

_moved_to: ContextVar[datetime | None] = ContextVar("moved_to", default=None)


def now() -> datetime:
    """The current instant, aware, in UTC, to the microsecond."""
    return _moved_to.get() or datetime.now(UTC)


def nanoseconds() -> int:
    """Since 1970, and never moved: ids are made when they are made, whenever the story that is told happens."""
    return time.time_ns()


def moved() -> datetime | None:
    """What `moved_to` has set here; None when time simply passes."""
    return _moved_to.get()


@contextlib.contextmanager
def moved_to(moment: datetime | None) -> Iterator[None]:
    """Inside, in this thread only, it is `moment`: for tests and for demo data that lies in the past.

    Work that is handed to another thread takes it along with `moved()`; None lets time pass there as well.
    """
    token = _moved_to.set(moment.astimezone(UTC) if moment else None)
    try:
        yield
    finally:
        _moved_to.reset(token)


def to_the_minute(moment: datetime) -> str:
    """As sentences of the bank name a moment: `2026-12-01 08:30 UTC`."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"


@lru_cache(maxsize=1024)
def to_text(moment: datetime) -> str:
    """RFC 3339 in UTC with six digits and `Z`: the only form of time on the wire and in hashes."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
