"""The bounds of the outermost layer, around an application of a few lines."""

import asyncio
import json
import logging

import pytest

from bank_app import logs
from bank_app.edge import bodies
from bank_app.edge.frames import Verdict, judge
from bank_app.services import edge_figures
from bank_app.services.edge_figures import EdgeFigures
from tests.edge.conftest import NEVER, Around

LONG = ((b"content-length", b"100"),)
CHUNKED = ((b"transfer-encoding", b"chunked"),)


def piece(body, *, more=True):
    return {"type": "http.request", "body": body, "more_body": more}


def statuses(answers):
    return [sent[0]["status"] for sent in answers]


def run(*asked):
    async def all_of_them():
        return await asyncio.gather(*asked)

    return asyncio.run(all_of_them())


# --- answers ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/api/v1/x", "/healthz", "/auth/login", "/nothing", "/ping", "/_health/"])
@pytest.mark.parametrize("host", [b"127.0.0.1", b"evil.test"])
def test_every_answer_has_the_same_headers_and_over_https_says_so(around, path, host):
    asked = {"path": path, "method": "GET", "headers": [(b"host", host)]}
    [plain] = run(around().ask(**asked))
    [secure] = run(around(public_url="https://bank.example.org").ask(**asked))
    status = 421 if host == b"evil.test" else 404 if path in ("/ping", "/_health/") else 200
    assert (plain[0]["status"], secure[0]["status"]) == (status, status)
    headers, more = dict(plain[0]["headers"]), dict(secure[0]["headers"])
    assert more.pop(b"strict-transport-security") == b"max-age=31536000; includeSubDomains"
    volatile = {b"x-request-id", b"content-length"}
    assert {n: v for n, v in headers.items() if n not in volatile} == {
        n: v for n, v in more.items() if n not in volatile
    }
    for name in (b"x-content-type-options", b"x-frame-options", b"content-security-policy", b"permissions-policy"):
        assert name in headers


def test_two_hosts_are_none_and_no_host_is_none(around):
    both = [(b"host", b"127.0.0.1"), (b"host", b"evil.test")]
    answers = run(around().ask(method="GET", headers=both), around().ask(method="GET", headers=[(b"host", b"")]))
    assert statuses(answers) == [421, 421]


def test_a_refusal_is_a_problem_for_programs(around):
    [sent] = run(around().ask(method="GET", headers=[(b"host", b"evil.test")]))
    problem = json.loads(sent[1]["body"])
    assert (problem["code"], problem["status"], problem["money_moved"]) == ("misdirected_request", 421, "no")


# --- bodies ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("headers", [LONG, CHUNKED])
def test_a_body_has_its_time_and_longer_only_while_it_comes_quickly(around, headers):
    edge = around(body_seconds=0.05, least_rate=1000)
    whole = [piece(b"x" * 50), piece(b"x" * 50, more=False)]
    answers = run(
        edge.ask(*whole, headers=headers), edge.ask(NEVER, headers=headers), edge.ask(whole[0], NEVER, headers=headers)
    )
    # The third has a second more for the little that came.
    assert statuses(answers) == [200, 408, 408]
    assert edge_figures.figures.turned_away["slow_body"] == 2


def test_nothing_inside_hears_of_half_a_form_and_of_a_long_body_it_hears_at_once(around):
    heard = []

    async def deaf(scope, receive, send):
        heard.append(await receive())
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    edge = around(deaf, body_seconds=0.1)
    parts = [piece(b"x" * 60), piece(b"y" * 40), piece(b"")]
    long = edge.ask(piece(b"x" * 50_000), NEVER, headers=((b"content-length", b"100000"),))
    answers = run(*(edge.ask(parts[0], NEVER, headers=LONG) for _ in range(300)), edge.ask(*parts, headers=LONG), long)
    assert {*statuses(answers[:300])} == {408, 429}
    assert statuses(answers[300:]) == [404, 404]
    assert [(len(message["body"]), message["more_body"]) for message in heard] == [(100, False), (50_000, True)]


