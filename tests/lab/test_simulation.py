"""Free runs: many workers, real connections, no barriers. What is safe holds; what is not is shown, or was lucky."""

import csv
import io
import json
import time
from dataclasses import replace
from uuid import uuid4

import pymysql
import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from bank_app.database import Database
from bank_app.domain.accounting import Role
from bank_app.errors import Invalid, NotFound
from bank_app.lab import office
from bank_app.lab.simulation import bank_path, experiments, folders, report, run
from bank_app.lab.simulation import place as places
from bank_app.lab.simulation.catalogue import STRATEGIES
from bank_app.lab.simulation.scenario import Config, Operations, operation
from bank_app.services import auth
from bank_app.services.actor import Actor
from bank_app.settings import load

SAFE = [name for name, strategy in STRATEGIES.items() if strategy.safe and name != "S8"]


@pytest.fixture(scope="module")
def place(mariadb_server):
    return places.on(mariadb_server)


def simulate(place, folder, **settings):
    config = Config(**{"seconds": 1, "workers": 16, "accounts": 8, **settings})
    return run.Run(config, place, folder, on_tick=lambda _: None).carry_out()


# --- the same transfers for everybody ---------------------------------------------------------------


def test_a_seed_makes_the_same_transfers_whoever_asks():
    config = Config(seed=7, twice_percent=30)
    one, other = Operations(config), Operations(config)
    assert [one.next() for _ in range(50)] == [other.next() for _ in range(50)]


def test_strategies_do_not_change_the_transfers():
    assert operation(Config(strategy="S1"), 9) == operation(Config(strategy="S8", seconds=60, workers=1), 9)


def test_hot_accounts_get_their_share():
    hot = [operation(Config(accounts=100, hot_percent=40), number)[0] for number in range(1, 1001)]
    share = sum({one.payer, one.payee} & {1, 2} != set() for one in hot)
    assert 380 < share < 480


@pytest.mark.parametrize(
    "wrong", [{"workers": 65}, {"accounts": 1001}, {"seconds": 61}, {"accounts": 1}, {"strategy": "DROP"}, {"seed": -1}]
)
def test_what_could_starve_the_bank_is_refused(wrong):
    with pytest.raises(Invalid):
        Config.read(wrong)


def test_a_share_link_says_everything_and_nothing_twice():
    config = Config(strategy="S4", workers=32, check=True, isolation="SERIALIZABLE")
    from urllib.parse import parse_qsl

    assert Config.read(dict(parse_qsl(config.query()))) == config


# --- free runs --------------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", SAFE)
@pytest.mark.parametrize("faults", [{}, {"crash_percent": 5, "twice_percent": 10, "opening_minor": 10_000}])
def test_a_safe_strategy_keeps_every_cent(place, tmp_path, strategy, faults):
    outcome = simulate(place, tmp_path, strategy=strategy, seed=11, **faults)
    assert outcome.findings.holds, report.sentence(outcome)
    assert outcome.counts["ok"] > 0
    assert outcome.race is None


@pytest.mark.parametrize("strategy", ["S0", "S1", "S9"])
def test_what_an_unsafe_strategy_makes_or_loses_is_explained_to_the_cent(place, tmp_path, strategy):
    outcome = simulate(place, tmp_path, strategy=strategy, seed=12, hot_percent=80, think_ms=5, seconds=2)
    found = outcome.findings
    assert found.difference_minor == found.explained_minor
    if found.holds:
        assert report.LUCK in report.sentence(outcome)
    else:
        assert outcome.race is not None
        assert outcome.race.minor != 0


def test_the_banks_own_path_keeps_every_cent_and_its_books_are_right(place, tmp_path):
    outcome = simulate(place, tmp_path, strategy="S8", crash_percent=1, twice_percent=10, opening_minor=20_000)
    assert outcome.findings.holds, report.sentence(outcome)
    assert outcome.books_problems == []
    assert outcome.counts["ok"] > 0


@pytest.mark.parametrize("kept", ["by a server", "in a file"])
def test_the_books_of_a_run_before_are_gone(kept, place, tmp_path):
    """Each run would take longer than the one before, and its check as well."""
    place = place if kept == "by a server" else places.embedded(tmp_path)
    config = Config(strategy="S8", accounts=3)
    for _ in range(2):
        books = bank_path.BankBooks(place, tmp_path, config)
        books.prepare(config)
        # An opening deposit has two postings.
        assert (books.size(), books.problems()) == (6, [])
        books.close()


