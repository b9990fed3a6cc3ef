"""The overview: how much is there, what just happened, what needs doing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import reflex as rx
from sqlalchemy.orm import Session

from bank_app import clock
from bank_app.domain import money
from bank_app.domain.accounting import AccountStatus, Direction, TransactionType
from bank_app.errors import BankError
from bank_app.services import accounts, history
from bank_app.services.accounts import AccountView
from bank_app.services.auth import Actor
from bank_app.ui import calls, charts, messages, words
from bank_app.ui.components.browser import copy_button
from bank_app.ui.components.chart import spark_line, step_chart
from bank_app.ui.components.money import hero_amount, pair
from bank_app.ui.components.parts import (
    bone,
    button_link,
    empty,
    failed_panel,
    icon,
    link,
    notice,
    page_head,
    waiting,
)
from bank_app.ui.components.rows import recent_rows, row_bones
from bank_app.ui.components.shell import shell
from bank_app.ui.guard import exposed
from bank_app.ui.pages.accounts import everyday_first
from bank_app.ui.rows import Row, row
from bank_app.ui.session import SessionState, actor_of

_MONTH = timedelta(days=30)


@dataclass(frozen=True)
class Card:
    """An account on the overview."""

    address: str
    title: str
    ending: str
    available: str
    about: str
    spark: str


@dataclass(frozen=True)
class Flow:
    """Money in and out of the last 30 days; the longer bar is full."""

    into: str = ""
    out: str = ""
    into_width: str = "0%"
    out_width: str = "0%"


class HomeState(rx.State):
    """What the overview shows: ready-made text, rebuilt from the books at every visit."""

    loaded: bool = False
    failed: str = ""
    greeting: str = ""
    today: str = ""
    currency_name: str = ""
    available: words.Figure = words.Figure()
    current: str = ""
    current_label: str = ""
    held: str = ""
    others: list[charts.Point] = []
    newest: Row | None = None
    chart: charts.Chart = charts.Chart()
    as_table: bool = False
    cards: list[Card] = []
    rows: list[Row] = []
    frozen: list[str] = []
    flow: Flow = Flow()
    first_number: str = ""
    first_grouped: str = ""
    first_address: str = ""
    again_name: str = ""
    again_address: str = ""

    @exposed
    async def open(self) -> None:
        """Loads the page."""
        actor = await actor_of(self)
        self.greeting = f"{words.greeting()}, {actor.name.split()[0]}"
        self.today = words.long_day(clock.now())
        try:
            found = await calls.read(lambda session: _gather(session, actor))
        except BankError as error:
            self.failed = messages.refusal(error).text
            return
        self.failed = ""
        self._show(found)
        self.loaded = True

    @exposed
    def show_table(self) -> None:
        """Chart or table."""
        self.as_table = not self.as_table

    def _show(self, found: Overview) -> None:
        own = found.accounts
        main = own[0].currency if own else calls.bank().settings.currency
        same = [account for account in own if account.currency == main]
        held = sum(account.held_minor for account in same)
        self.currency_name = money.currency(main).name
        self.available = words.figure(sum(account.available_minor for account in same), main)
        self.current = money.display(sum(account.balance_minor for account in same), main)
        self.current_label = f"Current, in {words.count(len(same), 'account')}"
        self.held = money.display(-held, main, signed=True) if held else ""
        self.others = [
            charts.Point(account.title, money.display(account.available_minor, account.currency))
            for account in own
            if account.currency != main
        ]
        self.rows = [row(entry) for entry in found.recent]
        self.newest = self.rows[0] if self.rows else None
        self.chart = charts.balance_chart(found.steps, main)
        self.cards = [_card(account, found.sparks[account.id]) for account in own]
        self.frozen = [
            f"{account.title} {words.ending(account.number)}"
            for account in own
            if account.status is AccountStatus.FROZEN
        ]
        self.flow = _flow(found.into, found.out, main)
        self.first_number = own[0].number if own else ""
        self.first_grouped = own[0].grouped_number if own else ""
        self.first_address = f"/accounts/{own[0].number}" if own else "/accounts/new"
        person = next((e.counterparty for e in found.recent if _is_person(e)), None)
        self.again_name = person.name if person else ""
        self.again_address = f"/move/transfer?to={person.account_id}" if person else ""


@dataclass(frozen=True)
class Overview:
    """Everything of one snapshot."""

    accounts: list[AccountView]
    recent: list[history.EntryView]
    steps: list[history.Step]
    sparks: dict[int, list[history.Step]]
    into: int
    out: int


def _gather(session: Session, actor: Actor) -> Overview:
    own = everyday_first(a for a in accounts.own_accounts(session, actor) if a.status is not AccountStatus.CLOSED)
    since = clock.now() - _MONTH
    into = out = 0
    for account in own:
        if account.currency != own[0].currency:
            continue
        totals = history.summary(session, actor, account.id, filters=history.HistoryFilter(from_=since))
        into, out = into + totals.in_minor, out + totals.out_minor
        between = _between_own(session, actor, account, since)
        into, out = into - between, out - between
    return Overview(
        accounts=own,
        recent=history.recent(session, actor, limit=9),
        steps=history.balance_steps(session, actor, days=90),
        sparks={a.id: history.balance_steps(session, actor, account_id=a.id, days=30) for a in own},
        into=into,
        out=out,
    )


def _between_own(session: Session, actor: Actor, account: AccountView, since: object) -> int:
    """What came into an account from another one of the same person: neither income nor spending."""
    wanted = history.HistoryFilter(
        types=(TransactionType.TRANSFER,),
        direction=Direction.CREDIT,
        from_=since,  # type: ignore[arg-type]
    )
    total, cursor = 0, None
    while True:
        page = history.history(session, actor, account.id, filters=wanted, limit=200, cursor=cursor)
        total += sum(e.amount_minor for e in page.items if e.counterparty and e.counterparty.own)
        cursor = page.next_cursor
        if cursor is None:
            return total


def _is_person(entry: history.EntryView) -> bool:
    other = entry.counterparty
    return other is not None and not other.own and other.account_id.isdigit() and entry.direction is Direction.DEBIT


def _card(account: AccountView, steps: list[history.Step]) -> Card:
    change = account.balance_minor - steps[0].balance_minor if steps else 0
    moved = money.display(abs(change), account.currency)
    about = f"{'Up' if change > 0 else 'Down'} {moved} in 30 days" if change else "No change in 30 days"
    if account.status is AccountStatus.FROZEN:
        about = "Frozen"
    elif account.held_minor:
        held = money.display(account.held_minor, account.currency)
        about = f"{held} set aside · {money.display(account.balance_minor, account.currency)} current"
    return Card(
        address=f"/accounts/{account.number}",
        title=account.title,
        ending=words.ending(account.number),
        available=money.display(account.available_minor, account.currency),
        about=about,
        spark=charts.spark(steps),
    )


def _flow(into: int, out: int, currency: str) -> Flow:
    most = max(into, out, 1)
    return Flow(
        into=money.display(into, currency, signed=True),
        out=money.display(-out, currency, signed=True),
        into_width=f"{into * 100 // most}%",
        out_width=f"{out * 100 // most}%",
    )


# --- what it looks like -------------------------------------------------------------------------------


def _figure() -> rx.Component:
    return rx.el.div(
        rx.el.h2("Available in ", HomeState.currency_name, id="available", class_name="label-heading"),
        hero_amount(HomeState.available, HomeState.loaded),
        rx.cond(
            HomeState.loaded,
            rx.fragment(
                rx.el.dl(
                    pair(HomeState.current_label, HomeState.current),
                    rx.cond(HomeState.held != "", pair("Set aside", HomeState.held), rx.fragment()),
                    rx.foreach(HomeState.others, lambda other: pair(other.when, other.balance)),
                    class_name="pairs",
                ),
                rx.cond(
                    HomeState.newest,
                    rx.el.p(
                        icon("clock", 16),
                        rx.el.span(
                            rx.el.b(HomeState.newest.amount, class_name="num"),
                            " · ",
                            link(HomeState.newest.title, to=HomeState.newest.address, class_name="link"),
                            ", ",
                            HomeState.newest.when,
                        ),
                        class_name="last",
                    ),
                    rx.el.p("No entries yet.", class_name="last"),
                ),
            ),
            rx.el.div(bone("100%", "1.2em"), rx.el.br(), bone("60%", "1.2em"), class_name="last"),
        ),
        rx.el.div(
            button_link("Transfer", "/move/transfer", symbol="arrow-left-right", style="tint"),
            rx.cond(
                SessionState.handles_cash,
                rx.fragment(
                    button_link("Deposit", "/move/deposit", symbol="plus"),
                    button_link("Withdraw", "/move/withdraw", symbol="minus"),
                ),
                rx.fragment(),
            ),
            class_name="actions",
        ),
        class_name="figure",
    )


def _plot() -> rx.Component:
    return rx.el.div(
        rx.el.div(
            rx.el.h2("Current, last 90 days", class_name="card-heading grow"),
            rx.cond(
                HomeState.chart.line != "",
                rx.el.button(
                    rx.cond(HomeState.as_table, "View as chart", "View as table"),
                    type="button",
                    on_click=HomeState.show_table,
                    class_name="btn quiet tiny",
                ),
                rx.fragment(),
            ),
            class_name="chart-bar",
        ),
        step_chart(HomeState.chart, HomeState.loaded, HomeState.as_table),
        class_name="plot",
    )


def _account_card(card: rx.Var) -> rx.Component:
    return rx.el.section(
        rx.el.h3(link(card.title, to=card.address)),
        rx.el.span(card.ending, class_name="ending mono"),
        rx.el.p(card.available, class_name="amount"),
        spark_line(card.spark),
        rx.el.p(card.about, class_name="about"),
        class_name="card account-card",
        key=card.address,
    )


def _card_bone() -> rx.Component:
    return rx.el.div(
        bone("9ch", "1.1em"),
        rx.el.span(),
        rx.el.p(bone("7ch", "1em"), class_name="amount"),
        rx.el.span(),
        rx.el.p(bone("16ch"), class_name="about"),
        class_name="card account-card",
    )


def _recent() -> rx.Component:
    return rx.el.section(
        rx.el.header(
            rx.el.h2("Recent activity"),
            link("All accounts", to="/accounts", class_name="more"),
        ),
        rx.cond(
            HomeState.loaded,
            rx.cond(
                HomeState.rows.length() > 0,
                recent_rows(HomeState.rows),
                empty(
                    "Your account is open at zero. Add money to start, or give somebody your account number.",
                    rx.el.p(
                        rx.el.span("Your account number ", class_name="muted"),
                        rx.el.span(HomeState.first_grouped, class_name="mono"),
                        " ",
                        copy_button(text=HomeState.first_number, label="account number", class_name="btn quiet tiny"),
                    ),
                    rx.cond(
                        SessionState.handles_cash,
                        button_link("Add money", "/move/deposit", symbol="plus", style="primary"),
                        rx.fragment(),
                    ),
                ),
            ),
            row_bones(8),
        ),
        class_name="card flush",
    )


def _flows() -> rx.Component:
    return rx.el.section(
        rx.el.header(rx.el.h2("Last 30 days")),
        rx.cond(
            HomeState.loaded,
            rx.el.dl(
                rx.el.dt(icon("arrow-down-left", 16), "Money in"),
                rx.el.dd(HomeState.flow.into, class_name="money in"),
                rx.el.div(
                    rx.el.i(custom_attrs={"style": rx.Var.create({"width": HomeState.flow.into_width})}),
                    class_name="bar",
                    aria_hidden="true",
                ),
                rx.el.dt(icon("arrow-up-right", 16), "Money out"),
                rx.el.dd(HomeState.flow.out, class_name="money"),
                rx.el.div(
                    rx.el.i(custom_attrs={"style": rx.Var.create({"width": HomeState.flow.out_width})}),
                    class_name="bar out",
                    aria_hidden="true",
                ),
                class_name="flow",
            ),
            bone("100%", "3em"),
        ),
        rx.el.p("Moves between your own accounts are left out.", class_name="small muted"),
        class_name="card",
    )


def _needs() -> rx.Component:
    return rx.cond(
        HomeState.frozen.length() > 0,
        rx.el.section(
            rx.el.header(rx.el.h2("Needs you")),
            rx.foreach(
                HomeState.frozen,
                lambda account: notice(
                    rx.el.b(account, " is frozen"), "Contact ", SessionState.bank_name, ".", symbol="snowflake"
                ),
            ),
            class_name="card",
        ),
        rx.fragment(),
    )


def _try(words_: rx.Component | str, action: rx.Component) -> rx.Component:
    return rx.el.li(rx.el.span(words_), action)


def _tries() -> rx.Component:
    return rx.el.section(
        rx.el.header(rx.el.h2("Things to try")),
        rx.el.ol(
            rx.cond(
                HomeState.again_name != "",
                _try(
                    rx.fragment("Pay ", HomeState.again_name),
                    button_link("Start", HomeState.again_address, style="sm"),
                ),
                _try("Send money", button_link("Start", "/move/transfer", style="sm")),
            ),
            _try("Prove your balance", button_link("Open", HomeState.first_address, style="sm")),
            _try("Open another account", button_link("Open", "/accounts/new", style="sm")),
            class_name="tries",
        ),
        class_name="card",
    )


def home() -> rx.Component:
    """The page."""
    return shell(
        page_head(
            rx.cond(HomeState.greeting != "", HomeState.greeting, "Home"),
            sub=rx.cond(HomeState.today != "", HomeState.today, bone("16ch")),
        ),
        rx.cond(HomeState.failed != "", failed_panel(HomeState.failed, HomeState.open), rx.fragment()),
        rx.cond(HomeState.loaded, rx.fragment(), waiting("your accounts")),
        rx.el.section(_figure(), _plot(), class_name="card hero", aria_labelledby="available"),
        rx.el.div(
            rx.cond(
                HomeState.loaded,
                rx.foreach(HomeState.cards, _account_card),
                rx.fragment(*[_card_bone() for _ in range(3)]),
            ),
            class_name="account-cards",
        ),
        rx.el.div(
            rx.el.div(_recent(), _flows(), class_name="side"),
            rx.el.div(_needs(), _tries(), class_name="side"),
            class_name="columns",
        ),
        here="/home",
    )
