"""Account numbers that notice typos, ids that sort by time, references that people can read out."""

import os
import random
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bank_app.domain.identifiers import (
    account_number_text,
    earliest_id,
    fingerprint,
    grouped,
    internal_account_number,
    made_at,
    new_account_number,
    new_id,
    parse_account_number,
    reference,
    reference_bits,
    with_check_digits,
)
from bank_app.errors import InvalidAccountNumber

SAMPLES = [account_number_text(with_check_digits(payload)) for payload in random.Random(97).sample(range(10**8), 60)]


def is_valid(text):
    try:
        parse_account_number(text)
    except InvalidAccountNumber:
        return False
    return True


def test_an_account_number_is_eight_digits_and_two_that_follow_from_them():
    # ISO 7064 MOD 97-10 by hand: 98 - (12345678 * 100 mod 97) = 89.
    assert 98 - 12345678 * 100 % 97 == 89
    assert with_check_digits(12345678) == 1234567889
    assert parse_account_number("1234567889") == 1234567889


@pytest.mark.parametrize(
    "text", ["1234567889", "1234 5678 89", "1234-5678-89", " 1234567889 ", "1234\u00a05678\u00a089"]
)
def test_spaces_and_dashes_do_not_matter(text):
    assert parse_account_number(text) == 1234567889


@pytest.mark.parametrize("number", SAMPLES)
def test_every_wrong_digit_is_noticed(number):
    for place, digit in enumerate(number):
        for other in set("0123456789") - {digit}:
            assert not is_valid(number[:place] + other + number[place + 1 :])


@pytest.mark.parametrize("number", SAMPLES)
def test_every_swap_of_neighbours_is_noticed(number):
    for place in range(9):
        swapped = number[:place] + number[place + 1] + number[place] + number[place + 2 :]
        assert is_valid(swapped) == (swapped == number)


@pytest.mark.parametrize("text", ["", "123", "12345678891", "١٢٣٤", "\u200b", "12 - 34", None, 1234567889, "1" * 300])
def test_what_is_not_ten_digits_is_no_account_number(text):
    with pytest.raises(InvalidAccountNumber) as refusal:
        parse_account_number(text)
    assert refusal.value.details["problem"] == "length"
    assert refusal.value.details["count"] != 10


@pytest.mark.parametrize(
    ("text", "character", "named"),
    [
        ("12345678O2", "O", "“O”"),
        ("1234.5678.89", ".", "“.”"),
        ("1234567889²", "²", "“²”"),
        ("account 1234567889", "a", "“a”"),
        ("①234567889", "①", "“①”"),
    ],
)
def test_what_is_among_ten_digits_is_named(text, character, named):
    with pytest.raises(InvalidAccountNumber) as refusal:
        parse_account_number(text)
    assert refusal.value.details == {"problem": "character", "character": character}
    assert named in refusal.value.detail


HIDDEN = (
    "\u200b\u200c\u200d\u2060\ufeff\u00ad\u200e\u200f\u202a\u202c\u202e\u2066\u2069\u061c\u034f\u3164\u2800\ufe0f"
    "\x00\x1b\U000e0041"
)


@pytest.mark.parametrize("character", HIDDEN)
def test_what_nobody_sees_in_a_pasted_number_is_passed_over(character):
    for text in (f"{character}1234567889", f"12345{character}67889", f"1234567889{character}"):
        assert parse_account_number(text) == 1234567889


@pytest.mark.parametrize("dash", "-‐‑‒–—―−﹘﹣－⸺ー─")
def test_dashes_of_every_kind_do_not_matter(dash):
    assert parse_account_number(f"1234{dash}5678{dash}89") == 1234567889


@pytest.mark.parametrize("space", " \t\n\u00a0\u2007\u2009\u202f\u3000")
def test_spaces_of_every_kind_do_not_matter(space):
    assert parse_account_number(f"1234{space}5678{space}89") == 1234567889


@pytest.mark.parametrize("zero", [0x0660, 0x06F0, 0x0966, 0x09E6, 0x0E50, 0xFF10, 0x1D7CE])
def test_digits_of_every_script_are_digits(zero):
    assert parse_account_number("".join(chr(zero + int(digit)) for digit in "1234567889")) == 1234567889


