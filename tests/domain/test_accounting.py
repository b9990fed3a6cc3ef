"""Double entry without a database: what cannot even be written down."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bank_app.domain.accounting import (
    AccountStatus,
    Direction,
    Draft,
    FrozenFor,
    Leg,
    Role,
    TransactionType,
    available,
    passes,
    signed,
)
from bank_app.domain.identifiers import new_id
from bank_app.domain.money import MAX_MINOR

AMOUNTS = st.integers(1, 10**12)


def draft(*legs):
    return Draft(
        id=new_id(), type=TransactionType.TRANSFER, currency="USD", legs=tuple(legs), actor_id=new_id()
    )  # fmt: skip


def debit(account, amount):
    return Leg(account, Direction.DEBIT, amount)


def credit(account, amount):
    return Leg(account, Direction.CREDIT, amount)


def test_a_draft_with_equal_sides_says_what_moves():
    assert draft(debit(1, 2500), credit(2, 2500)).amount_minor == 2500
    assert draft(debit(1, 2500), credit(2, 2400), credit(3, 100)).amount_minor == 2500


@given(AMOUNTS, AMOUNTS)
def test_a_draft_cannot_be_unbalanced(out, into):
    if out == into:
        into += 1
    with pytest.raises(ValueError, match="debits and credits differ"):
        draft(debit(1, out), credit(2, into))


@given(st.lists(AMOUNTS, min_size=1, max_size=6), st.data())
def test_a_draft_of_many_sides_is_refused_when_any_one_of_them_is_a_cent_off(amounts, data):
    receivers = [credit(number, amount) for number, amount in enumerate(amounts, start=2)]
    assert draft(debit(1, sum(amounts)), *receivers).amount_minor == sum(amounts)
    index = data.draw(st.integers(0, len(receivers) - 1))
    receivers[index] = credit(receivers[index].account_id, receivers[index].amount_minor + 1)
    with pytest.raises(ValueError, match="debits and credits differ"):
        draft(debit(1, sum(amounts)), *receivers)


@pytest.mark.parametrize(
    "legs",
    [
        (),
        (debit(1, 5),),
        (debit(1, 5), credit(1, 5)),
        (debit(1, 5), credit(2, 3), credit(2, 2)),
    ],
)
def test_a_draft_needs_two_different_accounts(legs):
    with pytest.raises(ValueError, match="different accounts"):
        draft(*legs)


@pytest.mark.parametrize("amount", [0, -5, MAX_MINOR + 1])
def test_a_side_is_more_than_nothing_and_at_most_what_a_posting_can_hold(amount):
    with pytest.raises(ValueError, match="minor units"):
        draft(debit(1, amount), credit(2, amount))


def test_two_debits_do_not_make_a_transaction():
    with pytest.raises(ValueError, match="differ"):
        draft(debit(1, 5), debit(2, 5))


def test_a_draft_never_changes():
    with pytest.raises(AttributeError):
        draft(debit(1, 5), credit(2, 5)).legs[0].amount_minor = 6


def test_credits_add_and_debits_subtract():
    assert signed(Direction.CREDIT, 5) == 5
    assert signed(Direction.DEBIT, 5) == -5
    assert Direction.CREDIT.opposite is Direction.DEBIT
    assert Direction.DEBIT.opposite is Direction.CREDIT


def test_available_is_booked_less_held_plus_limit():
    assert available(balance_minor=10000, held_minor=2500, overdraft_limit_minor=1000) == 8500
    assert available(balance_minor=-700, held_minor=0, overdraft_limit_minor=1000) == 300


@pytest.mark.parametrize(
    ("status", "frozen_for", "leaves", "arrives"),
    [
        (AccountStatus.OPEN, None, True, True),
        (AccountStatus.FROZEN, FrozenFor.DEBITS, False, True),
        (AccountStatus.FROZEN, FrozenFor.ALL, False, False),
        (AccountStatus.CLOSED, None, False, False),
    ],
)
def test_the_state_of_an_account_says_which_way_money_may_go(status, frozen_for, leaves, arrives):
    assert (passes(Direction.DEBIT, status, frozen_for), passes(Direction.CREDIT, status, frozen_for)) == (
        leaves,
        arrives,
    )
    # Rows of the database have the plain texts.
    as_kept = (status.value, frozen_for and frozen_for.value)
    assert [passes(side, *as_kept) for side in (Direction.DEBIT, Direction.CREDIT)] == [leaves, arrives]


def test_roles_see_and_act_as_the_contract_says():
    assert [role.value for role in Role if role.sees_every_account] == ["teller", "auditor", "admin"]
    assert [role.value for role in Role if role.acts_on_every_account] == ["teller", "admin"]
