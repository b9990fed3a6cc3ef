"""`./bank` before there is anything: what it makes, what it repairs, and what it says when it cannot."""

import ast
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import zipfile
from importlib.machinery import SourceFileLoader
from pathlib import Path

import pytest
from typer.main import get_command

from bank_app import cli

BANK = Path(__file__).resolve().parent.parent / "bank"
LOCK = "# nothing is needed here\n"
OFFLINE = {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0"}


@pytest.fixture(scope="module")
def made_project(tmp_path_factory):
    """A project with an empty lock, started once."""
    folder = tmp_path_factory.mktemp("made") / "project"
    (folder / "bank_app").mkdir(parents=True)
    (folder / "bank_app" / "__init__.py").touch()
    (folder / "bank_app" / "__main__.py").write_text("import sys; print('the bank got', sys.argv[1:])\n")
    shutil.copy2(BANK, folder / "bank")
    for name in ("requirements.txt", "requirements-dev.txt"):
        (folder / name).write_text(LOCK)
    start(folder, "run")
    return folder


@pytest.fixture
def project(made_project):
    """The started project with its lock as it was."""
    (made_project / "requirements.txt").write_text(LOCK)
    return made_project


def start(folder, *arguments, **environment):
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    return subprocess.run(
        [folder / "bank", *arguments],
        env={**inherited, **OFFLINE, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def bootstrap():
    """The file as a module, to look inside."""
    loader = SourceFileLoader("bank_bootstrap", str(BANK))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("bank_bootstrap", loader))
    loader.exec_module(module)
    return module


def test_help_comes_without_making_anything(tmp_path):
    shutil.copy2(BANK, tmp_path / "bank")
    answer = start(tmp_path)
    assert answer.stdout.startswith("A bank you can run.")
    assert [path.name for path in tmp_path.iterdir()] == ["bank"]


def test_help_names_every_command_there_is(bootstrap):
    for name in get_command(cli.app).commands:
        assert f"./bank {name}" in bootstrap.HELP


def test_the_bootstrap_parses_on_the_old_python_that_it_refuses():
    ast.parse(BANK.read_text(encoding="utf-8"), feature_version=(3, 6))


def test_a_machine_without_a_new_python_is_told_in_one_sentence(tmp_path):
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    answer = subprocess.run(
        ["/bin/sh", BANK, "run"], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 1
    assert answer.stderr.count("\n") == 1
    assert "needs Python 3.11 or newer" in answer.stderr


def test_the_command_gets_its_arguments(project):
    assert start(project, "run", "--port", "1").stdout == "the bank got ['run', '--port', '1']\n"


def test_a_second_start_installs_nothing(project):
    start(project, "run")
    before = (project / ".venv" / "install.log").stat().st_mtime_ns
    answer = start(project, "run")
    assert answer.stderr == ""
    assert (project / ".venv" / "install.log").stat().st_mtime_ns == before


def test_a_changed_lock_is_installed_again(project):
    (project / "requirements.txt").write_text(LOCK + "# changed\n")
    assert "Fetching packages" not in start(project, "run").stderr
    before = (project / ".venv" / "install.log").stat().st_mtime_ns
    (project / "requirements.txt").write_text(LOCK + "# changed again\n")
    start(project, "run")
    assert (project / ".venv" / "install.log").stat().st_mtime_ns > before


def test_tests_install_the_tools_of_development_too(project):
    assert not (project / ".venv" / "requirements-dev.txt.installed").exists()
    start(project, "check")
    assert (project / ".venv" / "requirements-dev.txt.installed").exists()


def test_an_install_that_was_interrupted_is_made_again(project):
    (project / ".venv" / "installing").touch()
    (project / ".venv" / "left-over").touch()
    assert start(project, "run").returncode == 0
    assert not (project / ".venv" / "left-over").exists()
    assert not (project / ".venv" / "installing").exists()


def test_an_environment_that_was_moved_is_made_again(project, tmp_path):
    moved = tmp_path / "moved"
    shutil.copytree(project, moved, symlinks=True)
    assert start(moved, "run").stdout == "the bank got ['run']\n"
    assert str(moved) in (moved / ".venv" / "bin" / "pip").read_text()


def test_a_registry_that_cannot_be_reached_is_one_sentence(project):
    (project / "requirements.txt").write_text(f"no-such-package-of-ours==1 --hash=sha256:{'0' * 64}\n")
    answer = start(project, "run")
    assert answer.returncode == 1
    assert answer.stderr.splitlines()[-1].startswith("The Python package registry cannot be reached")
    assert "Traceback" not in answer.stderr


def test_nothing_without_a_hash_is_installed(project, tmp_path):
    wheel = tmp_path / "ours-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as file:
        file.writestr("ours-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: ours\nVersion: 1\n")
        file.writestr("ours-1.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr("ours-1.dist-info/RECORD", "")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    for lock, refusal in (
        ("ours==1\n", "hash"),
        (f"ours==1 --hash=sha256:{'0' * 64}\n", "match"),
        (f"ours==1 --hash=sha256:{digest}\n", ""),
    ):
        (project / "requirements.txt").write_text(lock)
        answer = start(project, "run", PIP_FIND_LINKS=str(tmp_path), PIP_NO_INDEX="1")
        assert (answer.returncode, refusal in answer.stderr.lower()) == (1 if refusal else 0, True), answer.stderr


@pytest.mark.parametrize("lock", ["requirements.txt", "requirements-dev.txt"])
def test_every_package_of_a_lock_has_hashes_and_no_lock_names_a_place(lock):
    text = (BANK.parent / lock).read_text(encoding="utf-8")
    pinned = re.findall(r"^[A-Za-z0-9].*==.*$", text, re.MULTILINE)
    assert len(pinned) > 80
    assert [line for line in pinned if not line.endswith("\\")] == []
    assert re.findall(r"^(?:--(?!hash)|-[a-z]).*$|https?://", text, re.MULTILINE) == []


def test_the_lock_of_development_has_the_versions_of_the_bank():
    def pins(lock):
        text = (BANK.parent / lock).read_text(encoding="utf-8")
        # What a package is asked for besides is no other version of it.
        return {re.sub(r"\[.*?\]", "", pin) for pin in re.findall(r"^[A-Za-z0-9].*==\S+", text, re.MULTILINE)}

    assert pins("requirements.txt") <= pins("requirements-dev.txt")


def test_a_python_without_environments_says_which_package_is_missing(tmp_path):
    shutil.copy2(BANK, tmp_path / "bank")
    (tmp_path / "requirements.txt").write_text(LOCK)
    (tmp_path / "lacking").mkdir()
    (tmp_path / "lacking" / "ensurepip.py").write_text("raise ImportError\n")
    answer = start(tmp_path, "run", PYTHONPATH=str(tmp_path / "lacking"))
    assert answer.returncode == 1
    assert "-venv" in answer.stderr.splitlines()[-1]


def test_a_full_disk_is_noticed_before_anything_is_written(bootstrap, monkeypatch, tmp_path):
    monkeypatch.setattr(bootstrap, "ROOT", str(tmp_path))
    monkeypatch.setattr(bootstrap.shutil, "disk_usage", lambda _path: shutil._ntuple_diskusage(10**9, 10**9, 10**6))
    with pytest.raises(bootstrap.Stop, match="make room"):
        bootstrap.install(str(tmp_path / "requirements.txt"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (
            ["ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device"],
            "The disk is full",
        ),
        (
            ["WARNING: Retrying ... Temporary failure in name resolution"],
            "The Python package registry cannot be reached",
        ),
        (["ERROR: No matching distribution found for x==1"], "could not be installed: No matching distribution"),
        ([], "could not be installed: pip failed"),
    ],
)
def test_what_pip_says_becomes_one_sentence(bootstrap, said, sentence):
    assert sentence in bootstrap.reason(said)
