"""Whether there is a laboratory, and who may use it."""

from __future__ import annotations

from bank_app.services.actor import Actor
from bank_app.settings import Settings

# All pages of the laboratory are below it.
HOME = "/lab"


def may_use(actor: Actor | None, settings: Settings) -> bool:
    """Where there is one: in a demo everybody signed in, otherwise the bank's people only."""
    return settings.lab_is_open and actor is not None and (settings.demo or actor.role.sees_every_account)
