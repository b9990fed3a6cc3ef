"""A fresh code over the API: which answer asks for it, how it is given, and that nothing is lost over it."""

from datetime import timedelta

import pyotp
import pytest

from bank_app import clock
from bank_app.services import auth, second_factor

PASSWORD = "lantern-orchard-48-violin"


@pytest.fixture
def stale(db, caller, ben):
    """Somebody with two steps whose program signed in a while ago: the caller, and his app."""

    def of(person):
        with clock.moved_to(clock.now() - timedelta(minutes=10)):
            second_factor.begin(db, person, password=PASSWORD)
            app = pyotp.TOTP(second_factor.enrolment(db, person).key.replace(" ", ""))
            recovery = second_factor.confirm(db, person, code=app.at(clock.now()))
            pair = auth.issue_tokens(db, email=person.email, password=PASSWORD, otp=recovery[0], address="192.0.2.1")
        program = caller(ben)
        program.token = pair.access_token
        return program, app

    return of


def test_a_large_payment_asks_for_a_code_and_goes_through_with_the_same_key(stale, counter, ada, ben):
    source, target = counter.open(ada, "5000.00"), counter.open(ben)
    program, app = stale(ada)
    body = {"from_account_id": source.number, "to_account_id": target.number, "amount": "1000.00"}
    # Who asks is remembered from here on, as he is without a code.
    assert program.post("/transactions/transfer", body).status_code == 201
    large = {**body, "amount": "1000.01"}
    asked = program.post("/transactions/transfer", large, key="boat")
    assert (asked.status_code, asked.json()["code"], asked.json()["money_moved"]) == (403, "step_up_required", "no")
    batch = {"items": [{"type": "transfer", **body}, {"type": "transfer", **body}]}
    assert program.post("/transactions/batch", batch).json()["code"] == "step_up_required"
    wrong = program.post("/auth/step-up", {"otp": "000000"})
    assert (wrong.status_code, wrong.json()["code"]) == (401, "second_factor_wrong")
    given = program.post("/auth/step-up", {"otp": app.at(clock.now())})
    assert given.status_code == 200
    assert given.json()["fresh_until"] > clock.to_text(clock.now())
    done = program.post("/transactions/transfer", large, key="boat")
    assert (done.status_code, done.headers.get("idempotency-replayed")) == (201, None)
    assert program.post("/transactions/transfer", large, key="boat").headers["idempotency-replayed"] == "true"
    assert counter.balance(target) == "2000.01"


def test_who_has_no_second_step_has_no_code_to_give(caller, ada):
    answer = caller(ada).post("/auth/step-up", {"otp": "123456"})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
