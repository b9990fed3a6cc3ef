"""Every scenario of `./bank torture`, briefly: what is acknowledged survives, once, whatever breaks."""

import pytest
from rich.console import Console

from bank_app.lab import torture, verdicts
from bank_app.lab.bed import DATABASE, Bed
from bank_app.lab.faults import sessions
from bank_app.lab.journal import Entry, Journal, State
from bank_app.lab.scenarios import PLAIN, SCENARIOS, Scenario

NAMES = [scenario.name for scenario in SCENARIOS]


@pytest.fixture(scope="module")
def bed(tmp_path_factory):
    """One private bank for all scenarios, made the way that each wants it."""
    with Bed(tmp_path_factory.mktemp("torture") / "bed") as bed:
        yield bed


def endure(bed, scenario, rounds=1):
    [result] = torture.torture(bed, [scenario], rounds=rounds, quick=True)
    return result


# --- torture itself can tell --------------------------------------------------------------------------


def test_a_movement_that_was_posted_while_its_client_heard_nothing_is_noticed(bed):
    def hush(stage):
        with stage.under_load() as load:
            stage.more(load, 5)
        entry = next(entry for entry in load.journal.entries if entry.state is State.ACKNOWLEDGED)
        entry.state = State.UNKNOWN
        assert stage.posted_and_not_answered(load) == [entry]
        entry.state = State.ACKNOWLEDGED

    assert endure(bed, Scenario("hush", "an answer is withheld", hush)).ok


def test_money_from_nowhere_and_a_bank_that_ended_are_found_and_the_next_scenario_gets_a_new_one(bed):
    def forge(stage):
        with stage.under_load() as load:
            stage.more(load, 10)
        with sessions.root(stage.bed.server) as superuser:
            sessions.run(superuser, f"USE {DATABASE}")
            sessions.run(superuser, "DROP TRIGGER accounts_guard")
            number = stage.cast.accounts[0].number
            sessions.run(superuser, "UPDATE accounts SET balance = balance + 1 WHERE id = %s", [number])
        stage.bank.kill()
        stage.more(load)

    result = endure(bed, Scenario("forged", "somebody changes a balance by hand", forge))
    assert not result.ok
    assert any("the bank ended" in sentence for sentence in result.broken)
    assert any("should hold" in sentence for sentence in result.broken)
    bed.make(PLAIN, fresh=False)
    assert len(bed.bank.workers()) == bed.workers


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ({"internal_error": 1}, "clients were told 1 × internal_error"),
        ({"http_503": 2}, "clients were told 2 × http_503"),
        ({"lock_timeout": 3, "overloaded": 1}, None),
    ],
)
def test_only_documented_answers_are_taken_from_a_bank_that_is_ill(told, sentence, ada_paid):
    ada_paid.busy.update(told)
    assert torture.untold(ada_paid.figures()) == ([sentence] if sentence else [])


def test_a_load_that_got_nothing_through_is_no_success():
    assert torture.untold(Journal().figures()) == ["nothing was acknowledged, so nothing was tried"]


@pytest.fixture
def ada_paid():
    """A journal with one payment that went through."""
    entry = Entry("k", None, 1, 2, 100, 0.0, state=State.ACKNOWLEDGED, answered=0.1)
    return Journal(entries=[entry], seconds=1.0)


# --- what breaks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_the_bank_keeps_its_promises_when(bed, name):
    result = endure(bed, *torture.choose([name]))
    assert result.broken == ()
    assert (result.lost, result.doubled, result.unanswered) == (0, 0, 0)
    assert result.acknowledged > 0


# --- the command --------------------------------------------------------------------------------------


def test_a_scenario_that_does_not_exist_is_named_and_the_others_are_listed():
    with pytest.raises(torture.NoSuchScenario, match="no scenario earthquake: choose among away, clock-back"):
        torture.choose(["earthquake"])


def test_the_command_prints_a_table_writes_json_and_a_page(tmp_path):
    report, page = tmp_path / "torture.json", tmp_path / "torture.md"
    page.write_text(f"# Torture\n\n{verdicts.BEGIN}\nold\n{verdicts.END}\n\nThe end.\n", encoding="utf-8")
    console = Console(record=True, width=200)
    passed = torture.run(
        rounds=1, quick=True, only=["read-only"], server=None, report=report, page=page, console=console, command="x"
    )
    assert passed
    assert "read-only" in console.export_text()
    assert '"scenario": "read-only"' in report.read_text(encoding="utf-8")
    written = page.read_text(encoding="utf-8")
    assert "| read-only |" in written
    assert "old" not in written
    assert written.endswith("The end.\n")
