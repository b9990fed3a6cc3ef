"""What somebody may see as the name of an account that he pays: its owner's only once he has shown that he knows it.

Whoever sends money to a number without knowing whose it is would otherwise read the name on the receipt, or in his
history: a cent to any number would tell whose it is. So a name is shown to who gave it, and to whom its owner has paid.
"""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session, aliased
from sqlmodel import col

from bank_app import clock
from bank_app.domain.accounting import Direction, TransactionType
from bank_app.domain.identifiers import grouped
from bank_app.domain.text import CODE_POINTS, one_line
from bank_app.models import Account, PayeeName, Posting, Transaction
from bank_app.services.actor import Actor

_TELLS = ("match", "close")
_TELLS_NOTHING = ("none", "fail")
_LONGEST = 100 * CODE_POINTS
# Of how many own accounts, and of how many newest entries of each, it is looked up who sent them.
_OWN_LOOKED_AT, _NEWEST = 20, 200


def note(session: Session, actor: Actor, *, account_id: int, name: str, result: str) -> None:
    """Remembers how a name that somebody gave fitted an account: `match` and `close` for good, `none` and `fail` until.

    Any other result says nothing about what he knows. The bank's people see every name anyway.

    Locks: none; two checks at once by one person are told apart by the table's key.
    """
    if actor.role.sees_every_account or result not in _TELLS + _TELLS_NOTHING:
        return
    known = result in _TELLS
    called = None if known else one_line(name)[:_LONGEST] or None
    mine = (col(PayeeName.user_id) == actor.user_id, col(PayeeName.account_id) == account_id)
    before = session.execute(select(col(PayeeName.name)).where(*mine)).first()
    if before is None:
        if known or called:
            session.execute(
                insert(PayeeName).values(
                    user_id=actor.user_id, account_id=account_id, name=called, checked_at=clock.now()
                )
            )
    elif before.name is not None and before.name != called and (known or called):
        session.execute(update(PayeeName).where(*mine).values(name=called, checked_at=clock.now()))


def makes_itself_known(direction: Direction | str, type_: TransactionType | str) -> bool:
    """Whether a side of a transaction is somebody who sent money: whoever receives it sees from whom."""
    return direction == Direction.DEBIT and type_ != TransactionType.REVERSAL


def know(session: Session, pairs: Collection[tuple[UUID, int]]) -> None:
    """Notes of pairs of a person and an account that he knows whose it is; what is noted already stays as it is."""
    now = clock.now()
    people = {who for who, _ in pairs}
    before = session.execute(
        select(col(PayeeName.user_id), col(PayeeName.account_id)).where(col(PayeeName.user_id).in_(people))
    )
    new = set(pairs) - {(row.user_id, row.account_id) for row in before}
    rows = [{"user_id": who, "account_id": account, "name": None, "checked_at": now} for who, account in new]
    if rows:
        session.execute(insert(PayeeName), rows)


def unknown_to(session: Session, actor: Actor, account_ids: Collection[int]) -> dict[int, str]:
    """Of these accounts those whose owner's name somebody has not shown to know, and what they are called for him.

    He knows whom he named rightly, or nearly, and who has paid him. Any other he reads as he typed it, or by number.
    """
    if actor.role.sees_every_account or not account_ids:
        return {}
    rows = session.execute(
        select(col(PayeeName.account_id), col(PayeeName.name)).where(
            col(PayeeName.user_id) == actor.user_id, col(PayeeName.account_id).in_(account_ids)
        )
    )
    noted = {row.account_id: row.name for row in rows}
    called = {number: name for number, name in noted.items() if name is not None}
    nameless = set(account_ids) - noted.keys()
    if nameless:
        theirs = select(col(Account.id)).where(col(Account.id).in_(nameless), col(Account.owner_id) != actor.user_id)
        nameless = set(session.execute(theirs).scalars())
    for number in nameless - _who_paid(session, actor, nameless):
        called[number] = by_number(number)
    return called


def by_number(account_id: int) -> str:
    """What an account is called whose owner is not known."""
    return f"Account {grouped(account_id)}"


def _who_paid(session: Session, actor: Actor, account_ids: Collection[int]) -> set[int]:
    """Which of these have paid the actor lately: whoever pays says who he is.

    Only the newest entries are looked at, in either direction: an account that seldom receives is not read to its end.
    """
    if not account_ids:
        return set()
    own = session.execute(select(col(Account.id)).where(col(Account.owner_id) == actor.user_id).limit(_OWN_LOOKED_AT))
    found: set[int] = set()
    for number in own.scalars():
        newest = (
            select(col(Posting.transaction_id), col(Posting.direction))
            .where(col(Posting.account_id) == number)
            .order_by(col(Posting.sequence).desc())
            .limit(_NEWEST)
            .subquery()
        )
        payer = aliased(Posting)
        paid = (
            select(col(payer.account_id))
            .join(newest, newest.c.transaction_id == col(payer.transaction_id))
            .join(Transaction, col(Transaction.id) == col(payer.transaction_id))
            .where(
                newest.c.direction == Direction.CREDIT.value,
                col(payer.account_id).in_(set(account_ids) - found),
                col(payer.direction) == Direction.DEBIT.value,
                col(Transaction.reverses_id).is_(None),
            )
            .distinct()
        )
        found |= set(session.execute(paid).scalars())
        if found >= set(account_ids):
            break
    return found
