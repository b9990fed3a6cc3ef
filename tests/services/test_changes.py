"""What open pages are asked about all at once: accounts that look different, sign-ins that are over, new records."""

from datetime import timedelta

from sqlalchemy import update

from bank_app import clock
from bank_app.domain.accounting import AccountStatus
from bank_app.models import User
from bank_app.services import auth, changes
from tests.conftest import PASSWORD


def sign_in(db, person):
    opened = auth.open_browser_session(db, email=person.email, password=PASSWORD, address="::1", user_agent="test")
    return auth.actor_of_cookie(db, opened.token), opened.token


def test_an_account_looks_different_after_whatever_a_page_shows_of_it(db, counter, ada, teller):
    account, other = counter.open(ada, "50.00"), counter.open(ada)
    ids = [account.id, other.id]
    seen = [changes.marks(db, ids)]

    def differs():
        seen.append(changes.marks(db, ids))
        assert seen[-1][other.id] == seen[-2][other.id]
        return seen[-1][account.id] != seen[-2][account.id]

    assert not differs()
    counter.deposit(teller, account, "1.00")
    assert differs()
    held = counter.hold(teller, account, "5.00")
    assert differs()
    counter.release(teller, held)
    assert differs()
    for change in (
        {"status": AccountStatus.FROZEN},
        {"nickname": "Rent"},
        {"overdraft_limit": "10.00"},
        {"transfer_limit": "10.00"},
        {"daily_limit": "10.00"},
    ):
        counter.change(teller, account, **change)
        assert differs(), change
    assert changes.marks(db, []) == {}


def test_an_account_looks_different_once_a_hold_on_it_runs_out(db, counter, ada, another):
    account, other = counter.open(ada, "50.00"), counter.open(ada, "1.00")
    ids = [account.id, other.id]
    first = counter.hold(ada, account, "5.00", expires_in=60).hold
    second = counter.hold(ada, account, "6.00", expires_in=600).hold
    counter.hold(ada, other, "1.00", expires_in=6000)
    before = changes.marks(db, ids)
    seen = [before]
    for moment in (first.expires_at, second.expires_at):
        with clock.moved_to(moment - timedelta(microseconds=1)):
            assert changes.marks(db, ids) == seen[-1]
        with clock.moved_to(moment):
            # Whichever worker the page is open at, nothing was written.
            seen.append(changes.marks(another(), ids))
        assert seen[-1][account.id] != seen[-2][account.id]
        assert seen[-1][other.id] == before[other.id]


def test_many_accounts_are_asked_for_in_portions(db, counter, ada, monkeypatch):
    monkeypatch.setattr(changes, "_AT_ONCE", 2)
    ids = [counter.open(ada).id for _ in range(5)]
    assert set(changes.marks(db, ids)) == set(ids)


def test_a_sign_in_is_good_until_it_is_over(db, ada, ben):
    (mine, token), (theirs, _) = sign_in(db, ada), sign_in(db, ben)
    both = {mine.sign_in_id, theirs.sign_in_id}
    assert changes.still_signed_in(db, both).keys() == both
    auth.close_browser_session(db, token)
    assert changes.still_signed_in(db, both).keys() == {theirs.sign_in_id}
    db.unit_of_work(
        lambda session: session.execute(update(User).where(User.id == ben.user_id).values(disabled_at=clock.now()))
    )
    assert changes.still_signed_in(db, both) == {}


def test_a_sign_in_that_nobody_used_is_over_as_the_guard_says(db, ada):
    actor, token = sign_in(db, ada)
    almost = clock.now() + timedelta(minutes=db.settings.session_idle_minutes)
    with clock.moved_to(almost - timedelta(seconds=30)):
        assert changes.still_signed_in(db, [actor.sign_in_id])
        assert auth.actor_of_cookie(db, token, active=False)
    with clock.moved_to(almost + timedelta(seconds=30)):
        assert not changes.still_signed_in(db, [actor.sign_in_id])
        assert auth.actor_of_cookie(db, token, active=False) is None


def test_records_say_what_they_are_about(db, counter, ada, teller):
    account = counter.open(ada)
    since = clock.now()
    counter.change(teller, account, status=AccountStatus.FROZEN)
    assert set(changes.recorded(db, since=since - timedelta(seconds=5)).values()) >= {f"account {account.number}"}
    assert changes.recorded(db, since=clock.now() + timedelta(seconds=1)) == {}


def test_the_newest_transaction_is_another_one_after_money_moved(db, counter, ada, teller):
    account = counter.open(ada)
    before = changes.newest_transaction(db)
    moved = counter.deposit(teller, account, "1.00")
    assert changes.newest_transaction(db) == moved.transaction.id != before
