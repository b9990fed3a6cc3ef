"""Builds the browser side when its inputs changed, into releases that a running server can keep while others are made.

Three folders in BANK_DATA: `web` is where Reflex and npm work, `build/<hash>` is a finished release of inputs with that
hash, `build.log` holds what the tools said last. A release has the shape of Reflex's own working folder, so serving it
is a matter of pointing REFLEX_WEB_WORKDIR at it.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from reflex_base.plugins.base import Plugin

from bank_app.settings import PROJECT, Settings

RELEASES_KEPT = 2
LAST_LINES = 12
# What cannot change a page. Everything else under bank_app is an input of the build.
NOT_INPUTS = (
    "api",
    "__main__.py",
    "cli.py",
    "data_folder.py",
    "demo.py",
    "edge",
    "lab",
    "lifeline.py",
    "logs.py",
    "materials.py",
    "private_mysql.py",
    "server.py",
    "start.py",
    "testbed.py",
)
LOCK = "reflex.lock"
# What the tools look for in the folder that they work in.
STAGED = ("rxconfig.py", "bank_app", "assets")
Progress = Callable[[str], None]


class BuildFailed(Exception):
    """The front end could not be built; the message is for the person at the terminal."""


class SameOriginEndpoints(Plugin):
    """Lets one build run on any host and port: the addresses baked into it become those of the page itself."""

    def post_build(self, **context: Any) -> None:
        """Rewrites the one chunk that holds the addresses."""
        (chunk,) = Path(context["static_dir"]).glob("assets/reflex-env-*.js")
        text = chunk.read_text(encoding="utf-8")
        for scheme, origin in (("ws", 'location.origin.replace(/^http/,"ws")'), ("http", "location.origin")):
            text = re.sub(rf"[`\"']{scheme}s?://[^/`\"']+(/[^`\"']*)[`\"']", rf'{origin}+"\1"', text)
        chunk.write_text(text, encoding="utf-8")


def static_folder() -> Path:
    """The pages, scripts and styles that this process serves; before the first build, a folder that is not there."""
    return Path(os.environ.get("REFLEX_WEB_WORKDIR") or PROJECT / ".web").resolve() / "build" / "client"


def serving_environment(release: Path) -> dict[str, str]:
    """The variables that make Reflex serve a finished release instead of compiling, in this process and its workers."""
    return {
        **_quiet_environment(),
        "REFLEX_WEB_WORKDIR": str(release),
        "REFLEX_ENV_MODE": "prod",
        # Two internal switches; reflex is pinned because of them.
        "__REFLEX_SKIP_COMPILE": "true",
        "__REFLEX_MOUNT_FRONTEND_COMPILED_APP": "true",
    }


def find_release(settings: Settings) -> Path | None:
    """The finished release of the present inputs, if there is one.

    A front end does not depend on data, so one that was built for the default folder serves any other.
    """
    name = _fingerprint(_source_digest(settings))
    for data in (settings.data, PROJECT / ".bank"):
        release = data / "build" / name
        if (release / "build" / "client" / "index.html").is_file():
            return release
    return None


def ensure_built(settings: Settings, progress: Progress) -> Path:
    """The release of the present inputs, built if need be.

    Raises:
        BuildFailed: with the last lines of what the tools said and where the rest is.
    """
    release = find_release(settings)
    if release is None:
        with _one_at_a_time(settings.data / "build"):
            # Another start may have built it while this one waited.
            release = find_release(settings) or _build(settings, progress)
    _keep_newest(release)
    return release


def _build(settings: Settings, progress: Progress) -> Path:
    work, log = settings.data / "web", settings.data / "build.log"
    # Sources before, because somebody may edit them meanwhile; the lock after, because a build completes it.
    sources, stage = _source_digest(settings), _stage(settings.data / "stage")
    command = [sys.executable, "-m", "reflex", "export", "--frontend-only", "--no-zip"]
    with log.open("w", encoding="utf-8") as out:
        process = subprocess.Popen(
            command,
            cwd=stage,
            env=_build_environment(settings, work),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )
        try:
            _follow(process, work, log, progress)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
    if process.returncode or not (work / "build" / "client" / "index.html").is_file():
        raise BuildFailed(_explain(log))
    _adopt_lock(stage / LOCK)
    shutil.rmtree(work / "npm-cache", ignore_errors=True)
    progress("Putting the pages in place")
    return _release(work, settings.data / "build" / _fingerprint(sources))


def _follow(process: subprocess.Popen[bytes], work: Path, log: Path, progress: Progress) -> None:
    """Says which step is under way, from the traces that each of them leaves."""
    began, said = time.time(), ""
    bundle = work / "build"
    while process.poll() is None:
        if bundle.exists() and bundle.stat().st_mtime >= began:
            step = "Bundling for the browser"
        elif "Compiling:" not in log.read_text(encoding="utf-8", errors="replace"):
            step = "Compiling the pages"
        elif not (work / "node_modules" / ".package-lock.json").exists():
            step = "Fetching browser packages (first time only)"
        else:
            step = "Bundling for the browser"
        if step != said:
            progress(step)
            said = step
        time.sleep(0.1)


def _explain(log: Path) -> str:
    text = log.read_text(encoding="utf-8", errors="replace")
    if "ENOSPC" in text or "No space left" in text:
        return f"The disk is full, so the front end could not be built: make room in {log.parent} and try again."
    if re.search(r"ENOTFOUND|ETIMEDOUT|ECONNREFUSED|ECONNRESET|EAI_AGAIN|ERR_SOCKET_TIMEOUT", text):
        return (
            "The npm registry cannot be reached, so the front end could not be built: check the network "
            "(or set NPM_CONFIG_REGISTRY, or HTTPS_PROXY) and try again."
        )
    last = "\n".join("  " + line for line in text.strip().splitlines()[-LAST_LINES:])
    return f"The front end could not be built. The last lines of {log}:\n{last}"


def _release(work: Path, target: Path) -> Path:
    """Copies a finished build beside the others and switches to it by one rename."""
    fresh = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    shutil.copytree(work / "build" / "client", fresh / "build" / "client")
    shutil.copytree(work / "backend", fresh / "backend")
    shutil.copy2(work / "routes.json", fresh / "routes.json")
    shutil.rmtree(target, ignore_errors=True)
    fresh.rename(target)
    return target


def _keep_newest(release: Path) -> None:
    """Drops releases that neither this start nor the one before it uses."""
    try:
        os.utime(release)
        others = sorted(
            (path for path in release.parent.iterdir() if path.is_dir()), key=lambda path: path.stat().st_mtime
        )
    except OSError:
        # Built by somebody else, as in an image: theirs to tidy.
        return
    for old in others[:-RELEASES_KEPT]:
        shutil.rmtree(old, ignore_errors=True)


def _source_digest(settings: Settings) -> str:
    package = PROJECT / "bank_app"
    sources = [path for path in package.rglob("*.py") if path.relative_to(package).parts[0] not in NOT_INPUTS]
    assets = [path for path in (PROJECT / "assets").rglob("*") if path.is_file() and "external" not in path.parts]
    # The bank's name is part of the pages, and another Python may compile them otherwise.
    digest = hashlib.sha256(f"{settings.name}\0{sys.version_info[:2]}\0".encode())
    for path in sorted([PROJECT / "rxconfig.py", *sources, *assets]):
        digest.update(path.relative_to(PROJECT).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _read_lock() -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in sorted((PROJECT / LOCK).glob("*.json"))}


def _stage(folder: Path) -> Path:
    """Where the tools work: the sources as links, and a lock of their own.

    They write the lock again in every build, in another order of keys on some machines. However a build ends, also by
    `kill -9`, it has changed no file that is kept.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in STAGED:
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(PROJECT / name)
    shutil.rmtree(folder / LOCK, ignore_errors=True)
    if (PROJECT / LOCK).is_dir():
        shutil.copytree(PROJECT / LOCK, folder / LOCK)
    return folder


