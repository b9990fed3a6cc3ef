"""The ledger of an account as a CSV file, with the filters of the page."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping

from sqlalchemy.orm import Session

from bank_app import clock
from bank_app.domain import identifiers, money
from bank_app.domain.accounting import Direction
from bank_app.services import accounts, history
from bank_app.services.auth import Actor
from bank_app.ui.filters import Filters

COLUMNS = (
    "posted_at", "reference", "type", "counterparty", "memo",
    "direction", "amount", "currency", "balance_after", "entry_id",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_PAGE = 200


def export_entries(session: Session, actor: Actor, account: str, query: Mapping[str, str]) -> tuple[str, str]:
    """The name and the text of the file.

    Raises:
        AccountNotFound: no such account, or not one that `actor` may see.
    """
    view = accounts.get_account(session, actor, identifiers.parse_account_number(account))
    filters = Filters.of(query).to_history()
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    cursor: str | None = None
    while True:
        page = history.history(session, actor, view.id, filters=filters, limit=_PAGE, cursor=cursor)
        writer.writerows(_row(entry) for entry in page.items)
        cursor = page.next_cursor
        if cursor is None:
            break
    safe = "".join(letter if letter.isalnum() else "-" for letter in view.title.lower()).strip("-") or "account"
    return f"{safe}-{view.number[-4:]}_{clock.now():%Y-%m-%d}.csv", out.getvalue()


def _row(entry: history.EntryView) -> tuple[str, ...]:
    signed = entry.amount_minor if entry.direction == Direction.CREDIT else -entry.amount_minor
    return (
        clock.to_text(entry.created_at),
        identifiers.reference(entry.transaction_id),
        str(entry.type),
        _plain(entry.counterparty.name if entry.counterparty else ""),
        _plain(entry.description or ""),
        str(entry.direction),
        money.to_text(signed, entry.currency),
        entry.currency,
        money.to_text(entry.balance_after_minor, entry.currency),
        f"{entry.account_id}-{entry.sequence}",
    )


def _plain(text: str) -> str:
    """Text that a spreadsheet will not take for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text
