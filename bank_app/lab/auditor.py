"""Compares what clients were told with what is in the books: nothing lost, nothing doubled, nothing half, nothing made.

It reads keys, transactions and postings as rows and decides by itself; what the bank believes of itself is asked
separately (`services.integrity`) and is only one line of the findings.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from rich.table import Table
from sqlalchemy import select
from sqlalchemy.orm import Session

from bank_app.database import Database
from bank_app.lab.journal import Entry, Journal, State
from bank_app.lab.workload import Cast
from bank_app.models import ACCOUNTS, IDEMPOTENCY_KEYS, POSTINGS, TRANSACTIONS
from bank_app.services import integrity

_PROBLEMS_TOLD = 20
_ROWS_AT_A_TIME = 5000
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Findings:
    """What an audit found. Everything from `lost` to `broken_invariants` must be zero or empty.

    Attributes:
        sent: Movements that clients sent.
        acknowledged: Movements that they were told are posted.
        replayed: Of the answers, how many had been given before.
        refused: Final refusals by code.
        unknown: Movements without a final answer; `unknown_posted` of them are in the books, the others are not.
        lost: Acknowledged, and not in the books under that key and id.
        doubled: Movements that are in the books more than once.
        altered: In the books with another amount, or between other accounts, than was sent.
        half: In the books without both of their postings.
        refused_but_posted: Refused, and in the books nevertheless.
        negative: Customers' accounts below what they may be, now or after any posting.
        astray: Accounts whose balance is not what the movements in the books make of the opening balance.
        imbalance_minor: What is missing (−) or too much (+) on the accounts of the cast together.
        broken_invariants: What the bank's own check of its books found.
        problems: The first of the above in sentences.
    """

    sent: int
    acknowledged: int
    replayed: int
    refused: dict[str, int]
    unknown: int
    unknown_posted: int
    lost: int
    doubled: int
    altered: int
    half: int
    refused_but_posted: int
    negative: int
    astray: int
    imbalance_minor: int
    broken_invariants: tuple[str, ...]
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether clients were told the truth and the books are right."""
        return not self.problems

    def table(self) -> Table:
        """For people at a terminal."""
        table = Table(title="What clients were told, against the books", title_justify="left")
        table.add_column("")
        table.add_column("", justify="right")
        refused = ", ".join(f"{count} {code}" for code, count in sorted(self.refused.items()))
        for name, value in (
            ("sent", str(self.sent)),
            ("acknowledged", str(self.acknowledged)),
            ("replayed", str(self.replayed)),
            ("refused", refused or "0"),
            ("never answered", f"{self.unknown} ({self.unknown_posted} in the books)"),
        ):
            table.add_row(name, value)
        for name in ("lost", "doubled", "altered", "half", "refused_but_posted", "negative", "astray"):
            count = getattr(self, name)
            table.add_row(name.replace("_", " "), f"[red]{count}[/red]" if count else "[green]0[/green]")
        broken = len(self.broken_invariants)
        table.add_row("broken invariants", f"[red]{broken}[/red]" if broken else "[green]0[/green]")
        return table


def audit(db: Database, cast: Cast, *journals: Journal) -> Findings:
    """Audits everything that was ever done to the accounts of a cast: pass the journals of all its loads.

    Reads the whole books once, on one snapshot, and the bank's own check reads them again. Writes and locks nothing.
    Call it when no load runs any more.
    """
    entries = [entry for journal in journals for entry in journal.entries]
    books = db.read(lambda session: _Books.read(session, cast, entries))
    report = integrity.check(db)
    return _Audit(cast, entries, books).findings(
        tuple(f"invariant {found.invariant}, {found.subject}: {found.message}" for found in report.violations)
    )


# --- the books as rows --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Side:
    account_id: int
    credit: bool
    amount_minor: int


@dataclass(slots=True)
class _Books:
    """The part of the books that the entries speak of, and what the accounts of the cast hold."""

    keys: dict[tuple[UUID, str], UUID | None] = field(default_factory=dict)
    amounts: dict[UUID, int] = field(default_factory=dict)
    sides: dict[UUID, list[_Side]] = field(default_factory=dict)
    # By the key that a transaction carries in its description.
    by_description: dict[str, list[UUID]] = field(default_factory=dict)
    balances: dict[int, int] = field(default_factory=dict)
    below: set[int] = field(default_factory=set)

    @classmethod
    def read(cls, session: Session, cast: Cast, entries: Iterable[Entry]) -> _Books:
        books = cls()
        wanted = {entry.key for entry in entries}
        people = {entry.actor_id for entry in entries}
        books._read_keys(session, people, wanted)
        books._read_transactions(session, wanted)
        books._read_postings(session)
        books._read_accounts(session, {account.number for account in cast.accounts})
        return books

    def _read_keys(self, session: Session, people: set[UUID], wanted: set[str]) -> None:
        table = IDEMPOTENCY_KEYS
        query = select(table.c.actor_id, table.c.key, table.c.transaction_id).where(table.c.actor_id.in_(people))
        for actor_id, key, transaction_id in _rows(session, query):
            if key in wanted:
                self.keys[actor_id, key] = transaction_id

    def _read_transactions(self, session: Session, wanted: set[str]) -> None:
        table = TRANSACTIONS
        pointed_at = {identifier for identifier in self.keys.values() if identifier}
        for identifier, amount, description in _rows(session, select(table.c.id, table.c.amount, table.c.description)):
            if description in wanted or identifier in pointed_at:
                self.amounts[identifier] = amount
            if description in wanted:
                self.by_description.setdefault(description, []).append(identifier)

    def _read_postings(self, session: Session) -> None:
        table = POSTINGS
        identifiers = list(self.amounts)
        for first in range(0, len(identifiers), _AT_ONCE):
            some = identifiers[first : first + _AT_ONCE]
            query = select(table.c.transaction_id, table.c.account_id, table.c.direction, table.c.amount)
            for identifier, account_id, direction, amount in session.execute(
                query.where(table.c.transaction_id.in_(some))
            ):
                self.sides.setdefault(identifier, []).append(_Side(account_id, direction == "credit", amount))

    def _read_accounts(self, session: Session, numbers: set[int]) -> None:
        table = ACCOUNTS
        columns = (table.c.id, table.c.owner_id, table.c.balance, table.c.held, table.c.overdraft_limit)
        for number, owner_id, balance, held, limit in session.execute(select(*columns)):
            if number in numbers:
                self.balances[number] = balance
            if owner_id is not None and balance - held < -limit:
                self.below.add(number)
        owned = select(table.c.id).where(table.c.owner_id.is_not(None), table.c.overdraft_limit == 0)
        ever = select(POSTINGS.c.account_id).where(
            POSTINGS.c.balance_after < 0, POSTINGS.c.account_id.in_(owned.scalar_subquery())
        )
        self.below |= set(session.execute(ever.distinct()).scalars())


