"""What is looked for in the audit trail, as it stands in the address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bank_app.services.audit_records import Outcome, RecordFilter
from bank_app.ui import audit_words, forms
from bank_app.ui.filters import Asked, Chip, InAddress, days_in_words, midnight

PATH = "/ops/audit"


@dataclass(frozen=True)
class AuditFilters(InAddress):
    """Every value is text that was checked."""

    q: str = ""
    action: str = ""
    actor: str = ""
    outcome: str = ""
    since: str = ""
    until: str = ""

    @classmethod
    def of(cls, query: Mapping[str, object]) -> AuditFilters:
        """The filters in an address or a form, as `Asked` reads them."""
        asked = Asked(query)
        action, actor = asked.text("action", 40), asked.text("actor")
        named = action.replace(".", "").replace("_", "")
        if action and not (named.isascii() and named.isalnum()):
            action = asked.unknown("action")
        person = forms.identifier(actor)
        if actor and person is None:
            asked.unknown("actor")
        return cls(
            q=asked.text("q"),
            action=action,
            actor=str(person) if person else "",
            outcome=asked.choice("outcome", audit_words.OUTCOMES),
            since=asked.day("since"),
            until=asked.day("until"),
            **asked.outcome(),
        )

    def to_service(self) -> RecordFilter:
        """The same for the service; the last day counts to its end."""
        return RecordFilter(
            q=self.q or None,
            action=self.action or None,
            actor_id=forms.identifier(self.actor),
            outcome=Outcome(self.outcome) if self.outcome else None,
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
            "action": audit_words.action(self.action) if self.action else "",
            "actor": "By one person",
            "outcome": audit_words.OUTCOMES.get(self.outcome, ""),
            **days_in_words(self.since, self.until),
        }
        return self._chips(PATH, said)
