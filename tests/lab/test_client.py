"""The load client against a server that says exactly what the test wants, byte by byte."""

import asyncio
import itertools
import json
from contextlib import asynccontextmanager

import pytest

from bank_app.lab import driver
from bank_app.lab.client import Address, Client, NoAnswer, NotConnected, SignIn, SignInRefused, request

GONE = object()


@asynccontextmanager
async def server(*answers):
    """Answers one request after the other with the given pieces; `GONE` closes the connection. Keeps what it heard."""
    heard, script, clients = [], iter(answers), []

    async def serve(reader, writer):
        clients.append(writer)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0] or 0)
                heard.append(head + await reader.readexactly(length))
                pieces = next(script)
                if pieces is GONE:
                    return
                for piece in pieces:
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(0)
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        try:
            yield Address(*listening.sockets[0].getsockname()), heard
        finally:
            # From Python 3.12 on the end of a server waits for its connections, whoever keeps them open.
            for client in clients:
                client.close()


def ok(body=b"{}", *, status="200 OK", more=b""):
    return [b"HTTP/1.1 %s\r\nContent-Length: %d\r\n%s\r\n%s" % (status.encode(), len(body), more, body)]


def run(scene):
    asyncio.run(scene())


def test_it_sends_whole_requests_and_reads_status_headers_and_body_over_one_connection():
    async def scene():
        answers = [ok(b'{"id": "7"}', status="201 Created", more=b"X-Request-ID: abc \r\n"), ok(b"", status="404 No")]
        async with server(*answers) as (address, heard):
            client = Client(address)
            first = await client.ask(request("POST", "/a", address, token="t", key="k-1", body=b'{"x": 1}'))
            wire = client._wire
            second = await client.ask(request("GET", "/b", address))
            assert client._wire is wire
            client.close()
        assert (first.status, first.json(), first.header("x-request-id")) == (201, {"id": "7"}, "abc")
        assert (second.status, second.body, second.header("Retry-After"), second.code) == (404, b"", None, "http_404")
        assert heard[0] == (
            b"POST /a HTTP/1.1\r\nHost: %s:%d\r\nAuthorization: Bearer t\r\nIdempotency-Key: k-1\r\n"
            b'Content-Type: application/json\r\nContent-Length: 8\r\n\r\n{"x": 1}'
        ) % (address.host.encode(), address.port)
        assert heard[1].startswith(b"GET /b HTTP/1.1\r\n")

    run(scene)


@pytest.mark.parametrize("size", [1, 7, 41, 5000])
def test_an_answer_may_come_in_pieces_of_any_size(size):
    body = b'{"text": "' + b"y" * 3000 + b'"}'
    whole = ok(body)[0]
    pieces = [whole[at : at + size] for at in range(0, len(whole), size)]

    async def scene():
        async with server(pieces, ok()) as (address, _):
            client = Client(address)
            assert (await client.ask(request("GET", "/", address))).body == body
            assert (await client.ask(request("GET", "/", address))).body == b"{}"
            client.close()

    run(scene)


def test_a_broken_connection_is_no_answer_and_the_next_request_makes_another():
    async def scene():
        async with server(GONE, [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"], ok()) as (address, heard):
            client = Client(address, timeout=0.2)
            with pytest.raises(NoAnswer, match="closed the connection"):
                await client.ask(request("GET", "/", address))
            with pytest.raises(NoAnswer, match="no answer within"):
                await client.ask(request("GET", "/", address))
            assert (await client.ask(request("GET", "/", address))).status == 200
            assert len(heard) == 3
            client.close()

    run(scene)


def test_nobody_there_is_told_apart_because_nothing_was_sent():
    async def scene():
        async with server() as (address, _):
            pass
        with pytest.raises(NotConnected):
            await Client(address).ask(request("GET", "/", address))

    run(scene)


def test_an_answer_without_a_length_is_given_up_at_once():
    async def scene():
        async with server([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"]) as (address, _):
            with pytest.raises(NoAnswer, match="Content-Length"):
                await Client(address).ask(request("GET", "/", address))

    run(scene)


def test_a_server_that_says_close_is_connected_to_again():
    async def scene():
        async with server(ok(more=b"Connection: close\r\n"), ok()) as (address, _):
            client = Client(address)
            await client.ask(request("GET", "/", address))
            assert (await client.ask(request("GET", "/", address))).status == 200
            client.close()

    run(scene)


def test_a_token_is_kept_and_renewed_with_the_refresh_token_and_else_by_signing_in():
    def tokens(number, lasts):
        pair = {"access_token": f"a{number}", "refresh_token": f"r{number}", "expires_in": lasts}
        return ok(json.dumps(pair).encode())

    refused = ok(b'{"code": "unauthenticated"}', status="401 Unauthorized")

    async def scene():
        async with server(tokens(1, 30), tokens(2, 900), tokens(3, 30), refused, tokens(4, 900)) as (address, heard):
            client, person = Client(address), SignIn(address, email="ada@bank.test", password="p")
            assert await person.fresh(client) == "a1"
            person._ends = 0.0
            assert [await person.fresh(client) for _ in range(3)] == ["a2"] * 3
            person.forget()
            assert await person.fresh(client) == "a3"
            person._ends = 0.0
            assert await person.fresh(client) == "a4"
            client.close()
        paths = [line.split()[1].decode() for line in heard]
        assert [path.rpartition("/")[2] for path in paths] == ["login", "refresh", "login", "refresh", "login"]
        assert b'"refresh_token": "r1"' in heard[1]

    run(scene)


def test_a_refused_sign_in_says_what_the_bank_said():
    async def scene():
        async with server(ok(b'{"code": "invalid_credentials"}', status="401 Unauthorized")) as (address, _):
            with pytest.raises(SignInRefused, match="401 invalid_credentials"):
                await SignIn(address, email="ada@bank.test", password="p").fresh(Client(address))

    run(scene)


def test_a_drive_counts_good_answers_and_others_and_gives_up_on_what_stands_still(monkeypatch):
    monkeypatch.setattr(driver, "GRACE_SECONDS", 0.1)

    async def scene():
        async with server(ok(status="201 Created"), ok(b'{"code": "busy"}', status="503 Busy"), []) as (address, _):
            whole = request("GET", "/", address)
            timings = await driver.drive(address, [iter([whole] * 3)], seconds=0.2, good=201)
        assert len(timings.taken) == 1
        assert timings.others == {"busy": 1, "not answered": 1}

    run(scene)


def test_a_drive_ends_when_everybody_has_sent_enough():
    async def scene():
        async with server(*[ok()] * 5) as (address, heard):
            timings = await driver.drive(address, [itertools.repeat(request("GET", "/", address))], count=4)
        assert (len(timings.taken), len(heard), timings.others) == (4, 4, {})
        assert timings.per_second > 0

    run(scene)
