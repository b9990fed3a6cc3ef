"""What the forms that ask for an account and an amount have in common: which accounts, and how an amount is read."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import reflex as rx

from bank_app.domain import money
from bank_app.domain.accounting import AccountStatus
from bank_app.domain.identifiers import new_id, parse_account_number
from bank_app.domain.text import length
from bank_app.errors import AccountNotFound, BankError
from bank_app.services import accounts, cautions, preferences, unfinished
from bank_app.services.accounts import AccountView
from bank_app.services.actor import Actor
from bank_app.ui import calls, forms, words
from bank_app.ui.components.fields import Problem
from bank_app.ui.components.moving import MAX_NOTE, Choice, Line
from bank_app.ui.messages import amount_problem, refusal, say
from bank_app.ui.session import SessionState, actor_of

# A form is worth keeping once one of these was filled in; a chosen account alone is not.
_WORTH_KEEPING = ("number", "name", "paid", "own", "amount", "note")

# How often it is looked in vain before a press is said never to have come, two seconds apart.
DOUBTS = 2


@dataclass(frozen=True)
class Reading:
    """An amount as it was understood, or the problem with it."""

    minor: int | None = None
    problem: str = ""
    suggestion_minor: int | None = None


def named(account: AccountView) -> str:
    """`Everyday ••4821`."""
    return words.named(account.title, account.number)


def why_not_from(account: AccountView) -> tuple[str, str]:
    """Why money cannot leave an account, and the sign for it; two empty texts if it can."""
    return ("", "") if account.can_pay else _stuck(account, "leave")


def why_not_to(account: AccountView) -> tuple[str, str]:
    """Why money cannot arrive in an account, and the sign for it; two empty texts if it can."""
    return ("", "") if account.can_receive else _stuck(account, "arrive")


def _stuck(account: AccountView, what: str) -> tuple[str, str]:
    if account.status is AccountStatus.CLOSED:
        return "Closed", "lock"
    return f"Frozen — money can't {what}", "snowflake"


def stuck_in_words(account: AccountView, *, incoming: bool = False) -> str:
    """The state of an account that lets no money pass, as a refusal says it."""
    frozen = "TARGET_FROZEN" if incoming else "SOURCE_FROZEN"
    variant = "SOURCE_CLOSED" if account.status is AccountStatus.CLOSED else frozen
    return say(variant, account=named(account), bank=calls.bank().settings.name)


def choice(account: AccountView, reason: tuple[str, str], *, chosen: bool, foreign: bool) -> Choice:
    """An account as a card; with its owner's name where it is not the reader's own."""
    return Choice(
        number=account.number,
        title=account.title,
        ending=words.ending(account.number),
        available=money.display(account.available_minor, account.currency),
        detail=account.owner_name if foreign else "",
        reason=reason[0],
        symbol=reason[1],
        chosen=chosen,
    )


def read_amount(text: str, currency: str, *, written: str | None = None, zero_allowed: bool = False) -> Reading:
    """An amount as typed on a page of the locale `written`, with the sentence about what is wrong."""
    typed = money.read_typed(text, currency, locale=written, zero_allowed=zero_allowed)
    if typed.problem:
        sentence = amount_problem(typed.problem, currency, typed.suggestion_minor)
        return Reading(None, sentence, typed.suggestion_minor)
    return Reading(typed.minor)


def _locale_now() -> str:
    return money.written_as().replace("_", "-")


def new_answer() -> int:
    """Lets a button be pressed again. Random, because a restarted bank would count from the same number once more."""
    return secrets.randbelow(2**31) + 1


def _local(url: Any) -> str:
    """An address without its host, as the browser compares it."""
    return url.path.rstrip("/") + (f"?{url.query}" if url.query else "")


def number_of(text: object) -> int | None:
    """An account number from an address or a form, or nothing."""
    try:
        return parse_account_number(text)
    except BankError:
        return None


def words_of_limits(limits: cautions.Limits, currency: str) -> list[str]:
    """What an account may still pay, in sentences; none where nothing limits it."""
    said = []
    if limits.left_today_minor is not None:
        left, daily = (money.display(minor or 0, currency) for minor in (limits.left_today_minor, limits.daily_minor))
        said.append(f"{left} of {daily} left to send today. Resets at midnight UTC.")
    if limits.at_once_minor is not None:
        said.append(f"At most {money.display(limits.at_once_minor, currency)} at once.")
    return said


def used_percent(limits: cautions.Limits, more: int = 0) -> int:
    """How much of the day's limit is used, with `more` on top of it."""
    if not limits.daily_minor:
        return 0
    return min(100, (limits.used_today_minor + more) * 100 // limits.daily_minor)


def limit_problem(limits: cautions.Limits, over: str, account: AccountView) -> str:
    """Which limit an amount is over, in the words of the ledger's refusal."""
    code = account.currency
    most = (limits.at_once_minor if over == "transfer" else limits.daily_minor) or 0
    return say(
        f"LIMIT_{over.upper()}",
        account=named(account),
        bank=calls.bank().settings.name,
        limit_amount=money.display(most, code),
        used=money.display(limits.used_today_minor, code),
        remaining=money.display(limits.left_today_minor or 0, code),
    )


class MoneyForm(rx.State, mixin=True):
    """The account, the amount and the note of a form. Its fields live in the browser; this is what is said about them.

    A class that uses it says which accounts can be chosen, and which way the money goes.
    """

    loaded: bool = False
    form_id: int = 0
    choices: list[Choice] = []
    usable: bool = False
    refused: str = ""
    symbol: str = "$"
    unit: str = ""
    account: str = ""
    available: str = ""
    lines: list[Line] = []
    after: str = ""
    # Whether the amount is more than the account can pay.
    too_much: bool = False
    echo: str = ""
    suggestion: str = ""
    amount_typed: str = ""
    note_typed: str = ""
    problems: list[Problem] = []
    errors: dict[str, str] = {}
    code: str = ""
    answer: int = 0
    _incoming: bool = False
    _what: str = "This transfer"
    _chosen: int | None = None
    _minor: int | None = None
    _suggested: int | None = None
    _typed: str = ""
    # The locale that the page was written in, whose marks the amount has.
    written: str = ""
    # The currency that the form is about, also before an account is chosen.
    _currency: str = ""
    # The address that the form was loaded for.
    shown_at: str = ""
    _address: str = ""
    _connection: str = ""
    # Where what is typed is kept: an id of its own, and the address that shows it again.
    kept_at: str = ""
    # The draft that the form has become: the page goes on to check it.
    reviewed: str = ""
    _form: UUID | None = None
    _awaited: UUID | None = None
    _kept: dict[str, str] = {}
    limits: list[str] = []
    limit_used: int = 0

    # --- what is kept while somebody types ----------------------------------------------------------

    async def _keep(self, kind: str, form: dict) -> None:
        """Keeps what stands in the form. What cannot be kept now is kept with the next change."""
        actor = await actor_of(self)
        fields = {name: forms.field(form, name, most) for name, most in unfinished.FIELDS.items()}
        if not self.loaded or self.refused or not any(fields.get(name) for name in _WORTH_KEEPING):
            return
        form_id = self._form or self._fresh_form()
        try:
            await calls.write(lambda db: unfinished.keep(db, actor, form_id, kind=kind, fields=fields))
        except BankError:
            return
        if self._form is None:
            # The page takes the address of what is kept. Until it has, more may have been typed and kept.
            self._awaited = form_id
        self._kept_as(form_id, kind, fields)

    def _fresh_form(self) -> UUID:
        return new_id()

    async def _left(self, actor: Actor, kind: str) -> unfinished.Form | None:
        """The form of this kind that the address names, as far as it was filled in."""
        form_id = forms.identifier(self.router.url.query_parameters.get("form"))
        if form_id is None:
            return None
        try:
            form = await calls.read(lambda db: unfinished.get(db, actor, form_id))
        except BankError:
            return None
        return form if form.kind == kind else None

    def _kept_as(self, form_id: UUID, kind: str, fields: Mapping[str, str]) -> None:
        """The form has an address now, and begins with these texts when it is drawn again."""
        self._form, self.kept_at = form_id, f"/move/{kind}?form={form_id}"
        self._kept = {name: text for name, text in fields.items() if text}
        self.amount_typed, self.note_typed = fields.get("amount", ""), fields.get("note", "")
        self.choices = [replace(one, chosen=one.number == fields.get("source")) for one in self.choices]

    async def _stays(self) -> bool:
        """Whether the form on the screen is the one of the address, with everything that was typed into it."""
        resumed, awaited = self._resumed(), self._awaited
        self._awaited = None
        if awaited and awaited == forms.identifier(self.router.url.query_parameters.get("form")):
            return True
        if not resumed or self._form is None:
            return resumed
        actor, form_id = await actor_of(self), self._form
        try:
            form = await calls.read(lambda db: unfinished.get(db, actor, form_id))
        except BankError:
            return True
        # Another device may have gone on with it.
        return form.fields == self._kept

    # --- what the page is about -------------------------------------------------------------------

    def _resumed(self) -> bool:
        """Whether the same page came back with a new connection: then what was typed must stay."""
        before = (self._address, self._connection)
        self._address, self._connection = str(self.router.url), self.router.session.session_id
        self.shown_at = _local(self.router.url)
        if not (self.loaded and self._address == before[0] and self._connection != before[1]):
            return False
        self.answer = new_answer()
        return True

    async def _begin(self) -> Actor | None:
        """Empties the form for somebody who may move money; says so to somebody who may not."""
        actor = await actor_of(self)
        session = await self.get_state(SessionState)
        self.loaded, self.usable = False, False
        self.choices, self.lines = [], []
        self.account = self.available = self.after = self.unit = self.amount_typed = self.note_typed = ""
        self._chosen = self._minor = None
        self._typed = self.kept_at = self.reviewed = ""
        self._form, self._awaited, self.limits, self._kept = None, None, [], {}
        self.written, self._currency = _locale_now(), ""
        self._unsaid()
        self.refused = "" if session.can_move else say("forbidden", role=session.role_word)
        if self.refused:
            self.loaded = True
            return None
        return actor

    def _unsaid(self) -> None:
        """Takes back what was said about the last answer."""
        self.problems, self.errors, self.code = [], {}, ""
        self.echo, self.suggestion, self._suggested = "", "", None

    async def _offered(self, actor: Actor, named_number: int | None) -> list[AccountView]:
        """A customer's own accounts; for the bank's people the one that the address names."""
        if not actor.role.sees_every_account:
            return await calls.read(lambda session: accounts.own_accounts(session, actor))
        if named_number is None:
            return []
        try:
            return [await calls.read(lambda session: accounts.get_account(session, actor, named_number))]
        except BankError:
            return []

    def _offer(self, offered: Sequence[AccountView], wanted: int | None, *, foreign: bool, currency: str = "") -> None:
        """Shows the accounts; chooses the wanted one, or the only one that can be used.

        Where an amount of a `currency` is asked for, an account of another one is not chosen for it.
        """
        why = why_not_to if self._incoming else why_not_from
        usable = [account for account in offered if not why(account)[0]]
        found = next((account for account in usable if account.id == wanted), None)
        usable = [account for account in usable if account.currency == currency] or usable
        if found is None and len(usable) == 1:
            found = usable[0]
        self.choices = [choice(account, why(account), chosen=account is found, foreign=foreign) for account in offered]
        self.usable = bool(usable)
        self._show(found or (usable[0] if usable else None), chosen=found is not None)

    def _show(self, account: AccountView | None, *, chosen: bool = True) -> None:
        """Says what the amount does to the account."""
        if account is None:
            return
        self._currency = code = account.currency
        self.symbol, self.unit = money.currency(code).symbol, money.currency(code).name
        if not chosen:
            return
        self._chosen = account.id
        self.account = named(account)
        self.available = money.display(account.available_minor, code)
        self.lines, self.after = [Line("Available", self.available)], ""
        if self._minor is not None:
            change = self._minor if self._incoming else -self._minor
            self.lines.append(Line(self._what, money.display(change, code, signed=True)))
            self.after = money.display(account.available_minor + change, code)

    async def _usable(self, actor: Actor, number: int | None) -> AccountView | None:
        """An account that the actor may use; None for a number that is missing, unknown or somebody else's."""
        if number is None:
            return None
        try:
            return await calls.read(lambda session: accounts.get_account(session, actor, number))
        except AccountNotFound:
            return None

    async def _account(self) -> AccountView | None:
        """The chosen account as it is now."""
        actor, number = await actor_of(self), self._chosen
        if number is None:
            return None
        try:
            return await calls.read(lambda session: accounts.get_account(session, actor, number))
        except BankError:
            return None

    # --- what is said while somebody types ------------------------------------------------------------

    async def _choose(self, number: str) -> None:
        self._chosen = number_of(number)
        # Another account may be of another currency, in which the same text is another amount or none.
        await self._read(self._typed)

    async def _read(self, text: str) -> None:
        account = await self._account()
        reading = self._understand(text, account) if forms.text(text, 60) else self._understand_nothing()
        self.errors = {**self.errors, "amount": reading.problem}
        await self._show_all(account)

    def _understand(self, text: object, account: AccountView | None, *, written: object = None) -> Reading:
        """Reads the amount in the currency that it is about; what it came to is shown under the field."""
        self._typed = typed = forms.text(text, 60)
        currency = account.currency if account else self._currency
        if not currency:
            # There is no account, which is said first.
            return self._understand_nothing()
        locale = preferences.locale_of(written) or preferences.locale_of(self.written)
        reading = read_amount(typed, currency, written=locale)
        self._minor, self._suggested = reading.minor, reading.suggestion_minor
        self.echo, self.suggestion = (
            "" if minor is None else money.display(minor, currency)
            for minor in (reading.minor, reading.suggestion_minor)
        )
        return reading

    def _understand_nothing(self) -> Reading:
        self._typed = self.echo = self.suggestion = ""
        self._minor = self._suggested = None
        return Reading()

    async def _begin_with(self, text: str, written: str | None = None) -> None:
        """Puts a text into the field before it is shown, by the marks of the locale that it was typed in."""
        if self._currency and written:
            text = money.rewritten(text, self._currency, locale=written)
        self.amount_typed = text
        await self._read(text)

    async def _begin_with_wire(self, text: str) -> None:
        """The same for an amount in an address, which has the form of the API."""
        try:
            minor = money.parse(text, self._currency)
        except BankError:
            kind = money.currency(self._currency).name
            self.errors = {**self.errors, "amount": say("AMOUNT_OF_ADDRESS", currency=kind)}
            return
        await self._begin_with(money.write(minor, self._currency))

    async def _show_all(self, account: AccountView | None) -> None:
        """What the amount does to the account, and to what it may still pay; says at once if it is too much."""
        self._show(account)
        self.limits, self.limit_used, self.too_much = [], 0, False
        if account is None or self._incoming:
            return
        limits = await calls.read(lambda session: cautions.limits_of(session, account))
        self.limits = words_of_limits(limits, account.currency)
        self.limit_used = used_percent(limits)
        if self._minor is not None and account.can_pay:
            problem = self._beyond(account, self._minor, limits)
            self.errors, self.too_much = {**self.errors, "amount": problem}, problem != ""

    async def _refresh(self) -> rx.event.EventSpec | None:
        """Brings what is said about the accounts up to date. What is typed stays, in the marks that hold now."""
        if not self.loaded or self.refused:
            return None
        actor = await actor_of(self)
        now = {}
        for shown in self.choices:
            account = await self._usable(actor, number_of(shown.number))
            if account is not None:
                now[shown.number] = account
        why = why_not_to if self._incoming else why_not_from
        foreign = actor.role.sees_every_account
        self.choices = [
            choice(now[shown.number], why(now[shown.number]), chosen=shown.chosen, foreign=foreign)
            for shown in self.choices
            if shown.number in now
        ]
        was_hidden = money.HIDDEN in self.available
        await self._show_all(await self._account())
        if was_hidden != money.are_hidden():
            # What was said about the answer before names amounts.
            self._unsaid()
            await self._read(self._typed)
        return await self._write_anew()

    async def _write_anew(self) -> rx.event.EventSpec | None:
        """After the person has chosen another locale: the same amount with the marks of that one."""
        before, self.written = self.written, _locale_now()
        if before == self.written or not (self._typed and self._currency):
            return None
        text = money.rewritten(self._typed, self._currency, locale=before)
        await self._read(text)
        return rx.set_value("amount", text)

    async def _fill(self, minor: int | None, account: AccountView | None) -> rx.event.EventSpec | None:
        """Puts an amount into the field, as if it had been typed."""
        if minor is None or account is None:
            return None
        text = money.write(minor, account.currency)
        self.written = _locale_now()
        await self._read(text)
        return rx.set_value("amount", text)

    async def _fill_available(self) -> rx.event.EventSpec | None:
        account = await self._account()
        return await self._fill(max(account.available_minor, 0) if account else None, account)

    async def _fill_suggested(self) -> rx.event.EventSpec | None:
        return await self._fill(self._suggested, await self._account())

    # --- what was sent --------------------------------------------------------------------------------

    def _note_problem(self, note: str) -> str:
        count = length(note)
        return say("MEMO_TOO_LONG", count=count) if count > MAX_NOTE else ""

    async def _check_funds(self, account: AccountView, minor: int, problems: list[Problem]) -> None:
        """Says early what the ledger would say; the ledger decides."""
        limits = await calls.read(lambda session: cautions.limits_of(session, account))
        if problem := self._beyond(account, minor, limits):
            problems.append(Problem("amount", problem))

    def _beyond(self, account: AccountView, minor: int, limits: cautions.Limits) -> str:
        """Why an account cannot pay so much, or nothing; proposes what it has."""
        code, left = account.currency, account.available_minor
        if over := limits.exceeded_by(minor):
            return limit_problem(limits, over, account)
        if minor <= left:
            return ""
        if left > 0:
            self._suggest(left, code)
        facts = {"available": money.display(left, code), "needed": money.display(minor, code)}
        return say("insufficient_funds", account=named(account), **facts)

    def _suggest(self, minor: int, currency: str) -> None:
        self._suggested, self.suggestion = minor, money.display(minor, currency)

    def _answer_with(self, problems: list[Problem], error: BankError | None = None) -> None:
        """Shows all problems at once; the summary takes the focus."""
        if error is not None:
            found = refusal(error)
            problems, self.code = [*problems, Problem("", found.text)], found.code
        else:
            self.code = ""
        self.problems = problems
        self.errors = {problem.field: problem.text for problem in problems}
        self.answer = new_answer()
