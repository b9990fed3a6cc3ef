"""The naive way, for comparison: a transfer as most tutorials write it, with FastAPI, SQLModel and two row locks.

It has no signing in, no idempotency keys, no hashes, no audit and no group posting, so it does less than the bank for
each transfer. It locks the two rows in one order, which most tutorials forget.

Its pool is the library's own, of five connections and ten more, as tutorials leave it. At 64 clients it then comes to
stand still: the framework's forty threads wait for connections whose holders wait for a thread. With NAIVE_CONNECTIONS
it has as many as it has threads and does what this way of writing can do; the benchmark measures both.

Run by the benchmark as `granian --interface asgi bank_app.lab.naive:app` with NAIVE_URL.
"""

# Without postponed annotations: the framework evaluates those of routes in its own module.
import os
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException
from sqlalchemy import Engine
from sqlalchemy.orm import registry
from sqlmodel import Field, Session, SQLModel, create_engine

from bank_app import clock

OPENING = 100_000_000
THREADS = 40


class _Own(SQLModel, registry=registry()):
    """Tables of its own, which the bank's schema knows nothing of."""


class NaiveAccount(_Own, table=True):
    """An account with its balance in minor units."""

    __tablename__ = "naive_accounts"

    id: int = Field(primary_key=True)
    balance: int


class NaiveTransaction(_Own, table=True):
    """What moved, and when."""

    __tablename__ = "naive_transactions"

    id: int | None = Field(default=None, primary_key=True)
    amount: int
    description: str = Field(max_length=140)
    created_at: datetime


class NaivePosting(_Own, table=True):
    """One side of it."""

    __tablename__ = "naive_postings"

    id: int | None = Field(default=None, primary_key=True)
    transaction_id: int = Field(foreign_key="naive_transactions.id", index=True)
    account_id: int = Field(foreign_key="naive_accounts.id", index=True)
    amount: int
    balance_after: int


class TransferIn(SQLModel):
    """A request."""

    from_account_id: int
    to_account_id: int
    amount: int
    description: str


def fill(url: str, account_count: int) -> None:
    """Makes the tables and accounts 1 to `account_count`."""
    engine = create_engine(url)
    _Own.metadata.create_all(engine)
    with Session(engine) as session, session.begin():
        session.add_all(NaiveAccount(id=number, balance=OPENING) for number in range(1, account_count + 1))
    engine.dispose()


def total(url: str) -> tuple[int, int]:
    """The sum of all balances and the number of transactions, for a look at whether it kept its books."""
    engine = create_engine(url)
    with engine.connect() as connection:
        found = connection.exec_driver_sql(
            "SELECT (SELECT SUM(balance) FROM naive_accounts), (SELECT COUNT(*) FROM naive_transactions)"
        ).one()
    engine.dispose()
    return int(found[0]), int(found[1])


def _move(session: Session, body: TransferIn) -> NaiveTransaction:
    both = sorted((body.from_account_id, body.to_account_id))
    locked = {number: session.get(NaiveAccount, number, with_for_update=True) for number in both}
    source, target = locked[body.from_account_id], locked[body.to_account_id]
    if source is None or target is None:
        raise HTTPException(404, "account not found")
    if source.balance < body.amount:
        raise HTTPException(409, "insufficient funds")
    source.balance -= body.amount
    target.balance += body.amount
    transaction = NaiveTransaction(amount=body.amount, description=body.description, created_at=clock.now())
    session.add(transaction)
    session.flush()
    for account, amount in ((source, -body.amount), (target, body.amount)):
        session.add(
            NaivePosting(
                transaction_id=transaction.id or 0,
                account_id=account.id,
                amount=amount,
                balance_after=account.balance,
            )
        )
    return transaction


def create_app(engine: Engine) -> FastAPI:
    """The application over one engine."""
    app = FastAPI()

    def get_session() -> Iterator[Session]:
        with Session(engine) as session:
            yield session

    @app.get("/readyz")
    def ready() -> dict[str, str]:
        return {"status": "ready"}

    @app.post("/transfer", status_code=201)
    def transfer(body: TransferIn, session: Annotated[Session, Depends(get_session)]) -> NaiveTransaction:
        with session.begin():
            transaction = _move(session, body)
        session.refresh(transaction)
        return transaction

    return app


def _engine() -> Engine:
    url, connections = os.environ.get("NAIVE_URL", "sqlite://"), os.environ.get("NAIVE_CONNECTIONS")
    return create_engine(url, pool_size=int(connections), max_overflow=0) if connections else create_engine(url)


app = create_app(_engine())
