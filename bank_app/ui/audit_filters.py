"""What is looked for in the audit trail, as it stands in the address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from bank_app.services.audit_records import Outcome, RecordFilter
from bank_app.ui import audit_words, forms
from bank_app.ui.filters import Chip, InAddress, day_text, days_in_words, midnight

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
        """The filters in an address or a form; what cannot be understood is left out."""
        raw = {field.name: forms.text(query.get(field.name), 100) for field in fields(cls)}
        named = raw["action"].replace(".", "").replace("_", "")
        actor = forms.identifier(raw["actor"])
        return cls(
            q=raw["q"],
            action=raw["action"] if named.isascii() and named.isalnum() and len(raw["action"]) <= 40 else "",
            actor=str(actor) if actor else "",
            outcome=raw["outcome"] if raw["outcome"] in audit_words.OUTCOMES else "",
            since=day_text(raw["since"]),
            until=day_text(raw["until"]),
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