def _rows(session: Session, query: Any) -> Iterable[Any]:
    # Row by row from the server: a benchmark leaves more behind than should be in memory at once.
    return session.execute(query.execution_options(yield_per=_ROWS_AT_A_TIME))


# --- the comparison -----------------------------------------------------------------------------------


class _Audit:
    """One comparison. Counts by the names of the fields of `Findings`."""

    def __init__(self, cast: Cast, entries: list[Entry], books: _Books) -> None:
        self.cast, self.entries, self.books = cast, entries, books
        self.count: Counter[str] = Counter()
        self.problems: list[str] = []
        self.expected = {account.number: account.opening_minor for account in cast.accounts}

    def findings(self, broken_invariants: tuple[str, ...]) -> Findings:
        for entry in self.entries:
            self._check(entry)
        for number in sorted(self.books.below):
            self._found("negative", f"account {number} is or was below zero")
        imbalance = self._check_balances()
        for sentence in broken_invariants:
            self._tell(sentence)
        states = Counter(entry.state for entry in self.entries)
        return Findings(
            sent=len(self.entries),
            acknowledged=states[State.ACKNOWLEDGED],
            replayed=sum(entry.replayed for entry in self.entries),
            refused=dict(Counter(str(entry.code) for entry in self.entries if entry.state is State.REFUSED)),
            unknown=states[State.UNKNOWN],
            unknown_posted=self.count["unknown_posted"],
            lost=self.count["lost"],
            doubled=self.count["doubled"],
            altered=self.count["altered"],
            half=self.count["half"],
            refused_but_posted=self.count["refused_but_posted"],
            negative=self.count["negative"],
            astray=self.count["astray"],
            imbalance_minor=imbalance,
            broken_invariants=broken_invariants,
            problems=tuple(self.problems),
        )

    def _check(self, entry: Entry) -> None:
        """One movement: how often is it in the books, and is it what the client was told?"""
        books = self.books
        found = set(books.by_description.get(entry.key, ()))
        by_key = books.keys.get((entry.actor_id, entry.key))
        if by_key:
            found.add(by_key)
        if len(found) > 1:
            self._found("doubled", f"{entry.key} is in the books {len(found)} times")
        if entry.state is State.ACKNOWLEDGED:
            told = entry.transaction_id
            if told is None or told != by_key or told not in books.amounts:
                self._found("lost", f"{entry.key} was acknowledged as {told} and the books have {by_key}")
        elif found and entry.state is State.REFUSED:
            self._found("refused_but_posted", f"{entry.key} was refused ({entry.code}) and is in the books")
        elif found:
            self.count["unknown_posted"] += 1
        for identifier in found:
            self._check_content(entry, identifier)

    def _check_content(self, entry: Entry, identifier: UUID) -> None:
        books = self.books
        sides = books.sides.get(identifier, [])
        credited = [side for side in sides if side.credit]
        debited = [side for side in sides if not side.credit]
        if len(credited) != 1 or len(debited) != 1:
            self._found("half", f"{entry.key} has {len(debited)} debits and {len(credited)} credits")
        else:
            # A deposit comes from cash, which is no account of the cast.
            source = debited[0].account_id if debited[0].account_id in self.expected else None
            amounts = {books.amounts.get(identifier), credited[0].amount_minor, debited[0].amount_minor}
            if (source, credited[0].account_id, amounts) != (entry.source, entry.target, {entry.amount_minor}):
                self._found("altered", f"{entry.key} is in the books with other accounts or another amount")
        # What was sent, not what is written: whatever else moved the money is then seen in the balances.
        if entry.source is not None:
            self.expected[entry.source] -= entry.amount_minor
        self.expected[entry.target] += entry.amount_minor

    def _check_balances(self) -> int:
        imbalance = 0
        for number, expected in self.expected.items():
            balance = self.books.balances.get(number)
            if balance != expected:
                self._found("astray", f"account {number} should hold {expected} and holds {balance}")
            imbalance += (balance or 0) - expected
        if imbalance:
            self._tell(f"{imbalance} minor units too much on all accounts together")
        return imbalance

    def _found(self, what: str, sentence: str) -> None:
        self.count[what] += 1
        self._tell(sentence)

    def _tell(self, sentence: str) -> None:
        if len(self.problems) < _PROBLEMS_TOLD:
            self.problems.append(sentence)
