"""Numbers and names of things: account numbers with check digits, UUIDv7, references, request fingerprints."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import struct
import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from stdnum.iso7064 import mod_97_10

from bank_app import clock
from bank_app.domain import digits
from bank_app.errors import InvalidAccountNumber

# Customers' numbers begin with 1 to 9. Those that begin with 0 are the bank's own accounts.
_LONGEST_NUMBER, _LONGEST_READ = 20, 200
_DIGITS = frozenset("0123456789")
_FIRST_CUSTOMER, _LAST_CUSTOMER = 10_000_000, 99_999_999
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
_EPOCH, _MILLISECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(milliseconds=1)
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
# Ids of this process, each after the last, in 4096ths of a millisecond.
_making, _newest = threading.Lock(), [0]
# Random numbers fetched ahead: a system call for each id gives the interpreter away in the middle of a request.
_ahead: list[int] = []
_FETCHED_AT_ONCE = 512
# A copy of this process must not go on with the same numbers.
os.register_at_fork(after_in_child=_ahead.clear)


def new_id() -> UUID:
    """A UUIDv7 (RFC 9562): time-ordered, so rows are inserted at the end of their index.

    The twelve bits after the millisecond are its 4096ths (method 3 of section 6.2). With whole milliseconds, a thousand
    ids made at once would lie up to a second ahead, and what other processes do in that second would look older.
    """
    with _making:
        _newest[0] = tick = max(clock.nanoseconds() * 4096 // 1_000_000, _newest[0] + 1)
        if not _ahead:
            _ahead.extend(struct.unpack(f"{_FETCHED_AT_ONCE}Q", os.urandom(8 * _FETCHED_AT_ONCE)))
        bits = _ahead.pop() >> 2
    return UUID(int=tick >> 12 << 80 | 7 << 76 | (tick & 0xFFF) << 64 | 2 << 62 | bits)


def earliest_id(moment: datetime) -> UUID:
    """The smallest id that can have been made in this millisecond: what is newer is a stretch of a primary key."""
    return UUID(int=(moment - _EPOCH) // _MILLISECOND << 80 | 7 << 76)


def made_at(identifier: UUID) -> datetime:
    """When an id was made, to the millisecond."""
    return _EPOCH + (identifier.int >> 80) * _MILLISECOND


def reference(identifier: UUID) -> str:
    """A short form for people to read out, `7QK2-M9RT`: the last 40 bits, which are random, in Crockford base 32."""
    bits = identifier.int & ((1 << 40) - 1)
    letters = "".join(_CROCKFORD[(bits >> shift) & 31] for shift in range(35, -5, -5))
    return f"{letters[:4]}-{letters[4:]}"


def with_check_digits(payload: int) -> int:
    """The ten-digit number of an eight-digit payload (ISO 7064 MOD 97-10)."""
    leading = f"{payload:08d}"
    return int(leading + mod_97_10.calc_check_digits(leading))


def new_account_number() -> int:
    """A random customer account number; the primary key decides whether it is free."""
    return with_check_digits(_FIRST_CUSTOMER + secrets.randbelow(_LAST_CUSTOMER - _FIRST_CUSTOMER + 1))


def internal_account_number(kind_digit: int, currency_code: str, stripe: int) -> int:
    """The number of one of the bank's own accounts: `0`, kind, currency in base 26, stripe in 0..9.

    A number that follows from what the account is for needs no look-up and cannot be allocated twice.
    """
    alphabetic = 0
    for letter in currency_code:
        alphabetic = alphabetic * 26 + (ord(letter) - ord("A"))
    return with_check_digits(kind_digit * 1_000_000 + alphabetic * 10 + stripe)


def parse_account_number(text: object) -> int:
    """An account number as typed or pasted: ten digits of any script; spaces, dashes and what nobody sees are ignored.

    Raises:
        InvalidAccountNumber: not ten digits, or the check digits do not fit; `details["problem"]` is `length`, with the
            `count` of digits, `character`, with the first one that does not belong there, or `check_digits`.
    """
    # The same accounts are named again and again, and checking the digits takes longer than anything else about them.
    return _read_number(text) if isinstance(text, str) and len(text) <= _LONGEST_NUMBER else _number(text)


def _number(text: object) -> int:
    written = bare_number(text) if isinstance(text, str) and len(text) <= _LONGEST_READ else ""
    odd = next((character for character in written if character not in _DIGITS), None)
    if odd:
        raise InvalidAccountNumber(
            f"Account numbers have 10 digits; this has {digits.named(odd)} in it.", problem="character", character=odd
        )
    if len(written) != 10:
        raise InvalidAccountNumber(
            f"Account numbers have 10 digits; this has {len(written)}.", problem="length", count=len(written)
        )
    if not mod_97_10.is_valid(written):
        raise InvalidAccountNumber(
            "That number has a typo: its last two digits don't fit the rest.", problem="check_digits"
        )
    return int(written)


def bare_number(text: str) -> str:
    """What was typed as a number or a part of one, without the spaces and dashes that group it."""
    return digits.plain(text).replace(" ", "").replace("-", "")


_read_number = lru_cache(maxsize=20_000)(_number)


def account_number_text(number: int) -> str:
    """The ten digits, leading zeros included."""
    return f"{number:010d}"


def grouped(number: int) -> str:
    """The ten digits as people read them: `1234 5678 89`."""
    text = account_number_text(number)
    return f"{text[:4]} {text[4:8]} {text[8:]}"


def fingerprint(operation: str, request: Mapping[str, Any]) -> bytes:
    """SHA-256 of what was asked, so that a re-used idempotency key with another request is noticed.

    Canonical JSON: keys sorted, no white space, text in NFC as sent. `operation` is the route or action.
    """
    return hashlib.sha256(_CANONICAL.encode([operation, request]).encode()).digest()


def reference_bits(text: str) -> bytes | None:
    """The last five bytes of the identifier that `reference` shortened, or None if `text` is no reference."""
    letters = bare_number(text).upper()
    if len(letters) != 8 or any(letter not in _CROCKFORD for letter in letters):
        return None
    value = 0
    for letter in letters:
        value = value << 5 | _CROCKFORD.index(letter)
    return value.to_bytes(5, "big")
