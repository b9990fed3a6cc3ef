"""What people type into the money field: read, or asked about, never guessed. The vectors of ui.md §2.3.2."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bank_app.domain.money import MAX_MINOR, Typed, display, read_typed

AMERICAN, GERMAN = ",", "."


def ask(suggestion):
    return Typed(problem="AMOUNT_AMBIGUOUS", suggestion_minor=suggestion)


@pytest.mark.parametrize(
    ("typed", "american", "german"),
    [
        ("25", 2500, 2500),
        ("25.5", 2550, 2550),
        ("25,5", 2550, 2550),
        ("25.50", 2550, 2550),
        ("1,234.50", 123450, 123450),
        ("1.234,50", 123450, 123450),
        ("1,234", 123400, ask(123400)),
        ("12.345", ask(1234500), 1234500),
        ("1'234.50", 123450, 123450),
        ("1’234.50", 123450, 123450),
        ("1 234.50", 123450, 123450),
        ("1\u00a0234.50", 123450, 123450),
        ("1\u202f234.50", 123450, 123450),
        ("$1 234.50", 123450, 123450),
        ("$ 25", 2500, 2500),
        ("25 USD", 2500, 2500),
        ("  25  ", 2500, 2500),
        ("1,234,567", 123456700, 123456700),
        ("1.234.567,89", 123456789, 123456789),
        (".50", 50, 50),
        ("0.05", 5, 5),
        ("9,999,999,999,999.99", 999999999999999, 999999999999999),
    ],
)
def test_an_amount_is_read_in_both_ways_of_writing_or_asked_about(typed, american, german):
    for group, expected in ((AMERICAN, american), (GERMAN, german)):
        wanted = expected if isinstance(expected, Typed) else Typed(minor=expected)
        assert read_typed(typed, "USD", group=group) == wanted


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ("", "AMOUNT_REQUIRED"),
        ("   ", "AMOUNT_REQUIRED"),
        ("12.3456", "AMOUNT_DECIMALS"),
        ("1,234.567", "AMOUNT_DECIMALS"),
        ("1.2.3", "AMOUNT_INVALID"),
        ("12,34,5", "AMOUNT_INVALID"),
        ("1,23,456", "AMOUNT_INVALID"),
        ("12,34.50", "AMOUNT_INVALID"),
        ("1,234.50,1", "AMOUNT_INVALID"),
        ("5.", "AMOUNT_INVALID"),
        (".", "AMOUNT_INVALID"),
        ("$", "AMOUNT_INVALID"),
        ("0", "AMOUNT_POSITIVE"),
        ("0.00", "AMOUNT_POSITIVE"),
        ("-5", "AMOUNT_POSITIVE"),
        ("−5", "AMOUNT_POSITIVE"),
        ("(5)", "AMOUNT_POSITIVE"),
        ("-five", "AMOUNT_INVALID"),
        ("1e3", "AMOUNT_INVALID"),
        ("NaN", "AMOUNT_INVALID"),
        ("१२", "AMOUNT_INVALID"),
        ("１２", "AMOUNT_INVALID"),
        ("€5", "AMOUNT_INVALID"),
        ("5 5 five", "AMOUNT_INVALID"),
        ("1" * 41, "AMOUNT_INVALID"),
        ("999999999999999.99", "AMOUNT_TOO_LARGE"),
        ("10000000000000.01", "AMOUNT_TOO_LARGE"),
        ("9" * 40, "AMOUNT_TOO_LARGE"),
    ],
)
@pytest.mark.parametrize("group", [AMERICAN, GERMAN])
def test_what_is_no_amount_has_a_problem_with_a_name(typed, problem, group):
    assert read_typed(typed, "USD", group=group) == Typed(problem=problem)


@pytest.mark.parametrize("typed", ["0,500", "0,001", "1234,567", ",500", "01,234"])
def test_digits_that_nobody_groups_like_that_are_not_taken_for_thousands(typed):
    assert read_typed(typed, "USD", group=AMERICAN) == Typed(problem="AMOUNT_INVALID")
    assert read_typed(typed.replace(",", "."), "USD", group=GERMAN) == Typed(problem="AMOUNT_INVALID")


@pytest.mark.parametrize("typed", ["0.500", "1234.567", ".500"])
def test_three_decimals_that_cannot_be_thousands_are_too_many(typed):
    assert read_typed(typed, "USD", group=AMERICAN) == Typed(problem="AMOUNT_DECIMALS")


@pytest.mark.parametrize(
    ("typed", "code", "expected"),
    [
        ("1,234", "JPY", Typed(minor=1234)),
        ("¥500", "JPY", Typed(minor=500)),
        ("25.5", "JPY", Typed(problem="AMOUNT_DECIMALS")),
        ("1.234", "KWD", Typed(minor=1234)),
        ("1.2345", "KWD", Typed(problem="AMOUNT_DECIMALS")),
        ("1,234.567", "KWD", Typed(minor=1234567)),
        ("CHF 12.50", "CHF", Typed(minor=1250)),
    ],
)
def test_the_currency_decides_how_many_decimals_there_are(typed, code, expected):
    assert read_typed(typed, code) == expected


@given(st.integers(1, MAX_MINOR), st.sampled_from(["JPY", "USD", "EUR", "CHF", "KWD"]))
def test_what_the_bank_shows_can_be_pasted_back(minor, code):
    assert read_typed(display(minor, code), code) == Typed(minor=minor)


@given(st.text(max_size=50), st.sampled_from([AMERICAN, GERMAN]))
def test_whatever_is_typed_is_an_amount_or_a_problem_and_never_a_crash(typed, group):
    read = read_typed(typed, "USD", group=group)
    assert (read.minor is None) == (read.problem is not None)
    assert read.minor is None or 0 < read.minor <= MAX_MINOR


@given(st.text(alphabet="0123456789.,' -", max_size=12), st.sampled_from([AMERICAN, GERMAN]))
def test_an_amount_is_made_of_the_digits_that_were_typed(typed, group):
    read = read_typed(typed, "USD", group=group)
    if read.minor is not None:
        digits = "".join(c for c in typed if c.isdigit()).lstrip("0")
        assert str(read.minor).rstrip("0") == digits.rstrip("0")
