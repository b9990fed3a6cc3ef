"""Health, numbers, the reference, the document, and the API alone."""

import asyncio
import json
import re
import subprocess
import sys
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from bank_app import clock
from bank_app.api.app import create_api
from bank_app.api.catalogue import CATALOGUE
from bank_app.database import Database
from bank_app.services import integrity
from bank_app.settings import SettingsError, load

# Decided before a database is asked, or the same whatever it answers.
ENGINES = ["sqlite"]


def test_a_process_is_alive_and_ready(client):
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ready"}


def test_a_bank_without_migrations_is_alive_and_not_ready(settings, tmp_path, serve):
    empty = settings.model_copy(update={"database_url": f"sqlite:///{tmp_path / 'empty.sqlite3'}"})
    empty.__dict__.pop("url", None)
    database = Database(empty)
    client = serve(create_api(database, empty))
    assert client.get("/healthz").status_code == 200
    answer = client.get("/readyz")
    database.dispose()
    assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
    assert int(answer.headers["retry-after"]) > 0


def test_numbers_are_by_template_and_tell_no_secrets(client, caller, counter, ada):
    account = counter.open(ada, "123.45")
    caller(ada).get(f"/accounts/{account.number}")
    client.get("/api/v1/nothing/at/all")
    text = client.get("/metrics").text
    assert 'bank_http_requests_total{method="GET",route="/api/v1/accounts/{account_id}",status="200"} 1.0' in text
    assert "bank_http_request_seconds_bucket" in text
    assert 'bank_database_connections_used{pool="writing"} 0.0' in text
    assert not any(secret in text for secret in (account.number, "123.45", "ada", "nothing/at/all"))


def test_numbers_are_for_this_machine_or_for_who_has_the_token(app, db):
    def status(peer, token="", **headers):
        db.settings = db.settings.model_copy(update={"metrics_token": token})
        return TestClient(app, client=(peer, 1)).get("/metrics", headers=headers).status_code

    token = "0123456789abcdefghijklmnopqrstuv"
    assert [status("127.0.0.1"), status("::1"), status("::ffff:127.0.0.1")] == [200, 200, 200]
    assert [status("192.0.2.1"), status("127.0.0.1", **{"X-Forwarded-For": "127.0.0.1"})] == [404, 404]
    assert status("192.0.2.1", token, Authorization=f"Bearer {token}") == 200
    assert [status("127.0.0.1", token), status("127.0.0.1", token, Authorization="Bearer 0123")] == [401, 401]


def test_the_database_is_asked_once_a_second_whether_it_is_there(app, db, monkeypatch):
    asked = []
    monkeypatch.setattr(db, "ping", lambda: asked.append(1))

    async def many():
        await asyncio.gather(*(app.state.readiness.ask() for _ in range(500)))
        await app.state.readiness.ask()

    asyncio.run(many())
    assert len(asked) == 1


def test_the_books_are_checked(caller, counter, ada):
    counter.open(ada, "100.00")
    found = caller(ada).get("/integrity").json()
    assert (found["ok"], found["violations"], found["totals"], found["chain"]["ok"]) == (
        True,
        [],
        {"USD": "0.00"},
        True,
    )
    assert (found["transactions"], found["postings"]) == (1, 2)


def test_elsewhere_than_in_a_demo_customers_learn_that_the_books_balance_and_not_how_much_there_is(
    db, serve, counter, token_of, ada, auditor, monkeypatch
):
    counter.open(ada, "100.00")
    broken = replace(integrity.check(db), ok=False, violations=(integrity.Violation(3, "account 1", "off by 5"),))
    monkeypatch.setattr(integrity, "latest", lambda _: broken)
    db.settings = db.settings.model_copy(update={"demo": False})
    client = serve(create_api(db, db.settings))

    def seen(actor):
        return client.get("/api/v1/integrity", headers={"Authorization": f"Bearer {token_of(actor)}"}).json()

    hers, whole = seen(ada), seen(auditor)
    assert (hers["ok"], hers["totals"], hers["chain"]) == (False, {"USD": "0.00"}, whole["chain"])
    assert hers["violations"] == [{"invariant": 3, "subject": None, "message": None}]
    assert [hers[counted] for counted in ("accounts", "transactions", "postings")] == [None] * 3
    assert whole["violations"] == [{"invariant": 3, "subject": "account 1", "message": "off by 5"}]
    assert (whole["transactions"], whole["postings"]) == (1, 2)


