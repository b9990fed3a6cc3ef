"""What people type into the money field: read, or asked about, never guessed. The vectors of ui.md §2.3.2."""

import iso4217
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bank_app.domain import money
from bank_app.domain.money import MAX_MINOR, Typed, display, read_typed, rewritten, write, write_as
from bank_app.services.preferences import LOCALES

AMERICAN, GERMAN = "en-US", "de-DE"
# All that accounts can be kept in: with no, two, three and four decimals.
CURRENCIES = sorted(
    code.code for code in iso4217.Currency if code.exponent is not None and code.code not in ("XXX", "XTS")
)


@pytest.fixture(autouse=True)
def _as_it_was():
    yield
    write_as("en_US")


def test_every_number_of_decimals_is_among_the_currencies():
    assert {money.currency(code).digits for code in CURRENCIES} == {0, 2, 3, 4}


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
    for locale, expected in ((AMERICAN, american), (GERMAN, german)):
        wanted = expected if isinstance(expected, Typed) else Typed(minor=expected)
        assert read_typed(typed, "USD", locale=locale) == wanted


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
        ("①②", "AMOUNT_INVALID"),
        ("twelve", "AMOUNT_INVALID"),
        ("€5", "AMOUNT_INVALID"),
        ("5 5 five", "AMOUNT_INVALID"),
        ("1" * 41, "AMOUNT_INVALID"),
        ("999999999999999.99", "AMOUNT_TOO_LARGE"),
        ("10000000000000.01", "AMOUNT_TOO_LARGE"),
        ("9" * 40, "AMOUNT_TOO_LARGE"),
    ],
)
@pytest.mark.parametrize("locale", [AMERICAN, GERMAN])
def test_what_is_no_amount_has_a_problem_with_a_name(typed, problem, locale):
    assert read_typed(typed, "USD", locale=locale) == Typed(problem=problem)


@pytest.mark.parametrize("typed", ["0,500", "0,001", "1234,567", ",500", "01,234"])
def test_digits_that_nobody_groups_like_that_are_not_taken_for_thousands(typed):
    assert read_typed(typed, "USD", locale=AMERICAN) == Typed(problem="AMOUNT_INVALID")
    assert read_typed(typed.replace(",", "."), "USD", locale=GERMAN) == Typed(problem="AMOUNT_INVALID")


@pytest.mark.parametrize("typed", ["0.500", "1234.567", ".500"])
def test_three_decimals_that_cannot_be_thousands_are_too_many(typed):
    assert read_typed(typed, "USD", locale=AMERICAN) == Typed(problem="AMOUNT_DECIMALS")


@pytest.mark.parametrize(
    ("typed", "code", "expected"),
    [
        ("1,234", "JPY", Typed(minor=1234)),
        ("¥500", "JPY", Typed(minor=500)),
        ("25.5", "JPY", Typed(problem="AMOUNT_DECIMALS")),
        ("1.234", "KWD", Typed(minor=1234)),
        ("1.2345", "KWD", Typed(problem="AMOUNT_DECIMALS")),
        ("1,234.567", "KWD", Typed(minor=1234567)),
        ("1,234", "KWD", ask(1234000)),
        ("1,234", "CLF", ask(12340000)),
        ("1.234", "CLF", Typed(minor=12340)),
        ("1.2345", "CLF", Typed(minor=12345)),
        ("CHF 12.50", "CHF", Typed(minor=1250)),
    ],
)
def test_the_currency_decides_how_many_decimals_there_are(typed, code, expected):
    assert read_typed(typed, code) == expected


@given(st.integers(1, MAX_MINOR), st.sampled_from(["JPY", "USD", "EUR", "CHF", "KWD"]))
def test_what_the_bank_shows_can_be_pasted_back(minor, code):
    assert read_typed(display(minor, code), code) == Typed(minor=minor)


@given(st.text(max_size=50), st.sampled_from([AMERICAN, GERMAN]))
def test_whatever_is_typed_is_an_amount_or_a_problem_and_never_a_crash(typed, locale):
    read = read_typed(typed, "USD", locale=locale)
    assert (read.minor is None) == (read.problem is not None)
    assert read.minor is None or 0 < read.minor <= MAX_MINOR


