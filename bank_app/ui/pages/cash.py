"""Cash in and cash out. Adding money happens on one page; taking it out is checked on the review page first."""

from __future__ import annotations

import contextlib
from typing import Any
from uuid import UUID

import reflex as rx

from bank_app.domain import money
from bank_app.domain.identifiers import new_id
from bank_app.errors import BankError, IdempotencyKeyReused, OutcomeUnknown, Refused, RequestInProgress
from bank_app.services import drafts, transfers, unfinished
from bank_app.services.accounts import AccountView
from bank_app.services.actor import Actor
from bank_app.ui import calls, forms, words
from bank_app.ui.components.browser import press_once
from bank_app.ui.components.fields import Problem
from bank_app.ui.components.money_form import (
    account_part,
    amount_part,
    aside_tape,
    form_page,
    note_part,
    nothing_to_use,
)
from bank_app.ui.components.moving import keep_form, step, ticks, when
from bank_app.ui.components.parts import page_head, problem_summary
from bank_app.ui.guard import exposed
from bank_app.ui.messages import say
from bank_app.ui.money_form import (
    DOUBTS,
    MoneyForm,
    number_of,
    stuck_in_words,
)
from bank_app.ui.notices import notify
from bank_app.ui.session import SessionState, actor_of


class CashForm(MoneyForm, mixin=True):
    """What both ways of handling cash share: who may, which account, and checking what was sent."""

    async def _start(self, wanted: int | None) -> Actor | None:
        session = await self.get_state(SessionState)
        actor = await self._begin()
        if actor is not None and not session.handles_cash:
            self.refused = say("CASH_AT_DESK", bank=session.bank_name)
            self.loaded = True
            return None
        if actor is None:
            return None
        offered = await self._offered(actor, wanted)
        self._offer(offered, wanted, foreign=actor.role.sees_every_account)
        return actor

    async def _sent(self, actor: Actor, form: dict) -> tuple[AccountView | None, int | None, str]:
        """The account, the amount and the note of a submitted form, after saying all that is wrong with them."""
        problems: list[Problem] = []
        account = await self._sent_account(actor, number_of(forms.field(form, "source", 40)), problems)
        reading = self._understand(form.get("amount"), account, written=form.get("written"))
        if reading.problem:
            problems.append(Problem("amount", reading.problem))
        self._show(account)
        if account and reading.minor is not None and not self._incoming and account.can_pay:
            await self._check_funds(account, reading.minor, problems)
        note = forms.field(form, "note", 1_000)
        if self._note_problem(note):
            problems.append(Problem("note", self._note_problem(note)))
        self._answer_with(problems)
        return (None, None, "") if problems else (account, reading.minor, note)

    async def _sent_account(self, actor: Actor, number: int | None, problems: list[Problem]) -> AccountView | None:
        account = await self._usable(actor, number)
        if account is None:
            problems.append(Problem("source", say("TARGET_REQUIRED" if self._incoming else "SOURCE_REQUIRED")))
            return None
        if not (account.can_receive if self._incoming else account.can_pay):
            problems.append(Problem("source", stuck_in_words(account, incoming=self._incoming)))
        return account


