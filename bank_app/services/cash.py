"""Cash: the accounts that carry the other side of it, and that nobody alone uses up what they can record."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from bank_app.columns import total
from bank_app.domain.accounting import MAX_BALANCE, AnyDraft, Direction, Draft, TransactionType
from bank_app.domain.identifiers import internal_account_number
from bank_app.models import ACCOUNTS, POSTINGS, TRANSACTIONS
from bank_app.services.rules import COUNTED_AHEAD, COUNTED_CASH, Book, SelfServed, handles_own_cash

KIND_DIGIT = 1
# Deposits to different customers must not wait for one cash row, so there are several, and each process has one.
STRIPES = 10
# From here on another row takes over: far from where nothing more could be recorded, whatever one unit of work brings.
_NEARLY_FULL = MAX_BALANCE // 2


def stripes(currency: str) -> list[int]:
    """All cash accounts of a currency."""
    return [internal_account_number(KIND_DIGIT, currency, stripe) for stripe in range(STRIPES)]


def cash_account(currency: str) -> int:
    """The cash account that carries the other side of this process's deposits and withdrawals.

    Within a process they are posted together and touch one row; processes would wait for each other's.
    """
    return internal_account_number(KIND_DIGIT, currency, os.getpid() % STRIPES)


@dataclass(frozen=True, slots=True)
class Spares:
    """Which other cash account takes what would bring a nearly full one closer to its bound."""

    instead: Mapping[tuple[int, Direction], int] = field(default_factory=dict)

    def use(self, draft: AnyDraft) -> AnyDraft:
        """The draft with the side that is nearly full on another row. A reversal stays the mirror that it is."""
        if not self.instead or not isinstance(draft, Draft) or draft.reverses_id:
            return draft
        moved = tuple(
            leg._replace(account_id=self.instead.get((leg.account_id, leg.direction), leg.account_id))
            for leg in draft.legs
        )
        return draft if moved == draft.legs else replace(draft, legs=moved)


def find_spares(session: Session, books: Iterable[Book]) -> Mapping[tuple[int, Direction], int]:
    """For each cash account among locked ones that is nearly full, the one that has most room. Locks: none."""
    found: dict[tuple[int, Direction], int] = {}
    for book in books:
        if not book.internal or abs(book.balance) < _NEARLY_FULL:
            continue
        of_currency = stripes(book.account.currency)
        if book.account.id not in of_currency:
            continue
        rows = session.execute(select(ACCOUNTS.c.id, ACCOUNTS.c.balance).where(ACCOUNTS.c.id.in_(of_currency))).all()
        direction = Direction.DEBIT if book.balance < 0 else Direction.CREDIT
        roomiest = min(rows, key=lambda row: (-row.balance if book.balance < 0 else row.balance, row.id))
        if roomiest.id != book.account.id:
            found[book.account.id, direction] = roomiest.id
    return found


def count_self_service(session: Session, drafts: Sequence[AnyDraft], books: Mapping[int, Book], now: datetime) -> None:
    """What customers have paid in and out by themselves since midnight UTC, noted on the books that it is asked of.

    One statement, and none unless an amount is large enough to be counted. Locks: none, so that two processes which
    post for one customer at once may each allow the whole of a day.
    """
    asked = [book for draft in drafts if isinstance(draft, Draft) and (book := handles_own_cash(draft, books))]
    if not asked:
        return
    of: dict[tuple[UUID | None, str], SelfServed] = {}
    for book in asked:
        book.self_served = of.setdefault((book.account.owner_id, book.account.currency), SelfServed())
    rows = session.execute(
        select(ACCOUNTS.c.owner_id, ACCOUNTS.c.currency, TRANSACTIONS.c.type, total(POSTINGS.c.amount).label("moved"))
        .join(POSTINGS, POSTINGS.c.account_id == ACCOUNTS.c.id)
        .join(TRANSACTIONS, TRANSACTIONS.c.id == POSTINGS.c.transaction_id)
        .where(
            ACCOUNTS.c.owner_id.in_({owner for owner, _ in of}),
            POSTINGS.c.created_at.between(now.replace(hour=0, minute=0, second=0, microsecond=0), now + COUNTED_AHEAD),
            POSTINGS.c.amount >= COUNTED_CASH,
            TRANSACTIONS.c.type.in_([TransactionType.DEPOSIT.value, TransactionType.WITHDRAW.value]),
            TRANSACTIONS.c.actor_id == ACCOUNTS.c.owner_id,
        )
        .group_by(ACCOUNTS.c.owner_id, ACCOUNTS.c.currency, TRANSACTIONS.c.type)
    )
    for row in rows:
        if served := of.get((row.owner_id, row.currency)):
            served.add(TransactionType(row.type), row.moved)
