"""The short way to the routes that move money answers what the framework's own way would have answered."""

import json
import re

import pytest
import structlog

from bank_app.api.app import create_api
from bank_app.api.express import stops

MOVING = {
    "/transactions/deposit", "/transactions/withdraw", "/transactions/transfer", "/transactions/batch", "/holds",
}  # fmt: skip
JSON = ("Content-Type", "application/json")


@pytest.fixture
def framework(db, serve, monkeypatch):
    """A client of the same bank whose every request goes the framework's own way."""
    with monkeypatch.context() as patch:
        patch.setattr("bank_app.api.app.Express", lambda _, elsewhere: elsewhere)
        return serve(create_api(db, db.settings))


def test_the_routes_that_move_money_have_a_short_way(app):
    assert {path.removeprefix("/api/v1") for path in stops(app.state.routes)} == MOVING


def bodies(path, hers, his, nowhere):
    """By name: good, refused and strange bodies of a route."""
    good = {
        "/transactions/deposit": {"account_id": hers, "amount": "1.00"},
        "/transactions/withdraw": {"account_id": hers, "amount": "1.00"},
        "/transactions/transfer": {"from_account_id": hers, "to_account_id": his, "amount": "1.00"},
        "/transactions/batch": {"items": [{"type": "deposit", "account_id": hers, "amount": "1.00"}]},
        "/holds": {"account_id": hers, "amount": "1.00"},
    }[path]

    def other(**changes):
        if "items" in good:
            return {"items": [{**good["items"][0], **changes}]}
        return {**good, **changes}

    mine = "from_account_id" if "from_account_id" in good else "account_id"
    amounts = [1, 1.5, 1.0, "1.005", "-1.00", "0", "1e2", "1,00", True, None, [], {}, "9" * 40, "99999999.00", "१"]
    texts = {
        "good": json.dumps(good),
        "spaced": json.dumps(good, indent=3),
        "nothing": "",
        "null": "null",
        "list": "[]",
        "text": '"text"',
        "number": "1",
        "empty": "{}",
        "cut off": json.dumps(good)[:-2],
        "twice": json.dumps(good)[:-1] + ',"amount":"1.00","amount":"2.00"}',
        "not a number": json.dumps(good)[:-1] + ',"metadata":{"a":NaN}}',
        "half a pair": json.dumps(good)[:-1] + ',"description":"\\ud800"}',
        "deep": "[" * 20_000,
        "byte order mark": "\ufeff" + json.dumps(good),
        "not UTF-8": b'{"amount":"\xff"}',
        "exponent": json.dumps(good).replace('"1.00"', "1E0"),
        "long fraction": json.dumps(good).replace('"1.00"', "1.0000"),
        "too large": json.dumps({**good, "description": "x" * 9_000_000}),
        "unknown field": json.dumps(other(typo=1)),
        "long description": json.dumps(other(description="x" * 141)),
        "words": json.dumps(other(description=" Grüße 🙂 ' \" \\ % \u202e ")),
        "metadata": json.dumps(other(metadata={"a": ["b", {"c": None}]})),
        "bad metadata": json.dumps(other(metadata="text")),
        "nowhere": json.dumps(other(**{mine: nowhere})),
        "his": json.dumps(other(**{mine: his})),
        "wrong digits": json.dumps(other(**{mine: "1234567801"})),
        "spelled": json.dumps(other(**{mine: f"{hers[:4]} {hers[4:7]}-{hers[7:]}"})),
        "number as number": json.dumps(other(**{mine: int(hers)})),
        "to itself": json.dumps(other(to_account_id=hers)),
    }
    return texts | {f"amount {amount!r}": json.dumps(other(amount=amount)) for amount in amounts}


QUERIES = {
    "unknown parameter": "?dry_run=true",
    "unknown parameter twice": "?dry_run=true&dry_run=false",
    "unknown parameter, no JSON": "?dry_run=true",
    "parameter without a name": "?=1",
    "nothing after the mark": "?",
}


