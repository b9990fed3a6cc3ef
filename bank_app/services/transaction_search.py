"""Finding any transaction of the bank by what somebody knows of it, and everything on file about one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, exists, or_, select
from sqlalchemy.orm import Session, aliased
from sqlmodel import col

from bank_app import clock
from bank_app.domain import csv_file, money
from bank_app.domain.accounting import Role, TransactionType
from bank_app.domain.identifiers import reference, reference_bits
from bank_app.models import HOLDS, Account, AuditRecord, IdempotencyKey, Posting, Transaction, TransferDraft, User
from bank_app.services import amount_filters, drafts, looks, newest, reversals, transfers
from bank_app.services.actor import Actor
from bank_app.services.lists import Page, Pages, Text, contains
from bank_app.services.roles import staff_only
from bank_app.services.transfers import TransactionView

# Names that fit more people than these are too common to look for.
_MOST_PEOPLE = 500


@dataclass(frozen=True, slots=True)
class TransactionFilter:
    """What to look for; what is None or empty is not looked for.

    `reference` is a whole one or the whole id; `account_id` one side; `customer` and `initiator` are parts of a name
    or of an email; amounts as in `amount_filters`; times aware, `from_` inclusive and `to` exclusive;
    `reversed` asks for those that have a reversal, or have none.
    """

    reference: str = ""
    account_id: int | None = None
    customer: str = ""
    initiator: str = ""
    key: str = ""
    type: TransactionType | None = None
    min_amount: str | None = None
    max_amount: str | None = None
    currency: str | None = None
    from_: datetime | None = None
    to: datetime | None = None
    reversed: bool | None = None


EVERYTHING = TransactionFilter()


@dataclass(frozen=True, slots=True)
class FoundTransaction:
    """A transaction in a list: what moved, and who asked for it."""

    transaction: TransactionView
    initiator: str
    role: Role


@dataclass(frozen=True, slots=True)
class FiledRecord:
    """A line of the audit trail about a transaction."""

    action: str
    at: datetime
    by_name: str
    reason: str | None
    address: str | None
    request_id: str | None


@dataclass(frozen=True, slots=True)
class Dossier:
    """Everything on file about a transaction. `drafted_at` only while the draft of its page is kept."""

    transaction: TransactionView
    initiator_id: UUID
    initiator: str
    role: Role
    key: str | None
    drafted_at: datetime | None
    hold_id: UUID | None
    earlier: reversals.Earlier | None
    records: tuple[FiledRecord, ...]


def find(
    session: Session,
    actor: Actor,
    *,
    filters: TransactionFilter = EVERYTHING,
    limit: int = 50,
    cursor: str | None = None,
) -> Page[FoundTransaction]:
    """Transactions of the whole bank, newest first, by keyset.

    References, keys, accounts and customers are found by an index, all else by looking through the newest ones for a
    while: `searched_to` says how far.

    Raises:
        Forbidden: a customer asks.
        Invalid, InvalidAmount: a cursor or an amount that is malformed.
    """
    staff_only(actor)
    indexed = bool(filters.reference or filters.key or filters.customer or filters.account_id is not None)
    found = newest.find(session, _conditions(session, filters), limit=limit, cursor=cursor, indexed=indexed)
    looks.at_list(session, actor, "transactions", len(found.ids), filters, further=cursor)
    views = transfers.list_views(session, actor, found.ids)
    people = _people(session, {view.actor_id for view in views})
    return found.page([FoundTransaction(view, *people[view.actor_id]) for view in views])


def dossier(session: Session, actor: Actor, transaction_id: UUID) -> Dossier:
    """One transaction with its initiator, its key, its reversal and what the audit trail says about it.

    Raises:
        Forbidden: a customer asks.
        TransactionNotFound: it does not exist.
    """
    staff_only(actor)
    view = transfers.get_transaction(session, actor, transaction_id)
    name, role = _people(session, {view.actor_id})[view.actor_id]
    key = session.execute(
        select(col(IdempotencyKey.key)).where(col(IdempotencyKey.transaction_id) == transaction_id)
    ).scalar()
    hold_id = session.execute(select(HOLDS.c.id).where(HOLDS.c.transaction_id == transaction_id)).scalar()
    return Dossier(
        transaction=view,
        initiator_id=view.actor_id,
        initiator=name,
        role=role,
        key=key,
        drafted_at=_drafted_at(session, key),
        hold_id=hold_id,
        earlier=reversals.earlier_of(session, transaction_id),
        records=tuple(_records(session, [transaction_id, *([view.reverses] if view.reverses else [])])),
    )


# --- conditions -----------------------------------------------------------------------------------------


def _conditions(session: Session, filters: TransactionFilter) -> list[Any]:
    found = list(amount_filters.conditions(filters, col(Transaction.amount), col(Transaction.currency)))
    if filters.reference:
        found.append(_is(filters.reference))
    if filters.type:
        found.append(col(Transaction.type) == filters.type.value)
    if filters.from_:
        found.append(col(Transaction.created_at) >= filters.from_)
    if filters.to:
        found.append(col(Transaction.created_at) < filters.to)
    if filters.reversed is not None:
        mirror = aliased(Transaction)
        has = exists(select(1).where(col(mirror.reverses_id) == col(Transaction.id)))
        found.append(has if filters.reversed else ~has)
    if filters.account_id is not None:
        found.append(_touches([filters.account_id]))
    if filters.customer:
        owners = _matching(session, filters.customer)
        accounts = session.execute(select(col(Account.id)).where(col(Account.owner_id).in_(owners)))
        found.append(_touches(list(accounts.scalars())))
    if filters.initiator:
        found.append(col(Transaction.actor_id).in_(_matching(session, filters.initiator)))
    if filters.key:
        # By way of the people: the keys are in the order of whoever used them.
        used = select(col(IdempotencyKey.transaction_id)).join(
            User, and_(col(User.id) == col(IdempotencyKey.actor_id), col(IdempotencyKey.key) == filters.key)
        )
        found.append(col(Transaction.id).in_(used.where(col(IdempotencyKey.transaction_id).is_not(None))))
    return found


def _is(text: str) -> Any:
    """By the whole id, or by its last 40 bits as people read them out."""
    try:
        return col(Transaction.id) == UUID(text.strip())
    except ValueError:
        bits = reference_bits(text)
    return col(Transaction.reference) == bits if bits else col(Transaction.id).is_(None)


def _touches(account_ids: Collection[int]) -> Any:
    return col(Transaction.id).in_(select(col(Posting.transaction_id)).where(col(Posting.account_id).in_(account_ids)))


def _matching(session: Session, text: str) -> list[UUID]:
    named = or_(contains(col(User.name), text.strip()), contains(col(User.email), text.strip()))
    return list(session.execute(select(col(User.id)).where(named).limit(_MOST_PEOPLE)).scalars())


# --- what is on file ------------------------------------------------------------------------------------


def _people(session: Session, ids: Iterable[UUID]) -> dict[UUID, tuple[str, Role]]:
    rows = session.execute(select(col(User.id), col(User.name), col(User.role)).where(col(User.id).in_(list(ids))))
    return {row.id: (row.name, Role(row.role)) for row in rows}


def _drafted_at(session: Session, key: str | None) -> datetime | None:
    draft_id = drafts.id_in(key)
    if draft_id is None:
        return None
    return session.execute(select(col(TransferDraft.created_at)).where(col(TransferDraft.id) == draft_id)).scalar()


def _records(session: Session, transaction_ids: Sequence[UUID]) -> Iterable[FiledRecord]:
    rows = session.execute(
        select(
            col(AuditRecord.action), col(AuditRecord.created_at), col(User.name), col(AuditRecord.reason),
            col(AuditRecord.address), col(AuditRecord.request_id),
        )
        .outerjoin(User, col(User.id) == col(AuditRecord.actor_id))
        .where(
            col(AuditRecord.object).in_([f"transaction {identifier}" for identifier in transaction_ids]),
            # Who looked is in the trail; here is what was done.
            col(AuditRecord.action) != looks.AT_ONE,
        )
        .order_by(col(AuditRecord.id))
    )  # fmt: skip
    for row in rows:
        yield FiledRecord(row.action, row.created_at, row.name or "", row.reason, row.address, row.request_id)


# --- as a file ------------------------------------------------------------------------------------------

CSV_COLUMNS = (
    "posted_at", "reference", "type", "from_account", "from_name", "to_account", "to_name", "amount", "currency",
    "memo", "initiator", "reversed_by", "transaction_id",
)  # fmt: skip


def transactions_csv(found: Pages[FoundTransaction]) -> Text:
    """Transactions as a CSV file."""
    return Text(csv_file.pieces(CSV_COLUMNS, (map(_row, page) for page in found)), found)


def _row(item: FoundTransaction) -> list[str | None]:
    view = item.transaction
    debit, credit = view.postings[0], view.postings[-1]
    return [
        clock.to_text(view.created_at),
        view.reference,
        view.type.value,
        debit.account_id,
        debit.owner_name,
        credit.account_id,
        credit.owner_name,
        money.to_text(view.amount_minor, view.currency),
        view.currency,
        view.description,
        item.initiator,
        reference(view.reversed_by) if view.reversed_by else "",
        str(view.id),
    ]
