"""The same load by wrk, a well-known generator, where the machine has it: ours should not be what limits the bank.

Both sides of a comparison are loaded by it. It keeps no journal; how many of its transfers were acknowledged is
compared with how many the books have.
"""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bank_app.lab.client import Address
from bank_app.lab.workload import Account

# Its own report names no p95 and no bytes of a refusal; times are microseconds.
_REPORT = """
done = function(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"answered": %d, "refused": %d, "lost": %d, "duration": %d, "p50": %d, "p95": %d, "p99": %d}\\n',
    summary.requests, errors.status, errors.connect + errors.read + errors.write + errors.timeout, summary.duration,
    latency:percentile(50), latency:percentile(95), latency:percentile(99)))
end
"""
# A request from one account of its owner to any account, each with a key that was never used.
_TRANSFERS = """
local tokens = {%(tokens)s}
local owned = {%(owned)s}
local all = {%(all)s}
local number = 0
math.randomseed(1)
request = function()
  number = number + 1
  local person = math.random(#tokens)
  local from = owned[person][math.random(#owned[person])]
  local to = all[math.random(#all)]
  while to == from do to = all[math.random(#all)] end
  local body = string.format('{"from_account_id": "%%s", "to_account_id": "%%s", "amount": "0.%%02d"}',
    from, to, math.random(99))
  return wrk.format("POST", "/api/v1/transactions/transfer", {
    ["Authorization"] = "Bearer " .. tokens[person], ["Content-Type"] = "application/json",
    ["Idempotency-Key"] = "%(keys)s%(seed)s-" .. number }, body)
end
"""
_NAIVE_TRANSFERS = """
math.randomseed(1)
request = function()
  local from, to = math.random(%(accounts)d), math.random(%(accounts)d)
  while to == from do to = math.random(%(accounts)d) end
  local body = string.format(
    '{"from_account_id": %%d, "to_account_id": %%d, "amount": %%d, "description": "naive"}', from, to, math.random(99))
  return wrk.format("POST", "/transfer", { ["Content-Type"] = "application/json" }, body)
end
"""
# Its keys begin with the first and sort before the second.
KEYS, AFTER_KEYS = "wrk-", "wrk."


@dataclass(frozen=True, slots=True)
class Answers:
    """What it measured: good answers, others by what they were, milliseconds, and its own processor time in seconds."""

    good: int
    others: Mapping[str, int]
    per_second: float
    p50: float
    p95: float
    p99: float
    used: float


@dataclass(frozen=True, slots=True)
class Wrk:
    """The program, and a folder for its scripts."""

    program: str
    folder: Path

    def anything(self, address: Address, *, clients: int, seconds: int) -> Answers:
        """Loads an application that answers everything."""
        return self._run("", address, clients, seconds)

    def naive(self, address: Address, *, accounts: int, clients: int, seconds: int) -> Answers:
        """Loads the naive way: from any of its accounts to any other."""
        return self._run(_NAIVE_TRANSFERS % {"accounts": accounts}, address, clients, seconds)

    def transfers(
        self, address: Address, accounts: list[Account], *, tokens: dict[str, str], clients: int, seconds: int,
        seed: str,
    ) -> Answers:  # fmt: skip
        """Loads the bank. `tokens` by email; `seed` for keys that were never used."""
        owners = sorted({account.owner.email for account in accounts})
        owned = (
            "{" + ", ".join(f'"{one.text}"' for one in accounts if one.owner.email == email) + "}" for email in owners
        )
        script = _TRANSFERS % {
            "tokens": ", ".join(json.dumps(tokens[email]) for email in owners),
            "owned": ", ".join(owned),
            "all": ", ".join(f'"{account.text}"' for account in accounts),
            "keys": KEYS,
            "seed": seed,
        }
        return self._run(script, address, clients, seconds)

    def _run(self, script: str, address: Address, clients: int, seconds: int) -> Answers:
        file = self.folder / "requests.lua"
        file.write_text(script + _REPORT, encoding="utf-8")
        command = [self.program, "-t1", f"-c{clients}", f"-d{seconds}s", "-s", str(file), address.url]
        before = _used_by_children()
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return read(said, used=_used_by_children() - before)


def find(folder: Path) -> Wrk | None:
    """The program, if the machine has it."""
    program = shutil.which("wrk")
    return Wrk(program, folder) if program else None


def read(said: str, *, used: float) -> Answers:
    """What it reported, in its last line; `used` is its processor time in seconds."""
    found = json.loads(said.splitlines()[-1])
    good = found["answered"] - found["refused"]
    return Answers(
        good=good,
        others={name: found[name] for name in ("refused", "lost") if found[name]},
        per_second=good / (found["duration"] / 1e6),
        p50=found["p50"] / 1000,
        p95=found["p95"] / 1000,
        p99=found["p99"] / 1000,
        used=used,
    )


def _used_by_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
