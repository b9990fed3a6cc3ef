"""Reading the books: entries of an account with filters, balances at a time, statements, and lists of transactions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import and_, case, exists, func, or_, select
from sqlalchemy.orm import Session, aliased
from sqlmodel import col

from bank_app import clock, errors
from bank_app.columns import total
from bank_app.database import looked_up_beside
from bank_app.domain import csv_file, money
from bank_app.domain.accounting import AccountKind, Direction, TransactionType, signed
from bank_app.domain.csv_file import Cell
from bank_app.domain.identifiers import account_number_text, reference, reference_bits
from bank_app.models import Account, PayeeName, Posting, Transaction, User
from bank_app.services import amount_filters, looks, newest, payee_names, places, transfers
from bank_app.services.accounts import AccountView, get_account, own_accounts
from bank_app.services.actor import Actor
from bank_app.services.lists import Page, Pages, Text, contains, has_number, make_cursor, split_number
from bank_app.services.roles import staff_only

_MOST_POINTS = 300
_CHART_ROWS = 20_000


@dataclass(frozen=True, slots=True)
class HistoryFilter:
    """What to keep. Amounts as in `amount_filters`; times aware, `from_` inclusive and `to` exclusive.

    `reversed` asks for what was reversed since, or was not.
    """

    types: tuple[TransactionType, ...] = ()
    direction: Direction | None = None
    min_amount: str | None = None
    max_amount: str | None = None
    from_: datetime | None = None
    to: datetime | None = None
    q: str | None = None
    reversed: bool | None = None
    currency: str | None = None


ANYTHING = HistoryFilter()


@dataclass(frozen=True, slots=True)
class Counterparty:
    """The other side of an entry: a customer's account number, or `cash` and the like."""

    account_id: str
    name: str
    own: bool = False


@dataclass(frozen=True, slots=True)
class EntryView:
    """One posting as the account's owner reads it. Amounts in minor units."""

    account_id: str
    sequence: int
    transaction_id: UUID
    type: TransactionType
    direction: Direction
    amount_minor: int
    currency: str
    balance_after_minor: int
    counterparty: Counterparty | None
    description: str | None
    metadata: Mapping[str, Any]
    created_at: datetime
    reverses: UUID | None
    reversed_by: UUID | None

    @property
    def signed_minor(self) -> int:
        """The amount with the sign of what it did to the balance."""
        return signed(self.direction, self.amount_minor)


@dataclass(frozen=True, slots=True)
class Totals:
    """How many entries match, and what they add to and take from the balance (minor units)."""

    count: int
    in_minor: int
    out_minor: int


@dataclass(frozen=True, slots=True)
class BalanceAt:
    """The booked balance at a moment, and the sequence of the entry that made it so (0 before the first)."""

    balance_minor: int
    at: datetime
    sequence: int


@dataclass(frozen=True, slots=True)
class Step:
    """From `at` on, the balance was this."""

    at: datetime
    balance_minor: int


@dataclass(frozen=True, slots=True)
class Statement:
    """A period of an account: opening + in − out = closing; `end` is exclusive. Its entries are read with `entries_in`.

    `sequence` is that of the account's newest entry at its end and `before` that at its beginning, 0 before the first.
    """

    account: AccountView
    start: datetime
    end: datetime
    opening_minor: int
    in_minor: int
    out_minor: int
    closing_minor: int
    before: int
    sequence: int

    @property
    def count(self) -> int:
        """How many entries it has: sequence numbers have no gaps."""
        return self.sequence - self.before


# --- entries ----------------------------------------------------------------------------------------


def history(
    session: Session,
    actor: Actor,
    account_id: int,
    *,
    filters: HistoryFilter = ANYTHING,
    limit: int = 50,
    cursor: str | None = None,
) -> Page[EntryView]:
    """Entries of an account, newest first, by keyset: page 10,000 costs what page 1 costs.

    Raises:
        AccountNotFound: as `accounts.get_account`.
        Invalid, InvalidAmount: a cursor or an amount that is malformed.
    """
    account = get_account(session, actor, account_id)
    query = entries_of(actor, account, filters).order_by(col(Posting.sequence).desc()).limit(limit + 1)
    if cursor:
        query = query.where(col(Posting.sequence) < split_number(cursor))
    entries = entry_views(session, actor, query)
    more = len(entries) > limit
    entries = entries[:limit]
    return Page(entries, make_cursor(str(entries[-1].sequence)) if more else None)


