"""How often a process that serves looks for garbage that only a search finds: objects that hold each other."""

from __future__ import annotations

import gc

# New objects between two looks. Each look passes everything that requests under way have made so far; at Python's own
# 700 that took a tenth of all the time of a transfer, and found nearly nothing: most objects go when nobody holds them.
_NEW_OBJECTS = 20_000


def settle() -> None:
    """To be called when everything is loaded: what is there now stays, and new objects are looked at seldom."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, *gc.get_threshold()[1:])
