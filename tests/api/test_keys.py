"""Idempotency keys on the wire: which operations take one, that all are one space, and how a key is written."""

import pytest

from bank_app.domain import money
from bank_app.services import integrity, rules

OF_THEN = "This is the answer of the first time, and stays it for this key; to have it decided anew, send a new key."
# Whoever signs in is no actor yet, and the rest changes nothing by being asked twice.
WITHOUT_A_KEY = {
    "register", "login", "refresh", "logout", "give_code", "change_account", "verify_audit_trail",
    "ask_for_approval", "approve_request", "refuse_request", "withdraw_request",
}  # fmt: skip


@pytest.fixture
def hers(counter, ada):
    return counter.open(ada, "100.00")


@pytest.fixture
def his(counter, ben):
    return counter.open(ben)


@pytest.fixture
def requests(counter, teller, ada, hers, his):
    """For each operation that takes a key, two requests that differ: `(path, body)`."""
    moved = [counter.deposit(teller, hers, "1.00").transaction.id for _ in range(2)]
    captured, released = ([counter.hold(ada, hers, "1.00").hold.id for _ in range(2)] for _ in range(2))
    cash = {"account_id": hers.number, "amount": "2.00"}
    item = {"type": "deposit", **cash}
    pay = {"from_account_id": hers.number, "to_account_id": his.number, "amount": "3.00"}
    return {
        "open_account": [("/accounts", {"initial_balance": "4.00"}), ("/accounts", {})],
        "deposit": [("/transactions/deposit", cash), ("/transactions/deposit", {**cash, "amount": "2.01"})],
        "withdraw": [("/transactions/withdraw", cash), ("/transactions/withdraw", {**cash, "description": "x"})],
        "transfer": [("/transactions/transfer", pay), ("/transactions/transfer", {**pay, "metadata": {"a": 1}})],
        "batch": [("/transactions/batch", {"items": [item]}), ("/transactions/batch", {"items": [item, item]})],
        "reverse": [(f"/transactions/{identifier}/reverse", {"reason": "sent twice"}) for identifier in moved],
        "place_hold": [("/holds", cash), ("/holds", {**cash, "expires_in": 60})],
        "capture_hold": [(f"/holds/{identifier}/capture", {}) for identifier in captured],
        "release_hold": [(f"/holds/{identifier}/release", {}) for identifier in released],
    }


