"""The audit trail in words: what was done, to what, where that can be looked at, and what changed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from bank_app.domain import money
from bank_app.domain.identifiers import reference
from bank_app.services.audit_records import AMOUNTS, Outcome, Place, RecordView
from bank_app.ui import words
from bank_app.ui.session import ROLE_WORDS

ACTIONS: Mapping[str, str] = {
    "account.open": "Opened account",
    "account.change": "Changed account",
    "transaction.reverse": "Reversed transaction",
    "customer.view": "Viewed customer",
    "customer.note": "Wrote a note",
    "bank.set_up": "Set the bank up",
    "hold.place": "Placed a hold",
    "hold.capture": "Captured a hold",
    "hold.release": "Released a hold",
    "payee.save": "Saved a payee",
    "payee.rename": "Renamed a payee",
    "payee.remove": "Removed a payee",
    "user.register": "Registered",
    "user.invite": "Invited",
    "user.role": "Changed role",
    "user.name": "Changed name",
    "user.email": "Confirmed an email",
    "user.email_proposed": "Proposed an email",
    "user.email_declined": "Declined an email",
    "sign_in.open": "Signed in",
    "sign_in.close": "Signed out",
    "sign_in.throttled": "Locked after wrong passwords",
    "sign_in.refresh_token_reused": "Used a token twice",
    "sign_in.disable": "Switched off sign-in",
    "sign_in.enable": "Switched on sign-in",
    "sign_in.unlock": "Unlocked sign-in",
    "sign_in.end_all": "Signed out everywhere",
    "sign_in.end": "Signed out a device",
    "sign_in.end_oldest": "Signed out the oldest of too many devices",
    "sign_in.end_others": "Signed out other devices",
    "second_step.on": "Turned on two-step sign-in",
    "second_step.off": "Turned off two-step sign-in",
    "second_step.reset": "Reset two-step sign-in",
    "second_step.new_codes": "Made new recovery codes",
    "second_step.proved": "Gave a code for something important",
    "password.change": "Changed password",
    "password.reset": "Chose a password by link",
    "password.link": "Made a password link",
    "cash.deposit": "Took in cash",
    "cash.withdraw": "Paid out cash",
    "approval.ask": "Asked for an approval",
    "approval.alone": "Did alone what takes two",
    "approval.approve": "Approved",
    "approval.refuse": "Refused an approval",
    "approval.withdraw": "Withdrew a request",
    "approval.outdated": "Closed an outdated request",
    "access.refused": "Tried what the role does not allow",
    "security.not_recorded": "Counted what was too much to record",
    "file.read": "Took a file away",
    "customer.read": "Looked at a customer",
    "list.read": "Looked at a list",
    "audit.verify": "Verified chain",
    "audit.verify_part": "Verified part of the chain",
    "books.check": "Checked books",
    "lab.start": "Started a lab run",
    "lab.stop": "Ended a lab run",
    "bank.restored": "Restored the bank",
}
OUTCOMES: Mapping[str, str] = {Outcome.DONE.value: "Done", Outcome.REFUSED.value: "Refused"}
_STATES = {"frozen": "Froze account", "open": "Unfroze account", "closed": "Closed account"}
_LONGEST_VALUE = 200
_HIDDEN = "Not shown while amounts are hidden."


@dataclass(frozen=True)
class Record:
    """One record in the list. An address that is empty leads nowhere."""

    number: int
    key: str
    no: str
    time: str
    day: str
    actor: str
    role: str
    action: str
    object: str
    object_address: str
    outcome: str
    reason: str
    address: str
    hash: str


@dataclass(frozen=True)
class Change:
    """One line of what changed: `−` before or `+` after."""

    sign: str
    field: str
    value: str


@dataclass(frozen=True)
class Link:
    """A record's place in the chain."""

    no: str
    hash: str


@dataclass(frozen=True)
class Detail:
    """One record with everything that is known of it."""

    no: str = ""
    key: str = ""
    actor: str = ""
    when: str = ""
    sealed: str = ""
    address: str = ""
    request: str = ""
    reason: str = ""
    object: str = ""
    object_address: str = ""
    before: Link = Link("", "")
    this: Link = Link("", "")
    after: Link = Link("", "")
    hash: str = ""
    document: str = ""