def test_slow_bodies_take_places_of_their_network_only(around, monkeypatch):
    monkeypatch.setattr(bodies, "_GRACE_SECONDS", 0.0)
    monkeypatch.setattr(bodies, "_TICK_SECONDS", 0.01)
    edge = around(bodies_per_address=3, bodies=8, body_seconds=0.3)
    slow = [edge.ask(NEVER, headers=LONG, address=f"2001:db8::{i}") for i in range(10)]
    late = [edge.ask(NEVER, headers=LONG, address="192.0.2.9") for _ in range(2)]
    quick = edge.ask(piece(b"x", more=False), headers=LONG, address="2001:db8::1")
    *answers, last = statuses(run(*slow, *late, quick))
    assert (answers[:10].count(408), answers[:10].count(429), answers[10:], last) == (3, 7, [408, 408], 200)
    # Nothing is held afterwards.
    assert (edge.edge.bodies._slow.total, edge.edge.bodies._coming.total, edge.edge.bodies._waiting) == (0, 0, {})


def test_so_many_may_be_on_their_way_at_once_and_no_more(around):
    bodies = around(bodies_per_address=1).edge.bodies
    begun = [bodies.begin(("192.0.2.1",), None) for _ in range(140)]
    assert begun.count(None) == 12
    assert bodies.begin(("192.0.2.2",), None)


def test_an_answer_that_nobody_reads_is_given_up(around):
    async def streams(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while True:
            await send({"type": "http.response.body", "body": b"x", "more_body": True})

    settings = around().edge._settings.model_copy(update={"read_seconds": 0.05})
    edge = Around(settings, streams).edge

    async def unread():
        async def send(message):
            if message["type"] == "http.response.body":
                await asyncio.Event().wait()

        scope = {
            "type": "http", "method": "GET", "path": "/", "headers": [(b"host", b"localhost")], "client": ("::1", 1),
            "server": ("::1", 0),
        }  # fmt: skip
        await edge(scope, None, send)

    asyncio.run(asyncio.wait_for(unread(), 10))
    assert edge_figures.figures.turned_away["slow_reader"] == 1


# --- sockets ---------------------------------------------------------------------------------------------

CONNECT, HELLO = {"type": "websocket.connect"}, {"type": "websocket.receive", "text": "40/_event,"}


def said(text):
    return {"type": "websocket.receive", "text": text}


def codes(sent):
    return [message.get("code") for message in sent if message["type"] == "websocket.close"]


@pytest.mark.parametrize(
    ("messages", "code", "kind"),
    [
        ([CONNECT, NEVER], 1008, "socket_silent"),
        # That it is still there says nothing of what it wants.
        ([CONNECT, said("3"), said("6"), NEVER], 1008, "socket_silent"),
        ([CONNECT, HELLO, said("4" + "x" * 70_000)], 1009, "socket_large"),
        ([CONNECT, HELLO, said("42" + "ä" * 40_000)], 1009, "socket_large"),
        ([CONNECT, HELLO, *[said("42/_event,{nope")] * 3], 1007, "socket_unreadable"),
        ([CONNECT, *[{"type": "websocket.receive", "bytes": b"x"}] * 3], 1007, "socket_unreadable"),
    ],
)
def test_a_socket_that_only_costs_is_ended(around, messages, code, kind):
    [sent] = run(around(socket_connect_seconds=0.2).ask(*messages, kind="websocket"))
    assert codes(sent) == [code]
    assert edge_figures.figures.turned_away == {kind: 1}
    assert edge_figures.figures.sockets == 0


def test_what_cannot_be_read_reaches_nobody_and_twice_is_forgiven(around):
    messages = [CONNECT, HELLO, said("x"), said("42/_event,{"), said('42/_event,["event",{}]')]
    [sent] = run(around().ask(*messages, {"type": "websocket.disconnect"}, kind="websocket"))
    assert [message.get("text") for message in sent[1:]] == ["40/_event,", '42/_event,["event",{}]']


def test_a_socket_that_was_welcomed_while_the_server_listens_may_be_quiet(around):
    heard = []

    async def welcoming(scope, receive, send):
        await receive()
        await send({"type": "websocket.accept"})
        await receive()
        # As the server does it: it listens again before the word goes out that it knows whom it speaks with.
        listening = asyncio.ensure_future(receive())
        await asyncio.sleep(0)
        await send({"type": "websocket.send", "text": '40/_event,{"sid":"x"}'})
        heard.extend((await asyncio.wait({listening}, timeout=0.5))[0])
        listening.cancel()

    run(around(welcoming, socket_connect_seconds=0.1).ask(CONNECT, HELLO, NEVER, kind="websocket"))
    assert heard == []
    assert "socket_silent" not in edge_figures.figures.turned_away


def test_sockets_are_counted_before_they_are_taken(around):
    edge = around(sockets_per_address=2, socket_connect_seconds=0.1)
    asked = [edge.ask(CONNECT, NEVER, kind="websocket", address=f"2001:db8::{i}") for i in range(5)]
    answers = run(*asked, edge.ask(CONNECT, NEVER, kind="websocket", address="192.0.2.5"))
    assert [sent[0].get("status", "taken") for sent in answers] == ["taken"] * 2 + [429] * 3 + ["taken"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([(b"host", b"evil.test")], 421),
        ([(b"host", b"evil.test"), (b"origin", b"http://evil.test")], 421),
        ([(b"origin", b"http://evil.test")], 403),
        ([(b"origin", b"null")], 403),
    ],
)
def test_a_socket_for_another_host_or_of_another_site_is_none(around, headers, status):
    [sent] = run(around().ask(CONNECT, kind="websocket", headers=headers))
    assert (sent[0]["type"], sent[0]["status"]) == ("websocket.http.response.start", status)


