"""The only writer of transactions, postings, balances, holds and idempotency outcomes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.orm import Session
from sqlmodel import col

from bank_app import clock, errors
from bank_app.bulk import Question, Writes, ask, insert_rows
from bank_app.columns import total
from bank_app.database import by_primary_key
from bank_app.domain import chain
from bank_app.domain.accounting import (
    AccountKind,
    AccountStatus,
    AnyDraft,
    Direction,
    Draft,
    Key,
    ReleaseDraft,
    TransactionType,
)
from bank_app.domain.identifiers import internal_account_number
from bank_app.models import (
    ACCOUNTS,
    CLOCK_STEPS,
    IDEMPOTENCY_KEYS,
    POSTING_GATE,
    POSTINGS,
    TRANSACTIONS,
    Account,
    Transaction,
    User,
)
from bank_app.services import cash, cooling_off, hold_book, timekeeping
from bank_app.services.answers import (
    already_answered,
    keys_of,
    load,
    recorded,
    recorded_all,
    refusal_facts,
    same_again,
)
from bank_app.services.cash import cash_account
from bank_app.services.hold_book import HoldBook
from bank_app.services.rules import (
    COUNTED_AHEAD,
    Book,
    Held,
    Opened,
    Outcome,
    Posted,
    PostingRow,
    Refused,
    decide,
    no_such_account,
)

_KIND_DIGIT = {AccountKind.CASH: cash.KIND_DIGIT, AccountKind.FEES: 2, AccountKind.INTEREST: 3, AccountKind.SUSPENSE: 4}
# Built once: a statement that is built for every posting costs more than the posting's own arithmetic.
_NAMED_ROWS = ACCOUNTS.c.id.in_(bindparam("ids", expanding=True))
_FACTS = select(ACCOUNTS.c.id, ACCOUNTS.c.owner_id, ACCOUNTS.c.kind, ACCOUNTS.c.currency).where(_NAMED_ROWS)
_ALL_BUT_NAMES = [column for column in ACCOUNTS.c if column.name not in ("kind", "nickname", "opened_at")]
_ROWS = (
    by_primary_key(select(*_ALL_BUT_NAMES, cooling_off.GUARDED_UNTIL), ACCOUNTS)
    .where(_NAMED_ROWS)
    .order_by(ACCOUNTS.c.id)
)
_LOCK_ROWS, _LOCK_FREE_ROWS = _ROWS.with_for_update(), _ROWS.with_for_update(skip_locked=True)


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


def facts(session: Session, account_ids: Iterable[int]) -> dict[int, AccountFacts]:
    """Owner, kind and currency of the accounts that exist. Locks: none (the columns are immutable by trigger)."""
    rows = session.execute(_FACTS, {"ids": list(set(account_ids))})
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
        for stripe in range(cash.STRIPES if kind is AccountKind.CASH else 1)
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
    each other in a circle. On the embedded engine the unit of work already holds the whole database. Holds that are
    due are closed, so `held` is what is held now.

    Raises:
        ClockWrong: see `timekeeping`; nothing is due by a clock that is wrong.
    """
    now = timekeeping.now(session)
    statement = (
        by_primary_key(select(Account), Account)
        .where(col(Account.id).in_(sorted(set(account_ids))))
        .order_by(col(Account.id))
        .with_for_update()
        # Without this the session answers with the object it loaded before the lock, and the balance of then.
        .execution_options(populate_existing=True)
    )
    accounts = {account.id: account for account in session.execute(statement).scalars()}
    holding = [account.id for account in accounts.values() if account.held]
    for account_id, freed in hold_book.expire_due(session, holding, now).items():
        session.execute(update(ACCOUNTS).where(ACCOUNTS.c.id == account_id).values(held=ACCOUNTS.c.held - freed))
        session.refresh(accounts[account_id])
    return accounts


def wait_for(session: Session, account_id: int) -> None:
    """Waits in the row's queue until this unit of work holds it. Take nothing before: who waits here holds nothing."""
    session.connection().execute(_LOCK_ROWS, {"ids": [account_id]})


