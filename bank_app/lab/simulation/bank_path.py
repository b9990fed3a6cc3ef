"""S8: the bank's own way of posting, on books of its own in the laboratory's database. Nothing here is a copy."""

from __future__ import annotations

import secrets
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pymysql
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from sqlmodel import SQLModel

from bank_app import clock, errors
from bank_app import settings as bank_settings
from bank_app.database import Database
from bank_app.domain import money
from bank_app.domain.accounting import Direction
from bank_app.lab import workload
from bank_app.lab.simulation.audit import CURRENCY
from bank_app.lab.simulation.books import Entry, Glance, Rows, Write
from bank_app.lab.simulation.place import LabUnavailable, Place
from bank_app.lab.simulation.scenario import READ_COMMITTED, Config, Transfer
from bank_app.lab.simulation.strategies import DECLINED, OK, REPLAYED, Strategy
from bank_app.lab.simulation.unit import Conflict
from bank_app.models import ACCOUNTS, IDEMPOTENCY_KEYS, POSTINGS
from bank_app.services import auth, integrity, ledger, posting, transfers
from bank_app.services.actor import Actor
from bank_app.services.movements import Transfer as BankTransfer

STRATEGY = Strategy(
    "S8",
    "The bank’s own path",
    safe=True,
    isolation=READ_COMMITTED,
    sql=(
        "SELECT … FROM accounts WHERE id IN (…) ORDER BY id FOR UPDATE SKIP LOCKED",
        "INSERT INTO transactions …, postings …, idempotency_keys …; UPDATE accounts …  -- the whole group",
        "COMMIT  -- one for all of them",
    ),
    marked=("SELECT … FROM accounts WHERE id IN (…) ORDER BY id FOR UPDATE SKIP LOCKED", "BEGIN IMMEDIATE"),
    summary="Locks in order, decides on what it locked, and posts all that waited in one unit of work.",
    expected="Every cent is there, every key has one effect, every balance has its postings and its chain of hashes.",
    code=ledger.post_seen,
    embedded="BEGIN IMMEDIATE takes the file’s one write lock before anything is read, and the whole group shares it.",
    embedded_sql=(
        "BEGIN IMMEDIATE",
        "SELECT … FROM accounts WHERE id IN (…) ORDER BY id",
        "INSERT INTO transactions …, postings …, idempotency_keys …; UPDATE accounts …  -- the whole group",
        "COMMIT  -- one for all of them",
    ),
)


# A table that says whose books these are: what does not carry it was not made here, and is never emptied.
_MARK = "lab_made_these_books"
_VERSIONS = "alembic_version"


