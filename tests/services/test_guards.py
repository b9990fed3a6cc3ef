"""What the database itself refuses, on both engines, to anybody who can write SQL."""

from datetime import timedelta

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import SQLModel

from bank_app import clock
from bank_app.database import Fault
from bank_app.domain.identifiers import new_id
from bank_app.models import IMMUTABLE_TABLES, AuditRecord, AuditSeal, BooksCheck, CustomerNote


@pytest.fixture
def books(db, counter, ada, ben, teller):
    """Rows in every immutable table, one account with money and one without."""
    hers, his = counter.open(ada, "100.00"), counter.open(ben)
    with clock.moved_to(clock.now() + timedelta(days=3)):
        counter.deposit(ada, hers, "1.00")
    counter.withdraw(ada, hers, "1.00")
    counter.transfer(ada, hers, his, "30.00", key="k")
    db.unit_of_work(lambda session: write_down(session, ada, teller))
    return hers, his


def write_down(session, ada, teller):
    """A row in each table that the movement above does not fill."""
    now = clock.now()
    record = session.execute(select(AuditRecord.id)).scalars().first()
    session.execute(insert(AuditSeal).values(number=1, record_id=record, hash=bytes(32), sealed_at=now))
    session.execute(insert(BooksCheck).values(id=new_id(), checked_at=now, ok=True, milliseconds=1, report={}))
    note = {"user_id": ada.user_id, "author_id": teller.user_id, "text": "called", "created_at": now}
    session.execute(insert(CustomerNote).values(id=new_id(), **note))


def run(db, statement, **values):
    with db.writing.connect() as connection:
        connection.execute(text(statement), values)
        connection.commit()


def refused(db, statement, **values):
    with pytest.raises(DBAPIError) as refusal:
        run(db, statement, **values)
    assert db.fault_of(refusal.value) is Fault.BROKEN
    return str(refusal.value.orig)


# --- history ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", IMMUTABLE_TABLES)
def test_history_is_not_updated(db, books, table):
    moment = {"audit_seals": "sealed_at", "books_checks": "checked_at"}.get(table, "created_at")
    assert "never changed or deleted" in refused(db, f"UPDATE {table} SET {moment} = {moment}")


@pytest.mark.parametrize("table", IMMUTABLE_TABLES)
def test_history_is_not_deleted(db, books, table):
    assert "never changed or deleted" in refused(db, f"DELETE FROM {table}")


def test_one_posting_is_not_touched_either(db, books):
    where = f"account_id = {books[0].id} AND sequence = 1"
    refused(db, f"UPDATE postings SET amount = 1 WHERE {where}")
    refused(db, f"DELETE FROM postings WHERE {where}")


def test_history_is_not_replaced_by_an_insert(db, books):
    copy = "SELECT * FROM postings WHERE sequence = 1"
    assert "never changed or deleted" in refused(db, f"REPLACE INTO postings {copy}")


def test_history_is_not_updated_by_an_insert(mariadb_db, books):
    refused(mariadb_db, "INSERT INTO postings SELECT * FROM postings ON DUPLICATE KEY UPDATE amount = 1")


def test_history_is_not_updated_by_an_upsert(sqlite_db, books):
    refused(
        sqlite_db,
        "INSERT INTO postings SELECT * FROM postings WHERE true"
        " ON CONFLICT (account_id, sequence) DO UPDATE SET amount = 1",
    )


def test_switching_the_checks_of_a_session_off_does_not_open_history(mariadb_db, books, checks_off):
    with mariadb_db.writing.connect() as connection:
        # What a session can do by itself; to give up the CHECKs of a table, as on MySQL, is a change of the schema.
        for switch in checks_off(connection):
            if switch.startswith("SET"):
                connection.execute(text(switch))
        for statement in (
            "UPDATE postings SET amount = 1",
            "UPDATE accounts SET balance = -1 WHERE owner_id IS NOT NULL",
        ):
            with pytest.raises(DBAPIError) as refusal:
                connection.execute(text(statement))
            assert refusal.value.orig.args[0] == 1644
        connection.invalidate()


# --- accounts -----------------------------------------------------------------------------------------


def test_an_account_is_not_deleted(db, books):
    assert "closed, never deleted" in refused(db, "DELETE FROM accounts")


