"""What the bank's people decide about an account, each with a reason: freeze, unfreeze, close, set its limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bank_app import clock
from bank_app.domain.accounting import AccountStatus, FrozenFor, HoldState
from bank_app.models import HOLDS
from bank_app.services import accounts, drafts, reasons, roles
from bank_app.services.accounts import AccountView
from bank_app.services.actor import Actor


class Obstacle(StrEnum):
    """Why an account cannot be closed yet."""

    BALANCE = "balance"
    OVERDRAWN = "overdrawn"
    HOLDS = "holds"


@dataclass(frozen=True, slots=True)
class Blocker:
    """One thing that is in the way of closing: how much (minor units), and how many of it."""

    obstacle: Obstacle
    amount_minor: int
    count: int = 1


@dataclass(frozen=True, slots=True)
class Outlook:
    """What freezing or closing an account would meet now. Minor units of the account's currency.

    `blockers` is empty if it can be closed; `unsent` counts payments out of it that somebody is about to confirm.
    """

    open_holds: int
    held_minor: int
    unsent: int
    blockers: tuple[Blocker, ...]


def outlook(session: Session, actor: Actor, account_id: int) -> Outlook:
    """What is under way on an account, before somebody freezes or closes it.

    Raises:
        AccountNotFound: as `accounts.get_account`.
        Forbidden: a customer asks.
    """
    account = accounts.get_account(session, actor, account_id)
    roles.staff_only(actor)
    holds = session.execute(
        select(func.count()).select_from(HOLDS).where(
            HOLDS.c.account_id == account_id, HOLDS.c.state == HoldState.OPEN.value, HOLDS.c.expires_at > clock.now()
        )
    ).scalar_one()  # fmt: skip
    return Outlook(
        open_holds=holds,
        held_minor=account.held_minor,
        unsent=drafts.unsent_from(session, account_id),
        blockers=tuple(_blockers(account, holds)),
    )


def _blockers(account: AccountView, holds: int) -> list[Blocker]:
    found = []
    if account.balance_minor > 0:
        found.append(Blocker(Obstacle.BALANCE, account.balance_minor))
    if account.balance_minor < 0:
        found.append(Blocker(Obstacle.OVERDRAWN, -account.balance_minor))
    if holds:
        found.append(Blocker(Obstacle.HOLDS, account.held_minor, holds))
    return found


def freeze(session: Session, actor: Actor, account_id: int, *, scope: FrozenFor, reason: str) -> AccountView:
    """Stops payments out of an account, or payments both ways.

    Raises:
        Invalid: the reason is shorter than ten characters.
        AccountNotFound, Forbidden, AccountClosed: as `accounts.change_account`, which also says what is locked.
    """
    return accounts.change_account(
        session, actor, account_id, status=AccountStatus.FROZEN, frozen_for=scope, reason=reasons.written(reason)
    )


def unfreeze(session: Session, actor: Actor, account_id: int, *, reason: str) -> AccountView:
    """Opens a frozen account again; raises and locks as `freeze`."""
    return accounts.change_account(
        session, actor, account_id, status=AccountStatus.OPEN, reason=reasons.written(reason)
    )


def close(session: Session, actor: Actor, account_id: int, *, reason: str) -> AccountView:
    """Closes an empty account for ever; raises and locks as `freeze`.

    Raises:
        AccountNotEmpty: it holds money or holds; `outlook` names them.
    """
    return accounts.change_account(
        session, actor, account_id, status=AccountStatus.CLOSED, reason=reasons.written(reason)
    )


def set_limits(
    session: Session,
    actor: Actor,
    account_id: int,
    *,
    limits: Mapping[str, str | None],
    reason: str,
    approved: bool = False,
) -> AccountView:
    """Sets `overdraft_limit`, `transfer_limit` and `daily_limit` (major units; None takes a limit away).

    Raises:
        Invalid: the reason is shorter than ten characters.
        InvalidAmount: a limit that is no amount of the account's currency.
        InsufficientFunds: more of the overdraft is used than the new limit allows.
        ApprovalRequired: more may leave than before, and at this bank a colleague approves that.
        AccountNotFound, Forbidden, AccountClosed: as `accounts.change_account`, which also says what is locked.
    """
    overdraft = limits.get("overdraft_limit") or "0"
    return accounts.change_account(
        session,
        actor,
        account_id,
        overdraft_limit=overdraft,
        transfer_limit=limits.get("transfer_limit"),
        daily_limit=limits.get("daily_limit"),
        reason=reasons.written(reason),
        approved=approved,
    )
