"""From measurements to medians, promises, tables and a picture, all worked out by hand here."""

import json
import math
import xml.etree.ElementTree as ET

import pytest
from rich.console import Console

from bank_app.lab import drawing, measure, pages, targets
from bank_app.lab.client import Address
from bank_app.lab.driver import Timings
from bank_app.lab.journal import Entry, Journal, State
from bank_app.lab.measure import Point, Results, Target, What
from bank_app.lab.wrk import Wrk
from bank_app.server import Refused

UNIFORM = What("ours", "uniform", 1, 64)


def point(what, per_second, p50=1.0, p99=2.0, **others):
    return Point(what, per_second, p50, p50, p99, others)


def everything(*, ours=1500.0, naive=100.0, raw=1200.0, hot=1400.0, batch=9000.0, deep=10.0, longest=10.0):
    """One measurement of everything that a promise rests on."""
    page = "{} page of {:,}".format
    return [
        point(UNIFORM, ours),
        point(What("naive", "uniform", 1, 64), naive),
        point(What("raw", "one connection", 0, 1), 600, p50=1.5),
        point(What("raw", "best of 1 to 16 connections", 0, 16), raw),
        point(What("ours", "uniform", 1, 1), 300, p50=3.0),
        point(What("ours", "hot", 1, 64), hot),
        point(What("ours", "batches of 1,000", 1, 1), batch),
        point(What("ours", page("first", 1000), 1, 1), 100, p99=10.0),
        point(What("ours", page("first", 1_000_000), 1, 1), 100, p99=longest),
        point(What("ours", page("deep", 1000), 1, 1), 100, p99=10.0),
        point(What("ours", page("deep", 1_000_000), 1, 1), 100, p99=deep),
    ]


@pytest.fixture
def results():
    machine = {"processor": "2 × A & B", "database": "10.11", "python": "3.11", "commit": "abc"}
    found = Results(machine, "./bank benchmark", 3, 2.0, points=everything())
    found.targets = [*targets.judge(found.points), Target("memory", 12.0, 20.0, at_least=False, unit=" MiB")]
    found.checks.append("all loads together: right")
    return found


def test_medians_are_taken_figure_by_figure_and_bad_answers_add_up():
    same = [point(UNIFORM, 10, p50=3, busy=1), point(UNIFORM, 30, p50=1), point(UNIFORM, 20, p50=2, busy=4)]
    other = point(What("raw", "one connection", 0, 1), 7)
    found = measure.medians([*same, other])
    assert (found[UNIFORM].per_second, found[UNIFORM].p50, found[UNIFORM].others) == (20, 2, {"busy": 5})
    assert found[other.what] == other


def test_a_point_of_a_drive_and_one_of_a_load_are_in_milliseconds():
    timings = Timings([0.001, 0.003, 0.002], seconds=2.0)
    timings.others["no answer"] = 1
    drove = measure.of_timings(UNIFORM, timings)
    assert (drove.per_second, drove.p50, drove.p99, drove.others) == (1.5, 2.0, 3.0, {"no answer": 1})
    entry = Entry("k", None, 1, 2, 5, 0.0, state=State.ACKNOWLEDGED, answered=0.004)
    refused = Entry("l", None, 1, 2, 5, 0.0, state=State.REFUSED, answered=0.1, code="insufficient_funds")
    loaded = measure.of_journal(UNIFORM, Journal([entry, refused], seconds=1.0, lost_answers=2), client_cpu=50.0)
    assert (loaded.per_second, loaded.p50, loaded.client_cpu) == (1.0, 4.0, 50.0)
    assert loaded.others == {"insufficient_funds": 1, "lost answers": 2}


def test_the_promises_are_ratios_of_one_run():
    found = {target.name: target for target in targets.judge(everything())}
    assert {name: round(target.measured, 3) for name, target in found.items()} == {
        "64 clients / the naive way": 15.0,
        "64 clients / the raw limit": 1.25,
        "p50, one client / a raw unit of work": 2.0,
        "into one account / uniform, 1 worker": 0.933,
        "transfers in batches": 9000.0,
        "p99, deep page / first page of 1,000,000": 1.0,
        "p99, first page of 1,000,000 / of 1,000": 1.0,
        "p99, deep page of 1,000,000 / of 1,000": 1.0,
    }
    assert all(target.met for target in found.values())


@pytest.mark.parametrize(
    ("changed", "missed"),
    [
        ({"ours": 990.0, "raw": 900.0, "hot": 900.0}, {"64 clients / the naive way"}),
        ({"raw": 1501.0}, {"64 clients / the raw limit"}),
        ({"hot": 1190.0}, {"into one account / uniform, 1 worker"}),
        ({"batch": 7999.0}, {"transfers in batches"}),
        ({"longest": 13.1}, {"p99, first page of 1,000,000 / of 1,000"}),
        (
            {"deep": 13.1},
            {
                "p99, deep page / first page of 1,000,000",
                "p99, deep page of 1,000,000 / of 1,000",
            },
        ),
    ],
)
def test_a_promise_that_was_not_kept_is_said(changed, missed):
    assert {target.name for target in targets.judge(everything(**changed)) if not target.met} == missed


