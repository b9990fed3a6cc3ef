"""Each anomaly made by hand: two transfers meet under barriers, and the explanation is right, not only the number."""

import pytest

from bank_app.lab.simulation import catalogue
from bank_app.lab.simulation import place as places
from bank_app.lab.simulation.audit import figure
from bank_app.lab.simulation.unit import Trouble
from tests.lab.simulated import broken, meet, pair, second_waits_for_first


@pytest.fixture(scope="module")
def place(mariadb_server):
    return places.on(mariadb_server)


def same_payer(first, second):
    return first.payer == second.payer and first.payee != second.payee


@pytest.mark.parametrize("strategy", ["S0", "S1", "S9"])
def test_a_lost_update_is_found_and_explained(place, strategy):
    """Both read the payer's balance, both write their own difference: the first one's debit is overwritten."""
    config = pair(same_payer, accounts=4)
    made = meet(place, config, strategy, script=second_waits_for_first)
    first, second = made.race.transfers
    assert made.answers == ["ok", "ok"]
    assert made.findings.difference_minor == made.findings.explained_minor == made.race.minor == first.amount_minor
    assert broken(made.findings) == ["I1", "I4"]
    assert made.race.kind == "lost_update"
    assert (first.tag, second.tag) == (2, 4)
    assert made.race.sentence == (
        f"T2 wrote {figure(config.opening_minor - second.amount_minor)} from a balance it had read before T1’s change, "
        f"so T1’s {figure(first.amount_minor)} debit vanished: {figure(first.amount_minor)} now exists twice."
    )


@pytest.fixture
def refusing(place):
    """A server that can refuse to change a row that is newer than what was read."""
    if place.engine().snapshot is None:
        return None
    return place


@pytest.mark.parametrize("strategy", ["S1", "S2"])
def test_the_server_refuses_what_rests_on_an_old_read_where_it_is_asked_to(place, refusing, strategy):
    """MariaDB can; where there is no such setting a run that wants it is told so."""
    config = pair(same_payer, accounts=4, snapshot=True)
    if refusing is None:
        with pytest.raises(places.LabUnavailable, match="no innodb_snapshot_isolation"):
            place.connect("REPEATABLE READ", snapshot=True)
        return
    made = meet(place, config, strategy, script=second_waits_for_first)
    assert made.answers == ["ok", Trouble.CHANGED.value]
    assert made.findings.holds


def test_what_the_server_refuses_helps_nobody_who_reads_at_another_level(place, refusing):
    """S9 works at READ COMMITTED, which the setting does not touch."""
    made = meet(place, pair(same_payer, accounts=4, snapshot=refusing is not None), "S9", script=second_waits_for_first)
    assert made.answers == ["ok", "ok"]
    assert broken(made.findings) == ["I1", "I4"]


@pytest.mark.parametrize("strategy", ["S1", "S2"])
def test_the_embedded_engine_always_refuses_what_rests_on_an_old_read(tmp_path, strategy):
    place = places.embedded(tmp_path)
    made = meet(place, pair(same_payer, accounts=4), strategy, script=second_waits_for_first)
    assert made.answers == ["ok", Trouble.CHANGED.value]
    assert made.findings.holds


@pytest.mark.parametrize(("strategy", "level"), [("S7", "READ COMMITTED"), ("S7", "REPEATABLE READ")])
def test_a_safe_strategy_below_its_level_is_not_safe(place, strategy, level):
    config = pair(same_payer, accounts=4, isolation=level)
    made = meet(place, config, strategy, script=second_waits_for_first)
    assert "I1" in broken(made.findings)
    assert not catalogue.is_safe(config.with_strategy(strategy))


def test_the_arithmetic_of_an_explanation_adds_up(place):
    made = meet(place, pair(same_payer, accounts=4), "S1", script=second_waits_for_first)
    read, *changes, should, stored, minor = (figure_minor for _, figure_minor in made.race.sums)
    assert read + sum(changes) == should
    assert stored - should == minor


def test_the_replay_shows_the_stale_read_before_and_the_overwrite_after_the_others_commit(place):
    made = meet(place, pair(same_payer, accounts=4), "S1", script=second_waits_for_first)
    marks = [(beat.lane, beat.mark or beat.sql) for beat in made.race.beats]
    assert marks.index((2, "stale")) < marks.index((1, "COMMIT")) < marks.index((2, "wrong"))


def test_a_lost_credit_is_money_gone(place):
    config = pair(lambda first, second: first.payee == second.payer, accounts=4)
    made = meet(place, config, "S1", script=second_waits_for_first)
    assert made.race.minor == -made.race.transfers[0].amount_minor == made.findings.difference_minor
    assert made.race.sentence.endswith("is gone.")


