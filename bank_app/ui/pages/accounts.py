"""A person's accounts as a list, and opening another one."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import reflex as rx

from bank_app.domain import identifiers, money
from bank_app.domain.accounting import AccountKind, AccountStatus
from bank_app.domain.text import length
from bank_app.errors import BankError
from bank_app.services import accounts, openings
from bank_app.services.accounts import AccountView
from bank_app.services.actor import Actor
from bank_app.ui import calls, forms, messages, words
from bank_app.ui.components.browser import copy_button, press_once
from bank_app.ui.components.fields import Problem, label_for, text_field
from bank_app.ui.components.parts import (
    badge,
    bone,
    button_link,
    crumb,
    empty,
    failed_panel,
    link,
    page_head,
    problem_summary,
    waiting,
)
from bank_app.ui.components.records import rename
from bank_app.ui.components.shell import shell
from bank_app.ui.guard import exposed
from bank_app.ui.messages import say
from bank_app.ui.notices import notify
from bank_app.ui.session import actor_of

_NICKNAME = 40


@dataclass(frozen=True)
class AccountRow:
    """One account in a list."""

    address: str
    title: str
    digits: str
    number: str
    owner: str
    kind: str
    status: str
    available: str
    current: str
    opened: str


def account_row(account: AccountView) -> AccountRow:
    """An account as lists show it."""
    return AccountRow(
        address=f"/accounts/{account.number}",
        title=account.title,
        digits=account.number,
        number=account.grouped_number,
        owner=account.owner_name,
        kind=account.kind.usual_name,
        status=account.status.value,
        available=money.display(account.available_minor, account.currency),
        current=money.display(account.balance_minor, account.currency),
        opened=words.day(account.opened_at),
    )


def everyday_first(own: Iterable[AccountView]) -> list[AccountView]:
    """The order of a person's accounts: those for every day, then savings, older ones first."""
    return sorted(own, key=lambda account: account.kind is not AccountKind.CHECKING)


def main_currency(own: Iterable[AccountView]) -> str:
    """The currency of a person's totals: of the first account that is in use, or was; before that the bank's."""
    used = sorted(everyday_first(own), key=lambda account: account.status is AccountStatus.CLOSED)
    return used[0].currency if used else calls.bank().settings.currency


class AccountsState(rx.State):
    """The list, by state."""

    loaded: bool = False
    failed: str = ""
    rows: list[AccountRow] = []
    frozen: list[AccountRow] = []
    closed: list[AccountRow] = []

    @exposed
    async def open(self) -> None:
        """Loads the list."""
        await self._load(await actor_of(self))

    @exposed
    async def refresh(self) -> None:
        """The same again, without taking anything away meanwhile."""
        await self._load(await actor_of(self))

    @exposed
    async def rename(self, number: str, name: str) -> None:
        """Gives one of the accounts another name."""
        actor, called = await actor_of(self), forms.text(name, 400)
        try:
            account_id = identifiers.parse_account_number(number)
            account = await calls.write(
                lambda session: accounts.change_account(session, actor, account_id, nickname=called or None)
            )
        except BankError as error:
            await notify(self, messages.refusal(error, role=actor.role.value).text, "error")
            return
        await self._load(actor)
        await notify(self, say("ACCOUNT_RENAMED", account=account.title))

    async def _load(self, actor: Actor) -> None:
        try:
            own = await calls.read(lambda session: accounts.own_accounts(session, actor))
        except BankError as error:
            self.failed = messages.refusal(error).text
            return
        groups: dict[AccountStatus, list[AccountRow]] = {status: [] for status in AccountStatus}
        for account in everyday_first(own):
            groups[account.status].append(account_row(account))
        self.rows, self.frozen = groups[AccountStatus.OPEN], groups[AccountStatus.FROZEN]
        self.closed = groups[AccountStatus.CLOSED]
        self.failed, self.loaded = "", True


@dataclass(frozen=True)
class CurrencyChoice:
    """A currency that an account can be opened in."""

    code: str
    name: str


