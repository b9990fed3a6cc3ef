"""Whom somebody pays: read from the books, and kept under a name where he asked for it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, delete, exists, func, insert, select, update
from sqlalchemy.orm import Session, aliased
from sqlmodel import col

from bank_app import clock, errors
from bank_app.domain import names
from bank_app.domain.accounting import Direction, TransactionType
from bank_app.domain.identifiers import account_number_text, bare_number, grouped, new_id
from bank_app.domain.search import occurs
from bank_app.domain.text import written
from bank_app.models import Account, Posting, SavedPayee, Transaction, User
from bank_app.services import audit, ledger, looks, payee_names, recovery
from bank_app.services.actor import Actor, still

# Among the newest payments of each account; whoever is further back than this is found by number.
_LOOKED_AT = 200
MAX_NICKNAME = 60
_MOST_SAVED = 200


@dataclass(frozen=True, slots=True)
class Payee:
    """Somebody else's account that money went to. Amount of the last payment in minor units of `currency`."""

    account_id: int
    name: str
    currency: str
    last_paid_at: datetime
    last_amount_minor: int

    @property
    def title(self) -> str:
        """The name; whoever is not saved has no other."""
        return self.name

    @property
    def number(self) -> str:
        """Ten digits."""
        return account_number_text(self.account_id)

    @property
    def grouped_number(self) -> str:
        """Ten digits as people read them."""
        return grouped(self.account_id)


@dataclass(frozen=True, slots=True)
class SavedView:
    """An account that somebody keeps to pay again, under the name that was checked when it was saved.

    `last_paid_at` and `last_amount_minor` (minor units of `currency`) are None where no recent payment went there.
    `renamed` says that the account now has another name than the one that was saved; which one is not said.
    """

    id: UUID
    account_id: int
    name: str
    nickname: str | None
    currency: str
    saved_at: datetime
    last_paid_at: datetime | None
    last_amount_minor: int | None
    renamed: bool

    @property
    def title(self) -> str:
        """What its keeper calls it."""
        return self.nickname or self.name

    @property
    def number(self) -> str:
        """Ten digits."""
        return account_number_text(self.account_id)

    @property
    def grouped_number(self) -> str:
        """Ten digits as people read them."""
        return grouped(self.account_id)


def paid_before(session: Session, actor: Actor, *, owner_id: UUID, limit: int = 5) -> list[Payee]:
    """The distinct accounts of others that the owner's accounts paid last, newest first.

    Raises:
        Forbidden: a customer asks for another person.
    """
    found: dict[int, Payee] = {}
    for account_id in _accounts_of(session, actor, owner_id):
        for row in session.execute(_newest_payments(account_id, owner_id)):
            known = found.get(row.account_id)
            if known is None or known.last_paid_at < row.created_at:
                found[row.account_id] = Payee(row.account_id, row.name, row.currency, row.created_at, row.amount)
    called = payee_names.unknown_to(session, actor, found)
    newest = sorted(found.values(), key=lambda payee: payee.last_paid_at, reverse=True)[:limit]
    return [replace(payee, name=called.get(payee.account_id, payee.name)) for payee in newest]


def has_paid(session: Session, actor: Actor, *, owner_id: UUID, account_id: int) -> bool:
    """Whether any of the owner's accounts has ever paid this account. Giving back what was reversed is not paying.

    Raises:
        Forbidden: a customer asks for another person.
    """
    paying, receiving = aliased(Posting), aliased(Posting)
    own = _accounts_of(session, actor, owner_id)
    query = (
        exists(select(1))
        .where(
            col(receiving.account_id) == account_id,
            col(receiving.direction) == Direction.CREDIT.value,
            col(paying.transaction_id) == col(receiving.transaction_id),
            col(paying.direction) == Direction.DEBIT.value,
            col(paying.account_id).in_(own),
            col(Transaction.id) == col(receiving.transaction_id),
            col(Transaction.type) == TransactionType.TRANSFER.value,
        )
        .correlate(None)
    )
    return bool(session.execute(select(query)).scalar())


def _accounts_of(session: Session, actor: Actor, owner_id: UUID) -> list[int]:
    if owner_id != actor.user_id and not actor.role.sees_every_account:
        raise errors.Forbidden("You can see your own payments only.")
    looks.at_person(session, actor, owner_id)
    return list(session.execute(select(col(Account.id)).where(col(Account.owner_id) == owner_id)).scalars())


