"""A disk for one database server that can be filled to the last byte and freed again."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import pymysql
from pymysql.constants import CR

from bank_app.private_mysql import PrivateServer

# What a fresh server takes (MariaDB 100 MB, MySQL 200 MB), and room for a few seconds of load.
TMPFS_MEGABYTES = 320
TABLESPACE_MEGABYTES = 64
_TABLE_IS_FULL = 1114
_GONE = (CR.CR_SERVER_GONE_ERROR, CR.CR_SERVER_LOST)
_PASSES = 20
_BALLAST = "bank_ballast"


class SmallDisk(Protocol):
    """Where a server may put its data, and how to fill it. `how` says in words what is full."""

    how: str
    options: tuple[str, ...]

    def fill(self, server: PrivateServer) -> None:
        """Takes every byte that is left."""

    def free(self, server: PrivateServer) -> None:
        """Gives them back."""


@contextmanager
def small_disk(folder: Path) -> Iterator[SmallDisk]:
    """A small disk at `folder`, which is made: a file system of its own where that may be mounted (root on Linux).

    Elsewhere the server itself is told to let its tables grow no further than so much, which it reports by the same
    error as a disk that is full. Start the server with the disk's `options`, and stop it before the end.
    """
    folder.mkdir(parents=True)
    if not _mount(folder):
        yield _Tablespace()
        return
    try:
        yield _Tmpfs(folder)
    finally:
        subprocess.run(["umount", folder], check=True, capture_output=True)


def _mount(folder: Path) -> bool:
    if os.geteuid() != 0 or not shutil.which("mount"):
        return False
    size = f"size={TMPFS_MEGABYTES}m,mode=0700"
    # Refused in most containers, root or not.
    return not subprocess.run(
        ["mount", "-t", "tmpfs", "-o", size, "tmpfs", folder], check=False, capture_output=True
    ).returncode


def _limit(megabytes: int) -> str:
    return f"--innodb-data-file-path=ibdata1:12M:autoextend:max:{megabytes}M"


class _Tmpfs:
    """A file system in memory, filled by a file."""

    how = f"a file system of {TMPFS_MEGABYTES} MB without a byte left"
    options: tuple[str, ...] = ()

    def __init__(self, folder: Path) -> None:
        self._ballast = folder / "ballast"

    def fill(self, server: PrivateServer) -> None:
        try:
            # Unbuffered, so that the last bytes fail here and not when the file is closed.
            with self._ballast.open("ab", buffering=0) as file:
                for size in (1 << 20, 1 << 12, 1):
                    _write_until_full(file.fileno(), bytes(size))
        finally:
            if shutil.disk_usage(self._ballast.parent).free:
                raise RuntimeError("the small disk could not be filled")

    def free(self, server: PrivateServer) -> None:
        self._ballast.unlink()


def _write_until_full(descriptor: int, block: bytes) -> None:
    while True:
        try:
            if os.write(descriptor, block) < len(block):
                return
        except OSError:
            return


class _Tablespace:
    """A limit of the server's own: all tables in one file that may not grow beyond it, filled by a table."""

    how = f"a tablespace of {TABLESPACE_MEGABYTES} MB without a page left"
    options: tuple[str, ...] = ("--innodb-file-per-table=0", _limit(TABLESPACE_MEGABYTES))

    def fill(self, server: PrivateServer) -> None:
        server.make_database(_BALLAST)
        with server.connect(database=_BALLAST) as connection, connection.cursor() as cursor:
            cursor.execute("CREATE TABLE ballast (id INT AUTO_INCREMENT PRIMARY KEY, filler LONGBLOB)")
        for _ in range(_PASSES):
            if not self._take_every_page(server):
                return
            # The server clears away what it rolled back once a second.
            time.sleep(1)
        raise RuntimeError("the tablespace could not be filled")

    def _take_every_page(self, server: PrivateServer) -> bool:
        """Whether there were any: what is cleared away after a pass leaves room for the next."""
        taken = [self._take_pages(server, size) for size in (1 << 19, 1 << 13, 1 << 7)]
        return any(taken)

    def _take_pages(self, server: PrivateServer, size: int) -> bool:
        taken = False
        try:
            with server.connect(database=_BALLAST) as connection, connection.cursor() as cursor:
                while True:
                    cursor.execute("INSERT INTO ballast (filler) VALUES (%s)", [bytes(size)])
                    taken = True
        except pymysql.MySQLError as error:
            if error.args[0] in _GONE:
                # InnoDB ends itself if no page is left to roll back what found no page, MariaDB 11.8 each time.
                server.kill()
                server.start()
            elif error.args[0] != _TABLE_IS_FULL:
                raise
        return taken

    def free(self, server: PrivateServer) -> None:
        # Dropping the table would need a page for its undo log; an operator gives such a server more room.
        server.stop()
        server.options = (*server.options, _limit(10 * TABLESPACE_MEGABYTES))
        server.start()
