"""Books, keys and passwords lie where nobody else on the machine reads them, whoever made the folder and however."""

import os
import subprocess
import sys

import pytest

from bank_app import data_folder
from bank_app.settings import PROJECT, load


@pytest.fixture
def folder(tmp_path):
    """A folder as `mkdir` makes it."""
    made = tmp_path / "made"
    made.mkdir()
    made.chmod(0o755)
    return made


def mode(path):
    return oct(path.stat().st_mode & 0o777)


def write(path, permissions=0o644):
    path.parent.mkdir(exist_ok=True)
    path.write_text("x")
    path.chmod(permissions)
    return path


def test_a_command_makes_nothing_that_others_can_read(folder):
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("BANK_", "DATABASE_URL"))}
    answer = subprocess.run(
        [sys.executable, "-m", "bank_app", "migrate", "--data", folder], cwd=PROJECT, env=environment,
        capture_output=True, text=True, check=True, umask=0o022,
    )  # fmt: skip
    assert (mode(folder), answer.stderr.count("\n")) == ("0o700", 1)
    assert "closed to them now (0700)" in answer.stderr
    made = [path for path in folder.rglob("*") if path.is_file()]
    assert made
    assert {mode(path) for path in made} == {"0o600"}


def test_what_an_earlier_bank_left_open_is_closed_and_said(folder):
    names = ("bank.sqlite3", "bank.sqlite3-wal", "bank.sqlite3-shm", "secret_key", "secret_key.before-restore")
    left = [write(folder / name) for name in (*names, "mysql/lab-password")]
    said = data_folder.close(load(data=folder))
    assert {mode(path) for path in left} == {"0o600"}
    assert mode(folder) == "0o700"
    assert len(said) == 1 + len(left)
    assert data_folder.close(load(data=folder)) == []


def test_an_embedded_file_somewhere_else_is_closed_too_and_no_link_is_followed(folder, tmp_path):
    file, foreign = write(folder / "books.db", 0o640), write(tmp_path / "foreign")
    (folder / "books.db-wal").symlink_to(foreign)
    said = data_folder.close(load(data=tmp_path / "data", database_url=f"sqlite:///{file}"))
    assert (mode(file), mode(foreign), mode(folder), len(said)) == ("0o600", "0o644", "0o755", 1)


@pytest.mark.parametrize(("permissions", "content"), [(0o755, "letters.txt"), (0o1777, "bank.sqlite3"), (0o1777, "")])
def test_a_folder_where_others_have_business_is_refused_and_left_as_it_is(folder, permissions, content):
    if content:
        write(folder / content)
    folder.chmod(permissions)
    with pytest.raises(data_folder.Readable, match="choose a folder of the bank's own"):
        data_folder.close(load(data=folder))
    assert folder.stat().st_mode & 0o7777 == permissions
    assert data_folder.close(load(data=folder / "bank")) == []
    assert mode(folder / "bank") == "0o700"


def test_a_folder_of_somebody_else_is_refused(folder, monkeypatch):
    monkeypatch.setattr(data_folder.os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(data_folder.Readable):
        data_folder.close(load(data=folder))
