"""Books that were changed with care, every hash made again, are still not right; and nonsense in them is named."""

import pymysql
import pytest
from sqlalchemy import text

from bank_app.domain import chain
from bank_app.models import POSTINGS, TRANSACTIONS
from bank_app.services import integrity

INVALID_JSON = 3140
pytestmark = pytest.mark.books_are_broken_on_purpose


class Forger:
    """Changes rows past triggers and CHECKs, and makes every hash again so that the chain is whole."""

    def __init__(self, db, past_guards, hers, moved):
        self.db, self._run = db, past_guards
        self.names = {"hers": hers.id, "moved": f"x'{moved.id.hex}'"}

    def __call__(self, *statements):
        self._run(*(statement.format(**self.names) for statement in statements))
        self._run(*self._hashes())

    def _hashes(self):
        with self.db.reading.connect() as connection:
            headers = {}
            for row in connection.execute(TRANSACTIONS.select()):
                content = {
                    ("amount_minor" if name == "amount" else name): value for name, value in row._mapping.items()
                }
                # The reference says nothing that the id does not, and the position only when it was written.
                del content["hash"], content["reference"], content["position"]
                headers[row.id] = chain.transaction_hash(**content)
                yield f"UPDATE transactions SET hash = x'{headers[row.id].hex()}' WHERE id = x'{row.id.hex}'"
            heads = {}
            for row in connection.execute(POSTINGS.select().order_by(POSTINGS.c.account_id, POSTINGS.c.sequence)):
                content = {
                    ("amount_minor" if name == "amount" else name): value for name, value in row._mapping.items()
                }
                del content["hash"]
                head = chain.posting_hash(
                    heads.get(row.account_id, chain.GENESIS), transaction_hash=headers[row.transaction_id], **content
                )
                heads[row.account_id] = head
                where = f"account_id = {row.account_id} AND sequence = {row.sequence}"
                yield f"UPDATE postings SET hash = x'{head.hex()}' WHERE {where}"
            for account_id, head in heads.items():
                yield f"UPDATE accounts SET head_hash = x'{head.hex()}' WHERE id = {account_id}"


@pytest.fixture
def hers(counter, ada):
    return counter.open(ada, "100.00")


@pytest.fixture
def moved(counter, ada, ben, hers):
    return counter.transfer(ada, hers, counter.open(ben), "30.00", key="rent").transaction


@pytest.fixture
def forge(db, past_guards, hers, moved):
    return Forger(db, past_guards, hers, moved)


def found(db):
    return {(violation.invariant, violation.subject.split()[0]) for violation in integrity.check(db).violations}


def test_the_forger_leaves_no_trace_but_what_was_asked(db, forge):
    forge()
    assert found(db) == set()


def test_1_a_transaction_in_another_currency_than_its_postings_is_found(db, forge):
    forge("UPDATE transactions SET currency = 'JPY' WHERE id = {moved}")
    assert found(db) == {(1, "posting")}


def test_1_a_posting_that_is_neither_debit_nor_credit_is_named(db, forge):
    forge("UPDATE postings SET direction = 'up' WHERE account_id = {hers} AND sequence = 2")
    assert (1, "posting") in found(db)


def test_4_time_that_runs_backwards_on_an_account_is_found(db, forge):
    early = "created_at = '2020-01-01 00:00:00.000000'"
    forge(
        f"UPDATE transactions SET {early} WHERE id = {{moved}}",
        f"UPDATE postings SET {early} WHERE transaction_id = {{moved}}",
    )
    assert found(db) == {(4, "posting"), (4, "account")}


@pytest.mark.parametrize("moment", ["NULL", "'2020-01-01 00:00:00.000000'"])
def test_4_an_account_that_says_another_time_than_its_last_posting_is_found(db, forge, moment):
    forge(f"UPDATE accounts SET last_posted_at = {moment} WHERE id = {{hers}}")
    assert found(db) == {(4, "account")}


@pytest.mark.parametrize("table", ["postings", "other"])
def test_6_a_trigger_that_never_fires_or_watches_another_table_is_found(db, moved, table):
    never = " WHEN 1 = 0" if table == "postings" else ""
    body = f"FOR EACH ROW{never} BEGIN SELECT RAISE(ABORT, 'no'); END"
    if not db.embedded:
        body = "FOR EACH ROW " + (
            "IF 1 = 0 THEN SIGNAL SQLSTATE '45000'; END IF" if never else "SIGNAL SQLSTATE '45000'"
        )
    with db.writing.connect() as connection:
        for statement in (
            "CREATE TABLE other (id INT PRIMARY KEY)",
            "DROP TRIGGER postings_no_update",
            f"CREATE TRIGGER postings_no_update BEFORE UPDATE ON {table} {body}",
        ):
            connection.execute(text(statement))
        connection.commit()
    assert found(db) == {(6, "trigger")}


def test_7_a_key_with_two_outcomes_is_found(db, forge):
    """The primary key forbids it; a table that was rebuilt without it does not."""
    first = "(SELECT transaction_id FROM postings WHERE account_id = {hers} AND sequence = 1)"
    forge(
        "CREATE TABLE rebuilt AS SELECT * FROM idempotency_keys",
        f"INSERT INTO rebuilt SELECT actor_id, `key`, fingerprint, {first}, NULL, NULL, NULL, created_at,"
        " NULL, NULL, NULL FROM rebuilt",
        "DROP TABLE idempotency_keys",
        "ALTER TABLE rebuilt RENAME TO idempotency_keys",
    ) if db.embedded else forge(
        # A foreign key keeps the index that it needs.
        "ALTER TABLE idempotency_keys ADD INDEX kept (actor_id), DROP PRIMARY KEY",
        f"INSERT INTO idempotency_keys SELECT actor_id, `key`, fingerprint, {first}, NULL, NULL, NULL, created_at,"
        " NULL, NULL, NULL FROM idempotency_keys",
    )
    assert (7, "key") in found(db)


def test_9_metadata_that_is_no_json_is_named(db, forge):
    with_hashes, forge._hashes, refused = forge._hashes, list, None
    try:
        forge("UPDATE transactions SET metadata = 'nonsense' WHERE id = {moved}")
    except pymysql.MySQLError as error:
        refused = error.args[0]
    forge._hashes = with_hashes
    # MySQL has a type for JSON, which nothing switches off; MariaDB has a CHECK.
    if refused != INVALID_JSON:
        assert found(db) == {(9, "transaction")}
