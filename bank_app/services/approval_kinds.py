"""What two of the bank's people do together: of each kind, what it is decided upon and what then happens.

Whatever lets somebody back in, or gives them power, is one of these: `Hands` come from `approvals` alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlmodel import col

from bank_app import errors
from bank_app.database import settings_of
from bank_app.domain import money
from bank_app.domain.accounting import Role
from bank_app.domain.identifiers import account_number_text, parse_account_number
from bank_app.models import Account, Transaction, User
from bank_app.services import (
    access,
    account_decisions,
    accounts,
    four_eyes,
    ledger,
    orders,
    password_links,
    recovery,
    second_factor,
)
from bank_app.services.access import Hands
from bank_app.services.actor import Actor
from bank_app.services.movements import Reverse

PASSWORD_LINK, SECOND_STEP, UNLOCK, ENABLE = "password_link", "second_step", "unlock", "enable"
ROLE, LIMITS, REVERSAL, EXPORT = "role", "limits", "reversal", "export"
_HELPERS = frozenset({Role.TELLER, Role.ADMIN})
_LIMITS = ("overdraft_limit", "transfer_limit", "daily_limit")


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asks for: a kind, whom or what it is about (`user …`, `account …`), and what is to change."""

    kind: str
    subject: str
    change: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def about(cls, kind: str, user_id: UUID, **change: Any) -> Wish:
        """About a person."""
        return cls(kind, f"user {user_id}", change)

    @property
    def name(self) -> str:
        """Which one: an id or an account's number."""
        return self.subject.partition(" ")[2]


@dataclass(frozen=True, slots=True)
class Deed:
    """A wish at the moment when it happens: by whose hands, why, and the digests of the halves of a link."""

    hands: Hands
    wish: Wish
    reason: str
    id: UUID
    first: bytes = b""
    second: bytes = b""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind. `look` says what a wish is decided upon, and turns away whoever has no power over it.

    `approvers` are the roles that could approve it, and who could not whatever his role. `needed` is asked where the
    setting names the kind's group. `act` makes it happen in the unit of work of whoever decides.
    """

    name: str
    group: str
    look: Callable[[Session, Actor, Wish], Mapping[str, Any]]
    approvers: Callable[[Session, Wish], tuple[frozenset[Role], frozenset[UUID]]]
    act: Callable[[Session, Deed], datetime | UUID | None]
    needed: Callable[[Session, Wish], bool] = lambda _session, _wish: True
    # What it is about, as its subject begins.
    noun: str = "user"
    # Whether whoever takes part is shown a half of something.
    halves: bool = False


def spelt(wish: Wish) -> Wish:
    """The wish with its subject in the one way that rows are locked, records found and requests compared by.

    Raises:
        Invalid: the subject is not of what this kind is about.
        InvalidAccountNumber: it is an account's, and its number is none.
    """
    noun, _, name = wish.subject.partition(" ")
    wanted = KINDS[wish.kind].noun
    if noun != wanted:
        message = f"A request of kind {wish.kind} is about `{wanted}` and which one."
        raise errors.Invalid(message, errors=[{"field": "subject", "code": "invalid", "message": message}])
    if wanted == "account":
        name = account_number_text(parse_account_number(name))
    elif wanted in ("user", "transaction"):
        try:
            name = str(UUID(name))
        except ValueError:
            # There is no such thing, and the kind says so in its own words.
            name = name.strip()
    return Wish(wish.kind, f"{noun} {name}", wish.change)


# --- people --------------------------------------------------------------------------------------------


def person(session: Session, wish: Wish) -> User:
    """Whom a wish is about.

    Raises:
        NotFound: there is no such person.
    """
    try:
        found = session.get(User, UUID(wish.name), populate_existing=True)
    except ValueError:
        found = None
    if found is None:
        raise errors.NotFound("There is no such person.")
    return found


def _of_person(session: Session, wish: Wish) -> tuple[frozenset[Role], frozenset[UUID]]:
    found = person(session, wish)
    return frozenset(role for role in _HELPERS if role.may_decide_about(Role(found.role))), frozenset({found.id})


def _looks_at_person(factor: str = "") -> Callable[[Session, Actor, Wish], Mapping[str, Any]]:
    def look(session: Session, actor: Actor, wish: Wish) -> Mapping[str, Any]:
        found = person(session, wish)
        access.may_help(actor, found)
        if factor:
            recovery.refuse_other_factor(session, actor.user_id, found.id, factor)
        seen: dict[str, Any] = {"name": found.name, "email": found.email, "role": found.role}
        seen["disabled"] = found.disabled_at is not None
        return seen | ({"two_step": found.totp_since is not None} if factor else {})

    return look


def _makes_link(session: Session, deed: Deed) -> datetime:
    return password_links.make(session, deed.hands, UUID(deed.wish.name), deed.first, deed.second)


def _ends_second_step(session: Session, deed: Deed) -> None:
    second_factor.reset(session, deed.hands, UUID(deed.wish.name), reason=deed.reason)


def _unlocks(session: Session, deed: Deed) -> None:
    access.unlock(session, deed.hands, UUID(deed.wish.name), reason=deed.reason)


def _enables(session: Session, deed: Deed) -> None:
    access.enable(session, deed.hands, UUID(deed.wish.name), reason=deed.reason)


def _role_of(wish: Wish) -> Role:
    try:
        return Role(str(wish.change.get("role")))
    except ValueError:
        message = "Choose a role: customer, teller, auditor or admin."
        raise errors.Invalid(message, errors=[{"field": "role", "code": "invalid", "message": message}]) from None


def _looks_at_role(session: Session, actor: Actor, wish: Wish) -> Mapping[str, Any]:
    if actor.role is not Role.ADMIN:
        raise errors.Forbidden("Only an admin can do this.")
    _role_of(wish)
    found = person(session, wish)
    if wish.change.get("was") not in (None, found.role):
        raise errors.Forbidden("Their role changed a moment ago.")
    return {"name": found.name, "email": found.email, "role": found.role}


def _admins(session: Session, wish: Wish) -> tuple[frozenset[Role], frozenset[UUID]]:
    return frozenset({Role.ADMIN}), frozenset({person(session, wish).id})


def _gives_power(session: Session, wish: Wish) -> bool:
    """Taking power away is one person's, so that a colleague who went astray is stopped at once."""
    order = (Role.CUSTOMER, Role.AUDITOR, Role.TELLER, Role.ADMIN)
    return order.index(_role_of(wish)) > order.index(Role(person(session, wish).role))


