"""Who may come in: registering, signing in, staying signed in, and being shown out."""

import asyncio
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from sqlalchemy import func, select, update

from bank_app import clock, errors
from bank_app.api.authentication import Authenticator
from bank_app.domain.accounting import Role
from bank_app.models import AuditRecord, RefreshToken, SignIn, User
from bank_app.services import auth
from bank_app.services.actor import Actor

PASSWORD = "lantern-orchard-48-violin"
NOW = datetime(2031, 1, 1, 12, tzinfo=UTC)
ADDRESS = {"address": "192.0.2.1"}


def actor_of_access_token(db, token):
    return asyncio.run(Authenticator(db).actor_of(token))


@pytest.fixture
def throttling(another):
    """A worker that throttles, as every bank but this test bank does."""
    return another(rate_limits=True)


def browser(db, person, password=PASSWORD):
    return auth.open_browser_session(db, email=person.email, password=password, user_agent="test", **ADDRESS).token


def tokens(db, person, password=PASSWORD):
    return auth.issue_tokens(db, email=person.email, password=password, **ADDRESS)


def change(db, person, **columns):
    db.unit_of_work(lambda session: session.execute(update(User).where(User.id == person.user_id).values(**columns)))


def refused(error, attempt, *arguments, **named):
    with pytest.raises(error) as refusal:
        attempt(*arguments, **named)
    return refusal.value


# --- registering --------------------------------------------------------------------------------------


def test_a_person_registers_with_a_clean_email_and_name_and_no_account(db):
    person = auth.register(db, email="  Ada@Bank.TEST ", name="  Ada   Lindqvist ", password=PASSWORD)
    assert (person.email, person.name, person.role) == ("ada@bank.test", "Ada Lindqvist", Role.CUSTOMER)
    assert db.read(lambda session: auth.find(session, "ADA@bank.test")).user_id == person.user_id


def test_a_password_is_kept_as_an_argon2id_hash_only(db, ada):
    stored = db.read(lambda session: session.execute(select(User.password_hash)).scalar_one())
    assert stored.startswith("$argon2id$")
    assert PASSWORD not in stored


@pytest.mark.parametrize(
    ("email", "name", "password", "problems"),
    [
        ("ada", "Ada", PASSWORD, {"email": "EMAIL_INVALID"}),
        ("ada@", "Ada", PASSWORD, {"email": "EMAIL_INVALID"}),
        ("a b@bank.test", "Ada", PASSWORD, {"email": "EMAIL_INVALID"}),
        ("", "Ada", PASSWORD, {"email": "EMAIL_INVALID"}),
        ("Ada@Demo.TEST", "Ada", PASSWORD, {"email": "EMAIL_RESERVED"}),
        ("a@bank.test", "   ", PASSWORD, {"name": "NAME_INVALID"}),
        ("a@bank.test", "A" * 101, PASSWORD, {"name": "NAME_LONG"}),
        ("a@bank.test", "Ada\u202eadA", PASSWORD, {"name": "NAME_HIDDEN"}),
        ("a@bank.test", "Ada", "elevenchars", {"password": "PASSWORD_SHORT"}),
        ("a@bank.test", "Ada", "", {"password": "PASSWORD_SHORT"}),
        ("a@bank.test", "Ada", "x1" * 65, {"password": "PASSWORD_LONG"}),
        ("a@bank.test", "Ada", "password1234", {"password": "PASSWORD_COMMON"}),
        ("a@bank.test", "Ada", "aaaaaaaaaaaa", {"password": "PASSWORD_COMMON"}),
        ("verylongmailname@bank.test", "Ada", "verylongmailname", {"password": "PASSWORD_COMMON"}),
        ("x", "", "y", {"email": "EMAIL_INVALID", "name": "NAME_INVALID", "password": "PASSWORD_SHORT"}),
    ],
)
def test_what_is_wrong_with_a_registration_is_said_by_field(sqlite_db, email, name, password, problems):
    error = refused(errors.Invalid, auth.register, sqlite_db, email=email, name=name, password=password)
    assert {problem["field"]: problem["code"] for problem in error.details["errors"]} == problems
    assert password == "" or password not in str(error.details)


def test_an_email_is_registered_once_in_any_case(db, ada):
    refused(errors.EmailTaken, auth.register, db, email="ADA@bank.test", name="Another", password=PASSWORD)


# --- signing in ---------------------------------------------------------------------------------------


