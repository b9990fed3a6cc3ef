"""Two users of a database server: one that migrates, and one that serves and cannot take the guards of history away.

What each may do is worked out from the tables. Privileges of a server only add up, so the serving user has nothing on
the whole database but reading and adding rows, and on each table what the code does to its rows besides.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import URL, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import SQLModel

from bank_app import models, schema
from bank_app.database import Database
from bank_app.settings import Settings, is_loopback

MIGRATES, SERVES = "bank_migrate", "bank"
# MySQL locks a row for somebody who may not change it only with LOCK TABLES; MariaDB asks for nothing.
EVERYWHERE = ("SELECT", "INSERT", "LOCK TABLES")
_MIGRATING = (
    *("SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "ALTER", "DROP", "INDEX", "REFERENCES", "TRIGGER"),
    *("LOCK TABLES", "CREATE ROUTINE", "ALTER ROUTINE", "EXECUTE"),
)
# Nothing that is harmful to history; Health shows more with the first two.
_HARMLESS = frozenset(
    {*EVERYWHERE, "PROCESS", "REPLICATION CLIENT", "BINLOG MONITOR", "USAGE", "SHOW VIEW", "SHOW DATABASES", "EXECUTE",
     "CREATE TEMPORARY TABLES"}
)  # fmt: skip
_GRANT = re.compile(r"GRANT (?P<what>.+?) ON (?:TABLE |(?P<routine>PROCEDURE|FUNCTION) )?(?P<where>\S+\.\S+) TO ")


@dataclass(frozen=True, slots=True)
class Held:
    """What the serving user has that it does not need, and what it needs and lacks; a sentence's worth each."""

    more: tuple[str, ...]
    lacking: tuple[str, ...]


def changes() -> Mapping[str, tuple[str, ...]]:
    """What is done to the rows of each table of the bank, besides reading and adding them."""
    kept = {table: ("UPDATE",) for table in SQLModel.metadata.tables if table not in models.IMMUTABLE_TABLES}
    return {
        table: (*privileges, "DELETE") if table in models.FORGOTTEN_TABLES else privileges
        for table, privileges in kept.items()
        if table != models.POSTING_GATE.name
    }


# --- giving them -----------------------------------------------------------------------------------------


def users(settings: Settings, host: str = "") -> list[str]:
    """The statements that an administrator of the server runs once: the database, and two users of it."""
    serving, migrating = make_url(settings.url), make_url(settings.migration_database_url or settings.url)
    host = host or ("localhost" if is_loopback(serving.host or "localhost") else "%")
    database = f"`{serving.database or 'bank'}`"
    serves = f"'{serving.username or SERVES}'@'{host}'"
    name = migrating.username if settings.migration_database_url else MIGRATES
    migrates = f"'{name}'@'{host}'"
    return [
        f"CREATE DATABASE IF NOT EXISTS {database} CHARACTER SET utf8mb4",
        f"CREATE USER IF NOT EXISTS {migrates} IDENTIFIED BY '<password of the one who migrates>'",
        f"GRANT {', '.join(_MIGRATING)} ON {database}.* TO {migrates} WITH GRANT OPTION",
        f"CREATE USER IF NOT EXISTS {serves} IDENTIFIED BY '<password of the one who serves>'",
        f"REVOKE ALL PRIVILEGES, GRANT OPTION FROM {serves}",
        f"GRANT {', '.join(EVERYWHERE)} ON {database}.* TO {serves}",
    ]


def on_tables(database: str, serves: str) -> list[str]:
    """The statements that give the serving user what it needs of each table, once the tables are there."""
    given = [f"GRANT {', '.join(what)} ON `{database}`.`{table}` TO {serves}" for table, what in changes().items()]
    return [*given, f"GRANT EXECUTE ON PROCEDURE `{database}`.`{schema.TRIGGERS}` TO {serves}"]


