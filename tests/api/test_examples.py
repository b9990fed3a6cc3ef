"""The examples of the document and of the papers: each is sent as it stands, and the bank does what it says."""

import json
import re
from pathlib import Path

import pytest

from bank_app.api.app import create_api
from bank_app.api.catalogue import CATALOGUE
from bank_app.api.errors import Problem
from bank_app.api.rate_limits import EVERYTHING_ELSE, POLICIES
from bank_app.database import Database
from bank_app.demo import PASSWORD as DEMO_PASSWORD
from bank_app.demo import PEOPLE
from bank_app.domain.identifiers import parse_account_number
from bank_app.settings import load

HERS, HIS = "1234567889", "2345678930"
DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def document(tmp_path_factory):
    chosen = load(data=tmp_path_factory.mktemp("document"))
    return create_api(Database(chosen), chosen).openapi()


@pytest.fixture
def send(sqlite_db, app, caller, counter, register, admin, two, monkeypatch):
    """Sends an example to a bank in which its accounts are: hers with 100.00 and one posting, and his."""
    numbers = iter((int(HERS), int(HIS)))
    monkeypatch.setattr("bank_app.services.accounts.new_account_number", lambda: next(numbers))
    ada, ben = register("Ada Lindqvist"), register("Ben Ito")
    hers, _ = counter.open(ada, "100.00"), counter.open(ben)
    monkeypatch.undo()
    people = caller(ada), caller(admin)
    asked = two.ask(admin, ada, "unlock").id
    moved = people[0].get(f"/accounts/{HERS}/history").json()["items"][0]["transaction_id"]

    def one(method, path, operation, *, query="", body=None):
        """By the account's owner, and by one of the bank's people where only they may."""
        held = counter.hold(ada, hers, "25.00").hold.id if "{hold_id}" in path else ""
        address = (
            path.format(account_id=HERS, transaction_id=moved, hold_id=held, code="forbidden", approval_id=asked)
            + query
        )
        key = example_of(operation, "Idempotency-Key")
        answers = []
        for person in people:
            headers = {"Idempotency-Key": key} if key else {}
            if operation.get("security"):
                headers["Authorization"] = f"Bearer {person.token}"
            answers.append(person.client.request(method, address, json=body, headers=headers))
            if answers[-1].status_code != 403:
                break
        return answers[-1]

    return one


