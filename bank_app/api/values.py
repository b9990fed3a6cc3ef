"""The forms of single values on the wire: amounts, account numbers, times. Shape only; rules are the services'."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, GetPydanticSchema, StrictInt, WithJsonSchema
from pydantic_core import PydanticCustomError, core_schema

from bank_app.api.requests import JsonNumber
from bank_app.domain import money
from bank_app.domain.identifiers import parse_account_number
from bank_app.domain.text import CODE_POINTS, length_problem, one_line
from bank_app.errors import BankError
from bank_app.services.accounts import MAX_NICKNAME
from bank_app.services.audit import MAX_REASON
from bank_app.services.movements import MAX_DESCRIPTION

MAX_METADATA_BYTES = 16_384
MAX_METADATA_DEPTH = 8
# Short enough that comparing it exactly costs nothing, small enough that it is no infinity.
_NUMBER = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,2})?", re.ASCII)
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,30}))?(Z|[+-]\d\d:\d\d)", re.ASCII | re.IGNORECASE)
# What arrives when nobody wrote %2B for the + of an offset.
_LOST_PLUS = re.compile(r"(.*) (\d\d:\d\d)", re.ASCII)
_KEPT_DIGITS = 6


def _refuse(code: str, message: str) -> PydanticCustomError:
    # The message goes in as a value: a template would read its braces.
    return PydanticCustomError(code, "{message}", {"message": message})


def _amount(*, zero_allowed: bool) -> Callable[[Any], money.Amount]:
    def read(value: Any) -> money.Amount:
        try:
            amount = money.Amount.of_number(value.text) if isinstance(value, JsonNumber) else money.Amount.of(value)
        except BankError as error:
            raise _refuse(error.code, error.detail) from None
        if amount.is_zero and not zero_allowed:
            raise _refuse("invalid_amount", "The amount must be more than zero.")
        return amount

    return read


def _read_by(read: Callable[[Any], Any]) -> GetPydanticSchema:
    """Read by a function alone: the class of what it returns is nothing that the document should describe."""
    return GetPydanticSchema(lambda _type, _handler: core_schema.no_info_plain_validator_function(read))


def _account_number(value: Any) -> int:
    if isinstance(value, (int, JsonNumber)) and not isinstance(value, bool):
        # A number has no leading zeros, and some programs round what has ten digits.
        raise _refuse("invalid_account_number", 'Send the account number as a string, such as "1234567889".')
    try:
        return parse_account_number(value)
    except BankError as error:
        raise _refuse(error.code, error.detail) from None


def _whole(value: Any) -> Any:
    # `3600.0` and `3.6e3` are integers of JSON Schema, which tells numbers by their value.
    if (
        isinstance(value, JsonNumber)
        and _NUMBER.fullmatch(value.text)
        and (number := Fraction(value.text)).denominator == 1
    ):
        return int(number)
    return value


def _currency(value: Any) -> str:
    try:
        return money.currency(value if isinstance(value, str) else "").code
    except ValueError:
        raise _refuse("invalid_currency", "Send the ISO 4217 code of a currency, such as USD.") from None


def _moment(*, rounded_up: bool) -> Callable[[Any], datetime]:
    """Times are kept to the microsecond. Rounded to where the comparison stays exact, finer digits lose nothing."""

    def read(value: Any) -> datetime:
        refusal = _refuse("invalid_time", "Write the time as RFC 3339 with its offset, such as 2026-11-20T09:30:00Z.")
        if not isinstance(value, str):
            raise refusal
        if (lost := _LOST_PLUS.fullmatch(value)) and _TIME.fullmatch(f"{lost[1]}+{lost[2]}"):
            message = f"In an address a + means a space: write the offset as %2B{lost[2]}, or the time in UTC with Z."
            raise _refuse("invalid_time", message)
        found = _TIME.fullmatch(value)
        if not found:
            raise refusal
        second, fraction, offset = found[1].upper(), found[2] or "", found[3].upper()
        kept, finer = fraction[:_KEPT_DIGITS].ljust(_KEPT_DIGITS, "0"), fraction[_KEPT_DIGITS:].strip("0")
        try:
            moment = datetime.fromisoformat(f"{second}.{kept}{offset}").astimezone(UTC)
            return moment + timedelta(microseconds=1) if finer and rounded_up else moment
        except (ValueError, OverflowError):
            raise refusal from None

    return read


def _amount_text(value: Any) -> str:
    return _amount(zero_allowed=True)(value).text


def _metadata(value: Any) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _refuse("invalid_metadata", "The metadata must be a JSON object.")
    plain: dict[str, Any] = _plain(value, MAX_METADATA_DEPTH)
    if len(json.dumps(plain, ensure_ascii=False).encode()) > MAX_METADATA_BYTES:
        raise _refuse("metadata_too_large", f"The metadata may take at most {MAX_METADATA_BYTES} bytes.")
    return plain


def _plain(value: Any, depth: int) -> Any:
    """Metadata as it will be kept and given back: nothing that a client put in comes back as something else."""
    if depth < 0:
        raise _refuse("metadata_too_deep", f"The metadata may be nested at most {MAX_METADATA_DEPTH} deep.")
    if isinstance(value, dict):
        return {name: _plain(inner, depth - 1) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner, depth - 1) for inner in value]
    if isinstance(value, JsonNumber):
        number = json.loads(value.text) if _NUMBER.fullmatch(value.text) else None
        if number is None or Fraction(json.dumps(number)) != Fraction(value.text):
            raise _refuse("inexact_number", "A number in the metadata has too many digits; send it as a string.")
        return number
    return value


_TEXT = {"type": "string", "pattern": r"^[0-9]{1,20}(\.[0-9]{1,10})?$"}


def _at_most(most: int, what: str) -> AfterValidator:
    """Characters as people count them; the document can only name code points, of which one may have several."""

    def read(value: str) -> str:
        if message := length_problem(one_line(value), most, what):
            raise _refuse("too_long", message)
        return value

    return AfterValidator(read)


_ACCOUNT = {
    "type": "string",
    "pattern": r"^[0-9](?:[ -]*[0-9]){9}$",
    "description": "An account number: ten digits; spaces and dashes are fine.",
    "examples": ["1234567889"],
}

AmountIn = Annotated[
    money.Amount,
    _read_by(_amount(zero_allowed=False)),
    WithJsonSchema(
        {
            "anyOf": [_TEXT, {"type": "number", "exclusiveMinimum": 0}],
            "description": "More than zero, with at most the decimals of the account's currency.",
            "examples": ["25.00"],
        }
    ),
]
AmountOrZeroIn = Annotated[
    money.Amount,
    _read_by(_amount(zero_allowed=True)),
    WithJsonSchema(
        {
            "anyOf": [_TEXT, {"type": "number", "minimum": 0}],
            "description": "Zero or more, with at most the decimals of the account's currency.",
            "examples": ["25.00"],
        }
    ),
]
AmountText = Annotated[str, BeforeValidator(_amount_text), WithJsonSchema(_TEXT)]
AccountNumber = Annotated[int, BeforeValidator(_account_number), WithJsonSchema(_ACCOUNT)]
WholeNumber = Annotated[StrictInt, BeforeValidator(_whole)]
CurrencyCode = Annotated[
    str,
    BeforeValidator(_currency),
    WithJsonSchema({"type": "string", "pattern": "^[A-Za-z]{3}$", "examples": ["USD"]}),
]
_TIME_SCHEMA = {"type": "string", "format": "date-time", "examples": ["2026-11-20T09:30:00Z"]}
# Where a period begins (this moment or later) or ends (before it): the next microsecond has the same entries after it.
Bound = Annotated[datetime, BeforeValidator(_moment(rounded_up=True)), WithJsonSchema(_TIME_SCHEMA)]
# Up to and with which something counts: the microsecond that has begun has the same entries up to it.
Moment = Annotated[datetime, BeforeValidator(_moment(rounded_up=False)), WithJsonSchema(_TIME_SCHEMA)]
Metadata = Annotated[
    Mapping[str, Any],
    BeforeValidator(_metadata),
    WithJsonSchema({"type": "object", "additionalProperties": True, "examples": [{"invoice": "2026-117"}]}),
]
DescriptionText = Annotated[
    str, Field(max_length=MAX_DESCRIPTION * CODE_POINTS), _at_most(MAX_DESCRIPTION, "the description")
]
NicknameText = Annotated[str, Field(max_length=MAX_NICKNAME * CODE_POINTS), _at_most(MAX_NICKNAME, "the name")]
ReasonText = Annotated[str, Field(max_length=MAX_REASON * CODE_POINTS), _at_most(MAX_REASON, "the reason")]
Money = Annotated[str, Field(description="Major units with exactly the currency's decimals.", examples=["75.00"])]
Time = Annotated[
    str,
    Field(
        description="RFC 3339 in UTC with microseconds.",
        examples=["2026-11-20T09:30:00.123456Z"],
        json_schema_extra={"format": "date-time"},
    ),
]
