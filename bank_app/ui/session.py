"""Who is signed in on this tab. Only the guard writes here; every handler reads."""

from __future__ import annotations

import hashlib

import reflex as rx

from bank_app import clock
from bank_app.domain.accounting import Role
from bank_app.errors import NotSignedIn
from bank_app.services import preferences, security_watch
from bank_app.services.actor import Actor
from bank_app.settings import Settings, load
from bank_app.ui import lab_access

ROLE_WORDS = {Role.CUSTOMER: "Customer", Role.TELLER: "Operator", Role.AUDITOR: "Auditor", Role.ADMIN: "Administrator"}
STAFF = (Role.TELLER, Role.AUDITOR, Role.ADMIN)


def holder(actor: Actor | None) -> str:
    """Whom a tab belongs to. With another role somebody is another: what the tab showed was for the one before."""
    return f"{actor.sign_in_id} {actor.role.value}" if actor else ""


class SessionState(rx.State):
    """The person, the bank's name and what its settings let the page offer."""

    bank_name: str = load().name
    demo: bool = False
    sign_up: bool = True
    # Whether there is a laboratory, and whether this person finds it.
    lab_is_open: bool = False
    lab: bool = False
    signed_in: bool = False
    name: str = ""
    first_name: str = ""
    initials: str = ""
    role: str = ""
    role_word: str = ""
    is_staff: bool = False
    can_move: bool = False
    handles_cash: bool = False
    reads_security: bool = False
    # Who signs in in two steps is asked for a code where much depends on it; who must set that up, for nothing else.
    two_steps: bool = False
    must_enrol: bool = False
    # Whether this tab shows amounts as dots; the guard tells the formatter before each event.
    private: bool = False
    shortcuts: bool = True
    density: str = "comfortable"
    locale: str = "en-US"
    # Tells one connection of this tab from another: what was pressed over one before is not answered over this one.
    line: str = ""
    # When the session ends if nothing more happens, beside the time at which that was said, both in milliseconds.
    session_ends: int = 0
    session_now: int = 0
    session_warning: int = 120
    _actor: Actor | None = None
    # None before the first event: then even a visitor has not been told the name of the bank.
    _tab_session: str | None = None
    # Several events are under way when a session ends; each of them leads to the same page, which says so.
    _way_in: str = ""

    def _welcome(self, actor: Actor | None, settings: Settings) -> None:
        """Takes over who the cookie says it is, and nothing else."""
        role = actor.role if actor else None
        self._actor = actor
        self._tab_session = holder(actor)
        self._way_in = self._way_in if actor is None else ""
        self.bank_name, self.demo, self.sign_up = settings.name, settings.demo, settings.sign_up
        self.signed_in = actor is not None
        self.lab_is_open, self.lab = settings.lab_is_open, lab_access.may_use(actor, settings)
        self.name = actor.name if actor else ""
        words = self.name.split()
        self.first_name = words[0] if words else ""
        self.initials = "".join(word[0] for word in (words[:1] + words[-1:] if len(words) > 1 else words)).upper()
        self.role = role.value if role else ""
        self.role_word = ROLE_WORDS[role] if role else ""
        self.is_staff = role in STAFF
        self.reads_security = actor is not None and security_watch.may_read(actor)
        self.can_move = role in (Role.CUSTOMER, Role.TELLER, Role.ADMIN)
        self.handles_cash = role in (Role.TELLER, Role.ADMIN) or (
            role is Role.CUSTOMER and settings.customers_handle_cash
        )

    def _knows_another(self, settings: Settings) -> bool:
        """Whether the bank was set up since this tab was told about it."""
        return (self.bank_name, self.demo) != (settings.name, settings.demo)

    def _follow(self, actor: Actor, settings: Settings) -> None:
        """Takes over what may have changed since the last event, perhaps on another tab."""
        line = hashlib.sha256(self.router.session.session_id.encode()).hexdigest()[:12]
        if line != self.line:
            self.line = line
        if self._actor != actor or self._actor.preferences != actor.preferences:
            self._actor = actor
        if (actor.two_steps, actor.must_enrol) != (self.two_steps, self.must_enrol):
            self.two_steps, self.must_enrol = actor.two_steps, actor.must_enrol
        if (hidden := actor.preferences.get("hidden") is True) != self.private:
            self.private = hidden
        wanted = preferences.of(actor)
        if (wanted.locale, wanted.density, wanted.shortcuts) != (self.locale, self.density, self.shortcuts):
            self.locale, self.density, self.shortcuts = wanted.locale, wanted.density, wanted.shortcuts
        ends = int(actor.ends_at.timestamp() * 1000) if actor.ends_at else 0
        if ends != self.session_ends:
            self.session_ends, self.session_now = ends, int(clock.now().timestamp() * 1000)
            # A bank may let sessions end sooner than the warning would come.
            self.session_warning = min(120, settings.session_idle_minutes * 30)


async def actor_of(state: rx.State) -> Actor:
    """Who asks: the person whose cookie came with this tab's connection.

    Raises:
        NotSignedIn: nobody is signed in.
    """
    actor = (await state.get_state(SessionState))._actor  # noqa: SLF001 - backend variables begin with an underscore
    if actor is None:
        raise NotSignedIn
    return actor
