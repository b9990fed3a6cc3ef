"""A bank in one file: taken while others pay, whole or not there, and the same bank again on any engine."""

import contextlib
import gzip
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time

import pytest
from sqlalchemy import text

from bank_app import backup
from bank_app import settings as bank_settings
from bank_app.backup import BackupRefused
from bank_app.database import Database
from bank_app.domain.accounting import AccountKind
from bank_app.services import audit_trail, integrity
from bank_app.settings import PROJECT


@pytest.fixture
def busy_bank(db, counter, ada, ben, eve, teller):
    """A bank with everything that a row can be: holds in every state, reversals, refusals, odd letters."""
    hers, his = counter.open(ada, "1000.00"), counter.open(ben, "5.00", nickname="Ærlig 🦉 \\ ' \" \n;")
    yen = counter.open(eve, "90000", currency="JPY", kind=AccountKind.SAVINGS)
    moved = counter.transfer(ada, hers, his, "10.01", key="k", description="für Öl; DROP TABLE x --\n%s 100%")
    counter.reverse(teller, moved)
    counter.capture(ada, counter.hold(ada, hers, "3.00", to=his), "2.00")
    counter.release(ada, counter.hold(ada, hers, "4.00", to=his))
    counter.hold(ada, hers, "5.00", to=his)
    counter.change(teller, hers, overdraft_limit="50.00")
    counter.transfer(ada, hers, his, "1020.00")
    with contextlib.suppress(Exception):
        counter.withdraw(eve, yen, "900000", key="refused")
    return hers, his


def content(db):
    """Every row of every table, as the database keeps it."""
    with db.reading.connect() as connection:
        return {
            table: sorted(json.dumps([backup._plain(value) for value in row]) for row in rows)
            for table, columns in backup._columns().items()
            for rows in [list(backup._rows(connection, table, columns))]
        }


TRAIL = ("audit_records", "audit_seals")


def without_the_trail(tables):
    return {table: rows for table, rows in tables.items() if table not in TRAIL}


@pytest.fixture(params=["sqlite", "mariadb"])
def elsewhere(request, tmp_path, mariadb_server):
    """The settings of an empty place for a bank."""
    data = tmp_path / "elsewhere"
    url = "" if request.param == "sqlite" else mariadb_server.make_database("bank_restored")
    return bank_settings.load(data=data, database_url=url, rate_limits=False)


@contextlib.contextmanager
def opened(settings):
    db = Database(settings)
    try:
        yield db
    finally:
        db.dispose()


