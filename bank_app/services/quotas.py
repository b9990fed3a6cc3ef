"""How many rows somebody may make: so many in a day of what is kept for ever, so many at once of what can end.

Whoever is fast may do no more than the limits by minute say, and without a bound for the day he fills the disk with it.
Days are those of UTC. What was made today is counted in this process and is forgotten with it, so that nobody's
transfer waits for a count; what stands open is counted in the database, and only by whoever opens another one.

The bank's people have no quotas, and without BANK_RATE_LIMITS nobody has.
"""

from __future__ import annotations

import threading
from collections import Counter
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session
from sqlmodel import col

from bank_app import clock, errors
from bank_app.domain import addresses
from bank_app.domain.accounting import Role
from bank_app.models import Account, Hold
from bank_app.settings import Settings

_MOST_COUNTED = 200_000
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)


class _Counted:
    """How often something happened in the hour or the day of now, by whom."""

    def __init__(self, every: timedelta) -> None:
        self._every, self._guard = every, threading.Lock()
        self._began = datetime.min.replace(tzinfo=clock.now().tzinfo)
        self._counts: Counter[object] = Counter()

    def spend(self, who: object, many: int, limit: int) -> int:
        """0 if he may, and it counts; otherwise the seconds until all begins anew."""
        now = clock.now()
        with self._guard:
            if now - self._began >= self._every or now < self._began or len(self._counts) > _MOST_COUNTED:
                midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
                self._began = midnight + (now - midnight) // self._every * self._every
                self._counts = Counter()
            if self._counts[who] + many > limit:
                return max(1, int((self._began + self._every - now).total_seconds()))
            self._counts[who] += many
            return 0


_movements, _changes, _sign_ups = _Counted(_DAY), _Counted(_DAY), _Counted(_HOUR)


def count_movements(user_id: UUID, role: Role, settings: Settings, many: int = 1) -> None:
    """Counts what somebody wants posted: its entries, its key and what is refused of it are kept for ever.

    Raises:
        QuotaUsedUp: that is more than BANK_MOVEMENTS_PER_DAY; `details["retry_after"]` in seconds.
    """
    if settings.rate_limits and role is Role.CUSTOMER:
        _refuse(_movements.spend(user_id, many, settings.movements_per_day), "movements", settings.movements_per_day)


def count_change(user_id: UUID, role: Role, settings: Settings, quota: str = "changes") -> None:
    """Counts a unit of work that writes anything else for somebody: a draft, a name checked, a payee, an account.

    Coming in has a `quota` of its own, as large, so that whoever has used up his changes can still look.

    Raises:
        QuotaUsedUp: that is more than BANK_CHANGES_PER_DAY; `details["retry_after"]` in seconds.
    """
    if settings.rate_limits and role is Role.CUSTOMER:
        _refuse(_changes.spend((quota, user_id), 1, settings.changes_per_day), quota, settings.changes_per_day)


def count_sign_up(address: str, settings: Settings) -> None:
    """Counts somebody who wants to register, by network and all together. Whoever is refused for his email counts too.

    Raises:
        QuotaUsedUp: that is more than BANK_SIGN_UPS_PER_HOUR from a network, or than ten times as many in all.
    """
    if not (settings.rate_limits and address):
        return
    most = settings.sign_ups_per_hour
    for network in addresses.networks(address):
        _refuse(_sign_ups.spend(network, 1, most), "sign_ups", most)
    _refuse(_sign_ups.spend("all", 1, 10 * most), "sign_ups", 10 * most)


def _refuse(seconds: int, quota: str, most: int) -> None:
    if seconds:
        raise errors.QuotaUsedUp(
            f"That is more than this bank does for one in so short a time ({most:,}). Nothing was changed.",
            quota=quota, most=most, retry_after=seconds,
        )  # fmt: skip


def require_account(session: Session, owner: UUID, settings: Settings) -> None:
    """Refuses a customer one more open account than BANK_OPEN_ACCOUNTS.

    Raises:
        QuotaReached: so many are open; `details["most"]`.
    """
    of_owner = select(func.count()).where(col(Account.owner_id) == owner, col(Account.status) != "closed")
    _require(session.execute(of_owner).scalar_one(), settings.open_accounts, "open accounts", settings)


def require_hold(session: Session, account_id: int, settings: Settings) -> None:
    """Refuses one more open hold on an account than BANK_OPEN_HOLDS.

    Raises:
        QuotaReached: so many are open; `details["most"]`.
    """
    on_account = select(func.count()).where(
        col(Hold.account_id) == account_id, col(Hold.state) == "open", col(Hold.expires_at) > clock.now()
    )
    _require(session.execute(on_account).scalar_one(), settings.open_holds, "open holds on an account", settings)


def _require(count: int, most: int, what: str, settings: Settings) -> None:
    if settings.rate_limits and count >= most:
        raise errors.QuotaReached(f"There can be {most:,} {what}. End one first. Nothing was changed.", most=most)
