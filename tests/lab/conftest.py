"""A bank with a cast, and a server for it in this process: what a load needs without a subprocess."""

import asyncio
import threading
from contextlib import contextmanager

import pytest

from bank_app.api.app import create_api
from bank_app.lab import workload
from bank_app.lab.client import Address


@pytest.fixture
def cast(db):
    """Three customers with twelve accounts of 100.00 each."""
    return workload.fill(db, people=3, account_count=12, opening="100")


class InProcess:
    """An ASGI application over HTTP/1.1 in a thread. `meddle(path)` may return an answer that is given instead."""

    def __init__(self, app):
        self.app = app
        self.meddle = lambda _path: None
        self._writers = []
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self._server = self._in_loop(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.address = Address(*self._server.sockets[0].getsockname())

    def close(self):
        self._in_loop(self._end())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    def _in_loop(self, work):
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    async def _end(self):
        self._server.close()
        for writer in self._writers:
            writer.close()
        # Each connection's task sees its end and goes.
        await asyncio.gather(*(task for task in asyncio.all_tasks() if task is not asyncio.current_task()))

    async def _serve(self, reader, writer):
        self._writers.append(writer)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                fields = [line.split(": ", 1) for line in head[1:-2]]
                headers = [(name.lower(), value) for name, value in fields]
                body = await reader.readexactly(int(dict(headers).get("content-length", 0)))
                method, path, _ = head[0].split()
                if (instead := self.meddle(path)) is not None:
                    writer.write(instead)
                    if not instead:
                        return
                else:
                    writer.write(await self._ask_app(method, path, headers, body))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    async def _ask_app(self, method, path, headers, body):
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "path": path,
            "raw_path": path.encode(), "query_string": b"", "scheme": "http", "root_path": "",
            "headers": [(name.encode(), value.encode()) for name, value in headers],
            "client": ("127.0.0.1", 1), "server": (self.address.host, self.address.port),
        }  # fmt: skip
        sent = []

        async def receive():
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message):
            sent.append(message)

        await self.app(scope, receive, send)
        lines = [f"HTTP/1.1 {sent[0]['status']} ok".encode(), *(b": ".join(pair) for pair in sent[0]["headers"])]
        return b"\r\n".join(lines) + b"\r\n\r\n" + b"".join(message.get("body", b"") for message in sent[1:])


@contextmanager
def served(db):
    """The API of a database over HTTP, in this process."""
    bank = InProcess(create_api(db, db.settings))
    try:
        yield bank
    finally:
        bank.close()


@pytest.fixture
def bank(db):
    """The API of `db` over HTTP, in this process."""
    with served(db) as bank:
        yield bank
