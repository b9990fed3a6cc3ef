"""Freezing, closing and limits as the bank's people decide them: with a reason, knowing what it meets."""

import pytest
from sqlalchemy import select

from bank_app import errors
from bank_app.domain.accounting import AccountStatus, FrozenFor
from bank_app.models import AuditRecord
from bank_app.services import account_decisions, drafts
from bank_app.services.account_decisions import Blocker, Obstacle

WHY = "Asked for by phone"


@pytest.fixture
def hers(counter, ada):
    return counter.open(ada, "10.00")


@pytest.fixture
def decide(db):
    def one(what, actor, account, reason=WHY, **more):
        decision = getattr(account_decisions, what)
        return db.unit_of_work(lambda session: decision(session, actor, account.id, reason=reason, **more))

    return one


@pytest.fixture
def outlook(db):
    def look(actor, account):
        return db.read(lambda session: account_decisions.outlook(session, actor, account.id))

    return look


def draft(db, actor, source, target):
    return db.unit_of_work(
        lambda session: drafts.save(
            session, actor, kind="transfer", amount_minor=100, currency="USD", from_account_id=source.id,
            to_account_id=target.id,
        )
    )  # fmt: skip


def test_nothing_is_in_the_way_of_closing_an_empty_account(counter, ada, teller, decide, outlook):
    empty = counter.open(ada)
    assert outlook(teller, empty) == account_decisions.Outlook(0, 0, 0, ())
    assert decide("close", teller, empty).status is AccountStatus.CLOSED


def test_money_and_holds_are_in_the_way_of_closing(counter, ada, auditor, teller, hers, decide, outlook):
    counter.hold(ada, hers, "4.00")
    counter.hold(ada, hers, "1.00")
    assert outlook(auditor, hers).blockers == (Blocker(Obstacle.BALANCE, 1000), Blocker(Obstacle.HOLDS, 500, 2))
    with pytest.raises(errors.AccountNotEmpty):
        decide("close", teller, hers)


def test_a_debt_is_in_the_way_of_closing(counter, ada, teller, hers, decide, outlook):
    counter.change(teller, hers, overdraft_limit="50.00")
    counter.withdraw(ada, hers, "30.00")
    assert outlook(teller, hers).blockers == (Blocker(Obstacle.OVERDRAWN, 2000),)
    with pytest.raises(errors.AccountNotEmpty):
        decide("close", teller, hers)


def test_payments_that_somebody_is_about_to_confirm_are_counted(counter, db, ada, ben, teller, hers, outlook):
    his = counter.open(ben)
    sent, _ = draft(db, ada, hers, his), draft(db, ada, hers, his)
    draft(db, ada, counter.open(ada), hers)
    counter.move(ada, sent.movement, key=sent.key)
    assert outlook(teller, hers).unsent == 1


@pytest.mark.parametrize("scope", FrozenFor)
def test_freezing_and_unfreezing(teller, hers, decide, scope):
    frozen = decide("freeze", teller, hers, scope=scope)
    assert (frozen.status, frozen.frozen_for) == (AccountStatus.FROZEN, scope)
    assert decide("unfreeze", teller, hers).status is AccountStatus.OPEN


def test_limits_are_set_together_and_taken_away(teller, hers, decide):
    wanted = {"overdraft_limit": "5.00", "transfer_limit": "20.00", "daily_limit": "0"}
    limited = decide("set_limits", teller, hers, limits=wanted)
    assert (limited.overdraft_limit_minor, limited.transfer_limit_minor, limited.daily_limit_minor) == (500, 2000, 0)
    free = decide("set_limits", teller, hers, limits={})
    assert (free.overdraft_limit_minor, free.transfer_limit_minor, free.daily_limit_minor) == (0, None, None)


@pytest.mark.parametrize("reason", ["", "too short", "r" * 301])
@pytest.mark.parametrize(
    ("what", "more"),
    [("freeze", {"scope": FrozenFor.ALL}), ("unfreeze", {}), ("close", {}), ("set_limits", {"limits": {}})],
)
def test_every_decision_has_a_reason(counter, teller, hers, decide, what, more, reason):
    with pytest.raises(errors.Invalid) as refusal:
        decide(what, teller, hers, reason=reason, **more)
    assert refusal.value.details["errors"][0]["field"] == "reason"
    assert counter.account(hers).status is AccountStatus.OPEN


@pytest.mark.parametrize(
    ("what", "more"),
    [("freeze", {"scope": FrozenFor.ALL}), ("unfreeze", {}), ("close", {}), ("set_limits", {"limits": {}})],
)
def test_only_tellers_decide(ada, eve, auditor, hers, decide, what, more):
    for actor, error in ((ada, errors.Forbidden), (auditor, errors.Forbidden), (eve, errors.AccountNotFound)):
        with pytest.raises(error):
            decide(what, actor, hers, **more)


def test_customers_do_not_see_what_the_bank_looks_at(ada, eve, hers, outlook):
    with pytest.raises(errors.Forbidden):
        outlook(ada, hers)
    with pytest.raises(errors.AccountNotFound):
        outlook(eve, hers)


def released(db):
    return db.read(
        lambda session: session.execute(
            select(AuditRecord.object, AuditRecord.actor_id).where(AuditRecord.action == "hold.release")
        ).all()
    )


def test_a_teller_who_releases_a_hold_is_recorded_once(counter, db, ada, teller, hers):
    held = counter.hold(ada, hers, "4.00")
    for _ in range(2):
        counter.release(teller, held, key="release")
    assert released(db) == [(f"hold {held.hold.id}", teller.user_id)]


def test_a_customer_who_releases_a_hold_is_not(counter, db, ada, hers):
    counter.release(ada, counter.hold(ada, hers, "4.00"))
    assert released(db) == []


def trail(db, action):
    return db.read(
        lambda session: session.execute(
            select(AuditRecord.object, AuditRecord.actor_id, AuditRecord.changes).where(AuditRecord.action == action)
        ).all()
    )


def test_what_a_teller_sets_aside_and_captures_for_somebody_is_recorded_once(counter, db, ada, ben, teller, hers):
    his = counter.open(ben)
    held = counter.hold(teller, hers, "4.00", to=his)
    for _ in range(2):
        counter.capture(teller, held, "1.50", key="capture")
    name = f"hold {held.hold.id}"
    assert trail(db, "hold.place") == [(name, teller.user_id, {"state": [None, "open"]})]
    captured = {"state": ["open", "captured"], "captured": [None, "1.50 USD"]}
    assert trail(db, "hold.capture") == [(name, teller.user_id, captured)]
    counter.capture(ada, counter.hold(ada, hers, "1.00", to=his))
    assert len(trail(db, "hold.place") + trail(db, "hold.capture")) == 2
