"""What is as long as the books is sent as it is read: the same bytes, of one moment, without an end if it breaks."""

import asyncio
from contextlib import suppress
from types import SimpleNamespace

import pytest
from sqlalchemy.pool import QueuePool

from bank_app import database, errors
from bank_app.api.app import create_api
from bank_app.services import auth, history, statements, work

PAGE = 4
ALWAYS = "from=2000-01-01T00:00:00Z&to=2100-01-01T00:00:00Z"


@pytest.fixture
def books(another):
    """The same books by a worker that counts what is asked."""
    return another(rate_limits=True)


@pytest.fixture
def long(counter, ada):
    """The statement of an account of eleven entries."""
    account = counter.open(ada, "100.00")
    for cents in range(1, 11):
        counter.withdraw(ada, account, f"0.{cents:02}", description=f'Nr. {cents}, "=1+1"')
    return account


@pytest.fixture
def short_pages(monkeypatch):
    """A page of it has four."""
    monkeypatch.setattr(statements, "PAGE_OF_FILES", PAGE)


def statement_of(account, form="json"):
    return f"/api/v1/accounts/{account.number}/statement?{ALWAYS}&format={form}"


class Reader:
    """Somebody with a token who takes an answer piece by piece; `taking` is what he does with each."""

    def __init__(self, db, actor, password="lantern-orchard-48-violin"):
        email = f"{actor.name.split()[0].lower()}@bank.test"
        self.app = create_api(db, db.settings)
        self.token = auth.issue_tokens(db, email=email, password=password, address="192.0.2.1").access_token
        self.status, self.headers, self.pieces, self.ended = 0, {}, [], False
        self.leaves = asyncio.Event()

    @property
    def body(self):
        return b"".join(self.pieces)

    async def ask(self, path, *, method="GET", taking=None):
        path, _, query = path.partition("?")
        headers = [(b"authorization", f"Bearer {self.token}".encode())]
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
            "path": path, "raw_path": path.encode(), "query_string": query.encode(), "root_path": "",
            "headers": headers, "client": ("192.0.2.1", 1), "server": ("bank.test", 80),
        }  # fmt: skip
        sent = iter([{"type": "http.request", "body": b"", "more_body": False}])

        async def receive():
            for message in sent:
                return message
            await self.leaves.wait()
            return {"type": "http.disconnect"}

        async def send(message):
            if message["type"] == "http.response.start":
                self.status = message["status"]
                self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
                return
            if taking and message["body"]:
                await taking()
            self.pieces.append(message["body"])
            self.ended = not message.get("more_body", False)

        await self.app(scope, receive, send)
        return self


def read(db, actor, path, **how):
    return asyncio.run(Reader(db, actor).ask(path, **how))


def large(db):
    found = work.of(db).figures
    return found.running, found.finished, found.broken


@pytest.mark.parametrize("form", ["json", "csv"])
def test_a_long_answer_has_the_bytes_of_a_short_one(books, ada, long, monkeypatch, form):
    whole = read(books, ada, statement_of(long, form))
    assert whole.headers["content-length"] == str(len(whole.body))
    assert large(books) == (0, 0, 0)
    monkeypatch.setattr(statements, "PAGE_OF_FILES", PAGE)
    pieces = read(books, ada, statement_of(long, form))
    assert len([piece for piece in pieces.pieces if piece]) >= 3
    assert (pieces.status, pieces.ended, pieces.body) == (200, True, whole.body)
    assert "content-length" not in pieces.headers
    assert {**pieces.headers, "content-length": "", "x-request-id": "", "ratelimit-remaining": ""} == {
        **whole.headers, "content-length": "", "x-request-id": "", "ratelimit-remaining": "",
    }  # fmt: skip
    assert large(books) == (0, 1, 0)


@pytest.mark.usefixtures("short_pages")
def test_what_is_posted_while_it_is_read_is_not_in_it(books, counter, ada, long):
    before = read(books, ada, statement_of(long)).body

    async def pay():
        await asyncio.to_thread(counter.withdraw, ada, long, "1.00")

    assert read(books, ada, statement_of(long), taking=pay).body.split(b'"items"')[1] == before.split(b'"items"')[1]


