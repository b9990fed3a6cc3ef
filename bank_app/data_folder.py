"""The folder with books, keys and passwords: nobody else on the machine reads it, whoever made it and however."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from bank_app.settings import Settings

# Whatever this process and its children make is for its own user.
OWN_FILES_ONLY = 0o077
# What lies in the folder of a bank. Another folder is not closed: others may have business in it.
_OURS = ("bank.sqlite3", "secret_key", "running", "mysql", "build")
_SECRETS = ("bank.sqlite3*", "secret_key*", "mysql/*password*", "lab/lab.sqlite3*")


class Readable(Exception):
    """Others can read the folder, and it is not ours to close; one sentence for the person at the terminal."""


def close(settings: Settings) -> list[str]:
    """Makes the folder of `settings` and everything secret in it readable for this user only.

    Returns:
        What was open to others until now, a sentence each.

    Raises:
        Readable: the folder is open to others, and was not made for a bank, or is not this user's.
        OSError: it cannot be made.
    """
    folder = settings.data
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    said = _close_folder(folder)
    for path in _secrets(settings):
        said += _close_file(path)
    return said


def _close_folder(folder: Path) -> list[str]:
    found = folder.stat()
    if not found.st_mode & OWN_FILES_ONLY:
        return []
    inside = {path.name for path in folder.iterdir()}
    what = "change" if found.st_mode & 0o022 else "read"
    # A sticky folder, such as /tmp, is there to be shared.
    if found.st_uid == os.geteuid() and not found.st_mode & stat.S_ISVTX and (not inside or inside.intersection(_OURS)):
        folder.chmod(0o700)
        if not folder.stat().st_mode & OWN_FILES_ONLY:
            return [f"Others on this machine could {what} {folder}: it is closed to them now (0700)."]
    raise Readable(
        f"Others on this machine can {what} {folder}, where books and keys would lie: choose a folder of the bank's "
        f"own with --data, such as {folder / 'bank'}, or close this one with chmod 700."
    )


def _secrets(settings: Settings) -> Iterator[Path]:
    for pattern in _SECRETS:
        yield from settings.data.glob(pattern)
    if file := settings.file:
        yield from (file.with_name(file.name + suffix) for suffix in ("", "-wal", "-shm"))


def _close_file(path: Path) -> list[str]:
    try:
        # Of what a link points at nothing is known here.
        found = path.lstat()
        if not stat.S_ISREG(found.st_mode) or not found.st_mode & OWN_FILES_ONLY:
            return []
        path.chmod(0o600)
    except FileNotFoundError:
        return []
    except PermissionError:
        return [f"Warning: others on this machine can read {path}, and it is another user's: close it (chmod 600)."]
    return [f"Others on this machine could read {path}: it is closed to them now (0600)."]
