"""Holds over REST: the object, its addresses, its keys, and what is refused."""

from datetime import timedelta
from uuid import uuid4

import pytest

from bank_app import clock


@pytest.fixture
def hers(counter, ada):
    return counter.open(ada, "100.00")


@pytest.fixture
def his(counter, ben):
    return counter.open(ben)


def test_a_hold_is_answered_as_the_contract_says_through_its_whole_life(caller, ada, hers, his):
    program = caller(ada)
    body = {"account_id": hers.number, "to_account_id": his.number, "amount": "30.00", "description": "Hotel"}
    answer = program.post("/holds", body)
    hold = answer.json()
    assert (answer.status_code, answer.headers["location"]) == (201, f"/api/v1/holds/{hold['id']}")
    assert hold == {
        "id": hold["id"], "account_id": hers.number, "to_account_id": his.number, "amount": "30.00",
        "captured_amount": None, "currency": "USD", "status": "open", "description": "Hotel", "transaction_id": None,
        "expires_at": hold["expires_at"], "created_at": hold["created_at"], "closed_at": None,
    }  # fmt: skip
    assert program.get(f"/holds/{hold['id']}").json() == hold
    seen = program.get(f"/accounts/{hers.number}").json()
    assert (seen["balance"], seen["held"], seen["available"]) == ("100.00", "30.00", "70.00")
    captured = program.post(f"/holds/{hold['id']}/capture", {"amount": "25"})
    assert captured.status_code == 200
    after = captured.json()
    changed = {"status": "captured", "captured_amount": "25.00"}
    assert after == {**hold, **changed, "transaction_id": after["transaction_id"], "closed_at": after["closed_at"]}
    posted = program.get(f"/transactions/{after['transaction_id']}").json()
    assert (posted["type"], posted["amount"], posted["created_at"]) == ("transfer", "25.00", after["closed_at"])
    seen = program.get(f"/accounts/{hers.number}").json()
    assert (seen["balance"], seen["held"], seen["available"]) == ("75.00", "0.00", "75.00")
    again = program.post(f"/holds/{hold['id']}/release")
    told = [again.json()[name] for name in ("status", "code", "hold_id", "hold_status")]
    assert told == [409, "hold_not_open", hold["id"], "captured"]


def test_a_body_is_optional_where_there_is_nothing_to_say(caller, counter, ada, hers, his):
    program = caller(ada)
    for sent in ({}, None):
        held = counter.hold(ada, hers, "10.00", to=his).hold.id
        assert program.post(f"/holds/{held}/capture", sent).json()["captured_amount"] == "10.00"
        held = counter.hold(ada, hers, "10.00", to=his).hold.id
        assert program.post(f"/holds/{held}/release", sent).json()["status"] == "released"


@pytest.mark.parametrize("body", [{"amount": "5.00"}, {"reason": "r"}])
def test_a_release_that_asks_for_more_than_there_is_is_refused(caller, counter, ada, hers, body):
    held = counter.hold(ada, hers, "10.00").hold.id
    answer = caller(ada).post(f"/holds/{held}/release", body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert caller(ada).get(f"/holds/{held}").json()["status"] == "open"


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("amount", "0", "invalid_amount"), ("amount", "-1.00", "invalid_amount"), ("amount", "1.001", "invalid_amount"),
        ("expires_in", 0, "invalid_request"), ("expires_in", 31_536_001, "invalid_request"),
        ("expires_in", "60", "invalid_request"), ("expires_in", 1.5, "invalid_request"),
        ("expires_in", True, "invalid_request"), ("description", "x" * 141, "invalid_request"),
        ("account_id", "1234567801", "invalid_account_number"), ("to_account", "1234567889", "invalid_request"),
    ],
)  # fmt: skip
def test_a_field_that_makes_no_sense_places_nothing(caller, ada, hers, field, value, code):
    answer = caller(ada).post("/holds", {"account_id": hers.number, "amount": "1.00", field: value})
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert caller(ada).get("/holds").json()["items"] == []


def test_the_same_account_twice_is_refused(caller, ada, hers):
    answer = caller(ada).post("/holds", {"account_id": hers.number, "to_account_id": hers.number, "amount": "1.00"})
    assert (answer.status_code, answer.json()["code"]) == (422, "same_account")


