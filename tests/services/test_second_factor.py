"""Signing in in two steps: setting it up, what counts as a code, and how often one may guess."""

from datetime import UTC, datetime, timedelta

import pyotp
import pytest
from sqlalchemy import select, update

from bank_app import clock, errors
from bank_app.keys import Ring
from bank_app.models import AuditRecord, RecoveryCode, User
from bank_app.services import auth, codes, password_links, second_factor

PASSWORD = "lantern-orchard-48-violin"
NOW = datetime(2031, 1, 1, 12, tzinfo=UTC)
WHENCE = {"address": "192.0.2.1", "user_agent": "test"}


@pytest.fixture
def at():
    """`at(90)`: it is so many seconds later."""
    return lambda seconds: clock.moved_to(NOW + timedelta(seconds=seconds))


class App:
    """An authenticator app that was told the key."""

    def __init__(self, key):
        self.totp = pyotp.TOTP(key.replace(" ", ""))

    def code(self, seconds=0):
        return self.totp.at(NOW + timedelta(seconds=seconds))


def set_up(db, person):
    """Turns it on at NOW; returns the app and the recovery codes."""
    with clock.moved_to(NOW):
        second_factor.begin(db, person, password=PASSWORD)
        app = App(second_factor.enrolment(db, person).key)
        return app, second_factor.confirm(db, person, code=app.code())


def half(db, person, password=PASSWORD):
    with pytest.raises(errors.SecondFactorRequired) as refusal:
        auth.open_browser_session(db, email=person.email, password=password, **WHENCE)
    return refusal.value.half_session


def complete(db, token, code):
    return auth.complete_browser_session(db, half_session=token, code=code, **WHENCE).token


def wrong(attempt, *args, **named):
    with pytest.raises(errors.SecondFactorWrong) as refusal:
        attempt(*args, **named)
    return refusal.value.details["reason"]


def used(attempt, *args, **named):
    with pytest.raises(errors.SecondFactorUsed) as refusal:
        attempt(*args, **named)
    return refusal.value.details["reason"], refusal.value.details.get("retry_after")


def test_a_code_that_was_used_is_no_guess(another, ada, at):
    strict = another(rate_limits=True)
    app, fresh = set_up(strict, ada)
    with at(0):
        # The code that turned it on, for what may follow at once: signing in, new codes, turning off.
        token = half(strict, ada)
        for _ in range(20):
            assert used(complete, strict, token, app.code()) == ("app", 30)
            assert used(second_factor.turn_off, strict, ada, code=app.code()) == ("app", 30)
            assert used(second_factor.renew_recovery_codes, strict, ada, code=app.code()) == ("app", 30)
        assert complete(strict, token, fresh[0])
        for _ in range(20):
            assert used(complete, strict, token, fresh[0]) == ("recovery", None)
        assert strict.read(lambda session: session.execute(select(User.failed_sign_ins)).scalar_one()) == 0
        # Four wrong ones, one that was used, and the fifth wrong one waits.
        for _ in range(4):
            assert wrong(complete, strict, token, "000000") == "wrong"
        used(complete, strict, token, app.code())
        assert strict.read(lambda session: session.execute(select(User.failed_sign_ins)).scalar_one()) == 4
    with at(30):
        second_factor.turn_off(strict, ada, code=app.code(30))


def test_it_is_set_up_with_a_password_and_a_first_code(db, ada, at):
    with at(0):
        with pytest.raises(errors.CredentialsDoNotMatch):
            second_factor.begin(db, ada, password="not my password")
        assert second_factor.enrolment(db, ada) is None
        second_factor.begin(db, ada, password=PASSWORD)
        begun = second_factor.enrolment(db, ada)
        assert begun.address.startswith("otpauth://totp/")
        assert begun.key.replace(" ", "") in begun.address
        assert wrong(second_factor.confirm, db, ada, code="000000") == "wrong"
        assert db.read(lambda session: second_factor.status(session, ada)).on_since is None
        fresh = second_factor.confirm(db, ada, code=App(begun.key).code())
    assert len(set(fresh)) == 10
    status = db.read(lambda session: second_factor.status(session, ada))
    assert (status.on_since, status.recovery_codes) == (NOW, 10)
    assert second_factor.enrolment(db, ada) is None