def test_signing_in_makes_a_cookie_that_names_the_person(db, ada):
    token = browser(db, ada)
    actor = auth.actor_of_cookie(db, token)
    assert (actor.user_id, actor.role) == (ada.user_id, Role.CUSTOMER)
    digests = db.read(lambda session: session.execute(select(SignIn.cookie_digest)).scalars().all())
    assert token.encode() not in digests[0]


def test_a_wrong_password_an_unknown_email_and_a_disabled_person_are_answered_alike(db, ada, ben):
    change(db, ben, disabled_at=NOW)
    nobody = Actor(ada.user_id, "nobody@bank.test", "", Role.CUSTOMER)
    answers = {
        str(refused(errors.CredentialsDoNotMatch, browser, db, person, password))
        for person, password in ((ada, "wrong password"), (nobody, PASSWORD), (ben, PASSWORD), (ada, ""))
    }
    assert len(answers) == 1


def test_five_wrong_tries_are_free_and_each_further_one_doubles_the_wait(throttling, ada):
    db = throttling
    moment = NOW
    for _ in range(5):
        with clock.moved_to(moment):
            refused(errors.CredentialsDoNotMatch, browser, db, ada, "wrong password")
    for wait in (1, 2, 4, 8):
        with clock.moved_to(moment + timedelta(seconds=wait - 0.5)):
            assert refused(errors.Throttled, browser, db, ada).details["retry_after"] == 1
        moment += timedelta(seconds=wait)
        with clock.moved_to(moment):
            refused(errors.CredentialsDoNotMatch, browser, db, ada, "wrong password")


def test_nobody_is_locked_out_for_more_than_a_quarter_of_an_hour(throttling, ada):
    change(throttling, ada, failed_sign_ins=10**6)
    with clock.moved_to(NOW):
        refused(errors.CredentialsDoNotMatch, browser, throttling, ada, "wrong password")
        assert refused(errors.Throttled, browser, throttling, ada).details["retry_after"] == 15 * 60 + 1
    with clock.moved_to(NOW + timedelta(minutes=15)):
        assert browser(throttling, ada)


def test_the_right_password_makes_the_wrong_ones_forgotten(throttling, ada):
    for _ in range(2):
        for _ in range(4):
            refused(errors.CredentialsDoNotMatch, browser, throttling, ada, "wrong password")
        assert browser(throttling, ada)


def test_throttling_is_written_into_the_audit_log_once(throttling, ada):
    with clock.moved_to(NOW):
        for _ in range(5):
            refused(errors.CredentialsDoNotMatch, browser, throttling, ada, "wrong password")
        refused(errors.Throttled, browser, throttling, ada)
    query = select(func.count()).where(AuditRecord.action == "sign_in.throttled")
    assert throttling.read(lambda session: session.execute(query).scalar_one()) == 1


# --- browsers -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("token", ["", "nobody's", "é" * 1000])
def test_a_cookie_that_is_not_ours_names_nobody(db, ada, token):
    assert auth.actor_of_cookie(db, token) is None


def test_a_browser_is_signed_out_after_a_quarter_of_an_hour_without_a_word(db, ada):
    with clock.moved_to(NOW):
        token = browser(db, ada)
    for minutes, known in ((14, True), (28, True), (43, False)):
        with clock.moved_to(NOW + timedelta(minutes=minutes)):
            assert (auth.actor_of_cookie(db, token) is not None) == known


def test_a_browser_is_signed_out_after_twelve_hours_in_any_case(db, ada):
    with clock.moved_to(NOW):
        token = browser(db, ada)
    for step in range(1, 72):
        with clock.moved_to(NOW + timedelta(minutes=10 * step)):
            assert auth.actor_of_cookie(db, token)
    with clock.moved_to(NOW + timedelta(hours=12)):
        assert auth.actor_of_cookie(db, token) is None


def test_signing_out_makes_the_cookie_worthless_and_no_other(db, ada):
    first, second = browser(db, ada), browser(db, ada)
    auth.close_browser_session(db, first)
    assert auth.actor_of_cookie(db, first) is None
    assert auth.actor_of_cookie(db, second)


def test_a_disabled_person_is_out_and_a_changed_role_counts_at_once(db, ada, ben):
    cookie, token = browser(db, ada), tokens(db, ada).access_token
    change(db, ada, role="teller")
    assert auth.actor_of_cookie(db, cookie).role is Role.TELLER
    assert actor_of_access_token(db, token).role is Role.TELLER
    change(db, ada, disabled_at=NOW)
    assert auth.actor_of_cookie(db, cookie) is None
    refused(errors.NotSignedIn, actor_of_access_token, db, token)


