"""The bank served by a database user who cannot take the guards of history away: everything works, and nothing else."""

import re
from contextlib import contextmanager

import pymysql
import pytest
from sqlalchemy import make_url, text

from bank_app import backup, cli, errors, grants, models, schema, server
from bank_app import settings as bank_settings
from bank_app.database import Database
from bank_app.domain.accounting import Role
from bank_app.services import (
    after_restore,
    audit_trail,
    auth,
    first_setup,
    health,
    integrity,
    second_factor,
    sessions,
)
from tests.conftest import PASSWORD, Counter

BANK = "bank_narrow"
WHENCE = {"address": "192.0.2.1", "user_agent": "test"}


@pytest.fixture(scope="module")
def two_users(mariadb_server, tmp_path_factory):
    """The settings of a bank whose users were made with the printed statements, and migrated by one of them."""
    at = f"127.0.0.1:{mariadb_server.port}/{BANK}"
    settings = bank_settings.load(
        data=tmp_path_factory.mktemp("narrow"), rate_limits=False, self_service_cash=True,
        database_url=f"mysql+pymysql://narrow_serves:serves@{at}",
        migration_database_url=f"mysql+pymysql://narrow_migrates:migrates@{at}",
    )  # fmt: skip
    mariadb_server.make_database(BANK)
    with mariadb_server.connect_as_root() as root, root.cursor() as cursor:
        for statement in grants.users(settings, "127.0.0.1"):
            cursor.execute(re.sub("<password of the one who (migrates|serves)>", r"\1", statement))
    with opened(grants.of_migration(settings)) as db:
        db.upgrade_schema()
    assert "no more" in grants.hand_on(settings)
    return settings


@contextmanager
def opened(settings):
    db = Database(settings)
    try:
        yield db
    finally:
        db.dispose()


@pytest.fixture
def narrow(two_users):
    with opened(two_users) as db:
        yield db


def test_everything_that_the_bank_does_can_be_done(narrow, tmp_path):
    db, counter = narrow, Counter(narrow)
    token = first_setup.prepare(db, demo_allowed=False)
    choices = first_setup.Choices("Elm Road", "Kim Novak", "kim@bank.test", PASSWORD, demo=False)
    first_setup.run(db, token, choices)
    ada = first_setup.sign_up(db, email="ada@bank.test", name="Ada Lindqvist", password=PASSWORD)
    ben = auth.register(db, email="ben@bank.test", name="Ben Ito", password=PASSWORD)
    teller = auth.register(db, email="olu@bank.test", name="Olu Adeyemi", password=PASSWORD, role=Role.TELLER)
    # Money, in every kind of movement.
    hers, his = counter.open(ada, "1000.00"), counter.open(ben, "5.00", nickname="Everyday")
    moved = counter.transfer(ada, hers, his, "10.00", key="k")
    assert counter.transfer(ada, hers, his, "10.00", key="k").transaction.id == moved.transaction.id
    counter.reverse(teller, moved)
    counter.withdraw(ada, hers, "1.00")
    counter.capture(ada, counter.hold(ada, hers, "3.00", to=his), "2.00")
    counter.release(ada, counter.hold(ada, hers, "4.00", to=his))
    counter.hold(ada, hers, "5.00", to=his)
    counter.change(teller, hers, overdraft_limit="50.00")
    with pytest.raises(errors.BankError):
        counter.transfer(ada, hers, his, "99999.00", key="refused")
    # Signing in and out.
    browser = auth.open_browser_session(db, email=ada.email, password=PASSWORD, **WHENCE)
    actor = auth.actor_of_cookie(db, browser.token)
    pair = auth.issue_tokens(db, email=ada.email, password=PASSWORD, address="192.0.2.1")
    auth.refresh_tokens(db, refresh_token=pair.refresh_token)
    for email in (ada.email, "nobody@bank.test"):
        with pytest.raises(errors.BankError):
            auth.open_browser_session(db, email=email, password="wrong wrong wrong", **WHENCE)
    second_factor.begin(db, actor, password=PASSWORD)
    db.unit_of_work(lambda session: sessions.end_all_but(session, ben.user_id, None, by=auth.End.BANK))
    assert integrity.check(db).violations == ()
    assert audit_trail.verify(db, None).broken is None
    db.unit_of_work(after_restore.settle)
    assert auth.actor_of_cookie(db, browser.token) is None
    assert backup.back_up(db, tmp_path / "bank.backup").rows["users"] == 4
    assert grants.held(db) == grants.Held((), ())
    assert grants.warning(db) == ""


