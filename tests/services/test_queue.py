"""What waits for somebody: each kind appears when it should, says why, and goes away when it is done."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from bank_app import clock, errors
from bank_app.domain.accounting import AccountStatus, FrozenFor
from bank_app.models import Account, User
from bank_app.services import audit, audit_trail, books, queue, right_now
from bank_app.services.queue import Kind

WHY = "A test wants it so"


def waiting_for(db, actor):
    return queue.look(db, actor)


def only(db, actor):
    [item] = waiting_for(db, actor).items
    return item


def lock(db, person, failed=6):
    values = {"locked_until": clock.now() + timedelta(minutes=2), "failed_sign_ins": failed}

    def operation(session):
        session.execute(update(User).where(User.id == person.user_id).values(**values))
        audit.record(
            session, actor_id=person.user_id, action="sign_in.throttled", object=f"user {person.user_id}"
        )  # fmt: skip

    db.unit_of_work(operation)


def test_an_empty_bank_needs_nobody_and_says_what_was_never_checked(db, teller):
    found = waiting_for(db, teller)
    assert (found.items, found.total, found.chain.at, found.books.at, found.books.ok) == ((), 0, None, None, True)


def test_customers_have_no_queue(db, ada):
    for ask in (queue.look, queue.latest):
        with pytest.raises(errors.Forbidden):
            ask(db, ada)
    for ask in (right_now.posted_last_minute, right_now.done_today):
        with pytest.raises(errors.Forbidden):
            db.read(lambda session, ask=ask: ask(session, ada))


def test_money_that_arrives_in_a_frozen_account_waits_until_it_is_unfrozen(db, counter, ada, ben, teller):
    source, target = counter.open(ada, "100.00"), counter.open(ben, "5.00", nickname="Rent")
    counter.transfer(ada, source, target, "1.00")
    counter.change(teller, target, status=AccountStatus.FROZEN, frozen_for=FrozenFor.DEBITS, reason=WHY)
    assert waiting_for(db, teller).items == ()
    counter.transfer(ada, source, target, "30.00")
    counter.transfer(ada, source, target, "12.50")
    item = only(db, teller)
    assert (item.kind, item.count, item.amount_minor, item.currency) == (Kind.FROZEN, 2, 4250, "USD")
    assert (item.person, item.account, item.title) == ("Ben Ito", target.number, "Rent")
    assert (item.by, item.scope) == ("Olu Adeyemi", FrozenFor.DEBITS)
    assert item.frozen_at < item.since <= clock.now()
    counter.change(teller, target, nickname="Still frozen", reason=WHY)
    assert only(db, teller).count == 2
    counter.change(teller, target, status=AccountStatus.OPEN, reason=WHY)
    assert waiting_for(db, teller).items == ()


def test_a_sign_in_waits_while_it_is_locked(db, ada, teller):
    lock(db, ada)
    item = only(db, teller)
    assert (item.kind, item.person, item.count, item.staff) == (Kind.LOCKED, "Ada Lindqvist", 6, False)
    assert item.until > clock.now() >= item.since
    with clock.moved_to(clock.now() + timedelta(minutes=3)):
        assert waiting_for(db, teller).items == ()


def test_a_hold_waits_when_it_is_large_or_ends_within_a_day(db, counter, ada, teller):
    account = counter.open(ada, "5000.00")
    counter.hold(ada, account, "10.00")
    # Nobody has to look at it, and it is not said that there is none.
    assert (waiting_for(db, teller).items, waiting_for(db, teller).open_holds) == ((), 1)
    soon = counter.hold(ada, account, "20.00", expires_in=3600)
    large = counter.hold(ada, account, "1000.00")
    assert [item.amount_minor for item in waiting_for(db, teller).items] == [2000, 100000]
    with clock.moved_to(clock.now() + timedelta(hours=2)):
        assert [item.amount_minor for item in waiting_for(db, teller).items] == [100000]
    assert waiting_for(db, teller).open_holds == 3
    counter.release(ada, soon)
    counter.release(ada, large)
    assert waiting_for(db, teller).items == ()


def test_an_account_below_zero_waits_since_the_entry_that_took_it_there(db, counter, ada, teller):
    account = counter.open(ada, "10.00")
    counter.change(teller, account, overdraft_limit="50.00", reason=WHY)
    counter.withdraw(ada, account, "25.00")
    first = only(db, teller)
    counter.withdraw(ada, account, "5.00")
    item = only(db, teller)
    assert (item.kind, item.amount_minor, item.since) == (Kind.OVERDRAWN, -2000, first.since)
    counter.deposit(ada, account, "20.00")
    assert waiting_for(db, teller).items == ()


def test_many_payments_wait_unless_they_are_usual(db, counter, ada, ben, teller):
    source, target = counter.open(ada, "100.00"), counter.open(ben)
    for _ in range(19):
        counter.transfer(ada, source, target, "0.10")
    assert waiting_for(db, teller).items == ()
    counter.transfer(ada, source, target, "0.10")
    item = only(db, teller)
    assert (item.kind, item.count, item.usual, item.amount_minor) == (Kind.VOLUME, 20, 0, 200)
    assert (item.person, item.account, item.minutes) == ("Ada Lindqvist", source.number, 10)


def test_what_an_account_does_every_day_is_usual(db, counter, ada, ben, teller):
    with clock.moved_to(clock.now() - timedelta(days=1)):
        source, target = counter.open(ada, "100.00"), counter.open(ben)
        for _ in range(8):
            counter.transfer(ada, source, target, "0.10")
    for _ in range(20):
        counter.transfer(ada, source, target, "0.10")
    assert waiting_for(db, teller).items == ()


def test_the_most_urgent_comes_first_and_all_are_counted(db, counter, ada, ben, teller, monkeypatch):
    monkeypatch.setattr(queue, "MOST_LISTED", 1)
    for person in (ada, ben):
        account = counter.open(person, "1.00")
        counter.change(teller, account, overdraft_limit="50.00", reason=WHY)
        counter.withdraw(person, account, "25.00")
    lock(db, ben)
    found = waiting_for(db, teller)
    assert [item.kind for item in found.items] == [Kind.LOCKED, Kind.OVERDRAWN]
    assert (found.counts[Kind.OVERDRAWN], found.counts[Kind.LOCKED], found.total) == (2, 1, 3)


def test_the_chain_and_the_books_are_shown_as_they_were_last_seen(db, counter, ada, teller, auditor):
    counter.open(ada, "1.00")
    audit_trail.verify(db, auditor)
    books.check_now(db, auditor)
    found = waiting_for(db, teller)
    assert (found.items, found.chain.broken_at, found.books.ok) == ((), None, True)
    assert found.chain.at
    assert found.chain.checked > 0
    assert found.books.at
    with clock.moved_to(clock.now() + timedelta(days=3)):
        assert only(db, teller).kind is Kind.CHAIN


@pytest.mark.books_are_broken_on_purpose
def test_books_that_are_off_come_first(db, counter, ada, teller, past_guards):
    account = counter.open(ada, "1.00")
    lock(db, ada)
    past_guards(f"UPDATE accounts SET balance = balance + 1 WHERE id = {account.id}")
    books.check_now(db, teller)
    assert [item.kind for item in waiting_for(db, teller).items] == [Kind.BOOKS, Kind.LOCKED]


def test_many_who_look_share_one_queue_for_a_moment(db, counter, ada, teller, auditor):
    first = queue.latest(db, teller)
    lock(db, ada)
    assert queue.latest(db, auditor) is first


def test_the_last_minute_counts_what_was_posted_in_it(db, counter, ada, ben, teller):
    with clock.moved_to(clock.now() - timedelta(minutes=5)):
        source, target = counter.open(ada, "10.00"), counter.open(ben)
        counter.transfer(ada, source, target, "1.00")
    counter.transfer(ada, source, target, "1.00")
    with pytest.raises(errors.InsufficientFunds):
        counter.transfer(ada, source, target, "50.00")
    assert db.read(lambda session: right_now.posted_last_minute(session, teller)) == 1


def test_the_day_of_the_team_names_whom_it_was_about(db, counter, ada, ben, teller, auditor):
    source, target = counter.open(ada, "10.00"), counter.open(ben)
    moved = counter.transfer(ada, source, target, "1.00")
    counter.deposit(teller, target, "300.00")
    counter.reverse(teller, moved, "Sent to the wrong one")
    db.unit_of_work(lambda session: session.execute(update(Account).values(nickname=None)))
    counter.change(teller, target, status=AccountStatus.FROZEN, reason=WHY)
    done = db.read(lambda session: right_now.done_today(session, auditor))
    assert [(one.who, one.action, one.about) for one in done] == [
        ("Olu Adeyemi", "account.change", f"Ben Ito ••{target.number[-4:]}"),
        ("Olu Adeyemi", "transaction.reverse", moved.transaction.reference),
        ("Olu Adeyemi", "cash.deposit", "Ben Ito"),
    ]
    assert (done[0].reason, done[0].changes["status"]) == (WHY, ["open", "frozen"])
    assert (done[2].amount_minor, done[2].currency) == (30000, "USD")
