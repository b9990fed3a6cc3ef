"""The setup of a run as a form, and a run in words and drawings."""

from dataclasses import replace

import pytest

from bank_app.lab.office import EXPERIMENTS, NAMES, STRATEGIES, Config
from bank_app.ui import lab_charts, lab_setup, lab_words

CONFIG = Config("S1", accounts=4, opening_minor=1_000_00, seconds=10)


def form(config=CONFIG, **changed):
    setup = lab_setup.setup_of(config)
    return {**{name: getattr(setup, name) for name in Config.__slots__}, **changed}


def tick(at, total, *, wrong="", lowest=0, waits=0, **counts):
    return {
        "at": at, "total_minor": total, "lowest_minor": lowest, "counts": {"ok": 10, **counts}, "a_second": 40.0,
        "p50_ms": 5.0, "p95_ms": 20.0, "p99_ms": 30.0, "lock_waits": waits, "wrong": wrong, "bank_p95_ms": 12.0,
        "recent": [{"at": at, "tag": 8, "from": "L-0001", "to": "L-0002", "amount_minor": 5_00, "answer": "ok"}],
    }  # fmt: skip


# --- the form ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("config", [one.config for one in EXPERIMENTS], ids=lambda config: config.strategy)
def test_what_stands_in_the_form_is_what_runs(config):
    assert lab_setup.read(form(config)) == (config, [])


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"workers": "65"}, "workers"),
        ({"accounts": "many"}, "accounts"),
        ({"seconds": ""}, "seconds"),
        ({"seed": "-1"}, "seed"),
        ({"opening_minor": "1.005"}, "opening_minor"),
        ({"largest_minor": "0"}, "largest_minor"),
        ({"strategy": "S1; DROP"}, "strategy"),
        ({"isolation": "NONE"}, "isolation"),
        ({"workers": ["1"]}, "workers"),
    ],
)
def test_what_cannot_run_is_said_at_its_field(changed, field):
    config, problems = lab_setup.read(form(**changed))
    assert config is None
    assert [problem.field for problem in problems] == [field]


@pytest.mark.parametrize("sent", [None, "", 7, [], {}])
def test_a_form_that_is_none_is_refused(sent):
    config, problems = lab_setup.read(sent)
    assert config is None
    assert problems


@pytest.mark.parametrize("one", EXPERIMENTS, ids=lambda one: one.key)
def test_a_prediction_answers_its_question(one):
    prediction = one.prediction
    assert [prediction.read(value) for value in ("explode", None, ["grow"], "")] == ["", "", "", ""]
    assert [prediction.read(key) for key in prediction.answers] == list(prediction.answers)
    first, *_, last = prediction.answers
    assert lab_setup.judged(one, first, first).endswith("You were right.")
    assert lab_setup.judged(one, first, last).endswith(f"It came otherwise: {prediction.answers[last]}.")
    assert lab_setup.judged(one, "", last) == ""


RAN = {
    "difference_minor": 0, "holds": True, "race": None, "lock_waits": 0, "counts": {"ok": 90},
    "invariants": [{"id": key, "holds": True} for key in NAMES],
}  # fmt: skip


def ran(*broken, **changed):
    return {**RAN, "invariants": [{"id": key, "holds": key not in broken} for key in NAMES], **changed}


@pytest.mark.parametrize(
    ("key", "report", "came"),
    [
        ("lost-update", ran(difference_minor=5), "grow"),
        ("lost-update", ran(difference_minor=-5), "shrink"),
        ("lost-update", ran(), "stay"),
        ("overdraft", ran("I2"), "below"),
        ("overdraft", ran(), "above"),
        ("half-transfer", ran("I1", race={"kind": "half", "minor": -5}), "nowhere"),
        ("half-transfer", ran("I1", race={"kind": "half", "minor": 5}), "both"),
        ("half-transfer", ran(), "payer"),
        ("lock-order", ran(counts={"deadlocks": 1}), "circle"),
        ("lock-order", ran(lock_waits=3), "queue"),
        ("lock-order", ran(), "not"),
        ("locks-or-retries", ran(counts={"ok": 90, "retried": 5}), "few"),
        ("locks-or-retries", ran(counts={"ok": 60, "retried": 40}), "some"),
        ("locks-or-retries", ran(counts={"ok": 20, "retried": 80}), "most"),
        ("twice", ran("I5", difference_minor=-7), "twice"),
        ("twice", ran(), "once"),
        ("serializable", ran(counts={"ok": 50, "retried": 50}), "work"),
        ("serializable", ran(), "little"),
        ("serializable", ran(holds=False), "money"),
        ("stale-object", ran("I1"), "old"),
        ("stale-object", ran(), "new"),
    ],
)
def test_what_came_is_told_in_the_answers_of_its_question(key, report, came):
    one = next(one for one in EXPERIMENTS if one.key == key)
    assert one.prediction.came(report) == came
    assert came in one.prediction.answers


# --- words ------------------------------------------------------------------------------------------


def test_a_run_that_holds_says_so_and_does_not_guess_the_rest():
    shown = lab_words.going(CONFIG, [tick(0.5, 4_000_00)])
    assert shown.meter.verdict == "holding"
    assert shown.sentence == "Money conserved: $4,000.00 of $4,000.00."
    assert {one.id: one.state for one in shown.promises} == {
        **dict.fromkeys(NAMES, "later"), "I1": "ok", "I2": "ok",
    }  # fmt: skip


