"""Every operation refuses what it does not take: in its address, its body, and a header that was to be a key."""

import pytest

# Decided before a database is asked, or the same whatever it answers.
ENGINES = ["sqlite"]

BODIES = {
    "/auth/register": {"email": "zoe@bank.test", "name": "Zoe", "password": "lantern-orchard-48-violin"},
    "/auth/login": {"email": "ada@bank.test", "password": "lantern-orchard-48-violin"},
    "/auth/refresh": {"refresh_token": "x"},
    "/auth/step-up": {"otp": "123456"},
}


@pytest.fixture
def hers(counter, ada):
    return counter.open(ada, "100.00")


@pytest.fixture
def walk(app, caller, anyone, teller, admin, ada, two, counter, hers):
    """Sends something to every operation of the document, with a body that would be right."""
    moved = counter.deposit(teller, hers, "1.00").transaction.id
    held = counter.hold(teller, hers, "1.00").hold.id
    wish = two.ask(admin, ada, "unlock").id
    program = caller(teller)
    cash = {"account_id": hers.number, "amount": "1.00"}
    bodies = BODIES | {
        "/accounts": {},
        "/accounts/{account_id}": {"nickname": "x"},
        "/transactions/deposit": cash,
        "/transactions/withdraw": cash,
        "/transactions/transfer": {"from_account_id": hers.number, "to_account_id": counter.open(teller).number,
                                   "amount": "1.00"},
        "/transactions/batch": {"items": [{"type": "deposit", **cash}]},
        "/transactions/{transaction_id}/reverse": {"reason": "sent twice"},
        "/holds": cash, "/holds/{hold_id}/capture": {}, "/holds/{hold_id}/release": {}, "/audit/verify": {},
        "/approvals": {"kind": "unlock", "subject": f"user {ada.user_id}", "reason": "Asked at the counter"},
        "/approvals/{approval_id}/approve": {"digest": "0" * 64},
        "/approvals/{approval_id}/refuse": {"reason": "Asked at the counter"},
    }  # fmt: skip
    queries = {
        "/payees/check": f"account_id={hers.number}&name=Ada",
        "/accounts/{account_id}/statement": "month=2026-11",
    }

    def each(*, query="", headers=None, change=lambda body: body):
        asked = 0
        for path, methods in app.openapi()["paths"].items():
            for method, operation in methods.items():
                below = path.removeprefix("/api/v1")
                address = path.format(
                    account_id=hers.number, transaction_id=moved, hold_id=held, code="forbidden", approval_id=wish
                )
                asking = program if operation.get("security") else anyone
                sent = dict(headers or {})
                if operation["operationId"] == "logout":
                    # Of a sign-in of its own, should it be let through.
                    sent["Authorization"] = f"Bearer {caller(teller).token}"
                elif asking.token:
                    sent["Authorization"] = f"Bearer {asking.token}"
                body = bodies[below] if "requestBody" in operation else None
                more = "&".join(filter(None, [queries.get(below, ""), query]))
                more = f"?{more}" if more else ""
                yield operation, asking.client.request(method, address + more, json=change(body), headers=sent)
                asked += 1
        assert asked == sum(map(len, app.openapi()["paths"].values())) > 25

    return each


def test_an_unknown_parameter_is_refused_everywhere(walk, counter, hers):
    before = counter.account(hers)
    for operation, answer in walk(query="dry_run=true"):
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request"), operation["operationId"]
        assert ("dry_run", "extra_forbidden") in [(e["field"], e["code"]) for e in answer.json()["errors"]]
    assert counter.account(hers) == before


@pytest.mark.parametrize("query", ["dry_run", "dry_run=", "=1", "Limit=1", "limit[]=1", "%6Cimits=1", "a=1;b=2"])
def test_a_parameter_is_unknown_however_it_is_written(walk, query):
    assert {answer.status_code for _, answer in walk(query=query)} == {422}


def test_a_parameter_that_is_there_twice_is_refused_unless_it_is_a_list(walk, caller, ada, hers):
    program = caller(ada)
    for path in ("/accounts", "/holds", f"/accounts/{hers.number}/history"):
        answer = program.get(f"{path}?limit=1&limit=2")
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "given_twice")
    assert program.get(f"/accounts/{hers.number}/history?type=deposit&type=withdraw").status_code == 200
    assert program.get(f"/accounts/{hers.number}/history?q=a&limit=1&q=a").status_code == 422


def test_an_unknown_field_is_refused_everywhere(walk, counter, hers):
    before = counter.account(hers)
    for operation, answer in walk(change=lambda body: body if body is None else {**body, "dry_run": True}):
        if "requestBody" in operation:
            assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request"), operation["operationId"]
            assert "dry_run" in answer.json()["errors"][0]["field"]
        else:
            assert answer.status_code != 422, operation["operationId"]
    assert counter.account(hers) == before


def test_a_body_where_none_is_taken_is_refused_everywhere(walk):
    for operation, answer in walk(change=lambda body: body or {"dry_run": True}):
        if "requestBody" not in operation:
            assert answer.status_code == 422, operation["operationId"]
            assert answer.json()["errors"] == [
                {"field": "body", "code": "extra_forbidden", "message": "This operation takes no body."}
            ]


def test_a_body_in_chunks_is_a_body(caller, ada):
    program = caller(ada)
    answer = program.request("GET", "/me", content=iter([b"", b"x" * 2_000_000]))
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "body")
    assert program.request("GET", "/me", content=iter([b""])).status_code == 200
    assert program.request("POST", "/auth/logout", content=b"").status_code == 204


@pytest.mark.parametrize(
    "name",
    ["Idempotency_Key", "X-Idempotency-Key", "X_IDEMPOTENCY_KEY", "IdempotencyKey", "Idempotent-Key", "Idempotence-Key",
     "Idempotency-Token", "Idempotency-Keys", "Idempotency", "Idempotancy-Key", "Indempotency-Key", "Idepotency-Key",
     "Vendor-Idempotency-Key"],
)  # fmt: skip
def test_what_was_to_be_a_key_is_refused_everywhere(walk, counter, hers, name):
    """Whoever believes to have sent a key would send it again, and pay twice."""
    before = counter.account(hers)
    for operation, answer in walk(headers={name: "k"}):
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request"), operation["operationId"]
        assert answer.json()["errors"][0]["field"] == name.lower()
        assert answer.json()["errors"][0]["message"] == "There is no such header; it is written Idempotency-Key."
    assert counter.account(hers) == before


def test_headers_of_others_are_nobodys_business(caller, ada):
    headers = {
        "X-Request-ID": "mine",
        "Keep-Alive": "5",
        "X-Key": "k",
        "If-Match": "1",
        "Potency": "1",
        "X-Id-Key": "k",
    }
    assert caller(ada).get("/me", headers=headers).status_code == 200


def test_who_asks_is_settled_before_what_is_asked(anyone):
    answer = anyone.request("POST", "/transactions/transfer?dry_run=true", headers={"Idempotency_Key": "k"})
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
