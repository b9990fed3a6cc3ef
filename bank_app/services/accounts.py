"""Accounts: opening, reading, changing their state, and checking the name of a payee."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import insert, or_, select, update
from sqlalchemy.orm import Session
from sqlmodel import col

from bank_app import clock, errors
from bank_app.database import settings_of
from bank_app.domain import money, names
from bank_app.domain.accounting import (
    AccountKind,
    AccountStatus,
    Direction,
    Draft,
    FrozenFor,
    Key,
    Leg,
    TransactionType,
    available,
    passes,
)
from bank_app.domain.identifiers import account_number_text, grouped, new_account_number, new_id
from bank_app.domain.text import one_line, written
from bank_app.models import ACCOUNTS, Account, AuditRecord, User
from bank_app.services import audit, four_eyes, hold_book, ledger, looks, payee_names, quotas
from bank_app.services.actor import Actor, still
from bank_app.services.lists import Page, bad_cursor, contains, has_number, make_cursor, split_moment
from bank_app.settings import Settings

MAX_NICKNAME = 60
_OPENED = "account.open"


class Unset(Enum):
    """Tells "not mentioned" from "set to nothing"."""

    UNSET = "unset"


UNSET: Final = Unset.UNSET


@dataclass(frozen=True, slots=True)
class AccountView:
    """An account as its owner and the bank's people see it. Amounts in minor units of `currency`.

    What is held is what open holds hold now: one that is due counts no more. A limit that is None is none.
    """

    id: int
    owner_id: UUID
    owner_name: str
    kind: AccountKind
    currency: str
    nickname: str | None
    status: AccountStatus
    frozen_for: FrozenFor | None
    balance_minor: int
    held_minor: int
    overdraft_limit_minor: int
    transfer_limit_minor: int | None
    daily_limit_minor: int | None
    version: int
    opened_at: datetime

    @property
    def number(self) -> str:
        """Ten digits."""
        return account_number_text(self.id)

    @property
    def grouped_number(self) -> str:
        """Ten digits as people read them."""
        return grouped(self.id)

    @property
    def title(self) -> str:
        """What its owner calls it."""
        return self.nickname or self.kind.usual_name

    @property
    def available_minor(self) -> int:
        """Booked balance less holds plus overdraft limit."""
        return available(
            balance_minor=self.balance_minor,
            held_minor=self.held_minor,
            overdraft_limit_minor=self.overdraft_limit_minor,
        )

    @property
    def can_pay(self) -> bool:
        """Whether its state lets money leave."""
        return passes(Direction.DEBIT, self.status, self.frozen_for)

    @property
    def can_receive(self) -> bool:
        """Whether its state lets money arrive."""
        return passes(Direction.CREDIT, self.status, self.frozen_for)


@dataclass(frozen=True, slots=True)
class PayeeCheck:
    """How a name fits an account's owner: `match`, `close` (with the right name) or `none` (never reveals it)."""

    result: str
    suggestion: str | None = None


def open_account(
    session: Session,
    actor: Actor,
    *,
    settings: Settings,
    currency: str | None = None,
    kind: AccountKind = AccountKind.CHECKING,
    nickname: str | None = None,
    initial_balance: object = None,
    owner_id: UUID | None = None,
    key: Key | None = None,
) -> AccountView:
    """Opens an account, with an opening deposit against cash if `initial_balance` (major units) is more than zero.

    `key` is kept with it; whoever has one asks `openings`, which looks first whether it was used.

    Raises:
        Forbidden: an auditor; a customer for somebody else; anybody for himself with money while self-service cash is
            off.
        Invalid: unknown currency, an owner that does not exist, or too long a nickname.
        InvalidAmount: `initial_balance` is malformed for the currency.
        QuotaReached: a customer has as many open accounts as there can be.
    Locks: the new account and one cash account.
    """
    still(session, actor)
    owner = _owner(session, actor, owner_id)
    code = _currency(currency or settings.currency)
    opening = 0
    if initial_balance is not None:
        opening = money.Amount.of(initial_balance).minor(code, zero_allowed=True)
    if opening and not (actor.role.acts_on_every_account or settings.customers_handle_cash):
        raise errors.Forbidden("Customers cannot deposit by themselves at this bank; a teller can.")
    if opening:
        four_eyes.colleague_pays(actor, owner, settings)
    if not actor.role.acts_on_every_account:
        quotas.require_account(session, owner, settings)
    ledger.ensure_internal_accounts(session, code)
    number = new_account_number()
    called = _nickname(nickname) or _told_apart(session, owner, kind, code)
    row = ledger.new_account_row(number, kind, code, owner_id=owner, nickname=called)
    session.execute(insert(Account), [row])
    posted_id = _post_opening(session, actor, number, code, opening) if opening else None
    if key:
        ledger.record_opening(session, key, number, posted_id)
    audit.record(
        session,
        actor_id=actor.user_id,
        action=_OPENED,
        object=f"account {account_number_text(number)}",
        changes={"nickname": [None, called]} if called else {},
    )
    return get_account(session, actor, number)


