"""What two of the bank's people decide together, in words: what exactly will happen, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bank_app.domain import money
from bank_app.domain.accounting import Role
from bank_app.domain.identifiers import reference
from bank_app.domain.text import isolated
from bank_app.services import approval_kinds
from bank_app.services.approvals import ApprovalView, State
from bank_app.settings import Settings
from bank_app.ui import forms, words
from bank_app.ui.session import ROLE_WORDS

_LIMITS = {"overdraft_limit": "Overdraft limit", "transfer_limit": "At most at once", "daily_limit": "At most in a day"}
STATES = {
    State.PENDING: "Waiting",
    State.DONE: "Done",
    State.REFUSED: "Refused",
    State.WITHDRAWN: "Withdrawn",
    State.OUTDATED: "Out of date",
    State.EXPIRED: "Expired",
}


@dataclass(frozen=True)
class Line:
    """One fact of what will happen: what it is now, if that changes, and then."""

    name: str
    value: str


@dataclass(frozen=True)
class Approval:
    """A request as pages show it."""

    id: str = ""
    address: str = ""
    title: str = ""
    about: str = ""
    about_address: str = ""
    happens: str = ""
    facts: tuple[Line, ...] = ()
    reason: str = ""
    asker: str = ""
    asked: str = ""
    until: str = ""
    state: str = ""
    state_word: str = ""
    decided: str = ""
    answer: str = ""
    digest: str = ""
    mine: bool = False
    may_decide: bool = False
    halves: bool = False


def approval(view: ApprovalView, settings: Settings) -> Approval:
    """A request in words."""
    title, happens, facts = _said(view, settings)
    about, address = _about(view)
    return Approval(
        id=str(view.id),
        address=f"/ops/approvals/{view.id}",
        title=title,
        about=about,
        about_address=address,
        happens=happens,
        facts=tuple(facts),
        reason=isolated(view.reason),
        asker=view.asker,
        asked=words.when(view.asked_at),
        until=words.when(view.expires_at),
        state=view.state.value,
        state_word=STATES[view.state],
        decided=_decided(view),
        answer=isolated(view.answer),
        digest=view.digest,
        mine=view.mine,
        may_decide=view.may_decide,
        halves=view.kind == approval_kinds.PASSWORD_LINK,
    )


def _decided(view: ApprovalView) -> str:
    if view.decided_at is None:
        return ""
    at = words.inside(words.when(view.decided_at))
    if view.state is State.DONE and not view.decider:
        return f"Done {at} without anybody else: nobody at the bank could have approved it"
    said = {State.DONE: "Approved", State.REFUSED: "Refused", State.WITHDRAWN: "Withdrawn"}
    return f"{said.get(view.state, 'Closed')} {at} by {isolated(view.decider)}"


def _about(view: ApprovalView) -> tuple[str, str]:
    """Whom or what it is about, and where that is."""
    noun, _, name = view.subject.partition(" ")
    if noun == "user":
        person = str(view.before.get("name") or "Somebody")
        return isolated(person), f"/ops/customers/{name}"
    if noun == "account":
        return words.grouped(name), f"/ops/accounts/{name}"
    if noun == "transaction":
        wanted = forms.identifier(name)
        return (reference(wanted) if wanted else name), f"/ops/transactions/{name}"
    return approval_kinds.EXPORTS.get(name, name), ""


def _said(view: ApprovalView, settings: Settings) -> tuple[str, str, list[Line]]:
    before, who = view.before, isolated(str(view.before.get("name") or "This person"))
    asker, email = isolated(view.asker), Line("Signs in as", str(before.get("email", "")))
    guarded = f"For {settings.recovery_hours} hours little can leave their accounts, and nothing to the two of you."
    match view.kind:
        case approval_kinds.PASSWORD_LINK:
            happens = (
                f"{who} chooses a new password with two halves of a code: {asker} was shown the first, whoever "
                f"approves is shown the second. All devices are signed out. {guarded}"
            )
            said = "New password", happens, [email]
        case approval_kinds.SECOND_STEP:
            happens = f"From then on the password of {who} is enough to sign in. {guarded}"
            said = "Turn off two-step sign-in", happens, [email]
        case approval_kinds.UNLOCK:
            said = "Unlock sign-in", f"{who} can try to sign in again at once.", [email]
        case approval_kinds.ENABLE:
            said = "Enable sign-in", f"{who} can sign in again with the same password.", [email]
        case approval_kinds.ROLE:
            change = f"{_role(before.get('role'))} → {_role(view.change.get('role'))}"
            happens = f"{who} can do what the new role may, from the next press on."
            said = "Change role", happens, [email, Line("Role", change)]
        case approval_kinds.LIMITS:
            said = "Change limits", "More may leave the account than now.", _limits(before, view.change)
        case approval_kinds.REVERSAL:
            amount = Line("Amount", _money(before.get("amount"), before.get("currency")))
            sides = [Line("Side", str(side)) for side in before.get("sides", ())]
            happens = "The transaction is taken back in full, with a mirror of it. The original stays."
            said = "Reverse a transaction", happens, [amount, *sides]
        case _:
            said = "Take files away", f"{asker} can take this away as a file, for an hour. Each file is logged.", []
    return said


def _role(name: object) -> str:
    return ROLE_WORDS[Role(str(name))] if str(name) in set(Role) else str(name)


def _limits(before: Mapping[str, Any], change: Mapping[str, Any]) -> list[Line]:
    code = before.get("currency")
    return [
        Line(name, f"{_money(before.get(key), code)} → {_money(change.get(key), code)}")
        for key, name in _LIMITS.items()
    ]


def _money(text: object, code: object) -> str:
    if text is None:
        return "none"
    try:
        return money.display(money.from_text(str(text), str(code)), str(code))
    except ValueError:
        return f"{text} {code}"
