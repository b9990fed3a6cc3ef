"""The checker can fail: for every invariant a copy of the books is corrupted by hand, and the row is named."""

import contextvars
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import text

from bank_app import clock
from bank_app.domain.identifiers import account_number_text
from bank_app.services import integrity, ledger

broken = pytest.mark.books_are_broken_on_purpose


class Vandal:
    """Writes what the bank never would about two accounts and a transaction."""

    def __init__(self, past_guards, hers, his, moved):
        self.past_guards, self.hers, self.his, self.moved = past_guards, hers, his, moved

    def __call__(self, *statements):
        names = {"hers": self.hers.id, "his": self.his.id, "id": f"x'{self.moved.id.hex}'"}
        self.past_guards(*(statement.format(**names) for statement in statements))


@pytest.fixture
def hers(counter, ada):
    return counter.open(ada, "100.00")


@pytest.fixture
def his(counter, ben):
    return counter.open(ben, "100.00")


@pytest.fixture
def vandal(past_guards, counter, ada, hers, his):
    """Sequence 2 of both accounts is 30.00 from Ada to Ben, sequence 3 of hers is 5.00 out in cash."""
    moved = counter.transfer(ada, hers, his, "30.00", key="rent").transaction
    counter.withdraw(ada, hers, "5.00")
    return Vandal(past_guards, hers, his, moved)


def found(db):
    report = integrity.check(db)
    assert report.ok == (not report.violations)
    return {(violation.invariant, violation.subject) for violation in report.violations}


def posting(account, sequence):
    return f"posting {account.number}-{sequence}"


def account(view):
    return f"account {view.number}"


def test_sound_books_are_found_sound_with_their_totals_and_counts(db, vandal, teller, counter):
    report = integrity.check(db)
    assert (report.ok, report.violations, report.chain_ok) == (True, (), True)
    assert (report.transactions, report.postings, report.accounts) == (4, 8, 15)
    assert report.totals == {"USD": 0}
    head = report.chain_head
    counter.deposit(teller, vandal.hers, "1.00")
    assert integrity.check(db).chain_head != head


def test_an_empty_bank_is_sound(db):
    report = integrity.check(db)
    assert (report.ok, report.postings, report.totals, report.chain_head) == (True, 0, {}, "00" * 32)


def test_the_vandal_leaves_no_trace_but_what_was_asked(db, vandal):
    vandal()
    assert found(db) == set()


# --- 1: debits equal credits --------------------------------------------------------------------------


@broken
def test_1_a_transaction_whose_sides_differ_is_named(db, vandal):
    vandal("UPDATE postings SET amount = 2999 WHERE account_id = {hers} AND sequence = 2")
    assert (1, f"transaction {vandal.moved.id}") in found(db)


@broken
def test_1_a_transaction_with_one_side_is_named(db, vandal):
    vandal("DELETE FROM postings WHERE account_id = {his} AND sequence = 2")
    assert (1, f"transaction {vandal.moved.id}") in found(db)


@broken
def test_1_a_transaction_without_postings_is_named(db, vandal):
    vandal("DELETE FROM postings WHERE transaction_id = {id}")
    assert f"transaction {vandal.moved.id} has 0 postings" in [
        f"{violation.subject} {violation.message}" for violation in integrity.check(db).violations
    ]


@broken
def test_1_a_transaction_that_says_another_amount_than_it_moves_is_named(db, vandal):
    vandal("UPDATE transactions SET amount = 2999 WHERE id = {id}")
    assert found(db) == {(1, f"transaction {vandal.moved.id}"), (9, f"transaction {vandal.moved.id}")}


@broken
def test_1_a_posting_without_a_transaction_is_named(db, vandal):
    vandal("DELETE FROM idempotency_keys", "DELETE FROM transactions WHERE id = {id}")
    assert {(1, posting(vandal.hers, 2)), (1, posting(vandal.his, 2))} <= found(db)


@broken
def test_1_a_posting_in_another_currency_than_its_account_is_named(db, vandal):
    vandal("UPDATE postings SET currency = 'EUR' WHERE account_id = {his} AND sequence = 2")
    assert (1, posting(vandal.his, 2)) in found(db)


@broken
def test_1_an_account_whose_currency_was_changed_is_named_by_its_postings(db, vandal):
    vandal("UPDATE accounts SET currency = 'EUR' WHERE id = {his}")
    assert {(1, posting(vandal.his, 1)), (1, posting(vandal.his, 2))} <= found(db)


