"""What a run's rows say, against what the transfers should have made of them. Pure: rows in, findings out.

Every write says what the balance was before and after, so what it should have been is known as well: before, less or
plus the amount of its transfer. The difference is money that this one write made or destroyed.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bank_app.domain import money
from bank_app.lab.simulation.books import Rows, Write
from bank_app.lab.simulation.scenario import Config, Transfer, number_of, operation
from bank_app.lab.simulation.strategies import OK

CURRENCY = "USD"
NAMES: Mapping[str, str] = {
    "I1": "Total is conserved",
    "I2": "No negative balance",
    "I3": "Every transfer is two entries that add up to zero",
    "I4": "Stored balance equals its entries",
    "I5": "Each key applied once",
    "I6": "Every “ok” has its ledger rows, and the reverse",
}


@dataclass(frozen=True, slots=True)
class Invariant:
    """One promise, and when it was broken first (seconds since the beginning), by which submission."""

    id: str
    said: str
    holds: bool = True
    at: float | None = None
    tag: int | None = None

    @property
    def name(self) -> str:
        """What is promised."""
        return NAMES[self.id]


@dataclass(frozen=True, slots=True)
class Wrong:
    """A write after which money was there that should not be, or the other way round.

    Attributes:
        kind: `lost_update` (wrote a number computed from an old one), `half` (the other side was never written),
            `overdrawn` (below zero, though nothing was lost) or `doubled` (a key that had been used before).
        minor: Money made (+) or destroyed (−); zero where only a rule was broken.
    """

    kind: str
    write: Write
    minor: int


@dataclass(frozen=True, slots=True)
class Findings:
    """The verdict on a run. `difference_minor` is what is there less what should be."""

    total_minor: int
    expected_minor: int
    invariants: tuple[Invariant, ...]
    wrongs: tuple[Wrong, ...]
    # How many accounts were below zero at some time.
    negative_accounts: int = 0

    @property
    def difference_minor(self) -> int:
        """Money from nowhere (+) or gone (−)."""
        return self.total_minor - self.expected_minor

    @property
    def explained_minor(self) -> int:
        """The same, added up from single writes: equal, or the recorder missed something."""
        return sum(wrong.minor for wrong in self.wrongs)

    @property
    def holds(self) -> bool:
        """Whether every promise was kept."""
        return all(invariant.holds for invariant in self.invariants)


def name_of(account: int) -> str:
    """How an account of the laboratory is called."""
    return f"L-{account:04d}"


def figure(minor: int) -> str:
    """An amount as people read it."""
    return money.display(minor, CURRENCY)


def transfer_of(config: Config, tag: int) -> Transfer:
    """What a submission wanted."""
    return operation(config, number_of(tag))[0]


def wrongs_of(config: Config, writes: Iterable[Write]) -> list[Wrong]:
    """The writes that made or destroyed money or went below zero, row by row. Halves are not known yet."""
    found = []
    for write in writes:
        transfer = transfer_of(config, write.tag)
        intended = -transfer.amount_minor if write.account == transfer.payer else transfer.amount_minor
        error = (write.after_minor - write.before_minor) - intended
        if error:
            found.append(Wrong("lost_update", write, error))
        elif write.after_minor < 0:
            found.append(Wrong("overdrawn", write, 0))
    return found


def examine(config: Config, rows: Rows, answers: Mapping[int, str]) -> Findings:
    """Decides on every invariant.

    Args:
        config: Of the run.
        rows: What it left.
        answers: What each submission's worker was told, by tag; `unknown` where its connection was cut.
    """
    wrongs = [*wrongs_of(config, rows.writes), *_halves(config, rows.writes), *_doubled(rows)]
    wrongs.sort(key=lambda wrong: wrong.write.at)
    total = sum(rows.balances.values())
    return Findings(
        total,
        config.expected_minor,
        (
            _conserved(config, total, wrongs),
            _not_negative(config, rows),
            _two_sided(config, rows),
            _stored(config, rows, wrongs),
            _keys(rows),
            _answered(rows, answers),
        ),
        tuple(wrongs),
        len({write.account for write in rows.writes if write.after_minor < 0}),
    )


def _halves(config: Config, writes: Iterable[Write]) -> list[Wrong]:
    """Transfers of which one side was written and the other never."""
    by_tag: dict[int, list[Write]] = defaultdict(list)
    for write in writes:
        by_tag[write.tag].append(write)
    found = []
    for tag, of_one in by_tag.items():
        if len(of_one) == 1:
            transfer = transfer_of(config, tag)
            only = of_one[0]
            intended = -transfer.amount_minor if only.account == transfer.payer else transfer.amount_minor
            found.append(Wrong("half", only, intended))
    return found


def _doubled(rows: Rows) -> list[Wrong]:
    """Keys that moved money more than once: nothing is made or destroyed, but somebody paid twice."""
    first: dict[str, int] = {}
    again = [entry.tag for entry in rows.entries if first.setdefault(entry.key, entry.tag) != entry.tag]
    writes = {write.tag: write for write in reversed(rows.writes)}
    return [Wrong("doubled", writes[tag], 0) for tag in dict.fromkeys(again) if tag in writes]


def _conserved(config: Config, total: int, wrongs: list[Wrong]) -> Invariant:
    difference = total - config.expected_minor
    first = next((wrong for wrong in wrongs if wrong.minor), None)
    if difference == 0 and first is None:
        return Invariant("I1", f"Holds, {figure(total)}")
    said = f"{figure(abs(difference))} {'appeared from nowhere' if difference > 0 else 'vanished'}"
    if difference == 0:
        said = "Money appeared and vanished; in the end it happened to be even"
    return _broken("I1", said, first)


def _broken(name: str, said: str, first: Wrong | None) -> Invariant:
    at, tag = (first.write.at, first.write.tag) if first else (None, None)
    return Invariant(name, said, holds=False, at=at, tag=tag)


def _not_negative(config: Config, rows: Rows) -> Invariant:
    for write in rows.writes:
        if write.after_minor < 0:
            said = f"{name_of(write.account)} went to {figure(write.after_minor)}"
            return Invariant("I2", said, holds=False, at=write.at, tag=write.tag)
    return Invariant("I2", f"Holds, {config.accounts} accounts")


def _two_sided(config: Config, rows: Rows) -> Invariant:
    sides: dict[int, list[int]] = defaultdict(list)
    for entry in rows.entries:
        sides[entry.tag].append(entry.amount_minor)
    written: dict[int, Write] = {write.tag: write for write in reversed(rows.writes)}
    odd = [tag for tag, amounts in sides.items() if len(amounts) != 2 or sum(amounts) != 0]
    odd += [tag for tag in written if tag not in sides]
    if not odd:
        return Invariant("I3", f"Holds, {len(sides):,} transfers")
    first = min(odd, key=lambda tag: written[tag].at if tag in written else 0.0)
    transfer = transfer_of(config, first)
    said = f"{len(odd)} without both entries, first {figure(transfer.amount_minor)} from {name_of(transfer.payer)}"
    return Invariant("I3", said, holds=False, at=written[first].at if first in written else None, tag=first)


def _stored(config: Config, rows: Rows, wrongs: list[Wrong]) -> Invariant:
    sums: Counter[int] = Counter()
    for entry in rows.entries:
        sums[entry.account] += entry.amount_minor
    for account, stored in rows.balances.items():
        told = config.opening_minor + sums[account]
        if stored != told:
            first = next((wrong for wrong in wrongs if wrong.write.account == account and wrong.minor), None)
            return _broken("I4", f"{name_of(account)} stores {figure(stored)}, entries say {figure(told)}", first)
    return Invariant("I4", f"Holds, {len(rows.entries):,} entries")


def _keys(rows: Rows) -> Invariant:
    again = _doubled(rows)
    if not again:
        return Invariant("I5", f"Holds, {len({entry.key for entry in rows.entries}):,} keys")
    return _broken("I5", f"{len(again)} keys moved money twice", again[0])


def _answered(rows: Rows, answers: Mapping[int, str]) -> Invariant:
    """By transfer, because of two submissions with one key the second may be the one that is carried out."""
    recorded = {number_of(entry.tag) for entry in rows.entries}
    told: dict[int, set[str]] = defaultdict(set)
    for tag, answer in answers.items():
        told[number_of(tag)].add(answer)
    missing = {number for number, said in told.items() if OK in said} - recorded
    unasked = {number for number in recorded if not told[number] & {OK, "unknown"}}
    if not missing and not unasked:
        return Invariant("I6", f"Holds, {len(told):,} transfers")
    at = {number_of(write.tag): write for write in reversed(rows.writes)}
    first = min(missing | unasked)
    said = f"{len(missing)} without rows, {len(unasked)} with rows and another answer"
    return Invariant("I6", said, holds=False, at=at[first].at if first in at else None, tag=first * 2)