def test_a_bank_is_the_same_again_on_any_engine(db, busy_bank, elsewhere, tmp_path):
    file = tmp_path / "bank.backup"
    # Seals what was not sealed yet.
    audit_trail.verify(db, None)
    taken = backup.back_up(db, file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert backup.look_into(file) == taken
    assert backup.restore(elsewhere, file, replace=False) == taken
    with opened(elsewhere) as again:
        assert content(again) == content(db)
        assert integrity.check(again).violations == ()
        assert audit_trail.verify(again, None).broken is None
        assert again.settings.signing_key == db.settings.signing_key
        assert not backup.is_empty(again)


def test_a_backup_of_a_bank_that_others_pay_in_is_one_moment_of_it(
    db, counter, ben, busy_bank, elsewhere, tmp_path, until
):
    hers, his = busy_bank
    over = threading.Event()
    paid = []

    def pay():
        while not over.is_set():
            paid.append(counter.transfer(ben, his, hers, "0.01"))

    payer = threading.Thread(target=pay)
    payer.start()
    try:
        for number in range(3):
            before = len(paid)
            until(lambda before=before: len(paid) > before)
            backup.back_up(db, tmp_path / f"{number}.backup")
    finally:
        over.set()
        payer.join()
    backup.restore(elsewhere, tmp_path / "2.backup", replace=False)
    with opened(elsewhere) as again:
        assert integrity.check(again).violations == ()
        kept = again.read(lambda session: session.execute(text("SELECT COUNT(*) FROM transactions")).scalar_one())
    assert kept <= db.read(lambda session: session.execute(text("SELECT COUNT(*) FROM transactions")).scalar_one())


def test_a_restored_bank_goes_on(db, counter, ben, busy_bank, elsewhere, tmp_path):
    hers, his = busy_bank
    backup.back_up(db, tmp_path / "bank.backup")
    backup.restore(elsewhere, tmp_path / "bank.backup", replace=False)
    with opened(elsewhere) as again:
        type(counter)(again).transfer(ben, his, hers, "1.00", key="new")
        with again.writing.connect() as connection, pytest.raises(Exception, match="never changed"):
            connection.exec_driver_sql("DELETE FROM postings")
        assert integrity.check(again).violations == ()


def test_nothing_is_overwritten(sqlite_db, busy_bank, elsewhere, tmp_path):
    file = tmp_path / "bank.backup"
    file.write_text("mine")
    with pytest.raises(BackupRefused, match="exists already"):
        backup.back_up(sqlite_db, file)
    assert file.read_text() == "mine"
    backup.back_up(sqlite_db, tmp_path / "whole.backup")
    backup.restore(elsewhere, tmp_path / "whole.backup", replace=False)
    with opened(elsewhere) as again:
        before = content(again)
        with pytest.raises(BackupRefused, match="There is a bank"):
            backup.restore(elsewhere, tmp_path / "whole.backup", replace=False)
        assert content(again) == before
    backup.restore(elsewhere, tmp_path / "whole.backup", replace=True)
    with opened(elsewhere) as again:
        assert content(again) == before


@pytest.mark.parametrize("damage", ["cut", "changed", "a row less", "other", "newer", "nothing", "appended"])
def test_what_is_no_whole_backup_changes_nothing(sqlite_db, busy_bank, elsewhere, tmp_path, damage):
    file, bad = tmp_path / "bank.backup", tmp_path / "bad.backup"
    backup.back_up(sqlite_db, file)
    lines = gzip.decompress(file.read_bytes()).splitlines(keepends=True)
    if damage == "cut":
        bad.write_bytes(file.read_bytes()[:-200])
    elif damage == "other":
        bad.write_bytes(b"SQLite format 3\0 and so on")
    elif damage == "newer":
        bad.write_bytes(gzip.compress(json.dumps({"bank": 1, "revision": "of next year"}).encode() + b"\n"))
    elif damage != "nothing":
        changed = {
            "changed": [line.replace(b"1000", b"9000") for line in lines],
            "a row less": [*lines[:5], *lines[6:]],
            "appended": [*lines, lines[3]],
        }[damage]
        bad.write_bytes(gzip.compress(b"".join(changed)))
    with pytest.raises(BackupRefused):
        backup.restore(elsewhere, bad, replace=True)
    with opened(elsewhere) as db:
        assert not db.has_tables()


def test_another_key_in_the_settings_is_refused_before_anything(sqlite_db, busy_bank, elsewhere, tmp_path):
    backup.back_up(sqlite_db, tmp_path / "bank.backup")
    keyed = bank_settings.load(
        data=elsewhere.data, database_url=elsewhere.database_url, secret_key="0123456789abcdef" * 4
    )
    with pytest.raises(BackupRefused, match="BANK_SECRET_KEY"):
        backup.restore(keyed, tmp_path / "bank.backup", replace=False)


# --- the commands, and what ends them --------------------------------------------------------------------


def bank(*arguments, settings, **more):
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("BANK_", "DATABASE_URL"))}
    environment = {**clean, "BANK_DATA": str(settings.data), "DATABASE_URL": settings.database_url, **more}
    return subprocess.Popen(
        [sys.executable, "-m", "bank_app", *arguments], cwd=PROJECT, env=environment, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def told(process):
    output, errors = process.communicate(timeout=120)
    assert "Traceback" not in errors
    return process.returncode, output + errors


def test_the_commands_say_what_they_did(sqlite_db, busy_bank, elsewhere, tmp_path):
    file = tmp_path / "bank.backup"
    status, said = told(bank("backup", str(file), settings=sqlite_db.settings))
    assert status == 0, said
    assert "transactions" in said
    assert "Checksum" in said
    status, said = told(bank("restore", str(file), settings=elsewhere))
    assert (status, "The books are right." in said) == (0, True), said
    assert "Everybody signs in again." in said
    status, said = told(bank("after-restore", settings=elsewhere))
    assert (status, "0 sign ins, 0 links" in said) == (0, True), said
    status, said = told(bank("restore", str(file), settings=elsewhere))
    assert (status, said.count("\n")) == (1, 1)
    assert "--replace" in said
    status, said = told(bank("restore", str(file), "--replace", "--yes", "--keep-sign-ins", settings=elsewhere))
    assert (status, "signs in again" in said) == (0, False), said
    assert told(bank("verify", settings=elsewhere))[0] == 0


@pytest.mark.parametrize("when", [0.0, 0.15, 0.3])
def test_a_restore_that_is_killed_leaves_nothing_and_works_when_it_is_begun_again(
    sqlite_db, busy_bank, elsewhere, tmp_path, until, when
):
    file = tmp_path / "bank.backup"
    backup.back_up(sqlite_db, file)
    process = bank("restore", str(file), settings=elsewhere)

    def has_begun():
        with opened(elsewhere) as db:
            embedded = db.embedded
            begun = embedded and (elsewhere.data / "bank.sqlite3.restoring").exists()
            return begun or (not embedded and db.has_tables()) or process.poll() is not None

    until(has_begun)
    time.sleep(when)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    with opened(elsewhere) as db:
        halfway = not backup.is_empty(db)
        # All of it or nothing. Once it is there the command verifies it, which the trail notes.
        assert not halfway or without_the_trail(content(db)) == without_the_trail(content(sqlite_db))
        for table in TRAIL if halfway else ():
            assert set(content(sqlite_db)[table]) <= set(content(db)[table])
    backup.restore(elsewhere, file, replace=True)
    with opened(elsewhere) as db:
        assert content(db) == content(sqlite_db)


def test_a_backup_that_is_killed_leaves_no_file_of_that_name(db, busy_bank, tmp_path, until):
    file = tmp_path / "bank.backup"
    unfinished = tmp_path / ".bank.backup.unfinished"
    slow = "import time, gzip; from bank_app import backup; plain = backup._plain; "
    slow += "backup._plain = lambda value: (time.sleep(0.2), plain(value))[1]; from bank_app.cli import main; main()"
    environment = {**os.environ, "BANK_DATA": str(db.settings.data), "DATABASE_URL": db.settings.url}
    process = subprocess.Popen(
        [sys.executable, "-c", slow, "backup", str(file)], cwd=PROJECT, env=environment, stdout=subprocess.DEVNULL
    )
    until(unfinished.exists)
    process.kill()
    process.wait()
    assert not file.exists()
    backup.back_up(db, file)
    assert not unfinished.exists()
    backup.look_into(file)


def test_verify_says_empty_where_a_bank_should_be(sqlite_db, busy_bank, sqlite_template, tmp_path):
    """A file that was copied without its log, a database of nobody, and one without tables."""
    for name in ("copied", "unused", "bare"):
        (tmp_path / name).mkdir()
    shutil.copy(tmp_path / "bank.sqlite3", tmp_path / "copied" / "bank.sqlite3")
    assert (tmp_path / "bank.sqlite3-wal").stat().st_size
    shutil.copy(sqlite_template, tmp_path / "unused" / "bank.sqlite3")
    sqlite3.connect(tmp_path / "bare" / "bank.sqlite3").close()
    (tmp_path / "bare" / "bank.sqlite3").touch()
    for name in ("copied", "unused", "bare"):
        status, said = told(bank("verify", settings=bank_settings.load(data=tmp_path / name, database_url="")))
        assert (status, "EMPTY" in said) == (1, True), (name, said)
    unused = bank_settings.load(data=tmp_path / "unused", database_url="")
    assert told(bank("verify", "--may-be-empty", settings=unused))[0] == 0
    nothing = bank_settings.load(data=tmp_path / "nothing", database_url="")
    status, said = told(bank("verify", settings=nothing))
    assert (status, "no bank" in said) == (1, True)
    assert not (tmp_path / "nothing" / "bank.sqlite3").exists()