def requests(path, world, token):
    """By name: headers and body. Everything about the body, then everything about what comes with it."""
    sent = bodies(path, world["hers"], world["his"], world["nowhere"])
    signed = ("Authorization", f"Bearer {token}")

    def key(text):
        return ("Idempotency-Key", text)

    found = {f"body: {name}": ([signed, JSON], text) for name, text in sent.items()}
    good, bad = sent["good"], sent["cut off"]
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/", "APPLICATION/JSON", "json",
                 "application/json; charset=utf-8", "application/problem+json", "application/jsonp"):  # fmt: skip
        found[f"type: {kind}"] = ([signed, ("Content-Type", kind)], good)
    kept = world["name"]
    return found | {
        "no type": ([signed], good),
        "no type, no body": ([signed], ""),
        "nobody": ([JSON], good),
        "nobody, bad body": ([JSON], bad),
        "nobody, too large": ([JSON], sent["too large"]),
        "nobody, bad key": ([JSON, key("a b")], good),
        "another scheme": ([JSON, ("Authorization", "Basic YTpi")], good),
        "no token": ([JSON, ("Authorization", "Bearer ")], good),
        "garbage": ([JSON, ("Authorization", "Bearer x.y.z")], good),
        "cookie": ([JSON, ("Cookie", f"session={token}")], good),
        "small letters": ([JSON, ("authorization", f"bearer {token}")], good),
        "key": ([signed, JSON, key(f"{kept}-k")], good),
        "key again": ([signed, JSON, key(f"{kept}-k")], good),
        "key, spaced": ([signed, JSON, key(f"{kept}-k")], sent["spaced"]),
        "key, other body": ([signed, JSON, key(f"{kept}-k")], sent["words"]),
        "key, refused": ([signed, JSON, key(f"{kept}-no")], sent["amount '99999999.00'"]),
        "key, refused again": ([signed, JSON, key(f"{kept}-no")], sent["amount '99999999.00'"]),
        "two keys": ([signed, JSON, key("a"), key("b")], good),
        "one key twice": ([signed, JSON, key("a"), key("a")], good),
        "bad key and body": ([signed, JSON, key("a b")], sent["empty"]),
        "bad key, no JSON": ([signed, JSON, key("a b")], bad),
        "empty key": ([signed, JSON, key("")], good),
        "long key": ([signed, JSON, key("k" * 256)], good),
        "longest key": ([signed, JSON, key(kept + "k" * (255 - len(kept)))], good),
        "foreign key": ([signed, JSON, ("Idempotency-Key", "clé".encode())], good),
        **{name: ([signed, JSON], good) for name in QUERIES},
        "unknown parameter, no JSON": ([signed, JSON], bad),
        "misspelt key": ([signed, JSON, ("Idempotency_Key", "k")], good),
        "misspelt key beside a key": ([signed, JSON, key(f"{kept}-x"), ("X-Idempotency-Key", "k")], good),
        "no accept": ([signed, JSON, ("Accept", "text/html")], good),
        "in pieces": ([signed, JSON], lambda: iter([good[:5].encode(), good[5:].encode()])),
        "too large in pieces": ([signed, JSON], lambda: (b" " * 1_000_000 for _ in range(9))),
    }


def answers(client, path, world, token):
    """What a client hears, with the names of this world instead of its numbers."""
    found = {}
    for name, (headers, body) in requests(path, world, token).items():
        content = body() if callable(body) else body
        sent = [*headers, ("X-Request-ID", "the-same")]
        address = f"/api/v1{path}{QUERIES.get(name, '')}"
        answer = client.post(address, content=content, headers=sent)
        said = f"{answer.status_code} {sorted(answer.headers.items())} {answer.text}"
        for word in ("hers", "his", "nowhere"):
            said = said.replace(world[word], word)
        said = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "<id>", said)
        said = re.sub(r"\b[0-9a-f]{64}\b", "<hash>", said)
        said = re.sub(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d\.\d{6}Z)?", "<time>", said)
        found[name] = re.sub(r"'content-length', '\d+'", "", said) if '"errors"' in said else said
    return found


@pytest.mark.parametrize("path", sorted(MOVING))
def test_good_bad_and_strange_requests_are_answered_as_by_the_framework(
    sqlite_db, client, framework, counter, ada, ben, token_of, nobodys_number, path
):
    token = token_of(ada)
    heard = []
    for name, server in (("short", client), ("whole", framework)):
        hers, his = counter.open(ada, "1000.00"), counter.open(ben)
        world = {"name": name, "hers": hers.number, "his": his.number, "nowhere": nobodys_number}
        heard.append(answers(server, path, world, token))
    short, whole = heard
    assert {name: (short[name], whole[name]) for name in short if short[name] != whole[name]} == {}
    # Or else both might have refused everything for one reason.
    statuses = {name: said[:3] for name, said in short.items()}
    assert statuses["body: good"] in ("200", "201")
    assert "idempotency-replayed" in short["key again"]
    assert set(statuses.values()) >= {
        "201" if path != "/transactions/batch" else "200",
        "400",
        "401",
        "413",
        "415",
        "422",
    }
    assert (statuses["nobody, bad body"], statuses["nobody, too large"]) == ("401", "401")


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_other_methods_go_the_framework_s_way(sqlite_db, client, framework, method):
    heard = [
        {path: server.request(method, f"/api/v1{path}").status_code for path in (*MOVING, "/transactions/deposit/")}
        for server in (client, framework)
    ]
    assert heard[0] == heard[1]


def test_a_bug_on_the_short_way_is_told_as_one(sqlite_db, caller, counter, ada, monkeypatch):
    hers = counter.open(ada)

    async def broken(*_, **__):
        raise ZeroDivisionError

    monkeypatch.setattr("bank_app.services.transfers.move_soon", broken)
    answer = caller(ada).post("/transactions/deposit", {"account_id": hers.number, "amount": "1.00"})
    assert (answer.status_code, answer.json()["code"], answer.json()["money_moved"]) == (
        500,
        "internal_error",
        "unknown",
    )


def test_requests_on_the_short_way_are_counted_and_noted_by_their_template(
    sqlite_db, client, caller, anyone, counter, ada
):
    hers = counter.open(ada)
    with structlog.testing.capture_logs() as lines:
        caller(ada).post("/transactions/deposit", {"account_id": hers.number, "amount": "1.00"})
        caller(ada).post("/transactions/deposit", {"account_id": hers.number, "amount": "-1.00"})
        anyone.post("/transactions/deposit", {})
    noted = [line for line in lines if line["event"] == "request" and line["method"] == "POST"]
    noted = [(line["route"], line["status"], line["actor"]) for line in noted if "auth" not in line["route"]]
    route = "/api/v1/transactions/deposit"
    assert noted == [(route, 201, str(ada.user_id)), (route, 422, str(ada.user_id)), (route, 401, None)]
    text = client.get("/metrics").text
    for status in (201, 422, 401):
        assert f'bank_http_requests_total{{method="POST",route="{route}",status="{status}"}} 1.0' in text
    assert hers.number not in text
