"""How log lines look and which are worth keeping."""

from __future__ import annotations

import json
import logging
import re
import sys

import structlog

from bank_app.settings import Settings

_FIRST = ("timestamp", "level", "event")
_IN_QUOTES = re.compile(r'[\s="\x00-\x1f\x7f-\x9f]')
# What a terminal obeys, or what turns a line around, and JSON leaves as it is.
_SPELT_OUT = re.compile("[\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]")


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
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=before, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last]
        )
    )
    # Libraries log through the standard library; from them only what went wrong is worth a line.
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)


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
