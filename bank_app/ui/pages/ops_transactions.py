"""For the bank's people: finding any transaction of the bank by what somebody knows of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import reflex as rx

from bank_app.domain import money
from bank_app.errors import BankError
from bank_app.services import accounts, transaction_search
from bank_app.services.lists import Page
from bank_app.services.transaction_search import FoundTransaction
from bank_app.services.transfers import PostingView
from bank_app.ui import calls, messages, words
from bank_app.ui.components.browser import focus_on_change
from bank_app.ui.components.desk import (
    chip,
    columns,
    filter_input,
    filter_select,
    filter_trouble,
    find_box,
    listing,
    posted_badge,
    row_bones,
)
from bank_app.ui.components.filters import amounts_and_dates, currency_filter, filter_form
from bank_app.ui.components.live import freshness, new_rows_pill
from bank_app.ui.components.parts import document_link, empty, failed_panel, icon, link, load_more, page_head, waiting
from bank_app.ui.components.shell import shell
from bank_app.ui.filters import TYPE_WORDS, Chip
from bank_app.ui.guard import exposed
from bank_app.ui.notices import is_full
from bank_app.ui.session import ROLE_WORDS, actor_of
from bank_app.ui.transaction_filters import PATH, STATUS_WORDS, TransactionFilters

_PAGE = 25


@dataclass(frozen=True)
class TransactionRow:
    """One transaction in the list."""

    key: str
    address: str
    reference: str
    kind: str
    memo: str
    when: str
    time: str
    source: str
    source_number: str
    target: str
    target_number: str
    amount: str
    initiator: str
    role: str
    is_reversed: bool


def _side(side: PostingView) -> tuple[str, str]:
    return (side.owner_name, words.ending(side.account_id)) if side.owner_name else (side.title, "The bank’s own")


def transaction_row(found: FoundTransaction) -> TransactionRow:
    """A transaction as the list shows it."""
    view = found.transaction
    source, source_number = _side(view.postings[0])
    target, target_number = _side(view.postings[-1])
    return TransactionRow(
        key=f"tx-{view.id}",
        address=f"{PATH}/{view.id}",
        reference=view.reference,
        kind=words.TYPE_WORDS[view.type],
        memo=view.description or "",
        when=words.day(view.created_at),
        time=words.time_of_day(view.created_at, seconds=True),
        source=source,
        source_number=source_number,
        target=target,
        target_number=target_number,
        amount=money.display(view.amount_minor, view.currency),
        initiator=found.initiator,
        role=ROLE_WORDS[found.role],
        is_reversed=view.reversed_by is not None,
    )


class TransactionListState(rx.State):
    """The list; what is looked for stands in the address."""

    loaded: bool = False
    failed: str = ""
    filters: TransactionFilters = TransactionFilters()
    # What stands in the form, which may be what could not be understood.
    asked: TransactionFilters = TransactionFilters()
    currencies: list[str] = []
    filtered: bool = False
    filter_count: int = 0
    unfolded: bool = False
    chips: list[Chip] = []
    rows: list[TransactionRow] = []
    said: str = ""
    export: str = ""
    more: bool = False
    # How far back an unfinished search got; empty when all was looked through that had to be.
    searched: str = ""
    fresh: int = 0
    first_new: str = ""
    loads: int = 0
    _cursor: str | None = None

    @exposed(staff=True)
    async def open(self) -> Any:
        """Loads the first page of what the address looks for; a whole reference opens what it names."""
        self.filters = self.asked = TransactionFilters.of(self.router.url.query_parameters)
        self.chips, self.filtered = self.filters.chips(), self.filters.any()
        self.filter_count, self.unfolded = self.filters.count("reference"), self.filters.beyond_reference()
        self.export = self.filters.address(f"{PATH}/export.csv")
        self._cursor, self.first_new, self.fresh = None, "", 0
        await self._load(first=True)
        if self.filters.names_one() and len(self.rows) == 1:
            return rx.redirect(self.rows[0].address, replace=True)
        return None

    @exposed(staff=True)
    async def refresh(self) -> None:
        """What is shown, as it is now; how many came in above it is offered, not shown."""
        if not self.loaded or self.failed:
            return
        newest = await self._find(None)
        if newest is None:
            return
        now = {row.key: row for row in (transaction_row(found) for found in newest.items)}
        shown = {row.key for row in self.rows}
        self.fresh = len(now.keys() - shown) if self.rows else len(now)
        self.rows = [now.get(row.key, row) for row in self.rows]

    @exposed(staff=True)
    async def show_fresh(self) -> None:
        """Brings in what came since."""
        self._cursor, self.fresh = None, 0
        await self._load(first=True)

    @exposed(staff=True)
    def search(self, form: dict[str, Any]) -> Any:
        """Puts what the form asks for into the address, which loads it."""
        wanted = TransactionFilters.of(form if isinstance(form, dict) else {}, typed=True)
        if wanted.wrong:
            self.asked = wanted
            return None
        return rx.redirect(wanted.address())

    @exposed(staff=True)
    async def load_more(self) -> None:
        """The next page; the focus goes to its first row."""
        if self._cursor is None or await is_full(self, self.rows):
            return
        before = len(self.rows)
        await self._load(first=False)
        self.first_new = self.rows[before].key if len(self.rows) > before else ""
        self.loads += 1

    async def _load(self, *, first: bool) -> None:
        page = await self._find(self._cursor)
        if page is None:
            return
        found = [transaction_row(item) for item in page.items]
        self.rows = found if first else [*self.rows, *found]
        self._cursor, self.more = page.next_cursor, page.next_cursor is not None
        self.searched = words.moment(page.searched_to) if page.searched_to else ""
        more = f" found, searched back to {self.searched}" if self.searched else " shown, there are more"
        self.said = f"{words.count(len(self.rows), 'transaction')}{more if self.more else ''}"
        if self.filters.wrong:
            self.said = ""
        self.failed, self.loaded = "", True

    async def _find(self, cursor: str | None) -> Any:
        actor = await actor_of(self)
        if self.filters.wrong:
            return Page([], None)
        wanted = self.filters.to_service()
        try:
            if not self.currencies:
                self.currencies = await calls.read(accounts.currencies)
            return await calls.search(
                lambda session: transaction_search.find(session, actor, filters=wanted, limit=_PAGE, cursor=cursor),
                narrowed=self.filters.any(),
            )
        except BankError as error:
            self.failed = messages.refusal(error).text
            return None


def _row(row: rx.Var) -> rx.Component:
    return rx.el.tr(
        rx.el.td(
            link(row.reference, to=row.address, id=row.key, class_name="mono"),
            rx.el.small(row.kind, rx.cond(row.memo != "", " · " + row.memo, "")),
            rx.el.small(row.source, " → ", row.target, class_name="narrow-only"),
        ),
        rx.el.td(rx.el.b(row.source), rx.el.small(row.source_number), class_name="wide-only"),
        rx.el.td(rx.el.b(row.target), rx.el.small(row.target_number), class_name="wide-only"),
        rx.el.td(
            rx.el.span(row.amount, class_name="amount"),
            rx.el.small(row.when, " ", row.time, class_name="narrow-only"),
            class_name="right",
        ),
        rx.el.td(rx.el.span(row.time), rx.el.small(row.when), class_name="wide-only time"),
        rx.el.td(row.initiator, rx.el.small(row.role), class_name="wide-only"),
        rx.el.td(posted_badge(row.is_reversed), class_name="wide-only"),
        key=row.key,
    )


def _table() -> rx.Component:
    head = [
        ("Reference", ""), ("From", "wide-only"), ("To", "wide-only"), ("Amount", "right"),
        ("Time, UTC", "wide-only"), ("Asked for by", "wide-only"), ("Status", "wide-only"),
    ]  # fmt: skip
    return listing(
        "Transactions, newest first",
        columns(*head),
        rx.el.tbody(
            rx.cond(
                TransactionListState.loaded,
                rx.foreach(TransactionListState.rows, _row),
                row_bones(("10ch", "14ch", "14ch", "8ch", "7ch", "12ch", "7ch")),
            )
        ),
        id="transactions",
    )


def _search() -> rx.Component:
    state = TransactionListState
    wanted = state.asked
    return filter_form(
        find_box("reference", "Reference, such as 7QK2-M9RT", wanted.reference, auto_focus=True),
        rx.el.div(
            filter_input("Account number", "account", wanted, input_mode="numeric"),
            filter_input("Customer: name or email", "customer", wanted),
            filter_input("Asked for by: name or email", "initiator", wanted),
            filter_input("Idempotency key", "key", wanted),
            filter_select("Type", "type", TYPE_WORDS, wanted.type, "Any type"),
            filter_select("Status", "status", STATUS_WORDS, wanted.status, "Any status"),
            *amounts_and_dates(wanted),
            currency_filter(wanted, state.currencies),
            class_name="fields",
        ),
        on_submit=state.search,
        count=state.filter_count,
        unfolded=state.unfolded | (wanted.wrong != ""),
        trouble=filter_trouble(wanted),
        label="Transactions",
        apply="Show transactions",
        class_name="desk-filters",
    )


def _chips() -> rx.Component:
    state = TransactionListState
    return rx.el.div(
        rx.foreach(state.chips, chip),
        rx.cond(state.filtered, link("Clear all", to=PATH, class_name="btn quiet sm"), rx.fragment()),
        rx.el.span(state.said, role="status", class_name="result end"),
        freshness(),
        document_link(
            icon("download", 16),
            rx.cond(state.filtered, "Export these", "Export CSV"),
            to=state.export,
            class_name="btn sm",
        ),
        class_name="chips desk-chips",
    )


def ops_transactions() -> rx.Component:
    """The page."""
    state = TransactionListState
    return shell(
        page_head("Transactions", sub="Everything that was posted. Nothing here is ever edited or deleted."),
        rx.cond(state.failed != "", failed_panel(state.failed, state.open), rx.fragment()),
        rx.cond(state.loaded, rx.fragment(), waiting("transactions")),
        rx.el.section(
            _search(),
            _chips(),
            new_rows_pill(state.fresh, state.show_fresh, list_id="transactions"),
            rx.cond(
                state.loaded & (state.rows.length() == 0),
                rx.cond(
                    state.filtered,
                    empty(
                        rx.cond(
                            state.searched != "",
                            rx.Var.create("Nothing found back to ") + state.searched + ". Load more to search on.",
                            "No transactions match.",
                        ),
                        link("Clear filters", to=PATH, class_name="btn sm"),
                    ),
                    empty("No transactions yet. Whatever moves money will appear here, newest first."),
                ),
                _table(),
            ),
            load_more(state.more, state.load_more),
            focus_on_change(target=state.first_new, seq=state.loads),
            class_name="card flush",
            aria_label="Transactions",
        ),
        here=PATH,
    )