def test_books_that_the_laboratory_did_not_make_are_never_dropped(tmp_path):
    place = places.embedded(tmp_path)
    theirs = Database(load(database_url=place.url, data=tmp_path))
    theirs.upgrade_schema()
    auth.register(theirs, email="ada@bank.test", name="Ada", password="lantern-orchard-48-violin")
    theirs.dispose()
    books = bank_path.BankBooks(place, tmp_path, Config(strategy="S8", accounts=3))
    books.prepare(Config(strategy="S8", accounts=3))
    assert books.db.read(lambda session: auth.find(session, "ada@bank.test")).name == "Ada"
    books.close()


def test_a_run_on_the_embedded_engine(tmp_path):
    place = places.embedded(tmp_path)
    assert simulate(place, tmp_path, strategy="S5", workers=4).findings.holds
    with pytest.raises(places.LabUnavailable, match="needs MySQL or MariaDB"):
        simulate(place, tmp_path, strategy="S4")


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        ({"isolation": "SERIALIZABLE"}, "no isolation levels"),
        ({"snapshot": True}, "MariaDB"),
        ({"foreign_ms": 5}, "no rows"),
    ],
)
def test_what_the_embedded_engine_has_not_is_refused_and_not_ignored(tmp_path, wanted, why):
    with pytest.raises(places.LabUnavailable, match=why):
        simulate(places.embedded(tmp_path), tmp_path, strategy="S5", **wanted)


def test_a_run_can_end_at_the_first_break(place, tmp_path):
    outcome = simulate(
        place, tmp_path, strategy="S1", seconds=20, hot_percent=100, think_ms=10, accounts=2, stop_at_break=True
    )
    assert not outcome.findings.holds
    assert outcome.seconds < 20


def test_what_the_embedded_engine_refuses_is_not_called_luck(tmp_path):
    outcome = simulate(
        places.embedded(tmp_path), tmp_path, strategy="S1", hot_percent=100, accounts=2, think_ms=5, seconds=2
    )
    made = report.of(outcome)
    assert report.verdict(made) == "refused"
    assert made["refused"] == outcome.counts["changed"] > 0
    assert "the embedded engine refused" in made["sentence"]
    assert report.LUCK not in made["sentence"]
    assert (made["isolation"], made["server"], made["server_snapshot"]) == ("", False, None)


def test_what_the_server_refuses_is_counted_as_what_it_is(place, tmp_path):
    """On MariaDB as error 1020; a server without the setting says that it has none."""
    crowd = {"hot_percent": 100, "accounts": 2, "think_ms": 5, "seconds": 2}
    if place.engine().snapshot is None:
        with pytest.raises(places.LabUnavailable, match="no innodb_snapshot_isolation"):
            simulate(place, tmp_path, strategy="S1", snapshot=True, **crowd)
        return
    made = [
        report.of(simulate(place, tmp_path, strategy=name, snapshot=True, **crowd)) for name in ("S1", "S2", "S9", "S4")
    ]
    assert [report.verdict(one) for one in made] == ["refused", "refused", "BROKEN", "HOLDING"]
    assert f"{made[0]['counts']['changed']:,} times" in made[0]["sentence"]
    assert "your server, MariaDB" in made[0]["sentence"]
    assert "error 1020" in made[0]["sentence"]
    assert report.comparison(made).startswith("S4 kept every cent")
    assert "S1 and S2 held because the database refused" in report.comparison(made)
    lines = list(csv.DictReader(io.StringIO(report.samples_csv(made[:1]))))
    assert int(lines[-1]["record_changed"]) > 0
    assert made[0]["command"].endswith("--snapshot --mysql")


def test_the_databases_check_is_no_luck_either(place, tmp_path):
    outcome = simulate(
        place, tmp_path, strategy="S2", hot_percent=60, think_ms=3, opening_minor=6_000, check=True, seconds=2
    )
    made = report.of(outcome)
    assert made["refused"] == outcome.counts["check"] > 0
    assert report.verdict(made) == "refused"
    assert "CHECK refused" in made["sentence"]


def test_serializable_refuses_by_deadlocks(place, tmp_path):
    outcome = simulate(
        place, tmp_path, strategy="S1", isolation="SERIALIZABLE", hot_percent=100, accounts=2, think_ms=5, seconds=2
    )
    made = report.of(outcome)
    assert report.verdict(made) == "refused"
    assert "SERIALIZABLE refused" in made["sentence"]


@pytest.mark.parametrize("strategy", ["S0", "S2"])
def test_a_question_about_paying_twice_is_answered_about_paying_twice(tmp_path, strategy):
    """Whatever else is wrong in it: S0 loses updates as well."""
    place = places.embedded(tmp_path)
    twice = experiments.named("twice").setup(server=False)
    config = replace(twice, strategy=strategy, seconds=2)
    outcome = run.Run(config, place, tmp_path, on_tick=lambda _: None).carry_out()
    made = report.of(outcome)
    assert made["race"]["kind"] == "doubled"
    assert "moved money twice" in made["sentence"]
    assert experiments.named("twice").prediction.came(made) == "twice"


