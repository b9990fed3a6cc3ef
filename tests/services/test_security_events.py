"""What is written down of coming in and of being refused, and that nobody's records are crowded out by another's."""

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from bank_app import clock, errors
from bank_app.domain.accounting import Role
from bank_app.domain.identifiers import earliest_id
from bank_app.models import AuditRecord, SecurityRecord
from bank_app.services import access, audit, auth, first_setup, password_links, second_factor, security_events
from bank_app.services.actor import Person
from bank_app.services.first_setup import Choices
from bank_app.services.security_events import Event, email_digest, network_of

PASSWORD = "lantern-orchard-48-violin"


@pytest.fixture(autouse=True)
def _from_nowhere():
    """Where the last request of another test came from is nobody's here."""
    audit.came_from(None, None)
    yield
    audit.came_from(None, None)


@pytest.fixture
def written(db):
    """`written()` is what was written down since it was asked last: event, reason and factor, oldest first."""
    seen = set()

    def since():
        rows = db.read(
            lambda session: session.execute(select(SecurityRecord).order_by(SecurityRecord.id)).scalars().all()
        )
        fresh = [row for row in rows if row.id not in seen]
        seen.update(row.id for row in fresh)
        return [(row.event, row.reason, row.factor) for row in fresh]

    return since


def records(db, *actions):
    rows = db.read(
        lambda session: session.execute(
            select(AuditRecord).where(AuditRecord.action.in_(actions)).order_by(AuditRecord.id)
        ).scalars().all()
    )  # fmt: skip
    return [(row.action, row.actor_id, row.object) for row in rows]


def wrong(db, email, password="not the password"):
    with pytest.raises(errors.BankError) as refusal:
        auth.open_browser_session(db, email=email, password=password, address="192.0.2.7", user_agent="")
    return refusal.value


# --- every way to come in, and every way not to ---------------------------------------------------------


def test_signing_in_and_out_and_each_way_to_fail(db, ada, written):
    written()
    wrong(db, ada.email)
    wrong(db, "nobody@bank.test")
    wrong(db, "not an email")
    opened = auth.open_browser_session(db, email=ada.email, password=PASSWORD, address="192.0.2.7", user_agent="")
    auth.close_browser_session(db, opened.token)
    auth.close_browser_session(db, opened.token)
    assert written() == [
        ("authn_login_fail", "wrong_password", "password"),
        ("authn_login_fail", "unknown_email", "password"),
        ("authn_login_fail", "no_email", "password"),
        ("authn_login_success", "browser", "password"),
        ("authn_token_revoked", "browser", None),
    ]
    assert records(db, "sign_in.close") == [("sign_in.close", ada.user_id, f"user {ada.user_id}")]


def test_a_guess_has_its_address_and_a_digest_and_not_the_email(db, ada):
    audit.came_from("198.51.100.9", "request-1", "browser")
    wrong(db, "Somebody@Bank.test")
    [row] = db.read(
        lambda session: session.execute(
            select(SecurityRecord).where(SecurityRecord.reason == "unknown_email")
        ).scalars().all()
    )  # fmt: skip
    assert (row.address, row.network, row.request_id, row.door) == (
        "198.51.100.9", "198.51.100.0/24", "request-1", "browser"
    )  # fmt: skip
    assert row.email_digest == email_digest(db.settings, "somebody@bank.test")
    with db.reading.connect() as connection:
        everything = str(connection.execute(text("SELECT * FROM security_events")).all()).lower()
    assert "somebody@" not in everything


def test_somebody_switched_off_and_somebody_kept_waiting(db, ada, admin, written):
    db.unit_of_work(lambda session: access.disable(session, admin, ada.user_id, reason="Asked for it by letter"))
    written()
    wrong(db, ada.email, PASSWORD)
    assert written() == [("authn_login_fail", "disabled", "password")]


def test_too_many_failures_are_one_event_and_each_that_comes_too_early_another(db, ada, another, written):
    throttled = another(rate_limits=True)
    written()
    for _ in range(5):
        wrong(throttled, ada.email)
    assert [event for event, *_ in written()][-2:] == ["authn_login_fail_max", "authn_login_fail"]
    wrong(throttled, ada.email)
    assert written() == [("authn_login_lock", "", "password")]


def test_tokens_renewed_and_used_twice(db, ada, written):
    pair = auth.issue_tokens(db, email=ada.email, password=PASSWORD, address="192.0.2.7")
    written()
    auth.refresh_tokens(db, refresh_token=pair.refresh_token)
    with pytest.raises(errors.RefreshTokenUsed):
        auth.refresh_tokens(db, refresh_token=pair.refresh_token)
    with clock.moved_to(clock.now() + timedelta(minutes=1)), pytest.raises(errors.RefreshTokenUsed):
        auth.refresh_tokens(db, refresh_token=pair.refresh_token)
    with pytest.raises(errors.NotSignedIn):
        auth.refresh_tokens(db, refresh_token="made up")
    assert written() == [
        ("session_renewed", "", "token"),
        ("authn_token_reuse", "within_grace", "token"),
        ("authn_token_reuse", "refresh_token", "token"),
        ("session_use_after_expire", "refresh_token", "token"),
    ]


def test_links_made_up_used_and_too_old(db, two, ada, teller, written):
    link = two.link(teller, ada)
    written()
    for token in ("made up", link, link):
        try:
            password_links.use(db, token, "four green lamps at noon")
        except errors.LinkNotValid:
            continue
    late = two.link(teller, ada)
    with clock.moved_to(clock.now() + timedelta(hours=1)), pytest.raises(errors.LinkNotValid):
        password_links.use(db, late, "four green lamps at noon")
    assert written() == [
        ("authn_password_change_fail", "link_unknown", "link"),
        ("authn_password_change", "", "link"),
        ("authn_password_change_fail", "link_used", "link"),
        ("authn_password_change_fail", "link_expired", "link"),
    ]


