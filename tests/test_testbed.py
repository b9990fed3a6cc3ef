"""Which server the tests stand on, and what stands in the way of a cluster."""

import os
import subprocess
import sys

import pytest

from bank_app import private_galera, private_mysql
from bank_app.private_mysql import ServerError, find_program
from bank_app.settings import PROJECT


@pytest.fixture
def pretend(tmp_path):
    """`pretend("Ver …")` is a program that says so when it is asked for its version."""

    def one(said, name="server"):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\necho '{said}'\n")
        program.chmod(0o755)
        return program

    return one


def test_the_server_of_the_tests_can_be_chosen(monkeypatch, pretend):
    chosen = pretend("/opt/mysqld  Ver 9.7.4 for Linux on x86_64 (MySQL Community Server - GPL)")
    monkeypatch.setenv(private_mysql.CHOSEN_SERVER, str(chosen))
    found = find_program()
    assert (found.path, found.flavour, found.version_text) == (chosen, "mysql", "9.7.4")


def test_a_server_is_what_its_version_says_and_not_what_it_is_called(pretend):
    """Where `mysqld` is a link to MariaDB, a MySQL that is started under that name prints the path of the other."""
    assert find_program(pretend("/usr/sbin/mariadbd  Ver 9.7.4-2 for Linux on x86_64 ((Debian))")).flavour == "mysql"
    maria = pretend("/usr/sbin/mysqld  Ver 10.11.19-MariaDB-0+deb12u1 for debian-linux-gnu on x86_64 (Debian 12)")
    assert find_program(maria).flavour == "mariadb"


@pytest.mark.parametrize("named", ["true", "nothing-of-that-name"])
def test_a_chosen_server_that_is_none_is_named(tmp_path, pretend, named):
    if named == "true":
        pretend("true", named)
    data = {**os.environ, "BANK_DATA": str(tmp_path / "data")}
    done = subprocess.run(
        [sys.executable, "-m", "bank_app", "test", "--mysql-server", str(tmp_path / named)],
        cwd=PROJECT, env=data, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == (f"{tmp_path / named} is no MariaDB or MySQL server program, nor a script that starts one.\n")


def test_the_fast_tests_need_neither_server_nor_browser():
    """On a machine that has none: no test asks for either while it is collected."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--fast",
        "--collect-only",
        "-q",
        "-o",
        "addopts=--import-mode=importlib",
    ]
    named = ["tests/services/test_integrity.py", "tests/concurrency/test_locks.py", "tests/faults/test_crash.py"]
    done = subprocess.run([*command, *named], cwd=PROJECT, capture_output=True, text=True, check=False)
    listed = [line for line in done.stdout.splitlines() if "::" in line]
    assert done.returncode == 0, done.stdout + done.stderr
    assert listed
    assert {line.partition("::")[0] for line in listed} == {named[0]}
    assert not [line for line in listed if "mariadb" in line.lower() or "mysql" in line.lower()]


def test_a_machine_without_galera_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr(private_galera, "PROVIDERS", ())
    with pytest.raises(ServerError, match=r"the Galera library.*install galera-4, mariadb-server and rsync"):
        private_galera.find_galera()


def test_a_cluster_is_made_of_mariadb_servers(pretend):
    program = find_program(pretend("mysqld  Ver 9.7.4 for Linux on x86_64 (MySQL Community Server - GPL)"))
    with pytest.raises(ServerError, match="made of MariaDB servers"):
        private_galera.PrivateCluster(program=program)
