"""Demo people and their pretend money: the same for the same seed, dated from today, posted through the real ledger."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
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


def is_filled(db: Database) -> bool:
    """Whether the demo people are already here."""
    return db.read(lambda session: auth.find(session, ADA.email)) is not None


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
    drafts = sorted(_story(rng, ada, mine, others, start, today), key=lambda draft: draft.created_at or today)
    for first in range(0, len(drafts), _DRAFTS_PER_UNIT_OF_WORK):
        group = drafts[first : first + _DRAFTS_PER_UNIT_OF_WORK]
        db.unit_of_work(lambda session, group=group: ledger.post(session, group), resolvable=True)  # type: ignore[misc]
    _incidents(db, teller, ada, mine, others, today)
    with clock.moved_to(today - timedelta(hours=3)):
        _open(db, _register(db, BEN), (None, AccountKind.CHECKING))


def _register(db: Database, persona: Persona) -> Actor:
    return auth.register(db, email=persona.email, name=persona.name, password=PASSWORD, role=persona.role)


def _open(db: Database, owner: Actor, *wanted: tuple[str | None, AccountKind], opening: int = 0) -> list[AccountView]:
    def operation(session: Session) -> list[AccountView]:
        return [
            accounts.open_account(
                session, owner, settings=db.settings, kind=kind, nickname=nickname, initial_balance=opening or None
            )
            for nickname, kind in wanted
        ]

    return db.unit_of_work(operation)


def _neighbour(db: Database, index: int, name: str, opening: int) -> AccountView:
    owner = auth.register(db, email=f"neighbour{index}@demo.test", name=name, password=PASSWORD)
    return _open(db, owner, (None, AccountKind.CHECKING), opening=opening)[0]


# --- Ada's story ----------------------------------------------------------------------------------------


def _story(
    rng: random.Random,
    ada: Actor,
    mine: list[AccountView],
    others: dict[str, AccountView],
    start: datetime,
    today: datetime,
) -> Iterator[Draft]:
    everyday, savings, taxes = mine

    def pay(
        when: datetime, sender: AccountView, receiver: AccountView, minor: int, memo: str, by: Actor = ada
    ) -> Draft:
        actor = by.user_id if sender.owner_id == by.user_id else sender.owner_id
        return Draft(
            id=new_id(),
            type=TransactionType.TRANSFER,
            currency=everyday.currency,
            legs=(Leg(sender.id, Direction.DEBIT, minor), Leg(receiver.id, Direction.CREDIT, minor)),
            actor_id=actor,
            description=memo,
            created_at=when,
        )

    yield _cash(ada, everyday, 1_400_00, "Opening deposit", start + timedelta(hours=1))
    invoice = 101
    for day in range((today - start).days):
        noon = (start + timedelta(days=day)).replace(hour=12, minute=rng.randrange(60), second=rng.randrange(60))
        month_day = noon.day
        if month_day in (3, 17):
            client, minor = rng.choice(
                (("Halden Studio", 1_860_00), ("Halden Studio", 1_240_00), ("Lumen Translations", 640_00))
            )
            yield pay(noon - timedelta(hours=2), others[client], everyday, minor, f"INV-{invoice}")
            yield pay(noon - timedelta(hours=1, minutes=54), everyday, taxes, minor // 4, f"25% of INV-{invoice}")
            invoice += 1
        if month_day == 1:
            yield pay(noon - timedelta(hours=3), everyday, savings, 250_00, "Monthly saving")
        if month_day == 5:
            yield pay(noon, everyday, others["Ferry Street Lettings"], 1_150_00, f"Rent, {noon:%B}")
        if noon.weekday() == 1:
            yield pay(
                noon + timedelta(hours=5), everyday, others["Corner Grocer"], rng.randrange(31_00, 92_00), "Groceries"
            )
        if rng.random() < 0.28:
            yield pay(
                noon - timedelta(hours=4), everyday, others["Tideline Coffee"], rng.randrange(3_20, 14_80), "Coffee"
            )
        if month_day == 2:
            yield pay(noon, everyday, others["City Transit"], 72_00, "Monthly pass")
        if rng.random() < 0.06:
            yield pay(
                noon + timedelta(hours=7),
                everyday,
                others["Jonas Weld"],
                rng.randrange(8_00, 60_00),
                "Dinner on Saturday",
            )
        if rng.random() < 0.04:
            yield pay(
                noon + timedelta(hours=8),
                others["Jonas Weld"],
                everyday,
                rng.randrange(8_00, 40_00),
                "Half of the tickets",
            )
    yield pay(
        today - timedelta(days=2, hours=2), others["Zoë Ångström-Nguyễn"], everyday, 1, "One cent, to test the number"
    )
    yield pay(today - timedelta(days=1, hours=3), everyday, others["Maya Chen"], 25_00, "Print run, second half")
    yield pay(today - timedelta(hours=6), others["نور الهدى"], everyday, 21_30, "Half of Saturday’s dinner")


def _cash(actor: Actor, account: AccountView, minor: int, memo: str, when: datetime) -> Draft:
    cash = ledger.cash_account(account.currency, account.id)
    return Draft(
        id=new_id(),
        type=TransactionType.DEPOSIT,
        currency=account.currency,
        legs=(Leg(cash, Direction.DEBIT, minor), Leg(account.id, Direction.CREDIT, minor)),
        actor_id=actor.user_id,
        description=memo,
        created_at=when,
    )


def _incidents(
    db: Database, teller: Actor, ada: Actor, mine: list[AccountView], others: dict[str, AccountView], today: datetime
) -> None:
    """What a bank's day brings: a mistake that was reversed, a frozen account, a closed one, cash at the desk."""
    everyday = mine[0]
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
