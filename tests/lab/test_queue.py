"""Who runs when, and who may end it: the numbered folders of runs."""

import os
import threading
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from bank_app import clock
from bank_app.domain.accounting import Role
from bank_app.errors import DatabaseUnavailable, Forbidden, Overloaded
from bank_app.lab import office
from bank_app.lab.simulation import folders
from bank_app.lab.simulation.scenario import Config
from bank_app.services.actor import Actor
from bank_app.settings import load

RUN = Config("S5", seconds=20)


def person(role=Role.CUSTOMER):
    return Actor(uuid4(), "somebody@bank.test", "Somebody", role)


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """Where runs are kept; this very process counts as one of the laboratory."""
    monkeypatch.setattr(folders, "command_line", lambda _: folders.JOB_MODULE)
    return tmp_path / "lab" / "runs"


@pytest.fixture
def desk(tmp_path):
    return office.Office(load(data=tmp_path))


def made(runs, state, *, owner="", configs=(RUN,)):
    job = {"configs": [{"seconds": one.seconds, "strategy": one.strategy} for one in configs], "owner": owner}
    folder = folders.make(runs, job)
    folders.write(folder / "state.json", {"state": state, "pid": os.getpid()})
    return folder


def test_first_come_first_served_whoever_looks_first(runs):
    asked = [made(runs, "queued") for _ in range(4)]
    order, entered = [], threading.Event()

    def run(folder):
        with folders.turn(runs, folder=folder) as is_mine:
            assert is_mine
            entered.set()
            order.append(int(folder.name))
            folders.write(folder / "state.json", {"state": "finished", "pid": os.getpid()})

    threads = [threading.Thread(target=run, args=(folder,), daemon=True) for folder in reversed(asked)]
    with folders.turn(runs):
        for thread in threads:
            thread.start()
        assert not entered.is_set()
    for thread in threads:
        thread.join(30)
    assert order == [1, 2, 3, 4]


def test_only_one_is_inside(runs):
    first = made(runs, "queued")
    asked = []

    def go_on():
        asked.append(True)
        return len(asked) < 3

    with folders.turn(runs, folder=first), folders.turn(runs, go_on=go_on) as is_mine:
        assert not is_mine
    assert len(asked) == 3


def test_who_gave_up_or_died_holds_nobody_up(runs):
    died, stopped, mine = made(runs, "running"), made(runs, "stopped"), made(runs, "queued")
    folders.write(died / "state.json", {"state": "running", "pid": 2**22 - 1})
    assert folders.state_of(stopped).is_over
    assert folders.before(mine) == []


def test_a_run_that_was_never_started_does_not_wait_for_ever(runs, monkeypatch):
    """Whoever asked for it died between making its folder and starting it."""
    folder = folders.make(runs, {"configs": []})
    assert folders.state_of(folder).name == "queued"
    later = clock.now() + timedelta(minutes=1)
    monkeypatch.setattr(folders.clock, "now", lambda: later)
    assert folders.state_of(folder) == folders.State("failed", "The run was never started.")


def test_numbers_are_places_also_when_many_ask_at_once(runs):
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(int(folders.make(runs, {"configs": []}).name))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(found) == list(range(1, 9))
    assert all((folder / "job.json").is_file() for folder in folders.numbered(runs))


def test_a_run_that_waits_says_its_place(runs, desk):
    for state in ("finished", "running", "queued", "queued"):
        made(runs, state)
    assert [(run.state, run.before) for run in desk.runs()] == [
        ("queued", 2), ("queued", 1), ("running", 0), ("finished", 0),
    ]  # fmt: skip


def test_a_full_lab_says_so_and_starts_nothing(runs, desk):
    for state in ("running", *["queued"] * office._WAITING_AT_MOST):
        made(runs, state)
    with pytest.raises(Overloaded, match="The lab is full: one run goes on and 4 wait, for 100 s"):
        desk.start([RUN], started_at="now", by=person())
    assert len(folders.numbered(runs)) == 1 + office._WAITING_AT_MOST


def test_who_started_a_run_and_admins_may_stop_it_and_nobody_else(runs, desk):
    owner = person()
    folder = made(runs, "running", owner=str(owner.user_id))
    for stranger in (person(), person(Role.AUDITOR), person(Role.TELLER), None):
        with pytest.raises(Forbidden, match="Somebody else started this run"):
            desk.stop(1, by=stranger)
        assert not desk.look(1)[0].may_be_stopped_by(stranger)
    assert not (folder / "stop").exists()
    for allowed in (owner, person(Role.ADMIN), replace(owner, name="Renamed")):
        desk.stop(1, by=allowed)
        assert (folder / "stop").exists()
        (folder / "stop").unlink()


def test_a_run_that_nobody_owns_is_for_admins(runs, desk):
    made(runs, "running")
    with pytest.raises(Forbidden):
        desk.stop(1, by=person(Role.TELLER))
    desk.stop(1, by=person(Role.ADMIN))


def test_what_cannot_be_written_down_is_not_done(runs, tmp_path, monkeypatch):
    monkeypatch.setattr(office.subprocess, "Popen", lambda *_, **__: pytest.fail("it was started"))

    def refuse(*_):
        raise DatabaseUnavailable

    strict, owner = office.Office(load(data=tmp_path), note=refuse), person()
    with pytest.raises(DatabaseUnavailable):
        strict.start([RUN], started_at="now", by=owner)
    assert [run.state for run in strict.runs()] == ["failed"]
    folder = made(runs, "running", owner=str(owner.user_id))
    with pytest.raises(DatabaseUnavailable):
        strict.stop(2, by=owner)
    assert not (folder / "stop").exists()


def test_a_run_is_handed_its_own_database_and_no_key(runs, tmp_path, monkeypatch):
    secrets = {"BANK_SECRET_KEY": "k" * 40, "BANK_SECRET_KEYS": "k" * 40, "DATABASE_URL": "mysql://bank:pw@host/bank",
               "BANK_SECRET_KEYS_FILE": "keys", "BANK_MIGRATION_DATABASE_URL": "mysql://m:pw@host/bank",
               "BANK_SMTP_URL": "smtps://x:y@mail", "AWS_SECRET_ACCESS_KEY": "s"}  # fmt: skip
    settings = load(data=tmp_path, lab_url="mysql+pymysql://lab:lab@127.0.0.1/lab")
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)
    handed = []

    class Started:
        pid = os.getpid()

        def __init__(self, *_, env, **__):
            handed.append(env)

        def poll(self):
            return 0

    monkeypatch.setattr(office.subprocess, "Popen", Started)
    noted = []
    desk = office.Office(settings, note=lambda *what: noted.append(what))
    owner = person(Role.AUDITOR)
    desk.start([RUN], started_at="now", by=owner)
    assert not secrets.keys() & handed[0].keys()
    assert handed[0]["BANK_LAB_URL"] == settings.lab_url
    assert {name for name in handed[0] if name.startswith(("BANK_", "DATABASE"))} <= {"BANK_LAB_URL", "BANK_LAB_WATCH"}
    desk.stop(1, by=owner)
    assert noted == [
        (owner, "lab.start", "lab run 1", {"strategies": [None, ["S5"]]}), (owner, "lab.stop", "lab run 1", {}),
    ]  # fmt: skip
