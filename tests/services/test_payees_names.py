"""Whom one has paid, and whose account a number is."""

import pytest

from bank_app.services import accounts, auth, payees


@pytest.mark.parametrize(
    ("typed", "result"), [("Ada Lovelace", "none"), ("", "none"), ("??", "none"), ("!!!", "match")]
)
def test_a_name_without_letters_is_matched_by_itself_only(db, counter, ada, typed, result):
    person = auth.register(db, email="signs@bank.test", name="!!!", password="lantern-orchard-48-violin")
    opened = counter.open(person)
    check = db.read(lambda session: accounts.check_payee(session, ada, account_id=opened.id, name=typed))
    assert (check.result, check.suggestion) == (result, None)


def test_giving_back_what_was_reversed_is_not_having_paid(db, counter, ada, ben, teller):
    hers, his = counter.open(ada, "10.00"), counter.open(ben, "10.00")

    def has_paid():
        return db.read(lambda session: payees.has_paid(session, ada, owner_id=ada.user_id, account_id=his.id))

    counter.reverse(teller, counter.transfer(ben, his, hers, "5.00"))
    assert not has_paid()
    counter.transfer(ada, hers, his, "1.00")
    assert has_paid()
