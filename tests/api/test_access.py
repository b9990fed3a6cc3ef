"""Who may do what: every operation as nobody, the owner, another customer, a teller and an auditor."""

import uuid

import pytest

# Decided before a database is asked, or the same whatever it answers.
ENGINES = ["sqlite"]

WHO = ("anyone", "owner", "other", "teller", "auditor")
READING = (401, 200, 404, 200, 200)
# Method, path, body, and the status for each of WHO. {account} is the owner's, {target} somebody else's.
MATRIX = [
    ("GET", "/me", None, (401, 200, 200, 200, 200)),
    ("GET", "/accounts/{account}", None, READING),
    ("GET", "/accounts/{account}/history", None, READING),
    ("GET", "/accounts/{account}/balance", None, READING),
    ("GET", "/accounts/{account}/statement?month=2026-11", None, READING),
    ("GET", "/accounts/{account}/statement?month=2026-11&format=csv", None, READING),
    ("GET", "/transactions/{transaction}", None, READING),
    ("GET", "/accounts", None, (401, 200, 200, 200, 200)),
    ("GET", "/transactions", None, (401, 200, 200, 200, 200)),
    ("GET", "/payees/check?account_id={account}&name=Ada", None, (401, 200, 200, 200, 200)),
    ("GET", "/integrity", None, (401, 200, 200, 200, 200)),
    ("POST", "/accounts", {"owner_id": "{owner}"}, (401, 201, 403, 201, 403)),
    ("PATCH", "/accounts/{account}", {"nickname": "Mine"}, (401, 200, 404, 200, 403)),
    ("PATCH", "/accounts/{account}", {"status": "frozen", "reason": "r"}, (401, 403, 404, 200, 403)),
    ("PATCH", "/accounts/{account}", {"overdraft_limit": "5.00", "reason": "r"}, (401, 403, 404, 200, 403)),
    ("POST", "/transactions/deposit", {"account_id": "{account}", "amount": "1.00"}, (401, 201, 404, 201, 403)),
    ("POST", "/transactions/withdraw", {"account_id": "{account}", "amount": "1.00"}, (401, 201, 404, 201, 403)),
    (
        "POST",
        "/transactions/transfer",
        {"from_account_id": "{account}", "to_account_id": "{target}", "amount": "1.00"},
        (401, 201, 404, 201, 403),
    ),
    ("POST", "/transactions/{transaction}/reverse", {"reason": "r"}, (401, 403, 404, 201, 403)),
    ("POST", "/holds", {"account_id": "{account}", "amount": "1.00"}, (401, 201, 404, 201, 403)),
    ("GET", "/holds/{hold}", None, READING),
    ("GET", "/holds", None, (401, 200, 200, 200, 200)),
    ("GET", "/holds?account_id={account}", None, READING),
    ("POST", "/holds/{hold}/capture", None, (401, 200, 404, 200, 403)),
    ("POST", "/holds/{hold}/release", None, (401, 200, 404, 200, 403)),
    ("PATCH", "/accounts/{account}", {"transfer_limit": "5.00", "reason": "r"}, (401, 403, 404, 200, 403)),
    ("PATCH", "/accounts/{account}", {"daily_limit": None, "reason": "r"}, (401, 403, 404, 200, 403)),
    ("GET", "/audit", None, (401, 403, 403, 403, 200)),
    ("POST", "/audit/verify", {}, (401, 403, 403, 403, 200)),
    ("POST", "/auth/logout", None, (401, 204, 204, 204, 204)),
]
CASES = [
    pytest.param(method, path, body, who, status, id=f"{method} {path} {'+'.join(body or [])} {who}")
    for method, path, body, statuses in MATRIX
    for who, status in zip(WHO, statuses, strict=True)
]


def _filled(value, facts):
    if isinstance(value, dict):
        return {name: _filled(inner, facts) for name, inner in value.items()}
    return value.format(**facts) if isinstance(value, str) else value


@pytest.fixture
def scene(counter, ada, ben):
    """Ada has an account with 100.00, paid 10.00 into it once and holds 20.00 for Ben, who has an account, too."""
    account, target = counter.open(ada, "100.00"), counter.open(ben)
    moved = counter.deposit(ada, account, "10.00")
    return {
        "account": account.number,
        "target": target.number,
        "owner": str(ada.user_id),
        "transaction": str(moved.transaction.id),
        "hold": str(counter.hold(ada, account, "20.00", to=target).hold.id),
    }


@pytest.fixture
def people(anyone, caller, ada, eve, teller, auditor):
    """The five of the matrix, by name."""
    made = {"owner": ada, "other": eve, "teller": teller, "auditor": auditor}
    return lambda who: anyone if who == "anyone" else caller(made[who])


