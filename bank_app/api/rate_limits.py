"""How often somebody may ask: counted in this process, per address or per person."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import Request
from limits import RateLimitItem, RateLimitItemPerMinute, parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from bank_app import clock
from bank_app.errors import Throttled

# By the name of the operation. Signing in and registering cost a password hash and are what a guesser repeats;
# checking a payee answers with names.
POLICIES: Mapping[str, RateLimitItem] = {
    "login": parse("30 per minute"),
    "register": parse("30 per minute"),
    "give_code": parse("30 per minute"),
    "check_payee": parse("60 per minute"),
    # Reads every record of the bank.
    "verify_audit_trail": parse("10 per minute"),
}
EVERYTHING_ELSE = parse("6000 per minute")
_WIDER = 4


class RateLimits:
    """The counters of one application. With several workers each has its own, so the bank as a whole allows more."""

    def __init__(self, *, enabled: bool) -> None:
        """Counts nothing unless `enabled`."""
        self._enabled = enabled
        self._limiter = FixedWindowRateLimiter(MemoryStorage())

    def count(self, request: Request, operation: str, who: str, *around: str) -> None:
        """Counts a request and notes the `RateLimit-*` headers of its answer.

        Args:
            request: Gets the headers.
            operation: Its name.
            who: Whom it is counted for.
            around: Wider networks of theirs, each of which may ask four times as often as one of `who`.

        Raises:
            Throttled: that was one too many; `details["retry_after"]` in seconds.
        """
        if not self._enabled:
            return
        item = POLICIES.get(operation, EVERYTHING_ELSE)
        bucket = operation if operation in POLICIES else "everything"
        allowed = self._limiter.hit(item, bucket, who)
        wider = RateLimitItemPerMinute(item.amount * _WIDER)
        for network in around:
            allowed = self._limiter.hit(wider, bucket, network) and allowed
        reset_at, remaining = self._limiter.get_window_stats(item, bucket, who)
        wait = max(1, round(reset_at - clock.now().timestamp()))
        request.state.headers = {
            "ratelimit-limit": str(item.amount),
            "ratelimit-remaining": str(max(0, remaining)),
            "ratelimit-reset": str(wait),
        }
        if not allowed:
            raise Throttled(f"Too many requests. Wait {wait} seconds.", retry_after=wait)
