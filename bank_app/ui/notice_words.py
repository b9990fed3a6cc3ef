"""Notices in words: as a line of the list, as an echo, and as what is said to people who do not see the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from bank_app.domain import money
from bank_app.domain.accounting import AccountStatus, FrozenFor, TransactionType
from bank_app.domain.text import isolated
from bank_app.services.notices import SECURITY, Notice, NoticeKind
from bank_app.ui import words
from bank_app.ui.messages import say

_LIMITS = {
    "overdraft_limit": "Overdraft limit",
    "transfer_limit": "Limit for one payment",
    "daily_limit": "Limit for a day",
}


@dataclass(frozen=True)
class Line:
    """One notice of the list, ready-made."""

    key: str = ""
    address: str = ""
    symbol: str = ""
    title: str = ""
    meta: str = ""
    time: str = ""
    day: str = ""
    new: bool = False
    incoming: bool = False


def line(notice: Notice, bank: str) -> Line:
    """A notice as the list shows it."""
    title, meta = _said(notice, bank)
    return Line(
        key=notice.key,
        address=_address(notice),
        symbol=_symbol(notice),
        title=title,
        meta=meta,
        time=words.time_of_day(notice.at),
        day=words.day_heading(notice.at),
        new=notice.new,
        incoming=notice.amount_minor > 0,
    )


def is_urgent(notice: Notice) -> bool:
    """What should not wait until somebody has finished listening to something else."""
    return notice.kind in (NoticeKind.SECURITY, NoticeKind.SIGN_IN)


def echo(fresh: Sequence[Notice], bank: str) -> str:
    """The newest at the edge of the page, and how many came with it."""
    newest = fresh[0]
    text = _sentence(newest, bank)
    others = len(fresh) - 1
    return f"{text} {say('NOTICES_MORE', count=words.count(others, 'more', 'more'))}" if others else text


def announcement(fresh: Sequence[Notice]) -> str:
    """Everything at once, each account only once, as in `Everyday now $1,265.00, $25.00 in from Ben Ito`."""
    moved = [notice for notice in fresh if notice.account and notice.amount_minor]
    sentences = []
    for _, group in groupby(sorted(moved, key=_account), key=_account):
        found = list(group)
        newest = max(found, key=lambda notice: notice.at)
        if newest.account is None:
            continue
        now = money.display(newest.account.available_minor, newest.account.currency)
        how = _way(newest) if len(found) == 1 else words.count(len(found), "entry", "entries")
        sentences.append(f"{isolated(newest.account.title)} now {now}, {how}.")
    sentences += [f"{_said(notice, '')[0]}." for notice in fresh if notice not in moved]
    return " ".join(sentences)


def _account(notice: Notice) -> int:
    return notice.account.id if notice.account else 0


def _way(notice: Notice) -> str:
    amount, who = _amount(notice), isolated(notice.counterparty or "")
    if notice.amount_minor > 0:
        return f"{amount} in from {who}" if who else f"{amount} in"
    return f"{amount} out to {who}" if who else f"{amount} out"


def _sentence(notice: Notice, bank: str) -> str:
    """One notice as an echo."""
    if notice.account and notice.action == TransactionType.TRANSFER and notice.amount_minor > 0:
        now = money.display(notice.account.available_minor, notice.account.currency)
        return say(
            "TRANSFER_RECEIVED",
            who=notice.counterparty,
            amount=_amount(notice),
            account=notice.account.title,
            balance=now,
        )
    title, meta = _said(notice, bank)
    return f"{title}. {meta}." if meta and not meta.endswith(".") else f"{title}. {meta}".strip()


def _said(notice: Notice, bank: str) -> tuple[str, str]:
    """What happened, and what there is to know about it."""
    if notice.kind is NoticeKind.SIGN_IN:
        return "New sign-in to your account", device(notice.device) if notice.action == "browser" else "A program"
    if notice.kind is NoticeKind.SECURITY:
        return SECURITY.get(notice.action, notice.action), ""
    if notice.account is None:
        return "", ""
    if notice.kind is NoticeKind.ACCOUNT:
        return _changed(isolated(notice.account.title), notice.account.currency, notice.changes, bank)
    return _moved(notice, isolated(notice.account.title))


def _moved(notice: Notice, title: str) -> tuple[str, str]:
    amount, incoming, who = _amount(notice), notice.amount_minor > 0, isolated(notice.counterparty or "")
    after = money.display(notice.balance_after_minor, notice.account.currency) if notice.account else ""
    meta = f"{title} {words.ending(notice.account.number) if notice.account else ''} · balance {after}"
    if notice.kind is NoticeKind.REVERSAL:
        way = "came back from" if incoming else "went back to"
        return f"{amount} {way} {who or 'the bank'}", f"A payment was reversed · {meta}"
    if notice.description:
        meta += f" · {isolated(notice.description)}"
    if notice.action == TransactionType.DEPOSIT:
        return f"{amount} added to {title}", meta
    if notice.action == TransactionType.WITHDRAW:
        return f"{amount} withdrawn from {title}", meta
    if incoming:
        return f"{who or 'Somebody'} sent you {amount}", meta
    return f"{amount} sent from {title} to {who or 'somebody'}", meta


def _amount(notice: Notice) -> str:
    return money.display(abs(notice.amount_minor), notice.account.currency) if notice.account else ""


def _changed(title: str, currency: str, changes: Mapping[str, Any], bank: str) -> tuple[str, str]:
    status = _after(changes, "status")
    if status == AccountStatus.FROZEN or (status is None and "frozen_for" in changes):
        neither = _after(changes, "frozen_for") == FrozenFor.ALL
        how = "Money can neither arrive nor leave" if neither else "Money can arrive but can't leave"
        return f"{title} is frozen", f"{how}. Contact {bank}." if bank else how
    if status == AccountStatus.OPEN:
        return f"{title} is open again", "Money can arrive and leave."
    if status == AccountStatus.CLOSED:
        return f"{title} was closed", "It can be read, and nothing can move."
    parts = []
    for name, says in _LIMITS.items():
        if name in changes:
            limit = _after(changes, name)
            parts.append(f"{says}: {money.display(int(limit), currency) if limit is not None else 'none'}")
    return f"Limits of {title} changed", " · ".join(parts)


def _after(changes: Mapping[str, Any], name: str) -> Any:
    """What it is now, if it changed."""
    pair = changes.get(name)
    return pair[1] if isinstance(pair, list | tuple) and len(pair) == 2 and pair[0] != pair[1] else None


def _symbol(notice: Notice) -> str:
    if notice.kind is NoticeKind.MONEY:
        return "in" if notice.amount_minor > 0 else "out"
    if notice.kind is NoticeKind.ACCOUNT and _after(notice.changes, "status") == AccountStatus.FROZEN:
        return "frozen"
    return notice.kind.value


def _address(notice: Notice) -> str:
    if notice.transaction_id:
        return f"/transactions/{notice.transaction_id}"
    if notice.account:
        return f"/accounts/{notice.account.number}"
    return "/settings/profile" if notice.action in ("user.name", "user.email_proposed") else "/settings/security"


_BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
_SYSTEMS = (
    ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"), ("Mac OS", "Mac"),
    ("Linux", "Linux"),
)  # fmt: skip


def device(user_agent: str) -> str:
    """`Firefox on Linux`, as far as what a browser says of itself can be trusted."""
    browser = next((name for sign, name in _BROWSERS if sign in user_agent), "A browser")
    system = next((name for sign, name in _SYSTEMS if sign in user_agent), "")
    return f"{browser} on {system}" if system else browser
