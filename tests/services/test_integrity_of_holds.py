"""The checker finds what is wrong with holds: each is brought about by hand, and the row is named."""

from datetime import timedelta

import pytest

from bank_app import clock
from bank_app.services import integrity

broken = pytest.mark.books_are_broken_on_purpose
NOBODY = f"x'{bytes(16).hex()}'"


@pytest.fixture
def hers(counter, ada):
    return counter.open(ada, "100.00")


@pytest.fixture
def his(counter, ben):
    return counter.open(ben)


@pytest.fixture
def made(counter, ada, hers, his):
    """One hold in each state, by its name; `part` was captured in cash and `captured` for Ben."""
    holds = {
        "open": counter.hold(ada, hers, "10.00", to=his, key="place"),
        "captured": counter.capture(ada, counter.hold(ada, hers, "30.00", to=his), "20.00", key="capture"),
        "part": counter.capture(ada, counter.hold(ada, hers, "8.00"), "3.00"),
        "released": counter.release(ada, counter.hold(ada, hers, "5.00"), key="release"),
        "expired": counter.hold(ada, hers, "7.00", expires_in=1),
    }
    with clock.moved_to(holds["expired"].hold.expires_at):
        counter.deposit(ada, hers, "1.00")
    return {name: answer.hold for name, answer in holds.items()}


@pytest.fixture
def vandal(past_guards, made, hers, his):
    """Runs SQL in which `{open}` and the like stand for the holds."""

    def run(*statements):
        names = {name: f"x'{hold.id.hex}'" for name, hold in made.items()}
        moved = f"x'{made['captured'].transaction_id.hex}'"
        past_guards(*(text.format(**names, moved=moved, hers=hers.id, his=his.id) for text in statements))

    return run


def found(db):
    return {(violation.invariant, violation.subject) for violation in integrity.check(db).violations}


def sentences(db):
    return {violation.message for violation in integrity.check(db).violations}


def of_key(text):
    """Keys are bytes, which one engine never finds equal to a text."""
    return f"`key` = x'{text.encode().hex()}'"


def account(view):
    return f"account {view.number}"


def test_sound_holds_are_found_sound(db, vandal):
    vandal()
    assert found(db) == set()


def test_a_hold_that_is_due_and_not_closed_is_sound(db, made):
    with clock.moved_to(made["open"].expires_at + timedelta(days=1)):
        assert found(db) == set()


# --- 8: one state, and its facts ----------------------------------------------------------------------


@broken
@pytest.mark.parametrize("change", ["held + 1", "0"])
def test_8_an_account_that_holds_another_sum_than_its_open_holds_is_named(db, vandal, hers, change):
    vandal(f"UPDATE accounts SET held = {change} WHERE id = {{hers}}")
    assert found(db) == {(8, account(hers))}


@broken
def test_8_an_open_hold_that_is_gone_is_named_by_its_account(db, ada, vandal, hers):
    vandal("DELETE FROM holds WHERE id = {open}")
    assert found(db) == {(8, account(hers)), (7, f"key 'place' of actor {ada.user_id}")}


@broken
@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("released", "state = 'gone'", "is in no state but 'gone'"),
        ("released", "closed_at = NULL", "is released and was closed at None"),
        ("released", "captured_amount = 5", "is released, captured 5 by transaction None"),
        ("released", "amount = 0", "its amount is 0"),
        ("captured", "captured_amount = 3001", "captured 3001 of 3000"),
        ("captured", "amount = 1999", "captured 2000 of 1999"),
        ("captured", "captured_amount = 0", "captured 0 of 3000"),
        ("released", "currency = 'EUR'", "is in EUR on an account in USD"),
        ("released", "account_id = 1234567889", "is on account 1234567889, which does not exist"),
    ],
)
def test_8_a_hold_whose_facts_contradict_each_other_is_named(db, made, vandal, name, change, message):
    vandal("DELETE FROM idempotency_keys", f"UPDATE holds SET {change} WHERE id = {{{name}}}")
    assert (8, f"hold {made[name].id}") in found(db)
    assert message in sentences(db)


@broken
def test_8_a_hold_on_an_account_of_the_bank_is_named(db, made, vandal):
    vandal(
        "DELETE FROM idempotency_keys",
        "UPDATE holds SET account_id = (SELECT MIN(id) FROM accounts WHERE owner_id IS NULL) WHERE id = {released}",
    )
    assert found(db) == {(8, f"hold {made['released'].id}")}


