"""What a person hears of: only what others did, newest first, page by page, and how much of it is new."""

from datetime import timedelta

import pytest

from bank_app import clock
from bank_app.domain.accounting import AccountStatus
from bank_app.errors import Invalid
from bank_app.services import auth, notices
from bank_app.services.notices import NoticeKind
from tests.conftest import PASSWORD


@pytest.fixture
def heard(db):
    """`heard(ada)`: the notices of one page, newest first."""
    return lambda person, **how: db.read(lambda session: notices.list_notices(session, person, **how)).items


@pytest.fixture
def unread(db):
    """`unread(ada)`."""
    return lambda person: db.read(lambda session: notices.unread(session, person))


def test_money_from_somebody_else_is_told_and_ones_own_is_not(counter, ada, ben, heard):
    mine, theirs = counter.open(ada, "100.00"), counter.open(ben, "50.00")
    moved = counter.transfer(ben, theirs, mine, "25.00", description="Dinner")
    counter.transfer(ada, mine, theirs, "5.00")
    [notice] = heard(ada)
    assert (notice.kind, notice.amount_minor, notice.balance_after_minor) == (NoticeKind.MONEY, 2500, 12500)
    assert (notice.counterparty, notice.description, notice.new) == ("Ben Ito", "Dinner", True)
    assert notice.transaction_id == moved.transaction.id
    assert notice.account.id == mine.id
    assert [n.amount_minor for n in heard(ben)] == [500]


def test_a_move_between_own_accounts_is_no_news_even_when_the_bank_makes_it(counter, ada, teller, heard):
    everyday, savings = counter.open(ada, "100.00"), counter.open(ada)
    counter.transfer(ada, everyday, savings, "10.00")
    assert heard(ada) == []
    counter.transfer(teller, everyday, savings, "20.00")
    assert [n.amount_minor for n in heard(ada)] == [2000]


def test_cash_at_the_desk_and_a_reversal_are_told(counter, ada, ben, teller, heard):
    mine, theirs = counter.open(ada, "100.00"), counter.open(ben)
    counter.deposit(teller, mine, "40.00")
    counter.withdraw(teller, mine, "15.00")
    counter.reverse(teller, counter.transfer(ada, mine, theirs, "30.00"))
    assert [(n.kind, n.action, n.amount_minor) for n in heard(ada)] == [
        (NoticeKind.REVERSAL, "reversal", 3000),
        (NoticeKind.MONEY, "withdraw", -1500),
        (NoticeKind.MONEY, "deposit", 4000),
    ]
    assert [(n.kind, n.amount_minor) for n in heard(ben)] == [
        (NoticeKind.REVERSAL, -3000),
        (NoticeKind.MONEY, 3000),
    ]


def test_what_the_bank_changes_of_an_account_is_told_to_its_owner_only(counter, ada, ben, teller, heard):
    account = counter.open(ada)
    counter.change(ada, account, nickname="Rent", reason=None)
    counter.change(teller, account, status=AccountStatus.FROZEN)
    counter.change(teller, account, daily_limit="50.00")
    counter.change(teller, account, nickname="Named by the bank")
    limit, frozen = heard(ada)
    assert limit.changes["daily_limit"] == [None, 5000]
    assert frozen.changes["status"] == ["open", "frozen"]
    assert {frozen.kind, limit.kind} == {NoticeKind.ACCOUNT}
    assert heard(ben) == heard(teller) == []


def test_a_new_device_is_told_and_the_first_and_the_known_are_not(db, ada, heard):
    def sign_in(device):
        auth.open_browser_session(db, email=ada.email, password=PASSWORD, address="127.0.0.1", user_agent=device)

    sign_in("Firefox")
    sign_in("Firefox")
    assert heard(ada) == []
    sign_in("Chrome")
    sign_in("Firefox")
    assert [(n.kind, n.device) for n in heard(ada)] == [(NoticeKind.SIGN_IN, "Chrome")]


def test_unread_counts_to_ten_and_marking_ends_it(db, counter, ada, ben, unread, heard):
    mine, theirs = counter.open(ada), counter.open(ben, "100.00")
    assert unread(ada) == 0
    for _ in range(12):
        counter.transfer(ben, theirs, mine, "1.00")
    assert unread(ada) == 10
    assert db.unit_of_work(lambda session: notices.mark_all_read(session, ada)) == 10
    assert unread(ada) == 0
    assert not any(n.new for n in heard(ada))
    counter.transfer(ben, theirs, mine, "1.00")
    assert unread(ada) == 1
    assert [n.new for n in heard(ada, limit=2)] == [True, False]


def test_somebody_who_never_looked_is_told_of_a_week(counter, ada, ben, unread, heard):
    mine, theirs = counter.open(ada), counter.open(ben, "100.00")
    counter.transfer(ben, theirs, mine, "1.00")
    with clock.moved_to(clock.now() + timedelta(days=8)):
        assert unread(ada) == 0
        assert [n.new for n in heard(ada)] == [False]
    with clock.moved_to(clock.now() + timedelta(days=91)):
        assert heard(ada) == []


def test_pages_lose_nothing_and_repeat_nothing(db, counter, ada, ben, teller, monkeypatch):
    mine, savings, theirs = counter.open(ada, "50.00"), counter.open(ada), counter.open(ben, "100.00")
    for number in range(9):
        counter.transfer(ben, theirs, (mine, savings)[number % 2], "1.00")
        counter.transfer(ada, mine, theirs, "0.50")
    counter.change(teller, mine, daily_limit="50.00")
    everything = [n.key for n in db.read(lambda session: notices.list_notices(session, ada, limit=100)).items]
    assert len(everything) == 10
    # Own payments stand between them: a page that may look at few entries ends early and goes on.
    for scanned in (2, 3, 300):
        monkeypatch.setattr(notices, "_SCANNED", scanned)
        seen, cursor, pages = [], None, 0
        while pages < 60:
            page = db.read(lambda session, cursor=cursor: notices.list_notices(session, ada, limit=3, cursor=cursor))
            seen, cursor, pages = seen + [n.key for n in page.items], page.next_cursor, pages + 1
            if cursor is None:
                break
        assert seen == everything, scanned


def test_a_cursor_that_is_not_ours_is_refused(db, ada):
    for cursor in ("x", "", "MjAyNi0xMS0yMHxh"):
        if cursor:
            with pytest.raises(Invalid):
                db.read(lambda session, cursor=cursor: notices.list_notices(session, ada, cursor=cursor))


def test_a_long_history_of_ones_own_does_not_make_it_slow(counter, ada, ben, heard):
    mine, theirs = counter.open(ada, "500.00"), counter.open(ben, "1.00")
    counter.transfer(ben, theirs, mine, "1.00")
    for _ in range(30):
        counter.transfer(ada, mine, theirs, "1.00")
    assert [n.counterparty for n in heard(ada)] == ["Ben Ito"]
