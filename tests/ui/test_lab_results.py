"""What the laboratory's reports and comparisons say: nothing here knows a browser."""

from dataclasses import replace

import pytest

from bank_app.lab.office import Config
from bank_app.ui import lab_refusals, lab_replay, lab_results
from bank_app.ui.pages import lab_compare, lab_report


def report(
    strategy="S1", *, safe=False, difference=3700, rate=740.0, p95=36.0, holds=None, ticks=((0.5, 0), (1.0, 3700))
):
    """As much of a report as these pages read."""
    holds = not difference if holds is None else holds
    return {
        "strategy": {"id": strategy, "name": "Read, then overwrite", "safe": safe},
        "holds": holds, "difference_minor": difference, "expected_minor": 100_000, "seconds": 1.0,
        "a_second": rate, "p95_ms": p95, "counts": {"ok": 441, "retried": 3}, "negative_accounts": 0,
        "sentence": "…",
        "invariants": [{"id": "I1", "holds": holds, "at": None if holds else 0.42, "tag": None}],
        "ticks": [{"at": at, "total_minor": 100_000 + minor} for at, minor in ticks],
    }  # fmt: skip


def beat(lane, sql, *, said="", mark="", account="", holds="", at=0.0):
    return {"at": at, "lane": lane, "sql": sql, "said": said, "mark": mark, "account": account, "holds": holds}


def race(**changes):
    """T2 overwrites what T1 wrote."""
    sums = (
        ("Both read", 41200), ("T1 pays", -3700), ("T2 pays", -1500), ("Should be", 36000), ("Stored", 39700),
        ("Too much", 3700),
    )  # fmt: skip
    return {
        "kind": "lost_update", "minor": 3700, "at": 0.4132, "account": "L-0001",
        "sentence": "T2 wrote $397.00 from a balance it had read before T1’s change: $37.00 now exists twice.",
        "sums": [{"label": label, "minor": minor, "text": f"${minor / 100:.2f}"} for label, minor in sums],
        "transfers": [
            {"lane": 1, "number": 316, "from": "L-0001", "to": "L-0084", "amount": "$37.00"},
            {"lane": 2, "number": 317, "from": "L-0001", "to": "L-0032", "amount": "$15.00"},
        ],
        "beats": [
            beat(1, "SELECT balance … L-0001", said="read $412.00 on L-0001", account="L-0001"),
            beat(2, "SELECT balance … L-0001", said="read $412.00 on L-0001", account="L-0001", mark="stale"),
            beat(1, "UPDATE L-0001 SET balance = $375.00", account="L-0001", holds="$375.00"),
            beat(1, "COMMIT", said="durable"),
            beat(2, "UPDATE L-0001 SET balance = $397.00", account="L-0001", holds="$397.00", mark="wrong"),
            beat(2, "COMMIT", said="durable"),
        ],
        **changes,
    }  # fmt: skip


def test_a_broken_run_shows_its_difference_with_a_sign_and_when_it_began():
    only = lab_results.results([report()], 7)[0]
    assert (only.verdict, only.difference, only.detail, only.address) == (
        "Broken", "+$37.00", "First at 0.42 s", "/lab/runs/7?result=1",
    )  # fmt: skip


def test_an_unsafe_strategy_that_held_was_lucky():
    lucky = report(difference=0, ticks=((0.5, 0),))
    assert lab_results.results([lucky], 7)[0].verdict == "Luck"
    refused = {**lucky, "refused": 12}
    assert lab_results.results([refused], 7)[0].verdict == "Refused"
    safe = {**lucky, "strategy": {"id": "S4", "name": "", "safe": True}}
    assert lab_results.results([safe], 7)[0].verdict == "Holding"
    assert lab_results.results([lucky], 7)[0].detail == "441 transfers"


def test_the_table_is_ordered_by_any_column_and_keeps_the_way_to_each_result():
    runs = [report("S0", p95=19.0), report("S4", safe=True, difference=0, p95=44.0), report("S8", p95=21.0)]
    by_p95 = lab_results.results(runs, 7, sort="p95", falling=True)
    assert [(row.id, row.address[-1]) for row in by_p95] == [("S4", "2"), ("S8", "3"), ("S0", "1")]
    heads = {column.key: column.order for column in lab_results.columns([report()], "p95", falling=True)}
    assert (heads.pop("p95"), set(heads.values())) == ("descending", {"none"})
    assert lab_results.can_sort("p95")
    assert not lab_results.can_sort("password")


