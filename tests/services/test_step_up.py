"""What takes a fresh code of whoever signs in in two steps, and what does not."""

import asyncio
from datetime import timedelta

import pyotp
import pytest
from sqlalchemy import select

from bank_app import clock, errors
from bank_app.domain import money
from bank_app.domain.accounting import Role
from bank_app.models import User
from bank_app.services import (
    access,
    approvals,
    auth,
    batches,
    holds,
    password_links,
    profile,
    second_factor,
    sessions,
    step_up,
    transfers,
)
from bank_app.services.approval_kinds import Wish
from bank_app.services.movements import Deposit, PlaceHold, Transfer, Withdraw
from bank_app.settings import SettingsError, load

PASSWORD = "lantern-orchard-48-violin"
REASON = "Lost the telephone on a train"


@pytest.fixture
def now():
    with clock.moved_to(clock.now()):
        yield clock.now()


def later(minutes):
    return clock.moved_to(clock.now() + timedelta(minutes=minutes))


class Signed:
    """Somebody signed in with two steps: `actor()` is who he is now to the bank."""

    def __init__(self, db, person):
        self.db = db
        self.token = auth.open_browser_session(
            db, email=person.email, password=PASSWORD, address="192.0.2.1", user_agent="test"
        ).token
        second_factor.begin(db, self.actor(), password=PASSWORD)
        self.app = pyotp.TOTP(second_factor.enrolment(db, self.actor()).key.replace(" ", ""))
        self.recovery = second_factor.confirm(db, self.actor(), code=self.code())

    def actor(self):
        return auth.actor_of_cookie(self.db, self.token)

    def code(self):
        return self.app.at(clock.now())


def asked(attempt, *args, **named):
    with pytest.raises(errors.StepUpRequired) as refusal:
        attempt(*args, **named)
    return refusal.value.code == "step_up_required"


def amount(text):
    return money.Amount.of(text)


def test_a_code_stands_for_some_minutes_and_is_good_once(db, ada, now):
    hers = Signed(db, ada)
    step_up.require(hers.actor())
    with later(6):
        assert asked(step_up.require, hers.actor())
        with pytest.raises(errors.SecondFactorWrong):
            step_up.prove(db, hers.actor(), code="000000")
        assert asked(step_up.require, hers.actor())
        code = hers.code()
        assert step_up.prove(db, hers.actor(), code=code).fresh_until == hers.actor().fresh_until
        step_up.require(hers.actor())
        with pytest.raises(errors.SecondFactorUsed):
            step_up.prove(db, hers.actor(), code=code)
    with later(12):
        assert asked(step_up.require, hers.actor())
        step_up.prove(db, hers.actor(), code=hers.recovery[0])
        step_up.require(hers.actor())


def test_guesses_at_it_are_counted_like_those_at_signing_in(another, ada, now):
    strict = another(rate_limits=True)
    hers = Signed(strict, ada)
    with later(6):
        for _ in range(5):
            with pytest.raises(errors.SecondFactorWrong):
                step_up.prove(strict, hers.actor(), code="000000")
        with pytest.raises(errors.Throttled):
            step_up.prove(strict, hers.actor(), code=hers.code())


def test_a_code_given_on_one_device_stands_for_no_other(db, ada, now):
    hers = Signed(db, ada)
    with later(10):
        other = auth.issue_tokens(
            db, email=ada.email, password=PASSWORD, address="192.0.2.2", otp=hers.code()
        ).access_token
        assert asked(step_up.require, hers.actor())
        known = auth.actors_of_sign_ins(db, [auth.tokens.sign_in_of_access_token(db.settings, other)])
        step_up.require(next(iter(known.values())))


def test_nobody_without_a_second_step_is_asked(db, ada):
    step_up.require(ada)
    with pytest.raises(errors.NotFound):
        step_up.prove(db, ada, code="000000")


def test_helping_others_to_sign_in_and_deciding_about_them_takes_one(db, ada, admin, now):
    hers = Signed(db, admin)

    def units():
        me, who = hers.actor(), ada.user_id
        in_session = (
            lambda session: access.disable(session, me, who, reason=REASON),
            lambda session: access.sign_out_everywhere(session, me, who),
            lambda session: profile.correct(session, me, who, name="Ada Ito", email=ada.email, reason=REASON),
        )
        yield from (lambda unit=unit: db.unit_of_work(unit) for unit in in_session)
        for kind in ("password_link", "unlock", "enable"):
            yield lambda kind=kind: approvals.ask(db, me, Wish.about(kind, who), reason=REASON)
        yield lambda: approvals.ask_for_role(db, me, who, role=Role.TELLER, reason=REASON, password=PASSWORD)
        yield lambda: access.invite(db, me, email="new@bank.test", name="New Colleague", role=Role.TELLER)

    with later(6):
        assert [asked(unit) for unit in units()] == [True] * 8
        assert db.read(lambda session: session.get(User, ada.user_id)).role == "customer"
        step_up.prove(db, hers.actor(), code=hers.code())
        for unit in units():
            unit()


