"""The commands behind `./bank`: each loads settings, calls one room, and says what went wrong in one sentence."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from bank_app import backup, clock, data_folder, grants, keys, logs, materials
from bank_app import settings as bank_settings
from bank_app.backup import BackupRefused
from bank_app.build import BuildFailed
from bank_app.database import Database
from bank_app.domain import money
from bank_app.domain.accounting import Role
from bank_app.errors import BankError
from bank_app.private_mysql import ServerError, find_program
from bank_app.server import PortTaken, Refused
from bank_app.services import after_restore, audit_trail, auth, integrity, key_care, second_factor, timekeeping
from bank_app.settings import Settings, SettingsError
from bank_app.start import HOST, alone, first_line, opened, run_demo, serve_production
from bank_app.testbed import NeedMissing, run_checks, run_tests

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="A bank you can run.",
)
people = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="People who can sign in.")
app.add_typer(people, name="user")
rings = typer.Typer(invoke_without_command=True, rich_markup_mode=None, help="The bank's keys, and who needs which.")
app.add_typer(rings, name="keys")
clocks = typer.Typer(invoke_without_command=True, rich_markup_mode=None, help="The clock that entries are dated by.")
app.add_typer(clocks, name="clock")

Data = Annotated[
    Path | None,
    typer.Option("--data", help="Folder for embedded database, private server, build and secrets (.bank)."),
]
Port = Annotated[int, typer.Option("--port", min=1, max=65535, help="Port to listen on.")]
_WHO_MIGRATES = (
    " If this is the user who only serves, set BANK_MIGRATION_DATABASE_URL (./bank grants prints both users)."
)
PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "allow_interspersed_args": False}


def main() -> None:
    """Runs a command; whatever goes wrong in an expected way is a sentence on stderr, never a traceback."""
    os.umask(data_folder.OWN_FILES_ONLY)
    logs.for_a_command()
    for number in (signal.SIGTERM, signal.SIGHUP):
        # Whoever started it with `nohup` wants it to outlive the terminal.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _terminate)
    try:
        app(prog_name="./bank", standalone_mode=True)
    except SettingsError as error:
        _end(str(error), 2)
    except (Refused, ServerError, NeedMissing, BuildFailed, PortTaken, BackupRefused) as error:
        _end(str(error), 1)
    except BankError as error:
        _end(error.detail, 1)
    except SQLAlchemyError as error:
        _end(f"The database refused: {first_line(error)}", 1)
    except PermissionError as error:
        _end(f"{error.filename} cannot be written by this user: choose another folder with --data.", 1)
    except KeyboardInterrupt:
        _end("Stopped.", 130)


def _terminate(_signal: int, _frame: FrameType | None) -> None:
    # The same way out as Ctrl-C, so that a private server and a build under way are ended too.
    raise KeyboardInterrupt


def _end(sentence: str, status: int) -> NoReturn:
    err.print(sentence)
    sys.exit(status)


def _load(data: Path | None) -> Settings:
    """The settings of this command, with --data also put where worker processes look for it."""
    if data is not None:
        os.environ["BANK_DATA"] = str(data.expanduser().resolve())
    settings = bank_settings.load()
    try:
        for sentence in data_folder.close(settings):
            err.print(sentence)
    except data_folder.Readable as error:
        raise Refused(str(error)) from None
    except OSError as error:
        raise Refused(f"{settings.data} cannot be made ({error.strerror}): choose a folder with --data.") from None
    return settings


@app.command()
def run(
    port: Port = 3000,
    data: Data = None,
    mysql: Annotated[
        bool, typer.Option("--mysql", help="On a private MariaDB/MySQL server instead of a file.")
    ] = False,
    reset: Annotated[bool, typer.Option("--reset", help="Forget all accounts and payments first.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before a reset.")] = False,
) -> None:
    """The whole bank on this machine, with demo people and pretend money."""
    if os.environ.get("DATABASE_URL") or os.environ.get("DATABASE_URL_FILE"):
        raise SettingsError(
            "DATABASE_URL: run makes a demo bank of its own and leaves other databases alone; use serve."
        )
    settings = _load(data)
    if reset and not yes:
        where = settings.data / ("mysql" if mysql else "bank.sqlite3")
        typer.confirm(f"This forgets every account and payment in {where}. Go on?", abort=True)
    run_demo(settings, port=port, mysql=mysql, reset=reset, console=out)


@app.command()
def serve(
    port: Port = 3000,
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = HOST,
    workers: Annotated[int, typer.Option("--workers", min=1, max=64, help="Worker processes.")] = 1,
    data: Data = None,
) -> None:
    """Production: the bank on DATABASE_URL, migrated beforehand, without demo people."""
    serve_production(_load(data), host=host, port=port, workers=workers, console=out)


@app.command()
def migrate(data: Data = None) -> None:
    """Bring the database's schema up to date."""
    settings = _load(data)
    db = Database(grants.of_migration(settings))
    try:
        db.upgrade_schema()
        out.print(f"The schema is up to date ({db.server_version()}).")
        if said := grants.hand_on(settings):
            out.print(said, markup=False)
    except SQLAlchemyError as error:
        hint = "" if settings.migration_database_url else _WHO_MIGRATES
        raise Refused(f"The database {db.where} cannot be migrated: {first_line(error)}.{hint}") from None
    finally:
        db.dispose()