@broken
def test_1_a_posting_of_another_time_than_its_transaction_is_named(db, vandal):
    vandal("UPDATE postings SET created_at = '2020-01-01 00:00:00.000000' WHERE account_id = {his} AND sequence = 2")
    assert (1, f"transaction {vandal.moved.id}") in found(db)


@broken
def test_1_a_negative_amount_that_undoes_its_own_direction_is_named(db, vandal):
    vandal(
        "UPDATE postings SET amount = -amount, direction = CASE direction WHEN 'debit' THEN 'credit' ELSE 'debit' END"
        " WHERE transaction_id = {id}"
    )
    assert {(1, posting(vandal.hers, 2)), (1, posting(vandal.his, 2))} <= found(db)


# --- 2: all balances add up to zero -------------------------------------------------------------------


@broken
def test_2_money_that_came_from_nowhere_is_named_by_its_currency(db, vandal):
    vandal("UPDATE accounts SET balance = balance + 1 WHERE id = {hers}")
    assert found(db) == {(2, "currency USD"), (3, account(vandal.hers))}
    assert integrity.check(db).totals == {"USD": 1}


# --- 3: a balance is the sum of its postings ----------------------------------------------------------


@broken
def test_3_a_cent_carried_from_one_account_to_another_names_both(db, vandal):
    vandal(
        "UPDATE accounts SET balance = balance + 1 WHERE id = {hers}",
        "UPDATE accounts SET balance = balance - 1 WHERE id = {his}",
    )
    assert found(db) == {(3, account(vandal.hers)), (3, account(vandal.his))}


def sentences(db, invariant):
    return [violation.message for violation in integrity.check(db).violations if violation.invariant == invariant]


@broken
def test_3_a_balance_that_agrees_with_its_last_posting_and_not_with_the_sum_is_named(db, vandal):
    vandal(
        "UPDATE postings SET balance_after = 6600 WHERE account_id = {hers} AND sequence = 3",
        "UPDATE accounts SET balance = 6600 WHERE id = {hers}",
    )
    assert sentences(db, 3) == ["its balance is 6600, its postings add up to 6500"]


@broken
def test_3_a_balance_that_agrees_with_the_sum_and_not_with_its_last_posting_is_named(db, vandal):
    vandal("UPDATE postings SET balance_after = 6600 WHERE account_id = {hers} AND sequence = 3")
    assert sentences(db, 3) == ["its balance is 6500, its last posting says 6600"]


@broken
def test_3_postings_without_an_account_are_named(db, vandal):
    vandal("DELETE FROM accounts WHERE id = {his}")
    assert (3, account(vandal.his)) in found(db)


# --- 4: sequences and running balances ----------------------------------------------------------------


@broken
def test_4_a_gap_is_named_by_the_posting_behind_it(db, vandal):
    vandal("UPDATE postings SET sequence = 4 WHERE account_id = {hers} AND sequence = 3")
    assert (4, posting(vandal.hers, 4)) in found(db)


@broken
def test_4_a_history_that_lost_its_beginning_is_named(db, vandal):
    vandal("DELETE FROM postings WHERE account_id = {hers} AND sequence = 1")
    assert (4, posting(vandal.hers, 2)) in found(db)


@broken
def test_4_a_balance_after_that_does_not_follow_is_named(db, vandal):
    vandal("UPDATE postings SET balance_after = 6999 WHERE account_id = {hers} AND sequence = 2")
    assert {(4, posting(vandal.hers, 2)), (4, posting(vandal.hers, 3))} <= found(db)


@broken
def test_4_a_version_that_is_ahead_of_the_postings_is_named(db, vandal):
    vandal("UPDATE accounts SET version = 9 WHERE id = {hers}")
    assert found(db) == {(4, account(vandal.hers))}


# --- 5: never below the floor -------------------------------------------------------------------------


@broken
def test_5_an_account_below_its_limit_now_is_named(db, counter, teller, vandal):
    counter.change(teller, vandal.hers, overdraft_limit="50.00")
    counter.withdraw(teller, vandal.hers, "100.00")
    vandal("UPDATE accounts SET overdraft_limit = 0 WHERE id = {hers}")
    assert found(db) == {(5, account(vandal.hers))}


@broken
def test_5_a_posting_that_left_too_little_then_is_named_though_all_is_well_now(db, vandal):
    vandal("UPDATE postings SET floor = 7001 WHERE account_id = {hers} AND sequence = 2")
    assert {(5, posting(vandal.hers, 2)), (9, posting(vandal.hers, 2))} == found(db)


@broken
def test_5_a_customers_posting_without_a_floor_is_named(db, vandal):
    vandal("UPDATE postings SET floor = NULL WHERE account_id = {hers} AND sequence = 2")
    assert (5, posting(vandal.hers, 2)) in found(db)


