"""Ways to move money between two rows, some of them wrong. The SQL shown anywhere is the SQL that these functions send.

They run on the laboratory's tables only. Each gets a `Unit` whose transfer it carries out once; whoever calls it tries
again after a conflict. `S8` is not here: it is the bank's own posting path, see `bank_path`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bank_app.lab.simulation.scenario import ISOLATIONS
from bank_app.lab.simulation.unit import Conflict, StatementFailed, Trouble, Unit

OK, DECLINED, REPLAYED = "ok", "declined", "replayed"

READ = "SELECT id, balance FROM lab_account WHERE id = :account"
READ_FOR_UPDATE = "SELECT id, balance FROM lab_account WHERE id = :account FOR UPDATE"
LOCK_BOTH = "SELECT id, balance FROM lab_account WHERE id IN (:payer, :payee) ORDER BY id FOR UPDATE"
READ_VERSION = "SELECT id, balance, version FROM lab_account WHERE id = :account"
OVERWRITE = "UPDATE lab_account SET balance = :balance, tag = :tag WHERE id = :account"
SUBTRACT = "UPDATE lab_account SET balance = balance - :amount, tag = :tag WHERE id = :account"
ADD = "UPDATE lab_account SET balance = balance + :amount, tag = :tag WHERE id = :account"
SUBTRACT_IF_ENOUGH = (
    "UPDATE lab_account SET balance = balance - :amount, tag = :tag WHERE id = :account AND balance >= :amount"
)
OVERWRITE_IF_SAME = (
    "UPDATE lab_account SET balance = :balance, version = version + 1, tag = :tag"
    " WHERE id = :account AND version = :version"
)
ENTRIES = (
    "INSERT INTO lab_entry (tag, transfer_key, account_id, amount)"
    " VALUES (:tag, :key, :payer, -:amount), (:tag, :key, :payee, :amount)"
)
KEY = "INSERT INTO lab_key (transfer_key, tag) VALUES (:key, :tag)"


def read_then_overwrite(unit: Unit) -> str:
    """No unit of work: every statement is durable by itself, and a crash leaves what was done."""
    transfer = unit.transfer
    payer = unit.balance(READ, transfer.payer)
    payee = unit.balance(READ, transfer.payee)
    if payer < transfer.amount_minor:
        return DECLINED
    unit.think()
    unit.write(OVERWRITE, transfer.payer, to=payer - transfer.amount_minor)
    unit.midpoint()
    unit.write(OVERWRITE, transfer.payee, to=payee + transfer.amount_minor)
    unit.insert(ENTRIES)
    return OK


def read_then_overwrite_in_one_unit(unit: Unit) -> str:
    """All or nothing, but what was read is old by the time it is written."""
    transfer = unit.transfer
    unit.begin()
    payer = unit.balance(READ, transfer.payer)
    payee = unit.balance(READ, transfer.payee)
    if payer < transfer.amount_minor:
        return _declined(unit)
    unit.think()
    unit.write(OVERWRITE, transfer.payer, to=payer - transfer.amount_minor)
    unit.midpoint()
    unit.write(OVERWRITE, transfer.payee, to=payee + transfer.amount_minor)
    unit.insert(ENTRIES)
    unit.commit()
    return OK


def check_then_subtract(unit: Unit) -> str:
    """The database does the arithmetic, so nothing is lost; but the balance was checked before, without a lock."""
    transfer = unit.transfer
    unit.begin()
    if unit.balance(READ, transfer.payer) < transfer.amount_minor:
        return _declined(unit)
    unit.think()
    unit.write(SUBTRACT, transfer.payer, amount=transfer.amount_minor)
    unit.midpoint()
    unit.write(ADD, transfer.payee, amount=transfer.amount_minor)
    unit.insert(ENTRIES)
    unit.commit()
    return OK


def lock_as_they_come(unit: Unit) -> str:
    """Reads under locks, payer first: right, but A to B and B to A wait for each other in a circle."""
    transfer = unit.transfer
    unit.begin()
    if not first_use(unit):
        return _replayed(unit)
    payer = unit.balance(READ_FOR_UPDATE, transfer.payer)
    unit.think()
    payee = unit.balance(READ_FOR_UPDATE, transfer.payee)
    if payer < transfer.amount_minor:
        return _declined(unit)
    return _overwrite_both(unit, payer, payee)


def lock_in_order(unit: Unit) -> str:
    """Locks both rows in the order of their numbers, and reads what it has locked."""
    transfer = unit.transfer
    unit.begin()
    if not first_use(unit):
        return _replayed(unit)
    found = {row[0]: row[1] for row in unit.rows(LOCK_BOTH, payer=transfer.payer, payee=transfer.payee)}
    if found[transfer.payer] < transfer.amount_minor:
        return _declined(unit)
    unit.think()
    return _overwrite_both(unit, found[transfer.payer], found[transfer.payee])


def subtract_if_enough(unit: Unit) -> str:
    """One statement checks and changes, lower number first: nothing is read that could be old."""
    transfer = unit.transfer
    unit.begin()
    if not first_use(unit):
        return _replayed(unit)
    unit.think()
    for account in sorted((transfer.payer, transfer.payee)):
        if account == transfer.payee:
            unit.write(ADD, account, amount=transfer.amount_minor)
        elif not unit.write(SUBTRACT_IF_ENOUGH, account, amount=transfer.amount_minor):
            return _declined(unit)
        if account == min(transfer.payer, transfer.payee):
            unit.midpoint()
    unit.insert(ENTRIES)
    unit.commit()
    return OK


def overwrite_if_same(unit: Unit) -> str:
    """Reads without a lock, and writes only where the version is still the one that was read.

    Raises:
        Conflict: somebody else was quicker.
    """
    transfer = unit.transfer
    unit.begin()
    if not first_use(unit):
        return _replayed(unit)
    found = {account: unit.rows(READ_VERSION, account=account)[0] for account in (transfer.payer, transfer.payee)}
    if found[transfer.payer][1] < transfer.amount_minor:
        return _declined(unit)
    unit.think()
    for account in sorted(found):
        _, balance, version = found[account]
        change = -transfer.amount_minor if account == transfer.payer else transfer.amount_minor
        if not unit.write(OVERWRITE_IF_SAME, account, to=balance + change, version=version):
            unit.rollback()
            raise Conflict
        if account == min(found):
            unit.midpoint()
    unit.insert(ENTRIES)
    unit.commit()
    return OK


def serializable(unit: Unit) -> str:
    """As S1, and the database keeps whatever was read until the end; who would overwrite it is a deadlock's victim."""
    transfer = unit.transfer
    unit.begin()
    if not first_use(unit):
        return _replayed(unit)
    payer = unit.balance(READ, transfer.payer)
    payee = unit.balance(READ, transfer.payee)
    if payer < transfer.amount_minor:
        return _declined(unit)
    unit.think()
    return _overwrite_both(unit, payer, payee)


