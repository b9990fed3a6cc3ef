"""What tests of the integrity checker stand on: a way past everything that protects the books."""

import pytest
from sqlalchemy import event, text

from bank_app.services import statements


@pytest.fixture
def past_guards(db, checks_off):
    """Runs SQL as it is. Triggers are dropped for it and made again, so that nothing else is found."""

    def triggers_of(connection):
        if db.embedded:
            listing = text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
            return dict(map(tuple, connection.execute(listing)))
        names = [row[0] for row in connection.execute(text("SHOW TRIGGERS"))]
        return {name: connection.execute(text(f"SHOW CREATE TRIGGER {name}")).one()[2] for name in names}

    def run(*statements):
        with db.writing.connect() as connection:
            triggers, off = triggers_of(connection), checks_off(connection)
            connection.rollback()
            # Outside of a unit of work: SQLite changes these two only there, MariaDB commits with every DDL.
            raw = connection.connection.cursor()
            for statement in (*off, *(f"DROP TRIGGER {name}" for name in triggers)):
                raw.execute(statement)
            for statement in (*statements, *triggers.values()):
                raw.execute(statement)
            connection.connection.commit()
            connection.invalidate()

    return run


@pytest.fixture
def entries_of(db):
    """All entries of a statement."""
    return lambda actor, found: [entry for page in statements.entries(db, actor, found) for entry in page]


@pytest.fixture
def plans(db):
    """`plans(words, work)` is how the database carries out those statements of a reading that have these words."""

    def of(words, work):
        seen = []

        def note(_connection, _cursor, statement, parameters, *_):
            if words in statement:
                seen.append((statement, parameters))

        event.listen(db.reading, "before_cursor_execute", note)
        try:
            db.read(work)
        finally:
            event.remove(db.reading, "before_cursor_execute", note)
        explain = "EXPLAIN QUERY PLAN" if db.embedded else "EXPLAIN"
        with db.reading.connect() as connection:
            return [
                " ".join(map(str, row))
                for statement, parameters in seen
                for row in connection.exec_driver_sql(f"{explain} {statement}", parameters)
            ]

    return of
