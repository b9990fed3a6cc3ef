"""Lists: pages by cursor that neither repeat nor skip, filters, and cursors that are not ours."""

import base64

import pytest


def pages_of(program, path, limit, between=None):
    """All items, page after page; `between` runs after each page."""
    items, cursor = [], None
    while True:
        params = {"limit": limit} | ({"cursor": cursor} if cursor else {})
        page = program.get(path, params=params).json()
        items += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return items
        if between:
            between()


def test_history_is_newest_first_and_complete(caller, counter, ada):
    account = counter.open(ada, "100.00")
    for _ in range(7):
        counter.deposit(ada, account, "1.00")
    path = f"/accounts/{account.number}/history"
    items = pages_of(caller(ada), path, 3)
    assert [item["sequence"] for item in items] == [8, 7, 6, 5, 4, 3, 2, 1]
    assert [item["balance_after"] for item in items][:2] == ["107.00", "106.00"]
    assert items[0].keys() == {
        "sequence", "transaction_id", "type", "direction", "amount", "currency", "balance_after", "counterparty",
        "description", "metadata", "created_at",
    }  # fmt: skip


def test_entries_that_arrive_between_two_pages_shift_nothing(caller, counter, ada):
    account = counter.open(ada, "100.00")
    for _ in range(5):
        counter.deposit(ada, account, "1.00")
    path = f"/accounts/{account.number}/history"
    items = pages_of(caller(ada), path, 2, between=lambda: counter.deposit(ada, account, "9.00"))
    assert [item["sequence"] for item in items] == [6, 5, 4, 3, 2, 1]


def test_accounts_and_transactions_have_pages_too(caller, counter, ada, teller):
    numbers = [counter.open(ada, "1.00").number for _ in range(5)]
    listed = pages_of(caller(ada), "/accounts", 2, between=lambda: counter.open(ada))
    assert [item["id"] for item in listed] == numbers[::-1]
    moved = pages_of(caller(teller), "/transactions", 2)
    assert len({item["id"] for item in moved}) == len(moved) == 5
    assert [item["id"] for item in moved] == sorted((item["id"] for item in moved), reverse=True)


def test_the_last_full_page_has_no_cursor(caller, counter, ada):
    for _ in range(2):
        counter.open(ada)
    assert caller(ada).get("/accounts?limit=2").json()["next_cursor"] is None


@pytest.mark.parametrize("limit", ["0", "201", "-1", "x", "", "1.5"])
@pytest.mark.parametrize("path", ["/accounts", "/accounts/{}/history", "/transactions"])
def test_a_page_has_1_to_200_items(caller, counter, teller, path, limit):
    answer = caller(teller).get(path.format(counter.open(teller).number), params={"limit": limit})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "limit")


@pytest.mark.parametrize("limit", ["1", "200"])
def test_the_ends_of_the_range_are_in_it(caller, teller, limit):
    assert caller(teller).get("/accounts", params={"limit": limit}).status_code == 200


def _encoded(text):
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        "x", "!!!!", "é", "a" * 501, _encoded("nonsense"), _encoded("1|2|3"), _encoded("2026-01-01|x"), _encoded("-1"),
        _encoded("1' OR '1'='1"), _encoded("9" * 300), _encoded("9" * 19),
        _encoded("2026-01-01T00:00:00+00:00|" + "9" * 300),
        _encoded("2026-01-01T00:00:00|1"), _encoded("²"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/accounts", "/accounts/{}/history", "/transactions"])
def test_a_cursor_that_is_not_ours_is_refused(caller, counter, teller, path, cursor):
    answer = caller(teller).get(path.format(counter.open(teller).number), params={"cursor": cursor})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert answer.json()["errors"][0]["field"] == "cursor"


def test_a_parameter_that_nobody_knows_is_refused(caller, teller):
    answer = caller(teller).get("/accounts?statsu=open")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "statsu")


