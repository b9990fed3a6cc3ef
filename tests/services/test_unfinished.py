"""What was begun and not finished: kept as typed, for a day, for nobody else, and gone once it was sent."""

from datetime import timedelta

import pytest

from bank_app import clock, errors
from bank_app.domain.identifiers import new_id
from bank_app.services import drafts, transfers, unfinished

TYPED = {"source": "4821", "who": "new", "number": "12 34", "name": "Ben It", "amount": "12,3", "note": "for\nlunch"}


@pytest.fixture
def keep(db, ada):
    def one(actor=ada, form_id=None, kind="transfer", **fields):
        form_id = form_id or new_id()
        db.unit_of_work(lambda session: unfinished.keep(session, actor, form_id, kind=kind, fields={**TYPED, **fields}))
        return form_id

    return one


@pytest.fixture
def draft(db, counter, ada, ben):
    hers, his = counter.open(ada, "100.00"), counter.open(ben)

    def one(minor=2500):
        return db.unit_of_work(
            lambda session: drafts.save(
                session, ada, kind="transfer", amount_minor=minor, currency="USD", from_account_id=hers.id,
                to_account_id=his.id, payee_name="Ben Ito", payee_result="match",
            )
        )  # fmt: skip

    return one


def get(db, actor, form_id):
    return db.read(lambda session: unfinished.get(session, actor, form_id))


def of(db, actor):
    return db.read(lambda session: unfinished.of(session, actor))


def drop(db, actor, identifier):
    db.unit_of_work(lambda session: unfinished.drop(session, actor, identifier))


@pytest.mark.parametrize("kind", unfinished.KINDS)
def test_every_kind_of_form_is_kept(db, ada, keep, kind):
    assert get(db, ada, keep(kind=kind)).kind == kind


def test_a_form_comes_back_as_it_was_typed_and_the_last_version_counts(db, ada, keep):
    form_id = keep()
    assert get(db, ada, form_id).fields == TYPED
    keep(form_id=form_id, amount="12,34", note="")
    assert get(db, ada, form_id).fields == {key: value for key, value in TYPED.items() if key != "note"} | {
        "amount": "12,34"
    }
    assert len(of(db, ada).forms) == 1


def test_nothing_else_is_kept_and_nothing_without_end(db, ada, keep):
    form = get(db, ada, keep(name="n" * 5000, password="secret", checked="yes"))
    assert (len(form.fields["name"]), form.fields.keys() & {"password", "checked"}) == (400, set())
    with pytest.raises(errors.Invalid):
        keep(kind="reversal")


def test_a_form_is_its_owners_only(db, ada, eve, teller, keep):
    form_id = keep()
    for actor in (eve, teller):
        with pytest.raises(errors.NotFound):
            get(db, actor, form_id)
        with pytest.raises(errors.NotFound):
            keep(actor, form_id, amount="1")
        drop(db, actor, form_id)
        assert of(db, actor).forms == ()
    assert get(db, ada, form_id).fields["amount"] == "12,3"


def test_a_form_is_kept_for_a_day_after_the_last_change(db, ada, keep):
    form_id = keep()
    changed = get(db, ada, form_id).changed_at
    with clock.moved_to(changed + timedelta(hours=24)):
        assert get(db, ada, form_id)
    with clock.moved_to(changed + timedelta(hours=24, seconds=1)):
        with pytest.raises(errors.NotFound):
            get(db, ada, form_id)
        keep()
        assert len(of(db, ada).forms) == 1


def test_only_the_newest_forms_stay(db, ada, keep):
    kept = []
    for minute in range(25):
        with clock.moved_to(clock.now() + timedelta(minutes=minute)):
            kept.append(keep(amount=str(minute)))
    for old in kept[:5]:
        with pytest.raises(errors.NotFound):
            get(db, ada, old)
    assert [form.fields["amount"] for form in of(db, ada).forms] == ["24", "23", "22", "21", "20"]


def test_a_draft_waits_until_it_is_sent_or_refused(db, ada, draft):
    first = draft()
    assert of(db, ada).drafts == (first,)
    transfers.move(db, ada, first.movement, key=first.key)
    assert of(db, ada).drafts == ()
    too_much = draft(999_999)
    assert of(db, ada).drafts == (too_much,)
    with pytest.raises(errors.InsufficientFunds):
        transfers.move(db, ada, too_much.movement, key=too_much.key)
    assert of(db, ada).drafts == ()


def test_of_several_drafts_to_the_same_account_the_newest_is_offered(db, ada, draft):
    draft(100)
    with clock.moved_to(clock.now() + timedelta(minutes=1)):
        second = draft(200)
        assert of(db, ada).drafts == (second,)


def test_dropping_forgets_a_form_and_an_unsent_draft_but_never_a_sent_one(db, ada, eve, draft, keep):
    form_id, unsent, sent = keep(), draft(100), draft(200)
    transfers.move(db, ada, sent.movement, key=sent.key)
    drop(db, eve, unsent.id)
    for identifier in (form_id, unsent.id, sent.id, new_id()):
        drop(db, ada, identifier)
    assert of(db, ada) == unfinished.Unfinished((), ())
    assert db.read(lambda session: drafts.get(session, ada, sent.id)) == sent
    with pytest.raises(errors.NotFound):
        db.read(lambda session: drafts.get(session, ada, unsent.id))


def test_a_draft_wants_another_look_after_ten_minutes(db, draft):
    one = draft()
    with clock.moved_to(one.created_at + timedelta(minutes=10)):
        assert not one.stale
    with clock.moved_to(one.created_at + timedelta(minutes=10, seconds=1)):
        assert one.stale