def test_before_it_is_confirmed_the_password_is_enough(db, ada):
    second_factor.begin(db, ada, password=PASSWORD)
    assert auth.open_browser_session(db, email=ada.email, password=PASSWORD, **WHENCE)


def test_neither_secret_nor_recovery_codes_can_be_read_in_the_database(db, ada):
    app, fresh = set_up(db, ada)
    kept = db.read(lambda session: session.execute(select(User.totp_secret)).scalar_one())
    assert app.totp.secret not in kept
    digests = db.read(lambda session: session.execute(select(RecoveryCode.digest)).scalars().all())
    assert len(digests) == 10
    assert not any(code.encode() in digest for code in fresh for digest in digests)


def test_a_secret_moved_to_somebody_else_opens_nothing(db, ada, ben):
    set_up(db, ada)
    kept = db.read(lambda session: session.execute(select(User).where(User.id == ada.user_id)).scalar_one())
    stolen = User(id=ben.user_id, totp_secret=kept.totp_secret)
    assert codes.opened(db.settings, stolen) is None
    assert codes.opened(db.settings, kept)


def test_the_password_alone_opens_half_a_session_and_nothing_else(db, ada, at):
    app, _ = set_up(db, ada)
    with at(60):
        token = half(db, ada)
        assert auth.actor_of_cookie(db, token) is None
        assert wrong(complete, db, token, "123456") == "wrong"
        assert auth.actor_of_cookie(db, complete(db, token, app.code(60))).user_id == ada.user_id


@pytest.mark.parametrize("typed", ["{}", " {} ", "{:.3} {:.3}"])
def test_a_code_may_be_typed_or_pasted_with_spaces(db, ada, at, typed):
    app, _ = set_up(db, ada)
    with at(60):
        code = app.code(60)
        text = f"{code[:3]} {code[3:]}" if typed.count("{") > 1 else typed.format(code)
        assert complete(db, half(db, ada), text)


def test_a_code_is_good_once_and_half_a_minute_around_its_time(db, ada, at):
    app, _ = set_up(db, ada)
    with at(90):
        assert complete(db, half(db, ada), app.code(60))
        assert used(complete, db, half(db, ada), app.code(60)) == ("app", 0 + 1)
        assert wrong(complete, db, half(db, ada), app.code(0)) == "expired"
        assert wrong(complete, db, half(db, ada), app.code(-600)) == "wrong"
        assert complete(db, half(db, ada), app.code(120))
        assert used(complete, db, half(db, ada), app.code(90)) == ("newer", 60)
        assert used(complete, db, half(db, ada), app.code(120)) == ("app", 60)


def test_a_recovery_code_works_once(db, ada):
    _, fresh = set_up(db, ada)
    token = half(db, ada)
    assert complete(db, token, fresh[0].upper().replace("-", " "))
    assert used(complete, db, token, fresh[0]) == ("recovery", None)
    assert db.read(lambda session: second_factor.status(session, ada)).recovery_codes == 9


def test_a_recovery_code_is_its_owners_only(db, ada, ben):
    _, of_ada = set_up(db, ada)
    set_up(db, ben)
    assert wrong(complete, db, half(db, ben), of_ada[0]) == "wrong"


@pytest.mark.parametrize("typed", ["", "x", "１２３４５６", "12345", "1234567", "'; --", "\0" * 6])
def test_nonsense_is_a_wrong_code(db, ada, typed):
    set_up(db, ada)
    assert wrong(complete, db, half(db, ada), typed) == "wrong"


def test_half_a_session_ends_after_five_minutes_and_with_the_password(db, ada, at):
    app, _ = set_up(db, ada)
    with at(60):
        token = half(db, ada)
    with at(361), pytest.raises(errors.NotSignedIn):
        complete(db, token, app.code(360))
    with at(600):
        token = half(db, ada)
        password_links.change_password(db, ada, old=PASSWORD, new="quiet meadow under nine clocks")
        with pytest.raises(errors.NotSignedIn):
            complete(db, token, app.code(600))


