"""One transaction as the bank's people see it: both entries, who asked for it, and what is on file about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import reflex as rx
from sqlalchemy.orm import Session

from bank_app.domain import money
from bank_app.domain.accounting import Direction, TransactionType
from bank_app.domain.identifiers import reference
from bank_app.domain.text import isolated
from bank_app.errors import BankError, NotFound
from bank_app.services import accounts, transaction_search
from bank_app.services.actor import Actor
from bank_app.services.transaction_search import Dossier
from bank_app.services.transfers import PostingView
from bank_app.ui import calls, forms, words
from bank_app.ui.guard import exposed
from bank_app.ui.messages import refusal, say
from bank_app.ui.session import ROLE_WORDS, actor_of
from bank_app.ui.transaction_filters import PATH

_NOUNS = {"deposit": "deposit", "withdraw": "withdrawal", "transfer": "transfer", "reversal": "reversal"}
_GROUP = 4


@dataclass(frozen=True)
class EntryLine:
    """One of the two entries."""

    owner: str
    owner_address: str
    account: str
    account_address: str
    incoming: bool
    amount: str
    balance: str
    place: str
    hash: str
    full_hash: str


@dataclass(frozen=True)
class FileEvent:
    """A moment of the transaction's life that the bank has a record of."""

    title: str
    detail: str
    time: str
    address: str = ""


@dataclass(frozen=True)
class FileSheet:
    """What stands on the page beside the entries."""

    title: str = ""
    noun: str = "transaction"
    reference: str = ""
    id: str = ""
    amount: str = ""
    kind: str = ""
    note: str = ""
    posted: str = ""
    initiator: str = ""
    initiator_role: str = ""
    initiator_address: str = ""
    key: str = ""
    origin: str = ""
    request: str = ""
    hold: str = ""
    reason: str = ""
    total: str = ""
    hash: str = ""
    hash_short: str = ""
    audit: str = ""
    receipt: str = ""
    reverse: str = ""
    own: str = ""
    reversed: str = ""
    linked: str = ""
    linked_words: str = ""


class TransactionFileState(rx.State):
    """A transaction with everything on file about it."""

    loaded: bool = False
    shown: str = ""
    missing: bool = False
    failed: str = ""
    sheet: FileSheet = FileSheet()
    entries: list[EntryLine] = []
    events: list[FileEvent] = []

    @exposed(staff=True)
    async def open(self) -> Any:
        """Reads the transaction of the address."""
        if self.shown != self._address():
            self.loaded = False
            yield
        await self._read()

    @exposed(staff=True)
    async def refresh(self) -> None:
        """The same, as it is now: it may have been reversed."""
        if self.loaded and not self.missing:
            await self._read()

    def _address(self) -> str:
        return self.router.url.path.rstrip("/").rpartition("/")[2]

    async def _read(self) -> None:
        actor, address = await actor_of(self), self._address()
        self.failed, self.missing = "", False
        try:
            file, titles = await calls.read(lambda session: _file(session, actor, forms.identifier(address)))
            self._show(file, titles)
        except NotFound:
            self.missing = True
        except BankError as error:
            self.failed = refusal(error).text
        self.shown, self.loaded = address, True

    def _show(self, file: Dossier, owners: dict[str, str]) -> None:
        self.sheet = _sheet(file)
        self.entries = [entry_line(side, file.transaction.currency, owners) for side in file.transaction.postings]
        self.events = list(_events(file))


def _file(session: Session, actor: Actor, transaction_id: UUID | None) -> tuple[Dossier, dict[str, str]]:
    if transaction_id is None:
        raise NotFound
    file = transaction_search.dossier(session, actor, transaction_id)
    numbers = [side.account_id for side in file.transaction.postings if side.account_id.isdigit()]
    owners = {number: str(accounts.get_account(session, actor, int(number)).owner_id) for number in numbers}
    return file, owners