def _overwrite_both(unit: Unit, payer: int, payee: int) -> str:
    transfer = unit.transfer
    unit.write(OVERWRITE, transfer.payer, to=payer - transfer.amount_minor)
    unit.midpoint()
    unit.write(OVERWRITE, transfer.payee, to=payee + transfer.amount_minor)
    unit.insert(ENTRIES)
    unit.commit()
    return OK


def first_use(unit: Unit) -> bool:
    """Takes the transfer's key in the same unit of work as the money; whoever comes second finds it taken."""
    try:
        unit.insert(KEY)
    except StatementFailed as failure:
        if failure.trouble is Trouble.DUPLICATE:
            return False
        raise
    return True


def _declined(unit: Unit) -> str:
    unit.rollback()
    return DECLINED


def _replayed(unit: Unit) -> str:
    unit.rollback()
    return REPLAYED


@dataclass(frozen=True)
class Strategy:
    """One way, and what is known about it before it runs.

    Attributes:
        carry_out: Does one transfer; None for S8, which is the bank itself.
        code: What to show as its source, where that is not `carry_out` itself.
        sql: The statements in order, as they are sent. `marked` are those that the strategy stands or falls with.
        expected: What a run is expected to show.
        safe_at: The levels at which a safe one is safe, where that is not all of them.
        embedded: What the embedded engine does with it, which locks no rows and has no levels; empty if it cannot run.
        embedded_sql: The statements there, where they are others.
    """

    id: str
    name: str
    safe: bool
    isolation: str
    sql: tuple[str, ...]
    marked: tuple[str, ...]
    summary: str
    expected: str
    carry_out: Callable[[Unit], str] | None = None
    code: Callable[..., Any] | None = None
    keeps_keys: bool = True
    safe_at: tuple[str, ...] = ISOLATIONS
    embedded: str = ""
    embedded_sql: tuple[str, ...] = ()

    @property
    def source(self) -> str:
        """The code that runs."""
        code = self.code or self.carry_out
        return inspect.getsource(code) if code else ""

    def statements(self, *, server: bool) -> tuple[str, ...]:
        """Its SQL as this database gets it."""
        if server:
            return self.sql
        return self.embedded_sql or tuple("BEGIN" if line == BEGIN else line for line in self.sql)


BEGIN, COMMIT = "START TRANSACTION", "COMMIT"
