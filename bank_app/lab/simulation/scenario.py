"""What a run does: the same accounts and the same transfers for every strategy that is tried with one seed."""

from __future__ import annotations

import random
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Self
from urllib.parse import urlencode

from bank_app.errors import Invalid

HOT_ACCOUNTS = 2
# What a person may ask for; a run must not be able to starve the bank beside it.
BOUNDS: Mapping[str, tuple[int, int]] = {
    "accounts": (2, 1_000),
    "opening_minor": (0, 100_000_000),
    "largest_minor": (1, 100_000_000),
    "workers": (1, 64),
    "seconds": (1, 60),
    "hot_percent": (0, 100),
    "think_ms": (0, 1_000),
    "crash_percent": (0, 100),
    "twice_percent": (0, 100),
    "foreign_ms": (0, 900),
    "retries": (0, 20),
    "seed": (0, 2**31 - 1),
}
READ_UNCOMMITTED, READ_COMMITTED = "READ UNCOMMITTED", "READ COMMITTED"
REPEATABLE_READ, SERIALIZABLE = "REPEATABLE READ", "SERIALIZABLE"
ISOLATIONS = ("", READ_UNCOMMITTED, READ_COMMITTED, REPEATABLE_READ, SERIALIZABLE)


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that a run depends on, apart from luck. Amounts in minor units of US dollars.

    Attributes:
        hot_percent: Of the transfers, how many touch one of two popular accounts.
        think_ms: Pause of a transfer between reading balances and writing them, at most.
        crash_percent: Of the transfers, how many lose their connection between the two writes.
        twice_percent: Of the transfers, how many are submitted a second time at once, with the same key.
        foreign_ms: Of each second, how long a foreign session keeps the most popular account locked.
        isolation: Instead of the strategy's own level.
        snapshot: With MariaDB's `innodb_snapshot_isolation` or without it, whatever the server is set to.
        check: The database refuses balances below zero.
        retries: How often a transfer that lost against another is tried again.
        stop_at_break: End as soon as money is wrong.
    """

    strategy: str = "S1"
    accounts: int = 8
    opening_minor: int = 1_000_00
    largest_minor: int = 50_00
    workers: int = 16
    seconds: int = 10
    seed: int = 42
    hot_percent: int = 20
    think_ms: int = 1
    crash_percent: int = 0
    twice_percent: int = 0
    foreign_ms: int = 0
    isolation: str = ""
    snapshot: bool = False
    check: bool = False
    retries: int = 5
    stop_at_break: bool = False

    def __post_init__(self) -> None:
        """Refuses what is out of bounds.

        Raises:
            Invalid: with the name of the first setting that is wrong.
        """
        for name, (least, most) in BOUNDS.items():
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
                raise _wrong(name, f"{name} is a whole number from {least} to {most}.")
        if self.isolation not in ISOLATIONS:
            raise _wrong("isolation", f"The isolation level is one of {', '.join(ISOLATIONS[1:])}.")
        if not isinstance(self.strategy, str) or not self.strategy[:1] == "S" or not self.strategy[1:].isdigit():
            raise _wrong("strategy", "The strategy is one of S0 to S9.")

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> Self:
        """From a share link or a stored report; what is missing has its usual value, what is unknown is left out.

        Raises:
            Invalid: a value cannot be read, or is out of bounds.
        """
        given: dict[str, Any] = {}
        for field in fields(cls):
            if field.name in values:
                given[field.name] = _typed(field.name, values[field.name], getattr(cls(), field.name))
        return cls(**given)

    @property
    def expected_minor(self) -> int:
        """All the money there is, at any time."""
        return self.accounts * self.opening_minor

    def with_strategy(self, name: str) -> Config:
        """The same transfers in another way."""
        return replace(self, strategy=name)

    def query(self) -> str:
        """What differs from the usual, as the query of a share link."""
        usual = Config()
        return urlencode({name: value for name, value in asdict(self).items() if value != getattr(usual, name)})

    def command(self) -> str:
        """The command that repeats the run at a terminal."""
        usual = Config()
        words = [f"./bank simulate --strategy {self.strategy}"]
        for name, option in _OPTIONS.items():
            value = getattr(self, name)
            if name in ("accounts", "workers", "seconds", "seed", "hot_percent") or value != getattr(usual, name):
                words.append(f"--{option}" if value is True else f"--{option} {_quoted(value)}")
        return " ".join(words)


_OPTIONS = {
    "accounts": "accounts", "opening_minor": "opening-minor", "largest_minor": "largest-minor", "workers": "workers",
    "seconds": "seconds", "seed": "seed", "hot_percent": "hot", "think_ms": "think-ms", "crash_percent": "crash",
    "twice_percent": "twice", "foreign_ms": "foreign-ms", "isolation": "isolation", "snapshot": "snapshot",
    "check": "check", "retries": "retries", "stop_at_break": "stop-at-break",
}  # fmt: skip


def _quoted(value: object) -> str:
    text = str(value)
    return f"'{text}'" if " " in text else text


def _typed(name: str, value: Any, usual: Any) -> Any:
    if isinstance(usual, bool):
        return value if isinstance(value, bool) else str(value).lower() in ("1", "true", "on", "yes")
    if isinstance(usual, int):
        try:
            return int(value)
        except (TypeError, ValueError):
            raise _wrong(name, f"{name} is a whole number.") from None
    return str(value)


def _wrong(field: str, message: str) -> Invalid:
    return Invalid(message, errors=[{"field": field, "code": "invalid", "message": message}])


@dataclass(frozen=True, slots=True)
class Transfer:
    """One submission of one transfer. `tag` is unique to the submission, `key` to what the person wanted."""

    tag: int
    key: str
    payer: int
    payee: int
    amount_minor: int
    crash: bool = False


class Operations:
    """The transfers of a run in order, handed out to whichever worker asks next."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._lock = threading.Lock()
        self._number = 0
        self._again: Transfer | None = None

    def next(self) -> Transfer:
        """The next submission; one that is sent twice comes twice in a row, so that two workers meet."""
        with self._lock:
            if self._again is not None:
                found, self._again = self._again, None
                return found
            self._number += 1
            transfer, twice = operation(self._config, self._number)
            if twice:
                self._again = replace(transfer, tag=transfer.tag + 1, crash=False)
            return transfer


def operation(config: Config, number: int) -> tuple[Transfer, bool]:
    """Transfer `number` (from 1) of the seed, and whether it is submitted twice. Depends on nothing else."""
    rng = random.Random(f"{config.seed}/{number}")  # noqa: S311 - a load that can be repeated, not a secret
    payer, payee = rng.sample(range(1, config.accounts + 1), 2)
    if rng.random() * 100 < config.hot_percent:
        hot = rng.randint(1, min(HOT_ACCOUNTS, config.accounts))
        other = rng.choice([account for account in (payer, payee) if account != hot])
        payer, payee = (hot, other) if rng.random() < 0.5 else (other, hot)
    transfer = Transfer(
        tag=number * 2,
        key=f"{config.seed}-{number}",
        payer=payer,
        payee=payee,
        amount_minor=rng.randint(1, config.largest_minor),
        crash=rng.random() * 100 < config.crash_percent,
    )
    return transfer, rng.random() * 100 < config.twice_percent


def number_of(tag: int) -> int:
    """Which transfer of the seed a submission belongs to."""
    return tag // 2