def _owner(session: Session, actor: Actor, owner_id: UUID | None) -> UUID:
    if actor.role.sees_every_account and not actor.role.acts_on_every_account:
        raise errors.Forbidden("Your role (Auditor) can look but not change this.")
    if owner_id in (None, actor.user_id):
        return actor.user_id
    if not actor.role.acts_on_every_account:
        raise errors.Forbidden("You can open accounts for yourself only.")
    if session.execute(select(col(User.id)).where(col(User.id) == owner_id)).first() is None:
        raise errors.Invalid(
            "There is no customer with this id.", errors=_field("owner_id", "There is no such customer.")
        )
    return owner_id


def _nickname(text: str | None) -> str | None:
    return written(text, most=MAX_NICKNAME, field="nickname", what="the name") or None


def _told_apart(
    session: Session, owner_id: UUID, kind: AccountKind, code: str, *, but: int | None = None
) -> str | None:
    """Makes a name for an account that was given none: nothing while the name of its kind is free, else the next one.

    The first in another currency is called by that, `Everyday EUR`; further ones are counted, `Everyday 2`.
    Locks: none; two accounts that are opened at the same moment may be called the same.
    """
    rows = session.execute(
        select(col(Account.nickname), col(Account.kind), col(Account.currency)).where(
            col(Account.owner_id) == owner_id,
            col(Account.status) != AccountStatus.CLOSED.value,
            col(Account.id) != (but or 0),
        )
    ).all()
    taken = {row.nickname or AccountKind(row.kind).usual_name for row in rows}
    usual = kind.usual_name
    if usual not in taken:
        return None
    first_of_currency = (kind.value, code) not in {(row.kind, row.currency) for row in rows}
    numbered = (f"{usual} {number}" for number in itertools.count(2))
    names = itertools.chain([f"{usual} {code}"] if first_of_currency else [], numbered)
    return next(name for name in names if name not in taken)


def _currency(code: str) -> str:
    try:
        return money.currency(code).code
    except ValueError as error:
        raise errors.Invalid(f"{error}.", errors=_field("currency", f"{error}.")) from None


def _field(field: str, message: str, code: str = "invalid") -> list[dict[str, str]]:
    return [{"field": field, "code": code, "message": message}]


def as_opened(session: Session, account: AccountView, *, nickname: str | None, initial_balance: object) -> AccountView:
    """The account as it was answered when it was opened so, whatever has become of it since.

    A name that the bank made up then stands in the audit trail. Locks: none.
    """
    opening = (
        0 if initial_balance is None else money.Amount.of(initial_balance).minor(account.currency, zero_allowed=True)
    )
    return replace(
        account,
        nickname=_nickname(nickname) or _named_when_opened(session, account),
        status=AccountStatus.OPEN,
        frozen_for=None,
        balance_minor=opening,
        held_minor=0,
        overdraft_limit_minor=0,
        transfer_limit_minor=None,
        daily_limit_minor=None,
        version=1 if opening else 0,
    )


def _named_when_opened(session: Session, account: AccountView) -> str | None:
    opened = select(col(AuditRecord.changes)).where(
        col(AuditRecord.object) == f"account {account.number}", col(AuditRecord.action) == _OPENED
    )
    changes = session.execute(opened).scalars().first() or {}
    _, name = changes.get("nickname") or (None, None)
    return str(name) if name else None


