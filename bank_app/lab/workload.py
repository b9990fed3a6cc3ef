"""A load that can be repeated: people and accounts with money, and clients that move it over HTTP.

Clients do what a careful program does: every movement has an idempotency key, and after a 503, a broken connection or
no answer they send the same bytes again until they are told what became of it. What they sent and heard is a `Journal`.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import random
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import lru_cache
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.orm import Session

from bank_app.database import Database
from bank_app.domain import money
from bank_app.domain.accounting import AccountKind, Direction, Draft, Leg, Role, TransactionType
from bank_app.domain.identifiers import account_number_text, new_account_number, new_id
from bank_app.lab.client import Address, Answer, Client, NoAnswer, SignIn, SignInRefused, request
from bank_app.lab.journal import Entry, Journal, State
from bank_app.models import ACCOUNTS
from bank_app.services import auth, ledger

PASSWORD = "eleven copper lanterns drift"  # noqa: S105 - of people who live in a private copy of the bank
_ACCOUNTS_PER_UNIT_OF_WORK = 250
# Answers after which the same key is sent again: the bank promises that nothing was written, or that the key will tell.
_SEND_AGAIN = (429, 503)
_ID = re.compile(rb'^\{"id": ?"([0-9a-f-]{36})"')
_LONGEST_WAIT = 1.0


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who can sign in with `PASSWORD`."""

    id: UUID
    email: str


@dataclass(frozen=True, slots=True)
class Account:
    """A customer's account, whose it is, and what lay on it at the start (minor units)."""

    number: int
    owner: Person
    opening_minor: int

    @property
    def text(self) -> str:
        """The number as the API writes it."""
        return account_number_text(self.number)


@dataclass(frozen=True, slots=True)
class Cast:
    """Who moves money between what. `teller` acts on every account, which deposits need."""

    teller: Person
    accounts: tuple[Account, ...]
    currency: str


def fill(
    db: Database,
    *,
    people: int = 10,
    account_count: int = 1000,
    opening: str = "1000000",
    seed: str = "load",
) -> Cast:
    """Registers customers and a teller and opens accounts with money, owners in turn, in a few units of work.

    Args:
        db: A migrated bank.
        people: How many customers.
        account_count: How many accounts between them.
        opening: What each begins with, in major units.
        seed: Part of the emails, so that two casts can live in one bank.
    """
    teller = auth.register(db, email=f"teller@{seed}.test", name="Load Teller", password=PASSWORD, role=Role.TELLER)
    owners = [
        auth.register(db, email=f"customer{number}@{seed}.test", name=f"Load Customer {number}", password=PASSWORD)
        for number in range(people)
    ]
    code, amount = db.settings.currency, money.Amount.of(opening).minor(db.settings.currency)
    numbers = _fresh_numbers(account_count)
    opened = [
        Account(number, Person(owner.user_id, owner.email), amount)
        for number, owner in zip(numbers, itertools.cycle(owners), strict=False)
    ]
    for first in range(0, account_count, _ACCOUNTS_PER_UNIT_OF_WORK):
        some = opened[first : first + _ACCOUNTS_PER_UNIT_OF_WORK]
        db.unit_of_work(lambda session, some=some: _open(session, some, code, teller.user_id))  # type: ignore[misc]
    return Cast(Person(teller.user_id, teller.email), tuple(opened), db.settings.currency)


def _fresh_numbers(count: int) -> list[int]:
    numbers: dict[int, None] = {}
    while len(numbers) < count:
        numbers[new_account_number()] = None
    return list(numbers)


def _open(session: Session, opened: list[Account], code: str, teller: UUID) -> None:
    """Many accounts with their opening deposits in a handful of statements; one by one they take ten times as long."""
    ledger.ensure_internal_accounts(session, code)
    checking = AccountKind.CHECKING
    rows = [ledger.new_account_row(account.number, checking, code, owner_id=account.owner.id) for account in opened]
    session.execute(insert(ACCOUNTS), rows)
    drafts = [
        Draft(
            id=new_id(),
            type=TransactionType.DEPOSIT,
            currency=code,
            legs=(
                Leg(ledger.cash_account(code), Direction.DEBIT, account.opening_minor),
                Leg(account.number, Direction.CREDIT, account.opening_minor),
            ),
            actor_id=teller,
            description="Opening deposit",
        )
        for account in opened
    ]
    ledger.post(session, drafts)


