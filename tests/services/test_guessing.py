"""Guesses that are sent at once count like guesses that are sent one after the other."""

import asyncio
import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from bank_app import clock, errors
from bank_app.api.authentication import Authenticator
from bank_app.domain.accounting import Role
from bank_app.domain.identifiers import new_id
from bank_app.models import Stranger
from bank_app.services import auth, passwords
from bank_app.services.actor import Actor

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


# --- an email that nobody has ---------------------------------------------------------------------------


NOW = clock.now().replace(microsecond=0)
NOBODY = Actor(new_id(), "nobody@bank.test", "", Role.CUSTOMER)


def told(db, person, password="a wrong password"):
    try:
        auth.open_browser_session(db, email=person.email, password=password, user_agent="", address="192.0.2.1")
    except errors.BankError as error:
        return error.code, error.detail, error.details
    return "signed in"


def test_waiting_does_not_tell_which_emails_are_known(throttling, ada):
    """Five free tries, waits that double, at most a quarter of an hour, and all forgotten after a day."""
    moments = [0] * 7 + [1, 1, 2, 4, 8, 16, 100, 1000, 2000, 3000, 4000, 5000, 5100, 6000]
    moments += [6000 + 86_400 + 1200] * 7
    for second in moments:
        with clock.moved_to(NOW + timedelta(seconds=second)):
            answers = told(throttling, ada), told(throttling, NOBODY)
        assert answers[0] == answers[1]
    assert answers[0][0] == "too_many_requests"


def test_nor_does_another_worker(throttling, another, ada):
    for person in (ada, NOBODY):
        for _ in range(5):
            assert told(throttling, person)[0] == "invalid_credentials"
        assert told(another(rate_limits=True), person)[0] == "too_many_requests"


def test_nor_do_guesses_that_are_sent_at_once(throttling, together):
    answers = guesses(throttling, NOBODY, [f"guess number {n}" for n in range(AT_ONCE)])
    assert sorted(answers) == ["invalid_credentials"] * 5 + ["too_many_requests"] * (AT_ONCE - 5)


def test_one_email_is_one_however_it_is_typed(throttling):
    for typed in ("nobody@bank.test", " NOBODY@bank.test", "Nobody@Bank.Test", "nobody@bank.test ", "nobody@bank.TEST"):
        assert told(throttling, replace(NOBODY, email=typed))[0] == "invalid_credentials"
    assert told(throttling, NOBODY)[0] == "too_many_requests"
    assert told(throttling, replace(NOBODY, email="somebody@bank.test"))[0] == "invalid_credentials"


def test_what_is_no_email_is_not_counted(throttling):
    for _ in range(7):
        assert told(throttling, replace(NOBODY, email="no email"))[0] == "invalid_credentials"


def test_emails_of_nobody_are_kept_for_a_day_and_never_in_clear(throttling):
    def kept():
        return throttling.read(lambda session: session.execute(select(Stranger.digest)).scalars().all())

    with clock.moved_to(NOW):
        told(throttling, NOBODY)
    with clock.moved_to(NOW + timedelta(days=1, seconds=1)):
        told(throttling, replace(NOBODY, email="somebody@bank.test"))
    assert kept() == [hashlib.sha256(b"somebody@bank.test").digest()]


def test_failures_long_ago_are_forgotten(throttling, ada):
    with clock.moved_to(NOW):
        assert [told(throttling, ada)[0] for _ in range(6)][-1] == "too_many_requests"
    with clock.moved_to(NOW + timedelta(days=1, seconds=2)):
        assert [told(throttling, ada)[0] for _ in range(5)] == ["invalid_credentials"] * 5
        assert told(throttling, ada)[0] == "too_many_requests"


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
