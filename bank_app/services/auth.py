"""Who is asking: registration, sign-in of browsers and API clients, and the actor behind a cookie or a token."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from email_validator import EmailNotValidError, validate_email
from sqlalchemy import CursorResult, insert, select, update
from sqlalchemy.orm import Session
from sqlmodel import col

from bank_app import clock, errors
from bank_app.database import Database
from bank_app.domain import names
from bank_app.domain.accounting import Role
from bank_app.domain.identifiers import new_id
from bank_app.domain.text import one_line
from bank_app.models import RefreshToken, SignIn, User
from bank_app.services import audit, codes, factors, guesses, open_sign_ins, passwords, quotas, tokens
from bank_app.services.actor import ACTORS, Actor, Person, still
from bank_app.services.guesses import Place
from bank_app.services.security_events import CODE_WANTED, Event, security_event
from bank_app.settings import Settings

_NO_MATCH = "That email and password don't match."
# By these a bank knows that it holds the demo, and its sign-in page enters as them.
_OF_THE_DEMO = "@demo.test"
_RESERVED = f"Emails that end in {_OF_THE_DEMO} are those of the demo's people, who keep them."
_SEEN_EVERY = timedelta(minutes=1)
# Two exchanges of one refresh token within this are one client in a hurry; later they are two clients.
REFRESH_GRACE = timedelta(seconds=10)


class End(StrEnum):
    """How a sign-in ended. Whoever comes back to a page of it is told so."""

    SELF = "self"
    ELSEWHERE = "elsewhere"
    PASSWORD = "password"  # noqa: S105 - a reason
    SECOND_STEP = "second_step"
    EMAIL = "email"
    BANK = "bank"
    REUSE = "reuse"
    RESTORE = "restore"
    MANY = "many"
    IDLE = "idle"
    TIME = "time"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class BrowserSession:
    """What goes into the cookies (never stored, only its digest) and how long the session lasts.

    `device` stays in the browser when the session ends: by it the browser is known as one that signed somebody in.
    """

    token: str
    max_age_seconds: int
    device: str


@dataclass(frozen=True, slots=True)
class TokenPair:
    """An API client's access token (JWT) and refresh token (opaque, for one use)."""

    access_token: str
    refresh_token: str
    expires_in: int


# --- people -----------------------------------------------------------------------------------------


def register(
    db: Database, *, email: str, name: str, password: str, role: Role = Role.CUSTOMER,
    only_if: Callable[[Session], None] = lambda _: None,
) -> Actor:  # fmt: skip
    """Makes a person who can sign in. Opens no account and moves no money.

    `only_if` raises what speaks against it, in the unit of work that writes the person down.

    Raises:
        Invalid: email, name or password is not acceptable; `details["errors"]` names each field.
        EmailTaken: somebody is registered with this email.
        QuotaUsedUp: as `quotas.count_sign_up`.
    """
    clean_email, clean_name = checked_person(email, name, password, bank=db.settings.name)
    if role is Role.CUSTOMER:
        quotas.count_sign_up(audit.source().address or "", db.settings)
    actor = Actor(new_id(), clean_email, clean_name, role)
    hashed = passwords.hashed(password)

    def operation(session: Session) -> Actor:
        only_if(session)
        return enroll(session, actor, hashed)

    return db.unit_of_work(operation, resolvable=True)


def enroll(session: Session, actor: Actor, hashed: str) -> Actor:
    """Writes somebody down whose email and name were checked and whose password is kept in this form.

    Raises:
        EmailTaken: somebody else is registered with this email.
    """
    taken = session.execute(select(col(User.id)).where(col(User.email) == actor.email)).scalar()
    if taken is not None and taken != actor.user_id:
        raise errors.EmailTaken("An account with this email exists. Sign in instead.")
    if taken is None:
        session.add(
            User(id=actor.user_id, email=actor.email, name=actor.name, password_hash=hashed, role=actor.role.value,
                 created_at=clock.now())
        )  # fmt: skip
        session.flush()
        audit.record(
            session, actor_id=actor.user_id, action="user.register", object=f"user {actor.user_id}",
            changes={"role": [None, actor.role.value]},
        )  # fmt: skip
        security_event(session, Event.USER_MADE, person=actor.person, email=actor.email)
    return actor


