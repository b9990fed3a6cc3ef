"""The audit trail's chain: everybody may append at once, one line comes of it, and every change of it is found."""

import contextvars

import pytest
from sqlalchemy import func, select, text

from bank_app import errors
from bank_app.models import AuditRecord, AuditSeal
from bank_app.services import audit, audit_trail


@pytest.fixture
def write(db):
    """Appends records: `write(3)`, or one with what is named."""

    def some(count=1, **facts):
        facts = {"actor_id": None, "action": "test.write", "object": "thing 1", **facts}
        for _ in range(count):
            db.unit_of_work(lambda session: audit.record(session, **facts))

    return some


@pytest.fixture
def numbers(db):
    """The numbers of all seals."""
    return lambda: list(db.read(lambda s: s.execute(select(AuditSeal.number).order_by(AuditSeal.number)).scalars()))


def hexed(db, number, column="record_id"):
    """A value of a seal as SQL writes it."""
    found = db.read(lambda session: session.execute(select(AuditSeal).where(AuditSeal.number == number)).scalar_one())
    value = getattr(found, column)
    return f"x'{(value if isinstance(value, bytes) else value.bytes).hex()}'"


def test_every_record_is_sealed_once(db, write, numbers):
    write(3)
    assert audit_trail.seal(db) == 3
    assert audit_trail.seal(db) == 0
    write(2)
    assert audit_trail.seal(db) == 2
    assert numbers() == [1, 2, 3, 4, 5]


def test_more_than_one_unit_of_work_can_hold(db, write, numbers, monkeypatch):
    monkeypatch.setattr(audit_trail, "_SEALED_AT_ONCE", 3)
    write(8)
    assert audit_trail.seal(db) == 8
    assert numbers() == list(range(1, 9))


def test_an_intact_trail_verifies_and_the_verification_is_part_of_it(db, auditor, write):
    write(4, changes={"status": ["open", "frozen"]}, reason="Ёлка, größer")
    found = audit_trail.verify(db, auditor)
    sealed = db.read(lambda session: session.execute(select(func.count()).select_from(AuditRecord)).scalar())
    assert found.ok
    assert (found.start, found.end, found.checked) == (1, sealed - 1, sealed - 1)
    known = db.read(audit_trail.last_verification)
    assert known.by == auditor.name
    assert (known.result.ok, known.result.head, known.result.checked) == (True, found.head, found.checked)
    assert audit_trail.verify(db, auditor).checked == found.checked + 1


def test_an_empty_trail_is_intact(db):
    found = audit_trail.verify(db, None)
    assert (found.ok, found.checked) == (True, 0)
    assert db.read(audit_trail.last_verification).by is None


def test_customers_do_not_verify(db, ada):
    with pytest.raises(errors.Forbidden):
        audit_trail.verify(db, ada)
    with pytest.raises(errors.Forbidden):
        audit_trail.tamper_with_a_copy(db, ada)


@pytest.mark.parametrize(("start", "end"), [(0, 2), (-3, None), (4, 2), (99, None)])
def test_a_range_has_to_exist(db, auditor, write, start, end):
    write(3)
    with pytest.raises(errors.Invalid):
        audit_trail.verify(db, auditor, start=start, end=end)


def test_a_part_can_be_verified(db, auditor, write, monkeypatch):
    monkeypatch.setattr(audit_trail, "_READ_AT_ONCE", 2)
    write(6)
    told = []
    found = audit_trail.verify(db, auditor, start=3, end=6, progress=lambda done, of: told.append((done, of)) or True)
    assert (found.ok, found.start, found.end, found.checked) == (True, 3, 6, 4)
    assert told == [(0, 4), (2, 4)]


def test_verifying_can_be_ended_and_is_then_not_recorded(db, auditor, write):
    write(3)
    assert audit_trail.verify(db, auditor, progress=lambda _done, _of: False) is None
    assert db.read(audit_trail.last_verification) is None


CHANGES = {
    "reason": "UPDATE audit_records SET reason = 'other' WHERE id = {record}",
    "actor": "UPDATE audit_records SET actor_id = NULL WHERE id = {record}",
    "changes": "UPDATE audit_records SET changes = '{{}}' WHERE id = {record}",
    "no JSON any more": "UPDATE audit_records SET changes = '{{' WHERE id = {record}",
    "time": "UPDATE audit_records SET created_at = '2020-01-01 00:00:00.000000' WHERE id = {record}",
    "address": "UPDATE audit_records SET address = '10.0.0.1' WHERE id = {record}",
    "seal's hash": "UPDATE audit_seals SET hash = {zeros} WHERE number = 4",
    "seal's time": "UPDATE audit_seals SET sealed_at = '2020-01-01 00:00:00.000000' WHERE number = 4",
    "record gone": "DELETE FROM audit_records WHERE id = {record}",
    "number gone": "DELETE FROM audit_seals WHERE number = 4",
}