class BankBooks:
    """The bank's schema in the laboratory's database, and a fresh set of customers for each run."""

    def __init__(self, place: Place, folder: Path, config: Config) -> None:
        self.db = Database(
            bank_settings.Settings(
                data=folder,
                database_url=place.url,
                database_tls="off",
                demo=False,
                pool_size=max(10, config.workers),
                secret_key=secrets.token_hex(32),
            )
        )
        self._place = place
        self._numbers: dict[int, int] = {}
        self._actor: Actor | None = None

    def prepare(self, config: Config) -> None:
        """Drops what a run before left, and opens the accounts of a new customer with their opening deposits.

        As all of the laboratory's tables these are of one run at a time.
        """
        self._drop_books()
        self.db.upgrade_schema()
        opening = money.to_text(config.opening_minor, CURRENCY)
        cast = workload.fill(
            self.db, people=1, account_count=config.accounts, opening=opening, seed=f"run-{secrets.token_hex(6)}"
        )
        self._numbers = {place: account.number for place, account in enumerate(cast.accounts, 1)}
        self._actor = self.db.read(lambda session: auth.find(session, cast.accounts[0].owner.email))

    def _drop_books(self) -> None:
        """Or they would grow with every run, and checking them would take longer and longer."""
        books = [_VERSIONS, *(table.name for table in reversed(SQLModel.metadata.sorted_tables))]
        with closing(self._place.connect()) as connection, closing(connection.cursor()) as cursor:
            cursor.execute("SHOW TABLES" if self._place.server else "SELECT name FROM sqlite_master")
            there = {row[0] for row in cursor.fetchall()}
            if _MARK not in there:
                if there.intersection(books):
                    return
                cursor.execute(f"CREATE TABLE {_MARK} (id BIGINT PRIMARY KEY)")
            if self._place.server:
                cursor.execute("SET SESSION foreign_key_checks = 0")
            for table in books:
                cursor.execute(f"DROP TABLE IF EXISTS {table}")

    def carry_out(self, transfer: Transfer) -> str:
        """One transfer, as a request to the bank does it, with its key."""
        assert self._actor is not None  # noqa: S101 - prepare registers first
        movement = BankTransfer(
            from_account_id=self._numbers[transfer.payer],
            to_account_id=self._numbers[transfer.payee],
            amount=money.Amount.of(money.to_text(transfer.amount_minor, CURRENCY)),
        )
        try:
            moved = transfers.move(self.db, self._actor, movement, key=transfer.key)
        except errors.InsufficientFunds as refusal:
            return REPLAYED if refusal.replayed else DECLINED
        except errors.Unavailable as failure:
            # Nothing moved, or nobody knows yet: repeating with the same key finds out.
            raise Conflict from failure
        return REPLAYED if moved.replayed else OK

    def cut_a_connection(self, spared: int) -> None:
        """Ends one of the bank's own connections, wherever it is in its unit of work; `spared` is the watcher's."""
        try:
            own = self._place.connect()
        except LabUnavailable:
            # Somebody who cuts at the same moment met this very connection: one was cut.
            return
        with closing(own) as connection, closing(connection.cursor()) as cursor:
            cursor.execute(
                "SELECT id FROM information_schema.processlist WHERE user = SUBSTRING_INDEX(CURRENT_USER(), '@', 1)"
                " AND id NOT IN (CONNECTION_ID(), %s) ORDER BY RAND() LIMIT 1",
                [spared],
            )
            found = cursor.fetchone()
            if found:
                with suppress(pymysql.MySQLError):
                    cursor.execute(f"KILL {int(found[0])}")

    @property
    def _user_id(self) -> UUID:
        assert self._actor is not None  # noqa: S101 - prepare registers first
        return self._actor.user_id

    def glance(self, connection: Any) -> Glance:
        """One statement, so one consistent look at all accounts of the run."""
        numbers = ", ".join(map(str, self._numbers.values()))
        with closing(connection.cursor()) as cursor:
            cursor.execute(f"SELECT SUM(balance), MIN(balance), COUNT(*) FROM accounts WHERE id IN ({numbers})")
            total, lowest, count = cursor.fetchone()
        return Glance(int(total), int(lowest), int(count))

    def new_writes(self, connection: Any, began: datetime) -> list[Write]:
        """None: a posting says its own amount, so no single one can be wrong by itself."""
        return []

    def rows(self, began: datetime) -> Rows:
        """The run's accounts, postings and keys."""
        return self.db.read(lambda session: self._rows(session, began))

    def _rows(self, session: Session, began: datetime) -> Rows:
        places = {number: place for place, number in self._numbers.items()}
        balances = {
            places[number]: balance
            for number, balance in session.execute(
                select(ACCOUNTS.c.id, ACCOUNTS.c.balance).where(ACCOUNTS.c.id.in_(places))
            )
        }
        key = IDEMPOTENCY_KEYS.c.key
        found = session.execute(
            select(POSTINGS, key)
            .join(IDEMPOTENCY_KEYS, IDEMPOTENCY_KEYS.c.transaction_id == POSTINGS.c.transaction_id)
            .where(POSTINGS.c.account_id.in_(places), IDEMPOTENCY_KEYS.c.actor_id == self._user_id)
            .order_by(POSTINGS.c.account_id, POSTINGS.c.sequence)
        ).all()
        writes, entries = [], []
        for row in found:
            signed = row.amount if row.direction == Direction.CREDIT.value else -row.amount
            tag = int(row.key.rpartition("-")[2]) * 2
            account = places[row.account_id]
            at = (row.created_at - began).total_seconds()
            writes.append(Write(row.sequence, account, row.balance_after - signed, row.balance_after, tag, at))
            entries.append(Entry(tag, row.key, account, signed))
        return Rows(balances, writes, entries)

    def now(self, connection: Any) -> datetime:
        """The bank's clock, which stamps postings."""
        return clock.now()

    def problems(self) -> list[str]:
        """What the bank's own check of these books finds."""
        return [f"{found.subject} {found.message}" for found in integrity.check(self.db).violations]

    def size(self) -> int:
        """Transactions in these books."""
        return self.db.read(lambda session: int(session.scalar(select(func.count()).select_from(POSTINGS)) or 0))

    def close(self) -> None:
        """Posts what waits and lets the connections go."""
        posting.of(self.db).drain(5)
        self.db.dispose()
