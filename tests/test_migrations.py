"""The migrations make exactly what the models say, and can be taken back, on both engines."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import event, inspect, text
from sqlmodel import SQLModel

import bank_app.models  # noqa: F401 - fills SQLModel.metadata
from alembic import command
from bank_app import errors, schema
from bank_app.database import Database, upgrade_schema
from bank_app.schema import migrations
from bank_app.services import auth
from bank_app.settings import load

SCHEMA = "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY name"


@pytest.fixture
def empty(engine, request, tmp_path):
    """A database without a table."""
    url = f"sqlite:///{tmp_path / 'empty.sqlite3'}"
    if engine == "mariadb":
        url = request.getfixturevalue("mariadb_server").make_database("bank_migrations")
    database = Database(load(database_url=url, data=tmp_path))
    yield database
    database.dispose()


@pytest.fixture
def mariadb_empty(mariadb_server, tmp_path):
    """`empty`, on MariaDB only."""
    database = Database(load(database_url=mariadb_server.make_database("bank_migrations"), data=tmp_path))
    yield database
    database.dispose()


def run(database, direction, revision):
    config = migrations()
    with database.writing.connect() as connection:
        config.attributes["connection"] = connection
        direction(config, revision)
        connection.commit()


def differences(database):
    with database.reading.connect() as connection:
        return compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), SQLModel.metadata)


def objects(database):
    """Every table and trigger with the statement that makes it."""
    with database.reading.connect() as connection:
        if database.embedded:
            return dict(map(tuple, connection.execute(text(SCHEMA))))
        found = {}
        for kind, listing in (("TABLE", "SHOW TABLES"), ("TRIGGER", "SHOW TRIGGERS")):
            for name, *_ in connection.execute(text(listing)).all():
                index = 1 if kind == "TABLE" else 2
                found[name] = connection.execute(text(f"SHOW CREATE {kind} {name}")).one()[index]
        return found


def test_up_down_and_up_again_makes_the_same_schema(empty):
    run(empty, command.upgrade, "head")
    first = objects(empty)
    assert {"accounts", "postings", "postings_no_update", "accounts_guard"} <= first.keys()
    run(empty, command.downgrade, "base")
    assert objects(empty).keys() == {"alembic_version"}
    run(empty, command.upgrade, "head")
    assert objects(empty) == first


def test_the_models_are_what_the_migrations_make(empty):
    empty.upgrade_schema()
    assert differences(empty) == []


def test_every_check_of_the_models_is_in_the_database(empty):
    empty.upgrade_schema()
    with empty.reading.connect() as connection:
        inspector = inspect(connection)
        for name, table in SQLModel.metadata.tables.items():
            wanted = {c.name for c in table.constraints if c.name and "CheckConstraint" in type(c).__name__}
            assert {check["name"] for check in inspector.get_check_constraints(name)} == wanted


def test_a_schema_is_current_only_after_its_migrations(empty):
    assert not empty.schema_is_current()
    upgrade_schema(empty.settings)
    assert empty.schema_is_current()
    empty.upgrade_schema()
    assert empty.schema_is_current()


def test_no_foreign_key_changes_rows_behind_the_triggers():
    for table in SQLModel.metadata.tables.values():
        for key in table.foreign_keys:
            assert (key.ondelete, key.onupdate) == (None, None)


def forget_the_upgrade(database):
    """As if it had been killed between its last table and its last trigger."""
    with database.writing.connect() as connection:
        connection.execute(text("DELETE FROM alembic_version"))
        connection.execute(text("DROP TRIGGER accounts_guard"))
        connection.commit()


def test_an_upgrade_that_was_killed_halfway_is_begun_again(empty):
    run(empty, command.upgrade, "head")
    whole = objects(empty)
    run(empty, command.downgrade, "0001")
    forget_the_upgrade(empty)
    run(empty, command.upgrade, "head")
    assert objects(empty).keys() == whole.keys()


@pytest.mark.parametrize(
    "undone", [["DROP TRIGGER holds_guard"], ["DROP TRIGGER holds_guard", "DROP TRIGGER holds_no_delete"]]
)
def test_the_second_upgrade_that_was_killed_halfway_is_begun_again(mariadb_empty, undone):
    """The embedded engine rolls its schema back by itself."""
    run(mariadb_empty, command.upgrade, "head")
    whole = objects(mariadb_empty)
    with mariadb_empty.writing.connect() as connection:
        for statement in ("UPDATE alembic_version SET version_num = '0001'", *undone):
            connection.execute(text(statement))
        connection.commit()
    run(mariadb_empty, command.upgrade, "head")
    assert objects(mariadb_empty).keys() == whole.keys()
    assert differences(mariadb_empty) == []


def test_an_upgrade_keeps_keys_accounts_and_the_triggers_of_a_bank_with_rows(empty):
    run(empty, command.upgrade, "0001")
    person = "INSERT INTO users (id, email, name, password_hash, role, failed_sign_ins, created_at)"
    key = "INSERT INTO idempotency_keys (actor_id, `key`, fingerprint, refusal_code, created_at)"
    when = "'2026-01-01 00:00:00.000000'"
    with empty.writing.connect() as connection:
        connection.execute(text(f"{person} VALUES (x'01', 'a', 'a', 'a', 'customer', 0, {when})"))
        connection.execute(text(f"{key} VALUES ((SELECT id FROM users), 'k', x'02', 'insufficient_funds', {when})"))
        connection.commit()
    guarded = {name for name in objects(empty) if name.startswith("idempotency_keys_no_")}
    run(empty, command.upgrade, "head")
    with empty.reading.connect() as connection:
        rows = connection.execute(text("SELECT refusal_code, hold_id, hold_state FROM idempotency_keys")).all()
    assert rows == [("insufficient_funds", None, None)]
    assert guarded <= objects(empty).keys()
    run(empty, command.downgrade, "0001")
    with empty.reading.connect() as connection:
        assert connection.execute(text("SELECT refusal_code FROM idempotency_keys")).all() == [("insufficient_funds",)]
    assert guarded <= objects(empty).keys()


def test_tables_with_rows_are_never_taken_for_a_beginning(empty):
    run(empty, command.upgrade, "head")
    auth.register(empty, email="ada@bank.test", name="Ada", password="lantern-orchard-48-violin")
    forget_the_upgrade(empty)
    with pytest.raises(errors.DatabaseUnavailable, match="with rows in it"):
        run(empty, command.upgrade, "head")
    assert empty.read(lambda session: auth.find(session, "ada@bank.test")).name == "Ada"


def test_an_upgrade_that_fails_leaves_a_file_as_it_was(tmp_path):
    """All migrations are one unit of work there, so that nobody else comes between two of them."""
    database = Database(load(database_url=f"sqlite:///{tmp_path / 'empty.sqlite3'}", data=tmp_path))

    @event.listens_for(database.writing, "before_cursor_execute")
    def fail(_connection, _cursor, statement, *_rest):
        if "ix_transactions_reference" in statement:
            raise OSError("the power went")

    with pytest.raises(OSError, match="the power went"):
        database.upgrade_schema()
    assert objects(database) == {}
    event.remove(database.writing, "before_cursor_execute", fail)
    database.upgrade_schema()
    assert database.schema_is_current()
    database.dispose()


def test_who_waits_too_long_for_another_that_migrates_is_told(empty, monkeypatch):
    monkeypatch.setattr(schema, "PATIENCE", 0)
    impatient = Database(empty.settings.model_copy(update={"lock_timeout": 0.1}))
    refused = pytest.raises(errors.LockTimeout, match="Another process is migrating")
    with empty.writing.connect() as connection, schema.alone(connection), refused:
        impatient.upgrade_schema()
    impatient.dispose()


def test_a_server_keeps_the_reference_in_the_row(empty):
    """Its index then needs no table to be opened when a node that was killed says how far it had come."""
    empty.upgrade_schema()
    kept = {}
    for revision in ("0006", "head"):
        run(empty, command.downgrade if revision == "0006" else command.upgrade, revision)
        with empty.reading.connect() as connection:
            columns = {column["name"]: column for column in inspect(connection).get_columns("transactions")}
            kept[revision] = columns["reference"]["computed"]["persisted"]
            indexes = {index["name"] for index in inspect(connection).get_indexes("transactions")}
        assert "ix_transactions_reference" in indexes
    assert kept == {"0006": False, "head": not empty.embedded}
