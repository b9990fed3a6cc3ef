"""Who pays a number without knowing whose it is never reads the owner's name: he sees what he typed."""

from datetime import timedelta

import pytest

from bank_app import clock
from bank_app.services import accounts, attempts, drafts, finder, history, notices, payee_names, payees, transfers
from bank_app.services.history import HistoryFilter

TYPED, REAL = "Bob Someone", "Ben Ito"


@pytest.fixture
def hers(counter, ada):
    return counter.open(ada, "100.00")


@pytest.fixture
def his(counter, ben):
    return counter.open(ben)


@pytest.fixture
def checked(db, ada, hers, his):
    """Ada's draft of a payment, after her name for the payee fitted in this way."""

    def one(result, name=TYPED):
        return db.unit_of_work(
            lambda session: drafts.save(
                session, ada, kind="transfer", amount_minor=500, currency="USD", from_account_id=hers.id,
                to_account_id=his.id, payee_name=name, payee_result=result,
            )
        )  # fmt: skip

    return one


@pytest.fixture
def pay(db, ada):
    def one(draft):
        return transfers.move(db, ada, draft.movement, key=draft.key).transaction.id

    return one


@pytest.fixture
def receipt(db):
    """The names on a transaction, as one person reads it."""

    def names(actor, transaction_id):
        view = db.read(lambda session: transfers.get_transaction(session, actor, transaction_id))
        return tuple(side.owner_name for side in view.postings)

    return names


def names_in_history(db, actor, account):
    return [
        entry.counterparty.name
        for entry in db.read(lambda session: history.history(session, actor, account.id)).items
        if entry.type != "deposit"
    ]


def test_the_payer_reads_what_he_typed(checked, pay, receipt, ada, ben, teller):
    paid = pay(checked("none"))
    assert receipt(ada, paid) == ("Ada Lindqvist", TYPED)
    assert receipt(ben, paid) == ("Ada Lindqvist", REAL)
    assert receipt(teller, paid) == ("Ada Lindqvist", REAL)


@pytest.mark.parametrize("result", ["match", "close"])
def test_who_knows_the_name_reads_it(checked, pay, receipt, ada, result):
    assert receipt(ada, pay(checked(result, "Ben Itoh"))) == ("Ada Lindqvist", REAL)


def test_a_name_that_nobody_could_check_tells_nothing(checked, pay, receipt, ada):
    assert receipt(ada, pay(checked("fail"))) == ("Ada Lindqvist", TYPED)


def test_nowhere_else_does_he_read_it_either(db, checked, pay, ada, hers, his):
    pay(checked("none"))

    def everywhere(session):
        return [
            history.history(session, ada, hers.id),
            history.recent(session, ada),
            payees.paid_before(session, ada, owner_id=ada.user_id),
            payees.known(session, ada, owner_id=ada.user_id),
            attempts.list_attempts(session, ada, hers.id),
            notices.list_notices(session, ada),
            history.entries_in(
                session,
                ada,
                history.statement(session, ada, hers.id, start=clock.now() - timedelta(days=1), end=clock.now()),
                limit=100,
            ),
            finder.find(session, ada, "bob"),
        ]

    told = repr(db.read(everywhere))
    assert REAL not in told
    assert TYPED in told
    assert names_in_history(db, ada, hers) == [TYPED]


def test_nor_does_searching_for_it_find_it(db, checked, pay, ada, hers):
    pay(checked("none"))

    def found(text):
        filters = HistoryFilter(q=text)
        return len(db.read(lambda session: history.history(session, ada, hers.id, filters=filters)).items)

    assert (found("ito"), found("bob")) == (0, 1)
    checked("match", REAL)
    pay(checked("match", REAL))
    assert (found("ito"), found("bob")) == (2, 0)


def test_a_reversal_does_not_name_him(counter, db, checked, pay, ada, teller, hers, receipt):
    paid = pay(checked("none"))
    view = db.read(lambda session: transfers.get_transaction(session, ada, paid))
    reversal = counter.move(teller, transfers.Reverse(view.id, "Sent by mistake")).transaction.id
    assert receipt(ada, reversal) == (TYPED, "Ada Lindqvist")
    assert names_in_history(db, ada, hers) == [TYPED, TYPED]


def test_who_sends_money_is_known_to_whom_he_sends_it(counter, db, checked, pay, ada, ben, hers, his, receipt):
    pay(checked("none"))
    back = counter.transfer(ben, his, hers, "1.00").transaction.id
    assert receipt(ada, back) == (REAL, "Ada Lindqvist")
    assert names_in_history(db, ada, hers) == [REAL, TYPED]


def test_the_right_name_is_learnt_once_and_not_forgotten(checked, pay, receipt, ada):
    first = pay(checked("none"))
    checked("close", "Ben Itto")
    checked("none")
    assert receipt(ada, first) == ("Ada Lindqvist", REAL)


def test_the_last_wrong_name_is_the_one_that_is_shown(checked, pay, receipt, ada):
    first = pay(checked("none"))
    checked("none", "Bert Else")
    assert receipt(ada, first) == ("Ada Lindqvist", "Bert Else")


def test_it_is_his_own_lack_of_knowledge_only(counter, checked, pay, eve, receipt, his):
    checked("none")
    moved = counter.transfer(eve, counter.open(eve, "5.00"), his, "1.00").transaction.id
    assert receipt(eve, moved) == ("Eve Marlow", REAL)


def test_a_check_that_is_to_be_remembered_is(db, ada, his):
    def check(name):
        return db.unit_of_work(
            lambda session: accounts.check_payee_for_good(session, ada, account_id=his.id, name=name)
        ).result

    def unknown():
        return db.read(lambda session: payee_names.unknown_to(session, ada, [his.id]))

    assert (check(TYPED), unknown()) == ("none", {his.id: TYPED})
    assert (check("Ben Ito"), unknown()) == ("match", {})
    assert (check(TYPED), unknown()) == ("none", {})


def test_the_banks_people_are_not_kept_from_names(db, teller, his):
    db.unit_of_work(lambda session: payee_names.note(session, teller, account_id=his.id, name=TYPED, result="none"))
    assert db.read(lambda session: payee_names.unknown_to(session, teller, [his.id])) == {}


def test_only_the_newest_entries_are_looked_at_for_who_paid(counter, db, ada, ben, hers, his, monkeypatch):
    monkeypatch.setattr(payee_names, "_NEWEST", 2)

    def unknown():
        return db.read(lambda session: payee_names.unknown_to(session, ada, [his.id]))

    by_number = {his.id: f"Account {his.grouped_number}"}
    assert unknown() == by_number
    counter.transfer(ada, hers, his, "5.00", knows=False)
    assert unknown() == by_number
    counter.transfer(ben, his, hers, "1.00")
    assert unknown() == {}
    for _ in range(2):
        counter.transfer(ada, hers, his, "1.00", knows=False)
    assert unknown() == by_number