@dataclass(frozen=True, slots=True)
class Sight:
    """What the database said when the rows of a list of drafts were locked."""

    wanted: frozenset[int]
    books: dict[int, Book]
    key_rows: Sequence[Any]
    also: Sequence[Any]
    spares: cash.Spares


def look(
    session: Session, drafts: Sequence[AnyDraft], *, skip_locked: bool = False, also: Question | None = None
) -> Sight:
    """Locks the accounts of drafts, reads them and the drafts' keys, and asks `also`, in one round trip.

    With `skip_locked` rows that somebody else holds are left out and nobody is waited for.

    Locks: every account of every draft, ascending, once (see `lock`); where a cash account is nearly full, also the one
    that takes its place.
    """
    wanted = frozenset(account_id for draft in drafts for account_id in draft.account_ids)
    lock_rows = Question(_LOCK_FREE_ROWS if skip_locked else _LOCK_ROWS, "ids", sorted(wanted))
    # The rows first: whoever used a key on them before us has committed by the time we hold them.
    rows, key_rows, more = ask(session, [lock_rows, keys_of(drafts), also or Question(_FACTS, "ids", ())])
    # Rows, not objects: what was loaded before the lock cannot get in the way, and thousands cost little.
    books = {row.id: Book.of(row) for row in rows}
    instead = cash.find_spares(session, books.values())
    if missing := sorted(set(instead.values()) - books.keys()):
        [rows] = ask(session, [Question(lock_rows.statement, "ids", missing)])
        books |= {row.id: Book.of(row) for row in rows}
    spares = cash.Spares({side: number for side, number in instead.items() if number in books})
    return Sight(wanted, books, key_rows, more, spares)


def post(session: Session, drafts: Sequence[AnyDraft], *, all_or_none: bool = False) -> list[Outcome]:
    """Posts drafts in order, each accepted or refused by itself, and returns their outcomes in the same order.

    A draft whose key or id is already in the books is answered from there; while the clock is wrong (`timekeeping`)
    all others are refused, and that is not recorded. Nothing is acknowledged by this function: the caller answers
    after COMMIT. With `all_or_none` nothing is written if one is refused, whatever the other outcomes say.

    Locks: as `look`. Number of statements: constant, and none for holds and limits where no draft and no account has
    any. Source: ledger.md §4.
    """
    outcomes = post_seen(session, drafts, look(session, drafts), all_or_none=all_or_none)
    return [outcome for outcome in outcomes if not isinstance(outcome, Locked)]


def post_seen(
    session: Session, drafts: Sequence[AnyDraft], sight: Sight, *, all_or_none: bool = False, in_order: bool = False
) -> list[Outcome | Locked]:
    """As `post`, of drafts that `look` was given. One whose row was left out is `Locked`: nothing was decided on it.

    With `in_order` so are those after it that share an account with it.
    """
    books, key_rows = sight.books, sight.key_rows
    outcomes: dict[int, Outcome | Locked] = {**already_answered(session, drafts, key_rows)}
    fresh = [(index, draft) for index, draft in enumerate(drafts) if index not in outcomes]
    if missing := sight.wanted - books.keys():
        # Neither locked nor there, or only not there?
        taken = set(facts(session, missing))
        for index, draft in fresh:
            number = _first_of(draft, taken)
            if number is not None:
                outcomes[index] = Locked(number)
                # What comes later in an ordered list and touches the same accounts waits behind this one.
                taken |= set(draft.account_ids) if in_order else set()
        fresh = [(index, draft) for index, draft in fresh if index not in outcomes]
    if fresh and (wrong := timekeeping.trouble(session)):
        return [outcomes.get(index) or Refused(wrong) for index in range(len(drafts))]
    fresh = [(index, sight.spares.use(draft)) for index, draft in fresh]
    fresh_drafts = [draft for _, draft in fresh]
    reversed_ids = _reversed_already(session, fresh_drafts)
    holds = _holds_of(session, fresh_drafts, books)
    _count_todays_debits(session, books, holds)
    cash.count_self_service(session, fresh_drafts, books, holds.now)
    cooling_off.guard(session, fresh_drafts, books, holds.now, debits_since)
    seen: dict[tuple[UUID, str], tuple[bytes, Outcome]] = {}
    decided: list[tuple[AnyDraft, Outcome]] = []
    for index, draft in fresh:
        if draft.key and (earlier := seen.get((draft.key.actor_id, draft.key.text))):
            outcomes[index] = same_again(draft.key, *earlier)
            continue
        outcome = decide(draft, books, reversed_ids, holds)
        outcomes[index] = outcome
        decided.append((draft, outcome))
        if draft.key and _is_recorded(outcome):
            seen[draft.key.actor_id, draft.key.text] = (draft.key.fingerprint, outcome)
    if all_or_none and any(isinstance(outcome, Refused) for outcome in outcomes.values()):
        return [outcomes[index] for index in range(len(drafts))]
    _write(session, decided, books, holds)
    # The UPDATE went past the ORM; whoever holds an object reads the row again.
    session.expire_all()
    return [outcomes[index] for index in range(len(drafts))]


