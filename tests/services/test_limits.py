"""What an account may pay at once and in a day, and what the refusal says; overdraft limits from end to end."""

from datetime import UTC, datetime, timedelta

import pytest

from bank_app import clock, errors
from bank_app.domain.accounting import AccountKind, Direction, Draft, Leg, TransactionType
from bank_app.domain.identifiers import new_id
from bank_app.services import ledger

NOON = datetime(2031, 3, 14, 12, tzinfo=UTC)


@pytest.fixture
def hers(counter, ada):
    return counter.open(ada, "1000.00")


@pytest.fixture
def his(counter, ben):
    return counter.open(ben, "1000.00")


def refused(error, attempt):
    with pytest.raises(error) as refusal:
        attempt()
    return refusal.value


# --- at once ------------------------------------------------------------------------------------------


def test_more_than_may_leave_at_once_is_refused_with_the_figures(counter, ada, teller, hers, his):
    counter.change(teller, hers, transfer_limit="50.00")
    held = counter.hold(ada, hers, "50.00", to=his)
    for attempt in (
        lambda: counter.withdraw(ada, hers, "50.01"),
        lambda: counter.transfer(ada, hers, his, "50.01"),
        lambda: counter.hold(ada, hers, "50.01"),
        lambda: counter.withdraw(teller, hers, "50.01"),
    ):
        refusal = refused(errors.LimitExceeded, attempt)
        assert refusal.details == {
            "account_id": hers.number, "limit": "transfer", "limit_amount": "50.00", "used": "0.00",
            "remaining": "50.00", "currency": "USD",
        }  # fmt: skip
        assert refusal.detail == f"Account {hers.number} may pay 50.00 USD at once; this is 50.01."
    counter.transfer(ada, hers, his, "50.00")
    counter.change(teller, hers, transfer_limit="49.99")
    assert refused(errors.LimitExceeded, lambda: counter.capture(ada, held)).details["limit"] == "transfer"
    counter.capture(ada, held, "49.99")


def test_what_arrives_is_not_limited(counter, ada, ben, teller, hers, his):
    counter.change(teller, hers, transfer_limit="1.00", daily_limit="1.00")
    counter.deposit(ada, hers, "500.00")
    counter.transfer(ben, his, hers, "500.00")
    assert counter.balance(hers) == "2000.00"


def test_a_limit_of_zero_lets_nothing_leave_and_none_lets_everything(counter, ada, teller, hers):
    for name in ("transfer_limit", "daily_limit"):
        counter.change(teller, hers, **{name: "0"})
        assert refused(errors.LimitExceeded, lambda: counter.withdraw(ada, hers, "0.01"))
        view = counter.change(teller, hers, **{name: None})
        assert (view.transfer_limit_minor, view.daily_limit_minor) == (None, None)
    counter.withdraw(ada, hers, "1000.00")


# --- in a day -----------------------------------------------------------------------------------------


def test_a_day_counts_transfers_withdrawals_and_captures_together(counter, ada, teller, hers, his):
    counter.change(teller, hers, daily_limit="100.00")
    with clock.moved_to(NOON):
        counter.withdraw(ada, hers, "10.00")
        counter.transfer(ada, hers, his, "20.00")
        held = counter.hold(ada, hers, "80.00", to=his)
        counter.capture(ada, counter.hold(ada, hers, "30.00", to=his))
        for attempt in (
            lambda: counter.withdraw(ada, hers, "40.01"),
            lambda: counter.transfer(ada, hers, his, "40.01"),
            lambda: counter.capture(ada, held, "40.01"),
        ):
            refusal = refused(errors.LimitExceeded, attempt)
            assert refusal.details == {
                "account_id": hers.number, "limit": "daily", "limit_amount": "100.00", "used": "60.00",
                "remaining": "40.00", "currency": "USD",
            }  # fmt: skip
            assert refusal.detail == (
                f"Account {hers.number} may pay 100.00 USD in a day; this is 40.01."
                " 60.00 has left it today (UTC), so 40.00 can."
            )
        counter.capture(ada, held, "40.00")
        assert refused(errors.LimitExceeded, lambda: counter.withdraw(ada, hers, "0.01")).details["remaining"] == "0.00"


def test_the_day_ends_at_midnight_utc(counter, ada, teller, hers):
    counter.change(teller, hers, daily_limit="100.00")
    midnight = NOON.replace(hour=0) + timedelta(days=1)
    with clock.moved_to(midnight - timedelta(microseconds=1)):
        counter.withdraw(ada, hers, "100.00")
        refused(errors.LimitExceeded, lambda: counter.withdraw(ada, hers, "0.01"))
    with clock.moved_to(midnight):
        counter.withdraw(ada, hers, "100.00")
        refused(errors.LimitExceeded, lambda: counter.withdraw(ada, hers, "0.01"))


