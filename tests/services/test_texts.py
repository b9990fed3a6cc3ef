"""What people write, at every entrance: without what nobody sees, counted as they count, kept whole on each engine."""

import unicodedata

import pytest
from sqlalchemy import select

from bank_app import errors
from bank_app.models import AuditRecord, CustomerNote, PayeeName, SavedPayee, SignIn, Transaction
from bank_app.services import audit, auth, customer_notes, payee_names, payees, reasons

HOSTILE = " \u202erent\x00 \x1b[2J\u200b\r\nfor\tMarch\u2028\u2066 Jose\u0301 "
CLEAN = "rent [2J for March José"
# As many characters as there may be, each of them several code points.
FULL = {140: "🇩🇪" * 140, 60: "मो" * 60, 300: "e\u0323\u0302\u0304" * 300, 500: "👍🏽" * 500, 100: "ก้" * 100}


def only(db, column, **where):
    query = select(column).where(*(getattr(column.class_, name) == value for name, value in where.items()))
    return db.read(lambda session: session.execute(query).scalar_one())


def test_a_memo_is_one_line_of_what_is_seen(db, counter, ada):
    account = counter.open(ada)
    moved = counter.deposit(ada, account, "5.00", description=HOSTILE)
    assert moved.transaction.description == CLEAN
    assert only(db, Transaction.description, id=moved.transaction.id) == CLEAN


def test_a_memo_of_nothing_that_is_seen_is_none(counter, ada):
    assert (
        counter.deposit(ada, counter.open(ada), "5.00", description="\u200b\u202e \n").transaction.description is None
    )


def test_what_a_language_needs_is_kept(counter, ada):
    memo = "علی‌رضا 👨‍👩‍👧 ශ්‍රී"
    assert counter.deposit(ada, counter.open(ada), "5.00", description=memo).transaction.description == memo


def test_the_key_of_a_request_still_tells_apart_what_was_sent(counter, ada):
    account = counter.open(ada)
    first = counter.deposit(ada, account, "5.00", description="rent\u200b", key="k")
    assert (
        counter.deposit(ada, account, "5.00", description="rent\u200b", key="k").transaction.id == first.transaction.id
    )
    with pytest.raises(errors.IdempotencyKeyReused):
        counter.deposit(ada, account, "5.00", description="rent", key="k")


def test_as_many_characters_as_people_count_are_kept_whole(db, counter, ada, ben, teller):
    mine, his = counter.open(ada, nickname=FULL[60]), counter.open(ben)
    moved = counter.deposit(ada, mine, "5.00", description=FULL[140])
    zoe = auth.register(db, email="zoe@bank.test", name=FULL[100], password="lantern-orchard-48-violin")

    def write(session):
        payees.save(session, ada, account_id=his.id, name=FULL[100], nickname=FULL[60])
        payee_names.note(session, ada, account_id=his.id, name=FULL[100], result="none")
        customer_notes.add(session, teller, ada.user_id, text=FULL[500])
        audit.record(
            session, actor_id=teller.user_id, action="a.b", object="x", reason=audit.checked_reason(FULL[300])
        )  # fmt: skip

    db.unit_of_work(write)
    assert mine.nickname == FULL[60]
    assert zoe.name == FULL[100]
    assert only(db, Transaction.description, id=moved.transaction.id) == FULL[140]
    assert (only(db, SavedPayee.name), only(db, SavedPayee.nickname)) == (FULL[100], FULL[60])
    assert only(db, PayeeName.name) == FULL[100]
    assert only(db, CustomerNote.text) == FULL[500]
    assert only(db, AuditRecord.reason, action="a.b") == unicodedata.normalize("NFC", FULL[300])


@pytest.mark.parametrize("text", ["🇩🇪" * 141, "a" + "\u0316" * 560], ids=["one more", "one letter with 560 marks"])
def test_more_than_that_is_refused_with_how_many_there_are(counter, ada, text):
    account = counter.open(ada)
    with pytest.raises(errors.Invalid, match=r"now 141|561") as refused:
        counter.deposit(ada, account, "5.00", description=text)
    assert refused.value.details["errors"][0]["code"] == "too_long"
    assert counter.balance(account) == "0.00"


def test_names_and_reasons_are_lines_and_notes_have_several(db, counter, ada, ben, teller):
    mine, his, other = counter.open(ada, nickname=HOSTILE), counter.open(ben), counter.open(ben)
    assert mine.nickname == CLEAN
    counter.change(ada, mine, nickname="\u200b\u202e")

    def write(session):
        payees.save(session, ada, account_id=his.id, name="\u202aBen Ito\u202c", nickname=HOSTILE)
        payee_names.note(session, ada, account_id=other.id, name=HOSTILE, result="none")
        customer_notes.add(session, teller, ada.user_id, text="one\x00\r\ntwo\u202e\u2028three ")

    db.unit_of_work(write)
    assert (only(db, SavedPayee.name), only(db, SavedPayee.nickname)) == ("Ben Ito", CLEAN)
    assert only(db, PayeeName.name, account_id=other.id) == CLEAN
    assert only(db, CustomerNote.text) == "one\ntwo\nthree"
    assert reasons.written("Sent twice,\r\nsays\x1b Ada\u202e") == "Sent twice, says Ada"


def test_a_reason_of_nothing_that_is_seen_is_none():
    for empty in ("\u200b" * 12, "\u202e \n\t" * 4, "e\u0301" * 9):
        with pytest.raises(errors.Invalid, match="at least 10"):
            reasons.written(empty)


def test_a_browser_that_calls_itself_something_odd_is_written_down_on_one_line(db, ada):
    auth.open_browser_session(
        db, email=ada.email, password="lantern-orchard-48-violin", address="192.0.2.1",
        user_agent="Mozilla\x1b[31m\u202e\r\nFirefox/140" + "x" * 300,
    )  # fmt: skip
    kept = only(db, SignIn.user_agent)
    assert kept.startswith("Mozilla[31m Firefox/140x")
    assert len(kept) == 200


@pytest.mark.parametrize(
    "email",
    ["a\u202eda@bank.test", "ada\u200b@bank.test", "ada\x00@bank.test", "ad\u200ca@bank.test", "a\u00adda@bank.test"],
)
def test_an_email_has_nothing_hidden(db, email):
    with pytest.raises(errors.Invalid) as refused:
        auth.register(db, email=email, name="Ada", password="lantern-orchard-48-violin")
    assert refused.value.details["errors"][0]["code"] == "EMAIL_INVALID"
