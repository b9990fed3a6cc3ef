"""The private database server: its life, its death, and what it leaves alone."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pymysql
import pytest

from bank_app import lifeline, private_mysql
from bank_app.private_mysql import PrivateServer, ServerError


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with PrivateServer(tmp_path_factory.mktemp("server") / "mysql") as server:
        yield server


def one(server, statement):
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()[0]


def test_a_private_server_answers_at_its_address(server):
    assert server.url == f"mysql+pymysql://bank:{server.password}@127.0.0.1:{server.port}/bank"
    assert one(server, "SELECT 1") == 1


def test_a_private_server_listens_below_the_ephemeral_ports_and_on_loopback_only(server):
    assert 20000 <= server.port < 32768
    assert one(server, "SELECT @@bind_address") == "127.0.0.1"


def test_a_private_server_is_durable_and_speaks_utf8mb4(server):
    assert one(server, "SELECT @@innodb_flush_log_at_trx_commit") == 1
    assert one(server, "SELECT @@innodb_doublewrite") in (1, "ON")
    assert one(server, "SELECT @@character_set_server") == "utf8mb4"
    assert one(server, "SELECT @@log_bin_trust_function_creators") == 1


def test_a_private_server_makes_databases_that_the_bank_may_use(server):
    server.make_database("bank_second")
    with server.connect(database="bank_second") as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE t (id INT PRIMARY KEY)")
        cursor.execute("CREATE TRIGGER stop BEFORE DELETE ON t FOR EACH ROW SIGNAL SQLSTATE '45000'")


def test_a_database_that_is_not_the_banks_is_not_made(server):
    with pytest.raises(ValueError, match="called bank"):
        server.make_database("mysql")


def test_only_its_owner_can_read_the_password(server):
    assert (server.folder / "password").stat().st_mode & 0o777 == 0o600
    assert not (server.folder / "first.sql").exists()


def test_a_stranger_without_the_password_is_refused(server):
    for user in ("root", "bank"):
        with pytest.raises(pymysql.MySQLError):
            pymysql.connect(unix_socket=str(server.socket_path), user=user, ssl_disabled=True)


def test_a_second_owner_is_refused_while_the_first_lives(server):
    with pytest.raises(ServerError, match=f"in use by process {os.getpid()}"):
        PrivateServer(server.folder).start()


def test_what_was_acknowledged_survives_a_crash(tmp_path):
    with PrivateServer(tmp_path / "mysql") as server:
        with server.connect(database="bank") as connection, connection.cursor() as cursor:
            cursor.execute("CREATE TABLE t (id INT PRIMARY KEY)")
            cursor.execute("INSERT INTO t VALUES (42)")
        server.kill()
        assert server.pid is None
        server.start()
        assert one(server, "SELECT id FROM bank.t") == 42


def test_a_server_dies_with_its_owner_and_starts_again(tmp_path):
    folder = tmp_path / "mysql"
    script = f"""
import time
from pathlib import Path
from bank_app.private_mysql import PrivateServer
server = PrivateServer(Path({str(folder)!r}))
server.start()
print(server.pid, flush=True)
time.sleep(600)
"""
    owner = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=Path.cwd())
    pid = int(owner.stdout.readline())
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    owner.stdout.close()
    with PrivateServer(folder) as server:
        assert server.pid != pid
        assert not lifeline.is_running(pid)
        assert one(server, "SELECT 1") == 1


def test_a_first_start_that_was_interrupted_is_made_again(tmp_path):
    folder = tmp_path / "mysql"
    with PrivateServer(folder):
        pass
    (folder / "initialised").unlink()
    (folder / "data" / "ibdata1").unlink()
    with PrivateServer(folder) as server:
        assert one(server, "SELECT 1") == 1


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("four years of work")
    with pytest.raises(ServerError, match="not the bank's"):
        PrivateServer(tmp_path).start()
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_stranger_that_got_the_servers_old_process_number_is_left_alone(tmp_path):
    folder = tmp_path / "mysql"
    with PrivateServer(folder):
        pass
    stranger = subprocess.Popen(["sleep", "60"])
    (folder / "pid").write_text(str(stranger.pid))
    with PrivateServer(folder):
        assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_a_path_that_is_too_long_for_a_socket_still_works(tmp_path):
    with PrivateServer(tmp_path / ("long" * 30) / "mysql") as server:
        short = server.socket_path
        assert len(str(short)) < 104
        assert one(server, "SELECT 1") == 1
    assert not short.parent.exists()


def test_a_port_that_was_taken_meanwhile_is_replaced(tmp_path):
    with PrivateServer(tmp_path / "one") as first:
        (tmp_path / "two").mkdir()
        second = PrivateServer(tmp_path / "two")
        with second:
            before = second.port
        (tmp_path / "two" / "port").write_text(str(first.port))
        with second:
            assert second.port not in (first.port, 0)
            assert before


def test_without_a_server_the_person_is_told_what_to_install(monkeypatch, tmp_path):
    monkeypatch.delenv(private_mysql.CHOSEN_SERVER, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(private_mysql, "SERVER_FOLDERS", ())
    with pytest.raises(ServerError, match="apt install mariadb-server"):
        private_mysql.find_program()


def test_a_server_that_is_too_old_is_named(tmp_path):
    old = tmp_path / "mysqld"
    old.write_text("#!/bin/sh\necho 'mysqld  Ver 5.7.44 for Linux on x86_64 (MySQL Community Server)'\n")
    old.chmod(0o755)
    with pytest.raises(ServerError, match=r"mysqld is mysql 5\.7\.44: upgrade"):
        private_mysql.find_program(old)


def test_a_server_is_asked_to_stop_and_not_killed(tmp_path):
    server = PrivateServer(tmp_path / "mysql")
    server.start()
    server.stop()
    assert server.pid is None
    assert "Shutdown complete" in (server.folder / "server.log").read_text(errors="replace")
