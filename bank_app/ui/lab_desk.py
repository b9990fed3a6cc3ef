"""The pages' way to the laboratory: whether there is one, who may use it, and its front desk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from bank_app.domain import money
from bank_app.errors import NotFound
from bank_app.lab.office import Office, Run
from bank_app.services import audit
from bank_app.services.actor import Actor, still
from bank_app.settings import Settings
from bank_app.ui import calls
from bank_app.ui.lab_access import may_use

T = TypeVar("T")


def office_for(actor: Actor | None, settings: Settings) -> Office:
    """The front desk, for somebody who may use it.

    Raises:
        NotFound: for everybody else there is no such thing.
    """
    if not may_use(actor, settings):
        raise NotFound("There is no such page.")
    return Office(settings, note=_noted)


def _noted(actor: Actor | None, action: str, run: str, changes: Mapping[str, Any]) -> None:
    """Puts into the audit trail who begins or ends what, before it is done: who has left meanwhile does not.

    Raises:
        NotSignedIn, Forbidden: as `actor.still`.
    """

    def operation(session: Session) -> None:
        if actor is not None:
            still(session, actor)
        audit.record(session, actor_id=actor and actor.user_id, action=action, object=run, changes=changes)

    calls.bank().db.unit_of_work(operation)


async def ask(actor: Actor | None, question: Callable[[Office], T]) -> T:
    """Asks the front desk on a thread, because it reads files: `ask(actor, lambda office: office.look(7))`.

    Raises:
        NotFound: the actor may not use the laboratory, or there is no such run.
    """
    return _as_it_reads(await calls.call_apart(lambda: question(office_for(actor, calls.bank().settings))))


def _as_it_reads(answer: Any) -> Any:
    """What was kept of a run holds amounts in its sentences; who hides amounts reads them without."""
    if not money.are_hidden():
        return answer
    if isinstance(answer, str):
        return money.veil(answer)
    if isinstance(answer, dict):
        return {key: _as_it_reads(value) for key, value in answer.items()}
    if isinstance(answer, (list, tuple)):
        return type(answer)(map(_as_it_reads, answer))
    if isinstance(answer, Run):
        return replace(answer, message=money.veil(answer.message), report=_as_it_reads(answer.report))
    return answer
