"""One account as the bank's people see it: its numbers, what is under way, and what they decide about it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import reflex as rx
from sqlalchemy.orm import Session

from bank_app.domain import money
from bank_app.domain.accounting import AccountStatus, FrozenFor, HoldState
from bank_app.domain.identifiers import account_number_text
from bank_app.domain.text import isolated, length
from bank_app.errors import ApprovalRequired, BankError, Invalid
from bank_app.services import account_decisions, accounts, approvals, attempts, history, holds, preferences, reasons
from bank_app.services.account_decisions import Obstacle, Outlook
from bank_app.services.accounts import AccountView
from bank_app.services.actor import Actor
from bank_app.services.approval_kinds import Wish
from bank_app.services.attempts import AttemptView
from bank_app.services.history import EntryView
from bank_app.services.holds import HoldView, ReleaseHold
from bank_app.services.lists import Page
from bank_app.ui import calls, forms, rows, words
from bank_app.ui.components.fields import Problem
from bank_app.ui.guard import exposed
from bank_app.ui.messages import reason_problem, refusal, say
from bank_app.ui.money_form import Reading, named, new_answer, number_of, read_amount
from bank_app.ui.notices import is_full, notify
from bank_app.ui.session import ROLE_WORDS, actor_of

_PAGE = 25
_HOLDS, _ATTEMPTS = 20, 3
_OLDER_ATTEMPTS = 10
LIMITS = {"overdraft_limit": "Overdraft limit", "transfer_limit": "At most at once", "daily_limit": "At most in a day"}
_KINDS = {"transfer": "To", "withdraw": "Cash", "hold": "Set aside for"}


@dataclass(frozen=True)
class AccountFile:
    """The account's numbers, ready-made; empty where there is none."""

    number: str = ""
    grouped: str = ""
    title: str = ""
    kind: str = ""
    status: str = ""
    frozen: str = ""
    owner: str = ""
    owner_address: str = ""
    opened: str = ""
    available: str = ""
    current: str = ""
    held: str = ""
    overdraft: str = ""
    at_once: str = ""
    daily: str = ""
    unit: str = ""
    # The locale whose marks the next three have.
    written: str = ""
    overdraft_typed: str = ""
    at_once_typed: str = ""
    daily_typed: str = ""
    version: str = ""
    # For whoever looks: what is said of his own account, and whether he takes in and pays out cash on it.
    own: str = ""
    cash: bool = True


@dataclass(frozen=True)
class HoldRow:
    """An open hold: what for, until when, how much, and since when."""

    id: str
    title: str
    amount: str
    detail: str


@dataclass(frozen=True)
class AttemptRow:
    """Something the bank declined."""

    key: str
    title: str
    amount: str
    reason: str
    detail: str
    code: str


@dataclass(frozen=True)
class Obstruction:
    """Something in the way of closing, and where it can be dealt with."""

    text: str
    words: str
    address: str


@dataclass(frozen=True)
class Loaded:
    """Everything that one look needs, from one snapshot."""

    account: AccountView
    own: bool
    outlook: Outlook
    page: Page[EntryView]
    holds: Page[HoldView]
    attempts: Page[AttemptView]


