"""How log lines look and which are worth keeping."""

from __future__ import annotations

import logging
import sys

import structlog

from bank_app.settings import Settings

_FIRST = ("timestamp", "level", "event")


def configure(settings: Settings) -> None:
    """One line per event on stderr from information upwards, as text or as JSON (`BANK_LOG_FORMAT`)."""
    as_json = settings.log_format == "json"
    last: list[structlog.typing.Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if as_json
        # Plain: the renderer for consoles takes longer to pad its columns than a transfer takes to be decided on, and
        # prints local variables with a traceback, and with them passwords and tokens.
        else [structlog.processors.format_exc_info, structlog.processors.LogfmtRenderer(key_order=_FIRST)]
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
