"""Accounts with very long histories, written past the bank but by its rules, so that the books stay right.

Posting a million transfers one by one takes ten minutes; the rows of as many, with their right sequences, balances and
hashes, are written in one. Everything on them is as `services.ledger` would have written it years ago.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pymysql

from bank_app import clock
from bank_app.domain import chain
from bank_app.domain.accounting import Direction, TransactionType
from bank_app.lab.workload import Account, Cast

_TRANSACTIONS_PER_STATEMENT = 1000
_STATEMENTS_PER_UNIT_OF_WORK = 20
_AMOUNTS = (1, 50_000)
_COLUMNS = {
    "transactions": "id, type, amount, currency, description, metadata, actor_id, reverses_id, created_at, hash",
    "postings": "account_id, sequence, transaction_id, direction, amount, currency, balance_after, floor,"
    " created_at, hash",
}


@dataclass(slots=True)
class _Book:
    """An account as its last posting left it."""

    account: Account
    balance: int
    version: int
    head: bytes


def write(
    connection: pymysql.Connection[Any], cast: Cast, wanted: Sequence[tuple[Account, int]], *, since: datetime
) -> None:
    """Gives each wanted account so many postings in all, spread over the time since `since`.

    Each is a transfer between that account and one of the cast's others, to and fro, so that nobody runs out of money.
    Every wanted account has partners of its own among the others, because an account's postings are in order of time.
    Nothing else may write to these accounts meanwhile.

    Args:
        connection: To the migrated database, without autocommit.
        cast: Whose accounts have their opening deposit, from before `since`, and nothing else.
        wanted: Accounts and their number of postings, the opening deposit included.
        since: When the first of these transfers happened.
    """
    rng = random.Random(7)  # noqa: S311 - a story, not a secret
    long = {account.number for account, _ in wanted}
    with connection.cursor() as cursor:
        # The rows are right by construction, and one foreign key looked up per row would double the time.
        cursor.execute("SET foreign_key_checks = 0, unique_checks = 0")
        books = _read(cursor, cast)
        others = [book for number, book in books.items() if number not in long]
        for index, (account, count) in enumerate(wanted):
            book, partners = books[account.number], others[index :: len(wanted)]
            missing = count - book.version
            step = (clock.now() - since) / (missing + 1)
            rows = _transfers(rng, cast.currency, book, partners, count=missing, start=since, step=step)
            for number in range(0, missing, _TRANSACTIONS_PER_STATEMENT):
                _insert(cursor, rows, min(_TRANSACTIONS_PER_STATEMENT, missing - number))
                if number // _TRANSACTIONS_PER_STATEMENT % _STATEMENTS_PER_UNIT_OF_WORK == 0:
                    cursor.execute("COMMIT")
            _keep(cursor, [book, *partners])
            cursor.execute("COMMIT")


def _read(cursor: Any, cast: Cast) -> dict[int, _Book]:
    cursor.execute("SELECT id, balance, version, head_hash FROM accounts")
    found = {number: (balance, version, head) for number, balance, version, head in cursor.fetchall()}
    return {account.number: _Book(account, *found[account.number]) for account in cast.accounts}


def _transfers(
    rng: random.Random, currency: str, book: _Book, others: list[_Book], *, count: int, start: datetime, step: timedelta
) -> Iterator[tuple[str, str]]:
    """The rows of one transaction after the other: its header, and its two postings."""
    for number in range(count):
        amount, other = rng.randint(*_AMOUNTS), others[number % len(others)]
        payer, payee = (book, other) if rng.random() < book.balance / (book.balance + other.balance) else (other, book)
        amount = min(amount, max(1, payer.balance // 2))
        at = start + step * (number + 1)
        yield _transaction(currency, payer, payee, amount=amount, created_at=at, bits=rng.getrandbits(74))


def _transaction(
    currency: str, payer: _Book, payee: _Book, *, amount: int, created_at: datetime, bits: int
) -> tuple[str, str]:
    identifier, actor = _uuid7(created_at, bits), payer.account.owner.id
    description = f"Invoice {payer.version + 1}"
    digest = chain.transaction_hash(
        id=identifier,
        type=TransactionType.TRANSFER,
        amount_minor=amount,
        currency=currency,
        description=description,
        metadata={},
        actor_id=actor,
        reverses_id=None,
        created_at=created_at,
    )
    at = created_at.strftime("%Y-%m-%d %H:%M:%S.%f")
    header = (
        f"(0x{identifier.hex},'transfer',{amount},'{currency}','{description}','{{}}',0x{actor.hex},NULL,'{at}',"
        f"0x{digest.hex()})"
    )
    sides = []
    for book, direction, change in ((payer, Direction.DEBIT, -amount), (payee, Direction.CREDIT, amount)):
        book.balance += change
        book.version += 1
        book.head = chain.posting_hash(
            book.head,
            account_id=book.account.number,
            sequence=book.version,
            transaction_id=identifier,
            transaction_hash=digest,
            direction=direction,
            amount_minor=amount,
            currency=currency,
            balance_after=book.balance,
            floor=0,
            created_at=created_at,
        )
        sides.append(
            f"({book.account.number},{book.version},0x{identifier.hex},'{direction}',{amount},'{currency}',"
            f"{book.balance},0,'{at}',0x{book.head.hex()})"
        )
    return header, ",".join(sides)


def _uuid7(moment: datetime, bits: int) -> UUID:
    """A UUIDv7 of another time than now; `bits` are its 74 random ones."""
    milliseconds = int(moment.timestamp() * 1000)
    high, low = bits >> 62, bits & ((1 << 62) - 1)
    return UUID(int=milliseconds << 80 | 7 << 76 | high << 64 | 2 << 62 | low)


def _insert(cursor: Any, rows: Iterator[tuple[str, str]], count: int) -> None:
    some = [next(rows) for _ in range(count)]
    for table, column in (("transactions", 0), ("postings", 1)):
        values = ",".join(row[column] for row in some)
        cursor.execute(f"INSERT INTO {table} ({_COLUMNS[table]}) VALUES {values}")  # noqa: S608 - numbers and hex of ours


def _keep(cursor: Any, books: list[_Book]) -> None:
    """Makes the accounts say what their last postings say."""
    for book in books:
        cursor.execute(
            "UPDATE accounts a JOIN postings p ON p.account_id = a.id AND p.sequence = %s"
            " SET a.balance = %s, a.version = %s, a.head_hash = %s, a.last_posted_at = p.created_at WHERE a.id = %s",
            (book.version, book.balance, book.version, book.head, book.account.number),
        )
