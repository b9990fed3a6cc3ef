"""Finding a text within others, the same in every database and in Python.

Databases compare letters by tables of their own, each by another. So they are asked for letters instead: the pattern
lists every spelling of each, and says itself which are the same (those that `text.folded` makes one).
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from functools import cache, lru_cache

from bank_app.domain.text import folded, one_line

# The planes in which scripts and their styled letters are, without the many letters that have one spelling only.
_LOOKED_AT = 0x20000
_FORMS = range(0xF900, 0x10000)
_ACCENTS, _STRESS = "[\u0300-\u036f]*", "[\u0300\u0301]*"
# Joiners and variation selectors, which scripts and emoji put between letters.
_UNSEEN = "[\u200c\u200d\ufe0e\ufe0f]*"


@lru_cache(maxsize=512)
def pattern(text: str) -> str:
    """A regular expression that all databases and Python read alike, and find `text` with; empty finds everything.

    Case, width and accents make no difference, nor do other spellings of an apostrophe, a dash or a space.
    """
    line = one_line(text)
    letters = folded(line)
    parts, at = [], 0
    while at < len(letters):
        two = letters[at : at + 2]
        if ligatures := _spellings().get(two) if len(two) == 2 else None:
            parts.append(f"(?:{_letter(two[0])}{_letter(two[1])}|{_any_of(ligatures)}{_ACCENTS})")
        else:
            parts.append(_letter(two[0], begins=at == 0, ends=at == len(letters) - 1))
        at += 2 if ligatures else 1
    # Signs such as ㎏ are folded to letters that do not list them.
    return "".join(parts) if line.isascii() else f"(?:{''.join(parts)}|{''.join(map(_any_of, line))})"


def occurs(text: str, among: str) -> bool:
    """Whether a search for `text` finds this."""
    return re.search(pattern(text), among) is not None


def _letter(letter: str, *, begins: bool = False, ends: bool = False) -> str:
    """Every spelling of a letter; at an end of what is sought it may be half of a ligature or of an ß."""
    spelt = letter + _spellings().get(letter, "")
    if letter.isalpha() and (begins or ends):
        halves = [(plain, written) for plain, written in _spellings().items() if len(plain) == 2]
        spelt += "".join(
            written for plain, written in halves if (begins and plain[1] == letter) or (ends and plain[0] == letter)
        )
    name = unicodedata.name(letter, "")
    marks = _ACCENTS if name.startswith(("LATIN", "GREEK")) else _STRESS if name.startswith("CYRILLIC") else ""
    return _or_in_parts(letter, _any_of(spelt)) + marks + ("" if letter.isascii() else _UNSEEN)


def _or_in_parts(letter: str, whole: str) -> str:
    """A letter that may also be kept as another and its mark, as half-width kana are."""
    parts = unicodedata.normalize("NFD", letter)
    if len(parts) != len("カ゛") or not unicodedata.category(parts[1]).startswith("M"):
        return whole
    base, mark = (_any_of(part + _spellings().get(part, "")) for part in parts)
    return f"(?:{whole}|{base}{mark})"


def _any_of(letters: str) -> str:
    written = [re.escape(letter) if letter.isascii() else letter for letter in sorted(set(letters))]
    return written[0] if len(written) == 1 else f"[{''.join(written)}]"


@cache
def _spellings() -> dict[str, str]:
    """By the letter that they are folded to, or by two: all that differ from it."""
    found: dict[str, str] = defaultdict(str)
    for code in (*range(ord("A"), ord("Z") + 1), *range(0x80, _LOOKED_AT)):
        letter = chr(code)
        kind = unicodedata.category(letter)
        if kind in ("Cn", "Co", "Cs") or (kind == "Lo" and code not in _FORMS):
            continue
        plain = folded(letter)
        if plain != letter and (len(plain) == 1 or (len(plain) == 2 and kind in ("Lu", "Ll", "Lt"))):
            found[plain] += letter
    return dict(found)
