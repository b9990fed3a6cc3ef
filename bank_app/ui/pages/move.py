"""Where money can go from here: four ways, the ones that are closed with the reason, and people paid before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import reflex as rx

from bank_app.domain import money
from bank_app.domain.text import isolated
from bank_app.services import accounts, payees, unfinished
from bank_app.services.accounts import AccountView
from bank_app.services.actor import Actor
from bank_app.services.drafts import DraftView
from bank_app.ui import calls, forms, words
from bank_app.ui.components.moving import when
from bank_app.ui.components.parts import bone, button_link, icon, link, notice, page_head, waiting
from bank_app.ui.components.shell import shell
from bank_app.ui.guard import exposed
from bank_app.ui.messages import say
from bank_app.ui.money_form import number_of, read_amount
from bank_app.ui.session import SessionState, actor_of

MOST_BEGUN = 3


@dataclass(frozen=True)
class Way:
    """One way to move money, or why it is closed."""

    kind: str
    title: str
    story: str
    address: str
    reason: str = ""


@dataclass(frozen=True)
class Start:
    """Somebody who was paid before: one press begins the next payment."""

    name: str
    initials: str
    last: str
    address: str


@dataclass(frozen=True)
class Begun:
    """Something that was not finished: what it is, since when, and where it goes on."""

    id: str
    title: str
    since: str
    address: str


class MoveState(rx.State):
    """The ways that are open to somebody."""

    loaded: bool = False
    refused: str = ""
    ways: list[Way] = []
    people: list[Start] = []
    begun: list[Begun] = []

    @exposed
    async def open(self) -> Any:
        """Reads the accounts and whom they paid."""
        actor = await actor_of(self)
        session = await self.get_state(SessionState)
        if not session.can_move:
            self.refused, self.loaded = say("forbidden", role=session.role_word), True
            return
        self.refused = ""
        if session.is_staff:
            self.refused, self.loaded = "Choose an account first: what can be done with it stands on its page.", True
            return
        await self._read(actor, session)
        self.loaded = True

    @exposed
    async def refresh(self) -> None:
        """The same again, without the bones."""
        session = await self.get_state(SessionState)
        if self.loaded and not self.refused:
            await self._read(await actor_of(self), session)

    @exposed
    async def discard(self, identifier: str) -> Any:
        """Forgets something that was begun. It was never sent, so no money is concerned."""
        actor, chosen = await actor_of(self), forms.identifier(identifier)
        if chosen is None:
            return None
        await calls.write(lambda db: unfinished.drop(db, actor, chosen))
        self.begun = [one for one in self.begun if one.id != str(chosen)]
        return rx.set_focus("ways")

    async def _read(self, actor: Actor, session: SessionState) -> None:
        own = await calls.read(lambda db: accounts.own_accounts(db, actor))
        found = await calls.read(lambda db: payees.paid_before(db, actor, owner_id=actor.user_id))
        self.ways = _ways(own, cash=session.handles_cash, bank=session.bank_name)
        self.people = [
            Start(
                payee.name,
                "".join(word[0] for word in payee.name.split()[:2]).upper(),
                f"{money.display(payee.last_amount_minor, payee.currency)} · {words.when(payee.last_paid_at)}",
                f"/move/transfer?to={payee.number}",
            )
            for payee in found
        ]
        left = await calls.read(lambda db: unfinished.of(db, actor))
        names = {account.id: account.title for account in own} | {payee.account_id: payee.name for payee in found}
        entries = [(draft.created_at, _checked(draft, names)) for draft in left.drafts]
        currencies = {account.id: account.currency for account in own}
        entries += [(form.changed_at, _typed(form, names, currencies)) for form in left.forms]
        entries.sort(key=lambda entry: entry[0], reverse=True)
        self.begun = [entry for _, entry in entries[:MOST_BEGUN]]


def _checked(draft: DraftView, names: dict[int, str]) -> Begun:
    """A draft that waits for its word."""
    amount = money.display(draft.amount_minor, draft.currency)
    name = draft.payee_name or names.get(draft.to_account_id or 0, "")
    title = f"Continue: {amount} to {isolated(name)}" if draft.kind == "transfer" else f"Continue: take out {amount}"
    since = f"Checked {words.inside(words.when(draft.created_at))}, not sent"
    return Begun(str(draft.id), title, since, f"/move/review/{draft.id}")


def _typed(form: unfinished.Form, names: dict[int, str], currencies: dict[int, str]) -> Begun:
    """A form that was left half way. What was typed is read as far as it can be."""
    typed = form.fields
    who = typed.get("who", "new")
    name = typed.get("name", "") if who == "new" else names.get(number_of(typed.get(who)) or 0, "")
    amount = _amount(form, currencies)
    if form.kind == "withdraw":
        title = f"Continue: take out {amount}" if amount else "Continue taking money out"
    elif form.kind == "deposit":
        title = f"Continue: add {amount}" if amount else "Continue adding money"
    else:
        title = f"Continue: {amount or 'a payment'}" + (f" to {isolated(name)}" if name else "")
    since = f"Begun {words.inside(words.when(form.changed_at))}, not {'added' if form.kind == 'deposit' else 'checked'}"
    return Begun(str(form.id), title, since, f"/move/{form.kind}?form={form.id}")


def _amount(form: unfinished.Form, currencies: dict[int, str]) -> str:
    """The amount in the currency of the account that was chosen; empty while nobody can say which one it is of."""
    chosen = currencies.get(number_of(form.fields.get("source")) or 0)
    possible = {chosen} if chosen else set(currencies.values())
    if len(possible) != 1:
        return ""
    currency = possible.pop()
    minor = read_amount(form.fields.get("amount", ""), currency, written=form.written).minor
    return "" if minor is None else money.display(minor, currency)


def _ways(own: list[AccountView], *, cash: bool, bank: str) -> list[Way]:
    """All ways, closed ones with the reason. Moving between accounts takes two of them."""
    none = "" if own else "Open an account first."
    paying = any(account.can_pay for account in own)
    receiving = any(account.can_receive for account in own)
    no_source = none or ("" if paying else "Money can't leave any of your accounts right now.")
    no_target = none or ("" if receiving else "No account of yours can receive money right now.")
    desk = "" if cash else say("CASH_AT_DESK", bank=bank)
    ways = [
        Way("pay", "Pay someone", "To any account at this bank, by its number.", "/move/transfer", no_source),
        Way("in", "Add money", "Cash into one of your accounts.", "/move/deposit", desk or no_target),
        Way("out", "Take money out", "Cash from one of your accounts.", "/move/withdraw", desk or no_source),
    ]
    if len(own) > 1:
        story, closed = "From one of your accounts to another.", no_source or no_target
        ways.insert(1, Way("own", "Between my accounts", story, "/move/transfer?who=own", closed))
    return ways


def _sign(kind: rx.Var) -> rx.Component:
    return rx.el.span(
        rx.match(
            kind,
            ("in", icon("arrow-down-left")),
            ("out", icon("banknote")),
            ("own", icon("arrow-left-right")),
            icon("arrow-up-right"),
        ),
        class_name="direction",
    )


def _way(way: rx.Var) -> rx.Component:
    return rx.cond(
        way.reason == "",
        link(
            _sign(way.kind),
            rx.el.span(rx.el.b(way.title), rx.el.small(way.story)),
            icon("chevron-right"),
            to=way.address,
            class_name="way",
            key=way.kind,
        ),
        rx.el.div(
            _sign(way.kind),
            rx.el.span(rx.el.b(way.title), rx.el.small(way.reason)),
            icon("lock", 16),
            class_name="way off",
            key=way.kind,
        ),
    )


def _person(person: rx.Var) -> rx.Component:
    return rx.el.li(
        link(
            rx.el.span(person.initials, class_name="face", aria_hidden="true"),
            rx.el.span(rx.el.b("Pay ", person.name), rx.el.small("Last: ", person.last)),
            icon("chevron-right"),
            to=person.address,
            class_name="person-row",
        ),
        key=person.address,
    )


def _left(begun: rx.Var) -> rx.Component:
    return rx.el.li(
        link(
            rx.el.span(icon("pencil-line", 16), class_name="face", aria_hidden="true"),
            rx.el.span(rx.el.b(begun.title), rx.el.small(begun.since)),
            to=begun.address,
            class_name="person-row",
        ),
        rx.el.button(
            "Discard",
            rx.el.span(" “", begun.title, "”", class_name="hidden-visually"),
            type="button",
            on_click=MoveState.discard(begun.id),
            class_name="btn quiet sm",
        ),
        class_name="begun",
        key=begun.id,
    )


def _unknown() -> rx.Component:
    return rx.el.div(
        waiting("your ways to move money"),
        *[
            rx.el.div(
                bone("36px", "36px"),
                rx.el.span(bone("12ch"), rx.el.br(), bone("22ch")),
                class_name="way off",
                aria_hidden="true",
            )
            for _ in range(4)
        ],
        class_name="ways",
        custom_attrs={"aria-busy": "true"},
    )


def move() -> rx.Component:
    """The page."""
    state = MoveState
    return shell(
        page_head("Move money"),
        rx.cond(
            state.loaded,
            rx.cond(
                state.refused != "",
                notice(
                    rx.el.p(state.refused),
                    rx.el.div(button_link("All accounts", "/ops/accounts"), class_name="actions"),
                ),
                rx.fragment(
                    when(
                        state.begun.length() > 0,
                        lambda: rx.el.section(
                            rx.el.header(rx.el.h2("Not finished yet", id="begun", class_name="card-heading")),
                            rx.el.ul(rx.foreach(state.begun, _left)),
                            class_name="card flush people-paid unfinished",
                            aria_labelledby="begun",
                        ),
                    ),
                    rx.el.div(rx.foreach(state.ways, _way), id="ways", tab_index=-1, class_name="ways"),
                    when(
                        state.people.length() > 0,
                        lambda: rx.el.section(
                            rx.el.header(rx.el.h2("People you have paid", id="people", class_name="card-heading")),
                            rx.el.ul(rx.foreach(state.people, _person)),
                            class_name="card flush people-paid",
                            aria_labelledby="people",
                        ),
                    ),
                ),
            ),
            _unknown(),
        ),
        here="/move",
    )
