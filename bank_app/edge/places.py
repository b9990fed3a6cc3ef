"""Who holds how many of something that there is only so much of: per network, and altogether."""

from __future__ import annotations

from collections.abc import Sequence


class Places:
    """Counts what is held.

    Args:
        each: How many one network may hold. The wider network around one that is not counted by itself may hold
            `wider` times as many.
        whole: How many all together may hold.
    """

    def __init__(self, *, each: int, whole: int, wider: int = 4) -> None:
        self.each, self.whole, self._wider = each, whole, wider
        self.held: dict[str, int] = {}
        self.total = 0

    def take(self, networks: Sequence[str]) -> bool:
        """Takes one for somebody of these networks, the narrowest first; False where there is none left for them."""
        if self.total >= self.whole:
            return False
        for place, network in enumerate(networks):
            if self.held.get(network, 0) >= self.each * (self._wider if place else 1):
                return False
        self.total += 1
        for network in networks:
            self.held[network] = self.held.get(network, 0) + 1
        return True

    def give(self, networks: Sequence[str]) -> None:
        """Gives one back that was taken."""
        self.total -= 1
        for network in networks:
            if self.held[network] == 1:
                del self.held[network]
            else:
                self.held[network] -= 1
