"""Who may come in, as the bank's people decide: what each role may, what is written down, and that one admin stays."""

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import event, select, update

from bank_app import clock, errors
from bank_app.domain.accounting import Role
from bank_app.models import AuditRecord, User
from bank_app.services import access, approvals, auth, people
from bank_app.services.actor import Actor
from bank_app.services.approval_kinds import Wish
from bank_app.services.people import Standing

PASSWORD = "lantern-orchard-48-violin"
WHY = "Phone was stolen, asked by the owner"


def browser(db, person, password=PASSWORD):
    return auth.open_browser_session(
        db, email=person.email, password=password, address="192.0.2.1", user_agent=""
    ).token


def decide(db, decision, actor, person, **more):
    return db.unit_of_work(lambda session: decision(session, actor, person.user_id, **more))


def user(db, person):
    return db.read(lambda session: session.get(User, person.user_id))


def trail(db, action):
    query = select(AuditRecord).where(AuditRecord.action == action).order_by(AuditRecord.id)
    return db.read(lambda session: list(session.execute(query).scalars()))


DECISIONS = {
    "disable": lambda db, actor, person: decide(db, access.disable, actor, person, reason=WHY),
    "enable": lambda db, actor, person: approvals.ask(db, actor, Wish.about("enable", person.user_id), reason=WHY),
    "unlock": lambda db, actor, person: approvals.ask(db, actor, Wish.about("unlock", person.user_id), reason=WHY),
    "sign out": lambda db, actor, person: decide(db, access.sign_out_everywhere, actor, person),
    "role": lambda db, actor, person: approvals.ask_for_role(
        db, actor, person.user_id, role=Role.AUDITOR, reason=WHY, password=PASSWORD
    ),
}


# --- who may what -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("decision", DECISIONS.values(), ids=DECISIONS)
def test_customers_and_auditors_decide_nothing(db, ada, ben, auditor, decision):
    for actor in (ada, auditor):
        with pytest.raises(errors.Forbidden):
            decision(db, actor, ben)
        with pytest.raises(errors.Forbidden):
            decision(db, actor, actor)
    assert user(db, ben).disabled_at is None


@pytest.mark.parametrize("decision", DECISIONS.values(), ids=DECISIONS)
def test_only_an_admin_decides_about_the_staff_and_nobody_about_nobody(db, teller, auditor, admin, decision):
    with pytest.raises(errors.Forbidden):
        decision(db, teller, auditor)
    with pytest.raises(errors.Forbidden):
        decision(db, teller, admin)
    decision(db, admin, auditor)
    with pytest.raises(errors.NotFound):
        decision(db, admin, Actor(uuid4(), "", "", Role.CUSTOMER))


def test_a_teller_gives_nobody_a_role_and_invites_nobody(db, ada, teller):
    with pytest.raises(errors.Forbidden):
        DECISIONS["role"](db, teller, ada)
    with pytest.raises(errors.Forbidden):
        access.invite(db, teller, email="new@bank.test", name="New Colleague", role=Role.TELLER)
    assert user(db, ada).role == "customer"


# --- signing in -------------------------------------------------------------------------------------------


def test_a_disabled_person_is_out_at_once_and_comes_back_when_enabled(db, ada, teller):
    token = browser(db, ada)
    DECISIONS["disable"](db, teller, ada)
    assert auth.actor_of_cookie(db, token) is None
    with pytest.raises(errors.CredentialsDoNotMatch):
        browser(db, ada)
    DECISIONS["disable"](db, teller, ada)
    DECISIONS["enable"](db, teller, ada)
    assert auth.actor_of_cookie(db, token) is None
    assert browser(db, ada)
    [off] = trail(db, "sign_in.disable")
    assert (off.actor_id, off.object, off.reason) == (teller.user_id, f"user {ada.user_id}", WHY)
    assert off.changes == {"disabled": [False, True], "sign_ins": [1, 0]}
    assert [record.changes for record in trail(db, "sign_in.enable")] == [{"disabled": [True, False]}]


@pytest.mark.parametrize("reason", ["", "   ", "too short", "x" * 301])
def test_a_decision_needs_a_reason_that_says_something(db, ada, teller, admin, reason):
    for attempt in (
        lambda: decide(db, access.disable, teller, ada, reason=reason),
        lambda: approvals.ask_for_role(db, admin, ada.user_id, role=Role.TELLER, reason=reason, password=PASSWORD),
    ):
        with pytest.raises(errors.Invalid) as refusal:
            attempt()
        assert refusal.value.details["errors"][0]["field"] == "reason"
    assert user(db, ada).disabled_at is None


def test_somebody_who_is_unlocked_can_try_again_at_once(db, another, ada, teller):
    strict = another(rate_limits=True)
    for _ in range(6):
        with pytest.raises((errors.CredentialsDoNotMatch, errors.Throttled)):
            browser(strict, ada, "wrong password")
    with pytest.raises(errors.Throttled):
        browser(strict, ada)
    DECISIONS["unlock"](strict, teller, ada)
    assert browser(strict, ada)
    DECISIONS["unlock"](strict, teller, ada)
    [record] = trail(db, "sign_in.unlock")
    assert record.changes == {"failed_sign_ins": [5, 0]}


