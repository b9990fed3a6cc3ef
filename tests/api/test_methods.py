"""HEAD, OPTIONS and methods that are not answered, on every route that there is."""

import pytest
from starlette.responses import PlainTextResponse
from starlette.routing import Mount

# Decided before a database is asked, or the same whatever it answers.
ENGINES = ["sqlite"]


@pytest.fixture
def addresses(app, counter, ada):
    """The address of each route, with what fits in it, and the methods it was declared with."""
    hers = counter.open(ada, "100.00")
    moved = counter.deposit(ada, hers, "1.00").transaction.id
    held = counter.hold(ada, hers, "1.00").hold.id
    found = {}
    for route in app.state.routes:
        address = route.path.format(
            account_id=hers.number, transaction_id=moved, hold_id=held, code="forbidden", approval_id=moved
        )
        found.setdefault(address, set()).update(route.methods)
    assert len(found) > 25
    # The first three letters of a movement could be the id of a transaction.
    for word in ("deposit", "withdraw", "transfer", "batch"):
        found[f"/api/v1/transactions/{word}"].add("GET")
    return found


def allowed(methods):
    return ", ".join(sorted(methods | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set())))


@pytest.mark.parametrize(
    "path",
    ["/healthz", "/readyz", "/metrics", "/api/v1/docs", "/api/v1/openapi.json", "/problems", "/problems/forbidden"],
)
def test_what_is_there_without_a_token_can_be_looked_for(client, path):
    get, head = client.get(path), client.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == get.headers["content-type"]
    if path != "/metrics":
        assert head.headers["content-length"] == get.headers["content-length"]


def test_head_is_get_without_its_body_everywhere(client, token_of, ada, addresses):
    headers = {"Authorization": f"Bearer {token_of(ada)}"}
    for address, methods in addresses.items():
        head = client.head(address, headers=headers)
        assert head.content == b"", address
        if "GET" in methods:
            get = client.get(address, headers=headers)
            assert (head.status_code, head.headers["content-type"]) == (get.status_code, get.headers["content-type"])
        else:
            assert (head.status_code, head.headers["allow"]) == (405, allowed(methods)), address


def test_head_asks_for_what_get_asks_for(client):
    assert client.head("/api/v1/accounts").status_code == 401
    assert client.head("/healthz?dry_run=1").status_code == 422
    assert client.head("/api/v1/nothing").status_code == 404
    assert client.head("/problems/nothing").status_code == 404


def test_options_says_what_an_address_answers(client, addresses):
    for address, methods in addresses.items():
        answer = client.options(address)
        assert (answer.status_code, answer.content, answer.headers["allow"]) == (204, b"", allowed(methods)), address
    for address in ("/api/v1/nothing", "/api/v1/accounts/", "/problems/x/y"):
        assert client.options(address).status_code == 404


def test_another_origin_is_not_let_in_by_asking_before(client):
    asked = {"Origin": "https://other.example", "Access-Control-Request-Method": "POST"}
    answer = client.options("/api/v1/accounts", headers=asked)
    assert not any(name.startswith("access-control") for name in answer.headers)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "TRACE", "PROPFIND", "CONNECT"])
def test_what_is_not_answered_names_what_is(client, addresses, method):
    for address, methods in addresses.items():
        answer = client.request(method, address)
        assert (answer.status_code, answer.headers["allow"]) == (405, allowed(methods)), address
        assert answer.json()["code"] == "method_not_allowed"


@pytest.mark.parametrize("method", ["PUT", "TRACE", "PROPFIND", "CONNECT"])
def test_what_is_mounted_behind_answers_no_method_of_ours(app, client, addresses, method):
    async def pages(scope, receive, send):
        await PlainTextResponse("a page", 405, {"allow": "GET, HEAD"})(scope, receive, send)

    app.router.routes.append(Mount("", app=pages))
    for address, methods in addresses.items():
        answer = client.request(method, address)
        assert (answer.status_code, answer.headers["allow"]) == (405, allowed(methods)), address
        assert answer.json()["code"] == "method_not_allowed"
    for address in ("/api", "/api/v1/nothing", "/problems/a/b"):
        assert client.request(method, address).json()["code"] == "not_found"


def test_looking_is_counted_as_what_it_is(client):
    client.head("/api/v1/me")
    client.options("/api/v1/me")
    text = client.get("/metrics").text
    assert 'bank_http_requests_total{method="HEAD",route="/api/v1/me",status="401"} 1.0' in text
    assert 'bank_http_requests_total{method="OPTIONS",route="/api/v1/me",status="204"} 1.0' in text