@broken
def test_8_a_hold_that_expired_at_another_time_than_its_own_is_named(db, made, vandal):
    vandal("UPDATE holds SET closed_at = '2031-01-01 00:00:00.000000' WHERE id = {expired}")
    assert found(db) == {(8, f"hold {made['expired'].id}")}


# --- 8: what was captured was posted ------------------------------------------------------------------


@broken
def test_8_a_capture_by_a_transaction_that_does_not_exist_is_named(db, made, vandal):
    vandal("DELETE FROM idempotency_keys", f"UPDATE holds SET transaction_id = {NOBODY} WHERE id = {{captured}}")
    assert found(db) == {(8, f"hold {made['captured'].id}")}
    assert any("which does not exist" in sentence for sentence in sentences(db))


@broken
def test_8_a_capture_of_more_than_its_transaction_moved_is_named(db, made, vandal):
    vandal("UPDATE holds SET captured_amount = 2001 WHERE id = {captured}")
    assert found(db) == {(8, f"hold {made['captured'].id}")}
    assert sentences(db) == {
        "captured 2001, its transaction debits 2000",
        "captured 2001, its transaction credits the receiver with 2000",
    }


@broken
def test_8_a_capture_that_paid_somebody_else_is_named(db, counter, ben, made, vandal):
    other = counter.open(ben)
    vandal(f"UPDATE holds SET to_account_id = {other.id} WHERE id = {{captured}}")
    assert found(db) == {(8, f"hold {made['captured'].id}")}


@broken
@pytest.mark.parametrize("name", ["captured", "part"])
def test_8_a_capture_of_another_kind_than_the_hold_is_named(db, made, vandal, name):
    receiver = "NULL" if name == "captured" else "{his}"
    vandal(f"UPDATE holds SET to_account_id = {receiver} WHERE id = {{{name}}}")
    assert found(db) == {(8, f"hold {made[name].id}")}


@broken
def test_8_a_transaction_that_captured_two_holds_is_named(mariadb_db, made, vandal):
    [name] = mariadb_db.read(
        lambda session: session.connection().exec_driver_sql(
            "SELECT constraint_name FROM information_schema.key_column_usage WHERE table_schema = DATABASE()"
            " AND table_name = 'holds' AND column_name = 'transaction_id' AND referenced_table_name IS NOT NULL"
        ).scalars().all()
    )  # fmt: skip
    vandal(
        f"ALTER TABLE holds DROP FOREIGN KEY {name}",
        "ALTER TABLE holds DROP INDEX transaction_id",
        "UPDATE holds SET transaction_id = {moved} WHERE id = {part}",
    )
    assert (8, f"transaction {made['captured'].transaction_id}") in found(mariadb_db)


# --- 7: what keys say of holds ------------------------------------------------------------------------


@broken
@pytest.mark.parametrize(
    ("key", "change"),
    [
        ("place", f"hold_id = {NOBODY}"),
        ("place", "hold_state = 'released'"),
        ("place", "hold_state = NULL"),
        ("release", "hold_id = {open}"),
        ("release", "hold_id = {captured}"),
        ("capture", "hold_id = {part}"),
        ("capture", "transaction_id = NULL"),
    ],
)
def test_7_a_key_that_does_not_tell_the_truth_of_its_hold_is_named(db, ada, vandal, key, change):
    vandal(f"UPDATE idempotency_keys SET {change} WHERE {of_key(key)}")
    assert found(db) == {(7, f"key {key!r} of actor {ada.user_id}")}


@broken
def test_7_a_key_that_names_a_hold_of_somebody_else_is_named(db, ben, vandal):
    vandal(f"UPDATE idempotency_keys SET actor_id = x'{ben.user_id.hex}' WHERE {of_key('place')}")
    assert found(db) == {(7, f"key 'place' of actor {ben.user_id}")}


@broken
def test_7_a_hold_with_two_keys_that_placed_it_is_named(db, made, vandal):
    vandal(f"UPDATE idempotency_keys SET hold_id = {{open}}, hold_state = 'open' WHERE {of_key('release')}")
    assert found(db) == {(7, f"hold {made['open'].id}")}
