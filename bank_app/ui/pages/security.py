"""What the security page knows: the password, the second step, where somebody is signed in, and what happened."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import reflex as rx

from bank_app.domain.identifiers import reference
from bank_app.errors import BankError
from bank_app.services import looks, second_factor, sessions
from bank_app.services.looks import LookView
from bank_app.services.sessions import SecurityEvent, SignInView
from bank_app.ui import calls, forms, messages, words
from bank_app.ui.guard import exposed
from bank_app.ui.messages import CATALOGUE, say
from bank_app.ui.notices import notify
from bank_app.ui.pages.two_step import TwoStepState
from bank_app.ui.session import ROLE_WORDS, actor_of

# Only these may be said because an address says so.
_DONE = ("PASSWORD_CHANGED", "TWOFA_ON", "TWOFA_OFF")
_EVENTS = {
    "user.register": "Account created",
    "user.role": "Role changed",
    "user.name": "Name changed",
    "user.email": "Email changed",
    "user.email_proposed": "Another email proposed",
    "user.email_declined": "Kept the email",
    "sign_in.open": "Signed in",
    "sign_in.close": "Signed out",
    "sign_in.end": "A device was signed out",
    "sign_in.end_others": "Signed out everywhere else",
    "sign_in.end_oldest": "Too many devices: the oldest was signed out",
    "sign_in.end_all": "Signed out everywhere",
    "sign_in.throttled": "Too many failed tries",
    "sign_in.refresh_token_reused": "A program was signed out: its token came back twice",
    "sign_in.disable": "Sign-in switched off",
    "sign_in.enable": "Sign-in switched on",
    "sign_in.unlock": "Unlocked after failed tries",
    "password.change": "Password changed",
    "password.link": "Link for a new password made",
    "password.reset": "New password chosen with a link",
    "second_step.on": "Two-step sign-in turned on",
    "second_step.off": "Two-step sign-in turned off",
    "second_step.reset": "Two-step sign-in turned off",
    "second_step.new_codes": "New recovery codes made",
    "second_step.proved": "Code given for something important",
}


@dataclass(frozen=True)
class Device:
    """One place where somebody is signed in, in words."""

    id: str = ""
    name: str = ""
    program: bool = False
    address: str = ""
    seen: str = ""
    since: str = ""
    this: bool = False


@dataclass(frozen=True)
class Event:
    """One line of what happened."""

    what: str = ""
    when: str = ""
    whence: str = ""


class SecurityState(rx.State):
    """The page. No password comes here: those forms are posted by the browser itself."""

    loaded: bool = False
    failed: str = ""
    problem: str = ""
    done: str = ""
    seq: int = 0
    email: str = ""
    two_steps: bool = False
    two_steps_since: str = ""
    codes_left: int = 0
    devices: list[Device] = []
    others: int = 0
    events: list[Event] = []
    looks: list[Event] = []
    answer: int = 0

    @exposed
    async def open(self) -> None:
        """Loads everything, and says what became of a form that was posted."""
        query = self.router.url.query_parameters
        problem, done = forms.text(query.get("problem"), 40), forms.text(query.get("done"), 40)
        wait = forms.text(query.get("wait"), 6)
        bank = calls.bank().settings.name
        self.problem = (
            say(problem, retry_after=wait, wait=words.how_long(wait), bank=bank) if problem in CATALOGUE else ""
        )
        self.done = say(done) if done in _DONE and not self.problem else ""
        self.seq += 1 if self.problem else 0
        # Recovery codes are shown once.
        shown = await self.get_state(TwoStepState)
        shown.codes, shown.codes_file = [], ""
        await self._load()

    @exposed
    async def refresh(self) -> None:
        """Loads everything again."""
        await self._load()

    @exposed
    async def end(self, sign_in_id: str) -> None:
        """Signs one other device out."""
        actor, wanted = await actor_of(self), forms.identifier(sign_in_id)
        if wanted is None:
            return
        try:
            device = await calls.write(lambda session: sessions.end(session, actor, wanted))
            await notify(self, say("SESSION_ENDED", device=device))
        except BankError as error:
            await notify(self, messages.refusal(error).text, "info")
        await self._load()

    @exposed
    async def end_others(self) -> None:
        """Signs all other devices and programs out."""
        actor = await actor_of(self)
        try:
            count = await calls.write(lambda session: sessions.end_others(session, actor))
        except BankError as error:
            await notify(self, messages.refusal(error).text, "error")
            return
        await notify(self, say("SESSIONS_ENDED", count=words.count(count, "sign-in")))
        self.answer += 1
        await self._load()

    async def _load(self) -> None:
        actor, settings = await actor_of(self), calls.bank().settings
        try:
            status, devices, events, looked = await calls.read(
                lambda session: (
                    second_factor.status(session, actor),
                    sessions.own(session, actor, settings),
                    sessions.recent_events(session, actor),
                    looks.own(session, actor),
                )
            )
        except BankError as error:
            self.failed = messages.refusal(error).text
            return
        self.email = actor.email
        self.two_steps = status.on_since is not None
        self.two_steps_since = words.day(status.on_since) if status.on_since else ""
        self.codes_left = status.recovery_codes
        self.devices = [_device(view) for view in devices]
        self.others = sum(1 for view in devices if not view.is_this)
        self.events = [_event(event) for event in events]
        self.looks = [_look(look) for look in looked]
        self.loaded, self.failed = True, ""


def _device(view: SignInView) -> Device:
    return Device(
        id=str(view.id),
        name=view.device,
        program=view.kind == "api",
        address=view.address,
        seen=_in_a_line(view.last_seen_at),
        since=_in_a_line(view.began_at),
        this=view.is_this,
    )


def _in_a_line(at: datetime) -> str:
    return words.moment(at).replace("Today", "today")


def _look(look: LookView) -> Event:
    kind, _, name = look.what.partition(" ")
    what = {
        "account": f"Account {words.ending(name)}",
        "transaction": f"Transaction {reference(UUID(name))}" if kind == "transaction" else "",
        "hold": "A hold",
    }.get(kind, "Your record")
    return Event(
        what,
        words.moment(look.at),
        f"{'An' if ROLE_WORDS[look.role][0] in 'AO' else 'A'} {ROLE_WORDS[look.role].lower()}",
    )


def _event(event: SecurityEvent) -> Event:
    what = _EVENTS.get(event.action, event.action.replace("_", " ").replace(".", ": "))
    return Event(what + (" by an operator" if event.by_others else ""), words.moment(event.at), event.address)
