"""Checking the books: every invariant of ledger.md §2, recomputed from the postings by other means than wrote them."""

from __future__ import annotations

import json
import threading
import weakref
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, Text, case, func, or_, select, type_coerce
from sqlalchemy.orm import Session, aliased
from sqlmodel import col

from bank_app import aside, clock
from bank_app.columns import total
from bank_app.database import Database
from bank_app.domain import chain
from bank_app.domain.accounting import AccountKind, Direction, signed
from bank_app.domain.identifiers import account_number_text
from bank_app.models import (
    ACCOUNTS,
    CLOCK_STEPS,
    IMMUTABLE_TABLES,
    POSTINGS,
    TRANSACTIONS,
    Account,
    IdempotencyKey,
    Posting,
    Transaction,
)
from bank_app.schema import Refusal, acting_keys, refusing_triggers
from bank_app.services import integrity_of_history, integrity_of_holds

# A report names the first offenders of each kind; a broken bank may have millions.
_MOST_PER_INVARIANT = 5
_ROWS_AT_A_TIME = 2000
# So many are checked in a quarter of a second; to start a process takes one.
_MANY_POSTINGS = 5_000
# Dated so much later than a check begins, a posting was not made while it ran, nor by a clock that is a little off.
_LITTLE = timedelta(seconds=10)
_MOST_AHEAD = 20


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken rule: its number in ledger.md §2, the row that breaks it, and what is wrong with that row."""

    invariant: int
    subject: str
    message: str


@dataclass(frozen=True, slots=True)
class Ahead:
    """A posting that is dated later than it can have been written: by a clock that was ahead. No rule is broken."""

    subject: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Report:
    """What one check of the whole books found. Totals are Σ of all balances per currency, in minor units.

    `ahead` are the first of `dated_ahead` postings that are dated later than the check.
    `marks` is what a later check looks for again, see `integrity_of_history`.
    """

    ok: bool
    checked_at: datetime
    accounts: int
    transactions: int
    postings: int
    violations: tuple[Violation, ...]
    totals: dict[str, int]
    chain_ok: bool
    chain_head: str
    seconds: float
    marks: Mapping[str, Any] = field(default_factory=dict)
    dated_ahead: int = 0
    ahead: tuple[Ahead, ...] = ()


@dataclass(frozen=True, slots=True)
class TrialLine:
    """One class of accounts in the trial balance, on the side where its total stands (minor units)."""

    label: str
    currency: str
    debit_minor: int
    credit_minor: int


_CLASSES = {
    AccountKind.CASH: "Cash held by the bank",
    AccountKind.FEES: "Fees earned",
    AccountKind.INTEREST: "Interest",
    AccountKind.SUSPENSE: "Suspense",
}

INVARIANTS = {
    1: "every transaction's debits equal its credits",
    2: "all balances of a currency add up to zero",
    3: "a stored balance is the sum of its postings",
    4: "sequences have no gaps and balances follow from them",
    5: "no customer account is below its floor, now or ever",
    6: "the database refuses to change history, and none of it is gone",
    7: "one effect per key and one reversal per transaction",
    8: "a hold is in one state, what it captured was posted, and held money is the sum of open holds",
    9: "every hash follows from its content and its predecessor",
}


def check(db: Database) -> Report:
    """Checks the whole books on one snapshot. Reads every posting once; writes nothing; locks nothing.

    Invariant 10 (nothing acknowledged is lost) cannot be seen from inside the database; the fault tests check it
    against what clients were told.
    """
    return db.read(lambda session: _Check(session).run())


def check_aside(db: Database) -> Report:
    """As `check`, for a process that serves: many postings are read in a process of their own, see `aside`.

    Raises:
        Overloaded: this process is about to end.
    """
    # Each posting has added one to the version of its account.
    versions = select(total(ACCOUNTS.c.version))
    many = db.read(lambda session: session.execute(versions).scalar_one()) > _MANY_POSTINGS
    return aside.compute(db, check) if many else check(db)


def trial_balance(session: Session) -> list[TrialLine]:
    """Debit and credit totals by class of accounts and currency; the two columns of a currency are equal."""
    rows = session.execute(
        select(col(Account.kind), col(Account.currency), total(col(Account.balance))).group_by(
            col(Account.kind), col(Account.currency)
        )
    )
    totals: dict[tuple[str, str], int] = {}
    for kind, currency, minor in rows:
        label = _CLASSES.get(AccountKind(kind), "Customers' accounts")
        totals[currency, label] = totals.get((currency, label), 0) + minor
    return [
        TrialLine(label, currency, max(-minor, 0), max(minor, 0))
        for (currency, label), minor in sorted(totals.items())
        if minor or label in ("Customers' accounts", _CLASSES[AccountKind.CASH])
    ]


_newest: weakref.WeakKeyDictionary[Database, Report] = weakref.WeakKeyDictionary()
_checking = threading.Lock()


def latest(db: Database, *, max_age_seconds: float = 30) -> Report:
    """The newest report of this process, made anew when it is older than `max_age_seconds`.

    Many who ask at once share one check, and a long check is repeated less often: checking takes at most a hundredth
    of the time, however large the books and however many ask. Who asks while a newer report is made gets the one
    before it and waits only for the very first.
    """
    known = _newest.get(db)
    if not _checking.acquire(blocking=known is None):
        assert known is not None  # noqa: S101 - without one, this waited
        return known
    try:
        known = _newest.get(db)
        if known is not None:
            lasts = timedelta(seconds=max(max_age_seconds, known.seconds * 100))
            if clock.now() - known.checked_at <= lasts:
                return known
        known = _newest[db] = check_aside(db)
        return known
    finally:
        _checking.release()


def forget(db: Database) -> None:
    """Whoever asks next hears of a check made from now on: after much came at once into books that were empty."""
    _newest.pop(db, None)


def last_known(db: Database) -> Report | None:
    """The newest report of this process without making one."""
    return _newest.get(db)


@dataclass(slots=True)
class _Walk:
    """What the postings of one account come to, read in order."""

    balance: int = 0
    sequence: int = 0
    hash: bytes = chain.GENESIS
    posted_at: datetime | None = None


@dataclass
class _Check:
    session: Session
    violations: list[Violation] = field(default_factory=list)
    counts: dict[int, int] = field(default_factory=dict)
    steps: dict[tuple[int, int], tuple[datetime, datetime]] = field(default_factory=dict)
    ahead: list[Ahead] = field(default_factory=list)
    dated_ahead: int = 0
    started: datetime = field(default_factory=clock.now)

    def run(self) -> Report:
        accounts = {row.id: row for row in self.session.execute(select(ACCOUNTS))}
        walks, postings = self._walk_postings(accounts)
        self._accounts_match(accounts, walks)
        transactions = self._transactions()
        self._orphans()
        self._keys()
        for finding in integrity_of_holds.findings(self.session, rows_at_a_time=_ROWS_AT_A_TIME):
            self._found(*finding)
        self._reversals()
        self._guards()
        for finding in integrity_of_history.findings(self.session):
            self._found(*finding)
        totals = self._totals(accounts)
        heads = [accounts[number].head_hash for number in sorted(accounts)]
        return Report(
            ok=not self.violations,
            checked_at=clock.now(),
            accounts=len(accounts),
            transactions=transactions,
            postings=postings,
            violations=tuple(sorted(self.violations, key=lambda violation: violation.invariant)),
            totals=totals,
            chain_ok=not any(violation.invariant == 9 for violation in self.violations),
            chain_head=chain.merkle_root(heads).hex(),
            seconds=(clock.now() - self.started).total_seconds(),
            marks=integrity_of_history.marks(self.session, self.started),
            dated_ahead=self.dated_ahead,
            ahead=tuple(self.ahead),
        )

    def _found(self, invariant: int, subject: str, message: str) -> None:
        self.counts[invariant] = self.counts.get(invariant, 0) + 1
        if self.counts[invariant] <= _MOST_PER_INVARIANT:
            self.violations.append(Violation(invariant, subject, message))

    def _stream(self, query: Select[Any]) -> Iterator[Any]:
        return iter(self.session.execute(query, execution_options={"yield_per": _ROWS_AT_A_TIME}))

    # --- posting by posting -----------------------------------------------------------------------

    def _walk_postings(self, accounts: dict[int, Any]) -> tuple[dict[int, _Walk], int]:
        """Reads every account's postings in order and works out what they should say."""
        table, header = POSTINGS, TRANSACTIONS
        query = (
            select(table, header.c.hash.label("transaction_hash"), header.c.currency.label("transaction_currency"))
            .join(header, header.c.id == table.c.transaction_id, isouter=True)
            .order_by(table.c.account_id, table.c.sequence)
        )
        walks: dict[int, _Walk] = {}
        count = 0
        steps = self.session.execute(select(CLOCK_STEPS)).all()
        self.steps = {(row.account_id, row.sequence): (row.created_at, row.dated_before) for row in steps}
        for row in self._stream(query):
            count += 1
            walk = walks.setdefault(row.account_id, _Walk())
            subject = f"posting {account_number_text(row.account_id)}-{row.sequence}"
            self._posting_follows(row, walk, subject)
            self._posting_is_allowed(row, accounts.get(row.account_id), subject)
            walk.balance, walk.sequence, walk.hash = row.balance_after, row.sequence, row.hash
            walk.posted_at = row.created_at
        for number, sequence in self.steps:
            subject = f"posting {account_number_text(number)}-{sequence}"
            self._found(4, subject, "is noted as dated before the one that it follows, and is not")
        return walks, count

    def _posting_follows(self, row: Any, walk: _Walk, subject: str) -> None:
        if row.sequence != walk.sequence + 1:
            self._found(4, subject, f"follows sequence {walk.sequence}")
        self._time_goes_on(row, walk, subject)
        if row.direction not in set(Direction):
            self._found(1, subject, f"is neither debit nor credit but {row.direction!r}")
            return
        expected = walk.balance + signed(Direction(row.direction), row.amount)
        if row.balance_after != expected:
            self._found(4, subject, f"balance_after is {row.balance_after}, its postings come to {expected}")
        digest = chain.posting_hash(
            walk.hash,
            account_id=row.account_id,
            sequence=row.sequence,
            transaction_id=row.transaction_id,
            transaction_hash=row.transaction_hash or b"",
            direction=row.direction,
            amount_minor=row.amount,
            currency=row.currency,
            balance_after=row.balance_after,
            floor=row.floor,
            created_at=row.created_at,
        )
        if digest != row.hash:
            self._found(9, subject, "its hash does not follow from its content and its predecessor")

    def _time_goes_on(self, row: Any, walk: _Walk, subject: str) -> None:
        """A date before the one that it follows is right where the ledger noted, and exactly as it noted it."""
        if walk.posted_at and row.created_at < walk.posted_at:
            noted = self.steps.pop((row.account_id, row.sequence), None)
            if noted != (row.created_at, walk.posted_at):
                self._found(4, subject, "is dated before the one that it follows")
        if row.created_at > self.started + _LITTLE:
            self.dated_ahead += 1
            if len(self.ahead) < _MOST_AHEAD:
                self.ahead.append(Ahead(subject, row.created_at))

    def _posting_is_allowed(self, row: Any, account: Any, subject: str) -> None:
        if row.amount <= 0:
            self._found(1, subject, f"its amount is {row.amount}")
        if row.transaction_currency not in (None, row.currency):
            self._found(1, subject, f"is in {row.currency} in a transaction in {row.transaction_currency}")
        if account is None:
            return
        if row.currency != account.currency:
            self._found(1, subject, f"is in {row.currency} on an account in {account.currency}")
        if (row.floor is None) != (account.owner_id is None):
            self._found(5, subject, "only internal accounts are without a floor")
        elif row.floor is not None and row.balance_after < row.floor:
            self._found(5, subject, f"left a balance of {row.balance_after} under a floor of {row.floor}")

    # --- accounts ---------------------------------------------------------------------------------

    def _accounts_match(self, accounts: dict[int, Any], walks: dict[int, _Walk]) -> None:
        sums, held = self._sums_by_account(), integrity_of_holds.open_sums(self.session)
        for number, account in accounts.items():
            subject = f"account {account_number_text(number)}"
            walk = walks.get(number, _Walk())
            total = sums.get(number, 0)
            if account.balance != total:
                self._found(3, subject, f"its balance is {account.balance}, its postings add up to {total}")
            if account.balance != walk.balance:
                self._found(3, subject, f"its balance is {account.balance}, its last posting says {walk.balance}")
            if account.version != walk.sequence:
                self._found(4, subject, f"is at version {account.version}, its last posting is {walk.sequence}")
            if account.last_posted_at != walk.posted_at:
                self._found(4, subject, f"was last posted to at {account.last_posted_at}, not at {walk.posted_at}")
            if account.owner_id is not None and account.balance - account.held < -account.overdraft_limit:
                self._found(
                    5, subject, f"has {account.balance - account.held} under a limit of {-account.overdraft_limit}"
                )
            if account.held != held.get(number, 0):
                self._found(8, subject, f"{account.held} are held, open holds add up to {held.get(number, 0)}")
            if account.head_hash != walk.hash:
                self._found(9, subject, "its head is not the hash of its last posting")
        for number in walks.keys() - accounts.keys():
            self._found(3, f"account {account_number_text(number)}", "has postings and does not exist")

    def _sums_by_account(self) -> dict[int, int]:
        amount = case(
            (col(Posting.direction) == Direction.CREDIT.value, col(Posting.amount)), else_=-col(Posting.amount)
        )
        rows = self.session.execute(select(col(Posting.account_id), total(amount)).group_by(col(Posting.account_id)))
        return dict(rows.all())

    def _totals(self, accounts: dict[int, Any]) -> dict[str, int]:
        totals: dict[str, int] = {}
        for account in accounts.values():
            totals[account.currency] = totals.get(account.currency, 0) + account.balance
        for currency, minor in totals.items():
            if minor:
                self._found(2, f"currency {currency}", f"all balances add up to {minor}")
        return totals

    # --- transactions -----------------------------------------------------------------------------

    def _transactions(self) -> int:
        sums = self._sums_by_transaction()
        count = 0
        # Metadata as text: a text that is no JSON has to be named, not stumbled over.
        text = type_coerce(TRANSACTIONS.c.metadata, Text).label("metadata")
        columns = [text if column.name == "metadata" else column for column in TRANSACTIONS.c]
        for row in self._stream(select(*columns)):
            count += 1
            subject = f"transaction {row.id}"
            sides, debit, credit, earliest, latest_at = sums.get(row.id, (0, 0, 0, None, None))
            if sides < 2:
                self._found(1, subject, f"has {sides} postings")
            if debit != credit:
                self._found(1, subject, f"debits {debit}, credits {credit}")
            elif sides and credit != row.amount:
                self._found(1, subject, f"says {row.amount} and moves {credit}")
            if sides and not earliest == latest_at == row.created_at:
                self._found(1, subject, "its postings have another time")
            if self._transaction_hash(row) != row.hash:
                self._found(9, subject, "its hash does not follow from its content")
        return count

    @staticmethod
    def _transaction_hash(row: Any) -> bytes | None:
        try:
            metadata = json.loads(row.metadata)
        except ValueError:
            return None
        return chain.transaction_hash(
            id=row.id,
            type=row.type,
            amount_minor=row.amount,
            currency=row.currency,
            description=row.description,
            metadata=metadata,
            actor_id=row.actor_id,
            reverses_id=row.reverses_id,
            created_at=row.created_at,
        )

    def _sums_by_transaction(self) -> dict[UUID, tuple[int, int, int, datetime | None, datetime | None]]:
        debit = case((col(Posting.direction) == Direction.DEBIT.value, col(Posting.amount)), else_=0)
        credit = case((col(Posting.direction) == Direction.CREDIT.value, col(Posting.amount)), else_=0)
        rows = self.session.execute(
            select(
                col(Posting.transaction_id),
                func.count(),
                total(debit),
                total(credit),
                func.min(col(Posting.created_at)),
                func.max(col(Posting.created_at)),
            ).group_by(col(Posting.transaction_id))
        )
        return {row[0]: (row[1], row[2], row[3], row[4], row[5]) for row in rows}

    def _orphans(self) -> None:
        for row in self.session.execute(
            select(col(Posting.account_id), col(Posting.sequence), col(Posting.transaction_id))
            .join(Transaction, col(Transaction.id) == col(Posting.transaction_id), isouter=True)
            .where(col(Transaction.id).is_(None))
            .limit(_MOST_PER_INVARIANT)
        ):
            subject = f"posting {account_number_text(row.account_id)}-{row.sequence}"
            self._found(1, subject, f"belongs to transaction {row.transaction_id}, which does not exist")

    # --- keys, reversals, guards ----------------------------------------------------------------------

    def _keys(self) -> None:
        for row in self.session.execute(
            select(
                col(IdempotencyKey.key),
                col(IdempotencyKey.transaction_id),
                col(IdempotencyKey.actor_id),
                col(Transaction.actor_id),
            )
            .join(Transaction, col(Transaction.id) == col(IdempotencyKey.transaction_id), isouter=True)
            .where(
                col(IdempotencyKey.transaction_id).is_not(None),
                or_(col(Transaction.id).is_(None), col(Transaction.actor_id) != col(IdempotencyKey.actor_id)),
            )
            .limit(_MOST_PER_INVARIANT)
        ):
            self._found(7, f"key {row[0]!r} of actor {row[2]}", f"names transaction {row[1]}, which is not its effect")
        opened_none = (
            select(col(IdempotencyKey.key), col(IdempotencyKey.actor_id), col(IdempotencyKey.account_id))
            .join(Account, col(Account.id) == col(IdempotencyKey.account_id), isouter=True)
            .where(col(IdempotencyKey.account_id).is_not(None), col(Account.owner_id).is_(None))
        )
        for key, actor_id, account_id in self.session.execute(opened_none.limit(_MOST_PER_INVARIANT)):
            number = account_number_text(account_id or 0)
            self._found(7, f"key {key!r} of actor {actor_id}", f"names account {number}, which is not its effect")
        twice = (
            select(col(IdempotencyKey.actor_id), col(IdempotencyKey.key))
            .group_by(col(IdempotencyKey.actor_id), col(IdempotencyKey.key))
            .having(func.count() > 1)
        )
        for actor_id, key in self.session.execute(twice.limit(_MOST_PER_INVARIANT)):
            self._found(7, f"key {key!r} of actor {actor_id}", "has more than one outcome")
        self._more_than_once(col(IdempotencyKey.transaction_id), "has more than one key")
        self._more_than_once(col(Transaction.reverses_id), "has more than one reversal")

    def _more_than_once(self, column: Any, message: str) -> None:
        """The unique keys forbid it; a table that was rebuilt without them would not."""
        query = select(column).where(column.is_not(None)).group_by(column).having(func.count() > 1)
        for identifier in self.session.execute(query.limit(_MOST_PER_INVARIANT)).scalars():
            self._found(7, f"transaction {identifier}", message)

    def _reversals(self) -> None:
        """A reversal has the sides of its original, the other way round."""
        mirror, original = aliased(Posting), aliased(Posting)
        query = (
            select(col(Transaction.id), func.count(), func.count(col(original.account_id)))
            .join(mirror, col(mirror.transaction_id) == col(Transaction.id))
            .join(
                original,
                (col(original.transaction_id) == col(Transaction.reverses_id))
                & (col(original.account_id) == col(mirror.account_id))
                & (col(original.amount) == col(mirror.amount))
                & (col(original.direction) != col(mirror.direction)),
                isouter=True,
            )
            .where(col(Transaction.reverses_id).is_not(None))
            .group_by(col(Transaction.id))
            .having(func.count() != func.count(col(original.account_id)))
        )
        for row in self.session.execute(query.limit(_MOST_PER_INVARIANT)):
            self._found(7, f"transaction {row[0]}", "is not the mirror of what it reverses")

    def _guards(self) -> None:
        wanted = {
            "accounts_guard": Refusal("UPDATE", "accounts", some=True),
            "accounts_no_delete": Refusal("DELETE", "accounts", some=False),
            "accounts_start_empty": Refusal("INSERT", "accounts", some=True),
            "holds_guard": Refusal("UPDATE", "holds", some=True),
            "holds_no_delete": Refusal("DELETE", "holds", some=False),
            "holds_start_open": Refusal("INSERT", "holds", some=True),
            "security_events_no_update": Refusal("UPDATE", "security_events", some=False),
            "security_events_no_early_delete": Refusal("DELETE", "security_events", some=True),
        }
        for table in IMMUTABLE_TABLES:
            for change in ("UPDATE", "DELETE"):
                wanted[f"{table}_no_{change.lower()}"] = Refusal(change, table, some=False)
        present = refusing_triggers(self.session)
        for name in sorted(wanted):
            if present.get(name) != wanted[name]:
                self._found(6, f"trigger {name}", "is missing or does not refuse what it should")
        for table in acting_keys(self.session):
            self._found(6, f"foreign key of {table}", "changes rows behind the triggers")
