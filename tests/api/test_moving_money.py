"""Deposits, withdrawals, transfers and reversals over REST, and what an idempotency key promises."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from bank_app.domain.accounting import AccountStatus, FrozenFor

TRANSFER = "/transactions/transfer"


@pytest.fixture
def pair(counter, ada, ben):
    """Ada's account with 100.00 and Ben's without anything."""
    return counter.open(ada, "100.00"), counter.open(ben)


def body_of(pair, amount="25.00", **more):
    return {"from_account_id": pair[0].number, "to_account_id": pair[1].number, "amount": amount, **more}


def test_a_transfer_is_answered_with_both_of_its_sides(caller, ada, pair):
    answer = caller(ada).post(TRANSFER, body_of(pair, description="rent", metadata={"flat": 3}))
    moved = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/api/v1/transactions/{moved['id']}"
    assert "idempotency-replayed" not in answer.headers
    assert (moved["type"], moved["status"], moved["amount"], moved["currency"]) == (
        "transfer",
        "posted",
        "25.00",
        "USD",
    )
    assert (moved["description"], moved["metadata"], moved["reverses"], moved["reversed_by"]) == (
        "rent", {"flat": 3}, None, None,
    )  # fmt: skip
    assert moved["postings"] == [
        {
            "account_id": pair[0].number,
            "direction": "debit",
            "amount": "25.00",
            "balance_after": "75.00",
            "sequence": 2,
        },
        {
            "account_id": pair[1].number,
            "direction": "credit",
            "amount": "25.00",
            "balance_after": None,
            "sequence": None,
        },
    ]
    assert moved["created_at"].endswith("Z")
    assert len(moved["hash"]) == 64
    assert caller(ada).get(answer.headers["location"].removeprefix("/api/v1")).json() == moved


def test_cash_is_the_other_side_of_deposits_and_withdrawals(caller, ada, pair):
    for operation, sides in [
        ("deposit", [("cash", "debit"), (pair[0].number, "credit")]),
        ("withdraw", [(pair[0].number, "debit"), ("cash", "credit")]),
    ]:
        answer = caller(ada).post(f"/transactions/{operation}", {"account_id": pair[0].number, "amount": "5.00"})
        assert answer.status_code == 201
        assert [(side["account_id"], side["direction"]) for side in answer.json()["postings"]] == sides


def test_an_account_number_may_have_spaces_and_dashes(caller, ada, pair):
    number = pair[0].number
    spaced = f"{number[:4]} {number[4:8]}-{number[8:]}"
    assert caller(ada).post("/transactions/deposit", {"account_id": spaced, "amount": "1"}).status_code == 201


# --- idempotency ---------------------------------------------------------------------------------------


def test_the_same_key_gets_the_first_answer_again_and_moves_nothing(caller, ada, pair, counter):
    first = caller(ada).post(TRANSFER, body_of(pair), key="rent-november")
    again = caller(ada).post(TRANSFER, body_of(pair), key="rent-november")
    assert (again.status_code, again.content, again.headers["location"]) == (
        201, first.content, first.headers["location"],
    )  # fmt: skip
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert counter.balance(pair[0]) == "75.00"


def test_a_replay_is_the_first_answer_even_after_a_reversal(caller, ada, teller, pair):
    first = caller(ada).post(TRANSFER, body_of(pair), key="k")
    caller(teller).post(f"/transactions/{first.json()['id']}/reverse", {"reason": "r"})
    again = caller(ada).post(TRANSFER, body_of(pair), key="k")
    assert (again.status_code, again.content) == (201, first.content)


def test_a_refusal_is_repeated_although_the_money_has_come_meanwhile(caller, ada, pair, counter):
    refused = caller(ada).post(TRANSFER, body_of(pair, "250.00"), key="k")
    counter.deposit(ada, pair[0], "1000.00")
    again = caller(ada).post(TRANSFER, body_of(pair, "250.00"), key="k")
    assert (refused.status_code, again.status_code) == (409, 409)
    assert "idempotency-replayed" not in refused.headers
    assert again.headers["idempotency-replayed"] == "true"
    # The detail says besides that it is the answer of then.
    other = {"request_id", "detail"}
    assert {k: v for k, v in again.json().items() if k not in other} == {
        k: v for k, v in refused.json().items() if k not in other
    }
    assert again.json()["detail"].startswith(f"{refused.json()['detail']} This is the answer of the first time")
    assert caller(ada).post(TRANSFER, body_of(pair, "250.00"), key="another").status_code == 201


def test_a_refused_currency_is_repeated_too(caller, counter, ada, ben):
    pair = counter.open(ada, "100.00"), counter.open(ben, currency="EUR")
    assert caller(ada).post(TRANSFER, body_of(pair), key="k").json()["code"] == "currency_mismatch"
    again = caller(ada).post(TRANSFER, body_of(pair), key="k")
    assert (again.status_code, again.headers["idempotency-replayed"]) == (422, "true")
    assert again.json()["errors"][0]["code"] == "currency_mismatch"


@pytest.mark.parametrize(
    "change", [{"amount": "26.00"}, {"description": "other"}, {"metadata": {"a": 1}}, {"if_version": 1}]
)
def test_a_key_belongs_to_one_body(caller, ada, pair, change):
    assert caller(ada).post(TRANSFER, body_of(pair), key="k").status_code == 201
    answer = caller(ada).post(TRANSFER, {**body_of(pair), **change}, key="k")
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert answer.json()["errors"][0]["field"] == "Idempotency-Key"


def test_a_key_belongs_to_one_route(caller, ada, pair):
    body = {"account_id": pair[0].number, "amount": "5.00"}
    assert caller(ada).post("/transactions/deposit", body, key="k").status_code == 201
    assert caller(ada).post("/transactions/withdraw", body, key="k").json()["code"] == "idempotency_key_reused"


def test_a_key_belongs_to_one_person(caller, ada, ben, pair, counter):
    assert (
        caller(ada).post("/transactions/deposit", {"account_id": pair[0].number, "amount": "5"}, key="k").status_code
        == 201
    )
    assert (
        caller(ben).post("/transactions/deposit", {"account_id": pair[1].number, "amount": "5"}, key="k").status_code
        == 201
    )


def test_what_was_not_found_is_not_remembered(caller, ada, pair, nobodys_number):
    body = {**body_of(pair), "to_account_id": nobodys_number}
    assert caller(ada).post(TRANSFER, body, key="k").status_code == 404
    assert caller(ada).post(TRANSFER, body_of(pair), key="k").status_code == 201


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "tab\there", "é".encode()])
def test_a_key_is_1_to_255_visible_ascii_characters(caller, ada, pair, key, counter):
    answer = caller(ada).post(TRANSFER, body_of(pair), key=key)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert answer.json()["errors"][0]["field"] == "Idempotency-Key"
    assert counter.balance(pair[0]) == "100.00"


@pytest.mark.parametrize("key", ["!", "~" * 255, "draft:0192-f1d2"])
def test_a_key_may_be_any_visible_ascii(caller, ada, pair, key):
    assert caller(ada).post(TRANSFER, body_of(pair), key=key).status_code == 201
    assert caller(ada).post(TRANSFER, body_of(pair), key=key).headers["idempotency-replayed"] == "true"


def test_two_keys_at_once_are_none(caller, ada, pair):
    program = caller(ada)
    headers = [("Authorization", f"Bearer {program.token}"), ("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    answer = program.client.post(f"/api/v1{TRANSFER}", json=body_of(pair), headers=headers)
    assert answer.status_code == 422


def test_the_same_key_twenty_times_at_once_posts_once(caller, ada, pair, counter):
    program = caller(ada)
    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(lambda _: program.post(TRANSFER, body_of(pair), key="k"), range(20)))
    posted = [answer for answer in answers if answer.status_code == 201]
    # One that met the first while it was running may be told so; all others got the same bytes.
    assert {answer.json()["code"] for answer in answers if answer.status_code != 201} <= {"request_in_progress"}
    assert len({answer.content for answer in posted}) == 1
    assert sum("idempotency-replayed" not in answer.headers for answer in posted) == 1
    assert (counter.balance(pair[0]), counter.balance(pair[1])) == ("75.00", "25.00")


def test_the_same_refusal_twenty_times_at_once_is_one(caller, ada, pair):
    program = caller(ada)
    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(lambda _: program.post(TRANSFER, body_of(pair, "999.00"), key="k"), range(20)))
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(409, "insufficient_funds")}


# --- refusals ------------------------------------------------------------------------------------------


def test_money_moves_only_from_the_version_that_was_seen(caller, ada, pair):
    assert caller(ada).post(TRANSFER, body_of(pair, if_version=1)).status_code == 201
    answer = caller(ada).post(TRANSFER, body_of(pair, if_version=1))
    assert (answer.status_code, answer.json()["code"]) == (409, "precondition_failed")


@pytest.mark.parametrize("version", [True, 1.5, "1", -1, []])
def test_a_version_is_a_whole_number(caller, ada, pair, version):
    answer = caller(ada).post(TRANSFER, body_of(pair, if_version=version))
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


def test_a_frozen_account_receives_and_a_wholly_frozen_one_does_not(caller, ada, teller, pair, counter):
    counter.change(teller, pair[1], status=AccountStatus.FROZEN)
    assert caller(ada).post(TRANSFER, body_of(pair)).status_code == 201
    counter.change(teller, pair[1], frozen_for=FrozenFor.ALL)
    answer = caller(ada).post(TRANSFER, body_of(pair))
    assert (answer.status_code, answer.json()["code"]) == (409, "account_frozen")


def test_a_closed_account_is_closed(caller, ada, teller, pair, counter):
    counter.change(teller, pair[1], status=AccountStatus.CLOSED)
    assert caller(ada).post(TRANSFER, body_of(pair)).json()["code"] == "account_closed"


def test_a_balance_has_an_end(caller, ada, pair, db, monkeypatch):
    from bank_app.services import rules

    monkeypatch.setattr(rules, "MAX_BALANCE", 12_000)
    answer = caller(ada).post("/transactions/deposit", {"account_id": pair[0].number, "amount": "30.00"})
    assert (answer.status_code, answer.json()["code"]) == (409, "limit_exceeded")


def test_a_transaction_is_reversed_once(caller, ada, teller, pair, counter):
    moved = caller(ada).post(TRANSFER, body_of(pair)).json()
    path = f"/transactions/{moved['id']}/reverse"
    answer = caller(teller).post(path, {"reason": "sent twice"}, key="undo")
    assert answer.status_code == 201
    assert (answer.json()["type"], answer.json()["reverses"]) == ("reversal", moved["id"])
    assert caller(ada).get(f"/transactions/{moved['id']}").json()["reversed_by"] == answer.json()["id"]
    assert counter.balance(pair[0]) == "100.00"
    assert caller(teller).post(path, {"reason": "sent twice"}, key="undo").json() == answer.json()
    again = caller(teller).post(path, {"reason": "sent twice"})
    assert (again.status_code, again.json()["code"]) == (409, "already_reversed")


def test_a_reversal_needs_the_money_to_be_there(caller, ada, ben, teller, pair, counter):
    moved = caller(ada).post(TRANSFER, body_of(pair)).json()
    counter.withdraw(ben, pair[1], "20.00")
    answer = caller(teller).post(f"/transactions/{moved['id']}/reverse", {"reason": "r"})
    assert (answer.status_code, answer.json()["code"]) == (409, "insufficient_funds")


def test_a_reversal_cannot_be_reversed(caller, ada, teller, pair):
    moved = caller(ada).post(TRANSFER, body_of(pair)).json()
    undone = caller(teller).post(f"/transactions/{moved['id']}/reverse", {"reason": "r"}).json()
    answer = caller(teller).post(f"/transactions/{undone['id']}/reverse", {"reason": "r"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


@pytest.mark.parametrize("reason", ["", "   ", None, "x" * 301])
def test_a_reversal_says_why(caller, ada, teller, pair, reason):
    moved = caller(ada).post(TRANSFER, body_of(pair)).json()
    answer = caller(teller).post(f"/transactions/{moved['id']}/reverse", {"reason": reason})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "reason")


def test_a_transaction_that_does_not_exist_is_not_found(caller, ada, teller):
    missing = "0192f1d2-0000-7000-8000-000000000000"
    assert caller(ada).get(f"/transactions/{missing}").json()["code"] == "transaction_not_found"
    answer = caller(teller).post(f"/transactions/{missing}/reverse", {"reason": "r"})
    assert (answer.status_code, answer.json()["code"]) == (404, "transaction_not_found")
    assert caller(ada).get("/transactions/17").json()["errors"][0]["field"] == "transaction_id"


@pytest.mark.parametrize("field", ["ammount", "from", "idempotency_key", "currency"])
def test_a_field_that_nobody_knows_moves_no_money(caller, ada, pair, field, counter):
    answer = caller(ada).post(TRANSFER, body_of(pair, **{field: "1"}))
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert [(error["field"], error["code"]) for error in answer.json()["errors"]] == [(field, "extra_forbidden")]
    assert counter.balance(pair[0]) == "100.00"


@pytest.mark.parametrize("description", ["x" * 141, 5, ["a"]])
def test_a_description_is_a_text_of_at_most_140_characters(caller, ada, pair, description):
    answer = caller(ada).post(TRANSFER, body_of(pair, description=description))
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "description")


@pytest.mark.parametrize("description", ["Miete für März – 🏠", "a'; DROP TABLE postings; --", "x" * 140, "<b>&amp;"])
def test_a_description_comes_back_letter_for_letter(caller, ada, pair, description):
    answer = caller(ada).post(TRANSFER, body_of(pair, description=description))
    assert (answer.status_code, answer.json()["description"]) == (201, description)
    entry = caller(ada).get(f"/accounts/{pair[0].number}/history?limit=1").json()["items"][0]
    assert entry["description"] == description
