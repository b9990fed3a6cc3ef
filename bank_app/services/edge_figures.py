"""What this worker process holds for people who may be strangers, and what it turned away: counted by the edge."""

from __future__ import annotations

import logging
import time
from collections import Counter, deque
from dataclasses import dataclass, field

log = logging.getLogger(__name__)

# How each kind is called on Health.
TURNED_AWAY = {
    "host": "for another host",
    "slow_body": "with a body that came too slowly",
    "crowded": "from a network that had too many under way",
    "slow_reader": "who did not read the answer",
    "socket_crowded": "sockets of a network that had too many",
    "socket_silent": "sockets that said nothing",
    "socket_large": "sockets with too large a message",
    "socket_unreadable": "sockets that nobody could read",
    "connections": "connections of a network that had too many",
}
_WINDOW_SECONDS = 60.0


@dataclass
class EdgeFigures:
    """Of one process. What is held is written by whoever holds it."""

    bodies: int = 0
    bodies_most: int = 1
    sockets: int = 0
    sockets_most: int = 1
    connections: int = 0
    connections_most: int = 1
    lines_unwritten: int = 0
    watched: bool = False
    turned_away: Counter[str] = field(default_factory=Counter)
    _said: dict[str, float] = field(default_factory=dict)
    _recent: deque[tuple[float, str]] = field(default_factory=lambda: deque(maxlen=10_000))

    def turn_away(self, kind: str, network: str = "") -> None:
        """Notes one of `TURNED_AWAY`; the log has a line for the first of a kind in a minute, with its network."""
        now = time.monotonic()
        self.turned_away[kind] += 1
        self._recent.append((now, kind))
        if now - self._said.get(kind, -_WINDOW_SECONDS) >= _WINDOW_SECONDS:
            self._said[kind] = now
            log.warning(
                "turned away, the first in a minute: %s, from %s; %d since the start",
                TURNED_AWAY[kind], network or "many", self.turned_away[kind],
            )  # fmt: skip

    def lately(self) -> Counter[str]:
        """Who was turned away within the last minute, of the newest 10,000."""
        since = time.monotonic() - _WINDOW_SECONDS
        return Counter(kind for at, kind in list(self._recent) if at >= since)


figures = EdgeFigures()
