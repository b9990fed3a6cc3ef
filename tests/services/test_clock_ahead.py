"""Clocks that are wrong: what is not dated by them, and that what was once dated ahead harms nobody else."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from bank_app import clock, errors
from bank_app.models import ACCOUNTS, CLOCK_STEPS, AuditRecord
from bank_app.services import accounts as accounts_room
from bank_app.services import cautions, history, integrity, ledger, statements, timekeeping
from bank_app.services.rules import KEPT_IN_ORDER

AHEAD = timedelta(days=400)


@pytest.fixture
def wrong(monkeypatch):
    """`wrong(span)` moves this process's clock, as somebody who sets it does."""
    right = clock.now

    def by(span):
        monkeypatch.setattr(clock, "now", lambda: right() + span)

    return by


@pytest.fixture
def accounts(counter, ada, ben):
    return counter.open(ada, "100.00"), counter.open(ben, "50.00")


@pytest.fixture
def poisoned(counter, ada, accounts):
    """One deposit into her account that a clock 400 days ahead has dated."""
    hers, his = accounts
    with clock.moved_to(clock.now() + AHEAD):
        counter.deposit(ada, hers, "10.00")
    return hers, his


def entries(db, person, account):
    return db.read(lambda session: history.history(session, person, account.id)).items


def near_now(moment):
    return abs(moment - clock.now()) < timedelta(minutes=5)


# --- what is not dated by a wrong clock -----------------------------------------------------------------


@pytest.mark.parametrize("span", [timedelta(seconds=8), timedelta(hours=1), AHEAD, -KEPT_IN_ORDER * 2])
def test_nothing_is_posted_by_a_clock_that_is_not_the_servers(mariadb_db, counter, ada, accounts, wrong, span):
    hers, his = accounts
    counter.transfer(ada, hers, his, "1.00")
    wrong(span)
    with pytest.raises(errors.ClockWrong, match=r"ahead of|behind") as refusal:
        counter.transfer(ada, hers, his, "2.00", key="k")
    assert refusal.value.money_moved == "no"
    wrong(timedelta())
    assert not counter.transfer(ada, hers, his, "2.00", key="k").replayed
    assert [entry.amount_minor for entry in entries(mariadb_db, ada, hers)] == [200, 100, 10000]


@pytest.mark.parametrize("span", [timedelta(seconds=1), -timedelta(seconds=30), -timedelta(minutes=90)])
def test_a_clock_that_is_a_little_off_posts(mariadb_db, counter, ada, accounts, wrong, span):
    hers, his = accounts
    wrong(span)
    counter.transfer(ada, hers, his, "2.00")
    moments = [entry.created_at for entry in entries(mariadb_db, ada, hers)]
    assert moments == sorted(moments, reverse=True)


def test_a_first_answer_is_given_again_whatever_the_clock_says(db, counter, ada, accounts, wrong):
    hers, his = accounts
    first = counter.transfer(ada, hers, his, "2.00", key="k")
    wrong(AHEAD)
    again = counter.transfer(ada, hers, his, "2.00", key="k")
    assert again.replayed
    assert again.transaction.id == first.transaction.id


def test_a_start_long_after_the_books_end_posts_nothing_until_an_operator_says_that_it_is_right(
    another, counter, ada, accounts, wrong, sqlite_db
):
    hers, _ = accounts
    wrong(AHEAD)
    later = another()
    with pytest.raises(errors.ClockWrong, match=r"\./bank clock accept"):
        type(counter)(later).deposit(ada, hers, "5.00")
    assert timekeeping.compare(later).wrong
    timekeeping.accept(later)
    type(counter)(later).deposit(ada, hers, "5.00")
    said = later.read(lambda session: session.execute(select(AuditRecord.action)).scalars().all())
    assert timekeeping.ACCEPTED in said


def test_a_bank_that_was_off_for_a_month_goes_on_by_itself(another, counter, ada, accounts, wrong, sqlite_db):
    hers, _ = accounts
    wrong(timedelta(days=31))
    type(counter)(another()).deposit(ada, hers, "5.00")


