"""People of the bank as rows and records of a page: what they are called, what they have, when they were here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from bank_app import clock
from bank_app.domain import money
from bank_app.services.customer_notes import NoteView
from bank_app.services.people import PersonRow, SignInView, Standing
from bank_app.services.sessions import device
from bank_app.ui import words
from bank_app.ui.session import ROLE_WORDS

STANDING_WORDS = {
    Standing.ACTIVE.value: "Active",
    Standing.LOCKED.value: "Locked",
    Standing.DISABLED.value: "Disabled",
    Standing.INVITED.value: "Invited",
}
# A browser says so every minute while somebody uses it.
_HERE_NOW = timedelta(minutes=2)


@dataclass(frozen=True)
class Person:
    """One person in a list; empty texts where there is nothing."""

    id: str = ""
    key: str = ""
    address: str = ""
    name: str = ""
    first_name: str = ""
    initials: str = ""
    email: str = ""
    role: str = ""
    role_word: str = ""
    standing: str = ""
    accounts: str = ""
    frozen: str = ""
    total: str = ""
    last_sign_in: str = ""
    joined: str = ""
    second_step: bool = False
    note: str = ""


@dataclass(frozen=True)
class SignIn:
    """One browser or program that signed in."""

    key: str
    device: str
    detail: str
    active: bool


@dataclass(frozen=True)
class Note:
    """What a colleague wrote."""

    key: str
    text: str
    by: str


def person(row: PersonRow) -> Person:
    """One person as a list shows them."""
    parts = row.name.split()
    ends = parts[:1] + parts[-1:] if len(parts) > 1 else parts
    return Person(
        id=str(row.id),
        key=f"person-{row.id}",
        address=f"/ops/customers/{row.id}",
        name=row.name,
        first_name=parts[0] if parts else row.name,
        initials="".join(word[0] for word in ends).upper(),
        email=row.email,
        role=row.role.value,
        role_word=ROLE_WORDS[row.role],
        standing=row.standing.value,
        accounts=f"{row.accounts:,}" if row.accounts else "None",
        frozen=f"{row.frozen:,} frozen" if row.frozen else "",
        total=" + ".join(money.display(each.minor, each.currency) for each in row.totals),
        last_sign_in=words.when(row.last_sign_in_at) if row.last_sign_in_at else "Never",
        joined=words.day(row.joined_at),
        second_step=row.second_step,
        note=row.note,
    )


def sign_in(view: SignInView) -> SignIn:
    """One sign-in in words."""
    what = device(view.user_agent) if view.user_agent else "Unknown device"
    here = view.active and clock.now() - view.last_seen_at < _HERE_NOW
    seen = "here now" if here else f"last seen {words.when(view.last_seen_at).replace('Today', 'today', 1)}"
    return SignIn(
        key=str(view.id),
        device=f"{what} (API)" if view.kind == "api" else what,
        detail=f"{view.address} · {seen}",
        active=view.active,
    )


def note(view: NoteView) -> Note:
    """One note, signed."""
    return Note(key=str(view.id), text=view.text, by=f"{view.author} · {words.when(view.written_at)}")
