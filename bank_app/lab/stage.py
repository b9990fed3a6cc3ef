"""What a scenario of torture acts on: the bank under test, loads that it starts, and a notebook."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy import select

from bank_app.lab.bed import Bed
from bank_app.lab.journal import Entry, Journal, State
from bank_app.lab.serving import Serving
from bank_app.lab.workload import Cast, Load, Plan
from bank_app.models import IDEMPOTENCY_KEYS

# What a bank that is ill may answer, if it says when to come again. A 500 is never among it.
ALLOWED_WHILE_ILL = frozenset(
    {"lock_timeout", "database_unavailable", "outcome_unknown", "overloaded", "request_in_progress"}
)
# What a customer without money is told.
ALLOWED_REFUSALS = frozenset({"insufficient_funds"})
LONGEST_WAIT_SECONDS = 90
_TOO_MANY_BUGS = 20


class NeverHappened(Exception):
    """Something that a scenario waits for did not come; the message says what."""


@dataclass(slots=True)
class Stage:
    """One scenario under way.

    Attributes:
        bed: The bank under test and everything below it.
        cast: Accounts that only this scenario moves money between.
        rounds: How often to break what can be broken again and again.
        quick: As short as makes sense, for the test suite.
        notes: Figures worth knowing that are no verdict.
        broken: What must not have happened, in sentences; empty is the verdict that all is well.
        clients: How many clients a load has unless it says otherwise.
    """

    bed: Bed
    cast: Cast
    rounds: int
    quick: bool
    clients: int = 8
    notes: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    loads: list[Load] = field(default_factory=list)

    @property
    def bank(self) -> Serving:
        """The bank under test."""
        return self.bed.bank

    def load(self, *, clients: int | None = None, only: tuple[int, ...] | None = None) -> Load:
        """A load on the accounts of this scenario (or `only` some), with keys of its own; audited later."""
        plan = Plan(seed=f"{self.cast.teller.email}/{len(self.loads)}", only=only, deposits=0.0 if only else 0.1)
        # Whoever tests the bank has less patience than its customers.
        wait = 0.5 if self.quick else 5.0
        load = Load(self.bank.address, self.cast, plan, clients=clients or self.clients, longest_wait=wait)
        self.loads.append(load)
        return load

    @contextmanager
    def under_load(self, *, clients: int | None = None, only: tuple[int, ...] | None = None) -> Iterator[Load]:
        """A load that runs inside and has got every answer afterwards."""
        load = self.load(clients=clients, only=only)
        with load.in_background():
            yield load

    def more(self, load: Load, count: int = 40) -> None:
        """Returns when so many movements more were acknowledged."""
        wanted = acknowledged(load.journal) + count

        def enough() -> bool:
            if self.bank.pid is None:
                raise NeverHappened(f"the bank ended: {self.bank.last_words()}")
            if sum(entry.code == "internal_error" for entry in list(load.journal.entries)) > _TOO_MANY_BUGS:
                raise NeverHappened("the bank answers internal_error; its log says why")
            return acknowledged(load.journal) >= wanted

        self.until(enough, f"{count} movements more")

    def until(self, happened: Callable[[], object], what: str) -> None:
        """Returns when something has come about.

        Raises:
            NeverHappened: it did not, for a minute and a half.
        """
        deadline = time.monotonic() + LONGEST_WAIT_SECONDS
        while not happened():
            if time.monotonic() > deadline:
                raise NeverHappened(f"waited {LONGEST_WAIT_SECONDS} s for {what}")
            time.sleep(0.05)

    def everybody_is_told(self, load: Load, code: str) -> None:
        """Returns when as many answers with this code came as the load has clients."""
        wanted = load.journal.busy[code] + load.clients
        self.until(lambda: load.journal.busy[code] >= wanted, f"{load.clients} answers {code}")

    @contextmanager
    def same_workers(self) -> Iterator[None]:
        """What happens inside is no reason for a worker of the bank to end."""
        before = sorted(self.bank.workers())
        yield
        if sorted(self.bank.workers()) != before:
            self.broken.append("a worker of the bank ended")

    def posted_and_not_answered(self, load: Load) -> list[Entry]:
        """Movements that are in the books and whose client has heard nothing yet."""
        table = IDEMPOTENCY_KEYS
        query = select(table.c.actor_id, table.c.key).where(table.c.transaction_id.is_not(None))
        books = {tuple(row) for row in self.bed.db.read(lambda session: session.execute(query).all())}
        waiting = [entry for entry in list(load.journal.entries) if entry.state is State.UNKNOWN]
        return [entry for entry in waiting if (entry.actor_id, entry.key) in books]


def acknowledged(journal: Journal) -> int:
    """How many movements were acknowledged so far, also while a load runs."""
    return sum(entry.state is State.ACKNOWLEDGED for entry in list(journal.entries))
