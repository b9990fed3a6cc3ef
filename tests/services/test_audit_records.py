"""The audit trail is read in pages, filtered, and one by one with its place in the chain."""

import csv
import io
import json

import pytest

from bank_app import errors
from bank_app.domain import chain, money
from bank_app.domain.accounting import AccountStatus
from bank_app.services import audit, audit_records, audit_trail
from bank_app.services.audit_records import Outcome, RecordFilter
from bank_app.services.lists import Pages
from bank_app.ui import audit_words


@pytest.fixture
def trail(db, counter, ada, teller):
    """Some accounts, one of them frozen and thawed, and an attempt that was refused."""
    account = counter.open(ada, nickname="=Holidays")
    counter.change(teller, account, status=AccountStatus.FROZEN, reason="Card seen in a leak")
    counter.change(teller, account, status=AccountStatus.OPEN, reason="It was another card")
    db.unit_of_work(
        lambda session: audit.record(
            session, actor_id=ada.user_id, action="access.refused", object="GET /ops", changes={"x": [None, 1]}
        )
    )
    audit_trail.seal(db)
    return account


@pytest.fixture
def listed(db, auditor):
    """What an auditor finds."""

    def numbers(actor=auditor, limit=25, **wanted):
        page = db.read(lambda s: audit_records.list_records(s, actor, filters=RecordFilter(**wanted), limit=limit))
        return [record.number for record in page.items]

    return numbers


def test_pages_follow_each_other_without_gap_or_repetition(db, auditor, trail):
    audit_trail.seal(db)
    seen, cursor = [], None
    while True:
        page = db.read(lambda s, cursor=cursor: audit_records.list_records(s, auditor, limit=2, cursor=cursor))
        seen += [record.number for record in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == list(range(max(seen), 0, -1))


@pytest.mark.parametrize("cursor", ["x", "MXwy", "LTE", "4pyT"])
def test_a_cursor_of_elsewhere_is_refused(db, auditor, cursor):
    with pytest.raises(errors.Invalid):
        db.read(lambda s: audit_records.list_records(s, auditor, cursor=cursor))


def test_filters(db, auditor, ada, teller, trail, listed):
    everything = listed()
    frozen = listed(action="account.change")
    assert len(frozen) == 2
    assert set(listed(actor_id=teller.user_id)) >= set(frozen)
    assert listed(q="card SEEN") == [min(frozen)]
    assert set(listed(q="olu")) >= set(frozen)
    assert len(listed(q=trail.number)) == 3
    assert len(listed(outcome=Outcome.REFUSED)) == 1
    assert len(listed(outcome=Outcome.DONE)) == len(everything) - 1
    record = db.read(lambda s: audit_records.get_record(s, auditor, min(frozen))).record
    assert min(frozen) in listed(since=record.created_at)
    assert min(frozen) not in listed(until=record.created_at)
    assert listed(q="100%") == []
    counted = db.read(lambda s: audit_records.count(s, auditor, RecordFilter(action="account.change")))
    assert counted == 2
    assert db.read(lambda s: audit_records.count(s, auditor, RecordFilter())) == len(everything)


def test_one_record_with_its_place(db, auditor, ada, trail, listed):
    number = listed(action="account.change")[-1]
    place = db.read(lambda s: audit_records.get_record(s, auditor, number))
    record = place.record
    assert (record.role.value, record.reason) == ("teller", "Card seen in a leak")
    assert record.changes["status"] == ["open", "frozen"]
    before = db.read(lambda s: audit_records.get_record(s, auditor, number - 1))
    assert (before.record.hash, before.next_hash) == (place.previous_hash, record.hash)
    said = json.loads(place.document)
    said["changes"] = json.dumps(said["changes"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert chain.audit_hash(bytes.fromhex(place.previous_hash), said).hex() == record.hash
    registered = db.read(lambda s: audit_records.list_records(s, auditor, filters=RecordFilter(action="user.register")))
    assert ada.name in {one.subject for one in registered.items}
    with pytest.raises(errors.NotFound):
        db.read(lambda s: audit_records.get_record(s, auditor, 9999))


def test_a_file_of_records_holds_no_formula(db, auditor, ada, trail):
    db.unit_of_work(lambda s: audit.record(s, actor_id=ada.user_id, action="test.write", object="thing", reason="=1+1"))
    audit_trail.seal(db)
    page = db.read(lambda s: audit_records.list_records(s, auditor, limit=100))
    rows = list(csv.DictReader(io.StringIO("".join(audit_records.records_csv(Pages(db, lambda *_: page)).pieces))))
    assert len(rows) == len(page.items)
    assert rows[0]["reason"] == "'=1+1"


@pytest.mark.parametrize(
    ("currency", "limit", "minor"), [("USD", "500.00", 50000), ("JPY", "1000", 1000), ("KWD", "1.250", 1250)]
)
def test_limits_are_told_in_major_units_of_the_account_and_hashed_as_they_were_kept(
    db, counter, auditor, teller, ada, currency, limit, minor
):
    counter.change(teller, counter.open(ada, currency=currency), transfer_limit=limit)
    audit_trail.seal(db)
    page = db.read(lambda s: audit_records.list_records(s, auditor, filters=RecordFilter(action="account.change")))
    [record] = page.items
    assert (record.changes["transfer_limit"], record.currency) == ([None, minor], currency)
    assert record.changes_told["transfer_limit"] == [None, limit]
    [row] = csv.DictReader(io.StringIO("".join(audit_records.records_csv(Pages(db, lambda *_: page)).pieces)))
    assert json.loads(row["changes"])["transfer_limit"] == [None, limit]
    place = db.read(lambda s: audit_records.get_record(s, auditor, record.number))
    assert json.loads(place.document)["changes"]["transfer_limit"] == [None, minor]
    shown = [line.value for line in audit_words.changes(record) if line.field == "transfer_limit"]
    assert shown == [money.display(minor, currency)]


def test_customers_see_none_of_it(db, ada, trail):
    for read in (
        audit_records.list_records,
        audit_records.actions,
        lambda s, actor: audit_records.count(s, actor, RecordFilter()),
        lambda s, actor: audit_records.get_record(s, actor, 1),
    ):
        with pytest.raises(errors.Forbidden):
            db.read(lambda s, read=read: read(s, ada))


def test_tellers_and_auditors_read_it(db, teller, auditor, trail):
    for actor in (teller, auditor):
        assert "account.change" in db.read(lambda s, actor=actor: audit_records.actions(s, actor))
