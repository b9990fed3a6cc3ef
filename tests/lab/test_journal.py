"""Figures of a journal, checked by hand."""

import math
from uuid import UUID

from bank_app.lab.journal import Entry, Journal, State, percentile, together

ADA = UUID(int=1)


def entry(began, answered, *, state=State.ACKNOWLEDGED, last_sent=None, **more):
    return Entry(
        f"k-{began}", ADA, 1, 2, 5, began, state=state, answered=answered,
        last_sent=began if last_sent is None else last_sent, times_sent=1, **more,
    )  # fmt: skip


def test_a_percentile_is_a_value_that_was_measured():
    assert [percentile([1, 2, 3, 4], at) for at in (0, 25, 50, 51, 99, 100)] == [1, 1, 2, 3, 4, 4]
    assert percentile([7], 50) == 7
    assert math.isnan(percentile([], 50))


def test_figures_count_every_state_once():
    journal = Journal(seconds=4.0)
    journal.entries = [
        entry(0.0, 0.5),
        entry(1.0, 3.0, last_sent=2.75, replayed=True),
        entry(0.5, 0.75, state=State.REFUSED, code="insufficient_funds"),
        entry(3.5, None, state=State.UNKNOWN),
    ]
    journal.busy["lock_timeout"] = 2
    figures = journal.figures()
    assert (figures.sent, figures.acknowledged, figures.replayed, figures.unknown) == (4, 2, 1, 1)
    assert figures.refused == {"insufficient_funds": 1}
    assert figures.busy == {"lock_timeout": 2}
    assert (figures.per_second, figures.p50, figures.p99, figures.slowest) == (0.5, 0.5, 2.0, 2.0)
    assert journal.latencies(last_only=True) == [0.25, 0.5]
    assert figures.longest_gap == 2.5


def test_what_was_acknowledged_can_be_asked_for_by_its_time():
    journal = Journal(seconds=3.0)
    journal.entries = [entry(0.0, 0.25), entry(0.0, 0.75), entry(1.0, 2.5)]
    assert [one.seconds for one in journal.acknowledged(start=0.5, end=1.0)] == [0.75]


def test_an_empty_journal_has_figures_too():
    figures = Journal(seconds=2.0).figures()
    assert (figures.sent, figures.per_second, figures.longest_gap) == (0, 0.0, 2.0)


def test_journals_of_several_loads_become_one_for_the_auditor():
    one, other = Journal(entries=[entry(0.0, 1.0)], lost_answers=1), Journal(entries=[entry(1.0, 2.0)], lost_answers=2)
    other.busy["overloaded"] = 3
    whole = together([one, other])
    assert (len(whole.entries), whole.lost_answers, whole.busy) == (2, 3, {"overloaded": 3})
