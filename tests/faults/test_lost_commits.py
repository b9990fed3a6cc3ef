"""COMMIT was sent and no answer came: there is exactly one effect, and the bank says what is true."""

import pytest
from sqlalchemy import func, select

from bank_app import errors
from bank_app.domain import money
from bank_app.domain.accounting import HoldState
from bank_app.models import AuditRecord, Transaction
from bank_app.services import accounts, auth, holds, openings, transfers

LOSE_THE_ANSWER, DO_NOT_DELIVER = "lose the answer", "do not deliver"
either = pytest.mark.parametrize("fault", [LOSE_THE_ANSWER, DO_NOT_DELIVER])


@pytest.fixture
def hers(counter, ada):
    return counter.open(ada, "100.00")


@pytest.fixture
def his(counter, ben):
    return counter.open(ben)


def count(db, query):
    return db.read(lambda session: session.execute(query).scalar_one())


def transfer(hers, his, amount="10.00"):
    return transfers.Transfer(hers.id, his.id, money.Amount.of(amount))


@either
@pytest.mark.parametrize("key", ["rent", None])
def test_a_transfer_whose_commit_was_lost_is_there_once(behind, wire, counter, ada, hers, his, fault, key):
    wire.faults = [fault]
    moved = transfers.move(behind, ada, transfer(hers, his), key=key)
    assert wire.faults == []
    assert (counter.balance(hers), counter.balance(his)) == ("90.00", "10.00")
    assert count(counter.db, select(func.count()).select_from(Transaction)) == 2
    found = counter.db.read(lambda session: transfers.get_transaction(session, ada, moved.transaction.id))
    assert found.hash == moved.transaction.hash


@either
def test_an_account_whose_commit_was_lost_is_opened_once(behind, wire, counter, ada, fault):
    """With a key. Without one nobody could tell it from another of the same person."""
    opening = openings.Opening(initial_balance="5.00")
    wire.faults = [fault]
    opened = openings.open_account(behind, ada, opening, key="k")
    assert (wire.faults, opened.replayed) == ([], False)
    assert count(counter.db, select(func.count()).select_from(Transaction)) == 1
    again = openings.open_account(behind, ada, opening, key="k")
    assert (again.replayed, again.account) == (True, opened.account)


@either
def test_a_commit_may_be_lost_again_and_again(behind, wire, counter, ada, hers, his, fault):
    wire.faults = [fault, fault, fault]
    transfers.move(behind, ada, transfer(hers, his), key="rent")
    assert counter.balance(hers) == "90.00"


@either
def test_a_refusal_whose_commit_was_lost_is_the_same_refusal(behind, wire, counter, ada, hers, his, fault):
    wire.faults = [fault]
    for replayed in (fault == LOSE_THE_ANSWER, True):
        with pytest.raises(errors.InsufficientFunds) as refusal:
            transfers.move(behind, ada, transfer(hers, his, "500.00"), key="rent")
        assert refusal.value.replayed == replayed


@either
@pytest.mark.parametrize("key", ["k", None])
def test_a_hold_whose_commit_was_lost_is_placed_captured_and_released_once(
    behind, wire, counter, ada, hers, his, fault, key
):
    def ask(movement, name):
        wire.faults = [fault]
        moved = holds.move(behind, ada, movement, key=key and name)
        assert wire.faults == []
        return moved

    placed = ask(holds.PlaceHold(hers.id, money.Amount.of("30.00"), his.id), "place")
    assert (placed.hold.state, placed.replayed) == (HoldState.OPEN, False)
    assert counter.account(hers).held_minor == 3000
    captured = ask(holds.CaptureHold(placed.hold.id, money.Amount.of("20.00")), "capture")
    assert (captured.hold.state, captured.hold.captured_minor, captured.replayed) == (HoldState.CAPTURED, 2000, False)
    released = ask(holds.ReleaseHold(counter.hold(ada, hers, "5.00").hold.id), "release")
    assert released.hold.state is HoldState.RELEASED
    after = counter.account(hers)
    assert (after.balance_minor, after.held_minor, counter.balance(his)) == (8000, 0, "20.00")


@either
def test_a_reversal_whose_commit_was_lost_is_in_the_audit_log_once(
    behind, wire, counter, ada, teller, hers, his, fault
):
    moved = counter.transfer(ada, hers, his, "10.00")
    wire.faults = [fault]
    transfers.move(behind, teller, transfers.Reverse(moved.transaction.id, "Mistake"))
    assert counter.balance(hers) == "100.00"
    assert count(counter.db, select(func.count()).where(AuditRecord.action == "transaction.reverse")) == 1


@either
def test_a_registration_whose_commit_was_lost_is_one_person_and_no_email_taken(behind, wire, fault):
    wire.faults = [fault]
    person = auth.register(behind, email="zoe@bank.test", name="Zoe", password="lantern-orchard-48-violin")
    assert behind.read(lambda session: auth.find(session, "zoe@bank.test")) == person


@either
def test_what_cannot_recognise_its_own_commit_is_unknown_and_says_so(behind, wire, ada, fault):
    wire.faults = [fault]
    with pytest.raises(errors.OutcomeUnknown) as unknown:
        behind.unit_of_work(lambda session: accounts.open_account(session, ada, settings=behind.settings))
    assert unknown.value.money_moved == "unknown"
    mine = behind.read(lambda session: accounts.own_accounts(session, ada))
    assert len(mine) == (1 if fault == LOSE_THE_ANSWER else 0)


@either
def test_when_the_database_stays_away_the_outcome_is_unknown_until_it_is_back(
    behind, wire, counter, ada, hers, his, fault
):
    wire.faults, wire.stays_away = [fault], True
    movement = transfer(hers, his)
    with pytest.raises(errors.OutcomeUnknown):
        transfers.move(behind, ada, movement, key="rent")
    wire.mend()
    known = transfers.outcome_of(behind, ada, movement, key="rent")
    assert (known is not None) == (fault == LOSE_THE_ANSWER)
    transfers.move(behind, ada, movement, key="rent")
    assert counter.balance(hers) == "90.00"


def test_a_wire_that_is_cut_before_anything_was_sent_moves_nothing(behind, wire, counter, ada, hers, his):
    wire.cut()
    with pytest.raises(errors.DatabaseUnavailable) as refusal:
        transfers.move(behind, ada, transfer(hers, his), key="rent")
    assert refusal.value.money_moved == "no"
    with pytest.raises(errors.DatabaseUnavailable):
        behind.ping()
    wire.mend()
    transfers.move(behind, ada, transfer(hers, his), key="rent")
    assert counter.balance(hers) == "90.00"


def test_a_connection_that_died_in_the_pool_is_not_noticed_by_who_asks_next(behind, wire, ada, hers):
    behind.ping()
    wire.cut()
    wire.mend()
    assert behind.read(lambda session: accounts.own_accounts(session, ada))[0].balance_minor == 10000
