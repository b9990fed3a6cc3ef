"""For the bank's people: every customer's account, with a search. What they may do is decided by the services."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import reflex as rx

from bank_app.domain import money
from bank_app.domain.accounting import AccountStatus
from bank_app.errors import BankError
from bank_app.services import accounts
from bank_app.services.accounts import AccountView
from bank_app.ui import calls, forms, messages, words
from bank_app.ui.components.browser import focus_on_change, submit_on_change
from bank_app.ui.components.desk import columns, filter_select, find_box, listing, row_bones
from bank_app.ui.components.parts import empty, failed_panel, link, load_more, page_head, waiting
from bank_app.ui.components.shell import shell
from bank_app.ui.guard import exposed
from bank_app.ui.notices import is_full
from bank_app.ui.pages.accounts import status_badge, unusual_status
from bank_app.ui.session import actor_of

_PAGE = 25
_PATH = "/ops/accounts"
_STATUSES = {status.value: status.value.capitalize() for status in AccountStatus}


@dataclass(frozen=True)
class DeskAccount:
    """One account in the list."""

    key: str
    address: str
    number: str
    title: str
    kind: str
    owner: str
    owner_address: str
    status: str
    current: str
    held: str
    overdraft: str
    available: str
    opened: str


def desk_account(account: AccountView) -> DeskAccount:
    """An account as the bank's people see it in a list."""
    code = account.currency
    return DeskAccount(
        key=f"account-{account.number}",
        address=f"{_PATH}/{account.number}",
        number=account.grouped_number,
        title=account.title,
        kind=account.kind.usual_name,
        owner=account.owner_name,
        owner_address=f"/ops/customers/{account.owner_id}",
        status=account.status.value,
        current=money.display(account.balance_minor, code),
        held=money.display(account.held_minor, code) if account.held_minor else "",
        overdraft=money.display(account.overdraft_limit_minor, code) if account.overdraft_limit_minor else "",
        available=money.display(account.available_minor, code),
        opened=words.day(account.opened_at),
    )


class DeskState(rx.State):
    """The list and what is looked for; the search stands in the address."""

    loaded: bool = False
    failed: str = ""
    q: str = ""
    status: str = ""
    rows: list[DeskAccount] = []
    more: bool = False
    said: str = ""
    first_new: str = ""
    loads: int = 0
    _cursor: str | None = None

    @exposed(staff=True)
    async def open(self) -> None:
        """Loads the first page of what the address looks for."""
        query = self.router.url.query_parameters
        self.q, status = forms.text(query.get("q"), 100), forms.text(query.get("status"), 10)
        self.status = status if status in _STATUSES else ""
        self._cursor, self.first_new, self.failed = None, "", ""
        if status and not self.status:
            self.rows, self.more, self.said, self.loaded = [], False, "", True
            self.failed = messages.say("FILTER_UNKNOWN", what="status", value=status)
            return
        await self._load(_PAGE, first=True)

    @exposed(staff=True)
    async def refresh(self) -> None:
        """The same accounts with the numbers of now."""
        if self.loaded and not self.failed:
            self._cursor = None
            await self._load(max(_PAGE, len(self.rows)), first=True)

    @exposed(staff=True)
    def search(self, form: dict[str, Any]) -> Any:
        """Puts the search into the address, which loads it."""
        status = forms.field(form, "status", 10)
        wanted = {"q": forms.field(form, "q", 100), "status": status if status in _STATUSES else ""}
        query = urlencode({name: value for name, value in wanted.items() if value})
        return rx.redirect(f"{_PATH}?{query}" if query else _PATH)

    @exposed(staff=True)
    async def load_more(self) -> None:
        """The next page; the focus goes to its first row."""
        if self._cursor is None or await is_full(self, self.rows):
            return
        before = len(self.rows)
        await self._load(_PAGE, first=False)
        self.first_new = self.rows[before].key if len(self.rows) > before else ""
        self.loads += 1

    async def _load(self, limit: int, *, first: bool) -> None:
        actor = await actor_of(self)
        cursor, wanted = self._cursor, self.q
        status = AccountStatus(self.status) if self.status else None
        try:
            page = await calls.search(
                lambda session: accounts.list_accounts(
                    session, actor, q=wanted, status=status, limit=limit, cursor=cursor
                ),
                narrowed=bool(wanted or status),
            )
        except BankError as error:
            self.failed = messages.refusal(error).text
            return
        found = [desk_account(account) for account in page.items]
        self.rows = found if first else [*self.rows, *found]
        self._cursor, self.more = page.next_cursor, page.next_cursor is not None
        self.said = f"{words.count(len(self.rows), 'account')}{' shown, there are more' if self.more else ''}"
        self.failed, self.loaded = "", True