class OpenAccountState(rx.State):
    """The form for another account."""

    problems: list[Problem] = []
    nickname_error: str = ""
    answer: int = 0
    currency: str = ""
    currencies: list[CurrencyChoice] = []
    # How many accounts there were when the form was shown: what it opens is the next one, and that once.
    _before: int | None = None

    @exposed
    async def open(self) -> None:
        """A form without the complaints of the last one."""
        actor = await actor_of(self)
        with contextlib.suppress(BankError):
            await self._count(actor)
        self.problems, self.nickname_error = [], ""
        self.currency = calls.bank().settings.currency
        self.currencies = [CurrencyChoice(one.code, f"{one.code} · {one.name}") for one in money.currencies()]
        self.answer += 1

    @exposed
    def leave(self) -> None:
        """Whoever comes back to this page wants another account. A reload leaves nothing."""
        self._before = None

    @exposed
    async def submit(self, form: dict[str, Any]) -> Any:
        """Opens the account and shows it."""
        actor = await actor_of(self)
        self.answer += 1
        self.problems, self.nickname_error = [], ""
        kind = AccountKind.SAVINGS if forms.field(form, "kind") == "savings" else AccountKind.CHECKING
        nickname = forms.field(form, "nickname", 400)
        if length(nickname) > _NICKNAME:
            self.nickname_error = say("NICKNAME_TOO_LONG", limit=_NICKNAME)
            self.problems = [Problem("nickname", self.nickname_error)]
            return None
        opening = openings.Opening(forms.field(form, "currency", 3) or None, kind, nickname or None)
        try:
            # Pressed twice, in two tabs or after a reload it is one account; with other words in the form another one.
            key = f"open:{await self._count(actor)}:{opening.fingerprint().hex()[:32]}"
            opened = await calls.call(openings.open_account, calls.bank().db, actor, opening, key=key)
        except BankError as error:
            self.problems = [Problem("", messages.refusal(error, role=actor.role.value).text)]
            return None
        account = opened.account
        name = words.named(account.title, account.number)
        if opened.replayed:
            # Who sends the form once more after hearing this means it.
            self._before = None
            await notify(self, say("ACCOUNT_OPENED_BEFORE", account=name), "info")
        else:
            await notify(self, say("ACCOUNT_OPENED", account=name, amount=money.display(0, account.currency)))
        return rx.redirect(f"/accounts/{account.number}", replace=True)

    async def _count(self, actor: Actor) -> int:
        if self._before is None:
            self._before = len(await calls.read(lambda session: accounts.own_accounts(session, actor)))
        return self._before


# --- what it looks like -------------------------------------------------------------------------------


def status_badge(status: rx.Var) -> rx.Component:
    """Open, frozen or closed: an icon and a word."""
    return rx.match(
        status,
        ("open", badge("Open", "check", "ok")),
        ("frozen", badge("Frozen", "snowflake", "info")),
        ("closed", badge("Closed", "lock")),
        rx.fragment(),
    )


def unusual_status(status: rx.Var) -> rx.Component:
    """On small screens, where the column is left out, what is not simply open still says so."""
    return rx.cond(status != "open", rx.el.div(status_badge(status), class_name="narrow-only"), rx.fragment())


def _row(row: rx.Var) -> rx.Component:
    return rx.el.tr(
        rx.el.td(
            rx.el.div(
                link(row.title, to=row.address),
                rx.cond(
                    row.status != "closed",
                    rename(
                        text=row.title,
                        label="Name of " + row.title,
                        most=_NICKNAME,
                        on_save=lambda name: AccountsState.rename(row.digits, name),
                        class_name="btn quiet tiny",
                    ),
                    rx.fragment(),
                ),
                class_name="named",
            ),
            rx.el.div(
                rx.el.span(row.number, class_name="mono small muted"),
                copy_button(text=row.digits, label="number of " + row.title, class_name="btn quiet tiny"),
                class_name="numbered",
            ),
            unusual_status(row.status),
        ),
        rx.el.td(row.kind, class_name="wide-only"),
        rx.el.td(status_badge(row.status), class_name="wide-only"),
        rx.el.td(row.available, class_name="right strong"),
        rx.el.td(row.current, class_name="right wide-only"),
        rx.el.td(row.opened, class_name="right wide-only"),
        key=row.address,
    )


def _bones() -> rx.Component:
    return rx.fragment(
        *[
            rx.el.tr(
                rx.el.td(bone("10ch", "1em"), rx.el.br(), bone("13ch")),
                rx.el.td(bone("7ch"), class_name="wide-only"),
                rx.el.td(bone("5ch"), class_name="wide-only"),
                rx.el.td(bone("8ch"), class_name="right"),
                rx.el.td(bone("8ch"), class_name="right wide-only"),
                rx.el.td(bone("6ch"), class_name="right wide-only"),
            )
            for _ in range(3)
        ]
    )