def _newest_payments(account_id: int, owner_id: UUID) -> Select[Any]:
    sent = (
        select(col(Posting.transaction_id), col(Posting.created_at), col(Posting.amount))
        .where(col(Posting.account_id) == account_id, col(Posting.direction) == Direction.DEBIT.value)
        .order_by(col(Posting.sequence).desc())
        .limit(_LOOKED_AT)
        .subquery()
    )
    receiving = aliased(Posting)
    return (
        select(col(receiving.account_id), col(User.name), col(Account.currency), sent.c.created_at, sent.c.amount)
        .select_from(sent)
        .join(Transaction, col(Transaction.id) == sent.c.transaction_id)
        .join(receiving, col(receiving.transaction_id) == sent.c.transaction_id)
        .join(Account, col(Account.id) == col(receiving.account_id))
        .join(User, col(User.id) == col(Account.owner_id))
        .where(
            col(Transaction.type) == TransactionType.TRANSFER.value,
            col(receiving.direction) == Direction.CREDIT.value,
            col(Account.owner_id) != owner_id,
        )
    )


# --- saved ----------------------------------------------------------------------------------------------


def saved(session: Session, actor: Actor, *, owner_id: UUID | None = None, q: str | None = None) -> list[SavedView]:
    """Everybody that a person saved, by name; `q` finds parts of names, nicknames and whole numbers.

    Raises:
        Forbidden: a customer asks for another person.
    """
    owner = owner_id or actor.user_id
    paid = {payee.account_id: payee for payee in paid_before(session, actor, owner_id=owner, limit=_MOST_SAVED)}
    rows: Any = session.execute(
        select(SavedPayee, col(Account.currency), col(User.name).label("owner"))
        .join(Account, col(Account.id) == col(SavedPayee.account_id))
        .join(User, col(User.id) == col(Account.owner_id))
        .where(col(SavedPayee.user_id) == owner)
        .execution_options(populate_existing=True)
    )
    found = [_saved_view(row.SavedPayee, row.currency, row.owner, paid.get(row.SavedPayee.account_id)) for row in rows]
    return sorted((view for view in found if _fits(view, q or "")), key=lambda view: (view.title.casefold(), view.id))


def save(session: Session, actor: Actor, *, account_id: int, name: str, nickname: str | None = None) -> SavedView:
    """Keeps somebody else's account to pay again. Saving it once more changes nothing but a nickname that is given.

    How the name fits is remembered, as after any other check of one: it is what its keeper will read on payments.

    Raises:
        AccountNotFound: no customer account has this number.
        Invalid: it is the actor's own, there is no name, one is too long, or too many are saved already.
        CoolingOff: the actor was helped to sign in again a short while ago.
    Locks: none; two who save the same at once are told apart by the table's key.
    """
    still(session, actor)
    row = session.execute(
        select(col(Account.owner_id), col(User.name))
        .join(User, col(User.id) == col(Account.owner_id))
        .where(col(Account.id) == account_id)
    ).first()
    if row is None:
        raise ledger.no_such_account(account_id)
    if row.owner_id == actor.user_id:
        raise _wrong("number", "own_account", "This is an account of yours; it needs no saving.")
    clean, called = written(name, most=names.LONGEST, field="name", what="the name"), _nickname(nickname)
    if not clean:
        raise _wrong("name", "required", "Enter the name on the account.")
    known = _mine(session, actor, SavedPayee.account_id == account_id)
    if known is None:
        recovery.refuse_new_payee(session, actor.user_id)
        count = session.execute(
            select(func.count()).select_from(SavedPayee).where(col(SavedPayee.user_id) == actor.user_id)
        ).scalar_one()
        if count >= _MOST_SAVED:
            raise _wrong("number", "too_many", f"You can keep {_MOST_SAVED} payees. Remove one first.")
        identifier = new_id()
        session.execute(
            insert(SavedPayee).values(
                id=identifier, user_id=actor.user_id, account_id=account_id, name=clean, nickname=called,
                created_at=clock.now(),
            )
        )  # fmt: skip
        payee_names.note(session, actor, account_id=account_id, name=clean, result=names.compare(clean, row.name))
        _record(session, actor, "payee.save", account_id)
    elif called:
        rename(session, actor, known.id, nickname=called)
    return next(view for view in saved(session, actor) if view.account_id == account_id)


