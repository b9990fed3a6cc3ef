"""Names and emails that are put right: by whom, with whose word, and what is written down of it."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from bank_app import clock, demo, demo_town, errors
from bank_app.domain.accounting import Role
from bank_app.models import AuditRecord
from bank_app.services import accounts, auth, notices, profile

PASSWORD = "lantern-orchard-48-violin"
WHY = "Married, passport seen"
NEW = "ada.ito@bank.test"


def correct(db, actor, person, *, name=None, email=None, reason=WHY):
    wanted = {"name": name or person.name, "email": email or person.email, "reason": reason}
    return db.unit_of_work(lambda session: profile.correct(session, actor, person.user_id, **wanted))


def own(db, person):
    return db.read(lambda session: profile.own(session, person))


def trail(db, action):
    query = select(AuditRecord).where(AuditRecord.action == action).order_by(AuditRecord.id)
    return db.read(lambda session: session.execute(query).scalars().all())


def signs_in(db, email):
    return auth.open_browser_session(db, email=email, password=PASSWORD, address="127.0.0.1", user_agent="test")


def test_a_name_is_corrected_at_once_and_told(db, counter, ada, ben, teller):
    account = counter.open(ada)
    assert correct(db, teller, ada, name="  Ada   Ito ") == profile.Correction(renamed=True, new_email="")
    assert own(db, ada).name == "Ada Ito"
    found = db.read(lambda session: accounts.check_payee(session, ben, account_id=account.id, name="Ada Ito"))
    assert found.result == "match"
    [record] = trail(db, "user.name")
    assert (record.actor_id, record.object, record.reason, record.changes) == (
        teller.user_id, f"user {ada.user_id}", WHY, {"name": ["Ada Lindqvist", "Ada Ito"]},
    )  # fmt: skip
    told = db.read(lambda session: notices.list_notices(session, ada, limit=10))
    assert "user.name" in [notice.action for notice in told.items]


def test_a_new_email_counts_once_its_person_confirms_it(db, ada, teller):
    here, elsewhere = signs_in(db, ada.email), signs_in(db, ada.email)
    assert correct(db, teller, ada, email=" ADA.Ito@bank.test ").new_email == NEW
    waiting = own(db, ada)
    assert (waiting.email, waiting.new_email) == (ada.email, NEW)
    with pytest.raises(errors.CredentialsDoNotMatch):
        signs_in(db, NEW)
    me = auth.actor_of_cookie(db, here.token)
    with pytest.raises(errors.CredentialsDoNotMatch):
        profile.confirm_email(db, me, "not the password")
    assert own(db, ada).email == ada.email
    assert profile.confirm_email(db, me, PASSWORD) == NEW
    assert (own(db, ada).email, own(db, ada).new_email) == (NEW, "")
    assert auth.actor_of_cookie(db, here.token) is not None
    assert auth.actor_of_cookie(db, elsewhere.token) is None
    assert signs_in(db, NEW)
    with pytest.raises(errors.CredentialsDoNotMatch):
        signs_in(db, ada.email)
    with pytest.raises(errors.NotFound):
        profile.confirm_email(db, me, PASSWORD)
    assert [record.changes for record in trail(db, "user.email_proposed")] == [{"email": [ada.email, NEW]}]
    [confirmed] = trail(db, "user.email")
    assert (confirmed.actor_id, confirmed.changes["email"]) == (ada.user_id, [ada.email, NEW])


def test_a_new_email_is_declined_taken_back_replaced_and_forgotten(db, ada, teller):
    correct(db, teller, ada, email=NEW)
    db.unit_of_work(lambda session: profile.decline_email(session, ada))
    assert own(db, ada).new_email == ""
    assert len(trail(db, "user.email_declined")) == 1
    correct(db, teller, ada, email=NEW)
    assert correct(db, teller, ada, email="ada@else.test").new_email == "ada@else.test"
    assert own(db, ada).new_email == "ada@else.test"
    assert correct(db, teller, ada).new_email == ""
    assert own(db, ada).new_email == ""
    correct(db, teller, ada, email=NEW)
    with clock.moved_to(clock.now() + profile.LASTS + timedelta(seconds=1)):
        assert own(db, ada).new_email == ""
        with pytest.raises(errors.NotFound):
            profile.confirm_email(db, ada, PASSWORD)


def test_an_email_that_somebody_has_is_neither_proposed_nor_confirmed(db, register, ada, ben, teller):
    with pytest.raises(errors.EmailTaken):
        correct(db, teller, ada, email=ben.email)
    correct(db, teller, ada, email="cleo@bank.test")
    register("Cleo Park")
    with pytest.raises(errors.EmailTaken):
        profile.confirm_email(db, ada, PASSWORD)
    assert own(db, ada).email == ada.email


def test_two_confirmations_at_once_change_it_once(db, ada, teller, at_once, codes):
    correct(db, teller, ada, email=NEW)
    answers = at_once(lambda _: profile.confirm_email(db, ada, PASSWORD), 8)
    assert sorted(set(codes(answers))) == ["not_found", "ok"]
    assert codes(answers).count("ok") == 1
    assert len(trail(db, "user.email")) == 1


def test_only_who_may_decide_about_somebody_corrects_them(db, ada, ben, teller, auditor, admin, register):
    for actor, person in ((ada, ben), (ben, ben), (auditor, ada), (teller, admin), (teller, teller), (admin, admin)):
        with pytest.raises(errors.Forbidden):
            correct(db, actor, person, name="Somebody Else")
    assert correct(db, admin, teller, name="Olu Ade").renamed
    assert correct(db, register("Vera Admin", Role.ADMIN), admin, name="Kim Park").renamed


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"email": "nowhere"}, "email"),
        ({"reason": "short"}, "reason"),
    ],
)
def test_what_is_not_acceptable_is_named_and_nothing_is_changed(db, ada, teller, wrong, field):
    with pytest.raises(errors.Invalid) as refusal:
        correct(db, teller, ada, **{"name": "New Name", "email": NEW, **wrong})
    assert [problem["field"] for problem in refusal.value.details["errors"]] == [field]
    assert (own(db, ada).name, own(db, ada).new_email) == (ada.name, "")


def test_whom_the_demo_enters_as_keeps_the_email_and_nobody_takes_one(db, ada, teller):
    [somebody] = demo_town.enroll(db, [("ada@demo.test", "Ada Demo", Role.CUSTOMER)], "no password has this hash")
    for person, email in ((somebody, NEW), (ada, "ada.ito@demo.test")):
        with pytest.raises(errors.Invalid) as refusal:
            correct(db, teller, person, name="New Name", email=email)
        assert [problem["code"] for problem in refusal.value.details["errors"]] == ["EMAIL_RESERVED"]
        assert (own(db, person).name, own(db, person).new_email) == (person.name, "")
    assert correct(db, teller, somebody, name="Ada Ito").renamed
    assert demo.is_filled(db)