def test_what_is_about_ones_own_sign_in_takes_one(db, ada, teller, now):
    hers = Signed(db, ada)
    wanted = {"name": ada.name, "email": "ada.ito@bank.test", "reason": "Married, passport seen"}
    db.unit_of_work(lambda session: profile.correct(session, teller, ada.user_id, **wanted))
    with later(6):
        me = hers.actor()
        units = (
            lambda: db.unit_of_work(lambda session: sessions.end_others(session, me)),
            lambda: db.unit_of_work(lambda session: sessions.end(session, me, me.sign_in_id)),
            lambda: profile.confirm_email(db, me, PASSWORD),
            lambda: password_links.change_password(db, me, old=PASSWORD, new="quiet meadow under nine clocks"),
        )
        assert [asked(unit) for unit in units] == [True] * 4
        assert hers.actor().email == ada.email


def test_what_leaves_above_the_limit_takes_one_whichever_way_it_goes(db, counter, ada, ben, now):
    mine, other, theirs = counter.open(ada, "5000.00"), counter.open(ada), counter.open(ben)
    hers = Signed(db, ada)
    with later(6):
        me = hers.actor()
        large = (
            Transfer(mine.id, theirs.id, amount("1000.01")),
            Withdraw(mine.id, amount("1000.01")),
            PlaceHold(mine.id, amount("1000.01"), theirs.id),
            PlaceHold(mine.id, amount("1000.01")),
        )
        for movement in large:
            assert asked(holds.move if isinstance(movement, PlaceHold) else transfers.move, db, me, movement)
        assert counter.balance(mine) == "5000.00"
        counter.move(me, Transfer(mine.id, theirs.id, amount("1000.00")))
        counter.move(me, Transfer(mine.id, other.id, amount("1500.00")))
        counter.move(me, Deposit(mine.id, amount("2000.00")))

        def keyed():
            return Transfer(mine.id, theirs.id, amount("1200.00"))

        assert asked(counter.move, me, keyed(), key="rent")
        step_up.prove(db, me, code=hers.code())
        # The same key, because a refusal that asks for a code is not kept.
        first = counter.move(hers.actor(), keyed(), key="rent")
        assert first.replayed is False
    with later(20):
        assert counter.move(hers.actor(), keyed(), key="rent").replayed
        assert counter.balance(theirs) == "2200.00"


@pytest.mark.parametrize("atomic", [False, True])
def test_a_large_payment_in_pieces_is_one(db, counter, ada, ben, now, atomic):
    mine, theirs = counter.open(ada, "5000.00"), counter.open(ben)
    hers = Signed(db, ada)
    items = [batches.Item(Transfer(mine.id, theirs.id, amount("400.00"))) for _ in range(3)]

    def post(some):
        return asyncio.run(batches.post(db, hers.actor(), some, atomic=atomic))

    with later(6):
        assert asked(post, items)
        assert counter.balance(theirs) == "0.00"
        assert post(items[:2]).posted == 2
        step_up.prove(db, hers.actor(), code=hers.code())
        assert post(items).posted == 3


def test_one_of_the_banks_people_is_asked_for_what_he_moves_for_others(db, counter, ada, ben, teller, now):
    hers, theirs = counter.open(ada, "9000.00"), counter.open(ben)
    moved = counter.transfer(ada, hers, theirs, "2000.00")
    olu = Signed(db, teller)
    with later(6):
        me = olu.actor()
        assert asked(counter.deposit, me, theirs, "1000.01")
        assert asked(counter.transfer, me, hers, theirs, "1000.01")
        assert asked(counter.reverse, me, moved)
        counter.deposit(me, theirs, "1000.00")


@pytest.mark.parametrize(
    ("setting", "currency", "minor", "asks"),
    [
        ("1000", "USD", 1000_00, False), ("1000", "USD", 1000_01, True), ("1000", "JPY", 100_000, False),
        ("1000", "JPY", 100_001, True), ("500 EUR", "EUR", 500_01, True), ("500 EUR", "USD", 10**9, False),
        ("1000, 500 EUR", "EUR", 600_00, True), ("1000, 500 EUR", "USD", 600_00, False), ("off", "USD", 10**12, False),
        ("0", "KWD", 1, True),
    ],
)  # fmt: skip
def test_the_limit_is_about_the_same_in_every_currency(setting, currency, minor, asks):
    assert load(step_up_above=setting).asks_code_above(currency, minor) is asks


@pytest.mark.parametrize("setting", ["", "much", "-5", "1.5", "500 XXQ", "1000;500 EUR", "１０００"])
def test_a_limit_that_is_none_stops_the_start(setting):
    with pytest.raises(SettingsError):
        load(step_up_above=setting)


def test_it_is_in_the_trail(db, ada, now):
    hers = Signed(db, ada)
    with later(6):
        step_up.prove(db, hers.actor(), code=hers.code())
    from bank_app.models import AuditRecord

    found = db.read(lambda session: session.execute(select(AuditRecord.action)).scalars().all())
    assert "second_step.proved" in found