class OpsAccountState(rx.State):
    """What the page shows. `shown` says whose numbers these are."""

    shown: str = ""
    missing: str = ""
    failed: str = ""
    file: AccountFile = AccountFile()
    days: list[rows.Day] = []
    caption: str = ""
    more: bool = False
    fresh: int = 0
    first_new: str = ""
    loads: int = 0
    open_holds: list[HoldRow] = []
    declined: list[AttemptRow] = []
    declined_more: bool = False
    freeze_effects: list[str] = []
    obstructions: list[Obstruction] = []
    answer: int = 0
    done: int = 0
    reason_error: str = ""
    refused: str = ""
    code: str = ""
    problems: list[Problem] = []
    overdraft_error: str = ""
    at_once_error: str = ""
    daily_error: str = ""
    limits_reason_error: str = ""
    form_id: int = 0
    private: bool = False
    _number: int = 0
    _rows: list[rows.Row] = []
    _cursor: str | None = None
    _attempts_cursor: str | None = None

    @exposed(staff=True)
    async def open(self) -> Any:
        """Loads the account of the address."""
        written = self.router.url.path.rstrip("/").rpartition("/")[2]
        if written != self.shown:
            self.reset()
            yield
        self._forget_answers()
        found = await self._look(written)
        if found is None:
            return
        self._show(found)
        self._rows = [_row(entry) for entry in found.page.items]
        self._cursor, self.fresh = found.page.next_cursor, 0
        self._arrange()
        self.form_id, self.shown = self.form_id + 1, written

    @exposed(staff=True)
    async def refresh(self) -> None:
        """The numbers of now; entries that came in are offered, not shown."""
        found = await self._look(self.shown) if self.shown else None
        if found is None:
            return
        self._show(found)
        now = {row.key: row for row in map(_row, found.page.items)}
        self.fresh = len(now.keys() - {row.key for row in self._rows})
        self._rows = [now.get(row.key, row) for row in self._rows]
        self._arrange()

    @exposed(staff=True)
    async def show_fresh(self) -> None:
        """Brings in the entries that came since."""
        found = await self._look(self.shown)
        if found is None:
            return
        self._rows = [_row(entry) for entry in found.page.items]
        self._cursor, self.fresh = found.page.next_cursor, 0
        self._arrange()

    @exposed(staff=True)
    async def load_more(self) -> None:
        """The next entries below the last; the focus goes to the first of them."""
        if self._cursor is None or not self._number or await is_full(self, self._rows):
            return
        actor, number, cursor = await actor_of(self), self._number, self._cursor
        page = await calls.read(lambda session: history.history(session, actor, number, limit=_PAGE, cursor=cursor))
        more = [_row(entry) for entry in page.items]
        self._rows, self._cursor = [*self._rows, *more], page.next_cursor
        self._arrange()
        self.first_new, self.loads = more[0].key if more else "", self.loads + 1

    @exposed(staff=True)
    async def more_declined(self) -> None:
        """Older attempts."""
        if self._attempts_cursor is None or not self._number or await is_full(self, self.declined):
            return
        actor, number, cursor = await actor_of(self), self._number, self._attempts_cursor
        page = await calls.read(
            lambda session: attempts.list_attempts(session, actor, number, limit=_OLDER_ATTEMPTS, cursor=cursor)
        )
        self.declined = [*self.declined, *[_attempt_row(attempt, number) for attempt in page.items]]
        self._attempts_cursor, self.declined_more = page.next_cursor, page.next_cursor is not None

    # --- decisions ----------------------------------------------------------------------------------------

    @exposed(staff=True)
    async def prepare(self) -> None:
        """A dialog opens: nothing of the last one in it, and what it says is true now."""
        self._forget_answers()
        await self.refresh()

    @exposed(staff=True)
    async def freeze(self, form: dict[str, Any]) -> None:
        """Stops payments out of it, or both ways."""
        scope = FrozenFor.ALL if forms.field(form, "scope", 10) == FrozenFor.ALL.value else FrozenFor.DEBITS
        key = "FREEZE_ALL_DONE" if scope is FrozenFor.ALL else "FREEZE_DONE"
        await self._decide(forms.field(form, "freeze-reason", 1_500), key, account_decisions.freeze, scope=scope)

    @exposed(staff=True)
    async def unfreeze(self, form: dict[str, Any]) -> None:
        """Opens it again."""
        await self._decide(forms.field(form, "unfreeze-reason", 1_500), "UNFREEZE_DONE", account_decisions.unfreeze)

    @exposed(staff=True)
    async def close(self, form: dict[str, Any]) -> None:
        """Closes it for ever, if it is empty."""
        await self._decide(forms.field(form, "close-reason", 1_500), "CLOSE_DONE", account_decisions.close)

    @exposed(staff=True)
    async def set_limits(self, form: dict[str, Any]) -> None:
        """Sets the three limits at once."""
        actor, number = await actor_of(self), self._number
        self._forget_answers()
        if not number:
            return
        try:
            shown = await calls.read(lambda session: accounts.get_account(session, actor, number))
        except BankError as error:
            self._complain_about_limits(error, actor)
            return
        limits = self._read_limits(form, shown.currency)
        if self.problems:
            return
        reason = forms.field(form, "limits-reason", 1_500)
        try:
            account = await calls.write(
                lambda session: account_decisions.set_limits(session, actor, number, limits=limits, reason=reason)
            )
        except ApprovalRequired:
            await self._ask_for_limits(actor, number, limits, reason)
            return
        except BankError as error:
            self._complain_about_limits(error, actor)
            return
        self.done = new_answer()
        await notify(self, say("LIMITS_SET", account=named(account)))
        await self.refresh()
        self.form_id += 1

    async def _ask_for_limits(self, actor: Actor, number: int, limits: dict[str, str | None], reason: str) -> None:
        wish = Wish("limits", f"account {account_number_text(number)}", limits)
        try:
            await calls.call(approvals.ask, calls.bank().db, actor, wish, reason=reason)
        except BankError as error:
            self._complain_about_limits(error, actor)
            return
        self.done = new_answer()
        await notify(self, say("APPROVAL_ASKED"))
        await self.refresh()

    @exposed(staff=True)
    async def release(self, hold_id: str) -> None:
        """Ends a hold without moving money."""
        actor, wanted = await actor_of(self), forms.identifier(hold_id)
        self._forget_answers()
        if wanted is None:
            return
        try:
            moved = await calls.call(holds.move, calls.bank().db, actor, ReleaseHold(wanted), key=f"release:{wanted}")
        except BankError as error:
            await notify(self, refusal(error, role=ROLE_WORDS[actor.role]).text, "error")
        else:
            amount = money.display(moved.hold.amount_minor, moved.hold.currency)
            await notify(self, say("HOLD_RELEASED", amount=amount))
        await self.refresh()

    async def _decide(self, reason: str, said: str, decision: Any, **more: Any) -> None:
        actor, number = await actor_of(self), self._number
        self._forget_answers()
        if not number:
            return
        try:
            account = await calls.write(lambda session: decision(session, actor, number, reason=reason, **more))
        except Invalid as error:
            self.reason_error = reason_problem(error)
            return
        except BankError as error:
            found = refusal(error, account=self.file.title, role=ROLE_WORDS[actor.role])
            self.refused, self.code = found.text, found.code
            await self.refresh()
            return
        self.done = new_answer()
        await notify(self, say(said, account=named(account)))
        await self.refresh()

    def _read_limits(self, form: object, code: str) -> dict[str, str | None]:
        """The limits as amounts of the account's currency; an empty field is no limit. Says what is wrong with them."""
        found: dict[str, str | None] = {}
        wrong: dict[str, str] = {}
        written = preferences.locale_of(forms.field(form, "written", 10))
        for name in LIMITS:
            typed = forms.field(form, name, 40)
            # Nothing at all may leave: an amount that a payment could not have.
            reading = read_amount(typed, code, written=written, zero_allowed=True) if typed else Reading()
            wrong[name] = reading.problem
            found[name] = None if reading.minor is None else money.to_text(reading.minor, code)
        self.overdraft_error, self.at_once_error, self.daily_error = (wrong[name] for name in LIMITS)
        if length(forms.field(form, "limits-reason", 1_500)) < reasons.SHORTEST:
            self.limits_reason_error = say("REASON_REQUIRED")
        texts = {**wrong, "limits-reason": self.limits_reason_error}
        self.problems = [Problem(name, text) for name, text in texts.items() if text]
        return found

    def _complain_about_limits(self, error: BankError, actor: Actor) -> None:
        if error.code == "insufficient_funds":
            shortfall = refusal(error, variant="OVERDRAFT_IN_USE", **_amounts(error))
            self.overdraft_error = shortfall.text
            self.problems = [Problem("overdraft_limit", shortfall.text)]
            return
        about = error.details.get("errors") or [{}]
        if isinstance(error, Invalid) and about[0].get("field") == "reason":
            self.limits_reason_error = reason_problem(error)
            self.problems = [Problem("limits-reason", self.limits_reason_error)]
            return
        self.problems = [Problem("", refusal(error, account=self.file.title, role=ROLE_WORDS[actor.role]).text)]

    def _forget_answers(self) -> None:
        self.answer = new_answer()
        self.reason_error = self.refused = self.code = self.limits_reason_error = ""
        self.overdraft_error = self.at_once_error = self.daily_error = ""
        self.problems = []

    # --- showing ------------------------------------------------------------------------------------------

    async def _look(self, written: str) -> Loaded | None:
        actor, number = await actor_of(self), number_of(written)
        self.failed = ""
        if number is None:
            self.missing = written
            return None
        try:
            found = await calls.read(lambda session: _load(session, actor, number))
        except BankError as error:
            if error.code == "account_not_found":
                self.missing = written
            else:
                self.failed = refusal(error).text
            return None
        self._number = number
        return found

    def _show(self, found: Loaded) -> None:
        before, self.file = self.file.written, _file(found)
        # Fields that were filled in with other marks begin anew: what stands in them would be read by the wrong ones.
        self.form_id += bool(before) and before != self.file.written
        self.private = money.are_hidden()
        self.open_holds = [_hold_row(hold) for hold in found.holds.items]
        if len(self.declined) <= _ATTEMPTS:
            self.declined = [_attempt_row(attempt, found.account.id) for attempt in found.attempts.items]
            self._attempts_cursor = found.attempts.next_cursor
            self.declined_more = found.attempts.next_cursor is not None
        self.freeze_effects = _freeze_effects(found)
        self.obstructions = _obstructions(found)

    def _arrange(self) -> None:
        self.days, self.more = rows.days(self._rows), self._cursor is not None
        self.caption = f"{words.count(len(self._rows), 'entry', 'entries')}, newest first"


