"""What takes two of the bank's people: nobody does it alone, nobody approves himself, and what is approved is exact."""

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select, text, update

from bank_app import clock, errors
from bank_app.domain.accounting import Role
from bank_app.models import Approval, AuditRecord, Mail, PasswordLink, User
from bank_app.services import access, approvals, auth, mail, password_links, second_factor
from bank_app.services.approval_kinds import Wish
from bank_app.services.approvals import State

PASSWORD, NEW = "lantern-orchard-48-violin", "quiet meadow under nine clocks"
WHY = "Showed a passport at the desk"
ALL_KINDS = ("password_link", "second_step", "unlock", "enable")


@pytest.fixture
def colleague(register):
    """Another teller, who can approve what the first asks for."""
    return register("Ama Boateng", Role.TELLER)


def view(db, actor, identifier):
    return db.read(lambda session: approvals.get(session, actor, identifier))


def user(db, person):
    return db.read(lambda session: session.get(User, person.user_id))


def turn_on_second_step(db, person):
    import pyotp

    second_factor.begin(db, person, password=PASSWORD)
    app = pyotp.TOTP(second_factor.enrolment(db, person).key.replace(" ", ""))
    second_factor.confirm(db, person, code=app.at(clock.now()))


def trail(db, action):
    query = select(AuditRecord).where(AuditRecord.action == action).order_by(AuditRecord.id)
    return db.read(lambda session: list(session.execute(query).scalars()))


# --- nobody alone -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_nothing_that_lets_somebody_in_happens_when_one_asks(sqlite_db, two, ada, teller, colleague, kind):
    db = sqlite_db
    turn_on_second_step(db, ada)
    lock = update(User).where(User.id == ada.user_id)
    lock = lock.values(failed_sign_ins=5, locked_until=clock.now() + timedelta(minutes=15), disabled_at=clock.now())
    db.unit_of_work(lambda session: session.execute(lock))
    before = user(db, ada)
    asked = two.ask(teller, ada, kind)
    after = user(db, ada)
    assert asked.state is State.PENDING
    assert asked.link is None
    for name in ("password_hash", "totp_since", "failed_sign_ins", "locked_until", "disabled_at"):
        assert getattr(after, name) == getattr(before, name)
    assert db.read(lambda session: session.execute(select(PasswordLink.digest)).all()) == []
    with pytest.raises(errors.Forbidden, match="yourself"):
        two.approve(teller, asked.id)
    two.approve(colleague, asked.id)
    assert view(db, teller, asked.id).state is State.DONE


def test_one_teller_cannot_become_a_customer(db, two, counter, ada, teller, colleague):
    """Ends the second step, makes a link, chooses a password, pays himself: stopped at every step."""
    mine, his = counter.open(ada, "500.00"), counter.open(teller)
    turn_on_second_step(db, ada)
    step, link = two.ask(teller, ada, "second_step"), two.ask(teller, ada, "password_link")
    for half in (link.half, link.half * 2, ""):
        with pytest.raises(errors.LinkNotValid):
            password_links.use(db, half, NEW)
    two.approve(colleague, step.id)
    # The two who ended the second step have no hand in the password.
    for actor in (teller, colleague):
        with pytest.raises(errors.BothFactors):
            two.ask(actor, ada, "password_link")
        with pytest.raises((errors.BothFactors, errors.Forbidden)):
            two.approve(actor, link.id)
    assert auth.open_browser_session(db, email=ada.email, password=PASSWORD, address="", user_agent="")
    with pytest.raises(errors.CoolingOff):
        counter.transfer(ada, mine, his, "1.00")


def test_neither_half_opens_anything_and_both_do_however_they_are_typed(db, two, ada, teller, colleague):
    asked = two.ask(teller, ada, "password_link")
    approved = two.approve(colleague, asked.id)
    first, second = asked.half, approved.half
    assert len({first, second}) == 2
    for wrong in (first, second, second + first, first + first):
        assert not db.read(lambda session, token=wrong: password_links.is_good(session, token))
    typed = f" {first.lower().replace('-', ' ')} {second.replace('0', 'o').replace('1', 'l')}"
    assert db.read(lambda session: password_links.is_good(session, typed))
    password_links.use(db, typed, NEW)
    assert auth.open_browser_session(db, email=ada.email, password=NEW, address="", user_agent="")
    kept = db.read(lambda session: str(session.execute(text("SELECT * FROM approvals")).all()))
    assert first not in kept
    assert second not in kept