@app.command("grants")
def print_grants(
    data: Data = None,
    *,
    host: Annotated[str, typer.Option("--from", help="Where the bank connects from, as the server sees it.")] = "",
    tables: Annotated[bool, typer.Option("--tables", help="Also what ./bank migrate gives by itself.")] = False,
) -> None:
    """Print the statements for two database users: one that migrates, and one that serves and cannot harm history."""
    settings = _load(data)
    if settings.file:
        raise Refused("The embedded database has no users: its file is readable by this user of the machine only.")
    statements = grants.users(settings, host)
    if tables:
        statements += grants.on_tables(make_url(settings.url).database or "", statements[-1].rpartition(" TO ")[2])
    for statement in statements:
        out.print(f"{statement};", markup=False)


@people.command("add")
def user_add(
    email: Annotated[str, typer.Option("--email", help="What the person signs in with.")],
    name: Annotated[str, typer.Option("--name", help="What the person is called.")],
    role: Annotated[Role, typer.Option("--role", help="What the person may do.")] = Role.CUSTOMER,
    data: Data = None,
) -> None:
    """Make a person who can sign in; the password is asked for, or is the first line of stdin."""
    settings = _load(data)
    with opened(settings) as db:
        if sys.stdin.isatty():
            password = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
        else:
            password = sys.stdin.readline().rstrip("\r\n")
        person = auth.register(db, email=email, name=name, password=password, role=role)
    out.print(f"{person.name} can sign in as {person.email} ({role.value}).", markup=False)


@people.command("reset-second-step")
def user_reset_second_step(
    email: Annotated[str, typer.Argument(help="Whose second step is turned off.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; it goes into the audit trail.")] = (
        "Reset on the server by whoever runs it"
    ),
    data: Data = None,
) -> None:
    """Turn the two-step sign-in of somebody off who lost app and codes, or whose key is gone; it is recorded."""
    with opened(_load(data)) as db:
        person = db.read(lambda session: auth.find(session, email))
        if person is None:
            _end("Nobody signs in with this email.", 1)
        done = db.unit_of_work(lambda session: second_factor.reset_on_server(session, person.user_id, reason=reason))
    out.print(
        f"Two-step sign-in of {person.email} is off, and every sign-in of theirs has ended."
        if done
        else f"Two-step sign-in of {person.email} was off already.",
        markup=False,
    )


@rings.callback()
def keys_shown(context: typer.Context, data: Data = None) -> None:
    """The keys, the newest first, and how many people depend on each; exit 1 when one that is needed is missing."""
    if context.invoked_subcommand:
        return
    settings = _load(data)
    with opened(settings) as db:
        found = key_care.uses(db)
    lost = _show_keys(settings, found)
    if lost:
        _end(lost, 1)


def _show_keys(settings: Settings, found: Sequence[key_care.Use]) -> str:
    where = "BANK_SECRET_KEYS or BANK_SECRET_KEY" if settings.given_keys else str(settings.key_file)
    out.print(f"The keys are those of {where}.", markup=False)
    table = Table()
    for column in ("Key", "", "Second steps", "Recovery codes of before"):
        table.add_column(column)
    for place, use in enumerate(found):
        state = (
            "MISSING" if not use.is_here else "newest" if place == 0 else "read only" if use.needed else "not needed"
        )
        table.add_row(use.key_id, state, str(use.second_steps), str(use.recovery_codes))
    out.print(table)
    return " ".join(key_care.in_words(use) for use in found if not use.is_here)


