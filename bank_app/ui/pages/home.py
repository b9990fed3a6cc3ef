"""The overview: how much is there, what just happened, what needs doing. Each card loads and fails alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import reflex as rx
from sqlalchemy.orm import Session

from bank_app import clock
from bank_app.domain import money
from bank_app.domain.accounting import AccountStatus
from bank_app.domain.text import isolated
from bank_app.errors import BankError
from bank_app.services import accounts, history
from bank_app.services.accounts import AccountView
from bank_app.services.actor import Actor
from bank_app.ui import calls, charts, messages, words
from bank_app.ui.components.chart import spark_line, step_chart
from bank_app.ui.components.live import freshness
from bank_app.ui.components.money import direction_icon, hero_amount, pair
from bank_app.ui.components.parts import bone, button_link, failed_panel, link, page_head, waiting
from bank_app.ui.components.shell import shell
from bank_app.ui.first_steps import first_steps_card
from bank_app.ui.guard import exposed
from bank_app.ui.pages.accounts import everyday_first, main_currency
from bank_app.ui.pages.home_flow import FlowState, flow_card
from bank_app.ui.pages.home_needs import NeedsState, needs_card
from bank_app.ui.pages.home_recent import RecentState, recent_card
from bank_app.ui.rows import Row, row
from bank_app.ui.session import SessionState, actor_of

# What the page loads besides its figure.
HOME_CARDS = (RecentState.open, NeedsState.open, FlowState.open)


@dataclass(frozen=True)
class Card:
    """An account on the overview."""

    address: str
    title: str
    ending: str
    available: str
    about: str
    spark: str


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

    @exposed
    async def open(self) -> None:
        """Loads the figure and the accounts."""
        actor = await actor_of(self)
        self.greeting = f"{words.greeting()}, {isolated(actor.name.split()[0])}"
        self.today = words.long_day(clock.now())
        await self._load(actor)

    @exposed
    async def refresh(self) -> Any:
        """Brings every card up to date."""
        await self._load(await actor_of(self))
        return [RecentState.refresh, NeedsState.refresh, FlowState.refresh]

    @exposed
    def show_table(self) -> None:
        """Chart or table."""
        self.as_table = not self.as_table

    async def _load(self, actor: Actor) -> None:
        try:
            found = await calls.read(lambda session: _gather(session, actor))
        except BankError as error:
            self.failed = messages.refusal(error).text
            return
        self.failed = ""
        self._show(found)
        self.loaded = True

    def _show(self, found: Overview) -> None:
        own = found.accounts
        main = found.currency
        same = [account for account in own if account.currency == main]
        held = sum(account.held_minor for account in same)
        self.currency_name = money.currency(main).name
        self.available = words.figure(sum(account.available_minor for account in same), main)
        self.current = money.display(sum(account.balance_minor for account in same), main)
        self.current_label = f"Current, in {words.count(len(same), 'account')}"
        self.held = money.display(-held, main, signed=True) if held else ""
        self.others = _totals_of_others(own, main)
        self.newest = row(found.recent[0]) if found.recent else None
        self.chart = charts.balance_chart(found.steps, main)
        self.cards = [_card(account, found.sparks[account.id]) for account in own]


@dataclass(frozen=True)
class Overview:
    """Everything of one snapshot."""

    currency: str
    accounts: list[AccountView]
    recent: list[history.EntryView]
    steps: list[history.Step]
    sparks: dict[int, list[history.Step]]


def _gather(session: Session, actor: Actor) -> Overview:
    every = accounts.own_accounts(session, actor)
    own, main = everyday_first(a for a in every if a.status is not AccountStatus.CLOSED), main_currency(every)
    return Overview(
        currency=main,
        accounts=own,
        recent=history.recent(session, actor, limit=1),
        steps=history.balance_steps(session, actor, currency=main, days=90),
        sparks={a.id: history.balance_steps(session, actor, account_id=a.id, days=30) for a in own},
    )


def _totals_of_others(own: list[AccountView], main: str) -> list[charts.Point]:
    """What is available in each other currency, one line for each."""
    sums: dict[str, int] = {}
    for account in own:
        if account.currency != main:
            sums[account.currency] = sums.get(account.currency, 0) + account.available_minor
    return [
        charts.Point(f"Available in {money.currency(code).name}", money.display(minor, code))
        for code, minor in sums.items()
    ]


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
                        direction_icon(HomeState.newest.kind, incoming=HomeState.newest.incoming),
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


def home() -> rx.Component:
    """The page."""
    return shell(
        page_head(
            rx.cond(HomeState.greeting != "", HomeState.greeting, "Home"),
            freshness(),
            sub=rx.cond(HomeState.today != "", HomeState.today, bone("16ch")),
        ),
        rx.cond(HomeState.failed != "", failed_panel(HomeState.failed, HomeState.open), rx.fragment()),
        rx.cond(HomeState.loaded, rx.fragment(), waiting("your accounts")),
        # In the order of a phone, where what needs somebody comes right after what there is.
        rx.el.div(
            rx.el.section(_figure(), _plot(), class_name="card hero", aria_labelledby="available"),
            rx.el.div(needs_card(), class_name="home-needs"),
            rx.el.div(
                rx.cond(
                    HomeState.loaded,
                    rx.foreach(HomeState.cards, _account_card),
                    rx.fragment(*[_card_bone() for _ in range(3)]),
                ),
                class_name="account-cards",
            ),
            rx.el.div(recent_card(), flow_card(), class_name="side home-recent"),
            rx.el.div(first_steps_card(), class_name="home-steps"),
            class_name="home-rooms",
        ),
        here="/home",
    )
