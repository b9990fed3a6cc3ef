"""All ways to move money that the laboratory knows, and what is expected of each."""

from __future__ import annotations

from bank_app.lab.simulation import bank_path, stale
from bank_app.lab.simulation.scenario import (
    ISOLATIONS,
    READ_COMMITTED,
    READ_UNCOMMITTED,
    REPEATABLE_READ,
    SERIALIZABLE,
    Config,
)
from bank_app.lab.simulation.strategies import (
    ADD,
    BEGIN,
    COMMIT,
    ENTRIES,
    KEY,
    LOCK_BOTH,
    OVERWRITE,
    OVERWRITE_IF_SAME,
    READ,
    READ_FOR_UPDATE,
    READ_VERSION,
    SUBTRACT,
    SUBTRACT_IF_ENOUGH,
    Strategy,
    check_then_subtract,
    lock_as_they_come,
    lock_in_order,
    overwrite_if_same,
    read_then_overwrite,
    read_then_overwrite_in_one_unit,
    serializable,
    subtract_if_enough,
)

_RR, _RC = REPEATABLE_READ, READ_COMMITTED
_REFUSES = (
    "Reads a snapshot; who writes after somebody else’s COMMIT is refused (SQLITE_BUSY_SNAPSHOT) and begins again."
)
_REWRITE = (OVERWRITE, OVERWRITE, ENTRIES, COMMIT)

STRATEGIES: dict[str, Strategy] = {
    strategy.id: strategy
    for strategy in (
        Strategy(
            "S0",
            "Read, then overwrite, no unit of work",
            safe=False,
            isolation=_RR,
            sql=(READ, READ, OVERWRITE, OVERWRITE, ENTRIES),
            marked=(OVERWRITE,),
            summary="Every statement commits by itself and writes a number computed from an old read.",
            expected="Money appears and vanishes; a crash leaves half a transfer; a key is used twice.",
            carry_out=read_then_overwrite,
            keeps_keys=False,
            embedded="Each statement takes the file’s one write lock by itself; others write between two of them.",
        ),
        Strategy(
            "S1",
            "Read, then overwrite",
            safe=False,
            isolation=_RR,
            sql=(BEGIN, READ, READ, *_REWRITE),
            marked=(OVERWRITE,),
            summary="One unit of work, but the number written was computed from an old read.",
            expected="Whole transfers, and lost updates: money appears and vanishes.",
            carry_out=read_then_overwrite_in_one_unit,
            keeps_keys=False,
            embedded=_REFUSES,
        ),
        Strategy(
            "S2",
            "Check, then subtract",
            safe=False,
            isolation=_RR,
            sql=(BEGIN, READ, SUBTRACT, ADD, ENTRIES, COMMIT),
            marked=(READ,),
            summary="The database subtracts, but the balance was checked before that without a lock.",
            expected="No cent is lost, but accounts go below zero.",
            carry_out=check_then_subtract,
            keeps_keys=False,
            embedded=_REFUSES,
        ),
        Strategy(
            "S3",
            "Lock as they come",
            safe=True,
            isolation=_RC,
            sql=(BEGIN, KEY, READ_FOR_UPDATE, READ_FOR_UPDATE, *_REWRITE),
            marked=(READ_FOR_UPDATE,),
            summary="Payer first, then payee, both under locks.",
            expected="Every cent is there; deadlocks cost time.",
            carry_out=lock_as_they_come,
        ),
        Strategy(
            "S4",
            "Lock in id order",
            safe=True,
            isolation=_RC,
            sql=(BEGIN, KEY, LOCK_BOTH, *_REWRITE),
            marked=(LOCK_BOTH,),
            summary="Both rows at once, always in the same order, and only then is anything read.",
            expected="Every cent is there, and nobody waits in a circle.",
            carry_out=lock_in_order,
        ),
        Strategy(
            "S5",
            "Change, don’t overwrite",
            safe=True,
            isolation=_RC,
            sql=(BEGIN, KEY, SUBTRACT_IF_ENOUGH, ADD, ENTRIES, COMMIT),
            marked=(SUBTRACT_IF_ENOUGH,),
            summary="The database checks and subtracts in one statement. Nobody writes an old number.",
            expected="Every cent is there, with the shortest locks.",
            carry_out=subtract_if_enough,
            embedded="The INSERT of the key takes the file’s one write lock, and others wait for the COMMIT.",
        ),
        Strategy(
            "S6",
            "Overwrite if nobody else did",
            safe=True,
            isolation=_RC,
            sql=(BEGIN, KEY, READ_VERSION, READ_VERSION, OVERWRITE_IF_SAME, OVERWRITE_IF_SAME, ENTRIES, COMMIT),
            marked=(OVERWRITE_IF_SAME,),
            summary="Reads without locks; a version says whether the read is still true.",
            expected="Every cent is there; the more popular the account, the more is done twice.",
            carry_out=overwrite_if_same,
            # A version that was read before its commit may be taken back and given out again.
            safe_at=tuple(level for level in ISOLATIONS if level != READ_UNCOMMITTED),
        ),
        Strategy(
            "S7",
            "SERIALIZABLE",
            safe=True,
            isolation=SERIALIZABLE,
            safe_at=(SERIALIZABLE,),
            sql=(BEGIN, KEY, READ, READ, *_REWRITE),
            marked=(READ,),
            summary="As S1; the database keeps everybody from what was read.",
            expected="Every cent is there; many deadlocks, many retries.",
            carry_out=serializable,
        ),
        bank_path.STRATEGY,
        stale.STRATEGY,
    )
}


def why_not(config: Config, *, server: bool) -> str:
    """Why this cannot run here, in a sentence; empty if it can."""
    strategy = STRATEGIES.get(config.strategy)
    if strategy is None:
        return f"There is no strategy {config.strategy}."
    asks = () if server else (not strategy.embedded, config.isolation, config.snapshot, config.foreign_ms)
    reasons = (
        f"{strategy.id} needs MySQL or MariaDB: ./bank run --mysql, at a terminal ./bank simulate --mysql.",
        "The embedded engine has no isolation levels: leave the level to the strategy, or use --mysql.",
        "innodb_snapshot_isolation is a setting of MariaDB; the embedded engine always refuses what is old.",
        "The embedded engine locks no rows, so nobody can lock one from outside: set the foreign lock to 0.",
    )
    return next((reason for asked, reason in zip(asks, reasons, strict=False) if asked), "")


def level_of(config: Config, *, server: bool) -> str:
    """The isolation level at which a run works; empty on the embedded engine, which has none."""
    strategy = STRATEGIES[config.strategy]
    if not server:
        return ""
    # The bank's own path chooses its level itself.
    return strategy.isolation if strategy.carry_out is None else config.isolation or strategy.isolation


def is_safe(config: Config, *, server: bool = True) -> bool:
    """Whether a strategy keeps every promise at the level at which it runs."""
    strategy = STRATEGIES[config.strategy]
    return strategy.safe and level_of(config, server=server) in strategy.safe_at
