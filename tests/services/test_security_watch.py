"""Reading the security events, following them without missing any, and the alarms that are worked out of them."""

from datetime import timedelta

import pytest

from bank_app import clock, errors
from bank_app.services import accounts, audit, auth, security_events, security_watch
from bank_app.services.security_events import Event
from bank_app.services.security_watch import Alarm, EventFilter, Kind


@pytest.fixture(autouse=True)
def _from_nowhere():
    """Where the last request of another test came from is nobody's here."""
    audit.came_from(None, None)
    yield
    audit.came_from(None, None)


def guess(db, email, address):
    audit.came_from(address, None)
    with pytest.raises(errors.CredentialsDoNotMatch):
        auth.open_browser_session(db, email=email, password="wrong", address=address, user_agent="")


def alarms(db):
    return set(db.read(security_watch.alarms))


def test_many_emails_from_one_network_and_many_networks_at_one_person(db, ada):
    for number in range(security_watch.SPRAYED - 1):
        guess(db, f"somebody{number}@bank.test", f"192.0.2.{number}")
    assert alarms(db) == set()
    guess(db, ada.email, "192.0.2.200")
    assert alarms(db) == {Alarm(Kind.SPRAYING, "192.0.2.0/24", 10)}
    for number in range(security_watch.NETWORKS - 1):
        guess(db, ada.email, f"198.51.{number}.1")
    assert alarms(db) >= {Alarm(Kind.MANY_NETWORKS, str(ada.user_id), 5)}
    with clock.moved_to(clock.now() + timedelta(hours=2)):
        assert alarms(db) == set()


def test_a_colleague_who_looks_at_very_much_and_one_who_is_refused_often(
    db, counter, ada, teller, auditor, monkeypatch
):
    monkeypatch.setattr(security_watch, "LOOKED_AT", 3)
    for _ in range(3):
        account = counter.open(ada)
        db.read(lambda session, number=account.id: accounts.get_account(session, teller, number))
    for _ in range(security_watch.REFUSED):
        security_events.not_allowed(db, teller.person, "POST /api/v1/audit/verify")
        security_events.not_allowed(db, ada.person, "GET /api/v1/audit")
    assert alarms(db) == {
        Alarm(Kind.BULK_READS, str(teller.user_id), 3), Alarm(Kind.STAFF_REFUSED, str(teller.user_id), 5)
    }  # fmt: skip
    named = db.read(lambda session: security_watch.alarms_for(session, auditor))
    assert {name for _, name in named} == {"Olu Adeyemi"}
    for actor in (ada, teller):
        with pytest.raises(errors.Forbidden):
            db.read(lambda session, who=actor: security_watch.alarms_for(session, who))


def test_events_are_listed_narrowed_and_followed(db, ada, teller, auditor):
    for number in range(3):
        guess(db, ada.email, f"192.0.2.{number}")
    wanted = EventFilter(event=Event.SIGN_IN_FAILED, person_id=ada.user_id)

    def page(**more):
        return db.read(lambda session: security_watch.list_events(session, auditor, filters=wanted, limit=2, **more))

    first = page()
    rest = page(cursor=first.next_cursor)
    assert [view.address for view in first.items + rest.items] == ["192.0.2.2", "192.0.2.1", "192.0.2.0"]
    assert rest.next_cursor is None
    only = EventFilter(address="192.0.2.1")
    [view] = db.read(lambda session: security_watch.list_events(session, auditor, filters=only)).items
    assert (view.event, view.reason, view.role) == ("authn_login_fail", "wrong_password", "customer")

    def follow(after):
        return db.read(lambda session: security_watch.following(session, auditor, after=after, filters=wanted, limit=2))

    assert follow("0") == ([], "0")
    with clock.moved_to(clock.now() + timedelta(minutes=1)):
        some, after = follow("0")
        more, last = follow(after)
        assert [view.address for view in some + more] == ["192.0.2.0", "192.0.2.1", "192.0.2.2"]
        assert follow(last) == ([], last)
    with pytest.raises(errors.Forbidden):
        db.read(lambda session: security_watch.list_events(session, teller))
