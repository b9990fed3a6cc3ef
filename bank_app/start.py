"""How a bank starts: the steps of `run` (a demo that needs nothing) and the refusals of `serve` (production)."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from rich.console import Console
from rich.status import Status
from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError

from bank_app import build, demo, grants, server
from bank_app import settings as bank_settings
from bank_app.database import Database, is_embedded
from bank_app.lab.simulation import place
from bank_app.private_mysql import PrivateServer
from bank_app.server import Refused
from bank_app.services import first_setup, key_care, timekeeping
from bank_app.settings import Settings, SettingsError, is_loopback

# What people copy from examples; on a database that others can reach it is an open door.
WEAK_PASSWORDS = frozenset({"", "root", "admin", "bank", "mysql", "test", *bank_settings.PLACEHOLDERS})
HOST = "127.0.0.1"
_ONE_STEP = (
    "Warning: BANK_SECOND_STEP is off: whoever learns the password of one of the bank's people is one of them. "
    "Set it to staff or all."
)
_MIGRATES_TOO = (
    "Warning: BANK_MIGRATION_DATABASE_URL is set where the bank serves: set it for ./bank migrate only, or the user "
    "who can take the guards of history away is at hand for whoever takes the bank over."
)
_IN_CLEAR = (
    "Warning: {host} can be reached from other machines, and nothing says that TLS stands in front: passwords and "
    "sessions would cross the network in clear, for anybody on the way to read. Put a proxy with TLS before the bank "
    "(docs/deploy) and set BANK_PUBLIC_URL to the https address that people type."
)


class Step:
    """The step under way; `result` is what its line says in the end."""

    def __init__(self, name: str, console: Console, status: Status) -> None:
        """Begins without a result."""
        self.name, self.console, self.status = name, console, status
        self.result = ""

    def say(self, text: str) -> None:
        """What is being done now."""
        self.status.update(f"{self.name}: {text}")
        if not self.console.is_terminal:
            self.console.print(f"    {text} ...")


class Steps:
    """The lines of a start: a spinner for the step under way, and a line with its time once it is done."""

    def __init__(self, console: Console) -> None:
        """Counts from here to `total_seconds`."""
        self.console = console
        self._began = time.monotonic()

    @property
    def total_seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self._began

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """One step, with its line printed at its end."""
        began = time.monotonic()
        with self.console.status(name) as status:
            step = Step(name, self.console, status)
            yield step
        seconds = f"[dim]{time.monotonic() - began:.1f} s[/dim]"
        self.console.print(f"  [green]✓[/green] {name:<12} {step.result:<40} {seconds}")


@contextmanager
def alone(settings: Settings, what: str) -> Iterator[None]:
    """One server at a time on one data folder: a reset under a running one would take its files away.

    Raises:
        Refused: another one runs.
    """
    with (settings.data / "running").open("a+", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            raise Refused(
                f"The bank in {settings.data} is running already ({lock.read().strip()}): "
                "stop it, or choose another folder with --data."
            ) from None
        lock.truncate(0)
        lock.write(f"process {os.getpid()}, {what}")
        lock.flush()
        yield


@contextmanager
def opened(settings: Settings) -> Iterator[Database]:
    """A database that can be reached and has the schema of this program.

    Raises:
        Refused: it cannot be reached, or `./bank migrate` has to come first.
    """
    db = Database(settings)
    try:
        if db.embedded and not Path(db.url.database or "").exists():
            raise Refused(f"There is no bank in {db.where}: run ./bank migrate first to begin one, or ./bank restore.")
        try:
            current = db.schema_is_current()
            tables = current or db.has_tables()
        except SQLAlchemyError as error:
            raise Refused(f"The database {db.where} cannot be reached: {first_line(error)}") from None
        if not tables:
            raise Refused(
                f"The database {db.where} is EMPTY, without any table: run ./bank migrate first to begin a bank in it. "
                "If it is the copy of a bank's file, what is in the -wal file beside the original is missing."
            )
        if not current:
            raise Refused("The database does not have the schema of this program: run ./bank migrate first.")
        yield db
    finally:
        db.dispose()


def fold_log(settings: Settings) -> None:
    """After the last process of a bank has ended: a copy of the embedded file is then the whole bank."""
    db = Database(settings)
    try:
        with suppress(SQLAlchemyError):
            db.fold_log()
    finally:
        db.dispose()


def first_line(error: BaseException) -> str:
    """What the driver said, without the statement and the links around it."""
    return str(getattr(error, "orig", None) or error).strip().splitlines()[0]


def warn_of_clock(db: Database, console: Console) -> None:
    """Says at a start what is odd about the clock; the bank serves all the same, and posts by it or does not."""
    found = timekeeping.compare(db)
    if found.wrong or found.caution:
        console.print(f"Warning: {found.wrong or found.caution}", highlight=False, markup=False)


def warn_of_keys(db: Database, console: Console) -> None:
    """Says at a start whose second steps nobody can check, because the bank does not have their key."""
    for use in key_care.missing(db):
        console.print(f"Warning: {key_care.in_words(use)}", highlight=False, markup=False)


def share(settings: Settings, **more: str) -> None:
    """Puts settings where worker processes look for them."""
    os.environ.update({"BANK_DATA": str(settings.data), **more})


# --- run ----------------------------------------------------------------------------------------------


def run_demo(settings: Settings, *, port: int, mysql: bool, reset: bool, console: Console) -> None:
    """The whole bank with demo people on this machine, until Ctrl-C.

    Raises:
        Refused, PortTaken, ServerError, BuildFailed: with one sentence each.
    """
    steps = Steps(console)
    server.require_free_port(HOST, port)
    with ExitStack() as stack:
        stack.enter_context(alone(settings, server.base_url(HOST, port)))
        if reset:
            _forget(settings, mysql=mysql)
        private = PrivateServer(settings.data / "mysql") if mysql else None
        if private:
            with steps.step("Server") as step:
                step.result = f"{private.program.path.name} {'.'.join(map(str, private.program.version))}"
                stack.enter_context(private)
        settings = bank_settings.load(
            data=settings.data, database_url=private.url if private else "", demo=True, self_service_cash=True
        )
        share(settings, DATABASE_URL=settings.database_url, BANK_DEMO="on", BANK_SELF_SERVICE_CASH="on")
        share(settings, BANK_LAB_URL=place.on(private).url if private else "", BANK_LAB_WATCH=_readiness(HOST, port))
        _prepare_books(settings, private, steps)
        stack.callback(fold_log, settings)
        with steps.step("Front end") as step:
            release = build.ensure_built(settings, step.say)
            step.result = "ready"

        def announce() -> None:
            console.print(_welcome(settings, server.base_url(HOST, port), steps.total_seconds), highlight=False)

        server.serve(host=HOST, port=port, workers=1, release=release, quiet=True, when_ready=announce)
        console.print("Stopped.")


def _readiness(host: str, port: int) -> str:
    """What the laboratory asks to see whether the bank beside it is still quick."""
    return f"{server.base_url(host, port)}/readyz"


def _prepare_books(settings: Settings, private: PrivateServer | None, steps: Steps) -> None:
    # There while the demo people are being written: a start that was cut off then begins them again.
    halfway = settings.data / f"demo-{'mysql' if private else 'embedded'}.halfway"
    if halfway.exists():
        if private:
            private.make_database("bank")
        else:
            _remove_embedded(settings)
    db = Database(settings)
    try:
        with steps.step("Books") as step:
            db.upgrade_schema()
            step.result = db.server_version()
        if not demo.is_filled(db):
            with steps.step("Demo people") as step:
                halfway.touch()
                demo.fill(db)
                halfway.unlink()
                step.result = " · ".join(person.first_name for person in demo.PEOPLE)
        warn_of_clock(db, steps.console)
    finally:
        db.dispose()


def _forget(settings: Settings, *, mysql: bool) -> None:
    if mysql:
        PrivateServer(settings.data / "mysql").remove()
    else:
        _remove_embedded(settings)


def _remove_embedded(settings: Settings) -> None:
    for suffix in ("", "-wal", "-shm"):
        (settings.data / f"bank.sqlite3{suffix}").unlink(missing_ok=True)


def _welcome(settings: Settings, url: str, seconds: float) -> str:
    people = " · ".join(f"{p.email} ({p.title.lower()})" for p in demo.PEOPLE)
    return f"""
