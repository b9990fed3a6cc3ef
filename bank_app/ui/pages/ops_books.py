"""For the bank's people: the trial balance of the whole bank, and whether every rule of the ledger holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import reflex as rx

from bank_app import clock
from bank_app.domain import money
from bank_app.domain.accounting import AccountKind
from bank_app.errors import BankError
from bank_app.services import books
from bank_app.services.books import CheckView, ClassLine
from bank_app.ui import calls, messages, words
from bank_app.ui.guard import exposed
from bank_app.ui.messages import say
from bank_app.ui.session import actor_of

_SHOWN = 30
_HAS = (AccountKind.CASH, AccountKind.INTEREST)
_CLASS_WORDS = {
    AccountKind.CASH: ("Cash", "Money that the bank holds"),
    AccountKind.INTEREST: ("Interest", "Paid to customers"),
    AccountKind.CHECKING: ("Everyday accounts", "Customers’ money"),
    AccountKind.SAVINGS: ("Savings accounts", "Customers’ money"),
    AccountKind.FEES: ("Fees", "Earned by the bank"),
    AccountKind.SUSPENSE: ("Suspense", "Whose it is has to be found out"),
}
# What a rule is called here, what was looked at, and the word for what breaks it. By its number in the ledger.
_RULES = {
    1: ("Debits equal credits", "each of {transactions}", "off"),
    2: ("All accounts add up to zero", "{accounts}", "off"),
    3: ("Stored balance equals its entries", "{accounts} re-added", "off"),
    4: ("Entries numbered without gaps", "{postings}", "gaps"),
    5: ("No account was ever below its limit", "{postings}", "below"),
    6: ("The database keeps history", "its guards, and as many rows as there were", "missing"),
    7: ("One effect for each key", "every key, and at most one reversal", "doubles"),
    8: ("Held money is in open holds", "every hold", "off"),
    9: ("Each hash follows from the last", "{postings}", "broken"),
}
_MOST_FOUND = 5
_ZERO_SUM = 2


@dataclass(frozen=True)
class Line:
    """One class of accounts; the empty side stays empty."""

    key: str
    name: str
    about: str
    accounts: str
    debit: str
    credit: str


@dataclass(frozen=True)
class Balance:
    """The trial balance of one currency."""

    currency: str
    has: list[Line]
    owes: list[Line]
    accounts: str
    debit: str
    credit: str
    difference: str
    even: bool


@dataclass(frozen=True)
class Rule:
    """One check: what it is, what was looked at, and how many did not hold."""

    key: str
    name: str
    about: str
    result: str
    ok: bool
    found: list[str]


@dataclass(frozen=True)
class Past:
    """One check of the past, as a bar and as a row."""

    key: str
    when: str
    by: str
    result: str
    took: str
    height: str
    ok: bool


@dataclass(frozen=True)
class Stand:
    """How the books stand. `state` is ok, broken or none."""

    state: str = ""
    heading: str = ""
    about: str = ""


class OpsBooksState(rx.State):
    """The page."""

    loaded: bool = False
    failed: str = ""
    at: str = ""
    balances: list[Balance] = []
    stand: Stand = Stand()
    rules: list[Rule] = []
    rules_said: str = ""
    past: list[Past] = []
    past_said: str = ""
    past_words: str = ""
    as_table: bool = False
    answer: int = 0
    checks: int = 0

    @exposed(staff=True)
    async def open(self) -> None:
        """Loads the trial balance and what was found last."""
        await self._load()

    @exposed(staff=True)
    async def refresh(self) -> None:
        """The same again."""
        if self.loaded:
            await self._load()

    @exposed(staff=True)
    async def check(self) -> None:
        """Checks the books now; the heading with what was found takes the focus."""
        actor = await actor_of(self)
        self.answer += 1
        try:
            await calls.call_apart(books.check_now, calls.bank().db, actor)
        except BankError as error:
            self.failed = messages.refusal(error).text
            return
        await self._load()
        self.checks += 1

    @exposed(staff=True)
    def show_table(self) -> None:
        """Draws the past as bars, or writes it as a table."""
        self.as_table = not self.as_table

    async def _load(self) -> None:
        actor = await actor_of(self)
        try:
            lines, history = await calls.read(
                lambda session: (
                    books.trial_balance(session, actor),
                    books.history(session, actor, limit=_SHOWN),
                )
            )
        except BankError as error:
            self.failed = messages.refusal(error).text
            return
        last = history[0] if history else None
        self.at = words.full_moment(clock.now())
        self.balances = balances(lines, calls.bank().settings.currency)
        self.stand = stand(last, self.balances)
        self.rules = rules(last) if last else []
        passed = sum(rule.ok for rule in self.rules)
        self.rules_said = f"{passed} of {len(self.rules)} passed" if last else ""
        self.past = past(history)
        self.past_said = f"{sum(one.ok for one in history)} of {len(history)} passed"
        self.past_words = past_words(history)
        self.failed, self.loaded = "", True


def balances(lines: Sequence[ClassLine], usual: str) -> list[Balance]:
    """A trial balance for each currency, the bank's own first."""
    made = []
    for currency in sorted({line.currency for line in lines} or {usual}, key=lambda code: (code != usual, code)):
        own = [line for line in lines if line.currency == currency]
        debit, credit = sum(line.debit_minor for line in own), sum(line.credit_minor for line in own)
        made.append(
            Balance(
                currency=money.currency(currency).name,
                has=[_line(line) for line in own if line.kind in _HAS],
                owes=[_line(line) for line in own if line.kind not in _HAS],
                accounts=f"{sum(line.accounts for line in own):,}",
                debit=money.display(debit, currency),
                credit=money.display(credit, currency),
                difference=money.display(abs(debit - credit), currency),
                even=debit == credit,
            )
        )
    return made