@pytest.mark.books_are_broken_on_purpose
@pytest.mark.parametrize("what", CHANGES)
def test_a_change_past_all_guards_is_found_and_named(db, auditor, write, past_guards, what):
    write(6, actor_id=auditor.user_id, changes={"limit": [None, 5]}, reason="as it was")
    audit_trail.seal(db)
    past_guards(CHANGES[what].format(record=hexed(db, 4), zeros=f"x'{bytes(32).hex()}'"))
    if what == "number gone":
        # The record is there without its number, and gets a new one at the end: the gap stays.
        audit_trail.seal(db, thoroughly=True)
    found = audit_trail.verify(db, auditor)
    assert not found.ok
    assert (found.broken.number, found.checked) == (4, 3)
    known = db.read(audit_trail.last_verification)
    assert known.result.broken == found.broken
    if what in ("reason", "actor", "changes", "time", "address", "seal's time"):
        assert found.broken.expected != found.broken.found
        assert len(bytes.fromhex(found.broken.expected)) == 32


@pytest.mark.books_are_broken_on_purpose
def test_a_value_that_cannot_be_read_is_named(db, auditor, write, past_guards):
    if not db.embedded:
        pytest.skip("a server keeps no such value")
    write(6)
    audit_trail.seal(db)
    past_guards(f"UPDATE audit_records SET created_at = 'yesterday' WHERE id = {hexed(db, 4)}")
    found = audit_trail.verify(db, auditor)
    assert found.broken.number == 4
    assert "read" in found.broken.what


@pytest.mark.books_are_broken_on_purpose
def test_a_part_that_is_intact_does_not_clear_a_break(db, auditor, write, past_guards):
    write(6)
    audit_trail.seal(db)
    past_guards(f"UPDATE audit_records SET object = 'thing 2' WHERE id = {hexed(db, 2)}")
    assert not audit_trail.verify(db, auditor).ok
    assert audit_trail.verify(db, auditor, start=4, end=5).ok
    assert db.read(audit_trail.last_verification).result.broken.number == 2


@pytest.mark.books_are_broken_on_purpose
def test_a_beginning_that_is_intact_does_not_clear_a_break_after_it(db, auditor, write, past_guards):
    write(6)
    audit_trail.seal(db)
    past_guards(f"UPDATE audit_records SET object = 'thing 2' WHERE id = {hexed(db, 4)}")
    assert not audit_trail.verify(db, auditor).ok
    # Nor do as many as somebody cares to begin.
    for _ in range(60):
        assert audit_trail.verify(db, auditor, start=1, end=3).ok
    assert db.read(audit_trail.last_verification).result.broken.number == 4
    assert len(db.read(audit_trail.verifications)) == 50


def test_a_beginning_that_was_verified_says_nothing_of_what_was_verified_before(db, auditor, write):
    write(6)
    whole = audit_trail.verify(db, auditor)
    audit_trail.verify(db, auditor, start=1, end=1)
    assert db.read(audit_trail.last_verification).result.end == whole.end


@pytest.mark.books_are_broken_on_purpose
def test_an_end_that_was_cut_off_is_noticed_by_who_saw_it(db, auditor, write, past_guards, another):
    write(6)
    assert audit_trail.verify(db, auditor).ok
    last = db.read(audit_trail.last_verification).result.end
    past_guards(f"DELETE FROM audit_seals WHERE number > {last - 3}", "DELETE FROM audit_records")
    found = audit_trail.verify(db, auditor, start=None)
    assert not found.ok


@pytest.mark.books_are_broken_on_purpose
def test_the_whole_end_with_its_records(db, write, past_guards):
    write(6)
    assert audit_trail.verify(db, None).ok
    gone = ", ".join(hexed(db, number) for number in (4, 5, 6))
    past_guards(
        "DELETE FROM audit_seals WHERE number > 3",
        f"DELETE FROM audit_records WHERE id IN ({gone}) OR object = 'audit trail'",
    )
    found = audit_trail.verify(db, None)
    assert found.broken.number == 4
    assert "cut off" in found.broken.what


def test_many_who_append_and_seal_at_once_make_one_line(db, another, at_once, numbers):
    workers = [db, another(), another()]

    def work(index):
        own = workers[index % 3]
        sealed = 0
        for turn in range(5):
            own.unit_of_work(
                lambda session, turn=turn: audit.record(
                    session, actor_id=None, action="test.write", object=f"thing {index}-{turn}"
                )
            )
            sealed += audit_trail.seal(own)
        return sealed

    sealed = sum(at_once(work, 6)) + audit_trail.seal(db)
    assert sealed == 30
    assert numbers() == list(range(1, 31))
    assert audit_trail.verify(db, None).checked == 30


def test_tampering_with_a_copy_is_caught_and_touches_nothing(db, auditor, write):
    write(7)
    before = db.read(lambda session: session.execute(text("SELECT COUNT(*), MAX(object) FROM audit_records")).one())
    seen = audit_trail.tamper_with_a_copy(db, auditor)
    assert seen.before != seen.after
    assert seen.result.broken.number == seen.number
    assert (
        db.read(lambda session: session.execute(text("SELECT COUNT(*), MAX(object) FROM audit_records")).one())
        == before
    )
    assert audit_trail.verify(db, auditor).ok


def test_where_a_request_came_from_is_kept(db, counter, ada, ben, teller, numbers):
    moved = counter.transfer(ada, counter.open(ada, "50.00"), counter.open(ben), "5.00")

    def ask():
        audit.came_from("203.0.113.9", "req-1")
        counter.reverse(teller, moved)

    contextvars.copy_context().run(ask)
    row = db.read(
        lambda session: session.execute(
            select(AuditRecord.address, AuditRecord.request_id).where(AuditRecord.action == "transaction.reverse")
        ).one()
    )
    assert tuple(row) == ("203.0.113.9", "req-1")
