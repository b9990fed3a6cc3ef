"""Demo people and their pretend money: the same for the same seed, dated from today, posted through the real ledger."""

from __future__ import annotations

import contextlib
import random
import secrets
from bisect import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from bank_app import clock, demo_town
from bank_app.database import Database
from bank_app.demo_town import Prices, Resident, cash, enroll, pay
from bank_app.domain import money
from bank_app.domain.accounting import (
    AccountKind,
    AccountStatus,
    Direction,
    Draft,
    FrozenFor,
    Role,
    TransactionType,
)
from bank_app.domain.identifiers import new_id
from bank_app.errors import BankError
from bank_app.services import accounts, auth, drafts, holds, ledger, passwords, payee_names, payees, transfers
from bank_app.services.accounts import AccountView
from bank_app.services.actor import Actor
from bank_app.services.movements import PlaceHold

PASSWORD = "pretend money only"  # noqa: S105 - printed at every start, and demo mode never leaves loopback
MONTHS = 18
_DRAFTS_PER_UNIT_OF_WORK = 400
# What people do by themselves in the demo lies within these last hours.
_INCIDENTS_BEGIN = timedelta(hours=6)


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


ADA, BEN, OLU, TESS, NOOR = PEOPLE = (
    Persona("ada@demo.test", "Ada Lindqvist", Role.CUSTOMER, "Customer",
            "A freelancer with three accounts and 18 months of history.", "3 accounts · paid by invoice"),
    Persona("ben@demo.test", "Ben Ito", Role.CUSTOMER, "Customer",
            "Joined today. Everything is empty and says what to do.", "1 account · nothing in it yet"),
    Persona("olu@demo.test", "Olu Adeyemi", Role.TELLER, "Operator",
            "Runs the bank. One account is frozen and waits for a decision.", "Freeze, reverse, cash desk"),
    Persona("tess@demo.test", "Tess Varga", Role.AUDITOR, "Auditor",
            "Reads everything, changes nothing, checks the books.", "Every account, read only"),
    Persona("noor@demo.test", "Noor Haddad", Role.ADMIN, "Administrator",
            "Decides who works here and in which role.", "People, roles, everything"),
)  # fmt: skip

