"""The filters of a ledger as they stand in the address, so that a filtered page can be shared and reloaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import urlencode

from bank_app import clock
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
# Pending and declined are not in the books; the pages read them from where they are.
STATUS_WORDS = {"posted": "Posted", "reversed": "Reversed", "pending": "Pending", "declined": "Declined"}


@dataclass(frozen=True)
class Chip:
    """One filter that is on: its words, and the address without it."""

    words: str
    without: str


@dataclass(frozen=True)
class InAddress:
    """Something that is looked for on a page and stands in its address. An empty value is not a filter."""

    def address(self, path: str) -> str:
        """The page with these filters."""
        on = {field.name: getattr(self, field.name) for field in fields(self) if getattr(self, field.name)}
        return f"{path}?{urlencode(on)}" if on else path

    def any(self) -> bool:
        """Whether anything is filtered."""
        # Not by comparing with an empty one: in a State this is a proxy, whose type cannot be called.
        return any(getattr(self, field.name) for field in fields(self))

    def count(self, *always_shown: str) -> int:
        """How many are on, besides those of the fields that are always on the page."""
        return sum(bool(getattr(self, field.name)) for field in fields(self) if field.name not in always_shown)

    def _chips(self, path: str, said: Mapping[str, str]) -> list[Chip]:
        """What is on in the words of `said`, each with the way to switch it off."""
        return [
            Chip(text, replace(self, **{name: ""}).address(path)) for name, text in said.items() if getattr(self, name)
        ]


def days_in_words(since: str, until: str) -> dict[str, str]:
    """What a first and a last day are called where they are filters."""
    return {
        name: f"{word} {words.day(date.fromisoformat(day))}" if day else ""
        for name, word, day in (("since", "Since", since), ("until", "Until", until))
    }


@dataclass(frozen=True)
class Filters(InAddress):
    """What is looked for in a ledger. Every value is text that was checked.

    `type` is one or more kinds with commas between them; `since` and `until` are days, both of them inclusive.
    """

    q: str = ""
    type: str = ""
    direction: str = ""
    min: str = ""
    max: str = ""
    since: str = ""
    until: str = ""
    status: str = ""

    @classmethod
    def of(cls, query: Mapping[str, object]) -> Filters:
        """The filters in an address; what cannot be understood is left out."""
        raw = {field.name: forms.text(query.get(field.name), 100) for field in fields(cls)}
        return cls(
            q=raw["q"],
            type=_types(query, raw["type"]),
            direction=raw["direction"] if raw["direction"] in DIRECTION_WORDS else "",
            min=amount_text(raw["min"]),
            max=amount_text(raw["max"]),
            since=day_text(raw["since"]),
            until=day_text(raw["until"]),
            status=raw["status"] if raw["status"] in STATUS_WORDS else "",
        )

    def kinds(self) -> list[str]:
        """The kinds of transaction that are looked for; none means every kind."""
        return self.type.split(",") if self.type else []

    def beside_the_books(self) -> bool:
        """Whether what is looked for is in no entry: set aside and not posted yet, or declined."""
        return self.status in ("pending", "declined")

    def is_period(self) -> bool:
        """Whether everything of some days is looked for, or everything: then opening and closing join the entries."""
        return replace(self, since="", until="") == Filters()

    def periods(self, path: str) -> list[Chip]:
        """The usual stretches of time, each with the address that looks at it and keeps the other filters."""
        today = clock.now().date()
        first = today.replace(day=1)
        last_of_before = first - timedelta(days=1)
        spans = (
            ("This month", first, None),
            ("Last month", last_of_before.replace(day=1), last_of_before),
            ("90 days", today - timedelta(days=90), None),
        )
        return [
            Chip(name, replace(self, since=str(since), until=str(until or "")).address(path))
            for name, since, until in spans
        ]

    def month_before(self, path: str) -> Chip | None:
        """The same with one more month, when it begins with a month."""
        if not self.since.endswith("-01") or self.since < "1000":
            return None
        before = (date.fromisoformat(self.since) - timedelta(days=1)).replace(day=1)
        return Chip(f"Show {words.month(before)} too", replace(self, since=str(before)).address(path))

    def to_history(self) -> HistoryFilter:
        """The same for the service; the last day counts to its end."""
        return HistoryFilter(
            types=tuple(TransactionType(kind) for kind in self.kinds()),
            direction=Direction(self.direction) if self.direction else None,
            min_amount=self.min or None,
            max_amount=self.max or None,
            from_=midnight(self.since),
            to=midnight(self.until, days=1),
            q=self.q or None,
            reversed={"reversed": True, "posted": False}.get(self.status),
        )

    def chips(self, path: str) -> list[Chip]:
        """What is on, each with the way to switch it off."""
        said = {
            "q": f"“{self.q}”",
            "type": ", ".join(TYPE_WORDS[kind] for kind in self.kinds()),
            "direction": DIRECTION_WORDS.get(self.direction, ""),
            "min": f"From {self.min}",
            "max": f"Up to {self.max}",
            **days_in_words(self.since, self.until),
            "status": STATUS_WORDS.get(self.status, ""),
        }
        return self._chips(path, said)


def _types(query: Mapping[str, object], text: str) -> str:
    """From an address as `transfer,deposit`, from a form as one box for each."""
    written = text.split(",")
    ticked = [kind for kind in TYPE_WORDS if query.get(f"type-{kind}") in (True, "on", kind)]
    return ",".join(kind for kind in TYPE_WORDS if kind in written or kind in ticked)


def amount_text(text: str) -> str:
    """An amount in API form; typed forms with grouping are understood."""
    typed = money.read_typed(text, "USD") if text else None
    return money.to_text(typed.minor, "USD") if typed and typed.minor is not None else ""


def day_text(text: str) -> str:
    """A day as an address has it, or nothing."""
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return ""


def midnight(text: str, *, days: int = 0) -> datetime | None:
    """The beginning of a day, or of one so many days later; None if there is none."""
    if not text:
        return None
    day = date.fromisoformat(text)
    # After the last day that a calendar can name there is none: it is no limit.
    return datetime.combine(day, time(), UTC) + timedelta(days=days) if day < date.max else None
