"""From what people ask for to drafts that the ledger can decide on: a whole list at once, reading little."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from bank_app import errors
from bank_app.domain import money
from bank_app.domain.accounting import AnyDraft, Direction, Draft, HoldState, Key, Leg, TransactionType
from bank_app.domain.text import one_line
from bank_app.services import audit, four_eyes, hold_book, hold_orders, ledger, payment_codes
from bank_app.services.actor import Actor, ActorChanged, are_they_still, what_changed
from bank_app.services.answers import same_again
from bank_app.services.hold_book import HoldRow
from bank_app.services.movements import (
    AnyMovement,
    CashMovement,
    Deposit,
    HoldMovement,
    OnHold,
    PlaceHold,
    ReleaseHold,
    Reverse,
    Transfer,
)
from bank_app.settings import Settings


@dataclass(frozen=True, slots=True)
class Order:
    """A movement, who asks for it, and the key that makes asking again harmless."""

    actor: Actor
    movement: AnyMovement | HoldMovement
    key: Key | None
    with_names: bool = False
    # Whether a colleague approved it, where that is needed.
    approved: bool = False
    # Orders are posted by a thread that knows nothing of the request.
    whence: audit.Source = field(default_factory=audit.source, compare=False)

    @classmethod
    def of(
        cls,
        actor: Actor,
        movement: AnyMovement | HoldMovement,
        key: str | None,
        *,
        with_names: bool = False,
        approved: bool = False,
    ) -> Order:
        """`with_names` asks for the titles and owners of the accounts with the answer."""
        bound = Key(actor.user_id, key, movement.fingerprint()) if key else None
        return cls(actor, movement, bound, with_names, approved)


@dataclass(frozen=True, slots=True)
class Settled:
    """The ledger's answer to an order, with what is known of the accounts on its sides."""

    outcome: ledger.Outcome
    accounts: Mapping[int, ledger.AccountFacts]


Answer = Settled | ledger.Locked | errors.BankError | ActorChanged
_FACTS_KEPT = 50_000
# As much as is kept of a refusal.
_LONGEST_DETAIL = 300


class Known:
    """What never changes about accounts, remembered from one list of orders to the next. Threads may share it."""

    def __init__(self) -> None:
        """Knows nothing yet."""
        self._facts: dict[int, ledger.AccountFacts] = {}

    def about(self, session: Session, numbers: Iterable[int]) -> dict[int, ledger.AccountFacts]:
        """Those of these accounts that exist. Forgets all others when they are many, so that memory is bounded.

        The answer is the caller's own: what somebody else forgets meanwhile stays in it.
        """
        kept, wanted = self._facts, set(numbers)
        found = {number: facts for number in wanted if (facts := kept.get(number))}
        if missing := wanted - found.keys():
            read = ledger.facts(session, missing)
            if len(kept) + len(read) > _FACTS_KEPT:
                kept = self._facts = {}
            kept.update(read)
            found |= read
        return found


def settle(
    session: Session,
    orders: Sequence[Order],
    *,
    settings: Settings,
    known: Known,
    skip_locked: bool,
    in_order: bool = False,
) -> list[Answer]:
    """Posts a list of orders, each answered by itself, in their order.

    An error in the answer is one that is not recorded with a key: no such account, not allowed, too many decimals.
    `ledger.Locked` says that nothing was decided because somebody else holds a row (only with `skip_locked`), and
    `ActorChanged` that whoever ordered was remembered wrongly; who was not, and has left or changed since he asked, is
    told so. With `in_order` nothing overtakes what it depends on.

    Locks: as `ledger.post`. Source: ledger.md §4.
    """
    drafts = draft(session, orders, settings=settings, known=known)
    answers: list[Any] = [item if isinstance(item, errors.BankError) else None for item in drafts]
    _replay_before_existence(session, orders, answers)
    sound = [(index, item) for index, item in enumerate(drafts) if not isinstance(item, errors.BankError)]
    who = are_they_still(orders[index].actor for index, _ in sound)
    sight = ledger.look(session, [item for _, item in sound], skip_locked=skip_locked, also=who)
    for index, _ in sound:
        answers[index] = what_changed(orders[index].actor, sight.also, settings)
    same = [(index, item) for index, item in sound if answers[index] is None]
    outcomes = ledger.post_seen(session, [item for _, item in same], sight, in_order=in_order)
    for (index, _), outcome in zip(same, outcomes, strict=True):
        answers[index] = outcome
        _audit(session, orders[index], outcome)
    _replay_within_the_list(orders, answers)
    return _with_accounts(session, orders, answers, known)


