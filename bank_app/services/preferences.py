"""How a person wants pages to look: amounts and dates, how dense lists are, single-key shortcuts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlmodel import col

from bank_app import errors
from bank_app.models import User
from bank_app.services.actor import Actor, still

# The names are for people; the codes are what Babel calls them, with a dash.
LOCALES: Mapping[str, str] = {
    "en-US": "English (United States)",
    "en-GB": "English (United Kingdom)",
    "de-DE": "German (Germany)",
    "de-CH": "German (Switzerland)",
    "fr-FR": "French (France)",
    "es-ES": "Spanish (Spain)",
    "nl-NL": "Dutch (Netherlands)",
    "sv-SE": "Swedish (Sweden)",
    "en-IN": "English (India)",
    "ja-JP": "Japanese (Japan)",
}
DENSITIES = ("comfortable", "compact")


@dataclass(frozen=True, slots=True)
class Preferences:
    """What can be chosen, with what holds until somebody chooses."""

    locale: str = "en-US"
    density: str = "comfortable"
    shortcuts: bool = True


def locale_of(text: object) -> str | None:
    """One of the locales that can be chosen, by its code in either spelling; None for anything else."""
    code = text.replace("_", "-") if isinstance(text, str) else ""
    return code if code in LOCALES else None


def of(actor: Actor) -> Preferences:
    """The actor's preferences, as they were looked up with the session."""
    return read(actor.preferences)


def looks(kept: Mapping[str, Any] | None) -> tuple[object, ...]:
    """All that decides how a page is written: two that differ mean that open pages must be written anew."""
    wanted = read(kept)
    return (wanted.locale, (kept or {}).get("hidden") is True)


def read(kept: Mapping[str, Any] | None) -> Preferences:
    """Preferences as they are kept. What is not understood is as if it had not been chosen."""
    found, default = kept or {}, Preferences()
    locale, density = str(found.get("locale")), str(found.get("density"))
    shortcuts = found.get("shortcuts")
    return Preferences(
        locale if locale in LOCALES else default.locale,
        density if density in DENSITIES else default.density,
        shortcuts if isinstance(shortcuts, bool) else default.shortcuts,
    )


def change(session: Session, actor: Actor, wanted: Preferences) -> Preferences:
    """Keeps how the actor wants pages to look. Whatever else is kept there stays.

    Raises:
        Invalid: no such locale or density; `details["errors"]` names each.
    """
    still(session, actor)
    problems = [
        {"field": field, "code": "unknown", "message": f"Choose one of the {words}."}
        for field, words, fits in (
            ("locale", "formats", wanted.locale in LOCALES),
            ("density", "densities", wanted.density in DENSITIES),
        )
        if not fits
    ]
    if problems:
        raise errors.Invalid(" ".join(problem["message"] for problem in problems), errors=problems)
    user = session.execute(select(User).where(col(User.id) == actor.user_id)).scalar_one()
    # A new object: the column is text, and a change inside the old one would not be seen.
    user.preferences = {**(user.preferences or {}), **asdict(wanted)}
    return wanted


def keep(session: Session, actor: Actor, name: str, value: Any) -> None:
    """Keeps one more thing of the actor's beside the preferences, such as what was tried; nothing secret."""
    still(session, actor)
    user = session.execute(select(User).where(col(User.id) == actor.user_id)).scalar_one()
    user.preferences = {**(user.preferences or {}), name: value}
