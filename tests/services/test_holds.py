"""Holds: money set aside, moved, set free, or free by itself at a moment; never spent twice."""

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import func, select

from bank_app import clock, errors
from bank_app.domain import money
from bank_app.domain.accounting import AccountStatus, FrozenFor, HoldState
from bank_app.models import Hold, IdempotencyKey, Transaction
from bank_app.services import accounts, holds, ledger

WEEK = timedelta(days=7)


@pytest.fixture
def hers(counter, ada):
    return counter.open(ada, "100.00")


@pytest.fixture
def his(counter, ben):
    return counter.open(ben)


@pytest.fixture
def figures(counter):
    """Booked, held and available, as `100.00 30.00 70.00`."""

    def of(account):
        view = counter.account(account)
        code = view.currency
        parts = (view.balance_minor, view.held_minor, view.available_minor)
        return " ".join(money.to_text(part, code) for part in parts)

    return of


@pytest.fixture
def now_of(db):
    """A hold as its reader sees it now."""
    return lambda actor, held: db.read(lambda session: holds.get_hold(session, actor, held.hold.id))


@pytest.fixture
def stored(db):
    """How a column of a row is stored, whatever the time is."""

    def read(model, column):
        return db.read(lambda session: session.execute(select(getattr(model, column))).scalars().all())

    return read


def refused(error, attempt):
    with pytest.raises(error) as refusal:
        attempt()
    return refusal.value


# --- placing ------------------------------------------------------------------------------------------


def test_a_hold_sets_money_aside_and_moves_none(counter, ada, hers, his, figures):
    placed = counter.hold(ada, hers, "30.00", to=his, description=" Hotel ")
    hold = placed.hold
    assert (hold.account_id, hold.to_account_id, hold.amount_minor, hold.currency) == (
        hers.number, his.number, 3000, "USD",
    )  # fmt: skip
    assert (hold.state, hold.captured_minor, hold.transaction_id, hold.closed_at) == (HoldState.OPEN, None, None, None)
    assert (hold.description, hold.expires_at - hold.created_at, placed.replayed) == ("Hotel", WEEK, False)
    assert figures(hers) == "100.00 30.00 70.00"
    assert figures(his) == "0.00 0.00 0.00"


def test_what_is_held_cannot_be_spent_or_held_again_and_the_refusal_says_what_holds_it(counter, ada, hers, his):
    small = counter.hold(ada, hers, "10.00", expires_in=60).hold
    large = counter.hold(ada, hers, "60.00", to=his).hold
    for attempt in (
        lambda: counter.withdraw(ada, hers, "30.01"),
        lambda: counter.transfer(ada, hers, his, "30.01"),
        lambda: counter.hold(ada, hers, "30.01"),
    ):
        refusal = refused(errors.InsufficientFunds, attempt)
        assert refusal.details == {
            "account_id": hers.number, "available": "30.00", "shortfall": "0.01", "currency": "USD",
            "balance": "100.00", "held": "70.00", "overdraft_limit": "0.00",
            "holds": [
                {"id": str(large.id), "amount": "60.00", "expires_at": clock.to_text(large.expires_at)},
                {"id": str(small.id), "amount": "10.00", "expires_at": clock.to_text(small.expires_at)},
            ],
        }  # fmt: skip
        until = f"{large.expires_at:%Y-%m-%d %H:%M}"
        assert refusal.detail == (
            f"Account {hers.number} has 30.00 USD available; 30.01 is needed."
            f" 70.00 is held: the largest hold is 60.00 until {until} UTC."
        )
    counter.withdraw(ada, hers, "30.00")


def test_a_refusal_names_the_three_largest_holds(counter, ada, hers):
    for amount in ("1.00", "5.00", "2.00", "4.00", "3.00"):
        counter.hold(ada, hers, amount)
    refusal = refused(errors.InsufficientFunds, lambda: counter.withdraw(ada, hers, "100.00"))
    assert [hold["amount"] for hold in refusal.details["holds"]] == ["5.00", "4.00", "3.00"]


def test_an_overdraft_limit_can_be_held(counter, ada, teller, hers, figures):
    counter.change(teller, hers, overdraft_limit="50.00")
    counter.hold(ada, hers, "150.00")
    assert figures(hers) == "100.00 150.00 0.00"
    refusal = refused(errors.InsufficientFunds, lambda: counter.change(teller, hers, overdraft_limit="49.99"))
    assert (refusal.details["shortfall"], refusal.details["held"]) == ("0.01", "150.00")


