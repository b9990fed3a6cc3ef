"""Registering, signing in, refreshing and signing out over REST."""

import threading
from datetime import timedelta
from inspect import iscoroutinefunction

import jwt
import pytest

from bank_app import clock
from bank_app.api.requests import HashingRoute
from bank_app.domain.accounting import Role
from bank_app.models import User
from bank_app.services.hashing import Desk

PASSWORD = "lantern-orchard-48-violin"


def test_whoever_registers_is_a_customer_without_accounts(anyone, caller):
    answer = anyone.post("/auth/register", {"email": "Zoe@Bank.test", "name": "Zoe Park", "password": PASSWORD})
    assert answer.status_code == 201
    assert answer.json() == {
        "id": answer.json()["id"], "email": "zoe@bank.test", "name": "Zoe Park", "role": "customer",
    }  # fmt: skip
    tokens = anyone.post("/auth/login", {"email": "zoe@bank.test", "password": PASSWORD}).json()
    mine = anyone.get("/accounts", headers={"Authorization": f"Bearer {tokens['access_token']}"})
    assert mine.json() == {"items": [], "next_cursor": None}


def test_nobody_registers_himself_as_a_teller(anyone):
    wanted = {"email": "zoe@bank.test", "name": "Zoe", "password": PASSWORD, "role": "teller"}
    answer = anyone.post("/auth/register", wanted)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert answer.json()["errors"][0]["field"] == "role"