def operations(document):
    return [
        (method.upper(), path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def choices(schema):
    return [schema, *(deeper for inner in schema.get("anyOf", ()) for deeper in choices(inner))]


def listed(schema):
    return [one for choice in choices(schema) for one in choice.get("examples", ())]


def example_of(operation, name):
    for parameter in operation.get("parameters", ()):
        if parameter["name"] == name and (found := listed(parameter["schema"])):
            return found[0]
    return None


def test_every_body_has_an_example_and_none_is_empty_that_needs_something(document):
    for _, path, operation in operations(document):
        for content in operation.get("requestBody", {}).get("content", {}).values():
            needed = document["components"]["schemas"][content["schema"]["$ref"].rpartition("/")[2]].get("required", [])
            assert content["examples"], path
            for example in content["examples"].values():
                assert set(needed) <= example["value"].keys(), path


CHANGING = [
    "open_account", "change_account", "deposit", "withdraw", "transfer", "batch", "reverse", "place_hold",
    "capture_hold", "release_hold", "verify_audit_trail",
]  # fmt: skip
SIGNING_IN = ["register", "login", "refresh"]
# Its code is good for half a minute, and nobody can have it in advance.
FRESH = "give_code"
# Of requests that are somebody's own to ask for and another's to decide about.
BY_TWO = {"ask_for_approval", "approve_request", "refuse_request"}


def bodies(operation):
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {"examples": {}})
    return [example["value"] for example in content["examples"].values()]


@pytest.mark.parametrize("name", CHANGING)
def test_a_body_of_the_document_is_accepted_as_it_stands(document, send, name):
    [(method, path, operation)] = [one for one in operations(document) if one[2]["operationId"] == name]
    for body in bodies(operation):
        answer = send(method, path, operation, body=body)
        assert answer.status_code in (200, 201), answer.text
        assert answer.json().get("refused", 0) == 0


def test_who_registers_with_the_words_of_the_document_signs_in_with_them(document, sqlite_db, client):
    found = {op["operationId"]: (path, body) for _, path, op in operations(document) for body in bodies(op)}
    assert set(found) == {*CHANGING, *SIGNING_IN, FRESH, *BY_TWO}
    tokens = {}
    for name in SIGNING_IN:
        path, body = found[name]
        # The one thing in the document that nobody can have: it stands for what signing in answers.
        sent = {**body, "refresh_token": tokens["refresh_token"]} if name == "refresh" else body
        answer = client.post(path, json=sent)
        assert answer.status_code in (200, 201), answer.text
        tokens = answer.json()


def test_every_example_of_a_parameter_is_accepted(document, send):
    sent = 0
    for method, path, operation in operations(document):
        # Who keeps a bank safe is told where somebody was named.
        if method != "GET" or path in ("/problems/{code}", "/.well-known/security.txt"):
            continue
        told = {p["name"]: listed(p["schema"]) for p in operation.get("parameters", ()) if p["in"] == "query"}
        needed = [p["name"] for p in operation.get("parameters", ()) if p["in"] == "query" and p["required"]]
        single = [{name} for name, found in told.items() if found and name not in needed] or [set()]
        if path.endswith("/statement"):
            single = [{"month"}, {"from", "to"}]
        for names in single:
            query = "&".join(f"{name}={told[name][0]}" for name in sorted({*needed, *names}))
            answer = send(method, path, operation, query=f"?{query}" if query else "")
            assert answer.status_code == 200, f"{path}?{query}: {answer.text}"
            sent += 1
    assert sent >= 20


def test_every_problem_of_the_document_is_one(document):
    seen = set()
    for _, _, operation in operations(document):
        for status, response in operation["responses"].items():
            for code, example in (
                response["content"].get("application/problem+json", {}).get("examples", {}).items()
                if "content" in response
                else ()
            ):
                found = Problem.model_validate(example["value"])
                assert (found.code, str(found.status), found.type) == (code, status, f"/problems/{code}")
                seen.add(code)
    assert seen <= CATALOGUE.keys()


def test_examples_of_fields_have_the_form_that_their_schema_asks_for(document):
    kinds = {"string": str, "integer": int, "number": (int, float), "object": dict, "array": list, "boolean": bool}
    seen = 0
    for name, schema in document["components"]["schemas"].items():
        for field, meaning in schema.get("properties", {}).items():
            forms = [form for form in choices(meaning) if "type" in form]
            for example in listed(meaning) if forms else ():
                fitting = [form for form in forms if form["type"] in kinds and isinstance(example, kinds[form["type"]])]
                assert fitting, f"{name}.{field}: {example}"
                assert any(
                    re.search(form.get("pattern", ""), str(example))
                    and form.get("minLength", 0) <= len(str(example)) <= form.get("maxLength", 10**6)
                    for form in fitting
                ), f"{name}.{field}: {example}"
                seen += 1
    assert seen > 80


def test_registering_is_described_as_strictly_as_it_is_ruled(document, client, sqlite_db):
    fields = document["components"]["schemas"]["RegisterIn"]["properties"]
    assert (fields["password"]["minLength"], fields["password"]["maxLength"]) == (12, 128)
    assert (fields["name"]["minLength"], fields["email"]["format"], fields["email"]["maxLength"]) == (1, "email", 254)
    good = {"email": "zoe@example.org", "name": "Zoe", "password": "violet harbour seven lamps"}
    longest = "violet harbour seven lamps " * 5
    for wrong in (
        {"password": longest[:129]}, {"password": longest[:11]}, {"name": ""}, {"name": " "}, {"email": "zoe"},
        {"name": "a" + "\u0301" * 450}, {"email": "z" * 250 + "@a.org"},
    ):  # fmt: skip
        answer = client.post("/api/v1/auth/register", json={**good, **wrong})
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request"), wrong
        assert [error["field"] for error in answer.json()["errors"]] == list(wrong)
    assert client.post("/api/v1/auth/register", json={**good, "password": longest[:128]}).status_code == 201


def test_codes_have_small_letters(client, sqlite_db):
    asked = {"email": "zoe", "name": "", "password": "short"}
    codes = {error["code"] for error in client.post("/api/v1/auth/register", json=asked).json()["errors"]}
    assert codes == {"email_invalid", "name_invalid", "password_short"}
    for kind in ("password1234", "x" * 129):
        [error] = client.post(
            "/api/v1/auth/register", json={**asked, "email": "z@a.org", "name": "Z", "password": kind}
        ).json()["errors"]
        assert re.fullmatch("[a-z_]+", error["code"])


# --- the papers -------------------------------------------------------------------------------------------


def blocks():
    return re.findall(r"```json\n(.*?)```", (DOCS / "api.md").read_text(encoding="utf-8"), re.DOTALL)


def test_the_bodies_of_the_papers_are_accepted_as_they_stand(document, send):
    sent = []
    for text in blocks():
        body = json.loads(text)
        if "status" in body:
            continue  # An answer.
        name = "batch" if "items" in body else "place_hold"
        [(method, path, operation)] = [one for one in operations(document) if one[2]["operationId"] == name]
        operation = {**operation, "parameters": []}
        answer = send(method, path, operation, body=body)
        assert answer.status_code in (200, 201), answer.text
        assert answer.json().get("refused", 0) == 0
        sent.append(name)
    assert sorted(sent) == ["batch", "place_hold"]


def test_every_account_number_that_is_shown_can_exist(document):
    papers = [path.read_text(encoding="utf-8") for path in (*DOCS.glob("*.md"), DOCS.parent / "README.md")]
    found = {n for text in (json.dumps(document), *papers) for n in re.findall(r"(?<![\w.-])\d{10}(?![\w.-])", text)}
    assert {HERS, HIS} <= found
    for number in found:
        parse_account_number(number)


def test_the_papers_and_the_document_tell_the_limits_of_the_code(document):
    told = (DOCS / "api.md").read_text(encoding="utf-8")
    for name, item in POLICIES.items():
        assert f"| `{name}` | {item.amount} |" in told
        assert f"`{name}` {item.amount}" in document["info"]["description"]
    assert f"| everything else together | {EVERYTHING_ELSE.amount} |" in told
    assert f"together {EVERYTHING_ELSE.amount}." in document["info"]["description"]
    assert document["servers"][0]["url"] == "/"


def test_the_papers_tell_who_can_be_asked_in_a_demo():
    told = (DOCS / "api.md").read_text(encoding="utf-8")
    assert f"`{DEMO_PASSWORD}`" in told
    for person in PEOPLE:
        assert f"| `{person.email}` | {person.name} | {person.role.value} |" in told
