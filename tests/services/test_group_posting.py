"""A group is answered as if its orders had come one by one: the same outcomes, words and books.

Random histories are told to three banks: in groups, one by one, and to a plain one in memory that shares no rule with
the real one. Everything that happened stays in the books, so the check after the test is about all of them.
"""

import itertools
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from bank_app import clock
from bank_app.domain import money
from bank_app.domain.accounting import AccountStatus, FrozenFor, HoldState
from bank_app.domain.identifiers import new_account_number, new_id
from bank_app.errors import BankError
from bank_app.services import accounts, ledger
from bank_app.services.movements import CaptureHold, Deposit, PlaceHold, ReleaseHold, Reverse, Transfer, Withdraw
from bank_app.services.orders import Known, Order, settle
from tests.services.plain_bank import Line, Ordered, PlainBank

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
ROLES = {"ada": "customer", "ben": "customer", "teller": "teller", "auditor": "auditor"}
LINES = {
    "a": Line("ada", balance=10_000, version=1),
    "b": Line("ben", balance=5_000, version=1),
    "overdrawn": Line("ada", overdraft=4_000),
    "limited": Line("ben", balance=20_000, version=1, once=4_000, daily=6_000),
    "euro": Line("ada", "EUR", balance=9_000, version=1),
    "frozen": Line("ada", balance=8_000, version=1, frozen="debits"),
    "ice": Line("ben", balance=8_000, version=1, frozen="all"),
    "closed": Line("ben", closed=True),
}
NOWHERE = "nowhere"


# --- histories ----------------------------------------------------------------------------------------

ACTORS = st.sampled_from(["ada", "ada", "ada", "ben", "ben", "teller", "teller", "auditor"])
NAMES = st.sampled_from(["a", "a", "a", "b", "b", *LINES, NOWHERE])
AMOUNTS = st.sampled_from([1, 500, 2_500, 4_000, 4_001, 6_000, 10_000])
KEYS = st.sampled_from([None, None, "k1", "k2", "k3"])
VERSIONS = st.sampled_from([None, None, None, 1, 2, 3])


@st.composite
def an_order(draw, told, finished):
    """An order. It can be about what was answered before its group: nobody knows the id of what was not."""
    placed = [place for place in range(finished) if told[place].kind == "place"]
    moved = [place for place in range(finished) if told[place].kind not in ("place", "release")]
    kinds = ["deposit", "withdraw", "transfer", "transfer", "place"]
    kinds += ["capture", "release"] * bool(placed) + ["reverse"] * bool(moved) + ["again"] * bool(told)
    kind, actor, key = draw(st.sampled_from(kinds)), draw(ACTORS), draw(KEYS)
    if kind == "again":
        return draw(st.sampled_from(told))
    if kind in ("reverse", "release", "capture"):
        about = draw(st.sampled_from(moved if kind == "reverse" else placed))
        part = draw(st.sampled_from([0, 0, 1, 2_500, 6_000])) if kind == "capture" else 0
        return Ordered(kind, actor, about=about, amount=part, key=key)
    account, to = draw(NAMES), ""
    if kind == "transfer" or (kind == "place" and draw(st.booleans())):
        to = draw(NAMES.filter(lambda name: name != account))
    version = draw(VERSIONS) if kind == "transfer" else None
    return Ordered(kind, actor, account, to, draw(AMOUNTS), version, key=key)


@st.composite
def histories(draw):
    """Groups of orders."""
    told, groups = [], []
    for size in draw(st.lists(st.integers(1, 8), min_size=1, max_size=5)):
        finished, group = len(told), []
        for _ in range(size):
            order = draw(an_order(told, finished))
            group.append(order)
            told.append(order)
        groups.append(group)
    return groups


# --- the real bank ------------------------------------------------------------------------------------


