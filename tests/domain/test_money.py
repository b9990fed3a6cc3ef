"""Amounts on the wire and on the screen: whole minor units in between, never a float."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bank_app.domain import money
from bank_app.errors import InvalidAmount

# One currency for each number of decimals that ISO 4217 knows and an account may have.
CURRENCIES = st.sampled_from(["JPY", "USD", "KWD"])
AMOUNTS = st.integers(1, money.MAX_MINOR)


@pytest.mark.parametrize(
    ("value", "code", "minor"),
    [
        ("12.34", "USD", 1234),
        ("12.3", "USD", 1230),
        ("12", "USD", 1200),
        ("007", "USD", 700),
        ("0.01", "USD", 1),
        (12, "USD", 1200),
        (12.34, "USD", 1234),
        (12.0, "JPY", 12),
        (Decimal("12.34"), "USD", 1234),
        (Decimal("1E+3"), "USD", 100000),
        ("500", "JPY", 500),
        ("1.234", "KWD", 1234),
        ("10000000000000.00", "USD", 10**15),
    ],
)
def test_an_amount_of_a_request_becomes_whole_minor_units(value, code, minor):
    parsed = money.parse(value, code)
    assert parsed == minor
    assert type(parsed) is int


@pytest.mark.parametrize(
    "value",
    [
        "", " ", "abc", "-5", "+5", "1e3", "NaN", "Infinity", "1,000.00", "1 000", " 12", "12 ", ".5", "5.", "१२",
        "12\n", "$5", "0x10", "1" * 21, "1.12345678901", -5, -0.5, 1e22, 1e-7, float("nan"), float("inf"), 0.1 + 0.2,
        pytest.param(10**5000, id="10**5000"), Decimal("1E+300"), Decimal("NaN"), True, False, None, [], {}, b"12",
    ],
)  # fmt: skip
def test_anything_but_a_plain_positive_decimal_is_no_amount(value):
    with pytest.raises(InvalidAmount):
        money.parse(value, "USD")


@pytest.mark.parametrize("value", ["0", "0.00", 0, 0.0, -0.0])
def test_zero_is_no_amount_to_move_but_may_open_an_account(value):
    with pytest.raises(InvalidAmount, match="more than zero"):
        money.parse(value, "USD")
    assert money.Amount.of(value).is_zero
    assert money.Amount.of(value).minor("USD", zero_allowed=True) == 0


@pytest.mark.parametrize(
    ("value", "code", "sentence"),
    [
        ("12.345", "USD", "USD has 2 decimals; the amount has more."),
        ("12.340", "USD", "USD has 2 decimals; the amount has more."),
        ("12.5", "JPY", "JPY has no decimals; the amount has more."),
        ("1.2345", "KWD", "KWD has 3 decimals; the amount has more."),
    ],
)
def test_an_amount_with_more_decimals_than_its_currency_is_refused(value, code, sentence):
    with pytest.raises(InvalidAmount) as refusal:
        money.parse(value, code)
    assert refusal.value.detail == sentence
    assert refusal.value.details == {"currency": code}


@pytest.mark.parametrize(("value", "code"), [("10000000000000.01", "USD"), ("1000000000000001", "JPY")])
def test_an_amount_that_is_more_than_one_posting_can_hold_is_refused(value, code):
    with pytest.raises(InvalidAmount, match="at most"):
        money.parse(value, code)


@given(AMOUNTS, CURRENCIES)
def test_what_is_written_on_the_wire_is_read_back_exactly(minor, code):
    assert money.parse(money.to_text(minor, code), code) == minor


@given(st.integers(-money.MAX_MINOR, money.MAX_MINOR), CURRENCIES)
def test_the_wire_has_every_digit_and_no_exponent(minor, code):
    text = money.to_text(minor, code)
    whole, _, rest = text.removeprefix("-").partition(".")
    assert len(rest) == money.currency(code).digits
    assert whole.isdigit()
    assert int(whole + rest) == abs(minor)
    assert text.startswith("-") == (minor < 0)


@given(st.integers(1, 10**11))
def test_a_json_number_means_what_its_shortest_form_says(cents):
    # Seventeen significant digits are what a double can carry; more than that nobody can send as a JSON number.
    assert money.parse(cents / 100, "USD") == cents


@given(st.integers(-money.MAX_MINOR, money.MAX_MINOR), CURRENCIES)
def test_what_people_read_has_the_same_digits(minor, code):
    shown = money.display(minor, code)
    assert int("".join(c for c in shown if c.isascii() and c.isdigit())) == abs(minor)
    assert shown.startswith(money.MINUS) == (minor < 0)


@pytest.mark.parametrize(
    ("minor", "code", "shown", "signed"),
    [
        (124000, "USD", "$1,240.00", "+$1,240.00"),
        (-2500, "USD", "−$25.00", "−$25.00"),
        (0, "USD", "$0.00", "$0.00"),
        (-5, "USD", "−$0.05", "−$0.05"),
        (123456, "JPY", "¥123,456", "+¥123,456"),
        (123456, "EUR", "€1,234.56", "+€1,234.56"),
        (123456, "CHF", "CHF\u00a01,234.56", "+CHF\u00a01,234.56"),
        (1234567, "KWD", "KWD\u00a01,234.567", "+KWD\u00a01,234.567"),
        (10**15, "USD", "$10,000,000,000,000.00", "+$10,000,000,000,000.00"),
    ],
)
def test_people_read_amounts_with_symbol_groups_and_a_true_minus(minor, code, shown, signed):
    assert money.display(minor, code) == shown
    assert money.display(minor, code, signed=True) == signed


@pytest.mark.parametrize("code", ["USD", "usd"])
def test_a_currency_is_known_by_its_code_in_any_case(code):
    dollar = money.currency(code)
    assert (dollar.code, dollar.digits, dollar.unit, dollar.symbol) == ("USD", 2, 100, "$")


@pytest.mark.parametrize("code", ["XXX", "XAU", "XTS", "ZZZ", "US", "", "DOLLAR", "¥¥¥"])
def test_gold_test_codes_and_inventions_are_no_currency(code):
    with pytest.raises(ValueError, match="currency"):
        money.currency(code)


@pytest.mark.parametrize(
    ("locale", "code", "minor", "short"),
    [
        ("en-US", "USD", 800_000, "$8k"), ("en-US", "USD", 150_000, "$1.5k"), ("en-US", "USD", 21_200, "$212"),
        ("en-US", "USD", 50, "$0.50"), ("en-US", "USD", -800_000, "−$8k"), ("en-US", "JPY", 1500, "¥1.5k"),
        ("en-US", "KWD", 2_000_000_000, "KWD\u00a02m"), ("en-US", "USD", 123_400, "$1,234"),
        ("de-DE", "EUR", 123_400, "1.234\u00a0€"), ("de-DE", "EUR", 150_000, "1,5k\u00a0€"),
        ("de-DE", "EUR", 100_000_00, "100k\u00a0€"), ("de-DE", "EUR", 50, "0,50\u00a0€"),
        ("de-DE", "EUR", 0, "0\u00a0€"),
    ],
)  # fmt: skip
def test_an_amount_on_an_axis_is_short_and_never_shortened_to_another(locale, code, minor, short):
    money.write_as(locale)
    try:
        assert money.short(minor, code) == short
    finally:
        money.write_as("en_US")