def hand_on(settings: Settings) -> str:
    """Has the migrating user give the serving one what it needs of the tables as they are now.

    Returns:
        What came of it, a sentence; empty where one user does both.
    """
    serving, migrating = make_url(settings.url), make_url(settings.migration_database_url or settings.url)
    if serving.username == migrating.username:
        return ""
    served, migrated = Database(settings), Database(of_migration(settings))
    try:
        with served.reading.connect() as connection:
            user, host = str(connection.execute(text("SELECT CURRENT_USER()")).scalar_one()).rsplit("@", 1)
        with migrated.writing.connect() as connection:
            for statement in on_tables(serving.database or "", f"'{user}'@'{host}'"):
                connection.exec_driver_sql(statement.replace("%", "%%"))
    except DBAPIError as error:
        return (
            f"What {serving.username} may do could not be given ({str(error.orig)[:200]}): run what ./bank grants "
            "prints as an administrator of the server, and then migrate again."
        )
    finally:
        served.dispose()
        migrated.dispose()
    return f"{user}@{host} may do what serving needs and no more."


def of_migration(settings: Settings) -> Settings:
    """The settings as the user has them who migrates, if there is one."""
    if not settings.migration_database_url:
        return settings
    # Not a copy: it would remember the addresses of the other.
    return Settings.model_validate({**settings.model_dump(), "database_url": settings.migration_database_url})


# --- looking at them -------------------------------------------------------------------------------------


def held(db: Database) -> Held | None:
    """What the user of `db` may do, against what serving needs; None on the embedded engine, which has no users.

    Privileges that come by a role are not told by every server: then nothing is called lacking.
    """
    if db.embedded:
        return None
    with db.reading.connect() as connection:
        lines = [str(row[0]) for row in connection.exec_driver_sql("SHOW GRANTS")]
    by_place = dict(_places(lines, db.url))
    everywhere = by_place.get("*", set())
    more = sorted(everywhere - _HARMLESS)
    needed, here = changes(), {table: everywhere | by_place.get(table, set()) for table in SQLModel.metadata.tables}
    if not more:
        more = [
            f"{what} of {table}"
            for table, has in here.items()
            for what in sorted(has - _HARMLESS - set(needed.get(table, ())))
        ]
    lacking = [f"{what} of {table}" for table, whats in needed.items() for what in whats if not _has(here[table], what)]
    if any(" ON " not in line for line in lines):
        lacking = []
    return Held(tuple(more), tuple(lacking))


def warning(db: Database) -> str:
    """The sentence about a user that may do more than serving needs, or less; empty where all is well."""
    found = held(db)
    if found and found.lacking:
        return (
            f"The database user may not {_few(found.lacking)}, which serving needs: run ./bank migrate with "
            "BANK_MIGRATION_DATABASE_URL, or what ./bank grants prints."
        )
    if found and found.more:
        return (
            f"The database user may do more than serving needs ({_few(found.more)}), so whoever takes the bank over "
            "could take away what protects history: give it less with ./bank grants."
        )
    return ""


def _places(lines: list[str], url: URL) -> Iterator[tuple[str, set[str]]]:
    """What is granted on all tables of the bank's database (`*`) and on each."""
    found: dict[str, set[str]] = {}
    for line in lines:
        match = _GRANT.match(line)
        if not match or match["routine"]:
            continue
        database, _, table = match["where"].rpartition(".")
        if database != "*" and not _pattern(database.strip("`")).fullmatch(url.database or ""):
            continue
        place = "*" if table == "*" else table.strip("`")
        # A column's is as good as none for us, and none that history has to fear.
        words = re.sub(r"\([^)]*\)", "", match["what"]).replace("ALL PRIVILEGES", "ALL").split(",")
        found.setdefault(place, set()).update(word.strip() for word in words)
        if "WITH GRANT OPTION" in line:
            found[place].add("GRANT OPTION")
    yield from found.items()


def _pattern(database: str) -> re.Pattern[str]:
    """A database is named by a pattern, such as `bank%`; a backslash takes the meaning from what follows."""
    parts = {"%": ".*", "_": "."}
    found = re.findall(r"\\?.", database)
    return re.compile("".join(parts.get(one, re.escape(one[-1])) for one in found))


def _has(privileges: set[str], what: str) -> bool:
    return what in privileges or "ALL" in privileges


def _few(names: tuple[str, ...]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