def test_all_drawings_share_one_axis():
    cards = lab_results.cards([report(), report("S4", safe=True, difference=0, ticks=((0.5, 0), (1.0, 0)))])
    assert [mark.label for mark in cards[0].trend.marks] == [mark.label for mark in cards[1].trend.marks]
    assert "$0" in [mark.label for mark in cards[0].trend.marks]
    assert (cards[1].off, cards[1].trend.fill) == ("never moved from $0.00", "")
    assert cards[0].trend.fill


def test_a_comparison_that_runs_shows_what_is_known():
    configs = [Config("S0", seconds=2), Config("S4", seconds=2)]
    right = configs[0].expected_minor
    ticks = [{"run": 0, "at": 0.3, "total_minor": right + 100, "wrong": "$1.00 appeared", "lowest_minor": 5}]
    first, second = lab_results.cards_so_far(configs, ticks, 0)
    assert (first.state, first.difference, second.state) == ("broken", "+$1.00", "waiting")


def test_the_replay_marks_the_stale_read_the_overwrite_and_what_the_row_held():
    found = lab_replay.replay(race())
    assert [step.holds for step in found.steps] == ["$412.00", "", "$375.00", "", "$397.00", ""]
    assert found.steps[1].note == "Stale from step 3 on"
    assert found.steps[4].note == "Overwrites T1’s $375.00"
    assert found.steps[4].holds_said == "T2 wrote, should be $360.00"
    assert (found.start, found.marks[4]) == (5, "wrong")
    assert [step.row_css for step in found.steps] == ["", "arm from", "arm", "arm", "arm to", ""]
    assert ([lane.name for lane in found.left], [lane.name for lane in found.right]) == (["T1"], ["T2"])
    assert (found.title, found.end) == ("Where the $37.00 came from", "$37.00 now exists twice.")


def test_the_arithmetic_reads_from_left_to_right():
    said = [(part.joint, part.text) for part in lab_replay.replay(race()).parts]
    assert said == [
        ("", "$412.00"), ("−", "$37.00"), ("−", "$15.00"), ("=", "$360.00"), ("but holds", "$397.00"),
        ("that is", "+$37.00"),
    ]  # fmt: skip


def test_a_read_that_misses_a_write_before_it_names_that_write():
    beats = race()["beats"]
    beats[1], beats[2] = beats[2], beats[1]
    assert lab_replay.replay(race(beats=beats)).steps[2].note == "Does not see what T1 wrote in step 2"


def test_what_the_row_held_is_shown_where_somebody_read_just_that():
    beats = race()["beats"]
    beats[0]["said"] = "read $500.00 on L-0001"
    assert [step.holds for step in lab_replay.replay(race(beats=beats)).steps[:3]] == ["", "$412.00", "$375.00"]


@pytest.mark.parametrize(
    ("kind", "minor", "title"),
    [
        ("half", -500, "Where the $5.00 went"),
        ("overdrawn", 0, "Why L-0001 went below zero"),
        ("doubled", 0, "Why it was paid twice"),
    ],
)
def test_every_kind_of_race_has_a_heading(kind, minor, title):
    assert lab_replay.replay(race(kind=kind, minor=minor)).title == title


def test_one_transfer_alone_has_one_side():
    alone = lab_replay.replay(race(kind="half", transfers=race()["transfers"][:1], beats=race()["beats"][:1]))
    assert (alone.css, len(alone.left), alone.right) == ("alone", 1, [])
    assert lab_replay.replay(None) == lab_replay.Replay()


class Desk:
    """A front desk without a laboratory behind it."""

    has_server = True


def test_a_share_link_gives_the_same_setup_again():
    config = Config("S1", accounts=20, seed=7, think_ms=3)
    address = lab_report.compare_address(config, ["S0", "S4"])
    query = dict(part.split("=") for part in address.partition("?")[2].split("&"))
    assert lab_compare.wanted(query, Desk()) == [config.with_strategy("S0"), config.with_strategy("S4")]


