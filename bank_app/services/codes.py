"""Codes of the second step: the shared secret of an authenticator app, and recovery codes that stand in for it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from uuid import UUID

import pyotp
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import CursorResult, and_, delete, insert, select, update
from sqlalchemy.orm import Session
from sqlmodel import col

from bank_app import clock
from bank_app.domain import digits
from bank_app.domain.accounting import Role
from bank_app.errors import SecondFactorUsed, SecondFactorWrong
from bank_app.models import RecoveryCode, User
from bank_app.services.security_events import Event, Person, security_event
from bank_app.settings import Settings

HOW_MANY = 10
_SECONDS, _DIGITS = 30, 6
# A clock may be half a minute off either way; a code up to five minutes old is known as one that has expired.
_ALLOWED, _REMEMBERED = 1, 10
# Letters and digits that are not taken for each other when copied from paper.
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"


def new_secret() -> str:
    """A secret to be shared with an authenticator app: 160 bits in base32."""
    return pyotp.random_base32(32)


def sealed(settings: Settings, user_id: UUID, secret: str) -> str:
    """A secret as it is kept: nobody reads it without the bank's key, and it opens for this person only."""
    nonce = secrets.token_bytes(12)
    return base64.b64encode(nonce + _cipher(settings).encrypt(nonce, secret.encode(), user_id.bytes)).decode()


def opened(settings: Settings, user: User) -> str | None:
    """The secret that is kept for a person; None if there is none or it was kept with another key."""
    if not user.totp_secret:
        return None
    raw = base64.b64decode(user.totp_secret)
    try:
        return _cipher(settings).decrypt(raw[:12], raw[12:], user.id.bytes).decode()
    except InvalidTag:
        return None


def is_on(user: User) -> bool:
    """Whether this person signs in with a second step."""
    return user.totp_since is not None


def app_refusal(settings: Settings, user: User, typed: str) -> SecondFactorWrong | SecondFactorUsed | None:
    """What is wrong with a code of the person's app; None if it is right, and then it is marked as used.

    Call it in a unit of work that holds the person's row: of two uses of one code the second must see the first.
    """
    secret, now = opened(settings, user), int(clock.now().timestamp()) // _SECONDS
    if secret is None:
        return _wrong()
    app, bare = pyotp.TOTP(secret), _bare(typed)
    # All are compared, whichever fits, so that the time taken says nothing.
    fitting = [
        step for step in range(now - _REMEMBERED, now + _ALLOWED + 1)
        if hmac.compare_digest(app.generate_otp(step), bare)
    ]  # fmt: skip
    if not fitting:
        return _wrong()
    step, used = fitting[-1], user.totp_step or 0
    if step < now - _ALLOWED:
        return SecondFactorWrong("That code has expired. Enter the newest one.", reason="expired")
    if step <= used:
        # The next code that counts is the one after the last that was used.
        wait = max(1, (used + 1) * _SECONDS - int(clock.now().timestamp()))
        newer = step < used
        return SecondFactorUsed(
            f"{'A newer code' if newer else 'That code'} was used already. Wait for the next one.",
            reason="newer" if newer else "app", retry_after=wait,
        )  # fmt: skip
    user.totp_step = step
    return None


def is_of_app(typed: str) -> bool:
    """Whether a code looks like one of an app."""
    bare = _bare(typed)
    return len(bare) == _DIGITS and bare.isdigit()


def recovery_refusal(
    session: Session, settings: Settings, user: User, typed: str
) -> SecondFactorWrong | SecondFactorUsed | None:
    """What is wrong with a recovery code; None if it is right, and then it is used up. As `app_refusal`."""
    bare = _bare(typed)
    this = and_(col(RecoveryCode.digest) == _digest(settings, user.id, bare), col(RecoveryCode.user_id) == user.id)
    used = session.execute(
        update(RecoveryCode).where(this, col(RecoveryCode.used_at).is_(None)).values(used_at=clock.now())
    )
    if isinstance(used, CursorResult) and used.rowcount == 1:
        person = Person(user.id, Role(user.role))
        security_event(
            session, Event.USER_CHANGED, reason="recovery_code_used", factor="recovery_code", person=person,
            email=user.email,
        )  # fmt: skip
        return None
    if session.execute(select(col(RecoveryCode.used_at)).where(this)).first():
        return SecondFactorUsed("That recovery code was used already. Take another one.", reason="recovery")
    return _wrong()


def _wrong() -> SecondFactorWrong:
    return SecondFactorWrong("That code isn't right. Codes change every 30 seconds.", reason="wrong")


def new_recovery_codes(session: Session, settings: Settings, user_id: UUID) -> tuple[str, ...]:
    """Ten fresh recovery codes in place of those before. They are kept as digests, so this is the only time to see."""
    forget_recovery_codes(session, user_id)
    fresh = tuple("".join(secrets.choice(_ALPHABET) for _ in range(10)) for _ in range(HOW_MANY))
    now = clock.now()
    session.execute(
        insert(RecoveryCode),
        [{"digest": _digest(settings, user_id, code), "user_id": user_id, "created_at": now} for code in fresh],
    )
    return tuple(f"{code[:5]}-{code[5:]}" for code in fresh)


def forget_recovery_codes(session: Session, user_id: UUID) -> None:
    """Makes all of a person's recovery codes worthless."""
    session.execute(delete(RecoveryCode).where(col(RecoveryCode.user_id) == user_id))


def app_address(settings: Settings, email: str, secret: str) -> str:
    """The `otpauth:` address that an authenticator app reads from a picture."""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=settings.name)


def _bare(typed: str) -> str:
    """A code without the spaces and dashes that it is shown with, in digits of any keyboard."""
    return "".join(letter for letter in digits.plain(typed).lower() if letter.isascii() and letter.isalnum())[:32]


def _digest(settings: Settings, user_id: UUID, code: str) -> bytes:
    # With the bank's key, because ten letters alone could be found by trying them all.
    return hmac.digest(_key(settings, "recovery codes"), user_id.bytes + code.encode(), hashlib.sha256)


def _cipher(settings: Settings) -> AESGCM:
    return AESGCM(_key(settings, "second step"))


def _key(settings: Settings, purpose: str) -> bytes:
    """A key of its own for each purpose, from the one secret of the bank."""
    info = f"bank_app {purpose}".encode()
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(settings.signing_key.encode())
