"""One box that finds accounts, people and transactions: what somebody may see anyway, by a part of its name."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.orm import Session

from bank_app.domain.identifiers import bare_number, reference, reference_bits
from bank_app.services import accounts, history, payees
from bank_app.services.accounts import AccountView
from bank_app.services.actor import Actor
from bank_app.services.history import EntryView
from bank_app.services.payees import Payee
from bank_app.services.transfers import TransactionView

_EACH = 5
_LOOKED_AT = 50


@dataclass(frozen=True, slots=True)
class Found:
    """What was found, by kind; the best first."""

    accounts: list[AccountView]
    people: list[Payee]
    entries: list[EntryView]
    transactions: list[TransactionView]
    owners: list[tuple[UUID, str]]


def find(session: Session, actor: Actor, text: str) -> Found:
    """What fits a text.

    A customer's own accounts, people paid before and newest entries; for the bank's people everybody's accounts, their
    owners, and the transaction of a whole reference. An empty text finds a customer's own accounts and nobody else's.
    """
    wanted = " ".join(text.split()).lower()
    if actor.role.sees_every_account:
        return _everywhere(session, actor, wanted)
    own = [account for account in accounts.own_accounts(session, actor) if _fits_account(account, wanted)]
    if not wanted:
        return Found(own[:_EACH], [], [], [], [])
    known = payees.paid_before(session, actor, owner_id=actor.user_id, limit=_LOOKED_AT)
    people = [payee for payee in known if wanted in payee.name.lower() or _bare(wanted) in payee.number]
    entries = [entry for entry in history.recent(session, actor, limit=_LOOKED_AT) if _fits_entry(entry, wanted)]
    return Found(own[:_EACH], people[:_EACH], entries[:_EACH], [], [])


def payees_called(session: Session, actor: Actor, name: str) -> list[Payee]:
    """People whom the actor has paid before and whose name has this in it, the last paid first."""
    wanted = " ".join(name.split()).lower()
    known = payees.paid_before(session, actor, owner_id=actor.user_id, limit=_LOOKED_AT)
    return [payee for payee in known if wanted in payee.name.lower()][:_EACH] if wanted else []


def _everywhere(session: Session, actor: Actor, wanted: str) -> Found:
    if len(wanted) < 2:
        return Found([], [], [], [], [])
    found = accounts.list_accounts(session, actor, q=wanted, limit=_EACH).items
    owners = {account.owner_id: account.owner_name for account in found if wanted in account.owner_name.lower()}
    transactions: list[TransactionView] = []
    if reference_bits(wanted) is not None and found == []:
        asked = history.HistoryFilter(q=wanted)
        transactions = history.list_transactions(session, actor, filters=asked, limit=_EACH).items
    return Found(found, [], [], transactions, list(owners.items()))


def _fits_account(account: AccountView, wanted: str) -> bool:
    return wanted in account.title.lower() or _bare(wanted) in account.number if wanted else True


def _fits_entry(entry: EntryView, wanted: str) -> bool:
    name = entry.counterparty.name.lower() if entry.counterparty else ""
    short = reference(entry.transaction_id).lower()
    return wanted in name or wanted in (entry.description or "").lower() or wanted in short


def _bare(text: str) -> str:
    digits = bare_number(text).replace("•", "")
    return digits if digits.isdigit() else "\0"
