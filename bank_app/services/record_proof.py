"""Checking one transaction against what is written down: its fingerprint, its entries, and their place in the chain."""

from __future__ import annotations

import time
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlmodel import col

from bank_app.domain import chain
from bank_app.domain.accounting import Direction, signed
from bank_app.domain.identifiers import account_number_text
from bank_app.models import Posting, Transaction
from bank_app.services import transfers
from bank_app.services.actor import Actor


@dataclass(frozen=True, slots=True)
class RecordProof:
    """What came of it. `problem` names the first thing that is wrong; it is empty for a record that is intact."""

    entries: int
    problem: str
    milliseconds: int

    @property
    def intact(self) -> bool:
        """Whether everything is as it was written."""
        return not self.problem


def verify(session: Session, actor: Actor, transaction_id: UUID) -> RecordProof:
    """Hashes a transaction and its entries again and compares; the entries must also follow on their predecessors.

    Raises:
        TransactionNotFound: it does not exist, or the actor has no side in it.
    """
    began = time.perf_counter()
    transfers.get_transaction(session, actor, transaction_id)
    row = session.execute(select(Transaction).where(col(Transaction.id) == transaction_id)).scalars().one()
    entries = list(
        session.execute(select(Posting).where(col(Posting.transaction_id) == transaction_id)).scalars().all()
    )
    problems = [_transaction_problem(row, entries), *(_problem(session, row, entry) for entry in entries)]
    problem = next((found for found in problems if found), "")
    return RecordProof(len(entries), problem, round((time.perf_counter() - began) * 1000))


def _transaction_problem(row: Transaction, entries: list[Posting]) -> str:
    digest = chain.transaction_hash(
        id=row.id,
        type=row.type,
        amount_minor=row.amount,
        currency=row.currency,
        description=row.description,
        metadata=row.metadata_,
        actor_id=row.actor_id,
        reverses_id=row.reverses_id,
        created_at=row.created_at,
    )
    if digest != row.hash:
        return "The record does not have the fingerprint that was written with it."
    if len(entries) < 2 or sum(signed(Direction(entry.direction), entry.amount) for entry in entries) != 0:
        return "Its entries do not add up to zero."
    return ""


def _problem(session: Session, row: Transaction, entry: Posting) -> str:
    """What is wrong with one entry. Only its account's ending is named: it may be somebody else's."""
    before = session.execute(
        select(col(Posting.hash), col(Posting.balance_after)).where(
            col(Posting.account_id) == entry.account_id, col(Posting.sequence) == entry.sequence - 1
        )
    ).first()
    place = f"The entry in the account ending in {account_number_text(entry.account_id)[-4:]}"
    if before is None and entry.sequence != 1:
        return f"{place} does not follow on another."
    previous, balance = (before.hash, before.balance_after) if before else (chain.GENESIS, 0)
    digest = chain.posting_hash(
        previous,
        account_id=entry.account_id,
        sequence=entry.sequence,
        transaction_id=row.id,
        transaction_hash=row.hash,
        direction=entry.direction,
        amount_minor=entry.amount,
        currency=entry.currency,
        balance_after=entry.balance_after,
        floor=entry.floor,
        created_at=entry.created_at,
    )
    if digest != entry.hash:
        return f"{place} does not have the fingerprint that was written with it."
    if balance + signed(Direction(entry.direction), entry.amount) != entry.balance_after:
        return f"{place} does not lead from the balance before it to the one after it."
    return ""
