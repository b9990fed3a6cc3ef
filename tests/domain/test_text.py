"""What of a text is seen, how many characters people count in it, and which letters they take for the same."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bank_app.domain.text import folded, graphemes, hidden_character, isolated, length, one_line, paragraphs, visible

ANY = st.text(st.characters(exclude_categories=["Cs"]))
# Hidden characters that some texts cannot be written without.
BELONGS = [
    "می‌خواهم", "علی‌رضا",  # Persian: a non-joiner between letters
    "র‍্যাব", "ශ්‍රී", "സുനില്‍", "क्‍ष", "क्‌ष",  # Bengali, Sinhala, Malayalam, Devanagari
    "👨‍👩‍👧", "🏳️‍🌈", "👩🏽‍❤️‍💋‍👨", "❤️", "5️⃣", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "葛󠄀城",
    "\u0600123",  # an Arabic sign of number is a format character that is seen
]  # fmt: skip
HIDDEN = {
    "a\x00b": "ab", "a\x1b[2Jb": "a[2Jb", "a\x7fb": "ab", "a\x9bb": "ab",
    "\u202eabc": "abc", "a\u2066b\u2069": "ab", "a\u200eb": "ab", "a\u061cb": "ab",
    "a\u200bb": "ab", "a\u2060b": "ab", "\ufeffab": "ab", "a\u00adb": "ab", "a\u034fb": "ab", "a\u3164b": "ab",
    "a\u200db": "ab", "a\u200cb": "ab", "日\u200d本": "日本", "a\ufe0fb": "ab", "1\ufe0f": "1", "a\U000e0062b": "ab",
    "a\ufffab": "ab", "a\uffffb": "ab", "ab\u180e": "ab",
}  # fmt: skip


@pytest.mark.parametrize("text", BELONGS)
def test_what_a_language_needs_stays(text):
    assert hidden_character(text) is None
    assert one_line(text) == paragraphs(text) == visible(text) == unicodedata.normalize("NFC", text)


@pytest.mark.parametrize(("text", "clean"), HIDDEN.items(), ids=ascii)
def test_what_nobody_sees_is_not_kept_and_is_spelt_out_where_it_was(text, clean):
    assert one_line(text) == paragraphs(text) == clean
    shown = visible(text)
    assert shown != text
    assert hidden_character(shown) is None
    assert "⟨U+" in shown


def test_a_hidden_character_is_named():
    assert hidden_character("12\u202e34") == "U+202E (right-to-left override)"
    assert hidden_character("12\x0034\x1b") == "U+0000 (NUL)"
    assert hidden_character("Jean-Luc O’Neill é") is None


@pytest.mark.parametrize(
    "end", ["\n", "\r\n", "\r", "\t", "\v", "\f", "\x85", "\u2028", "\u2029", "\n\r\n\t"], ids=ascii
)
def test_one_line_is_one_line(end):
    assert one_line(f" one{end}two ") == "one two"


def test_paragraphs_keep_the_ends_of_their_lines():
    assert paragraphs("one\ttwo\r\nthree\u2028four\rfive\x00 \n\n six \n") == "one two\nthree\nfour\nfive\n\n six"


def test_a_letter_in_two_parts_is_kept_as_one():
    assert one_line("Jose\u0301") == "Jos\u00e9"


@given(ANY)
def test_cleaning_twice_is_cleaning_once(text):
    line, block = one_line(text), paragraphs(text)
    assert one_line(line) == line
    assert paragraphs(block) == block
    assert hidden_character(line) is None
    assert "\n" not in line


@given(ANY)
def test_folding_twice_is_folding_once(text):
    assert folded(folded(text)) == folded(text)


def test_characters_are_counted_as_people_count():
    for one in ("👨‍👩‍👧", "🇩🇪", "e\u0301", "नि", "각", "ส้", "🏴󠁧󠁢󠁥󠁮󠁧󠁿"):
        assert length(one) == 1, one
    assert graphemes("a🇩🇪🇫🇷é") == ["a", "🇩🇪", "🇫🇷", "é"]
    assert length("140") == 3


def test_only_what_is_written_from_the_right_is_isolated():
    assert isolated("Ada\u202e") == "Ada"
    assert isolated("שלום 5") == "\u2068שלום 5\u2069"
    assert isolated("محمد\u2069\u2069") == "\u2068محمد\u2069"
    assert isolated("\u2068\u202eמ\u2069 5") == "\u2068מ 5\u2069"


def test_what_is_isolated_stays_so_within_a_sentence():
    named = isolated("חשבון 1") + " ••9340"
    assert named == "\u2068חשבון 1\u2069 ••9340"
    assert isolated(named) == named
    assert isolated(isolated("שלום 5")) == isolated("שלום 5")
    assert isolated(f"שרה {named}") == f"\u2068שרה {named}\u2069"


@pytest.mark.parametrize(
    "alike",
    [
        ("JOSÉ", "jose\u0301", "Jose"), ("Straße", "STRASSE"), ("İstanbul", "ISTANBUL", "ıstanbul"), ("Łódź", "lodz"),
        ("ΟΔΥΣΣΕΎΣ", "Οδυσσεύς", "οδυσσευσ"), ("Ёлкин", "елкин"), ("Кири́лл", "КИРИЛЛ"), ("ＡＢＣ１", "abc1"),
        ("ｶﾞ", "ガ"), ("Trần", "tran"),
        ("O’Neill", "o'neill", "OʼNEILL"), ("a\u2013b", "a-b"), ("علی‌رضا", "علیرضا"), ("Ǆ", "DŽ", "dz"),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_folded(alike):
    assert len({folded(text) for text in alike}) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("मोना", "मीना"), ("か", "が"), ("カ", "ガ"), ("は", "ぱ"), ("김", "긴"), ("มา", "ม้า"), ("কলা", "কালা"),
        ("கா", "கி"), ("ក", "កី"), ("и", "й"), ("і", "ї"), ("г", "ѓ"), ("שׁ", "שׂ"), ("مُ", "مَ"), ("あ", "ア"),
    ],
)  # fmt: skip
def test_what_is_another_letter_or_vowel_stays_another(one, other):
    assert folded(one) != folded(other)
