"""The card of the overview that says what came in and went out lately."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import reflex as rx
from sqlalchemy.orm import Session

from bank_app import clock
from bank_app.domain import money
from bank_app.errors import BankError
from bank_app.services import accounts, flows
from bank_app.services.actor import Actor
from bank_app.ui import calls, messages
from bank_app.ui.components.parts import bone, failed_panel, icon
from bank_app.ui.guard import exposed
from bank_app.ui.pages.accounts import main_currency
from bank_app.ui.session import actor_of

_MONTH = timedelta(days=30)


@dataclass(frozen=True)
class Bars:
    """Money in and out of the last 30 days; the longer bar is full."""

    into: str = ""
    out: str = ""
    into_width: str = "0%"
    out_width: str = "0%"


class FlowState(rx.State):
    """In and out."""

    loaded: bool = False
    failed: str = ""
    bars: Bars = Bars()

    @exposed
    async def open(self) -> None:
        """Adds up the last 30 days."""
        await self._load()

    @exposed
    async def refresh(self) -> None:
        """The same again; nothing of it is taken away meanwhile."""
        await self._load()

    async def _load(self) -> None:
        actor = await actor_of(self)
        try:
            found = await calls.read(lambda session: _flow(session, actor))
        except BankError as error:
            self.failed = messages.refusal(error).text
            return
        most = max(found.in_minor, found.out_minor, 1)
        self.bars = Bars(
            into=money.display(found.in_minor, found.currency, signed=True),
            out=money.display(-found.out_minor, found.currency, signed=True),
            into_width=f"{found.in_minor * 100 // most}%",
            out_width=f"{found.out_minor * 100 // most}%",
        )
        self.loaded, self.failed = True, ""


def _flow(session: Session, actor: Actor) -> flows.Flow:
    currency = main_currency(accounts.own_accounts(session, actor))
    return flows.flow(session, actor, currency=currency, since=clock.now() - _MONTH)


def _bar(width: rx.Var, css: str) -> rx.Component:
    return rx.el.div(
        rx.el.i(custom_attrs={"style": rx.Var.create({"width": width})}), class_name=css, aria_hidden="true"
    )


def flow_card() -> rx.Component:
    """Two bars with their numbers."""
    bars = FlowState.bars
    return rx.el.section(
        rx.el.header(rx.el.h2("Last 30 days", id="last-30-days")),
        rx.cond(
            FlowState.failed != "",
            failed_panel(FlowState.failed, FlowState.open),
            rx.cond(
                FlowState.loaded,
                rx.el.dl(
                    rx.el.dt(icon("arrow-down-left", 16), "Money in"),
                    rx.el.dd(bars.into, class_name="money in"),
                    _bar(bars.into_width, "bar"),
                    rx.el.dt(icon("arrow-up-right", 16), "Money out"),
                    rx.el.dd(bars.out, class_name="money"),
                    _bar(bars.out_width, "bar out"),
                    class_name="flow",
                ),
                bone("100%", "3em"),
            ),
        ),
        rx.el.p("Moves between your own accounts are left out.", class_name="small muted"),
        class_name="card",
        aria_labelledby="last-30-days",
    )