def _load(session: Session, actor: Actor, number: int) -> Loaded:
    account = accounts.get_account(session, actor, number)
    return Loaded(
        account=account,
        own=account.owner_id == actor.user_id,
        outlook=account_decisions.outlook(session, actor, number),
        page=history.history(session, actor, number, limit=_PAGE),
        holds=holds.list_holds(session, actor, account_id=number, state=HoldState.OPEN, limit=_HOLDS),
        attempts=attempts.list_attempts(session, actor, number, limit=_ATTEMPTS),
    )


# --- in words -------------------------------------------------------------------------------------------


def _row(entry: EntryView) -> rows.Row:
    """An entry whose links lead to the pages of the bank's people."""
    row = rows.row(entry)
    linked = f"/ops{row.badge_address}" if row.badge_address else ""
    return replace(row, address=f"/ops{row.address}", badge_address=linked)


def _file(found: Loaded) -> AccountFile:
    account, code = found.account, found.account.currency
    once, daily = account.transfer_limit_minor, account.daily_limit_minor
    overdraft = account.overdraft_limit_minor
    return AccountFile(
        number=account.number,
        grouped=account.grouped_number,
        title=account.title,
        kind=account.kind.usual_name,
        status=account.status.value,
        frozen=("Money can arrive but can’t leave." if account.can_receive else "Money can neither arrive nor leave.")
        if account.status is AccountStatus.FROZEN
        else "",
        owner=account.owner_name,
        owner_address=f"/ops/customers/{account.owner_id}",
        opened=words.day(account.opened_at),
        available=money.display(account.available_minor, code),
        current=money.display(account.balance_minor, code),
        held=money.display(account.held_minor, code),
        overdraft=money.display(overdraft, code) if overdraft else "",
        at_once="" if once is None else money.display(once, code),
        daily="" if daily is None else money.display(daily, code),
        unit=money.currency(code).name,
        written=money.written_as(),
        overdraft_typed=money.write(overdraft, code) if overdraft else "",
        at_once_typed="" if once is None else money.write(once, code),
        daily_typed="" if daily is None else money.write(daily, code),
        version=f"{account.version:,}",
        own=say("OWN_ACCOUNT_DECISIONS") if found.own else "",
        cash=not found.own or calls.bank().settings.customers_handle_cash,
    )


