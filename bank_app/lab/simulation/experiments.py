"""Questions that a run answers, each with settings that show what there is to see."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from bank_app.lab.simulation.scenario import Config

Report = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Prediction:
    """What somebody may expect before a run, and which of it came.

    Attributes:
        asks: The beginning of a sentence that each answer ends.
        answers: In words, by what a link calls them.
        came: Which of them a report is.
    """

    asks: str
    answers: Mapping[str, str]
    came: Callable[[Report], str]

    def read(self, value: object) -> str:
        """What somebody said; nothing if it is no answer to this question."""
        return value if isinstance(value, str) and value in self.answers else ""


def _kept(report: Report, promise: str) -> bool:
    return next(bool(one["holds"]) for one in report["invariants"] if one["id"] == promise)


def _repeated(report: Report) -> float:
    """Of all attempts, how many were made again."""
    counts = report["counts"]
    attempts = sum(counts.get(name, 0) for name in ("ok", "declined", "replayed", "unknown", "gave up", "retried"))
    return counts.get("retried", 0) / attempts if attempts else 0.0


def _moved(report: Report) -> str:
    minor = int(report["difference_minor"])
    return "grow" if minor > 0 else "shrink" if minor < 0 else "stay"


def _where(report: Report) -> str:
    race = report["race"]
    if race is None or race["kind"] != "half":
        return "payer"
    return "nowhere" if race["minor"] < 0 else "both"


def _met(report: Report) -> str:
    if report["counts"].get("deadlocks"):
        return "circle"
    return "queue" if report["lock_waits"] else "not"


def _share(report: Report) -> str:
    share = _repeated(report)
    return "few" if share < _FEW else "some" if share <= _MOST else "most"


def _price(report: Report) -> str:
    return "money" if not report["holds"] else "work" if _repeated(report) >= _FEW else "little"


# Of all attempts: fewer than one in ten is hardly any, more than one in two is most.
_FEW, _MOST = 0.1, 0.5
_MONEY = Prediction("The money will", {"grow": "grow", "shrink": "shrink", "stay": "stay"}, _moved)


@dataclass(frozen=True, slots=True)
class Experiment:
    """One question.

    Attributes:
        key: How links name it.
        says: What happens.
        embedded: The strategy that shows the same without a server; empty if none does.
        compare: The strategies to try on the same transfers.
        about: The kind of violation that it asks about, which is explained first where there are several.
        prediction: What to expect of it.
        only: The strategies of which it can be asked, where that is not all of them.
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
    about: str = ""
    prediction: Prediction = field(default=_MONEY, compare=False)
    only: tuple[str, ...] = ()

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
        about="lost_update",
    ),
    Experiment(
        "overdraft",
        "Can two withdrawals both win?",
        "Two people check the same balance, then both take it. Will the account go below zero?",
        "Beginner",
        Config("S2", opening_minor=60_00, workers=16, hot_percent=60, think_ms=3, seconds=15),
        "I2: no negative balance.",
        embedded="S2",
        compare=("S2", "S5"),
        about="overdrawn",
        prediction=Prediction(
            "The lowest account will",
            {"below": "go below zero", "above": "stay at zero or above"},
            lambda report: "above" if _kept(report, "I2") else "below",
        ),
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
        about="half",
        prediction=Prediction(
            "The money of a transfer that was cut off will be",
            {"nowhere": "on neither account", "payer": "back with the payer", "both": "on both accounts"},
            _where,
        ),
    ),
    Experiment(
        "lock-order",
        "Why do banks lock in order?",
        "Ada pays Ben while Ben pays Ada. Who waits for whom?",
        "Intermediate",
        Config("S3", accounts=4, workers=16, hot_percent=80, think_ms=2, seconds=15),
        "Deadlocks. Then the same with S4.",
        compare=("S3", "S4"),
        prediction=Prediction(
            "Ada and Ben will",
            {"circle": "wait for each other in a circle", "queue": "wait in turn", "not": "not wait at all"},
            _met,
        ),
    ),
    Experiment(
        "locks-or-retries",
        "Locks or retries?",
        "Everybody pays the same shop. Nobody queues: who finds that another was quicker tries again. How often?",
        "Intermediate",
        Config("S6", accounts=20, workers=16, hot_percent=90, seconds=60),
        "Throughput, and how much was done twice. Then the same with S4.",
        compare=("S4", "S6"),
        prediction=Prediction(
            "Of all attempts, made again will be",
            {"few": "hardly any", "some": "up to half", "most": "more than half"},
            _share,
        ),
    ),
    Experiment(
        "twice",
        "Does pressing Send twice pay twice?",
        "We press it twice on one payment in five. Is such a payment posted twice?",
        "Beginner",
        Config("S2", accounts=100, opening_minor=10_000_00, workers=8, hot_percent=0, twice_percent=20, seconds=15),
        "I5: each key applied once.",
        embedded="S2",
        compare=("S2", "S5"),
        about="doubled",
        prediction=Prediction(
            "Who presses twice will pay",
            {"once": "once", "twice": "twice"},
            lambda report: "once" if _kept(report, "I5") else "twice",
        ),
    ),
    Experiment(
        "serializable",
        "What does SERIALIZABLE cost?",
        "The database promises to think of everything. What is the price?",
        "Advanced",
        Config("S7", accounts=20, workers=16, hot_percent=40, seconds=60),
        "Throughput, deadlocks and retries. Then the same with S4.",
        compare=("S4", "S7"),
        prediction=Prediction(
            "The price will be",
            {"little": "hardly anything", "work": "work that is done again", "money": "some of the money"},
            _price,
        ),
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
        about="lost_update",
        prediction=Prediction(
            "The object will have",
            {"old": "the balance from before the lock", "new": "the balance of the locked row"},
            lambda report: "new" if _kept(report, "I1") else "old",
        ),
        only=("S9", "S4", "S5", "S8"),
    ),
)  # fmt: skip
FREE = next(one for one in EXPERIMENTS if one.key == "free")
# What may be another and leaves the question as it was.
_FREELY = ("strategy", "seed", "seconds", "isolation", "snapshot", "check", "retries", "stop_at_break")
_BY_KEY = {one.key: one for one in EXPERIMENTS}


def named(key: str) -> Experiment | None:
    """The experiment that a link names."""
    return _BY_KEY.get(key)


def of(config: Config) -> Experiment:
    """The question that a run was about, however it was answered and for how long; or it is a free run."""
    for one in EXPERIMENTS:
        if one.only and config.strategy not in one.only:
            continue
        if replace(config, **{name: getattr(one.config, name) for name in _FREELY}) == one.config:
            return one
    return FREE


def setup_of(query: Mapping[str, Any], *, server: bool) -> Config:
    """The settings that a link asks for: an experiment by name (`preset`), single settings, or both.

    Raises:
        Invalid: a setting cannot be read, or is out of bounds.
    """
    experiment = _BY_KEY.get(str(query.get("preset", "")))
    # Without a question it begins with the first one's way, or with what shows the same here.
    usual = Config(EXPERIMENTS[0].config.strategy if server else EXPERIMENTS[0].embedded)
    found = experiment.setup(server=server) or experiment.config if experiment else usual
    return Config.read({**asdict(found), **query})
