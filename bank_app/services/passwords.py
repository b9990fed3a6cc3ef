"""Passwords: which are good enough, and how they are kept and compared.

A password is what RFC 8265 calls an OpaqueString: letters that can be typed as one character or as several are one and
the same (NFC), and every kind of space is a space. Case, width and all else count as they are typed.
"""

from __future__ import annotations

import base64
import bisect
import hashlib
import re
import secrets
import threading
import unicodedata
from functools import cache
from pathlib import Path

import argon2
from argon2.low_level import ARGON2_VERSION
from zxcvbn import zxcvbn

from bank_app import errors
from bank_app.services.hashing import desk

_hasher = argon2.PasswordHasher()  # argon2id with the library's current parameters; old hashes are renewed at sign-in.
_LONGEST_TRIED = 1024
_LEAST_SCORE, _LEAST_OF_ONES_OWN, _PREFIX = 3, 6, 4
_WORD = re.compile(r"[^\W\d_]{3,}")
_OF_ANY_BANK = frozenset(
    ("account", "admin", "administrator", "auditor", "bank", "banking", "customer", "login", "money", "passphrase",
     "password", "payment", "secret", "teller", "welcome")
)  # fmt: skip
# The library keeps the words of the one whom it judges for in a place that all threads share.
_judging = threading.Lock()


def prepared(password: str) -> str:
    """A password as it is kept and compared, however the keyboard spelt its letters."""
    if password.isascii():
        return password
    spaced = "".join(" " if unicodedata.category(letter) == "Zs" else letter for letter in password)
    return unicodedata.normalize("NFC", spaced)


def problem(password: str, email: str, *, name: str = "", bank: str = "") -> dict[str, str] | None:
    """What is wrong with a password that somebody wants to have, as an entry of `errors`; None if nothing is.

    One rule for every entrance. `name` is the person's and `bank` the bank's: whoever guesses begins with those.
    """
    password = prepared(password)
    if not _can_be_kept(password):
        return {"code": "PASSWORD_INVALID", "message": "This password has half a character in it. Type it again."}
    if len(password) < 12:
        return {"code": "PASSWORD_SHORT", "message": "Use at least 12 characters. A few words work well."}
    if len(password) > 128:
        return {"code": "PASSWORD_LONG", "message": "Use at most 128 characters."}
    return _guessed_first(password, _words_of(email, name, bank))


def _guessed_first(password: str, words: tuple[str, ...]) -> dict[str, str] | None:
    folded = password.casefold()
    bare = folded.strip("0123456789 .,;:!?#*-_")
    if not bare or _is_common(folded) or _is_common(bare):
        return {
            "code": "PASSWORD_COMMON",
            "message": "This password is one of the first that people try. Choose another.",
        }
    if _is_made_of(words, folded):
        return {
            "code": "PASSWORD_COMMON",
            "message": "This password is made of your name, your email or the bank's. Choose another.",
        }
    with _judging:
        # Three of four: not within a hundred million guesses by somebody who knows these words.
        easy = zxcvbn(password[:72], words)["score"] < _LEAST_SCORE
    if easy:
        return {"code": "PASSWORD_COMMON", "message": "This password is too easy to guess. Add a word or two."}
    return None


def require_good(password: str, email: str, *, name: str = "", bank: str = "") -> None:
    """Refuses a password that is not good enough.

    Raises:
        Invalid: `details["errors"]` says what is wrong with it.
    """
    if found := problem(password, email, name=name, bank=bank):
        raise errors.Invalid(found["message"], errors=[{"field": "password", **found}])


def _words_of(*texts: str) -> tuple[str, ...]:
    """The words in these texts, the longest first, and those that belong to any bank."""
    found = {word for text in texts for word in _WORD.findall(unicodedata.normalize("NFC", text).casefold())}
    return tuple(sorted(found | _OF_ANY_BANK, key=lambda word: (-len(word), word)))


def _is_made_of(words: tuple[str, ...], folded: str) -> bool:
    """Whether fewer than six letters are left of a password once these words are taken out of it."""
    left = folded
    for word in words:
        left = left.replace(word, " ")
    return left != folded and sum(letter.isalpha() for letter in left) < _LEAST_OF_ONES_OWN


def _is_common(text: str) -> bool:
    """Whether it is among those of `common_passwords.bin`: sorted beginnings of digests, four bytes each.

    One of ten thousand others is taken for one of them, and has to be another.
    """
    wanted = hashlib.sha256(text.encode()).digest()[:_PREFIX]
    known = _common()
    at = bisect.bisect_left(range(len(known) // _PREFIX), wanted, key=lambda i: known[i * _PREFIX : (i + 1) * _PREFIX])
    return known[at * _PREFIX : (at + 1) * _PREFIX] == wanted


@cache
def _common() -> bytes:
    return Path(__file__).with_name("common_passwords.bin").read_bytes()


def hashed(password: str) -> str:
    """The form in which a password is kept. Takes 64 MiB and a moment on purpose.

    Raises:
        PasswordsBusy: as `hashing.Desk.now`, of whoever is not at the desk already.
    """
    return desk.now(_hasher.hash, prepared(password))


def fits(stored: str, password: str) -> bool:
    """Whether a password is the one that was kept. Takes as long as keeping it.

    Passwords used to be kept as the keyboard sent them: one with letters beyond ASCII is tried in those forms, too.

    Raises:
        PasswordsBusy: as `hashed`.
    """
    return any(_verified(stored, each) for each in _spellings(password[:_LONGEST_TRIED]))


def renewed(stored: str, password: str) -> str | None:
    """The password that fits, kept in today's way, if it was kept in an older one."""
    kept_as_typed = not password.isascii() and not _verified(stored, prepared(password[:_LONGEST_TRIED]))
    return hashed(password) if kept_as_typed or _hasher.check_needs_rehash(stored) else None


def _spellings(password: str) -> list[str]:
    if not _can_be_kept(password):
        return [""]
    return list(dict.fromkeys((prepared(password), password, unicodedata.normalize("NFD", password))))


def _can_be_kept(password: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in password)


def _verified(stored: str, password: str) -> bool:
    try:
        return desk.now(_hasher.verify, stored, password)
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
        return False


@cache
def nobodys_hash() -> str:
    """What the password of somebody unknown is compared with, so that it takes as long. Made without hashing anything.

    Nobody waits for it to be made: whoever tried the first unknown email would wait twice as long, and know it.
    """
    cost = f"m={_hasher.memory_cost},t={_hasher.time_cost},p={_hasher.parallelism}"
    salt, digest = (
        base64.b64encode(secrets.token_bytes(length)).rstrip(b"=").decode()
        for length in (_hasher.salt_len, _hasher.hash_len)
    )
    return f"$argon2id$v={ARGON2_VERSION}${cost}${salt}${digest}"
