"""After somebody was helped back in: what leaves their accounts, to whom, how much, and by which entrance."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from bank_app import clock, errors
from bank_app.domain import money
from bank_app.domain.accounting import AccountKind, Role
from bank_app.models import Recovery
from bank_app.services import password_links, payees, posting, profile, recovery, transfers
from bank_app.services.orders import Order

NEW = "quiet meadow under nine clocks"


@pytest.fixture
def colleague(register):
    """Another teller, who approves."""
    return register("Ama Boateng", Role.TELLER)


@pytest.fixture
def scene(db, two, counter, ada, ben, eve, teller, colleague):
    """Ada has paid Ben and not Eve; then two tellers helped her to a new password."""

    class Scene:
        hers = counter.open(ada, "1000.00")
        second = counter.open(ada, "1000.00", kind=AccountKind.SAVINGS)
        bens, eves, tellers = counter.open(ben), counter.open(eve), counter.open(teller)

    counter.transfer(ada, Scene.hers, Scene.bens, "5.00")
    password_links.use(db, two.link(teller, ada, colleague), NEW)
    return Scene


def why(attempt, *args, **more):
    with pytest.raises(errors.CoolingOff) as refusal:
        attempt(*args, **more)
    return refusal.value.details["why"]


def test_only_whom_one_paid_before_and_little(db, counter, ada, scene):
    assert why(counter.transfer, ada, scene.hers, scene.eves, "0.01") == "new_payee"
    counter.transfer(ada, scene.hers, scene.bens, "150.00")
    counter.transfer(ada, scene.hers, scene.second, "40.00")
    assert why(counter.transfer, ada, scene.hers, scene.bens, "10.01") == "limit"
    assert why(counter.withdraw, ada, scene.hers, "10.01") == "limit"
    counter.withdraw(ada, scene.hers, "10.00")
    assert why(counter.withdraw, ada, scene.hers, "0.01") == "limit"
    # Money comes in as always, and through the other account no more leaves than its own share.
    counter.deposit(ada, scene.hers, "1.00")
    assert why(counter.transfer, ada, scene.second, scene.bens, "200.01") == "limit"
    with clock.moved_to(clock.now() + timedelta(hours=db.settings.recovery_hours, minutes=1)):
        counter.transfer(ada, scene.hers, scene.eves, "300.00")


def test_an_account_that_is_opened_now_is_guarded_too(counter, ada, scene):
    fresh = counter.open(ada, "500.00")
    assert why(counter.transfer, ada, fresh, scene.eves, "1.00") == "new_payee"
    assert why(counter.transfer, ada, fresh, scene.bens, "200.01") == "limit"


def test_holds_and_what_is_captured_meet_the_same(db, two, counter, ada, ben, eve, teller, colleague):
    hers, bens, eves = counter.open(ada, "1000.00"), counter.open(ben), counter.open(eve)
    before = counter.hold(ada, hers, "30.00", to=eves)
    cash = counter.hold(ada, hers, "300.00")
    password_links.use(db, two.link(teller, ada, colleague), NEW)
    assert why(counter.hold, ada, hers, "1.00", to=eves) == "new_payee"
    assert why(counter.hold, ada, hers, "200.01") == "limit"
    assert why(counter.capture, ada, before) == "new_payee"
    assert why(counter.capture, ada, cash) == "limit"
    assert why(counter.capture, teller, cash) == "took_part"
    counter.release(ada, before)
    assert counter.balance(bens) == counter.balance(eves) == "0.00"


def test_nothing_goes_to_or_by_whoever_took_part(counter, ada, teller, colleague, scene, admin):
    for helper in (teller, colleague):
        mine = counter.open(helper)
        assert why(counter.transfer, ada, scene.hers, mine, "0.01") == "took_part"
        assert why(counter.transfer, helper, scene.hers, scene.bens, "0.01") == "took_part"
        assert why(counter.withdraw, helper, scene.hers, "0.01") == "took_part"
    counter.transfer(admin, scene.hers, scene.bens, "1.00")


def test_who_was_paid_by_a_helper_before_is_still_turned_away(db, two, counter, ada, teller, colleague):
    hers, mine = counter.open(ada, "100.00"), counter.open(teller)
    counter.transfer(ada, hers, mine, "1.00")
    password_links.use(db, two.link(teller, ada, colleague), NEW)
    assert why(counter.transfer, ada, hers, mine, "0.01") == "took_part"


def test_a_mistake_of_the_bank_is_still_taken_back(db, two, counter, ada, ben, teller, colleague, admin):
    bens, hers = counter.open(ben, "900.00"), counter.open(ada)
    moved = counter.transfer(ben, bens, hers, "800.00")
    password_links.use(db, two.link(teller, ada, colleague), NEW)
    assert why(counter.reverse, teller, moved) == "took_part"
    counter.reverse(admin, moved)
    assert counter.balance(bens) == "900.00"


def test_lists_of_orders_are_counted_one_after_the_other(db, ada, scene):
    orders = [Order.of(ada, transfers.Transfer(scene.hers.id, scene.bens.id, money.Amount("80.00")), None)] * 1
    orders += [
        Order.of(ada, transfers.Transfer(scene.hers.id, scene.bens.id, money.Amount("80.00")), f"key-{index}")
        for index in range(3)
    ]
    orders.append(Order.of(ada, transfers.Transfer(scene.hers.id, scene.eves.id, money.Amount("0.01")), "eve"))

    def together(session):
        from bank_app.services.orders import Known, settle

        return settle(session, orders, settings=db.settings, known=Known(), skip_locked=False)

    answers = [answer.outcome for answer in db.unit_of_work(together)]
    assert [getattr(answer, "error", None) and answer.error.details["why"] for answer in answers] == [
        None, None, "limit", "limit", "new_payee",
    ]  # fmt: skip
    # The refusal stands for its key, like every business answer.
    again = posting.of(db).post(orders[2])
    assert again.outcome.replayed
    assert again.outcome.error.code == "cooling_off"


def test_nobody_new_is_kept_to_pay_and_whom_one_kept_before_is_known(db, two, counter, ada, eve, teller, colleague):
    hers, eves, other = counter.open(ada, "100.00"), counter.open(eve), counter.open(eve)

    def save(account):
        db.unit_of_work(lambda session: payees.save(session, ada, account_id=account.id, name=eve.name))

    save(eves)
    password_links.use(db, two.link(teller, ada, colleague), NEW)
    assert why(save, other) == "new_payee"
    save(eves)
    counter.transfer(ada, hers, eves, "1.00")


def test_a_link_that_nobody_used_guards_nothing(db, two, counter, ada, eve, teller, colleague):
    hers, eves = counter.open(ada, "1000.00"), counter.open(eve)
    two.link(teller, ada, colleague)
    counter.transfer(ada, hers, eves, "500.00")


def test_one_alone_guards_for_longer_and_it_is_told(db, two, counter, ada, eve, teller):
    hers, eves = counter.open(ada, "1000.00"), counter.open(eve)
    password_links.use(db, two.link(teller, ada), NEW)
    period = db.read(lambda session: recovery.of(session, ada.user_id))
    assert period.until - period.since == timedelta(hours=db.settings.recovery_alone_hours)
    with clock.moved_to(clock.now() + timedelta(hours=db.settings.recovery_hours + 1)):
        assert why(counter.transfer, ada, hers, eves, "1.00") == "new_payee"
    [told] = db.read(lambda session: recovery.helped(session, ada.user_id))
    assert (told.factor, told.by, told.alone, told.read) == ("password", (teller.name,), True, False)
    assert db.read(lambda session: recovery.lately_alone(session, clock.now() - timedelta(days=1))) == 1


def test_it_stays_told_until_it_is_read_and_as_long_as_it_lasts(db, two, ada, teller, colleague, scene):
    def told():
        return db.read(lambda session: recovery.helped(session, ada.user_id))

    db.unit_of_work(lambda session: recovery.mark_read(session, ada))
    [one] = told()
    assert (one.by, one.read) == ((teller.name, colleague.name), True)
    later = clock.now() + timedelta(hours=db.settings.recovery_hours + 1)
    with clock.moved_to(later):
        assert told() == []
    two.do(teller, ada, "unlock", colleague)
    assert len(told()) == 1


def test_who_helped_does_not_propose_an_email_that_is_confirmed_meanwhile(db, ada, teller, scene):
    named = {"name": ada.name, "email": "new@bank.test", "reason": "Asked for it at the desk"}
    db.unit_of_work(lambda session: profile.correct(session, teller, ada.user_id, **named))
    assert why(profile.confirm_email, db, ada, NEW) == "took_part"


def test_what_costs_nothing_for_others(db, counter, ada, ben, scene):
    """An account whose owner was never helped asks for no more than before."""
    from sqlalchemy import event

    bens, other, seen = counter.open(ben, "50.00"), counter.open(ben), []
    count = lambda *args: seen.append(args[2])  # noqa: E731
    event.listen(db.writing, "before_cursor_execute", count)
    counter.transfer(ben, bens, other, "1.00")
    event.remove(db.writing, "before_cursor_execute", count)
    assert sum("recoveries" in statement for statement in seen) == 1
    assert db.read(lambda session: len(session.execute(select(Recovery.id)).all())) == 1
