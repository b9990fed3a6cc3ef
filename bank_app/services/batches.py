"""Many movements in one request: each by itself, or all or none."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeGuard
from uuid import UUID

from sqlalchemy.orm import Session

from bank_app import errors
from bank_app.database import Database
from bank_app.domain.accounting import Key
from bank_app.services import ledger, payment_codes, posting, quotas, work
from bank_app.services.actor import Actor, still
from bank_app.services.movements import Deposit, Transfer, Withdraw
from bank_app.services.orders import Known, Order, Settled, at_item, settle_all
from bank_app.settings import Settings

LARGEST_BATCH = 10_000


@dataclass(frozen=True, slots=True)
class Item:
    """A movement of a batch, and the key of its own that it may have."""

    movement: Deposit | Withdraw | Transfer
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of each item, in their order: its transaction's id, or why there is none.

    `repeats` tells those that their key had been answered before, by another request or by an item further up;
    `replayed` when that is every one of them.
    """

    results: tuple[UUID | errors.BankError, ...]
    repeats: tuple[bool, ...]

    @property
    def replayed(self) -> bool:
        """Whether nothing of it was new."""
        return all(self.repeats)

    @property
    def posted(self) -> int:
        """How many transactions there are for its items, each counted once."""
        return len({result for result in self.results if isinstance(result, UUID)})


async def post(
    db: Database, actor: Actor, items: Sequence[Item], *, atomic: bool = False, key: str | None = None
) -> Answered:
    """Posts 1 to 10,000 movements. Not atomic: each is answered by itself, in units of work of some hundreds.

    With `key` the whole is answered the same when it is sent again; what had been interrupted is then completed. It is
    a key like those of items and of single requests: all keys of a person are in one space.

    Raises:
        IdempotencyKeyReused: the key was used with another batch, with another kind of request, or by one of its items.
        StepUpRequired: all of it together is more than the actor may pay without a fresh code.
        BankError: an atomic batch was refused; nothing was posted, and `details["item"]` is the place (from 0) of the
            first item that failed.
        BatchTooLarge: a customer's atomic batch of more than BANK_ATOMIC_BATCH_LIMIT items.
        TooMuchWork, LargeWorkRunning, QuotaUsedUp: what the person asks for is too much, or he has another large thing
            under way.
        LockTimeout, DatabaseUnavailable, Overloaded, OutcomeUnknown: repeat with the same keys. Only of an atomic batch
            does that say that nothing was posted.
    """
    office = work.of(db)
    office.admit(actor.user_id)
    _must_be_another(key, items)
    _may_be_one(actor, len(items), db.settings, atomic=atomic)
    if actor.two_steps:
        await asyncio.to_thread(payment_codes.require_for_batch, db, actor, [item.movement for item in items])
    quotas.count_movements(actor.user_id, actor.role, db.settings, len(items))
    office.charge(actor.user_id, work.ITEM * len(items))
    with office.large(actor.user_id) if len(items) > posting.SHORT else contextlib.nullcontext():
        return await _post(db, actor, items, atomic=atomic, key=key)


async def _post(db: Database, actor: Actor, items: Sequence[Item], *, atomic: bool, key: str | None) -> Answered:
    # Thousands of fingerprints take a while; everybody else goes on meanwhile.
    whole, orders = await asyncio.to_thread(_orders, actor, items, atomic, key)
    queue = posting.of(db)
    if atomic:
        settled = await queue.in_thread(
            actor.user_id,
            partial(_settle_all, orders, whole, db.settings, queue.known),
            seldom=len(orders) > posting.SHORT and not actor.role.acts_on_every_account,
        )
        if isinstance(settled, ledger.Refused):
            raise settled.as_error()
        answers: Sequence[Settled | errors.BankError] = settled
    else:
        if whole and (refused := await asyncio.to_thread(_claim, db, actor, whole)):
            raise refused.as_error()
        answers = await queue.post_each(orders)
    repeats = tuple(_is_repeat(order, answer) for order, answer in zip(orders, answers, strict=True))
    return Answered(tuple(_result(answer) for answer in answers), repeats)