def following(
    session: Session, actor: Actor, account_id: int, *, after: int, filters: HistoryFilter, limit: int
) -> tuple[list[EntryView], int]:
    """Entries of an account after one of its sequence numbers, oldest first, and the number that they reach to.

    The numbers have no gaps and are given out under the account's lock, so that no entry comes late. Locks: none.

    Raises:
        AccountNotFound, InvalidAmount: as `history`.
    """
    account = get_account(session, actor, account_id)
    query = entries_of(actor, account, filters).where(col(Posting.sequence) > after)
    entries = entry_views(session, actor, query.order_by(col(Posting.sequence)).limit(limit))
    return entries, entries[-1].sequence if len(entries) == limit else account.version


def summary(session: Session, actor: Actor, account_id: int, *, filters: HistoryFilter = ANYTHING) -> Totals:
    """Count and sums of the matching entries of an account.

    Raises:
        AccountNotFound, InvalidAmount: as `history`.
    """
    account = get_account(session, actor, account_id)
    inner = entries_of(actor, account, filters).subquery()
    credit = case((inner.c.direction == Direction.CREDIT.value, inner.c.amount), else_=0)
    row = session.execute(select(func.count(), total(inner.c.amount), total(credit)).select_from(inner)).one()
    return Totals(count=row[0], in_minor=row[2], out_minor=row[1] - row[2])


def entry(session: Session, actor: Actor, account_id: int, sequence: int) -> EntryView:
    """One entry of an account.

    Raises:
        AccountNotFound: as `accounts.get_account`.
        NotFound: the account has no entry of this number.
    """
    account = get_account(session, actor, account_id)
    found = entry_views(session, actor, entries_of(actor, account, ANYTHING).where(col(Posting.sequence) == sequence))
    if not found:
        raise errors.NotFound("There is no such entry.")
    return found[0]


def recent(session: Session, actor: Actor, *, limit: int = 8) -> list[EntryView]:
    """The newest entries over all of the actor's own accounts; a move between two of them appears once, as sent."""
    rows: list[Any] = []
    for account in own_accounts(session, actor):
        rows += session.execute(
            entries_of(actor, account, ANYTHING).order_by(col(Posting.sequence).desc()).limit(limit)
        )
    entries = views_of(session, actor, sorted(rows, key=lambda row: row.position, reverse=True))
    shown = [e for e in entries if not (e.counterparty and e.counterparty.own and e.direction is Direction.CREDIT)]
    return shown[:limit]


def postings_query() -> Any:
    """Postings with what their transactions say, for `entry_views` to read."""
    query: Any = (
        select(
            col(Posting.account_id), col(Posting.sequence), col(Posting.transaction_id), col(Posting.direction),
            col(Posting.amount), col(Posting.currency), col(Posting.balance_after), col(Posting.created_at),
            col(Transaction.type), col(Transaction.description), col(Transaction.metadata_),
            col(Transaction.actor_id), col(Transaction.reverses_id), col(Transaction.position),
        )
        .join(Transaction, col(Transaction.id) == col(Posting.transaction_id))
    )  # fmt: skip
    return looked_up_beside(query, Transaction)


def entries_of(actor: Actor, account: AccountView, filters: HistoryFilter) -> Any:
    """Postings of an account that fit, with what their transactions say, for `views_of` to read."""
    query = postings_query().where(col(Posting.account_id) == account.id)
    return narrowed(query, actor, filters, currency=account.currency, beside=account.id)


def narrowed(query: Any, actor: Actor, filters: HistoryFilter, *, beside: Any, currency: str | None = None) -> Any:
    """A query for postings with only those that fit; `beside` is the account that each is looked at from.

    `currency` is that of all of them, where there is one.
    """
    query = query.where(*_conditions(filters, currency, col(Posting.created_at)))
    if filters.direction:
        query = query.where(col(Posting.direction) == filters.direction.value)
    if filters.q and filters.q.strip():
        query = query.where(_mentions(filters.q.strip(), actor, beside=beside))
    return query


