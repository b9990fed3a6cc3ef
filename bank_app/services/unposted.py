"""What is not in the books and yet belongs beside them: money that is set aside, and what fits a search there."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.orm import Session

from bank_app.domain.accounting import Direction, HoldState
from bank_app.domain.search import occurs
from bank_app.services import amount_filters, holds
from bank_app.services.accounts import AccountView
from bank_app.services.actor import Actor
from bank_app.services.history import ANYTHING, HistoryFilter
from bank_app.services.holds import HoldView


def waiting(
    session: Session, actor: Actor, accounts: Iterable[AccountView], *, filters: HistoryFilter = ANYTHING, limit: int
) -> list[HoldView]:
    """The newest open holds on these accounts that fit, at most `limit` on each.

    Raises:
        AccountNotFound: one of the accounts is not the actor's.
    """
    found = [
        hold
        for account in accounts
        if account.held_minor
        for hold in holds.list_holds(session, actor, account_id=account.id, state=HoldState.OPEN, limit=limit).items
        if fits(filters, hold.amount_minor, hold.currency, at=hold.created_at, named=(hold.description or "",))
    ]
    return sorted(found, key=lambda hold: hold.created_at, reverse=True)


def fits(
    filters: HistoryFilter, amount_minor: int, currency: str, *, at: datetime, named: Iterable[str], kind: str = ""
) -> bool:
    """Whether what would have left an account is looked for; `named` are the words that a search reads."""
    if filters.direction is Direction.CREDIT or (filters.types and kind not in filters.types):
        return False
    if not amount_filters.lets_through(filters, amount_minor, currency):
        return False
    if (filters.from_ and at < filters.from_) or (filters.to and at >= filters.to):
        return False
    return any(occurs(filters.q or "", one) for one in named)