@pytest.fixture
def busy(counter, ada, ben):
    """Ada's account with four kinds of entries."""
    account, other = counter.open(ada, "100.00"), counter.open(ben, "50.00")
    counter.withdraw(ada, account, "20.00", description="Cash for the market")
    counter.transfer(ada, account, other, "30.00", description="rent 100%")
    counter.transfer(ben, other, account, "5.00", description="coffee")
    return account


@pytest.mark.parametrize(
    ("query", "sequences"),
    [
        ("type=deposit", [1]),
        ("type=transfer", [4, 3]),
        ("type=deposit&type=withdraw", [2, 1]),
        ("direction=credit", [4, 1]),
        ("direction=debit&type=transfer", [3]),
        ("min_amount=20.00", [3, 2, 1]),
        ("max_amount=20", [4, 2]),
        ("min_amount=20&max_amount=30.00", [3, 2]),
        ("q=RENT", [3]),
        ("q=100%25", [3]),
        ("q=ben", [4, 3]),
        ("q=_", []),
        ("to=2001-01-01T00:00:00Z", []),
        ("from=2001-01-01T00:00:00Z", [4, 3, 2, 1]),
    ],
)
def test_filters_narrow_a_history(caller, ada, busy, query, sequences):
    found = caller(ada).get(f"/accounts/{busy.number}/history?{query}")
    assert [item["sequence"] for item in found.json()["items"]] == sequences


@pytest.mark.parametrize(
    ("field", "value"),
    [("type", "gift"), ("direction", "up"), ("min_amount", "-1"), ("max_amount", "1e3"), ("q", "x" * 101)],
)
@pytest.mark.parametrize("path", ["/accounts/{}/history", "/transactions"])
def test_a_filter_that_makes_no_sense_is_refused(caller, counter, teller, path, field, value):
    answer = caller(teller).get(path.format(counter.open(teller).number), params={field: value})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"].partition(".")[0] == field


def test_the_other_side_is_named(caller, ada, busy):
    items = caller(ada).get(f"/accounts/{busy.number}/history").json()["items"]
    assert [item["counterparty"]["name"] for item in items] == ["Ben Ito", "Ben Ito", "Cash", "Cash"]
    assert items[3]["counterparty"]["account_id"] == "cash"


@pytest.mark.parametrize(
    "query", ["q=rent", "type=transfer&min_amount=30", "min_amount=30.00&max_amount=30.00&currency=usd"]
)
def test_the_bank_people_search_all_transactions(caller, auditor, busy, query):
    items = caller(auditor).get(f"/transactions?{query}").json()["items"]
    assert [item["description"] for item in items] == ["rent 100%"]
    assert all(side["balance_after"] for side in items[0]["postings"])


def test_everybody_follows_what_he_may_see_from_the_oldest_on(caller, counter, ada, ben, teller):
    hers, his = counter.open(ada, "10.00"), counter.open(ben, "20.00")
    counter.transfer(ada, hers, his, "1.00")
    amounts = {ada: ["10.00", "1.00"], ben: ["20.00", "1.00"], teller: ["10.00", "20.00", "1.00"]}
    for person, expected in amounts.items():
        page = caller(person).get("/transactions?after=0").json()
        assert [item["amount"] for item in page["items"]] == expected
        again = caller(person).get("/transactions", params={"after": page["next_after"]}).json()
        assert (again["items"], again["next_after"]) == ([], page["next_after"])
        newest = caller(person).get("/transactions").json()
        assert [item["amount"] for item in newest["items"]] == expected[::-1]
        assert newest["next_after"] is None
    page = caller(ada).get(f"/accounts/{hers.number}/history?after=1").json()
    assert ([item["sequence"] for item in page["items"]], page["next_after"]) == ([2], "2")
    assert caller(ben).get(f"/accounts/{hers.number}/history?after=1").status_code == 404


@pytest.mark.parametrize("query", ["after=0&cursor=MQ", "after=0&q=rent", "after=x", "after=-1"])
def test_following_and_what_would_leave_something_out_do_not_go_together(caller, ada, teller, query):
    for person in (ada, teller):
        answer = caller(person).get(f"/transactions?{query}")
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