@dataclass(frozen=True, slots=True)
class Plan:
    """What clients do. The same plan and seed give the same movements, client by client.

    Args:
        hot: Share of movements (0 to 1) that go into the first account; the rest go anywhere.
        deposits: Share of movements that are cash deposits, made by the teller, each into any account.
        lowest_minor: The smallest amount.
        highest_minor: The largest amount; above what accounts hold, transfers are refused.
        seed: Of the random choices and part of every key, so give each load on the same books another.
        only: Indexes of the accounts that take part, both as sources and as targets; None means all.
    """

    hot: float = 0.0
    deposits: float = 0.0
    lowest_minor: int = 1
    highest_minor: int = 500
    seed: str = "1"
    only: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    """One movement before it is sent."""

    key: str
    actor: Person
    source: Account | None
    target: Account
    amount_minor: int
    path: str
    body: bytes


def operations(cast: Cast, plan: Plan, client: int) -> Iterator[Operation]:
    """What one client does, without end."""
    # Seeded with a text, which Python hashes the same way in every process.
    rng = random.Random(f"{plan.seed}/{client}")  # noqa: S311 - a load, not a secret
    chosen = cast.accounts if plan.only is None else tuple(cast.accounts[index] for index in plan.only)
    number = 0
    while True:
        number += 1
        source: Account | None
        target = chosen[0] if plan.hot and rng.random() < plan.hot else rng.choice(chosen)
        if plan.deposits and rng.random() < plan.deposits:
            source = None
        else:
            source = rng.choice(chosen)
            while source is target:
                source = rng.choice(chosen)
        yield _operation(
            cast, source, target, rng.randint(plan.lowest_minor, plan.highest_minor), f"{plan.seed}-{client}-{number}"
        )


def _operation(cast: Cast, source: Account | None, target: Account, amount_minor: int, key: str) -> Operation:
    # The description repeats the key, so that a doubled movement is seen even where the key was forgotten.
    common = f'"amount": "{_amount_text(amount_minor, cast.currency)}", "description": "{key}"'
    if source is None:
        path, actor = "/api/v1/transactions/deposit", cast.teller
        body = f'{{"account_id": "{target.text}", {common}}}'
    else:
        path, actor = "/api/v1/transactions/transfer", source.owner
        body = f'{{"from_account_id": "{source.text}", "to_account_id": "{target.text}", {common}}}'
    return Operation(key, actor, source, target, amount_minor, path, body.encode())


@lru_cache(maxsize=10_000)
def _amount_text(amount_minor: int, code: str) -> str:
    return money.to_text(amount_minor, code)


