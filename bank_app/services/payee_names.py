"""What somebody may see as the name of an account that he pays: its owner's only once he has shown that he knows it.

Whoever sends money to a number without knowing whose it is would otherwise read the name on the receipt.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session
from sqlmodel import col

from bank_app import clock
from bank_app.domain.accounting import Direction, TransactionType
from bank_app.domain.text import CODE_POINTS, one_line
from bank_app.models import PayeeName
from bank_app.services.auth import Actor

_TELLS = ("match", "close")
_TELLS_NOTHING = ("none", "fail")
_LONGEST = 100 * CODE_POINTS


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


def unknown_to(session: Session, actor: Actor, account_ids: Collection[int]) -> dict[int, str]:
    """Of these accounts those whose owner's name somebody failed to give, and what he calls them instead."""
    if actor.role.sees_every_account or not account_ids:
        return {}
    rows = session.execute(
        select(col(PayeeName.account_id), col(PayeeName.name)).where(
            col(PayeeName.user_id) == actor.user_id,
            col(PayeeName.account_id).in_(account_ids),
            col(PayeeName.name).is_not(None),
        )
    )
    return {row.account_id: row.name for row in rows}
