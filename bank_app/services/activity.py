"""Everything that happened on all accounts of a person, as one list."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, exists, or_, select
from sqlalchemy.orm import Session, aliased
from sqlmodel import col

from bank_app.domain.accounting import Direction
from bank_app.models import Posting
from bank_app.services import history
from bank_app.services.accounts import own_accounts
from bank_app.services.auth import Actor
from bank_app.services.history import ANYTHING, EntryView, HistoryFilter
from bank_app.services.lists import Page, bad_cursor, make_cursor, split_moment


def activity(
    session: Session, actor: Actor, *, filters: HistoryFilter = ANYTHING, limit: int = 25, cursor: str | None = None
) -> Page[EntryView]:
    """The entries of all of the actor's own accounts, newest first; a move between two of them once, as sent.

    Raises:
        Invalid, InvalidAmount: a cursor or an amount that is malformed.
    """
    accounts = own_accounts(session, actor)
    if not accounts:
        return Page([], None)
    own = [account.id for account in accounts]
    sent = aliased(Posting)
    between = exists(
        select(1).where(
            col(sent.transaction_id) == col(Posting.transaction_id),
            col(sent.direction) == Direction.DEBIT.value,
            col(sent.account_id).in_(own),
        )
    )
    at, identifier = col(Posting.created_at), col(Posting.transaction_id)
    query = history.postings_query().where(
        col(Posting.account_id).in_(own), or_(col(Posting.direction) == Direction.DEBIT.value, ~between)
    )
    query = history.narrowed(query, actor, filters, beside=col(Posting.account_id))
    if cursor:
        moment, last = _read_cursor(cursor)
        query = query.where(or_(at < moment, and_(at == moment, identifier < last)))
    entries = history.entry_views(session, actor, query.order_by(at.desc(), identifier.desc()).limit(limit + 1))
    more = len(entries) > limit
    entries = entries[:limit]
    newest = entries[-1] if more else None
    return Page(entries, make_cursor(newest.created_at.isoformat(), str(newest.transaction_id)) if newest else None)


def _read_cursor(cursor: str) -> tuple[datetime, UUID]:
    moment, identifier = split_moment(cursor)
    try:
        return moment, UUID(identifier)
    except ValueError:
        raise bad_cursor() from None
