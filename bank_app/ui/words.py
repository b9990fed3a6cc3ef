"""How the pages write numbers, names and times: dates as the reader prefers, by the tables of Babel.

Times are UTC, in 24 hours for everybody, and the foot of every page says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from functools import cache

from babel import Locale
from babel.dates import DateTimePattern, format_date, parse_pattern

from bank_app import clock
from bank_app.domain import money
from bank_app.domain.accounting import Direction, TransactionType
from bank_app.domain.text import isolated

# What people call the types of transactions.
TYPE_WORDS = {
    TransactionType.DEPOSIT.value: "Cash deposit",
    TransactionType.WITHDRAW.value: "Cash withdrawal",
    TransactionType.TRANSFER.value: "Transfer",
    TransactionType.REVERSAL.value: "Reversal",
}
NBSP = "\u00a0"


@dataclass(frozen=True)
class Figure:
    """A large amount: the decimals are drawn smaller than the rest."""

    whole: str = ""
    cents: str = ""


def figure(minor: int, code: str, *, signed: bool = False) -> Figure:
    """An amount in two parts."""
    text = money.display(minor, code, signed=signed)
    if money.are_hidden():
        return Figure(text)
    if not money.currency(code).digits:
        return Figure(text)
    whole, mark, cents = text.rpartition(money.decimal_mark())
    return Figure(whole, mark + cents)


def ending(number: str) -> str:
    """The last four digits of an account number, as in `••4821`."""
    return f"••{number[-4:]}"


def named(title: str, number: str) -> str:
    """An account as it is told from others: `Everyday ••4821`."""
    return f"{isolated(title)} {ending(number)}"


def grouped(number: str) -> str:
    """An account number as people read it: `1234 5678 02`."""
    return f"{number[:4]} {number[4:8]} {number[8:]}"


def day(moment: date) -> str:
    """`Nov 20`, or as the reader writes it; with the year when it is not this one."""
    return _written(moment, "MMMd" if moment.year == clock.now().year else "yMMMd")


def day_and_year(moment: date) -> str:
    """`Nov 20, 2026`, where the year belongs to it always."""
    return _written(moment, "yMMMd")


def month(moment: date) -> str:
    """`September`, with the year when it is not this one."""
    return _written(moment, "MMMM" if moment.year == clock.now().year else "yMMMM")


def month_and_year(moment: date) -> str:
    """`September 2026`, where the year belongs to it always."""
    return _written(moment, "yMMMM")


def weekday(moment: date) -> str:
    """`Fri, Nov 20`, with the year when it is not this one."""
    return _written(moment, "MMMEd" if moment.year == clock.now().year else "yMMMEd")


def day_heading(moment: datetime) -> str:
    """The heading of a day in a ledger: `Today, Fri, Nov 20`."""
    return f"Today, {weekday(moment)}" if moment.date() == clock.now().date() else weekday(moment)


def long_day(moment: date) -> str:
    """`Friday, November 20, 2026`."""
    return _written(moment, "yMMMMEEEEd")


def _written(moment: date, skeleton: str) -> str:
    """The parts of a date that `skeleton` names, in the order and the words of the reader's preference."""
    locale = money.written_as()
    return format_date(moment, _pattern(locale, skeleton), locale=locale)


@cache
def _pattern(locale: str, skeleton: str) -> DateTimePattern:
    known = Locale.parse(locale)
    if skeleton == "MMMM":
        return parse_pattern("LLLL")
    if skeleton == "yMMMMEEEEd":
        return known.date_formats["full"]
    return known.datetime_skeletons[skeleton]


def time_of_day(moment: datetime, *, seconds: bool = False) -> str:
    """`14:03`, or `14:03:12`."""
    return moment.strftime("%H:%M:%S" if seconds else "%H:%M")


def when(moment: datetime) -> str:
    """`Today, 14:03`, or `Thu, Nov 19`."""
    return f"Today, {time_of_day(moment)}" if moment.date() == clock.now().date() else weekday(moment)


def inside(when: str) -> str:
    """Such a moment inside a sentence: `today, 14:03`."""
    return when[0].lower() + when[1:] if when.startswith("Today") else when


def moment(at: datetime) -> str:
    """`Today, 14:03`, or `Nov 19, 14:03`."""
    return f"{'Today' if at.date() == clock.now().date() else day(at)}, {time_of_day(at)}"


def how_long(seconds: str) -> str:
    """A wait as people say it: `8 seconds`, `10 minutes`; `a moment` if it is not known."""
    if not (seconds.isascii() and seconds.isdigit()):
        return "a moment"
    whole = int(seconds[:6])
    return count(whole, "second") if whole < 100 else count(-(-whole // 60), "minute")


def full_moment(moment: datetime) -> str:
    """`Nov 20, 2026, 14:21:12 UTC`."""
    return f"{day_and_year(moment)}, {time_of_day(moment, seconds=True)} UTC"


def greeting() -> str:
    """Good morning, afternoon or evening, by the bank's clock."""
    hour = clock.now().hour
    return "Good morning" if 4 <= hour < 12 else "Good afternoon" if 12 <= hour < 18 else "Good evening"


def count(number: int, one: str, many: str = "") -> str:
    """`1 entry`, `1,284 entries`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def moved(kind: str, direction: str, *, own: bool = False) -> str:
    """Which way money went, in words."""
    if kind == TransactionType.REVERSAL:
        return "Reversal"
    if own:
        return "Between your accounts"
    return "Money in" if direction == Direction.CREDIT else "Money out"
