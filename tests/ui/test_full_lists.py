"""What a page shows is kept by the bank for each open tab, so a page holds only so many lines."""

import ast
import json
from pathlib import Path

from bank_app.api.app import create_api
from bank_app.services import history, statements, work
from bank_app.ui import behind, notices
from bank_app.ui.behind import BehindState
from bank_app.ui.pages.account_ledger import LedgerState
from tests.handlers import name_of

PAGES = Path(notices.__file__).parent / "pages"
BEHIND = name_of(BehindState)
LEDGER = name_of(LedgerState)


def handlers():
    """The handlers that put more lines below those that a page shows."""
    for path in sorted(PAGES.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.AsyncFunctionDef) and node.name in ("load_more", "more_declined"):
                yield path.stem, node


def test_whatever_puts_more_lines_on_a_page_asks_whether_it_is_full():
    found = {(name, node.name): "is_full(self, " in ast.unparse(node) for name, node in handlers()}
    assert len(found) >= 10
    assert [where for where, asks in found.items() if not asks] == []


def test_a_full_page_says_so_and_keeps_what_it_shows(client, counter, ada, cookie_of, monkeypatch):
    account = counter.open(ada, "100.00")
    for _ in range(60):
        counter.withdraw(ada, account, "0.01")
    cookie, path = cookie_of(ada), f"/accounts/{account.number}"

    def press(name):
        return client.send(f"{LEDGER}.{name}", cookie=cookie, path=path)

    monkeypatch.setattr(notices, "MOST_SHOWN", 50)
    assert shown(press("open")) == 25
    assert shown(press("load_more")) == 50
    full = press("load_more")
    assert "days" not in full.vars
    assert "This page holds 50 lines." in full.vars["text"]


def shown(answer):
    return sum(len(day.rows) for day in answer.vars["days"])


def test_the_drawer_behind_a_page_reads_the_beginning_of_a_long_answer(
    client, bank, counter, ada, cookie_of, monkeypatch
):
    account = counter.open(ada, "100.00")
    for _ in range(40):
        counter.withdraw(ada, account, "0.01")
    monkeypatch.setattr(behind, "_connected", [create_api(bank.db, bank.settings)])
    monkeypatch.setattr(behind, "_MOST_READ", 4_000)
    monkeypatch.setattr(statements, "PAGE_OF_FILES", 10)
    read = []
    entries_in = history.entries_in

    def counted(*args, **named):
        read.append(named.get("cursor"))
        return entries_in(*args, **named)

    monkeypatch.setattr(history, "entries_in", counted)
    cookie = cookie_of(ada)
    [shown] = client.send(f"{BEHIND}.open", cookie=cookie, path=f"/statements/{account.number}").vars["requests"][:1]
    assert shown.status == "200 OK"
    items = json.loads(shown.answer)["items"]
    assert 0 < len(items) < 41
    assert len({*read}) < 5
    assert work.of(bank.db).figures.running == 0
