"""Amounts on the wire: decimal strings, and JSON numbers only where they say exactly what will move."""

import pytest

DEPOSIT = "/transactions/deposit"


@pytest.fixture
def deposit(caller, counter, ada):
    """Deposits a literal piece of JSON into a new account of Ada's."""
    program = caller(ada)

    def one(literal, currency="USD"):
        account = counter.open(ada, currency=currency)
        return program.raw(DEPOSIT, f'{{"account_id": "{account.number}", "amount": {literal}}}')

    return one


@pytest.mark.parametrize(
    ("literal", "currency", "posted"),
    [
        ('"12.34"', "USD", "12.34"),
        ('"12"', "USD", "12.00"),
        ('"0.01"', "USD", "0.01"),
        ('"0012.30"', "USD", "12.30"),
        ("12.34", "USD", "12.34"),
        ("12.3", "USD", "12.30"),
        ("12", "USD", "12.00"),
        ("12.340", "USD", "12.34"),
        ("0.1", "USD", "0.10"),
        ("12.000000000000000000000", "JPY", "12"),
        ('"500"', "JPY", "500"),
        ('"1.125"', "KWD", "1.125"),
        ("1.125", "KWD", "1.125"),
        ('"10000000000000.00"', "USD", "10000000000000.00"),
        ("9999999999999.99", "USD", "9999999999999.99"),
        # An exponent is another way to write the same number, and the usual one of some languages' decimals.
        ("1e2", "USD", "100.00"),
        ("1E+2", "USD", "100.00"),
        ("1.234E+2", "USD", "123.40"),
        ("12345E-2", "USD", "123.45"),
        ("100e-2", "USD", "1.00"),
        ("1E-3", "KWD", "0.001"),
        ("5E3", "JPY", "5000"),
        ("50e-1", "JPY", "5"),
    ],
)
def test_an_amount_is_taken_as_it_was_written(deposit, literal, currency, posted):
    answer = deposit(literal, currency)
    assert (answer.status_code, answer.json().get("amount")) == (201, posted)


@pytest.mark.parametrize(
    ("literal", "currency"),
    [
        ("0", "USD"), ("0.00", "USD"), ('"0"', "USD"), ('"0.00"', "USD"), ("-0", "USD"), ("-0.0", "USD"),
        ("-1", "USD"), ('"-1"', "USD"), ('"+1"', "USD"),
        ('"1e2"', "USD"), ('"1E+2"', "USD"), ("1e400", "USD"), ("1e99", "USD"), ("1e-400", "USD"), ("-1e2", "USD"),
        ("1E-3", "USD"), ("5e-1", "JPY"), ("0e5", "USD"), ("1.0000000000000001e2", "USD"),
        ("12.340000000000000001", "USD"), ("12.345", "USD"), ('"12.345"', "USD"), ('"12.340"', "USD"),
        ("0.1000000000000000055511151231257827", "USD"),
        ("12.5", "JPY"), ('"12.0"', "JPY"), ('"1.1251"', "KWD"),
        ('"1,000.00"', "USD"), ('"1 000"', "USD"), ('" 12"', "USD"), ('"12 "', "USD"), ('"12."', "USD"),
        ('".5"', "USD"),
        ('"$12"', "USD"), ('"12.34\\n"', "USD"), ('"٣"', "USD"), ('"１２"', "USD"), ('"NaN"', "USD"),
        ('"Infinity"', "USD"),
        ('"0x10"', "USD"), ('""', "USD"), ("true", "USD"), ("false", "USD"), ("null", "USD"),
        ("[]", "USD"), ("{}", "USD"),
        ('"10000000000000.01"', "USD"), ("10000000000000.01", "USD"), ("9" * 60, "USD"), ('"' + "9" * 60 + '"', "USD"),
        ("9" * 5000, "USD"),
    ],
)  # fmt: skip
def test_an_amount_that_is_anything_else_is_refused(deposit, literal, currency):
    answer = deposit(literal, currency)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_amount")
    assert answer.json()["errors"][0]["field"] == "amount"
    assert answer.json()["errors"][0]["code"] == "invalid_amount"


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity", "012", "1.", ".5", "+1", "12.34,"])
def test_a_number_that_is_no_json_is_no_json(deposit, literal):
    answer = deposit(literal)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_json")


def test_an_opening_balance_follows_the_same_rules_and_may_be_zero(caller, ada):
    for literal, status in [
        ('"0.00"', 201),
        ("0", 201),
        ("100.5", 201),
        ("1e2", 201),
        ("0e1", 201),
        ("0.001", 422),
        ("-1", 422),
    ]:
        answer = caller(ada).raw("/accounts", f'{{"initial_balance": {literal}}}')
        assert answer.status_code == status, literal
        if status == 422:
            assert answer.json()["code"] == "invalid_amount"
            assert answer.json()["errors"][0]["field"] == "initial_balance"


def test_answers_carry_text_with_exactly_the_digits_of_the_currency(caller, ada):
    for currency, opened, shown in [("USD", "5", "5.00"), ("JPY", "5", "5"), ("KWD", "5.5", "5.500")]:
        account = caller(ada).post("/accounts", {"currency": currency, "initial_balance": opened}).json()
        assert (account["balance"], account["available"]) == (shown, shown)


