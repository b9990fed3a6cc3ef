"""Guesses that are sent at once count like guesses that are sent one after the other."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from bank_app import errors
from bank_app.api.authentication import Authenticator
from bank_app.services import auth, passwords

PASSWORD = "lantern-orchard-48-violin"
AT_ONCE = 8


def actor_of_access_token(db, token):
    return asyncio.run(Authenticator(db).actor_of(token))


@pytest.fixture
def throttling(another):
    return another(rate_limits=True)


@pytest.fixture
def together(monkeypatch):
    """Passwords are compared only once all have been let through to the comparison."""
    barrier, verify = threading.Barrier(AT_ONCE), passwords.fits

    def compare(hashed, password):
        barrier.wait(20)
        return verify(hashed, password)

    monkeypatch.setattr(passwords, "fits", compare)


def outcome(db, person, password):
    try:
        return auth.open_browser_session(db, email=person.email, password=password, user_agent="", address="192.0.2.1")
    except errors.BankError as error:
        return error.code


def guesses(db, person, passwords):
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda password: outcome(db, person, password), passwords))


def test_of_many_guesses_at_once_five_are_answered(throttling, ada, together):
    answers = guesses(throttling, ada, [f"guess number {n}" for n in range(AT_ONCE)])
    assert sorted(answers) == ["invalid_credentials"] * 5 + ["too_many_requests"] * (AT_ONCE - 5)


def test_a_right_guess_that_comes_too_late_is_not_told_from_a_wrong_one(throttling, ada, monkeypatch):
    verify = passwords.fits

    def while_others_guess(hashed, password):
        monkeypatch.setattr(passwords, "fits", verify)
        for number in range(5):
            assert outcome(throttling, ada, f"guess number {number}") == "invalid_credentials"
        return verify(hashed, password)

    for late in (PASSWORD, "a wrong password"):
        throttling.unit_of_work(
            lambda session: session.execute(auth.update(auth.User).values(failed_sign_ins=0, locked_until=None))
        )
        monkeypatch.setattr(passwords, "fits", while_others_guess)
        assert outcome(throttling, ada, late) == "too_many_requests"


@pytest.mark.parametrize(
    ("registered", "typed"),
    [
        ("jose\u0301@bank.test", "jose\u0301@bank.test"),
        ("jos\u00e9@bank.test", "JOSE\u0301@bank.test"),
        ("ada@xn--bcher-kva.example", "ada@xn--bcher-kva.example"),
        ("ada@bücher.example", "Ada@XN--BCHER-KVA.example"),
        ("Ada@Bank.Test", " ada@bank.test "),
    ],
)
def test_an_email_signs_in_however_it_is_typed(db, registered, typed):
    person = auth.register(db, email=registered, name="A Person", password=PASSWORD)
    tokens = auth.issue_tokens(db, email=typed, password=PASSWORD, address="192.0.2.1")
    assert actor_of_access_token(db, tokens.access_token).user_id == person.user_id
    assert db.read(lambda session: auth.find(session, typed)) == person
