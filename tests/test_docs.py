"""Documents that can rot are run, or held against the code."""

import doctest
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from bank_app import cli, errors
from bank_app.lab.simulation.catalogue import STRATEGIES
from bank_app.lab.simulation.experiments import EXPERIMENTS
from bank_app.settings import UNPREFIXED, Settings

PROJECT = Path(__file__).resolve().parent.parent
DOCS = PROJECT / "docs"


def words_of(page):
    return (DOCS / page).read_text(encoding="utf-8")


def setting_names():
    return {UNPREFIXED.get(field, f"BANK_{field.upper()}") for field in Settings.model_fields}


def test_every_setting_is_documented_and_none_that_does_not_exist():
    documented = set(re.findall(r"^\| `([A-Z_]+)` \|", words_of("self-hosting.md"), re.MULTILINE))
    assert documented == setting_names()


def test_every_setting_has_a_help_text():
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_every_error_code_is_explained_and_none_that_does_not_exist():
    explained = set(re.findall(r"^\| `([a-z_]+)` \|", words_of("api.md"), re.MULTILINE))
    assert {leaf.code for leaf in errors.leaves()} <= explained


def test_every_command_is_documented():
    listing = subprocess.run(
        [sys.executable, "-m", "bank_app", "--help"], cwd=PROJECT, capture_output=True, text=True, check=True
    ).stdout
    commands = set(
        re.findall(
            r"^\W*│?\s+(run|serve|migrate|user|verify|test|check|[a-z][a-z-]{2,})\s{2,}\S", listing, re.MULTILINE
        )
    )
    assert {"run", "serve", "verify"} <= commands
    documented = set(re.findall(r"^\| `\./bank ([a-z-]+)", words_of("self-hosting.md"), re.MULTILINE))
    assert commands == documented


@pytest.mark.parametrize("page", ["../README.md", "self-hosting.md", "lab.md"])
def test_every_bank_command_in_the_papers_exists(page):
    known = set(typer.main.get_command(cli.app).commands)
    used = set(re.findall(r"\./bank (?!\*)([a-z-]+)", words_of(page)))
    assert used
    assert used <= known


def test_every_run_of_the_laboratory_page_can_be_typed():
    command = typer.main.get_command(cli.app).commands["simulate"]
    lines = re.findall(r"^\./bank simulate (.+?)(?: +#.*)?$", words_of("lab.md"), re.MULTILINE)
    assert len(lines) > len(EXPERIMENTS)
    for line in lines:
        given = command.make_context("simulate", shlex.split(line)).params
        names = (given["compare"] or given["strategy"]).split(",")
        assert set(names) <= set(STRATEGIES), line


def test_every_question_and_every_strategy_of_the_laboratory_is_explained():
    text = words_of("lab.md")
    assert set(re.findall(r"^## \d\. (.+)$", text, re.MULTILINE)) == {one.question for one in EXPERIMENTS}
    assert re.findall(r"^\| (S\d) \| [^|]+ \| [A-Z ]+ \|", text, re.MULTILINE) == list(STRATEGIES)


def test_links_between_papers_lead_somewhere():
    targets = [
        (page, target)
        for page in [PROJECT / "README.md", PROJECT / "SECURITY.md", *DOCS.rglob("*.md")]
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", page.read_text(encoding="utf-8"))
    ]
    assert targets
    assert [(page.name, target) for page, target in targets if not (page.parent / target).exists()] == []


def test_the_promises_of_the_readme_name_tests_that_exist():
    text = (PROJECT / "README.md").read_text(encoding="utf-8")
    promised = re.findall(r"\]\((tests/[\w/]+\.py)\)[^\n]*?`(test_\w+)`", text)
    assert len(promised) >= 6
    for file, name in promised:
        assert f"def {name}(" in (PROJECT / file).read_text(encoding="utf-8"), f"{file} has no {name}"


def test_the_examples_of_the_ledger_page_run(sqlite_db, settings):
    """The first fenced block sets the scene; the prompts after it are doctests in the same scene."""
    text = words_of("ledger.md")
    scene, *examples = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    names = {"settings": settings}
    exec(compile(scene, "docs/ledger.md", "exec"), names)
    session = doctest.DocTestParser().get_doctest("\n".join(examples), names, "ledger.md", "docs/ledger.md", 0)
    result = doctest.DocTestRunner().run(session, clear_globs=False)
    names["bank"].dispose()
    assert (result.failed, result.attempted > 10) == (0, True)
    # The page's own bank is the database that the fixture checks after this test.
    assert sqlite_db.schema_is_current()


# The requirements of OWASP ASVS 5.0.0 at levels 1 and 2: how many each section has, where not all numbers, which.
REQUIREMENTS = """
1.1 2|1.2 9|1.3 11|1.4 3|1.5 2|2.1 3|2.2 3|2.3 4|2.4 1|3.2 2|3.3 4|3.4 6|3.5 5|3.7 2|4.1 3|4.2 1|4.3 2|4.4 4|5.1 1|5.2 3
5.3 2|5.4 3|6.1 3|6.2 12|6.3 4|6.4 4|6.5 5|6.6 3|6.8 4|7.1 3|7.2 4|7.3 2|7.4 5|7.5 2|7.6 2|8.1 2|8.2 3|8.3 1|8.4 1|9.1 3
9.2 4|10.1 2|10.2 2|10.3 4|10.4 11|10.5 5|10.6 2|10.7 3|11.1 2|11.2 3|11.3 3|11.4 4|11.5 1|11.6 1|12.1 3|12.2 2|12.3 4
13.1 1|13.2 5|13.3 2|13.4 5|14.1 2|14.2 4|14.3 3|15.1 3|15.2 3|15.3 7|16.1 1|16.2 5|16.3 4|16.4 3|16.5 3
17.1 1|17.2 4|17.3 2
"""


def test_every_requirement_of_the_standard_has_a_row_with_a_test_that_exists_or_a_reason():
    rows = re.findall(r"^\| ([\d.]+) \| ([12]) \| ([^|]*) \| ([^|]*) \|$", words_of("asvs.md"), re.MULTILINE)
    sections = [one.split() for one in REQUIREMENTS.replace("\n", "|").strip("|").split("|")]
    wanted = [f"{section}.{number}" for section, count in sections for number in range(1, int(count) + 1)]
    assert [number for number, *_ in rows] == wanted
    for number, _, words, held in rows:
        assert words.strip(), number
        assert len(held.strip()) > 10, number
        for file, name in re.findall(r"`(tests/[\w/]+\.py)`(?: `(\w+)`)?", held):
            text = (PROJECT / file).read_text(encoding="utf-8")
            assert f"def {name or 'test_'}" in text, f"{number}: {file} has no {name}"
        for file in re.findall(r"(?<!`)((?:docs|tests|bank_app)/[\w/.-]+\w)", held):
            assert (PROJECT / file).exists(), f"{number}: there is no {file}"