def test_an_amount_and_a_time_out_of_range_are_refused(counter, ada, hers, his):
    for seconds in (0, -1, 31_536_001):
        error = refused(errors.Invalid, lambda: counter.hold(ada, hers, "1.00", expires_in=seconds))  # noqa: B023
        assert error.details["errors"][0]["field"] == "expires_in"
    refused(errors.InvalidAmount, lambda: counter.hold(ada, hers, "1.001"))
    refused(errors.SameAccount, lambda: counter.hold(ada, hers, "1.00", to=hers))
    refused(errors.CurrencyMismatch, lambda: counter.hold(ada, hers, "1.00", to=counter.open(ada, currency="EUR")))
    hold = counter.hold(ada, hers, "1.00", expires_in=31_536_000).hold
    assert hold.expires_at - hold.created_at == timedelta(days=365)


# --- capturing ----------------------------------------------------------------------------------------


def test_a_capture_moves_the_money_to_the_account_that_the_hold_names(counter, db, ada, hers, his, figures, now_of):
    placed = counter.hold(ada, hers, "30.00", to=his, description="Hotel")
    captured = counter.capture(ada, placed).hold
    assert (captured.state, captured.captured_minor) == (HoldState.CAPTURED, 3000)
    assert figures(hers) == "70.00 0.00 70.00"
    assert figures(his) == "30.00 0.00 30.00"
    posted = db.read(lambda session: ledger.load(session, [captured.transaction_id]))[captured.transaction_id]
    assert (posted.type, posted.amount_minor, posted.description) == ("transfer", 3000, "Hotel")
    assert [side.account_id for side in posted.postings] == [hers.id, his.id]
    assert captured.closed_at == posted.created_at
    assert now_of(ada, placed) == captured


def test_a_capture_of_a_part_releases_the_rest_in_the_same_unit_of_work(counter, ada, hers, his, figures):
    captured = counter.capture(ada, counter.hold(ada, hers, "30.00", to=his), "12.34").hold
    assert (captured.state, captured.amount_minor, captured.captured_minor) == (HoldState.CAPTURED, 3000, 1234)
    assert figures(hers) == "87.66 0.00 87.66"
    assert figures(his) == "12.34 0.00 12.34"


def test_a_hold_without_a_receiver_is_captured_in_cash(counter, db, ada, hers, figures):
    captured = counter.capture(ada, counter.hold(ada, hers, "30.00")).hold
    posted = db.read(lambda session: ledger.load(session, [captured.transaction_id]))[captured.transaction_id]
    assert posted.type == "withdraw"
    assert figures(hers) == "70.00 0.00 70.00"


def test_everything_there_is_can_be_held_and_captured(counter, ada, hers, his, figures):
    counter.capture(ada, counter.hold(ada, hers, "100.00", to=his))
    assert figures(hers) == "0.00 0.00 0.00"


def test_more_than_the_hold_is_not_captured_and_the_hold_stays(counter, ada, hers, his, figures):
    placed = counter.hold(ada, hers, "30.00", to=his)
    for amount in ("30.01", "1.001", "0"):
        refused(errors.InvalidAmount, lambda: counter.capture(ada, placed, amount, key="k"))  # noqa: B023
    assert figures(hers) == "100.00 30.00 70.00"
    counter.capture(ada, placed, "30.00", key="k")


# --- releasing, and what is over ----------------------------------------------------------------------


def test_a_release_sets_the_money_free(counter, ada, hers, figures, now_of):
    placed = counter.hold(ada, hers, "30.00")
    released = counter.release(ada, placed).hold
    assert (released.state, released.captured_minor, released.transaction_id) == (HoldState.RELEASED, None, None)
    assert released.closed_at is not None
    assert figures(hers) == "100.00 0.00 100.00"
    assert now_of(ada, placed) == released


@pytest.mark.parametrize("first", ["capture", "release"])
@pytest.mark.parametrize("then", ["capture", "release"])
def test_a_hold_is_closed_once(counter, ada, hers, figures, first, then):
    placed = counter.hold(ada, hers, "30.00")
    getattr(counter, first)(ada, placed)
    before = figures(hers)
    refusal = refused(errors.HoldNotOpen, lambda: getattr(counter, then)(ada, placed))
    assert refusal.details == {"hold_id": str(placed.hold.id), "hold_status": f"{first}d".replace("ee", "e")}
    assert refusal.detail == f"This hold was already {refusal.details['hold_status']}."
    assert figures(hers) == before


# --- expiry -------------------------------------------------------------------------------------------


