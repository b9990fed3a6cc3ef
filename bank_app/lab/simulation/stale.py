"""S9: `FOR UPDATE` through an object that the session had loaded before. The row is locked; the number is old."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import BigInteger, Engine, create_engine, event, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.pool import StaticPool

from bank_app.lab.simulation.scenario import READ_COMMITTED
from bank_app.lab.simulation.strategies import (
    BEGIN,
    COMMIT,
    DECLINED,
    ENTRIES,
    KEY,
    LOCK_BOTH,
    OK,
    OVERWRITE,
    READ,
    REPLAYED,
    Strategy,
    first_use,
)
from bank_app.lab.simulation.unit import StatementFailed, Unit, trouble_of


class _Base(DeclarativeBase):
    """Tables of its own, which the bank's schema knows nothing of."""


class LabAccount(_Base):
    """A row of the laboratory as an object."""

    __tablename__ = "lab_account"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    balance: Mapped[int] = mapped_column(BigInteger)
    version: Mapped[int] = mapped_column(BigInteger)
    tag: Mapped[int] = mapped_column(BigInteger)


def lock_through_a_stale_object(unit: Unit) -> str:
    """Loads both accounts, as a check of whose they are would, and locks them later: the objects stay as they were."""
    # The session comes first: when it meets a connection for the first time it ends whatever is open there.
    with _session(unit) as session:
        unit.begin()
        if not first_use(unit):
            unit.rollback()
            return REPLAYED
        return _carry_out(unit, session)


def _carry_out(unit: Unit, session: Session) -> str:
    transfer = unit.transfer
    payer, payee = session.get_one(LabAccount, transfer.payer), session.get_one(LabAccount, transfer.payee)
    unit.think()
    both = select(LabAccount).where(LabAccount.id.in_([payer.id, payee.id])).order_by(LabAccount.id)
    # The rows are read again and locked, but the session hands out the objects it has, with their old balance:
    # `.execution_options(populate_existing=True)` is what is missing.
    session.scalars(both.with_for_update()).all()
    if payer.balance < transfer.amount_minor:
        unit.rollback()
        return DECLINED
    payer.balance, payer.tag = payer.balance - transfer.amount_minor, transfer.tag
    session.flush()
    unit.midpoint()
    payee.balance, payee.tag = payee.balance + transfer.amount_minor, transfer.tag
    session.flush()
    unit.insert(ENTRIES)
    unit.commit()
    return OK


@contextmanager
def _session(unit: Unit) -> Iterator[Session]:
    """A session on the unit's own connection, whose statements are written down with the others."""
    if unit.engine is None:
        unit.engine = _engine(unit)
    try:
        with unit.engine.connect() as connection, Session(bind=connection, autoflush=False) as session:
            yield session
    except DBAPIError as error:
        if not isinstance(error.orig, Exception):
            raise
        raise StatementFailed(trouble_of(error.orig)) from error


def _engine(unit: Unit) -> Engine:
    engine = create_engine(
        "mysql+pymysql://", creator=lambda: unit.connection, poolclass=StaticPool, pool_reset_on_return=None
    )

    @event.listens_for(engine, "before_cursor_execute")
    def _begins(connection: Any, *_: Any) -> None:
        connection.info["lab_began"] = unit.now()

    @event.listens_for(engine, "after_cursor_execute")
    def _ends(connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        unit.noted(statement, parameters, cursor, began=connection.info["lab_began"])

    return engine


STRATEGY = Strategy(
    "S9",
    "Lock through a stale object",
    safe=False,
    isolation=READ_COMMITTED,
    sql=(BEGIN, KEY, READ, READ, LOCK_BOTH, OVERWRITE, OVERWRITE, ENTRIES, COMMIT),
    marked=(LOCK_BOTH,),
    summary="The rows are locked, but the object was loaded before and is not refreshed.",
    expected="Lost updates, with every row properly locked.",
    carry_out=lock_through_a_stale_object,
    code=_carry_out,
)
