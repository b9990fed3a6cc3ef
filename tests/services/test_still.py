"""Whoever waits for his turn to write is asked again who he is: signed out, switched off or in another role meanwhile,
he changes nothing, however he asked."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import event, func, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlmodel import SQLModel

from bank_app import clock, errors
from bank_app.domain.accounting import FrozenFor, Role
from bank_app.domain.money import Amount
from bank_app.models import SignIn, User
from bank_app.services import (
    access,
    account_decisions,
    accounts,
    approvals,
    auth,
    batches,
    customer_notes,
    drafts,
    first_steps,
    holds,
    notices,
    openings,
    orders,
    password_links,
    payees,
    people,
    posting,
    preferences,
    profile,
    reversals,
    second_factor,
    sessions,
    transfers,
    unfinished,
)
from bank_app.services.actor import still
from bank_app.services.approval_kinds import Wish
from bank_app.services.reasons import Cause

PASSWORD, NEW = "lantern-orchard-48-violin", "quiet meadow under nine clocks"
WHY = "Asked for at the counter"


@pytest.fixture
def signed_in(db):
    """Somebody as the bank knows him from his cookie: looked up, and about to wait for his turn."""

    def one(person):
        opened = auth.open_browser_session(
            db, email=person.email, password=PASSWORD, address="192.0.2.1", user_agent="Firefox"
        )
        return auth.actor_of_cookie(db, opened.token)

    return one


def signed_out(db, actor):
    auth.revoke(db, actor)


def switched_off(db, actor):
    change(db, actor, disabled_at=clock.now())


def in_another_role(db, actor):
    change(db, actor, role="auditor")


def run_out(db, actor):
    """Nobody touched the session for as long as one lasts without."""
    before = clock.now() - timedelta(minutes=db.settings.session_idle_minutes)
    db.unit_of_work(
        lambda session: session.execute(update(SignIn).where(SignIn.id == actor.sign_in_id).values(last_seen_at=before))
    )


MEANWHILE = {
    "signed out": (signed_out, errors.NotSignedIn),
    "switched off": (switched_off, errors.NotSignedIn),
    "in another role": (in_another_role, errors.Forbidden),
    "run out": (run_out, errors.NotSignedIn),
}


def change(db, actor, **values):
    db.unit_of_work(lambda session: session.execute(update(User).where(User.id == actor.user_id).values(**values)))


class Scene:
    """A teller, a customer with money, and what each of them can ask for."""

    def __init__(self, db, counter, ada, ben, teller, admin):
        self.db, self.ada, self.ben, self.teller = db, ada, ben, teller
        self.hers, self.his = counter.open(ada, "100.00"), counter.open(ben)
        self.held = counter.hold(ada, self.hers, "5.00")
        self.sent = counter.transfer(ada, self.hers, self.his, "1.00")
        self.asked = approvals.ask(db, admin, Wish.about("unlock", ada.user_id), reason=WHY)
        self.payee = self.write(payees.save, ada, account_id=self.his.id, name="Ben Ito").id

    def write(self, deed, actor, *args, **more):
        return self.db.unit_of_work(lambda session: deed(session, actor, *args, **more))

    def batch(self, actor, *, atomic):
        item = batches.Item(transfers.Transfer(self.hers.id, self.his.id, Amount.of("1.00")))
        answered = asyncio.run(batches.post(self.db, actor, [item], atomic=atomic, key="a batch" if atomic else None))
        for error in answered.results:
            if isinstance(error, errors.BankError):
                raise error

    def draft(self, actor):
        return self.write(
            drafts.save, actor, kind="transfer", amount_minor=100, currency="USD", from_account_id=self.hers.id,
            to_account_id=self.his.id,
        )  # fmt: skip


CUSTOMERS = {
    "transfer": lambda its, me: transfers.move(
        its.db, me, transfers.Transfer(its.hers.id, its.his.id, Amount.of("1.00")), key="k"
    ),
    "cash": lambda its, me: transfers.move(its.db, me, transfers.Deposit(its.hers.id, Amount.of("1.00"))),
    "hold": lambda its, me: holds.move(its.db, me, holds.PlaceHold(its.hers.id, Amount.of("1.00"), None)),
    "capture": lambda its, me: holds.move(its.db, me, holds.CaptureHold(its.held.hold.id, None)),
    "release": lambda its, me: holds.move(its.db, me, holds.ReleaseHold(its.held.hold.id)),
    "batch": lambda its, me: its.batch(me, atomic=False),
    "atomic batch": lambda its, me: its.batch(me, atomic=True),
    "open": lambda its, me: openings.open_account(its.db, me, openings.Opening(), key="k"),
    "rename": lambda its, me: its.write(accounts.change_account, me, its.hers.id, nickname="Mine"),
    "draft": lambda its, me: its.draft(me),
    "form": lambda its, me: its.write(unfinished.keep, me, uuid4(), kind="transfer", fields={}),
    "drop": lambda its, me: its.write(unfinished.drop, me, uuid4()),
    "payee": lambda its, me: its.write(payees.save, me, account_id=its.his.id, name="Ben Ito"),
    "payee renamed": lambda its, me: its.write(payees.rename, me, its.payee, nickname="Benny"),
    "payee removed": lambda its, me: its.write(payees.remove, me, its.payee),
    "name check": lambda its, me: its.write(accounts.check_payee_for_good, me, account_id=its.his.id, name="Ben Ito"),
    "notices": lambda its, me: its.write(notices.mark_all_read, me),
    "appearance": lambda its, me: its.write(preferences.change, me, preferences.Preferences()),
    "preference": lambda its, me: its.write(preferences.keep, me, "hidden", value=True),
    "first steps": lambda its, me: its.write(first_steps.put_away, me, away=True),
    "password": lambda its, me: password_links.change_password(its.db, me, old=PASSWORD, new=NEW),
    "second step": lambda its, me: second_factor.begin(its.db, me, password=PASSWORD),
    "email": lambda its, me: profile.confirm_email(its.db, me, PASSWORD),
    "email declined": lambda its, me: its.write(profile.decline_email, me),
    "end one": lambda its, me: its.write(sessions.end, me, me.sign_in_id),
    "end others": lambda its, me: its.write(sessions.end_others, me),
}  # fmt: skip
STAFFS = {
    "freeze": lambda its, me: its.write(account_decisions.freeze, me, its.hers.id, scope=FrozenFor.DEBITS, reason=WHY),
    "limits": lambda its, me: its.write(account_decisions.set_limits, me, its.hers.id, limits={}, reason=WHY),
    "reversal": lambda its, me: reversals.post(
        its.db, me, its.sent.transaction.id, cause=Cause.MISTAKE, reason=WHY, key="k"
    ),
    "cash for her": lambda its, me: transfers.move(its.db, me, transfers.Withdraw(its.hers.id, Amount.of("1.00"))),
    "her hold": lambda its, me: holds.move(its.db, me, holds.ReleaseHold(its.held.hold.id)),
    "her account": lambda its, me: openings.open_account(its.db, me, openings.Opening(owner_id=its.ada.user_id)),
    "note": lambda its, me: its.write(customer_notes.add, me, its.ada.user_id, text="Called about a card"),
    "look": lambda its, me: its.write(people.view, me, its.ada.user_id, settings=its.db.settings),
    "disable": lambda its, me: its.write(access.disable, me, its.ada.user_id, reason=WHY),
    "ask": lambda its, me: approvals.ask(its.db, me, Wish.about("password_link", its.ada.user_id), reason=WHY),
    "approve": lambda its, me: approvals.approve(its.db, me, its.asked.id, digest="0" * 64),
    "refuse": lambda its, me: its.write(approvals.refuse, me, its.asked.id, reason=WHY),
    "withdraw": lambda its, me: its.write(approvals.withdraw, me, its.asked.id),
    "sign out": lambda its, me: its.write(access.sign_out_everywhere, me, its.ada.user_id),
    "correct": lambda its, me: its.write(
        profile.correct, me, its.ada.user_id, name="Ada Two", email=its.ada.email, reason=WHY
    ),
}


@pytest.fixture
def scene(db, counter, ada, ben, teller, admin):
    return Scene(db, counter, ada, ben, teller, admin)


def rows(db):
    """How many there are of everything that a deed could leave."""
    tables = SQLModel.metadata.tables
    return db.read(
        lambda session: {
            name: session.execute(select(func.count()).select_from(table)).scalar_one()
            for name, table in tables.items()
        }
    )


@pytest.mark.parametrize("meanwhile", MEANWHILE)
def test_who_has_left_meanwhile_writes_nothing(scene, signed_in, meanwhile):
    happens, expected = MEANWHILE[meanwhile]
    she, he = signed_in(scene.ada), signed_in(scene.teller)
    for actor in (she, he):
        happens(scene.db, actor)
    before = rows(scene.db)
    for actor, deeds in ((she, CUSTOMERS), (he, STAFFS)):
        for name, deed in deeds.items():
            with pytest.raises(errors.BankError) as refused:
                deed(scene, actor)
            assert isinstance(refused.value, expected), f"{name}: {refused.value!r}"
    assert rows(scene.db) == before


def test_who_stayed_is_let_through(scene, signed_in):
    """Or the test above would pass where everybody is turned away."""
    she, he = signed_in(scene.ada), signed_in(scene.teller)
    for actor, deeds in ((she, ("transfer", "batch", "draft", "payee renamed")), (he, ("freeze", "note", "look"))):
        for name in deeds:
            (CUSTOMERS | STAFFS)[name](scene, actor)


def test_a_program_that_was_signed_out_is_asked_like_a_browser(scene):
    pair = auth.issue_tokens(scene.db, email=scene.ada.email, password=PASSWORD, address="192.0.2.1")
    [sign_in] = scene.db.read(
        lambda session: list(session.execute(select(SignIn.id).where(SignIn.kind == "api")).scalars())
    )
    actor = auth.actors_of_sign_ins(scene.db, [sign_in])[sign_in]
    CUSTOMERS["transfer"](scene, actor)
    signed_out(scene.db, actor)
    for name in ("hold", "open", "rename"):
        with pytest.raises(errors.NotSignedIn):
            CUSTOMERS[name](scene, actor)
    with pytest.raises(errors.NotSignedIn):
        auth.refresh_tokens(scene.db, refresh_token=pair.refresh_token)


def test_between_the_pieces_of_a_batch_it_is_asked_again(scene, signed_in, monkeypatch):
    she = signed_in(scene.ada)
    monkeypatch.setattr(posting, "LARGEST_GROUP", 2)
    settle = orders.settle

    def then_she_leaves(session, asked, **more):
        answers = settle(session, asked, **more)
        session.execute(update(SignIn).values(revoked_at=clock.now()))
        return answers

    monkeypatch.setattr(posting, "settle", then_she_leaves)
    items = [batches.Item(transfers.Transfer(scene.hers.id, scene.his.id, Amount.of("1.00"))) for _ in range(5)]
    answered = asyncio.run(batches.post(scene.db, she, items))
    told = [getattr(result, "code", "posted") for result in answered.results]
    assert told == ["posted"] * 2 + ["unauthenticated"] * 3


# --- what was decided upon --------------------------------------------------------------------------------


def test_a_password_that_was_chosen_meanwhile_is_not_overwritten(db, two, ada, teller, signed_in, monkeypatch):
    """A thief's change waits for its turn; its owner takes the account back with a link, and that stands."""
    thief, token = signed_in(ada), two.link(teller, ada)
    hashed = password_links.passwords.hashed

    def taken_back_meanwhile(password):
        monkeypatch.setattr(password_links.passwords, "hashed", hashed)
        password_links.use(db, token, NEW)
        return hashed(password)

    monkeypatch.setattr(password_links.passwords, "hashed", taken_back_meanwhile)
    with pytest.raises(errors.NotSignedIn):
        password_links.change_password(db, thief, old=PASSWORD, new="a thief's idea of a long one")
    signed_in_as(db, ada, NEW)


