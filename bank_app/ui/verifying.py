"""The audit trail's chain on a page: how it stands, verifying it with progress, and a forged copy being caught."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass
from typing import Any

import reflex as rx

from bank_app.domain import digits
from bank_app.errors import BankError
from bank_app.services import audit_trail, roles
from bank_app.services.audit_trail import KnownVerification, Verification
from bank_app.ui import audit_words, calls, forms, messages, words
from bank_app.ui.guard import exposed
from bank_app.ui.messages import say
from bank_app.ui.session import actor_of

_PROGRESS_SECONDS = 0.3
_SHOWN = 30
_GROUPING = str.maketrans("", "", " ,.'")
_LOWEST_BAR, _HIGHEST_BAR = 10, 20
# The verification that a tab has begun, by the tab.
_under_way: dict[str, threading.Event] = {}


@dataclass(frozen=True)
class Chain:
    """How the chain stands, in words. `state` is ok, broken or none."""

    state: str = ""
    heading: str = ""
    last: str = ""
    head: str = ""
    what: str = ""
    expected: str = ""
    found: str = ""
    number: int = 0


@dataclass(frozen=True)
class Bar:
    """One verification as a bar: how long it took, and whether it held."""

    key: str
    height: str
    ok: bool


@dataclass(frozen=True)
class Caught:
    """A copy with one letter changed, and what verifying it said."""

    said: str = ""
    before: str = ""
    after: str = ""
    expected: str = ""
    found: str = ""


def chain_words(known: KnownVerification | None) -> Chain:
    """How the chain stands."""
    if known is None:
        return Chain(
            "none", "Not verified yet", "Nobody has verified the chain. The bank does it once a day by itself."
        )
    found = known.result
    last = f"Last verified {words.full_moment(found.at)} by {known.by or 'the bank itself'}."
    if found.broken is None:
        heading = say("CHAIN_OK", count=words.count(found.checked, "record"), seconds=_seconds(found))
        return Chain("ok", heading, last, audit_words.groups(found.head[:16]))
    broken = found.broken
    return Chain(
        "broken",
        say("CHAIN_BROKEN", number=f"{broken.number:,}"),
        last,
        what=broken.what,
        expected=audit_words.groups(broken.expected) or "none",
        found=audit_words.groups(broken.found) or "none",
        number=broken.number,
    )


def _seconds(found: Verification) -> str:
    return f"{found.milliseconds / 1000:.1f} s" if found.milliseconds >= 100 else f"{found.milliseconds} ms"


def _bars(known: list[KnownVerification]) -> list[Bar]:
    """The newest on the right, as high as they took long."""
    some = known[:_SHOWN][::-1]
    most = max((one.result.milliseconds for one in some), default=0) or 1
    return [
        Bar(
            f"{index}",
            f"{_LOWEST_BAR + (_HIGHEST_BAR - _LOWEST_BAR) * one.result.milliseconds // most}px",
            one.result.ok,
        )
        for index, one in enumerate(some)
    ]


class ChainState(rx.State):
    """The banner above the trail."""

    known: bool = False
    chain: Chain = Chain()
    bars: list[Bar] = []
    bars_said: str = ""
    running: bool = False
    done: int = 0
    total: int = 0
    progress: str = ""
    problem: str = ""
    answer: int = 0
    caught: Caught = Caught()
    broken: bool = False

    @exposed(staff=True)
    async def look(self) -> None:
        """How the chain stands. Every page of the bank's people asks this, for the banner when it is broken."""
        actor = await actor_of(self)
        try:
            roles.staff_only(actor)
            known = await calls.read(audit_trail.verifications)
            stands = await calls.read(audit_trail.last_verification)
        except BankError:
            return
        self._show(known, stands)

    def _show(self, known: list[KnownVerification], stands: KnownVerification | None) -> None:
        self.chain = chain_words(stands)
        self.broken = self.chain.state == "broken"
        self.bars = _bars(known)
        some = known[:_SHOWN]
        intact = sum(one.result.ok for one in some)
        self.bars_said = f"{intact} of {len(some)} intact" if some else ""
        self.known = True

    @exposed(staff=True, background=True)
    async def verify(self, form: dict[str, Any] | None = None) -> None:
        """Verifies all records, or those that a form names, and says how far it is a few times a second."""
        async with self:
            actor = await actor_of(self)
            if self.running:
                return
            if _under_way:
                # It reads every record of the bank; two at once would only take each other's time.
                self.problem, self.answer = say("CHAIN_BUSY"), self.answer + 1
                return
            self.running, self.problem, self.caught = True, "", Caught()
            self.done, self.total, self.progress = 0, 0, "Starting"
            tab = self.router.session.client_token
            stop = _under_way[tab] = threading.Event()
        at = [0, 0]

        def progress(done: int, total: int) -> bool:
            at[:] = done, total
            return not stop.is_set()

        work = asyncio.ensure_future(
            calls.call_apart(
                audit_trail.verify, calls.bank().db, actor,
                start=_number(form, "start"), end=_number(form, "end"), progress=progress,
            )
        )  # fmt: skip
        try:
            while not (await asyncio.wait({work}, timeout=_PROGRESS_SECONDS))[0]:
                async with self:
                    if self._changed_hands():
                        stop.set()
                        continue
                    self.done, self.total = at
                    self.progress = f"{at[0]:,} of {at[1]:,}"
            found = await work
            known = await calls.read(audit_trail.verifications)
            stands = await calls.read(audit_trail.last_verification)
        except BankError as error:
            async with self:
                if self._changed_hands():
                    return
                self.problem = messages.refusal(error).text if error.code != "invalid_request" else error.detail
                self.running, self.answer = False, self.answer + 1
        else:
            async with self:
                if self._changed_hands():
                    return
                self._show(known, stands)
                self.problem = "" if found else "Ended before it was done. Nothing was recorded."
                if found and found.ok and (_number(form, "start") or _number(form, "end")):
                    self.problem = f"Records {found.start:,} to {found.end:,} are intact."
                self.running, self.answer = False, self.answer + 1
        finally:
            _under_way.pop(tab, None)
            if self.running:
                # Whatever failed: the page must not wait for ever.
                async with self:
                    self.running = False

    def _changed_hands(self) -> bool:
        """Whether the tab began anew for somebody else, whom none of it concerns."""
        return not self.running

    @exposed(staff=True)
    def stop(self) -> None:
        """Ends the verification that this tab has begun."""
        event = _under_way.get(self.router.session.client_token)
        if event:
            event.set()

    @exposed(staff=True)
    async def tamper(self) -> None:
        """Changes a letter in a copy and shows that verifying finds it."""
        actor = await actor_of(self)
        try:
            seen = await calls.call(audit_trail.tamper_with_a_copy, calls.bank().db, actor)
        except BankError as error:
            self.problem = messages.refusal(error).text
            return
        broken = seen.result.broken
        self.caught = Caught(
            said=(
                f"{words.count(seen.copied, 'record')} copied in memory and one letter of record {seen.number:,} "
                f"changed. The verifier stopped at record {broken.number if broken else 0:,}. "
                "The trail itself was not touched."
            ),
            before=seen.before,
            after=seen.after,
            expected=audit_words.groups(broken.expected) if broken else "",
            found=audit_words.groups(broken.found) if broken else "",
        )
        self.answer += 1


def _number(form: object, name: str) -> int | None:
    # However the reader groups: a record has no decimals.
    text = digits.plain(forms.field(form, name, 16)).translate(_GROUPING)
    return int(text) if text.isascii() and text.isdigit() else None