def test_more_than_the_hold_is_not_captured(caller, counter, ada, hers):
    held = counter.hold(ada, hers, "10.00").hold.id
    answer = caller(ada).post(f"/holds/{held}/capture", {"amount": "10.01"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_amount")
    assert answer.json()["errors"][0]["field"] == "amount"


@pytest.mark.parametrize("rest", ["", "/capture", "/release"])
def test_a_hold_that_does_not_exist_is_not_found(caller, ada, rest):
    method = "POST" if rest else "GET"
    answer = caller(ada).request(method, f"/holds/{uuid4()}{rest}")
    assert (answer.status_code, answer.json()["code"]) == (404, "hold_not_found")
    answer = caller(ada).request(method, f"/holds/nonsense{rest}")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


def test_a_refusal_for_want_of_funds_names_what_is_in_the_way(caller, counter, ada, hers, his):
    hold = counter.hold(ada, hers, "80.00").hold
    answer = caller(ada).post(
        "/transactions/transfer", {"from_account_id": hers.number, "to_account_id": his.number, "amount": "25.00"}
    )
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (409, "insufficient_funds")
    assert problem["holds"] == [{"id": str(hold.id), "amount": "80.00", "expires_at": clock.to_text(hold.expires_at)}]
    told = [problem[name] for name in ("available", "shortfall", "currency", "balance", "held", "overdraft_limit")]
    assert told == ["20.00", "5.00", "USD", "100.00", "80.00", "0.00"]
    assert "80.00 is held" in problem["detail"]


def test_every_key_is_answered_alike_for_ever(caller, ada, hers):
    program = caller(ada)
    body = {"account_id": hers.number, "amount": "30.00"}
    placed = program.post("/holds", body, key="place")
    held = placed.json()["id"]
    captured = program.post(f"/holds/{held}/capture", {"amount": "1.00"}, key="capture")
    for first, again in (
        (placed, program.post("/holds", body, key="place")),
        (captured, program.post(f"/holds/{held}/capture", {"amount": "1.00"}, key="capture")),
    ):
        assert "idempotency-replayed" not in first.headers
        assert again.headers["idempotency-replayed"] == "true"
        assert (again.status_code, again.json()) == (first.status_code, first.json())
        assert again.headers.get("location") == first.headers.get("location")
    other = program.post(f"/holds/{held}/release", key="capture")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    refusals = [program.post(f"/holds/{held}/release", key="release") for _ in range(2)]
    assert [answer.json()["code"] for answer in refusals] == ["hold_not_open"] * 2
    assert ["idempotency-replayed" in answer.headers for answer in refusals] == [False, True]


def test_lists_say_what_holds_are_now(caller, counter, ada, hers):
    short = counter.hold(ada, hers, "1.00", expires_in=60).hold
    program = caller(ada)
    kept = counter.hold(ada, hers, "2.00").hold
    first = program.get(f"/holds?account_id={hers.number}&limit=1").json()
    assert [item["id"] for item in first["items"]] == [str(kept.id)]
    then = program.get(f"/holds?account_id={hers.number}&limit=1&cursor={first['next_cursor']}").json()
    assert ([item["id"] for item in then["items"]], then["next_cursor"]) == ([str(short.id)], None)
    assert program.get("/holds?status=captured").json()["items"] == []
    for bad in ("status=gone", "limit=0", "cursor=nonsense", "account=1", "account_id=1234567801"):
        assert program.get(f"/holds?{bad}").status_code == 422
    with clock.moved_to(short.expires_at - timedelta(microseconds=1)):
        assert len(counter.db.read(lambda s: s.connection().exec_driver_sql("SELECT 1 FROM holds").all())) == 2


def test_a_teller_does_not_capture_what_was_set_aside_for_him(caller, counter, ada, teller):
    hers, his = counter.open(ada, "50.00"), counter.open(teller)
    held = counter.hold(ada, hers, "30.00", to=his)
    for body in ({}, {"amount": "1.00"}):
        refused = caller(teller).post(f"/holds/{held.hold.id}/capture", body)
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert counter.balance(hers) == "50.00"