@pytest.mark.parametrize(("method", "path", "body", "who", "status"), CASES)
def test_the_matrix_of_operations_and_people(people, scene, method, path, body, who, status):
    answer = people(who).request(method, _filled(path, scene), json=_filled(body, scene))
    assert answer.status_code == status


FOREIGN = [(method, path, body) for method, path, body, statuses in MATRIX if statuses[2] == 404]


@pytest.mark.parametrize(("method", "path", "body"), FOREIGN)
def test_what_is_somebody_elses_is_answered_like_what_does_not_exist(
    caller, eve, scene, nobodys_number, method, path, body
):
    missing = {**scene, "account": nobodys_number, "transaction": str(uuid.uuid4())}
    seen = []
    for facts in (scene, missing):
        answer = caller(eve).request(
            method, _filled(path, facts), json=_filled(body, facts), headers={"X-Request-ID": "same"}
        )
        text = answer.text
        for name in ("account", "transaction"):
            text = text.replace(facts[name], name)
        headers = {name: value for name, value in answer.headers.items() if name != "content-length"}
        seen.append((answer.status_code, headers, text))
    assert seen[0] == seen[1]


def test_a_customer_sees_only_his_own_side_of_a_transaction(caller, counter, ada, ben):
    source, target = counter.open(ada, "100.00"), counter.open(ben, "7.00")
    moved = counter.transfer(ada, source, target, "25.00")
    path = f"/transactions/{moved.transaction.id}"
    hers, his = caller(ada).get(path).json()["postings"], caller(ben).get(path).json()["postings"]
    assert [(side["balance_after"], side["sequence"]) for side in hers] == [("75.00", 2), (None, None)]
    assert [(side["balance_after"], side["sequence"]) for side in his] == [(None, None), ("32.00", 2)]


def test_the_bank_own_accounts_are_nobodys(caller, counter, ada, teller):
    from bank_app.services import ledger

    account = counter.open(ada, "100.00")
    cash = f"{ledger.cash_account('USD'):010d}"
    for person in (ada, teller):
        assert caller(person).get(f"/accounts/{cash}").status_code == 404
        body = {"from_account_id": cash, "to_account_id": account.number, "amount": "1.00"}
        assert caller(person).post("/transactions/transfer", body).json()["code"] == "account_not_found"
        body = {"from_account_id": account.number, "to_account_id": cash, "amount": "1.00"}
        assert caller(person).post("/transactions/transfer", body).json()["code"] == "account_not_found"


def test_a_list_holds_only_what_one_may_see(caller, counter, ada, ben, teller):
    counter.open(ada)
    counter.open(ben)
    assert [item["owner_name"] for item in caller(ada).get("/accounts").json()["items"]] == ["Ada Lindqvist"]
    assert caller(ada).get(f"/accounts?owner_id={ben.user_id}").json()["items"] == []
    assert len(caller(teller).get("/accounts").json()["items"]) == 2
    assert len(caller(teller).get(f"/accounts?owner_id={ben.user_id}").json()["items"]) == 1


def test_customers_of_a_bank_with_tellers_do_not_handle_cash(db, serve, counter, ada, teller, token_of):
    from bank_app.api.app import create_api

    account = counter.open(ada)
    db.settings = db.settings.model_copy(update={"self_service_cash": False})
    client = serve(create_api(db, db.settings))
    body = {"account_id": account.number, "amount": "5.00"}
    for operation in ("deposit", "withdraw"):
        answer = client.post(
            f"/api/v1/transactions/{operation}", json=body, headers={"Authorization": f"Bearer {token_of(ada)}"}
        )
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    opened = client.post(
        "/api/v1/accounts", json={"initial_balance": "5.00"}, headers={"Authorization": f"Bearer {token_of(ada)}"}
    )
    assert opened.status_code == 403
    paid = client.post(
        "/api/v1/transactions/deposit", json=body, headers={"Authorization": f"Bearer {token_of(teller)}"}
    )
    assert paid.status_code == 201


def test_nobody_at_the_bank_serves_himself(caller, counter, ben, teller):
    own, his = counter.open(teller, "50.00"), counter.open(ben)
    by = caller(teller)
    sent = counter.transfer(teller, own, his, "5.00").transaction
    for answer in (
        by.patch(f"/accounts/{own.number}", {"overdraft_limit": "1000.00", "reason": "I would like that"}),
        by.patch(f"/accounts/{own.number}", {"status": "frozen", "reason": "I would like that"}),
        by.post(f"/transactions/{sent.id}/reverse", {"reason": "I would like that"}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
        assert "colleague" in answer.json()["detail"]
    assert by.patch(f"/accounts/{own.number}", {"nickname": "Mine"}).status_code == 200
