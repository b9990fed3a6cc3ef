"""The receipt of a transaction: a page with an address, because a message that fades is no proof."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import reflex as rx

from bank_app.domain import money
from bank_app.domain.accounting import Direction, TransactionType
from bank_app.errors import BankError, NotFound
from bank_app.services import drafts, payees, transfers
from bank_app.services.auth import Actor
from bank_app.services.transfers import PostingView, TransactionView
from bank_app.ui import calls, forms, words
from bank_app.ui.components.browser import copy_button, press_once, route_value
from bank_app.ui.components.moving import copy_link, fact, print_button, when
from bank_app.ui.components.parts import badge, bone, button_link, crumb, failed_panel, icon, link, page_head, waiting
from bank_app.ui.components.shell import shell
from bank_app.ui.guard import exposed
from bank_app.ui.messages import refusal, say
from bank_app.ui.pages.cash import DepositState
from bank_app.ui.session import SessionState, actor_of

_TYPES = {"deposit": "Cash deposit", "withdraw": "Cash withdrawal", "transfer": "Transfer", "reversal": "Reversal"}


@dataclass(frozen=True)
class Side:
    """One entry of the two."""

    owner: str
    account: str
    incoming: bool
    amount: str
    balance: str
    hidden: str = ""


@dataclass(frozen=True)
class Event:
    """One moment of the transaction's life that the bank has a record of."""

    title: str
    detail: str
    time: str
    address: str = ""


@dataclass(frozen=True)
class Paper:
    """What stands on the receipt."""

    title: str = ""
    sub: str = ""
    amount: str = ""
    reversed: bool = False
    reference: str = ""
    source: str = ""
    source_detail: str = ""
    target: str = ""
    target_detail: str = ""
    note: str = ""
    kind: str = ""
    posted: str = ""
    balance: str = ""
    total: str = ""
    hash: str = ""
    hash_short: str = ""
    back: str = ""
    back_to: str = ""
    again: str = ""
    linked: str = ""
    linked_to: str = ""


class ReceiptState(rx.State):
    """A transaction as the reader may see it."""

    loaded: bool = False
    shown: str = ""
    missing: bool = False
    failed: str = ""
    paper: Paper = Paper()
    sides: list[Side] = []
    events: list[Event] = []
    can_repeat: bool = False
    replayed: str = ""
    replay_code: str = ""
    answer: int = 0

    @exposed
    async def open(self) -> Any:
        """Reads the transaction of the address."""
        actor = await actor_of(self)
        address = self.router.url.path.rstrip("/").rpartition("/")[2]
        if self.shown != address:
            self.loaded, self.replayed, self.replay_code = False, "", ""
            yield
        self.failed, self.missing, self.can_repeat = "", False, False
        try:
            await self._read(actor, forms.identifier(address))
        except NotFound:
            self.missing = True
        except BankError as error:
            self.failed = refusal(error).text
        self.shown, self.loaded = address, True
        (await self.get_state(DepositState))._delivered()  # noqa: SLF001 - not callable from a browser, so private

    @exposed
    async def send_twice(self) -> None:
        """Sends the same draft once more under the same key, in earnest: the bank must answer with the first one."""
        actor = await actor_of(self)
        session = await self.get_state(SessionState)
        self.answer += 1
        transaction_id = forms.identifier(self.router.url.path.rstrip("/").rpartition("/")[2])
        if not session.demo or transaction_id is None:
            return
        try:
            draft = await calls.read(lambda db: _draft(db, actor, transaction_id))
            if draft is None:
                return
            moved = await calls.call(transfers.move, calls.bank().db, actor, draft.movement, key=draft.key)
        except BankError as error:
            found = refusal(error)
            self.replayed, self.replay_code = found.text, found.code
            return
        if moved.replayed and moved.transaction.id == transaction_id:
            self.replayed = say("IDEMPOTENT_REPLAY", time=words.time_of_day(moved.transaction.created_at))
            self.replay_code = f"replayed · {draft.key}"

    async def _read(self, actor: Actor, transaction_id: UUID | None) -> None:
        if transaction_id is None:
            raise NotFound
        session = await self.get_state(SessionState)

        def read(db: Any) -> tuple[TransactionView, drafts.DraftView | None]:
            return transfers.get_transaction(db, actor, transaction_id), _draft(db, actor, transaction_id)

        view, draft = await calls.read(read)
        self.paper = _paper(view, actor)
        self.sides = [_side(side, view) for side in view.postings]
        self.events = _events(view, draft)
        self.can_repeat = session.demo and draft is not None