[bold]{settings.name} is ready in {seconds:.0f} s[/bold]   (demo mode: pretend money)
  Open      {url}
  API       {url}/api/v1/docs
  People    {people}
            press "Enter as …" on the sign-in page, or sign in with an email above
  Password  {demo.PASSWORD}   (these three words, the same for everybody here)
  Stop      Ctrl-C   Reset  ./bank run --reset   Go real  docs/self-hosting.md
"""


# --- serve --------------------------------------------------------------------------------------------


def serve_production(settings: Settings, *, host: str, port: int, workers: int, console: Console) -> None:
    """The bank on the configured database, until SIGTERM.

    Raises:
        SettingsError: the settings are unsafe for that.
        Refused, PortTaken, BuildFailed: with one sentence each.
    """
    steps = Steps(console)
    _require_safe(settings, host=host, workers=workers)
    server.require_free_port(host, port)
    with ExitStack() as stack:
        if not settings.database_url:
            stack.enter_context(alone(settings, server.base_url(host, port)))
        stack.callback(fold_log, settings)
        with opened(settings) as db:
            warn_of_clock(db, console)
            warn_of_keys(db, console)
            if found := grants.warning(db):
                console.print(f"Warning: {found}", highlight=False, markup=False)
            engine = db.server_version()
            chosen = db.read(first_setup.facts)
            _require_safe_demo(db, settings, chosen, host)
            token = None if settings.demo else first_setup.prepare(db, demo_allowed=_stays_home(settings, host))
        share(settings, BANK_LAB_WATCH=_readiness(host, port))
        release = build.find_release(settings)
        if release is None:
            with steps.step("Front end") as step:
                release = build.ensure_built(settings, step.say)
                step.result = "ready"
        _warn_of_settings(settings, host, console, demo_people=chosen.demo)

        # Only now: the pages were built for the name in the settings, and workers show the one that was chosen.
        named = settings.model_copy(update={"name": chosen.name}) if chosen.name else settings
        share(named, BANK_NAME=named.name, **({"BANK_DEMO": "on"} if chosen.demo else {}))

        def announce() -> None:
            url = server.base_url(host, port)
            ready = f"{named.name} is ready in {steps.total_seconds:.1f} s at {url} ({engine})."
            console.print(ready, highlight=False, markup=False)
            if token:
                console.print(f"SETUP TOKEN {token}", highlight=False, markup=False)
                console.print(f"Nobody runs this bank yet: open {url}/setup and enter the token.", highlight=False)

        server.serve(host=host, port=port, workers=workers, release=release, quiet=False, when_ready=announce)


def _warn_of_settings(settings: Settings, host: str, console: Console, *, demo_people: bool) -> None:
    """Says what somebody may want like this, and should know."""
    if settings.migration_database_url:
        # Not for the workers; whoever takes one over should not find it in their environment.
        for name in ("BANK_MIGRATION_DATABASE_URL", "BANK_MIGRATION_DATABASE_URL_FILE"):
            os.environ.pop(name, None)
        console.print(_MIGRATES_TOO, highlight=False, markup=False)
    if settings.second_step == "off" and not demo_people:
        console.print(_ONE_STEP, highlight=False)
    if not (is_loopback(host) or settings.public_url.startswith("https://") or settings.cookies_are_secure):
        console.print(_IN_CLEAR.format(host=host), style="bold red", highlight=False, markup=False)
    if not settings.rate_limits:
        console.print("Warning: BANK_RATE_LIMITS is off; anybody may try as many passwords as they like.")


def _stays_home(settings: Settings, host: str) -> bool:
    """Whether nobody but people at this machine reaches the bank. A proxy in front is there for others."""
    return is_loopback(host) and not settings.public_url and not settings.trusted_proxies


def _require_safe_demo(db: Database, settings: Settings, chosen: first_setup.Facts, host: str) -> None:
    """Demo people stay on this machine, however they came."""
    if chosen.demo and not _stays_home(settings, host):
        raise Refused(
            "This bank was set up with demo people, whom anybody may enter as, and stays on this machine: "
            f"use --host {HOST} without BANK_PUBLIC_URL and BANK_TRUSTED_PROXIES, or serve another database."
        )
    if demo.is_filled(db) and not (settings.demo or chosen.demo):
        raise Refused(
            "This database holds the demo people, whose passwords everybody knows: serve one of its own, "
            "with DATABASE_URL or --data."
        )


def _require_safe(settings: Settings, *, host: str, workers: int) -> None:
    if settings.demo and not is_loopback(host):
        raise SettingsError(
            f"BANK_DEMO: demo mode signs people in without a password and cannot listen on {host}: "
            "use --host 127.0.0.1 or turn it off."
        )
    if settings.demo and settings.trusted_proxies:
        raise SettingsError(
            "BANK_DEMO: demo mode signs people in without a password and cannot stand behind a proxy: "
            "leave BANK_TRUSTED_PROXIES at 0 or turn it off."
        )
    urls = [make_url(url) for url in settings.urls]
    if is_embedded(urls[0]):
        if workers > 1:
            raise SettingsError(
                "--workers: the embedded database has one writer, so it takes one worker; set DATABASE_URL for more."
            )
    elif any(
        not is_loopback(url.host or "localhost") and str(url.password or "").lower() in WEAK_PASSWORDS for url in urls
    ):
        raise SettingsError("DATABASE_URL: the password is a placeholder; give the database user a real one.")