def _conditions(filters: HistoryFilter, currency: str | None, at: Any) -> list[Any]:
    """The conditions that entries and transactions share; the amounts of a transaction are those of its entries."""
    found: list[Any] = []
    if filters.types:
        found.append(col(Transaction.type).in_([kind.value for kind in filters.types]))
    found += amount_filters.conditions(filters, col(Transaction.amount), col(Transaction.currency), code=currency)
    if filters.from_:
        found.append(at >= filters.from_)
    if filters.to:
        found.append(at < filters.to)
    if filters.reversed is not None:
        mirror = aliased(Transaction)
        undone = exists(select(1).where(col(mirror.reverses_id) == col(Transaction.id)))
        found.append(undone if filters.reversed else ~undone)
    return found


def _mentions(text: str, actor: Actor, *, beside: Any) -> Any:
    """Description, somebody's name, an account number or a reference; `beside` is the account one looks from."""
    other, owner = aliased(Account), aliased(User)
    side = aliased(Posting)
    name: Any = col(owner.name)
    if not actor.role.sees_every_account:
        # Or letters could be tried until they are found.
        mine = (col(PayeeName.user_id) == actor.user_id, col(PayeeName.account_id) == col(other.id))
        called = select(col(PayeeName.name)).where(*mine)
        known = or_(col(other.owner_id) == actor.user_id, exists(select(1).where(*mine, col(PayeeName.name).is_(None))))
        sends = and_(col(side.direction) == Direction.DEBIT.value, col(Transaction.reverses_id).is_(None))
        name = case((or_(sends, known), name), else_=called.scalar_subquery())
    named = or_(contains(name, text), has_number(col(other.id), text))
    joined = and_(col(side.transaction_id) == col(Transaction.id), col(side.account_id) != beside)
    counterparty = exists(
        select(1)
        .select_from(side)
        .join(other, col(other.id) == col(side.account_id))
        .join(owner, col(owner.id) == col(other.owner_id))
        .where(joined, named)
    )  # fmt: skip
    found = [contains(func.coalesce(col(Transaction.description), ""), text), counterparty]
    bits = reference_bits(text)
    if bits is not None:
        found.append(col(Transaction.reference) == bits)
    return or_(*found)


def entry_views(session: Session, actor: Actor, query: Any) -> list[EntryView]:
    """The rows of such a query as the actor reads them."""
    return views_of(session, actor, session.execute(query).all())


def views_of(session: Session, actor: Actor, rows: Sequence[Any]) -> list[EntryView]:
    """Such rows as the actor reads them."""
    ids = [row.transaction_id for row in rows]
    others = counterparties(session, actor, ids)
    reversals = transfers.reversals_of(session, ids)
    return [
        EntryView(
            account_id=account_number_text(row.account_id),
            sequence=row.sequence,
            transaction_id=row.transaction_id,
            type=TransactionType(row.type),
            direction=Direction(row.direction),
            amount_minor=row.amount,
            currency=row.currency,
            balance_after_minor=row.balance_after,
            counterparty=next(
                (party for number, party in others.get(row.transaction_id, []) if number != row.account_id), None
            ),
            description=row.description,
            metadata=row.metadata_ if row.actor_id == actor.user_id or actor.role.sees_every_account else {},
            created_at=row.created_at,
            reverses=row.reverses_id,
            reversed_by=reversals.get(row.transaction_id),
        )
        for row in rows
    ]


def counterparties(
    session: Session, actor: Actor, transaction_ids: Sequence[UUID]
) -> dict[UUID, list[tuple[int, Counterparty]]]:
    """All sides of each transaction, as the actor may know them: an own account by its name, others by their owner.

    Who was paid without his name being known is called by the one that was typed, or by number.
    """
    found: dict[UUID, list[tuple[int, Counterparty]]] = {}
    rows = session.execute(
        select(
            col(Posting.transaction_id),
            col(Posting.direction),
            col(Transaction.type),
            col(Account.id),
            col(Account.kind),
            col(Account.owner_id),
            col(Account.nickname),
            col(User.name),
        )
        .join(Transaction, col(Transaction.id) == col(Posting.transaction_id))
        .join(Account, col(Account.id) == col(Posting.account_id))
        .outerjoin(User, col(User.id) == col(Account.owner_id))
        .where(col(Posting.transaction_id).in_(transaction_ids))
    ).all()
    # Who sends is named anyway: an account that only receives asks for nobody.
    paid = {row.id for row in rows if not payee_names.makes_itself_known(row.direction, row.type)}
    unknown = payee_names.unknown_to(session, actor, paid)
    for row in rows:
        own = row.owner_id == actor.user_id
        if row.owner_id is None:
            party = Counterparty(row.kind, row.kind.capitalize())
        else:
            sends = payee_names.makes_itself_known(row.direction, row.type)
            called = row.name if sends else unknown.get(row.id, row.name)
            name = (row.nickname or AccountKind(row.kind).usual_name) if own else called
            party = Counterparty(account_number_text(row.id), name, own)
        found.setdefault(row.transaction_id, []).append((row.id, party))
    return found