@pytest.mark.parametrize(
    ("literal", "kept"),
    [('{"a": 1.5, "b": [1, "x", null, true]}', {"a": 1.5, "b": [1, "x", None, True]}), ("null", {}), ("{}", {})],
)
def test_metadata_comes_back_as_it_was_sent(caller, counter, ada, literal, kept):
    account = counter.open(ada)
    body = f'{{"account_id": "{account.number}", "amount": "1", "metadata": {literal}}}'
    answer = caller(ada).raw(DEPOSIT, body)
    assert (answer.status_code, answer.json().get("metadata")) == (201, kept)
    assert caller(ada).get(f"/transactions/{answer.json()['id']}").json()["metadata"] == kept


@pytest.mark.parametrize(
    "literal",
    [
        '{"a": 0.1000000000000000055511151231257827}', '{"a": 1e400}', '{"a": ' + "9" * 5000 + "}",
        "[]", '"x"', "1", '{"a":' * 9 + "1" + "}" * 9, '{"a": "' + "x" * 17000 + '"}',
    ],
)  # fmt: skip
def test_metadata_that_would_come_back_changed_is_refused(caller, counter, ada, literal):
    account = counter.open(ada)
    answer = caller(ada).raw(DEPOSIT, f'{{"account_id": "{account.number}", "amount": "1", "metadata": {literal}}}')
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert answer.json()["errors"][0]["field"] == "metadata"


@pytest.mark.parametrize(
    ("literal", "named"),
    [
        ('"12.34\\u200b"', "a hidden character (U+200B)"),
        ('"\\ufeff12.34"', "a hidden character (U+FEFF)"),
        ('"12.34\\u00a0"', "a hidden character (U+00A0)"),
        ('"12.34\\n"', "a hidden character (U+000A)"),
        ('"1 000"', "a space"),
        ('"１２"', "“１”"),
        ('"٣"', "“٣”"),
        ('"1,000.00"', "“,”"),
        ('"−12"', "“−”"),
    ],
)
def test_a_character_that_no_amount_has_is_named(deposit, literal, named):
    answer = deposit(literal)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_amount")
    assert named in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    "literal", ["1234567889", "1234567889.0", "1.234567889E9", "12345678901234567890123456789012345"]
)
def test_an_account_number_that_is_sent_as_a_number_is_asked_for_as_a_string(caller, ada, literal):
    answer = caller(ada).raw(DEPOSIT, f'{{"account_id": {literal}, "amount": "1"}}')
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_account_number")
    assert answer.json()["errors"][0]["message"] == 'Send the account number as a string, such as "1234567889".'


def test_an_account_number_is_understood_as_it_was_pasted(caller, counter, ada):
    number = counter.open(ada, "10.00").number
    for pasted in (f"\u200b{number}", f"{number[:4]}–{number[4:8]}–{number[8:]}", f"{number}\u00ad", _arabic(number)):
        answer = caller(ada).post(DEPOSIT, {"account_id": pasted, "amount": "1.00"})
        assert (answer.status_code, answer.json().get("account_id", number)) == (201, number)
        assert caller(ada).get(f"/accounts/{pasted}").json()["id"] == number


def _arabic(number):
    return "".join(chr(0x0660 + int(digit)) for digit in number)


def test_the_document_says_what_is_taken(caller, ada):
    schemas = caller(ada).get("/openapi.json").json()["components"]["schemas"]
    amount, number = schemas["CashIn"]["properties"]["amount"], schemas["CashIn"]["properties"]["account_id"]
    assert {"type": "number", "exclusiveMinimum": 0} in amount["anyOf"]
    assert number["type"] == "string"


@pytest.mark.parametrize("literal", ["3600", "3600.0", "3.6e3", "36E+2"])
def test_a_whole_number_is_told_by_its_value(caller, counter, ada, literal):
    account = counter.open(ada, "10.00")
    body = f'{{"account_id": "{account.number}", "amount": "1", "expires_in": {literal}}}'
    assert caller(ada).raw("/holds", body).status_code == 201


@pytest.mark.parametrize("literal", ["3600.5", '"3600"', "true", "1e99", "36e-1"])
def test_what_is_no_whole_number_is_none(caller, counter, ada, literal):
    account = counter.open(ada, "10.00")
    body = f'{{"account_id": "{account.number}", "amount": "1", "expires_in": {literal}}}'
    assert caller(ada).raw("/holds", body).status_code == 422


@pytest.mark.parametrize(
    ("literal", "said"),
    [
        ("0.30000000000000004", "The amount has more decimals than any currency."),
        ("1e-12", "The amount has more decimals than any currency."),
        ("1e30", "The amount is more than this bank can record."),
    ],
)
def test_a_number_that_is_none_of_money_is_told_what_is_wrong_with_it(deposit, literal, said):
    answer = deposit(literal)
    assert (answer.status_code, answer.json()["code"], answer.json()["detail"]) == (422, "invalid_amount", said)
