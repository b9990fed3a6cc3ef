"""Setting up a bank that nobody runs yet: whoever reads the one-time token in the server's log becomes its admin."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import CursorResult, exists, insert, select, update
from sqlalchemy.orm import Session
from sqlmodel import col

from bank_app import clock, errors
from bank_app.database import Database
from bank_app.domain import names
from bank_app.domain.accounting import Role
from bank_app.domain.identifiers import new_id
from bank_app.models import BankFacts, User
from bank_app.services import audit, auth, passwords
from bank_app.services.actor import Actor, Person
from bank_app.services.security_events import Event, security_event

_ROW = 1
MAX_NAME = 40
# Somebody who can run the bank; an auditor alone cannot.
_RUNS_IT = (Role.TELLER.value, Role.ADMIN.value)


@dataclass(frozen=True, slots=True)
class Facts:
    """What was chosen when the bank was set up, or that this is still to be done."""

    waiting: bool = False
    name: str | None = None
    demo: bool = False
    demo_allowed: bool = False


@dataclass(frozen=True, slots=True)
class Choices:
    """What whoever sets the bank up filled in."""

    bank_name: str
    name: str
    email: str
    password: str
    demo: bool


def facts(session: Session) -> Facts:
    """How far the bank is. It waits while a token was given out and nobody can run it."""
    row = _row(session)
    if row is None:
        return Facts()
    waiting = row.setup_digest is not None and row.set_up_at is None and not _somebody_runs_it(session)
    return Facts(waiting, row.name, row.demo == "on", row.demo == "allowed")


def prepare(db: Database, *, demo_allowed: bool) -> str | None:
    """A new token if nobody can run the bank yet, in place of those before; None if somebody can."""
    token = secrets.token_urlsafe(24)
    values = {"setup_digest": _digest(token), "demo": "allowed" if demo_allowed else None}

    def operation(session: Session) -> bool:
        row = _row(session)
        if _somebody_runs_it(session) or (row is not None and row.set_up_at is not None):
            return False
        if row is None:
            session.execute(insert(BankFacts).values(id=_ROW, **values))
        else:
            written = session.execute(
                update(BankFacts).where(col(BankFacts.id) == _ROW, col(BankFacts.set_up_at).is_(None)).values(**values)
            )
            # Somebody may have set it up while this process looked.
            return isinstance(written, CursorResult) and written.rowcount == 1
        return True

    return token if db.unit_of_work(operation) else None


def sign_up(db: Database, *, email: str, name: str, password: str) -> Actor:
    """Makes somebody a customer who wants to be one, once somebody runs the bank.

    Before that nobody comes in: the first admin's email would be for whoever is quicker.

    Raises:
        Forbidden: people may not register by themselves, or not yet; `details["reason"]` says which.
        Invalid: email, name or password is not acceptable; `details["errors"]` names each field.
        EmailTaken: somebody is registered with this email.
    """
    if not db.settings.sign_up:
        raise errors.Forbidden("This bank is invite-only. Ask an operator for an invitation.", reason="invite_only")
    # Before a password is hashed, and again where it counts.
    db.read(_require_somebody)
    return auth.register(db, email=email, name=name, password=password, only_if=_require_somebody)


def _require_somebody(session: Session) -> None:
    if facts(session).waiting:
        raise errors.Forbidden("This bank is not set up yet. Come back once somebody runs it.", reason="not_set_up")


def run(db: Database, token: str, wanted: Choices) -> UUID:
    """Names the bank and makes its first admin. The token is used up; who comes second finds nothing to set up.

    Returns:
        The admin's id.

    Raises:
        NotFound: the bank is set up.
        TokenWrong: not the token of the newest start.
        Invalid: a field is not acceptable; `details["errors"]` names each, `bank_name` first.
        EmailTaken: somebody is registered with this email.
        Forbidden: demo people were chosen where they may not be.
    """
    before = db.read(lambda session: (facts(session), _row(session)))
    try:
        _require_open(before[0], before[1], token)
    except errors.BankError as refused:
        over = isinstance(refused, errors.NotFound)
        security_event(db, Event.SIGN_IN_FAILED, reason="set_up_over" if over else "set_up_token", factor="token")
        raise
    bank_name, email, name = _checked(wanted)
    hashed, user_id = passwords.hashed(wanted.password), new_id()

    def operation(session: Session) -> UUID:
        known = facts(session)
        _require_open(known, _row(session), token)
        if wanted.demo and not known.demo_allowed:
            raise errors.Forbidden("Everybody knows the passwords of demo people, and others can reach this bank.")
        if session.execute(select(col(User.id)).where(col(User.email) == email)).first():
            raise errors.EmailTaken("Somebody is registered with this email.")
        first = session.execute(
            update(BankFacts)
            .where(col(BankFacts.id) == _ROW, col(BankFacts.setup_digest) == _digest(token.strip()))
            .values(name=bank_name, setup_digest=None, set_up_at=clock.now(), demo="on" if wanted.demo else None)
        )
        if not isinstance(first, CursorResult) or first.rowcount != 1:
            raise errors.NotFound("This bank is set up.")
        session.add(
            User(
                id=user_id,
                email=email,
                name=name,
                password_hash=hashed,
                role=Role.ADMIN.value,
                created_at=clock.now(),
            )
        )
        session.flush()
        audit.record(
            session, actor_id=user_id, action="bank.set_up", object="bank",
            changes={"name": [None, bank_name], "demo": [False, wanted.demo]},
        )  # fmt: skip
        security_event(
            session, Event.USER_MADE, reason="set_up", factor="token", person=Person(user_id, Role.ADMIN), email=email
        )
        return user_id

    return db.unit_of_work(operation)


def _require_open(known: Facts, row: BankFacts | None, token: str) -> None:
    if not known.waiting or row is None or row.setup_digest is None:
        raise errors.NotFound("This bank is set up.")
    if not hmac.compare_digest(row.setup_digest, _digest(token.strip())):
        raise errors.TokenWrong("That token isn't right. It is in the server log, on the line starting SETUP TOKEN.")


def _checked(wanted: Choices) -> tuple[str, str, str]:
    """Name of the bank, email and name of the admin as they are kept."""
    bank_name, problems = names.clean(wanted.bank_name), []
    if wrong := names.problem(bank_name, longest=MAX_NAME, of=" for the bank"):
        problems.append({"field": "bank_name", "code": f"BANK_NAME_{wrong.kind}", "message": wrong.message})
    try:
        email, name = auth.checked_person(wanted.email, wanted.name, wanted.password, bank=bank_name)
    except errors.Invalid as error:
        problems += error.details["errors"]
    if problems:
        raise errors.Invalid(" ".join(problem["message"] for problem in problems), errors=problems)
    return bank_name, email, name


def _row(session: Session) -> BankFacts | None:
    return session.execute(select(BankFacts).where(col(BankFacts.id) == _ROW)).scalar()


def _somebody_runs_it(session: Session) -> bool:
    return bool(session.execute(select(exists().where(col(User.role).in_(_RUNS_IT)))).scalar())


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