def test_signing_out_everywhere_ends_every_session_of_that_person_only(db, ada, ben, teller):
    mine, other = [browser(db, ada), browser(db, ada)], browser(db, ben)
    token = auth.issue_tokens(db, email=ada.email, password=PASSWORD, address="192.0.2.1")
    assert DECISIONS["sign out"](db, teller, ada) == 3
    assert DECISIONS["sign out"](db, teller, ada) == 0
    assert [auth.actor_of_cookie(db, one) for one in mine] == [None, None]
    assert auth.actor_of_cookie(db, other)
    with pytest.raises(errors.NotSignedIn):
        auth.refresh_tokens(db, refresh_token=token.refresh_token)
    assert [record.changes for record in trail(db, "sign_in.end_all")] == [{"sign_ins": [3, 0]}]


# --- roles ------------------------------------------------------------------------------------------------


def test_a_role_is_changed_with_reason_and_password_and_counts_at_once(db, ada, admin):
    token = browser(db, ada)
    with pytest.raises(errors.CredentialsDoNotMatch):
        approvals.ask_for_role(db, admin, ada.user_id, role=Role.TELLER, reason=WHY, password="not the admin's")
    assert auth.actor_of_cookie(db, token).role is Role.CUSTOMER
    for _ in range(2):
        approvals.ask_for_role(db, admin, ada.user_id, role=Role.TELLER, reason=WHY, password=PASSWORD)
    assert auth.actor_of_cookie(db, token).role is Role.TELLER
    [record] = trail(db, "user.role")
    assert (record.actor_id, record.reason) == (admin.user_id, WHY)
    assert record.changes == {"role": ["customer", "teller"]}


def test_the_last_admin_stays(db, ada, admin, register):
    for attempt in (DECISIONS["role"], DECISIONS["disable"]):
        with pytest.raises(errors.LastAdmin):
            attempt(db, admin, admin)
    second = register("Second Admin", Role.ADMIN)
    DECISIONS["disable"](db, admin, second)
    with pytest.raises(errors.LastAdmin):
        DECISIONS["role"](db, admin, admin)
    DECISIONS["enable"](db, admin, second)
    DECISIONS["role"](db, admin, admin)
    assert user(db, admin).role == "auditor"


def test_two_admins_who_send_each_other_away_at_once_leave_one(db, register, at_once, codes):
    pair = [register("First Admin", Role.ADMIN), register("Second Admin", Role.ADMIN)]
    answers = at_once(lambda index: DECISIONS["disable"](db, pair[index], pair[1 - index]), 2)
    assert sorted(codes(answers)) == ["ok", "unauthenticated"]
    assert sorted(user(db, one).disabled_at is None for one in pair) == [False, True]


def test_who_was_promoted_a_moment_ago_is_not_sent_away_by_a_teller(mariadb_db, ada, teller):
    """He looked a customer up, and before he had the row its person became an admin."""
    db = mariadb_db

    def promoted_meanwhile(_connection, _cursor, statement, *_):
        if "FOR UPDATE" in statement and user(db, ada).role == "customer":
            with db.writing.connect() as other:
                other.execute(update(User).where(User.id == ada.user_id).values(role="admin"))
                other.commit()

    event.listen(db.writing, "before_cursor_execute", promoted_meanwhile)
    try:
        with pytest.raises(errors.Forbidden):
            DECISIONS["disable"](db, teller, ada)
    finally:
        event.remove(db.writing, "before_cursor_execute", promoted_meanwhile)
    assert user(db, ada).disabled_at is None


# --- inviting ---------------------------------------------------------------------------------------------


def test_an_invited_colleague_has_a_role_and_no_password(db, admin):
    invited = access.invite(db, admin, email=" New@Bank.TEST ", name="New  Colleague", role=Role.AUDITOR)
    [row] = [row for row in db.read(lambda session: people.list_staff(session, admin)) if row.id == invited]
    assert (row.name, row.email, row.role) == ("New Colleague", "new@bank.test", Role.AUDITOR)
    [record] = trail(db, "user.invite")
    assert (record.actor_id, record.changes) == (admin.user_id, {"role": [None, "auditor"]})
    for password in ("", "!", "New Colleague"):
        with pytest.raises(errors.CredentialsDoNotMatch):
            auth.open_browser_session(db, email="new@bank.test", password=password, address="", user_agent="")


def test_an_invitation_says_what_is_wrong_with_it(db, ada, admin):
    with pytest.raises(errors.EmailTaken):
        access.invite(db, admin, email="ADA@bank.test", name="Ada Again", role=Role.TELLER)
    with pytest.raises(errors.Invalid) as refusal:
        access.invite(db, admin, email="nowhere", name=" ", role=Role.TELLER)
    assert {problem["field"] for problem in refusal.value.details["errors"]} == {"email", "name"}
    with pytest.raises(errors.Invalid) as refusal:
        access.invite(db, admin, email="", name="New", role=Role.CUSTOMER)
    assert [problem["field"] for problem in refusal.value.details["errors"]] == ["email", "role"]


def test_a_locked_colleague_stands_locked(db, teller, admin):
    later = clock.now() + timedelta(minutes=5)
    query = update(User).where(User.id == teller.user_id).values(locked_until=later)
    db.unit_of_work(lambda session: session.execute(query))
    standings = {row.id: row.standing for row in db.read(lambda session: people.list_staff(session, admin))}
    assert standings == {teller.user_id: Standing.LOCKED, admin.user_id: Standing.ACTIVE}