@pytest.fixture
def mailed(db, monkeypatch):
    """The bank can send mail: `mailed()` are the halves that went there."""
    monkeypatch.setattr(mail, "is_set_up", lambda _settings: True)

    def halves():
        bodies = db.read(
            lambda session: session.execute(select(Mail.body).where(Mail.subject.like("The second half%"))).scalars()
        )
        return [found[0] for found in (re.findall(r"\w{4}-\w{4}-\w{4}", body) for body in bodies)]

    return halves


def test_with_mail_whoever_approves_sees_no_half(db, two, mailed, ada, teller, colleague):
    asked = two.ask(teller, ada, "password_link")
    assert mailed() == []
    approved = two.approve(colleague, asked.id)
    assert (approved.half, approved.mailed) == ("", True)
    # Sent again by a browser that heard no answer: nothing more is made, or mailed.
    assert two.approve(colleague, asked.id).half == ""
    [second] = mailed()
    assert not db.read(lambda session: password_links.is_good(session, second))
    password_links.use(db, f"{asked.half}-{second}", NEW)


def test_with_mail_not_even_the_only_one_of_the_bank_sees_both_halves(db, two, mailed, ada, admin):
    asked = two.ask(admin, ada, "password_link")
    assert (asked.state, asked.link, asked.mailed) == (State.DONE, None, True)
    assert asked.half
    [second] = mailed()
    password_links.use(db, f"{asked.half}-{second}", NEW)


def test_a_half_is_sent_however_much_was_written_today(db, two, mailed, ada, teller, colleague):
    """Whoever makes the bank write to somebody, such as with wrong guesses, must not keep him out with it."""

    def many(session):
        return [mail.put(session, user_id=ada.user_id, about=f"{n}", subject="Hello", body="Text.") for n in range(30)]

    assert sum(db.unit_of_work(many)) == 20
    assert two.approve(colleague, two.ask(teller, ada, "password_link").id).mailed
    assert len(mailed()) == 1


def test_an_admin_alone_neither_becomes_a_colleague_nor_makes_one(db, two, ada, teller, admin, register):
    other = register("Lea Brandt", Role.ADMIN)
    for person, kind, change in (
        (other, "password_link", {}), (teller, "password_link", {}), (ada, "role", {"role": "admin"}),
        (teller, "second_step", {}),
    ):  # fmt: skip
        asked = two.ask(admin, person, kind, **change)
        # Of two admins nobody is left who could approve what is done to the other.
        assert asked.state is (State.DONE if person is other else State.PENDING), kind
    # So it is loud, and the colleague who was helped so approves nothing.
    assert user(db, ada).role == "customer"
    assert [record.object for record in trail(db, "approval.alone")] == [f"user {other.user_id}"]


def test_who_sent_his_colleagues_away_is_not_alone(db, two, ada, teller, colleague, admin):
    db.unit_of_work(lambda session: access.disable(session, admin, colleague.user_id, reason=WHY))
    db.unit_of_work(lambda session: access.disable(session, admin, teller.user_id, reason=WHY))
    assert two.ask(admin, ada, "password_link").state is State.PENDING
    with clock.moved_to(clock.now() + timedelta(hours=db.settings.recovery_alone_hours + 1)):
        assert two.ask(admin, ada, "password_link").state is State.DONE


def test_who_took_his_colleagues_role_is_not_alone(db, two, ada, teller, admin):
    two.do(admin, teller, "role", role="auditor")
    assert two.ask(admin, ada, "password_link").state is State.PENDING


def test_who_was_made_by_one_alone_approves_nothing_for_a_while(db, two, ada, ben, admin):
    assert two.ask(admin, ben, "role", role="teller").state is State.DONE
    puppet = db.read(lambda session: auth.find(session, ben.email))
    asked = two.ask(admin, ada, "password_link")
    assert asked.state is State.PENDING
    with pytest.raises(errors.Forbidden, match="approve nothing"):
        two.approve(puppet, asked.id)
    with pytest.raises(errors.Forbidden, match="ask for nothing"):
        two.ask(puppet, ada, "password_link")
    assert not view(db, puppet, asked.id).may_decide


# --- who may decide ---------------------------------------------------------------------------------------


