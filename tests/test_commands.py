"""The commands as a script uses them: what they print, how they refuse, and their exit status."""

import io
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import urllib.request
from contextlib import closing
from pathlib import Path

import pytest
from rich.console import Console

from bank_app import build, demo, server, start, testbed
from bank_app import settings as bank_settings
from bank_app.database import Database
from bank_app.services import first_setup
from bank_app.services.first_setup import Choices

PROJECT = Path(__file__).resolve().parent.parent
PASSWORD = "lantern-orchard-48-violin"


def bank(*arguments, data, typed="", **environment):
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("BANK_", "DATABASE_URL"))}
    return subprocess.run(
        [sys.executable, "-m", "bank_app", *arguments],
        cwd=PROJECT,
        env={**clean, "BANK_DATA": str(data), **environment},
        input=typed,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def migrated(sqlite_template, tmp_path):
    """A data folder with an empty, migrated bank."""
    shutil.copy(sqlite_template, tmp_path / "bank.sqlite3")
    # As the bank itself makes it; of one that others can read, each command would say so first.
    (tmp_path / "bank.sqlite3").chmod(0o600)
    return tmp_path


@pytest.fixture(scope="module")
def demo_file(sqlite_template, tmp_path_factory):
    """The database of a demo bank, copied for each test: eighteen months take seconds."""
    data = tmp_path_factory.mktemp("demo")
    shutil.copy(sqlite_template, data / "bank.sqlite3")
    (data / "bank.sqlite3").chmod(0o600)
    db = Database(bank_settings.load(data=data, demo=True))
    demo.fill(db)
    db.dispose()
    return data / "bank.sqlite3"


@pytest.fixture
def demo_bank(demo_file, tmp_path):
    """A data folder with a demo bank."""
    shutil.copy(demo_file, tmp_path / "bank.sqlite3")
    return tmp_path


def one_sentence(answer, status):
    assert answer.returncode == status
    assert "Traceback" not in answer.stderr
    assert answer.stderr.count("\n") == 1
    return answer.stderr


def test_a_script_migrates_adds_a_person_and_verifies(tmp_path):
    assert "The schema is up to date" in bank("migrate", data=tmp_path).stdout
    added = bank(
        "user",
        "add",
        "--email",
        "zoe@example.org",
        "--name",
        "Zoë Oh",
        "--role",
        "teller",
        data=tmp_path,
        typed=PASSWORD,
    )
    assert added.stdout == "Zoë Oh can sign in as zoe@example.org (teller).\n"
    # What it is in the log of a server is no part of what somebody at a terminal reads.
    assert added.stderr == ""
    verified = bank("verify", data=tmp_path)
    assert verified.returncode == 0
    assert "The books are right." in verified.stdout


def test_the_data_folder_can_be_named_on_the_command_line(tmp_path):
    assert bank("migrate", "--data", str(tmp_path / "named"), data=tmp_path / "other").returncode == 0
    assert (tmp_path / "named" / "bank.sqlite3").exists()
    assert (tmp_path / "named").stat().st_mode & 0o077 == 0
    assert not (tmp_path / "other").exists()


def test_a_person_with_a_poor_password_is_refused_in_one_sentence(migrated):
    answer = bank("user", "add", "--email", "zoe@example.org", "--name", "Zoë", data=migrated, typed="short\n")
    assert "12 characters" in one_sentence(answer, 1)


def test_verify_is_red_after_one_balance_was_changed_by_hand(demo_bank):
    assert bank("verify", data=demo_bank).returncode == 0
    with closing(sqlite3.connect(demo_bank / "bank.sqlite3")) as connection:
        connection.execute(
            "UPDATE accounts SET balance = balance + 1 WHERE id = (SELECT MAX(account_id) FROM postings)"
        )
        connection.commit()
    answer = bank("verify", data=demo_bank)
    assert answer.returncode == 1
    assert "The books are broken." in answer.stderr


def test_a_database_with_demo_people_is_not_served_for_real(demo_bank):
    assert "demo people" in one_sentence(bank("serve", data=demo_bank), 1)


@pytest.mark.parametrize("others", [{"BANK_PUBLIC_URL": "https://bank.example.org"}, {"BANK_TRUSTED_PROXIES": "1"}])
def test_a_bank_set_up_with_demo_people_is_not_served_to_others(migrated, others):
    db = Database(bank_settings.load(data=migrated))
    token = first_setup.prepare(db, demo_allowed=True)
    first_setup.run(db, token, Choices("Elm Road Bank", "Kim Novak", "kim@bank.test", PASSWORD, demo=True))
    db.dispose()
    assert "set up with demo people" in one_sentence(bank("serve", data=migrated, **others), 1)


@pytest.mark.parametrize("command", ["serve", "verify"])
def test_a_database_without_schema_is_refused(command, tmp_path):
    assert "run ./bank migrate first" in one_sentence(bank(command, data=tmp_path), 1)


@pytest.mark.parametrize("command", ["serve", "verify", "migrate"])
def test_a_database_that_cannot_be_reached_is_named_without_its_password(command, tmp_path):
    answer = bank(command, data=tmp_path, DATABASE_URL="mysql+pymysql://bank:lantern@127.0.0.1:9/bank")
    sentence = one_sentence(answer, 1)
    assert "127.0.0.1:9" in sentence
    assert "lantern" not in sentence


@pytest.mark.parametrize(
    ("arguments", "environment", "reason"),
    [
        (["serve", "--workers", "2"], {}, "takes one worker"),
        (["serve", "--host", "0.0.0.0"], {"BANK_DEMO": "on"}, "cannot listen on 0.0.0.0"),
        (["serve"], {"BANK_DEMO": "on", "BANK_TRUSTED_PROXIES": "1"}, "cannot stand behind a proxy"),
        (["serve"], {"BANK_SECRET_KEY": "changeme"}, "BANK_SECRET_KEY"),
        (["serve"], {"DATABASE_URL": "mysql://bank:changeme@db.example.org/bank"}, "placeholder"),
        (["serve"], {"DATABASE_URL": "postgres://x"}, "DATABASE_URL"),
        (["run"], {"DATABASE_URL": "mysql://x@127.0.0.1/bank"}, "use serve"),
    ],
)
def test_unsafe_settings_are_refused_in_one_sentence(arguments, environment, reason, migrated):
    assert reason in one_sentence(bank(*arguments, data=migrated, **environment), 2)


def test_a_reset_asks_and_takes_silence_for_a_no(migrated):
    answer = bank("run", "--reset", data=migrated, typed="")
    assert answer.returncode == 1
    assert (migrated / "bank.sqlite3").exists()


def test_a_taken_port_names_who_has_it():
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(server.PortTaken, match=rf"Port {port} is in use by .*\(process {os.getpid()}\)"):
            server.require_free_port("127.0.0.1", port)
    server.require_free_port("127.0.0.1", port)


def test_an_address_of_another_machine_is_refused():
    with pytest.raises(server.PortTaken, match=r"192\.0\.2\.1"):
        server.require_free_port("192.0.2.1", 3000)


def test_a_second_server_on_the_same_data_is_refused(tmp_path):
    settings = bank_settings.load(data=tmp_path)
    with (
        start.alone(settings, "http://127.0.0.1:1"),
        pytest.raises(server.Refused, match="running already"),
        start.alone(settings, "http://127.0.0.1:2"),
    ):
        pass
    with start.alone(settings, "http://127.0.0.1:2"):
        pass


def test_a_front_end_is_the_same_until_an_input_changes(tmp_path, monkeypatch):
    settings = bank_settings.load(data=tmp_path)
    before = build._source_digest(settings)
    assert build._source_digest(settings) == before
    assert build._source_digest(bank_settings.load(data=tmp_path, name="Another Bank")) != before
    monkeypatch.setattr(build, "NOT_INPUTS", (*build.NOT_INPUTS, "settings.py"))
    assert build._source_digest(settings) != before


def test_a_build_writes_into_a_lock_of_its_own_and_only_news_is_taken_over(tmp_path, monkeypatch):
    monkeypatch.setattr(build, "PROJECT", tmp_path)
    lock = tmp_path / "reflex.lock" / "package.json"
    lock.parent.mkdir()
    lock.write_text('{"a": 1, "b": 2}')
    (tmp_path / "rxconfig.py").write_text("config = 1")
    for text, kept in (('{"b": 2, "a": 1}', '{"a": 1, "b": 2}'), ('{"b": 3, "a": 1}', '{"b": 3, "a": 1}')):
        stage = build._stage(tmp_path / "data" / "stage")
        assert (stage / "rxconfig.py").read_text() == "config = 1"
        before = lock.read_text()
        assert (stage / "reflex.lock" / "package.json").read_text() == before
        (stage / "reflex.lock" / "package.json").write_text(text)
        # However the build ends from here on, the one that is kept is as it was.
        assert lock.read_text() == before
        build._adopt_lock(stage / "reflex.lock")
        assert lock.read_text() == kept
    written = tmp_path / "data" / "stage" / "reflex.lock" / "package-lock.json"
    written.write_text("{}")
    build._adopt_lock(written.parent)
    assert (lock.parent / "package-lock.json").read_text() == "{}"


def test_only_the_newest_releases_are_kept(tmp_path):
    for age, name in enumerate(("new", "used", "old", "oldest")):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (10_000 - age, 10_000 - age))
    build._keep_newest(tmp_path / "used")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "used"]


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("npm error code ENOTFOUND registry", "npm registry cannot be reached"),
        ("ENOSPC: no space left on device", "The disk is full"),
        ("first\nTypeError: no such prop", "TypeError: no such prop"),
    ],
)
def test_a_failed_build_is_explained(said, sentence, tmp_path):
    log = tmp_path / "build.log"
    log.write_text(said)
    assert sentence in build._explain(log)


