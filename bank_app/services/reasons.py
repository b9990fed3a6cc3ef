"""Why one of the bank's people did something: a sentence that says enough to whoever reads the audit log."""

from __future__ import annotations

from enum import StrEnum

from bank_app import errors
from bank_app.domain.text import length, one_line
from bank_app.services import audit

SHORTEST = 10


class Cause(StrEnum):
    """What a reversal puts right."""

    FRAUD = "fraud"
    MISTAKE = "mistake"
    TWICE = "twice"
    OURS = "ours"

    @property
    def words(self) -> str:
        """As it stands on the page and in the audit log."""
        return _WORDS[self]


_WORDS = {
    Cause.FRAUD: "Fraud or theft",
    Cause.MISTAKE: "Customer’s mistake",
    Cause.TWICE: "Sent twice",
    Cause.OURS: "Our mistake",
}


def written(text: str | None, cause: Cause | None = None) -> str:
    """The reason as it goes into the audit log, after its cause if there is one.

    Raises:
        Invalid: it is shorter than ten characters, or longer than the log keeps.
    """
    said = one_line(text or "")
    if length(said) < SHORTEST:
        message = f"Write a reason (at least {SHORTEST} characters). It goes into the audit log."
        raise errors.Invalid(message, errors=[{"field": "reason", "code": "too_short", "message": message}])
    return audit.checked_reason(f"{cause.words}: {said}" if cause else said)