@given(st.text(alphabet="0123456789.,' -", max_size=12), st.sampled_from([AMERICAN, GERMAN]))
def test_an_amount_is_made_of_the_digits_that_were_typed(typed, locale):
    read = read_typed(typed, "USD", locale=locale)
    if read.minor is not None:
        digits = "".join(c for c in typed if c.isdigit()).lstrip("0")
        assert str(read.minor).rstrip("0") == digits.rstrip("0")


# --- what the program writes into a field is read back as the same amount --------------------------------------


AROUND_A_THOUSAND = (1, 9, 10, 99, 100, 999, 1000, 1001, 1234, 12345, 123456, 1234000, 1234567, 10**9 + 1, MAX_MINOR)


@pytest.mark.parametrize("locale", LOCALES)
def test_what_the_program_writes_into_a_field_is_read_as_the_same_amount(locale):
    write_as(locale)
    for code in CURRENCIES:
        for minor in AROUND_A_THOUSAND:
            assert read_typed(write(minor, code), code) == Typed(minor=minor), (locale, code, write(minor, code))


@pytest.mark.parametrize("locale", LOCALES)
def test_what_the_bank_shows_can_be_pasted_back_in_every_locale(locale):
    write_as(locale)
    for code in CURRENCIES:
        for minor in AROUND_A_THOUSAND:
            assert read_typed(display(minor, code), code) == Typed(minor=minor), (locale, display(minor, code))


@given(st.integers(0, MAX_MINOR), st.sampled_from(CURRENCIES), st.sampled_from(list(LOCALES)))
def test_any_amount_in_a_field_is_read_as_the_same_one(minor, code, locale):
    write_as(locale)
    assert read_typed(write(minor, code), code, zero_allowed=True) == Typed(minor=minor)


@given(st.integers(1, MAX_MINOR), st.sampled_from(CURRENCIES), st.sampled_from(list(LOCALES)),
       st.sampled_from(list(LOCALES)))  # fmt: skip
def test_a_field_that_was_filled_in_one_locale_is_the_same_amount_in_another(minor, code, before, after):
    write_as(before)
    for text in (write(minor, code), display(minor, code)):
        write_as(after)
        assert read_typed(rewritten(text, code, locale=before), code) == Typed(minor=minor)
        write_as(before)


@pytest.mark.parametrize(
    ("locale", "code", "minor", "text"),
    [
        ("en-US", "USD", 123456, "1234.56"),
        ("de-DE", "EUR", 123456, "1234,56"),
        ("de-CH", "CHF", 123456, "1234.56"),
        ("fr-FR", "EUR", 123456, "1234,56"),
        ("sv-SE", "SEK", 123456, "1234,56"),
        ("en-IN", "INR", 123456789, "1234567.89"),
        ("de-DE", "KWD", 1234, "1,234"),
        ("de-DE", "JPY", 1234, "1234"),
        ("de-DE", "CLF", 12345, "1,2345"),
        ("de-DE", "USD", 0, "0,00"),
    ],
)
def test_a_field_has_the_decimal_mark_of_the_reader_all_decimals_and_no_groups(locale, code, minor, text):
    write_as(locale)
    assert write(minor, code) == text


def test_a_field_has_no_dots_while_amounts_are_hidden():
    money.hide(True)
    try:
        assert write(123456, "USD") == "1234.56"
    finally:
        money.hide(False)


@pytest.mark.parametrize(
    ("locale", "typed", "expected"),
    [
        ("de-DE", "1,234", Typed(minor=1234)),
        ("de-DE", "1.234", ask(1234000)),
        ("en-US", "1.234", Typed(minor=1234)),
        ("en-US", "1,234", ask(1234000)),
        # In French and Swedish spaces group: a full stop is nobody's mark there, and neither is a comma in Switzerland.
        ("fr-FR", "1,234", Typed(minor=1234)),
        ("fr-FR", "1.234", ask(1234000)),
        ("sv-SE", "1.234", ask(1234000)),
        ("de-CH", "1.234", Typed(minor=1234)),
        ("de-CH", "1,234", ask(1234000)),
        ("de-CH", "1’234", Typed(minor=1234000)),
        ("fr-FR", "1\u202f234", Typed(minor=1234000)),
        ("de-DE", "1.234,5", Typed(minor=1234500)),
        ("de-DE", "1.23", Typed(minor=1230)),
    ],
)
def test_with_three_decimals_a_mark_before_three_digits_is_the_readers_or_asked_about(locale, typed, expected):
    assert read_typed(typed, "KWD", locale=locale) == expected


