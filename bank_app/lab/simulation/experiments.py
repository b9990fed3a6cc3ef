"""Questions that a run answers, each with settings that show what there is to see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from bank_app.lab.simulation.scenario import Config


@dataclass(frozen=True, slots=True)
class Experiment:
    """One question.

    Attributes:
        key: How links name it.
        says: What happens, and what to predict.
        embedded: The strategy that shows the same without a server; empty if none does.
        compare: The strategies to try on the same transfers.
        look_at: What of a run answers the question.
    """

    key: str
    question: str
    says: str
    level: str
    config: Config
    look_at: str
    embedded: str = ""
    compare: tuple[str, ...] = ()

    def setup(self, *, server: bool) -> Config | None:
        """Its settings on this database; none if it needs a server."""
        if server:
            return self.config
        return self.config.with_strategy(self.embedded) if self.embedded else None


EXPERIMENTS: tuple[Experiment, ...] = (
    Experiment(
        "lost-update",
        "Can money appear from nothing?",
        "One hundred accounts hold $100,000.00. Twelve workers only move it around, so the total can never change. "
        "Or can it?",
        "Beginner",
        Config("S1", accounts=100, workers=12, hot_percent=40, seconds=15, stop_at_break=True),
        "The difference, and who overwrote whom.",
        embedded="S0",
        compare=("S1", "S4"),
    ),
    Experiment(
        "overdraft",
        "Can two withdrawals both win?",
        "Two people check the same balance, then both take it. Will the account go below zero?",
        "Beginner",
        Config("S2", opening_minor=60_00, workers=16, hot_percent=60, think_ms=3, seconds=15),
        "I2: no negative balance.",
        compare=("S2", "S5"),
    ),
    Experiment(
        "half-transfer",
        "What if the server dies half-way?",
        "We cut the connection between debit and credit. Where is the money?",
        "Beginner",
        Config("S0", accounts=200, workers=2, hot_percent=0, crash_percent=5, seconds=15),
        "I3: every transfer is two entries.",
        embedded="S0",
        compare=("S0", "S4"),
    ),
    Experiment(
        "lock-order",
        "Why do banks lock in order?",
        "Ada pays Ben while Ben pays Ada. Who waits for whom?",
        "Intermediate",
        Config("S3", accounts=4, workers=16, hot_percent=80, think_ms=2, seconds=15),
        "Deadlocks. Then the same with S4.",
        compare=("S3", "S4"),
    ),
    Experiment(
        "locks-or-retries",
        "Locks or retries?",
        "Everybody pays the same shop. Is it better to queue, or to try again?",
        "Intermediate",
        Config("S6", accounts=20, workers=16, hot_percent=90, seconds=60),
        "Throughput, and how much was done twice. Then the same with S4.",
        compare=("S4", "S6"),
    ),
    Experiment(
        "twice",
        "Does pressing Send twice pay twice?",
        "We press it twice on one payment in five. How many are posted twice?",
        "Beginner",
        Config("S2", accounts=100, opening_minor=10_000_00, workers=8, hot_percent=0, twice_percent=20, seconds=15),
        "I5: each key applied once.",
        embedded="S0",
        compare=("S2", "S5"),
    ),
    Experiment(
        "serializable",
        "What does SERIALIZABLE cost?",
        "The database promises to think of everything. What is the price?",
        "Advanced",
        Config("S7", accounts=20, workers=16, hot_percent=40, seconds=60),
        "Throughput, deadlocks and retries. Then the same with S4.",
        compare=("S4", "S7"),
    ),
    Experiment(
        "free",
        "Free run",
        "All controls, no question. Bring your own.",
        "Any",
        Config("S8", accounts=20, seconds=10),
        "Whatever you came for.",
        embedded="S8",
    ),
    Experiment(
        "stale-object",
        "Does FOR UPDATE help an object that was loaded before?",
        "The row is locked, and then the object that the program loaded a moment ago is used. Which balance does it "
        "have?",
        "Advanced",
        Config("S9", accounts=20, workers=12, hot_percent=60, seconds=15, stop_at_break=True),
        "The difference, although every row was locked.",
        compare=("S9", "S4"),
    ),
)  # fmt: skip
FREE = next(one for one in EXPERIMENTS if one.key == "free")
_BY_KEY = {one.key: one for one in EXPERIMENTS}


def named(key: str) -> Experiment | None:
    """The experiment that a link names."""
    return _BY_KEY.get(key)


def of(config: Config) -> Experiment:
    """The question that a run was about: strategy and seed may be others, or it is a free run."""
    for one in EXPERIMENTS:
        if replace(config, strategy=one.config.strategy, seed=one.config.seed) == one.config:
            return one
    return FREE


def setup_of(query: Mapping[str, Any], *, server: bool) -> Config:
    """The settings that a link asks for: an experiment by name (`preset`), single settings, or both.

    Raises:
        Invalid: a setting cannot be read, or is out of bounds.
    """
    experiment = _BY_KEY.get(str(query.get("preset", "")))
    found = experiment.setup(server=server) or experiment.config if experiment else Config()
    return Config.read({**asdict(found), **query})