# --- 6: the database refuses to change history --------------------------------------------------------


@broken
@pytest.mark.parametrize(
    "trigger", ["postings_no_update", "audit_records_no_delete", "accounts_guard", "holds_guard", "holds_start_open"]
)
def test_6_a_trigger_that_is_gone_is_named(db, vandal, trigger):
    with db.writing.connect() as connection:
        connection.execute(text(f"DROP TRIGGER {trigger}"))
        connection.commit()
    assert found(db) == {(6, f"trigger {trigger}")}


@broken
def test_6_a_trigger_that_was_made_harmless_is_named(db, vandal):
    harmless = "BEGIN SELECT 1; END" if db.embedded else "SET @nothing = 1"
    with db.writing.connect() as connection:
        connection.execute(text("DROP TRIGGER postings_no_update"))
        connection.execute(text(f"CREATE TRIGGER postings_no_update BEFORE UPDATE ON postings FOR EACH ROW {harmless}"))
        connection.commit()
    assert found(db) == {(6, "trigger postings_no_update")}


@broken
@pytest.mark.parametrize("does", ["ON DELETE CASCADE", "ON UPDATE CASCADE", "ON DELETE SET NULL"])
def test_6_a_foreign_key_that_changes_rows_behind_the_triggers_is_named(db, vandal, does):
    vandal(f"CREATE TABLE behind (id INTEGER PRIMARY KEY, up INTEGER, FOREIGN KEY (up) REFERENCES behind (id) {does})")
    assert found(db) == {(6, "foreign key of behind")}


# --- 7: one effect per key, one reversal per transaction ----------------------------------------------


@broken
def test_7_a_key_that_names_somebody_elses_transaction_is_named(db, ben, vandal):
    vandal(f"UPDATE idempotency_keys SET actor_id = x'{ben.user_id.hex}'")
    assert found(db) == {(7, f"key 'rent' of actor {ben.user_id}")}


@broken
def test_7_a_key_whose_effect_is_gone_is_named(db, ada, vandal):
    vandal("DELETE FROM postings WHERE transaction_id = {id}", "DELETE FROM transactions WHERE id = {id}")
    assert (7, f"key 'rent' of actor {ada.user_id}") in found(db)


@broken
def test_7_a_key_that_names_an_account_that_was_never_opened_is_named(db, ada, vandal):
    vandal("UPDATE idempotency_keys SET account_id = 1234567889")
    assert found(db) == {(7, f"key 'rent' of actor {ada.user_id}")}


@broken
def test_7_a_transaction_with_two_keys_is_named(mariadb_db, vandal):
    vandal(
        "ALTER TABLE idempotency_keys DROP FOREIGN KEY idempotency_keys_ibfk_2",
        "ALTER TABLE idempotency_keys DROP INDEX transaction_id",
        "INSERT INTO idempotency_keys SELECT actor_id, 'again', fingerprint, transaction_id, NULL, NULL, NULL,"
        " created_at, NULL, NULL, NULL FROM idempotency_keys",
    )
    assert (7, f"transaction {vandal.moved.id}") in found(mariadb_db)


@broken
def test_7_a_reversal_that_is_not_the_mirror_of_its_original_is_named(db, counter, teller, vandal):
    reversal = counter.reverse(teller, type("Moved", (), {"transaction": vandal.moved}))
    vandal(
        "UPDATE postings SET amount = 2000 WHERE transaction_id = "
        f"x'{reversal.transaction.id.hex}' AND account_id = {vandal.his.id}"
    )
    assert (7, f"transaction {reversal.transaction.id}") in found(db)


@broken
def test_7_a_transaction_with_two_reversals_is_named(mariadb_db, counter, teller, vandal):
    reversal = counter.reverse(teller, type("Moved", (), {"transaction": vandal.moved}))
    counter.deposit(teller, vandal.hers, "30.00")
    vandal(
        "ALTER TABLE transactions DROP FOREIGN KEY transactions_ibfk_2",
        "ALTER TABLE transactions DROP INDEX reverses_id",
        f"UPDATE transactions SET type = 'reversal', reverses_id = {{id}} WHERE id <> x'{reversal.transaction.id.hex}'"
        " AND amount = 3000 AND type = 'deposit'",
    )
    assert (7, f"transaction {vandal.moved.id}") in found(mariadb_db)


# --- 8: held money is the sum of open holds -----------------------------------------------------------


@broken
def test_8_money_that_is_held_for_nothing_is_named(db, vandal):
    vandal("UPDATE accounts SET held = 100 WHERE id = {hers}")
    assert found(db) == {(8, account(vandal.hers))}