class DepositState(CashForm, rx.State):
    """Adding money. A form is one deposit: its key is made of the id that the form is kept under.

    So a form that is still there after it was posted, on another device or after a crash, posts nothing again.
    """

    unsure: bool = False
    looks: int = 0
    # What the browser remembers of a press, so that it can be asked after by whoever draws this page next.
    ticket: str = ""
    _doubts: int = 0
    _over: bool = False
    _incoming: bool = True
    _what: str = "This deposit"
    _one: UUID | None = None
    _waiting: transfers.Deposit | None = None

    @exposed
    async def open(self) -> Any:
        """A blank form with a fresh key; after a lost connection the one that was sent."""
        if await self._stays():
            async for event in self._settle():
                yield event
            return
        self._waiting, self.unsure, self._doubts, self._over = None, False, 0, False
        self._take(new_id())
        self.loaded = False
        yield
        form = await self._left(await actor_of(self), "deposit")
        typed = form.fields.get("source") if form else self.router.url.query_parameters.get("account")
        if await self._start(number_of(typed)) is not None and form is not None:
            self._take(form.id)
            self._kept_as(form.id, form.kind, form.fields)
            await self._begin_with(self.amount_typed, form.written)
        self.form_id += 1
        self.loaded = True

    @exposed
    async def keep(self, form: dict) -> None:
        """Keeps what was typed so far, so that it survives this page."""
        await self._keep("deposit", form)

    @exposed
    async def choose(self, number: str) -> None:
        """Another account receives."""
        await self._choose(number)

    @exposed
    async def read(self, text: str) -> None:
        """Says how the amount was understood."""
        await self._read(text)

    @exposed
    async def take_suggestion(self) -> Any:
        """Fills in the amount that was proposed."""
        return await self._fill_suggested()

    @exposed
    async def add(self, form: dict) -> Any:
        """Posts the deposit under the key of this page."""
        actor = await actor_of(self)
        account, minor, note = await self._sent(actor, form)
        if account is None or minor is None:
            return None
        amount = money.Amount.of(money.to_text(minor, account.currency))
        movement = transfers.Deposit(account.id, amount, description=note or None)
        if self._waiting is not None and self._waiting.fingerprint() != movement.fingerprint():
            # Another deposit than the one that this key was used for.
            await self._begin_another(form)
        self._waiting = movement
        try:
            moved = await calls.call(transfers.move, calls.bank().db, actor, movement, key=self._key)
        except (OutcomeUnknown, RequestInProgress) as error:
            self._unknown(error)
            return None
        except BankError as error:
            if isinstance(error, (Refused, IdempotencyKeyReused)):
                await self._begin_another(form)
            self._answer_with([], error)
            return None
        return await self._added(moved)

    @exposed
    def leave(self) -> None:
        """What was loaded is old when somebody comes back to this page."""
        self.loaded = False

    @exposed
    async def refresh(self) -> Any:
        """What the accounts have now, and what became of a deposit that has no answer."""
        if self._waiting is not None and not self._over and not self.unsure:
            async for event in self._settle():
                yield event
        yield await self._refresh()

    @exposed
    async def lost(self, ticket: str) -> None:
        """The connection was lost over a press: looks for a while, and then says what became of it."""
        one = forms.identifier(ticket)
        if one is None or self.unsure or self._over or self.problems:
            return
        self._take(one)
        self._doubts = DOUBTS
        self._unknown(OutcomeUnknown())

    @exposed
    async def look(self) -> Any:
        """Asks what became of a deposit whose answer was lost."""
        async for event in self._settle():
            yield event

    @property
    def _key(self) -> str:
        return f"deposit:{self._one}"

    def _take(self, one: UUID) -> None:
        """From here on the form is this one deposit."""
        self._one, self.ticket = one, str(one)

    def _fresh_form(self) -> UUID:
        self._take(self._one or new_id())
        return self._one or new_id()

    async def _begin_another(self, form: dict) -> None:
        """What stands in the form is another deposit from here on."""
        await self._forget()
        self._form, self._waiting = None, None
        self._take(new_id())
        await self._keep("deposit", form)

    async def _forget(self) -> None:
        actor, form_id = await actor_of(self), self._form
        if form_id is None:
            return
        # What cannot be forgotten now is offered once more; with the same key it posts nothing again.
        with contextlib.suppress(BankError):
            await calls.write(lambda db: unfinished.drop(db, actor, form_id))

    def _unknown(self, error: BankError) -> None:
        self.unsure = True
        self._answer_with([Problem("", say(error.code, reference=self._key[-8:]))])
        self.code = error.code
        self.looks += 1

    async def _settle(self) -> Any:
        """After a lost connection: the receipt if it went through, else that it never arrived."""
        movement, db = self._waiting, calls.bank().db
        if movement is None and not self.unsure:
            return
        actor = await actor_of(self)
        try:
            if movement is not None:
                found = await calls.call(transfers.outcome_of, db, actor, movement, key=self._key)
            else:
                found = await calls.call(transfers.outcome_under, db, actor, key=self._key)
        except BankError as error:
            self._answer_with([], error)
            self.unsure = self.unsure and not isinstance(error, Refused)
            return
        if found is not None:
            yield await self._added(found)
            return
        if self.unsure and self._doubts > 0:
            self._doubts -= 1
            return
        self.unsure, self._waiting = False, None
        self._answer_with([Problem("", say("OUTCOME_NOT_RECEIVED"))])

    async def _added(self, moved: transfers.Moved) -> Any:
        view = moved.transaction
        received = view.postings[-1]
        self.unsure, self._over = False, True
        await self._forget()
        if moved.replayed:
            await notify(self, say("IDEMPOTENT_REPLAY", time=words.time_of_day(view.created_at)), "info")
        else:
            amount = money.display(view.amount_minor, view.currency)
            await notify(self, say("DEPOSIT_POSTED", amount=amount, to=received.title))
        return rx.redirect(f"/transactions/{view.id}", replace=True)


