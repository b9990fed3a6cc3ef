"""What a newcomer tried already: read from the books where they say so, kept with the person where they do not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlmodel import col

from bank_app.domain.accounting import AccountStatus, Direction, TransactionType
from bank_app.errors import Invalid
from bank_app.models import User
from bank_app.services import accounts, auth, drafts, history, payees, preferences, transfers
from bank_app.services.accounts import AccountView
from bank_app.services.actor import Actor

# Sending is not among them: the books say that somebody has.
_KEPT = ("twice", "watch", "prove", "lab")
_NAME = "first_steps"
_LOOKED_AT = 50


@dataclass(frozen=True, slots=True)
class FirstSteps:
    """How far somebody is, and with whom: `partner` is the other person's account."""

    done: frozenset[str]
    put_away: bool
    partner: AccountView | None
    own: AccountView | None
    sent: UUID | None


def look(session: Session, actor: Actor, *, partner_email: str) -> FirstSteps:
    """What the actor has tried, of what there is to try with the person who has this email."""
    kept = _kept(session, actor)
    done = {step for step in _KEPT if step in kept.get("done", [])}
    other = auth.find(session, partner_email)
    own = _first_open(session, actor)
    partner = _first_open(session, other) if other else None
    sent = None
    if partner and payees.has_paid(session, actor, owner_id=actor.user_id, account_id=partner.id):
        done.add("send")
        sent = _newest_sent(session, actor, partner)
    return FirstSteps(frozenset(done), bool(kept.get("put_away")), partner, own, sent)


def tick(session: Session, actor: Actor, step: str) -> None:
    """Notes that something was really done. What the books say by themselves is not noted.

    Raises:
        Invalid: there is no such step.
    """
    if step not in _KEPT:
        raise Invalid("There is no such step.")
    kept = _kept(session, actor)
    if step not in kept.get("done", []):
        preferences.keep(session, actor, _NAME, {**kept, "done": [*kept.get("done", []), step]})


def put_away(session: Session, actor: Actor, *, away: bool) -> None:
    """Hides the list, or brings it back from the beginning."""
    preferences.keep(session, actor, _NAME, {**_kept(session, actor), "put_away": True} if away else {})


def _kept(session: Session, actor: Actor) -> dict[str, Any]:
    found = session.execute(select(col(User.preferences)).where(col(User.id) == actor.user_id)).scalar()
    kept = (found or {}).get(_NAME)
    return kept if isinstance(kept, dict) else {}


def _first_open(session: Session, actor: Actor) -> AccountView | None:
    own = [account for account in accounts.own_accounts(session, actor) if account.status is AccountStatus.OPEN]
    return own[0] if own else None


def _newest_sent(session: Session, actor: Actor, partner: AccountView) -> UUID | None:
    for entry in history.recent(session, actor, limit=_LOOKED_AT):
        to_partner = entry.counterparty is not None and entry.counterparty.account_id == partner.number
        sent = to_partner and entry.direction is Direction.DEBIT and entry.type is TransactionType.TRANSFER
        # Only what was sent from a form can be sent again under its key.
        if sent and drafts.id_in(transfers.key_of(session, actor, entry.transaction_id)):
            return entry.transaction_id
    return None
