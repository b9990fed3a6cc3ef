"""What the bank is made of, from its locks: the bill of materials, and what is known to be wrong with any of it."""

from __future__ import annotations

import base64
import json
import os
import re
import tomllib
import urllib.request
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bank_app.settings import PROJECT

ADVISORIES = "BANK_ADVISORIES"
# A database of advisories of all ecosystems, and the seconds that it is waited for.
_DATABASE, _PATIENCE = "https://api.osv.dev", 10
_FORMAT = "1.6"
_PINNED = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(?:\[[^\]]*\])?==(?P<version>[^\s;\\]+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Package:
    """One package in one version. Those that only build the pages are not `served`."""

    ecosystem: str
    name: str
    version: str
    served: bool = True
    licence: str = ""
    sha512: str = ""

    @property
    def address(self) -> str:
        """Its package URL, by which every tool knows it."""
        kind = {"PyPI": "pypi", "npm": "npm"}[self.ecosystem]
        name = re.sub(r"[-_.]+", "-", self.name).lower() if kind == "pypi" else quote(self.name, safe="/")
        return f"pkg:{kind}/{name}@{quote(self.version, safe='')}"


def packages(project: Path = PROJECT) -> list[Package]:
    """Every package that the locks name, in their order."""
    return [*_of_python(project / "requirements.txt"), *_of_the_pages(project / "reflex.lock" / "package-lock.json")]


def _of_python(lock: Path) -> Iterator[Package]:
    for found in _PINNED.finditer(lock.read_text(encoding="utf-8")):
        yield Package("PyPI", found["name"], found["version"])


def _of_the_pages(lock: Path) -> Iterator[Package]:
    kept: Mapping[str, Mapping[str, Any]] = json.loads(lock.read_text(encoding="utf-8"))["packages"]
    for place, entry in sorted(kept.items()):
        if place and not entry.get("link"):
            name = str(entry.get("name") or place.rpartition("node_modules/")[2])
            algorithm, _, digest = str(entry.get("integrity", "")).partition("-")
            sha512 = base64.b64decode(digest).hex() if algorithm == "sha512" else ""
            yield Package(
                "npm", name, str(entry["version"]), not entry.get("dev"), str(entry.get("license", "")), sha512
            )


# --- the bill ------------------------------------------------------------------------------------------------


def bill(project: Path = PROJECT) -> str:
    """The bill of materials in CycloneDX, as JSON. The same locks make the same text."""
    about = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found = {package.address: package for package in packages(project)}
    bank = f"pkg:generic/{about['name']}@{about['version']}"
    content = {
        "bomFormat": "CycloneDX",
        "specVersion": _FORMAT,
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, ' '.join([bank, *found]))}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application", "bom-ref": bank, "name": about["name"], "version": about["version"],
                "licenses": [{"license": {"id": about["license"]}}],
            }
        },
        "components": [_component(package) for package in found.values()],
        "dependencies": [{"ref": bank, "dependsOn": list(found)}],
    }  # fmt: skip
    return json.dumps(content, indent=2) + "\n"


def _component(package: Package) -> dict[str, Any]:
    more: dict[str, Any] = {}
    if package.licence:
        more["licenses"] = [{"expression": package.licence}]
    if package.sha512:
        more["hashes"] = [{"alg": "SHA-512", "content": package.sha512}]
    return {
        "type": "library", "bom-ref": package.address, "name": package.name, "version": package.version,
        "purl": package.address, "scope": "required" if package.served else "excluded", **more,
    }  # fmt: skip


# --- what is known of it -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Advisories:
    """Which packages something is known of, an entry each, or why nobody could be asked."""

    known: tuple[str, ...] = ()
    unreachable: str = ""


def advisories(project: Path = PROJECT) -> Advisories:
    """Asks a database of advisories about everything in the locks, in one question.

    BANK_ADVISORIES names another one that speaks OSV, or is `off`. What pyproject.toml accepts, with a reason, is left
    out.
    """
    where = os.environ.get(ADVISORIES, "") or _DATABASE
    if where == "off":
        return Advisories(unreachable=f"{ADVISORIES} is off")
    asked = packages(project)
    question = {"queries": [{"package": {"purl": package.address}} for package in asked]}
    request = urllib.request.Request(  # noqa: S310 - an address of ours, or of whoever runs the check
        f"{where}/v1/querybatch", json.dumps(question).encode(), {"content-type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=_PATIENCE) as answer:  # noqa: S310 - the same
            results = json.load(answer)["results"]
        told = [[str(each["id"]) for each in result.get("vulns", ())] for result in results]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return Advisories(unreachable=f"{where} did not answer ({error})")
    if len(told) != len(asked):
        return Advisories(unreachable=f"{where} answered something else")
    accepted = _accepted(project)
    return Advisories(
        tuple(
            f"{package.name} {package.version}: {', '.join(left)}"
            for package, names in zip(asked, told, strict=True)
            if (left := [name for name in names if name not in accepted])
        )
    )


def _accepted(project: Path) -> Sequence[str]:
    tool = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8")).get("tool", {})
    return list(tool.get("bank", {}).get("accepted-advisories", {}))