def _draft(db: Any, actor: Actor, transaction_id: UUID) -> drafts.DraftView | None:
    """The draft that the reader sent this with, while it is kept."""
    key = payees.key_of(db, actor, transaction_id) or ""
    draft_id = forms.identifier(key.removeprefix("draft:")) if key.startswith("draft:") else None
    if draft_id is None:
        return None
    try:
        return drafts.get(db, actor, draft_id)
    except NotFound:
        return None


# --- in words ---------------------------------------------------------------------------------------------


def _paper(view: TransactionView, actor: Actor) -> Paper:
    debit, credit = view.postings[0], view.postings[-1]
    staff = actor.role.sees_every_account
    mine = next((side for side in (debit, credit) if side.mine), None)
    both = debit.mine and credit.mine
    at = words.time_of_day(view.created_at, seconds=True)
    sign = 0 if both or mine is None else 1 if mine is credit else -1
    seen = mine or (debit if debit.account_id.isdigit() else credit)
    linked = view.reversed_by or view.reverses
    again = view.type is TransactionType.TRANSFER and (debit.mine or actor.role.acts_on_every_account)
    balance = seen.balance_after_minor if not both else None
    return Paper(
        title=_title(view, debit, credit),
        sub=f"Posted in both accounts at {at}.",
        amount=money.display(view.amount_minor * (sign or 1), view.currency, signed=sign != 0),
        reversed=view.reversed_by is not None,
        reference=view.reference,
        source=debit.owner_name or debit.title,
        source_detail=_where(debit, staff=staff),
        target=credit.owner_name or credit.title,
        target_detail=_where(credit, staff=staff),
        note=view.description or "",
        kind=_TYPES.get(view.type, view.type),
        posted=words.full_moment(view.created_at),
        balance="" if balance is None or staff else money.display(balance, view.currency),
        total=money.display(0, view.currency),
        hash=view.hash,
        hash_short=_short(view.hash),
        back=f"{seen.title} {words.ending(seen.account_id)}",
        back_to=f"/accounts/{seen.account_id}",
        again=f"/move/transfer?again={view.id}" if again else "",
        linked="" if linked is None else "See the reversal" if view.reversed_by else "See the original",
        linked_to="" if linked is None else f"/transactions/{linked}",
    )


def _title(view: TransactionView, debit: PostingView, credit: PostingView) -> str:
    amount = money.display(view.amount_minor, view.currency)
    if view.type is TransactionType.DEPOSIT:
        return f"Added {amount} to {_whose(credit)}"
    if view.type is TransactionType.WITHDRAW:
        return f"Withdrew {amount} from {_whose(debit)}"
    if view.type is TransactionType.REVERSAL:
        return f"Reversed: {amount} back to {credit.owner_name or credit.title}"
    if debit.mine and credit.mine:
        return f"Moved {amount} from {debit.title} to {credit.title}"
    if debit.mine:
        return f"Sent {amount} to {credit.owner_name}"
    if credit.mine:
        return f"Received {amount} from {debit.owner_name}"
    return f"{debit.owner_name} sent {amount} to {credit.owner_name}"


def _whose(side: PostingView) -> str:
    return side.title if side.mine else f"{side.owner_name}: {side.title}"


def _where(side: PostingView, *, staff: bool) -> str:
    """An account on paper: by its name where it is the reader's, else by its full number."""
    if not side.account_id.isdigit():
        return "The bank's own account"
    if side.mine:
        return f"{side.title} {words.ending(side.account_id)}"
    number = words.grouped(side.account_id)
    return f"{side.title} {number}" if staff else number


def _side(side: PostingView, view: TransactionView) -> Side:
    incoming = side.direction is Direction.CREDIT
    customer = side.account_id.isdigit()
    hidden = ""
    if side.balance_after_minor is None:
        hidden = f"Only {side.owner_name.split()[0]} sees this" if customer and side.owner_name else "Kept by the bank"
    return Side(
        owner=side.owner_name or side.title,
        account=f"{side.title} {words.ending(side.account_id)}" if customer else "Bank account",
        incoming=incoming,
        amount=money.display(side.amount_minor if incoming else -side.amount_minor, view.currency, signed=True),
        balance="" if side.balance_after_minor is None else money.display(side.balance_after_minor, view.currency),
        hidden=hidden,
    )


