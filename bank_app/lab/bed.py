"""A private copy of everything that a bank needs, for experiments that break it: nothing of the user's is touched."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import make_url

from bank_app import build
from bank_app import settings as bank_settings
from bank_app.database import Database
from bank_app.lab import serving
from bank_app.lab.faults import clocked, processes
from bank_app.lab.faults.disks import SmallDisk, small_disk
from bank_app.lab.faults.wire import Wire
from bank_app.lab.serving import Serving
from bank_app.private_mysql import PrivateServer, Program
from bank_app.settings import Settings

DATABASE = "bank_lab"


@dataclass(frozen=True, slots=True)
class Setup:
    """How a scenario wants its bank.

    Args:
        wire: Between the bank and its server is a `Wire`.
        clock: The bank's wall clock can be moved.
        small_disk: The server's data lie on a disk that can be filled.
        settings: More settings of the bank, by the names of their variables.
    """

    wire: bool = False
    clock: bool = False
    small_disk: bool = False
    settings: tuple[tuple[str, str], ...] = ()


class Bed:
    """A folder with a database server, books, and the real bank served from them.

    As a context manager it is empty inside until `make` is called, and everything of it has ended afterwards. Enter it
    in a thread that stays: the kernel ends the processes with the thread that started them.

    Args:
        folder: Where everything lives; the caller removes it.
        program: The database server to boot; by default the first on this machine.
        workers: Worker processes of the bank.
        say: Told what is being waited for.
    """

    def __init__(
        self,
        folder: Path,
        *,
        program: Program | None = None,
        workers: int = 2,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.folder = folder
        self.program = program
        self.workers = workers
        self.server: PrivateServer
        self.db: Database
        self.bank: Serving
        self.wire: Wire | None = None
        self.disk: SmallDisk | None = None
        self.clock = folder / "clock"
        self._say = say
        self._setup: Setup | None = None
        self._has_books = False
        self._everything = ExitStack()
        self._served = ExitStack()

    def __enter__(self) -> Self:
        """Finds or builds the pages that the bank serves; starts nothing."""
        self.folder.mkdir(parents=True, exist_ok=True)
        release = build.ensure_built(_own_settings(), self._say)
        # Where a bank looks for its release, whichever data folder that was built in.
        (self.folder / "build").symlink_to(release.parent)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends everything."""
        self._end()

    def make(self, setup: Setup, *, fresh: bool) -> None:
        """Brings the bank up the way a scenario wants it; what is already so stays, unless `fresh` books are wanted."""
        if self._setup is None or self._setup.small_disk != setup.small_disk:
            self._end()
            self._boot(small=setup.small_disk)
            fresh = True
        if fresh or self._setup != setup or self.bank.pid is None:
            self._served.close()
            if fresh:
                self._new_books()
            self._serve(setup)
        self._setup = setup

    def forget_books(self) -> None:
        """The books are wrong, or the bank is gone: whoever comes next gets new ones."""
        self._setup = None

    def restart_server(self) -> None:
        """Brings a database server back that was killed or ended by itself."""
        self.server.kill()
        self.server.start()

    def _boot(self, *, small: bool) -> None:
        self._everything = ExitStack()
        place = self.folder / ("small" if small else "large")
        options: tuple[str, ...] = ("--max-connections=1000",)
        if small:
            self.disk = self._everything.enter_context(small_disk(place))
            options = (*options, *self.disk.options)
        self.server = PrivateServer(place / "server", program=self.program, options=options)
        self._everything.enter_context(self.server)

    def _new_books(self) -> None:
        self._close_books()
        url = self.server.make_database(DATABASE)
        self.db = Database(_own_settings(database_url=url, data=self.folder))
        self.db.upgrade_schema()
        self._has_books = True

    def _close_books(self) -> None:
        if self._has_books:
            self.db.dispose()
        self._has_books = False

    def _serve(self, setup: Setup) -> None:
        self._served = ExitStack()
        url = self.server.url_of(DATABASE)
        self.wire = None
        if setup.wire:
            self.wire = Wire(self.server.port)
            self._served.callback(self.wire.close)
            url = make_url(url).set(port=self.wire.port).render_as_string(hide_password=False)
        environment = {"BANK_NAME": self.db.settings.name, **dict(setup.settings)}
        if setup.clock:
            clocked.set_wrong_by(self.clock, 0)
            self.bank = processes.bank_with_clock(
                self.folder, url, clock=self.clock, workers=self.workers, environment=environment
            )
        else:
            self.bank = serving.bank(self.folder, url, workers=self.workers, environment=environment)
        self._served.enter_context(self.bank)
        processes.wait_for_workers(self.bank, self.workers)

    def _end(self) -> None:
        self._served.close()
        self._close_books()
        self._everything.close()
        self._setup, self.disk = None, None


def _own_settings(**values: object) -> Settings:
    """The settings of this process. Customers move cash by themselves nowhere, and nobody is throttled."""
    return bank_settings.load(**{"rate_limits": False, **values})