def action(name: str, changes: Mapping[str, Any] | None = None) -> str:
    """What was done. An action without words of its own is said by its name."""
    if name == "account.change" and changes:
        if "status" in changes:
            return _STATES.get(_after(changes["status"]), ACTIONS[name])
        if "nickname" in changes:
            return "Renamed account"
        if changes:
            return "Changed limits"
    noun, _, verb = name.partition(".")
    return ACTIONS.get(name) or f"{noun} {verb}".replace("_", " ").strip().capitalize()


def _after(pair: object) -> str:
    return str(pair[1]) if isinstance(pair, list) and len(pair) == 2 else ""


def thing(record: RecordView) -> tuple[str, str]:
    """The object in words, and where it can be looked at."""
    kind, _, name = record.object.partition(" ")
    if kind == "account" and name.isdigit():
        return f"Account {words.ending(name)}", f"/ops/accounts/{name}"
    if kind == "user" and _is_uuid(name):
        return record.subject or "Somebody", f"/ops/customers/{name}"
    if kind == "transaction" and _is_uuid(name):
        return f"Transaction {reference(UUID(name))}", f"/ops/transactions/{name}"
    if kind == "lab":
        return record.object.capitalize(), "/lab"
    return {"audit trail": ("All records", ""), "books": ("The books", "/ops/books")}.get(
        record.object, (record.object, "")
    )


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def actor(record: RecordView) -> tuple[str, str]:
    """Who did it and as what."""
    if record.actor is None:
        return "The bank", "By itself"
    return record.actor, ROLE_WORDS[record.role] if record.role else ""


def row(record: RecordView) -> Record:
    """A record as the list shows it."""
    who, role = actor(record)
    what, address = thing(record)
    return Record(
        number=record.number,
        key=f"record-{record.number}",
        no=f"{record.number:,}",
        time=words.time_of_day(record.created_at, seconds=True),
        day=words.day(record.created_at),
        actor=who,
        role=role,
        action=action(record.action, record.changes),
        object=what,
        object_address=address,
        outcome=record.outcome.value,
        reason=record.reason or "",
        address=record.address or "",
        hash=groups(record.hash[:8]),
    )


def detail(place: Place) -> Detail:
    """A record as its drawer shows it."""
    record = place.record
    who, role = actor(record)
    what, address = thing(record)
    moment = record.created_at
    return Detail(
        no=f"{record.number:,}",
        key=f"record-{record.number}",
        actor=f"{who}, {role}" if role else who,
        when=f"{words.full_moment(moment).removesuffix(' UTC')}.{moment.microsecond // 1000:03d} UTC",
        sealed=words.full_moment(record.sealed_at),
        address=record.address or "Not known",
        request=record.request_id or "",
        reason=record.reason or "",
        object=what,
        object_address=address,
        before=Link(f"{record.number - 1:,}" if record.number > 1 else "Start", groups(place.previous_hash[:8])),
        this=Link(f"{record.number:,}", groups(record.hash[:8])),
        after=Link(f"{record.number + 1:,}", groups(place.next_hash[:8])) if place.next_hash else Link("Newest", ""),
        hash=groups(record.hash),
        # It is kept in minor units, which are amounts as well.
        document=_HIDDEN if money.are_hidden() else place.document,
    )


def changes(record: RecordView) -> list[Change]:
    """What changed, before and after; what was not there before has no line of its own."""
    lines = []
    for name, pair in sorted(record.changes.items()):
        if not (isinstance(pair, list) and len(pair) == 2):
            lines.append(Change("+", name, _value(name, pair, record.currency)))
            continue
        if pair[0] is not None:
            lines.append(Change("−", name, _value(name, pair[0], record.currency)))
        if pair[1] is not None or pair[0] is not None:
            lines.append(Change("+", name, _value(name, pair[1], record.currency)))
    return lines


def _value(name: str, value: object, currency: str | None) -> str:
    if value is None:
        return "none"
    if name in AMOUNTS and currency and isinstance(value, int):
        return money.display(value, currency)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_VALUE else text[:_LONGEST_VALUE] + "…"


def groups(digest: str) -> str:
    """A hash in groups of four, as people compare them."""
    return " ".join(digest[start : start + 4] for start in range(0, len(digest), 4))
