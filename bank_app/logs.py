"""How log lines look and which are worth keeping."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import re
import sys
import threading
import time
from collections import Counter

import structlog

from bank_app.services.edge_figures import figures
from bank_app.settings import Settings

log = logging.getLogger(__name__)

_OURS, _SUMMARY = "bank_app", "is_a_summary"
_MINUTE = 60.0
_LINES_OF_A_TRACEBACK = 20
_FIRST = ("timestamp", "level", "event")
_IN_QUOTES = re.compile(r'[\s="\x00-\x1f\x7f-\x9f]')
# What a terminal obeys, or what turns a line around, and JSON leaves as it is.
_SPELT_OUT = re.compile("[\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]")


class _Stderr(io.StringIO):
    """Wherever stderr leads when a line is written.

    A line that cannot be written is no reason to refuse anything: what it tells of has been committed.
    """

    def write(self, text: str) -> int:
        """Writes it, if anybody reads."""
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(text)
        return len(text)

    def flush(self) -> None:
        """Hands it over, if anybody reads."""
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.flush()


def configure(settings: Settings) -> None:
    """One line per event on stderr from information upwards, as text or as JSON (`BANK_LOG_FORMAT`)."""
    as_json = settings.log_format == "json"
    last: list[structlog.typing.Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if as_json
        else [structlog.processors.format_exc_info, _as_text]
    )
    before: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*before, *last],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=_Stderr()),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=before, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last]
        )
    )
    budget = Budget(settings.log_lines)
    handler.addFilter(budget)
    # Libraries log through the standard library; from them only what went wrong is worth a line.
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    # The server's own, which has said by now what it says at a start.
    for own in logging.getLogger("_granian").handlers:
        own.addFilter(budget)


def for_a_command() -> None:
    """What went wrong, on stderr: somebody reads what a command says, or a script does, and it is no log."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.WriteLoggerFactory(file=_Stderr()),
    )


class Budget(logging.Filter):
    """So many lines a minute from each library: what they say is often what strangers made them say.

    What was not written is counted, and said in one line when the minute is over.
    """

    def __init__(self, lines: int, *, seconds: float = _MINUTE) -> None:
        """Takes how many lines."""
        super().__init__()
        self._lines, self._seconds = lines, seconds
        self._written: Counter[str] = Counter()
        self._unwritten: Counter[str] = Counter()
        self._since = float("-inf")
        self._changing = threading.Lock()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether there is room for this line. What broke in our own code always has some."""
        library = record.name.partition(".")[0]
        if (library == _OURS and record.levelno >= logging.ERROR) or getattr(record, _SUMMARY, False):
            return True
        cost = _LINES_OF_A_TRACEBACK if record.exc_info else 1 + str(record.msg).count("\n")
        with self._changing:
            now = time.monotonic()
            if now - self._since >= self._seconds:
                self._since = now
                self._written.clear()
            if self._written[library] + cost <= self._lines:
                self._written[library] += cost
                return True
            first = not self._unwritten
            self._unwritten[library] += 1
        figures.lines_unwritten += 1
        if first:
            timer = threading.Timer(self._seconds, self.say)
            timer.daemon = True
            timer.start()
        return False

    def say(self) -> None:
        """Writes down what was not written, in one line for each library."""
        with self._changing:
            unwritten = dict(self._unwritten)
            self._unwritten.clear()
        for library, count in unwritten.items():
            log.warning("%s: %d more lines were not written", library, count, extra={_SUMMARY: True})


def _as_text(_logger: structlog.typing.WrappedLogger, _method: str, event: structlog.typing.EventDict) -> str:
    """A line of `name=value`, in quotes where need be.

    structlog's own renderers take longer than a transfer takes to be decided on: one looks at every letter of every
    name, and the one for consoles pads columns. That one also prints local variables with a traceback, and with them
    passwords and tokens.
    """
    ordered = {**{name: event.pop(name, None) for name in _FIRST}, **event}
    return " ".join([f"{name}={_value(value)}" for name, value in ordered.items()])


def _value(value: object) -> str:
    text = "" if value is None else str(value)
    if text.isascii() and not _IN_QUOTES.search(text):
        return text
    return _SPELT_OUT.sub(lambda found: f"\\u{ord(found[0]):04x}", _quoted(text))


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False) if _IN_QUOTES.search(text) or _SPELT_OUT.search(text) else text
