"""One box that finds: what somebody may see anyway, and nothing else."""

from bank_app.domain.identifiers import reference
from bank_app.services import finder


def test_a_customer_finds_own_accounts_people_paid_and_entries(db, counter, ada, ben):
    hers, his = counter.open(ada, "100.00"), counter.open(ben)
    moved = counter.transfer(ada, hers, his, "25.00")

    def find(text):
        return db.read(lambda session: finder.find(session, ada, text))

    assert [account.id for account in find("").accounts] == [hers.id]
    assert [account.id for account in find(hers.number[-4:]).accounts] == [hers.id]
    assert [payee.account_id for payee in find(ben.name.split()[0].upper()).people] == [his.id]
    short = reference(moved.transaction.id)
    assert [entry.amount_minor for entry in find(short).entries] == [25_00]


def test_a_customer_finds_nothing_of_others(db, counter, ada, ben):
    counter.open(ada, "100.00")
    his = counter.open(ben, "5.00")
    for text in (ben.name, his.number, ben.email, ""):
        found = db.read(lambda session, text=text: finder.find(session, ada, text))
        assert not any(account.owner_id == ben.user_id for account in found.accounts)
        assert (found.people, found.transactions, found.owners) == ([], [], [])


def test_the_banks_people_find_everybody_and_a_transaction_by_its_reference(db, counter, ada, ben, teller):
    hers, his = counter.open(ada, "100.00"), counter.open(ben)
    moved = counter.transfer(ada, hers, his, "25.00")
    transaction = moved.transaction
    found = db.read(lambda session: finder.find(session, teller, ada.name))
    assert [account.id for account in found.accounts] == [hers.id]
    assert found.owners == [(ada.user_id, ada.name)]
    by_reference = db.read(lambda session: finder.find(session, teller, reference(transaction.id)))
    assert [view.id for view in by_reference.transactions] == [transaction.id]
    assert db.read(lambda session: finder.find(session, teller, "a")).accounts == []


def test_names_to_pay_are_those_that_were_paid(db, counter, ada, ben):
    hers, his = counter.open(ada, "100.00"), counter.open(ben)
    first = ben.name.split()[0].lower()
    assert db.read(lambda session: finder.payees_called(session, ada, first)) == []
    counter.transfer(ada, hers, his, "1.00")
    assert [p.account_id for p in db.read(lambda session: finder.payees_called(session, ada, first))] == [his.id]
    assert db.read(lambda session: finder.payees_called(session, ada, " ")) == []