def test_of_two_changes_of_one_password_the_second_finds_another(db, ada, signed_in, monkeypatch):
    first, second = signed_in(ada), signed_in(ada)
    hashed = password_links.passwords.hashed

    def the_other_was_faster(password):
        monkeypatch.setattr(password_links.passwords, "hashed", hashed)
        change(db, first, password_hash=hashed(NEW))
        return hashed(password)

    monkeypatch.setattr(password_links.passwords, "hashed", the_other_was_faster)
    with pytest.raises(errors.CredentialsDoNotMatch):
        password_links.change_password(db, second, old=PASSWORD, new="another long and quiet password")
    signed_in_as(db, ada, NEW)


def test_the_password_before_opens_no_session_that_began_before_the_new_one(db, ada, monkeypatch):
    """It was right when it was looked up, and by the time the session would open it is not the password any more."""
    fits = auth.passwords.fits

    def chosen_meanwhile(stored, password):
        answer = fits(stored, password)
        change(db, ada, password_hash=auth.passwords.hashed(NEW))
        return answer

    monkeypatch.setattr(auth.passwords, "fits", chosen_meanwhile)
    with pytest.raises(errors.LockTimeout):
        signed_in_as(db, ada, PASSWORD)
    monkeypatch.setattr(auth.passwords, "fits", fits)
    began = auth._begin

    def switched_off_meanwhile(session, user, *args, **more):
        session.execute(update(User).where(User.id == user.id).values(disabled_at=clock.now()))
        return began(session, user, *args, **more)

    monkeypatch.setattr(auth, "_begin", switched_off_meanwhile)
    for open_it in (signed_in_as, token_for):
        with pytest.raises(errors.NotSignedIn):
            open_it(db, ada, NEW)
    assert db.read(lambda session: session.execute(select(func.count()).select_from(SignIn)).scalar_one()) == 0


