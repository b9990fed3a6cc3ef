"""Sending money, step 2: what exactly will happen, once more, and the one button that makes it happen."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import reflex as rx

from bank_app.domain import money
from bank_app.domain.identifiers import account_number_text
from bank_app.domain.text import isolated
from bank_app.errors import BankError, NotFound, OutcomeUnknown, Refused, RequestInProgress, StepUpRequired, Unavailable
from bank_app.services import accounts, cautions, drafts, transfers
from bank_app.services.accounts import AccountView
from bank_app.services.actor import Actor
from bank_app.services.drafts import DraftView
from bank_app.ui import calls, forms, words
from bank_app.ui.components.moving import Line
from bank_app.ui.guard import exposed
from bank_app.ui.live import also_watch
from bank_app.ui.messages import refusal, say
from bank_app.ui.money_form import (
    DOUBTS,
    limit_problem,
    named,
    new_answer,
    stuck_in_words,
    used_percent,
    words_of_limits,
)
from bank_app.ui.notices import notify
from bank_app.ui.session import actor_of


@dataclass(frozen=True)
class Sheet:
    """Everything that the page says about a draft."""

    kind: str = ""
    heading: str = ""
    verb: str = ""
    amount: str = ""
    source: str = ""
    source_ending: str = ""
    source_owner: str = ""
    target: str = ""
    target_number: str = ""
    note: str = ""
    reference: str = ""
    unknown: str = ""
    change: str = ""
    checked: str = ""
    first: bool = False
    unusual: str = ""
    limits: list[str] = field(default_factory=list)
    limit_used: int = 0
    tape_title: str = ""
    after: str = ""
    after_label: str = "Available after"
    lines: list[Line] = field(default_factory=list)


class ReviewState(rx.State):
    """A draft as it stands now. `stage` is ready, declined, unsure (asking what became of it) or gone."""

    loaded: bool = False
    shown: str = ""
    stage: str = "ready"
    sheet: Sheet = Sheet()
    blocked: str = ""
    refused: str = ""
    code: str = ""
    less: str = ""
    answer: int = 0
    looks: int = 0
    _sent: bool = False
    # So many more looks before a press whose connection was lost is said never to have come: another worker may still
    # be at it, and waits for rows longer than one look takes.
    _doubts: int = 0
    # The draft that has led to its receipt.
    _over: str = ""

    @exposed
    async def open(self) -> Any:
        """Shows the draft of the address; a draft that was sent is its receipt."""
        actor, draft_id = await actor_of(self), self._address()
        if self.shown != str(draft_id):
            self.loaded, self._sent, self.stage, self._doubts = False, False, "ready", 0
            self.blocked = self.refused = self.code = self.less = ""
            yield
        async for event in self._look(actor, draft_id, opening=True):
            yield event
        self.shown = self.router.url.path.rstrip("/").rpartition("/")[2]
        self.loaded = True
        self.looks += 1

    @exposed
    async def look(self) -> Any:
        """Looks again: balances change, and an answer that was lost may be there by now."""
        if not self.loaded or self.stage == "gone":
            return
        actor, draft_id = await actor_of(self), self._address()
        async for event in self._look(actor, draft_id):
            yield event

    @exposed
    async def send(self) -> Any:
        """Posts the draft under its own key, so that it can only ever happen once."""
        actor, draft_id = await actor_of(self), self._address()
        if draft_id is None:
            return None
        try:
            draft = await calls.read(lambda session: drafts.get(session, actor, draft_id))
            if draft.stale and await self._never_arrived(actor, draft):
                return await self._back_to_details(draft)
            self._sent = True
            moved = await calls.call(transfers.move, calls.bank().db, actor, draft.movement, key=draft.key)
        except NotFound as error:
            self._decline(error, None)
            self.stage = "gone" if error.code == "not_found" else "declined"
            return None
        except BankError as error:
            await self._not_posted(actor, draft_id, error)
            return None
        return await self._posted(draft, moved)

    @exposed
    def lost(self, _ticket: str) -> None:
        """The connection was lost over a press: looks for a while, and then says what became of it."""
        if self.stage != "ready" or self.refused or self._over == str(self._address()):
            return
        self.stage, self.refused, self.code, self._doubts = "unsure", self.sheet.unknown, "", DOUBTS
        self.looks += 1

    @exposed
    async def send_less(self) -> Any:
        """A new draft for what is available instead."""
        actor, draft_id = await actor_of(self), self._address()
        if draft_id is None:
            return None

        try:
            fresh = await calls.write(lambda session: drafts.save_less(session, actor, draft_id))
        except BankError as error:
            self._say(error)
            return None
        return rx.redirect(f"/move/review/{fresh.id}")

    @exposed
    async def refresh(self) -> Any:
        """What changed in the books shows here: the balance, the account, or that the draft was sent elsewhere."""
        # It was sent here, and the books changed by that: whoever went on meanwhile is not fetched back.
        if self._over == str(self._address()):
            return
        async for event in self.look():
            yield event

    # --- looking ----------------------------------------------------------------------------------------

    def _address(self) -> UUID | None:
        return forms.identifier(self.router.url.path.rstrip("/").rpartition("/")[2])

    async def _look(self, actor: Actor, draft_id: UUID | None, *, opening: bool = False) -> Any:
        """Where the draft stands: sent, refused, unknown, or waiting for a word."""
        self.answer = new_answer()
        if draft_id is None:
            self.stage = "gone"
            return
        try:
            draft = await calls.read(lambda session: drafts.get(session, actor, draft_id))
            self.sheet, account = await calls.read(lambda session: _sheet(session, actor, draft))
        except NotFound:
            self.stage = "gone"
            return
        if opening and account.owner_id != actor.user_id:
            await also_watch(self, account.id)
        try:
            found = await calls.call(transfers.outcome_of, calls.bank().db, actor, draft.movement, key=draft.key)
        except Refused as error:
            self._decline(error, account, draft)
            return
        except BankError as error:
            self._say(error)
            return
        if found is not None:
            yield await self._posted(draft, found)
            return
        if draft.stale and opening:
            yield await self._back_to_details(draft)
            return
        await self._not_sent(draft, account)

    async def _not_sent(self, draft: DraftView, account: AccountView) -> None:
        """The bank has no answer to the draft: it waits for a word, or for another look after a press that got lost."""
        if self.stage == "unsure" and self._doubts > 0:
            self._doubts -= 1
            return
        if self.stage == "unsure" or self._sent:
            self.refused, self.code, self._sent = say("OUTCOME_NOT_RECEIVED"), "", False
        self.stage = "ready"
        limits = await calls.read(lambda session: cautions.limits_of(session, account))
        self.blocked = self._why_not(draft, account, limits)

    async def _never_arrived(self, actor: Actor, draft: DraftView) -> bool:
        """Whether the bank has no answer to this draft: what was answered is never asked for twice."""
        try:
            bank = calls.bank()
            return await calls.call(transfers.outcome_of, bank.db, actor, draft.movement, key=draft.key) is None
        except BankError:
            return False

    async def _back_to_details(self, draft: DraftView) -> Any:
        """A draft that was checked a while ago is looked at again before anything is sent."""
        await notify(self, say("CHECK_AGAIN"), "info")
        return rx.redirect(f"/move/{draft.kind}?draft={draft.id}", replace=True)

    def _why_not(self, draft: DraftView, account: AccountView, limits: cautions.Limits) -> str:
        if not account.can_pay:
            return stuck_in_words(account)
        if account.available_minor < draft.amount_minor:
            self._offer_less(account)
            what = "this transfer" if draft.kind == "transfer" else "this withdrawal"
            return say("STALE_BALANCE", available=money.display(account.available_minor, account.currency), what=what)
        self.less = ""
        if over := limits.exceeded_by(draft.amount_minor):
            return limit_problem(limits, over, account)
        return ""

    # --- what became of it --------------------------------------------------------------------------------

    async def _posted(self, draft: DraftView, moved: transfers.Moved) -> Any:
        view = moved.transaction
        was_waiting = self.stage == "unsure"
        if was_waiting:
            await notify(self, say("OUTCOME_FOUND", time=words.time_of_day(view.created_at, seconds=True)))
        elif moved.replayed and self._sent:
            await notify(self, say("IDEMPOTENT_REPLAY", time=words.time_of_day(view.created_at)), "info")
        elif not moved.replayed:
            await notify(self, _done(draft, view))
        self._sent, self.stage, self._over = False, "ready", str(draft.id)
        self.refused = self.code = self.blocked = ""
        return rx.redirect(f"/transactions/{view.id}", replace=True)

    async def _not_posted(self, actor: Actor, draft_id: UUID, error: BankError) -> None:
        if isinstance(error, OutcomeUnknown | RequestInProgress):
            self.stage = "unsure"
            self.refused = refusal(error, reference=self.sheet.reference).text
            self.code = error.code
            self.looks += 1
            self.answer = new_answer()
            return
        self._sent = False
        # A fresh code is asked for in front of the page, and then the same is sent.
        if isinstance(error, Unavailable | StepUpRequired):
            self._say(error)
            return
        draft = await calls.read(lambda session: drafts.get(session, actor, draft_id))
        self.sheet, account = await calls.read(lambda session: _sheet(session, actor, draft))
        self._decline(error, account, draft)

    def _say(self, error: BankError) -> None:
        found = refusal(error, reference=self.sheet.reference)
        self.refused, self.code = found.text, found.code
        self.answer = new_answer()

    def _decline(self, error: BankError, account: AccountView | None, draft: DraftView | None = None) -> None:
        """The bank said no, for good: the same draft gets the same answer for ever."""
        self.stage, self.blocked, self.less = "declined", "", ""
        facts: dict[str, str] = {"bank": calls.bank().settings.name}
        variant = ""
        if account and draft:
            facts |= {"account": named(account), "needed": money.display(draft.amount_minor, draft.currency)}
            own = error.details.get("account_id") == account.number
            if error.code in ("account_frozen", "account_closed"):
                paying = "SOURCE_FROZEN" if error.code == "account_frozen" else "SOURCE_CLOSED"
                variant = paying if own else "RECIPIENT_CANNOT_RECEIVE"
            if error.code == "account_not_found":
                variant = "RECIPIENT_NOT_FOUND"
            if error.code == "insufficient_funds":
                self._offer_less(account)
        found = refusal(error, variant=variant, **facts)
        # What is the matter with somebody else's account is not said, not even in small print.
        self.refused, self.code = found.text, "" if variant == "RECIPIENT_CANNOT_RECEIVE" else found.code
        self.answer = new_answer()

    def _offer_less(self, account: AccountView) -> None:
        left = account.available_minor
        self.less = money.display(left, account.currency) if left > 0 and account.can_pay else ""


def _done(draft: DraftView, view: transfers.TransactionView) -> str:
    amount = money.display(view.amount_minor, view.currency)
    sent, received = view.postings
    if draft.kind == "withdraw":
        return say("WITHDRAW_POSTED", amount=amount, source=sent.title)
    if sent.mine and received.mine:
        return say("TRANSFER_OWN_POSTED", amount=amount, source=sent.title, to=received.title)
    return say("TRANSFER_POSTED", amount=amount, to=draft.payee_name or received.owner_name)


def _limits_after(limits: cautions.Limits, draft: DraftView) -> list[str]:
    """What the limits leave once this is sent; nothing where they do not let it through."""
    if limits.exceeded_by(draft.amount_minor):
        return []
    after = replace(limits, used_today_minor=limits.used_today_minor + draft.amount_minor)
    if after.left_today_minor is None:
        return words_of_limits(after, draft.currency)
    left = money.display(after.left_today_minor, draft.currency)
    once = words_of_limits(replace(after, daily_minor=None), draft.currency)
    return [f"After this you can send {left} more today. Resets at midnight UTC.", *once]


def _sheet(session: Any, actor: Actor, draft: DraftView) -> tuple[Sheet, AccountView]:
    """A draft in words, over the paying account as it is now."""
    account = accounts.get_account(session, actor, draft.from_account_id or 0)
    code = draft.currency
    lines = [Line("Current", money.display(account.balance_minor, code))]
    if account.held_minor:
        lines.append(Line("Held", money.display(-account.held_minor, code)))
    if account.overdraft_limit_minor:
        lines.append(Line("Overdraft limit", money.display(account.overdraft_limit_minor, code)))
    transfer = draft.kind == "transfer"
    lines.append(Line("This transfer" if transfer else "This withdrawal", money.display(-draft.amount_minor, code)))
    left = account.available_minor - draft.amount_minor
    known = cautions.of_draft(session, actor, draft)
    sheet = Sheet(
        kind=draft.kind,
        heading="Check and send" if transfer else "Check and withdraw",
        verb="Send" if transfer else "Withdraw",
        amount=money.display(draft.amount_minor, code),
        source=account.title,
        source_ending=words.ending(account.number),
        source_owner=account.owner_name,
        target=(draft.payee_name or "") if transfer else "Cash",
        target_number=words.grouped(account_number_text(draft.to_account_id)) if draft.to_account_id else "",
        note=draft.description or "",
        reference=draft.reference,
        unknown=say("outcome_unknown", reference=draft.reference),
        change=f"/move/{draft.kind}?draft={draft.id}",
        checked=draft.payee_result or "",
        first=known.first_payment,
        unusual="" if known.usual_minor is None else money.display(known.usual_minor, code),
        limits=_limits_after(known.limits, draft),
        limit_used=used_percent(known.limits, draft.amount_minor),
        tape_title=f"{isolated(account.title)} after this",
        lines=lines,
        after=money.display(abs(left), code),
        after_label="Available after" if left >= 0 else "Short by",
    )
    return sheet, account
