"""The receipt of a transaction: a page with an address, because a message that fades is no proof."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import reflex as rx

from bank_app.domain import money
from bank_app.domain.accounting import Direction, TransactionType
from bank_app.domain.text import isolated
from bank_app.errors import BankError, NotFound
from bank_app.services import drafts, record_proof, transfers
from bank_app.services.actor import Actor
from bank_app.services.transfers import PostingView, TransactionView
from bank_app.ui import calls, first_steps, forms, words
from bank_app.ui.guard import exposed
from bank_app.ui.messages import refusal, say
from bank_app.ui.money_form import new_answer
from bank_app.ui.session import SessionState, actor_of


@dataclass(frozen=True)
class Side:
    """One entry of the two."""

    owner: str
    account: str
    incoming: bool
    amount: str
    balance: str
    hidden: str = ""


@dataclass(frozen=True)
class Event:
    """One moment of the transaction's life that the bank has a record of."""

    title: str
    detail: str
    time: str
    address: str = ""


@dataclass(frozen=True)
class Paper:
    """What stands on the receipt."""

    title: str = ""
    sub: str = ""
    amount: str = ""
    reversed: bool = False
    reference: str = ""
    source: str = ""
    source_detail: str = ""
    target: str = ""
    target_detail: str = ""
    note: str = ""
    kind: str = ""
    created: str = ""
    posted: str = ""
    place: str = ""
    balance: str = ""
    total: str = ""
    hash: str = ""
    hash_short: str = ""
    back: str = ""
    back_to: str = ""
    again: str = ""
    address: str = ""
    linked: str = ""
    linked_to: str = ""


class ReceiptState(rx.State):
    """A transaction as the reader may see it."""

    loaded: bool = False
    shown: str = ""
    missing: bool = False
    failed: str = ""
    paper: Paper = Paper()
    sides: list[Side] = []
    events: list[Event] = []
    can_repeat: bool = False
    replayed: str = ""
    replay_code: str = ""
    verified: str = ""
    intact: bool = False
    answer: int = 0

    @exposed
    async def open(self) -> Any:
        """Reads the transaction of the address."""
        actor = await actor_of(self)
        address = self.router.url.path.rstrip("/").rpartition("/")[2]
        if self.shown != address:
            self.loaded, self.replayed, self.replay_code, self.verified = False, "", "", ""
            yield
        self.failed, self.missing, self.can_repeat = "", False, False
        try:
            await self._read(actor, forms.identifier(address))
        except NotFound:
            self.missing = True
        except BankError as error:
            self.failed = refusal(error).text
        self.shown, self.loaded = address, True

    @exposed
    async def refresh(self) -> None:
        """What became of the transaction since: a reversal shows without a reload."""
        if not self.loaded or self.missing:
            return
        with suppress(BankError):
            await self._read(await actor_of(self), forms.identifier(self.shown))

    @exposed
    async def verify(self) -> None:
        """Hashes the record again and says whether it is as it was written."""
        actor, transaction_id = await actor_of(self), forms.identifier(self.shown)
        self.answer = new_answer()
        if transaction_id is None:
            return
        try:
            proof = await calls.read(lambda db: record_proof.verify(db, actor, transaction_id))
        except BankError as error:
            self.verified, self.intact = refusal(error).text, False
            return
        self.intact = proof.intact
        self.verified = (
            say("RECORD_INTACT", time=proof.milliseconds)
            if proof.intact
            else say("RECORD_BROKEN", problem=proof.problem, bank=calls.bank().settings.name)
        )

    @exposed
    async def send_twice(self) -> None:
        """Sends the same draft once more under the same key, in earnest: the bank must answer with the first one."""
        actor = await actor_of(self)
        session = await self.get_state(SessionState)
        self.answer = new_answer()
        transaction_id = forms.identifier(self.router.url.path.rstrip("/").rpartition("/")[2])
        if not session.demo or transaction_id is None:
            return
        try:
            draft = await calls.read(lambda db: _draft(db, actor, transaction_id))
            if draft is None:
                return
            moved = await calls.call(transfers.move, calls.bank().db, actor, draft.movement, key=draft.key)
        except BankError as error:
            found = refusal(error)
            self.replayed, self.replay_code = found.text, found.code
            return
        if moved.replayed and moved.transaction.id == transaction_id:
            self.replayed = say("IDEMPOTENT_REPLAY", time=words.time_of_day(moved.transaction.created_at))
            self.replay_code = f"replayed · {draft.key}"
            await first_steps.tick(actor, "twice")

    async def _read(self, actor: Actor, transaction_id: UUID | None) -> None:
        if transaction_id is None:
            raise NotFound
        session = await self.get_state(SessionState)

        def read(db: Any) -> tuple[TransactionView, drafts.DraftView | None, TransactionView | None]:
            view = transfers.get_transaction(db, actor, transaction_id)
            reversal = None if view.reversed_by is None else transfers.get_transaction(db, actor, view.reversed_by)
            return view, _draft(db, actor, transaction_id), reversal

        view, draft, reversal = await calls.read(read)
        self.paper = _paper(view, actor, draft)
        self.sides = [_side(side, view) for side in view.postings]
        self.events = _events(view, draft, reversal, session.name)
        self.can_repeat = session.demo and draft is not None


def _draft(db: Any, actor: Actor, transaction_id: UUID) -> drafts.DraftView | None:
    """The draft that the reader sent this with, while it is kept."""
    draft_id = drafts.id_in(transfers.key_of(db, actor, transaction_id))
    if draft_id is None:
        return None
    try:
        return drafts.get(db, actor, draft_id)
    except NotFound:
        return None


# --- in words ---------------------------------------------------------------------------------------------


