"""Where requests come from behind reverse proxies, and whether what these say fits what is set.

A proxy that is not trusted makes everybody one address: one person's wrong guesses stop all others, and nothing says
why. So what does not fit is said once in the log, and on Health for as long as it goes on.
"""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Iterable, MutableMapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bank_app import clock
from bank_app.domain import addresses
from bank_app.settings import Settings

log = logging.getLogger(__name__)

_READ = b"x-forwarded-for"
_OTHERS = {b"forwarded": "Forwarded", b"x-real-ip": "X-Real-IP"}
_INSIDE = [
    ipaddress.ip_network(text)
    for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
]
_KNOWN = "bank.address"
_LASTS = timedelta(hours=1)
_SAID_AGAIN = timedelta(minutes=1)
# What does not fit, when it was seen last, and the sentence: of this process.
_seen: dict[str, Misfit] = {}


@dataclass(frozen=True, slots=True)
class Misfit:
    """Headers of proxies that do not fit BANK_TRUSTED_PROXIES; `advice` says what to set."""

    at: datetime
    said: str
    advice: str


def address_of(settings: Settings, peer: str, headers: Iterable[tuple[bytes, bytes]]) -> str:
    """Where a request comes from: the peer, or what the outermost trusted proxy saw. What does not fit is noticed."""
    forwarded, other = [], ""
    for name, value in headers:
        if name == _READ:
            forwarded.append(value.decode("latin-1"))
        elif name in _OTHERS:
            other = _OTHERS[name]
    if not forwarded and not other:
        return settings.address_of(peer, ())
    address = settings.address_of(peer, forwarded)
    _notice(settings, peer, address, sum(value.count(",") + 1 for value in forwarded), other)
    return address


def address_in(settings: Settings, scope: MutableMapping[str, Any]) -> str:
    """Where the request of an ASGI scope comes from. Read once, by the outermost layer that asks."""
    known: str | None = scope.get(_KNOWN)
    if known is None:
        peer = (scope.get("client") or ("unknown",))[0]
        known = scope[_KNOWN] = address_of(settings, peer, scope.get("headers", ()))
    return known


def is_from_here(scope: MutableMapping[str, Any]) -> bool:
    """Whether a request was sent on this machine, and by no proxy on it for somebody else."""
    peer = (scope.get("client") or ("",))[0]
    passed_on = any(name == _READ or name in _OTHERS for name, _ in scope.get("headers", ()))
    return addresses.is_loopback(peer) and not passed_on


def misfits() -> list[Misfit]:
    """What did not fit within the last hour, the newest first."""
    recent = [misfit for misfit in _seen.values() if clock.now() - misfit.at < _LASTS]
    return sorted(recent, key=lambda misfit: misfit.at, reverse=True)


def forget() -> None:
    """Nothing was seen: for a process that changes its settings."""
    _seen.clear()


def _notice(settings: Settings, peer: str, address: str, entries: int, other: str) -> None:
    trusted = settings.trusted_proxies
    if not entries:
        _say(
            "other",
            f"Requests from {_printable(peer)} bring {other}, which the bank does not read: "
            f"everybody behind it counts as {_printable(peer)}.",
            "Let the proxy write X-Forwarded-For, and set BANK_TRUSTED_PROXIES to how many proxies there are.",
        )
    elif not trusted:
        _say(
            "untrusted",
            f"Requests from {_printable(peer)} bring X-Forwarded-For and BANK_TRUSTED_PROXIES is 0: "
            f"everybody behind it counts as {_printable(peer)}, for rate limits, sign-ins and the audit trail.",
            "Behind one proxy set BANK_TRUSTED_PROXIES=1. Without a proxy a client made the header up.",
        )
    elif entries < trusted:
        _say(
            "too high",
            f"X-Forwarded-For has {entries} of the {trusted} entries that BANK_TRUSTED_PROXIES asks for: "
            f"everybody counts as {_printable(peer)}.",
            f"Set BANK_TRUSTED_PROXIES={entries}, if that is how many proxies there are.",
        )
    elif entries > trusted and _is_inside(address):
        _say(
            "too low",
            f"The address that BANK_TRUSTED_PROXIES={trusted} takes from X-Forwarded-For, {_printable(address)}, is "
            f"one of a private network, and {entries - trusted} more stand before it: it may be another proxy's.",
            f"Set BANK_TRUSTED_PROXIES={trusted + 1}, if there is one more proxy.",
        )


def _say(kind: str, said: str, advice: str) -> None:
    now, before = clock.now(), _seen.get(kind)
    if before and now - before.at < _SAID_AGAIN:
        return
    _seen[kind] = Misfit(now, said, advice)
    if before is None or now - before.at >= _LASTS:
        log.warning("%s %s", said, advice)


def _is_inside(address: str) -> bool:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return found.is_loopback or found.is_link_local or any(found in network for network in _INSIDE)


def _printable(text: str) -> str:
    return "".join(letter for letter in text if letter.isprintable())[:45]
