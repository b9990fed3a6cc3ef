"""Two transfers that meet exactly where a test wants them to, on the laboratory's own tables."""

import threading
import time
from contextlib import closing
from dataclasses import dataclass

from bank_app import clock
from bank_app.lab.simulation import audit, races
from bank_app.lab.simulation.books import LabBooks
from bank_app.lab.simulation.catalogue import STRATEGIES, level_of
from bank_app.lab.simulation.scenario import Config, operation
from bank_app.lab.simulation.unit import Conflict, Crash, StatementFailed, Unit

PATIENCE_SECONDS = 10


@dataclass
class Made:
    """What two transfers left behind, and what is found in it."""

    config: Config
    rows: object
    findings: audit.Findings
    race: races.Race | None
    answers: list


def pair(accept, seed_from=1, **settings):
    """A configuration whose transfers 1 and 2 are as `accept(first, second)` wants them: seeds are tried in order."""
    for seed in range(seed_from, seed_from + 20_000):
        config = Config(seed=seed, hot_percent=0, **settings)
        first, second = operation(config, 1)[0], operation(config, 2)[0]
        if accept(first, second):
            return config
    raise AssertionError("no seed makes such a pair")


def meet(place, config, strategy, *, script, tags=(2, 4), crash=()):
    """Runs the transfers with these tags, one per thread.

    `script(name, turn)` is called where each of them thinks, between reading and writing: `turn` has an event per
    thread, so the script decides who goes on when.
    """
    books = LabBooks(place)
    books.prepare(config)
    began, began_there = time.monotonic(), clock.now()
    with closing(place.connect()) as connection:
        began_there = books.now(connection)
    done = [threading.Event(), threading.Event()]
    thinking = [threading.Event(), threading.Event()]
    answers, units, threads = [None, None], [], []

    def carry_out(index, unit, transfer):
        unit.take_up(transfer, 1)
        try:
            answers[index] = STRATEGIES[strategy].carry_out(unit)
        except Crash:
            answers[index] = "unknown"
        except Conflict:
            unit.give_up()
            answers[index] = "conflict"
        except StatementFailed as failure:
            unit.give_up()
            answers[index] = failure.trouble.value
        finally:
            done[index].set()
            unit.close()

    for index, tag in enumerate(tags):
        transfer = audit.transfer_of(config, tag)
        transfer = type(transfer)(
            tag, transfer.key, transfer.payer, transfer.payee, transfer.amount_minor, tag in crash
        )

        def think(index=index):
            thinking[index].set()
            script(index, thinking, done)

        isolation = level_of(config.with_strategy(strategy), server=place.server)
        unit = Unit(place, worker=index, isolation=isolation, think=think, began=began, snapshot=config.snapshot)
        units.append(unit)
        threads.append(threading.Thread(target=carry_out, args=(index, unit, transfer)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
        assert not thread.is_alive()
    rows = books.rows(began_there)
    findings = audit.examine(config, rows, dict(zip(tags, answers, strict=True)))
    steps = [step for unit in units for step in unit.steps]
    return Made(config, rows, findings, races.explain(config, findings, rows.writes, steps), answers)


def second_waits_for_first(index, thinking, done):
    """Both read; then the first is carried out whole before the second writes."""
    if index == 0:
        assert thinking[1].wait(PATIENCE_SECONDS)
    else:
        assert done[0].wait(PATIENCE_SECONDS)


def broken(findings):
    return [invariant.id for invariant in findings.invariants if not invariant.holds]
