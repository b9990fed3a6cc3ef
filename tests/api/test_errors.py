"""Problems: every code has a status and a meaning, and every way of breaking HTTP or JSON has its code."""

import asyncio

import pytest
import structlog

from bank_app import errors
from bank_app.api import errors as api_errors
from bank_app.api.catalogue import CATALOGUE
from bank_app.api.documents import status_of_code, title_of_code

# Decided before a database is asked, or the same whatever it answers.
ENGINES = ["sqlite"]

TRANSFER = "/transactions/transfer"
# The page that clients are written against: these pairs are fixed.
CONTRACT = {
    400: ["malformed_json"],
    401: [
        "unauthenticated", "invalid_credentials", "second_factor_required", "second_factor_wrong", "second_factor_used",
        "refresh_token_used", "token_expired",
    ],
    403: ["forbidden", "enrolment_required", "step_up_required"],
    404: ["account_not_found", "transaction_not_found", "hold_not_found", "not_found"],
    405: ["method_not_allowed"],
    413: ["body_too_large"],
    408: ["request_timeout"],
    415: ["unsupported_media_type"],
    421: ["misdirected_request"],
    409: [
        "insufficient_funds", "account_frozen", "account_closed", "account_not_empty", "limit_exceeded",
        "already_reversed", "hold_not_open", "last_admin", "email_taken", "request_in_progress", "precondition_failed",
        "quota_reached", "cooling_off", "approval_required", "approval_not_open", "approval_outdated", "both_factors",
    ],
    422: [
        "invalid_request", "invalid_amount", "invalid_account_number", "same_account", "currency_mismatch",
        "idempotency_key_reused", "batch_too_large",
    ],
    429: ["too_many_requests", "too_much_work", "large_work_running", "quota_used_up"],
    503: [
        "lock_timeout", "clock_wrong", "second_factor_unreadable", "database_unavailable", "overloaded",
        "passwords_busy", "outcome_unknown",
    ],
    500: ["internal_error"],
}  # fmt: skip


@pytest.mark.parametrize("leaf", list(errors.leaves()), ids=lambda leaf: leaf.code)
def test_every_error_has_a_status_a_title_and_a_meaning(leaf):
    assert leaf.code in CONTRACT[api_errors.status_of(leaf)]
    assert leaf.title
    assert CATALOGUE[leaf.code].why.endswith(".")
    assert CATALOGUE[leaf.code].do.endswith(".")


def test_the_catalogue_has_exactly_the_codes_of_the_contract():
    assert {code for codes in CONTRACT.values() for code in codes} == set(CATALOGUE)
    assert {code: status_of_code(code) for code in CATALOGUE} == {c: s for s, codes in CONTRACT.items() for c in codes}
    assert all(title_of_code(code) for code in CATALOGUE)


def test_every_family_has_a_status():
    families = errors.BankError.__subclasses__()
    assert all(family in api_errors.STATUS for family in families)


# --- JSON and HTTP ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"{", b"{'a': 1}", b'{"a": 1,}', b"amount=1", b'{"a": 1} {"b": 2}', b"\xff\xfe", b'{"a": "\xe9"}',
        b"\xef\xbb\xbf", b"\xef\xbb\xbf\xef\xbb\xbf{}", b'{"a": \xef\xbb\xbf1}',
        '{"amount": "1"}'.encode("utf-16"), b'{"a": NaN}', b"[" * 100_000, b'{"a": "\\ud800"}',
        b'{"amount": "1", "amount": "9"}',
        b'{"metadata": {"a": 1, "a": 2}}', b" ",
    ],
)  # fmt: skip
def test_a_body_that_is_no_json_is_malformed(caller, ada, body):
    answer = caller(ada).raw(TRANSFER, body)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_json")


@pytest.mark.parametrize("body", ["[]", '"x"', "1", "null", "{}", ""])
def test_json_of_another_shape_is_invalid(caller, ada, body):
    answer = caller(ada).raw(TRANSFER, body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert answer.json()["errors"]


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/xml", "", "json"])
def test_a_body_must_say_that_it_is_json(caller, ada, kind):
    answer = caller(ada).raw(TRANSFER, "{}", content_type=kind)
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    "kind", ["application/json", "application/json; charset=utf-8", "application/merge-patch+json"]
)
def test_json_has_several_names(caller, ada, kind):
    assert caller(ada).raw("/accounts", "{}", content_type=kind).status_code == 201


