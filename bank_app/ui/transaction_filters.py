"""What the bank's people look for among all transactions, as it stands in the address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from bank_app.domain.accounting import TransactionType
from bank_app.domain.identifiers import reference_bits
from bank_app.services.transaction_search import TransactionFilter
from bank_app.ui import forms, words
from bank_app.ui.filters import TYPE_WORDS, Chip, InAddress, amount_text, day_text, days_in_words, midnight
from bank_app.ui.money_form import number_of

STATUS_WORDS = {"posted": "Posted", "reversed": "Reversed"}
PATH = "/ops/transactions"


@dataclass(frozen=True)
class TransactionFilters(InAddress):
    """Every value is text that was checked."""

    reference: str = ""
    account: str = ""
    customer: str = ""
    initiator: str = ""
    key: str = ""
    type: str = ""
    status: str = ""
    min: str = ""
    max: str = ""
    since: str = ""
    until: str = ""

    @classmethod
    def of(cls, query: Mapping[str, object]) -> TransactionFilters:
        """The filters in an address or a form; what cannot be understood is left out."""
        raw = {field.name: forms.text(query.get(field.name), 255) for field in fields(cls)}
        number = number_of(raw["account"])
        return cls(
            reference=raw["reference"][:40],
            account=words.grouped(f"{number:010d}") if number is not None else "",
            customer=raw["customer"][:100],
            initiator=raw["initiator"][:100],
            key=raw["key"] if raw["key"].isascii() else "",
            type=raw["type"] if raw["type"] in TYPE_WORDS else "",
            status=raw["status"] if raw["status"] in STATUS_WORDS else "",
            min=amount_text(raw["min"]),
            max=amount_text(raw["max"]),
            since=day_text(raw["since"]),
            until=day_text(raw["until"]),
        )

    def to_service(self) -> TransactionFilter:
        """The same for the service; the last day counts to its end."""
        return TransactionFilter(
            reference=self.reference,
            account_id=number_of(self.account) if self.account else None,
            customer=self.customer,
            initiator=self.initiator,
            key=self.key,
            type=TransactionType(self.type) if self.type else None,
            min_amount=self.min or None,
            max_amount=self.max or None,
            from_=midnight(self.since),
            to=midnight(self.until, days=1),
            reversed={"reversed": True, "posted": False}.get(self.status),
        )

    def names_one(self) -> bool:
        """Whether nothing but a whole reference is looked for, so that the one that it names can be opened at once."""
        whole = reference_bits(self.reference) is not None or forms.identifier(self.reference) is not None
        return whole and self == TransactionFilters(reference=self.reference)

    def address(self, path: str = PATH) -> str:
        """The page with these filters."""
        return super().address(path)

    def beyond_reference(self) -> bool:
        """Whether one of the fields is used that the page keeps folded."""
        return replace(self, reference="").any()

    def chips(self) -> list[Chip]:
        """What is on, each with the way to switch it off."""
        said = {
            "reference": f"Reference {self.reference}",
            "account": f"Account {self.account}",
            "customer": f"Customer “{self.customer}”",
            "initiator": f"Asked for by “{self.initiator}”",
            "key": f"Key {self.key}",
            "type": TYPE_WORDS.get(self.type, ""),
            "status": STATUS_WORDS.get(self.status, ""),
            "min": f"From {self.min}",
            "max": f"Up to {self.max}",
            **days_in_words(self.since, self.until),
        }
        return self._chips(PATH, said)
