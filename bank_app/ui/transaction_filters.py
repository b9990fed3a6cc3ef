"""What the bank's people look for among all transactions, as it stands in the address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from bank_app.domain.accounting import TransactionType
from bank_app.domain.identifiers import reference_bits
from bank_app.services.transaction_search import TransactionFilter
from bank_app.ui import forms, words
from bank_app.ui.filters import CURRENCY_WORDS, TYPE_WORDS, Asked, Chip, InAddress, days_in_words, midnight
from bank_app.ui.messages import say
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
    currency: str = ""

    @classmethod
    def of(cls, query: Mapping[str, object], *, typed: bool = False) -> TransactionFilters:
        """The filters in an address or a form, as `Asked` reads them."""
        asked = Asked(query, typed=typed)
        account, key = asked.text("account"), asked.text("key", 255)
        number = number_of(account)
        if account and number is None:
            asked.refuse("account", say("FILTER_ACCOUNT"))
        if not key.isascii():
            key = asked.refuse("key", say("FILTER_KEY"))
        return cls(
            reference=asked.text("reference", 40),
            account=words.grouped(f"{number:010d}") if number is not None else "",
            customer=asked.text("customer"),
            initiator=asked.text("initiator"),
            key=key,
            type=asked.choice("type", TYPE_WORDS),
            status=asked.choice("status", STATUS_WORDS),
            min=asked.amount("min"),
            max=asked.amount("max"),
            since=asked.day("since"),
            until=asked.day("until"),
            currency=asked.choice("currency", CURRENCY_WORDS),
            **asked.outcome(),
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
            currency=self.currency or None,
            from_=midnight(self.since),
            to=midnight(self.until, days=1),
            reversed={"reversed": True, "posted": False}.get(self.status),
        )

    def names_one(self) -> bool:
        """Whether nothing but a whole reference is looked for, so that the one that it names can be opened at once."""
        whole = reference_bits(self.reference) is not None or forms.identifier(self.reference) is not None
        return whole and not self.wrong and self == TransactionFilters(reference=self.reference)

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
            "min": f"From {self.entered.get('min', self.min)}",
            "max": f"Up to {self.entered.get('max', self.max)}",
            "currency": f"Only {self.currency}",
            **days_in_words(self.since, self.until),
        }
        return self._chips(PATH, said)