# --- balances over time ---------------------------------------------------------------------------------


def balance_at(session: Session, actor: Actor, account_id: int, *, at: datetime) -> BalanceAt:
    """The booked balance as the ledger held it at a moment (inclusive).

    Raises:
        AccountNotFound: as `accounts.get_account`.
    """
    account = get_account(session, actor, account_id)
    return _balance_of(session, account.id, places.newest_until(session, account.id, at), at)


def _balance_of(session: Session, account_id: int, sequence: int, at: datetime) -> BalanceAt:
    mine = (col(Posting.account_id) == account_id, col(Posting.sequence) == sequence)
    balance = session.execute(select(col(Posting.balance_after)).where(*mine)).scalar()
    return BalanceAt(balance or 0, at, sequence)


def balance_steps(
    session: Session,
    actor: Actor,
    *,
    account_id: int | None = None,
    currency: str | None = None,
    days: int | None = 90,
) -> list[Step]:
    """The booked balance as steps, oldest first, at most 301: of one account, or of all own ones of a currency.

    The first step is the balance at the beginning of the window. `days` None means since the first entry. Without
    `currency` it is that of the oldest account.

    Raises:
        AccountNotFound: as `accounts.get_account`.
    """
    accounts = [get_account(session, actor, account_id)] if account_id else own_accounts(session, actor)
    accounts = [account for account in accounts if account.currency == (currency or accounts[0].currency)]
    if not accounts:
        return []
    now = clock.now()
    opened = min(account.opened_at for account in accounts)
    start = max(opened, now - timedelta(days=days)) if days else opened
    first = {a.id: places.newest_before(session, a.id, start) for a in accounts}
    balances = {number: _balance_of(session, number, place, start).balance_minor for number, place in first.items()}
    # What a wrong clock dated ahead happened before what follows it, or by now if nothing does.
    rows = session.execute(
        select(col(Posting.account_id), col(Posting.created_at), col(Posting.balance_after))
        .where(col(Posting.account_id).in_(balances), col(Posting.created_at) >= start, places.not_overtaken())
        .order_by(col(Posting.created_at).desc(), col(Posting.sequence).desc())
        .limit(_CHART_ROWS)
    ).all()
    # By moment, because a transfer between two own accounts has no balance between its two sides.
    totals = {start: sum(balances.values())}
    for row in reversed(rows):
        balances[row.account_id] = row.balance_after
        totals[min(row.created_at, now)] = sum(balances.values())
    steps = [Step(at, total) for at, total in totals.items()]
    stride = -(-len(steps) // _MOST_POINTS)
    # Counted from the end, so that the balance of now is always among those kept; the beginning is kept as well.
    return steps[:1] + steps[:0:-1][::stride][::-1]


# --- statements ---------------------------------------------------------------------------------------


def statement(session: Session, actor: Actor, account_id: int, *, start: datetime, end: datetime) -> Statement:
    """How an account's entries from `start` (inclusive) to `end` (exclusive) join two balances.

    They are those between the two places that these moments have in the account's order, so that periods that join
    leave out nothing and have nothing twice. What a wrong clock dated ahead is where it was posted, before what follows
    it; a period that is under way has everything. What is posted later is not in it.

    Raises:
        AccountNotFound: as `accounts.get_account`.
        Invalid: the period ends before it begins.
    """
    if end <= start:
        message = "The period must end after it begins."
        raise errors.Invalid(message, errors=[{"field": "to", "code": "invalid", "message": message}])
    account = get_account(session, actor, account_id)
    first, last = places.ends_of(session, account.id, start, end)
    into, out, count = _moved(session, account.id, first, last)
    opening = _balance_of(session, account.id, first, start).balance_minor
    closing = _balance_of(session, account.id, last, end).balance_minor
    if opening + into - out != closing or count != last - first:
        raise errors.BooksBroken(f"the statement of account {account.number} does not add up")
    return Statement(account, start, end, opening, into, out, closing, first, last)


def _moved(session: Session, account_id: int, first: int, last: int) -> tuple[int, int, int]:
    """What came in and went out after one entry and up to another, and with how many entries."""
    credit = case((col(Posting.direction) == Direction.CREDIT.value, col(Posting.amount)), else_=0)
    sums = select(total(credit), total(col(Posting.amount)), func.count()).where(
        col(Posting.account_id) == account_id, col(Posting.sequence) > first, col(Posting.sequence) <= last
    )
    into, moved, count = session.execute(sums).one()
    return into, moved - into, count


def entries_in(
    session: Session, actor: Actor, found: Statement, *, limit: int, cursor: str | None = None
) -> Page[EntryView]:
    """The entries of a statement, oldest first, by keyset: the same ones, whatever was posted since it was made.

    Raises:
        AccountNotFound: as `accounts.get_account`.
        BooksBroken: an entry is missing.
    """
    account = get_account(session, actor, found.account.id)
    after = split_number(cursor) if cursor else found.before
    last = min(after + limit, found.sequence)
    between = (col(Posting.sequence) > after, col(Posting.sequence) <= last)
    query = entries_of(actor, account, ANYTHING).where(*between).order_by(col(Posting.sequence))
    entries = entry_views(session, actor, query)
    if len(entries) != last - after:
        raise errors.BooksBroken(f"the statement of account {account.number} has fewer entries than it says")
    return Page(entries, make_cursor(str(last)) if last < found.sequence else None)


CSV_COLUMNS = (
    "posted_at", "reference", "type", "counterparty", "memo", "direction", "amount", "currency", "balance_after",
    "entry_id",
)  # fmt: skip


def csv_row(entry: EntryView) -> list[Cell]:
    """An entry as a row of a CSV file. Amounts are signed with an ASCII minus."""
    return [
        clock.to_text(entry.created_at),
        reference(entry.transaction_id),
        entry.type.value,
        entry.counterparty.name if entry.counterparty else "",
        entry.description,
        entry.direction.value,
        money.to_text(entry.signed_minor, entry.currency),
        entry.currency,
        money.to_text(entry.balance_after_minor, entry.currency),
        f"{entry.account_id}-{entry.sequence}",
    ]


def entries_csv(entries: Pages[EntryView]) -> Text:
    """Entries as a CSV file."""
    return Text(csv_file.pieces(CSV_COLUMNS, (map(csv_row, page) for page in entries)), entries)


# --- everybody's transactions ---------------------------------------------------------------------------


def list_transactions(
    session: Session,
    actor: Actor,
    *,
    filters: HistoryFilter = ANYTHING,
    limit: int = 50,
    cursor: str | None = None,
) -> Page[transfers.TransactionView]:
    """Transactions of the whole bank, newest first.

    A search that takes too long ends before its page is full: `searched_to` says how far back it got.

    Raises:
        Forbidden: a customer asks.
        Invalid, InvalidAmount: a cursor or an amount that is malformed.
    """
    staff_only(actor)
    conditions = _conditions(filters, None, col(Transaction.created_at))
    if filters.q and filters.q.strip():
        conditions.append(_mentions(filters.q.strip(), actor, beside=0))
    if filters.direction:
        # Seen from the bank, a deposit brings money in and a withdrawal takes it out.
        kind = {Direction.CREDIT: TransactionType.DEPOSIT, Direction.DEBIT: TransactionType.WITHDRAW}[filters.direction]
        conditions.append(col(Transaction.type) == kind.value)
    found = newest.find(session, conditions, limit=limit, cursor=cursor)
    looks.at_list(session, actor, "transactions", len(found.ids), filters, further=cursor)
    return found.page(transfers.list_views(session, actor, found.ids))