# --- nothing else is touched ------------------------------------------------------------------------


def test_the_laboratory_cannot_read_the_bank_nor_the_bank_the_laboratory(mariadb_server, mariadb_db, place):
    bank = mariadb_db.writing.url.database
    with pytest.raises(pymysql.MySQLError, match="denied"), place.connect() as connection:
        connection.cursor().execute(f"SELECT * FROM {bank}.accounts")
    with pytest.raises(pymysql.MySQLError, match="denied"), mariadb_server.connect() as connection:
        connection.cursor().execute("SELECT * FROM lab.lab_account")


def test_a_run_changes_nothing_in_the_bank(mariadb_db, place, tmp_path):
    def checksums():
        with mariadb_db.reading.connect() as connection:
            tables = [row[0] for row in connection.execute(text("SHOW TABLES"))]
            return {table: connection.execute(text(f"CHECKSUM TABLE {table}")).one()[1] for table in tables}

    before = checksums()
    for strategy in ("S0", "S8"):
        simulate(place, tmp_path, strategy=strategy)
    assert checksums() == before


def test_a_lab_user_who_may_not_make_triggers_is_told_what_it_needs(mariadb_server, place, tmp_path):
    with mariadb_server.connect_as_root() as root, root.cursor() as cursor:
        cursor.execute("DROP USER IF EXISTS 'narrow'@'127.0.0.1'")
        cursor.execute("CREATE USER 'narrow'@'127.0.0.1' IDENTIFIED BY 'narrow'")
        cursor.execute("GRANT SELECT, INSERT, UPDATE, CREATE, DROP ON lab.* TO 'narrow'@'127.0.0.1'")
        narrow = places.Place(f"mysql+pymysql://narrow:narrow@127.0.0.1:{mariadb_server.port}/lab")
        with pytest.raises(places.LabUnavailable, match="triggers"):
            simulate(narrow, tmp_path, strategy="S5")
        cursor.execute("DROP USER 'narrow'@'127.0.0.1'")


# --- the front desk ---------------------------------------------------------------------------------


@pytest.fixture
def desk(place, tmp_path):
    return office.Office(load(data=tmp_path, database_url="", lab_url=place.url))


def wait_for(desk, number):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        seen, ticks = desk.look(number)
        if seen.is_over:
            return seen, ticks
        time.sleep(0.05)
    raise AssertionError(f"run {number} is still {seen.state}")


def test_a_run_in_a_process_of_its_own_is_kept(desk):
    number = desk.start([Config(strategy="S4", seconds=1)], started_at="now", by=None)
    seen, ticks = wait_for(desk, number)
    assert (seen.state, seen.report["results"][0]["holds"]) == ("finished", True)
    assert ticks[-1]["total_minor"] == Config().expected_minor
    assert [one.number for one in desk.runs()] == [number]
    assert len(desk.samples_csv(number).splitlines()) == len(ticks) + 1


def test_strategies_are_compared_one_after_the_other(desk):
    configs = [Config(strategy=name, seconds=1) for name in ("S4", "S5")]
    seen, ticks = wait_for(desk, desk.start(configs, started_at="now", by=None))
    assert [one["strategy"]["id"] for one in seen.report["results"]] == ["S4", "S5"]
    assert {tick["run"] for tick in ticks} == {0, 1}
    assert seen.report["comparison"].endswith("all of them held.")


def test_a_run_is_stopped_within_two_seconds(desk):
    admin = Actor(uuid4(), "kim@bank.test", "Kim", Role.ADMIN)
    number = desk.start([Config(strategy="S4", seconds=60)], started_at="now", by=None)
    while not desk.look(number)[1]:
        time.sleep(0.05)
    desk.stop(number, by=admin)
    seen, _ = wait_for(desk, number)
    assert seen.state == "stopped"
    assert seen.report["results"][0]["seconds"] < 60


def test_a_run_that_begins_this_moment_has_not_failed(desk, monkeypatch):
    """Between its start and its first instruction a process has no command line."""
    number = desk.start([Config(strategy="S4", seconds=1)], started_at="now", by=None)
    with monkeypatch.context() as patched:
        patched.setattr(folders, "command_line", lambda _pid: "")
        assert desk.look(number)[0].state in ("queued", "running")
    assert wait_for(desk, number)[0].state == "finished"