# Whom Ada pays and who pays her: name, opening cash in whole currency units.
_NEIGHBOURS = (
    ("Halden Studio", 2_500_000), ("Lumen Translations", 80_000), ("Ferry Street Lettings", 12_000),
    ("Corner Grocer", 4_000), ("Tideline Coffee", 1_500), ("City Transit", 9_000), ("Maya Chen", 3_200),
    ("Jonas Weld", 2_100), ("Zoë Ångström-Nguyễn", 640), ("نور الهدى", 850),
    ("The Very Long Name Association for Shared Tools and Neighbourly Help of Rowan Street and Around", 410),
    ("Frida Snow", 1_275), ("Otto Gone", 0), ("Rowan Works", 9_250_000), ("Ridge Bakery", 3_600), ("Sol Ortiz", 90),
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
    prices = Prices.of(db.settings)
    known, unknown = passwords.hashed(PASSWORD), passwords.hashed(secrets.token_urlsafe(32))
    with clock.moved_to(start):
        ada, teller, *_ = _enroll(db, (ADA, OLU, TESS, NOOR), known)
        mine = _open(db, ada, ("Everyday", AccountKind.CHECKING), ("Savings", AccountKind.SAVINGS),
                     ("Tax set-aside", AccountKind.SAVINGS))  # fmt: skip
        others = _neighbours(db, prices, unknown)
        town = demo_town.settle(db, rng, unknown)
    everyday, savings, taxes = mine
    cast = _Cast(ada, everyday, savings, taxes, others, start, today, prices)
    story = map(prices.priced, [*_story(rng, cast), *_town_life(rng, cast, town)])
    told = sorted(story, key=lambda draft: draft.created_at or today)
    # In the order in which it happens, because lists of transactions follow the time in their ids.
    before = bisect(told, today - _INCIDENTS_BEGIN, key=lambda draft: draft.created_at or today)
    _post(db, told[:before])
    _incidents(db, teller, cast)
    _post(db, told[before:])
    _know(db, told)
    with clock.moved_to(today - timedelta(hours=3)):
        _open(db, _enroll(db, (BEN,), known)[0], (None, AccountKind.CHECKING))


def _know(db: Database, told: Sequence[Draft]) -> None:
    """Everybody in the story knows whom he pays, as people who type names do."""
    pays = (draft for draft in told if draft.type is TransactionType.TRANSFER)
    pairs = {
        (draft.actor_id, leg.account_id) for draft in pays for leg in draft.legs if leg.direction is Direction.CREDIT
    }
    db.unit_of_work(lambda session: payee_names.know(session, pairs))


def _post(db: Database, drafts: Sequence[Draft]) -> None:
    named = [replace(draft, id=new_id()) for draft in drafts]
    for first in range(0, len(named), _DRAFTS_PER_UNIT_OF_WORK):
        group = named[first : first + _DRAFTS_PER_UNIT_OF_WORK]
        db.unit_of_work(lambda session, group=group: ledger.post(session, group), resolvable=True)  # type: ignore[misc]


def _enroll(db: Database, personas: Sequence[Persona], hashed: str) -> list[Actor]:
    return enroll(db, [(persona.email, persona.name, persona.role) for persona in personas], hashed)


def _open(
    db: Database, owner: Actor, *wanted: tuple[str | None, AccountKind], opening: str | None = None
) -> list[AccountView]:
    def operation(session: Session) -> list[AccountView]:
        opened = []
        for minute, (nickname, kind) in enumerate(wanted):
            # One after the other, because lists of accounts are in the order of their opening.
            with clock.moved_to(clock.now() + timedelta(minutes=minute)):
                account = accounts.open_account(
                    session, owner, settings=db.settings, kind=kind, nickname=nickname, initial_balance=opening
                )
            opened.append(account)
        return opened

    return db.unit_of_work(operation)


def _neighbours(db: Database, prices: Prices, hashed: str) -> dict[str, AccountView]:
    people = [(f"neighbour{index}@demo.test", name, Role.CUSTOMER) for index, (name, _) in enumerate(_NEIGHBOURS)]
    found = {}
    for owner, (name, opening) in zip(enroll(db, people, hashed), _NEIGHBOURS, strict=True):
        first = prices.amount(opening * 100).text if opening else None
        [found[name]] = _open(db, owner, (None, AccountKind.CHECKING), opening=first)
    return found


def _town_life(rng: random.Random, cast: _Cast, town: list[Resident]) -> Iterator[Draft]:
    shops = [cast.others[name] for name in ("Corner Grocer", "Tideline Coffee", "City Transit", "Ridge Bakery")]
    life = demo_town.Life(rng, town, cast.others["Rowan Works"], shops)
    yield from life.days(cast.start, cast.today)
    # A busy moment, which the bank's people should look at.
    bakery, minutes = cast.others["Ridge Bakery"], timedelta(minutes=1)
    for number, resident in enumerate(town[:41]):
        when = cast.today - 9 * minutes + number * 12 * timedelta(seconds=1)
        yield pay(when, (bakery, resident.everyday), rng.randrange(20_00, 60_00), "Harvest bonus")


# --- Ada's story ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Cast:
    """Who is in the story, when it is told, and in which money."""

    ada: Actor
    everyday: AccountView
    savings: AccountView
    taxes: AccountView
    others: dict[str, AccountView]
    start: datetime
    today: datetime
    prices: Prices


def _story(rng: random.Random, cast: _Cast) -> Iterator[Draft]:
    """Eighteen months of a freelancer, out of order. Amounts are hundredths, which `Prices` turns into money."""
    everyday, others = cast.everyday, cast.others
    yield cash(cast.start + timedelta(hours=1), everyday, 1_400_00, "Opening deposit")
    invoice = 101
    for day in range((cast.today - cast.start).days):
        noon = (cast.start + timedelta(days=day)).replace(hour=12, minute=rng.randrange(60), second=rng.randrange(60))
        if noon.day in (3, 17):
            client, minor = rng.choice(_CLIENTS)
            yield pay(noon - timedelta(hours=2), (others[client], everyday), minor, f"INV-{invoice}")
            yield pay(noon - timedelta(minutes=114), (everyday, cast.taxes), minor // 4, f"25% of INV-{invoice}")
            invoice += 1
        if noon.day == 1:
            yield pay(noon - timedelta(hours=3), (everyday, cast.savings), 250_00, "Monthly saving")
        if noon.day == 2:
            yield pay(noon, (everyday, others["City Transit"]), 72_00, "Monthly pass")
        if noon.day == 5:
            yield pay(noon, (everyday, others["Ferry Street Lettings"]), 1_150_00, f"Rent, {noon:%B}")
        yield from _everyday_life(rng, cast, noon)
    hours = timedelta(hours=1)
    yield pay(cast.today - 50 * hours, (others["Zoë Ångström-Nguyễn"], everyday), 1, "A small coin, to test the number")
    yield pay(cast.today - 27 * hours, (everyday, others["Maya Chen"]), 25_00, "Print run, second half")
    yield pay(cast.today - 6 * hours, (others["نور الهدى"], everyday), 21_30, "Half of Saturday’s dinner")


def _everyday_life(rng: random.Random, cast: _Cast, noon: datetime) -> Iterator[Draft]:
    everyday, others = cast.everyday, cast.others
    hours = timedelta(hours=1)
    if noon.weekday() == 1:
        yield pay(noon + 5 * hours, (everyday, others["Corner Grocer"]), rng.randrange(31_00, 92_00), "Groceries")
    if rng.random() < 0.28:
        yield pay(noon - 4 * hours, (everyday, others["Tideline Coffee"]), rng.randrange(3_20, 14_80), "Coffee")
    if rng.random() < 0.06:
        yield pay(noon + 7 * hours, (everyday, others["Jonas Weld"]), rng.randrange(8_00, 60_00), "Dinner on Saturday")
    if rng.random() < 0.04:
        yield pay(noon + 8 * hours, (others["Jonas Weld"], everyday), rng.randrange(8_00, 40_00), "Half of the tickets")


def _incidents(db: Database, teller: Actor, cast: _Cast) -> None:
    """What a bank's day brings: a mistake that was reversed, what was declined, a frozen account, a closed one."""
    ada, everyday, others, today = cast.ada, cast.everyday, cast.others, cast.today
    hours = timedelta(hours=1)
    jonas, maya = others["Jonas Weld"], others["Maya Chen"]
    with clock.moved_to(today - 5 * hours):
        transfers.move(db, ada, transfers.Withdraw(everyday.id, cast.prices.amount(60_00), description="Cash at desk"))
        wrong = _send(db, ada, (everyday, jonas), cast.prices.amount(58_00), "Concert tickets")
        holds.move(db, ada, PlaceHold(everyday.id, cast.prices.amount(120_00), description="Hotel Aurora, two nights"))
    with clock.moved_to(today - 4 * hours):
        transfers.move(db, teller, transfers.Reverse(wrong.transaction.id, "Paid twice, the customer called"))
        db.unit_of_work(lambda session: _decide(session, teller, cast))
    with clock.moved_to(today - 2 * hours):
        # Money still arrives in what is frozen for payments, and an allowed overdraft is used.
        _send(db, teller, (maya, others["Frida Snow"]), cast.prices.amount(180_00), "Rent share, November")
        _send(db, teller, (others["Sol Ortiz"], others["Corner Grocer"]), cast.prices.amount(165_40), "Catering")
        _decline(db, ada, (everyday, others["Halden Studio"]), cast.prices.amount(9_500_00), "Deposit for the studio")
        _decline(db, ada, (everyday, others["Otto Gone"]), cast.prices.amount(12_00), "Bike tyre")
    with clock.moved_to(today - hours):
        db.unit_of_work(lambda session: _save_payees(session, cast))


def _send(
    db: Database, actor: Actor, sides: tuple[AccountView, AccountView], amount: money.Amount, memo: str
) -> transfers.Moved:
    sender, receiver = sides
    movement = transfers.Transfer(sender.id, receiver.id, amount, description=memo)
    return transfers.move(db, actor, movement)


def _decline(
    db: Database, actor: Actor, sides: tuple[AccountView, AccountView], amount: money.Amount, memo: str
) -> None:
    """Asks for what cannot be, as the pages do: the bank keeps the attempt with its reason."""
    sender, receiver = sides
    draft = db.unit_of_work(
        lambda session: drafts.save(
            session, actor, kind="transfer", amount_minor=amount.minor(sender.currency),
            currency=sender.currency, from_account_id=sender.id, to_account_id=receiver.id, description=memo,
            payee_name=receiver.owner_name, payee_result="match",
        )
    )  # fmt: skip
    with contextlib.suppress(BankError):
        transfers.move(db, actor, draft.movement, key=draft.key)


def _decide(session: Session, teller: Actor, cast: _Cast) -> None:
    """What the operator decided today, each with a reason."""
    others = cast.others
    accounts.change_account(
        session, teller, others["Frida Snow"].id, status=AccountStatus.FROZEN, frozen_for=FrozenFor.DEBITS,
        reason="Card reported stolen; waits for the owner",
    )  # fmt: skip
    accounts.change_account(
        session, teller, others["Otto Gone"].id, status=AccountStatus.CLOSED, reason="Moved away, closed on request"
    )
    accounts.change_account(
        session,
        teller,
        others["Sol Ortiz"].id,
        overdraft_limit=cast.prices.amount(300_00).text,
        reason="Seasonal income, agreed in writing",
    )
    accounts.change_account(
        session,
        teller,
        others["Maya Chen"].id,
        daily_limit=cast.prices.amount(500_00).text,
        reason="The customer asked for a daily limit",
    )


def _save_payees(session: Session, cast: _Cast) -> None:
    for name, nickname in (("Ferry Street Lettings", "Landlord"), ("Maya Chen", None), ("Jonas Weld", None)):
        payees.save(session, cast.ada, account_id=cast.others[name].id, name=name, nickname=nickname)
