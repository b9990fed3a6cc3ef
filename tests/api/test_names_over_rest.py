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
        counter.transfer(ada, hers, his, "5.00")
        newest = by.get(f"/accounts/{hers.number}/history").json()["items"][0]
        assert newest["counterparty"]["name"] == shown
