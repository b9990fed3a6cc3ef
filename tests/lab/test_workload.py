"""The load: repeatable, persistent, and truthful about what it heard."""

import asyncio
from itertools import islice

import pytest

from bank_app.errors import NotSignedIn
from bank_app.lab import auditor, workload
from bank_app.lab.journal import State
from bank_app.lab.workload import Load, Plan

BUSY = b"HTTP/1.1 503 Busy\r\nContent-Length: 24\r\nRetry-After: 0\r\n\r\n" + b'{"code": "lock_timeout"}'


def first(cast, plan, count, client=0):
    return list(islice(workload.operations(cast, plan, client), count))


def run(load, **until):
    return asyncio.run(load.run(**until))


def test_the_same_seed_makes_the_same_movements_and_another_makes_others(cast):
    assert first(cast, Plan(seed="a"), 50) == first(cast, Plan(seed="a"), 50)
    assert first(cast, Plan(seed="a"), 50) != first(cast, Plan(seed="b"), 50)
    assert not {one.key for one in first(cast, Plan(), 50, client=1)} & {one.key for one in first(cast, Plan(), 50)}


def test_a_plan_decides_what_is_hot_what_is_cash_and_who_takes_part(cast):
    assert {one.target for one in first(cast, Plan(hot=1.0), 50)} == {cast.accounts[0]}
    assert all(one.source is None and one.actor == cast.teller for one in first(cast, Plan(deposits=1.0), 20))
    taking_part = {cast.accounts[1], cast.accounts[2]}
    for one in first(cast, Plan(only=(1, 2)), 50):
        assert {one.source, one.target} == taking_part
        assert one.actor == one.source.owner
    assert {one.amount_minor for one in first(cast, Plan(lowest_minor=3, highest_minor=5), 200)} == {3, 4, 5}


def test_a_load_moves_money_and_the_auditor_agrees_with_it(db, cast, bank):
    load = Load(bank.address, cast, Plan(hot=0.5, deposits=0.2, highest_minor=9000), clients=4)
    journal = run(load, count=60)
    figures = journal.figures()
    assert figures.sent == 60
    assert figures.acknowledged + figures.refused.get("insufficient_funds", 0) == 60
    assert figures.acknowledged > 0 < figures.refused["insufficient_funds"]
    assert figures.unknown == 0 == figures.replayed
    findings = auditor.audit(db, cast, journal)
    assert findings.problems == ()
    assert findings.acknowledged == figures.acknowledged


def test_busy_answers_and_lost_ones_are_sent_again_with_the_same_key(db, cast, bank):
    """Every second answer of a transfer is a 503, or is lost although the money has moved."""
    asked, served = [], bank._ask_app

    async def unreliable(method, path, headers, body):
        answer = await served(method, path, headers, body)
        if path.endswith("/transfer"):
            asked.append(dict(headers)["idempotency-key"])
            if len(asked) % 3 == 1:
                return BUSY
            if len(asked) % 3 == 2:
                raise ConnectionError
        return answer

    bank._ask_app = unreliable
    journal = run(Load(bank.address, cast, clients=1), count=10)
    figures = journal.figures()
    assert figures.acknowledged == 10
    assert (figures.busy, figures.lost_answers, figures.replayed) == ({"lock_timeout": 10}, 10, 10)
    assert [entry.times_sent for entry in journal.entries] == [3] * 10
    assert len(set(asked)) == 10
    assert auditor.audit(db, cast, journal).ok


def test_what_is_never_answered_stays_unknown(db, cast, bank):
    load = Load(bank.address, cast, clients=2, tries=2, timeout=5)
    bank.meddle = lambda path: b"" if path.endswith("/transfer") else None
    journal = run(load, count=4)
    assert [entry.state for entry in journal.entries] == [State.UNKNOWN] * 4
    findings = auditor.audit(db, cast, journal)
    assert findings.ok
    assert (findings.unknown, findings.unknown_posted) == (4, 0)


def test_a_token_that_the_bank_forgot_is_got_anew(db, cast, bank):
    forgotten = []

    def forget(path):
        if path.endswith("/transfer") and not forgotten:
            forgotten.append(path)
            body = b'{"code": "%s"}' % NotSignedIn.code.encode()
            return b"HTTP/1.1 401 No\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
        return None

    bank.meddle = forget
    assert run(Load(bank.address, cast, clients=1), count=3).figures().acknowledged == 3


def test_in_the_background_it_goes_on_until_it_is_told_to_stop(db, cast, bank):
    load = Load(bank.address, cast, clients=2)
    with load.in_background() as journal:
        while len(journal.acknowledged()) < 10:
            pass
    assert journal.figures().unknown == 0
    assert auditor.audit(db, cast, journal).ok


def test_a_failure_in_the_background_is_not_swallowed(cast, bank):
    refused = b'HTTP/1.1 401 No\r\nContent-Length: 31\r\n\r\n{"code": "invalid_credentials"}'
    bank.meddle = lambda _path: refused
    with (
        pytest.raises(workload.SignInRefused, match="invalid_credentials"),
        Load(bank.address, cast).in_background(),
    ):
        pass
