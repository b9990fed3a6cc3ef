"""What a client attaches is for who sent it and for the bank's people, and for nobody whom it pays."""

SECRET = {"internal_case": "KYC-4711", "note": "do not show to payee"}


def test_the_payee_reads_no_metadata_of_the_payer(caller, counter, ada, ben, auditor):
    hers, his = counter.open(ada, "50.00"), counter.open(ben)
    body = {"from_account_id": hers.number, "to_account_id": his.number, "amount": "1.00", "metadata": SECRET}
    sent = caller(ada).post("/transactions/transfer", body, key="k").json()
    whole = f"/transactions/{sent['id']}"
    places = {
        whole: lambda answer: answer["metadata"],
        "/transactions?limit=1": lambda answer: answer["items"][0]["metadata"],
        "/transactions?after=": lambda answer: answer["items"][-1]["metadata"],
    }
    sides = {
        f"/accounts/{{}}/{path}": read
        for path, read in {
            "history?limit=1": lambda answer: answer["items"][0]["metadata"],
            "history?after=0": lambda answer: answer["items"][-1]["metadata"],
            "statement?from=2020-01-01T00:00:00Z&to=2099-01-01T00:00:00Z": lambda answer: answer["items"][-1][
                "metadata"
            ],
        }.items()
    }
    for path, read in (places | sides).items():
        mine = caller(ada).get(path.format(hers.number))
        assert read(mine.json()) == SECRET, path
        theirs = caller(ben).get(path.format(his.number))
        assert theirs.status_code == 200, path
        assert read(theirs.json()) == {}, path
        assert "KYC" not in theirs.text, path
        assert read(caller(auditor).get(path.format(his.number)).json()) == SECRET, path
    # Sent again it is the same answer, to whoever sent it.
    assert caller(ada).post("/transactions/transfer", body, key="k").json()["metadata"] == SECRET


def test_a_customer_does_not_read_what_the_bank_attached_to_his_money(caller, counter, ada, teller):
    hers = counter.open(ada, "50.00")
    body = {"account_id": hers.number, "amount": "1.00", "metadata": SECRET}
    paid_in = caller(teller).post("/transactions/deposit", body).json()
    assert paid_in["metadata"] == SECRET
    assert caller(ada).get(f"/transactions/{paid_in['id']}").json()["metadata"] == {}
    export = caller(ada).get(
        f"/accounts/{hers.number}/statement?format=csv&from=2020-01-01T00:00:00Z&to=2099-01-01T00:00:00Z"
    )
    assert "KYC" not in export.text
