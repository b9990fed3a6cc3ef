"""A name that was checked and did not fit: the payer goes on seeing what he wrote, over the API as well."""


def test_a_failed_check_keeps_the_name_from_the_history(caller, counter, ada, ben):
    hers, his = counter.open(ada, "100.00"), counter.open(ben)
    by = caller(ada)
    checked = by.get(f"/payees/check?account_id={his.number}&name=Bob+Someone")
    assert checked.json() == {"result": "none"}
    body = {"from_account_id": hers.number, "to_account_id": his.number, "amount": "5.00"}
    sent = by.post("/transactions/transfer", body)
    assert sent.status_code == 201
    seen = [by.get(path) for path in (f"/accounts/{hers.number}/history", f"/transactions/{sent.json()['id']}")]
    statement = by.get(f"/accounts/{hers.number}/statement?from=2020-01-01T00:00:00Z&to=2100-01-01T00:00:00Z")
    for answer in [sent, statement, *seen]:
        assert answer.status_code in (200, 201)
        assert "Ben" not in answer.text
    assert seen[0].json()["items"][0]["counterparty"] == {"account_id": his.number, "name": "Bob Someone"}
    assert "Ben" not in by.get(f"/accounts/{hers.number}/history?q=ito").text
    assert by.get(f"/accounts/{hers.number}/history?q=ito").json()["items"] == []


def test_the_right_name_opens_it(caller, counter, ada, ben):
    hers, his = counter.open(ada, "100.00"), counter.open(ben)
    by = caller(ada)
    for name, shown in (("Bob Someone", "Bob Someone"), ("Ben Ito", "Ben Ito"), ("Bob Someone", "Ben Ito")):
        by.get(f"/payees/check?account_id={his.number}&name={name.replace(' ', '+')}")
        counter.transfer(ada, hers, his, "5.00", knows=False)
        newest = by.get(f"/accounts/{hers.number}/history").json()["items"][0]
        assert newest["counterparty"]["name"] == shown


def test_a_cent_to_any_number_tells_nobody_whose_it_is(caller, counter, ada, ben):
    hers, his = counter.open(ada, "100.00"), counter.open(ben, "100.00")
    by = caller(ada)
    body = {"from_account_id": hers.number, "to_account_id": his.number, "amount": "0.01"}
    sent = by.post("/transactions/transfer", body)
    period = "from=2020-01-01T00:00:00Z&to=2100-01-01T00:00:00Z"
    paths = [
        f"/transactions/{sent.json()['id']}", "/transactions", f"/accounts/{hers.number}/history",
        f"/accounts/{hers.number}/history?after=0", f"/accounts/{hers.number}/history?q=ito",
        f"/accounts/{hers.number}/statement?{period}", f"/accounts/{hers.number}/statement?{period}&format=csv",
    ]  # fmt: skip
    for answer in [sent, *map(by.get, paths)]:
        assert answer.status_code in (200, 201)
        assert "Ito" not in answer.text
    named = by.get(paths[2]).json()["items"][0]["counterparty"]["name"]
    assert named.replace(" ", "") == f"Account{his.number}"
    # Who was paid reads by whom, and once Ben pays she knows him, as whoever is paid does.
    assert "Lindqvist" in caller(ben).get(f"/accounts/{his.number}/history").text
    back = {"from_account_id": his.number, "to_account_id": hers.number, "amount": "0.01"}
    caller(ben).post("/transactions/transfer", back)
    assert "Ben Ito" in by.get(paths[2]).text