@pytest.mark.parametrize(
    "change",
    ["id = id + 1", "currency = 'EUR'", "kind = 'savings'", "version = version - 1", "balance = -1",
     "owner_id = (SELECT id FROM users WHERE users.id <> accounts.owner_id LIMIT 1)", "owner_id = NULL"],
)  # fmt: skip
def test_what_an_account_is_never_changes(db, books, change):
    said = refused(db, f"UPDATE accounts SET {change} WHERE id = {books[0].id}")
    assert "this change of an account is refused" in said or "foreign key" in said.lower()


def test_a_cash_account_may_go_below_zero_but_not_become_a_customers(db, books, ada):
    refused(db, "UPDATE accounts SET owner_id = :ada WHERE owner_id IS NULL", ada=ada.user_id.bytes)


def test_an_account_starts_empty(db, books):
    columns = "owner_id, kind, currency, status, held, overdraft_limit, version, head_hash, opened_at"
    values = columns.replace("version", "0")
    refused(db, f"INSERT INTO accounts (id, balance, {columns}) SELECT 1234567889, 100, {values} FROM accounts LIMIT 1")


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("status = 'open', frozen_for = 'all'", "accounts_frozen"),
        ("status = 'frozen'", "accounts_frozen"),
        ("status = 'frozen', frozen_for = 'fun'", "accounts_frozen_for"),
        ("status = 'asleep'", "accounts_status"),
        ("status = 'closed'", "accounts_closed_empty"),
        ("held = -1", "accounts_signs"),
        ("overdraft_limit = -1", "accounts_signs"),
    ],
)
def test_a_state_that_makes_no_sense_is_refused(db, books, change, constraint):
    assert constraint in refused(db, f"UPDATE accounts SET {change} WHERE id = {books[0].id}")


def test_holding_more_than_there_is_is_refused(db, books):
    refused(db, f"UPDATE accounts SET held = 7001 WHERE id = {books[0].id}")


# --- what is inserted ---------------------------------------------------------------------------------


def copy_of(table, **changed):
    """An INSERT of a row of `table` that differs in what is named."""
    names = [column.name for column in SQLModel.metadata.tables[table].columns if column.computed is None]
    values = ", ".join(changed.get(name, f"{table}.{name}") for name in names)
    return f"INSERT INTO {table} ({', '.join(names)}) SELECT {values} FROM {table}"


@pytest.mark.parametrize(
    ("changed", "constraint"),
    [
        ({"amount": "0"}, "postings_amount"),
        ({"amount": "-5"}, "postings_amount"),
        ({"direction": "'up'"}, "postings_direction"),
        ({"balance_after": "-1"}, "postings_floor"),
        ({"sequence": "0"}, "postings_sequence"),
    ],
)
def test_a_posting_that_makes_no_sense_is_refused(db, books, changed, constraint):
    statement = copy_of("postings", **({"sequence": "sequence + 100"} | changed))
    assert constraint in refused(db, f"{statement} WHERE account_id = {books[0].id} AND sequence = 1")


@pytest.mark.parametrize(
    ("changed", "constraint"),
    [
        ({"amount": "0"}, "transactions_amount"),
        ({"type": "'gift'"}, "transactions_type"),
        ({"type": "'reversal'"}, "transactions_reversal"),
        ({"reverses_id": "transactions.id"}, "transactions_reversal"),
    ],
)
def test_a_transaction_that_makes_no_sense_is_refused(db, books, changed, constraint):
    assert constraint in refused(db, f"{copy_of('transactions', id=':id', **changed)} LIMIT 1", id=bytes(16))


def test_a_posting_of_a_transaction_that_does_not_exist_is_refused(db, books):
    statement = copy_of("postings", sequence="sequence + 100", transaction_id=":none")
    assert "foreign key" in refused(db, f"{statement} LIMIT 1", none=bytes(16)).lower()


def test_two_writers_that_both_believed_they_had_the_lock_collide_on_the_sequence(db, books):
    with pytest.raises(DBAPIError) as refusal:
        run(db, "INSERT INTO postings SELECT * FROM postings WHERE sequence = 1")
    assert db.fault_of(refusal.value) is Fault.DUPLICATE


