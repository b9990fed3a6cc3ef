"""Two demo people on one screen: one sends, and both balances move."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import reflex as rx
from sqlalchemy.orm import Session

from bank_app.demo import ADA, BEN, Persona
from bank_app.domain import money
from bank_app.domain.accounting import AccountStatus
from bank_app.domain.text import isolated
from bank_app.errors import BankError, NotFound
from bank_app.services import accounts, auth, history, transfers
from bank_app.services.accounts import AccountView
from bank_app.services.actor import Actor
from bank_app.ui import calls, first_steps, messages, words
from bank_app.ui.components.browser import press_once
from bank_app.ui.components.gauges import tinted
from bank_app.ui.components.live import freshness
from bank_app.ui.components.money import direction_icon
from bank_app.ui.components.parts import bone, crumb, failed_panel, icon, link, page_head, waiting
from bank_app.ui.components.rows import recent_rows, row_bones
from bank_app.ui.components.shell import shell
from bank_app.ui.guard import exposed
from bank_app.ui.live import also_watch
from bank_app.ui.money_form import new_answer
from bank_app.ui.rows import Row, row
from bank_app.ui.session import actor_of

_SENT_MINOR = 5_00
_ROWS = 5


@dataclass(frozen=True)
class Side:
    """One person's half of the screen."""

    name: str = ""
    initials: str = ""
    account: str = ""
    available: str = ""
    is_reader: bool = False


class SideBySideState(rx.State):
    """Both halves, read as each of the two would see them. Demo people only, whatever bank this is."""

    loaded: bool = False
    failed: str = ""
    left: Side = Side()
    right: Side = Side()
    left_rows: list[Row] = []
    right_rows: list[Row] = []
    can_send: bool = False
    send_label: str = ""
    answer: int = 0
    said: str = ""
    problem: str = ""
    code: str = ""
    _key: str = ""

    @exposed
    async def open(self) -> Any:
        """Shows both."""
        self.said, self.problem, self.code = "", "", ""
        self._key = f"side:{uuid4()}"
        return await self._show()

    @exposed
    async def refresh(self) -> None:
        """Reads both again."""
        await self._show()

    @exposed
    async def send(self) -> None:
        """Sends a little from the reader to the other one, under a key of its own."""
        actor = await actor_of(self)
        self.said, self.problem, self.code = "", "", ""
        pair = _pair(actor)
        if not calls.bank().settings.demo or pair is None or not self._key:
            self.answer = new_answer()
            return
        try:
            both = await calls.read(lambda session: [_first(session, persona)[1] for persona in pair])
            # Both names stand on the page: the reader knows whom he pays.
            payee = both[1]
            await calls.write(
                lambda session: accounts.check_payee_for_good(
                    session, actor, account_id=payee.id, name=payee.owner_name
                )
            )
            movement = transfers.Transfer(both[0].id, both[1].id, _amount(both[0]), description="Side by side")
            moved = await calls.call(transfers.move, calls.bank().db, actor, movement, key=self._key)
            view = moved.transaction
            amount = money.display(view.amount_minor, view.currency)
            self.said = messages.say("TRANSFER_POSTED", amount=amount, to=both[1].owner_name)
            self._key = f"side:{uuid4()}"
            await first_steps.tick(actor, "watch")
        except BankError as error:
            found = messages.refusal(error)
            self.problem, self.code = found.text, found.code
            if error.code != "outcome_unknown":
                self._key = f"side:{uuid4()}"
        await self._show()
        self.answer = new_answer()

    async def _show(self) -> Any:
        actor = await actor_of(self)
        if not calls.bank().settings.demo:
            return rx.redirect("/home", replace=True)
        pair = _pair(actor) or (ADA, BEN)
        try:
            left, right = await calls.read(lambda session: [_half(session, persona, actor) for persona in pair])
        except BankError as error:
            self.failed = messages.refusal(error).text
            return None
        self.failed = ""
        (self.left, self.left_rows, mine), (self.right, self.right_rows, theirs) = left, right
        self.can_send = self.left.is_reader
        self.send_label = f"Send {money.display(_SENT_MINOR, mine.currency)} to {isolated(self.right.name.split()[0])}"
        await also_watch(self, mine.id, theirs.id)
        self.loaded = True
        return None


def _pair(actor: Actor) -> tuple[Persona, Persona] | None:
    """The reader first, if it is one of the two."""
    return {ADA.email: (ADA, BEN), BEN.email: (BEN, ADA)}.get(actor.email)


def _amount(account: AccountView) -> money.Amount:
    return money.Amount.of(money.to_text(_SENT_MINOR, account.currency))


