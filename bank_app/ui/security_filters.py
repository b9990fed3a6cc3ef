"""What is looked for among the security events, as it stands in the address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bank_app.services.security_events import Event, network_of
from bank_app.services.security_watch import EventFilter, Outcome
from bank_app.ui import forms, security_words
from bank_app.ui.filters import Asked, Chip, InAddress, days_in_words, midnight
from bank_app.ui.security_words import PATH


@dataclass(frozen=True)
class SecurityFilters(InAddress):
    """Every value is text that was checked. `network` is one address, or a network as events are counted in."""

    q: str = ""
    event: str = ""
    outcome: str = ""
    person: str = ""
    network: str = ""
    since: str = ""
    until: str = ""

    @classmethod
    def of(cls, query: Mapping[str, object]) -> SecurityFilters:
        """The filters in an address or a form, as `Asked` reads them."""
        asked = Asked(query)
        written, network = asked.text("person"), asked.text("network", 45)
        person = forms.identifier(written)
        if written and person is None:
            asked.unknown("person")
        counted_in = network_of(network.partition("/")[0])
        if network and (counted_in is None or ("/" in network and network != counted_in)):
            network = asked.unknown("network")
        return cls(
            q=asked.text("q"),
            event=asked.choice("event", security_words.EVENTS),
            outcome=asked.choice("outcome", security_words.OUTCOMES),
            person=str(person) if person else "",
            network=network,
            since=asked.day("since"),
            until=asked.day("until"),
            **asked.outcome(),
        )

    def to_service(self) -> EventFilter:
        """The same for the service; the last day counts to its end."""
        whole = "/" in self.network
        return EventFilter(
            q=self.q or None,
            event=Event(self.event) if self.event else None,
            outcome=Outcome(self.outcome) if self.outcome else None,
            person_id=forms.identifier(self.person),
            address=self.network if self.network and not whole else None,
            network=self.network if whole else None,
            since=midnight(self.since),
            until=midnight(self.until, days=1),
        )

    def address(self, path: str = PATH) -> str:
        """The page with these filters."""
        return super().address(path)

    def chips(self) -> list[Chip]:
        """What is on, each with the way to switch it off."""
        said = {
            "q": f"“{self.q}”",
            "event": security_words.EVENTS.get(self.event, ""),
            "outcome": security_words.OUTCOMES.get(self.outcome, ""),
            "person": "About one person",
            "network": f"From {self.network}",
            **days_in_words(self.since, self.until),
        }
        return self._chips(PATH, said)
