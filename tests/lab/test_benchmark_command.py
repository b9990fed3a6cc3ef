"""`./bank benchmark` from end to end, as small as it goes: that it works and checks the books, not how fast it is."""

import io
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from bank_app.lab import benchmark, pages

PROJECT = Path(__file__).resolve().parent.parent.parent


def command(*arguments, data):
    return subprocess.run(
        [sys.executable, "-m", "bank_app", "benchmark", *arguments, "--api-alone"],
        cwd=PROJECT, env={"PATH": "/usr/bin:/bin", "BANK_DATA": str(data)}, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--only", "raw,everything"], "There is no part everything"),
        (["--server", "/bin/true"], "is no MariaDB or MySQL"),
    ],
)
def test_what_cannot_be_measured_is_refused_in_one_sentence(arguments, said, tmp_path):
    answer = command(*arguments, data=tmp_path)
    assert answer.returncode == 1
    assert said in answer.stderr
    assert answer.stderr.count("\n") == 1


def test_a_run_measures_checks_the_books_and_writes_what_was_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr(benchmark, "ACCOUNTS", 100)
    figures, page = tmp_path / "figures.json", tmp_path / "page.md"
    page.write_text(f"{pages.BEGIN}\n{pages.END}\n", encoding="utf-8")
    said = Console(file=io.StringIO(), width=120)
    parts = ("raw", "ours", "reads")
    scope = benchmark.Scope(seconds=0.1, repeat=1, only=parts, quick=True, api_alone=True)
    status = benchmark.report(scope, command="./bank benchmark", console=said, json_file=figures, page=page)
    document = json.loads(figures.read_text(encoding="utf-8"))
    assert [check for check in document["checks"] if ": right (" not in check] == []
    by_wrk = {"by wrk"} if shutil.which("wrk") else set()
    checked = {check.partition(":")[0] for check in document["checks"]}
    assert checked == {"all loads together", "raw", "long histories", *by_wrk}
    assert (status, document["books_are_right"]) == (0, True)
    measured = {(point["system"], point["pattern"]) for point in document["medians"]}
    assert {("raw", "one connection"), ("ours", "hot"), ("ours", "deep page of 10,000")} <= measured
    assert all(point["others"] == {} for point in document["medians"])
    assert "64 clients / the raw limit" in page.read_text(encoding="utf-8")
    assert (tmp_path / "images" / "page.svg").exists()