def test_the_generator_that_takes_less_is_the_one_that_counts_and_its_rival_has_the_better_of_both():
    by_wrk = [
        point(What("ours", "uniform, by wrk", 2, 64), 2000.0),
        point(What("ours", "uniform, by wrk", 1, 1), 400.0, p50=2.4),
        point(What("naive", "uniform, by wrk", 1, 64), 125.0),
        point(What("naive+", "uniform, by wrk", 1, 64), 200.0),
    ]
    found = {target.name: target.measured for target in targets.judge([*everything(), *by_wrk])}
    assert found["64 clients / the naive way"] == 16.0
    assert found["64 clients / the raw limit"] == pytest.approx(2000 / 1200)
    assert found["p50, one client / a raw unit of work"] == pytest.approx(1.6)
    slower = [*everything(naive=160.0), *by_wrk]
    assert {target.measured for target in targets.judge(slower) if target.name.endswith("naive way")} == {12.5}
    assert targets.remarks([*everything(), *by_wrk]) == [
        "64 clients, uniform: 15.00× naive, 1.25× raw",
        "64 clients, uniform, by wrk: 16.00× naive, 10.00× naive+, 1.67× raw",
    ]


def test_what_the_other_generator_reports_is_read(tmp_path):
    figures = '"answered": 110, "refused": 10, "lost": 2, "duration": 2000000, "p50": 1500, "p95": 2500, "p99": 9000'
    said = f"Running 1s test\n{{{figures}}}\n"
    program = tmp_path / "wrk"
    program.write_text(f"#!/bin/sh\ncat <<'END'\n{said}END\n", encoding="utf-8")
    program.chmod(0o755)
    answers = Wrk(str(program), tmp_path).anything(Address("127.0.0.1", 80), clients=64, seconds=1)
    found = measure.of_wrk(What("ours", "uniform, by wrk", 1, 64), answers, server_cpu=7.0)
    assert (found.per_second, found.p50, found.p95, found.p99, found.server_cpu) == (50.0, 1.5, 2.5, 9.0, 7.0)
    assert found.others == {"refused": 10, "lost": 2}
    assert found.client_cpu > 0


def test_what_was_not_measured_is_not_judged():
    assert targets.judge([]) == []
    assert targets.judge([point(UNIFORM, 100.0)]) == []


def test_the_terminal_shows_every_point_and_every_promise(results):
    console = Console(width=80, record=True, file=None, quiet=False, force_terminal=False)
    targets.print_results(results, console)
    said = console.export_text()
    assert "ours: uniform" in said
    assert "1,500" in said
    assert "not met" not in said
    assert "all loads together: right" in said
    assert max(map(len, said.splitlines())) <= 80


def test_the_document_is_json_and_says_what_was_met(results):
    document = json.loads(json.dumps(results.as_json(), allow_nan=False))
    assert document["medians"][0]["system"] == "ours"
    assert {target["met"] for target in document["targets"]} == {True}
    assert len(document["measurements"]) == len(results.points)


def test_a_page_keeps_its_words_and_gets_new_figures(results, tmp_path):
    page = tmp_path / "benchmarks.md"
    page.write_text(f"before\n{pages.BEGIN}\nold\n{pages.END}\nafter\n", encoding="utf-8")
    pages.update(page, results.as_json())
    once = page.read_text(encoding="utf-8")
    pages.update(page, results.as_json())
    assert page.read_text(encoding="utf-8") == once
    assert once.startswith("before\n")
    assert once.endswith("after\n")
    assert "old" not in once
    assert "](images/benchmarks.svg)" in once
    assert (tmp_path / "images" / "benchmarks.svg").read_text(encoding="utf-8").startswith("<svg")
    assert "| 64 clients / the naive way | 15.0× | ≥ 10.0× | met |" in once
    assert "| ours: uniform | 1 | 64 | 1,500 | 1.00 | 1.00 | 2.00 |" in once


def test_a_page_without_marks_is_left_alone(results, tmp_path):
    page = tmp_path / "page.md"
    page.write_text("words\n", encoding="utf-8")
    with pytest.raises(Refused, match="lacks the line"):
        pages.update(page, results.as_json())
    assert page.read_text(encoding="utf-8") == "words\n"


def test_the_picture_is_well_formed_and_its_bars_are_in_proportion(results):
    picture = ET.fromstring(drawing.draw(results.as_json()))
    name = "{http://www.w3.org/2000/svg}"
    texts = [element.text for element in picture.iter(f"{name}text")]
    assert "Transfers per second, 64 clients" in texts
    assert any("A & B" in text for text in texts)
    widths = {}
    rows = list(picture.iter(f"{name}rect"))[1:]
    labels = [text for text in texts if text.startswith(("ours: ", "naive: ", "raw: "))]
    for label, row in zip(labels, rows, strict=False):
        widths.setdefault(label, float(row.get("width")))
    assert math.isclose(widths["naive: uniform, 1 worker"] * 15, widths["ours: uniform, 1 worker"], rel_tol=0.05)


def test_nothing_measured_draws_an_empty_picture(results):
    results.points = []
    assert ET.fromstring(drawing.draw(results.as_json())).tag.endswith("svg")


def test_what_stood_still_has_no_times_and_breaks_no_table(results, tmp_path):
    stuck = What("naive", "uniform", 2, 64)
    results.points = [measure.of_timings(stuck, Timings(seconds=3.0)) for _ in range(3)]
    document = json.loads(json.dumps(results.as_json(), allow_nan=False))
    assert (document["medians"][0]["per_second"], document["medians"][0]["p50"]) == (0.0, None)
    assert "| naive: uniform | 2 | 64 | 0.00 | – | – | – |" in pages.tables(document)
    ET.fromstring(drawing.draw(document))
    console = Console(width=80, record=True)
    targets.print_results(results, console)
    assert "–" in console.export_text()
    some = [point(stuck, 5.0, p50=7.0), *results.points]
    assert measure.medians(some)[stuck].p50 == 7.0
