"""The bank's people look at those of the bank: lists, one person's record, notes. Every look is recorded."""

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import func, select, text, update

from bank_app import clock, errors
from bank_app.domain import identifiers
from bank_app.domain.accounting import AccountStatus, FrozenFor, Role
from bank_app.models import AuditRecord, SignIn, User
from bank_app.services import auth, customer_notes, people
from bank_app.services.people import Standing

PASSWORD = "lantern-orchard-48-violin"


def found(db, actor, **wanted):
    return db.read(lambda session: people.list_customers(session, actor, **wanted))


def names(db, actor, **wanted):
    return [row.name for row in found(db, actor, **wanted).items]


def look(db, actor, person):
    return db.unit_of_work(lambda session: people.view(session, actor, person.user_id, settings=db.settings))


def looks(db):
    query = select(func.count()).where(AuditRecord.action == people.LOOKED)
    return db.read(lambda session: session.execute(query).scalar_one())


def note(db, actor, person, words):
    db.unit_of_work(lambda session: customer_notes.add(session, actor, person.user_id, text=words))


def change(db, person, **columns):
    db.unit_of_work(lambda session: session.execute(update(User).where(User.id == person.user_id).values(**columns)))


# --- notes that are sent twice ------------------------------------------------------------------------


def test_a_note_that_is_sent_twice_is_written_once(db, ada, teller, register):
    colleague = register("Nia Other", Role.TELLER)
    for author, words in (
        (teller, "Called back"), (teller, " Called back "), (colleague, "Called back"), (teller, "Called back"),
        (teller, "Not there"), (teller, "Called back"),
    ):  # fmt: skip
        note(db, author, ada, words)
    written = db.read(lambda session: customer_notes.notes_about(session, ada.user_id))
    assert [one.text for one in written] == [
        "Called back", "Not there", "Called back", "Called back", "Called back",
    ]  # fmt: skip


# --- the list -----------------------------------------------------------------------------------------


