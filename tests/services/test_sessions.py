"""Where somebody is signed in, ending it, new passwords, and what a person chose for his pages."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from bank_app import clock, errors
from bank_app.domain.accounting import Role
from bank_app.models import AuditRecord, PasswordLink, User
from bank_app.services import access, approvals, auth, password_links, preferences, sessions
from bank_app.services.preferences import Preferences

PASSWORD, NEW = "lantern-orchard-48-violin", "quiet meadow under nine clocks"
NOW = datetime(2031, 1, 1, 12, tzinfo=UTC)
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def browser(db, person, agent=FIREFOX, password=PASSWORD):
    opened = auth.open_browser_session(db, email=person.email, password=password, user_agent=agent, address="192.0.2.1")
    return auth.actor_of_cookie(db, opened.token), opened.token


def program(db, person):
    return auth.issue_tokens(db, email=person.email, password=PASSWORD, address="192.0.2.9", user_agent="curl/8.5.0")


def mine(db, actor):
    return db.read(lambda session: sessions.own(session, actor, db.settings))


def actions(db, person):
    query = select(AuditRecord.action).where(AuditRecord.object == f"user {person.user_id}")
    return db.read(lambda session: session.execute(query).scalars().all())


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        (FIREFOX, "Firefox on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/140.0 Safari/537.36", "Chrome on Windows"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
        ("Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/140 Mobile Safari/537.36", "Chrome on Android"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18 like Mac OS X) Version/18 Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15) Version/18 Safari/605.1", "Safari on Mac"),
        ("curl/8.5.0", "curl"), ("python-httpx/0.28", "python-httpx"), ("", "Unknown device"),
        ("<b>", "Unknown device"),
    ],
)  # fmt: skip
def test_a_user_agent_in_words(agent, words):
    assert sessions.device(agent) == words


def test_a_person_sees_where_he_is_signed_in_and_nobody_else(db, ada, ben):
    with clock.moved_to(NOW):
        browser(db, ben)
        here, _ = browser(db, ada)
    with clock.moved_to(NOW + timedelta(minutes=5)):
        program(db, ada)
        found = mine(db, here)
    assert [(view.device, view.kind, view.address, view.is_this) for view in found] == [
        ("Firefox on Linux", "browser", "192.0.2.1", True), ("curl", "api", "192.0.2.9", False),
    ]  # fmt: skip


def test_what_ended_by_itself_is_not_listed(db, ada):
    with clock.moved_to(NOW):
        browser(db, ada)
    with clock.moved_to(NOW + timedelta(minutes=16)):
        here, _ = browser(db, ada)
        assert [view.is_this for view in mine(db, here)] == [True]


def test_one_other_device_is_signed_out(db, ada, ben):
    (here, _), (there, token), (stranger, _) = browser(db, ada), browser(db, ada), browser(db, ben)

    def end(actor):
        return db.unit_of_work(lambda session: sessions.end(session, actor, there.sign_in_id))

    with pytest.raises(errors.NotFound):
        end(stranger)
    assert end(here) == "Firefox on Linux"
    assert auth.actor_of_cookie(db, token) is None
    with pytest.raises(errors.NotFound):
        end(here)
    assert "sign_in.end" in actions(db, ada)


def test_everywhere_else_keeps_this_one_and_other_people(db, ada, ben):
    (here, token), (_, there), pair, (_, bens) = browser(db, ada), browser(db, ada), program(db, ada), browser(db, ben)
    assert db.unit_of_work(lambda session: sessions.end_others(session, here)) == 2
    assert auth.actor_of_cookie(db, token)
    assert auth.actor_of_cookie(db, there) is None
    assert auth.actor_of_cookie(db, bens)
    with pytest.raises(errors.NotSignedIn):
        auth.refresh_tokens(db, refresh_token=pair.refresh_token)


def test_a_look_that_is_no_activity_does_not_keep_a_session_alive(db, ada):
    with clock.moved_to(NOW):
        _, token = browser(db, ada)
    with clock.moved_to(NOW + timedelta(minutes=10)):
        assert auth.actor_of_cookie(db, token, active=False).ends_at == NOW + timedelta(minutes=15)
    with clock.moved_to(NOW + timedelta(minutes=15)):
        assert auth.actor_of_cookie(db, token) is None


def test_activity_moves_the_end_of_a_session(db, ada):
    with clock.moved_to(NOW):
        _, token = browser(db, ada)
    with clock.moved_to(NOW + timedelta(minutes=10)):
        assert auth.actor_of_cookie(db, token).ends_at == NOW + timedelta(minutes=25)


def test_recent_events_are_the_persons_own_newest_first(db, two, ada, ben, teller):
    here, _ = browser(db, ada)
    browser(db, ben)
    two.link(teller, ada)
    found = db.read(lambda session: sessions.recent_events(session, here))
    assert [(event.action, event.by_others) for event in found] == [
        ("password.link", True), ("sign_in.open", False), ("user.register", False),
    ]  # fmt: skip
    assert found[1].address == "192.0.2.1"


# --- passwords ----------------------------------------------------------------------------------------


def test_a_new_password_takes_the_old_one_and_ends_all_other_sign_ins(db, ada):
    (here, token), (_, there), pair = browser(db, ada), browser(db, ada), program(db, ada)
    with pytest.raises(errors.CredentialsDoNotMatch):
        password_links.change_password(db, here, old="wrong password", new=NEW)
    password_links.change_password(db, here, old=PASSWORD, new=NEW)
    assert auth.actor_of_cookie(db, token)
    assert auth.actor_of_cookie(db, there) is None
    with pytest.raises(errors.NotSignedIn):
        auth.refresh_tokens(db, refresh_token=pair.refresh_token)
    with pytest.raises(errors.CredentialsDoNotMatch):
        browser(db, ada)
    assert browser(db, ada, password=NEW)
    assert "password.change" in actions(db, ada)


@pytest.mark.parametrize(("new", "code"), [("short", "PASSWORD_SHORT"), (PASSWORD, "PASSWORD_SAME")])
def test_a_new_password_must_be_good_and_new(db, ada, new, code):
    here, _ = browser(db, ada)
    with pytest.raises(errors.Invalid) as refusal:
        password_links.change_password(db, here, old=PASSWORD, new=new)
    assert refusal.value.details["errors"][0]["code"] == code


def test_guessing_the_old_password_waits(another, ada):
    db = another(rate_limits=True)
    with clock.moved_to(NOW):
        here, _ = browser(db, ada)
        for _ in range(5):
            with pytest.raises(errors.CredentialsDoNotMatch):
                password_links.change_password(db, here, old="wrong password", new=NEW)
        with pytest.raises(errors.Throttled):
            password_links.change_password(db, here, old=PASSWORD, new=NEW)


def test_a_link_gives_one_new_password_within_half_an_hour(db, two, ada, teller):
    with clock.moved_to(NOW):
        _, token = browser(db, ada)
        link = two.link(teller, ada)
        with pytest.raises(errors.Invalid):
            password_links.use(db, link, "short")
        password_links.use(db, link, NEW)
        for _ in range(2):
            with pytest.raises(errors.LinkNotValid):
                password_links.use(db, link, PASSWORD)
    assert auth.actor_of_cookie(db, token) is None
    assert browser(db, ada, password=NEW)
    assert {"password.link", "password.reset"} <= set(actions(db, ada))
    with clock.moved_to(NOW):
        late = two.link(teller, ada)
    with clock.moved_to(NOW + timedelta(minutes=30)), pytest.raises(errors.LinkNotValid):
        password_links.use(db, late, PASSWORD)


def test_only_the_newest_link_works_and_none_after_a_change(db, two, ada, teller):
    first, second = (two.link(teller, ada) for _ in range(2))
    good = db.read(lambda s: [password_links.is_good(s, link) for link in (first, second)])
    assert good == [False, True]
    here, _ = browser(db, ada)
    password_links.change_password(db, here, old=PASSWORD, new=NEW)
    assert not db.read(lambda session: password_links.is_good(session, second))


def test_links_are_kept_as_digests_and_frees_whoever_was_made_to_wait(db, two, ada, teller):
    link = two.link(teller, ada)
    kept = db.read(lambda session: session.execute(select(PasswordLink.digest)).scalar_one())
    assert link.encode() not in kept
    db.unit_of_work(
        lambda session: session.execute(
            auth.update(User)
            .where(User.id == ada.user_id)
            .values(failed_sign_ins=50, locked_until=clock.now() + timedelta(minutes=15))
        )
    )
    password_links.use(db, link, NEW)
    assert browser(db, ada, password=NEW)


def change_role(db, admin, person, role):
    why = "A test wants it so"
    approvals.ask_for_role(db, admin, person.user_id, role=role, reason=why, password=PASSWORD)


def test_a_link_for_a_customer_does_not_open_a_colleague(db, two, ada, teller, admin):
    link = two.link(teller, ada, admin)
    change_role(db, admin, ada, Role.ADMIN)
    assert not db.read(lambda session: password_links.is_good(session, link))
    with pytest.raises(errors.LinkNotValid):
        password_links.use(db, link, NEW)
    assert browser(db, ada)


@pytest.mark.parametrize("what", ["another role", "switched off"])
def test_a_link_ends_with_the_power_of_whoever_made_it(db, two, ada, teller, admin, what):
    link = two.link(teller, ada, admin)
    if what == "switched off":
        db.unit_of_work(lambda session: access.disable(session, admin, teller.user_id, reason="Left the bank today"))
    else:
        change_role(db, admin, teller, Role.AUDITOR)
    with pytest.raises(errors.LinkNotValid):
        password_links.use(db, link, NEW)


def test_of_two_links_made_at_the_same_moment_the_second_dies_with_the_first(db, two, ada, teller, admin):
    first = two.link(teller, ada, admin)
    second = two.link(admin, ada, teller)
    # As if neither of the two had seen the other.
    db.unit_of_work(lambda session: session.execute(auth.update(PasswordLink).values(used_at=None)))
    password_links.use(db, first, NEW)
    with pytest.raises(errors.LinkNotValid):
        password_links.use(db, second, PASSWORD)


# --- preferences --------------------------------------------------------------------------------------


def test_preferences_come_with_the_session_and_keep_what_others_put_there(db, ada):
    here, token = browser(db, ada)
    assert preferences.of(here) == Preferences("en-US", "comfortable", True)
    db.unit_of_work(lambda s: s.execute(auth.update(User).values(preferences={"checklist": ["sent"]})))
    wanted = Preferences("de-DE", "compact", False)
    assert db.unit_of_work(lambda session: preferences.change(session, here, wanted)) == wanted
    again = auth.actor_of_cookie(db, token)
    assert preferences.of(again) == wanted
    assert again.preferences["checklist"] == ["sent"]


@pytest.mark.parametrize("kept", [None, {}, {"locale": "xx", "density": 5, "shortcuts": "no"}, {"locale": ["de-DE"]}])
def test_what_is_not_understood_is_as_if_not_chosen(kept):
    assert preferences.read(kept) == Preferences()


def test_what_does_not_exist_cannot_be_chosen(db, ada):
    here, _ = browser(db, ada)
    with pytest.raises(errors.Invalid) as refusal:
        db.unit_of_work(lambda session: preferences.change(session, here, Preferences("xx", "vast", True)))
    assert [error["field"] for error in refusal.value.details["errors"]] == ["locale", "density"]
