"""The box that finds and jumps. It leads to pages and fills in forms; it changes nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlencode

import reflex as rx
from sqlalchemy.orm import Session

from bank_app.domain import money
from bank_app.errors import BankError
from bank_app.services import finder, security_watch
from bank_app.services.actor import Actor
from bank_app.ui import calls, forms, lab_access, words
from bank_app.ui.guard import exposed
from bank_app.ui.session import actor_of

_SEND = re.compile(r"(?:send|pay)\s+(\S+)\s+to\s+(.+)", re.IGNORECASE)
_MOST = 12
_FORM = "/move/transfer"


@dataclass(frozen=True)
class Hit:
    """One line of the answer."""

    kind: str
    title: str
    detail: str
    address: str


_CUSTOMER = (
    Hit("Page", "Home", "Overview", "/home"),
    Hit("Page", "Accounts", "", "/accounts"),
    Hit("Page", "Send money", "Transfer to somebody", "/move/transfer"),
    Hit("Page", "Move between my accounts", "Transfer", "/move/transfer?who=own"),
    Hit("Page", "Add money", "Deposit", "/move/deposit"),
    Hit("Page", "Take money out", "Withdraw", "/move/withdraw"),
    Hit("Page", "Payees", "People you pay", "/payees"),
    Hit("Page", "Statements", "Monthly, CSV, JSON", "/statements"),
    Hit("Page", "Notifications", "", "/notifications"),
    Hit("Page", "Open an account", "", "/accounts/new"),
)
_STAFF = (
    Hit("Page", "Queue", "What needs somebody", "/ops"),
    Hit("Page", "Customers", "", "/ops/customers"),
    Hit("Page", "Accounts", "Everybody's", "/ops/accounts"),
    Hit("Page", "Transactions", "Everybody's", "/ops/transactions"),
    Hit("Page", "Audit trail", "Who did what", "/ops/audit"),
    Hit("Page", "Books", "Trial balance, checks", "/ops/books"),
    Hit("Page", "Health", "", "/ops/health"),
    Hit("Page", "Users", "People and roles", "/ops/users"),
)
_READERS = (Hit("Page", "Security events", "Alarms, sign-ins, refusals", "/ops/security"),)
_BOTH = (
    Hit("Page", "Settings", "", "/settings"),
    Hit("Page", "Security", "Password, second step, sessions", "/settings/security"),
    Hit("Page", "Appearance", "Numbers, density, shortcuts", "/settings/appearance"),
    Hit("Page", "Help", "", "/help"),
)
_LAB = (
    Hit("Page", "Lab", "Try to break the bank", "/lab"),
    Hit("Page", "Run in the lab", "Set up a run", "/lab/run"),
    Hit("Page", "Compare strategies", "Lab", "/lab/compare"),
)


class PaletteState(rx.State):
    """What the box shows, and for which text."""

    hits: list[Hit] = []
    asked: str = ""
    answered: int = 0

    @exposed
    async def search(self, typed: str) -> None:
        """Finds what fits; nothing typed offers the pages and the person's own accounts."""
        actor = await actor_of(self)
        text = forms.text(typed, 80)
        pages = [hit for hit in _pages(actor) if not text or _fits(hit, text)]
        try:
            found = await calls.search(
                lambda session: [*_sending(session, actor, text), *_found(session, actor, text)], narrowed=bool(text)
            )
        except BankError:
            found = []
        both = [*pages, *found] if not text else [*found[:3], *pages, *found[3:]]
        self.hits, self.asked = both[: _MOST if text else 20], text
        self.answered += 1


def _pages(actor: Actor) -> list[Hit]:
    lab = _LAB if lab_access.may_use(actor, calls.bank().settings) else ()
    readers = _READERS if security_watch.may_read(actor) else ()
    return [*(_STAFF if actor.role.sees_every_account else _CUSTOMER), *readers, *lab, *_BOTH]


def _fits(hit: Hit, text: str) -> bool:
    line = f"{hit.title} {hit.detail}".lower()
    return all(word in line for word in text.lower().split())


def _sending(session: Session, actor: Actor, text: str) -> list[Hit]:
    """`Send 25 to Maya`: the form with both filled in."""
    asked = _SEND.fullmatch(text)
    if asked is None or actor.role.sees_every_account:
        return []
    hits = []
    for payee in finder.payees_called(session, actor, asked[2]):
        # Only money of the payee's currency can arrive there.
        minor = money.read_typed(asked[1], payee.currency).minor
        if minor is not None:
            fields = {"to": payee.number, "amount": money.to_text(minor, payee.currency), "currency": payee.currency}
            title = f"Send {money.display(minor, payee.currency)} to {payee.name}"
            hits.append(Hit("Form", title, "Fills in the form; nothing moves yet", f"{_FORM}?{urlencode(fields)}"))
    return hits


def _found(session: Session, actor: Actor, text: str) -> list[Hit]:
    found = finder.find(session, actor, text)
    staff = actor.role.sees_every_account
    place = "/ops/accounts" if staff else "/accounts"
    named = [
        Hit(
            "Account",
            f"{account.owner_name} · {account.title}" if staff else account.title,
            words.ending(account.number)
            if staff
            else f"{words.ending(account.number)} · {money.display(account.available_minor, account.currency)}",
            f"{place}/{account.number}",
        )
        for account in found.accounts
    ]
    owners = [Hit("Customer", name, "", f"/ops/customers/{owner}") for owner, name in found.owners]
    people = [
        Hit("Payee", f"Pay {payee.name}", payee.grouped_number, f"/move/transfer?to={payee.number}")
        for payee in found.people
    ]
    entries = [
        Hit(
            "Entry",
            f"{entry.counterparty.name if entry.counterparty else entry.type.value.title()} "
            f"{money.display(entry.signed_minor, entry.currency, signed=True)}",
            f"{words.when(entry.created_at)} · {entry.description or ''}".rstrip(" ·"),
            f"/transactions/{entry.transaction_id}",
        )
        for entry in found.entries
    ]
    whole = [
        Hit(
            "Transaction",
            f"{view.reference} {money.display(view.amount_minor, view.currency)}",
            words.full_moment(view.created_at),
            f"/ops/transactions/{view.id}",
        )
        for view in found.transactions
    ]
    return [*owners, *named, *people, *entries, *whole]