@dataclass
class RealBank:
    """Accounts of one history; what it says is told in letters and places again."""

    db: Any
    people: dict[str, Any]
    name: str
    numbers: dict[str, int] = field(default_factory=dict)
    ids: list[UUID] = field(default_factory=list)
    known: Known = field(default_factory=Known)

    def open(self):
        def operation(session):
            for name, line in LINES.items():
                owner, teller = self.people[line.owner], self.people["teller"]
                balance = money.to_text(line.balance, line.currency) if line.balance else None
                view = accounts.open_account(
                    session, owner, settings=self.db.settings, currency=line.currency, initial_balance=balance
                )
                changes = {}
                if line.overdraft:
                    changes["overdraft_limit"] = money.to_text(line.overdraft, line.currency)
                if line.once:
                    changes["transfer_limit"] = money.to_text(line.once, line.currency)
                    changes["daily_limit"] = money.to_text(line.daily, line.currency)
                if line.frozen:
                    changes |= {"status": AccountStatus.FROZEN, "frozen_for": FrozenFor(line.frozen)}
                if line.closed:
                    changes["status"] = AccountStatus.CLOSED
                if changes:
                    accounts.change_account(session, teller, view.id, reason="For a test", **changes)
                self.numbers[name] = view.id

        with clock.moved_to(NOON):
            self.db.unit_of_work(operation)
        self.numbers[NOWHERE] = new_account_number()
        return self

    def told(self, group):
        """The answers to a group that is posted in one unit of work."""
        orders = []
        for ordered in group:
            movement = replace(self._movement(ordered), id=new_id())
            self.ids.append(movement.id)
            key = f"{self.name} {ordered.key}".replace(" ", "-") if ordered.key else None
            orders.append(Order.of(self.people[ordered.actor], movement, key))

        def operation(session):
            return settle(session, orders, settings=self.db.settings, known=self.known, skip_locked=False)

        with clock.moved_to(NOON):
            return [self._spoken(answer) for answer in self.db.unit_of_work(operation, resolvable=True)]

    def _movement(self, order):
        number, to = self.numbers.get(order.account), self.numbers.get(order.to)
        amount = money.Amount.of(money.to_text(order.amount, "USD")) if order.amount else None
        make = {
            "deposit": lambda: Deposit(number, amount),
            "withdraw": lambda: Withdraw(number, amount),
            "transfer": lambda: Transfer(number, to, amount, order.version),
            "reverse": lambda: Reverse(self.ids[order.about], "A mistake"),
            "place": lambda: PlaceHold(number, amount, to, 3600),
            "capture": lambda: CaptureHold(self.ids[order.about], amount),
            "release": lambda: ReleaseHold(self.ids[order.about]),
        }
        return make[order.kind]()

    def _spoken(self, answer):
        """What was done or refused, whether it was said before, and all that was said about it."""
        if isinstance(answer, BankError):
            return answer.code, answer.replayed, self._in_letters(answer.detail)
        outcome = answer.outcome
        if isinstance(outcome, ledger.Refused):
            words = self._in_letters(f"{outcome.error.detail} {sorted(outcome.error.details.items())}")
            return outcome.error.code, outcome.replayed, words
        if isinstance(outcome, ledger.Held):
            hold = outcome.hold
            amount = hold.captured_minor if hold.state is HoldState.CAPTURED else hold.amount_minor
            facts = (hold.account_id, hold.id, hold.transaction_id, hold.expires_at, hold.to_account_id)
            return (hold.state.value, amount), outcome.replayed, self._in_letters(str(facts))
        sides = [
            (side.account_id, side.direction.value, side.sequence, side.balance_after_minor, side.floor)
            for side in outcome.postings
            if side.account_id in self.numbers.values()
        ]
        return ("posted", outcome.amount_minor), outcome.replayed, self._in_letters(f"{outcome.id} {sides}")

    def _in_letters(self, words):
        names = {f"{number:010d}": name for name, number in self.numbers.items()}
        names |= {str(identifier): f"#{place}" for place, identifier in enumerate(self.ids)}
        for found, name in names.items():
            words = words.replace(found, name)
        return words

    def books(self):
        query = ledger.ACCOUNTS.select().where(ledger.ACCOUNTS.c.id.in_(list(self.numbers.values())))
        rows = {row.id: row for row in self.db.read(lambda session: session.execute(query).all())}
        return {name: (rows[self.numbers[name]].balance, rows[self.numbers[name]].held) for name in LINES}


