"""Entries as rows of a page: direction in words, sign and icon, and a link to the receipt."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from bank_app.domain import money
from bank_app.domain.accounting import Direction, Role, TransactionType
from bank_app.domain.text import isolated
from bank_app.services.attempts import AttemptView
from bank_app.services.history import EntryView
from bank_app.services.holds import HoldView
from bank_app.ui import messages, words


@dataclass(frozen=True)
class Row:
    """One entry. The amount stands in `out` or in `into`; the other is empty. What was declined has no address."""

    key: str
    address: str
    kind: str
    title: str
    meta: str
    out: str
    into: str
    balance: str
    time: str
    when: str
    day: str
    incoming: bool
    amount: str
    badge: str = ""
    badge_address: str = ""


@dataclass(frozen=True)
class Day:
    """The entries of one day."""

    heading: str
    rows: list[Row] = field(default_factory=list)


@dataclass(frozen=True)
class Pending:
    """Money that is set aside and not posted yet."""

    key: str
    title: str
    meta: str
    amount: str
    until: str
    address: str


def pending(hold: HoldView) -> Pending:
    """An open hold as a row above the entries."""
    to = f" · To {words.ending(hold.to_account_id)}" if hold.to_account_id else ""
    return Pending(
        key=str(hold.id),
        title=hold.description or "Set aside",
        meta=f"Pending{to} · set aside {words.inside(words.when(hold.created_at))}",
        amount=money.display(-hold.amount_minor, hold.currency, signed=True),
        until=f"Until {words.inside(words.when(hold.expires_at))}",
        address=f"/accounts/{hold.account_id}",
    )


def beside(status: str, shown: Sequence[Row], cursor: str | None, held: Sequence[HoldView]) -> str:
    """How much of what is in no entry is shown."""
    if status == "declined":
        return f"{words.count(len(shown), 'attempt')} declined{' so far' if cursor else ''} · no money moved"
    sums: dict[str, int] = {}
    for hold in held:
        sums[hold.currency] = sums.get(hold.currency, 0) + hold.amount_minor
    aside = "".join(f" · {money.display(minor, code)} set aside" for code, minor in sums.items())
    return f"{len(held):,} pending{aside}"


def row(entry: EntryView) -> Row:
    """One entry as its account sees it."""
    incoming = entry.direction is Direction.CREDIT
    own = entry.counterparty is not None and entry.counterparty.own
    reversal = entry.reverses is not None
    said = words.moved(entry.type, entry.direction, own=own)
    amount = money.display(entry.signed_minor, entry.currency, signed=True)
    linked = entry.reverses or entry.reversed_by
    return Row(
        key=f"{entry.account_id}-{entry.sequence}",
        address=f"/transactions/{entry.transaction_id}",
        kind="reversal" if reversal else "own" if own else "in" if incoming else "out",
        title=_title(entry, incoming=incoming, own=own),
        meta=f"{said} · {isolated(entry.description)}" if entry.description else said,
        out="" if incoming else amount,
        into=amount if incoming else "",
        balance=money.display(entry.balance_after_minor, entry.currency),
        time=words.time_of_day(entry.created_at),
        when=words.when(entry.created_at),
        day=words.day_heading(entry.created_at),
        incoming=incoming,
        amount=amount,
        badge="" if linked is None else "See original" if reversal else "Reversed",
        badge_address="" if linked is None else f"/transactions/{linked}",
    )


def attempted(tried: AttemptView) -> str:
    """What somebody wanted to do: `Transfer to Ben Ito`."""
    kind = {**words.TYPE_WORDS, "hold": "Setting aside"}.get(tried.kind, tried.kind)
    to = tried.to_name or (words.ending(tried.to_account) if tried.to_account.isdigit() else "")
    return f"{kind} to {isolated(to)}" if to and tried.kind == "transfer" else kind


def why(tried: AttemptView, account: str, role: Role, bank: str) -> str:
    """Why the bank refused it, in a sentence; `account` is what the account is called."""
    needed = money.display(tried.amount_minor, tried.currency)
    return messages.refusal(tried.error, account=account, needed=needed, role=role.value, bank=bank).text


def declined(tried: AttemptView, reason: str) -> Row:
    """A movement that the bank refused, among entries: no balance came of it, and no receipt."""
    amount = money.display(-tried.amount_minor, tried.currency, signed=True)
    return Row(
        key=tried.id,
        address="",
        kind="declined",
        title=attempted(tried),
        meta=f"Declined · {reason}",
        out=amount,
        into="",
        balance="",
        time=words.time_of_day(tried.at),
        when=words.when(tried.at),
        day=words.day_heading(tried.at),
        incoming=False,
        amount=amount,
    )


def _title(entry: EntryView, *, incoming: bool, own: bool) -> str:
    if entry.type in (TransactionType.DEPOSIT, TransactionType.WITHDRAW):
        return words.TYPE_WORDS[entry.type]
    name = entry.counterparty.name if entry.counterparty else "Several accounts"
    return f"{'From' if incoming else 'To'} {isolated(name)}" if own else name


def days(entries: Iterable[Row]) -> list[Day]:
    """Rows under the headings of their days, in the order they come."""
    return [Day(heading, list(group)) for heading, group in groupby(entries, key=lambda entry: entry.day)]
