"""The filters of a ledger as they stand in the address, so that a filtered page can be shared and reloaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from bank_app import clock
from bank_app.domain import digits, money
from bank_app.domain.accounting import Direction, TransactionType
from bank_app.errors import Invalid, InvalidAmount
from bank_app.services.history import HistoryFilter
from bank_app.ui import forms, words
from bank_app.ui.messages import amount_problem, say

TYPE_WORDS = {
    TransactionType.TRANSFER.value: "Transfers",
    TransactionType.DEPOSIT.value: "Deposits",
    TransactionType.WITHDRAW.value: "Withdrawals",
    TransactionType.REVERSAL.value: "Reversals",
}
DIRECTION_WORDS = {Direction.CREDIT.value: "Money in", Direction.DEBIT.value: "Money out"}
CURRENCY_WORDS = {one.code: one.code for one in money.currencies()}
# Digits before the point, beyond which no currency has an amount.
_LONGEST = 16
# Pending and declined are not in the books; the pages read them from where they are.
STATUS_WORDS = {"posted": "Posted", "reversed": "Reversed", "pending": "Pending", "declined": "Declined"}


@dataclass(frozen=True)
class Chip:
    """One filter that is on: its words, and the address without it."""

    words: str
    without: str


class Asked:
    """Reads what an address or a form looks for. What cannot be understood is kept with a sentence about it.

    Args:
        query: what was sent.
        code: the currency that amounts are in where the query names none; "" if rows may be of any.
        typed: whether a person typed it, in the reader's own marks; an address has the form of the API.
    """

    def __init__(self, query: Mapping[str, object], *, code: str = "", typed: bool = False) -> None:
        """Reads nothing yet."""
        self._query, self._typed = query, typed
        self.problems: dict[str, str] = {}
        self.entered: dict[str, str] = {}
        self._code = code
        self._code = self.choice("currency", CURRENCY_WORDS) or code

    def text(self, name: str, most: int = 100) -> str:
        """A line of text."""
        found = self.entered[name] = forms.text(self._query.get(name), most + 1)
        return found if len(found) <= most else self.refuse(name, say("FILTER_LONG", most=most))

    def choice(self, name: str, known: Mapping[str, str]) -> str:
        """One of a few."""
        found = self.text(name)
        return found if not found or found in known else self.unknown(name)

    def day(self, name: str) -> str:
        """A day."""
        found = self.text(name)
        try:
            return date.fromisoformat(digits.plain(found)).isoformat() if found else ""
        except ValueError:
            return self.refuse(name, say("DATE_INVALID"))

    def amount(self, name: str) -> str:
        """An amount in API form; its field shows it as the reader writes it."""
        found = self.text(name)
        if not found:
            return ""
        wire, problem = _amount(found, self._code, typed=self._typed)
        if problem:
            return self.refuse(name, problem)
        minor = money.from_text(wire, self._code) if self._code else 0
        self.entered[name] = money.write(minor, self._code) if self._code else wire.replace(".", money.decimal_mark())
        return wire

    def unknown(self, name: str) -> str:
        """Notes that a value is none that this list knows."""
        return self.refuse(name, say("FILTER_UNKNOWN", what=name, value=self.entered[name]))

    def refuse(self, name: str, problem: str) -> str:
        """Notes what is wrong with a value; "" is what is used of it."""
        self.problems[name] = problem
        return ""

    def outcome(self) -> dict[str, Any]:
        """What filters keep of this beside their values."""
        return {"problems": self.problems, "entered": self.entered, "wrong": " ".join(self.problems.values())}


@dataclass(frozen=True)
class InAddress:
    """Something that is looked for on a page and stands in its address. An empty value is not a filter.

    `problems` has a sentence for each field that could not be understood, `wrong` all of them; then nothing is listed.
    `entered` is what stands in the fields.
    """

    problems: dict[str, str] = field(default_factory=dict, compare=False, kw_only=True)
    entered: dict[str, str] = field(default_factory=dict, compare=False, kw_only=True)
    wrong: str = field(default="", compare=False, kw_only=True)

    def _asked(self) -> dict[str, str]:
        """The values, and what could not be understood as it came."""
        names = [part.name for part in fields(self) if part.compare]
        return {name: self.entered[name] if name in self.problems else getattr(self, name) for name in names}

    def address(self, path: str) -> str:
        """The page with these filters."""
        on = {name: value for name, value in self._asked().items() if value}
        return f"{path}?{urlencode(on)}" if on else path

    def any(self) -> bool:
        """Whether anything is filtered."""
        # Not by comparing with an empty one: in a State this is a proxy, whose type cannot be called.
        return any(self._asked().values())

    def count(self, *always_shown: str) -> int:
        """How many are on, besides those of the fields that are always on the page."""
        return sum(bool(value) for name, value in self._asked().items() if name not in always_shown)

    def require(self) -> None:
        """Refuses what could not be understood.

        Raises:
            InvalidAmount, Invalid: with the sentences that the page shows at its fields.
        """
        if self.wrong:
            raise (InvalidAmount if self.problems.keys() <= {"min", "max"} else Invalid)(
                self.wrong,
                errors=[{"field": name, "code": "invalid", "message": said} for name, said in self.problems.items()],
            )

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
    currency: str = ""

    @classmethod
    def of(cls, query: Mapping[str, object], code: str = "", *, typed: bool = False) -> Filters:
        """The filters in an address or a form, as `Asked` reads them."""
        asked = Asked(query, code=code, typed=typed)
        return cls(
            q=asked.text("q"),
            type=_types(query, asked),
            direction=asked.choice("direction", DIRECTION_WORDS),
            min=asked.amount("min"),
            max=asked.amount("max"),
            since=asked.day("since"),
            until=asked.day("until"),
            status=asked.choice("status", STATUS_WORDS),
            currency=asked.choice("currency", CURRENCY_WORDS),
            **asked.outcome(),
        )

    def kinds(self) -> list[str]:
        """The kinds of transaction that are looked for; none means every kind."""
        return self.type.split(",") if self.type else []

    def beside_the_books(self) -> bool:
        """Whether what is looked for is in no entry: set aside and not posted yet, or declined."""
        return self.status in ("pending", "declined")

    def is_period(self) -> bool:
        """Whether everything of some days is looked for, or everything: then opening and closing join the entries."""
        return not self.wrong and replace(self, since="", until="") == Filters()

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
            currency=self.currency or None,
            reversed={"reversed": True, "posted": False}.get(self.status),
        )

    def chips(self, path: str) -> list[Chip]:
        """What is on, each with the way to switch it off."""
        said = {
            "q": f"“{self.q}”",
            "type": ", ".join(TYPE_WORDS[kind] for kind in self.kinds()),
            "direction": DIRECTION_WORDS.get(self.direction, ""),
            "min": f"From {self.entered.get('min', self.min)}",
            "max": f"Up to {self.entered.get('max', self.max)}",
            "currency": f"Only {self.currency}",
            **days_in_words(self.since, self.until),
            "status": STATUS_WORDS.get(self.status, ""),
        }
        return self._chips(path, said)


def _types(query: Mapping[str, object], asked: Asked) -> str:
    """From an address as `transfer,deposit`, from a form as one box for each."""
    written = [kind for kind in asked.text("type").split(",") if kind]
    if not TYPE_WORDS.keys() >= set(written):
        return asked.unknown("type")
    ticked = [kind for kind in TYPE_WORDS if query.get(f"type-{kind}") in (True, "on", kind)]
    return ",".join(kind for kind in TYPE_WORDS if kind in written or kind in ticked)


# For rows of any currency an amount is read as one of the first that can be meant: of two, three or four decimals.
_ANY = ("USD", "KWD", "CLF")


def _amount(text: str, code: str, *, typed: bool) -> tuple[str, str]:
    """An amount in API form, or the sentence about why it is none."""
    if not typed:
        try:
            amount = money.Amount.of(text)
        except InvalidAmount:
            pass  # Written into the address by hand, with marks of grouping for example.
        else:
            return _of_wire(amount, code)
    found = money.Typed(problem="AMOUNT_INVALID")
    for one in (code,) if code else _ANY:
        found = money.read_typed(text, one, zero_allowed=True)
        if found.minor is not None:
            return (money.to_text(found.minor, one), "")
    if code:
        return "", amount_problem(found.problem or "", code, found.suggestion_minor)
    return "", say("FILTER_AMOUNT")


def _of_wire(amount: money.Amount, code: str) -> tuple[str, str]:
    if code:
        try:
            return money.to_text(amount.minor(code, zero_allowed=True), code), ""
        except InvalidAmount:
            many = len(amount.text.partition(".")[2]) > money.currency(code).digits
            return "", amount_problem("AMOUNT_DECIMALS" if many else "AMOUNT_TOO_LARGE", code)
    whole, _, fraction = amount.text.partition(".")
    if len(fraction) > max(money.codes_by_digits()) or len(whole) > _LONGEST:
        return "", say("FILTER_AMOUNT")
    return f"{whole}.{fraction.ljust(2, '0')}", ""


def midnight(text: str, *, days: int = 0) -> datetime | None:
    """The beginning of a day, or of one so many days later; None if there is none."""
    if not text:
        return None
    day = date.fromisoformat(text)
    # After the last day that a calendar can name there is none: it is no limit.
    return datetime.combine(day, time(), UTC) + timedelta(days=days) if day < date.max else None