@pytest.mark.usefixtures("short_pages", "sqlite_db")
@pytest.mark.parametrize("error", [errors.DatabaseUnavailable(), errors.BooksBroken("a row is gone")])
def test_one_that_breaks_has_no_end_and_makes_room(books, ada, long, monkeypatch, error):
    entries_in, asked = history.entries_in, []

    def breaks(*args, **named):
        asked.append(named["cursor"])
        if len(asked) == 3:
            raise error
        return entries_in(*args, **named)

    monkeypatch.setattr(history, "entries_in", breaks)
    reader = Reader(books, ada)
    with suppress(errors.BooksBroken):  # The server cuts the connection of an answer that raises.
        asyncio.run(reader.ask(statement_of(long)))
    assert (reader.status, reader.ended, reader.body.count(b'"sequence"')) == (200, False, 2 * PAGE)
    assert large(books) == (0, 0, 1)
    assert read(books, ada, statement_of(long)).ended


@pytest.mark.usefixtures("short_pages", "sqlite_db")
def test_a_reader_who_takes_nothing_holds_no_connection_and_is_cut_off(another, ada, long):
    books, held = another(send_timeout=0.05), []

    async def takes_nothing():
        held.append(books.reading.pool.checkedout() if isinstance(books.reading.pool, QueuePool) else 0)
        await asyncio.Event().wait()

    found = read(books, ada, statement_of(long), taking=takes_nothing)
    assert (found.status, found.ended, held) == (200, False, [0])
    assert large(books) == (0, 0, 1)


@pytest.mark.usefixtures("short_pages", "sqlite_db")
def test_nothing_more_is_read_for_a_reader_who_left(books, ada, long):
    reader = Reader(books, ada)

    async def leaves():
        reader.leaves.set()

    asyncio.run(reader.ask(statement_of(long), taking=leaves))
    assert (reader.ended, len(reader.pieces)) == (False, 1)
    assert large(books) == (0, 0, 1)


@pytest.mark.usefixtures("short_pages", "sqlite_db")
def test_of_head_one_page_is_read(books, ada, long):
    found = read(books, ada, statement_of(long), method="HEAD")
    assert (found.status, found.ended, found.body) == (200, True, b"")
    assert work.of(books).figures.units == work.FILE + PAGE


@pytest.mark.usefixtures("short_pages", "sqlite_db")
def test_a_second_large_one_waits_and_neither_short_ones_nor_others_do(books, counter, ada, ben, long):
    short, his = counter.open(ada, "5.00"), counter.open(ben, "100.00")
    for cents in range(1, 6):
        counter.withdraw(ben, his, f"0.{cents:02}")
    beside = []

    async def meanwhile():
        if not beside:
            for actor, account in ((ada, long), (ada, short), (ben, his)):
                beside.append(await (await asyncio.to_thread(Reader, books, actor)).ask(statement_of(account)))

    assert read(books, ada, statement_of(long), taking=meanwhile).ended
    second, of_one_page, of_another = beside
    assert (second.status, second.headers["retry-after"]) == (429, "5")
    assert b'"code":"large_work_running"' in second.body
    assert (of_one_page.status, of_another.status, of_another.ended) == (200, 200, True)


@pytest.mark.usefixtures("sqlite_db")
def test_who_has_used_up_his_share_searches_no_more_and_pays_as_always(books, counter, ada, ben, long):
    his = counter.open(ben)
    work.of(books).charge(ada.user_id, 2 * books.settings.work_limit)
    account = f"/api/v1/accounts/{long.number}"
    for path in (statement_of(long), f"{account}/history?q=rent", "/api/v1/transactions?type=deposit"):
        refused = read(books, ada, path)
        assert (refused.status, b'"code":"too_much_work"' in refused.body) == (429, True), path
        assert 0 < int(refused.headers["retry-after"]) <= 61
    for path in (account, f"{account}/history?limit=200", f"{account}/balance", "/api/v1/transactions"):
        assert read(books, ada, path).status == 200, path
    assert read(books, ben, f"/api/v1/accounts/{his.number}/history?q=rent").status == 200


@pytest.mark.usefixtures("sqlite_db")
def test_a_search_costs_the_time_that_it_takes(books, ada, long, monkeypatch):
    ticks = iter(range(0, 1_000, 3))
    monkeypatch.setattr(database, "time", SimpleNamespace(perf_counter=lambda: next(ticks)))
    read(books, ada, f"/api/v1/accounts/{long.number}/history?q=nothing")
    assert work.of(books).figures.units == 27_500