def _changes_role(session: Session, deed: Deed) -> None:
    access.change_role(session, deed.hands, UUID(deed.wish.name), role=_role_of(deed.wish), reason=deed.reason)


# --- accounts and transactions ---------------------------------------------------------------------------


def _account(session: Session, wish: Wish) -> Account:
    number = parse_account_number(wish.name)
    found = session.get(Account, number, populate_existing=True)
    if found is None or found.owner_id is None:
        raise ledger.no_such_account(number)
    return found


def _looks_at_limits(session: Session, actor: Actor, wish: Wish) -> Mapping[str, Any]:
    found = _account(session, wish)
    four_eyes.colleague_decides(actor, found.owner_id)
    if not actor.role.acts_on_every_account:
        raise errors.Forbidden("Only a teller can change this.")
    for name in _LIMITS:
        if (text := wish.change.get(name)) is not None:
            money.Amount.of(text).minor(found.currency, zero_allowed=True)
    limits = {name: getattr(found, name) for name in _LIMITS}
    shown = {name: None if minor is None else money.to_text(minor, found.currency) for name, minor in limits.items()}
    return {**shown, "currency": found.currency, "owner": str(found.owner_id)}


def _of_account(session: Session, wish: Wish) -> tuple[frozenset[Role], frozenset[UUID]]:
    owner = _account(session, wish).owner_id
    return _HELPERS, frozenset({owner} if owner else ())


def _sets_limits(session: Session, deed: Deed) -> None:
    limits = {name: deed.wish.change.get(name) for name in _LIMITS}
    account_decisions.set_limits(
        session, deed.hands.last, parse_account_number(deed.wish.name), limits=limits, reason=deed.reason, approved=True
    )


def _raises_limits(session: Session, wish: Wish) -> bool:
    found = _account(session, wish)
    texts = {name: wish.change.get(name) for name in _LIMITS}
    wanted = {
        name: None if text is None else money.Amount.of(text).minor(found.currency, zero_allowed=True)
        for name, text in texts.items()
    }
    wanted["overdraft_limit"] = wanted["overdraft_limit"] or 0
    return accounts.raises_limits(found, wanted)


