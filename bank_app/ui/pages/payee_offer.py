"""On the receipt of a payment to somebody new: keep them, so that no number is typed twice."""

from __future__ import annotations

from uuid import UUID

import reflex as rx
from sqlalchemy.orm import Session

from bank_app.domain.accounting import TransactionType
from bank_app.domain.identifiers import parse_account_number
from bank_app.errors import BankError, NotFound
from bank_app.services import payees, transfers
from bank_app.services.actor import Actor
from bank_app.ui import calls, forms
from bank_app.ui.components.parts import icon
from bank_app.ui.guard import exposed
from bank_app.ui.messages import refusal, say
from bank_app.ui.notices import notify
from bank_app.ui.session import actor_of


class OfferState(rx.State):
    """Whom to keep; nobody where there is nobody new."""

    name: str = ""
    saved: str = ""
    of: str = ""

    @exposed
    async def open(self) -> None:
        """Looks whether the receiver is somebody else and not kept yet."""
        actor = await actor_of(self)
        address = self.router.url.path.rstrip("/").rpartition("/")[2]
        if self.of != address:
            self.name = self.saved = ""
        transaction_id = forms.identifier(address)
        if transaction_id is None:
            return
        try:
            found = await calls.read(lambda session: _receiver(session, actor, transaction_id))
        except BankError:
            found = None
        self.of, self.name = address, found[1] if found else ""

    @exposed
    async def save(self) -> None:
        """Keeps the receiver under the name that the receipt shows."""
        actor = await actor_of(self)
        transaction_id = forms.identifier(self.router.url.path.rstrip("/").rpartition("/")[2])
        if transaction_id is None:
            return
        try:
            view = await calls.write(lambda session: _save(session, actor, transaction_id))
        except BankError as error:
            await notify(self, refusal(error).text, "error")
            return
        self.name, self.saved = "", say("PAYEE_SAVED", name=view.title)
        await notify(self, self.saved)


def _receiver(session: Session, actor: Actor, transaction_id: UUID) -> tuple[int, str] | None:
    """The account that the reader's own account paid and has not kept, with its owner's name as far as he knows it."""
    view = transfers.get_transaction(session, actor, transaction_id)
    if view.type is not TransactionType.TRANSFER:
        return None
    sent, received = view.postings[0], view.postings[-1]
    if not sent.mine or received.mine or not received.owner_name or received.only_numbered:
        return None
    number = parse_account_number(received.account_id)
    return None if payees.is_saved(session, actor, number) else (number, received.owner_name)


def _save(session: Session, actor: Actor, transaction_id: UUID) -> payees.SavedView:
    found = _receiver(session, actor, transaction_id)
    if found is None:
        raise NotFound
    return payees.save(session, actor, account_id=found[0], name=found[1])


def payee_offer(transaction_id: rx.Var) -> rx.Component:
    """The button, or nothing."""
    return rx.cond(
        (OfferState.of == transaction_id) & (OfferState.name != ""),
        rx.el.button(
            icon("user-plus", 16), "Save ", OfferState.name, type="button", on_click=OfferState.save, class_name="btn"
        ),
        rx.fragment(),
    )
