"""Text as people write and read it: which characters they see, how many, and which letters they take for the same.

Characters that are not seen are controls, format characters and what Unicode calls default ignorable: NUL and ESC, what
turns the direction of writing, zero-width spaces, byte order marks, fillers. Some of them belong where they stand, such
as the joiners of Persian, of Indic scripts and of emoji; those are part of the text and stay.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

import regex

from bank_app.errors import Invalid

# What a character may be made of on average, for as many as a text may have: a letter and its marks, a flag.
CODE_POINTS = 4
_FLAGS = regex.VERSION1 | regex.VERBOSE
# Arabic signs of number are format characters that are seen.
_UNSEEN = r"[[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}]--\p{PCM}]"
# Letters that take another form beside a joiner. Those of the scripts left out never do.
_JOINING = r"[[\p{L}\p{M}]--[\p{Latin}\p{Greek}\p{Cyrillic}\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{DI}]]"
_EMOJI = r"\p{Extended_Pictographic}"
_IN_PLACE = rf"""
    (?<={_JOINING}) [\u200c\u200d] (?={_JOINING})
    | (?<=\p{{ccc=9}}) [\u200c\u200d]
    | (?<={_EMOJI}[\ufe0f\U0001f3fb-\U0001f3ff]?) \u200d (?={_EMOJI})
    | (?<=[\p{{Emoji}}--[0-9\#*]]) [\ufe0e\ufe0f]
    | (?<=[0-9\#*]) \ufe0f (?=\u20e3)
    | (?<=\U0001f3f4) [\U000e0020-\U000e007e]+ \U000e007f
    | (?<=\p{{Han}}) [\ufe00-\ufe02\U000e0100-\U000e01ef]
    | (?<=\p{{Mongolian}}) [\u180b-\u180f]
    | (?<=\p{{Myanmar}}) \ufe00
"""
_HIDDEN = regex.compile(rf"(?P<in_place> {_IN_PLACE} ) | (?P<hidden> {_UNSEEN} )", _FLAGS)
_ANY_UNSEEN = regex.compile(_UNSEEN, _FLAGS)
# What ends a line or stands for a space without being one. A line of text has spaces instead.
_BREAKS = regex.compile(r"(?: \r\n | [\t\n\v\f\r\x1c-\x1f\x85\u2028\u2029\u2800] )+", _FLAGS)
_SPACES = regex.compile("  +")
_LINE_ENDS = regex.compile(r"\r\n | [\r\v\f\x85\u2028\u2029]", _FLAGS)
_GRAPHEME = regex.compile(r"\X")
_ISOLATED = regex.compile(r"(\u2068[^\p{Bidi_C}\p{Cc}\p{Zl}\p{Zp}]*\u2069)")
_FIRST_STRONG, _POP = "\u2068", "\u2069"

_CONTROLS = {0: "NUL", 8: "backspace", 9: "tab", 10: "line feed", 13: "carriage return", 27: "escape", 127: "delete"}
_ALIKE = str.maketrans({
    **dict.fromkeys("’‘‛ʼʻʹʾʿˈ`´′＇׳", "'"),
    **dict.fromkeys("‐‑‒–—―−﹣－", "-"),
})  # fmt: skip
# Letters that are written without their stroke, or as two, where a keyboard has none of them.
_PLAIN = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ð": "d", "ħ": "h", "ŧ": "t", "ı": "i", "ß": "ss",
                        "æ": "ae", "œ": "oe", "þ": "th"})  # fmt: skip
_LATIN_OR_GREEK = regex.compile(r"[\p{Latin}\p{Greek}]")
_CYRILLIC = regex.compile(r"\p{Cyrillic}")
_STRESS, _TWO_DOTS = "\u0300\u0301", "\u0308"


# --- what is seen ---------------------------------------------------------------------------------------


def hidden_character(text: str) -> str | None:
    """Names the first character that nobody sees where it stands, as `U+202E (right-to-left override)`; else None."""
    found = next((match[0] for match in _HIDDEN.finditer(text) if match["hidden"]), None)
    return None if found is None else _named(found)


def one_line(text: str) -> str:
    """Text for one line, as it is kept: NFC, without hidden characters, with a space for every break, trimmed."""
    if text.isascii() and text.isprintable():
        return text.strip()
    line = _seen(_BREAKS.sub(" ", text)).strip()
    # What was taken out may have stood between two spaces, of which people see one.
    return _SPACES.sub(" ", line) if _ANY_UNSEEN.search(text) else line


def paragraphs(text: str) -> str:
    """As `one_line`, for text of several lines: their ends are kept, each as a line feed."""
    return "\n".join(_seen(line.replace("\t", " ")).rstrip() for line in _LINE_ENDS.sub("\n", text).split("\n")).strip()


def visible(text: str) -> str:
    """Text of others that is shown as it is kept: what nobody would see is spelt out, as `⟨U+202E⟩`."""
    if text.isascii() and text.isprintable():
        return text
    return _HIDDEN.sub(lambda match: match[0] if match["in_place"] else f"⟨U+{ord(match[0]):04X}⟩", text)


def isolated(text: str) -> str:
    """One line to put into a sentence of ours: in whatever direction it is written, it turns no word around it.

    Only text with letters that are written from right to left is marked; what is isolated in it already stays so.
    """
    if text.isascii() and text.isprintable():
        return text.strip()
    pieces = [piece for piece in _ISOLATED.splititer(text) if piece]
    parts = [piece if _ISOLATED.fullmatch(piece) else _seen(_BREAKS.sub(" ", piece)) for piece in pieces]
    bare = "".join(part for part in parts if not _ISOLATED.fullmatch(part))
    turns = any(unicodedata.bidirectional(letter) in ("R", "AL", "AN") for letter in bare)
    line = "".join(parts).strip()
    return f"{_FIRST_STRONG}{line}{_POP}" if turns else line


def _seen(text: str) -> str:
    if _ANY_UNSEEN.search(text):
        text = _HIDDEN.sub(lambda match: match[0] if match["in_place"] else "", text)
    return unicodedata.normalize("NFC", text)


def _named(letter: str) -> str:
    name = unicodedata.name(letter, "").lower() or _CONTROLS.get(ord(letter), "control character")
    return f"U+{ord(letter):04X} ({name})"


# --- how long it is -------------------------------------------------------------------------------------


def graphemes(text: str) -> list[str]:
    """The characters as people count them: a flag, a family or a letter with all of its marks is one."""
    return list(text) if text.isascii() and "\r" not in text else _GRAPHEME.findall(text)


def length(text: str) -> int:
    """How many characters people count."""
    return len(text) if text.isascii() and "\r" not in text else len(graphemes(text))


def length_problem(text: str, most: int, what: str) -> str | None:
    """What is wrong with a text that is longer than `most` characters, or longer than what keeps them; `what` it is."""
    if len(text) <= most:
        return None
    if (count := length(text)) > most:
        return f"Keep {what} to {most} characters (now {count})."
    if len(text) > most * CODE_POINTS:
        return f"Shorten {what}: its characters are made of more signs ({len(text)}) than can be kept."
    return None


def written(text: str | None, *, most: int, field: str, what: str, lines: bool = False) -> str:
    """What somebody wrote as it is kept, on one line unless `lines`; empty if nothing is left of it.

    Raises:
        Invalid: it is longer than `most` characters; `what` says what it is.
    """
    kept = paragraphs(text or "") if lines else one_line(text or "")
    if message := length_problem(kept, most, what):
        raise Invalid(message, errors=[{"field": field, "code": "too_long", "message": message}])
    return kept


# --- what is the same -----------------------------------------------------------------------------------


def folded(text: str) -> str:
    """The form in which texts are compared and searched: without case, width, and accents on letters that have them.

    Accents are what Latin and Greek letters carry, stress and the two dots of Ё. Marks of all other scripts are
    vowels, tones or other letters (गी is not गा, が not か, й not и), and stay.
    """
    plain = unicodedata.normalize("NFKC", _ANY_UNSEEN.sub("", text).translate(_ALIKE))
    if not plain.isascii():
        plain = unicodedata.normalize("NFC", _without_accents(plain))
    return plain.casefold().translate(_PLAIN)


def _without_accents(text: str) -> str:
    kept: list[str] = []
    base = ""
    for letter in unicodedata.normalize("NFD", text):
        if not unicodedata.category(letter).startswith("M"):
            base = letter
        elif _is_accent(base, letter):
            continue
        kept.append(letter)
    return "".join(kept)


@lru_cache(maxsize=4096)
def _is_accent(base: str, mark: str) -> bool:
    if _CYRILLIC.fullmatch(base):
        return (mark in _STRESS and base not in "ГКгк") or (mark == _TWO_DOTS and base in "Ее")
    return bool(_LATIN_OR_GREEK.fullmatch(base))