def _events(view: TransactionView, draft: drafts.DraftView | None) -> list[Event]:
    """Only what there is a record of: the draft while it is kept, the posting, and a reversal."""
    found = []
    if draft is not None:
        checks = {"match": "Name matched", "none": "Name did not match; sent anyway", "fail": "Name not checked"}
        checked = checks.get(draft.payee_result or "", "")
        detail = f"Draft {draft.reference}" + (f" · {checked}" if checked else "")
        found.append(Event("Created", detail, _precise(draft.created_at)))
    found.append(Event("Posted", "Both entries in one database commit", _precise(view.created_at)))
    if view.reversed_by is not None:
        found.append(Event("Reversed", "By a transaction of its own", "", f"/transactions/{view.reversed_by}"))
    return found


def _precise(moment: datetime) -> str:
    """`14:21:12.031`."""
    return f"{words.time_of_day(moment, seconds=True)}.{moment.microsecond // 1000:03d}"


def _short(text: str) -> str:
    groups = [text[at : at + 4] for at in range(0, len(text), 4)]
    return " ".join(groups[:4]) + " … " + " ".join(groups[-2:])


# --- the page -------------------------------------------------------------------------------------------


def _head(ready: rx.Var) -> rx.Component:
    """The heading is one element before and after it is known, because it has the focus."""
    paper = ReceiptState.paper
    return rx.el.div(
        rx.el.div(
            rx.el.div(
                rx.cond(ready, badge("Posted", "check", "ok"), bone("9ch", "24px")),
                when(ready & paper.reversed, lambda: badge("Reversed", "undo-2", "warn")),
                class_name="actions",
            ),
            rx.el.h1(
                rx.cond(ready, paper.title, rx.fragment(rx.el.span("Receipt", class_name="hidden-visually"), bone()))
            ),
            rx.el.p(rx.cond(ready, paper.sub, bone("24ch")), class_name="muted"),
            rx.el.p(
                rx.cond(ready, rx.el.span(paper.amount, class_name="total"), bone("6ch", "1em")),
                class_name="display num",
            ),
        ),
        when(
            ready,
            lambda: rx.el.div(
                "Reference",
                rx.el.span(paper.reference, class_name="mono"),
                copy_button(text=paper.reference, label="the reference", class_name="btn quiet tiny"),
                class_name="ref",
            ),
        ),
        class_name="receipt-head",
    )


def _facts() -> rx.Component:
    paper = ReceiptState.paper

    def plain(value: rx.Var) -> rx.Component:
        return rx.el.span(value, class_name="plain-text")

    return rx.el.dl(
        fact("From", paper.source, rx.el.small(paper.source_detail)),
        fact("To", paper.target, rx.el.small(paper.target_detail)),
        when(paper.note != "", lambda: fact("Note", plain(paper.note))),
        fact("Type", plain(paper.kind)),
        fact("Posted", rx.el.span(paper.posted, class_name="plain-text num")),
        when(paper.balance != "", lambda: fact("Balance after", rx.el.span(paper.balance, class_name="num"))),
        class_name="facts",
    )


def _side_row(side: rx.Var) -> rx.Component:
    def way(symbol: str, name: str, kind: str) -> rx.Component:
        return rx.el.span(icon(symbol, 16), name, class_name=f"way-words {kind}".strip())

    return rx.el.tr(
        rx.el.td(rx.el.b(side.owner), rx.el.span(side.account, class_name="small muted")),
        rx.el.td(
            rx.cond(side.incoming, way("arrow-down-left", "Money in", "in"), way("arrow-up-right", "Money out", "")),
            class_name="wide-only",
        ),
        rx.el.td(rx.el.span(side.amount, class_name=rx.cond(side.incoming, "money in", "money")), class_name="right"),
        rx.el.td(
            rx.cond(side.hidden != "", rx.el.span(side.hidden, class_name="subtle"), side.balance),
            class_name="right",
        ),
    )


def _sides() -> rx.Component:
    return rx.el.section(
        rx.el.h2("Both sides"),
        rx.el.table(
            rx.el.thead(
                rx.el.tr(
                    rx.el.th("Account", scope="col"),
                    rx.el.th("Direction", scope="col", class_name="wide-only"),
                    rx.el.th("Entry", scope="col", class_name="right"),
                    rx.el.th("Balance after", scope="col", class_name="right"),
                )
            ),
            rx.el.tbody(rx.foreach(ReceiptState.sides, _side_row)),
            rx.el.tfoot(
                rx.el.tr(
                    rx.el.td("Sum"),
                    rx.el.td(class_name="wide-only"),
                    rx.el.td(rx.el.span(ReceiptState.paper.total, class_name="zero"), class_name="right"),
                    rx.el.td(badge("Balanced", "check", "ok"), class_name="right"),
                )
            ),
            class_name="sides",
        ),
    )