def test_rows_that_are_forgotten_can_be_deleted_and_others_changed(narrow):
    with narrow.writing.connect() as connection:
        for table, what in grants.changes().items():
            [key, *_] = (column.name for column in models.SQLModel.metadata.tables[table].primary_key)
            connection.execute(text(f"UPDATE {table} SET {key} = {key} WHERE 1 = 0"))
            if "DELETE" in what:
                connection.execute(text(f"DELETE FROM {table} WHERE 1 = 0"))
        connection.rollback()


@pytest.mark.parametrize("table", models.IMMUTABLE_TABLES)
def test_nobody_who_only_serves_changes_history_nor_its_guards(two_users, table):
    url = make_url(two_users.url)
    raw = pymysql.connect(host=url.host, port=url.port, user=url.username, password=url.password, database=BANK)
    with raw, raw.cursor() as cursor:
        for statement in (
            f"DELETE FROM {table} WHERE 1 = 0", f"UPDATE {table} SET created_at = created_at WHERE 1 = 0",
            f"TRUNCATE {table}", f"DROP TABLE {table}", f"ALTER TABLE {table} ADD COLUMN x INT",
            f"DROP TRIGGER {table}_no_delete", f"RENAME TABLE {table} TO gone",
            f"CREATE TRIGGER mine BEFORE INSERT ON {table} FOR EACH ROW SET @a = 1",
            f"REPLACE INTO {table} SELECT * FROM {table} WHERE 1 = 0",
            "DROP PROCEDURE bank_triggers", "CREATE TABLE mine (id INT)", "DELETE FROM users WHERE 1 = 0",
            "DELETE FROM sign_ins WHERE 1 = 0", "UPDATE alembic_version SET version_num = '0'",
        ):  # fmt: skip
            with pytest.raises(pymysql.MySQLError, match="denied"):
                cursor.execute(statement)


def test_who_may_do_more_or_less_is_told(two_users, mariadb_server, narrow):
    as_owner = grants.of_migration(two_users.model_copy(update={"migration_database_url": mariadb_server.url_of(BANK)}))
    with opened(as_owner) as db:
        assert "may do more than serving needs (ALL)" in grants.warning(db)
        assert grants.held(db).lacking == ()
    with mariadb_server.connect_as_root() as root, root.cursor() as cursor:
        for change, sentence in (
            ("GRANT TRIGGER ON bank_narrow.postings TO {}", "more than serving needs (TRIGGER of postings)"),
            ("GRANT DROP ON `bank\\_narrow`.* TO {}", "more than serving needs (DROP)"),
            ("GRANT RELOAD ON *.* TO {}", "more than serving needs (RELOAD)"),
        ):
            cursor.execute(change.format("narrow_serves@127.0.0.1"))
            with opened(two_users) as db:
                assert sentence in grants.warning(db)
            cursor.execute(
                change.replace("GRANT", "REVOKE").replace(" TO ", " FROM ").format("narrow_serves@127.0.0.1")
            )
        cursor.execute("REVOKE UPDATE ON bank_narrow.accounts FROM narrow_serves@127.0.0.1")
        try:
            assert "may not UPDATE of accounts" in grants.warning(narrow)
            assert health._Judged(narrow, ())._user()[0].state is health.State.ACT
        finally:
            cursor.execute("GRANT UPDATE ON bank_narrow.accounts TO narrow_serves@127.0.0.1")
    assert grants.warning(narrow) == ""


def test_migrating_as_the_user_who_serves_says_which_is_missing(two_users, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", two_users.url)
    monkeypatch.setattr(schema, "is_current", lambda _: False)
    with pytest.raises(server.Refused, match=r"denied.*set BANK_MIGRATION_DATABASE_URL"):
        cli.migrate(data=two_users.data)
