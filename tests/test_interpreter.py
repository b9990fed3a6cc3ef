"""What a process that serves does about garbage, and about threads that compute without a pause."""

import subprocess
import sys

SETTLES = """
import gc, sys
from bank_app import interpreter

class Held:
    gone = 0
    def __del__(self):
        Held.gone += 1

before, turn = gc.get_threshold(), sys.getswitchinterval()
interpreter.settle()
for _ in range(100_000):
    held = Held()
    held.itself = held
print(gc.get_threshold()[0] > before[0], gc.get_freeze_count() > 0, 0 < Held.gone < 100_000)
print(sys.getswitchinterval() < turn)
"""


def test_a_process_that_serves_looks_seldom_for_garbage_and_lets_no_thread_keep_others():
    done = subprocess.run([sys.executable, "-c", SETTLES], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["True", "True", "True", "True"]
