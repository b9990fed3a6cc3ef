"""What came in and what went out over all of a person's accounts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, exists, select
from sqlalchemy.orm import Session

from bank_app.columns import total
from bank_app.domain.accounting import Direction
from bank_app.models import POSTINGS
from bank_app.services.accounts import own_accounts
from bank_app.services.actor import Actor


@dataclass(frozen=True, slots=True)
class Flow:
    """Money in and out of one currency, in minor units."""

    currency: str
    in_minor: int
    out_minor: int


def flow(session: Session, actor: Actor, *, currency: str, since: datetime) -> Flow:
    """In and out of the actor's accounts of one currency; what only went from one to the other is neither."""
    own = [account.id for account in own_accounts(session, actor) if account.currency == currency]
    other = POSTINGS.alias("other")
    between = exists(
        select(1).where(
            other.c.transaction_id == POSTINGS.c.transaction_id,
            other.c.account_id != POSTINGS.c.account_id,
            other.c.account_id.in_(own),
        )
    )
    into = case((POSTINGS.c.direction == Direction.CREDIT.value, POSTINGS.c.amount), else_=0)
    row = session.execute(
        select(total(POSTINGS.c.amount), total(into)).where(
            POSTINGS.c.account_id.in_(own), POSTINGS.c.created_at >= since, ~between
        )
    ).one()
    moved, came = row
    return Flow(currency, came, moved - came)
