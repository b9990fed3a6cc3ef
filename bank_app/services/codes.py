"""Codes of the second step: the shared secret of an authenticator app, and recovery codes that stand in for it."""

from __future__ import annotations

import base64
import contextlib
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
from bank_app.errors import BankError, SecondFactorUnreadable, SecondFactorUsed, SecondFactorWrong
from bank_app.keys import Key
from bank_app.models import RecoveryCode, User
from bank_app.services.actor import Person
from bank_app.services.security_events import Event, security_event
from bank_app.settings import Settings

HOW_MANY = 10
_SECONDS, _DIGITS = 30, 6
# A clock may be half a minute off either way; a code up to five minutes old is known as one that has expired.
_ALLOWED, _REMEMBERED = 1, 10
# Letters and digits that are not taken for each other when copied from paper.
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
# Letters of a recovery code: of before, and of now, with almost 119 bits of chance.
_SHORT, _LONG = 10, 24


def new_secret() -> str:
    """A secret to be shared with an authenticator app: 160 bits in base32."""
    return pyotp.random_base32(32)


def sealed(settings: Settings, user_id: UUID, secret: str) -> str:
    """A secret as it is kept: nobody reads it without the bank's key, and it opens for this person only.

    The name of the key stands before it. Those of before keys had names have none.
    """
    nonce, key = secrets.token_bytes(12), settings.ring.newest
    locked = nonce + _cipher(key).encrypt(nonce, secret.encode(), user_id.bytes)
    return f"{key.id}.{base64.b64encode(locked).decode()}"


def opened(settings: Settings, user: User) -> str | None:
    """The secret that is kept for a person; None if there is none or the bank does not have its key."""
    if not user.totp_secret:
        return None
    key_id, named, _ = user.totp_secret.rpartition(".")
    known = settings.ring.get(key_id) if named else None
    candidates = ([known] if known else []) if named else settings.ring.keys
    return next((secret for key in candidates if (secret := opens(key, user))), None)


def opens(key: Key, user: User) -> str | None:
    """The secret that is kept for a person, if this is its key."""
    raw = base64.b64decode((user.totp_secret or "").rpartition(".")[2])
    with contextlib.suppress(InvalidTag):
        return _cipher(key).decrypt(raw[:12], raw[12:], user.id.bytes).decode()
    return None


def resealed(settings: Settings, user: User) -> str | None:
    """What is kept for a person, sealed with the newest key; None if it is already, or cannot be opened."""
    is_newest = (user.totp_secret or "").startswith(f"{settings.ring.newest.id}.")
    secret = None if is_newest else opened(settings, user)
    return sealed(settings, user.id, secret) if secret else None


def is_on(user: User) -> bool:
    """Whether this person signs in with a second step."""
    return user.totp_since is not None


def app_refusal(settings: Settings, user: User, typed: str) -> BankError | None:
    """What is wrong with a code of the person's app; None if it is right, and then it is marked as used.

    Call it in a unit of work that holds the person's row: of two uses of one code the second must see the first.
    """
    secret, now = opened(settings, user), int(clock.now().timestamp()) // _SECONDS
    if secret is None:
        return _unreadable()
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
    user.totp_secret = resealed(settings, user) or user.totp_secret
    return None


def is_of_app(typed: str) -> bool:
    """Whether a code looks like one of an app."""
    bare = _bare(typed)
    return len(bare) == _DIGITS and bare.isdigit()


def recovery_refusal(session: Session, settings: Settings, user: User, typed: str) -> BankError | None:
    """What is wrong with a recovery code; None if it is right, and then it is used up. As `app_refusal`."""
    bare = _bare(typed)
    digests = [_digest(user.id, bare), *(_keyed_digest(key, user.id, bare) for key in settings.ring.keys)]
    this = and_(col(RecoveryCode.digest).in_(digests), col(RecoveryCode.user_id) == user.id)
    used = session.execute(
        update(RecoveryCode).where(this, col(RecoveryCode.used_at).is_(None)).values(used_at=clock.now())
    )
    if isinstance(used, CursorResult) and used.rowcount == 1:
        security_event(
            session, Event.USER_CHANGED, reason="recovery_code_used", factor="recovery_code",
            person=Person(user.id, Role(user.role)), email=user.email,
        )  # fmt: skip
        return None
    if session.execute(select(col(RecoveryCode.used_at)).where(this)).first():
        return SecondFactorUsed("That recovery code was used already. Take another one.", reason="recovery")
    return _unreadable() if len(bare) == _SHORT and _has_unreadable(session, settings, user) else _wrong()


def _has_unreadable(session: Session, settings: Settings, user: User) -> bool:
    """Whether a person still has short recovery codes whose key the bank does not have."""
    mine = select(col(RecoveryCode.key_id)).where(
        col(RecoveryCode.user_id) == user.id, col(RecoveryCode.used_at).is_(None)
    )
    names = set(session.execute(mine).scalars()) - {""}
    # Of codes without a name of a key only the app's secret, made at the same time, says whether its key is there.
    return any(name is not None and settings.ring.get(name) is None for name in names) or (
        None in names and opened(settings, user) is None
    )


def _wrong() -> SecondFactorWrong:
    return SecondFactorWrong("That code isn't right. Codes change every 30 seconds.", reason="wrong")


def _unreadable() -> SecondFactorUnreadable:
    return SecondFactorUnreadable(
        "This bank does not have the key that your second step was sealed with, so no code can be checked. Use a "
        "recovery code, or ask whoever runs the bank; no wrong try was counted."
    )


def new_recovery_codes(session: Session, user_id: UUID) -> tuple[str, ...]:
    """Ten fresh recovery codes in place of those before. They are kept as digests, so this is the only time to see."""
    forget_recovery_codes(session, user_id)
    fresh = tuple("".join(secrets.choice(_ALPHABET) for _ in range(_LONG)) for _ in range(HOW_MANY))
    now = clock.now()
    session.execute(
        insert(RecoveryCode),
        [{"digest": _digest(user_id, code), "user_id": user_id, "created_at": now, "key_id": ""} for code in fresh],
    )
    return tuple("-".join(code[start : start + 6] for start in range(0, _LONG, 6)) for code in fresh)


def forget_recovery_codes(session: Session, user_id: UUID) -> None:
    """Makes all of a person's recovery codes worthless."""
    session.execute(delete(RecoveryCode).where(col(RecoveryCode.user_id) == user_id))


def app_address(settings: Settings, email: str, secret: str) -> str:
    """The `otpauth:` address that an authenticator app reads from a picture."""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=settings.name)


def _bare(typed: str) -> str:
    """A code without the spaces and dashes that it is shown with, in digits of any keyboard."""
    return "".join(letter for letter in digits.plain(typed).lower() if letter.isascii() and letter.isalnum())[:32]


def _digest(user_id: UUID, code: str) -> bytes:
    # More than a hundred bits of chance: nobody tries them all, with a digest that is quick and without any key.
    return hashlib.sha256(user_id.bytes + code.encode()).digest()


def _keyed_digest(key: Key, user_id: UUID, code: str) -> bytes:
    """Of the short codes of before, which could be found by trying them all, so that the bank's key was part of it."""
    return hmac.digest(_derived(key, "recovery codes"), user_id.bytes + code.encode(), hashlib.sha256)


def _cipher(key: Key) -> AESGCM:
    return AESGCM(_derived(key, "second step"))


def _derived(key: Key, purpose: str) -> bytes:
    """A key of its own for each purpose, from one of the bank."""
    info = f"bank_app {purpose}".encode()
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(key.secret.encode())