def _first(session: Session, persona: Persona) -> tuple[Actor, AccountView]:
    who = auth.find(session, persona.email)
    own = accounts.own_accounts(session, who) if who else []
    usable = [account for account in own if account.status is not AccountStatus.CLOSED]
    if who is None or not usable:
        raise NotFound("There is no such page.")
    return who, usable[0]


def _half(session: Session, persona: Persona, reader: Actor) -> tuple[Side, list[Row], AccountView]:
    who, account = _first(session, persona)
    entries = history.history(session, who, account.id, limit=_ROWS).items
    side = Side(
        name=who.name,
        initials=persona.initials,
        account=words.named(account.title, account.number),
        available=money.display(account.available_minor, account.currency),
        is_reader=who.user_id == reader.user_id,
    )
    shown = [row(entry) for entry in entries]
    return side, shown if side.is_reader else [_without_link(one) for one in shown], account


def _without_link(one: Row) -> Row:
    """The other one's receipts are the other one's."""
    return Row(**{**vars(one), "address": ""})


# --- what it looks like -------------------------------------------------------------------------------


def _plain_rows(rows: rx.Var) -> rx.Component:
    return rx.el.ul(
        rx.foreach(
            rows,
            lambda one: rx.el.li(
                direction_icon(one.kind, incoming=one.incoming),
                rx.el.span(rx.el.b(one.title), rx.el.span(one.meta, class_name="meta"), class_name="grow"),
                rx.el.span(
                    rx.el.span(one.amount, class_name=rx.cond(one.incoming, "money in", "money")),
                    rx.el.small(one.when),
                    class_name="value",
                ),
                class_name="row plain-row",
                key=one.key,
            ),
        ),
        class_name="rows",
    )


def _half_card(side: rx.Var, rows: rx.Var, *children: rx.Component, linked: bool) -> rx.Component:
    loaded = SideBySideState.loaded
    return rx.el.section(
        rx.el.header(
            rx.el.span(side.initials, class_name="face large", aria_hidden="true"),
            rx.el.div(
                rx.el.h2(rx.cond(loaded, side.name, bone("10ch"))),
                rx.el.span(rx.cond(loaded, side.account, bone("14ch")), class_name="small muted"),
            ),
        ),
        rx.el.div(
            rx.el.p("Available", class_name="label-heading"),
            rx.el.p(
                rx.cond(loaded, tinted(side.available, of=side.available, whose=side.account), bone("6ch", "1em")),
                class_name="half-amount num",
            ),
            *children,
            class_name="half-figure",
        ),
        rx.cond(
            loaded,
            rx.cond(
                rows.length() > 0,
                recent_rows(rows) if linked else _plain_rows(rows),
                rx.el.p("No entries yet.", class_name="empty"),
            ),
            row_bones(_ROWS),
        ),
        class_name="card flush half",
    )


def _send() -> rx.Component:
    state = SideBySideState
    return rx.fragment(
        rx.cond(
            state.can_send,
            press_once(
                label=state.send_label,
                busy_label="Sending…",
                answer=state.answer,
                on_press=state.send.temporal,
                class_name="btn primary",
            ),
            rx.el.p("Enter as Ada or Ben to send from here.", class_name="small muted"),
        ),
        rx.el.div(
            rx.cond(state.said != "", rx.el.p(icon("check", 16), state.said, class_name="said ok"), rx.fragment()),
            rx.cond(
                state.problem != "",
                rx.el.p(icon("circle-alert", 16), state.problem, " ", rx.el.code(state.code), class_name="said warn"),
                rx.fragment(),
            ),
            role="status",
        ),
    )


def side_by_side() -> rx.Component:
    """The page."""
    state = SideBySideState
    return shell(
        crumb("Home", "/home"),
        page_head(
            "Side by side",
            freshness(),
            sub="Two people of the demo on one screen. Send, and watch both balances move.",
        ),
        rx.cond(state.failed != "", failed_panel(state.failed, state.open), rx.fragment()),
        rx.cond(state.loaded, rx.fragment(), waiting("both accounts")),
        rx.el.div(
            _half_card(state.left, state.left_rows, _send(), linked=True),
            _half_card(
                state.right,
                state.right_rows,
                rx.el.p("It is here as soon as it is posted; nobody reloads.", class_name="small muted"),
                linked=False,
            ),
            class_name="halves",
        ),
        rx.el.p(
            "Each press is one transfer with a key of its own, through the same code as every other. ",
            link("Send any amount", to="/move/transfer"),
            class_name="small muted halves-note",
        ),
    )