def _table(caption: str, rows: rx.Component | rx.Var) -> rx.Component:
    return rx.el.table(
        rx.el.caption(caption, class_name="hidden-visually"),
        rx.el.thead(
            rx.el.tr(
                rx.el.th("Account", scope="col"),
                rx.el.th("Type", scope="col", class_name="wide-only"),
                rx.el.th("Status", scope="col", class_name="wide-only"),
                rx.el.th("Available", scope="col", class_name="right"),
                rx.el.th("Current", scope="col", class_name="right wide-only"),
                rx.el.th("Opened", scope="col", class_name="right wide-only"),
            )
        ),
        rx.el.tbody(rows),
        class_name="listing",
    )


def _group(heading: str, rows: rx.Var) -> rx.Component:
    return rx.cond(
        rows.length() > 0,
        rx.el.section(
            rx.el.header(rx.el.h2(heading)),
            _table(f"{heading} accounts", rx.foreach(rows, _row)),
            class_name="card flush",
        ),
        rx.fragment(),
    )


def _closed() -> rx.Component:
    rows = AccountsState.closed
    return rx.cond(
        rows.length() > 0,
        rx.el.details(
            rx.el.summary("Closed (", rows.length(), ")"),
            _table("Closed accounts", rx.foreach(rows, _row)),
            class_name="card flush folded",
        ),
        rx.fragment(),
    )


def account_list() -> rx.Component:
    """The page with the list."""
    state = AccountsState
    none = state.rows.length() + state.frozen.length() + state.closed.length() == 0
    return shell(
        page_head("Accounts", button_link("Open an account", "/accounts/new", symbol="plus")),
        rx.cond(state.failed != "", failed_panel(state.failed, state.open), rx.fragment()),
        rx.cond(
            state.loaded,
            rx.cond(
                none,
                rx.el.section(
                    empty("No accounts yet.", button_link("Open an account", "/accounts/new", style="primary")),
                    class_name="card flush",
                ),
                rx.el.div(_group("Open", state.rows), _group("Frozen", state.frozen), _closed(), class_name="stack"),
            ),
            rx.cond(
                state.failed == "",
                rx.el.section(waiting("accounts"), _table("Your accounts", _bones()), class_name="card flush"),
                rx.fragment(),
            ),
        ),
        here="/accounts",
    )


def _kind(value: str, title: str, text: str, *, first: bool = False) -> rx.Component:
    return rx.el.label(
        rx.el.input(type="radio", name="kind", value=value, default_checked=first, id=f"kind-{value}"),
        rx.el.span(rx.el.b(title), rx.el.small(text)),
        class_name="choice",
    )


def open_account() -> rx.Component:
    """The page with the form."""
    return shell(
        crumb("Accounts", "/accounts"),
        page_head("Open an account"),
        rx.el.form(
            rx.el.span(hidden=True, on_unmount=OpenAccountState.leave),
            problem_summary(OpenAccountState.problems, OpenAccountState.answer),
            rx.el.fieldset(
                rx.el.legend("Type"),
                _kind("checking", "Everyday", "For what comes and goes", first=True),
                _kind("savings", "Savings", "For what stays a while"),
                class_name="field",
            ),
            rx.el.div(
                label_for("currency", "Currency"),
                rx.el.select(
                    rx.foreach(
                        OpenAccountState.currencies, lambda one: rx.el.option(one.name, value=one.code, key=one.code)
                    ),
                    id="currency",
                    name="currency",
                    default_value=OpenAccountState.currency,
                    key="currency-" + OpenAccountState.currency,
                    class_name="wide",
                    custom_attrs={"aria-describedby": "currency-hint"},
                ),
                rx.el.p(
                    "It stays the account’s. Money moves between accounts of the same currency.",
                    id="currency-hint",
                    class_name="hint",
                ),
                class_name="field",
            ),
            text_field(
                "Name",
                "nickname",
                optional=True,
                hint="Only you see it, for example Rent or Holiday.",
                error=OpenAccountState.nickname_error,
                max_length=400,
                auto_complete="off",
            ),
            press_once(
                label="Open account",
                busy_label="Opening…",
                kind="submit",
                answer=OpenAccountState.answer,
                class_name="btn primary lg",
            ),
            on_submit=OpenAccountState.submit.temporal,
            reset_on_submit=False,
            class_name="card form-card",
        ),
        here="/accounts",
    )
