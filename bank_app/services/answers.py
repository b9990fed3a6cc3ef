"""What the books already say: transactions as they were written, and what keys were answered the first time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select, tuple_
from sqlalchemy.orm import Session
from sqlmodel import col

from bank_app import errors
from bank_app.bulk import Question, ask
from bank_app.domain.accounting import AnyDraft, Direction, Draft, HoldDraft, HoldState, Key
from bank_app.models import IDEMPOTENCY_KEYS, TRANSACTIONS, Posting
from bank_app.services import hold_book
from bank_app.services.rules import Held, Opened, Outcome, Posted, PostingRow, Refused

_KEY = tuple_(IDEMPOTENCY_KEYS.c.actor_id, IDEMPOTENCY_KEYS.c.key)
# Under this name the facts of a refusal say what was asked for; it is no part of the answer.
TRIED = "tried"
_KEYS = select(IDEMPOTENCY_KEYS).where(_KEY.in_(bindparam("keys", expanding=True)))


def recorded(session: Session, key: Key) -> Outcome | None:
    """What a key was answered the first time, or None if it was never used. Locks: none."""
    return recorded_all(session, [key])[0]


def recorded_under(session: Session, actor_id: UUID, text: str) -> Outcome | None:
    """What a key of a person was answered, whatever was asked under it, or None if it was never used. Locks: none."""
    rows = _key_rows(session, [Key(actor_id, text, b"")])
    row = rows.get((actor_id, text))
    return _replay(session, rows, [Key(actor_id, text, row.fingerprint)])[0] if row else None


def recorded_all(session: Session, keys: Sequence[Key]) -> list[Outcome | None]:
    """The same for a list of keys, in its order."""
    rows = _key_rows(session, keys)
    known = [key for key in keys if (key.actor_id, key.text) in rows]
    outcomes = iter(_replay(session, rows, known))
    return [next(outcomes) if (key.actor_id, key.text) in rows else None for key in keys]


def load(session: Session, transaction_ids: Iterable[UUID]) -> dict[UUID, Posted]:
    """Posted transactions as they were written. Locks: none."""
    wanted = list(transaction_ids)
    if not wanted:
        return {}
    sides: dict[UUID, list[PostingRow]] = {}
    columns = (
        col(Posting.transaction_id), col(Posting.account_id), col(Posting.sequence), col(Posting.direction),
        col(Posting.amount), col(Posting.balance_after), col(Posting.hash), col(Posting.floor),
    )  # fmt: skip
    for row in session.execute(select(*columns).where(col(Posting.transaction_id).in_(wanted))):
        sides.setdefault(row.transaction_id, []).append(
            PostingRow(
                row.account_id,
                row.sequence,
                Direction(row.direction),
                row.amount,
                row.balance_after,
                row.hash,
                row.floor,
            )
        )
    table = TRANSACTIONS
    return {
        row.id: Posted(
            id=row.id,
            type=row.type,
            amount_minor=row.amount,
            currency=row.currency,
            description=row.description,
            metadata=row.metadata,
            actor_id=row.actor_id,
            reverses_id=row.reverses_id,
            created_at=row.created_at,
            hash=row.hash,
            # The debit first: from whom, then to whom.
            postings=tuple(sorted(sides[row.id], key=lambda side: side.direction is Direction.CREDIT)),
        )
        for row in session.execute(select(table).where(table.c.id.in_(wanted)))
    }


def keys_of(drafts: Sequence[AnyDraft]) -> Question:
    """What to ask about the keys of drafts; the answer is for `already_answered`."""
    return _question([draft.key for draft in drafts if draft.key])


def already_answered(session: Session, drafts: Sequence[AnyDraft], key_rows: Sequence[Any]) -> dict[int, Outcome]:
    """Outcomes of drafts that were posted or refused before, by their place in the list. Locks: none.

    They are known by their key, or by the id that they brought when they came without one.
    """
    answered: dict[int, Outcome] = {}
    keyed = [(index, draft.key) for index, draft in enumerate(drafts) if draft.key]
    rows = {(row.actor_id, row.key): row for row in key_rows}
    known = [(index, key) for index, key in keyed if (key.actor_id, key.text) in rows]
    for (index, _), outcome in zip(known, _replay(session, rows, [key for _, key in known]), strict=True):
        answered[index] = outcome
    # Only an earlier attempt of this very call can have written these: its COMMIT arrived, its answer did not.
    unkeyed = [(index, draft) for index, draft in enumerate(drafts) if not draft.key]
    moves = {draft.id: index for index, draft in unkeyed if isinstance(draft, Draft) and not draft.captures}
    for transaction_id, posted in load(session, moves).items():
        answered[moves[transaction_id]] = replace(posted, replayed=True)
    places = {draft.id: index for index, draft in unkeyed if isinstance(draft, HoldDraft)}
    for hold_id, hold in hold_book.load(session, places).items():
        answered[places[hold_id]] = Held(hold.as_answered(HoldState.OPEN), replayed=True)
    captures = {draft.id: index for index, draft in unkeyed if isinstance(draft, Draft) and draft.captures}
    for transaction_id, hold in hold_book.captured_by(session, captures).items():
        answered[captures[transaction_id]] = Held(hold, replayed=True)
    return answered


def _key_rows(session: Session, keys: Sequence[Key]) -> dict[tuple[UUID, str], Any]:
    [rows] = ask(session, [_question(keys)])
    return {(row.actor_id, row.key): row for row in rows}


def _question(keys: Sequence[Key]) -> Question:
    return Question(_KEYS, "keys", [(key.actor_id, key.text) for key in keys])


def _replay(session: Session, rows: Mapping[tuple[UUID, str], Any], keys: Sequence[Key]) -> list[Outcome]:
    posted = load(session, [row.transaction_id for row in rows.values() if row.transaction_id and not _is_other(row)])
    holds = hold_book.load(session, {row.hold_id for row in rows.values() if row.hold_id})
    outcomes: list[Outcome] = []
    for key in keys:
        row = rows[key.actor_id, key.text]
        outcome: Outcome
        if row.hold_id:
            outcome = Held(holds[row.hold_id].as_answered(HoldState(row.hold_state)))
        elif row.account_id:
            outcome = Opened(row.account_id)
        elif row.transaction_id:
            outcome = posted[row.transaction_id]
        else:
            outcome = Refused(refusal_of(row))
        outcomes.append(same_again(key, row.fingerprint, outcome))
    return outcomes


def _is_other(row: Any) -> bool:
    """Whether a key names its transaction only because that came with something else."""
    return bool(row.hold_id or row.account_id)


def refusal_facts(draft: AnyDraft | None, error: errors.BankError) -> dict[str, Any]:
    """What is kept of a refusal: its facts and, so that people can look back at it, what was asked for."""
    tried: dict[str, Any] = {}
    if isinstance(draft, HoldDraft):
        tried = {"kind": "hold", "from": draft.account_id, "to": draft.to_account_id}
    elif isinstance(draft, Draft):
        legs = {leg.direction: leg.account_id for leg in draft.legs}
        tried = {"kind": draft.type.value, "from": legs[Direction.DEBIT], "to": legs[Direction.CREDIT]}
    if isinstance(draft, HoldDraft | Draft):
        tried |= {"amount": draft.amount_minor, "currency": draft.currency}
    return {**error.details, TRIED: tried} if tried else error.details


def refusal_of(row: Any) -> errors.BankError:
    """The refusal in a row of a key, exactly as it was answered the first time."""
    facts = {name: value for name, value in (row.refusal_facts or {}).items() if name != TRIED}
    return errors.by_code(row.refusal_code, row.refusal_detail, **facts)


def same_again(key: Key, fingerprint: bytes, outcome: Outcome) -> Outcome:
    """The first answer, to whoever asks again with the same key; a refusal, if it is another request."""
    if fingerprint != key.fingerprint:
        return Refused(errors.IdempotencyKeyReused("This idempotency key was used with another request."))
    return replace(outcome, replayed=True)
