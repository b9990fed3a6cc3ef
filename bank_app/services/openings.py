"""Opening an account once, however often it is asked for with the same key."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from uuid import UUID

from sqlalchemy.orm import Session

from bank_app import errors
from bank_app.database import Database
from bank_app.domain.accounting import AccountKind, Key
from bank_app.domain.identifiers import fingerprint
from bank_app.services import accounts, ledger
from bank_app.services.accounts import AccountView
from bank_app.services.actor import Actor, still


@dataclass(frozen=True, slots=True)
class Opening:
    """What somebody asks for, as `accounts.open_account` takes it. `initial_balance` is in major units."""

    currency: str | None = None
    kind: AccountKind = AccountKind.CHECKING
    nickname: str | None = None
    initial_balance: str | None = None
    owner_id: UUID | None = None

    def fingerprint(self) -> bytes:
        """32 bytes that differ when the request differs, and from those of every movement."""
        owner = str(self.owner_id) if self.owner_id else None
        return fingerprint("account.open", {**asdict(self), "kind": self.kind.value, "owner_id": owner})


@dataclass(frozen=True, slots=True)
class OpenedAccount:
    """The answer: the account as it was opened, and whether the key had been answered before."""

    account: AccountView
    replayed: bool


def open_account(db: Database, actor: Actor, opening: Opening, *, key: str | None = None) -> OpenedAccount:
    """Opens an account and answers after COMMIT. With `key` it is opened once, and a refusal stands for ever.

    Raises:
        Forbidden, Invalid, InvalidAmount: as `accounts.open_account`; not recorded with the key.
        LimitExceeded, IdempotencyKeyReused: `error.replayed` tells a recorded refusal from a new one.
        LockTimeout, DatabaseUnavailable, OutcomeUnknown: never recorded; repeat with the same key.
    Locks: as `accounts.open_account`.
    """
    bound = Key(actor.user_id, key, opening.fingerprint()) if key else None
    made: set[int] = set()

    def operation(session: Session) -> OpenedAccount | ledger.Refused:
        still(session, actor)
        if bound and (before := ledger.recorded(session, bound)):
            return _again(session, actor, opening, before, made)
        view = accounts.open_account(
            session,
            actor,
            settings=db.settings,
            currency=opening.currency,
            kind=opening.kind,
            nickname=opening.nickname,
            initial_balance=opening.initial_balance,
            owner_id=opening.owner_id,
            key=bound,
        )
        made.add(view.id)
        return OpenedAccount(view, replayed=False)

    def refused(session: Session, refusal: errors.Refused) -> OpenedAccount | ledger.Refused:
        still(session, actor)
        # The account went with its unit of work, so the answer is kept in one of its own, if nobody was faster.
        if bound and (before := ledger.recorded(session, bound)):
            return _again(session, actor, opening, before, made)
        if bound:
            ledger.record_refusal(session, bound, ledger.Refused(refusal))
        return ledger.Refused(refusal)

    try:
        answer = db.unit_of_work(operation, resolvable=bound is not None)
    except errors.Refused as error:
        refusal = error
        answer = db.unit_of_work(lambda session: refused(session, refusal), resolvable=True)
    if isinstance(answer, ledger.Refused):
        raise answer.as_error()
    return answer


def _again(
    session: Session, actor: Actor, opening: Opening, before: ledger.Outcome, made: set[int]
) -> OpenedAccount | ledger.Refused:
    if isinstance(before, ledger.Refused):
        return before
    if not isinstance(before, ledger.Opened):
        raise errors.BooksBroken("an account was asked for, and a movement answered")
    account = accounts.get_account(session, actor, before.account_id)
    # After a lost COMMIT it is found in the books; for whoever waits here it is still the first answer.
    replayed = before.account_id not in made
    as_opened = accounts.as_opened(session, account, nickname=opening.nickname, initial_balance=opening.initial_balance)
    return OpenedAccount(as_opened, replayed)