@rings.command("rotate")
def keys_rotate(data: Data = None) -> None:
    """Make a new key and seal everything with it, or finish that; safe while the bank serves."""
    settings = _load(data)
    with opened(settings) as db:
        begun = any(use.is_here and use.second_steps for use in key_care.uses(db)[1:])
        if not begun and settings.given_keys:
            key_care.reseal(db)
            fresh = ",".join((keys.fresh(), *settings.given_keys))
            out.print("Set this where the keys are given now (BANK_SECRET_KEYS), on every machine, and restart:")
            out.print(f"BANK_SECRET_KEYS={fresh}", markup=False)
            out.print("Then run ./bank keys rotate once more, which seals everything with the new key.")
            return
        if not begun:
            # Codes of before learn which key is theirs while there is only one.
            key_care.reseal(db)
            with keys.changing(settings.key_file) as ring:
                ring.insert(0, keys.fresh())
            out.print("A new key is made. Running workers use it from this second on.")
    with opened(bank_settings.load(data=settings.data)) as db:
        count = key_care.reseal(db)
        out.print(f"Sealed anew: {count}. Older keys are still read: ./bank keys says who needs them.")


@rings.command("retire")
def keys_retire(
    key_id: Annotated[str, typer.Argument(help="The name of a key, as ./bank keys shows it.")], data: Data = None
) -> None:
    """Take an older key out, once nobody needs it any more."""
    settings = _load(data)
    with opened(settings) as db:
        found = {use.key_id: use for use in key_care.uses(db) if use.is_here}
        if key_id not in found:
            _end(f"There is no key {key_id} in the ring.", 1)
        if key_id == settings.ring.newest.id:
            _end(
                "That is the newest key, with which everything is sealed: make another first, with ./bank keys rotate.",
                1,
            )
        if found[key_id].needed:
            _end(key_care.in_words(found[key_id]), 1)
    if settings.given_keys:
        left = ",".join(key.secret for key in settings.ring.keys if key.id != key_id)
        out.print("Nobody needs it. Set this on every machine, and restart:")
        out.print(f"BANK_SECRET_KEYS={left}", markup=False)
        return
    with keys.changing(settings.key_file) as ring:
        ring[:] = [secret for secret in ring if keys.Key.of(secret).id != key_id]
    out.print(f"Key {key_id} is out. Restart the workers: names of cookies may change, and people sign in again.")


@clocks.callback()
def clock_shown(context: typer.Context, data: Data = None) -> None:
    """The clock that entries are dated by, and what it is compared with; exit 1 when nothing is posted by it."""
    if context.invoked_subcommand:
        return
    with opened(_load(data)) as db:
        found = timekeeping.compare(db)
    out.print(f"This machine's clock: {found.at:%Y-%m-%d %H:%M:%S} UTC")
    if found.ahead is not None:
        seconds = found.ahead.total_seconds()
        out.print(f"The database server's: {found.at - found.ahead:%Y-%m-%d %H:%M:%S} UTC ({seconds:+.1f} s)")
    out.print(f"The newest entry: {f'{found.newest:%Y-%m-%d %H:%M:%S} UTC' if found.newest else 'none yet'}")
    if found.wrong:
        _end(found.wrong, 1)
    out.print(found.caution or "The clock is right.")


@clocks.command("accept")
def clock_accept(data: Data = None) -> None:
    """Say that this machine's clock is right although the books ended long ago; it goes into the audit log."""
    with opened(_load(data)) as db:
        found = timekeeping.accept(db)
    out.print(f"Accepted: it is {clock.to_the_minute(found.at)}. Running workers post again within seconds.")


@app.command("backup")
def make_backup(
    file: Annotated[Path, typer.Argument(help="A new file; whoever has it has the bank.")], data: Data = None
) -> None:
    """Write the whole bank into one new file, as it is at one moment, while it goes on serving."""
    settings = _load(data)
    with opened(settings) as db:
        contents = backup.back_up(db, file.expanduser().resolve())
    out.print(f"{_held(contents)} are in {file} ({file.stat().st_size:,} bytes).", markup=False)
    out.print(f"Checksum {contents.checksum}. Keep the file as secret as the bank: its secret key is in it.")


