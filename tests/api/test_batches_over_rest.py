"""`POST /api/v1/transactions/batch`: its limits, its answers, and its keys on the wire."""

import json

import pytest

from bank_app.api.app import create_api
from bank_app.api.requests import LARGER_BODIES
from bank_app.services import posting, work

BATCH = "/transactions/batch"
OF_THEN = "This is the answer of the first time, and stays it for this key; to have it decided anew, send a new key."


@pytest.fixture
def hers(counter, ada):
    return counter.open(ada, "100.00")


@pytest.fixture
def his(counter, ben):
    return counter.open(ben)


@pytest.fixture
def program(caller, ada):
    return caller(ada)


def pay(source, target, amount="0.01", **more):
    return {
        "type": "transfer", "from_account_id": source.number, "to_account_id": target.number, "amount": amount, **more
    }  # fmt: skip


def put(number, amount="0.01", **more):
    return {"type": "deposit", "account_id": number, "amount": amount, **more}


def take(number, amount="0.01", **more):
    return {**put(number, amount, **more), "type": "withdraw"}


def codes(answer):
    return [(result["status"], result["code"]) for result in answer.json()["results"]]


# --- shape --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [0, 10_001])
def test_a_batch_has_one_to_ten_thousand_items(program, counter, hers, his, count):
    answer = program.post(BATCH, {"items": [pay(hers, his)] * count})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert answer.json()["errors"][0]["field"] == "items"
    assert counter.balance(his) == "0.00"


def test_ten_thousand_items_in_five_megabytes_are_accepted(sqlite_db, program, counter, hers, his):
    text = json.dumps({"items": [pay(hers, his, description="x" * 140, metadata={"note": "y" * 250})] * 10_000})
    assert 5_000_000 < len(text) < LARGER_BODIES["batch"]
    answer = program.raw(BATCH, text)
    assert (answer.status_code, answer.json()["posted"], answer.json()["refused"]) == (200, 10_000, 0)
    assert counter.balance(his) == "100.00"


def test_more_than_eight_megabytes_are_too_large_and_other_routes_take_one(program, hers, his):
    text = json.dumps({"items": [pay(hers, his)], "padding": "x" * LARGER_BODIES["batch"]})
    answer = program.raw(BATCH, text)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    assert "8 MiB" in answer.json()["detail"]
    text = json.dumps({**pay(hers, his), "description": "x" * 1_100_000})
    assert program.raw("/transactions/transfer", text).status_code == 413


@pytest.mark.parametrize(
    ("item", "field", "code"),
    [
        ({"type": "reverse"}, "", "union_tag_invalid"),
        ({}, "", "union_tag_not_found"),
        ({"type": "deposit", "amount": "1.00"}, ".deposit.account_id", "missing"),
        ({"type": "deposit", "account_id": "1", "amount": "-1"}, ".deposit.amount", "invalid_amount"),
        ({"type": "deposit", "typo": 1}, ".deposit.typo", "extra_forbidden"),
        ({"type": "deposit", "idempotency_key": "a b"}, ".deposit.idempotency_key", "string_pattern_mismatch"),
        ({"type": "deposit", "idempotency_key": "k" * 256}, ".deposit.idempotency_key", "string_pattern_mismatch"),
    ],
)
def test_an_item_that_makes_no_sense_refuses_the_request_and_moves_nothing(program, counter, hers, item, field, code):
    answer = program.post(BATCH, {"items": [put(hers.number, "1.00"), item]})
    assert answer.status_code == 422
    assert (f"items.1{field}", code) in [(error["field"], error["code"]) for error in answer.json()["errors"]]
    assert counter.balance(hers) == "100.00"


@pytest.mark.parametrize("atomic", ["true", 1, None])
def test_all_or_none_is_a_truth_value_and_nothing_else(program, hers, his, atomic):
    answer = program.post(BATCH, {"atomic": atomic, "items": [pay(hers, his)]})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "atomic")


# --- answers ------------------------------------------------------------------------------------------


def test_each_item_is_answered_as_a_request_of_its_own_would_be(program, counter, ada, hers, his, nobodys_number):
    euros = counter.open(ada, currency="EUR")
    answer = program.post(
        BATCH,
        {
            "items": [
                put(hers.number, "5.00"),
                put(nobodys_number),
                pay(hers, his, "105.01"),
                pay(hers, euros),
                take(hers.number, "0.001"),
                pay(hers, his, "105.00", idempotency_key="k"),
                pay(hers, his, "1.00", idempotency_key="k"),
                pay(hers, his, "1.00", if_version=1),
                take(his.number),
            ]
        },
    )
    assert (answer.status_code, answer.json()["posted"], answer.json()["refused"]) == (200, 2, 7)
    assert codes(answer) == [
        (201, None), (404, "account_not_found"), (409, "insufficient_funds"), (422, "currency_mismatch"),
        (422, "invalid_amount"), (201, None), (422, "idempotency_key_reused"), (409, "precondition_failed"),
        (404, "account_not_found"),
    ]  # fmt: skip
    found = answer.json()["results"]
    assert program.get(f"/transactions/{found[5]['id']}").json()["amount"] == "105.00"
    assert found[2]["detail"] == f"Account {hers.number} has 105.00 USD available; 105.01 is needed."
    assert all(result["id"] is None for result in found if result["code"])


