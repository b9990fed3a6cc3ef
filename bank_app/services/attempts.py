"""What did not happen: movements out of an account that the bank declined, with the reason it gave."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session
from sqlmodel import col

from bank_app import errors
from bank_app.domain.accounting import Role
from bank_app.domain.identifiers import account_number_text
from bank_app.models import IDEMPOTENCY_KEYS, SavedPayee, TransferDraft, User
from bank_app.services import accounts, drafts, ledger
from bank_app.services.actor import Actor
from bank_app.services.answers import TRIED, refusal_of
from bank_app.services.history import ANYTHING, HistoryFilter
from bank_app.services.lists import Page, bad_cursor, make_cursor, split_moment
from bank_app.services.unposted import fits

# So many pages are looked through in one call for what fits.
_LOOKS = 20
_KEY = IDEMPOTENCY_KEYS.c


@dataclass(frozen=True, slots=True)
class AttemptView:
    """A movement that was declined, so no money moved. Amount in minor units of `currency`.

    `kind` is `transfer`, `withdraw` or `hold`; `from_account` has ten digits, `to_account` ten digits, `cash`, or "" if
    it names none; `to_name` is empty where the reader never learned it. `error` is the refusal as it was answered,
    with its facts.
    """

    id: str
    at: datetime
    kind: str
    from_account: str
    amount_minor: int
    currency: str
    to_account: str
    to_name: str
    by_name: str
    error: errors.BankError

    @property
    def code(self) -> str:
        """The stable code of the refusal."""
        return self.error.code

    @property
    def detail(self) -> str:
        """The reason in a sentence."""
        return self.error.detail


def list_attempts(
    session: Session,
    actor: Actor,
    account_id: int | None = None,
    *,
    filters: HistoryFilter = ANYTHING,
    limit: int = 25,
    cursor: str | None = None,
) -> Page[AttemptView]:
    """Movements out of an account that were declined, newest first: its owner's, and those that tellers made on a page.

    Without an account those out of all of the actor's own. Only what was sent with an idempotency key is known, as
    every page and the API do. A page may be short and yet have a cursor: one call looks at so many of them only.

    Raises:
        AccountNotFound: as `accounts.get_account`.
        Invalid, InvalidAmount: a cursor or an amount that is malformed.
    Locks: none.
    """
    from_ = [accounts.get_account(session, actor, account_id)] if account_id else accounts.own_accounts(session, actor)
    if not from_:
        return Page([], None)
    query = _declined(from_, filters).order_by(_KEY.created_at.desc(), _KEY.key.desc()).limit(limit + 1)
    found: list[tuple[Any, AttemptView]] = []
    last: Any = None
    for _ in range(_LOOKS):
        if cursor:
            moment, key = _read_cursor(cursor)
            older = or_(_KEY.created_at < moment, and_(_KEY.created_at == moment, _KEY.key < key))
        rows = session.execute(query.where(older) if cursor else query).all()
        views = _views(session, actor, rows[:limit])
        found += [pair for pair in zip(rows[:limit], views, strict=True) if _fits(filters, pair[1])]
        last = found[limit - 1][0] if len(found) > limit else rows[limit - 1] if len(rows) > limit else None
        cursor = make_cursor(last.created_at.isoformat(), last.key) if last is not None else None
        if cursor is None or len(found) >= limit:
            break
    return Page([view for _, view in found[:limit]], cursor)


def _declined(from_: Sequence[accounts.AccountView], filters: HistoryFilter) -> Any:
    staff = select(col(User.id)).where(col(User.role).in_([Role.TELLER.value, Role.ADMIN.value]))
    # Keys of the bank's people are looked through only as far as drafts made them: programs make millions.
    on_pages = and_(_KEY.actor_id.in_(staff), _KEY.key >= drafts.KEYS_FROM, _KEY.key < drafts.KEYS_BEFORE)
    query = (
        select(IDEMPOTENCY_KEYS, col(User.name).label("by_name"))
        .join(User, col(User.id) == _KEY.actor_id)
        .where(
            or_(_KEY.actor_id == from_[0].owner_id, on_pages),
            _KEY.refusal_code.is_not(None),
            func.json_extract(_KEY.refusal_facts, f"$.{TRIED}.from").in_([account.id for account in from_]),
        )
    )
    if filters.from_:
        query = query.where(_KEY.created_at >= filters.from_)
    return query.where(_KEY.created_at < filters.to) if filters.to else query


def _fits(filters: HistoryFilter, tried: AttemptView) -> bool:
    named = (tried.to_name, tried.to_account, tried.code, tried.detail)
    return fits(filters, tried.amount_minor, tried.currency, at=tried.at, named=named, kind=tried.kind)


def _read_cursor(cursor: str) -> tuple[datetime, str]:
    moment, key = split_moment(cursor)
    if not key.isascii():
        raise bad_cursor()
    return moment, key


def _views(session: Session, actor: Actor, rows: Sequence[Any]) -> list[AttemptView]:
    tried = [row.refusal_facts[TRIED] for row in rows]
    targets = ledger.named(session, {facts["to"] for facts in tried if facts["to"]})
    saved = _saved_names(session, actor, targets)
    typed = _typed_names(session, rows)
    return [
        AttemptView(
            id=hashlib.sha256(row.actor_id.bytes + row.key.encode()).hexdigest()[:16],
            at=row.created_at,
            kind=facts["kind"],
            from_account=account_number_text(facts["from"]),
            amount_minor=facts["amount"],
            currency=facts["currency"],
            to_account=_number(targets.get(facts["to"])),
            to_name=_name(actor, targets.get(facts["to"])) or saved.get(facts["to"]) or typed.get(row.key, ""),
            by_name=row.by_name,
            error=refusal_of(row),
        )
        for row, facts in zip(rows, tried, strict=True)
    ]


def _number(target: ledger.AccountFacts | None) -> str:
    if target is None:
        return ""
    return account_number_text(target.id) if target.owner_id else target.kind.value


def _name(actor: Actor, target: ledger.AccountFacts | None) -> str:
    """What the reader may know by himself: whose an account is remains hidden from whoever only typed its number."""
    if target is None:
        return ""
    if target.owner_id is None:
        return target.kind.usual_name
    if target.owner_id == actor.user_id:
        return target.nickname or target.kind.usual_name
    return target.owner_name if actor.role.sees_every_account else ""


def _saved_names(session: Session, actor: Actor, targets: Mapping[int, Any]) -> dict[int, str]:
    columns = col(SavedPayee.account_id), col(SavedPayee.nickname), col(SavedPayee.name)
    rows = session.execute(
        select(*columns).where(col(SavedPayee.user_id) == actor.user_id, col(SavedPayee.account_id).in_(list(targets)))
    )
    return {row.account_id: row.nickname or row.name for row in rows}


def _typed_names(session: Session, rows: Sequence[Any]) -> dict[str, str]:
    """The names that people wrote down with a draft, while it is kept."""
    ids = {drafted: row.key for row in rows if (drafted := drafts.id_in(row.key))}
    found = session.execute(
        select(col(TransferDraft.id), col(TransferDraft.payee_name)).where(col(TransferDraft.id).in_(list(ids)))
    )
    return {ids[row.id]: row.payee_name or "" for row in found}