def test_customers_are_listed_newest_first_in_pages_and_staff_is_not_among_them(db, register, teller, auditor):
    everybody = [register(f"Person{number} Park").name for number in range(5)]
    seen, cursor = [], None
    while True:
        page = found(db, auditor, limit=2, cursor=cursor)
        seen += [row.name for row in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == everybody[::-1]


def test_a_row_says_what_somebody_has(db, counter, ada, ben, teller):
    account = counter.open(ada, "40.00")
    counter.open(ada, "2.50")
    counter.open(ada, "7.00", currency="EUR")
    gone = counter.open(ada)
    counter.change(teller, account, status=AccountStatus.FROZEN, frozen_for=FrozenFor.DEBITS)
    counter.change(teller, gone, status=AccountStatus.CLOSED)
    note(db, teller, ada, "Moves house in March")
    note(db, teller, ada, "Call after five")
    auth.open_browser_session(db, email=ada.email, password=PASSWORD, address="192.0.2.1", user_agent="test")
    row = next(row for row in found(db, teller).items if row.id == ada.user_id)
    assert [(total.currency, total.minor) for total in row.totals] == [("EUR", 700), ("USD", 4250)]
    assert (row.accounts, row.frozen, row.note, row.standing) == (4, 1, "Call after five", Standing.ACTIVE)
    assert row.last_sign_in_at
    empty = next(row for row in found(db, teller).items if row.id == ben.user_id)
    assert (empty.accounts, empty.totals, empty.last_sign_in_at, empty.note) == (0, (), None, "")


def test_customers_are_found_by_name_email_account_number_and_reference(db, counter, ada, ben, eve, teller):
    mine, theirs = counter.open(ada, "40.00"), counter.open(ben)
    counter.open(eve, "1.00")
    moved = counter.transfer(ada, mine, theirs, "5.00")
    assert names(db, teller, q="lINDq") == ["Ada Lindqvist"]
    assert names(db, teller, q="ben@bank") == ["Ben Ito"]
    assert names(db, teller, q=mine.grouped_number) == ["Ada Lindqvist"]
    assert names(db, teller, q=identifiers.reference(moved.transaction.id).lower()) == ["Ben Ito", "Ada Lindqvist"]
    assert names(db, teller, q="0000-0000") == []
    assert names(db, teller, q="%") == []


def test_customers_are_filtered_by_whether_they_can_sign_in(db, ada, ben, eve, teller):
    change(db, ada, locked_until=clock.now() + timedelta(minutes=5))
    change(db, ben, disabled_at=clock.now(), locked_until=clock.now() + timedelta(minutes=5))
    change(db, eve, locked_until=clock.now() - timedelta(minutes=5))
    assert names(db, teller, standing=Standing.LOCKED) == ["Ada Lindqvist"]
    assert names(db, teller, standing=Standing.DISABLED) == ["Ben Ito"]
    assert names(db, teller, standing=Standing.ACTIVE) == ["Eve Marlow"]
    standings = {row.name: row.standing for row in found(db, teller).items}
    assert standings["Ada Lindqvist"] is Standing.LOCKED
    assert standings["Ben Ito"] is Standing.DISABLED
    assert standings["Eve Marlow"] is Standing.ACTIVE


@pytest.mark.parametrize("cursor", ["x", "AAAA", "é"])
def test_a_cursor_that_is_not_ours_is_refused(sqlite_db, teller, cursor):
    with pytest.raises(errors.Invalid):
        found(sqlite_db, teller, cursor=cursor)


# --- one person's record --------------------------------------------------------------------------------


def test_a_record_shows_what_helps(db, counter, ada, ben, teller, auditor):
    mine, theirs = counter.open(ada, "40.00"), counter.open(ben)
    counter.transfer(ada, mine, theirs, "5.00")
    auth.open_browser_session(db, email=ada.email, password=PASSWORD, address="192.0.2.1", user_agent="Firefox")
    note(db, teller, ada, "Call after five")
    record = look(db, auditor, ada)
    assert record.person.email == "ada@bank.test"
    assert [account.id for account in record.accounts] == [mine.id]
    assert [entry.signed_minor for entry in record.recent] == [-500, 4000]
    assert [(one.address, one.user_agent, one.active) for one in record.sign_ins] == [("192.0.2.1", "Firefox", True)]
    assert [(one.text, one.author) for one in record.notes] == [("Call after five", "Olu Adeyemi")]
    with clock.moved_to(clock.now() + timedelta(minutes=db.settings.session_idle_minutes, seconds=1)):
        assert not look(db, auditor, ada).sign_ins[0].active
    assert look(db, auditor, ada).sign_ins[0].active
    db.unit_of_work(lambda session: session.execute(update(SignIn).values(revoked_at=clock.now())))
    assert not look(db, auditor, ada).sign_ins[0].active


def test_every_look_is_recorded_once_a_minute_for_each_who_looks(db, ada, ben, teller, auditor):
    for _ in range(3):
        look(db, teller, ada)
    assert looks(db) == 1
    look(db, auditor, ada)
    look(db, teller, ben)
    assert looks(db) == 3
    with clock.moved_to(clock.now() + timedelta(seconds=61)):
        assert people.keep_viewing(db, teller, ada.user_id).person.name == "Ada Lindqvist"
        assert looks(db) == 3
        look(db, teller, ada)
        assert looks(db) == 4
    with clock.moved_to(clock.now() + timedelta(minutes=20)):
        people.keep_viewing(db, teller, ada.user_id)
        assert looks(db) == 5
    people.keep_viewing(db, auditor, ben.user_id)
    assert looks(db) == 6


def test_a_look_is_recorded_with_who_looked_at_whom_and_not_if_it_failed(db, ada, teller):
    look(db, teller, ada)
    query = select(AuditRecord.actor_id, AuditRecord.object).where(AuditRecord.action == people.LOOKED)
    assert db.read(lambda session: session.execute(query).all()) == [(teller.user_id, f"user {ada.user_id}")]
    with pytest.raises(errors.NotFound):
        db.unit_of_work(lambda session: people.view(session, teller, uuid4(), settings=db.settings))
    assert looks(db) == 1


def test_customers_see_nobody(db, ada, ben):
    for attempt in (
        lambda session: people.view(session, ada, ben.user_id, settings=db.settings),
        lambda session: people.view(session, ada, ada.user_id, settings=db.settings),
        lambda session: people.list_customers(session, ada),
        lambda session: people.list_staff(session, ada),
        lambda session: customer_notes.add(session, ada, ben.user_id, text="Owes me five"),
    ):
        with pytest.raises(errors.Forbidden):
            db.unit_of_work(attempt)
    with pytest.raises(errors.Forbidden):
        people.keep_viewing(db, ada, ben.user_id)
    assert looks(db) == 0


# --- notes ----------------------------------------------------------------------------------------------


def test_a_note_is_signed_recorded_and_stays(db, ada, teller, auditor):
    note(db, teller, ada, "  Call after five \n")
    for words in ("", "   ", "x" * 501):
        with pytest.raises(errors.Invalid) as refusal:
            note(db, teller, ada, words)
        assert refusal.value.details["errors"][0]["field"] == "text"
    with pytest.raises(errors.Forbidden):
        note(db, auditor, ada, "I only look")
    with pytest.raises(errors.NotFound):
        db.unit_of_work(lambda session: customer_notes.add(session, teller, uuid4(), text="Nobody"))
    with pytest.raises(errors.Forbidden):
        note(db, teller, auditor, "About a colleague only an admin writes")
    assert [one.text for one in look(db, teller, ada).notes] == ["Call after five"]
    query = select(AuditRecord.actor_id, AuditRecord.object).where(AuditRecord.action == "customer.note")
    assert db.read(lambda session: session.execute(query).all()) == [(teller.user_id, f"user {ada.user_id}")]
    with pytest.raises(errors.BooksBroken):
        db.unit_of_work(lambda session: session.execute(text("UPDATE customer_notes SET text = 'Nothing'")))


def test_the_staff_is_listed_by_name(db, ada, teller, auditor, admin):
    listed = db.read(lambda session: people.list_staff(session, auditor))
    assert [(row.name, row.role) for row in listed] == [
        ("Kim Novak", Role.ADMIN), ("Olu Adeyemi", Role.TELLER), ("Tess Varga", Role.AUDITOR),
    ]  # fmt: skip
