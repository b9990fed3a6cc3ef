"""What is done to workers at the end: each has its time, and one that has ended is not killed."""

import os
import signal
import subprocess
import sys

import pytest

from bank_app.private_mysql import is_free
from bank_app.settings import PROJECT

# A thread that has just been told of the end of a process is switched away before it can say so to the others, as on a
# busy machine. The application takes what it is asked, answers after a while, and needs a moment to end.
SERVES = """
import multiprocessing, os, sys, threading, time
from multiprocessing import popen_fork
from granian.constants import Interfaces
from bank_app import server

waitpid = os.waitpid

def slow_waitpid(pid, flags):
    answer = waitpid(pid, flags)
    if answer[0]:
        time.sleep(0.5)
    return answer

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while (message := await receive())["type"] != "lifespan.shutdown":
            await send({"type": message["type"] + ".complete"})
        time.sleep(float(os.environ["SECONDS_TO_END"]))
        await send({"type": "lifespan.shutdown.complete"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})

def load(target):
    return app

if __name__ == "__main__":
    multiprocessing.set_start_method("spawn", force=True)
    popen_fork.os.waitpid = slow_waitpid
    supervisor = server.Supervisor(
        "any:app", interface=Interfaces.ASGI, address="127.0.0.1", port=int(sys.argv[1]), workers=3,
        workers_kill_timeout=int(sys.argv[2]),
    )
    supervisor.serve(target_loader=load)
"""


@pytest.fixture
def ended(tmp_path):
    """The status and the log of a server that was told to end in the moment in which its last worker began to serve."""

    def run(*, kill_after, seconds_to_end):
        script, port = tmp_path / "serves.py", next(port for port in range(29000, 32000) if is_free(port))
        script.write_text(SERVES)
        process = subprocess.Popen(
            [sys.executable, str(script), str(port), str(kill_after)],
            env={**os.environ, "PYTHONPATH": str(PROJECT), "SECONDS_TO_END": str(seconds_to_end)},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        said = ""
        while said.count("Started worker-") < 3:
            line = process.stdout.readline()
            assert line, said
            said += line
        process.send_signal(signal.SIGTERM)
        rest, _ = process.communicate(timeout=60)
        return process.returncode, said + rest

    return run


def test_a_worker_that_has_ended_is_not_killed_nor_one_that_has_just_begun(ended):
    status, log = ended(kill_after=10, seconds_to_end=0.2)
    assert (status, log.count("Stopped worker-"), log.count("Killing")) == (0, 3, 0), log


def test_a_worker_that_does_not_end_in_its_time_is_killed(ended):
    status, log = ended(kill_after=1, seconds_to_end=30)
    assert (status, log.count("Killing")) == (0, 3), log