def _may_be_one(actor: Actor, count: int, settings: Settings, *, atomic: bool) -> None:
    """Nobody can post between the items of an atomic batch, so a customer's is short."""
    most = settings.atomic_batch_limit
    if atomic and count > most and not actor.role.acts_on_every_account:
        raise errors.BatchTooLarge(
            f"An atomic batch may have {most} items. Send it in parts, or without `atomic`.", most=most
        )


def _must_be_another(key: str | None, items: Sequence[Item]) -> None:
    """One key cannot stand for the whole and for an item of it."""
    same = next((index for index, item in enumerate(items) if key and item.key == key), None)
    if same is not None:
        raise at_item(same, errors.IdempotencyKeyReused("The key of this item is the key of the whole batch."))


def _orders(actor: Actor, items: Sequence[Item], atomic: bool, key: str | None) -> tuple[Key | None, list[Order]]:  # noqa: FBT001 - passed on as it came
    whole = _whole(actor, items, atomic=atomic, key=key) if key else None
    return whole, [_order(actor, item, index, whole) for index, item in enumerate(items)]


def _whole(actor: Actor, items: Sequence[Item], *, atomic: bool, key: str) -> Key:
    digest = hashlib.sha256(b"atomic" if atomic else b"each")
    for item in items:
        digest.update(item.movement.fingerprint() + (item.key or "").encode() + b"\0")
    return Key(actor.user_id, key, digest.digest())


def _order(actor: Actor, item: Item, index: int, whole: Key | None) -> Order:
    if item.key or whole is None:
        return Order.of(actor, item.movement, item.key)
    # With a space in it, which no client can send: the keys that a batch makes are nobody else's.
    fingerprint = hashlib.sha256(whole.fingerprint + str(index).encode()).digest()
    text = f"{hashlib.sha256(whole.text.encode()).hexdigest()} batch {index}"
    return Order(actor, item.movement, Key(actor.user_id, text, fingerprint))


def _claim(db: Database, actor: Actor, whole: Key) -> ledger.Refused | None:
    """Has the key stand for this batch before anything of it is posted, so that it cannot stand for another.

    The items have keys of their own, made from it; they would not notice one more item under the same key.
    """

    def operation(session: Session) -> ledger.Refused | None:
        still(session, actor)
        before = ledger.recorded(session, whole)
        if before is None:
            _note(session, whole)
        return before if _is_refused(before) else None

    return db.unit_of_work(operation, resolvable=True)


def _note(session: Session, whole: Key) -> None:
    ledger.record_refusal(
        session, whole, ledger.Refused(errors.RequestInProgress("The items of this batch are answered by their keys."))
    )


def _is_refused(before: ledger.Outcome | None) -> TypeGuard[ledger.Refused]:
    return isinstance(before, ledger.Refused) and not isinstance(before.error, errors.RequestInProgress)


def _settle_all(
    orders: Sequence[Order], whole: Key | None, settings: Settings, known: Known, session: Session
) -> list[Settled] | ledger.Refused:
    """One unit of work for all. A refusal is written under the key of the whole."""
    before = ledger.recorded(session, whole) if whole else None
    if _is_refused(before):
        return before
    settled = settle_all(session, orders, settings=settings, known=known)
    if isinstance(settled[-1].outcome, ledger.Refused):
        refusal = ledger.Refused(at_item(len(settled) - 1, settled[-1].outcome.error))
        if whole and before is None and isinstance(refusal.error, errors.Refused):
            ledger.record_refusal(session, whole, refusal)
        return refusal
    if whole and before is None:
        _note(session, whole)
    return settled


def _is_repeat(order: Order, answer: Settled | errors.BankError) -> bool:
    if isinstance(answer, errors.BankError):
        return answer.replayed
    # After a lost COMMIT the ledger answers from its rows; for whoever waits here it is still the first answer.
    first = isinstance(answer.outcome, ledger.Posted) and answer.outcome.id == order.movement.id
    return answer.outcome.replayed and not first


def _result(answer: Settled | errors.BankError) -> UUID | errors.BankError:
    if isinstance(answer, errors.BankError):
        return answer
    outcome = answer.outcome
    return outcome.as_error() if isinstance(outcome, ledger.Refused) else _id_of(outcome)


def _id_of(outcome: ledger.Outcome) -> UUID:
    if not isinstance(outcome, ledger.Posted):
        raise errors.BooksBroken("a transaction was asked for, and something else answered")
    return outcome.id
