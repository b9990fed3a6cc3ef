"""Opening, changing and reading accounts over REST; statements and the names of payees."""

import pytest


def test_an_account_is_answered_as_the_contract_says(caller, ada):
    answer = caller(ada).post("/accounts", {"initial_balance": "100.00", "nickname": "Rent"})
    account = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/api/v1/accounts/{account['id']}"
    assert account == {
        "id": account["id"], "owner_id": str(ada.user_id), "owner_name": "Ada Lindqvist", "kind": "checking",
        "currency": "USD", "nickname": "Rent", "status": "open", "frozen_for": None, "balance": "100.00",
        "held": "0.00", "available": "100.00", "overdraft_limit": "0.00", "version": 1,
        "transfer_limit": None, "daily_limit": None, "opened_at": account["opened_at"],
    }  # fmt: skip
    assert caller(ada).get(f"/accounts/{account['id']}").json() == account


def test_a_teller_opens_for_somebody(caller, ada, teller):
    answer = caller(teller).post("/accounts", {"owner_id": str(ada.user_id), "kind": "savings", "currency": "eur"})
    assert (answer.json()["owner_name"], answer.json()["kind"], answer.json()["currency"]) == (
        "Ada Lindqvist", "savings", "EUR",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("currency", "ZZZ"), ("currency", "XAU"), ("currency", "US"), ("currency", 5), ("kind", "cash"), ("kind", "x"),
        ("nickname", "x" * 61), ("owner_id", "17"), ("balance", "5"),
    ],
)  # fmt: skip
def test_an_account_that_makes_no_sense_is_not_opened(caller, ada, field, value):
    answer = caller(ada).post("/accounts", {field: value})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert answer.json()["errors"][0]["field"] == field
    assert caller(ada).get("/accounts").json()["items"] == []


def test_an_owner_who_does_not_exist_owns_nothing(caller, teller):
    answer = caller(teller).post("/accounts", {"owner_id": "0192f1d2-0000-7000-8000-000000000000"})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "owner_id")


def test_null_takes_a_name_away_and_absence_leaves_it(caller, counter, ada, teller):
    account = counter.open(ada, nickname="Rent")
    path = f"/accounts/{account.number}"
    frozen = caller(teller).patch(path, {"status": "frozen", "reason": "asked by phone"})
    assert (frozen.json()["nickname"], frozen.json()["status"], frozen.json()["frozen_for"]) == (
        "Rent",
        "frozen",
        "debits",
    )
    named = caller(ada).patch(path, {"nickname": None})
    assert (named.json()["nickname"], named.json()["status"]) == (None, "frozen")
    opened = caller(teller).patch(path, {"status": "open", "reason": "solved"})
    assert (opened.json()["status"], opened.json()["frozen_for"]) == ("open", None)


@pytest.mark.parametrize("field", ["status", "frozen_for", "overdraft_limit"])
def test_null_is_no_state(caller, counter, ada, teller, field):
    account = counter.open(ada)
    answer = caller(teller).patch(f"/accounts/{account.number}", {field: None, "reason": "r"})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)


@pytest.mark.parametrize("body", [{}, {"reason": "r"}])
def test_a_change_changes_something(caller, counter, ada, body):
    answer = caller(ada).patch(f"/accounts/{counter.open(ada).number}", body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


def test_a_teller_gives_a_reason(caller, counter, ada, teller):
    answer = caller(teller).patch(f"/accounts/{counter.open(ada).number}", {"status": "frozen"})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "reason")


def test_an_overdraft_limit_is_available_money(caller, counter, ada, teller):
    path = f"/accounts/{counter.open(ada, '10.00').number}"
    answer = caller(teller).patch(path, {"overdraft_limit": "50.00", "reason": "good customer"})
    assert (answer.json()["available"], answer.json()["overdraft_limit"]) == ("60.00", "50.00")
    caller(ada).post("/transactions/withdraw", {"account_id": path[-10:], "amount": "40.00"})
    less = caller(teller).patch(path, {"overdraft_limit": "29.99", "reason": "r"})
    assert (less.status_code, less.json()["code"], less.json()["shortfall"]) == (409, "insufficient_funds", "0.01")
    assert caller(ada).get(path).json()["balance"] == "-30.00"