@pytest.mark.parametrize("said", ["S0", "S0,S1,S2,S3,S4", "nothing", ""])
def test_a_link_with_too_few_or_too_many_strategies_is_refused(said):
    with pytest.raises(lab_compare.Invalid):
        lab_compare.wanted({"with": said}, Desk())


@pytest.mark.parametrize(("path", "number"), [("/lab/runs/12/", "12"), ("/lab/runs/x", ""), ("/lab/runs/١٢", "")])
def test_only_plain_digits_name_a_run(path, number):
    assert lab_report.number_of(path) == number


# --- would the database have refused it? ------------------------------------------------------------


def ran(strategy, *, kind="lost_update", server=True, own=None, level="REPEATABLE READ", holds=False, **more):
    return {
        "race": None if holds else {"kind": kind}, "server": server, "server_snapshot": own, "isolation": level,
        "engine": "MariaDB 11.8.9" if own is not None else "MySQL 9.7" if server else "SQLite 3", "holds": holds,
        "counts": {}, "strategy": {"id": strategy}, **more,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("strategy", "report", "title"),
    [
        ("S1", {"own": True}, "Your server would have refused this"),
        ("S2", {"own": True, "kind": "overdrawn"}, "Your server would have refused this"),
        ("S9", {"own": True, "level": "READ COMMITTED"}, "Your server would not have refused this"),
        ("S0", {"own": True}, "Your server would not have refused this"),
        ("S1", {"own": True, "level": "READ COMMITTED"}, "Your server would not have refused this"),
        ("S1", {"own": False}, "Your server could have refused this"),
        ("S9", {"own": False, "level": "READ COMMITTED"}, "Your server could not have refused this"),
        ("S1", {}, "Your server would not have refused this"),
        ("S0", {"server": False, "level": ""}, "In one unit of work the embedded engine would have refused this"),
        ("S2", {"own": True, "kind": "doubled"}, ""),
        ("S0", {"own": True, "kind": "half"}, ""),
        ("S4", {"own": True, "holds": True}, ""),
    ],
)
def test_whether_the_database_would_have_refused_it(strategy, report, title):
    found = lab_refusals.refusal(Config(strategy), ran(strategy, **report))
    assert found.title == title
    assert bool(found.label) is bool(title)
    assert ("Your server" in title) is not ("embedded engine" in title) or not title


def test_what_the_server_refused_is_told_with_its_number():
    config = Config("S1", snapshot=True)
    told = lab_refusals.refusal(config, ran("S1", own=True, holds=True, refused=2241, counts={"changed": 2241}))
    assert told.title == "Your server refused this"
    assert "2,241 units of work with error 1020" in told.text
    broke = lab_refusals.refusal(Config("S9", snapshot=True), ran("S9", own=True, level="READ COMMITTED"))
    assert broke.title == "Your server did not refuse this"
    assert "READ COMMITTED" in broke.text


@pytest.mark.parametrize(
    ("report", "strategies", "changed"),
    [
        ({"own": True}, ["S1", "S2", "S9", "S4"], {"snapshot": True}),
        ({"own": False}, ["S1", "S2", "S9", "S4"], {"snapshot": True}),
        ({}, ["S1", "S2", "S9"], {"isolation": "SERIALIZABLE"}),
        ({"server": False}, ["S0", "S1", "S2"], {}),
    ],
)
def test_the_step_runs_the_same_transfers_where_they_are_refused(report, strategies, changed):
    config = Config("S1", accounts=20, seed=7, stop_at_break=True)
    found = lab_refusals.wanted(config, ran("S1", **report))
    assert found == [replace(config, strategy=name, stop_at_break=False, **changed) for name in strategies]


def test_error_1020_has_a_column_where_there_was_any():
    plain, refused = report(), {**report("S2"), "counts": {"ok": 9, "changed": 1234}}
    assert "Too old" not in [one.label for one in lab_results.columns([plain], "p95", falling=True)]
    assert "Too old" in [one.label for one in lab_results.columns([plain, refused], "p95", falling=True)]
    assert [one.refused for one in lab_results.results([plain, refused], 1)] == ["0", "1,234"]
