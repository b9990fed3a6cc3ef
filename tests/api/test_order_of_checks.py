"""The order of api.md §2: each request here is wrong in two neighbouring ways, and the first of them is answered."""

import pytest

from bank_app.domain.accounting import AccountStatus

# Decided before a database is asked, or the same whatever it answers.
ENGINES = ["sqlite"]

BAD_JSON = '{"amount": '
TRANSFER = "/transactions/transfer"


@pytest.mark.parametrize("text", [BAD_JSON, "{}", '{"amount":"-1"}', "[]", '{"from_account_id":"0000000000"}'])
@pytest.mark.parametrize("path", [TRANSFER, "/transactions/deposit", "/accounts", "/transactions/nonsense/reverse"])
def test_who_asks_comes_before_the_shape_of_what_is_asked(anyone, path, text):
    answer = anyone.raw(path, text)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


def test_who_asks_comes_before_the_kind_and_size_of_the_body(anyone):
    assert anyone.raw(TRANSFER, "x" * 2_000_000).status_code == 401
    assert anyone.raw(TRANSFER, "a=1", content_type="application/x-www-form-urlencoded").status_code == 401


def test_the_shape_comes_before_the_replay(caller, counter, ada, ben):
    source, target = counter.open(ada, "100.00"), counter.open(ben)
    body = {"from_account_id": source.number, "to_account_id": target.number, "amount": "10.00"}
    assert caller(ada).post(TRANSFER, body, key="k").status_code == 201
    answer = caller(ada).post(TRANSFER, {**body, "amount": "-10.00"}, key="k")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_amount")


def test_the_shape_comes_before_existence(caller, ada, nobodys_number):
    body = {"from_account_id": nobodys_number, "to_account_id": nobodys_number, "amount": "1.00"}
    assert caller(ada).post(TRANSFER, body).json()["code"] == "same_account"
    body = {"account_id": nobodys_number, "amount": "0.00"}
    assert caller(ada).post("/transactions/deposit", body).json()["code"] == "invalid_amount"
    assert caller(ada).get("/accounts/1234567801").json()["code"] == "invalid_account_number"


def test_the_replay_comes_before_existence_and_permission(caller, counter, ada, ben, nobodys_number):
    source, target = counter.open(ada, "100.00"), counter.open(ben)
    body = {"from_account_id": source.number, "to_account_id": target.number, "amount": "10.00"}
    first = caller(ada).post(TRANSFER, body, key="k")
    answer = caller(ada).post(TRANSFER, {**body, "from_account_id": nobodys_number}, key="k")
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    again = caller(ada).post(TRANSFER, body, key="k")
    assert (again.status_code, again.json()) == (201, first.json())


def test_existence_comes_before_permission(caller, counter, ada, auditor, nobodys_number):
    target = counter.open(ada)
    body = {"from_account_id": nobodys_number, "to_account_id": target.number, "amount": "1.00"}
    assert caller(auditor).post(TRANSFER, body).json()["code"] == "account_not_found"
    body = {"from_account_id": target.number, "to_account_id": nobodys_number, "amount": "1.00"}
    assert caller(auditor).post(TRANSFER, body).json()["code"] == "account_not_found"


def test_permission_comes_before_the_state_of_the_account(caller, counter, ada, ben, teller, auditor):
    source, target = counter.open(ada, "100.00"), counter.open(ben)
    counter.change(teller, source, status=_frozen())
    body = {"from_account_id": source.number, "to_account_id": target.number, "amount": "1.00"}
    assert caller(auditor).post(TRANSFER, body).json()["code"] == "forbidden"
    assert caller(ada).post(TRANSFER, body).json()["code"] == "account_frozen"


def test_the_state_comes_before_the_currency(caller, counter, ada, ben, teller):
    source, target = counter.open(ada, "100.00"), counter.open(ben, currency="EUR")
    body = {"from_account_id": source.number, "to_account_id": target.number, "amount": "1000.00"}
    counter.change(teller, source, status=_frozen())
    assert caller(ada).post(TRANSFER, body).json()["code"] == "account_frozen"


