"""Names of people: which can be written down, and whether two of them name the same person."""

from __future__ import annotations

import unicodedata
from collections import Counter
from difflib import SequenceMatcher
from typing import Literal, NamedTuple

import regex

from bank_app.domain.text import folded, graphemes, hidden_character, length_problem

Fit = Literal["match", "close", "none"]
LONGEST = 100
_CLOSE = 0.75
# Where one character is a syllable or a word, or vowels are not written, another character is another name. Only a
# long word with one of many wrong can be a slip of the pen there.
_CLOSE_WORD, _LONG_WORD = 0.8, 6
_ALPHABETS = regex.compile(r"[\p{Latin}\p{Greek}\p{Cyrillic}\p{Armenian}\p{Georgian}\p{M}\p{N} ]+")
_WITHOUT_SPACES = regex.compile(
    r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}]"
)
_SIGNS = regex.compile(r"[^\p{L}\p{M}\p{N}]+")
# As who writes without these letters spells them in German and the Nordic languages.
_IN_TWO_LETTERS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa"})


class Problem(NamedTuple):
    """What is wrong with a name: a part of a code (`HIDDEN`, `LONG`, `INVALID`) and the sentence."""

    kind: str
    message: str


def clean(name: str) -> str:
    """A name as it is kept: NFC, with one space between words."""
    return unicodedata.normalize("NFC", " ".join(name.split()))


def problem(name: str, *, longest: int = LONGEST, of: str = "") -> Problem | None:
    """What is wrong with a name that was cleaned; `of` says whose name it is, as ` for the bank`."""
    if hidden := hidden_character(name):
        return Problem("HIDDEN", f"The name{of} has a hidden character in it, {hidden}. Type it instead of pasting it.")
    if not name or not _can_be_shown(name):
        return Problem("INVALID", f"Enter a name of 1 to {longest} characters{of}.")
    too_long = length_problem(name, longest, f"the name{of}")
    return Problem("LONG", too_long) if too_long else None


def _can_be_shown(name: str) -> bool:
    # Half a surrogate pair, and what means something to one program only. What Python does not know yet is a letter.
    return not any(unicodedata.category(letter) in ("Cs", "Co") for letter in name)


def compare(name: str, owner: str) -> Fit:
    """Whether a name is the owner's: `match`, `close` or `none`.

    Case, width and accents of Latin, Greek and Cyrillic letters make no difference, nor do the order of words,
    apostrophes and hyphens. Vowel signs, tone marks, dakuten and all else that makes another letter do.
    """
    given, real = _spellings(name), _spellings(owner)
    if not given[0] or not real[0]:
        # A name of signs only, as `!!!`, is nothing that anybody could know or recognise.
        return "match" if name.strip() == owner else "none"
    if any(_same(one, other) for one in given for other in real):
        return "match"
    return "close" if _nearly(given[0], real[0]) else "none"


def _spellings(name: str) -> tuple[list[str], list[str]]:
    """The words of a name, with accents left out and with letters that have them written as two."""
    composed = unicodedata.normalize("NFC", name).casefold()
    return _words(composed), _words(unicodedata.normalize("NFC", composed).translate(_IN_TWO_LETTERS))


def _words(name: str) -> list[str]:
    return _SIGNS.sub(" ", folded(name).replace("'", "").replace("·", "")).split()


def _same(given: list[str], real: list[str]) -> bool:
    if Counter(given) == Counter(real):
        return True
    given_line, real_line = "".join(given), "".join(real)
    return given_line == real_line and bool(_WITHOUT_SPACES.search(real_line))


def _nearly(given: list[str], real: list[str]) -> bool:
    given_line, real_line = " ".join(given), " ".join(real)
    if _ALPHABETS.fullmatch(given_line) and _ALPHABETS.fullmatch(real_line):
        # "A. Lindqvist" and "Lindqvist" are how people write it; a first name alone is too little to reveal the rest.
        family = len(given) > 1 and given[-1] == real[-1] and given_line[0] == real_line[0]
        return family or _ratio(given_line, real_line) >= _CLOSE
    return len(given) == len(real) and all(map(_nearly_one_word, given, real))


def _nearly_one_word(given: str, real: str) -> bool:
    if given == real:
        return True
    one, other = graphemes(given), graphemes(real)
    return min(len(one), len(other)) >= _LONG_WORD and _ratio(one, other) >= _CLOSE_WORD


def _ratio(one: str | list[str], other: str | list[str]) -> float:
    return SequenceMatcher(None, one, other, autojunk=False).ratio()