READABLE = [
    "1", "3", "6", "40", "40/_event,", '40/_event,{"a":1}', "41/_event,", '42/_event,["event",{"name":"x"}]', '42["x"]',
    '42/_event,7["x"]', "43/_event,7[]",
]  # fmt: skip
UNREADABLE = [
    None, "", "x", "2", "7", "4", "42", "42/_event,", "42/_event,{nope", "42/_event,[]", "42/_event,[1]", "45-[1]",
    "42/_event,{}", "40/_event,[1]", "40/_event,x", "3probe", "44/_event,{}", "42/_event,[" * 3000, "42" + "[" * 30_000,
]  # fmt: skip


@pytest.mark.parametrize("message", READABLE)
def test_what_a_page_may_send_can_be_read(message):
    assert judge(message) is Verdict.READABLE or message == "43/_event,7[]"


@pytest.mark.parametrize("message", UNREADABLE)
def test_what_no_page_sends_cannot_be_read(message):
    assert judge(message) is Verdict.UNREADABLE


# --- the log ---------------------------------------------------------------------------------------------


def test_each_library_has_so_many_lines_and_what_is_more_is_counted_and_said_once(monkeypatch, caplog):
    monkeypatch.setattr(logs, "figures", EdgeFigures())
    budget = logs.Budget(10)
    written = [budget.filter(logging.makeLogRecord({"name": "engineio.server", "msg": "x"})) for _ in range(5000)]
    assert (sum(written), logs.figures.lines_unwritten) == (10, 4990)
    # Others have lines of their own, and what broke in our own code is always written.
    assert budget.filter(logging.makeLogRecord({"name": "socketio", "msg": "x"}))
    ours = [logging.makeLogRecord({"name": "bank_app.ui", "msg": "x", "levelno": logging.ERROR}) for _ in range(20)]
    assert all(map(budget.filter, ours))
    budget.say()
    budget.say()
    assert [record.getMessage() for record in caplog.records] == ["engineio: 4990 more lines were not written"]


def test_a_traceback_costs_as_many_lines_as_it_has():
    budget = logs.Budget(100)
    record = {"name": "asyncio", "msg": "x", "exc_info": (ValueError, ValueError(), None)}
    assert sum(budget.filter(logging.makeLogRecord(record)) for _ in range(50)) == 5