def test_a_hold_expires_exactly_at_its_expiry_though_nothing_ran(counter, ada, hers, figures, now_of, stored):
    placed = counter.hold(ada, hers, "30.00", expires_in=3600)
    end = placed.hold.expires_at
    with clock.moved_to(end - timedelta(microseconds=1)):
        assert (figures(hers), now_of(ada, placed).state) == ("100.00 30.00 70.00", HoldState.OPEN)
        refused(errors.InsufficientFunds, lambda: counter.withdraw(ada, hers, "70.01"))
    with clock.moved_to(end):
        assert figures(hers) == "100.00 0.00 100.00"
        seen = now_of(ada, placed)
        assert (seen.state, seen.closed_at) == (HoldState.EXPIRED, end)
        assert stored(Hold, "state") == ["open"]
        counter.withdraw(ada, hers, "100.00")
        assert stored(Hold, "state") == ["expired"]
        assert now_of(ada, placed) == seen
        assert figures(hers) == "0.00 0.00 0.00"


@pytest.mark.parametrize("attempt", ["capture", "release"])
def test_an_expired_hold_is_neither_captured_nor_released(counter, ada, hers, stored, attempt):
    placed = counter.hold(ada, hers, "30.00", expires_in=60)
    with clock.moved_to(placed.hold.expires_at):
        refusal = refused(errors.HoldNotOpen, lambda: getattr(counter, attempt)(ada, placed))
    assert (refusal.details["hold_status"], refusal.detail) == ("expired", "This hold has expired.")
    assert stored(Hold, "closed_at") == [placed.hold.expires_at]


def test_in_the_last_microsecond_it_is_still_captured(counter, ada, hers, his):
    placed = counter.hold(ada, hers, "30.00", to=his, expires_in=60)
    with clock.moved_to(placed.hold.expires_at - timedelta(microseconds=1)):
        assert counter.capture(ada, placed).hold.state is HoldState.CAPTURED


def test_only_what_is_due_is_set_free(counter, ada, hers, figures, db):
    first = counter.hold(ada, hers, "10.00", expires_in=60).hold
    counter.hold(ada, hers, "20.00", expires_in=120)
    counter.hold(ada, hers, "30.00")
    with clock.moved_to(first.expires_at):
        assert figures(hers) == "100.00 50.00 50.00"
        counter.deposit(ada, hers, "1.00")
        assert figures(hers) == "101.00 50.00 51.00"
        refusal = refused(errors.InsufficientFunds, lambda: counter.withdraw(ada, hers, "60.00"))
        assert [hold["amount"] for hold in refusal.details["holds"]] == ["30.00", "20.00"]
        assert refusal.details["held"] == "50.00"


def test_lists_and_own_accounts_leave_out_what_is_due(counter, db, ada, teller, hers):
    placed = counter.hold(ada, hers, "30.00", expires_in=60)
    with clock.moved_to(placed.hold.expires_at):
        own = db.read(lambda session: accounts.own_accounts(session, ada))
        page = db.read(lambda session: accounts.list_accounts(session, teller)).items
        assert [(view.held_minor, view.available_minor) for view in (*own, *page)] == [(0, 10_000)] * 2


def test_money_that_came_free_by_itself_pays_a_limit_or_closes_an_account(counter, ada, ben, teller, hers, his):
    """Changing an account asks under the same lock, so due holds are gone there too."""
    counter.change(teller, hers, overdraft_limit="50.00")
    placed = counter.hold(ada, hers, "150.00", expires_in=60)
    with clock.moved_to(placed.hold.expires_at):
        assert counter.change(teller, hers, overdraft_limit="0").available_minor == 10_000
    counter.deposit(ben, his, "5.00")
    placed = counter.hold(ben, his, "5.00", expires_in=60)
    with clock.moved_to(placed.hold.expires_at + timedelta(hours=1)):
        counter.withdraw(ben, his, "5.00")
        counter.change(teller, his, status=AccountStatus.CLOSED)


def test_many_due_holds_are_closed_together(counter, ada, hers, figures, stored):
    ends = [counter.hold(ada, hers, "1.00", expires_in=60).hold.expires_at for _ in range(20)]
    with clock.moved_to(max(ends)):
        counter.withdraw(ada, hers, "1.00")
    assert sorted(stored(Hold, "closed_at")) == sorted(ends)
    assert figures(hers) == "99.00 0.00 99.00"


# --- the state of accounts ----------------------------------------------------------------------------


def test_a_frozen_account_places_and_captures_nothing_and_releases(counter, ada, teller, hers, his, figures):
    placed, other = counter.hold(ada, hers, "30.00", to=his), counter.hold(ada, hers, "5.00")
    counter.change(teller, hers, status=AccountStatus.FROZEN, frozen_for=FrozenFor.DEBITS)
    refused(errors.AccountFrozen, lambda: counter.hold(ada, hers, "1.00"))
    refused(errors.AccountFrozen, lambda: counter.capture(ada, placed))
    counter.release(ada, other)
    assert figures(hers) == "100.00 30.00 70.00"