@app.command("restore")
def restore_backup(
    file: Annotated[Path, typer.Argument(help="What ./bank backup wrote, on any engine.")],
    data: Data = None,
    *,
    replace: Annotated[bool, typer.Option("--replace", help="Also over a bank, which is then gone.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before that.")] = False,
    keep_sign_ins: Annotated[
        bool, typer.Option("--keep-sign-ins", help="Only to move a bank that was stopped: nobody signs in again.")
    ] = False,
) -> None:
    """Make an empty database the bank that is in a file, end its sign-ins, and verify it; exit 1 when it is wrong."""
    settings = _load(data)
    if replace and not yes:
        where = ", ".join(make_url(url).render_as_string(hide_password=True) for url in settings.urls)
        typer.confirm(f"This forgets whatever is in {where}. Go on?", abort=True)
    with alone(settings, "restore"):
        ended: dict[str, int] = {}

        def settle(session: Session) -> None:
            if not keep_sign_ins:
                ended.update(after_restore.settle(session))

        contents = backup.restore(
            grants.of_migration(settings), file.expanduser().resolve(), replace=replace, then=settle
        )
        if said := grants.hand_on(settings):
            out.print(said, markup=False)
        with opened(settings) as db:
            out.print(f"Restored {_held(contents)} into {db.where}, from a backup of {contents.made_at}.", markup=False)
            if ended:
                out.print(after_restore.said(ended))
                out.print(after_restore.CANNOT_KNOW)
            _report_on(db)


@app.command("after-restore")
def settle_restored(
    data: Data = None,
    *,
    recovery_codes: Annotated[
        bool, typer.Option("--recovery-codes", help="Also end recovery codes: people make new ones.")
    ] = False,
) -> None:
    """End all sign-ins, tokens and links of a bank that was restored without ./bank restore, such as by mysqldump."""
    with opened(_load(data)) as db:
        ended = db.unit_of_work(lambda session: after_restore.settle(session, recovery_codes=recovery_codes))
    out.print(after_restore.said(ended))
    out.print(after_restore.CANNOT_KNOW)


def _held(contents: backup.Contents) -> str:
    counted = ((contents.rows.get(table, 0), table) for table in ("users", "accounts", "transactions", "postings"))
    words = {"users": "people"}
    return ", ".join(f"{count} {words.get(table, table)}" for count, table in counted)


@app.command()
def verify(
    data: Data = None,
    *,
    may_be_empty: Annotated[
        bool, typer.Option("--may-be-empty", help="A bank without anything is right, too.")
    ] = False,
) -> None:
    """Recompute every invariant of the books and the audit trail's chain; exit 1 when something does not hold."""
    settings = _load(data)
    with opened(settings) as db:
        if not may_be_empty and backup.is_empty(db):
            _end(
                f"EMPTY: there is no person, no account and no entry in {db.where}. If a bank should be there, this is "
                "another database, or a copy of its file without the -wal file beside it: see ./bank restore.",
                1,
            )
        _report_on(db)


def _report_on(db: Database) -> None:
    report = integrity.check(db)
    trail = audit_trail.verify(db, None)
    broken = {violation.invariant for violation in report.violations}
    table = Table(title=f"The books on {report.checked_at:%Y-%m-%d %H:%M:%S} UTC", title_justify="left")
    for column in ("", "Invariant", "Holds"):
        table.add_column(column)
    for number, rule in integrity.INVARIANTS.items():
        table.add_row(str(number), rule, "[red]NO[/red]" if number in broken else "[green]yes[/green]")
    out.print(table)
    out.print(f"{report.accounts} accounts, {report.transactions} transactions, {report.postings} postings.")
    for code, total in sorted(report.totals.items()):
        out.print(f"All {code} balances add up to {money.to_text(total, code)}.")
    out.print(f"Chain head {report.chain_head or '(empty)'}, checked in {report.seconds:.1f} s.")
    for posting in report.ahead:
        err.print(f"Dated ahead, {posting.subject}: {posting.created_at:%Y-%m-%d %H:%M:%S} UTC is still to come")
    if report.dated_ahead:
        many = "1 posting is" if report.dated_ahead == 1 else f"{report.dated_ahead} postings are"
        err.print(f"{many} dated by a clock that was ahead; no rule is broken, and nothing new is dated by them.")
    for violation in report.violations:
        err.print(f"Invariant {violation.invariant}, {violation.subject}: {violation.message}")
    if trail and trail.broken:
        err.print(f"Audit trail, record {trail.broken.number}: {trail.broken.what}")
    elif trail:
        out.print(f"Audit trail: {trail.checked} records, head {trail.head or '(empty)'}.")
    if not report.ok:
        _end("The books are broken.", 1)
    if trail and trail.broken:
        _end("The books are right; the audit trail is broken.", 1)
    out.print("The books are right.")


