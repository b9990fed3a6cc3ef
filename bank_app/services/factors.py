"""What proves besides a password that somebody is who he says: kinds of factors, each begun by its owner and verified.

Whoever adds a kind writes one class: what its owner is given to begin with, whether an answer is meant for it, and what
is wrong with that answer. Signing in, setting up, and asking again where much depends on it go through `verify`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from sqlalchemy.orm import Session

from bank_app.errors import BankError
from bank_app.models import User
from bank_app.services import codes
from bank_app.settings import Settings


class Factor(Protocol):
    """One kind of factor."""

    kind: str

    def begin(self, session: Session, settings: Settings, user: User) -> Sequence[str]:
        """Makes a new one for its owner in place of the one before, and returns what only he is shown."""

    def reads(self, answer: str) -> bool:
        """Whether an answer is meant for this kind."""

    def verify(self, session: Session, settings: Settings, user: User, answer: str) -> BankError | None:
        """Returns what is wrong with an answer; None if it is right, and then it is used up. The row is locked."""


class AuthenticatorApp:
    """A secret shared with an app, which shows a new code of it every half a minute."""

    kind = "app"

    def begin(self, session: Session, settings: Settings, user: User) -> Sequence[str]:
        """As `Factor`: the secret, sealed with its owner, counts once it is confirmed."""
        secret = codes.new_secret()
        user.totp_secret = codes.sealed(settings, user.id, secret)
        return (secret,)

    def reads(self, answer: str) -> bool:
        """As `Factor`."""
        return codes.is_of_app(answer)

    def verify(self, session: Session, settings: Settings, user: User, answer: str) -> BankError | None:
        """As `Factor`."""
        return codes.app_refusal(settings, user, answer)


class RecoveryCodes:
    """Ten codes on paper, each of which stands in once for everything else."""

    kind = "recovery"

    def begin(self, session: Session, settings: Settings, user: User) -> Sequence[str]:
        """As `Factor`."""
        return codes.new_recovery_codes(session, user.id)

    def reads(self, answer: str) -> bool:
        """As `Factor`: whatever no other kind reads."""
        return not codes.is_of_app(answer)

    def verify(self, session: Session, settings: Settings, user: User, answer: str) -> BankError | None:
        """As `Factor`."""
        return codes.recovery_refusal(session, settings, user, answer)


APP, RECOVERY = AuthenticatorApp(), RecoveryCodes()
FACTORS: Sequence[Factor] = (APP, RECOVERY)


def verify(session: Session, settings: Settings, user: User, answer: str) -> BankError | None:
    """Returns what is wrong with an answer of whichever kind it is; None if it is right, and then it is used up.

    Call it in a unit of work that holds the person's row: of two uses of one answer the second must see the first.
    """
    return next(kind for kind in FACTORS if kind.reads(answer)).verify(session, settings, user, answer)