def find(session: Session, email: str) -> Actor | None:
    """The person with this email, if there is one."""
    user = session.execute(select(User).where(col(User.email) == _normal(email))).scalar()
    return Actor(user.id, user.email, user.name, Role(user.role)) if user else None


def checked_person(email: str, name: str, password: str, *, bank: str) -> tuple[str, str]:
    """Email and name in the form in which they are kept.

    Raises:
        Invalid: one of the three is not acceptable; `details["errors"]` names each field.
    """
    clean_email, clean_name, problems = _checked(email, name)
    if problem := passwords.problem(password, clean_email, name=clean_name, bank=bank):
        problems.append({"field": "password", **problem})
    return _accepted(clean_email, clean_name, problems)


def checked_details(email: str, name: str, *, now: str) -> tuple[str, str]:
    """Returns email and name in the form in which they are kept, of somebody whose email is `now`.

    Raises:
        Invalid: one of the two is not acceptable; `details["errors"]` names each field.
    """
    return _accepted(*_checked(email, name, now=now))


def _checked(email: str, name: str, *, now: str = "") -> tuple[str, str, list[dict[str, str]]]:
    problems = []
    clean_email, clean_name = _normal(email), names.clean(name)
    if clean_email is None:
        problems.append({"field": "email", "code": "EMAIL_INVALID", "message": "Enter an email address."})
    elif clean_email != now and any(one.endswith(_OF_THE_DEMO) for one in (clean_email, now)):
        problems.append({"field": "email", "code": "EMAIL_RESERVED", "message": _RESERVED})
    if wrong := names.problem(clean_name):
        problems.append({"field": "name", "code": f"NAME_{wrong.kind}", "message": wrong.message})
    return clean_email or "", clean_name, problems


def _accepted(email: str, name: str, problems: list[dict[str, str]]) -> tuple[str, str]:
    if problems:
        raise errors.Invalid(" ".join(problem["message"] for problem in problems), errors=problems)
    return email, name