def test_a_body_may_have_one_mebibyte(caller, ada):
    just = '{"nickname": "x"' + " " * (1024 * 1024 - 17) + "}"
    assert len(just) == 1024 * 1024
    assert caller(ada).raw("/accounts", just).status_code == 201
    answer = caller(ada).raw("/accounts", just + " ")
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


def test_a_body_in_chunks_is_measured_while_it_comes(caller, ada):
    sent = []

    def chunks():
        for _ in range(64):
            sent.append(1)
            yield b" " * 65_536

    answer = caller(ada).request("POST", "/accounts", content=chunks(), headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


@pytest.mark.parametrize("path", ["/nothing", "/accounts/", "/transactions/transfer/more", "", "/../v1", "/v2"])
def test_an_address_without_anything_is_not_found(caller, ada, path):
    answer = caller(ada).get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/accounts", "GET, HEAD, OPTIONS, POST"),
        ("PUT", "/accounts/1234567889", "GET, HEAD, OPTIONS, PATCH"), ("POST", "/me", "GET, HEAD, OPTIONS"),
        ("GET", "/auth/login", "OPTIONS, POST"), ("HEAD", "/auth/login", "OPTIONS, POST"),
        ("DELETE", TRANSFER, "GET, HEAD, OPTIONS, POST"), ("PROPFIND", "/holds", "GET, HEAD, OPTIONS, POST"),
    ],
)  # fmt: skip
def test_a_method_that_is_not_answered_is_told_which_are(anyone, method, path, allowed):
    answer = anyone.request(method, path)
    assert answer.status_code == 405
    assert method == "HEAD" or answer.json()["code"] == "method_not_allowed"
    assert answer.headers["allow"] == allowed


def test_one_wrong_field_names_the_problem_and_several_are_listed(caller, ada):
    body = {"from_account_id": "1234567801", "to_account_id": "12", "amount": "-1"}
    answer = caller(ada).post(TRANSFER, body)
    assert answer.json()["code"] == "invalid_account_number"
    assert [(error["field"], error["code"]) for error in answer.json()["errors"]] == [
        ("from_account_id", "invalid_account_number"),
        ("to_account_id", "invalid_account_number"),
        ("amount", "invalid_amount"),
    ]
    answer = caller(ada).post(TRANSFER, {"from_account_id": "1234567801", "amount": "1.00"})
    assert answer.json()["code"] == "invalid_request"
    assert {error["field"] for error in answer.json()["errors"]} == {"from_account_id", "to_account_id"}