def test_a_demo_person_comes_in_without_a_password_only_in_a_demo(db, another, ada):
    session = auth.open_demo_session(db, email=ada.email, user_agent="test", **ADDRESS)
    assert auth.actor_of_cookie(db, session.token).user_id == ada.user_id
    refused(errors.NotFound, auth.open_demo_session, another(demo=False), email=ada.email, user_agent="", **ADDRESS)
    refused(errors.NotFound, auth.open_demo_session, db, email="nobody@bank.test", user_agent="", **ADDRESS)


# --- API clients --------------------------------------------------------------------------------------


def test_an_access_token_names_the_person_for_a_quarter_of_an_hour(db, ada):
    pair = tokens(db, ada)
    assert pair.expires_in == 15 * 60
    assert actor_of_access_token(db, pair.access_token).user_id == ada.user_id
    with clock.moved_to(clock.now() - timedelta(minutes=16)):
        old = tokens(db, ada).access_token
    refused(errors.TokenExpired, actor_of_access_token, db, old)


def forged(db, token, key=None, typ="at+jwt", algorithm="HS256", **claims):
    true = jwt.decode(token, options={"verify_signature": False})
    key = db.settings.signing_key if key is None else key
    return jwt.encode({**true, **claims}, key, algorithm=algorithm, headers={"typ": typ})


def test_a_token_that_is_not_ours_names_nobody(db, ada):
    token = tokens(db, ada).access_token
    assert actor_of_access_token(db, forged(db, token))
    for bad in (
        "", "x", "a.b.c", token[:-2], token + "x",
        forged(db, token, key="k" * 64),
        forged(db, token, key="", algorithm="none"),
        forged(db, token, typ="JWT"),
        forged(db, token, aud="another bank"),
        forged(db, token, iss="another bank"),
        forged(db, token, sid="not a uuid"),
        forged(db, token, sid="00000000-0000-0000-0000-000000000000"),
    ):  # fmt: skip
        refused(errors.NotSignedIn, actor_of_access_token, db, bad)


def test_a_refresh_token_is_good_for_one_new_pair(db, ada):
    first = tokens(db, ada)
    second = auth.refresh_tokens(db, refresh_token=first.refresh_token)
    third = auth.refresh_tokens(db, refresh_token=second.refresh_token)
    assert len({pair.refresh_token for pair in (first, second, third)}) == 3
    assert actor_of_access_token(db, third.access_token).user_id == ada.user_id


def test_a_refresh_token_that_comes_back_ends_the_whole_sign_in_and_no_other(db, ada):
    stolen, elsewhere = tokens(db, ada), tokens(db, ada)
    fresh = auth.refresh_tokens(db, refresh_token=stolen.refresh_token)
    refused(errors.RefreshTokenUsed, auth.refresh_tokens, db, refresh_token=stolen.refresh_token)
    assert actor_of_access_token(db, fresh.access_token)
    with clock.moved_to(clock.now() + timedelta(minutes=1)):
        refused(errors.RefreshTokenUsed, auth.refresh_tokens, db, refresh_token=stolen.refresh_token)
    refused(errors.NotSignedIn, auth.refresh_tokens, db, refresh_token=fresh.refresh_token)
    refused(errors.NotSignedIn, actor_of_access_token, db, fresh.access_token)
    assert actor_of_access_token(db, elsewhere.access_token)
    assert auth.refresh_tokens(db, refresh_token=elsewhere.refresh_token)


def test_a_refresh_token_is_refused_when_unknown_too_old_signed_out_or_its_person_disabled(db, ada, ben):
    with clock.moved_to(clock.now() - timedelta(days=30)):
        old = tokens(db, ada)
    out = tokens(db, ada)
    auth.revoke(db, actor_of_access_token(db, out.access_token))
    gone = tokens(db, ben)
    change(db, ben, disabled_at=NOW)
    for token in ("unknown", old.refresh_token, out.refresh_token, gone.refresh_token):
        refused(errors.NotSignedIn, auth.refresh_tokens, db, refresh_token=token)
    refused(errors.NotSignedIn, actor_of_access_token, db, out.access_token)


def test_refresh_tokens_are_kept_as_digests(db, ada):
    pair = tokens(db, ada)
    digest = db.read(lambda session: session.execute(select(RefreshToken.digest)).scalar_one())
    assert len(digest) == 32
    assert pair.refresh_token.encode() not in digest
