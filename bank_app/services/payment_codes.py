"""A fresh code in front of large payments, of whoever signs in in two steps."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from bank_app import errors
from bank_app.database import Database
from bank_app.domain import money
from bank_app.services import ledger, step_up
from bank_app.services.actor import Actor
from bank_app.services.movements import Deposit, Transfer, Withdraw
from bank_app.settings import Settings


def require_for_payment(actor: Actor, settings: Settings, currency: str, amount_minor: int) -> None:
    """Turns away who sends more than the bank's limit without a code given a moment ago.

    Raises:
        StepUpRequired: as `step_up.require`.
    """
    if actor.two_steps and not step_up.is_fresh(actor) and settings.asks_code_above(currency, amount_minor):
        step_up.require(actor)


def require_for_batch(db: Database, actor: Actor, movements: Iterable[Deposit | Transfer | Withdraw]) -> None:
    """As `require_for_payment`, of all that a batch pays in a currency together: a large payment in pieces is one.

    Raises:
        StepUpRequired: as `step_up.require`.
    """
    if not actor.two_steps or step_up.is_fresh(actor):
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


def _minor(amount: money.Amount, currency: str) -> int:
    try:
        return amount.minor(currency)
    except errors.InvalidAmount:
        return 0
