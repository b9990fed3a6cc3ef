"""Nobody serves himself: on accounts of their own the bank's people are customers like everybody else."""

from __future__ import annotations

from uuid import UUID

from bank_app import errors
from bank_app.domain import money
from bank_app.services.actor import Actor
from bank_app.settings import Settings


def colleague_decides(actor: Actor, *owner_ids: UUID | None) -> None:
    """Turns away who would decide about his own account, such as its limits or a reversal on it.

    Raises:
        OwnAccount: one of the owners is the actor.
    """
    if actor.user_id in owner_ids:
        raise errors.OwnAccount("This concerns an account of your own; a colleague has to do it.")


def colleague_pays(actor: Actor, owner_id: UUID | None, settings: Settings) -> None:
    """Turns away who would hand cash to himself, at a bank where customers do not.

    Raises:
        OwnAccount: the owner is the actor, and customers do not handle cash.
    """
    if not settings.customers_handle_cash:
        colleague_decides(actor, owner_id)


def colleague_sends(actor: Actor, *, payer: UUID | None, payee: UUID | None) -> None:
    """Turns away who would move somebody else's money to himself.

    Raises:
        OwnAccount: the payee is the actor, and the payer is not.
    """
    if payer != actor.user_id:
        colleague_decides(actor, payee)


def groups(settings: Settings) -> frozenset[str]:
    """What takes two of the bank's people here, as BANK_APPROVALS names it."""
    return frozenset(settings.approvals.split(","))


def reversal_takes_two(settings: Settings, amount_minor: int, currency: str) -> bool:
    """Whether taking so much back needs an approval."""
    most = settings.approval_above * money.currency(currency).unit
    return "reversals" in groups(settings) and amount_minor > most


def approval_required(kind: str, subject: str) -> errors.ApprovalRequired:
    """The refusal of what was tried by one."""
    return errors.ApprovalRequired(
        "At this bank a colleague has to approve this. Ask for it; nothing was done.",
        kind=kind,
        subject=subject,
        ask="/api/v1/approvals",
    )