# --- 9: hashes ----------------------------------------------------------------------------------------


@broken
def test_9_a_changed_description_is_named(db, vandal):
    vandal("UPDATE transactions SET description = 'a gift' WHERE id = {id}")
    assert (9, f"transaction {vandal.moved.id}") in found(db)


@broken
def test_9_a_changed_posting_hash_is_named_with_the_one_that_follows(db, vandal):
    vandal("UPDATE postings SET hash = x'" + "ab" * 32 + "' WHERE account_id = {hers} AND sequence = 2")
    assert found(db) == {(9, posting(vandal.hers, 2)), (9, posting(vandal.hers, 3))}
    assert not integrity.check(db).chain_ok


@broken
def test_9_a_head_that_is_not_the_last_postings_hash_is_named(db, vandal):
    vandal("UPDATE accounts SET head_hash = x'" + "ab" * 32 + "' WHERE id = {hers}")
    assert found(db) == {(9, account(vandal.hers))}


@broken
def test_9_amounts_that_were_changed_on_both_sides_so_that_all_adds_up_are_named(db, vandal):
    """The forger who thinks of everything but the chain: 30.00 became 20.00 everywhere."""
    vandal(
        "UPDATE postings SET amount = 2000 WHERE transaction_id = {id}",
        "UPDATE transactions SET amount = 2000 WHERE id = {id}",
        "UPDATE postings SET balance_after = balance_after + 1000 WHERE account_id = {hers} AND sequence >= 2",
        "UPDATE postings SET balance_after = balance_after - 1000 WHERE account_id = {his} AND sequence >= 2",
        "UPDATE accounts SET balance = balance + 1000 WHERE id = {hers}",
        "UPDATE accounts SET balance = balance - 1000 WHERE id = {his}",
    )
    assert {invariant for invariant, _ in found(db)} == {9}
    assert {(9, f"transaction {vandal.moved.id}"), (9, posting(vandal.hers, 2)), (9, posting(vandal.his, 2))} <= found(
        db
    )


# --- the report ---------------------------------------------------------------------------------------


@broken
def test_a_report_of_a_ruin_is_short(db, counter, ada, vandal):
    for _ in range(8):
        counter.deposit(ada, vandal.hers, "1.00")
    vandal("UPDATE postings SET hash = x'" + "ab" * 32 + "'")
    assert sum(violation.invariant == 9 for violation in integrity.check(db).violations) == 5


def test_many_who_ask_at_once_share_a_report_that_is_fresh_enough(db, ada, counter):
    first = integrity.latest(db)
    counter.open(ada, "1.00")
    assert integrity.latest(db) is first
    with clock.moved_to(clock.now() + timedelta(hours=1)):
        assert integrity.latest(db).postings == 2
    assert integrity.last_known(db).postings == 2


def test_nobody_waits_for_a_newer_report_that_somebody_else_makes(sqlite_db, monkeypatch):
    db, making, go_on = sqlite_db, threading.Event(), threading.Event()
    first, check = integrity.latest(db), integrity.check

    def slow(_db):
        making.set()
        go_on.wait(20)
        return check(_db)

    monkeypatch.setattr(integrity, "check", slow)
    with clock.moved_to(clock.now() + timedelta(hours=1)), ThreadPoolExecutor(1) as pool:
        newer = pool.submit(contextvars.copy_context().run, integrity.latest, db)
        try:
            assert making.wait(20)
            assert integrity.latest(db) is first
        finally:
            go_on.set()
        assert newer.result() is integrity.latest(db) is not first


def test_the_trial_balance_has_equal_columns(db, counter, ada, ben):
    for owner, amount, currency in ((ada, "100.00", "USD"), (ben, "50.00", "USD"), (ada, "7", "JPY")):
        counter.open(owner, amount, currency=currency)
    lines = {
        (line.currency, line.label): (line.debit_minor, line.credit_minor) for line in db.read(integrity.trial_balance)
    }
    assert lines == {
        ("USD", "Cash held by the bank"): (15000, 0),
        ("USD", "Customers' accounts"): (0, 15000),
        ("JPY", "Cash held by the bank"): (7, 0),
        ("JPY", "Customers' accounts"): (0, 7),
    }


def test_cash_accounts_carry_the_other_side_of_what_customers_have(db, counter, ada):
    counter.open(ada, "100.00")
    cash = account_number_text(ledger.cash_account("USD"))
    with db.reading.connect() as connection:
        balance = connection.execute(text(f"SELECT balance FROM accounts WHERE id = {int(cash)}")).scalar_one()
    assert balance == -10000