def test_a_key_names_an_effect_or_a_refusal_and_never_neither(db, books, ada):
    assert "idempotency_keys_outcome" in refused(
        db,
        "INSERT INTO idempotency_keys (actor_id, `key`, fingerprint, created_at)"
        " SELECT actor_id, 'other', fingerprint, created_at FROM idempotency_keys LIMIT 1",
    )


@pytest.mark.parametrize("role", ["root", "", "Customer"])
def test_a_role_that_does_not_exist_is_refused(db, ada, role):
    assert "users_role" in refused(db, "UPDATE users SET role = :role", role=role)


# --- holds --------------------------------------------------------------------------------------------


@pytest.fixture
def held(counter, ada, books):
    """An open hold of 10.00 for Ben and a captured one."""
    counter.capture(ada, counter.hold(ada, books[0], "5.00", to=books[1]))
    return counter.hold(ada, books[0], "10.00", to=books[1]).hold


SOME = "transaction_id = (SELECT id FROM transactions WHERE type = 'deposit' LIMIT 1)"


def test_a_hold_is_not_deleted(db, held):
    assert "closed, never deleted" in refused(db, "DELETE FROM holds")


@pytest.mark.parametrize(
    "change",
    ["amount = 1", "currency = 'EUR'", "account_id = to_account_id", "to_account_id = NULL", "description = 'x'",
     "expires_at = '2099-01-01'", "created_at = '2000-01-01'", "amount = amount", "id = x'00'"],
)  # fmt: skip
def test_what_was_placed_never_changes(db, held, change):
    assert "this change of a hold is refused" in refused(db, f"UPDATE holds SET {change} WHERE state = 'open'")


@pytest.mark.parametrize("change", ["state = 'open', closed_at = NULL", "closed_at = created_at", "state = 'released'"])
def test_a_closed_hold_stays_closed(db, held, change):
    assert "this change of a hold is refused" in refused(db, f"UPDATE holds SET {change} WHERE state = 'captured'")


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("state = 'gone', closed_at = created_at", "holds_state"),
        ("state = 'released'", "holds_closed"),
        ("state = 'captured', closed_at = created_at", "holds_captured"),
        ("state = 'released', closed_at = created_at, captured_amount = 5", "holds_captured_amount"),
        (f"state = 'captured', closed_at = created_at, captured_amount = 1001, {SOME}", "holds_amounts"),
    ],
)
def test_an_end_that_makes_no_sense_is_refused(db, held, change, constraint):
    assert constraint in refused(db, f"UPDATE holds SET {change} WHERE state = 'open'")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"state": "'released'", "closed_at": "created_at"}, "a hold starts open"),
        ({"amount": "0"}, "holds_amounts"),
        ({"expires_at": "created_at"}, "holds_expiry"),
        ({"to_account_id": "account_id"}, "holds_two_accounts"),
    ],
)
def test_a_hold_that_makes_no_sense_is_not_placed(db, held, changed, said):
    statement = copy_of("holds", id="x'00'", **changed)
    assert said in refused(db, f"{statement} WHERE state = 'open'")


@pytest.mark.parametrize(
    "changed",
    [{"hold_id": "NULL"}, {"hold_state": "NULL"}, {"hold_state": "'captured'"}, {"refusal_code": "'x'"}],
)
def test_a_key_says_of_a_hold_what_can_be(db, counter, ada, books, changed):
    counter.hold(ada, books[0], "1.00", key="hold")
    statement = copy_of("idempotency_keys", **{"`key`": "'other'", "key": "'other'"} | changed)
    assert "idempotency_keys_" in refused(db, statement.replace(" key,", " `key`,") + " WHERE hold_id IS NOT NULL")


def test_a_key_names_an_account_or_a_hold_and_never_both(db, counter, ada, books):
    counter.hold(ada, books[0], "1.00", key="hold")
    statement = copy_of("idempotency_keys", **{"`key`": "'other'", "key": "'other'", "account_id": "1234567889"})
    refusal = refused(db, statement.replace(" key,", " `key`,") + " WHERE hold_id IS NOT NULL")
    assert "idempotency_keys_account" in refusal


@pytest.mark.parametrize("limit", ["transfer_limit", "daily_limit"])
def test_a_limit_below_zero_is_refused(db, books, limit):
    assert f"accounts_{limit}" in refused(db, f"UPDATE accounts SET {limit} = -1 WHERE id = {books[0].id}")
