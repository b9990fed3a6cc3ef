"""Transfers in batches: whole lists in one request, each item with a key of its own."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from uuid import UUID

from bank_app.lab.client import Address, Answer, Client, SignIn, request
from bank_app.lab.journal import Entry, Journal, State
from bank_app.lab.workload import PASSWORD, Cast, Operation, Plan, operations
from bank_app.server import Refused

_PATH = "/api/v1/transactions/batch"
_SECONDS = 120.0


class BatchRefused(Refused):
    """A batch as a whole was answered with something else than results."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"POST {_PATH} was answered {answer.status} {answer.code}")


@dataclass(frozen=True, slots=True)
class _Batch:
    operations: list[Operation]
    body: bytes


async def run(
    address: Address, cast: Cast, plan: Plan, *, clients: int, size: int, batches: int, sign_ins: dict[str, SignIn]
) -> Journal:
    """Each client sends so many batches of `size` transfers, as the cast's teller, and is answered before the next.

    Bodies are made before the clock starts and answers read after it stops: both belong to the clients, and on one
    machine they would slow the bank down. An entry's times are those of its batch, waiting for a full bank included.

    Raises:
        BatchRefused: the endpoint refused a whole batch.
    """
    made = [list(islice(_made(cast, plan, client, size), batches)) for client in range(clients)]
    teller = sign_ins.setdefault(cast.teller.email, SignIn(address, email=cast.teller.email, password=PASSWORD))
    first = Client(address, timeout=_SECONDS)
    token = await teller.fresh(first)
    first.close()
    journal = Journal()
    began = time.perf_counter()
    answered: list[tuple[_Batch, Answer, float, float]] = []

    async def client(mine: list[_Batch]) -> None:
        connection = Client(address, timeout=_SECONDS)
        for batch in mine:
            sent = time.perf_counter() - began
            whole = request("POST", _PATH, address, token=token, body=batch.body)
            while (answer := await connection.ask(whole)).status == 503:
                # Nothing was written, or the keys will tell: a bank that is full is asked again, when it says.
                journal.busy[answer.code] += 1
                await asyncio.sleep(float(answer.header("retry-after") or 1))
            answered.append((batch, answer, sent, time.perf_counter() - began))
        connection.close()

    await asyncio.gather(*(client(mine) for mine in made))
    journal.seconds = time.perf_counter() - began
    for batch, answer, sent, heard in answered:
        journal.entries += _entries(cast, batch, answer, sent, heard)
    return journal


def _made(cast: Cast, plan: Plan, client: int, size: int) -> Iterator[_Batch]:
    source = operations(cast, plan, client)
    while True:
        some = list(islice(source, size))
        items = [
            {"type": one.path.rpartition("/")[2], **json.loads(one.body), "idempotency_key": one.key} for one in some
        ]
        yield _Batch(some, json.dumps({"atomic": False, "items": items}).encode())


def _entries(cast: Cast, batch: _Batch, answer: Answer, sent: float, heard: float) -> Iterator[Entry]:
    if answer.status != 200:
        raise BatchRefused(answer)
    for operation, result in zip(batch.operations, answer.json()["results"], strict=True):
        entry = Entry(
            operation.key, cast.teller.id, operation.source.number if operation.source else None,
            operation.target.number, operation.amount_minor, sent, answered=heard, last_sent=sent, times_sent=1,
        )  # fmt: skip
        if result["status"] == 201:
            entry.state, entry.transaction_id = State.ACKNOWLEDGED, UUID(result["id"])
        else:
            entry.state, entry.code = State.REFUSED, result["code"]
        yield entry
