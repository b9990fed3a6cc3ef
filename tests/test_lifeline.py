"""What a command began ends with it, however that is: no server, browser or worker of a test run stays behind."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bank_app.settings import PROJECT

MARK = "BANK_TEST_MARK"
# A child in a session of its own, as servers are started, and one whose parent has left it and that takes no SIGTERM.
FAMILY = """
import os, signal, subprocess, sys, time
role = sys.argv[1]
def begin(*command):
    subprocess.Popen(command, start_new_session=True)
if role == "first":
    begin("sleep", "600")
    begin(sys.executable, __file__, "leaves")
    time.sleep(600)
if role == "leaves":
    begin(sys.executable, __file__, "stubborn")
if role == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    open(os.environ["BANK_TEST_READY"], "w").close()
    time.sleep(600)
"""
RUNS = """
import sys
from pathlib import Path
from bank_app.lifeline import run_with_descendants
sys.exit(run_with_descendants(sys.argv[1:], cwd=Path.cwd()))
"""


@pytest.fixture
def family(tmp_path):
    script = tmp_path / "family.py"
    script.write_text(FAMILY)
    return script


@pytest.fixture
def marked(tmp_path):
    """Starts a program in a process group of its own, and finds whatever it began by what all of them inherit."""
    mark = f"{MARK}={tmp_path}"
    begun = []

    def start(*command, **environment):
        variables = {**os.environ, MARK: str(tmp_path), "PYTHONPATH": str(PROJECT), **environment}
        process = subprocess.Popen(
            command, cwd=PROJECT, env=variables, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        begun.append(process)
        return process

    def left():
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if mark.encode() in (folder / "environ").read_bytes().split(b"\0"):
                    found[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
        return found

    yield start, left
    for pid in left():
        os.kill(pid, signal.SIGKILL)
    for process in begun:
        process.wait()


def as_a_terminal(process):
    os.killpg(process.pid, signal.SIGINT)


def as_a_service_manager(process):
    process.send_signal(signal.SIGTERM)


def as_a_closed_terminal(process):
    os.killpg(process.pid, signal.SIGHUP)


def without_a_word(process):
    process.kill()


@pytest.mark.parametrize("end", [as_a_terminal, as_a_service_manager, as_a_closed_terminal, without_a_word])
def test_everything_ends_with_the_command(family, marked, tmp_path, until, end):
    start, left = marked
    ready = tmp_path / "ready"
    process = start(sys.executable, "-c", RUNS, sys.executable, str(family), "first", BANK_TEST_READY=str(ready))
    until(ready.exists)
    end(process)
    process.wait(60)
    until(lambda: not left())


def test_what_a_command_left_behind_ends_when_it_is_done_and_its_status_is_told(marked, until):
    start, left = marked
    leaves = "import subprocess, sys; subprocess.Popen(['sleep', '600'], start_new_session=True); sys.exit(7)"
    process = start(sys.executable, "-c", RUNS, sys.executable, "-c", leaves)
    assert process.wait(60) == 7
    assert left() == {}


@pytest.mark.parametrize("end", [as_a_terminal, without_a_word])
def test_a_test_run_that_is_ended_leaves_no_worker_and_no_server(marked, tmp_path, until, end):
    start, left = marked
    process = start(
        sys.executable, "-m", "bank_app", "test", "--data", str(tmp_path / "data"),
        "tests/concurrency", "-n", "2", "-p", "no:cacheprovider",
    )  # fmt: skip
    until(lambda: any("--datadir" in command for command in left().values()), 120)
    end(process)
    process.wait(60)
    until(lambda: not left())