def _first_of(draft: AnyDraft, taken: Collection[int]) -> int | None:
    return next((account_id for account_id in draft.account_ids if account_id in taken), None)


def _holds_of(session: Session, drafts: Sequence[AnyDraft], books: Mapping[int, Book]) -> HoldBook:
    """The holds that drafts name; what is due on these accounts is closed and set free before anything is decided."""
    holds = HoldBook(session, clock.now())
    wanted = {identifier for draft in drafts if (identifier := _names_hold(draft))}
    holding = [account_id for account_id, book in books.items() if book.held]
    if wanted or holding:
        for account_id, freed in holds.read(wanted, holding).items():
            books[account_id].held -= freed
    return holds


def _names_hold(draft: AnyDraft) -> UUID | None:
    if isinstance(draft, Draft):
        return draft.captures
    return draft.hold_id if isinstance(draft, ReleaseDraft) else None


def _count_todays_debits(session: Session, books: Mapping[int, Book], holds: HoldBook) -> None:
    """What has left accounts with a daily limit since midnight UTC. A reversal is not a payment."""
    limited = [account_id for account_id, book in books.items() if book.account.daily_limit is not None]
    if not limited:
        return
    midnight = holds.now.replace(hour=0, minute=0, second=0, microsecond=0)
    for account_id, minor in debits_since(session, limited, midnight, now=holds.now).items():
        books[account_id].debited_today = minor


def debits_since(session: Session, account_ids: Collection[int], moment: datetime, *, now: datetime) -> dict[int, int]:
    """What has left accounts since a moment, in minor units; reversals aside. Locks: none.

    What a wrong clock dated far ahead of `now` has left on another day, as far as anybody knows.
    """
    sums = session.execute(
        select(POSTINGS.c.account_id, total(POSTINGS.c.amount))
        .join(TRANSACTIONS, TRANSACTIONS.c.id == POSTINGS.c.transaction_id)
        .where(
            POSTINGS.c.account_id.in_(sorted(account_ids)),
            POSTINGS.c.created_at.between(moment, now + COUNTED_AHEAD),
            POSTINGS.c.direction == Direction.DEBIT.value,
            TRANSACTIONS.c.type != TransactionType.REVERSAL.value,
        )
        .group_by(POSTINGS.c.account_id)
    )
    return dict(sums.all())


def _reversed_already(session: Session, drafts: Sequence[AnyDraft]) -> set[UUID]:
    """Asked under the lock: a rival reversal touches the same accounts, so it has committed or not begun."""
    wanted = [draft.reverses_id for draft in drafts if isinstance(draft, Draft) and draft.reverses_id]
    if not wanted:
        return set()
    found = session.execute(select(col(Transaction.reverses_id)).where(col(Transaction.reverses_id).in_(wanted)))
    return {identifier for identifier in found.scalars() if identifier}


def _is_recorded(outcome: Outcome) -> bool:
    """Business answers are kept with the key; "no such account" and "not yours" may be different next time."""
    return not isinstance(outcome, Refused) or isinstance(outcome.error, errors.Refused)


# --- writing --------------------------------------------------------------------------------------