def _hold_row(hold: HoldView) -> HoldRow:
    target = f"To {words.grouped(hold.to_account_id)}" if hold.to_account_id else "For cash"
    return HoldRow(
        id=str(hold.id),
        title=hold.description or "Set aside",
        amount=money.display(hold.amount_minor, hold.currency),
        detail=f"{target} · since {_moment(hold.created_at)} · until {_moment(hold.expires_at)}",
    )


def _attempt_row(attempt: AttemptView, account_id: int) -> AttemptRow:
    target = attempt.to_name or (words.grouped(attempt.to_account) if attempt.to_account.isdigit() else "")
    what = _KINDS.get(attempt.kind, "To")
    amount = money.display(attempt.amount_minor, attempt.currency)
    variant = {"account_frozen": "ATTEMPT_FROZEN", "account_closed": "ATTEMPT_CLOSED"}.get(attempt.code, "")
    own = number_of(attempt.error.details.get("account_id")) == account_id
    which = "This account" if own else "The receiving account"
    return AttemptRow(
        key=attempt.id,
        title=what if attempt.kind == "withdraw" or not target else f"{what} {isolated(target)}",
        amount=amount,
        reason=refusal(attempt.error, variant=variant, account="This account", which=which, needed=amount).text,
        detail=f"{_moment(attempt.at)} · {isolated(attempt.by_name)}",
        code=attempt.code,
    )