@pytest.mark.parametrize(
    ("arguments", "plain", "browser"),
    [
        ([], [], ["tests/e2e"]),
        (["-k", "transfer"], ["-k", "transfer"], ["-k", "transfer", "tests/e2e"]),
        (["tests/test_commands.py"], ["tests/test_commands.py"], None),
        (["-x", "tests/e2e"], None, ["-x", "tests/e2e"]),
    ],
)
def test_arguments_go_to_the_run_that_they_are_about(arguments, plain, browser, monkeypatch):
    monkeypatch.setattr(testbed.Path, "exists", lambda path: path.as_posix().endswith((".py", "e2e")))
    assert testbed._split(arguments) == (plain, browser)


def test_a_start_that_is_terminated_ends_its_private_server(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "bank_app", "run", "--mysql", "--port", "28417", "--data", str(tmp_path)],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    for line in process.stdout:
        if "Server" in line:
            break
    pid = int((tmp_path / "mysql" / "pid").read_text())
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert not Path(f"/proc/{pid}").exists()


def test_a_copy_of_the_file_of_a_bank_that_was_stopped_is_the_bank(tmp_path, demo_file):
    """Also when the one before it was killed: the next one folds in what that left in the log."""
    data, copied = tmp_path / "data", tmp_path / "copied"
    data.mkdir()
    copied.mkdir()
    shutil.copy(demo_file, data / "bank.sqlite3")
    for how in (signal.SIGKILL, signal.SIGTERM):
        _serve_and_write(data, how)
    assert not (data / "bank.sqlite3-wal").exists()
    shutil.copy(data / "bank.sqlite3", copied / "bank.sqlite3")
    with closing(sqlite3.connect(copied / "bank.sqlite3")) as connection:
        assert connection.execute("SELECT COUNT(*) FROM users WHERE email LIKE 'late%'").fetchone() == (2,)
    assert bank("verify", data=copied).returncode == 0