def test_a_bank_that_runs_and_is_not_used_for_long_goes_on_by_itself(sqlite_db, counter, ada, accounts, monkeypatch):
    """Its clock went on all the time: it was not set."""
    hers, _ = accounts
    counter.deposit(ada, hers, "1.00")
    counted, right = timekeeping.time.monotonic, clock.now
    monkeypatch.setattr(clock, "now", lambda: right() + AHEAD)
    monkeypatch.setattr(timekeeping.time, "monotonic", lambda: counted() + AHEAD.total_seconds())
    counter.deposit(ada, hers, "5.00")


def test_no_word_helps_a_clock_that_is_not_the_servers(mariadb_db, accounts, wrong):
    wrong(AHEAD)
    with pytest.raises(errors.ClockWrong, match="400 days ahead of"):
        timekeeping.accept(mariadb_db)


def test_no_hold_is_over_by_a_clock_that_is_wrong(mariadb_db, accounts, wrong):
    hers, _ = accounts
    wrong(AHEAD)
    with pytest.raises(errors.ClockWrong):
        mariadb_db.unit_of_work(lambda session: ledger.lock(session, [hers.id]))


def test_comparing_costs_a_busy_bank_one_statement_in_seconds(mariadb_db, counter, ada, accounts, monkeypatch):
    hers, _ = accounts
    asked = []
    real = timekeeping._compare
    monkeypatch.setattr(timekeeping, "_EVERY_SECONDS", 3600.0)
    monkeypatch.setattr(timekeeping, "_JUMP", timedelta(hours=1))
    monkeypatch.setattr(timekeeping, "_compare", lambda *args, **more: asked.append(1) or real(*args, **more))
    for _ in range(5):
        counter.deposit(ada, hers, "1.00")
    assert asked == []


# --- what a wrong clock has dated -----------------------------------------------------------------------


def test_what_follows_an_entry_dated_ahead_is_dated_now_on_both_sides(db, counter, ada, ben, poisoned):
    hers, his = poisoned
    counter.transfer(ada, hers, his, "30.00")
    counter.transfer(ben, his, hers, "1.00")
    mine = entries(db, ada, hers)
    assert [entry.amount_minor for entry in mine] == [100, 3000, 1000, 10000]
    assert [near_now(entry.created_at) for entry in mine] == [True, True, False, True]
    assert all(near_now(entry.created_at) for entry in entries(db, ben, his))
    steps = db.read(lambda session: session.execute(select(CLOCK_STEPS)).all())
    hers_only = [(step.account_id, step.sequence) for step in steps if step.account_id == hers.id]
    assert hers_only == [(hers.id, 3)]
    assert integrity.check(db).violations == ()


def test_a_balance_at_a_moment_is_that_of_the_newest_entry_until_then(db, counter, ada, poisoned):
    hers, his = poisoned
    beginning = clock.now()
    counter.transfer(ada, hers, his, "30.00")
    moments = [
        (beginning - timedelta(days=1), 0, 0),
        (beginning, 10000, 1),
        (clock.now(), 8000, 3),
        (clock.now() + AHEAD * 2, 8000, 3),
    ]
    for at, balance, sequence in moments:
        found = db.read(lambda session, at=at: history.balance_at(session, ada, hers.id, at=at))
        assert (found.balance_minor, found.sequence) == (balance, sequence)


def test_balances_at_every_moment_agree_with_reading_the_entries_one_by_one(db, counter, ada, accounts):
    hers, his = accounts
    start = clock.now()
    for days in (1, 400, 2, 3, 390, 391, 4, 5, 6, 398, 7):
        with clock.moved_to(start + timedelta(days=days)):
            counter.deposit(ada, hers, f"{days}.00")
            counter.transfer(ada, hers, his, "1.00")
    listed = entries(db, ada, hers)
    for days in (0, 1, 2, 3, 4, 6, 7, 8, 389, 390, 391, 395, 398, 399, 400, 500):
        at = start + timedelta(days=days, minutes=1)
        found = db.read(lambda session, at=at: history.balance_at(session, ada, hers.id, at=at))
        expected = next((entry for entry in listed if entry.created_at <= at), None)
        assert found.sequence == (expected.sequence if expected else 0)
        assert found.balance_minor == (expected.balance_after_minor if expected else 0)