def _post_opening(session: Session, actor: Actor, number: int, code: str, amount_minor: int) -> UUID:
    draft = Draft(
        id=new_id(),
        type=TransactionType.DEPOSIT,
        currency=code,
        legs=(
            Leg(ledger.cash_account(code), Direction.DEBIT, amount_minor),
            Leg(number, Direction.CREDIT, amount_minor),
        ),
        actor_id=actor.user_id,
        description="Opening deposit",
        must_belong_to_actor=frozenset() if actor.role.acts_on_every_account else frozenset({number}),
    )
    [outcome] = ledger.post(session, [draft])
    if isinstance(outcome, ledger.Refused):
        raise outcome.error
    return draft.id


# --- reading --------------------------------------------------------------------------------------


def _customer_accounts() -> Any:
    return (
        select(Account, col(User.name))
        .join(User, col(User.id) == col(Account.owner_id))
        .execution_options(populate_existing=True)
    )


def _views(session: Session, rows: Iterable[Any]) -> list[AccountView]:
    found = [(account, owner_name) for account, owner_name in rows]
    due = hold_book.due_sums(session, [account.id for account, _ in found if account.held], clock.now())
    return [_view(account, owner_name, due.get(account.id, 0)) for account, owner_name in found]


def _view(account: Account, owner_name: str, due: int) -> AccountView:
    if account.owner_id is None:
        raise errors.BooksBroken(f"account {account.id} has no owner to show it to")
    return AccountView(
        id=account.id,
        owner_id=account.owner_id,
        owner_name=owner_name,
        kind=AccountKind(account.kind),
        currency=account.currency,
        nickname=account.nickname,
        status=AccountStatus(account.status),
        frozen_for=FrozenFor(account.frozen_for) if account.frozen_for else None,
        balance_minor=account.balance,
        held_minor=account.held - due,
        overdraft_limit_minor=account.overdraft_limit,
        transfer_limit_minor=account.transfer_limit,
        daily_limit_minor=account.daily_limit,
        version=account.version,
        opened_at=account.opened_at,
    )


def get_account(session: Session, actor: Actor, account_id: int) -> AccountView:
    """One account.

    Raises:
        AccountNotFound: it does not exist, is the bank's own, or is not the customer's.
    """
    row = session.execute(_customer_accounts().where(col(Account.id) == account_id)).first()
    if row is None or not (actor.role.sees_every_account or row[0].owner_id == actor.user_id):
        if row is not None:
            looks.not_theirs(session, actor, f"account {account_number_text(account_id)}")
        raise ledger.no_such_account(account_id)
    looks.at_account(session, actor, account_id, row[0].owner_id)
    return _views(session, [row])[0]


def currencies(session: Session) -> list[str]:
    """The currencies that this bank has accounts in: each has accounts of the bank's own."""
    mine = select(col(Account.currency)).where(col(Account.owner_id).is_(None)).distinct()
    return sorted(session.execute(mine).scalars())


def own_accounts(session: Session, actor: Actor) -> list[AccountView]:
    """The actor's own accounts, oldest first."""
    rows = session.execute(
        _customer_accounts()
        .where(col(Account.owner_id) == actor.user_id)
        .order_by(col(Account.opened_at), col(Account.id))
    )
    return _views(session, rows)


