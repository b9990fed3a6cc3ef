"""Who moved money a moment ago is remembered; what became of him since counts with the next movement all the same."""

import pytest
from sqlalchemy import update

from bank_app import clock
from bank_app.models import SignIn, User

TRANSFER = "/transactions/transfer"


@pytest.fixture
def hers(counter, ada):
    return counter.open(ada, "100.00")


@pytest.fixture
def his(counter, ben):
    return counter.open(ben)


@pytest.fixture
def change(db):
    def run(table, column, value, **columns):
        db.unit_of_work(lambda session: session.execute(update(table).where(column == value).values(**columns)))

    return run


def body(source, target, amount="1.00"):
    return {"from_account_id": source.number, "to_account_id": target.number, "amount": amount}


@pytest.mark.parametrize("how", ["signed out", "disabled"])
@pytest.mark.parametrize("sent", ["a transfer", "nonsense", "somebody else's money", "another's account"])
def test_who_may_no_longer_come_in_moves_nothing_and_learns_nothing(caller, counter, change, ada, hers, his, how, sent):
    program = caller(ada)
    assert program.post(TRANSFER, body(hers, his), key="first").status_code == 201
    if how == "disabled":
        change(User, User.id, ada.user_id, disabled_at=clock.now())
    else:
        change(SignIn, SignIn.user_id, ada.user_id, revoked_at=clock.now())
    asked = {
        "a transfer": body(hers, his),
        "nonsense": {"amount": 1, "colour": "red"},
        "somebody else's money": body(hers, his, "999.00"),
        "another's account": body(his, hers),
    }[sent]
    answer = program.post(TRANSFER, asked, key="second")
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert counter.balance(hers) == "99.00"


def test_a_role_that_was_taken_away_is_gone_with_the_next_movement(caller, counter, change, teller, hers, his):
    program = caller(teller)
    assert program.post(TRANSFER, body(hers, his)).status_code == 201
    change(User, User.id, teller.user_id, role="customer")
    answer = program.post(TRANSFER, body(hers, his))
    assert (answer.status_code, answer.json()["code"]) == (404, "account_not_found")
    assert counter.balance(hers) == "99.00"


def test_a_role_that_was_given_counts_with_the_next_movement(caller, counter, change, ada, ben, hers, his):
    program = caller(ben)
    savings = counter.open(ada)
    assert program.post(TRANSFER, body(his, hers)).json()["code"] == "insufficient_funds"
    assert program.post(TRANSFER, body(hers, savings)).json()["code"] == "account_not_found"
    change(User, User.id, ben.user_id, role="teller")
    assert program.post(TRANSFER, body(hers, savings), key="now").status_code == 201
    assert program.post(TRANSFER, body(hers, savings), key="now").headers["idempotency-replayed"] == "true"
    # Even so, nobody serves himself.
    assert program.post(TRANSFER, body(hers, his)).json()["code"] == "forbidden"
    assert counter.balance(hers) == "99.00"


def test_a_batch_is_not_begun_for_who_was_signed_out(caller, counter, change, ada, hers, his):
    program = caller(ada)
    assert program.post(TRANSFER, body(hers, his)).status_code == 201
    change(SignIn, SignIn.user_id, ada.user_id, revoked_at=clock.now())
    answer = program.post("/transactions/batch", {"items": [{"type": "transfer", **body(hers, his)}]})
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert counter.balance(hers) == "99.00"
