"""How the interpreter of a process that serves divides its time: between work and garbage, and between threads."""

from __future__ import annotations

import gc
import sys

# New objects between two looks for garbage that only a search finds: objects that hold each other. Each look passes
# everything that requests under way have made so far; at Python's own 700 that took a tenth of all the time of a
# transfer, and found nearly nothing: most objects go when nobody holds them.
_NEW_OBJECTS = 20_000
# For so long a thread that computes without a pause, as one that writes a long statement, may keep others waiting
# after each of their answers from the database. Python's own is 0.005.
_LONGEST_TURN_SECONDS = 0.001


def settle() -> None:
    """To be called when everything is loaded: what is there now stays, and new objects are looked at seldom."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, *gc.get_threshold()[1:])
    sys.setswitchinterval(_LONGEST_TURN_SECONDS)
