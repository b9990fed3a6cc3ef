"""Whom somebody keeps to pay again: one row for each account, seen and changed by its keeper only."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select, update
from sqlmodel import col

from bank_app import clock, errors
from bank_app.domain.identifiers import new_id
from bank_app.models import AuditRecord, User
from bank_app.services import history, payees

START = datetime(2030, 3, 1, 9, tzinfo=UTC)


@pytest.fixture
def his(counter, ben):
    return counter.open(ben, "50.00")


@pytest.fixture
def hers(counter, ada):
    return counter.open(ada, "50.00")


def save(db, actor, account, name="Ben Ito", **more):
    return db.unit_of_work(lambda session: payees.save(session, actor, account_id=account.id, name=name, **more))


def saved(db, actor, **more):
    return db.read(lambda session: payees.saved(session, actor, **more))


def test_somebody_is_saved_once_and_found(db, ada, ben, his):
    first = save(db, ada, his)
    again = save(db, ada, his, nickname="Coffee Ben")
    assert first.id == again.id
    [view] = saved(db, ada)
    assert (view.title, view.name, view.account_id, view.last_paid_at) == ("Coffee Ben", ben.name, his.id, None)
    for q, found in (("coffee", 1), ("BEN", 1), (his.grouped_number, 1), ("nobody", 0), ("", 1)):
        assert len(saved(db, ada, q=q)) == found


@pytest.mark.parametrize(("name", "read"), [("Ben Ito", "Ben Ito"), ("Bob Someone", "Bob Someone")])
def test_the_name_that_was_given_is_what_payments_are_read_under(db, counter, ada, hers, his, name, read):
    save(db, ada, his, name=name)
    counter.transfer(ada, hers, his, "1.00", knows=False)
    newest = db.read(lambda session: history.history(session, ada, hers.id)).items[0]
    assert newest.counterparty.name == read


def test_two_who_save_the_same_at_once_make_one_row(db, ada, his, at_once):
    at_once(lambda _: save(db, ada, his), 4)
    assert len(saved(db, ada)) == 1


def test_the_last_payment_stands_beside_the_name(db, counter, ada, hers, his):
    save(db, ada, his)
    with clock.moved_to(START):
        counter.transfer(ada, hers, his, "12.00")
    [view] = saved(db, ada)
    assert (view.last_paid_at, view.last_amount_minor) == (START, 1200)


def test_another_name_on_the_account_is_noticed_and_not_told(db, ada, ben, his):
    save(db, ada, his, name=ben.name)
    assert [view.renamed for view in saved(db, ada)] == [False]
    db.unit_of_work(
        lambda session: session.execute(update(User).where(col(User.id) == ben.user_id).values(name="Quite Another"))
    )
    [view] = saved(db, ada)
    assert view.renamed
    assert "Quite" not in repr(view)


def test_a_nickname_is_changed_and_taken_away(db, ada, ben, his):
    view = save(db, ada, his)
    for typed, title in (("  Rent  ", "Rent"), ("", ben.name)):
        changed = db.unit_of_work(lambda session, typed=typed: payees.rename(session, ada, view.id, nickname=typed))
        assert changed.title == title


def test_removing_forgets_and_leaves_a_trace(db, ada, his):
    view = save(db, ada, his)
    assert db.unit_of_work(lambda session: payees.remove(session, ada, view.id)).id == view.id
    assert saved(db, ada) == []
    actions = db.read(
        lambda session: set(session.execute(select(col(AuditRecord.action))).scalars()) & {"payee.save", "payee.remove"}
    )
    assert actions == {"payee.save", "payee.remove"}


def test_nobody_sees_or_changes_what_another_saved(db, ada, eve, teller, his):
    view = save(db, ada, his)
    assert saved(db, eve) == []
    with pytest.raises(errors.Forbidden):
        saved(db, eve, owner_id=ada.user_id)
    assert len(saved(db, teller, owner_id=ada.user_id)) == 1
    for payee_id in (view.id, new_id()):
        for actor in (eve, teller):
            with pytest.raises(errors.NotFound):
                db.unit_of_work(lambda session: payees.remove(session, actor, payee_id))  # noqa: B023
            with pytest.raises(errors.NotFound):
                db.unit_of_work(lambda session: payees.rename(session, actor, payee_id, nickname="x"))  # noqa: B023
    assert [kept.id for kept in saved(db, ada)] == [view.id]


def test_what_cannot_be_saved_is_refused(db, ada, hers, his):
    with pytest.raises(errors.Invalid):
        save(db, ada, hers)
    with pytest.raises(errors.Invalid):
        save(db, ada, his, name="  ")
    with pytest.raises(errors.Invalid):
        save(db, ada, his, nickname="x" * 61)
    for number in (1000000001, 1234567802):
        with pytest.raises(errors.AccountNotFound):
            db.unit_of_work(lambda session: payees.save(session, ada, account_id=number, name="Cash"))  # noqa: B023
    assert saved(db, ada) == []


def test_a_form_offers_saved_and_recent_ones_each_once(db, counter, ada, eve, hers, his):
    third = counter.open(eve)
    with clock.moved_to(START):
        counter.transfer(ada, hers, third, "3.00")
    save(db, ada, his)
    save(db, ada, third, name=eve.name)

    def known(**more):
        found = db.read(lambda session: payees.known(session, ada, owner_id=ada.user_id, **more))
        return [one.account_id for one in found]

    assert known() == [third.id, his.id]
    assert known(limit=1) == [third.id]
    assert known(limit=1, including=his.id) == [third.id, his.id]