def signed_in_as(db, person, password):
    return auth.open_browser_session(db, email=person.email, password=password, address="192.0.2.9", user_agent="")


def token_for(db, person, password):
    return auth.issue_tokens(db, email=person.email, password=password, address="192.0.2.9")


def test_a_role_that_was_changed_meanwhile_is_not_changed_again(db, admin, ada):
    change(db, ada, role="teller")
    with pytest.raises(errors.Forbidden):
        approvals.ask_for_role(
            db, admin, ada.user_id, role=Role.ADMIN, was=Role.CUSTOMER, reason=WHY, password=PASSWORD
        )
    approvals.ask_for_role(db, admin, ada.user_id, role=Role.ADMIN, was=Role.TELLER, reason=WHY, password=PASSWORD)


def test_an_invitation_of_an_admin_who_is_none_any_more_is_not_written(db, admin, signed_in, monkeypatch):
    asking = signed_in(admin)
    hashed = access.passwords.hashed

    def meanwhile(password):
        change(db, admin, role="teller")
        return hashed(password)

    monkeypatch.setattr(access.passwords, "hashed", meanwhile)
    with pytest.raises(errors.Forbidden):
        access.invite(db, asking, email="new@bank.test", name="New Colleague", role=Role.ADMIN)
    with pytest.raises(errors.Forbidden):
        db.unit_of_work(lambda session: password_links.access.auth.still(session, asking))