def _timeline() -> rx.Component:
    return rx.el.section(
        rx.el.h2("Timeline"),
        rx.el.ol(
            rx.foreach(
                ReceiptState.events,
                lambda event: rx.el.li(
                    rx.el.span(icon("check", 14), class_name="dot"),
                    rx.el.div(
                        rx.el.b(event.title),
                        rx.el.small(rx.cond(event.address != "", link(event.detail, to=event.address), event.detail)),
                    ),
                    rx.el.span(event.time, class_name="time"),
                ),
            ),
            class_name="timeline",
        ),
    )


def _proof() -> rx.Component:
    paper = ReceiptState.paper
    return rx.el.section(
        rx.el.h2("Audit"),
        rx.el.p(
            "The fingerprint of this transaction. Both entries carry it in their account's chain, so a change "
            "would break every entry after it.",
            class_name="small muted",
        ),
        rx.el.p(
            rx.el.span("Hash", class_name="muted"),
            rx.el.code(paper.hash_short, class_name="mono screen-only"),
            rx.el.code(paper.hash, class_name="mono print-only"),
            copy_button(text=paper.hash, label="the hash", class_name="btn quiet tiny"),
            class_name="hash",
        ),
    )


def _beside() -> rx.Component:
    state, paper = ReceiptState, ReceiptState.paper
    return rx.el.aside(
        rx.el.section(
            rx.el.h2("What next", class_name="card-heading"),
            rx.el.div(
                print_button(icon("printer", 16), "Print or save PDF", class_name="btn"),
                copy_link(icon("link", 16), class_name="btn"),
                when(paper.again != "", lambda: button_link("Send again", paper.again, symbol="repeat")),
                when(
                    paper.linked != "",
                    lambda: link(icon("undo-2", 16), paper.linked, to=paper.linked_to, class_name="btn"),
                ),
                class_name="buttons",
            ),
            class_name="card",
        ),
        when(
            state.can_repeat,
            lambda: rx.el.section(
                rx.el.h2("Don’t take our word for it", class_name="card-heading"),
                rx.el.p(
                    "Press it: the same request goes to the bank a second time, with the same key.",
                    class_name="small muted",
                ),
                press_once(
                    label="Try to send it twice",
                    busy_label="Sending it again…",
                    answer=state.answer,
                    on_press=state.send_twice.temporal,
                    class_name="btn tint wide",
                ),
                rx.el.div(
                    when(
                        state.replayed != "",
                        lambda: rx.el.div(
                            icon("info"),
                            rx.el.div(rx.el.p(state.replayed), rx.el.p(state.replay_code, class_name="code mono")),
                            class_name="notice info",
                        ),
                    ),
                    role="status",
                ),
                class_name="card twice",
            ),
        ),
        class_name="aside",
        aria_label="What next",
    )


def _receipt(ready: rx.Var) -> rx.Component:
    paper = ReceiptState.paper
    return rx.fragment(
        crumb(rx.cond(ready, paper.back, "Accounts"), rx.cond(ready, paper.back_to, "/accounts")),
        rx.el.div(
            rx.el.article(
                _head(ready),
                rx.cond(
                    ready,
                    rx.fragment(_facts(), _sides(), _timeline(), _proof()),
                    rx.el.div(
                        waiting("the receipt"),
                        rx.el.dl(*[fact(bone("7ch"), bone("16ch", "1.2em")) for _ in range(5)], class_name="facts"),
                        custom_attrs={"aria-busy": "true"},
                    ),
                ),
                class_name="card flush receipt",
            ),
            when(ready, _beside),
            class_name="split paper",
        ),
    )


def _missing() -> rx.Component:
    return rx.fragment(
        page_head("Not found"),
        rx.el.p(say("transaction_not_found"), class_name="lead field"),
        button_link("Go to your accounts", "/accounts", style="primary"),
    )


def receipt() -> rx.Component:
    """The page."""
    state = ReceiptState
    known = state.loaded & (state.shown == route_value("transaction_id"))
    return shell(
        rx.cond(
            known & state.missing,
            _missing(),
            rx.cond(
                known & (state.failed != ""),
                rx.fragment(page_head("Receipt"), failed_panel(state.failed, state.open)),
                _receipt(known),
            ),
        ),
        here="/accounts",
    )