def _moment(at: datetime) -> str:
    return f"{words.day(at)}, {words.time_of_day(at)}"


def _freeze_effects(found: Loaded) -> list[str]:
    """What freezing would stop, as far as it is under way."""
    said = []
    outlook, code = found.outlook, found.account.currency
    if outlook.unsent:
        said.append(f"{words.count(outlook.unsent, 'payment')} being confirmed right now will be declined.")
    if outlook.open_holds:
        amount = money.display(outlook.held_minor, code)
        stay = "stays" if outlook.open_holds == 1 else "stay"
        said.append(f"{words.count(outlook.open_holds, 'hold')} ({amount}) {stay} set aside and cannot be captured.")
    return said or ["Nothing is under way. No payment will fail because of it today."]


def _obstructions(found: Loaded) -> list[Obstruction]:
    account, code = found.account, found.account.currency
    texts = []
    for blocker in found.outlook.blockers:
        amount = money.display(blocker.amount_minor, code)
        match blocker.obstacle:
            case Obstacle.BALANCE:
                text, link, to = say("CLOSE_BLOCKED_BALANCE", amount=amount), "Take the money out", "/move/withdraw"
                texts.append(Obstruction(text, link, f"{to}?account={account.number}"))
            case Obstacle.OVERDRAWN:
                text, link, to = say("CLOSE_BLOCKED_OVERDRAWN", amount=amount), "Pay money in", "/move/deposit"
                texts.append(Obstruction(text, link, f"{to}?account={account.number}"))
            case Obstacle.HOLDS:
                count = words.count(blocker.count, "hold")
                text = say("CLOSE_BLOCKED_PENDING", amount=amount, holds=count)
                texts.append(Obstruction(text, "See the holds", ""))
    return texts


def _amounts(error: BankError) -> dict[str, str]:
    """What is missing, as `refusal` writes amounts, under the name that the sentence has for it."""
    code = str(error.details.get("currency", ""))
    short = money.Amount.of(str(error.details.get("shortfall", "0"))).minor(code, zero_allowed=True)
    return {"amount": money.display(short, code)}
