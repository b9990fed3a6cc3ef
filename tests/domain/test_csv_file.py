"""CSV files: their bytes, what a spreadsheet makes of a text, and that two texts never become one."""

import csv
import io
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bank_app.domain.csv_file import MARK, as_csv, pieces

FORMULAS = [
    "=1+1", "+1+1", "-1+1", "@SUM(A1)", "＝1+1", "＋1", "－1+1", "＠x", "﹦1", "⁺1+", " =1+1", "\u00a0=1+1",
    "\u3000=1+1", "\ufeff=1+1", "\u200b=1+1", "\u2060\u200b=1+1", "\t=1+1", "\r=1+1", "\n=1+1", '"=1+1',
    '""=1+1', "'=1+1", "''=1+1", "rent;=1+1", "rent; =1+1", "rent;＝1+1", "a;b;@x", 'rent;"=1+1',
    "rent;\u200b=1+1", "rent;'=1+1", "a\t=1+1", "a|=1+1", "a\r\n=1+1", "=cmd|' /C calc'!A0",
    '=HYPERLINK("http://x","y")', ";=1", ";;=1", "=;=", "-", "=", "'", ";'",
]  # fmt: skip
PLAIN = [
    "rent",
    "1;2",
    "José; Ünal",
    "a=b",
    "5 - 3",
    "it's",
    "-5",
    "-12.34",
    "+5",
    "0.10",
    "me@bank.test",
    "",
    "a,b",
    '"x"',
]
RUNS = re.compile(r"[\s\"\x00-\x1f\u200b\u2060\ufeff]*[=+\-@]")


def read(text, delimiter=","):
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))


def cell(text):
    return read(as_csv(["memo"], [[text]]))[1][0]


def back(text):
    """The text of a cell, as `docs/text.md` says."""
    return re.sub(r"(^|[;|])'", r"\1", text)


def runs(text):
    return bool(RUNS.match(unicodedata.normalize("NFKC", text))) and not re.fullmatch(r"[-+]?[0-9]+(\.[0-9]+)?", text)


def test_every_cell_is_quoted_and_every_line_ends_alike():
    rows = [["rent", 12, None, "-1.50"], ['say "hi"', 0, "", "=x"]]
    assert as_csv(["memo", "n", "none", "amount"], rows).encode() == (
        b'"memo","n","none","amount"\r\n"rent","12","","-1.50"\r\n"say ""hi""","0","","\'=x"\r\n'
    )
    assert not as_csv(["memo"], []).startswith(MARK)


@pytest.mark.parametrize("text", FORMULAS, ids=ascii)
def test_a_formula_is_text_for_who_separates_by_commas_and_by_semicolons(text):
    sheet = as_csv(["who", "memo", "more"], [["Ada", text, "x"]])
    assert not any(runs(found) for row in read(sheet) for found in row)
    # Behind the first comma such a reader takes quotes for letters, so it cuts wherever there is a semicolon.
    assert not any(runs(found) for row in read(sheet, ";") for found in row)


@pytest.mark.parametrize("text", PLAIN)
def test_what_is_no_formula_stays_as_it_is(text):
    assert cell(text) == text


def test_what_nobody_sees_is_spelt_out():
    assert cell("a\x00b\u202ec\r\nd") == "a⟨U+0000⟩b⟨U+202E⟩c⟨U+000D⟩⟨U+000A⟩d"
    assert cell("علی‌رضا") == "علی‌رضا"


@given(st.text("'=+-;|@ a1\"\u200b\u202e\uff1d", max_size=8), st.text("'=+-;|@ a1\"\u200b\u202e\uff1d", max_size=8))
def test_two_texts_are_two_cells(one, other):
    assert (cell(one) == cell(other)) == (one == other)


@given(st.text("'=+-;|@ a1\"\uff1d", max_size=12))
def test_the_apostrophes_can_be_taken_off_again(text):
    assert back(cell(text)) == text


@pytest.mark.parametrize("pages", [[], [[]], [[["a", "=1"]], [], [["b", None], ["c", 2]]]])
def test_pieces_put_together_are_the_file(pages):
    rows = [row for page in pages for row in page]
    assert "".join(pieces(["memo", "n"], iter(pages))) == as_csv(["memo", "n"], rows)
