"""The edge around an application that does nothing, in this process or behind the real server."""

import asyncio
import base64
import itertools
import os
import select
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path

import pytest
from starlette.requests import ClientDisconnect

from bank_app.edge.front import Edge
from bank_app.lab.serving import resident_bytes
from bank_app.private_mysql import is_free
from bank_app.services import edge_figures
from bank_app.settings import PROJECT, load

# Answers what it is asked, reads bodies, sends what nobody may want to read, and welcomes sockets that say hello.
SERVES = """
import asyncio, os, sys
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from bank_app import server, settings
from bank_app.edge.front import Edge

async def inside(scope, receive, send):
    if scope["type"] == "lifespan":
        while (message := await receive())["type"] != "lifespan.shutdown":
            await send({"type": message["type"] + ".complete"})
        await send({"type": "lifespan.shutdown.complete"})
    elif scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": message["text"]})
    else:
        while scope["method"] == "POST":
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            if not message.get("more_body"):
                break
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(2_000 if scope["path"] == "/download" else 0):
            await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
            await asyncio.sleep(0)
        await send({"type": "http.response.body", "body": b"ok"})

def load(target):
    return Edge(inside, settings.load())

if __name__ == "__main__":
    import multiprocessing
    multiprocessing.set_start_method("spawn", force=True)
    server.Supervisor(
        "any:app", interface=Interfaces.ASGI, address="127.0.0.1", port=int(sys.argv[1]), workers=1, websockets=True,
        workers_kill_timeout=5, **server.bounds(settings.load()),
    ).serve(target_loader=load)
"""


class Served:
    """A running server, its worker, and raw connections to it."""

    def __init__(self, port, process, log):
        self.port, self.process, self.log = port, process, log
        self.host = f"127.0.0.1:{port}"
        self.opened = []

    def connect(self, sent=b""):
        sock = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        self.opened.append(sock)
        sock.sendall(sent)
        return sock

    def request(self, method="GET", path="/", *headers, body="", host=None):
        lines = [f"{method} {path} HTTP/1.1", f"Host: {host or self.host}", *headers, "", body]
        return self.connect("\r\n".join(lines).encode())

    def shake_hands(self, *headers, host=None):
        key = base64.b64encode(os.urandom(16)).decode()
        return self.request(
            "GET", "/_event/", "Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Key: {key}",
            "Sec-WebSocket-Version: 13", *headers, host=host,
        )  # fmt: skip

    def is_alive(self):
        sock = self.request(path="/healthz")
        self.opened.remove(sock)
        with closing(sock):
            return status(sock) == 200

    @property
    def resident(self):
        """Bytes of the worker."""
        return max(resident_bytes(pid) for pid in children(self.process.pid))


def children(pid):
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def status(sock):
    """The status of the answer that comes; None when the connection ends without one."""
    sock.settimeout(20)
    with suppress(OSError):
        answer = sock.recv(65536)
        return int(answer.split()[1]) if answer.startswith(b"HTTP/") else None
    return None


def is_over(sock):
    """Whether the other side has ended the connection, now."""
    sock.setblocking(False)
    try:
        while sock.recv(65536):
            pass
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def is_cut(sock):
    """Whether the other side has ended the connection, without reading what it had sent."""
    poll = select.poll()
    poll.register(sock, select.POLLRDHUP | select.POLLHUP | select.POLLERR)
    return bool(poll.poll(0))


def until(holds, seconds=30):
    """Waits for what must come; its not coming is the failure."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """The real server with short times, around an application that does nothing."""
    folder = tmp_path_factory.mktemp("edge")
    script, log = folder / "serves.py", folder / "output"
    script.write_text(SERVES)
    port = next(port for port in itertools.count(27_000 + os.getpid() % 2000) if is_free(port))
    limits = {
        "BANK_DATA": str(folder), "BANK_BODY_SECONDS": "3", "BANK_READ_SECONDS": "2",
        "BANK_SOCKET_CONNECT_SECONDS": "3",
        "BANK_BODIES_PER_ADDRESS": "8", "BANK_SOCKETS_PER_ADDRESS": "20", "BANK_CONNECTIONS_PER_ADDRESS": "400",
    }  # fmt: skip
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, str(script), str(port)], stdout=output, stderr=output,
            env={**os.environ, "PYTHONPATH": str(PROJECT), **limits},
        )  # fmt: skip
    served = Served(port, process, log)

    def answers():
        assert process.poll() is None, log.read_text()
        with suppress(OSError):
            return served.is_alive()

    until(answers, 60)
    yield served
    process.send_signal(signal.SIGTERM)
    process.wait(30)


@pytest.fixture
def wire(served):
    """The running server, without connections of tests before and after."""
    yield served
    for sock in served.opened:
        sock.close()
    served.opened.clear()


# --- in this process -------------------------------------------------------------------------------------


NEVER = object()


class Around:
    """An edge with its settings around an application; each `ask` is one connection of its own."""

    def __init__(self, settings, inside):
        self.edge, self.numbers = Edge(inside, settings), itertools.count(1)

    async def ask(self, *messages, kind="http", method="POST", path="/api/v1/x", address="192.0.2.1", headers=()):
        """What came back. A message that is NEVER does not come, and after the last one nothing does."""
        sent, waiting = [], iter(messages)

        async def receive():
            message = next(waiting, NEVER)
            if message is NEVER:
                await asyncio.Event().wait()
            return message

        async def send(message):
            sent.append(message)

        names = {name for name, _ in headers}
        more = [] if b"host" in names else [(b"host", b"127.0.0.1:3000")]
        scope = {
            "type": kind, "method": method, "path": path, "headers": [*headers, *more], "query_string": b"",
            "client": (address, str(next(self.numbers))), "server": ("127.0.0.1", ""), "http_version": "1.1",
            "extensions": {"websocket.http.response": {}},
        }  # fmt: skip
        await self.edge(scope, receive, send)
        return sent


@pytest.fixture
def limits(tmp_path):
    """Settings with the given bounds."""
    return lambda **bounds: load(data=tmp_path, **bounds)


@pytest.fixture(autouse=True)
def _nothing_counted(monkeypatch):
    monkeypatch.setattr(edge_figures, "figures", edge_figures.EdgeFigures())


@pytest.fixture
def around(limits):
    """An edge with the given bounds around an application that reads what it is sent and says ok."""
    return lambda inside=reads_all, **bounds: Around(limits(**bounds), inside)


async def reads_all(scope, receive, send):
    """Reads a body, or echoes a socket, to its end."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": message["text"]})
        return
    while scope["method"] == "POST":
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        if not message.get("more_body"):
            break
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ok"})
