"""Sending money, step 1: from which account, to whom, how much. Nothing moves here; it ends in a draft to check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import reflex as rx

from bank_app.domain import money
from bank_app.domain.identifiers import grouped
from bank_app.errors import AccountNotFound, BankError, Throttled, Unavailable
from bank_app.services import accounts, drafts, payees, unfinished
from bank_app.services.accounts import AccountView
from bank_app.services.actor import Actor
from bank_app.services.payees import Payee, SavedView
from bank_app.ui import calls, forms, lookups, words
from bank_app.ui.components.fields import Problem
from bank_app.ui.components.moving import Choice
from bank_app.ui.guard import exposed
from bank_app.ui.messages import say
from bank_app.ui.money_form import (
    MoneyForm,
    choice,
    number_of,
    stuck_in_words,
    why_not_to,
)
from bank_app.ui.recipients import (
    Start,
    Target,
    number_problem,
    own_target,
    start_of_draft,
    start_of_form,
    start_of_transaction,
    verdict,
)
from bank_app.ui.session import actor_of


@dataclass(frozen=True)
class Known:
    """Somebody who was paid before, as a card."""

    number: str
    name: str
    grouped: str
    last: str
    chosen: bool = False


class TransferState(MoneyForm, rx.State):
    """The form, and what was found out about the recipient."""

    who: str = "new"
    own: list[Choice] = []
    known: list[Known] = []
    number_typed: str = ""
    name_typed: str = ""
    number_fits: bool = False
    payee: str = ""
    payee_text: str = ""
    payee_suggestion: str = ""
    asked: int = 0
    _asked: tuple[int, str] | None = None

    @exposed
    async def open(self) -> Any:
        """Shows a blank form, or one that the address fills in: ?draft=, ?again=, ?from=, ?to=, ?name=, ?amount=.

        The amount of an address has the form of the API, whatever marks the reader writes; `?currency=` says of what.
        """
        if await self._stays():
            return
        actor = await self._begin()
        self.own, self.known, self.number_typed, self.name_typed = [], [], "", ""
        self.number_fits, self.payee, self._asked = False, "", None
        yield
        if actor is None:
            return
        start = await self._start(actor)
        offered = await self._offered(actor, start.source)
        self.note_typed = start.note
        self._offer(offered, start.source, foreign=actor.role.sees_every_account, currency=start.currency)
        await self._offer_targets(actor, offered, start)
        await self._begin_with(start.amount, start.written)
        if start.asked and self._currency:
            await self._begin_with_wire(start.asked)
        self.form_id += 1
        self.loaded = True

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
        await self._keep("transfer", form)

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
    def check_number(self, text: str) -> None:
        """Says at once whether the check digits of a number fit; asks nobody."""
        typed = forms.text(text, 60)
        self.number_fits = number_of(typed) is not None
        problem = "" if self.number_fits or not typed else number_problem(typed)
        self.errors = {**self.errors, "number": problem}

    @exposed
    async def take_name(self) -> Any:
        """Uses the name that the account has."""
        if not self.payee_suggestion:
            return None
        name = self.payee_suggestion
        self.payee, self.payee_suggestion = "", ""
        return [rx.set_value("name", name), rx.set_focus("name")]

    @exposed
    async def go_on(self, form: dict) -> Any:
        """Checks everything at once; ends in a draft, or says all that is wrong."""
        actor = await actor_of(self)
        self.payee, self.payee_suggestion = "", ""
        problems: list[Problem] = []
        source = await self._source(actor, forms.field(form, "source", 40), problems)
        try:
            target = await self._target(actor, form, source, problems)
        except Throttled as error:
            self._answer_with(problems, error)
            return None
        minor = await self._amount(form, source, problems)
        note = forms.field(form, "note", 1_000)
        if self._note_problem(note):
            problems.append(Problem("note", self._note_problem(note)))
        if source and target and source.id == target.account_id:
            problems.append(Problem("own" if target.result == "own" else "number", say("same_account")))
        self._answer_with(problems)
        if problems or self.payee or not (source and target and minor):
            return None
        chosen, paying, form_id = target, source, self._form

        def save(session: Any) -> drafts.DraftView:
            if form_id is not None:
                unfinished.drop(session, actor, form_id)
            return drafts.save(
                session, actor, kind="transfer", amount_minor=minor, currency=paying.currency,
                from_account_id=paying.id, to_account_id=chosen.account_id, description=note,
                payee_name=chosen.name[:100], payee_result=chosen.result,
            )  # fmt: skip

        try:
            draft = await calls.write(save)
        except BankError as error:
            self._answer_with([], error)
            return None
        self.reviewed = str(draft.id)
        return None

    def _kept_as(self, form_id: UUID, kind: str, fields: Mapping[str, str]) -> None:
        super()._kept_as(form_id, kind, fields)
        self.who = fields.get("who") or self.who
        self.number_typed, self.name_typed = fields.get("number", ""), fields.get("name", "")
        self.own = [replace(one, chosen=one.number == fields.get("own")) for one in self.own]
        self.known = [replace(one, chosen=one.number == fields.get("paid")) for one in self.known]

    # --- what the form begins with --------------------------------------------------------------------

    async def _start(self, actor: Actor) -> Start:
        query = self.router.url.query_parameters
        try:
            draft_id, again = forms.identifier(query.get("draft")), forms.identifier(query.get("again"))
            form_id = forms.identifier(query.get("form"))
            if form_id:
                form = await calls.read(lambda session: unfinished.get(session, actor, form_id))
                self._kept_as(form_id, "transfer", form.fields)
                return start_of_form(form)
            if draft_id:
                return await start_of_draft(actor, draft_id)
            if again:
                return await start_of_transaction(actor, again)
        except BankError:
            return Start()
        return Start(
            number_of(query.get("from")),
            number_of(query.get("to")),
            forms.text(query.get("name"), 400),
            asked=forms.text(query.get("amount"), 40),
            currency=forms.text(query.get("currency"), 3).upper(),
        )

    async def _offer_targets(self, actor: Actor, offered: list[AccountView], start: Start) -> None:
        if not offered:
            return
        owner = offered[0].owner_id
        every = (
            (await calls.read(lambda session: accounts.list_accounts(session, actor, owner_id=owner))).items
            if actor.role.sees_every_account
            else offered
        )
        found = await calls.read(lambda session: payees.known(session, actor, owner_id=owner, including=start.target))
        own = every if len(every) > 1 else []
        self.own = [
            choice(account, why_not_to(account), chosen=account.id == start.target, foreign=False) for account in own
        ]
        self.known = [_known(payee, chosen=payee.account_id == start.target) for payee in found]
        wanted = forms.text(self.router.url.query_parameters.get("who"), 10)
        if start.who == "new":
            self.who, self.number_fits = "new", start.target is not None
            self.number_typed, self.name_typed = start.number, start.name
        elif start.target in [account.id for account in own] or (wanted == "own" and own):
            self.who = "own"
        elif start.target in [payee.account_id for payee in found]:
            self.who = "paid"
        elif start.target is not None:
            self.who, self.number_fits = "new", True
            self.number_typed, self.name_typed = grouped(start.target), start.name
        elif (start.who == "own" and own) or (start.who == "paid" and found):
            self.who = start.who
        else:
            self.who = "paid" if found else "new"

    # --- what was sent ----------------------------------------------------------------------------------

    async def _source(self, actor: Actor, text: str, problems: list[Problem]) -> AccountView | None:
        number = number_of(text)
        account = await self._usable(actor, number)
        if account is None:
            problems.append(Problem("source", say("SOURCE_REQUIRED")))
            return None
        if not account.can_pay:
            problems.append(Problem("source", stuck_in_words(account)))
        return account

    async def _target(
        self, actor: Actor, form: dict, source: AccountView | None, problems: list[Problem]
    ) -> Target | None:
        who = forms.field(form, "who", 10)
        if who == "own":
            return await own_target(actor, form, source, problems)
        if who == "paid":
            number = number_of(forms.field(form, "paid", 40))
            owner = source.owner_id if source else actor.user_id
            found = await calls.read(lambda session: payees.known(session, actor, owner_id=owner, including=number))
            payee = next((payee for payee in found if payee.account_id == number), None)
            if payee is None:
                problems.append(Problem("paid", say("RECIPIENT_REQUIRED")))
                return None
            return Target(payee.account_id, payee.name, "known")
        return await self._new_target(actor, form, source, problems)

    async def _new_target(
        self, actor: Actor, form: dict, source: AccountView | None, problems: list[Problem]
    ) -> Target | None:
        typed, name = forms.field(form, "number", 60), forms.field(form, "name", 400)
        number = number_of(typed)
        if number is None:
            problems.append(Problem("number", number_problem(typed)))
        if not name:
            problems.append(Problem("name", say("RECIPIENT_NAME_REQUIRED")))
        if number is None or not name:
            return None
        if source and number == source.id:
            return Target(number, name, "own")
        lookups.count(actor, calls.bank().settings)
        try:
            found = await calls.read(lambda session: accounts.check_payee(session, actor, account_id=number, name=name))
        except AccountNotFound:
            problems.append(Problem("number", say("RECIPIENT_NOT_FOUND")))
            return None
        except Unavailable:
            found = None
        target = Target(number, name, found.result if found else "fail")
        self._judge(found, target, form, problems)
        return target

    def _judge(self, found: accounts.PayeeCheck | None, target: Target, form: dict, problems: list[Problem]) -> None:
        seen = self._asked == (target.account_id, target.name)
        self._asked = (target.account_id, target.name)
        came = verdict(found, target.name, form, seen=seen)
        self.payee, self.payee_suggestion = came.outcome, came.suggestion
        if came.outcome:
            self.payee_text = came.said
            self.asked += 1
        if came.unanswered:
            problems.append(Problem("checked", came.unanswered))

    async def _amount(self, form: dict, source: AccountView | None, problems: list[Problem]) -> int | None:
        reading = self._understand(form.get("amount"), source, written=form.get("written"))
        if reading.problem:
            problems.append(Problem("amount", reading.problem))
            return None
        if source is None or reading.minor is None or not source.can_pay:
            return reading.minor
        self._show(source)
        await self._check_funds(source, reading.minor, problems)
        return reading.minor


def _known(payee: Payee | SavedView, *, chosen: bool) -> Known:
    last = ""
    if payee.last_paid_at is not None and payee.last_amount_minor is not None:
        last = f"{money.display(payee.last_amount_minor, payee.currency)} · {words.when(payee.last_paid_at)}"
    return Known(payee.number, payee.title, payee.grouped_number, last, chosen)