def list_accounts(
    session: Session,
    actor: Actor,
    *,
    owner_id: UUID | None = None,
    status: AccountStatus | None = None,
    q: str | None = None,
    limit: int = 50,
    cursor: str | None = None,
) -> Page[AccountView]:
    """Accounts by newest first: a customer's own, everybody's for the bank's people.

    `q` finds parts of the number, the nickname, the owner's name and email.

    Raises:
        Invalid: the cursor is not one of ours.
    """
    query = _customer_accounts().order_by(col(Account.opened_at).desc(), col(Account.id).desc()).limit(limit + 1)
    if not actor.role.sees_every_account:
        query = query.where(col(Account.owner_id) == actor.user_id)
    if owner_id:
        query = query.where(col(Account.owner_id) == owner_id)
    if status:
        query = query.where(col(Account.status) == status.value)
    if q and q.strip():
        query = query.where(_matches(q.strip()))
    if cursor:
        opened_at, number = _read_cursor(cursor)
        older = col(Account.opened_at) < opened_at
        query = query.where(or_(older, (col(Account.opened_at) == opened_at) & (col(Account.id) < number)))
    rows = _views(session, session.execute(query))
    more = len(rows) > limit
    rows = rows[:limit]
    looks.at_list(session, actor, "accounts", len(rows), further=cursor, owner=owner_id, status=status, q=q)
    if owner_id and rows:
        looks.at_person(session, actor, owner_id)
    return Page(rows, make_cursor(rows[-1].opened_at.isoformat(), str(rows[-1].id)) if more else None)


def _matches(text: str) -> Any:
    found = [contains(column, text) for column in (col(Account.nickname), col(User.name), col(User.email))]
    return or_(*found, has_number(col(Account.id), text))


def _read_cursor(cursor: str) -> tuple[datetime, int]:
    moment, number = split_moment(cursor)
    # A longer number fits no column.
    if not re.fullmatch(r"[0-9]{1,10}", number, re.ASCII):
        raise bad_cursor()
    return moment, int(number)


# --- changing -------------------------------------------------------------------------------------


def change_account(
    session: Session,
    actor: Actor,
    account_id: int,
    *,
    nickname: str | Unset | None = UNSET,
    status: AccountStatus | Unset = UNSET,
    frozen_for: FrozenFor | Unset = UNSET,
    overdraft_limit: object = UNSET,
    transfer_limit: object = UNSET,
    daily_limit: object = UNSET,
    reason: str | None = None,
    approved: bool = False,
) -> AccountView:
    """Renames an account (its owner) or freezes, unfreezes, closes it or sets its limits (a teller).

    Limits are amounts in major units; None takes `transfer_limit` (what may leave at once) or `daily_limit` (what may
    leave in a day in UTC) away.

    Raises:
        AccountNotFound: as `get_account`.
        Forbidden: a customer asks for more than a nickname, an auditor for anything, or a teller for more than a
            nickname on an account of his own.
        Invalid: no reason for a teller's change, `frozen_for` without freezing, or a text that is too long.
        AccountClosed: a closed account stays closed.
        AccountNotEmpty: closing an account that holds money or holds.
        InsufficientFunds: the new overdraft limit is less than what is already used of the old one.
        ApprovalRequired: more may leave than before, at a bank where a colleague approves that, and nobody `approved`.
    Locks: the account. Holds that are due are closed.
    """
    still(session, actor)
    get_account(session, actor, account_id)
    account = ledger.lock(session, [account_id])[account_id]
    changes: dict[str, Any] = {}
    limits = {"transfer_limit": transfer_limit, "daily_limit": daily_limit}
    privileged = any(value is not UNSET for value in (status, frozen_for, overdraft_limit, *limits.values()))
    _may_change(actor, account, privileged=privileged, reason=reason)
    if nickname is not UNSET:
        kind, owner = AccountKind(account.kind), account.owner_id
        changes["nickname"] = _nickname(nickname) or (
            _told_apart(session, owner, kind, account.currency, but=account_id) if owner else None
        )
    if status is not UNSET or frozen_for is not UNSET:
        changes |= _new_state(account, status, frozen_for)
    if overdraft_limit is not UNSET:
        changes["overdraft_limit"] = _new_overdraft_limit(account, overdraft_limit)
    for field, limit in limits.items():
        if limit is not UNSET:
            changes[field] = _minor(account, limit) if limit is not None else None
    if not approved and "limits" in four_eyes.groups(settings_of(session)) and raises_limits(account, changes):
        raise four_eyes.approval_required("limits", f"account {account_number_text(account_id)}")
    before = {field: getattr(account, field) for field in changes}
    own_name = not privileged and not actor.role.acts_on_every_account
    if changes:
        session.execute(update(ACCOUNTS).where(ACCOUNTS.c.id == account_id).values(**changes))
        session.expire(account)
    # What somebody calls an account of his own is nobody else's business, and could be changed without end.
    if not own_name:
        audit.record(
            session,
            actor_id=actor.user_id,
            action="account.change",
            object=f"account {account_number_text(account_id)}",
            reason=reason and one_line(reason),
            changes={field: [before[field], changes[field]] for field in changes},
        )
    return get_account(session, actor, account_id)


