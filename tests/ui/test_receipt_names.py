"""The receipt of somebody who paid a number without knowing whose it is."""

import pytest

from bank_app.services import drafts, transfers
from bank_app.ui.pages.receipt import ReceiptState
from tests.handlers import name_of

RECEIPT = name_of(ReceiptState)
TYPED = "Bob Someone"


@pytest.fixture
def paid(bank, counter, ada, ben):
    """Ada's payment to Ben under a name that did not fit."""
    hers, his = counter.open(ada, "100.00"), counter.open(ben)
    draft = bank.db.unit_of_work(
        lambda session: drafts.save(
            session, ada, kind="transfer", amount_minor=500, currency="USD", from_account_id=hers.id,
            to_account_id=his.id, payee_name=TYPED, payee_result="none",
        )
    )  # fmt: skip
    return transfers.move(bank.db, ada, draft.movement, key=draft.key).transaction.id


def test_it_says_the_name_that_he_typed_and_not_the_owners(client, cookie_of, ada, ben, paid):
    def receipt(person):
        tab = f"tab-{person.name}"
        return client.send(f"{RECEIPT}.open", cookie=cookie_of(person), path=f"/transactions/{paid}", tab=tab)

    hers = receipt(ada)
    assert "Ben" not in hers
    assert hers.events == []
    paper = hers.vars["paper"]
    assert (paper.title, paper.target) == (f"Sent $5.00 to {TYPED}", TYPED)
    assert [side.owner for side in hers.vars["sides"]] == ["Ada Lindqvist", TYPED]
    assert receipt(ben).vars["paper"].title == "Received $5.00 from Ada Lindqvist"
