"""The questions of the library: each can run, and a link or a stored run leads back to its question."""

import json
import os

import pytest

from bank_app.errors import Invalid
from bank_app.lab import office
from bank_app.lab.simulation import experiments, folders
from bank_app.lab.simulation.catalogue import STRATEGIES
from bank_app.lab.simulation.experiments import EXPERIMENTS
from bank_app.lab.simulation.scenario import Config
from bank_app.settings import load

KEYS = [one.key for one in EXPERIMENTS]


def test_no_two_questions_have_one_name_or_one_setup():
    assert len(set(KEYS)) == len(EXPERIMENTS) == len({one.config for one in EXPERIMENTS})


@pytest.mark.parametrize("one", EXPERIMENTS, ids=KEYS)
def test_an_experiment_runs_strategies_that_exist(one):
    assert {one.config.strategy, *one.compare} <= set(STRATEGIES)
    assert one.setup(server=True) == one.config
    embedded = one.setup(server=False)
    assert embedded is None or STRATEGIES[embedded.strategy].embedded


@pytest.mark.parametrize("one", EXPERIMENTS, ids=KEYS)
def test_a_run_is_about_its_question_whatever_strategy_and_seed(one):
    assert experiments.of(one.config.with_strategy("S4")) is one
    assert experiments.of(Config.read({"preset": one.key, "seed": "7", **_without_seed(one.config)})) is one


def _without_seed(config):
    return {name: getattr(config, name) for name in config.__slots__ if name != "seed"}


def test_a_question_about_objects_is_asked_only_of_strategies_that_have_or_cure_them():
    stale = experiments.named("stale-object")
    assert experiments.of(stale.config.with_strategy("S9")) is stale
    assert experiments.of(stale.config.with_strategy("S1")) is experiments.FREE


def test_a_setup_of_ones_own_is_a_free_run():
    assert experiments.of(Config(workers=3, accounts=17)) is experiments.FREE


def test_a_link_names_an_experiment_and_may_change_it():
    found = experiments.setup_of({"preset": "lost-update", "workers": "3", "run": "5"}, server=True)
    assert (found.strategy, found.accounts, found.workers) == ("S1", 100, 3)
    assert experiments.setup_of({"preset": "lost-update"}, server=False).strategy == "S0"
    assert experiments.setup_of({"preset": "no-such"}, server=True) == Config()


@pytest.mark.parametrize("query", [{"workers": "65"}, {"seconds": "soon"}, {"strategy": "'; DROP"}])
def test_a_link_cannot_ask_for_more_than_a_form(query):
    with pytest.raises(Invalid):
        experiments.setup_of(query, server=True)


def test_whoever_waits_is_told_how_many_and_how_long(tmp_path, monkeypatch):
    desk = office.Office(load(data=tmp_path))
    monkeypatch.setattr(folders, "command_line", lambda _: folders.JOB_MODULE)
    for number, state in ((1, "finished"), (2, "running"), (3, "queued"), (4, "queued")):
        folder = tmp_path / "lab" / "runs" / str(number)
        folder.mkdir(parents=True)
        (folder / "job.json").write_text(json.dumps({"configs": [{"seconds": 20}]}), encoding="utf-8")
        (folder / "state.json").write_text(json.dumps({"state": state, "pid": os.getpid()}), encoding="utf-8")
    (tmp_path / "lab" / "runs" / "2" / "ticks.jsonl").write_text('{"run": 0, "at": 8.0}\n', encoding="utf-8")
    assert [desk.ahead(number) for number in (2, 3, 4)] == [(0, 1), (1, 12), (2, 32)]
