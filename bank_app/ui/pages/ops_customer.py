"""One person as the bank's people see them. State only; the drawing is ops_customer_view."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import reflex as rx
from sqlalchemy.orm import Session

from bank_app.domain.accounting import Role
from bank_app.errors import BankError, EmailTaken, Invalid
from bank_app.services import access, approvals, customer_notes, people, profile
from bank_app.services.approval_kinds import Wish
from bank_app.services.approvals import State
from bank_app.services.people import Record
from bank_app.ui import calls, forms, person_words, rows, words
from bank_app.ui.guard import exposed
from bank_app.ui.live import also_watch
from bank_app.ui.messages import CATALOGUE, reason_problem, refusal, say
from bank_app.ui.money_form import new_answer
from bank_app.ui.notices import notify
from bank_app.ui.pages.ops_accounts import DeskAccount, desk_account
from bank_app.ui.person_words import Note, Person, SignIn
from bank_app.ui.session import ROLE_WORDS, actor_of


@dataclass(frozen=True)
class Lock:
    """Why somebody cannot sign in right now, in a sentence; empty if they can."""

    text: str = ""
    kind: str = ""


class RecordState(rx.State):
    """What the page shows. `shown` says whose record this is."""

    shown: str = ""
    missing: str = ""
    failed: str = ""
    person: Person = Person()
    may_decide: bool = False
    may_note: bool = False
    lock: Lock = Lock()
    accounts: list[DeskAccount] = []
    recent: list[rows.Row] = []
    sign_ins: list[SignIn] = []
    signed_in: int = 0
    notes: list[Note] = []
    answer: int = 0
    done: int = 0
    form_id: int = 0
    reason_error: str = ""
    note_error: str = ""
    name_error: str = ""
    email_error: str = ""
    refused: str = ""
    code: str = ""
    link: str = ""
    half: str = ""
    approval: str = ""
    link_until: str = ""
    link_seq: int = 0
    _id: UUID | None = None

    @exposed(staff=True)
    async def open(self) -> Any:
        """Loads the record of the address, which is recorded."""
        written = self.router.url.path.rstrip("/").rpartition("/")[2]
        self.reset()
        yield
        self._forget_answers()
        wanted, actor = forms.identifier(written), await actor_of(self)
        if wanted is None:
            self.missing = written
            return
        settings = calls.bank().settings
        try:
            record = await calls.write(lambda session: people.view(session, actor, wanted, settings=settings))
        except BankError as error:
            if error.code == "not_found":
                self.missing = written
            else:
                self.failed = refusal(error).text
            return
        self._id = wanted
        self._show(record, actor.role, actor.user_id)
        await also_watch(self, *(account.id for account in record.accounts))
        self.form_id, self.shown = self.form_id + 1, written

    @exposed(staff=True)
    async def refresh(self) -> None:
        """The record of now."""
        actor, wanted = await actor_of(self), self._id
        if wanted is None:
            return
        try:
            record = await calls.call(people.keep_viewing, calls.bank().db, actor, wanted)
        except BankError as error:
            self.failed = refusal(error).text
            return
        self.failed = ""
        self._show(record, actor.role, actor.user_id)

    # --- what can be done -------------------------------------------------------------------------------

    @exposed(staff=True)
    async def prepare(self) -> None:
        """A dialog opens: nothing of the last one in it, and what it says is true now."""
        self._forget_answers()
        await self.refresh()

    @exposed(staff=True)
    async def disable(self, form: dict[str, Any]) -> None:
        """Switches sign-in off."""
        await self._decide("SIGN_IN_DISABLED", access.disable, reason=forms.field(form, "disable-reason", 1_500))

    @exposed(staff=True)
    async def enable(self, form: dict[str, Any]) -> None:
        """Switches sign-in on."""
        await self._ask("SIGN_IN_ENABLED", "enable", forms.field(form, "enable-reason", 1_500))

    @exposed(staff=True)
    async def unlock(self) -> None:
        """Ends the wait after wrong passwords."""
        await self._ask("SIGN_IN_UNLOCKED", "unlock", "Locked after wrong passwords")

    @exposed(staff=True)
    async def sign_out(self, _form: dict[str, Any]) -> None:
        """Ends every session."""
        await self._decide("SIGNED_OUT_EVERYWHERE", access.sign_out_everywhere)

    @exposed(staff=True)
    async def end_second_step(self, form: dict[str, Any]) -> None:
        """Turns two-step sign-in off for somebody who lost app and recovery codes."""
        await self._ask("SECOND_STEP_RESET", "second_step", forms.field(form, "second-step-reason", 1_500))

    @exposed(staff=True)
    async def make_link(self, form: dict[str, Any]) -> None:
        """Asks for a link for a new password, and shows the asker's half of it once."""
        await self._ask("", "password_link", forms.field(form, "password-reason", 1_500))

    @exposed(staff=True)
    async def correct(self, form: dict[str, Any]) -> None:
        """Corrects the name, and proposes another email."""
        actor, wanted = await actor_of(self), self._id
        self._forget_answers()
        if wanted is None:
            return
        typed = {
            "name": forms.as_typed(form, "details-name"),
            "email": forms.field(form, "details-email", 254),
            "reason": forms.field(form, "details-reason", 1_500),
        }
        try:
            done = await calls.write(lambda session: profile.correct(session, actor, wanted, **typed))
        except Invalid as error:
            wrong = {problem["field"]: problem["code"] for problem in error.details.get("errors", [])}
            if "name" in wrong:
                named = wrong["name"] in CATALOGUE and wrong["name"] != "NAME_REQUIRED"
                self.name_error = say(wrong["name"] if named else "NAME_REQUIRED_OF_OTHERS")
            self.email_error = say(wrong["email"]) if "email" in wrong else ""
            self.reason_error = reason_problem(error) if "reason" in wrong else ""
            return
        except EmailTaken:
            self.email_error = say("EMAIL_IN_USE")
            return
        except BankError as error:
            self._refuse(error, actor.role)
            return
        self.done = new_answer()
        await self.refresh()
        said = "DETAILS_PROPOSED" if done.new_email else "DETAILS_SAVED" if done.renamed else "DETAILS_SAME"
        await notify(self, say(said, person=self.person.name, email=done.new_email))

    @exposed(staff=True)
    async def add_note(self, form: dict[str, Any]) -> None:
        """Writes something down."""
        actor, wanted = await actor_of(self), self._id
        self._forget_answers()
        text = forms.field(form, "note", customer_notes.MAX_NOTE * 5)
        if wanted is None:
            return
        try:
            await calls.write(lambda session: customer_notes.add(session, actor, wanted, text=text))
        except Invalid as error:
            self.note_error = error.detail
            return
        except BankError as error:
            self.note_error = refusal(error, role=ROLE_WORDS[actor.role]).text
            return
        self.form_id += 1
        await notify(self, say("NOTE_ADDED"))
        await self.refresh()

    async def _decide(self, said: str, decision: Callable[..., int | None], **more: str) -> None:
        actor, wanted = await actor_of(self), self._id
        self._forget_answers()
        if wanted is None:
            return

        def operation(session: Session) -> int | None:
            return decision(session, actor, wanted, **more)

        try:
            count = await calls.write(operation)
        except Invalid as error:
            self.reason_error = reason_problem(error)
            return
        except BankError as error:
            self._refuse(error, actor.role)
            return
        self.done = new_answer()
        key = "SIGNED_OUT_NOWHERE" if count == 0 else said
        ended = words.count(count or 0, "sign-in")
        await notify(self, say(key, person=self.person.name, count=ended))
        await self.refresh()

    async def _ask(self, said: str, kind: str, reason: str) -> None:
        """Asks for what takes two; where one is enough, or there is nobody else, it is done at once."""
        actor, wanted = await actor_of(self), self._id
        self._forget_answers()
        if wanted is None:
            return
        try:
            asked = await calls.call(approvals.ask, calls.bank().db, actor, Wish.about(kind, wanted), reason=reason)
        except Invalid as error:
            self.reason_error = reason_problem(error)
            return
        except BankError as error:
            self._refuse(error, actor.role)
            return
        self.done = new_answer()
        if asked.state is State.PENDING:
            self.approval, self.half = f"/ops/approvals/{asked.id}", asked.half
            self.link_seq = new_answer()
        elif asked.mailed:
            self.half, self.link_seq = asked.half, new_answer()
        elif asked.link:
            self.link = f"{self.router.url.origin}{asked.link.path}"
            self.link_until = f"{words.time_of_day(asked.link.expires_at)} UTC"
            self.link_seq = new_answer()
        else:
            await notify(self, say(said, person=self.person.name))
        await self.refresh()

    def _refuse(self, error: BankError, role: Role) -> None:
        found = refusal(error, role=ROLE_WORDS[role], bank=calls.bank().settings.name)
        self.refused, self.code = found.text, found.code

    def _forget_answers(self) -> None:
        self.answer = new_answer()
        self.reason_error = self.note_error = self.refused = self.code = ""
        self.name_error = self.email_error = ""
        self.link = self.link_until = self.half = self.approval = ""

    # --- showing ----------------------------------------------------------------------------------------

    def _show(self, record: Record, role: Role, own_id: UUID) -> None:
        self.person = person_words.person(record.person)
        theirs = record.person.role
        # Whether a button is drawn; whether it does anything is decided by the service.
        self.may_note = role.may_decide_about(theirs)
        self.may_decide = self.may_note and own_id != record.person.id
        self.lock = _lock(record)
        self.accounts = [desk_account(account) for account in record.accounts]
        self.recent = [_row(row) for row in map(rows.row, record.recent)]
        self.sign_ins = [person_words.sign_in(view) for view in record.sign_ins]
        self.signed_in = sum(view.active for view in record.sign_ins)
        self.notes = [person_words.note(view) for view in record.notes]


def _row(row: rows.Row) -> rows.Row:
    """An entry whose links lead to the pages of the bank's people."""
    return replace(row, address=f"/ops{row.address}")


def _lock(record: Record) -> Lock:
    if record.disabled_at:
        return Lock(
            f"Sign-in is switched off since {words.when(record.disabled_at).replace('Today', 'today', 1)}.", "bad"
        )
    if record.locked_until:
        tries = words.count(record.failed_sign_ins, "wrong password")
        return Lock(f"Locked after {tries} until {words.time_of_day(record.locked_until, seconds=True)} UTC.", "warn")
    return Lock()
