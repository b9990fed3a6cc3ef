"""What this process knows of a bank that is set up in the browser: asked until it is, and remembered from then on."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from bank_app.database import Database
from bank_app.services import first_setup
from bank_app.services.first_setup import Facts
from bank_app.ui import calls

PAGE = "/setup"
_settled: WeakKeyDictionary[Database, Facts] = WeakKeyDictionary()


def is_settled(db: Database) -> bool:
    """Whether there is nothing more to ask."""
    return db in _settled


def facts(db: Database) -> Facts:
    """How far the bank is. Once it is set up, what was chosen goes before the settings for all of this process."""
    known = _settled.get(db)
    if known is not None:
        return known
    found = db.read(first_setup.facts)
    if not found.waiting:
        _adopt(db, found)
        _settled[db] = found
    return found


def _adopt(db: Database, found: Facts) -> None:
    chosen = {"name": found.name} if found.name else {}
    more = {"demo": True} if found.demo else {}
    if chosen or more:
        db.settings = db.settings.model_copy(update={**chosen, **more})
        calls.adopt(db.settings)