@dataclass(slots=True)
class Load:
    """Clients that carry out a plan against a running bank.

    Each client has one connection and sends its next movement when the one before was answered. `run` in an event loop,
    or `in_background` from a thread that breaks things meanwhile.

    Args:
        address: Where the bank listens.
        cast: Who moves money.
        plan: What they do.
        clients: How many at once.
        timeout: Seconds to wait for one answer.
        patience: Seconds after the end for which unanswered movements are still asked for.
        tries: How often one movement is sent at most; beyond, it stays unknown.
        longest_wait: Seconds that a client waits at most when it is told to come again later.
    """

    address: Address
    cast: Cast
    plan: Plan = field(default_factory=Plan)
    clients: int = 16
    timeout: float = 30.0
    patience: float = 60.0
    tries: float = math.inf
    longest_wait: float = 5.0
    sign_ins: dict[str, SignIn] = field(default_factory=dict)
    journal: Journal = field(default_factory=Journal)
    _began: float = 0.0
    _stopping: threading.Event = field(default_factory=threading.Event)
    _give_up_at: float = math.inf

    @property
    def now(self) -> float:
        """Seconds since the journal began."""
        return time.perf_counter() - self._began

    def stop(self) -> None:
        """No new movements; those under way are asked for until they are answered. From any thread."""
        self._give_up_at = time.perf_counter() + self.patience
        self._stopping.set()

    async def run(self, *, seconds: float = math.inf, count: float = math.inf) -> Journal:
        """Runs until `seconds` are over, each client did its share of `count` movements, or `stop` is called.

        Raises:
            SignInRefused: somebody cannot sign in.
        """
        await self._sign_in_everybody()
        self._began = time.perf_counter()
        ends = self._began + seconds
        shares = [math.inf if math.isinf(count) else math.ceil((count - n) / self.clients) for n in range(self.clients)]
        await asyncio.gather(*(self._client(number, ends, share) for number, share in enumerate(shares)))
        self.journal.seconds = min(self.now, max(seconds, self._last_answer()))
        return self.journal

    @contextmanager
    def in_background(self, *, seconds: float = math.inf, count: float = math.inf) -> Iterator[Journal]:
        """Runs in a thread of its own while the caller does something else; stops at the end and waits."""
        failures: list[BaseException] = []

        def work() -> None:
            try:
                asyncio.run(self.run(seconds=seconds, count=count))
            except BaseException as error:  # noqa: BLE001 - raised again below, in the thread that can be told
                failures.append(error)

        thread = threading.Thread(target=work, name="load")
        thread.start()
        try:
            yield self.journal
        finally:
            self.stop()
            thread.join()
        if failures:
            raise failures[0]

    def _last_answer(self) -> float:
        return max((entry.answered for entry in self.journal.entries if entry.answered), default=0.0)

    async def _sign_in_everybody(self) -> None:
        people = {account.owner for account in self.cast.accounts}
        if self.plan.deposits:
            people.add(self.cast.teller)
        client = Client(self.address, timeout=self.timeout)
        try:
            for person in sorted(people, key=lambda person: person.email):
                if person.email not in self.sign_ins:
                    self.sign_ins[person.email] = SignIn(self.address, email=person.email, password=PASSWORD)
                await self.sign_ins[person.email].fresh(client)
        finally:
            client.close()

    async def _client(self, number: int, ends: float, share: float) -> None:
        client = Client(self.address, timeout=self.timeout)
        done = 0
        try:
            for operation in operations(self.cast, self.plan, number):
                if done >= share or self._stopping.is_set() or time.perf_counter() >= ends:
                    return
                entry = Entry(
                    operation.key, operation.actor.id, operation.source.number if operation.source else None,
                    operation.target.number, operation.amount_minor, self.now,
                )  # fmt: skip
                self.journal.entries.append(entry)
                await self._until_answered(client, operation, entry, ends + self.patience)
                done += 1
        finally:
            client.close()

    async def _until_answered(self, client: Client, operation: Operation, entry: Entry, give_up_at: float) -> None:
        wait = 0.0
        while entry.times_sent < self.tries:
            answer = await self._once(client, operation, entry)
            if answer is not None and self._is_final(answer, operation, entry):
                return
            if time.perf_counter() > min(give_up_at, self._give_up_at):
                return
            # Doubling, so that a bank that comes back is not met by everybody at once and at full speed.
            wait = min(max(0.01, wait * 2), _LONGEST_WAIT)
            if answer is not None and (told := answer.header("retry-after")):
                with suppress(ValueError):
                    wait = min(float(told), self.longest_wait)
            await asyncio.sleep(wait)

    async def _once(self, client: Client, operation: Operation, entry: Entry) -> Answer | None:
        try:
            token = await self.sign_ins[operation.actor.email].fresh(client)
            entry.times_sent += 1
            entry.last_sent = self.now
            return await client.ask(
                request("POST", operation.path, self.address, token=token, key=operation.key, body=operation.body)
            )
        except NoAnswer:
            self.journal.lost_answers += 1
        except SignInRefused as refused:
            # The bank is busy or its database away; signing in is tried again like everything else.
            self.journal.busy[refused.answer.code] += 1
        return None

    def _is_final(self, answer: Answer, operation: Operation, entry: Entry) -> bool:
        status = answer.status
        if status == 201:
            entry.state, entry.transaction_id = State.ACKNOWLEDGED, _transaction_id(answer)
        elif status in _SEND_AGAIN or (status == 409 and answer.code == "request_in_progress"):
            self.journal.busy[answer.code] += 1
            self.journal.without_retry_after += answer.header("retry-after") is None
            return False
        elif status == 401:
            self.journal.busy[answer.code] += 1
            self.sign_ins[operation.actor.email].forget()
            return False
        else:
            # Any 500 too: it is an answer, and the auditor finds out whether it told the truth.
            entry.state, entry.code = State.REFUSED, answer.code
        entry.answered = self.now
        entry.replayed = entry.times_sent > 0 and answer.header("idempotency-replayed") is not None
        return True


def _transaction_id(answer: Answer) -> UUID:
    # Found by its shape: reading the whole document costs a fifth of a request.
    found = _ID.search(answer.body)
    return UUID(found[1].decode()) if found else UUID(answer.json()["id"])
