"""What somebody should know before a payment goes: whether it is a first one, a large one, and what limits leave.

Nothing here refuses anything. The ledger decides under its locks; this is said early, so that nobody is surprised.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlmodel import col

from bank_app import clock
from bank_app.database import looked_up_beside
from bank_app.domain.accounting import Direction, TransactionType
from bank_app.models import Posting, Transaction
from bank_app.services import accounts, ledger, payees
from bank_app.services.accounts import AccountView
from bank_app.services.actor import Actor
from bank_app.services.drafts import DraftView

# More than this many times the usual payment is unusual, once there are enough payments to know what is usual.
TIMES_THE_USUAL = 3
ENOUGH_TO_KNOW = 5
_LOOKED_AT = 30


@dataclass(frozen=True, slots=True)
class Limits:
    """What an account may pay, in minor units. None is no limit."""

    at_once_minor: int | None
    daily_minor: int | None
    used_today_minor: int

    @property
    def left_today_minor(self) -> int | None:
        """What may still leave before midnight UTC."""
        return None if self.daily_minor is None else max(self.daily_minor - self.used_today_minor, 0)

    def exceeded_by(self, minor: int) -> str:
        """Which limit an amount is over: `transfer`, `daily`, or neither."""
        if self.at_once_minor is not None and minor > self.at_once_minor:
            return "transfer"
        left = self.left_today_minor
        return "daily" if left is not None and minor > left else ""


@dataclass(frozen=True, slots=True)
class Cautions:
    """What to say beside a draft. `usual_minor` is None unless the amount is far above it."""

    first_payment: bool
    usual_minor: int | None
    limits: Limits


def limits_of(session: Session, account: AccountView) -> Limits:
    """The limits of an account that the actor may see, and what is used of the day's. Locks: none."""
    used = 0
    if account.daily_limit_minor is not None:
        now = clock.now()
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        used = ledger.debits_since(session, [account.id], midnight, now=now).get(account.id, 0)
    return Limits(account.transfer_limit_minor, account.daily_limit_minor, used)


def of_draft(session: Session, actor: Actor, draft: DraftView) -> Cautions:
    """What to say about a draft of the actor's.

    Raises:
        AccountNotFound: the paying account is not the actor's any more.
    """
    account = accounts.get_account(session, actor, draft.from_account_id or 0)
    limits = limits_of(session, account)
    if draft.kind != "transfer" or draft.payee_result == "own" or draft.to_account_id is None:
        return Cautions(first_payment=False, usual_minor=None, limits=limits)
    first = not payees.has_paid(session, actor, owner_id=account.owner_id, account_id=draft.to_account_id)
    usual = _usual(session, account.id)
    unusual = usual is not None and draft.amount_minor > TIMES_THE_USUAL * usual
    return Cautions(first, usual if unusual else None, limits)


def _usual(session: Session, account_id: int) -> int | None:
    """The middle one of the newest payments from an account; None while there are too few."""
    newest = (
        select(col(Posting.amount))
        .join(Transaction, col(Transaction.id) == col(Posting.transaction_id))
        .where(
            col(Posting.account_id) == account_id,
            col(Posting.direction) == Direction.DEBIT.value,
            col(Transaction.type) == TransactionType.TRANSFER.value,
        )
        .order_by(col(Posting.sequence).desc())
        .limit(_LOOKED_AT)
    )
    amounts = sorted(session.execute(looked_up_beside(newest, Transaction)).scalars())
    return amounts[len(amounts) // 2] if len(amounts) >= ENOUGH_TO_KNOW else None