def test_an_overdraft_is_explained_by_who_took_the_money_in_between(place):
    """Write skew: each finds enough, together they take too much."""

    def too_much(first, second):
        together = first.amount_minor + second.amount_minor
        return same_payer(first, second) and max(first.amount_minor, second.amount_minor) <= 4_000 < together

    made = meet(place, pair(too_much, accounts=4, opening_minor=4_000), "S2", script=second_waits_for_first)
    first, second = made.race.transfers
    assert made.findings.difference_minor == 0
    assert broken(made.findings) == ["I2"]
    assert made.race.kind == "overdrawn"
    assert f"T2 saw {figure(4_000)} and found it enough for {figure(second.amount_minor)}" in made.race.sentence
    assert f"T1 had taken {figure(first.amount_minor)}" in made.race.sentence


def test_the_databases_check_turns_an_overdraft_into_a_refusal(place):
    def too_much(first, second):
        together = first.amount_minor + second.amount_minor
        return same_payer(first, second) and max(first.amount_minor, second.amount_minor) <= 4_000 < together

    config = pair(too_much, accounts=4, opening_minor=4_000, check=True)
    made = meet(place, config, "S2", script=second_waits_for_first)
    assert made.answers == ["ok", "refused by the database's CHECK"]
    assert made.findings.holds


def test_half_a_transfer_is_found_where_nothing_holds_the_writes_together(place):
    made = meet(place, pair(same_payer, accounts=4), "S0", script=lambda *_: None, tags=(2, 4), crash=(2, 4))
    assert made.answers == ["unknown", "unknown"]
    assert made.race.kind == "half"
    assert made.findings.difference_minor == made.findings.explained_minor < 0
    assert "never reached" in made.race.sentence


@pytest.mark.parametrize("strategy", ["S1", "S2", "S3", "S4", "S5", "S6", "S7"])
def test_a_crash_inside_a_unit_of_work_leaves_nothing(place, strategy):
    apart = pair(lambda one, two: len({one.payer, one.payee, two.payer, two.payee}) == 4, accounts=6)
    made = meet(place, apart, strategy, script=lambda *_: None, crash=(2, 4))
    assert made.answers == ["unknown", "unknown"]
    assert made.findings.holds
    assert made.rows.writes == []


@pytest.mark.parametrize("strategy", ["S0", "S1", "S2"])
def test_a_key_without_a_place_is_paid_twice(place, strategy):
    made = meet(place, pair(lambda *_: True, accounts=4), strategy, script=lambda *_: None, tags=(2, 3))
    assert "I5" in broken(made.findings)


@pytest.mark.parametrize("strategy", ["S3", "S4", "S5", "S6", "S7", "S9"])
def test_a_key_in_the_same_unit_of_work_pays_once(place, strategy):
    made = meet(place, pair(lambda *_: True, accounts=4), strategy, script=lambda *_: None, tags=(2, 3))
    assert sorted(made.answers) == ["ok", "replayed"]
    assert made.findings.holds


@pytest.mark.parametrize("strategy", ["S4", "S5"])
def test_locks_in_one_order_hold_where_the_unsafe_ones_break(place, strategy):
    made = meet(place, pair(same_payer, accounts=4), strategy, script=lambda *_: None)
    assert made.answers == ["ok", "ok"]
    assert made.findings.holds
    assert made.race is None


def test_opposite_transfers_deadlock_when_locked_as_they_come(place):
    """A to B and B to A: each has its payer and waits for the other's."""

    def both_have_their_payer(index, thinking, done):
        assert thinking[1 - index].wait(10)

    opposite = pair(lambda one, two: (one.payer, one.payee) == (two.payee, two.payer), accounts=3)
    made = meet(place, opposite, "S3", script=both_have_their_payer)
    assert sorted(made.answers) == ["deadlock", "ok"]
    assert made.findings.holds


def test_opposite_transfers_wait_in_one_order_when_locked_by_number(place):
    opposite = pair(lambda one, two: (one.payer, one.payee) == (two.payee, two.payer), accounts=3)
    made = meet(place, opposite, "S4", script=lambda *_: None)
    assert made.answers == ["ok", "ok"]


def test_a_version_that_changed_is_noticed(place):
    made = meet(place, pair(same_payer, accounts=4), "S6", script=second_waits_for_first)
    assert made.answers == ["ok", "conflict"]
    assert made.findings.holds


def test_reads_that_are_kept_make_one_of_two_a_victim(place):
    def both_have_read(index, thinking, done):
        assert thinking[1 - index].wait(10)

    made = meet(place, pair(same_payer, accounts=4), "S7", script=both_have_read)
    assert sorted(made.answers) == ["deadlock", "ok"]
    assert made.findings.holds
