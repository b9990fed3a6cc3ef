"""Filters by amount: in major units of each row's own currency, or of the one currency that is looked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from sqlalchemy import case

from bank_app.domain import money
from bank_app.errors import InvalidAmount


class AmountFilter(Protocol):
    """What to keep: amounts in major units as text, and only one currency; None of each is every one."""

    @property
    def min_amount(self) -> str | None:
        """This much or more."""

    @property
    def max_amount(self) -> str | None:
        """This much or less."""

    @property
    def currency(self) -> str | None:
        """Only this currency."""


def conditions(filters: AmountFilter, amount: Any, currency: Any, *, code: str | None = None) -> Iterator[Any]:
    """The conditions on columns with an amount in minor units and its currency; `code` is that of all rows, if known.

    Raises:
        InvalidAmount: no plain decimal, or more decimals than the currency, or any currency, has.
    """
    only = filters.currency or code
    if filters.currency:
        yield currency == filters.currency
    if filters.min_amount is not None:
        yield amount >= _minor(filters.min_amount, only, currency, least=True)
    if filters.max_amount is not None:
        yield amount <= _minor(filters.max_amount, only, currency, least=False)


def check(filters: AmountFilter) -> None:
    """Makes sure that the amounts of a filter can be meant, whatever there is to compare with.

    Raises:
        InvalidAmount: as `conditions`.
    """
    for text in (filters.min_amount, filters.max_amount):
        if text is not None:
            _read(text, filters.currency)


def lets_through(filters: AmountFilter, amount_minor: int, code: str) -> bool:
    """Whether one amount is looked for.

    Raises:
        InvalidAmount: as `conditions`.
    """
    if filters.currency and filters.currency != code:
        return False
    least, most = filters.min_amount, filters.max_amount
    if least is not None and amount_minor < _bound(_read(least, filters.currency), _digits(code), least=True):
        return False
    return most is None or amount_minor <= _bound(_read(most, filters.currency), _digits(code), least=False)


def _digits(code: str) -> int:
    return money.currency(code).digits


def _read(text: str, code: str | None) -> str:
    amount = money.Amount.of(text)
    if code:
        amount.minor(code, zero_allowed=True)
    elif len(amount.text.partition(".")[2]) > max(money.codes_by_digits()):
        raise InvalidAmount(f"No currency has more than {max(money.codes_by_digits())} decimals; the amount has more.")
    return amount.text


def _minor(text: str, only: str | None, currency: Any, *, least: bool) -> Any:
    amount = _read(text, only)
    if only:
        return _bound(amount, _digits(only), least=least)
    by_digits = money.codes_by_digits()
    rare = [
        (currency.in_(codes), _bound(amount, digits, least=least)) for digits, codes in by_digits.items() if digits != 2
    ]
    return case(*rare, else_=_bound(amount, 2, least=least))


def _bound(amount: str, digits: int, *, least: bool) -> int:
    """The smallest or the largest number of minor units that the amount lets through; what nobody has is cut off."""
    whole, _, fraction = amount.partition(".")
    places = max(len(fraction) - digits, 0)
    minor, divisor = int(whole + fraction.ljust(digits, "0")), int(10**places)
    rounded = -(-minor // divisor) if least else minor // divisor
    return min(rounded, money.MAX_MINOR + 1)
