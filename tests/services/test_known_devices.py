"""Guesses from elsewhere never keep the owner out, and whoever guesses from anywhere is slowed."""

from datetime import timedelta

import pyotp
import pytest
from sqlalchemy import func, select

from bank_app import clock, errors
from bank_app.models import KnownDevice, Stranger
from bank_app.services import auth, guesses, password_links, second_factor

PASSWORD, NEW = "lantern-orchard-48-violin", "quiet meadow under nine clocks"
HOME, ELSEWHERE = "192.0.2.1", "203.0.113.9"
NOW = clock.now().replace(microsecond=0)


@pytest.fixture
def bank(another):
    return another(rate_limits=True)


def sign_in(db, person, password=PASSWORD, *, address=HOME, device=""):
    return auth.open_browser_session(
        db, email=person.email, password=password, address=address, user_agent="", device=device
    )


def told(db, email, password="a wrong password", *, address=ELSEWHERE, device="", api=False):
    try:
        if api:
            auth.issue_tokens(db, email=email, password=password, address=address)
        else:
            auth.open_browser_session(db, email=email, password=password, address=address, user_agent="", device=device)
    except errors.BankError as error:
        return error.code
    return "signed in"


def test_an_attack_of_any_length_keeps_nobody_out_of_his_own_device(bank, ada):
    """A guess whenever one is free, for hours, from one address and from many: every try of the owner's gets in."""
    with clock.moved_to(NOW):
        mine = sign_in(bank, ada)
    for minute in range(0, 240, 4):
        with clock.moved_to(NOW + timedelta(minutes=minute)):
            for number in range(6):
                told(bank, ada.email, address=f"203.0.113.{number}")
            assert told(bank, ada.email, PASSWORD) == "too_many_requests"
            assert told(bank, ada.email, PASSWORD, address=HOME, device=mine.device) == "signed in"


def test_the_device_of_somebody_else_is_nobodys(bank, ada, ben):
    """Whoever has an account of his own would otherwise bring a device to guess with."""
    his = sign_in(bank, ben)
    for _ in range(5):
        assert told(bank, ada.email, device=his.device) == "invalid_credentials"
    assert told(bank, ada.email, device=his.device) == "too_many_requests"
    assert told(bank, ada.email, PASSWORD, device="made up") == "too_many_requests"
    assert told(bank, ben.email, PASSWORD, device=his.device) == "signed in"


def test_a_known_device_guesses_no_more_than_another(bank, ada):
    mine = sign_in(bank, ada)
    for _ in range(5):
        assert told(bank, ada.email, device=mine.device) == "invalid_credentials"
    assert told(bank, ada.email, PASSWORD, device=mine.device) == "too_many_requests"
    # And its failures are its own: the owner gets in from elsewhere.
    assert told(bank, ada.email, PASSWORD) == "signed in"


def test_the_code_of_the_second_step_is_guessed_by_device_as_well(bank, ada):
    mine = sign_in(bank, ada)
    with clock.moved_to(clock.now() - timedelta(minutes=2)):
        second_factor.begin(bank, ada, password=PASSWORD)
        app = pyotp.TOTP(second_factor.enrolment(bank, ada).key.replace(" ", ""))
        second_factor.confirm(bank, ada, code=app.at(clock.now()))

    def code(text, **whence):
        with pytest.raises(errors.SecondFactorRequired) as wanted:
            sign_in(bank, ada, **whence)
        return auth.complete_browser_session(
            bank, half_session=wanted.value.half_session, code=text, user_agent="", address=HOME, **whence
        )

    half = None
    with pytest.raises(errors.SecondFactorRequired) as wanted:
        sign_in(bank, ada)
    half = wanted.value.half_session
    for _ in range(5):
        with pytest.raises(errors.SecondFactorWrong):
            auth.complete_browser_session(bank, half_session=half, code="000000", address=ELSEWHERE, user_agent="")
    with pytest.raises(errors.Throttled):
        auth.complete_browser_session(
            bank, half_session=half, code=app.at(clock.now()), address=ELSEWHERE, user_agent=""
        )
    assert code(app.at(clock.now()), device=mine.device).token


