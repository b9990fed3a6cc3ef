"""A code given a moment ago, where much depends on it, of whoever signs in in two steps."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.orm import Session
from sqlmodel import col

from bank_app import clock, errors
from bank_app.database import Database
from bank_app.domain import money
from bank_app.models import SignIn, User
from bank_app.services import audit, auth, codes, factors, ledger
from bank_app.services.actor import Actor
from bank_app.services.movements import Deposit, Transfer, Withdraw
from bank_app.settings import Settings


def require(actor: Actor) -> None:
    """Turns away who signs in in two steps and has given no code for a while.

    Raises:
        StepUpRequired: `prove` comes first.
    """
    if actor.two_steps and not _is_fresh(actor):
        raise errors.StepUpRequired("This takes a fresh code of your second step. Give it, and ask for the same again.")


def require_for_payment(actor: Actor, settings: Settings, currency: str, amount_minor: int) -> None:
    """Turns away who sends more than the bank's limit without a code given a moment ago.

    Raises:
        StepUpRequired: as `require`.
    """
    if actor.two_steps and not _is_fresh(actor) and settings.asks_code_above(currency, amount_minor):
        require(actor)


def require_for_batch(db: Database, actor: Actor, movements: Iterable[Deposit | Transfer | Withdraw]) -> None:
    """As `require_for_payment`, of all that a batch pays in a currency together: a large payment in pieces is one.

    Raises:
        StepUpRequired: as `require`.
    """
    if not actor.two_steps or _is_fresh(actor):
        return
    paid = list(movements)
    numbers = {number for movement in paid for number in movement.named}
    known = db.read(lambda session: ledger.facts(session, numbers))
    sums: dict[str, int] = {}
    for movement in paid:
        # What cannot be posted is refused where all movements are, and in its own words.
        if account := known.get(movement.own):
            others = [known[number].owner_id for number in movement.named if number in known]
            if leaves(actor, *(others if isinstance(movement, Transfer) else ()), into=isinstance(movement, Deposit)):
                sums[account.currency] = sums.get(account.currency, 0) + _minor(movement.amount, account.currency)
    for currency, total in sums.items():
        require_for_payment(actor, db.settings, currency, total)


def leaves(actor: Actor, *owners: UUID | None, into: bool = False) -> bool:
    """Whether money goes to somebody else, out of the bank, or is moved for a customer by one of the bank's people.

    What one moves between accounts of his own, or a customer puts into one, is no payment.
    """
    if into:
        return actor.role.acts_on_every_account
    return not owners or any(owner != actor.user_id for owner in owners)


def prove(db: Database, actor: Actor, *, code: str) -> Actor:
    """Notes that the actor gave a right code just now in this sign-in, and returns him so.

    Raises:
        SecondFactorWrong, SecondFactorUsed, Throttled: the code is not right; counted like signing in.
        NotFound: he does not sign in in two steps.
        NotSignedIn: the sign-in has ended.
    Locks: the person's row.
    """

    def check(session: Session, user: User) -> errors.BankError | None:
        if not codes.is_on(user):
            return errors.NotFound("Two-step sign-in is off.")
        if refusal := factors.verify(session, db.settings, user, code):
            return refusal
        note(session, actor.sign_in_id)
        audit.record(session, actor_id=user.id, action="second_step.proved", object=f"user {user.id}")
        return None

    auth.one_try(db, actor.user_id, check, actor=actor)
    return replace(actor, fresh_until=clock.now() + timedelta(minutes=db.settings.step_up_minutes))


def note(session: Session, sign_in_id: UUID | None) -> None:
    """Notes that a right code was given in this sign-in just now."""
    session.execute(update(SignIn).where(col(SignIn.id) == sign_in_id).values(proved_at=clock.now()))


def _is_fresh(actor: Actor) -> bool:
    return actor.fresh_until is not None and clock.now() < actor.fresh_until


def _minor(amount: money.Amount, currency: str) -> int:
    try:
        return amount.minor(currency)
    except errors.InvalidAmount:
        return 0
