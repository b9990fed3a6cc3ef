"""The bank's keys, the newest first: it signs and seals with that one, and reads with every one of them.

They are given as a setting, or lie in a file of the data folder, one a line, which running workers read again when it
was changed. A key has a name that is made from it: tokens and sealed secrets carry it and say by it what opens them.
"""

from __future__ import annotations

import contextlib
import fcntl
import hmac
import os
import secrets
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_SHORTEST = 32
# How long a worker may not have noticed that a key was added or taken out; of one it does not know it looks at once.
_SECONDS = 1.0


class KeysMissing(Exception):
    """The file of the keys holds none that is whole."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key and its name, which tells nothing about it."""

    id: str
    secret: str

    @classmethod
    def of(cls, secret: str) -> Key:
        """With the name that is made from it."""
        return cls(hmac.digest(secret.encode(), b"bank_app name of a key", "sha256").hex()[:8], secret)


class Ring:
    """The keys of one process."""

    def __init__(self, given: Sequence[str] = (), *, file: Path | None = None) -> None:
        """Takes keys that are given, or the file that holds them."""
        self._keys = tuple(map(Key.of, given))
        self._file = file
        self._seen: tuple[int, ...] = ()
        self._looked = 0.0

    @property
    def keys(self) -> tuple[Key, ...]:
        """All of them, the newest first.

        Raises:
            KeysMissing: the file holds none that is whole.
        """
        if self._file is not None and (not self._keys or time.monotonic() - self._looked >= _SECONDS):
            self._look(self._file)
        return self._keys

    @property
    def newest(self) -> Key:
        """The one that is written with."""
        return self.keys[0]

    @property
    def oldest(self) -> Key:
        """The one that stays the longest as it is while others are added."""
        return self.keys[-1]

    def get(self, key_id: str) -> Key | None:
        """The key of this name; None if it is not in the ring."""
        found = next((key for key in self.keys if key.id == key_id), None)
        if found is None and self._file is not None:
            # Another process may have added it this moment, and have sealed something with it.
            self._look(self._file)
            found = next((key for key in self._keys if key.id == key_id), None)
        return found

    def _look(self, file: Path) -> None:
        self._looked = time.monotonic()
        if not file.exists():
            _make(file)
        found = file.stat()
        seen = (found.st_mtime_ns, found.st_size, found.st_ino)
        if seen != self._seen:
            self._keys, self._seen = tuple(map(Key.of, read(file))), seen


def fresh() -> str:
    """A new key."""
    return secrets.token_hex(32)


def read(file: Path) -> list[str]:
    """The keys of a file, the newest first.

    Raises:
        KeysMissing: it holds none that is whole.
    """
    found = file.read_text(encoding="ascii").split()
    if not found or any(len(key) < _SHORTEST for key in found):
        raise KeysMissing
    return found


@contextlib.contextmanager
def changing(file: Path) -> Iterator[list[str]]:
    """The keys of a file, to be changed; what the list is in the end replaces the file at once, or nothing does.

    Raises:
        KeysMissing: it holds none that is whole.
    """
    with file.with_name(f"{file.name}.lock").open("a", encoding="ascii") as lock:
        os.fchmod(lock.fileno(), 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = read(file)
        before = list(found)
        yield found
        if found != before:
            _write(file, found).replace(file)


def _make(file: Path) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Written aside and linked whole: of several workers starting at once exactly one makes the key, and a crash leaves
    # no empty one behind.
    with tempfile.NamedTemporaryFile("w", dir=file.parent, prefix=f"{file.name}.", encoding="ascii") as aside:
        aside.write(fresh())
        aside.flush()
        os.fsync(aside.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(aside.name, file)


def _write(file: Path, keys: Sequence[str]) -> Path:
    """A whole file beside the one that is there, on the disk."""
    number, name = tempfile.mkstemp(dir=file.parent, prefix=f"{file.name}.")
    with os.fdopen(number, "w", encoding="ascii") as aside:
        aside.write("\n".join(keys))
        aside.flush()
        os.fsync(aside.fileno())
    return Path(name)