# --- what each code means ----------------------------------------------------------------------------------


@pytest.mark.parametrize("code", sorted(CATALOGUE))
def test_every_code_is_explained_to_programs_and_to_people(client, code):
    told = client.get(f"/problems/{code}")
    assert told.headers["content-type"] == "application/json"
    assert (told.json()["code"], told.json()["why"]) == (code, CATALOGUE[code].why)
    shown = client.get(f"/problems/{code}", headers={"Accept": "text/html,*/*;q=0.8"})
    assert shown.headers["content-type"] == "text/html; charset=utf-8"
    assert told.json()["title"].replace("'", "&#x27;") in shown.text


def test_a_code_that_does_not_exist_is_not_explained(client):
    for path in ("/problems/nonsense", "/problems/a/b", "/problems/<script>"):
        answer = client.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert {item["code"] for item in client.get("/problems").json()["items"]} == set(CATALOGUE)


# --- the document --------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def document(tmp_path_factory):
    """The OpenAPI document, which does not depend on what is in the bank."""
    from bank_app import settings

    chosen = settings.load(data=tmp_path_factory.mktemp("document"))
    return create_api(Database(chosen), chosen).openapi()


def operations_of(document):
    return [
        (f"{method.upper()} {path}", operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def test_the_document_is_openapi_3_1_and_served(client):
    answer = client.get("/api/v1/openapi.json")
    assert answer.status_code == 200
    assert answer.json()["openapi"].startswith("3.1")


def test_the_document_has_every_operation_of_the_contract(document):
    assert sorted(name for name, _ in operations_of(document)) == sorted(
        """
        POST /api/v1/auth/register|POST /api/v1/auth/login|POST /api/v1/auth/refresh|POST /api/v1/auth/logout
        POST /api/v1/auth/step-up
        GET /api/v1/me|POST /api/v1/accounts|GET /api/v1/accounts|GET /api/v1/accounts/{account_id}
        PATCH /api/v1/accounts/{account_id}|GET /api/v1/accounts/{account_id}/history
        GET /api/v1/accounts/{account_id}/balance|GET /api/v1/accounts/{account_id}/statement
        GET /api/v1/payees/check|POST /api/v1/transactions/deposit|POST /api/v1/transactions/withdraw
        POST /api/v1/transactions/transfer|POST /api/v1/transactions/batch
        POST /api/v1/transactions/{transaction_id}/reverse
        GET /api/v1/transactions/{transaction_id}|GET /api/v1/transactions|GET /api/v1/integrity
        POST /api/v1/holds|GET /api/v1/holds|GET /api/v1/holds/{hold_id}
        POST /api/v1/holds/{hold_id}/capture|POST /api/v1/holds/{hold_id}/release
        GET /api/v1/audit|POST /api/v1/audit/verify
        POST /api/v1/approvals|GET /api/v1/approvals|GET /api/v1/approvals/{approval_id}
        POST /api/v1/approvals/{approval_id}/approve|POST /api/v1/approvals/{approval_id}/refuse
        POST /api/v1/approvals/{approval_id}/withdraw
        GET /api/v1/security-events|GET /api/v1/security-alarms
        GET /healthz|GET /readyz|GET /metrics|GET /problems/{code}|GET /.well-known/security.txt
        """.replace("\n", "|")
        .replace("        ", "")
        .strip("|")
        .split("|")
    )


COMING_IN = ("register", "login", "refresh")


def test_every_operation_says_who_may_ask_and_how_it_may_fail(document):
    for name, operation in operations_of(document):
        statuses = set(operation["responses"])
        private = name.split()[1].startswith("/api/v1") and name.rpartition("/auth/")[2] not in COMING_IN
        assert bool(operation.get("security")) == private, name
        assert "500" in statuses, name
        if private:
            assert {"401", "429", "503"} <= statuses, name
        if "requestBody" in operation:
            assert {"400", "413", "415", "422"} <= statuses, name
        if operation.get("parameters") and name != "GET /problems/{code}":
            assert "422" in statuses, name
        for status, response in operation["responses"].items():
            assert response["description"], name
            if int(status) >= 400:
                assert list(response["content"]) == ["application/problem+json"], name
                schema = response["content"]["application/problem+json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/Problem"}
        assert operation["summary"], name
        assert operation["description"], name
        assert re.fullmatch(r"[a-z_]+", operation["operationId"]), name


def test_every_field_and_parameter_is_described(document):
    bare = [
        f"{name}.{field}"
        for name, schema in document["components"]["schemas"].items()
        for field, meaning in schema.get("properties", {}).items()
        if not meaning.get("description") and "$ref" not in meaning
    ]
    bare += [
        f"{name} {parameter['name']}"
        for name, operation in operations_of(document)
        for parameter in operation.get("parameters", ())
        if not (parameter.get("description") or parameter["schema"].get("description"))
    ]
    assert bare == []


def test_every_reference_in_the_document_leads_somewhere(document):
    text = json.dumps(document)
    named = set(re.findall(r'"#/components/schemas/([^"]+)"', text))
    assert named <= set(document["components"]["schemas"])
    assert "HTTPValidationError" not in text
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"


def test_operation_ids_are_unique(document):
    ids = [operation["operationId"] for _, operation in operations_of(document)]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("path", ["/api/v1/docs", "/problems/insufficient_funds", "/problems"])
def test_pages_load_nothing_and_run_nothing(client, path):
    answer = client.get(path, headers={"Accept": "text/html"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "unsafe" not in policy
    assert not re.search(r"<script|<link|<img|<iframe|@import|url\(|\son\w+=|style=|https?://", answer.text)


def test_the_reference_shows_every_operation_and_code(client, document):
    page = client.get("/api/v1/docs").text
    for _, operation in operations_of(document):
        assert f'id="{operation["operationId"]}"' in page
    links = set(re.findall(r'href="#([^"]+)"', page))
    assert links <= set(re.findall(r'id="([^"]+)"', page))


# --- alone -----------------------------------------------------------------------------------------------------


def test_the_api_is_importable_alone(tmp_path):
    code = (
        "import sys; from bank_app.api.asgi import api; "
        "print([name for name in sys.modules if name.startswith(('reflex', 'bank_app.ui'))])"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True, text=True, check=True, timeout=60, env={"BANK_DATA": str(tmp_path), "PATH": "/bin"},
    )  # fmt: skip
    assert done.stdout.strip() == "[]"


def test_on_a_shared_origin_only_its_own_addresses_are_the_apis(app, serve):
    async def pages(scope, receive, send):
        await PlainTextResponse("a page")(scope, receive, send)

    app.mount("", pages)
    client = serve(app)
    assert client.get("/api/v1/nothing").json()["code"] == "not_found"
    assert client.delete("/api/v1/accounts").status_code == 405
    client.event_hooks["response"].clear()
    for path in ("/", "/home", "/apiary", "/healthzz"):
        answer = client.get(path)
        assert answer.text == "a page"
        assert answer.headers["x-request-id"]
        assert "content-security-policy" not in answer.headers


def test_whoever_finds_a_weakness_is_told_where_to_write(db, serve):
    db.settings = db.settings.model_copy(update={"security_contact": "mailto:security@bank.test"})
    answer = serve(create_api(db, db.settings)).get("/.well-known/security.txt")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.text.startswith("Contact: mailto:security@bank.test\nExpires: 20")
    # RFC 9116: there must be an end, and it should be less than a year away.
    [expires] = re.findall(r"^Expires: (\S+)$", answer.text, re.MULTILINE)
    assert timedelta(days=1) < datetime.fromisoformat(expires) - clock.now() < timedelta(days=365)
    db.settings = db.settings.model_copy(update={"security_contact": ""})
    assert serve(create_api(db, db.settings)).get("/.well-known/security.txt").status_code == 404


@pytest.mark.parametrize("contact", ["security@bank.test", "http://bank.test", "mailto:a@b\nEvil: yes", "mailto:"])
def test_a_contact_that_is_none_is_refused(contact):
    with pytest.raises(SettingsError, match="BANK_SECURITY_CONTACT"):
        load(security_contact=contact)