def test_a_receiver_that_can_receive_no_more_keeps_the_hold_open(counter, ada, teller, hers, his, now_of):
    placed = counter.hold(ada, hers, "30.00", to=his)
    counter.change(teller, his, status=AccountStatus.CLOSED)
    refusal = refused(errors.AccountClosed, lambda: counter.capture(ada, placed))
    assert refusal.detail == "The receiving account can't receive money right now."
    assert now_of(ada, placed).state is HoldState.OPEN


def test_an_account_with_open_holds_is_not_closed(counter, ada, teller, hers):
    counter.change(teller, hers, overdraft_limit="50.00")
    placed = counter.hold(ada, hers, "10.00")
    counter.withdraw(ada, hers, "100.00")
    refusal = refused(errors.AccountNotEmpty, lambda: counter.change(teller, hers, status=AccountStatus.CLOSED))
    assert refusal.details == {"balance": "0.00", "held": "10.00", "currency": "USD"}
    assert refusal.detail == "The account still has open holds; release them first."
    counter.release(ada, placed)
    counter.change(teller, hers, status=AccountStatus.CLOSED)


# --- who ----------------------------------------------------------------------------------------------


def test_somebody_elses_hold_is_not_found_whatever_is_asked(counter, db, ada, ben, eve, hers, his):
    placed = counter.hold(ada, hers, "30.00", to=his)
    for stranger in (eve, ben):
        for attempt in (
            lambda: counter.capture(stranger, placed),  # noqa: B023
            lambda: counter.capture(stranger, placed, "99.00"),  # noqa: B023
            lambda: counter.release(stranger, placed),  # noqa: B023
            lambda: db.read(lambda session: holds.get_hold(session, stranger, placed.hold.id)),  # noqa: B023
        ):
            told = refused(errors.HoldNotFound, attempt)
            assert told.detail == "There is no hold with this id that you can use."
        refused(errors.AccountNotFound, lambda: counter.hold(stranger, hers, "1.00"))  # noqa: B023
        refused(
            errors.AccountNotFound,
            lambda: db.read(lambda session: holds.list_holds(session, stranger, account_id=hers.id)),  # noqa: B023
        )


def test_a_hold_that_does_not_exist_is_not_found_and_not_recorded(counter, db, ada, hers):
    for movement in (holds.CaptureHold(uuid4()), holds.ReleaseHold(uuid4())):
        refused(errors.HoldNotFound, lambda: holds.move(db, ada, movement, key="k"))  # noqa: B023
    refused(errors.HoldNotFound, lambda: db.read(lambda session: holds.get_hold(session, ada, uuid4())))
    counter.hold(ada, hers, "1.00", key="k")


def test_a_teller_acts_on_every_hold_and_an_auditor_reads_only(counter, db, ada, teller, auditor, hers, his, now_of):
    placed = counter.hold(teller, hers, "30.00", to=his)
    assert now_of(auditor, placed).amount_minor == 3000
    for attempt in (
        lambda: counter.hold(auditor, hers, "1.00"),
        lambda: counter.capture(auditor, placed),
        lambda: counter.release(auditor, placed),
    ):
        refused(errors.Forbidden, attempt)
    counter.capture(teller, placed)
    counter.release(teller, counter.hold(ada, hers, "5.00"))


def test_a_customer_captures_no_cash_where_tellers_handle_it(counter, db, ada, teller, hers, his, another):
    elsewhere = another(self_service_cash=False)
    placed = counter.hold(ada, hers, "5.00")
    assert refused(errors.Forbidden, lambda: holds.move(elsewhere, ada, holds.CaptureHold(placed.hold.id)))
    holds.move(elsewhere, ada, holds.CaptureHold(counter.hold(ada, hers, "5.00", to=his).hold.id))
    holds.move(elsewhere, teller, holds.CaptureHold(placed.hold.id))


# --- keys ---------------------------------------------------------------------------------------------


def count(db, model):
    return db.read(lambda session: session.execute(select(func.count()).select_from(model)).scalar_one())


