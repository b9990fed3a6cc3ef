"""The town around the demo people: some hundred neighbours who earn, save and pay each other for eighteen months."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from bank_app import clock
from bank_app.database import Database
from bank_app.domain import money, worth
from bank_app.domain.accounting import AccountKind, Direction, Draft, Leg, Role, TransactionType
from bank_app.domain.identifiers import new_id
from bank_app.services import accounts, auth, ledger
from bank_app.services.accounts import AccountView
from bank_app.services.actor import Actor
from bank_app.settings import Settings

PEOPLE, ACCOUNTS = 120, 200
_FIRST = (
    "Amara", "Björn", "Chloé", "Dmitri", "Elif", "Farid", "Greta", "Hana", "Ivo", "Joana", "Kwame", "Leila", "Mateo",
    "Nadia", "Ósk", "Priya", "Quentin", "Rosa", "Sól", "Tomasz", "Uma", "Viktor", "Wren", "Ximena", "Yusuf", "Zuzana",
)  # fmt: skip
_LAST = (
    "Abara", "Brandt", "Costa", "Dvořák", "Eriksen", "Fournier", "Galli", "Haddad", "Ivanov", "Jansen", "Kaya", "Lund",
    "Moreau", "Nowak", "Okafor", "Petrov", "Quispe", "Ricci", "Sato", "Thorne", "Ueda", "Varga", "Weiss", "Yilmaz",
)  # fmt: skip
_MEMOS = ("Lunch", "Thank you", "Half of the tickets", "Bike repair", "Books", "Garden tools", "Birthday", "Groceries")
_USUAL_ACCOUNTS = (AccountKind.CHECKING, AccountKind.SAVINGS)


@dataclass(frozen=True, slots=True)
class Prices:
    """What the amounts of the story are in a currency: they are told in hundredths, each of `scale` hundredths."""

    code: str
    scale: int

    @classmethod
    def of(cls, settings: Settings, code: str = "") -> Prices:
        """In a currency, by default the bank's own, which alone the settings can scale."""
        own = not code or code == settings.currency
        code = code or settings.currency
        return cls(code, (settings.demo_scale if own else 0) or worth.units_of_a_dollar(code))

    def minor(self, hundredths: int) -> int:
        """In minor units; something is never nothing."""
        return max(hundredths * self.scale * money.currency(self.code).unit // 100, 1)

    def amount(self, hundredths: int) -> money.Amount:
        """As somebody asks for it."""
        return money.Amount.of(money.to_text(self.minor(hundredths), self.code))

    def priced(self, draft: Draft) -> Draft:
        """A draft of the story, whose amounts are hundredths, in minor units."""
        return replace(draft, legs=tuple(leg._replace(amount_minor=self.minor(leg.amount_minor)) for leg in draft.legs))


@dataclass(frozen=True, slots=True)
class Resident:
    """Somebody of the town: an everyday account, and savings if there are any."""

    actor: Actor
    everyday: AccountView
    savings: AccountView | None
    wage: int


def enroll(db: Database, people: Iterable[tuple[str, str, Role]], hashed: str) -> list[Actor]:
    """Writes people down who share a password's hash; hashing it for each would take longer than their story."""

    def operation(session: Session) -> list[Actor]:
        return [auth.enroll(session, Actor(new_id(), email, name, role), hashed) for email, name, role in people]

    return db.unit_of_work(operation)


def settle(db: Database, rng: random.Random, hashed: str) -> list[Resident]:
    """Registers the town and opens its accounts, at nothing."""
    names = [" ".join(pair) for pair in itertools.product(_FIRST, _LAST)]
    chosen = rng.sample(names, PEOPLE)
    actors = enroll(
        db, [(f"resident{number}@demo.test", name, Role.CUSTOMER) for number, name in enumerate(chosen)], hashed
    )

    def operation(session: Session) -> list[Resident]:
        residents = []
        for number, actor in enumerate(actors):
            with clock.moved_to(clock.now() + timedelta(minutes=number)):
                kinds = _USUAL_ACCOUNTS[: 2 if number < ACCOUNTS - PEOPLE else 1]
                opened = [accounts.open_account(session, actor, settings=db.settings, kind=kind) for kind in kinds]
            residents.append(
                Resident(actor, opened[0], opened[1] if len(opened) > 1 else None, rng.randrange(1_450_00, 2_900_00))
            )
        return residents

    return db.unit_of_work(operation)


def pay(when: datetime, sides: tuple[AccountView, AccountView], minor: int, memo: str) -> Draft:
    """The owner of the first account pays into the second."""
    sender, receiver = sides
    return Draft(
        id=new_id(),
        type=TransactionType.TRANSFER,
        currency=sender.currency,
        legs=(Leg(sender.id, Direction.DEBIT, minor), Leg(receiver.id, Direction.CREDIT, minor)),
        actor_id=sender.owner_id,
        description=memo,
        created_at=when,
    )


def cash(when: datetime, account: AccountView, minor: int, memo: str) -> Draft:
    """The owner pays cash into an account."""
    return Draft(
        id=new_id(),
        type=TransactionType.DEPOSIT,
        currency=account.currency,
        legs=(
            Leg(ledger.cash_account(account.currency), Direction.DEBIT, minor),
            Leg(account.id, Direction.CREDIT, minor),
        ),
        actor_id=account.owner_id,
        description=memo,
        created_at=when,
    )


class Life:
    """What the town does, day by day. Nobody pays what he does not have."""

    def __init__(
        self, rng: random.Random, residents: list[Resident], employer: AccountView, shops: list[AccountView]
    ) -> None:
        self._rng, self._residents, self._employer, self._shops = rng, residents, employer, shops
        self._has: dict[int, int] = {}

    def days(self, start: datetime, today: datetime) -> Iterator[Draft]:
        """Everything between two moments, in order of the days."""
        for resident in self._residents:
            opening = self._rng.randrange(150_00, 900_00)
            self._has[resident.everyday.id] = opening
            yield cash(self._at(start, 13), resident.everyday, opening, "Opening deposit")
        for day in range(1, (today - start).days):
            yield from self._day(start + timedelta(days=day))

    def _day(self, date: datetime) -> Iterator[Draft]:
        for number, resident in enumerate(self._residents):
            if date.day == 25 + number % 3:
                self._has[resident.everyday.id] += resident.wage
                yield pay(self._at(date, 7), (self._employer, resident.everyday), resident.wage, f"Wages, {date:%B}")
            if resident.savings and date.day == 28:
                yield from self._spend(date, resident, resident.savings, self._rng.randrange(40_00, 220_00), "Saving")
        for _ in range(4):
            resident, other = self._rng.sample(self._residents, 2)
            to = self._rng.choice(self._shops) if self._rng.random() < 0.6 else other.everyday
            most = max(2_500, self._has[resident.everyday.id] // 4)
            yield from self._spend(date, resident, to, self._rng.randrange(1_00, most), self._rng.choice(_MEMOS))

    def _spend(self, date: datetime, resident: Resident, to: AccountView, minor: int, memo: str) -> Iterator[Draft]:
        if self._has[resident.everyday.id] < minor:
            return
        # What others pay in is not counted, so the order of a day's payments does not matter.
        self._has[resident.everyday.id] -= minor
        yield pay(self._at(date, 14), (resident.everyday, to), minor, memo)

    def _at(self, date: datetime, hour: int) -> datetime:
        return date.replace(hour=hour, minute=self._rng.randrange(60), second=self._rng.randrange(60))