def test_more_decimals_than_the_currency_has_name_their_field(caller, counter, ada, teller):
    account = counter.open(ada, currency="JPY")
    answer = caller(ada).post("/transactions/deposit", {"account_id": account.number, "amount": "1.50"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_amount")
    assert answer.json()["errors"][0]["field"] == "amount"
    change = {"overdraft_limit": "1.50", "reason": "r"}
    answer = caller(teller).patch(f"/accounts/{account.number}", change)
    assert answer.json()["errors"][0]["field"] == "overdraft_limit"
    answer = caller(ada).get(f"/accounts/{account.number}/history?max_amount=1.50")
    assert answer.json()["errors"][0]["field"] == "max_amount"


# --- request ids -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("sent", ["abc", "0192f1d2-a3b4", "a" * 128, "trace:1.2_3"])
def test_a_sane_request_id_is_kept(anyone, sent):
    answer = anyone.get("/me", headers={"X-Request-ID": sent})
    assert (answer.headers["x-request-id"], answer.json()["request_id"]) == (sent, sent)


@pytest.mark.parametrize("sent", ["", "a b", "a" * 129, "<script>", "é".encode(), "a\tb", '{"x":1}'])
def test_an_insane_request_id_is_replaced(anyone, sent):
    answer = anyone.get("/me", headers={"X-Request-ID": sent})
    assert len(answer.headers["x-request-id"]) == 32


# --- when something is down or broken ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "moved", "wait"),
    [
        (errors.LockTimeout(), "no", "1"),
        (errors.DatabaseUnavailable(), "no", "5"),
        (errors.OutcomeUnknown(), "unknown", "5"),
    ],
)
def test_what_cannot_be_answered_now_says_when_to_come_back(caller, counter, ada, db, monkeypatch, error, moved, wait):
    account = counter.open(ada)
    program = caller(ada)

    def away(*_, **__):
        raise error

    monkeypatch.setattr(db, "unit_of_work", away)
    answer = program.post("/transactions/deposit", {"account_id": account.number, "amount": "1.00"})
    monkeypatch.undo()
    assert (answer.status_code, answer.json()["code"]) == (503, error.code)
    assert (answer.json()["money_moved"], answer.headers["retry-after"]) == (moved, wait)


def test_a_request_that_meets_its_twin_is_told_to_wait(caller, counter, ada, db, monkeypatch):
    account = counter.open(ada)
    program = caller(ada)

    def running(*_, **__):
        raise errors.RequestInProgress

    monkeypatch.setattr(db, "unit_of_work", running)
    answer = program.post("/transactions/deposit", {"account_id": account.number, "amount": "1.00"}, key="k")
    monkeypatch.undo()
    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (
        409,
        "request_in_progress",
        "1",
    )


@pytest.mark.parametrize(
    ("error", "moved"), [(RuntimeError("secret detail"), "unknown"), (errors.BooksBroken("secret detail"), "no")]
)
def test_a_bug_is_logged_and_never_shown(caller, counter, ada, db, monkeypatch, error, moved):
    account = counter.open(ada)
    program = caller(ada)

    def broken(*_, **__):
        raise error

    monkeypatch.setattr(db, "unit_of_work", broken)
    with structlog.testing.capture_logs() as lines:
        answer = program.post("/transactions/deposit", {"account_id": account.number, "amount": "1.00"})
    monkeypatch.undo()
    assert (answer.status_code, answer.json()["code"], answer.json()["money_moved"]) == (500, "internal_error", moved)
    assert "secret" not in answer.text
    assert [line["request_id"] for line in lines if line["log_level"] == "error"] == [answer.json()["request_id"]]


def test_a_client_that_leaves_in_the_middle_is_no_bug_of_ours(app, token_of, ada):
    headers = [(b"authorization", f"Bearer {token_of(ada)}".encode()), (b"content-type", b"application/json")]
    scope = {
        "type": "http", "method": "POST", "path": "/api/v1/accounts", "headers": headers, "query_string": b"",
        "scheme": "http", "server": ("test", 80), "client": ("192.0.2.1", 1), "http_version": "1.1", "root_path": "",
    }  # fmt: skip
    messages = [{"type": "http.request", "body": b'{"nick', "more_body": True}, {"type": "http.disconnect"}]
    sent = []

    async def receive():
        return messages.pop(0)

    async def send(message):
        sent.append(message)

    with structlog.testing.capture_logs() as lines:
        asyncio.run(app(scope, receive, send))
    assert sent == []
    assert [(line["log_level"], line["status"]) for line in lines] == [("info", 499)]


@pytest.mark.parametrize(
    ("told", "asked", "status"),
    [
        ([(b"content-length", b"20")], 2, 201),
        ([(b"content-length", b"19")], 3, 201),
        ([(b"content-length", b"8")], 1, 400),
        ([], 3, 201),
        ([(b"content-length", b"20"), (b"transfer-encoding", b"chunked")], 3, 201),
    ],
)
def test_a_body_has_ended_when_it_is_as_long_as_announced(app, token_of, ada, told, asked, status):
    headers = [(b"authorization", f"Bearer {token_of(ada)}".encode()), (b"content-type", b"application/json"), *told]
    scope = {
        "type": "http", "method": "POST", "path": "/api/v1/accounts", "headers": headers, "query_string": b"",
        "scheme": "http", "server": ("test", 80), "client": ("192.0.2.1", 1), "http_version": "1.1", "root_path": "",
    }  # fmt: skip
    pieces = [(b'{"kind":', True), (b' "checking"}', True), (b"", False)]
    read, sent = [], []

    async def receive():
        body, more = pieces[len(read)]
        read.append(body)
        return {"type": "http.request", "body": body, "more_body": more}

    async def send(message):
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    assert (len(read), sent[0]["status"]) == (asked, status)


def test_the_log_names_the_route_and_never_a_secret(anyone, ada, caller):
    program = caller(ada)
    with structlog.testing.capture_logs() as lines:
        anyone.post("/auth/login", {"email": "ada@bank.test", "password": "lantern-orchard-48-violin"})
        program.get("/payees/check?account_id=1234567889&name=Somebody")
    text = str(lines)
    requests = [line for line in lines if line["event"] == "request"]
    assert [line["route"] for line in requests] == ["/api/v1/auth/login", "/api/v1/payees/check"]
    assert requests[1]["actor"] == str(ada.user_id)
    assert all(line["address"] and line["milliseconds"] >= 0 for line in requests)
    assert not any(secret in text for secret in ("lantern", "Somebody", program.token, "ada@bank.test"))