def _adopt_lock(written: Path) -> None:
    """Takes over what a build wrote into its lock where it says something new, which only a new package does."""
    for path in sorted(written.glob("*.json")):
        kept = PROJECT / LOCK / path.name
        if not kept.exists() or json.loads(kept.read_bytes()) != json.loads(path.read_bytes()):
            kept.parent.mkdir(exist_ok=True)
            kept.write_bytes(path.read_bytes())


def _fingerprint(sources: str) -> str:
    digest = hashlib.sha256(sources.encode())
    for path, content in _read_lock().items():
        digest.update(path.name.encode() + b"\0" + content)
    return digest.hexdigest()[:16]


def _quiet_environment() -> dict[str, str]:
    return {
        "REFLEX_TELEMETRY_ENABLED": "false",
        "REFLEX_CHECK_LATEST_VERSION": "false",
        "REFLEX_USE_NPM": "1",
        "REFLEX_USE_GRANIAN": "1",
    }


def _build_environment(settings: Settings, work: Path) -> dict[str, str]:
    """What the tools see: no setting of this bank but its name, no other Node, nothing written outside of BANK_DATA."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("BANK_", "DATABASE_URL", "REFLEX_", "__REFLEX_"))
    }
    # The wheel's own `node` and `npm` are console scripts beside our Python.
    path = os.pathsep.join([sysconfig.get_path("scripts"), inherited.get("PATH", os.defpath)])
    environment = {
        **inherited,
        **_quiet_environment(),
        "PATH": path,
        "PYTHONPATH": os.pathsep.join(filter(None, [str(PROJECT), inherited.get("PYTHONPATH")])),
        # Or what the tools say would be folded to the width of this terminal.
        "COLUMNS": "160",
        "BANK_NAME": settings.name,
        "BANK_DATA": str(settings.data),
        "REFLEX_WEB_WORKDIR": str(work),
        "REFLEX_DIR": str(settings.data / "reflex"),
        "npm_config_cache": str(work / "npm-cache"),
        "npm_config_audit": "false",
        "npm_config_fund": "false",
        "npm_config_update_notifier": "false",
        # Reflex asks for none, and then one hiccup of the network is the end of a build.
        "npm_config_fetch_retries": "4",
        # Which registry served a package is no business of the lock that we commit.
        "npm_config_omit_lockfile_registry_resolved": "true",
    }
    if "NPM_CONFIG_REGISTRY" not in environment and (registry := _registry(environment)):
        # Otherwise Reflex measures two public registries and takes the faster, whatever this machine is set up for.
        environment["NPM_CONFIG_REGISTRY"] = registry
    return environment


def _registry(environment: dict[str, str]) -> str:
    answer = subprocess.run(
        ["npm", "config", "get", "registry"], cwd=PROJECT, env=environment, capture_output=True, text=True, check=False
    )
    return answer.stdout.strip()


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