def entry_line(side: PostingView, currency: str, owners: dict[str, str]) -> EntryLine:
    """One side of a transaction in words."""
    incoming = side.direction is Direction.CREDIT
    customer = side.account_id in owners
    return EntryLine(
        owner=side.owner_name or side.title,
        owner_address=f"/ops/customers/{owners[side.account_id]}" if customer else "",
        account=words.named(side.title, side.account_id) if customer else "The bank’s own account",
        account_address=f"/ops/accounts/{side.account_id}" if customer else "",
        incoming=incoming,
        amount=money.display(side.amount_minor if incoming else -side.amount_minor, currency, signed=True),
        balance="" if side.balance_after_minor is None else money.display(side.balance_after_minor, currency),
        place=f"Entry {side.sequence:,}" if side.sequence else "",
        hash=" ".join(side.hash[at : at + _GROUP] for at in (0, _GROUP)),
        full_hash=side.hash,
    )


def _title(file: Dossier) -> str:
    view = file.transaction
    amount = money.display(view.amount_minor, view.currency)
    debit, credit = view.postings[0], view.postings[-1]
    if view.type is TransactionType.DEPOSIT:
        return f"{amount} in cash for {isolated(credit.owner_name)}"
    if view.type is TransactionType.WITHDRAW:
        return f"{amount} in cash to {isolated(debit.owner_name)}"
    if view.type is TransactionType.REVERSAL:
        return f"Reversal: {amount} back to {isolated(credit.owner_name or credit.title.lower())}"
    return f"{isolated(debit.owner_name)} sent {amount} to {isolated(credit.owner_name)}"


def _sheet(file: Dossier) -> FileSheet:
    view = file.transaction
    whence = file.records[0] if file.records else None
    subject = view.reverses or view.id
    reversible = view.reverses is None and file.earlier is None
    own = any(side.mine for side in view.postings)
    done = file.earlier
    return FileSheet(
        title=_title(file),
        noun=_NOUNS.get(view.type, "transaction"),
        reference=view.reference,
        id=str(view.id),
        amount=money.display(view.amount_minor, view.currency),
        kind=words.TYPE_WORDS[view.type],
        note=view.description or "",
        posted=words.full_moment(view.created_at),
        initiator=file.initiator,
        initiator_role=ROLE_WORDS[file.role],
        initiator_address=f"/ops/customers/{file.initiator_id}" if file.role == "customer" else "",
        key=file.key or "",
        origin=(whence.address or "") if whence and view.reverses else "",
        request=(whence.request_id or "") if whence and view.reverses else "",
        hold=str(file.hold_id) if file.hold_id else "",
        reason=(whence.reason or "") if whence and view.reverses else "",
        total=money.display(0, view.currency),
        hash=view.hash,
        hash_short=_short(view.hash),
        audit=f"/ops/audit?{urlencode({'q': str(subject)})}" if file.records else "",
        receipt=f"/transactions/{view.id}",
        reverse=f"{PATH}/{view.id}/reverse" if reversible and not own else "",
        own=say("OWN_TRANSACTION") if reversible and own else "",
        reversed=f"Reversed on {words.day(done.at)} by {isolated(done.by_name)}." if done else "",
        linked=f"{PATH}/{view.reverses or (done.id if done else '')}" if view.reverses or done else "",
        linked_words="See the original" if view.reverses else "See the reversal",
    )


def _events(file: Dossier) -> list[FileEvent]:
    """Only what there is a record of."""
    view = file.transaction
    found = []
    if file.drafted_at is not None:
        found.append(FileEvent("Drafted", "On a page of this bank", _precise(file.drafted_at)))
    if view.reverses is not None:
        found.append(FileEvent("Original", reference(view.reverses), "", f"{PATH}/{view.reverses}"))
    if file.hold_id is not None:
        found.append(FileEvent("Set aside", "The money came from a hold", ""))
    found.append(FileEvent("Posted", "Both entries in one database commit", _precise(view.created_at)))
    reason = next((record.reason for record in file.records if record.action == "transaction.reverse"), None)
    if file.earlier is not None:
        detail = f"By {file.earlier.by_name}" + (f" · “{reason}”" if reason else "")
        found.append(FileEvent("Reversed", detail, _precise(file.earlier.at), f"{PATH}/{file.earlier.id}"))
    return found


def _precise(moment: datetime) -> str:
    """`20 Nov, 14:21:12.031`."""
    return f"{words.day(moment)}, {words.time_of_day(moment, seconds=True)}.{moment.microsecond // 1000:03d}"


def _short(text: str) -> str:
    groups = [text[at : at + _GROUP] for at in range(0, len(text), _GROUP)]
    return " ".join(groups[:4]) + " … " + " ".join(groups[-2:])