def _row(row: rx.Var) -> rx.Component:
    return rx.el.tr(
        rx.el.td(
            link(row.number, to=row.address, id=row.key, class_name="mono"),
            rx.el.small(row.title),
            rx.el.small(row.owner, class_name="narrow-only"),
            unusual_status(row.status),
        ),
        rx.el.td(link(row.owner, to=row.owner_address), class_name="wide-only"),
        rx.el.td(row.kind, class_name="wide-only"),
        rx.el.td(status_badge(row.status), class_name="wide-only"),
        rx.el.td(row.current, class_name="right wide-only"),
        rx.el.td(row.held, class_name="right wide-only"),
        rx.el.td(row.overdraft, class_name="right wide-only"),
        rx.el.td(rx.el.span(row.available, class_name="amount"), class_name="right"),
        rx.el.td(row.opened, class_name="right wide-only time"),
        key=row.key,
    )


def _table() -> rx.Component:
    head = [
        ("Number", ""), ("Customer", "wide-only"), ("Kind", "wide-only"), ("Status", "wide-only"),
        ("Current", "right wide-only"), ("Held", "right wide-only"), ("Overdraft limit", "right wide-only"),
        ("Available", "right"), ("Opened", "right wide-only"),
    ]  # fmt: skip
    return listing(
        "Accounts, newest first",
        columns(*head),
        rx.el.tbody(
            rx.cond(
                DeskState.loaded,
                rx.foreach(DeskState.rows, _row),
                row_bones(("12ch", "14ch", "7ch", "5ch", "8ch", "6ch", "6ch", "8ch")),
            )
        ),
    )


def _search() -> rx.Component:
    return rx.el.form(
        rx.el.div(
            find_box("q", "Name, email or account number", DeskState.q),
            rx.el.div(
                filter_select("Status", "status", _STATUSES, DeskState.status, "Any status"),
                submit_on_change(),
                class_name="inline-select",
            ),
            rx.el.button("Search", type="submit", class_name="btn"),
            class_name="filter-bar",
        ),
        on_submit=DeskState.search,
        reset_on_submit=False,
        class_name="desk-filters",
        role="search",
        aria_label="Accounts",
    )


def ops_accounts() -> rx.Component:
    """The page."""
    return shell(
        page_head("Accounts", sub="Every customer’s account, newest first."),
        rx.cond(DeskState.failed != "", failed_panel(DeskState.failed, DeskState.open), rx.fragment()),
        rx.cond(DeskState.loaded, rx.fragment(), waiting("accounts")),
        rx.el.section(
            _search(),
            rx.el.p(DeskState.said, role="status", class_name="desk-chips small muted"),
            rx.cond(
                DeskState.loaded & (DeskState.rows.length() == 0),
                rx.cond(
                    (DeskState.q != "") | (DeskState.status != "") | (DeskState.failed != ""),
                    empty(
                        rx.cond(DeskState.failed != "", "Nothing is listed.", "No accounts match."),
                        link("Clear the search", to=_PATH, class_name="btn sm"),
                    ),
                    empty("No accounts yet. Every customer’s account will appear here."),
                ),
                _table(),
            ),
            load_more(DeskState.more, DeskState.load_more),
            focus_on_change(target=DeskState.first_new, seq=DeskState.loads),
            class_name="card flush",
            aria_label="Accounts",
        ),
        here=_PATH,
    )