def test_a_typo_is_told_from_a_wrong_length():
    with pytest.raises(InvalidAccountNumber, match="typo") as refusal:
        parse_account_number("1234567899")
    assert refusal.value.details == {"problem": "check_digits"}


@given(st.integers(0, 10**8 - 1))
def test_a_number_is_written_with_all_its_digits_and_read_back(payload):
    number = with_check_digits(payload)
    assert len(account_number_text(number)) == 10
    assert parse_account_number(account_number_text(number)) == number
    assert parse_account_number(grouped(number)) == number


def test_customers_numbers_never_begin_with_zero_and_the_banks_own_always_do():
    assert all(account_number_text(new_account_number())[0] != "0" for _ in range(500))
    own = {
        internal_account_number(kind, code, stripe) for kind in range(1, 5) for code in ("AAA", "USD", "ZZZ")
        for stripe in range(10)
    }  # fmt: skip
    assert len(own) == 4 * 3 * 10
    assert all(account_number_text(number)[0] == "0" and is_valid(account_number_text(number)) for number in own)


def test_ids_are_uuid7_and_sort_by_the_time_they_were_made():
    ids = [new_id() for _ in range(2000)]
    assert {(one.version, one.variant) for one in ids} == {(7, "specified in RFC 4122")}
    assert len(set(ids)) == 2000
    assert ids == sorted(ids)


def test_however_many_ids_are_made_at_once_they_do_not_run_ahead_of_the_clock():
    ids = [new_id() for _ in range(5000)]
    assert made_at(ids[-1]) <= datetime.now(UTC)
    assert len({one.int & ((1 << 62) - 1) for one in ids}) == 5000


@given(st.timedeltas(timedelta(), timedelta(days=200 * 365)))
def test_the_earliest_id_of_a_moment_knows_its_millisecond(since):
    moment = datetime(1970, 1, 1, tzinfo=UTC) + since
    assert timedelta() <= moment - made_at(earliest_id(moment)) < timedelta(milliseconds=1)


def test_what_is_made_from_a_moment_on_is_not_before_its_earliest_id():
    moment = datetime.now(UTC)
    made = new_id()
    assert earliest_id(moment - timedelta(milliseconds=1)) < earliest_id(moment) <= made
    assert abs(made_at(made) - moment) < timedelta(seconds=5)


def test_a_reference_is_the_last_forty_bits_in_letters_that_are_not_mistaken():
    assert reference(UUID(int=0)) == "0000-0000"
    assert reference(UUID(int=(1 << 128) - 1)) == "ZZZZ-ZZZZ"
    assert reference(UUID("00000000-0000-7000-8000-000123456789")) == "04HM-ASW9"


@given(st.uuids())
def test_a_reference_finds_its_id_again(identifier):
    bits = identifier.bytes[-5:]
    assert reference_bits(reference(identifier)) == bits
    assert reference_bits(f" {reference(identifier).lower().replace('-', '')} ") == bits


@pytest.mark.parametrize("text", ["", "1234-567", "1234-56789", "ILOU-ILOU", "coffee!!"])
def test_what_is_no_reference_finds_nothing(text):
    assert reference_bits(text) is None


def test_a_fingerprint_is_the_same_for_the_same_request_in_any_order():
    assert fingerprint("transfer", {"a": 1, "b": "é"}) == fingerprint("transfer", {"b": "é", "a": 1})
    assert len(fingerprint("transfer", {})) == 32


@pytest.mark.parametrize(
    ("operation", "request_body"),
    [
        ("deposit", {"amount": "10.00"}),
        ("transfer", {"amount": "10.01"}),
        ("transfer", {"amount": 10}),
        ("transfer", {"amount": "10.00", "description": None}),
        ("transfer", {}),
    ],
)
def test_a_fingerprint_differs_with_anything_that_was_asked(operation, request_body):
    assert fingerprint(operation, request_body) != fingerprint("transfer", {"amount": "10.00"})


def test_a_copy_of_the_process_makes_other_ids():
    new_id()
    reading, writing = os.pipe()
    if not (child := os.fork()):
        os.write(writing, b"".join([new_id().bytes for _ in range(50)]))
        os._exit(0)
    os.waitpid(child, 0)
    theirs = os.read(reading, 50 * 16)
    random = {theirs[start + 8 : start + 16] for start in range(0, len(theirs), 16)}
    assert len(random) == 50
    assert not random & {new_id().bytes[8:] for _ in range(600)}
