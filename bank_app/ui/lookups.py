"""How often a person may ask whose name belongs to an account number; without it numbers could be tried in a row."""

from __future__ import annotations

from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from bank_app import clock
from bank_app.errors import Throttled
from bank_app.services.auth import Actor
from bank_app.settings import Settings

_ALLOWED = parse("20 per minute")
_counted = FixedWindowRateLimiter(MemoryStorage())


def count(actor: Actor, settings: Settings) -> None:
    """Counts one look-up of a person.

    Raises:
        Throttled: that was one too many; `details["retry_after"]` in seconds.
    """
    if not settings.rate_limits or _counted.hit(_ALLOWED, str(actor.user_id)):
        return
    ends = _counted.get_window_stats(_ALLOWED, str(actor.user_id)).reset_time
    wait = max(1, round(ends - clock.now().timestamp()))
    raise Throttled(f"Too many tries. Wait {wait} seconds.", retry_after=wait)
