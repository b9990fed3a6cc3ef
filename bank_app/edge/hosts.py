"""Under which names the bank answers. A page elsewhere can make its own name lead here, and no other."""

from __future__ import annotations

import socket
from functools import lru_cache
from urllib.parse import urlsplit

from bank_app.domain import addresses
from bank_app.settings import Settings

_EVERYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared, not bound


class Hosts:
    """The names of `Host`: of BANK_PUBLIC_URL, of BANK_HOSTS, of this machine, and of what the server listens on.

    Names of this machine are always among them: whoever runs the bank asks it by these, and no name of a page
    elsewhere can be one of them. Without BANK_PUBLIC_URL a bank that listens on all addresses is called by any
    address; an address, unlike a name, cannot be made to lead anywhere else.
    """

    def __init__(self, settings: Settings) -> None:
        """Reads the settings once."""
        self._public = urlsplit(settings.public_url).netloc.lower()
        named = [part.strip().lower() for part in settings.hosts.split(",") if part.strip()]
        self._networks = tuple(network for part in named for network in _network(part))
        own = socket.gethostname().lower()
        self._names = {*named, "localhost", _name_of(self._public), *(() if self._public else (own,))} - {""}
        self.allows = lru_cache(maxsize=1024)(self._allows)

    def _allows(self, host: str, bound: str) -> bool:
        """Whether a request for `host` is for this bank, which listens on `bound`."""
        name = _name_of(host)
        if not name:
            return False
        if name in self._names or name == bound.lower() or addresses.is_loopback(name):
            return True
        if addresses.is_within(name, self._networks):
            return True
        return not self._public and bound in _EVERYWHERE and addresses.read(name) is not None

    def is_own_origin(self, origin: str, host: str) -> bool:
        """Whether a page of this origin is one of ours: it is where the request itself goes, or the public address.

        `host` must be an allowed one. Behind a proxy that ends TLS the scheme that we see is not the one that people
        use, so only hosts are compared.
        """
        scheme, _, place = origin.lower().partition("://")
        return scheme in ("http", "https") and place in {host.lower(), self._public} - {""}


def _name_of(host: str) -> str:
    """The host without its port; empty where it cannot be one."""
    host = host.lower()
    if host.startswith("["):
        name, _, port = host[1:].partition("]")
        port = port.removeprefix(":") if port.startswith(":") else ("x" if port else "")
    else:
        name, _, port = host.partition(":")
    whole = name.removesuffix(".")
    fits = (not port or (port.isascii() and port.isdigit())) and not set(whole) & set(" \t/@?#\\,%")
    return whole if fits else ""


def _network(part: str) -> tuple[addresses.Network, ...]:
    try:
        return addresses.read_networks(part)
    except ValueError:
        return ()
