"""What a newcomer tried: from the books where they say so, kept with the person where they do not."""

import pytest

from bank_app.errors import Invalid
from bank_app.services import first_steps, preferences


@pytest.fixture
def look(db, ada, ben):
    return lambda: db.read(lambda session: first_steps.look(session, ada, partner_email=ben.email))


def test_sending_is_read_from_the_books(db, counter, ada, ben, look):
    hers, his = counter.open(ada, "100.00"), counter.open(ben)
    before = look()
    assert (before.done, before.sent, before.partner.id, before.own.id) == (frozenset(), None, his.id, hers.id)
    sent = counter.transfer(ada, hers, his, "25.00", key="draft:01a20000-0000-7000-8000-000000000000")
    counter.transfer(ada, hers, his, "5.00", key="another way")
    after = look()
    assert after.done == {"send"}
    assert after.sent == sent.transaction.id, "only what came from a form can be sent twice"
    with pytest.raises(Invalid):
        db.unit_of_work(lambda session: first_steps.tick(session, ada, "send"))


def test_the_rest_is_kept_with_the_person_beside_the_preferences(db, counter, ada, look):
    counter.open(ada)
    db.unit_of_work(lambda session: preferences.change(session, ada, preferences.Preferences(locale="de-DE")))
    for step in ("prove", "twice", "prove"):
        db.unit_of_work(lambda session, step=step: first_steps.tick(session, ada, step))
    assert look().done == {"prove", "twice"}
    db.unit_of_work(lambda session: first_steps.put_away(session, ada, away=True))
    assert look().put_away
    db.unit_of_work(lambda session: first_steps.put_away(session, ada, away=False))
    assert (look().put_away, look().done) == (False, frozenset())


def test_without_the_other_person_there_is_nobody_to_send_to(db, ada):
    found = db.read(lambda session: first_steps.look(session, ada, partner_email="nobody@bank.test"))
    assert (found.partner, found.own, found.done) == (None, None, frozenset())
