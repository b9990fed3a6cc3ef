"""What the bank is made of: the bill of materials, and what a database of advisories knows of it."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import ClassVar

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from rich.console import Console

from bank_app import materials, testbed
from bank_app.settings import PROJECT


def test_the_bill_follows_the_schema_and_names_every_package_of_both_locks():
    text = materials.bill()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    bill = json.loads(text)
    addresses = [component["purl"] for component in bill["components"]]
    assert len(set(addresses)) == len(addresses)
    locked = json.loads((PROJECT / "reflex.lock" / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    assert sum(address.startswith("pkg:npm/") for address in addresses) >= 0.9 * len(locked)
    assert {"pkg:pypi/fastapi", "pkg:pypi/reflex", "pkg:npm/react"} <= {one.rpartition("@")[0] for one in addresses}
    assert all(c["hashes"] for c in bill["components"] if c["purl"].startswith("pkg:npm/"))
    assert materials.bill() == text


class Database(BaseHTTPRequestHandler):
    """Speaks OSV: something is known of every package whose name is in `known`."""

    known: ClassVar = {}
    asked: ClassVar = []

    def do_POST(self):
        question = json.loads(self.rfile.read(int(self.headers["content-length"])))
        type(self).asked = [query["package"]["purl"] for query in question["queries"]]
        results = [
            {"vulns": [{"id": name}]} if (name := self.known.get(purl.rpartition("@")[0])) else {}
            for purl in self.asked
        ]  # fmt: skip
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"results": results}).encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def database(monkeypatch):
    """A database of advisories."""
    with HTTPServer(("127.0.0.1", 0), Database) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv(materials.ADVISORIES, f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setattr(testbed, "CHECKS", ())
        yield Database
        server.shutdown()


def checked():
    console = Console(record=True, width=300)
    return testbed.run_checks(console=console), console.export_text()


def test_a_check_fails_on_what_is_known_and_says_what(database, monkeypatch):
    monkeypatch.setattr(database, "known", {})
    assert checked()[0] == 0
    assert len(database.asked) == len(materials.packages())
    monkeypatch.setattr(database, "known", {"pkg:npm/react": "GHSA-aaaa", "pkg:pypi/fastapi": "PYSEC-1"})
    status, said = checked()
    assert status == 1
    assert "fastapi" in said
    assert "GHSA-aaaa" in said
    monkeypatch.setattr(materials, "_accepted", lambda _: ["GHSA-aaaa", "PYSEC-1"])
    assert checked()[0] == 0


@pytest.mark.parametrize("where", ["http://127.0.0.1:9", "off"])
def test_a_check_without_a_database_says_so_and_goes_on(database, monkeypatch, where):
    monkeypatch.setenv(materials.ADVISORIES, where)
    status, said = checked()
    assert (status, "were not looked up" in said) == (0, True)


def test_an_answer_that_is_none_is_not_taken_for_one(database, monkeypatch):
    monkeypatch.setattr(materials, "packages", lambda *_: [])
    monkeypatch.setattr(Database, "do_POST", lambda self: (self.send_response(200), self.end_headers()))
    status, said = checked()
    assert (status, "were not looked up" in said) == (0, True)