def test_a_break_is_said_with_its_time():
    shown = lab_words.going(CONFIG, [tick(0.5, 4_000_00), tick(0.75, 4_037_00, wrong="$37.00 appeared")])
    assert shown.meter.verdict == "broken"
    assert (shown.meter.difference, shown.meter.what) == ("+$37.00", "appeared from nowhere")
    assert shown.sentence == "Broken at 0.75 s: $37.00 appeared from nowhere."
    assert shown.broken == 1


def test_an_account_below_zero_is_a_break_although_no_cent_is_missing():
    shown = lab_words.going(CONFIG, [tick(0.5, 4_000_00, lowest=-5)])
    assert shown.meter.verdict == "broken"
    assert [one.id for one in shown.promises if one.state == "no"] == ["I2"]


def test_a_sum_seen_between_two_writes_is_not_called_broken():
    shown = lab_words.going(CONFIG, [tick(0.5, 3_990_00)])
    assert shown.meter.verdict == "holding"
    assert "half done" in shown.sentence


def test_the_meter_points_to_where_the_money_is():
    less = lab_words.going(CONFIG, [tick(0.5, 3_975_00, wrong="$25.00 vanished")]).meter
    more = lab_words.going(CONFIG, [tick(0.5, 4_025_00, wrong="$25.00 appeared")]).meter
    assert (less.left, less.width) == ("25.00%", "25.00%")
    assert (more.left, more.width) == ("50.00%", "25.00%")
    assert (more.least, more.most) == ("−$50", "+$50")


def test_an_unsafe_strategy_is_shown_beside_what_a_safe_one_does():
    card = lab_words.card(CONFIG, server=True)
    assert not card.safe
    assert card.other.startswith("S4 differs")
    assert all(line.marked for line in card.other_sql)
    assert "def read_then_overwrite_in_one_unit" in card.source


def test_the_embedded_engine_is_not_said_to_lock_rows_or_to_have_levels():
    for name, strategy in STRATEGIES.items():
        card = lab_words.card(replace(CONFIG, strategy=name), server=False)
        if not strategy.embedded:
            assert "needs MySQL or MariaDB" in card.why_not
            continue
        assert card.isolation == "embedded engine"
        assert card.engine
        said = " ".join(line.text for line in [*card.sql, *card.other_sql])
        assert "FOR UPDATE" not in said
        assert "START TRANSACTION" not in said
        assert card.other[:2] in ("", *(key for key, one in STRATEGIES.items() if one.embedded))


@pytest.mark.parametrize(
    ("strategy", "level", "safe"),
    [
        ("S7", "", True), ("S7", "READ COMMITTED", False), ("S6", "READ UNCOMMITTED", False),
        ("S6", "READ COMMITTED", True), ("S4", "READ UNCOMMITTED", True), ("S8", "READ UNCOMMITTED", True),
    ],
)  # fmt: skip
def test_what_is_safe_depends_on_the_level(strategy, level, safe):
    assert lab_words.card(replace(CONFIG, strategy=strategy, isolation=level), server=True).safe is safe


def test_the_banks_own_path_chooses_its_level_itself():
    assert lab_words.card(Config("S8", isolation="SERIALIZABLE"), server=True).isolation == "READ COMMITTED"


# --- drawings ---------------------------------------------------------------------------------------


def test_the_total_is_drawn_up_to_the_break_and_from_there():
    ticks = [tick(0.25, 4_000_00), tick(0.5, 4_037_00, wrong="x"), tick(0.75, 4_040_00, wrong="x")]
    chart = lab_charts.total_chart(ticks, 4_000_00, seconds=1.0, broke_at=0.4)
    assert chart.found.startswith("M0.0 ")
    assert chart.broken.startswith("M400.0 ")
    assert chart.break_left == "40.00%"
    assert chart.words == "Exactly $4,000.00 until 0.40 s, then $4,040.00 after 0.75 s."
    assert [line.difference for line in chart.table] == ["$0.00", "$0.00", "$37.00", "$40.00"]


def test_a_long_run_is_drawn_with_few_points():
    ticks = [tick(n / 10, 4_000_00 + n) for n in range(1, 2001)]
    chart = lab_charts.total_chart(ticks, 4_000_00, seconds=200.0, broke_at=None)
    assert chart.found.count("H") <= 300
    assert len(chart.table) <= 60


def test_counts_that_only_grow_are_drawn_as_what_was_new():
    chart = lab_charts.bar_chart([tick(1, 0), tick(2, 0), tick(3, 0)], [0, 4, 6], "", seconds=3.0, broke_at=None)
    assert (chart.value, chart.top) == ("6", "4")
    assert chart.bars.count("M") == 2


@pytest.mark.parametrize("values", [[0], [5], [-1_00, 1_00], [99_999_999_00, 100_000_000_01]])
def test_every_value_is_on_the_scale(values):
    low, high, step = lab_charts.scale(values)
    assert low <= min(values) <= max(values) <= high
    assert (high - low) % step == 0
