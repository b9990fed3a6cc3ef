"""What the bank's people look at is written down by what shows it, once a quarter of an hour, and no one's own is."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from bank_app import clock, errors
from bank_app.domain.accounting import Role
from bank_app.models import AuditRecord, Look, SecurityRecord
from bank_app.services import accounts, finder, history, holds, looks, people, roles, statements, transfers
from bank_app.services.transaction_search import TransactionFilter, find


@pytest.fixture
def hers(counter, ada):
    return counter.open(ada, "100.00")


def recorded(db):
    rows = db.read(
        lambda session: session.execute(
            select(AuditRecord)
            .where(AuditRecord.action.in_([looks.AT_ONE, looks.AT_LIST, people.LOOKED]))
            .order_by(AuditRecord.id)
        ).scalars().all()
    )  # fmt: skip
    return [(row.actor_id, row.action, row.object) for row in rows]


def changes(db, action):
    query = select(AuditRecord.changes).where(AuditRecord.action == action).order_by(AuditRecord.id)
    return db.read(lambda session: list(session.execute(query).scalars()))


def read(db, service, actor, *args, **more):
    return db.read(lambda session: service(session, actor, *args, **more))


def test_a_look_is_one_record_for_each_who_looks_at_each_thing_in_a_quarter(db, another, ada, hers, teller, auditor):
    begin = clock.now().replace(minute=1, second=0)
    with clock.moved_to(begin):
        for bank in (db, another(), db):
            read(bank, accounts.get_account, teller, hers.id)
            read(bank, history.history, teller, hers.id)
            read(bank, statements.months, teller, hers.id)
        read(db, accounts.get_account, auditor, hers.id)
    thing = (looks.AT_ONE, f"account {hers.number}")
    assert recorded(db) == [(teller.user_id, *thing), (auditor.user_id, *thing)]
    assert changes(db, looks.AT_ONE)[0] == {"of": [None, [f"user {ada.user_id}"]]}
    with clock.moved_to(begin + timedelta(minutes=14)):
        read(db, accounts.get_account, teller, hers.id)
        assert len(recorded(db)) == 3
    assert "each look at a customer is logged" in str(roles.PERMISSIONS)


def test_two_workers_that_look_at_once_write_one_record(db, another, hers, teller):
    workers, start = [db, another(), another()], threading.Barrier(3)

    def look(bank):
        start.wait()
        read(bank, accounts.get_account, teller, hers.id)

    threads = [threading.Thread(target=look, args=(bank,)) for bank in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(recorded(db)) == 1


def test_owners_reading_their_own_cost_nothing_and_leave_nothing(db, counter, ada, hers, teller, monkeypatch):
    own = counter.open(teller)
    before = recorded(db)
    monkeypatch.setattr(db, "unit_of_work", None)
    read(db, history.history, ada, hers.id)
    read(db, accounts.list_accounts, ada)
    read(db, history.recent, ada)
    read(db, accounts.get_account, teller, own.id)
    assert recorded(db) == before


def test_a_list_is_recorded_with_what_it_was_narrowed_by(db, hers, teller):
    read(db, accounts.list_accounts, teller, q="lindq")
    read(db, accounts.list_accounts, teller, q="lindq")
    read(db, finder.find, teller, "lindqvist")
    read(db, people.list_customers, teller, q="ada")
    read(db, find, teller, filters=TransactionFilter(account_id=hers.id, min_amount="5"))
    read(db, holds.list_holds, teller)
    read(db, people.list_staff, teller)
    assert [thing for _, _, thing in recorded(db)] == [
        "list accounts", "list accounts", "list customers", "list transactions", "list holds", "list colleagues",
    ]  # fmt: skip
    assert changes(db, looks.AT_LIST)[0] == {"rows": [None, 1], "q": [None, "lindq"]}
    assert changes(db, looks.AT_LIST)[3] == {
        "rows": [None, 1], "account_id": [None, hers.id], "min_amount": [None, "5"]
    }  # fmt: skip


def test_pages_that_follow_are_counted_and_told_of_whenever_the_rows_have_doubled(db, counter, ada, auditor):
    for _ in range(20):
        counter.open(ada)
    cursor, pages = None, 0
    while pages == 0 or cursor:
        page = read(db, accounts.list_accounts, auditor, limit=1, cursor=cursor)
        cursor, pages = page.next_cursor, pages + 1
    assert pages == 20
    assert [change["rows"][1] for change in changes(db, looks.AT_LIST)] == [1, 1, 2, 4, 8, 16]


def test_a_transaction_is_a_look_at_both_sides_and_each_hears_of_it(db, counter, ada, ben, eve, hers, teller):
    moved = counter.transfer(ada, hers, counter.open(ben), "5.00").transaction
    held = counter.hold(ada, hers, "1.00").hold
    read(db, transfers.get_transaction, teller, moved.id)
    read(db, holds.get_hold, teller, held.id)
    assert [thing for _, _, thing in recorded(db)] == [f"transaction {moved.id}", f"hold {held.id}"]
    both, hers_only = f"transaction {moved.id}", f"hold {held.id}"
    for person, things in ((ada, {both, hers_only}), (ben, {both})):
        told = db.read(lambda session, who=person: looks.own(session, who))
        assert {(look.role, look.what) for look in told} == {(Role.TELLER, thing) for thing in things}
    assert db.read(lambda session: looks.own(session, eve)) == []


def test_the_record_of_a_person_is_told_to_them_too(db, ada, teller):
    db.unit_of_work(lambda session: people.view(session, teller, ada.user_id, settings=db.settings))
    assert [look.what for look in db.read(lambda session: looks.own(session, ada))] == [f"user {ada.user_id}"]


def test_a_look_that_cannot_be_written_down_goes_on_and_is_written_with_the_next(db, hers, teller, monkeypatch):
    def away(_operation):
        raise errors.DatabaseUnavailable

    with monkeypatch.context() as patch:
        patch.setattr(db, "unit_of_work", away)
        assert read(db, accounts.get_account, teller, hers.id).id == hers.id
    assert recorded(db) == []
    read(db, accounts.get_account, teller, hers.id)
    assert len(recorded(db)) == 1


def test_asking_for_what_is_somebody_elses_is_written_down_and_for_what_is_nowhere_is_not(db, counter, ada, hers, eve):
    moved = counter.deposit(ada, hers, "5.00").transaction
    held = counter.hold(ada, hers, "1.00").hold
    for service, thing in (
        (accounts.get_account, hers.id), (accounts.get_account, 1234567889), (transfers.get_transaction, moved.id),
        (holds.get_hold, held.id), (history.history, hers.id),
    ):  # fmt: skip
        with pytest.raises(errors.NotFound):
            read(db, service, eve, thing)
    query = select(SecurityRecord.object, func.count()).where(SecurityRecord.event == "malicious_direct_reference")
    rows = db.read(lambda session: session.execute(query.group_by(SecurityRecord.object)).all())
    assert dict(map(tuple, rows)) == {
        f"account {hers.number}": 2, f"transaction {moved.id}": 1, f"hold {held.id}": 1
    }  # fmt: skip
    assert db.read(lambda session: session.execute(select(func.count()).select_from(Look)).scalar_one()) == 0


def test_what_was_done_to_it_is_no_look_besides(db, counter, hers, teller):
    counter.change(teller, hers, transfer_limit="5.00")
    assert recorded(db) == []
