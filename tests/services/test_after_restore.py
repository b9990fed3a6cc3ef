"""What a backup brings back that was over by then ends once more."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from bank_app import clock, errors
from bank_app.domain.accounting import Role
from bank_app.domain.identifiers import new_id
from bank_app.models import AuditRecord, KnownDevice, Mail
from bank_app.services import after_restore, auth, first_setup, password_links

PASSWORD = "lantern-orchard-48-violin"
WHENCE = {"address": "192.0.2.1", "user_agent": "test"}


def letter_to(person):
    now = clock.now()
    return Mail(
        id=new_id(), user_id=person.user_id, email=person.email, about="record 1", subject="x", body="x",
        created_at=now, due_at=now, expires_at=now + timedelta(days=1),
    )  # fmt: skip


def device_of(person):
    return KnownDevice(digest=b"d" * 32, user_id=person.user_id, seen_at=clock.now())


def test_sessions_tokens_links_and_a_set_up_end_and_it_is_written_down(db, two, ada, teller):
    browser = auth.open_browser_session(db, email=ada.email, password=PASSWORD, **WHENCE)
    program = auth.issue_tokens(db, email=ada.email, password=PASSWORD, address="192.0.2.1")
    token = two.link(teller, ada)
    assert db.read(lambda session: password_links.is_good(session, token))
    db.unit_of_work(lambda session: session.add_all([letter_to(ada), device_of(ada)]))
    ended = db.unit_of_work(after_restore.settle)
    assert (ended["sign_ins"], ended["links"], ended["waiting_letters"]) == (2, 1, 1)
    assert ended["known_devices"] >= 1
    assert auth.actor_of_cookie(db, browser.token) is None
    assert auth.end_of_session(db, browser.token) is auth.End.RESTORE
    with pytest.raises(errors.BankError):
        auth.refresh_tokens(db, refresh_token=program.refresh_token)
    with pytest.raises(errors.NotFound):
        password_links.use(db, token, "another-lantern-48-violin")
    noted = select(AuditRecord.changes).where(AuditRecord.action == "bank.restored")
    assert db.read(lambda session: session.execute(noted).scalar_one())["sign_ins"] == [2, 0]
    assert auth.open_browser_session(db, email=ada.email, password=PASSWORD, **WHENCE)


def test_a_request_that_waited_then_is_asked_for_anew(db, two, ada, teller, register):
    colleague = register("Ama Boateng", Role.TELLER)
    asked = two.ask(teller, ada, "unlock")
    assert db.unit_of_work(after_restore.settle)["approvals"] == 1
    with pytest.raises(errors.ApprovalNotOpen):
        two.approve(colleague, asked.id)


def test_the_token_of_a_set_up_from_before_is_worth_nothing(db):
    token = first_setup.prepare(db, demo_allowed=False)
    db.unit_of_work(after_restore.settle)
    with pytest.raises(errors.NotFound):
        first_setup.run(db, token, first_setup.Choices("Elm", "Kim", "kim@bank.test", PASSWORD, demo=False))
    assert first_setup.prepare(db, demo_allowed=False)
