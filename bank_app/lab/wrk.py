"""The same load by wrk, a well-known generator, where the machine has it: ours should not be what limits the bank."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

from bank_app.lab.client import Address
from bank_app.lab.workload import Account

_CLIENTS = 64
# A request from one account of its owner to any account, each with a key that was never used.
_SCRIPT = """
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
    ["Idempotency-Key"] = "wrk-%(seed)s-" .. number }, body)
end
"""


def find() -> str | None:
    """Where it is, if it is."""
    return shutil.which("wrk")


def transfers(
    program: str, folder: Path, address: Address, accounts: list[Account], *, tokens: dict[str, str], seconds: int,
    seed: str,
) -> str:  # fmt: skip
    """Runs it on the bank and returns its own words in one line. `tokens` by email."""
    owners = sorted({account.owner.email for account in accounts})
    script = folder / "transfers.lua"
    quoted = {
        "tokens": ", ".join(json.dumps(tokens[email]) for email in owners),
        "owned": ", ".join(
            "{" + ", ".join(f'"{one.text}"' for one in accounts if one.owner.email == email) + "}" for email in owners
        ),
        "all": ", ".join(f'"{account.text}"' for account in accounts),
        "seed": seed,
    }
    script.write_text(_SCRIPT % quoted, encoding="utf-8")
    return _run([program, "-t1", f"-c{_CLIENTS}", f"-d{seconds}s", "--latency", "-s", str(script), address.url])


def anything(program: str, address: Address, *, seconds: int) -> str:
    """Runs it on an application that answers everything."""
    return _run([program, "-t1", f"-c{_CLIENTS}", f"-d{seconds}s", "--latency", address.url])


def _run(command: list[str]) -> str:
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    wanted = ("Requests/sec", "50%", "99%", "Non-2xx", "Socket errors")
    lines = [" ".join(line.split()) for line in said.stdout.splitlines() if line.strip().startswith(wanted)]
    return ", ".join(lines) or said.stderr.strip()