@pytest.mark.parametrize("token", ["", "x", "a.b.c"])
def test_half_a_session_that_is_not_ours_is_none(db, ada, token):
    with pytest.raises(errors.NotSignedIn):
        complete(db, token, "123456")


def test_an_access_token_is_not_half_a_session_and_the_other_way_round(db, ada):
    access = auth.issue_tokens(db, email=ada.email, password=PASSWORD, address="192.0.2.1").access_token
    set_up(db, ada)
    with pytest.raises(errors.NotSignedIn):
        complete(db, access, "123456")
    from bank_app.services import tokens

    with pytest.raises(errors.NotSignedIn):
        tokens.sign_in_of_access_token(db.settings, half(db, ada))


def test_guessing_codes_waits_like_guessing_passwords_and_the_password_does_not_forgive(another, ada, at):
    db = another(rate_limits=True)
    app, _ = set_up(db, ada)
    with at(60):
        for _ in range(5):
            assert wrong(complete, db, half(db, ada), "000000") == "wrong"
        with pytest.raises(errors.Throttled):
            auth.open_browser_session(db, email=ada.email, password=PASSWORD, **WHENCE)
    with at(90):
        assert complete(db, half(db, ada), app.code(90))
        assert db.read(lambda session: session.execute(select(User.failed_sign_ins)).scalar_one()) == 0


def test_the_password_inside_of_a_session_does_not_forgive_guessed_codes(another, ada, at):
    strict = another(rate_limits=True)
    set_up(strict, ada)
    with at(60):
        for _ in range(3):
            wrong(second_factor.turn_off, strict, ada, code="000000")
            # Whoever has the session and the password gets no further guesses for saying the password in between.
            with pytest.raises(errors.Forbidden):
                second_factor.begin(strict, ada, password=PASSWORD)
        for _ in range(2):
            wrong(second_factor.turn_off, strict, ada, code="000000")
        with pytest.raises(errors.Throttled):
            second_factor.turn_off(strict, ada, code="000000")


def test_a_program_sends_the_code_with_the_password(db, ada, at):
    app, _ = set_up(db, ada)
    named = {"email": ada.email, "password": PASSWORD, "address": "192.0.2.1"}
    with at(60):
        with pytest.raises(errors.SecondFactorRequired):
            auth.issue_tokens(db, **named)
        assert wrong(auth.issue_tokens, db, **named, otp="000000") == "wrong"
        assert auth.issue_tokens(db, **named, otp=app.code(60))
        assert used(auth.issue_tokens, db, **named, otp=app.code(60)) == ("app", 30)


def test_a_wrong_password_is_told_alike_with_and_without_a_second_step(db, ada, ben):
    set_up(db, ada)
    answers = set()
    for person in (ada, ben):
        with pytest.raises(errors.CredentialsDoNotMatch) as refusal:
            auth.open_browser_session(db, email=person.email, password="wrong password", **WHENCE)
        answers.add(str(refusal.value))
    assert len(answers) == 1


def test_turning_it_off_takes_a_code(db, ada, at):
    app, fresh = set_up(db, ada)
    with at(60):
        assert wrong(second_factor.turn_off, db, ada, code="000000") == "wrong"
        second_factor.turn_off(db, ada, code=app.code(60))
        assert auth.open_browser_session(db, email=ada.email, password=PASSWORD, **WHENCE)
    kept = db.read(lambda session: session.execute(select(User)).scalar_one())
    assert (kept.totp_secret, kept.totp_since, kept.totp_step) == (None, None, None)
    assert db.read(lambda session: session.execute(select(RecoveryCode)).all()) == []
    with pytest.raises(errors.NotFound):
        second_factor.turn_off(db, ada, code=fresh[0])


def test_fresh_recovery_codes_make_the_old_ones_worthless(db, ada):
    _, old = set_up(db, ada)
    fresh = second_factor.renew_recovery_codes(db, ada, code=old[0])
    assert not set(old) & set(fresh)
    assert wrong(complete, db, half(db, ada), old[1]) == "wrong"
    assert complete(db, half(db, ada), fresh[1])


