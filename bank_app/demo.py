"""Demo people and their pretend money: the same for the same seed, dated from today, posted through the real ledger."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from bank_app import clock
from bank_app.database import Database
from bank_app.domain import money
from bank_app.domain.accounting import (
    AccountKind,
    AccountStatus,
    Direction,
    Draft,
    FrozenFor,
    Leg,
    Role,
    TransactionType,
)
from bank_app.domain.identifiers import new_id
from bank_app.services import accounts, auth, ledger, transfers
from bank_app.services.accounts import AccountView
from bank_app.services.auth import Actor

PASSWORD = "pretend money only"  # noqa: S105 - printed at every start, and demo mode never leaves loopback
MONTHS = 18
_DRAFTS_PER_UNIT_OF_WORK = 400


@dataclass(frozen=True, slots=True)
class Persona:
    """Somebody to walk in as."""

    email: str
    name: str
    role: Role
    title: str
    story: str
    summary: str

    @property
    def first_name(self) -> str:
        """What the button says."""
        return self.name.split()[0]

    @property
    def initials(self) -> str:
        """What the round picture says."""
        return "".join(word[0] for word in self.name.split()[:2])


ADA, BEN, OLU, TESS = PEOPLE = (
    Persona("ada@demo.test", "Ada Lindqvist", Role.CUSTOMER, "Customer",
            "A freelancer with three accounts and 18 months of history.", "3 accounts · paid by invoice"),
    Persona("ben@demo.test", "Ben Ito", Role.CUSTOMER, "Customer",
            "Joined today. Everything is empty and says what to do.", "1 account · $0.00"),
    Persona("olu@demo.test", "Olu Adeyemi", Role.TELLER, "Operator",
            "Runs the bank. One account is frozen and waits for a decision.", "Freeze, reverse, cash desk"),
    Persona("tess@demo.test", "Tess Varga", Role.AUDITOR, "Auditor",
            "Reads everything, changes nothing, checks the books.", "Every account, read only"),
)  # fmt: skip

# Whom Ada pays and who pays her: name, opening cash in whole currency units.
_NEIGHBOURS = (
    ("Halden Studio", 2_500_000), ("Lumen Translations", 80_000), ("Ferry Street Lettings", 12_000),
    ("Corner Grocer", 4_000), ("Tideline Coffee", 1_500), ("City Transit", 9_000), ("Maya Chen", 3_200),
    ("Jonas Weld", 2_100), ("Zoë Ångström-Nguyễn", 640), ("نور الهدى", 850),
    ("The Very Long Name Association for Shared Tools and Neighbourly Help of Rowan Street and Around", 410),
    ("Frida Snow", 1_275), ("Otto Gone", 0),
)  # fmt: skip


_CLIENTS = (("Halden Studio", 1_860_00), ("Halden Studio", 1_240_00), ("Lumen Translations", 640_00))


def is_filled(db: Database) -> bool:
    """Whether the demo people are already here."""
    return db.read(lambda session: auth.find(session, ADA.email)) is not None


def is_somebody(email: str) -> bool:
    """Whether this is one of the people to walk in as. Others have a password of their own, also in a demo."""
    return any(person.email == email for person in PEOPLE)


def fill(db: Database) -> None:
    """Registers the demo people and posts their history, oldest first.

    An interrupted fill leaves whole people and whole transactions; `./bank run --reset` starts over.
    """
    rng = random.Random(db.settings.demo_seed)  # noqa: S311 - a story, not a secret
    today = clock.now()
    start = today - timedelta(days=30 * MONTHS)
    with clock.moved_to(start):
        teller = _register(db, OLU)
        _register(db, TESS)
        ada = _register(db, ADA)
        mine = _open(db, ada, ("Everyday", AccountKind.CHECKING), ("Savings", AccountKind.SAVINGS),
                     ("Tax set-aside", AccountKind.SAVINGS))  # fmt: skip
        others = {name: _neighbour(db, index, name, opening) for index, (name, opening) in enumerate(_NEIGHBOURS)}
    everyday, savings, taxes = mine
    cast = _Cast(ada, everyday, savings, taxes, others, start, today)
    # Named in the order in which they happen, because lists of transactions follow the time in their ids.
    told = sorted(_story(rng, cast), key=lambda draft: draft.created_at or today)
    drafts = [replace(draft, id=new_id()) for draft in told]
    for first in range(0, len(drafts), _DRAFTS_PER_UNIT_OF_WORK):
        group = drafts[first : first + _DRAFTS_PER_UNIT_OF_WORK]
        db.unit_of_work(lambda session, group=group: ledger.post(session, group), resolvable=True)  # type: ignore[misc]
    _incidents(db, teller, cast)
    with clock.moved_to(today - timedelta(hours=3)):
        _open(db, _register(db, BEN), (None, AccountKind.CHECKING))


def _register(db: Database, persona: Persona) -> Actor:
    return auth.register(db, email=persona.email, name=persona.name, password=PASSWORD, role=persona.role)


def _open(db: Database, owner: Actor, *wanted: tuple[str | None, AccountKind], opening: int = 0) -> list[AccountView]:
    def operation(session: Session) -> list[AccountView]:
        opened = []
        for minute, (nickname, kind) in enumerate(wanted):
            # One after the other, because lists of accounts are in the order of their opening.
            with clock.moved_to(clock.now() + timedelta(minutes=minute)):
                account = accounts.open_account(
                    session, owner, settings=db.settings, kind=kind, nickname=nickname, initial_balance=opening or None
                )
            opened.append(account)
        return opened

    return db.unit_of_work(operation)


def _neighbour(db: Database, index: int, name: str, opening: int) -> AccountView:
    owner = auth.register(db, email=f"neighbour{index}@demo.test", name=name, password=PASSWORD)
    return _open(db, owner, (None, AccountKind.CHECKING), opening=opening)[0]


# --- Ada's story ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Cast:
    """Who is in the story, and when it is told."""

    ada: Actor
    everyday: AccountView
    savings: AccountView
    taxes: AccountView
    others: dict[str, AccountView]
    start: datetime
    today: datetime


def _pay(when: datetime, sides: tuple[AccountView, AccountView], minor: int, memo: str) -> Draft:
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


def _story(rng: random.Random, cast: _Cast) -> Iterator[Draft]:
    """Eighteen months of a freelancer, out of order."""
    everyday, others = cast.everyday, cast.others
    yield _cash(cast.ada, everyday, 1_400_00, "Opening deposit", cast.start + timedelta(hours=1))
    invoice = 101
    for day in range((cast.today - cast.start).days):
        noon = (cast.start + timedelta(days=day)).replace(hour=12, minute=rng.randrange(60), second=rng.randrange(60))
        if noon.day in (3, 17):
            client, minor = rng.choice(_CLIENTS)
            yield _pay(noon - timedelta(hours=2), (others[client], everyday), minor, f"INV-{invoice}")
            yield _pay(noon - timedelta(minutes=114), (everyday, cast.taxes), minor // 4, f"25% of INV-{invoice}")
            invoice += 1
        if noon.day == 1:
            yield _pay(noon - timedelta(hours=3), (everyday, cast.savings), 250_00, "Monthly saving")
        if noon.day == 2:
            yield _pay(noon, (everyday, others["City Transit"]), 72_00, "Monthly pass")
        if noon.day == 5:
            yield _pay(noon, (everyday, others["Ferry Street Lettings"]), 1_150_00, f"Rent, {noon:%B}")
        yield from _everyday_life(rng, cast, noon)
    hours = timedelta(hours=1)
    yield _pay(cast.today - 50 * hours, (others["Zoë Ångström-Nguyễn"], everyday), 1, "One cent, to test the number")
    yield _pay(cast.today - 27 * hours, (everyday, others["Maya Chen"]), 25_00, "Print run, second half")
    yield _pay(cast.today - 6 * hours, (others["نور الهدى"], everyday), 21_30, "Half of Saturday’s dinner")


def _everyday_life(rng: random.Random, cast: _Cast, noon: datetime) -> Iterator[Draft]:
    everyday, others = cast.everyday, cast.others
    hours = timedelta(hours=1)
    if noon.weekday() == 1:
        yield _pay(noon + 5 * hours, (everyday, others["Corner Grocer"]), rng.randrange(31_00, 92_00), "Groceries")
    if rng.random() < 0.28:
        yield _pay(noon - 4 * hours, (everyday, others["Tideline Coffee"]), rng.randrange(3_20, 14_80), "Coffee")
    if rng.random() < 0.06:
        yield _pay(noon + 7 * hours, (everyday, others["Jonas Weld"]), rng.randrange(8_00, 60_00), "Dinner on Saturday")
    if rng.random() < 0.04:
        yield _pay(
            noon + 8 * hours, (others["Jonas Weld"], everyday), rng.randrange(8_00, 40_00), "Half of the tickets"
        )


def _cash(actor: Actor, account: AccountView, minor: int, memo: str, when: datetime) -> Draft:
    cash = ledger.cash_account(account.currency)
    return Draft(
        id=new_id(),
        type=TransactionType.DEPOSIT,
        currency=account.currency,
        legs=(Leg(cash, Direction.DEBIT, minor), Leg(account.id, Direction.CREDIT, minor)),
        actor_id=actor.user_id,
        description=memo,
        created_at=when,
    )


def _incidents(db: Database, teller: Actor, cast: _Cast) -> None:
    """What a bank's day brings: a mistake that was reversed, a frozen account, a closed one, cash at the desk."""
    ada, everyday, others, today = cast.ada, cast.everyday, cast.others, cast.today
    with clock.moved_to(today - timedelta(hours=5)):
        transfers.move(db, ada, transfers.Withdraw(everyday.id, money.Amount.of("60.00"), description="Cash at desk"))
        wrong = transfers.move(
            db,
            ada,
            transfers.Transfer(
                everyday.id, others["Jonas Weld"].id, money.Amount.of("58.00"), description="Concert tickets"
            ),
        )
    with clock.moved_to(today - timedelta(hours=4)):
        transfers.move(db, teller, transfers.Reverse(wrong.transaction.id, "Paid twice, the customer called"))

        def operation(session: Session) -> None:
            accounts.change_account(
                session, teller, others["Frida Snow"].id, status=AccountStatus.FROZEN, frozen_for=FrozenFor.DEBITS,
                reason="Card reported stolen; waits for the owner",
            )  # fmt: skip
            accounts.change_account(
                session,
                teller,
                others["Otto Gone"].id,
                status=AccountStatus.CLOSED,
                reason="Moved away, closed on request",
            )

        db.unit_of_work(operation)
