"""Times in addresses: how they are written, what they include, and that digits beyond those kept lose nothing."""

from datetime import timedelta

import pytest

from bank_app import clock

# Decided before a database is asked, or the same whatever it answers.
ENGINES = ["sqlite"]


@pytest.fixture
def account(counter, ada):
    return counter.open(ada, "100.00")


@pytest.fixture
def posted_at(account, counter, ada):
    """When the only entry was posted, to the microsecond."""
    entry = counter.deposit(ada, account, "1.00").transaction
    return entry.created_at


def text(moment, finer="", offset="Z"):
    return f"{moment.strftime('%Y-%m-%dT%H:%M:%S.%f')}{finer}{offset}"


@pytest.fixture
def lists(caller, ada, teller, account):
    """For each list that has `from` and `to`: how many of its rows that query leaves of the newest one."""
    hers, staff = caller(ada), caller(teller)

    def of(**query):
        return {
            "history": newest(hers.get(f"/accounts/{account.number}/history", params=query), "sequence", 2),
            "transactions": newest(staff.get("/transactions", params=query), "amount", "1.00"),
        }

    def newest(answer, field, value):
        assert answer.status_code == 200, answer.text
        return sum(item[field] == value for item in answer.json()["items"])

    return of


@pytest.mark.parametrize("finer", ["", "0", "000", "000000000000"])
def test_from_includes_its_moment_and_to_does_not(lists, posted_at, finer):
    assert set(lists(**{"from": text(posted_at, finer)}).values()) == {1}
    assert set(lists(to=text(posted_at, finer)).values()) == {0}
    next_one = text(posted_at + timedelta(microseconds=1), finer)
    assert set(lists(to=next_one).values()) == {1}
    assert set(lists(**{"from": next_one}).values()) == {0}


@pytest.mark.parametrize("finer", ["001", "999", "1", "0" * 20 + "1"])
def test_digits_beyond_microseconds_are_compared_exactly(lists, posted_at, finer):
    assert set(lists(**{"from": text(posted_at, finer)}).values()) == {0}
    assert set(lists(to=text(posted_at, finer)).values()) == {1}
    before = posted_at - timedelta(microseconds=1)
    assert set(lists(**{"from": text(before, finer)}).values()) == {1}
    assert set(lists(to=text(before, finer)).values()) == {0}


def test_a_balance_includes_its_moment_and_nothing_later(caller, ada, account, posted_at):
    def balance(moment, finer=""):
        found = caller(ada).get(f"/accounts/{account.number}/balance", params={"at": text(moment, finer)}).json()
        return found["balance"], found["at"]

    before = posted_at - timedelta(microseconds=1)
    assert balance(posted_at) == balance(posted_at, "999") == ("101.00", clock.to_text(posted_at))
    assert balance(before) == balance(before, "999") == ("100.00", clock.to_text(before))


def test_a_statement_of_one_instant_and_one_to_the_next_day(caller, ada, account, posted_at):
    path = f"/accounts/{account.number}/statement"
    to_it = caller(ada).get(path, params={"from": "2001-01-01T00:00:00Z", "to": text(posted_at)}).json()
    past_it = caller(ada).get(path, params={"from": text(posted_at), "to": text(posted_at, "001")}).json()
    assert (to_it["closing_balance"], past_it["opening_balance"], past_it["closing_balance"]) == (
        "100.00", "100.00", "101.00",
    )  # fmt: skip


def test_the_trail_takes_the_same_times(caller, auditor):
    program = caller(auditor)
    for value in ("2026-11-20T09:30:00.123456789Z", "2026-11-20t09:30:00z", "2026-11-20T09:30:00.1+14:00"):
        assert program.get("/audit", params={"from": value, "to": value}).status_code == 200
    assert program.get("/audit", params={"from": "9999-12-31T23:59:59.9999999Z"}).status_code == 422


@pytest.mark.parametrize(
    ("path", "field"),
    [("/accounts/{}/balance", "at"), ("/accounts/{}/history", "from"), ("/accounts/{}/history", "to"),
     ("/accounts/{}/statement", "to"), ("/transactions", "from"), ("/audit", "to")],
)  # fmt: skip
@pytest.mark.parametrize("when", ["2026-11-20T09:30:00", "2026-11-20T09:30:00.123456789"])
def test_a_plus_that_became_a_space_is_named(caller, admin, account, path, field, when):
    program, address = caller(admin), path.format(account.number)
    answer = program.get(f"{address}?{field}={when}+01:00")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "invalid_time")
    assert "%2B01:00" in answer.json()["errors"][0]["message"]
    other = "&from=2001-01-01T00:00:00Z" if "statement" in path else ""
    assert program.get(f"{address}?{field}={when}%2B01:00{other}").status_code == 200


def test_what_times_include_stands_in_the_document(app):
    said = {
        (path, parameter["name"]): parameter.get("description") or parameter["schema"].get("description", "")
        for path, methods in app.openapi()["paths"].items()
        for operation in methods.values()
        for parameter in operation.get("parameters", ())
        if parameter["name"] in ("from", "to", "at")
    }
    assert len(said) >= 9
    for (_, name), words in said.items():
        assert {"from": "this very", "to": "no more", "at": "this very moment counts"}[name] in words