def operations(app):
    for path, methods in app.openapi()["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def takes_a_key(operation):
    return any(parameter["name"] == "Idempotency-Key" for parameter in operation.get("parameters", ()))


def test_everything_that_changes_something_takes_a_key_or_is_named_here(app, requests):
    changing = {op["operationId"] for method, _, op in operations(app) if method != "get"}
    taking = {op["operationId"] for _, _, op in operations(app) if takes_a_key(op)}
    assert taking == requests.keys()
    assert changing == taking | WITHOUT_A_KEY


def test_what_takes_no_key_refuses_it(app, caller, anyone, teller, hers):
    program, walked = caller(teller), 0
    for method, path, operation in operations(app):
        if takes_a_key(operation):
            continue
        walked += 1
        asking = program if operation.get("security") else anyone
        address = path.format(
            account_id=hers.number, transaction_id="x", hold_id="x", code="forbidden", approval_id="x"
        )
        sent = {"Authorization": f"Bearer {asking.token}"} if asking.token else {}
        answer = asking.client.request(method, address, headers={"Idempotency-Key": "k", **sent})
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request"), address
        told = answer.json()["errors"][0]
        assert (told["field"], told["code"]) == ("Idempotency-Key", "extra_forbidden")
        assert told["message"] == "This operation takes no idempotency key."
    assert walked >= 15


@pytest.mark.parametrize(
    "operation",
    [
        "open_account",
        "deposit",
        "withdraw",
        "transfer",
        "batch",
        "reverse",
        "place_hold",
        "capture_hold",
        "release_hold",
    ],
)
def test_a_key_is_one_effect_and_stands_for_no_other_request(db, caller, teller, counter, hers, requests, operation):
    program = caller(teller)
    [(path, body), another] = requests[operation]
    first = program.post(path, body, key="k")
    assert first.status_code in (200, 201)
    assert "idempotency-replayed" not in first.headers
    books = integrity.check(db)
    again = program.post(path, body, key="k")
    assert (again.status_code, again.headers["idempotency-replayed"]) == (first.status_code, "true")
    assert again.headers.get("location") == first.headers.get("location")
    if operation != "batch":
        assert again.json() == first.json()
    others = [another, *(pair[0] for name, pair in requests.items() if name != operation)]
    for path, body in others:
        refused = program.post(path, body, key="k")
        assert (refused.status_code, refused.json()["code"]) == (422, "idempotency_key_reused"), path
    after = integrity.check(db)
    assert (after.transactions, after.accounts) == (books.transactions, books.accounts)


def test_a_batch_counts_and_marks_what_was_answered_before(caller, ada, counter, hers):
    program = caller(ada)
    item = {"type": "deposit", "account_id": hers.number, "amount": "1.00", "idempotency_key": "one"}
    answer = program.post("/transactions/batch", {"items": [item, item, {**item, "idempotency_key": "two"}]}).json()
    assert (answer["posted"], answer["refused"], answer["replayed"]) == (2, 0, 1)
    assert [result["replayed"] for result in answer["results"]] == [False, True, False]
    assert counter.balance(hers) == "102.00"


def test_a_refusal_that_is_repeated_says_so_and_how_to_ask_anew(caller, ada, counter, hers, his):
    program = caller(ada)
    body = {"from_account_id": hers.number, "to_account_id": his.number, "amount": "500.00"}
    batch = {"items": [{"type": "transfer", **body, "idempotency_key": "k"}]}
    first = program.post("/transactions/transfer", body, key="k").json()["detail"]
    assert OF_THEN not in first
    counter.deposit(ada, hers, "1000.00")
    assert program.post("/transactions/transfer", body, key="k").json()["detail"] == f"{first} {OF_THEN}"
    [result] = program.post("/transactions/batch", batch).json()["results"]
    assert (result["detail"], result["replayed"]) == (f"{first} {OF_THEN}", True)
    assert program.post("/transactions/transfer", body, key="anew").status_code == 201


def test_the_refusal_of_an_account_is_repeated_too(caller, ada, monkeypatch):
    program, body = caller(ada), {"initial_balance": "5.00"}
    monkeypatch.setattr(rules, "MAX_BALANCE", 499)
    first, again = (program.post("/accounts", body, key="k") for _ in range(2))
    assert [answer.json()["code"] for answer in (first, again)] == ["limit_exceeded"] * 2
    assert [answer.headers.get("idempotency-replayed") for answer in (first, again)] == [None, "true"]
    monkeypatch.undo()
    assert program.post("/accounts", body, key="k").json()["detail"].endswith(OF_THEN)
    assert program.get("/accounts").json()["items"] == []


# --- how a key is written -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("abc", '"abc"'), ("3f6c0a52-rent", '"3f6c0a52-rent"'), ('a"b', r'"a\"b"'), ("a\\b", r'"a\\b"'),
        ("k" * 255, f'"{"k" * 255}"'), ("'abc'", "\"'abc'\""),
    ],
)  # fmt: skip
def test_a_quoted_key_is_the_key_in_it(caller, ada, counter, hers, one, other):
    body, program = {"account_id": hers.number, "amount": "1.00"}, caller(ada)
    first, again = (program.post("/transactions/deposit", body, key=key) for key in (one, other))
    assert (first.status_code, again.headers["idempotency-replayed"]) == (201, "true")
    assert again.json() == first.json()
    item = {"items": [{"type": "deposit", **body, "idempotency_key": one}]}
    assert program.post("/transactions/batch", item).json()["replayed"] == 1
    assert counter.balance(hers) == "101.00"


@pytest.mark.parametrize("one", ["'abc'", "ABC", "abc:", "%22abc%22", "“abc”"])
def test_other_marks_are_part_of_a_key(caller, ada, counter, hers, one):
    program, body = caller(ada), {"account_id": hers.number, "amount": "1.00"}
    program.post("/transactions/deposit", body, key="abc")
    answer = program.post("/transactions/deposit", body, headers={"Idempotency-Key": one.encode()})
    assert (answer.status_code, "idempotency-replayed" in answer.headers) in [(201, False), (422, False)]
    assert answer.status_code == (201 if one.isascii() else 422)


@pytest.mark.parametrize(
    "key", ["", '""', '"', '"abc', 'abc"', '"abc"d', '"a"b"', r'"abc\"', r'"a\bc"', '"a b"', "a b", '"abc";a=1',
            "k" * 256, f'"{"k" * 256}"', '"a", "b"', "é"]
)  # fmt: skip
@pytest.mark.parametrize("path", ["/transactions/deposit", "/accounts", "/holds"])
def test_a_key_that_is_none_is_refused_and_moves_nothing(caller, ada, counter, hers, key, path):
    body = {} if path == "/accounts" else {"account_id": hers.number, "amount": "1.00"}
    answer = caller(ada).post(path, body, headers={"Idempotency-Key": key.encode()})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "Idempotency-Key")
    assert counter.balance(hers) == "100.00"
    assert counter.account(hers).held_minor == money.Amount.of("0").minor("USD", zero_allowed=True)


def test_two_keys_are_no_key(caller, ada, hers):
    headers = [("Idempotency-Key", "a"), ("Idempotency-Key", "a"), ("Authorization", f"Bearer {caller(ada).token}")]
    answer = caller(ada).client.post(
        "/api/v1/transactions/deposit", json={"account_id": hers.number, "amount": "1.00"}, headers=headers
    )
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "Idempotency-Key")