def settle_all(session: Session, orders: Sequence[Order], *, settings: Settings, known: Known) -> list[Settled]:
    """Posts all of a list or nothing: if one outcome is a refusal, it is the first and nothing was written for any.

    The answers end with the first order that failed, or with the last.

    Raises:
        BankError: the first order that failed has no account, no permission, …; `details["item"]` is its place in the
            list. Whoever catches it inside the unit of work must not commit.
        NotSignedIn, Forbidden: who orders has left, or has another role by now.
    """
    drafts = draft(session, orders, settings=settings, known=known)
    answers: list[Any] = [item if isinstance(item, errors.BankError) else None for item in drafts]
    _replay_before_existence(session, orders, answers)
    turned_away = next((i for i, answer in enumerate(answers) if isinstance(answer, errors.BankError)), len(orders))
    # Those before it are decided on as well, because one of them may be the first that fails.
    orders, answers = orders[: turned_away + 1], answers[: turned_away + 1]
    sound = [(index, item) for index, item in enumerate(drafts[:turned_away]) if not isinstance(item, errors.BankError)]
    outcomes = _post_all(session, [orders[index].actor for index, _ in sound], [item for _, item in sound], settings)
    for (index, _), outcome in zip(sound, outcomes, strict=True):
        answers[index] = outcome
    _replay_within_the_list(orders, answers)
    refused = next((i for i, answer in enumerate(answers) if isinstance(answer, ledger.Refused)), None)
    if refused is not None:
        orders, answers = orders[: refused + 1], answers[: refused + 1]
    elif turned_away < len(orders):
        raise at_item(turned_away, answers[turned_away])
    return [answer for answer in _with_accounts(session, orders, answers, known) if isinstance(answer, Settled)]


def _post_all(
    session: Session, actors: Sequence[Actor], drafts: Sequence[AnyDraft], settings: Settings
) -> Sequence[Any]:
    if not drafts:
        return []
    sight = ledger.look(session, drafts, also=are_they_still(actors))
    for actor in set(actors):
        if changed := what_changed(actor, sight.also, settings):
            raise changed
    return ledger.post_seen(session, drafts, sight, all_or_none=True)


def at_item(index: int, error: errors.BankError) -> errors.BankError:
    """The same refusal, saying at which place of a list it came up."""
    detail = f"Item {index}: {error.detail}"[:_LONGEST_DETAIL]
    return errors.by_code(error.code, detail, **{**error.details, "item": index})


def _with_accounts(session: Session, orders: Sequence[Order], answers: Sequence[Any], known: Known) -> list[Answer]:
    facts = known.about(session, _sides(answers))
    names = ledger.named(session, _sides(answers[i] for i, order in enumerate(orders) if order.with_names))
    return [
        _settled(answer, names if order.with_names else facts) if isinstance(answer, ledger.Outcome) else answer
        for order, answer in zip(orders, answers, strict=True)
    ]


def draft(
    session: Session, orders: Sequence[Order], *, settings: Settings, known: Known
) -> list[AnyDraft | errors.BankError]:
    """A draft for each order, or why there is none: existence and permission, as far as they never change."""
    reversed_ids = [order.movement.transaction_id for order in orders if isinstance(order.movement, Reverse)]
    originals = ledger.load(session, reversed_ids)
    holds = hold_book.load(session, {order.movement.hold_id for order in orders if isinstance(order.movement, OnHold)})
    numbers = {number for order in orders for number in order.movement.named}
    held = {number for hold in holds.values() for number in (hold.account_id, hold.to_account_id) if number}
    facts = known.about(session, numbers | _sides(originals.values()) | held)
    drafts: list[AnyDraft | errors.BankError] = []
    for order in orders:
        try:
            drafts.append(_draft(order, settings, facts, originals, holds))
        except errors.BankError as error:
            drafts.append(error)
    return drafts


