"""Whom somebody pays: a list to pay from, and the check that stands before a new name. State only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import reflex as rx

from bank_app.domain import money
from bank_app.domain.text import length
from bank_app.errors import AccountNotFound, BankError, Invalid, Throttled, Unavailable
from bank_app.services import accounts, payees
from bank_app.services.actor import Actor
from bank_app.services.payees import SavedView
from bank_app.ui import calls, forms, lookups, words
from bank_app.ui.components.fields import Problem
from bank_app.ui.guard import exposed
from bank_app.ui.messages import refusal, say
from bank_app.ui.money_form import number_of
from bank_app.ui.notices import notify
from bank_app.ui.recipients import number_problem, verdict
from bank_app.ui.session import actor_of


@dataclass(frozen=True)
class PayeeRow:
    """One payee in the list."""

    key: str
    title: str
    name: str
    nickname: str
    number: str
    last_amount: str
    last_when: str
    added: str
    renamed: bool
    pay: str


class PayeesState(rx.State):
    """The list and what is looked for in it."""

    loaded: bool = False
    failed: str = ""
    rows: list[PayeeRow] = []
    sought: str = ""
    total: int = 0
    result: str = ""
    # Whom the dialog asks about.
    going: str = ""
    going_name: str = ""
    gone: int = 0
    next_id: str = ""

    @exposed
    async def open(self) -> None:
        """Loads the list; what is looked for stands in the address."""
        self.sought = forms.text(self.router.url.query_parameters.get("q"), 100)
        await self._load(await actor_of(self))

    @exposed
    async def refresh(self) -> None:
        """The same again."""
        await self._load(await actor_of(self))

    @exposed
    def search(self, form: dict[str, Any]) -> Any:
        """Puts what is looked for into the address."""
        typed = forms.field(form, "q", 100)
        return rx.redirect("/payees?" + urlencode({"q": typed}) if typed else "/payees")

    @exposed
    async def rename(self, key: str, name: str) -> None:
        """Another nickname; an empty one shows the name on the account again."""
        actor, payee_id = await actor_of(self), forms.identifier(key)
        called = forms.text(name, 400)
        if payee_id is None:
            return
        try:
            view = await calls.write(lambda session: payees.rename(session, actor, payee_id, nickname=called))
        except BankError as error:
            await notify(self, error.detail, "error")
            return
        await self._load(actor)
        await notify(self, say("PAYEE_RENAMED", name=view.title))

    @exposed
    async def ask(self, key: str) -> None:
        """Whom the dialog is about."""
        row = next((row for row in self.rows if row.key == key), None)
        self.going, self.going_name = (row.key, row.title) if row else ("", "")

    @exposed
    async def remove(self) -> None:
        """Removes whom the dialog asked about; the focus goes to the next row."""
        actor, payee_id = await actor_of(self), forms.identifier(self.going)
        if payee_id is None:
            return
        keys = [row.key for row in self.rows]
        place = keys.index(self.going) if self.going in keys else 0
        try:
            view = await calls.write(lambda session: payees.remove(session, actor, payee_id))
        except BankError as error:
            await notify(self, refusal(error).text, "error")
            return
        await self._load(actor)
        left = self.rows[min(place, len(self.rows) - 1)].key if self.rows else ""
        self.next_id = f"pay-{left}" if left else "add-payee"
        self.going, self.gone = "", self.gone + 1
        await notify(self, say("PAYEE_REMOVED", name=view.title))

    async def _load(self, actor: Actor) -> None:
        sought = self.sought
        try:
            every = await calls.read(lambda session: payees.saved(session, actor))
            found = await calls.read(lambda session: payees.saved(session, actor, q=sought)) if sought else every
        except BankError as error:
            self.failed = refusal(error).text
            return
        self.rows = [_row(view) for view in found]
        self.total = len(every)
        people = words.count(len(found), "payee")
        self.result = f"{people} of {len(every)}" if sought else people
        self.failed, self.loaded = "", True


def _row(view: SavedView) -> PayeeRow:
    last = view.last_amount_minor
    return PayeeRow(
        key=str(view.id),
        title=view.title,
        name=view.name,
        nickname=view.nickname or "",
        number=view.grouped_number,
        last_amount="" if last is None else money.display(last, view.currency),
        last_when=words.when(view.last_paid_at) if view.last_paid_at else "",
        added=words.day(view.saved_at),
        renamed=view.renamed,
        pay="/move/transfer?" + urlencode({"to": view.number, **({"name": view.name} if view.renamed else {})}),
    )


class NewPayeeState(rx.State):
    """The form: a number, a name, and what the bank says about the two."""

    problems: list[Problem] = []
    number_error: str = ""
    name_error: str = ""
    nickname_error: str = ""
    checked_error: str = ""
    number_fits: bool = False
    outcome: str = ""
    said: str = ""
    suggestion: str = ""
    answer: int = 0
    asked: int = 0
    _asked: tuple[int, str] | None = None

    @exposed
    def open(self) -> None:
        """A blank form."""
        answer = self.answer
        self.reset()
        self.answer = answer + 1

    @exposed
    def check_number(self, text: str) -> None:
        """Says at once whether the check digits of a number fit; asks nobody."""
        typed = forms.text(text, 60)
        self.number_fits = number_of(typed) is not None
        self.number_error = "" if self.number_fits or not typed else number_problem(typed)

    @exposed
    def take_name(self) -> Any:
        """Uses the name that the account has."""
        if not self.suggestion:
            return None
        name, self.suggestion, self.outcome = self.suggestion, "", ""
        return [rx.set_value("name", name), rx.set_focus("name")]

    @exposed
    async def submit(self, form: dict[str, Any]) -> Any:
        """Checks the name, and saves once the check is passed or answered."""
        actor = await actor_of(self)
        self.answer += 1
        self.problems, self.outcome, self.suggestion, self.checked_error = [], "", "", ""
        typed, name = forms.field(form, "number", 60), forms.field(form, "name", 400)
        nickname = forms.field(form, "nickname", 400)
        number = number_of(typed)
        self.number_error = "" if number is not None else number_problem(typed)
        self.name_error = "" if name else say("RECIPIENT_NAME_REQUIRED")
        long = length(nickname) > payees.MAX_NICKNAME
        self.nickname_error = say("NICKNAME_TOO_LONG", limit=payees.MAX_NICKNAME) if long else ""
        if number is None or not name or long:
            self._list_problems()
            return None
        try:
            passed = await self._check(actor, number, name, form)
            if not passed:
                return None
            view = await calls.write(
                lambda session: payees.save(session, actor, account_id=number, name=name, nickname=nickname or None)
            )
        except AccountNotFound:
            self.number_error = say("PAYEE_NOT_FOUND")
        except Invalid as error:
            self.number_error = error.detail
        except BankError as error:
            self.problems = [Problem("", refusal(error).text)]
            return None
        else:
            await notify(self, say("PAYEE_SAVED", name=view.title))
            return rx.redirect("/payees", replace=True)
        self._list_problems()
        return None

    async def _check(self, actor: Actor, number: int, name: str, form: object) -> bool:
        """Whether the name fits, or its keeper has said that he knows better."""
        seen = self._asked == (number, name)
        self._asked = (number, name)
        try:
            lookups.count(actor, calls.bank().settings)
            found = await calls.read(lambda session: accounts.check_payee(session, actor, account_id=number, name=name))
        except Throttled:
            raise
        except Unavailable:
            found = None
        came = verdict(found, name, form, seen=seen)
        self.outcome, self.said, self.suggestion = came.outcome, came.said, came.suggestion
        self.checked_error = came.unanswered
        self.asked += 1 if came.outcome else 0
        return not came.outcome

    def _list_problems(self) -> None:
        errors = (("number", self.number_error), ("name", self.name_error), ("nickname", self.nickname_error))
        self.problems = [Problem(field, text) for field, text in errors if text]
