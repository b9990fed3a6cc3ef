"""For the bank's people: every customer, with a search. Opening one is recorded; looking at the list is not."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import reflex as rx

from bank_app.errors import BankError
from bank_app.services import people
from bank_app.services.people import Standing
from bank_app.ui import calls, forms, messages, person_words, words
from bank_app.ui.components.browser import focus_on_change, submit_on_change
from bank_app.ui.components.desk import columns, filter_select, find_box, listing, row_bones
from bank_app.ui.components.parts import empty, failed_panel, link, load_more, page_head, waiting
from bank_app.ui.components.people import standing_badge, unusual_standing
from bank_app.ui.components.shell import shell
from bank_app.ui.guard import exposed
from bank_app.ui.notices import is_full
from bank_app.ui.person_words import STANDING_WORDS, Person
from bank_app.ui.session import actor_of

_PAGE = 25
_PATH = "/ops/customers"
_STANDINGS = {key: word for key, word in STANDING_WORDS.items() if key != Standing.INVITED.value}


class CustomersState(rx.State):
    """The list and what is looked for; both stand in the address."""

    loaded: bool = False
    failed: str = ""
    q: str = ""
    standing: str = ""
    rows: list[Person] = []
    more: bool = False
    said: str = ""
    first_new: str = ""
    loads: int = 0
    _cursor: str | None = None

    @exposed(staff=True)
    async def open(self) -> None:
        """Loads the first page of what the address looks for."""
        query = self.router.url.query_parameters
        self.q, standing = forms.text(query.get("q"), 100), forms.text(query.get("standing"), 20)
        self.standing = standing if standing in _STANDINGS else ""
        self._cursor, self.first_new, self.failed = None, "", ""
        if standing and not self.standing:
            self.rows, self.more, self.said, self.loaded = [], False, "", True
            self.failed = messages.say("FILTER_UNKNOWN", what="standing", value=standing)
            return
        await self._load(_PAGE, first=True)

    @exposed(staff=True)
    async def refresh(self) -> None:
        """The same customers with the numbers of now."""
        if self.loaded and not self.failed:
            self._cursor = None
            await self._load(max(_PAGE, len(self.rows)), first=True)

    @exposed(staff=True)
    def search(self, form: dict[str, Any]) -> Any:
        """Puts the search into the address, which loads it."""
        standing = forms.field(form, "standing", 20)
        wanted = {"q": forms.field(form, "q", 100), "standing": standing if standing in _STANDINGS else ""}
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
        standing = Standing(self.standing) if self.standing else None
        try:
            page = await calls.search(
                lambda session: people.list_customers(
                    session, actor, q=wanted, standing=standing, limit=limit, cursor=cursor
                ),
                narrowed=bool(wanted or standing),
            )
        except BankError as error:
            self.failed = messages.refusal(error).text
            return
        found = [person_words.person(row) for row in page.items]
        self.rows = found if first else [*self.rows, *found]
        self._cursor, self.more = page.next_cursor, page.next_cursor is not None
        self.said = f"{words.count(len(self.rows), 'customer')}{' shown, there are more' if self.more else ''}"
        self.failed, self.loaded = "", True


# --- what it looks like -----------------------------------------------------------------------------------


def _row(row: rx.Var) -> rx.Component:
    return rx.el.tr(
        rx.el.td(
            link(row.name, to=row.address, id=row.key),
            rx.el.small(row.email),
            unusual_standing(row.standing),
        ),
        rx.el.td(standing_badge(row.standing), class_name="wide-only"),
        rx.el.td(
            row.accounts,
            rx.cond(row.frozen != "", rx.el.small(row.frozen), rx.fragment()),
            class_name="right wide-only",
        ),
        rx.el.td(
            rx.cond(
                row.total != "",
                rx.el.span(row.total, class_name="amount"),
                rx.el.span("No account", class_name="muted"),
            ),
            class_name="right",
        ),
        rx.el.td(row.last_sign_in, class_name="wide-only time"),
        rx.el.td(rx.el.span(row.note, class_name="clamp"), class_name="wide-only"),
        key=row.key,
    )


def _table() -> rx.Component:
    head = [
        ("Customer", ""), ("Sign-in", "wide-only"), ("Accounts", "right wide-only"), ("Total", "right"),
        ("Last sign-in", "wide-only"), ("Newest note", "wide-only"),
    ]  # fmt: skip
    return listing(
        "Customers, newest first",
        columns(*head),
        rx.el.tbody(
            rx.cond(
                CustomersState.loaded,
                rx.foreach(CustomersState.rows, _row),
                row_bones(("16ch", "6ch", "3ch", "8ch", "10ch", "12ch")),
            )
        ),
    )


def _search() -> rx.Component:
    return rx.el.form(
        rx.el.div(
            find_box("q", "Name, email, account number or reference", CustomersState.q),
            rx.el.div(
                filter_select("Sign-in", "standing", _STANDINGS, CustomersState.standing, "Any"),
                submit_on_change(),
                class_name="inline-select",
            ),
            rx.el.button("Search", type="submit", class_name="btn"),
            class_name="filter-bar",
        ),
        on_submit=CustomersState.search,
        reset_on_submit=False,
        class_name="desk-filters",
        role="search",
        aria_label="Customers",
    )


def ops_customers() -> rx.Component:
    """The page."""
    state = CustomersState
    return shell(
        page_head("Customers", sub="Newest first. Opening a record is logged."),
        rx.cond(state.failed != "", failed_panel(state.failed, state.open), rx.fragment()),
        rx.cond(state.loaded, rx.fragment(), waiting("customers")),
        rx.el.section(
            _search(),
            rx.el.p(state.said, role="status", class_name="desk-chips small muted"),
            rx.cond(
                state.loaded & (state.rows.length() == 0),
                rx.cond(
                    (state.q != "") | (state.standing != "") | (state.failed != ""),
                    empty(
                        rx.cond(state.failed != "", "Nothing is listed.", "No customers match."),
                        link("Clear the search", to=_PATH, class_name="btn sm"),
                    ),
                    empty("No customers yet. Whoever creates an account will appear here."),
                ),
                _table(),
            ),
            load_more(state.more, state.load_more),
            focus_on_change(target=state.first_new, seq=state.loads),
            class_name="card flush",
            aria_label="Customers",
        ),
        here=_PATH,
    )