def rename(session: Session, actor: Actor, payee_id: UUID, *, nickname: str | None) -> SavedView:
    """Gives somebody saved another nickname; an empty one shows the name again.

    Raises:
        NotFound: the actor saved nobody under this id.
        Invalid: the nickname is too long.
    """
    still(session, actor)
    called = _nickname(nickname)
    known = _found(session, actor, payee_id)
    session.execute(update(SavedPayee).where(col(SavedPayee.id) == known.id).values(nickname=called))
    _record(session, actor, "payee.rename", known.account_id, nickname=[known.nickname, called])
    return next(view for view in saved(session, actor) if view.id == payee_id)


def remove(session: Session, actor: Actor, payee_id: UUID) -> SavedView:
    """Forgets somebody saved, and answers with what was forgotten. What was paid stays in the books.

    Raises:
        NotFound: the actor saved nobody under this id.
    """
    still(session, actor)
    _found(session, actor, payee_id)
    view = next(view for view in saved(session, actor) if view.id == payee_id)
    session.execute(delete(SavedPayee).where(col(SavedPayee.id) == payee_id))
    _record(session, actor, "payee.remove", view.account_id)
    return view


def is_saved(session: Session, actor: Actor, account_id: int) -> bool:
    """Whether the actor saved this account."""
    return _mine(session, actor, SavedPayee.account_id == account_id) is not None


def known(
    session: Session, actor: Actor, *, owner_id: UUID, limit: int = 8, including: int | None = None
) -> list[Payee | SavedView]:
    """Whom a form offers to pay: saved ones and those paid before, by the last payment, each account once.

    `including` is an account that is listed even if it is further back than `limit`. Who was saved under another name
    than the account has is left out: the form checks the name then, as it does for a number that is new.

    Raises:
        Forbidden: a customer asks for another person.
    """
    kept = saved(session, actor, owner_id=owner_id)
    ids = {view.account_id for view in kept}
    paid = paid_before(session, actor, owner_id=owner_id, limit=_MOST_SAVED)
    fitting = [view for view in kept if not view.renamed]
    every: list[Payee | SavedView] = [*fitting, *(payee for payee in paid if payee.account_id not in ids)]
    every.sort(key=lambda one: (one.last_paid_at is None, -one.last_paid_at.timestamp() if one.last_paid_at else 0))
    return [one for place, one in enumerate(every) if place < limit or one.account_id == including]


def _saved_view(row: SavedPayee, currency: str, owner: str, paid: Payee | None) -> SavedView:
    return SavedView(
        id=row.id,
        account_id=row.account_id,
        name=row.name,
        nickname=row.nickname,
        currency=currency,
        saved_at=row.created_at,
        last_paid_at=paid.last_paid_at if paid else None,
        last_amount_minor=paid.last_amount_minor if paid else None,
        renamed=names.compare(row.name, owner) != "match",
    )


def _fits(view: SavedView, q: str) -> bool:
    digits = bare_number(q)
    return occurs(q, view.name) or occurs(q, view.nickname or "") or (digits.isdigit() and digits in view.number)


def _mine(session: Session, actor: Actor, condition: Any) -> SavedPayee | None:
    query = select(SavedPayee).where(col(SavedPayee.user_id) == actor.user_id, condition)
    return session.execute(query.execution_options(populate_existing=True)).scalars().first()


def _found(session: Session, actor: Actor, payee_id: UUID) -> SavedPayee:
    known = _mine(session, actor, SavedPayee.id == payee_id)
    if known is None:
        raise errors.NotFound("There is no such payee.")
    return known


def _nickname(text: str | None) -> str | None:
    return written(text, most=MAX_NICKNAME, field="nickname", what="the name") or None


def _wrong(field: str, code: str, message: str) -> errors.Invalid:
    return errors.Invalid(message, errors=[{"field": field, "code": code, "message": message}])


def _record(session: Session, actor: Actor, action: str, account_id: int, **changes: Any) -> None:
    subject = f"account {account_number_text(account_id)}"
    audit.record(session, actor_id=actor.user_id, action=action, object=subject, changes=changes)
