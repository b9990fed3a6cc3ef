"""Money in whole minor units: currencies, parsing, formatting. The only module that knows `Decimal`."""

from __future__ import annotations

import re
from contextvars import ContextVar
from dataclasses import dataclass
from decimal import Decimal
from functools import cache

import iso4217
from babel import Locale
from babel.numbers import format_decimal, get_currency_name, get_currency_symbol

from bank_app.domain import digits
from bank_app.errors import InvalidAmount

# Sums of up to 9,000 postings of this size still fit a signed BIGINT; one posting may not be larger.
MAX_MINOR = 10**15
# How many digits stand between two grouping marks; as many decimals can be taken for thousands.
GROUP = 3
MINUS = "−"  # The typographic minus sign: as wide as a digit, and read as "minus" by screen readers.
NBSP = "\u00a0"
HIDDEN = "•••••"
_hidden: ContextVar[bool] = ContextVar("amounts are hidden", default=False)
_written_as: ContextVar[str] = ContextVar("amounts are written as in", default="en_US")
_DOLLARS = re.compile(r"[−+]?\$[0-9][0-9,]*(\.[0-9]+)?", re.ASCII)
_LAKHS = "#,##,##0"
_WIRE_MARKS = frozenset("0123456789.")
# Bounded before it is written out: an exponent is short to send and long to read.
_NUMBER = re.compile(r"[0-9]{1,60}(\.[0-9]{1,60})?([eE][+-]?[0-9]{1,2})?", re.ASCII)
_MOST_WHOLE, _MOST_DECIMALS = 20, 10
_WIRE = re.compile(rf"[0-9]{{1,{_MOST_WHOLE}}}(\.[0-9]{{1,{_MOST_DECIMALS}}})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Currency:
    """An ISO 4217 currency: `digits` is the number of decimals of its minor unit."""

    code: str
    digits: int
    name: str
    symbol: str

    @property
    def unit(self) -> int:
        """How many minor units make one major unit."""
        return int(10**self.digits)


@cache
def currency(code: str) -> Currency:
    """The currency of an ISO 4217 code, in any case.

    Raises:
        ValueError: not a currency that accounts can be kept in (unknown, or gold and test codes without minor unit).
    """
    try:
        found = iso4217.Currency(code.upper())
    except ValueError:
        raise ValueError(f"{code!r} is not an ISO 4217 currency code") from None
    if found.exponent is None:
        raise ValueError(f"{found.code} has no minor unit and cannot be the currency of an account")
    return Currency(
        code=found.code,
        digits=found.exponent,
        name=get_currency_name(found.code, count=2, locale="en_US"),
        symbol=get_currency_symbol(found.code, locale="en_US"),
    )


@cache
def currencies() -> tuple[Currency, ...]:
    """Lists every currency that accounts can be kept in, in the order of their codes."""
    found = (entry.code for entry in iso4217.Currency if entry.exponent is not None)
    return tuple(currency(code) for code in sorted(found))


@cache
def codes_by_digits() -> dict[int, tuple[str, ...]]:
    """Every currency that accounts can be kept in, by the number of its decimals."""
    found: dict[int, list[str]] = {}
    for one in currencies():
        found.setdefault(one.digits, []).append(one.code)
    return {digits: tuple(codes) for digits, codes in sorted(found.items())}


@dataclass(frozen=True, slots=True)
class Amount:
    """A positive decimal number as somebody sent it, not yet tied to a currency.

    The currency is only known once the account is, and the shape of a request is checked before that.
    """

    text: str

    @classmethod
    def of(cls, value: object) -> Amount:
        """Reads a decimal string, or a number that is one exactly.

        A float is taken by its shortest decimal form, which is what the client wrote (`12.34`), never by its
        binary value.

        Raises:
            InvalidAmount: no plain decimal (sign, grouping, NaN, another type; in a string an exponent).
        """
        if isinstance(value, bool) or not isinstance(value, (str, int, float, Decimal)):
            raise InvalidAmount('The amount must be a decimal string such as "12.34".')
        if isinstance(value, int) and abs(value) > MAX_MINOR * 1000:
            # Before str(): Python refuses to write out a number of more than 4300 digits.
            raise InvalidAmount("The amount is more than this bank can record.")
        if not isinstance(value, str):
            # A float has a zero below zero, which is no less than the other.
            return cls.of_number(str(value or 0))
        if not _WIRE.fullmatch(value):
            odd = next((mark for mark in value if mark not in _WIRE_MARKS), None)
            named = f" It has {digits.named(odd)} in it." if odd else ""
            raise InvalidAmount(f'The amount must be a plain positive decimal number such as "12.34".{named}')
        return cls(value)

    @classmethod
    def of_number(cls, text: str) -> Amount:
        """Reads a JSON number by what it was written as: `12.5`, `12.50` and `1.25E+1` are the same one.

        Raises:
            InvalidAmount: below zero, or with more digits than any amount has.
        """
        if not _NUMBER.fullmatch(text):
            raise InvalidAmount('The amount must be a plain positive decimal number such as "12.34".')
        plain = f"{Decimal(text):f}"
        plain = plain.rstrip("0").rstrip(".") if "." in plain else plain
        whole, _, rest = plain.partition(".")
        if len(rest) > _MOST_DECIMALS:
            # What 0.1 + 0.2 is in floating point, and no mistake in how it is written.
            raise InvalidAmount("The amount has more decimals than any currency.")
        if len(whole) > _MOST_WHOLE:
            raise InvalidAmount("The amount is more than this bank can record.")
        return cls.of(plain)

    @property
    def is_zero(self) -> bool:
        """Whether it says 0 in any number of decimals."""
        return not Decimal(self.text)

    def minor(self, code: str, *, zero_allowed: bool = False) -> int:
        """Whole minor units of the currency `code`.

        Raises:
            InvalidAmount: zero, more decimals than the currency has, or more than 10^15 minor units.
        """
        kind = currency(code)
        if len(self.text.partition(".")[2]) > kind.digits:
            raise InvalidAmount(f"{kind.code} has {decimals(kind)}; the amount has more.", currency=kind.code)
        value = int(Decimal(self.text).scaleb(kind.digits))
        if value == 0 and not zero_allowed:
            raise InvalidAmount("The amount must be more than zero.", currency=kind.code)
        if value > MAX_MINOR:
            raise InvalidAmount(
                f"The amount must be at most {to_text(MAX_MINOR, kind.code)} {kind.code}.", currency=kind.code
            )
        return value


def decimals(kind: Currency) -> str:
    """How many decimals a currency has, in words: `no decimals`, `2 decimals`."""
    return f"{kind.digits} decimals" if kind.digits else "no decimals"


def parse(value: object, code: str) -> int:
    """Minor units of an amount on the wire: shape and currency at once.

    Raises:
        InvalidAmount: as `Amount.of` and `Amount.minor`.
    """
    return Amount.of(value).minor(code)


def to_text(minor: int, code: str) -> str:
    """An amount on the wire: `1240.00`, `-0.05`, `500` for a currency without minor unit."""
    kind = currency(code)
    major, rest = divmod(abs(minor), kind.unit)
    sign = "-" if minor < 0 else ""
    return f"{sign}{major}.{rest:0{kind.digits}d}" if kind.digits else f"{sign}{major}"


def from_text(text: str, code: str) -> int:
    """The minor units of what `to_text` wrote, of either sign and however large."""
    major, _, rest = text.removeprefix("-").partition(".")
    minor = int(major) * currency(code).unit + int(rest.ljust(currency(code).digits, "0") or "0")
    return -minor if text.startswith("-") else minor


def hide(hidden: bool) -> None:  # noqa: FBT001 - a switch
    """Whether `display` hides amounts from here on, in this task and in the threads that it starts."""
    _hidden.set(hidden)


def are_hidden() -> bool:
    """Whether whoever reads what is written now wants no digit of an amount in it."""
    return _hidden.get()


def without_amounts(text: str) -> str:
    """A sentence of the laboratory, which writes amounts down in dollars, with dots in their place."""
    return _DOLLARS.sub(f"${HIDDEN}", text)


def veil(text: str) -> str:
    """The same while amounts are hidden."""
    return without_amounts(text) if _hidden.get() else text


def write_as(locale: str) -> None:
    """How `display` writes amounts from here on, in this task and in the threads that it starts: as in `de-DE`."""
    _written_as.set(locale.replace("-", "_"))


def written_as() -> str:
    """The locale that amounts are written in, as Babel names it; dates follow it."""
    return _written_as.get()


@dataclass(frozen=True, slots=True)
class _Style:
    """How amounts of a currency are written somewhere: its symbol before or behind, and the two marks."""

    before: str
    behind: str
    decimal: str
    group: str
    pattern: str


@cache
def _style(locale: str, code: str) -> _Style:
    kind = currency(code)
    if locale == "en_US":
        return _Style(kind.symbol + (NBSP if kind.symbol[-1].isalpha() else ""), "", ".", ",", "#,##0")
    known = Locale.parse(locale)
    standard = known.currency_formats["standard"]
    symbol = get_currency_symbol(code, locale=locale)
    before = standard.prefix[0].replace("\u00a4", symbol)
    behind = standard.suffix[0].replace("\u00a4", symbol)
    marks = known.number_symbols["latn"]
    return _Style(
        before=before + (NBSP if before and before[-1].isalpha() else ""),
        behind=behind,
        decimal=marks.get("currencyDecimal", marks["decimal"]),
        group=marks.get("currencyGroup", marks["group"]),
        pattern=_LAKHS if standard.grouping == (3, 2) else "#,##0",
    )


def decimal_mark() -> str:
    """What begins the decimals where amounts are written as now."""
    return _style(_written_as.get(), "USD").decimal


def display(minor: int, code: str, *, signed: bool = False) -> str:
    """An amount for people: `$1,240.00`, `−$25.00`, and `+$25.00` when `signed`; `$•••••` while amounts are hidden.

    The minus is U+2212. A currency whose symbol is its code (`CHF`) has a no-break space after it. The marks and the
    place of the symbol are those of `write_as`.
    """
    kind, style = currency(code), _style(_written_as.get(), currency(code).code)
    if _hidden.get():
        return f"{style.before}{HIDDEN}{style.behind}"
    whole = format_decimal(abs(minor) // kind.unit, locale="en_US", format=style.pattern).replace(",", style.group)
    rest = f"{style.decimal}{abs(minor) % kind.unit:0{kind.digits}d}" if kind.digits else ""
    sign = MINUS if minor < 0 else "+" if signed and minor > 0 else ""
    return f"{sign}{style.before}{whole}{rest}{style.behind}"


def short(minor: int, code: str) -> str:
    """An amount as short as the axis of a chart needs it: `$8k`, `$1.5k`, `$212`, `$0.50`."""
    kind, style = currency(code), _style(_written_as.get(), currency(code).code)
    if _hidden.get():
        return display(minor, code)
    for size, letter in ((1_000_000, "m"), (1_000, "k")):
        tenth = kind.unit * size // 10
        if abs(minor) >= tenth * 10 and minor % tenth == 0:
            whole, rest = divmod(abs(minor) // tenth, 10)
            tenths = f"{style.decimal}{rest}" if rest else ""
            return f"{MINUS if minor < 0 else ''}{style.before}{whole}{tenths}{letter}{style.behind}"
    shown = display(minor, code)
    return shown.replace(f"{style.decimal}{'0' * kind.digits}", "") if kind.digits and minor % kind.unit == 0 else shown


# --- what stands in a field -------------------------------------------------------------------------------


def write(minor: int, code: str) -> str:
    """An amount of zero or more as text for a field, which `read_typed` reads as the same amount: `1234,50` in German.

    With the decimal mark of `write_as`, all decimals of the currency, no grouping and no symbol. It is not hidden: what
    stands in a field is what is sent.
    """
    kind = currency(code)
    whole, rest = divmod(minor, kind.unit)
    return f"{whole}{_style(_written_as.get(), code).decimal}{rest:0{kind.digits}d}" if kind.digits else str(whole)


@dataclass(frozen=True, slots=True)
class Typed:
    """What a person's typing came to: minor units, or a problem, perhaps with a suggestion."""

    minor: int | None = None
    problem: str | None = None
    suggestion_minor: int | None = None


_INVALID = Typed(problem="AMOUNT_INVALID")
_SPACES = str.maketrans("", "", " '")
_ARABIC_POINT = "٫"


def read_typed(text: str, code: str, *, locale: str | None = None, zero_allowed: bool = False) -> Typed:
    """Reads an amount of the currency `code` that a person typed or pasted, and asks rather than guesses.

    `locale` is the one whose marks were used, where that is not the one of `write_as`. Digits of every script, spaces,
    dashes and full-width signs are read, and what nobody sees is passed over.

    Spaces and apostrophes always group. Where both `.` and `,` appear the last one is the decimal mark. A single one
    before other than three digits is a decimal mark. Before three digits

    - the reader's decimal mark begins the decimals of a currency that has three or more, as `write` writes them;
    - the reader's grouping mark groups thousands in a currency that has fewer;
    - everything else can be meant both ways, a thousand times apart: the answer is a problem with the larger amount
      as a suggestion, never a silent choice.

    Returns problems `AMOUNT_REQUIRED`, `AMOUNT_INVALID`, `AMOUNT_POSITIVE`, `AMOUNT_DECIMALS`,
    `AMOUNT_AMBIGUOUS`, `AMOUNT_TOO_LARGE`. Never raises for what was typed.
    """
    kind = currency(code)
    style = _style((locale or _written_as.get()).replace("-", "_"), kind.code)
    raw = digits.plain(text)
    if not raw:
        return Typed(problem="AMOUNT_REQUIRED")
    for mark in (style.before, style.behind, kind.symbol, kind.code, kind.code.lower()):
        sign = digits.plain(mark)
        raw = raw.removeprefix(sign).removesuffix(sign).strip()
    if raw.startswith(("-", "(")):
        inner = raw.lstrip("-(").rstrip(")")
        return Typed(problem="AMOUNT_POSITIVE" if re.fullmatch(r"[0-9.,\s]+", inner, re.ASCII) else "AMOUNT_INVALID")
    # Prices without cents are written as `25.–` and `25,-`.
    raw = re.sub(r"(?<=[0-9])[.,]-{1,2}$", "", raw)
    if len(raw) > 40 or not re.fullmatch(rf"[0-9.,{_ARABIC_POINT}' ]+", raw, re.ASCII):
        return _INVALID
    written = raw.translate(_SPACES)
    found = _resolve_arabic(written, kind) if _ARABIC_POINT in raw else _resolve_marks(written, kind, style)
    return Typed(minor=0) if zero_allowed and found == _ZERO else found


_ZERO = Typed(problem="AMOUNT_POSITIVE")


def rewritten(text: str, code: str, *, locale: str) -> str:
    """A text that was typed with the marks of `locale`, for a field whose reader has those of `write_as`.

    What was understood is written anew. What was not stays, unless it would be understood now: then it is left out.
    """
    then, now = read_typed(text, code, locale=locale), read_typed(text, code)
    if then.minor is not None:
        return text if now == then else write(then.minor, code)
    return text if now.minor is None else ""


def _resolve_arabic(written: str, kind: Currency) -> Typed:
    """With a mark that begins decimals and nothing else."""
    whole, _, fraction = written.partition(_ARABIC_POINT)
    return _in_range(whole, fraction, kind) if (whole + fraction).isdigit() and fraction else _INVALID


def _resolve_marks(written: str, kind: Currency, style: _Style) -> Typed:
    """Decides which mark groups and which one starts the decimals."""
    marks = [character for character in written if character in ".,"]
    if not marks:
        return _in_range(written, "", kind)
    head, last, tail = written.rpartition(marks[-1])
    if marks.count(last) > 1 and len(set(marks)) == 1:
        return _in_range(written.replace(last, ""), "", kind) if _well_grouped(written, last, style) else _INVALID
    other = {".": ",", ",": "."}[last]
    if last in head or not tail or (other in head and not _well_grouped(head, other, style)):
        return _INVALID
    decimals_fit = last == style.decimal and kind.digits >= GROUP
    thousands = _well_grouped(written, last, style)
    if len(marks) > 1 or len(tail) != 3 or decimals_fit or (last != style.group and not thousands):
        return _in_range(head.replace(other, ""), tail, kind)
    grouped = _in_range(head + tail, "", kind) if thousands else _INVALID
    if not grouped.minor or (last == style.group and kind.digits < GROUP):
        return grouped
    return Typed(problem="AMOUNT_AMBIGUOUS", suggestion_minor=grouped.minor)


def _well_grouped(text: str, mark: str, style: _Style) -> bool:
    """Whether `mark` stands before groups of three digits only, as nobody writes `0,500` or `1234,567`.

    Where it is usual, groups before the last three may be of two: `12,34,567`.
    """
    first, *rest = text.split(mark)
    if not 1 <= len(first) <= 3 or (rest and first.startswith("0")):
        return False
    if all(len(part) == 3 for part in rest):
        return True
    indian = style.pattern == _LAKHS and mark == style.group and len(first) < 3
    return indian and len(rest[-1]) == 3 and all(len(part) == 2 for part in rest[:-1])


def _in_range(whole: str, fraction: str, kind: Currency) -> Typed:
    """The minor units of separated digits, or why they cannot be taken."""
    if len(fraction) > kind.digits:
        return Typed(problem="AMOUNT_DECIMALS")
    minor = int(whole or "0") * kind.unit + int((fraction or "0").ljust(kind.digits, "0") if kind.digits else "0")
    if minor == 0:
        return _ZERO
    if minor > MAX_MINOR:
        return Typed(problem="AMOUNT_TOO_LARGE")
    return Typed(minor=minor)
