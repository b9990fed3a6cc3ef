"""Keeps cookies and form values out of the framework's own log lines, which quote events whole."""

from __future__ import annotations

import logging
import re
import traceback

LIMIT = 2_000
_SECRETS = (
    (re.compile(r"(['\"](?:cookie|authorization)['\"]: )(['\"]).*?\2", re.IGNORECASE), r"\1'[redacted]'"),
    (re.compile(r"payload=\{.*?\}(?=[,)])", re.DOTALL), "payload=[redacted]"),
    (re.compile(r"(with value ').*?(' and type hint)", re.DOTALL), r"\1[redacted]\2"),
    (re.compile(r"(but got ').*(' of type)", re.DOTALL), r"\1[redacted]\2"),
    (re.compile(r"(bank_(?:session|half_session|kept)\w*=)[^\s;,'\"]+"), r"\1[redacted]"),
    (re.compile(r"([?&]token=)[^\s&'\"]+"), r"\1[redacted]"),
)


def redact(text: str) -> str:
    """The text without what is secret in it, and not longer than a log line should be."""
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text[:LIMIT]


class Redaction(logging.Filter):
    """Rewrites a record, its traceback included, before any handler sees it."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Always keeps the record."""
        text = record.getMessage()
        if record.exc_info and record.exc_info[0] is not None:
            text += "\n" + "".join(traceback.format_exception(*record.exc_info))
            record.exc_info = None
        record.msg, record.args = redact(text), ()
        return True


def install() -> None:
    """For every logger of the framework that exists by now; filters are not inherited.

    Some of them write to a handler of their own besides, so that every line would be there twice and out of budget.
    """
    for name in list(logging.root.manager.loggerDict):
        if name.split(".")[0] in ("reflex", "reflex_base", "engineio", "socketio"):
            logger = logging.getLogger(name)
            logger.handlers.clear()
            logger.propagate = True
            logger.addFilter(Redaction())