def _sides(outcomes: Iterable[Any]) -> set[int]:
    return {side.account_id for item in outcomes if isinstance(item, ledger.Posted) for side in item.postings}


def _settled(outcome: ledger.Outcome, accounts: Mapping[int, ledger.AccountFacts]) -> Settled:
    numbers = _sides([outcome])
    return Settled(outcome, {number: accounts[number] for number in numbers})


def _draft(
    order: Order,
    settings: Settings,
    known: Mapping[int, ledger.AccountFacts],
    originals: Mapping[UUID, ledger.Posted],
    holds: Mapping[UUID, HoldRow],
) -> AnyDraft:
    actor, movement = order.actor, order.movement
    if isinstance(movement, Reverse):
        mirror = reversal_draft(actor, movement, order.key, known, originals)
        payment_codes.require_for_payment(actor, settings, mirror.currency, mirror.legs[0].amount_minor)
        if not order.approved and four_eyes.reversal_takes_two(settings, mirror.amount_minor, mirror.currency):
            raise four_eyes.approval_required("reversal", f"transaction {movement.transaction_id}")
        return mirror
    if isinstance(movement, PlaceHold | OnHold):
        return hold_orders.draft_of(actor, movement, order.key, settings=settings, known=known, holds=holds)
    own = movement.own
    for number in movement.named:
        account = known.get(number)
        foreign = number == own and account and not actor.role.sees_every_account and account.owner_id != actor.user_id
        if account is None or account.owner_id is None or foreign:
            raise ledger.no_such_account(number)
    _may_move(actor, movement, known, settings)
    currency = known[own].currency
    amount = movement.amount.minor(currency)
    owners = [known[number].owner_id for number in movement.named] if isinstance(movement, Transfer) else ()
    if actor.two_steps and payment_codes.leaves(actor, *owners, into=isinstance(movement, Deposit)):
        payment_codes.require_for_payment(actor, settings, currency, amount)
    debit, credit = movement.sides(currency)
    versions = {own: movement.if_version} if isinstance(movement, Transfer) and movement.if_version is not None else {}
    return Draft(
        id=movement.id,
        type=TransactionType(movement.operation),
        currency=currency,
        legs=(Leg(debit, Direction.DEBIT, amount), Leg(credit, Direction.CREDIT, amount)),
        actor_id=actor.user_id,
        description=one_line(movement.description or "") or None,
        metadata=movement.metadata,
        key=order.key,
        must_belong_to_actor=frozenset() if actor.role.acts_on_every_account else frozenset({own}),
        expected_versions=versions,
    )


def _may_move(
    actor: Actor, movement: CashMovement | Transfer, known: Mapping[int, ledger.AccountFacts], settings: Settings
) -> None:
    if actor.role.acts_on_every_account:
        owner = known[movement.own].owner_id
        if isinstance(movement, CashMovement):
            four_eyes.colleague_pays(actor, owner, settings)
        else:
            four_eyes.colleague_sends(actor, payer=owner, payee=known[movement.to_account_id].owner_id)
        return
    if actor.role.sees_every_account:
        raise errors.Forbidden("Your role (Auditor) can look but not change this.")
    if isinstance(movement, CashMovement) and not settings.customers_handle_cash:
        raise errors.Forbidden("Customers cannot deposit or withdraw by themselves at this bank; a teller can.")


