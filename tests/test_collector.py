"""What a process that serves does about garbage."""

import subprocess
import sys

SETTLES = """
import gc
from bank_app import collector

class Held:
    gone = 0
    def __del__(self):
        Held.gone += 1

before = gc.get_threshold()
collector.settle()
for _ in range(100_000):
    held = Held()
    held.itself = held
print(gc.get_threshold()[0] > before[0], gc.get_freeze_count() > 0, 0 < Held.gone < 100_000)
"""


def test_a_process_that_serves_looks_seldom_for_garbage_and_still_finds_it():
    done = subprocess.run([sys.executable, "-c", SETTLES], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["True", "True", "True"]
