"""Drafts: what a person is about to confirm, kept unchanged for a day and good for one effect."""

from datetime import timedelta

import pytest

from bank_app import clock, errors
from bank_app.services import drafts, transfers


@pytest.fixture
def saved(db, counter, ada, ben):
    hers, his = counter.open(ada, "100.00"), counter.open(ben)
    draft = db.unit_of_work(
        lambda session: drafts.save(
            session, ada, kind="transfer", amount_minor=2500, currency="USD", from_account_id=hers.id,
            to_account_id=his.id, description="Rent", payee_name="Ben Ito", payee_result="match",
        )
    )  # fmt: skip
    return hers, his, draft


def get(db, actor, draft):
    return db.read(lambda session: drafts.get(session, actor, draft.id))


def test_a_draft_is_read_back_as_it_was_saved_and_moves_nothing(db, counter, ada, saved):
    hers, _, draft = saved
    assert get(db, ada, draft) == draft
    assert counter.balance(hers) == "100.00"


def test_a_draft_that_is_sent_twice_is_one_transfer(db, counter, ada, saved):
    hers, his, draft = saved
    first, again = (transfers.move(db, ada, get(db, ada, draft).movement, key=draft.key) for _ in range(2))
    assert again.replayed
    assert again.transaction.id == first.transaction.id
    assert (counter.balance(hers), counter.balance(his)) == ("75.00", "25.00")


def test_a_draft_is_its_owners_only(db, eve, teller, saved):
    for actor in (eve, teller):
        with pytest.raises(errors.NotFound):
            get(db, actor, saved[2])


def test_a_draft_is_kept_for_a_day(db, ada, saved):
    with clock.moved_to(saved[2].created_at + timedelta(hours=24)):
        assert get(db, ada, saved[2])
    with clock.moved_to(saved[2].created_at + timedelta(hours=24, seconds=1)), pytest.raises(errors.NotFound):
        get(db, ada, saved[2])


@pytest.mark.parametrize(("kind", "left"), [("deposit", "125.00"), ("withdraw", "75.00")])
def test_cash_is_drafted_too(db, counter, ada, kind, left):
    account = counter.open(ada, "100.00")
    side = "to_account_id" if kind == "deposit" else "from_account_id"
    draft = db.unit_of_work(
        lambda session: drafts.save(session, ada, kind=kind, amount_minor=2500, currency="USD", **{side: account.id})
    )
    counter.move(ada, draft.movement, key=draft.key)
    assert counter.balance(account) == left


def test_a_draft_of_what_is_available_instead(db, counter, ada, eve, teller, saved):
    hers, _, draft = saved
    counter.withdraw(ada, hers, "90.00")

    def less(actor=ada):
        return db.unit_of_work(lambda session: drafts.save_less(session, actor, draft.id))

    fresh = less()
    assert (fresh.amount_minor, fresh.description, fresh.payee_name) == (1000, "Rent", "Ben Ito")
    assert fresh.id != draft.id
    for stranger in (eve, teller):
        with pytest.raises(errors.NotFound):
            less(stranger)
    counter.withdraw(ada, hers, "10.00")
    with pytest.raises(errors.InsufficientFunds):
        less()


def test_the_key_of_a_draft_names_it_and_no_other_key_does(db, ada, ben, saved):
    _, _, draft = saved
    moved = transfers.move(db, ada, draft.movement, key=draft.key)
    known = {
        actor.name: db.read(lambda session, actor=actor: transfers.key_of(session, actor, moved.transaction.id))
        for actor in (ada, ben)
    }
    assert known == {"Ada Lindqvist": draft.key, "Ben Ito": None}
    assert drafts.id_in(draft.key) == draft.id
    assert drafts.KEYS_FROM < draft.key < drafts.KEYS_BEFORE
    for other in (None, "", "draft:", "draft:now", f"deposit:{draft.id}", str(draft.id)):
        assert drafts.id_in(other) is None