def reversal_draft(
    actor: Actor,
    movement: Reverse,
    key: Key | None,
    known: Mapping[int, ledger.AccountFacts],
    originals: Mapping[UUID, ledger.Posted],
) -> Draft:
    """The mirror of a transaction. `originals` has it, and `known` its accounts, if it exists.

    Raises:
        TransactionNotFound: it does not exist, or a customer has no side in it.
        Forbidden: anybody but a teller, or a teller who owns one of its sides.
        Invalid: it is a reversal itself.
    """
    original = originals.get(movement.transaction_id)
    visible = original and (
        actor.role.sees_every_account
        or any(known[side.account_id].owner_id == actor.user_id for side in original.postings)
    )
    if original is None or not visible:
        raise no_such_transaction()
    if not actor.role.acts_on_every_account:
        raise errors.Forbidden("Only a teller can reverse a transaction.")
    four_eyes.colleague_decides(actor, *(known[side.account_id].owner_id for side in original.postings))
    if original.type == TransactionType.REVERSAL:
        raise errors.Invalid("A reversal cannot be reversed; post a new transfer instead.")
    # Mirrored sides in mirrored order: what was credited is debited first.
    legs = tuple(
        Leg(side.account_id, side.direction.opposite, side.amount_minor) for side in reversed(original.postings)
    )
    return Draft(
        id=movement.id,
        type=TransactionType.REVERSAL,
        currency=original.currency,
        legs=legs,
        actor_id=actor.user_id,
        description=original.description,
        reverses_id=original.id,
        key=key,
    )


def no_such_transaction() -> errors.TransactionNotFound:
    """The one sentence for transactions that do not exist and for those that somebody has no side in."""
    return errors.TransactionNotFound("There is no transaction with this id that you can see.")


def _replay_before_existence(session: Session, orders: Sequence[Order], answers: list[Any]) -> None:
    """The first answer stands, whatever has changed since: so keys are asked before anybody is turned away."""
    turned_away = [
        (index, order.key) for index, order in enumerate(orders) if answers[index] is not None and order.key is not None
    ]
    outcomes = ledger.recorded_all(session, [key for _, key in turned_away])
    for (index, _), outcome in zip(turned_away, outcomes, strict=True):
        answers[index] = outcome or answers[index]


def _replay_within_the_list(orders: Sequence[Order], answers: list[Any]) -> None:
    """The same for a key that an order further up in the list has just been answered with."""
    if not any(isinstance(answer, errors.BankError) and orders[i].key for i, answer in enumerate(answers)):
        return
    first: dict[tuple[UUID, str], tuple[bytes, ledger.Outcome]] = {}
    for index, (order, answer) in enumerate(zip(orders, answers, strict=True)):
        key = order.key
        if key is None:
            continue
        if isinstance(answer, errors.BankError):
            if earlier := first.get((key.actor_id, key.text)):
                answers[index] = same_again(key, *earlier)
        elif isinstance(answer, ledger.Posted | ledger.Held) or (
            isinstance(answer, ledger.Refused) and isinstance(answer.error, errors.Refused)
        ):
            first.setdefault((key.actor_id, key.text), (key.fingerprint, answer))


def _audit(session: Session, order: Order, outcome: ledger.Outcome | ledger.Locked) -> None:
    """What only the bank's people may do, and what they do to somebody's hold."""
    movement = order.movement
    staff = order.actor.role.acts_on_every_account
    if staff and isinstance(outcome, ledger.Held) and not outcome.replayed:
        _audit_hold(session, order, outcome)
    if isinstance(movement, Reverse) and isinstance(outcome, ledger.Posted) and not outcome.replayed:
        audit.record(
            session,
            actor_id=order.actor.user_id,
            action="transaction.reverse",
            object=f"transaction {movement.transaction_id}",
            reason=one_line(movement.reason),
            changes={"reversed_by": [None, str(outcome.id)]},
            whence=order.whence,
        )


def _audit_hold(session: Session, order: Order, outcome: ledger.Held) -> None:
    hold, changes = outcome.hold, dict[str, list[object]]()
    if isinstance(order.movement, PlaceHold):
        changes["state"] = [None, HoldState.OPEN.value]
    elif isinstance(order.movement, ReleaseHold):
        changes["state"] = [HoldState.OPEN.value, HoldState.RELEASED.value]
    else:
        changes["state"] = [HoldState.OPEN.value, HoldState.CAPTURED.value]
        changes["captured"] = [None, f"{money.to_text(hold.captured_minor or 0, hold.currency)} {hold.currency}"]
    audit.record(
        session,
        actor_id=order.actor.user_id,
        action=order.movement.operation,
        object=f"hold {hold.id}",
        changes=changes,
        whence=order.whence,
    )