def test_an_email_registers_once_in_any_case(anyone, ada):
    answer = anyone.post("/auth/register", {"email": "ADA@bank.test", "name": "Ada", "password": PASSWORD})
    assert (answer.status_code, answer.json()["code"]) == (409, "email_taken")


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("password", "short", "password_short"),
        ("password", "x" * 129, "password_long"),
        ("password", "password1234", "password_common"),
        ("email", "not an address", "email_invalid"),
        ("name", "  ", "name_invalid"),
    ],
)
def test_registering_names_the_field_that_is_wrong_and_never_repeats_it(anyone, field, value, code):
    body = {"email": "zoe@bank.test", "name": "Zoe", "password": PASSWORD, field: value}
    answer = anyone.post("/auth/register", body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert [(error["field"], error["code"]) for error in answer.json()["errors"]] == [(field, code)]
    assert PASSWORD not in answer.text


def test_a_bank_without_sign_up_registers_nobody(db, serve):
    from bank_app.api.app import create_api

    db.settings = db.settings.model_copy(update={"sign_up": False})
    client = serve(create_api(db, db.settings))
    body = {"email": "zoe@bank.test", "name": "Zoe", "password": PASSWORD}
    answer = client.post("/api/v1/auth/register", json=body)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


def test_signing_in_gives_a_bearer_token_for_fifteen_minutes(anyone, ada):
    answer = anyone.post("/auth/login", {"email": "ada@bank.test", "password": PASSWORD})
    assert answer.status_code == 200
    assert answer.json().keys() == {"access_token", "refresh_token", "token_type", "expires_in"}
    assert (answer.json()["token_type"], answer.json()["expires_in"]) == ("bearer", 900)


@pytest.mark.parametrize("email", ["ada@bank.test", "nobody@bank.test"])
def test_a_wrong_password_and_an_unknown_email_are_told_alike(anyone, ada, email):
    answer = anyone.post(
        "/auth/login", {"email": email, "password": "wrong wrong wrong"}, headers={"X-Request-ID": "same"}
    )
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_credentials")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["detail"] == "That email and password don't match."


def test_the_token_says_who_i_am(caller, teller):
    assert caller(teller).get("/me").json() == {
        "id": str(teller.user_id), "email": "olu@bank.test", "name": "Olu Adeyemi", "role": "teller",
    }  # fmt: skip


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic YTpi", "Bearer nonsense", "Bearer bk_123"])
def test_without_a_good_token_nobody_is_signed_in(anyone, header):
    answer = anyone.get("/me", headers={"Authorization": header} if header is not None else {})
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_token_with_another_algorithm_or_type_is_not_ours(anyone, token_of, ada, db):
    claims = jwt.decode(token_of(ada), options={"verify_signature": False})
    forged = [
        jwt.encode(claims, None, algorithm="none", headers={"typ": "at+jwt"}),
        jwt.encode(claims, db.settings.signing_key, algorithm="HS512", headers={"typ": "at+jwt"}),
        jwt.encode(claims, db.settings.signing_key, algorithm="HS256"),
        jwt.encode(claims, "k" * 64, algorithm="HS256", headers={"typ": "at+jwt"}),
        jwt.encode({**claims, "aud": "elsewhere"}, db.settings.signing_key, "HS256", headers={"typ": "at+jwt"}),
    ]
    for token in forged:
        answer = anyone.get("/me", headers={"Authorization": f"Bearer {token}"})
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


def test_a_token_expires(anyone, token_of, ada, db):
    claims = jwt.decode(token_of(ada), options={"verify_signature": False})
    claims["exp"] = int(clock.now().timestamp()) - 5
    old = jwt.encode(claims, db.settings.signing_key, algorithm="HS256", headers={"typ": "at+jwt"})
    answer = anyone.get("/me", headers={"Authorization": f"Bearer {old}"})
    assert (answer.status_code, answer.json()["code"]) == (401, "token_expired")


def test_the_cookie_of_a_browser_opens_nothing_here(client, db, ada):
    from bank_app.services import auth

    opened = auth.open_browser_session(
        db, email="ada@bank.test", password=PASSWORD, address="192.0.2.1", user_agent="test"
    )
    for name in ("bank_session", "__Host-bank_session", "session", "access_token"):
        client.cookies.set(name, opened.token)
    assert client.get("/api/v1/me").status_code == 401
    assert client.get("/api/v1/me", headers={"Authorization": f"Bearer {opened.token}"}).status_code == 401


def test_a_refresh_token_that_comes_twice_at_once_does_not_hurt_the_one_that_was_first(anyone, ada):
    first = anyone.post("/auth/login", {"email": "ada@bank.test", "password": PASSWORD}).json()
    moment = clock.now()
    with clock.moved_to(moment):
        second = anyone.post("/auth/refresh", {"refresh_token": first["refresh_token"]})
    new = {"Authorization": f"Bearer {second.json()['access_token']}"}
    for seconds in (0, 3, 9):
        with clock.moved_to(moment + timedelta(seconds=seconds)):
            again = anyone.post("/auth/refresh", {"refresh_token": first["refresh_token"]})
            said = again.json()
            assert (again.status_code, said["code"], said["signed_out"]) == (401, "refresh_token_used", False)
            assert anyone.get("/me", headers=new).status_code == 200
    with clock.moved_to(moment + timedelta(seconds=11)):
        third = anyone.post("/auth/refresh", {"refresh_token": second.json()["refresh_token"]})
        assert third.status_code == 200
        late = anyone.post("/auth/refresh", {"refresh_token": first["refresh_token"]})
        assert (late.json()["code"], late.json()["signed_out"]) == ("refresh_token_used", True)
        # It stays what it is, and one that was never there or never used is another thing.
        assert anyone.post("/auth/refresh", {"refresh_token": first["refresh_token"]}).json()["signed_out"] is True
        for token in (third.json()["refresh_token"], "never-there"):
            answer = anyone.post("/auth/refresh", {"refresh_token": token})
            assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


def test_refreshing_rotates_and_a_token_used_later_ends_the_sign_in(anyone, ada):
    first = anyone.post("/auth/login", {"email": "ada@bank.test", "password": PASSWORD}).json()
    second = anyone.post("/auth/refresh", {"refresh_token": first["refresh_token"]})
    assert second.status_code == 200
    new = {"Authorization": f"Bearer {second.json()['access_token']}"}
    assert anyone.get("/me", headers=new).status_code == 200
    with clock.moved_to(clock.now() + timedelta(minutes=1)):
        again = anyone.post("/auth/refresh", {"refresh_token": first["refresh_token"]})
    assert (again.status_code, again.json()["code"]) == (401, "refresh_token_used")
    assert anyone.get("/me", headers=new).status_code == 401
    assert anyone.post("/auth/refresh", {"refresh_token": second.json()["refresh_token"]}).status_code == 401


def test_signing_out_ends_both_tokens(anyone, ada):
    tokens = anyone.post("/auth/login", {"email": "ada@bank.test", "password": PASSWORD}).json()
    mine = {"Authorization": f"Bearer {tokens['access_token']}"}
    answer = anyone.post("/auth/logout", headers=mine)
    assert (answer.status_code, answer.content) == (204, b"")
    assert anyone.get("/me", headers=mine).status_code == 401
    assert anyone.post("/auth/refresh", {"refresh_token": tokens["refresh_token"]}).status_code == 401


def test_a_new_role_and_a_disabled_person_count_at_the_next_request(caller, ada, db):
    program = caller(ada)
    db.unit_of_work(lambda session: setattr(session.get(User, ada.user_id), "role", Role.AUDITOR.value))
    assert program.get("/me").json()["role"] == "auditor"
    db.unit_of_work(lambda session: setattr(session.get(User, ada.user_id), "disabled_at", clock.now()))
    assert program.get("/me").status_code == 401


def test_five_wrong_passwords_make_the_next_try_wait(db, serve, ada):
    from bank_app.api.app import create_api

    db.settings = db.settings.model_copy(update={"rate_limits": True})
    client = serve(create_api(db, db.settings))
    wrong = {"email": "ada@bank.test", "password": "wrong wrong wrong"}
    codes = [client.post("/api/v1/auth/login", json=wrong).status_code for _ in range(5)]
    assert codes == [401] * 5
    answer = client.post("/api/v1/auth/login", json={"email": "ada@bank.test", "password": PASSWORD})
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_requests")
    assert int(answer.headers["retry-after"]) >= 1


@pytest.mark.parametrize("operation", ["login", "register"])
def test_signing_in_and_registering_are_limited_by_address(db, serve, operation):
    from bank_app.api.app import create_api

    db.settings = db.settings.model_copy(update={"rate_limits": True})
    client = serve(create_api(db, db.settings))
    answers = [client.post(f"/api/v1/auth/{operation}", json={}) for _ in range(31)]
    assert [answer.status_code for answer in answers] == [422] * 30 + [429]
    assert answers[0].headers["ratelimit-limit"] == "30"
    assert answers[0].headers["ratelimit-remaining"] == "29"
    assert answers[30].json()["code"] == "too_many_requests"
    assert 1 <= int(answers[30].headers["retry-after"]) <= 60


def test_an_address_that_a_client_claims_counts_only_behind_a_trusted_proxy(db, serve):
    from bank_app.api.app import create_api

    db.settings = db.settings.model_copy(update={"rate_limits": True, "trusted_proxies": 0})
    client = serve(create_api(db, db.settings))
    last = [
        client.post("/api/v1/auth/login", json={}, headers={"X-Forwarded-For": f"198.51.100.{n}"}) for n in range(31)
    ]
    assert last[-1].status_code == 429
    db.settings = db.settings.model_copy(update={"trusted_proxies": 1})
    client = serve(create_api(db, db.settings))
    sent = [f"203.0.113.9, 198.51.100.{n}" for n in range(31)]
    last = [client.post("/api/v1/auth/login", json={}, headers={"X-Forwarded-For": value}) for value in sent]
    assert last[-1].status_code == 422


@pytest.mark.parametrize(
    ("addresses", "refused"),
    [
        # All of one /64, all of one /48, ports of one address, and one that is none at all.
        ([f"2001:db8::{n}" for n in range(31)], 1),
        ([f"2001:db8:0:{n}::1" for n in range(121)], 1),
        ([f"192.0.2.7:{40_000 + n}" for n in range(31)], 1),
        (["garbage"] * 16 + ["<b>"] * 15, 1),
        ([f"192.0.2.{n}" for n in range(31)], 0),
    ],
    ids=["a /64", "a /48", "ports", "no addresses", "many"],
)
def test_an_address_is_counted_with_its_network_however_it_is_written(db, serve, addresses, refused):
    from bank_app.api.app import create_api

    db.settings = db.settings.model_copy(update={"rate_limits": True, "trusted_proxies": 1})
    client = serve(create_api(db, db.settings))
    answers = [client.post("/api/v1/auth/register", json={}, headers={"X-Forwarded-For": one}) for one in addresses]
    assert [answer.status_code for answer in answers].count(429) == refused
    assert answers[-1].status_code == (429 if refused else 422)


def test_somebody_with_two_steps_sends_a_code_as_well(anyone, db, ada):
    import pyotp

    from bank_app.services import second_factor

    second_factor.begin(db, ada, password=PASSWORD)
    app = pyotp.TOTP(second_factor.enrolment(db, ada).key.replace(" ", ""))
    _, recovery, *_ = second_factor.confirm(db, ada, code=app.at(clock.now()))
    body = {"email": "ada@bank.test", "password": PASSWORD}
    wanted = anyone.post("/auth/login", body)
    assert (wanted.status_code, wanted.json()["code"]) == (401, "second_factor_required")
    assert "half" not in wanted.text
    wrong = anyone.post("/auth/login", {**body, "otp": "000000"})
    assert (wrong.status_code, wrong.json()["code"], wrong.json()["reason"]) == (401, "second_factor_wrong", "wrong")
    assert anyone.post("/auth/login", {**body, "otp": recovery}).status_code == 200


@pytest.mark.parametrize("operation", ["login", "register"])
def test_while_too_many_hash_the_answer_is_503_before_the_body_is_read(anyone, ada, monkeypatch, operation):
    full, begun, end = Desk(threads=1, queue=1), threading.Event(), threading.Event()
    monkeypatch.setattr("bank_app.api.requests.desk", full)
    keeper = threading.Thread(target=full.now, args=(lambda: begun.set() or end.wait(20),))
    keeper.start()
    begun.wait(20)
    waiter = threading.Thread(target=full.now, args=(str,))
    waiter.start()
    while not full.waiting:
        pass
    try:
        answer = anyone.raw(f"/auth/{operation}", "no JSON at all")
        assert (answer.status_code, answer.json()["code"]) == (503, "passwords_busy")
        assert int(answer.headers["retry-after"]) >= 1
    finally:
        end.set()
        keeper.join(20)
        waiter.join(20)
    assert anyone.raw(f"/auth/{operation}", "no JSON at all").status_code == 400


def test_no_operation_that_hashes_keeps_a_thread_of_the_framework_waiting(app):
    """Those threads are what everybody's reads run on."""
    hashing = [route for route in app.state.routes if isinstance(route, HashingRoute)]
    assert {route.name for route in hashing} == {"login", "register"}
    assert all(iscoroutinefunction(route.endpoint) for route in hashing)