@app.command("test", context_settings=PASS_ON)
def run_every_test(
    context: typer.Context,
    data: Data = None,
    server: Annotated[
        Path | None,
        typer.Option("--mysql-server", help="The MySQL or MariaDB program to test on, or a script that starts it."),
    ] = None,
    cluster: Annotated[
        bool, typer.Option("--cluster", help="Only the tests of a Galera cluster of three nodes; minutes.")
    ] = False,
    fast: Annotated[
        bool, typer.Option("--fast", help="Only the rules, embedded, without server and browser, in a few minutes.")
    ] = False,
) -> None:
    """Run every test, after bringing what the tests need; more arguments go to pytest."""
    sys.exit(run_tests(_load(data), context.args, console=out, server=server, cluster=cluster, fast=fast))


@app.command()
def benchmark(
    *,
    quick: Annotated[bool, typer.Option("--quick", help="Everything once and briefly, in about a minute.")] = False,
    seconds: Annotated[float, typer.Option("--seconds", min=0.1, help="For each point.")] = 3.0,
    repeat: Annotated[int, typer.Option("--repeat", min=1, help="Repetitions; medians of them are shown.")] = 3,
    only: Annotated[
        str, typer.Option("--only", help="Parts, with commas: generator,raw,naive,ours,batch,memory,reads,embedded.")
    ] = "",
    server: Annotated[Path | None, typer.Option("--server", help="The MariaDB or MySQL program to measure on.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write every figure to this file.")] = None,
    page: Annotated[
        Path | None, typer.Option("--page", help="Put tables and picture into this page, such as docs/benchmarks.md.")
    ] = None,
    api_alone: Annotated[bool, typer.Option("--api-alone", help="Serve the API without the pages.")] = False,
) -> None:
    """Measure this bank beside the naive way and the raw limit, on a private server, in about 20 minutes."""
    # It needs a web framework and starts processes of its own; no other command should wait for its imports.
    from bank_app.lab import benchmark as lab  # noqa: PLC0415

    parts = tuple(part for part in only.split(",") if part) or lab.PARTS
    if unknown := set(parts) - set(lab.PARTS):
        raise Refused(f"There is no part {', '.join(sorted(unknown))}: choose from {', '.join(lab.PARTS)}.")
    scope = lab.Scope(
        seconds=0.7 if quick else seconds,
        repeat=1 if quick else repeat,
        only=parts,
        quick=quick,
        api_alone=api_alone,
        program=find_program(server) if server else None,
    )
    sys.exit(
        lab.report(scope, command=" ".join(["./bank", *sys.argv[1:]]), console=out, json_file=json_file, page=page)
    )