def test_a_clock_that_was_set_back_opens_no_second_day(counter, ada, teller, hers):
    counter.change(teller, hers, daily_limit="100.00")
    with clock.moved_to(NOON):
        counter.withdraw(ada, hers, "100.00")
    with clock.moved_to(NOON - timedelta(days=1)):
        refused(errors.LimitExceeded, lambda: counter.withdraw(ada, hers, "0.01"))


def test_reversals_are_exempt_and_do_not_count(counter, ada, ben, teller, hers, his):
    moved = counter.transfer(ada, hers, his, "500.00")
    counter.change(teller, his, transfer_limit="1.00", daily_limit="100.00")
    counter.reverse(teller, moved)
    assert counter.balance(his) == "1000.00"
    counter.change(teller, his, transfer_limit=None)
    counter.withdraw(ben, his, "100.00")
    refused(errors.LimitExceeded, lambda: counter.withdraw(ben, his, "0.01"))


def test_what_a_reversal_brought_back_still_left_that_day(counter, ada, teller, hers, his):
    counter.change(teller, hers, daily_limit="100.00")
    counter.reverse(teller, counter.transfer(ada, hers, his, "100.00"))
    refused(errors.LimitExceeded, lambda: counter.withdraw(ada, hers, "0.01"))


def test_a_limit_is_kept_within_one_unit_of_work(db, counter, ada, teller, hers, his, drafts_of):
    """Posted together, the later ones know what the earlier ones took."""
    counter.change(teller, hers, daily_limit="100.00")
    drafts = drafts_of(ada, hers, his, [4000, 4000, 4000, 2000, 1])
    outcomes = db.unit_of_work(lambda session: ledger.post(session, drafts))
    told = [outcome.error.details["used"] if isinstance(outcome, ledger.Refused) else "ok" for outcome in outcomes]
    assert told == ["ok", "ok", "80.00", "ok", "100.00"]


@pytest.fixture
def drafts_of():
    def make(actor, source, target, amounts):
        return [
            Draft(
                id=new_id(),
                type=TransactionType.TRANSFER,
                currency="USD",
                legs=(Leg(source.id, Direction.DEBIT, amount), Leg(target.id, Direction.CREDIT, amount)),
                actor_id=actor.user_id,
            )
            for amount in amounts
        ]

    return make


def test_a_refusal_by_a_limit_is_recorded_and_stays(counter, ada, teller, hers):
    counter.change(teller, hers, daily_limit="10.00")
    first = refused(errors.LimitExceeded, lambda: counter.withdraw(ada, hers, "10.01", key="k"))
    counter.change(teller, hers, daily_limit=None)
    again = refused(errors.LimitExceeded, lambda: counter.withdraw(ada, hers, "10.01", key="k"))
    assert (again.replayed, again.detail, again.details) == (True, first.detail, first.details)


def test_many_at_once_stay_within_the_day(counter, ada, teller, hers, at_once, codes):
    counter.change(teller, hers, daily_limit="50.00")
    answers = at_once(lambda _: counter.withdraw(ada, hers, "10.00"), 12)
    assert sorted(codes(answers)) == ["limit_exceeded"] * 7 + ["ok"] * 5
    assert counter.balance(hers) == "950.00"


# --- overdraft ----------------------------------------------------------------------------------------


def test_an_overdraft_limit_from_granting_to_taking_it_away(counter, ada, teller, his):
    account = counter.open(ada, kind=AccountKind.CHECKING)
    refusal = refused(errors.InsufficientFunds, lambda: counter.withdraw(ada, account, "0.01"))
    assert refusal.details["overdraft_limit"] == "0.00"
    assert counter.change(teller, account, overdraft_limit="100.00").available_minor == 10_000
    counter.transfer(ada, account, his, "60.00")
    refusal = refused(errors.InsufficientFunds, lambda: counter.withdraw(ada, account, "40.01"))
    told = [refusal.details[name] for name in ("balance", "held", "overdraft_limit", "available", "shortfall")]
    assert told == ["-60.00", "0.00", "100.00", "40.00", "0.01"]
    counter.hold(ada, account, "40.00")
    assert refused(errors.InsufficientFunds, lambda: counter.change(teller, account, overdraft_limit="99.99"))
    counter.deposit(ada, account, "100.00")
    assert counter.change(teller, account, overdraft_limit="0").available_minor == 0


def test_only_a_teller_sets_limits_and_says_why(counter, ada, auditor, teller, hers):
    for name in ("transfer_limit", "daily_limit", "overdraft_limit"):
        for actor in (ada, auditor):
            refused(errors.Forbidden, lambda: counter.change(actor, hers, **{name: "1.00"}))  # noqa: B023
        refused(errors.Invalid, lambda: counter.change(teller, hers, reason=None, **{name: "1.00"}))  # noqa: B023
        refused(errors.InvalidAmount, lambda: counter.change(teller, hers, **{name: "1.001"}))  # noqa: B023
