"""The rows of a run: made before it, looked at while it runs, and read whole afterwards."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pymysql

from bank_app.lab.simulation.place import LabUnavailable, Place
from bank_app.lab.simulation.scenario import Config

_TABLES = ("lab_write", "lab_entry", "lab_key", "lab_account")
_SERVER_OPTIONS = " ENGINE=InnoDB"
_NOW = {True: "SYSDATE(6)", False: "strftime('%Y-%m-%d %H:%M:%f', 'now')"}
# Rows of units of work that are still open may appear later than ones with higher numbers.
_LATE_ROWS = 2_000
# Access denied to a table, and a trigger that the binary log would have to trust.
_NOT_ALLOWED = (1142, 1419)
_WHAT_IT_NEEDS = (
    "The lab’s database user may not make tables and triggers: grant it ALL on the lab’s own database, and on MySQL "
    "with binary logging set log_bin_trust_function_creators=1."
)


@dataclass(frozen=True, slots=True)
class Write:
    """One change of one row, as the server saw it. `number` is the order of the changes of an account."""

    number: int
    account: int
    before_minor: int
    after_minor: int
    tag: int
    at: float


@dataclass(frozen=True, slots=True)
class Entry:
    """One side of a transfer that a strategy wrote down."""

    tag: int
    key: str
    account: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Glance:
    """All accounts at one moment: their sum, the lowest, and how many there are."""

    total_minor: int
    lowest_minor: int
    accounts: int


@dataclass(frozen=True, slots=True)
class Rows:
    """Everything that a run left behind."""

    balances: dict[int, int]
    writes: list[Write]
    entries: list[Entry]


class LabBooks:
    """The laboratory's own tables. A trigger keeps every change of an account with the balance before and after."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._seen: set[int] = set()
        self._highest = 0

    def prepare(self, config: Config) -> None:
        """Drops what a run before left, and opens the accounts.

        Raises:
            LabUnavailable: the database user may not make what a run needs.
        """
        with closing(self._place.connect()) as connection:
            for statement in self._schema(config):
                _make(connection, statement)
            rows = ", ".join(f"({number}, {config.opening_minor}, 0, 0)" for number in range(1, config.accounts + 1))
            _run(connection, f"INSERT INTO lab_account (id, balance, version, tag) VALUES {rows}")

    def _schema(self, config: Config) -> Iterable[str]:
        server = self._place.server
        counted = "BIGINT PRIMARY KEY AUTO_INCREMENT" if server else "INTEGER PRIMARY KEY"
        end = _SERVER_OPTIONS if server else ""
        yield from (f"DROP TABLE IF EXISTS {table}" for table in _TABLES)
        check = ", CHECK (balance >= 0)" if config.check else ""
        yield (
            "CREATE TABLE lab_account (id BIGINT PRIMARY KEY, balance BIGINT NOT NULL, version BIGINT NOT NULL,"
            f" tag BIGINT NOT NULL{check}){end}"
        )
        yield (
            f"CREATE TABLE lab_entry (id {counted}, tag BIGINT NOT NULL, transfer_key VARCHAR(40) NOT NULL,"
            f" account_id BIGINT NOT NULL, amount BIGINT NOT NULL){end}"
        )
        yield f"CREATE TABLE lab_key (transfer_key VARCHAR(40) PRIMARY KEY, tag BIGINT NOT NULL){end}"
        moment = "DATETIME(6)" if server else "TEXT"
        yield (
            f"CREATE TABLE lab_write (n {counted}, account_id BIGINT NOT NULL, balance_before BIGINT NOT NULL,"
            f" balance_after BIGINT NOT NULL, tag BIGINT NOT NULL, at {moment} NOT NULL){end}"
        )
        insert = (
            "INSERT INTO lab_write (account_id, balance_before, balance_after, tag, at)"
            f" VALUES (NEW.id, OLD.balance, NEW.balance, NEW.tag, {_NOW[server]})"
        )
        body = insert if server else f"BEGIN {insert}; END"
        yield f"CREATE TRIGGER lab_account_written AFTER UPDATE ON lab_account FOR EACH ROW {body}"

    def now(self, connection: Any) -> datetime:
        """The server's clock, which stamps the writes."""
        return _moment(_run(connection, f"SELECT {_NOW[self._place.server]}")[0][0])

    def glance(self, connection: Any) -> Glance:
        """One statement, so one consistent look at all accounts."""
        total, lowest, count = _run(connection, "SELECT SUM(balance), MIN(balance), COUNT(*) FROM lab_account")[0]
        return Glance(int(total), int(lowest), int(count))

    def new_writes(self, connection: Any, began: datetime) -> list[Write]:
        """The writes that became visible since the last call, in the order of each account."""
        after = max(0, self._highest - _LATE_ROWS)
        found = [write for write in self._writes(connection, began, after) if write.number not in self._seen]
        self._seen.update(write.number for write in found)
        self._highest = max([self._highest, *(write.number for write in found)])
        self._seen = {number for number in self._seen if number > self._highest - _LATE_ROWS}
        return found

    def rows(self, began: datetime) -> Rows:
        """Everything, after the run."""
        with closing(self._place.connect()) as connection:
            balances = {int(a): int(b) for a, b in _run(connection, "SELECT id, balance FROM lab_account ORDER BY id")}
            entries = [
                Entry(int(tag), str(key), int(account), int(amount))
                for tag, key, account, amount in _run(
                    connection, "SELECT tag, transfer_key, account_id, amount FROM lab_entry ORDER BY id"
                )
            ]
            return Rows(balances, self._writes(connection, began, 0), entries)

    def _writes(self, connection: Any, began: datetime, after: int) -> list[Write]:
        query = (
            "SELECT n, account_id, balance_before, balance_after, tag, at FROM lab_write"
            f" WHERE n > {int(after)} ORDER BY n"
        )
        return [
            Write(int(n), int(account), int(before), int(after_), int(tag), (_moment(at) - began).total_seconds())
            for n, account, before, after_, tag, at in _run(connection, query)
        ]


def _make(connection: Any, statement: str) -> None:
    try:
        _run(connection, statement)
    except pymysql.MySQLError as error:
        if error.args[:1] and error.args[0] in _NOT_ALLOWED:
            raise LabUnavailable(_WHAT_IT_NEEDS) from error
        raise


def _run(connection: Any, statement: str) -> list[Any]:
    cursor = connection.cursor()
    cursor.execute(statement)
    return list(cursor.fetchall()) if cursor.description else []


def _moment(value: Any) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
