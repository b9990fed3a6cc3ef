"""Rows that others hold, deadlocks, killed connections: waited for, run again, or refused with nothing written."""

import threading
import time

import pymysql
import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import OperationalError

from bank_app import errors
from bank_app.domain import money
from bank_app.domain.accounting import Direction, Draft, Leg, TransactionType
from bank_app.domain.identifiers import new_id
from bank_app.services import ledger, transfers


@pytest.fixture
def hers(counter, ada):
    return counter.open(ada, "100.00")


@pytest.fixture
def his(counter, ben):
    return counter.open(ben)


@pytest.fixture
def faults(mariadb_db):
    """The numbers of the errors that the bank met on its way."""
    numbers = []

    def on_error(context):
        numbers.append(context.original_exception.args[0])

    event.listen(mariadb_db.writing, "handle_error", on_error)
    return numbers


def run(connection, statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()


def in_background(work):
    """A thread and, once it was joined, what it was told."""
    told = []

    def body():
        try:
            told.append(work())
        except errors.BankError as refusal:
            told.append(refusal)

    thread = threading.Thread(target=body)
    thread.start()
    return thread, told


def test_a_row_that_is_held_for_too_long_is_a_lock_timeout_and_nothing_is_written(
    mariadb_db, another, counter, ada, hers, his, foreign
):
    bank = another(lock_timeout=2)
    run(foreign, f"SELECT * FROM accounts WHERE id = {hers.id} FOR UPDATE")
    began = time.monotonic()
    with pytest.raises(errors.LockTimeout) as refusal:
        transfers.move(bank, ada, transfers.Transfer(hers.id, his.id, money.Amount.of("10.00")), key="k")
    waited = time.monotonic() - began
    assert 1 < waited < 2 + 1
    assert refusal.value.money_moved == "no"
    foreign.rollback()
    assert not counter.transfer(ada, hers, his, "10.00", key="k").replayed
    assert counter.balance(hers) == "90.00"


def test_a_lock_wait_that_times_out_halfway_leaves_no_half(another, counter, ada, hers, his, foreign):
    """InnoDB rolls back the statement only; what came before it in the unit of work must go too."""
    bank = another(lock_timeout=1)
    run(foreign, f"SELECT * FROM accounts WHERE id = {his.id} FOR UPDATE")

    def operation(session):
        session.execute(text(f"UPDATE accounts SET nickname = 'half' WHERE id = {hers.id}"))
        ledger.lock(session, [his.id])

    with pytest.raises(errors.LockTimeout):
        bank.unit_of_work(operation)
    assert counter.account(hers).nickname is None


def test_a_row_that_is_released_in_time_is_waited_for(mariadb_db, counter, ada, hers, his, foreign, waiting, until):
    run(foreign, f"SELECT * FROM accounts WHERE id = {hers.id} FOR UPDATE")
    thread, told = in_background(lambda: counter.transfer(ada, hers, his, "10.00"))
    until(lambda: waiting(mariadb_db))
    foreign.rollback()
    thread.join()
    assert told[0].transaction.amount_minor == 1000


def test_a_transfer_that_waits_for_a_row_holds_no_other(
    mariadb_db, counter, ada, hers, his, foreign, waiting, until, faults
):
    """So nobody can deadlock with it: here a foreigner takes the two rows in the wrong order."""
    low, high = sorted((hers, his), key=lambda account: account.id)
    run(foreign, f"UPDATE accounts SET nickname = 'theirs' WHERE id = {high.id}")
    thread, told = in_background(lambda: counter.transfer(ada, hers, his, "10.00", key="k"))
    until(lambda: waiting(mariadb_db))
    run(foreign, f"UPDATE accounts SET nickname = 'theirs' WHERE id = {low.id}")
    foreign.commit()
    thread.join()
    assert faults == []
    assert not told[0].replayed
    assert (counter.balance(hers), counter.account(hers).nickname) == ("90.00", "theirs")


def test_a_deadlock_is_run_again_and_the_caller_never_hears_of_it(
    mariadb_db, counter, ada, hers, his, foreign, waiting, until, faults
):
    low, high = sorted((hers, his), key=lambda account: account.id)
    # The heavier unit of work survives a deadlock; this one has changed a row, ours has only locked one.
    run(foreign, f"UPDATE accounts SET nickname = 'theirs' WHERE id = {high.id}")
    thread, told = in_background(
        lambda: mariadb_db.unit_of_work(lambda session: sorted(ledger.lock(session, [low.id, high.id])))
    )
    until(lambda: waiting(mariadb_db))
    run(foreign, f"UPDATE accounts SET nickname = 'theirs' WHERE id = {low.id}")
    foreign.commit()
    thread.join()
    assert faults == [1213]
    assert told == [[low.id, high.id]]


CHANGED_SINCE = "SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1020, MESSAGE_TEXT = 'Record has changed since last read'"


def test_a_row_that_changed_since_it_was_read_is_read_again_and_paid_from_once(
    mariadb_db, counter, ada, hers, his, faults
):
    """MariaDB from 11.6.2 on says so (innodb_snapshot_isolation) where others would have gone on with the old row."""
    draft = Draft(
        id=new_id(), type=TransactionType.TRANSFER, currency="USD", actor_id=ada.user_id,
        legs=(Leg(hers.id, Direction.DEBIT, 1000), Leg(his.id, Direction.CREDIT, 1000)),
    )  # fmt: skip
    attempts = []

    def operation(session):
        attempts.append(ledger.post(session, [draft]))
        if len(attempts) < 3:
            session.execute(text(CHANGED_SINCE))
        return attempts[-1]

    mariadb_db.unit_of_work(operation)
    assert (len(attempts), faults) == (3, [1020, 1020])
    assert counter.balance(hers) == "90.00"


def test_a_read_that_met_a_conflict_is_read_again(mariadb_db):
    attempts = []

    def operation(session):
        attempts.append(session)
        if len(attempts) == 1:
            session.execute(text(CHANGED_SINCE))
        return session.execute(text("SELECT 7")).scalar_one()

    assert mariadb_db.read(operation) == 7
    assert len(attempts) == 2


def test_a_connection_that_is_killed_while_it_waits_is_replaced_and_all_is_run_again(
    mariadb_db, counter, ada, hers, his, foreign, waiting, until, faults
):
    run(foreign, f"SELECT * FROM accounts WHERE id = {hers.id} FOR UPDATE")
    thread, told = in_background(lambda: counter.transfer(ada, hers, his, "10.00"))
    until(lambda: waiting(mariadb_db))
    [(victim,)] = run(
        foreign, "SELECT trx_mysql_thread_id FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'"
    )
    run(foreign, f"KILL {victim}")
    foreign.rollback()
    thread.join()
    assert faults[0] in (1927, 2006, 2013)
    assert told[0].transaction.amount_minor == 1000
    assert counter.balance(hers) == "90.00"


def test_a_connection_that_is_killed_after_the_postings_were_written_leaves_none_of_them(
    mariadb_db, counter, ada, hers, his, foreign, faults
):
    attempts = []
    draft = Draft(
        id=new_id(), type=TransactionType.TRANSFER, currency="USD", actor_id=ada.user_id,
        legs=(Leg(hers.id, Direction.DEBIT, 1000), Leg(his.id, Direction.CREDIT, 1000)),
    )  # fmt: skip

    def operation(session):
        outcomes = ledger.post(session, [draft])
        attempts.append(outcomes)
        if len(attempts) == 1:
            run(foreign, f"KILL {session.execute(text('SELECT CONNECTION_ID()')).scalar_one()}")
            session.execute(text("SELECT 1"))
        return outcomes

    [outcome] = mariadb_db.unit_of_work(operation)
    assert len(attempts) == 2
    assert faults[0] in (1927, 2006, 2013)
    assert not outcome.replayed
    assert counter.balance(hers) == "90.00"


def test_a_deadlock_that_comes_every_time_is_given_up_after_five(db, counter, ada):
    attempts = []
    error = pymysql.err.OperationalError(1213, "Deadlock found")

    def operation(session):
        attempts.append(session)
        raise OperationalError("SELECT 1", {}, error)

    if db.embedded:
        error.sqlite_errorname = "SQLITE_BUSY"
    with pytest.raises(errors.LockTimeout):
        db.unit_of_work(operation)
    assert len(attempts) == 5


def test_an_error_of_the_operation_itself_is_not_run_again(db):
    attempts = []

    def operation(session):
        attempts.append(session)
        raise errors.Forbidden

    with pytest.raises(errors.Forbidden):
        db.unit_of_work(operation)
    assert len(attempts) == 1


def test_a_server_that_became_read_only_takes_no_money_and_stays_up(mariadb_db, mariadb_server, counter, ada, hers):
    root = mariadb_server.connect_as_root()
    try:
        run(root, "SET GLOBAL read_only = 1")
        with pytest.raises(errors.DatabaseUnavailable):
            counter.deposit(ada, hers, "1.00")
        assert counter.balance(hers) == "100.00"
    finally:
        run(root, "SET GLOBAL read_only = 0")
        root.close()
    counter.deposit(ada, hers, "1.00")


# --- the embedded engine ------------------------------------------------------------------------------


def test_an_embedded_file_that_another_process_writes_is_a_lock_timeout(sqlite_db, another, counter, ada, hers):
    bank = another(lock_timeout=0.3)
    with sqlite_db.writing.connect() as foreign:
        foreign.execute(text("UPDATE users SET name = name"))
        with pytest.raises(errors.LockTimeout):
            transfers.move(bank, ada, transfers.Deposit(hers.id, money.Amount.of("1.00")))
        foreign.rollback()
    transfers.move(bank, ada, transfers.Deposit(hers.id, money.Amount.of("1.00")))
    assert counter.balance(hers) == "101.00"


def test_an_embedded_disk_that_is_full_takes_no_money_and_lets_people_read(sqlite_db, counter, ada, hers):
    def full(connection, _record, _proxy):
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")

    event.listen(sqlite_db.writing, "checkout", full)
    done, refusal = 0, None
    while refusal is None and done < 500:
        try:
            counter.deposit(ada, hers, "1.00", metadata={"n": "x" * 500})
            done += 1
        except errors.BankError as error:
            refusal = error
    assert (refusal.code, refusal.money_moved) == ("database_unavailable", "no")
    assert counter.account(hers).version == 1 + done


def test_embedded_threads_that_wait_too_long_for_their_turn_are_told(sqlite_db, another, ada):
    bank = another(lock_timeout=0.2)

    def operation(session):
        thread, told = in_background(lambda: bank.unit_of_work(str))
        thread.join()
        return told[0]

    assert bank.unit_of_work(operation).code == "lock_timeout"
