"""Hashing passwords waits for itself and for nobody else, and nobody hashes anywhere else."""

import asyncio
import threading

import pytest

from bank_app import errors
from bank_app.services import audit, auth, passwords
from bank_app.services.hashing import Desk
from bank_app.services.turns import Turns


@pytest.fixture
def open_desk():
    """A desk of one thread, which is kept busy until the test ends."""
    desk, begun, end = Desk(threads=1, queue=4), threading.Event(), threading.Event()
    keeper = threading.Thread(target=desk.now, args=(lambda: begun.set() or end.wait(20),))
    keeper.start()
    begun.wait(20)
    yield desk, end
    end.set()
    keeper.join(20)


def from_address(address, desk, function, *args):
    """As a request from there would ask."""

    async def ask():
        audit.came_from(address, None)
        return asyncio.ensure_future(desk.run(function, *args))

    return ask()


def test_who_finds_the_queue_full_is_told_so_at_once_and_nothing_is_done_for_him(open_desk):
    desk, end = open_desk
    done = []

    async def storm():
        asked = [await from_address(f"192.0.2.{n}", desk, done.append, n) for n in range(9)]
        refused = list((await asyncio.wait(asked, return_when=asyncio.FIRST_EXCEPTION))[0])
        assert {type(task.exception()) for task in refused} == {errors.PasswordsBusy}
        assert refused[0].exception().details["retry_after"] >= 1
        with pytest.raises(errors.PasswordsBusy):
            desk.require_room()
        end.set()
        await asyncio.wait(asked)
        desk.require_room()

    asyncio.run(storm())
    assert sorted(done) == [0, 1, 2, 3]
    assert (desk.figures.refused, desk.waiting) == (6, 0)


def test_one_address_has_half_of_the_queue_and_another_waits_for_one_of_it(open_desk):
    desk, end = open_desk
    done = []

    async def storm():
        guesser = [await from_address("192.0.2.1", desk, done.append, f"guess {n}") for n in range(6)]
        owner = await from_address("198.51.100.7", desk, done.append, "owner")
        end.set()
        await asyncio.wait([*guesser, owner])

    asyncio.run(storm())
    assert done == ["guess 0", "owner", "guess 1"]


def test_whoever_hashes_and_however_it_is_done_at_the_desk(sqlite_db, monkeypatch):
    seen = set()

    class Watched(type(passwords._hasher)):
        def hash(self, *args, **more):
            seen.add(("hash", threading.current_thread().name.split("_")[0]))
            return super().hash(*args, **more)

        def verify(self, *args, **more):
            seen.add(("verify", threading.current_thread().name.split("_")[0]))
            return super().verify(*args, **more)

    monkeypatch.setattr(passwords, "_hasher", Watched(time_cost=1, memory_cost=8, parallelism=1))
    auth.register(sqlite_db, email="zoe@bank.test", name="Zoe", password="lantern-orchard-48-violin")
    with pytest.raises(errors.CredentialsDoNotMatch):
        auth.issue_tokens(sqlite_db, email="nobody@bank.test", password="x", address="192.0.2.1")
    assert seen == {("hash", "hashing"), ("verify", "hashing")}


def test_an_unknown_email_is_compared_with_a_hash_of_the_same_cost():
    passwords.nobodys_hash.cache_clear()
    kept, of_nobody = passwords.hashed("lantern-orchard-48-violin"), passwords.nobodys_hash()
    assert of_nobody.split("$")[:4] == kept.split("$")[:4]
    assert len(of_nobody) == len(kept)
    # Not one that the library turns away before it has done the work.
    with pytest.raises(passwords.argon2.exceptions.VerifyMismatchError):
        passwords._hasher.verify(of_nobody, "lantern-orchard-48-violin")


def test_turns_are_one_each_and_what_is_put_back_is_next():
    turns = Turns()
    for who, item in [("a", 1), ("a", 2), ("a", 3), ("b", 4), ("c", 5)]:
        turns.add(who, item)
    assert (len(turns), turns.people, turns.of("a"), sorted(turns)) == (5, 3, 3, [1, 2, 3, 4, 5])
    taken = [turns.take() for _ in range(2)]
    turns.put_back("b", 4)
    assert taken + [turns.take() for _ in range(4)] == [1, 4, 4, 5, 2, 3]
    assert not turns
