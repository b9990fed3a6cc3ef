"""Handlers of pages by their classes, as a browser names them: in which file a class stands is nothing to a test."""

from reflex.event import EventHandler
from reflex.state import BaseState
from reflex.utils.format import format_event_handler


def name_of(what: EventHandler | type[BaseState]) -> str:
    """The name of a handler, `HomeState.open`, or of a state, as it stands in the events of a browser."""
    return format_event_handler(what) if isinstance(what, EventHandler) else what.get_full_name()