def test_who_has_no_power_over_it_neither_asks_nor_approves(db, two, ada, ben, teller, colleague, auditor, admin):
    for actor, person in ((ben, ada), (auditor, ada), (teller, teller), (teller, admin), (admin, admin)):
        with pytest.raises(errors.Forbidden):
            two.ask(actor, person, "password_link")
    asked = two.ask(teller, ada, "password_link")
    for actor, error in ((ben, errors.Forbidden), (auditor, errors.Forbidden)):
        with pytest.raises(error):
            approvals.approve(db, actor, asked.id, digest="0" * 64)
        with pytest.raises(error):
            db.unit_of_work(lambda session, who=actor: approvals.refuse(session, who, asked.id, reason=WHY))
        with pytest.raises(error):
            db.unit_of_work(lambda session, who=actor: approvals.withdraw(session, who, asked.id))
    of_colleague = two.ask(admin, teller, "password_link")
    if of_colleague.state is State.PENDING:
        with pytest.raises(errors.Forbidden):
            two.approve(colleague, of_colleague.id)
    with pytest.raises(errors.NotFound):
        approvals.approve(db, teller, uuid4(), digest="0" * 64)
    with pytest.raises(errors.Invalid):
        approvals.ask(db, teller, Wish.about("anything", ada.user_id), reason=WHY)


@pytest.mark.parametrize("what", ["disabled", "another role", "gone customer", "another email"])
def test_what_is_not_as_it_was_does_not_happen_and_is_closed(db, two, ada, teller, colleague, admin, what):
    asked = two.ask(teller, ada, "password_link")
    shown = view(db, colleague, asked.id).digest
    changed = {
        "disabled": update(User).where(User.id == teller.user_id).values(disabled_at=clock.now()),
        "another role": update(User).where(User.id == teller.user_id).values(role="admin"),
        "gone customer": update(User).where(User.id == ada.user_id).values(role="auditor"),
        "another email": update(User).where(User.id == ada.user_id).values(email="other@bank.test"),
    }[what]
    db.unit_of_work(lambda session: session.execute(changed))
    decider = admin if what == "gone customer" else colleague
    with pytest.raises(errors.ApprovalOutdated):
        approvals.approve(db, decider, asked.id, digest=shown)
    assert view(db, decider, asked.id).state is State.OUTDATED
    with pytest.raises(errors.ApprovalNotOpen):
        approvals.approve(db, decider, asked.id, digest=shown)
    assert db.read(lambda session: session.execute(select(PasswordLink.digest)).all()) == []


def test_what_is_approved_is_what_was_read(db, two, ada, teller, colleague):
    asked = two.ask(teller, ada, "unlock")
    other = "0" * 64
    with pytest.raises(errors.ApprovalOutdated):
        approvals.approve(db, colleague, asked.id, digest=other)
    again = two.ask(teller, ada, "unlock")
    # Somebody changes in the database what was asked for.
    payload = db.read(lambda session: session.get(Approval, again.id).payload)
    changed = update(Approval).where(Approval.id == again.id)
    changed = changed.values(kind="password_link", payload={**payload, "kind": "password_link"})
    shown = view(db, colleague, again.id).digest
    db.unit_of_work(lambda session: session.execute(changed))
    with pytest.raises(errors.ApprovalOutdated):
        approvals.approve(db, colleague, again.id, digest=shown)


def test_an_approver_who_is_none_any_more_approves_nothing(db, two, ada, teller, colleague):
    asked = two.ask(teller, ada, "password_link")
    shown = view(db, colleague, asked.id).digest
    for values in ({"role": "customer"}, {"disabled_at": clock.now()}):
        db.unit_of_work(
            lambda session, new=values: session.execute(update(User).where(User.id == colleague.user_id).values(**new))
        )
        with pytest.raises((errors.Forbidden, errors.NotSignedIn)):
            approvals.approve(db, colleague, asked.id, digest=shown)
    assert view(db, teller, asked.id).state is State.PENDING


# --- once ---------------------------------------------------------------------------------------------------


def test_of_many_who_approve_at_once_one_does(db, two, at_once, codes, ada, teller, colleague, admin, register):
    others = [colleague, admin, register("Ida Moe", Role.TELLER), register("Per Lund", Role.ADMIN)]
    asked = two.ask(teller, ada, "password_link")
    shown = view(db, teller, asked.id).digest
    answers = at_once(lambda index: approvals.approve(db, others[index], asked.id, digest=shown), len(others))
    assert sorted(codes(answers)) == ["approval_not_open"] * 3 + ["ok"]
    assert len(trail(db, "password.link")) == len(trail(db, "approval.approve")) == 1


