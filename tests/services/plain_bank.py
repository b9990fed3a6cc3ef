"""A bank in two dictionaries, written from api.md §2 and §5 and not from the code: what groups are compared with.

Orders name accounts by letters and earlier orders by their place in the history, so that one history can be told to
several banks.
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

RECORDED = {
    "insufficient_funds", "account_frozen", "account_closed", "limit_exceeded", "already_reversed", "hold_not_open",
    "precondition_failed", "currency_mismatch",
}  # fmt: skip
CASH = "cash"


class Ordered(NamedTuple):
    """What somebody asks for. `about` is the place of an earlier order: what to reverse, capture or release."""

    kind: str
    actor: str
    account: str = ""
    to: str = ""
    amount: int = 0
    version: int | None = None
    about: int = -1
    key: str | None = None


@dataclass
class Line:
    """An account. Amounts in minor units; `frozen` is nothing, `debits` or `all`."""

    owner: str
    currency: str = "USD"
    balance: int = 0
    held: int = 0
    overdraft: int = 0
    once: int | None = None
    daily: int | None = None
    frozen: str = ""
    closed: bool = False
    spent: int = 0
    version: int = 0

    @property
    def available(self):
        return self.balance - self.held + self.overdraft


@dataclass
class PlainBank:
    """Answers orders one by one: a code, or what was done and its amount; and whether it was an answer given again."""

    lines: dict[str, Line]
    roles: dict[str, str]
    moved: dict[int, Any] = field(default_factory=dict)
    holds: dict[int, Any] = field(default_factory=dict)
    reversed: set[int] = field(default_factory=set)
    keys: dict[Any, Any] = field(default_factory=dict)

    def answer(self, place, order):
        name = (order.actor, order.key)
        if order.key and name in self.keys:
            first, said = self.keys[name]
            return (said, True) if first == order else ("idempotency_key_reused", False)
        said = getattr(self, f"_{order.kind}")(place, order)
        if order.key and (isinstance(said, tuple) or said in RECORDED):
            self.keys[name] = order, said
        return said, False

    # --- movements ------------------------------------------------------------------------------------

    def _deposit(self, place, order):
        return self._no_account(order, order.account) or self._move(place, order, CASH, order.account, order.amount)

    def _withdraw(self, place, order):
        return self._no_account(order, order.account) or self._move(place, order, order.account, CASH, order.amount)

    def _transfer(self, place, order):
        error = self._no_account(order, order.account, order.to)
        if not error and order.version not in (None, self.lines[order.account].version):
            error = "precondition_failed"
        return error or self._move(place, order, order.account, order.to, order.amount)

    def _reverse(self, place, order):
        original = self.moved.get(order.about)
        if original is None or not self._may_see(order.actor, *original[:2]):
            return "transaction_not_found"
        debited, credited, amount, is_reversal = original
        if self.roles[order.actor] != "teller":
            return "forbidden"
        if is_reversal:
            return "invalid_request"
        if order.about in self.reversed:
            return "already_reversed"
        said = self._move(place, order, credited, debited, amount)
        if isinstance(said, tuple):
            self.reversed.add(order.about)
        return said

    # --- holds ----------------------------------------------------------------------------------------

    def _place(self, place, order):
        error = self._no_account(order, order.account, *([order.to] if order.to else []))
        if error:
            return error
        line = self.lines[order.account]
        if order.to and not (line.closed or line.frozen) and self.lines[order.to].currency != line.currency:
            return "currency_mismatch"
        error = self._cannot_pay(line, order.amount, daily=False)
        if error:
            return error
        line.held += order.amount
        self.holds[place] = [order.account, order.to or CASH, order.amount, "open"]
        return "open", order.amount

    def _capture(self, place, order):
        error = self._no_hold(order)
        if error:
            return error
        hold = self.holds[order.about]
        account, to, held, state = hold
        amount = order.amount or held
        if amount > held:
            return "invalid_amount"
        if state != "open":
            return "hold_not_open"
        self.lines[account].held -= held
        said = self._move(place, order, account, to, amount)
        if not isinstance(said, tuple):
            self.lines[account].held += held
            return said
        hold[3] = "captured"
        return "captured", amount

    def _release(self, place, order):
        error = self._no_hold(order)
        if error:
            return error
        hold = self.holds[order.about]
        if hold[3] != "open":
            return "hold_not_open"
        hold[3] = "released"
        self.lines[hold[0]].held -= hold[2]
        return "released", hold[2]

    # --- rules ----------------------------------------------------------------------------------------

    def _move(self, place, order, source, target, amount):
        back = order.kind == "reverse"
        error = None
        if source != CASH:
            error = self._state_of_payer(self.lines[source])
        if not error and target != CASH:
            line = self.lines[target]
            error = "account_closed" if line.closed else "account_frozen" if line.frozen == "all" else None
            if not error and source != CASH and line.currency != self.lines[source].currency:
                error = "currency_mismatch"
        if not error and source != CASH:
            error = self._cannot_pay(self.lines[source], amount, limits=not back)
        if error:
            return error
        for name, change in ((source, -amount), (target, amount)):
            if name != CASH:
                line = self.lines[name]
                line.balance += change
                line.version += 1
                line.spent += max(0, -change) if not back else 0
        self.moved[place] = source, target, amount, back
        return "posted", amount

    def _state_of_payer(self, line):
        return "account_closed" if line.closed else "account_frozen" if line.frozen else None

    def _cannot_pay(self, line, amount, *, limits=True, daily=True):
        if error := self._state_of_payer(line):
            return error
        if limits and line.once is not None and amount > line.once:
            return "limit_exceeded"
        if limits and daily and line.daily is not None and line.spent + amount > line.daily:
            return "limit_exceeded"
        return "insufficient_funds" if amount > line.available else None

    def _no_account(self, order, own, *others):
        role = self.roles[order.actor]
        for name in (own, *others):
            line = self.lines.get(name)
            if line is None or (name == own and role == "customer" and line.owner != order.actor):
                return "account_not_found"
        return "forbidden" if role == "auditor" else None

    def _no_hold(self, order):
        hold = self.holds.get(order.about)
        if hold is None or not self._may_see(order.actor, hold[0]):
            return "hold_not_found"
        return "forbidden" if self.roles[order.actor] == "auditor" else None

    def _may_see(self, actor, *names):
        mine = any(name != CASH and self.lines[name].owner == actor for name in names)
        return mine or self.roles[actor] != "customer"
