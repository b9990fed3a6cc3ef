"""The only writer of transactions, postings, balances and idempotency outcomes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, overload
from uuid import UUID

from sqlalchemy import Select, case, insert, literal, select, tuple_, update
from sqlalchemy.orm import Session
from sqlmodel import col

from bank_app import clock, errors
from bank_app.database import by_primary_key
from bank_app.domain import chain
from bank_app.domain.accounting import AccountKind, AccountStatus, Direction, Draft, Key
from bank_app.domain.identifiers import internal_account_number
from bank_app.models import (
    ACCOUNTS,
    IDEMPOTENCY_KEYS,
    POSTINGS,
    TRANSACTIONS,
    Account,
    Posting,
    Transaction,
    User,
)
from bank_app.services.rules import Book, Posted, PostingRow, Refused, decide, no_such_account

# Deposits to different customers must not wait for one cash row, so there are several, chosen by the customer's number.
CASH_STRIPES = 10
_KIND_DIGIT = {AccountKind.CASH: 1, AccountKind.FEES: 2, AccountKind.INTEREST: 3, AccountKind.SUSPENSE: 4}


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """What never changes about an account, so it may be read without a lock."""

    id: int
    owner_id: UUID | None
    kind: AccountKind
    currency: str
    # Filled in by `named` only: these do change.
    nickname: str | None = None
    owner_name: str = ""


@dataclass(frozen=True, slots=True)
class Locked:
    """Nothing was decided on a draft, because somebody else holds the row of this account."""

    account_id: int


def cash_account(currency: str, for_account: int) -> int:
    """The cash account that carries the other side of this customer account's deposits and withdrawals."""
    # The digit before the check digits is random, so customers spread evenly.
    return internal_account_number(_KIND_DIGIT[AccountKind.CASH], currency, for_account // 100 % CASH_STRIPES)


def facts(session: Session, account_ids: Iterable[int]) -> dict[int, AccountFacts]:
    """Owner, kind and currency of the accounts that exist. Locks: none (the columns are immutable by trigger)."""
    rows = session.execute(
        select(col(Account.id), col(Account.owner_id), col(Account.kind), col(Account.currency)).where(
            col(Account.id).in_(set(account_ids))
        )
    )
    return {row.id: AccountFacts(row.id, row.owner_id, AccountKind(row.kind), row.currency) for row in rows}


def named(session: Session, account_ids: Iterable[int]) -> dict[int, AccountFacts]:
    """The same with what people call the accounts and whose they are, as of now. Locks: none."""
    wanted = set(account_ids)
    if not wanted:
        return {}
    columns = (
        col(Account.id), col(Account.owner_id), col(Account.kind), col(Account.currency), col(Account.nickname),
        col(User.name),
    )  # fmt: skip
    rows = session.execute(
        select(*columns).outerjoin(User, col(User.id) == col(Account.owner_id)).where(col(Account.id).in_(wanted))
    )
    return {
        row.id: AccountFacts(row.id, row.owner_id, AccountKind(row.kind), row.currency, row.nickname, row.name or "")
        for row in rows
    }


def ensure_internal_accounts(session: Session, currency: str) -> None:
    """Makes the bank's own accounts of a currency if this is the first account in it.

    Two sessions that do so at once collide on the primary key; the unit of work of the second runs again.
    """
    wanted = {
        internal_account_number(digit, currency, stripe): kind
        for kind, digit in _KIND_DIGIT.items()
        for stripe in range(CASH_STRIPES if kind is AccountKind.CASH else 1)
    }
    missing = wanted.keys() - facts(session, wanted)
    if missing:
        session.execute(
            insert(Account),
            [new_account_row(number, wanted[number], currency, owner_id=None) for number in sorted(missing)],
        )


def new_account_row(
    number: int, kind: AccountKind, currency: str, *, owner_id: UUID | None, nickname: str | None = None
) -> dict[str, Any]:
    """The row of an empty open account. The database refuses any other start."""
    return {
        "id": number,
        "owner_id": owner_id,
        "kind": kind.value,
        "currency": currency,
        "nickname": nickname,
        "status": AccountStatus.OPEN.value,
        "frozen_for": None,
        "balance": 0,
        "held": 0,
        "overdraft_limit": 0,
        "version": 0,
        "head_hash": chain.GENESIS,
        "last_posted_at": None,
        "opened_at": clock.now(),
    }


def lock(session: Session, account_ids: Iterable[int]) -> dict[int, Account]:
    """Locks accounts until the unit of work ends, in ascending order, and reads them as they are now.

    Locks: one exclusive row lock per account, by primary key, so no gap is locked and no two units of work wait for
    each other in a circle. On the embedded engine the unit of work already holds the whole database.
    """
    statement = (
        by_primary_key(select(Account), Account)
        .where(col(Account.id).in_(sorted(set(account_ids))))
        .order_by(col(Account.id))
        .with_for_update()
        # Without this the session answers with the object it loaded before the lock, and the balance of then.
        .execution_options(populate_existing=True)
    )
    return {account.id: account for account in session.execute(statement).scalars()}


def wait_for(session: Session, account_id: int) -> None:
    """Waits in the row's queue until this unit of work holds it. Take nothing before: who waits here holds nothing."""
    session.execute(_locking([account_id]).with_only_columns(ACCOUNTS.c.id))


@overload
def post(session: Session, drafts: Sequence[Draft]) -> list[Posted | Refused]: ...


@overload
def post(session: Session, drafts: Sequence[Draft], *, skip_locked: bool) -> list[Posted | Refused | Locked]: ...


def post(
    session: Session, drafts: Sequence[Draft], *, skip_locked: bool = False
) -> Sequence[Posted | Refused | Locked]:
    """Posts drafts in order, each accepted or refused by itself, and returns their outcomes in the same order.

    A draft whose key or id is already in the books is answered from there. Nothing is acknowledged by this function:
    the caller answers after COMMIT. With `skip_locked` a draft that needs a row which somebody else holds is `Locked`:
    nothing was decided or written, and nobody was waited for.

    Locks: every account of every draft, ascending, once (see `lock`). Number of statements: constant.
    Source: ledger.md §4.
    """
    outcomes: dict[int, Posted | Refused | Locked] = {**_already_answered(session, drafts)}
    fresh = [(index, draft) for index, draft in enumerate(drafts) if index not in outcomes]
    wanted = {leg.account_id for _, draft in fresh for leg in draft.legs}
    books = _lock_books(session, wanted, skip_locked=skip_locked)
    if skip_locked and len(books) < len(wanted):
        taken = facts(session, wanted - books.keys()).keys()
        outcomes |= {index: Locked(number) for index, draft in fresh if (number := _first_of(draft, taken)) is not None}
        fresh = [(index, draft) for index, draft in fresh if index not in outcomes]
    reversed_ids = _reversed_already(session, [draft for _, draft in fresh])
    now = clock.now()
    seen: dict[tuple[UUID, str], tuple[bytes, Posted | Refused]] = {}
    decided: list[tuple[Draft, Posted | Refused]] = []
    for index, draft in fresh:
        if draft.key and (earlier := seen.get((draft.key.actor_id, draft.key.text))):
            outcomes[index] = _same_again(draft.key, *earlier)
            continue
        outcome = decide(draft, books, reversed_ids, now)
        outcomes[index] = outcome
        decided.append((draft, outcome))
        if draft.key and _is_recorded(outcome):
            seen[draft.key.actor_id, draft.key.text] = (draft.key.fingerprint, outcome)
    _write(session, decided, books)
    # The UPDATE went past the ORM; whoever holds an object reads the row again.
    session.expire_all()
    return [outcomes[index] for index in range(len(drafts))]


def _first_of(draft: Draft, taken: Collection[int]) -> int | None:
    return next((leg.account_id for leg in draft.legs if leg.account_id in taken), None)


def _lock_books(session: Session, account_ids: Collection[int], *, skip_locked: bool) -> dict[int, Book]:
    """Rows, not objects: what was loaded before the lock cannot get in the way, and thousands cost little."""
    if not account_ids:
        return {}
    rows = session.execute(_locking(account_ids, skip_locked=skip_locked))
    return {row.id: Book.of(row) for row in rows}  # type: ignore[arg-type]


def _locking(account_ids: Iterable[int], *, skip_locked: bool = False) -> Select[Any]:
    return (
        by_primary_key(select(ACCOUNTS), ACCOUNTS)
        .where(ACCOUNTS.c.id.in_(sorted(set(account_ids))))
        .order_by(ACCOUNTS.c.id)
        .with_for_update(skip_locked=skip_locked)
    )


def recorded(session: Session, key: Key) -> Posted | Refused | None:
    """What a key was answered the first time, or None if it was never used. Locks: none."""
    return recorded_all(session, [key])[0]


def recorded_all(session: Session, keys: Sequence[Key]) -> list[Posted | Refused | None]:
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
        col(Posting.amount), col(Posting.balance_after), col(Posting.hash),
    )  # fmt: skip
    for row in session.execute(select(*columns).where(col(Posting.transaction_id).in_(wanted))):
        sides.setdefault(row.transaction_id, []).append(
            PostingRow(row.account_id, row.sequence, Direction(row.direction), row.amount, row.balance_after, row.hash)
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


# --- what is already known ------------------------------------------------------------------------


def _already_answered(session: Session, drafts: Sequence[Draft]) -> dict[int, Posted | Refused]:
    """Outcomes of drafts that were posted or refused before: by key, or by id when they came without one."""
    answered: dict[int, Posted | Refused] = {}
    keyed = [(index, draft.key) for index, draft in enumerate(drafts) if draft.key]
    rows = _key_rows(session, [key for _, key in keyed])
    known = [(index, key) for index, key in keyed if (key.actor_id, key.text) in rows]
    for (index, _), outcome in zip(known, _replay(session, rows, [key for _, key in known]), strict=True):
        answered[index] = outcome
    unkeyed = {draft.id: index for index, draft in enumerate(drafts) if not draft.key}
    for transaction_id, posted in load(session, unkeyed).items():
        # Only an earlier attempt of this very call can have written it: its COMMIT arrived, its answer did not.
        answered[unkeyed[transaction_id]] = replace(posted, replayed=True)
    return answered


def _key_rows(session: Session, keys: Sequence[Key]) -> dict[tuple[UUID, str], Any]:
    if not keys:
        return {}
    table = IDEMPOTENCY_KEYS
    wanted = [(key.actor_id, key.text) for key in keys]
    rows = session.execute(select(table).where(tuple_(table.c.actor_id, table.c.key).in_(wanted)))
    return {(row.actor_id, row.key): row for row in rows}


def _replay(session: Session, rows: Mapping[tuple[UUID, str], Any], keys: Sequence[Key]) -> list[Posted | Refused]:
    posted = load(session, [row.transaction_id for row in rows.values() if row.transaction_id])
    outcomes: list[Posted | Refused] = []
    for key in keys:
        row = rows[key.actor_id, key.text]
        outcome: Posted | Refused
        if row.transaction_id:
            outcome = posted[row.transaction_id]
        else:
            outcome = Refused(errors.by_code(row.refusal_code, row.refusal_detail, **(row.refusal_facts or {})))
        outcomes.append(_same_again(key, row.fingerprint, outcome))
    return outcomes


def _same_again(key: Key, fingerprint: bytes, outcome: Posted | Refused) -> Posted | Refused:
    if fingerprint != key.fingerprint:
        return Refused(errors.IdempotencyKeyReused("This idempotency key was used with another request."))
    return replace(outcome, replayed=True)


def _reversed_already(session: Session, drafts: Sequence[Draft]) -> set[UUID]:
    """Asked under the lock: a rival reversal touches the same accounts, so it has committed or not begun."""
    wanted = [draft.reverses_id for draft in drafts if draft.reverses_id]
    if not wanted:
        return set()
    found = session.execute(select(col(Transaction.reverses_id)).where(col(Transaction.reverses_id).in_(wanted)))
    return {identifier for identifier in found.scalars() if identifier}


def _is_recorded(outcome: Posted | Refused) -> bool:
    """Business answers are kept with the key; "no such account" and "not yours" may be different next time."""
    return isinstance(outcome, Posted) or isinstance(outcome.error, errors.Refused)


# --- writing --------------------------------------------------------------------------------------


def _write(session: Session, decided: Sequence[tuple[Draft, Posted | Refused]], books: dict[int, Book]) -> None:
    """One statement per table, however long the list."""
    posted = [outcome for _, outcome in decided if isinstance(outcome, Posted)]
    if posted:
        session.execute(insert(TRANSACTIONS), [_transaction_row(item) for item in posted])
        session.execute(
            insert(POSTINGS),
            [_posting_row(item, side, books[side.account_id]) for item in posted for side in item.postings],
        )
        _write_balances(session, [book for book in books.values() if book.version != book.account.version])
    keys = [_key_row(draft.key, outcome) for draft, outcome in decided if draft.key and _is_recorded(outcome)]
    if keys:
        session.execute(insert(IDEMPOTENCY_KEYS), keys)


def _transaction_row(posted: Posted) -> dict[str, Any]:
    return {
        "id": posted.id,
        "type": posted.type,
        "amount": posted.amount_minor,
        "currency": posted.currency,
        "description": posted.description,
        "metadata": dict(posted.metadata),
        "actor_id": posted.actor_id,
        "reverses_id": posted.reverses_id,
        "created_at": posted.created_at,
        "hash": posted.hash,
    }


def _posting_row(posted: Posted, side: PostingRow, book: Book) -> dict[str, Any]:
    return {
        "account_id": side.account_id,
        "sequence": side.sequence,
        "transaction_id": posted.id,
        "direction": side.direction.value,
        "amount": side.amount_minor,
        "currency": posted.currency,
        "balance_after": side.balance_after_minor,
        "floor": book.floor,
        "created_at": posted.created_at,
        "hash": side.hash,
    }


def _write_balances(session: Session, books: Sequence[Book]) -> None:
    table = ACCOUNTS
    by_id = {book.account.id: book for book in books}

    def new(value: str) -> Any:
        kind = table.c[value].type
        return case({number: literal(getattr(book, value), kind) for number, book in by_id.items()}, value=table.c.id)

    result = session.execute(
        update(table)
        .where(table.c.id.in_(sorted(by_id)))
        .values(
            balance=new("balance"),
            version=new("version"),
            head_hash=new("head_hash"),
            last_posted_at=new("last_posted_at"),
        )
    )
    if result.rowcount != len(by_id):  # type: ignore[attr-defined]
        raise errors.BooksBroken(f"{len(by_id)} locked accounts, {result.rowcount} updated")  # type: ignore[attr-defined]


def _key_row(key: Key, outcome: Posted | Refused) -> dict[str, Any]:
    refused = outcome if isinstance(outcome, Refused) else None
    return {
        "actor_id": key.actor_id,
        "key": key.text,
        "fingerprint": key.fingerprint,
        "transaction_id": None if refused else outcome.id,  # type: ignore[union-attr]
        "refusal_code": refused.error.code if refused else None,
        "refusal_detail": refused.error.detail if refused else None,
        "refusal_facts": refused.error.details if refused else None,
        "created_at": clock.now(),
    }


__all__ = ["AccountFacts", "Posted", "PostingRow", "Refused", "no_such_account"]
