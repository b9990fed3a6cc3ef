"""The ledger of an account as a CSV file, with the filters of the page."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy.orm import Session

from bank_app import clock
from bank_app.database import Database
from bank_app.domain import identifiers
from bank_app.services import accounts, history, statements
from bank_app.services.actor import Actor
from bank_app.services.lists import PAGE_OF_FILES, Page, Pages
from bank_app.streaming import File
from bank_app.ui import downloads
from bank_app.ui.downloads import CSV
from bank_app.ui.filters import Filters


def export_entries(db: Database, actor: Actor, account: str, query: Mapping[str, str]) -> File:
    """The file.

    Raises:
        InvalidAccountNumber: the address is not one of an account.
        AccountNotFound: no such account, or not one that `actor` may see.
        Invalid, InvalidAmount: a filter that cannot be understood.
    """
    number = identifiers.parse_account_number(account)
    view = db.read(lambda session: accounts.get_account(session, actor, number))
    wanted = Filters.of(query, view.currency)
    wanted.require()
    filters = wanted.to_history()

    def page(session: Session, cursor: str | None) -> Page[history.EntryView]:
        return history.history(session, actor, view.id, filters=filters, limit=PAGE_OF_FILES, cursor=cursor)

    name = f"{statements.stem(view)}_{clock.now():%Y-%m-%d}.csv"
    return downloads.file(name, CSV, history.entries_csv(Pages(db, page)))
