"""Digits and the marks around them as people type and paste them, from any keyboard and out of any document."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from bank_app.domain.text import hidden_character

# What looks like a dash and is none to Unicode: minus signs, a bullet, the long vowel of Japanese keyboards, lines.
_DASHES = frozenset("−˗⁃➖ーｰ─━")
_MARKS = {"。": ".", "｡": ".", "、": ",", "､": ",", "،": ",", "٬": "'", **dict.fromkeys("’‘‛ʼʹ′´`", "'")}
_BLANK_BRAILLE = "\u2800"
_FULL_WIDTH = range(0xFF01, 0xFFEF)
_SMALL = range(0xFE50, 0xFE6C)


def plain(text: str) -> str:
    """`text` as the keys of a keyboard write it, trimmed.

    Digits of every script are 0 to 9, dashes of every kind `-`, spaces of every kind one space, full-width and small
    signs the usual ones. What nobody sees is left out. Everything else stays as it is, so that it can be named.
    """
    if text.isascii() and text.isprintable():
        return text.strip()
    return "".join(map(_plain, text)).strip()


@lru_cache(maxsize=2048)
def _plain(character: str) -> str:
    digit = unicodedata.decimal(character, None)
    if digit is not None:
        return str(digit)
    if character.isspace() or _is_hidden(character):
        return " " if character.isspace() else ""
    if character in _DASHES or unicodedata.category(character) == "Pd":
        return "-"
    if character in _MARKS:
        return _MARKS[character]
    if ord(character) in _FULL_WIDTH or ord(character) in _SMALL:
        return unicodedata.normalize("NFKC", character)
    return character


def named(character: str) -> str:
    """A character as a sentence can say it: `“O”`, or `a hidden character (U+200B)`."""
    if _is_hidden(character) or (character.isspace() and character != " "):
        return f"a hidden character (U+{ord(character):04X})"
    return "a space" if character == " " else f"“{character}”"


def _is_hidden(character: str) -> bool:
    # Among digits nothing of the kind belongs where it stands.
    return character == _BLANK_BRAILLE or hidden_character(character) is not None
