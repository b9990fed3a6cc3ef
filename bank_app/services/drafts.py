"""What a person is about to confirm: a row with its own URL that never changes, so its id is the idempotency key."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session
from sqlmodel import col

from bank_app import clock, errors
from bank_app.domain import money
from bank_app.domain.identifiers import new_id, reference
from bank_app.domain.text import one_line
from bank_app.models import IdempotencyKey, TransferDraft
from bank_app.services import accounts, payee_names, transfers
from bank_app.services.actor import Actor, still

LIFETIME = timedelta(hours=24)
# What was checked longer ago than this wants another look before it is sent.
FRESH = timedelta(minutes=10)
# Keys of drafts are those from here to before the next.
KEYS_FROM, KEYS_BEFORE = "draft:", "draft;"


@dataclass(frozen=True, slots=True)
class DraftView:
    """A movement that was checked and waits for the person's word. Amount in minor units of `currency`."""

    id: UUID
    kind: str
    from_account_id: int | None
    to_account_id: int | None
    amount_minor: int
    currency: str
    description: str | None
    payee_name: str | None
    payee_result: str | None
    created_at: datetime

    @property
    def key(self) -> str:
        """Sending this draft twice, from two tabs or after a reload, is the same request."""
        return key_of(self.id)

    @property
    def stale(self) -> bool:
        """Whether it was checked so long ago that a person should look at the details again."""
        return self.created_at < clock.now() - FRESH

    @property
    def reference(self) -> str:
        """Short form for people."""
        return reference(self.id)

    @property
    def movement(self) -> transfers.Deposit | transfers.Withdraw | transfers.Transfer:
        """What will be asked of the ledger."""
        amount = money.Amount.of(money.to_text(self.amount_minor, self.currency))
        match (self.kind, self.from_account_id, self.to_account_id):
            case ("transfer", int(sender), int(receiver)):
                return transfers.Transfer(sender, receiver, amount, description=self.description)
            case ("withdraw", int(account), None):
                return transfers.Withdraw(account, amount, description=self.description)
            case ("deposit", None, int(account)):
                return transfers.Deposit(account, amount, description=self.description)
        raise errors.BooksBroken(f"draft {self.id} names the wrong accounts for a {self.kind}")


def key_of(draft_id: UUID) -> str:
    """The idempotency key under which a draft is sent."""
    return f"{KEYS_FROM}{draft_id}"


def id_in(key: str | None) -> UUID | None:
    """The draft that is sent under this key; None if it is a key of another kind."""
    if key is None or not key.startswith(KEYS_FROM):
        return None
    try:
        return UUID(key.removeprefix(KEYS_FROM))
    except ValueError:
        return None


def save(
    session: Session,
    actor: Actor,
    *,
    kind: str,
    amount_minor: int,
    currency: str,
    from_account_id: int | None = None,
    to_account_id: int | None = None,
    description: str | None = None,
    payee_name: str | None = None,
    payee_result: str | None = None,
) -> DraftView:
    """Keeps a reviewed movement for 24 hours. Checks nothing that can change: sending checks it again, under lock.

    How the payee's name fitted is remembered beyond that: it decides which name the payer sees.
    """
    still(session, actor)
    view = DraftView(
        id=new_id(),
        kind=kind,
        from_account_id=from_account_id,
        to_account_id=to_account_id,
        amount_minor=amount_minor,
        currency=currency,
        description=one_line(description or "") or None,
        payee_name=payee_name and one_line(payee_name),
        payee_result=payee_result,
        created_at=clock.now(),
    )
    if to_account_id and payee_name and payee_result:
        payee_names.note(session, actor, account_id=to_account_id, name=payee_name, result=payee_result)
    session.execute(delete(TransferDraft).where(col(TransferDraft.created_at) < clock.now() - LIFETIME * 2))
    session.execute(
        insert(TransferDraft).values(
            id=view.id,
            user_id=actor.user_id,
            kind=view.kind,
            from_account_id=view.from_account_id,
            to_account_id=view.to_account_id,
            amount=view.amount_minor,
            currency=view.currency,
            description=view.description,
            payee_name=view.payee_name,
            payee_result=view.payee_result,
            created_at=view.created_at,
        )
    )
    return view


def save_less(session: Session, actor: Actor, draft_id: UUID) -> DraftView:
    """The same as another draft of the actor's, with all that is available now instead of its amount.

    Raises:
        NotFound: as `get`.
        AccountNotFound: the paying account is not the actor's any more.
        InsufficientFunds: nothing is available.
    """
    draft = get(session, actor, draft_id)
    account = accounts.get_account(session, actor, draft.from_account_id or 0)
    if account.available_minor <= 0:
        raise errors.InsufficientFunds(
            "Nothing is available.",
            available=money.to_text(account.available_minor, account.currency),
            needed=money.to_text(draft.amount_minor, draft.currency),
            currency=account.currency,
        )
    return save(
        session,
        actor,
        kind=draft.kind,
        amount_minor=account.available_minor,
        currency=draft.currency,
        from_account_id=draft.from_account_id,
        to_account_id=draft.to_account_id,
        description=draft.description,
        payee_name=draft.payee_name,
        payee_result=draft.payee_result,
    )


def get(session: Session, actor: Actor, draft_id: UUID) -> DraftView:
    """The actor's own draft.

    Raises:
        NotFound: there is none with this id, it is somebody else's, or it is older than a day.
    """
    row = session.execute(
        select(TransferDraft).where(col(TransferDraft.id) == draft_id, col(TransferDraft.user_id) == actor.user_id)
    ).scalar()
    if row is None or row.created_at < clock.now() - LIFETIME:
        raise errors.NotFound("This transfer was not kept. Start a new one.")
    return _view(row)


def newest(session: Session, actor: Actor, *, limit: int) -> list[DraftView]:
    """The actor's drafts that are still kept, newest first, sent or not."""
    rows = session.execute(
        select(TransferDraft)
        .where(col(TransferDraft.user_id) == actor.user_id, col(TransferDraft.created_at) >= clock.now() - LIFETIME)
        .order_by(col(TransferDraft.created_at).desc())
        .limit(limit)
    ).scalars()
    return [_view(row) for row in rows]


def _view(row: TransferDraft) -> DraftView:
    return DraftView(
        id=row.id,
        kind=row.kind,
        from_account_id=row.from_account_id,
        to_account_id=row.to_account_id,
        amount_minor=row.amount,
        currency=row.currency,
        description=row.description,
        payee_name=row.payee_name,
        payee_result=row.payee_result,
        created_at=row.created_at,
    )


def unsent_from(session: Session, account_id: int) -> int:
    """Counts payments out of an account on a page that waits for a word: neither sent nor out of date."""
    rows = session.execute(
        select(col(TransferDraft.id), col(TransferDraft.user_id)).where(
            col(TransferDraft.from_account_id) == account_id,
            col(TransferDraft.created_at) > clock.now() - LIFETIME,
        )
    )
    keys: dict[str, UUID] = {key_of(row.id): row.user_id for row in rows}
    if not keys:
        return 0
    used = session.execute(
        select(col(IdempotencyKey.key)).where(
            col(IdempotencyKey.actor_id).in_(set(keys.values())), col(IdempotencyKey.key).in_(list(keys))
        )
    )
    return len(keys) - len(set(used.scalars()))
