"""How the pages write numbers, names and times. Times are UTC and the foot of every page says so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from bank_app import clock
from bank_app.domain import money
from bank_app.domain.accounting import Direction, TransactionType

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_LONG_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_LONG_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
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
    return f"{title} {ending(number)}"


def grouped(number: str) -> str:
    """An account number as people read it: `1234 5678 02`."""
    return f"{number[:4]} {number[4:8]} {number[8:]}"


def day(moment: date) -> str:
    """`20 Nov`, with the year when it is not this one."""
    words = f"{moment.day} {_MONTHS[moment.month - 1]}"
    return words if moment.year == clock.now().year else f"{words} {moment.year}"


def month(moment: date) -> str:
    """`September`, with the year when it is not this one."""
    name = _LONG_MONTHS[moment.month - 1]
    return name if moment.year == clock.now().year else f"{name} {moment.year}"


def day_heading(moment: datetime) -> str:
    """The heading of a day in a ledger: `Today, Fri 20 Nov`."""
    words = f"{_DAYS[moment.weekday()]} {day(moment)}"
    return f"Today, {words}" if moment.date() == clock.now().date() else words


def long_day(moment: date) -> str:
    """`Friday 20 November 2026`."""
    return f"{_LONG_DAYS[moment.weekday()]} {moment.day} {_LONG_MONTHS[moment.month - 1]} {moment.year}"


def time_of_day(moment: datetime, *, seconds: bool = False) -> str:
    """`14:03`, or `14:03:12`."""
    return moment.strftime("%H:%M:%S" if seconds else "%H:%M")


def when(moment: datetime) -> str:
    """`Today, 14:03`, or `Thu 19 Nov`."""
    if moment.date() == clock.now().date():
        return f"Today, {time_of_day(moment)}"
    return f"{_DAYS[moment.weekday()]} {day(moment)}"


def moment(at: datetime) -> str:
    """`Today, 14:03`, or `19 Nov, 14:03`."""
    return f"{'Today' if at.date() == clock.now().date() else day(at)}, {time_of_day(at)}"


def how_long(seconds: str) -> str:
    """A wait as people say it: `8 seconds`, `10 minutes`; `a moment` if it is not known."""
    if not (seconds.isascii() and seconds.isdigit()):
        return "a moment"
    whole = int(seconds[:6])
    return count(whole, "second") if whole < 100 else count(-(-whole // 60), "minute")


def full_moment(moment: datetime) -> str:
    """`20 Nov 2026, 14:21:12 UTC`."""
    return f"{moment.day} {_MONTHS[moment.month - 1]} {moment.year}, {time_of_day(moment, seconds=True)} UTC"


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
