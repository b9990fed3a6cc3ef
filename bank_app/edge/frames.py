"""What a message of a page's WebSocket may look like, before anything of ours reads it."""

from __future__ import annotations

import json
import re
from enum import StrEnum

# A page says hello, goodbye and that it is still there; all else that it has to say is an event.
_QUIET = frozenset({"1", "3", "6"})
_PACKET = re.compile(r"4([0-3])(?:/[\w/.-]{0,64}(?:\?[^,]{0,2000})?,?)?(\d{0,9})(.*)\Z", re.DOTALL)
_HELLO, _GOODBYE = "0", "1"


class Verdict(StrEnum):
    """What to do with a message."""

    READABLE = "readable"
    UNREADABLE = "unreadable"


def judge(message: str | None) -> Verdict:
    """Whether somebody who knows how these pages speak could have sent this; binary messages no page sends."""
    if message in _QUIET:
        return Verdict.READABLE
    packet = _PACKET.match(message or "")
    return Verdict.READABLE if packet and _is_readable(packet[1], packet[2], packet[3]) else Verdict.UNREADABLE


def _is_readable(kind: str, number: str, payload: str) -> bool:
    if kind == _GOODBYE:
        return not payload
    if not payload:
        return kind == _HELLO and not number
    try:
        content = json.loads(payload)
    except (ValueError, RecursionError):
        return False
    if kind == _HELLO:
        return isinstance(content, dict)
    return isinstance(content, list) and bool(content) and isinstance(content[0], str)
