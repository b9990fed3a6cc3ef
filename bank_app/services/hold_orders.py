"""From what people ask about holds to drafts: existence and permission, as far as they never change."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from bank_app import errors
from bank_app.domain import money
from bank_app.domain.accounting import Direction, Draft, HoldDraft, Key, Leg, ReleaseDraft, TransactionType
from bank_app.domain.text import one_line
from bank_app.services import four_eyes, ledger, payment_codes
from bank_app.services.actor import Actor
from bank_app.services.hold_book import HoldRow
from bank_app.services.movements import CaptureHold, HoldMovement, PlaceHold
from bank_app.services.rules import no_such_hold
from bank_app.settings import Settings


def draft_of(
    actor: Actor,
    movement: HoldMovement,
    key: Key | None,
    *,
    settings: Settings,
    known: Mapping[int, ledger.AccountFacts],
    holds: Mapping[UUID, HoldRow],
) -> HoldDraft | Draft | ReleaseDraft:
    """The draft of one movement. `known` has every account that it names, `holds` the hold, if they exist.

    Raises:
        AccountNotFound, HoldNotFound: it does not exist, or it is somebody else's and the actor is a customer.
        Forbidden: an auditor; who captures in cash at a bank where tellers handle it, and is none or the owner; a
            teller who sets a customer's money aside for himself, or captures what somebody else has set aside for him.
        InvalidAmount: more decimals than the currency has, or more than the hold.
    """
    if isinstance(movement, PlaceHold):
        return _place(actor, movement, key, known, settings)
    hold = holds.get(movement.hold_id)
    if hold is None or not (actor.role.sees_every_account or known[hold.account_id].owner_id == actor.user_id):
        raise no_such_hold()
    _may_act(actor)
    if isinstance(movement, CaptureHold):
        payer = known[hold.account_id].owner_id
        if hold.to_account_id is None:
            _may_pay_out(actor, payer, settings)
        else:
            four_eyes.colleague_sends(actor, payer=payer, payee=known[hold.to_account_id].owner_id)
        return _capture(actor, movement, key, hold)
    return ReleaseDraft(
        id=movement.id,
        hold_id=hold.id,
        account_id=hold.account_id,
        actor_id=actor.user_id,
        # A release leaves no row of its own that a second try could be recognised by; no client can send this key.
        key=key or Key(actor.user_id, f"release {movement.id}", movement.fingerprint()),
        must_belong_to_actor=_own(actor, hold.account_id),
    )


def _place(
    actor: Actor, movement: PlaceHold, key: Key | None, known: Mapping[int, ledger.AccountFacts], settings: Settings
) -> HoldDraft:
    for number in movement.named:
        account = known.get(number)
        foreign = (
            number == movement.account_id
            and account
            and not (actor.role.sees_every_account or account.owner_id == actor.user_id)
        )
        if account is None or account.owner_id is None or foreign:
            raise ledger.no_such_account(number)
    _may_act(actor)
    if movement.to_account_id:
        owner, payee = known[movement.account_id].owner_id, known[movement.to_account_id].owner_id
        four_eyes.colleague_sends(actor, payer=owner, payee=payee)
    currency = known[movement.account_id].currency
    amount = movement.amount.minor(currency)
    owners = [known[number].owner_id for number in movement.named] if movement.to_account_id else ()
    if actor.two_steps and payment_codes.leaves(actor, *owners):
        payment_codes.require_for_payment(actor, settings, currency, amount)
    return HoldDraft(
        id=movement.id,
        account_id=movement.account_id,
        amount_minor=amount,
        currency=currency,
        actor_id=actor.user_id,
        expires_in=movement.expires_in,
        to_account_id=movement.to_account_id,
        to_currency=known[movement.to_account_id].currency if movement.to_account_id else None,
        description=one_line(movement.description or "") or None,
        key=key,
        must_belong_to_actor=_own(actor, movement.account_id),
    )


def _may_pay_out(actor: Actor, owner_id: UUID | None, settings: Settings) -> None:
    if not (actor.role.acts_on_every_account or settings.customers_handle_cash):
        raise errors.Forbidden("Customers cannot withdraw by themselves at this bank; a teller can.")
    four_eyes.colleague_pays(actor, owner_id, settings)


def _capture(actor: Actor, movement: CaptureHold, key: Key | None, hold: HoldRow) -> Draft:
    code = hold.currency
    amount = movement.amount.minor(code) if movement.amount else hold.amount_minor
    if amount > hold.amount_minor:
        held = money.to_text(hold.amount_minor, code)
        raise errors.InvalidAmount(f"The hold is of {held} {code}; at most that can be captured.", currency=code)
    to = hold.to_account_id
    return Draft(
        id=movement.id,
        type=TransactionType.WITHDRAW if to is None else TransactionType.TRANSFER,
        currency=code,
        legs=(
            Leg(hold.account_id, Direction.DEBIT, amount),
            Leg(ledger.cash_account(code) if to is None else to, Direction.CREDIT, amount),
        ),
        actor_id=actor.user_id,
        description=hold.description,
        captures=hold.id,
        key=key,
        must_belong_to_actor=_own(actor, hold.account_id),
    )


def _may_act(actor: Actor) -> None:
    if actor.role.sees_every_account and not actor.role.acts_on_every_account:
        raise errors.Forbidden("Your role (Auditor) can look but not change this.")


def _own(actor: Actor, account_id: int) -> frozenset[int]:
    return frozenset() if actor.role.acts_on_every_account else frozenset({account_id})
