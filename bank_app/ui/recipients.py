"""Who is to be paid: what a form of a transfer begins with, and what its answers come to."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from bank_app.domain import digits, money
from bank_app.domain.identifiers import parse_account_number
from bank_app.errors import AccountNotFound, BankError, InvalidAccountNumber
from bank_app.services import accounts, drafts, transfers, unfinished
from bank_app.services.accounts import AccountView, PayeeCheck
from bank_app.services.actor import Actor
from bank_app.ui import calls, forms
from bank_app.ui.components.fields import Problem
from bank_app.ui.messages import say
from bank_app.ui.money_form import number_of


@dataclass(frozen=True)
class Start:
    """What the form begins with."""

    source: int | None = None
    target: int | None = None
    name: str = ""
    amount: str = ""
    note: str = ""
    # The locale whose marks the amount was typed with, where that was at another time.
    written: str | None = None
    # An amount in the form of the API, and the currency that it is of if the account does not say.
    asked: str = ""
    currency: str = ""
    # Only of a form that was not finished: which way to name the recipient, and the number as far as it was typed.
    who: str = ""
    number: str = ""


@dataclass(frozen=True)
class Target:
    """Who is to be paid: the account, the name to show, and how the name was checked."""

    account_id: int
    name: str
    result: str


async def start_of_draft(actor: Actor, draft_id: Any) -> Start:
    """The form of a draft that was not sent; a blank one after it was."""
    draft = await calls.read(lambda session: drafts.get(session, actor, draft_id))
    if draft.kind != "transfer":
        return Start()
    try:
        sent = await calls.call(transfers.outcome_of, calls.bank().db, actor, draft.movement, key=draft.key)
    except BankError:
        sent = None
    # What was sent is over: coming back to its form begins a new one.
    if sent is not None:
        return Start(draft.from_account_id)
    amount = money.write(draft.amount_minor, draft.currency)
    return Start(draft.from_account_id, draft.to_account_id, draft.payee_name or "", amount, draft.description or "")


def start_of_form(form: unfinished.Form) -> Start:
    """A form as it was left."""
    if form.kind != "transfer":
        return Start()
    typed = defaultdict(str, form.fields)
    who = typed["who"]
    chosen = typed[who] if who in ("own", "paid") else typed["number"]
    return Start(
        number_of(typed["source"]), number_of(chosen), typed["name"], typed["amount"], typed["note"], form.written,
        who=who, number=typed["number"],
    )  # fmt: skip


async def start_of_transaction(actor: Actor, transaction_id: Any) -> Start:
    """The form that would send a transfer again."""
    view = await calls.read(lambda session: transfers.get_transaction(session, actor, transaction_id))
    if view.type != "transfer":
        return Start()
    sent, received = view.postings
    amount = money.write(view.amount_minor, view.currency)
    name = "" if received.only_numbered else received.owner_name
    return Start(number_of(sent.account_id), number_of(received.account_id), name, amount, view.description or "")


async def own_target(actor: Actor, form: dict, source: AccountView | None, problems: list[Problem]) -> Target | None:
    """Another account of the same person, or what is wrong with the choice."""
    number = number_of(forms.field(form, "own", 40))
    found = [] if number is None else await calls.read(lambda session: _one(session, actor, number))
    account = next((one for one in found if source is None or one.owner_id == source.owner_id), None)
    if account is None:
        problems.append(Problem("own", say("TARGET_REQUIRED")))
        return None
    if not account.can_receive:
        problems.append(Problem("own", say("RECIPIENT_CANNOT_RECEIVE")))
    if source and account.currency != source.currency:
        problems.append(Problem("own", say("currency_mismatch")))
    return Target(account.id, account.title, "own")


def _one(session: Any, actor: Actor, number: int) -> list[AccountView]:
    try:
        return [accounts.get_account(session, actor, number)]
    except AccountNotFound:
        return []


def number_problem(typed: str) -> str:
    """What is wrong with an account number: nothing typed, not ten digits, something else among them, or a typo."""
    if not typed:
        return say("RECIPIENT_REQUIRED")
    try:
        parse_account_number(typed)
    except InvalidAccountNumber as error:
        match error.details:
            case {"problem": "length", "count": count}:
                return say("RECIPIENT_FORMAT", count=count)
            case {"problem": "character", "character": character}:
                return say("RECIPIENT_CHARACTER", character=digits.named(character))
    return say("RECIPIENT_CHECK_DIGIT")


@dataclass(frozen=True)
class Verdict:
    """What comes of checking a name: `outcome` is empty if it lets one go on, or `close`, `none` or `fail`.

    `unanswered` says what is missing from somebody who was asked before.
    """

    outcome: str = ""
    said: str = ""
    suggestion: str = ""
    unanswered: str = ""


def verdict(found: PayeeCheck | None, typed: str, form: object, *, seen: bool) -> Verdict:
    """A match goes on; anything else is shown and wants an answer first. Without `found` nobody could be asked.

    `seen` says that the same number and name were judged before; the answer to a name that does not fit is the tick.
    """
    if found is None:
        return Verdict() if seen else Verdict("fail", say("NAME_UNAVAILABLE"))
    if found.result == "close" and found.suggestion:
        said = say("NAME_CLOSE", suggestion=found.suggestion, typed=typed)
        return Verdict("close", said, found.suggestion)
    # A box with an id arrives as a boolean, one without as its value.
    ticked = isinstance(form, dict) and form.get("checked") in (True, "yes")
    if found.result == "match" or (seen and ticked):
        return Verdict()
    return Verdict("none", say("NAME_NONE"), unanswered=say("NAME_NOT_CHECKED") if seen else "")
