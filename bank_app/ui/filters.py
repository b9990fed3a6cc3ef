"""The filters of a ledger as they stand in the address, so that a filtered page can be shared and reloaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import urlencode

from bank_app.domain import money
from bank_app.domain.accounting import Direction, TransactionType
from bank_app.services.history import HistoryFilter
from bank_app.ui import forms, words

TYPE_WORDS = {
    TransactionType.TRANSFER.value: "Transfers",
    TransactionType.DEPOSIT.value: "Deposits",
    TransactionType.WITHDRAW.value: "Withdrawals",
    TransactionType.REVERSAL.value: "Reversals",
}
DIRECTION_WORDS = {Direction.CREDIT.value: "Money in", Direction.DEBIT.value: "Money out"}


@dataclass(frozen=True)
class Chip:
    """One filter that is on: its words, and the address without it."""

    words: str
    without: str


@dataclass(frozen=True)
class Filters:
    """What is looked for. Every value is text that was checked; an empty one is not a filter."""

    q: str = ""
    type: str = ""
    direction: str = ""
    min: str = ""
    max: str = ""
    since: str = ""
    until: str = ""

    @classmethod
    def of(cls, query: Mapping[str, object]) -> Filters:
        """The filters in an address; what cannot be understood is left out."""
        raw = {field.name: forms.text(query.get(field.name), 100) for field in fields(cls)}
        return cls(
            q=raw["q"],
            type=raw["type"] if raw["type"] in TYPE_WORDS else "",
            direction=raw["direction"] if raw["direction"] in DIRECTION_WORDS else "",
            min=_amount(raw["min"]),
            max=_amount(raw["max"]),
            since=_day(raw["since"]),
            until=_day(raw["until"]),
        )

    def to_history(self) -> HistoryFilter:
        """The same for the service; the last day counts to its end."""
        return HistoryFilter(
            types=(TransactionType(self.type),) if self.type else (),
            direction=Direction(self.direction) if self.direction else None,
            min_amount=self.min or None,
            max_amount=self.max or None,
            from_=_midnight(self.since),
            to=_midnight(self.until, days=1),
            q=self.q or None,
        )

    def address(self, path: str) -> str:
        """The page with these filters."""
        on = {field.name: getattr(self, field.name) for field in fields(self) if getattr(self, field.name)}
        return f"{path}?{urlencode(on)}" if on else path

    def any(self) -> bool:
        """Whether anything is filtered."""
        return self != Filters()

    def chips(self, path: str) -> list[Chip]:
        """What is on, each with the way to switch it off."""
        said = {
            "q": f"“{self.q}”",
            "type": TYPE_WORDS.get(self.type, ""),
            "direction": DIRECTION_WORDS.get(self.direction, ""),
            "min": f"From {self.min}",
            "max": f"Up to {self.max}",
            "since": f"Since {words.day(date.fromisoformat(self.since))}" if self.since else "",
            "until": f"Until {words.day(date.fromisoformat(self.until))}" if self.until else "",
        }
        return [
            Chip(text, replace(self, **{name: ""}).address(path)) for name, text in said.items() if getattr(self, name)
        ]


def _amount(text: str) -> str:
    """An amount in API form; typed forms with grouping are understood."""
    typed = money.read_typed(text, "USD") if text else None
    return money.to_text(typed.minor, "USD") if typed and typed.minor is not None else ""


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return ""


def _midnight(text: str, *, days: int = 0) -> datetime | None:
    if not text:
        return None
    day = date.fromisoformat(text)
    # After the last day that a calendar can name there is none: it is no limit.
    return datetime.combine(day, time(), UTC) + timedelta(days=days) if day < date.max else None