def test_the_currency_comes_before_the_funds(caller, counter, ada, ben):
    source, target = counter.open(ada, "100.00"), counter.open(ben, currency="EUR")
    body = {"from_account_id": source.number, "to_account_id": target.number, "amount": "1000.00"}
    answer = caller(ada).post(TRANSFER, body)
    assert (answer.status_code, answer.json()["code"]) == (422, "currency_mismatch")


def test_the_currency_comes_before_the_limits_and_they_before_the_funds(caller, counter, ada, ben, teller):
    source = counter.open(ada, "100.00")
    counter.change(teller, source, transfer_limit="10.00", daily_limit="5.00")
    body = {"from_account_id": source.number, "amount": "1000.00"}
    abroad = {**body, "to_account_id": counter.open(ben, currency="EUR").number}
    assert caller(ada).post(TRANSFER, abroad).json()["code"] == "currency_mismatch"
    body["to_account_id"] = counter.open(ben).number
    told = [caller(ada).post(TRANSFER, {**body, "amount": amount}).json() for amount in ("1000.00", "10.00")]
    assert [(problem["code"], problem["limit"]) for problem in told] == [
        ("limit_exceeded", "transfer"), ("limit_exceeded", "daily"),
    ]  # fmt: skip
    counter.change(teller, source, transfer_limit=None, daily_limit=None)
    assert caller(ada).post(TRANSFER, body).json()["code"] == "insufficient_funds"


def test_a_hold_is_checked_in_the_same_order(caller, counter, ada, ben, teller, auditor, nobodys_number):
    source, target = counter.open(ada, "100.00"), counter.open(ben, currency="EUR")
    program, body = caller(ada), {"account_id": source.number, "amount": "1000.00"}
    assert caller(auditor).post("/holds", {**body, "account_id": nobodys_number}).json()["code"] == "account_not_found"
    assert caller(auditor).post("/holds", body).json()["code"] == "forbidden"
    counter.change(teller, source, transfer_limit="10.00", status=_frozen())
    abroad = {**body, "to_account_id": target.number}
    assert program.post("/holds", abroad).json()["code"] == "account_frozen"
    counter.change(teller, source, status=AccountStatus.OPEN)
    assert program.post("/holds", abroad).json()["code"] == "currency_mismatch"
    assert program.post("/holds", body).json()["code"] == "limit_exceeded"
    counter.change(teller, source, transfer_limit=None)
    assert program.post("/holds", body).json()["code"] == "insufficient_funds"


def test_whether_a_hold_is_open_comes_before_the_state_of_the_account(caller, counter, ada, teller):
    source = counter.open(ada, "100.00")
    held = counter.hold(ada, source, "10.00")
    counter.release(ada, held)
    counter.change(teller, source, status=_frozen())
    capture = f"/holds/{held.hold.id}/capture"
    assert caller(ada).post(capture).json()["code"] == "hold_not_open"
    assert caller(ada).post(capture, {"amount": "10.01"}).json()["code"] == "invalid_amount"
    assert caller(ada).post(capture, {"amount": "0"}, key="k").json()["code"] == "invalid_amount"


def test_the_funds_come_last(caller, counter, ada, ben):
    source, target = counter.open(ada, "10.00"), counter.open(ben)
    body = {"from_account_id": source.number, "to_account_id": target.number, "amount": "25.00"}
    answer = caller(ada).post(TRANSFER, body)
    assert answer.status_code == 409
    problem = answer.json()
    assert problem["code"] == "insufficient_funds"
    assert (problem["available"], problem["shortfall"], problem["currency"]) == ("10.00", "15.00", "USD")
    assert problem["detail"] == f"Account {source.number} has 10.00 USD available; 25.00 is needed."
    assert problem["money_moved"] == "no"


def _frozen():
    return AccountStatus.FROZEN
