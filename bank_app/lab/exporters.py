"""Customers who take all of a long account at once: to its end, without reading a byte, or until they have enough."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from bank_app.lab.client import Address, request

_ALWAYS = "from=2000-01-01T00:00:00Z&to=2100-01-01T00:00:00Z"
_PATIENCE_SECONDS = 120.0
_LITTLE = 4096


@dataclass
class Storm:
    """What exporters got: `whole` ended, `cut` had no end; `wrong` says what of a whole one is not right."""

    address: Address
    token: str
    account: str
    whole: int = 0
    cut: int = 0
    longest: int = 0
    refused: list[int] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def take(self) -> None:
        """Reads a statement to its end."""
        connection = http.client.HTTPConnection(self.address.host, self.address.port, timeout=_PATIENCE_SECONDS)
        try:
            connection.request("GET", self._path, headers={"Authorization": f"Bearer {self.token}"})
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException):
            self.cut += 1
            return
        finally:
            connection.close()
        if answer.status != 200:
            self.refused.append(answer.status)
            return
        self.whole += 1
        self._judge(json.loads(body))

    def leave(self) -> None:
        """Reads its beginning and goes."""
        with self._asked() as sock:
            sock.recv(_LITTLE)

    @contextmanager
    def reading_nothing(self, count: int) -> Iterator[None]:
        """Some who ask and do not read are there inside."""
        sockets = [self._asked() for _ in range(count)]
        try:
            yield
        finally:
            for sock in sockets:
                sock.close()

    def takers(self, count: int) -> list[threading.Thread]:
        """Begins to read so many to the end."""
        threads = [threading.Thread(target=self.take) for _ in range(count)]
        for thread in threads:
            thread.start()
        return threads

    @property
    def _path(self) -> str:
        return f"/api/v1/accounts/{self.account}/statement?{_ALWAYS}"

    def _asked(self) -> socket.socket:
        sock = socket.create_connection((self.address.host, self.address.port), timeout=_PATIENCE_SECONDS)
        # As little as the system allows, so that what is not read fills nobody's buffers.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _LITTLE)
        sock.sendall(request("GET", self._path, self.address, token=self.token))
        return sock

    def _judge(self, statement: dict[str, Any]) -> None:
        items = statement["items"]
        self.longest = max(self.longest, len(items))
        if [item["sequence"] for item in items] != list(range(1, len(items) + 1)):
            self.wrong.append("a statement has gaps or entries twice")
        if items and items[-1]["balance_after"] != statement["closing_balance"]:
            self.wrong.append("a statement does not end with its closing balance")