@pytest.fixture
def banks(db, ada, ben, teller, auditor):
    """Makes real banks: in one database, with the same people, and with accounts and keys of their own."""
    people, count = {"ada": ada, "ben": ben, "teller": teller, "auditor": auditor}, itertools.count()
    return lambda: RealBank(db, people, f"bank{next(count)}").open()


def check(banks, history):
    grouped, single = banks(), banks()
    plain = PlainBank({name: replace(line) for name, line in LINES.items()}, ROLES)
    in_groups, one_by_one, in_memory = [], [], []
    for group in history:
        start = len(in_groups)
        in_groups += grouped.told(group)
        for place, order in enumerate(group, start):
            one_by_one += single.told([order])
            in_memory.append(plain.answer(place, order))
    assert in_groups == one_by_one
    assert [(said, again) for said, again, _ in in_groups] == in_memory
    assert grouped.books() == single.books() == {name: (line.balance, line.held) for name, line in plain.lines.items()}


quietly = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]


@examples(max_examples=100, suppress_health_check=quietly)
@given(history=histories())
def test_groups_are_answered_as_one_by_one_on_the_embedded_engine(sqlite_db, banks, history):
    check(banks, history)


@examples(max_examples=30, suppress_health_check=quietly)
@given(history=histories())
def test_groups_are_answered_as_one_by_one_on_a_server(mariadb_db, banks, history):
    check(banks, history)


# --- histories that once went wrong or easily could -----------------------------------------------------


def test_a_key_that_an_order_before_it_in_the_group_used_is_known_before_its_account_is_looked_for(banks):
    check(banks, [[
        Ordered("deposit", "ada", "a", amount=1, key="k1"),
        Ordered("deposit", "ada", NOWHERE, amount=1, key="k1"),
        Ordered("transfer", "ada", "b", "a", 1, key="k1"),
        Ordered("deposit", "ada", NOWHERE, amount=1, key="k2"),
        Ordered("deposit", "ada", "a", amount=1, key="k2"),
    ]])  # fmt: skip


def test_a_hold_that_was_captured_in_the_group_is_not_released_after_it(banks):
    check(banks, [
        [Ordered("place", "ada", "a", "b", 4_000), Ordered("place", "ada", "a", amount=2_500)],
        [
            Ordered("capture", "ada", about=0, amount=1, key="k1"),
            Ordered("release", "teller", about=0),
            Ordered("withdraw", "ada", "a", amount=10_000),
            Ordered("release", "ada", about=1, key="k2"),
            Ordered("capture", "ada", about=1),
            Ordered("release", "ada", about=1, key="k2"),
        ],
    ])  # fmt: skip


def test_what_left_an_account_in_the_group_counts_for_its_daily_limit(banks):
    check(banks, [[Ordered("withdraw", "ben", "limited", amount=2_500)] * 3, [
        Ordered("withdraw", "ben", "limited", amount=500),
        Ordered("reverse", "teller", about=0),
        Ordered("withdraw", "ben", "limited", amount=500),
        Ordered("withdraw", "ben", "limited", amount=1),
    ]])  # fmt: skip


def test_facts_of_accounts_that_are_forgotten_are_not_missed(db, banks, monkeypatch):
    """A full memory is emptied in the middle of a list; the accounts of that list are still known."""
    monkeypatch.setattr("bank_app.services.orders._FACTS_KEPT", 2)
    check(banks, [
        [Ordered("transfer", "ada", "a", "b", 1), Ordered("deposit", "ben", "b", amount=1)],
        [Ordered("reverse", "teller", about=0), Ordered("transfer", "ada", "a", "limited", 1)],
        [Ordered("transfer", "ada", "overdrawn", "a", 1), Ordered("transfer", "ben", "b", "a", 1)],
    ])  # fmt: skip