def _transaction(session: Session, wish: Wish) -> ledger.Posted:
    try:
        wanted = UUID(wish.name)
    except ValueError:
        raise orders.no_such_transaction() from None
    found = ledger.load(session, [wanted]).get(wanted)
    if found is None:
        raise orders.no_such_transaction()
    return found


def _owners(session: Session, found: ledger.Posted) -> frozenset[UUID]:
    facts = ledger.facts(session, [side.account_id for side in found.postings])
    return frozenset(one.owner_id for one in facts.values() if one.owner_id)


def _looks_at_reversal(session: Session, actor: Actor, wish: Wish) -> Mapping[str, Any]:
    found = _transaction(session, wish)
    known = ledger.facts(session, [side.account_id for side in found.postings])
    orders.reversal_draft(actor, Reverse(found.id, "Looked at"), None, known, {found.id: found})
    reversal = session.execute(select(col(Transaction.id)).where(col(Transaction.reverses_id) == found.id)).first()
    return {
        "amount": money.to_text(found.amount_minor, found.currency),
        "currency": found.currency,
        "sides": [
            f"{side.direction.value} {account_number_text(side.account_id)}"
            for side in sorted(found.postings, key=lambda side: side.account_id)
        ],
        "reversed": reversal is not None,
    }


def _of_transaction(session: Session, wish: Wish) -> tuple[frozenset[Role], frozenset[UUID]]:
    return _HELPERS, _owners(session, _transaction(session, wish))


def _is_large(session: Session, wish: Wish) -> bool:
    found = _transaction(session, wish)
    return four_eyes.reversal_takes_two(settings_of(session), found.amount_minor, found.currency)


def _reverses(session: Session, deed: Deed) -> UUID:
    movement = Reverse(UUID(deed.wish.name), deed.reason)
    # No client can send this key, and with it the ledger itself does it once.
    order = orders.Order.of(deed.hands.last, movement, f"approval {deed.id}", approved=True)
    [answer] = orders.settle(session, [order], settings=settings_of(session), known=orders.Known(), skip_locked=False)
    if isinstance(answer, errors.BankError):
        raise answer
    if not isinstance(answer, orders.Settled):
        raise errors.LockTimeout("Somebody else holds an account that this needs. Nothing was changed.")
    if isinstance(answer.outcome, ledger.Refused):
        raise answer.outcome.as_error()
    if not isinstance(answer.outcome, ledger.Posted):
        raise errors.BooksBroken("a reversal was asked for, and something else answered")
    return answer.outcome.id


# --- files -----------------------------------------------------------------------------------------------


def _looks_at_export(_session: Session, actor: Actor, wish: Wish) -> Mapping[str, Any]:
    if not actor.role.sees_every_account:
        raise errors.Forbidden("Only the bank's people see this.")
    if wish.name not in EXPORTS:
        raise errors.NotFound("There is no such file.")
    return {}


def _anybody(_session: Session, _wish: Wish) -> tuple[frozenset[Role], frozenset[UUID]]:
    return _HELPERS, frozenset()


EXPORTS = {"audit": "The audit trail", "security": "The security events", "transactions": "All transactions"}

KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(PASSWORD_LINK, "recovery", _looks_at_person(recovery.PASSWORD), _of_person, _makes_link, halves=True),
        Kind(SECOND_STEP, "recovery", _looks_at_person(recovery.SECOND_STEP), _of_person, _ends_second_step),
        Kind(UNLOCK, "recovery", _looks_at_person(), _of_person, _unlocks),
        Kind(ENABLE, "recovery", _looks_at_person(), _of_person, _enables),
        Kind(ROLE, "roles", _looks_at_role, _admins, _changes_role, needed=_gives_power),
        Kind(LIMITS, "limits", _looks_at_limits, _of_account, _sets_limits, _raises_limits, "account"),
        Kind(REVERSAL, "reversals", _looks_at_reversal, _of_transaction, _reverses, _is_large, "transaction"),
        Kind(EXPORT, "exports", _looks_at_export, _anybody, lambda *_: None, noun="export"),
    )
}
