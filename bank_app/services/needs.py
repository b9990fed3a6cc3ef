"""What waits for a person: accounts that are frozen, money that is set aside, a sign-in with one step only."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlmodel import col

from bank_app.domain.accounting import AccountStatus, HoldState
from bank_app.models import User
from bank_app.services.accounts import AccountView, own_accounts
from bank_app.services.actor import Actor
from bank_app.services.holds import HoldView, list_holds

_HOLDS = 3


@dataclass(frozen=True, slots=True)
class Held:
    """Money set aside on an account: the holds that end first, and how many there are besides."""

    account: AccountView
    holds: tuple[HoldView, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class Needs:
    """Everything that waits, each kind in the order of the accounts."""

    frozen: tuple[AccountView, ...]
    held: tuple[Held, ...]
    one_step_only: bool

    @property
    def count(self) -> int:
        """How many things wait."""
        return len(self.frozen) + len(self.held) + self.one_step_only


def needs(session: Session, actor: Actor) -> Needs:
    """What waits for the actor. Locks: none."""
    own = own_accounts(session, actor)
    since = session.execute(select(col(User.totp_since)).where(col(User.id) == actor.user_id)).scalar()
    return Needs(
        frozen=tuple(account for account in own if account.status is AccountStatus.FROZEN),
        held=tuple(_held(session, actor, account) for account in own if account.held_minor),
        one_step_only=since is None,
    )


def _held(session: Session, actor: Actor, account: AccountView) -> Held:
    found = list_holds(session, actor, account_id=account.id, state=HoldState.OPEN, limit=_HOLDS)
    first = sorted(found.items, key=lambda hold: hold.expires_at)
    return Held(account, tuple(first), found.next_cursor is not None)