def test_every_key_gives_its_first_answer_for_ever(counter, db, ada, hers, his):
    """A place that is replayed later still says open, whatever became of the hold."""
    movement = {"to": his, "description": "Hotel", "key": "place"}
    placed = counter.hold(ada, hers, "30.00", **movement)
    captured = counter.capture(ada, placed, "20.00", key="capture")
    other = counter.hold(ada, hers, "5.00", expires_in=60, key="other")
    released = counter.release(ada, counter.hold(ada, hers, "7.00", key="third"), key="release")
    with clock.moved_to(other.hold.expires_at + timedelta(days=30)):
        again = [
            counter.hold(ada, hers, "30.00", **movement),
            counter.capture(ada, placed, "20.00", key="capture"),
            counter.hold(ada, hers, "5.00", expires_in=60, key="other"),
            counter.release(ada, released, key="release"),
            counter.hold(ada, hers, "7.00", key="third"),
        ]
    assert [answer.hold for answer in again[:4]] == [placed.hold, captured.hold, other.hold, released.hold]
    assert [answer.hold.state for answer in again] == [
        HoldState.OPEN, HoldState.CAPTURED, HoldState.OPEN, HoldState.RELEASED, HoldState.OPEN,
    ]  # fmt: skip
    assert all(answer.replayed for answer in again)
    assert not any(answer.replayed for answer in (placed, captured, other, released))
    assert (count(db, Hold), count(db, Transaction), count(db, IdempotencyKey)) == (3, 2, 5)


@pytest.mark.parametrize("attempt", ["hold", "capture", "release"])
def test_a_refusal_is_recorded_with_its_facts(counter, ada, teller, hers, attempt):
    placed = counter.hold(ada, hers, "30.00")
    calls = {
        "hold": lambda: counter.hold(ada, hers, "80.00", key="k"),
        "capture": lambda: counter.capture(ada, placed, key="k"),
        "release": lambda: counter.release(ada, placed, key="k"),
    }
    if attempt != "hold":
        counter.release(ada, placed)
    first = refused(errors.Refused, calls[attempt])
    counter.deposit(ada, hers, "1000.00")
    again = refused(errors.Refused, calls[attempt])
    assert (first.replayed, again.replayed) == (False, True)
    assert (type(again), again.detail, again.details) == (type(first), first.detail, first.details)


def test_a_key_is_of_one_request_only(counter, ada, hers, his):
    placed = counter.hold(ada, hers, "30.00", key="k")
    for attempt in (
        lambda: counter.hold(ada, hers, "30.01", key="k"),
        lambda: counter.hold(ada, hers, "30.00", expires_in=60, key="k"),
        lambda: counter.hold(ada, hers, "30.00", to=his, key="k"),
        lambda: counter.capture(ada, placed, key="k"),
        lambda: counter.release(ada, placed, key="k"),
        lambda: counter.withdraw(ada, hers, "30.00", key="k"),
    ):
        refused(errors.IdempotencyKeyReused, attempt)
    assert counter.hold(ada, hers, "30.00", expires_in=604_800, key="k").replayed


# --- lists --------------------------------------------------------------------------------------------


def test_holds_are_listed_by_newest_in_the_state_that_they_are_in_now(counter, db, ada, ben, auditor, hers, his):
    counter.deposit(ben, his, "50.00")
    released = counter.release(ada, counter.hold(ada, hers, "1.00"))
    captured = counter.capture(ada, counter.hold(ada, hers, "2.00"))
    short = counter.hold(ada, hers, "3.00", expires_in=60)
    open_one = counter.hold(ada, hers, "4.00")
    bens = counter.hold(ben, his, "5.00")

    def ids(actor, **narrow):
        return [view.id for view in db.read(lambda session: holds.list_holds(session, actor, **narrow)).items]

    newest = [item.hold.id for item in (open_one, short, captured, released)]
    with clock.moved_to(short.hold.expires_at):
        assert ids(ada) == newest
        assert ids(ada, account_id=hers.id) == newest
        assert ids(auditor) == [bens.hold.id, *newest]
        for state, expected in zip(("open", "expired", "captured", "released"), newest, strict=True):
            assert ids(ada, state=HoldState(state)) == [expected]
        seen = db.read(lambda session: holds.list_holds(session, ada)).items
        assert [view.state.value for view in seen] == ["open", "expired", "captured", "released"]


def test_a_list_is_read_page_by_page(counter, db, ada, hers):
    made = [counter.hold(ada, hers, "1.00").hold.id for _ in range(5)]
    cursor, found = None, []
    for _ in range(3):
        page = db.read(lambda session: holds.list_holds(session, ada, limit=2, cursor=cursor))  # noqa: B023
        found += [view.id for view in page.items]
        cursor = page.next_cursor
    assert (found, cursor) == (made[::-1], None)
    for bad in ("nonsense", "bm9uc2Vuc2U"):
        refused(errors.Invalid, lambda: db.read(lambda session: holds.list_holds(session, ada, cursor=bad)))  # noqa: B023