def test_who_is_signed_in_is_not_stopped_by_guesses_from_outside(bank, ada):
    she = auth.actor_of_cookie(bank, sign_in(bank, ada).token)
    for _ in range(8):
        told(bank, ada.email)
    password_links.change_password(bank, she, old=PASSWORD, new=NEW)
    assert told(bank, ada.email, NEW) == "too_many_requests"


def test_a_stolen_session_guesses_the_password_no_faster(bank, ada):
    thief = auth.actor_of_cookie(bank, sign_in(bank, ada).token)
    she = auth.actor_of_cookie(bank, sign_in(bank, ada).token)
    for _ in range(5):
        with pytest.raises(errors.CredentialsDoNotMatch):
            auth.prove(bank, thief, "a wrong password")
    with pytest.raises(errors.Throttled):
        auth.prove(bank, thief, PASSWORD)
    assert auth.prove(bank, she, PASSWORD)


def test_a_program_is_known_by_its_network(bank, ada):
    assert told(bank, ada.email, PASSWORD, address="2001:db8:1:2::7", api=True) == "signed in"
    for _ in range(8):
        told(bank, ada.email, api=True)
    assert told(bank, ada.email, PASSWORD, api=True) == "too_many_requests"
    assert told(bank, ada.email, PASSWORD, address="2001:db8:1:2:3:4:5:6", api=True) == "signed in"
    # A browser there is another thing, which has to bring what it was given.
    assert told(bank, ada.email, PASSWORD, address="2001:db8:1:2::7") == "too_many_requests"


def test_passwords_tried_on_many_people_are_counted_by_network(another, ada):
    db = another(rate_limits=True, guesses_per_network=4)
    mine = sign_in(db, ada)
    with clock.moved_to(NOW):
        spread = [told(db, f"person{number}@bank.test", address=f"2001:db8::{number}") for number in range(6)]
        assert spread == ["invalid_credentials"] * 4 + ["too_many_requests"] * 2
        assert told(db, ada.email, PASSWORD, address="2001:db8::99") == "too_many_requests"
        # Neither another network nor a device that is known waits, nor does a right password begin it anew.
        assert told(db, ada.email, PASSWORD, address="2001:db8:1:1::1") == "signed in"
        assert told(db, ada.email, PASSWORD, address="2001:db8::99", device=mine.device) == "signed in"
        assert told(db, "person0@bank.test", address="2001:db8::1") == "too_many_requests"
    with clock.moved_to(NOW + timedelta(minutes=16)):
        assert told(db, "person9@bank.test", address="2001:db8::1") == "invalid_credentials"


def test_and_all_networks_together_on_all_workers(another, ada):
    settings = {"rate_limits": True, "guesses_in_total": 5}
    workers = [another(**settings), another(**settings)]
    mine = sign_in(workers[0], ada)
    spread = [told(workers[n % 2], f"person{n}@bank.test", address=f"198.51.100.{n}") for n in range(7)]
    assert spread == ["invalid_credentials"] * 5 + ["too_many_requests"] * 2
    assert told(workers[1], ada.email, PASSWORD, device=mine.device) == "signed in"


def test_what_strangers_and_devices_leave_is_bounded(bank, ada, monkeypatch):
    monkeypatch.setattr(guesses, "_MOST_KNOWN", 3)
    monkeypatch.setattr(guesses, "_MOST_STRANGERS", 10)
    monkeypatch.setattr(guesses, "_FORGOTTEN_AT_ONCE", 5)
    for _ in range(5):
        mine = sign_in(bank, ada)
    assert bank.read(lambda session: session.execute(select(func.count()).select_from(KnownDevice)).scalar_one()) == 3
    # The newest of them are known.
    assert bank.read(lambda session: guesses.is_known(session, mine.device))
    digest = guesses._digest
    monkeypatch.setattr(guesses, "_digest", lambda text: b"\0" + digest(text)[1:])
    for number in range(14):
        told(bank, f"person{number}@bank.test", address=f"198.51.100.{number}")
    assert bank.read(lambda session: session.execute(select(func.count()).select_from(Stranger)).scalar_one()) <= 10


def test_a_device_that_was_away_for_half_a_year_is_not_known_any_more(bank, ada):
    with clock.moved_to(NOW - timedelta(days=181)):
        mine = sign_in(bank, ada)
    for _ in range(6):
        told(bank, ada.email)
    assert told(bank, ada.email, PASSWORD, device=mine.device) == "too_many_requests"