def _serve_and_write(data, how):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("BANK_", "DATABASE_URL"))}
    process = subprocess.Popen(
        [sys.executable, "-m", "bank_app", "run", "--port", str(port)],
        cwd=PROJECT, env={**clean, "BANK_DATA": str(data)}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True,
    )  # fmt: skip
    said = ""
    while "is ready in" not in said:
        line = process.stdout.readline()
        assert line, said
        said += line
    person = {"email": f"late{port}@example.test", "name": "Late Comer", "password": PASSWORD}
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/v1/auth/register",
        json.dumps(person).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 201
    if how is signal.SIGKILL:
        os.killpg(process.pid, how)
    else:
        process.send_signal(how)
    process.communicate(timeout=60)


@pytest.mark.parametrize("left", [b'{"b": 2, "a": 1}', b'{"b": 2, '])
def test_a_build_that_was_interrupted_leaves_the_lock_as_it_was(tmp_path, monkeypatch, left):
    lock = tmp_path / "reflex.lock" / "package.json"
    lock.parent.mkdir()
    lock.write_bytes(b'{"a": 1, "b": 2}')
    monkeypatch.setattr(build, "PROJECT", tmp_path)
    monkeypatch.setattr(build, "_source_digest", lambda _settings: "digest")
    monkeypatch.setattr(build, "_build_environment", lambda _settings, _work: {})

    def interrupted(*_arguments):
        (tmp_path / "stage" / "reflex.lock" / "package.json").write_bytes(left)
        raise KeyboardInterrupt

    monkeypatch.setattr(build, "_follow", interrupted)
    with pytest.raises(KeyboardInterrupt):
        build._build(bank_settings.load(data=tmp_path), lambda _step: None)
    assert lock.read_bytes() == b'{"a": 1, "b": 2}'


@pytest.mark.parametrize(
    ("host", "environment", "warned"),
    [
        ("0.0.0.0", {}, True), ("::", {}, True), ("0.0.0.0", {"public_url": "http://bank.example.org"}, True),
        ("0.0.0.0", {"public_url": "https://bank.example.org"}, False), ("0.0.0.0", {"secure_cookies": True}, False),
        ("127.0.0.1", {}, False),
    ],
)  # fmt: skip
def test_serving_others_in_clear_is_said_loudly(migrated, monkeypatch, host, environment, warned):
    monkeypatch.setattr(server, "require_free_port", lambda *_: None)
    monkeypatch.setattr(server, "serve", lambda **_: None)
    monkeypatch.setattr(build, "find_release", lambda _: migrated)
    said = Console(file=io.StringIO(), width=400)
    with monkeypatch.context() as patched:
        patched.setattr(start, "share", lambda *_, **__: None)
        start.serve_production(
            bank_settings.load(data=migrated, **environment), host=host, port=3000, workers=1, console=said
        )
    assert ("cross the network in clear" in said.file.getvalue()) is warned