def test_the_same_approval_sent_again_is_answered_again_and_done_once(db, two, ada, teller, colleague):
    asked = two.ask(teller, ada, "password_link")
    shown = view(db, teller, asked.id).digest
    first = approvals.approve(db, colleague, asked.id, digest=shown)
    again = approvals.approve(db, colleague, asked.id, digest=shown)
    assert (again.id, again.half) == (first.id, "")
    assert len(trail(db, "password.link")) == 1


def test_a_request_expires_is_refused_or_withdrawn_and_then_stays_so(db, two, ada, teller, colleague):
    late = two.ask(teller, ada, "password_link")
    shown = view(db, teller, late.id).digest
    with clock.moved_to(clock.now() + timedelta(hours=db.settings.approval_hours)):
        assert view(db, teller, late.id).state is State.EXPIRED
        with pytest.raises(errors.ApprovalNotOpen, match="in time"):
            approvals.approve(db, colleague, late.id, digest=shown)
    with pytest.raises(errors.Forbidden, match="withdraw it"):
        db.unit_of_work(lambda session: approvals.refuse(session, teller, late.id, reason=WHY))
    with pytest.raises(errors.Forbidden):
        db.unit_of_work(lambda session: approvals.withdraw(session, colleague, late.id))
    db.unit_of_work(lambda session: approvals.refuse(session, colleague, late.id, reason="That was not the customer"))
    mine = two.ask(teller, ada, "unlock")
    db.unit_of_work(lambda session: approvals.withdraw(session, teller, mine.id))
    for identifier, state in ((late.id, State.REFUSED), (mine.id, State.WITHDRAWN)):
        found = view(db, colleague, identifier)
        assert found.state is state
        with pytest.raises(errors.ApprovalNotOpen):
            approvals.approve(db, colleague, identifier, digest=found.digest)
    assert [record.reason for record in trail(db, "approval.refuse")] == ["That was not the customer"]


def test_who_asks_again_replaces_what_he_asked_for(db, two, ada, teller, colleague):
    first, second = (two.ask(teller, ada, "password_link") for _ in range(2))
    assert view(db, colleague, first.id).state is State.WITHDRAWN
    approved = two.approve(colleague, second.id)
    assert not db.read(lambda session: password_links.is_good(session, first.half + approved.half))
    assert db.read(lambda session: password_links.is_good(session, second.half + approved.half))


def test_both_sides_are_in_the_trail_and_no_half_is(db, two, ada, teller, colleague):
    asked = two.ask(teller, ada, "password_link")
    approved = two.approve(colleague, asked.id)
    [ask], [yes], [link] = (trail(db, action) for action in ("approval.ask", "approval.approve", "password.link"))
    assert (ask.actor_id, ask.object, ask.reason) == (teller.user_id, f"user {ada.user_id}", WHY)
    assert (yes.actor_id, yes.changes["asked_by"]) == (colleague.user_id, [None, str(teller.user_id)])
    assert (link.actor_id, link.changes["asked_by"]) == (colleague.user_id, [None, str(teller.user_id)])
    assert ask.changes["digest"] == yes.changes["digest"]
    assert asked.half not in str((ask.changes, yes.changes, link.changes)) + approved.half


def test_the_database_itself_knows_of_two_people(db, two, ada, teller, colleague, checks_off):
    asked = two.ask(teller, ada, "password_link")
    forged = update(Approval).where(Approval.id == asked.id)
    forged = forged.values(state="done", decided_by=teller.user_id, decided_at=clock.now())
    with pytest.raises(errors.BooksBroken):
        db.unit_of_work(lambda session: session.execute(forged))


def test_what_a_request_is_about_is_spelt_in_one_way(db, two, ada, teller, colleague):
    """Another spelling would lock nobody, and be found by nobody who looks for what was done about somebody."""
    for subject in (f"account {ada.user_id}", f"x {ada.user_id}", f"{ada.user_id}", "", "user"):
        with pytest.raises(errors.Invalid if subject != "user" else errors.NotFound):
            approvals.ask(db, teller, Wish("password_link", subject), reason=WHY)
    asked = [
        approvals.ask(db, teller, Wish("password_link", f"user {spelling}"), reason=WHY).id
        for spelling in (str(ada.user_id).upper(), f"{{{ada.user_id}}}", ada.user_id.urn, ada.user_id.hex)
    ]
    assert {view(db, teller, one).subject for one in asked} == {f"user {ada.user_id}"}
    assert [view(db, teller, one).state for one in asked] == [State.WITHDRAWN] * 3 + [State.PENDING]
    assert {record.object for record in trail(db, "approval.ask")} == {f"user {ada.user_id}"}