def test_statements_show_what_was_posted_in_their_month_and_join(db, counter, ada, accounts, entries_of):
    hers, his = accounts
    march = datetime(2027, 3, 10, 12, tzinfo=UTC)
    with clock.moved_to(march):
        counter.deposit(ada, hers, "1.00")
    with clock.moved_to(march + AHEAD):
        counter.deposit(ada, hers, "10.00")
    for days in (1, 40, 450):
        with clock.moved_to(march + timedelta(days=days)):
            counter.transfer(ada, hers, his, f"{days // 10 + 1}.00")
    with clock.moved_to(march + timedelta(days=500)):
        months = db.read(lambda session: statements.months(session, ada, hers.id))
        assert all(month.adds_up for month in months)
        by_key = {month.key: month for month in months}
        assert (by_key["2027-03"].entries, by_key["2027-04"].entries, by_key["2028-04"].entries) == (3, 1, 0)
        read = [
            db.read(lambda session, m=month: statements.period(session, ada, hers.id, start=m.start, end=m.end))
            for month in reversed(months)
        ]
    for month, sealed in zip(reversed(months), read, strict=True):
        found = sealed.statement
        assert (found.opening_minor, found.closing_minor) == (month.opening_minor, month.closing_minor)
        assert found.count == month.entries
    assert [entry.sequence for sealed in read for entry in entries_of(ada, sealed.statement)] == [1, 2, 3, 4, 5, 6]


def test_the_statement_of_this_month_has_what_a_clock_ahead_dated_in_it(db, ada, poisoned, entries_of):
    hers, _ = poisoned
    start = clock.now().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    end = (start + timedelta(days=32)).replace(day=1)
    found = db.read(lambda session: history.statement(session, ada, hers.id, start=start, end=end))
    assert [entry.amount_minor for entry in entries_of(ada, found)] == [10000, 1000]
    assert found.closing_minor == 11000


def test_the_chart_ends_with_the_balance_of_now(db, counter, ada, poisoned):
    hers, his = poisoned
    steps = db.read(lambda session: history.balance_steps(session, ada, account_id=hers.id))
    assert steps[-1].balance_minor == 11000
    assert steps[-1].at <= clock.now()
    counter.transfer(ada, hers, his, "30.00")
    steps = db.read(lambda session: history.balance_steps(session, ada, account_id=hers.id))
    assert [step.balance_minor for step in steps] == [0, 10000, 8000]


def test_a_daily_limit_is_that_of_the_true_day(db, counter, ada, accounts):
    hers, his = accounts
    db.unit_of_work(
        lambda session: session.execute(update(ACCOUNTS).where(ACCOUNTS.c.id == hers.id).values(daily_limit=3000))
    )
    with clock.moved_to(clock.now() + AHEAD):
        counter.transfer(ada, hers, his, "30.00")
    counter.transfer(ada, hers, his, "20.00")
    seen = db.read(lambda session: cautions.limits_of(session, accounts_room.get_account(session, ada, hers.id)))
    assert seen.used_today_minor == 2000
    with pytest.raises(errors.LimitExceeded):
        counter.transfer(ada, hers, his, "10.01")
    with clock.moved_to(clock.now() + timedelta(days=1)):
        counter.transfer(ada, hers, his, "30.00")


# --- saying so ------------------------------------------------------------------------------------------


def test_a_check_names_what_is_dated_ahead_and_finds_no_rule_broken(db, poisoned):
    report = integrity.check(db)
    assert report.ok
    # The entry and its other side, on the cash account.
    assert report.dated_ahead == 2
    assert f"posting {poisoned[0].number}-2" in {one.subject for one in report.ahead}


def test_an_operator_is_told_on_health(db, teller, poisoned):
    found = timekeeping.compare(db)
    assert found.accounts_ahead == 2
    assert "dated" in found.caution
    assert not found.wrong


@pytest.mark.books_are_broken_on_purpose
def test_a_note_of_a_step_that_was_none_is_found(db, ada, accounts):
    hers, _ = accounts
    noted = {"account_id": hers.id, "sequence": 1, "created_at": clock.now(), "dated_before": clock.now() + AHEAD}
    db.unit_of_work(lambda session: session.execute(CLOCK_STEPS.insert().values(**noted)))
    assert [violation.invariant for violation in integrity.check(db).violations] == [4]
