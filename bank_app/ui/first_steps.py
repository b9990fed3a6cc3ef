"""Things to try in a demo bank: a list that ticks itself from what really happened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import reflex as rx

from bank_app.demo import ADA, BEN
from bank_app.demo_town import Prices
from bank_app.domain import money
from bank_app.errors import BankError
from bank_app.services import first_steps
from bank_app.services.actor import Actor
from bank_app.services.first_steps import FirstSteps
from bank_app.ui import calls
from bank_app.ui.components.parts import icon, link
from bank_app.ui.guard import exposed
from bank_app.ui.session import SessionState, actor_of

_SENT = 25_00


@dataclass(frozen=True)
class Try:
    """One thing to try. Without an address it waits for the one before it."""

    says: str
    action: str
    address: str
    done: bool


class FirstStepsState(rx.State):
    """The list, and whether it is shown."""

    tries: list[Try] = []
    done: int = 0
    shown: bool = False

    @exposed
    async def open(self) -> None:
        """Looks at what was done; only in a demo, and only for customers."""
        actor = await actor_of(self)
        if not calls.bank().settings.demo or actor.role.sees_every_account:
            return
        partner = ADA if actor.email == BEN.email else BEN
        try:
            found = await calls.read(lambda session: first_steps.look(session, actor, partner_email=partner.email))
        except BankError:
            return
        self.tries = _tries(found, partner.first_name)
        self.done = sum(one.done for one in self.tries)
        self.shown = not found.put_away and found.partner is not None

    @exposed
    async def put_away(self) -> None:
        """Hides the list; Help brings it back."""
        actor = await actor_of(self)
        await calls.write(lambda session: first_steps.put_away(session, actor, away=True))
        self.shown = False

    @exposed
    async def again(self) -> Any:
        """Brings the list back, with nothing ticked but what the books say."""
        actor = await actor_of(self)
        await calls.write(lambda session: first_steps.put_away(session, actor, away=False))
        return rx.redirect("/home")


async def tick(actor: Actor, step: str) -> None:
    """Notes that somebody really did something of the list; it never stands in the way of what was done."""
    if not calls.bank().settings.demo or actor.role.sees_every_account:
        return
    try:
        await calls.write(lambda session: first_steps.tick(session, actor, step))
    except BankError:
        return


def _tries(found: FirstSteps, partner: str) -> list[Try]:
    code = found.own.currency if found.own else calls.bank().settings.currency
    has_lab = calls.bank().settings.lab_is_open
    sent = Prices.of(calls.bank().settings, code).minor(_SENT)
    amount = money.short(sent, code)
    start = "/move/transfer"
    if found.partner and found.own:
        known = {"from": found.own.number, "to": found.partner.number, "name": found.partner.owner_name}
        start += "?" + urlencode({**known, "amount": money.to_text(sent, code)})
    poor = found.own is not None and found.own.available_minor < sent and "send" not in found.done
    first = (
        Try("Add money", "Start", "/move/deposit", done=False)
        if poor
        else Try(f"Send {partner} {amount}", "Start", start, "send" in found.done)
    )
    return [
        first,
        Try("Try to send it twice", "Receipt", f"/transactions/{found.sent}" if found.sent else "",
            "twice" in found.done),
        Try("Watch it arrive", "Split view", "/demo/side-by-side", "watch" in found.done),
        Try("Prove your balance", "Open", f"/accounts/{found.own.number}" if found.own else "", "prove" in found.done),
        *([Try("Break the bank in the lab", "Break it", "/lab", "lab" in found.done)] if has_lab else []),
    ]  # fmt: skip


# --- what it looks like -------------------------------------------------------------------------------


def _line(one: rx.Var) -> rx.Component:
    return rx.el.li(
        rx.el.span(
            rx.cond(one.done, icon("check", 14), rx.fragment()),
            class_name=rx.cond(one.done, "tick-box on", "tick-box"),
            aria_hidden="true",
        ),
        rx.el.span(one.says, rx.cond(one.done, rx.el.span(" (done)", class_name="hidden-visually"), rx.fragment())),
        rx.cond(
            one.address != "",
            link(
                rx.cond(one.done, "Again", one.action),
                to=one.address,
                class_name=rx.cond(one.done, "btn quiet sm", "btn sm"),
                custom_attrs={"aria-label": rx.cond(one.done, "Again", one.action) + rx.Var.create(": ") + one.says},
            ),
            rx.el.span("after the first", class_name="small muted"),
        ),
        class_name=rx.cond(one.done, "done", ""),
        key=one.says,
    )


def first_steps_card() -> rx.Component:
    """The list, while there is something to show."""
    state = FirstStepsState
    return rx.cond(
        SessionState.demo & state.shown,
        rx.el.section(
            rx.el.header(
                rx.el.h2("Things to try", id="first-steps"),
                rx.el.span(
                    rx.foreach(state.tries, lambda one: rx.el.i(class_name=rx.cond(one.done, "on", ""), key=one.says)),
                    class_name="pips",
                    role="img",
                    aria_label=state.done.to_string() + " of " + state.tries.length().to_string() + " done",
                ),
                rx.el.button(
                    icon("x", 16),
                    type="button",
                    on_click=state.put_away,
                    class_name="tool put-away",
                    aria_label="Put away. Help brings it back",
                    title="Put away. Help brings it back",
                ),
            ),
            rx.el.ol(rx.foreach(state.tries, _line), class_name="tries first-steps"),
            class_name="card",
            aria_labelledby="first-steps",
        ),
        rx.fragment(),
    )
