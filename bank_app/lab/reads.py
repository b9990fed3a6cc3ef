"""Reads of long histories: the first page, pages far back, and the balance of a moment years ago, over HTTP."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote

from bank_app import clock
from bank_app.lab.client import Address, Client, SignIn, request
from bank_app.lab.driver import Timings
from bank_app.lab.workload import PASSWORD, Account

PAGE = 50
_DEEP_PAGES = 40
KINDS = ("first page", "deep page", "balance then")


@dataclass(frozen=True, slots=True)
class _Read:
    kind: str
    postings: int
    whole: bytes


async def run(
    address: Address, accounts: dict[int, Account], *, since: datetime, each: int, sign_ins: dict[str, SignIn]
) -> dict[tuple[str, int], Timings]:
    """One client reads every kind from every account `each` times; returns the timings by kind and postings.

    In one shuffled order, so that what disturbs the machine disturbs all alike. `accounts` by their number of postings.
    """
    client = Client(address)
    rng = random.Random(11)  # noqa: S311 - a load, not a secret
    reads: list[_Read] = []
    for postings, account in accounts.items():
        owner = account.owner.email
        sign_in = sign_ins.setdefault(owner, SignIn(address, email=owner, password=PASSWORD))
        token = await sign_in.fresh(client)
        targets = await _targets(client, account, token, since)
        reads += [
            _Read(kind, postings, request("GET", rng.choice(targets[kind]), address, token=token))
            for kind in KINDS
            for _ in range(each)
        ]
    rng.shuffle(reads)
    timings = {(kind, postings): Timings() for kind in KINDS for postings in accounts}
    for read in reads:
        began = time.perf_counter()
        answer = await client.ask(read.whole)
        taken = timings[read.kind, read.postings]
        if answer.status == 200:
            taken.taken.append(time.perf_counter() - began)
        else:
            taken.others[answer.code] += 1
        taken.seconds += time.perf_counter() - began
    client.close()
    return timings


async def _targets(client: Client, account: Account, token: str, since: datetime) -> dict[str, list[str]]:
    """The addresses of each kind. The cursor of a page far back is got from the page before it, found by its time."""
    base = f"/api/v1/accounts/{account.text}"
    span = clock.now() - since
    moments = [since + span * (number + 1) / (_DEEP_PAGES * 2) for number in range(_DEEP_PAGES)]
    deep = []
    for moment in moments:
        at = quote(clock.to_text(moment + timedelta(seconds=1)))
        answer = await client.ask(request("GET", f"{base}/history?limit=1&to={at}", client.address, token=token))
        cursor = answer.json().get("next_cursor")
        if cursor:
            deep.append(f"{base}/history?limit={PAGE}&cursor={quote(cursor)}")
    return {
        KINDS[0]: [f"{base}/history?limit={PAGE}"],
        # An account with few postings has few pages to be far back on.
        KINDS[1]: deep or [f"{base}/history?limit={PAGE}"],
        KINDS[2]: [f"{base}/balance?at={quote(clock.to_text(moment))}" for moment in moments],
    }