def _line(line: ClassLine) -> Line:
    name, about = _CLASS_WORDS[line.kind]
    nothing = not line.debit_minor and not line.credit_minor
    return Line(
        key=f"{line.currency}-{line.kind}",
        name=name,
        about=about,
        accounts=f"{line.accounts:,}",
        debit=money.display(line.debit_minor, line.currency)
        if line.debit_minor or (nothing and line.kind in _HAS)
        else "",
        credit=money.display(line.credit_minor, line.currency)
        if line.credit_minor or (nothing and line.kind not in _HAS)
        else "",
    )


def stand(last: CheckView | None, shown: Sequence[Balance]) -> Stand:
    """The heading of the page."""
    if last is None:
        return Stand("none", "Not checked yet", "The bank checks its books once a day by itself.")
    who = f" by {last.by}" if last.by else " by the bank itself"
    about = f"Checked {words.full_moment(last.at)}{who} in {last.milliseconds:,} ms."
    if last.ok:
        return Stand("ok", say("BOOKS_BALANCE", amount=shown[0].debit if shown else ""), about)
    # That a whole currency is off follows from something smaller that is, which has a page to look at.
    small = [one for one in last.findings if one.invariant != _ZERO_SUM] or last.findings
    first = _short(small[0].subject) if small else "not known"
    off = {code: total for code, total in last.totals.items() if total}
    if off:
        code, total = next(iter(off.items()))
        return Stand("broken", say("BOOKS_OFF", amount=money.display(abs(total), code), account=first), about)
    return Stand("broken", say("BOOKS_BROKEN", account=first), about)


def _short(subject: str) -> str:
    """`account ••4821` for `account 1234564821`."""
    kind, _, name = subject.partition(" ")
    return f"{kind} {words.ending(name)}" if kind == "account" and name.isdigit() else subject


def rules(last: CheckView) -> list[Rule]:
    """Every check with its result."""
    counted = {
        "transactions": words.count(last.transactions, "transaction"),
        "accounts": words.count(last.accounts, "account"),
        "postings": words.count(last.postings, "entry", "entries"),
    }
    made = []
    for number, (name, about, word) in _RULES.items():
        found = [f"{one.subject}: {one.message}" for one in last.findings if one.invariant == number]
        many = f"{len(found)} or more" if len(found) >= _MOST_FOUND else str(len(found))
        result = f"{many} {word}"
        if number == _ZERO_SUM and last.totals:
            result = ", ".join(money.display(total, code) for code, total in last.totals.items())
        made.append(Rule(f"rule-{number}", name, about.format(**counted), result, not found, found))
    return made


def past(history: Sequence[CheckView]) -> list[Past]:
    """The newest on the right; as high as they took long."""
    most = max((one.milliseconds for one in history), default=0) or 1
    return [
        Past(
            key=str(one.id),
            when=words.full_moment(one.at),
            by=one.by or "The bank",
            result="Passed" if one.ok else "Off",
            took=f"{one.milliseconds:,} ms",
            height=f"{max(4, 100 * one.milliseconds // most)}%",
            ok=one.ok,
        )
        for one in reversed(history)
    ]


def past_words(history: Sequence[CheckView]) -> str:
    """The bars in one sentence."""
    if not history:
        return ""
    slowest = max(history, key=lambda one: one.milliseconds)
    since = f" since {words.full_moment(history[-1].at)}" if len(history) > 1 else ""
    return (
        f"{words.count(len(history), 'check')}{since}. The newest took {history[0].milliseconds:,} ms, "
        f"the slowest {slowest.milliseconds:,} ms."
    )