# --- until the unit of work ends --------------------------------------------------------------------------


@pytest.mark.parametrize("row", ["users", "sign_ins"])
def test_nobody_changes_who_acts_before_the_unit_of_work_has_ended(mariadb_db, ada, signed_in, row):
    db, she = mariadb_db, signed_in(ada)
    identifier = she.user_id if row == "users" else she.sign_in_id

    def operation(session):
        still(session, she)
        with db.writing.connect() as other, pytest.raises(DBAPIError):
            other.execute(text(f"SELECT id FROM {row} WHERE id = :id FOR UPDATE NOWAIT"), {"id": identifier.bytes})

    db.unit_of_work(operation)


def test_posting_asks_in_the_packet_that_locks_the_accounts(mariadb_db, counter, ada, ben, signed_in):
    """Whoever is asked about costs posting no round trip more."""
    db = mariadb_db
    hers, his, she = counter.open(ada, "10.00"), counter.open(ben), signed_in(ada)

    def packets(actor):
        sent = []
        note = lambda _connection, _cursor, statement, *_: sent.append(statement)  # noqa: E731
        event.listen(db.writing, "before_cursor_execute", note)
        try:
            counter.transfer(actor, hers, his, "1.00")
        finally:
            event.remove(db.writing, "before_cursor_execute", note)
        return sent

    packets(ada)
    assert len(packets(she)) == len(packets(ada))
    assert any("sign_ins" in packet and "accounts" in packet for packet in packets(she))
