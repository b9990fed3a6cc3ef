"""What waits for a person."""

from bank_app.domain.accounting import AccountStatus
from bank_app.services import needs


def found(db, actor):
    return db.read(lambda session: needs.needs(session, actor))


def test_somebody_new_is_asked_for_a_second_step_only(db, counter, ada):
    counter.open(ada)
    waiting = found(db, ada)
    assert (waiting.frozen, waiting.held, waiting.one_step_only, waiting.count) == ((), (), True, 1)


def test_frozen_accounts_and_money_set_aside_are_named(db, counter, ada, ben, teller):
    hers, other, his = counter.open(ada, "50.00"), counter.open(ada), counter.open(ben, "9.00")
    counter.hold(ada, hers, "12.00", description="Hotel")
    counter.change(teller, other, status=AccountStatus.FROZEN)
    counter.change(teller, his, status=AccountStatus.FROZEN)
    waiting = found(db, ada)
    assert [account.id for account in waiting.frozen] == [other.id]
    [held] = waiting.held
    assert (held.account.id, [hold.description for hold in held.holds], held.more) == (hers.id, ["Hotel"], False)
    assert waiting.count == 3
    assert (waiting.frozen[0].can_pay, waiting.frozen[0].can_receive) == (False, True)
