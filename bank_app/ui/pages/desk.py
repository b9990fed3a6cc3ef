"""For the bank's people: every account, with a search. What they may do is decided by the services."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import reflex as rx

from bank_app.errors import BankError
from bank_app.services import accounts
from bank_app.ui import calls, forms, messages
from bank_app.ui.components.parts import bone, empty, failed_panel, icon, link, page_head, waiting
from bank_app.ui.components.shell import shell
from bank_app.ui.guard import exposed
from bank_app.ui.pages.accounts import AccountRow, account_row, status_badge, unusual_status
from bank_app.ui.session import SessionState, actor_of

_PAGE = 25


class DeskState(rx.State):
    """The list and what is looked for; the search stands in the address."""

    loaded: bool = False
    failed: str = ""
    q: str = ""
    rows: list[AccountRow] = []
    more: bool = False
    said: str = ""
    _cursor: str | None = None

    @exposed
    async def open(self) -> None:
        """Loads the first page of what the address looks for."""
        self.q = forms.text(self.router.url.query_parameters.get("q"), 100)
        self._cursor = None
        await self._load(first=True)

    @exposed
    def search(self, form: dict[str, Any]) -> Any:
        """Puts the search into the address, which loads it."""
        wanted = forms.field(form, "q", 100)
        return rx.redirect(f"/ops/accounts?{urlencode({'q': wanted})}" if wanted else "/ops/accounts")

    @exposed
    async def load_more(self) -> None:
        """The next page."""
        if self._cursor is not None:
            await self._load(first=False)

    async def _load(self, *, first: bool) -> None:
        actor = await actor_of(self)
        cursor, wanted = self._cursor, self.q
        try:
            page = await calls.read(
                lambda session: accounts.list_accounts(session, actor, q=wanted, limit=_PAGE, cursor=cursor)
            )
        except BankError as error:
            self.failed = messages.refusal(error).text
            return
        found = [account_row(account) for account in page.items]
        self.rows = found if first else [*self.rows, *found]
        self._cursor = page.next_cursor
        self.more = page.next_cursor is not None
        self.said = f"{len(self.rows)} shown"
        self.failed, self.loaded = "", True


def _row(row: rx.Var) -> rx.Component:
    return rx.el.tr(
        rx.el.td(
            link(row.owner, to=row.address), rx.el.div(row.title, class_name="small muted"), unusual_status(row.status)
        ),
        rx.el.td(row.number, class_name="mono wide-only"),
        rx.el.td(status_badge(row.status), class_name="wide-only"),
        rx.el.td(row.available, class_name="right strong"),
        rx.el.td(row.opened, class_name="right wide-only"),
        key=row.address,
    )


def _bones() -> rx.Component:
    return rx.fragment(
        *[
            rx.el.tr(
                rx.el.td(bone("14ch", "1em"), rx.el.br(), bone("9ch")),
                rx.el.td(bone("12ch"), class_name="wide-only"),
                rx.el.td(bone("5ch"), class_name="wide-only"),
                rx.el.td(bone("8ch"), class_name="right"),
                rx.el.td(bone("6ch"), class_name="right wide-only"),
            )
            for _ in range(8)
        ]
    )


def _table() -> rx.Component:
    return rx.el.table(
        rx.el.caption("Accounts, newest first", class_name="hidden-visually"),
        rx.el.thead(
            rx.el.tr(
                rx.el.th("Customer", scope="col"),
                rx.el.th("Number", scope="col", class_name="wide-only"),
                rx.el.th("Status", scope="col", class_name="wide-only"),
                rx.el.th("Available", scope="col", class_name="right"),
                rx.el.th("Opened", scope="col", class_name="right wide-only"),
            )
        ),
        rx.el.tbody(rx.cond(DeskState.loaded, rx.foreach(DeskState.rows, _row), _bones())),
        class_name="listing",
    )


def desk() -> rx.Component:
    """The page."""
    return shell(
        page_head("All accounts", sub=rx.fragment("You are signed in as ", SessionState.role_word, ".")),
        rx.cond(DeskState.failed != "", failed_panel(DeskState.failed, DeskState.open), rx.fragment()),
        rx.cond(DeskState.loaded, rx.fragment(), waiting("accounts")),
        rx.el.section(
            rx.el.form(
                rx.el.div(
                    rx.el.label("Search name, email or account number", html_for="q", class_name="hidden-visually"),
                    icon("search"),
                    rx.el.input(
                        id="q",
                        name="q",
                        type="search",
                        placeholder="Name, email or account number",
                        default_value=DeskState.q,
                        key=DeskState.q,
                        max_length=100,
                        auto_complete="off",
                    ),
                    class_name="find",
                ),
                rx.el.button("Search", type="submit", class_name="btn"),
                on_submit=DeskState.search,
                reset_on_submit=False,
                class_name="filters alone filter-bar",
                role="search",
            ),
            rx.el.p(DeskState.said, role="status", class_name="chips small muted"),
            rx.cond(
                DeskState.loaded & (DeskState.rows.length() == 0),
                empty("No accounts match.", link("Clear the search", to="/ops/accounts", class_name="btn sm")),
                _table(),
            ),
            rx.cond(
                DeskState.more,
                rx.el.div(
                    rx.el.button("Load 25 more", type="button", on_click=DeskState.load_more, class_name="btn"),
                    class_name="ledger-foot",
                ),
                rx.fragment(),
            ),
            class_name="card flush",
        ),
        here="/ops/accounts",
    )
