"""The only wall clock. Everything that needs the time asks here, so a test can move it."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """The current instant, aware, in UTC, to the microsecond."""
    return datetime.now(UTC)


def to_text(moment: datetime) -> str:
    """RFC 3339 in UTC with six digits and `Z`: the only form of time on the wire and in hashes."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