def _write(
    session: Session, decided: Sequence[tuple[AnyDraft, Outcome]], books: dict[int, Book], holds: HoldBook
) -> None:
    """One statement per table, however long the list."""
    posted = [item for _, outcome in decided if (item := _posted_by(outcome))]
    writes = Writes(session)
    if posted:
        writes.share_lock(POSTING_GATE)
    writes.insert(TRANSACTIONS, [_transaction_row(item) for item in posted])
    # After the transactions, because a hold names the one that captured it; before the keys, because they name holds.
    holds.write(writes)
    writes.insert(POSTINGS, [_posting_row(item, side) for item in posted for side in item.postings])
    writes.insert(CLOCK_STEPS, [step._asdict() for book in books.values() for step in book.steps_back])
    writes.update(ACCOUNTS, _balance_rows([book for book in books.values() if book.changed]))
    now = clock.now()
    answers = [(draft, draft.key, outcome) for draft, outcome in decided if draft.key and _is_recorded(outcome)]
    keys = [_key_row(draft, key, outcome, now) for draft, key, outcome in answers]
    writes.insert(IDEMPOTENCY_KEYS, keys)
    writes.send()


def all_settled(session: Session) -> int:
    """The position up to which every transaction is committed, or will never be.

    Locks: the gate, alone, so that none is on its way: waits for who is committing, and keeps others for a moment.
    """
    if session.execute(select(POSTING_GATE.c.id).with_for_update()).first() is None:
        raise errors.BooksBroken("the gate that whoever posts goes through is not there")
    return session.execute(select(func.max(TRANSACTIONS.c.position))).scalar() or 0


def record_refusal(session: Session, key: Key, refusal: Refused) -> None:
    """Keeps an answer of no that belongs to a list of drafts and to none of them alone."""
    insert_rows(session, IDEMPOTENCY_KEYS, [_key_row(None, key, refusal, clock.now())])


def record_opening(session: Session, key: Key, account_id: int, transaction_id: UUID | None) -> None:
    """Keeps the account that was opened under a key, and the transaction of its opening deposit if there was one."""
    row = {
        "actor_id": key.actor_id,
        "key": key.text,
        "fingerprint": key.fingerprint,
        "transaction_id": transaction_id,
        "account_id": account_id,
        "created_at": clock.now(),
    }
    insert_rows(session, IDEMPOTENCY_KEYS, [row])


def _posted_by(outcome: Outcome) -> Posted | None:
    return outcome.posted if isinstance(outcome, Held) else outcome if isinstance(outcome, Posted) else None


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


def _posting_row(posted: Posted, side: PostingRow) -> dict[str, Any]:
    return {
        "account_id": side.account_id,
        "sequence": side.sequence,
        "transaction_id": posted.id,
        "direction": side.direction.value,
        "amount": side.amount_minor,
        "currency": posted.currency,
        "balance_after": side.balance_after_minor,
        "floor": side.floor,
        "created_at": posted.created_at,
        "hash": side.hash,
    }


def _balance_rows(books: Sequence[Book]) -> list[dict[str, Any]]:
    with_held = any(book.held != book.account.held for book in books)
    return [
        {
            "id": book.account.id,
            "balance": book.balance,
            "version": book.version,
            "head_hash": book.head_hash,
            "last_posted_at": book.last_posted_at,
            **({"held": book.held} if with_held else {}),
        }
        for book in books
    ]


def _key_row(draft: AnyDraft | None, key: Key, outcome: Outcome, now: datetime) -> dict[str, Any]:
    refused = outcome if isinstance(outcome, Refused) else None
    hold = outcome.hold if isinstance(outcome, Held) else None
    return {
        "actor_id": key.actor_id,
        "key": key.text,
        "fingerprint": key.fingerprint,
        "transaction_id": outcome.id if isinstance(outcome, Posted) else hold and hold.transaction_id,
        "refusal_code": refused.error.code if refused else None,
        "refusal_detail": refused.error.detail if refused else None,
        "refusal_facts": refusal_facts(draft, refused.error) if refused else None,
        "created_at": now,
        "hold_id": hold and hold.id,
        "hold_state": hold and hold.state.value,
    }


__all__ = [
    "AccountFacts",
    "Held",
    "Opened",
    "Outcome",
    "Posted",
    "PostingRow",
    "Refused",
    "cash_account",
    "load",
    "no_such_account",
    "recorded",
    "recorded_all",
]