@pytest.mark.parametrize(
    ("before", "after", "code", "typed", "shown"),
    [
        ("de-DE", "en-US", "KWD", "1,234", "1.234"),
        ("en-US", "de-DE", "KWD", "1.234", "1,234"),
        ("de-DE", "en-US", "EUR", "1.234", "1234.00"),
        ("de-DE", "en-US", "EUR", "25", "25"),
        ("en-IN", "de-DE", "INR", "12,34,567", "1234567,00"),
        # Nobody could say what it meant; read with the new marks it would be an amount all of a sudden.
        ("de-DE", "en-US", "USD", "1,234", ""),
        ("de-DE", "en-US", "USD", "many", "many"),
    ],
)
def test_a_text_that_was_typed_in_one_locale_is_never_read_by_the_marks_of_another(before, after, code, typed, shown):
    write_as(after)
    assert rewritten(typed, code, locale=before) == shown


# --- from other keyboards and documents --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "typed",
    [
        "1,234.50\u200b", "\ufeff1,234.50", "\u202d1,234.50\u202c", "1\u2060,234.50", "1,234\u00ad.50",
        "1,234.50\u200e", "1234.50\u00a0usd", "1,234.50\r\n", "\t1234.50",
        "１，２３４．５０", "１２３４．５０", "١٬٢٣٤٫٥٠", "١٢٣٤٫٥٠", "۱۲۳۴٫۵۰", "१२३४.५०", "১২৩৪.৫০", "๑๒๓๔.๕๐",
        "１２３４。５０",
        "1\u2009234.50", "1\u3000234.50", "1´234.50", "1＇234.50", "＄1,234.50",
    ],
)  # fmt: skip
def test_digits_of_every_script_are_read_and_what_nobody_sees_is_passed_over(typed):
    assert read_typed(typed, "USD") == Typed(minor=123450)


@pytest.mark.parametrize("dash", "-‐‑‒–—―−﹣－")
def test_a_dash_before_an_amount_is_a_minus_and_behind_a_price_it_stands_for_no_cents(dash):
    assert read_typed(f"{dash}5", "USD") == Typed(problem="AMOUNT_POSITIVE")
    assert read_typed(f"25.{dash}", "CHF") == read_typed(f"25,{dash}", "EUR") == Typed(minor=2500)


@pytest.mark.parametrize(
    ("typed", "code", "expected"),
    [
        ("١٫٢٣٤", "KWD", Typed(minor=1234)),
        ("١٫٢٣٤", "USD", Typed(problem="AMOUNT_DECIMALS")),
        ("١٬٢٣٤", "KWD", Typed(minor=1234000)),
        ("１，２３４", "JPY", Typed(minor=1234)),
        ("￥１２３４", "JPY", Typed(minor=1234)),
        ("１２３４", "JPY", Typed(minor=1234)),
    ],
)
def test_marks_that_mean_one_thing_only_are_not_asked_about(typed, code, expected):
    assert read_typed(typed, code) == expected


def test_groups_of_two_are_read_where_they_are_usual_and_nowhere_else():
    assert read_typed("12,34,567.89", "INR", locale="en-IN") == Typed(minor=123456789)
    assert read_typed("12,34,567", "INR", locale="en-IN") == Typed(minor=123456700)
    assert read_typed("1,234,567", "INR", locale="en-IN") == Typed(minor=123456700)
    for typed in ("12,34,56", "123,45,678", "1,2,345"):
        assert read_typed(typed, "INR", locale="en-IN") == Typed(problem="AMOUNT_INVALID")
    assert read_typed("12,34,567", "INR", locale="en-US") == Typed(problem="AMOUNT_INVALID")


@pytest.mark.parametrize("typed", ["0", "0.00", "0,0", "٠", "０"])
def test_nothing_at_all_is_an_amount_only_where_that_is_meant(typed):
    assert read_typed(typed, "USD", zero_allowed=True) == Typed(minor=0)
    assert read_typed(typed, "USD") == Typed(problem="AMOUNT_POSITIVE")
    assert read_typed("-1", "USD", zero_allowed=True) == Typed(problem="AMOUNT_POSITIVE")
