"""Whether the books balance right now, for visitors and for everybody signed in."""

from __future__ import annotations

from dataclasses import dataclass

import reflex as rx
from sqlalchemy.orm import Session

from bank_app import clock
from bank_app.domain import money
from bank_app.errors import BankError
from bank_app.services import audit_trail, integrity, roles
from bank_app.services.audit_trail import KnownVerification
from bank_app.services.integrity import TrialLine
from bank_app.ui import calls, words
from bank_app.ui.guard import exposed
from bank_app.ui.session import SessionState


@dataclass(frozen=True)
class Line:
    """One line of the trial balance; the empty side stays empty."""

    label: str
    debit: str
    credit: str


class BooksState(rx.State):
    """The newest check of the books. Visitors learn whether they balance; how much there is, only where it is play."""

    known: bool = False
    unreachable: bool = False
    balance: bool = False
    told: bool = False
    counted: str = ""
    trail: str = ""
    # How many seconds old the report was when this tab was told of it, and when that was, in milliseconds.
    age: int = 0
    told_at: int = 0
    lines: list[Line] = []
    debit: str = ""
    credit: str = ""

    @exposed(public=True, background=True)
    async def look(self) -> None:
        """Shows the newest report; checking is at most twice a minute, whoever looks."""
        bank = calls.bank()
        try:
            report = await calls.call(integrity.latest, bank.db)
            async with self:
                told = await self._is_told()
            # Whoever is not told makes nobody add it up.
            trial, verified = await calls.read(_told) if told else ([], None)
        except BankError:
            async with self:
                self.known, self.unreachable = False, True
            return
        code = bank.settings.currency
        own = [line for line in trial if line.currency == code]
        now = clock.now()
        age = max(0, int((now - report.checked_at).total_seconds()))
        async with self:
            # Asked again: somebody may have signed out meanwhile.
            told = told and await self._is_told()
            self.told, self.known, self.unreachable = told, True, False
            self.balance = report.ok
            self.counted = f"{words.count(report.postings, 'posting')} re-added" if told else ""
            intact = verified.result.checked if verified and verified.result.ok else 0
            self.trail = f"{words.count(intact, 'audit record')} verified" if intact and told else ""
            self.age, self.told_at = age, int(now.timestamp() * 1000)
            self.lines = [
                Line(
                    line.label,
                    money.display(line.debit_minor, code) if line.debit_minor else "",
                    money.display(line.credit_minor, code) if line.credit_minor else "",
                )
                for line in own
                if told
            ]
            self.debit = money.display(sum(line.debit_minor for line in own), code) if told else ""
            self.credit = money.display(sum(line.credit_minor for line in own), code) if told else ""

    async def _is_told(self) -> bool:
        actor = (await self.get_state(SessionState))._actor  # noqa: SLF001 - backend variables begin with an underscore
        return roles.may_know_volume(calls.bank().settings, actor)


def _told(session: Session) -> tuple[list[TrialLine], KnownVerification | None]:
    return integrity.trial_balance(session), audit_trail.last_verification(session)