def test_limits_are_shown_used_and_taken_away(caller, counter, ada, teller):
    path = f"/accounts/{counter.open(ada, '100.00').number}"
    set_to = {"transfer_limit": "10.00", "daily_limit": 15, "reason": "young customer"}
    answer = caller(teller).patch(path, set_to).json()
    assert (answer["transfer_limit"], answer["daily_limit"], answer["available"]) == ("10.00", "15.00", "100.00")
    cash = {"account_id": path[-10:], "amount": "10.00"}
    caller(ada).post("/transactions/withdraw", cash)
    refused = caller(ada).post("/transactions/withdraw", cash)
    problem = refused.json()
    assert (refused.status_code, problem["code"], problem["limit"]) == (409, "limit_exceeded", "daily")
    assert (problem["limit_amount"], problem["used"], problem["remaining"]) == ("15.00", "10.00", "5.00")
    answer = caller(teller).patch(path, {"transfer_limit": None, "daily_limit": None, "reason": "grown up"}).json()
    assert (answer["transfer_limit"], answer["daily_limit"]) == (None, None)
    assert caller(ada).post("/transactions/withdraw", {**cash, "amount": "90.00"}).status_code == 201


@pytest.mark.parametrize("field", ["transfer_limit", "daily_limit"])
@pytest.mark.parametrize("value", ["-1.00", "1.001", "x", True])
def test_a_limit_that_is_no_amount_is_refused(caller, counter, ada, teller, field, value):
    account = counter.open(ada)
    answer = caller(teller).patch(f"/accounts/{account.number}", {field: value, "reason": "r"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_amount")
    assert answer.json()["errors"][0]["field"] == field


def test_an_account_closes_when_it_is_empty_and_for_good(caller, counter, ada, teller):
    account = counter.open(ada, "5.00")
    path, close = f"/accounts/{account.number}", {"status": "closed", "reason": "moved away"}
    answer = caller(teller).patch(path, close)
    assert (answer.status_code, answer.json()["code"], answer.json()["balance"]) == (409, "account_not_empty", "5.00")
    counter.withdraw(ada, account, "5.00")
    assert caller(teller).patch(path, close).json()["status"] == "closed"
    answer = caller(teller).patch(path, {"status": "open", "reason": "came back"})
    assert (answer.status_code, answer.json()["code"]) == (409, "account_closed")


@pytest.mark.parametrize("number", ["1234567801", "123", "12345678891", "abcdefghij", "１２３４５６７８９０", "%20"])
def test_a_number_with_a_typo_is_named_before_anything_is_looked_up(caller, ada, number):
    answer = caller(ada).get(f"/accounts/{number}")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_account_number")
    assert answer.json()["errors"][0]["field"] == "account_id"


# --- balances and statements -----------------------------------------------------------------------------


def test_a_balance_can_be_asked_for_any_moment(caller, counter, ada):
    account = counter.open(ada, "100.00")
    before = caller(ada).get(f"/accounts/{account.number}").json()["opened_at"]
    moved = counter.withdraw(ada, account, "30.00")
    path = f"/accounts/{account.number}/balance"
    at = caller(ada).get(f"/transactions/{moved.transaction.id}").json()["created_at"]
    assert caller(ada).get(path).json()["balance"] == "70.00"
    assert caller(ada).get(path, params={"at": at}).json() == {
        "balance": "70.00", "currency": "USD", "at": at, "sequence": 2,
    }  # fmt: skip
    assert caller(ada).get(path, params={"at": before}).json()["sequence"] == 0
    assert (
        caller(ada).get(path, params={"at": "2001-01-01T02:00:00+02:00"}).json()["at"] == "2001-01-01T00:00:00.000000Z"
    )


@pytest.mark.parametrize(
    "at",
    [
        "2026-11-20T09:30:00", "2026-11-20", "now", "1700000000", "2026-13-01T00:00:00Z", "2026-11-20 09:30:00Z",
        "0001-01-01T00:00:00+14:00", "2026-11-20T09:30:00.Z", "", "٢026-11-20T09:30:00Z",
    ],
)  # fmt: skip
@pytest.mark.parametrize(("path", "field"), [("balance", "at"), ("history", "from"), ("history", "to")])
def test_a_time_has_its_offset(caller, counter, ada, at, path, field):
    answer = caller(ada).get(f"/accounts/{counter.open(ada).number}/{path}", params={field: at})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert answer.json()["errors"][0]["field"] == field


def test_a_statement_joins_two_balances(caller, counter, ada):
    account = counter.open(ada, "100.00")
    counter.withdraw(ada, account, "30.00", description="=HYPERLINK(1)")
    path = f"/accounts/{account.number}/statement"
    period = {"from": "2001-01-01T00:00:00Z", "to": "2999-01-01T00:00:00Z"}
    found = caller(ada).get(path, params=period).json()
    assert (found["opening_balance"], found["total_in"], found["total_out"], found["closing_balance"]) == (
        "0.00", "100.00", "30.00", "70.00",
    )  # fmt: skip
    assert [item["sequence"] for item in found["items"]] == [1, 2]
    assert (found["from"], found["to"]) == ("2001-01-01T00:00:00.000000Z", "2999-01-01T00:00:00.000000Z")
    sheet = caller(ada).get(path, params={**period, "format": "csv"})
    assert sheet.headers["content-type"] == "text/csv; charset=utf-8"
    assert sheet.headers["content-disposition"].startswith(f'attachment; filename="statement-{account.number}')
    assert len(sheet.text.splitlines()) == 3
    assert "'=HYPERLINK(1)" in sheet.text


def test_a_month_without_entries_has_a_statement(caller, counter, ada):
    path = f"/accounts/{counter.open(ada, '5.00').number}/statement"
    found = caller(ada).get(path, params={"month": "2001-12"}).json()
    assert (found["opening_balance"], found["closing_balance"], found["items"]) == ("0.00", "0.00", [])
    assert (found["from"], found["to"]) == ("2001-12-01T00:00:00.000000Z", "2002-01-01T00:00:00.000000Z")


@pytest.mark.parametrize(
    "query",
    [
        "", "month=2026-13", "month=26-01", "month=0000-01", "month=9999-12", "from=2026-01-01T00:00:00Z",
        "format=pdf&month=2026-01",
        "month=2026-01&from=2026-01-01T00:00:00Z&to=2026-02-01T00:00:00Z",
        "from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z", "month=2026-11&page=2",
    ],
)  # fmt: skip
def test_a_statement_needs_one_period(caller, counter, ada, query):
    answer = caller(ada).get(f"/accounts/{counter.open(ada).number}/statement?{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


# --- payees ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("Ben Ito", {"result": "match"}), ("ito ben", {"result": "match"}),
        ("Ben Itoo", {"result": "close", "suggestion": "Ben Ito"}), ("Zoe Park", {"result": "none"}),
    ],
)  # fmt: skip
def test_the_name_of_a_payee_is_checked_and_not_given_away(caller, counter, ada, ben, name, answer):
    account = counter.open(ben)
    found = caller(ada).get("/payees/check", params={"account_id": account.number, "name": name})
    assert (found.status_code, found.json()) == (200, answer)


def test_asking_for_names_is_limited_by_person(db, serve, counter, ada, token_of):
    from bank_app.api.app import create_api

    account = counter.open(ada)
    db.settings = db.settings.model_copy(update={"rate_limits": True})
    client, token = serve(create_api(db, db.settings)), token_of(ada)
    asked = [
        client.get(
            "/api/v1/payees/check",
            params={"account_id": account.number, "name": f"Guess {n}"},
            headers={"Authorization": f"Bearer {token}"},
        )
        for n in range(61)
    ]
    assert [answer.status_code for answer in asked] == [200] * 60 + [429]
    assert asked[60].json()["money_moved"] == "no"
