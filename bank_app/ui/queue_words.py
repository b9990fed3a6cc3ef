"""The queue in words: what waits, why it is here, for how long, and where somebody can do something about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bank_app.domain import money
from bank_app.domain.accounting import FrozenFor, Role
from bank_app.domain.text import isolated
from bank_app.services.queue import Item, Kind, Queue
from bank_app.services.right_now import Done
from bank_app.ui import audit_words, words
from bank_app.ui.session import ROLE_WORDS

KIND_WORDS = {
    Kind.CHAIN.value: "Audit chain",
    Kind.BOOKS.value: "Books",
    Kind.APPROVAL.value: "Approvals",
    Kind.VOLUME.value: "Unusual volume",
    Kind.LOCKED.value: "Locked sign-ins",
    Kind.FROZEN.value: "Frozen, arrivals",
    Kind.HOLD.value: "Holds to check",
    Kind.OVERDRAWN.value: "Below zero",
}
_NUMBERS = ("Nothing", "One thing", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten", "Eleven",
            "Twelve")  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One thing that waits, as the table shows it. `tone` colours its sign."""

    key: str
    kind: str
    tone: str
    title: str
    about: str
    amount: str
    why: str
    more: str
    waiting: str
    action: str
    address: str


@dataclass(frozen=True)
class Counter:
    """How much of one kind waits: a number or a word, and a line below it."""

    kind: str
    name: str
    value: str
    is_word: bool
    tone: str
    detail: str
    address: str


@dataclass(frozen=True)
class Deed:
    """What one of the bank's people did."""

    key: str
    time: str
    who: str
    did: str


def heading(total: int) -> str:
    """`Seven things need you`."""
    if total == 0:
        return "Nothing needs you"
    if total == 1:
        return "One thing needs you"
    return f"{_NUMBERS[total] if total < len(_NUMBERS) else f'{total:,}'} things need you"