@app.command()
def simulate(
    *,
    strategy: Annotated[str, typer.Option("--strategy", help="S0 to S9; several with commas run in turn.")] = "S1",
    compare: Annotated[str, typer.Option("--compare", help="Strategies to compare, such as S0,S1,S4,S8.")] = "",
    accounts: Annotated[int, typer.Option("--accounts", help="Accounts that the money moves between.")] = 8,
    opening_minor: Annotated[int, typer.Option("--opening-minor", help="Money of each, in cents.")] = 100_000,
    largest_minor: Annotated[int, typer.Option("--largest-minor", help="Largest transfer, in cents.")] = 5_000,
    workers: Annotated[int, typer.Option("--workers", help="Connections that move money at once.")] = 16,
    seconds: Annotated[int, typer.Option("--seconds", help="How long.")] = 10,
    seed: Annotated[int, typer.Option("--seed", help="The same seed makes the same transfers.")] = 42,
    seeds: Annotated[int, typer.Option("--seeds", min=1, max=100, help="Run with so many seeds, from --seed on.")] = 1,
    hot: Annotated[int, typer.Option("--hot", help="Percent of the transfers that touch two popular accounts.")] = 20,
    think_ms: Annotated[int, typer.Option("--think-ms", help="Pause between reading and writing, at most.")] = 1,
    crash: Annotated[int, typer.Option("--crash", help="Percent that lose their connection half-way.")] = 0,
    twice: Annotated[int, typer.Option("--twice", help="Percent that are submitted twice.")] = 0,
    foreign_ms: Annotated[int, typer.Option("--foreign-ms", help="Of each second, a foreign lock for so long.")] = 0,
    isolation: Annotated[str, typer.Option("--isolation", help="Instead of the strategy's own level.")] = "",
    snapshot: Annotated[
        bool, typer.Option("--snapshot", help="With MariaDB's innodb_snapshot_isolation, off otherwise.")
    ] = False,
    check: Annotated[bool, typer.Option("--check", help="With the database's CHECK (balance >= 0).")] = False,
    retries: Annotated[int, typer.Option("--retries", help="After a conflict, at most.")] = 5,
    stop_at_break: Annotated[bool, typer.Option("--stop-at-break", help="End when money is wrong.")] = False,
    mysql: Annotated[bool, typer.Option("--mysql", help="On a private MariaDB/MySQL server.")] = False,
    server: Annotated[Path | None, typer.Option("--server", help="Which server program that is.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write every figure to this file.")] = None,
    data: Data = None,
) -> None:
    """Let real transfers race on real rows and see where money goes; exit 1 when a promise was broken."""
    from bank_app.lab import simulate as lab  # noqa: PLC0415
    from bank_app.lab.simulation.scenario import Config  # noqa: PLC0415

    given = {
        "accounts": accounts, "opening_minor": opening_minor, "largest_minor": largest_minor, "workers": workers,
        "seconds": seconds, "seed": seed, "hot_percent": hot, "think_ms": think_ms, "crash_percent": crash,
        "twice_percent": twice, "foreign_ms": foreign_ms, "isolation": isolation.upper(), "snapshot": snapshot,
        "check": check, "retries": retries, "stop_at_break": stop_at_break,
    }  # fmt: skip
    names = [name.strip().upper() for name in (compare or strategy).split(",") if name.strip()]
    try:
        configs = [Config.read({**given, "strategy": name}) for name in names]
        Config.read({"seed": seed + seeds - 1})
        sys.exit(
            lab.simulate(
                configs,
                _load(data),
                mysql=mysql or server is not None,
                program=find_program(server) if server else None,
                console=out,
                json_file=json_file,
                seeds=seeds,
            )
        )
    except (BankError, lab.LabUnavailable) as error:
        raise Refused(str(error)) from None


@app.command()
def torture(
    *,
    rounds: Annotated[int, typer.Option("--rounds", min=1, help="How often to break what can be broken again.")] = 20,
    quick: Annotated[bool, typer.Option("--quick", help="Two rounds and short waits, in two minutes.")] = False,
    only: Annotated[str, typer.Option("--only", help="Scenarios, with commas, such as kill-worker,disk-full.")] = "",
    server: Annotated[Path | None, typer.Option("--server", help="The MariaDB or MySQL program to run on.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write every figure to this file.")] = None,
    page: Annotated[
        Path | None, typer.Option("--page", help="Put the table into this page, such as docs/torture.md.")
    ] = None,
    data: Data = None,
) -> None:
    """Break a private copy of the bank under load in every way it promises to survive; exit 1 when money is wrong."""
    # It starts processes of its own; no other command should wait for its imports.
    from bank_app.lab import torture as lab  # noqa: PLC0415
    from bank_app.lab.serving import NotServing  # noqa: PLC0415

    _load(data)
    try:
        survived = lab.run(
            rounds=min(rounds, lab.QUICK_ROUNDS) if quick else rounds,
            quick=quick,
            only=[name for name in only.split(",") if name],
            server=server,
            report=json_file,
            page=page,
            command=" ".join(["./bank", *sys.argv[1:]]),
            console=out,
        )
    except (lab.NoSuchScenario, NotServing) as error:
        raise Refused(str(error)) from None
    if not survived:
        _end("The bank broke a promise.", 1)
    out.print("The bank kept its promises.")


@app.command("sbom")
def print_bill() -> None:
    """Print the bill of materials: every package in the locks, in CycloneDX."""
    # As it is: a terminal's width must not fold it.
    sys.stdout.write(materials.bill())


@app.command()
def check(data: Data = None) -> None:
    """Formatting, lint, types, and packages that are known to be vulnerable."""
    _load(data)
    sys.exit(run_checks(console=out))