def _normal(email: str) -> str | None:
    """The one form in which an email is kept and looked up, however it is typed; None if it is none.

    An accent may be typed as one character or two, and a domain in letters or in `xn--`.
    """
    try:
        # Deliverability is not asked: it needs the network, and a bank on a laptop has none to trust.
        found = validate_email(email.strip().lower(), check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        return None
    return str(found.normalized).lower()


# --- signing in --------------------------------------------------------------------------------------


def _signed_in_user(db: Database, email: str, password: str, place: Place, otp: str = "") -> User:
    """Who has this email, password and code. An unknown email takes as long as a wrong password, and waits as long."""
    clean = _normal(email)
    user = db.read(lambda session: session.execute(select(User).where(col(User.email) == clean)).scalar())
    try:
        if user:
            guesses.refuse_person(db, user, place)
        elif clean:
            guesses.refuse_strangers(db, clean, place)
    except errors.SignInLocked:
        about = Person(user.id, Role(user.role)) if user else None
        security_event(db, Event.LOCKED_OUT, factor="password", person=about, by_person=False, email=clean)
        raise
    fits = passwords.fits(user.password_hash if user else passwords.nobodys_hash(), password)
    if user is None:
        if clean:
            guesses.count_stranger(db, clean, place)
        reason = "unknown_email" if clean else "no_email"
        security_event(db, Event.SIGN_IN_FAILED, reason=reason, factor="password", email=clean or email[:254])
        raise errors.CredentialsDoNotMatch(_NO_MATCH)
    renewed = passwords.renewed(user.password_hash, password) if fits else None

    def check(session: Session, found: User) -> errors.BankError | None:
        if found.password_hash != user.password_hash:
            # Chosen anew, or kept in a newer form, while this one was hashed: what it fits is not the password now.
            return errors.LockTimeout("This password was changed a moment ago. Sign in again.")
        if not fits or found.disabled_at is not None:
            return errors.CredentialsDoNotMatch(_NO_MATCH)
        if renewed:
            found.password_hash = renewed
        if not codes.is_on(found):
            return None
        if not otp:
            return _code_wanted(db.settings, found)
        return factors.verify(session, db.settings, found, otp)

    return one_try(db, user.id, check, place=place)


def one_try(
    db: Database,
    user_id: UUID,
    check: Callable[[Session, User], errors.BankError | None],
    *,
    actor: Actor | None = None,
    place: Place | None = None,
    half: bool = False,
) -> User:
    """One try of something secret: `check` says what is wrong. Failures are counted, and too many make the next wait.

    What is right makes the failures forgotten. `half` says that a password alone is tried: that does not, for somebody
    who signs in in two steps, or whoever has the password could guess codes without end. `actor` is who tries it, if
    he is signed in: a session has a count of its own. `place` is from where somebody tries it who is not.

    Raises:
        NotSignedIn, Forbidden: the actor's sign-in has ended meanwhile, or his role changed.
        Throttled: too many failures; `details["retry_after"]` in seconds.
        BankError: what `check` returned.
    Locks: the person's row, so that guesses sent at once count like guesses one after the other.
    """
    where = place or Place()
    if actor is not None and actor.sign_in_id is not None:
        where = Place(device=f"session {actor.sign_in_id}", signed_in=True)

    def operation(session: Session) -> User | errors.BankError:
        found = session.execute(select(User).where(col(User.id) == user_id).with_for_update()).scalar_one()
        if actor is not None:
            still(session, actor)
        counter = guesses.counter(session, found, where)
        try:
            # Again, because others may have guessed while this guess was hashed; right or wrong, it comes too late.
            guesses.refuse(session, counter, where, db.settings)
        except errors.Throttled as too_late:
            _note_failure(session, found, too_late)
            return too_late
        refusal = check(session, found)
        wrong = isinstance(refusal, errors.CredentialsDoNotMatch | errors.SecondFactorWrong)
        if wrong and guesses.count(session, counter, where, db.settings):
            audit.record(session, actor_id=user_id, action="sign_in.throttled", object=f"user {user_id}")
            security_event(session, Event.FAILED_TOO_OFTEN, person=_person(found), by_person=False, email=found.email)
        if refusal is not None:
            _note_failure(session, found, refusal)
        if refusal is None and counter.failed_sign_ins and not (half and codes.is_on(found)):
            counter.failed_sign_ins, counter.locked_until = 0, None
        return refusal or found

    outcome = db.unit_of_work(operation)
    if isinstance(outcome, errors.BankError):
        raise outcome
    return outcome


def _note_failure(session: Session, user: User, refusal: errors.BankError) -> None:
    """Writes down which way it was wrong, which whoever guesses is not told."""
    event, reason, factor = Event.SIGN_IN_FAILED, "wrong_password", "password"
    if isinstance(refusal, errors.Throttled):
        event, reason = Event.LOCKED_OUT, ""
    elif isinstance(refusal, errors.SecondFactorRequired):
        reason = CODE_WANTED
    elif isinstance(refusal, errors.SecondFactorWrong | errors.SecondFactorUsed):
        used = isinstance(refusal, errors.SecondFactorUsed)
        reason, factor = "used_code" if used else f"{refusal.details.get('reason', 'wrong')}_code", "code"
    elif user.disabled_at is not None:
        reason = "disabled"
    elif not isinstance(refusal, errors.CredentialsDoNotMatch):
        reason, factor = refusal.code, "code"
    security_event(
        session, event, reason=reason, factor=factor, person=_person(user), by_person=False, email=user.email
    )


def _person(user: User) -> Person:
    return Person(user.id, Role(user.role))


def _code_wanted(settings: Settings, user: User) -> errors.SecondFactorRequired:
    error = errors.SecondFactorRequired("This person signs in with a code as well. Send it as `otp`.")
    error.half_session = tokens.half_session(settings, user.id, _mark(user))
    return error


def _mark(user: User) -> str:
    """Changes with the password and with the second step."""
    return hashlib.sha256(f"{user.password_hash} {user.totp_since}".encode()).hexdigest()[:16]


def prove(db: Database, actor: Actor, password: str) -> str:
    """Makes sure that whoever sits there knows the actor's password; counted like signing in.

    Returns:
        The form in which that password is kept, for who writes later and lets it count only while it is still that.

    Raises:
        CredentialsDoNotMatch, Throttled: as `open_browser_session`.
        NotSignedIn: the sign-in ended meanwhile.
    """
    stored = db.read(
        lambda session: session.execute(
            select(col(User.password_hash)).where(col(User.id) == actor.user_id)
        ).scalar_one()
    )
    fits = passwords.fits(stored, password)

    def check(_session: Session, found: User) -> errors.BankError | None:
        return None if fits and found.password_hash == stored else errors.CredentialsDoNotMatch(_NO_MATCH)

    return one_try(db, actor.user_id, check, actor=actor, half=True).password_hash


def _begin(session: Session, user: User, kind: str, *, lifetime: timedelta, address: str, user_agent: str = "",
           cookie_digest: bytes | None = None, proved: bool = False) -> SignIn:  # fmt: skip
    found = session.execute(select(User).where(col(User.id) == user.id).with_for_update()).scalar()
    if found is None or found.disabled_at is not None or _mark(found) != _mark(user):
        raise errors.NotSignedIn("How you sign in was changed a moment ago. Sign in again.")
    quotas.count_change(found.id, Role(found.role), session.info["settings"], "sign_ins")
    now = clock.now()
    open_sign_ins.make_room(session, user.id, kind, ended_by=End.MANY)
    sign_in = SignIn(
        id=new_id(),
        user_id=user.id,
        kind=kind,
        cookie_digest=cookie_digest,
        address=address[:45],
        user_agent=one_line(user_agent)[:200],
        created_at=now,
        last_seen_at=now,
        expires_at=now + lifetime,
        proved_at=now if proved else None,
    )
    session.add(sign_in)
    session.flush()
    audit.record(
        session, actor_id=user.id, action="sign_in.open", object=f"user {user.id}", changes={"kind": [None, kind]},
        whence=audit.Source(address[:45] or None, audit.source().request_id),
    )  # fmt: skip
    factor = "code" if codes.is_on(user) else "password"
    security_event(
        session, Event.SIGNED_IN, reason=kind, factor=factor, person=_person(user), email=user.email, address=address
    )
    return sign_in


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _actor(settings: Settings, user: Any, user_id: UUID, sign_in_id: UUID, proved_at: datetime | None) -> Actor:
    """Who is behind a sign-in, whether of a browser or of a program; no actor is made of one anywhere else."""
    fresh_until = proved_at + timedelta(minutes=settings.step_up_minutes) if proved_at else None
    return Actor(
        user_id, user.email, user.name, Role(user.role), sign_in_id, two_steps=user.totp_since is not None,
        fresh_until=fresh_until, must_enrol=_must_enrol(settings, user),
    )  # fmt: skip


def _must_enrol(settings: Settings, user: Any) -> bool:
    return user.totp_since is None and settings.demands_second_step(Role(user.role))


def enrolment_required() -> errors.EnrolmentRequired:
    """The one answer to who must sign in in two steps and has not set that up."""
    return errors.EnrolmentRequired(
        "This bank asks you to sign in in two steps. Sign in with a browser, which leads to setting it up."
    )


# --- browsers: an opaque cookie ----------------------------------------------------------------------


def open_browser_session(
    db: Database, *, email: str, password: str, address: str, user_agent: str, replaces: str = "", device: str = ""
) -> BrowserSession:
    """Signs a browser in and returns the values of its cookies.

    `replaces` is the one that it had: its session ends. `device` says whether it has signed this person in before;
    then what others guess from elsewhere does not make it wait.

    Raises:
        CredentialsDoNotMatch: also for an unknown email and a disabled person.
        SecondFactorRequired: all is right and a code is needed; its `half_session` goes to `complete_browser_session`.
        Throttled: too many failures on this email; `details["retry_after"]` in seconds.
    """
    place = Place(address, device)
    user = _signed_in_user(db, email, password, place)
    return _open_browser(db, user, place, user_agent=user_agent, replaces=replaces)


def complete_browser_session(
    db: Database,
    *,
    half_session: str,
    code: str,
    address: str,
    user_agent: str,
    replaces: str = "",
    device: str = "",
) -> BrowserSession:
    """The second step: signs in whoever gave the right password a moment ago and now a right code.

    Raises:
        NotSignedIn: the five minutes between the two steps are over, or the password changed in between.
        SecondFactorWrong, Throttled: as for a password.
    """
    holder = tokens.holder_of_half_session(db.settings, half_session)
    if holder is None:
        security_event(db, Event.SIGN_IN_FAILED, reason="half_session_over", factor="code")
        raise errors.NotSignedIn("That took too long. Sign in again.")
    user_id, mark = holder

    def check(session: Session, found: User) -> errors.BankError | None:
        if found.disabled_at is not None or not codes.is_on(found) or _mark(found) != mark:
            return errors.NotSignedIn("Sign in again.")
        return factors.verify(session, db.settings, found, code)

    place = Place(address, device)
    user = one_try(db, user_id, check, place=place)
    return _open_browser(db, user, place, user_agent=user_agent, replaces=replaces, proved=True)


def open_demo_session(
    db: Database, *, email: str, address: str, user_agent: str, replaces: str = "", device: str = ""
) -> BrowserSession:
    """Signs in one of the demo people without a password; only in demo mode.

    Raises:
        NotFound: the bank is not a demo, or nobody has this email.
    """
    user = db.read(lambda session: session.execute(select(User).where(col(User.email) == email)).scalar())
    if not db.settings.demo or user is None or user.disabled_at:
        raise errors.NotFound("There is no such page.")
    return _open_browser(db, user, Place(address, device), user_agent=user_agent, replaces=replaces)


def _open_browser(
    db: Database, user: User, place: Place, *, user_agent: str, replaces: str, proved: bool = False
) -> BrowserSession:
    token, fresh = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    lifetime = timedelta(hours=db.settings.session_hours)

    def operation(session: Session) -> str:
        # One that was not made here is not kept: somebody else may know it.
        known = place.device if guesses.is_known(session, place.device) else fresh
        if replaces:
            # Whoever had it: two sessions of one browser would be one that nobody sees and nobody ends.
            _sign_out(session, col(SignIn.cookie_digest) == _digest(replaces))
        _begin(
            session, user, "browser", lifetime=lifetime, address=place.address, user_agent=user_agent,
            cookie_digest=_digest(token), proved=proved,
        )  # fmt: skip
        guesses.remember(session, user.id, known)
        return known

    known = db.unit_of_work(operation)
    return BrowserSession(token, int(lifetime.total_seconds()), known)


def actor_of_cookie(db: Database, token: str, *, active: bool = True, enrolling: bool = False) -> Actor | None:
    """Who holds this session cookie; None once it is signed out, idle too long, expired, or its person disabled.

    `active` says that the person did something, which keeps the session from ending for want of that. `enrolling` is
    for what leads to setting two-step sign-in up.

    Raises:
        EnrolmentRequired: he has to set that up before anything else.
    """
    if not token:
        return None
    now = clock.now()
    row = db.read(
        lambda session: session.execute(
            select(SignIn, User)
            .join(User, col(User.id) == col(SignIn.user_id))
            .where(col(SignIn.cookie_digest) == _digest(token))
        ).first()
    )
    if row is None:
        return None
    sign_in, user = row
    idle = timedelta(minutes=db.settings.session_idle_minutes)
    seen = sign_in.last_seen_at
    if sign_in.revoked_at or user.disabled_at or now >= min(sign_in.expires_at, seen + idle):
        return None
    if active and now - seen > min(_SEEN_EVERY, idle // 4):
        seen = now
        db.unit_of_work(
            lambda session: session.execute(update(SignIn).where(col(SignIn.id) == sign_in.id).values(last_seen_at=now))
        )
    actor = _actor(db.settings, user, user.id, sign_in.id, sign_in.proved_at)
    if actor.must_enrol and not enrolling:
        raise enrolment_required()
    return replace(actor, preferences=user.preferences or {}, ends_at=min(sign_in.expires_at, seen + idle))


def end_of_session(db: Database, token: str) -> End | None:
    """How the session of this cookie ended; None while it goes on."""
    row = db.read(
        lambda session: session.execute(
            select(SignIn, col(User.disabled_at))
            .join(User, col(User.id) == col(SignIn.user_id))
            .where(col(SignIn.cookie_digest) == _digest(token))
        ).first()
    )
    if row is None:
        return End.UNKNOWN
    sign_in, disabled_at = row
    if disabled_at is not None:
        return End.BANK
    if sign_in.revoked_at is not None:
        return End(sign_in.ended_by) if sign_in.ended_by in set(End) else End.UNKNOWN
    if sign_in.expires_at <= clock.now():
        return End.TIME
    idle = timedelta(minutes=db.settings.session_idle_minutes)
    return End.IDLE if sign_in.last_seen_at + idle <= clock.now() else None


def close_browser_session(db: Database, token: str) -> None:
    """Signs a browser out; the cookie is worthless from now on."""
    db.unit_of_work(lambda session: _sign_out(session, col(SignIn.cookie_digest) == _digest(token)))


# --- API clients: a short-lived JWT and a rotating refresh token -----------------------------------------


def issue_tokens(
    db: Database, *, email: str, password: str, address: str, user_agent: str = "", otp: str = ""
) -> TokenPair:
    """Signs an API client in.

    Raises:
        CredentialsDoNotMatch, SecondFactorRequired, SecondFactorWrong, Throttled: as in a browser.
        EnrolmentRequired: the second step has to be set up first, with a browser.
    """
    known_by = guesses.of_programs(address)
    user = _signed_in_user(db, email, password, Place(address, known_by), otp)
    if _must_enrol(db.settings, user):
        raise enrolment_required()
    lifetime = timedelta(days=db.settings.refresh_token_days)

    def operation(session: Session) -> TokenPair:
        sign_in = _begin(
            session, user, "api", lifetime=lifetime, address=address, user_agent=user_agent, proved=codes.is_on(user)
        )
        guesses.remember(session, user.id, known_by)
        return _pair(session, db.settings, sign_in)

    return db.unit_of_work(operation)


def _pair(session: Session, settings: Settings, sign_in: SignIn) -> TokenPair:
    refresh = secrets.token_urlsafe(32)
    session.execute(insert(RefreshToken).values(digest=_digest(refresh), sign_in_id=sign_in.id, created_at=clock.now()))
    access = tokens.access_token(settings, sign_in.user_id, sign_in.id)
    return TokenPair(access, refresh, settings.access_token_minutes * 60)


def refresh_tokens(db: Database, *, refresh_token: str) -> TokenPair:
    """Exchanges a refresh token for a new pair. It is good for one use.

    One that comes a second time within `REFRESH_GRACE` was sent by a client that asks twice at once, or again because
    it missed the answer: it is refused, and whoever was first keeps what he got. One that comes later is in two hands,
    so the whole sign-in ends.

    Raises:
        RefreshTokenUsed: it was exchanged before.
        NotSignedIn: unknown, expired, signed out, or the person is disabled.
        EnrolmentRequired: the second step has to be set up first, with a browser; the token stays as it is.
    Locks: the token's row, so that of two exchanges at once one is the second; its sign-in and the person.
    """

    def operation(session: Session) -> TokenPair | errors.RefreshTokenUsed | None:
        token = session.execute(
            select(RefreshToken).where(col(RefreshToken.digest) == _digest(refresh_token)).with_for_update()
        ).scalar()
        if token is None:
            return None
        sign_in, user = session.execute(
            select(SignIn, User)
            .join(User, col(User.id) == col(SignIn.user_id))
            .where(col(SignIn.id) == token.sign_in_id)
            # Until the new pair is there: whoever ends the sign-in ends it with this pair, or before it.
            .with_for_update()
        ).one()
        if token.used_at is not None:
            return _used_before(session, token.used_at, sign_in, user)
        if sign_in.revoked_at or user.disabled_at or sign_in.expires_at <= clock.now():
            return None
        if _must_enrol(db.settings, user):
            raise enrolment_required()
        quotas.count_change(user.id, Role(user.role), db.settings, "refreshes")
        token.used_at = sign_in.last_seen_at = clock.now()
        session.flush()
        security_event(session, Event.RENEWED, factor="token", person=_person(user))
        return _pair(session, db.settings, sign_in)

    outcome = db.unit_of_work(operation)
    if isinstance(outcome, errors.RefreshTokenUsed):
        raise outcome
    if outcome is None:
        security_event(db, Event.ENDED_SESSION_USED, reason="refresh_token", factor="token")
        raise errors.NotSignedIn("This refresh token is not valid. Sign in again.")
    return outcome


def _used_before(session: Session, used_at: datetime, sign_in: SignIn, user: User) -> errors.RefreshTokenUsed:
    soon = sign_in.revoked_at is None and clock.now() - used_at < REFRESH_GRACE
    reason = "within_grace" if soon else "refresh_token"
    security_event(session, Event.TOKEN_REUSED, reason=reason, factor="token", person=_person(user), by_person=False)
    if soon:
        return errors.RefreshTokenUsed(
            "This refresh token was exchanged a moment ago. Use the tokens of that answer; the sign-in goes on.",
            signed_out=False,
        )
    if sign_in.revoked_at is None:
        sign_in.revoked_at, sign_in.ended_by = clock.now(), End.REUSE
        who = sign_in.user_id
        audit.record(session, actor_id=who, action="sign_in.refresh_token_reused", object=f"user {who}")
    return errors.RefreshTokenUsed(
        "This refresh token was exchanged before, so somebody else may have it: the sign-in has ended. Sign in again.",
        signed_out=True,
    )


def actors_of_sign_ins(db: Database, sign_in_ids: Collection[UUID]) -> dict[UUID, Actor]:
    """Who is behind these sign-ins now; those that were revoked, or whose person was disabled, are left out."""
    rows: Sequence[Any] = db.look_up(ACTORS, {"sign_in_ids": list(sign_in_ids)})
    return {row.sign_in_id: _actor(db.settings, row, row.user_id, row.sign_in_id, row.proved_at) for row in rows}


def revoke(db: Database, actor: Actor) -> None:
    """Ends the sign-in behind this actor: its access and refresh tokens are refused from now on."""
    db.unit_of_work(lambda session: _sign_out(session, col(SignIn.id) == actor.sign_in_id))


def _sign_out(session: Session, which: Any) -> None:
    ended = session.execute(
        update(SignIn).where(which, col(SignIn.revoked_at).is_(None)).values(revoked_at=clock.now(), ended_by=End.SELF)
    )
    if not isinstance(ended, CursorResult) or ended.rowcount != 1:
        return
    user, kind = session.execute(
        select(User, col(SignIn.kind)).join(SignIn, col(SignIn.user_id) == col(User.id)).where(which)
    ).one()
    security_event(session, Event.SIGNED_OUT, reason=kind, person=_person(user))
    audit.record(
        session, actor_id=user.id, action="sign_in.close", object=f"user {user.id}", changes={"kind": [kind, None]}
    )
