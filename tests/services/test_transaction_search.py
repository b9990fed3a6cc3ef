"""Finding a transaction by whatever somebody knows of it, and what is on file about one."""

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest

from bank_app import clock, errors
from bank_app.domain.accounting import Role, TransactionType
from bank_app.domain.identifiers import new_id
from bank_app.services import drafts, transaction_search
from bank_app.services.lists import Pages
from bank_app.services.transaction_search import TransactionFilter

THEN = datetime(2026, 3, 4, 12, tzinfo=UTC)


@pytest.fixture
def bank(counter, ada, ben, teller):
    """Five transactions: two deposits, a transfer with a key, a withdrawal by a teller, and its reversal."""
    with clock.moved_to(THEN):
        hers = counter.open(ada, "100.00", nickname="Wages")
        his = counter.open(ben, "1.00")
    sent = counter.transfer(ada, hers, his, "30.00", key="rent-3", description="=Rent").transaction
    cash = counter.withdraw(teller, hers, "5.00")
    return hers, his, sent, cash.transaction, counter.reverse(teller, cash).transaction


@pytest.fixture
def find(db):
    def look(actor, limit=50, cursor=None, **filters):
        return db.read(
            lambda session: transaction_search.find(
                session, actor, filters=TransactionFilter(**filters), limit=limit, cursor=cursor
            )
        )

    return look


def told(page):
    return [(item.transaction.type.value, item.transaction.amount_minor, item.initiator) for item in page.items]


def test_everything_is_found_newest_first_with_whoever_asked_for_it(find, auditor, bank):
    assert told(find(auditor)) == [
        ("reversal", 500, "Olu Adeyemi"), ("withdraw", 500, "Olu Adeyemi"), ("transfer", 3000, "Ada Lindqvist"),
        ("deposit", 100, "Ben Ito"), ("deposit", 10000, "Ada Lindqvist"),
    ]  # fmt: skip


def test_each_filter_keeps_what_fits(find, auditor, bank):
    _hers, his, sent, cash, reversal = bank
    wanted = {
        "reference": (sent.reference.lower(), [sent.id]),
        "account_id": (his.id, None),
        "key": ("rent-3", [sent.id]),
        "type": (TransactionType.REVERSAL, [reversal.id]),
        "min_amount": ("30.01", None),
        "max_amount": ("4.99", None),
        "initiator": ("olu@", [reversal.id, cash.id]),
        "reversed": (True, [cash.id]),
        "to": (THEN + timedelta(hours=1), None),
        "from_": (THEN + timedelta(hours=1), [reversal.id, cash.id, sent.id]),
    }
    counts = {"account_id": 2, "min_amount": 1, "max_amount": 1, "to": 2}
    for name, (value, ids) in wanted.items():
        found = [item.transaction.id for item in find(auditor, **{name: value}).items]
        assert found == ids if ids else len(found) == counts[name], name
    assert len(find(auditor, customer="ben ito").items) == 2
    assert len(find(auditor, reversed=False).items) == 4
    assert [item.transaction.id for item in find(auditor, reference=str(sent.id)).items] == [sent.id]


@pytest.mark.parametrize(
    "filters",
    [
        {"reference": "nonsense"},
        {"reference": "7QK2-M9RT"},
        {"customer": "nobody"},
        {"key": "rent"},
        {"account_id": 12},
    ],
)
def test_what_fits_nothing_is_not_found(find, teller, bank, filters):
    assert find(teller, **filters).items == []


def test_pages_follow_each_other_without_gap(find, teller, bank):
    first = find(teller, limit=2)
    second = find(teller, limit=2, cursor=first.next_cursor)
    third = find(teller, limit=2, cursor=second.next_cursor)
    assert [len(page.items) for page in (first, second, third)] == [2, 2, 1]
    assert third.next_cursor is None
    assert len({item.transaction.id for page in (first, second, third) for item in page.items}) == 5


@pytest.mark.parametrize("cursor", ["nonsense", "fHw"])
def test_a_cursor_that_is_not_ours_is_refused(find, teller, cursor):
    with pytest.raises(errors.Invalid):
        find(teller, cursor=cursor)


def test_a_file_has_every_column_and_no_formula(db, find, teller, bank):
    text = transaction_search.transactions_csv(Pages(db, lambda _session, _cursor: find(teller)))
    rows = list(csv.DictReader(io.StringIO("".join(text.pieces))))
    assert tuple(rows[0]) == transaction_search.CSV_COLUMNS
    hers, his, sent, _cash, reversal = bank
    assert rows[2] | {"posted_at": ""} == {
        "posted_at": "", "reference": sent.reference, "type": "transfer", "from_account": hers.number,
        "from_name": "Ada Lindqvist", "to_account": his.number, "to_name": "Ben Ito", "amount": "30.00",
        "currency": "USD", "memo": "'=Rent", "initiator": "Ada Lindqvist", "reversed_by": "",
        "transaction_id": str(sent.id),
    }  # fmt: skip
    assert rows[1]["reversed_by"] == reversal.reference


def test_what_is_on_file_about_a_reversed_transaction(db, auditor, bank):
    *_, cash, reversal = bank
    file = db.read(lambda session: transaction_search.dossier(session, auditor, cash.id))
    assert (file.initiator, file.role, file.key, file.hold_id) == ("Olu Adeyemi", Role.TELLER, None, None)
    assert (file.earlier.id, file.earlier.by_name) == (reversal.id, "Olu Adeyemi")
    assert [(record.action, record.by_name, record.reason) for record in file.records] == [
        ("transaction.reverse", "Olu Adeyemi", "Sent by mistake")
    ]
    mirror = db.read(lambda session: transaction_search.dossier(session, auditor, reversal.id))
    assert mirror.records == file.records


def test_what_is_on_file_about_a_transfer_from_a_page(counter, db, ada, teller, bank):
    hers, his, *_ = bank
    draft = db.unit_of_work(
        lambda session: drafts.save(
            session,
            ada,
            kind="transfer",
            amount_minor=100,
            currency="USD",
            from_account_id=hers.id,
            to_account_id=his.id,
        )
    )
    moved = counter.move(ada, draft.movement, key=draft.key).transaction
    file = db.read(lambda session: transaction_search.dossier(session, teller, moved.id))
    assert (file.initiator_id, file.key, file.drafted_at) == (ada.user_id, draft.key, draft.created_at)
    assert (file.records, file.earlier) == ((), None)


def test_a_captured_hold_is_on_file(counter, db, ada, teller, bank):
    hers, his, *_ = bank
    held = counter.hold(ada, hers, "2.00", to=his)
    captured = counter.capture(teller, held).hold
    file = db.read(lambda session: transaction_search.dossier(session, teller, captured.transaction_id))
    assert file.hold_id == held.hold.id


def test_customers_find_and_read_nothing(db, find, ada, bank):
    with pytest.raises(errors.Forbidden):
        find(ada)
    with pytest.raises(errors.Forbidden):
        db.read(lambda session: transaction_search.dossier(session, ada, bank[2].id))


def test_what_does_not_exist_has_no_file(db, teller):
    with pytest.raises(errors.TransactionNotFound):
        db.read(lambda session: transaction_search.dossier(session, teller, new_id()))