def test_who_came_in_with_the_password_alone_is_out_once_it_is_on(db, ada, ben, at):
    with at(-60):
        here, elsewhere = (auth.open_browser_session(db, email=ada.email, password=PASSWORD, **WHENCE) for _ in "12")
        program = auth.issue_tokens(db, email=ada.email, password=PASSWORD, address="192.0.2.9")
        another = auth.open_browser_session(db, email=ben.email, password=PASSWORD, **WHENCE)
        actor = auth.actor_of_cookie(db, here.token)
    set_up(db, actor)
    with at(30):
        assert auth.actor_of_cookie(db, here.token).user_id == ada.user_id
        assert auth.actor_of_cookie(db, elsewhere.token) is None
        assert auth.actor_of_cookie(db, another.token).user_id == ben.user_id
        with pytest.raises(errors.NotSignedIn):
            auth.refresh_tokens(db, refresh_token=program.refresh_token)


def test_it_cannot_be_set_up_over_what_is_on(db, ada):
    set_up(db, ada)
    with pytest.raises(errors.Forbidden):
        second_factor.begin(db, ada, password=PASSWORD)


def test_whoever_lost_everything_is_helped_by_two_of_those_who_may(db, two, ada, ben, teller, auditor, admin):
    set_up(db, ada)
    set_up(db, teller)
    why = "Lost the telephone on a train"
    for actor, person in ((ben, ada), (auditor, ada), (ada, ada), (teller, teller)):
        with pytest.raises(errors.Forbidden):
            two.ask(actor, person, "second_step", reason=why)
    for too_short in (" ", "Lost it"):
        with pytest.raises(errors.Invalid):
            two.ask(teller, ada, "second_step", reason=too_short)
    for _ in range(2):
        two.do(teller, ada, "second_step", admin, reason=why)
    # Nobody else could approve it for a colleague.
    two.do(admin, teller, "second_step", reason=why)
    assert auth.open_browser_session(db, email=ada.email, password=PASSWORD, **WHENCE)
    recorded = select(AuditRecord.object, AuditRecord.reason).where(AuditRecord.action == "second_step.reset")
    assert db.read(lambda session: session.execute(recorded).all()) == [
        (f"user {person.user_id}", why) for person in (ada, teller)
    ]


def test_all_of_it_is_in_the_audit_trail(db, ada, at):
    app, fresh = set_up(db, ada)
    with at(60):
        second_factor.renew_recovery_codes(db, ada, code=fresh[0])
        second_factor.turn_off(db, ada, code=app.code(60))
    rows = db.read(lambda session: session.execute(select(AuditRecord.action, AuditRecord.changes)).all())
    assert {"second_step.on", "second_step.new_codes", "second_step.off"} <= {action for action, _ in rows}
    assert app.totp.secret not in str(rows)


def test_with_another_key_of_the_bank_no_code_of_an_app_can_be_checked_and_none_counts_as_a_guess(db, another, ada, at):
    app, fresh = set_up(db, ada)
    other = another()
    other.settings.__dict__["ring"] = Ring(["another key of forty characters 0123456789"])
    with at(60):
        token = half(other, ada)
        for _ in range(7):
            with pytest.raises(errors.SecondFactorUnreadable):
                complete(other, token, app.code(60))
        # Recovery codes need no key, and a wrong try stays one.
        assert wrong(complete, other, token, "abcdef-abcdef-abcdef-abcdef") == "wrong"
        assert other.read(lambda session: session.execute(select(User.failed_sign_ins)).scalar_one()) == 1
        assert complete(other, token, fresh[0])


def test_a_disabled_person_does_not_come_in_with_a_code(db, ada, at):
    app, _ = set_up(db, ada)
    with at(60):
        token = half(db, ada)
        db.unit_of_work(lambda session: session.execute(update(User).values(disabled_at=NOW)))
        with pytest.raises(errors.NotSignedIn):
            complete(db, token, app.code(60))
