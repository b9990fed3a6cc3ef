"""One account: its balance, how it came to be, and that it is true. State only; account_view draws it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import reflex as rx
from sqlalchemy.orm import Session

from bank_app import clock
from bank_app.domain import digits, identifiers, money
from bank_app.domain.accounting import AccountStatus, HoldState
from bank_app.domain.text import isolated
from bank_app.errors import BankError, NotFound
from bank_app.services import accounts, history, proof
from bank_app.services.accounts import AccountView
from bank_app.services.actor import Actor
from bank_app.services.holds import HoldView, list_holds
from bank_app.ui import calls, charts, first_steps, forms, lookups, messages, words
from bank_app.ui.guard import exposed
from bank_app.ui.notices import notify
from bank_app.ui.pages.account_attempts import AttemptsState
from bank_app.ui.pages.account_ledger import LedgerState
from bank_app.ui.session import actor_of

_HOLDS_SHOWN = 3
RANGES = {"30": 30, "90": 90, "365": 365, "all": None}


@dataclass(frozen=True)
class Proved:
    """All entries of the account added up again, beside the stored balance."""

    holds: bool = False
    sentence: str = ""
    detail: str = ""
    into: str = ""
    out: str = ""
    sum: str = ""


@dataclass(frozen=True)
class Then:
    """The balance at a moment that somebody asked about, and the entry that made it so."""

    typed: str = ""
    problem: str = ""
    balance: str = ""
    after: str = ""
    address: str = ""


@dataclass(frozen=True)
class HoldLine:
    """An open hold: how much, what for and until when."""

    key: str = ""
    amount: str = ""
    words: str = ""


@dataclass(frozen=True)
class Details:
    """What is fixed about the account, and its limits."""

    kind: str = ""
    currency: str = ""
    opened: str = ""
    transfer_limit: str = ""
    daily_limit: str = ""
    overdraft: str = ""
    posted: str = ""
    api: str = ""


@dataclass(frozen=True)
class Loaded:
    """Everything that one look at the account needs, from one snapshot."""

    account: AccountView
    steps: list[history.Step]
    month: history.Totals
    open_holds: list[HoldView]
    more_holds: bool


class AccountState(rx.State):
    """What the page shows, ready-made. `shown` says whose numbers these are."""

    shown: str = ""
    missing: str = ""
    failed: str = ""
    title: str = ""
    tail: str = ""
    grouped: str = ""
    owner: str = ""
    status: str = ""
    banner: str = ""
    available: words.Figure = words.Figure()
    current: str = ""
    held: str = ""
    overdraft: str = ""
    open_holds: list[HoldLine] = []
    more_holds: bool = False
    month_in: str = ""
    month_out: str = ""
    details: Details = Details()
    chart: charts.Chart = charts.Chart()
    range: str = "90"
    as_table: bool = False
    proof: Proved = Proved()
    then: Then = Then()
    _number: int = 0
    _asked: history.BalanceAt | None = None

    @exposed
    async def open(self) -> Any:
        """Loads the account of the address."""
        actor = await actor_of(self)
        written = self.router.url.path.rstrip("/").rsplit("/", 1)[-1]
        if written != self.shown:
            self.reset()
        self.failed, self.missing = "", ""
        yield
        try:
            self._number = identifiers.parse_account_number(written)
            await self._load(actor)
        except BankError as error:
            if error.code in ("account_not_found", "invalid_account_number"):
                self.missing = written
            else:
                self.failed = messages.refusal(error).text
            return
        self.shown = written

    @exposed
    async def refresh(self) -> Any:
        """Brings balance, chart and proof up to date, and says how many entries are new."""
        written = self.router.url.path.rstrip("/").rsplit("/", 1)[-1]
        if not self._number or written != self.shown:
            return None
        actor, before = await actor_of(self), self.details.posted
        try:
            await self._load(actor)
            if self.proof.sentence and self.details.posted != before:
                await self._prove(actor)
        except BankError:
            return None
        return LedgerState.refresh

    @exposed
    async def redraw(self) -> Any:
        """Everything of the account in other words; what was proved and asked with the old ones is taken back."""
        self.proof, self.then, self._asked = Proved(), Then(), None
        return [AccountState.open, LedgerState.open, AttemptsState.refresh]

    @exposed
    async def choose_range(self, days: str) -> None:
        """Another stretch of time in the chart."""
        if not isinstance(days, str) or days not in RANGES or not self._number:
            return
        self.range = days
        await self._redraw(await actor_of(self))

    @exposed
    def show_table(self) -> None:
        """Chart or table."""
        self.as_table = not self.as_table

    @exposed
    async def prove(self) -> None:
        """Adds all entries up again, in front of the reader."""
        if not self._number:
            return
        actor = await actor_of(self)
        try:
            lookups.count_file(actor, calls.bank().settings)
            await self._prove(actor)
        except BankError as error:
            await notify(self, messages.refusal(error).text, "error")
            return
        await first_steps.tick(actor, "prove")

    @exposed
    async def ask(self, form: dict[str, Any]) -> None:
        """The balance at a moment: a day means its beginning, and times are UTC."""
        if not self._number:
            return
        actor, typed = await actor_of(self), forms.field(form, "at", 40)
        moment = _moment(typed)
        if moment is None:
            self.then, self._asked = Then(typed, messages.say("MOMENT_INVALID")), None
        else:
            self.then, self._asked = await calls.read(lambda session: _then(session, actor, self._number, moment))
        await self._redraw(actor)

    @exposed
    async def choose_tab(self, key: str) -> Any:
        """What a tab shows is read when it is looked at."""
        return AttemptsState.open if key == "attempts" else None

    @exposed
    async def rename(self, name: str) -> None:
        """Gives the account another name; only its owner may."""
        if not self._number:
            return
        actor, number, called = await actor_of(self), self._number, forms.text(name, 400)
        try:
            account = await calls.write(
                lambda session: accounts.change_account(session, actor, number, nickname=called or None)
            )
        except BankError as error:
            await notify(self, messages.refusal(error, role=actor.role.value).text, "error")
            return
        self.title = account.title
        await notify(self, messages.say("ACCOUNT_RENAMED", account=account.title), "success")

    async def _load(self, actor: Actor) -> None:
        number, days = self._number, RANGES[self.range]
        self._show(await calls.read(lambda session: _look(session, actor, number, days)), actor)

    async def _redraw(self, actor: Actor) -> None:
        number, days = self._number, RANGES[self.range]
        account, steps = await calls.read(
            lambda session: (
                accounts.get_account(session, actor, number),
                history.balance_steps(session, actor, account_id=number, days=days),
            )
        )
        self._draw(steps, account.currency)

    async def _prove(self, actor: Actor) -> None:
        number = self._number
        found = await calls.read_much(actor, lambda session: proof.re_add(session, actor, number), large=True)
        self.proof = _proved(found)

    def _draw(self, steps: list[history.Step], currency: str) -> None:
        asked = self._asked
        marked = history.Step(asked.at, asked.balance_minor) if asked else None
        self.chart = charts.balance_chart(steps, currency, asked=marked)

    def _show(self, found: Loaded, actor: Actor) -> None:
        account = found.account
        code = account.currency
        self.title, self.tail = account.title, words.ending(account.number)
        self.grouped, self.status = account.grouped_number, account.status.value
        self.owner = account.owner_name if account.owner_id != actor.user_id else ""
        self.banner = _banner(account)
        self.available = words.figure(account.available_minor, code)
        self.current = money.display(account.balance_minor, code)
        self.held = money.display(-account.held_minor, code, signed=True) if account.held_minor else ""
        limit = account.overdraft_limit_minor
        self.overdraft = money.display(limit, code) if limit else ""
        self.details = _details(account)
        self.open_holds = [_hold_line(hold) for hold in found.open_holds]
        self.more_holds = found.more_holds
        self.month_in = money.display(found.month.in_minor, code, signed=True)
        self.month_out = money.display(-found.month.out_minor, code, signed=True)
        self._draw(found.steps, code)


def _look(session: Session, actor: Actor, number: int, days: int | None) -> Loaded:
    account = accounts.get_account(session, actor, number)
    month = clock.now().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    held = (
        list_holds(session, actor, account_id=account.id, state=HoldState.OPEN, limit=_HOLDS_SHOWN)
        if account.held_minor
        else None
    )
    return Loaded(
        account=account,
        steps=history.balance_steps(session, actor, account_id=number, days=days),
        month=history.summary(session, actor, number, filters=history.HistoryFilter(from_=month)),
        open_holds=held.items if held else [],
        more_holds=bool(held and held.next_cursor),
    )


def _hold_line(hold: HoldView) -> HoldLine:
    amount = money.display(hold.amount_minor, hold.currency)
    return HoldLine(
        str(hold.id), amount, f"{isolated(hold.description or 'Set aside')}, until {words.when(hold.expires_at)}"
    )


def _details(account: AccountView) -> Details:
    def limit(minor: int | None, none: str) -> str:
        return none if minor is None else money.display(minor, account.currency)

    return Details(
        kind=account.kind.usual_name,
        currency=f"{money.currency(account.currency).name} ({account.currency})",
        opened=words.full_moment(account.opened_at),
        transfer_limit=limit(account.transfer_limit_minor, "No limit of its own"),
        daily_limit=limit(account.daily_limit_minor, "No limit of its own"),
        overdraft=limit(account.overdraft_limit_minor or None, "None"),
        posted=f"{account.version:,}",
        api=f"/api/v1/accounts/{account.number}",
    )


def _banner(account: AccountView) -> str:
    bank = calls.bank().settings.name
    if account.status is AccountStatus.CLOSED:
        return "This account is closed. It can be read, and nothing can move."
    if account.status is not AccountStatus.FROZEN:
        return ""
    moves = "can arrive but can't leave" if account.can_receive else "can neither arrive nor leave"
    return f"This account is frozen: money {moves}. Contact {bank}."


def _proved(found: proof.Proof) -> Proved:
    code = found.account.currency
    said = money.display(found.sum_minor, code)
    if found.holds:
        entries = words.count(found.entries, "entry adds", "entries add")
        sentence = messages.say("BALANCE_PROVED", entries=entries, amount=said, milliseconds=found.milliseconds)
    elif found.off_minor:
        account = words.ending(found.account.number)
        sentence = messages.say("BALANCE_OFF", amount=money.display(abs(found.off_minor), code), account=account)
    else:
        sentence = messages.say("BALANCE_BROKEN", sequence=f"{found.first_wrong or found.entries:,}")
    chained = "No gap in their numbers, and every hash follows from the one before it."
    unhashed = "No gap in their numbers, and every balance follows from the one before it."
    return Proved(
        holds=found.holds,
        sentence=sentence,
        detail=(chained if found.hashed else unhashed) if found.holds and found.entries else "",
        into=money.display(found.in_minor, code),
        out=money.display(found.out_minor, code),
        sum=said,
    )


def _moment(typed: str) -> datetime | None:
    """A typed moment in UTC: `28 Sep 2026, 12:00` or `2026-09-28 12:00`; a day alone is its beginning."""
    text = " ".join(digits.plain(typed).replace(",", " ").replace("UTC", " ").split())
    for form in (None, "%d %b %Y %H:%M", "%d %b %Y", "%d %B %Y %H:%M", "%d %B %Y"):
        try:
            moment = datetime.strptime(text, form) if form else datetime.fromisoformat(text)  # noqa: DTZ007
            break
        except ValueError:
            continue
    else:
        return None
    moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment if moment.year >= 1000 else None


def _then(session: Session, actor: Actor, number: int, moment: datetime) -> tuple[Then, history.BalanceAt]:
    found = history.balance_at(session, actor, number, at=moment)
    account = accounts.get_account(session, actor, number)
    shown = money.display(found.balance_minor, account.currency)
    typed = f"{moment.day} {moment:%b %Y, %H:%M}"
    if not found.sequence:
        return Then(typed, "", shown, "before the first entry"), found
    try:
        made = history.entry(session, actor, number, found.sequence)
    except NotFound:
        return Then(typed, "", shown), found
    name = made.counterparty.name if made.counterparty else made.description or "an entry"
    return (
        Then(
            typed,
            "",
            shown,
            f"after {isolated(name)}, {words.day(made.created_at)} {words.time_of_day(made.created_at)}",
            f"/transactions/{made.transaction_id}",
        ),
        found,
    )