def raises_limits(account: Account, wanted: Mapping[str, Any]) -> bool:
    """Whether more may leave an account by these limits than by those that it has."""
    for name in ("transfer_limit", "daily_limit"):
        before = getattr(account, name)
        if name in wanted and before is not None and (wanted[name] is None or wanted[name] > before):
            return True
    return bool((wanted.get("overdraft_limit") or 0) > account.overdraft_limit)


def _may_change(actor: Actor, account: Account, *, privileged: bool, reason: str | None) -> None:
    own = account.owner_id == actor.user_id
    if not actor.role.acts_on_every_account and (privileged or not own):
        raise errors.Forbidden("Only a teller can change this.")
    if privileged:
        four_eyes.colleague_decides(actor, account.owner_id)
    if privileged or reason:
        audit.checked_reason(reason)
    if account.status == AccountStatus.CLOSED:
        raise errors.AccountClosed("A closed account stays as it is.")


def _new_state(account: Account, status: AccountStatus | Unset, frozen_for: FrozenFor | Unset) -> Mapping[str, Any]:
    target = AccountStatus(account.status) if status is UNSET else status
    if target is not AccountStatus.FROZEN and frozen_for is not UNSET:
        raise errors.Invalid(
            "frozen_for goes with status frozen.", errors=_field("frozen_for", "Only for a frozen account.")
        )
    if target is AccountStatus.CLOSED and (account.balance or account.held):
        left = money.to_text(account.balance, account.currency)
        raise errors.AccountNotEmpty(
            f"The account still holds {left} {account.currency}; move it out first."
            if account.balance
            else "The account still has open holds; release them first.",
            balance=left,
            held=money.to_text(account.held, account.currency),
            currency=account.currency,
        )
    scope = None
    if target is AccountStatus.FROZEN:
        scope = (account.frozen_for or FrozenFor.DEBITS.value) if frozen_for is UNSET else frozen_for.value
    return {"status": target.value, "frozen_for": scope}


def _minor(account: Account, limit: object) -> int:
    return money.Amount.of(limit).minor(account.currency, zero_allowed=True)


def _new_overdraft_limit(account: Account, limit: object) -> int:
    minor = _minor(account, limit)
    short = account.held - account.balance - minor
    if short > 0:
        code = account.currency
        raise errors.InsufficientFunds(
            f"{money.to_text(short, code)} {code} more than this limit is already used.",
            shortfall=money.to_text(short, code),
            currency=code,
            balance=money.to_text(account.balance, code),
            held=money.to_text(account.held, code),
        )
    return minor


# --- payees ---------------------------------------------------------------------------------------


def check_payee_for_good(session: Session, actor: Actor, *, account_id: int, name: str) -> PayeeCheck:
    """As `check_payee`, and remembers it: a name that does not fit is what the actor will see on what he pays.

    Raises:
        AccountNotFound: as `check_payee`.
    """
    still(session, actor)
    found = check_payee(session, actor, account_id=account_id, name=name)
    payee_names.note(session, actor, account_id=account_id, name=name, result=found.result)
    return found


def check_payee(session: Session, actor: Actor, *, account_id: int, name: str) -> PayeeCheck:
    """Compares a name with the owner of an account, without revealing an owner whose name is not nearly known.

    Raises:
        AccountNotFound: there is no such customer account.
    """
    row = session.execute(
        select(col(User.id), col(User.name))
        .join(Account, col(Account.owner_id) == col(User.id))
        .where(col(Account.id) == account_id)
    ).first()
    if row is None:
        raise ledger.no_such_account(account_id)
    owner_id, owner = row
    if owner_id == actor.user_id:
        return PayeeCheck("match")
    result = names.compare(name, owner)
    return PayeeCheck(result, owner if result == "close" else None)
