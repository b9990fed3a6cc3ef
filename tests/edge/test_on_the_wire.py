"""What strangers with raw connections can make the real server hold: little, and not for long."""

import itertools
import struct
import threading
from contextlib import suppress

import pytest

from tests.edge.conftest import is_cut, is_over, status, until

MIB = 2**20
ROUTES = [
    ("/auth/login", "Content-Length: 100"),
    ("/api/v1/transactions/transfer", "Content-Length: 100"),
    ("/api/v1/auth/login", "Transfer-Encoding: chunked"),
]


def frame(payload, *, code=1, last=True):
    """A masked frame; the mask is zero, which leaves the payload as it is."""
    size = len(payload)
    length = bytes([0x80 | size]) if size < 126 else struct.pack(">BH", 0xFE, size) if size < 65536 else None
    return bytes([(0x80 if last else 0) | code]) + (length or struct.pack(">BQ", 0xFF, size)) + bytes(4) + payload


@pytest.mark.parametrize("count", [1030, 2000])
def test_half_sent_bodies_keep_nobody_waiting(wire, count):
    before = wire.resident
    for (path, length), _ in zip(itertools.cycle(ROUTES), range(count), strict=False):
        wire.request("POST", path, "Content-Type: application/json", length, body="5\r\nemail")
    assert wire.is_alive()
    until(lambda: sum(is_over(sock) for sock in wire.opened) >= count - 8, 20)
    assert wire.is_alive()
    until(lambda: all(is_over(sock) for sock in wire.opened), 20)
    assert wire.resident < before + 60 * MIB


def test_a_body_that_comes_in_time_is_taken_and_a_late_one_is_told(wire):
    assert status(wire.request("POST", "/api/v1/x", "Content-Length: 2", body="{}")) == 200
    assert status(wire.request("POST", "/api/v1/x", "Content-Length: 3", body="{}")) == 408


def test_connections_that_say_nothing_keep_nobody_waiting(wire):
    for _ in range(1200):
        wire.connect()
    assert wire.is_alive()
    until(lambda: sum(not is_over(sock) for sock in wire.opened) <= 400)
    assert wire.is_alive()


def test_sockets_are_counted_before_they_are_taken_and_closed_when_they_say_nothing(wire):
    statuses = [status(wire.shake_hands()) for _ in range(60)]
    assert (statuses.count(101), statuses.count(429)) == (20, 40)
    until(lambda: all(is_over(sock) for sock in wire.opened))
    assert status(wire.shake_hands()) == 101


@pytest.mark.parametrize("whole", [True, False], ids=["one frame", "many frames"])
def test_a_message_that_never_ends_is_not_gathered(wire, whole):
    sockets = [wire.shake_hands() for _ in range(12)]
    assert [status(sock) for sock in sockets] == [101] * 12
    for sock in sockets:
        sock.sendall(frame(b"40/_event,"))
    before, cut = wire.resident, []
    start = struct.pack(">BBQ", 0x01, 0xFF, 15 * MIB) + bytes(4) if whole else b""
    piece = b"x" * 65536 if whole else frame(b"x" * 65000, code=0, last=False)

    def pump(sock):
        try:
            sock.sendall(start or frame(b"42", last=False))
            for _ in range(200 * MIB // 65536):
                sock.sendall(piece)
        except OSError:
            cut.append(sock)

    threads = [threading.Thread(target=pump, args=(sock,)) for sock in sockets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    until(lambda: all(is_over(sock) for sock in sockets))
    assert len(cut) == 12
    until(lambda: wire.resident < before + 60 * MIB)
    assert wire.is_alive()


def test_frames_that_nobody_can_read_end_the_socket_and_fill_no_log(wire):
    before = wire.log.stat().st_size
    sock = wire.shake_hands()
    assert status(sock) == 101
    with suppress(OSError):
        for _ in range(5000):
            sock.sendall(frame(b"42/_event,{nope"))
    until(lambda: is_over(sock))
    assert wire.log.stat().st_size - before < 2000


def test_an_answer_that_nobody_reads_is_not_kept(wire):
    before = wire.resident
    readers = [wire.request(path="/download") for _ in range(20)]
    until(lambda: all(is_cut(sock) for sock in readers))
    assert wire.resident < before + 60 * MIB
    assert wire.is_alive()


def test_only_under_its_own_names_it_answers(wire):
    assert status(wire.request(host="evil.test")) == 421
    assert status(wire.shake_hands(host="evil.test")) == 421
    assert status(wire.shake_hands("Origin: http://evil.test")) == 403
    assert status(wire.shake_hands("Origin: http://127.0.0.1:1")) == 403
    assert status(wire.shake_hands(f"Origin: http://{wire.host}")) == 101