def test_the_second_step_right_wrong_and_by_recovery_code(db, ada, written):
    second_factor.begin(db, ada, password=PASSWORD)
    with pytest.raises(errors.SecondFactorWrong):
        second_factor.confirm(db, ada, code="000000")
    secret = second_factor.enrolment(db, ada).key.replace(" ", "")
    import pyotp

    app = pyotp.TOTP(secret)
    codes = second_factor.confirm(db, ada, code=app.at(clock.now()))
    written()
    half = wrong(db, ada.email, PASSWORD).half_session
    complete = {"half_session": half, "address": "192.0.2.7", "user_agent": ""}
    with pytest.raises(errors.SecondFactorWrong):
        auth.complete_browser_session(db, code="000000", **complete)
    auth.complete_browser_session(db, code=codes[0], **complete)
    with pytest.raises(errors.SecondFactorUsed):
        auth.complete_browser_session(db, code=codes[0], **complete)
    with pytest.raises(errors.NotSignedIn):
        auth.complete_browser_session(db, code="000000", **complete | {"half_session": "made up"})
    assert written() == [
        ("authn_login_fail", "code_wanted", "password"),
        ("authn_login_fail", "wrong_code", "code"),
        ("user_updated", "recovery_code_used", "recovery_code"),
        ("authn_login_success", "browser", "code"),
        ("authn_login_fail", "used_code", "code"),
        ("authn_login_fail", "half_session_over", "code"),
    ]


def test_setting_up_with_a_wrong_token_and_twice(db, written):
    token = first_setup.prepare(db, demo_allowed=False)
    choices = Choices("Bank", "Kim Novak", "kim@bank.test", PASSWORD, demo=False)
    for attempt in ("made up", token, token):
        try:
            first_setup.run(db, attempt, choices)
        except (errors.TokenWrong, errors.NotFound):
            continue
    assert written() == [
        ("authn_login_fail", "set_up_token", "token"),
        ("user_created", "set_up", "token"),
        ("authn_login_fail", "set_up_over", "token"),
    ]


# --- how much -------------------------------------------------------------------------------------------


@pytest.fixture
def seconds(monkeypatch):
    """The time by which budgets are counted; `seconds.append(61)` lets it pass."""
    passed = [0.0]
    monkeypatch.setattr(security_events.time, "monotonic", lambda: passed[-1])
    monkeypatch.setattr(security_events._Budgets.__init__, "__defaults__", (lambda: passed[-1],))
    return passed


def test_a_colleague_is_recorded_however_many_customers_were_refused(db, another, teller, seconds):
    small = another(security_events_customers=20, security_events_each=2)
    customers = [Person(uuid4(), Role.CUSTOMER) for _ in range(12)]
    refused = [security_events.security_event(small, Event.NOT_ALLOWED, person=one) for one in customers * 3]
    assert refused.count(True) == 20
    assert security_events.not_allowed(small, teller.person, "GET /api/v1/audit")
    assert records(db, "access.refused") == [("access.refused", teller.user_id, "GET /api/v1/audit")]


def test_what_was_not_recorded_is_counted_in_a_record(db, another, ada, ben, seconds, written):
    small = another(security_events_each=1)
    written()
    for person in (ada, ben, ada, ben, ada):
        security_events.not_allowed(small, person.person, "POST /api/v1/audit/verify")
    security_events.settle(small)
    assert [event for event, *_ in written()] == ["authz_fail", "authz_fail"]
    seconds.append(61.0)
    security_events.settle(small)
    security_events.settle(small)
    assert written() == [("excess_rate_limit_exceeded", "not_recorded", None)]
    assert records(db, "security.not_recorded") == [("security.not_recorded", None, "3 more from 2 people")]


def test_strangers_use_a_budget_of_their_own_by_address(db, another, ada, seconds):
    small = another(security_events_strangers=10, security_events_each=4)
    for number in range(5):
        audit.came_from(f"192.0.2.{number}", None)
        for _ in range(5):
            security_events.security_event(small, Event.SIGN_IN_FAILED, reason="unknown_email")
    assert security_events.not_allowed(small, ada.person, "GET /ops")
    seconds.append(61.0)
    security_events.settle(small)
    told = db.read(lambda session: session.execute(select(SecurityRecord).order_by(SecurityRecord.id)).scalars().all())
    assert [row.happened for row in told if row.reason == "not_recorded"] == [15]


# --- kept -----------------------------------------------------------------------------------------------


def test_events_are_never_changed_and_deleted_only_when_old(db, ada):
    with db.writing.connect() as connection:
        for statement in ("UPDATE security_events SET reason = 'x'", "DELETE FROM security_events"):
            with pytest.raises(DBAPIError):
                connection.execute(text(statement))
            connection.rollback()
    old = clock.now() - timedelta(days=401)
    values = {"event": "authn_login_fail", "reason": "", "facts": {}, "happened": 1, "created_at": old}
    db.unit_of_work(lambda session: session.add(SecurityRecord(id=earliest_id(old), **values)))
    before = security_events.forget_old(db)
    assert (before, security_events.forget_old(db)) == (1, 0)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("::ffff:192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:1:2:3::4", "2001:db8:1::/48"),
        ("fe80::1%eth0", "fe80::/48"),
        ("not an address", None),
        (None, None),
    ],
)
def test_the_network_of_an_address(address, network):
    assert network_of(address) == network
