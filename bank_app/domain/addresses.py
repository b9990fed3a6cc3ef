"""Addresses of machines: reading what connections and proxies write, and which network somebody is counted with."""

from __future__ import annotations

import ipaddress
from functools import lru_cache

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
# What one household or one rented machine is given, and what one customer of a provider is.
_NARROW, _WIDE = 64, 48


@lru_cache(maxsize=4096)
def read(text: str) -> str | None:
    """The address in `text` the way it is always written, without port, brackets and zone; None where it is none.

    An IPv4 address that came through an IPv6 socket is that IPv4 address.
    """
    text = text.strip().strip('"')
    if text.startswith("["):
        text, _, port = text[1:].partition("]")
        if port and not _is_port(port):
            return None
    elif text.count(":") == 1:
        text, _, port = text.partition(":")
        if not _is_port(":" + port):
            return None
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return str(mapped or found)


def _is_port(text: str) -> bool:
    return text.startswith(":") and text[1:].isascii() and text[1:].isdigit() and len(text) <= 6


@lru_cache(maxsize=4096)
def networks(address: str) -> tuple[str, ...]:
    """What an address is counted by, the narrowest first: itself, or for IPv6 its /64 and its /48.

    Whoever has one IPv6 address has 2**64 of them. What is no address is counted by itself.
    """
    known = read(address)
    if known is None or ":" not in known:
        return (known or address,)
    return tuple(str(ipaddress.ip_network((known, length), strict=False)) for length in (_NARROW, _WIDE))


def is_loopback(address: str) -> bool:
    """Whether only this machine has it."""
    known = read(address)
    return known is not None and ipaddress.ip_address(known).is_loopback


def read_networks(text: str) -> tuple[Network, ...]:
    """The networks in a list with commas; a single address is a network of one.

    Raises:
        ValueError: something in the list is neither.
    """
    return tuple(ipaddress.ip_network(part.strip(), strict=False) for part in text.split(",") if part.strip())


def is_within(address: str, known: tuple[Network, ...]) -> bool:
    """Whether an address is of one of these networks."""
    found = read(address)
    return found is not None and any(ipaddress.ip_address(found) in network for network in known)
