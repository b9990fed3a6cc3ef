"""How often somebody may try: names to numbers, passwords to emails, and what takes long. Counted per process."""

from __future__ import annotations

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from bank_app import clock
from bank_app.errors import Throttled
from bank_app.services.actor import Actor
from bank_app.services.security_events import Event
from bank_app.settings import Settings
from bank_app.ui import calls

_NAMES = parse("20 per minute")
_FORMS = parse("30 per minute")
_LONG = parse("30 per minute")
_counted = FixedWindowRateLimiter(MemoryStorage())


def count(actor: Actor, settings: Settings) -> None:
    """Counts one look-up of a person.

    Raises:
        Throttled: that was one too many; `details["retry_after"]` in seconds.
    """
    _count(_NAMES, str(actor.user_id), settings)


def count_form(address: str, settings: Settings) -> None:
    """Counts one form of signing in or up from an address; each costs a password hash.

    Raises:
        Throttled: that was one too many; `details["retry_after"]` in seconds.
    """
    _count(_FORMS, address, settings)


def count_file(actor: Actor, settings: Settings) -> None:
    """Counts a file or a proof: each may read everything that somebody has.

    Raises:
        Throttled: that was one too many; `details["retry_after"]` in seconds.
    """
    _count(_LONG, f"long {actor.user_id}", settings)


def _count(allowed: RateLimitItem, who: str, settings: Settings) -> None:
    if not settings.rate_limits or _counted.hit(allowed, who):
        return
    calls.note(Event.TOO_MUCH, reason="tries")
    wait = max(1, round(_counted.get_window_stats(allowed, who).reset_time - clock.now().timestamp()))
    raise Throttled(f"Too many tries. Wait {wait} seconds.", retry_after=wait)