class WithdrawState(CashForm, rx.State):
    """Taking money out, step 1. Ends in a draft to check."""

    _what: str = "This withdrawal"

    @exposed
    def leave(self) -> None:
        """What was loaded is old when somebody comes back to this page."""
        self.loaded = False

    @exposed
    async def refresh(self) -> Any:
        """What the accounts have now."""
        return await self._refresh()

    @exposed
    async def keep(self, form: dict) -> None:
        """Keeps what was typed so far, so that it survives this page."""
        await self._keep("withdraw", form)

    @exposed
    async def open(self) -> Any:
        """A blank form, or one filled in from ?draft=, ?from=."""
        if await self._stays():
            return
        self.loaded = False
        yield
        query, actor = self.router.url.query_parameters, await actor_of(self)
        draft = await self._draft(actor, query.get("draft"))
        wanted = draft.from_account_id if draft else number_of(query.get("from") or query.get("account"))
        form = await self._left(actor, "withdraw")
        if form is not None:
            wanted = number_of(form.fields.get("source"))
        if await self._start(wanted) is not None and (draft is not None or form is not None):
            if draft is not None:
                self.amount_typed = money.write(draft.amount_minor, draft.currency)
                self.note_typed = draft.description or ""
            if form is not None:
                self._kept_as(form.id, form.kind, form.fields)
            await self._begin_with(self.amount_typed, form.written if form else None)
        self.form_id += 1
        self.loaded = True

    @exposed
    async def choose(self, number: str) -> None:
        """Another account pays."""
        await self._choose(number)

    @exposed
    async def read(self, text: str) -> None:
        """Says how the amount was understood."""
        await self._read(text)

    @exposed
    async def take_all(self) -> Any:
        """Fills in everything that is available."""
        return await self._fill_available()

    @exposed
    async def take_suggestion(self) -> Any:
        """Fills in the amount that was proposed."""
        return await self._fill_suggested()

    @exposed
    async def go_on(self, form: dict) -> Any:
        """Ends in a draft, or says all that is wrong."""
        actor = await actor_of(self)
        account, minor, note = await self._sent(actor, form)
        if account is None or minor is None:
            return None
        paying, amount, form_id = account, minor, self._form

        def save(session: Any) -> drafts.DraftView:
            if form_id is not None:
                unfinished.drop(session, actor, form_id)
            return drafts.save(
                session, actor, kind="withdraw", amount_minor=amount, currency=paying.currency,
                from_account_id=paying.id, description=note,
            )  # fmt: skip

        try:
            draft = await calls.write(save)
        except BankError as error:
            self._answer_with([], error)
            return None
        self.reviewed = str(draft.id)
        return None

    async def _draft(self, actor: Actor, text: object) -> drafts.DraftView | None:
        draft_id = forms.identifier(text)
        if draft_id is None:
            return None
        try:
            draft = await calls.read(lambda session: drafts.get(session, actor, draft_id))
            if draft.kind != "withdraw":
                return None
            sent = await calls.call(transfers.outcome_of, calls.bank().db, actor, draft.movement, key=draft.key)
        except Refused:
            return draft
        except BankError:
            return None
        return None if sent is not None else draft


# --- the pages ------------------------------------------------------------------------------------------


def deposit() -> rx.Component:
    """Adding money."""
    state = DepositState
    form = rx.el.form(
        keep_form(address=state.kept_at, on_keep=state.keep),
        when(state.unsure, lambda: ticks(every=2, times=40, seq=state.looks, on_tick=state.look.temporal)),
        problem_summary(state.problems, state.answer, state.code),
        account_part(state, "To"),
        amount_part(state, verb="You’ll add"),
        note_part(state, "Note"),
        rx.el.div(
            press_once(
                id="add",
                label=rx.cond(state.echo != "", "Add " + state.echo, "Add money"),
                busy_label="Adding…",
                answer=state.answer,
                kind="submit",
                ticket=state.ticket,
                on_lost=state.lost,
                blocked=state.unsure,
                class_name="btn primary lg",
            ),
            rx.el.span("Pressing twice adds it once.", class_name="small muted wide-only"),
            class_name="send-bar",
        ),
        on_submit=state.add.temporal,
        reset_on_submit=False,
        no_validate=True,
        class_name="card",
        key=state.form_id.to_string(),
    )
    return form_page(
        state,
        page_head("Add money", sub="Cash in, booked against the bank's cash account."),
        form=form,
        aside=aside_tape(state, empty_words="Choose an account to see what will be in it."),
        none=nothing_to_use(state, "receive"),
    )


def withdraw() -> rx.Component:
    """Taking money out, step 1."""
    state = WithdrawState
    form = rx.el.form(
        keep_form(address=state.kept_at, kind="withdraw", reviewed=state.reviewed, on_keep=state.keep),
        problem_summary(state.problems, state.answer, state.code),
        account_part(state, "From"),
        amount_part(state, verb="You’ll take out", take_all=state.take_all),
        note_part(state, "Note"),
        rx.el.div(
            when(
                state.echo != "",
                lambda: rx.el.span("You’ll take out", rx.el.b(state.echo, class_name="num"), class_name="sum"),
            ),
            press_once(
                label="Continue",
                busy_label="Checking…",
                answer=state.answer,
                kind="submit",
                lost=say("LOST_BEFORE_CHECKING"),
                class_name="btn primary lg",
            ),
            rx.el.span("Nothing moves until you press Withdraw on the next page.", class_name="small muted wide-only"),
            class_name="send-bar",
        ),
        on_submit=state.go_on.temporal,
        reset_on_submit=False,
        no_validate=True,
        class_name="card",
        key=state.form_id.to_string(),
    )
    return form_page(
        state,
        step(1, "Details"),
        page_head("Take money out"),
        form=form,
        aside=aside_tape(state, empty_words="Choose an account to see what this leaves in it."),
        none=nothing_to_use(state, "send"),
    )