def test_the_second_run_waits_for_the_first(desk):
    first = desk.start([Config(strategy="S4", seconds=2)], started_at="now", by=None)
    while desk.look(first)[0].state != "running":
        time.sleep(0.02)
    second = desk.start([Config(strategy="S5", seconds=1)], started_at="now", by=None)
    assert desk.look(second)[0].state == "queued"
    assert wait_for(desk, second)[0].state == "finished"


def test_a_run_whose_process_died_has_failed(desk, tmp_path):
    number = desk.start([Config(strategy="S4", seconds=1)], started_at="now", by=None)
    wait_for(desk, number)
    folder = tmp_path / "lab" / "runs" / str(number)
    (folder / "report.json").unlink()
    (folder / "state.json").write_text(json.dumps({"state": "running", "message": "", "pid": 2**22 - 1}))
    assert desk.look(number)[0].state == "failed"


def test_what_does_not_exist_is_not_found(desk):
    with pytest.raises(NotFound):
        desk.look(12)
    with pytest.raises(Invalid, match="no strategy"):
        desk.start([Config(strategy="S77")], started_at="now", by=None)


# --- the command ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("strategy", "status"), [("S5", 0), ("S1", 1)])
def test_the_command_says_by_its_status_whether_money_was_conserved(place, tmp_path, monkeypatch, strategy, status):
    from bank_app.cli import app

    monkeypatch.setenv("BANK_LAB_URL", place.url)
    words = [
        "simulate",
        "--strategy",
        strategy,
        "--seconds",
        "2",
        "--accounts",
        "2",
        "--hot",
        "100",
        "--think-ms",
        "10",
    ]
    done = CliRunner().invoke(app, [*words, "--data", str(tmp_path), "--json", str(tmp_path / "r.json")])
    assert done.exit_code == status, done.output
    written = json.loads((tmp_path / "r.json").read_text())["results"][0]
    assert written["holds"] is (status == 0)
    assert written["command"].startswith(f"./bank simulate --strategy {strategy}")
    assert written["command"].endswith(" --mysql")


def test_the_command_with_several_seeds_has_one_row_for_all_of_them(place, tmp_path, monkeypatch):
    from bank_app.cli import app

    monkeypatch.setenv("BANK_LAB_URL", place.url)
    words = ["simulate", "--strategy", "S4,S5", "--seconds", "1", "--seed", "7", "--seeds", "2"]
    done = CliRunner().invoke(app, [*words, "--data", str(tmp_path), "--json", str(tmp_path / "r.json")])
    assert done.exit_code == 0, done.output
    assert "4 × 1 s, seeds 7 to 8" in done.output
    written = json.loads((tmp_path / "r.json").read_text())["results"]
    assert [(one["strategy"]["id"], one["config"]["seed"]) for one in written] == [
        ("S4", 7), ("S4", 8), ("S5", 7), ("S5", 8),
    ]  # fmt: skip


def made_up(strategy, seed, difference, at):
    return {
        "strategy": {"id": strategy, "safe": strategy != "S1"},
        "counts": {"ok": 21_081, "retried": 11_740, "deadlocks": 11_750},
        "difference_minor": difference,
        "holds": not difference,
        "invariants": [{"at": at}, {"at": None}],
    }


@pytest.mark.parametrize("table", [report.table, report.table_of_seeds])
def test_a_table_with_error_1020_fits_a_terminal_too(table):
    from rich.console import Console

    made = {**made_up("S1", 1, 0, None), "refused": 22_410, "a_second": 1_373.0, "p95_ms": 1172.8}
    made["counts"] = {**made["counts"], "changed": 22_410, "declined": 1_282}
    console = Console(width=80)
    with console.capture() as captured:
        console.print(table([made, {**made_up("S9", 1, -7_559_900, 0.08), "a_second": 1.0, "p95_ms": 1.0}]))
    assert "22,410" in captured.get()
    assert "refused" in captured.get()
    assert "BROKEN" in captured.get()
    assert "…" not in captured.get()


def test_the_table_of_seeds_fits_a_terminal_and_counts_what_broke():
    from rich.console import Console

    runs = [made_up("S1", 1, 2_173_015, 0.08), made_up("S1", 2, -5, 9.91), made_up("S1", 3, 0, None)]
    console = Console(width=80)
    with console.capture() as captured:
        console.print(report.table_of_seeds([*runs, made_up("S4", 1, 0, None)]))
    rows = [line.split() for line in captured.get().splitlines()]
    assert rows[3] == ["S1", "3", "63,243", "35,220", "35,250", "$21,730.15", "0.08–9.91", "s", "BROKEN", "2/3"]
    assert rows[4] == ["S4", "1", "21,081", "11,740", "11,750", "$0.00", "HOLDING"]
