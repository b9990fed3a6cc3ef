"""The bank's own people, what each role may do, inviting a colleague, and giving somebody another role. State only."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import reflex as rx

from bank_app.domain.accounting import Role
from bank_app.errors import BankError
from bank_app.services import access, approvals, people
from bank_app.services.approval_kinds import Wish
from bank_app.ui import calls, forms, person_words, words
from bank_app.ui.components.fields import Problem
from bank_app.ui.guard import exposed
from bank_app.ui.messages import CATALOGUE, refusal, say
from bank_app.ui.money_form import new_answer
from bank_app.ui.pages.sign_in import kept
from bank_app.ui.person_words import Person
from bank_app.ui.session import ROLE_WORDS, actor_of

STAFF_ROLES = (Role.TELLER, Role.AUDITOR, Role.ADMIN)
# In the order of the form.
_FIELDS = {"name": "PERSON_NAME_REQUIRED", "email": "EMAIL_INVALID", "role": "ROLE_REQUIRED"}


class UsersState(rx.State):
    """The list, and the form of the invitation."""

    loaded: bool = False
    failed: str = ""
    done: str = ""
    rows: list[Person] = []
    said: str = ""
    manages: bool = False
    own_id: str = ""
    problems: list[Problem] = []
    email_error: str = ""
    name_error: str = ""
    role_error: str = ""
    answer: int = 0
    closed: int = 0
    link: str = ""
    half: str = ""
    approval: str = ""
    link_whose: str = ""
    link_until: str = ""
    link_seq: int = 0

    @exposed(staff=True)
    async def open(self) -> None:
        """Loads the list, and says what became of a form that was posted."""
        self._forget()
        self.link = self.half = ""
        done = forms.text(self.router.url.query_parameters.get("done"), 20)
        self.done = say(done) if done in ("ROLE_CHANGED", "APPROVAL_ASKED") else ""
        await self._load()

    @exposed(staff=True)
    async def refresh(self) -> None:
        """The list of now."""
        if self.loaded:
            await self._load()

    @exposed(staff=True)
    def prepare(self) -> None:
        """The invitation opens without the complaints of the last one."""
        self._forget()

    @exposed(staff=True)
    async def invite(self, form: dict[str, Any]) -> None:
        """Makes a colleague and the link with which they choose a password."""
        actor, db = await actor_of(self), calls.bank().db
        self._forget()
        email, name = forms.field(form, "invite-email", 254), forms.as_typed(form, "invite-name")
        role = forms.field(form, "role", 10)
        try:
            invited = await calls.call_hashing(
                access.invite, db, actor, email=email, name=name,
                role=Role(role) if role in STAFF_ROLES else Role.CUSTOMER,
            )  # fmt: skip
            asked = await calls.call(
                approvals.ask, db, actor, Wish.about("password_link", invited), reason="Invitation of a colleague"
            )
        except BankError as error:
            self._complain(error)
            return
        self.link_whose, self.half = name, asked.half
        self.link = f"{self.router.url.origin}{asked.link.path}" if asked.link else ""
        self.link_until = f"{words.time_of_day(asked.link.expires_at)} UTC" if asked.link else ""
        self.approval = "" if asked.mailed else f"/ops/approvals/{asked.id}"
        self.closed = self.link_seq = new_answer()
        await self._load()

    async def _load(self) -> None:
        actor = await actor_of(self)
        try:
            found = await calls.read(lambda session: people.list_staff(session, actor))
        except BankError as error:
            self.failed = refusal(error).text
            return
        self.rows = [person_words.person(row) for row in found]
        self.said = f"{words.count(len(found), 'person', 'people')} with a role at this bank"
        self.manages, self.own_id = actor.role is Role.ADMIN, str(actor.user_id)
        self.failed, self.loaded = "", True

    def _forget(self) -> None:
        self.answer = new_answer()
        self.problems = []
        self.email_error = self.name_error = self.role_error = self.done = ""

    def _complain(self, error: BankError) -> None:
        wrong = {each["field"]: each["code"] for each in error.details.get("errors", ())}
        found = {field: key for field, key in _FIELDS.items() if field in wrong}
        if wrong.get("name") in ("NAME_HIDDEN", "NAME_LONG"):
            found["name"] = wrong["name"]
        if "email" in wrong:
            found["email"] = wrong["email"]
        if error.code == "email_taken":
            found = {"email": "EMAIL_IN_USE"}
        texts = {field: say(key) for field, key in found.items()}
        self.email_error, self.name_error = texts.get("email", ""), texts.get("name", "")
        self.role_error = texts.get("role", "")
        self.problems = [Problem(f"invite-{field}", text) for field, text in texts.items()]
        if not self.problems:
            self.problems = [Problem("", refusal(error).text)]


class RoleState(rx.State):
    """Giving somebody another role. The form is posted by the browser itself; no password enters a State."""

    shown: str = ""
    missing: str = ""
    failed: str = ""
    person: Person = Person()
    manages: bool = False
    problem: str = ""
    reason: str = ""
    chosen: str = ""
    seq: int = 0
    form_id: int = 0

    @exposed(staff=True)
    async def open(self) -> Any:
        """Loads who it is about, and what became of a form that was posted."""
        written = self.router.url.path.rstrip("/").rpartition("/")[2]
        self.reset()
        yield
        wanted, actor = forms.identifier(written), await actor_of(self)
        record = await self._find(wanted) if wanted else None
        if record is None:
            self.missing = "" if self.failed else written
            return
        self.person, self.manages = record, actor.role is Role.ADMIN
        self._read_answer(ROLE_WORDS[actor.role])
        self.form_id, self.shown = self.form_id + 1, written

    async def _find(self, user_id: UUID) -> Person | None:
        actor = await actor_of(self)
        settings = calls.bank().settings
        try:
            record = await calls.write(lambda session: people.view(session, actor, user_id, settings=settings))
        except BankError as error:
            self.failed = "" if error.code == "not_found" else refusal(error).text
            return None
        return person_words.person(record.person)

    def _read_answer(self, role: str) -> None:
        query = self.router.url.query_parameters
        problem, wait = forms.text(query.get("problem"), 40), forms.text(query.get("wait"), 6)
        bank = calls.bank().settings.name
        if problem in CATALOGUE:
            self.problem = say(problem, role=role, bank=bank, retry_after=wait or "a few", wait=words.how_long(wait))
            self.seq = new_answer()
        typed = kept(self.router.headers.cookie) if self.problem else {}
        self.reason = forms.text(typed.get("reason", ""), 400)
        role = forms.text(typed.get("role", ""), 10)
        self.chosen = role if role in set(Role) else self.person.role