def test_keys_of_items_and_of_requests_are_the_same(program, counter, hers, his):
    body = pay(hers, his, "1.00")
    del body["type"]
    alone = program.post("/transactions/transfer", body, key="alone")
    answer = program.post(BATCH, {"items": [pay(hers, his, "1.00", idempotency_key="alone"), pay(hers, his, "1.00")]})
    assert answer.json()["results"][0]["id"] == alone.json()["id"]
    first = program.post(BATCH, {"items": [pay(hers, his, "1.00", idempotency_key="batched")]})
    again = program.post("/transactions/transfer", body, key="batched")
    assert (again.status_code, again.headers["idempotency-replayed"]) == (201, "true")
    assert again.json()["id"] == first.json()["results"][0]["id"]
    assert counter.balance(his) == "3.00"


def test_the_whole_is_answered_again_under_its_key_and_another_refused(program, counter, hers, his):
    body = {"items": [pay(hers, his, "1.00"), pay(hers, his, "200.00")]}
    first, again = program.post(BATCH, body, key="payroll"), program.post(BATCH, body, key="payroll")
    assert (first.status_code, first.headers.get("idempotency-replayed")) == (200, None)
    assert (again.status_code, again.headers["idempotency-replayed"]) == (200, "true")
    posted, refused = [{**result, "replayed": True} for result in first.json()["results"]]
    refused["detail"] += f" {OF_THEN}"
    assert again.json() == {**first.json(), "replayed": 2, "results": [posted, refused]}
    longer = program.post(BATCH, {"items": [*body["items"], pay(hers, his, "1.00")]}, key="payroll")
    assert (longer.status_code, longer.json()["code"]) == (422, "idempotency_key_reused")
    assert longer.json()["errors"][0]["field"] == "Idempotency-Key"
    assert counter.balance(his) == "1.00"


def test_an_atomic_batch_that_is_refused_names_the_item_and_says_the_same_again(program, counter, ada, hers, his):
    body = {"atomic": True, "items": [pay(hers, his, "60.00"), pay(hers, his, "60.00")]}
    first = program.post(BATCH, body, key="rents")
    assert (first.status_code, first.json()["code"], first.json()["item"]) == (409, "insufficient_funds", 1)
    assert (first.json()["shortfall"], first.json()["money_moved"]) == ("20.00", "no")
    counter.deposit(ada, hers, "100.00")
    again = program.post(BATCH, body, key="rents")
    assert (again.status_code, again.headers["idempotency-replayed"]) == (409, "true")
    told = first.json()["detail"]
    assert again.json() == {**first.json(), "request_id": again.json()["request_id"], "detail": f"{told} {OF_THEN}"}
    posted = program.post(BATCH, body, key="rents-again")
    assert (posted.status_code, codes(posted)) == (200, [(201, None)] * 2)


def test_the_kinds_of_refusal_of_an_atomic_batch_have_their_status(program, hers, his, nobodys_number):
    def refused(*items):
        answer = program.post(BATCH, {"atomic": True, "items": [pay(hers, his), *items]})
        return answer.status_code, answer.json()["code"], answer.json()["item"]

    assert refused(put(nobodys_number)) == (404, "account_not_found", 1)
    assert refused(take(hers.number, "0.001")) == (422, "invalid_amount", 1)
    assert refused(take(hers.number, "100.00"), put(nobodys_number)) == (409, "insufficient_funds", 1)


def test_a_full_queue_is_overloaded_with_a_time_to_wait(program, db, counter, hers, monkeypatch):
    monkeypatch.setattr(db, "settings", db.settings.model_copy(update={"queue_limit": 0}))
    monkeypatch.setattr(posting, "_LARGE_AT_ONCE", 0)
    sent = ("/transactions/deposit", _without_type(put(hers.number))), (BATCH, {"items": [put(hers.number)]})
    for path, body in sent:
        answer = program.post(path, body, key=path)
        assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (503, "overloaded", "1")
        assert answer.json()["money_moved"] == "no"
    monkeypatch.undo()
    assert [program.post(path, body, key=path).status_code for path, body in sent] == [201, 200]
    assert counter.balance(hers) == "100.02"


def _without_type(item):
    return {name: value for name, value in item.items() if name != "type"}


def test_a_large_batch_beside_another_large_thing_is_refused_before_it_is_read(another, serve, token_of, ada):
    strict = another(rate_limits=True)
    client = serve(create_api(strict, strict.settings))
    headers = {"Authorization": f"Bearer {token_of(ada)}", "Content-Type": "application/json"}

    def send():
        return client.post(f"/api/v1{BATCH}", content="no JSON" * 20_000, headers=headers)

    with work.of(strict).large(ada.user_id):
        answer = send()
        assert (answer.status_code, answer.json()["code"]) == (429, "large_work_running")
    assert send().status_code == 400
