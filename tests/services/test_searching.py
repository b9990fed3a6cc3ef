"""What somebody types into a search box finds what is meant, in any alphabet, on both engines."""

import pytest

from bank_app.services import accounts, auth, history


@pytest.fixture
def hers(counter, ada):
    return counter.open(ada, "100.00")


@pytest.mark.parametrize("typed", ["Ångström", "ångström", "ÅNGSTRÖM", "äpfel", "ÖL"])
def test_history_finds_letters_with_accents_in_either_case(db, counter, ada, hers, typed):
    zoe = auth.register(db, email="zoe@bank.test", name="Zoë Ångström", password="lantern-orchard-48-violin")
    counter.transfer(ada, hers, counter.open(zoe), "1.00", description="Äpfel für Öl")
    found = db.read(lambda session: history.history(session, ada, hers.id, filters=history.HistoryFilter(q=typed)))
    assert len(found.items) == 1


@pytest.mark.parametrize("typed", ["Петров", "петров", "ПЕТРОВ", "Šumava"])
def test_the_desk_finds_people_and_nicknames_in_any_alphabet(db, counter, teller, typed):
    ivan = auth.register(db, email="ivan@bank.test", name="Иван Петров", password="lantern-orchard-48-violin")
    opened = counter.open(ivan, nickname="Šumava")
    found = db.read(lambda session: accounts.list_accounts(session, teller, q=typed))
    assert [account.id for account in found.items] == [opened.id]
