"""A bank that demands two-step sign-in: until it is set up, nothing else goes, whichever way somebody comes."""

import asyncio

import pytest
from sqlalchemy import update

from bank_app import errors
from bank_app.api.authentication import Authenticator
from bank_app.domain import money
from bank_app.models import SignIn, User
from bank_app.services import auth, codes, second_factor, transfers
from bank_app.services.actor import ActorChanged

PASSWORD = "lantern-orchard-48-violin"
WHENCE = {"address": "192.0.2.1", "user_agent": "test"}


def cookie(db, person):
    return auth.open_browser_session(db, email=person.email, password=PASSWORD, **WHENCE).token


def program(db, person):
    return auth.issue_tokens(db, email=person.email, password=PASSWORD, address="192.0.2.1")


def refused(attempt, *args, **named):
    with pytest.raises(errors.EnrolmentRequired) as refusal:
        attempt(*args, **named)
    return refusal.value.code == "enrolment_required"


def holder(db, token):
    return asyncio.run(Authenticator(db).actor_of(token))


@pytest.mark.parametrize(("demanded", "whom"), [("off", 0), ("staff", 3), ("all", 4)])
def test_of_whom_it_is_demanded(another, ada, teller, auditor, admin, demanded, whom):
    bank = another(second_step=demanded)
    must = [auth.actor_of_cookie(bank, cookie(bank, who), enrolling=True) for who in (ada, teller, auditor, admin)]
    assert [actor.must_enrol for actor in must] == [False] * (4 - whom) + [True] * whom


def test_until_it_is_set_up_a_session_is_for_that_and_for_nothing_else(another, teller):
    bank = another(second_step="staff")
    token = cookie(bank, teller)
    assert refused(auth.actor_of_cookie, bank, token)
    actor = auth.actor_of_cookie(bank, token, enrolling=True)
    second_factor.begin(bank, actor, password=PASSWORD)
    assert refused(auth.actor_of_cookie, bank, token)
    app = codes.pyotp.TOTP(second_factor.enrolment(bank, actor).key.replace(" ", ""))
    second_factor.confirm(bank, actor, code=app.now())
    assert auth.actor_of_cookie(bank, token).two_steps


def test_a_program_signs_in_only_once_it_is_set_up_and_is_told_how(another, teller, ada):
    bank = another(second_step="staff")
    with pytest.raises(errors.EnrolmentRequired, match="browser"):
        program(bank, teller)
    with pytest.raises(errors.CredentialsDoNotMatch):
        auth.issue_tokens(bank, email=teller.email, password="a wrong password", address="192.0.2.1")
    assert program(bank, ada)


def test_whoever_was_signed_in_before_it_was_demanded_is_stopped_and_loses_no_token(db, another, ada):
    token, pair = cookie(db, ada), program(db, ada)
    bank = another(second_step="all")
    assert refused(auth.actor_of_cookie, bank, token)
    assert refused(holder, bank, pair.access_token)
    assert refused(auth.refresh_tokens, bank, refresh_token=pair.refresh_token)
    assert auth.refresh_tokens(db, refresh_token=pair.refresh_token)


def test_who_becomes_one_of_the_banks_people_in_a_session_is_stopped_in_it(another, ada):
    bank = another(second_step="staff")
    token, pair = cookie(bank, ada), program(bank, ada)
    assert auth.actor_of_cookie(bank, token)
    assert holder(bank, pair.access_token)
    bank.unit_of_work(lambda session: session.execute(update(User).values(role="auditor")))
    assert refused(auth.actor_of_cookie, bank, token)
    assert refused(holder, bank, pair.access_token)
    assert refused(auth.refresh_tokens, bank, refresh_token=pair.refresh_token)


def test_a_program_that_is_remembered_posts_nothing_once_its_second_step_is_gone(another, counter, ada, ben):
    bank = another(second_step="all")
    source, target = counter.open(ada, "100.00"), counter.open(ben)
    bank.unit_of_work(lambda session: session.execute(update(User).values(totp_since=auth.clock.now())))
    opened = bank.unit_of_work(lambda session: auth._begin(
        session, session.get(User, ada.user_id), "api", lifetime=auth.timedelta(days=1), address="192.0.2.1"
    ).id)  # fmt: skip
    authenticator, token = Authenticator(bank), auth.tokens.access_token(bank.settings, ada.user_id, opened)
    known = asyncio.run(authenticator.actor_of(token))
    likely = asyncio.run(authenticator.likely(token))
    assert (known.two_steps, likely.remembered) == (True, True)
    bank.unit_of_work(lambda session: session.execute(update(User).values(totp_since=None)))
    movement = transfers.Transfer(source.id, target.id, money.Amount.of("5.00"))
    with pytest.raises(ActorChanged):
        transfers.move(bank, likely, movement)
    assert counter.balance(target) == "0.00"


def test_where_it_is_demanded_nobody_turns_it_off_for_himself(another, teller):
    bank = another(second_step="staff")
    actor = auth.actor_of_cookie(bank, cookie(bank, teller), enrolling=True)
    second_factor.begin(bank, actor, password=PASSWORD)
    app = codes.pyotp.TOTP(second_factor.enrolment(bank, actor).key.replace(" ", ""))
    recovery = second_factor.confirm(bank, actor, code=app.now())
    with pytest.raises(errors.Forbidden, match="stays on"):
        second_factor.turn_off(bank, actor, code=recovery[0])
    assert bank.read(lambda session: second_factor.status(session, actor)).recovery_codes == 10


def test_a_sign_in_says_when_its_code_was_given(db, ada):
    token = cookie(db, ada)
    actor = auth.actor_of_cookie(db, token)
    assert actor.fresh_until is None
    second_factor.begin(db, actor, password=PASSWORD)
    app = codes.pyotp.TOTP(second_factor.enrolment(db, actor).key.replace(" ", ""))
    recovery = second_factor.confirm(db, actor, code=app.now())
    assert auth.actor_of_cookie(db, token).fresh_until
    pair = auth.issue_tokens(db, email=ada.email, password=PASSWORD, otp=recovery[0], address="192.0.2.1")
    assert holder(db, pair.access_token).fresh_until
    db.unit_of_work(lambda session: session.execute(update(SignIn).values(proved_at=None)))
    assert holder(db, pair.access_token).fresh_until is None
