"""Reversing a transaction: what it will do to both sides, why, and the one press that does it once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import reflex as rx

from bank_app.domain import money
from bank_app.domain.identifiers import new_id
from bank_app.domain.text import length
from bank_app.errors import (
    AlreadyReversed,
    ApprovalRequired,
    BankError,
    Forbidden,
    IdempotencyKeyReused,
    Invalid,
    NotFound,
    OutcomeUnknown,
    OwnAccount,
    Refused,
    RequestInProgress,
)
from bank_app.services import approvals, audit, reasons, reversals, transaction_search
from bank_app.services.approval_kinds import Wish
from bank_app.services.reasons import Cause
from bank_app.services.reversals import Earlier, Effect, Preview
from bank_app.services.transaction_search import Dossier
from bank_app.ui import calls, forms, words
from bank_app.ui.components.fields import Problem
from bank_app.ui.guard import exposed
from bank_app.ui.messages import refusal, say
from bank_app.ui.money_form import new_answer
from bank_app.ui.notices import notify
from bank_app.ui.session import ROLE_WORDS, actor_of
from bank_app.ui.transaction_filters import PATH

LONGEST = audit.MAX_REASON - max(len(cause.words) for cause in Cause) - 2


@dataclass(frozen=True)
class EffectLine:
    """What happens to one account."""

    owner: str
    account: str
    address: str
    incoming: bool
    before: str
    change: str
    after: str


@dataclass(frozen=True)
class Check:
    """One thing that was looked at; `ok` says whether it stands in the way."""

    text: str
    ok: bool


@dataclass(frozen=True)
class Told:
    """What one of the two people will read."""

    name: str
    text: str


@dataclass(frozen=True)
class ReversalSheet:
    """The original, and the sums over both sides."""

    noun: str = "transaction"
    amount: str = ""
    story: str = ""
    reference: str = ""
    posted: str = ""
    note: str = ""
    initiator: str = ""
    key: str = ""
    back: str = ""
    zero: str = ""
    before: str = ""
    after: str = ""
    to: str = ""
    is_reversed: bool = False


class ReversalState(rx.State):
    """`stage` is ready, unsure (asking what became of it), already, or why there is nothing to press."""

    loaded: bool = False
    shown: str = ""
    stage: str = "ready"
    failed: str = ""
    sheet: ReversalSheet = ReversalSheet()
    effects: list[EffectLine] = []
    checks: list[Check] = []
    told: list[Told] = []
    blocked: str = ""
    already: str = ""
    already_address: str = ""
    refused: str = ""
    code: str = ""
    problems: list[Problem] = []
    cause_error: str = ""
    reason_error: str = ""
    answer: int = 0
    looks: int = 0
    # The key of this page: pressing twice or reloading is the same request. A refusal ends it, the next press is new.
    _draft: str = ""

    @exposed(staff=True)
    async def open(self) -> Any:
        """What reversing the transaction of the address would do."""
        address = self._address()
        if self.shown != address:
            self.reset()
            self._draft = str(new_id())
            yield
        await self._look()
        self.shown, self.loaded = address, True

    @exposed(staff=True)
    async def refresh(self) -> None:
        """The same with the balances of now; what is typed stays."""
        if self.loaded and self.stage != "unsure":
            await self._look()

    @exposed(staff=True)
    async def send(self, form: dict[str, Any]) -> Any:
        """Posts the reversal, once."""
        actor, transaction_id = await actor_of(self), forms.identifier(self._address())
        self.answer, self.refused, self.code = new_answer(), "", ""
        cause, reason = self._read(form)
        if self.problems or cause is None or transaction_id is None:
            return None
        key = f"reverse:{self._draft}"
        try:
            moved = await calls.call(
                reversals.post, calls.bank().db, actor, transaction_id, cause=cause, reason=reason, key=key
            )
        except (OutcomeUnknown, RequestInProgress) as error:
            self.stage, self.looks = "unsure", self.looks + 1
            self.refused, self.code = refusal(error, reference=self.sheet.reference).text, error.code
            return None
        except ApprovalRequired:
            return await self._ask(transaction_id, reasons.written(reason, cause))
        except BankError as error:
            await self._not_posted(error)
            return None
        return await self._posted(replayed=moved.replayed)

    async def _ask(self, transaction_id: UUID, reason: str) -> Any:
        """At this bank a colleague has to approve so large a reversal."""
        actor = await actor_of(self)
        try:
            asked = await calls.call(
                approvals.ask, calls.bank().db, actor, Wish("reversal", f"transaction {transaction_id}"), reason=reason
            )
        except BankError as error:
            await self._not_posted(error)
            return None
        await notify(self, say("APPROVAL_ASKED"))
        return rx.redirect(f"/ops/approvals/{asked.id}")

    @exposed(staff=True)
    async def look(self) -> Any:
        """Looks what became of a press that was never answered."""
        if self.stage != "unsure":
            return None
        await self._look()
        if self.stage == "already":
            return await self._posted(replayed=False)
        self.stage, self.refused, self.code = "ready", say("OUTCOME_NOT_RECEIVED"), ""
        self.answer = new_answer()
        return None

    def _address(self) -> str:
        return self.router.url.path.rstrip("/").removesuffix("/reverse").rpartition("/")[2]

    def _read(self, form: object) -> tuple[Cause | None, str]:
        """Cause and reason of the form, after saying what is wrong with them."""
        chosen, reason = forms.field(form, "cause", 20), forms.field(form, "reason", 2_000)
        cause = next((known for known in Cause if known.value == chosen), None)
        self.cause_error = "" if cause else say("CAUSE_REQUIRED")
        self.reason_error = "" if length(reason) >= reasons.SHORTEST else say("REASON_REQUIRED")
        if (count := length(reason)) > LONGEST:
            self.reason_error = say("REASON_TOO_LONG", limit=LONGEST, count=count)
        found = (("cause", self.cause_error), ("reason", self.reason_error))
        self.problems = [Problem(name, text) for name, text in found if text]
        return cause, reason

    async def _posted(self, *, replayed: bool) -> Any:
        sheet = self.sheet
        done = say("REVERSAL_POSTED", amount=sheet.amount, to=sheet.to, reference=sheet.reference)
        await notify(self, done, "info" if replayed else "success")
        self.stage, self.refused, self.code = "ready", "", ""
        return rx.redirect(sheet.back, replace=True)

    async def _not_posted(self, error: BankError) -> None:
        if isinstance(error, Invalid) and not isinstance(error, IdempotencyKeyReused):
            self.problems = [Problem("reason", self.reason_error or error.detail)]
            return
        if isinstance(error, Refused | IdempotencyKeyReused):
            # The refusal is kept with the key for ever, and circumstances change: the next press is a new request.
            self._draft = str(new_id())
        await self._look()
        if not isinstance(error, AlreadyReversed) and self.stage == "ready":
            self.refused, self.code = self.blocked or refusal(error).text, error.code

    async def _look(self) -> None:
        """Reads the transaction and what reversing it would do."""
        actor, transaction_id = await actor_of(self), forms.identifier(self._address())
        self.failed = ""
        if transaction_id is None:
            self.stage = "missing"
            return
        try:
            file = await calls.read(lambda session: transaction_search.dossier(session, actor, transaction_id))
            self._show_original(file)
            found = await calls.read(lambda session: reversals.preview(session, actor, transaction_id))
        except NotFound:
            self.stage = "missing"
        except OwnAccount:
            self.stage, self.blocked = "forbidden", say("OWN_TRANSACTION")
        except Forbidden:
            self.stage, self.blocked = "forbidden", say("forbidden", role=ROLE_WORDS[actor.role])
        except Invalid:
            self.stage, self.blocked = "impossible", say("REVERSAL_OF_REVERSAL")
        except BankError as error:
            self.failed = refusal(error).text
        else:
            self._show(found)

    def _show_original(self, file: Dossier) -> None:
        view = file.transaction
        debit, credit = view.postings[0], view.postings[-1]
        payer, payee = debit.owner_name or "The bank", credit.owner_name or "the bank"
        verb = {"deposit": "took in cash for", "withdraw": "took out cash at"}.get(view.type, "sent")
        self.sheet = ReversalSheet(
            noun={"withdraw": "withdrawal"}.get(view.type, view.type.value),
            amount=money.display(view.amount_minor, view.currency),
            story=f"{payer} {verb} {payee}",
            reference=view.reference,
            posted=words.full_moment(view.created_at),
            note=view.description or "",
            initiator=f"{file.initiator}, {ROLE_WORDS[file.role].lower()}",
            key=file.key or "",
            back=f"{PATH}/{view.id}",
            zero=money.display(0, view.currency),
            to=debit.owner_name or debit.title,
            is_reversed=file.earlier is not None,
        )

    def _show(self, found: Preview) -> None:
        code = found.transaction.currency
        befores = [effect.available_minor for effect in found.effects]
        known = [minor for minor in befores if minor is not None]
        total = money.display(sum(known), code) if len(known) == len(befores) else ""
        self.sheet = _with_totals(self.sheet, total)
        self.effects = [_effect_line(effect, code) for effect in found.effects]
        self.checks = _checks(found)
        self.told = [_told(effect, code) for effect in found.effects if effect.owner_id]
        self.already = self.already_address = self.blocked = ""
        if found.earlier:
            self.stage = "already"
            self.already, self.already_address = _already(found.earlier), f"{PATH}/{found.earlier.id}"
        elif found.refusal:
            self.blocked = _blocked(found, found.refusal)
        if not found.earlier and self.stage in ("already", "missing", "forbidden", "impossible"):
            self.stage = "ready"


# --- in words -------------------------------------------------------------------------------------------


def _with_totals(sheet: ReversalSheet, total: str) -> ReversalSheet:
    # Money only changes sides, so both sides together have the same before and after.
    return ReversalSheet(**{**vars(sheet), "before": total, "after": total})


def _account(effect: Effect) -> str:
    return words.named(effect.title, effect.number) if effect.owner_id else "The bank’s own account"


def _effect_line(effect: Effect, code: str) -> EffectLine:
    state = f", {effect.status.value}" if effect.owner_id else ""
    kept = "Kept by the bank"
    return EffectLine(
        owner=effect.owner_name or effect.title,
        account=f"{_account(effect)}{state}",
        address=f"/ops/accounts/{effect.number}" if effect.owner_id else "",
        incoming=effect.change_minor > 0,
        before=kept if effect.available_minor is None else money.display(effect.available_minor, code),
        change=money.display(effect.change_minor, code, signed=True),
        after="" if effect.after_minor is None else money.display(effect.after_minor, code),
    )


def _checks(found: Preview) -> list[Check]:
    code, payer = found.transaction.currency, found.effects[0]
    checks = []
    if payer.available_minor is not None:
        enough = payer.available_minor >= -payer.change_minor
        has = money.display(payer.available_minor, code)
        needed = money.display(-payer.change_minor, code)
        checks.append(Check(f"{payer.owner_name} has {has} available; {needed} is needed", enough))
    checks.append(
        Check("Not reversed before", ok=True) if found.earlier is None else Check(_already(found.earlier), ok=False)
    )
    stuck = [effect for effect in found.effects if not effect.passes]
    checks += [Check(f"{effect.owner_name}: {_account(effect)} is {effect.status.value}", ok=False) for effect in stuck]
    if not stuck:
        checks.append(Check("Both accounts let it through", ok=True))
    return checks


def _already(earlier: Earlier) -> str:
    return say("REVERSAL_ALREADY", day=words.day(earlier.at), who=earlier.by_name)


def _blocked(found: Preview, error: BankError) -> str:
    """Why it cannot be posted now, with the names that the bank's people may know."""
    code, payer = found.transaction.currency, found.effects[0]
    stuck = next((effect for effect in found.effects if not effect.passes), payer)
    who, account = stuck.owner_name, _account(stuck)
    if error.code == "insufficient_funds" and payer.available_minor is not None:
        available = money.display(payer.available_minor, code)
        amount = money.display(-payer.change_minor, code)
        return say("REVERSAL_BLOCKED_FUNDS", who=payer.owner_name, available=available, amount=amount)
    variants = {"account_frozen": "REVERSAL_BLOCKED_FROZEN", "account_closed": "REVERSAL_BLOCKED_CLOSED"}
    return refusal(error, variant=variants.get(error.code, ""), who=who, account=account).text


def _told(effect: Effect, code: str) -> Told:
    amount = money.display(abs(effect.change_minor), code)
    if effect.change_minor > 0:
        return Told(effect.owner_name, f"{amount} came back to {effect.title}: a payment was reversed")
    return Told(effect.owner_name, f"{amount} was taken back from {effect.title}: a payment was reversed")
