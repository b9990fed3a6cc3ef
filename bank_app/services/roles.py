"""What each role may do: the door that only the bank's people pass, and everything in sentences for people.

The services decide by `Role` itself; the sentences say the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bank_app import errors
from bank_app.domain.accounting import Role
from bank_app.services.actor import Actor
from bank_app.settings import Settings


@dataclass(frozen=True, slots=True)
class Permission:
    """One thing that can be done, and the roles that may."""

    sentence: str
    roles: frozenset[Role]


def staff_only(actor: Actor) -> None:
    """Lets the bank's people pass.

    Raises:
        Forbidden: a customer asks.
    """
    if not actor.role.sees_every_account:
        raise errors.Forbidden("Only the bank's people see this.")


def _those(may: Callable[[Role], bool]) -> frozenset[Role]:
    return frozenset(role for role in Role if may(role))


_SEES = _those(lambda role: role.sees_every_account)
_ACTS = _those(lambda role: role.acts_on_every_account)
_ADMIN = frozenset({Role.ADMIN})


def may_know_volume(settings: Settings, actor: Actor | None) -> bool:
    """Whether somebody may learn how much there is in the bank, and of whom. That the books balance is everybody's."""
    return settings.demo or (actor is not None and actor.role.sees_every_account)


PERMISSIONS: tuple[Permission, ...] = (
    Permission("Open accounts of their own and move money between them and to others", _ACTS | {Role.CUSTOMER}),
    Permission("See every customer, account and transaction; each look at a customer is logged", _SEES),
    Permission("Read the audit trail and verify it; read and check the books; see how the bank is doing", _SEES),
    Permission("Take the audit trail away, as a file or over the API", frozenset({Role.AUDITOR, Role.ADMIN})),
    Permission("Take in and pay out cash, and move money for a customer", _ACTS),
    Permission(
        "Freeze, unfreeze and close accounts and set their limits, with a reason; not on accounts of their own", _ACTS
    ),
    Permission("Reverse a transaction, with a reason; not one with an account of their own in it", _ACTS),
    Permission(
        "Write notes about customers, disable and end their sign-ins; with a colleague who approves it, let them in "
        "again: a new password, two-step sign-in off, unlocked, enabled",
        _ACTS,
    ),
    Permission("Do the same for colleagues", _ADMIN),
    Permission("Invite colleagues and change roles, with a reason, their own password and a second admin", _ADMIN),
)
