"""A bank that nobody runs yet is set up once, by whoever read the token in the server's log."""

import pytest
from sqlalchemy import event, select

from bank_app import errors
from bank_app.domain.accounting import Role
from bank_app.models import AuditRecord, BankFacts
from bank_app.services import auth, first_setup, passwords
from bank_app.services.first_setup import Choices, Facts

PASSWORD = "lantern-orchard-48-violin"


def choices(**changes):
    wanted = {"bank_name": "  Elm   Road Bank ", "name": "Kim Novak", "email": "Kim@Bank.test", "password": PASSWORD}
    return Choices(**{**wanted, "demo": False, **changes})


def facts(db):
    return db.read(first_setup.facts)


def test_a_bank_without_a_token_is_not_waiting(db):
    assert facts(db) == Facts()
    with pytest.raises(errors.NotFound):
        first_setup.run(db, "anything", choices())


def test_the_token_makes_the_first_admin_and_names_the_bank_once(db):
    token = first_setup.prepare(db, demo_allowed=True)
    assert facts(db) == Facts(waiting=True, demo_allowed=True)
    user_id = first_setup.run(db, f" {token} ", choices())
    admin = db.read(lambda session: auth.find(session, "kim@bank.test"))
    assert (admin.user_id, admin.role, admin.name) == (user_id, Role.ADMIN, "Kim Novak")
    assert facts(db) == Facts(name="Elm Road Bank")
    with pytest.raises(errors.NotFound):
        first_setup.run(db, token, choices(email="other@bank.test"))
    assert first_setup.prepare(db, demo_allowed=True) is None
    opened = auth.open_browser_session(
        db, email="kim@bank.test", password=PASSWORD, address="192.0.2.1", user_agent="test"
    )
    assert auth.actor_of_cookie(db, opened.token).role is Role.ADMIN


def test_only_the_newest_token_counts_and_only_its_digest_is_kept(db):
    first, second = (first_setup.prepare(db, demo_allowed=False) for _ in range(2))
    kept = db.read(lambda session: session.execute(select(BankFacts.setup_digest)).scalar_one())
    assert second.encode() not in kept
    for wrong in (first, "", "x", second + "x"):
        with pytest.raises(errors.TokenWrong):
            first_setup.run(db, wrong, choices())
    assert first_setup.run(db, second, choices())


def test_a_start_in_the_middle_of_the_set_up_changes_nothing_of_it(mariadb_db):
    db = mariadb_db
    token, done = first_setup.prepare(db, demo_allowed=True), []

    def set_up_meanwhile(_connection, _cursor, statement, *_):
        if statement.startswith("UPDATE bank") and not done:
            done.append(True)
            first_setup.run(db, token, choices(demo=True))

    event.listen(db.writing, "before_cursor_execute", set_up_meanwhile)
    try:
        assert first_setup.prepare(db, demo_allowed=False) is None
    finally:
        event.remove(db.writing, "before_cursor_execute", set_up_meanwhile)
    assert facts(db) == Facts(name="Elm Road Bank", demo=True)


def test_a_bank_that_somebody_runs_gets_no_token(db, register):
    token = first_setup.prepare(db, demo_allowed=True)
    register("Tess Varga", Role.AUDITOR)
    register("Ada Lindqvist")
    assert facts(db).waiting
    register("Olu Adeyemi", Role.TELLER)
    assert not facts(db).waiting
    assert first_setup.prepare(db, demo_allowed=True) is None
    with pytest.raises(errors.NotFound):
        first_setup.run(db, token, choices())


def test_what_is_wrong_is_said_by_field_and_the_token_stays_good(db, ada):
    token = first_setup.prepare(db, demo_allowed=True)
    with pytest.raises(errors.Invalid) as refusal:
        first_setup.run(db, token, choices(bank_name=" ", name="", email="x", password="short"))
    found = [problem["field"] for problem in refusal.value.details["errors"]]
    assert found == ["bank_name", "email", "name", "password"]
    with pytest.raises(errors.EmailTaken):
        first_setup.run(db, token, choices(email="ada@bank.test"))
    assert first_setup.run(db, token, choices())


def test_demo_people_are_chosen_only_where_they_may_be(db):
    token = first_setup.prepare(db, demo_allowed=False)
    with pytest.raises(errors.Forbidden):
        first_setup.run(db, token, choices(demo=True))
    token = first_setup.prepare(db, demo_allowed=True)
    first_setup.run(db, token, choices(demo=True))
    assert facts(db) == Facts(name="Elm Road Bank", demo=True)


def test_of_two_who_come_at_once_one_sets_it_up(db, at_once):
    token = first_setup.prepare(db, demo_allowed=True)

    def come(index):
        return first_setup.run(db, token, choices(email=f"kim{index}@bank.test"))

    answers = at_once(come, 4)
    assert sum(1 for answer in answers if not isinstance(answer, Exception)) == 1
    assert {type(answer) for answer in answers if isinstance(answer, Exception)} == {errors.NotFound}


def test_it_is_in_the_audit_trail_without_the_token(db):
    token = first_setup.prepare(db, demo_allowed=True)
    first_setup.run(db, token, choices())
    query = select(AuditRecord.changes).where(AuditRecord.action == "bank.set_up")
    changes = db.read(lambda session: session.execute(query).scalar_one())
    assert changes == {"name": [None, "Elm Road Bank"], "demo": [False, False]}


def test_the_queue_that_runs_already_follows_what_was_chosen(db, another, ada):
    from bank_app.domain import money
    from bank_app.services import accounts, transfers

    strict = another(demo=False, self_service_cash=None)
    account = strict.unit_of_work(lambda session: accounts.open_account(session, ada, settings=strict.settings))
    deposit = transfers.Deposit(account.id, money.Amount.of("5.00"))
    with pytest.raises(errors.Forbidden):
        transfers.move(strict, ada, deposit)
    strict.settings = strict.settings.model_copy(update={"demo": True})
    assert transfers.move(strict, ada, deposit).transaction.amount_minor == 500


def test_nobody_registers_by_himself_before_somebody_runs_the_bank(db, register):
    boss = {"email": "kim@bank.test", "name": "Not Kim", "password": PASSWORD}
    token = first_setup.prepare(db, demo_allowed=False)
    with pytest.raises(errors.Forbidden) as refusal:
        first_setup.sign_up(db, **boss)
    assert refusal.value.details["reason"] == "not_set_up"
    assert first_setup.run(db, token, choices())
    with pytest.raises(errors.EmailTaken):
        first_setup.sign_up(db, **boss)
    assert first_setup.sign_up(db, **boss | {"email": "not.kim@bank.test"}).role is Role.CUSTOMER


def test_a_registration_under_way_when_the_bank_begins_to_wait_is_refused(db, monkeypatch):
    hashed = passwords.hashed

    def slowly(password):
        first_setup.prepare(db, demo_allowed=False)
        return hashed(password)

    monkeypatch.setattr(passwords, "hashed", slowly)
    with pytest.raises(errors.Forbidden):
        first_setup.sign_up(db, email="kim@bank.test", name="Not Kim", password=PASSWORD)
    assert db.read(lambda session: auth.find(session, "kim@bank.test")) is None