def _paper(view: TransactionView, actor: Actor, draft: drafts.DraftView | None) -> Paper:
    debit, credit = view.postings[0], view.postings[-1]
    staff = actor.role.sees_every_account
    mine = next((side for side in (debit, credit) if side.mine), None)
    both = debit.mine and credit.mine
    at = words.time_of_day(view.created_at, seconds=True)
    sign = 0 if both or mine is None else 1 if mine is credit else -1
    seen = mine or (debit if debit.account_id.isdigit() else credit)
    linked = view.reversed_by or view.reverses
    again = view.type is TransactionType.TRANSFER and (debit.mine or actor.role.acts_on_every_account)
    balance = seen.balance_after_minor if not both else None
    return Paper(
        title=_title(view, debit, credit),
        sub=f"Posted in both accounts at {at}.",
        amount=money.display(view.amount_minor * (sign or 1), view.currency, signed=sign != 0),
        reversed=view.reversed_by is not None,
        reference=view.reference,
        source=debit.owner_name or debit.title,
        source_detail=_where(debit, staff=staff),
        target=credit.owner_name or credit.title,
        target_detail=_where(credit, staff=staff),
        note=view.description or "",
        kind=words.TYPE_WORDS[view.type],
        created=words.full_moment(draft.created_at) if draft else "",
        posted=words.full_moment(view.created_at),
        place=""
        if seen.sequence is None
        else f"Entry {seen.sequence:,} of {words.named(seen.title, seen.account_id)}.",
        balance="" if balance is None or staff else money.display(balance, view.currency),
        total=money.display(0, view.currency),
        hash=view.hash,
        hash_short=_short(view.hash),
        back=words.named(seen.title, seen.account_id),
        back_to=f"/accounts/{seen.account_id}",
        again=f"/move/transfer?again={view.id}" if again else "",
        address=f"/transactions/{view.id}",
        linked="" if linked is None else "See the reversal" if view.reversed_by else "See the original",
        linked_to="" if linked is None else f"/transactions/{linked}",
    )


def _title(view: TransactionView, debit: PostingView, credit: PostingView) -> str:
    amount = money.display(view.amount_minor, view.currency)
    if view.type is TransactionType.DEPOSIT:
        return f"Added {amount} to {_whose(credit)}"
    if view.type is TransactionType.WITHDRAW:
        return f"Withdrew {amount} from {_whose(debit)}"
    if view.type is TransactionType.REVERSAL:
        return f"Reversed: {amount} back to {isolated(credit.owner_name or credit.title)}"
    if debit.mine and credit.mine:
        return f"Moved {amount} from {isolated(debit.title)} to {isolated(credit.title)}"
    if credit.mine:
        return f"Received {amount} from {isolated(debit.owner_name)}"
    return (
        f"Sent {amount} to {isolated(credit.owner_name)}"
        if debit.mine
        else f"{isolated(debit.owner_name)} sent {amount} to {isolated(credit.owner_name)}"
    )


def _whose(side: PostingView) -> str:
    title = isolated(side.title)
    return title if side.mine else f"{isolated(side.owner_name)}: {title}"


def _where(side: PostingView, *, staff: bool) -> str:
    """An account on paper: by its name where it is the reader's, else by its full number."""
    if not side.account_id.isdigit():
        return "The bank's own account"
    if side.mine:
        return words.named(side.title, side.account_id)
    number = words.grouped(side.account_id)
    return f"{isolated(side.title)} {number}" if staff else number


def _side(side: PostingView, view: TransactionView) -> Side:
    incoming = side.direction is Direction.CREDIT
    customer = side.account_id.isdigit()
    hidden = ""
    if side.balance_after_minor is None:
        hidden = (
            "Kept by the bank"
            if not customer or not side.owner_name
            else "Only its owner sees this"
            if side.only_numbered
            else f"Only {isolated(side.owner_name.split()[0])} sees this"
        )
    return Side(
        owner=side.owner_name or side.title,
        account=words.named(side.title, side.account_id) if customer else "Bank account",
        incoming=incoming,
        amount=money.display(side.amount_minor if incoming else -side.amount_minor, view.currency, signed=True),
        balance="" if side.balance_after_minor is None else money.display(side.balance_after_minor, view.currency),
        hidden=hidden,
    )


def _events(
    view: TransactionView, draft: drafts.DraftView | None, reversal: TransactionView | None, reader: str
) -> list[Event]:
    """Only what there is a record of: the draft while it is kept, the posting, and a reversal."""
    found = []
    if draft is not None:
        checks = {"match": "Name matched; ", "none": "Name did not match; sent anyway; ", "fail": "Name not checked; "}
        checked = checks.get(draft.payee_result or "", "") + "funds and limits fit"
        made = _precise(draft.created_at)
        found.append(Event("Created", f"By {reader}, draft {draft.reference}", made))
        found.append(Event("Checked", checked[0].upper() + checked[1:], made))
    found.append(Event("Posted", "Both entries in one database commit", _precise(view.created_at)))
    if reversal is not None:
        moment = reversal.created_at
        same_day = moment.date() == view.created_at.date()
        when = _precise(moment) if same_day else f"{words.day(moment)}, {words.time_of_day(moment)}"
        found.append(Event("Reversed", "By a transaction of its own", when, f"/transactions/{reversal.id}"))
    return found


def _precise(moment: datetime) -> str:
    """`14:21:12.031`."""
    return f"{words.time_of_day(moment, seconds=True)}.{moment.microsecond // 1000:03d}"


def _short(text: str) -> str:
    groups = [text[at : at + 4] for at in range(0, len(text), 4)]
    return " ".join(groups[:4]) + " … " + " ".join(groups[-2:])