def age(since: timedelta) -> str:
    """How long something waits: `6 min`, `2 h 41 min`, `1 d 4 h`."""
    minutes = max(1, int(since.total_seconds()) // 60)
    hours, days = minutes // 60, minutes // 1440
    if hours == 0:
        return f"{minutes} min"
    if days == 0:
        return f"{hours} h {minutes % 60:02d} min" if minutes % 60 else f"{hours} h"
    return f"{days} d {hours % 24} h" if hours % 24 else f"{days} d"


def row(item: Item, now: datetime) -> Row:
    """One line of the table."""
    title, why, more = _said(item, now)
    return Row(
        key=f"{item.kind.value}-{_which(item)}-{int(item.since.timestamp() * 1000)}",
        kind=item.kind.value,
        tone=_TONES.get(item.kind, ""),
        title=title,
        about=_about(item),
        amount=_or_none(item.amount_minor, item.currency),
        why=why,
        more=more,
        waiting=age(now - item.since),
        action="Look" if item.kind is Kind.VOLUME else "Open",
        address=_address(item),
    )


def _which(item: Item) -> str:
    return item.account or str(item.person_id or item.approval_id or "")


def _address(item: Item) -> str:
    if item.kind is Kind.CHAIN:
        return "/ops/audit"
    if item.kind is Kind.BOOKS:
        return "/ops/books"
    if item.kind is Kind.APPROVAL:
        return f"/ops/approvals/{item.approval_id}"
    if item.kind is Kind.LOCKED:
        return "/ops/users" if item.staff else f"/ops/customers/{item.person_id}"
    return f"/ops/accounts/{item.account}"


_WISHES = {
    "password_link": "New password to approve",
    "second_step": "Two-step sign-in to turn off",
    "unlock": "Sign-in to unlock",
    "enable": "Sign-in to enable",
    "role": "Role to approve",
    "limits": "Limits to approve",
    "reversal": "Reversal to approve",
    "export": "Files to approve",
}
_TONES = {Kind.CHAIN: "bad", Kind.BOOKS: "bad", Kind.VOLUME: "warn", Kind.LOCKED: "warn", Kind.FROZEN: "info",
          Kind.APPROVAL: "info"}  # fmt: skip


def _said(item: Item, now: datetime) -> tuple[str, str, str]:
    """What waits, why it is here, and one thing more."""
    match item.kind:
        case Kind.CHAIN:
            title, why = "The audit chain waits to be verified", f"Not verified for {age(now - item.since)}"
            if item.number:
                title, why = "The audit chain is broken", "A record does not follow from the one before it"
            said = title, why, f"Last verified {_when(item.since)}"
        case Kind.BOOKS:
            said = "The books are off", "A check found what does not add up", f"Checked {_when(item.since)}"
        case Kind.APPROVAL:
            left = f"Expires in {age((item.until or now) - now)}"
            said = _WISHES.get(item.what, "A colleague asks"), f"Asked by {isolated(item.by)}", left
        case Kind.VOLUME:
            why = f"{item.count} payments in {item.minutes} min, usually {item.usual or 'none'}"
            said = "Unusual volume", why, f"The first at {words.time_of_day(item.since)}"
        case Kind.LOCKED:
            again = f"Can try again at {words.time_of_day(item.until or now)}"
            said = "Sign-in locked", f"{item.count} wrong passwords", again
        case Kind.FROZEN:
            why = f"{words.count(item.count, 'arrival')} since {_when(item.frozen_at or item.since)}"
            scope = "everything" if item.scope is FrozenFor.ALL else "outgoing"
            said = "Money arrived in a frozen account", why, f"Frozen for {scope}{f' by {item.by}' if item.by else ''}"
        case Kind.HOLD:
            until = item.until or now
            soon = until - now <= timedelta(days=1)
            title = "Money set aside ends soon" if soon else "Much money set aside"
            ends = f"Ends in {age(until - now)}" if soon else f"Until {words.day(until)}"
            said = title, ends, "Then it is free again, unless it is taken"
        case Kind.OVERDRAWN:
            allowed = _or_none(item.limit_minor, item.currency)
            said = "Account below zero", f"Overdraft limit {allowed}", f"Since {_when(item.since)}"
    return said


def _when(at: datetime) -> str:
    """`today, 14:03` or `Thu 19 Nov`, inside of a sentence."""
    return words.when(at).replace("Today", "today", 1)


def _about(item: Item) -> str:
    if item.kind is Kind.BOOKS:
        return "The whole ledger"
    if item.kind is Kind.CHAIN:
        return f"Record {item.number:,}" if item.number else "The whole trail"
    return f"{words.named(item.title, item.account)} · {isolated(item.person)}" if item.account else item.person


def _or_none(minor: int | None, currency: str) -> str:
    return money.display(minor, currency) if minor is not None else ""


# --- counters -------------------------------------------------------------------------------------------


def counters(queue: Queue) -> list[Counter]:
    """The strip above the table: a number for what can be many, a word for what is or is not."""
    made = [_counted(queue, kind) for kind in (Kind.LOCKED, Kind.FROZEN, Kind.HOLD, Kind.OVERDRAWN, Kind.VOLUME)]
    chain, books = queue.chain, queue.books
    word, tone = ("Broken", "bad") if chain.broken_at is not None else ("Intact", "ok")
    word, tone = (word, tone) if chain.at else ("Not yet", "")
    seen = f"verified {_moment(chain.at)}" if chain.at else "never verified"
    made.append(Counter(Kind.CHAIN.value, KIND_WORDS[Kind.CHAIN], word, True, tone, seen, "/ops/audit"))
    word, tone = ("Balance", "ok") if books.ok else ("Off", "bad")
    word, tone = (word, tone) if books.at else ("Not yet", "")
    seen = f"checked {_moment(books.at)}" if books.at else "never checked"
    made.append(Counter(Kind.BOOKS.value, KIND_WORDS[Kind.BOOKS], word, True, tone, seen, "/ops/books"))
    return made


def _counted(queue: Queue, kind: Kind) -> Counter:
    own = [item for item in queue.items if item.kind is kind]
    detail = f"oldest {age(queue.at - min(item.since for item in own))}" if own else "none"
    currencies = {item.currency for item in own}
    if kind in (Kind.FROZEN, Kind.OVERDRAWN, Kind.HOLD) and len(currencies) == 1 and len(own) == queue.counts[kind]:
        detail = money.display(sum(item.amount_minor or 0 for item in own), currencies.pop())
        detail += " waiting" if kind is Kind.FROZEN else ""
    if kind is Kind.HOLD and queue.open_holds > queue.counts[kind]:
        # The others are small and have time; that there are some is no secret.
        detail = f"of {queue.open_holds:,} open"
    count = f"{queue.counts[kind]:,}"
    return Counter(kind.value, KIND_WORDS[kind], count, False, "", detail, f"/ops?kind={kind.value}")


def _moment(at: datetime) -> str:
    """The time of today, the day of any other."""
    said = words.when(at)
    return said.removeprefix("Today, ")


# --- what was done --------------------------------------------------------------------------------------


def deed(done: Done) -> Deed:
    """One line of the day."""
    did = _did(done)
    return Deed(
        key=str(done.id),
        time=words.time_of_day(done.at),
        who=done.who,
        did=f"{did}, “{done.reason}”" if done.reason else did,
    )


_PLAIN = {
    "account.open": "opened an account for {about}",
    "transaction.reverse": "reversed {about}",
    "customer.note": "wrote a note about {about}",
    "sign_in.disable": "switched off sign-in for {about}",
    "sign_in.enable": "switched on sign-in for {about}",
    "sign_in.unlock": "unlocked sign-in for {about}",
    "sign_in.end_all": "signed {about} out everywhere",
    "user.invite": "invited {about}",
    "user.name": "changed the name of {about}",
    "user.email_proposed": "proposed another email for {about}",
    "password.link": "made a password link for {about}",
    "second_step.reset": "turned off two-step sign-in of {about}",
    "second_step.on": "turned on two-step sign-in of their own",
    "second_step.off": "turned off two-step sign-in of their own",
    "second_step.new_codes": "made new recovery codes of their own",
    "hold.place": "set money aside",
    "hold.capture": "captured a hold",
    "hold.release": "released a hold",
    "bank.set_up": "set the bank up",
    "approval.ask": "asked for an approval about {about}",
    "approval.alone": "did alone what takes two, about {about}",
    "approval.approve": "approved what a colleague asked for about {about}",
    "approval.refuse": "refused what a colleague asked for about {about}",
    "approval.withdraw": "withdrew a request about {about}",
    "approval.outdated": "closed an outdated request about {about}",
    "access.refused": "tried what the role does not allow",
    "password.change": "changed a password of their own",
    "cash.deposit": "took in {amount} cash for {about}",
    "cash.withdraw": "paid out {amount} cash to {about}",
}


def _did(done: Done) -> str:
    if done.action == "account.change":
        return _changed(done)
    if done.action == "user.role":
        role = _after(done.changes, "role")
        return f"gave {done.about} the role {ROLE_WORDS[Role(role)] if role in set(Role) else role}"
    if done.action in ("audit.verify", "audit.verify_part"):
        count = _after(done.changes, "checked")
        checked = f"{count:,}" if isinstance(count, int) else count
        return f"verified the chain: {checked} records {_after(done.changes, 'result')}"
    if done.action == "books.check":
        return "checked the books: they " + ("balance" if _after(done.changes, "result") == "balance" else "are off")
    sentence = _PLAIN.get(done.action)
    if sentence is None:
        said = audit_words.action(done.action)
        return f"{said[0].lower()}{said[1:]}: {done.about}"
    amount = money.display(done.amount_minor, done.currency) if done.currency else ""
    return sentence.format(about=done.about, amount=amount)


def _changed(done: Done) -> str:
    status = _after(done.changes, "status")
    verbs = {"frozen": "froze", "closed": "closed", "open": "unfroze"}
    if status in verbs:
        return f"{verbs[status]} {done.about}"
    if set(done.changes) & {"overdraft_limit", "transfer_limit", "daily_limit"}:
        return f"changed limits of {done.about}"
    return f"renamed {done.about}" if "nickname" in done.changes else f"changed {done.about}"


def _after(changes: Mapping[str, Any], name: str) -> Any:
    pair = changes.get(name)
    return pair[1] if isinstance(pair, list) and len(pair) == 2 else None
