"""Long computations in a process of their own, which steps back behind everybody else.

Only one thread of a process runs Python at a time. Whoever has to wait for a thread that computes without a pause waits
for its turn to end, and that after every answer of the database: in a process that checked its books on the side, a
lone transfer took thirteen times as long, and beside one in a process of its own a third longer.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from typing import Any, TypeVar

from bank_app.database import Database
from bank_app.errors import BankError, Overloaded, by_code
from bank_app.lifeline import end_with_parent, step_back
from bank_app.settings import PROJECT

T = TypeVar("T")
# Somebody waits for most of what is worked out here: far behind, it would stand still on a machine that is busy.
_BEHIND = 5
_changing = threading.Lock()
_under_way: weakref.WeakKeyDictionary[Database, list[subprocess.Popen[bytes]]] = weakref.WeakKeyDictionary()


def compute(db: Database, function: Callable[[Database], T]) -> T:
    """Has another process work something out about the same database, and waits for it.

    Args:
        db: The bank's database; the other process connects by itself.
        function: A function of a module, or a `partial` of one; it and its answer must be picklable.

    Raises:
        BankError: what the function raised.
        Overloaded: `end` was called meanwhile.
        RuntimeError: the other process ended without an answer; what it said is on stderr.
    """
    # Not `multiprocessing`: a server's workers may not have children there.
    process = subprocess.Popen(
        [sys.executable, "-m", __name__], cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with _changing:
        mine = _under_way.setdefault(db, [])
        mine.append(process)
    try:
        answer, _ = process.communicate(pickle.dumps((db.settings, function)))
    finally:
        with _changing:
            ended = process not in mine
            if not ended:
                mine.remove(process)
    if ended:
        raise Overloaded("The bank is about to stop. Nothing was changed; ask again in a moment.")
    if process.returncode != 0:
        raise RuntimeError(f"a computation in a process of its own ended with status {process.returncode}")
    found, refused = pickle.loads(answer)  # noqa: S301 - written by ourselves, through a pipe of our own
    if refused:
        code, detail, details = refused
        raise by_code(code, detail, **details)
    result: T = found
    return result


def end(db: Database) -> None:
    """Ends what is under way for this database; whoever waits for it is told so."""
    with _changing:
        processes = _under_way.pop(db, [])
        for process in processes:
            process.kill()
        processes.clear()


def _main() -> None:
    end_with_parent()
    step_back(by=_BEHIND)
    settings, function = pickle.load(sys.stdin.buffer)  # noqa: S301 - written by ourselves, through a pipe of our own
    db = Database(settings)
    answer: tuple[Any, Any]
    try:
        answer = function(db), None
    except BankError as error:
        answer = None, (error.code, error.detail, error.details)
    finally:
        db.dispose()
    sys.stdout.buffer.write(pickle.dumps(answer))


if __name__ == "__main__":
    _main()
